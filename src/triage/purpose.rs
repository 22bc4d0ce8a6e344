//! What does a letter want that reports nothing? It asks, chases, thanks, applies or complains.
//!
//! A letter that shows a finding is a report, whatever else it says.

use super::lexicon::Concept;
use super::units::{Unit, UnitKind};
use crate::model::report::Class;

/// A letter that only chases or thanks is short.
const SENTENCES_MAX: usize = 14;

/// What the words of a letter want; none where they may report something. `shown`: it says how to
/// reproduce a finding; `evident`: it names affected versions or a weakness.
pub(super) fn purpose(
    subject: &[Unit],
    text: &[Unit],
    shown: bool,
    evident: bool,
) -> Option<Class> {
    let words = || subject.iter().chain(text).filter(|unit| is_own(unit));
    let has = |concept| words().any(|unit| says(unit, concept));
    let in_head = |concept| words().take(HEAD_UNITS).any(|unit| says(unit, concept));
    if in_head(Concept::Retracts) {
        return Some(Class::Retraction);
    }
    let finds =
        words().any(|unit| says(unit, Concept::Finds) && says(unit, Concept::Vulnerability));
    if finds {
        return None;
    }
    // Whoever applies may number what they offer.
    if has(Concept::JoinsList) {
        return Some(Class::Application);
    }
    if shown {
        return None;
    }
    let asks =
        words().any(|unit| unit.text.ends_with(['?', '？', '吗']) || says(unit, Concept::Asks));
    let is_short = text.iter().filter(|unit| is_own(unit)).count() <= SENTENCES_MAX;
    let rows = [
        (in_head(Concept::Abuse) && !evident, Class::Abuse),
        (has(Concept::AsksBounty) && asks, Class::BountyQuestion),
        (has(Concept::Chases) && is_short && !evident, Class::Chaser),
        (has(Concept::Asks) && asks, Class::Question),
        (has(Concept::Thanks) && is_short, Class::Thanks),
        (has(Concept::Business) && !evident, Class::Business),
    ];
    rows.into_iter().find(|(is, _)| *is).map(|(_, class)| class)
}

/// So many units at a letter's head say what it is about.
const HEAD_UNITS: usize = 6;

fn is_own(unit: &Unit) -> bool {
    unit.depth == 0 && !matches!(unit.kind, UnitKind::Code | UnitKind::Signature)
}

fn says(unit: &Unit, concept: Concept) -> bool {
    unit.said.iter().any(|said| said.concept == concept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::fields::LetterKeys;
    use crate::triage::units::units;

    #[test]
    fn letters_that_report_nothing_say_what_they_want() {
        for (subject, text, expected) in [
            (
                "scanner finding",
                "Our scanner flags CVE-2021-44228 in your image. Is that a false positive?",
                Some(Class::Question),
            ),
            (
                "Re: XSS",
                "Any update on this? I have not heard from you.",
                Some(Class::Chaser),
            ),
            (
                "Re: XSS",
                "Please ignore this one, my mistake.",
                Some(Class::Retraction),
            ),
            (
                "Thanks",
                "Thank you for fixing it so soon!",
                Some(Class::Thanks),
            ),
            (
                "bounty",
                "Hi, do you have a bug bounty program?",
                Some(Class::BountyQuestion),
            ),
            (
                "Invoice 2026-11",
                "Please find our invoice attached.",
                Some(Class::Business),
            ),
            (
                "Phishing",
                "A phishing page is hosted on your pages service.",
                Some(Class::Abuse),
            ),
            (
                "list",
                "Please add security@linux.example to your pre-announcement list.",
                Some(Class::Application),
            ),
            ("发票", "请问能否重开发票？", Some(Class::Business)),
            // Whatever else it says, it reports.
            (
                "XSS",
                "I found a vulnerability in your search. Is there a bounty? Any update is welcome.",
                None,
            ),
            ("crash", "An attacker can crash it.", None),
        ] {
            let found = purpose(
                &units(subject, &LetterKeys),
                &units(text, &LetterKeys),
                false,
                false,
            );
            assert_eq!(found, expected, "{subject}: {text}");
        }
    }
}
