//! How does the world hear of a release? By signed mail to lists, and by a post.

use super::answers::{answer, hand_over};
use super::{Carried, case_of, unsealed, unsigned_yet};
use crate::cases::Announcement;
use crate::decide::{Decision, Entry, may_announce};
use crate::desk::Desk;
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::model::outgoing::Composition;
use crate::ports::PortError;

pub(super) async fn send(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    // Much may have happened since the command was given.
    if may_announce(&case, desk.now()).is_err() {
        let why = "its case is not released any more";
        let journal = vec![Entry::of(case.id(), JournalEvent::NotAnnounced, why)];
        let effects = Effect::call(Reason::NotAnnounced, case.id(), desk.now());
        return Ok(Carried::Refused(
            Decision {
                journal,
                effects,
                ..Decision::default()
            },
            why,
        ));
    }
    let announcement: Announcement = unsealed(desk, effect).await?;
    let Some(to) = announcement.to else {
        let Some(announcer) = &desk.parts.announcer else {
            return Err(PortError::lasting(
                "no [announcement] is configured any more",
            ));
        };
        announcer
            .post(&format!(
                "**{}**\n\n{}",
                announcement.subject, announcement.text
            ))
            .await?;
        let event = if announcement.is_retrospective {
            JournalEvent::RetrospectivePosted
        } else {
            JournalEvent::Announced
        };
        return Ok(Carried::Done(
            Desk::note(case.id(), event, "by the webhook"),
            None,
        ));
    };
    let now = desk.now();
    let answer = answer(desk, effect, &to, "announcement")?;
    let message_id = answer.message_id.clone();
    let composition = Composition::Announcement {
        to,
        message_id: message_id.clone(),
        subject: announcement.subject,
        text: announcement.text,
        at: now,
    };
    let octets = desk
        .parts
        .opener
        .compose(&composition)
        .await
        .map_err(unsigned_yet)?;
    desk.parts.store.note_answer(&answer, now).await?;
    hand_over(desk, effect, &answer, octets).await?;
    Ok(Carried::Done(
        Desk::note(
            case.id(),
            JournalEvent::Announced,
            format!("to a list: {}", message_id.as_str()),
        ),
        Some(message_id),
    ))
}
