//! What do we publish, and where does it stand?

use super::identity;
use crate::adapters::published::Expected;
use crate::adapters::site::Page;
use crate::compose;
use crate::config::Settings;
use crate::model::Timestamp;
use crate::model::publication::SecurityTxt;
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
    // What the opener can't open must not be given out.
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
    let mut pages = Vec::new();
    let mut encryption = Vec::new();
    for address in settings
        .ours
        .iter()
        .filter(|a| **a != settings.bounce_address || **a == settings.address)
    {
        let mut octets = Vec::new();
        for own in &identity.certificates {
            // A directory gives out what names the address, and nothing else.
            if openpgp::certificates(&own.binary)?
                .iter()
                .any(|c| c.is_of(address.as_str()))
            {
                octets.extend_from_slice(&own.binary);
            }
        }
        if octets.is_empty() {
            continue;
        }
        let (domain, name) = (address.domain(), openpgp::wkd_name(address.local()));
        let mut folders = vec![format!("/.well-known/openpgpkey/{domain}")];
        // The direct method does not say for which domain it asks: one web server, one domain.
        if domain == settings.address.domain() {
            folders.push("/.well-known/openpgpkey".to_owned());
        }
        for folder in folders {
            for (path, octets) in [
                (format!("{folder}/hu/{name}"), octets.clone()),
                (format!("{folder}/policy"), Vec::new()),
            ] {
                let media_type = if path.ends_with("policy") {
                    "text/plain; charset=utf-8"
                } else {
                    "application/octet-stream"
                };
                if !pages.iter().any(|page: &Page| page.path == path) {
                    pages.push(Page {
                        path,
                        media_type,
                        octets,
                    });
                }
            }
        }
        // Beside security.txt itself, on the same server: the advanced method wants a host of its
        // own, which not everybody has.
        if *address == settings.address && encryption.is_empty() {
            encryption.push(
                format!(
                    "https://{domain}/.well-known/openpgpkey/hu/{name}?l={}",
                    address.local()
                )
                .try_into()?,
            );
        }
    }
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
    pages.push(Page {
        path: "/.well-known/security.txt".to_owned(),
        media_type: "text/plain; charset=utf-8",
        octets: signed,
    });
    Ok(pages)
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
