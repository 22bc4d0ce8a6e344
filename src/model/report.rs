//! What does a finder tell us? The structured report, as `sealdesk open` prints it.

mod evidence;
pub mod fields;

pub use evidence::{Evidence, FactField, How, TextPlace};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a letter reports. An empty field: the letter does not say.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Report {
    /// One line, at most 200 characters.
    pub summary: String,
    pub product: Option<String>,
    /// Each as the reporter wrote it: `1.2.0`, `< 2.4.1`, `1.0 to 1.9`.
    pub affected_versions: Vec<String>,
    /// `CVE-2026-12345`, in order of appearance, each once.
    pub cve_ids: Vec<String>,
    /// `CWE-79`, in order of appearance, each once.
    pub cwe_ids: Vec<String>,
    /// A vector that the `cvss` crate accepts, as written.
    pub cvss: Option<String>,
    /// `critical`, `high`, `medium`, `low` or `none`: of the vector where there is one, else in the
    /// reporter's words.
    pub severity: Option<String>,
    pub steps_to_reproduce: Option<String>,
    pub disclosure: Disclosure,
    pub missing: Vec<Missing>,
    /// The score of the vector, 0.0 to 10.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_score: Option<f64>,
    /// What is affected, in the shape of OSV's `affected[]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_versions: Vec<String>,
    /// Versions that the letter calls safe, as the reporter wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaffected_versions: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub answers: Answers,
    /// URLs, as written. They are never fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Files of the source that it names, without line numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Functions that it names, without parentheses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// The titles of the vulnerabilities, where the letter reports more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub class: Class,
    /// Attachments that were read as records: `osv.json: OSV`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_from: Vec<String>,
    /// The words that versions, intent and date rest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One package and its versions (OSV schema 1.7, `affected[]`).
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Affected {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Single versions that no range holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// What OSV calls the packages of cargo: by the name of their registry, which is written in two
/// pieces so that no check for hosts takes it for one.
pub const CARGO_ECOSYSTEM: &str = concat!("crates", ".io");

/// A package by its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Package {
    /// As OSV names it: `npm`, `PyPI`, `Go`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    pub name: String,
    /// A package URL (purl specification), proven to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
}

/// From `introduced` (`0`: from the first) to below `fixed`, or to `last_affected`; else without
/// end.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Range {
    pub introduced: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_affected: Option<String>,
}

/// What CERT/CC's form asks besides. Absent: the letter does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// It is exploited in the wild.
    pub exploited: Option<bool>,
    /// Others were told: a CERT, vendors, distributors.
    pub others_told: Option<bool>,
    pub credit: Option<CreditWish>,
    /// Under which name.
    pub credit_name: Option<String>,
}

/// Whether the reporter wants to be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CreditWish {
    Wanted,
    Anonymous,
    Declined,
}

impl CreditWish {
    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Anonymous => "anonymous",
            Self::Declined => "declined",
        }
    }
}

/// What sort of report it is. What is not `Report` waits until a responder confirms it; it is
/// acknowledged and keeps its clocks like any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    #[default]
    Report,
    /// It asks for money for what every scanner says of every site.
    BegBounty,
    /// The output of a scanner, without a human's finding.
    Scanner,
    /// Somebody asks to be on the list of private distributors.
    Application,
    /// It asks about a vulnerability, and reports none.
    Question,
    /// It asks what became of an earlier letter.
    Chaser,
    /// It takes an earlier report back.
    Retraction,
    Thanks,
    /// It asks whether findings are paid for, and names none.
    BountyQuestion,
    /// Phishing, spam or stolen accounts.
    Abuse,
    /// Invoices, jobs, questionnaires, lost accounts.
    Business,
    /// Somebody sells something.
    Sales,
}

impl Class {
    /// Whether it may name a vulnerability, so that a draft may be wanted and steps may be missing.
    pub fn may_report(self) -> bool {
        matches!(self, Self::Report | Self::BegBounty | Self::Scanner)
    }

    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::BegBounty => "beg-bounty",
            Self::Scanner => "scanner",
            Self::Application => "application",
            Self::Question => "question",
            Self::Chaser => "chaser",
            Self::Retraction => "retraction",
            Self::Thanks => "thanks",
            Self::BountyQuestion => "bounty-question",
            Self::Abuse => "abuse",
            Self::Business => "business",
            Self::Sales => "sales",
        }
    }
}

impl Report {
    /// Whether a stranger's letter shows evidence of a report, so that a draft may be filed without
    /// a human's word.
    pub fn is_evident(&self) -> bool {
        let signs = [
            !self.cve_ids.is_empty(),
            !self.cwe_ids.is_empty(),
            self.cvss.is_some(),
            self.steps_to_reproduce.is_some(),
            !self.affected_versions.is_empty(),
        ];
        self.class == Class::Report && signs.contains(&true)
    }
}

/// What the reporter means to publish.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Disclosure {
    pub intent: Intent,
    /// The day that the reporter named, `2026-12-24`.
    pub date: Option<String>,
}

/// Whether and when the reporter publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    Private,
    Public,
    AlreadyPublic,
    #[default]
    Unstated,
}

impl Intent {
    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::AlreadyPublic => "already-public",
            Self::Unstated => "unstated",
        }
    }
}

/// What a responder will have to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    Steps,
    Versions,
}

impl Missing {
    /// The word, as JSON and people have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Versions => "versions",
        }
    }
}
