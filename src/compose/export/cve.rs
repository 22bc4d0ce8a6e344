//! CVE Record Format 5.1: the container of a CNA, as `cve publish --cve-json` takes it.

use super::{ExportError, Exported, cvss_version, cwe, pretty};
use crate::model::cvss;
use crate::model::report::Range;
use serde_json::{Map, Value, json};

const CVE: &str = "CVE";

/// The container of a CNA (CVE record format 5.1), as JSON.
pub fn cve(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let org = exported.publisher.cve_org_id.as_deref();
    let org = org.ok_or_else(|| {
        exported.missing(
            "organisation",
            CVE,
            "publish.cve_org_id in the config, the UUID of your CNA",
        )
    })?;
    let mut affected = Vec::new();
    for one in exported.affected() {
        let mut versions: Vec<Value> = one.ranges.iter().map(range).collect();
        versions.extend(
            one.versions
                .iter()
                .map(|v| json!({ "version": v, "status": "affected", "versionType": "custom" })),
        );
        let mut product = json!({ "vendor": exported.publisher.name, "product": exported.product_of(&one, CVE)?, "defaultStatus": if versions.is_empty() { "unknown" } else { "unaffected" } });
        if !versions.is_empty() {
            product["versions"] = json!(versions);
        }
        affected.push(product);
    }
    if affected.is_empty() {
        return Err(exported.missing("product", CVE, "sealdesk case set --product"));
    }
    let references: Vec<Value> = exported
        .urls()
        .into_iter()
        .map(|(_, url)| json!({ "url": url }))
        .collect();
    if references.is_empty() {
        return Err(exported.missing("reference", CVE, "sealdesk case link ID advisory URL"));
    }
    let mut container = json!({
        "providerMetadata": { "orgId": org },
        "title": exported.title(CVE)?.chars().take(256).collect::<String>(),
        "descriptions": [{ "lang": "en", "value": exported.description(CVE)? }],
        "affected": affected,
        "references": references,
        "source": { "discovery": "EXTERNAL" },
    });
    if !report.cwe_ids.is_empty() {
        let described = |id: &String| {
            let told = cwe::name(id).map_or(id.clone(), |name| format!("{id} {name}"));
            let described =
                json!({ "lang": "en", "type": "CWE", "cweId": id, "description": told });
            json!({ "descriptions": [described] })
        };
        container["problemTypes"] = json!(report.cwe_ids.iter().map(described).collect::<Vec<_>>());
    }
    if let Some(metric) = report.cvss.as_deref().and_then(metric) {
        container["metrics"] = json!([metric]);
    }
    let credits: Vec<Value> = exported
        .credited()
        .into_iter()
        .map(|(name, kind)| json!({ "lang": "en", "value": name, "type": kind.replace('_', " ") }))
        .collect();
    if !credits.is_empty() {
        container["credits"] = json!(credits);
    }
    if let Some(at) = exported.released_at {
        container["datePublic"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    Ok(pretty(&container))
}

fn range(range: &Range) -> Value {
    let mut version = Map::from_iter([
        ("version".to_owned(), json!(range.introduced)),
        ("status".to_owned(), json!("affected")),
        ("versionType".to_owned(), json!("custom")),
    ]);
    match (&range.fixed, &range.last_affected) {
        (Some(fixed), _) => version.insert("lessThan".to_owned(), json!(fixed)),
        (_, Some(last)) => version.insert("lessThanOrEqual".to_owned(), json!(last)),
        _ => version.insert("lessThanOrEqual".to_owned(), json!("*")),
    };
    Value::Object(version)
}

fn metric(vector: &str) -> Option<Value> {
    let rated = cvss::rate(vector)?;
    let score = f64::from(rated.tenths) / 10.0;
    let (key, version) = match cvss_version(vector) {
        "4.0" => ("cvssV4_0", "4.0"),
        "3.1" => ("cvssV3_1", "3.1"),
        "3.0" => ("cvssV3_0", "3.0"),
        _ => ("cvssV2_0", "2.0"),
    };
    let mut metric = json!({ "version": version, "vectorString": vector, "baseScore": score });
    // Version 2 has no words for its scores.
    if version != "2.0" {
        metric["baseSeverity"] = json!(rated.rating.to_uppercase());
    }
    Some(json!({ key: metric }))
}
