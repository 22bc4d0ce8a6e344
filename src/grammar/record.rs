//! How is it written what the team found out, and who works on the advisory?

use crate::model::case_command::CaseCommand;
use crate::model::case_record::Assessment;
use crate::model::report::Package;
use crate::triage;
use anyhow::{Result, bail};
use clap::Args;

/// Sets what the team found out, over what the report says
#[derive(Args)]
pub struct SetArgs {
    id: String,
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
    #[arg(long, value_name = "NAME")]
    product: Option<String>,
    /// The package, by its package URL: pkg:npm/acme
    #[arg(long, value_name = "PURL", value_parser = package)]
    package: Option<Package>,
    /// Affected versions, as people write ranges: "before 1.5.2"; repeat it
    #[arg(long, value_name = "RANGE")]
    affected: Vec<String>,
    /// Versions that hold the fix; repeat it
    #[arg(long, value_name = "VERSION")]
    fixed: Vec<String>,
    /// critical, high, medium, low or none
    #[arg(long, value_name = "WORD", value_parser = ["critical", "high", "medium", "low", "none"], conflicts_with = "vector")]
    severity: Option<String>,
    /// A CVSS vector of version 2, 3.0, 3.1 or 4.0
    #[arg(long, value_name = "CVSS")]
    vector: Option<String>,
    /// CWE-79; repeat it
    #[arg(long, value_name = "CWE", value_parser = cwe)]
    cwe: Vec<String>,
    /// CVE-2026-12345; repeat it
    #[arg(long, value_name = "CVE", value_parser = cve)]
    cve: Vec<String>,
}

impl SetArgs {
    pub(super) fn command(self) -> (String, CaseCommand) {
        let assessment = Assessment {
            summary: self.summary,
            product: self.product,
            package: self.package,
            ranges: None,
            affected_versions: some(self.affected),
            fixed_versions: some(self.fixed),
            cve_ids: some(self.cve),
            cwe_ids: some(self.cwe),
            cvss: self.vector,
            severity: self.severity,
        };
        let assessment = Box::new(assessment);
        (self.id, CaseCommand::Set { assessment })
    }
}

/// Lets people and teams work on the advisory
#[derive(Args)]
pub struct CollaborateArgs {
    id: String,
    /// A login; repeat it
    #[arg(long, value_name = "LOGIN")]
    user: Vec<String>,
    /// A team's slug; repeat it
    #[arg(long, value_name = "SLUG")]
    team: Vec<String>,
    /// They own no code in the project: your approval is written down. The reporter is one of
    /// them
    #[arg(long)]
    outsider: bool,
    /// Takes them off the list: a name that the tracker does not know, say
    #[arg(long, conflicts_with = "outsider")]
    remove: bool,
}

impl CollaborateArgs {
    pub(super) fn command(self) -> Result<(String, CaseCommand)> {
        if self.user.is_empty() && self.team.is_empty() {
            bail!("name somebody: --user LOGIN or --team SLUG");
        }
        let command = CaseCommand::Collaborate {
            users: self.user,
            teams: self.team,
            outsiders: self.outsider,
            remove: self.remove,
        };
        Ok((self.id, command))
    }
}

fn numbered(text: &str, prefix: &str, parts: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        rest.split('-').count() == parts
            && rest
                .split('-')
                .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn cwe(text: &str) -> Result<String, String> {
    let text = text.to_ascii_uppercase();
    if numbered(&text, "CWE-", 1) {
        Ok(text)
    } else {
        Err("written CWE-79".to_owned())
    }
}

fn cve(text: &str) -> Result<String, String> {
    let text = text.to_ascii_uppercase();
    if numbered(&text, "CVE-", 2) {
        Ok(text)
    } else {
        Err("written CVE-2026-12345".to_owned())
    }
}

fn package(text: &str) -> Result<Package, String> {
    triage::package(text).ok_or_else(|| "a package URL such as pkg:npm/acme".to_owned())
}

fn some(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}
