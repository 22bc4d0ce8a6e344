//! By which way did a letter reach our mail server? For SPF (RFC 7208), from what that server wrote
//! on top.

use super::outer::single;
use super::{header_block_end, tolerant};
use crate::model::address::Address;
use mail_parser::HeaderValue;
use std::net::IpAddr;

/// The last step from outside, and the fields of the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path<'x> {
    /// The header block, without what some programs leave in front of it.
    pub fields: &'x [u8],
    /// The single From.
    pub from: Option<Address>,
    /// Who handed the letter over, and the name that it gave in EHLO: of the topmost Received whose
    /// client has a public address.
    pub client: Option<(IpAddr, String)>,
    /// The envelope sender; empty for `<>` and where no Return-Path says it.
    pub return_path: String,
}

/// Reads the header block of `head` alone. What stands below our own server's fields is a claim of
/// the sender.
pub fn path(head: &[u8]) -> Path<'_> {
    let fields = tolerant::letter_start(&head[..header_block_end(head)]);
    let message = tolerant::parse_headers(fields);
    let received = message
        .headers()
        .iter()
        .filter(|h| h.name().eq_ignore_ascii_case("Received"));
    let client = received
        .filter_map(|h| match h.value() {
            HeaderValue::Received(received) => Some((
                received.from_ip?,
                received
                    .from
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            )),
            _ => None,
        })
        .find(|(address, _)| is_public(*address));
    let return_path = message
        .headers()
        .iter()
        .find(|h| h.name().eq_ignore_ascii_case("Return-Path"));
    let return_path = return_path.and_then(|h| {
        message
            .raw_message
            .get(h.offset_start() as usize..h.offset_end() as usize)
    });
    let return_path = return_path.map(|raw| {
        String::from_utf8_lossy(raw)
            .trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .to_owned()
    });
    Path {
        fields,
        from: single(&message, "From"),
        client,
        return_path: return_path.unwrap_or_default(),
    }
}

/// Not our own relays: those hand on what somebody else brought.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_from_outside_is_found_behind_our_own_relays() {
        let head = b"Return-Path: <ada@b.example>\r\nReceived: from mx.desk.example \
            (mx.desk.example [10.0.0.2])\r\n\tby store.desk.example with LMTP; Mon, 2 Nov 2026 \
            10:00:00 +0000\r\nReceived: from out.b.example (out.b.example [192.0.2.7])\r\n\tby \
            mx.desk.example with ESMTPS; Mon, 2 Nov 2026 10:00:00 +0000\r\nReceived: from \
            forged.example (forged.example [198.51.100.9])\r\n\tby out.b.example; Mon, 2 Nov 2026 \
            09:59:00 +0000\r\nFrom: ada@b.example\r\n\r\n";
        let path = path(head);
        assert_eq!(
            path.client,
            Some(("192.0.2.7".parse().unwrap(), "out.b.example".to_owned()))
        );
        assert_eq!(path.return_path, "ada@b.example");
        assert_eq!(super::path(b"From: a@b.example\r\n\r\n").client, None);
    }
}
