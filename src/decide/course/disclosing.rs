//! When does a case become public, and who is told before?

use super::{NotNow, SKIPPED, deadline, moved, open, told};
use crate::decide::deadline::midnight;
use crate::decide::{Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{AdvisoryState, Case, Draft};
use crate::model::course::{Lane, Reached, Step};
use crate::model::effect::Effect;
use crate::model::journal::JournalEvent;
use crate::model::timeline::Timeline;
use jiff::civil::Date;

/// A responder says that the release day is agreed. `None` takes it back.
pub fn agree_release(
    case: &Case,
    day: Option<Timestamp>,
    by: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    if let Some(reached) = case
        .course()
        .reached
        .get(&Step::Release)
        .filter(|_| day.is_some())
    {
        return Err(NotNow::Reached(Step::Release, reached.at));
    }
    if day.is_some_and(|day| day <= now) {
        return Err(NotNow::Past);
    }
    let detail = day.map_or_else(
        || format!("taken back, by {by}"),
        |day| format!("{}, by {by}", told(day)),
    );
    Ok(moved(
        case,
        case.clone().agree_release(day)?,
        JournalEvent::ReleaseDay,
        detail,
        timeline,
        now,
    ))
}

/// What a letter says of publishing. Intent, a day that is near, or a published vulnerability take
/// the fast lane. The journal is in clear, and tells neither.
pub fn disclosure(
    case: &Case,
    announced: Option<Date>,
    hurry: bool,
    timeline: &Timeline,
    now: Timestamp,
) -> Option<Decision> {
    let heard = case.clone().announced_by_letter(announced).ok()?;
    let hurry = hurry && heard.course().lane != Lane::Asap;
    if heard == *case && !hurry {
        return None;
    }
    if !hurry {
        return Some(moved(
            case,
            heard,
            JournalEvent::Disclosure,
            "as its report says".to_owned(),
            timeline,
            now,
        ));
    }
    let mut decision = moved(
        case,
        heard.take_lane(Lane::Asap).ok()?,
        JournalEvent::LaneChanged,
        "asap: as its report says".to_owned(),
        timeline,
        now,
    );
    decision
        .journal
        .push(Entry::of(case.id(), JournalEvent::Skipped, SKIPPED));
    Some(decision)
}

/// A responder says on which day the reporter publishes, or that they named none. It counts for
/// more than what letters say.
pub fn announced(
    case: &Case,
    day: Option<Date>,
    by: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    if day.and_then(midnight).is_some_and(|day| day <= now) {
        return Err(NotNow::Past);
    }
    Ok(moved(
        case,
        case.clone().announced_by_responder(day)?,
        JournalEvent::Disclosure,
        by.to_owned(),
        timeline,
        now,
    ))
}

/// The tracker shows an advisory in another state. What is published there is released.
pub fn tracker_moved(
    case: &Case,
    state: AdvisoryState,
    timeline: &Timeline,
    now: Timestamp,
) -> Option<Decision> {
    let mut after = case.clone().tracker_shows(state).ok()?;
    let is_reached = case.course().reached.contains_key(&Step::Release);
    if state == AdvisoryState::Published && !is_reached {
        let reached = Reached {
            at: now,
            deadline: deadline(case, Step::Release, timeline, now),
        };
        after = after.reach(Step::Release, reached).ok()?;
    }
    Some(moved(
        case,
        after,
        JournalEvent::Advisory,
        format!("{} in the tracker", state.as_str()),
        timeline,
        now,
    ))
}

/// A responder's command on the advisory in the tracker, where there is one.
pub fn ask_tracker(
    case: &Case,
    effect: Effect,
    event: JournalEvent,
    by: &str,
) -> Result<Decision, NotNow> {
    open(case)?;
    if !matches!(case.draft(), Draft::Filed { .. } | Draft::Queued) {
        return Err(NotNow::NoAdvisory(case.id().clone()));
    }
    Ok(Decision {
        effects: vec![effect],
        journal: vec![Entry::of(case.id(), event, by)],
        ..Decision::default()
    })
}

/// A responder has the distributors told. An effect for each of them; the embargo ends on
/// the release day.
pub fn notify(
    case: &Case,
    notices: Vec<(String, Effect)>,
    by: &str,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    if let Some(reached) = case.course().reached.get(&Step::Release) {
        return Err(NotNow::Reached(Step::Release, reached.at));
    }
    if case.course().release_day.is_none_or(|day| day <= now) {
        return Err(NotNow::NoReleaseDay(case.id().clone()));
    }
    Ok(Decision {
        journal: notices
            .iter()
            .map(|(name, _)| {
                Entry::of(
                    case.id(),
                    JournalEvent::NoticeReleased,
                    format!("{name}, by {by}"),
                )
            })
            .collect(),
        effects: notices.into_iter().map(|(_, effect)| effect).collect(),
        ..Decision::default()
    })
}

/// Whether a release may be announced: it is reached, and the agreed hour has come.
pub fn may_announce(case: &Case, now: Timestamp) -> Result<(), NotNow> {
    if !case.course().reached.contains_key(&Step::Release) {
        return Err(NotNow::NotReleased(case.id().clone()));
    }
    // What the tracker shows to everybody keeps no hour.
    let course = case.course();
    match course
        .release_day
        .filter(|day| *day > now && course.advisory != Some(AdvisoryState::Published))
    {
        Some(day) => Err(NotNow::BeforeHour(day)),
        None => Ok(()),
    }
}
