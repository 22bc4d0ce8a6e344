//! How is a retrospective posted? In pieces that the webhook takes, one after the other.

use super::{Announcement, POST_CHARACTERS_MAX};
use crate::cases::{Changed, Context};
use crate::decide::{self, Decision, Entry};
use crate::desk::{Desk, case_records};
use crate::model::course::Step;
use crate::model::effect::Effect;
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use anyhow::{Result, bail};
use jiff::SignedDuration;

/// Pieces that a long retrospective is posted in.
const PIECES_MAX: usize = 12;

/// What a piece leaves for its number and the marks around its subject.
const MARKS_CHARACTERS: usize = 20;

/// Between one piece and the next, so that they stand in their order.
const PIECES_APART_S: i64 = 3;

/// Posts a retrospective where releases are announced. It links to the fix.
pub async fn post_retrospective(context: &Context<'_>, text: &str) -> Changed {
    let (desk, case) = (context.desk, &context.case);
    let id = case.id();
    if !has_webhook(desk) {
        bail!("no announcement.webhook_file is configured to post it to");
    }
    decide::may_announce(case, context.now)?;
    check_fix_is_named(desk, id, text).await?;
    let subject = format!("Retrospective of {id}");
    let room = POST_CHARACTERS_MAX - subject.chars().count() - MARKS_CHARACTERS;
    let pieces = divide(text, room);
    let count = pieces.len();
    if count == 0 || count > PIECES_MAX {
        bail!("it is empty, or longer than {PIECES_MAX} posts of {POST_CHARACTERS_MAX} characters");
    }
    let mut decision = reach_retrospective(context)?;
    let content_tag = desk.keyed_tag("retrospective", &[text.as_bytes()]);
    for (n, piece) in pieces.into_iter().enumerate() {
        let subject = if count == 1 {
            subject.clone()
        } else {
            format!("{subject} ({}/{count})", n + 1)
        };
        let sealed = desk.parts.store.seal(&serde_json::to_vec(&Announcement {
            to: None,
            subject,
            text: piece,
            is_retrospective: true,
        })?)?;
        let label = format!("post-{n}");
        let due = context.now + SignedDuration::from_secs(PIECES_APART_S * i64::try_from(n)?);
        let effect = Effect::announce(id, &content_tag, &label, sealed, due);
        decision.effects.push(effect);
    }
    let entry = Entry::of(id, JournalEvent::RetrospectiveReleased, context.by);
    decision.journal.push(entry);
    let pieces = if count == 1 {
        "one piece"
    } else {
        &format!("{count} pieces")
    };
    let changed = format!("the retrospective of {id} is posted, in {pieces}");
    Ok((decision, changed))
}

fn has_webhook(desk: &Desk) -> bool {
    let announcer = desk.parts.announcer.as_ref();
    announcer.is_some_and(|announcer| announcer.posts())
}

/// Refuses a text that does not name the fix of its case.
async fn check_fix_is_named(desk: &Desk, id: &CaseId, text: &str) -> Result<()> {
    let links = case_records::read(desk, id).await?.record.links;
    let fixes: Vec<String> = links
        .into_iter()
        .filter(|link| link.what == "fix")
        .map(|link| link.to)
        .collect();
    if fixes.is_empty() {
        bail!("no link to the fix is known: sealdesk case link {id} fix URL");
    }
    if !fixes.iter().any(|fix| text.contains(fix.as_str())) {
        bail!("it does not name the fix, {}", fixes.join(", "));
    }
    Ok(())
}

/// The step that a retrospective is; nothing where the case reached it before.
fn reach_retrospective(context: &Context<'_>) -> Result<Decision> {
    let (case, now) = (&context.case, context.now);
    let step = Step::Retrospective;
    if case.course().reached.contains_key(&step) {
        return Ok(Decision::default());
    }
    let timeline = &context.desk.parts.policy.timeline;
    Ok(decide::reach(case, step, now, context.by, timeline, now)?)
}

/// Breaks a long line at its blanks, and a word that is longer still where it must.
fn break_line(line: &str, characters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (n, piece) in letters
            .chunks(characters)
            .map(String::from_iter)
            .enumerate()
        {
            match lines.last_mut() {
                Some(last)
                    if n == 0
                        && (last.is_empty()
                            || last.chars().count() + piece.chars().count() < characters) =>
                {
                    let blank = if last.is_empty() { "" } else { " " };
                    last.push_str(&format!("{blank}{piece}"));
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

/// Divides a text between paragraphs, or lines, so that each piece fits.
fn divide(text: &str, characters: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in text
        .trim()
        .lines()
        .flat_map(|line| break_line(line, characters - 1))
    {
        match pieces.last_mut() {
            Some(last) if last.chars().count() + line.chars().count() < characters => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => pieces.push(line),
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_divided_and_loses_no_word() {
        let text = format!(
            "# Title\n\n{}\n\n{} end https://git.example/pull/7",
            "word ".repeat(300).trim_end(),
            "x".repeat(120)
        );
        let pieces = divide(&text, 100);
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.chars().count() <= 100));
        assert!(
            pieces
                .iter()
                .any(|piece| piece.contains("https://git.example/pull/7"))
        );
        assert_eq!(
            pieces
                .join(" ")
                .split_whitespace()
                .filter(|word| *word == "word")
                .count(),
            300
        );
    }
}
