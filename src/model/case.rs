//! Where does a case stand? Its states, and the transitions between them.

use super::Timestamp;
use super::course::Course;
use super::ids::CaseId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One report's way through the desk: ids, times and states alone, and no text of a letter.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Case {
    pub id: CaseId,
    pub opened_at: Timestamp,
    pub standing: Standing,
    pub acknowledgement: Acknowledgement,
    pub draft: Draft,
    /// A letter that named this other case, but whose sender we could not prove.
    pub perhaps_of: Option<CaseId>,
    /// The way to release and retrospective.
    pub course: Course,
}

/// Whether a case waits for its first letter to be read, is worked on, or is over.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// Opened on arrival; its letter was not read yet.
    Unread,
    /// Its letter was read.
    Open,
    /// Its letter stayed shut or could not be read: a human must look.
    NeedsHuman,
    Closed {
        at: Timestamp,
        why: Closing,
    },
}

/// Why a case is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// It was a request for our certificate and nothing else.
    KeyRequest,
    /// A machine wrote it.
    Machine,
    /// Its letter was proven to belong to an older case.
    Joined,
    /// It went its way to the end.
    Resolved,
    /// Another case is about the same.
    Duplicate,
    /// It is no vulnerability.
    Rejected,
    /// Unsolicited mail, by a responder's command: no answer is owed.
    Spam,
}

impl Closing {
    /// Every reason, so that a stored word finds its own.
    pub const ALL: [Self; 7] = [
        Self::KeyRequest,
        Self::Machine,
        Self::Joined,
        Self::Resolved,
        Self::Duplicate,
        Self::Rejected,
        Self::Spam,
    ];

    /// As JSON and the store write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyRequest => "key-request",
            Self::Machine => "machine",
            Self::Joined => "joined",
            Self::Resolved => "resolved",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Spam => "spam",
        }
    }
}

/// Whether responders were called for a deadline.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// Nobody was called yet.
    #[default]
    No,
    /// It is near.
    Near,
    /// It is over.
    Missed,
}

/// The promise of an answer within 24 hours, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Acknowledgement {
    Due {
        deadline: Timestamp,
        called: Called,
    },
    /// It left; `signed` is false where no signature was to be had in time.
    Sent {
        at: Timestamp,
        signed: bool,
    },
    /// No automatic answer may go out; a human owes one until the deadline.
    ByHand {
        deadline: Timestamp,
        called: Called,
    },
    /// Nobody waits for one.
    NotOwed,
}

/// The draft in the tracker.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Draft {
    None,
    /// A responder must confirm it first, by `case file`.
    #[serde(rename = "awaits-word")]
    AwaitsConfirmation,
    /// An effect files it: it is on its way to the tracker.
    Queued,
    /// It stands in the tracker.
    Filed {
        advisory: AdvisoryId,
    },
}

/// The entry in the tracker, as the tracker names it: a GHSA id or a file name.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct AdvisoryId {
    pub id: String,
    pub url: String,
}

/// Where an advisory stands in the tracker, in GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryState {
    Triage,
    Draft,
    Published,
    Closed,
    Withdrawn,
}

impl AdvisoryState {
    /// The word as GitHub's API and our JSON write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A transition asked of a state that is already beyond it. Both fields are words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} of this case is already {from}")]
pub struct InvalidTransition {
    pub what: &'static str,
    pub from: &'static str,
}

impl Acknowledgement {
    /// It has left at this moment. Fails where it left before, or where none is owed.
    pub fn sent(self, at: Timestamp, signed: bool) -> Result<Self, InvalidTransition> {
        match self {
            Self::Due { .. } | Self::ByHand { .. } => Ok(Self::Sent { at, signed }),
            Self::Sent { .. } => Err(InvalidTransition {
                what: "acknowledgement",
                from: "sent",
            }),
            Self::NotOwed => Err(InvalidTransition {
                what: "acknowledgement",
                from: "not owed",
            }),
        }
    }

    /// A machine may not send it after all: a human owes it, on the same clock.
    pub fn hand_over(self) -> Self {
        match self {
            Self::Due { deadline, called } => Self::ByHand { deadline, called },
            other => other,
        }
    }

    /// Notes how far responders were called for the deadline; a state without one stays as it is.
    pub fn called(self, called: Called) -> Self {
        match self {
            Self::Due { deadline, .. } => Self::Due { deadline, called },
            Self::ByHand { deadline, .. } => Self::ByHand { deadline, called },
            other => other,
        }
    }

    /// The deadline that nobody has met yet, and whether responders were already called for it.
    pub fn pending(&self) -> Option<(Timestamp, Called)> {
        match self {
            Self::Due { deadline, called } | Self::ByHand { deadline, called } => {
                Some((*deadline, *called))
            }
            Self::Sent { .. } | Self::NotOwed => None,
        }
    }

    /// The state's word in JSON and in the store, without its deadline.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Due { .. } => "due",
            Self::Sent { .. } => "sent",
            Self::ByHand { .. } => "by-hand",
            Self::NotOwed => "not-owed",
        }
    }
}

impl Draft {
    /// The draft is to be filed. Fails where it is on its way or filed, so that it is filed once.
    pub fn queue(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::None | Self::AwaitsConfirmation => Ok(Self::Queued),
            Self::Queued => Err(InvalidTransition {
                what: "draft",
                from: "on its way to the tracker",
            }),
            Self::Filed { .. } => Err(InvalidTransition {
                what: "draft",
                from: "filed",
            }),
        }
    }

    /// The state's word in JSON and in the store; `awaits-word` is stored by its old name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AwaitsConfirmation => "awaits-word",
            Self::Queued => "queued",
            Self::Filed { .. } => "filed",
        }
    }
}

impl Standing {
    /// The state's word in JSON, in the store and in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Open => "open",
            Self::NeedsHuman => "needs-human",
            Self::Closed { .. } => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_sent_once() {
        let due = Acknowledgement::Due {
            deadline: Timestamp::UNIX_EPOCH,
            called: Called::No,
        };
        let sent = due.sent(Timestamp::UNIX_EPOCH, true).unwrap();
        assert!(sent.clone().sent(Timestamp::UNIX_EPOCH, true).is_err());
        assert_eq!(sent.pending(), None);
    }

    #[test]
    fn a_draft_is_queued_once() {
        assert!(Draft::AwaitsConfirmation.queue().unwrap().queue().is_err());
    }
}
