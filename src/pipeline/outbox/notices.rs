//! How does a distributor hear of a fix before it is public? Encrypted to them alone, under the
//! embargo, or not at all.

use super::answers::{answer, hand_over};
use super::{Carried, case_of, unsealed, unsigned_yet};
use crate::cases::Notice;
use crate::decide::{Decision, Participant};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::course::Step;
use crate::model::distributor::Distributor;
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::model::outgoing::Composition;
use crate::pipeline::failpoint::step;
use crate::ports::{OpenerError, PortError};

/// Sends one distributor their notice, while the embargo lasts.
pub(super) async fn send(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let notice: Notice = unsealed(desk, effect).await?;
    let now = desk.now();
    let distributor = match find_distributor(desk, &notice.to) {
        Ok(distributor) => distributor,
        Err(name) => {
            return Ok(refuse(
                &case,
                name,
                "they are not on the list, or not any more",
                now,
            ));
        }
    };
    let embargo_until = match embargo_until(&case, now) {
        Ok(day) => day,
        Err(why) => return Ok(refuse(&case, &distributor.name, why, now)),
    };
    let answer = answer(desk, effect, &distributor.address, "notice")?;
    let composition = Composition::Notice {
        to: distributor.address.clone(),
        case: case.id().clone(),
        message_id: answer.message_id.clone(),
        embargo_until,
        text: notice.text,
        at: now,
    };
    let octets = match desk.parts.opener.compose(&composition).await {
        Ok(octets) => octets,
        Err(OpenerError::Refused(_)) => {
            let why = "no letter can be encrypted to them";
            return Ok(refuse(&case, &distributor.name, why, now));
        }
        Err(other) => return Err(unsigned_yet(other)),
    };
    step!("composed");
    desk.parts.store.note_answer(&answer, now).await?;
    hand_over(desk, effect, &answer, octets).await?;
    let detail = format!("{}: {}", distributor.name, answer.message_id.as_str());
    // Their answer belongs to this case.
    let decision = Decision {
        letter_of: Some(case.id().clone()),
        participant: Some(Participant {
            address: distributor.address.clone(),
            is_proven: true,
        }),
        ..Desk::note(case.id(), JournalEvent::NoticeSent, detail)
    };
    Ok(Carried::Done(decision, Some(answer.message_id)))
}

/// The distributor with this address; the name of one who was taken off the list as an error.
fn find_distributor<'d>(desk: &'d Desk, to: &Address) -> Result<&'d Distributor, &'d str> {
    let listed = &desk.parts.distributors;
    let theirs = |d: &&Distributor| d.address.same_mailbox(to);
    let mut present = listed.iter().filter(|d| d.removed_on.is_none());
    present.find(theirs).ok_or_else(|| {
        let removed = listed.iter().find(theirs);
        removed.map_or("a distributor", |d| d.name.as_str())
    })
}

/// When the embargo of a case ends, or why no notice of it may leave any more.
fn embargo_until(case: &Case, now: Timestamp) -> Result<Timestamp, &'static str> {
    if case.is_closed() {
        return Err("the case is closed");
    }
    let is_released = case.course().reached.contains_key(&Step::Release);
    case.course()
        .release_day
        .filter(|day| *day > now && !is_released)
        .ok_or("the embargo is over")
}

/// Sends no notice, and calls responders to tell the distributor in another way.
fn refuse(case: &Case, name: &str, why: &'static str, now: Timestamp) -> Carried {
    let detail = format!("{name}: {why}");
    let decision = Decision {
        effects: Effect::call(Reason::NoticeFailed, case.id(), now),
        ..Desk::note(case.id(), JournalEvent::NoticeNotSent, detail)
    };
    Carried::Refused(decision, why)
}
