//! Who holds the secret keys, and what do they do? Only the keyholder process makes one of these.

use super::certificate::{Certificate, certs};
use super::open::{SessionKey, SessionKeys};
use super::rsa::WithPrimes;
use super::{OpenPgpError, guarded, policy};
use sequoia_openpgp::crypto::{Decryptor, KeyPair, Password};
use sequoia_openpgp::packet::PKESK;
use sequoia_openpgp::packet::key::SecretKeyMaterial;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::stream::{Armorer, LiteralWriter, Message, Signer};
use sequoia_openpgp::types::{HashAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp::{Cert, armor};
use std::io::Write;

/// What a set of secret keys is for. Storage keys never open mail, and mail keys never open
/// storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Mail,
    Storage,
}

/// Unlocked secret keys. Retired and expired ones still open old letters; only live ones sign.
pub struct SecretKeys {
    certs: Vec<Cert>,
    decryptors: Vec<(Cert, Box<dyn Decryptor + Send + Sync>)>,
    purpose: Purpose,
}

impl std::fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SecretKeys({:?}, {} certificates)",
            self.purpose,
            self.certs.len()
        )
    }
}

impl SecretKeys {
    /// No key at all: every sealed letter stays shut.
    pub fn none(purpose: Purpose) -> Self {
        Self {
            certs: Vec::new(),
            decryptors: Vec::new(),
            purpose,
        }
    }

    /// Loads every secret key in a file, armored or binary, and unlocks each.
    pub fn load(
        octets: &[u8],
        purpose: Purpose,
        passphrase: Option<&[u8]>,
    ) -> Result<Self, OpenPgpError> {
        let mut unlocked = Vec::new();
        let mut decryptors = Vec::new();
        for cert in certs(octets)? {
            let cert = unlock(cert, passphrase)?;
            for key in cert.keys().unencrypted_secret() {
                let key = key.key().clone();
                if !key.pk_algo().for_encryption() {
                    continue;
                }
                let decryptor: Box<dyn Decryptor + Send + Sync> = match WithPrimes::of(&key) {
                    Some(with_primes) => Box::new(with_primes),
                    None => Box::new(
                        key.into_keypair()
                            .map_err(OpenPgpError::operation("loading a secret key"))?,
                    ),
                };
                decryptors.push((cert.clone(), decryptor));
            }
            unlocked.push(cert);
        }
        if !unlocked.iter().any(Cert::is_tsk) {
            return Err(OpenPgpError::Absent("secret key"));
        }
        Ok(Self {
            certs: unlocked,
            decryptors,
            purpose,
        })
    }

    /// Joins the keys of several files.
    pub fn and(mut self, other: Self) -> Self {
        self.certs.extend(other.certs);
        self.decryptors.extend(other.decryptors);
        self
    }

    /// The public halves, in the order of the files.
    pub fn public(&self) -> Vec<Certificate> {
        self.certs
            .iter()
            .map(|c| Certificate(c.clone().strip_secret_key_material()))
            .collect()
    }

    /// The first key that may sign now. A certificate's primary key comes before its subkeys, since
    /// some programs, Delta Chat among them, count no other signature. Where it only certifies, as
    /// in keys that earlier versions made, or is kept elsewhere, a subkey signs.
    pub(super) fn signer(&self) -> Result<KeyPair, OpenPgpError> {
        for cert in &self.certs {
            let keys = cert
                .keys()
                .with_policy(policy(), None)
                .supported()
                .alive()
                .revoked(false)
                .for_signing()
                .unencrypted_secret();
            for key in keys {
                if let Ok(pair) = key.key().clone().into_keypair() {
                    return Ok(pair);
                }
            }
        }
        let fingerprint = self
            .certs
            .first()
            .map_or_else(|| "?".to_owned(), |c| c.fingerprint().to_hex());
        Err(OpenPgpError::NoUsableKey(fingerprint, "signing"))
    }

    /// A detached, armored signature, and its micalg parameter (RFC 3156 section 5).
    pub fn sign_detached(&self, octets: &[u8]) -> Result<(String, &'static str), OpenPgpError> {
        let mut sink = Vec::new();
        let mut run = || -> sequoia_openpgp::Result<()> {
            let message = Armorer::new(Message::new(&mut sink))
                .kind(armor::Kind::Signature)
                .build()?;
            let signer = Signer::new(message, self.signer()?)?.hash_algo(HashAlgorithm::SHA512)?;
            let mut message = signer.detached().build()?;
            message.write_all(octets)?;
            message.finalize()
        };
        run().map_err(OpenPgpError::operation("signing"))?;
        Ok((String::from_utf8_lossy(&sink).into_owned(), "pgp-sha512"))
    }

    /// A signed OpenPGP message in binary packets, ready to be sealed as it is (RFC 9580 section
    /// 10.3).
    pub fn sign_message(&self, octets: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
        let mut sink = Vec::new();
        let mut run = || -> sequoia_openpgp::Result<()> {
            let signer = Signer::new(Message::new(&mut sink), self.signer()?)?
                .hash_algo(HashAlgorithm::SHA512)?;
            let mut message = LiteralWriter::new(signer.build()?).build()?;
            message.write_all(octets)?;
            message.finalize()
        };
        run().map_err(OpenPgpError::operation("signing"))?;
        Ok(sink)
    }
}

/// A text that anyone can read, under the signature of each of these (RFC 9580 section 7).
pub fn sign_cleartext(text: &str, signers: &[&SecretKeys]) -> Result<String, OpenPgpError> {
    let mut sink = Vec::new();
    let mut run = || -> sequoia_openpgp::Result<()> {
        let (first, others) = signers
            .split_first()
            .ok_or(OpenPgpError::Absent("secret key"))?;
        let mut signer = Signer::new(Message::new(&mut sink), first.signer()?)?
            .hash_algo(HashAlgorithm::SHA512)?;
        for other in others {
            signer = signer.add_signer(other.signer()?)?;
        }
        let mut message = signer.cleartext().build()?;
        message.write_all(text.as_bytes())?;
        message.finalize()
    };
    run().map_err(OpenPgpError::operation("signing"))?;
    Ok(String::from_utf8_lossy(&sink).into_owned())
}

impl SessionKeys for SecretKeys {
    /// Tries the keys that the PKESK names, or all of them for a hidden recipient (RFC 9580 section
    /// 5.1.8).
    fn session_key(&mut self, pkesk: &[u8], hint: Option<u8>) -> Option<SessionKey> {
        // Sequoia 2.4.2 takes octets out of what a PKESK decrypts to without asking how many there
        // are, so a sender who encrypts an empty session key makes it panic. Here that means: this
        // key does not open it.
        let pkesk = guarded(|| PKESK::from_bytes(pkesk).ok()).flatten()?;
        let hint = hint.map(SymmetricAlgorithm::from);
        let recipient = pkesk.recipient();
        for (cert, decryptor) in &mut self.decryptors {
            let named = match &recipient {
                Some(handle) => sequoia_openpgp::KeyHandle::from(decryptor.public().fingerprint())
                    .aliases(handle),
                None => decryptor.public().pk_algo() == pkesk.pk_algo(),
            };
            if !named {
                continue;
            }
            if let Some((algorithm, key)) =
                guarded(|| pkesk.decrypt(decryptor.as_mut(), hint)).flatten()
            {
                return Some(SessionKey {
                    algorithm: algorithm.map(u8::from),
                    octets: key.as_ref().to_vec(),
                    recipient: cert.fingerprint().to_hex(),
                });
            }
        }
        None
    }
}

fn unlock(cert: Cert, passphrase: Option<&[u8]>) -> Result<Cert, OpenPgpError> {
    let fingerprint = cert.fingerprint().to_hex();
    let mut unlocked = Vec::new();
    for key in cert.keys().secret() {
        let key = key.key().clone();
        // A stub for a secret that is elsewhere: offline, or on a card (GnuPG's
        // `--export-secret-subkeys`).
        let is_stub = matches!(key.secret(), SecretKeyMaterial::Encrypted(secret) if !secret.s2k().is_supported());
        if !key.secret().is_encrypted() || is_stub {
            continue;
        }
        let password =
            Password::from(passphrase.ok_or_else(|| OpenPgpError::Locked(fingerprint.clone()))?);
        let is_primary = key.fingerprint() == cert.fingerprint();
        let key = key
            .decrypt_secret(&password)
            .map_err(OpenPgpError::operation(
                "unlocking a secret key with the passphrase",
            ))?;
        unlocked.push(if is_primary {
            sequoia_openpgp::Packet::from(key.role_into_primary())
        } else {
            sequoia_openpgp::Packet::from(key.role_into_subordinate())
        });
    }
    if unlocked.is_empty() {
        return Ok(cert);
    }
    let (cert, _) = cert
        .insert_packets(unlocked)
        .map_err(OpenPgpError::operation("unlocking a secret key"))?;
    Ok(cert)
}

#[cfg(test)]
mod tests {
    use super::super::{Profile, certificates, generate, verify_detached};
    use super::*;

    #[test]
    fn a_signature_of_ours_verifies_and_speaks_of_these_octets_alone() {
        let key = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        let keys = SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
        let (signature, micalg) = keys.sign_detached(b"hello\r\n").unwrap();
        assert_eq!(micalg, "pgp-sha512");
        let certs = certificates(key.public_armored.as_bytes()).unwrap();
        let good = verify_detached(
            signature.as_bytes(),
            b"hello\r\n",
            &certs,
            &crate::model::budget::Budget::ours(),
        );
        assert!(
            matches!(good.as_slice(), [super::super::SignatureFound::Good { .. }]),
            "{good:?}"
        );
        let bad = verify_detached(
            signature.as_bytes(),
            b"hello!\r\n",
            &certs,
            &crate::model::budget::Budget::ours(),
        );
        assert!(
            matches!(bad.as_slice(), [super::super::SignatureFound::Bad { .. }]),
            "{bad:?}"
        );
    }

    #[test]
    fn a_key_whose_primary_is_kept_offline_opens_and_signs_by_its_subkeys() {
        let home = tempfile::tempdir().unwrap();
        let gpg = |arguments: &[&str]| {
            let output = std::process::Command::new("gpg")
                .arg("--homedir")
                .arg(home.path())
                .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""])
                .args(arguments)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            output.stdout
        };
        gpg(&[
            "--quick-generate-key",
            "security@desk.example",
            "ed25519",
            "cert",
            "never",
        ]);
        let listed = String::from_utf8(gpg(&["--with-colons", "--list-keys"])).unwrap();
        let primary = listed
            .lines()
            .find_map(|line| line.strip_prefix("fpr:::::::::"))
            .unwrap()
            .trim_end_matches(':')
            .to_owned();
        gpg(&["--quick-add-key", &primary, "cv25519", "encr", "never"]);
        gpg(&["--quick-add-key", &primary, "ed25519", "sign", "never"]);
        let subkeys = gpg(&["--armor", "--export-secret-subkeys", &primary]);
        let mut keys = SecretKeys::load(&subkeys, Purpose::Mail, None).unwrap();
        let public = keys.public();
        let (signature, _) = keys.sign_detached(b"hello").unwrap();
        assert!(matches!(
            verify_detached(
                signature.as_bytes(),
                b"hello",
                &public,
                &crate::model::budget::Budget::ours()
            )[..],
            [super::super::SignatureFound::Good { .. }]
        ));
        let sealed = super::super::SealTo::new(&public)
            .unwrap()
            .seal(b"a report")
            .unwrap();
        let opened = super::super::open(
            &sealed,
            &mut keys,
            &[],
            &crate::model::budget::Budget::ours(),
        )
        .unwrap();
        assert_eq!(opened.plaintext, b"a report");
    }

    /// Sequoia 2.4.2 panics on a session key that is shorter than its checksum: whoever holds the
    /// keys must not.
    #[test]
    fn a_session_key_of_too_few_octets_opens_nothing_and_ends_nobody() {
        use sequoia_openpgp::crypto::SessionKey;
        use sequoia_openpgp::packet::pkesk::PKESK3;
        use sequoia_openpgp::serialize::MarshalInto;
        std::panic::set_hook(Box::new(|_| {}));
        for profile in [Profile::V4, Profile::Rfc9580] {
            let key = generate("security@desk.example", "Desk", profile).unwrap();
            let mut keys =
                SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
            let public = certificates(key.public_armored.as_bytes()).unwrap();
            let encrypting = public[0]
                .0
                .keys()
                .with_policy(policy(), None)
                .for_transport_encryption()
                .next()
                .unwrap()
                .key()
                .clone();
            for octets in 0..8 {
                let Ok(esk) = encrypting.encrypt(&SessionKey::from(vec![7; octets])) else {
                    continue;
                };
                let pkesk =
                    PKESK3::new(Some(encrypting.keyid()), encrypting.pk_algo(), esk).unwrap();
                let body = MarshalInto::to_vec(&PKESK::from(pkesk)).unwrap();
                assert!(
                    keys.session_key(&body, None).is_none()
                        && keys.session_key(&body, Some(9)).is_none(),
                    "{octets}"
                );
            }
            for n in 0..500u32 {
                let noise: Vec<u8> = (0..60)
                    .map(|i| (n.wrapping_mul(2_654_435_761).rotate_left(i) >> 7) as u8)
                    .collect();
                let _ = keys.session_key(&noise, None);
            }
        }
        let _ = std::panic::take_hook();
    }

    #[test]
    fn a_locked_key_says_what_to_set() {
        let key = super::super::generate_storage("x").unwrap();
        let cert = certs(key.secret_armored.expose()).unwrap().remove(0);
        let primary = cert
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .unwrap()
            .encrypt_secret(&"pw".into())
            .unwrap();
        let locked = cert
            .insert_packets(vec![sequoia_openpgp::Packet::from(primary)])
            .unwrap()
            .0;
        let octets = sequoia_openpgp::serialize::SerializeInto::to_vec(&locked.as_tsk()).unwrap();
        let refused = SecretKeys::load(&octets, Purpose::Mail, None).unwrap_err();
        assert!(
            refused.to_string().contains("opener.passphrase_file"),
            "{refused}"
        );
        assert!(SecretKeys::load(&octets, Purpose::Mail, Some(b"pw")).is_ok());
    }
}
