//! Is a case waiting to be read, worked on, or over?

use super::InvalidTransition;
use crate::model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

    /// Whether the desk itself closes a case for this reason, and no responder does.
    pub fn is_by_desk(self) -> bool {
        matches!(self, Self::KeyRequest | Self::Machine | Self::Joined)
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

    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Fails where the case is closed: only a responder opens it again, by a command of its own.
    pub(super) fn not_closed(&self) -> Result<(), InvalidTransition> {
        if self.is_closed() {
            Err(InvalidTransition {
                what: "standing",
                from: "closed: reopen it first",
            })
        } else {
            Ok(())
        }
    }

    pub(super) fn open(self) -> Result<Self, InvalidTransition> {
        self.not_closed()?;
        Ok(Self::Open)
    }

    pub(super) fn needs_human(self) -> Result<Self, InvalidTransition> {
        self.not_closed()?;
        Ok(Self::NeedsHuman)
    }

    pub(super) fn close(self, at: Timestamp, why: Closing) -> Result<Self, InvalidTransition> {
        self.not_closed()?;
        Ok(Self::Closed { at, why })
    }

    pub(super) fn reopen(self) -> Result<Self, InvalidTransition> {
        if self.is_closed() {
            Ok(Self::Open)
        } else {
            Err(InvalidTransition {
                what: "standing",
                from: self.as_str(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_case_is_reopened_and_nothing_else() {
        let at = Timestamp::UNIX_EPOCH;
        let why = Closing::Rejected;
        let transitions: [fn(Standing) -> Result<Standing, InvalidTransition>; 4] = [
            Standing::open,
            Standing::needs_human,
            |standing| standing.close(Timestamp::UNIX_EPOCH, Closing::Rejected),
            Standing::reopen,
        ];
        let moved = [Some("open"), Some("needs-human"), Some("closed"), None];
        // From a state, what open, needs_human, close and reopen lead to.
        for (state, expected) in [
            (Standing::Unread, moved),
            (Standing::Open, moved),
            (Standing::NeedsHuman, moved),
            (
                Standing::Closed { at, why },
                [None, None, None, Some("open")],
            ),
        ] {
            let next = transitions.map(|transition| transition(state.clone()).ok());
            let next = next
                .each_ref()
                .map(|next| next.as_ref().map(Standing::as_str));
            assert_eq!(next, expected, "{state:?}");
        }
    }
}
