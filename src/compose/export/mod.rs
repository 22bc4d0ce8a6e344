//! How is a case told to the world's tools? OSV, CVE, CSAF, GitHub's JSON and Markdown, from the
//! team's view of it.
//!
//! No sentence of a letter leaves here: title, links and credits are the team's own words; product,
//! versions, numbers and ratings are the team's where it said them, else as reported. What a format
//! demands and the case does not have is an error that names the verb which sets it.

mod csaf;
mod cve;
pub mod cwe;
mod ghsa;
mod markdown;
mod opened_letter;
mod osv;

pub use csaf::csaf;
pub use cve::cve;
pub use ghsa::{advisory as ghsa, vulnerabilities};
pub use markdown::markdown;
pub use opened_letter::letter;
pub use osv::osv;

use crate::model::Timestamp;
use crate::model::case_record::{Credit, Link};
use crate::model::ids::CaseId;
use crate::model::report::fields::{Field, Table};
use crate::model::report::{Affected, Range, Report};
use serde_json::Value;

/// Who publishes.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub name: String,
    /// A URL that is theirs alone (CSAF 2.0 section 3.2.1.8.5).
    pub namespace: String,
    /// Their organisation at the CVE program, a UUID.
    pub cve_org_id: Option<String>,
    /// What the packages belong to where nothing says it: a name of OSV's.
    pub ecosystem: Option<String>,
}

/// A case as it is exported.
#[derive(Clone, Debug)]
pub struct Exported<'a> {
    pub case: &'a CaseId,
    /// The title that the team gave it.
    pub title: Option<&'a str>,
    /// The report as the team sees it.
    pub report: &'a Report,
    pub links: &'a [Link],
    pub credits: &'a [Credit],
    /// The advisory, where one is filed.
    pub advisory: Option<(&'a str, &'a str)>,
    pub opened_at: Timestamp,
    /// When it was released; before, it is confidential.
    pub released_at: Option<Timestamp>,
    pub at: Timestamp,
    pub publisher: &'a Publisher,
}

/// Why a case cannot be written in a format: what its schema asks for is missing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    #[error("{0} has no {1}, which {2} demands: {3}")]
    Missing(CaseId, &'static str, &'static str, &'static str),
}

impl Exported<'_> {
    fn missing(&self, what: &'static str, format: &'static str, mend: &'static str) -> ExportError {
        ExportError::Missing(self.case.clone(), what, format, mend)
    }

    fn title(&self, format: &'static str) -> Result<&str, ExportError> {
        let title = self.title.map(str::trim).filter(|title| !title.is_empty());
        title.ok_or_else(|| {
            self.missing("title of the team's", format, "sealdesk case set --summary")
        })
    }

    /// What is affected; the product alone where no version is known.
    fn affected(&self) -> Vec<Affected> {
        let mut all = self.report.affected.clone();
        if all.is_empty()
            && let Some(name) = &self.report.product
        {
            let package = crate::model::report::Package {
                name: name.clone(),
                ..Default::default()
            };
            all.push(Affected {
                package: Some(package),
                ..Affected::default()
            });
        }
        all
    }

    fn product_of(&self, affected: &Affected, format: &'static str) -> Result<String, ExportError> {
        let named = affected
            .package
            .as_ref()
            .map(|p| p.name.clone())
            .or_else(|| self.report.product.clone());
        named.ok_or_else(|| self.missing("product", format, "sealdesk case set --product"))
    }

    /// One sentence that says what it is, without a word of the reporter's.
    fn description(&self, format: &'static str) -> Result<String, ExportError> {
        let title = self.title(format)?.trim_end_matches('.');
        let weaknesses: Vec<String> = self
            .report
            .cwe_ids
            .iter()
            .map(|id| cwe::name(id).map_or_else(|| id.clone(), |name| format!("{name} ({id})")))
            .collect();
        let product = self
            .report
            .product
            .as_deref()
            .map(|p| format!(" in {p}"))
            .unwrap_or_default();
        let kind = if weaknesses.is_empty() {
            "A vulnerability".to_owned()
        } else {
            weaknesses.join(", ")
        };
        let table = Table::of(self.report);
        let versions = table.text(Field::AffectedVersions);
        let versions = if versions.is_empty() {
            String::new()
        } else {
            format!(" Affected: {versions}.")
        };
        let fixed = table.text(Field::FixedVersions);
        let fixed = if fixed.is_empty() {
            String::new()
        } else {
            format!(" Fixed in: {fixed}.")
        };
        Ok(format!("{title}. {kind}{product}.{versions}{fixed}"))
    }

    /// Links that are URLs, with what they are; the advisory first.
    fn urls(&self) -> Vec<(&str, &str)> {
        let advisory = self.advisory.map(|(_, url)| ("advisory", url));
        let links = self
            .links
            .iter()
            .map(|link| (link.what.as_str(), link.to.as_str()));
        let mut all: Vec<(&str, &str)> = Vec::new();
        for (what, url) in advisory
            .into_iter()
            .chain(links)
            .filter(|(_, url)| url.starts_with("https://") || url.starts_with("http://"))
        {
            if !all.iter().any(|(_, other)| *other == url) {
                all.push((what, url));
            }
        }
        all
    }

    /// Names and kinds of those to be credited, by the team's word alone.
    fn credited(&self) -> Vec<(String, String)> {
        self.credits
            .iter()
            .map(|c| (c.shown().to_owned(), c.kind.clone()))
            .collect()
    }
}

/// The version of a vector of CVSS: `2.0`, `3.0`, `3.1` or `4.0`.
fn cvss_version(vector: &str) -> &str {
    vector
        .strip_prefix("CVSS:")
        .and_then(|rest| rest.get(..3))
        .unwrap_or("2.0")
}

/// A range in words: `from 1.0 to below 1.5.2`, or as `vers:` writes it.
fn vers(range: &Range) -> String {
    let from = (range.introduced != "0").then(|| format!(">={}", range.introduced));
    let to = range
        .fixed
        .as_ref()
        .map(|v| format!("<{v}"))
        .or(range.last_affected.as_ref().map(|v| format!("<={v}")));
    let both: Vec<String> = from.into_iter().chain(to).collect();
    if both.is_empty() {
        "vers:all/*".to_owned()
    } else {
        format!("vers:generic/{}", both.join("|"))
    }
}

/// A time in UTC, to the second (RFC 3339).
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
