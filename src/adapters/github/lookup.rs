//! Which advisory is a case's, and what does the repository show of it?

use super::api::{GithubFailure, segment};
use super::{
    DESCRIPTION_CHARACTERS_FULL, DESCRIPTION_CHARACTERS_MAX, GithubTracker, PAGES_MAX,
    SETTLE_LOOKS, SETTLE_S,
};
use crate::adapters::github::GithubApi;
use crate::adapters::github::comments;
use crate::compose;
use crate::model::case::AdvisoryId;
use crate::model::case_record::Collaborators;
use crate::model::outgoing::{Addition, Advisory};
use crate::model::report::Report;
use crate::ports::{Filed, PortError};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

/// The fields of an advisory that we read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Listed {
    pub(super) ghsa_id: String,
    pub(super) html_url: String,
    pub(super) description: Option<String>,
    pub(super) author: Option<Author>,
    pub(super) state: Option<String>,
}

impl Listed {
    pub(super) fn is_public(&self) -> bool {
        self.state.as_deref() == Some("published")
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Author {
    pub(super) login: String,
}

impl GithubTracker {
    /// `repository` and the values of `products` are written `owner/name`; products match in any
    /// case. No server is asked.
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

    pub(super) fn repository_for(&self, report: &Report) -> &str {
        let product = report.product.as_deref().unwrap_or_default().to_lowercase();
        self.products.get(&product).unwrap_or(&self.repository)
    }

    pub(super) async fn login(&self) -> Result<&str, GithubFailure> {
        self.login
            .get_or_try_init(|| self.api.own_login())
            .await
            .map(String::as_str)
    }

    /// The drafts that bear this marker in their last line and that our own token wrote: the
    /// oldest, and its doubles.
    pub(super) async fn find(
        &self,
        repository: &str,
        marker: &str,
    ) -> Result<Option<Filed>, GithubFailure> {
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

    pub(super) async fn list(&self, repository: &str) -> Result<Vec<Listed>, GithubFailure> {
        let mut all = Vec::new();
        let mut next = Some(format!(
            "{}?per_page=30&sort=created&direction=desc",
            advisories(repository)
        ));
        for _ in 0..PAGES_MAX {
            let Some(route) = next else { break };
            let (page, following) = self.api.page(&route).await?;
            let listed: Vec<Listed> = serde_json::from_value(page)
                .map_err(|_| GithubFailure::Odd("its list of advisories cannot be read"))?;
            all.extend(listed);
            next = following;
        }
        Ok(all)
    }

    /// After an answer that never came: reads the list until two looks agree.
    pub(super) async fn find_when_settled(
        &self,
        repository: &str,
        marker: &str,
    ) -> Result<Option<Filed>, GithubFailure> {
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

    pub(super) async fn advisory(&self, route: &str) -> Result<Listed, GithubFailure> {
        serde_json::from_value(self.api.get(route).await?)
            .map_err(|_| GithubFailure::Odd("its advisory cannot be read"))
    }

    /// Adds to an advisory once, as the mark tells. `false`: it is public, and this is not for the
    /// public.
    pub(super) async fn add(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
        for_the_public: bool,
    ) -> Result<bool, PortError> {
        let _turn = self.turn.lock().await;
        let route = ghsa_id(advisory)?;
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
            return Err(PortError::lasting(
                "the description is full: shorten it in the tracker, then run sealdesk case file",
            ));
        }
        // Between read and write a human may have edited or published: what is written must rest on
        // what stands there now.
        if self.advisory(&route).await? != before {
            return Err(PortError::passing("the advisory changes under our hands"));
        }
        self.api
            .patch(&route, &json!({ "description": after }))
            .await?;
        Ok(true)
    }

    pub(super) fn body(&self, advisory: &Advisory) -> Value {
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

pub(super) fn advisories(repository: &str) -> String {
    let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
    format!(
        "/repos/{}/{}/security-advisories",
        segment(owner),
        segment(name)
    )
}

pub(super) fn ghsa_id(advisory: &AdvisoryId) -> Result<String, PortError> {
    route_of(advisory).ok_or_else(|| {
        PortError::lasting(format!(
            "{} does not name an advisory of GitHub",
            advisory.url
        ))
    })
}

/// Where an advisory filed earlier lives: its address names repository and id.
pub(super) fn route_of(advisory: &AdvisoryId) -> Option<String> {
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

pub(super) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

pub(super) fn id_of(listed: Listed) -> AdvisoryId {
    AdvisoryId {
        id: listed.ghsa_id,
        url: listed.html_url,
    }
}
