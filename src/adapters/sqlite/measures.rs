//! How is the desk, in numbers and states?

use super::{SqliteStore, fault, time};
use crate::model::journal::JournalEvent;
use crate::ports::{Measures, PortError};

impl SqliteStore {
    pub(super) async fn measured(&self) -> Result<Measures, PortError> {
        let mut store = self.pool.acquire().await.map_err(fault)?;
        let letters = sqlx::query_as("SELECT name, state, number FROM tally WHERE kind = 'letter'")
            .fetch_all(&mut *store)
            .await
            .map_err(fault)?;
        let acknowledged_ms =
            sqlx::query_scalar("SELECT ack_at - opened_at FROM cases WHERE ack_at IS NOT NULL")
                .fetch_all(&mut *store)
                .await
                .map_err(fault)?;
        let unanswered: Option<i64> = sqlx::query_scalar(
            "SELECT min(opened_at) FROM cases WHERE ack_state IN ('due', 'by-hand')",
        )
        .fetch_one(&mut *store)
        .await
        .map_err(fault)?;
        // One look for each queue, of which the index begins with the number.
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT min(at) FROM (SELECT (SELECT min(due) FROM effect WHERE state = 'pending' AND \
             queue = numbers.column1) AS at FROM (VALUES (0), (1), (2), (3)) AS numbers UNION ALL \
             SELECT min(due) FROM effect WHERE state = 'leased' AND queue >= 0)",
        )
        .fetch_one(&mut *store)
        .await
        .map_err(fault)?;
        let backup: Option<i64> =
            sqlx::query_scalar("SELECT max(at) FROM journal WHERE case_id IS NULL AND event = ?")
                .bind(JournalEvent::BackupWritten.as_str())
                .fetch_one(&mut *store)
                .await
                .map_err(fault)?;
        Ok(Measures {
            letters,
            acknowledged_ms,
            oldest_unanswered: unanswered.map(time).transpose()?,
            oldest_due: due.map(time).transpose()?,
            last_backup: backup.map(time).transpose()?,
        })
    }
}
