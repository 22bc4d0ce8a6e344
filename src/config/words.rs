//! The words of the config file, exactly as written. Unknown ones are errors.

use super::timeline::{ReleaseWords, TimelineWords};
use super::tracker::Tracker;
use crate::model::limits::Limits;
use crate::model::publication::{HttpsUrl, Language};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub desk: Desk,
    pub keys: Keys,
    #[serde(default)]
    pub opener: OpenerWords,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub mailbox: Vec<Mailbox>,
    pub courier: Courier,
    pub tracker: Tracker,
    #[serde(default)]
    pub responder: Vec<Responder>,
    #[serde(default)]
    pub distributor: Vec<Distributor>,
    pub announcement: Option<Announcement>,
    #[serde(default)]
    pub checkouts: BTreeMap<String, PathBuf>,
    #[serde(default)]
    pub acknowledgement: Acknowledgement,
    #[serde(default)]
    pub answers: Answers,
    #[serde(default)]
    pub timeline: TimelineWords,
    #[serde(default)]
    pub release: ReleaseWords,
    pub alarm: Option<Alarm>,
    pub heartbeat: Option<Heartbeat>,
    #[serde(default)]
    pub publish: Publish,
    #[serde(default)]
    pub control: Control,
    #[serde(default)]
    pub publisher: Publisher,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Desk {
    pub address: String,
    pub name: String,
    pub state: PathBuf,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub bounce_address: Option<String>,
    #[serde(default)]
    pub own_lists: Vec<String>,
    pub authserv_id: Option<String>,
    #[serde(default)]
    pub resolver: Resolver,
    pub answer_from: Option<String>,
    pub templates: Option<PathBuf>,
}

/// Whom the desk asks about a letter's originator, where no `authserv_id` names the server that did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Resolver {
    /// The resolvers of this machine.
    #[default]
    System,
    None,
    At(std::net::SocketAddr),
}

impl TryFrom<String> for Resolver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "system" => Ok(Self::System),
            "none" => Ok(Self::None),
            other => other.parse().map(Self::At).map_err(|_| format!("{other:?} is neither \"system\" nor \"none\" nor written ADDRESS:PORT")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    pub certificates: Vec<PathBuf>,
    pub storage_certificate: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenerWords {
    pub socket: Option<PathBuf>,
    #[serde(default)]
    pub secret_keys: Vec<PathBuf>,
    pub storage_key: Option<PathBuf>,
    pub passphrase_file: Option<PathBuf>,
    #[serde(default)]
    pub allow_without_jail: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    #[default]
    Tls,
    Starttls,
    Plaintext,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Mailbox {
    Imap(Imap),
    Maildir(Maildir),
}

impl Mailbox {
    pub fn name(&self) -> &str {
        match self {
            Self::Imap(imap) => &imap.name,
            Self::Maildir(maildir) => &maildir.name,
        }
    }

    pub fn role(&self) -> MailboxRole {
        match self {
            Self::Imap(imap) => imap.role,
            Self::Maildir(maildir) => maildir.role,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imap {
    pub name: String,
    pub host: String,
    pub port: Option<u16>,
    #[serde(default)]
    pub security: Security,
    pub ca_file: Option<PathBuf>,
    pub certificate_sha256: Option<String>,
    pub user: String,
    pub login: Login,
    #[serde(default = "inbox")]
    pub folder: String,
    pub done: Option<Done>,
    #[serde(default)]
    pub role: MailboxRole,
    #[serde(default = "poll_s")]
    pub poll_s: u32,
}

/// What a mailbox holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Login {
    /// AUTHENTICATE PLAIN where offered, else LOGIN.
    Password { password_file: PathBuf },
    /// XOAUTH2 with a token that something else refreshes; read at each connect.
    Token { token_file: PathBuf },
    /// XOAUTH2 with a token that the desk refreshes by itself.
    Oauth2 {
        token_url: String,
        client_id: String,
        client_secret_file: Option<PathBuf>,
        refresh_token_file: PathBuf,
        #[serde(default)]
        scopes: Vec<String>,
    },
}

/// What becomes of a letter on the server once it is durable here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Done {
    Move { folder: String },
    Keyword { keyword: String },
    Keep,
}

impl Default for Done {
    fn default() -> Self {
        Self::Move { folder: "Sealdesk".to_owned() }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maildir {
    pub name: String,
    pub path: PathBuf,
    #[serde(default)]
    pub role: MailboxRole,
    #[serde(default = "maildir_poll_s")]
    pub poll_s: u32,
}

fn maildir_poll_s() -> u32 {
    5
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Courier {
    Smtp(Smtp),
    Folder(CourierFolder),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourierFolder {
    pub path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub host: String,
    pub port: Option<u16>,
    #[serde(default)]
    pub security: Security,
    pub ca_file: Option<PathBuf>,
    pub certificate_sha256: Option<String>,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    /// The name given in EHLO.
    pub hello: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Responder {
    pub name: String,
    pub address: String,
    pub certificate: PathBuf,
    /// His account on this machine: what he says on the command line is his word.
    pub login: Option<String>,
    /// His login in the tracker: comments there that he marks go to the reporter.
    pub tracker_login: Option<String>,
}

/// Where releases are announced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Announcement {
    pub lists: Vec<String>,
    pub webhook_file: Option<PathBuf>,
}

/// Somebody on the private distributors list, and what was checked when he was let in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distributor {
    pub name: String,
    pub address: String,
    pub certificate: PathBuf,
    pub contact: String,
    pub criteria: Vec<String>,
    pub vouched_by: String,
    pub embargo_accepted_on: String,
    pub removed_on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Acknowledgement {
    pub within_h: u32,
    pub alarm_before_h: u32,
    pub unsigned_after_h: u32,
    pub delay_s: u32,
}

impl Default for Acknowledgement {
    fn default() -> Self {
        Self { within_h: 24, alarm_before_h: 4, unsigned_after_h: 12, delay_s: 0 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    pub per_address_per_day: u32,
    pub per_domain_per_day: u32,
    pub per_day: u32,
    pub ask_missing: bool,
}

impl Default for Answers {
    fn default() -> Self {
        Self { per_address_per_day: 1, per_domain_per_day: 200, per_day: 2_000, ask_missing: true }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Alarm {
    /// POSTs `{"case": …, "reason": …}`, signed with HMAC-SHA256 of the secret.
    Webhook { url_file: PathBuf, secret_file: PathBuf },
    /// Runs a program with the reason and the case as arguments.
    Command { command: Vec<String> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    pub url_file: PathBuf,
}

/// What the world may know of the desk, and where it is found.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// Where security.txt is to be found (RFC 9116 section 2.5.2).
    pub canonical: Vec<HttpsUrl>,
    pub policy: Option<HttpsUrl>,
    pub languages: Vec<Language>,
    /// The desk serves its Web Key Directory and security.txt here, for a web server in front of it.
    pub listen: Option<std::net::SocketAddr>,
    /// Published copies that the desk fetches once a day and holds against what it has.
    pub fetch: Vec<url::Url>,
}

/// Who publishes what `case export` writes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publisher {
    /// The vendor; the desk's name without it.
    pub name: Option<String>,
    /// A URL that is his alone; `https://` and the domain of the desk's address without it.
    pub namespace: Option<HttpsUrl>,
    /// The UUID of his CNA.
    pub cve_org_id: Option<String>,
    /// What packages belong to where nothing says it, as OSV names it.
    pub ecosystem: Option<String>,
}

/// Who may ask a running desk: decided by owner, group and mode of its sockets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The group that may read cases.
    pub readers_group: Option<String>,
    /// The group that may command.
    pub commanders_group: Option<String>,
}
