//! What did a scanner find? The reports of well-known tools, told apart by what only they say.

use super::{Record, text};
use crate::model::report::{Affected, Package};
use crate::triage::fields::LetterField;
use serde_json::Value;
use std::collections::HashSet;

/// One thing that a tool reports.
#[derive(Debug, Default)]
struct Finding {
    /// The rule or the identifier: findings of one are one.
    rule: String,
    title: Option<String>,
    severity: Option<String>,
    cwe: Option<String>,
    package: Option<String>,
    version: Option<String>,
    fixed: Option<String>,
    file: Option<String>,
}

/// So many rules are named, and so many packages.
const TITLES_MAX: usize = 20;
const PACKAGES_MAX: usize = 50;

/// Longer titles are cut.
const TITLE_CHARACTERS_MAX: usize = 160;

/// The report of a tool; none where it is no tool's.
pub(super) fn scanner(value: &Value) -> Option<Record> {
    let has = |pointer: &str| value.pointer(pointer).is_some();
    let (format, findings) = match () {
        () if has("/auditReportVersion") => ("npm audit", npm(value)),
        () if has("/SchemaVersion") && has("/Results") => ("Trivy", trivy(value)),
        () if text(value, "/descriptor/name") == Some("grype") => ("Grype", grype(value)),
        () if has("/results/0/packages") => ("OSV-Scanner", osv_scanner(value)),
        () if has("/vulnerabilities/0/packageName") => ("Snyk", snyk(value)),
        () if has("/site/0/alerts") => ("ZAP", zap(value)),
        () if has("/results/0/check_id") => ("Semgrep", semgrep(value)),
        () if has("/security_advisory") => ("Dependabot", vec![dependabot(value)]),
        () => return None,
    };
    Some(record(format, findings))
}

fn record(format: &'static str, findings: Vec<Finding>) -> Record {
    let mut found = Record {
        format,
        scanner: true,
        findings: findings.len(),
        ..Record::default()
    };
    let (mut rules, mut files) = (HashSet::new(), HashSet::new());
    for finding in findings.into_iter().take(FINDINGS_MAX) {
        found.say(LetterField::Fixed, finding.fixed.as_deref());
        found.say(LetterField::Cwe, finding.cwe.as_deref());
        if let Some(file) = finding.file.filter(|file| files.insert(file.clone())) {
            found.files.push(file);
        }
        let is_listed = found.affected.len() < PACKAGES_MAX;
        let version = finding.version.into_iter().collect();
        found
            .affected
            .extend(
                finding
                    .package
                    .as_ref()
                    .filter(|_| is_listed)
                    .map(|name| Affected {
                        package: Some(Package {
                            name: name.clone(),
                            ..Package::default()
                        }),
                        versions: version,
                        ..Affected::default()
                    }),
            );
        if rules.contains(&finding.rule) {
            continue;
        }
        found.say(LetterField::Severity, finding.severity.as_deref());
        let said = finding.title.as_deref().unwrap_or(&finding.rule);
        let title = said.lines().next().unwrap_or_default();
        if found.titles.len() < TITLES_MAX {
            found
                .titles
                .push(title.chars().take(TITLE_CHARACTERS_MAX).collect());
        }
        rules.insert(finding.rule);
    }
    if found.titles.len() < 2 {
        found.titles.clear();
    }
    found
}

/// More findings are counted no further.
const FINDINGS_MAX: usize = 5_000;

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.into_iter().flatten().take(FINDINGS_MAX)
}

fn owned(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn npm(value: &Value) -> Vec<Finding> {
    let packages = value.pointer("/vulnerabilities").and_then(Value::as_object);
    let of = |package: &Value| {
        let advisories = list(package, "/via").filter(|via| via.is_object());
        let findings = advisories.map(|advisory| Finding {
            rule: owned(advisory, "/url").unwrap_or_default(),
            title: owned(advisory, "/title"),
            severity: owned(advisory, "/severity"),
            cwe: owned(advisory, "/cwe/0"),
            package: owned(advisory, "/name"),
            ..Finding::default()
        });
        findings.collect::<Vec<_>>()
    };
    let packages = packages.into_iter().flat_map(|map| map.values());
    packages.flat_map(of).collect()
}

fn trivy(value: &Value) -> Vec<Finding> {
    let found = list(value, "/Results").flat_map(|result| list(result, "/Vulnerabilities"));
    let vulnerability = |found: &Value| Finding {
        rule: owned(found, "/VulnerabilityID").unwrap_or_default(),
        title: owned(found, "/Title").or_else(|| owned(found, "/VulnerabilityID")),
        severity: owned(found, "/Severity"),
        cwe: owned(found, "/CweIDs/0"),
        package: owned(found, "/PkgName"),
        version: owned(found, "/InstalledVersion"),
        fixed: owned(found, "/FixedVersion"),
        ..Finding::default()
    };
    found.map(vulnerability).collect()
}

fn grype(value: &Value) -> Vec<Finding> {
    let found = list(value, "/matches").map(|found| Finding {
        rule: owned(found, "/vulnerability/id").unwrap_or_default(),
        title: owned(found, "/vulnerability/id"),
        severity: owned(found, "/vulnerability/severity"),
        package: owned(found, "/artifact/name"),
        version: owned(found, "/artifact/version"),
        fixed: owned(found, "/vulnerability/fix/versions/0"),
        ..Finding::default()
    });
    found.collect()
}

fn osv_scanner(value: &Value) -> Vec<Finding> {
    let packages = list(value, "/results").flat_map(|result| list(result, "/packages"));
    let of = |package: &Value| {
        let found = list(package, "/vulnerabilities").map(|found| Finding {
            rule: owned(found, "/id").unwrap_or_default(),
            title: owned(found, "/summary").or_else(|| owned(found, "/id")),
            package: owned(package, "/package/name"),
            version: owned(package, "/package/version"),
            ..Finding::default()
        });
        found.collect::<Vec<_>>()
    };
    packages.flat_map(of).collect()
}

fn snyk(value: &Value) -> Vec<Finding> {
    let found = list(value, "/vulnerabilities").map(|found| Finding {
        rule: owned(found, "/id").unwrap_or_default(),
        title: owned(found, "/title"),
        severity: owned(found, "/severity"),
        cwe: owned(found, "/identifiers/CWE/0"),
        package: owned(found, "/packageName"),
        version: owned(found, "/version"),
        fixed: owned(found, "/fixedIn/0"),
        ..Finding::default()
    });
    found.collect()
}

fn zap(value: &Value) -> Vec<Finding> {
    let alerts = list(value, "/site").flat_map(|site| list(site, "/alerts"));
    let alert = |alert: &Value| Finding {
        rule: owned(alert, "/pluginid").unwrap_or_default(),
        title: owned(alert, "/name").or_else(|| owned(alert, "/alert")),
        // `High (Medium)`: the risk, then how sure it is.
        severity: owned(alert, "/riskdesc").map(|risk| first_word(&risk)),
        cwe: owned(alert, "/cweid").map(|number| format!("CWE-{number}")),
        ..Finding::default()
    };
    alerts.map(alert).collect()
}

fn first_word(text: &str) -> String {
    text.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn semgrep(value: &Value) -> Vec<Finding> {
    let found = list(value, "/results").map(|found| Finding {
        rule: owned(found, "/check_id").unwrap_or_default(),
        title: owned(found, "/check_id"),
        cwe: owned(found, "/extra/metadata/cwe/0"),
        file: owned(found, "/path"),
        ..Finding::default()
    });
    found.collect()
}

fn dependabot(value: &Value) -> Finding {
    Finding {
        rule: owned(value, "/security_advisory/ghsa_id").unwrap_or_default(),
        title: owned(value, "/security_advisory/summary"),
        severity: owned(value, "/security_advisory/severity"),
        cwe: owned(value, "/security_advisory/cwes/0/cwe_id"),
        package: owned(value, "/dependency/package/name"),
        fixed: owned(
            value,
            "/security_vulnerability/first_patched_version/identifier",
        ),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tools_are_told_apart_and_each_finding_is_one() {
        let trivy = json!({"SchemaVersion": 2, "Results": [{"Vulnerabilities": [
            {"VulnerabilityID": "CVE-2026-1", "PkgName": "libfrob", "InstalledVersion": "3.1-2",
             "FixedVersion": "3.1-3", "Severity": "HIGH", "Title": "libfrob: crash"},
            {"VulnerabilityID": "CVE-2026-2", "PkgName": "zap", "InstalledVersion": "0.9",
             "Severity": "LOW", "Title": "zap: weak umask"}]}]});
        let grype = json!({"descriptor": {"name": "grype"}, "matches": [
            {"vulnerability": {"id": "CVE-2026-1", "severity": "High"},
             "artifact": {"name": "libfrob", "version": "3.1"}}]});
        let zap = json!({"site": [{"alerts": [
            {"pluginid": "1", "name": "CSP not set", "riskdesc": "Medium (High)", "cweid": "693"},
            {"pluginid": "2", "name": "Banner", "riskdesc": "Low (High)", "cweid": "200"}]}]});
        let npm = json!({"auditReportVersion": 2, "vulnerabilities": {"minim": {"via": [
            {"url": "u1", "name": "minim", "title": "Prototype pollution", "severity": "critical",
             "cwe": ["CWE-1321"]}, "other"]}}});
        let semgrep = json!({"results": [{"check_id": "py.md5", "path": "a/b.py", "extra": {}}]});
        for (value, format, findings, titles) in [
            (
                &trivy,
                "Trivy",
                2,
                &["libfrob: crash", "zap: weak umask"][..],
            ),
            (&grype, "Grype", 1, &[][..]),
            (&zap, "ZAP", 2, &["CSP not set", "Banner"][..]),
            (&npm, "npm audit", 1, &[][..]),
            (&semgrep, "Semgrep", 1, &[][..]),
        ] {
            let read = scanner(value).unwrap();
            assert_eq!((read.format, read.findings), (format, findings));
            assert_eq!(read.titles, titles, "{format}");
            assert!(read.scanner);
        }
        assert!(scanner(&json!({"results": [], "vulnerabilities": []})).is_none());
    }
}
