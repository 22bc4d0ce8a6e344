//! Which of our own products does a letter speak of?

use super::lexicon::lower;
use super::version::versions_among;
use crate::model::product::OwnProduct;

/// A product needs so many points to be meant where its name is a common word.
const POINTS_OF_WORDS: usize = 3;

/// More mentions say nothing more.
const MENTIONS_MAX: usize = 20;

/// The product of ours that a letter speaks of most: in its subject, with a version, or by name.
pub(super) fn spoken_of<'p>(
    products: &'p [OwnProduct],
    subject: &str,
    text: &str,
) -> Option<&'p OwnProduct> {
    let (subject, text) = (Said::of(subject), Said::of(text));
    let rated = products.iter().map(|product| {
        let names: Vec<&str> = product.names().collect();
        let others: Vec<String> = products
            .iter()
            .filter(|other| *other != product)
            .flat_map(OwnProduct::names)
            .map(lower)
            .collect();
        let of_name = |name: &&str| {
            let points = 3 * points(&subject, name, &others) + points(&text, name, &others);
            let is_word = is_common_word(name) && points < POINTS_OF_WORDS;
            if is_word { 0 } else { points }
        };
        let named: usize = names.iter().map(of_name).sum();
        (
            named + POINTS_OF_RELEASE * releases_of(product, products, &subject, &text),
            product,
        )
    });
    let meant = rated.filter(|(points, _)| *points > 0);
    // Of several that say as much, the first.
    let best = meant.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, product)| product)
}

/// A text, and the same in lower case.
struct Said<'t> {
    text: &'t str,
    small: String,
}

impl<'t> Said<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            small: lower(text),
        }
    }
}

/// Releases are looked for in so much of a text.
const RELEASES_OCTETS_MAX: usize = 16 * 1024;

/// A release that no other product has speaks for its product.
const POINTS_OF_RELEASE: usize = 2;

/// How many releases of a product the text names that no other product has.
fn releases_of(
    product: &OwnProduct,
    products: &[OwnProduct],
    subject: &Said<'_>,
    text: &Said<'_>,
) -> usize {
    let head = &text.text[..text.text.floor_char_boundary(RELEASES_OCTETS_MAX)];
    let others = || products.iter().filter(|other| *other != product);
    let is_own = |release: &&String| !others().any(|other| other.releases.contains(release));
    let own: Vec<&String> = product.releases.iter().filter(is_own).collect();
    let named = versions_among(subject.text, &product.releases)
        .into_iter()
        .chain(versions_among(head, &product.releases));
    let mut found: Vec<String> = named
        .filter(|version| version.is_release && version.text.contains('.'))
        .map(|version| version.text)
        .filter(|version| own.contains(&version))
        .collect();
    found.sort();
    found.dedup();
    found.len().min(3)
}

/// Whether a name may be a word of a sentence, too.
fn is_common_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase())
}

/// How strongly a text says a name: each mention counts, one with a version thrice.
fn points(said: &Said<'_>, name: &str, others: &[String]) -> usize {
    let (text, name) = if is_common_word(name) {
        (said.text, name.to_owned())
    } else {
        (said.small.as_str(), lower(name))
    };
    let mut points = 0;
    for (at, _) in text.match_indices(&name).take(MENTIONS_MAX) {
        let end = at + name.len();
        if !is_whole(text, at, end) || is_part_of(&said.small, at, end, others) {
            continue;
        }
        let rest = text[end..].trim_start_matches([' ', 'v', 'V', '-', '(', '@']);
        let has_version = rest.starts_with(|c: char| c.is_ascii_digit());
        points += if has_version { 3 } else { 1 };
    }
    points
}

fn is_whole(text: &str, at: usize, end: usize) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = text[..at].chars().next_back();
    let mut after = text[end..].chars();
    let next = after.next();
    // `acme-tools` is another, and `acme.example` is a host.
    let goes_on =
        matches!(next, Some('-' | '.' | '@')) && after.next().is_some_and(|c| c.is_alphabetic());
    let is_inside = before.is_some_and(|c| joins(c) || matches!(c, '-' | '.' | '@'));
    !is_inside && !next.is_some_and(joins) && !goes_on
}

/// Whether the name stands within a longer one of another product: `otto` in `Otto Server`.
fn is_part_of(text: &str, at: usize, end: usize, others: &[String]) -> bool {
    others.iter().any(|other| {
        other.len() > end - at
            && other.match_indices(&text[at..end]).any(|(offset, _)| {
                let Some(from) = at.checked_sub(offset) else {
                    return false;
                };
                text.get(from..from + other.len()) == Some(other.as_str())
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_that_is_spoken_of_is_found_among_ours() {
        let called = |name: &str, aliases: &[&str]| OwnProduct {
            name: name.to_owned(),
            aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
            ..OwnProduct::default()
        };
        let products = [
            called("acme-web", &["Acme Web"]),
            called("otto", &[]),
            called("otto-server", &["Otto Server"]),
            called("fence", &["fence-proxy"]),
        ];
        for (subject, text, expected) in [
            (
                "Path traversal in acme-web",
                "I tested version 2.3.1.",
                Some("acme-web"),
            ),
            ("XSS", "There is an XSS in Acme Web 2.3.", Some("acme-web")),
            (
                "XSS",
                "Otto Server shows a script of anyone.",
                Some("otto-server"),
            ),
            ("crash", "otto 1.2 crashes", Some("otto")),
            ("Question", "we put a fence around it", None),
            ("fence lets me out", "of the sandbox", Some("fence")),
            ("XSS", "in libfoo 1.2", None),
        ] {
            let found = spoken_of(&products, subject, text).map(|p| p.name.as_str());
            assert_eq!(found, expected, "{subject}: {text}");
        }
    }
}
