//! How is a desk put together? Checked settings to adapters; nothing is started here.

mod timely;
mod trackers;

use trackers::github_api;
pub use trackers::{alarm, announcer, heartbeat, sources, tracker};
mod logins;
mod mail;

pub use logins::{authorization_server, client_secret, latest_refresh_token};
pub use mail::{courier, mailbox, mailboxes};
mod monitored;
mod recipients;
mod site;

use crate::adapters::calendar;
use crate::adapters::clock::SystemClock;
use crate::adapters::dmarc::DnsAuthenticator;
use crate::adapters::opener::{OWN_PROGRAM, OpenerClient, OpenerEndpoint};
use crate::adapters::sqlite::SqliteStore;
use crate::compose::{DeskIdentity, OwnCertificate, OwnSmimeCertificate, Templates};
use crate::config::{self, Resolver, Settings};
use crate::decide::Origin;
use crate::desk::{Desk, DeskParts};
use crate::grammar;
use crate::mime::{OwnAddresses, OwnList};
use crate::model::Timestamp;
use crate::model::product::OwnProduct;
use crate::model::release::ReleaseRules;
use crate::model::secret::Secret;
use crate::openpgp::{self, Certificate, SealTo};
use crate::ports::{Authenticator, Cases, Clock, Mailbox};
use crate::smime;
use crate::triage;
use anyhow::{Context, Result, anyhow};
pub use monitored::Monitored;
pub use recipients::{distributors, responders};
pub use site::{expected, pages, security_md};
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

/// Every certificate of a file, armored or binary. Fails where the file or a certificate in it
/// cannot be read, and names the path.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>> {
    let octets = std::fs::read(path)
        .with_context(|| format!("cannot read the certificate file {}", path.display()))?;
    openpgp::certificates(&octets)
        .with_context(|| format!("in the certificate file {}", path.display()))
}

/// Every certificate of S/MIME in these files, which `key` of the config names.
pub fn smime_certificates(key: &str, paths: &[PathBuf]) -> Result<Vec<smime::Certificate>> {
    let mut all = Vec::new();
    for path in paths {
        let octets = std::fs::read(path)
            .with_context(|| format!("{key}: cannot read the file {}", path.display()))?;
        let found = smime::certificates(&octets)
            .with_context(|| format!("{key}: in the file {}", path.display()))?;
        all.extend(found);
    }
    Ok(all)
}

/// Our certificates of S/MIME as they are handed out: those of people, and not those above them.
fn own_smime(settings: &Settings) -> Result<Vec<OwnSmimeCertificate>> {
    let all = smime_certificates("smime.certificates", &settings.smime.certificates)?;
    let own = all.iter().filter(|one| !one.addresses().is_empty());
    let ready = own.map(|one| OwnSmimeCertificate {
        fingerprint: one.fingerprint(),
        der: one.der(),
    });
    Ok(ready.collect())
}

/// The desk as its letters present it, with the certificates of the config.
pub fn identity(settings: &Settings) -> Result<DeskIdentity> {
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
    Ok(DeskIdentity {
        address: settings.address.clone(),
        name: settings.name.clone(),
        certificates,
        smime: own_smime(settings)?,
        templates: Templates::load(settings.templates.as_deref())?,
        language: settings.language,
        timeline: settings.policy.timeline.clone(),
        page: settings.page.as_ref().map(|page| page.url.clone()),
    })
}

/// Which addresses and lists are ours, for whoever reads a letter's outside.
pub fn own_addresses(settings: &Settings) -> OwnAddresses {
    let own_list = |id: &String| OwnList {
        id: id.trim_start_matches('<').trim_end_matches('>').to_owned(),
        writes_original_from: settings.original_from_lists.contains(id),
    };
    let own_lists = settings.own_lists.iter().map(own_list).collect();
    OwnAddresses {
        ours: settings.ours.clone(),
        own_lists,
        forms: settings.forms.clone(),
        authserv_id: settings.authserv_id.clone(),
    }
}

/// Our products by all of their names. Fails where a package URL is none.
pub fn own_products(settings: &Settings) -> Result<Vec<OwnProduct>> {
    let products = settings.products.iter();
    let own = products.map(|product| {
        let mut aliases = product.aliases.clone();
        for purl in &product.packages {
            let package = triage::package(purl).with_context(|| {
                format!("product.packages: {purl} is no package URL, such as pkg:npm/acme-web")
            })?;
            aliases.push(package.name);
        }
        Ok(OwnProduct {
            name: product.name.clone(),
            aliases,
            purl: product.packages.first().cloned(),
            releases: product.releases.clone(),
        })
    });
    own.collect()
}

/// The opener behind the configured socket, or one that the desk starts itself from its own
/// program. Nothing is started before the first call.
pub fn opener(settings: &Settings) -> Result<OpenerClient> {
    let endpoint = match &settings.opener.socket {
        Some(path) => OpenerEndpoint::Socket(config::expanded("opener.socket", path)?),
        None => OpenerEndpoint::Child {
            program: OWN_PROGRAM.into(),
            arguments: vec![
                "opener".to_owned(),
                "--config".to_owned(),
                settings.file.display().to_string(),
            ],
        },
    };
    let client = OpenerClient::new(endpoint, own_addresses(settings));
    let roots = smime_certificates("smime.roots", &settings.smime.roots)?;
    let roots = roots.iter().map(smime::Certificate::pem).collect();
    let client = client.with_smime(roots, !settings.opener.smime_keys.is_empty());
    Ok(client.with_products(own_products(settings)?))
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
pub fn dry_run(settings: &Settings) -> Result<()> {
    check_certificates(settings)?;
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
pub fn check_certificates(settings: &Settings) -> Result<()> {
    seal_to(settings)?;
    identity(settings)?;
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
        identity: identity(settings)?,
        own_addresses: own_addresses(settings),
        bounce_address: settings.bounce_address.clone(),
        announcer: announcer(settings)?,
        announcement_lists: settings.announcement_lists.clone(),
        sources: sources(settings)?,
        responders: responders(settings)?,
        parse_command: grammar::parse_line,
        distributors: distributors(settings)?,
        own_ends: recipients::own_ends(settings)?,
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
