//! What stands in one field of a header block?

use crate::model::address::Address;
use crate::model::ids::MessageId;
use mail_parser::{Header, HeaderValue, Message};

/// The first value of a field, unfolded.
pub(super) fn first_raw(message: &Message<'_>, field: &str) -> Option<String> {
    all_raw(message, field).into_iter().next()
}

/// Every value of a field, unfolded. Octets that are no UTF-8 hide nothing: they are replaced.
pub(in crate::mime) fn all_raw(message: &Message<'_>, field: &str) -> Vec<String> {
    let named = message
        .headers()
        .iter()
        .filter(|h| is_spelt(message, h, field));
    let raw = named.filter_map(|h| {
        message
            .raw_message
            .get(h.offset_start() as usize..h.offset_end() as usize)
    });
    raw.map(|octets| {
        String::from_utf8_lossy(octets)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    })
    .collect()
}

/// Whether every field that the parser takes for one of this name bears it: one that is bent is read
/// by it, and seen by no server that signs or strips.
pub(in crate::mime) fn is_spelt_throughout(message: &Message<'_>, field: &str) -> bool {
    let mut named = message
        .headers()
        .iter()
        .filter(|h| h.name().trim().eq_ignore_ascii_case(field));
    named.all(|h| is_spelt(message, h, field))
}

/// Whether a field bears this name, octet by octet. The parser takes names with blanks or signs in
/// them, which a mail server that strips forged fields does not know as what they seem to be.
fn is_spelt(message: &Message<'_>, header: &Header<'_>, field: &str) -> bool {
    let begins = header.offset_field() as usize;
    let spelt = message.raw_message.get(begins..begins + field.len() + 1);
    spelt.is_some_and(|octets| {
        let (name, end) = octets.split_at(field.len());
        name.eq_ignore_ascii_case(field.as_bytes()) && end == b":"
    })
}

/// Every address of a field, however often it stands.
pub(super) fn all(message: &Message<'_>, field: &str) -> Vec<Address> {
    let values = message
        .headers()
        .iter()
        .filter(|h| h.name().eq_ignore_ascii_case(field));
    values
        .flat_map(|h| match h.value() {
            HeaderValue::Address(list) => list
                .iter()
                .filter_map(|a| a.address())
                .map(str::to_owned)
                .collect(),
            HeaderValue::Text(text) => vec![bracketed(text)],
            HeaderValue::TextList(list) => list.iter().map(|t| bracketed(t)).collect(),
            _ => Vec::new(),
        })
        .filter_map(|text| Address::parse(&text).ok())
        .collect()
}

/// `Name <a@b>` to `a@b`, for fields that mail-parser does not read as addresses.
fn bracketed(text: &str) -> String {
    text.rsplit_once('<')
        .map_or(text, |(_, inner)| inner)
        .trim()
        .trim_end_matches('>')
        .to_owned()
}

/// The one address of a field that stands once; two From fields, or two addresses in one, are
/// nobody.
pub(in crate::mime) fn single(message: &Message<'_>, field: &str) -> Option<Address> {
    if message
        .headers()
        .iter()
        .filter(|h| h.name().eq_ignore_ascii_case(field))
        .count()
        != 1
    {
        return None;
    }
    let is_bent =
        |h: &&Header<'_>| h.name().eq_ignore_ascii_case(field) && !is_spelt(message, h, field);
    if message.headers().iter().any(|h| is_bent(&h)) {
        return None;
    }
    let found = all(message, field);
    let [address] = found.as_slice() else {
        return None;
    };
    Some(address.clone())
}

/// The Message-IDs that a field names.
pub(super) fn ids(value: &HeaderValue<'_>) -> Vec<MessageId> {
    /// More references than this say nothing more about a thread.
    const REFERENCES_MAX: usize = 100;
    match value {
        HeaderValue::Text(text) => MessageId::parse(text).into_iter().collect(),
        HeaderValue::TextList(list) => list
            .iter()
            .take(REFERENCES_MAX)
            .filter_map(|t| MessageId::parse(t))
            .collect(),
        _ => Vec::new(),
    }
}
