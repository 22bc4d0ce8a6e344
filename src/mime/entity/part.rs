//! What does one part of a letter say of itself?

use super::{File, LEGACY_LINE_MAX};
use crate::mime::body::{foreign_charset, stripped};
use crate::mime::{filename, precheck};
use crate::model::limits::{CONVERTED_OCTETS_MAX, DECODED_OCTETS_MAX};
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// Autocrypt level 1, section 2.1: `addr=…; prefer-encrypt=mutual; keydata=BASE64`.
pub(super) fn autocrypt_field(value: &str) -> Option<(String, Vec<u8>)> {
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

pub(super) fn attribute_is(part: &MessagePart<'_>, name: &str, value: &str) -> bool {
    part.content_type()
        .and_then(|ct| ct.attribute(name))
        .is_some_and(|v| v.eq_ignore_ascii_case(value))
}

pub(super) fn body_text(part: &MessagePart<'_>, protected: bool) -> String {
    let text = match &part.body {
        PartType::Text(text) => text.as_ref(),
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

/// Whether a text is nothing but header fields, so that leaving it out hides nothing.
pub(super) fn repeats_header(text: &str) -> bool {
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

/// Every address of a field.
pub(super) fn addresses(message: &Message<'_>, field: &'static str) -> Vec<String> {
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
pub(super) fn single_address(message: &Message<'_>, field: &'static str) -> Option<String> {
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
pub(super) fn shown(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !filename::is_invisible(*c))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(in crate::mime) fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.is_content_type(kind, subtype)
}

pub(in crate::mime) fn is_multipart(part: &MessagePart<'_>) -> bool {
    part.content_type()
        .is_some_and(|ct| ct.ctype().eq_ignore_ascii_case("multipart"))
}

pub(in crate::mime) fn is_blank(part: &MessagePart<'_>) -> bool {
    match &part.body {
        PartType::Text(text) => text.trim().is_empty(),
        PartType::Html(html) => stripped(html).trim().is_empty(),
        _ => false,
    }
}

pub(super) fn media_type(part: &MessagePart<'_>) -> String {
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
pub(super) fn is_media_type(name: &str) -> bool {
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

/// The charset that a part names.
pub(super) fn charset<'p>(part: &'p MessagePart<'_>) -> Option<&'p str> {
    part.content_type().and_then(|ct| ct.attribute("charset"))
}

/// A part as the file that it is, with the octets that were sent.
pub(super) fn file<'a>(part: &'a MessagePart<'_>, octets: Cow<'a, [u8]>) -> File<'a> {
    let media_type = media_type(part);
    let name = sent_name(part).unwrap_or(if media_type == "message/rfc822" {
        "forwarded.eml"
    } else {
        ""
    });
    File {
        name: filename::safe_name(name),
        charset: charset(part).and_then(foreign_charset),
        media_type,
        octets,
    }
}

/// The name that a file was sent under. Where it is given twice, once in ASCII for old programs,
/// the other counts (RFC 6266 section 4.3 says so for the web).
pub(super) fn sent_name<'a>(part: &'a MessagePart<'_>) -> Option<&'a str> {
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
