//! Where does a sentence end? By Unicode's rules (UAX #29) and ours: not after an abbreviation, and
//! not between a day and its month.

use super::mapped::Mapped;

/// Longer sentences are cut at a space, so that what is looked at together is bounded.
const OCTETS_MAX: usize = 2_000;

/// Words after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 34] = [
    "v", "ver", "vers", "e.g", "i.e", "z.b", "d.h", "bzw", "ca", "nr", "no", "vs", "etc", "approx",
    "resp", "dr", "mr", "mrs", "ms", "prof", "inc", "ltd", "st", "fig", "sec", "cf", "p.ej",
    "p.ex", "av", "т.е", "т.д", "т.п", "г", "стр",
];

/// The sentences of a text on one line or several.
pub(super) fn sentences(part: &Mapped) -> Vec<Mapped> {
    use unicode_segmentation::UnicodeSegmentation;
    let part = part.squashed();
    let mut found = Vec::new();
    let mut start = 0;
    // Once: it looks for the first letter of all the text, which may have none.
    let is_small = writes_small(&part.text);
    let bounds: Vec<usize> = part
        .text
        .split_sentence_bound_indices()
        .map(|(at, s)| at + s.len())
        .collect();
    for end in bounds {
        let head = part.text[start..end].trim_end();
        let rest = &part.text[end..];
        // `4.1.42.Final` has no space after its full stop.
        let is_joined = head.ends_with('.') && head.len() == end - start;
        if end < part.text.len() && (is_joined || goes_on(head, rest)) {
            continue;
        }
        let sentence = part.slice(start..end);
        if is_small {
            for clause in at_full_stops(&sentence) {
                push_bounded(&mut found, clause);
            }
        } else {
            push_bounded(&mut found, sentence);
        }
        start = end;
    }
    found
}

/// Whoever begins in small letters ends sentences with a full stop alone, as people do on a phone.
fn writes_small(text: &str) -> bool {
    let first = text.chars().find(|c| c.is_alphabetic());
    first.is_some_and(char::is_lowercase)
}

fn at_full_stops(sentence: &Mapped) -> Vec<Mapped> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in sentence.text.match_indices(". ") {
        let end = at + 2;
        let begins = sentence.text[end..].chars().next();
        let goes_on = goes_on(&sentence.text[start..=at], &sentence.text[end..]);
        if end > start && begins.is_some_and(char::is_lowercase) && !goes_on {
            parts.push(sentence.slice(start..end));
            start = end;
        }
    }
    parts.push(sentence.slice(start..sentence.text.len()));
    parts
}

fn push_bounded(found: &mut Vec<Mapped>, mut sentence: Mapped) {
    while sentence.text.len() > OCTETS_MAX {
        let limit = sentence.text.floor_char_boundary(OCTETS_MAX);
        let at = sentence.text[..limit].rfind(' ').filter(|at| *at > 0);
        let at = at.unwrap_or(limit);
        found.push(sentence.slice(0..at));
        sentence = sentence.after(at);
    }
    found.push(sentence);
}

fn goes_on(head: &str, rest: &str) -> bool {
    let Some(body) = head.strip_suffix('.') else {
        return false;
    };
    let last = body
        .rsplit([' ', '(', '\u{a0}'])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let is_ordinal =
        !last.is_empty() && last.len() <= 2 && last.bytes().all(|b| b.is_ascii_digit());
    let is_letter = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
    ABBREVIATIONS.contains(&last.as_str())
        || is_letter
        || (is_ordinal
            && rest.chars().next().is_some_and(|c| c.is_alphabetic())
            && !body.ends_with("  "))
}
