//! What is inside ASCII armor? (RFC 9580 section 6.2)
//!
//! Armor as programs write it is decoded at once. Sequoia's reader finds armor in anything and
//! takes longer for it than decryption and all the rest of opening together, so it is asked only
//! about armor that is bent.

use super::guarded;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sequoia_openpgp::armor::{Reader, ReaderMode};
use std::borrow::Cow;
use std::io::Read;

/// Padding may be missing (RFC 9580 section 6.1 leaves the checksum out, and some programs this
/// too).
const DIGITS: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Digits decoded at a time: a multiple of four.
const CHUNK_OCTETS: usize = 48 * 1024;

/// The octets inside armor, or the octets themselves where there is none.
pub(super) fn binary(octets: &[u8]) -> Cow<'_, [u8]> {
    if !octets.starts_with(b"-----BEGIN PGP ") && octets.first().is_some_and(|b| *b >= 0x80) {
        return Cow::Borrowed(octets);
    }
    regular(octets)
        .or_else(|| bent(octets))
        .map_or(Cow::Borrowed(octets), Cow::Owned)
}

/// As [`binary()`], for no more octets than a look at the first packets needs.
pub(super) fn head(octets: &[u8], octets_max: usize) -> Cow<'_, [u8]> {
    if octets.len() <= octets_max {
        return binary(octets);
    }
    let begun = Regular::begin(octets).and_then(|armor| {
        let mut head = Vec::new();
        armor.take(octets_max as u64).read_to_end(&mut head).ok()?;
        Some(head)
    });
    begun
        .or_else(|| bent(octets))
        .map_or(Cow::Borrowed(octets), Cow::Owned)
}

fn regular(octets: &[u8]) -> Option<Vec<u8>> {
    let mut binary = Vec::with_capacity(octets.len() / 4 * 3);
    Regular::begin(octets)?.read_to_end(&mut binary).ok()?;
    Some(binary)
}

/// Armor in which every line is a header, digits, a checksum or the end, decoded as it is read.
/// Where it turns out to be bent, reading ends with an error.
pub(super) struct Regular<'a> {
    rest: &'a [u8],
    digits: Vec<u8>,
    decoded: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<'a> Regular<'a> {
    /// Reads the BEGIN line and the headers; `None` where it is no such armor, or a clearsigned
    /// text (RFC 9580 section 7). Nothing of the body is decoded yet.
    pub fn begin(octets: &'a [u8]) -> Option<Self> {
        let mut armor = Self {
            rest: octets,
            digits: Vec::new(),
            decoded: Vec::new(),
            given: 0,
            ended: false,
        };
        let mark = armor.line()?;
        if !mark.starts_with(b"-----BEGIN PGP ")
            || !mark.ends_with(b"-----")
            || mark == b"-----BEGIN PGP SIGNED MESSAGE-----"
        {
            return None;
        }
        while let Some(header) = armor.line().filter(|line| !line.is_empty()) {
            header.windows(2).any(|w| w == b": ").then_some(())?;
        }
        Some(armor)
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let (line, rest) = (
            &self.rest[..end],
            &self.rest[(end + 1).min(self.rest.len())..],
        );
        self.rest = rest;
        Some(line.trim_ascii_end())
    }

    /// Decodes the next chunk; `None` where the armor is bent or not whole.
    fn decode(&mut self) -> Option<()> {
        while self.digits.len() < CHUNK_OCTETS && !self.ended {
            let line = self.line()?;
            match line.first() {
                Some(b'-') => {
                    line.starts_with(b"-----END PGP ").then_some(())?;
                    self.ended = true;
                }
                Some(b'=') if line.len() == 5 => {}
                _ => self.digits.extend_from_slice(line),
            }
        }
        let rest = if self.ended { 0 } else { self.digits.len() % 4 };
        let whole = self.digits.len() - rest;
        self.decoded.clear();
        self.given = 0;
        DIGITS
            .decode_vec(&self.digits[..whole], &mut self.decoded)
            .ok()?;
        self.digits.drain(..whole);
        Some(())
    }
}

impl Read for Regular<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.decoded.len() {
            if self.ended {
                return Ok(0);
            }
            self.decode().ok_or(std::io::ErrorKind::InvalidData)?;
        }
        let piece = &self.decoded[self.given..];
        let given = piece.len().min(out.len());
        out[..given].copy_from_slice(&piece[..given]);
        self.given += given;
        Ok(given)
    }
}

fn bent(octets: &[u8]) -> Option<Vec<u8>> {
    let read = || {
        let mut reader = Reader::from_bytes(octets, ReaderMode::Tolerant(None));
        let mut binary = Vec::new();
        reader.read_to_end(&mut binary).ok()?;
        reader.kind().is_some().then_some(binary)
    };
    guarded(read).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armored(octets: &[u8], line_end: &str) -> String {
        let digits = base64::engine::general_purpose::STANDARD.encode(octets);
        let lines: Vec<&str> = digits
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        [
            "-----BEGIN PGP MESSAGE-----",
            "Comment: words",
            "",
            &lines.join(line_end),
            "=AAAA",
            "-----END PGP MESSAGE-----",
            "",
        ]
        .join(line_end)
    }

    #[test]
    fn both_readers_find_the_same_octets() {
        for size in [1, 2, 3, 47, 48, 49, CHUNK_OCTETS, 3 * CHUNK_OCTETS + 1] {
            let octets: Vec<u8> = (0..size).map(|n| (n * 7 + n / 256) as u8).collect();
            for line_end in ["\n", "\r\n", " \r\n"] {
                let text = armored(&octets, line_end).replace("\n=AAAA", "");
                assert_eq!(
                    regular(text.as_bytes()).as_deref(),
                    Some(&octets[..]),
                    "{size}"
                );
                let unchecked = text.replace("=AAAA\r\n", "").replace("=AAAA \r\n", "");
                assert_eq!(&*binary(unchecked.as_bytes()), octets);
            }
        }
    }

    #[test]
    fn the_head_of_a_long_message_is_the_start_of_it() {
        let octets: Vec<u8> = (0..300_000).map(|n| (n * 7 + n / 256) as u8).collect();
        let text = armored(&octets, "\n");
        let head = head(text.as_bytes(), 100_001);
        assert!(head.len() > 70_000 && octets.starts_with(&head));
    }

    #[test]
    fn what_is_bent_goes_to_the_other_reader() {
        let text = armored(b"some octets that are long enough for a line", "\n");
        for bent in [
            text.replace("-----END", ">----END"),
            text.replace("Comment: ", "Comment "),
            format!("before\n{text}"),
            text.replace("\n\n", "\n!\n"),
        ] {
            assert_eq!(regular(bent.as_bytes()), None, "{bent}");
        }
        assert_eq!(&*binary(b"no armor at all"), b"no armor at all");
        assert_eq!(&*binary(b"\xc1\x00"), b"\xc1\x00");
    }
}
