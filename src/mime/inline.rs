//! Where in a text do OpenPGP blocks stand? (RFC 9580 section 6.2, and section 7 for clearsigned
//! text.)

use super::filename::is_invisible;
use crate::model::limits::BLOCKS_MAX;

/// What an armored block holds, by its BEGIN line (RFC 9580 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Message,
    Clearsigned,
    PublicKey,
}

/// One armored block inside a text, with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub kind: BlockKind,
    /// The block without any quoting, LF line ends.
    pub octets: String,
    /// Byte range of the block in the text.
    pub start: usize,
    pub end: usize,
}

/// Whether an armored message stands anywhere in these octets.
pub fn has_armor(octets: &[u8]) -> bool {
    memchr::memmem::find(octets, MESSAGE.as_bytes()).is_some()
}

/// Whether octets begin with an armored message or with clearsigned text.
pub(super) fn begins_armored(octets: &[u8]) -> bool {
    let start = octets.trim_ascii_start();
    [MESSAGE, SIGNED]
        .iter()
        .any(|mark| start.starts_with(mark.as_bytes()))
}

const BEGIN: &[u8] = b"-----BEGIN PGP ";
const MESSAGE: &str = "-----BEGIN PGP MESSAGE-----";
const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const PUBLIC: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Fewer base64 digits than this between two marks are no block: somebody speaks of armor.
pub(super) const DIGITS_MIN: usize = 24;

/// Finds armored blocks, quoted, indented or bent as mail programs bend them. What armor carries is
/// built anew from its digits: its integrity is proven inside. Clearsigned text must stand exactly
/// as it was signed.
///
/// Takes time linear in the text: a mark that begins no block, and there may be one a line, is
/// looked past and never back from.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut at = 0;
    // Where no more clearsigned text can end: none begins before.
    let mut has_signed_end = true;
    while let Some((mark_at, mark, kind)) = next_mark(text, at) {
        if found.len() == BLOCKS_MAX {
            break;
        }
        let line_at = text[at..mark_at].rfind('\n').map_or(at, |n| at + n + 1);
        let prefix = &text[line_at..mark_at];
        let block = match kind {
            BlockKind::Clearsigned if has_signed_end => {
                clearsigned(text, mark_at, prefix, &mut has_signed_end)
            }
            BlockKind::Clearsigned => None,
            _ => armored(
                text,
                mark_at,
                mark,
                kind,
                if is_quoting(prefix) { line_at } else { mark_at },
            ),
        };
        at = block
            .as_ref()
            .map_or(mark_at + mark.len(), |block| block.end);
        found.extend(block);
    }
    found
}

fn next_mark(text: &str, mut at: usize) -> Option<(usize, &'static str, BlockKind)> {
    let marks = [
        (MESSAGE, BlockKind::Message),
        (SIGNED, BlockKind::Clearsigned),
        (PUBLIC, BlockKind::PublicKey),
    ];
    while let Some(found) = memchr::memmem::find(&text.as_bytes()[at..], BEGIN) {
        at += found;
        if let Some((mark, kind)) = marks
            .into_iter()
            .find(|(mark, _)| text[at..].starts_with(mark))
        {
            return Some((at, mark, kind));
        }
        at += BEGIN.len();
    }
    None
}

/// What programs put before each line of a quote, or nothing that can be seen.
pub(super) fn is_quoting(prefix: &str) -> bool {
    let initials = prefix
        .trim_start()
        .strip_suffix("> ")
        .or(prefix.trim_start().strip_suffix('>'));
    prefix.chars().all(is_edge)
        || initials.is_some_and(|i| i.len() <= 3 && i.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// Characters that may stand before or after a line of armor and are no part of it.
fn is_edge(c: char) -> bool {
    matches!(c, '>' | '|' | '*') || c.is_whitespace() || is_invisible(c)
}

/// A clearsigned block: whole lines, none of them quoted, up to the end of its signature. `has_end`
/// becomes false where no such end follows, so that nobody looks for it again.
fn clearsigned(text: &str, mark_at: usize, prefix: &str, has_end: &mut bool) -> Option<Block> {
    if !prefix.chars().all(is_invisible) {
        return None; // a quoted signature is somebody else's word, and its lines may have been changed
    }
    let mut end = mark_at;
    for line in text[mark_at..].split_inclusive('\n') {
        end += line.len();
        if line.trim_end() == "-----END PGP SIGNATURE-----" {
            let octets = text[mark_at..end].to_owned();
            return Some(Block {
                kind: BlockKind::Clearsigned,
                octets,
                start: mark_at - prefix.len(),
                end,
            });
        }
    }
    *has_end = false;
    None
}

fn armored(text: &str, mark_at: usize, mark: &str, kind: BlockKind, start: usize) -> Option<Block> {
    let inside_at = mark_at + mark.len();
    let rest = &text[inside_at..];
    let end_mark = mark.replace("BEGIN", "END");
    let next = memchr::memmem::find(rest.as_bytes(), BEGIN).unwrap_or(rest.len());
    let (inside, end) = match rest[..next].find(&end_mark) {
        Some(at) => {
            let end = inside_at + at + end_mark.len();
            let line_rest = text[end..].split_inclusive('\n').next().unwrap_or_default();
            (
                &rest[..at],
                if line_rest.trim().is_empty() {
                    end + line_rest.len()
                } else {
                    end
                },
            )
        }
        // A message that was cut off says so itself when it is opened.
        None if kind == BlockKind::Message => (&rest[..next], inside_at + next),
        None => return None,
    };
    let (headers, digits) = armor_parts(inside);
    if digits.len() < DIGITS_MIN {
        return None;
    }
    let mut octets = format!("{mark}\n");
    headers
        .iter()
        .for_each(|header| octets.extend([header.as_str(), "\n"]));
    octets.push('\n');
    for line in digits.as_bytes().chunks(64) {
        octets.extend([std::str::from_utf8(line).unwrap_or_default(), "\n"]);
    }
    octets.extend([end_mark.as_str(), "\n"]);
    Some(Block {
        kind,
        octets,
        start,
        end,
    })
}

/// Armor headers, and all base64 digits in a row. The checksum line is left out (RFC 9580 section
/// 6.1 makes it optional).
fn armor_parts(inside: &str) -> (Vec<String>, String) {
    let mut headers = Vec::new();
    let mut digits = String::with_capacity(inside.len());
    // Quoted-printable that nobody decoded: `=3D` for `=`, and `=` at the end of a full line.
    let undecoded = inside.contains("=3D");
    let mut header_indent = None;
    for line in inside.lines() {
        // Armor has no `>`: what stands before one is a quote's mark, with initials or without.
        let line = line.rsplit_once('>').map_or(line, |(_, rest)| rest);
        let indent = line.len() - line.trim_start().len();
        let line = line.trim_matches(is_edge);
        if line.is_empty() {
            header_indent = None;
            continue;
        }
        let is_digits = line.len() >= DIGITS_MIN
            && line
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        if header_indent.is_some_and(|of_header| indent > of_header) && !is_digits {
            continue; // a header that some program folded
        }
        header_indent = None;
        let is_header = line.split_once(':').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        });
        if digits.is_empty() && is_header && !line.bytes().any(|b| b == b'+') && line.len() < 200 {
            headers.push(line.to_owned());
            header_indent = Some(indent);
            continue;
        }
        if line.starts_with('=') && line.len() <= 7 && !digits.is_empty() {
            continue;
        }
        let unbroken = if undecoded {
            line.strip_suffix('=')
                .filter(|_| line.len() > 70)
                .unwrap_or(line)
                .replace("=3D", "=")
        } else {
            line.to_owned()
        };
        // Lines that were joined: armor headers, digits and checksum are told apart by their form.
        for word in unbroken.split(|c: char| c.is_whitespace() || is_invisible(c)) {
            let is_base64 = word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
            if is_base64
                && !(word.starts_with('=') && word.len() == 5)
                && (!digits.is_empty() || word.len() >= 16 || unbroken.len() == word.len())
            {
                digits.push_str(word);
            }
        }
    }
    (headers, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "hF4DFx0T7MISkjgSAQdAFEVrgpYLm53f5gA4MtAO7fW7hLoo4xMk+W0aXbF7sYow";

    #[test]
    fn a_block_is_found_however_programs_bend_it() {
        let armor = format!("-----BEGIN PGP MESSAGE-----\n\n{DIGITS}\n-----END PGP MESSAGE-----\n");
        let with_sum = armor.replace("-----END", "=BBBB\n-----END");
        let quoted: String = with_sum.lines().map(|l| format!("> {l}\n")).collect();
        let rows = [
            armor.clone(),
            format!("Hello,\n\n{with_sum}\nregards\n"),
            quoted.replace("> \n", ">\n"),
            with_sum.lines().map(|l| format!("AB> {l}\n")).collect(),
            format!("\u{feff}{with_sum}"),
            format!("see: {with_sum}"),
            with_sum.replace('\n', " "),
            with_sum.replace("\n\n", "\n"),
            with_sum.replace('\n', "\n\n"),
            with_sum
                .lines()
                .map(|l| format!("    {l} \u{a0}\n"))
                .collect(),
            armor.replace("-----END PGP MESSAGE-----\n", ""),
        ];
        for text in rows {
            let found = blocks(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].octets, armor, "{text}");
        }
        let folded = armor.replace(
            "-----\n\n",
            "-----\nComment: so long that somebody\n folded\n it\n\n",
        );
        assert!(
            blocks(&folded)[0]
                .octets
                .ends_with(armor.split_once("\n\n").unwrap().1),
            "{:?}",
            blocks(&folded)
        );
        assert_eq!(blocks(&format!("{armor}{armor}")).len(), 2);
        let headed = armor.replace("-----\n\n", "-----\nVersion: Acme 1\nCharset: utf-8\n");
        assert!(
            blocks(&headed)[0]
                .octets
                .contains("-----\nVersion: Acme 1\nCharset: utf-8\n\nhF4D")
        );
    }

    /// A text that is twice as long may take twice as many steps, and not four times. Counted by
    /// marks, not by the clock.
    #[test]
    fn marks_that_begin_nothing_do_not_hide_what_follows() {
        for mark in [MESSAGE, SIGNED, PUBLIC, "-----BEGIN PGP SOMETHING-----"] {
            let text = format!(
                "{}-----BEGIN PGP MESSAGE-----\n\n{DIGITS}\n-----END PGP MESSAGE-----\n",
                format!("{mark}\n").repeat(50_000)
            );
            assert_eq!(blocks(&text).len(), 1, "{mark}");
        }
    }

    #[test]
    fn what_speaks_of_armor_is_no_block() {
        assert!(
            blocks(
                "the parser takes -----BEGIN PGP MESSAGE----- and\n-----END PGP \
            MESSAGE-----\n for granted"
            )
            .is_empty()
        );
        assert!(blocks("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nthat never ends").is_empty());
        let quoted = "> -----BEGIN PGP SIGNED MESSAGE-----\n> Hash: SHA512\n>\n> x\n> -----BEGIN \
            PGP SIGNATURE-----\n> -----END PGP SIGNATURE-----\n";
        assert!(blocks(quoted).is_empty(), "a quoted signature is nobody's");
    }
}
