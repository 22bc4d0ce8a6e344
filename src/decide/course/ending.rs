//! When is a case one no more, or two?

use super::{NotNow, open};
use crate::decide::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{Case, Closing};
use crate::model::effect::EffectKey;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;

/// A responder splits a case: one of several vulnerabilities of a report goes its own way. Its
/// reporter was answered for all of them.
pub fn split(case: &Case, child: &CaseId, by: &str) -> Result<Decision, NotNow> {
    open(case)?;
    let part = case.split_off(child.clone())?;
    let root = part.course().part_of.as_ref().unwrap_or(case.id());
    Ok(Decision {
        journal: vec![
            Entry::of(case.id(), JournalEvent::Split, format!("{child}, by {by}")),
            Entry::of(child, JournalEvent::SplitFrom, root.as_str()),
        ],
        case: Some(CaseChange::Open(part)),
        ..Decision::default()
    })
}

/// A responder closes a case, and what was to be done for it is not done any more. Its
/// reporter must have been answered, unless nobody wrote it.
pub fn close(
    case: &Case,
    why: Closing,
    letters: &[IntakeId],
    by: &str,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    let id = case.id();
    let closed = case.clone().close(now, why);
    let closed = closed.map_err(|_| NotNow::Unanswered(id.clone()))?;
    let questions = letters.iter().map(|letter| EffectKey::ask(id, *letter));
    let cancelled = [EffectKey::acknowledge(id), EffectKey::file(id)]
        .into_iter()
        .chain(questions)
        .collect();
    Ok(Decision {
        case: Some(CaseChange::update(case, closed)),
        cancelled,
        journal: vec![Entry::of(
            id,
            JournalEvent::CaseClosed,
            format!("{}, by {by}", why.as_str()),
        )],
        ..Decision::default()
    })
}

/// Opens a closed case again; one without a draft waits for a confirmation to file it. Fails where
/// the case is not closed.
pub fn reopen(case: &Case, by: &str) -> Result<Decision, NotNow> {
    let reopened = case.clone().reopen();
    let reopened = reopened.map_err(|_| NotNow::NotClosed(case.id().clone()))?;
    Ok(Decision {
        case: Some(CaseChange::update(case, reopened)),
        journal: vec![Entry::of(case.id(), JournalEvent::CaseReopened, by)],
        ..Decision::default()
    })
}
