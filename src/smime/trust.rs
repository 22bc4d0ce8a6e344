//! Is a certificate believed? By a chain to a configured root, or because it was pinned, at the
//! moment when the letter arrived.
//!
//! OpenSSL builds the chain (RFC 5280 section 6) from what the letter brings and what the config
//! trusts. Nothing is fetched: neither a list of revoked certificates, nor an OCSP answer, nor an
//! issuer that is missing.

use super::certificate::{Certificate, certificates};
use crate::model::Timestamp;
use crate::model::budget::{Budget, Sum};
use crate::model::reading::TrustAnchor;
use openssl::error::ErrorStack;
use openssl::pkey::Id;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext};

/// Intermediate certificates in a chain, at most.
const CHAIN_MAX: i32 = 8;

/// OpenSSL's level 2: keys and signatures of 112 bits of strength and more, so no SHA-1 and no RSA
/// below 2048 bits in a chain.
const AUTH_LEVEL: i32 = 2;

/// Why a certificate whose signature is right says nothing of who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("its certificate leads to no root that the config trusts, and is not pinned")]
    NoRoot,
    #[error("its certificate had ended, or had not begun, when the letter arrived")]
    OutOfTime,
    #[error("its certificate, or one in its chain, is not for signing mail or for issuing")]
    Purpose,
    #[error("a key or a signature in its chain is too weak")]
    Weak,
    #[error("the letter does not say when it arrived")]
    NoTime,
}

/// What the config and earlier letters say of certificates, and when the letter arrived.
pub struct Trust {
    roots: Vec<X509>,
    pinned: Vec<Certificate>,
    at: Option<Timestamp>,
}

/// Nobody is trusted.
impl Default for Trust {
    fn default() -> Self {
        Self::new(&[], Vec::new(), None)
    }
}

impl Trust {
    /// `roots` in PEM, as the config names them: what can't be read is left out, since `check` says
    /// so.
    pub fn new(roots: &[String], pinned: Vec<Certificate>, at: Option<Timestamp>) -> Self {
        let read = roots
            .iter()
            .filter_map(|pem| certificates(pem.as_bytes()).ok());
        Self {
            roots: read.flatten().map(|root| root.x509).collect(),
            pinned,
            at,
        }
    }

    /// The certificates that were pinned.
    pub(super) fn pinned(&self) -> &[Certificate] {
        &self.pinned
    }

    /// What a certificate is believed for. `others` came with it.
    pub(super) fn anchor_of(
        &self,
        certificate: &Certificate,
        others: &[Certificate],
        budget: &Budget,
    ) -> Result<TrustAnchor, Untrusted> {
        let at = self.at.ok_or(Untrusted::NoTime)?;
        budget
            .draw(Sum::Certifications, 1 + others.len() as u64)
            .map_err(|_| Untrusted::NoRoot)?;
        let sign = X509PurposeId::SMIME_SIGN;
        let by_root = chain(certificate, others, &self.roots, false, sign, at);
        match by_root {
            Ok(top) => Ok(TrustAnchor::Root {
                name: top.subject(),
            }),
            Err(why) if !self.pinned.contains(certificate) => Err(why),
            Err(_) => {
                let itself = [certificate.x509.clone()];
                chain(certificate, &[], &itself, true, sign, at)?;
                Ok(TrustAnchor::Pinned)
            }
        }
    }
}

impl Certificate {
    /// Whether letters may be sealed to it at this moment, whoever issued it.
    pub fn can_encrypt(&self, at: Timestamp) -> bool {
        let itself = [self.x509.clone()];
        let fits = |purpose| chain(self, &[], &itself, true, purpose, at).is_ok();
        match self.public_key().map(|key| key.id()) {
            Some(Id::RSA) => fits(X509PurposeId::SMIME_ENCRYPT),
            Some(Id::EC | Id::X25519 | Id::X448) => self.may_agree() && fits(X509PurposeId::ANY),
            _ => false,
        }
    }

    /// Whether it may sign mail at this moment, whoever issued it.
    pub fn can_sign(&self, at: Timestamp) -> bool {
        let itself = [self.x509.clone()];
        chain(self, &[], &itself, true, X509PurposeId::SMIME_SIGN, at).is_ok()
    }
}

/// Builds the chain of a certificate to one of `roots`; returns its last certificate. `partial`:
/// what stands in `roots` need not be a root.
fn chain(
    certificate: &Certificate,
    others: &[Certificate],
    roots: &[X509],
    partial: bool,
    purpose: X509PurposeId,
    at: Timestamp,
) -> Result<Certificate, Untrusted> {
    if roots.is_empty() {
        return Err(Untrusted::NoRoot);
    }
    let run = || -> Result<Result<Certificate, i32>, ErrorStack> {
        let store = store(roots, partial, purpose, at)?;
        let mut between = Stack::new()?;
        for other in others {
            between.push(other.x509.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store, &certificate.x509, &between, |context| {
            if !context.verify_cert()? {
                return Ok(Err(context.error().as_raw()));
            }
            let top = context.chain().and_then(|chain| chain.iter().last());
            let top = top.map_or_else(|| certificate.x509.clone(), ToOwned::to_owned);
            Ok(Ok(Certificate {
                x509: top,
                takes_gcm: false,
            }))
        })
    };
    match run() {
        Ok(Ok(top)) => Ok(top),
        Ok(Err(code)) => Err(reason(code)),
        Err(_) => Err(Untrusted::NoRoot),
    }
}

fn store(
    roots: &[X509],
    partial: bool,
    purpose: X509PurposeId,
    at: Timestamp,
) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for root in roots {
        store.add_cert(root.clone())?;
    }
    let mut rules = X509VerifyParam::new()?;
    rules.set_time(at.as_second());
    rules.set_depth(CHAIN_MAX);
    rules.set_auth_level(AUTH_LEVEL);
    rules.set_purpose(purpose)?;
    if partial {
        rules.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    }
    store.set_param(&rules)?;
    Ok(store.build())
}

/// Sorts OpenSSL's reason (x509_vfy.h).
fn reason(code: i32) -> Untrusted {
    match code {
        9 | 10 => Untrusted::OutOfTime,
        24 | 26 | 32 | 37 | 79 => Untrusted::Purpose,
        66..=68 => Untrusted::Weak,
        _ => Untrusted::NoRoot,
    }
}
