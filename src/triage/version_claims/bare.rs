//! Which role has a version without a verb? Beside the product's name it is affected, unless its
//! clause denies that or nobody looked.

use super::expressions::Expression;
use super::ownership::is_foreign;
use super::{Reader, Role};
use crate::triage::lexicon::{Concept, Said};
use crate::triage::units::UnitKind;
use std::ops::Range;

impl Reader<'_> {
    /// "4.7.3 I have not tried", "Not tested: 2026.10".
    pub(super) fn is_untested(&self, expression: &Expression) -> bool {
        let clause = self.clause(&expression.range);
        let mut said = self.said.iter().filter(|s| s.concept == Concept::NotTested);
        said.any(|s| clause.start <= s.range.start && s.range.end <= clause.end)
    }

    /// The clause around a range.
    fn clause(&self, range: &Range<usize>) -> Range<usize> {
        let marks = [", ", "; ", ". ", "，", "；", "。", "、", " — ", " – "];
        let start = marks
            .iter()
            .filter_map(|mark| self.text[..range.start].rfind(mark))
            .max();
        let end = marks
            .iter()
            .filter_map(|mark| self.text[range.end..].find(mark))
            .min();
        start.unwrap_or(0)..end.map_or(self.text.len(), |end| range.end + end)
    }

    /// Whether its clause denies something.
    pub(super) fn is_denied(&self, range: &Range<usize>) -> bool {
        let clause = self.clause(range);
        self.said.iter().any(|said| {
            matches!(said.concept, Concept::Not | Concept::No)
                && clause.start <= said.range.start
                && said.range.end <= clause.end
        })
    }

    /// Whether no other version stands in its sentence, or between the same marks.
    pub(super) fn is_alone(&self, range: &Range<usize>) -> bool {
        let marks = ['(', ')', '（', '）', ';', '；', '。'];
        let start = self.text[..range.start].rfind(marks).unwrap_or(0);
        let end = self.text[range.end..].find(marks);
        let end = end.map_or(self.text.len(), |end| range.end + end);
        let has_verb = self
            .verbs
            .iter()
            .any(|(said, _)| start <= said.range.start && said.range.end <= end);
        let inside = self
            .versions
            .iter()
            .filter(|version| start <= version.range.start && version.range.end <= end);
        has_verb && inside.count() == 1
    }

    /// Without a verb: a version beside the product's name in a sentence of a report is affected.
    pub(super) fn bare_role(&self, expression: &Expression) -> Option<Role> {
        let head = self.text[..expression.range.start].trim_end();
        let is_named = self.context.products.iter().any(|p| {
            head.trim_end_matches([' ', '(', 'v', '-', '@'])
                .trim_end_matches("version")
                .trim_end_matches("versions")
                .trim_end()
                .ends_with(p.as_str())
        });
        let is_called = self.said.iter().any(|said| {
            said.concept == Concept::VersionWord
                && said.range.end <= expression.range.start
                && self.text[said.range.end..expression.range.start]
                    .trim_matches([' ', ':', 'v', '：'])
                    .is_empty()
        });
        let is_marked = self.text[expression.range.clone()].starts_with('v');
        let is_release = self
            .versions
            .iter()
            .any(|version| version.is_release && expression.range.contains(&version.range.start));
        let is_denied = self.is_denied(&expression.range);
        let is_range = expression.span.exact.is_none();
        let says = matches!(
            self.unit.kind,
            UnitKind::Sentence | UnitKind::Item | UnitKind::Heading
        );
        let has_flaw = self.has(Concept::Vulnerability) || self.has(Concept::Flaw);
        let is_bounded = is_range && (expression.span.to.is_some() || has_flaw);
        let is_named_so = is_named || self.is_after_name(expression.range.start);
        // A release of ours in a sentence that reports nothing may be the one that is safe.
        let reports = has_flaw
            || self.has(Concept::Finds)
            || self.has(Concept::Reproduces)
            || self.is_first
            || self.unit.kind == UnitKind::Heading;
        // "Everything in the 5.8 series seems to behave so."
        let is_whole_branch = expression
            .span
            .exact
            .as_ref()
            .is_some_and(|exact| exact.ends_with(".*"));
        let counts = is_named_so
            || is_called
            || is_marked
            || is_whole_branch
            || (is_bounded || is_release && reports) && says;
        match (counts, is_denied) {
            (true, false) => Some(Role::Affected),
            (true, true) if self.denies_it(&expression.range) => Some(Role::Safe),
            // What is described of it is that something is not done.
            (true, true)
                if (is_named || is_called)
                    && (has_flaw || self.has(Concept::Finds) || self.is_first) =>
            {
                Some(Role::Affected)
            }
            _ => None,
        }
    }

    /// "With 2026.4.1 I never had it", "in 2.2 there is no error".
    fn denies_it(&self, range: &Range<usize>) -> bool {
        let clause = self.clause(range);
        let inside =
            |said: &&Said| clause.start <= said.range.start && said.range.end <= clause.end;
        let has = |concept| {
            self.said
                .iter()
                .filter(inside)
                .any(|s| s.concept == concept)
        };
        let no_flaw = self.said.iter().filter(inside).any(|not| {
            matches!(not.concept, Concept::Not | Concept::No)
                && self.said.iter().filter(inside).any(|flaw| {
                    matches!(flaw.concept, Concept::Vulnerability | Concept::Flaw)
                        && flaw.range.start >= not.range.end
                        && flaw.range.start - not.range.end <= 12
                })
        });
        no_flaw || has(Concept::TheMatter) && !has(Concept::Flaw) && !has(Concept::Finds)
    }

    /// Whether a name with a capital letter stands before it, where nobody told our products.
    fn is_after_name(&self, at: usize) -> bool {
        let head = self.unit.text[..at].trim_end();
        let word = head
            .rsplit([' ', '(', '「', '«'])
            .next()
            .unwrap_or_default();
        let is_capital =
            word.chars().next().is_some_and(char::is_uppercase) && word.chars().count() > 2;
        let is_own_word = self
            .said
            .iter()
            .any(|said| said.range.end >= head.len() && said.range.start < head.len());
        self.context.releases.is_empty()
            && is_capital
            && !is_own_word
            && !is_foreign(&word.to_lowercase())
            && self.unit.text.len() > at
            && (self.has(Concept::Finds)
                || self.has(Concept::Vulnerability)
                || self.has(Concept::Flaw))
    }
}
