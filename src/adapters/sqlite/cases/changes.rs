//! How is a change of a case written, so that nothing that another loop did is lost?

use super::rows::{acknowledgement_columns, advisory_of, course_text, read_course};
use crate::adapters::sqlite::{fault, millis};
use crate::decide::SealedCaseRecord;
use crate::model::case::{Case, Standing};
use crate::model::ids::CaseId;
use crate::ports::PortError;
use sqlx::SqliteConnection;

pub(in crate::adapters::sqlite) async fn insert(
    tx: &mut SqliteConnection,
    case: &Case,
) -> Result<(), PortError> {
    let (deadline, alarmed, _, _) = acknowledgement_columns(case.acknowledgement());
    let advisory = advisory_of(case.draft());
    sqlx::query(
        "INSERT INTO cases (id, opened_at, standing, ack_state, ack_deadline, ack_alarmed, \
         ack_signed, draft, advisory_id, advisory_url, perhaps_of, course) VALUES (?, ?, ?, ?, ?, \
         ?, 0, ?, ?, ?, ?, ?)",
    )
    .bind(case.id().as_str())
    .bind(millis(case.opened_at()))
    .bind(case.standing().as_str())
    .bind(case.acknowledgement().as_str())
    .bind(deadline)
    .bind(alarmed)
    .bind(case.draft().as_str())
    .bind(advisory.map(|a| a.id.as_str()))
    .bind(advisory.map(|a| a.url.as_str()))
    .bind(case.perhaps_of().map(|c| c.as_str()))
    .bind(course_text(case.course())?)
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

/// Writes each aspect that changed, where it still stands as it was seen. One that another loop has
/// moved meanwhile stays as that loop left it.
pub(in crate::adapters::sqlite) async fn update(
    tx: &mut SqliteConnection,
    before: &Case,
    after: &Case,
) -> Result<(), PortError> {
    if before.standing() != after.standing() {
        update_standing(tx, before, after).await?;
    }
    if before.acknowledgement() != after.acknowledgement() {
        update_acknowledgement(tx, before, after).await?;
    }
    if before.perhaps_of() != after.perhaps_of() {
        update_perhaps_of(tx, after).await?;
    }
    if before.course() != after.course() {
        update_course(tx, before, after).await?;
    }
    if before.draft() != after.draft() {
        update_draft(tx, before, after).await?;
    }
    Ok(())
}

/// A case that is closed, or was, must still stand as it was seen.
async fn update_standing(
    tx: &mut SqliteConnection,
    before: &Case,
    after: &Case,
) -> Result<(), PortError> {
    let (closed_at, closing) = match after.standing() {
        Standing::Closed { at, why } => (Some(millis(*at)), Some(why.as_str())),
        _ => (None, None),
    };
    let done = sqlx::query(
        "UPDATE cases SET standing = ?, closed_at = ?, closing = ? WHERE \
        id = ? AND standing = ?",
    )
    .bind(after.standing().as_str())
    .bind(closed_at)
    .bind(closing)
    .bind(after.id().as_str())
    .bind(before.standing().as_str())
    .execute(tx)
    .await
    .map_err(fault)?;
    let is_closing_or_reopening = matches!(
        (before.standing(), after.standing()),
        (Standing::Closed { .. }, _) | (_, Standing::Closed { .. })
    );
    if done.rows_affected() == 0 && is_closing_or_reopening {
        return Err(changed_meanwhile(after.id()));
    }
    Ok(())
}

async fn update_acknowledgement(
    tx: &mut SqliteConnection,
    before: &Case,
    after: &Case,
) -> Result<(), PortError> {
    let (deadline, alarmed, at, signed) = acknowledgement_columns(after.acknowledgement());
    sqlx::query(
        "UPDATE cases SET ack_state = ?, ack_deadline = ?, ack_alarmed = ?, ack_at = \
        ?, ack_signed = ? WHERE id = ? AND ack_state = ?",
    )
    .bind(after.acknowledgement().as_str())
    .bind(deadline)
    .bind(alarmed)
    .bind(at)
    .bind(signed)
    .bind(after.id().as_str())
    .bind(before.acknowledgement().as_str())
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn update_perhaps_of(tx: &mut SqliteConnection, after: &Case) -> Result<(), PortError> {
    sqlx::query("UPDATE cases SET perhaps_of = ? WHERE id = ? AND perhaps_of IS NULL")
        .bind(after.perhaps_of().map(|c| c.as_str()))
        .bind(after.id().as_str())
        .execute(tx)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn update_course(
    tx: &mut SqliteConnection,
    before: &Case,
    after: &Case,
) -> Result<(), PortError> {
    // Compared as what it says: an older version wrote the same in other words.
    let stands: Option<String> = sqlx::query_scalar("SELECT course FROM cases WHERE id = ?")
        .bind(after.id().as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(fault)?;
    if stands.map(|text| read_course(&text)).transpose()?.as_ref() != Some(before.course()) {
        return Err(changed_meanwhile(after.id()));
    }
    sqlx::query("UPDATE cases SET course = ? WHERE id = ?")
        .bind(course_text(after.course())?)
        .bind(after.id().as_str())
        .execute(tx)
        .await
        .map_err(fault)?;
    Ok(())
}

async fn update_draft(
    tx: &mut SqliteConnection,
    before: &Case,
    after: &Case,
) -> Result<(), PortError> {
    let advisory = advisory_of(after.draft());
    sqlx::query(
        "UPDATE cases SET draft = ?, advisory_id = ?, advisory_url = ? WHERE id = ? \
        AND draft = ?",
    )
    .bind(after.draft().as_str())
    .bind(advisory.map(|a| a.id.as_str()))
    .bind(advisory.map(|a| a.url.as_str()))
    .bind(after.id().as_str())
    .bind(before.draft().as_str())
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

pub(in crate::adapters::sqlite) async fn write_case_record(
    tx: &mut SqliteConnection,
    record: &SealedCaseRecord,
) -> Result<(), PortError> {
    let done = sqlx::query(
        "UPDATE cases SET dossier = ?, dossier_version = dossier_version + 1 \
        WHERE id = ? AND dossier_version = ?",
    )
    .bind(&record.sealed)
    .bind(record.case.as_str())
    .bind(record.read_at_version)
    .execute(tx)
    .await
    .map_err(fault)?;
    if done.rows_affected() == 0 {
        Err(changed_meanwhile(&record.case))
    } else {
        Ok(())
    }
}

/// What people said must not be lost without a word.
fn changed_meanwhile(case: &CaseId) -> PortError {
    PortError::passing(format!(
        "case {case} was changed by somebody else at the same moment: try again"
    ))
}
