//! Which letters say the same? By an HMAC a paragraph.

use super::{damaged, fault};
use crate::model::ids::{CaseId, IntakeId, MessageId};
use crate::ports::{PortError, TextTag};
use sqlx::SqliteConnection;

/// What more letters than these say is a signature, a disclaimer, or a form.
const SAYING_LETTERS_MAX: i64 = 8;

const COMMON: &str = "SELECT tag FROM saying WHERE tag IN (SELECT value FROM json_each(?)) GROUP \
    BY tag HAVING count(*) > ?";

/// A case that was split off has its letters from there, and what was no report is no twin of one.
/// `+role` keeps away from an index by role, in which every letter stands.
const ALIKE: &str = "SELECT case_id FROM (SELECT id, case_id FROM letter WHERE +role = 'incoming' \
    AND message_id = ?1 UNION SELECT letter.id, case_id FROM saying JOIN letter ON letter.id = \
    letter_id WHERE +role = 'incoming' AND tag IN (SELECT value FROM json_each(?2)) GROUP BY \
    letter.id HAVING sum(weight) * 2 >= ?3) JOIN cases ON cases.id = case_id WHERE case_id != ?4 \
    AND case_id IS NOT (SELECT json_extract(course, '$.part_of') FROM cases WHERE id = ?4) AND \
    coalesce(closing, '') NOT IN ('key-request', 'machine', 'spam', 'joined') GROUP BY case_id \
    ORDER BY min(opened_at), case_id";

pub(super) async fn insert(
    store: &mut SqliteConnection,
    letter: IntakeId,
    text_tags: &[TextTag],
) -> Result<(), PortError> {
    for tag in text_tags {
        sqlx::query("INSERT OR IGNORE INTO saying (letter_id, tag, weight) VALUES (?, ?, ?)")
            .bind(letter.0)
            .bind(&tag.tag)
            .bind(tag.weight)
            .execute(&mut *store)
            .await
            .map_err(fault)?;
    }
    Ok(())
}

/// Cases besides `case` with a letter that shares half of what it says, or that bears the same
/// Message-ID, oldest first.
pub(super) async fn alike(
    store: &mut SqliteConnection,
    case: &CaseId,
    text_tags: &[TextTag],
    message_id: Option<&MessageId>,
) -> Result<Vec<CaseId>, PortError> {
    let array = |tags: &mut dyn Iterator<Item = &str>| {
        let tags: Vec<&str> = tags.collect();
        serde_json::to_string(&tags).map_err(|_| damaged("text tags"))
    };
    let common: Vec<String> = sqlx::query_scalar(COMMON)
        .bind(array(&mut text_tags.iter().map(|tag| tag.tag.as_str()))?)
        .bind(SAYING_LETTERS_MAX)
        .fetch_all(&mut *store)
        .await
        .map_err(fault)?;
    let rare = || text_tags.iter().filter(|tag| !common.contains(&tag.tag));
    let total: u32 = rare().map(|tag| tag.weight).sum();
    let found: Vec<String> = sqlx::query_scalar(ALIKE)
        .bind(message_id.map(MessageId::as_str))
        .bind(array(&mut rare().map(|tag| tag.tag.as_str()))?)
        .bind(total)
        .bind(case.as_str())
        .fetch_all(&mut *store)
        .await
        .map_err(fault)?;
    found
        .iter()
        .map(|id| CaseId::parse(id).map_err(|_| damaged("a case id")))
        .collect()
}
