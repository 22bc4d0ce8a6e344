//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

mod headers;
mod part;

use super::body::{Body, html_text, stripped};
use super::{LimitExceeded, precheck, tolerant};
use crate::model::budget::{Budget, Sum};
use crate::model::limits::HTML_PARTS_MAX;
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use part::{attribute_is, body_text, file, media_type, repeats_header};
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

    /// The body that a human would read: plain text where there is one, else HTML as text. Inside a
    /// protected payload, what only repeats its header for old programs is left out.
    pub fn body(&self, protected: bool) -> Body {
        let bodies: Vec<&MessagePart<'x>> = self
            .message
            .text_body
            .iter()
            .filter_map(|id| self.message.part(*id))
            .collect();
        let shown = bodies
            .iter()
            .filter(|part| !(protected && self.is_legacy_display(part)));
        let read = |(n, part): (usize, &&MessagePart<'x>)| match &part.body {
            PartType::Html(html) if n >= HTML_PARTS_MAX => stripped(html),
            _ => self
                .salvaged_text(part)
                .or_else(|| self.redecoded(part))
                .unwrap_or_else(|| body_text(part, protected)),
        };
        let mut texts: Vec<String> = shown.enumerate().map(read).collect();
        let text = if texts.len() == 1 {
            texts.swap_remove(0)
        } else {
            texts.join("\n")
        };
        let all = |name: &str, value: &str| {
            !bodies.is_empty() && bodies.iter().all(|part| attribute_is(part, name, value))
        };
        let charset = match bodies.as_slice() {
            [one] => one
                .content_type()
                .and_then(|ct| ct.attribute("charset"))
                .map(str::to_owned),
            _ => None,
        };
        let mut body = Body {
            text,
            flowed: all("format", "flowed"),
            delete_space: all("delsp", "yes"),
            charset,
        };
        let has_block = |text: &str| text.contains("-----BEGIN PGP ");
        if body.text.trim().is_empty() || !has_block(&body.text) {
            // An empty text, or one that only says that there is more, beside HTML: the words stand
            // there.
            let html = self
                .message
                .html_body
                .iter()
                .filter_map(|id| self.message.part(*id))
                .filter(|part| part.is_text_html());
            let html = html.enumerate().map(|(n, part)| {
                if n < HTML_PARTS_MAX {
                    body_text(part, protected)
                } else {
                    stripped(part.text_contents().unwrap_or_default())
                }
            });
            let html = html.collect::<Vec<_>>().join("\n");
            let stub = body.text.trim().len() < STUB_OCTETS_MAX
                && html.trim().len() > 4 * body.text.trim().len();
            if stub || has_block(&html) {
                body = Body {
                    text: html,
                    ..Body::default()
                };
            }
        }
        if body.text.trim().is_empty()
            && let Some(text) = self.lone_text()
        {
            body = Body {
                text,
                ..Body::default()
            };
        }
        if body.text.starts_with('\u{feff}') {
            body.text = body.text.trim_start_matches('\u{feff}').to_owned();
        }
        body.text = super::body::with_plain_ends(body.text);
        if self.renamed {
            body.text = body.text.replace(precheck::RENAMED_TYPE, "message/");
        }
        body
    }

    /// The text of a letter whose single part is text under another name, or of a multipart whose
    /// boundary is lost.
    fn lone_text(&self) -> Option<String> {
        let root = self.root()?;
        let named = root.attachment_name().is_some()
            || root
                .content_disposition()
                .is_some_and(|d| d.is_attachment());
        let children = self.children(root);
        let octets = if is_multipart(root) && children.is_empty() {
            self.message
                .raw_message
                .get(root.raw_body_offset() as usize..)?
        } else if !named
            && children.is_empty()
            && matches!(
                root.body,
                PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Text(_)
            )
        {
            root.contents()
        } else {
            return None;
        };
        let kind = media_type(root);
        let is_text = (kind.starts_with("text/") || std::str::from_utf8(octets).is_ok())
            && !octets.contains(&0);
        is_text.then(|| super::body::decode(octets, None))
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

    fn salvaged_text(&self, part: &MessagePart<'_>) -> Option<String> {
        let (octets, rest) = self.salvaged(part)?;
        let charset = part.content_type().and_then(|ct| ct.attribute("charset"));
        let text = super::body::decode(&octets, charset);
        let text = if part.is_text_html() {
            html_text(&text)
        } else {
            text
        };
        Some(format!("{}\n{rest}", text.trim_end()))
    }

    /// Text whose charset was named wrongly, where its octets tell the right one.
    fn redecoded(&self, part: &MessagePart<'_>) -> Option<String> {
        let PartType::Text(text) = &part.body else {
            return None;
        };
        let charset = part.content_type().and_then(|ct| ct.attribute("charset"));
        if charset.is_some_and(|c| c.eq_ignore_ascii_case("us-ascii")) && !text.is_ascii() {
            // mail-parser read it as windows-1252.
            let (octets, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
            return (!unmappable).then(|| super::body::decode(&octets, None));
        }
        if !text.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let raw = self
            .message
            .raw_message
            .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)?;
        let octets = match part.encoding {
            mail_parser::Encoding::None => Cow::Borrowed(raw),
            mail_parser::Encoding::Base64 => {
                let digits: Vec<u8> = raw
                    .iter()
                    .copied()
                    .filter(|b| !b.is_ascii_whitespace())
                    .collect();
                Cow::Owned(mail_parser::decoders::base64::base64_decode(&digits)?)
            }
            mail_parser::Encoding::QuotedPrintable => {
                Cow::Owned(mail_parser::decoders::quoted_printable::quoted_printable_decode(raw)?)
            }
        };
        Some(super::body::decode(&octets, charset))
    }

    /// A part that shows the protected header to programs that know nothing of it (the older
    /// protected-headers="v1").
    fn is_legacy_display(&self, part: &MessagePart<'x>) -> bool {
        let Some(root) = self.root() else {
            return false;
        };
        let claimed = !std::ptr::eq(root, part)
            && attribute_is(root, "protected-headers", "v1")
            && attribute_is(part, "protected-headers", "v1");
        claimed && part.text_contents().is_some_and(repeats_header)
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

/// A plain text as short as this, beside HTML that says far more, only says that there is HTML.
const STUB_OCTETS_MAX: usize = 300;

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
