//! What may a flood of letters set off? So many calls and drafts; the rest is one digest an hour,
//! and waits for a human.
//!
//! What is counted is what leaves. Answers are no part of it: they depend on the outer letter
//! alone, and calls and drafts go to the team.

use crate::decide::{CaseChange, Decision};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::effect::{Effect, Reason, Work};
use crate::model::letter::{Dmarc, Role};
use crate::ports::{Intake, PortError};
use jiff::SignedDuration;
use std::sync::{Mutex, PoisonError};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Cases about which responders were called in this hour.
#[derive(Debug, Default)]
pub struct CallsOfHour {
    hour: i64,
    calls: u32,
}

impl CallsOfHour {
    /// Whether one more fits into the hour.
    fn takes(&mut self, hour: i64, most: u32) -> bool {
        if self.hour != hour {
            *self = Self { hour, calls: 0 };
        }
        self.calls = self.calls.saturating_add(1);
        self.calls <= most
    }
}

/// Takes from what follows from a stranger's letter the calls that would be too many, on both
/// paths.
pub fn restrain_calls(desk: &Desk, decision: Decision, now: Timestamp) -> Decision {
    restrained(desk, &desk.calls_of_hour, decision, now)
}

/// The same for acknowledgements that a human must send, to somebody who was proven to have written.
/// They have a share of their own: what a flood sets off must not hide whose answer it held up.
pub fn restrain_handed_over(desk: &Desk, decision: Decision, now: Timestamp) -> Decision {
    restrained(desk, &desk.handed_over_of_hour, decision, now)
}

fn restrained(
    desk: &Desk,
    counted: &Mutex<CallsOfHour>,
    mut decision: Decision,
    now: Timestamp,
) -> Decision {
    let calls = |effect: &Effect| effect.work.reason().is_some() && effect.case.is_some();
    if !decision.effects.iter().any(calls) {
        return decision;
    }
    let hour = now.as_second() / HOUR.as_secs();
    let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
    if counted.takes(hour, desk.parts.caps.calls_per_hour) {
        return decision;
    }
    decision.effects.retain(|effect| !calls(effect));
    // Once an hour, at its end, and about all of them.
    let end = Timestamp::from_second((hour + 1) * HOUR.as_secs()).unwrap_or(now);
    decision.effects.extend(Effect::call_about_desk(
        Reason::ManyLetters,
        &hour.to_string(),
        end,
    ));
    decision
}

/// As [`restrain_calls`], and the drafts that would be too many wait until a responder confirms them.
/// What a responder hears of their own letter is no call of a stranger's, where it is proven to be
/// theirs: by its domain, for what it holds must not decide whether a call leaves.
pub async fn restrain(
    desk: &Desk,
    mut decision: Decision,
    letter: &Intake,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let files = |effect: &Effect| effect.work == Work::FileAdvisory;
    let most = u64::from(desk.parts.caps.drafts_per_day);
    if decision.effects.iter().any(files)
        && desk
            .parts
            .store
            .queued_since(Work::FileAdvisory, now - DAY)
            .await?
            >= most
    {
        decision.effects.retain(|effect| !files(effect));
        if let Some(CaseChange::Update { before, after }) = decision.case.take() {
            decision.case = Some(CaseChange::Update {
                before,
                after: after.await_confirmation(),
            });
        }
    }
    let is_outcome = |effect: &Effect| {
        let reason = effect.work.reason();
        reason.is_some_and(|reason| matches!(reason, Reason::ReplyRefused | Reason::ReplyPutBack))
    };
    // What arrival took for a responder's: whether it turned out to be one, a key may have told.
    let is_responders = letter.role == Role::TeamReply && letter.dmarc == Dmarc::Pass;
    if is_responders && decision.effects.iter().any(is_outcome) {
        return Ok(decision);
    }
    Ok(restrain_calls(desk, decision, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_takes_so_many_calls_and_the_next_one_begins_anew() {
        let mut calls = CallsOfHour::default();
        let taken: Vec<bool> = (0..4).map(|_| calls.takes(7, 2)).collect();
        assert_eq!(taken, [true, true, false, false]);
        assert!(calls.takes(8, 2));
    }
}
