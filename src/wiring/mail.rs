//! By which ports do letters come and go?

use super::{Watched, github_api, logins};
use crate::adapters::folder_courier::FolderCourier;
use crate::adapters::github::GithubReports;
use crate::adapters::imap::{self, ImapLogin, ImapMailbox};
use crate::adapters::maildir::Maildir;
use crate::adapters::net::Trust;
use crate::adapters::net::login::{Means, SecretSource};
use crate::adapters::smtp::{self, SmtpCourier, SmtpLogin};
use crate::config::{self, MailboxRole, Settings};
use crate::decide::Origin;
use crate::ports::{Courier, Mailbox, PortError};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn trust(
    key: &'static str,
    ca_file: Option<&PathBuf>,
    pin: Option<&String>,
) -> Result<Trust> {
    Ok(Trust {
        ca_file: ca_file.map(|p| config::expanded(key, p)).transpose()?,
        pin: pin.and_then(|p| config::pin(p)),
    })
}

/// Reads a secret anew at each use.
pub(super) fn source(key: &'static str, path: &Path) -> SecretSource {
    let path = path.to_owned();
    Arc::new(move || config::secret(key, &path).map_err(|e| PortError::lasting(e.to_string())))
}

/// Every mailbox of the config, and GitHub's reports where the tracker takes them. Fails where a
/// secret or a path cannot be read; no server is asked.
pub fn mailboxes(settings: &Settings) -> Result<Vec<Watched>> {
    let mut mailboxes: Vec<Watched> = settings
        .mailboxes
        .iter()
        .map(|section| mailbox(section, &settings.state))
        .collect::<Result<_>>()?;
    if let config::TrackerSection::Github(section) = &settings.tracker
        && section.reports
    {
        let mut repositories: Vec<String> = std::iter::once(&section.repository)
            .chain(section.products.values())
            .cloned()
            .collect();
        repositories.sort();
        repositories.dedup();
        let mailbox = Box::new(GithubReports::new(github_api(section)?, repositories));
        mailboxes.push(Watched {
            mailbox,
            origin: Origin::Inbox,
            poll: Duration::from_secs(u64::from(section.reports_poll_s.max(1))),
        });
    }
    Ok(mailboxes)
}

/// One mailbox of the config; `state` is where its rotated tokens rest.
pub fn mailbox(section: &config::MailboxSection, state: &Path) -> Result<Watched> {
    let origin = match section.role() {
        MailboxRole::Inbox => Origin::Inbox,
        MailboxRole::Sent => Origin::Sent,
    };
    let (mailbox, poll_s): (Box<dyn Mailbox>, u32) = match section {
        config::MailboxSection::Maildir(section) => {
            let path = config::expanded("mailbox.path", &section.path)?;
            let maildir = Maildir::new(section.name.clone(), path);
            (Box::new(maildir), section.poll_s)
        }
        config::MailboxSection::Imap(section) => {
            (Box::new(imap_mailbox(section, state)?), section.poll_s)
        }
    };
    Ok(Watched {
        mailbox,
        origin,
        poll: Duration::from_secs(u64::from(poll_s.max(1))),
    })
}

fn imap_mailbox(section: &config::ImapSection, state: &Path) -> Result<ImapMailbox> {
    let login = ImapLogin {
        user: section.user.clone(),
        means: logins::means_of_mailbox(section, state)?,
    };
    let (privacy, port) = match section.security {
        config::Security::Tls => (imap::ImapPrivacy::Tls, 993),
        config::Security::Starttls => (imap::ImapPrivacy::Starttls, 143),
        config::Security::Plaintext => (imap::ImapPrivacy::None, 143),
    };
    let trust = trust(
        "mailbox.ca_file",
        section.ca_file.as_ref(),
        section.certificate_sha256.as_ref(),
    )?;
    Ok(ImapMailbox::new(
        section.name.clone(),
        section.host.clone(),
        section.port.unwrap_or(port),
        privacy,
        trust,
        login,
        section.folder.clone(),
        settling(section),
    ))
}

/// What is done with a letter on the server once it is ours.
fn settling(section: &config::ImapSection) -> imap::Settling {
    let default = if section.role == MailboxRole::Sent {
        config::WhenRead::Keep
    } else {
        config::WhenRead::default()
    };
    match section.done.as_ref().unwrap_or(&default) {
        config::WhenRead::Move { folder } => imap::Settling::Move(folder.clone()),
        config::WhenRead::Keyword { keyword } => imap::Settling::Keyword(keyword.clone()),
        config::WhenRead::Keep => imap::Settling::Keep,
    }
}

/// A secret that must be there at start, and is read anew later.
pub(super) fn checked(key: &'static str, path: &Path) -> Result<SecretSource> {
    config::secret(key, path)?;
    Ok(source(key, path))
}

/// The courier of the config. Fails where a secret or a path cannot be read; no server is asked.
pub fn courier(settings: &Settings) -> Result<Arc<dyn Courier>> {
    match &settings.courier {
        config::CourierSection::Folder(folder) => Ok(Arc::new(FolderCourier::new(
            config::expanded("courier.path", &folder.path)?,
        ))),
        config::CourierSection::Smtp(section) => {
            let (privacy, port) = match section.security {
                config::Security::Tls => (smtp::SmtpPrivacy::Tls, 465),
                config::Security::Starttls => (smtp::SmtpPrivacy::Starttls, 587),
                config::Security::Plaintext => (smtp::SmtpPrivacy::None, 25),
            };
            let means = courier_means(settings, section)?;
            let login = section
                .user
                .clone()
                .zip(means)
                .map(|(user, means)| SmtpLogin { user, means });
            let trust = trust(
                "courier.ca_file",
                section.ca_file.as_ref(),
                section.certificate_sha256.as_ref(),
            )?;
            let hello = section
                .hello
                .clone()
                .unwrap_or_else(|| settings.address.domain().to_owned());
            Ok(Arc::new(SmtpCourier::new(
                section.host.clone(),
                section.port.unwrap_or(port),
                privacy,
                trust,
                login,
                hello,
            )))
        }
    }
}

/// How the courier's login is proven; `None` where there is none.
fn courier_means(settings: &Settings, section: &config::SmtpSection) -> Result<Option<Means>> {
    let means = match (&section.login, &section.password_file) {
        (Some(config::Login::Mailbox(named)), _) => {
            let mailbox = settings.imap_named(&named.name)?;
            logins::means_of_mailbox(mailbox, &settings.state)?
        }
        (Some(login), _) => {
            let user = section.user.as_deref().unwrap_or_default();
            logins::means("courier.login", login, user, &settings.state)?
        }
        (None, Some(path)) => Means::Password(checked("courier.password_file", path)?),
        (None, None) => return Ok(None),
    };
    Ok(Some(means))
}
