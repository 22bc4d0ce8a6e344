//! Is a line a key with its value, or a machine's?

use super::mapped::Mapped;

/// A line that a machine wrote: of a kernel, a sanitizer, a debugger or a web server.
pub(super) fn is_log(line: &str) -> bool {
    let line = line.trim_start();
    let is_stamped = line.strip_prefix('[').is_some_and(|rest| {
        let stamp = rest.split(']').next().unwrap_or_default().trim();
        stamp.contains('.') && stamp.chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    let begins = [
        "#0 ",
        "#1 ",
        "#2 ",
        "#3 ",
        "#4 ",
        "HTTP/1.",
        "HTTP/2 ",
        "RIP: ",
        "CPU: ",
        "Server: ",
        "User-Agent: ",
    ];
    let holds = [
        " PID: ",
        " Comm: ",
        "ERROR: AddressSanitizer",
        "Call Trace:",
        "\" 200 ",
        "\" 404 ",
        "\" 403 ",
        "\" 500 ",
    ];
    is_stamped
        || line.starts_with("==") && line[2..].starts_with(|c: char| c.is_ascii_digit())
        || begins.iter().any(|head| line.starts_with(head))
        || holds.iter().any(|part| line.contains(part))
}

/// A line of a form that has begun: `Key: value`, whatever the key.
pub(super) fn next_field(line: &Mapped) -> Option<(String, usize)> {
    bracketed_field(line).or_else(|| colon_field(line))
}

/// `【製品名】Acme Web`
pub(super) fn bracketed_field(line: &Mapped) -> Option<(String, usize)> {
    let lead = line.text.len() - line.text.trim_start().len();
    let rest = line.text[lead..].strip_prefix('【')?;
    let end = rest.find('】')?;
    let is_key = (1..=24).contains(&rest[..end].chars().count());
    let value = lead + '【'.len_utf8() + end + '】'.len_utf8();
    is_key.then(|| (plain_key(&rest[..end]), value))
}

fn colon_field(line: &Mapped) -> Option<(String, usize)> {
    let (at, colon) = line
        .text
        .char_indices()
        .find(|(_, c)| matches!(c, ':' | '：'))?;
    let after = at + colon.len_utf8();
    let is_set_off = colon == '：' || line.text[after..].starts_with([' ', '\t']);
    let key = plain_key(line.text[..at].trim_end_matches(['.', ' ']));
    let begins = line.text.trim_start().chars().next()?;
    let is_key = key.split_whitespace().count() <= 5
        && (2..=40).contains(&key.chars().count())
        && key
            .chars()
            .all(|c| c.is_alphabetic() || " -/()'’_·".contains(c))
        && (begins.is_uppercase() || !begins.is_ascii() || !begins.is_alphabetic());
    (is_set_off && is_key && !line.text.starts_with(' ')).then_some((key, after))
}

/// A key in lower case, without what dresses it.
pub(super) fn plain_key(key: &str) -> String {
    // `3.  Product` of a form whose questions are numbered.
    let numbered = key
        .trim_start()
        .split_once(['.', ')'])
        .filter(|(number, rest)| {
            (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
                && rest.starts_with(' ')
        });
    let key = numbered.map_or(key, |(_, rest)| rest);
    key.trim_matches(|c: char| c.is_whitespace() || "*-_#•・[]()【】■◆●○□▪►▸→".contains(c))
        .to_lowercase()
}
