//! How much of what is printed is right, and how much of what is said was found?

use crate::labels::{Corpus, Fact, How, LabelledLetter};
use crate::printed::{FIELDS, is_inferred, kind, values};
use sealdesk::model::product::OwnProduct;
use sealdesk::model::reading::Reading;
use std::collections::BTreeMap;

/// Of one field: printed and right, printed and wrong, stated and not printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub right: usize,
    pub wrong: usize,
    pub missed: usize,
}

impl Count {
    /// Percent of what is printed.
    pub fn precision(self) -> f64 {
        percent(self.right, self.right + self.wrong)
    }

    /// Percent of what is stated.
    pub fn recall(self) -> f64 {
        percent(self.right, self.right + self.missed)
    }

    pub fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 100.0;
    }
    100.0 * part as f64 / whole as f64
}

/// One letter, read and compared.
#[derive(Debug)]
pub struct Compared {
    pub name: String,
    pub language: String,
    pub style: String,
    pub kind: String,
    pub printed_kind: &'static str,
    pub counts: BTreeMap<&'static str, Count>,
    /// What is wrong or missed, a line each.
    pub mistakes: Vec<String>,
}

impl Compared {
    /// How many mistakes the desk made in it.
    pub fn weight(&self) -> usize {
        let wrong: usize = self.counts.values().map(|c| 2 * c.wrong + c.missed).sum();
        wrong + 3 * usize::from(self.kind != self.printed_kind)
    }
}

/// Every letter of a set, read and compared.
pub fn compare(corpus: &Corpus, read: fn(&[u8], Vec<OwnProduct>) -> Reading) -> Vec<Compared> {
    let letters = corpus.letters.iter();
    letters
        .map(|letter| {
            compare_letter(
                corpus,
                letter,
                read(&letter.octets, corpus.products_of(letter)),
            )
        })
        .collect()
}

/// The sum over some letters of each field.
pub fn sum<'a>(letters: impl Iterator<Item = &'a Compared>) -> BTreeMap<&'static str, Count> {
    let mut sums: BTreeMap<&'static str, Count> = BTreeMap::new();
    for letter in letters {
        for (field, count) in &letter.counts {
            sums.entry(field).or_default().add(*count);
        }
    }
    sums
}

fn compare_letter(corpus: &Corpus, letter: &LabelledLetter, reading: Reading) -> Compared {
    let mut compared = Compared {
        name: letter.name.clone(),
        language: letter.labels.language.clone(),
        style: letter.labels.style.clone(),
        kind: letter.labels.kind.clone(),
        printed_kind: kind(&reading),
        counts: BTreeMap::new(),
        mistakes: Vec::new(),
    };
    for field in FIELDS {
        let printed = values(field, &reading, corpus.desk_of(letter));
        let facts: Vec<&Fact> = letter
            .labels
            .facts
            .iter()
            .filter(|f| f.field == field)
            .collect();
        let (right, wrong): (Vec<&String>, Vec<&String>) = printed
            .iter()
            .partition(|value| facts.iter().any(|fact| agrees(fact, value, &reading)));
        // What is said to be inferred is a suggestion.
        let wrong: Vec<&String> = wrong
            .into_iter()
            .filter(|value| !is_inferred(field, value, &reading))
            .collect();
        let is_missed = |fact: &&&Fact| {
            fact.how == How::Stated && !printed.iter().any(|value| agrees(fact, value, &reading))
        };
        let missed: Vec<&str> = facts
            .iter()
            .filter(is_missed)
            .map(|f| f.value.as_str())
            .collect();
        compared.counts.insert(
            field,
            Count {
                right: right.len(),
                wrong: wrong.len(),
                missed: missed.len(),
            },
        );
        if !wrong.is_empty() || !missed.is_empty() {
            let line = format!("{field}: printed wrongly {wrong:?}, missed {missed:?}");
            compared.mistakes.push(line);
        }
    }
    compared
}

/// Whether what is printed is what a careful human read.
fn agrees(fact: &Fact, printed: &str, reading: &Reading) -> bool {
    let printed = squashed(printed);
    match fact.field.as_str() {
        "steps" => printed.contains(&squashed(&fact.quote)),
        "title" | "vulnerability" => {
            let titles = std::iter::once(&fact.value).chain(&fact.or);
            titles
                .into_iter()
                .any(|title| are_alike(&squashed(title), &printed))
                || (fact.field == "title" && is_subject(fact, reading, &printed))
        }
        "affected" | "not-affected" | "fixed" => {
            // `V2.1.4` is 2.1.4, as the product's releases are written.
            let plain = |v: &str| v.to_lowercase().replace('v', "").replace(".x", ".*");
            plain(&as_range(&plain(&fact.value))) == plain(&as_range(&plain(&printed)))
        }
        "cvss" => metrics(&fact.value) == metrics(&printed),
        _ => squashed(&fact.value).to_lowercase() == printed.to_lowercase(),
    }
}

/// The metrics of a vector, whether or not its version stands before them.
fn metrics(vector: &str) -> &str {
    match vector.split_once('/') {
        Some((version, metrics)) if version.starts_with("CVSS:") => metrics,
        _ => vector,
    }
}

/// `5.8.*` is `>= 5.8, < 5.9`.
fn as_range(version: &str) -> String {
    let Some(branch) = version.strip_suffix(".*") else {
        return version.to_owned();
    };
    let (head, last) = branch
        .rsplit_once('.')
        .map_or(("", branch), |(h, l)| (h, l));
    let Ok(last) = last.parse::<u64>() else {
        return version.to_owned();
    };
    let dot = if head.is_empty() { "" } else { "." };
    format!(">= {branch}, < {head}{dot}{}", last + 1)
}

/// The subject as it stands is as good as the part of it that was labelled.
fn is_subject(fact: &Fact, reading: &Reading, printed: &str) -> bool {
    let subject = squashed(reading.subject.as_deref().unwrap_or_default());
    fact.r#where == "subject" && are_alike(&subject, printed)
}

/// One is the other, but for its ends.
fn are_alike(one: &str, other: &str) -> bool {
    let plain = |s: &str| {
        s.trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase()
    };
    let (one, other) = (plain(one), plain(other));
    let (short, long) = if one.len() < other.len() {
        (one, other)
    } else {
        (other, one)
    };
    !short.is_empty() && long.contains(&short) && 10 * short.len() >= 6 * long.len()
}

fn squashed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
