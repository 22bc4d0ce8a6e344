//! How is something sealed opened that is too large for our memory?
//!
//! Sequoia hands out octets before MDC or AEAD has proven them. So whoever wants to use what is
//! inside opens it twice: once into nothing, which proves it, and then, from the same octets, into
//! its place.

use super::keys::SecretKeys;
use super::open::SessionKeys;
use super::{OpenPgpError, guarded, policy};
use sequoia_openpgp as openpgp;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::SymmetricAlgorithm;
use std::io::{Read, Write};

/// Writes what is inside of `sealed` into `sink`, and says how many octets that were. What was
/// written is proven only once this returned without an error. Signatures are not looked at.
pub fn open_into(
    sealed: impl Read + Send + Sync,
    keys: &mut SecretKeys,
    sink: &mut dyn Write,
) -> Result<u64, OpenPgpError> {
    let opened = guarded(|| {
        let mut decryptor =
            DecryptorBuilder::from_reader(sealed)?.with_policy(policy(), None, Helper { keys })?;
        let octets = std::io::copy(&mut decryptor, sink)?;
        if !decryptor.message_processed() {
            return Err(openpgp::Error::ManipulatedMessage.into());
        }
        Ok(octets)
    });
    opened
        .unwrap_or_else(|| Err(openpgp::Error::ManipulatedMessage.into()))
        .map_err(OpenPgpError::operation("opening"))
}

struct Helper<'k> {
    keys: &'k mut SecretKeys,
}

impl VerificationHelper for Helper<'_> {
    fn get_certs(&mut self, _: &[openpgp::KeyHandle]) -> openpgp::Result<Vec<openpgp::Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Helper<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &openpgp::crypto::SessionKey) -> bool,
    ) -> openpgp::Result<Option<openpgp::Cert>> {
        for pkesk in pkesks {
            let Some(key) = self
                .keys
                .session_key(&MarshalInto::to_vec(pkesk)?, algorithm.map(u8::from))
            else {
                continue;
            };
            if decrypt(
                key.algorithm.map(SymmetricAlgorithm::from),
                &openpgp::crypto::SessionKey::from(key.octets),
            ) {
                return Ok(None);
            }
        }
        Err(openpgp::Error::MissingSessionKey("none of the keys opens it".to_owned()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Purpose, SealTo, certificates, generate_storage};
    use super::*;

    #[test]
    fn what_is_large_comes_back_and_any_flipped_octet_is_found() {
        let key = generate_storage("storage").unwrap();
        let mut keys =
            SecretKeys::load(key.secret_armored.expose(), Purpose::Storage, None).unwrap();
        let octets: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let sealed = SealTo::new(&certificates(key.public_armored.as_bytes()).unwrap())
            .unwrap()
            .seal(&octets)
            .unwrap();
        let mut back = Vec::new();
        assert_eq!(
            open_into(&sealed[..], &mut keys, &mut back).unwrap(),
            300_000
        );
        assert!(back == octets);
        for at in (0..sealed.len())
            .step_by(sealed.len() / 97)
            .chain([sealed.len() - 1])
        {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            let mut sink = Vec::new();
            let opened = open_into(&bent[..], &mut keys, &mut sink);
            // A key ID that is bent names nobody, and harms nothing that is sealed.
            assert!(opened.is_err() || sink == octets, "octet {at}");
        }
        assert!(
            open_into(&sealed[..sealed.len() - 1], &mut keys, &mut Vec::new()).is_err(),
            "cut off"
        );
    }
}
