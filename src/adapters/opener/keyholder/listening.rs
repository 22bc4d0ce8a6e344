//! What may a reader ask of the keyholder?

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

pub(super) struct Reader {
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
    /// When its stage must be over.
    pub(super) until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It may ask.
    Working,
    /// It said that it is done, and is about to end.
    Done,
    /// It broke the rules or its time is over: nothing that it says is heard. Its place is free
    /// once its process ended.
    Muted,
}
