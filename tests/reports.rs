//! How well are reports understood? Mails about real, public vulnerabilities, written anew in many
//! styles, each with what a careful human reads in it. Precision and recall for each field.
//!
//! `tuned` was looked at while the patterns were written; of `held-out` the versions alone were. The floors are what was measured, so that a change which understands
//! less is noticed. They are no aim. `cargo test --test reports -- --nocapture` prints the table;
//! with SEALDESK_MISSES=1 also what was missed.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Of one field: found and right, found and wrong, not found.
#[derive(Clone, Copy, Default)]
struct Count {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Count {
    fn precision(self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    fn recall(self) -> f64 {
        share(self.right, self.right + self.missed)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// `1.0` and `1` begin at the same version.
fn range(value: &Value) -> String {
    let from = value["introduced"]
        .as_str()
        .unwrap_or("0")
        .trim_end_matches(".0");
    format!(
        "{from} {} {}",
        value["fixed"]
            .as_str()
            .map_or(String::new(), |v| format!("< {v}")),
        value["last_affected"]
            .as_str()
            .map_or(String::new(), |v| format!("<= {v}"))
    )
}

fn affected(report: &Value, what: &str, write: impl Fn(&Value) -> String) -> Vec<String> {
    let mut all: Vec<String> = report["affected"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|a| a[what].as_array().cloned().unwrap_or_default())
        .map(|v| write(&v))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// What is said and what was read, field by field, each as a list of words.
fn fields(expected: &Value, opened: &Value) -> Vec<(&'static str, Vec<String>, Vec<String>)> {
    let report = &opened["report"];
    let word = |v: &Value| match v {
        Value::Null => Vec::new(),
        Value::String(s) => vec![s.to_lowercase()],
        other => vec![other.to_string()],
    };
    let class = match (opened["kind"].as_str(), report["class"].as_str()) {
        (Some("spam"), _) => "spam",
        (_, Some(class)) => class,
        _ => "report",
    };
    let stated = |v: &Value| {
        word(v)
            .into_iter()
            .filter(|w| w != "unstated")
            .collect::<Vec<_>>()
    };
    let several = |n: usize| {
        if n > 1 {
            vec![n.to_string()]
        } else {
            Vec::new()
        }
    };
    vec![
        ("class", word(&expected["class"]), vec![class.to_owned()]),
        (
            "product",
            word(&expected["product"]),
            word(&report["product"]),
        ),
        (
            "ranges",
            expected["ranges"]
                .as_array()
                .into_iter()
                .flatten()
                .map(range)
                .collect(),
            affected(report, "ranges", range),
        ),
        (
            "versions",
            strings(&expected["versions"]),
            affected(report, "versions", |v| {
                v.as_str().unwrap_or_default().to_owned()
            }),
        ),
        (
            "fixed versions",
            strings(&expected["fixed_versions"]),
            strings(&report["fixed_versions"]),
        ),
        (
            "CVE",
            strings(&expected["cve_ids"]),
            strings(&report["cve_ids"]),
        ),
        (
            "CWE",
            strings(&expected["cwe_ids"]),
            strings(&report["cwe_ids"]),
        ),
        ("CVSS", word(&expected["cvss"]), word(&report["cvss"])),
        (
            "severity",
            word(&expected["severity"]),
            word(&report["severity"]),
        ),
        (
            "steps",
            if expected["steps"] == true {
                vec!["yes".to_owned()]
            } else {
                Vec::new()
            },
            if report["steps_to_reproduce"].is_string() {
                vec!["yes".to_owned()]
            } else {
                Vec::new()
            },
        ),
        (
            "intent",
            stated(&expected["intent"]),
            stated(&report["disclosure"]["intent"]),
        ),
        (
            "date",
            word(&expected["date"]),
            word(&report["disclosure"]["date"]),
        ),
        (
            "exploited",
            word(&expected["exploited"]),
            word(&report["answers"]["exploited"]),
        ),
        (
            "others told",
            word(&expected["others_told"]),
            word(&report["answers"]["others_told"]),
        ),
        (
            "credit",
            word(&expected["credit"]),
            word(&report["answers"]["credit"]),
        ),
        (
            "credit name",
            word(&expected["credit_name"]),
            word(&report["answers"]["credit_name"]),
        ),
        (
            "files",
            strings(&expected["files"]),
            strings(&report["files"]),
        ),
        (
            "functions",
            strings(&expected["functions"]),
            strings(&report["functions"]),
        ),
        (
            "several",
            several(expected["vulnerabilities"].as_u64().unwrap_or(1) as usize),
            several(strings(&report["vulnerabilities"]).len()),
        ),
    ]
}

fn measure(set: &str) -> (usize, BTreeMap<&'static str, Count>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reports")
        .join(set);
    let mut counts: BTreeMap<&'static str, Count> = BTreeMap::new();
    let mut letters: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "eml"))
        .collect();
    letters.sort();
    for letter in &letters {
        let output = Command::new(env!("CARGO_BIN_EXE_sealdesk"))
            .arg("open")
            .arg(letter)
            .output()
            .unwrap();
        let opened: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!(
                "{}: {}",
                letter.display(),
                String::from_utf8_lossy(&output.stderr)
            )
        });
        let expected: Value =
            serde_json::from_slice(&std::fs::read(letter.with_extension("json")).unwrap()).unwrap();
        for (field, said, read) in fields(&expected, &opened) {
            let count = counts.entry(field).or_default();
            let (right, wrong): (Vec<&String>, Vec<&String>) =
                read.iter().partition(|value| said.contains(value));
            let missed: Vec<&String> = said.iter().filter(|value| !read.contains(value)).collect();
            count.right += right.len();
            count.wrong += wrong.len();
            count.missed += missed.len();
            if set == "tuned"
                && std::env::var_os("SEALDESK_MISSES").is_some()
                && (!wrong.is_empty() || !missed.is_empty())
            {
                eprintln!(
                    "{} {field}: read {wrong:?}, missed {missed:?}",
                    letter.file_stem().unwrap().to_string_lossy()
                );
            }
        }
    }
    (letters.len(), counts)
}

/// Precision and recall, in percent, that were measured in each set.
const FLOORS: [(&str, [u32; 2], [u32; 2]); 19] = [
    ("CVE", [100, 100], [100, 100]),
    ("CVSS", [100, 100], [100, 100]),
    ("CWE", [92, 92], [100, 100]),
    ("class", [100, 100], [96, 96]),
    ("credit", [100, 81], [92, 100]),
    ("credit name", [88, 78], [78, 78]),
    ("date", [100, 100], [100, 100]),
    ("exploited", [93, 77], [100, 100]),
    ("files", [97, 100], [80, 76]),
    ("fixed versions", [93, 68], [80, 67]),
    ("functions", [81, 66], [81, 38]),
    ("intent", [96, 88], [92, 100]),
    ("others told", [96, 83], [90, 82]),
    ("product", [94, 85], [92, 60]),
    ("ranges", [97, 92], [100, 79]),
    ("several", [100, 33], [100, 33]),
    ("severity", [100, 95], [91, 91]),
    ("steps", [100, 89], [87, 77]),
    ("versions", [75, 100], [100, 33]),
];

#[test]
fn reports_are_understood_as_well_as_was_measured() {
    let sets: Vec<_> = ["tuned", "held-out"]
        .into_iter()
        .map(|set| (set, measure(set)))
        .collect();
    assert!(sets.iter().map(|(_, (letters, _))| letters).sum::<usize>() >= 60);
    for (set, (letters, counts)) in &sets {
        eprintln!(
            "\n{set}: {letters} letters\n{:<16}{:>10}{:>10}{:>8}{:>8}{:>8}",
            "field", "precision", "recall", "right", "wrong", "missed"
        );
        for (field, count) in counts {
            eprintln!(
                "{field:<16}{:>9.0}%{:>9.0}%{:>8}{:>8}{:>8}",
                count.precision() * 100.0,
                count.recall() * 100.0,
                count.right,
                count.wrong,
                count.missed
            );
        }
    }
    for (field, tuned, held_out) in FLOORS {
        for ((set, (_, counts)), floor) in sets.iter().zip([tuned, held_out]) {
            let found = [counts[field].precision(), counts[field].recall()]
                .map(|share| (share * 100.0).round() as u32);
            assert!(
                found[0] >= floor[0] && found[1] >= floor[1],
                "{set} {field}: precision and recall {found:?}, measured before {floor:?}"
            );
        }
    }
}
