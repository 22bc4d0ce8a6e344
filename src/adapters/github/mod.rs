//! How is a draft kept as a GitHub repository security advisory?
//!
//! The create call has no idempotency key, so where an earlier try may have done it our marker is
//! looked for first, in drafts that our own token wrote; and after an answer that never came, the
//! list is read until it stands still.

mod amend;
mod api;
mod comments;
mod reports;

pub use api::{Auth, GithubApi};
pub use reports::GithubReports;

use crate::compose;
use crate::model::case::{AdvisoryId, AdvisoryState};
use crate::model::dossier::Collaborators;
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::model::report::Report;
use crate::ports::{Comment, Filed, PortError, Tracker};
use amend::{Standing, amended};
use api::{Failed, segment};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

/// GitHub's own limit for a description.
const DESCRIPTION_CHARACTERS_MAX: usize = 65_535;

/// Beyond this a follow-up is pointed to instead of added.
const DESCRIPTION_CHARACTERS_FULL: usize = 60_000;

/// Waits between looks at the list after an answer that never came.
const SETTLE_S: u64 = 3;
const SETTLE_LOOKS: usize = 4;

/// Pages of the list that are read at most: 100 advisories each.
const PAGES_MAX: usize = 50;

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

/// The fields of an advisory that we read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Listed {
    ghsa_id: String,
    html_url: String,
    description: Option<String>,
    author: Option<Author>,
    state: Option<String>,
}

impl Listed {
    fn is_public(&self) -> bool {
        self.state.as_deref() == Some("published")
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Author {
    login: String,
}

impl GithubTracker {
    pub fn new(
        api: GithubApi,
        repository: String,
        products: BTreeMap<String, String>,
        ecosystem: String,
        private_fork: bool,
    ) -> Self {
        let products = products
            .into_iter()
            .map(|(product, to)| (product.to_lowercase(), to))
            .collect();
        Self {
            api,
            repository,
            products,
            ecosystem,
            private_fork,
            comments: false,
            collaborators: BTreeMap::new(),
            login: OnceCell::new(),
            turn: Mutex::default(),
        }
    }

    /// Who is to work on every advisory (`*`), or on those of a product.
    pub fn with_collaborators(self, collaborators: BTreeMap<String, Collaborators>) -> Self {
        Self {
            collaborators: collaborators
                .into_iter()
                .map(|(product, who)| (product.to_lowercase(), who))
                .collect(),
            ..self
        }
    }

    /// With what people say below advisories.
    pub fn with_comments(self, comments: bool) -> Self {
        Self { comments, ..self }
    }

    fn repository_for(&self, report: &Report) -> &str {
        let product = report.product.as_deref().unwrap_or_default().to_lowercase();
        self.products.get(&product).unwrap_or(&self.repository)
    }

    async fn login(&self) -> Result<&str, Failed> {
        self.login
            .get_or_try_init(|| self.api.own_login())
            .await
            .map(String::as_str)
    }

    /// The drafts that bear this marker in their last line and that our own token wrote: the
    /// oldest, and its doubles.
    async fn find(&self, repository: &str, marker: &str) -> Result<Option<Filed>, Failed> {
        let own = self.login().await?.to_owned();
        let all = self.list(repository).await?;
        let ours = |l: &Listed| {
            l.author
                .as_ref()
                .is_some_and(|a| a.login.eq_ignore_ascii_case(&own))
        };
        let marked = |l: &Listed| {
            l.description
                .as_deref()
                .and_then(|d| d.trim_end().lines().last())
                .is_some_and(|line| line.trim() == marker)
        };
        let mut found = all
            .into_iter()
            .filter(|l| ours(l) && marked(l))
            .map(id_of)
            .rev(); // listed newest first
        Ok(found.next().map(|advisory| Filed {
            advisory,
            doubled: found.collect(),
        }))
    }

    async fn list(&self, repository: &str) -> Result<Vec<Listed>, Failed> {
        let mut all = Vec::new();
        let mut next = Some(format!(
            "{}?per_page=100&sort=created&direction=desc",
            advisories(repository)
        ));
        for _ in 0..PAGES_MAX {
            let Some(route) = next else { break };
            let (page, following) = self.api.page(&route).await?;
            let listed: Vec<Listed> = serde_json::from_value(page)
                .map_err(|_| Failed::Odd("its list of advisories cannot be read"))?;
            all.extend(listed);
            next = following;
        }
        Ok(all)
    }

    /// After an answer that never came: reads the list until two looks agree.
    async fn find_when_settled(
        &self,
        repository: &str,
        marker: &str,
    ) -> Result<Option<Filed>, Failed> {
        let mut before = None;
        for _ in 0..SETTLE_LOOKS {
            tokio::time::sleep(Duration::from_secs(SETTLE_S)).await;
            let found = self.find(repository, marker).await?;
            if found.is_some() || before == Some(found.clone()) {
                return Ok(found);
            }
            before = Some(found);
        }
        Ok(None)
    }

    async fn advisory(&self, route: &str) -> Result<Listed, Failed> {
        serde_json::from_value(self.api.get(route).await?)
            .map_err(|_| Failed::Odd("its advisory cannot be read"))
    }

    /// Adds to an advisory once, as the mark tells. `false`: it is public, and this is not for the
    /// public.
    async fn add(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
        for_the_public: bool,
    ) -> Result<bool, PortError> {
        let _turn = self.turn.lock().await;
        let route = named(advisory)?;
        let before = self.advisory(&route).await?;
        let text = before.description.clone().unwrap_or_default();
        if text.contains(&addition.mark) {
            return Ok(true);
        }
        if before.is_public() && !for_the_public {
            return Ok(false);
        }
        // Comments are sent on by mail, in clear: what came sealed goes into the description.
        if self.comments
            && !for_the_public
            && !addition.sealed
            && comments::add(&self.api, &route, addition).await?
        {
            return Ok(true);
        }
        let mut after = format!("{}\n\n{}", text.trim_end(), addition.text);
        if after.chars().count() > DESCRIPTION_CHARACTERS_FULL {
            let marker = addition.text.lines().last().unwrap_or_default();
            after = format!(
                "{}\n\n{}\nA follow-up is too long for the tracker: see `sealdesk case \
                 show`.\n\n{marker}",
                text.trim_end(),
                addition.mark
            );
        }
        if after.chars().count() > DESCRIPTION_CHARACTERS_MAX {
            return Err(PortError::Lasting(
                "the description is full: shorten it in the tracker, then run sealdesk case file"
                    .to_owned(),
            ));
        }
        // Between read and write a human may have edited or published: what is written must rest on
        // what stands there now.
        if self.advisory(&route).await? != before {
            return Err(PortError::Passing(
                "the advisory changes under our hands".to_owned(),
            ));
        }
        self.api
            .patch(&route, &json!({ "description": after }))
            .await?;
        Ok(true)
    }

    fn body(&self, advisory: &Advisory) -> Value {
        let report = &advisory.report;
        // GitHub takes CVSS 3 and 4; and a vector or a severity, never both.
        let vector = report
            .cvss
            .as_deref()
            .filter(|v| v.starts_with("CVSS:3") || v.starts_with("CVSS:4"));
        let rated = report
            .severity
            .as_deref()
            .filter(|s| matches!(*s, "critical" | "high" | "medium" | "low"));
        let mut body = json!({
            "summary": cut(&advisory.summary, 1024),
            "description": advisory.description,
            "cwe_ids": report.cwe_ids,
            // At least one entry: the API fails without.
            "vulnerabilities": compose::export::vulnerabilities(report, &self.ecosystem),
        });
        match vector {
            Some(vector) => body["cvss_vector_string"] = json!(vector),
            None => body["severity"] = json!(rated.unwrap_or("medium")),
        }
        if let [one] = report.cve_ids.as_slice() {
            body["cve_id"] = json!(one);
        }
        if self.private_fork {
            body["start_private_fork"] = json!(true);
        }
        body
    }
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

fn advisories(repository: &str) -> String {
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    format!(
        "/repos/{}/{}/security-advisories",
        segment(owner),
        segment(name)
    )
}

fn named(advisory: &AdvisoryId) -> Result<String, PortError> {
    route_of(advisory).ok_or_else(|| {
        PortError::Lasting(format!(
            "{} does not name an advisory of GitHub",
            advisory.url
        ))
    })
}

/// Where an advisory filed earlier lives: its address names repository and id.
fn route_of(advisory: &AdvisoryId) -> Option<String> {
    let path = url::Url::parse(&advisory.url).ok()?.path().to_owned();
    let at = path.find("/security/advisories/")?;
    let repository: Vec<&str> = path[..at].split('/').filter(|p| !p.is_empty()).collect();
    let [.., owner, name] = repository.as_slice() else {
        return None;
    };
    Some(format!(
        "/repos/{}/{}/security-advisories/{}",
        segment(owner),
        segment(name),
        segment(&advisory.id)
    ))
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

fn id_of(listed: Listed) -> AdvisoryId {
    AdvisoryId {
        id: listed.ghsa_id,
        url: listed.html_url,
    }
}

#[async_trait]
impl Tracker for GithubTracker {
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
                    PortError::InDoubt("GitHub made a draft and did not say which".to_owned())
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

    fn has_comments(&self) -> bool {
        self.comments
    }

    async fn comments(&self, advisory: &AdvisoryId) -> Result<Vec<Comment>, PortError> {
        Ok(comments::heard(&self.api, &named(advisory)?).await?)
    }

    async fn amend(&self, advisory: &AdvisoryId, amendment: &Amendment) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let route = named(advisory)?;
        let now: Standing = serde_json::from_value(self.api.get(&route).await?)
            .map_err(|_| PortError::from(Failed::Odd("its advisory cannot be read")))?;
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
            .post(&format!("{}/cve", named(advisory)?), &json!({}))
            .await?;
        Ok(())
    }

    async fn open_fork(&self, advisory: &AdvisoryId) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        self.api
            .post(&format!("{}/forks", named(advisory)?), &json!({}))
            .await?;
        Ok(())
    }

    async fn code_owners(&self, advisory: &AdvisoryId) -> Result<Option<Vec<String>>, PortError> {
        let route = named(advisory)?;
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
                Err(Failed::Forbidden(..)) => {}
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

    fn lets_people_in(&self) -> bool {
        true
    }

    fn has_collaborators(&self) -> bool {
        !self.collaborators.is_empty()
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
fn lasting(failed: Failed) -> PortError {
    match failed {
        Failed::Unknown | Failed::Forbidden(..) | Failed::Invalid(..) => {
            PortError::Lasting(PortError::from(failed).to_string())
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
