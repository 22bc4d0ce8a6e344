//! What follows from the letter that opened a case?

use crate::decide::on_reading::{Older, ReadLetter};
use crate::decide::policy::ASK_AFTER;
use crate::decide::{CaseChange, Decision, Entry, FilePolicy, Policy, SealedPolicy};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Case, Closing, Draft, InvalidTransition};
use crate::model::effect::{Effect, EffectKey, Reason};
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use crate::model::reading::{LetterKind, Reading, SignatureStatus};
use crate::model::report::{Intent, Report};

/// Fails where the case is closed.
pub(super) fn first(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let in_clear = !reading.came_sealed();
    if matches!(case.draft(), Draft::Filed { .. }) {
        return in_tracker(case, letter, in_clear, now);
    }
    if let Some(older) = letter.older.filter(|older| is_part_of(letter, older)) {
        return join(case, letter, reading, older.case.clone(), policy, now);
    }
    if let Some(older) = letter.older.filter(|_| case.perhaps_of().is_none()) {
        return named_inside(case, letter, older.case, in_clear, now);
    }
    match reading.kind {
        // Only a clear letter may change what goes out by itself: everyone on the way could read
        // it. It is no case. The certificate leaves when an acknowledgement would have left.
        LetterKind::KeyRequest if in_clear && letter.answerable => {
            close(case, Closing::KeyRequest, now)
        }
        // One that a responder made a case of stays one.
        kind if kind.is_machine()
            && in_clear
            && matches!(case.acknowledgement(), Acknowledgement::Due { .. }) =>
        {
            machine(case, now)
        }
        LetterKind::KeyRequest => waits(case, letter, Reason::AwaitsConfirmation, in_clear, now),
        // A low rank, and never silence: nobody is called at once, and its clocks run until a
        // responder confirms it.
        LetterKind::Spam => {
            let waiting = case.clone().open()?.await_confirmation();
            Ok(saved(case, waiting))
        }
        LetterKind::Other => Ok(saved(case, case.clone().open()?)),
        _ => report(case, letter, reading, policy, now),
    }
}

/// Nothing proves that a letter is as its writer sent it: a responder is called, and nothing
/// follows by itself. A case that it opened waits until they confirm it.
pub(super) fn unproven(
    case: &Case,
    letter: &ReadLetter<'_>,
    in_clear: bool,
    now: Timestamp,
) -> Decision {
    let reason = Reason::LetterUnproven;
    let waiting = (letter.is_first && !matches!(case.draft(), Draft::Filed { .. }))
        .then(|| waits(case, letter, reason, in_clear, now));
    waiting.and_then(Result::ok).unwrap_or_else(|| Decision {
        effects: Effect::call_about_letter(reason, case.id(), letter.intake, in_clear, now),
        ..Decision::default()
    })
}

/// The next state of the case, and nothing else yet.
fn saved(case: &Case, after: Case) -> Decision {
    Decision {
        case: Some(CaseChange::update(case, after)),
        ..Decision::default()
    }
}

/// It was reported in the tracker: its entry is there, and its responders were called when it
/// arrived.
fn in_tracker(
    case: &Case,
    letter: &ReadLetter<'_>,
    in_clear: bool,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let alike = letter
        .alike
        .map(|_| {
            Effect::call_about_letter(
                Reason::LikelyDuplicate,
                case.id(),
                letter.intake,
                in_clear,
                now,
            )
        })
        .unwrap_or_default();
    Ok(Decision {
        // Those whom the config names are let in.
        effects: alike
            .into_iter()
            .chain([Effect::amend_advisory(case.id(), now)])
            .collect(),
        journal: letter
            .alike
            .map(|other| Entry::of(case.id(), JournalEvent::LikelyDuplicate, other.as_str()))
            .into_iter()
            .collect(),
        ..saved(case, case.clone().open()?)
    })
}

/// A machine's words, in clear: nobody waits for an answer.
fn machine(case: &Case, now: Timestamp) -> Result<Decision, InvalidTransition> {
    Ok(Decision {
        cancelled: vec![EffectKey::acknowledge(case.id())],
        ..close(case, Closing::Machine, now)?
    })
}

fn close(case: &Case, why: Closing, now: Timestamp) -> Result<Decision, InvalidTransition> {
    Ok(Decision {
        journal: vec![Entry::of(
            case.id(),
            JournalEvent::CaseClosed,
            format!("{why:?}").to_lowercase(),
        )],
        ..saved(case, case.clone().close(now, why)?)
    })
}

/// Whether it is proven to belong to an older case: by a certificate that is known, or as a letter
/// whose thread stands outside.
pub(super) fn is_part_of(letter: &ReadLetter<'_>, older: &Older<'_>) -> bool {
    let by_domain = letter.proven && !older.is_closed;
    older.originator_in_case && (letter.signed_by_pinned || by_domain)
}

/// Proven to belong to an older case. The acknowledgement stays: it must
/// not depend on what decryption showed.
pub(super) fn join(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    older: CaseId,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let joined = case.clone().join(older.clone(), now)?;
    let arrived = if letter.signed_by_pinned {
        JournalEvent::FollowUpJoinedBySignature
    } else {
        JournalEvent::FollowUpArrived
    };
    let in_clear = !reading.came_sealed();
    let is_held = !in_clear && policy.sealed == SealedPolicy::Hold;
    let reason = if is_held {
        Reason::AwaitsConfirmation
    } else {
        Reason::FollowUp
    };
    let mut effects = Effect::call_about_letter(reason, &older, letter.intake, in_clear, now);
    if !is_held {
        effects.push(Effect::append_follow_up(&older, letter.intake, now));
    }
    // The older case is not ours to change here: a human hears of it.
    if reading
        .report
        .as_ref()
        .is_some_and(|r| matches!(r.disclosure.intent, Intent::Public | Intent::AlreadyPublic))
    {
        effects.extend(Effect::call_about_letter(
            Reason::DisclosureIntended,
            &older,
            letter.intake,
            in_clear,
            now,
        ));
    }
    Ok(Decision {
        effects,
        journal: vec![
            Entry::of(
                case.id(),
                JournalEvent::JoinedToOlderCase,
                older.to_string(),
            ),
            Entry::of(&older, arrived, letter.intake.to_string()),
        ],
        letter_of: Some(older),
        ..saved(case, joined)
    })
}

/// The tag of another case stood where only decryption shows it. The acknowledgement stays, and a
/// human compares.
fn named_inside(
    case: &Case,
    letter: &ReadLetter<'_>,
    older: &CaseId,
    in_clear: bool,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let waiting = case.clone().open()?.await_confirmation();
    Ok(Decision {
        effects: Effect::call_about_letter(
            Reason::PerhapsFollowUp,
            case.id(),
            letter.intake,
            in_clear,
            now,
        ),
        journal: vec![Entry::of(
            case.id(),
            JournalEvent::NamesOlderCase,
            older.as_str(),
        )],
        ..saved(case, waiting.refer_to(older.clone()))
    })
}

fn waits(
    case: &Case,
    letter: &ReadLetter<'_>,
    reason: Reason,
    in_clear: bool,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let waiting = case.clone().open()?.await_confirmation();
    Ok(Decision {
        effects: Effect::call_about_letter(reason, case.id(), letter.intake, in_clear, now),
        ..saved(case, waiting)
    })
}

/// A report: its draft is filed, or waits until a responder confirms it.
fn report(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let in_clear = !reading.came_sealed();
    let is_held = !in_clear && policy.sealed == SealedPolicy::Hold;
    // What perhaps belongs to another case, or says the same, would be a second advisory of it.
    let stands_alone = case.perhaps_of().is_none() && letter.alike.is_none();
    let question = asks_for_missing(case, letter, reading, policy).then(|| {
        let due = letter.received_at + policy.acknowledge_delay + ASK_AFTER;
        Effect::ask(case.id(), letter.intake, due.max(now))
    });
    if !files_draft(reading, policy) || is_held || !stands_alone {
        let mut decision = wait_for_word(case, letter, in_clear, now)?;
        decision.effects.extend(question);
        return Ok(decision);
    }
    let mut decision = file_draft(case, letter, in_clear, now)?;
    decision.effects = question.into_iter().chain(decision.effects).collect();
    Ok(decision)
}

fn is_forged(reading: &Reading) -> bool {
    reading.signature.status == SignatureStatus::Invalid
}

fn is_evident(reading: &Reading) -> bool {
    reading.report.as_ref().is_some_and(Report::is_evident)
}

/// Whether the policy files a draft of this report by itself.
fn files_draft(reading: &Reading, policy: &Policy) -> bool {
    let report = reading.report.as_ref();
    match policy.file {
        // Who asks a question, or to be told of fixes in advance, reports none.
        FilePolicy::Always => report.is_none_or(|r| r.class.may_report()),
        FilePolicy::Evident => is_evident(reading) && !is_forged(reading),
        FilePolicy::Confirmed => false,
    }
}

/// Whether the reporter is asked for what their report lacks.
///
/// Of a clear letter everyone on the way could see what it lacks. Whether another letter says the
/// same may be known from a sealed one alone: it changes nothing that leaves.
fn asks_for_missing(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    policy: &Policy,
) -> bool {
    let report = reading.report.as_ref();
    let lacks_something = report.is_some_and(|r| !r.missing.is_empty());
    let may_ask = policy.ask_missing && letter.answerable && !reading.came_sealed();
    may_ask
        && lacks_something
        && is_evident(reading)
        && !is_forged(reading)
        && case.perhaps_of().is_none()
}

/// Calls responders to say whether a draft is filed, or to compare two reports that say the same.
fn wait_for_word(
    case: &Case,
    letter: &ReadLetter<'_>,
    in_clear: bool,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let reason = if letter.alike.is_some() {
        Reason::LikelyDuplicate
    } else {
        Reason::AwaitsConfirmation
    };
    let mut decision = waits(case, letter, reason, in_clear, now)?;
    let duplicate = letter
        .alike
        .map(|other| Entry::of(case.id(), JournalEvent::LikelyDuplicate, other.as_str()));
    decision.journal.extend(duplicate);
    Ok(decision)
}

/// Files the draft, and calls responders to the new case.
fn file_draft(
    case: &Case,
    letter: &ReadLetter<'_>,
    in_clear: bool,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let opened = case.clone().open()?;
    // A responder may have confirmed it before it was read: then it is on its way already.
    let after = opened.clone().queue_draft().unwrap_or(opened);
    let mut effects = vec![Effect::file_advisory(case.id(), letter.intake, now)];
    effects.extend(Effect::call_about_letter(
        Reason::NewCase,
        case.id(),
        letter.intake,
        in_clear,
        now,
    ));
    Ok(Decision {
        effects,
        ..saved(case, after)
    })
}
