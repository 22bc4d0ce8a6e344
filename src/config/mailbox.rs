//! Where do letters come from, and what becomes of them there?

use super::connection::{Security, fingerprint, plaintext_only_to_loopback};
use super::error::ConfigError;
use super::login::Login;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One `[[mailbox]]`, by its `kind`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum MailboxSection {
    Imap(ImapSection),
    Maildir(MaildirSection),
}

impl MailboxSection {
    /// The operator's name for it, which no two mailboxes share.
    pub fn name(&self) -> &str {
        match self {
            Self::Imap(imap) => &imap.name,
            Self::Maildir(maildir) => &maildir.name,
        }
    }

    /// Whether letters to us arrive in it, or the team's own copies.
    pub fn role(&self) -> MailboxRole {
        match self {
            Self::Imap(imap) => imap.role,
            Self::Maildir(maildir) => maildir.role,
        }
    }
}

/// One `[[mailbox]]` of kind `imap`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImapSection {
    /// Shown in logs and faults, and where letters are counted from: do not change it
    pub name: String,
    /// The IMAP server
    pub host: String,
    pub port: Option<u16>,
    #[serde(default)]
    pub security: Security,
    pub ca_file: Option<PathBuf>,
    pub certificate_sha256: Option<String>,
    /// The login
    pub user: String,
    /// How the login is proven
    pub login: Login,
    /// Where letters arrive
    #[serde(default = "inbox")]
    pub folder: String,
    pub done: Option<WhenRead>,
    #[serde(default)]
    pub role: MailboxRole,
    #[serde(default = "poll_s")]
    pub poll_s: u32,
}

/// What a mailbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailboxRole {
    /// Letters to the desk.
    #[default]
    Inbox,
    /// Copies of what the team sent by its own programs.
    Sent,
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn poll_s() -> u32 {
    60
}

/// What becomes of a letter on the server once it is durable here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum WhenRead {
    Move { folder: String },
    Keyword { keyword: String },
    Keep,
}

impl Default for WhenRead {
    fn default() -> Self {
        Self::Move {
            folder: "Sealdesk".to_owned(),
        }
    }
}

/// One `[[mailbox]]` of kind `maildir`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaildirSection {
    /// Shown in logs and faults, and where letters are counted from: do not change it
    pub name: String,
    /// The Maildir; letters move from `new` to `cur`
    pub path: PathBuf,
    #[serde(default)]
    pub role: MailboxRole,
    #[serde(default = "maildir_poll_s")]
    pub poll_s: u32,
}

fn maildir_poll_s() -> u32 {
    5
}

/// What lies in the tracker is listed under this name.
const REPORTS_OF_TRACKER: &str = "github reports";

/// Each mailbox by itself, and that their names tell them apart.
pub(super) fn check(mailboxes: &[MailboxSection]) -> Result<(), ConfigError> {
    if mailboxes.is_empty() {
        return Err(ConfigError::value(
            "mailbox",
            "configure at least one [[mailbox]]",
        ));
    }
    let named = mailboxes.iter().map(MailboxSection::name);
    let mut names: Vec<&str> = named.chain([REPORTS_OF_TRACKER]).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
        let why = format!("two mailboxes are called {:?}", twice[0]);
        return Err(ConfigError::value("mailbox.name", why));
    }
    mailboxes.iter().try_for_each(|mailbox| match mailbox {
        MailboxSection::Imap(imap) => imap.check(),
        MailboxSection::Maildir(_) => Ok(()),
    })
}

impl ImapSection {
    fn check(&self) -> Result<(), ConfigError> {
        plaintext_only_to_loopback("mailbox.security", self.security, &self.host)?;
        fingerprint(
            "mailbox.certificate_sha256",
            self.certificate_sha256.as_deref(),
        )?;
        self.login.check("mailbox.login")?;
        let takes_away = self
            .done
            .as_ref()
            .is_some_and(|done| *done != WhenRead::Keep);
        if self.role == MailboxRole::Sent && takes_away {
            let why = "the team's sent letters stay where they are: leave it out, or set \
                { kind = \"keep\" }";
            return Err(ConfigError::value("mailbox.done", why));
        }
        Ok(())
    }
}
