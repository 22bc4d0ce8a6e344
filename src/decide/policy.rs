//! Which rules of the project's security policy apply, with its values as defaults?

use crate::model::Timestamp;
use crate::model::timeline::Timeline;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a draft is filed without a responder's confirmation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FilePolicy {
    /// Where the letter shows evidence of a report.
    #[default]
    Evident,
    Always,
    /// Never: a responder says `case file`.
    Confirmed,
}

/// How much of a sealed letter a draft may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SealedPolicy {
    #[default]
    Full,
    /// Severity, weakness and versions, without text.
    Outline,
    /// Nothing until a responder confirms it.
    Hold,
}

/// The operator's rules, checked; durations are relative to the moment that each field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From arrival on the mail server to the acknowledgement.
    pub acknowledge_within: SignedDuration,
    /// How long before that deadline a human is called.
    pub alarm_before: SignedDuration,
    /// How long an acknowledgement waits for a signature before it leaves without one.
    pub unsigned_after: SignedDuration,
    /// A pause in which a human may answer first.
    pub acknowledge_delay: SignedDuration,
    /// Whether a clear report is asked for what it lacks without a responder's confirmation.
    pub ask_missing: bool,
    /// A call about a sealed letter leaves a multiple of this after the letter became durable here, so
    /// that what its reading took does not show: longer than two tries to read it. Zero: at once.
    pub sealed_call_tick: SignedDuration,
    /// A call that was composed leaves a multiple of this after it was due, so that what composing
    /// took does not show.
    pub call_step: SignedDuration,
    /// The clocks after the acknowledgement.
    pub timeline: Timeline,
    pub file: FilePolicy,
    pub sealed: SealedPolicy,
}

/// The case of a sealed letter with a machine's header is opened so long after it arrived: longer than
/// any reading takes, so that the hour tells nothing of it.
const STRAY_OPENS_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// A question leaves so long after the acknowledgement, so that it is read second.
pub(super) const ASK_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Every acknowledgement waits so long, whatever its letter is: time for a clear request for our key
/// to get the key alone, and for the reading of a clear letter to serve both. The wait is the same
/// for all letters, so it tells nothing of what was inside.
pub(super) const READING_GRACE: SignedDuration = SignedDuration::from_secs(3);

impl Policy {
    /// When a call about a sealed letter leaves that was read by now: at the first tick that is
    /// left.
    pub fn sealed_call_at(&self, spooled_at: Timestamp, now: Timestamp) -> Timestamp {
        let tick = self.sealed_call_tick.as_millis();
        if tick == 0 || spooled_at > now {
            return now;
        }
        let ticks = now.duration_since(spooled_at).as_millis() / tick + 1;
        i64::try_from(ticks * tick).map_or(now, |millis| {
            spooled_at + SignedDuration::from_millis(millis)
        })
    }

    /// When the case of a sealed letter with a machine's header is opened, which was read by now.
    pub fn stray_opens_at(&self, received_at: Timestamp, now: Timestamp) -> Timestamp {
        if self.sealed_call_tick.is_zero() {
            return now;
        }
        let earliest = received_at + STRAY_OPENS_AFTER;
        self.sealed_call_at(received_at, now.max(earliest))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            acknowledge_within: SignedDuration::from_hours(24),
            alarm_before: SignedDuration::from_hours(4),
            unsigned_after: SignedDuration::from_hours(12),
            acknowledge_delay: SignedDuration::ZERO,
            ask_missing: true,
            sealed_call_tick: SignedDuration::ZERO,
            call_step: SignedDuration::ZERO,
            timeline: Timeline::default(),
            file: FilePolicy::default(),
            sealed: SealedPolicy::default(),
        }
    }
}

/// How much may leave by itself: answers in 24 hours, and what a flood of letters sets off.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Of one kind, to one address.
    pub per_address: u32,
    /// Acknowledgements to one address that was proven, one a case; others get a third of these.
    pub acknowledgements: u32,
    /// To all addresses of one domain.
    pub per_domain: u32,
    pub in_all: u32,
    /// Letters in an hour about which responders are called one by one.
    pub calls_per_hour: u32,
    /// Drafts in a day that are filed without a responder's confirmation.
    pub drafts_per_day: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_about_a_sealed_letter_leaves_on_a_tick_whatever_its_reading_took() {
        let policy = Policy {
            sealed_call_tick: SignedDuration::from_secs(5),
            ..Policy::default()
        };
        let received = Timestamp::from_second(1_790_000_000).unwrap();
        let at = |millis| {
            policy
                .sealed_call_at(received, received + SignedDuration::from_millis(millis))
                .duration_since(received)
                .as_secs()
        };
        assert_eq!((at(0), at(30), at(4_999)), (5, 5, 5));
        assert_eq!((at(5_000), at(61_234)), (10, 65));
        assert_eq!(
            Policy::default().sealed_call_at(received, received),
            received
        );
    }
}
