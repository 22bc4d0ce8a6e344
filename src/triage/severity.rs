//! How severe does the letter call it? By a field, beside a word for severity, or of the
//! vulnerability itself.

use super::choices::chosen;
use super::lexicon::{Concept, Said, concepts};
use super::own_words::is_question;
use super::units::{Unit, UnitKind, head_of};
use std::ops::Range;

/// How severe, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rating {
    None,
    Low,
    Medium,
    High,
    Critical,
}

impl Rating {
    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    fn of(concept: Concept) -> Option<Self> {
        match concept {
            Concept::Critical => Some(Self::Critical),
            Concept::High => Some(Self::High),
            Concept::Medium => Some(Self::Medium),
            Concept::Low => Some(Self::Low),
            Concept::NoSeverity => Some(Self::None),
            _ => None,
        }
    }
}

/// A rating in the writer's words, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeverityClaim {
    pub rating: Rating,
    pub unit: usize,
    pub range: Range<usize>,
}

/// A form that nobody filled in names at least so many ratings.
const RATINGS_OF_PLACEHOLDER: usize = 3;

/// Between a rating and the word that it belongs to stand at most so many octets.
const GAP_OCTETS_MAX: usize = 48;

/// The longest words of one concept.
const WORDS_OCTETS_MAX: usize = 128;

/// The ratings that a letter gives: those of fields, else those of its prose.
pub(super) fn claims(units: &[Unit]) -> Vec<SeverityClaim> {
    let of = |by_key: bool| -> Vec<SeverityClaim> {
        let all = units.iter().enumerate().filter_map(|(at, unit)| {
            let reads = unit.kind != UnitKind::Signature && unit.depth == 0 && !is_question(unit);
            let reads = reads && (by_key || unit.kind != UnitKind::Code);
            reads.then(|| claim(units, at, by_key)).flatten()
        });
        all.collect()
    };
    match of(true) {
        by_key if by_key.is_empty() => of(false),
        by_key => by_key,
    }
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
    let ticked = chosen(&unit.lower);
    let is_meant = |said: &&Said| {
        let is_ticked =
            |box_: &Range<usize>| box_.start <= said.range.start && said.range.end <= box_.end;
        Rating::of(said.concept).is_some() && ticked.as_ref().is_none_or(is_ticked)
    };
    let ratings: Vec<&Said> = said.iter().filter(is_meant).collect();
    let mut kinds: Vec<Concept> = ratings.iter().map(|s| s.concept).collect();
    kinds.sort();
    kinds.dedup();
    if kinds.len() >= RATINGS_OF_PLACEHOLDER {
        return None;
    }
    let is_headed = is_about_severity(units, at);
    // "None" rates where it is the whole answer.
    let is_whole = |said: &&Said| {
        said.concept != Concept::NoSeverity
            || said.range.len() == unit.lower.trim_end_matches('.').len()
    };
    let ratings: Vec<&Said> = ratings.into_iter().filter(|said| is_whole(said)).collect();
    let rated: Vec<&Said> = if by_key {
        ratings.into_iter().filter(|_| is_headed).collect()
    } else {
        let belongs = |rating: &&Said| belongs(&unit.lower, said, rating);
        ratings.into_iter().filter(belongs).collect()
    };
    let first = *rated.first()?;
    // "From medium to high": the last word counts.
    let changes = |last: &&&Said| {
        let between = unit.lower.get(first.range.end..last.range.start);
        between.is_some_and(|gap| CHANGES.iter().any(|word| gap.contains(word)))
    };
    let meant = rated.last().filter(changes).copied().unwrap_or(first);
    Some(SeverityClaim {
        rating: Rating::of(meant.concept)?,
        unit: at,
        range: meant.range.clone(),
    })
}

/// Between two ratings, of which the second is meant.
const CHANGES: [&str; 14] = [
    " to ", "->", "→", ": ", " auf ", " à ", " a ", " para ", " до ", " на ", "到", "改为", "から",
    " instead",
];

/// Whether the key, the column or the heading of a unit is a word for severity.
fn is_about_severity(units: &[Unit], at: usize) -> bool {
    let mut head = head_of(units, at).into_iter().flat_map(|(_, said)| said);
    head.any(|s| s.concept == Concept::SeverityWord)
}

/// What is said around a rating, in its order: so near that it may belong to it.
fn around<'s>(said: &'s [Said], rating: &Said) -> &'s [Said] {
    let first = rating
        .range
        .start
        .saturating_sub(GAP_OCTETS_MAX + WORDS_OCTETS_MAX);
    let last = rating.range.end + GAP_OCTETS_MAX;
    let from = said.partition_point(|other| other.range.start < first);
    let to = said.partition_point(|other| other.range.start <= last);
    &said[from..to]
}

/// Whether a rating stands beside a word for severity, or calls the vulnerability so.
fn belongs(text: &str, said: &[Said], rating: &Said) -> bool {
    let said = around(said, rating);
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
            assert_eq!(found.first().map(|c| c.rating.as_str()), expected, "{text}");
        }
    }
}
