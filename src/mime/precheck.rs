//! Is this letter small and flat enough to be parsed? A linear look before mail-parser sees it.
//!
//! mail-parser 0.11 recurses once for each nested message/rfc822 (50,000 of them end the process)
//! and is quadratic in multiparts that lack their boundary. Both need a header field a level, so
//! fields are counted here, in one pass, without understanding any of them.

use crate::model::budget::{Budget, Overspent, Sum};
use crate::model::limits::DASHES_MAX;
use std::borrow::Cow;
use std::collections::HashMap;

/// RFC 2046 section 5.1.1: a boundary has at most 70 characters.
const BOUNDARY_LINE_MAX: usize = 80;

/// Why a letter is not parsed. It is kept and shown to a human as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    #[error("the letter has more octets than are read")]
    Octets,
    #[error("the letter has too many parts")]
    Parts,
    #[error("the letter has a header of too many lines, or too long a Content-Type")]
    Headers,
    #[error("the letter costs more work than one letter may")]
    Work,
}

impl From<Overspent> for LimitExceeded {
    fn from(Overspent: Overspent) -> Self {
        Self::Work
    }
}

/// The first octet of a media type `message/…` whose part is encoded: what it hides is not counted
/// here, so it is renamed before mail-parser, which would open it at once, sees it. RFC 2046
/// section 5.2.1 forbids the encoding, and some programs write it.
const RENAMED: u8 = b'x';
pub(super) const RENAMED_TYPE: &str = "xessage/";

/// The media type of a part, with a renaming taken back.
pub(super) fn true_media_type(media_type: String) -> String {
    match media_type.strip_prefix(RENAMED_TYPE) {
        Some(subtype) => format!("message/{subtype}"),
        None => media_type,
    }
}

/// Refuses what could stall or crash the parser, and renames what hides from this check. Takes time
/// linear in the octets.
pub(super) fn checked<'x>(
    octets: &'x [u8],
    budget: &Budget,
) -> Result<Cow<'x, [u8]>, LimitExceeded> {
    if is_over(octets.len(), budget.limits.letter_octets) {
        return Err(LimitExceeded::Octets);
    }
    budget.draw(Sum::Parsed, octets.len() as u64)?;
    let count = count_fields(octets, budget)?;
    budget.draw(Sum::Scanned, count.scanned(octets))?;
    budget.draw(Sum::Parts, count.content_types as u64)?;
    if count.multiparts > 0 && count_dashes(octets) > DASHES_MAX {
        return Err(LimitExceeded::Parts);
    }
    let mut checked = Cow::Borrowed(octets);
    for at in count.hidden {
        checked.to_mut()[at] = RENAMED;
    }
    Ok(checked)
}

fn is_over(count: usize, max: u64) -> bool {
    count as u64 > max
}

/// Looks at every line, and ends at the first that is beyond a limit.
fn count_fields(octets: &[u8], budget: &Budget) -> Result<Count, LimitExceeded> {
    let limits = &budget.limits;
    let mut count = Count::default();
    let mut boundaries: HashMap<&[u8], usize> = HashMap::new();
    let mut in_head = true;
    let mut at = 0;
    let ends = memchr::memchr_iter(b'\n', octets).chain([octets.len()]);
    for (n, end) in ends.enumerate() {
        let (start, line) = (at, &octets[at..end]);
        at = end + 1;
        if !in_head && count.field == Field::Other && is_plain(line) {
            continue; // nearly all lines of nearly all letters
        }
        if matches!(line, [] | [b'\r']) {
            in_head = false;
            count.block_ends();
        }
        if in_head && is_over(n, limits.header_lines) {
            return Err(LimitExceeded::Headers);
        }
        if is_boundary(line) {
            let seen = boundaries.entry(line).or_insert(0);
            *seen += 1;
            if is_over(*seen, limits.parts) || boundaries.len() > DASHES_MAX {
                return Err(LimitExceeded::Parts);
            }
        }
        count.line(line, start);
        if is_over(count.field_octets, limits.header_field_octets) {
            return Err(LimitExceeded::Headers);
        }
        if is_over(count.content_types, limits.content_types)
            || count.scanned(octets) > budget.left(Sum::Scanned)
        {
            return Err(LimitExceeded::Parts);
        }
    }
    count.block_ends();
    Ok(count)
}

/// Whether a line of a body can be neither a boundary nor one of the fields that are counted.
fn is_plain(line: &[u8]) -> bool {
    line.first()
        .is_some_and(|b| b.is_ascii_graphic() && !matches!(b, b'-' | b'c' | b'C' | b':'))
}

/// Each part begins with its boundary; lines of nothing but dashes are rules that people draw.
fn is_boundary(line: &[u8]) -> bool {
    line.starts_with(b"--")
        && line.len() < BOUNDARY_LINE_MAX
        && line.iter().any(u8::is_ascii_alphanumeric)
}

/// Counts where a boundary may stand, up to one more than are allowed: it may stand anywhere in a
/// line, and have any form.
fn count_dashes(octets: &[u8]) -> usize {
    memchr::memmem::find_iter(octets, b"--")
        .filter(|at| octets.get(at + 2).is_some_and(|b| *b != b'-'))
        .take(DASHES_MAX + 1)
        .count()
}

/// Header fields seen so far. Any block of lines may be a header, so all of them are looked at.
#[derive(Default)]
struct Count {
    content_types: usize,
    multiparts: usize,
    field: Field,
    /// Octets of the Content-Type field so far.
    field_octets: usize,
    /// Where in this block a type `message/…` stands.
    messages: Vec<usize>,
    is_encoded: bool,
    /// Where encoded ones stand, in all blocks so far.
    hidden: Vec<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    ContentType,
    Encoding,
    #[default]
    Other,
}

impl Count {
    /// The octets that mail-parser looks at where every multipart lacks its boundary.
    fn scanned(&self, octets: &[u8]) -> u64 {
        self.multiparts.saturating_mul(octets.len()) as u64
    }

    fn block_ends(&mut self) {
        if self.is_encoded {
            self.hidden.append(&mut self.messages);
        }
        self.messages.clear();
        (self.field, self.is_encoded, self.field_octets) = (Field::Other, false, 0);
    }

    fn line(&mut self, line: &[u8], at: usize) {
        // mail-parser takes a name with blanks around it, in it, and colons before it.
        let start = line
            .iter()
            .position(|b| !b.is_ascii_whitespace() && *b != b':')
            .unwrap_or(line.len());
        let name = memchr::memchr(b':', &line[start..]).map(|colon| &line[start..start + colon]);
        let is = |field: &[u8]| {
            name.is_some_and(|name| {
                name.iter()
                    .filter(|b| !b.is_ascii_whitespace())
                    .map(u8::to_ascii_lowercase)
                    .eq(field.iter().copied())
            })
        };
        if is(b"content-type") {
            self.field = Field::ContentType;
            self.field_octets = 0;
            self.content_types += 1;
        } else if is(b"content-transfer-encoding") {
            self.field = Field::Encoding;
        } else if !line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
            self.field = Field::Other;
        }
        let find = |word: &[u8]| {
            line.windows(word.len())
                .position(|w| w.eq_ignore_ascii_case(word))
        };
        let has = |word: &[u8]| find(word).is_some();
        match self.field {
            Field::ContentType => {
                self.field_octets += line.len();
                // In the type's own place: a boundary may have any name.
                let found = find(b"message/")
                    .filter(|n| *n == 0 || matches!(line[n - 1], b':' | b' ' | b'\t'));
                self.messages.extend(found.map(|found| at + found));
                self.multiparts += usize::from(has(b"multipart/"));
            }
            Field::Encoding => self.is_encoded |= has(b"base64") || has(b"quoted-printable"),
            Field::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::Limits;

    fn letter() -> Budget {
        Budget::of_letter(1 << 20, &Limits::MAX, || std::time::Duration::ZERO)
    }

    #[test]
    fn a_bomb_of_nested_messages_is_refused_before_it_is_parsed() {
        let bomb = "Content-Type: message/rfc822\n\n".repeat(50_000);
        assert_eq!(
            checked(bomb.as_bytes(), &letter()),
            Err(LimitExceeded::Parts)
        );
        let heads = "X: y\n".repeat(10_000);
        assert_eq!(
            checked(heads.as_bytes(), &letter()),
            Err(LimitExceeded::Headers)
        );
    }

    #[test]
    fn what_an_encoded_message_hides_is_renamed() {
        let hidden = b"Content-Type:\n message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n";
        assert_eq!(
            checked(hidden, &letter()).unwrap(),
            &b"Content-Type:\n xessage/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n"[..]
        );
        let nested = b"Content-Type: message/rfc822\n\nContent-Transfer-Encoding: base64\n\nAAAA\n";
        assert!(matches!(checked(nested, &letter()), Ok(Cow::Borrowed(_))));
        // However long its line, and in whatever order.
        let long = format!(
            "Content-Transfer-Encoding: base64\nContent-Type: {}message/rfc822\n\nAAAA",
            " ".repeat(5_000)
        );
        assert!(
            checked(long.as_bytes(), &letter())
                .unwrap()
                .windows(15)
                .any(|w| w == b" xessage/rfc822")
        );
    }

    #[test]
    fn a_field_is_counted_however_its_name_is_bent() {
        for bent in [
            " Content-Type",
            ":Content-Type",
            "Con tent-Type",
            "\rContent-Type",
            "\tcontent-type ",
        ] {
            let bomb = format!(
                "Subject: x\n\n{}",
                format!("{bent}: message/rfc822\n\n").repeat(2_000)
            );
            assert_eq!(
                checked(bomb.as_bytes(), &letter()),
                Err(LimitExceeded::Parts),
                "{bent:?}"
            );
        }
        let boundary = b"Content-Type: multipart/mixed; boundary=\"=_=\"\n\n--=_=\nContent-Type: \
                message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n--=_=--\n";
        assert!(
            checked(boundary, &letter())
                .unwrap()
                .windows(15)
                .any(|w| w == b" xessage/rfc822")
        );
        let parts = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}",
            "x--b\n\n".repeat(DASHES_MAX + 1)
        );
        assert_eq!(
            checked(parts.as_bytes(), &letter()),
            Err(LimitExceeded::Parts)
        );
    }

    #[test]
    fn many_multiparts_over_many_octets_are_too_much_work() {
        let many = format!(
            "{}{}",
            "Content-Type: multipart/mixed; boundary=x\n\n".repeat(300),
            "-\n".repeat(5_000_000)
        );
        assert_eq!(
            checked(many.as_bytes(), &letter()),
            Err(LimitExceeded::Parts)
        );
    }

    #[test]
    fn an_ordinary_letter_passes() {
        assert!(
            checked(
                b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\nhello\r\n",
                &letter()
            )
            .is_ok()
        );
    }
}
