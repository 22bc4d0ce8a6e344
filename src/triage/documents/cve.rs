//! What does a CVE record say?

use super::{Record, list, package, strings, text};
use crate::model::report::{Affected, Package, Range};
use crate::triage::fields::LetterField;
use serde_json::Value;

/// CVE Record Format 5.1, the CNA's container.
pub(super) fn cve(value: &Value) -> Record {
    let mut found = Record {
        format: "CVE",
        ..Record::default()
    };
    // A draft may be the container alone.
    let cna = value.pointer("/containers/cna").unwrap_or(value);
    found.say(
        LetterField::Summary,
        text(cna, "/title").or(text(cna, "/descriptions/0/value")),
    );
    let id = text(value, "/cveMetadata/cveId").or(text(value, "/cveId"));
    found.say(LetterField::Cve, id);
    for problem in list(cna, "/problemTypes") {
        for described in list(problem, "/descriptions") {
            found.say(
                LetterField::Cwe,
                text(described, "/cweId").or(text(described, "/description")),
            );
        }
    }
    for metric in list(cna, "/metrics") {
        for version in ["cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0"] {
            found.say(
                LetterField::Cvss,
                text(metric, &format!("/{version}/vectorString")),
            );
            let severity = text(metric, &format!("/{version}/baseSeverity"));
            found.say(LetterField::Severity, severity);
        }
    }
    // Of a draft, where the metrics may be one.
    found.say(LetterField::Cvss, text(cna, "/metrics/vectorString"));
    found.say(LetterField::Severity, text(cna, "/metrics/baseSeverity"));
    for exploit in list(cna, "/exploits") {
        found.say(LetterField::Exploited, text(exploit, "/value"));
    }
    for affected in list(cna, "/affected") {
        let name = text(affected, "/product").or(text(affected, "/packageName"));
        let purl = text(affected, "/packageURL").and_then(package);
        let named = name.map(|name| Package {
            ecosystem: None,
            name: name.to_owned(),
            purl: purl.as_ref().and_then(|p| p.purl.clone()),
        });
        let mut one = Affected {
            package: named.or(purl),
            ..Affected::default()
        };
        for version in list(affected, "/versions") {
            cve_version(version, &mut one, &mut found);
        }
        found
            .files
            .extend(strings(affected, "/programFiles").map(str::to_owned));
        for routine in list(affected, "/programRoutines") {
            found.say(LetterField::Functions, text(routine, "/name"));
        }
        found.affected.push(one);
    }
    found.references = list(cna, "/references")
        .filter_map(|r| text(r, "/url"))
        .map(str::to_owned)
        .collect();
    found.credits = list(cna, "/credits")
        .filter_map(|c| text(c, "/value"))
        .map(str::to_owned)
        .collect();
    found
}

pub(super) fn cve_version(version: &Value, one: &mut Affected, found: &mut Record) {
    let Some(at) = text(version, "/version") else {
        return;
    };
    let (below, to) = (
        text(version, "/lessThan"),
        text(version, "/lessThanOrEqual"),
    );
    match text(version, "/status").unwrap_or("affected") {
        "affected" if below.is_some() || to.is_some() => {
            let introduced = if matches!(at, "unspecified" | "*" | "n/a" | "") {
                "0"
            } else {
                at
            };
            let end = |to: Option<&str>| to.filter(|v| *v != "*").map(str::to_owned);
            one.ranges.push(Range {
                introduced: introduced.to_owned(),
                fixed: end(below),
                last_affected: end(to),
            });
        }
        "affected" => found.say(LetterField::Versions, Some(at)),
        "unaffected" if below.is_none() && to.is_none() => found.say(LetterField::Fixed, Some(at)),
        _ => {}
    }
}
