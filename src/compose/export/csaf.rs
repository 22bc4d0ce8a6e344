//! CSAF 2.0, profile "Security Advisory" (section 4.4): what operators' asset tools read.

use super::{ExportError, Exported, cvss_version, cwe, pretty, second, vers};
use crate::model::cvss;
use crate::model::report::Affected;
use crate::model::report::fields::{Field, Table};
use serde_json::{Value, json};

const CSAF: &str = "CSAF";

/// The case as a document of CSAF.
pub fn csaf(exported: &Exported<'_>) -> Result<String, ExportError> {
    let title = exported.title(CSAF)?;
    let tree = Tree::of(exported)?;
    let vulnerability = vulnerability(exported, title, &tree)?;
    let publisher = exported.publisher;
    let mut document = json!({
        "document": document_head(exported, title),
        "product_tree": {
            "branches": [{
                "category": "vendor",
                "name": publisher.name,
                "branches": tree.products,
            }],
        },
        "vulnerabilities": [vulnerability],
    });
    let references: Vec<Value> = exported
        .urls()
        .into_iter()
        .map(|(what, url)| reference(what, url))
        .collect();
    if !references.is_empty() {
        document["document"]["references"] = json!(references);
    }
    Ok(pretty(&document))
}

/// Who publishes what, how far it may be told, and since when.
fn document_head(exported: &Exported<'_>, title: &str) -> Value {
    let publisher = exported.publisher;
    // Before its release nobody but those concerned may have it.
    let label = if exported.released_at.is_some() {
        "WHITE"
    } else {
        "AMBER"
    };
    json!({
        "category": "csaf_security_advisory",
        "csaf_version": "2.0",
        "lang": "en",
        "title": title,
        "distribution": { "tlp": { "label": label } },
        "publisher": {
            "category": "vendor",
            "name": publisher.name,
            "namespace": publisher.namespace,
        },
        "tracking": tracking(exported),
    })
}

/// The document's id, state and history (section 3.2.1.12).
fn tracking(exported: &Exported<'_>) -> Value {
    let (status, version) = if exported.released_at.is_some() {
        ("final", "1")
    } else {
        ("draft", "0")
    };
    let at = second(exported.at);
    json!({
        "id": exported.case.as_str(),
        "status": status,
        "version": version,
        "initial_release_date": exported.released_at.map_or_else(|| at.clone(), second),
        "current_release_date": at,
        "generator": {
            "date": at,
            "engine": { "name": "sealdesk", "version": env!("CARGO_PKG_VERSION") },
        },
        "revision_history": [{ "date": at, "number": version, "summary": "Exported." }],
    })
}

/// What the vulnerability is and does, what mends it, and who found it.
fn vulnerability(exported: &Exported<'_>, title: &str, tree: &Tree) -> Result<Value, ExportError> {
    let report = exported.report;
    let mut vulnerability = json!({
        "title": title,
        "notes": [{ "category": "description", "text": exported.description(CSAF)? }],
        "product_status": { "known_affected": tree.affected },
    });
    if !tree.fixed.is_empty() {
        vulnerability["product_status"]["fixed"] = json!(tree.fixed);
        let fixed = Table::of(report).text(Field::FixedVersions);
        let details = format!("Upgrade to {fixed}.");
        vulnerability["remediations"] =
            json!([{ "category": "vendor_fix", "details": details, "product_ids": tree.affected }]);
    }
    match report.cve_ids.first() {
        Some(id) => vulnerability["cve"] = json!(id),
        None => {
            vulnerability["ids"] =
                json!([{ "system_name": exported.publisher.name, "text": exported.case.as_str() }])
        }
    }
    // One weakness, with the name that CWE gives it (section 3.2.3.3).
    let named = |id: &String| Some((id.clone(), cwe::name(id)?));
    if let Some((id, name)) = report.cwe_ids.iter().find_map(named) {
        vulnerability["cwe"] = json!({ "id": id, "name": name });
    }
    let vector = report.cvss.as_deref();
    if let Some(score) = vector.and_then(|vector| score(vector, &tree.affected)) {
        vulnerability["scores"] = json!([score]);
    }
    let credited = exported.credited();
    let credited = credited.iter().map(|(name, _)| json!({ "names": [name] }));
    let credited: Vec<Value> = credited.collect();
    if !credited.is_empty() {
        vulnerability["acknowledgments"] = json!(credited);
    }
    Ok(vulnerability)
}

fn reference(what: &str, url: &str) -> Value {
    let category = if what == "advisory" {
        "self"
    } else {
        "external"
    };
    json!({ "category": category, "summary": what, "url": url })
}

/// The product tree as it grows, and what of it is affected and fixed.
#[derive(Default)]
struct Tree {
    products: Vec<Value>,
    affected: Vec<String>,
    fixed: Vec<String>,
}

impl Tree {
    /// Every product that is affected; an error where none is known.
    fn of(exported: &Exported<'_>) -> Result<Self, ExportError> {
        let mut tree = Self::default();
        for affected in exported.affected() {
            let product = exported.product_of(&affected, CSAF)?;
            tree.add(&product, &affected, &exported.report.fixed_versions);
        }
        if tree.affected.is_empty() {
            return Err(exported.missing("product", CSAF, "sealdesk case set --product"));
        }
        Ok(tree)
    }

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
        version @ ("3.0" | "3.1") => Some(json!({ "products": products, "cvss_v3": {
                "version": version,
                "vectorString": vector,
                "baseScore": base,
                "baseSeverity": rated.rating.to_uppercase(),
            } })),
        "2.0" => Some(json!({ "products": products, "cvss_v2": {
                "version": "2.0",
                "vectorString": vector,
                "baseScore": base,
            } })),
        _ => None,
    }
}
