//! Whose certificate is this, until when is it good, and how is it handed out?

use super::{OpenPgpError, guarded, policy};
use crate::model::budget::{Budget, Sum};
use jiff::Timestamp;
use sequoia_openpgp::armor;
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::parse::{PacketParser, PacketParserResult, Parse};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::PublicKeyAlgorithm;
use sequoia_openpgp::{Cert, KeyHandle, Packet};

/// A public certificate (RFC 9580 section 10.1): a primary key, user IDs and subkeys. It never
/// holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate(pub(super) Cert);

/// Reads every certificate in a file, armored (several blocks too) or binary. Secret parts are
/// dropped.
pub fn certificates(octets: &[u8]) -> Result<Vec<Certificate>, OpenPgpError> {
    let found = guarded(|| certs(octets))
        .unwrap_or(Err(OpenPgpError::Absent("certificate that can be read")))?;
    Ok(found
        .into_iter()
        .map(|cert| Certificate(cert.strip_secret_key_material()))
        .collect())
}

/// Why a stranger's octets are not taken for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    NoCertificate,
    /// Its keys are too large, or it certifies itself too often: each of those signatures would be
    /// verified.
    Costly,
}

/// Signatures by itself in one certificate of a stranger: Sequoia verifies all of them.
const SELF_SIGNATURES_MAX: u64 = 100;

/// Its number (RFC 9580 section 9.1).
const DSA: u8 = 17;

/// Bits of keys by algorithms whose verification costs the square of them and more.
const DSA_BITS_MAX: usize = 3072;
const RSA_BITS_MAX: usize = 8192;

/// Every key that people have says 65537; each bit more is a multiplication for each signature.
const RSA_EXPONENT_BITS_MAX: usize = 64;

/// As [`certificates`], of a letter: the work is looked at before it is done, and paid by the
/// letter's budget.
pub fn strangers_certificates(octets: &[u8], budget: &Budget) -> Result<Vec<Certificate>, NotRead> {
    let mut certificates = Vec::new();
    for block in armored_blocks(octets) {
        let costs = guarded(|| costs(block)).flatten().ok_or(NotRead::Costly)?;
        let drawn = budget
            .draw(Sum::Certifications, costs.own_signatures)
            .and_then(|()| budget.draw(Sum::Bindings, costs.signatures * costs.components));
        drawn.map_err(|_| NotRead::Costly)?;
        certificates.extend(self::certificates(block).map_err(|_| NotRead::NoCertificate)?);
    }
    Ok(certificates)
}

/// What there is to do in a block of certificates.
#[derive(Default)]
struct Costs {
    /// Signatures that claim to be by a certificate itself: each is verified.
    own_signatures: u64,
    /// All signatures, and all keys and user IDs that they may stand below.
    signatures: u64,
    components: u64,
}

/// Whether a key has numbers with which a single signature costs what a letter may not.
fn is_costly(algorithm: PublicKeyAlgorithm, numbers: &PublicKey) -> bool {
    let most = if u8::from(algorithm) == DSA {
        DSA_BITS_MAX
    } else {
        RSA_BITS_MAX
    };
    let has_long_exponent =
        matches!(numbers, PublicKey::RSA { e, .. } if e.bits() > RSA_EXPONENT_BITS_MAX);
    numbers.bits().is_some_and(|bits| bits > most) || has_long_exponent
}

/// Counts the work in a block, and does none of it; `None` where its keys, or its own signatures,
/// are too much.
fn costs(block: &[u8]) -> Option<Costs> {
    let mut costs = Costs::default();
    let mut primary: Option<KeyHandle> = None;
    let mut result = PacketParser::from_bytes(block).ok();
    while let Some(PacketParserResult::Some(parser)) = result.take() {
        let (packet, next) = parser.next().ok()?;
        let numbers = match &packet {
            Packet::PublicKey(key) => Some((key.pk_algo(), key.mpis())),
            Packet::SecretKey(key) => Some((key.pk_algo(), key.mpis())),
            Packet::PublicSubkey(key) => Some((key.pk_algo(), key.mpis())),
            Packet::SecretSubkey(key) => Some((key.pk_algo(), key.mpis())),
            _ => None,
        };
        if numbers.is_some_and(|(algorithm, numbers)| is_costly(algorithm, numbers)) {
            return None;
        }
        match packet {
            Packet::PublicKey(key) => {
                primary = Some(key.fingerprint().into());
                costs.components += 1;
            }
            Packet::SecretKey(key) => {
                primary = Some(key.fingerprint().into());
                costs.components += 1;
            }
            Packet::Signature(signature) => {
                let issuers = signature.get_issuers();
                let own = issuers.is_empty()
                    || primary.as_ref().is_some_and(|primary| {
                        issuers.iter().any(|issuer| issuer.aliases(primary))
                    });
                costs.signatures += 1;
                costs.own_signatures += u64::from(own);
                if costs.own_signatures > SELF_SIGNATURES_MAX {
                    return None;
                }
            }
            _ => costs.components += 1,
        }
        result = Some(next);
    }
    Some(costs)
}

pub(super) fn certs(octets: &[u8]) -> Result<Vec<Cert>, OpenPgpError> {
    let mut found = Vec::new();
    for block in armored_blocks(octets) {
        let parser = CertParser::from_bytes(block).map_err(OpenPgpError::NotACertificate)?;
        for cert in parser {
            found.push(cert.map_err(OpenPgpError::NotACertificate)?);
        }
    }
    if found.is_empty() {
        Err(OpenPgpError::Absent("certificate or key"))
    } else {
        Ok(found)
    }
}

/// A file of several armored blocks, split; binary octets are one block.
fn armored_blocks(octets: &[u8]) -> Vec<&[u8]> {
    let begin = b"-----BEGIN PGP ";
    let starts: Vec<usize> = octets
        .windows(begin.len())
        .enumerate()
        .filter(|(_, w)| *w == begin)
        .map(|(i, _)| i)
        .collect();
    if starts.is_empty() {
        return vec![octets];
    }
    let ends = starts.iter().skip(1).copied().chain([octets.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(from, to)| &octets[from..to])
        .collect()
}

impl Certificate {
    /// The primary key's fingerprint, upper-case hexadecimal without spaces.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint().to_hex()
    }

    /// The key version: 4, or 6 (RFC 9580).
    pub fn version(&self) -> u8 {
        self.0.primary_key().key().version()
    }

    /// The addresses in its valid user IDs.
    pub fn addresses(&self) -> Vec<String> {
        let Ok(valid) = self.0.with_policy(policy(), None) else {
            return Vec::new();
        };
        let ids = valid.userids().revoked(false);
        ids.filter_map(|id| id.userid().email().ok().flatten().map(str::to_owned))
            .collect()
    }

    /// Whether a valid user ID names this address.
    pub fn is_of(&self, address: &str) -> bool {
        self.addresses()
            .iter()
            .any(|own| own.eq_ignore_ascii_case(address))
    }

    /// The earliest moment at which its primary key, its last encryption key or its last signing
    /// key ends.
    pub fn expires(&self) -> Option<Timestamp> {
        let valid = self.0.with_policy(policy(), None).ok()?;
        let primary = valid.primary_key().key_expiration_time();
        let encryption: Option<Vec<_>> = valid
            .keys()
            .subkeys()
            .supported()
            .revoked(false)
            .for_transport_encryption()
            .map(|k| k.key_expiration_time())
            .collect();
        let signing: Option<Vec<_>> = valid
            .keys()
            .supported()
            .revoked(false)
            .for_signing()
            .map(|k| k.key_expiration_time())
            .collect();
        // One key without an end keeps the certificate usable; otherwise the last end counts.
        let last = |ends: Option<Vec<_>>| ends.and_then(|ends| ends.into_iter().max());
        let earliest = [primary, last(encryption), last(signing)]
            .into_iter()
            .flatten()
            .min()?;
        Timestamp::try_from(earliest).ok()
    }

    /// Checks that a letter could be sealed to it now.
    pub fn usable_for_encryption(&self) -> Result<(), OpenPgpError> {
        let mut keys = self
            .0
            .keys()
            .with_policy(policy(), None)
            .supported()
            .alive()
            .revoked(false)
            .for_transport_encryption();
        let alive = self
            .0
            .with_policy(policy(), None)
            .is_ok_and(|valid| valid.alive().is_ok());
        match keys.next() {
            Some(_) if alive => Ok(()),
            _ => Err(OpenPgpError::NoUsableKey(self.fingerprint(), "encryption")),
        }
    }

    /// Itself without third-party signatures and dead subkeys: what fits into a mail header.
    pub fn minimal(&self) -> Result<Self, OpenPgpError> {
        let valid = self
            .0
            .with_policy(policy(), None)
            .map_err(OpenPgpError::operation("reading our certificate"))?;
        let mut packets: Vec<Packet> = vec![valid.primary_key().key().clone().into()];
        packets.extend(
            self.0
                .primary_key()
                .self_revocations()
                .cloned()
                .map(Packet::from),
        );
        if let Ok(direct) = valid.direct_key_signature()
            && direct.typ() == sequoia_openpgp::types::SignatureType::DirectKey
        {
            packets.push(direct.clone().into());
        }
        for id in valid.userids().revoked(false) {
            packets.push(id.userid().clone().into());
            packets.push(id.binding_signature().clone().into());
        }
        for key in valid.keys().subkeys().supported().alive().revoked(false) {
            packets.push(key.key().clone().into());
            packets.push(key.binding_signature().clone().into());
        }
        // Who holds the certificate already must learn what was revoked.
        for key in valid.keys().subkeys().revoked(true) {
            packets.push(key.key().clone().into());
            packets.push(key.binding_signature().clone().into());
            packets.extend(key.self_revocations().cloned().map(Packet::from));
        }
        let cert = Cert::from_packets(packets.into_iter())
            .map_err(OpenPgpError::operation("minimising our certificate"))?;
        Ok(Self(cert))
    }

    /// The certificate in OpenPGP packets, without armor and without what is marked as not
    /// exportable.
    pub fn binary(&self) -> Result<Vec<u8>, OpenPgpError> {
        MarshalInto::export_to_vec(&self.0)
            .map_err(OpenPgpError::operation("exporting a certificate"))
    }

    /// ASCII armor, without comment headers.
    pub fn armored(&self) -> Result<String, OpenPgpError> {
        let binary = self.binary()?;
        let armor = || -> std::io::Result<Vec<u8>> {
            let mut writer = armor::Writer::new(Vec::new(), armor::Kind::PublicKey)?;
            std::io::Write::write_all(&mut writer, &binary)?;
            writer.finalize()
        };
        let octets =
            armor().map_err(|e| OpenPgpError::Operation("armoring a certificate", e.into()))?;
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }

    /// The algorithms of its keys, such as `Ed25519, X25519`, for people.
    pub fn algorithms(&self) -> String {
        let mut names: Vec<String> = self
            .0
            .keys()
            .map(|k| k.key().pk_algo().to_string())
            .collect();
        names.dedup();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sequoia_openpgp::packet::Key;
    use sequoia_openpgp::packet::key::{Key4, PrimaryRole, PublicParts};

    /// Each signature by it would cost as many multiplications as its exponent has bits.
    #[test]
    fn a_key_whose_exponent_is_long_is_costly() {
        let key = |exponent: &[u8]| {
            let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_790_000_000);
            let modulus = [0xc3; 384];
            let key = Key4::<PublicParts, PrimaryRole>::import_public_rsa(exponent, &modulus, made);
            let packet = Packet::PublicKey(Key::V4(key.unwrap()));
            MarshalInto::to_vec(&packet).unwrap()
        };
        assert!(costs(&key(&[1, 0, 1])).is_some());
        assert!(costs(&key(&[0x81; 9])).is_none());
    }
}
