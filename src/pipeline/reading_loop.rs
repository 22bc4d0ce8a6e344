//! How are letters opened? A few at once, each in a process of its own, and two tries for each. A
//! place that is free is filled at once: one slow letter holds up no other.

mod following;

use super::driver::{Loop, Turn};
use crate::desk::Desk;
use crate::model::ids::IntakeId;
use crate::model::limits::Limits;
use crate::model::reading::Wanted;
use crate::pipeline::failpoint::step;
use crate::pipeline::reading_queue::ReadingQueue;
use crate::ports::{Intake, OpenedLetter, OpenerError, PortError, Unread};
use async_trait::async_trait;
use following::{commit, set_aside};
use futures::future::join_all;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

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

/// Said of a letter that ended a reader while its facts were sought, and was read without them.
const WORDS_ALONE: &str =
    "no facts were taken from this letter, since a reader ended on it before: read its words";

/// How long a suspect may keep everybody else waiting. It has all the processor to itself, so this
/// is twice what the largest letter may use of it.
const ALONE_S: u64 = 2 * Limits::MAX.reader_cpu_s;

/// A look at the store even when nobody rings.
const IDLE_S: u64 = 20;

const PAUSE_WHILE_DOWN_S: u64 = 3;

/// Has letters read as they come.
#[derive(Default)]
pub struct ReadingLoop {
    /// Outlives failed rounds: which letters are suspects, and what each sender cost so far.
    shared: Mutex<Shared>,
}

#[async_trait]
impl Loop for ReadingLoop {
    fn fault(&self) -> &str {
        "opener"
    }

    fn log_failure(&self, err: &PortError) {
        warn!(error = %err, "letters cannot be read");
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        let readers = Readers {
            desk: &turn.desk,
            shared: &self.shared,
        };
        readers.work(Some(&turn.stop)).await.map(drop)
    }

    /// A round waits for letters itself.
    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        Ok(())
    }

    async fn back_off(&mut self, _: &Turn, _: u32) {
        sleep(Duration::from_secs(PAUSE_WHILE_DOWN_S)).await;
    }
}

/// Reads whatever waits now; returns how many letters that were.
pub async fn round(desk: &Desk) -> Result<usize, PortError> {
    Readers {
        desk,
        shared: &Mutex::default(),
    }
    .work(None)
    .await
}

/// The places at which letters are read. Each takes the next letter as soon as it is free.
struct Readers<'d> {
    desk: &'d Desk,
    shared: &'d Mutex<Shared>,
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
        let alone = self.shared().queue.is_suspect(letter.id);
        let tried = match self.desk.parts.store.begin_reading(letter.id).await {
            Ok(Some(intake)) => read(self.desk, &intake, alone).await,
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
            // Whoever became a suspect meanwhile was read beside others.
            let blamed = matches!(tried, Ok(Tried::OpenerEnded)) && alone;
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

/// `alone`: all other letters wait for it.
async fn read(desk: &Desk, intake: &Intake, alone: bool) -> Result<Tried, PortError> {
    let store = &desk.parts.store;
    if intake.tries > READ_TRIES_MAX {
        return set_aside(desk, intake).await.map(|()| Tried::Settled);
    }
    let sealed = match store.sealed(intake.id).await {
        Err(err) if err.is_lasting() => {
            tracing::error!(
                intake = %intake.id,
                error = err.to_string(),
                "a letter cannot be read back from the store"
            );
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
        .and_then(|from| desk.responder(from));
    let of_responder = responder.into_iter().flat_map(|r| r.armored.iter());
    let certificates: Vec<String> = pinned
        .iter()
        .map(|p| &p.armored)
        .chain(of_responder)
        .cloned()
        .collect();
    let opener = &desk.parts.opener;
    let ended_a_reader = intake.tries > DEATH_WEIGHS;
    let wanted = if ended_a_reader {
        Wanted::WORDS
    } else {
        Wanted::FACTS
    };
    let reading = opener.read(sealed, Some(intake), &certificates, wanted);
    let opened = if alone {
        let reading = tokio::time::timeout(Duration::from_secs(ALONE_S), reading);
        reading.await.unwrap_or(Err(OpenerError::Died))
    } else {
        reading.await
    };
    step!("read");
    match opened {
        Ok(OpenedLetter { mut reading, .. }) => {
            desk.mended("opener");
            if ended_a_reader {
                reading.faults.push(WORDS_ALONE.to_owned());
            }
            let committed = commit(desk, intake, reading, pinned).await;
            if committed.is_err() {
                store.uncount_try(intake.id).await?; // the store's fault, not the letter's
            }
            committed.map(|()| Tried::Settled)
        }
        Err(err) => not_read(desk, intake, err).await,
    }
}

/// Counts a try that ended without a reading, where the letter is to blame for it.
async fn not_read(desk: &Desk, intake: &Intake, err: OpenerError) -> Result<Tried, PortError> {
    let store = &desk.parts.store;
    match err {
        // The letter is to blame: it has one try left, or none.
        OpenerError::Died => {
            warn!(intake = %intake.id, tries = intake.tries, "a reader ended on this letter");
            desk.count_death();
            store
                .count_tries(intake.id, DEATH_WEIGHS - 1)
                .await
                .map(|()| Tried::Settled)
        }
        OpenerError::Refused(why) => {
            warn!(intake = %intake.id, error = why, "the opener refuses this letter");
            store
                .count_tries(intake.id, DEATH_WEIGHS - 1)
                .await
                .map(|()| Tried::Settled)
        }
        OpenerError::Ended(why) => {
            warn!(
                intake = %intake.id,
                error = why,
                "the opener ended while this letter was read; it is read again"
            );
            store
                .uncount_try(intake.id)
                .await
                .map(|()| Tried::OpenerEnded)
        }
        err @ OpenerError::Down(_) => {
            store.uncount_try(intake.id).await?;
            Err(PortError::passing(err.to_string()))
        }
    }
}
