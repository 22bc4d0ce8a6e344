//! What was reported, on which words does each fact rest, and what did the team set over it?

use crate::control::CaseView;
use crate::model::report::fields::{Field, Place, Table, Value};
use crate::model::report::{Evidence, FactField};
use serde::Serialize;

/// One fact of a report.
#[derive(Serialize)]
pub(super) struct FactShown {
    name: &'static str,
    /// The reporter's; each on a line of its own.
    reported: Vec<String>,
    /// The team's, where it said something.
    team: Option<Vec<String>>,
    /// The words that it rests on.
    rests_on: Vec<String>,
}

/// The facts of a case, in the order of its page; none where nothing was reported.
pub(super) fn facts(view: &CaseView) -> Vec<FactShown> {
    let first = view.read.first().and_then(|letter| letter.reading.as_ref());
    let Some(report) = first.and_then(|reading| reading.report.as_ref()) else {
        return Vec::new();
    };
    let (reported, team) = (
        Table::of(report),
        Table::of_assessment(&view.record.assessment),
    );
    let fields = Place::CasePage.fields().iter();
    let facts = fields
        .filter(|field| **field != Field::Evidence)
        .map(|field| {
            let of = |table: &Table| {
                let mut shown = table.shown_in(Place::CasePage);
                shown
                    .find(|(of, _)| of == field)
                    .map(|(_, value)| lines(value))
            };
            FactShown {
                name: field.name_in(Place::CasePage),
                reported: of(&reported).unwrap_or_default(),
                team: of(&team),
                rests_on: rests_on(*field, &report.evidence),
            }
        });
    facts
        .filter(|fact| !fact.reported.is_empty() || fact.team.is_some())
        .collect()
}

fn lines(value: &Value) -> Vec<String> {
    if !value.is_known() {
        return Vec::new();
    }
    let text = value.text();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn rests_on(field: Field, evidence: &[Evidence]) -> Vec<String> {
    let facts: &[FactField] = match field {
        Field::Product => &[FactField::Product],
        Field::AffectedVersions => &[FactField::Affected],
        Field::FixedVersions => &[FactField::Fixed],
        Field::UnaffectedVersions => &[FactField::NotAffected],
        Field::Cve => &[FactField::Cve],
        Field::Cwe => &[FactField::Cwe],
        Field::Cvss => &[FactField::Cvss],
        Field::Severity => &[FactField::Severity],
        Field::Disclosure => &[FactField::Intent, FactField::PublicDate],
        Field::InTheSource => &[FactField::File, FactField::Function],
        Field::Exploited => &[FactField::Exploited],
        Field::OthersTold => &[FactField::OthersTold],
        Field::Credit => &[FactField::Credit, FactField::CreditName],
        Field::Vulnerabilities => &[FactField::Vulnerability],
        _ => &[],
    };
    let these = evidence.iter().filter(|one| facts.contains(&one.fact));
    these.map(Evidence::in_words).collect()
}
