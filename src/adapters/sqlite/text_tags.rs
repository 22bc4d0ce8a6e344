//! Which letters say the same? By an HMAC a paragraph.

use super::{damaged, fault};
use crate::model::ids::{CaseId, IntakeId, MessageId};
use crate::ports::{PortError, TextTag};
use sqlx::{QueryBuilder, SqliteConnection};

/// What more letters than these say is a signature, a disclaimer, or a form.
const SAYING_LETTERS_MAX: i64 = 8;

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
    let mut common = QueryBuilder::new("SELECT tag FROM saying WHERE tag IN (");
    let mut tags = common.separated(", ");
    for tag in text_tags {
        tags.push_bind(&tag.tag);
    }
    common
        .push(") GROUP BY tag HAVING count(*) > ")
        .push_bind(SAYING_LETTERS_MAX);
    let common: Vec<String> = common
        .build_query_scalar()
        .fetch_all(&mut *store)
        .await
        .map_err(fault)?;
    let text_tags: Vec<&TextTag> = text_tags
        .iter()
        .filter(|s| !common.contains(&s.tag))
        .collect();
    let total: u32 = text_tags.iter().map(|s| s.weight).sum();
    let mut query = QueryBuilder::new(
        "SELECT case_id FROM (SELECT id, case_id FROM letter WHERE role = 'incoming' AND \
         message_id = ",
    );
    query.push_bind(message_id.map(MessageId::as_str));
    query.push(
        " UNION SELECT letter.id, case_id FROM saying JOIN letter ON letter.id = letter_id \
        WHERE role = 'incoming' AND tag IN (",
    );
    let mut tags = query.separated(", ");
    for tag in &text_tags {
        tags.push_bind(&tag.tag);
    }
    query
        .push(") GROUP BY letter.id HAVING sum(weight) * 2 >= ")
        .push_bind(total);
    query
        .push(") JOIN cases ON cases.id = case_id WHERE case_id != ")
        .push_bind(case.as_str());
    // A case that was split off has its letters from there.
    query
        .push(
            " AND case_id IS NOT (SELECT json_extract(course, '$.part_of') FROM cases WHERE id = ",
        )
        .push_bind(case.as_str())
        .push(")");
    // What was no report is no twin of one.
    query.push(
        " AND coalesce(closing, '') NOT IN ('key-request', 'machine', 'spam', 'joined') \
        GROUP BY case_id ORDER BY min(opened_at), case_id",
    );
    let found: Vec<String> = query
        .build_query_scalar()
        .fetch_all(&mut *store)
        .await
        .map_err(fault)?;
    found
        .iter()
        .map(|id| CaseId::parse(id).map_err(|_| damaged("a case id")))
        .collect()
}
