//! What does a finder tell us? The structured report, as `sealdesk open` prints it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// `critical`, `high`, `medium`, `low` or `none`: of the vector where there is one, else in the reporter's words.
    pub severity: Option<String>,
    pub steps_to_reproduce: Option<String>,
    pub disclosure: Disclosure,
    pub missing: Vec<Missing>,
}

impl Report {
    /// Whether a stranger's letter shows evidence of a report, so that a draft may be filed without a human's word.
    pub fn is_evident(&self) -> bool {
        let signs =
            [!self.cve_ids.is_empty(), !self.cwe_ids.is_empty(), self.cvss.is_some(), self.steps_to_reproduce.is_some(), !self.affected_versions.is_empty()];
        signs.iter().filter(|sign| **sign).count() >= 1
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    pub intent: Intent,
    /// The day that the reporter named, `2026-12-24`.
    pub date: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    Private,
    Public,
    AlreadyPublic,
    #[default]
    Unstated,
}

/// What a responder will have to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    Steps,
    Versions,
}
