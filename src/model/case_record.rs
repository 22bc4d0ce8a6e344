//! What have responders found out and written down about a case? It rests sealed, as the letters
//! do.

use crate::model::Timestamp;
use crate::model::cvss;
use crate::model::report::{Affected, Missing, Package, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the team wrote down about a case. It rests sealed, and is written back whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseRecord {
    /// Who takes care of it.
    pub assignee: Option<String>,
    pub assessment: Assessment,
    pub notes: Vec<Note>,
    pub links: Vec<Link>,
    /// Who may work on the advisory, besides those of the config.
    pub collaborators: Collaborators,
    pub credits: Vec<Credit>,
}

/// People and teams of the tracker who are let into an advisory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Collaborators {
    /// Logins of the tracker.
    pub users: Vec<String>,
    /// Slugs of the organisation's teams.
    pub teams: Vec<String>,
}

/// Somebody to be credited: by the login of the tracker, or by a name where they have none.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Credit {
    /// Empty where they have none.
    pub login: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `finder`, `reporter`, `analyst`, `remediation_developer`, …: GitHub's words.
    pub kind: String,
}

impl Credit {
    /// How they are written about.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.login)
    }
}

/// The team's own view, which stands over the reporter's.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct Assessment {
    pub summary: Option<String>,
    pub product: Option<String>,
    pub package: Option<Package>,
    pub affected_versions: Option<Vec<String>>,
    /// The same in OSV's shape.
    pub ranges: Option<Affected>,
    pub fixed_versions: Option<Vec<String>>,
    pub cve_ids: Option<Vec<String>>,
    pub cwe_ids: Option<Vec<String>>,
    pub cvss: Option<String>,
    pub severity: Option<String>,
}

/// A remark of one responder; notes are added and never changed.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    /// Who wrote it, as the journal calls them.
    pub by: String,
    pub text: String,
}

/// Something elsewhere that belongs to the case.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Link {
    /// `fix`, `introduced`, `discussion`, …
    pub what: String,
    /// A URL, or the id of another case.
    pub to: String,
}

impl Assessment {
    /// Takes over what `later` says.
    pub fn amend(&mut self, later: Self) {
        let Self {
            summary,
            product,
            package,
            affected_versions,
            ranges,
            fixed_versions,
            cve_ids,
            cwe_ids,
            cvss,
            severity,
        } = later;
        // A vector says the severity by itself; a severity said alone takes its place.
        if severity.is_some() {
            self.cvss = None;
        }
        if let Some(rated) = cvss.as_deref().and_then(cvss::rate) {
            self.severity = Some(rated.rating);
        }
        self.summary = summary.or(self.summary.take());
        self.product = product.or(self.product.take());
        self.package = package.or(self.package.take());
        self.ranges = ranges.or(self.ranges.take());
        self.affected_versions = affected_versions.or(self.affected_versions.take());
        self.fixed_versions = fixed_versions.or(self.fixed_versions.take());
        self.cve_ids = cve_ids.or(self.cve_ids.take());
        self.cwe_ids = cwe_ids.or(self.cwe_ids.take());
        self.cvss = cvss.or(self.cvss.take());
        self.severity = severity.or(self.severity.take());
    }

    /// The report as the team sees it.
    pub fn over(&self, report: Report) -> Report {
        let affected_versions = self
            .affected_versions
            .clone()
            .unwrap_or(report.affected_versions);
        let missing = report
            .missing
            .into_iter()
            .filter(|m| *m != Missing::Versions || affected_versions.is_empty())
            .collect();
        // The reporter's vector speaks of their severity, not of ours.
        let cvss = if self.severity.is_some() {
            self.cvss.clone()
        } else {
            report.cvss
        };
        let product = self.product.clone().or(report.product);
        let mut affected = self
            .ranges
            .clone()
            .map_or(report.affected, |ranges| vec![ranges]);
        if affected.is_empty() && self.package.is_some() {
            affected.push(Affected::default());
        }
        for one in &mut affected {
            one.package = self.package.clone().or(one.package.take()).or_else(|| {
                product.clone().map(|name| Package {
                    name,
                    ..Package::default()
                })
            });
        }
        Report {
            affected,
            fixed_versions: self.fixed_versions.clone().unwrap_or(report.fixed_versions),
            cvss_score: cvss
                .as_deref()
                .and_then(cvss::rate)
                .map(|rated| f64::from(rated.tenths) / 10.0),
            summary: self.summary.clone().unwrap_or(report.summary),
            product,
            affected_versions,
            cve_ids: self.cve_ids.clone().unwrap_or(report.cve_ids),
            cwe_ids: self.cwe_ids.clone().unwrap_or(report.cwe_ids),
            cvss,
            severity: self.severity.clone().or(report.severity),
            missing,
            ..report
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_team_found_stands_over_what_was_reported() {
        let reported = Report {
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".to_owned()),
            severity: Some("high".to_owned()),
            ..Report::default()
        };
        let mut assessment = Assessment::default();
        assessment.amend(Assessment {
            cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N".to_owned()),
            ..Assessment::default()
        });
        assert_eq!(
            assessment.over(reported.clone()).severity.as_deref(),
            Some("medium")
        );
        assessment.amend(Assessment {
            severity: Some("low".to_owned()),
            product: Some("acme".to_owned()),
            ..Assessment::default()
        });
        let seen = assessment.over(reported);
        assert_eq!(
            (seen.severity.as_deref(), seen.cvss, seen.product.as_deref()),
            (Some("low"), None, Some("acme"))
        );
    }
}
