//! What does a certificate ask of its senders, and what of that can't we serve?
//!
//! Its self-signatures list ciphers, hashes, compressions and containers (RFC 9580 section
//! 5.2.3.14 and those after it), and programs follow them. A cipher that we can't open keeps
//! letters shut; where none is listed, programs fall back on what all of them knew in 1998.

use super::certificate::Certificate;
use super::{cipher, policy};
use sequoia_openpgp::Result;
use sequoia_openpgp::cert::ValidCert;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::SubpacketTag;
use sequoia_openpgp::types::{
    AEADAlgorithm, CompressionAlgorithm, Features, HashAlgorithm, SymmetricAlgorithm,
};
use std::borrow::Cow;

/// Bits of the features by which GnuPG 2.3 and later send packet type 20: OCB, and keys of version
/// 5.
const GNUPG_FEATURES: [usize; 2] = [1, 2];

/// Something in a certificate that keeps letters to it from being opened, here or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwantedPreference {
    #[error(
        "it invites GnuPG 2.3 and later to send packet type 20, which the desk opens and few \
         other programs do"
    )]
    GnupgContainer,
    /// Their names.
    #[error("it asks for {}, and letters in these ciphers stay shut", .0.join(", "))]
    UnsupportedCiphers(Vec<Cow<'static, str>>),
    #[error("it does not ask for AES, so some programs send 3DES or CAST5 to it")]
    NoAes,
}

/// What adopting a key changed in what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferenceChanges {
    /// What is asked for no more, by name, in the order in which it was found.
    pub dropped: Vec<Cow<'static, str>>,
    /// AES was not asked for, and is now.
    pub added_aes: bool,
}

impl PreferenceChanges {
    fn drop(&mut self, name: Cow<'static, str>) {
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    /// The preferences that may stay, or `otherwise` where none may. The others are noted.
    fn keep<T: Copy>(
        &mut self,
        preferences: &[T],
        otherwise: &[T],
        may_stay: impl Fn(T) -> bool,
        name: impl Fn(T) -> Cow<'static, str>,
    ) -> Vec<T> {
        let (kept, dropped): (Vec<T>, Vec<T>) =
            preferences.iter().copied().partition(|one| may_stay(*one));
        dropped.into_iter().for_each(|one| self.drop(name(one)));
        if kept.is_empty() {
            otherwise.to_vec()
        } else {
            kept
        }
    }
}

impl Certificate {
    /// What it asks for and should not, or does not ask for and should.
    pub fn unwanted_preferences(&self) -> Vec<UnwantedPreference> {
        let Ok(valid) = self.0.with_policy(policy(), None) else {
            return Vec::new();
        };
        let mut unwanted = Vec::new();
        if self.invites_gnupg_ocb() {
            unwanted.push(UnwantedPreference::GnupgContainer);
        }
        let mut unsupported: Vec<Cow<'static, str>> = Vec::new();
        let mut lacks_aes = false;
        for signature in carriers(&valid) {
            let ciphers = signature.preferred_symmetric_algorithms().unwrap_or(&[]);
            let shut = ciphers.iter().filter(|one| !one.is_supported());
            unsupported.extend(shut.map(|one| cipher::name(*one)));
            lacks_aes |= !ciphers.iter().copied().any(cipher::is_wanted);
        }
        unsupported.sort();
        unsupported.dedup();
        if !unsupported.is_empty() {
            unwanted.push(UnwantedPreference::UnsupportedCiphers(unsupported));
        }
        if lacks_aes {
            unwanted.push(UnwantedPreference::NoAes);
        }
        unwanted
    }

    /// Whether it tells GnuPG 2.3 and later to send packet type 20, which few other programs open.
    pub(super) fn invites_gnupg_ocb(&self) -> bool {
        use sequoia_openpgp::cert::Preferences;
        let valid = self.0.with_policy(policy(), None);
        valid.is_ok_and(|valid| {
            valid
                .features()
                .is_some_and(|features| features.get(GNUPG_FEATURES[0]))
        })
    }
}

/// The self-signatures in which programs look for preferences: of a version 4 certificate at each
/// user ID, since GnuPG looks nowhere else; of a later one at the key itself (RFC 9580 section
/// 5.2.3.10).
fn carriers<'a>(valid: &ValidCert<'a>) -> Vec<&'a Signature> {
    let mut carriers = Vec::new();
    if valid.primary_key().key().version() <= 4 {
        let ids = valid.userids().revoked(false);
        carriers.extend(ids.map(|id| id.binding_signature()));
    }
    if carriers.is_empty() {
        carriers.extend(valid.direct_key_signature().ok());
    }
    carriers
}

/// A self-signature that asks only for what we can serve, and for AES. No list in it becomes empty:
/// that would ask for nothing, and programs read it in different ways.
pub(super) fn mend(
    mut builder: SignatureBuilder,
    changes: &mut PreferenceChanges,
) -> Result<SignatureBuilder> {
    let ciphers = builder.preferred_symmetric_algorithms().unwrap_or(&[]);
    changes.added_aes |= !ciphers.iter().copied().any(cipher::is_wanted);
    let aes = [SymmetricAlgorithm::AES256, SymmetricAlgorithm::AES128];
    let kept = changes.keep(ciphers, &aes, cipher::is_wanted, cipher::name);
    builder = builder.set_preferred_symmetric_algorithms(kept)?;
    if let Some(hashes) = builder.preferred_hash_algorithms() {
        let sha2 = [HashAlgorithm::SHA512, HashAlgorithm::SHA256];
        let kept = changes.keep(hashes, &sha2, is_good_hash, |one| one.to_string().into());
        builder = builder.set_preferred_hash_algorithms(kept)?;
    }
    if let Some(compressions) = builder.preferred_compression_algorithms() {
        let kept = changes.keep(
            compressions,
            &[CompressionAlgorithm::Uncompressed],
            |one| one.is_supported(),
            |one| one.to_string().into(),
        );
        builder = builder.set_preferred_compression_algorithms(kept)?;
    }
    if let Some(suites) = builder.preferred_aead_ciphersuites() {
        let kept = changes.keep(
            suites,
            &[(SymmetricAlgorithm::AES256, AEADAlgorithm::OCB)],
            |(cipher, aead)| cipher::is_wanted(cipher) && aead.is_supported(),
            |(cipher, aead)| format!("{} in {aead}", cipher::name(cipher)).into(),
        );
        builder = builder.set_preferred_aead_ciphersuites(kept)?;
    }
    without_gnupg_container(builder, changes)
}

/// Takes GnuPG's bits out of the features, and the preferences that go with them.
fn without_gnupg_container(
    builder: SignatureBuilder,
    changes: &mut PreferenceChanges,
) -> Result<SignatureBuilder> {
    #[allow(
        deprecated,
        reason = "the subpacket is deprecated, which is why it is removed"
    )]
    let modes = SubpacketTag::PreferredAEADAlgorithms;
    let features = builder.features().unwrap_or_else(Features::empty);
    let [ocb, v5] = GNUPG_FEATURES;
    let invites = features.get(ocb) || features.get(v5);
    if invites || builder.subpacket(modes).is_some() {
        changes.drop("GnuPG's packet type 20".into());
    }
    builder
        .set_features(features.clear(ocb).clear(v5).set_seipdv1())?
        .modify_hashed_area(|mut area| {
            area.remove_all(modes);
            Ok(area)
        })
}

/// Whether a signature over it counts here.
fn is_good_hash(hash: HashAlgorithm) -> bool {
    let is_broken = matches!(
        hash,
        HashAlgorithm::MD5 | HashAlgorithm::SHA1 | HashAlgorithm::RipeMD
    );
    hash.is_supported() && !is_broken
}

#[cfg(test)]
mod tests {
    use super::super::adopt;
    use super::super::certificate::certs;
    use super::*;
    use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
    use sequoia_openpgp::serialize::SerializeInto;
    use std::time::{Duration, SystemTime};

    use SymmetricAlgorithm::{AES128, AES256, Camellia256, Twofish};

    /// A secret key whose user ID asks for these ciphers, or has no list of them.
    #[allow(
        clippy::disallowed_methods,
        reason = "Sequoia compares with the clock of the machine"
    )]
    fn asking_for(ciphers: Option<&[SymmetricAlgorithm]>, hashes: &[HashAlgorithm]) -> Vec<u8> {
        let made = SystemTime::now() - Duration::from_secs(7200);
        let (cert, _) = CertBuilder::general_purpose(["Desk <security@desk.example>"])
            .set_cipher_suite(CipherSuite::Cv25519)
            .set_creation_time(made)
            .generate()
            .unwrap();
        let valid = cert.with_policy(policy(), None).unwrap();
        let primary = valid.primary_key().key();
        let secret = primary.clone().parts_into_secret().unwrap();
        let id = valid.userids().next().unwrap();
        let builder = SignatureBuilder::from(id.binding_signature().clone())
            .set_signature_creation_time(made + Duration::from_secs(3600))
            .and_then(|b| b.set_preferred_hash_algorithms(hashes.to_vec()))
            .and_then(|b| match ciphers {
                Some(ciphers) => b.set_preferred_symmetric_algorithms(ciphers.to_vec()),
                None => b.modify_hashed_area(|mut area| {
                    area.remove_all(SubpacketTag::PreferredSymmetricAlgorithms);
                    Ok(area)
                }),
            });
        let mut signer = secret.into_keypair().unwrap();
        let binding = builder
            .and_then(|b| b.sign_userid_binding(&mut signer, primary, id.userid()))
            .unwrap();
        let packets = cert.clone().insert_packets(vec![binding]).unwrap().0;
        packets.as_tsk().to_vec().unwrap()
    }

    fn certificate(octets: &[u8]) -> Certificate {
        Certificate(certs(octets).unwrap().remove(0).strip_secret_key_material())
    }

    #[test]
    fn adopting_a_key_drops_what_cannot_be_opened_and_asks_for_aes() {
        let triple_des = SymmetricAlgorithm::from(2);
        let sha2 = [HashAlgorithm::SHA512, HashAlgorithm::SHA256];
        let with_sha1 = [HashAlgorithm::SHA1, HashAlgorithm::SHA512];
        let shut = |names: &[&'static str]| {
            let names = names.iter().map(|name| Cow::Borrowed(*name));
            UnwantedPreference::UnsupportedCiphers(names.collect())
        };
        type Row<'a> = (
            Option<&'a [SymmetricAlgorithm]>,
            &'a [HashAlgorithm],
            Vec<UnwantedPreference>,
            &'a [&'a str],
            bool,
            &'a [SymmetricAlgorithm],
        );
        let rows: [Row<'_>; 5] = [
            (Some(&[AES256]), &sha2, vec![], &[], false, &[AES256]),
            (
                Some(&[Camellia256, AES128, triple_des]),
                &with_sha1,
                vec![shut(&["CAMELLIA256"])],
                &["CAMELLIA256", "3DES", "SHA1"],
                false,
                &[AES128],
            ),
            (
                Some(&[Twofish, Camellia256]),
                &sha2,
                vec![shut(&["CAMELLIA256", "TWOFISH"]), UnwantedPreference::NoAes],
                &["TWOFISH", "CAMELLIA256"],
                true,
                &[AES256, AES128],
            ),
            (
                Some(&[triple_des]),
                &sha2,
                vec![UnwantedPreference::NoAes],
                &["3DES"],
                true,
                &[AES256, AES128],
            ),
            (
                None,
                &sha2,
                vec![UnwantedPreference::NoAes],
                &[],
                true,
                &[AES256, AES128],
            ),
        ];
        for (ciphers, hashes, unwanted, dropped, added_aes, asked_for) in rows {
            let octets = asking_for(ciphers, hashes);
            assert_eq!(certificate(&octets).unwanted_preferences(), unwanted);
            let adopted = adopt(&octets, None).unwrap();
            assert_eq!(adopted.changes.dropped, dropped);
            assert_eq!(adopted.changes.added_aes, added_aes);
            let new = certificate(adopted.key.public_armored.as_bytes());
            assert_eq!(new.unwanted_preferences(), []);
            let valid = new.0.with_policy(policy(), None).unwrap();
            let id = valid.userids().next().unwrap();
            let binding = id.binding_signature();
            assert_eq!(binding.preferred_symmetric_algorithms(), Some(asked_for));
            let kept = binding.preferred_hash_algorithms().unwrap();
            assert!(!kept.is_empty() && !kept.contains(&HashAlgorithm::SHA1));
        }
    }

    #[test]
    fn keys_that_we_make_ask_for_nothing_unwanted() {
        use super::super::{Profile, generate};
        for profile in [Profile::V4, Profile::Rfc9580, Profile::Pqc] {
            let key = generate("security@desk.example", "Desk", profile).unwrap();
            let made = certificate(key.public_armored.as_bytes());
            assert_eq!(made.unwanted_preferences(), [], "{profile:?}");
        }
    }
}
