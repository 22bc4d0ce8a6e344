//! Who is called, who hears of a fix before it is public, and when their certificates and ours end?

use crate::config::{self, Settings};
use crate::desk::Responder;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::distributor::Distributor;
use crate::openpgp::Certificate;
use crate::wiring::{read_certificates, smime_certificates};
use anyhow::{Result, anyhow};

/// The people who are called, with their certificates.
pub fn responders(settings: &Settings) -> Result<Vec<Responder>> {
    let one = |words: &config::ResponderSection| -> Result<Responder> {
        let path = config::expanded("responder.certificate", &words.certificate)?;
        let certificates = read_certificates(&path)?;
        let ends = certificates.iter().filter_map(Certificate::expires).min();
        let fault = certificates
            .iter()
            .find_map(|c| c.usable_for_encryption().err())
            .map(|e| e.to_string());
        Ok(Responder {
            name: words.name.clone(),
            login: words.login.clone(),
            tracker_login: words.tracker_login.clone(),
            page: words.page,
            address: Address::parse(&words.address)
                .map_err(|e| anyhow!("responder.address: {e}"))?,
            fingerprints: certificates.iter().map(Certificate::fingerprint).collect(),
            armored: certificates
                .iter()
                .map(Certificate::armored)
                .collect::<Result<_, _>>()?,
            ends,
            fault,
        })
    };
    settings.responders.iter().map(one).collect()
}

/// The private distributors, with their certificates.
pub fn distributors(settings: &Settings) -> Result<Vec<Distributor>> {
    let day = |key: &'static str, text: &str| {
        text.parse()
            .map_err(|_| anyhow!("{key}: {text:?} is not a day such as 2026-12-01"))
    };
    let one = |words: &config::DistributorSection| -> Result<Distributor> {
        // A file that is gone costs a distributor their notice, loudly, and never the desk its
        // start.
        let read = match words.removed_on {
            Some(_) => Ok(Vec::new()),
            None => config::expanded("distributor.certificate", &words.certificate)
                .map_err(anyhow::Error::from)
                .and_then(|path| read_certificates(&path)),
        };
        let (certificates, unread) = match read {
            Ok(certificates) => (certificates, None),
            Err(err) => (Vec::new(), Some(format!("{err:#}"))),
        };
        Ok(Distributor {
            name: words.name.clone(),
            address: Address::parse(&words.address)
                .map_err(|e| anyhow!("distributor.address: {e}"))?,
            contact: words.contact.clone(),
            criteria: words.criteria.clone(),
            vouched_by: words.vouched_by.clone(),
            embargo_accepted_on: day(
                "distributor.embargo_accepted_on",
                &words.embargo_accepted_on,
            )?,
            removed_on: words
                .removed_on
                .as_deref()
                .map(|text| day("distributor.removed_on", text))
                .transpose()?,
            ends: certificates.iter().filter_map(Certificate::expires).min(),
            fault: unread.or_else(|| {
                certificates
                    .iter()
                    .find_map(|c| c.usable_for_encryption().err())
                    .map(|e| e.to_string())
            }),
        })
    };
    settings.distributors.iter().map(one).collect()
}

/// Certificates of ours, and roots that we trust, and the days on which they end.
pub(super) fn own_ends(settings: &Settings) -> Result<Vec<(String, Timestamp)>> {
    let mut ends = Vec::new();
    for path in settings
        .certificates
        .iter()
        .chain([&settings.storage_certificate])
    {
        for certificate in read_certificates(path)? {
            ends.extend(
                certificate
                    .expires()
                    .map(|at| (certificate.fingerprint(), at)),
            );
        }
    }
    let section = &settings.smime;
    let own = smime_certificates("smime.certificates", &section.certificates)?;
    let roots = smime_certificates("smime.roots", &section.roots)?;
    let of_smime = own.iter().chain(&roots);
    ends.extend(of_smime.filter_map(|one| Some((one.fingerprint(), one.expires()?))));
    Ok(ends)
}
