//! What follows from a letter, a reading, or the clock? Pure: no port, no clock, no randomness.
//!
//! What the desk sends by itself depends on the outer letter only. So [`on_arrival`] sees the
//! header block alone and sets the acknowledgement on a schedule of its own; [`on_reading()`] may
//! take it back only for letters that came in clear, where nothing was hidden from anyone.

mod arrival;
mod course;
mod deadline;
mod on_clock;
mod on_reading;
mod policy;
mod release_day;
mod reply;
mod returned;

pub use arrival::{Arrival, Origin, Thread, ThreadContext, begins_anew, on_arrival};
pub use course::{
    NotNow, agree_release, announced, ask_tracker, change_lane, close, disclosure, go_on,
    may_announce, notify, rated, reach, reopen, split, take_back, tracker_moved, wait_for_upstream,
};
pub use deadline::{Because, Deadline, DeadlineState, Due, deadlines, next_due, runs};
pub use on_clock::on_clock;
pub use on_reading::{
    Older, ReadLetter, Stray, answered, confirm, on_reading, on_stray, open_stray,
};
pub use policy::{Caps, FilePolicy, Policy, SealedPolicy};
pub use release_day::{Proposal, evaluate, propose};
pub use reply::{
    ask, ask_private, of_responder, put_back, replied, reply, reply_refused, send_certificate,
    words,
};
pub use returned::{Returned, on_returned};

use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::Effect;
use crate::model::effect::EffectKey;
use crate::model::ids::{CaseId, MessageId};
use crate::model::journal::JournalEvent;
use crate::model::letter::Role;

/// The next state and what is to be done, to be saved in one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub case: Option<CaseChange>,
    /// The case that the letter belongs to.
    pub letter_of: Option<CaseId>,
    /// The case that its outside named, where that one was joined to `letter_of`.
    pub arrived_in: Option<CaseId>,
    /// What the letter is to the desk.
    pub role: Role,
    /// Who is now in the case.
    pub participant: Option<Participant>,
    pub effects: Vec<Effect>,
    /// Effects that must not happen any more, if they have not begun.
    pub cancelled: Vec<EffectKey>,
    /// An address that our letters do not reach.
    pub unreachable: Option<Address>,
    /// A letter to ourselves that was read, and what was wrong with it.
    pub canary: Option<(MessageId, Option<String>)>,
    /// A reply token that is good no more.
    pub spent: Option<String>,
    /// What responders wrote down of a case, sealed.
    pub record: Option<SealedCaseRecord>,
    pub journal: Vec<Entry>,
}

/// Somebody who writes in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub address: Address,
    /// A letter of theirs was proven to be theirs, or the operator named them. Anybody may write the
    /// first letter of a case in somebody's name, and what that one then writes must not end up there.
    pub is_proven: bool,
}

/// A case record to be saved, sealed to the storage key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCaseRecord {
    pub case: CaseId,
    /// The number that it had when it was read: two who write at once must not overwrite each
    /// other.
    pub read_at_version: i64,
    pub sealed: Vec<u8>,
}

/// What a decision does to the row of its case.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseChange {
    Open(Case),
    /// From a state to a state. Loops work beside one another, so only the aspects that differ are
    /// written, and each only where it still stands as it was seen.
    Update {
        before: Case,
        after: Case,
    },
}

impl CaseChange {
    /// From the state that was seen to the next one. Both must have the same id.
    pub fn update(before: &Case, after: Case) -> Self {
        Self::Update {
            before: before.clone(),
            after,
        }
    }
}

/// A line of the append-only journal: a fixed phrase, and ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub case: Option<CaseId>,
    pub event: JournalEvent,
    pub detail: String,
}

impl Entry {
    /// An event of a case. `detail` holds ids and fixed words, and quotes no letter.
    pub fn of(case: &CaseId, event: JournalEvent, detail: impl Into<String>) -> Self {
        Self {
            case: Some(case.clone()),
            event,
            detail: detail.into(),
        }
    }

    /// An event that belongs to no case. `detail` holds ids and fixed words, and quotes no letter.
    pub fn of_desk(event: JournalEvent, detail: impl Into<String>) -> Self {
        Self {
            case: None,
            event,
            detail: detail.into(),
        }
    }
}
