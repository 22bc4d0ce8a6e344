//! Which operator stands before or after a version: below, up to, since, and older?

use super::{Reader, is_one_of};
use crate::triage::lexicon::{Concept, Said, is_unspaced};
use crate::triage::version::Version;

/// Words between an operator and its version that say nothing.
pub(super) const FILLERS: &str = "\
    version versions v v. ver release releases the and including inclusive einschließlich inkl \
    die der den le la les los las el versión versão versionen версии версия версию версией \
    включая включительно to build is are in of de a o os = du des";

impl Reader<'_> {
    /// The operator before a version, and where it begins.
    pub(super) fn prefix(&self, version: &Version, floor: usize) -> (Option<Concept>, usize) {
        let start = self.mark(version);
        let head = self.text[floor..start]
            .trim_end()
            .trim_end_matches(['"', '“', '(', '`', '„', '«', '「'])
            .trim_end();
        let symbols: [(&str, Concept); 9] = [
            ("<=", Concept::UpTo),
            ("=<", Concept::UpTo),
            ("≤", Concept::UpTo),
            ("＜=", Concept::UpTo),
            ("<", Concept::Before),
            (">=", Concept::Since),
            ("≥", Concept::Since),
            (">", Concept::Since),
            ("＜", Concept::Before),
        ];
        if let Some((mark, concept)) = symbols.iter().find(|(mark, _)| head.ends_with(mark)) {
            return (Some(*concept), floor + head.len() - mark.len());
        }
        let is_operator = |said: &&Said| {
            matches!(
                said.concept,
                Concept::Before | Concept::After | Concept::UpTo | Concept::Since
            ) && said.range.start >= floor
                && said.range.end <= start
                && !is_unspaced_word(&self.text[said.range.clone()])
                && !is_of_else(&self.text[said.range.end..start])
                && self.only_fillers(said.range.end, start)
        };
        let mut operators: Vec<&Said> = self.said.iter().filter(is_operator).collect();
        // The one that ends last; of those the longest.
        operators.sort_by_key(|said| (std::cmp::Reverse(said.range.end), said.range.start));
        match operators.first() {
            Some(said) => {
                // "до 2.4" is below it, "до 2.4 включительно" up to it.
                let tail = self.text[version.range.end..].trim_start_matches([' ', '(', ',']);
                let is_included = ["включ", "inclu", "einschl", "inkl"];
                let concept = if is_included.iter().any(|word| tail.starts_with(word)) {
                    Concept::UpTo
                } else {
                    said.concept
                };
                (Some(concept), said.range.start)
            }
            None => (None, start),
        }
    }

    /// Whether nothing but fillers and the product's name stands there.
    fn only_fillers(&self, from: usize, to: usize) -> bool {
        let between = &self.text[from..to];
        let mut unknown = 0;
        for word in between
            .split(|c: char| c.is_whitespace() || matches!(c, ':' | '"' | '“' | '('))
            .filter(|w| !w.is_empty())
        {
            if is_one_of(FILLERS, word) || self.context.products.iter().any(|p| p.contains(word)) {
                continue;
            }
            unknown += 1;
            if unknown > 2 || word.ends_with([',', ';', '.']) {
                return false;
            }
        }
        unknown < 3 && between.len() < 60
    }

    /// What stands right after a version, and where it ends: `and earlier`, `以前`, `+`.
    pub(super) fn postfix(&self, version: &Version) -> Option<(Concept, usize)> {
        if version.goes_on {
            return Some((Concept::AndNewer, version.range.end + 1));
        }
        let rest = &self.text[version.range.end..];
        let skipped = rest.len()
            - rest
                .trim_start_matches([' ', '(', '"', '”', '`', ')', ',', '版', '本', 'の', '及'])
                .len();
        let from = version.range.end + skipped.min(rest.len());
        let rest_of = |said: &&Said| {
            let is_postfix = match said.concept {
                Concept::AndOlder | Concept::AndNewer => true,
                Concept::Before | Concept::After | Concept::UpTo | Concept::Since => {
                    is_unspaced_word(&self.text[said.range.clone()])
                }
                _ => false,
            };
            is_postfix
                && (version.range.end..=from + 6).contains(&said.range.start)
                && self.is_thin(version.range.end, said.range.start)
        };
        let mut following: Vec<&Said> = self.said.iter().filter(rest_of).collect();
        following.sort_by_key(|said| (said.range.start, std::cmp::Reverse(said.range.end)));
        following.first().map(|said| (said.concept, said.range.end))
    }

    /// Whether only marks and words for "version" stand there.
    fn is_thin(&self, from: usize, to: usize) -> bool {
        if from >= to {
            return true;
        }
        self.text[from..to]
            .chars()
            .all(|c| c.is_whitespace() || "(\"”`),版本のバージョン及以".contains(c))
    }
}

/// Whether a word is Chinese or Japanese.
pub(super) fn is_unspaced_word(word: &str) -> bool {
    word.chars().any(is_unspaced)
}

/// "The bugs below in acme 3.1.0", "the package before that (1.0)": the version is not what they
/// stand before.
fn is_of_else(gap: &str) -> bool {
    let mut words = gap
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.any(|word| matches!(word, "in" | "that" | "those" | "bugs" | "issues" | "flaws"))
}
