//! To which case does a letter belong, by what its outside names?

use super::{cases, fault};
use crate::decide::{Thread, ThreadContext};
use crate::model::address::Address;
use crate::model::case::{Closing, Standing};
use crate::model::ids::{CaseId, MessageId, tag_in};
use crate::model::letter::Outer;
use crate::ports::PortError;
use sqlx::SqliteConnection;

/// Among so many recipients of a letter, those of its case are looked for.
const RECIPIENTS_MAX: usize = 20;

/// What is known of the threads, tags and people that an outer letter names.
pub(super) async fn thread_context(
    store: &mut SqliteConnection,
    outer: &Outer,
    bounce: &Address,
) -> Result<ThreadContext, PortError> {
    let mut known = ThreadContext::default();
    for tag in outer.recipients.iter().filter_map(|to| bounce.tag_of(to)) {
        let case: Option<String> =
            sqlx::query_scalar("SELECT case_id FROM answer WHERE tag = ? AND case_id IS NOT NULL")
                .bind(tag)
                .fetch_optional(&mut *store)
                .await
                .map_err(fault)?;
        if let Some(case) = case.and_then(|c| CaseId::parse(&c).ok()) {
            known.returned_to = Some(case);
        }
    }
    // Where several are known, the nearest decides.
    let threads = outer.threads.iter().map(MessageId::as_str);
    if let Some((case, named)) = case_in_thread(store, threads).await? {
        known.answers_call = named == Named::Call;
        known.thread = thread(store, &case, outer).await?;
        return Ok(known);
    }
    // Our tag in the address or the subject, where a program lost the references.
    let tagged = outer
        .to_case()
        .or_else(|| tag_in(&outer.subject))
        .or_else(|| known.returned_to.clone());
    if let Some(case) = tagged {
        known.thread = thread(store, &case, outer).await?;
    }
    Ok(known)
}

/// What a Message-ID is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Answer,
    /// Somebody's letter to us.
    Letter,
    Call,
}

/// The case of the nearest of these letters that is known, the nearest last, and what that letter
/// is. Somebody's letter is looked for in the case that it arrived in: where its reading moved it is
/// nothing that an answer may depend on.
pub(super) async fn case_in_thread(
    store: &mut SqliteConnection,
    message_ids: impl DoubleEndedIterator<Item = &str>,
) -> Result<Option<(CaseId, Named)>, PortError> {
    for id in message_ids.rev() {
        let named: Option<(String, i64)> = sqlx::query_as(
            "SELECT case_id, 0 FROM answer WHERE message_id = ?1 AND case_id IS NOT NULL \
            UNION ALL SELECT coalesce(arrived_in, case_id), 1 FROM letter WHERE message_id = ?1 \
            AND case_id IS NOT NULL UNION ALL SELECT case_id, 2 FROM reply_token WHERE message_id = ?1 LIMIT 1",
        )
        .bind(id)
        .fetch_optional(&mut *store)
        .await
        .map_err(fault)?;
        if let Some((case, named)) = named
            && let Ok(case) = CaseId::parse(&case)
        {
            let named = match named {
                0 => Named::Answer,
                1 => Named::Letter,
                _ => Named::Call,
            };
            return Ok(Some((case, named)));
        }
    }
    Ok(None)
}

async fn thread(
    store: &mut SqliteConnection,
    id: &CaseId,
    outer: &Outer,
) -> Result<Option<Thread>, PortError> {
    let Some(mut case) = cases::by_id(store, id).await? else {
        return Ok(None);
    };
    // Of the case that was named, wherever it goes on: a reading may have joined it.
    let mut originator_in_case = false;
    if let Some(address) = &outer.originator {
        originator_in_case = cases::is_proven_participant(store, case.id(), address).await?;
    }
    // What was joined to another case goes on there.
    if let (
        Standing::Closed {
            why: Closing::Joined,
            ..
        },
        Some(target),
    ) = (case.standing(), case.perhaps_of())
        && let Some(joined) = cases::by_id(store, target).await?
    {
        case = joined;
    }
    let mut to_participant = false;
    for to in outer.addressees.iter().take(RECIPIENTS_MAX) {
        to_participant = to_participant || cases::is_participant(store, case.id(), to).await?;
    }
    Ok(Some(Thread {
        case,
        named: id.clone(),
        originator_in_case,
        to_participant,
    }))
}
