//! When may a release be announced, and where does its announcement go?

mod retrospective;

pub use retrospective::post_retrospective;

use super::{Changed, Context, known};
use crate::decide::{self, Decision, Entry};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case_command::Asset;
use crate::model::effect::Effect;
use crate::model::ids::{CaseId, Digest};
use crate::model::journal::JournalEvent;
use crate::ports::{Announcer, JournalLine};
use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A release announcement is a page.
const OCTETS_MAX: usize = 32 * 1024;

const SUBJECT_CHARACTERS_MAX: usize = 200;

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

/// Announces a release on a responder's command: after it, and not before each named file is there
/// as it should be.
pub async fn announce(
    context: &Context<'_>,
    words: &str,
    assets: &[Asset],
    (despite_assets, again): (bool, bool),
) -> Changed {
    let (desk, case) = (context.desk, &context.case);
    let wording = Wording::parse(words)?;
    if words.len() > OCTETS_MAX || assets.len() > ASSETS_MAX {
        bail!("more than {OCTETS_MAX} octets of text or {ASSETS_MAX} files");
    }
    let announcer = desk
        .parts
        .announcer
        .as_deref()
        .ok_or_else(|| anyhow!("no [announcement] is configured"))?;
    decide::may_announce(case, context.now)?;
    if !again && was_announced(desk, case.id()).await? {
        bail!(
            "it was announced already, or is about to be: a correction is announced with --again"
        );
    }
    check_places(desk, announcer, &wording)?;
    let faults = check_files_in_time(announcer, assets).await?;
    if !faults.is_empty() && !despite_assets {
        bail!(
            "not announced: {}; mend it, or say the same with --despite",
            faults.join("; ")
        );
    }
    // The files took their time: what holds now counts.
    let (case, now) = (known(desk, case.id()).await?, desk.now());
    decide::may_announce(&case, now)?;
    let decision = Decision {
        effects: effects(desk, announcer, case.id(), &wording, now)?,
        journal: journal(context, assets.len(), faults.len()),
        ..Decision::default()
    };
    let by_webhook = if announcer.posts() {
        " and by the webhook"
    } else {
        ""
    };
    let lists = desk.parts.announcement_lists.len();
    let changed = format!("{} is announced to {lists} lists{by_webhook}", case.id());
    Ok((decision, changed))
}

/// An announcement as a responder wrote it, checked.
struct Wording<'t> {
    /// All of it.
    whole: &'t str,
    subject: &'t str,
    text: &'t str,
}

impl<'t> Wording<'t> {
    /// Reads the subject from the first line, and the text from those below it.
    fn parse(whole: &'t str) -> Result<Self> {
        let (subject, text) = whole
            .trim_start()
            .split_once('\n')
            .ok_or_else(|| anyhow!("the announcement has no text below its subject"))?;
        let subject = subject.strip_prefix("Subject:").unwrap_or(subject).trim();
        let characters = subject.chars().count();
        if characters == 0
            || characters > SUBJECT_CHARACTERS_MAX
            || subject.chars().any(char::is_control)
        {
            bail!("the first line is the subject: up to {SUBJECT_CHARACTERS_MAX} characters");
        }
        if whole.contains(TO_BE_WRITTEN) {
            bail!("something in it is still {TO_BE_WRITTEN:?}");
        }
        let text = text.trim();
        Ok(Self {
            whole,
            subject,
            text,
        })
    }

    /// The octets that rest sealed until this leaves to a list, or as a post.
    fn serialize_for(&self, to: Option<&Address>) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&Announcement {
            to: to.cloned(),
            subject: self.subject.to_owned(),
            text: self.text.to_owned(),
            is_retrospective: false,
        })?)
    }
}

/// Whether the release of a case was announced before, or is about to be. One that could not leave
/// may be given again.
async fn was_announced(desk: &Desk, id: &CaseId) -> Result<bool> {
    let journal = desk.parts.store.journal(id).await?;
    if journal
        .iter()
        .any(|line| line.event == JournalEvent::Announced)
    {
        return Ok(true);
    }
    let is_given = |line: &&JournalLine| line.event == JournalEvent::AnnouncementReleased;
    let could_not_leave = |line: &&JournalLine| {
        line.event == JournalEvent::NotAnnounced || line.event == JournalEvent::GaveUp
    };
    let mut newest_first = journal.iter().rev();
    let last = newest_first.find(|line| is_given(line) || could_not_leave(line));
    Ok(last.is_some_and(|line| is_given(&line)))
}

/// Refuses an announcement that has nowhere to go, or is too long for where it goes.
fn check_places(desk: &Desk, announcer: &dyn Announcer, wording: &Wording<'_>) -> Result<()> {
    if desk.parts.announcement_lists.is_empty() && !announcer.posts() {
        bail!("[announcement] names neither a list nor a webhook");
    }
    let characters = wording.subject.chars().count() + wording.text.chars().count();
    if announcer.posts() && characters > POST_CHARACTERS_MAX {
        bail!("the webhook takes {POST_CHARACTERS_MAX} characters: shorten it");
    }
    Ok(())
}

/// As [`check_files`], with an error where that takes too long.
async fn check_files_in_time(announcer: &dyn Announcer, assets: &[Asset]) -> Result<Vec<String>> {
    let limit = Duration::from_secs(CHECKING_S);
    tokio::time::timeout(limit, check_files(announcer, assets))
        .await
        .with_context(|| format!("the files could not be fetched within {CHECKING_S} s"))?
}

/// Fetches each file of a release, and says of each that is not as it should be what is wrong.
async fn check_files(announcer: &dyn Announcer, assets: &[Asset]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for asset in assets {
        let wanted = Digest::parse(&asset.sha256.to_ascii_lowercase())
            .with_context(|| format!("{:?} is no SHA-256: 64 hexadecimal digits", asset.sha256))?;
        match announcer.sha256(&asset.url).await {
            Ok(found) if found == wanted => {}
            Ok(found) => faults.push(format!("{} has the SHA-256 {found}", asset.url)),
            Err(err) => faults.push(err.to_string()),
        }
    }
    Ok(faults)
}

/// One effect for each list, and one for the webhook.
fn effects(
    desk: &Desk,
    announcer: &dyn Announcer,
    id: &CaseId,
    wording: &Wording<'_>,
    now: Timestamp,
) -> Result<Vec<Effect>> {
    let content_tag = desk.keyed_tag("announcement", &[wording.whole.as_bytes()]);
    let lists = desk.parts.announcement_lists.iter().map(Some);
    let post = announcer.posts().then_some(None);
    lists
        .chain(post)
        .map(|to| {
            let sealed = desk.parts.store.seal(&wording.serialize_for(to)?)?;
            let label = to.map_or_else(
                || "post".to_owned(),
                |to| desk.keyed_tag("to", &[to.as_str().as_bytes()]),
            );
            Ok(Effect::announce(id, &content_tag, &label, sealed, now))
        })
        .collect()
}

/// That it was released, and how many of its files are as they should be.
fn journal(context: &Context<'_>, files: usize, faulty: usize) -> Vec<Entry> {
    let id = context.case.id();
    let mut journal = vec![Entry::of(
        id,
        JournalEvent::AnnouncementReleased,
        context.by,
    )];
    if files > 0 {
        let detail = format!("{} of {files} are as they should be", files - faulty);
        journal.push(Entry::of(id, JournalEvent::ReleaseFilesChecked, detail));
    }
    journal
}
