//! The sections of the config file, exactly as written. Unknown ones are errors.

use crate::config::automatic_answers::{AcknowledgementSection, AnswersSection};
use crate::config::courier::CourierSection;
use crate::config::desk::DeskSection;
use crate::config::mailbox::MailboxSection;
use crate::config::operating::{
    AlarmSection, ControlSection, HeartbeatSection, MetricsSection, RetentionSection,
};
use crate::config::page::PageSection;
use crate::config::product::ProductSection;
use crate::config::publication::{AnnouncementSection, PublishSection, PublisherSection};
use crate::config::recipients::{DistributorSection, ResponderSection};
use crate::config::smime::SmimeSection;
use crate::config::timeline::{ReleaseSection, TimelineSection};
use crate::config::tracker::TrackerSection;
use crate::model::limits::Limits;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub desk: DeskSection,
    pub keys: Keys,
    #[serde(default)]
    pub opener: OpenerConfig,
    #[serde(default)]
    pub smime: SmimeSection,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub mailbox: Vec<MailboxSection>,
    pub courier: CourierSection,
    pub tracker: TrackerSection,
    #[serde(default)]
    pub product: Vec<ProductSection>,
    #[serde(default)]
    pub responder: Vec<ResponderSection>,
    #[serde(default)]
    pub distributor: Vec<DistributorSection>,
    pub announcement: Option<AnnouncementSection>,
    #[serde(default)]
    pub checkouts: BTreeMap<String, PathBuf>,
    #[serde(default)]
    pub acknowledgement: AcknowledgementSection,
    #[serde(default)]
    pub answers: AnswersSection,
    #[serde(default)]
    pub timeline: TimelineSection,
    #[serde(default)]
    pub release: ReleaseSection,
    pub alarm: Option<AlarmSection>,
    pub heartbeat: Option<HeartbeatSection>,
    #[serde(default)]
    pub publish: PublishSection,
    #[serde(default)]
    pub control: ControlSection,
    pub page: Option<PageSection>,
    pub metrics: Option<MetricsSection>,
    #[serde(default)]
    pub retention: RetentionSection,
    #[serde(default)]
    pub publisher: PublisherSection,
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

/// `[opener]`: where it listens and which keys it holds. The desk itself reads none of the keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenerConfig {
    pub socket: Option<PathBuf>,
    /// The secret keys of `keys.certificates`; several may stand here, retired ones behind
    #[serde(default)]
    pub secret_keys: Vec<PathBuf>,
    /// The private keys of `smime.certificates`, each in PEM with its certificate
    #[serde(default)]
    pub smime_keys: Vec<PathBuf>,
    /// The secret key of `keys.storage_certificate`
    pub storage_key: Option<PathBuf>,
    /// Unlocks all of them
    pub passphrase_file: Option<PathBuf>,
    #[serde(default)]
    pub allow_without_jail: bool,
}
