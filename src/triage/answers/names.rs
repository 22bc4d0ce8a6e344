//! Where does a person's or a team's name stand in a sentence?

use crate::triage::lexicon::{Concept, is_unspaced};
use crate::triage::units::Unit;
use std::ops::Range;

/// A name is so long at most.
const NAME_CHARACTERS_MAX: usize = 80;

const QUOTES: [(char, char); 8] = [
    ('"', '"'),
    ('“', '”'),
    ('„', '“'),
    ('«', '»'),
    ('「', '」'),
    ('『', '』'),
    ('‘', '’'),
    ('\'', '\''),
];

/// The name in quotation marks.
pub(super) fn in_quotes(unit: &Unit) -> Option<(String, Range<usize>)> {
    QUOTES.iter().find_map(|(open, close)| {
        let from = unit.text.find(*open)? + open.len_utf8();
        // The apostrophe of a word opens nothing.
        let before = unit.text[..from - open.len_utf8()].chars().next_back();
        if *open == '\'' && before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let to = from + unit.text[from..].find(*close)?;
        // `Ada Example, "ACME Labs"`: the quotation is a part of the name.
        let head = unit.text[..from - open.len_utf8()].trim_end();
        let last = head
            .trim_end_matches(',')
            .rsplit(' ')
            .next()
            .unwrap_or_default();
        if head.ends_with(',') && last.starts_with(char::is_uppercase) {
            return None;
        }
        name(unit, from..to)
    })
}

/// Everything that stands there, but for a yes before it and what a form adds.
pub(super) fn as_a_whole(unit: &Unit, answer: Range<usize>) -> Option<(String, Range<usize>)> {
    if let Some(quoted) = in_quotes(unit) {
        return Some(quoted);
    }
    let mut from = answer.start;
    loop {
        let rest = &unit.lower[from..answer.end];
        let skipped = rest.len() - rest.trim_start_matches(is_mark).len();
        let yes = unit.said.iter().find(|said| {
            said.range.start == from + skipped
                && is_lead(said.concept)
                && said.range.end <= answer.end
        });
        match (yes, lead(&unit.lower[from + skipped..answer.end])) {
            (Some(said), _) => from = said.range.end,
            (None, Some(octets)) => from += skipped + octets,
            (None, None) => {
                from += skipped;
                break;
            }
        }
    }
    let inner = bracketed(&unit.text[from..answer.end]);
    let (from, to) = (from + inner.start, from + inner.end);
    name(unit, from..to)
}

/// `希望する（星影セキュリティ）`: what stands in brackets, where nothing but a wish stands before.
fn bracketed(text: &str) -> Range<usize> {
    match (
        text.find(['（', '(']),
        text.trim_end().strip_suffix(['）', ')']),
    ) {
        (Some(0), Some(head)) => {
            let width = text.chars().next().map_or(0, char::len_utf8);
            width..head.len()
        }
        _ => 0..text.len(),
    }
}

/// The name after a colon that follows a word of a concept.
pub(super) fn after_colon(unit: &Unit, concept: Concept) -> Option<(String, Range<usize>)> {
    let word = unit.said.iter().find(|said| said.concept == concept)?;
    let rest = &unit.text[word.range.end..];
    let (at, colon) = rest.char_indices().find(|(_, c)| matches!(c, ':' | '：'))?;
    let from = word.range.end + at + colon.len_utf8();
    let from = from + unit.text[from..].len() - unit.text[from..].trim_start().len();
    let begins = unit.text[from..].chars().next()?;
    let is_name = begins.is_uppercase() || is_unspaced(begins) || begins == '@';
    is_name.then(|| name(unit, from..unit.text.len())).flatten()
}

/// The name after the last word of a concept: `as`, a colon, or nothing between, then the name.
pub(super) fn after_words(unit: &Unit, concept: Concept) -> Option<(String, Range<usize>)> {
    let mut words = unit.said.iter().filter(|said| said.concept == concept);
    words.find_map(|said| {
        let mut from = said.range.end;
        for _ in 0..WORDS_BETWEEN_MAX {
            let rest = &unit.lower[from..];
            let skipped = rest.len() - rest.trim_start_matches(is_mark).len();
            match lead(&rest[skipped..]) {
                Some(octets) => from += skipped + octets,
                None => {
                    from += skipped;
                    break;
                }
            }
        }
        let rest = &unit.text[from..];
        let begins = rest.chars().next()?;
        // A handle may be in small letters after "as" or a colon.
        let led = unit.text[said.range.end..from].trim();
        let is_handle = begins == '@' || (!led.is_empty() && rest.split(' ').next()?.contains('_'));
        if !(begins.is_uppercase()
            || is_unspaced(begins) && led.ends_with([':', '：'])
            || is_handle)
        {
            return None;
        }
        name(unit, from..from + end_of_name(rest))
    })
}

/// Between a word for credit and the name stand so many words at most.
const WORDS_BETWEEN_MAX: usize = 5;

/// Words that lead to a name.
const LEADS: &[&str] = &[
    "as",
    "to",
    "for",
    "with",
    "under",
    "by",
    "goes",
    "go",
    "me",
    "us",
    "it",
    "this",
    "should",
    "read",
    "please",
    "the",
    "name",
    "handle",
    "is",
    "my",
    "finding",
    "discovery",
    "publicly",
    "als",
    "unter",
    "mich",
    "uns",
    "name:",
    "en tant que",
    "comme",
    "au nom de",
    "sous le nom de",
    "como",
    "a nombre de",
    "con el nombre",
    "em nome de",
    "nome:",
    "как",
    "под именем",
    "как:",
    "为",
    "为：",
    "是",
    "：",
    ":",
    "colleague",
    "our",
    "team",
    "would be",
    "line",
    "reads",
    "us as",
    "name is",
    "yes",
    "ja",
    "oui",
    "да",
    "por favor",
    "希望する",
    "希望します",
    "する",
    "します",
    "なら",
];

/// How many octets of a leading word stand here.
fn lead(text: &str) -> Option<usize> {
    let found = LEADS.iter().filter(|lead| {
        text.strip_prefix(**lead).is_some_and(|rest| {
            !lead.ends_with(char::is_alphanumeric)
                || !rest.starts_with(|c: char| c.is_alphanumeric() && !is_unspaced(c))
        })
    });
    found.map(|lead| lead.len()).max()
}

fn is_lead(concept: Concept) -> bool {
    matches!(
        concept,
        Concept::Yes | Concept::Please | Concept::Credit | Concept::FoundBy
    )
}

fn is_mark(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            ',' | ':' | '：' | ';' | '-' | '–' | '—' | '*' | '_' | '!' | '.' | '=' | '>'
        )
}

/// Words within a name that are written small.
const PARTICLES: &str =
    "of from at von van de der den del da dos das du la le the and & y e и from";

/// Where a name in a sentence ends: at a word that is none of it.
fn end_of_name(text: &str) -> usize {
    let mut end = 0;
    for word in text.split_inclusive(' ') {
        let bare = word.trim();
        let is_part = bare.starts_with(|c: char| {
            c.is_uppercase() || is_unspaced(c) || matches!(c, '(' | '@' | '&' | '«' | '„')
        }) || (end > 0 && PARTICLES.split(' ').any(|particle| particle == bare))
            || (end == 0 && !bare.is_empty());
        if !is_part {
            break;
        }
        end += word.len();
        let is_initial = bare.trim_end_matches('.').chars().count() <= 2;
        if bare.ends_with([';', '!', '?', '。']) || (bare.ends_with('.') && !is_initial) {
            break;
        }
    }
    end
}

/// A name that can stand in an advisory, and where.
fn name(unit: &Unit, range: Range<usize>) -> Option<(String, Range<usize>)> {
    // `Ada Example, wishes to be named`
    let wishes = unit.said.iter().filter(|said| {
        let is_wish = matches!(
            said.concept,
            Concept::Credit | Concept::Please | Concept::Needs | Concept::NoCredit
        );
        is_wish && said.range.start > range.start && said.range.end <= range.end
    });
    let end = wishes
        .map(|said| said.range.start)
        .min()
        .unwrap_or(range.end);
    let text = &unit.text[range.start..end];
    let is_box = |c: char| is_mark(c) || "[]x☑✔■".contains(c) && !c.is_alphanumeric();
    let head = text.len() - text.trim_start_matches(is_box).len();
    let bare = text[head..].trim_end_matches(|c: char| is_mark(c) || "。]、（(".contains(c));
    // The point of an initial belongs to it.
    let is_initial = text[head..]
        .get(bare.len()..)
        .is_some_and(|rest| rest.starts_with('.'))
        && bare
            .rsplit(' ')
            .next()
            .is_some_and(|last| last.chars().count() == 1);
    let bare = if is_initial {
        &text[head..head + bare.len() + 1]
    } else {
        bare
    };
    let bare = without_particle(bare);
    let bare = bare.split(" (Finder").next().unwrap_or(bare).trim_end();
    let bare = bare.split(" <").next().unwrap_or(bare).trim_end();
    let letters = bare.chars().filter(|c| c.is_alphabetic()).count();
    // A handle may be small, a sentence may not.
    let is_handle = !bare.contains(' ') && !bare.contains('/');
    let is_capital = bare.chars().any(|c| c.is_uppercase() || is_unspaced(c));
    let is_name = letters >= 2
        && (is_capital || is_handle)
        && bare.chars().count() <= NAME_CHARACTERS_MAX
        && !bare.contains("://")
        && !NOBODY.split(' ').any(|word| word == bare.to_lowercase());
    let from = range.start + head;
    is_name.then(|| (bare.to_owned(), from..from + bare.len()))
}

fn without_particle(text: &str) -> &str {
    match text.rsplit_once(' ') {
        Some((head, last)) if PARTICLES.split(' ').any(|particle| particle == last) => {
            head.trim_end()
        }
        _ => text,
    }
}

/// What begins with a capital letter and is nobody.
const NOBODY: &str = "i if you we the please in for my me us cve as it this yes no when once none n/a not your thanks regards ja oui sí \
    да はい 是 希望 希望する 希望します 有 可";
