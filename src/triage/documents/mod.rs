//! What does a record say that came with the letter? OSV, CVE JSON 5, CSAF 2.0, SARIF 2.1.0, or any
//! YAML and JSON.
//!
//! Records by strangers are incomplete more often than not, so each field is looked up by itself;
//! what is not there, or has another type, is absent.

mod sarif;
mod scanners;

use sarif::sarif;
mod cve;

use cve::cve;
mod osv;

use osv::osv;
mod csaf;

use super::fields::{LetterField, field};
use super::sections::Section;
use crate::model::report::{Affected, CARGO_ECOSYSTEM, Package, Range};
use packageurl::PackageUrl;
use serde_json::Value;
use std::str::FromStr;

/// A larger file is evidence for a human, not a record.
pub(super) const RECORD_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// Records read of one letter.
pub(super) const RECORDS_MAX: usize = 4;

/// Of the entries of a list that a record holds.
const ENTRIES_MAX: usize = 50;

/// Fields that one record says, and how long each is at most.
const SECTIONS_MAX: usize = 200;
const SECTION_OCTETS_MAX: usize = 8 * 1024;

/// How deep a free record is looked into.
const DEPTH_MAX: usize = 5;

/// Whether a file looks like a record, so that its octets are worth keeping until the report is
/// read.
pub fn may_be_record(name: &str, media_type: &str, octets: &[u8]) -> bool {
    let named = |end: &str| name.to_lowercase().ends_with(end) || media_type.ends_with(end);
    let is_text = octets
        .iter()
        .find(|b| !b.is_ascii_whitespace())
        .is_some_and(|first| matches!(first, b'{' | b'['))
        || named("yaml")
        || named(".yml");
    is_text && octets.len() <= RECORD_OCTETS_MAX
}

/// Descriptions and notes of a record that are looked at.
const PROSE_OCTETS_MAX: usize = 64 * 1024;
const PROSE_DEPTH_MAX: usize = 10;

/// What one record says. Sections stand for what it says in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub format: &'static str,
    pub sections: Vec<Section>,
    pub affected: Vec<Affected>,
    pub references: Vec<String>,
    /// Of each result, where it lists more than one.
    pub titles: Vec<String>,
    pub files: Vec<String>,
    /// Names of those to be credited.
    pub credits: Vec<String>,
    /// Its descriptions and notes, as they stand.
    pub prose: String,
    /// A machine wrote all of it.
    pub scanner: bool,
    /// How many things a scanner found.
    pub findings: usize,
}

impl Record {
    /// `Trivy, 12 findings`.
    pub fn source(&self) -> String {
        match self.findings {
            0 => self.format.to_owned(),
            1 => format!("{}, one finding", self.format),
            count => format!("{}, {count} findings", self.format),
        }
    }

    fn say(&mut self, field: LetterField, text: Option<&str>) {
        if let Some(text) = text.map(str::trim).filter(|t| !t.is_empty())
            && self.sections.len() < SECTIONS_MAX
        {
            let text = &text[..text.floor_char_boundary(SECTION_OCTETS_MAX)];
            self.sections.push(Section {
                field,
                text: text.to_owned(),
            });
        }
    }
}

/// Objects and lists in one file. Each takes some 600 octets of memory, however short it is.
const CONTAINERS_MAX: usize = 150_000;

fn count_containers(text: &str) -> usize {
    memchr::memchr2_iter(b'{', b'[', text.as_bytes()).count()
}

/// Reads a record from a file's octets, or from a block of the text itself. `hint`: its name or
/// media type.
pub(super) fn record(hint: &str, octets: &[u8]) -> Option<Record> {
    if octets.len() > RECORD_OCTETS_MAX {
        return None;
    }
    let text = std::str::from_utf8(octets)
        .ok()?
        .trim_start_matches('\u{feff}');
    let hint = hint.to_lowercase();
    let value = if text.trim_start().starts_with(['{', '[']) {
        if count_containers(text) > CONTAINERS_MAX {
            return None;
        }
        serde_json::from_str(text).ok()?
    } else if hint.contains("yaml") || hint.ends_with(".yml") {
        serde_saphyr::from_str::<Value>(text).ok()?
    } else {
        return None;
    };
    let value = match value {
        Value::Array(mut list) if !list.is_empty() => list.swap_remove(0),
        other => other,
    };
    let mut found = if value.pointer("/containers/cna").is_some() || value.get("cveId").is_some() {
        cve(&value)
    } else if value.pointer("/document/csaf_version").is_some() {
        csaf::csaf(&value)
    } else if let Some(scanned) = scanners::scanner(&value) {
        scanned
    } else if value.get("runs").is_some_and(Value::is_array) {
        sarif(&value)
    } else if value.get("affected").is_some_and(Value::is_array) && value.get("id").is_some() {
        osv(&value)
    } else {
        free(&value)
    };
    // A tool's descriptions are of what it knows, and not of what it found here.
    if !found.scanner {
        prose(&value, &mut found.prose, 0);
    }
    let says = !found.sections.is_empty() || !found.affected.is_empty() || found.findings > 0;
    says.then_some(found)
}

/// The longer texts of a record, in which it speaks as a letter does.
fn prose(value: &Value, into: &mut String, depth: usize) {
    match value {
        Value::String(text) if text.contains(' ') && into.len() < PROSE_OCTETS_MAX => {
            into.push_str(text);
            into.push_str("\n\n");
        }
        Value::Array(items) if depth <= PROSE_DEPTH_MAX => items
            .iter()
            .take(ENTRIES_MAX)
            .for_each(|item| prose(item, into, depth + 1)),
        Value::Object(map) if depth <= PROSE_DEPTH_MAX => map
            .values()
            .take(ENTRIES_MAX)
            .for_each(|item| prose(item, into, depth + 1)),
        _ => {}
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(ENTRIES_MAX)
}

fn strings<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    list(value, pointer).filter_map(Value::as_str)
}

/// A package URL, with what it says of ecosystem and name.
pub fn package(purl: &str) -> Option<Package> {
    let parsed = PackageUrl::from_str(purl).ok()?;
    let name = parsed.namespace().map_or_else(
        || parsed.name().to_owned(),
        |space| format!("{space}/{}", parsed.name()),
    );
    // OSV's names of ecosystems, by purl's types.
    let ecosystem = match parsed.ty() {
        "npm" => "npm",
        "pypi" => "PyPI",
        "cargo" => CARGO_ECOSYSTEM,
        "golang" => "Go",
        "maven" => "Maven",
        "nuget" => "NuGet",
        "gem" => "RubyGems",
        "composer" => "Packagist",
        "hex" => "Hex",
        "pub" => "Pub",
        "swift" => "SwiftURL",
        _ => {
            return Some(Package {
                ecosystem: None,
                name,
                purl: Some(purl.to_owned()),
            });
        }
    };
    let name = if parsed.ty() == "maven" {
        name.replacen('/', ":", 1)
    } else {
        name
    };
    Some(Package {
        ecosystem: Some(ecosystem.to_owned()),
        name,
        purl: Some(purl.to_owned()),
    })
}

/// Any mapping whose keys we know, however deep.
fn free(value: &Value) -> Record {
    let mut found = Record {
        format: "fields",
        ..Record::default()
    };
    gather(value, &mut found, 0);
    found
}

fn gather(value: &Value, found: &mut Record, depth: usize) {
    let Some(map) = value.as_object().filter(|_| depth <= DEPTH_MAX) else {
        return;
    };
    let end = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(introduced) = end("introduced") {
        let range = Range {
            introduced,
            fixed: end("fixed"),
            last_affected: end("last_affected"),
        };
        found.affected.push(Affected {
            ranges: vec![range],
            ..Affected::default()
        });
        return;
    }
    for (key, inner) in map.iter().take(ENTRIES_MAX) {
        let known = field(key);
        match (known, inner) {
            (Some(LetterField::Else) | None, Value::Object(_)) => gather(inner, found, depth + 1),
            (Some(LetterField::Else) | None, Value::Array(items)) if known.is_none() => items
                .iter()
                .take(ENTRIES_MAX)
                .for_each(|item| gather(item, found, depth + 1)),
            (Some(LetterField::Versions), Value::Array(items))
                if items.iter().any(Value::is_object) =>
            {
                items
                    .iter()
                    .take(ENTRIES_MAX)
                    .for_each(|item| gather(item, found, depth + 1));
            }
            (Some(field), _) if field != LetterField::Else => {
                if inner.is_object() {
                    gather(inner, found, depth + 1);
                } else if field == LetterField::Disclosure {
                    found.say(
                        field,
                        words(field, inner)
                            .map(|said| format!("{}: {said}.", key.replace(['_', '-'], " ")))
                            .as_deref(),
                    );
                } else {
                    found.say(field, words(field, inner).as_deref());
                }
            }
            _ => {}
        }
    }
}

/// A value in words, as somebody would have written it into a letter.
fn words(field: LetterField, value: &Value) -> Option<String> {
    Some(match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if field == LetterField::Cwe => format!("CWE-{number}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(answer) => if *answer { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => {
            let lines: Vec<String> = items
                .iter()
                .take(ENTRIES_MAX)
                .filter_map(|item| words(field, item))
                .collect();
            let numbered = || {
                lines
                    .iter()
                    .enumerate()
                    .map(|(n, line)| format!("{}. {line}", n + 1))
                    .collect::<Vec<_>>()
            };
            if field == LetterField::Steps {
                numbered().join("\n")
            } else {
                lines.join("\n")
            }
        }
        Value::Object(map) => map
            .values()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        Value::Null => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn osv_events_become_ranges() {
        let osv = r#"{"id":"X-1","aliases":["CVE-2026-1000"],"affected":[{"package":{"ecosystem":"npm","name":"@a/b","purl":"pkg:npm/%40a/b"},
            "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]}]}]}"#;
        let found = record("x.json", osv.as_bytes()).unwrap();
        let ranges: Vec<_> = found.affected[0]
            .ranges
            .iter()
            .map(|r| {
                (
                    r.introduced.as_str(),
                    r.fixed.as_deref(),
                    r.last_affected.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            (found.format, ranges),
            (
                "OSV",
                vec![("0", Some("1.2.0"), None), ("2.0.0", None, Some("2.1.0"))]
            )
        );
        assert_eq!(
            found.affected[0].package.as_ref().unwrap().purl.as_deref(),
            Some("pkg:npm/%40a/b")
        );
    }

    #[test]
    fn free_yaml_is_read_by_its_keys_and_bombs_are_not_read() {
        let yaml = "product: acme\naffected-versions: [1.2.3, \"< 1.2\"]\ninfo:\n  severity: \
            high\n  classification:\n    cwe-id: 79\nsteps:\n  - log in\n  - look\n";
        let found = record("report.yaml", yaml.as_bytes()).unwrap();
        let said = |field: LetterField| {
            found
                .sections
                .iter()
                .find(|s| s.field == field)
                .map(|s| s.text.as_str())
        };
        assert_eq!(
            (
                said(LetterField::Product),
                said(LetterField::Severity),
                said(LetterField::Cwe)
            ),
            (Some("acme"), Some("high"), Some("CWE-79"))
        );
        assert_eq!(said(LetterField::Steps), Some("1. log in\n2. look"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        (1..12).for_each(|n| {
            bomb.push_str(&format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); 9].join(",")
            ))
        });
        assert!(record("bomb.yaml", bomb.as_bytes()).is_none());
    }
}
