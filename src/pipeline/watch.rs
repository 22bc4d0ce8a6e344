//! What became of our advisories in the tracker? Looked at again and again, and written down where
//! it changed.

use super::driver::{Loop, Turn};
use crate::decide::{self, Decision, Entry, tracker_moved};
use crate::desk::Desk;
use crate::model::case::{AdvisoryId, Case, Draft};
use crate::model::effect::{Effect, Reason};
use crate::ports::{Comment, Intake, PortError};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::sleep;
use tracing::info;

/// Compares open cases with what the tracker says of their advisories.
pub struct TrackerStates {
    pub every: Duration,
}

#[async_trait]
impl Loop for TrackerStates {
    fn fault(&self) -> &str {
        "tracker states"
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        round(&turn.desk).await?;
        turn.desk.mended("tracker states");
        Ok(())
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        sleep(self.every).await;
        Ok(())
    }

    async fn back_off(&mut self, _: &Turn, _: u32) {
        sleep(self.every).await;
    }
}

/// Relays what responders write below advisories.
pub struct TrackerComments {
    pub every: Duration,
}

#[async_trait]
impl Loop for TrackerComments {
    fn fault(&self) -> &str {
        "tracker comments"
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        relay(&turn.desk).await?;
        turn.desk.mended("tracker comments");
        Ok(())
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        sleep(self.every).await;
        Ok(())
    }

    async fn back_off(&mut self, _: &Turn, _: u32) {
        sleep(self.every).await;
    }
}

/// Open cases with an advisory.
async fn filed(desk: &Desk) -> Result<Vec<(Case, AdvisoryId)>, PortError> {
    let open = desk.parts.store.running().await?.into_iter();
    Ok(open
        .filter_map(|case| {
            if let Draft::Filed { advisory } = case.draft.clone() {
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
            info!(case = %case.id, state = state.as_str(), "an advisory changed");
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
    let journal = desk.parts.store.journal(&case.id).await?;
    let by_mail = desk
        .parts
        .store
        .letters_of(&case.id)
        .await?
        .iter()
        .any(Intake::is_a_reporters);
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

fn relayed(
    desk: &Desk,
    case: &Case,
    comment: &Comment,
    words: &str,
    by_mail: bool,
    name: &str,
) -> Result<Decision, PortError> {
    let now = desk.now();
    let journal = |why: &str| {
        vec![Entry::of(
            &case.id,
            "comment not relayed",
            format!("{why}: {name}"),
        )]
    };
    let theirs = |login: &Option<String>| {
        login
            .as_ref()
            .is_some_and(|login| login.eq_ignore_ascii_case(&comment.author))
    };
    let Some(responder) = desk
        .parts
        .responders
        .iter()
        .find(|responder| theirs(&responder.tracker_login))
    else {
        return Ok(Decision {
            journal: journal("its writer is no responder of the config"),
            ..Decision::default()
        });
    };
    let refusal = match words {
        // Whoever may work on an advisory may edit what others said.
        _ if comment.edited => Some("it was edited, and nobody can tell by whom"),
        _ if !by_mail => Some("the reporter reads the tracker themselves"),
        _ if now.duration_since(comment.at)
            > jiff::SignedDuration::from_hours(RELAYED_WITHIN_H) =>
        {
            Some("it is older than a day")
        }
        "" => Some("it has no words"),
        quoting
            if quoting
                .lines()
                .any(|line| line.trim_start().starts_with('>')) =>
        {
            Some("it quotes, and nobody can tell what is meant for the reporter")
        }
        _ => None,
    };
    if let Some(why) = refusal {
        return Ok(Decision {
            journal: journal(why),
            effects: Effect::call(Reason::RelayRefused, &case.id, now),
            ..Decision::default()
        });
    }
    let sealed = desk.parts.store.seal(words.as_bytes())?;
    let by = format!(
        "responder {}, {name}",
        responder
            .login
            .as_ref()
            .or(responder.tracker_login.as_ref())
            .map_or("", String::as_str)
    );
    Ok(decide::reply(
        &case.id,
        &name.replace(' ', "-"),
        sealed,
        &by,
        now,
    ))
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
