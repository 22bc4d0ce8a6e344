//! What follows from time passing? Idempotent: asking twice at one moment changes nothing.

use crate::decide::deadline::call_for_clocks;
use crate::decide::{CaseChange, Decision, Entry, Policy};
use crate::model::Timestamp;
use crate::model::case::{Called, Case};
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;

/// Calls humans where a deadline of the case is near, and again when it is over.
pub fn on_clock(case: &Case, policy: &Policy, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let after = call_for_answer(case.clone(), policy, now, &mut decision);
    let after = call_for_clocks(after, &policy.timeline, now, &mut decision);
    if after != *case {
        decision.case = Some(CaseChange::update(case, after));
    }
    decision
}

/// Calls responders where the acknowledgement is nearly due, and again when it is overdue.
fn call_for_answer(case: Case, policy: &Policy, now: Timestamp, decision: &mut Decision) -> Case {
    let Some((deadline, called)) = case.acknowledgement().pending() else {
        return case;
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
        return case;
    };
    if called >= next {
        return case;
    }
    decision.effects = Effect::call(reason, case.id(), now);
    decision.journal = vec![Entry::of(case.id(), event, deadline.to_string())];
    case.called_for_answer(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::Acknowledgement;
    use crate::model::effect::Work;
    use crate::model::ids::CaseId;

    #[test]
    fn humans_are_called_four_hours_before_and_at_the_end_and_once_each() {
        let at = |hours: i64| Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap();
        let id = CaseId::from_random([1; 10]);
        let case = Case::arrived(id, at(0), Acknowledgement::due(at(24)), None, None)
            .open()
            .unwrap();
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
