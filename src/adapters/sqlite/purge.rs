//! What of a case is erased, and what stays?
//!
//! Gone: its letters as they came and as they were read, what was noted and said, who wrote, and
//! every address. What stays says that there was a case and what became of it when: ids, times,
//! states, digests, the journal, the entry in the tracker.

use super::keeping::is_spool_name;
use super::{SqliteStore, apply, cases, damaged, fault, millis};
use crate::decide::Decision;
use crate::model::Timestamp;
use crate::model::case::Acknowledgement;
use crate::model::ids::{CaseId, IntakeId};
use crate::ports::{PortError, Purged};
use sqlx::SqliteConnection;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// Tries to empty the log behind an erasure.
const CHECKPOINTS_MAX: usize = 20;

/// What is said of one case, and of nobody else's.
const ERASED: [&str; 9] = [
    "DELETE FROM saying WHERE letter_id IN (SELECT id FROM letter WHERE case_id = ?1)",
    // People first, while it is known who they are; whoever has another case keeps what that one
    // needs.
    "DELETE FROM pinned WHERE address IN (SELECT address FROM participant WHERE case_id = ?1) AND \
     NOT EXISTS (SELECT 1 FROM participant AS other WHERE other.address = pinned.address AND \
     other.case_id != ?1)",
    "DELETE FROM unreachable WHERE address IN (SELECT address FROM participant WHERE case_id = \
     ?1) AND NOT EXISTS (SELECT 1 FROM participant AS other WHERE other.address = \
     unreachable.address AND other.case_id != ?1)",
    "DELETE FROM participant WHERE case_id = ?1",
    "DELETE FROM answer WHERE case_id = ?1",
    "DELETE FROM reply_token WHERE case_id = ?1",
    "UPDATE effect SET payload = NULL, fault = NULL, state = CASE WHEN state IN ('pending', \
     'leased') THEN 'cancelled' ELSE state END WHERE case_id = ?1",
    "UPDATE cases SET dossier = NULL, dossier_version = dossier_version + 1 WHERE id = ?1",
    "UPDATE letter SET sealed = NULL, blob = '', reading = NULL, originator = NULL, reply_to = \
     NULL, message_id = NULL, state = 'purged' WHERE case_id = ?1",
];

pub(super) async fn purge(
    store: &SqliteStore,
    id: &CaseId,
    journal: &Decision,
    now: Timestamp,
) -> Result<Purged, PortError> {
    let mut tx = store.writing().await?;
    refuse_unless_finished(&mut tx, id).await?;
    let letters: Vec<String> =
        sqlx::query_scalar("SELECT blob FROM letter WHERE case_id = ? AND state != 'purged'")
            .bind(id.as_str())
            .fetch_all(&mut *tx)
            .await
            .map_err(fault)?;
    // Files before rows: one that is cut off here is erased again, and no file stays that no row
    // names.
    erase_files(store, &letters)?;
    for statement in ERASED {
        sqlx::query(statement)
            .bind(id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
    }
    apply(&mut tx, journal, now).await?;
    tx.commit().await?;
    if !empty_log(store).await? {
        return Err(PortError::passing(format!(
            "{id} is erased, and the store's log holds octets of it still: say it again when less \
             is going on"
        )));
    }
    Ok(Purged {
        letters: letters.len() as u64,
    })
}

/// Refuses a case that somebody still works on or waits for, or on whose letters an open case
/// stands.
async fn refuse_unless_finished(tx: &mut SqliteConnection, id: &CaseId) -> Result<(), PortError> {
    let case = cases::by_id(tx, id)
        .await?
        .ok_or_else(|| damaged("a case"))?;
    if !case.is_closed() {
        return Err(PortError::lasting(format!("{id} is open: close it first")));
    }
    if matches!(
        case.acknowledgement(),
        Acknowledgement::Due { .. } | Acknowledgement::ByHand { .. }
    ) {
        return Err(PortError::lasting(format!(
            "the reporter of {id} waits for an answer still: answer them, then run sealdesk case \
             answered {id}"
        )));
    }
    let parts: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM cases WHERE json_extract(course, '$.part_of') = ? AND standing != 'closed'",
    )
    .bind(id.as_str())
    .fetch_all(tx)
    .await
    .map_err(fault)?;
    if !parts.is_empty() {
        return Err(PortError::lasting(format!(
            "{} stands on the letters of {id}, and is open: close it first",
            parts.join(", ")
        )));
    }
    Ok(())
}

/// Erases these files of the spool for good, and the store as it was before the last migration.
fn erase_files(store: &SqliteStore, names: &[String]) -> Result<(), PortError> {
    let unerased = |path: &Path, err: std::io::Error| {
        PortError::passing(format!("cannot erase {}", path.display())).because(err)
    };
    for name in names.iter().filter(|name| is_spool_name(name)) {
        let path = store.spool.join(name);
        match std::fs::remove_file(&path) {
            Err(err) if err.kind() != ErrorKind::NotFound => return Err(unerased(&path, err)),
            _ => {}
        }
    }
    File::open(&store.spool)
        .and_then(|folder| folder.sync_all())
        .map_err(|err| unerased(&store.spool, err))?;
    // The store as it was before the last migration would tell it all again.
    super::forget_before_migration(store.state()).map_err(|err| unerased(store.state(), err))
}

/// Whether the log behind an erasure could be emptied: what was written before rests in it until
/// the store takes it over. Somebody who reads meanwhile is waited for.
async fn empty_log(store: &SqliteStore) -> Result<bool, PortError> {
    for _ in 0..CHECKPOINTS_MAX {
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&store.pool)
            .await
            .map_err(fault)?;
        if busy == 0 {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

/// Whether a letter was erased.
pub(super) async fn is_purged(
    store: &mut SqliteConnection,
    letter: IntakeId,
) -> Result<bool, PortError> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM letter WHERE id = ?")
        .bind(letter.0)
        .fetch_optional(store)
        .await
        .map_err(fault)?;
    Ok(state.as_deref() == Some("purged"))
}

/// Closed ones that hold something still, and nothing that came since or that nobody has read.
pub(super) async fn closed_before(
    store: &mut SqliteConnection,
    then: Timestamp,
) -> Result<Vec<CaseId>, PortError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM cases WHERE standing = 'closed' AND closed_at < ?1 AND ack_state NOT IN ('due', 'by-hand') AND (dossier IS NOT NULL
            OR EXISTS (SELECT 1 FROM letter WHERE case_id = cases.id AND state != 'purged')
            OR EXISTS (SELECT 1 FROM participant WHERE case_id = cases.id))
            AND NOT EXISTS (SELECT 1 FROM letter WHERE case_id = cases.id AND (spooled_at >= ?1 OR state = 'unread')) ORDER BY closed_at",
    )
    .bind(millis(then))
    .fetch_all(store)
    .await
    .map_err(fault)?;
    ids.iter()
        .map(|id| CaseId::parse(id).map_err(|_| damaged("a case id")))
        .collect()
}
