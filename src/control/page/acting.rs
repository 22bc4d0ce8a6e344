//! What may a responder change on the page? What they may by a signed letter, through the same code;
//! once, however often a form is sent, and not over somebody else's head.

use super::tokens::Kept;
use super::wire::{Act, Outcome, ReplyScreen};
use super::{Answered, Caller, Refusal, Refused, known, view};
use crate::cases;
use crate::desk::Desk;
use crate::model::case_command::CommandLine;
use crate::model::ids::CaseId;
use crate::model::page::PageAccess;
use crate::pipeline::outbox::{ReplyWay, reply_way, reply_words};
use crate::ports::PortError;
use anyhow::Result;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One act in a case at a time: whoever comes second sees what the first one did.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<CaseId, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    pub fn of(&self, id: &CaseId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(id.clone()).or_default())
    }
}

pub(super) async fn preview(desk: &Desk, id: &CaseId, text: &str) -> Answered {
    let case = known(desk, id).await?;
    let reply = reply_way(desk, id).await?;
    let words = if text.trim().is_empty() {
        None
    } else {
        reply_words(desk, id, text).await?
    };
    let opened = view::open_line(desk, &case).await?;
    Ok(serde_json::to_value(ReplyScreen {
        line: opened.line,
        reply,
        words,
        seen: desk.parts.store.journal(id).await?.len(),
    })?)
}

pub(super) async fn command(
    desk: &Desk,
    caller: &Caller<'_>,
    id: &CaseId,
    line: &str,
    act: &Act,
    request: Kept,
) -> Answered {
    let by = by(caller);
    once(desk, caller, id, act, request, async || {
        match (desk.parts.parse_command)(id, line, desk.parts.release.hour_utc) {
            Err(why) => Ok(Outcome::Refused { why }),
            Ok(CommandLine::Help(text)) => Ok(Outcome::Help { text }),
            Ok(CommandLine::Execute(command)) => {
                outcome(cases::execute(desk, id, command, &by, None).await)
            }
        }
    })
    .await
}

pub(super) async fn reply(
    desk: &Desk,
    caller: &Caller<'_>,
    id: &CaseId,
    (text, shown): (&str, &ReplyWay),
    act: &Act,
    request: Kept,
) -> Answered {
    let by = by(caller);
    once(desk, caller, id, act, request, async || {
        // A certificate is its reporter's, so it may have changed in another case.
        if reply_way(desk, id).await? != *shown {
            let why = "It would not leave any more as it was shown: to another address or \
                certificate, or no longer encrypted. Nothing was sent; look at it once more.";
            return Ok(Outcome::Refused {
                why: why.to_owned(),
            });
        }
        outcome(cases::reply(desk, id, text, &by).await)
    })
    .await
}

/// As the journal names who acts.
fn by(caller: &Caller<'_>) -> String {
    format!("{}, by page", caller.responder.journal_name())
}

/// A refusal is an outcome; a desk that can't do it now is none.
fn outcome(done: Result<String>) -> Result<Outcome, Refused> {
    match done {
        Ok(said) => Ok(Outcome::Done { said }),
        Err(err) => match err.downcast::<PortError>() {
            Ok(passing) if !passing.is_lasting() => Err(passing.into()),
            Ok(lasting) => Ok(Outcome::Refused {
                why: lasting.to_string(),
            }),
            Err(why) => Ok(Outcome::Refused {
                why: format!("{why:#}"),
            }),
        },
    }
}

/// Carries out what a form asks for, unless it was before, or who sent it has not seen all that
/// happened in the case.
async fn once(
    desk: &Desk,
    caller: &Caller<'_>,
    id: &CaseId,
    act: &Act,
    request: Kept,
    carry_out: impl AsyncFnOnce() -> Result<Outcome, Refused>,
) -> Answered {
    if caller.responder.page != PageAccess::Command {
        let why = "You may read here, and change nothing: the config says page = \"read\" for you.";
        return Err(Refused(Refusal::NotAllowed, why.to_owned()));
    }
    known(desk, id).await?;
    let mut outcomes = caller.session.outcomes.lock().await;
    if let Some(before) = outcomes.of(&request) {
        return Ok(before);
    }
    let mut journal = desk.parts.store.journal(id).await?;
    let seen = journal.len();
    if act.seen < seen {
        let since = journal.split_off(act.seen);
        return Ok(serde_json::to_value(Outcome::Changed { since, seen })?);
    }
    let outcome = serde_json::to_value(carry_out().await?)?;
    outcomes.keep(request, outcome.clone());
    Ok(outcome)
}
