//! GitHub's JSON of a repository security advisory, as its REST API takes it.

use super::{ExportError, Exported, pretty};
use crate::model::report::fields::{Field, Table};
use crate::model::report::{CARGO_ECOSYSTEM, Range, Report};
use serde_json::{Value, json};

/// Entries of `vulnerabilities` in one draft.
const VULNERABILITIES_MAX: usize = 20;

/// GitHub's names of OSV's ecosystems.
const ECOSYSTEMS: [(&str, &str); 11] = [
    ("npm", "npm"),
    ("PyPI", "pip"),
    (CARGO_ECOSYSTEM, "rust"),
    ("Go", "go"),
    ("Maven", "maven"),
    ("NuGet", "nuget"),
    ("RubyGems", "rubygems"),
    ("Packagist", "composer"),
    ("Hex", "erlang"),
    ("Pub", "pub"),
    ("SwiftURL", "swift"),
];

/// The body of a request to GitHub that creates a repository advisory, as JSON.
pub fn advisory(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let default_ecosystem = exported.publisher.ecosystem.as_deref().and_then(ecosystem);
    let with_login = exported.credits.iter().filter(|c| !c.login.is_empty());
    let credits = with_login.map(|c| json!({ "login": c.login, "type": c.kind }));
    let mut body = json!({
        "summary": exported.title("GHSA")?.chars().take(1024).collect::<String>(),
        "description": exported.description("GHSA")?,
        "cwe_ids": report.cwe_ids,
        "vulnerabilities": vulnerabilities(report, default_ecosystem.unwrap_or("other")),
        "credits": credits.collect::<Vec<_>>(),
    });
    if let [one] = report.cve_ids.as_slice() {
        body["cve_id"] = json!(one);
    }
    // A vector or a severity, never both; GitHub takes vectors of versions 3 and 4.
    match (
        report.cvss.as_deref().filter(|v| v.starts_with("CVSS:")),
        report.severity.as_deref(),
    ) {
        (Some(vector), _) => body["cvss_vector_string"] = json!(vector),
        (None, Some(severity @ ("critical" | "high" | "medium" | "low"))) => {
            body["severity"] = json!(severity)
        }
        _ => {
            return Err(exported.missing(
                "severity",
                "GHSA",
                "sealdesk case set --vector or --severity",
            ));
        }
    }
    Ok(pretty(&body))
}

/// An entry for each package and range, and at least one: GitHub's API fails without.
pub fn vulnerabilities(report: &Report, default_ecosystem: &str) -> Vec<Value> {
    let cut = |text: &str, characters: usize| text.chars().take(characters).collect::<String>();
    let mut entries = Vec::new();
    for affected in &report.affected {
        let package = affected.package.as_ref();
        let ecosystem = package
            .and_then(|p| p.ecosystem.as_deref())
            .and_then(ecosystem)
            .unwrap_or(default_ecosystem);
        let name = package
            .map(|p| p.name.as_str())
            .or(report.product.as_deref())
            .map(|name| cut(name, 200));
        for range in affected.ranges.iter().take(VULNERABILITIES_MAX) {
            entries.push(json!({
                "package": { "ecosystem": ecosystem, "name": name },
                "vulnerable_version_range": cut(&written(range), 400),
                "patched_versions": range.fixed,
            }));
        }
    }
    entries.truncate(VULNERABILITIES_MAX);
    if entries.is_empty() {
        let table = Table::of(report);
        let words = table.text(Field::AffectedVersions);
        let patched = table.text(Field::FixedVersions);
        entries.push(json!({
            "package": { "ecosystem": default_ecosystem, "name": report.product.as_deref().map(|p| cut(p, 200)) },
            "vulnerable_version_range": (!words.is_empty()).then(|| cut(&words, 400)),
            "patched_versions": (!patched.is_empty()).then(|| cut(&patched, 400)),
        }));
    }
    entries
}

fn ecosystem(osv: &str) -> Option<&'static str> {
    ECOSYSTEMS
        .iter()
        .find(|(name, _)| *name == osv)
        .map(|(_, github)| *github)
}

/// `>= 1.0, < 1.5.2`.
fn written(range: &Range) -> String {
    let from = (range.introduced != "0").then(|| format!(">= {}", range.introduced));
    let to = range
        .fixed
        .as_ref()
        .map(|v| format!("< {v}"))
        .or(range.last_affected.as_ref().map(|v| format!("<= {v}")));
    let both: Vec<String> = from.into_iter().chain(to).collect();
    if both.is_empty() {
        ">= 0".to_owned()
    } else {
        both.join(", ")
    }
}
