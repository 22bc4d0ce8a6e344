//! Does the letter report more than one vulnerability? Their titles, for a responder who splits the
//! case.
//!
//! Vulnerabilities are listed as people list things: `1.`, `(a)`, `[2]`, `Finding B:`, `问题一：`, a
//! bracket with a rating. Steps are listed alike, so what is listed must name a vulnerability.

mod labels;

use super::fields::LetterKeys;
use super::lexicon::{Concept, Said, concepts, lower};
use super::units::{Keys, Unit, UnitKind};
use labels::{named, number};

/// Vulnerabilities that one letter may list.
const PARTS_MAX: usize = 20;

/// Longer lines are no titles.
const TITLE_CHARACTERS_MAX: usize = 160;

/// The titles, where there are at least two. `text`: the letter's own lines.
pub(super) fn titles(text: &str, subject: &[Unit], units: &[Unit]) -> Vec<String> {
    let text = lettered_on_lines(text);
    let lines: Vec<&str> = text.lines().collect();
    let entries: Vec<Entry<'_>> = (0..lines.len())
        .filter_map(|at| entry(&lines, at))
        .filter(|entry| !(entry.number == 1 && follows_steps(&lines, entry.line)))
        .collect();
    let sequences = [
        listed(&entries, |entry| entry.is_named),
        listed(&entries, |entry| !entry.is_named),
    ];
    let announced = announced(subject).or_else(|| announced(units));
    for list in sequences {
        let titles: Vec<String> = list.iter().map(|entry| entry.title.to_owned()).collect();
        let flaws = titles.iter().filter(|title| names_flaw(title)).count();
        let petty = titles.iter().filter(|title| is_petty(title)).count();
        // A form's own headings are numbered, too.
        if titles.iter().any(|title| LetterKeys.is_key(&lower(title))) {
            continue;
        }
        let is_announced = announced == Some(titles.len());
        let is_set_off = list.iter().all(|entry| entry.is_named || entry.is_set_off);
        let enough = if is_announced || is_set_off {
            1
        } else {
            titles.len()
        };
        if titles.len() >= 2 && (flaws >= enough || 2 * petty > titles.len()) {
            return titles;
        }
    }
    let rated = rated(&lines);
    if rated.len() >= 2 {
        return rated;
    }
    unnumbered(units, announced)
}

/// A line that begins with a label.
struct Entry<'t> {
    line: usize,
    /// Its place in its sequence: `B` and `2` are the second.
    number: usize,
    /// A word for a vulnerability stands before the number.
    is_named: bool,
    /// A heading, or a letter: steps are hardly ever listed so.
    is_set_off: bool,
    title: &'t str,
}

fn entry<'t>(lines: &[&'t str], at: usize) -> Option<Entry<'t>> {
    let line = lines[at].trim_start_matches(|c: char| c.is_whitespace() || "#*_=-•>|".contains(c));
    if lines[at].len() - lines[at].trim_start().len() > 3
        || line.chars().count() > 2 * TITLE_CHARACTERS_MAX
    {
        return None;
    }
    // `#1 XSS in search`
    let marked = lines[at].trim_start();
    let is_numbered = marked
        .strip_prefix('#')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (is_named, rest) = match named(line) {
        Some(rest) => (true, rest),
        None => (is_numbered, line),
    };
    let is_letter = rest
        .trim_start_matches(['(', '['])
        .starts_with(char::is_alphabetic);
    let is_set_off = is_letter || rest.starts_with('[') || lines[at].starts_with(['#', '*']);
    let (number, rest) = number(rest, is_named)?;
    let title = title(rest);
    let title = if title.is_empty() && is_named {
        let next = lines
            .get(at + 1..)?
            .iter()
            .find(|line| !line.trim().is_empty())?;
        self::title(next)
    } else {
        title
    };
    (title.chars().count() >= 3).then_some(Entry {
        line: at,
        number,
        is_named,
        is_set_off,
        title,
    })
}

/// Whether the line above a list says that steps follow.
fn follows_steps(lines: &[&str], at: usize) -> bool {
    let above = lines[..at]
        .iter()
        .rev()
        .find(|line| !line.trim().is_empty());
    above.is_some_and(|line| {
        let said = concepts(&lower(line));
        said.iter()
            .any(|said| matches!(said.concept, Concept::StepsWord | Concept::Reproduces))
    })
}

/// The first list that counts up from one.
fn listed<'e, 't>(
    entries: &'e [Entry<'t>],
    is_of_list: impl Fn(&Entry<'t>) -> bool,
) -> Vec<&'e Entry<'t>> {
    let mut list: Vec<&Entry<'t>> = Vec::new();
    for entry in entries.iter().filter(|entry| is_of_list(entry)) {
        if entry.number == list.len() + 1 && list.len() < PARTS_MAX {
            list.push(entry);
        } else if entry.number == 1 && list.len() < 2 {
            list = vec![entry];
        }
    }
    list
}

/// `(a) … (b) …` within a paragraph, each on a line of its own.
fn lettered_on_lines(text: &str) -> String {
    if !(text.contains("(a) ") && text.contains("(b) ")) {
        return text.to_owned();
    }
    let marks = ["(a) ", "(b) ", "(c) ", "(d) ", "(e) "];
    marks.iter().fold(text.to_owned(), |text, mark| {
        text.replace(&format!(". {mark}"), &format!(".\n{mark}"))
    })
}

/// `[HIGH] Plugin 19506 OpenSSH < 9.8 …`: what a scanner lists by its rating.
fn rated(lines: &[&str]) -> Vec<String> {
    let rows = lines.iter().filter_map(|line| {
        let line = line.trim_start_matches([' ', '-', '*']);
        // `[1] MEDIUM py.hashlib.md5`: a number, then the rating.
        let line = line.strip_prefix('[').map_or(line, |inner| {
            let numbered = inner.split_once(']').filter(|(number, _)| {
                !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
            });
            numbered.map_or(line, |(_, rest)| rest.trim_start())
        });
        let (rating, rest) = match line.strip_prefix(['[', '【']) {
            Some(rest) => rest.split_once([']', '】'])?,
            None => line.split_once(' ').filter(|(word, _)| is_upper(word))?,
        };
        let said = concepts(&lower(rating));
        let is_rating = said.iter().any(|said| {
            matches!(
                said.concept,
                Concept::Critical | Concept::High | Concept::Medium | Concept::Low
            ) && said.range.len() == rating.len()
        });
        let rest = rest.trim();
        let rest = match rest.strip_prefix("Plugin ") {
            Some(plugin) => plugin
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim(),
            None => rest,
        };
        (is_rating && !rest.is_empty()).then(|| title(rest).to_owned())
    });
    rows.take(PARTS_MAX).collect()
}

fn is_upper(word: &str) -> bool {
    word.chars().count() > 2 && word.chars().all(char::is_uppercase)
}

/// The items of a list that each name a vulnerability, where the letter says how many there are or
/// begs for what every site lacks.
fn unnumbered(units: &[Unit], announced: Option<usize>) -> Vec<String> {
    let is_first = |at: usize| at == 0 || units[at].block != units[at - 1].block;
    let items = units
        .iter()
        .enumerate()
        .filter(|(at, unit)| unit.kind == UnitKind::Item && unit.depth == 0 && is_first(*at));
    let flaws: Vec<&Unit> = items
        .map(|(_, unit)| unit)
        .filter(|unit| names_flaw(&unit.text) || unit.says(Concept::Petty))
        .collect();
    let are_petty = flaws.iter().all(|unit| unit.says(Concept::Petty));
    if flaws.len() < 2 || !(announced == Some(flaws.len()) || are_petty) {
        return Vec::new();
    }
    let titles = flaws
        .into_iter()
        .map(|unit| title(head(&unit.text)).to_owned());
    titles.take(PARTS_MAX).collect()
}

/// `ReDoS in the line parser: the expression …`: what stands before the colon.
fn head(text: &str) -> &str {
    let end = text.find(": ").filter(|end| names_flaw(&text[..*end]));
    end.map_or(text, |end| &text[..end])
}

/// How many vulnerabilities the letter says that it reports.
fn announced(units: &[Unit]) -> Option<usize> {
    let own = units.iter().filter(|unit| unit.depth == 0);
    own.take(ANNOUNCING_UNITS).find_map(|unit| {
        let mut nouns = unit
            .said
            .iter()
            .filter(|said| matches!(said.concept, Concept::Vulnerability | Concept::Flaw));
        nouns.find_map(|noun| {
            let before = unit.lower[..noun.range.start].trim_end();
            let mut words = before.rsplit([' ', '\u{a0}']).take(3);
            words.find_map(|word| {
                let wide = word.chars().rev().take(2).collect::<Vec<_>>();
                let is_counted = |(count, names): &(usize, &str)| {
                    let mut names = names.split(' ');
                    names
                        .any(|name| {
                            name == word
                                || wide.len() == 2 && word.ends_with(name) && !name.is_ascii()
                        })
                        .then_some(*count)
                };
                COUNTS.iter().find_map(is_counted)
            })
        })
    })
}

/// Units at a letter's head that may say how many there are.
const ANNOUNCING_UNITS: usize = 8;

const COUNTS: [(usize, &str); 4] = [
    (
        2,
        "two 2 zwei beide deux dos duas dois две два двух 两处 两个 两 二つの 2つの 2件の 二件の",
    ),
    (
        3,
        "three 3 drei trois tres três три трёх трех 三处 三个 三 三つの 3つの 3件の",
    ),
    (
        4,
        "four 4 vier quatre cuatro quatro четыре 四处 四个 四 四つの 4つの 4件の",
    ),
    (
        5,
        "five 5 fünf cinq cinco пять 五处 五个 五 五つの 5つの 5件の",
    ),
];

fn is_petty(title: &str) -> bool {
    let said = concepts(&lower(title));
    said.iter().any(|said| said.concept == Concept::Petty)
}

fn names_flaw(title: &str) -> bool {
    let said = concepts(&lower(title));
    let is_flaw = |said: &Said| {
        matches!(
            said.concept,
            Concept::Vulnerability | Concept::Flaw | Concept::Petty
        )
    };
    said.iter().any(is_flaw)
}

/// A title without what dresses it: a product with its version before it, identifiers after it.
fn title(text: &str) -> &str {
    let is_dress = |c: char| c.is_whitespace() || "*_#-=:.：`–—".contains(c);
    let text = match text
        .trim()
        .strip_prefix("**")
        .and_then(|text| text.split_once("**"))
    {
        Some((bold, _)) => bold,
        None => text,
    };
    let text = text.trim_matches(is_dress);
    let text = match text.split_once(" — ").or_else(|| text.split_once(" – ")) {
        Some((product, rest)) if !names_flaw(product) && names_flaw(rest) => rest.trim(),
        _ => text,
    };
    let end = text
        .find(" (CVE-")
        .or_else(|| text.find(". "))
        .unwrap_or(text.len());
    let text = text[..end].trim_end_matches(is_dress);
    &text[..text
        .char_indices()
        .nth(TITLE_CHARACTERS_MAX)
        .map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::units::units;

    #[test]
    fn several_vulnerabilities_are_told_from_steps() {
        let rows: [(&str, &[&str]); 9] = [
            (
                "## Issue 1: XSS in search\ntext\n\n## Issue 2: SSRF in fetch\ntext",
                &["XSS in search", "SSRF in fetch"],
            ),
            (
                "I found two separate issues.\n\n1) Stored XSS in names\n\nblah\n\n2) Path traversal \
                 in files\n\nblah",
                &["Stored XSS in names", "Path traversal in files"],
            ),
            (
                "Steps:\n1. Open the page with the XSS\n2. Look at the list",
                &[],
            ),
            ("Steps:\n1. Log in\n2. Open the page", &[]),
            (
                "Encontré dos fallas:\n\n- ReDoS en el analizador: tarda minutos\n- Inyección de código en el \
                 filtro: basta una comilla",
                &["ReDoS en el analizador", "Inyección de código en el filtro"],
            ),
            (
                "问题一：seccomp 规则绕过\n\n细节\n\n问题二：日志套接字存在竞争条件漏洞\n\n细节",
                &["seccomp 规则绕过", "日志套接字存在竞争条件漏洞"],
            ),
            (
                "[HIGH] Plugin 19506 OpenSSH < 9.8 remote code execution (CVE-2024-6387)\n[LOW] ICMP \
                 timestamp",
                &["OpenSSH < 9.8 remote code execution", "ICMP timestamp"],
            ),
            (
                "A. acme 1.2 – out-of-bounds read in print\n\ntext\n\nB. acme-web 2.0 – SQL injection in \
                 search\n",
                &["out-of-bounds read in print", "SQL injection in search"],
            ),
            ("2.3.1 crashes\n2.3.2 overflows\n", &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(
                titles(text, &[], &units(text, &LetterKeys)),
                expected,
                "{text}"
            );
        }
    }
}
