//! How severe is it said to be, and how is it reproduced?

use super::{STEPS_CHARACTERS_MAX, SUBJECT_OCTETS_MAX, SUMMARY_CHARACTERS_MAX, cut, first};
use crate::model::cvss;
use crate::triage::fields::LetterField;
use crate::triage::report::COMMAND;
use crate::triage::report::CVSS_VECTOR;
use crate::triage::report::CVSS31_BARE;
use crate::triage::report::NO_STEPS;
use crate::triage::report::NUMBERED;
use crate::triage::report::REPRODUCE;
use crate::triage::report::TRIED;
use crate::triage::sections::Section;

pub(super) fn summary(sections: &[Section], subject: &str, text: &str) -> String {
    let from_section =
        first(sections, LetterField::Summary).map(|t| t.split("\n\n").next().unwrap_or(t));
    let subject = clean_subject(subject);
    let from_text = || {
        text.lines()
            .map(str::trim)
            .find(|l| l.len() > 20 && !l.ends_with(',') && !l.starts_with('#'))
            .unwrap_or_default()
    };
    let chosen = match from_section {
        Some(section) => section,
        None if !subject.is_empty() && subject != "..." => &subject,
        None => from_text(),
    };
    cut(
        &chosen.split_whitespace().collect::<Vec<_>>().join(" "),
        SUMMARY_CHARACTERS_MAX,
    )
}

/// The subject without the marks of replying, forwarding and lists.
pub(in crate::triage) fn clean_subject(subject: &str) -> String {
    let mut rest = subject[..subject.floor_char_boundary(SUBJECT_OCTETS_MAX)].trim();
    loop {
        let begins = |mark: &&str| {
            rest.get(..mark.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(mark))
        };
        let mark = [
            "re:",
            "fwd:",
            "fw:",
            "aw:",
            "wg:",
            "[security]",
            "[ext]",
            "[external]",
        ]
        .into_iter()
        .find(begins);
        match mark {
            Some(mark) => rest = rest[mark.len()..].trim_start(),
            None => return rest.to_owned(),
        }
    }
}

pub(super) fn cvss(text: &str) -> Option<String> {
    let bare = CVSS31_BARE
        .find(text)
        .map(|m| format!("CVSS:3.1/{}", m.as_str()));
    let candidates = CVSS_VECTOR
        .find_iter(text)
        .map(|m| m.as_str().to_owned())
        .chain(bare);
    candidates.into_iter().find(|v| cvss::rate(v).is_some())
}

pub(super) fn steps(sections: &[Section], text: &str) -> Option<String> {
    if let Some(section) = first(sections, LetterField::Steps) {
        return Some(cut(section, STEPS_CHARACTERS_MAX));
    }
    // A numbered list of two or more, with what is indented or fenced between its items.
    let lines: Vec<&str> = text.lines().collect();
    let items: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| NUMBERED.is_match(l))
        .map(|(i, _)| i)
        .collect();
    if let (Some(from), Some(last), true) = (items.first(), items.last(), items.len() >= 2) {
        let end = lines[*last..]
            .iter()
            .position(|l| l.trim().is_empty())
            .map_or(lines.len(), |n| last + n);
        if last - from < 80 {
            return Some(cut(
                lines[*from..end].join("\n").trim(),
                STEPS_CHARACTERS_MAX,
            ));
        }
    }
    // A paragraph that says how, and the fence or paragraph that it announces.
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let says_how = |p: &str| {
        REPRODUCE.is_match(p)
            && (p.trim().len() > 30 || p.trim_end().ends_with(':'))
            && !NO_STEPS.is_match(p)
    };
    let shows = |p: &str| {
        COMMAND.is_match(p)
            || p.contains("```")
            || (TRIED.is_match(p) && p.len() > 30 && !NO_STEPS.is_match(p))
    };
    let at = paragraphs
        .iter()
        .position(|p| says_how(p))
        .or_else(|| paragraphs.iter().position(|p| shows(p)))?;
    let mut how = paragraphs[at].trim().to_owned();
    if how.ends_with(':') {
        how = format!("{how}\n\n{}", paragraphs.get(at + 1)?.trim());
    }
    Some(cut(&how, STEPS_CHARACTERS_MAX))
}
