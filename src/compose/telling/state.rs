//! How is the state of a case written for people? A few words an aspect.

use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Draft, Standing};

/// `in 23 h` or `late 2 d`: how far away a deadline is; and whether it is over.
pub fn due_in(deadline: Timestamp, now: Timestamp) -> (String, bool) {
    let away = deadline.duration_since(now);
    let (is_late, minutes) = (away.is_negative(), away.abs().as_mins());
    let (number, unit) = match minutes {
        ..60 => (minutes, "min"),
        60..DAYS_FROM_MINUTES => (minutes / 60, "h"),
        _ => (minutes / (24 * 60), "d"),
    };
    let word = if is_late { "late" } else { "in" };
    (format!("{word} {number} {unit}"), is_late)
}

/// From here on time is told in days.
const DAYS_FROM_MINUTES: i64 = 48 * 60;

/// Where a case stands, in a few words.
pub fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Unread => "not read yet".to_owned(),
        Standing::Open => "open".to_owned(),
        Standing::NeedsHuman => "needs a human".to_owned(),
        Standing::Closed { why, .. } => format!("closed ({})", why.as_str()),
    }
}

/// Whether the reporter has their answer.
pub fn acknowledgement(state: &Acknowledgement) -> String {
    let until = |t: &jiff::Timestamp| t.strftime("%m-%d %H:%M UTC").to_string();
    match state {
        Acknowledgement::Due { deadline, .. } => format!("due by {}", until(deadline)),
        Acknowledgement::ByHand { deadline, .. } => format!("by hand, by {}", until(deadline)),
        Acknowledgement::Sent { at, signed: true } => format!("sent {}", until(at)),
        Acknowledgement::Sent { at, signed: false } => format!("sent unsigned {}", until(at)),
        Acknowledgement::NotOwed => "none owed".to_owned(),
    }
}

/// How far the draft is; its id in the tracker where it is there.
pub fn draft(state: &Draft) -> String {
    match state {
        Draft::None => "none".to_owned(),
        Draft::AwaitsConfirmation => "waits for you to confirm it".to_owned(),
        Draft::Queued => "on its way".to_owned(),
        Draft::Filed { advisory } => advisory.id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_told_in_minutes_hours_and_days() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (deadline, told) in [
            ("2026-11-23T12:05:00Z", ("in 5 min", false)),
            ("2026-11-24T11:00:00Z", ("in 23 h", false)),
            ("2026-12-05T12:00:00Z", ("in 12 d", false)),
            ("2026-11-23T11:59:30Z", ("late 0 min", true)),
            ("2026-11-20T12:00:00Z", ("late 3 d", true)),
        ] {
            let (text, is_late) = due_in(deadline.parse().unwrap(), now);
            assert_eq!((text.as_str(), is_late), told);
        }
    }
}
