//! Who signed this, as far as a chain proves it (RFC 5652 section 5)?
//!
//! Every signature of a message is looked at by itself, and one that is wrong takes the others
//! with it: a message that somebody changed is nobody's word. Attributes that are signed are
//! demanded, as every mail program writes them. Without them, octets that somebody signed as
//! attributes could be passed off as a content that they signed.

use super::algorithm::{self, Scheme};
use super::certificate::{Certificate, SECURITY_BITS_MIN, strangers};
use super::question::{Digest, RecipientName};
use super::recipients::recipient_name;
use super::structure::{
    Algorithm, DATA, Elements, Malformed, Signed, all_of, as_set, octet_string,
};
use super::trust::{Trust, Untrusted};
use super::{algorithm as known, guarded};
use crate::model::budget::{Budget, Sum};
use crate::model::limits::SIGNATURES_OF_MESSAGE_MAX;
use crate::model::reading::TrustAnchor;
use der::Encode;
use der::asn1::{AnyRef, ObjectIdentifier};
use openssl::error::ErrorStack;
use openssl::hash::hash;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const CAPABILITIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.15");
const AES_256_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46");

/// One signature as found.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerFound {
    /// It is right, and its certificate is believed.
    Good {
        certificate: Certificate,
        anchor: TrustAnchor,
    },
    /// It is right, and its certificate is not believed.
    Untrusted {
        certificate: Certificate,
        why: Untrusted,
    },
    /// It can't be checked, or is made in a way that proves nothing.
    Unproven { why: &'static str },
    /// It is wrong.
    Bad { fingerprint: Option<String> },
}

const NO_CERTIFICATE: &str = "the certificate of its signer is not enclosed";
const WEAK: &str = "it is made with SHA-1 or another hash or key that is too weak";
const UNKNOWN_SCHEME: &str = "its algorithm is not known here";
const NO_ATTRIBUTES: &str = "it has no signed attributes, so that what was signed is not certain";
const COSTLY: &str = "the letter has more signatures than are checked";

/// Checks every signature of a message over its content, which stands in it or beside it.
pub fn verify(
    signed: &Signed<'_>,
    content: &[u8],
    trust: &Trust,
    budget: &Budget,
) -> Vec<SignerFound> {
    guarded(|| all(signed, content, trust, budget))
        .unwrap_or_else(|| vec![SignerFound::Bad { fingerprint: None }])
}

fn all(signed: &Signed<'_>, content: &[u8], trust: &Trust, budget: &Budget) -> Vec<SignerFound> {
    let enclosed: Vec<Vec<u8>> = signed
        .certificates
        .iter()
        .filter_map(|certificate| certificate.to_der().ok())
        .collect();
    let enclosed = strangers(enclosed.iter().map(Vec::as_slice));
    let checking = Checking {
        content_type: signed.content_type,
        content,
        enclosed,
        trust,
        budget,
    };
    if signed.signers.len() as u64 > SIGNATURES_OF_MESSAGE_MAX {
        budget.overspend();
        return vec![SignerFound::Unproven { why: COSTLY }];
    }
    let mut found = Vec::new();
    for signer in &signed.signers {
        let octets = content.len() as u64;
        let drawn = budget
            .draw(Sum::Signatures, 1)
            .and_then(|()| budget.draw(Sum::Hashed, octets));
        if drawn.is_err() {
            return vec![SignerFound::Unproven { why: COSTLY }];
        }
        let bad = SignerFound::Bad { fingerprint: None };
        found.push(checking.check(*signer).unwrap_or(bad));
    }
    let is_bad = |found: &SignerFound| matches!(found, SignerFound::Bad { .. });
    if found.iter().any(is_bad) {
        found.retain(is_bad);
    }
    found
}

/// What all signatures of a message have in common.
struct Checking<'a> {
    content_type: ObjectIdentifier,
    content: &'a [u8],
    enclosed: Vec<Certificate>,
    trust: &'a Trust,
    budget: &'a Budget,
}

/// The signed attributes of one signature.
struct Attributes {
    /// As they were signed: a SET in DER.
    octets: Vec<u8>,
    announces_gcm: bool,
}

impl Checking<'_> {
    /// SignerInfo (RFC 5652 section 5.3).
    fn check(&self, signer: AnyRef<'_>) -> Result<SignerFound, Malformed> {
        let mut fields = Elements::within(signer)?;
        fields.next()?; // the version
        let name = recipient_name(fields.next()?)?;
        let hashed = Algorithm::of(fields.next()?)?;
        let attributes = fields.tagged(0)?;
        let algorithm = Algorithm::of(fields.next()?)?;
        let signature = octet_string(fields.next()?)?;
        let Some(certificate) = self.named(&name) else {
            return Ok(SignerFound::Unproven {
                why: NO_CERTIFICATE,
            });
        };
        let Some(digest) = known::digest(hashed.oid) else {
            return Ok(SignerFound::Unproven { why: WEAK });
        };
        let Some(scheme) = algorithm::scheme(&algorithm, digest) else {
            return Ok(SignerFound::Unproven {
                why: UNKNOWN_SCHEME,
            });
        };
        if !digest.is_strong() || !scheme.is_strong() {
            return Ok(SignerFound::Unproven { why: WEAK });
        }
        let Some(attributes) = attributes else {
            return Ok(SignerFound::Unproven { why: NO_ATTRIBUTES });
        };
        let bad = || SignerFound::Bad {
            fingerprint: Some(certificate.fingerprint()),
        };
        let Some(attributes) = self.attributes(attributes, digest)? else {
            return Ok(bad());
        };
        let Some(key) = certificate.public_key() else {
            return Ok(SignerFound::Unproven {
                why: UNKNOWN_SCHEME,
            });
        };
        if key.security_bits() < SECURITY_BITS_MIN {
            return Ok(SignerFound::Unproven { why: WEAK });
        }
        if !is_right(&key, scheme, signature, &attributes.octets).unwrap_or(false) {
            return Ok(bad());
        }
        let others: Vec<Certificate> = self.enclosed.clone();
        let anchor = self.trust.anchor_of(&certificate, &others, self.budget);
        let certificate = Certificate {
            takes_gcm: attributes.announces_gcm,
            ..certificate
        };
        Ok(match anchor {
            Ok(anchor) => SignerFound::Good {
                certificate,
                anchor,
            },
            Err(why) => SignerFound::Untrusted { certificate, why },
        })
    }

    /// The certificate that a signer is named by, among those that came along and those that are
    /// pinned.
    fn named(&self, name: &RecipientName) -> Option<Certificate> {
        let all = self.enclosed.iter().chain(self.trust.pinned());
        all.into_iter()
            .find(|certificate| certificate.is_named(name))
            .cloned()
    }

    /// The signed attributes, where they fit the content: its type, and its digest, each once
    /// (RFC 5652 section 11). `None`: they are about another content.
    fn attributes(&self, set: AnyRef<'_>, digest: Digest) -> Result<Option<Attributes>, Malformed> {
        let mut found = Attributes {
            octets: as_set(set)?,
            announces_gcm: false,
        };
        let (mut types, mut digests) = (Vec::new(), Vec::new());
        for attribute in all_of(set)? {
            let mut fields = Elements::within(attribute)?;
            let kind: ObjectIdentifier = fields.next()?.decode_as()?;
            let values = all_of(fields.next()?)?;
            match kind {
                CONTENT_TYPE => types.extend(values),
                MESSAGE_DIGEST => digests.extend(values),
                CAPABILITIES => found.announces_gcm |= announces_gcm(&values),
                _ => {}
            }
        }
        let ([named], [digested]) = (types.as_slice(), digests.as_slice()) else {
            return Ok(None);
        };
        let of_content = hash(digest.implementation(), self.content).map_err(|_| Malformed)?;
        let fits = named.decode_as::<ObjectIdentifier>()? == self.content_type
            && self.content_type == DATA
            && octet_string(*digested)? == &*of_content;
        Ok(fits.then_some(found))
    }
}

/// SMIMECapabilities (RFC 8551 section 2.5.2) with AES-256-GCM among them.
fn announces_gcm(values: &[AnyRef<'_>]) -> bool {
    let listed = values.iter().filter_map(|value| all_of(*value).ok());
    listed.flatten().any(|capability| {
        let named = Algorithm::of(capability);
        named.is_ok_and(|algorithm| algorithm.oid == AES_256_GCM)
    })
}

impl Scheme {
    /// Whether its hash has not been forged. Edwards curves hash by themselves.
    fn is_strong(self) -> bool {
        match self {
            Self::RsaPkcs1(digest) | Self::Ecdsa(digest) => digest.is_strong(),
            Self::RsaPss { digest, mask, .. } => digest.is_strong() && mask.is_strong(),
            Self::Edwards => true,
        }
    }
}

/// The longest RSA key of which a signature is checked, and its longest exponent: each bit of it is a
/// multiplication, and every key that people have says 65537.
const RSA_BITS_MAX: u32 = 8192;
const RSA_EXPONENT_BITS_MAX: i32 = 64;

fn is_costly(key: &PKey<Public>) -> bool {
    let long_exponent = |rsa: openssl::rsa::Rsa<Public>| rsa.e().num_bits() > RSA_EXPONENT_BITS_MAX;
    matches!(key.id(), Id::RSA | Id::RSA_PSS)
        && (key.bits() > RSA_BITS_MAX || key.rsa().is_ok_and(long_exponent))
}

/// Whether a signature over these octets is by this key.
fn is_right(
    key: &PKey<Public>,
    scheme: Scheme,
    signature: &[u8],
    octets: &[u8],
) -> Result<bool, ErrorStack> {
    if is_costly(key) {
        return Ok(false);
    }
    let fits = match scheme {
        Scheme::RsaPkcs1(_) => key.id() == Id::RSA,
        Scheme::RsaPss { .. } => matches!(key.id(), Id::RSA | Id::RSA_PSS),
        Scheme::Ecdsa(_) => key.id() == Id::EC,
        Scheme::Edwards => matches!(key.id(), Id::ED25519 | Id::ED448),
    };
    if !fits {
        return Ok(false);
    }
    let mut verifier = match scheme {
        Scheme::Edwards => Verifier::new_without_digest(key)?,
        Scheme::RsaPkcs1(digest) | Scheme::Ecdsa(digest) => {
            Verifier::new(digest.implementation(), key)?
        }
        Scheme::RsaPss {
            digest,
            mask,
            salt_octets,
        } => {
            let mut verifier = Verifier::new(digest.implementation(), key)?;
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_mgf1_md(mask.implementation())?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt_octets))?;
            verifier
        }
    };
    verifier.verify_oneshot(signature, octets)
}
