//! How does CMS (S/MIME) become proven plaintext, and who signed it?
//!
//! Octets in, verdicts out: nothing here asks a network, a file or a clock. Three rules shape it.
//! Secret keys must not meet parsers, so [`open()`] asks for content keys through [`ContentKeys`],
//! in questions that hold numbers and octets and no ASN.1. What CBC encrypts is proven by nothing
//! (EFAIL), and [`Opened::integrity`] says so. And a certificate is believed for its chain to a
//! configured root, or because it was pinned, at the moment when the letter arrived: no list of
//! revoked certificates is fetched for a letter, because its sender would see the request.

mod adopt;
mod algorithm;
mod answer;
mod certificate;
mod keys;
mod open;
mod question;
mod recipients;
mod structure;
mod trust;
mod verify;

pub use adopt::{AdoptedPair, adopt, is_packed, is_private};
pub use answer::{SealedForm, seal, sign};
pub use certificate::{Certificate, certificates, is_certificate};
pub use keys::{OwnPair, SmimeKeys};
pub use open::{Opened, Unopened, open};
pub use question::{ContentKey, ContentKeys, Digest, KeyQuestion, KeyWay, RecipientName};
pub use structure::{Content, Enveloped, Message, MessageKind, Signed, kind_of, read};
pub use trust::{Trust, Untrusted};
pub use verify::{SignerFound, verify};

/// What could not be done with S/MIME material. The cause is in `source`, never in the text.
#[derive(Debug, thiserror::Error)]
pub enum SmimeError {
    #[error("no certificate (X.509) could be read")]
    NotACertificate(#[source] openssl::error::ErrorStack),
    #[error("the file holds no {0}")]
    Absent(&'static str),
    #[error(
        "the PKCS#12 file does not open: its password is wrong, or was not given \
         (--passphrase-file)"
    )]
    WrongPassword(#[source] openssl::error::ErrorStack),
    #[error(
        "the PKCS#12 file is encrypted with RC2 or another cipher that is out of use: convert it \
         with `openssl pkcs12 -legacy -in FILE -nodes -out new.pem`, and adopt new.pem"
    )]
    OldCipher(#[source] openssl::error::ErrorStack),
    #[error(
        "a private key is protected by a passphrase that was not given or is wrong: give it with \
         --passphrase-file, or set opener.passphrase_file"
    )]
    Locked(#[source] openssl::error::ErrorStack),
    #[error("no certificate in the files belongs to a private key in them")]
    NoPair,
    #[error("certificate {0} cannot be used for {1}")]
    NotUsable(String, &'static str),
    #[error("S/MIME operation failed: {0}")]
    Operation(&'static str, #[source] openssl::error::ErrorStack),
}

impl SmimeError {
    fn operation(what: &'static str) -> impl FnOnce(openssl::error::ErrorStack) -> Self {
        move |err| Self::Operation(what, err)
    }
}

/// Runs a library on a stranger's octets: where it panics, that costs the letter its content, and
/// not its reader.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}

/// Loads every lazy part of the library, so that nothing needs a file once a jail is shut.
pub fn warm_up() {
    openssl::init();
    let _ = openssl::symm::encrypt(
        openssl::symm::Cipher::aes_256_cbc(),
        &[0; 32],
        Some(&[0; 16]),
        b"warm-up",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::budget::Budget;
    use crate::model::reading::{Integrity, TrustAnchor};
    use base64::Engine as _;

    /// The keys of the desk in the letters of `tests/mail/smime`: RSA, P-256 and X25519.
    pub fn desk() -> SmimeKeys {
        let pem = include_bytes!("../../tests/mail/keys/smime-desk.pem");
        SmimeKeys::load(pem, None).unwrap()
    }

    /// The CMS message of a letter in `tests/mail`, which is its last base64 part.
    fn message(letter: &str) -> Vec<u8> {
        let path = format!("{}/tests/mail/{letter}.eml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let (_, body) = text.rsplit_once("Transfer-Encoding: base64").unwrap();
        let (_, body) = body.split_once("\n\n").unwrap();
        let lines = body.lines().take_while(|line| !line.starts_with("--"));
        let digits: String = lines.collect();
        base64::engine::general_purpose::STANDARD
            .decode(digits)
            .unwrap()
    }

    fn trust() -> Trust {
        let root = include_str!("../../tests/mail/keys/smime-root.pem").to_owned();
        Trust::new(&[root], Vec::new(), "2026-11-22T12:00:00Z".parse().ok())
    }

    fn opened(octets: &[u8]) -> Option<Opened> {
        let message = read(octets).ok()?;
        let Ok(Content::Enveloped(enveloped)) = message.content() else {
            return None;
        };
        open(&enveloped, &mut desk(), &Budget::ours()).ok()
    }

    fn believed(octets: &[u8]) -> Option<(Vec<u8>, Vec<SignerFound>)> {
        let message = read(octets).ok()?;
        let Ok(Content::Signed(signed)) = message.content() else {
            return None;
        };
        let content = signed.content?.to_vec();
        let found = verify(&signed, &content, &trust(), &Budget::ours());
        Some((content, found))
    }

    /// Every octet but those of the ciphertext, where one in a few stands for all.
    fn places(octets: &[u8]) -> impl Iterator<Item = usize> {
        let length = octets.len();
        (0..length).filter(move |at| *at < 700 || *at > length - 40 || at % 61 == 0)
    }

    #[test]
    fn no_changed_octet_of_an_authenticated_message_shows_another_plaintext() {
        let octets = message("smime/gcm");
        let plaintext = opened(&octets).unwrap().plaintext;
        for at in places(&octets) {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            if let Some(opened) = opened(&changed) {
                // AES-GCM as AES-CBC would be another matter: nothing says that it is proven.
                assert_eq!(opened.integrity, Integrity::Aead, "octet {at}");
                assert_eq!(opened.plaintext, plaintext, "octet {at}");
            }
        }
    }

    #[test]
    fn no_changed_octet_of_a_signed_message_is_believed_with_another_content() {
        let octets = message("smime/opaque");
        let (content, found) = believed(&octets).unwrap();
        let root = TrustAnchor::Root {
            name: "O=Example, CN=Example Root".to_owned(),
        };
        assert!(
            matches!(&found[..], [SignerFound::Good { anchor, .. }] if *anchor == root),
            "{found:?}"
        );
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            let Some((shown, found)) = believed(&changed) else {
                continue;
            };
            let is_good = found.iter().any(|f| matches!(f, SignerFound::Good { .. }));
            assert!(!is_good || shown == content, "octet {at}");
        }
    }

    #[test]
    fn a_message_that_is_cut_anywhere_is_damaged_and_harms_nobody() {
        for letter in [
            "smime/stream",
            "smime/opaque",
            "smime/ecdh",
            "smime/password",
        ] {
            let octets = message(letter);
            for end in (0..octets.len()).step_by(7) {
                assert!(opened(&octets[..end]).is_none(), "{letter} {end}");
                assert!(believed(&octets[..end]).is_none(), "{letter} {end}");
            }
        }
    }

    #[test]
    fn whoever_announces_aes_gcm_is_answered_in_it() {
        let path = format!("{}/tests/mail/smime", env!("CARGO_MANIFEST_DIR"));
        for (letter, announces) in [("ed25519", true), ("signed", false), ("ecdsa", false)] {
            let text = std::fs::read_to_string(format!("{path}/{letter}.eml")).unwrap();
            let content = text.split("--s1\n").nth(1).unwrap();
            let content = content.strip_suffix('\n').unwrap().replace('\n', "\r\n");
            let octets = message(&format!("smime/{letter}"));
            let message = read(&octets).unwrap();
            let Ok(Content::Signed(signed)) = message.content() else {
                panic!()
            };
            let found = verify(&signed, content.as_bytes(), &trust(), &Budget::ours());
            let [SignerFound::Good { certificate, .. }] = &found[..] else {
                panic!("{letter}: {found:?}")
            };
            assert_eq!(certificate.takes_gcm, announces, "{letter}");
        }
    }

    #[test]
    fn letters_are_sealed_to_curves_too_and_to_nothing_that_may_only_sign() {
        let at = "2026-11-22T12:00:00Z".parse().unwrap();
        for (n, own) in desk().public().into_iter().enumerate() {
            assert!(own.can_encrypt(at), "{}", own.algorithms());
            let sealed = seal(&own.pem(), b"Content-Type: text/plain\r\n\r\nx\r\n", at);
            if n == 2 {
                // OpenSSL's CMS opens with X25519 and does not seal to it. It signs nothing, so that
                // no reporter's certificate holds it.
                assert_eq!(own.algorithms(), "X25519");
                assert!(sealed.is_err());
                continue;
            }
            let opened = opened(&sealed.unwrap().octets).unwrap();
            assert!(opened.plaintext.ends_with(b"x\r\n"), "{}", own.algorithms());
        }
        let alice = include_bytes!("../../tests/mail/keys/rfc9216-alice.pem");
        assert!(!certificates(alice).unwrap()[0].can_encrypt(at));
    }

    #[test]
    fn time_is_an_argument() {
        let octets = message("smime/opaque");
        let message = read(&octets).unwrap();
        let Ok(Content::Signed(signed)) = message.content() else {
            panic!()
        };
        let root = include_str!("../../tests/mail/keys/smime-root.pem").to_owned();
        for (at, why) in [
            (Some("2025-11-22T12:00:00Z"), Untrusted::OutOfTime),
            (Some("2060-11-22T12:00:00Z"), Untrusted::OutOfTime),
            (None, Untrusted::NoTime),
        ] {
            let at = at.and_then(|at| at.parse().ok());
            let trust = Trust::new(std::slice::from_ref(&root), Vec::new(), at);
            let content = signed.content.unwrap();
            let found = verify(&signed, content, &trust, &Budget::ours());
            assert!(
                matches!(&found[..], [SignerFound::Untrusted { why: found, .. }] if *found == why),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_we_sign_and_seal_opens_and_is_believed() {
        let keys = desk();
        let at = "2026-11-22T12:00:00Z".parse().unwrap();
        let entity = b"Content-Type: text/plain\r\n\r\nThank you.\r\n";
        let (signature, micalg) = sign(&keys, entity, at).unwrap();
        assert_eq!(micalg, "sha-256");
        let message = read(&signature).unwrap();
        let Ok(Content::Signed(signed)) = message.content() else {
            panic!()
        };
        let found = verify(&signed, entity, &trust(), &Budget::ours());
        let [SignerFound::Good { certificate, .. }] = &found[..] else {
            panic!("{found:?}")
        };
        assert!(certificate.is_of("security@desk.example"));
        let rows = [
            (false, "enveloped-data", Integrity::Unproven),
            (true, "authEnveloped-data", Integrity::Aead),
        ];
        for (takes_gcm, smime_type, integrity) in rows {
            let to = Certificate {
                takes_gcm,
                ..keys.public()[0].clone()
            };
            assert_eq!(
                certificates(to.pem().as_bytes()).unwrap()[0].takes_gcm,
                takes_gcm
            );
            let sealed = seal(&to.pem(), entity, at).unwrap();
            assert_eq!(sealed.smime_type, smime_type);
            let opened = opened(&sealed.octets).unwrap();
            assert_eq!(
                (opened.plaintext.as_slice(), opened.integrity),
                (&entity[..], integrity)
            );
        }
        let late = "2060-01-01T00:00:00Z".parse().unwrap();
        assert!(sign(&keys, entity, late).is_err());
        assert!(seal(&keys.public()[0].pem(), entity, late).is_err());
    }
}
