//! What follows from time passing? Idempotent: asking twice at one moment changes nothing.

use crate::decide::deadline::call_for_clocks;
use crate::decide::{CaseChange, Decision, Entry, Policy};
use crate::model::Timestamp;
use crate::model::case::{Called, Case};
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;

/// Calls humans where a deadline of the case is near, and again when it is over.
pub fn on_clock(case: &Case, policy: &Policy, now: Timestamp) -> Decision {
    let mut decision = on_acknowledgement(case, policy, now);
    let course = call_for_clocks(case, &policy.timeline, now, &mut decision);
    if course != case.course {
        let after = match decision.case.take() {
            Some(CaseChange::Update { after, .. }) => after,
            _ => case.clone(),
        };
        decision.case = Some(CaseChange::update(case, Case { course, ..after }));
    }
    decision
}

fn on_acknowledgement(case: &Case, policy: &Policy, now: Timestamp) -> Decision {
    let Some((deadline, called)) = case.acknowledgement.pending() else {
        return Decision::default();
    };
    let (next, reason, event) = if now >= deadline {
        (
            Called::Missed,
            Reason::AcknowledgementMissed,
            JournalEvent::AcknowledgementDeadlineOver,
        )
    } else if now >= deadline - policy.alarm_before {
        (
            Called::Near,
            Reason::AcknowledgementDue,
            JournalEvent::AcknowledgementDeadlineNear,
        )
    } else {
        return Decision::default();
    };
    if called >= next {
        return Decision::default();
    }
    Decision {
        case: Some(CaseChange::update(
            case,
            Case {
                acknowledgement: case.acknowledgement.clone().called(next),
                ..case.clone()
            },
        )),
        effects: Effect::call(reason, &case.id, now),
        journal: vec![Entry::of(&case.id, event, deadline.to_string())],
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::{Acknowledgement, Draft, Standing};
    use crate::model::course::Course;
    use crate::model::effect::Work;
    use crate::model::ids::CaseId;

    #[test]
    fn humans_are_called_four_hours_before_and_at_the_end_and_once_each() {
        let at = |hours: i64| Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap();
        let due = Acknowledgement::Due {
            deadline: at(24),
            called: Called::No,
        };
        let case = Case {
            id: CaseId::from_random([1; 10]),
            opened_at: at(0),
            standing: Standing::Open,
            acknowledgement: due,
            draft: Draft::None,
            perhaps_of: None,
            course: Course::default(),
        };
        assert_eq!(
            on_clock(&case, &Policy::default(), at(19)),
            Decision::default()
        );
        let called = on_clock(&case, &Policy::default(), at(20));
        assert_eq!(called.effects.len(), 2);
        let Some(CaseChange::Update { after, .. }) = called.case else {
            panic!()
        };
        assert_eq!(
            on_clock(&after, &Policy::default(), at(21)),
            Decision::default()
        );
        let missed = on_clock(&after, &Policy::default(), at(24));
        assert_eq!(
            missed.effects[0].work,
            Work::CallByMail(Reason::AcknowledgementMissed)
        );
        let Some(CaseChange::Update { after, .. }) = missed.case else {
            panic!()
        };
        assert_eq!(
            on_clock(&after, &Policy::default(), at(99)),
            Decision::default()
        );
    }
}
