//! Who holds the keys, and what may be asked of them? It parses no letter and signs only its own
//! words.

mod composing;
mod listening;
mod readers;

use super::wire::{self, BUSY, GOOD, OpenerVerb, Wire, WireError};
use super::zygote::Zygote;
use super::{CallSource, DEATHS_MAX, EXIT_START_ANEW, READERS_MAX, sys};
use crate::compose::DeskIdentity;
use crate::model::address::Address;
use crate::model::limits::Limits;
use crate::model::outgoing::Composition;
use crate::model::publication::SecurityTxt;
use crate::openpgp::SecretKeys;
use crate::smime::SmimeKeys;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use listening::{Reader, Stage};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Session keys that one reader may ask for: layers times recipients, with room.
const ASKS_MAX: u32 = 1_200;

/// Words of any kind that one reader may say: its questions, the number of its letter, and that it
/// is done.
const WORDS_MAX: u32 = ASKS_MAX + 2;

/// How long all words of one reader may keep it in all: each may come in pieces.
const READER_PATIENCE: Duration = Duration::from_secs(5);

/// How long the mail keys may work for one reader: an operation with RSA-4096 takes some 5 ms, and
/// hidden recipients have every key tried. Whatever is in a letter, this process serves the others
/// too.
const OPENING_MAX: Duration = Duration::from_millis(500);

/// How long a reader may take to end once it said that it is done. It has nothing left to do.
const LEAVING: Duration = Duration::from_secs(5);

/// How long it may take to end once the zygote should have killed it.
const ENDING: Duration = Duration::from_secs(10);

/// Connections that tell whether this keyholder lives: the desk has one, and so has each command
/// that asks for itself. The oldest goes first.
const WATCHES_MAX: usize = 64;

/// How long one call, or one word of a reader, may keep it waiting in all. It stalls the others, so
/// it is short.
const PATIENCE: Duration = Duration::from_secs(2);

/// Compositions a second, in the long run: far beyond an honest desk, far below a signing service.
const COMPOSITIONS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Replies an hour. Their words are free, so that the desk's own word is all that stands for them:
/// a team writes few, and who took over the desk must not write many.
const REPLIES_PER_HOUR: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// Letters a second, in the long run.
const READS_PER_SECOND: NonZeroU32 = NonZeroU32::new(500).unwrap();

/// What the keyholder holds once its jail is shut.
pub struct Holdings {
    pub mail: SecretKeys,
    /// Private keys of S/MIME; none where the config names none.
    pub smime: SmimeKeys,
    pub storage: Option<SecretKeys>,
    /// Absent where nothing is to be composed (`sealdesk open`).
    pub identity: Option<DeskIdentity>,
    /// Whom calls may go to: address and armored certificate.
    pub responders: Vec<(Address, String)>,
    /// Those of them who may sign in to the page.
    pub page_users: Vec<Address>,
    /// Whom notices may go to.
    pub distributors: Vec<(Address, String)>,
    /// Mailing lists that announcements may go to.
    pub lists: Vec<Address>,
}

struct Keyholder<'z> {
    zygote: &'z Zygote,
    holdings: Holdings,
    readers: Vec<Reader>,
    /// They close when this process ends.
    watches: Vec<OwnedFd>,
    deaths: u32,
    reads: DefaultDirectRateLimiter,
    compositions: DefaultDirectRateLimiter,
    replies: DefaultDirectRateLimiter,
    /// A reader's life: the zygote kills it then, and here its time is over too.
    reader_life: Duration,
}

/// Serves until the doorway closes; returns the exit code.
pub fn serve(
    doorway: &CallSource,
    zygote: &Zygote,
    holdings: Holdings,
    limits: &Limits,
) -> Result<i32, Errno> {
    let mut keyholder = Keyholder {
        zygote,
        holdings,
        readers: Vec::new(),
        watches: Vec::new(),
        deaths: 0,
        reads: RateLimiter::direct(Quota::per_second(READS_PER_SECOND)),
        compositions: RateLimiter::direct(Quota::per_second(COMPOSITIONS_PER_SECOND)),
        replies: RateLimiter::direct(Quota::per_hour(REPLIES_PER_HOUR)),
        reader_life: Duration::from_secs(limits.reader_life_s),
    };
    info!("opener ready");
    loop {
        let busy = keyholder.readers.len() >= READERS_MAX;
        let (door_ready, reaped, asking) = wait(doorway, &keyholder, busy)?;
        for at in asking {
            keyholder.listen(at);
        }
        if reaped {
            let Ok(Some(reaped)) = zygote.reaped() else {
                warn!("the zygote is gone; the opener starts anew");
                return Ok(EXIT_START_ANEW);
            };
            keyholder.note_reaped(reaped);
        }
        keyholder.mute_overdue();
        keyholder.free_places();
        if keyholder.deaths >= DEATHS_MAX && keyholder.readers.is_empty() {
            warn!(
                deaths = keyholder.deaths,
                "too many readers died; the opener starts anew"
            );
            return Ok(EXIT_START_ANEW);
        }
        if door_ready {
            match call(doorway) {
                // Whoever calls may be a desk that was taken over: no call may end the keyholder.
                Ok(Some(desk)) => match catch_unwind(AssertUnwindSafe(|| keyholder.answer(desk))) {
                    Ok(Ok(())) => {}
                    Ok(Err(err)) => warn!(error = %err, "a call was cut short"),
                    Err(_) => warn!("a call was dropped: answering it failed from within"),
                },
                Ok(None) => return Ok(0), // the desk is gone, and nobody else can call
                Err(err) => return Err(err),
            }
        }
    }
}

/// Whether the words of a letter to an outsider are not from a template.
fn is_free(composition: &Composition) -> bool {
    matches!(
        composition,
        Composition::Reply { .. } | Composition::Notice { .. } | Composition::Announcement { .. }
    )
}

fn wait(
    doorway: &CallSource,
    keyholder: &Keyholder<'_>,
    busy: bool,
) -> Result<(bool, bool, Vec<usize>), Errno> {
    let door = match doorway {
        CallSource::Listener(fd) | CallSource::Passed(fd) => fd.as_fd(),
    };
    let dying = keyholder.deaths >= DEATHS_MAX;
    let mut watched = vec![PollFd::new(keyholder.zygote.control(), PollFlags::POLLIN)];
    // Of the others only the end is waited for, and that the zygote tells.
    let heard: Vec<usize> = (0..keyholder.readers.len())
        .filter(|at| keyholder.readers[*at].stage.is_heard())
        .collect();
    watched.extend(
        heard
            .iter()
            .map(|at| PollFd::new(keyholder.readers[*at].keys.as_fd(), PollFlags::POLLIN)),
    );
    if !busy && !dying {
        watched.push(PollFd::new(door, PollFlags::POLLIN));
    }
    let next_end = keyholder
        .readers
        .iter()
        .filter(|r| r.stage != Stage::Muted)
        .map(|r| r.until)
        .min();
    loop {
        let patience = next_end.map_or(PollTimeout::NONE, |end| {
            let left = end.saturating_duration_since(Instant::now()).as_millis() + 1;
            PollTimeout::from(u16::try_from(left).unwrap_or(u16::MAX))
        });
        match poll(&mut watched, patience) {
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(err) => return Err(err),
        }
    }
    let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
    let door_ready = watched.get(heard.len() + 1).is_some_and(ready);
    let asking = heard.into_iter().enumerate();
    let asking = asking.filter(|(n, _)| ready(&watched[n + 1]));
    Ok((
        door_ready,
        ready(&watched[0]),
        asking.map(|(_, at)| at).collect(),
    ))
}

fn call(doorway: &CallSource) -> Result<Option<OwnedFd>, Errno> {
    match doorway {
        CallSource::Listener(listener) => sys::accept(listener.as_fd()).map(Some),
        CallSource::Passed(socket) => {
            Ok(sys::receive_message(socket.as_fd())?.and_then(|(_, mut fds)| fds.pop()))
        }
    }
}

impl Keyholder<'_> {
    fn answer(&mut self, desk: OwnedFd) -> Result<(), WireError> {
        let wire = Wire::brief(&desk, PATIENCE);
        let verb = wire.take_octet()?;
        match OpenerVerb::from_octet(verb) {
            Some(
                OpenerVerb::Read
                | OpenerVerb::ReadSealed
                | OpenerVerb::OutsideSealed
                | OpenerVerb::Outside
                | OpenerVerb::Unseal,
            ) => {
                if self.reads.check().is_err() {
                    return wire.give(&[BUSY]);
                }
                self.fork_reader(verb, desk).map(drop)
            }
            Some(OpenerVerb::Compose) => {
                let composition: Composition =
                    serde_json::from_slice(&wire.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?)?;
                if self.compositions.check().is_err()
                    || (is_free(&composition) && self.replies.check().is_err())
                {
                    return wire.give(&[BUSY]);
                }
                if let Composition::Reply { case, .. } = &composition {
                    info!(%case, "signing a responder's words");
                }
                self.compose(&composition, desk)
            }
            Some(OpenerVerb::SecurityTxt) => {
                let fields: SecurityTxt =
                    serde_json::from_slice(&wire.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?)?;
                if self.compositions.check().is_err() {
                    return wire.give(&[BUSY]);
                }
                match self.security_txt(&fields) {
                    Ok(signed) => {
                        wire.give(&[GOOD])?;
                        wire.give_frame(signed.as_bytes())
                    }
                    Err(why) => wire.refuse(&why),
                }
            }
            Some(OpenerVerb::Inspect) => {
                wire.give(&[GOOD])?;
                wire.give_frame(&serde_json::to_vec(&self.inspect())?)
            }
            Some(OpenerVerb::Watch) => {
                wire.give(&[GOOD])?;
                self.watched_by(desk);
                Ok(())
            }
            None => wire.refuse("unknown verb"),
        }
    }

    /// Keeps a connection open for as long as this process lives, or whoever has its other end.
    fn watched_by(&mut self, desk: OwnedFd) {
        let is_open = |fd: &OwnedFd| {
            let mut watched = [PollFd::new(fd.as_fd(), PollFlags::empty())];
            poll(&mut watched, PollTimeout::ZERO) == Ok(0)
        };
        self.watches.retain(is_open);
        if self.watches.len() >= WATCHES_MAX {
            self.watches.remove(0);
        }
        self.watches.push(desk);
    }
}
