//! When is a case one no more, or two?

use super::{NotNow, open};
use crate::decide::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Case, Closing, Draft, Standing};
use crate::model::course::{Course, Step};
use crate::model::effect::EffectKey;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;

/// A responder splits a case: one of several vulnerabilities of a report goes its own way. Its
/// reporter was answered for all of them.
pub fn split(case: &Case, child: &CaseId, by: &str) -> Result<Decision, NotNow> {
    open(case)?;
    let part_of = case
        .course
        .part_of
        .clone()
        .unwrap_or_else(|| case.id.clone());
    let reached = case
        .course
        .reached
        .iter()
        .filter(|(step, _)| **step == Step::FixTeam)
        .map(|(step, reached)| (*step, *reached))
        .collect();
    let split = Case {
        id: child.clone(),
        opened_at: case.opened_at,
        standing: Standing::Open,
        acknowledgement: Acknowledgement::NotOwed,
        draft: Draft::AwaitsConfirmation,
        perhaps_of: None,
        course: Course {
            lane: case.course.lane,
            announced: case.course.announced,
            announced_manually: case.course.announced_manually,
            // Nobody is called twice for one deadline.
            called: case.course.called.clone(),
            part_of: Some(part_of.clone()),
            reached,
            release_day: case.course.release_day,
            waiting_since: case.course.waiting_since,
            waited_ms: case.course.waited_ms,
            ..Course::default()
        },
    };
    Ok(Decision {
        case: Some(CaseChange::Open(split)),
        journal: vec![
            Entry::of(&case.id, JournalEvent::Split, format!("{child}, by {by}")),
            Entry::of(child, JournalEvent::SplitFrom, part_of.as_str()),
        ],
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
    let acknowledgement = match case.acknowledgement.pending() {
        None => case.acknowledgement.clone(),
        Some(_) if why == Closing::Spam => Acknowledgement::NotOwed,
        Some(_) => return Err(NotNow::Unanswered(case.id.clone())),
    };
    let draft = if case.draft == Draft::Queued {
        Draft::AwaitsConfirmation
    } else {
        case.draft.clone()
    };
    let id = &case.id;
    let questions = letters.iter().map(|letter| EffectKey::ask(id, *letter));
    let cancelled = [EffectKey::acknowledge(id), EffectKey::file(id)]
        .into_iter()
        .chain(questions)
        .collect();
    Ok(Decision {
        case: Some(CaseChange::update(
            case,
            Case {
                standing: Standing::Closed { at: now, why },
                acknowledgement,
                draft,
                ..case.clone()
            },
        )),
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
    if !matches!(case.standing, Standing::Closed { .. }) {
        return Err(NotNow::NotClosed(case.id.clone()));
    }
    let draft = if case.draft == Draft::None {
        Draft::AwaitsConfirmation
    } else {
        case.draft.clone()
    };
    Ok(Decision {
        case: Some(CaseChange::update(
            case,
            Case {
                standing: Standing::Open,
                draft,
                ..case.clone()
            },
        )),
        journal: vec![Entry::of(&case.id, JournalEvent::CaseReopened, by)],
        ..Decision::default()
    })
}
