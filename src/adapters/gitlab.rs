//! How is a draft kept as a confidential issue of GitLab?
//!
//! An issue is made empty, read again and proven confidential; only then does it get its words. One
//! that somebody made public since gets no further ones. Its API has no idempotency key either, so
//! our marker is looked for first, in issues that our own token wrote.

mod lookup;
mod view;

use crate::adapters::net::Trust;
use crate::adapters::net::rest::{self, RestFailure};
use crate::model::case::{AdvisoryId, AdvisoryState};
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::model::secret::Secret;
use crate::ports::{Capabilities, Filed, PortError, PortErrorKind, Tracker};
use async_trait::async_trait;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::{Mutex, OnceCell};
use view::{cut, inert, with_view};

/// GitLab's own limits (its docs on instance limits, and issues.title).
const TITLE_CHARACTERS_MAX: usize = 255;
const DESCRIPTION_OCTETS_MAX: usize = 1_000_000;

/// Pages of a list that are read at most: 100 issues each.
const PAGES_MAX: usize = 50;

/// Waits between looks at the list after an answer that never came.
const SETTLE_S: u64 = 3;
const SETTLE_LOOKS: usize = 3;

/// What `severity::…` can say.
const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "none"];

/// The access level of a reporter, who may see and make confidential issues.
const REPORTER: u64 = 20;

/// Confidential issues in one project, or in a project for each product.
pub struct GitlabTracker {
    http: reqwest::Client,
    /// `https://gitlab.example/api/v4`.
    api: url::Url,
    token: Secret,
    /// `group/name`.
    project: String,
    products: BTreeMap<String, String>,
    labels: Vec<String>,
    login: OnceCell<String>,
    turn: Mutex<()>,
}

/// The fields of an issue that we read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Issue {
    iid: u64,
    web_url: String,
    description: Option<String>,
    confidential: bool,
    state: String,
}

impl GitlabTracker {
    /// `project` and the values of `products` are written `group/name`. Fails where the URL is not
    /// https, or http to this machine; no server is asked.
    pub fn new(
        base_url: &str,
        trust: &Trust,
        token: Secret,
        project: String,
        products: BTreeMap<String, String>,
        labels: Vec<String>,
    ) -> Result<Self, PortError> {
        let wrong = |what: &str| PortError::lasting(format!("tracker.base_url {what}"));
        let api: url::Url = format!("{}/api/v4", base_url.trim_end_matches('/'))
            .parse()
            .map_err(|_| wrong("is not a URL"))?;
        if !rest::is_safe(&api) {
            return Err(wrong("must begin with https://"));
        }
        let products = products
            .into_iter()
            .map(|(product, to)| (product.to_lowercase(), to))
            .collect();
        Ok(Self {
            http: rest::client(trust)?,
            api,
            token,
            project,
            products,
            labels,
            login: OnceCell::new(),
            turn: Mutex::default(),
        })
    }

    fn request(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, RestFailure> {
        let mut url = self.api.clone();
        url.path_segments_mut()
            .map_err(|()| RestFailure::Odd("its URL takes no path"))?
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let token = self
            .token
            .expose_text()
            .map_err(|_| RestFailure::Refused(401, "tracker.token_file is not text".to_owned()))?;
        Ok(self
            .http
            .request(method, url)
            .header("private-token", token.trim()))
    }

    async fn get(&self, segments: &[&str]) -> Result<Value, RestFailure> {
        Ok(rest::call(self.request(Method::GET, segments, &[])?)
            .await?
            .0)
    }

    async fn send(
        &self,
        method: Method,
        segments: &[&str],
        body: &Value,
    ) -> Result<Issue, RestFailure> {
        let request = self
            .request(method, segments, &[])?
            .header("content-type", "application/json")
            .body(body.to_string());
        read(rest::call(request).await?.0)
    }

    /// Reads an issue, changes its description and writes it back; a public one is left alone.
    async fn rewrite(
        &self,
        advisory: &AdvisoryId,
        fields: Value,
        change: impl Fn(&str) -> Option<String>,
    ) -> Result<(), PortError> {
        let (project, iid) = project_and_issue(advisory)?;
        let before = self.issue(project, iid).await.map_err(said)?;
        let text = before.description.clone().unwrap_or_default();
        let Some(after) = change(&text) else {
            return Ok(());
        };
        if !before.confidential {
            return Err(PortError::lasting(format!(
                "{} is not confidential any more: nothing is added to it",
                advisory.id
            )));
        }
        if after.len() > DESCRIPTION_OCTETS_MAX {
            return Err(PortError::lasting(
                "the description is full: shorten it in the tracker",
            ));
        }
        // Between read and write a human may have edited: what is written must rest on what stands
        // there now.
        if self.issue(project, iid).await.map_err(said)?.description != before.description {
            return Err(PortError::passing(
                "the description changes under our hands",
            ));
        }
        let mut body = fields;
        body["description"] = json!(after);
        self.write(project, iid, body).await
    }
}

fn said(failed: RestFailure) -> PortError {
    failed.said_by("GitLab")
}

fn read(value: Value) -> Result<Issue, RestFailure> {
    serde_json::from_value(value).map_err(|_| RestFailure::Odd("its issue cannot be read"))
}

/// `group/name#12`.
fn id_of(project: &str, issue: &Issue) -> AdvisoryId {
    AdvisoryId {
        id: format!("{project}#{}", issue.iid),
        url: issue.web_url.clone(),
    }
}

fn project_and_issue(advisory: &AdvisoryId) -> Result<(&str, &str), PortError> {
    let named = advisory
        .id
        .rsplit_once('#')
        .filter(|(_, iid)| !iid.is_empty() && iid.bytes().all(|b| b.is_ascii_digit()));
    named.ok_or_else(|| {
        PortError::lasting(format!("{} does not name an issue of GitLab", advisory.id))
    })
}

#[async_trait]
impl Tracker for GitlabTracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            amends: true,
            ..Capabilities::default()
        }
    }

    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError> {
        let _turn = self.turn.lock().await;
        let project = self.project_for(&advisory.report).to_owned();
        let before = if perhaps_filed {
            self.find(&project, &advisory.marker).await.map_err(said)?
        } else {
            Vec::new()
        };
        let all = if before.is_empty() {
            self.make(&project, advisory).await?
        } else {
            before
        };
        let [first, doubled @ ..] = all.as_slice() else {
            return Err(PortError::passing("GitLab made no issue"));
        };
        self.fill(&project, first.iid, advisory).await?;
        Ok(Filed {
            advisory: id_of(&project, first),
            doubled: doubled.iter().map(|issue| id_of(&project, issue)).collect(),
        })
    }

    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let added = |before: &str| {
            (!before.contains(&addition.mark))
                .then(|| format!("{}\n\n{}", before.trim_end(), inert(&addition.text)))
        };
        self.rewrite(advisory, json!({}), added).await
    }

    async fn follow_up(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
    ) -> Result<bool, PortError> {
        let (project, iid) = project_and_issue(advisory)?;
        if !self.issue(project, iid).await.map_err(said)?.confidential {
            return Ok(false);
        }
        self.append(advisory, addition).await.map(|()| true)
    }

    async fn amend(&self, advisory: &AdvisoryId, amendment: &Amendment) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let assessment = &amendment.assessment;
        let mut fields = json!({});
        if let Some(summary) = &assessment.summary {
            fields["title"] = json!(cut(summary, TITLE_CHARACTERS_MAX));
        }
        if let Some(severity) = &assessment.severity {
            // Where scoped labels are not to be had, the one before must be taken off by name.
            let others = SEVERITIES
                .iter()
                .filter(|other| *other != severity)
                .map(|other| format!("severity::{other}"));
            fields["add_labels"] = json!(format!("severity::{severity}"));
            fields["remove_labels"] = json!(others.collect::<Vec<_>>().join(","));
        }
        if fields.as_object().is_some_and(|fields| !fields.is_empty()) {
            return self
                .rewrite(advisory, fields, |before| {
                    Some(with_view(before, amendment).unwrap_or_else(|| before.to_owned()))
                })
                .await;
        }
        self.rewrite(advisory, fields, |before| with_view(before, amendment))
            .await
    }

    /// An issue that is not confidential is out, whatever else it is.
    async fn states(&self) -> Result<Vec<(String, AdvisoryState)>, PortError> {
        let mut states = Vec::new();
        for project in self.projects() {
            for issue in self.list(project).await.map_err(said)? {
                let state = match (issue.confidential, issue.state.as_str()) {
                    (false, _) => AdvisoryState::Published,
                    (true, "closed") => AdvisoryState::Closed,
                    (true, _) => AdvisoryState::Draft,
                };
                states.push((id_of(project, &issue).id, state));
            }
        }
        Ok(states)
    }

    async fn probe(&self) -> Result<String, PortError> {
        let lasting = |failed: RestFailure| match failed {
            refused @ (RestFailure::Refused(..) | RestFailure::Invalid(..)) => {
                said(refused).with_kind(PortErrorKind::Lasting)
            }
            passing => said(passing),
        };
        let login = self.login().await.map_err(lasting)?.to_owned();
        for project in self.projects() {
            let found = self.get(&["projects", project]).await.map_err(lasting)?;
            let level = |of: &str| {
                found["permissions"][of]["access_level"]
                    .as_u64()
                    .unwrap_or_default()
            };
            if level("project_access").max(level("group_access")) < REPORTER {
                return Err(PortError::lasting(format!(
                    "{login} may make no confidential issues in {project}: give it the role \
                     Reporter or higher"
                )));
            }
            if found["issues_access_level"].as_str() == Some("disabled") {
                return Err(PortError::lasting(format!(
                    "{project} has issues switched off: switch them on, for members at least"
                )));
            }
        }
        Ok(format!(
            "{login} may file confidential issues in {}; its members from Reporter on see them",
            self.projects().join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case_record::{Assessment, Credit};

    #[test]
    fn the_teams_view_is_written_anew_and_the_marker_stays_last() {
        let view = |severity: &str| Amendment {
            assessment: Assessment {
                severity: Some(severity.to_owned()),
                ..Assessment::default()
            },
            mark: "0123456789abcdef".to_owned(),
            ..Amendment::default()
        };
        let once = with_view("text\n\n<!-- sealdesk:m -->", &view("low")).unwrap();
        assert_eq!(with_view(&once, &view("low")), None);
        let again = with_view(&once, &view("high")).unwrap();
        assert!(
            again.contains("`high`")
                && !again.contains("`low`")
                && again.starts_with("text\n")
                && again.ends_with("\n<!-- sealdesk:m -->"),
            "{again}"
        );
    }

    /// Only what lies between the marks of this case is written anew, and marks are lines.
    #[test]
    fn a_strangers_marks_move_nothing() {
        let view = Amendment {
            credits: vec![Credit {
                login: "ada".to_owned(),
                name: None,
                kind: "finder".to_owned(),
            }],
            mark: "0123456789abcdef".to_owned(),
            ..Amendment::default()
        };
        let letter = "```text\n<!-- sealdesk:view -->\n<!-- sealdesk:view:0000000000000000 -->\n\
                      x <!-- sealdesk:view:0123456789abcdef -->\n<!-- /sealdesk:view -->\n```";
        let once = with_view(&format!("{letter}\n\n<!-- sealdesk:m -->"), &view).unwrap();
        assert!(once.starts_with(letter), "{once}");
        let again = Amendment {
            mark: "0123456789abcdef".to_owned(),
            assessment: Assessment {
                severity: Some("low".to_owned()),
                ..Assessment::default()
            },
            ..Amendment::default()
        };
        let again = with_view(&once, &again).unwrap();
        assert!(
            again.starts_with(letter) && !again.contains("ada"),
            "{again}"
        );
    }
}
