//! How does a distributor hear of a fix before it is public? Encrypted to them alone, under the
//! embargo, or not at all.

use super::answers::{answer, hand_over};
use super::{Carried, case_of, unsealed, unsigned_yet};
use crate::cases::Notice;
use crate::decide::{Decision, Entry};
use crate::desk::Desk;
use crate::model::case::Standing;
use crate::model::course::Step;
use crate::model::distributor::Distributor;
use crate::model::effect::{Effect, Reason};
use crate::model::outgoing::Composition;
use crate::pipeline::failpoint::step;
use crate::ports::{OpenerError, PortError};

pub(super) async fn send(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let notice: Notice = unsealed(desk, effect).await?;
    let now = desk.now();
    let refused = |why: &'static str, name: &str| {
        let journal = vec![Entry::of(
            &case.id,
            "notice not sent",
            format!("{name}: {why}"),
        )];
        Ok(Carried::Refused(
            Decision {
                journal,
                effects: Effect::call(Reason::NoticeFailed, &case.id, now),
                ..Decision::default()
            },
            why,
        ))
    };
    let theirs = |d: &&Distributor| d.address.same_mailbox(&notice.to);
    let Some(distributor) = desk
        .parts
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
        .find(theirs)
    else {
        let name = desk
            .parts
            .distributors
            .iter()
            .find(theirs)
            .map_or("a distributor", |d| d.name.as_str());
        return refused("they are on the list no more", name);
    };
    if matches!(case.standing, Standing::Closed { .. }) {
        return refused("the case is closed", &distributor.name);
    }
    let embargo = case
        .course
        .release_day
        .filter(|day| *day > now && !case.course.reached.contains_key(&Step::Release));
    let Some(embargo_until) = embargo else {
        return refused("the embargo is over", &distributor.name);
    };
    let answer = answer(desk, effect, &distributor.address, "notice")?;
    let composition = Composition::Notice {
        to: distributor.address.clone(),
        case: case.id.clone(),
        message_id: answer.message_id.clone(),
        embargo_until,
        text: notice.text,
        at: now,
    };
    let octets = match desk.parts.opener.compose(&composition).await {
        Ok(octets) => octets,
        Err(OpenerError::Refused(_)) => {
            return refused("no letter can be encrypted to them", &distributor.name);
        }
        Err(other) => return Err(unsigned_yet(&other)),
    };
    step!("composed");
    desk.parts.store.note_answer(&answer, now).await?;
    hand_over(desk, effect, &answer, octets).await?;
    let detail = format!("{}: {}", distributor.name, answer.message_id.as_str());
    // Their answer belongs to this case.
    let decision = Decision {
        letter_of: Some(case.id.clone()),
        participant: Some(distributor.address.clone()),
        ..Desk::note(&case.id, "notice sent", detail)
    };
    Ok(Carried::Done(decision, Some(answer.message_id)))
}
