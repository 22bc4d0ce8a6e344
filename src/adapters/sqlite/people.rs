//! What do we know of people, and what did we send them?

use super::{SqliteStore, fault, millis, time};
use crate::decide::Caps;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::ports::{Answer, Correspondence, PortError};
use async_trait::async_trait;
use jiff::SignedDuration;

/// When the cap of a domain or the one in all is reached, the next look at it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(30);

#[async_trait]
impl Correspondence for SqliteStore {
    async fn pinned(&self, address: &Address) -> Result<Option<String>, PortError> {
        sqlx::query_scalar("SELECT armored FROM pinned WHERE address = ?").bind(address.as_str()).fetch_optional(&self.pool).await.map_err(fault)
    }

    async fn pin(&self, address: &Address, fingerprint: &str, armored: &str, now: Timestamp) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("INSERT OR IGNORE INTO pinned (address, fingerprint, armored, at) VALUES (?, ?, ?, ?)")
            .bind(address.as_str())
            .bind(fingerprint)
            .bind(armored)
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn take_turn(&self, answer: &Answer, caps: Caps, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
        let day = SignedDuration::from_hours(24);
        let since = millis(now - day);
        let mut tx = self.writing().await?;
        let (taken, counted, to_domain, in_all): (bool, Option<i64>, u32, u32) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM answer WHERE message_id = ?1),
                    (SELECT taken_at FROM answer WHERE address = ?2 AND kind = ?3 AND taken_at > ?4 ORDER BY taken_at DESC LIMIT 1 OFFSET ?5),
                    (SELECT count(*) FROM answer WHERE taken_at > ?4 AND address LIKE '%@' || ?6),
                    (SELECT count(*) FROM answer WHERE taken_at > ?4)",
        )
        .bind(answer.message_id.as_str())
        .bind(answer.address.as_str())
        .bind(answer.kind)
        .bind(since)
        .bind(caps.per_address.max(1) - 1)
        .bind(answer.address.domain())
        .fetch_one(&mut *tx)
        .await
        .map_err(fault)?;
        if taken {
            return Ok(None);
        }
        if let Some(counted) = counted {
            return Ok(Some(time(counted)? + day));
        }
        if to_domain >= caps.per_domain || in_all >= caps.in_all {
            return Ok(Some(now + LOOK_AGAIN));
        }
        sqlx::query("INSERT INTO answer (message_id, address, kind, case_id, tag, taken_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(answer.message_id.as_str())
            .bind(answer.address.as_str())
            .bind(answer.kind)
            .bind(answer.case.as_ref().map(|c| c.as_str()))
            .bind(&answer.tag)
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await?;
        Ok(None)
    }
}
