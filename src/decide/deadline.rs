//! Which clocks of the policy run for a case, by when, and who is called for them?

use crate::decide::{Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::{Called, Case, Draft, Standing};
use crate::model::course::{Course, Lane, Step};
use crate::model::effect::{Effect, Reason, Work};
use crate::model::journal::JournalEvent;
use crate::model::timeline::Timeline;
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A clock of the policy, as it stands for one case.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Deadline {
    pub step: Step,
    /// Not before this: the window of the policy opens.
    pub opens: Timestamp,
    pub deadline: Timestamp,
    #[serde(flatten)]
    pub state: DeadlineState,
    /// Why the deadline is where it is.
    pub because: Because,
}

/// Whether a clock runs, stands still, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DeadlineState {
    Running,
    /// It stands still until an upstream discloses.
    Waiting,
    /// The step was reached; `late` compares with the deadline of that moment.
    Stopped {
        at: Timestamp,
        late: bool,
    },
    /// Never reached, and a later step was.
    PassedOver,
}

/// What set a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The windows of the policy, in the normal lane.
    Policy,
    SlowLane,
    AsapLane,
    /// Fix team and security team agreed on it.
    Agreed,
    /// The reporter publishes on that day.
    Announced,
    /// It waited for an upstream.
    Upstream,
}

impl Because {
    /// What set the deadline, as a noun phrase that stands within a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Policy => "the policy",
            Self::SlowLane => "the slow lane",
            Self::AsapLane => "the fast lane",
            Self::Agreed => "the agreed release day",
            Self::Announced => "what is known of disclosure",
            Self::Upstream => "the wait for an upstream",
        }
    }
}

/// The agreed hour is when a release begins: to merge, build and publish takes its time, and nobody
/// is called for it.
const RELEASE_TAKES: SignedDuration = SignedDuration::from_hours(2);

/// Whether the clocks after the acknowledgement run: for what is, or may be, a report.
pub fn runs(case: &Case) -> bool {
    match case.standing() {
        Standing::Closed { .. } => false,
        Standing::Open => *case.draft() != Draft::None,
        Standing::Unread | Standing::NeedsHuman => true,
    }
}

/// The clocks of a case that have started, in the order of the policy.
pub fn deadlines(case: &Case, timeline: &Timeline, now: Timestamp) -> Vec<Deadline> {
    clocks_of(case.opened_at(), case.course(), timeline, now)
}

/// As [`deadlines`], for a course that a case has not, or not yet.
pub(super) fn clocks_of(
    opened_at: Timestamp,
    course: &Course,
    timeline: &Timeline,
    now: Timestamp,
) -> Vec<Deadline> {
    Step::ALL
        .into_iter()
        .filter_map(|step| clock(opened_at, course, step, timeline, now))
        .collect()
}

fn clock(
    opened_at: Timestamp,
    course: &Course,
    step: Step,
    timeline: &Timeline,
    now: Timestamp,
) -> Option<Deadline> {
    let start = match step {
        Step::Retrospective => course.reached.get(&Step::Release)?.at,
        _ => opened_at,
    };
    let window = timeline.window(step, course.lane);
    let pauses = matches!(step, Step::Fix | Step::Release);
    let waited = if pauses {
        waited(course, now)
    } else {
        SignedDuration::ZERO
    };
    let mut deadline = start + window.to + waited;
    let mut because = match course.lane {
        _ if waited > SignedDuration::ZERO => Because::Upstream,
        Lane::Slow if step != Step::Retrospective => Because::SlowLane,
        Lane::Asap if step != Step::Retrospective => Because::AsapLane,
        _ => Because::Policy,
    };
    if pauses
        && let Some(day) = course
            .announced
            .and_then(midnight)
            .filter(|day| *day < deadline)
    {
        (deadline, because) = (day.max(start), Because::Announced);
    }
    // What was agreed holds against the policy, and not against an emergency.
    let pressing = matches!(because, Because::Announced | Because::AsapLane);
    if step == Step::Release
        && let Some(day) = course
            .release_day
            .filter(|day| !pressing || *day <= deadline)
    {
        (deadline, because) = (day, Because::Agreed);
    }
    let state = match course.reached.get(&step) {
        Some(reached) => {
            deadline = reached.deadline;
            let agreed = step == Step::Release && course.release_day == Some(reached.deadline);
            let patience = if agreed {
                RELEASE_TAKES
            } else {
                SignedDuration::ZERO
            };
            DeadlineState::Stopped {
                at: reached.at,
                late: reached.at > reached.deadline + patience,
            }
        }
        None if course.reached.keys().any(|later| *later > step) => DeadlineState::PassedOver,
        None if pauses && course.waiting_since.is_some() => DeadlineState::Waiting,
        None => DeadlineState::Running,
    };
    Some(Deadline {
        step,
        opens: (start + window.from).min(deadline),
        deadline,
        state,
        because,
    })
}

fn waited(course: &Course, now: Timestamp) -> SignedDuration {
    let running = course.waiting_since.map_or(SignedDuration::ZERO, |since| {
        now.duration_since(since).max(SignedDuration::ZERO)
    });
    SignedDuration::from_millis(course.waited_ms) + running
}

pub(super) fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Calls responders where a clock is near its end, and again when it is over. Returns the case with
/// these calls noted.
pub(super) fn call_for_clocks(
    mut case: Case,
    timeline: &Timeline,
    now: Timestamp,
    decision: &mut Decision,
) -> Case {
    if !runs(&case) {
        return case;
    }
    for clock in deadlines(&case, timeline, now) {
        if clock.state != DeadlineState::Running {
            continue;
        }
        let remind = timeline.window(clock.step, case.course().lane).remind;
        let patience = if clock.because == Because::Agreed {
            RELEASE_TAKES
        } else {
            SignedDuration::ZERO
        };
        let (next, reason, event) = if now >= clock.deadline + patience {
            (
                Called::Missed,
                missed(clock.step),
                JournalEvent::DeadlineOver,
            )
        } else if now >= clock.deadline - remind {
            (Called::Near, near(clock.step), JournalEvent::DeadlineNear)
        } else {
            continue;
        };
        let called = case.course().called.get(&clock.step).copied();
        if called.unwrap_or_default() >= next {
            continue;
        }
        // What nobody took for a report yet is reminded of once, and by mail alone: strangers could
        // send a hundred of them.
        let accepted = matches!(case.draft(), Draft::Queued | Draft::Filed { .. });
        if !accepted && clock.step != Step::FixTeam {
            continue;
        }
        case = case.called_for_step(clock.step, next);
        decision.effects.extend(
            Effect::call(reason, case.id(), now)
                .into_iter()
                .filter(|e| accepted || matches!(e.work, Work::CallByMail(_))),
        );
        decision.journal.push(Entry::of(
            case.id(),
            event,
            format!(
                "{}: {}",
                clock.step.as_str(),
                clock.deadline.strftime("%Y-%m-%d %H:%M UTC")
            ),
        ));
    }
    case
}

fn near(step: Step) -> Reason {
    match step {
        Step::FixTeam => Reason::FixTeamDue,
        Step::Fix => Reason::FixDue,
        Step::Release => Reason::ReleaseDue,
        Step::Retrospective => Reason::RetrospectiveDue,
    }
}

fn missed(step: Step) -> Reason {
    match step {
        Step::FixTeam => Reason::FixTeamMissed,
        Step::Fix => Reason::FixMissed,
        Step::Release => Reason::ReleaseMissed,
        Step::Retrospective => Reason::RetrospectiveMissed,
    }
}

/// The deadline that comes first, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Due {
    /// `acknowledgement`, or a step.
    pub what: String,
    pub deadline: Timestamp,
}

/// The earliest of the pending acknowledgement and the running clocks. `None`: nothing is due, or
/// all that is left waits for an upstream.
pub fn next_due(case: &Case, timeline: &Timeline, now: Timestamp) -> Option<Due> {
    let acknowledgement = case.acknowledgement().pending().map(|(deadline, _)| Due {
        what: "acknowledgement".to_owned(),
        deadline,
    });
    let running = if runs(case) {
        deadlines(case, timeline, now)
    } else {
        Vec::new()
    };
    let running = running
        .into_iter()
        .filter(|clock| clock.state == DeadlineState::Running);
    acknowledgement
        .into_iter()
        .chain(running.map(|clock| Due {
            what: clock.step.as_str().to_owned(),
            deadline: clock.deadline,
        }))
        .min_by_key(|due| due.deadline)
}
