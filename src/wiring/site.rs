//! What do we publish, and where does it stand?

use super::identity;
use crate::adapters::published::Expected;
use crate::adapters::site::Page;
use crate::compose::{self, DeskIdentity};
use crate::config::Settings;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::publication::{HttpsUrl, SecurityTxt};
use crate::openpgp::{self, Certificate};
use crate::ports::Opener;
use anyhow::{Context, Result, bail};
use jiff::SignedDuration;

/// How long a security.txt is good: RFC 9116 section 2.5.5 wants less than a year.
const SECURITY_TXT_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);

/// The pages: a Web Key Directory for both methods (advanced and direct), and a security.txt that
/// the opener signed.
pub async fn pages(settings: &Settings, opener: &dyn Opener, now: Timestamp) -> Result<Vec<Page>> {
    let identity = identity(settings)?;
    refuse_unheld_keys(&identity, opener).await?;
    let mut pages: Vec<Page> = Vec::new();
    let mut is_in_directory = false;
    for address in settings
        .ours
        .iter()
        .filter(|a| **a != settings.bounce_address || **a == settings.address)
    {
        let octets = certificates_of(address, &identity)?;
        if octets.is_empty() {
            continue;
        }
        is_in_directory = is_in_directory || *address == settings.address;
        for page in directory_pages(address, octets, settings) {
            if !pages.iter().any(|other| other.path == page.path) {
                pages.push(page);
            }
        }
    }
    // Beside security.txt itself, on the same server: the advanced method wants a host of its own,
    // which not everybody has.
    let encryption = if is_in_directory {
        vec![directory_url(&settings.address).try_into()?]
    } else {
        Vec::new()
    };
    pages.push(security_txt(settings, encryption, opener, now).await?);
    Ok(pages)
}

/// What the opener can't open must not be given out.
async fn refuse_unheld_keys(identity: &DeskIdentity, opener: &dyn Opener) -> Result<()> {
    let held = opener
        .inspect()
        .await
        .context("the opener does not say which keys it holds")?;
    if let Some(absent) = identity
        .certificates
        .iter()
        .find(|own| !held.iter().any(|line| line.contains(&own.fingerprint)))
    {
        bail!(
            "the opener does not hold the secret key of {}: add it to opener.secret_keys, and \
             restart the opener",
            absent.fingerprint
        );
    }
    Ok(())
}

/// A directory gives out what names the address, and nothing else.
fn certificates_of(address: &Address, identity: &DeskIdentity) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    for own in &identity.certificates {
        if openpgp::certificates(&own.binary)?
            .iter()
            .any(|c| c.is_of(address.as_str()))
        {
            octets.extend_from_slice(&own.binary);
        }
    }
    Ok(octets)
}

/// Where the direct method finds the certificates of an address.
fn directory_url(address: &Address) -> String {
    format!(
        "https://{}/.well-known/openpgpkey/hu/{}?l={}",
        address.domain(),
        openpgp::wkd_name(address.local()),
        address.local()
    )
}

/// The certificates of an address and the policy, for each method.
fn directory_pages(address: &Address, octets: Vec<u8>, settings: &Settings) -> Vec<Page> {
    let (domain, name) = (address.domain(), openpgp::wkd_name(address.local()));
    let mut folders = vec![format!("/.well-known/openpgpkey/{domain}")];
    // The direct method does not say for which domain it asks: one web server, one domain.
    if domain == settings.address.domain() {
        folders.push("/.well-known/openpgpkey".to_owned());
    }
    let both = |folder: String| {
        let certificates = Page {
            path: format!("{folder}/hu/{name}"),
            media_type: "application/octet-stream",
            octets: octets.clone(),
        };
        let policy = Page {
            path: format!("{folder}/policy"),
            media_type: "text/plain; charset=utf-8",
            octets: Vec::new(),
        };
        [certificates, policy]
    };
    folders.into_iter().flat_map(both).collect()
}

async fn security_txt(
    settings: &Settings,
    encryption: Vec<HttpsUrl>,
    opener: &dyn Opener,
    now: Timestamp,
) -> Result<Page> {
    let fields = SecurityTxt {
        canonical: settings.publish.canonical.clone(),
        encryption,
        policy: settings.publish.policy.clone(),
        languages: settings.publish.languages.clone(),
        expires: now + SECURITY_TXT_FOR,
    };
    let signed = opener
        .security_txt(&fields)
        .await
        .context("security.txt cannot be signed")?;
    Ok(Page {
        path: "/.well-known/security.txt".to_owned(),
        media_type: "text/plain; charset=utf-8",
        octets: signed,
    })
}

/// The section for a SECURITY.md.
pub fn security_md(settings: &Settings) -> Result<String> {
    Ok(compose::security_md(
        &identity(settings)?,
        settings.policy.acknowledge_within,
    )?)
}

/// What must be found where our copies are published.
pub fn expected(settings: &Settings) -> Result<Expected> {
    let identity = identity(settings)?;
    let mut certificates = Vec::new();
    for own in &identity.certificates {
        certificates.extend(
            openpgp::certificates(&own.binary)?
                .iter()
                .map(|c: &Certificate| (c.fingerprint(), c.expires())),
        );
    }
    Ok(Expected {
        certificates,
        address: settings.address.as_str().to_owned(),
    })
}
