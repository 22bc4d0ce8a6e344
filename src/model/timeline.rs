//! What does the project's security policy promise, and by when? Its values as defaults; and when
//! is what we publish about to end?

use super::course::{Lane, Step};
use jiff::SignedDuration;

/// So many days before a certificate or a security.txt ends humans hear of it, and again when it
/// has ended.
pub const ENDS_WITHIN_DAYS: [i64; 3] = [60, 14, 0];

/// When a step is to be done, counted from the event that starts its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: SignedDuration,
    pub to: SignedDuration,
    /// How long before its end responders are reminded.
    pub remind: SignedDuration,
}

/// The clocks of the policy after the acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Engineers who know the code are brought in; from the report.
    pub fix_team: Window,
    /// A fix is worked out in private; from the report.
    pub fix: Window,
    /// It is released; from the report.
    pub release: Window,
    /// The retrospective is written; from the release.
    pub retrospective: Window,
    /// Ends of the windows for what is not severe.
    pub slow: Pace,
    /// Ends of the windows for what is public, or about to be.
    pub asap: Pace,
    /// CVSS scores below this, in tenths, may take the slow lane.
    pub slow_below: u8,
}

/// The ends of windows in another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub fix_team: SignedDuration,
    pub fix: SignedDuration,
    pub release: SignedDuration,
}

const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            fix_team: Window {
                from: hours(0),
                to: hours(24),
                remind: hours(4),
            },
            fix: Window {
                from: days(1),
                to: days(7),
                remind: days(1),
            },
            release: Window {
                from: days(1),
                to: days(21),
                remind: days(2),
            },
            retrospective: Window {
                from: days(1),
                to: days(3),
                remind: days(1),
            },
            slow: Pace {
                fix_team: days(3),
                fix: days(30),
                release: days(60),
            },
            asap: Pace {
                fix_team: hours(4),
                fix: days(1),
                release: days(2),
            },
            slow_below: 40,
        }
    }
}

impl Timeline {
    /// The window of a step in a lane, counted from the case's opening; the retrospective's is
    /// counted from the release and is the same in every lane. `remind` is at most half of `to`,
    /// except for the retrospective.
    pub fn window(&self, step: Step, lane: Lane) -> Window {
        let (window, pace): (Window, fn(&Pace) -> SignedDuration) = match step {
            Step::FixTeam => (self.fix_team, |pace| pace.fix_team),
            Step::Fix => (self.fix, |pace| pace.fix),
            Step::Release => (self.release, |pace| pace.release),
            Step::Retrospective => return self.retrospective,
        };
        let to = match lane {
            Lane::Normal => window.to,
            Lane::Slow => pace(&self.slow),
            Lane::Asap => pace(&self.asap),
        };
        // Nothing is too early for what is public.
        let from = if lane == Lane::Asap {
            SignedDuration::ZERO
        } else {
            window.from
        };
        Window {
            from: from.min(to),
            to,
            remind: window.remind.min(to / 2),
        }
    }
}
