//! What follows from a letter, a reading, or the clock? Pure: no port, no clock, no randomness.
//!
//! What the desk sends by itself depends on the outer letter only. So [`on_arrival`] sees the header
//! block alone and sets the acknowledgement on a schedule of its own; [`on_reading`] may take it back
//! only for letters that came in clear, where nothing was hidden from anyone.

mod arrival;
mod clock;
mod policy;
mod reading;

pub use arrival::{Acquaintance, Arrival, Thread, on_arrival};
pub use clock::on_clock;
pub use policy::{Caps, FilePolicy, Policy, SealedPolicy};
pub use reading::{ReadLetter, answered, confirm, on_reading, on_stray};

use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::Effect;
use crate::model::ids::{CaseId, EffectKey};

/// The next state and what is to be done, to be saved in one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub case: Option<CaseChange>,
    /// The case that the letter belongs to.
    pub letter_of: Option<CaseId>,
    /// Who is now in the case.
    pub participant: Option<Address>,
    pub effects: Vec<Effect>,
    /// Effects that must not happen any more, if they have not begun.
    pub cancelled: Vec<EffectKey>,
    pub journal: Vec<Entry>,
}

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
    pub fn update(before: &Case, after: Case) -> Self {
        Self::Update { before: before.clone(), after }
    }
}

/// A line of the append-only journal: a fixed phrase, and ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub case: Option<CaseId>,
    pub event: &'static str,
    pub detail: String,
}

impl Entry {
    pub fn of(case: &CaseId, event: &'static str, detail: impl Into<String>) -> Self {
        Self { case: Some(case.clone()), event, detail: detail.into() }
    }

    pub fn of_desk(event: &'static str, detail: impl Into<String>) -> Self {
        Self { case: None, event, detail: detail.into() }
    }
}
