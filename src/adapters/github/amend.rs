//! What must change in an advisory so that it says what the team found? Only that is sent.

use super::cut;
use crate::model::case_record::{Assessment, Collaborators};
use crate::model::outgoing::Amendment;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Under this name the config lists who works on every advisory.
const EVERYBODY: &str = "*";

/// An advisory as it stands, in the fields that we may change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdvisoryStanding {
    collaborating_users: Option<Vec<User>>,
    collaborating_teams: Option<Vec<Team>>,
    credits: Option<Vec<Value>>,
    vulnerabilities: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Team {
    slug: String,
}

/// The bodies of PATCHes: what was found, who works on it, who is credited; an empty one where
/// nothing changes. Each goes for itself, so that a name that GitHub does not know holds up nothing
/// else. Who is there stays: GitHub takes whole lists.
pub(super) fn amended(
    now: &AdvisoryStanding,
    amendment: &Amendment,
    configured: &BTreeMap<String, Collaborators>,
    ecosystem: &str,
) -> [Value; 3] {
    [
        findings(now, amendment, ecosystem),
        collaborators(now, amendment, configured),
        credits(now, amendment),
    ]
    .map(Value::Object)
}

/// What the team found.
fn findings(now: &AdvisoryStanding, amendment: &Amendment, ecosystem: &str) -> Map<String, Value> {
    let assessment = &amendment.assessment;
    let mut body = Map::new();
    if let Some(summary) = &assessment.summary {
        body.insert("summary".to_owned(), json!(cut(summary, 1024)));
    }
    if let Some((field, value)) = rating(assessment) {
        body.insert(field.to_owned(), json!(value));
    }
    if let Some(cwe_ids) = &assessment.cwe_ids {
        body.insert("cwe_ids".to_owned(), json!(cwe_ids));
    }
    if let Some([cve_id]) = assessment.cve_ids.as_deref() {
        body.insert("cve_id".to_owned(), json!(cve_id));
    }
    if assessment.product.is_some()
        || assessment.affected_versions.is_some()
        || assessment.fixed_versions.is_some()
    {
        body.insert(
            "vulnerabilities".to_owned(),
            json!(vulnerabilities(now, amendment, ecosystem)),
        );
    }
    body
}

/// A vector or a severity, never both; GitHub takes vectors of versions 3 and 4.
fn rating(assessment: &Assessment) -> Option<(&'static str, &str)> {
    let vector = assessment
        .cvss
        .as_deref()
        .filter(|v| v.starts_with("CVSS:3") || v.starts_with("CVSS:4"));
    match (vector, assessment.severity.as_deref()) {
        (Some(vector), _) => Some(("cvss_vector_string", vector)),
        (None, Some(severity @ ("critical" | "high" | "medium" | "low"))) => {
            Some(("severity", severity))
        }
        _ => None,
    }
}

/// Who works on the advisory: those who do already, those whom the config lists, and those whom
/// the team named.
fn collaborators(
    now: &AdvisoryStanding,
    amendment: &Amendment,
    configured: &BTreeMap<String, Collaborators>,
) -> Map<String, Value> {
    let product = amendment
        .product
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let listed: Vec<&Collaborators> = [EVERYBODY, &product]
        .into_iter()
        .filter_map(|name| configured.get(name))
        .chain([&amendment.collaborators])
        .collect();
    let users_now = now.collaborating_users.iter().flatten();
    let users = joined(
        users_now.map(|user| user.login.clone()).collect(),
        listed.iter().flat_map(|c| c.users.clone()).collect(),
    );
    let teams_now = now.collaborating_teams.iter().flatten();
    let teams = joined(
        teams_now.map(|team| team.slug.clone()).collect(),
        listed.iter().flat_map(|c| c.teams.clone()).collect(),
    );
    [
        ("collaborating_users", users),
        ("collaborating_teams", teams),
    ]
    .into_iter()
    .filter_map(|(field, all)| Some((field.to_owned(), json!(all?))))
    .collect()
}

/// Who is credited: those who are already, and those who are new.
fn credits(now: &AdvisoryStanding, amendment: &Amendment) -> Map<String, Value> {
    let is_credited = |login: &str| {
        now.credits.iter().flatten().any(|c| {
            c["login"]
                .as_str()
                .is_some_and(|l| l.eq_ignore_ascii_case(login))
        })
    };
    let more: Vec<Value> = amendment
        .credits
        .iter()
        .filter(|c| !is_credited(&c.login))
        .map(|c| json!({ "login": c.login, "type": c.kind }))
        .collect();
    let mut body = Map::new();
    if !more.is_empty() {
        let there = now
            .credits
            .iter()
            .flatten()
            .map(|c| json!({ "login": c["login"], "type": c["type"] }));
        body.insert("credits".to_owned(), there.chain(more).collect());
    }
    body
}

/// Everybody, where that is more than are there.
fn joined(there: Vec<String>, wanted: Vec<String>) -> Option<Vec<String>> {
    let mut all = there.clone();
    for name in wanted {
        if !all.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            all.push(name);
        }
    }
    (all.len() > there.len()).then_some(all)
}

/// The first entry as the team sees it; further ones, which people made, stay.
fn vulnerabilities(now: &AdvisoryStanding, amendment: &Amendment, ecosystem: &str) -> Vec<Value> {
    let assessment = &amendment.assessment;
    let mut all: Vec<Value> = now.vulnerabilities.clone().unwrap_or_default();
    if all.is_empty() {
        all.push(json!({ "package": { "ecosystem": ecosystem } }));
    }
    let first = &mut all[0];
    if let Some(product) = &assessment.product {
        first["package"]["name"] = json!(cut(product, 200));
    }
    if let Some(affected) = &assessment.affected_versions {
        first["vulnerable_version_range"] = json!(cut(&affected.join(", "), 400));
    }
    if let Some(fixed) = &assessment.fixed_versions {
        first["patched_versions"] = json!(cut(&fixed.join(", "), 400));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case_record::Credit;

    #[test]
    fn only_what_the_team_said_is_sent_and_nobody_is_put_out() {
        let now: AdvisoryStanding = serde_json::from_value(json!({
            "collaborating_users": [{ "login": "maintainer" }], "credits": [{ "login": "ada", "type": "finder" }],
            "vulnerabilities": [{ "package": { "ecosystem": "npm", "name": "acme" }, "vulnerable_version_range": "< \
                2", "patched_versions": null }]
        }))
        .unwrap();
        assert_eq!(
            amended(&now, &Amendment::default(), &BTreeMap::new(), "other"),
            [json!({}), json!({}), json!({})]
        );
        let configured = BTreeMap::from([(
            "*".to_owned(),
            Collaborators {
                users: vec!["Maintainer".to_owned(), "owner".to_owned()],
                teams: vec!["security".to_owned()],
            },
        )]);
        let amendment = Amendment {
            assessment: Assessment {
                fixed_versions: Some(vec!["2.0".to_owned()]),
                severity: Some("low".to_owned()),
                ..Assessment::default()
            },
            credits: vec![Credit {
                login: "Ada".to_owned(),
                name: None,
                kind: "reporter".to_owned(),
            }],
            ..Amendment::default()
        };
        let body = amended(&now, &amendment, &configured, "other");
        assert_eq!(
            body,
            [
                json!({
                    "severity": "low",
                    "vulnerabilities": [{ "package": { "ecosystem": "npm", "name": "acme" }, "vulnerable_version_range": "< \
                        2", "patched_versions": "2.0" }]
                }),
                json!({ "collaborating_users": ["maintainer", "owner"], "collaborating_teams": ["security"] }),
                json!({})
            ]
        );
    }
}
