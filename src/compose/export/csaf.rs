//! CSAF 2.0, profile "Security Advisory" (section 4.4): what operators' asset tools read.

use super::{ExportError, Exported, cvss_version, cwe, pretty, vers};
use crate::model::cvss;
use crate::model::report::Affected;
use serde_json::{Value, json};

const CSAF: &str = "CSAF";

pub fn csaf(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let title = exported.title(CSAF)?;
    let at = exported.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let released = exported
        .released_at
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let mut tree = Tree::default();
    for affected in exported.affected() {
        let product = exported.product_of(&affected, CSAF)?;
        tree.add(&product, &affected, &report.fixed_versions);
    }
    if tree.affected.is_empty() {
        return Err(exported.missing("product", CSAF, "sealdesk case set --product"));
    }
    let mut vulnerability = json!({
        "title": title,
        "notes": [{ "category": "description", "text": exported.description(CSAF)? }],
        "product_status": { "known_affected": tree.affected },
    });
    if !tree.fixed.is_empty() {
        vulnerability["product_status"]["fixed"] = json!(tree.fixed);
        let details = format!("Upgrade to {}.", report.fixed_versions.join(", "));
        vulnerability["remediations"] =
            json!([{ "category": "vendor_fix", "details": details, "product_ids": tree.affected }]);
    }
    match report.cve_ids.as_slice() {
        [one, ..] => vulnerability["cve"] = json!(one),
        [] => {
            vulnerability["ids"] =
                json!([{ "system_name": exported.publisher.name, "text": exported.case.as_str() }])
        }
    }
    // One weakness, with the name that CWE gives it (section 3.2.3.3).
    if let Some((id, name)) = report
        .cwe_ids
        .iter()
        .find_map(|id| Some((id, cwe::name(id)?)))
    {
        vulnerability["cwe"] = json!({ "id": id, "name": name });
    }
    if let Some(score) = report
        .cvss
        .as_deref()
        .and_then(|vector| score(vector, &tree.affected))
    {
        vulnerability["scores"] = json!([score]);
    }
    let credited = exported.credited();
    if !credited.is_empty() {
        vulnerability["acknowledgments"] = json!(
            credited
                .iter()
                .map(|(name, _)| json!({ "names": [name] }))
                .collect::<Vec<_>>()
        );
    }
    let references: Vec<Value> = exported
        .urls()
        .into_iter()
        .map(|(what, url)| json!({ "category": if what == "advisory" { "self" } else { "external" }, "summary": what, "url": url }))
        .collect();
    let mut document = json!({
        "document": {
            "category": "csaf_security_advisory",
            "csaf_version": "2.0",
            "lang": "en",
            "title": title,
            // Before its release nobody but those concerned may have it.
            "distribution": { "tlp": { "label": if released.is_some() { "WHITE" } else { "AMBER" } } },
            "publisher": { "category": "vendor", "name": exported.publisher.name, "namespace": exported.publisher.namespace },
            "tracking": {
                "id": exported.case.as_str(),
                "status": if released.is_some() { "final" } else { "draft" },
                "version": if released.is_some() { "1" } else { "0" },
                "initial_release_date": released.clone().unwrap_or_else(|| at.clone()),
                "current_release_date": at,
                "generator": { "date": at, "engine": { "name": "sealdesk", "version": env!("CARGO_PKG_VERSION") } },
                "revision_history": [{ "date": at, "number": if released.is_some() { "1" } else { "0" }, "summary": "Exported." }],
            },
        },
        "product_tree": { "branches": [{ "category": "vendor", "name": exported.publisher.name, "branches": tree.products }] },
        "vulnerabilities": [vulnerability],
    });
    if !references.is_empty() {
        document["document"]["references"] = json!(references);
    }
    Ok(pretty(&document))
}

/// The product tree as it grows, and what of it is affected and fixed.
#[derive(Default)]
struct Tree {
    products: Vec<Value>,
    affected: Vec<String>,
    fixed: Vec<String>,
}

impl Tree {
    fn add(&mut self, product: &str, affected: &Affected, fixed: &[String]) {
        let purl = affected.package.as_ref().and_then(|p| p.purl.clone());
        let of = |category: &str, name: &str, id: &str| {
            let mut entry = json!({ "category": category, "name": name, "product": { "product_id": id, "name": format!("{product} \
                {name}") } });
            if let Some(purl) = &purl {
                entry["product"]["product_identification_helper"] = json!({ "purl": purl });
            }
            entry
        };
        let mut branches = Vec::new();
        let ranges = affected
            .ranges
            .iter()
            .map(|range| ("product_version_range", vers(range)));
        let single = affected
            .versions
            .iter()
            .map(|version| ("product_version", version.clone()));
        let mut all: Vec<(&str, String)> = ranges.chain(single).collect();
        if all.is_empty() {
            all.push(("product_version_range", "vers:all/*".to_owned()));
        }
        for (category, name) in all {
            let id = format!("AFFECTED-{}", self.affected.len() + 1);
            branches.push(of(category, &name, &id));
            self.affected.push(id);
        }
        for version in fixed {
            let id = format!("FIXED-{}", self.fixed.len() + 1);
            branches.push(of("product_version", version, &id));
            self.fixed.push(id);
        }
        self.products
            .push(json!({ "category": "product_name", "name": product, "branches": branches }));
    }
}

/// CSAF 2.0 takes CVSS 2 and 3; one of version 4 stays out.
fn score(vector: &str, products: &[String]) -> Option<Value> {
    let rated = cvss::rate(vector)?;
    let base = f64::from(rated.tenths) / 10.0;
    match cvss_version(vector) {
        version @ ("3.0" | "3.1") => Some(
            json!({ "products": products, "cvss_v3": { "version": version, "vectorString": vector, "baseScore": base, "baseSeverity": rated.rating.to_uppercase() } }),
        ),
        "2.0" => Some(
            json!({ "products": products, "cvss_v2": { "version": "2.0", "vectorString": vector, "baseScore": base } }),
        ),
        _ => None,
    }
}
