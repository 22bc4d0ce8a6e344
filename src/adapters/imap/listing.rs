//! Which letters lie in a folder?

use super::Session;
use super::dialogue::{DialogueError, Row};
use crate::mime;
use crate::model::Timestamp;
use crate::ports::{ListedLetter, MailboxUid};
use std::collections::HashMap;

/// So much of a header is asked for to learn when its letter arrived.
const HEADER_OCTETS: usize = 64 * 1024;

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

/// `17-Jul-1996 02:44:25 -0700` (RFC 9051 section 9, date-time).
pub(super) fn internal_date(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()
}

/// Size and arrival of these letters, in order. A letter that the server does not describe, or not
/// so that it can be read, is listed all the same: fetching it tells whether it is there.
pub(super) async fn described(
    session: &mut Session,
    folder: &str,
    uids: &[u64],
    now: Timestamp,
) -> Result<Vec<ListedLetter>, DialogueError> {
    let told = session
        .dialogue
        .fetch(&format!(
            "UID FETCH {} (UID RFC822.SIZE INTERNALDATE)",
            set(uids)
        ))
        .await?;
    let mut rows: HashMap<u64, Row> = HashMap::new();
    for row in told {
        if let Some(uid) = row.uid {
            rows.entry(u64::from(uid)).or_default().merge(row);
        }
    }
    let mut found = Vec::with_capacity(uids.len());
    for uid in uids {
        let row = rows.remove(uid).unwrap_or_default();
        let received_at = match row.internal_date.as_deref().and_then(internal_date) {
            Some(date) => date,
            None => arrival_by_header(session, *uid)
                .await?
                .filter(|date| *date <= now)
                .unwrap_or(now),
        };
        found.push(ListedLetter {
            place: MailboxUid {
                folder: folder.to_owned(),
                validity: session.validity,
                uid: *uid,
            },
            received_at,
            octets: row.size.map(u64::from),
            advisory: None,
        });
    }
    Ok(found)
}

/// When a letter arrived, where INTERNALDATE does not say it: by what our server wrote above it,
/// else by its own date.
async fn arrival_by_header(
    session: &mut Session,
    uid: u64,
) -> Result<Option<Timestamp>, DialogueError> {
    let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER]<0.{HEADER_OCTETS}>)");
    let rows = match session.dialogue.fetch(&command).await {
        Ok(rows) => rows,
        Err(err) if err.is_refusal() => Vec::new(),
        Err(err) => return Err(err),
    };
    let header = rows.into_iter().find_map(|row| row.header);
    Ok(header.and_then(|header| mime::arrival(&header.octets)))
}
