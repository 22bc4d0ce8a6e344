//! What did the operator write, and is it right? The file's words, then checked settings.
//!
//! Secrets are paths. `${NAME}` in a path is taken from the environment, so that systemd's
//! `${CREDENTIALS_DIRECTORY}` works; nothing else is expanded.

mod changes;
mod operating;
mod reference;
mod timeline;
mod tracker;
mod words;

pub use changes::{changes, shape};
pub use operating::{Alarm, Control};
pub use reference::reference;
pub use tracker::{Github, Tracker, TrackerAuth};
pub use words::{
    Courier, Distributor, Done, Imap, Login, Mailbox, MailboxRole, OpenerWords, Publish, Publisher,
    Resolver, Responder, Security, Smtp,
};

use crate::decide::{Caps, Policy};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::limits::Limits;
use crate::model::release::ReleaseRules;
use crate::model::secret::Secret;
use jiff::SignedDuration;
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
    pub authserv_id: Option<String>,
    pub resolver: Resolver,
    pub answer_from: Option<Timestamp>,
    pub state: PathBuf,
    pub templates: Option<PathBuf>,
    pub certificates: Vec<PathBuf>,
    pub storage_certificate: PathBuf,
    pub opener: OpenerWords,
    pub limits: Limits,
    pub mailboxes: Vec<Mailbox>,
    pub courier: Courier,
    pub tracker: Tracker,
    pub responders: Vec<Responder>,
    pub distributors: Vec<Distributor>,
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
    pub alarm: Option<Alarm>,
    pub heartbeat_url_file: Option<PathBuf>,
    pub publish: Publish,
    pub publisher: Publisher,
    pub control: Control,
    pub metrics: Option<SocketAddr>,
    pub erase_after_days: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the config file {0}: pass --config FILE")]
    Read(String, #[source] std::io::Error),
    #[error("{0} is not a valid config:\n{1}")]
    Form(String, String),
    #[error("{0}: {1}")]
    Value(&'static str, String),
    #[error(
        "{0} names the environment variable {1}, which is not set; under systemd it comes from \
         LoadCredential= and is there while the desk runs"
    )]
    Variable(&'static str, String),
    #[error("{0}: cannot read the secret {1}: {2}; create it, or add LoadCredential= to the unit")]
    SecretAbsent(&'static str, String, std::io::Error),
    #[error("{0}: the secret {1} can be read by everyone: chmod 600 {1}")]
    SecretOpen(&'static str, String),
    #[error("{0}: the secret {1} is empty")]
    SecretEmpty(&'static str, String),
}

/// Reads and checks a config file.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| ConfigError::Read(path.display().to_string(), e))?;
    let unformed =
        |e: toml::de::Error| ConfigError::Form(path.display().to_string(), e.to_string());
    let words: words::Words = toml::from_str(&text).map_err(unformed)?;
    check(words, path, toml::from_str(&text).map_err(unformed)?)
}

fn check(words: words::Words, file: &Path, written: toml::Table) -> Result<Settings, ConfigError> {
    let address = |key, text: &str| {
        Address::parse(text)
            .map_err(|e| ConfigError::Value(key, format!("{text:?} is not an address: {e}")))
    };
    let desk = address("desk.address", &words.desk.address)?;
    let bounce_address = match &words.desk.bounce_address {
        Some(text) => address("desk.bounce_address", text)?,
        None => desk.clone(),
    };
    let mut ours = vec![desk.clone(), bounce_address.clone()];
    for alias in &words.desk.aliases {
        ours.push(address("desk.aliases", alias)?);
    }
    if words.mailbox.is_empty() {
        return Err(ConfigError::Value(
            "mailbox",
            "configure at least one [[mailbox]]".to_owned(),
        ));
    }
    // `github reports` is what the reports filed there are called.
    let mut names: Vec<&str> = words
        .mailbox
        .iter()
        .map(Mailbox::name)
        .chain(["github reports"])
        .collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
        return Err(ConfigError::Value(
            "mailbox.name",
            format!("two mailboxes are called {:?}", twice[0]),
        ));
    }
    for mailbox in &words.mailbox {
        if let Mailbox::Imap(imap) = mailbox {
            plaintext_only_to_loopback("mailbox.security", imap.security, &imap.host)?;
            fingerprint(
                "mailbox.certificate_sha256",
                imap.certificate_sha256.as_deref(),
            )?;
            if imap.role == MailboxRole::Sent
                && imap.done.as_ref().is_some_and(|done| *done != Done::Keep)
            {
                return Err(ConfigError::Value(
                    "mailbox.done",
                    "the team's sent letters stay where they are: leave it out, or set { kind = \"keep\" }".to_owned(),
                ));
            }
        }
    }
    if let Courier::Smtp(smtp) = &words.courier {
        plaintext_only_to_loopback("courier.security", smtp.security, &smtp.host)?;
        fingerprint(
            "courier.certificate_sha256",
            smtp.certificate_sha256.as_deref(),
        )?;
        if smtp.user.is_some() != smtp.password_file.is_some() {
            return Err(ConfigError::Value(
                "courier.user",
                "user and password_file belong together".to_owned(),
            ));
        }
    }
    for responder in &words.responder {
        address("responder.address", &responder.address)?;
    }
    let mut told: Vec<Address> = Vec::new();
    for distributor in words.distributor.iter().filter(|d| d.removed_on.is_none()) {
        let theirs = address("distributor.address", &distributor.address)?;
        if told.iter().any(|other| other.same_mailbox(&theirs)) {
            return Err(ConfigError::Value(
                "distributor.address",
                format!("{theirs} stands there twice: set removed_on in one of them"),
            ));
        }
        told.push(theirs);
    }
    if let Tracker::Github(github) = &words.tracker {
        let repositories = std::iter::once(&github.repository).chain(github.products.values());
        for repository in repositories {
            if repository.split('/').filter(|p| !p.is_empty()).count() != 2
                || repository.matches('/').count() != 1
            {
                return Err(ConfigError::Value(
                    "tracker.repository",
                    format!("{repository:?} is not written owner/name"),
                ));
            }
        }
    }
    if matches!(&words.tracker, Tracker::Github(github) if github.comments)
        && words.responder.iter().all(|r| r.tracker_login.is_none())
    {
        let why = "a comment is relayed where a responder marks it: say who they are there, by \
            responder.tracker_login";
        return Err(ConfigError::Value("tracker.comments", why.to_owned()));
    }
    if let Tracker::Gitlab(gitlab) = &words.tracker {
        for project in std::iter::once(&gitlab.project).chain(gitlab.products.values()) {
            if !project.contains('/') || project.split('/').any(str::is_empty) {
                return Err(ConfigError::Value(
                    "tracker.project",
                    format!("{project:?} is not written group/name"),
                ));
            }
        }
    }
    words
        .limits
        .check()
        .map_err(|e| ConfigError::Value("limits", e.to_string()))?;
    let hours = |key: &'static str, value: u32| match value {
        0 => Err(ConfigError::Value(
            key,
            "0 hours keep no promise".to_owned(),
        )),
        hours => Ok(SignedDuration::from_hours(i64::from(hours))),
    };
    let (file_policy, sealed) = words.tracker.policies();
    let acknowledgement = &words.acknowledgement;
    let policy = Policy {
        acknowledge_within: hours("acknowledgement.within_h", acknowledgement.within_h)?,
        alarm_before: hours(
            "acknowledgement.alarm_before_h",
            acknowledgement.alarm_before_h,
        )?,
        unsigned_after: hours(
            "acknowledgement.unsigned_after_h",
            acknowledgement.unsigned_after_h,
        )?,
        acknowledge_delay: SignedDuration::from_secs(i64::from(acknowledgement.delay_s)),
        ask_missing: words.answers.ask_missing,
        sealed_call_tick: SEALED_CALL_TICK,
        call_step: CALL_STEP,
        timeline: words.timeline.checked()?,
        file: file_policy,
        sealed,
    };
    if policy.acknowledge_delay >= policy.acknowledge_within - policy.alarm_before {
        return Err(ConfigError::Value(
            "acknowledgement.delay_s",
            "the delay leaves no time before the deadline's alarm".to_owned(),
        ));
    }
    if policy.unsigned_after >= policy.acknowledge_within - policy.alarm_before {
        return Err(ConfigError::Value(
            "acknowledgement.unsigned_after_h",
            "an unsigned acknowledgement would leave after the deadline's alarm".to_owned(),
        ));
    }
    let answer_from = match &words.desk.answer_from {
        Some(text) => Some(text.parse().map_err(|e| {
            ConfigError::Value(
                "desk.answer_from",
                format!("{text:?} is not a time such as 2026-11-01T00:00:00Z: {e}"),
            )
        })?),
        None => None,
    };
    let lists = words.announcement.iter().flat_map(|a| &a.lists);
    let announcement_lists = lists
        .map(|text| address("announcement.lists", text))
        .collect::<Result<_, _>>()?;
    if let Some(open) = words
        .metrics
        .as_ref()
        .filter(|m| !m.listen.ip().is_loopback())
    {
        let why = format!(
            "{} is not a loopback address: put a server with a login in front of one that is",
            open.listen
        );
        return Err(ConfigError::Value("metrics.listen", why));
    }
    if words.retention.closed_days == Some(0) {
        return Err(ConfigError::Value(
            "retention.closed_days",
            "0 days erase a case as it closes: name a term, or leave it out".to_owned(),
        ));
    }
    if let Some(list) = words
        .desk
        .original_from_lists
        .iter()
        .find(|list| !words.desk.own_lists.contains(list))
    {
        return Err(ConfigError::Value(
            "desk.original_from_lists",
            format!("{list:?} is not among desk.own_lists"),
        ));
    }
    let (release, holidays) = words.release.checked()?;
    Ok(Settings {
        file: file.to_owned(),
        written,
        address: desk,
        name: words.desk.name,
        ours,
        bounce_address,
        own_lists: words.desk.own_lists,
        original_from_lists: words.desk.original_from_lists,
        authserv_id: words.desk.authserv_id,
        resolver: words.desk.resolver,
        answer_from,
        state: expanded("desk.state", &words.desk.state)?,
        templates: words
            .desk
            .templates
            .map(|p| expanded("desk.templates", &p))
            .transpose()?,
        certificates: words
            .keys
            .certificates
            .iter()
            .map(|p| expanded("keys.certificates", p))
            .collect::<Result<_, _>>()?,
        storage_certificate: expanded("keys.storage_certificate", &words.keys.storage_certificate)?,
        opener: words.opener,
        limits: words.limits,
        mailboxes: words.mailbox,
        courier: words.courier,
        tracker: words.tracker,
        responders: words.responder,
        distributors: words.distributor,
        announces: words.announcement.is_some(),
        announcement_lists,
        checkouts: words.checkouts,
        announcement_webhook_file: words.announcement.and_then(|a| a.webhook_file),
        policy,
        caps: Caps {
            per_address: words.answers.per_address_per_day,
            per_domain: words.answers.per_domain_per_day,
            in_all: words.answers.per_day,
            calls_per_hour: words.answers.calls_per_hour,
            drafts_per_day: words.answers.drafts_per_day,
        },
        release,
        holidays,
        alarm: words.alarm,
        heartbeat_url_file: words.heartbeat.map(|h| h.url_file),
        publish: words.publish,
        publisher: words.publisher,
        control: words.control,
        metrics: words.metrics.map(|m| m.listen),
        erase_after_days: words.retention.closed_days,
    })
}

fn plaintext_only_to_loopback(
    key: &'static str,
    security: Security,
    host: &str,
) -> Result<(), ConfigError> {
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if security == Security::Plaintext && !loopback {
        return Err(ConfigError::Value(
            key,
            format!(
                "plaintext goes to loopback only, and {host} is not: use \"tls\" or \"starttls\""
            ),
        ));
    }
    Ok(())
}

fn fingerprint(key: &'static str, value: Option<&str>) -> Result<(), ConfigError> {
    match value {
        Some(text) if pin(text).is_none() => Err(ConfigError::Value(
            key,
            format!("{text:?} is not a SHA-256: 64 hexadecimal digits, colons allowed"),
        )),
        _ => Ok(()),
    }
}

/// A certificate's SHA-256 as written by `openssl x509 -fingerprint -sha256`, with or without
/// colons.
pub fn pin(text: &str) -> Option<[u8; 32]> {
    crate::model::ids::Digest::parse(&text.replace(':', "").to_ascii_lowercase()).map(|d| d.0)
}

/// Where systemd keeps the credentials of the running desk, for whoever may look there: root, with
/// `sealdesk check`. An hour of their own for calls about sealed letters, and for handing them
/// over.
const SEALED_CALL_TICK: SignedDuration = SignedDuration::from_secs(5);
const CALL_STEP: SignedDuration = SignedDuration::from_millis(250);

const CREDENTIALS: &str = "/run/credentials/sealdesk.service";

fn variable(name: &str) -> Option<String> {
    let said = std::env::var(name).ok();
    said.or_else(|| {
        (name == "CREDENTIALS_DIRECTORY" && Path::new(CREDENTIALS).is_dir())
            .then(|| CREDENTIALS.to_owned())
    })
}

/// Expands `${NAME}` in a path.
pub fn expanded(key: &'static str, path: &Path) -> Result<PathBuf, ConfigError> {
    let text = path.to_string_lossy();
    let Some((before, rest)) = text.split_once("${") else {
        return Ok(path.to_owned());
    };
    let Some((name, after)) = rest.split_once('}') else {
        return Err(ConfigError::Value(
            key,
            format!("{text:?} has a ${{ without its }}"),
        ));
    };
    let value = variable(name).ok_or_else(|| ConfigError::Variable(key, name.to_owned()))?;
    Ok(PathBuf::from(format!("{before}{value}{after}")))
}

/// Reads a secret file: it must exist, hold something, and not be readable by everyone.
pub fn secret(key: &'static str, path: &Path) -> Result<Secret, ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let path = expanded(key, path)?;
    let shown = path.display().to_string();
    let absent = |e| ConfigError::SecretAbsent(key, shown.clone(), e);
    let mode = std::fs::metadata(&path)
        .map_err(absent)?
        .permissions()
        .mode();
    if mode & 0o004 != 0 {
        return Err(ConfigError::SecretOpen(key, shown));
    }
    let mut octets = std::fs::read(&path).map_err(absent)?;
    while octets.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        octets.pop();
    }
    if octets.is_empty() {
        Err(ConfigError::SecretEmpty(key, shown))
    } else {
        Ok(Secret::new(octets))
    }
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
        let written: timeline::TimelineWords = uncommented("timeline")["timeline"]
            .clone()
            .try_into()
            .unwrap();
        assert_eq!(
            written.checked().unwrap(),
            crate::model::timeline::Timeline::default()
        );
        let release: timeline::ReleaseWords = uncommented("release")["release"]
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
            .map(|text| matches!(toml::from_str::<Tracker>(text).unwrap(), Tracker::Gitlab(_)))
            .collect();
        assert_eq!(kinds, [true, false]);
    }

    #[test]
    fn lengths_and_days_are_checked_with_a_clear_error() {
        let timeline = |text: &str| {
            toml::from_str::<timeline::TimelineWords>(text)
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
            toml::from_str::<timeline::ReleaseWords>(text)
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
