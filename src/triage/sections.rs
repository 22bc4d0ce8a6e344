//! How is the letter divided? Headings and `Key: value` lines, whatever the style.

use super::fields::{LetterField, asked, field};
use super::patterns;

/// A stretch of the letter under one heading or key.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub field: LetterField,
    pub text: String,
}

patterns! {
    HEADING = r"^ {0,3}#{1,6} +(.+?) *#* *$";
    BOLD_ALONE = r"^ {0,3}(?:\*\*|__)(.{1,60}?):?(?:\*\*|__):? *$";
    // "8. Credit. Yes please: …"
    NUMBERED_NAME = r"^ {0,3}\d{1,2}[.)] +([A-Z][A-Za-z ]{2,30})[.] +(\S.*)$";
    KEY_VALUE = r"^ {0,3}(?:[-*+] +|\d{1,2}[.)] +)?(?:\*\*|__)?([A-Za-zÀ-ÿА-яЁё一-龥ぁ-んァ-ヶ][A-Za-zÀ-ÿА-яЁё一-龥ぁ-んァ-ヶー /(),'_-]{1,40}?)(?:\*\*|__)?[ .]*[:：](?:\*\*|__)? *(.*)$";
    QUESTION = r"^ {0,3}(?:[-*+>] +|Q?\d{0,2}[.):] *)?(?:\*\*|__|#+ *)?([A-Za-z][^?:\n]{4,120}\?)(?:\*\*|__)?:? *(.*)$";
    UNDERLINE = r"^(=+|-{3,}|~{3,}) *$";
}

/// Divides a text. Lines before the first heading are not in any section.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found: Vec<Section> = Vec::new();
    let mut fenced = false;
    let mut open = false;
    for (i, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced {
            if let Some((heading, value)) = heading(line, lines.get(i + 1).copied()) {
                // A heading that we don't know ends the section before it; an unknown key is only a
                // line.
                if let Some(section) = heading.map(|field| Section {
                    field,
                    text: value.to_owned(),
                }) {
                    found.push(section);
                    open = true;
                } else {
                    open = false;
                }
                continue;
            }
            if UNDERLINE.is_match(line) && i > 0 && !lines[i - 1].trim().is_empty() {
                continue;
            }
        }
        if let Some(last) = found.last_mut().filter(|_| open) {
            last.text.push('\n');
            last.text.push_str(line);
        }
    }
    for section in &mut found {
        section.text = section.text.trim().to_owned();
    }
    found
}

/// `Some((Some(field), value))` for a known heading or key, `Some((None, ""))` for an unknown
/// heading.
fn heading<'a>(line: &'a str, next: Option<&str>) -> Option<(Option<LetterField>, &'a str)> {
    if let Some(c) = HEADING.captures(line) {
        let name = c.get(1)?.as_str();
        // `## Summary: XSS in search` is heading and value at once.
        if let Some((key, value)) = name.split_once(':')
            && let Some(known) = field(key)
        {
            return Some((Some(known), value.trim()));
        }
        return Some((field(name), ""));
    }
    if let Some(c) = BOLD_ALONE.captures(line) {
        return Some((field(c.get(1)?.as_str()), "")).filter(|(f, _)| f.is_some());
    }
    if next.is_some_and(|n| UNDERLINE.is_match(n) && n.trim().len() >= 3)
        && !line.trim().is_empty()
        && line.len() < 80
    {
        return Some((field(line), ""));
    }
    if let Some(c) = KEY_VALUE.captures(line)
        && let Some(known) = field(&c[1])
    {
        return Some((
            Some(known),
            c.get(2)?.as_str().trim().trim_end_matches("**").trim(),
        ));
    }
    if let Some(c) = NUMBERED_NAME.captures(line)
        && let Some(known) = field(&c[1])
    {
        return Some((Some(known), c.get(2)?.as_str().trim()));
    }
    let c = QUESTION.captures(line)?;
    let known = asked(&c[1])?;
    Some((Some(known), c.get(2)?.as_str().trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(LetterField, String)> {
        sections(text)
            .into_iter()
            .map(|s| (s.field, s.text))
            .collect()
    }

    #[test]
    fn headings_and_keys_divide_alike() {
        let expected = vec![
            (LetterField::Product, "acme".to_owned()),
            (LetterField::Steps, "1. a\n2. b".to_owned()),
        ];
        for text in [
            "# Product\nacme\n\n## Steps to reproduce\n\n1. a\n2. b\n",
            "Product: acme\nSteps to reproduce:\n1. a\n2. b\n",
            "**Product:** acme\n**Steps to Reproduce**\n1. a\n2. b",
            "Product\n-------\nacme\n\nSteps to reproduce\n==================\n1. a\n2. b",
        ] {
            assert_eq!(fields(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_inside_a_code_fence_is_code() {
        assert_eq!(fields("# PoC\n```\nVersion: 1\n```\n").len(), 1);
    }
}
