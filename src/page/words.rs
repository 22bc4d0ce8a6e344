//! How are times and states written on a screen? In UTC, with the distance to a deadline; the script
//! adds the reader's own time.

use super::render::marked_address;
use crate::compose::{acknowledgement, draft_state, due_in, event_sentence, standing};
use crate::control::{CaseLine, Fault};
use crate::decide::Due;
use crate::model::Timestamp;
use crate::model::case::Draft;
use crate::model::course::{Lane, Step};
use crate::model::reading::{Reading, Shut, SignatureStatus, TrustAnchor};
use crate::ports::JournalLine;
use serde::Serialize;

/// A moment for people and for programs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    iso: String,
    utc: String,
}

impl Moment {
    pub fn of(at: Timestamp) -> Self {
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            utc: at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }
}

/// A deadline: what for, how far away, and when.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DueShown {
    what: String,
    distance: String,
    is_late: bool,
    at: Moment,
}

impl DueShown {
    pub fn of(due: &Due, now: Timestamp) -> Self {
        let (distance, is_late) = due_in(due.deadline, now);
        Self {
            what: due.what.replace('-', " "),
            distance,
            is_late,
            at: Moment::of(due.deadline),
        }
    }
}

/// A step of the policy as people say it.
pub(super) fn step(step: Step) -> &'static str {
    match step {
        Step::FixTeam => "fix team formed",
        Step::Fix => "fix complete",
        Step::Release => "released",
        Step::Retrospective => "retrospective sent",
    }
}

/// Where a case stands, in one sentence.
pub(super) fn state(line: &CaseLine) -> String {
    let mut parts = vec![format!("It is {}", standing(&line.standing))];
    if line.lane != Lane::Normal {
        parts.push(format!("in the {} lane", line.lane.as_str()));
    }
    if line.waits {
        parts.push("waiting for an upstream".to_owned());
    }
    parts.push(format!(
        "acknowledgement {}",
        acknowledgement(&line.acknowledgement)
    ));
    if line.draft != Draft::None {
        parts.push(format!("draft {}", draft_state(&line.draft)));
    }
    parts.push(match &line.assignee {
        Some(assignee) => format!("taken care of by {assignee}"),
        None => "taken care of by nobody".to_owned(),
    });
    format!("{}.", parts.join(", "))
}

/// Something that happened.
#[derive(Serialize)]
pub(super) struct EventShown {
    at: Moment,
    told: String,
}

impl EventShown {
    pub fn of(entry: &JournalLine) -> Self {
        let detail = entry
            .detail
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            at: Moment::of(entry.at),
            told: event_sentence(&entry.event, &detail),
        }
    }
}

/// Something that is wrong with the desk.
#[derive(Serialize)]
pub(super) struct FaultShown {
    what: String,
    since: Option<Moment>,
    why: String,
}

impl FaultShown {
    pub fn of(fault: &Fault) -> Self {
        Self {
            what: fault.what.clone(),
            since: fault.since.map(Moment::of),
            why: fault.why.clone(),
        }
    }
}

/// How a letter was protected and by whom it was signed; whether somebody should beware.
pub(super) fn protection(reading: &Reading) -> (String, bool) {
    let protection = &reading.protection;
    let (sealed, is_bad) = match protection.shut {
        Some(Shut::NoKey) => (
            "Encrypted, and it stays shut: no key of ours opens it",
            true,
        ),
        Some(Shut::Integrity) => (
            "Encrypted, and it stays shut: it was changed on the way, or is not protected against \
             that",
            true,
        ),
        Some(Shut::Unsupported) => ("Encrypted in a way that is not supported", true),
        Some(Shut::Limit) => ("Encrypted, and larger than one letter may be", true),
        None if reading.is_unproven() => (
            "Encrypted, and NOT PROVEN to be as it was sent: anybody on the way may have changed it",
            true,
        ),
        None if protection.encrypted => ("Encrypted", false),
        None if reading.sealed => ("Partly encrypted", false),
        None => ("Sent in clear: anybody on the way could read it", false),
    };
    let signature = &reading.signature;
    let (signed, is_odd) = match signature.status {
        SignatureStatus::Valid if signature.signer_is_originator => {
            (signature.signer_in_words().to_owned(), false)
        }
        SignatureStatus::Valid => (
            "signed, though not by whom it names as its sender".to_owned(),
            true,
        ),
        SignatureStatus::Invalid => ("its signature is WRONG".to_owned(), true),
        SignatureStatus::UnknownKey => (
            "signed by a certificate that is not known here".to_owned(),
            false,
        ),
        SignatureStatus::None => ("not signed".to_owned(), false),
    };
    let believed = match &signature.anchor {
        Some(TrustAnchor::Root { name }) => format!(", by a certificate that leads to {name}"),
        Some(TrustAnchor::Pinned) => ", by the certificate that is pinned".to_owned(),
        Some(TrustAnchor::Enclosed) | None => String::new(),
    };
    (format!("{sealed}; {signed}{believed}."), is_bad || is_odd)
}

/// Who wrote a letter, as it says.
pub(super) fn from(reading: &Reading) -> String {
    let from = reading.from.as_deref();
    from.map_or_else(|| "nobody that can be told".to_owned(), marked_address)
}
