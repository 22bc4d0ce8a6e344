//! Which items of a FETCH response are about the letter? Cut apart, and not understood.

/// What the desk asks of a letter.
const NAMES: [&[u8]; 4] = [b"UID", b"RFC822.SIZE", b"INTERNALDATE", b"BODY["];

/// The items that the desk has asked for, each its name and its value (RFC 9051 section 9,
/// msg-att). All others are passed over, be they well-formed or not, and so is a value of NIL.
pub(super) fn items(response: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    let Some(open) = memchr::memchr(b'(', response) else {
        return items;
    };
    let mut at = open + 1;
    while let Some(begin) = next_token(response, at) {
        at = end_of_token(response, begin);
        if is_wanted(&response[begin..at])
            && let Some(value) = next_token(response, at)
        {
            at = end_of_token(response, value);
            if !response[value..at].eq_ignore_ascii_case(b"NIL") {
                items.push(&response[begin..at]);
            }
        }
    }
    items
}

fn is_wanted(token: &[u8]) -> bool {
    NAMES.iter().any(|name| match name.strip_suffix(b"[") {
        Some(_) => token
            .get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name)),
        None => token.eq_ignore_ascii_case(name),
    })
}

/// Where the next token begins; `None` where the list of items ends.
fn next_token(octets: &[u8], from: usize) -> Option<usize> {
    let rest = octets.get(from..)?;
    let at = from + rest.iter().position(|b| !b.is_ascii_whitespace())?;
    (octets[at] != b')').then_some(at)
}

/// Where a word, a name with its section, a quoted string, a literal or a list ends.
fn end_of_token(octets: &[u8], from: usize) -> usize {
    let mut at = from;
    let (mut lists, mut in_section) = (0_usize, false);
    while let Some(octet) = octets.get(at) {
        // A quotation mark or a brace within a word is an odd letter of it.
        let begins = at == from || matches!(octets[at - 1], b' ' | b'(' | b'~');
        let mut next = at + 1;
        match octet {
            b'"' if begins => next = end_of_quoted(octets, at).unwrap_or(next),
            b'{' if begins => next = end_of_literal(octets, at).unwrap_or(next),
            b'[' if lists == 0 => in_section = true,
            b']' => in_section = false,
            b'(' => lists += 1,
            b')' if lists > 0 => lists -= 1,
            b')' => return at.max(from + 1),
            b' ' | b'\r' | b'\n' if lists == 0 && !in_section => return at,
            _ => {}
        }
        at = next;
    }
    octets.len()
}

/// A quoted string ends on its line, and nothing but a separator follows it: else its quotation
/// mark is an odd letter.
fn end_of_quoted(octets: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match octets.get(at)? {
            b'\\' => at += 2,
            b'"' => break,
            b'\r' | b'\n' => return None,
            _ => at += 1,
        }
    }
    matches!(octets.get(at + 1), Some(b' ' | b')' | b']' | b'\r' | b'\n')).then_some(at + 1)
}

/// `{5}` or `{5+}`, the line end, and five octets. Only what begins like one is looked at further:
/// a server may write many braces on a long line.
fn end_of_literal(octets: &[u8], from: usize) -> Option<usize> {
    let inner = octets.get(from + 1..)?;
    let digits = inner.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = &inner[digits..];
    let rest = rest.strip_prefix(b"+").unwrap_or(rest).strip_prefix(b"}")?;
    let blanks = rest
        .iter()
        .take_while(|b| b.is_ascii_whitespace() && **b != b'\n')
        .count();
    let behind = rest[blanks..].strip_prefix(b"\n")?;
    let length: usize = std::str::from_utf8(&inner[..digits]).ok()?.parse().ok()?;
    (length <= behind.len()).then_some(octets.len() - behind.len() + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_literal_is_told_from_a_brace() {
        let rows: [(&[u8], Option<usize>); 8] = [
            (b"{2}\r\nab c", Some(7)),
            (b"{2+}\nab c", Some(7)),
            (b"{2} \r\nab", Some(8)),
            (b"{3}\r\nab", None),
            (b"{2}x\r\nab", None),
            (b"{}\r\nab", None),
            (b"{99999999999999999999999}\r\nab", None),
            (b"{ {2}\r\nab", None),
        ];
        for (octets, end) in rows {
            assert_eq!(end_of_literal(octets, 0), end, "{octets:?}");
        }
    }

    #[test]
    fn many_braces_on_a_long_line_take_no_longer_than_other_octets() {
        let line = [b"* 1 FETCH (", &b"{ ".repeat(2 * 1024 * 1024)[..], b")\r\n"].concat();
        let began = Instant::now();
        assert!(items(&line).is_empty());
        // A look at the rest of the line for each brace took minutes.
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
