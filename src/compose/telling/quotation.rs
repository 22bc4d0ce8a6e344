//! Which lines of a letter repeat another one? Long quotations, to be folded where a letter is shown.

/// Quotations of fewer lines are shown.
const FOLDED_LINES_MIN: usize = 4;

/// A part of a letter's text as it is shown.
#[derive(Debug, PartialEq)]
pub enum TextPart<'a> {
    Line(&'a str),
    /// The lines of a long quotation.
    Quotation(Vec<&'a str>),
}

/// The lines of a text; long quotations are told apart where they are to be. Empty lines inside a
/// quotation are part of it.
pub fn text_parts(text: &str, folds: bool) -> Vec<TextPart<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_quoted = |line: &str| line.trim_start().starts_with('>');
    let mut parts = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let goes_on = |line: &&&str| is_quoted(line) || line.trim().is_empty();
        let run = if folds && is_quoted(lines[at]) {
            lines[at..].iter().take_while(goes_on).count()
        } else {
            1
        };
        let behind = lines[at..at + run].iter().rev();
        let number = run - behind.take_while(|line| line.trim().is_empty()).count();
        let number = number.max(1);
        let these = &lines[at..at + number];
        if number >= FOLDED_LINES_MIN {
            parts.push(TextPart::Quotation(these.to_vec()));
        } else {
            parts.extend(these.iter().map(|line| TextPart::Line(line)));
        }
        at += number;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_quotation_is_told_apart() {
        let text = "Yes.\n\n> one\n>> two\n\n> three\n> four\n\nAnd\n> short\nagain\n";
        let folded = [
            TextPart::Line("Yes."),
            TextPart::Line(""),
            TextPart::Quotation(vec!["> one", ">> two", "", "> three", "> four"]),
            TextPart::Line(""),
            TextPart::Line("And"),
            TextPart::Line("> short"),
            TextPart::Line("again"),
        ];
        assert_eq!(text_parts(text, true), folded);
        assert_eq!(text_parts(text, false).len(), text.lines().count());
        let long = "> x\n".repeat(100_000);
        let parts = text_parts(&long, true);
        assert!(matches!(&parts[..], [TextPart::Quotation(lines)] if lines.len() == 100_000));
        let gaps = "> x\n\n\nword\n".repeat(10_000);
        assert_eq!(text_parts(&gaps, true).len(), 40_000);
    }
}
