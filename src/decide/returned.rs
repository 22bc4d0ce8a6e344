//! What follows from a mail system's word on a letter of ours?

use crate::decide::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::{Effect, Reason};
use crate::model::ids::IntakeId;
use crate::model::journal::JournalEvent;
use crate::model::reading::DeliveryOutcome;

/// An answer of ours that came back.
#[derive(Clone, Copy, Debug)]
pub struct Returned<'a> {
    pub case: &'a Case,
    /// Where it was sent, where the letter says of which it speaks.
    pub address: Option<&'a Address>,
    /// The letter that speaks of it.
    pub intake: IntakeId,
}

/// A failure calls a human and marks the address; a delay is written down, and so is a delivery.
pub fn on_returned(returned: &Returned<'_>, outcome: DeliveryOutcome, now: Timestamp) -> Decision {
    let Returned {
        case,
        address,
        intake,
    } = returned;
    let entry = |event| Entry::of(case.id(), event, intake.to_string());
    match outcome {
        DeliveryOutcome::Failed => Decision {
            letter_of: Some(case.id().clone()),
            unreachable: address.cloned(),
            ..to_human(
                case,
                *intake,
                Reason::AnswerBounced,
                JournalEvent::AnswerCameBackUndelivered,
                true,
                now,
            )
        },
        DeliveryOutcome::Delayed => Decision {
            letter_of: Some(case.id().clone()),
            journal: vec![entry(JournalEvent::AnswerDelayed)],
            ..Decision::default()
        },
        DeliveryOutcome::Arrived => Decision {
            letter_of: Some(case.id().clone()),
            journal: vec![entry(JournalEvent::AnswerWasDelivered)],
            ..Decision::default()
        },
    }
}

/// A case that a machine can't take further.
pub(super) fn to_human(
    case: &Case,
    intake: IntakeId,
    reason: Reason,
    event: JournalEvent,
    in_clear: bool,
    call_at: Timestamp,
) -> Decision {
    // One that is closed stays closed: who reads the call decides.
    let after = case.clone().needs_human().unwrap_or_else(|_| case.clone());
    Decision {
        case: Some(CaseChange::update(case, after)),
        effects: Effect::call_about_letter(reason, case.id(), intake, in_clear, call_at),
        journal: vec![Entry::of(case.id(), event, intake.to_string())],
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::Acknowledgement;
    use crate::model::effect::Work;
    use crate::model::ids::CaseId;

    #[test]
    fn a_failure_calls_a_human_and_a_delay_does_not() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let id = CaseId::from_random([1; 10]);
        let case = Case::arrived(id, now, Acknowledgement::due(now), None, None)
            .open()
            .and_then(|case| case.acknowledged(now, true))
            .unwrap();
        let address = Address::parse("ada@b.example").unwrap();
        let returned = Returned {
            case: &case,
            address: Some(&address),
            intake: IntakeId(4),
        };
        let failed = on_returned(&returned, DeliveryOutcome::Failed, now);
        assert_eq!(
            failed.effects[0].work,
            Work::CallByMail(Reason::AnswerBounced)
        );
        assert_eq!(failed.unreachable, Some(address.clone()));
        for outcome in [DeliveryOutcome::Delayed, DeliveryOutcome::Arrived] {
            let decision = on_returned(&returned, outcome, now);
            assert!(decision.effects.is_empty() && decision.unreachable.is_none());
        }
        // Nobody is muted for a report that names no letter of ours.
        let of_nobody = Returned {
            address: None,
            ..returned
        };
        let failed = on_returned(&of_nobody, DeliveryOutcome::Failed, now);
        assert!(failed.unreachable.is_none() && !failed.effects.is_empty());
    }
}
