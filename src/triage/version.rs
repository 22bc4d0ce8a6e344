//! Which versions does a text name? By a grammar, and not by a pattern: `2.3.1`, `v1.6.2-GA2`,
//! `1:2.3-4+deb12u1`, `2026.10`, `5.8.*`, `3.X.X`, `6.6-rc3`.

use std::ops::Range;

/// A version as it stands, without a leading `v`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub range: Range<usize>,
    pub text: String,
    /// It has no dot, so that only its neighbours make a version of it.
    pub is_bare_number: bool,
    /// `v` or `V` stood before it.
    pub is_marked: bool,
    /// It ends in `.*` or `.x`: all that begin so.
    pub is_wildcard: bool,
    /// A plus sign follows it: itself and all later ones.
    pub goes_on: bool,
    /// It is known to exist.
    pub is_release: bool,
}

/// Longer ones are no versions.
const OCTETS_MAX: usize = 40;

/// The versions of a text, in order.
pub(super) fn versions(text: &str) -> Vec<Version> {
    let octets = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < octets.len() {
        if !octets[at].is_ascii_digit() || !begins(text, at) {
            at += 1;
            continue;
        }
        let version = version(text, at);
        at = version
            .as_ref()
            .map_or_else(|| skip(octets, at), |v| v.range.end.max(at + 1));
        found.extend(version);
    }
    found
}

/// The versions of a text, where it is known which exist: one that a release continues is that
/// release (`6.12.9-tundra3`), and one is written as the release is (`V2.1.4`, `1:2.4-1`).
pub(super) fn versions_among(text: &str, releases: &[String]) -> Vec<Version> {
    let mut found: Vec<Version> = Vec::new();
    for mut version in versions(text) {
        if found
            .last()
            .is_some_and(|last| version.range.start < last.range.end)
        {
            continue;
        }
        let rest = &text[version.range.start..];
        let begun = releases.iter().filter_map(|release| {
            let plain = release.trim_start_matches(['v', 'V']);
            let is_whole = rest.get(..plain.len())?.eq_ignore_ascii_case(plain)
                && !rest[plain.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
            (is_whole && plain.len() >= version.text.len()).then_some((plain.len(), release))
        });
        let written = begun.max_by_key(|(length, _)| *length).or_else(|| {
            let revised = |release: &&String| {
                release
                    .split_once(':')
                    .is_some_and(|(_, rest)| rest == version.text)
            };
            Some((version.text.len(), releases.iter().find(revised)?))
        });
        if let Some((length, release)) = written {
            version.range.end = version.range.start + length;
            version.text = release.clone();
            version.is_release = true;
            version.is_bare_number = false;
        }
        found.push(version);
    }
    found
}

/// Whether a number that begins here is no piece of something longer.
fn begins(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    match before {
        None => true,
        Some('v' | 'V') => {
            let ahead = text[..at - 1].chars().next_back();
            !ahead.is_some_and(|c| c.is_alphanumeric() && c.is_ascii() || c == '_' || c == '/')
        }
        Some('.') => {
            // `v.2.2.0`, `ver.1.2`
            let head = &text[..at - 1];
            let word: String = head
                .chars()
                .rev()
                .take_while(|c| c.is_ascii_alphabetic())
                .collect();
            matches!(word.to_ascii_lowercase().as_str(), "v" | "rev" | "srev")
        }
        Some(c) => {
            !(c.is_ascii_alphanumeric()
                || matches!(
                    c,
                    '_' | '/' | '-' | '#' | '$' | '€' | '@' | '%' | '&' | '+' | ','
                ))
                || is_hyphen_name(text, at, c)
        }
    }
}

/// `acme-web-2.3.1`, `acme-2.3.1` and `acme@2.3.1` and `acme/2.3.1`: the version of what is named.
fn is_hyphen_name(text: &str, at: usize, before: char) -> bool {
    let rest = &text.as_bytes()[at..];
    let dotted = rest
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'.')
        .filter(|b| **b == b'.')
        .count();
    let head = text[..at - before.len_utf8()].chars().next_back();
    match before {
        '-' | '@' => dotted >= 1 && head.is_some_and(char::is_alphanumeric),
        ',' => head.is_some_and(|c| c.is_ascii_digit()) && dotted >= 1,
        _ => false,
    }
}

fn skip(octets: &[u8], at: usize) -> usize {
    let rest = octets[at..].iter();
    at + rest
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/'))
        .count()
        .max(1)
}

fn version(text: &str, start: usize) -> Option<Version> {
    let octets = text.as_bytes();
    let mut end = start;
    let mut dots = 0;
    let mut is_wildcard = false;
    let digits = |from: usize| {
        octets[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    end += digits(end);
    // An epoch: `1:2.3-4`.
    if end - start <= 2 && octets.get(end) == Some(&b':') && digits(end + 1) > 0 {
        let after = end + 1 + digits(end + 1);
        if octets.get(after) == Some(&b'.') && digits(after + 1) > 0 {
            end = after;
        }
    }
    while octets.get(end) == Some(&b'.') {
        let length = digits(end + 1);
        if length > 0 {
            end += 1 + length;
            dots += 1;
            continue;
        }
        let is_star = matches!(octets.get(end + 1), Some(b'*' | b'x' | b'X'))
            && !octets.get(end + 2).is_some_and(u8::is_ascii_alphanumeric);
        if is_star {
            end += 2;
            dots += 1;
            is_wildcard = true;
            continue;
        }
        break;
    }
    if end - start > OCTETS_MAX {
        return None;
    }
    if !is_wildcard {
        end = suffix(octets, end, dots);
    }
    let next = text[end..].chars().next();
    // A name, a path, a percentage, a unit or a clock.
    let breaks = next.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '%' | '@'))
        || (matches!(next, Some('/' | ':'))
            && octets
                .get(end + 1)
                .is_some_and(|b| b.is_ascii_alphanumeric())
            && dots < 2);
    if breaks {
        return None;
    }
    let is_marked =
        text[..start].ends_with(['v', 'V']) || text[..start].to_ascii_lowercase().ends_with("v.");
    let goes_on = octets.get(end) == Some(&b'+');
    Some(Version {
        text: text[start..end].to_owned(),
        range: start..end,
        is_bare_number: dots == 0 && !text[start..end].contains(['-', '_', ':']),
        is_marked,
        is_wildcard,
        goes_on,
        is_release: false,
    })
}

/// Where a pre-release, a revision or a build ends: `-rc3`, `b2`, `.Final`, `-4+deb12u1`, `p1`.
fn suffix(octets: &[u8], from: usize, dots: usize) -> usize {
    let mut end = from;
    loop {
        let rest = &octets[end..];
        let (mark, body) = match rest.first() {
            Some(b'-' | b'+' | b'~' | b'_' | b'.') => (1, &rest[1..]),
            Some(b) if b.is_ascii_alphabetic() && end == from => (0, rest),
            _ => return end,
        };
        let length = body
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        let word = &body[..length];
        let has_digit = word.iter().any(u8::is_ascii_digit);
        let is_plus = rest.first() == Some(&b'+');
        let belongs = length > 0
            && length <= 16
            && match rest.first() {
                Some(b'.') => is_known(word) || (end > from && word.iter().all(u8::is_ascii_digit)),
                Some(b'+') => has_digit,
                _ if mark == 0 => {
                    has_digit && is_known(word)
                        || (dots >= 2
                            && length == 1
                            && word[0].is_ascii_lowercase()
                            && word[0] != b'x')
                }
                _ => {
                    is_known(word)
                        || (has_digit
                            && (dots > 0)
                            && !is_plus
                            && word[0].is_ascii_digit()
                            && length <= 3)
                }
            };
        // `1.0-2.0` is a range, and no revision.
        let is_range = rest.first() == Some(&b'-')
            && body.get(length) == Some(&b'.')
            && word.iter().all(u8::is_ascii_digit)
            && body.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !belongs || is_range {
            return end;
        }
        end += mark + length;
    }
}

/// How pre-releases, patches and builds begin.
fn is_known(word: &[u8]) -> bool {
    const HEADS: [&str; 32] = [
        "rc", "beta", "alpha", "a", "b", "p", "pl", "patch", "dev", "pre", "preview", "snapshot",
        "final", "ga", "sp", "hotfix", "hf", "post", "build", "m", "deb", "ubuntu", "el", "fc",
        "r", "rev", "u", "lts", "nightly", "release", "cr", "bpo",
    ];
    let letters: String = word
        .iter()
        .take_while(|b| b.is_ascii_alphabetic())
        .map(|b| b.to_ascii_lowercase() as char)
        .collect();
    HEADS.contains(&letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = versions(text).into_iter().map(|v| v.text).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn versions_are_read_as_they_are_written() {
        check("acme 2.3.1 is affected, 2.3.2 is not.", &["2.3.1", "2.3.2"]);
        check("v1.6.2-GA2 and V18.1.0", &["1.6.2-GA2", "18.1.0"]);
        check("1:2.3-4+deb12u1, 2:1.0", &["1:2.3-4+deb12u1", "2:1.0"]);
        check("5.8.* and 3.X.X and 2.x", &["5.8.*", "3.X.X", "2.x"]);
        check(
            "tested:6.6-rc3, 1.2.3rc1, 4.0b2 4.5.6.Final",
            &["6.6-rc3", "1.2.3rc1", "4.0b2", "4.5.6.Final"],
        );
        check("1.0-1.9 and 2.0 - 2.4", &["1.0", "1.9", "2.0", "2.4"]);
        check(
            "acme-web-2.3.1 acme@4.17.20 (1.1.1k)",
            &["2.3.1", "4.17.20", "1.1.1k"],
        );
        check("v.2.2.0 ver.1.2 2.4.1.", &["2.2.0", "1.2", "2.4.1"]);
        check(
            "CVE-2026-12345 CVSS:3.1/AV:N HTTP/1.1 Apache/2.4.58 CWE-79",
            &[],
        );
        check("影响版本<=3.2.3，以及2.0之前", &["3.2.3", "2.0"]);
        check("2.5+ and 1.9.x", &["2.5", "1.9.x"]);
        check("3.5% of 10:30 or 50ms", &[]);
        check("1.2.3,1.2.4", &["1.2.3", "1.2.4"]);
    }
}
