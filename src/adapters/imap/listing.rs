//! Which letters lie in a folder?

use super::Session;
use super::dialogue::{DialogueError, Row};
use crate::model::Timestamp;
use crate::ports::{ListedLetter, MailboxUid};

/// `1,2,3,7` as `1:3,7`.
pub(super) fn set(uids: &[u64]) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *uid => *last = *uid,
            _ => ranges.push((*uid, *uid)),
        }
    }
    ranges
        .iter()
        .map(|(a, b)| {
            if a == b {
                a.to_string()
            } else {
                format!("{a}:{b}")
            }
        })
        .collect::<Vec<_>>()
        .join(",")
}

pub(super) fn lying(row: &Row, folder: &str, validity: u32) -> Option<ListedLetter> {
    Some(ListedLetter {
        place: MailboxUid {
            folder: folder.to_owned(),
            validity,
            uid: u64::from(row.uid?),
        },
        received_at: internal_date(row.internal_date.as_deref()?)?,
        octets: u64::from(row.size?),
        advisory: None,
    })
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 9051 section 9, date-time).
pub(super) fn internal_date(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()
}

/// Size and arrival of these letters, in order.
pub(super) async fn described(
    session: &mut Session,
    folder: &str,
    uids: &[u64],
) -> Result<Vec<ListedLetter>, DialogueError> {
    let rows = session
        .dialogue
        .fetch(&format!(
            "UID FETCH {} (UID RFC822.SIZE INTERNALDATE)",
            set(uids)
        ))
        .await?;
    let mut found: Vec<ListedLetter> = rows
        .iter()
        .filter_map(|row| lying(row, folder, session.validity))
        .collect();
    found.retain(|l| uids.contains(&l.place.uid));
    found.sort_by_key(|l| l.place.uid);
    found.dedup_by_key(|l| l.place.uid);
    // A letter that is searched and not fetched was removed meanwhile, or the server errs: look
    // again.
    if found.len() == uids.len() {
        Ok(found)
    } else {
        Err(DialogueError::Odd(
            "it lists letters that it does not describe",
        ))
    }
}
