//! Which tracker takes drafts, and by which path are others told?

use super::mail::trust;
use super::timely::Timely;
use crate::adapters::alarm::{Command, Heartbeat, Webhook};
use crate::adapters::announcer::HttpAnnouncer;
use crate::adapters::checkout::Checkouts;
use crate::adapters::clock::SystemClock;
use crate::adapters::folder_tracker::FolderTracker;
use crate::adapters::github::{Auth, GithubApi, GithubTracker};
use crate::adapters::gitlab::GitlabTracker;
use crate::adapters::hook_tracker::HookTracker;
use crate::config::{self, Settings};
use crate::ports::{Alarm, Announcer, Sources, Tracker};
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn github_api(words: &config::GithubSection) -> Result<GithubApi> {
    let auth = match &words.auth {
        config::TrackerAuth::Token { token_file } => {
            Auth::Token(config::secret("tracker.auth.token_file", token_file)?)
        }
        config::TrackerAuth::App {
            app_id,
            installation_id,
            private_key_file,
        } => Auth::App {
            app_id: *app_id,
            installation_id: *installation_id,
            private_key: config::secret("tracker.auth.private_key_file", private_key_file)?,
        },
    };
    Ok(GithubApi::new(
        &words.base_url,
        &trust("tracker.ca_file", words.ca_file.as_ref(), None)?,
        auth,
    )?)
}

/// Must be called inside a tokio runtime.
pub fn tracker(settings: &Settings) -> Result<Arc<dyn Tracker>> {
    match &settings.tracker {
        config::TrackerSection::Folder(folder) => Ok(Arc::new(FolderTracker::new(
            config::expanded("tracker.path", &folder.path)?,
        ))),
        config::TrackerSection::Github(words) => {
            let (products, ecosystem) = (words.products.clone(), words.ecosystem.clone());
            let tracker = GithubTracker::new(
                github_api(words)?,
                words.repository.clone(),
                products,
                ecosystem,
                words.private_fork,
            );
            Ok(Arc::new(Timely(
                tracker
                    .with_collaborators(words.collaborators.clone())
                    .with_comments(words.comments),
            )))
        }
        config::TrackerSection::Gitlab(words) => {
            let (trust, token) = (
                trust("tracker.ca_file", words.ca_file.as_ref(), None)?,
                config::secret("tracker.token_file", &words.token_file)?,
            );
            let (project, products, labels) = (
                words.project.clone(),
                words.products.clone(),
                words.labels.clone(),
            );
            Ok(Arc::new(Timely(GitlabTracker::new(
                &words.base_url,
                &trust,
                token,
                project,
                products,
                labels,
            )?)))
        }
        config::TrackerSection::Webhook(words) => {
            let (url, key) = (
                config::secret("tracker.url_file", &words.url_file)?,
                config::secret("tracker.secret_file", &words.secret_file)?,
            );
            Ok(Arc::new(Timely(HookTracker::new(
                &trust("tracker.ca_file", words.ca_file.as_ref(), None)?,
                url,
                key,
                Arc::new(SystemClock),
            )?)))
        }
    }
}

/// The clones that reports are held against, where any is configured.
pub fn sources(settings: &Settings) -> Result<Option<Arc<dyn Sources>>> {
    let expanded = settings
        .checkouts
        .iter()
        .map(|(product, path)| Ok((product.clone(), config::expanded("checkouts", path)?)));
    let clones: BTreeMap<String, PathBuf> = expanded.collect::<Result<_>>()?;
    Ok((!clones.is_empty()).then(|| Arc::new(Checkouts::new(clones)) as Arc<dyn Sources>))
}

/// `None` where the config announces nothing. Without a webhook it fetches files, and posts
/// nothing.
pub fn announcer(settings: &Settings) -> Result<Option<Arc<dyn Announcer>>> {
    if !settings.announces {
        return Ok(None);
    }
    let webhook = settings
        .announcement_webhook_file
        .as_ref()
        .map(|path| config::secret("announcement.webhook_file", path))
        .transpose()?;
    Ok(Some(Arc::new(HttpAnnouncer::new(webhook)?)))
}

/// The second path; `None` where the config has none. Fails where a secret cannot be read or the
/// command is empty.
pub fn alarm(settings: &Settings) -> Result<Option<Arc<dyn Alarm>>> {
    Ok(match &settings.alarm {
        None => None,
        Some(config::AlarmSection::Webhook {
            url_file,
            secret_file,
        }) => Some(Arc::new(Webhook::new(
            config::secret("alarm.url_file", url_file)?,
            config::secret("alarm.secret_file", secret_file)?,
        )?)),
        Some(config::AlarmSection::Command { command }) => Some(Arc::new(
            Command::new(command).ok_or_else(|| anyhow!("alarm.command is empty"))?,
        )),
    })
}

/// `None` where the config has none. Fails where the file of its URL cannot be read.
pub fn heartbeat(settings: &Settings) -> Result<Option<Heartbeat>> {
    settings
        .heartbeat_url_file
        .as_ref()
        .map(|path| Ok(Heartbeat::new(config::secret("heartbeat.url_file", path)?)?))
        .transpose()
}
