//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

use super::body::{Body, html_text, stripped};
use super::{LimitExceeded, filename, precheck, tolerant};
use crate::model::budget::{Budget, Sum};
use crate::model::ids::MessageId;
use crate::model::limits::{CONVERTED_OCTETS_MAX, DECODED_OCTETS_MAX, HTML_PARTS_MAX};
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
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

    /// Protected header fields, where the root of this entity says that it carries them.
    ///
    /// Call it only on the root of a decrypted or signed payload: a part deeper down, or an
    /// unprotected letter, that claims to carry them is lying (RFC 9788 section 4).
    pub fn protected_headers(&self) -> Option<ProtectedHeaders> {
        let content_type = self.root()?.content_type()?;
        let claims = content_type.attribute("hp").is_some_and(|v| {
            ["cipher", "clear"]
                .iter()
                .any(|hp| v.eq_ignore_ascii_case(hp))
        }) || content_type
            .attribute("protected-headers")
            .is_some_and(|v| v.split(',').any(|v| v.trim().eq_ignore_ascii_case("v1")));
        claims.then(|| ProtectedHeaders {
            subject: self.message.subject().map(shown),
            from: single_address(&self.message, "From"),
            message_id: self.message.message_id().map(str::to_owned),
            date: self.message.date().map(mail_parser::DateTime::to_rfc3339),
            recipients: ["To", "Cc"]
                .iter()
                .flat_map(|field| addresses(&self.message, field))
                .collect(),
        })
    }

    pub fn subject(&self) -> Option<String> {
        self.message.subject().map(shown)
    }

    pub fn from(&self) -> Option<String> {
        single_address(&self.message, "From")
    }

    pub fn message_id(&self) -> Option<String> {
        self.message
            .message_id()
            .and_then(MessageId::parse)
            .map(|id| id.as_str().to_owned())
    }

    pub fn date(&self) -> Option<String> {
        self.message.date().map(mail_parser::DateTime::to_rfc3339)
    }

    /// The raw value of a header field of the root, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self
            .message
            .headers_raw()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
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

    /// The certificates in Autocrypt headers, decoded, with the address that each claims.
    pub fn autocrypt(&self) -> Vec<(String, Vec<u8>)> {
        let fields = self
            .message
            .headers_raw()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Autocrypt"));
        fields
            .filter_map(|(_, value)| autocrypt_field(value))
            .collect()
    }
}

/// Autocrypt level 1, section 2.1: `addr=…; prefer-encrypt=mutual; keydata=BASE64`.
fn autocrypt_field(value: &str) -> Option<(String, Vec<u8>)> {
    let mut addr = None;
    let mut keydata = None;
    for attribute in value.split(';') {
        let (name, value) = attribute.split_once('=')?;
        match name.trim() {
            "addr" => addr = Some(value.trim().to_ascii_lowercase()),
            "keydata" => {
                let base64: Vec<u8> = value.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                keydata = mail_parser::decoders::base64::base64_decode(&base64);
            }
            "prefer-encrypt" => {}
            critical if !critical.starts_with('_') => return None, // an unknown critical attribute voids the header
            _ => {}
        }
    }
    Some((addr?, keydata?))
}

fn attribute_is(part: &MessagePart<'_>, name: &str, value: &str) -> bool {
    part.content_type()
        .and_then(|ct| ct.attribute(name))
        .is_some_and(|v| v.eq_ignore_ascii_case(value))
}

fn body_text(part: &MessagePart<'_>, protected: bool) -> String {
    let text = match &part.body {
        PartType::Text(text) => text.as_ref(),
        PartType::Html(html) => return html_text(html),
        _ => return String::new(),
    };
    // RFC 9788 section 5.2.2: the lines up to the first empty one repeat the header.
    let legacy = protected && attribute_is(part, "hp-legacy-display", "1");
    let after = legacy
        .then(|| {
            text.split_once("\r\n\r\n")
                .or_else(|| text.split_once("\n\n"))
        })
        .flatten();
    let text = after
        .filter(|(display, _)| repeats_header(display))
        .map_or(text, |(_, rest)| rest);
    // What grew on the way into UTF-8 is no armor, beside which a greeting may stand in any
    // language.
    let as_sent = part.raw_end_offset().saturating_sub(part.raw_body_offset()) as usize;
    let most = if text.len() <= as_sent + as_sent / 8 {
        DECODED_OCTETS_MAX
    } else {
        CONVERTED_OCTETS_MAX
    };
    text[..text.floor_char_boundary(most)].to_owned()
}

/// A longer line of legacy display could hide a report.
const LEGACY_LINE_MAX: usize = 300;

/// Whether a text is nothing but header fields, so that leaving it out hides nothing.
fn repeats_header(text: &str) -> bool {
    let fields = [
        "subject:",
        "from:",
        "to:",
        "cc:",
        "reply-to:",
        "date:",
        "followup-to:",
    ];
    let is_field = |line: &str| {
        line.len() <= LEGACY_LINE_MAX
            && fields.iter().any(|f| {
                line.get(..f.len())
                    .is_some_and(|l| l.eq_ignore_ascii_case(f))
            })
    };
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    lines.peek().is_some() && lines.all(is_field)
}

/// A plain text as short as this, beside HTML that says far more, only says that there is HTML.
const STUB_OCTETS_MAX: usize = 300;

/// Every address of a field.
fn addresses(message: &Message<'_>, field: &'static str) -> Vec<String> {
    let values = message
        .header_values(field)
        .filter_map(|value| value.as_address());
    values
        .flat_map(|list| {
            list.iter()
                .filter_map(|one| one.address())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The address of a field that stands once and names one mailbox.
fn single_address(message: &Message<'_>, field: &'static str) -> Option<String> {
    let mut values = message.header_values(field);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let addresses: Vec<_> = value.as_address()?.iter().collect();
    let [one] = addresses.as_slice() else {
        return None;
    };
    one.address().map(str::to_owned)
}

/// One line without what could drive a header, a terminal or an eye.
fn shown(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !filename::is_invisible(*c))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.is_content_type(kind, subtype)
}

pub(super) fn is_multipart(part: &MessagePart<'_>) -> bool {
    part.content_type()
        .is_some_and(|ct| ct.ctype().eq_ignore_ascii_case("multipart"))
}

pub(super) fn is_blank(part: &MessagePart<'_>) -> bool {
    match &part.body {
        PartType::Text(text) => text.trim().is_empty(),
        PartType::Html(html) => stripped(html).trim().is_empty(),
        _ => false,
    }
}

pub(super) fn contents<'a>(part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    Cow::Borrowed(part.contents())
}

fn media_type(part: &MessagePart<'_>) -> String {
    let named = |ct: &mail_parser::ContentType<'_>| {
        format!("{}/{}", ct.ctype(), ct.subtype().unwrap_or("plain")).to_ascii_lowercase()
    };
    match part.content_type() {
        Some(ct) => Some(precheck::true_media_type(named(ct)))
            .filter(|name| is_media_type(name))
            .unwrap_or_else(|| "application/octet-stream".to_owned()),
        None => "text/plain".to_owned(),
    }
}

/// Whether a name can be one of a media type (RFC 6838 section 4.2): it is shown on terminals.
fn is_media_type(name: &str) -> bool {
    const NAME_OCTETS_MAX: usize = 127;
    let is_name = |part: &str| {
        let first = part
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        first
            && part.len() <= NAME_OCTETS_MAX
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    name.split_once('/')
        .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

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

fn file<'a>(part: &'a MessagePart<'_>, message: &'a Message<'_>) -> File<'a> {
    let octets = match &part.body {
        PartType::Message(inner) => {
            let whole = message
                .raw_message
                .get(part.raw_body_offset() as usize..part.raw_end_offset() as usize);
            Cow::Borrowed(whole.unwrap_or(&inner.raw_message))
        }
        _ => Cow::Borrowed(part.contents()),
    };
    let media_type = media_type(part);
    let name = sent_name(part).unwrap_or(if media_type == "message/rfc822" {
        "forwarded.eml"
    } else {
        ""
    });
    File {
        name: filename::safe_name(name),
        media_type,
        octets,
    }
}

/// The name that a file was sent under. Where it is given twice, once in ASCII for old programs,
/// the other counts (RFC 6266 section 4.3 says so for the web).
fn sent_name<'a>(part: &'a MessagePart<'_>) -> Option<&'a str> {
    let all = |of: Option<&'a mail_parser::ContentType<'_>>, name: &'static str| {
        let attributes = of.and_then(|field| field.attributes()).unwrap_or_default();
        attributes
            .iter()
            .filter(move |a| a.name.eq_ignore_ascii_case(name))
            .map(|a| a.value.as_ref())
    };
    let best = |names: Vec<&'a str>| {
        names
            .iter()
            .copied()
            .find(|name| !name.is_ascii())
            .or(names.first().copied())
    };
    best(all(part.content_disposition(), "filename").collect())
        .or_else(|| best(all(part.content_type(), "name").collect()))
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
