//! How is a stranger's text made harmless in a tracker that renders Markdown?
//!
//! Code is the one place where GitHub and GitLab resolve neither mentions nor references, keywords,
//! links, images or HTML; so all of it goes into code, behind a fence longer than any run of
//! backticks in it. Characters that change how text looks without being seen are taken out or
//! shown.

use crate::model::report::fields::Value;
use regex::Regex;
use std::sync::LazyLock;

static OWN_MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:<!--\s*/?\s*)?sealdesk\s*:\s*[a-z-]*\s*:?\s*[0-9a-f]{8,}|<!--\s*/?\s*sealdesk[^>\n]*>?",
    )
    .expect("a constant pattern")
});

/// GitLab's merge requests, epics, milestones, labels and snippets, which it resolves in titles too.
static GITLAB_REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([!&%~$])(["\w])"#).expect("a constant pattern"));

/// A fenced block.
pub(super) fn fenced(text: &str) -> String {
    let clean = visible(text);
    let fence = "`".repeat(longest_run(&clean).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", clean.trim_end_matches('\n'))
}

/// A code span, for one line.
pub(super) fn span(text: &str) -> String {
    let line = visible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\u{2502}");
    let ticks = "`".repeat(longest_run(&line) + 1);
    if line.is_empty() {
        "—".to_owned()
    } else {
        format!("{ticks} {line} {ticks}")
    }
}

/// Code spans with commas between.
pub(super) fn spans(texts: &[String]) -> String {
    let spans: Vec<String> = texts.iter().map(|text| span(text)).collect();
    spans.join(", ")
}

/// The value of a field, where Markdown is rendered; empty where it is not known.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::List(texts) | Value::Lines(texts) => spans(texts),
        Value::Chosen { phrase, .. } => phrase.clone(),
    }
}

/// One line for a title, where no code can stand: what could be resolved is written with
/// look-alikes.
pub(super) fn title(text: &str) -> String {
    let line = visible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let line = line
        .chars()
        .map(|c| match c {
            '@' => '\u{FF20}',
            '#' => '\u{FF03}',
            '<' => '\u{2039}',
            '>' => '\u{203A}',
            '[' => '(',
            ']' => ')',
            '`' => '\'',
            other => other,
        })
        .collect::<String>()
        .replace("://", ":\u{2215}\u{2215}");
    GITLAB_REFERENCE
        .replace_all(&line, |found: &regex::Captures<'_>| {
            let mark = match &found[1] {
                "!" => '\u{FF01}',
                "&" => '\u{FF06}',
                "%" => '\u{FF05}',
                "~" => '\u{223C}',
                _ => '\u{FF04}',
            };
            format!("{mark}{}", &found[2])
        })
        .into_owned()
}

/// Takes out controls, bidi and zero-width characters, and anything that could pass for our marker.
pub(super) fn visible(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'))
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{FFFD}' } else { c })
        .collect();
    OWN_MARK.replace_all(&shown, "(mark removed)").into_owned()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_run_inside() {
        let text = "a\n```\n@admin fixes #1 ![x](http://evil)\n`````\n<img src=x>";
        let block = fenced(text);
        assert!(block.starts_with("``````text\n") && block.ends_with("\n``````\n"));
    }

    #[test]
    fn what_is_invisible_or_ours_is_taken_out() {
        assert_eq!(span("a\u{202E}b\u{200B}c"), "` abc `");
        assert!(
            !fenced("x <!-- sealdesk:0123456789abcdef0123456789abcdef -->")
                .contains("0123456789abcdef")
        );
        for mark in [
            "<!-- sealdesk:view -->",
            "<!-- /sealdesk:view -->",
            "<!--/SEALDESK:x",
        ] {
            assert!(!fenced(mark).to_lowercase().contains("sealdesk"), "{mark}");
        }
        assert_eq!(span("a `` b | c"), "``` a `` b \u{2502} c ```");
    }

    #[test]
    fn a_title_calls_and_links_nobody() {
        let shown = title("hi @root see #12 <b> [x](https://e) !1 &2 %\"m\" ~bug $4");
        assert!(
            !shown.contains(['@', '#', '<', '[', '!', '&', '%', '~', '$'])
                && !shown.contains("://"),
            "{shown}"
        );
        assert_eq!(title("100 % of A & B!"), "100 % of A & B!");
    }
}
