//! What did somebody fill in of a form? Which box is ticked, and which text is the form's own.

use std::ops::Range;

const TICKED: [&str; 10] = ["[x]", "[X]", "(x)", "(X)", "☑", "☒", "✔", "■", "●", "◉"];
const EMPTY: [&str; 7] = ["[ ]", "( )", "[]", "☐", "□", "○", "◯"];

/// What stands after the box that is ticked, up to the next box; none where there are no boxes, or
/// more than one is ticked.
pub(super) fn chosen(text: &str) -> Option<Range<usize>> {
    let (at, mark) = first_of(text, &TICKED)?;
    let from = at + mark.len();
    let rest = &text[from..];
    if first_of(rest, &TICKED).is_some() {
        return None;
    }
    let end = first_of(rest, &EMPTY).map_or(rest.len(), |(end, _)| end);
    Some(from..from + end)
}

/// `[short title]`, `_Step by step_`: what a form says is to be written, and nobody replaced.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(['[', '<', '_', '（', '【']) && text.ends_with([']', '>', '_', '）', '】'])
}

fn first_of<'m>(text: &str, marks: &[&'m str]) -> Option<(usize, &'m str)> {
    let found = marks
        .iter()
        .filter_map(|mark| Some((text.find(mark)?, *mark)));
    found.min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticked_box_is_the_answer() {
        for (text, expected) in [
            ("[ ] Sim [x] Não", Some(" Não")),
            ("□緊急 □重要 ■警告 □注意", Some("警告 ")),
            ("☑中危", Some("中危")),
            ("[x] yes [x] no", None),
            ("no boxes", None),
        ] {
            assert_eq!(chosen(text).map(|range| &text[range]), expected, "{text}");
        }
    }
}
