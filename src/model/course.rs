//! How far has a case come on its way to release and retrospective, and by which lane does it go?

use super::Timestamp;
use super::case::{AdvisoryState, Called};
use super::ids::CaseId;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A step of the policy after the acknowledgement. Each has a clock, which it stops.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The fix team is formed.
    FixTeam,
    /// The fix is complete.
    Fix,
    /// The fix is released and the advisory is public.
    Release,
    /// The retrospective is published.
    Retrospective,
}

impl Step {
    /// In the order in which the policy has them.
    pub const ALL: [Self; 4] = [Self::FixTeam, Self::Fix, Self::Release, Self::Retrospective];

    /// As JSON, the store and commands write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FixTeam => "fix-team",
            Self::Fix => "fix",
            Self::Release => "release",
            Self::Retrospective => "retrospective",
        }
    }
}

/// How fast a case must go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// The windows of the policy as the config has them.
    #[default]
    Normal,
    /// What is not severe gives way to holidays and other work.
    Slow,
    /// It is public, or about to be.
    Asap,
}

impl Lane {
    /// As JSON and the store write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Slow => "slow",
            Self::Asap => "asap",
        }
    }
}

/// A step that was reached, and by when it should have been: what moves later changes no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Reached {
    pub at: Timestamp,
    /// The deadline as it stood at that moment.
    pub deadline: Timestamp,
}

/// What was reached, what was agreed, and who was called for what is still open.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    pub lane: Lane,
    pub reached: BTreeMap<Step, Reached>,
    /// The moment on which fix team and security team agreed.
    pub release_day: Option<Timestamp>,
    /// The day on which the reporter means to publish.
    pub announced: Option<Date>,
    /// A responder said so: what letters say counts no more.
    #[serde(rename = "announced_by_word")]
    pub announced_manually: bool,
    /// Since when it waits for an upstream's disclosure.
    pub waiting_since: Option<Timestamp>,
    /// How long it waited before, in milliseconds.
    pub waited_ms: i64,
    /// What the tracker last said of the advisory.
    pub advisory: Option<AdvisoryState>,
    /// The case that it was split from: its letters are those of that one.
    pub part_of: Option<CaseId>,
    /// For which clocks responders were called.
    pub called: BTreeMap<Step, Called>,
}

impl Course {
    /// Whether nothing was ever set.
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }
}
