//! Does a letter hold somebody's secret key? Where it does, and the text without it.
//!
//! Who exports a key by mistake sends the secret one. It must not stand in what is shown and filed.

use super::inline::{BlockKind, DIGITS_MIN, blocks, is_quoting};
use crate::model::limits::{PACKETS_MAX, SHOWN_FILE_OCTETS_MAX};
use mail_parser::decoders::base64::base64_decode;

/// What stands in a text where a secret key stood.
pub const LEFT_OUT: &str = "[a secret key was left out here]";

const ANY_BEGIN: &[u8] = b"-----BEGIN PGP ";
const BEGIN: &str = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
const END: &str = "-----END PGP PRIVATE KEY BLOCK-----";

/// Armor headers (RFC 9580 section 6.2.2).
const ARMOR_HEADERS: &[&str] = &["version:", "comment:", "hash:", "charset:", "messageid:"];

/// A text without the secret keys in it; `None` where there are none. Words that stand between the
/// marks of a key stay, and so does what merely speaks of such marks. Takes time linear in the text.
pub fn without_secret_keys(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = memchr::memmem::find(&text.as_bytes()[at..], BEGIN.as_bytes()) {
        let mark_at = at + found;
        at = mark_at + BEGIN.len();
        let Some((words, length)) = key_at(&text[at..]) else {
            continue;
        };
        at += length;
        out.extend([&text[copied..mark_at], LEFT_OUT, &words]);
        copied = at;
        if !text[copied..].starts_with(['\n', '\r']) {
            out.push('\n');
        }
    }
    (copied > 0).then(|| out + &text[copied..])
}

/// The key behind its first mark: the words in it, each line after a line end, and its length. One
/// that was cut off ends where the text is armor no more.
fn key_at(rest: &str) -> Option<(String, usize)> {
    let next = memchr::memmem::find(rest.as_bytes(), ANY_BEGIN).unwrap_or(rest.len());
    let (inside, length) = match rest[..next].find(END) {
        Some(at) => (&rest[..at], at + END.len()),
        None => {
            let length = cut_off_length(&rest[..next]);
            (&rest[..length], length)
        }
    };
    let mut armor = Armor::default();
    let mut words = String::new();
    for line in inside.lines() {
        let kept = armor.words_in(line);
        if !kept.is_empty() {
            words.extend(["\n", &kept.join(" ")]);
        }
    }
    (armor.digits >= DIGITS_MIN).then_some((words, length))
}

fn cut_off_length(rest: &str) -> usize {
    let mut armor = Armor::default();
    let lines = rest.split_inclusive('\n').enumerate();
    lines
        .take_while(|(n, line)| armor.words_in(line).is_empty() || *n == 0)
        .map(|(_, line)| line.len())
        .sum()
}

/// What was read of a key.
#[derive(Default)]
struct Armor {
    digits: usize,
    /// A full line was read: the next word may be a short last one.
    is_going_on: bool,
}

impl Armor {
    /// The words of a line that are no armor.
    fn words_in<'t>(&mut self, line: &'t str) -> Vec<&'t str> {
        let start = line.trim_start_matches(['>', '|', ' ', '\t']);
        let is_header = ARMOR_HEADERS.iter().any(|name| {
            start
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let has_digits = line.split_whitespace().any(is_full_base64);
        if is_header && self.digits == 0 && !has_digits {
            return Vec::new();
        }
        let words = line.split_whitespace().filter(|word| !is_quoting(word));
        words.filter(|word| !self.takes(word)).collect()
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_full = is_full_base64(word);
        let is_checksum = word.starts_with('=') && word.len() == 5;
        if !is_base64(word) || !(is_full || is_checksum || self.is_going_on) {
            return false;
        }
        self.digits += word.len();
        self.is_going_on = is_full;
        true
    }
}

fn is_base64(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

fn is_full_base64(word: &str) -> bool {
    word.len() >= DIGITS_MIN && is_base64(word)
}

/// Whether a file is or holds a secret key: armored, even as a public one, or in binary packets.
pub fn holds_secret_key(octets: &[u8]) -> bool {
    let head = &octets[..octets.len().min(SHOWN_FILE_OCTETS_MAX)];
    if has_secret_packet(octets) {
        return true;
    }
    if memchr::memmem::find(head, ANY_BEGIN).is_none() {
        return false;
    }
    let text = String::from_utf8_lossy(head);
    without_secret_keys(&text).is_some()
        || blocks(&text).iter().any(|block| {
            block.kind == BlockKind::PublicKey && has_secret_packet(&dearmored(&block.octets))
        })
}

/// The octets of a block as [`blocks`] builds it.
fn dearmored(block: &str) -> Vec<u8> {
    let lines = block.lines().skip_while(|line| !line.is_empty());
    let digits: String = lines.take_while(|line| !line.starts_with('-')).collect();
    base64_decode(digits.as_bytes()).unwrap_or_default()
}

/// Whether octets are packets that begin with a key, and a secret key is among them (RFC 9580
/// sections 5.5.1 and 10.1).
fn has_secret_packet(octets: &[u8]) -> bool {
    const SECRET_KEY: u8 = 5;
    const PUBLIC_KEY: u8 = 6;
    const SECRET_SUBKEY: u8 = 7;
    let mut rest = octets;
    for n in 0..PACKETS_MAX {
        let Some((tag, body, next)) = packet(rest) else {
            return false;
        };
        let is_secret = matches!(tag, SECRET_KEY | SECRET_SUBKEY);
        if is_secret && is_key(body) {
            return true;
        }
        if n == 0 && tag != PUBLIC_KEY {
            return false;
        }
        rest = next;
    }
    false
}

/// Whether a packet holds a key of a known version and algorithm.
fn is_key(body: &[u8]) -> bool {
    let algorithm = match body.first() {
        Some(2 | 3) => body.get(7),
        Some(4..=6) => body.get(5),
        _ => None,
    };
    matches!(algorithm, Some(1..=3 | 16..=22 | 25..=36))
}

/// The first packet: its type, its body and what follows (RFC 9580 section 4.2). Keys have a length
/// that is told at once.
fn packet(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, rest) = octets.split_first()?;
    let number = |from: usize, length: usize| -> Option<usize> {
        let octets = rest.get(from..from + length)?;
        Some(octets.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)))
    };
    let (tag, header, length) = match first {
        0xc0.. => {
            let (header, length) = match number(0, 1)? {
                short @ 0..=191 => (1, short),
                192..=223 => (2, number(0, 2)? - (192 << 8) + 192),
                255 => (5, number(1, 4)?),
                _ => return None,
            };
            (first & 0x3f, header, length)
        }
        0x80.. => {
            let header = [1, 2, 4].get(usize::from(first & 3)).copied()?;
            ((first >> 2) & 0x0f, header, number(0, header)?)
        }
        _ => return None,
    };
    let body = rest.get(header..)?;
    Some((tag, body.get(..length)?, &body[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "lFgEawNhVxYJKwYBBAHaRw8BAQdAh4i1Bb+KYq8wnUHzTweCFj3JCY5DIS6tr2ME";

    #[test]
    fn a_secret_key_is_cut_out_and_words_stay() {
        let key = format!("{BEGIN}\nComment: x\n\n{LINE}\n{LINE}\nw1jr==\n=CEdb\n{END}\n");
        let quoted: String = key.lines().map(|line| format!("> {line}\n")).collect();
        let open = key.replace(&format!("{END}\n"), "");
        for (text, left) in [
            (
                format!("Hi,\n{key}Ada\n"),
                format!("Hi,\n{LEFT_OUT}\nAda\n"),
            ),
            (format!("{key}{key}"), format!("{LEFT_OUT}\n{LEFT_OUT}\n")),
            (quoted, format!("> {LEFT_OUT}\n")),
            (key.replace('\n', "\r\n"), format!("{LEFT_OUT}\r\n")),
            (key.replace('\n', " "), format!("{LEFT_OUT}\nComment: x\n ")),
            (
                format!("{open}\nRegards, Ada\n"),
                format!("{LEFT_OUT}\nRegards, Ada\n"),
            ),
            (open.clone(), format!("{LEFT_OUT}\n")),
            (
                key.replace("=CEdb", "=CEdb\nIt crashes in parse()."),
                format!("{LEFT_OUT}\nIt crashes in parse().\n"),
            ),
        ] {
            let cut = without_secret_keys(&text).unwrap();
            assert!(!cut.contains(&LINE[..20]), "{cut}");
            assert_eq!(cut, left, "{text}");
        }
        let spoken = format!("the parser takes {BEGIN} and\n{END}\nfor granted");
        assert_eq!(without_secret_keys(&spoken), None);
        let marks = format!("{BEGIN}\n").repeat(50_000) + &key;
        assert!(!without_secret_keys(&marks).unwrap().contains(LINE));
    }

    #[test]
    fn binary_keys_are_told_by_their_packets() {
        let old = |tag: u8, body: &[u8]| {
            let length = u8::try_from(body.len()).unwrap();
            [&[0x80 | tag << 2, length], body].concat()
        };
        let new = |tag: u8, body: &[u8]| {
            let length = u8::try_from(body.len()).unwrap();
            [&[0xc0 | tag, length], body].concat()
        };
        let key = b"\x04\x6b\x03\x61\x57\x16rest of the key";
        let public = [old(6, key), new(13, b"Ada")].concat();
        let late = [public.clone(), new(7, key)].concat();
        for (octets, is) in [
            (old(5, key), true),
            (new(5, key), true),
            (late, true),
            (public, false),
            (new(5, b"\x04\x6b\x03\x61\x57\x7f"), false),
            (old(5, key)[..9].to_vec(), false),
            ([old(1, key), old(5, key)].concat(), false),
            (Vec::new(), false),
        ] {
            assert_eq!(holds_secret_key(&octets), is, "{octets:?}");
        }
        for octets in [
            &b"\xc5\xff"[..],
            b"\xc5\xc0",
            b"\x97",
            b"\x96\xff\xff\xff\xff",
            b"\xff",
        ] {
            assert!(!holds_secret_key(octets));
        }
    }
}
