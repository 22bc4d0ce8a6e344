//! How do reports that people file on GitHub reach the desk? Advisories in state triage, read as
//! letters are.
//!
//! Each is fetched and written as a letter once, and taken in, read in the opener, and shown as any other:
//! nothing of a stranger's text is looked at here. It lies in no mailbox, so there is nothing to
//! settle; what the store knows is not fetched again.

use super::advisories;
use super::api::{GithubApi, GithubFailure, segment};
use crate::model::Timestamp;
use crate::model::case::AdvisoryId;
use crate::ports::{FetchOutcome, ListedLetter, Mailbox, MailboxUid, PortError, Sink};
use async_trait::async_trait;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Pages of the list that are read at most: 30 reports each, so that the longest that anybody may
/// write fit into an answer.
const PAGES_MAX: usize = 67;

/// No mailbox of the config is called so.
pub const NAME: &str = "github reports";

/// GitHub has no UIDVALIDITY.
const VALIDITY: u32 = 1;

/// Advisories of these repositories that wait for triage.
pub struct GithubReports {
    api: GithubApi,
    repositories: Vec<String>,
}

/// The fields of a list that we read.
#[derive(Debug, Deserialize)]
struct Listed {
    ghsa_id: String,
    html_url: String,
    created_at: Option<Timestamp>,
    state: String,
}

/// The fields of a report that we read.
#[derive(Debug, Deserialize)]
struct Reported {
    ghsa_id: String,
    summary: Option<String>,
    description: Option<String>,
    severity: Option<String>,
    cve_id: Option<String>,
    cwe_ids: Option<Vec<String>>,
    created_at: Option<Timestamp>,
    state: String,
    author: Option<Author>,
    cvss: Option<Cvss>,
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Debug, Deserialize)]
struct Author {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Cvss {
    vector_string: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Vulnerability {
    package: Option<Package>,
    vulnerable_version_range: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: Option<String>,
}

impl GithubReports {
    /// A mailbox of what strangers report on these repositories, each written `owner/name`.
    pub fn new(api: GithubApi, repositories: Vec<String>) -> Self {
        Self { api, repositories }
    }

    async fn listed(&self, repository: &str) -> Result<Vec<Listed>, GithubFailure> {
        let mut all = Vec::new();
        let mut next = Some(format!(
            "{}?state=triage&per_page=30&sort=created&direction=desc",
            advisories(repository)
        ));
        for _ in 0..PAGES_MAX {
            let Some(route) = next else { break };
            let (page, following) = self.api.page(&route).await?;
            let listed: Vec<Listed> = serde_json::from_value(page)
                .map_err(|_| GithubFailure::Odd("its list of reports cannot be read"))?;
            all.extend(listed.into_iter().filter(|report| report.state == "triage"));
            next = following;
        }
        Ok(all)
    }
}

/// 63 bits, since the store's integers are signed.
fn number(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    u64::from_be_bytes(digest[..8].try_into().unwrap_or_default()) >> 1
}

/// One line, so that no value can add a field.
fn line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The report as a letter that no machine answers: its writer is reached on GitHub.
fn letter_of(report: &Reported) -> Vec<u8> {
    let login: String = report
        .author
        .as_ref()
        .map_or("ghost", |a| &a.login)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(60)
        .collect();
    let mut head = format!(
        "From: {login} <{login}@users.noreply.github.com>\r\nSubject: {}\r\nMessage-ID: \
         <{}@github.com>\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\nContent-Type: \
         text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
        line(report.summary.as_deref().unwrap_or_default()),
        line(&report.ghsa_id),
    );
    if let Some(at) = report.created_at {
        head.push_str(&format!(
            "Date: {}\r\n",
            at.strftime("%a, %d %b %Y %H:%M:%S +0000")
        ));
    }
    let vulnerabilities = report.vulnerabilities.as_deref().unwrap_or_default();
    let products = vulnerabilities
        .iter()
        .filter_map(|v| v.package.as_ref()?.name.as_deref());
    let ranges = vulnerabilities
        .iter()
        .filter_map(|v| v.vulnerable_version_range.as_deref());
    let vector = report
        .cvss
        .as_ref()
        .and_then(|c| c.vector_string.as_deref());
    let facts = [
        ("Product", products.take(1).collect::<Vec<_>>().join(", ")),
        ("Affected versions", ranges.collect::<Vec<_>>().join(", ")),
        ("CVE", report.cve_id.clone().unwrap_or_default()),
        ("CWE", report.cwe_ids.clone().unwrap_or_default().join(", ")),
        ("CVSS", vector.unwrap_or_default().to_owned()),
        ("Severity", report.severity.clone().unwrap_or_default()),
    ];
    let facts: String = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}: {}\r\n", line(value)))
        .collect();
    let text = report
        .description
        .as_deref()
        .unwrap_or_default()
        .replace("\r\n", "\n")
        .replace('\n', "\r\n");
    format!("{head}\r\n{facts}\r\n{text}\r\n").into_bytes()
}

#[async_trait]
impl Mailbox for GithubReports {
    fn name(&self) -> &str {
        NAME
    }

    async fn list(
        &mut self,
        _now: Timestamp,
        _: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError> {
        let mut lying = Vec::new();
        for repository in &self.repositories {
            for report in self.listed(repository).await? {
                let uid = number(&report.ghsa_id);
                lying.push(ListedLetter {
                    place: MailboxUid {
                        folder: repository.clone(),
                        validity: VALIDITY,
                        uid,
                    },
                    received_at: report.created_at.unwrap_or(Timestamp::UNIX_EPOCH),
                    octets: None,
                    advisory: Some(AdvisoryId {
                        id: report.ghsa_id,
                        url: report.html_url,
                    }),
                });
            }
        }
        lying.sort_by_key(|l| (l.received_at, l.place.uid));
        Ok(lying)
    }

    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError> {
        let id = letter.advisory.as_ref().map_or("", |advisory| &advisory.id);
        let route = format!("{}/{}", advisories(&letter.place.folder), segment(id));
        let found = self.api.get(&route).await?;
        let report: Reported = serde_json::from_value(found)
            .map_err(|_| GithubFailure::Odd("its report cannot be read"))?;
        if report.state != "triage" {
            return Err(PortError::passing(
                "the report does not wait for triage any more",
            ));
        }
        sink.take(&letter_of(&report)).await?;
        Ok(FetchOutcome::Whole)
    }

    async fn settle(&mut self, _: &[MailboxUid]) -> Result<(), PortError> {
        Ok(())
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), PortError> {
        tokio::time::sleep(at_most).await;
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, PortError> {
        let mut waiting = 0;
        for repository in &self.repositories {
            waiting += self.listed(repository).await?.len();
        }
        Ok(format!(
            "{waiting} reports wait for triage in {}",
            self.repositories.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_written_as_a_letter_whose_values_add_no_field() {
        let report = serde_json::json!({
            "ghsa_id": "GHSA-xxxx-yyyy-zzzz", "html_url": "https://github.com/o/r/security/advisories/GHSA-xxxx-yyyy-zzzz", "state": "triage",
            "summary": "XSS\r\nBcc: eve@x.example", "description": "a\nb", "created_at": "2026-11-02T09:00:00Z",
            "author": {"login": "octo<cat>"}, "severity": "high", "cwe_ids": ["CWE-79"], "cvss": {"vector_string": null, "score": null},
            "vulnerabilities": [{"package": {"ecosystem": "npm", "name": "acme-web"}, "vulnerable_version_range": "< \
                2.3.2"}]
        });
        let text = String::from_utf8(letter_of(&serde_json::from_value(report).unwrap())).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("Subject: XSS Bcc: eve@x.example\r\n")
                && head.contains("From: octocat <octocat@users.noreply.github.com>"),
            "{head}"
        );
        assert_eq!(
            body,
            "Product: acme-web\r\nAffected versions: < 2.3.2\r\nCWE: CWE-79\r\nSeverity: \
             high\r\n\r\na\r\nb\r\n"
        );
    }
}
