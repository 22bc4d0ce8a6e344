//! How does a case move on its way to release and retrospective?
//!
//! The course of a closed case stands still: every transition that moves it fails there. Which
//! moments and which order of steps the policy allows is for [`decide`](crate::decide) to say, and
//! so is by when a step is due.

use super::{Acknowledgement, AdvisoryState, Called, Case, Draft, InvalidTransition, Standing};
use crate::model::Timestamp;
use crate::model::course::{Course, Lane, Reached, Step};
use crate::model::ids::CaseId;
use jiff::civil::Date;

impl Case {
    /// A step is reached. Fails where it was reached before: what moves later changes no verdict.
    pub fn reach(self, step: Step, reached: Reached) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if course.reached.insert(step, reached).is_some() {
            return Err(InvalidTransition {
                what: step.as_str(),
                from: "reached",
            });
        }
        Ok(Self { course, ..self })
    }

    /// A step was not reached after all. Fails where nobody said that it was.
    pub fn take_back(self, step: Step) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if course.reached.remove(&step).is_none() {
            return Err(InvalidTransition {
                what: step.as_str(),
                from: "open",
            });
        }
        Ok(Self { course, ..self })
    }

    /// It takes another lane. Fails where it is in that lane.
    pub fn take_lane(self, lane: Lane) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if course.lane == lane {
            return Err(InvalidTransition {
                what: "lane",
                from: lane.as_str(),
            });
        }
        course.lane = lane;
        Ok(Self { course, ..self })
    }

    /// It waits for an upstream's disclosure from now on. Fails where it waits already.
    pub fn wait_for_upstream(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if course.waiting_since.is_some() {
            return Err(InvalidTransition {
                what: "wait",
                from: "begun",
            });
        }
        course.waiting_since = Some(now);
        Ok(Self { course, ..self })
    }

    /// The upstream disclosed, and how long the case waited is added up. Fails where it does not
    /// wait.
    pub fn go_on(self, now: Timestamp) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        let since = course.waiting_since.take().ok_or(InvalidTransition {
            what: "wait",
            from: "over",
        })?;
        course.waited_ms += i64::try_from(now.duration_since(since).as_millis())
            .unwrap_or(0)
            .max(0);
        Ok(Self { course, ..self })
    }

    /// Fix team and security team agreed on a release day; `None` takes it back.
    pub fn agree_release(self, day: Option<Timestamp>) -> Result<Self, InvalidTransition> {
        let course = Course {
            release_day: day,
            ..self.course_to_move()?
        };
        Ok(Self { course, ..self })
    }

    /// A letter says on which day its writer publishes. A letter that names no day changes nothing,
    /// and none does after a responder's word.
    pub fn announced_by_letter(self, day: Option<Date>) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if !course.announced_manually {
            course.announced = day.or(course.announced);
        }
        Ok(Self { course, ..self })
    }

    /// A responder says on which day the reporter publishes; `None`: they named none.
    pub fn announced_by_responder(self, day: Option<Date>) -> Result<Self, InvalidTransition> {
        let course = Course {
            announced: day,
            announced_manually: true,
            ..self.course_to_move()?
        };
        Ok(Self { course, ..self })
    }

    /// The tracker shows the advisory in a state. Fails where it did so before.
    pub fn tracker_shows(self, state: AdvisoryState) -> Result<Self, InvalidTransition> {
        let mut course = self.course_to_move()?;
        if course.advisory.replace(state) == Some(state) {
            return Err(InvalidTransition {
                what: "advisory",
                from: state.as_str(),
            });
        }
        Ok(Self { course, ..self })
    }

    /// Responders were called for a step. It moves nothing, so it takes every state.
    pub fn called_for_step(mut self, step: Step, called: Called) -> Self {
        self.course.called.insert(step, called);
        self
    }

    /// The deadline of a step moved: responders are called for it as if they never were. Takes
    /// every state.
    pub fn call_anew(mut self, step: Step) -> Self {
        self.course.called.remove(&step);
        self
    }

    /// One of several vulnerabilities becomes a case of its own, on the way that this one has come.
    /// Its reporter was answered here, and a responder confirms its draft. Fails where this case is
    /// closed.
    pub fn split_off(&self, child: CaseId) -> Result<Self, InvalidTransition> {
        self.standing.not_closed()?;
        let course = &self.course;
        let root = course.part_of.as_ref().unwrap_or(&self.id);
        let fix_team = course.reached.get(&Step::FixTeam);
        Ok(Self {
            id: child,
            opened_at: self.opened_at,
            standing: Standing::Open,
            acknowledgement: Acknowledgement::NotOwed,
            draft: Draft::AwaitsConfirmation,
            perhaps_of: None,
            course: Course {
                lane: course.lane,
                announced: course.announced,
                announced_manually: course.announced_manually,
                // Nobody is called twice for one deadline.
                called: course.called.clone(),
                part_of: Some(root.clone()),
                reached: fix_team
                    .map(|at| (Step::FixTeam, *at))
                    .into_iter()
                    .collect(),
                release_day: course.release_day,
                waiting_since: course.waiting_since,
                waited_ms: course.waited_ms,
                ..Course::default()
            },
        })
    }

    /// The course, to be moved. Fails where the case is closed.
    fn course_to_move(&self) -> Result<Course, InvalidTransition> {
        self.standing.not_closed()?;
        Ok(self.course.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::Closing;

    const AT: Timestamp = Timestamp::UNIX_EPOCH;
    const REACHED: Reached = Reached {
        at: AT,
        deadline: AT,
    };

    fn case() -> Case {
        let id = CaseId::from_random([1; 10]);
        Case::arrived(id, AT, Acknowledgement::NotOwed, None, None)
    }

    type Transition = fn(Case) -> Result<Case, InvalidTransition>;

    /// Each transition that moves a course, and whether it may follow upon itself.
    const MOVES: [(&str, Transition, bool); 9] = [
        ("reach", |case| case.reach(Step::Fix, REACHED), false),
        ("take_lane", |case| case.take_lane(Lane::Asap), false),
        ("wait", |case| case.wait_for_upstream(AT), false),
        (
            "tracker_shows",
            |case| case.tracker_shows(AdvisoryState::Draft),
            false,
        ),
        ("agree_release", |case| case.agree_release(Some(AT)), true),
        (
            "announced_by_letter",
            |case| case.announced_by_letter(Some(Date::MAX)),
            true,
        ),
        (
            "announced_by_responder",
            |case| case.announced_by_responder(None),
            true,
        ),
        (
            "take_back",
            |case| case.reach(Step::Fix, REACHED)?.take_back(Step::Fix),
            true,
        ),
        ("go_on", |case| case.wait_for_upstream(AT)?.go_on(AT), true),
    ];

    #[test]
    fn the_course_of_an_open_case_moves_and_that_of_a_closed_one_stands_still() {
        let open = case().open().unwrap();
        let looked_at = case().needs_human().unwrap();
        let closed = case().close(AT, Closing::Rejected).unwrap();
        for (name, transition, repeats) in MOVES {
            for case in [case(), open.clone(), looked_at.clone()] {
                let moved = transition(case).unwrap();
                assert_eq!(transition(moved).is_ok(), repeats, "{name} twice");
            }
            assert!(transition(closed.clone()).is_err(), "{name} when closed");
        }
        assert!(closed.split_off(CaseId::from_random([2; 10])).is_err());
    }

    #[test]
    fn what_was_not_begun_cannot_be_ended() {
        assert!(case().take_back(Step::Fix).is_err());
        assert!(case().go_on(AT).is_err());
    }

    #[test]
    fn a_step_keeps_its_first_verdict() {
        let late = Reached {
            at: Timestamp::MAX,
            ..REACHED
        };
        let reached = case().reach(Step::Fix, REACHED).unwrap();
        assert!(reached.clone().reach(Step::Fix, late).is_err());
        assert_eq!(reached.course.reached[&Step::Fix], REACHED);
    }

    #[test]
    fn waits_add_up_and_a_clock_that_ran_back_takes_none_away() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut case = case();
        for (since, until, waited_ms) in [(10, 12, 2_000), (20, 25, 7_000), (40, 30, 7_000)] {
            case = case
                .wait_for_upstream(at(since))
                .and_then(|case| case.go_on(at(until)))
                .unwrap();
            assert_eq!(case.course.waited_ms, waited_ms);
            assert_eq!(case.course.waiting_since, None);
        }
    }

    #[test]
    fn a_letter_says_nothing_against_a_responder() {
        let day = Some(Date::MAX);
        let heard = case().announced_by_letter(day).unwrap();
        assert_eq!(heard.course.announced, day);
        let silent = heard.announced_by_letter(None).unwrap();
        assert_eq!(silent.course.announced, day);
        let said = silent.announced_by_responder(None).unwrap();
        let later = said.announced_by_letter(day).unwrap();
        assert_eq!(later.course.announced, None);
    }

    #[test]
    fn calls_are_noted_and_forgotten_in_every_state() {
        let closed = case().close(AT, Closing::Rejected).unwrap();
        for case in [case(), closed] {
            let called = case.clone().called_for_step(Step::Fix, Called::Near);
            assert_eq!(called.course.called[&Step::Fix], Called::Near);
            assert_eq!(called.call_anew(Step::Fix), case);
        }
    }

    #[test]
    fn a_part_goes_the_same_way_under_its_own_name() {
        let id = |n| CaseId::from_random([n; 10]);
        let whole = case()
            .reach(Step::FixTeam, REACHED)
            .and_then(|case| case.reach(Step::Fix, REACHED))
            .and_then(|case| case.take_lane(Lane::Slow))
            .and_then(|case| case.tracker_shows(AdvisoryState::Draft))
            .unwrap()
            .called_for_step(Step::Release, Called::Near);
        let part = whole.split_off(id(2)).unwrap();
        assert_eq!((part.id(), part.standing()), (&id(2), &Standing::Open));
        assert_eq!(part.course.part_of, Some(id(1)));
        assert_eq!(part.course.lane, Lane::Slow);
        assert_eq!(part.course.called, whole.course.called);
        // It has a team; its fix and its advisory are its own.
        assert_eq!(part.course.reached, [(Step::FixTeam, REACHED)].into());
        assert_eq!(part.course.advisory, None);
        // Its own parts belong to the same report.
        let further = part.split_off(id(3)).unwrap();
        assert_eq!(further.course.part_of, Some(id(1)));
    }
}
