//! What does a record of OSV say?

use super::{Record, list, package, strings, text};
use crate::model::report::{Affected, Package, Range};
use crate::triage::fields::LetterField;
use serde_json::Value;

/// OSV schema 1.7.
pub(super) fn osv(value: &Value) -> Record {
    let mut found = Record {
        format: "OSV",
        ..Record::default()
    };
    found.say(LetterField::Summary, text(value, "/summary"));
    found.say(
        LetterField::Steps,
        text(value, "/details").filter(|details| details.to_lowercase().contains("reproduce")),
    );
    for id in strings(value, "/aliases").chain(text(value, "/id")) {
        found.say(LetterField::Cve, Some(id));
    }
    for severity in list(value, "/severity").chain(list(value, "/affected/0/severity")) {
        found.say(LetterField::Cvss, text(severity, "/score"));
    }
    found.say(
        LetterField::Severity,
        text(value, "/database_specific/severity"),
    );
    for id in strings(value, "/database_specific/cwe_ids")
        .chain(strings(value, "/database_specific/cwes"))
    {
        found.say(LetterField::Cwe, Some(id));
    }
    for affected in list(value, "/affected") {
        let by_purl = text(affected, "/package/purl").and_then(package);
        let named = text(affected, "/package/name").map(|name| Package {
            ecosystem: text(affected, "/package/ecosystem").map(str::to_owned),
            name: name.to_owned(),
            purl: by_purl.as_ref().and_then(|p| p.purl.clone()),
        });
        let mut one = Affected {
            package: named.or(by_purl),
            ..Affected::default()
        };
        for range in list(affected, "/ranges").filter(|r| text(r, "/type") != Some("GIT")) {
            one.ranges.extend(events(range));
        }
        one.versions = strings(affected, "/versions").map(str::to_owned).collect();
        found.affected.push(one);
    }
    found.references = list(value, "/references")
        .filter_map(|r| text(r, "/url"))
        .map(str::to_owned)
        .collect();
    found.credits = list(value, "/credits")
        .filter_map(|c| text(c, "/name"))
        .map(str::to_owned)
        .collect();
    found
}

/// OSV's events: what is introduced is ended by the next event that ends something.
pub(super) fn events(range: &Value) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for event in list(range, "/events") {
        if let Some(introduced) = text(event, "/introduced") {
            ranges.push(Range {
                introduced: introduced.to_owned(),
                ..Range::default()
            });
        } else if let Some(last) = ranges.last_mut() {
            last.fixed = text(event, "/fixed")
                .map(str::to_owned)
                .or(last.fixed.take());
            last.last_affected = text(event, "/last_affected")
                .map(str::to_owned)
                .or(last.last_affected.take());
        }
    }
    ranges
}
