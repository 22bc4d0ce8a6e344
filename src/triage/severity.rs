//! How severe does the letter call it? By a field, beside a word for severity, or of the
//! vulnerability itself.

use super::lexicon::{Concept, Said, concepts};
use super::units::{Unit, UnitKind, head_of};
use std::ops::Range;

/// A rating in the writer's words, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeverityClaim {
    pub rating: &'static str,
    pub unit: usize,
    pub range: Range<usize>,
}

/// A form that nobody filled in names at least so many ratings.
const RATINGS_OF_PLACEHOLDER: usize = 3;

/// Between a rating and the word that it belongs to stand at most so many octets.
const GAP_OCTETS_MAX: usize = 48;

/// The ratings that a letter gives, those of fields first.
pub(super) fn claims(units: &[Unit]) -> Vec<SeverityClaim> {
    let of = |by_key: bool| {
        units.iter().enumerate().filter_map(move |(at, unit)| {
            let reads = unit.kind != UnitKind::Signature && unit.depth == 0;
            let reads = reads && (by_key || unit.kind != UnitKind::Code);
            reads.then(|| claim(units, at, by_key)).flatten()
        })
    };
    of(true).chain(of(false)).collect()
}

fn claim(units: &[Unit], at: usize, by_key: bool) -> Option<SeverityClaim> {
    let unit = &units[at];
    let of_code: Vec<Said>;
    let said = if unit.kind == UnitKind::Code {
        of_code = if is_about_severity(units, at) {
            concepts(&unit.lower)
        } else {
            Vec::new()
        };
        &of_code
    } else {
        &unit.said
    };
    let ratings: Vec<&Said> = said
        .iter()
        .filter(|s| rating(s.concept).is_some())
        .collect();
    let mut kinds: Vec<Concept> = ratings.iter().map(|s| s.concept).collect();
    kinds.sort();
    kinds.dedup();
    if kinds.len() >= RATINGS_OF_PLACEHOLDER {
        return None;
    }
    let rated = if by_key {
        let first = ratings.first().copied();
        first.filter(|_| is_about_severity(units, at))
    } else {
        let belongs = |rating: &&&Said| belongs(&unit.lower, said, rating);
        ratings.iter().find(belongs).copied()
    }?;
    Some(SeverityClaim {
        rating: rating(rated.concept)?,
        unit: at,
        range: rated.range.clone(),
    })
}

/// Whether the key, the column or the heading of a unit is a word for severity.
fn is_about_severity(units: &[Unit], at: usize) -> bool {
    let mut head = head_of(units, at).into_iter().flat_map(|(_, said)| said);
    head.any(|s| s.concept == Concept::SeverityWord)
}

/// Whether a rating stands beside a word for severity, or calls the vulnerability so.
fn belongs(text: &str, said: &[Said], rating: &Said) -> bool {
    let gap = |other: &Said| {
        let (from, to) = if other.range.end <= rating.range.start {
            (other.range.end, rating.range.start)
        } else {
            (rating.range.end.min(other.range.start), other.range.start)
        };
        &text[from..to]
    };
    let is_near = |other: &&Said| {
        let gap = gap(other);
        gap.len() <= GAP_OCTETS_MAX && !gap.contains(['.', ';', '。', '?', '\n'])
    };
    let severities = said.iter().filter(|s| s.concept == Concept::SeverityWord);
    if severities.clone().any(|word| is_near(&word)) {
        return true;
    }
    // "A critical security flaw", "2 critical vulnerabilities": of the others it may say anything.
    let rest = &text[rating.range.end..];
    if rating.range.start == 0 && (rest.is_empty() || rest.starts_with([',', '.'])) {
        return true;
    }
    let calls = rating.concept == Concept::Critical || text[rating.range.clone()].ends_with('危');
    let follows = |noun: &&Said| {
        noun.concept == Concept::Vulnerability
            && (noun.range.start >= rating.range.end || noun.range.end <= rating.range.start)
            && gap(noun).split_whitespace().count() <= 1
            && !gap(noun).contains(',')
    };
    calls && said.iter().any(|noun| follows(&noun))
}

fn rating(concept: Concept) -> Option<&'static str> {
    match concept {
        Concept::Critical => Some("critical"),
        Concept::High => Some("high"),
        Concept::Medium => Some("medium"),
        Concept::Low => Some("low"),
        Concept::NoSeverity => Some("none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::fields::LetterKeys;
    use crate::triage::units::units;

    #[test]
    fn a_rating_is_read_where_one_is_given() {
        for (text, expected) in [
            ("Severity: High", Some("high")),
            ("## Severity\n\nmoderate", Some("medium")),
            ("We found a critical security flaw.", Some("critical")),
            ("2 critical vulnerabilities", Some("critical")),
            ("I would rate the severity as low.", Some("low")),
            ("This is of high severity", Some("high")),
            ("[Critical/High/Medium/Low]", None),
            ("Severity: [Critical/High/Medium/Low]", None),
            ("A high number of users has low memory.", None),
            ("危害定级：严重", Some("critical")),
            ("危害等级：高危", Some("high")),
            ("这是一个高危漏洞", Some("high")),
            ("深刻度は「低」と考えております", Some("low")),
            ("Опасность низкая.", Some("low")),
            ("Gravité selon nous : élevée.", Some("high")),
            ("Severidad media.", Some("medium")),
            ("Schweregrad: kritisch", Some("critical")),
        ] {
            let found = claims(&units(text, &LetterKeys));
            assert_eq!(found.first().map(|c| c.rating), expected, "{text}");
        }
    }
}
