//! The sections of the config file, exactly as written. Unknown ones are errors.

use crate::config::automatic_answers::{Acknowledgement, Answers};
use crate::config::courier::Courier;
use crate::config::desk::Desk;
use crate::config::mailbox::Mailbox;
use crate::config::operating::{Alarm, Control, Heartbeat, Metrics, Retention};
use crate::config::publication::{Announcement, Publish, Publisher};
use crate::config::recipients::{Distributor, Responder};
use crate::config::timeline::{ReleaseWords, TimelineWords};
use crate::config::tracker::Tracker;
use crate::model::limits::Limits;
use schemars::JsonSchema;
use serde::Deserialize;
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
