//! How does a case lie in its row?

mod changes;
mod rows;

use super::{SqliteStore, apply, damaged, fault, millis, time};
use crate::decide::Decision;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::{Called, Case};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::RecordedEvent;
use crate::ports::{CaseSet, Cases, JournalLine, Measures, PortError, SealedTo, Tally};
use async_trait::async_trait;
pub(super) use changes::{insert, update, write_case_record};
use data_encoding::HEXLOWER;
pub(super) use rows::by_id;
use rows::read;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

const BY_ID: &str = "SELECT id, opened_at, standing, closed_at, closing, ack_state, ack_deadline, \
    ack_alarmed, ack_at, ack_signed, draft, advisory_id, advisory_url, perhaps_of, course FROM \
    cases WHERE id = ?";
const NEWEST: &str = "SELECT id, opened_at, standing, closed_at, closing, ack_state, ack_deadline, \
    ack_alarmed, ack_at, ack_signed, draft, advisory_id, advisory_url, perhaps_of, course FROM \
    cases ORDER BY opened_at DESC, id LIMIT ?";
const NEWEST_OPEN: &str = "SELECT id, opened_at, standing, closed_at, closing, ack_state, \
    ack_deadline, ack_alarmed, ack_at, ack_signed, draft, advisory_id, advisory_url, perhaps_of, \
    course FROM cases INDEXED BY cases_open WHERE standing != 'closed' ORDER BY opened_at DESC, id \
    LIMIT ?";
const RUNNING: &str = "SELECT id, opened_at, standing, closed_at, closing, ack_state, \
    ack_deadline, ack_alarmed, ack_at, ack_signed, draft, advisory_id, advisory_url, perhaps_of, \
    course FROM cases WHERE id IN (SELECT id FROM cases INDEXED BY cases_open WHERE standing != \
    'closed' AND NOT (standing = 'open' AND draft = 'none' AND ack_state NOT IN ('due', 'by-hand')) \
    UNION SELECT id FROM cases INDEXED BY cases_unanswered WHERE ack_state IN ('due', 'by-hand') \
    AND ack_alarmed < 2) ORDER BY opened_at";

/// As they are numbered in `ack_alarmed`.
const CALLED: [Called; 3] = [Called::No, Called::Near, Called::Missed];

pub(super) async fn is_participant(
    store: &mut SqliteConnection,
    case: &CaseId,
    address: &Address,
) -> Result<bool, PortError> {
    let found = proof_of_participant(store, case, address).await?;
    Ok(found.is_some())
}

/// As [`is_participant`], where a letter of theirs was proven.
pub(super) async fn is_proven_participant(
    store: &mut SqliteConnection,
    case: &CaseId,
    address: &Address,
) -> Result<bool, PortError> {
    let found = proof_of_participant(store, case, address).await?;
    Ok(found == Some(true))
}

/// Whether somebody in a case is proven to write there; `None` where they don't.
async fn proof_of_participant(
    store: &mut SqliteConnection,
    case: &CaseId,
    address: &Address,
) -> Result<Option<bool>, PortError> {
    sqlx::query_scalar(
        "SELECT max(proven) FROM participant WHERE (case_id = ?1 OR case_id = (SELECT json_extract(course, \
         '$.part_of') FROM cases WHERE id = ?1)) AND address = ?2",
    )
    .bind(case.as_str())
    .bind(address.as_str())
    .fetch_one(store)
    .await
    .map_err(fault)
}

#[async_trait]
impl Cases for SqliteStore {
    async fn case(&self, id: &CaseId) -> Result<Option<Case>, PortError> {
        by_id(&mut *self.pool.acquire().await.map_err(fault)?, id).await
    }

    async fn cases(&self, set: CaseSet, at_most: Option<u32>) -> Result<Vec<Case>, PortError> {
        let newest = match set {
            CaseSet::All => NEWEST,
            CaseSet::Open => NEWEST_OPEN,
        };
        // A negative limit is none.
        let rows = sqlx::query(newest)
            .bind(at_most.map_or(-1, i64::from))
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read).collect()
    }

    async fn parts_of(&self, case: &CaseId) -> Result<Vec<CaseId>, PortError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM cases WHERE json_extract(course, '$.part_of') = ? ORDER BY id",
        )
        .bind(case.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        let parse = |id: &String| CaseId::parse(id).map_err(|_| damaged("a case id"));
        ids.iter().map(parse).collect()
    }

    async fn is_participant(&self, case: &CaseId, address: &Address) -> Result<bool, PortError> {
        is_participant(
            &mut *self.pool.acquire().await.map_err(fault)?,
            case,
            address,
        )
        .await
    }

    async fn is_proven_participant(
        &self,
        case: &CaseId,
        address: &Address,
    ) -> Result<bool, PortError> {
        let store = &mut *self.pool.acquire().await.map_err(fault)?;
        is_proven_participant(store, case, address).await
    }

    async fn case_record(&self, case: &CaseId) -> Result<(i64, Option<Vec<u8>>), PortError> {
        let row: Option<(i64, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT dossier_version, dossier FROM cases WHERE id = ?")
                .bind(case.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(fault)?;
        Ok(row.unwrap_or_default())
    }

    async fn running(&self) -> Result<Vec<Case>, PortError> {
        let rows = sqlx::query(RUNNING)
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read).collect()
    }

    async fn commit(&self, decision: &Decision, now: Timestamp) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        apply(&mut tx, decision, now).await?;
        tx.commit().await
    }

    async fn journal(&self, case: &CaseId) -> Result<Vec<JournalLine>, PortError> {
        let rows =
            sqlx::query("SELECT at, event, detail FROM journal WHERE case_id = ? ORDER BY id")
                .bind(case.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(fault)?;
        let line = |row: &SqliteRow| {
            Ok(JournalLine {
                at: time(row.try_get("at").map_err(fault)?)?,
                event: RecordedEvent::stored(row.try_get("event").map_err(fault)?),
                detail: row.try_get("detail").map_err(fault)?,
            })
        };
        rows.iter().map(line).collect()
    }

    async fn without_case(&self, at_most: u32) -> Result<Vec<IntakeId>, PortError> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM letter INDEXED BY letter_caseless WHERE case_id IS NULL AND role = \
             'incoming' AND state IN ('read', 'shut', 'set-aside') ORDER BY id DESC LIMIT ?",
        )
        .bind(at_most)
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        Ok(ids.into_iter().map(IntakeId).collect())
    }

    async fn has_untold(&self) -> Result<bool, PortError> {
        let untold: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM letter INDEXED BY letter_caseless WHERE case_id IS NULL \
             AND role = 'incoming' AND state IN ('read', 'shut', 'set-aside') AND told_at IS NULL)",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(fault)?;
        Ok(untold > 0)
    }

    async fn tell_without_case(&self, at: Timestamp) -> Result<Vec<IntakeId>, PortError> {
        let mut tx = self.writing().await?;
        // Told at the same moment again, the same letters are told.
        let ids: Vec<i64> = sqlx::query_scalar(
            "UPDATE letter INDEXED BY letter_caseless SET told_at = ?1 WHERE case_id IS NULL AND \
             role = 'incoming' AND state IN ('read', 'shut', 'set-aside') AND (told_at IS NULL OR \
             told_at = ?1) RETURNING id",
        )
        .bind(millis(at))
        .fetch_all(&mut *tx)
        .await
        .map_err(fault)?;
        tx.commit().await?;
        Ok(ids.into_iter().map(IntakeId).collect())
    }

    async fn tally(&self) -> Result<Tally, PortError> {
        let row = sqlx::query(
            "SELECT (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'letter') AS letters,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'letter' AND state = 'unread') AS unread,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'letter' AND state = 'shut') AS shut,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'letter' AND state = 'set-aside') AS set_aside,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'letter' AND state = 'old') AS old,
                    (SELECT number FROM tally WHERE kind = 'caseless') AS without_case,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'case') AS cases,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'case' AND name != 'closed') AS cases_open,
                    (SELECT count(*) FROM cases WHERE ack_state IN ('due', 'by-hand')) AS pending,
                    (SELECT min(ack_deadline) FROM cases WHERE ack_state IN ('due', 'by-hand')) AS oldest,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'effect' AND state IN ('pending', 'leased')) AS effects_pending,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'effect' AND state = 'failed') AS effects_failed,
                    (SELECT count(*) FROM effect WHERE in_doubt > 0 AND work IN ('acknowledge', 'send-certificate', 'ask', 'ask-private', 'reply', 'notify', 'announce')) AS twice,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'case' AND state = 'filed') AS filed,
                    (SELECT coalesce(sum(number), 0) FROM tally WHERE kind = 'case' AND state = 'awaits-word' AND name != 'closed') AS waiting,
                    (SELECT count(*) FROM journal WHERE event = 'draft doubled') AS doubled,
                    (SELECT count(*) FROM unreachable) AS unreachable",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(fault)?;
        let sealed_to: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT name, number, (SELECT max(received_at) FROM letter WHERE sealed_to = name) \
             FROM tally WHERE kind = 'sealed-to' AND number > 0 ORDER BY 3 DESC",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        let count = |name: &str| row.try_get::<i64, _>(name).map_err(fault);
        Ok(Tally {
            letters: count("letters")?,
            unread: count("unread")?,
            shut: count("shut")?,
            set_aside: count("set_aside")?,
            old: count("old")?,
            without_case: count("without_case")?,
            cases: count("cases")?,
            cases_open: count("cases_open")?,
            acknowledgements_pending: count("pending")?,
            oldest_deadline: row
                .try_get::<Option<i64>, _>("oldest")
                .map_err(fault)?
                .map(time)
                .transpose()?,
            effects_pending: count("effects_pending")?,
            effects_given_up: count("effects_failed")?,
            sent_twice_perhaps: count("twice")?,
            drafts_filed: count("filed")?,
            drafts_waiting: count("waiting")?,
            drafts_doubled: count("doubled")?,
            unreachable: count("unreachable")?,
            sealed_to: sealed_to
                .into_iter()
                .map(|(fingerprint, letters, last)| {
                    Ok(SealedTo {
                        fingerprint,
                        letters,
                        last_at: time(last)?,
                    })
                })
                .collect::<Result<_, PortError>>()?,
        })
    }

    async fn measures(&self) -> Result<Measures, PortError> {
        self.measured().await
    }

    async fn kept_secret(&self, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("INSERT OR IGNORE INTO desk (name, value) VALUES ('content-secret', ?)")
            .bind(HEXLOWER.encode(sealed))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        let kept: String =
            sqlx::query_scalar("SELECT value FROM desk WHERE name = 'content-secret'")
                .fetch_one(&mut *tx)
                .await
                .map_err(fault)?;
        tx.commit().await?;
        HEXLOWER
            .decode(kept.as_bytes())
            .map_err(|_| damaged("the secret of content tags"))
    }

    async fn first_start(&self, now: Timestamp) -> Result<Timestamp, PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("INSERT OR IGNORE INTO desk (name, value) VALUES ('first-start', ?)")
            .bind(millis(now).to_string())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        let value: String = sqlx::query_scalar("SELECT value FROM desk WHERE name = 'first-start'")
            .fetch_one(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await?;
        time(value.parse().map_err(|_| damaged("the first start"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::rows::read_course;
    use crate::model::course::Course;

    #[test]
    fn an_older_case_has_an_untouched_course() {
        let migration = include_str!("migrations/0004_course.sql");
        let written = migration
            .split("DEFAULT '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .unwrap();
        assert_eq!(read_course(written).unwrap(), Course::default());
    }
}
