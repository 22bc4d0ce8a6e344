//! How is it reproduced? The block that says so: what stands under its heading, a list of things to
//! do, commands, or a paragraph that says how.

use super::choices::is_placeholder;
use super::fields::LetterField;
use super::lexicon::{Concept, concepts, lower};
use super::patterns;
use super::report::{cut, first};
use super::sections::Section;

/// Longer steps are cut; the whole letter is in the case.
const STEPS_CHARACTERS_MAX: usize = 8_000;

/// A list of steps has at most so many lines.
const LINES_MAX: usize = 80;

/// A paragraph that says how has at least so many characters.
const PARAGRAPH_CHARACTERS_MIN: usize = 30;

patterns! {
    NUMBERED = r"(?i)^ {0,4}(?:\d{1,2} ?[.)．、]|[(（]\d{1,2}[)）]|[１２３４５６７８９]{1,2}[．.、）)]|[①②③④⑤⑥⑦⑧⑨⑩]|step \w{1,6} ?[:.)]?|[a-h][.)] |passo \d{1,2}[:.)]?|paso \d{1,2}[:.)]?|étape \d{1,2} ?[:.)]?|schritt \d{1,2}[:.)]?|шаг \d{1,2}[:.)]?|步骤 ?[\d一二三四五六]{1,2}[:：.、]?) *\S";
    BULLET = r"^ {0,4}(?:[-*•–][ \t]+|[・·●])\S";
    // Something that can be run or sent as it stands.
    COMMAND = r#"(?m)^\s*(?:[$#>] |\w{2,10}(?:>|>>>) )?(?:curl|wget|nc|ncat|telnet|python3?|perl|ruby|node|java|go run|cargo|docker|podman|kubectl|git|sqlmap|printf|echo|sudoedit|sudo|ssh|openssl|mysql|psql|redis-cli|scp|sftp|make|gcc|cat|dd|mount|unshare) +\S|^\s*(?:GET|POST|PUT|DELETE|PATCH|HEAD) +\S+(?: HTTP/[0-9.]+)?\s*$|^\s*\$ +\S|^\s*\./\S|^\s*>>> \S|^\s*scapy> \S|<script|document\.cookie|\bprintf '|</?\w+ on\w+=|\$\{jndi:|\| ?nc \S"#;
    // What a server or a tool printed, and what was seen.
    PRINTED = r"(?m)^\s*(?:HTTP/[\d.]+ \d{3}|Server: |Status: |User-Agent: |#\d+ 0x|==\d+==|\[[\w:-]+\] +\[(?:http|ssl|dns|tcp)\]|Traceback|NAME +INSTALLED)";
    NO_STEPS = r"(?i)\b(no|not|n't|cannot|without|third|second|trouble)\b[^.\n]{0,40}\b(share|shared|demonstration|poc|proof of concept|reproducer|reproduc\w+|exploit code|sample|steps|try)\b";
}

/// The steps; none where the letter says none. `listed`: the titles of its vulnerabilities, which
/// are listed as steps are.
pub(super) fn steps(sections: &[Section], text: &str, listed: &[String]) -> Option<String> {
    let found = first(sections, LetterField::Steps)
        .filter(|section| !is_refusal(section))
        .map(str::to_owned)
        .or_else(|| list(text, listed))
        .or_else(|| paragraph(text, is_command))
        .or_else(|| paragraph(text, says_how))?;
    Some(cut(found.trim(), STEPS_CHARACTERS_MAX))
}

/// "Will not be shared."
fn is_refusal(section: &str) -> bool {
    let first = section.trim().lines().next().unwrap_or_default();
    let only_points = section.trim().lines().count() == 1
        && concepts(&lower(first))
            .iter()
            .any(|said| said.concept == Concept::Attached);
    is_placeholder(section)
        || is_placeholder(first)
        || only_points
        || NO_STEPS.is_match(section) && section.lines().count() <= 2
}

/// A numbered list, or a list that a line announces; with what is indented or fenced between its
/// items.
fn list(text: &str, listed: &[String]) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_title = |line: &str| listed.iter().any(|title| line.contains(title.as_str()));
    let numbered: Vec<usize> = (0..lines.len())
        .filter(|at| NUMBERED.is_match(lines[*at]) && !is_title(lines[*at]))
        // `2. Product ....... acme` is a form's.
        .filter(|at| !lines[*at].contains("....") && !lines[*at].contains(" : "))
        .collect();
    // "On the\n13. January": a list begins with its first item.
    let begin = numbered.iter().position(|at| is_first_item(lines[*at]));
    let numbered = begin.map_or(Vec::new(), |begin| numbered[begin..].to_vec());
    if let Some(found) = run(&lines, &numbered) {
        return Some(found);
    }
    run(&lines, &announced(&lines))
}

/// Whether an item is the first of its list: `1.`, `(1)`, `①`, `a)`, `Step 1`.
fn is_first_item(line: &str) -> bool {
    let line = lower(line.trim_start().trim_start_matches(['(', '（']));
    let heads = [
        "1",
        "１",
        "①",
        "a",
        "step 1",
        "step one",
        "schritt 1",
        "paso 1",
        "passo 1",
        "étape 1",
        "шаг 1",
        "步骤1",
        "步骤 1",
        "步骤一",
    ];
    heads.iter().any(|head| {
        line.strip_prefix(head).is_some_and(|rest| {
            let mut rest = rest.chars();
            let next = rest.next();
            let is_number = next == Some('.') && rest.next().is_some_and(|c| c.is_ascii_digit());
            !(next.is_some_and(char::is_alphanumeric) || is_number) || head.starts_with('步')
        })
    })
}

/// The first run of items: two at least, near one another, and no list of what every site lacks.
fn run(lines: &[&str], items: &[usize]) -> Option<String> {
    let from = *items.first()?;
    let near = items
        .windows(2)
        .take_while(|pair| pair[1] - pair[0] <= LINES_MAX / 4);
    let last = near.last().map(|pair| pair[1])?;
    let end = lines[last..].iter().position(|line| line.trim().is_empty());
    let end = end.map_or(lines.len(), |count| last + count);
    let found = lines[from..end.min(from + LINES_MAX)].join("\n");
    let said = concepts(&lower(&found));
    let petty = said
        .iter()
        .filter(|said| said.concept == Concept::Petty)
        .count();
    (2 * petty <= items.len() && !PRINTED.is_match(lines[from])).then_some(found)
}

/// The items of lists of which the line above, or the heading above that, says that steps follow. One
/// walk down the text: a list may be as long as the letter.
fn announced(lines: &[&str]) -> Vec<usize> {
    let mut found = Vec::new();
    // The last line that is neither of a list nor empty, and whether it announces steps, once that
    // was asked.
    let mut above: Option<(&str, Option<bool>)> = None;
    for (at, line) in lines.iter().enumerate() {
        let is_item = BULLET.is_match(line);
        if is_item
            && let Some((cue, known)) = &mut above
            && *known.get_or_insert_with(|| announces(cue))
        {
            found.push(at);
        }
        if !is_item && !line.trim().is_empty() && !line.starts_with("  ") {
            above = Some((line, None));
        }
    }
    found
}

fn announces(line: &str) -> bool {
    let said = concepts(&lower(line));
    let is_cue = said
        .iter()
        .any(|said| matches!(said.concept, Concept::Reproduces | Concept::StepsWord));
    is_cue && !NO_STEPS.is_match(line)
}

/// The first paragraph of a sort, and the fence or paragraph that it announces.
fn paragraph(text: &str, is_of_sort: impl Fn(&str) -> bool) -> Option<String> {
    let paragraphs: Vec<&str> = text
        .split("\n\n")
        .filter(|p| !p.trim().is_empty())
        .collect();
    let at = paragraphs.iter().position(|p| is_of_sort(p))?;
    let mut found = paragraphs[at].trim().to_owned();
    let leads = at.checked_sub(1).map(|before| paragraphs[before].trim());
    if let Some(lead) = leads.filter(|lead| lead.ends_with([':', '：']) && lead.len() < 300) {
        found = format!("{lead}\n\n{found}");
    }
    if found.ends_with([':', '：']) {
        let next = paragraphs.get(at + 1)?.trim();
        found = format!("{found}\n\n{next}");
    }
    Some(found)
}

fn is_command(paragraph: &str) -> bool {
    COMMAND
        .find(paragraph)
        .is_some_and(|command| !is_wrapped(paragraph, command.start()))
        && !PRINTED.is_match(paragraph)
        && !paragraph.contains("CVE-")
}

/// A line of prose that happens to begin with the name of a command, as the line above goes on.
fn is_wrapped(paragraph: &str, at: usize) -> bool {
    let begin = at + paragraph[at..].len() - paragraph[at..].trim_start().len();
    let mut above = paragraph[..begin]
        .trim_end_matches([' ', '\t'])
        .lines()
        .rev();
    let Some(line) = above.next().filter(|line| !line.trim().is_empty()) else {
        return false;
    };
    let is_prose =
        line.len() > PROSE_OCTETS_MIN && !line.trim_end().ends_with([':', '：', '\\', '.', '。']);
    is_prose && !COMMAND.is_match(line)
}

/// A line of prose that a mail program broke is at least so long.
const PROSE_OCTETS_MIN: usize = 40;

fn says_how(paragraph: &str) -> bool {
    // "We could reproduce it with 2.3.1" says where, and not how.
    let is_cue = paragraph.split(['.', '。', '!']).any(|sentence| {
        let said = concepts(&lower(sentence));
        let names_version = sentence.ends_with(|c: char| c.is_ascii_digit());
        let speaks_of_else = said.iter().any(|said| {
            matches!(
                said.concept,
                Concept::Publish | Concept::Safe | Concept::NotTested
            )
        });
        !names_version
            && !speaks_of_else
            && said.iter().any(|said| said.concept == Concept::Reproduces)
    });
    let is_long = paragraph.trim().chars().count() > PARAGRAPH_CHARACTERS_MIN;
    is_cue && (is_long || paragraph.trim_end().ends_with(':')) && !NO_STEPS.is_match(paragraph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::sections::sections;

    #[test]
    fn the_block_that_says_how_is_found() {
        for (text, expected) in [
            (
                "## Steps to reproduce\n\n1. Log in.\n2. Set the name.\n",
                Some("1. Log in.\n2. Set the name."),
            ),
            (
                "Hi,\n\n(1) Log in\n(2) look\n\nBye",
                Some("(1) Log in\n(2) look"),
            ),
            (
                "再現手順:\n１．ログインします\n２．開きます\n",
                Some("１．ログインします\n２．開きます"),
            ),
            (
                "Hi,\n\n$ kssh -A jump.example\n\nBye",
                Some("$ kssh -A jump.example"),
            ),
            (
                "Il suffit de déposer ce fichier dans le menu, puis d'ouvrir l'aperçu.",
                Some("Il suffit de déposer ce fichier dans le menu, puis d'ouvrir l'aperçu."),
            ),
            (
                "Чтобы увидеть падение, нужно собрать ядро и примонтировать образ.",
                Some("Чтобы увидеть падение, нужно собрать ядро и примонтировать образ."),
            ),
            ("PoC: written, will not be shared", None),
            ("The search page has an XSS.", None),
        ] {
            let found = steps(&sections(text), text, &[]);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
