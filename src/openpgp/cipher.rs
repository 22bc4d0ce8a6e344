//! What is a cipher called, and which do we ask for, open, or refuse?
//!
//! Senders are asked for AES. A letter in a cipher that is out of use is opened where its container
//! proves its integrity (SEIPDv1 with its MDC), and the reading says so. What the crypto library
//! has no code for stays shut, and is named.

use sequoia_openpgp::types::SymmetricAlgorithm;
use std::borrow::Cow;

/// Ciphers that RFC 9580 section 9.3 deprecates, or whose blocks have 64 bits: IDEA, 3DES, CAST5
/// and Blowfish.
const OLD: std::ops::RangeInclusive<u8> = 1..=4;

/// The name that GnuPG's settings and lists have for it.
pub(super) fn name(cipher: SymmetricAlgorithm) -> Cow<'static, str> {
    let known = match u8::from(cipher) {
        1 => "IDEA",
        2 => "3DES",
        3 => "CAST5",
        4 => "BLOWFISH",
        7 => "AES128",
        8 => "AES192",
        9 => "AES256",
        10 => "TWOFISH",
        11 => "CAMELLIA128",
        12 => "CAMELLIA192",
        13 => "CAMELLIA256",
        number => return Cow::Owned(format!("cipher {number}")),
    };
    Cow::Borrowed(known)
}

/// Whether a certificate of ours may ask for it.
pub(super) fn is_wanted(cipher: SymmetricAlgorithm) -> bool {
    matches!(
        cipher,
        SymmetricAlgorithm::AES128 | SymmetricAlgorithm::AES192 | SymmetricAlgorithm::AES256
    )
}

/// Whether a letter in it opens and is marked.
pub(super) fn is_old(cipher: SymmetricAlgorithm) -> bool {
    OLD.contains(&u8::from(cipher))
}

/// All that are out of use.
pub(super) fn old() -> impl Iterator<Item = SymmetricAlgorithm> {
    OLD.map(SymmetricAlgorithm::from)
}
