//! Who holds the keys, and what may be asked of them? It parses no letter and signs only its own
//! words.

use super::wire::{
    self, ASK_MAIL, ASK_STORAGE, BUSY, DIED, DONE, GOOD, KEY, NAMED, NO_KEY, SEAL, SPENT, SealCall,
    Verb, Wire, WireError,
};
use super::zygote::Zygote;
use super::{DEATHS_MAX, Doorway, EXIT_START_ANEW, READERS_MAX, sys};
use crate::compose::{self, House};
use crate::model::address::Address;
use crate::model::limits::Limits;
use crate::model::outgoing::Composition;
use crate::model::publication::SecurityTxt;
use crate::openpgp::{SecretKeys, SessionKeys, sign_cleartext};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
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

/// How long a reader may take to end once it said that it is done, or once the zygote should have
/// killed it.
const ENDING: Duration = Duration::from_secs(10);

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
    pub storage: Option<SecretKeys>,
    /// Absent where nothing is to be composed (`sealdesk open`).
    pub house: Option<House>,
    /// Whom calls may go to: address and armored certificate.
    pub responders: Vec<(Address, String)>,
    /// Whom notices may go to.
    pub distributors: Vec<(Address, String)>,
    /// Mailing lists that announcements may go to.
    pub lists: Vec<Address>,
}

struct Reader {
    keys: OwnedFd,
    /// The connection of its call, to say that it died.
    desk: OwnedFd,
    verb: u8,
    words: u32,
    /// How long its words kept the keyholder.
    kept: Duration,
    /// How long the mail keys worked for it.
    opening: Duration,
    asks: u32,
    /// The number by which the desk knows its letter.
    letter: Option<i64>,
    stage: Stage,
    /// When its stage must be over.
    until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It may ask.
    Working,
    /// It said that it is done, and is about to end.
    Done,
    /// It broke the rules or its time is over: nothing that it says is heard. Its place is free
    /// once its process ended.
    Muted,
}

struct Keyholder<'z> {
    zygote: &'z Zygote,
    holdings: Holdings,
    readers: Vec<Reader>,
    deaths: u32,
    reads: DefaultDirectRateLimiter,
    compositions: DefaultDirectRateLimiter,
    replies: DefaultDirectRateLimiter,
    /// A reader's life: the zygote kills it then, and here its time is over too.
    reader_life: Duration,
}

/// Serves until the doorway closes; returns the exit code.
pub fn serve(
    doorway: &Doorway,
    zygote: &Zygote,
    holdings: Holdings,
    limits: &Limits,
) -> Result<i32, Errno> {
    let mut keyholder = Keyholder {
        zygote,
        holdings,
        readers: Vec::new(),
        deaths: 0,
        reads: RateLimiter::direct(Quota::per_second(READS_PER_SECOND)),
        compositions: RateLimiter::direct(Quota::per_second(COMPOSITIONS_PER_SECOND)),
        replies: RateLimiter::direct(Quota::per_hour(REPLIES_PER_HOUR)),
        reader_life: Duration::from_secs(limits.reader_life_s),
    };
    info!("opener ready");
    loop {
        let busy = keyholder.readers.len() >= READERS_MAX;
        let (door_ready, zygote_gone, asking) = wait(doorway, &keyholder, busy)?;
        // Newest first, so that removing one leaves the places of the others.
        for at in asking.into_iter().rev() {
            keyholder.listen(at);
        }
        keyholder.mute_overdue();
        if zygote_gone {
            warn!("the zygote is gone; the opener starts anew");
            return Ok(EXIT_START_ANEW);
        }
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
    doorway: &Doorway,
    keyholder: &Keyholder<'_>,
    busy: bool,
) -> Result<(bool, bool, Vec<usize>), Errno> {
    let door = match doorway {
        Doorway::Listener(fd) | Doorway::Passed(fd) => fd.as_fd(),
    };
    let dying = keyholder.deaths >= DEATHS_MAX;
    let mut watched = vec![PollFd::new(keyholder.zygote.control(), PollFlags::POLLIN)];
    // Of one that is muted only its end is waited for, and that is always told.
    let listened_to = |r: &Reader| {
        if r.stage == Stage::Muted {
            PollFlags::empty()
        } else {
            PollFlags::POLLIN
        }
    };
    watched.extend(
        keyholder
            .readers
            .iter()
            .map(|r| PollFd::new(r.keys.as_fd(), listened_to(r))),
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
    let readers = keyholder.readers.len();
    let asking = (0..readers).filter(|i| ready(&watched[i + 1])).collect();
    Ok((
        watched.get(readers + 1).is_some_and(ready),
        ready(&watched[0]),
        asking,
    ))
}

fn call(doorway: &Doorway) -> Result<Option<OwnedFd>, Errno> {
    match doorway {
        Doorway::Listener(listener) => sys::accept(listener.as_fd()).map(Some),
        Doorway::Passed(socket) => {
            Ok(sys::receive_descriptors(socket.as_fd())?.and_then(|(_, mut fds)| fds.pop()))
        }
    }
}

impl Keyholder<'_> {
    fn answer(&mut self, desk: OwnedFd) -> Result<(), WireError> {
        let wire = Wire::brief(&desk, PATIENCE);
        let verb = wire.take_octet()?;
        match Verb::from_octet(verb) {
            Some(
                Verb::Read | Verb::ReadSealed | Verb::OutsideSealed | Verb::Outside | Verb::Unseal,
            ) => {
                if self.reads.check().is_err() {
                    return wire.give(&[BUSY]);
                }
                self.fork_reader(verb, desk).map(drop)
            }
            Some(Verb::Compose) => {
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
            Some(Verb::SecurityTxt) => {
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
            Some(Verb::Inspect) => {
                wire.give(&[GOOD])?;
                wire.give_frame(&serde_json::to_vec(&self.inspect())?)
            }
            None => wire.refuse("unknown verb"),
        }
    }

    /// Hands the desk's connection to a fresh reader and keeps a socket for its questions.
    fn fork_reader(&mut self, verb: u8, desk: OwnedFd) -> Result<&OwnedFd, WireError> {
        let (ours, theirs) = sys::pair()?;
        self.zygote
            .fork_reader(verb, desk.as_fd(), theirs.as_fd())?;
        let until = Instant::now() + self.reader_life + ENDING;
        self.readers.push(Reader {
            keys: ours,
            desk,
            verb,
            words: 0,
            kept: Duration::ZERO,
            opening: Duration::ZERO,
            asks: 0,
            letter: None,
            stage: Stage::Working,
            until,
        });
        Ok(&self.readers[self.readers.len() - 1].keys)
    }

    /// Hears one word of a reader, or its end.
    fn listen(&mut self, at: usize) {
        // Its words are a stranger's, and the libraries that look at them are not ours.
        let begun = Instant::now();
        let heard = match self.readers[at].stage {
            Stage::Muted => Err(WireError::Gone),
            _ => catch_unwind(AssertUnwindSafe(|| self.hear(at)))
                .unwrap_or(Err(WireError::Malformed)),
        };
        let reader = &mut self.readers[at];
        reader.kept += begun.elapsed();
        let heard = if reader.kept > READER_PATIENCE {
            heard.and(Err(WireError::Silent))
        } else {
            heard
        };
        match (heard, reader.stage) {
            (Ok(true), Stage::Working) => {}
            (Ok(false), Stage::Working) => {
                reader.stage = Stage::Done;
                reader.until = Instant::now() + ENDING;
            }
            (Err(WireError::Gone), Stage::Done) => {
                let reader = self.readers.remove(at);
                if let Some(letter) = reader.letter {
                    info!(intake = letter, keys_asked = reader.asks, "reader done");
                }
            }
            (Err(WireError::Gone), Stage::Muted) => drop(self.readers.remove(at)),
            (Err(WireError::Gone), Stage::Working) => {
                self.count_death(at);
                self.readers.remove(at);
            }
            _ => {
                self.count_death(at);
                self.readers[at].stage = Stage::Muted;
            }
        }
    }

    /// Counts the death of a reader, and tells the desk, whose letter it read.
    fn count_death(&mut self, at: usize) {
        self.deaths += 1;
        let reader = &self.readers[at];
        // A desk that does not listen keeps nobody waiting.
        let _ = Wire::brief(&reader.desk, Duration::ZERO).give(&[DIED]);
        warn!(intake = reader.letter, verb = %char::from(reader.verb), deaths = self.deaths, "a \
            reader ended before it was done");
    }

    /// By the keyholder's own clock: whoever took over a reader keeps nothing for longer than its
    /// life.
    fn mute_overdue(&mut self) {
        let now = Instant::now();
        for at in 0..self.readers.len() {
            if self.readers[at].stage != Stage::Muted && self.readers[at].until <= now {
                self.count_death(at);
                self.readers[at].stage = Stage::Muted;
            }
        }
    }

    /// Answers a question; `false` when the reader said that it is done.
    fn hear(&mut self, at: usize) -> Result<bool, WireError> {
        let reader = &mut self.readers[at];
        let wire = Wire::brief(&reader.keys, PATIENCE);
        let word = wire.take_octet()?;
        reader.words += 1;
        if reader.words > WORDS_MAX {
            return Err(WireError::TooLong);
        }
        if word == DONE {
            return Ok(false);
        }
        if word == NAMED {
            let number = wire.take_frame(size_of::<i64>() as u64)?;
            // Once, and whatever it says: it is for the log alone.
            reader.letter = reader
                .letter
                .or(number.try_into().ok().map(i64::from_le_bytes));
            return Ok(true);
        }
        reader.asks += 1;
        let hint = wire.take_octet()?;
        let pkesk = wire.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?;
        let is = |verbs: &[Verb]| verbs.iter().any(|verb| *verb as u8 == reader.verb);
        let sealed_at_rest = is(&[Verb::ReadSealed, Verb::OutsideSealed, Verb::Unseal]);
        let opens_mail = is(&[Verb::ReadSealed, Verb::Read]);
        let keys = match word {
            ASK_MAIL if opens_mail => Some(&mut self.holdings.mail),
            ASK_STORAGE if sealed_at_rest => self.holdings.storage.as_mut(),
            _ => None,
        };
        if word == ASK_MAIL && reader.opening > OPENING_MAX {
            return wire.give(&[SPENT]).map(|()| true);
        }
        let begun = Instant::now();
        let found = keys.and_then(|keys| keys.session_key(&pkesk, (hint != 0).then_some(hint)));
        if word == ASK_MAIL {
            reader.opening += begun.elapsed();
        }
        match found {
            Some(key) => {
                wire.give(&[KEY, key.algorithm.unwrap_or(0)])?;
                wire.give_frame(&key.octets)?;
                wire.give_frame(key.recipient.as_bytes())?;
            }
            None => wire.give(&[NO_KEY])?,
        }
        Ok(true)
    }

    fn compose(&mut self, composition: &Composition, desk: OwnedFd) -> Result<(), WireError> {
        let wire = Wire::brief(&desk, PATIENCE);
        let Some(house) = &self.holdings.house else {
            return wire.refuse("this opener composes nothing");
        };
        let certificate = match composition {
            Composition::Acknowledgement { .. }
            | Composition::Question { .. }
            | Composition::Reply { .. }
            | Composition::Certificate { .. } => composition.certificate().map(str::to_owned),
            Composition::Call { to, .. } => match self
                .holdings
                .responders
                .iter()
                .find(|(address, _)| address.same_mailbox(to))
            {
                Some((_, armored)) => Some(armored.clone()),
                None => {
                    return wire.refuse("calls go only to responders of the opener's own config");
                }
            },
            Composition::Announcement { to, .. }
                if self.holdings.lists.iter().any(|list| list.same_mailbox(to)) =>
            {
                None
            }
            Composition::Announcement { .. } => {
                return wire.refuse("announcements go only to lists of the opener's own config");
            }
            Composition::Notice { to, .. } => match self
                .holdings
                .distributors
                .iter()
                .find(|(address, _)| address.same_mailbox(to))
            {
                Some((_, armored)) => Some(armored.clone()),
                None => {
                    return wire
                        .refuse("notices go only to distributors of the opener's own config");
                }
            },
        };
        let draft = match compose::draft(composition, house) {
            Ok(draft) => draft,
            Err(err) => return wire.refuse(&err.to_string()),
        };
        let octets = draft.octets_to_sign();
        let Some(certificate) = certificate else {
            let letter = self
                .holdings
                .mail
                .sign_detached(&octets)
                .map_err(|e| e.to_string());
            let letter = letter.and_then(|(signature, micalg)| {
                draft.signed(signature, micalg).map_err(|e| e.to_string())
            });
            return match letter {
                Ok(letter) => {
                    wire.give(&[GOOD])?;
                    wire.give_frame(&letter)
                }
                Err(why) => wire.refuse(&why),
            };
        };
        let packets = match self.holdings.mail.sign_message(&octets) {
            Ok(packets) => packets,
            Err(err) => return wire.refuse(&err.to_string()),
        };
        let call = serde_json::to_vec(&SealCall {
            headers: draft.headers,
            certificates: vec![certificate],
        })?;
        let keys = self.fork_reader(SEAL, desk)?;
        let reader = Wire::brief(keys, PATIENCE);
        reader.give_frame(&call)?;
        reader.give_frame(&packets)
    }

    fn security_txt(&self, fields: &SecurityTxt) -> Result<String, String> {
        let house = self
            .holdings
            .house
            .as_ref()
            .ok_or("this opener composes nothing")?;
        let text = compose::security_txt(fields, house).map_err(|e| e.to_string())?;
        sign_cleartext(&text, &[&self.holdings.mail]).map_err(|e| e.to_string())
    }

    fn inspect(&self) -> Vec<String> {
        let describe = |certificate: &crate::openpgp::Certificate, what: &str| {
            let until = certificate.expires().map_or_else(
                || "never expires".to_owned(),
                |t| format!("expires {}", t.strftime("%Y-%m-%d")),
            );
            format!(
                "{what} {} ({}), version {}, {until}",
                certificate.fingerprint(),
                certificate.algorithms(),
                certificate.version()
            )
        };
        let mail = self.holdings.mail.public();
        let storage = self
            .holdings
            .storage
            .as_ref()
            .map(SecretKeys::public)
            .unwrap_or_default();
        mail.iter()
            .map(|c| describe(c, "mail key"))
            .chain(storage.iter().map(|c| describe(c, "storage key")))
            .collect()
    }
}
