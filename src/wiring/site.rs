//! What do we publish, and where does it stand?

use super::house;
use crate::adapters::published::Expected;
use crate::adapters::site::Page;
use crate::compose;
use crate::config::Settings;
use crate::model::Timestamp;
use crate::model::publication::SecurityTxt;
use crate::openpgp::{self, Certificate};
use crate::ports::Opener;
use anyhow::{Context, Result};
use jiff::SignedDuration;

/// How long a security.txt is good: RFC 9116 section 2.5.5 wants less than a year.
const SECURITY_TXT_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);

/// The pages: a Web Key Directory for both methods (advanced and direct), and a security.txt that the opener signed.
pub async fn pages(settings: &Settings, opener: &dyn Opener, now: Timestamp) -> Result<Vec<Page>> {
    let house = house(settings)?;
    let mut pages = Vec::new();
    let mut encryption = Vec::new();
    for address in settings.ours.iter().filter(|a| **a != settings.bounce_address || **a == settings.address) {
        let mut octets = Vec::new();
        for own in &house.certificates {
            // A directory gives out what names the address, and nothing else.
            if openpgp::certificates(&own.binary)?.iter().any(|c| c.is_of(address.as_str())) {
                octets.extend_from_slice(&own.binary);
            }
        }
        if octets.is_empty() || pages.iter().any(|p: &Page| p.octets == octets && p.path.ends_with(&openpgp::wkd_name(address.local()))) {
            continue;
        }
        let (domain, name) = (address.domain(), openpgp::wkd_name(address.local()));
        for folder in ["/.well-known/openpgpkey".to_owned(), format!("/.well-known/openpgpkey/{domain}")] {
            pages.push(Page { path: format!("{folder}/hu/{name}"), media_type: "application/octet-stream", octets: octets.clone() });
            pages.push(Page { path: format!("{folder}/policy"), media_type: "text/plain; charset=utf-8", octets: Vec::new() });
        }
        if *address == settings.address {
            encryption.push(format!("https://openpgpkey.{domain}/.well-known/openpgpkey/{domain}/hu/{name}?l={}", address.local()).try_into()?);
        }
    }
    let fields = SecurityTxt {
        canonical: settings.publish.canonical.clone(),
        encryption,
        policy: settings.publish.policy.clone(),
        languages: settings.publish.languages.clone(),
        expires: now + SECURITY_TXT_FOR,
    };
    let signed = opener.security_txt(&fields).await.context("security.txt cannot be signed")?;
    pages.push(Page { path: "/.well-known/security.txt".to_owned(), media_type: "text/plain; charset=utf-8", octets: signed });
    Ok(pages)
}

/// The section for a SECURITY.md.
pub fn security_md(settings: &Settings) -> Result<String> {
    Ok(compose::security_md(&house(settings)?)?)
}

/// What must be found where our copies are published.
pub fn expected(settings: &Settings) -> Result<Expected> {
    let house = house(settings)?;
    let mut certificates = Vec::new();
    for own in &house.certificates {
        certificates.extend(openpgp::certificates(&own.binary)?.iter().map(|c: &Certificate| (c.fingerprint(), c.expires())));
    }
    Ok(Expected { certificates, address: settings.address.as_str().to_owned() })
}
