//! Which algorithms do letters name, and which of them are taken?

use super::question::Digest;
use super::structure::{Algorithm, Elements, Malformed};
use der::asn1::ObjectIdentifier;
use openssl::hash::MessageDigest;
use openssl::symm::Cipher;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

pub(super) const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
pub(super) const RSA_OAEP: ObjectIdentifier = oid("1.2.840.113549.1.1.7");
const RSA_PSS: ObjectIdentifier = oid("1.2.840.113549.1.1.10");
const EC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = oid("1.3.101.112");
const ED448: ObjectIdentifier = oid("1.3.101.113");

/// A cipher of contents, as its object identifier names it.
#[derive(Clone, Copy)]
pub(super) struct ContentCipher {
    pub name: &'static str,
    /// `None`: it is never decrypted here.
    pub cipher: Option<fn() -> Cipher>,
    pub is_gcm: bool,
    pub is_old: bool,
}

/// The ciphers that mail programs use, and those that get a name though they are not opened.
pub(super) fn content_cipher(named: ObjectIdentifier) -> Option<ContentCipher> {
    const fn row(name: &'static str, cipher: fn() -> Cipher, is_gcm: bool) -> ContentCipher {
        ContentCipher {
            name,
            cipher: Some(cipher),
            is_gcm,
            is_old: false,
        }
    }
    const fn shut(name: &'static str) -> ContentCipher {
        ContentCipher {
            name,
            cipher: None,
            is_gcm: false,
            is_old: true,
        }
    }
    const AES: &str = "2.16.840.1.101.3.4.1.";
    let text = named.to_string();
    if let Some(aes) = text.strip_prefix(AES) {
        return Some(match aes {
            "2" => row("AES-128-CBC", Cipher::aes_128_cbc, false),
            "22" => row("AES-192-CBC", Cipher::aes_192_cbc, false),
            "42" => row("AES-256-CBC", Cipher::aes_256_cbc, false),
            "6" => row("AES-128-GCM", Cipher::aes_128_gcm, true),
            "26" => row("AES-192-GCM", Cipher::aes_192_gcm, true),
            "46" => row("AES-256-GCM", Cipher::aes_256_gcm, true),
            "7" | "27" | "47" => shut("AES-CCM"),
            _ => return None,
        });
    }
    Some(match text.as_str() {
        "1.2.840.113549.3.7" => ContentCipher {
            is_old: true,
            ..row("3DES", Cipher::des_ede3_cbc, false)
        },
        "1.2.840.113549.3.2" => shut("RC2"),
        "1.2.840.113549.3.4" => shut("RC4"),
        "1.3.14.3.2.7" => shut("DES"),
        "1.2.840.113549.1.9.16.3.18" => shut("ChaCha20-Poly1305"),
        "1.2.392.200011.61.1.1.1.2" | "1.2.392.200011.61.1.1.1.4" => shut("Camellia"),
        _ => return None,
    })
}

/// A hash by its object identifier.
pub(super) fn digest(named: ObjectIdentifier) -> Option<Digest> {
    Some(match named.to_string().as_str() {
        "1.3.14.3.2.26" => Digest::Sha1,
        "2.16.840.1.101.3.4.2.4" => Digest::Sha224,
        "2.16.840.1.101.3.4.2.1" => Digest::Sha256,
        "2.16.840.1.101.3.4.2.2" => Digest::Sha384,
        "2.16.840.1.101.3.4.2.3" => Digest::Sha512,
        _ => return None,
    })
}

impl Digest {
    pub(super) fn implementation(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// Whether a signature over it says anything: SHA-1 has been forged.
    pub(super) fn is_strong(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha384 | Self::Sha512)
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Digest),
    RsaPss {
        digest: Digest,
        mask: Digest,
        salt_octets: i32,
    },
    Ecdsa(Digest),
    /// Ed25519 and Ed448, which hash what they sign themselves.
    Edwards,
}

/// The scheme that a signature names, with the hash of its message where it names none; `None`
/// where it is not known here.
pub(super) fn scheme(named: &Algorithm<'_>, message: Digest) -> Option<Scheme> {
    Some(match named.oid {
        RSA => Scheme::RsaPkcs1(message),
        RSA_PSS => return pss(named).ok(),
        EC_KEY => Scheme::Ecdsa(message),
        ED25519 | ED448 => Scheme::Edwards,
        other => match other.to_string().as_str() {
            "1.2.840.113549.1.1.5" => Scheme::RsaPkcs1(Digest::Sha1),
            "1.2.840.113549.1.1.11" => Scheme::RsaPkcs1(Digest::Sha256),
            "1.2.840.113549.1.1.12" => Scheme::RsaPkcs1(Digest::Sha384),
            "1.2.840.113549.1.1.13" => Scheme::RsaPkcs1(Digest::Sha512),
            "1.2.840.10045.4.1" => Scheme::Ecdsa(Digest::Sha1),
            "1.2.840.10045.4.3.2" => Scheme::Ecdsa(Digest::Sha256),
            "1.2.840.10045.4.3.3" => Scheme::Ecdsa(Digest::Sha384),
            "1.2.840.10045.4.3.4" => Scheme::Ecdsa(Digest::Sha512),
            _ => return None,
        },
    })
}

/// RSASSA-PSS-params (RFC 4055 section 3.1).
fn pss(named: &Algorithm<'_>) -> Result<Scheme, Malformed> {
    let hashes = Hashes::of(named)?;
    Ok(Scheme::RsaPss {
        digest: hashes.digest,
        mask: hashes.mask,
        salt_octets: hashes.salt_octets,
    })
}

/// The parameters that RSASSA-PSS and RSAES-OAEP have in common; what is left out is SHA-1.
pub(super) struct Hashes<'a> {
    pub digest: Digest,
    pub mask: Digest,
    salt_octets: i32,
    /// The label of RSAES-OAEP (RFC 4055 section 4.1).
    pub label: &'a [u8],
}

/// OpenSSL makes a salt as long as the key allows: 2 KiB are the longest key.
const SALT_OCTETS_MAX: u16 = 2048;

impl<'a> Hashes<'a> {
    pub fn of(named: &Algorithm<'a>) -> Result<Self, Malformed> {
        let mut found = Self {
            digest: Digest::Sha1,
            mask: Digest::Sha1,
            salt_octets: 20,
            label: &[],
        };
        let Some(parameters) = named.parameters else {
            return Ok(found);
        };
        let known = |algorithm: Algorithm<'_>| digest(algorithm.oid).ok_or(Malformed);
        let mut fields = Elements::within(parameters)?;
        if let Some(hash) = fields.tagged(0)? {
            found.digest = known(Algorithm::of(Elements::within(hash)?.next()?)?)?;
        }
        if let Some(mask) = fields.tagged(1)? {
            let mask = Algorithm::of(Elements::within(mask)?.next()?)?;
            found.mask = known(mask.nested()?)?;
        }
        if let Some(third) = fields.tagged(2)? {
            let value = Elements::within(third)?.next()?;
            if named.oid == RSA_OAEP {
                let source = Algorithm::of(value)?;
                found.label = source.parameters.map(|p| p.value()).unwrap_or_default();
            } else {
                let octets: u16 = value.decode_as()?;
                if octets > SALT_OCTETS_MAX {
                    return Err(Malformed);
                }
                found.salt_octets = i32::from(octets);
            }
        }
        Ok(found)
    }
}
