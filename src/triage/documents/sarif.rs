//! What does a SARIF log say?

use super::{Record, list, strings, text};
use crate::triage::fields::LetterField;
use serde_json::Value;

/// SARIF 2.1.0: results, their rules and places.
pub(super) fn sarif(value: &Value) -> Record {
    let mut found = Record {
        format: "SARIF",
        scanner: true,
        ..Record::default()
    };
    for run in list(value, "/runs") {
        let mut rules: Vec<&str> = Vec::new();
        for result in list(run, "/results") {
            let rule = text(result, "/ruleId")
                .or(text(result, "/rule/id"))
                .unwrap_or_default();
            if !rules.contains(&rule) {
                rules.push(rule);
                found.titles.extend(
                    text(result, "/message/text")
                        .and_then(|t| t.lines().next())
                        .map(|t| t.chars().take(200).collect()),
                );
            }
            for location in list(result, "/locations") {
                let place =
                    text(location, "/physicalLocation/artifactLocation/uri").map(str::to_owned);
                found.files.extend(
                    place
                        .filter(|p| !found.files.contains(p))
                        .into_iter()
                        .collect::<Vec<_>>(),
                );
            }
        }
        for rule in list(run, "/tool/driver/rules")
            .filter(|rule| text(rule, "/id").is_some_and(|id| rules.contains(&id)))
        {
            for tag in strings(rule, "/properties/tags").chain(strings(rule, "/properties/cwe")) {
                // CodeQL writes external/cwe/cwe-079.
                let tag = tag.rsplit('/').next().unwrap_or(tag);
                found.say(
                    LetterField::Cwe,
                    Some(tag).filter(|t| t.to_lowercase().starts_with("cwe")),
                );
            }
            for target in list(rule, "/relationships") {
                let id = text(target, "/target/id")
                    .map(|id| format!("CWE-{}", id.trim_start_matches("CWE-")));
                found.say(
                    LetterField::Cwe,
                    id.as_deref()
                        .filter(|_| text(target, "/target/toolComponent/name") == Some("CWE")),
                );
            }
        }
    }
    found.say(
        LetterField::Summary,
        found.titles.first().cloned().as_deref(),
    );
    if found.titles.len() < 2 {
        found.titles.clear();
    }
    found
}
