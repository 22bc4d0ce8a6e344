//! What do we know of people, and what did we send them?

use super::{SqliteStore, fault, millis, time};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::MessageId;
use crate::ports::{Answer, Correspondence, PortError};
use async_trait::async_trait;

#[async_trait]
impl Correspondence for SqliteStore {
    async fn pinned(&self, address: &Address) -> Result<Option<String>, PortError> {
        sqlx::query_scalar("SELECT armored FROM pinned WHERE address = ?").bind(address.as_str()).fetch_optional(&self.pool).await.map_err(fault)
    }

    async fn pin(&self, address: &Address, fingerprint: &str, armored: &str, now: Timestamp) -> Result<(), PortError> {
        sqlx::query("INSERT OR IGNORE INTO pinned (address, fingerprint, armored, at) VALUES (?, ?, ?, ?)")
            .bind(address.as_str())
            .bind(fingerprint)
            .bind(armored)
            .bind(millis(now))
            .execute(&self.pool)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn answers_since(&self, address: &Address, kind: &str, since: Timestamp) -> Result<Vec<Timestamp>, PortError> {
        let times: Vec<i64> = sqlx::query_scalar("SELECT sent_at FROM answer WHERE address = ? AND kind = ? AND sent_at > ? ORDER BY sent_at DESC")
            .bind(address.as_str())
            .bind(kind)
            .bind(millis(since))
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        times.into_iter().map(time).collect()
    }

    async fn answers_in_all_since(&self, since: Timestamp) -> Result<u32, PortError> {
        sqlx::query_scalar("SELECT count(*) FROM answer WHERE sent_at > ?").bind(millis(since)).fetch_one(&self.pool).await.map_err(fault)
    }

    async fn announce_answer(&self, answer: &Answer) -> Result<(), PortError> {
        sqlx::query("INSERT OR IGNORE INTO answer (message_id, address, kind, case_id, tag) VALUES (?, ?, ?, ?, ?)")
            .bind(answer.message_id.as_str())
            .bind(answer.address.as_str())
            .bind(answer.kind)
            .bind(answer.case.as_ref().map(|c| c.as_str()))
            .bind(&answer.tag)
            .execute(&self.pool)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn answered(&self, message_id: &MessageId, at: Timestamp) -> Result<(), PortError> {
        sqlx::query("UPDATE answer SET sent_at = ? WHERE message_id = ?")
            .bind(millis(at))
            .bind(message_id.as_str())
            .execute(&self.pool)
            .await
            .map_err(fault)?;
        Ok(())
    }
}
