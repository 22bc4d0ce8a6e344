//! How does ciphertext become proven plaintext?
//!
//! Sequoia verifies what fits its buffer before it hands out an octet, and streams the rest
//! unproven. A buffer for the largest letter would be zeroed for each letter (most of a small
//! letter's cost), so the buffer is small, everything is read into our own memory, and nothing
//! leaves this function until the read ended without error, the whole message was processed and its
//! signatures were judged.

mod container;
mod unopened;

use super::certificate::Certificate;
use super::verify::{Judge, PIECE_OCTETS, SignatureFound};
use super::{armor, cipher, gnupg, guarded, policy_for_opening, verify};
use crate::model::budget::{Budget, Overspent, Sum};
use crate::model::ids::Digest;
use crate::model::limits::{Limits, NAMED_RECIPIENTS_MAX, PACKETS_MAX};
use crate::model::reading::{Integrity, Shut};
pub use container::is_sealed;
use container::{before_container, why_unopened};
use sequoia_openpgp as openpgp;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, Decryptor, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::parse::{PacketParser, Parse};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::SymmetricAlgorithm;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::io::Read;
pub use unopened::Unopened;

/// Sequoia's own buffer, which it fills with zeros: as large as the letter, within these bounds.
const BUFFER_OCTETS_MIN: usize = 16 * 1024;
const BUFFER_OCTETS_MAX: usize = 256 * 1024;

/// A session key as the keyholder gives it. `algorithm` is `None` for SEIPDv2, whose packet names
/// it.
pub struct SessionKey {
    pub algorithm: Option<u8>,
    pub octets: Vec<u8>,
    /// The fingerprint of the certificate whose key it was sealed to.
    pub recipient: String,
}

/// Whoever can turn a PKESK into a session key: the keys themselves, or a socket to the keyholder.
pub trait SessionKeys {
    /// `pkesk` is the body of the packet; `hint` the cipher, where the container names it.
    fn session_key(&mut self, pkesk: &[u8], hint: Option<u8>) -> Option<SessionKey>;

    /// Whether the letter took all the private operations that it may: what was not tried stays
    /// shut, key or not.
    fn is_spent(&self) -> bool {
        false
    }
}

/// Proven plaintext, and who signed it.
#[derive(Debug)]
pub struct Opened {
    pub plaintext: Vec<u8>,
    pub integrity: Integrity,
    /// Of signatures inside the encryption.
    pub signatures: Vec<SignatureFound>,
    /// The fingerprint of the certificate whose key opened it.
    pub recipient: Option<String>,
    /// The name of its cipher, where that is out of use.
    pub old_cipher: Option<Cow<'static, str>>,
}

/// Octets of a message looked at to find its container.
const LOOKED_AT_OCTETS: usize = 2 * 1024 * 1024;

/// Armor of larger messages is decoded as it is read.
const STREAMED_OCTETS_MIN: usize = 1024 * 1024;

/// The tags of encrypted containers (RFC 9580 section 5, and GnuPG's own).
const OLD_CONTAINER: u8 = 9;
const CONTAINER: u8 = 18;
const GNUPG_CONTAINER: u8 = 20;

/// Why a message that is not sealed, and could not be verified either, stays as it is.
pub fn unsealed(budget: &Budget) -> Unopened {
    if budget.is_overspent() {
        Unopened::overspent()
    } else {
        Unopened::DAMAGED
    }
}

/// The SHA-256 of a message's binary packets, whatever armor stands around them.
pub fn digest(message: &[u8]) -> Digest {
    Digest(Sha256::digest(armor::binary(message.trim_ascii())).into())
}

/// Decrypts one OpenPGP message, armored or binary. `certificates` are those that may have signed
/// it; `budget` is the letter's.
pub fn open(
    ciphertext: &[u8],
    keys: &mut dyn SessionKeys,
    certificates: &[Certificate],
    budget: &Budget,
) -> Result<Opened, Unopened> {
    guarded(|| open_unguarded(ciphertext, keys, certificates, budget, Keep::Everything))
        .unwrap_or(Err(Unopened::DAMAGED))
}

/// Who signed what is inside, asked once more with other certificates. What is inside is proven
/// again, and not kept.
pub fn signatures_in(
    ciphertext: &[u8],
    keys: &mut dyn SessionKeys,
    certificates: &[Certificate],
    budget: &Budget,
) -> Option<Vec<SignatureFound>> {
    guarded(|| open_unguarded(ciphertext, keys, certificates, budget, Keep::Signatures).ok())
        .flatten()
        .map(|opened| opened.signatures)
}

/// What of a message is held in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Everything,
    Signatures,
}

fn open_unguarded(
    ciphertext: &[u8],
    keys: &mut dyn SessionKeys,
    certificates: &[Certificate],
    budget: &Budget,
    keep: Keep,
) -> Result<Opened, Unopened> {
    budget
        .draw(Sum::Messages, 1)
        .map_err(|Overspent| Unopened::overspent())?;
    let octets = ciphertext.trim_ascii_start();
    let head = armor::head(octets, LOOKED_AT_OCTETS);
    match before_container(&head) {
        (packets, _) if packets > PACKETS_MAX => return Err(Unopened::too_many_packets()),
        (_, Some(GNUPG_CONTAINER)) => {
            let inside = gnupg::open(&armor::binary(octets), keys, budget)?;
            let (plaintext, mut signatures) =
                verify::message(&inside.packets, certificates, budget)?;
            signatures
                .iter_mut()
                .for_each(|found| found.demand(Some(&inside.recipient)));
            return Ok(Opened {
                plaintext,
                integrity: Integrity::Aead,
                signatures,
                recipient: Some(inside.recipient),
                old_cipher: None,
            });
        }
        _ => {}
    }
    let mut decrypted = |builder: openpgp::Result<DecryptorBuilder<'_>>| {
        let helper = Helper {
            keys,
            judge: Judge::new(certificates, budget),
            recipient: None,
            integrity: Integrity::None,
            old_cipher: None,
        };
        let buffer = octets.len().clamp(BUFFER_OCTETS_MIN, BUFFER_OCTETS_MAX);
        let decryptor = builder.and_then(|b| {
            b.buffer_size(buffer)
                .with_policy(policy_for_opening(), None, helper)
        });
        proven(
            decryptor.map_err(|err| why_unopened(&err, &head))?,
            &head,
            keep,
        )
    };
    // A large message is never held without its armor beside itself. One whose armor is bent after
    // all is read again.
    if octets.len() > STREAMED_OCTETS_MIN
        && let Some(armor) = armor::Regular::begin(octets)
        && let opened = decrypted(DecryptorBuilder::from_reader(armor))
        && !matches!(
            opened,
            Err(Unopened {
                shut: Shut::Integrity,
                ..
            })
        )
    {
        return opened;
    }
    decrypted(DecryptorBuilder::from_bytes(&*armor::binary(octets)))
}

/// Reads all of a message, and gives it out once all of it is proven.
fn proven(
    mut decryptor: Decryptor<'_, Helper<'_>>,
    head: &[u8],
    keep: Keep,
) -> Result<Opened, Unopened> {
    let mut plaintext = Vec::new();
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        match decryptor.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                decryptor.helper_ref().judge.pay(n)?;
                if keep == Keep::Everything {
                    plaintext.extend_from_slice(&piece[..n]);
                }
            }
            Err(err) => return Err(why_unopened(&err.into(), head)),
        }
    }
    // Only now is every octet proven: the container ended, and its MDC or every AEAD chunk was
    // right.
    if !decryptor.message_processed() {
        return Err(Unopened::new(
            Shut::Integrity,
            "it ended before its integrity could be proven",
        ));
    }
    let helper = decryptor.into_helper();
    if helper.integrity == Integrity::None {
        return Err(Unopened::new(Shut::Unsupported, "it is not encrypted"));
    }
    let mut signatures = helper.judge.found;
    if let Some(recipient) = &helper.recipient {
        signatures
            .iter_mut()
            .for_each(|found| found.demand(Some(recipient)));
    }
    Ok(Opened {
        plaintext,
        integrity: helper.integrity,
        signatures,
        recipient: helper.recipient,
        old_cipher: helper.old_cipher,
    })
}

struct Helper<'k> {
    keys: &'k mut dyn SessionKeys,
    judge: Judge<'k>,
    recipient: Option<String>,
    integrity: Integrity,
    old_cipher: Option<Cow<'static, str>>,
}

impl VerificationHelper for Helper<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        self.judge.count(&parser.packet)
    }

    fn get_certs(&mut self, _: &[openpgp::KeyHandle]) -> openpgp::Result<Vec<openpgp::Cert>> {
        Ok(self.judge.certificates.clone())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        self.integrity = self.judge.judge(structure);
        Ok(())
    }
}

impl DecryptionHelper for Helper<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        skesks: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &openpgp::crypto::SessionKey) -> bool,
    ) -> openpgp::Result<Option<openpgp::Cert>> {
        if pkesks.is_empty() && !skesks.is_empty() {
            return Err(Unopened::by_password().into());
        }
        let budget = self.judge.budget;
        for pkesk in recipients(pkesks, &budget.limits) {
            budget
                .draw(Sum::Recipients, 1)
                .map_err(|Overspent| Unopened::overspent())?;
            let found = self
                .keys
                .session_key(&MarshalInto::to_vec(pkesk)?, algorithm.map(u8::from));
            if self.keys.is_spent() {
                budget.overspend();
                return Err(Unopened::overspent().into());
            }
            let Some(key) = found else { continue };
            let session_key = openpgp::crypto::SessionKey::from(key.octets);
            let algorithm = key.algorithm.map(SymmetricAlgorithm::from);
            if decrypt(algorithm, &session_key) {
                self.recipient = Some(key.recipient);
                self.old_cipher = algorithm.filter(|a| cipher::is_old(*a)).map(cipher::name);
                return Ok(None);
            }
            // Our key opened it, and the container did not yield.
            if let Some(unsupported) = algorithm.filter(|a| !a.is_supported()) {
                return Err(Unopened::in_cipher(unsupported).into());
            }
        }
        Err(Unopened::without_key(pkesks.len(), &budget.limits).into())
    }
}

/// The recipients that are tried: named ones first, since a hidden one makes the keyholder try
/// every key.
pub(super) fn recipients<'p>(
    pkesks: &'p [PKESK],
    limits: &Limits,
) -> impl Iterator<Item = &'p PKESK> {
    let (hidden, named): (Vec<_>, Vec<_>) = pkesks.iter().partition(|p| p.recipient().is_none());
    named
        .into_iter()
        .take(NAMED_RECIPIENTS_MAX)
        .chain(hidden.into_iter().take(limits.hidden_recipients as usize))
}

const NO_KNOWN_CONTAINER: &str = "its packets are not accepted";

#[cfg(test)]
mod tests {
    use super::super::{
        Profile, Purpose, SealTo, SecretKeys, armored_message, certificates, generate, policy,
        seal_packets,
    };
    use super::*;

    fn desk() -> (SecretKeys, Vec<Certificate>) {
        let key = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        let keys = SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
        (keys, certificates(key.public_armored.as_bytes()).unwrap())
    }

    #[test]
    fn a_sealed_and_signed_letter_opens_and_says_who_signed() {
        let (mut keys, certs) = desk();
        let packets = keys.sign_message(b"the report").unwrap();
        let armored = armored_message(&seal_packets(&certs, &packets).unwrap()).unwrap();
        let opened = open(armored.as_bytes(), &mut keys, &certs, &Budget::ours()).unwrap();
        assert_eq!(opened.plaintext, b"the report");
        assert_eq!(opened.integrity, Integrity::Mdc);
        assert!(
            matches!(&opened.signatures[..], [SignatureFound::Good { fingerprint, .. }] if *fingerprint == certs[0].fingerprint())
        );
    }

    #[test]
    fn a_letter_in_an_old_cipher_opens_and_is_marked_where_its_integrity_is_proven() {
        use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
        use std::io::Write;
        let (mut keys, certs) = desk();
        for (algorithm, old) in [
            (SymmetricAlgorithm::AES256, None),
            (SymmetricAlgorithm::from(2), Some("3DES")),
            (SymmetricAlgorithm::from(3), Some("CAST5")),
            (SymmetricAlgorithm::Blowfish, Some("BLOWFISH")),
        ] {
            let mut sealed = Vec::new();
            let to = certs[0].0.keys().with_policy(policy(), None);
            let message = Encryptor::for_recipients(
                Message::new(&mut sealed),
                to.supported().for_transport_encryption(),
            );
            let message = message.symmetric_algo(algorithm).build().unwrap();
            let mut message = LiteralWriter::new(message).build().unwrap();
            message.write_all(b"the report").unwrap();
            message.finalize().unwrap();
            let opened = open(&sealed, &mut keys, &[], &Budget::ours()).unwrap();
            assert_eq!(opened.plaintext, b"the report");
            assert_eq!(opened.integrity, Integrity::Mdc);
            assert_eq!(opened.old_cipher.as_deref(), old);
            *sealed.last_mut().unwrap() ^= 1;
            let shut = open(&sealed, &mut keys, &[], &Budget::ours()).unwrap_err();
            assert_eq!(shut.shut, Shut::Integrity, "{old:?}");
        }
    }

    #[test]
    fn a_signature_that_was_made_for_another_is_no_signature_for_us() {
        use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Signer};
        use std::io::Write;
        let (mut keys, certs) = desk();
        let (_, others) = desk();
        let (signer, signers) = desk();
        for (intended, good) in [(&certs, true), (&others, false)] {
            let mut sealed = Vec::new();
            let to = certs[0]
                .0
                .keys()
                .with_policy(policy(), None)
                .supported()
                .alive()
                .revoked(false)
                .for_transport_encryption();
            let message = Encryptor::for_recipients(Message::new(&mut sealed), to)
                .build()
                .unwrap();
            let message = Signer::new(message, signer.signer().unwrap())
                .unwrap()
                .add_intended_recipient(&intended[0].0)
                .build()
                .unwrap();
            let mut message = LiteralWriter::new(message).build().unwrap();
            message.write_all(b"the report").unwrap();
            message.finalize().unwrap();
            let opened = open(&sealed, &mut keys, &signers, &Budget::ours()).unwrap();
            assert_eq!(
                matches!(opened.signatures[0], SignatureFound::Good { .. }),
                good,
                "{:?}",
                opened.signatures
            );
            assert_eq!(
                matches!(opened.signatures[0], SignatureFound::ForAnother { .. }),
                !good
            );
        }
    }

    #[test]
    fn more_signers_than_six_are_too_many_before_an_octet_is_hashed() {
        use sequoia_openpgp::serialize::stream::{LiteralWriter, Message, Signer};
        use std::io::Write;
        let (mut keys, certs) = desk();
        for (signers, opens) in [(6, true), (7, false)] {
            let mut packets = Vec::new();
            let mut signer =
                Signer::new(Message::new(&mut packets), keys.signer().unwrap()).unwrap();
            for _ in 1..signers {
                signer = signer.add_signer(keys.signer().unwrap()).unwrap();
            }
            let mut message = LiteralWriter::new(signer.build().unwrap()).build().unwrap();
            message.write_all(b"the report").unwrap();
            message.finalize().unwrap();
            let budget =
                Budget::of_letter(packets.len(), &Limits::MAX, || std::time::Duration::ZERO);
            assert_eq!(
                verify::verify_message(&packets, &certs, &budget).is_some(),
                opens,
                "{signers} signers"
            );
            let budget =
                Budget::of_letter(packets.len(), &Limits::MAX, || std::time::Duration::ZERO);
            let opened = open(
                &seal_packets(&certs, &packets).unwrap(),
                &mut keys,
                &certs,
                &budget,
            );
            assert_eq!(
                opened.map(|o| o.signatures.len()).map_err(|u| u.shut),
                if opens { Ok(signers) } else { Err(Shut::Limit) }
            );
        }
    }

    /// Keys that worked enough for one letter.
    struct Spent;

    impl SessionKeys for Spent {
        fn session_key(&mut self, _: &[u8], _: Option<u8>) -> Option<SessionKey> {
            None
        }

        fn is_spent(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_letter_that_took_all_private_operations_is_over_a_limit_and_not_without_a_key() {
        let (_, certs) = desk();
        let sealed = SealTo::new(&certs).unwrap().seal(b"x").unwrap();
        assert_eq!(
            open(&sealed, &mut Spent, &[], &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::Limit
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_lets_nothing_out() {
        let (mut keys, certs) = desk();
        let sealed = SealTo::new(&certs).unwrap().seal(&[b'x'; 5000]).unwrap();
        for at in (0..sealed.len()).step_by(97) {
            let mut broken = sealed.clone();
            broken[at] ^= 0x10;
            assert!(
                open(&broken, &mut keys, &[], &Budget::ours()).is_err(),
                "octet {at}"
            );
        }
        for cut in (0..sealed.len()).step_by(211) {
            assert!(
                open(&sealed[..cut], &mut keys, &[], &Budget::ours()).is_err(),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn tampering_beyond_the_buffer_lets_nothing_out() {
        let (mut keys, certs) = desk();
        let mut sealed = SealTo::new(&certs)
            .unwrap()
            .seal(&vec![b'x'; 3 * BUFFER_OCTETS_MAX])
            .unwrap();
        let last = sealed.len() - 100;
        sealed[last] ^= 1;
        assert_eq!(
            open(&sealed, &mut keys, &[], &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::Integrity
        );
    }

    #[test]
    fn a_large_message_opens_whether_its_armor_is_regular_or_bent() {
        let (mut keys, certs) = desk();
        let words: Vec<u8> = (0..2 * STREAMED_OCTETS_MIN)
            .map(|n| (n / 7) as u8)
            .collect();
        let sealed = armored_message(&SealTo::new(&certs).unwrap().seal(&words).unwrap()).unwrap();
        let mut bent = sealed.clone();
        bent.insert_str(sealed.len() / 2, " \t ");
        for armored in [sealed.clone(), bent] {
            assert!(
                open(armored.as_bytes(), &mut keys, &[], &Budget::ours())
                    .is_ok_and(|opened| opened.plaintext == words)
            );
        }
        let cut = &sealed.as_bytes()[..sealed.len() - 300];
        assert_eq!(
            open(cut, &mut keys, &[], &Budget::ours()).unwrap_err().shut,
            Shut::Integrity
        );
    }

    #[test]
    fn a_letter_for_someone_else_stays_shut_for_want_of_a_key() {
        let (mut keys, _) = desk();
        let (_, others) = desk();
        let sealed = SealTo::new(&others).unwrap().seal(b"x").unwrap();
        assert_eq!(
            open(&sealed, &mut keys, &[], &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::NoKey
        );
    }

    #[test]
    fn a_letter_cut_off_anywhere_is_shut_and_ends_no_reader() {
        let (mut keys, certs) = desk();
        let sealed =
            armored_message(&SealTo::new(&certs).unwrap().seal(&[b'x'; 900]).unwrap()).unwrap();
        for cut in 0..sealed.len() {
            let opened = open(&sealed.as_bytes()[..cut], &mut keys, &[], &Budget::ours());
            assert!(
                opened.is_err() || opened.is_ok_and(|o| o.plaintext == [b'x'; 900]),
                "cut at {cut}"
            );
        }
    }

    /// Without a limit this takes minutes: Sequoia's grammar looks at every packet for each packet.
    #[test]
    fn a_message_of_a_million_packets_costs_no_time() {
        let (mut keys, certs) = desk();
        let signatures = [0xc2, 1, 0].repeat(1_000_000);
        assert!(verify::verify_message(&signatures, &certs, &Budget::ours()).is_none());
        let sealed = seal_packets(&certs, &signatures).unwrap();
        assert_eq!(
            open(&sealed, &mut keys, &certs, &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::Limit
        );
    }

    #[test]
    fn what_is_no_message_is_shut_and_does_not_panic() {
        let (mut keys, _) = desk();
        for garbage in [
            &b""[..],
            b"hello",
            b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----",
            &[0xff; 300],
        ] {
            assert!(open(garbage, &mut keys, &[], &Budget::ours()).is_err());
        }
    }
}
