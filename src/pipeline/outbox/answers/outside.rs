//! What may be known of a letter before it is answered? What anybody on the way could see, and which
//! certificates of its writer that shows.
//!
//! Nothing here depends on what a key opens. A reading does, in many ways: what it opened spends the
//! letter's budget, and may end its reader. So certificates are pinned from a pass for which no key is
//! given, at an hour that arrival fixed.

use crate::decide::Decision;
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::effect::Effect;
use crate::model::letter::{Dmarc, Role};
use crate::model::reading::{BroughtCertificate, Outside, is_smime};
use crate::pipeline::outbox::{Carried, letter_of, unsigned_yet};
use crate::ports::{Intake, OpenerError, PortError};

/// Keeps the certificates of a letter that has no acknowledgement of its own.
pub(in crate::pipeline::outbox) async fn keep_certificates(
    desk: &Desk,
    effect: &Effect,
) -> Result<Carried, PortError> {
    let letter = letter_of(desk, effect).await?;
    match look(desk, &letter).await? {
        Ok(outside) => pin(desk, &letter, &outside).await?,
        Err(why @ (OpenerError::Down(_) | OpenerError::Ended(_))) => return Err(unsigned_yet(why)),
        // What can't be parsed shows nothing.
        Err(_) => {}
    }
    Ok(Carried::Done(Decision::default(), None))
}

/// What the letter shows without any key; `None` where it can't be parsed, or nobody could look for
/// too long.
pub(super) async fn outside(
    desk: &Desk,
    letter: &Intake,
    now: Timestamp,
) -> Result<Option<Outside>, PortError> {
    match look(desk, letter).await? {
        Ok(outside) => Ok(Some(outside)),
        Err(why @ (OpenerError::Down(_) | OpenerError::Ended(_)))
            if waits_for_opener(desk, letter, now) =>
        {
            Err(unsigned_yet(why))
        }
        Err(_) => Ok(None),
    }
}

async fn look(desk: &Desk, letter: &Intake) -> Result<Result<Outside, OpenerError>, PortError> {
    // Where no key was asked when it was read, its reading says the same.
    if let Some(reading) = desk.take_fresh(letter.id, |reading| !reading.came_sealed()) {
        return Ok(Ok(Outside::of(&reading, None)));
    }
    if let Some(seen) = desk.outside_of(letter.id) {
        return Ok(Ok(seen));
    }
    let _place = desk.looks.acquire().await;
    let sealed = desk.parts.store.sealed(letter.id).await?;
    let outside = desk.parts.opener.outside(sealed).await;
    if let Ok(outside) = &outside {
        desk.remember_outside(letter.id, outside);
    }
    Ok(outside)
}

pub(super) fn waits_for_opener(desk: &Desk, letter: &Intake, now: Timestamp) -> bool {
    now.duration_since(letter.received_at) < desk.parts.policy.unsigned_after
}

/// Pins the certificates that the writer's own clear words brought. Whose certificate it is takes
/// proof: our server's word, or DNS's, on this originator. Nobody proves who wrote through a list.
pub(super) async fn pin(desk: &Desk, letter: &Intake, outside: &Outside) -> Result<(), PortError> {
    let (Some(address), Dmarc::Pass, Role::Incoming) =
        (&letter.originator, letter.dmarc, letter.role)
    else {
        return Ok(());
    };
    // Who uses OpenPGP and S/MIME has one of each, and neither contests the other: the kind that
    // was pinned stays, else that of S/MIME, which comes from a signature of theirs alone.
    let store = &desk.parts.store;
    let in_smime = match store.pinned(address).await? {
        Some(pinned) => is_smime(&pinned.armored),
        None => outside.pinnable.iter().any(BroughtCertificate::is_smime),
    };
    let of_kind = outside.pinnable.iter().filter(|c| c.is_smime() == in_smime);
    for brought in of_kind {
        let origin = format!("letter {}, in clear, proven by DMARC", letter.id);
        let (fingerprint, armored) = (&brought.fingerprint, &brought.armored);
        store
            .pin(address, fingerprint, armored, &origin, desk.now())
            .await?;
    }
    Ok(())
}
