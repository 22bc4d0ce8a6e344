//! When may a release be announced, and what stands in a first draft of it?

use super::{Changed, Context, known};
use crate::decide::{self, Decision, Entry};
use crate::desk::case_records;
use crate::model::address::Address;
use crate::model::case_command::Asset;
use crate::model::course::Step;
use crate::model::effect::Effect;
use crate::model::ids::Digest;
use anyhow::{Context as _, anyhow, bail};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A release announcement is a page.
const OCTETS_MAX: usize = 32 * 1024;

/// Files of one release.
const ASSETS_MAX: usize = 50;

/// What a post may hold with its marks: Discord takes 2,000 characters.
const POST_CHARACTERS_MAX: usize = 1_900;

/// All files together.
const CHECKING_S: u64 = 15 * 60;

/// What a draft leaves to people; words that still hold it are no announcement.
pub const TO_BE_WRITTEN: &str = "TO BE WRITTEN";

/// What is announced; it rests sealed until it leaves.
#[derive(Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// A mailing list; nobody for a post.
    pub to: Option<Address>,
    pub subject: String,
    pub text: String,
    /// It is no release but what was learnt from one.
    #[serde(default)]
    pub is_retrospective: bool,
}

/// Pieces that a long retrospective is posted in.
const PIECES_MAX: usize = 12;

/// Posts a retrospective where releases are announced. It links to the fix.
pub async fn post_retrospective(context: &Context<'_>, text: &str) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (id, now) = (&case.id, context.now);
    let posts = desk
        .parts
        .announcer
        .as_ref()
        .is_some_and(|announcer| announcer.posts());
    if !posts {
        bail!("no announcement.webhook_file is configured to post it to");
    }
    decide::may_announce(case, now)?;
    let fixes: Vec<String> = case_records::read(desk, id)
        .await?
        .dossier
        .links
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
    let subject = format!("Retrospective of {id}");
    let pieces = pieces(text, POST_CHARACTERS_MAX - subject.chars().count() - 20);
    if pieces.is_empty() || pieces.len() > PIECES_MAX {
        bail!("it is empty, or longer than {PIECES_MAX} posts of {POST_CHARACTERS_MAX} characters");
    }
    let mut decision = match case.course.reached.get(&Step::Retrospective) {
        Some(_) => Decision::default(),
        None => decide::reach(
            case,
            Step::Retrospective,
            now,
            by,
            &desk.parts.policy.timeline,
            now,
        )?,
    };
    let word = desk.keyed_tag("retrospective", &[text.as_bytes()]);
    let count = pieces.len();
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
        // One after the other, so that they stand in their order.
        let due = now + SignedDuration::from_secs(3 * i64::try_from(n)?);
        decision.effects.push(Effect::announce(
            id,
            &word,
            &format!("post-{n}"),
            sealed,
            due,
        ));
    }
    decision
        .journal
        .push(Entry::of(id, "retrospective released", by));
    Ok((
        decision,
        format!("the retrospective of {id} is posted, in {count} pieces"),
    ))
}

/// A long line, broken at its blanks; a word that is longer still, where it must be.
fn broken(line: &str, characters: usize) -> Vec<String> {
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
fn pieces(text: &str, characters: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in text
        .trim()
        .lines()
        .flat_map(|line| broken(line, characters - 1))
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

/// Announces a release on a responder's word: after it, and not before each named file is there as
/// it should be.
pub async fn announce(
    context: &Context<'_>,
    words: &str,
    assets: &[Asset],
    (despite_assets, again): (bool, bool),
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (subject, text) = words
        .trim_start()
        .split_once('\n')
        .ok_or_else(|| anyhow!("the announcement has no text below its subject"))?;
    let subject = subject.strip_prefix("Subject:").unwrap_or(subject).trim();
    if subject.is_empty() || subject.chars().count() > 200 || subject.chars().any(char::is_control)
    {
        bail!("the first line is the subject: up to 200 characters");
    }
    if words.contains(TO_BE_WRITTEN) {
        bail!("something in it is still {TO_BE_WRITTEN:?}");
    }
    if words.len() > OCTETS_MAX || assets.len() > ASSETS_MAX {
        bail!("more than {OCTETS_MAX} octets of text or {ASSETS_MAX} files");
    }
    let lists = &desk.parts.announcement_lists;
    let announcer = desk
        .parts
        .announcer
        .as_ref()
        .ok_or_else(|| anyhow!("no [announcement] is configured"))?;
    let (id, now) = (&case.id, context.now);
    decide::may_announce(case, now)?;
    if !again
        && desk
            .parts
            .store
            .journal(id)
            .await?
            .iter()
            .any(|line| line.event == "announced")
    {
        bail!("it was announced already: a correction is announced with --again");
    }
    if lists.is_empty() && !announcer.posts() {
        bail!("[announcement] names neither a list nor a webhook");
    }
    if announcer.posts()
        && subject.chars().count() + text.trim().chars().count() > POST_CHARACTERS_MAX
    {
        bail!("the webhook takes {POST_CHARACTERS_MAX} characters: shorten it");
    }
    let mut faults = Vec::new();
    let checking = async {
        for asset in assets {
            let wanted = Digest::parse(&asset.sha256.to_ascii_lowercase()).with_context(|| {
                format!("{:?} is no SHA-256: 64 hexadecimal digits", asset.sha256)
            })?;
            match announcer.sha256(&asset.url).await {
                Ok(found) if found == wanted => {}
                Ok(found) => faults.push(format!("{} has the SHA-256 {found}", asset.url)),
                Err(err) => faults.push(err.to_string()),
            }
        }
        Ok::<(), anyhow::Error>(())
    };
    let checked = tokio::time::timeout(Duration::from_secs(CHECKING_S), checking).await;
    checked.with_context(|| format!("the files could not be fetched within {CHECKING_S} s"))??;
    if !faults.is_empty() && !despite_assets {
        bail!(
            "not announced: {}; mend it, or say the same with --despite",
            faults.join("; ")
        );
    }
    // The files took their time: what holds now counts.
    let (case, now) = (known(desk, id).await?, desk.now());
    decide::may_announce(&case, now)?;
    let word = desk.keyed_tag("announcement", &[words.as_bytes()]);
    let mut effects = Vec::new();
    for to in lists
        .iter()
        .map(Some)
        .chain(announcer.posts().then_some(None))
    {
        let announcement = Announcement {
            to: to.cloned(),
            subject: subject.to_owned(),
            text: text.trim().to_owned(),
            is_retrospective: false,
        };
        let sealed = desk.parts.store.seal(&serde_json::to_vec(&announcement)?)?;
        let label = to.map_or_else(
            || "post".to_owned(),
            |to| desk.keyed_tag("to", &[to.as_str().as_bytes()]),
        );
        effects.push(Effect::announce(id, &word, &label, sealed, now));
    }
    let mut journal = vec![Entry::of(id, "announcement released", by)];
    if !assets.is_empty() {
        journal.push(Entry::of(
            id,
            "release files checked",
            format!(
                "{} of {} are as they should be",
                assets.len() - faults.len(),
                assets.len()
            ),
        ));
    }
    let said = format!(
        "{id} is announced to {} lists{}",
        lists.len(),
        if announcer.posts() {
            " and by the webhook"
        } else {
            ""
        }
    );
    Ok((
        Decision {
            effects,
            journal,
            ..Decision::default()
        },
        said,
    ))
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
        let pieces = pieces(&text, 100);
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
