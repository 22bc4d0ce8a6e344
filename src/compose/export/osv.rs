//! OSV schema 1.6: what package managers and scanners read.

use super::{ExportError, Exported, cvss_version, pretty};
use crate::model::report::{CARGO_ECOSYSTEM, Range};
use serde_json::{Map, Value, json};

const OSV: &str = "OSV";

/// Databases whose ids OSV takes.
const DATABASES: [&str; 2] = ["GHSA-", "CVE-"];

pub fn osv(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let advisory = exported.advisory.map(|(id, _)| id.to_owned());
    let ids: Vec<String> = advisory
        .into_iter()
        .chain(report.cve_ids.clone())
        .filter(|id| DATABASES.iter().any(|known| id.starts_with(known)))
        .collect();
    let [id, aliases @ ..] = ids.as_slice() else {
        return Err(exported.missing(
            "id of GHSA or CVE",
            OSV,
            "sealdesk case set --cve, or file its draft on GitHub",
        ));
    };
    let mut affected = Vec::new();
    for one in exported.affected() {
        let package = one.package.clone().unwrap_or_default();
        let name = exported.product_of(&one, OSV)?;
        let ecosystem = package
            .ecosystem
            .clone()
            .or_else(|| exported.publisher.ecosystem.clone());
        let ecosystem = ecosystem.ok_or_else(|| {
            exported.missing(
                "ecosystem",
                OSV,
                "sealdesk case set --package pkg:npm/…, or publish.ecosystem in the config",
            )
        })?;
        let mut entry = Map::new();
        entry.insert(
            "package".to_owned(),
            json!({ "ecosystem": ecosystem, "name": name }),
        );
        if let Some(purl) = &package.purl {
            entry["package"]["purl"] = json!(purl);
        }
        let ranges: Vec<Value> = one
            .ranges
            .iter()
            .map(|range| json!({ "type": kind(&ecosystem), "events": events(range) }))
            .collect();
        if !ranges.is_empty() {
            entry.insert("ranges".to_owned(), json!(ranges));
        }
        if !one.versions.is_empty() {
            entry.insert("versions".to_owned(), json!(one.versions));
        }
        affected.push(Value::Object(entry));
    }
    let mut document = json!({
        "schema_version": "1.6.0",
        "id": id,
        "modified": exported.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "summary": exported.title(OSV)?,
        "details": exported.description(OSV)?,
        "affected": affected,
        "references": exported.urls().into_iter().map(|(what, url)| json!({ "type": reference(what), "url": url })).collect::<Vec<_>>(),
        "credits": exported.credited().into_iter().map(|(name, as_what)| json!({ "name": name, "type": as_what.to_uppercase() })).collect::<Vec<_>>(),
        "database_specific": { "cwe_ids": report.cwe_ids, "severity": report.severity.as_deref().map(str::to_uppercase) },
    });
    if !aliases.is_empty() {
        document["aliases"] = json!(aliases);
    }
    if let Some(at) = exported.released_at {
        document["published"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    if let Some(vector) = &report.cvss {
        let version = cvss_version(vector)
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned();
        document["severity"] = json!([{ "type": format!("CVSS_V{version}"), "score": vector }]);
    }
    Ok(pretty(&document))
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
