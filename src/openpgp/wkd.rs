//! Under which name does a Web Key Directory hold a certificate? (draft-koch-openpgp-webkey-service
//! section 3.1)

use data_encoding::{Encoding, Specification};
use openssl::hash::{MessageDigest, hash};
use std::sync::LazyLock;

/// z-base-32, as the draft asks.
static Z_BASE_32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("ybndrfg8ejkmcpqxot1uwisza345h769");
    specification.encoding().expect("a constant alphabet")
});

/// The SHA-1 of the local part in lower case, in 32 letters. Nothing rests on SHA-1 here: it is a
/// name.
pub fn wkd_name(local: &str) -> String {
    let digest = hash(MessageDigest::sha1(), local.to_ascii_lowercase().as_bytes())
        .expect("OpenSSL has SHA-1");
    Z_BASE_32.encode(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_draft() {
        assert_eq!(wkd_name("Joe.Doe"), "iy9q119eutrkn8s1mk4r39qejnbu3n5q");
    }
}
