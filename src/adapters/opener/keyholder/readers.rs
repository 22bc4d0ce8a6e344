//! How are readers started, heard and counted?

use super::listening::{Reader, Stage};
use super::{ENDING, Keyholder, OPENING_MAX, PATIENCE, READER_PATIENCE, WORDS_MAX};
use crate::adapters::opener::sys;
use crate::adapters::opener::wire::{
    self, ASK_MAIL, ASK_SMIME, ASK_STORAGE, DIED, DONE, KEY, NAMED, NO_KEY, OpenerVerb, SPENT,
    Wire, WireError,
};
use crate::openpgp::{SessionKey, SessionKeys};
use crate::smime::ContentKeys;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tracing::{info, warn};

impl Keyholder<'_> {
    /// Hands the desk's connection to a fresh reader and keeps a socket for its questions.
    pub(super) fn fork_reader(&mut self, verb: u8, desk: OwnedFd) -> Result<&OwnedFd, WireError> {
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
    pub(super) fn listen(&mut self, at: usize) {
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
    pub(super) fn count_death(&mut self, at: usize) {
        self.deaths += 1;
        let reader = &self.readers[at];
        // A desk that does not listen keeps nobody waiting.
        let _ = Wire::brief(&reader.desk, Duration::ZERO).give(&[DIED]);
        warn!(
            intake = reader.letter,
            verb = %char::from(reader.verb),
            deaths = self.deaths,
            "a reader ended before it was done"
        );
    }

    /// By the keyholder's own clock: whoever took over a reader keeps nothing for longer than its
    /// life.
    pub(super) fn mute_overdue(&mut self) {
        let now = Instant::now();
        for at in 0..self.readers.len() {
            if self.readers[at].stage != Stage::Muted && self.readers[at].until <= now {
                self.count_death(at);
                self.readers[at].stage = Stage::Muted;
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
