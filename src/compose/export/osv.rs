//! OSV schema 1.6: what package managers and scanners read.

use super::{ExportError, Exported, cvss_version, pretty, second};
use crate::model::report::{Affected, CARGO_ECOSYSTEM, Range};
use serde_json::{Value, json};

const OSV: &str = "OSV";

/// Databases whose ids OSV takes.
const DATABASES: [&str; 2] = ["GHSA-", "CVE-"];

/// The case as an entry of OSV.
pub fn osv(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let ids = database_ids(exported);
    let [id, aliases @ ..] = ids.as_slice() else {
        return Err(exported.missing(
            "id of GHSA or CVE",
            OSV,
            "sealdesk case set --cve, or file its draft on GitHub",
        ));
    };
    let affected: Vec<Value> = exported
        .affected()
        .iter()
        .map(|affected| affected_entry(exported, affected))
        .collect::<Result<_, _>>()?;
    let mut document = json!({
        "schema_version": "1.6.0",
        "id": id,
        "modified": second(exported.at),
        "summary": exported.title(OSV)?,
        "details": exported.description(OSV)?,
        "affected": affected,
        "references": references(exported),
        "credits": credits(exported),
        "database_specific": {
            "cwe_ids": report.cwe_ids,
            "severity": report.severity.as_deref().map(str::to_uppercase),
        },
    });
    if !aliases.is_empty() {
        document["aliases"] = json!(aliases);
    }
    if let Some(at) = exported.released_at {
        document["published"] = json!(second(at));
    }
    if let Some(vector) = &report.cvss {
        let version = cvss_version(vector).split('.').next().unwrap_or_default();
        document["severity"] = json!([{ "type": format!("CVSS_V{version}"), "score": vector }]);
    }
    Ok(pretty(&document))
}

/// The ids of the case that OSV takes, its advisory's first.
fn database_ids(exported: &Exported<'_>) -> Vec<String> {
    let advisory = exported.advisory.map(|(id, _)| id.to_owned());
    advisory
        .into_iter()
        .chain(exported.report.cve_ids.clone())
        .filter(|id| DATABASES.iter().any(|known| id.starts_with(known)))
        .collect()
}

/// One package, and which of its versions are affected.
fn affected_entry(exported: &Exported<'_>, affected: &Affected) -> Result<Value, ExportError> {
    let package = affected.package.clone().unwrap_or_default();
    let name = exported.product_of(affected, OSV)?;
    let ecosystem = package
        .ecosystem
        .or_else(|| exported.publisher.ecosystem.clone());
    let ecosystem = ecosystem.ok_or_else(|| {
        exported.missing(
            "ecosystem",
            OSV,
            "sealdesk case set --package pkg:npm/…, or publish.ecosystem in the config",
        )
    })?;
    let mut entry = json!({ "package": { "ecosystem": ecosystem, "name": name } });
    if let Some(purl) = &package.purl {
        entry["package"]["purl"] = json!(purl);
    }
    let ranges: Vec<Value> = affected
        .ranges
        .iter()
        .map(|range| json!({ "type": kind(&ecosystem), "events": events(range) }))
        .collect();
    if !ranges.is_empty() {
        entry["ranges"] = json!(ranges);
    }
    if !affected.versions.is_empty() {
        entry["versions"] = json!(affected.versions);
    }
    Ok(entry)
}

fn references(exported: &Exported<'_>) -> Vec<Value> {
    let urls = exported.urls().into_iter();
    urls.map(|(what, url)| json!({ "type": reference(what), "url": url }))
        .collect()
}

fn credits(exported: &Exported<'_>) -> Vec<Value> {
    let credited = exported.credited().into_iter();
    credited
        .map(|(name, kind)| json!({ "name": name, "type": kind.to_uppercase() }))
        .collect()
}

/// Ecosystems whose versions are SemVer say so; others order them in their own way.
fn kind(ecosystem: &str) -> &'static str {
    if matches!(
        ecosystem,
        "npm" | CARGO_ECOSYSTEM | "Go" | "Hex" | "Pub" | "SwiftURL"
    ) {
        "SEMVER"
    } else {
        "ECOSYSTEM"
    }
}

fn events(range: &Range) -> Vec<Value> {
    let mut events = vec![json!({ "introduced": range.introduced })];
    match (&range.fixed, &range.last_affected) {
        (Some(fixed), _) => events.push(json!({ "fixed": fixed })),
        (_, Some(last)) => events.push(json!({ "last_affected": last })),
        _ => {}
    }
    events
}

fn reference(what: &str) -> &'static str {
    match what {
        "advisory" => "ADVISORY",
        "fix" => "FIX",
        "introduced" => "INTRODUCED",
        "discussion" => "DISCUSSION",
        "report" => "REPORT",
        _ => "WEB",
    }
}
