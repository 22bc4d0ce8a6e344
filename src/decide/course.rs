//! What follows from a responder's command on how far a case has come, and from what its report and
//! its advisory say?

mod ending;

pub use ending::{close, reopen, split};
mod disclosing;

use super::deadline::{Deadline, DeadlineState, clocks_of, deadlines};
use super::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{Case, InvalidTransition};
use crate::model::course::{Course, Lane, Reached, Step};
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use crate::model::timeline::Timeline;
pub use disclosing::{
    agree_release, announced, ask_tracker, disclosure, may_announce, notify, tracker_moved,
};

/// Why a command can't be executed now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    #[error("case {0} is closed: reopen it first")]
    Closed(CaseId),
    #[error("case {0} is not closed")]
    NotClosed(CaseId),
    #[error("{step} was reached already, on {at}", step = .0.as_str(), at = .1)]
    Reached(Step, Timestamp),
    #[error("{later} rests on {earlier}: take it back first", later = .0.as_str(), earlier = .1.as_str())]
    RestsOnIt(Step, Step),
    #[error("{step} is not reached", step = .0.as_str())]
    NotReached(Step),
    #[error("{later} comes after {earlier}, which is not reached yet", later = .0.as_str(), earlier = .1.as_str())]
    TooEarly(Step, Step),
    #[error("that moment lies in the future: say it when it has come")]
    Future,
    #[error("it lies before the case was opened")]
    BeforeCase,
    #[error("it waits already, since {0}")]
    Waits(Timestamp),
    #[error("it does not wait for anybody")]
    DoesNotWait,
    #[error("that day lies in the past")]
    Past,
    #[error("case {0} has no advisory in the tracker: file it first with sealdesk case file")]
    NoAdvisory(CaseId),
    #[error(
        "case {0} has no release day to come, and so no end of the embargo: agree on one with \
         sealdesk case release-date"
    )]
    NoReleaseDay(CaseId),
    #[error("case {0} is not released: say sealdesk case reach {0} release when it is")]
    NotReleased(CaseId),
    #[error("the agreed release is on {0}, and nothing is announced before")]
    BeforeHour(Timestamp),
    #[error("it is in that lane already")]
    SameLane,
    #[error(
        "the reporter of case {0} still waits for an answer: give it first (case reply, or case \
         answered)"
    )]
    Unanswered(CaseId),
    /// What the reasons above leave over.
    #[error(transparent)]
    Invalid(#[from] InvalidTransition),
}

fn open(case: &Case) -> Result<(), NotNow> {
    if case.is_closed() {
        Err(NotNow::Closed(case.id().clone()))
    } else {
        Ok(())
    }
}

/// A moment as the journal writes it.
fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How a deadline moved, and why.
fn shift(was: Timestamp, clock: &Deadline) -> String {
    format!(
        "{}: {} to {}, because of {}",
        clock.step.as_str(),
        told(was),
        told(clock.deadline),
        clock.because.sentence()
    )
}

/// Saves a case whose course changed, and writes down every deadline that moved with it.
fn moved(
    case: &Case,
    after: Case,
    event: JournalEvent,
    detail: String,
    timeline: &Timeline,
    now: Timestamp,
) -> Decision {
    moved_from(
        case,
        deadlines(case, timeline, now),
        after,
        event,
        detail,
        timeline,
        now,
    )
}

fn moved_from(
    case: &Case,
    before: Vec<Deadline>,
    mut after: Case,
    event: JournalEvent,
    detail: String,
    timeline: &Timeline,
    now: Timestamp,
) -> Decision {
    let mut journal = vec![Entry::of(case.id(), event, detail)];
    for clock in deadlines(&after, timeline, now) {
        let Some(was) = before
            .iter()
            .find(|c| c.step == clock.step)
            .filter(|was| was.deadline != clock.deadline)
        else {
            continue;
        };
        if matches!(
            clock.state,
            DeadlineState::Stopped { .. } | DeadlineState::PassedOver
        ) {
            continue;
        }
        // A deadline that moved is called for anew.
        after = after.call_anew(clock.step);
        journal.push(Entry::of(
            case.id(),
            JournalEvent::DeadlineMoved,
            shift(was.deadline, &clock),
        ));
    }
    Decision {
        case: Some(CaseChange::update(case, after)),
        journal,
        ..Decision::default()
    }
}

/// A responder says that a step was reached.
pub fn reach(
    case: &Case,
    step: Step,
    at: Timestamp,
    by: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    if let Some(before) = case.course().reached.get(&step) {
        return Err(NotNow::Reached(step, before.at));
    }
    if at > now {
        return Err(NotNow::Future);
    }
    if at < case.opened_at() {
        return Err(NotNow::BeforeCase);
    }
    let needed = match step {
        Step::Retrospective => Some(Step::Release),
        _ => None,
    };
    if let Some(needed) = needed.filter(|needed| !case.course().reached.contains_key(needed)) {
        return Err(NotNow::TooEarly(step, needed));
    }
    let reached = Reached {
        at,
        deadline: deadline(case, step, timeline, now),
    };
    Ok(moved(
        case,
        case.clone().reach(step, reached)?,
        JournalEvent::Reached,
        format!("{} at {}, by {by}", step.as_str(), told(at)),
        timeline,
        now,
    ))
}

/// By when a step is to be reached, as things stand.
fn deadline(case: &Case, step: Step, timeline: &Timeline, now: Timestamp) -> Timestamp {
    deadlines(case, timeline, now)
        .into_iter()
        .find(|clock| clock.step == step)
        .map_or(now, |clock| clock.deadline)
}

/// A responder takes back that a step was reached.
pub fn take_back(
    case: &Case,
    step: Step,
    by: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    let later = Step::Retrospective;
    if step == Step::Release && case.course().reached.contains_key(&later) {
        return Err(NotNow::RestsOnIt(later, step));
    }
    let taken_back = case.clone().take_back(step);
    Ok(moved(
        case,
        taken_back.map_err(|_| NotNow::NotReached(step))?,
        JournalEvent::TakenBack,
        format!("{}, by {by}", step.as_str()),
        timeline,
        now,
    ))
}

/// The case takes another lane, on a responder's command or because of what its report says.
pub fn change_lane(
    case: &Case,
    lane: Lane,
    why: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    let in_lane = case.clone().take_lane(lane);
    let mut decision = moved(
        case,
        in_lane.map_err(|_| NotNow::SameLane)?,
        JournalEvent::LaneChanged,
        format!("{}: {why}", lane.as_str()),
        timeline,
        now,
    );
    if lane == Lane::Asap {
        decision
            .journal
            .push(Entry::of(case.id(), JournalEvent::Skipped, SKIPPED));
    }
    Ok(decision)
}

/// What no deadline says of the fast lane.
const SKIPPED: &str = "the wait until a window opens, and weekday and hour of the release day";

/// What a responder's rating of the severity says of the lane: what is not severe may go slowly,
/// and what no longer is so goes at the policy's pace again. Nothing slows down what must be fast.
pub fn rated(
    case: &Case,
    tenths: Option<u8>,
    severity: Option<&str>,
    timeline: &Timeline,
    now: Timestamp,
) -> Option<Decision> {
    let low = tenths.map_or(matches!(severity, Some("low" | "none")), |tenths| {
        tenths < timeline.slow_below
    });
    let lane = match (case.course().lane, low) {
        (Lane::Normal, true) => Lane::Slow,
        (Lane::Slow, false) => Lane::Normal,
        _ => return None,
    };
    // Not the score itself: it comes from the report, and the journal is in clear.
    change_lane(
        case,
        lane,
        if low {
            "not severe"
        } else {
            "more severe than it seemed"
        },
        timeline,
        now,
    )
    .ok()
}

/// A responder says that the case waits for an upstream's disclosure.
pub fn wait_for_upstream(case: &Case, by: &str, now: Timestamp) -> Result<Decision, NotNow> {
    open(case)?;
    if let Some(since) = case.course().waiting_since {
        return Err(NotNow::Waits(since));
    }
    let waiting = case.clone().wait_for_upstream(now)?;
    Ok(Decision {
        case: Some(CaseChange::update(case, waiting)),
        journal: vec![Entry::of(case.id(), JournalEvent::WaitsForUpstream, by)],
        ..Decision::default()
    })
}

/// A responder says that the upstream disclosed: the clocks go on.
pub fn go_on(
    case: &Case,
    by: &str,
    timeline: &Timeline,
    now: Timestamp,
) -> Result<Decision, NotNow> {
    open(case)?;
    let going_on = case.clone().go_on(now).map_err(|_| NotNow::DoesNotWait)?;
    // As the deadlines stood before it waited: while it does, they move with the clock.
    let before = Course {
        waiting_since: None,
        ..case.course().clone()
    };
    Ok(moved_from(
        case,
        clocks_of(case.opened_at(), &before, timeline, now),
        going_on,
        JournalEvent::GoesOn,
        by.to_owned(),
        timeline,
        now,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::deadline::midnight;
    use crate::decide::deadline::{Because, call_for_clocks, runs};
    use crate::model::case::Acknowledgement;
    use crate::model::case::AdvisoryState;
    use crate::model::case::Called;
    use crate::model::case::Closing;
    use crate::model::case::{CaseParts, Draft, Standing};
    use crate::model::effect::{Reason, Work};
    use jiff::tz::TimeZone;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap()
    }

    fn case() -> Case {
        Case::restore(parts())
    }

    fn parts() -> CaseParts {
        CaseParts {
            id: CaseId::from_random([1; 10]),
            opened_at: at(0),
            standing: Standing::Open,
            acknowledgement: Acknowledgement::Sent {
                at: at(1),
                signed: true,
            },
            draft: Draft::Queued,
            perhaps_of: None,
            course: Course::default(),
        }
    }

    fn after(decision: Decision) -> Case {
        let Some(CaseChange::Update { after, .. }) = decision.case else {
            panic!("no change")
        };
        after
    }

    fn hours_due(case: &Case, now: Timestamp) -> Vec<i64> {
        deadlines(case, &Timeline::default(), now)
            .iter()
            .map(|c| c.deadline.duration_since(at(0)).as_hours())
            .collect()
    }

    #[test]
    fn each_lane_has_its_deadlines_and_a_change_is_written_down() {
        let timeline = Timeline::default();
        assert_eq!(hours_due(&case(), at(2)), [24, 7 * 24, 21 * 24]);
        let decision =
            change_lane(&case(), Lane::Asap, "exploited, by rita", &timeline, at(2)).unwrap();
        let events: Vec<&str> = decision.journal.iter().map(|e| e.event.as_str()).collect();
        assert_eq!(
            events,
            [
                "lane changed",
                "deadline moved",
                "deadline moved",
                "deadline moved",
                "skipped"
            ]
        );
        let hurried = after(decision);
        assert_eq!(hours_due(&hurried, at(2)), [4, 24, 48]);
        assert_eq!(
            change_lane(&hurried, Lane::Asap, "again", &timeline, at(3)),
            Err(NotNow::SameLane)
        );
    }

    #[test]
    fn responders_are_called_before_and_after_and_once_each() {
        let timeline = Timeline::default();
        let mut case = case();
        let mut calls = Vec::new();
        for hour in 0..24 * 25 {
            let mut decision = Decision::default();
            case = call_for_clocks(case, &timeline, at(hour), &mut decision);
            calls.extend(decision.effects.iter().filter_map(|e| match e.work {
                Work::CallByMail(reason) => Some((hour, reason)),
                _ => None,
            }));
        }
        assert_eq!(
            calls,
            [
                (20, Reason::FixTeamDue),
                (24, Reason::FixTeamMissed),
                (6 * 24, Reason::FixDue),
                (7 * 24, Reason::FixMissed),
                (19 * 24, Reason::ReleaseDue),
                (21 * 24, Reason::ReleaseMissed)
            ]
        );
    }

    #[test]
    fn a_step_is_reached_once_and_in_its_order() {
        let timeline = Timeline::default();
        let early = reach(
            &case(),
            Step::Retrospective,
            at(3),
            "rita",
            &timeline,
            at(3),
        );
        assert_eq!(
            early,
            Err(NotNow::TooEarly(Step::Retrospective, Step::Release))
        );
        assert_eq!(
            reach(&case(), Step::Fix, at(9), "rita", &timeline, at(3)),
            Err(NotNow::Future)
        );
        let released = after(
            reach(
                &case(),
                Step::Release,
                at(30 * 24),
                "rita",
                &timeline,
                at(30 * 24),
            )
            .unwrap(),
        );
        assert!(
            reach(
                &released,
                Step::Release,
                at(3),
                "rita",
                &timeline,
                at(31 * 24)
            )
            .is_err()
        );
        let all = deadlines(&released, &timeline, at(30 * 24));
        assert_eq!(
            all[2].state,
            DeadlineState::Stopped {
                at: at(30 * 24),
                late: true
            }
        );
        assert_eq!(
            (all[3].step, all[3].deadline),
            (Step::Retrospective, at(33 * 24))
        );
    }

    #[test]
    fn waiting_for_an_upstream_moves_fix_and_release_and_calls_nobody() {
        let timeline = Timeline::default();
        let waiting = after(wait_for_upstream(&case(), "rita", at(10)).unwrap());
        let mut silent = Decision::default();
        let called = call_for_clocks(waiting.clone(), &timeline, at(24 * 30), &mut silent);
        assert_eq!(
            called.course().called.keys().copied().collect::<Vec<_>>(),
            [Step::FixTeam],
            "its clock waits for nobody"
        );
        let decision = go_on(&waiting, "rita", &timeline, at(10 + 48)).unwrap();
        assert_eq!(
            decision
                .journal
                .iter()
                .filter(|e| e.event == JournalEvent::DeadlineMoved)
                .count(),
            2,
            "{:#?}",
            decision.journal
        );
        let goes_on = after(decision);
        assert_eq!(hours_due(&goes_on, at(60)), [24, 9 * 24, 23 * 24]);
        // Who was called for the old deadline is called for the new one.
        let near = waiting.called_for_step(Step::Fix, Called::Near);
        assert!(
            !after(go_on(&near, "rita", &timeline, at(58)).unwrap())
                .course()
                .called
                .contains_key(&Step::Fix)
        );
    }

    #[test]
    fn what_the_reporter_announced_comes_first_and_what_was_agreed_counts() {
        let timeline = Timeline::default();
        let day = at(5 * 24).to_zoned(TimeZone::UTC).date();
        let announced = after(disclosure(&case(), Some(day), false, &timeline, at(2)).unwrap());
        let found = deadlines(&announced, &timeline, at(2));
        assert_eq!(
            (found[2].deadline, found[2].because),
            (midnight(day).unwrap(), Because::Announced)
        );
        let agreed =
            after(agree_release(&announced, Some(at(100)), "rita", &timeline, at(2)).unwrap());
        assert_eq!(deadlines(&agreed, &timeline, at(2))[2].deadline, at(100));
        assert_eq!(
            agree_release(&agreed, Some(at(1)), "rita", &timeline, at(2)),
            Err(NotNow::Past)
        );
    }

    #[test]
    fn an_emergency_is_not_hidden_by_an_agreed_day_and_no_verdict_changes_later() {
        let timeline = Timeline::default();
        let agreed =
            after(agree_release(&case(), Some(at(20 * 24)), "rita", &timeline, at(2)).unwrap());
        let hurried = after(disclosure(&agreed, None, true, &timeline, at(3)).unwrap());
        assert_eq!(hours_due(&hurried, at(3)), [4, 24, 48]);
        let met = after(
            reach(
                &case(),
                Step::Fix,
                at(5 * 24),
                "rita",
                &timeline,
                at(5 * 24),
            )
            .unwrap(),
        );
        let day = at(3 * 24).to_zoned(TimeZone::UTC).date();
        let later = met
            .announced_by_letter(Some(day))
            .and_then(|case| case.take_lane(Lane::Asap))
            .unwrap();
        let clocks = deadlines(&later, &timeline, at(6 * 24));
        assert_eq!(
            clocks[1].state,
            DeadlineState::Stopped {
                at: at(5 * 24),
                late: false
            }
        );
        assert_eq!(clocks[0].state, DeadlineState::PassedOver);
        assert!(take_back(&later, Step::Release, "rita", &timeline, at(6 * 24)).is_err());
        assert!(
            after(take_back(&later, Step::Fix, "rita", &timeline, at(6 * 24)).unwrap())
                .course()
                .reached
                .is_empty()
        );
    }

    #[test]
    fn a_responders_word_on_disclosure_counts_for_more_than_letters() {
        let timeline = Timeline::default();
        let day = |days: i64| at(days * 24).to_zoned(TimeZone::UTC).date();
        let said = after(announced(&case(), None, "rita", &timeline, at(2)).unwrap());
        assert!(disclosure(&said, Some(day(9)), false, &timeline, at(3)).is_none());
        assert_eq!(
            announced(&case(), Some(day(-3)), "rita", &timeline, at(2)),
            Err(NotNow::Past)
        );
    }

    #[test]
    fn strangers_letters_wake_nobody_at_night() {
        let timeline = Timeline::default();
        let blob = Case::restore(CaseParts {
            standing: Standing::NeedsHuman,
            draft: Draft::None,
            ..parts()
        });
        let mut calls = Decision::default();
        call_for_clocks(blob, &timeline, at(22 * 24), &mut calls);
        assert_eq!(
            calls.effects.iter().map(|e| e.work).collect::<Vec<_>>(),
            [Work::CallByMail(Reason::FixTeamMissed)]
        );
    }

    #[test]
    fn nothing_is_announced_before_its_hour_unless_it_is_public() {
        let timeline = Timeline::default();
        assert!(matches!(
            may_announce(&case(), at(2)),
            Err(NotNow::NotReleased(_))
        ));
        let agreed =
            after(agree_release(&case(), Some(at(20 * 24)), "rita", &timeline, at(2)).unwrap());
        let released =
            after(reach(&agreed, Step::Release, at(9), "rita", &timeline, at(9)).unwrap());
        assert_eq!(
            may_announce(&released, at(9)),
            Err(NotNow::BeforeHour(at(20 * 24)))
        );
        assert_eq!(
            may_announce(
                &after(agree_release(&released, None, "rita", &timeline, at(9)).unwrap()),
                at(9)
            ),
            Ok(())
        );
        let broken =
            after(tracker_moved(&agreed, AdvisoryState::Published, &timeline, at(9)).unwrap());
        assert_eq!(may_announce(&broken, at(9)), Ok(()));
        let ended = after(
            reach(
                &broken,
                Step::Retrospective,
                at(99),
                "rita",
                &timeline,
                at(99),
            )
            .unwrap(),
        );
        assert_eq!(
            take_back(&ended, Step::Release, "rita", &timeline, at(99)),
            Err(NotNow::RestsOnIt(Step::Retrospective, Step::Release))
        );
    }

    #[test]
    fn a_case_is_closed_only_once_its_reporter_was_answered() {
        let waits = Case::restore(CaseParts {
            acknowledgement: Acknowledgement::by_hand(at(24)),
            ..parts()
        });
        assert!(matches!(
            close(&waits, Closing::Rejected, &[], "rita", at(2)),
            Err(NotNow::Unanswered(_))
        ));
        let closed = after(close(&case(), Closing::Rejected, &[], "rita", at(2)).unwrap());
        assert!(
            !runs(&closed)
                && reach(
                    &closed,
                    Step::Fix,
                    at(3),
                    "rita",
                    &Timeline::default(),
                    at(3)
                )
                .is_err()
        );
        assert!(runs(&after(reopen(&closed, "rita").unwrap())));
    }
}
