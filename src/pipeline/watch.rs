//! What became of our advisories in the tracker? Looked at again and again, and written down where
//! it changed.

use super::driver::{Loop, Turn};
use crate::decide::{self, Decision, tracker_moved};
use crate::desk::reporters::letters_of_reporter;
use crate::desk::{Desk, Responder};
use crate::model::Timestamp;
use crate::model::case::{AdvisoryId, Case, Draft};
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::ports::{Comment, PortError};
use async_trait::async_trait;
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};

/// What is looked at in the tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Where the advisories of open cases stand.
    States,
    /// What people write below them.
    Comments,
}

impl Watched {
    /// Its name, as `status` and the watchdog have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::States => "tracker states",
            Self::Comments => "tracker comments",
        }
    }
}

/// Looks at the tracker again and again.
pub struct TrackerWatch {
    pub watched: Watched,
    pub every: Duration,
}

#[async_trait]
impl Loop for TrackerWatch {
    fn fault(&self) -> &str {
        self.watched.name()
    }

    fn log_failure(&self, err: &PortError) {
        warn!(what = self.fault(), error = %err, "advisories cannot be looked at");
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        match self.watched {
            Watched::States => round(&turn.desk).await?,
            Watched::Comments => relay(&turn.desk).await?,
        }
        turn.desk.mended(self.fault());
        Ok(())
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        sleep(self.every).await;
        Ok(())
    }
}

/// Open cases with an advisory.
async fn filed(desk: &Desk) -> Result<Vec<(Case, AdvisoryId)>, PortError> {
    let open = desk.parts.store.running().await?.into_iter();
    Ok(open
        .filter_map(|case| {
            if let Draft::Filed { advisory } = case.draft().clone() {
                Some((case, advisory))
            } else {
                None
            }
        })
        .collect())
}

/// Compares every open case with what the tracker says of its advisory.
pub async fn round(desk: &Desk) -> Result<(), PortError> {
    let open = filed(desk).await?;
    if open.is_empty() {
        return Ok(());
    }
    let states = desk.parts.tracker.states().await?;
    let now = desk.now();
    for (case, advisory) in &open {
        let Some((_, state)) = states.iter().find(|(id, _)| *id == advisory.id) else {
            continue;
        };
        if let Some(decision) = tracker_moved(case, *state, &desk.parts.policy.timeline, now) {
            info!(case = %case.id(), state = state.as_str(), "an advisory changed");
            desk.parts.store.commit(&decision, now).await?;
            desk.ring();
        }
    }
    Ok(())
}

/// Sends what responders mark below an advisory to its reporter, each comment once. One advisory
/// that cannot be read keeps no other from it.
pub async fn relay(desk: &Desk) -> Result<(), PortError> {
    if !desk.parts.tracker.capabilities().comments {
        return Ok(());
    }
    let mut failed = None;
    for (case, advisory) in &filed(desk).await? {
        if let Err(err) = relay_one(desk, case, advisory).await {
            failed.get_or_insert(err);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn relay_one(desk: &Desk, case: &Case, advisory: &AdvisoryId) -> Result<(), PortError> {
    let comments = desk.parts.tracker.comments(advisory).await?;
    let marked: Vec<(&Comment, String)> = comments
        .iter()
        .filter_map(|comment| Some((comment, marked(&comment.text)?)))
        .collect();
    if marked.is_empty() {
        return Ok(());
    }
    // The journal knows which of them were seen: it names them.
    let journal = desk.parts.store.journal(case.id()).await?;
    let by_mail = !letters_of_reporter(desk, case.id()).await?.is_empty();
    for (comment, words) in marked {
        let name = format!("comment {}", comment.id);
        if journal.iter().any(|line| line.detail.ends_with(&name)) {
            continue;
        }
        let decision = relayed(desk, case, comment, &words, by_mail, &name)?;
        desk.parts.store.commit(&decision, desk.now()).await?;
        desk.ring();
    }
    Ok(())
}

/// Older ones were written for somebody who is not there any more: before the desk listened, or
/// while it was down.
const RELAYED_WITHIN_H: i64 = 24;

/// Sends the words of a marked comment to the reporter, or says why they are not sent.
fn relayed(
    desk: &Desk,
    case: &Case,
    comment: &Comment,
    words: &str,
    by_mail: bool,
    name: &str,
) -> Result<Decision, PortError> {
    let now = desk.now();
    let not_relayed = |why: &str| {
        Desk::note(
            case.id(),
            JournalEvent::CommentNotRelayed,
            format!("{why}: {name}"),
        )
    };
    let Some(responder) = writer_of(desk, comment) else {
        return Ok(not_relayed("its writer is no responder of the config"));
    };
    if let Some(why) = refusal(comment, words, by_mail, now) {
        return Ok(Decision {
            effects: Effect::call(Reason::RelayRefused, case.id(), now),
            ..not_relayed(why)
        });
    }
    let sealed = desk.parts.store.seal(words.as_bytes())?;
    let login = responder
        .login
        .as_deref()
        .or(responder.tracker_login.as_deref())
        .unwrap_or_default();
    let by = format!("responder {login}, {name}");
    let token = name.replace(' ', "-");
    Ok(decide::reply(case.id(), &token, sealed, &by, now))
}

/// The responder who wrote a comment, by their login of the tracker.
fn writer_of<'d>(desk: &'d Desk, comment: &Comment) -> Option<&'d Responder> {
    desk.parts.responders.iter().find(|responder| {
        responder
            .tracker_login
            .as_ref()
            .is_some_and(|login| login.eq_ignore_ascii_case(&comment.author))
    })
}

/// Why a responder's comment may not go to the reporter.
fn refusal(comment: &Comment, words: &str, by_mail: bool, now: Timestamp) -> Option<&'static str> {
    // Whoever may work on an advisory may edit what others said.
    if comment.edited {
        return Some("it was edited, and nobody can tell by whom");
    }
    if !by_mail {
        return Some("the reporter reads the tracker themselves");
    }
    if now.duration_since(comment.at) > SignedDuration::from_hours(RELAYED_WITHIN_H) {
        return Some("it is older than a day");
    }
    if words.is_empty() {
        return Some("it has no words");
    }
    words
        .lines()
        .any(|line| line.trim_start().starts_with('>'))
        .then_some("it quotes, and nobody can tell what is meant for the reporter")
}

/// What a comment says behind the mark with which it begins.
fn marked(text: &str) -> Option<String> {
    let rest = text.trim_start().strip_prefix("/relay")?;
    rest.chars()
        .next()
        .is_none_or(char::is_whitespace)
        .then(|| match rest.replace("\r\n", "\n").trim() {
            "" => String::new(),
            words => format!("{words}\n"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mark_at_the_top_relays() {
        assert_eq!(
            marked("/relay\r\n\r\nThank you.\r\nBye").as_deref(),
            Some("Thank you.\nBye\n")
        );
        assert_eq!(
            marked("  /relay Thank you.").as_deref(),
            Some("Thank you.\n")
        );
        assert_eq!(marked("/relay").as_deref(), Some(""));
        for other in [
            "/relayed",
            "We should /relay this",
            "> /relay\n> quoted",
            "",
            "Thanks\n/relay",
        ] {
            assert_eq!(marked(other), None, "{other}");
        }
    }
}
