//! How does a case stand in the store?

use super::{BY_ID, CALLED};
use crate::adapters::sqlite::{damaged, fault, millis, time};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, AdvisoryId, Case, CaseParts, Closing, Draft, Standing};
use crate::model::course::Course;
use crate::model::ids::CaseId;
use crate::ports::PortError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

pub(super) fn advisory_of(draft: &Draft) -> Option<&AdvisoryId> {
    match draft {
        Draft::Filed { advisory } => Some(advisory),
        _ => None,
    }
}

/// Deadline, called, sent at, signed.
pub(super) fn acknowledgement_columns(
    acknowledgement: &Acknowledgement,
) -> (Option<i64>, i64, Option<i64>, bool) {
    match acknowledgement {
        Acknowledgement::Due { deadline, called }
        | Acknowledgement::ByHand { deadline, called } => (
            Some(millis(*deadline)),
            CALLED
                .iter()
                .position(|c| c == called)
                .map_or(0, |at| at as i64),
            None,
            false,
        ),
        Acknowledgement::Sent { at, signed } => (None, 0, Some(millis(*at)), *signed),
        Acknowledgement::NotOwed => (None, 0, None, false),
    }
}

/// States and times, in clear: the clocks are read without the opener.
pub(super) fn course_text(course: &Course) -> Result<String, PortError> {
    serde_json::to_string(course).map_err(|_| damaged("the course of a case"))
}

pub(super) fn read_course(text: &str) -> Result<Course, PortError> {
    serde_json::from_str(text).map_err(|_| damaged("the course of a case"))
}

pub(super) fn read(row: &SqliteRow) -> Result<Case, PortError> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(fault);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(fault);
    let at = |name: &str| {
        row.try_get::<Option<i64>, _>(name)
            .map_err(fault)?
            .map(time)
            .transpose()
    };
    let required = |value: Option<Timestamp>, what| value.ok_or_else(|| damaged(what));
    let flag = |name: &str| row.try_get::<bool, _>(name).map_err(fault);
    let standing = match text("standing")?.as_str() {
        "unread" => Standing::Unread,
        "open" => Standing::Open,
        "needs-human" => Standing::NeedsHuman,
        "closed" => Standing::Closed {
            at: required(at("closed_at")?, "a closed case without its time")?,
            why: maybe("closing")?
                .and_then(|text| Closing::ALL.into_iter().find(|why| why.as_str() == text))
                .ok_or_else(|| damaged("a closed case without its reason"))?,
        },
        _ => return Err(damaged("a case's standing")),
    };
    let called = row.try_get::<i64, _>("ack_alarmed").map_err(fault)?;
    let called = usize::try_from(called)
        .ok()
        .and_then(|at| CALLED.get(at))
        .copied()
        .ok_or_else(|| damaged("a call"))?;
    let acknowledgement = match text("ack_state")?.as_str() {
        "due" => Acknowledgement::Due {
            deadline: required(at("ack_deadline")?, "a deadline")?,
            called,
        },
        "by-hand" => Acknowledgement::ByHand {
            deadline: required(at("ack_deadline")?, "a deadline")?,
            called,
        },
        "sent" => Acknowledgement::Sent {
            at: required(at("ack_at")?, "a time")?,
            signed: flag("ack_signed")?,
        },
        "not-owed" => Acknowledgement::NotOwed,
        _ => return Err(damaged("an acknowledgement")),
    };
    let draft = match text("draft")?.as_str() {
        "none" => Draft::None,
        "awaits-word" => Draft::AwaitsConfirmation,
        "queued" => Draft::Queued,
        "filed" => Draft::Filed {
            advisory: AdvisoryId {
                id: maybe("advisory_id")?.unwrap_or_default(),
                url: maybe("advisory_url")?.unwrap_or_default(),
            },
        },
        _ => return Err(damaged("a draft")),
    };
    let id = |text: String| CaseId::parse(&text).map_err(|_| damaged("a case id"));
    Ok(Case::restore(CaseParts {
        id: id(text("id")?)?,
        opened_at: required(at("opened_at")?, "a time")?,
        standing,
        acknowledgement,
        draft,
        perhaps_of: maybe("perhaps_of")?.map(id).transpose()?,
        course: read_course(&text("course")?)?,
    }))
}

pub(in crate::adapters::sqlite) async fn by_id(
    store: &mut SqliteConnection,
    id: &CaseId,
) -> Result<Option<Case>, PortError> {
    let row = sqlx::query(BY_ID)
        .bind(id.as_str())
        .fetch_optional(store)
        .await
        .map_err(fault)?;
    row.as_ref().map(read).transpose()
}
