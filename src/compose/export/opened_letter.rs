//! A letter as a responder's mail program shows it: what was opened, its files, and the letter as
//! it came.

use crate::model::reading::Reading;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, MultiPart, SinglePart};

/// A MIME entity (RFC 2045), to be the inside of a PGP/MIME mail. `files` are in the order of the
/// reading.
pub fn letter(reading: Option<&Reading>, files: &[Vec<u8>], as_it_came: &[u8]) -> Vec<u8> {
    let mut head = String::new();
    let mut text = "(It stayed shut; below it is as it came.)\n".to_owned();
    if let Some(reading) = reading {
        for (name, value) in [
            ("From", &reading.from),
            ("Subject", &reading.subject),
            ("Date", &reading.date),
            ("Message-ID", &reading.message_id),
        ] {
            head.push_str(&format!("{name}: {}\n", value.as_deref().unwrap_or("-")));
        }
        text = reading.text.clone();
    }
    let mut mixed = MultiPart::mixed().singlepart(SinglePart::plain(format!("{head}\n{text}")));
    let attachments = reading
        .map(|reading| reading.attachments.as_slice())
        .unwrap_or_default();
    for (file, octets) in attachments.iter().zip(files) {
        mixed = mixed.singlepart(part(Some(file.media_type.as_str()), &file.name, octets));
    }
    // Not as message/rfc822, which no transfer encoding may touch (RFC 2046 section 5.2.1).
    mixed
        .singlepart(part(None, "as-it-came.eml", as_it_came))
        .formatted()
}

fn part(kind: Option<&str>, name: &str, octets: &[u8]) -> SinglePart {
    // What is a mail or has parts of its own takes no transfer encoding.
    let kind = kind
        .filter(|kind| !kind.starts_with("message/") && !kind.starts_with("multipart/"))
        .and_then(|kind| ContentType::parse(kind).ok());
    let octet_stream = || ContentType::parse("application/octet-stream").expect("a media type");
    let body = Body::new_with_encoding(octets.to_vec(), ContentTransferEncoding::Base64)
        .unwrap_or_else(Body::new);
    SinglePart::builder()
        .header(kind.unwrap_or_else(octet_stream))
        .header(ContentDisposition::attachment(name))
        .body(body)
}
