//! How is mail-parser called so that no letter can end the process?
//!
//! It gives nothing for a letter without a header, and its convenience calls then index an empty list. A
//! panic in it must not take the desk along: what it can't parse is a letter without header or parts.

use mail_parser::{Message, MessageParser, MessagePart};
use std::borrow::Cow;
use std::panic::catch_unwind;

pub(super) fn parse(octets: &[u8]) -> Message<'_> {
    usable(catch_unwind(|| MessageParser::new().parse(octets)).ok().flatten())
}

pub(super) fn parse_headers(octets: &[u8]) -> Message<'_> {
    usable(catch_unwind(|| MessageParser::new().parse_headers(octets)).ok().flatten())
}

fn usable(message: Option<Message<'_>>) -> Message<'_> {
    message.filter(|m| !m.parts.is_empty()).unwrap_or_else(|| Message {
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
        for octets in [&b""[..], b"\n", b"\r\n\r\n", b"no header at all", &[0xff; 40], b":\n:\n\n"] {
            for message in [parse(octets), parse_headers(octets)] {
                let _ = (message.headers().len(), message.subject(), message.from(), message.content_type_seen());
            }
        }
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
