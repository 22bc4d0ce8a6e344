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

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    #[error("the letter has more than {LETTER_OCTETS_MAX} octets")]
    Octets,
    #[error("the letter has more than {CONTENT_TYPES_MAX} parts")]
    Parts,
    #[error("the letter has more than {HEADER_LINES_MAX} lines of header")]
    Headers,
}

/// Refuses what could stall or crash the parser; takes time linear in the octets.
pub fn check(octets: &[u8]) -> Result<(), LimitExceeded> {
    if octets.len() > LETTER_OCTETS_MAX {
        return Err(LimitExceeded::Octets);
    }
    let mut content_types = 0;
    let mut header_lines = 0;
    let mut in_head = true;
    for line in octets.split(|b| *b == b'\n') {
        if in_head {
            header_lines += 1;
            in_head = !matches!(line, [] | [b'\r']);
            if header_lines > HEADER_LINES_MAX {
                return Err(LimitExceeded::Headers);
            }
        }
        let name = b"content-type";
        if line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name) {
            content_types += 1;
            if content_types > CONTENT_TYPES_MAX {
                return Err(LimitExceeded::Parts);
            }
        }
    }
    Ok(())
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
    fn an_ordinary_letter_passes() {
        assert_eq!(check(b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\nhello\r\n"), Ok(()));
    }
}
