//! What becomes of a letter that looked like a machine's from outside, and so has no case?

use crate::decide::{CaseChange, Decision, Entry, Participant, Policy};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::effect::{Effect, Reason};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use crate::model::reading::Reading;

/// A letter without a case.
#[derive(Clone, Copy, Debug)]
pub struct Stray<'a> {
    pub intake: IntakeId,
    /// On the mail server.
    pub received_at: Timestamp,
    pub originator: Option<&'a Address>,
    /// Our own server, or DNS, vouches for its originator.
    pub is_proven: bool,
    /// No reader could read it.
    pub is_set_aside: bool,
}

/// It was read, or set aside. One in clear that reports something after all opens a case. A sealed one
/// does so whatever it held, and at an hour that its arrival fixed: whoever sends an old ciphertext
/// again learns nothing from what follows.
pub fn on_stray(
    stray: &Stray<'_>,
    reading: Option<&Reading>,
    new_case: CaseId,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let is_sealed = reading.is_none_or(Reading::came_sealed);
    let mut decision = if is_sealed {
        let due = policy.stray_opens_at(stray.received_at, now);
        Decision {
            effects: vec![Effect::open_case(stray.intake, due)],
            ..Decision::default()
        }
    } else if reading.is_some_and(|reading| reading.kind.has_report()) {
        return open_stray(stray, true, new_case, policy, now);
    } else {
        Decision::default()
    };
    let event = if stray.is_set_aside {
        JournalEvent::LetterSetAside
    } else {
        JournalEvent::LetterRead
    };
    let entry = Entry::of_desk(event, stray.intake.to_string());
    decision.journal.push(entry);
    decision
}

/// Opens its case, on the server's clock; a human answers it.
pub fn open_stray(
    stray: &Stray<'_>,
    in_clear: bool,
    new_case: CaseId,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let start = stray.received_at.min(now);
    let case = Case::found_on_reading(new_case, start, start + policy.acknowledge_within);
    let (id, intake) = (case.id().clone(), stray.intake);
    Decision {
        letter_of: Some(id.clone()),
        participant: stray.originator.cloned().map(|address| Participant {
            address,
            is_proven: stray.is_proven,
        }),
        effects: Effect::call_about_letter(Reason::AnswerByHand, &id, intake, in_clear, now),
        journal: vec![Entry::of(
            &id,
            JournalEvent::CaseOpenedOnReading,
            intake.to_string(),
        )],
        case: Some(CaseChange::Open(case)),
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::on_reading::tests::{now, reading};
    use crate::model::effect::Work;
    use crate::model::reading::LetterKind;
    use jiff::SignedDuration;

    const STRAY: Stray<'_> = Stray {
        intake: IntakeId(1),
        received_at: Timestamp::UNIX_EPOCH,
        originator: None,
        is_proven: false,
        is_set_aside: false,
    };

    fn stray() -> Stray<'static> {
        Stray {
            received_at: now(),
            ..STRAY
        }
    }

    #[test]
    fn a_sealed_one_gets_its_case_at_one_hour_whatever_it_held_and_whatever_reading_took() {
        let policy = Policy {
            sealed_call_tick: SignedDuration::from_secs(5),
            ..Policy::default()
        };
        let follows = |reading: Option<&Reading>, took_s| {
            let stray = Stray {
                is_set_aside: reading.is_none(),
                ..stray()
            };
            let read_at = now() + SignedDuration::from_secs(took_s);
            let id = CaseId::from_random([1; 10]);
            let decision = on_stray(&stray, reading, id, &policy, read_at);
            assert!(decision.case.is_none());
            decision.effects
        };
        let expected = follows(Some(&reading(LetterKind::Report, true, false)), 0);
        assert_eq!(expected.len(), 1);
        for kind in [
            LetterKind::KeyRequest,
            LetterKind::AutoReply,
            LetterKind::Spam,
            LetterKind::Other,
        ] {
            let sealed = reading(kind, true, false);
            assert_eq!(follows(Some(&sealed), 20), expected, "{kind:?}");
            let clear = reading(kind, false, false);
            assert_eq!(follows(Some(&clear), 0), [], "{kind:?}");
        }
        assert_eq!(follows(None, 45), expected);
    }

    #[test]
    fn a_report_in_clear_opens_its_case_at_once() {
        let report = reading(LetterKind::Report, false, true);
        let id = CaseId::from_random([1; 10]);
        let policy = Policy::default();
        let decision = on_stray(&stray(), Some(&report), id.clone(), &policy, now());
        assert_eq!(decision.letter_of, Some(id));
        let works = decision.effects.iter().map(|effect| effect.work);
        assert!(works.eq([
            Work::CallByMail(Reason::AnswerByHand),
            Work::CallBySecondPath(Reason::AnswerByHand)
        ]));
    }
}
