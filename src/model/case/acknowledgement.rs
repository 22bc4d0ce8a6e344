//! Has the reporter their answer, and who owes it?

use super::InvalidTransition;
use crate::model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Acknowledgement {
    /// One that leaves by itself until `deadline`; nobody was called for it.
    pub fn due(deadline: Timestamp) -> Self {
        Self::Due {
            deadline,
            called: Called::No,
        }
    }

    /// One that a human owes until `deadline`; nobody was called for it.
    pub fn by_hand(deadline: Timestamp) -> Self {
        Self::ByHand {
            deadline,
            called: Called::No,
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

    /// It has left at this moment. Fails where it left before, or where none is owed.
    pub(super) fn sent(self, at: Timestamp, signed: bool) -> Result<Self, InvalidTransition> {
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

    /// Fails where somebody still waits for it.
    pub(super) fn settled(self) -> Result<Self, InvalidTransition> {
        match self.pending() {
            None => Ok(self),
            Some(_) => Err(InvalidTransition {
                what: "acknowledgement",
                from: "due: answer the reporter first",
            }),
        }
    }

    /// A machine may not send it after all: a human owes it, on the same clock.
    pub(super) fn hand_over(self) -> Self {
        match self {
            Self::Due { deadline, called } => Self::ByHand { deadline, called },
            other => other,
        }
    }

    /// Nobody waits for it any more. One that left stays as it is.
    pub(super) fn waive(self) -> Self {
        match self {
            sent @ Self::Sent { .. } => sent,
            _ => Self::NotOwed,
        }
    }

    /// Notes how far responders were called for the deadline; a state without one stays as it is.
    pub(super) fn called(self, called: Called) -> Self {
        match self {
            Self::Due { deadline, .. } => Self::Due { deadline, called },
            Self::ByHand { deadline, .. } => Self::ByHand { deadline, called },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_leaves_once_and_only_where_one_is_owed() {
        let at = Timestamp::UNIX_EPOCH;
        let sent = Acknowledgement::Sent { at, signed: true };
        let transitions: [fn(Acknowledgement) -> Option<Acknowledgement>; 4] = [
            |state| state.sent(Timestamp::UNIX_EPOCH, true).ok(),
            |state| state.settled().ok(),
            |state| Some(state.hand_over()),
            |state| Some(state.waive()),
        ];
        // From a state, what sent, settled, hand_over and waive lead to.
        let (is_sent, not_owed, by_hand) = (Some("sent"), Some("not-owed"), Some("by-hand"));
        for (state, expected) in [
            (Acknowledgement::due(at), [is_sent, None, by_hand, not_owed]),
            (
                Acknowledgement::by_hand(at),
                [is_sent, None, by_hand, not_owed],
            ),
            (sent, [None, is_sent, is_sent, is_sent]),
            (
                Acknowledgement::NotOwed,
                [None, not_owed, not_owed, not_owed],
            ),
        ] {
            let next = transitions.map(|transition| transition(state.clone()));
            let next = next
                .each_ref()
                .map(|next| next.as_ref().map(Acknowledgement::as_str));
            assert_eq!(next, expected, "{state:?}");
        }
    }

    #[test]
    fn a_call_is_noted_where_a_deadline_runs_and_keeps_it() {
        let at = Timestamp::UNIX_EPOCH;
        for (state, pending) in [
            (Acknowledgement::due(at), Some((at, Called::Near))),
            (Acknowledgement::by_hand(at), Some((at, Called::Near))),
            (Acknowledgement::Sent { at, signed: false }, None),
            (Acknowledgement::NotOwed, None),
        ] {
            let called = state.clone().called(Called::Near);
            assert_eq!(called.pending(), pending);
            assert_eq!(called.as_str(), state.as_str());
            // Whoever owes it now was called as well.
            assert_eq!(called.hand_over().pending(), pending);
        }
    }
}
