//! How do a question and a reply of the team reach the reporter?

use super::{answer, hand_over, not_again, turn_unless_manual};
use crate::decide::{Decision, replied};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::{Effect, Reason, Work};
use crate::model::journal::JournalEvent;
use crate::model::language::Language;
use crate::model::letter::{Dmarc, Role};
use crate::model::outgoing::{Asked, Composition};
use crate::model::reading::SignatureStatus;
use crate::model::report::Missing;
use crate::pipeline::failpoint::step;
use crate::pipeline::outbox::{
    Carried, case_of, letter_to_answer, missing, reading_for, unsigned_yet,
};
use crate::ports::{Answer, Intake, Pinned, PortError, ReadingState};

/// Asks the reporter for what their report lacks; for their certificate alone, where all else would
/// tell in clear what was sealed.
pub(in crate::pipeline::outbox) async fn ask(
    desk: &Desk,
    effect: &Effect,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let (letter, to) = letter_to_answer(desk, effect).await?;
    let now = desk.now();
    let certificate = pinned_of(desk, &letter, to.address())
        .await?
        .and_then(Pinned::in_use);
    let sealed = came_sealed(desk, &case).await?;
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
        proven: letter.dmarc == Dmarc::Pass,
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

/// Whether any letter of the case was sealed, wholly or in part.
pub(super) async fn came_sealed(desk: &Desk, case: &Case) -> Result<bool, PortError> {
    for letter in desk
        .parts
        .store
        .letters_of(case.id())
        .await?
        .iter()
        .filter(|l| l.role == Role::Incoming)
    {
        // What could not be read may have been sealed; it counts as if it was.
        if letter.sealed_outside
            || letter.state != ReadingState::Read
            || reading_for(desk, letter)
                .await?
                .is_none_or(|r| r.came_sealed())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends a responder's words as the team's. A human wrote them, so no cap holds them back.
pub(in crate::pipeline::outbox) async fn reply(
    desk: &Desk,
    effect: &Effect,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let sealed_words = effect.payload.clone().ok_or_else(|| missing("words"))?;
    let letters = desk.parts.store.letters_of(case.id()).await?;
    let reporters: Vec<&Intake> = letters
        .iter()
        .filter(|letter| letter.is_a_reporters())
        .collect();
    let (Some(first), Some(last)) = (reporters.first(), reporters.last()) else {
        return Err(PortError::lasting(
            "nobody is known to whom a reply could go by mail: a \
            reporter who wrote in the tracker is answered there",
        ));
    };
    let to = recipient(first)?;
    let now = desk.now();
    // A responder's command may use what only decryption showed: the certificate that its sender
    // enclosed and signed with.
    let certificate = match pinned_of(desk, first, &to).await? {
        None => enclosed(desk, &reporters).await?,
        Some(Pinned {
            contested: Some(_), ..
        }) => {
            let why = "two certificates were seen for the reporter: choose one with `sealdesk \
                case certificate`, and give the reply again";
            return Ok(Carried::Refused(not_sent(&case, why, now), why));
        }
        Some(pinned) => pinned.in_use(),
    };
    let answer = answer(desk, effect, &to, "reply")?;
    if certificate.is_none() && came_sealed(desk, &case).await? {
        return Ok(ask_for_certificate(&case, first, now));
    }
    let composition = Composition::Reply {
        language: clear_language(desk, first).await?,
        to,
        case: case.id().clone(),
        message_id: answer.message_id.clone(),
        in_reply_to: last.message_id.clone(),
        text: unseal_words(desk, sealed_words).await?,
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
    desk.parts.store.note_answer(&answer, now).await?;
    hand_over(desk, effect, &answer, octets).await?;
    let decision = replied(&case, desk.now(), answer.message_id.as_str());
    Ok(Carried::Done(decision, Some(answer.message_id)))
}

/// Where a machine may answer, a human may: to the address that was proven, else to the single
/// From.
fn recipient(first: &Intake) -> Result<Address, PortError> {
    let proven = first.reply_to.as_ref().map(|to| to.address());
    proven
        .or(first.originator.as_ref())
        .cloned()
        .ok_or_else(|| missing("reply address"))
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

/// What was sealed to us is answered sealed, or not at all: asks the reporter for the certificate
/// that this takes.
fn ask_for_certificate(case: &Case, first: &Intake, now: Timestamp) -> Carried {
    let why = "the reporter's certificate is not known: they are asked for it, and the reply \
        must be given again";
    let mut decision = not_sent(case, why, now);
    if first.reply_to.is_some() {
        let question = Effect::ask_manually(case.id(), first.id, now);
        decision.effects.push(question);
    }
    Carried::Refused(decision, why)
}

/// The certificate pinned for who wrote a letter, or for the address that they want to be answered
/// at.
pub(super) async fn pinned_of(
    desk: &Desk,
    letter: &Intake,
    to: &Address,
) -> Result<Option<Pinned>, PortError> {
    let pinned = match &letter.originator {
        Some(writer) => desk.parts.store.pinned(writer).await?,
        None => None,
    };
    if pinned.is_some() {
        Ok(pinned)
    } else {
        desk.parts.store.pinned(to).await
    }
}

/// The certificate in one of these letters that its own valid signature is by.
pub(super) async fn enclosed(
    desk: &Desk,
    letters: &[&Intake],
) -> Result<Option<String>, PortError> {
    for letter in letters {
        let Some(reading) = reading_for(desk, letter).await? else {
            continue;
        };
        if reading.signature.status != SignatureStatus::Valid
            || !reading.signature.signer_is_originator
        {
            continue;
        }
        let signer = reading.signature.fingerprint;
        if let Some(found) = reading
            .certificates
            .into_iter()
            .find(|c| Some(&c.fingerprint) == signer.as_ref())
        {
            return Ok(Some(found.armored));
        }
    }
    Ok(None)
}
