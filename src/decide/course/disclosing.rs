//! When does a case become public, and who is told before?

use super::{NotNow, SKIPPED, deadline, moved, open, told};
use crate::decide::deadline::midnight;
use crate::decide::{Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{AdvisoryState, Case, Draft};
use crate::model::course::{Course, Lane, Reached, Step};
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
        .course
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
        Course {
            release_day: day,
            ..case.course.clone()
        },
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
    let announced = announced
        .filter(|_| !case.course.announced_manually)
        .or(case.course.announced);
    let course = Course {
        announced,
        ..case.course.clone()
    };
    let hurry = hurry && course.lane != Lane::Asap;
    if open(case).is_err() || (course == case.course && !hurry) {
        return None;
    }
    if !hurry {
        return Some(moved(
            case,
            course,
            JournalEvent::Disclosure,
            "as its report says".to_owned(),
            timeline,
            now,
        ));
    }
    let mut decision = moved(
        case,
        Course {
            lane: Lane::Asap,
            ..course
        },
        JournalEvent::LaneChanged,
        "asap: as its report says".to_owned(),
        timeline,
        now,
    );
    decision
        .journal
        .push(Entry::of(&case.id, JournalEvent::Skipped, SKIPPED));
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
        Course {
            announced: day,
            announced_manually: true,
            ..case.course.clone()
        },
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
    if open(case).is_err() || case.course.advisory == Some(state) {
        return None;
    }
    let mut course = Course {
        advisory: Some(state),
        ..case.course.clone()
    };
    if state == AdvisoryState::Published {
        course.reached.entry(Step::Release).or_insert(Reached {
            at: now,
            deadline: deadline(case, Step::Release, timeline, now),
        });
    }
    Some(moved(
        case,
        course,
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
    if !matches!(case.draft, Draft::Filed { .. } | Draft::Queued) {
        return Err(NotNow::NoAdvisory(case.id.clone()));
    }
    Ok(Decision {
        effects: vec![effect],
        journal: vec![Entry::of(&case.id, event, by)],
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
    if let Some(reached) = case.course.reached.get(&Step::Release) {
        return Err(NotNow::Reached(Step::Release, reached.at));
    }
    if case.course.release_day.is_none_or(|day| day <= now) {
        return Err(NotNow::NoReleaseDay(case.id.clone()));
    }
    Ok(Decision {
        journal: notices
            .iter()
            .map(|(name, _)| {
                Entry::of(
                    &case.id,
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
    if !case.course.reached.contains_key(&Step::Release) {
        return Err(NotNow::NotReleased(case.id.clone()));
    }
    // What the tracker shows to everybody keeps no hour.
    match case
        .course
        .release_day
        .filter(|day| *day > now && case.course.advisory != Some(AdvisoryState::Published))
    {
        Some(day) => Err(NotNow::BeforeHour(day)),
        None => Ok(()),
    }
}
