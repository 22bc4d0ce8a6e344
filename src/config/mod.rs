//! What did the operator write, and is it right? The file's words, then checked settings.
//!
//! Each section is a file, which checks itself. Secrets are paths.

mod automatic_answers;
mod changes;
mod connection;
mod courier;
mod desk;
mod error;
mod login;
mod mailbox;
mod operating;
mod page;
mod product;
mod publication;
mod recipients;
mod reference;
mod secrets;
mod sections;
mod smime;
mod timeline;
mod tracker;

pub use changes::{changes, shape};
pub use connection::{Security, pin};
pub use courier::{CourierSection, SmtpSection};
pub use desk::Resolver;
pub use error::ConfigError;
pub use login::{
    ApplicationLogin, AuthorizationServerSection, Login, PersonLogin, Provider, ServiceAccountLogin,
};
pub use mailbox::{ImapSection, MailboxRole, MailboxSection, WhenRead};
pub use operating::{AlarmSection, ControlSection};
pub use page::PageSettings;
pub use product::ProductSection;
pub use publication::{PublishSection, PublisherSection};
pub use recipients::{DistributorSection, ResponderSection};
pub use reference::reference;
pub use secrets::{expanded, secret};
pub use sections::OpenerConfig;
pub use smime::SmimeSection;
pub use tracker::{GithubSection, TrackerAuth, TrackerSection};

use crate::decide::{Caps, Policy};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::language::Language;
use crate::model::limits::Limits;
use crate::model::release::ReleaseRules;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub file: PathBuf,
    /// The file's words, for what changed in them.
    written: toml::Table,
    pub address: Address,
    pub name: String,
    /// Every address that reaches or leaves the desk, the desk's own first.
    pub ours: Vec<Address>,
    pub bounce_address: Address,
    pub own_lists: Vec<String>,
    pub original_from_lists: Vec<String>,
    pub forms: Vec<Address>,
    pub authserv_id: Option<String>,
    pub resolver: Resolver,
    pub answer_from: Option<Timestamp>,
    pub state: PathBuf,
    pub templates: Option<PathBuf>,
    pub language: Language,
    pub certificates: Vec<PathBuf>,
    pub storage_certificate: PathBuf,
    pub opener: OpenerConfig,
    pub smime: SmimeSection,
    pub limits: Limits,
    pub mailboxes: Vec<MailboxSection>,
    pub courier: CourierSection,
    pub tracker: TrackerSection,
    pub products: Vec<ProductSection>,
    pub responders: Vec<ResponderSection>,
    pub distributors: Vec<DistributorSection>,
    /// Whether releases are announced at all, and to which mailing lists.
    pub announces: bool,
    pub announcement_lists: Vec<Address>,
    /// Clones of the products' repositories, by product; `*` for all others.
    pub checkouts: BTreeMap<String, PathBuf>,
    pub announcement_webhook_file: Option<PathBuf>,
    pub policy: Policy,
    pub caps: Caps,
    /// Without the holidays, which lie in files.
    pub release: ReleaseRules,
    pub holidays: Vec<PathBuf>,
    pub alarm: Option<AlarmSection>,
    pub heartbeat_url_file: Option<PathBuf>,
    pub publish: PublishSection,
    pub publisher: PublisherSection,
    pub control: ControlSection,
    /// The page for responders, where there is one.
    pub page: Option<PageSettings>,
    pub metrics: Option<SocketAddr>,
    pub erase_after_days: Option<u32>,
}

impl Settings {
    /// The IMAP mailbox of this name.
    pub fn imap_named(&self, name: &str) -> Result<&ImapSection, ConfigError> {
        courier::imap_named(&self.mailboxes, name)
    }
}

/// Reads and checks a config file.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError::Read(path.display().to_string(), e))?;
    let unformed =
        |e: toml::de::Error| ConfigError::Form(path.display().to_string(), e.to_string());
    let config: sections::ConfigFile = toml::from_str(&text).map_err(unformed)?;
    check(config, path, toml::from_str(&text).map_err(unformed)?)
}

fn check(
    config: sections::ConfigFile,
    file: &Path,
    written: toml::Table,
) -> Result<Settings, ConfigError> {
    check_sections(&config)?;
    let desk = config.desk.addresses()?;
    let acknowledgement = &config.acknowledgement;
    let announced = config.announcement.as_ref();
    let (release, holidays) = config.release.checked()?;
    let templates = config.desk.templates.as_ref();
    let certificates = config.keys.certificates.iter();
    let state = expanded("desk.state", &config.desk.state)?;
    let page = config.page.map(|page| page.checked(&state)).transpose()?;
    Ok(Settings {
        file: file.to_owned(),
        written,
        address: desk.address,
        ours: desk.ours,
        bounce_address: desk.bounce_address,
        answer_from: config.desk.answers_from()?,
        forms: config.desk.forms()?,
        state,
        page,
        templates: templates
            .map(|path| expanded("desk.templates", path))
            .transpose()?,
        language: config.desk.language,
        name: config.desk.name,
        own_lists: config.desk.own_lists,
        original_from_lists: config.desk.original_from_lists,
        authserv_id: config.desk.authserv_id,
        resolver: config.desk.resolver,
        certificates: certificates
            .map(|path| expanded("keys.certificates", path))
            .collect::<Result<_, _>>()?,
        storage_certificate: expanded(
            "keys.storage_certificate",
            &config.keys.storage_certificate,
        )?,
        policy: acknowledgement.policy(&config.answers, &config.timeline, &config.tracker)?,
        caps: config.answers.caps(),
        announces: announced.is_some(),
        announcement_lists: announced
            .map_or(Ok(Vec::new()), publication::AnnouncementSection::addresses)?,
        announcement_webhook_file: config.announcement.and_then(|a| a.webhook_file),
        opener: config.opener,
        smime: config.smime.expanded()?,
        limits: config.limits,
        mailboxes: config.mailbox,
        courier: config.courier,
        tracker: config.tracker,
        products: config.product,
        responders: config.responder,
        distributors: config.distributor,
        checkouts: config.checkouts,
        release,
        holidays,
        alarm: config.alarm,
        heartbeat_url_file: config.heartbeat.map(|h| h.url_file),
        publish: config.publish,
        publisher: config.publisher,
        control: config.control,
        metrics: config.metrics.map(|m| m.listen),
        erase_after_days: config.retention.closed_days,
    })
}

/// Each section checks itself, and what it needs of others.
fn check_sections(config: &sections::ConfigFile) -> Result<(), ConfigError> {
    mailbox::check(&config.mailbox)?;
    config.courier.check(&config.mailbox)?;
    product::check(&config.product)?;
    recipients::check(&config.responder, &config.distributor)?;
    config.tracker.check(&config.responder)?;
    config
        .limits
        .check()
        .map_err(|e| ConfigError::value("limits", e.to_string()))?;
    config
        .metrics
        .as_ref()
        .map_or(Ok(()), operating::MetricsSection::check)?;
    config.retention.check()?;
    config.desk.check_lists()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../config/sealdesk.example.toml");

    fn changed(from: &str, to: &str) -> Result<Settings, ConfigError> {
        assert!(EXAMPLE.contains(from), "{from}");
        let text = EXAMPLE.replace(from, to);
        let words = toml::from_str(&text)
            .map_err(|e| ConfigError::Form("example".to_owned(), e.to_string()))?;
        check(words, Path::new("example"), toml::Table::new())
    }

    #[test]
    fn the_example_is_a_valid_config() {
        let settings = changed("[desk]", "[desk]").unwrap();
        assert_eq!(settings.address.as_str(), "security@example.org");
    }

    /// A commented section of the example, as if it were not.
    fn uncommented(section: &str) -> toml::Table {
        let from = EXAMPLE.find(&format!("# [{section}]")).unwrap();
        let lines = EXAMPLE[from..].lines().take_while(|l| l.starts_with('#'));
        let shown: String = lines
            .filter(|l| l.starts_with("# "))
            .map(|l| format!("{}\n", &l[2..]))
            .collect();
        toml::from_str(&shown).unwrap()
    }

    #[test]
    fn the_example_shows_the_policys_clocks_as_they_are() {
        let written: timeline::TimelineSection = uncommented("timeline")["timeline"]
            .clone()
            .try_into()
            .unwrap();
        assert_eq!(
            written.checked().unwrap(),
            crate::model::timeline::Timeline::default()
        );
        let release: timeline::ReleaseSection = uncommented("release")["release"]
            .clone()
            .try_into()
            .unwrap();
        let (rules, holidays) = release.checked().unwrap();
        assert_eq!(
            (
                rules.hour_utc,
                rules.notice,
                rules.zones.len(),
                holidays.len()
            ),
            (16, ReleaseRules::default().notice, 2, 1)
        );
    }

    #[test]
    fn each_tracker_of_the_example_is_a_valid_one() {
        let shown: Vec<String> = EXAMPLE
            .split("\n# [tracker]")
            .skip(1)
            .map(|rest| {
                let lines = rest.lines().skip(1).take_while(|l| l.starts_with("# "));
                lines.map(|l| format!("{}\n", &l[2..])).collect()
            })
            .collect();
        let kinds: Vec<bool> = shown
            .iter()
            .map(|text| {
                matches!(
                    toml::from_str::<TrackerSection>(text).unwrap(),
                    TrackerSection::Gitlab(_)
                )
            })
            .collect();
        assert_eq!(kinds, [true, false]);
    }

    #[test]
    fn lengths_and_days_are_checked_with_a_clear_error() {
        let timeline = |text: &str| {
            toml::from_str::<timeline::TimelineSection>(text)
                .map_err(|e| e.to_string())
                .and_then(|w| w.checked().map_err(|e| e.to_string()))
        };
        assert!(
            timeline("fix = { to = \"7 parsecs\" }")
                .unwrap_err()
                .contains("is not a length of time")
        );
        assert!(
            timeline("fix = { from = \"9d\" }")
                .unwrap_err()
                .contains("timeline.fix: the window ends before it begins")
        );
        assert!(
            timeline("slow_below = 11.0")
                .unwrap_err()
                .contains("no CVSS score")
        );
        let release = |text: &str| {
            toml::from_str::<timeline::ReleaseSection>(text)
                .unwrap()
                .checked()
                .map(drop)
                .map_err(|e| e.to_string())
        };
        assert!(
            release("zones = [\"Mars/Olympus\"]")
                .unwrap_err()
                .contains("no time zone")
        );
        assert!(
            release("blackouts = [\"2027-01-03/2026-12-20\"]")
                .unwrap_err()
                .contains("is not written")
        );
    }

    #[test]
    fn the_example_shows_the_limits_as_they_are() {
        let from = EXAMPLE.find("# [limits]").unwrap();
        let shown: String = EXAMPLE[from..]
            .lines()
            .take_while(|l| l.starts_with("# "))
            .map(|l| format!("{}\n", &l[2..]))
            .collect();
        let shown: toml::Table = toml::from_str(&shown).unwrap();
        let limits: Limits = shown["limits"].clone().try_into().unwrap();
        assert_eq!(limits, Limits::MAX);
        assert_eq!(shown["limits"].as_table().unwrap().len(), 13);
    }

    #[test]
    fn each_mistake_names_its_key() {
        let rows = [
            (
                "name = \"Example Security Team\"",
                "name = \"x\"\ncolour = 1",
                "colour",
            ),
            (
                "address = \"security@example.org\"",
                "address = \"nobody\"",
                "desk.address",
            ),
            (
                "security = \"tls\"",
                "security = \"plaintext\"",
                "mailbox.security",
            ),
            (
                "[acknowledgement]",
                "[limits]\nparts = 1001\n[acknowledgement]",
                "parts",
            ),
            ("within_h = 24", "within_h = 0", "acknowledgement.within_h"),
            ("delay_s = 0", "delay_s = 90000", "acknowledgement.delay_s"),
            (
                "repository = \"example/project\"",
                "repository = \"example\"",
                "tracker.repository",
            ),
        ];
        for (from, to, named) in rows {
            let refused = changed(from, to).unwrap_err().to_string();
            assert!(refused.contains(named), "{to}: {refused}");
        }
    }

    #[test]
    fn a_secret_that_everyone_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "t0ken\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            secret("tracker.token_file", &path),
            Err(ConfigError::SecretOpen(..))
        ));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            secret("tracker.token_file", &path).unwrap().expose(),
            b"t0ken"
        );
    }
}
