//! What do the words of a letter claim, and where does each claim stand?

use super::attached::LetterText;
use super::{ReportInput, clean_subject, unique};
use crate::model::report::{
    Answers, Class, Disclosure, Evidence, FactField, How, Intent, TextPlace,
};
use crate::triage::Words;
use crate::triage::affected::{ClaimedVersions, json_of};
use crate::triage::answers;
use crate::triage::disclosure::{self, DisclosureClaim};
use crate::triage::documents::Record;
use crate::triage::fields::{LetterField, LetterKeys};
use crate::triage::language::Language;
use crate::triage::lexicon::Concept;
use crate::triage::own_words::{OwnWords, is_forward, own_units};
use crate::triage::purpose::{self, Findings};
use crate::triage::sections::Section;
use crate::triage::severity;
use crate::triage::units::{Unit, UnitKind, units};
use crate::triage::version_claims::{self, Context, Role, VersionClaim};
use jiff::civil::Date;
use std::cell::OnceCell;

/// More facts than these are kept without their words.
const EVIDENCE_MAX: usize = 40;

/// The units of a letter: of its subject, its text and its records.
pub(super) struct LetterUnits<'t> {
    subject: Vec<Unit>,
    text: Vec<Unit>,
    /// What records say in fields of forms.
    records: Vec<Unit>,
    /// The letter's text, and what it points to.
    text_read: LetterText<'t>,
    line_ends: OnceCell<Vec<usize>>,
    is_answer: bool,
    language: Language,
    written: Option<Date>,
}

impl<'t> LetterUnits<'t> {
    /// `text_read` is the text with its quotations; where it is a record it is no prose.
    pub fn read(
        input: &ReportInput<'_>,
        text_read: LetterText<'t>,
        records: &[Record],
        is_record: bool,
    ) -> Self {
        let whole = text_read.whole.as_ref();
        let words = input.words.filter(|_| text_read.attached.is_none());
        let words = words.cloned().unwrap_or_else(|| Words::read(whole));
        let text = if is_record {
            Vec::new()
        } else {
            let mut units = own_units(words.units, input.subject, whole);
            if !records.is_empty()
                && let Some(record) = json_of(whole)
            {
                mark_as_code(&mut units, record);
            }
            units
        };
        let recorded = records.iter().flat_map(|record| &record.sections);
        Self {
            subject: units(input.subject, &LetterKeys),
            language: words.language,
            text,
            records: recorded.flat_map(as_form).collect(),
            text_read,
            line_ends: OnceCell::new(),
            is_answer: clean_subject(input.subject) != input.subject.trim()
                && !is_forward(input.subject),
            written: input.written,
        }
    }

    /// The letter's text, with what it quotes.
    pub fn text(&self) -> &[Unit] {
        &self.text
    }

    /// Whether an identifier stands only where another vulnerability is compared.
    pub fn only_compare(&self, id: &str) -> bool {
        let small = id.to_lowercase();
        let mut naming = self
            .subject
            .iter()
            .chain(&self.text)
            .filter(|unit| unit.depth == 0 && unit.lower.contains(&small))
            .peekable();
        naming.peek().is_some() && naming.all(|unit| unit.says(Concept::Compared))
    }

    pub fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    pub fn is_answer(&self) -> bool {
        self.is_answer
    }

    pub fn subject(&self) -> &[Unit] {
        &self.subject
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
            // The subject of an answer is another letter's.
            if of == Of::Subject && self.is_answer {
                continue;
            }
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

    /// How severe the reporter calls it: in the text, a record or the subject. Of several
    /// vulnerabilities the severest.
    pub fn severity(&self) -> (Option<String>, Vec<Evidence>) {
        let sources = [
            (Of::Text, &self.text),
            (Of::Record, &self.records),
            (Of::Subject, &self.subject),
        ];
        for (of, units) in sources {
            let claims = severity::claims(units);
            let Some(severest) = claims.iter().max_by_key(|claim| claim.rating) else {
                continue;
            };
            let evidence = claims.iter().map(|claim| {
                let unit = &units[claim.unit];
                let place = self.place(of, unit, claim.range.clone());
                let value = claim.rating.as_str().to_owned();
                Evidence::new(FactField::Severity, value, How::Stated, place, &unit.text)
            });
            return (
                Some(severest.rating.as_str().to_owned()),
                evidence.collect(),
            );
        }
        (None, Vec::new())
    }

    /// Whether it is exploited, who was told and who wants the credit.
    pub fn answers(&self) -> (Answers, Vec<Evidence>) {
        let told = |at: usize, fact, value: String, range| {
            let unit = &self.text[at];
            let place = self.place(Of::Text, unit, range);
            Evidence::new(fact, value, How::Stated, place, &unit.text)
        };
        let yes_or_no = |answer: bool| if answer { "yes" } else { "no" }.to_owned();
        let exploited = answers::exploited(&self.text);
        let others_told = answers::others_told(&self.text);
        let credit = answers::credit(&self.text);
        let credit_name = answers::credit_name(&self.text);
        let answers = Answers {
            exploited: exploited.as_ref().map(|a| a.value),
            others_told: others_told.as_ref().map(|a| a.value),
            credit: credit.as_ref().map(|a| a.value),
            credit_name: credit_name.as_ref().map(|a| a.value.clone()),
        };
        let facts = [
            exploited.map(|a| told(a.unit, FactField::Exploited, yes_or_no(a.value), a.range)),
            others_told.map(|a| told(a.unit, FactField::OthersTold, yes_or_no(a.value), a.range)),
            credit.map(|a| {
                told(
                    a.unit,
                    FactField::Credit,
                    a.value.as_str().to_owned(),
                    a.range,
                )
            }),
            credit_name.map(|a| told(a.unit, FactField::CreditName, a.value, a.range)),
        ];
        (answers, facts.into_iter().flatten().collect())
    }

    /// What sort of letter it is. `text` are its own lines.
    pub fn class(&self, text: &str, found: Findings) -> Class {
        let steps = found.steps || !self.records.is_empty();
        let own = OwnWords::of(&self.subject, &self.text);
        purpose::purpose(&own, text, Findings { steps, ..found })
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

    /// Where the lines of the text end. A letter may make as many claims as it has words, and each
    /// has its line.
    fn line_ends(&self) -> &[usize] {
        self.line_ends.get_or_init(|| {
            let octets = self.text_read.whole.bytes().enumerate();
            octets
                .filter_map(|(at, octet)| (octet == b'\n').then_some(at))
                .collect()
        })
    }

    pub fn place(&self, of: Of, unit: &Unit, range: std::ops::Range<usize>) -> TextPlace {
        match of {
            Of::Subject => TextPlace::Subject,
            Of::Record => TextPlace::Record,
            Of::Text => {
                let place = unit.place(range);
                let ends = self.line_ends();
                let ended = |before: usize| ends.partition_point(|end| *end < before);
                let line = |from: usize| 1 + (ended(place.start) - ended(from)) as u32;
                if let Some((name, from)) = &self.text_read.attached
                    && place.start >= *from
                {
                    return TextPlace::Attachment {
                        name: name.clone(),
                        line: line(*from),
                    };
                }
                TextPlace::Text {
                    line: line(0),
                    from: place.start as u32,
                    to: place.end as u32,
                }
            }
        }
    }
}

/// Whose units.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
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

/// A record's lines are no prose.
fn mark_as_code(units: &mut [Unit], record: std::ops::Range<usize>) {
    for unit in units {
        let place = unit.place(0..unit.text.len());
        if record.start <= place.start && place.start < record.end {
            unit.kind = UnitKind::Code;
            unit.said.clear();
        }
    }
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
        let of_versions = report
            .evidence
            .iter()
            .filter(|evidence| matches!(evidence.fact, FactField::Affected | FactField::Fixed));
        let lines = of_versions.map(|evidence| match evidence.place {
            TextPlace::Text { line, .. } => line,
            _ => 0,
        });
        assert_eq!(lines.collect::<Vec<_>>(), [6, 10]);
    }
}
