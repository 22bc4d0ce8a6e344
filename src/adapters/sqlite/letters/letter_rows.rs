//! How does a letter stand in the store?

use crate::adapters::sqlite::{damaged, fault, millis, time};
use crate::decide::Decision;
use crate::model::address::{Address, ReplyAddress};
use crate::model::case::AdvisoryId;
use crate::model::ids::{CaseId, Digest, IntakeId, MessageId};
use crate::model::letter::{Dmarc, Role};
use crate::ports::{Admission, Intake, MailboxUid, PortError, ReadingState, Rest, Unread};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Incoming => "incoming",
        Role::TeamReply => "team-reply",
        Role::TeamCopy => "team-copy",
        Role::Canary => "canary",
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Intake, PortError> {
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(fault);
    let case = |name: &str| -> Result<Option<CaseId>, PortError> {
        maybe(name)?
            .map(|id| CaseId::parse(&id).map_err(|_| damaged("a case id")))
            .transpose()
    };
    let state = match row.try_get::<String, _>("state").map_err(fault)?.as_str() {
        "unread" => ReadingState::Unread,
        "read" => ReadingState::Read,
        "shut" => ReadingState::Shut,
        "set-aside" => ReadingState::SetAside,
        "old" => ReadingState::Old,
        "copy" => ReadingState::Copy,
        "purged" => ReadingState::Purged,
        _ => return Err(damaged("a letter's state")),
    };
    let role = match row.try_get::<String, _>("role").map_err(fault)?.as_str() {
        "incoming" => Role::Incoming,
        "team-reply" => Role::TeamReply,
        "team-copy" => Role::TeamCopy,
        "canary" => Role::Canary,
        _ => return Err(damaged("a letter's role")),
    };
    Ok(Intake {
        id: IntakeId(row.try_get("id").map_err(fault)?),
        digest: Digest::parse(&row.try_get::<String, _>("digest").map_err(fault)?)
            .ok_or_else(|| damaged("a digest"))?,
        octets: row
            .try_get::<i64, _>("octets")
            .map_err(fault)?
            .unsigned_abs(),
        received_at: time(row.try_get("received_at").map_err(fault)?)?,
        spooled_at: time(row.try_get("spooled_at").map_err(fault)?)?,
        case: case("case_id")?,
        arrived_in: case("arrived_in")?,
        originator: maybe("originator")?.and_then(|a| Address::parse(&a).ok()),
        reply_to: maybe("reply_to")?.and_then(|a| ReplyAddress::from_return_path(&a).ok()),
        message_id: maybe("message_id")?.and_then(|id| MessageId::parse(&id)),
        role,
        dmarc: read_dmarc(row)?,
        sealed_outside: row.try_get("sealed_outside").map_err(fault)?,
        state,
        advisory: maybe("advisory_id")?
            .zip(maybe("advisory_url")?)
            .map(|(id, url)| AdvisoryId { id, url }),
        tries: u32::try_from(row.try_get::<i64, _>("tries").map_err(fault)?).unwrap_or(u32::MAX),
    })
}

pub(super) fn read_dmarc(row: &SqliteRow) -> Result<Dmarc, PortError> {
    Dmarc::parse(&row.try_get::<String, _>("dmarc").map_err(fault)?)
        .ok_or_else(|| damaged("a letter's DMARC verdict"))
}

pub(super) async fn insert_letter(
    tx: &mut SqliteConnection,
    admission: &Admission<'_>,
) -> Result<i64, PortError> {
    let outer = admission.outer;
    let reply_to = outer.answer.as_ref().ok().map(|a| a.address().as_str());
    let (file, sealed) = match &admission.rest {
        Rest::Row(sealed) => ("", Some(sealed.as_slice())),
        Rest::File(name) => (name.as_str(), None),
    };
    sqlx::query_scalar(
        "INSERT INTO letter (mailbox, digest, octets, \
        received_at, spooled_at, blob, sealed, originator, reply_to, message_id, \
        sealed_outside, dmarc, state, advisory_id, advisory_url) VALUES (?, ?, ?, ?, ?, ?, ?, \
        ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(admission.mailbox)
    .bind(admission.digest.to_string())
    .bind(admission.octets.cast_signed())
    .bind(millis(admission.received_at))
    .bind(millis(admission.spooled_at))
    .bind(file)
    .bind(sealed)
    .bind(outer.originator.as_ref().map(Address::as_str))
    .bind(reply_to)
    .bind(outer.message_id.as_ref().map(MessageId::as_str))
    .bind(outer.sealed_outside)
    .bind(outer.dmarc.as_str())
    .bind(if admission.old { "old" } else { "unread" })
    .bind(admission.advisory.map(|a| a.id.as_str()))
    .bind(admission.advisory.map(|a| a.url.as_str()))
    .fetch_one(tx)
    .await
    .map_err(fault)
}

pub(in crate::adapters::sqlite) fn read_place(row: &SqliteRow) -> Result<MailboxUid, PortError> {
    let uid: i64 = row.try_get("uid").map_err(fault)?;
    Ok(MailboxUid {
        folder: row.try_get("folder").map_err(fault)?,
        validity: row.try_get("validity").map_err(fault)?,
        uid: uid.cast_unsigned(),
    })
}

pub(in crate::adapters::sqlite) async fn insert_place(
    tx: &mut SqliteConnection,
    mailbox: &str,
    place: &MailboxUid,
    letter: Option<i64>,
    settled: bool,
) -> Result<(), PortError> {
    sqlx::query(
        "INSERT OR IGNORE INTO place (mailbox, folder, validity, uid, letter_id, settled) \
        VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(mailbox)
    .bind(&place.folder)
    .bind(place.validity)
    .bind(place.uid.cast_signed())
    .bind(letter)
    .bind(settled)
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

/// Where a letter lies by what its outside names.
pub(super) async fn set_case(
    tx: &mut SqliteConnection,
    letter: IntakeId,
    decision: &Decision,
) -> Result<(), PortError> {
    let Some(case) = &decision.letter_of else {
        return Ok(());
    };
    sqlx::query("UPDATE letter SET case_id = ?, arrived_in = ? WHERE id = ?")
        .bind(case.as_str())
        .bind(decision.arrived_in.as_ref().map(CaseId::as_str))
        .bind(letter.0)
        .execute(tx)
        .await
        .map_err(fault)?;
    Ok(())
}

pub(super) async fn set_role(
    tx: &mut SqliteConnection,
    letter: IntakeId,
    role: Role,
) -> Result<(), PortError> {
    if role == Role::Incoming {
        return Ok(());
    }
    // A copy of the team's own is nothing to read.
    sqlx::query(
        "UPDATE letter SET role = ?1, state = CASE WHEN ?1 = 'team-copy' THEN 'copy' ELSE \
        state END WHERE id = ?2",
    )
    .bind(role_name(role))
    .bind(letter.0)
    .execute(tx)
    .await
    .map_err(fault)?;
    Ok(())
}

pub(super) const UNREAD: &str = "SELECT id, originator, dmarc, tries, received_at FROM (SELECT id, originator, dmarc, tries, received_at FROM letter WHERE state = 'unread' AND tries = 0 ORDER BY received_at DESC LIMIT ?1)
     UNION SELECT id, originator, dmarc, tries, received_at FROM (SELECT id, originator, dmarc, tries, received_at FROM letter WHERE state = 'unread' AND tries = 0 ORDER BY id LIMIT ?1)
     UNION SELECT id, originator, dmarc, tries, received_at FROM (SELECT id, originator, dmarc, tries, received_at FROM letter WHERE state = 'unread' AND tries > 0 ORDER BY tries, id LIMIT ?1)
     UNION SELECT id, originator, dmarc, tries, received_at FROM (SELECT id, originator, dmarc, tries, received_at FROM letter WHERE state = 'unread' AND dmarc = 'pass' ORDER BY received_at DESC LIMIT ?1)
     UNION SELECT id, originator, dmarc, tries, received_at FROM (SELECT id, originator, dmarc, tries, received_at FROM letter WHERE state = 'unread' ORDER BY id LIMIT 1)";

pub(super) fn read_unread(row: &SqliteRow) -> Result<Unread, PortError> {
    let originator: Option<String> = row.try_get("originator").map_err(fault)?;
    let tries: i64 = row.try_get("tries").map_err(fault)?;
    Ok(Unread {
        id: IntakeId(row.try_get("id").map_err(fault)?),
        originator: originator.and_then(|address| Address::parse(&address).ok()),
        dmarc: read_dmarc(row)?,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        received_at: time(row.try_get("received_at").map_err(fault)?)?,
    })
}
