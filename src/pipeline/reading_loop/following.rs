//! What follows from a reading: it is decided, and kept with its consequences.

use crate::decide::{
    self, Decision, Entry, Older, ReadLetter, Returned, Stray, on_reading, on_returned, on_stray,
};
use crate::desk::restraint;
use crate::desk::{Desk, random};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::{Case, Closing, Standing};
use crate::model::effect::Work;
use crate::model::ids::{CaseId, tag_in};
use crate::model::journal::JournalEvent;
use crate::model::letter::{Dmarc, Role};
use crate::model::reading::{DeliveryOutcome, LetterKind, Reading, SignatureStatus};
use crate::pipeline::failpoint::step;
use crate::pipeline::team_reply::{self, Audience};
use crate::pipeline::text_tags;
use crate::ports::{Intake, Pinned, PortError, ReadingState, ReadingToSave, TextTag};
use tracing::{info, warn};

pub(super) async fn case_of(desk: &Desk, intake: &Intake) -> Result<Option<Case>, PortError> {
    match &intake.case {
        Some(id) => desk.parts.store.case(id).await,
        None => Ok(None),
    }
}

pub(super) async fn commit(
    desk: &Desk,
    intake: &Intake,
    reading: Reading,
    pinned: Option<Pinned>,
) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    // The store may know more of the letter's case by now than when it was listed.
    let case = case_of(desk, intake).await?;
    let text_tags = text_tags::text_tags(desk, &reading).await?;
    let decision = what_follows(
        desk,
        intake,
        case.as_ref(),
        &reading,
        pinned.as_ref(),
        &text_tags,
        now,
    )
    .await?;
    let decision = restraint::restrain(desk, decision, intake, now).await?;
    let state = if reading.protection.shut.is_some() {
        ReadingState::Shut
    } else {
        ReadingState::Read
    };
    let sealed = store.seal(
        &serde_json::to_vec(&reading)
            .map_err(|e| PortError::lasting("a reading cannot be written").because(e))?,
    )?;
    let read = ReadingToSave {
        state,
        sealed: Some(&sealed),
        text_tags: &text_tags,
        sealed_to: reading.sealed_to.as_deref(),
    };
    store
        .commit_reading(intake.id, &read, &decision, now)
        .await?;
    step!("reading-committed");
    let wanted = wanted_again(intake, &reading, &decision);
    desk.keep_fresh(intake.id, reading, wanted);
    info!(
        intake = %intake.id,
        case = case.as_ref().map_or("none", |c| c.id().as_str()),
        "letter read"
    );
    desk.ring();
    Ok(())
}

/// What follows from a reading, by whose letter it is.
async fn what_follows(
    desk: &Desk,
    intake: &Intake,
    case: Option<&Case>,
    reading: &Reading,
    pinned: Option<&Pinned>,
    text_tags: &[TextTag],
    now: Timestamp,
) -> Result<Decision, PortError> {
    match (intake.role, case) {
        (Role::Canary, _) => Ok(desk.canary_read(intake, reading)),
        (Role::TeamReply, Some(case)) => {
            team_reply::taken(desk, intake, case, reading, Audience::Writer, now).await
        }
        _ if let Some(answered) = team_reply::case_answered(desk, intake, reading).await? => {
            let all = Audience::All;
            let taken = team_reply::taken(desk, intake, &answered, reading, all, now).await?;
            let opened = match case {
                Some(case) if opened(desk, case.id(), intake).await? => Some(case),
                _ => None,
            };
            Ok(decide::of_responder(opened, answered.id(), taken, now))
        }
        _ => match returned(desk, intake, case, reading, now).await? {
            Some(decision) => Ok(decision),
            None => decided(desk, intake, case, reading, pinned, text_tags, now).await,
        },
    }
}

/// Whether the letter opened the case: a fact of its arrival, wherever readings moved it and others.
async fn opened(desk: &Desk, case: &CaseId, intake: &Intake) -> Result<bool, PortError> {
    let first = desk.parts.store.opening_letter(case).await?;
    Ok(first == Some(intake.id))
}

/// How often the reading is wanted again in a moment: by effects, and by what looks at the letter from
/// outside, where it is a clear one.
fn wanted_again(intake: &Intake, reading: &Reading, decision: &Decision) -> usize {
    let shows = |work: Work| {
        matches!(
            work,
            Work::FileAdvisory | Work::AppendFollowUp | Work::CallByMail(_)
        )
    };
    let effects = decision
        .effects
        .iter()
        .filter(|effect| shows(effect.work))
        .count();
    let looks_outside = intake.reply_to.is_some() || intake.dmarc == Dmarc::Pass;
    effects + usize::from(looks_outside && !reading.came_sealed())
}

/// What follows from a letter that somebody wrote to the desk.
pub(super) async fn decided(
    desk: &Desk,
    intake: &Intake,
    case: Option<&Case>,
    reading: &Reading,
    pinned: Option<&Pinned>,
    text_tags: &[TextTag],
    now: Timestamp,
) -> Result<Decision, PortError> {
    let store = &desk.parts.store;
    let Some(of_letter) = case else {
        return stray(desk, intake, Some(reading), now);
    };
    let is_first = opened(desk, of_letter.id(), intake).await?;
    // Of a case that a reading joined to another one meanwhile, all but the first letter goes on there.
    let joined_to = match of_letter.perhaps_of() {
        Some(target) if !is_first && was_joined(of_letter) => store.case(target).await?,
        _ => None,
    };
    let case = joined_to.as_ref().unwrap_or(of_letter);
    let named = match case.perhaps_of() {
        Some(older) => Some(older.clone()),
        None => named_inside(desk, case, reading).await?,
    };
    let older = match named {
        Some(older) => store.case(&older).await?,
        None => None,
    };
    let originator_in_case = match (&older, &intake.originator) {
        (Some(older), Some(address)) => store.is_proven_participant(older.id(), address).await?,
        _ => false,
    };
    let of_participant = match &intake.originator {
        Some(address) => store.is_participant(case.id(), address).await?,
        None => false,
    };
    let alike = store
        .alike(case.id(), text_tags, intake.message_id.as_ref())
        .await?;
    let signed = reading.signature.status == SignatureStatus::Valid
        && reading.signature.signer_is_originator;
    let by_pinned = |pinned: &Pinned| {
        pinned.contested.is_none()
            && reading.signature.fingerprint.as_ref() == Some(&pinned.fingerprint)
    };
    let letter = ReadLetter {
        intake: intake.id,
        received_at: intake.received_at,
        spooled_at: intake.spooled_at,
        is_first,
        arrived_in: intake.arrived_in.as_ref().unwrap_or(of_letter.id()),
        answerable: intake.reply_to.is_some(),
        signed_by_pinned: signed && pinned.is_some_and(by_pinned),
        proven: intake.dmarc == Dmarc::Pass && intake.role == Role::Incoming,
        of_participant,
        older: older.as_ref().map(|older| Older {
            case: older.id(),
            originator_in_case,
            is_closed: older.is_closed(),
        }),
        alike: alike.first(),
        reading: Some(reading),
    };
    let mut decision = on_reading(case, &letter, &desk.parts.policy, now);
    if joined_to.is_some() {
        decision.letter_of.get_or_insert_with(|| case.id().clone());
    }
    Ok(decision)
}

/// Another case that a letter names where only decryption shows it: by what its signer says that it
/// answers, or by our tag in its subject.
async fn named_inside(
    desk: &Desk,
    case: &Case,
    reading: &Reading,
) -> Result<Option<CaseId>, PortError> {
    let answered = desk
        .parts
        .store
        .case_in_thread(&reading.signed_threads)
        .await?;
    // A tag outside was looked at when the letter arrived: whoever sends a ciphertext again writes
    // what they like there, and would learn from what follows whether it opened.
    let subject = reading.subject.as_deref();
    let tagged = subject
        .filter(|_| reading.subject_protected)
        .and_then(tag_in);
    for named in [answered, tagged].into_iter().flatten() {
        let goes_on_in = goes_on_in(desk, &named).await?;
        if let Some(older) = goes_on_in.filter(|older| older != case.id()) {
            return Ok(Some(older));
        }
    }
    Ok(None)
}

fn was_joined(case: &Case) -> bool {
    matches!(
        case.standing(),
        Standing::Closed {
            why: Closing::Joined,
            ..
        }
    )
}

/// Where what names this case goes on: in the one that it was joined to, and nowhere where it was
/// only a request for the key.
async fn goes_on_in(desk: &Desk, named: &CaseId) -> Result<Option<CaseId>, PortError> {
    let store = &desk.parts.store;
    let Some(mut case) = store.case(named).await? else {
        return Ok(None);
    };
    if let Some(target) = case.perhaps_of().filter(|_| was_joined(&case))
        && let Some(target) = store.case(target).await?
    {
        case = target;
    }
    Ok((!decide::begins_anew(&case)).then(|| case.id().clone()))
}

/// What follows from a machine's word on a letter of ours, where this is one.
pub(super) async fn returned(
    desk: &Desk,
    intake: &Intake,
    case: Option<&Case>,
    reading: &Reading,
    now: Timestamp,
) -> Result<Option<Decision>, PortError> {
    let store = &desk.parts.store;
    if !matches!(reading.kind, LetterKind::Dsn | LetterKind::AutoReply) || reading.came_sealed() {
        return Ok(None);
    }
    let ids = reading
        .delivery
        .as_ref()
        .map(|d| d.message_ids.as_slice())
        .unwrap_or_default();
    let named = store.answer_among(ids).await?;
    // Only what came to the tag of an answer can say that it failed: a Message-ID is known to
    // everyone who got a copy.
    let about = match (case, named) {
        (Some(case), named) => {
            if opened(desk, case.id(), intake).await? {
                return Ok(None);
            }
            // Of whom it speaks is said by the letter of ours that it names, and by nobody else: a
            // case has letters to several people.
            let address = named.and_then(|(id, to)| (&id == case.id()).then_some(to));
            return Ok(Some(came_back(intake, case, reading, address, now)));
        }
        (None, Some((id, _))) => match store.case(&id).await? {
            Some(case) => case,
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    Ok(Some(machine_answered(&about, intake)))
}

/// What a machine says about a letter of ours in a case; `address`: whom that letter was for, where
/// it is known.
fn came_back(
    intake: &Intake,
    case: &Case,
    reading: &Reading,
    address: Option<Address>,
    now: Timestamp,
) -> Decision {
    if reading.kind != LetterKind::Dsn {
        return machine_answered(case, intake);
    }
    let delivery = reading.delivery.as_ref();
    let outcome = delivery.map_or(DeliveryOutcome::Failed, |d| d.outcome);
    let returned = Returned {
        case,
        address: address.as_ref(),
        intake: intake.id,
    };
    on_returned(&returned, outcome, now)
}

fn machine_answered(case: &Case, intake: &Intake) -> Decision {
    Decision {
        letter_of: Some(case.id().clone()),
        journal: vec![Entry::of(
            case.id(),
            JournalEvent::MachineAnswered,
            intake.id.to_string(),
        )],
        ..Decision::default()
    }
}

/// What follows from a letter that no reader could read. Whoever sent it must not learn that it ended
/// its readers once it was opened: all goes as if it had stayed shut.
pub(super) async fn set_aside(desk: &Desk, intake: &Intake) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    let decision = match case_of(desk, intake).await? {
        Some(case) if intake.role == Role::TeamReply => {
            team_reply::set_aside(desk, intake, &case, now)?
        }
        Some(case) => {
            let letter = ReadLetter {
                intake: intake.id,
                received_at: intake.received_at,
                spooled_at: intake.spooled_at,
                is_first: true,
                arrived_in: intake.arrived_in.as_ref().unwrap_or(case.id()),
                answerable: false,
                signed_by_pinned: false,
                proven: false,
                of_participant: false,
                older: None,
                alike: None,
                reading: None,
            };
            on_reading(&case, &letter, &desk.parts.policy, now)
        }
        None if intake.role == Role::Canary => Decision::default(),
        None => stray(desk, intake, None, now)?,
    };
    let decision = restraint::restrain(desk, decision, intake, now).await?;
    warn!(intake = %intake.id, "letter set aside");
    let read = ReadingToSave {
        state: ReadingState::SetAside,
        sealed: None,
        text_tags: &[],
        sealed_to: None,
    };
    store
        .commit_reading(intake.id, &read, &decision, now)
        .await?;
    desk.ring();
    Ok(())
}

/// What follows from a letter without a case.
fn stray(
    desk: &Desk,
    intake: &Intake,
    reading: Option<&Reading>,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let stray = Stray {
        intake: intake.id,
        received_at: intake.received_at,
        originator: intake.originator.as_ref(),
        is_proven: intake.dmarc == Dmarc::Pass,
        is_set_aside: reading.is_none(),
    };
    let id = CaseId::from_random(random()?);
    Ok(on_stray(&stray, reading, id, &desk.parts.policy, now))
}
