//! What do we know of people, and what did we send them?

use crate::adapters::sqlite::{SqliteStore, damaged, fault, millis, time};
use crate::decide::Caps;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::{CaseId, MessageId};
use crate::ports::{Answer, CanaryLine, Correspondence, HeldBack, Pinned, PortError};
use async_trait::async_trait;
use jiff::SignedDuration;
use sqlx::{Row, SqliteConnection};

/// When the cap of a domain or the one in all is reached, the next look at it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(30);

/// For so long the desk writes by itself no more to an address from which a letter came back, but
/// to acknowledge a letter that is proven to be from there.
const UNREACHABLE_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Letters of the desk to itself that are shown.
const CANARIES_SHOWN: u32 = 20;

/// Of all kinds but acknowledgements together an address gets no more than so many times the cap of
/// one kind: two programs that answer each other without saying what they are fall silent.
const KINDS_TO_ADDRESS: u32 = 2;

/// One that was not proven gets the part, one of so many, of the acknowledgements to an address.
const UNPROVEN_SHARE: u32 = 3;

/// The part of a domain's answers, one of so many, that those who were not proven may use.
const UNPROVEN_OF_DOMAIN: u32 = 2;

/// The part of the cap in all, one of so many, that proven newcomers alone may use.
const NEWCOMERS_SHARE: u32 = 4;

/// Runs the statement on what is pinned: the fingerprint, the armored certificate, and where it
/// came from.
async fn write_pin(
    store: &SqliteStore,
    statement: &'static str,
    address: &Address,
    pinned: [&str; 3],
    now: Timestamp,
) -> Result<(), PortError> {
    let mut tx = store.writing().await?;
    let query = pinned.into_iter().fold(
        sqlx::query(statement).bind(address.as_str()),
        |query, value| query.bind(value),
    );
    query
        .bind(millis(now))
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
    tx.commit().await
}

#[async_trait]
impl Correspondence for SqliteStore {
    async fn pinned(&self, address: &Address) -> Result<Option<Pinned>, PortError> {
        let row = sqlx::query(
            "SELECT fingerprint, armored, origin, contested FROM pinned WHERE address = ?",
        )
        .bind(address.as_str());
        let Some(row) = row.fetch_optional(&self.pool).await.map_err(fault)? else {
            return Ok(None);
        };
        Ok(Some(Pinned {
            fingerprint: row.try_get("fingerprint").map_err(fault)?,
            armored: row.try_get("armored").map_err(fault)?,
            origin: row.try_get("origin").map_err(fault)?,
            contested: row.try_get("contested").map_err(fault)?,
        }))
    }

    async fn pin(
        &self,
        address: &Address,
        fingerprint: &str,
        armored: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let first_stays = "INSERT INTO pinned (address, fingerprint, armored, origin, at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (address) DO UPDATE SET contested = ?2 WHERE fingerprint != ?2";
        write_pin(
            self,
            first_stays,
            address,
            [fingerprint, armored, origin],
            now,
        )
        .await
    }

    async fn choose_certificate(
        &self,
        address: &Address,
        fingerprint: &str,
        armored: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let replaced = "INSERT OR REPLACE INTO pinned (address, fingerprint, armored, origin, at) \
            VALUES (?1, ?2, ?3, ?4, ?5)";
        write_pin(self, replaced, address, [fingerprint, armored, origin], now).await
    }

    async fn unpin(&self, address: &Address) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("DELETE FROM pinned WHERE address = ?")
            .bind(address.as_str())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn note_answer(&self, answer: &Answer, now: Timestamp) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        insert(&mut tx, answer, now).await?;
        tx.commit().await
    }

    async fn answer_among(
        &self,
        message_ids: &[String],
    ) -> Result<Option<(CaseId, Address)>, PortError> {
        for id in message_ids {
            let found: Option<(String, String)> = sqlx::query_as(
                "SELECT case_id, address FROM answer WHERE message_id = ? AND case_id IS NOT NULL",
            )
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(fault)?;
            if let Some((case, address)) = found {
                let case = CaseId::parse(&case).map_err(|_| damaged("a case id"))?;
                return Ok(Some((
                    case,
                    Address::parse(&address).map_err(|_| damaged("an address"))?,
                )));
            }
        }
        Ok(None)
    }

    async fn canary_sent(
        &self,
        id: &MessageId,
        shape: &str,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("INSERT INTO canary (message_id, shape, sent_at) VALUES (?, ?, ?)")
            .bind(id.as_str())
            .bind(shape)
            .bind(millis(now))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn canaries(&self) -> Result<Vec<CanaryLine>, PortError> {
        type Row = (String, String, i64, Option<i64>, Option<String>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT message_id, shape, sent_at, settled_at, fault \
            FROM canary ORDER BY sent_at DESC, message_id LIMIT ?",
        )
        .bind(CANARIES_SHOWN)
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        let line = |(message_id, shape, sent_at, settled_at, fault): Row| {
            Ok(CanaryLine {
                message_id,
                shape,
                sent_at: time(sent_at)?,
                settled_at: settled_at.map(time).transpose()?,
                fault,
            })
        };
        rows.into_iter().map(line).collect()
    }

    async fn issue_token(
        &self,
        token: &str,
        case: &CaseId,
        to: &Address,
        call: Option<&MessageId>,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query(
            "INSERT OR IGNORE INTO reply_token (token, case_id, address, message_id, issued_at) \
            VALUES (?, ?, ?, ?, ?)",
        )
        .bind(token)
        .bind(case.as_str())
        .bind(to.as_str())
        .bind(call.map(MessageId::as_str))
        .bind(millis(now))
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        tx.commit().await
    }

    async fn case_of_token(
        &self,
        token: &str,
        from: &Address,
    ) -> Result<Option<CaseId>, PortError> {
        let case: Option<String> =
            sqlx::query_scalar("SELECT case_id FROM reply_token WHERE token = ? AND address = ?")
                .bind(token)
                .bind(from.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(fault)?;
        case.map(|case| CaseId::parse(&case).map_err(|_| damaged("a case id")))
            .transpose()
    }

    async fn token_is_good(
        &self,
        token: &str,
        case: &CaseId,
        from: &Address,
        since: Timestamp,
    ) -> Result<bool, PortError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM reply_token WHERE token = ? AND case_id \
            = ? AND address = ? AND issued_at >= ? AND spent_at IS NULL)",
        )
        .bind(token)
        .bind(case.as_str())
        .bind(from.as_str())
        .bind(millis(since))
        .fetch_one(&self.pool)
        .await
        .map_err(fault)
    }

    async fn take_turn(
        &self,
        answer: &Answer,
        caps: Caps,
        now: Timestamp,
    ) -> Result<Option<HeldBack>, PortError> {
        let day = SignedDuration::from_hours(24);
        let since = millis(now - day);
        let mut tx = self.writing().await?;
        let (taken, counted, to_address, to_domain, in_all, came_back): (bool, Option<i64>, Option<i64>, u32, u32, Option<i64>) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM answer WHERE message_id = ?1),
                    (SELECT taken_at FROM answer WHERE address = ?2 AND kind = ?3 AND taken_at > ?4 ORDER BY taken_at DESC LIMIT 1 OFFSET ?5),
                    (SELECT taken_at FROM answer WHERE address = ?2 AND kind NOT IN ('acknowledgement', 'reply', 'notice', 'announcement') AND taken_at > ?4 ORDER BY taken_at DESC LIMIT 1 OFFSET ?7),
                    (SELECT count(*) FROM answer WHERE kind NOT IN ('reply', 'notice', 'announcement') AND taken_at > ?4 AND organisation = ?6),
                    (SELECT count(*) FROM answer WHERE kind NOT IN ('reply', 'notice', 'announcement') AND taken_at > ?4),
                    (SELECT at FROM unreachable WHERE address = ?2 AND at > ?8)",
        )
        .bind(answer.message_id.as_str())
        .bind(answer.address.as_str())
        .bind(answer.kind)
        .bind(since)
        .bind(most_of_kind(answer, caps) - 1)
        .bind(answer.address.organisation())
        .bind(KINDS_TO_ADDRESS * caps.per_address.max(1) - 1)
        .bind(millis(now - UNREACHABLE_FOR))
        .fetch_one(&mut *tx)
        .await
        .map_err(fault)?;
        if taken {
            return Ok(None);
        }
        if let Some(came_back) = came_back.filter(|_| !is_there(answer)) {
            return Ok(Some(HeldBack {
                until: time(came_back)? + UNREACHABLE_FOR,
                by_address: true,
            }));
        }
        // A report is acknowledged, whatever else its writer was sent today.
        let to_address = to_address.filter(|_| answer.kind != "acknowledgement");
        if let Some(counted) = counted.or(to_address) {
            return Ok(Some(HeldBack {
                until: time(counted)? + day,
                by_address: true,
            }));
        }
        // A share is kept for those who were proven and had no answer today, so that a flood of
        // others mutes nobody.
        let is_newcomer = answer.proven && to_domain == 0;
        let in_all_max = if is_newcomer {
            caps.in_all
        } else {
            caps.in_all - caps.in_all / NEWCOMERS_SHARE
        };
        // Half of a domain's answers are for those who are proven to have asked for them.
        let to_domain_max = if answer.proven {
            caps.per_domain
        } else {
            caps.per_domain.div_ceil(UNPROVEN_OF_DOMAIN)
        };
        if to_domain >= to_domain_max || in_all >= in_all_max {
            return Ok(Some(HeldBack {
                until: now + LOOK_AGAIN,
                by_address: false,
            }));
        }
        insert(&mut tx, answer, now).await?;
        tx.commit().await?;
        Ok(None)
    }
}

/// Whether somebody is at the address, whatever came back from there: they are proven to have
/// written just now. Anybody may write a report that a letter came back.
fn is_there(answer: &Answer) -> bool {
    answer.proven && answer.kind == "acknowledgement"
}

/// How many automatic answers of this kind an address gets in a day, at least one.
fn most_of_kind(answer: &Answer, caps: Caps) -> u32 {
    let most = match (answer.kind, answer.proven) {
        ("acknowledgement", true) => caps.acknowledgements,
        // Whoever forges a sender has us write to them.
        ("acknowledgement", false) => caps.acknowledgements / UNPROVEN_SHARE,
        _ => caps.per_address,
    };
    most.max(1)
}

async fn insert(
    tx: &mut SqliteConnection,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), PortError> {
    sqlx::query(
        "INSERT OR IGNORE INTO answer (message_id, address, organisation, kind, case_id, \
        tag, taken_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(answer.message_id.as_str())
    .bind(answer.address.as_str())
    .bind(answer.address.organisation())
    .bind(answer.kind)
    .bind(answer.case.as_ref().map(|c| c.as_str()))
    .bind(&answer.tag)
    .bind(millis(now))
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}
