//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

mod headers;
mod part;
mod text;

use super::{LimitExceeded, inline, precheck, sniff, tolerant, transfer};
use crate::model::budget::{Budget, Sum};
use mail_parser::{Encoding, Message, MessagePart, MimeHeaders, PartType};
use part::{attribute_is, charset, file, media_type, sent_name};
pub(super) use part::{is, is_blank, is_multipart};
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
    /// Of a text that was declared to be in another charset than UTF-8: its name.
    pub charset: Option<String>,
    /// As they were sent: only the transfer encoding is undone.
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
    /// The Message-IDs of In-Reply-To and References.
    pub threads: Vec<String>,
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
        let raw = self.raw(part)?;
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

    /// A part as it stands in the letter, before any media type in it was renamed.
    pub(super) fn raw(&self, part: &MessagePart<'_>) -> Option<&[u8]> {
        let whole = if self.octets.is_empty() {
            &self.message.raw_message
        } else {
            self.octets
        };
        whole.get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)
    }

    /// The octets of a part as they were sent: only its transfer encoding is undone.
    pub(super) fn sent<'a>(&'a self, part: &'a MessagePart<'x>) -> Cow<'a, [u8]> {
        let sent = match (&part.body, &part.encoding) {
            // What mail-parser decodes of base64 is right, as long as it takes it for no text.
            (PartType::Multipart(_), _)
            | (PartType::Binary(_) | PartType::InlineBinary(_), Encoding::Base64) => None,
            (PartType::Message(_), _) => self.raw(part).map(Cow::Borrowed),
            _ => self
                .raw(part)
                .and_then(|raw| transfer::decoded(&part.encoding, raw)),
        };
        sent.unwrap_or(Cow::Borrowed(part.contents()))
    }

    /// Parts that are not body text, in order.
    pub fn files(&self) -> Vec<File<'_>> {
        let message = &self.message;
        let bodies = [&message.text_body, &message.html_body]
            .into_iter()
            .flatten()
            .filter(|id| {
                message
                    .part(**id)
                    .is_some_and(|part| self.is_disguised_file(part))
            });
        let mut ids: Vec<u32> = message.attachments.iter().chain(bodies).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
            .filter_map(|id| message.part(id))
            .filter(|part| !self.is_armored_text(part))
            .map(|part| self.file(part))
            .collect()
    }

    /// Whether a part is body text for all that its type says: armor alone, in the
    /// `application/pgp; x-action=sign` of old programs, or in a letter that is nothing else.
    fn is_armored_text(&self, part: &MessagePart<'_>) -> bool {
        let PartType::Binary(octets) = &part.body else {
            return false;
        };
        let is_attached = part
            .content_disposition()
            .is_some_and(|d| d.is_attachment());
        let is_old_pgp = is(part, "application", "pgp")
            && (attribute_is(part, "format", "text")
                || attribute_is(part, "format", "mime")
                || part
                    .content_type()
                    .is_some_and(|ct| ct.has_attribute("x-action")));
        let is_alone = self.message.parts.len() == 1 && part.attachment_name().is_none();
        !is_attached && (is_old_pgp || is_alone) && inline::begins_armored(octets)
    }

    /// Whether a part calls itself text and is a file all the same, by its octets.
    fn is_disguised_file(&self, part: &MessagePart<'x>) -> bool {
        if !matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
            return false;
        }
        let head = self.raw(part).unwrap_or_default();
        let head = &head[..head.len().min(SNIFFED_OCTETS)];
        let begins_sealed = transfer::decoded(&part.encoding, head)
            .is_some_and(|octets| sniff::is_encrypted_message(&octets));
        let is_wide = charset(part).is_some_and(|c| c.to_ascii_lowercase().starts_with("utf-16"));
        begins_sealed
            || (sent_name(part).is_some() && !is_wide && sniff::is_binary(&self.sent(part)))
    }

    pub(super) fn file<'a>(&'a self, part: &'a MessagePart<'x>) -> File<'a> {
        file(part, self.sent(part))
    }

    /// The media type of the root, `text/plain` where none is given (RFC 2045 section 5.2).
    pub fn media_type(&self) -> String {
        self.root()
            .map_or_else(|| "text/plain".to_owned(), media_type)
    }

    /// Whether the transfer encoding or charset of some part could not be decoded as declared.
    pub fn has_encoding_fault(&self) -> bool {
        self.message.parts.iter().any(|p| p.is_encoding_problem)
    }
}

/// Octets of a part that tell whether it begins as an encrypted message.
const SNIFFED_OCTETS: usize = 4 * 1024;

/// A longer line of legacy display could hide a report.
const LEGACY_LINE_MAX: usize = 300;

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

    /// Octets of a PNG, and of a message sealed to somebody, that are text in no charset.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe\r\n\n";
    const SEALED: &[u8] = b"\x84\x5e\x03\x16\x15\xd1\x3e\xc2\x12\x89\x12\xff\xfe\r\n";

    #[test]
    fn a_file_keeps_its_octets_whatever_it_calls_itself() {
        use base64::Engine as _;
        let quoted: String = PNG.iter().map(|octet| format!("={octet:02X}")).collect();
        let encodings = [
            (
                "base64",
                base64::engine::general_purpose::STANDARD
                    .encode(PNG)
                    .into_bytes(),
            ),
            ("quoted-printable", quoted.into_bytes()),
            ("8bit", PNG.to_vec()),
        ];
        let types = [
            "text/plain",
            "text/plain; charset=utf-8",
            "text/html; charset=koi8-r",
            "text/x-other; charset=utf-16",
            "image/png",
            "application/octet-stream",
        ];
        let dispositions = ["attachment; filename=a.png", "inline; filename=a.png"];
        for (encoding, body) in &encodings {
            for (content_type, disposition) in types
                .iter()
                .flat_map(|content_type| dispositions.map(|d| (content_type, d)))
            {
                let head = format!(
                    "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nsee file\n--x\n\
                     Content-Type: {content_type}\nContent-Disposition: {disposition}\n\
                     Content-Transfer-Encoding: {encoding}\n\n"
                );
                let letter = [head.as_bytes(), body, b"\n--x--\n"].concat();
                let entity = Entity::letter(&letter, &Budget::ours()).unwrap();
                let files = entity.files();
                assert_eq!(files.len(), 1, "{encoding} {content_type} {disposition}");
                assert_eq!(files[0].octets.as_ref(), PNG, "{encoding} {content_type}");
                assert_eq!(entity.body(false).text.trim(), "see file", "{content_type}");
            }
        }
    }

    #[test]
    fn a_sealed_message_is_a_file_even_where_it_is_typed_as_the_body() {
        for content_type in ["text/plain", "text/html; charset=windows-1252"] {
            let head = format!("Content-Type: {content_type}\n\n");
            let letter = [head.as_bytes(), SEALED].concat();
            let entity = Entity::letter(&letter, &Budget::ours()).unwrap();
            assert_eq!(entity.files()[0].octets.as_ref(), SEALED, "{content_type}");
            assert_eq!(entity.body(false).text, "", "{content_type}");
        }
    }

    #[test]
    fn a_text_with_a_name_stays_the_body() {
        for (charset, octets) in [
            ("utf-8", "früh\n".as_bytes()),
            ("iso-8859-1", b"fr\xfch\n"),
            ("utf-16le", b"f\0r\0\xfc\0h\0\n\0"),
        ] {
            let head = format!("Content-Type: text/plain; charset={charset}; name=a.txt\n\n");
            let letter = [head.as_bytes(), octets].concat();
            let entity = Entity::letter(&letter, &Budget::ours()).unwrap();
            assert_eq!(entity.body(false).text, "früh\n", "{charset}");
            assert!(entity.files().is_empty(), "{charset}");
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
