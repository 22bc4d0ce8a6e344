//! How is a report acknowledged? By an answer that shows nothing of what only decryption shows, on
//! a clock that nothing stops: what may not leave by itself goes to a human.

use super::outside::{outside, pin, waits_for_opener};
use super::{TOO_MANY, answer, hand_over, is_to_proven, turn};
use crate::compose;
use crate::decide::{CaseChange, Decision};
use crate::desk::Desk;
use crate::desk::reporters::pinned_of;
use crate::desk::restraint::{restrain_calls, restrain_handed_over};
use crate::model::Timestamp;
use crate::model::address::ReplyAddress;
use crate::model::case::{Acknowledgement, Case};
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::model::outgoing::Composition;
use crate::model::reading::{LetterKind, Outside};
use crate::pipeline::failpoint::step;
use crate::pipeline::outbox::{Carried, case_of, letter_to_answer, unsigned_yet};
use crate::ports::{Answer, Intake, OpenerError, Pinned, PortError};

/// Acknowledges the letter that opened a case.
pub(in crate::pipeline::outbox) async fn acknowledge(
    desk: &Desk,
    effect: &Effect,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let (letter, to) = letter_to_answer(desk, effect).await?;
    let now = desk.now();
    let outside = outside(desk, &letter, now).await?;
    let keeps_later = match &outside {
        Some(outside) => {
            pin(desk, &letter, outside).await?;
            None
        }
        // The opener is down, and the acknowledgement leaves without it.
        None => Some(Effect::keep_certificates(Some(case.id()), letter.id, now)),
    };
    let certificate = wants_certificate(&case, outside.as_ref())
        .then(|| Effect::send_certificate(letter.id, case.id(), now));
    let is_no_report = outside.as_ref().is_some_and(shows_no_report);
    let (Acknowledgement::Due { deadline, .. }, false) = (case.acknowledgement(), is_no_report)
    else {
        // Answered by hand, not owed any more, or a clear letter that is no report: its reading
        // closes the case.
        let decision = Decision {
            effects: certificate.into_iter().chain(keeps_later).collect(),
            ..Decision::default()
        };
        return Ok(Carried::Done(decision, None));
    };
    let answer = Answer {
        proven: is_to_proven(&letter, to.address()),
        ..answer(desk, effect, to.address(), "acknowledgement")?
    };
    if let Some(held) = turn(desk, &answer, now).await? {
        return held_back(desk, &case, &letter, held.until, *deadline, now).await;
    }
    let pinned = pinned_of(desk, &letter, to.address()).await?;
    let composition = composed_of(&case, &letter, &to, outside.as_ref(), pinned, &answer, now);
    let (octets, signed) = compose_in_time(desk, &letter, composition, now).await?;
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let mut decision = acknowledged(desk, &case, &answer, signed);
    decision.effects.extend(certificate);
    decision.effects.extend(keeps_later);
    if !signed {
        let call = Effect::call(Reason::LeftUnsigned, case.id(), now);
        decision.effects.extend(call);
    }
    Ok(Carried::Done(decision, Some(answer.message_id)))
}

/// The acknowledgement of a letter, made of its outside alone.
fn composed_of(
    case: &Case,
    letter: &Intake,
    to: &ReplyAddress,
    outside: Option<&Outside>,
    pinned: Option<Pinned>,
    answer: &Answer,
    now: Timestamp,
) -> Composition {
    let came_sealed = outside.is_some_and(|outside| !outside.in_clear);
    let certificate = match pinned {
        None => outside.and_then(|outside| outside.certificate.clone()),
        Some(pinned) => pinned.in_use(),
    };
    Composition::Acknowledgement {
        language: outside.and_then(|outside| outside.language),
        to: to.clone(),
        case: case.id().clone(),
        message_id: answer.message_id.clone(),
        in_reply_to: letter.message_id.clone(),
        received_at: letter.received_at,
        at: now,
        digest: outside.and_then(|outside| outside.digest),
        asks_certificate: came_sealed && certificate.is_none(),
        certificate,
    }
}

/// Whether a clear letter asks for the desk's certificate, and nothing answered it yet.
fn wants_certificate(case: &Case, outside: Option<&Outside>) -> bool {
    let asks = outside.is_some_and(|outside| {
        outside.in_clear && (outside.kind == LetterKind::KeyRequest || outside.asks_for_certificate)
    });
    asks && !matches!(case.acknowledgement(), Acknowledgement::Sent { .. })
}

/// Whether everybody on the way could see that the letter is no report.
fn shows_no_report(outside: &Outside) -> bool {
    outside.in_clear && (outside.kind == LetterKind::KeyRequest || outside.kind.is_machine())
}

/// Composes an acknowledgement, and says whether it is signed. Where the opener was down for too
/// long, it leaves unsigned.
async fn compose_in_time(
    desk: &Desk,
    letter: &Intake,
    mut composition: Composition,
    now: Timestamp,
) -> Result<(Vec<u8>, bool), PortError> {
    let opener = &desk.parts.opener;
    let why = match opener.compose(&composition).await {
        Ok(octets) => return Ok((octets, true)),
        Err(why) => why,
    };
    // A certificate that can't be used must not cost the reporter their answer; and an opener that
    // another letter ended is there again for the second try.
    if let OpenerError::Refused(_) | OpenerError::Died = why
        && let Composition::Acknowledgement { certificate, .. } = &mut composition
    {
        *certificate = None;
    }
    match opener.compose(&composition).await {
        Ok(octets) => Ok((octets, true)),
        Err(why) if waits_for_opener(desk, letter, now) => Err(unsigned_yet(why)),
        Err(_) => Ok((unsigned(desk, &composition)?, false)),
    }
}

/// The acknowledgement left.
fn acknowledged(desk: &Desk, case: &Case, answer: &Answer, signed: bool) -> Decision {
    let event = if signed {
        JournalEvent::Acknowledged
    } else {
        JournalEvent::AcknowledgedWithoutSignature
    };
    let mut decision = Desk::note(case.id(), event, answer.message_id.as_str());
    // The case may have moved on meanwhile: the store changes its acknowledgement alone, if that
    // still stands as it was.
    if let Ok(acknowledged) = case.clone().acknowledged(desk.now(), signed) {
        decision.case = Some(CaseChange::update(case, acknowledged));
    }
    decision
}

/// A cap holds an acknowledgement back. It never drops one: what can't wait goes to a human, on the
/// same clock.
async fn held_back(
    desk: &Desk,
    case: &Case,
    letter: &Intake,
    at: Timestamp,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<Carried, PortError> {
    // The same letter came by another address of ours, and its writer has their answer to it.
    for other in desk.parts.store.copies_of(letter.id).await? {
        let acknowledged = desk
            .parts
            .store
            .case(&other)
            .await?
            .is_some_and(|c| matches!(c.acknowledgement(), Acknowledgement::Sent { .. }));
        let same_writer = match &letter.originator {
            Some(writer) => desk.parts.store.is_participant(&other, writer).await?,
            None => false,
        };
        if acknowledged && same_writer {
            let mut decision = Desk::note(
                case.id(),
                JournalEvent::AcknowledgedWithAnotherCase,
                other.as_str(),
            );
            decision.case = Some(CaseChange::update(case, case.clone().waive_answer()));
            return Ok(Carried::Done(decision, None));
        }
    }
    if at < deadline - desk.parts.policy.alarm_before {
        return Ok(Carried::NotBefore(at, TOO_MANY));
    }
    let mut decision = Desk::note(
        case.id(),
        JournalEvent::AcknowledgementHandedToHuman,
        format!("no automatic answer to this address before {at}"),
    );
    decision.effects = Effect::call(Reason::AnswerByHand, case.id(), now);
    decision.case = Some(CaseChange::update(case, case.clone().hand_over_answer()));
    // Whoever is proven to have written for themselves may be one whom others used up the answers
    // of: humans hear of each by name.
    let is_own = letter
        .reply_to
        .as_ref()
        .is_some_and(|to| is_to_proven(letter, to.address()));
    let decision = if is_own {
        restrain_handed_over(desk, decision, now)
    } else {
        restrain_calls(desk, decision, now)
    };
    Ok(Carried::Done(decision, None))
}

/// The desk's own words without a signature, when the opener was down for too long.
fn unsigned(desk: &Desk, composition: &Composition) -> Result<Vec<u8>, PortError> {
    compose::plain(composition, &desk.parts.identity)
        .map_err(|e| PortError::lasting("the letter cannot be composed").because(e))
}
