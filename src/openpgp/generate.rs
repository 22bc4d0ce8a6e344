//! How is a key made, and how is an existing one taken over?

use super::certificate::{Certificate, certs};
use super::preferences::{self, PreferenceChanges};
use super::{OpenPgpError, policy};
use crate::model::secret::Secret;
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::crypto::Password;
use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::packet::key::SecretKeyMaterial;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{Features, KeyFlags, SignatureType};
use sequoia_openpgp::{Cert, Packet, Result};
use std::time::Duration;

/// A key lives three years: long enough to forget, so `check` warns before it ends.
const VALIDITY: Duration = Duration::from_secs(3 * 365 * 24 * 3600);

/// The kinds of certificate that `key new` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Version 4 with Ed25519 and Curve25519, which every program reads.
    V4,
    /// Version 6 (RFC 9580), opened with AEAD.
    Rfc9580,
    /// Version 6 with ML-KEM-768+X25519 and ML-DSA-65+Ed25519 (RFC 9980).
    Pqc,
}

/// A new key, armored.
#[derive(Debug)]
pub struct GeneratedKey {
    pub secret_armored: Secret,
    pub public_armored: String,
    pub fingerprint: String,
}

/// A key that was taken over, and what it asks of senders from now on.
#[derive(Debug)]
pub struct AdoptedKey {
    pub key: GeneratedKey,
    pub changes: PreferenceChanges,
}

/// Makes a certificate for `name <address>` whose primary key certifies and signs, with an
/// encryption subkey.
pub fn generate(
    address: &str,
    name: &str,
    profile: Profile,
) -> std::result::Result<GeneratedKey, OpenPgpError> {
    let id = UserID::from_address(name, None, address)
        .map_err(OpenPgpError::operation("naming a key"))?;
    generate_for(vec![id], profile)
}

/// Makes a certificate that takes the place of this one, under the same user IDs.
pub fn successor(
    of: &Certificate,
    profile: Profile,
) -> std::result::Result<GeneratedKey, OpenPgpError> {
    let valid =
        of.0.with_policy(policy(), None)
            .map_err(OpenPgpError::operation("reading the key that is replaced"))?;
    generate_for(
        valid
            .userids()
            .revoked(false)
            .map(|id| id.userid().clone())
            .collect(),
        profile,
    )
}

fn generate_for(
    ids: Vec<UserID>,
    profile: Profile,
) -> std::result::Result<GeneratedKey, OpenPgpError> {
    let suite = if profile == Profile::Pqc {
        CipherSuite::MLDSA65_Ed25519
    } else {
        CipherSuite::Cv25519
    };
    let run = || -> Result<Cert> {
        let mut builder = CertBuilder::new()
            .set_profile(if profile == Profile::V4 {
                sequoia_openpgp::Profile::RFC4880
            } else {
                sequoia_openpgp::Profile::RFC9580
            })?
            .set_cipher_suite(suite)
            .set_validity_period(VALIDITY)
            // Some programs, Delta Chat among them, count no signature but the primary key's.
            .set_primary_key_flags(KeyFlags::empty().set_certification().set_signing())
            .add_subkey(
                KeyFlags::empty()
                    .set_transport_encryption()
                    .set_storage_encryption(),
                None,
                None,
            );
        for id in ids {
            builder = builder.add_userid(id);
        }
        if profile == Profile::V4 {
            // Advertise what GnuPG and all else can write; a v4 key that asks for SEIPDv2 shuts out
            // old programs.
            builder = builder.set_features(Features::empty().set_seipdv1())?;
        }
        Ok(builder.generate()?.0)
    };
    armored(&run().map_err(OpenPgpError::operation("making a key"))?)
}

/// Makes the storage key: it seals what rests in the store and never leaves the keyholder. It does
/// not expire.
pub fn generate_storage(name: &str) -> std::result::Result<GeneratedKey, OpenPgpError> {
    let run = || -> Result<Cert> {
        let builder = CertBuilder::new()
            .set_cipher_suite(CipherSuite::Cv25519)
            .set_features(Features::empty().set_seipdv1())?
            .add_userid(UserID::from(name))
            .add_subkey(
                KeyFlags::empty()
                    .set_transport_encryption()
                    .set_storage_encryption(),
                None,
                None,
            );
        Ok(builder.generate()?.0)
    };
    armored(&run().map_err(OpenPgpError::operation("making the storage key"))?)
}

/// Takes over an existing key: unlocks it, and re-issues its self-signatures so that they ask for
/// what the desk opens, and for AES. Whoever writes to it must fetch the new certificate.
pub fn adopt(
    octets: &[u8],
    passphrase: Option<&[u8]>,
) -> std::result::Result<AdoptedKey, OpenPgpError> {
    let cert = certs(octets)?
        .into_iter()
        .find(Cert::is_tsk)
        .ok_or(OpenPgpError::Absent("secret key"))?;
    let fingerprint = cert.fingerprint().to_hex();
    let is_stub = |secret: &SecretKeyMaterial| matches!(secret, SecretKeyMaterial::Encrypted(sealed) if !sealed.s2k().is_supported());
    if cert
        .primary_key()
        .key()
        .optional_secret()
        .is_none_or(is_stub)
    {
        return Err(OpenPgpError::Absent(
            "secret part of the primary key, which re-issues signatures: adopt it where that \
             lies; a key without it is used as it is",
        ));
    }
    let password = passphrase.map(Password::from);
    let mut open = Vec::new();
    for key in cert.keys().secret() {
        let mut secret = key.key().clone();
        if secret.secret().is_encrypted() {
            let password = password
                .as_ref()
                .ok_or_else(|| OpenPgpError::Locked(fingerprint.clone()))?;
            secret = secret
                .decrypt_secret(password)
                .map_err(OpenPgpError::operation(
                    "unlocking a secret key with the passphrase",
                ))?;
        }
        let is_primary = secret.fingerprint() == cert.fingerprint();
        open.push(if is_primary {
            Packet::from(secret.role_into_primary())
        } else {
            Packet::from(secret.role_into_subordinate())
        });
    }
    let mut changes = PreferenceChanges::default();
    let run = || -> Result<Cert> {
        let cert = cert.insert_packets(open)?.0;
        let reissued = reissue(&cert, &mut changes)?;
        Ok(cert.insert_packets(reissued)?.0)
    };
    let adopted = run().map_err(OpenPgpError::operation("re-issuing self-signatures"))?;
    let key = armored(&adopted)?;
    Ok(AdoptedKey { key, changes })
}

fn reissue(cert: &Cert, changes: &mut PreferenceChanges) -> Result<Vec<Packet>> {
    let valid = cert.with_policy(policy(), None)?;
    let primary = valid.primary_key().key();
    let mut signer = primary.clone().parts_into_secret()?.into_keypair()?;
    let mut packets = Vec::new();
    if let Ok(direct) = valid.direct_key_signature()
        && direct.typ() == SignatureType::DirectKey
    {
        packets.push(
            preferences::mend(direct.clone().into(), changes)?
                .sign_direct_key(&mut signer, None)?
                .into(),
        );
    }
    for id in valid.userids().revoked(false) {
        let signature = preferences::mend(id.binding_signature().clone().into(), changes)?;
        packets.push(
            signature
                .sign_userid_binding(&mut signer, primary, id.userid())?
                .into(),
        );
    }
    Ok(packets)
}

fn armored(cert: &Cert) -> std::result::Result<GeneratedKey, OpenPgpError> {
    let secret = cert
        .as_tsk()
        .armored()
        .to_vec()
        .map_err(OpenPgpError::operation("writing a secret key"))?;
    let public = Certificate(cert.clone().strip_secret_key_material()).armored()?;
    Ok(GeneratedKey {
        secret_armored: Secret::new(secret),
        public_armored: public,
        fingerprint: cert.fingerprint().to_hex(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Purpose, SecretKeys, certificates, open, seal_packets};
    use super::*;
    use crate::model::budget::Budget;
    use crate::model::reading::Integrity;

    #[test]
    fn every_profile_makes_a_key_that_opens_its_letters() {
        for (profile, version, integrity) in [
            (Profile::V4, 4, Integrity::Mdc),
            (Profile::Rfc9580, 6, Integrity::Aead),
            (Profile::Pqc, 6, Integrity::Aead),
        ] {
            let key = generate("security@desk.example", "Desk", profile).unwrap();
            let certs = certificates(key.public_armored.as_bytes()).unwrap();
            assert_eq!(certs[0].version(), version);
            assert!(certs[0].is_of("Security@Desk.example"));
            let mut keys =
                SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
            let sealed = seal_packets(&certs, &keys.sign_message(b"x").unwrap()).unwrap();
            assert_eq!(
                open(&sealed, &mut keys, &certs, &Budget::ours())
                    .unwrap()
                    .integrity,
                integrity,
                "{profile:?}"
            );
        }
    }

    #[test]
    fn the_primary_key_of_a_new_key_certifies_and_signs() {
        for profile in [Profile::V4, Profile::Rfc9580, Profile::Pqc] {
            let key = generate("security@desk.example", "Desk", profile).unwrap();
            let cert = certs(key.secret_armored.expose()).unwrap().remove(0);
            let valid = cert.with_policy(policy(), None).unwrap();
            let primary = valid.primary_key();
            assert!(primary.for_certification() && primary.for_signing());
            let subkeys = valid.keys().subkeys();
            assert_eq!(subkeys.for_signing().count(), 0, "{profile:?}");
            let keys = SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
            let signer = keys.signer().unwrap();
            assert_eq!(signer.public().fingerprint(), cert.fingerprint());
            assert!(Certificate(cert).expires().is_some());
        }
    }

    #[test]
    fn gnupg_lists_the_primary_key_of_a_new_key_as_sc_and_its_subkey_as_e() {
        use std::process::{Command, Stdio};
        let home = tempfile::tempdir().unwrap();
        let key = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        let mut gpg = Command::new("gpg")
            .arg("--homedir")
            .arg(home.path())
            .args(["--batch", "--with-colons", "--show-keys"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = gpg.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, key.public_armored.as_bytes()).unwrap();
        drop(stdin);
        let listed = gpg.wait_with_output().unwrap().stdout;
        let listed = String::from_utf8_lossy(&listed);
        // Field 12: its own capabilities in small letters, those of the whole key in capitals.
        let capabilities: Vec<(&str, &str)> = listed
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .filter(|fields| matches!(fields[0], "pub" | "sub"))
            .map(|fields| (fields[0], fields[11]))
            .collect();
        assert_eq!(capabilities, [("pub", "scESC"), ("sub", "e")], "{listed}");
    }

    #[test]
    fn an_older_key_signs_by_its_subkey_and_its_successor_by_the_primary_key() {
        let id = "Desk <security@desk.example>";
        let builder = CertBuilder::new()
            .set_validity_period(VALIDITY)
            .add_userid(id)
            .add_signing_subkey()
            .add_transport_encryption_subkey();
        let (cert, _) = builder.generate().unwrap();
        let keys = SecretKeys::load(&cert.as_tsk().to_vec().unwrap(), Purpose::Mail, None).unwrap();
        let signer = keys.signer().unwrap().public().fingerprint();
        assert_ne!(signer, cert.fingerprint());
        let old = Certificate(cert.strip_secret_key_material());
        let minimal = old.minimal().unwrap();
        let in_minimal = minimal
            .0
            .keys()
            .any(|key| key.key().fingerprint() == signer);
        assert!(in_minimal && old.expires().is_some());
        let new = successor(&old, Profile::V4).unwrap();
        let new_keys = SecretKeys::load(new.secret_armored.expose(), Purpose::Mail, None).unwrap();
        let statement = super::super::sign_cleartext("moved\n", &[&keys, &new_keys]).unwrap();
        let both = [old, new_keys.public().remove(0)];
        let verified =
            super::super::verify_message(statement.as_bytes(), &both, &Budget::ours()).unwrap();
        let good = |found: &super::super::SignatureFound| {
            matches!(found, super::super::SignatureFound::Good { .. })
        };
        assert!(verified.1.len() == 2 && verified.1.iter().all(good));
    }

    #[test]
    fn post_quantum_keys_of_every_strength_open_their_letters() {
        for suite in [CipherSuite::MLDSA65_Ed25519, CipherSuite::MLDSA87_Ed448] {
            let builder = CertBuilder::new()
                .set_profile(sequoia_openpgp::Profile::RFC9580)
                .unwrap()
                .set_cipher_suite(suite);
            let (cert, _) = builder
                .add_userid("Desk <security@desk.example>")
                .add_signing_subkey()
                .add_transport_encryption_subkey()
                .generate()
                .unwrap();
            let certs = vec![Certificate(cert.clone().strip_secret_key_material())];
            let mut keys =
                SecretKeys::load(&cert.as_tsk().to_vec().unwrap(), Purpose::Mail, None).unwrap();
            let sealed = seal_packets(&certs, &keys.sign_message(b"x").unwrap()).unwrap();
            let opened = open(&sealed, &mut keys, &certs, &Budget::ours()).unwrap();
            assert!(
                matches!(
                    opened.signatures[..],
                    [super::super::SignatureFound::Good { .. }]
                ),
                "{:?}",
                opened.signatures
            );
            assert!(
                certs[0].algorithms().contains("ML-KEM"),
                "{}",
                certs[0].algorithms()
            );
        }
    }

    #[test]
    fn an_adopted_key_invites_no_packet_that_we_refuse_and_still_opens_its_letters() {
        // As GnuPG 2.3 and later make it: with the feature flag for packet type 20, and a
        // passphrase.
        let built = CertBuilder::new()
            .set_features(Features::empty().set_seipdv1().set(1))
            .and_then(|b| {
                b.add_userid("Desk <security@desk.example>")
                    .add_signing_subkey()
                    .add_transport_encryption_subkey()
                    .set_password(Some("pw".into()))
                    .generate()
            });
        let octets = built.unwrap().0.as_tsk().to_vec().unwrap();
        assert!(certificates(&octets).unwrap()[0].invites_gnupg_ocb());
        assert!(
            adopt(&octets, None)
                .unwrap_err()
                .to_string()
                .contains("passphrase")
        );
        std::thread::sleep(std::time::Duration::from_millis(1100)); // a newer self-signature replaces an older one
        let AdoptedKey { key, changes } = adopt(&octets, Some(b"pw")).unwrap();
        assert_eq!(changes.dropped, ["GnuPG's packet type 20"]);
        let certs = certificates(key.public_armored.as_bytes()).unwrap();
        assert!(!certs[0].invites_gnupg_ocb());
        let mut keys = SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap();
        let sealed = seal_packets(&certs, &keys.sign_message(b"x").unwrap()).unwrap();
        assert_eq!(
            open(&sealed, &mut keys, &certs, &Budget::ours())
                .unwrap()
                .plaintext,
            b"x"
        );
    }

    #[test]
    fn a_v4_certificate_fits_into_a_mail_header() {
        let key = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        let certs = certificates(key.public_armored.as_bytes()).unwrap();
        assert!(certs[0].minimal().unwrap().binary().unwrap().len() < 10 * 1024);
        assert!(!certs[0].invites_gnupg_ocb());
    }
}
