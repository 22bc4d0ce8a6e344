//! How are letters opened? A few at once, each in a process of its own, and two tries for each.

use super::desk::Desk;
use super::desk::random;
use super::failpoint::step;
use super::rhythm::Beat;
use crate::decide::{Decision, Entry, ReadLetter, on_reading, on_stray};
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::Work;
use crate::model::ids::CaseId;
use crate::model::reading::{Reading, SignatureStatus};
use crate::ports::{Intake, OpenedLetter, OpenerError, PortError, ReadingState};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// Letters read at once; fewer than the opener would take, so that other calls find room.
const READ_TOGETHER: u32 = 4;

/// A letter on which readers died so often is set aside.
const READ_TRIES_MAX: u32 = 2;

/// A look at the store even when nobody rings.
const IDLE_S: u64 = 20;

const PAUSE_WHILE_DOWN_S: u64 = 3;

/// Reads letters until told to stop.
pub async fn run(desk: Arc<Desk>, beat: Beat, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        beat.now();
        let pause = match round(&desk).await {
            Ok(0) => {
                tokio::select! {
                    _ = stop.changed() => return,
                    () = desk.letters.notified() => continue,
                    () = tokio::time::sleep(Duration::from_secs(IDLE_S)) => continue,
                }
            }
            Ok(_) => continue,
            Err(err) => {
                warn!(error = %err, "letters cannot be read");
                desk.fault("opener", &err.to_string()).await;
                Duration::from_secs(PAUSE_WHILE_DOWN_S)
            }
        };
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Reads the next few letters; returns how many.
pub async fn round(desk: &Desk) -> Result<usize, PortError> {
    let unread = desk.parts.store.take_unread(READ_TOGETHER).await?;
    let mut reading: FuturesUnordered<_> = unread.iter().map(|intake| read(desk, intake)).collect();
    let mut first_error = None;
    while let Some(result) = reading.next().await {
        if let Err(err) = result {
            first_error.get_or_insert(err);
        }
    }
    match first_error {
        Some(err) => Err(err),
        None => Ok(unread.len()),
    }
}

async fn read(desk: &Desk, intake: &Intake) -> Result<(), PortError> {
    let store = &desk.parts.store;
    if intake.tries > READ_TRIES_MAX {
        return set_aside(desk, intake).await;
    }
    let sealed = match store.sealed(intake.id).await {
        Err(PortError::Lasting(why)) => {
            tracing::error!(intake = %intake.id, error = why, "a letter cannot be read back from the store");
            return set_aside(desk, intake).await;
        }
        other => other?,
    };
    let pinned = match &intake.originator {
        Some(address) => store.pinned(address).await?,
        None => None,
    };
    let certificates: Vec<String> = pinned.iter().cloned().collect();
    let opened = desk.parts.opener.read(sealed, &certificates, false).await;
    step!("read");
    match opened {
        Ok(OpenedLetter { reading, .. }) => {
            desk.mended("opener");
            let committed = commit(desk, intake, reading, pinned.is_some()).await;
            if committed.is_err() {
                store.uncount_try(intake.id).await?; // the store's fault, not the letter's
            }
            committed
        }
        // The letter is to blame: it has one try left, or none.
        Err(OpenerError::Died) => {
            warn!(intake = %intake.id, tries = intake.tries, "a reader ended on this letter");
            Ok(())
        }
        Err(OpenerError::Refused(why)) => {
            warn!(intake = %intake.id, error = why, "the opener refuses this letter");
            Ok(())
        }
        Err(err @ OpenerError::Down(_)) => {
            store.uncount_try(intake.id).await?;
            Err(PortError::Passing(err.to_string()))
        }
    }
}

async fn case_of(desk: &Desk, intake: &Intake) -> Result<Option<Case>, PortError> {
    match &intake.case {
        Some(id) => desk.parts.store.case(id).await,
        None => Ok(None),
    }
}

async fn commit(desk: &Desk, intake: &Intake, reading: Reading, was_pinned: bool) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    // The store may know more of the letter's case by now than when it was listed.
    let case = case_of(desk, intake).await?;
    let decision = match &case {
        Some(case) => {
            let originator_in_older = match (&case.perhaps_of, &intake.originator) {
                (Some(older), Some(address)) => store.is_participant(older, address).await?,
                _ => false,
            };
            let is_first = store.letters_of(&case.id).await?.first().is_some_and(|first| first.id == intake.id);
            let signed = reading.signature.status == SignatureStatus::Valid && reading.signature.signer_is_originator;
            let letter = ReadLetter {
                intake: intake.id,
                is_first,
                answerable: intake.reply_to.is_some(),
                signed_by_pinned: was_pinned && signed,
                originator_in_older,
                reading: Some(&reading),
            };
            on_reading(case, &letter, &desk.parts.policy, now)
        }
        None => on_stray(intake.id, intake.received_at, intake.originator.as_ref(), &reading, CaseId::from_random(random()?), &desk.parts.policy, now),
    };
    // A letter that may not be answered, for one whose DMARC failed, teaches nothing.
    if let (Some(address), Some(_)) = (&intake.originator, &intake.reply_to) {
        pin(desk, address, &reading).await?;
    }
    let state = if reading.protection.shut.is_some() { ReadingState::Shut } else { ReadingState::Read };
    let sealed = store.seal(&serde_json::to_vec(&reading).map_err(|e| PortError::Lasting(format!("a reading cannot be written: {e}")))?)?;
    store.commit_reading(intake.id, state, Some(&sealed), &decision, now).await?;
    step!("reading-committed");
    if decision.effects.iter().any(|e| matches!(e.work, Work::FileAdvisory | Work::AppendFollowUp)) {
        desk.keep_fresh(intake.id, reading);
    }
    info!(intake = %intake.id, case = case.as_ref().map_or("none", |c| c.id.as_str()), "letter read");
    desk.ring();
    Ok(())
}

/// Keeps the first certificate that a clear part brought: what anyone on the way could see, and no more.
async fn pin(desk: &Desk, address: &Address, reading: &Reading) -> Result<(), PortError> {
    match reading.certificates.iter().find(|c| c.in_clear) {
        Some(brought) => desk.parts.store.pin(address, &brought.fingerprint, &brought.armored, desk.now()).await,
        None => Ok(()),
    }
}

async fn set_aside(desk: &Desk, intake: &Intake) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    let case = case_of(desk, intake).await?;
    let decision = match &case {
        Some(case) => {
            let letter =
                ReadLetter { intake: intake.id, is_first: true, answerable: false, signed_by_pinned: false, originator_in_older: false, reading: None };
            on_reading(case, &letter, &desk.parts.policy, now)
        }
        None => Decision { journal: vec![Entry::of_desk("letter set aside", intake.id.to_string())], ..Decision::default() },
    };
    warn!(intake = %intake.id, "letter set aside");
    store.commit_reading(intake.id, ReadingState::SetAside, None, &decision, now).await?;
    desk.ring();
    Ok(())
}

/// Reads a letter of a case once more, with its files, for a responder.
pub async fn files_of(desk: &Desk, case: &CaseId) -> Result<Vec<(String, Vec<u8>)>, PortError> {
    let mut files = Vec::new();
    for intake in desk.parts.store.letters_of(case).await? {
        let sealed = desk.parts.store.sealed(intake.id).await?;
        let opened = desk.parts.opener.read(sealed, &[], true).await.map_err(|e| PortError::Passing(e.to_string()))?;
        files.extend(opened.reading.attachments.into_iter().map(|a| a.name).zip(opened.files));
    }
    Ok(files)
}

/// What was read of a letter, unsealed for a responder.
pub async fn reading_of(desk: &Desk, intake: &Intake) -> Result<Option<Reading>, PortError> {
    let Some(sealed) = desk.parts.store.reading(intake.id).await? else { return Ok(None) };
    let octets = desk.parts.opener.unseal(sealed).await.map_err(|e| match e {
        OpenerError::Refused(why) => PortError::Lasting(why),
        other => PortError::Passing(other.to_string()),
    })?;
    serde_json::from_slice(&octets).map(Some).map_err(|_| PortError::Lasting("a sealed reading is not what this version wrote".to_owned()))
}
