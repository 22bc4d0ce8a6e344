//! How does a secret rest under another secret? AES-256-GCM, whose key is an HMAC of the other one
//! under a label, so that no key is used for two things.

use crate::model::secret::{Secret, hmac_sha256};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

/// NIST SP 800-38D section 5.2.1.1 recommends 96 bits.
const NONCE_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;

/// Seals `text` under `key`, which must not be guessable. Nonce, tag and ciphertext, in a row.
/// `None` where the machine gives no randomness.
pub fn seal_under(key: &Secret, label: &str, text: &Secret) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_OCTETS];
    getrandom::fill(&mut nonce).ok()?;
    let mut tag = [0; TAG_OCTETS];
    let derived = hmac_sha256(key.expose(), &[label.as_bytes()]);
    let ciphertext = encrypt_aead(
        Cipher::aes_256_gcm(),
        &derived,
        Some(&nonce),
        &[],
        text.expose(),
        &mut tag,
    );
    Some([nonce.as_slice(), tag.as_slice(), &ciphertext.ok()?].concat())
}

/// What was sealed under this key and label; `None` where it was another, or an octet was changed.
pub fn open_under(key: &Secret, label: &str, sealed: &[u8]) -> Option<Secret> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_OCTETS)?;
    let (tag, ciphertext) = rest.split_at_checked(TAG_OCTETS)?;
    let derived = hmac_sha256(key.expose(), &[label.as_bytes()]);
    let cipher = Cipher::aes_256_gcm();
    let text = decrypt_aead(cipher, &derived, Some(nonce), &[], ciphertext, tag);
    text.ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_label_open_what_was_sealed() {
        let secret = |text: &str| Secret::new(text.into());
        let sealed = seal_under(&secret("key"), "label", &secret("token")).unwrap();
        let opened = open_under(&secret("key"), "label", &sealed).unwrap();
        assert_eq!(opened.expose(), b"token");
        assert!(open_under(&secret("kex"), "label", &sealed).is_none());
        assert!(open_under(&secret("key"), "lable", &sealed).is_none());
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert!(open_under(&secret("key"), "label", &changed).is_none());
            assert!(open_under(&secret("key"), "label", &sealed[..n]).is_none());
        }
    }
}
