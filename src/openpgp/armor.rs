//! What is inside ASCII armor? (RFC 9580 section 6.2)
//!
//! Armor as programs write it is decoded at once. Sequoia's reader finds armor in anything and takes longer for it
//! than decryption and all the rest of opening together, so it is asked only about armor that is bent.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sequoia_openpgp::armor::{Reader, ReaderMode};
use std::borrow::Cow;
use std::io::Read;

/// Padding may be missing (RFC 9580 section 6.1 leaves the checksum out, and some programs this too).
const DIGITS: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true));

/// Digits decoded at a time: a multiple of four.
const CHUNK_OCTETS: usize = 48 * 1024;

/// The octets inside armor, or the octets themselves where there is none.
pub(super) fn binary(octets: &[u8]) -> Cow<'_, [u8]> {
    if !octets.starts_with(b"-----BEGIN PGP ") && octets.first().is_some_and(|b| *b >= 0x80) {
        return Cow::Borrowed(octets);
    }
    regular(octets, true).or_else(|| bent(octets)).map_or(Cow::Borrowed(octets), Cow::Owned)
}

/// As [`binary()`], for as many octets as a look at the first packets needs.
pub(super) fn head(octets: &[u8], octets_max: usize) -> Cow<'_, [u8]> {
    if octets.len() <= octets_max {
        return binary(octets);
    }
    let octets = &octets[..octets_max];
    regular(octets, false).or_else(|| bent(octets)).map_or(Cow::Borrowed(octets), Cow::Owned)
}

/// Armor in which every line is a header, digits, a checksum or the end. `whole`: its end is there.
fn regular(octets: &[u8], whole: bool) -> Option<Vec<u8>> {
    let mut at = 0;
    let mut lines = memchr::memchr_iter(b'\n', octets).chain([octets.len()]).map(|end| octets[std::mem::replace(&mut at, end + 1)..end].trim_ascii_end());
    let mark = lines.next()?;
    if !mark.starts_with(b"-----BEGIN PGP ") || !mark.ends_with(b"-----") || mark == b"-----BEGIN PGP SIGNED MESSAGE-----" {
        return None;
    }
    while let Some(header) = lines.next().filter(|line| !line.is_empty()) {
        header.windows(2).any(|w| w == b": ").then_some(())?;
    }
    let mut binary = Vec::with_capacity(octets.len() / 4 * 3);
    let mut digits: Vec<u8> = Vec::with_capacity(CHUNK_OCTETS + 1024);
    let mut ended = false;
    for line in lines {
        match line.first() {
            Some(b'-') if line.starts_with(b"-----END PGP ") => {
                ended = true;
                break;
            }
            Some(b'=') if line.len() == 5 => continue,
            _ => digits.extend_from_slice(line),
        }
        if digits.len() >= CHUNK_OCTETS {
            let rest = digits.len() % 4;
            DIGITS.decode_vec(&digits[..digits.len() - rest], &mut binary).ok()?;
            digits.drain(..digits.len() - rest);
        }
    }
    if !whole {
        digits.truncate(digits.len() / 4 * 4);
    }
    DIGITS.decode_vec(&digits, &mut binary).ok()?;
    (ended || !whole).then_some(binary)
}

fn bent(octets: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::from_bytes(octets, ReaderMode::Tolerant(None));
    let mut binary = Vec::new();
    reader.read_to_end(&mut binary).ok()?;
    reader.kind().is_some().then_some(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armored(octets: &[u8], line_end: &str) -> String {
        let digits = base64::engine::general_purpose::STANDARD.encode(octets);
        let lines: Vec<&str> = digits.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        ["-----BEGIN PGP MESSAGE-----", "Comment: words", "", &lines.join(line_end), "=AAAA", "-----END PGP MESSAGE-----", ""].join(line_end)
    }

    #[test]
    fn both_readers_find_the_same_octets() {
        for size in [1, 2, 3, 47, 48, 49, CHUNK_OCTETS, 3 * CHUNK_OCTETS + 1] {
            let octets: Vec<u8> = (0..size).map(|n| (n * 7 + n / 256) as u8).collect();
            for line_end in ["\n", "\r\n", " \r\n"] {
                let text = armored(&octets, line_end).replace("\n=AAAA", "");
                assert_eq!(regular(text.as_bytes(), true).as_deref(), Some(&octets[..]), "{size}");
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
        for bent in [text.replace("-----END", ">----END"), text.replace("Comment: ", "Comment "), format!("before\n{text}"), text.replace("\n\n", "\n!\n")] {
            assert_eq!(regular(bent.as_bytes(), true), None, "{bent}");
        }
        assert_eq!(&*binary(b"no armor at all"), b"no armor at all");
        assert_eq!(&*binary(b"\xc1\x00"), b"\xc1\x00");
    }
}
