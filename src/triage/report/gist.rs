//! What is it called, and how is it rated?

use super::SUBJECT_OCTETS_MAX;
use crate::model::cvss;
use crate::triage::report::CVSS_VECTOR;
use crate::triage::report::CVSS31_BARE;

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
            "tr:",
            "rv:",
            "sv:",
            "res:",
            "enc:",
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
