//! What do the words of a letter claim, and where does each claim stand?

use super::{FORWARDED, ReportInput, unique};
use crate::model::report::{Class, Disclosure, Evidence, FactField, How, Intent, TextPlace};
use crate::triage::Words;
use crate::triage::affected::ClaimedVersions;
use crate::triage::disclosure::{self, DisclosureClaim};
use crate::triage::documents::Record;
use crate::triage::fields::{LetterField, LetterKeys};
use crate::triage::language::Language;
use crate::triage::purpose;
use crate::triage::sections::Section;
use crate::triage::severity;
use crate::triage::units::{Unit, units};
use crate::triage::version_claims::{self, Context, Role, VersionClaim};
use jiff::civil::Date;

/// More facts than these are kept without their words.
const EVIDENCE_MAX: usize = 40;

/// The units of a letter: of its subject, its text and its records.
pub(super) struct LetterUnits<'t> {
    subject: Vec<Unit>,
    text: Vec<Unit>,
    /// What records say in fields of forms.
    records: Vec<Unit>,
    whole: &'t str,
    language: Language,
    written: Option<Date>,
}

impl<'t> LetterUnits<'t> {
    /// `whole` is the text with its quotations; where it is a record it is no prose.
    pub fn read(
        input: &ReportInput<'_>,
        whole: &'t str,
        records: &[Record],
        is_record: bool,
    ) -> Self {
        let words = input.words.cloned().unwrap_or_else(|| Words::read(whole));
        let text = if is_record {
            Vec::new()
        } else {
            own(words.units, whole)
        };
        let recorded = records.iter().flat_map(|record| &record.sections);
        Self {
            subject: units(input.subject, &LetterKeys),
            language: words.language,
            text,
            records: recorded.flat_map(as_form).collect(),
            whole,
            written: input.written,
        }
    }

    /// The letter's text, with what it quotes.
    pub fn text(&self) -> &[Unit] {
        &self.text
    }

    /// What it claims of the versions of a product.
    pub fn versions(&self, context: &Context<'_>) -> (ClaimedVersions, Vec<Evidence>) {
        let mut evidence = Vec::new();
        let mut all = Vec::new();
        for (of, units) in [
            (Of::Text, &self.text),
            (Of::Record, &self.records),
            (Of::Subject, &self.subject),
        ] {
            for claim in version_claims::claims(units, context) {
                evidence.push(self.version_evidence(of, units, &claim));
                all.push(claim);
            }
        }
        let claimed = ClaimedVersions::of(&all);
        // What another claim outweighs is not printed.
        let is_printed = |value: &String| claimed.affected_values.contains(value);
        evidence.retain(|e| e.fact != FactField::Affected || is_printed(&e.value));
        (claimed, evidence)
    }

    /// What it says of publication.
    pub fn disclosure(&self) -> (Disclosure, Vec<Evidence>) {
        let claims_of = |units| disclosure::claims(units, self.written, self.language);
        let (of, units, claims) = match claims_of(&self.text) {
            claims if claims.is_empty() => (Of::Record, &self.records, claims_of(&self.records)),
            claims => (Of::Text, &self.text, claims),
        };
        let evidence = match claims.first() {
            Some(strongest) => self.disclosure_evidence(of, units, strongest),
            None => Vec::new(),
        };
        (disclosure::disclosure(&claims), evidence)
    }

    /// How severe the reporter calls it: in the text, a record or the subject.
    pub fn severity(&self) -> (Option<String>, Option<Evidence>) {
        let sources = [
            (Of::Text, &self.text),
            (Of::Record, &self.records),
            (Of::Subject, &self.subject),
        ];
        for (of, units) in sources {
            if let Some(claim) = severity::claims(units).first() {
                let unit = &units[claim.unit];
                let (rating, place) = (claim.rating, self.place(of, unit, claim.range.clone()));
                let fact = FactField::Severity;
                let evidence =
                    Evidence::new(fact, rating.to_owned(), How::Stated, place, &unit.text);
                return (Some(rating.to_owned()), Some(evidence));
            }
        }
        (None, None)
    }

    /// What it wants, where it reports nothing.
    pub fn purpose(&self, has_steps: bool, evident: bool) -> Option<Class> {
        let reports = has_steps || !self.records.is_empty();
        purpose::purpose(&self.subject, &self.text, reports, evident)
    }

    fn version_evidence(&self, of: Of, units: &[Unit], claim: &VersionClaim) -> Evidence {
        let fact = match claim.role {
            Role::Affected => FactField::Affected,
            Role::Safe => FactField::NotAffected,
            Role::Fixed => FactField::Fixed,
        };
        let how = if of == Of::Subject {
            How::Inferred
        } else {
            How::Stated
        };
        let unit = &units[claim.unit];
        let place = self.place(of, unit, claim.range.clone());
        Evidence::new(fact, claim.span.in_words(), how, place, &unit.text)
    }

    fn disclosure_evidence(
        &self,
        of: Of,
        units: &[Unit],
        claim: &DisclosureClaim,
    ) -> Vec<Evidence> {
        let unit = &units[claim.unit];
        let stated = |fact, value, how, range| {
            Evidence::new(fact, value, how, self.place(of, unit, range), &unit.text)
        };
        let mut evidence = Vec::new();
        if claim.intent != Intent::Unstated {
            let value = claim.intent.as_str().to_owned();
            let range = claim.range.clone();
            evidence.push(stated(FactField::Intent, value, How::Stated, range));
        }
        if let Some(date) = &claim.date {
            let how = if date.days.len() > 1 {
                How::Ambiguous
            } else {
                How::Stated
            };
            for day in &date.days {
                let range = date.range.clone();
                evidence.push(stated(FactField::PublicDate, day.clone(), how, range));
            }
        }
        evidence
    }

    fn place(&self, of: Of, unit: &Unit, range: std::ops::Range<usize>) -> TextPlace {
        match of {
            Of::Subject => TextPlace::Subject,
            Of::Record => TextPlace::Record,
            Of::Text => {
                let place = unit.place(range);
                let before = &self.whole.as_bytes()[..place.start];
                TextPlace::Text {
                    line: 1 + before.iter().filter(|octet| **octet == b'\n').count() as u32,
                    from: place.start as u32,
                    to: place.end as u32,
                }
            }
        }
    }
}

/// Whose units.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Subject,
    Text,
    Record,
}

/// The evidence of facts that the report prints, each once, in order.
pub(super) fn of_printed(evidence: Vec<Evidence>) -> Vec<Evidence> {
    let mut kept: Vec<Evidence> = Vec::new();
    for one in evidence {
        let is_known = kept
            .iter()
            .any(|k| k.fact == one.fact && k.value == one.value);
        if !is_known && kept.len() < EVIDENCE_MAX {
            kept.push(one);
        }
    }
    kept
}

/// Which units are the writer's own: those that are not quoted; of a letter that only passes
/// something on, those that it passes on. None is taken out, as each names its heading by place.
fn own(mut units: Vec<Unit>, whole: &str) -> Vec<Unit> {
    let has_own = units.iter().any(|unit| unit.depth == 0);
    if FORWARDED.is_match(whole) || !has_own {
        units.iter_mut().for_each(|unit| unit.depth = 0);
    }
    units
}

/// What a record says of versions and publication, as a form would.
fn as_form(section: &Section) -> Vec<Unit> {
    let key = match section.field {
        LetterField::Versions => "affected versions",
        LetterField::Fixed => "fixed versions",
        LetterField::Disclosure => "disclosure",
        LetterField::Severity | LetterField::Cvss => "severity",
        _ => return Vec::new(),
    };
    units(&format!("{key}: {}", section.text), &LetterKeys)
}

/// The versions that claims call safe, as the letter has them.
pub(super) fn safe(evidence: &[Evidence]) -> Vec<String> {
    let safe = evidence.iter().filter(|e| e.fact == FactField::NotAffected);
    unique(safe.map(|e| e.value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::ReportInput;

    #[test]
    fn a_quotation_before_a_heading_moves_no_unit_away_from_it() {
        let text = "> On Monday you wrote:\n> a lot\n\n## Affected versions\n\n1.2.3\n\n## Fixed in\n\n1.2.4\n";
        let report = crate::triage::report(&ReportInput {
            subject: "XSS",
            text,
            ..ReportInput::default()
        });
        assert_eq!(report.affected_versions, ["1.2.3"]);
        assert_eq!(report.fixed_versions, ["1.2.4"]);
        let lines = report.evidence.iter().map(|evidence| match evidence.place {
            TextPlace::Text { line, .. } => line,
            _ => 0,
        });
        assert_eq!(lines.collect::<Vec<_>>(), [6, 10]);
    }
}
