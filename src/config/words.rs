//! The words of the config file, exactly as written. Unknown ones are errors.

use super::operating::{Alarm, Control, Heartbeat, Metrics, Retention};
use super::timeline::{ReleaseWords, TimelineWords};
use super::tracker::Tracker;
use crate::model::limits::Limits;
use crate::model::publication::{HttpsUrl, Language};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Deserialize, JsonSchema)]
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
    pub metrics: Option<Metrics>,
    #[serde(default)]
    pub retention: Retention,
    #[serde(default)]
    pub publisher: Publisher,
}

#[derive(Debug, Deserialize, JsonSchema)]
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
    #[serde(default)]
    pub original_from_lists: Vec<String>,
    pub authserv_id: Option<String>,
    #[serde(default)]
    #[schemars(with = "String")]
    pub resolver: Resolver,
    pub answer_from: Option<String>,
    pub templates: Option<PathBuf>,
}

/// Whom the desk asks about a letter's originator, where no `authserv_id` names the server that
/// did.
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
            other => other.parse().map(Self::At).map_err(|_| {
                format!("{other:?} is neither \"system\" nor \"none\" nor written ADDRESS:PORT")
            }),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// The public certificates of the desk, the one to show first in front; a version 4 one is
    /// among them
    pub certificates: Vec<PathBuf>,
    /// What rests is sealed to it
    pub storage_certificate: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenerWords {
    pub socket: Option<PathBuf>,
    /// The secret keys of `keys.certificates`; several may stand here, retired ones behind
    #[serde(default)]
    pub secret_keys: Vec<PathBuf>,
    /// The secret key of `keys.storage_certificate`
    pub storage_key: Option<PathBuf>,
    /// Unlocks all of them
    pub passphrase_file: Option<PathBuf>,
    #[serde(default)]
    pub allow_without_jail: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    #[default]
    Tls,
    Starttls,
    Plaintext,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
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

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Imap {
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
    pub done: Option<Done>,
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

#[derive(Clone, Debug, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Done {
    Move { folder: String },
    Keyword { keyword: String },
    Keep,
}

impl Default for Done {
    fn default() -> Self {
        Self::Move {
            folder: "Sealdesk".to_owned(),
        }
    }
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maildir {
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

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Courier {
    Smtp(Smtp),
    Folder(CourierFolder),
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CourierFolder {
    /// Each letter becomes a file in it
    pub path: PathBuf,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The SMTP server
    pub host: String,
    pub port: Option<u16>,
    /// `tls`, `starttls`; `plaintext` to loopback only
    #[serde(default)]
    pub security: Security,
    /// Trust this CA alone
    pub ca_file: Option<PathBuf>,
    /// Or pin the server's certificate
    pub certificate_sha256: Option<String>,
    /// The login; none without it
    pub user: Option<String>,
    /// Its password
    pub password_file: Option<PathBuf>,
    /// The name given in EHLO.
    pub hello: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Responder {
    /// As `status` and the journal call him
    pub name: String,
    /// Where he is called
    pub address: String,
    /// Calls and what rests are encrypted to it; his letters must be signed by it
    pub certificate: PathBuf,
    /// His account on this machine: what he says on the command line is his word.
    pub login: Option<String>,
    /// His login in the tracker: comments there that he marks go to the reporter.
    pub tracker_login: Option<String>,
}

/// Where releases are announced.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Announcement {
    pub lists: Vec<String>,
    pub webhook_file: Option<PathBuf>,
}

/// Somebody on the private distributors list, and what was checked when he was let in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distributor {
    /// As `status` and the journal call them
    pub name: String,
    /// Where they are told
    pub address: String,
    /// What they are told is encrypted to it
    pub certificate: PathBuf,
    pub contact: String,
    pub criteria: Vec<String>,
    /// Who vouched for them
    pub vouched_by: String,
    /// When they agreed to the embargo
    pub embargo_accepted_on: String,
    pub removed_on: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Acknowledgement {
    pub within_h: u32,
    pub alarm_before_h: u32,
    pub unsigned_after_h: u32,
    pub delay_s: u32,
}

impl Default for Acknowledgement {
    fn default() -> Self {
        Self {
            within_h: 24,
            alarm_before_h: 4,
            unsigned_after_h: 12,
            delay_s: 0,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    pub per_address_per_day: u32,
    pub per_domain_per_day: u32,
    pub calls_per_hour: u32,
    pub drafts_per_day: u32,
    pub per_day: u32,
    pub ask_missing: bool,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            per_address_per_day: 1,
            per_domain_per_day: 200,
            per_day: 2_000,
            calls_per_hour: 30,
            drafts_per_day: 100,
            ask_missing: true,
        }
    }
}

/// What the world may know of the desk, and where it is found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// Where security.txt is to be found (RFC 9116 section 2.5.2).
    #[schemars(with = "Vec<String>")]
    pub canonical: Vec<HttpsUrl>,
    /// Your policy, for security.txt
    #[schemars(with = "Option<String>")]
    pub policy: Option<HttpsUrl>,
    /// In which you can be written to, for security.txt
    #[schemars(with = "Vec<String>")]
    pub languages: Vec<Language>,
    /// The desk serves its Web Key Directory and security.txt here, for a web server in front of
    /// it.
    #[schemars(with = "Option<String>")]
    pub listen: Option<std::net::SocketAddr>,
    /// Published copies that the desk fetches once a day and holds against what it has.
    pub fetch: Vec<url::Url>,
}

/// Who publishes what `case export` writes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Publisher {
    /// The vendor; the desk's name without it.
    pub name: Option<String>,
    /// A URL that is his alone; `https://` and the domain of the desk's address without it.
    #[schemars(with = "Option<String>")]
    pub namespace: Option<HttpsUrl>,
    /// The UUID of his CNA.
    pub cve_org_id: Option<String>,
    /// What packages belong to where nothing says it, as OSV names it.
    pub ecosystem: Option<String>,
}
