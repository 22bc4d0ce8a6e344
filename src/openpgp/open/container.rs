//! Which container is a message in, and why is one refused?

use super::{
    CONTAINER, GNUPG_CONTAINER, LOOKED_AT_OCTETS, NO_KNOWN_CONTAINER, OLD_CONTAINER, Unopened,
};
use crate::model::reading::Shut;
use crate::openpgp::armor;
use sequoia_openpgp as openpgp;
use sequoia_openpgp::parse::{PacketParser, Parse};

/// Packets before the container: how many there are, and the container's tag (RFC 9580 section
/// 4.3).
pub(super) fn before_container(binary: &[u8]) -> (usize, Option<u8>) {
    let mut at = 0;
    let mut packets = 0;
    while let Some(first) = binary.get(at) {
        let byte = |n: usize| binary.get(at + n).map_or(0, |b| usize::from(*b));
        let (tag, head, length) = match first {
            0xc0.. => match byte(1) {
                short @ 0..192 => (first & 0x3f, 2, short),
                long @ 192..224 => (first & 0x3f, 3, ((long - 192) << 8) + byte(2) + 192),
                255 => (
                    first & 0x3f,
                    6,
                    (byte(2) << 24) | (byte(3) << 16) | (byte(4) << 8) | byte(5),
                ),
                _ => (first & 0x3f, 2, binary.len()), // partial lengths: data
            },
            0x80.. => match first & 3 {
                0 => ((first >> 2) & 15, 2, byte(1)),
                1 => ((first >> 2) & 15, 3, (byte(1) << 8) | byte(2)),
                2 => (
                    (first >> 2) & 15,
                    5,
                    (byte(1) << 24) | (byte(2) << 16) | (byte(3) << 8) | byte(4),
                ),
                _ => ((first >> 2) & 15, 1, binary.len()),
            },
            _ => break,
        };
        match tag {
            1 | 3 | 10 | 21 => packets += 1,
            OLD_CONTAINER | CONTAINER | GNUPG_CONTAINER => return (packets, Some(tag)),
            _ => break,
        }
        at += head + length;
    }
    (packets, None)
}

/// Whether octets, armored or binary, are an encrypted message rather than a signed one.
pub fn is_sealed(octets: &[u8]) -> bool {
    let (packets, container) =
        before_container(&armor::head(octets.trim_ascii_start(), LOOKED_AT_OCTETS));
    container.is_some() || packets > 0
}

/// Sorts Sequoia's error. Its text may quote the letter, so it goes no further.
pub(super) fn why_unopened(err: &openpgp::anyhow::Error, binary: &[u8]) -> Unopened {
    for cause in err.chain() {
        if let Some(own) = cause.downcast_ref::<Unopened>() {
            return own.clone();
        }
        match cause.downcast_ref::<openpgp::Error>() {
            Some(openpgp::Error::ManipulatedMessage) => {
                return Unopened::new(
                    Shut::Integrity,
                    "its integrity check failed: it was damaged or tampered with",
                );
            }
            Some(openpgp::Error::MissingSessionKey(_)) => {
                return Unopened::new(Shut::NoKey, "none of our keys opens it");
            }
            Some(openpgp::Error::UnsupportedSymmetricAlgorithm(cipher)) => {
                return Unopened::in_cipher(*cipher);
            }
            Some(
                openpgp::Error::UnsupportedAEADAlgorithm(_)
                | openpgp::Error::UnsupportedPacketType(_),
            ) => {
                return Unopened::new(
                    Shut::Unsupported,
                    "it uses an algorithm that is not supported",
                );
            }
            Some(openpgp::Error::PolicyViolation(..)) => return refused_container(binary),
            _ => {}
        }
    }
    // An error before any key was found, or in mid-stream: the container itself is broken.
    match refused_container(binary) {
        known if known.why != NO_KNOWN_CONTAINER => known,
        _ => Unopened::DAMAGED,
    }
}

/// Says whether the policy refused the container for want of integrity.
pub(super) fn refused_container(binary: &[u8]) -> Unopened {
    let mut pile = PacketParser::from_bytes(binary).ok();
    while let Some(openpgp::parse::PacketParserResult::Some(parser)) = pile.take() {
        match u8::from(parser.packet.tag()) {
            OLD_CONTAINER => {
                return Unopened::new(
                    Shut::Integrity,
                    "it has no integrity protection (an old packet type): ask for it again from a \
                     current program",
                );
            }
            _ => pile = parser.next().ok().map(|(_, next)| next),
        }
    }
    Unopened::new(Shut::Unsupported, NO_KNOWN_CONTAINER)
}
