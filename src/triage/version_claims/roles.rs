//! Which role does a range take: affected, safe or fixed?

use super::expressions::Expression;
use super::operators::is_unspaced_word;
use super::ownership::is_foreign;
use super::{Reader, Role, is_one_of};
use crate::triage::lexicon::{Concept, Said};
use std::ops::Range;

/// What may stand between a version and the verb that speaks of it.
const COPULAS: &str = "\
    is it's there are was were be also still both all too not has have been that the where it ist sind war \
    auch wurde est sont était a été es son está están é são foi não também были";

/// A verb that is farther away speaks of something else.
const GAP_OCTETS_MAX: usize = 400;

/// A verb this near contradicts the head that it stands under.
const CLOSE: usize = 20;

/// A verb this far gives no role.
const FAR: usize = 120;

/// A negation reaches so far.
const NEGATION_OCTETS_MAX: usize = 24;

/// Longer keys are sentences.
const KEY_CHARACTERS_MAX: usize = 60;

impl Reader<'_> {
    /// The role of an expression; `last` is that of the one before it.
    pub(super) fn role(&self, expression: &Expression, last: Option<Role>) -> Option<Role> {
        let after = self.text[expression.range.end..].trim_start_matches([' ', ')', '"', '`', '*']);
        if is_elliptic_not(after) && last.is_some() {
            return Some(Role::Safe);
        }
        if self.came_in_with(expression) {
            return Some(Role::Affected);
        }
        let mut best: Option<(usize, Role)> = None;
        for (said, role) in &self.verbs {
            let role = *role;
            if said.range.start < expression.range.end && expression.range.start < said.range.end {
                continue;
            }
            // What is below a version has no fix: "before 3.2 (fixed in 3.2)".
            let is_upgrade = said.range.start >= expression.range.end && self.leads_on(said);
            if role == Role::Fixed && (expression.span.to.is_some() || is_upgrade) {
                continue;
            }
            let role = if role == Role::Fixed && self.mends_flaw_of(said, &expression.range) {
                Role::Affected
            } else {
                role
            };
            let distance = self.distance(said, &expression.range, role);
            if best.is_none_or(|(nearest, _)| distance < nearest) {
                best = Some((distance, role));
            }
        }
        if self.is_untested(expression) {
            return None;
        }
        // "I checked 5.1.0 as well, and it is not affected": to have looked says nothing beside what
        // was seen.
        let saw_none = || {
            let of_seeing =
                |(said, _): &&(&Said, Role)| !is_of_testing(&self.text[said.range.clone()]);
            let mut seen = self.verbs.iter().filter(of_seeing).peekable();
            let looked = self.verbs.iter().any(|verb| !of_seeing(&verb));
            looked && seen.peek().is_some() && seen.all(|(_, role)| *role == Role::Safe)
        };
        if self.versions.len() == 1 && self.given.is_none() && saw_none() {
            return Some(Role::Safe);
        }
        match (best, self.given) {
            // A verb that speaks of this version alone is louder than the head.
            (Some((distance, role)), Some(given)) if role != given => {
                let speaks_alone = distance <= CLOSE || self.is_alone(&expression.range);
                Some(if speaks_alone { role } else { given })
            }
            (None, Some(Role::Affected))
                if expression.span.exact.is_some() && self.is_denied(&expression.range) =>
            {
                None
            }
            (Some((distance, role)), _) if distance < FAR => Some(role),
            (_, Some(given)) => Some(given),
            // "Our machine runs 3.1.1; that one is not affected."
            (Some((_, Role::Safe)), None) if self.versions.len() == 1 => Some(Role::Safe),
            (_, None) => self.bare_role(expression),
        }
    }

    /// "upgrade to", "обновить до": it speaks of the version that follows.
    fn leads_on(&self, said: &Said) -> bool {
        let text = &self.text[said.range.clone()];
        let ends = [" to", " auf", " vers", " a", " para", " до", "到", "至"];
        ends.iter().any(|end| text.ends_with(end))
    }

    /// "Introduced in 1.2", "the first bad one is 0.12.0": it came in with that version.
    fn came_in_with(&self, expression: &Expression) -> bool {
        let heads = [
            "introduc",
            "first bad",
            "first affected",
            "bad commit",
            "came in",
            "went into",
            "crept",
            "regress",
            "eingeführt",
            "eingeschleppt",
            "erstmals",
            "introduit",
            "появил",
            "引入",
            "で混入",
            "で導入",
        ];
        let words = &self.text[expression.range.clone()];
        let begins = heads.iter().any(|head| words.starts_with(head));
        begins && expression.span.from.is_some() && expression.span.to.is_none()
    }

    /// "fixes a leak in 0.10.0": that version has the leak.
    fn mends_flaw_of(&self, verb: &Said, range: &Range<usize>) -> bool {
        let is_active = [
            "fixes",
            "behebt",
            "corrige",
            "corrigent",
            "patches",
            "исправляет",
        ];
        is_active.contains(&&self.text[verb.range.clone()])
            && verb.range.end <= range.start
            && self.said.iter().any(|said| {
                matches!(said.concept, Concept::Vulnerability | Concept::Flaw)
                    && verb.range.end <= said.range.start
                    && said.range.end <= range.start
            })
    }

    /// How far a verb is from an expression; marks between them count more.
    fn distance(&self, said: &Said, range: &Range<usize>, role: Role) -> usize {
        let (gap, follows) = if said.range.end <= range.start {
            (&self.text[said.range.end..range.start], false)
        } else {
            (
                &self.text[range.end.min(said.range.start)..said.range.start],
                true,
            )
        };
        if gap.len() > GAP_OCTETS_MAX {
            return gap.len();
        }
        let mut distance = gap.chars().count();
        for c in gap.chars() {
            distance += match c {
                ';' | '。' | '；' => 120,
                '.' => 40,
                ',' => 8,
                // Between Chinese and Japanese clauses stands no other mark.
                '，' | '、' => 20,
                '(' | ')' | '（' | '）' => 12,
                _ => 0,
            };
        }
        // "2.3.1 is affected, 2.3.2 …": that verb has its own version.
        let is_versions = |from: usize, to: usize| {
            self.versions
                .iter()
                .any(|v| from <= v.range.start && v.range.end <= to)
        };
        let has_its_own = !follows
            && gap.contains([',', '，', '、'])
            && is_versions(0, said.range.start)
            && !is_versions(said.range.end, range.start);
        if has_its_own {
            distance += FAR;
        }
        // A Japanese verb speaks of what stands before it.
        let is_japanese = |c: char| matches!(c, '\u{3040}'..='\u{309f}');
        if !follows && self.text[said.range.clone()].contains(is_japanese) {
            distance += 40;
        }
        let is_but = |s: &&Said| {
            s.concept == Concept::But
                && s.range.start >= said.range.end.min(range.end)
                && s.range.end <= said.range.start.max(range.start)
        };
        distance += 60 * self.said.iter().filter(|s| is_but(s)).count();
        // "2.3.1 is affected" speaks of what stands before; "fixed in 2.3.2" of what follows.
        let is_copula = follows
            && gap
                .split_whitespace()
                .all(|word| is_one_of(COPULAS, word.trim_matches([')', '"', '`'])));
        if is_copula {
            distance = distance.saturating_sub(10);
        } else if follows {
            distance += if role == Role::Fixed { 30 } else { 15 };
        }
        distance
    }
}

/// `2.3.2 is not.`
fn is_elliptic_not(after: &str) -> bool {
    let heads = [
        "is not",
        "isn't",
        "don't",
        "doesn't",
        "do not",
        "does not",
        "are not",
        "aren't",
        "is fine",
        "is ok",
        "nicht",
        "ist nicht",
        "n'est pas",
        "ne l'est pas",
        "no lo está",
        "no",
        "não",
        "нет",
        "не",
    ];
    heads.iter().any(|head| {
        after.strip_prefix(head).is_some_and(|rest| {
            rest.trim_start().is_empty() || rest.trim_start().starts_with(['.', ',', ';', ')', '!'])
        })
    })
}

/// The verbs of a unit with the roles that they give: one with a negation right before it says the
/// contrary.
pub(super) fn verbs<'a>(text: &str, said: &'a [Said]) -> Vec<(&'a Said, Role)> {
    let negations: Vec<&Said> = said.iter().filter(|s| s.concept == Concept::Not).collect();
    let is_negated = |verb: &Said| {
        negations.iter().any(|not| {
            let before = not.range.end <= verb.range.start
                && verb.range.start - not.range.end < NEGATION_OCTETS_MAX
                // "…ないことを確認": that it is not so was seen.
                && !text[not.range.end..].trim_start().starts_with("こと")
                && is_bridge(&text[not.range.end..verb.range.start]);
            // Japanese puts it behind.
            let behind =
                not.range.start == verb.range.end && is_unspaced_word(&text[not.range.clone()]);
            before || behind
        })
    };
    let role = |verb: &'a Said| {
        let negated = is_negated(verb);
        if negated && is_of_testing(&text[verb.range.clone()]) {
            return None;
        }
        let role = match (verb.concept, negated) {
            (Concept::Affected, false) | (Concept::Fixed, true) => Role::Affected,
            (Concept::Affected, true) | (Concept::Safe, _) => Role::Safe,
            (Concept::Fixed, false) => Role::Fixed,
            _ => return None,
        };
        Some((verb, role))
    };
    said.iter()
        .filter(|s| is_verb(s))
        .filter_map(role)
        .collect()
}

/// Words for having tried: "not tested" says neither that it is affected nor that it is safe.
fn is_of_testing(verb: &str) -> bool {
    let heads = [
        "test",
        "seen",
        "saw",
        "getestet",
        "tried",
        "try",
        "check",
        "verif",
        "prob",
        "essay",
        "comprob",
        "prüf",
        "провер",
        "тест",
        "проб",
        "测",
        "試",
        "試し",
        "verifi",
    ];
    heads.iter().any(|head| verb.starts_with(head))
}

fn is_verb(said: &Said) -> bool {
    matches!(
        said.concept,
        Concept::Affected | Concept::Fixed | Concept::Safe
    )
}

/// Whether a negation reaches over these words to its verb.
fn is_bridge(gap: &str) -> bool {
    gap.split_whitespace().count() <= 2 && !gap.contains([',', ';', '.'])
}

/// The role that a key, a heading or a column gives to what stands under it.
pub(in crate::triage) fn role_of(key: &str, said: &[Said]) -> Option<Role> {
    let has = |concept| said.iter().any(|s: &Said| s.concept == concept);
    let is_short = key.chars().count() <= KEY_CHARACTERS_MAX;
    let mut words = key.split_whitespace();
    if !is_short || words.any(is_foreign) || has(Concept::Scan) {
        return None;
    }
    if has(Concept::Safe) || (has(Concept::Affected) && has(Concept::Not)) {
        Some(Role::Safe)
    } else if has(Concept::Fixed) {
        Some(Role::Fixed)
    } else if has(Concept::Affected) || has(Concept::VersionWord) {
        Some(Role::Affected)
    } else {
        None
    }
}
