//! How does a letter of ours reach a reporter?

mod acknowledgement;
mod outside;
mod preview;
mod replies;

use super::{Carried, letter_to_answer, message_id, tag, unsigned_yet};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::effect::Effect;
use crate::model::journal::JournalEvent;
use crate::model::letter::Dmarc;
use crate::model::outgoing::Composition;
use crate::pipeline::failpoint::step;
use crate::ports::{Answer, HeldBack, Intake, Parcel, PortError};
pub(super) use acknowledgement::acknowledge;
pub(super) use outside::keep_certificates;
pub use preview::{ReplyWay, ReplyWords, reply_way, reply_words};
pub(super) use replies::{ask, reply};

/// Whether an answer goes to whom a letter is proven to be from. DMARC vouches for the From alone, and
/// a Reply-To may name anybody else at the same provider.
fn is_to_proven(letter: &Intake, to: &Address) -> bool {
    let writer = letter.originator.as_ref();
    letter.dmarc == Dmarc::Pass && writer.is_some_and(|writer| writer.same_mailbox(to))
}

/// Sends the desk's certificate to somebody who asked for it.
pub(super) async fn send_certificate(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let (letter, to) = letter_to_answer(desk, effect).await?;
    let now = desk.now();
    let answer = Answer {
        proven: is_to_proven(&letter, to.address()),
        ..answer(desk, effect, to.address(), "certificate")?
    };
    if let Some(held) = turn_unless_manual(desk, effect, &answer, now).await? {
        return Ok(not_again(
            effect,
            JournalEvent::CertificateNotSentAgain,
            held,
        ));
    }
    let id = answer.message_id.clone();
    let composition = Composition::Certificate {
        language: replies::clear_language(desk, &letter).await?,
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
        .map_err(unsigned_yet)?;
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let decision = effect
        .case
        .as_ref()
        .map(|case| Desk::note(case, JournalEvent::CertificateSent, id.as_str()))
        .unwrap_or_default();
    Ok(Carried::Done(decision, Some(id)))
}

/// Why an automatic answer waits.
const TOO_MANY: &str = "waits for its turn: too many automatic answers";

/// What an address got within a day it does not get again, now or later: two programs could keep
/// that up for ever. What others used up is only late.
fn not_again(effect: &Effect, event: JournalEvent, held: HeldBack) -> Carried {
    if !held.by_address {
        return Carried::NotBefore(held.until, TOO_MANY);
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
