//! How are readers started, heard and counted?

use super::listening::{Reader, Stage};
use super::{
    ENDING, Keyholder, LEAVING, OPENING_MAX, PATIENCE, READER_PATIENCE, READERS_MAX, WORDS_MAX,
};
use crate::adapters::opener::sys;
use crate::adapters::opener::wire::{
    self, ASK_MAIL, ASK_SMIME, ASK_STORAGE, DIED, DONE, KEY, NAMED, NO_KEY, OpenerVerb, SPENT,
    Wire, WireError,
};
use crate::adapters::opener::zygote::Reaped;
use crate::openpgp::{SessionKey, SessionKeys};
use crate::smime::ContentKeys;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tracing::{info, warn};

impl Keyholder<'_> {
    /// Hands the desk's connection to a fresh reader and keeps a socket for its questions.
    pub(super) fn fork_reader(&mut self, verb: u8, desk: OwnedFd) -> Result<&OwnedFd, WireError> {
        // Calls are taken only while a place is free.
        let is_free = |place: &u8| self.readers.iter().all(|reader| reader.place != *place);
        let place = (0..READERS_MAX as u8).find(is_free).ok_or(Errno::EAGAIN)?;
        let (ours, theirs) = sys::pair()?;
        self.zygote
            .fork_reader(place, verb, desk.as_fd(), theirs.as_fd())?;
        let until = Instant::now() + self.reader_life + ENDING;
        self.readers.push(Reader {
            place,
            keys: ours,
            desk,
            verb,
            words: 0,
            kept: Duration::ZERO,
            opening: Duration::ZERO,
            asks: 0,
            letter: None,
            stage: Stage::Working,
            reaped: None,
            until,
        });
        Ok(&self.readers[self.readers.len() - 1].keys)
    }

    /// Hears one word of a reader, or its end.
    pub(super) fn listen(&mut self, at: usize) {
        // Its words are a stranger's, and the libraries that look at them are not ours.
        let begun = Instant::now();
        let heard =
            catch_unwind(AssertUnwindSafe(|| self.hear(at))).unwrap_or(Err(WireError::Malformed));
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
                reader.until = Instant::now() + LEAVING;
            }
            (Err(WireError::Gone), Stage::Done) => reader.stage = Stage::Left,
            _ => self.mute(at),
        }
    }

    /// Counts the death of a reader, has it killed, and tells the desk, whose letter it read.
    fn mute(&mut self, at: usize) {
        self.deaths += 1;
        let reader = &mut self.readers[at];
        reader.stage = Stage::Muted;
        // A zygote that cannot be told is gone, and then so is the reader.
        let _ = self.zygote.kill(reader.place);
        // A desk that does not listen keeps nobody waiting.
        let _ = Wire::brief(&reader.desk, Duration::ZERO).give(&[DIED]);
        warn!(
            intake = reader.letter,
            verb = %char::from(reader.verb),
            deaths = self.deaths,
            "a reader ended before it was done"
        );
    }

    /// Notes that the process of a reader is no more: the zygote's word, which no reader can give.
    pub(super) fn note_reaped(&mut self, reaped: Reaped) {
        let mut of_place = self.readers.iter_mut();
        if let Some(reader) = of_place.find(|reader| reader.place == reaped.place) {
            reader.reaped = Some(reaped.by_itself);
        }
    }

    /// Mutes those whose time is over, by the keyholder's own clock: whoever took over a reader
    /// keeps nothing for longer than its life.
    pub(super) fn mute_overdue(&mut self) {
        let now = Instant::now();
        for at in 0..self.readers.len() {
            let reader = &self.readers[at];
            if reader.stage != Stage::Muted && reader.until <= now {
                self.mute(at);
            }
        }
    }

    /// Frees the places of those whose processes were reaped and whose last word was heard. Who did
    /// not end by itself died, whatever it said before.
    pub(super) fn free_places(&mut self) {
        for at in (0..self.readers.len()).rev() {
            let reader = &self.readers[at];
            let Some(by_itself) = reader.reaped.filter(|_| !reader.stage.is_heard()) else {
                continue;
            };
            if reader.stage == Stage::Left && !by_itself {
                self.mute(at);
            }
            let reader = self.readers.remove(at);
            if let (Stage::Left, Some(letter)) = (reader.stage, reader.letter) {
                info!(intake = letter, keys_asked = reader.asks, "reader done");
            }
        }
    }

    /// Answers a question; `false` when the reader said that it is done.
    pub(super) fn hear(&mut self, at: usize) -> Result<bool, WireError> {
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
        let is = |verbs: &[OpenerVerb]| verbs.iter().any(|verb| *verb as u8 == reader.verb);
        let sealed_at_rest = is(&[
            OpenerVerb::ReadSealed,
            OpenerVerb::OutsideSealed,
            OpenerVerb::Unseal,
        ]);
        let opens_mail = is(&[OpenerVerb::ReadSealed, OpenerVerb::Read]);
        let of_mail = matches!(word, ASK_MAIL | ASK_SMIME);
        let hint = if word == ASK_SMIME {
            0
        } else {
            wire.take_octet()?
        };
        let asked = wire.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?;
        if of_mail && reader.opening > OPENING_MAX {
            return wire.give(&[SPENT]).map(|()| true);
        }
        let begun = Instant::now();
        let hint = (hint != 0).then_some(hint);
        let holdings = &mut self.holdings;
        let found = match word {
            ASK_MAIL if opens_mail => holdings.mail.session_key(&asked, hint),
            ASK_STORAGE if sealed_at_rest => holdings
                .storage
                .as_mut()
                .and_then(|keys| keys.session_key(&asked, hint)),
            ASK_SMIME if opens_mail => {
                let key = holdings.smime.content_key(&serde_json::from_slice(&asked)?);
                key.map(|key| SessionKey {
                    algorithm: None,
                    octets: key.octets,
                    recipient: key.recipient,
                })
            }
            _ => None,
        };
        if of_mail {
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
}
