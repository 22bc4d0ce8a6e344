//! Who signed this, as far as we can prove?

use super::certificate::Certificate;
use super::open::Unopened;
use super::{armor, guarded, policy};
use crate::model::budget::{Budget, Overspent, Sum};
use crate::model::limits::{
    PACKETS_MAX, SIGNATURE_EARLY_HOURS_MAX, SIGNATURE_OCTETS_MAX, SIGNATURES_OF_MESSAGE_MAX,
};
use crate::model::reading::{Integrity, TrustAnchor};
use sequoia_openpgp as openpgp;
use sequoia_openpgp::Packet;
use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::packet::{Key, Signature};
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, GoodChecksum, MessageLayer, MessageStructure, VerificationError,
    VerificationHelper, VerifierBuilder,
};
use sequoia_openpgp::parse::{PacketParser, Parse};
use sequoia_openpgp::policy::Policy;
use std::cell::Cell;
use std::io::Read;
use std::time::Duration;

/// Octets that are taken out of a message at a time, and paid for.
pub(super) const PIECE_OCTETS: usize = 64 * 1024;

/// One signature as found. Fingerprints are upper-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureFound {
    /// `fingerprint` is the certificate's; `addresses` are in its valid user IDs. `intended` are
    /// those that the signer names as recipients (RFC 9580 section 5.2.3.36), if any.
    Good {
        fingerprint: String,
        addresses: Vec<String>,
        intended: Vec<String>,
        /// Of an S/MIME signature: what its certificate is believed for.
        anchor: Option<TrustAnchor>,
    },
    /// We hold no certificate for it.
    Unknown { issuer: Option<String> },
    /// It is right, and was made for somebody else: whoever that was may have sealed it to us.
    ForAnother { fingerprint: String },
    /// It is right, and says that it was made so many hours from now, rounded up: the signer's
    /// clock or time zone is off.
    Early { fingerprint: String, hours: u64 },
    /// It is wrong, or its key may not sign.
    Bad { issuer: Option<String> },
}

impl SignatureFound {
    /// A signature that names its recipients must name this one; where nothing was sealed to us, it
    /// can't.
    pub fn demand(&mut self, recipient: Option<&str>) {
        if let Self::Good {
            fingerprint,
            intended,
            ..
        } = self
            && !intended.is_empty()
            && !intended.iter().any(|one| Some(one.as_str()) == recipient)
        {
            *self = Self::ForAnother {
                fingerprint: std::mem::take(fingerprint),
            };
        }
    }
}

/// Judges the layers of a message: the helper that opening and verifying share.
pub(super) struct Judge<'b> {
    pub certificates: Vec<openpgp::Cert>,
    pub found: Vec<SignatureFound>,
    pub budget: &'b Budget,
    packets: usize,
    /// Octets of this message that came out so far.
    octets: Cell<u64>,
    /// Announced, or standing here without that: each has all octets hashed for itself.
    signatures: u64,
    /// Those that stand here.
    standing: u64,
}

impl<'b> Judge<'b> {
    /// For one message: it counts from zero, and draws on the budget of the whole letter.
    pub fn new(certificates: &[Certificate], budget: &'b Budget) -> Self {
        let certificates = certificates.iter().map(|c| c.0.clone()).collect();
        Self {
            certificates,
            found: Vec::new(),
            budget,
            packets: 0,
            octets: Cell::new(0),
            signatures: 0,
            standing: 0,
        }
    }

    /// Counts a packet, before Sequoia's grammar looks at all of them again.
    pub fn count(&mut self, packet: &Packet) -> openpgp::Result<()> {
        self.packets += 1;
        if self.packets > PACKETS_MAX {
            return Err(Unopened::too_many_packets().into());
        }
        let drawn = self
            .budget
            .draw(Sum::Packets, 1)
            .and_then(|()| match packet {
                Packet::CompressedData(_) => self.budget.draw(Sum::Compressions, 1),
                Packet::OnePassSig(_) => self.announced(),
                Packet::Signature(_) => {
                    self.standing += 1;
                    // Where none was announced, each that stands here has everything hashed for
                    // itself.
                    if self.standing > self.signatures {
                        self.announced()
                    } else {
                        self.budget.draw(Sum::Signatures, 1)
                    }
                }
                _ => Ok(()),
            });
        drawn.map_err(|Overspent| Unopened::overspent().into())
    }

    /// One more signature for which all octets are hashed.
    fn announced(&mut self) -> Result<(), Overspent> {
        self.signatures += 1;
        if self.signatures > SIGNATURES_OF_MESSAGE_MAX {
            self.budget.overspend();
        }
        self.budget.draw(Sum::Signatures, 1)
    }

    /// Draws on the budget for octets that came out of a message.
    pub fn pay(&self, octets: usize) -> Result<(), Unopened> {
        let octets = octets as u64;
        self.octets.set(self.octets.get().saturating_add(octets));
        if self.octets.get() > self.budget.message_octets {
            self.budget.overspend();
            return Err(Unopened::overspent());
        }
        let drawn = self.budget.draw(Sum::Plaintext, octets).and_then(|()| {
            self.budget
                .draw(Sum::Hashed, octets.saturating_mul(self.signatures))
        });
        drawn.map_err(|Overspent| Unopened::overspent())
    }

    /// Records signatures inside the encryption, and returns how it was authenticated. A signature
    /// outside the encryption vouches for nothing that was inside, so it is dropped.
    pub fn judge(&mut self, structure: MessageStructure<'_>) -> Integrity {
        let mut integrity = Integrity::None;
        for layer in structure {
            match layer {
                MessageLayer::Compression { .. } => {}
                MessageLayer::Encryption { aead_algo, .. } => {
                    self.found.clear();
                    integrity = if aead_algo.is_some() {
                        Integrity::Aead
                    } else {
                        Integrity::Mdc
                    };
                }
                MessageLayer::SignatureGroup { results } => {
                    self.found.extend(results.into_iter().map(found))
                }
            }
        }
        integrity
    }
}

impl VerificationHelper for Judge<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        self.count(&parser.packet)
    }

    fn get_certs(&mut self, _: &[openpgp::KeyHandle]) -> openpgp::Result<Vec<openpgp::Cert>> {
        Ok(self.certificates.clone())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        self.judge(structure);
        Ok(())
    }
}

fn found(result: Result<GoodChecksum<'_>, VerificationError<'_>>) -> SignatureFound {
    let issuer = |sig: &Signature| {
        let handles = sig.get_issuers();
        let best = handles
            .iter()
            .find(|h| matches!(h, openpgp::KeyHandle::Fingerprint(_)))
            .or(handles.first());
        best.map(|h| format!("{h:X}"))
    };
    match result {
        Ok(GoodChecksum { ka, sig, .. }) => {
            let certificate = Certificate(ka.cert().clone());
            let intended = sig
                .intended_recipients()
                .map(openpgp::Fingerprint::to_hex)
                .collect();
            SignatureFound::Good {
                fingerprint: certificate.fingerprint(),
                addresses: certificate.addresses(),
                intended,
                anchor: None,
            }
        }
        Err(VerificationError::MissingKey { sig }) => SignatureFound::Unknown {
            issuer: issuer(sig),
        },
        Err(VerificationError::BadSignature { sig, ka, error }) => {
            match hours_early(sig, ka.key(), &error) {
                Some(hours) => SignatureFound::Early {
                    fingerprint: ka.cert().fingerprint().to_hex(),
                    hours,
                },
                None => SignatureFound::Bad {
                    issuer: issuer(sig),
                },
            }
        }
        Err(
            VerificationError::UnboundKey { sig, .. }
            | VerificationError::BadKey { sig, .. }
            | VerificationError::MalformedSignature { sig, .. },
        ) => SignatureFound::Bad {
            issuer: issuer(sig),
        },
        Err(_) => SignatureFound::Bad { issuer: None },
    }
}

/// How many hours from now a signature begins that is right in all else: rounded up, and `None`
/// beyond [`SIGNATURE_EARLY_HOURS_MAX`]. Sequoia looks at the time before it looks at the octets,
/// and has proven by then that the key may sign.
fn hours_early(
    signature: &Signature,
    key: &Key<PublicParts, UnspecifiedRole>,
    error: &openpgp::anyhow::Error,
) -> Option<u64> {
    let is_early = matches!(
        error.downcast_ref::<openpgp::Error>(),
        Some(openpgp::Error::NotYetLive(_))
    );
    if !is_early
        || signature.verify_document(key).is_err()
        || policy().signature(signature, Default::default()).is_err()
    {
        return None;
    }
    let begins_within = |hours: &u64| {
        let tolerance = Duration::from_secs(hours * 3600);
        signature.signature_alive(None, tolerance).is_ok()
    };
    (1..=SIGNATURE_EARLY_HOURS_MAX).find(begins_within)
}

/// Verifies a detached signature over exactly these octets (RFC 3156 section 5: canonical, CRLF).
pub fn verify_detached(
    signature: &[u8],
    octets: &[u8],
    certificates: &[Certificate],
    budget: &Budget,
) -> Vec<SignatureFound> {
    let bad = || vec![SignatureFound::Bad { issuer: None }];
    if signature.len() > SIGNATURE_OCTETS_MAX || budget.draw(Sum::Messages, 1).is_err() {
        return bad();
    }
    let judge = Judge::new(certificates, budget);
    let verify = || {
        // Its packets are counted here, before an octet is hashed for any of them.
        DetachedVerifierBuilder::from_bytes(signature)
            .and_then(|b| b.with_policy(policy(), None, judge))
            .and_then(|mut v| {
                v.helper_ref().pay(octets.len())?;
                v.verify_bytes(octets)?;
                Ok(v.into_helper().found)
            })
    };
    match guarded(verify) {
        Some(Ok(found)) if !found.is_empty() => found,
        _ => bad(),
    }
}

/// Verifies a message that is signed and not sealed, or clearsigned text (RFC 9580 sections 10.3
/// and 7), and returns what was signed; what stands around a block was not. `None` where it is
/// neither.
pub fn verify_message(
    message: &[u8],
    certificates: &[Certificate],
    budget: &Budget,
) -> Option<(Vec<u8>, Vec<SignatureFound>)> {
    // Clearsigned text is no armor, though a signature in armor stands in it.
    let octets = message.trim_ascii_start();
    let octets = if octets.starts_with(b"-----BEGIN PGP MESSAGE-----") {
        armor::binary(octets)
    } else {
        octets.into()
    };
    guarded(|| self::message(&octets, certificates, budget).ok()).flatten()
}

/// What packets, or clearsigned text, say, and who signed it.
pub(super) fn message(
    octets: &[u8],
    certificates: &[Certificate],
    budget: &Budget,
) -> Result<(Vec<u8>, Vec<SignatureFound>), Unopened> {
    budget
        .draw(Sum::Messages, 1)
        .map_err(|Overspent| Unopened::overspent())?;
    let judge = Judge::new(certificates, budget);
    let mut verifier = VerifierBuilder::from_bytes(octets)
        .and_then(|b| b.with_policy(policy(), None, judge))
        .map_err(|_| Unopened::DAMAGED)?;
    let mut words = Vec::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        match verifier.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                verifier.helper_ref().pay(n)?;
                words.extend_from_slice(&piece[..n]);
            }
            Err(_) => return Err(Unopened::DAMAGED),
        }
    }
    if !verifier.message_processed() {
        return Err(Unopened::DAMAGED);
    }
    Ok((words, verifier.into_helper().found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sequoia_openpgp::cert::CertBuilder;
    use sequoia_openpgp::serialize::stream::{Message, Signer};
    use std::io::Write;
    use std::time::SystemTime;

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "Sequoia compares with the clock of the machine"
    )]
    fn a_right_signature_that_is_dated_ahead_is_told_from_a_wrong_one() {
        let id = "Ada <ada@reporter.example>";
        let (cert, _) = CertBuilder::general_purpose([id]).generate().unwrap();
        let keys = cert.keys().with_policy(policy(), None).for_signing();
        let key = keys.secret().next().unwrap().key().clone();
        let own = [Certificate(cert.strip_secret_key_material())];
        let fingerprint = own[0].fingerprint();
        let early = |hours| SignatureFound::Early {
            fingerprint: fingerprint.clone(),
            hours,
        };
        let bad = SignatureFound::Bad {
            issuer: Some(key.fingerprint().to_hex()),
        };
        let minutes = 60;
        let hours = 60 * minutes;
        for (ahead_s, signed, expected) in [
            (10 * minutes, "report", None),
            (40 * minutes, "report", Some(early(1))),
            (8 * hours, "report", Some(early(8))),
            (8 * hours, "another report", Some(bad.clone())),
            (47 * hours, "report", Some(early(47))),
            (72 * hours, "report", Some(bad.clone())),
        ] {
            let mut signature = Vec::new();
            let pair = key.clone().into_keypair().unwrap();
            let at = SystemTime::now() + Duration::from_secs(ahead_s);
            let signer = Signer::new(Message::new(&mut signature), pair).unwrap();
            let mut message = signer.creation_time(at).detached().build().unwrap();
            message.write_all(signed.as_bytes()).unwrap();
            message.finalize().unwrap();
            let found = verify_detached(&signature, b"report", &own, &Budget::ours());
            match expected {
                Some(expected) => assert_eq!(found, [expected], "{ahead_s} s"),
                None => assert!(matches!(found[..], [SignatureFound::Good { .. }])),
            }
        }
    }
}
