//! How far has the draft of a case come on its way into the tracker?

use super::InvalidTransition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Draft {
    /// The state's word in JSON and in the store; `awaits-word` is stored by its old name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AwaitsConfirmation => "awaits-word",
            Self::Queued => "queued",
            Self::Filed { .. } => "filed",
        }
    }

    /// The draft is to be filed. Fails where it is on its way or filed, so that it is filed once.
    pub(super) fn queue(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::None | Self::AwaitsConfirmation => Ok(Self::Queued),
            Self::Queued => Err(InvalidTransition {
                what: "draft",
                from: "on its way to the tracker",
            }),
            Self::Filed { .. } => Err(FILED),
        }
    }

    /// The tracker has it. Fails where it had it before: its first advisory counts.
    pub(super) fn file(self, advisory: AdvisoryId) -> Result<Self, InvalidTransition> {
        match self {
            Self::None | Self::AwaitsConfirmation | Self::Queued => Ok(Self::Filed { advisory }),
            Self::Filed { .. } => Err(FILED),
        }
    }

    /// What is on its way is taken back, and waits for a confirmation; all else stays as it is.
    pub(super) fn hold(self) -> Self {
        match self {
            Self::Queued => Self::AwaitsConfirmation,
            other => other,
        }
    }

    /// Where there is none, one waits for a confirmation; all else stays as it is.
    pub(super) fn or_awaits_confirmation(self) -> Self {
        match self {
            Self::None => Self::AwaitsConfirmation,
            other => other,
        }
    }
}

const FILED: InvalidTransition = InvalidTransition {
    what: "draft",
    from: "filed",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory() -> AdvisoryId {
        AdvisoryId {
            id: "1".to_owned(),
            url: String::new(),
        }
    }

    #[test]
    fn a_draft_is_queued_once_and_filed_once() {
        let transitions: [fn(Draft) -> Option<Draft>; 4] = [
            |draft| draft.queue().ok(),
            |draft| draft.file(advisory()).ok(),
            |draft| Some(draft.hold()),
            |draft| Some(draft.or_awaits_confirmation()),
        ];
        let filed = Draft::Filed {
            advisory: advisory(),
        };
        let (queued, is_filed, waits) = (Some("queued"), Some("filed"), Some("awaits-word"));
        // From a state, what queue, file, hold and or_awaits_confirmation lead to.
        for (state, expected) in [
            (Draft::None, [queued, is_filed, Some("none"), waits]),
            (Draft::AwaitsConfirmation, [queued, is_filed, waits, waits]),
            (Draft::Queued, [None, is_filed, waits, queued]),
            (filed, [None, None, is_filed, is_filed]),
        ] {
            let next = transitions.map(|transition| transition(state.clone()));
            let next = next.each_ref().map(|next| next.as_ref().map(Draft::as_str));
            assert_eq!(next, expected, "{state:?}");
        }
    }
}
