//! How are RSA session keys decrypted several times as fast? With the Chinese remainder theorem.
//!
//! Sequoia gives OpenSSL the private exponent alone. The primes stand in the key as well (RFC 9580
//! section 5.5.5.1), and with them a private operation takes two exponentiations of half the
//! length.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;
use openssl::pkey::Private;
use openssl::rsa::{Padding, Rsa, RsaPrivateKeyBuilder};
use sequoia_openpgp::crypto::mpi::{Ciphertext, PublicKey, SecretKeyMaterial};
use sequoia_openpgp::crypto::{Decryptor, SessionKey};
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{
    PublicParts, SecretKeyMaterial as Secret, SecretParts, UnspecifiedRole,
};

/// A secret RSA key that decrypts with its primes.
pub(super) struct WithPrimes {
    public: Key<PublicParts, UnspecifiedRole>,
    private: Rsa<Private>,
}

impl WithPrimes {
    /// `None` where it is no RSA key, or its numbers do not fit one another.
    pub fn of(key: &Key<SecretParts, UnspecifiedRole>) -> Option<Self> {
        let PublicKey::RSA { e, n } = key.mpis() else {
            return None;
        };
        let Secret::Unencrypted(secret) = key.secret() else {
            return None;
        };
        let private = secret.map(|numbers| match numbers {
            // OpenPGP has the inverse of p modulo q, and OpenSSL that of its second prime: so they
            // change places.
            SecretKeyMaterial::RSA { d, p, q, u } => with_primes([
                n.value(),
                e.value(),
                d.value(),
                q.value(),
                p.value(),
                u.value(),
            ])
            .ok(),
            _ => None,
        })?;
        let public = key.clone().take_secret().0;
        let key = Self { public, private };
        key.decrypts_what_it_encrypts().then_some(key)
    }

    /// Numbers that do not belong together would open nothing, and say nothing.
    fn decrypts_what_it_encrypts(&self) -> bool {
        let words = b"a session key";
        let mut sealed = vec![0; self.private.size() as usize];
        let mut opened = vec![0; self.private.size() as usize];
        let sealed_length = self
            .private
            .public_encrypt(words, &mut sealed, Padding::PKCS1);
        let length = sealed_length.and_then(|n| {
            self.private
                .private_decrypt(&sealed[..n], &mut opened, Padding::PKCS1)
        });
        length.is_ok_and(|n| &opened[..n] == words)
    }
}

fn with_primes([n, e, d, p, q, u]: [&[u8]; 6]) -> Result<Rsa<Private>, ErrorStack> {
    let number = BigNum::from_slice;
    let (d, p, q) = (number(d)?, number(p)?, number(q)?);
    let mut context = BigNumContext::new_secure()?;
    let mut exponent = |prime: &BigNum| -> Result<BigNum, ErrorStack> {
        let mut less = BigNumRef::to_owned(prime)?;
        less.sub_word(1)?;
        let mut exponent = BigNum::new_secure()?;
        exponent.checked_rem(&d, &less, &mut context)?;
        Ok(exponent)
    };
    let (of_p, of_q) = (exponent(&p)?, exponent(&q)?);
    let builder = RsaPrivateKeyBuilder::new(number(n)?, number(e)?, d)?;
    Ok(builder
        .set_factors(p, q)?
        .set_crt_params(of_p, of_q, number(u)?)?
        .build())
}

impl Decryptor for WithPrimes {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn decrypt(
        &mut self,
        ciphertext: &Ciphertext,
        _: Option<usize>,
    ) -> sequoia_openpgp::Result<SessionKey> {
        let Ciphertext::RSA { c } = ciphertext else {
            return Err(sequoia_openpgp::Error::InvalidOperation("not RSA".to_owned()).into());
        };
        // An MPI has lost its leading zeros.
        let size = self.private.size() as usize;
        let padded = c.value_padded(size)?;
        let mut opened = SessionKey::from(vec![0; size]);
        // OpenSSL 3.2 and later answer a wrong padding with noise (implicit rejection), so that it
        // tells nothing.
        let length = self
            .private
            .private_decrypt(&padded, &mut opened, Padding::PKCS1)?;
        Ok(SessionKey::from(&opened[..length]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Certificate, Purpose, SecretKeys, open, seal_packets};
    use super::*;
    use crate::model::budget::Budget;
    use sequoia_openpgp::cert::prelude::*;
    use sequoia_openpgp::serialize::SerializeInto;

    #[test]
    fn rsa_letters_open_with_the_primes() {
        let builder = CertBuilder::new()
            .set_cipher_suite(CipherSuite::RSA2k)
            .add_userid("Desk <security@desk.example>");
        let cert = builder
            .add_signing_subkey()
            .add_transport_encryption_subkey()
            .generate()
            .unwrap()
            .0;
        assert!(
            cert.keys()
                .unencrypted_secret()
                .all(|key| WithPrimes::of(&key.key().clone().role_into_unspecified()).is_some())
        );
        let certs = vec![Certificate(cert.clone().strip_secret_key_material())];
        let mut keys =
            SecretKeys::load(&cert.as_tsk().to_vec().unwrap(), Purpose::Mail, None).unwrap();
        for _ in 0..20 {
            let sealed = seal_packets(&certs, &keys.sign_message(b"x").unwrap()).unwrap();
            assert_eq!(
                open(&sealed, &mut keys, &certs, &Budget::ours())
                    .unwrap()
                    .plaintext,
                b"x"
            );
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let one = Rsa::generate(1024).unwrap();
        let other = Rsa::generate(1024).unwrap();
        let public = CertBuilder::new()
            .generate()
            .unwrap()
            .0
            .primary_key()
            .key()
            .clone()
            .role_into_unspecified();
        // OpenSSL checks what the primes gave, and falls back to the exponent: wrong primes only
        // cost time.
        for (of_exponent, fits) in [(&one, true), (&other, false)] {
            let numbers = [
                one.n(),
                one.e(),
                of_exponent.d(),
                other.p().unwrap(),
                one.q().unwrap(),
                one.iqmp().unwrap(),
            ]
            .map(|n| n.to_vec());
            let private = with_primes(numbers.each_ref().map(Vec::as_slice)).unwrap();
            assert_eq!(
                WithPrimes {
                    public: public.clone(),
                    private
                }
                .decrypts_what_it_encrypts(),
                fits
            );
        }
    }
}
