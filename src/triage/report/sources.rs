//! What is a report read from? The letter's own words first; the records that came with it fill
//! what the words leave open.

use super::attached::LetterText;
use super::letter_units::{LetterUnits, safe};
use super::named;
use super::{CVE, LINE_NUMBER, ReportInput, ids, speaks_of_vulnerability, unique};
use crate::model::product::OwnProduct;
use crate::model::report::{Affected, Answers, Class, CreditWish, Disclosure, Evidence, Report};
use crate::triage::affected::{affected, in_words, json_of, records};
use crate::triage::documents::{Record, package};
use crate::triage::fields::LetterField;
use crate::triage::lexicon::lower;
use crate::triage::own_products::spoken_of;
use crate::triage::own_words::own_text;
use crate::triage::product::{named_product, product};
use crate::triage::purpose::Findings;
use crate::triage::sections::{Section, sections};
use crate::triage::steps::steps;
use crate::triage::title::title;
use crate::triage::version_claims::Context;
use crate::triage::{parts, places};

/// The words of a letter and its records.
pub(super) struct ReportSources<'s> {
    pub subject: &'s str,
    products: &'s [OwnProduct],
    /// The letter's own words.
    pub text: String,
    /// Subject, text and records in units.
    units: LetterUnits<'s>,
    /// The sections of the letter alone.
    own_sections: Vec<Section>,
    /// The sections of the letter, then those of its records.
    pub sections: Vec<Section>,
    /// Subject and text, and what any section says of CVE, CWE and CVSS.
    pub with_identifiers: String,
    /// Subject and text, and the prose of the records.
    with_prose: String,
    records: Vec<Record>,
    /// Where each record was read.
    pub read_from: Vec<String>,
}

/// What is affected and what is fixed.
pub(super) struct Versions {
    pub affected_versions: Vec<String>,
    pub affected: Vec<Affected>,
    pub fixed_versions: Vec<String>,
    pub unaffected_versions: Vec<String>,
    pub evidence: Vec<Evidence>,
}

impl<'s> ReportSources<'s> {
    /// Finds the sections and the records.
    pub fn read(input: &ReportInput<'s>) -> Self {
        let subject = input.subject;
        let letter = LetterText::of(input);
        let text = own_text(subject, &letter.whole);
        let (records, read_from) = records(&text, input.files);
        let is_record = read_from.iter().any(|from| from.starts_with("the text, "));
        // What a record says is read as one, and not as prose.
        let of_record = read_from
            .iter()
            .any(|from| from.starts_with("a block of the text, json"))
            .then(|| json_of(&text))
            .flatten();
        let text = match of_record {
            Some(range) => format!("{}{}", &text[..range.start], &text[range.end..]),
            None => text,
        };
        let units = LetterUnits::read(input, letter, &records, is_record);
        let own_sections = sections(&text);
        let recorded_sections = records.iter().flat_map(|r| r.sections.clone());
        let sections: Vec<Section> = own_sections
            .iter()
            .cloned()
            .chain(recorded_sections)
            .collect();
        let whole = format!("{subject}\n{text}");
        let with_identifiers = sections
            .iter()
            .filter(|s| {
                matches!(
                    s.field,
                    LetterField::Cve | LetterField::Cwe | LetterField::Cvss
                )
            })
            .fold(whole.clone(), |all, section| all + "\n" + &section.text);
        let with_prose = records
            .iter()
            .fold(whole, |all, record| all + "\n" + &record.prose);
        Self {
            subject,
            products: input.products,
            text,
            units,
            own_sections,
            sections,
            with_identifiers,
            with_prose,
            records,
            read_from,
        }
    }

    /// What it is called; a record's own name where the letter has none.
    pub fn title(&self) -> String {
        title(self.subject, &self.sections, self.units.text())
    }

    /// The product: as the letter names it in a field, as a record does, or as the words tell.
    pub fn product(&self) -> Option<String> {
        let in_field = self
            .own_sections
            .iter()
            .filter(|s| s.field == LetterField::Product)
            .find_map(|s| named_product(&s.text));
        // What a field names may be ours by another name; else what the letter speaks of may.
        let ours = match &in_field {
            Some(name) => spoken_of(self.products, name, ""),
            None => spoken_of(self.products, self.subject, &self.text),
        };
        if let Some(product) = ours {
            return Some(product.name.clone());
        }
        let recorded = || {
            let mut affected = self.recorded_affected();
            affected.find_map(|a| Some(a.package.as_ref()?.name.clone()))
        };
        in_field
            .or_else(recorded)
            .or_else(|| product(&self.sections, self.subject, &self.text))
    }

    fn recorded_affected(&self) -> impl Iterator<Item = &Affected> {
        self.records.iter().flat_map(|r| &r.affected)
    }

    /// The versions of the product that are affected, and those that mend it.
    pub fn versions(&self, product: Option<&str>) -> Versions {
        let ours = product.and_then(|name| self.products.iter().find(|p| p.is_called(name)));
        let names: Vec<String> = match ours {
            Some(ours) => ours.names().map(lower).collect(),
            None => product.iter().map(|name| lower(name)).collect(),
        };
        // A letter may speak of several of our products.
        let releases: Vec<String> = match ours {
            Some(_) => self
                .products
                .iter()
                .flat_map(|p| p.releases.clone())
                .collect(),
            None => Vec::new(),
        };
        let context = Context {
            products: &names,
            releases: &releases,
            ..Context::default()
        };
        let (claimed, evidence) = self.units.versions(&context);
        let fixed_by_range = self
            .recorded_affected()
            .flat_map(|a| &a.ranges)
            .filter_map(|range| range.fixed.clone());
        let fixed_versions = unique(claimed.fixed.iter().cloned().chain(fixed_by_range));
        let mut affected = affected(&self.records, &claimed, product);
        let mut affected_versions = claimed.affected_words;
        let package = ours.and_then(|ours| package(ours.purl.as_deref()?));
        if let (Some(first), Some(package)) = (affected.first_mut(), package) {
            first.package = Some(package);
        }
        if affected_versions.is_empty() {
            let versions = affected.iter().flat_map(|a| {
                let ranges = a.ranges.iter().map(in_words);
                ranges.chain(a.versions.iter().cloned())
            });
            affected_versions = versions.collect();
        }
        Versions {
            affected_versions,
            affected,
            fixed_versions,
            unaffected_versions: safe(&evidence),
            evidence,
        }
    }

    /// How to reproduce it. `listed`: the titles of several vulnerabilities.
    pub fn steps(&self, listed: &[String]) -> Option<String> {
        let recorded = || {
            let mut records = self.records.iter();
            records.find_map(|r| steps(&[], &r.prose, &[]))
        };
        steps(&self.sections, &self.text, listed).or_else(recorded)
    }

    /// Whether and when the reporter publishes.
    pub fn disclosure(&self) -> (Disclosure, Vec<Evidence>) {
        self.units.disclosure()
    }

    /// How severe it is called.
    pub fn severity(&self) -> (Option<String>, Vec<Evidence>) {
        self.units.severity()
    }

    /// What the reporter says besides. Whom a record credits is credited, unless the reporter wants
    /// no credit.
    pub fn answers(&self) -> (Answers, Vec<Evidence>) {
        let (mut answers, evidence) = self.units.answers();
        let may_credit = answers.credit.is_none_or(|wish| wish == CreditWish::Wanted);
        if answers.credit_name.is_none() && may_credit {
            let mut credits = self.records.iter().flat_map(|r| &r.credits);
            answers.credit_name = credits.next().cloned();
        }
        (answers, evidence)
    }

    /// The CVEs of this report; one that is only compared is another's.
    pub fn cve_ids(&self) -> Vec<String> {
        let named = ids(&CVE, &self.with_identifiers, |c| {
            format!("CVE-{}-{}", &c[1], &c[2])
        });
        named
            .into_iter()
            .filter(|id| !self.units.only_compare(id))
            .collect()
    }

    /// The titles of the vulnerabilities, where there is more than one.
    pub fn vulnerabilities(&self) -> Vec<String> {
        let listed = parts::titles(&self.text, self.units.subject(), self.units.text());
        if !listed.is_empty() {
            return listed;
        }
        let mut titles = self.records.iter().map(|r| &r.titles);
        titles.find(|t| t.len() > 1).cloned().unwrap_or_default()
    }

    /// Where the letter names what the report prints as it stands.
    pub fn named(&self, report: &Report) -> Vec<Evidence> {
        let called = |product: &&OwnProduct| {
            report
                .product
                .as_deref()
                .is_some_and(|name| product.is_called(name))
        };
        let ours = self.products.iter().find(called);
        let names = ours.into_iter().flat_map(OwnProduct::names);
        let names: Vec<String> = names.map(str::to_owned).collect();
        named::evidence(report, &self.units, &names)
    }

    pub fn is_answer(&self) -> bool {
        self.units.is_answer()
    }

    /// What sort of letter it is.
    pub fn class(&self, found: Findings) -> Class {
        let only_records_of_scanners = self.are_scanners_alone();
        let found = Findings {
            only_records_of_scanners,
            ..found
        };
        self.units.class(&self.text, found)
    }

    /// Whether nobody but a scanner says that there is a vulnerability. Humans send SARIF, too; what
    /// lists packages is a tool's alone.
    pub fn are_scanners_alone(&self) -> bool {
        let are_lists = self.records.iter().all(|r| r.findings > 0);
        !self.records.is_empty()
            && self.records.iter().all(|r| r.scanner)
            && (are_lists || !speaks_of_vulnerability(self.subject, &self.text))
    }

    /// The URLs of the letter, then those of the records.
    pub fn references(&self) -> Vec<String> {
        let recorded = self.records.iter().flat_map(|r| r.references.clone());
        unique(places::references(&self.text).into_iter().chain(recorded))
    }

    /// The files of the source that any of it names.
    pub fn files(&self) -> Vec<String> {
        let recorded = self.records.iter().flat_map(|r| r.files.clone());
        unique(
            places::files(&self.with_prose)
                .into_iter()
                .chain(named_places(&self.sections, LetterField::Files))
                .chain(recorded),
        )
    }

    /// The functions that any of it names.
    pub fn functions(&self) -> Vec<String> {
        unique(
            places::functions(&self.with_prose)
                .into_iter()
                .chain(named_places(&self.sections, LetterField::Functions)),
        )
    }
}

/// The files or functions that a field names, without line numbers.
fn named_places(sections: &[Section], field: LetterField) -> Vec<String> {
    let texts = sections
        .iter()
        .filter(|s| s.field == field)
        .flat_map(|s| s.text.lines().take_while(|l| !l.trim().is_empty()));
    let names = texts
        .flat_map(|line| line.split([',', ' ', '`']))
        .map(|name| name.trim().trim_end_matches("()").trim_start_matches("- "));
    let plausible = |name: &&str| match field {
        LetterField::Files => name.contains('.') && !name.contains("://") && !name.ends_with('.'),
        _ => {
            name.len() > 2
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "_:.$->#".contains(c))
                && (name.contains(['_', ':', '.']) || line_is_one_word(sections, field))
        }
    };
    names
        .filter(plausible)
        .map(|name| LINE_NUMBER.replace(name, "").into_owned())
        .collect()
}

fn line_is_one_word(sections: &[Section], field: LetterField) -> bool {
    sections
        .iter()
        .filter(|s| s.field == field)
        .all(|s| !s.text.trim().contains(' '))
}
