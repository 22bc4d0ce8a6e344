//! What is this letter, and what does it report? Deterministic, without network, clock or model.
//!
//! When in doubt it is a report: a machine's mistake must cost a responder a minute, never a
//! reporter their answer. Extracted fields are what the letter says, in its own words, for a human
//! to check.

mod affected;
mod answers;
mod choices;
mod date;
mod disclosure;
mod documents;
mod fields;
mod kind;
mod language;
mod lexicon;
mod own_products;
mod own_words;
mod parts;
mod places;
mod product;
mod purpose;
mod report;
mod scanner;
mod sections;
mod severity;
mod steps;
mod title;
mod units;
mod version;
mod version_claims;
mod weakness;
mod words;

pub use affected::ranges;
pub use documents::{may_be_record, package};
pub use kind::{Seen, asks_for_certificate, kind};
pub use language::told_language;
pub use report::{ReportFile, ReportInput, may_be_text, report};
pub use words::Words;

/// A letter such as people write. Reading it fills the caches of every pattern.
const SAMPLE: &str = include_str!("sample.txt");

/// Compiles every pattern and fills its caches, so that a process forked later need not: half of a
/// reader's time went there. The patterns are asked as a letter asks them, too: each way has a
/// cache of its own.
pub fn warm_up() {
    for text in SAMPLE.split("\n\n").chain([SAMPLE, ""]) {
        let (subject, rest) = text.split_once('\n').unwrap_or((text, ""));
        let _ = (
            kind(&Seen {
                subject,
                text: rest,
                from: Some("ada@reporter.example"),
                ..Seen::default()
            }),
            report(&ReportInput {
                subject,
                text: rest,
                ..ReportInput::default()
            }),
        );
    }
    for pattern in all() {
        for text in SAMPLE.lines().chain([SAMPLE]) {
            let _ = (pattern.is_match(text), pattern.captures_iter(text).count());
        }
    }
}

/// Every pattern of this room.
fn all() -> impl Iterator<Item = &'static regex::Regex> {
    let all = [
        affected::all(),
        fields::all(),
        kind::all(),
        own_words::all(),
        places::all(),
        product::all(),
        report::all(),
        scanner::all(),
        sections::all(),
        steps::all(),
        weakness::all(),
    ];
    all.into_iter().flatten()
}

/// Compiles a constant pattern so that any text is searched by its automaton, in time linear in the
/// text.
///
/// A boundary in Unicode ends the automaton at the first letter that is not ASCII, and every digit
/// of Unicode makes it larger than its cache: both leave the search to an engine that is fifty
/// times slower, which a letter in German would pay for.
fn compiled(pattern: &str) -> regex::Regex {
    regex::Regex::new(&searchable(pattern)).expect("a constant pattern")
}

/// As [`compiled`], for patterns that are searched together.
fn compiled_set(patterns: impl Iterator<Item = String>) -> regex::RegexSet {
    let patterns = patterns.map(|pattern| searchable(&pattern));
    regex::RegexSet::new(patterns).expect("constant patterns")
}

fn searchable(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)").replace(r"\d", "[0-9]")
}

/// Patterns that are compiled once. Each is a constant, so a test that calls `all` knows that it
/// compiles.
macro_rules! patterns {
    ($($name:ident = $text:expr;)+) => {
        $(static $name: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| $crate::triage::compiled($text));)+

        /// Every pattern of this module.
        pub(super) fn all() -> Vec<&'static regex::Regex> {
            vec![$(&*$name),+]
        }
    };
}
use patterns;

#[cfg(test)]
mod tests {
    #[test]
    fn every_pattern_compiles() {
        super::warm_up();
    }

    /// One letter that is not ASCII ends an automaton that looks for a boundary in Unicode.
    #[test]
    fn no_pattern_leaves_its_automaton() {
        for pattern in super::all() {
            let others = pattern.as_str().replace(r"(?-u:\b)", "");
            let leaves = [r"\b", r"\B", r"\d"].iter().any(|odd| others.contains(odd));
            assert!(!leaves, "{pattern}");
        }
    }
}
