//! Does the letter report more than one vulnerability? Their titles, for a responder who splits the
//! case.

use super::patterns;

/// Vulnerabilities that one letter may list.
const PARTS_MAX: usize = 20;

patterns! {
    // "Vulnerability 1: XSS in search", "## Finding #2 - …", "Issue A) …".
    LABELLED = r"(?im)^ {0,3}(?:[#*_=\-\[( ]{0,6})(?:vulnerability|issue|finding|bug|problem|vuln|flaw|item|schwachstelle|faille|advisory)\s*(?:#|no\.?|nr\.?)?\s*(\d{1,2}|[A-H]|[IVX]{1,4})\s*[\])*_]{0,3}\s*(?:[:.)\-–—]+|\bis\b|$)\s*(.{0,160})$";
    // "1) Stored XSS in …", on a line of its own that a paragraph follows.
    NUMBERED = r"(?m)^ {0,3}(?:#{1,4} +)?(?:\*\*)?[\[(]?(\d{1,2})[\])./:]+ +(\S.{3,140})$";
    COUNTED = r"(?i)\b(two|three|four|five|2|3|4|5)\b[^.\n]{0,40}\b(separate|different|distinct|independent|unrelated)?\s*(vulnerabilities|issues|bugs|flaws|problems|findings)\b";
    WEAKNESS = r"(?i)\b(xss|injection|overflow|traversal|bypass|ssrf|csrf|xxe|disclosure|leak|escalation|rce|execution|dos|denial|redirect|free|out[- ]of[- ]bounds|read|write|deseriali\w+|race|pollution|smuggling|idor|missing|hard-?coded|dereference|confusion|exposure|forgery|scripting|authori[sz]ation|upload|takeover|fixation|crash|recursion|loop|bomb)\b";
}

/// The titles, where there are at least two.
pub(super) fn titles(text: &str) -> Vec<String> {
    let labelled: Vec<(String, String)> = LABELLED
        .captures_iter(text)
        .map(|c| (c[1].to_uppercase(), title(&c[2])))
        .collect();
    if let Some(found) = consecutive(&labelled) {
        return found;
    }
    // Numbered headings count only where the letter says that there are several, and each names a
    // weakness.
    if COUNTED.is_match(text) {
        let numbered: Vec<(String, String)> = NUMBERED
            .captures_iter(text)
            .filter(|c| WEAKNESS.is_match(&c[2]) || !super::weakness::named(&c[2]).is_empty())
            .map(|c| (c[1].to_owned(), title(&c[2])))
            .collect();
        if let Some(found) = consecutive(&numbered) {
            return found;
        }
    }
    Vec::new()
}

/// Labels that count up from the first: `1, 2`, `A, B`, `I, II`.
fn consecutive(found: &[(String, String)]) -> Option<Vec<String>> {
    let sequences: [&[&str]; 3] = [
        &[
            "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
            "17", "18", "19", "20",
        ],
        &["A", "B", "C", "D", "E", "F", "G", "H"],
        &["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"],
    ];
    sequences.iter().find_map(|sequence| {
        let mut titles: Vec<String> = Vec::new();
        for (label, title) in found {
            if sequence.get(titles.len()).is_some_and(|next| next == label)
                && titles.len() < PARTS_MAX
            {
                titles.push(title.clone());
            }
        }
        (titles.len() >= 2).then_some(titles)
    })
}

fn title(text: &str) -> String {
    let text = text
        .trim()
        .trim_matches(['*', '_', '#', '-', '=', ':', ' ']);
    text.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_vulnerabilities_are_told_from_steps() {
        assert_eq!(
            titles("## Issue 1: XSS in search\ntext\n\n## Issue 2: SSRF in fetch\ntext"),
            ["XSS in search", "SSRF in fetch"]
        );
        assert_eq!(
            titles(
                "I found two separate issues.\n\n1) Stored XSS in names\n\nblah\n\n2) Path \
                 traversal in files\n\nblah"
            ),
            ["Stored XSS in names", "Path traversal in files"]
        );
        assert_eq!(
            titles("Steps:\n1. Open the page with the XSS\n2. Look at the leak"),
            Vec::<String>::new()
        );
    }
}
