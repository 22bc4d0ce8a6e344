//! Whose certificate is this (RFC 5280, RFC 8550), until when is it good, and how is it handed out?

use super::SmimeError;
use super::question::RecipientName;
use crate::model::address::Address;
use crate::model::limits::{CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX};
use crate::model::reading::is_smime;
use jiff::{SignedDuration, Timestamp};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::x509::{X509, X509ExtendedKeyUsage, X509KeyUsage};

/// Bits of strength that a key must have: RSA of 2048 bits has 112.
pub(super) const SECURITY_BITS_MIN: u32 = 112;

/// The words in front of it, where its holder announced AES-256-GCM. Explanatory text is allowed
/// there (RFC 7468 section 5.2), so that the certificate travels with what it takes.
const ANNOUNCES_GCM: &str = "Announces: AES-256-GCM";

/// A public certificate. It never holds a secret.
#[derive(Clone)]
pub struct Certificate {
    pub(super) x509: X509,
    /// Its holder announced that their program opens AES-256-GCM (RFC 8551 section 2.5.2).
    pub takes_gcm: bool,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.fingerprint())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

/// Whether a text is certificates of this kind, and no OpenPGP.
pub fn is_certificate(text: &str) -> bool {
    is_smime(text)
}

/// Reads every certificate in a file: PEM, several too, or one in DER.
pub fn certificates(octets: &[u8]) -> Result<Vec<Certificate>, SmimeError> {
    let takes_gcm = octets.starts_with(ANNOUNCES_GCM.as_bytes());
    let found = match X509::from_der(octets) {
        Ok(one) => vec![one],
        Err(_) => X509::stack_from_pem(octets).map_err(SmimeError::NotACertificate)?,
    };
    if found.is_empty() {
        return Err(SmimeError::Absent("certificate (X.509)"));
    }
    let certificate = |x509| Certificate { x509, takes_gcm };
    Ok(found.into_iter().map(certificate).collect())
}

/// A stranger's certificates, of which one that is too large or broken is left out.
pub(super) fn strangers<'a>(octets: impl Iterator<Item = &'a [u8]>) -> Vec<Certificate> {
    octets
        .filter(|octets| octets.len() <= CERTIFICATE_OCTETS_MAX)
        .take(2 * CERTIFICATES_MAX)
        .filter_map(|octets| X509::from_der(octets).ok())
        .map(|x509| Certificate {
            x509,
            takes_gcm: false,
        })
        .collect()
}

impl Certificate {
    /// The SHA-256 of its octets, in upper-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = self.x509.digest(MessageDigest::sha256());
        let octets = digest.as_deref().unwrap_or_default();
        octets.iter().map(|octet| format!("{octet:02X}")).collect()
    }

    /// The addresses in it (RFC 8550 section 3): rfc822Name of subjectAltName, and emailAddress of
    /// the subject.
    pub fn addresses(&self) -> Vec<String> {
        let names = self.x509.subject_alt_names();
        let alternative = names.iter().flatten().filter_map(|name| name.email());
        let alternative: Vec<String> = alternative.map(str::to_owned).collect();
        let subject = self.x509.subject_name();
        let of_subject = subject
            .entries_by_nid(Nid::PKCS9_EMAILADDRESS)
            .filter_map(|entry| entry.data().to_string().ok());
        let mut all: Vec<String> = alternative.into_iter().chain(of_subject).collect();
        all.retain(|text| Address::parse(text).is_ok());
        all.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        all
    }

    /// Whether an address in it is this one.
    pub fn is_of(&self, address: &str) -> bool {
        let addresses = self.addresses();
        addresses.iter().any(|a| a.eq_ignore_ascii_case(address))
    }

    /// The holder's name, as people read it.
    pub fn subject(&self) -> String {
        one_line(self.x509.subject_name())
    }

    /// Who issued it, as people read it.
    pub fn issuer(&self) -> String {
        one_line(self.x509.issuer_name())
    }

    /// RSA with its bits, or the curve.
    pub fn algorithms(&self) -> String {
        let Ok(key) = self.x509.public_key() else {
            return "an unknown key".to_owned();
        };
        match key.id() {
            Id::RSA | Id::RSA_PSS => format!("RSA {}", key.bits()),
            Id::EC => {
                let curve = key.ec_key().ok().and_then(|ec| ec.group().curve_name());
                let name = curve.and_then(|nid| nid.short_name().ok()).unwrap_or("EC");
                format!("EC {name}")
            }
            Id::ED25519 => "Ed25519".to_owned(),
            Id::X25519 => "X25519".to_owned(),
            _ => "another algorithm".to_owned(),
        }
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        timestamp(self.x509.not_after())
    }

    /// When it begins.
    pub fn begins(&self) -> Option<Timestamp> {
        timestamp(self.x509.not_before())
    }

    /// In PEM, with what its holder announced in front.
    pub fn pem(&self) -> String {
        let pem = self.x509.to_pem().unwrap_or_default();
        let pem = String::from_utf8_lossy(&pem).into_owned();
        if self.takes_gcm {
            format!("{ANNOUNCES_GCM}\n{pem}")
        } else {
            pem
        }
    }

    /// In DER.
    pub fn der(&self) -> Vec<u8> {
        self.x509.to_der().unwrap_or_default()
    }

    pub(super) fn public_key(&self) -> Option<PKey<Public>> {
        self.x509.public_key().ok()
    }

    /// Whether it may agree on keys for mail: OpenSSL's purpose for encryption asks for the bit that
    /// RSA has, and an elliptic curve has another one (RFC 8550 section 4.4.2).
    pub(super) fn may_agree(&self) -> bool {
        let usage = self.x509.key_usage();
        let purposes = self.x509.extended_key_usage();
        usage.is_none_or(|bits| bits.contains(X509KeyUsage::KEY_AGREEMENT))
            && purposes.is_none_or(|bits| bits.contains(X509ExtendedKeyUsage::SMIME))
    }

    /// Whether a recipient or signer is named by this certificate, exactly.
    pub(super) fn is_named(&self, name: &RecipientName) -> bool {
        match name {
            RecipientName::Issued { issuer, .. } => {
                self.has_serial(name)
                    && self.x509.issuer_name().to_der().ok().as_ref() == Some(issuer)
            }
            RecipientName::KeyId(id) => {
                let own = self.x509.subject_key_id();
                own.is_some_and(|own| own.as_slice() == id.as_slice())
            }
        }
    }

    /// Whether a name has its serial number: programs that write the issuer's name in another
    /// string type still mean it.
    pub(super) fn has_serial(&self, name: &RecipientName) -> bool {
        let RecipientName::Issued { serial, .. } = name else {
            return false;
        };
        let own = self.x509.serial_number().to_bn().map(|bn| bn.to_vec());
        own.ok().as_ref() == Some(serial)
    }
}

fn one_line(name: &openssl::x509::X509NameRef) -> String {
    let entries = name.entries().filter_map(|entry| {
        let key = entry.object().nid().short_name().ok()?;
        let value = entry.data().to_string().ok()?;
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        Some(format!("{key}={value}"))
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn timestamp(time: &Asn1TimeRef) -> Option<Timestamp> {
    let apart = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    let seconds = i64::from(apart.days) * 86_400 + i64::from(apart.secs);
    Timestamp::UNIX_EPOCH
        .checked_add(SignedDuration::from_secs(seconds))
        .ok()
}
