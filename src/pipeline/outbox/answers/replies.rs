//! How do a question and a reply of the team reach the reporter?

use super::{answer, hand_over, is_to_proven, not_again, turn_unless_manual};
use crate::decide::{Decision, replied};
use crate::desk::Desk;
use crate::desk::reporters::{
    ReporterCertificate, address_of, came_sealed, certificate_for, letters_of_reporter, pinned_of,
};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::{Effect, Reason, Work};
use crate::model::ids::{CaseId, MessageId};
use crate::model::journal::JournalEvent;
use crate::model::language::Language;
use crate::model::outgoing::{Asked, Composition};
use crate::model::report::Missing;
use crate::pipeline::failpoint::step;
use crate::pipeline::outbox::{
    Carried, case_of, letter_to_answer, missing, reading_for, unsigned_yet,
};
use crate::ports::{Answer, Intake, Pinned, PortError};
use jiff::SignedDuration;

/// Asks the reporter for what their report lacks; for their certificate alone, where all else would
/// tell in clear what was sealed.
pub(in crate::pipeline::outbox) async fn ask(
    desk: &Desk,
    effect: &Effect,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let (letter, to) = letter_to_answer(desk, effect).await?;
    let now = desk.now();
    let certificate = if effect.is_manual() {
        let letters = letters_of_reporter(desk, case.id()).await?;
        match certificate_for(desk, &letters, to.address()).await? {
            ReporterCertificate::Known(armored) => Some(armored),
            ReporterCertificate::Unknown | ReporterCertificate::Contested => None,
        }
    } else {
        let pinned = pinned_of(desk, &letter, to.address()).await?;
        pinned.and_then(Pinned::in_use)
    };
    // By itself, a question is about its own letter alone: which others lie in the case, a key may
    // have told.
    let sealed = if effect.is_manual() {
        came_sealed(desk, case.id()).await?
    } else {
        let reading = reading_for(desk, &letter).await?;
        letter.sealed_outside || reading.is_none_or(|reading| reading.came_sealed())
    };
    let asked = if sealed && certificate.is_none() {
        vec![Asked::Certificate]
    } else if effect.work == Work::AskPrivate {
        vec![Asked::PrivateDisclosure]
    } else {
        lacking(desk, &letter).await?
    };
    if asked.is_empty() {
        let (event, why) = (JournalEvent::NothingToAsk, "the report lacks nothing");
        return Ok(Carried::Done(Desk::note(case.id(), event, why), None));
    }
    let answer = Answer {
        proven: is_to_proven(&letter, to.address()),
        ..answer(desk, effect, to.address(), "question")?
    };
    if let Some(held) = turn_unless_manual(desk, effect, &answer, now).await? {
        return Ok(not_again(effect, JournalEvent::QuestionNotSent, held));
    }
    let id = answer.message_id.clone();
    let composition = Composition::Question {
        language: clear_language(desk, &letter).await?,
        to: to.clone(),
        case: case.id().clone(),
        message_id: id.clone(),
        in_reply_to: letter.message_id.clone(),
        asked,
        at: now,
        certificate,
    };
    let octets = desk
        .parts
        .opener
        .compose(&composition)
        .await
        .map_err(unsigned_yet)?;
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    Ok(Carried::Done(
        Desk::note(case.id(), JournalEvent::QuestionSent, id.as_str()),
        Some(id),
    ))
}

/// The language of a letter that anybody on the way could read.
pub(super) async fn clear_language(
    desk: &Desk,
    letter: &Intake,
) -> Result<Option<Language>, PortError> {
    let reading = reading_for(desk, letter).await?;
    let in_clear = reading.filter(|reading| !reading.came_sealed());
    Ok(in_clear.and_then(|reading| reading.language))
}

/// What the report in a letter lacks.
async fn lacking(desk: &Desk, letter: &Intake) -> Result<Vec<Asked>, PortError> {
    let reading = reading_for(desk, letter).await?.ok_or_else(|| {
        PortError::lasting("the letter was not read; nothing is known to be missing")
    })?;
    let missing = reading.report.map(|report| report.missing);
    let asked = missing
        .unwrap_or_default()
        .into_iter()
        .map(|missing| match missing {
            Missing::Steps => Asked::Steps,
            Missing::Versions => Asked::Versions,
        });
    Ok(asked.collect())
}

/// So long a reply waits for the certificate that it must be sealed with, and so often it looks.
const CERTIFICATE_WAIT: SignedDuration = SignedDuration::from_hours(7 * 24);
const CERTIFICATE_LOOK: SignedDuration = SignedDuration::from_mins(1);

/// Sends a responder's words as the team's. A human wrote them, so no cap holds them back. What was
/// sealed to us is answered sealed: where the reporter's certificate is not known, the words wait
/// for it. `accepted_at`: when they were given.
pub(in crate::pipeline::outbox) async fn reply(
    desk: &Desk,
    effect: &Effect,
    accepted_at: Timestamp,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let sealed_words = effect.payload.clone().ok_or_else(|| missing("words"))?;
    let Some((letters, to)) = letters_and_address(desk, case.id()).await? else {
        return Err(PortError::lasting(
            "nobody is known to whom a reply could go by mail: a \
            reporter who wrote in the tracker is answered there",
        ));
    };
    let now = desk.now();
    let certificate = match certificate_for(desk, &letters, &to).await? {
        ReporterCertificate::Known(armored) => Some(armored),
        ReporterCertificate::Contested => {
            let why = "two certificates were seen for the reporter: choose one with `sealdesk \
                case certificate`, and give the reply again";
            return Ok(Carried::Refused(not_sent(&case, why, now), why));
        }
        ReporterCertificate::Unknown if came_sealed(desk, case.id()).await? => {
            return waits_for_certificate(desk, &case, &letters[0], accepted_at, now).await;
        }
        ReporterCertificate::Unknown => None,
    };
    let answer = answer(desk, effect, &to, "reply")?;
    let text = unseal_words(desk, sealed_words).await?;
    let id = answer.message_id.clone();
    let mut composition = composition(desk, case.id(), &letters, to, text, id).await?;
    composition.encrypt_reply_to(certificate);
    let octets = desk
        .parts
        .opener
        .compose(&composition)
        .await
        .map_err(unsigned_yet)?;
    step!("composed");
    desk.parts.store.note_answer(&answer, now).await?;
    hand_over(desk, effect, &answer, octets).await?;
    let decision = replied(&case, desk.now(), answer.message_id.as_str());
    Ok(Carried::Done(decision, Some(answer.message_id)))
}

/// The letters of a case's reporter, and where they are answered; `None` where they wrote in the
/// tracker, or no address of theirs is known. There is at least one letter.
pub(super) async fn letters_and_address(
    desk: &Desk,
    case: &CaseId,
) -> Result<Option<(Vec<Intake>, Address)>, PortError> {
    let letters = letters_of_reporter(desk, case).await?;
    let to = letters.first().and_then(address_of);
    Ok(to.map(|to| (letters, to)))
}

/// A reply of this text to the reporter who wrote these letters, as yet in clear.
pub(super) async fn composition(
    desk: &Desk,
    case: &CaseId,
    letters: &[Intake],
    to: Address,
    text: String,
    message_id: MessageId,
) -> Result<Composition, PortError> {
    let language = match letters.first() {
        Some(first) => clear_language(desk, first).await?,
        None => None,
    };
    Ok(Composition::Reply {
        language,
        to,
        case: case.clone(),
        message_id,
        in_reply_to: answered(letters).and_then(|letter| letter.message_id.clone()),
        text,
        at: desk.now(),
        certificate: None,
    })
}

/// The letter that a reply answers: the last that arrived in the case. Whether one that arrived in
/// another lies here may follow from what decryption showed.
fn answered(letters: &[Intake]) -> Option<&Intake> {
    let mut arrived = letters
        .iter()
        .rev()
        .filter(|letter| letter.arrived_in.is_none());
    arrived.next().or(letters.last())
}

/// What a responder wrote, as it rests sealed.
async fn unseal_words(desk: &Desk, sealed: Vec<u8>) -> Result<String, PortError> {
    let octets = desk
        .parts
        .opener
        .unseal(sealed)
        .await
        .map_err(unsigned_yet)?;
    String::from_utf8(octets).map_err(|_| PortError::lasting("the words of this reply are damaged"))
}

/// Sends no reply, and calls responders to give it again.
fn not_sent(case: &Case, why: &'static str, now: Timestamp) -> Decision {
    Decision {
        effects: Effect::call(Reason::ReplyRefused, case.id(), now),
        ..Desk::note(case.id(), JournalEvent::ReplyNotSent, why)
    }
}

/// Asks the reporter for the certificate that a reply must be sealed with, and waits for it.
async fn waits_for_certificate(
    desk: &Desk,
    case: &Case,
    first: &Intake,
    accepted_at: Timestamp,
    now: Timestamp,
) -> Result<Carried, PortError> {
    if first.reply_to.is_some() {
        // One question a reply: its key is the hour at which the words were given.
        let asked = Decision {
            effects: vec![Effect::ask_manually(case.id(), first.id, accepted_at)],
            ..Decision::default()
        };
        desk.parts.store.commit(&asked, now).await?;
        desk.ring();
    }
    if now.duration_since(accepted_at) < CERTIFICATE_WAIT {
        let why = "waits for the reporter's certificate";
        return Ok(Carried::NotBefore(now + CERTIFICATE_LOOK, why));
    }
    let why = "the reporter's certificate did not come within a week: ask them in another way, \
        and give the reply again";
    Ok(Carried::Refused(not_sent(case, why, now), why))
}
