//! How does a letter of ours reach a reporter?

mod replies;

use super::{Carried, case_of, letter_of, message_id, missing, tag, unsigned_yet};
use crate::compose;
use crate::decide::{CaseChange, Decision};
use crate::desk::Desk;
use crate::desk::restraint::restrain_calls;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::{Acknowledgement, Case};
use crate::model::effect::{Effect, Reason};
use crate::model::letter::Dmarc;
use crate::model::outgoing::Composition;
use crate::model::reading::{LetterKind, Outside};
use crate::pipeline::failpoint::step;
use crate::ports::{Answer, HeldBack, Intake, OpenerError, Parcel, PortError};
use replies::pinned_of;
pub(super) use replies::{ask, reply};

pub(super) async fn acknowledge(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let letter = letter_of(desk, effect).await?;
    let to = letter
        .reply_to
        .clone()
        .ok_or_else(|| missing("reply address"))?;
    let now = desk.now();
    let outside = outside(desk, &letter, now).await?;
    let certificate_asked_for = match &outside {
        Some(outside) if outside.in_clear => {
            outside.kind == LetterKind::KeyRequest || outside.asks_for_certificate
        }
        _ => false,
    };
    let answered = matches!(case.acknowledgement, Acknowledgement::Sent { .. });
    let certificate = (certificate_asked_for && !answered)
        .then(|| Effect::send_certificate(letter.id, &case.id, now));
    let instead = outside.as_ref().is_some_and(|outside| {
        outside.in_clear && (outside.kind == LetterKind::KeyRequest || outside.kind.is_machine())
    });
    let (Acknowledgement::Due { deadline, .. }, false) = (&case.acknowledgement, instead) else {
        // Answered by hand, not owed any more, or a clear letter that is no report: its reading
        // closes the case.
        return Ok(Carried::Done(
            Decision {
                effects: certificate.into_iter().collect(),
                ..Decision::default()
            },
            None,
        ));
    };
    let deadline = *deadline;
    let answer = Answer {
        proven: letter.dmarc == Dmarc::Pass,
        ..answer(desk, effect, to.address(), "acknowledgement")?
    };
    if let Some(held) = turn(desk, &answer, now).await? {
        return held_back(desk, &case, &letter, held.until, deadline, now).await;
    }
    let id = answer.message_id.clone();
    let mut composition = Composition::Acknowledgement {
        to: to.clone(),
        case: case.id.clone(),
        message_id: id.clone(),
        in_reply_to: letter.message_id.clone(),
        received_at: letter.received_at,
        at: now,
        digest: outside.as_ref().and_then(|outside| outside.digest),
        certificate: match pinned_of(desk, &letter, to.address()).await? {
            None => outside.and_then(|outside| outside.certificate),
            Some(pinned) => pinned.in_use(),
        },
    };
    let (octets, signed) = match desk.parts.opener.compose(&composition).await {
        Ok(octets) => (octets, true),
        Err(why) => {
            // A certificate that can't be used must not cost the reporter their answer.
            if let (
                OpenerError::Refused(_) | OpenerError::Died,
                Composition::Acknowledgement { certificate, .. },
            ) = (&why, &mut composition)
            {
                *certificate = None;
            }
            match desk.parts.opener.compose(&composition).await {
                Ok(octets) => (octets, true),
                Err(why) if waits_for_opener(desk, &letter, now) => return Err(unsigned_yet(&why)),
                Err(_) => (unsigned(desk, &composition)?, false),
            }
        }
    };
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let mut decision = Desk::note(
        &case.id,
        if signed {
            "acknowledged"
        } else {
            "acknowledged without a signature"
        },
        id.as_str(),
    );
    decision.effects.extend(certificate);
    if !signed {
        decision
            .effects
            .extend(Effect::call(Reason::LeftUnsigned, &case.id, now));
    }
    // The case may have moved on meanwhile: the store changes its acknowledgement alone, if that
    // still stands as it was.
    if let Ok(acknowledgement) = case.acknowledgement.clone().sent(desk.now(), signed) {
        decision.case = Some(CaseChange::update(
            &case,
            Case {
                acknowledgement,
                ..case.clone()
            },
        ));
    }
    Ok(Carried::Done(decision, Some(id)))
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
    for other in desk
        .parts
        .store
        .alike(&case.id, &[], letter.message_id.as_ref())
        .await?
    {
        let acknowledged = desk
            .parts
            .store
            .case(&other)
            .await?
            .is_some_and(|c| matches!(c.acknowledgement, Acknowledgement::Sent { .. }));
        let same_writer = match &letter.originator {
            Some(writer) => desk.parts.store.is_participant(&other, writer).await?,
            None => false,
        };
        if acknowledged && same_writer {
            let mut decision =
                Desk::note(&case.id, "acknowledged with another case", other.as_str());
            decision.case = Some(CaseChange::update(
                case,
                Case {
                    acknowledgement: Acknowledgement::NotOwed,
                    ..case.clone()
                },
            ));
            return Ok(Carried::Done(decision, None));
        }
    }
    if at < deadline - desk.parts.policy.alarm_before {
        return Ok(Carried::NotBefore(at));
    }
    let mut decision = Desk::note(
        &case.id,
        "acknowledgement handed to a human",
        format!("no automatic answer to this address before {at}"),
    );
    decision.effects = Effect::call(Reason::AnswerByHand, &case.id, now);
    decision.case = Some(CaseChange::update(
        case,
        Case {
            acknowledgement: case.acknowledgement.clone().hand_over(),
            ..case.clone()
        },
    ));
    Ok(Carried::Done(restrain_calls(desk, decision, now), None))
}

/// What the letter shows without any key; `None` where it can't be parsed, or nobody could look for
/// too long.
async fn outside(
    desk: &Desk,
    letter: &Intake,
    now: Timestamp,
) -> Result<Option<Outside>, PortError> {
    // Where no key was asked when it was read, its reading says the same.
    if let Some(reading) = desk.take_fresh(letter.id, |reading| !reading.came_sealed()) {
        return Ok(Some(Outside::of(&reading, None)));
    }
    if let Some(seen) = desk.outside_of(letter.id) {
        return Ok(Some(seen));
    }
    let _place = desk.looks.acquire().await;
    match desk
        .parts
        .opener
        .outside(desk.parts.store.sealed(letter.id).await?)
        .await
    {
        Ok(outside) => {
            desk.remember_outside(letter.id, &outside);
            Ok(Some(outside))
        }
        Err(why @ (OpenerError::Down(_) | OpenerError::Ended(_)))
            if waits_for_opener(desk, letter, now) =>
        {
            Err(unsigned_yet(&why))
        }
        Err(_) => Ok(None),
    }
}

fn waits_for_opener(desk: &Desk, letter: &Intake, now: Timestamp) -> bool {
    now.duration_since(letter.received_at) < desk.parts.policy.unsigned_after
}

/// The desk's own words without a signature, when the opener was down for too long.
fn unsigned(desk: &Desk, composition: &Composition) -> Result<Vec<u8>, PortError> {
    let composed =
        compose::draft(composition, &desk.parts.identity).and_then(compose::MailDraft::plain);
    composed.map_err(|e| PortError::Lasting(format!("the letter cannot be composed: {e}")))
}

pub(super) async fn send_certificate(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let letter = letter_of(desk, effect).await?;
    let to = letter
        .reply_to
        .clone()
        .ok_or_else(|| missing("reply address"))?;
    let now = desk.now();
    let answer = Answer {
        proven: letter.dmarc == Dmarc::Pass,
        ..answer(desk, effect, to.address(), "certificate")?
    };
    if let Some(held) = turn_unless_manual(desk, effect, &answer, now).await? {
        return Ok(not_again(effect, "certificate not sent again", held));
    }
    let id = answer.message_id.clone();
    let composition = Composition::Certificate {
        to: to.clone(),
        message_id: id.clone(),
        in_reply_to: letter.message_id.clone(),
        at: now,
    };
    let octets = desk
        .parts
        .opener
        .compose(&composition)
        .await
        .map_err(|e| unsigned_yet(&e))?;
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let decision = effect
        .case
        .as_ref()
        .map(|case| Desk::note(case, "certificate sent", id.as_str()))
        .unwrap_or_default();
    Ok(Carried::Done(decision, Some(id)))
}

/// What an address got within a day it does not get again, now or later: two programs could keep
/// that up for ever. What others used up is only late.
fn not_again(effect: &Effect, event: &'static str, held: HeldBack) -> Carried {
    if !held.by_address {
        return Carried::NotBefore(held.until);
    }
    let decision = effect
        .case
        .as_ref()
        .map(|case| {
            Desk::note(
                case,
                event,
                format!("enough for a day; again from {}", held.until),
            )
        })
        .unwrap_or_default();
    Carried::Done(decision, None)
}

/// Takes the turn of an automatic answer; when it may go out, if not now.
async fn turn(desk: &Desk, answer: &Answer, now: Timestamp) -> Result<Option<HeldBack>, PortError> {
    desk.parts
        .store
        .take_turn(answer, desk.parts.caps, now)
        .await
}

/// As [`turn`]; what a responder released is no automatic answer, and no cap holds it back.
async fn turn_unless_manual(
    desk: &Desk,
    effect: &Effect,
    answer: &Answer,
    now: Timestamp,
) -> Result<Option<HeldBack>, PortError> {
    if effect.is_manual() {
        return desk
            .parts
            .store
            .note_answer(answer, now)
            .await
            .map(|()| None);
    }
    turn(desk, answer, now).await
}

/// An answer under its key: its Message-ID, and the tag by which a bounce finds its case.
pub(super) fn answer(
    desk: &Desk,
    effect: &Effect,
    to: &Address,
    kind: &'static str,
) -> Result<Answer, PortError> {
    let tag = tag(desk, &effect.key, "envelope");
    Ok(Answer {
        message_id: message_id(desk, &effect.key)?,
        address: to.clone(),
        kind,
        case: effect.case.clone(),
        tag,
        proven: false,
    })
}

/// Sends an answer whose turn was taken.
pub(super) async fn hand_over(
    desk: &Desk,
    effect: &Effect,
    answer: &Answer,
    octets: Vec<u8>,
) -> Result<(), PortError> {
    let envelope_sender = Some(desk.parts.bounce_address.tagged(&answer.tag));
    let parcel = Parcel {
        envelope_sender,
        envelope_recipient: answer.address.clone(),
        octets,
        key: effect.key.clone(),
    };
    desk.parts.courier.send(&parcel).await
}
