//! What may a reader ask of the keyholder?

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

pub(super) struct Reader {
    /// Its place at the zygote.
    pub(super) place: u8,
    pub(super) keys: OwnedFd,
    /// The connection of its call, to say that it died.
    pub(super) desk: OwnedFd,
    pub(super) verb: u8,
    pub(super) words: u32,
    /// How long its words kept the keyholder.
    pub(super) kept: Duration,
    /// How long the mail keys worked for it.
    pub(super) opening: Duration,
    pub(super) asks: u32,
    /// The number by which the desk knows its letter.
    pub(super) letter: Option<i64>,
    pub(super) stage: Stage,
    /// Its process was reaped: whether it ended by itself. What it said before is still heard, and
    /// only then its place is free.
    pub(super) reaped: Option<bool>,
    /// When its stage must be over.
    pub(super) until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It may ask.
    Working,
    /// It said that it is done, and is about to end.
    Done,
    /// As `Done`, and it hung up: nothing more can be heard of it.
    Left,
    /// It broke the rules, hung up or its time is over: it counts as dead, nothing that it says is
    /// heard, and the zygote kills it.
    Muted,
}

impl Stage {
    /// Whether words of it may come.
    pub(super) fn is_heard(self) -> bool {
        matches!(self, Self::Working | Self::Done)
    }
}
