//! What follows from the outside of a letter?

use super::policy::READING_GRACE;
use super::{CaseChange, Decision, Entry, Policy};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Case, Draft, Standing};
use crate::model::effect::{Effect, Reason};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::letter::{Dmarc, NoAnswer, Outer};

/// A letter that has just become durable here.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    pub intake: IntakeId,
    /// On the mail server (INTERNALDATE).
    pub received_at: Timestamp,
    pub outer: &'a Outer,
    /// From before `answer_from`: kept and shown, never answered.
    pub old: bool,
    /// The name of the case, should one be opened.
    pub new_case: CaseId,
}

/// What the store knows of the people and threads that the outer letter names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acquaintance {
    /// A case that References, In-Reply-To or a tag point to.
    pub thread: Option<Thread>,
    /// The case whose answer bears the envelope tag that this letter was sent to.
    pub returned_to: Option<CaseId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub case: CaseId,
    /// The originator wrote in that case before.
    pub originator_in_case: bool,
}

pub fn on_arrival(arrival: &Arrival<'_>, known: &Acquaintance, policy: &Policy, now: Timestamp) -> Decision {
    let refusal = arrival.outer.answer.as_ref().err().copied();
    if let Some(case) = &known.returned_to
        && refusal.is_some()
    {
        return returned(arrival, case, refusal, now);
    }
    if arrival.old {
        return Decision { journal: vec![Entry::of_desk("old letter kept", arrival.intake.to_string())], ..Decision::default() };
    }
    match refusal {
        // RFC 3834 section 2: answering a machine can start a loop; and nobody waits for an answer.
        Some(why) if why.is_machine() => Decision { journal: vec![Entry::of_desk("machine letter kept", arrival.intake.to_string())], ..Decision::default() },
        _ => match &known.thread {
            // Joining silently takes proof: a known originator whose domain our own server vouches for.
            Some(thread) if thread.originator_in_case && arrival.outer.dmarc == Dmarc::Pass => Decision {
                letter_of: Some(thread.case.clone()),
                journal: vec![Entry::of(&thread.case, "follow-up arrived", arrival.intake.to_string())],
                ..Decision::default()
            },
            thread => open(arrival, thread.as_ref().map(|t| t.case.clone()), policy, now),
        },
    }
}

/// A machine wrote to the tagged address of one of our answers: a report of non-delivery, or an auto-reply.
fn returned(arrival: &Arrival<'_>, case: &CaseId, refusal: Option<NoAnswer>, now: Timestamp) -> Decision {
    let undelivered = matches!(refusal, Some(NoAnswer::DeliveryReport | NoAnswer::ReturnPath(_)));
    Decision {
        letter_of: Some(case.clone()),
        effects: if undelivered { Effect::call(Reason::AnswerBounced, case, now) } else { Vec::new() },
        journal: vec![Entry::of(case, if undelivered { "answer came back undelivered" } else { "a machine answered" }, arrival.intake.to_string())],
        ..Decision::default()
    }
}

fn open(arrival: &Arrival<'_>, perhaps_of: Option<CaseId>, policy: &Policy, now: Timestamp) -> Decision {
    let id = arrival.new_case.clone();
    // A server's clock that runs ahead must not stretch the promise.
    let start = arrival.received_at.min(now);
    let deadline = start + policy.acknowledge_within;
    let mut effects = Vec::new();
    let acknowledgement = if arrival.outer.answer.is_ok() {
        let due = (start + policy.acknowledge_delay).max(now + READING_GRACE);
        effects.push(Effect::acknowledge(&id, arrival.intake, due));
        Acknowledgement::Due { deadline, alarmed: false }
    } else {
        effects.extend(Effect::call(Reason::AnswerByHand, &id, now));
        Acknowledgement::ByHand { deadline, alarmed: false }
    };
    if perhaps_of.is_some() {
        effects.extend(Effect::call(Reason::PerhapsFollowUp, &id, now));
    }
    Decision {
        letter_of: Some(id.clone()),
        participant: arrival.outer.originator.clone(),
        journal: vec![Entry::of(&id, "case opened", arrival.intake.to_string())],
        case: Some(CaseChange::Open(Case { id, opened_at: start, standing: Standing::Unread, acknowledgement, draft: Draft::None, perhaps_of })),
        effects,
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::{Address, NoReplyAddress, ReplyAddress};
    use crate::model::effect::Work;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap()
    }

    fn outer(answer: Result<ReplyAddress, NoAnswer>) -> Outer {
        Outer {
            originator: Address::parse("ada@b.example").ok(),
            message_id: None,
            date: None,
            threads: Vec::new(),
            recipients: Vec::new(),
            subject: String::new(),
            dmarc: Dmarc::Pass,
            sealed_outside: true,
            answer,
        }
    }

    fn arrive(outer: &Outer, known: &Acquaintance, old: bool) -> Decision {
        let arrival = Arrival { intake: IntakeId(7), received_at: at(0), outer, old, new_case: CaseId::from_random([1; 10]) };
        on_arrival(&arrival, known, &Policy::default(), at(1))
    }

    fn person() -> Result<ReplyAddress, NoAnswer> {
        Ok(ReplyAddress::from_return_path("ada@b.example").unwrap())
    }

    #[test]
    fn a_persons_letter_opens_a_case_and_is_acknowledged_by_its_servers_clock() {
        let decision = arrive(&outer(person()), &Acquaintance::default(), false);
        let Some(CaseChange::Open(case)) = decision.case else { panic!() };
        assert_eq!(case.acknowledgement.pending(), Some((at(24), false)));
        assert_eq!(decision.effects.iter().map(|e| (e.work, e.due)).collect::<Vec<_>>(), [(Work::Acknowledge, at(1) + READING_GRACE)]);
    }

    #[test]
    fn a_machine_opens_no_case_and_gets_no_answer() {
        for why in [NoAnswer::AutoSubmitted, NoAnswer::DeliveryReport, NoAnswer::List, NoAnswer::Ourselves, NoAnswer::ReturnPath(NoReplyAddress::Empty)] {
            let decision = arrive(&outer(Err(why)), &Acquaintance::default(), false);
            assert!(decision.case.is_none() && decision.effects.is_empty(), "{why:?}");
        }
    }

    #[test]
    fn a_person_who_may_not_be_answered_by_a_machine_keeps_the_clock() {
        for why in [NoAnswer::Suppressed, NoAnswer::NoSingleFrom, NoAnswer::DmarcFailed] {
            let decision = arrive(&outer(Err(why)), &Acquaintance::default(), false);
            let Some(CaseChange::Open(case)) = decision.case else { panic!("{why:?}") };
            assert_eq!(case.acknowledgement, Acknowledgement::ByHand { deadline: at(24), alarmed: false });
            assert!(decision.effects.iter().all(|e| e.work != Work::Acknowledge));
        }
    }

    #[test]
    fn a_letter_joins_silently_only_with_proof() {
        let case = CaseId::from_random([2; 10]);
        let known = |originator_in_case| Acquaintance { thread: Some(Thread { case: case.clone(), originator_in_case }), returned_to: None };
        assert_eq!(arrive(&outer(person()), &known(true), false).letter_of, Some(case.clone()));
        let stranger = arrive(&outer(person()), &known(false), false);
        assert!(matches!(stranger.case, Some(CaseChange::Open(Case { perhaps_of: Some(of), .. })) if of == case));
        let unproven = Outer { dmarc: Dmarc::Unknown, ..outer(person()) };
        assert_ne!(arrive(&unproven, &known(true), false).letter_of, Some(case));
    }

    #[test]
    fn an_old_letter_is_kept_and_nothing_more() {
        let decision = arrive(&outer(person()), &Acquaintance::default(), true);
        assert!(decision.case.is_none() && decision.effects.is_empty());
    }

    #[test]
    fn a_bounce_finds_its_case_and_calls_a_human() {
        let case = CaseId::from_random([2; 10]);
        let known = Acquaintance { thread: None, returned_to: Some(case.clone()) };
        let decision = arrive(&outer(Err(NoAnswer::DeliveryReport)), &known, false);
        assert_eq!(decision.letter_of, Some(case));
        assert_eq!(decision.effects[0].work, Work::CallByMail(Reason::AnswerBounced));
    }
}
