//! How is mail-parser called so that no letter can end the process?
//!
//! It gives nothing for a letter without a header, and its convenience calls then index an empty
//! list. A panic in it must not take the desk along: what it can't parse is a letter without header
//! or parts.

use mail_parser::{Message, MessageParser, MessagePart};
use std::borrow::Cow;
use std::panic::catch_unwind;

/// Where a letter begins: after blank lines and the separator of an mbox, which some programs leave
/// in front.
pub(super) fn letter_start(octets: &[u8]) -> &[u8] {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let mut rest = octets;
    while let Some(line) = rest.split_inclusive(|b| *b == b'\n').next() {
        let separator = line.starts_with(b"From ") || line.starts_with(b">From ");
        if !separator && !line.trim_ascii().is_empty() {
            return rest;
        }
        rest = &rest[line.len()..];
    }
    octets
}

/// Whether these octets begin with a header field (RFC 5322 section 2.2): else all of it is body.
pub(super) fn begins_with_field(octets: &[u8]) -> bool {
    let name = octets
        .iter()
        .take_while(|b| b.is_ascii_graphic() && **b != b':')
        .count();
    name > 0 && octets[name..].trim_ascii_start().first() == Some(&b':')
}

/// Plaintext as the MIME entity that it is, rather than text that happens to begin with a word and
/// a colon.
pub fn entity_in(octets: &[u8]) -> Option<&[u8]> {
    let octets = letter_start(octets);
    is_entity(octets).then_some(octets)
}

fn is_entity(octets: &[u8]) -> bool {
    let head = octets
        .split(|b| *b == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty())
        .take(50);
    let named = |line: &[u8], name: &[u8]| {
        line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name)
    };
    begins_with_field(octets)
        && head
            .into_iter()
            .any(|line| named(line, b"content-type:") || named(line, b"mime-version:"))
}

pub(super) fn parse(octets: &[u8]) -> Message<'_> {
    usable(
        catch_unwind(|| MessageParser::new().parse(octets))
            .ok()
            .flatten(),
    )
}

pub(super) fn parse_headers(octets: &[u8]) -> Message<'_> {
    usable(
        catch_unwind(|| MessageParser::new().parse_headers(octets))
            .ok()
            .flatten(),
    )
}

fn usable(message: Option<Message<'_>>) -> Message<'_> {
    message
        .filter(|m| !m.parts.is_empty())
        .unwrap_or_else(|| Message {
            parts: vec![MessagePart::default()],
            raw_message: Cow::Borrowed(&[]),
            ..Message::default()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_letter_is_an_empty_one() {
        for octets in [
            &b""[..],
            b"\n",
            b"\r\n\r\n",
            b"no header at all",
            &[0xff; 40],
            b":\n:\n\n",
        ] {
            for message in [parse(octets), parse_headers(octets)] {
                let _ = (
                    message.headers().len(),
                    message.subject(),
                    message.from(),
                    message.content_type_seen(),
                );
            }
        }
    }

    #[test]
    fn a_letter_begins_where_its_first_field_does() {
        assert_eq!(
            letter_start(b"\r\n\nFrom x@y Sun Nov 22\nSubject: s\n\nbody"),
            b"Subject: s\n\nbody"
        );
        assert_eq!(letter_start(b"\n\n"), b"\n\n");
        assert!(
            begins_with_field(b"X-Y: z")
                && begins_with_field(b"Subject : z")
                && !begins_with_field(b"Hello there: world")
                && !begins_with_field(b"")
        );
    }

    trait Seen {
        fn content_type_seen(&self) -> bool;
    }

    impl Seen for Message<'_> {
        fn content_type_seen(&self) -> bool {
            use mail_parser::MimeHeaders;
            self.content_type().is_some()
        }
    }
}
