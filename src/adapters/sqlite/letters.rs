//! How are letters admitted once, and found again?

mod letter_rows;

use super::threads::{case_in_thread, thread_context};
use super::{SqliteStore, apply, damaged, fault, purge, text_tags};
use crate::decide::{Decision, Entry, ThreadContext};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::{CaseId, IntakeId, MessageId};
use crate::model::journal::JournalEvent;
use crate::model::letter::{Outer, Role};
use crate::ports::{
    Admission, Decide, Intake, Letters, PortError, ReadingState, ReadingToSave, TextTag, Unread,
};
use async_trait::async_trait;
use letter_rows::{UNREAD, insert_letter, read, read_unread, set_case, set_role};
pub(super) use letter_rows::{insert_place, read_place};

const BEGIN_READING: &str = "UPDATE letter SET tries = tries + 1 WHERE id = ? AND state = \
    'unread' RETURNING id, digest, octets, received_at, spooled_at, case_id, arrived_in, originator, reply_to, \
    message_id, role, dmarc, sealed_outside, state, tries, advisory_id, advisory_url";
const BY_ID: &str = "SELECT id, digest, octets, received_at, spooled_at, case_id, arrived_in, originator, reply_to, \
    message_id, role, dmarc, sealed_outside, state, tries, advisory_id, advisory_url FROM letter \
    WHERE id = ?";
const OF_CASE: &str = "SELECT id, digest, octets, received_at, spooled_at, case_id, arrived_in, originator, reply_to, \
    message_id, role, dmarc, sealed_outside, state, tries, advisory_id, advisory_url FROM letter \
    WHERE case_id = ?1 OR case_id = (SELECT json_extract(course, '$.part_of') FROM cases WHERE id \
    = ?1) ORDER BY id";
const OLD: &str = "SELECT id, digest, octets, received_at, spooled_at, case_id, arrived_in, originator, reply_to, \
    message_id, role, dmarc, sealed_outside, state, tries, advisory_id, advisory_url FROM letter \
    WHERE state = 'old' ORDER BY id";

fn state_name(state: ReadingState) -> &'static str {
    match state {
        ReadingState::Unread => "unread",
        ReadingState::Read => "read",
        ReadingState::Shut => "shut",
        ReadingState::SetAside => "set-aside",
        ReadingState::Old => "old",
        ReadingState::Copy => "copy",
        ReadingState::Purged => "purged",
    }
}

#[async_trait]
impl Letters for SqliteStore {
    async fn thread_context(
        &self,
        outer: &Outer,
        bounce: &Address,
    ) -> Result<ThreadContext, PortError> {
        thread_context(
            &mut *self.pool.acquire().await.map_err(fault)?,
            outer,
            bounce,
        )
        .await
    }

    async fn case_in_thread(&self, message_ids: &[String]) -> Result<Option<CaseId>, PortError> {
        let store = &mut *self.pool.acquire().await.map_err(fault)?;
        let found = case_in_thread(store, message_ids.iter().map(String::as_str)).await?;
        Ok(found.map(|(case, _)| case))
    }

    async fn admit(
        &self,
        admission: &Admission<'_>,
        decide: Decide<'_>,
    ) -> Result<Option<IntakeId>, PortError> {
        let mut tx = self.writing().await?;
        let twin: Option<i64> =
            sqlx::query_scalar("SELECT id FROM letter WHERE mailbox = ? AND digest = ?")
                .bind(admission.mailbox)
                .bind(admission.digest.to_string())
                .fetch_optional(&mut *tx)
                .await
                .map_err(fault)?;
        if let Some(twin) = twin {
            insert_place(
                &mut tx,
                admission.mailbox,
                &admission.place,
                Some(twin),
                false,
            )
            .await?;
            tx.commit().await?;
            return Ok(None);
        }
        let id = insert_letter(&mut tx, admission).await?;
        // Looked up here, where an earlier letter of the same batch is known already.
        let known = thread_context(&mut tx, admission.outer, admission.bounce).await?;
        let decision = decide(IntakeId(id), &known);
        insert_place(
            &mut tx,
            admission.mailbox,
            &admission.place,
            Some(id),
            false,
        )
        .await?;
        apply(&mut tx, &decision, admission.spooled_at).await?;
        set_case(&mut tx, IntakeId(id), &decision).await?;
        set_role(&mut tx, IntakeId(id), decision.role).await?;
        tx.commit().await?;
        Ok(Some(IntakeId(id)))
    }

    async fn unread(&self, from_each_end: u32) -> Result<Vec<Unread>, PortError> {
        let rows = sqlx::query(UNREAD)
            .bind(from_each_end)
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read_unread).collect()
    }

    async fn begin_reading(&self, intake: IntakeId) -> Result<Option<Intake>, PortError> {
        let mut tx = self.writing().await?;
        let row = sqlx::query(BEGIN_READING)
            .bind(intake.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await?;
        row.as_ref().map(read).transpose()
    }

    async fn read_again(&self, case: &CaseId, now: Timestamp) -> Result<u64, PortError> {
        let mut tx = self.writing().await?;
        // What was read before stays until it is replaced: a mend that fails must not cost what
        // there was.
        let again = sqlx::query(
            "UPDATE letter SET state = 'unread', tries = 0 WHERE case_id = ? AND role \
                = 'incoming' AND state IN ('read', 'shut', 'set-aside')",
        )
        .bind(case.as_str())
        .execute(&mut *tx)
        .await
        .map_err(fault)?
        .rows_affected();
        let decision = Decision {
            journal: vec![Entry::of(
                case,
                JournalEvent::LettersReadAgain,
                again.to_string(),
            )],
            ..Decision::default()
        };
        apply(&mut tx, &decision, now).await?;
        tx.commit().await?;
        Ok(again)
    }

    async fn uncount_try(&self, intake: IntakeId) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("UPDATE letter SET tries = max(tries - 1, 0) WHERE id = ?")
            .bind(intake.0)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn count_tries(&self, intake: IntakeId, more: u32) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        sqlx::query("UPDATE letter SET tries = tries + ? WHERE id = ?")
            .bind(more)
            .bind(intake.0)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn intake(&self, intake: IntakeId) -> Result<Option<Intake>, PortError> {
        let row = sqlx::query(BY_ID)
            .bind(intake.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(fault)?;
        row.as_ref().map(read).transpose()
    }

    async fn letters_of(&self, case: &CaseId) -> Result<Vec<Intake>, PortError> {
        let rows = sqlx::query(OF_CASE)
            .bind(case.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read).collect()
    }

    async fn commit_reading(
        &self,
        intake: IntakeId,
        read: &ReadingToSave<'_>,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        if purge::is_purged(&mut tx, intake).await? {
            return Ok(()); // while it was read
        }
        apply(&mut tx, decision, now).await?; // first: it may open the case that the letter belongs to
        sqlx::query(
            "UPDATE letter SET state = ?1, reading = ?2, sealed_to = ?3, arrived_in = CASE WHEN \
             ?4 != case_id THEN coalesce(arrived_in, case_id) ELSE arrived_in END, case_id = \
             coalesce(?4, case_id) WHERE id = ?5",
        )
        .bind(state_name(read.state))
        .bind(read.sealed)
        .bind(read.sealed_to)
        .bind(decision.letter_of.as_ref().map(CaseId::as_str))
        .bind(intake.0)
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        set_role(&mut tx, intake, decision.role).await?;
        text_tags::insert(&mut tx, intake, read.text_tags).await?;
        tx.commit().await
    }

    async fn alike(
        &self,
        case: &CaseId,
        text_tags: &[TextTag],
        message_id: Option<&MessageId>,
    ) -> Result<Vec<CaseId>, PortError> {
        text_tags::alike(
            &mut *self.pool.acquire().await.map_err(fault)?,
            case,
            text_tags,
            message_id,
        )
        .await
    }

    async fn opening_letter(&self, case: &CaseId) -> Result<Option<IntakeId>, PortError> {
        let first: Option<i64> = sqlx::query_scalar(
            "SELECT min(id) FROM (SELECT min(id) AS id FROM letter WHERE case_id = ?1 AND arrived_in \
             IS NULL UNION ALL SELECT min(id) FROM letter WHERE arrived_in = ?1)",
        )
        .bind(case.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(fault)?;
        Ok(first.map(IntakeId))
    }

    async fn copies_of(&self, intake: IntakeId) -> Result<Vec<CaseId>, PortError> {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT coalesce(arrived_in, case_id) AS arrived FROM letter WHERE message_id = (SELECT \
             message_id FROM letter WHERE id = ?1) AND id != ?1 AND case_id IS NOT NULL GROUP BY \
             arrived ORDER BY min(id)",
        )
        .bind(intake.0)
        .fetch_all(&self.pool)
        .await
        .map_err(fault)?;
        found
            .iter()
            .map(|id| CaseId::parse(id).map_err(|_| damaged("a case id")))
            .collect()
    }

    async fn duplicates(&self, case: &CaseId) -> Result<Vec<CaseId>, PortError> {
        let mut found: Vec<CaseId> = Vec::new();
        for letter in self
            .letters_of(case)
            .await?
            .iter()
            .filter(|l| l.role == Role::Incoming)
        {
            let rows: Vec<(String, u32)> =
                sqlx::query_as("SELECT tag, weight FROM saying WHERE letter_id = ?")
                    .bind(letter.id.0)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(fault)?;
            let text_tags: Vec<TextTag> = rows
                .into_iter()
                .map(|(tag, weight)| TextTag { tag, weight })
                .collect();
            for other in self
                .alike(case, &text_tags, letter.message_id.as_ref())
                .await?
            {
                if !found.contains(&other) {
                    found.push(other);
                }
            }
        }
        Ok(found)
    }

    async fn reading(&self, intake: IntakeId) -> Result<Option<Vec<u8>>, PortError> {
        let found: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT reading FROM letter WHERE id = ?")
                .bind(intake.0)
                .fetch_optional(&self.pool)
                .await
                .map_err(fault)?;
        Ok(found.flatten())
    }

    async fn old_letters(&self) -> Result<Vec<Intake>, PortError> {
        let rows = sqlx::query(OLD)
            .fetch_all(&self.pool)
            .await
            .map_err(fault)?;
        rows.iter().map(read).collect()
    }

    async fn revive(
        &self,
        intake: IntakeId,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let mut tx = self.writing().await?;
        let revived = sqlx::query(
            "UPDATE letter SET state = 'unread', tries = 0 WHERE id = ? AND \
            (state = 'old' OR (case_id IS NULL AND role = 'incoming'))",
        )
        .bind(intake.0)
        .execute(&mut *tx)
        .await
        .map_err(fault)?;
        if revived.rows_affected() == 0 {
            return Ok(()); // somebody else did it meanwhile
        }
        apply(&mut tx, decision, now).await?;
        set_case(&mut tx, intake, decision).await?;
        tx.commit().await
    }
}
