//! Which number does the label of a listed thing have? `1.`, `(b)`, `[3]`, `Finding IV:`, `MG-2:`,
//! `问题二：`.

use super::PARTS_MAX;
use crate::triage::lexicon::{Concept, Said, concepts, lower};

/// What follows a word for a vulnerability at the beginning of a line.
pub(super) fn named(line: &str) -> Option<&str> {
    let is_wide = |c: char| ('\u{3040}'..='\u{9fff}').contains(&c);
    let end = line.find(|c: char| !c.is_alphabetic() || is_wide(c));
    let end = match end {
        Some(0) => {
            // 问题一：…
            let word = ["漏洞", "问题", "脆弱性", "問題", "缺陷", "風険"];
            word.iter().find(|word| line.starts_with(**word))?.len()
        }
        Some(end) => end,
        None => return None,
    };
    let word = lower(&line[..end]);
    let is_label = |said: &Said| {
        matches!(said.concept, Concept::Vulnerability | Concept::Flaw)
            && said.range == (0..word.len())
    };
    let is_item = matches!(
        word.as_str(),
        "item"
            | "advisory"
            | "punkt"
            | "nr"
            | "no"
            | "vuln"
            | "fund"
            | "befund"
            | "constat"
            | "hallazgo"
            | "achado"
            | "проблема"
            | "находка"
            | "问题"
            | "問題"
            | "漏洞"
    );
    let rest = line[end..].trim_start_matches([' ', '#', '№', '-', '.']);
    (is_item || concepts(&word).iter().any(is_label)).then_some(rest)
}

/// The number of a label, and what follows it.
pub(super) fn number(text: &str, is_named: bool) -> Option<(usize, &str)> {
    if let Some(found) = numbered_id(text) {
        return Some(found);
    }
    let (opened, text) = match text.strip_prefix(['(', '[', '（', '【']) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "一二三四五六七八九十".contains(c)))
        .unwrap_or(text.len());
    let (label, rest) = text.split_at(end);
    let number = ordinal(label)?;
    let closed = rest.trim_start_matches(['*', '_']);
    let after = closed.trim_start_matches([
        ')', ']', '.', ':', '：', '、', '）', '】', '-', '–', '—', '/',
    ]);
    let is_marked = after.len() < closed.len() || opened;
    let is_alone = is_named && (rest.is_empty() || rest.starts_with(' '));
    // `2.3.1 crashes` begins with a version.
    let is_version =
        after.starts_with(|c: char| c.is_ascii_digit()) && !rest.starts_with([')', ']']);
    (is_marked || is_alone)
        .then_some((number, after))
        .filter(|_| !is_version)
}

/// `MG-1: …`, `F2) …`: an identifier of the writer's own.
fn numbered_id(text: &str) -> Option<(usize, &str)> {
    let letters = text.chars().take_while(char::is_ascii_uppercase).count();
    let rest = text.get(letters..)?;
    let rest = rest.strip_prefix(['-', '_']).unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let number = rest[..end].parse::<usize>().ok()?;
    let after = rest[end..].strip_prefix([':', ')', '.', '：'])?;
    let is_id = (1..=4).contains(&letters) && end <= 2 && after.starts_with(' ');
    (is_id && (1..=PARTS_MAX).contains(&number)).then_some((number, after))
}

fn ordinal(label: &str) -> Option<usize> {
    const ROMAN: [&str; 8] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"];
    const HAN: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    if let Ok(number) = label.parse::<usize>() {
        return (1..=PARTS_MAX).contains(&number).then_some(number);
    }
    let found = ROMAN.iter().chain(&HAN).position(|one| *one == label);
    if let Some(at) = found {
        return Some(
            1 + if at < ROMAN.len() {
                at
            } else {
                at - ROMAN.len()
            },
        );
    }
    let mut letters = label.chars();
    match (letters.next(), letters.next()) {
        (Some(one @ 'A'..='H'), None) => Some(1 + (one as usize - 'A' as usize)),
        (Some(one @ 'a'..='h'), None) => Some(1 + (one as usize - 'a' as usize)),
        _ => None,
    }
}
