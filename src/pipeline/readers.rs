//! How are letters opened? A few at once, each in a process of its own, and two tries for each. A
//! place that is free is filled at once: one slow letter holds up no other.

use super::desk::{Desk, random};
use super::failpoint::step;
use super::reading_queue::ReadingQueue;
use super::restraint;
use super::rhythm::Beat;
use super::sayings;
use super::team_reply;
use crate::decide::{
    Decision, Entry, Older, ReadLetter, Returned, on_reading, on_returned, on_stray,
};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::Work;
use crate::model::ids::{CaseId, IntakeId, tag_in};
use crate::model::letter::{Dmarc, Role};
use crate::model::reading::{DeliveryOutcome, LetterKind, Reading, SignatureStatus};
use crate::ports::{
    Intake, OpenedLetter, OpenerError, Pinned, PortError, Read, ReadingState, Saying, Unread,
};
use futures::future::join_all;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{info, warn};

/// Letters read at once; fewer than the opener would take, so that other calls find room.
const READ_TOGETHER: usize = 4;

/// Unread letters from each end of the queue among which the next is chosen.
const CHOSEN_AMONG: u32 = 64;

/// A letter is set aside when two readers died on it, or when so many tries ended with the desk
/// itself: whose plug is pulled blames no letter, but one that takes the desk with it must not do
/// so for ever.
const READ_TRIES_MAX: u32 = 2 * DEATH_WEIGHS;

/// A reader's death counts for as many tries as end with the desk.
const DEATH_WEIGHS: u32 = 6;

/// A look at the store even when nobody rings.
const IDLE_S: u64 = 20;

const PAUSE_WHILE_DOWN_S: u64 = 3;

/// Reads letters until told to stop; those under way are finished first.
pub async fn run(desk: Arc<Desk>, beat: Beat, mut stop: watch::Receiver<bool>) {
    let readers = Readers {
        desk: &desk,
        beat: &beat,
        shared: Mutex::default(),
    };
    while !*stop.borrow() {
        beat.now();
        let Err(err) = readers.work(Some(&stop)).await else {
            continue;
        };
        warn!(error = %err, "letters cannot be read");
        desk.fault("opener", &err.to_string()).await;
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(Duration::from_secs(PAUSE_WHILE_DOWN_S)) => {}
        }
    }
}

/// Reads whatever waits now; returns how many letters that were.
pub async fn round(desk: &Desk) -> Result<usize, PortError> {
    Readers {
        desk,
        beat: &Beat::default(),
        shared: Mutex::default(),
    }
    .work(None)
    .await
}

/// The places at which letters are read. Each takes the next letter as soon as it is free.
struct Readers<'d> {
    desk: &'d Desk,
    beat: &'d Beat,
    shared: Mutex<Shared>,
}

/// What the places share; locked for moments, and never while anything is awaited.
#[derive(Default)]
struct Shared {
    queue: ReadingQueue,
    /// Letters that are being read.
    busy: HashSet<IntakeId>,
    /// A suspect whose turn it is: no other letter begins before it is read, alone.
    next_alone: Option<IntakeId>,
    done: usize,
    failed: Option<PortError>,
}

impl Readers<'_> {
    /// All places at work: until the desk is to stop, or else until nothing waits. The first
    /// failure ends them all.
    async fn work(&self, stop: Option<&watch::Receiver<bool>>) -> Result<usize, PortError> {
        join_all((0..READ_TOGETHER).map(|_| self.place(stop.cloned()))).await;
        let mut shared = self.shared();
        match shared.failed.take() {
            Some(err) => Err(err),
            None => Ok(std::mem::take(&mut shared.done)),
        }
    }

    async fn place(&self, mut stop: Option<watch::Receiver<bool>>) {
        loop {
            self.beat.now();
            if stop.as_ref().is_some_and(|stop| *stop.borrow()) || self.shared().failed.is_some() {
                return;
            }
            match self.next().await {
                Ok(Some(letter)) => self.read(letter).await,
                Ok(None) => match &mut stop {
                    None => return,
                    Some(stop) => tokio::select! {
                        _ = stop.changed() => return,
                        () = self.desk.letters.notified() => {}
                        () = tokio::time::sleep(Duration::from_secs(IDLE_S)) => {}
                    },
                },
                Err(err) => self.fail(err),
            }
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, err: PortError) {
        self.shared().failed.get_or_insert(err);
        self.desk.letters.notify_waiters();
    }

    /// The next letter for a free place, which is busy with it from now on.
    async fn next(&self) -> Result<Option<Unread>, PortError> {
        let mut unread = self.desk.parts.store.unread(CHOSEN_AMONG).await?;
        let mut shared = self.shared();
        let Shared {
            queue,
            busy,
            next_alone,
            ..
        } = &mut *shared;
        // A suspect is read beside nobody, so that what ends the opener then is known.
        if !busy.is_empty() && (next_alone.is_some() || busy.iter().any(|id| queue.is_suspect(*id)))
        {
            return Ok(None);
        }
        unread.retain(|letter| !busy.contains(&letter.id));
        let waiting = next_alone
            .take()
            .and_then(|id| unread.iter().find(|letter| letter.id == id));
        let chosen = waiting
            .or_else(|| queue.choose(&unread, Instant::now()))
            .cloned();
        if let Some(suspect) = chosen
            .as_ref()
            .filter(|letter| queue.is_suspect(letter.id) && !busy.is_empty())
        {
            *next_alone = Some(suspect.id);
            return Ok(None);
        }
        busy.extend(chosen.as_ref().map(|letter| letter.id));
        if unread.len() > 1 {
            self.desk.letters.notify_one(); // for another place
        }
        Ok(chosen)
    }

    async fn read(&self, letter: Unread) {
        let start = Instant::now();
        let tried = match self.desk.parts.store.begin_reading(letter.id).await {
            Ok(Some(intake)) => read(self.desk, &intake).await,
            Ok(None) => Ok(Tried::Settled), // read or erased meanwhile
            Err(err) => Err(err),
        };
        let blamed = {
            let mut shared = self.shared();
            let Shared {
                queue, busy, done, ..
            } = &mut *shared;
            queue.spend(&letter, start.elapsed(), Instant::now());
            *done += 1;
            let blamed = matches!(tried, Ok(Tried::OpenerEnded)) && queue.is_suspect(letter.id);
            match tried {
                // One that was alone stays suspect: it is read alone again, until it is set aside.
                Ok(Tried::OpenerEnded) => queue.suspect(busy.iter().copied()),
                Ok(Tried::Settled) => queue.acquit(letter.id),
                Err(_) => {}
            }
            busy.remove(&letter.id);
            blamed
        };
        if blamed {
            warn!(intake = %letter.id, "the opener ended on this letter, which was read alone");
            if let Err(err) = self
                .desk
                .parts
                .store
                .count_tries(letter.id, DEATH_WEIGHS)
                .await
            {
                self.fail(err);
            }
        }
        if let Err(err) = tried {
            self.fail(err);
        }
        // Whoever waited because of this letter looks again.
        self.desk.letters.notify_one();
    }
}

/// How a try to read a letter ended, where nothing is wrong with the desk itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// Read, set aside, or its reader died.
    Settled,
    /// The opener ended meanwhile; the try is not counted.
    OpenerEnded,
}

async fn read(desk: &Desk, intake: &Intake) -> Result<Tried, PortError> {
    let store = &desk.parts.store;
    if intake.tries > READ_TRIES_MAX {
        return set_aside(desk, intake).await.map(|()| Tried::Settled);
    }
    let sealed = match store.sealed(intake.id).await {
        Err(PortError::Lasting(why)) => {
            tracing::error!(intake = %intake.id, error = why, "a letter cannot be read back from \
                the store");
            return set_aside(desk, intake).await.map(|()| Tried::Settled);
        }
        other => other?,
    };
    let pinned = match &intake.originator {
        Some(address) => store.pinned(address).await?,
        None => None,
    };
    let responder = intake
        .originator
        .as_ref()
        .filter(|_| intake.role == Role::TeamReply)
        .and_then(|from| desk.responder(from));
    let certificates: Vec<String> = responder.map_or_else(
        || pinned.iter().map(|p| p.armored.clone()).collect(),
        |r| r.armored.clone(),
    );
    let opened = desk
        .parts
        .opener
        .read(sealed, Some(intake.id), &certificates, false)
        .await;
    step!("read");
    match opened {
        Ok(OpenedLetter { reading, .. }) => {
            desk.mended("opener");
            let committed = commit(desk, intake, reading, pinned).await;
            if committed.is_err() {
                store.uncount_try(intake.id).await?; // the store's fault, not the letter's
            }
            committed.map(|()| Tried::Settled)
        }
        // The letter is to blame: it has one try left, or none.
        Err(OpenerError::Died) => {
            warn!(intake = %intake.id, tries = intake.tries, "a reader ended on this letter");
            desk.count_death();
            store
                .count_tries(intake.id, DEATH_WEIGHS - 1)
                .await
                .map(|()| Tried::Settled)
        }
        Err(OpenerError::Refused(why)) => {
            warn!(intake = %intake.id, error = why, "the opener refuses this letter");
            store
                .count_tries(intake.id, DEATH_WEIGHS - 1)
                .await
                .map(|()| Tried::Settled)
        }
        Err(OpenerError::Ended(why)) => {
            warn!(intake = %intake.id, error = why, "the opener ended while this letter was read; \
                it is read again");
            store
                .uncount_try(intake.id)
                .await
                .map(|()| Tried::OpenerEnded)
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

async fn commit(
    desk: &Desk,
    intake: &Intake,
    reading: Reading,
    pinned: Option<Pinned>,
) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    // The store may know more of the letter's case by now than when it was listed.
    let case = case_of(desk, intake).await?;
    let sayings = sayings::sayings(desk, &reading).await?;
    let decision = match (intake.role, &case) {
        (Role::Canary, _) => desk.canary_read(intake, &reading),
        (Role::TeamReply, Some(case)) => {
            team_reply::taken(desk, intake, case, &reading, now).await?
        }
        _ => match returned(desk, intake, case.as_ref(), &reading, now).await? {
            Some(decision) => decision,
            None => {
                decided(
                    desk,
                    intake,
                    case.as_ref(),
                    &reading,
                    pinned.as_ref(),
                    &sayings,
                    now,
                )
                .await?
            }
        },
    };
    let decision = restraint::restrain(desk, decision, now).await?;
    // Whose certificate it is takes proof: our server's word, or DNS's, on this originator. Nobody
    // proves who wrote through a list.
    if let (Some(address), Dmarc::Pass, Role::Incoming) =
        (&intake.originator, intake.dmarc, intake.role)
    {
        pin(desk, address, intake, &reading).await?;
    }
    let state = if reading.protection.shut.is_some() {
        ReadingState::Shut
    } else {
        ReadingState::Read
    };
    let sealed = store.seal(
        &serde_json::to_vec(&reading)
            .map_err(|e| PortError::Lasting(format!("a reading cannot be written: {e}")))?,
    )?;
    let read = Read {
        state,
        sealed: Some(&sealed),
        sayings: &sayings,
        sealed_to: reading.sealed_to.as_deref(),
    };
    store
        .commit_reading(intake.id, &read, &decision, now)
        .await?;
    step!("reading-committed");
    let wanted = decision
        .effects
        .iter()
        .filter(|e| {
            matches!(
                e.work,
                Work::FileAdvisory | Work::AppendFollowUp | Work::CallByMail(_)
            )
        })
        .count();
    // The acknowledgement looks at a clear letter too.
    let wanted = wanted + usize::from(intake.reply_to.is_some() && !reading.came_sealed());
    desk.keep_fresh(intake.id, reading, wanted);
    info!(intake = %intake.id, case = case.as_ref().map_or("none", |c| c.id.as_str()), "letter \
        read");
    desk.ring();
    Ok(())
}

/// What follows from a letter that somebody wrote to the desk.
async fn decided(
    desk: &Desk,
    intake: &Intake,
    case: Option<&Case>,
    reading: &Reading,
    pinned: Option<&Pinned>,
    sayings: &[Saying],
    now: Timestamp,
) -> Result<Decision, PortError> {
    let store = &desk.parts.store;
    let Some(case) = case else {
        let id = CaseId::from_random(random()?);
        return Ok(on_stray(
            intake.id,
            intake.received_at,
            intake.originator.as_ref(),
            reading,
            id,
            &desk.parts.policy,
            now,
        ));
    };
    // Our tag in a protected subject is seen only now.
    let tagged = reading
        .subject
        .as_deref()
        .and_then(tag_in)
        .filter(|id| *id != case.id);
    let named = match (&case.perhaps_of, tagged) {
        (Some(older), _) => Some(older.clone()),
        (None, Some(tagged)) => store.case(&tagged).await?.map(|older| older.id),
        (None, None) => None,
    };
    let originator_in_case = match (&named, &intake.originator) {
        (Some(older), Some(address)) => store.is_participant(older, address).await?,
        _ => false,
    };
    let alike = store
        .alike(&case.id, sayings, intake.message_id.as_ref())
        .await?;
    let is_first = store
        .letters_of(&case.id)
        .await?
        .first()
        .is_some_and(|first| first.id == intake.id);
    let signed = reading.signature.status == SignatureStatus::Valid
        && reading.signature.signer_is_originator;
    let by_pinned = |pinned: &Pinned| {
        pinned.contested.is_none()
            && reading.signature.fingerprint.as_ref() == Some(&pinned.fingerprint)
    };
    let letter = ReadLetter {
        intake: intake.id,
        received_at: intake.received_at,
        is_first,
        answerable: intake.reply_to.is_some(),
        signed_by_pinned: signed && pinned.is_some_and(by_pinned),
        older: named.as_ref().map(|older| Older {
            case: older,
            originator_in_case,
        }),
        alike: alike.first(),
        reading: Some(reading),
    };
    Ok(on_reading(case, &letter, &desk.parts.policy, now))
}

/// What follows from a machine's word on a letter of ours, where this is one.
async fn returned(
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
    let (about, address) = match (case, named) {
        (Some(case), named) => {
            let letters = store.letters_of(&case.id).await?;
            if letters.first().is_none_or(|first| first.id == intake.id) {
                return Ok(None);
            }
            let writer = letters
                .into_iter()
                .next()
                .and_then(|l| l.reply_to.map(|r| r.address().clone()));
            (
                case.clone(),
                named
                    .filter(|(id, _)| *id == case.id)
                    .map(|(_, address)| address)
                    .or(writer),
            )
        }
        (None, Some((id, _))) => match store.case(&id).await? {
            Some(case) => (case, None),
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let outcome = reading
        .delivery
        .as_ref()
        .map_or(DeliveryOutcome::Failed, |d| d.outcome);
    Ok(Some(match (reading.kind, address) {
        (LetterKind::Dsn, Some(address)) => on_returned(
            &Returned {
                case: &about,
                address: &address,
                intake: intake.id,
            },
            outcome,
            now,
        ),
        _ => Decision {
            letter_of: Some(about.id.clone()),
            journal: vec![Entry::of(
                &about.id,
                "a machine answered",
                intake.id.to_string(),
            )],
            ..Decision::default()
        },
    }))
}

/// Keeps the certificates that the writer's own clear words brought: what anyone on the way could
/// see, and no more.
async fn pin(
    desk: &Desk,
    address: &Address,
    intake: &Intake,
    reading: &Reading,
) -> Result<(), PortError> {
    for brought in reading.certificates.iter().filter(|c| c.pinnable) {
        let origin = format!("letter {}, in clear, proven by DMARC", intake.id);
        desk.parts
            .store
            .pin(
                address,
                &brought.fingerprint,
                &brought.armored,
                &origin,
                desk.now(),
            )
            .await?;
    }
    Ok(())
}

async fn set_aside(desk: &Desk, intake: &Intake) -> Result<(), PortError> {
    let store = &desk.parts.store;
    let now = desk.now();
    let case = case_of(desk, intake).await?;
    let decision = match &case {
        Some(case) => {
            let letter = ReadLetter {
                intake: intake.id,
                received_at: intake.received_at,
                is_first: true,
                answerable: false,
                signed_by_pinned: false,
                older: None,
                alike: None,
                reading: None,
            };
            on_reading(case, &letter, &desk.parts.policy, now)
        }
        None => Decision {
            journal: vec![Entry::of_desk("letter set aside", intake.id.to_string())],
            ..Decision::default()
        },
    };
    warn!(intake = %intake.id, "letter set aside");
    let read = Read {
        state: ReadingState::SetAside,
        sealed: None,
        sayings: &[],
        sealed_to: None,
    };
    store
        .commit_reading(intake.id, &read, &decision, now)
        .await?;
    desk.ring();
    Ok(())
}
