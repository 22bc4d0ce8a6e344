//! What leaves by itself, when, and how much of it?

use crate::config::error::ConfigError;
use crate::config::timeline::TimelineSection;
use crate::config::tracker::TrackerSection;
use crate::decide::{Caps, Policy};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AcknowledgementSection {
    pub within_h: u32,
    pub alarm_before_h: u32,
    pub unsigned_after_h: u32,
    pub delay_s: u32,
}

impl Default for AcknowledgementSection {
    fn default() -> Self {
        Self {
            within_h: 24,
            alarm_before_h: 4,
            unsigned_after_h: 12,
            delay_s: 0,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AnswersSection {
    pub per_address_per_day: u32,
    pub acknowledgements_per_address_per_day: u32,
    pub per_domain_per_day: u32,
    pub calls_per_hour: u32,
    pub drafts_per_day: u32,
    pub per_day: u32,
    pub ask_missing: bool,
}

impl Default for AnswersSection {
    fn default() -> Self {
        Self {
            per_address_per_day: 1,
            acknowledgements_per_address_per_day: 10,
            per_domain_per_day: 200,
            per_day: 2_000,
            calls_per_hour: 30,
            drafts_per_day: 100,
            ask_missing: true,
        }
    }
}

/// Calls about sealed letters leave on this tick, and are handed over on this step.
const SEALED_CALL_TICK: SignedDuration = SignedDuration::from_secs(10);
const CALL_STEP: SignedDuration = SignedDuration::from_millis(250);

impl AcknowledgementSection {
    /// The rules of the policy, which these terms must leave time for.
    pub(super) fn policy(
        &self,
        answers: &AnswersSection,
        timeline: &TimelineSection,
        tracker: &TrackerSection,
    ) -> Result<Policy, ConfigError> {
        let (file, sealed) = tracker.policies();
        let policy = Policy {
            acknowledge_within: hours("acknowledgement.within_h", self.within_h)?,
            alarm_before: hours("acknowledgement.alarm_before_h", self.alarm_before_h)?,
            unsigned_after: hours("acknowledgement.unsigned_after_h", self.unsigned_after_h)?,
            acknowledge_delay: SignedDuration::from_secs(i64::from(self.delay_s)),
            ask_missing: answers.ask_missing,
            sealed_call_tick: SEALED_CALL_TICK,
            call_step: CALL_STEP,
            timeline: timeline.checked()?,
            file,
            sealed,
        };
        let alarm_after = policy.acknowledge_within - policy.alarm_before;
        if policy.acknowledge_delay >= alarm_after {
            let why = "the delay leaves no time before the deadline's alarm";
            return Err(ConfigError::value("acknowledgement.delay_s", why));
        }
        if policy.unsigned_after >= alarm_after {
            let why = "an unsigned acknowledgement would leave after the deadline's alarm";
            return Err(ConfigError::value("acknowledgement.unsigned_after_h", why));
        }
        Ok(policy)
    }
}

impl AnswersSection {
    pub(super) fn caps(&self) -> Caps {
        Caps {
            per_address: self.per_address_per_day,
            acknowledgements: self.acknowledgements_per_address_per_day,
            per_domain: self.per_domain_per_day,
            in_all: self.per_day,
            calls_per_hour: self.calls_per_hour,
            drafts_per_day: self.drafts_per_day,
        }
    }
}

fn hours(key: &'static str, value: u32) -> Result<SignedDuration, ConfigError> {
    match value {
        0 => Err(ConfigError::value(key, "0 hours keep no promise")),
        hours => Ok(SignedDuration::from_hours(i64::from(hours))),
    }
}
