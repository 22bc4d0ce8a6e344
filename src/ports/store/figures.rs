//! What does the store count?

use crate::model::Timestamp;
use crate::model::journal::RecordedEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the desk is, for `status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub letters: i64,
    pub unread: i64,
    pub shut: i64,
    pub set_aside: i64,
    pub old: i64,
    /// Letters that were read and rest without a case: machines' words, by all that their readers
    /// could tell.
    #[serde(default)]
    pub without_case: i64,
    pub cases: i64,
    pub cases_open: i64,
    pub acknowledgements_pending: i64,
    pub oldest_deadline: Option<Timestamp>,
    pub effects_pending: i64,
    pub effects_given_up: i64,
    pub sent_twice_perhaps: i64,
    pub drafts_filed: i64,
    pub drafts_waiting: i64,
    pub drafts_doubled: i64,
    /// Addresses from which our letters came back.
    pub unreachable: i64,
    /// For each certificate of ours: letters that were sealed to it, and when the last of them
    /// arrived.
    pub sealed_to: Vec<SealedTo>,
}

/// Which cases are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseSet {
    All,
    /// Those that are not closed.
    Open,
}

/// How the desk is, for whoever watches it from outside: numbers and states alone.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Letters by their role and how far they were read.
    pub letters: Vec<(String, String, i64)>,
    /// How long each reporter waited whose letter was acknowledged, in milliseconds.
    pub acknowledged_ms: Vec<i64>,
    /// When the oldest letter arrived whose reporter waits for an answer.
    pub oldest_unanswered: Option<Timestamp>,
    /// When the effect was due that waits longest.
    pub oldest_due: Option<Timestamp>,
    pub last_backup: Option<Timestamp>,
}

/// How many letters were sealed to one certificate of ours: whether it may be retired.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealedTo {
    pub fingerprint: String,
    pub letters: i64,
    /// When the last of them arrived.
    pub last_at: Timestamp,
}

/// A line of the journal as stored.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
pub struct JournalLine {
    pub at: Timestamp,
    #[schemars(with = "String")]
    pub event: RecordedEvent,
    pub detail: String,
}

/// What an archive holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub letters: u64,
    /// Those of them that rest in files of their own.
    pub files: u64,
    /// Files that letters name, and that are gone.
    pub absent: u64,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    pub letters: u64,
}
