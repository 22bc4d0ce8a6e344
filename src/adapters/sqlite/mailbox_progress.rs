//! How far was each mailbox read, and which of its letters are to be settled there?

use super::letters::{insert_place, read_place};
use super::{SqliteStore, apply, fault};
use crate::decide::Decision;
use crate::model::Timestamp;
use crate::ports::{MailboxProgress, MailboxUid, PortError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use std::collections::HashSet;

#[async_trait]
impl MailboxProgress for SqliteStore {
    async fn cursors(&self, mailbox: &str) -> Result<Vec<(String, u32, u64)>, PortError> {
        let rows = sqlx::query("SELECT folder, validity, after FROM cursor WHERE mailbox = ?")
            .bind(mailbox)
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        let cursor = |row: &SqliteRow| {
            let after: i64 = row.try_get("after").map_err(fault)?;
            Ok((
                row.try_get("folder").map_err(fault)?,
                row.try_get("validity").map_err(fault)?,
                after.cast_unsigned(),
            ))
        };
        rows.iter().map(cursor).collect()
    }

    async fn set_cursor(
        &self,
        mailbox: &str,
        folder: &str,
        validity: u32,
        after: u64,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query(
            "INSERT INTO cursor (mailbox, folder, validity, after) VALUES (?, ?, ?, ?) ON \
            CONFLICT (mailbox, folder) DO UPDATE SET validity = excluded.validity, after = \
            excluded.after WHERE validity != excluded.validity OR after != excluded.after",
        )
        .bind(mailbox)
        .bind(folder)
        .bind(validity)
        .bind(after.cast_signed())
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        tx.commit().await
    }

    async fn known(
        &self,
        mailbox: &str,
        places: &[MailboxUid],
    ) -> Result<HashSet<MailboxUid>, PortError> {
        if places.is_empty() {
            return Ok(HashSet::new());
        }
        let mut select =
            QueryBuilder::new("SELECT folder, validity, uid FROM place WHERE mailbox = ");
        select
            .push_bind(mailbox)
            .push(" AND (folder, validity, uid) IN (");
        select.push_values(places, |mut row, place| {
            row.push_bind(&place.folder)
                .push_bind(place.validity)
                .push_bind(place.uid.cast_signed());
        });
        let rows = select
            .push(")")
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read_place).collect()
    }

    async fn unsettled(&self, mailbox: &str) -> Result<Vec<MailboxUid>, PortError> {
        let rows = sqlx::query(
            "SELECT folder, validity, uid FROM place WHERE mailbox = ? AND \
            settled = 0 ORDER BY uid",
        )
        .bind(mailbox)
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        rows.iter().map(read_place).collect()
    }

    async fn settled(&self, mailbox: &str, places: &[MailboxUid]) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        for place in places {
            sqlx::query(
                "UPDATE place SET settled = 1 WHERE mailbox = ? AND folder = ? AND \
                validity = ? AND uid = ?",
            )
            .bind(mailbox)
            .bind(&place.folder)
            .bind(place.validity)
            .bind(place.uid.cast_signed())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        }
        tx.commit().await
    }

    async fn leave_lying(
        &self,
        mailbox: &str,
        place: &MailboxUid,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        insert_place(&mut tx, mailbox, place, None, true).await?;
        apply(&mut tx, decision, now).await?;
        tx.commit().await
    }
}
