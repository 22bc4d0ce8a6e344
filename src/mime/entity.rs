//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

mod headers;
mod part;
mod text;

use super::{LimitExceeded, precheck, tolerant};
use crate::model::budget::{Budget, Sum};
use mail_parser::{Message, MessagePart, MimeHeaders};
use part::{attribute_is, file, media_type};
pub(super) use part::{contents, is, is_blank, is_multipart};
use std::borrow::Cow;

/// A parsed entity (RFC 2045): a whole letter, or what decryption brought to light.
pub struct Entity<'x> {
    pub(super) message: Message<'x>,
    pub(super) octets: &'x [u8],
    /// A media type in it was renamed before it was parsed.
    renamed: bool,
}

/// A part that is not body text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'a> {
    pub name: String,
    pub media_type: String,
    pub octets: Cow<'a, [u8]>,
}

/// Header fields that stood inside the protection (RFC 9788, or protected-headers="v1").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedHeaders {
    pub subject: Option<String>,
    pub from: Option<String>,
    pub message_id: Option<String>,
    pub date: Option<String>,
    /// To and Cc.
    pub recipients: Vec<String>,
}

impl<'x> Entity<'x> {
    /// Parses a whole letter. One without any header field is body from its first line on.
    pub fn letter(octets: &'x [u8], budget: &Budget) -> Result<Self, LimitExceeded> {
        let octets = tolerant::letter_start(octets);
        if !octets.contains(&b'\n') && octets.contains(&b'\r') {
            // Line ends of a kind that no mail has had for decades, but that some exports have.
            let lines: Vec<u8> = octets
                .iter()
                .map(|b| if *b == b'\r' { b'\n' } else { *b })
                .collect();
            return Ok(Self {
                message: Entity::letter(&lines, budget)?.message.into_owned(),
                octets: &[],
                renamed: false,
            });
        }
        if octets.is_empty() || tolerant::begins_with_field(octets) {
            return Self::parse(octets, budget);
        }
        let bodied = [b"Content-Type: text/plain\n\n", octets].concat();
        Ok(Self {
            message: Entity::parse(&bodied, budget)?.message.into_owned(),
            octets: &[],
            renamed: false,
        })
    }

    /// Parses an entity, after the linear check of its size and depth.
    pub fn parse(octets: &'x [u8], budget: &Budget) -> Result<Self, LimitExceeded> {
        let (message, renamed) = match precheck::checked(octets, budget)? {
            Cow::Borrowed(octets) => (tolerant::parse(octets), false),
            Cow::Owned(renamed) => (tolerant::parse(&renamed).into_owned(), true),
        };
        if message.parts.len() as u64 > budget.limits.parts {
            return Err(LimitExceeded::Parts);
        }
        budget.draw(Sum::Parts, message.parts.len() as u64)?;
        Ok(Self {
            message,
            octets,
            renamed,
        })
    }

    pub(super) fn children(&self, part: &MessagePart<'_>) -> Vec<&MessagePart<'x>> {
        part.sub_parts()
            .unwrap_or_default()
            .iter()
            .filter_map(|id| self.message.part(*id))
            .collect()
    }

    pub(super) fn root(&self) -> Option<&MessagePart<'x>> {
        self.message.parts.first()
    }

    /// A base64 part that something was appended to, such as a list's footer: its octets, and what
    /// was appended.
    pub(super) fn salvaged(&self, part: &MessagePart<'_>) -> Option<(Vec<u8>, String)> {
        if !part.is_encoding_problem
            || !part
                .content_transfer_encoding()
                .is_some_and(|e| e.eq_ignore_ascii_case("base64"))
        {
            return None;
        }
        let raw = self
            .message
            .raw_message
            .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)?;
        let is_base64 = |line: &&[u8]| {
            line.trim_ascii()
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        };
        let encoded: Vec<&[u8]> = raw
            .split_inclusive(|b| *b == b'\n')
            .take_while(is_base64)
            .collect();
        let rest = &raw[encoded.iter().map(|line| line.len()).sum()..];
        let digits: Vec<u8> = encoded
            .concat()
            .into_iter()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let octets = mail_parser::decoders::base64::base64_decode(&digits)
            .filter(|octets| !octets.is_empty())?;
        Some((octets, String::from_utf8_lossy(rest).into_owned()))
    }

    /// Parts that are not body text, in order.
    pub fn files(&self) -> Vec<File<'_>> {
        self.message
            .attachments()
            .map(|part| self.file(part))
            .collect()
    }

    /// The media type of the root, `text/plain` where none is given (RFC 2045 section 5.2).
    pub fn media_type(&self) -> String {
        self.root()
            .map_or_else(|| "text/plain".to_owned(), media_type)
    }

    /// Whether a part is sealed by S/MIME (RFC 8551 section 3.2), and whether one is signed with
    /// its content inside.
    pub fn smime_parts(&self) -> (bool, bool) {
        let parts = || {
            self.message.parts.iter().filter(|part| {
                is(part, "application", "pkcs7-mime") || is(part, "application", "x-pkcs7-mime")
            })
        };
        let signed = |part: &MessagePart<'_>| attribute_is(part, "smime-type", "signed-data");
        (parts().any(|part| !signed(part)), parts().any(signed))
    }

    /// Whether the transfer encoding or charset of some part could not be decoded as declared.
    pub fn has_encoding_fault(&self) -> bool {
        self.message.parts.iter().any(|p| p.is_encoding_problem)
    }
}

/// A longer line of legacy display could hide a report.
const LEGACY_LINE_MAX: usize = 300;

impl<'x> Entity<'x> {
    /// A file as it was sent: what stands in the letter unencoded is taken from there, before
    /// anything was renamed.
    pub(super) fn file<'a>(&'a self, part: &'a MessagePart<'x>) -> File<'a> {
        let mut file = file(part, &self.message);
        let as_sent = self
            .octets
            .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize);
        if let (mail_parser::Encoding::None, true, Some(as_sent)) =
            (part.encoding, self.renamed, as_sent)
        {
            file.octets = Cow::Borrowed(as_sent);
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::Body;

    #[test]
    fn protected_headers_count_only_where_they_are_announced() {
        let plain = Entity::parse(
            b"Subject: inner\nContent-Type: text/plain\n\nx",
            &Budget::ours(),
        )
        .unwrap();
        assert_eq!(plain.protected_headers(), None);
        for mark in ["hp=\"cipher\"", "protected-headers=\"v1\""] {
            let text = format!("Subject: inner\nContent-Type: text/plain; {mark}\n\nx");
            let entity = Entity::parse(text.as_bytes(), &Budget::ours()).unwrap();
            assert_eq!(
                entity.protected_headers().unwrap().subject.as_deref(),
                Some("inner"),
                "{mark}"
            );
        }
    }

    #[test]
    fn a_media_type_is_a_name_and_nothing_else() {
        for (given, expected) in [
            ("application/x-\u{1b}[2Jevil", "application/octet-stream"),
            ("TEXT/X-Python", "text/x-python"),
            ("application/pgp-keys", "application/pgp-keys"),
        ] {
            let letter =
                format!("Content-Type: {given}; name=a.bin\nContent-Disposition: attachment\n\nx");
            let entity = Entity::parse(letter.as_bytes(), &Budget::ours()).unwrap();
            assert_eq!(entity.media_type(), expected, "{given:?}");
        }
    }

    #[test]
    fn two_from_fields_are_nobody() {
        let entity = Entity::parse(
            b"From: a@b.example\nFrom: c@d.example\n\nx",
            &Budget::ours(),
        )
        .unwrap();
        assert_eq!(entity.from(), None);
    }

    #[test]
    fn an_empty_letter_is_a_letter() {
        assert_eq!(
            Entity::letter(b"", &Budget::ours()).unwrap().body(false),
            Body::default()
        );
    }
}
