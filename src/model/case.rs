//! Where does a case stand? Its states, and the transitions between them.
//!
//! Nobody but this module writes a state. A transition takes the case by value and returns the next
//! one; where the state that the case is in does not allow it, it fails and says why. `standing`,
//! `acknowledgement` and `draft` have a state each; `transitions` has the moves of a case between
//! them, and `progress` its moves on the way to the release.

mod acknowledgement;
mod draft;
mod progress;
mod standing;
mod transitions;

use super::Timestamp;
use super::course::Course;
use super::ids::CaseId;
pub use acknowledgement::{Acknowledgement, Called};
pub use draft::{AdvisoryId, AdvisoryState, Draft};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use standing::{Closing, Standing};

/// One report's way through the desk: ids, times and states alone, and no text of a letter.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Case {
    id: CaseId,
    opened_at: Timestamp,
    standing: Standing,
    acknowledgement: Acknowledgement,
    draft: Draft,
    /// A letter that named this other case, but whose sender we could not prove.
    perhaps_of: Option<CaseId>,
    /// The way to release and retrospective.
    course: Course,
}

/// What a case consists of, for the store to read one back and for tests to begin with one.
/// Everybody else has a case opened, and moves it by its transitions.
#[derive(Clone, Debug)]
pub struct CaseParts {
    pub id: CaseId,
    pub opened_at: Timestamp,
    pub standing: Standing,
    pub acknowledgement: Acknowledgement,
    pub draft: Draft,
    pub perhaps_of: Option<CaseId>,
    pub course: Course,
}

/// A transition asked of a state that is already beyond it. Both fields are words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} of this case is already {from}")]
pub struct InvalidTransition {
    pub what: &'static str,
    pub from: &'static str,
}

/// How a case begins.
impl Case {
    /// Opens a case for a letter that arrived and was not read yet. `filed` is the advisory, where
    /// the report was made in the tracker; `perhaps_of` an older case that the letter names.
    pub fn arrived(
        id: CaseId,
        opened_at: Timestamp,
        acknowledgement: Acknowledgement,
        filed: Option<AdvisoryId>,
        perhaps_of: Option<CaseId>,
    ) -> Self {
        Self {
            id,
            opened_at,
            standing: Standing::Unread,
            acknowledgement,
            draft: filed.map_or(Draft::None, |advisory| Draft::Filed { advisory }),
            perhaps_of,
            course: Course::default(),
        }
    }

    /// Opens a case for a letter that looked like a machine's, and turned out to be a report when
    /// it was read: a human answers it until `deadline`, and confirms its draft.
    pub fn found_on_reading(id: CaseId, opened_at: Timestamp, deadline: Timestamp) -> Self {
        Self {
            id,
            opened_at,
            standing: Standing::Open,
            acknowledgement: Acknowledgement::by_hand(deadline),
            draft: Draft::AwaitsConfirmation,
            perhaps_of: None,
            course: Course::default(),
        }
    }

    /// A case as it was before it was taken apart.
    pub fn restore(parts: CaseParts) -> Self {
        let CaseParts {
            id,
            opened_at,
            standing,
            acknowledgement,
            draft,
            perhaps_of,
            course,
        } = parts;
        Self {
            id,
            opened_at,
            standing,
            acknowledgement,
            draft,
            perhaps_of,
            course,
        }
    }
}

/// What a case is.
impl Case {
    pub fn id(&self) -> &CaseId {
        &self.id
    }

    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    pub fn is_closed(&self) -> bool {
        self.standing.is_closed()
    }

    pub fn acknowledgement(&self) -> &Acknowledgement {
        &self.acknowledgement
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The case that a letter of this one named, but whose sender we could not prove.
    pub fn perhaps_of(&self) -> Option<&CaseId> {
        self.perhaps_of.as_ref()
    }

    /// The way to release and retrospective.
    pub fn course(&self) -> &Course {
        &self.course
    }
}
