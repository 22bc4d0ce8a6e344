//! What may a flood of letters set off? So many calls and drafts an hour; the rest is one digest, and waits for a human.
//!
//! What is counted is what leaves, and anybody could count that: nothing of it depends on what decryption showed.

use super::desk::Desk;
use crate::decide::{CaseChange, Decision};
use crate::model::Timestamp;
use crate::model::case::{Case, Draft};
use crate::model::effect::{Effect, Reason, Work};
use crate::ports::PortError;
use jiff::SignedDuration;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Takes from a decision on a letter what would be too much.
pub(super) async fn restrain(desk: &Desk, mut decision: Decision, now: Timestamp) -> Result<Decision, PortError> {
    let files = |effect: &Effect| effect.work == Work::FileAdvisory;
    if decision.effects.iter().any(files) && desk.parts.store.queued_since(Work::FileAdvisory, now - DAY).await? >= u64::from(desk.parts.caps.drafts_per_day) {
        decision.effects.retain(|effect| !files(effect));
        if let Some(CaseChange::Update { before, after }) = decision.case.take() {
            decision.case = Some(CaseChange::Update { before, after: Case { draft: Draft::AwaitsWord, ..after } });
        }
    }
    let calls = |effect: &Effect| matches!(effect.work, Work::CallByMail(_)) && effect.intake.is_some();
    let Some(call) = decision.effects.iter().find(|effect| calls(effect)) else { return Ok(decision) };
    if desk.parts.store.queued_since(call.work, now - HOUR).await? >= u64::from(desk.parts.caps.calls_per_hour) {
        decision.effects.retain(|effect| !calls(effect));
        // Once an hour, at its end, and about all of them.
        let hour = now.as_second() / HOUR.as_secs();
        let end = Timestamp::from_second((hour + 1) * HOUR.as_secs()).unwrap_or(now);
        decision.effects.extend(Effect::call_about_desk(Reason::ManyLetters, &hour.to_string(), end));
    }
    Ok(decision)
}
