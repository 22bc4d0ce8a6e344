//! How does an encrypted message become plaintext, and is that proven?

use super::algorithm::{self, ContentCipher};
use super::guarded;
use super::question::{ContentKey, ContentKeys, KeyQuestion, RecipientName};
use super::recipients::{Asked, questions};
use super::structure::{DATA, Elements, Enveloped, Malformed, octet_string};
use crate::model::budget::{Budget, Sum};
use crate::model::limits::NAMED_RECIPIENTS_MAX;
use crate::model::reading::{Integrity, Shut};
use openssl::symm;
use std::borrow::Cow;

/// A tag of less than this proves too little (RFC 5084 section 3.2: 12 to 16).
const TAG_OCTETS_MIN: usize = 12;
const TAG_OCTETS_MAX: usize = 16;

/// A longer nonce is nobody's (RFC 5084 recommends 12).
const NONCE_OCTETS_MAX: usize = 16;

/// What was in an encrypted message.
pub struct Opened {
    pub plaintext: Vec<u8>,
    /// [`Integrity::Aead`], or [`Integrity::Unproven`] for CBC.
    pub integrity: Integrity,
    /// The fingerprint of the certificate whose key opened it.
    pub recipient: String,
    /// The name of its cipher, where that is out of use.
    pub old_cipher: Option<&'static str>,
}

/// Why a message stays shut, for the reading and in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unopened {
    pub shut: Shut,
    pub why: Cow<'static, str>,
}

impl Unopened {
    const fn new(shut: Shut, why: &'static str) -> Self {
        Self {
            shut,
            why: Cow::Borrowed(why),
        }
    }

    fn overspent() -> Self {
        Self::new(Shut::Limit, "it costs more work than one letter may")
    }

    pub const DAMAGED: Self =
        Self::new(Shut::Integrity, "it is damaged, tampered with or not whole");
}

impl From<Malformed> for Unopened {
    fn from(_: Malformed) -> Self {
        Self::DAMAGED
    }
}

/// Decrypts one message with whatever key the keyholder has for it. `budget` is the letter's.
pub fn open(
    enveloped: &Enveloped<'_>,
    keys: &mut dyn ContentKeys,
    budget: &Budget,
) -> Result<Opened, Unopened> {
    guarded(|| open_unguarded(enveloped, keys, budget)).unwrap_or(Err(Unopened::DAMAGED))
}

fn open_unguarded(
    enveloped: &Enveloped<'_>,
    keys: &mut dyn ContentKeys,
    budget: &Budget,
) -> Result<Opened, Unopened> {
    let octets = enveloped.ciphertext.len() as u64;
    budget
        .draw(Sum::Plaintext, octets)
        .map_err(|_| Unopened::overspent())?;
    if octets > budget.message_octets {
        budget.overspend();
        return Err(Unopened::overspent());
    }
    let Some(cipher) = algorithm::content_cipher(enveloped.cipher.oid) else {
        return Err(Unopened::new(
            Shut::Unsupported,
            "its cipher is not known here: have it sent again in AES",
        ));
    };
    if enveloped.content_type != DATA {
        return Err(Unopened::new(
            Shut::Unsupported,
            "it holds no MIME entity, as S/MIME has it, but another message",
        ));
    }
    let Some(implementation) = cipher.cipher else {
        return Err(Unopened {
            shut: Shut::Unsupported,
            why: Cow::Owned(format!(
                "it is encrypted with {}, which is not opened: have it sent again in AES",
                cipher.name
            )),
        });
    };
    let implementation = implementation();
    // RFC 5083 has a MAC for what authenticates itself, and RFC 5652 has none for the rest.
    if cipher.is_gcm != enveloped.mac.is_some() {
        return Err(Unopened::DAMAGED);
    }
    let key = content_key(enveloped, implementation.key_len(), keys, budget)?;
    let plaintext = if cipher.is_gcm {
        open_gcm(enveloped, implementation, &key)?
    } else {
        open_cbc(enveloped, implementation, &key)?
    };
    Ok(opened(plaintext, key, &cipher))
}

fn opened(plaintext: Vec<u8>, key: ContentKey, cipher: &ContentCipher) -> Opened {
    Opened {
        plaintext,
        integrity: if cipher.is_gcm {
            Integrity::Aead
        } else {
            Integrity::Unproven
        },
        recipient: key.recipient,
        old_cipher: cipher.is_old.then_some(cipher.name),
    }
}

fn open_cbc(
    enveloped: &Enveloped<'_>,
    cipher: symm::Cipher,
    key: &ContentKey,
) -> Result<Vec<u8>, Unopened> {
    let iv = octet_string(enveloped.cipher.parameters.ok_or(Malformed)?)?;
    if Some(iv.len()) != cipher.iv_len() || key.octets.len() != cipher.key_len() {
        return Err(Unopened::DAMAGED);
    }
    symm::decrypt(cipher, &key.octets, Some(iv), enveloped.ciphertext)
        .map_err(|_| Unopened::DAMAGED)
}

/// GCMParameters (RFC 5084 section 3.2): the nonce, and the length of the tag, 12 where it is left
/// out.
fn open_gcm(
    enveloped: &Enveloped<'_>,
    cipher: symm::Cipher,
    key: &ContentKey,
) -> Result<Vec<u8>, Unopened> {
    let mut fields = Elements::within(enveloped.cipher.parameters.ok_or(Malformed)?)?;
    let nonce = octet_string(fields.next()?)?;
    let tag_octets = match fields.perhaps()? {
        Some(length) => usize::from(length.decode_as::<u8>().map_err(Malformed::from)?),
        None => TAG_OCTETS_MIN,
    };
    let tag = enveloped.mac.ok_or(Malformed)?;
    let is_sound = (TAG_OCTETS_MIN..=TAG_OCTETS_MAX).contains(&tag.len())
        && tag.len() == tag_octets
        && (1..=NONCE_OCTETS_MAX).contains(&nonce.len())
        && key.octets.len() == cipher.key_len();
    if !is_sound {
        return Err(Unopened::DAMAGED);
    }
    symm::decrypt_aead(
        cipher,
        &key.octets,
        Some(nonce),
        &enveloped.authenticated,
        enveloped.ciphertext,
        tag,
    )
    .map_err(|_| {
        Unopened::new(
            Shut::Integrity,
            "its integrity check failed: it was damaged or tampered with",
        )
    })
}

/// Asks the keyholder about each recipient until one is ours. A certificate of somebody else may have
/// the serial number of one of ours, so names that fit exactly go first.
fn content_key(
    enveloped: &Enveloped<'_>,
    key_octets: usize,
    keys: &mut dyn ContentKeys,
    budget: &Budget,
) -> Result<ContentKey, Unopened> {
    let mut is_by_password = false;
    let mut asked: Vec<KeyQuestion> = Vec::new();
    for recipient in &enveloped.recipients {
        match questions(*recipient, key_octets) {
            Ok(Asked::Of(questions)) => asked.extend(questions),
            Ok(Asked::Password) => is_by_password = true,
            Ok(Asked::Unknown) | Err(Malformed) => {}
        }
        if asked.len() > NAMED_RECIPIENTS_MAX {
            break;
        }
    }
    let is_too_many = asked.len() > NAMED_RECIPIENTS_MAX;
    asked.truncate(NAMED_RECIPIENTS_MAX);
    for loosely in [false, true] {
        for question in &mut asked {
            // A key identifier fits exactly, or not at all.
            if loosely && !matches!(question.recipient, RecipientName::Issued { .. }) {
                continue;
            }
            question.loosely = loosely;
            budget
                .draw(Sum::Recipients, 1)
                .map_err(|_| Unopened::overspent())?;
            let key = keys.content_key(question);
            if keys.is_exhausted() {
                budget.overspend();
                return Err(Unopened::overspent());
            }
            if let Some(key) = key {
                return Ok(key);
            }
        }
    }
    Err(match (is_too_many, is_by_password && asked.is_empty()) {
        (true, _) => Unopened::new(
            Shut::Limit,
            "none of the first recipients is ours, and there are too many",
        ),
        (false, true) => Unopened::new(
            Shut::NoKey,
            "it is encrypted with a password, which is never tried",
        ),
        (false, false) => Unopened::new(Shut::NoKey, "none of our keys opens it"),
    })
}
