//! How are answers signed and sealed as S/MIME? By OpenSSL's CMS, with its signed attributes.

use super::SmimeError;
use super::certificate::{Certificate, certificates};
use super::keys::SmimeKeys;
use crate::model::Timestamp;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::stack::Stack;
use openssl::symm::Cipher;

/// A sealed entity, in DER, and which form of CMS it is.
pub struct SealedForm {
    pub octets: Vec<u8>,
    /// The smime-type parameter (RFC 8551 section 3.2.2).
    pub smime_type: &'static str,
}

/// A detached signature in DER over an entity in its canonical form, with our certificate and its
/// chain; and its micalg parameter (RFC 8551 section 3.5.3.2).
pub fn sign(
    keys: &SmimeKeys,
    entity: &[u8],
    at: Timestamp,
) -> Result<(Vec<u8>, &'static str), SmimeError> {
    let own = keys.signer(at)?;
    let run = || {
        let mut chain = Stack::new()?;
        for certificate in &own.chain {
            chain.push(certificate.x509.clone())?;
        }
        let options = CMSOptions::DETACHED | CMSOptions::BINARY;
        let signed = CmsContentInfo::sign(
            Some(&own.certificate.x509),
            Some(&own.key),
            Some(&chain),
            Some(entity),
            options,
        )?;
        signed.to_der()
    };
    let octets = run().map_err(SmimeError::operation("signing"))?;
    Ok((octets, "sha-256"))
}

/// Encrypts an entity to a certificate in PEM: in AES-256-GCM (RFC 5083) where its holder announced
/// that, else in AES-256-CBC, which every program reads. What is sealed is signed inside.
pub fn seal(certificate: &str, entity: &[u8], at: Timestamp) -> Result<SealedForm, SmimeError> {
    let found = certificates(certificate.as_bytes())?;
    let to = found
        .first()
        .ok_or(SmimeError::Absent("certificate (X.509)"))?;
    if !to.can_encrypt(at) {
        return Err(SmimeError::NotUsable(
            to.fingerprint(),
            "encryption: it ended, or is not for that",
        ));
    }
    let (cipher, smime_type) = if to.takes_gcm {
        (Cipher::aes_256_gcm(), "authEnveloped-data")
    } else {
        (Cipher::aes_256_cbc(), "enveloped-data")
    };
    let octets = encrypted(to, entity, cipher).map_err(SmimeError::operation("encrypting"))?;
    Ok(SealedForm { octets, smime_type })
}

fn encrypted(
    to: &Certificate,
    entity: &[u8],
    cipher: Cipher,
) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut recipients = Stack::new()?;
    recipients.push(to.x509.clone())?;
    CmsContentInfo::encrypt(&recipients, entity, cipher, CMSOptions::BINARY)?.to_der()
}
