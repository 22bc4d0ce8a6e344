//! When may a release be? The rules of the policy, and what stands in the way of a day.

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Rules for a release day. Friday and the weekend are never proposed.
#[derive(Clone, Debug)]
pub struct ReleaseRules {
    /// 16 in the policy: morning on the Pacific, early evening in Europe, late evening in Asia.
    pub hour_utc: i8,
    /// How long before the release distributors hear of it.
    pub notice: SignedDuration,
    /// Where the team lives: in each of them the moment is shown.
    pub zones: Vec<TimeZone>,
    pub blackouts: Vec<Blackout>,
    pub holidays: Vec<Blackout>,
}

/// Days on which nothing is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blackout {
    pub from: Date,
    /// Included.
    pub to: Date,
    pub why: String,
}

impl Blackout {
    /// Whether this day is in the period, its first and last day included.
    pub fn holds(&self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            hour_utc: 16,
            notice: SignedDuration::from_hours(3 * 24),
            zones: Vec::new(),
            blackouts: Vec::new(),
            holidays: Vec::new(),
        }
    }
}
