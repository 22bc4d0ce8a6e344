//! How is the letter divided? Headings and `Key: value` lines, whatever the style.

use super::patterns;

/// The fields that a report may name in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Summary,
    Product,
    Versions,
    Cve,
    Cwe,
    Cvss,
    Severity,
    Steps,
    Disclosure,
    /// A known heading whose text is none of the above.
    Else,
}

/// A stretch of the letter under one heading or key.
#[derive(Debug)]
pub(super) struct Section {
    pub field: Field,
    pub text: String,
}

patterns! {
    HEADING = r"^ {0,3}#{1,6} +(.+?) *#* *$";
    BOLD_ALONE = r"^ {0,3}(?:\*\*|__)(.{1,60}?):?(?:\*\*|__):? *$";
    KEY_VALUE = r"^ {0,3}(?:[-*+] +)?(?:\*\*|__)?([A-Za-z][A-Za-z /()'-]{1,40}?)(?:\*\*|__)? *:(?:\*\*|__)? *(.*)$";
    UNDERLINE = r"^(=+|-{3,}|~{3,}) *$";
}

fn field(name: &str) -> Option<Field> {
    let name = name.trim().trim_end_matches(':').trim_matches('*').to_ascii_lowercase();
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' '));
    let name = name.split(['(', '/']).next().unwrap_or_default().trim();
    Some(match name {
        "summary"
        | "title"
        | "tl;dr"
        | "tldr"
        | "vulnerability"
        | "issue"
        | "vulnerability title"
        | "finding"
        | "vulnerability name"
        | "vulnerability summary"
        | "short description"
        | "overview"
        | "abstract" => Field::Summary,
        "product" | "affected product" | "affected products" | "software" | "package" | "component" | "affected component" | "affected package" | "project"
        | "application" | "app" | "library" | "module" | "repository" | "target" | "plugin" | "product name" | "affected software" => Field::Product,
        "version"
        | "versions"
        | "affected version"
        | "affected versions"
        | "version affected"
        | "versions affected"
        | "vulnerable version"
        | "vulnerable versions"
        | "tested version"
        | "tested versions"
        | "tested on"
        | "affected"
        | "affects"
        | "product version"
        | "software version"
        | "version range"
        | "affected range" => Field::Versions,
        "cve" | "cve id" | "cve ids" | "cves" | "cve-id" => Field::Cve,
        "cwe" | "cwe id" | "cwe ids" | "cwe-id" | "weakness" | "weaknesses" | "vulnerability type" | "bug class" | "class" | "type" | "vulnerability class" => {
            Field::Cwe
        }
        "cvss" | "cvss score" | "cvss vector" | "cvss v3" | "cvss v3.1" | "cvss v4" | "vector" | "vector string" | "cvss string" => Field::Cvss,
        "severity" | "risk" | "severity rating" | "rating" | "criticality" | "severity level" | "risk rating" | "priority" => Field::Severity,
        "steps to reproduce"
        | "steps"
        | "reproduction"
        | "reproduction steps"
        | "how to reproduce"
        | "to reproduce"
        | "poc"
        | "proof of concept"
        | "proof-of-concept"
        | "reproducing"
        | "reproduce"
        | "exploit"
        | "exploitation"
        | "steps for reproduction"
        | "reproducer" => Field::Steps,
        "disclosure"
        | "disclosure plan"
        | "disclosure plans"
        | "disclosure timeline"
        | "disclosure policy"
        | "embargo"
        | "publication"
        | "disclosure date"
        | "timeline"
        | "public disclosure"
        | "planned disclosure" => Field::Disclosure,
        "description"
        | "details"
        | "detail"
        | "technical details"
        | "impact"
        | "background"
        | "analysis"
        | "root cause"
        | "fix"
        | "suggested fix"
        | "mitigation"
        | "remediation"
        | "workaround"
        | "recommendation"
        | "credit"
        | "credits"
        | "references"
        | "reference"
        | "links"
        | "contact"
        | "environment"
        | "introduction"
        | "conclusion"
        | "acknowledgements"
        | "reporter"
        | "attack vector"
        | "prerequisites"
        | "patch"
        | "notes"
        | "vulnerability details"
        | "vulnerability description"
        | "security impact"
        | "attachments"
        | "not affected"
        | "unaffected"
        | "unaffected versions"
        | "fixed in"
        | "fixed versions"
        | "patched versions"
        | "expected result"
        | "actual result" => Field::Else,
        _ => return None,
    })
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
                // A heading that we don't know ends the section before it; an unknown key is only a line.
                if let Some(section) = heading.map(|field| Section { field, text: value.to_owned() }) {
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

/// `Some((Some(field), value))` for a known heading or key, `Some((None, ""))` for an unknown heading.
fn heading<'a>(line: &'a str, next: Option<&str>) -> Option<(Option<Field>, &'a str)> {
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
    if next.is_some_and(|n| UNDERLINE.is_match(n) && n.trim().len() >= 3) && !line.trim().is_empty() && line.len() < 80 {
        return Some((field(line), ""));
    }
    let c = KEY_VALUE.captures(line)?;
    let known = field(c.get(1)?.as_str())?;
    Some((Some(known), c.get(2)?.as_str().trim().trim_end_matches("**").trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<(Field, String)> {
        sections(text).into_iter().map(|s| (s.field, s.text)).collect()
    }

    #[test]
    fn headings_and_keys_divide_alike() {
        let expected = vec![(Field::Product, "acme".to_owned()), (Field::Steps, "1. a\n2. b".to_owned())];
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
