//! How is the state of a case written for people? A few words an aspect.

use crate::cli::screen::{BAD, styled};
use crate::control::CaseLine;
use crate::decide::Due;
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Draft, Standing};
use crate::model::report::Class;

/// `72`, and what sort of report it is where that says more.
pub(super) fn quality(line: &CaseLine) -> String {
    let score = line
        .quality
        .map(|score| score.to_string())
        .unwrap_or_default();
    match line.class {
        Some(class) if class != Class::Report => format!("{score} ({})", class.as_str()),
        _ => score,
    }
}

/// `fix by 11-30 16:00 UTC`, and loud where it is over.
pub(in crate::cli) fn due_next(due: &Due, now: Timestamp) -> String {
    let text = format!(
        "{} by {}",
        due.what,
        due.deadline.strftime("%m-%d %H:%M UTC")
    );
    if due.deadline < now {
        styled(BAD, &format!("{text}, late"))
    } else {
        text
    }
}

pub(in crate::cli) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Unread => "not read yet".to_owned(),
        Standing::Open => "open".to_owned(),
        Standing::NeedsHuman => "needs a human".to_owned(),
        Standing::Closed { why, .. } => format!("closed ({})", why.as_str()),
    }
}

pub(in crate::cli) fn acknowledgement(state: &Acknowledgement) -> String {
    let until = |t: &jiff::Timestamp| t.strftime("%m-%d %H:%M UTC").to_string();
    match state {
        Acknowledgement::Due { deadline, .. } => format!("due by {}", until(deadline)),
        Acknowledgement::ByHand { deadline, .. } => format!("by hand, by {}", until(deadline)),
        Acknowledgement::Sent { at, signed: true } => format!("sent {}", until(at)),
        Acknowledgement::Sent { at, signed: false } => format!("sent unsigned {}", until(at)),
        Acknowledgement::NotOwed => "none owed".to_owned(),
    }
}

pub(in crate::cli) fn draft(state: &Draft) -> String {
    match state {
        Draft::None => "none".to_owned(),
        Draft::AwaitsConfirmation => "waits for you to confirm it".to_owned(),
        Draft::Queued => "on its way".to_owned(),
        Draft::Filed { advisory } => advisory.id.clone(),
    }
}
