//! What is each thing called? Ids that can't be mistaken for one another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Letters of Crockford's base 32: no I, L, O or U, so that an id survives being read over the
/// phone.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a case id after its prefix: 50 bits, too many to guess another's.
const CASE_ID_CHARACTERS: usize = 10;

/// The opaque name of a case, such as `SD-7K3QF2MX9A`. It says nothing of when, who or how many.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

/// The text that was no case id, up to 40 characters of it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a case id: it is written SD- and {CASE_ID_CHARACTERS} letters or digits")]
pub struct NotACaseId(String);

impl CaseId {
    /// Names a case from random octets; each octet gives one character.
    pub fn from_random(octets: [u8; CASE_ID_CHARACTERS]) -> Self {
        let tail = octets
            .iter()
            .map(|o| char::from(CROCKFORD[usize::from(o % 32)]));
        Self("SD-".chars().chain(tail).collect())
    }

    /// Reads an id as a person types it: any case, spaces around it.
    pub fn parse(text: &str) -> Result<Self, NotACaseId> {
        let upper = text.trim().to_ascii_uppercase();
        let fits = upper.strip_prefix("SD-").is_some_and(|tail| {
            tail.len() == CASE_ID_CHARACTERS && tail.bytes().all(|b| CROCKFORD.contains(&b))
        });
        if fits {
            Ok(Self(upper))
        } else {
            Err(NotACaseId(text.chars().take(40).collect()))
        }
    }

    /// With its prefix, in upper case: `SD-7K3QF2MX9A`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first case id that stands in a text, such as a subject.
pub fn tag_in(text: &str) -> Option<CaseId> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find_map(|word| CaseId::parse(word).ok())
}

impl TryFrom<String> for CaseId {
    type Error = NotACaseId;
    fn try_from(text: String) -> Result<Self, NotACaseId> {
        Self::parse(&text)
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> String {
        id.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a letter in our spool, in order of arrival here.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize,
)]
pub struct IntakeId(pub i64);

impl fmt::Display for IntakeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

/// The text was not 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NotADigest;

impl TryFrom<String> for Digest {
    type Error = NotADigest;
    fn try_from(text: String) -> Result<Self, NotADigest> {
        Self::parse(&text).ok_or(NotADigest)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl Digest {
    /// Reads 64 hexadecimal digits of either case; `None` for anything else.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut octets = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        for (i, octet) in octets.iter_mut().enumerate() {
            *octet = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(octets))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// A Message-ID without its angle brackets (RFC 5322 section 3.6.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

/// The text that was no Message-ID, up to 40 characters of it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} could not be written into a Message-ID field")]
pub struct NotAMessageId(String);

impl TryFrom<String> for MessageId {
    type Error = NotAMessageId;
    fn try_from(text: String) -> Result<Self, NotAMessageId> {
        Self::parse(&text).ok_or(NotAMessageId(text.chars().take(40).collect()))
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> String {
        id.0
    }
}

impl MessageId {
    /// RFC 5322 section 2.1.1 limits a line to 998 octets; an id must fit on one.
    const OCTETS_MAX: usize = 900;

    /// Takes an id with or without brackets; `None` where it could not be written into a header
    /// again.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
        let fits = !bare.is_empty()
            && bare.len() <= Self::OCTETS_MAX
            && bare
                .bytes()
                .all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
        fits.then(|| Self(bare.to_owned()))
    }

    /// Without its angle brackets; `Display` writes them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_is_read_as_a_person_types_it() {
        let id = CaseId::from_random([0, 1, 2, 3, 31, 32, 33, 64, 255, 9]);
        assert_eq!(
            CaseId::parse(&format!(" {} ", id.as_str().to_lowercase())).unwrap(),
            id
        );
        for bad in [
            "",
            "SD-",
            "SD-123",
            "XX-0123456789",
            "SD-012345678U",
            "SD-01234567890",
        ] {
            assert!(CaseId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_id_that_could_break_a_header_is_none() {
        assert_eq!(MessageId::parse("<a@b>").unwrap().to_string(), "<a@b>");
        for bad in ["", "<>", "a b", "a\r\nBcc: x", "a>b"] {
            assert!(MessageId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_digest_prints_what_it_parses() {
        let digest = Digest(std::array::from_fn(|i| i as u8));
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("zz"), None);
    }
}
