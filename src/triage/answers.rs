//! Is it exploited, who else was told, and is credit wanted, in the words of eight languages? Asked
//! where the fields and the English patterns of `circumstances` say nothing.

use super::lexicon::{Concept, Said};
use super::units::{Unit, head_of};
use crate::model::report::CreditWish;

/// Whether it is exploited: something that happened, and nothing that could.
pub(super) fn exploited(units: &[Unit]) -> Option<bool> {
    first(units, |units, at| {
        let unit = &units[at];
        if let Some(answer) = answered(units, at, Concept::Exploited) {
            return Some(answer);
        }
        let seen = says(unit, Concept::SeenAttacks);
        let in_wild = says(unit, Concept::Exploited) && says(unit, Concept::Wild);
        if !seen && !in_wild || says(unit, Concept::If) {
            return None;
        }
        Some(!says(unit, Concept::Not))
    })
}

/// Whether somebody beside us and the writer's own people was told.
pub(super) fn others_told(units: &[Unit]) -> Option<bool> {
    first(units, |units, at| {
        let unit = &units[at];
        if let Some(answer) = answered(units, at, Concept::Told) {
            return Some(answer);
        }
        if says(unit, Concept::Nobody) {
            return Some(false);
        }
        let told = says(unit, Concept::Told) && says(unit, Concept::Others);
        if !told || says(unit, Concept::Will) || says(unit, Concept::If) {
            return None;
        }
        Some(!says(unit, Concept::Not))
    })
}

/// Whether the writer wants to be named.
pub(super) fn credit(units: &[Unit]) -> Option<CreditWish> {
    first(units, |units, at| {
        let unit = &units[at];
        let in_head = head_of(units, at).is_some_and(|(_, said)| has(said, Concept::Credit));
        let speaks = in_head || says(unit, Concept::Credit);
        if says(unit, Concept::NoCredit) {
            Some(CreditWish::Declined)
        } else if speaks && says(unit, Concept::Anonymous) {
            Some(CreditWish::Anonymous)
        } else if speaks && (in_head || says(unit, Concept::Please)) && !says(unit, Concept::Not) {
            Some(CreditWish::Wanted)
        } else {
            None
        }
    })
}

/// The first unit of the writer's own that says it. A question says nothing.
fn first<T>(units: &[Unit], read: impl Fn(&[Unit], usize) -> Option<T>) -> Option<T> {
    let own = (0..units.len()).filter(|at| {
        let unit = &units[*at];
        unit.depth == 0 && !unit.text.ends_with(['?', '？']) && !says(unit, Concept::Footer)
    });
    own.into_iter().find_map(|at| read(units, at))
}

/// What follows a key or a question about a concept, where it begins with yes or no.
fn answered(units: &[Unit], at: usize, about: Concept) -> Option<bool> {
    let (_, head) = head_of(units, at)?;
    if !has(head, about) {
        return None;
    }
    let begins = |concept| {
        let mut said = units[at].said.iter();
        said.any(|s| s.concept == concept && s.range.start == 0)
    };
    match (begins(Concept::Yes), begins(Concept::No)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

fn says(unit: &Unit, concept: Concept) -> bool {
    has(&unit.said, concept)
}

fn has(said: &[Said], concept: Concept) -> bool {
    said.iter().any(|s| s.concept == concept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::fields::LetterKeys;
    use crate::triage::units::units;

    #[test]
    fn answers_are_read_in_other_languages() {
        let read = |text: &str| units(text, &LetterKeys);
        for (text, expected) in [
            ("利用情况: 暂未发现在野利用", Some(false)),
            ("我们的蜜罐捕获到攻击流量。", Some(true)),
            (
                "Authentication is not required to exploit this vulnerability.",
                None,
            ),
            (
                "We might publish earlier if it gets exploited in the wild.",
                None,
            ),
        ] {
            assert_eq!(exploited(&read(text)), expected, "{text}");
        }
        for (text, expected) in [
            ("También hemos avisado a otros fabricantes.", Some(true)),
            ("No lo he contado a nadie más.", Some(false)),
            (
                "本件は JPCERT/CC 様にはまだ届け出ておりません。",
                Some(false),
            ),
            ("I sent email to my email at home.", None),
        ] {
            assert_eq!(others_told(&read(text)), expected, "{text}");
        }
        for (text, expected) in [
            (
                "Указывать меня в благодарностях не нужно.",
                Some(CreditWish::Declined),
            ),
            (
                "謝辞には本人の氏名をお願いいたします。",
                Some(CreditWish::Wanted),
            ),
            ("It rejects anonymous writes without mentioning it.", None),
        ] {
            assert_eq!(credit(&read(text)), expected, "{text}");
        }
    }
}
