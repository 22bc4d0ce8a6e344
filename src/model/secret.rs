//! How do we hold what must not be printed?

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// Octets that no log, error or dump may show. Reading them has a name that is easy to grep.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the octets as they are: nothing is trimmed.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets themselves; keep them out of every `format!`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, for protocols that want text.
    pub fn expose_text(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

/// HMAC-SHA256 (RFC 2104) of some words in a row.
pub fn hmac_sha256(key: &[u8], words: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    words.iter().for_each(|word| mac.update(word));
    mac.finalize().into_bytes().into()
}

/// The same in hexadecimal.
pub fn mac(key: &[u8], words: &[&[u8]]) -> String {
    let octets = hmac_sha256(key, words);
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

/// Hexadecimal digits of 128 bits: too many to guess, few enough for a header or an address.
const TAG_DIGITS: usize = 32;

/// 128 bits that only the holder of the key can make for these words.
pub fn tag(key: &[u8], words: &[&[u8]]) -> String {
    let mut tag = mac(key, words);
    tag.truncate(TAG_DIGITS);
    tag
}

impl Drop for Secret {
    fn drop(&mut self) {
        // A volatile write would need `unsafe`; black_box keeps the compiler from dropping a plain
        // one.
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_that_of_the_standard() {
        // RFC 4231 section 4.3, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]),
            expected
        );
        assert_eq!(
            tag(b"Jefe", &[b"what do ya want for nothing?"]),
            expected[..32]
        );
    }

    #[test]
    fn a_secret_shows_its_length_alone() {
        assert_eq!(
            format!("{:?}", Secret::new(b"hunter2".to_vec())),
            "Secret(7 octets)"
        );
    }
}
