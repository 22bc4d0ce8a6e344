//! How is a decision saved? Case, people, effects and journal, in the caller's transaction.

use super::{cases, effects, fault, millis};
use crate::decide::{CaseChange, Decision, Entry, Participant};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::effect::EffectKey;
use crate::model::ids::{CaseId, MessageId};
use crate::ports::PortError;
use sqlx::{QueryBuilder, SqliteConnection};

/// Saves a decision inside a transaction: case, participant, effects, cancellations, journal.
pub(super) async fn apply(
    tx: &mut SqliteConnection,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), PortError> {
    match &decision.case {
        Some(CaseChange::Open(case)) => cases::insert(tx, case).await?,
        Some(CaseChange::Update { before, after }) => cases::update(tx, before, after).await?,
        None => {}
    }
    if let (Some(participant), Some(case)) = (&decision.participant, &decision.letter_of) {
        insert_participant(tx, case, participant).await?;
    }
    if let Some(address) = &decision.unreachable {
        mark_unreachable(tx, address, now).await?;
    }
    if let Some((id, canary_fault)) = &decision.canary {
        settle_canary(tx, id, canary_fault.as_deref(), now).await?;
    }
    if let Some(token) = &decision.spent {
        spend_token(tx, token, now).await?;
    }
    if let Some(record) = &decision.record {
        cases::write_case_record(tx, record).await?;
    }
    effects::insert(tx, &decision.effects, now).await?;
    for key in &decision.cancelled {
        cancel_effect(tx, key, now).await?;
    }
    if !decision.journal.is_empty() {
        insert_entries(tx, &decision.journal, now).await?;
    }
    Ok(())
}

async fn insert_participant(
    tx: &mut SqliteConnection,
    case: &CaseId,
    participant: &Participant,
) -> Result<(), PortError> {
    sqlx::query(
        "INSERT INTO participant (case_id, address, proven) VALUES (?, ?, ?) ON CONFLICT (case_id, \
         address) DO UPDATE SET proven = max(proven, excluded.proven)",
    )
    .bind(case.as_str())
    .bind(participant.address.as_str())
    .bind(participant.is_proven)
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn mark_unreachable(
    tx: &mut SqliteConnection,
    address: &Address,
    now: Timestamp,
) -> Result<(), PortError> {
    sqlx::query(
        "INSERT INTO unreachable (address, at) VALUES (?1, ?2) ON CONFLICT (address) \
        DO UPDATE SET at = ?2",
    )
    .bind(address.as_str())
    .bind(millis(now))
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn settle_canary(
    tx: &mut SqliteConnection,
    id: &MessageId,
    canary_fault: Option<&str>,
    now: Timestamp,
) -> Result<(), PortError> {
    sqlx::query(
        "UPDATE canary SET settled_at = ?, fault = ? WHERE message_id = ? AND \
        settled_at IS NULL",
    )
    .bind(millis(now))
    .bind(canary_fault)
    .bind(id.as_str())
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn spend_token(
    tx: &mut SqliteConnection,
    token: &str,
    now: Timestamp,
) -> Result<(), PortError> {
    let spent =
        sqlx::query("UPDATE reply_token SET spent_at = ? WHERE token = ? AND spent_at IS NULL")
            .bind(millis(now))
            .bind(token)
            .execute(tx)
            .await
            .map_err(fault)?;
    // Two letters under one token, read at once: the second is read again, and refused.
    if spent.rows_affected() == 0 {
        return Err(PortError::passing("a token was spent in the same moment"));
    }
    Ok(())
}

async fn cancel_effect(
    tx: &mut SqliteConnection,
    key: &EffectKey,
    now: Timestamp,
) -> Result<(), PortError> {
    // One that is under way is past cancelling; its outcome is recorded as it comes.
    sqlx::query(
        "UPDATE effect SET state = 'cancelled', settled_at = ? WHERE key = ? AND \
        state = 'pending'",
    )
    .bind(millis(now))
    .bind(key.as_str())
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn insert_entries(
    tx: &mut SqliteConnection,
    entries: &[Entry],
    now: Timestamp,
) -> Result<(), PortError> {
    let mut insert = QueryBuilder::new("INSERT INTO journal (at, case_id, event, detail) ");
    insert.push_values(entries, |mut row, entry| {
        row.push_bind(millis(now))
            .push_bind(entry.case.as_ref().map(|c| c.as_str()))
            .push_bind(entry.event.as_str())
            .push_bind(&entry.detail);
    });
    insert.build().execute(tx).await.map_err(fault)?;
    Ok(())
}
