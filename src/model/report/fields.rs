//! Which fields of a report do people see, under which name, and who may see them? One table: every
//! place that shows fields reads names, values and its order here.
//!
//! [`Table::of`] and [`Report::outline`] take a report apart field by field, so that a new field
//! does not compile before it has a row, or is named as one without, and before it is said whether
//! it may leave the desk.

mod place;
mod value;

pub use place::Place;
pub use value::Value;

use super::{Answers, Report};
use crate::model::case_record::Assessment;

/// A field as people read it. Some are made of more than one field of [`Report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Product,
    AffectedVersions,
    Cve,
    Cwe,
    Cvss,
    Severity,
    /// What the reporter means to publish, and when.
    Disclosure,
    /// The day of the disclosure alone.
    DisclosureDay,
    /// The affected versions as ranges.
    Ranges,
    FixedVersions,
    UnaffectedVersions,
    /// Files and functions.
    InTheSource,
    Exploited,
    OthersTold,
    Credit,
    /// What it reads like, where that is no report.
    Class,
    ReadFrom,
    /// The titles, where one letter reports several.
    Vulnerabilities,
    Missing,
    Steps,
    /// The words that facts rest on.
    Evidence,
}

/// Who may see a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reads the tracker, even when the letter came sealed and the tracker gets an outline.
    Outline,
    /// Only those who may see the full report.
    Full,
}

/// The fields of one report and their values.
pub struct Table(Vec<(Field, Value)>);

impl Field {
    /// Its name as people read it, unless [`Self::name_in`] knows another.
    fn name(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::AffectedVersions => "Affected versions",
            Self::Cve => "CVE",
            Self::Cwe => "CWE",
            Self::Cvss => "CVSS",
            Self::Severity => "Severity",
            Self::Disclosure | Self::DisclosureDay => "Disclosure",
            Self::Ranges => "Ranges",
            Self::FixedVersions => "Fixed in",
            Self::UnaffectedVersions => "Not affected",
            Self::InTheSource => "In the source",
            Self::Exploited => "Exploited",
            Self::OthersTold => "Others told",
            Self::Credit => "Credit",
            Self::Class => "Reads like",
            Self::ReadFrom => "Read from",
            Self::Vulnerabilities => "Reports several",
            Self::Missing => "Still missing",
            Self::Steps => "Steps to reproduce",
            Self::Evidence => "Rests on",
        }
    }

    /// Its name as people read it in a place.
    pub fn name_in(self, place: Place) -> &'static str {
        use Place::{Announcement, Call, CasePage, GitlabView, MarkdownExport};
        match (self, place) {
            (Self::AffectedVersions, Call | CasePage) => "Versions",
            (Self::AffectedVersions, MarkdownExport | GitlabView | Announcement) => "Affected",
            (Self::Cwe, MarkdownExport | Announcement) => "Weakness",
            _ => self.name(),
        }
    }

    /// Who may see it, where the letter came sealed.
    pub fn audience(self) -> Audience {
        match self {
            Self::Product
            | Self::AffectedVersions
            | Self::Ranges
            | Self::Cve
            | Self::Cwe
            | Self::Cvss
            | Self::Severity
            | Self::Disclosure
            | Self::DisclosureDay
            | Self::Missing => Audience::Outline,
            Self::FixedVersions
            | Self::UnaffectedVersions
            | Self::InTheSource
            | Self::Exploited
            | Self::OthersTold
            | Self::Credit
            | Self::Class
            | Self::ReadFrom
            | Self::Vulnerabilities
            | Self::Steps
            | Self::Evidence => Audience::Full,
        }
    }
}

impl Table {
    /// A row for each field that people see. What has none says here where it is shown instead.
    pub fn of(report: &Report) -> Self {
        let Report {
            // The title of drafts, pages and exports.
            summary: _,
            product,
            affected_versions,
            cve_ids,
            cwe_ids,
            cvss,
            severity,
            steps_to_reproduce,
            disclosure,
            missing,
            // Shown in the Markdown export beside the vector.
            cvss_score: _,
            affected,
            fixed_versions,
            unaffected_versions,
            answers,
            // Printed in JSON alone.
            references: _,
            files,
            functions,
            vulnerabilities,
            class,
            read_from,
            evidence,
        } = report;
        let mut rows = vec![
            (Field::Product, value::optional(product)),
            (Field::AffectedVersions, value::list(affected_versions)),
            (Field::Cve, value::list(cve_ids)),
            (Field::Cwe, value::list(cwe_ids)),
            (Field::Cvss, value::optional(cvss)),
            (Field::Severity, value::optional(severity)),
            (Field::Disclosure, value::disclosure(disclosure)),
            (Field::DisclosureDay, value::optional(&disclosure.date)),
            (Field::Ranges, value::ranges(affected)),
            (Field::FixedVersions, value::list(fixed_versions)),
            (Field::UnaffectedVersions, value::list(unaffected_versions)),
            (Field::InTheSource, value::places(files, functions)),
            (Field::Class, value::class(*class)),
            (Field::ReadFrom, value::list(read_from)),
            (Field::Vulnerabilities, value::numbered(vulnerabilities)),
            (Field::Missing, value::missing(missing)),
            (Field::Steps, value::block(steps_to_reproduce)),
            (Field::Evidence, value::evidence(evidence)),
        ];
        rows.extend(rows_of_answers(answers));
        Self(rows)
    }

    /// A row for each field about which the team said something, even if it said that there is
    /// none.
    pub fn of_assessment(assessment: &Assessment) -> Self {
        let Assessment {
            summary: _,
            product,
            package: _,
            affected_versions,
            ranges: _,
            fixed_versions,
            cve_ids,
            cwe_ids,
            cvss,
            severity,
        } = assessment;
        let text = |text: &Option<String>| text.as_ref().map(|_| value::optional(text));
        let texts = |texts: &Option<Vec<String>>| texts.as_deref().map(value::list);
        let rows = [
            (Field::Product, text(product)),
            (Field::AffectedVersions, texts(affected_versions)),
            (Field::FixedVersions, texts(fixed_versions)),
            (Field::Cve, texts(cve_ids)),
            (Field::Cwe, texts(cwe_ids)),
            (Field::Cvss, text(cvss)),
            (Field::Severity, text(severity)),
        ];
        let said = rows.into_iter();
        Self(
            said.filter_map(|(field, value)| Some((field, value?)))
                .collect(),
        )
    }

    /// The rows that a place shows, in its order.
    pub fn shown_in(&self, place: Place) -> impl Iterator<Item = (Field, &Value)> {
        let fields = place.fields().iter();
        fields.filter_map(|field| Some((*field, self.get(*field)?)))
    }

    fn get(&self, field: Field) -> Option<&Value> {
        let mut rows = self.0.iter();
        rows.find(|(of, _)| *of == field).map(|(_, value)| value)
    }

    /// As [`Value::text`]; empty where there is no row.
    pub fn text(&self, field: Field) -> String {
        self.get(field).map(Value::text).unwrap_or_default()
    }
}

fn rows_of_answers(answers: &Answers) -> [(Field, Value); 3] {
    let Answers {
        exploited,
        others_told,
        credit,
        credit_name,
    } = answers;
    let name = credit_name.as_deref();
    [
        (Field::Exploited, value::yes_or_no(*exploited)),
        (Field::OthersTold, value::yes_or_no(*others_told)),
        (Field::Credit, value::credit(*credit, name)),
    ]
}

impl Report {
    /// What may leave to the tracker of a sealed report by rating and version alone.
    pub fn outline(self) -> Self {
        let Self {
            summary: _,
            product,
            affected_versions,
            cve_ids,
            cwe_ids,
            cvss,
            severity,
            steps_to_reproduce: _,
            disclosure,
            missing,
            cvss_score,
            affected,
            fixed_versions: _,
            unaffected_versions: _,
            answers: _,
            references: _,
            files: _,
            functions: _,
            vulnerabilities: _,
            class: _,
            read_from: _,
            evidence: _,
        } = self;
        Self {
            product,
            affected_versions,
            cve_ids,
            cwe_ids,
            cvss,
            severity,
            disclosure,
            missing,
            cvss_score,
            affected,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{
        Affected, Class, CreditWish, Disclosure, Evidence, FactField, How, Intent, Missing,
        Package, Range, TextPlace,
    };

    const PLACES: [Place; 7] = [
        Place::Call,
        Place::Draft,
        Place::DraftSections,
        Place::CasePage,
        Place::MarkdownExport,
        Place::GitlabView,
        Place::Announcement,
    ];

    /// A report that says something in every field: a new field must be filled in here.
    fn full() -> Report {
        let text = || "x".to_owned();
        let texts = || vec![text()];
        Report {
            summary: text(),
            product: Some(text()),
            affected_versions: texts(),
            cve_ids: texts(),
            cwe_ids: texts(),
            cvss: Some(text()),
            severity: Some(text()),
            steps_to_reproduce: Some(text()),
            disclosure: Disclosure {
                intent: Intent::Public,
                date: Some("2026-12-24".to_owned()),
            },
            missing: vec![Missing::Versions],
            cvss_score: Some(7.5),
            affected: vec![Affected {
                package: Some(Package {
                    name: "acme".to_owned(),
                    purl: Some("pkg:npm/acme".to_owned()),
                    ..Package::default()
                }),
                ranges: vec![Range {
                    introduced: "1.0".to_owned(),
                    fixed: Some("1.5.2".to_owned()),
                    last_affected: None,
                }],
                versions: vec!["2.0".to_owned()],
            }],
            fixed_versions: texts(),
            unaffected_versions: texts(),
            answers: Answers {
                exploited: Some(false),
                others_told: Some(true),
                credit: Some(CreditWish::Wanted),
                credit_name: Some("Ada".to_owned()),
            },
            references: texts(),
            files: texts(),
            functions: texts(),
            vulnerabilities: vec![text(), text()],
            class: Class::Scanner,
            read_from: texts(),
            evidence: vec![Evidence::new(
                FactField::Fixed,
                text(),
                How::Stated,
                TextPlace::Subject,
                "fixed in x",
            )],
        }
    }

    #[test]
    fn every_row_is_shown_somewhere_and_every_place_finds_its_rows() {
        let Table(rows) = Table::of(&Report::default());
        for (field, _) in &rows {
            let shown = PLACES.iter().any(|place| place.fields().contains(field));
            assert!(shown, "no place shows {field:?}");
            let count = rows.iter().filter(|(other, _)| other == field).count();
            assert_eq!(count, 1, "{field:?}");
        }
        for field in PLACES.iter().flat_map(|place| place.fields()) {
            let has_row = rows.iter().any(|(other, _)| other == field);
            assert!(has_row, "{field:?} has no row");
        }
    }

    #[test]
    fn an_outline_holds_the_fields_that_may_stand_in_one_and_no_others() {
        let (Table(full), Table(outline)) = (Table::of(&full()), Table::of(&full().outline()));
        for ((field, value), (_, outlined)) in full.iter().zip(&outline) {
            assert!(value.is_known(), "{field:?}");
            match field.audience() {
                Audience::Outline => assert_eq!(outlined, value, "{field:?}"),
                Audience::Full => assert!(!outlined.is_known(), "{field:?}"),
            }
        }
    }

    #[test]
    fn values_read_as_text() {
        let table = Table::of(&full());
        for (field, text) in [
            (Field::InTheSource, "x, x"),
            (Field::Disclosure, "public 2026-12-24"),
            (Field::DisclosureDay, "2026-12-24"),
            (
                Field::Ranges,
                "acme (pkg:npm/acme): from 1.0 to below 1.5.2, 2.0",
            ),
            (Field::Exploited, "no"),
            (Field::Credit, "wanted Ada"),
            (Field::Class, "scanner"),
            (Field::Vulnerabilities, "1. x\n2. x"),
            (Field::Missing, "versions"),
            (Field::Evidence, "fixed in x, subject: “fixed in x”"),
        ] {
            assert_eq!(table.text(field), text, "{field:?}");
        }
    }

    #[test]
    fn short_forms_are_the_names_in_json() {
        fn check(short: &str, value: impl serde::Serialize) {
            assert_eq!(serde_json::json!(value), short);
        }
        use Intent::{AlreadyPublic, Private, Public, Unstated};
        for intent in [Private, Public, AlreadyPublic, Unstated] {
            check(intent.as_str(), intent);
        }
        for missing in [Missing::Steps, Missing::Versions] {
            check(missing.as_str(), missing);
        }
        use CreditWish::{Anonymous, Declined, Wanted};
        for wish in [Wanted, Anonymous, Declined] {
            check(wish.as_str(), wish);
        }
    }

    #[test]
    fn what_the_team_said_is_shown_and_nothing_else() {
        let assessment = Assessment {
            product: Some("acme".to_owned()),
            fixed_versions: Some(Vec::new()),
            ..Assessment::default()
        };
        let table = Table::of_assessment(&assessment);
        let shown: Vec<Field> = table.shown_in(Place::GitlabView).map(|(f, _)| f).collect();
        assert_eq!(shown, [Field::Product, Field::FixedVersions]);
    }
}
