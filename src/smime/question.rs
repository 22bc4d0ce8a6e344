//! What does a reader ask the keyholder for? A content-encryption key, in numbers and octets.
//!
//! The keyholder parses nothing of a letter: the reader took the recipient apart. A question holds
//! no choice of what is done with the key beyond the two ways of CMS, and the answer is a key that
//! opens one message.

use serde::{Deserialize, Serialize};

/// How a recipient of a message is named (RFC 5652 section 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecipientName {
    Issued {
        /// The issuer's name in DER.
        issuer: Vec<u8>,
        /// The octets of the serial number, without leading zeros.
        serial: Vec<u8>,
    },
    /// The subject key identifier of the certificate.
    KeyId(Vec<u8>),
}

/// A hash that a key transport or a derivation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// How a content-encryption key is sealed to its recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyWay {
    /// RSAES-PKCS1-v1_5 (RFC 3370 section 4.2.1).
    RsaPkcs1,
    /// RSAES-OAEP (RFC 3560).
    RsaOaep {
        digest: Digest,
        mask: Digest,
        label: Vec<u8>,
    },
    /// An ephemeral key agreement (RFC 5753, RFC 8418).
    Agreement {
        /// The sender's point.
        point: Vec<u8>,
        derivation: Derivation,
        /// ECC-CMS-SharedInfo in DER.
        shared_info: Vec<u8>,
        /// Octets of the AES key that wraps the content-encryption key (RFC 3394).
        wrap_octets: usize,
    },
}

/// How the wrapping key is made of the shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Derivation {
    /// ANSI X9.63 (SEC 1 section 3.6.1).
    X963(Digest),
    /// HKDF (RFC 5869) without salt.
    Hkdf(Digest),
}

/// One recipient of a message, as it was taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyQuestion {
    pub recipient: RecipientName,
    pub way: KeyWay,
    /// The sealed content-encryption key.
    pub sealed: Vec<u8>,
    /// Octets that the content's cipher needs.
    pub key_octets: usize,
    /// The serial number of a certificate is enough: no recipient of the message names one of ours
    /// exactly.
    #[serde(default)]
    pub loosely: bool,
}

/// A content-encryption key as the keyholder gives it. Where it could not be had from a key of
/// ours, it is random: a wrong padding looks like a wrong key.
pub struct ContentKey {
    pub octets: Vec<u8>,
    /// The fingerprint of the certificate that it was sealed to.
    pub recipient: String,
}

/// Whoever can answer such a question: the keys themselves, or a socket to the keyholder.
pub trait ContentKeys {
    /// `None`: no key of ours is named.
    fn content_key(&mut self, question: &KeyQuestion) -> Option<ContentKey>;

    /// Whether the letter took all the private operations that it may.
    fn is_exhausted(&self) -> bool {
        false
    }
}
