//! How are effects leased, tried again and settled?

use super::{SqliteStore, apply, damaged, fault, millis, time};
use crate::model::Timestamp;
use crate::model::effect::EffectKey;
use crate::model::effect::{Effect, Reason, Work};
use crate::model::ids::{CaseId, IntakeId};
use crate::ports::{Leased, Outbox, OutboxQueue, Outcome, PortError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, SqliteConnection};
use std::time::Duration;

pub(super) async fn insert(
    tx: &mut SqliteConnection,
    effects: &[Effect],
    now: Timestamp,
) -> Result<(), PortError> {
    if effects.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::new(
        "INSERT INTO effect (key, work, reason, case_id, letter_id, due, payload, state, \
         attempts, in_doubt, created_at) ",
    );
    insert.push_values(effects, |mut row, effect| {
        let reason = match effect.work {
            Work::CallByMail(reason) | Work::CallBySecondPath(reason) => Some(reason.as_str()),
            _ => None,
        };
        row.push_bind(effect.key.as_str())
            .push_bind(effect.work.as_str())
            .push_bind(reason);
        row.push_bind(effect.case.as_ref().map(|c| c.as_str()))
            .push_bind(effect.intake.map(|i| i.0))
            .push_bind(millis(effect.due))
            .push_bind(effect.payload.as_deref());
        row.push("'pending', 0, 0").push_bind(millis(now));
    });
    // The same key is the same effect: what was saved before stands, unless it was given up or
    // taken back. Adding a follow-up is done again too: the tracker knows it by its mark.
    insert.push(
        " ON CONFLICT (key) DO UPDATE SET state = 'pending', due = excluded.due, created_at = excluded.created_at, lease_until = NULL, settled_at = NULL
         WHERE state IN ('failed', 'cancelled') OR (state = 'done' AND work = 'append-follow-up')",
    );
    insert.build().execute(tx).await.map_err(fault)?;
    Ok(())
}

/// Gives a letter the case that was opened for it.
async fn give_case(tx: &mut SqliteConnection, letter: i64, case: &CaseId) -> Result<(), PortError> {
    let given = sqlx::query("UPDATE letter SET case_id = ? WHERE id = ? AND case_id IS NULL")
        .bind(case.as_str())
        .bind(letter)
        .execute(tx)
        .await
        .map_err(fault)?;
    // Nothing of the transaction is kept, and the next try finds the case.
    if given.rows_affected() == 0 {
        return Err(PortError::passing("a letter got a case in the same moment"));
    }
    Ok(())
}

fn work(name: &str, reason: Option<String>) -> Result<Work, PortError> {
    let called = || -> Result<Reason, PortError> {
        let text = reason.ok_or_else(|| damaged("a call without its reason"))?;
        serde_json::from_value(serde_json::Value::String(text)).map_err(|_| damaged("a reason"))
    };
    Ok(match name {
        "call-by-mail" => Work::CallByMail(called()?),
        "call-by-second-path" => Work::CallBySecondPath(called()?),
        plain => Work::WITHOUT_REASON
            .into_iter()
            .find(|work| work.as_str() == plain)
            .ok_or_else(|| damaged("an effect"))?,
    })
}

/// How the column `queue` numbers them.
fn number(queue: OutboxQueue) -> i64 {
    match queue {
        OutboxQueue::Common => 0,
        OutboxQueue::Answers => 1,
        OutboxQueue::SecondPath => 2,
        OutboxQueue::Calls => 3,
    }
}

fn leased(row: &SqliteRow) -> Result<Leased, PortError> {
    let case: Option<String> = row.try_get("case_id").map_err(fault)?;
    Ok(Leased {
        effect: Effect {
            key: EffectKey::stored(row.try_get("key").map_err(fault)?),
            work: work(
                &row.try_get::<String, _>("work").map_err(fault)?,
                row.try_get("reason").map_err(fault)?,
            )?,
            case: case
                .map(|id| CaseId::parse(&id).map_err(|_| damaged("a case id")))
                .transpose()?,
            intake: row
                .try_get::<Option<i64>, _>("letter_id")
                .map_err(fault)?
                .map(IntakeId),
            due: time(row.try_get("due").map_err(fault)?)?,
            payload: row.try_get("payload").map_err(fault)?,
        },
        attempts: u32::try_from(row.try_get::<i64, _>("attempts").map_err(fault)?)
            .unwrap_or(u32::MAX),
        created_at: time(row.try_get("created_at").map_err(fault)?)?,
        in_doubt: row.try_get::<i64, _>("in_doubt").map_err(fault)? > 0,
    })
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn lease(
        &self,
        queue: OutboxQueue,
        now: Timestamp,
        lease: Duration,
        at_most: u32,
    ) -> Result<Vec<Leased>, PortError> {
        // Each half is one look into an index of what waits: a long outbox costs no more than a
        // short one.
        let due: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM effect WHERE state = 'pending' AND queue = ?2 AND due \
             <= ?1) OR EXISTS (SELECT 1 FROM effect WHERE state = 'leased' AND queue = ?2 AND \
             lease_until <= ?1)",
        )
        .bind(millis(now))
        .bind(number(queue))
        .fetch_one(&self.pool)
        .await
        .map_err(fault)?;
        if due == 0 {
            return Ok(Vec::new());
        }
        let until = millis(now) + i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2);
        let mut tx = self.writing().await?;
        // A lease that ran out may have been carried out: the next try is in doubt.
        let rows = sqlx::query(
            "UPDATE effect SET in_doubt = in_doubt + (state = 'leased'), state = 'leased', \
             lease_until = ?1, attempts = attempts + 1 WHERE key IN (SELECT key FROM (SELECT key \
             FROM effect WHERE state = 'pending' AND queue = ?4 AND due <= ?2 ORDER BY due LIMIT \
             ?3) UNION ALL SELECT key FROM (SELECT key FROM effect WHERE state = 'leased' AND \
             queue = ?4 AND lease_until <= ?2 LIMIT ?3)) RETURNING key, work, reason, case_id, \
             letter_id, due, payload, attempts - 1 AS attempts, created_at, in_doubt",
        )
        .bind(until)
        .bind(millis(now))
        .bind(at_most)
        .bind(number(queue))
        .fetch_all(&mut *tx)
        .await
        .map_err(fault)?;
        tx.commit().await?;
        rows.iter().map(leased).collect()
    }

    async fn release(&self) -> Result<u64, PortError> {
        let mut tx = self.writing().await?;
        let released = sqlx::query(
            "UPDATE effect SET state = 'pending', lease_until = NULL, \
            in_doubt = in_doubt + 1 WHERE state = 'leased'",
        )
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        tx.commit().await?;
        Ok(released.rows_affected())
    }

    async fn settle(
        &self,
        key: &EffectKey,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        match outcome {
            Outcome::Done { decision, left } => {
                let opens_case_of: Option<Option<i64>> = sqlx::query_scalar(
                    "UPDATE effect SET state = 'done', lease_until = NULL, settled_at = ?, fault = \
                     NULL WHERE key = ? RETURNING CASE work WHEN 'open-case' THEN letter_id END",
                )
                .bind(millis(now))
                .bind(key.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(fault)?;
                if let Some(left) = left {
                    sqlx::query("UPDATE answer SET sent_at = ? WHERE message_id = ?")
                        .bind(millis(now))
                        .bind(left.as_str())
                        .execute(&mut *tx)
                        .await
                        .map_err(fault)?;
                }
                apply(&mut tx, decision, now).await?;
                if let (Some(letter), Some(case)) = (opens_case_of.flatten(), &decision.letter_of) {
                    give_case(&mut tx, letter, case).await?;
                }
            }
            Outcome::Retry { at, why, in_doubt } => {
                sqlx::query(
                    "UPDATE effect SET state = 'pending', lease_until = NULL, due = ?, \
                    fault = ?, in_doubt = in_doubt + ? WHERE key = ?",
                )
                .bind(millis(*at))
                .bind(why)
                .bind(*in_doubt)
                .bind(key.as_str())
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
            }
            Outcome::GaveUp { why, decision } => {
                sqlx::query(
                    "UPDATE effect SET state = 'failed', lease_until = NULL, settled_at = \
                    ?, fault = ? WHERE key = ?",
                )
                .bind(millis(now))
                .bind(why)
                .bind(key.as_str())
                .execute(&mut *tx)
                .await
                .map_err(fault)?;
                apply(&mut tx, decision, now).await?;
            }
        }
        tx.commit().await
    }

    async fn queued_since(&self, work: Work, since: Timestamp) -> Result<u64, PortError> {
        let queued: i64 =
            sqlx::query_scalar("SELECT count(*) FROM effect WHERE work = ? AND created_at >= ?")
                .bind(work.as_str())
                .bind(millis(since))
                .fetch_one(&self.pool)
                .await
                .map_err(fault)?;
        Ok(queued.unsigned_abs())
    }

    async fn next_due(&self, queue: OutboxQueue) -> Result<Option<Timestamp>, PortError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT min(at) FROM (SELECT min(due) AS at FROM effect WHERE state = 'pending' AND \
             queue = ?1 UNION ALL SELECT min(lease_until) FROM effect WHERE state = 'leased' AND \
             queue = ?1)",
        )
        .bind(number(queue))
        .fetch_one(&self.pool)
        .await
        .map_err(fault)?;
        due.map(time).transpose()
    }

    async fn faults(&self) -> Result<Vec<(EffectKey, u32, String)>, PortError> {
        let rows = sqlx::query(
            "SELECT key, attempts, fault FROM effect WHERE fault IS NOT NULL AND \
                state IN ('pending', 'leased', 'failed') ORDER BY created_at",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        let one = |row: &SqliteRow| {
            Ok((
                EffectKey::stored(row.try_get("key").map_err(fault)?),
                row.try_get("attempts").map_err(fault)?,
                row.try_get("fault").map_err(fault)?,
            ))
        };
        rows.iter().map(one).collect()
    }
}
