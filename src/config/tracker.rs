//! Where are drafts filed, and how, in the operator's words?

use super::error::ConfigError;
use super::recipients::ResponderSection;
use crate::decide::{FilePolicy, SealedPolicy};
use crate::model::case_record::Collaborators;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[tracker]`, by its `kind`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TrackerSection {
    Github(GithubSection),
    Gitlab(GitlabSection),
    Webhook(WebhookSection),
    Folder(FolderSection),
}

/// `[tracker]` of kind `folder`: for trials, or for teams without a tracker.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderSection {
    /// Each draft becomes a Markdown and a JSON file in it
    pub path: PathBuf,
    #[serde(default)]
    pub file: FilePolicy,
    #[serde(default)]
    pub sealed: SealedPolicy,
}

/// `[tracker]` of kind `github`: repository security advisories.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GithubSection {
    /// Where drafts are filed, unless `products` says otherwise
    pub repository: String,
    /// Product as a report names it, in lower case, to `owner/name`.
    #[serde(default)]
    pub products: BTreeMap<String, String>,
    /// The API; another for GitHub Enterprise Server
    #[serde(default = "github_api")]
    pub base_url: String,
    /// Trust this CA alone
    pub ca_file: Option<PathBuf>,
    /// A fine-grained token, or a GitHub App
    pub auth: TrackerAuth,
    /// The ecosystem of `vulnerabilities[].package`, as GitHub names them.
    #[serde(default = "other")]
    pub ecosystem: String,
    #[serde(default)]
    pub private_fork: bool,
    /// Code owners who work on every advisory (`*`), or on those of a product.
    #[serde(default)]
    pub collaborators: BTreeMap<String, Collaborators>,
    /// Whether reports that people file there become cases.
    #[serde(default = "yes")]
    pub reports: bool,
    #[serde(default = "reports_poll_s")]
    pub reports_poll_s: u32,
    /// Whether comments below advisories are read, relayed where a responder marks them, and take
    /// the reporter's answers.
    #[serde(default)]
    pub comments: bool,
    #[serde(default)]
    pub file: FilePolicy,
    #[serde(default)]
    pub sealed: SealedPolicy,
}

/// Confidential issues of a GitLab.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitlabSection {
    /// `group/name`, with all groups.
    pub project: String,
    /// Product as a report names it, in lower case, to `group/name`.
    #[serde(default)]
    pub products: BTreeMap<String, String>,
    /// The GitLab
    #[serde(default = "gitlab_com")]
    pub base_url: String,
    /// Trust this CA alone
    pub ca_file: Option<PathBuf>,
    /// Scope `api`, role Reporter or higher
    pub token_file: PathBuf,
    /// Labels of every issue, beside `severity::…`.
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default = "reports_poll_s")]
    pub states_poll_s: u32,
    #[serde(default)]
    pub file: FilePolicy,
    #[serde(default)]
    pub sealed: SealedPolicy,
}

/// Anything else that takes JSON by POST.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// Where to
    pub url_file: PathBuf,
    /// What each delivery is signed with
    pub secret_file: PathBuf,
    /// Trust this CA alone
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub file: FilePolicy,
    #[serde(default)]
    pub sealed: SealedPolicy,
}

fn gitlab_com() -> String {
    "https://gitlab.com".to_owned()
}

fn yes() -> bool {
    true
}

fn reports_poll_s() -> u32 {
    300
}

fn github_api() -> String {
    "https://api.github.com".to_owned()
}

fn other() -> String {
    "other".to_owned()
}

/// How GitHub knows the desk. Secrets stand in files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TrackerAuth {
    Token {
        token_file: PathBuf,
    },
    App {
        app_id: u64,
        installation_id: u64,
        private_key_file: PathBuf,
    },
}

impl TrackerSection {
    /// How often the states of its advisories are looked at, where it has any.
    pub fn states_poll_s(&self) -> Option<u32> {
        match self {
            Self::Github(t) => Some(t.reports_poll_s.max(1)),
            Self::Gitlab(t) => Some(t.states_poll_s.max(1)),
            Self::Folder(_) | Self::Webhook(_) => None,
        }
    }

    /// `responders`: who may mark a comment.
    pub(super) fn check(&self, responders: &[ResponderSection]) -> Result<(), ConfigError> {
        match self {
            Self::Github(github) => github.check(responders),
            Self::Gitlab(gitlab) => gitlab.check(),
            Self::Folder(_) | Self::Webhook(_) => Ok(()),
        }
    }

    pub(super) fn policies(&self) -> (FilePolicy, SealedPolicy) {
        match self {
            Self::Github(t) => (t.file, t.sealed),
            Self::Folder(t) => (t.file, t.sealed),
            Self::Gitlab(t) => (t.file, t.sealed),
            Self::Webhook(t) => (t.file, t.sealed),
        }
    }
}

impl GithubSection {
    fn check(&self, responders: &[ResponderSection]) -> Result<(), ConfigError> {
        let repositories = std::iter::once(&self.repository).chain(self.products.values());
        for repository in repositories {
            let parts: Vec<&str> = repository.split('/').collect();
            if parts.len() != 2 || parts.contains(&"") {
                let why = format!("{repository:?} is not written owner/name");
                return Err(ConfigError::value("tracker.repository", why));
            }
        }
        if self.comments && responders.iter().all(|r| r.tracker_login.is_none()) {
            let why = "a comment is relayed where a responder marks it: say who they are there, \
                by responder.tracker_login";
            return Err(ConfigError::value("tracker.comments", why));
        }
        Ok(())
    }
}

impl GitlabSection {
    fn check(&self) -> Result<(), ConfigError> {
        for project in std::iter::once(&self.project).chain(self.products.values()) {
            if !project.contains('/') || project.split('/').any(str::is_empty) {
                let why = format!("{project:?} is not written group/name");
                return Err(ConfigError::value("tracker.project", why));
            }
        }
        Ok(())
    }
}
