//! Is this letter small and flat enough to be parsed? A linear look before mail-parser sees it.
//!
//! mail-parser 0.11 recurses once for each nested message/rfc822 (50,000 of them end the process) and
//! is quadratic in multiparts that lack their boundary. Both need a header field a level, so fields
//! are counted here, in one pass, without understanding any of them.

/// The largest letter that is read. Larger ones are kept, acknowledged and shown to a human.
pub const LETTER_OCTETS_MAX: usize = 64 * 1024 * 1024;

/// Content-Type fields in one letter: parts and nesting together.
const CONTENT_TYPES_MAX: usize = 400;

/// Lines of header in one entity.
const HEADER_LINES_MAX: usize = 4_000;

/// mail-parser keeps offsets in 32 bits.
const _: () = assert!(LETTER_OCTETS_MAX < u32::MAX as usize);

/// Parts that mail-parser may find in one entity; each becomes a file or a text.
pub(super) const PARTS_MAX: usize = 1_000;

/// A missing boundary is looked for to the end, once for each multipart: their product is the work.
const SCANNED_OCTETS_MAX: usize = 2 * 1024 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    #[error("the letter has more than {LETTER_OCTETS_MAX} octets")]
    Octets,
    #[error("the letter has too many parts")]
    Parts,
    #[error("the letter has more than {HEADER_LINES_MAX} lines of header")]
    Headers,
    /// RFC 2046 section 5.2.1 forbids it, and what it hides is not counted here.
    #[error("the letter holds an encoded message/rfc822")]
    EncodedMessage,
}

/// Refuses what could stall or crash the parser; takes time linear in the octets.
pub fn check(octets: &[u8]) -> Result<(), LimitExceeded> {
    if octets.len() > LETTER_OCTETS_MAX {
        return Err(LimitExceeded::Octets);
    }
    let mut count = Count::default();
    let mut head = true;
    for (n, line) in octets.split(|b| *b == b'\n').enumerate() {
        if matches!(line, [] | [b'\r']) {
            head = false;
            count.block_ends();
        }
        if head && n > HEADER_LINES_MAX {
            return Err(LimitExceeded::Headers);
        }
        count.line(line);
        if count.encoded_message() {
            return Err(LimitExceeded::EncodedMessage);
        }
        if count.content_types > CONTENT_TYPES_MAX || count.multiparts.saturating_mul(octets.len()) > SCANNED_OCTETS_MAX {
            return Err(LimitExceeded::Parts);
        }
    }
    Ok(())
}

/// Header fields seen so far. Any block of lines may be a header, so all of them are looked at.
#[derive(Default)]
struct Count {
    content_types: usize,
    multiparts: usize,
    field: Field,
    is_message: bool,
    is_encoded: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    ContentType,
    Encoding,
    #[default]
    Other,
}

impl Count {
    fn block_ends(&mut self) {
        (self.field, self.is_message, self.is_encoded) = (Field::Other, false, false);
    }

    fn line(&mut self, line: &[u8]) {
        let starts = |name: &[u8]| line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        if starts(b"content-type") {
            self.field = Field::ContentType;
            self.content_types += 1;
        } else if starts(b"content-transfer-encoding") {
            self.field = Field::Encoding;
        } else if !line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
            self.field = Field::Other;
        }
        let has = |word: &[u8]| line.len() < 2_000 && line.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
        match self.field {
            Field::ContentType => {
                self.is_message |= has(b"message/");
                self.multiparts += usize::from(has(b"multipart/"));
            }
            Field::Encoding => self.is_encoded |= has(b"base64") || has(b"quoted-printable"),
            Field::Other => {}
        }
    }

    fn encoded_message(&self) -> bool {
        self.is_message && self.is_encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_of_nested_messages_is_refused_before_it_is_parsed() {
        let bomb = "Content-Type: message/rfc822\n\n".repeat(50_000);
        assert_eq!(check(bomb.as_bytes()), Err(LimitExceeded::Parts));
        let heads = "X: y\n".repeat(10_000);
        assert_eq!(check(heads.as_bytes()), Err(LimitExceeded::Headers));
    }

    #[test]
    fn what_an_encoded_message_hides_is_not_parsed() {
        let hidden = b"Content-Type:\n message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n";
        assert_eq!(check(hidden), Err(LimitExceeded::EncodedMessage));
        assert_eq!(check(b"Content-Type: message/rfc822\n\nContent-Transfer-Encoding: base64\n\nAAAA\n"), Ok(()));
    }

    #[test]
    fn many_multiparts_over_many_octets_are_too_much_work() {
        let many = format!("{}{}", "Content-Type: multipart/mixed; boundary=x\n\n".repeat(300), "-\n".repeat(5_000_000));
        assert_eq!(check(many.as_bytes()), Err(LimitExceeded::Parts));
    }

    #[test]
    fn an_ordinary_letter_passes() {
        assert_eq!(check(b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\nhello\r\n"), Ok(()));
    }
}
