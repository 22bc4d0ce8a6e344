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

/// `{5}`, the line end, and five octets.
fn end_of_literal(octets: &[u8], from: usize) -> Option<usize> {
    let line = octets.get(from..)?;
    let line_end = memchr::memchr(b'\n', line)?;
    let length = super::wire::literal_length(&line[..=line_end])?;
    let end = (from + line_end + 1).checked_add(length)?;
    (end <= octets.len()).then_some(end)
}
