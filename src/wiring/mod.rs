//! How is a desk put together? Checked settings to adapters; nothing is started here.

mod monitored;
mod people;
mod site;

pub use monitored::Monitored;
pub use people::{distributors, responders};
pub use site::{expected, pages, security_md};

use crate::adapters::alarm::{Command, Heartbeat, Webhook};
use crate::adapters::announcer::HttpAnnouncer;
use crate::adapters::calendar;
use crate::adapters::checkout::Checkouts;
use crate::adapters::clock::SystemClock;
use crate::adapters::dmarc::DnsAuthenticator;
use crate::adapters::folder_courier::FolderCourier;
use crate::adapters::folder_tracker::FolderTracker;
use crate::adapters::github::{Auth, GithubApi, GithubReports, GithubTracker};
use crate::adapters::gitlab::GitlabTracker;
use crate::adapters::hook_tracker::HookTracker;
use crate::adapters::imap::{
    self, ImapLogin, ImapMailbox, Means, RefreshTokens, Refreshing, SecretSource,
};
use crate::adapters::maildir::Maildir;
use crate::adapters::net::Trust;
use crate::adapters::opener::{Doorstep, OpenerClient};
use crate::adapters::smtp::{self, SmtpCourier};
use crate::adapters::sqlite::SqliteStore;
use crate::compose::{House, OwnCertificate, Templates};
use crate::config::{self, MailboxRole, Resolver, Settings};
use crate::control::ByLetter;
use crate::decide::Origin;
use crate::mime::{OwnList, Perspective};
use crate::model::Timestamp;
use crate::model::release::ReleaseRules;
use crate::model::secret::Secret;
use crate::openpgp::{self, Certificate, SealTo};
use crate::pipeline::{Desk, DeskParts};
use crate::ports::{
    Alarm, Announcer, Authenticator, Cases, Clock, Courier, Mailbox, PortError, Sources, Tracker,
};
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Octets of the desk's own secret, from which markers and tags are made.
const SECRET_OCTETS: usize = 32;

/// A mailbox, and how often it is looked at.
pub struct Watched {
    pub mailbox: Box<dyn Mailbox>,
    pub origin: Origin,
    pub poll: Duration,
}

pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>> {
    let octets = std::fs::read(path)
        .with_context(|| format!("cannot read the certificate file {}", path.display()))?;
    openpgp::certificates(&octets)
        .with_context(|| format!("in the certificate file {}", path.display()))
}

/// The desk as its letters present it, with the certificates of the config.
pub fn house(settings: &Settings) -> Result<House> {
    let mut certificates = Vec::new();
    for path in &settings.certificates {
        for certificate in read_certificates(path)? {
            let minimal = certificate
                .minimal()
                .with_context(|| format!("in {}", path.display()))?;
            certificates.push(OwnCertificate {
                fingerprint: certificate.fingerprint(),
                version: certificate.version(),
                armored: minimal.armored()?,
                binary: minimal.binary()?,
            });
        }
    }
    if certificates.is_empty() {
        return Err(anyhow!(
            "keys.certificates names no file: make a key with `sealdesk key new`"
        ));
    }
    Ok(House {
        address: settings.address.clone(),
        name: settings.name.clone(),
        certificates,
        templates: Templates::load(settings.templates.as_deref())?,
        timeline: settings.policy.timeline.clone(),
    })
}

pub fn perspective(settings: &Settings) -> Perspective {
    let own_list = |id: &String| OwnList {
        id: id.trim_start_matches('<').trim_end_matches('>').to_owned(),
        writes_original_from: settings.original_from_lists.contains(id),
    };
    let own_lists = settings.own_lists.iter().map(own_list).collect();
    Perspective {
        ours: settings.ours.clone(),
        own_lists,
        authserv_id: settings.authserv_id.clone(),
    }
}

pub fn opener(settings: &Settings) -> Result<OpenerClient> {
    let doorstep = match &settings.opener.socket {
        Some(path) => Doorstep::Socket(config::expanded("opener.socket", path)?),
        None => {
            let program = std::env::current_exe()
                .context("this program cannot be found to start the opener")?;
            Doorstep::Child {
                program,
                arguments: vec![
                    "opener".to_owned(),
                    "--config".to_owned(),
                    settings.file.display().to_string(),
                ],
            }
        }
    };
    Ok(OpenerClient::new(doorstep, perspective(settings)))
}

/// What everything at rest is sealed to: the storage certificate, and each responder's that can be
/// sealed to. The desk must not stand still for one that ended: [`responders`] says which.
pub fn seal_to(settings: &Settings) -> Result<SealTo> {
    let mut certificates =
        read_certificates(&settings.storage_certificate).context("keys.storage_certificate")?;
    for responder in &settings.responders {
        let theirs = read_certificates(&config::expanded(
            "responder.certificate",
            &responder.certificate,
        )?)?;
        certificates.extend(
            theirs
                .into_iter()
                .filter(|c| c.usable_for_encryption().is_ok()),
        );
    }
    SealTo::new(&certificates).context("keys.storage_certificate")
}

/// Who finds out by DNS who sent a letter, where no mail server of ours says it.
pub fn authenticator(settings: &Settings) -> Result<Option<Arc<dyn Authenticator>>> {
    let resolver = match (&settings.authserv_id, settings.resolver) {
        (Some(_), _) | (None, Resolver::None) => return Ok(None),
        (None, Resolver::System) => None,
        (None, Resolver::At(address)) => Some(address),
    };
    Ok(Some(Arc::new(DnsAuthenticator::new(
        resolver,
        settings.address.domain(),
    )?)))
}

/// Whether a desk could be put together: everything but its store and its opener is built, and
/// thrown away.
pub fn tried(settings: &Settings) -> Result<()> {
    agrees(settings)?;
    mailboxes(settings)?;
    courier(settings)?;
    tracker(settings)?;
    alarm(settings)?;
    authenticator(settings)?;
    announcer(settings)?;
    sources(settings)?;
    heartbeat(settings).map(drop)
}

/// Whether the config agrees with the public files that it names; no secret is read.
pub fn agrees(settings: &Settings) -> Result<()> {
    seal_to(settings)?;
    house(settings)?;
    responders(settings)?;
    distributors(settings)?;
    release_rules(settings).map(drop)
}

/// Opens the store of a desk that is closed, as it is.
pub async fn store(settings: &Settings) -> Result<SqliteStore> {
    Ok(SqliteStore::open_as_it_is(&settings.state, seal_to(settings)?).await?)
}

/// Puts the whole desk together, opening its store.
pub async fn desk(settings: &Settings) -> Result<Desk> {
    let clock = SystemClock;
    let store = SqliteStore::open(&settings.state, seal_to(settings)?).await?;
    let answer_from = match settings.answer_from {
        Some(from) => from,
        // A mailbox counts in seconds (RFC 9051 section 6.3.12): what came within that of the start
        // is new.
        None => whole_second(store.first_start(clock.now()).await?),
    };
    Ok(Desk::new(DeskParts {
        store: Arc::new(store),
        opener: Arc::new(opener(settings)?),
        courier: courier(settings)?,
        tracker: tracker(settings)?,
        alarm: alarm(settings)?,
        authenticator: authenticator(settings)?,
        clock: Arc::new(clock),
        policy: settings.policy.clone(),
        house: house(settings)?,
        perspective: perspective(settings),
        bounce_address: settings.bounce_address.clone(),
        announcer: announcer(settings)?,
        announcement_lists: settings.announcement_lists.clone(),
        sources: sources(settings)?,
        responders: responders(settings)?,
        clerk: Arc::new(ByLetter),
        distributors: distributors(settings)?,
        own_ends: people::own_ends(settings)?,
        secret: desk_secret(&settings.state)?,
        answer_from,
        caps: settings.caps,
        release: release_rules(settings)?,
    }))
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_millisecond().div_euclid(1000)).unwrap_or(at)
}

/// The rules for a release day, with the holidays of the calendar files.
pub fn release_rules(settings: &Settings) -> Result<ReleaseRules> {
    let mut rules = settings.release.clone();
    for path in &settings.holidays {
        rules.holidays.extend(calendar::holidays(&config::expanded(
            "release.holidays",
            path,
        )?)?);
    }
    Ok(rules)
}

/// Made at the first start. Without it no draft of ours would be recognised, so it belongs into the
/// backup.
fn desk_secret(state: &Path) -> Result<Secret> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = state.join("desk.secret");
    if !path.exists() {
        let mut octets = [0; SECRET_OCTETS];
        getrandom::fill(&mut octets).map_err(|e| anyhow!("no randomness: {e}"))?;
        let hex: String = octets.iter().map(|b| format!("{b:02x}")).collect();
        let part = path.with_extension("part");
        let _ = std::fs::remove_file(&part);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .with_context(|| format!("cannot write {}", part.display()))?;
        file.write_all(hex.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(config::secret("desk.secret", &path)?)
}

fn trust(key: &'static str, ca_file: Option<&PathBuf>, pin: Option<&String>) -> Result<Trust> {
    Ok(Trust {
        ca_file: ca_file.map(|p| config::expanded(key, p)).transpose()?,
        pin: pin.and_then(|p| config::pin(p)),
    })
}

/// Reads a secret anew at each use.
fn source(key: &'static str, path: &Path) -> SecretSource {
    let path = path.to_owned();
    Arc::new(move || config::secret(key, &path).map_err(|e| PortError::Lasting(e.to_string())))
}

pub fn mailboxes(settings: &Settings) -> Result<Vec<Watched>> {
    let mut mailboxes: Vec<Watched> = settings
        .mailboxes
        .iter()
        .map(|words| mailbox(words, &settings.state))
        .collect::<Result<_>>()?;
    if let config::Tracker::Github(words) = &settings.tracker
        && words.reports
    {
        let mut repositories: Vec<String> = std::iter::once(&words.repository)
            .chain(words.products.values())
            .cloned()
            .collect();
        repositories.sort();
        repositories.dedup();
        let mailbox = Box::new(GithubReports::new(github_api(words)?, repositories));
        mailboxes.push(Watched {
            mailbox,
            origin: Origin::Inbox,
            poll: Duration::from_secs(u64::from(words.reports_poll_s.max(1))),
        });
    }
    Ok(mailboxes)
}

fn mailbox(words: &config::Mailbox, state: &Path) -> Result<Watched> {
    let origin = match words.role() {
        MailboxRole::Inbox => Origin::Inbox,
        MailboxRole::Sent => Origin::Sent,
    };
    match words {
        config::Mailbox::Maildir(maildir) => Ok(Watched {
            origin,
            mailbox: Box::new(Maildir::new(
                maildir.name.clone(),
                config::expanded("mailbox.path", &maildir.path)?,
            )),
            poll: Duration::from_secs(u64::from(maildir.poll_s.max(1))),
        }),
        config::Mailbox::Imap(words) => {
            let means = match &words.login {
                config::Login::Password { password_file } => {
                    Means::Password(checked("mailbox.login.password_file", password_file)?)
                }
                config::Login::Token { token_file } => {
                    Means::Token(checked("mailbox.login.token_file", token_file)?)
                }
                config::Login::Oauth2 {
                    token_url,
                    client_id,
                    client_secret_file,
                    refresh_token_file,
                    scopes,
                } => Means::Refreshing(Box::new(Refreshing {
                    token_url: token_url.clone(),
                    client_id: client_id.clone(),
                    client_secret: client_secret_file
                        .as_ref()
                        .map(|p| checked("mailbox.login.client_secret_file", p))
                        .transpose()?,
                    refresh_tokens: RefreshTokens::new(
                        checked("mailbox.login.refresh_token_file", refresh_token_file)?,
                        token_file(state, &words.name),
                    ),
                    scopes: scopes.clone(),
                    held: None,
                })),
            };
            let (privacy, port) = match words.security {
                config::Security::Tls => (imap::Privacy::Tls, 993),
                config::Security::Starttls => (imap::Privacy::Starttls, 143),
                config::Security::Plaintext => (imap::Privacy::None, 143),
            };
            let default = if words.role == MailboxRole::Sent {
                config::Done::Keep
            } else {
                config::Done::default()
            };
            let done = match words.done.as_ref().unwrap_or(&default) {
                config::Done::Move { folder } => imap::Done::Move(folder.clone()),
                config::Done::Keyword { keyword } => imap::Done::Keyword(keyword.clone()),
                config::Done::Keep => imap::Done::Keep,
            };
            let trust = trust(
                "mailbox.ca_file",
                words.ca_file.as_ref(),
                words.certificate_sha256.as_ref(),
            )?;
            let login = ImapLogin {
                user: words.user.clone(),
                means,
            };
            let mailbox = ImapMailbox::new(
                words.name.clone(),
                words.host.clone(),
                words.port.unwrap_or(port),
                privacy,
                trust,
                login,
                words.folder.clone(),
                done,
            );
            Ok(Watched {
                mailbox: Box::new(mailbox),
                origin,
                poll: Duration::from_secs(u64::from(words.poll_s.max(1))),
            })
        }
    }
}

/// Where a refresh token rests that the token server gave in place of the configured one.
fn token_file(state: &Path, mailbox: &str) -> PathBuf {
    let name: String = mailbox
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    state.join(format!("mailbox-{name}.token"))
}

/// A secret that must be there at start, and is read anew later.
fn checked(key: &'static str, path: &Path) -> Result<SecretSource> {
    config::secret(key, path)?;
    Ok(source(key, path))
}

pub fn courier(settings: &Settings) -> Result<Arc<dyn Courier>> {
    match &settings.courier {
        config::Courier::Folder(folder) => Ok(Arc::new(FolderCourier::new(config::expanded(
            "courier.path",
            &folder.path,
        )?))),
        config::Courier::Smtp(words) => {
            let (privacy, port) = match words.security {
                config::Security::Tls => (smtp::Privacy::Tls, 465),
                config::Security::Starttls => (smtp::Privacy::Starttls, 587),
                config::Security::Plaintext => (smtp::Privacy::None, 25),
            };
            let credentials = match (&words.user, &words.password_file) {
                (Some(user), Some(path)) => {
                    Some((user.clone(), config::secret("courier.password_file", path)?))
                }
                _ => None,
            };
            let trust = trust(
                "courier.ca_file",
                words.ca_file.as_ref(),
                words.certificate_sha256.as_ref(),
            )?;
            let hello = words
                .hello
                .clone()
                .unwrap_or_else(|| settings.address.domain().to_owned());
            Ok(Arc::new(SmtpCourier::new(
                words.host.clone(),
                words.port.unwrap_or(port),
                privacy,
                trust,
                credentials,
                hello,
            )))
        }
    }
}

fn github_api(words: &config::Github) -> Result<GithubApi> {
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
        config::Tracker::Folder(folder) => Ok(Arc::new(FolderTracker::new(config::expanded(
            "tracker.path",
            &folder.path,
        )?))),
        config::Tracker::Github(words) => {
            let (products, ecosystem) = (words.products.clone(), words.ecosystem.clone());
            let tracker = GithubTracker::new(
                github_api(words)?,
                words.repository.clone(),
                products,
                ecosystem,
                words.private_fork,
            );
            Ok(Arc::new(
                tracker
                    .with_collaborators(words.collaborators.clone())
                    .with_comments(words.comments),
            ))
        }
        config::Tracker::Gitlab(words) => {
            let (trust, token) = (
                trust("tracker.ca_file", words.ca_file.as_ref(), None)?,
                config::secret("tracker.token_file", &words.token_file)?,
            );
            let (project, products, labels) = (
                words.project.clone(),
                words.products.clone(),
                words.labels.clone(),
            );
            Ok(Arc::new(GitlabTracker::new(
                &words.base_url,
                &trust,
                token,
                project,
                products,
                labels,
            )?))
        }
        config::Tracker::Webhook(words) => {
            let (url, key) = (
                config::secret("tracker.url_file", &words.url_file)?,
                config::secret("tracker.secret_file", &words.secret_file)?,
            );
            Ok(Arc::new(HookTracker::new(
                &trust("tracker.ca_file", words.ca_file.as_ref(), None)?,
                url,
                key,
                Arc::new(SystemClock),
            )?))
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

pub fn alarm(settings: &Settings) -> Result<Option<Arc<dyn Alarm>>> {
    Ok(match &settings.alarm {
        None => None,
        Some(config::Alarm::Webhook {
            url_file,
            secret_file,
        }) => Some(Arc::new(Webhook::new(
            config::secret("alarm.url_file", url_file)?,
            config::secret("alarm.secret_file", secret_file)?,
        )?)),
        Some(config::Alarm::Command { command }) => Some(Arc::new(
            Command::new(command).ok_or_else(|| anyhow!("alarm.command is empty"))?,
        )),
    })
}

pub fn heartbeat(settings: &Settings) -> Result<Option<Heartbeat>> {
    settings
        .heartbeat_url_file
        .as_ref()
        .map(|path| Ok(Heartbeat::new(config::secret("heartbeat.url_file", path)?)?))
        .transpose()
}
