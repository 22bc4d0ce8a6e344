//! How is a draft kept as a GitHub repository security advisory?
//!
//! The create call has no idempotency key, so where an earlier try may have done it our marker is
//! looked for first, in drafts that our own token wrote; and after an answer that never came, the
//! list is read until it stands still.

mod lookup;

use lookup::{Listed, advisories, cut, ghsa_id, id_of, route_of};
mod amend;
mod api;
mod comments;
mod reports;

use crate::model::case::{AdvisoryId, AdvisoryState};
use crate::model::case_record::Collaborators;
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::ports::{Capabilities, Comment, Filed, PortError, PortErrorKind, Tracker};
use amend::{AdvisoryStanding, amended};
use api::GithubFailure;
pub use api::{Auth, GithubApi};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use reports::GithubReports;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::{Mutex, OnceCell};

/// GitHub's own limit for a description.
const DESCRIPTION_CHARACTERS_MAX: usize = 65_535;

/// Beyond this a follow-up is pointed to instead of added.
const DESCRIPTION_CHARACTERS_FULL: usize = 60_000;

/// Waits between looks at the list after an answer that never came.
const SETTLE_S: u64 = 3;
const SETTLE_LOOKS: usize = 4;

/// Pages of the list that are read at most: 30 advisories each, so that the longest that anybody may
/// write fit into an answer.
const PAGES_MAX: usize = 167;

/// Repository security advisories in one repository, or in one for each product.
pub struct GithubTracker {
    api: GithubApi,
    /// `owner/name`.
    repository: String,
    products: BTreeMap<String, String>,
    ecosystem: String,
    private_fork: bool,
    /// Whether what people say below advisories is read and answered: an API that GitHub shows as a
    /// preview.
    comments: bool,
    collaborators: BTreeMap<String, Collaborators>,
    login: OnceCell<String>,
    /// GitHub asks for one change at a time (its best practices for the REST API).
    turn: Mutex<()>,
}

/// `@login` and `@organisation/team` of a CODEOWNERS file, as the contents API answers it.
fn owners(file: &Value) -> Vec<String> {
    let base64: String = file["content"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let text = String::from_utf8(STANDARD.decode(base64).unwrap_or_default()).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let named = lines
        .flat_map(|line| line.split_whitespace().skip(1))
        .filter_map(|word| word.strip_prefix('@'));
    named
        .map(|name| name.rsplit('/').next().unwrap_or(name).to_lowercase())
        .collect()
}

#[async_trait]
impl Tracker for GithubTracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            amends: true,
            comments: self.comments,
            lets_people_in: true,
            has_collaborators: !self.collaborators.is_empty(),
        }
    }

    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError> {
        let _turn = self.turn.lock().await;
        let repository = self.repository_for(&advisory.report).to_owned();
        if perhaps_filed && let Some(before) = self.find(&repository, &advisory.marker).await? {
            return Ok(before);
        }
        let made = match self
            .api
            .post(&advisories(&repository), &self.body(advisory))
            .await
        {
            Ok(made) => {
                let made: Listed = serde_json::from_value(made).map_err(|_| {
                    PortError::in_doubt("GitHub made a draft and did not say which")
                })?;
                Filed {
                    advisory: id_of(made),
                    doubled: Vec::new(),
                }
            }
            Err(failed) if failed.is_ambiguous() => match self
                .find_when_settled(&repository, &advisory.marker)
                .await?
            {
                Some(made) => made,
                None => return Err(failed.into()),
            },
            Err(failed) => return Err(failed.into()),
        };
        // What an earlier try made may have shown itself only now.
        if perhaps_filed && let Ok(Some(all)) = self.find(&repository, &advisory.marker).await {
            return Ok(all);
        }
        Ok(made)
    }

    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        self.add(advisory, addition, true).await.map(drop)
    }

    async fn follow_up(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
    ) -> Result<bool, PortError> {
        self.add(advisory, addition, false).await
    }

    async fn comments(&self, advisory: &AdvisoryId) -> Result<Vec<Comment>, PortError> {
        Ok(comments::heard(&self.api, &ghsa_id(advisory)?).await?)
    }

    async fn amend(&self, advisory: &AdvisoryId, amendment: &Amendment) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let route = ghsa_id(advisory)?;
        let now: AdvisoryStanding = serde_json::from_value(self.api.get(&route).await?)
            .map_err(|_| PortError::from(GithubFailure::Odd("its advisory cannot be read")))?;
        let mut failed = None;
        for body in amended(&now, amendment, &self.collaborators, &self.ecosystem) {
            if body.as_object().is_some_and(|fields| !fields.is_empty())
                && let Err(err) = self.api.patch(&route, &body).await
            {
                failed.get_or_insert(err);
            }
        }
        failed.map_or(Ok(()), |err| Err(err.into()))
    }

    async fn request_cve(&self, advisory: &AdvisoryId) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        self.api
            .post(&format!("{}/cve", ghsa_id(advisory)?), &json!({}))
            .await?;
        Ok(())
    }

    async fn open_fork(&self, advisory: &AdvisoryId) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        self.api
            .post(&format!("{}/forks", ghsa_id(advisory)?), &json!({}))
            .await?;
        Ok(())
    }

    async fn code_owners(&self, advisory: &AdvisoryId) -> Result<Option<Vec<String>>, PortError> {
        let route = ghsa_id(advisory)?;
        let repository = route
            .split("/security-advisories/")
            .next()
            .unwrap_or_default();
        // Where GitHub looks for it, in its order.
        for place in [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"] {
            match self
                .api
                .get(&format!("{repository}/contents/{place}"))
                .await
            {
                Ok(file) => return Ok(Some(owners(&file))),
                // Not there, or not for our token to read.
                Err(GithubFailure::Forbidden(..)) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        Ok(None)
    }

    async fn states(&self) -> Result<Vec<(String, AdvisoryState)>, PortError> {
        let mut repositories: Vec<&String> = std::iter::once(&self.repository)
            .chain(self.products.values())
            .collect();
        repositories.sort();
        repositories.dedup();
        let mut states = Vec::new();
        for repository in repositories {
            let listed = self.list(repository).await?;
            states.extend(
                listed.into_iter().filter_map(|l| {
                    Some((l.ghsa_id, serde_json::from_value(json!(l.state?)).ok()?))
                }),
            );
        }
        Ok(states)
    }

    async fn probe(&self) -> Result<String, PortError> {
        let login = self.login().await.map_err(lasting)?.to_owned();
        let mut seen = Vec::new();
        let mut newest = None;
        for repository in std::iter::once(&self.repository).chain(self.products.values()) {
            let (page, _) = self
                .api
                .page(&format!("{}?per_page=1", advisories(repository)))
                .await
                .map_err(lasting)?;
            newest = newest.or_else(|| serde_json::from_value::<Vec<Listed>>(page).ok()?.pop());
            seen.push(repository.as_str());
        }
        seen.dedup();
        let comments = match newest
            .as_ref()
            .and_then(|listed: &Listed| route_of(&id_of(listed.clone())))
        {
            Some(route) if self.comments => {
                format!("; {}", comments::probed(&self.api, &route).await)
            }
            _ => String::new(),
        };
        Ok(format!(
            "{login} may read the advisories of {} (whether drafts may be filed shows with the \
             first one); their collaborators and the security managers of the organisation see \
             them{comments}",
            seen.join(", ")
        ))
    }
}

/// To `check`, a refusal is something to mend.
fn lasting(failed: GithubFailure) -> PortError {
    match failed {
        GithubFailure::Unknown | GithubFailure::Forbidden(..) | GithubFailure::Invalid(..) => {
            PortError::from(failed).with_kind(PortErrorKind::Lasting)
        }
        passing => passing.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_is_found_again_by_its_address() {
        let at = |url: &str| {
            route_of(&AdvisoryId {
                id: "GHSA-xxxx-yyyy-zzzz".to_owned(),
                url: url.to_owned(),
            })
        };
        assert_eq!(
            at("https://github.com/o/r/security/advisories/GHSA-xxxx-yyyy-zzzz").as_deref(),
            Some("/repos/o/r/security-advisories/GHSA-xxxx-yyyy-zzzz")
        );
        assert_eq!(
            at("https://ghe.example/github/o/r/security/advisories/GHSA-xxxx-yyyy-zzzz").as_deref(),
            Some("/repos/o/r/security-advisories/GHSA-xxxx-yyyy-zzzz")
        );
        assert_eq!(at("file:///tmp/x.md"), None);
    }
}
