//! Which range does a version with the words around it make?

use super::is_one_of;
use super::operators::FILLERS;
use super::{End, Reader, Span};
use crate::triage::lexicon::{Concept, Said};
use crate::triage::version::Version;
use std::ops::Range;

/// A version or a range within a unit.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub span: Span,
    pub range: Range<usize>,
}

impl Reader<'_> {
    /// Each version with its operators; two that belong together become one.
    pub(super) fn expressions(&self) -> Vec<Expression> {
        let ours: Vec<&Version> = self.versions.iter().filter(|v| self.is_ours(v)).collect();
        let mut found: Vec<Expression> = Vec::new();
        let mut at = 0;
        while at < ours.len() {
            let version = ours[at];
            let floor = found.last().map_or(0, |e| e.range.end);
            let floor = floor.min(self.mark(version));
            let next = ours.get(at + 1).copied();
            if let Some(next) = next
                && self.is_range(version, next, floor)
            {
                let (_, start) = self.prefix(version, floor);
                let (to_included, end) = match self.postfix(next) {
                    Some((Concept::Before, end)) => (false, end),
                    Some((_, end)) => (true, end),
                    None => (self.joins_included(version, next), next.range.end),
                };
                found.push(Expression {
                    span: between(version, true, next, to_included),
                    range: start.min(self.mark(version))..end,
                });
                at += 2;
                continue;
            }
            let expression = self.single(version, floor);
            match found.last_mut() {
                Some(before) if self.completes(before, &expression) => {
                    before.span.to = expression.span.to;
                    before.range.end = expression.range.end;
                }
                _ => found.push(expression),
            }
            at += 1;
        }
        found
    }

    /// "the 2.8 series", "branch 2.8": every version that begins so.
    fn is_branch(&self, version: &Version) -> bool {
        let is_short = version.text.matches('.').count() <= 1;
        let stands = |said: &Said| {
            let before = said.range.end <= version.range.start
                && self.text[said.range.end..version.range.start]
                    .trim()
                    .is_empty();
            let after = said.range.start >= version.range.end
                && self.text[version.range.end..said.range.start]
                    .trim()
                    .is_empty();
            before || after
        };
        let mut branches = self.said.iter().filter(|s| s.concept == Concept::Branch);
        is_short && branches.any(stands)
    }

    /// Where a version begins with its `v`.
    pub(super) fn mark(&self, version: &Version) -> usize {
        let head = &self.text[..version.range.start];
        if version.is_marked {
            head.trim_end_matches('.').len().saturating_sub(1)
        } else {
            version.range.start
        }
    }

    /// `1.0 to 1.9`, `from 1.0 through 1.9`, `1.0 <= x < 2.0`, `1.0 - 1.9`.
    fn is_range(&self, one: &Version, other: &Version, floor: usize) -> bool {
        if self.is_upgrade(one) {
            return false;
        }
        let gap = self.text[one.range.end..self.mark(other)].trim();
        if gap.len() > 40 {
            return false;
        }
        let mut bare = without_fillers(gap, &["to", "a", "-"]);
        if bare.is_empty() {
            bare = without_fillers(gap, &["and"]);
        }
        let prefix = self.prefix(one, floor).0;
        if matches!(prefix, Some(Concept::Before | Concept::UpTo))
            || (one.is_wildcard && other.is_wildcard)
        {
            return false;
        }
        let is_between = is_between(&self.text[floor..one.range.start]);
        match bare.as_str() {
            "and" | "und" | "et" | "y" | "e" | "и" | "和" => is_between,
            "before" | "vor" | "but before" | "up but not" | "up to but not"
            | "up but excluding" | "avant" | "antes" | "to before" | "prior to" => true,
            "to"
            | "through"
            | "till"
            | "until"
            | "up to"
            | "-"
            | "–"
            | "—"
            | "~"
            | "～"
            | "〜"
            | "bis"
            | "à"
            | "a"
            | "jusqu'à"
            | "hasta"
            | "até"
            | "по"
            | "до"
            | "至"
            | "到"
            | "から"
            | "..."
            | ".."
            | "…"
            | "upto"
            | "up through"
            | "thru"
            | "- "
            | "bis zu"
            | "up"
            | "и до"
            | "incluse à"
            | "inclus à"
            | "inclus jusqu'à"
            | "incluida a"
            | "incluida hasta"
            | "inclusive to"
            | "inclusive até"
            | "einschließlich bis" => !is_date_like(gap),
            _ => {
                (gap.starts_with("<") || gap.starts_with("≤"))
                    && gap.len() > 2
                    && gap.ends_with(['<', '=', '≤'])
            }
        }
    }

    /// Whether the second version of a pair is meant itself.
    fn joins_included(&self, one: &Version, other: &Version) -> bool {
        let gap = self.text[one.range.end..self.mark(other)].trim();
        !([
            "before",
            "vor ",
            "avant",
            "antes",
            "prior",
            "not including",
            "excluding",
        ]
        .iter()
        .any(|word| gap.contains(word))
            || is_excluded(&self.text[other.range.end..])
            || (gap.ends_with('<') && gap.len() > 1))
    }

    /// "upgrade from 1.2 to 1.3" is no range.
    fn is_upgrade(&self, one: &Version) -> bool {
        let head = &self.text[..one.range.start];
        let near = &head[head.floor_char_boundary(head.len().saturating_sub(24))..];
        [
            "upgrad",
            "updat",
            "aktualisier",
            "mettre à jour",
            "actualiz",
            "atualiz",
            "обнов",
            "升级",
            "moving",
            "moved",
            "migrat",
            "switch",
            "wechsel",
            "umstieg",
            "passage",
        ]
        .iter()
        .any(|word| near.contains(word))
    }

    /// `>= 1.0` and `< 2.0` that follow one another.
    fn completes(&self, before: &Expression, next: &Expression) -> bool {
        let gap = self.text[before.range.end.min(next.range.start)..next.range.start].trim();
        let is_joint = matches!(
            gap,
            "" | ","
                | "and"
                | "&&"
                | "&"
                | "und"
                | "et"
                | "y"
                | "e"
                | "и"
                | "且"
                | "，"
                | "、"
                | ", and"
                | "but"
                | "，且"
                | "かつ"
                | "、かつ"
                | "и до"
                | ";"
        );
        is_joint
            && before.span.exact.is_none()
            && before.span.from.is_some()
            && before.span.to.is_none()
            && next.span.from.is_none()
            && next.span.to.is_some()
    }

    fn single(&self, version: &Version, floor: usize) -> Expression {
        let (operator, start) = match self.prefix(version, floor) {
            // "After the update to 2.4": that version is meant.
            (Some(Concept::Before | Concept::UpTo), _) if self.is_upgrade(version) => {
                (None, version.range.start)
            }
            found => found,
        };
        let start = start.min(self.mark(version));
        let text = version.text.clone();
        let mut range = start..version.range.end;
        let end = |version: &str, is_included| {
            Some(End {
                version: version.to_owned(),
                is_included,
            })
        };
        let mut span = Span::default();
        match self.postfix(version) {
            Some((concept, at)) => {
                range.end = at;
                match concept {
                    Concept::Before => span.to = end(&text, false),
                    Concept::After => span.from = end(&text, false),
                    Concept::Since | Concept::AndNewer => span.from = end(&text, true),
                    _ => span.to = end(&text, true),
                }
                // "since 1.2 and later" and "before 2.0 and earlier" say it twice.
                if operator == Some(Concept::Before) && span.to.is_some() {
                    span.to = end(&text, false);
                }
            }
            None => match operator {
                Some(Concept::Before) => span.to = end(&text, false),
                Some(Concept::UpTo) => span.to = end(&text, true),
                Some(Concept::After) => span.from = end(&text, false),
                // "While testing von acme 2.3", "in the sources of 2.3": a preposition opens no range.
                Some(Concept::Since)
                    if self.given.is_none()
                        && matches!(
                            self.text[start..version.range.start].trim(),
                            "von" | "von der" | "de la" | "de" | "du" | "da" | "from" | "of" | "из"
                        ) =>
                {
                    span.exact = Some(text)
                }
                Some(Concept::Since) => {
                    span.from = end(
                        &text,
                        !self.text[start..version.range.start]
                            .trim_end()
                            .ends_with('>'),
                    )
                }
                _ => span.exact = Some(text),
            },
        }
        if span.exact.is_some() && !version.is_wildcard && self.is_branch(version) {
            span.exact = Some(format!("{}.*", version.text));
        }
        Expression { span, range }
    }
}

fn between(one: &Version, one_included: bool, other: &Version, other_included: bool) -> Span {
    let end = |version: &Version, is_included| {
        Some(End {
            version: version
                .text
                .trim_end_matches(['x', 'X', '*'])
                .trim_end_matches('.')
                .to_owned(),
            is_included,
        })
    };
    Span {
        from: end(one, one_included),
        to: end(other, other_included),
        exact: None,
    }
}

/// "Between 1.0 and 1.9".
fn is_between(head: &str) -> bool {
    ["between", "zwischen", "entre", "между", "介于", "在"]
        .iter()
        .any(|word| head.contains(word))
}

/// "to 0.9.1 (excluded)".
fn is_excluded(tail: &str) -> bool {
    let tail = tail.trim_start_matches([' ', '(', ',', '（']);
    let words = [
        "exclu",
        "not included",
        "not including",
        "ausschließlich",
        "nicht einge",
        "не включая",
        "不含",
        "除外",
        "を除く",
    ];
    words.iter().any(|word| tail.starts_with(word))
}

fn is_date_like(gap: &str) -> bool {
    gap.contains('/')
}

fn without_fillers(gap: &str, kept: &[&str]) -> String {
    gap.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '`' | ','))
        .filter(|word| !word.is_empty() && (kept.contains(word) || !is_one_of(FILLERS, word)))
        .map(|word| word.trim_start_matches("版本").trim_end_matches("版本"))
        .collect::<Vec<_>>()
        .join(" ")
}
