//! What follows from the outside of a letter?

use super::policy::READING_GRACE;
use super::{CaseChange, Decision, Entry, Participant, Policy};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, AdvisoryId, Case, Closing, Standing};
use crate::model::effect::{Effect, Reason, Work};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use crate::model::letter::{Dmarc, NoAnswer, Outer, Role};

/// A letter that has just become durable here.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    pub intake: IntakeId,
    /// On the mail server (INTERNALDATE).
    pub received_at: Timestamp,
    pub outer: &'a Outer,
    pub origin: Origin,
    /// One of the responders of the config is its single From.
    pub from_team: bool,
    /// It is one that the desk wrote to itself to try the way.
    pub canary: bool,
    /// From before `answer_from`: kept and shown, never answered.
    pub old: bool,
    /// The name of the case, should one be opened.
    pub new_case: CaseId,
    /// It is an entry in the tracker, and no mail.
    pub advisory: Option<&'a AdvisoryId>,
}

/// Where a letter lay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Inbox,
    /// A folder into which the team's own programs put what they sent.
    Sent,
}

/// What the store knows of the people and threads that the outer letter names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadContext {
    /// A case that References, In-Reply-To or a tag point to.
    pub thread: Option<Thread>,
    /// The letter of ours that they point to is a call to a responder.
    pub answers_call: bool,
    /// The case whose answer bears the envelope tag that this letter was sent to.
    pub returned_to: Option<CaseId>,
}

/// The case that a letter's references point to, and whether its people vouch for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub case: Case,
    /// What the references point to themselves: `case`, or one that was joined to it.
    pub named: CaseId,
    /// The originator is proven to have written before in the case that was named.
    pub originator_in_case: bool,
    /// Its writer names somebody who wrote in that case as its recipient.
    pub to_participant: bool,
}

/// What follows from the outer letter: its case, the acknowledgement that is owed, and that its
/// certificates are kept.
pub fn on_arrival(
    arrival: &Arrival<'_>,
    known: &ThreadContext,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let mut decision = by_outer_letter(arrival, known, policy, now);
    let is_machines = matches!(&arrival.outer.answer, Err(why) if why.is_machine());
    let is_proven_mail = arrival.outer.dmarc == Dmarc::Pass
        && arrival.outer.originator.is_some()
        && arrival.advisory.is_none();
    // Whoever acknowledges a letter keeps its certificates too.
    let is_acknowledged = |effect: &Effect| effect.work == Work::Acknowledge;
    if decision.role == Role::Incoming
        && is_proven_mail
        && !is_machines
        && !arrival.old
        && !decision.effects.iter().any(is_acknowledged)
    {
        let case = decision.letter_of.as_ref();
        let due = answer_due(arrival, policy, now);
        let keep = Effect::keep_certificates(case, arrival.intake, due);
        decision.effects.push(keep);
    }
    decision
}

/// When what leaves by itself about a letter may leave.
fn answer_due(arrival: &Arrival<'_>, policy: &Policy, now: Timestamp) -> Timestamp {
    // A server's clock that runs ahead must not stretch the promise.
    let start = arrival.received_at.min(now);
    (start + policy.acknowledge_delay).max(now + READING_GRACE)
}

fn by_outer_letter(
    arrival: &Arrival<'_>,
    known: &ThreadContext,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let refusal = arrival.outer.answer.as_ref().err().copied();
    let dmarc = arrival.outer.dmarc;
    if arrival.origin == Origin::Sent {
        return team_copy(arrival, known, now);
    }
    if arrival.canary {
        return Decision {
            role: Role::Canary,
            ..Decision::default()
        };
    }
    // No machine encrypts: what is sealed goes the way of letters, wherever it was sent.
    if let Some(case) = &known.returned_to
        && refusal.is_some_and(NoAnswer::is_machine)
        && !arrival.outer.sealed_outside
    {
        return returned(arrival, case);
    }
    if arrival.old {
        return keep(arrival, JournalEvent::OldLetterKept);
    }
    if arrival.advisory.is_some() {
        return open(arrival, None, policy, now);
    }
    if let Some(case) = case_answered_by_team(arrival, known) {
        return team_reply(arrival, case);
    }
    // A forged copy would silence an acknowledgement: it takes proof.
    let is_from_us = arrival.from_team || refusal == Some(NoAnswer::Ourselves);
    if is_from_us && dmarc == Dmarc::Pass && known.thread.is_some() {
        return team_copy(arrival, known, now);
    }
    let joined = known.thread.as_ref().filter(|thread| joins(thread, dmarc));
    match (refusal, joined) {
        // A ticket system may have passed on what a reporter wrote in their case: the header
        // forbids an answer, and nothing else.
        (
            Some(
                NoAnswer::AutoSubmitted
                | NoAnswer::AutoGenerated
                | NoAnswer::List
                | NoAnswer::Precedence,
            ),
            Some(thread),
        ) => follow_up(arrival, thread),
        // RFC 3834 section 2: answering a machine can start a loop. It is read, and what turns out
        // to be a report opens a case.
        (Some(why), _) if why.is_machine() => keep(arrival, JournalEvent::MachineLetterKept),
        (_, Some(thread)) => follow_up(arrival, thread),
        (_, None) => {
            let older = known.thread.as_ref().filter(|t| !begins_anew(&t.case));
            open(arrival, older.map(|t| t.case.id().clone()), policy, now)
        }
    }
}

/// Keeps a letter without a case.
fn keep(arrival: &Arrival<'_>, event: JournalEvent) -> Decision {
    Decision {
        journal: vec![Entry::of_desk(event, arrival.intake.to_string())],
        ..Decision::default()
    }
}

/// The case whose call a responder answers, or whose own address they wrote to, where nothing says
/// that somebody else did.
fn case_answered_by_team<'k>(arrival: &Arrival<'_>, known: &'k ThreadContext) -> Option<&'k Case> {
    let outer = arrival.outer;
    if !arrival.from_team || outer.automatic || outer.dmarc == Dmarc::Fail {
        return None;
    }
    let case = &known.thread.as_ref()?.case;
    (known.answers_call || outer.to_case().as_ref() == Some(case.id())).then_some(case)
}

/// A responder's answer to a call. Who wrote it is for their signature to say, when it is read.
fn team_reply(arrival: &Arrival<'_>, case: &Case) -> Decision {
    Decision {
        letter_of: Some(case.id().clone()),
        role: Role::TeamReply,
        journal: vec![Entry::of(
            case.id(),
            JournalEvent::ResponderAnswerArrived,
            arrival.intake.to_string(),
        )],
        ..Decision::default()
    }
}

/// Whoever got the key, or was a machine, begins anew with what they write next.
pub fn begins_anew(case: &Case) -> bool {
    matches!(
        case.standing(),
        Standing::Closed {
            why: Closing::KeyRequest | Closing::Machine,
            ..
        }
    )
}

/// Joining silently takes proof: a known originator whose domain our own server vouches for.
///
/// A case is joined to an older one by what was read in it. Whoever answers to either finds no
/// difference: while a case waits, its follow-ups are silent, and those of one that was joined are,
/// whether the older case is closed or not.
fn joins(thread: &Thread, dmarc: Dmarc) -> bool {
    let was_joined = thread.named != *thread.case.id();
    let goes_on = was_joined || !thread.case.is_closed();
    thread.originator_in_case && dmarc == Dmarc::Pass && goes_on
}

fn follow_up(arrival: &Arrival<'_>, thread: &Thread) -> Decision {
    let case = thread.case.id();
    Decision {
        letter_of: Some(case.clone()),
        arrived_in: (thread.named != *case).then(|| thread.named.clone()),
        journal: vec![Entry::of(
            case,
            JournalEvent::FollowUpArrived,
            arrival.intake.to_string(),
        )],
        ..Decision::default()
    }
}

/// A machine wrote to the tagged address of one of our answers: a report on its delivery, or an
/// auto-reply. Which of them, and of what outcome, its reading says.
fn returned(arrival: &Arrival<'_>, case: &CaseId) -> Decision {
    Decision {
        letter_of: Some(case.clone()),
        journal: vec![Entry::of(
            case,
            JournalEvent::MachineAnswered,
            arrival.intake.to_string(),
        )],
        ..Decision::default()
    }
}

/// A copy of what one of the team wrote. Where it went to the reporter, they have their answer.
fn team_copy(arrival: &Arrival<'_>, known: &ThreadContext, now: Timestamp) -> Decision {
    let kept = Decision {
        role: Role::TeamCopy,
        ..Decision::default()
    };
    // The desk's own letters lie among the sent ones too, and say nothing of a human.
    let Some(thread) = known.thread.as_ref().filter(|_| !arrival.outer.automatic) else {
        return kept;
    };
    let case = &thread.case;
    let letter = arrival.intake.to_string();
    let decision = Decision {
        letter_of: Some(case.id().clone()),
        journal: vec![Entry::of(
            case.id(),
            JournalEvent::ResponderWrote,
            letter.clone(),
        )],
        ..kept
    };
    // Anybody may send a responder's signed letter again, to whom and in answer to what they like,
    // unless its signature says so.
    let is_proven = arrival.origin == Origin::Sent || arrival.outer.addressing_signed;
    if !is_proven || !thread.to_participant || case.acknowledgement().pending().is_none() {
        return decision;
    }
    match super::answered(case, &format!("letter {letter}"), now) {
        Ok(answered) => Decision {
            letter_of: decision.letter_of,
            role: decision.role,
            ..answered
        },
        Err(_) => decision,
    }
}

fn open(
    arrival: &Arrival<'_>,
    perhaps_of: Option<CaseId>,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let id = arrival.new_case.clone();
    // A server's clock that runs ahead must not stretch the promise.
    let start = arrival.received_at.min(now);
    let deadline = start + policy.acknowledge_within;
    let mut effects = Vec::new();
    let acknowledgement = if arrival.from_team && arrival.advisory.is_none() {
        // Whether it is a responder's own, or was sent in their name, its reading tells, and what
        // only decryption shows must not decide whether an answer leaves.
        Acknowledgement::NotOwed
    } else if arrival.outer.answer.is_ok() {
        let due = answer_due(arrival, policy, now);
        effects.push(Effect::acknowledge(&id, arrival.intake, due));
        Acknowledgement::due(deadline)
    } else {
        let reason = if arrival.advisory.is_some() {
            Reason::ReportedInTracker
        } else {
            Reason::AnswerByHand
        };
        effects.extend(Effect::call(reason, &id, now));
        Acknowledgement::by_hand(deadline)
    };
    Decision {
        letter_of: Some(id.clone()),
        participant: arrival.outer.originator.clone().map(|address| Participant {
            address,
            is_proven: arrival.outer.dmarc == Dmarc::Pass,
        }),
        journal: vec![Entry::of(
            &id,
            JournalEvent::CaseOpened,
            arrival.intake.to_string(),
        )],
        case: Some(CaseChange::Open(Case::arrived(
            id,
            start,
            acknowledgement,
            arrival.advisory.cloned(),
            perhaps_of,
        ))),
        effects,
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::{Address, NoReplyAddress, ReplyAddress};
    use crate::model::case::Called;
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
            automatic: false,
            addressees: Vec::new(),
            addressing_signed: true,
            autocrypt_signed: false,
            body_signed: false,
            answer,
        }
    }

    fn arrival(outer: &Outer) -> Arrival<'_> {
        Arrival {
            intake: IntakeId(7),
            received_at: at(0),
            outer,
            origin: Origin::Inbox,
            from_team: false,
            canary: false,
            old: false,
            new_case: CaseId::from_random([1; 10]),
            advisory: None,
        }
    }

    fn arrive(outer: &Outer, known: &ThreadContext, old: bool) -> Decision {
        let arrival = Arrival {
            old,
            ..arrival(outer)
        };
        on_arrival(&arrival, known, &Policy::default(), at(1))
    }

    fn person() -> Result<ReplyAddress, NoAnswer> {
        Ok(ReplyAddress::from_return_path("ada@b.example").unwrap())
    }

    #[test]
    fn a_persons_letter_opens_a_case_and_is_acknowledged_by_its_servers_clock() {
        let decision = arrive(&outer(person()), &ThreadContext::default(), false);
        let Some(CaseChange::Open(case)) = decision.case else {
            panic!()
        };
        assert_eq!(case.acknowledgement().pending(), Some((at(24), Called::No)));
        assert_eq!(
            decision
                .effects
                .iter()
                .map(|e| (e.work, e.due))
                .collect::<Vec<_>>(),
            [(Work::Acknowledge, at(1) + READING_GRACE)]
        );
    }

    #[test]
    fn a_machine_opens_no_case_and_gets_no_answer() {
        for why in [
            NoAnswer::AutoSubmitted,
            NoAnswer::DeliveryReport,
            NoAnswer::List,
            NoAnswer::Ourselves,
            NoAnswer::ReturnPath(NoReplyAddress::Empty),
        ] {
            let decision = arrive(&outer(Err(why)), &ThreadContext::default(), false);
            assert!(
                decision.case.is_none() && decision.effects.is_empty(),
                "{why:?}"
            );
        }
    }

    #[test]
    fn a_person_who_may_not_be_answered_by_a_machine_keeps_the_clock() {
        for why in [
            NoAnswer::Suppressed,
            NoAnswer::NoSingleFrom,
            NoAnswer::DmarcFailed,
        ] {
            let decision = arrive(&outer(Err(why)), &ThreadContext::default(), false);
            let Some(CaseChange::Open(case)) = decision.case else {
                panic!("{why:?}")
            };
            assert_eq!(*case.acknowledgement(), Acknowledgement::by_hand(at(24)));
            assert!(decision.effects.iter().all(|e| e.work != Work::Acknowledge));
        }
    }

    fn older() -> Case {
        let id = CaseId::from_random([2; 10]);
        Case::arrived(id, at(0), Acknowledgement::due(at(24)), None, None)
            .open()
            .unwrap()
    }

    fn threaded(originator_in_case: bool, to_participant: bool) -> ThreadContext {
        ThreadContext {
            thread: Some(Thread {
                case: older(),
                named: older().id().clone(),
                originator_in_case,
                to_participant,
            }),
            ..ThreadContext::default()
        }
    }

    /// Whether a letter was opened decides whether its case is joined to an older one; what its
    /// writer gets for the next must not.
    #[test]
    fn whoever_answers_to_a_joined_case_learns_nothing_of_it() {
        let acknowledged = older().acknowledged(at(1), true).unwrap();
        let closed = acknowledged.close(at(1), Closing::Rejected).unwrap();
        let joined = CaseId::from_random([3; 10]);
        let known = |case: Case, was_joined: bool| ThreadContext {
            thread: Some(Thread {
                named: if was_joined {
                    joined.clone()
                } else {
                    case.id().clone()
                },
                case,
                originator_in_case: true,
                to_participant: true,
            }),
            ..ThreadContext::default()
        };
        let answered = |known: ThreadContext| {
            let decision = arrive(&outer(person()), &known, false);
            let mut answers = decision.effects.into_iter();
            usize::from(answers.any(|effect| effect.work == Work::Acknowledge))
        };
        // It stayed shut, and its own case waits; it was opened, and joined to one that is closed.
        assert_eq!(answered(known(older(), false)), 0);
        assert_eq!(answered(known(closed.clone(), true)), 0);
        let follow_up = arrive(&outer(person()), &known(closed.clone(), true), false);
        assert_eq!(follow_up.letter_of, Some(older().id().clone()));
        assert_eq!(follow_up.arrived_in, Some(joined.clone()));
        assert_ne!(answered(known(closed, false)), 0);
    }

    /// Whether a responder signed it, only decryption shows; an answer must not depend on that.
    #[test]
    fn what_comes_in_a_responders_name_gets_no_automatic_answer() {
        for dmarc in [Dmarc::Pass, Dmarc::Unknown, Dmarc::Fail] {
            let outer = Outer {
                dmarc,
                ..outer(person())
            };
            let arrival = Arrival {
                from_team: true,
                ..arrival(&outer)
            };
            let none = ThreadContext::default();
            let decision = on_arrival(&arrival, &none, &Policy::default(), at(1));
            let Some(CaseChange::Open(case)) = decision.case else {
                panic!("no case was opened")
            };
            assert_eq!(case.acknowledgement(), &Acknowledgement::NotOwed);
            let answers = |effect: &Effect| effect.work == Work::Acknowledge;
            assert!(!decision.effects.iter().any(answers));
        }
    }

    /// At the hour of its answer, and once: with its acknowledgement, or for itself.
    #[test]
    fn certificates_of_proven_writers_are_kept_whatever_their_letter_is() {
        let works = |outer: &Outer, known: &ThreadContext| -> Vec<Work> {
            let effects = arrive(outer, known, false).effects;
            effects.into_iter().map(|effect| effect.work).collect()
        };
        let none = ThreadContext::default();
        let proven = outer(person());
        assert_eq!(works(&proven, &none), [Work::Acknowledge]);
        let follow_up = works(&proven, &threaded(true, false));
        assert_eq!(follow_up, [Work::KeepCertificates]);
        let unproven = Outer {
            dmarc: Dmarc::Unknown,
            ..outer(person())
        };
        assert_eq!(works(&unproven, &none), [Work::Acknowledge]);
        let unanswerable = works(&outer(Err(NoAnswer::NoSingleFrom)), &none);
        assert!(unanswerable.contains(&Work::KeepCertificates));
    }

    /// Anybody can begin a case in somebody's name; what that one writes later must not end up there.
    #[test]
    fn who_is_in_a_case_is_proven_by_their_letter_alone() {
        let is_proven = |dmarc| {
            let outer = Outer {
                dmarc,
                ..outer(person())
            };
            let decision = arrive(&outer, &ThreadContext::default(), false);
            decision
                .participant
                .map(|participant| participant.is_proven)
        };
        assert_eq!(is_proven(Dmarc::Pass), Some(true));
        assert_eq!(is_proven(Dmarc::Unknown), Some(false));
    }

    #[test]
    fn a_letter_joins_silently_only_with_proof() {
        let case = older().id().clone();
        assert_eq!(
            arrive(&outer(person()), &threaded(true, false), false).letter_of,
            Some(case.clone())
        );
        let stranger = arrive(&outer(person()), &threaded(false, false), false);
        assert!(
            matches!(stranger.case, Some(CaseChange::Open(new)) if new.perhaps_of() == Some(&case))
        );
        let unproven = Outer {
            dmarc: Dmarc::Unknown,
            ..outer(person())
        };
        assert_ne!(
            arrive(&unproven, &threaded(true, false), false).letter_of,
            Some(case)
        );
    }

    #[test]
    fn a_follow_up_through_a_ticket_system_joins_its_case_too() {
        let case = older().id().clone();
        for why in [
            NoAnswer::AutoSubmitted,
            NoAnswer::Precedence,
            NoAnswer::List,
        ] {
            assert_eq!(
                arrive(&outer(Err(why)), &threaded(true, false), false).letter_of,
                Some(case.clone()),
                "{why:?}"
            );
            assert_eq!(
                arrive(&outer(Err(why)), &threaded(false, false), false).letter_of,
                None,
                "{why:?}"
            );
        }
    }

    #[test]
    fn a_report_after_a_key_request_is_a_case_of_its_own() {
        let mut known = threaded(true, false);
        if let Some(thread) = &mut known.thread {
            thread.case = older().close(at(0), Closing::KeyRequest).unwrap();
        }
        let decision = arrive(&outer(person()), &known, false);
        let Some(CaseChange::Open(case)) = decision.case else {
            panic!()
        };
        assert!(
            case.perhaps_of().is_none()
                && decision.effects.iter().any(|e| e.work == Work::Acknowledge)
        );
    }

    #[test]
    fn a_person_at_a_bounce_address_is_a_stranger() {
        let known = ThreadContext {
            returned_to: Some(older().id().clone()),
            ..ThreadContext::default()
        };
        let decision = arrive(&outer(Err(NoAnswer::DmarcFailed)), &known, false);
        assert!(matches!(decision.case, Some(CaseChange::Open(_))));
    }

    #[test]
    fn an_old_letter_is_kept_and_nothing_more() {
        let decision = arrive(&outer(person()), &ThreadContext::default(), true);
        assert!(decision.case.is_none() && decision.effects.is_empty());
    }

    #[test]
    fn a_machines_answer_to_ours_finds_its_case() {
        let known = ThreadContext {
            returned_to: Some(older().id().clone()),
            ..ThreadContext::default()
        };
        let report = outer(Err(NoAnswer::DeliveryReport));
        // No machine encrypts, and what is sealed would have the reporter's answers wait for a key.
        let sealed = arrive(&report, &known, false);
        assert_eq!((sealed.letter_of, sealed.effects), (None, Vec::new()));
        let clear = Outer {
            sealed_outside: false,
            ..report
        };
        let decision = arrive(&clear, &known, false);
        assert_eq!(
            (decision.letter_of, decision.effects),
            (Some(older().id().clone()), Vec::new())
        );
    }

    /// A responder's signed letter, sent again to a reporter's address and in their thread.
    #[test]
    fn a_copy_settles_an_answer_where_its_signature_says_to_whom_it_went() {
        let known = threaded(false, true);
        let sent = |addressing_signed| Outer {
            addressing_signed,
            ..outer(person())
        };
        let inbox = Origin::Inbox;
        assert_eq!(copied(&sent(true), &known, inbox, true), Some("sent"));
        assert_eq!(copied(&sent(false), &known, inbox, true), None);
        assert_eq!(
            copied(&sent(false), &known, Origin::Sent, true),
            Some("sent")
        );
    }

    /// What a copy of a team's letter does to the acknowledgement of its case.
    fn copied(
        outer: &Outer,
        known: &ThreadContext,
        origin: Origin,
        from_team: bool,
    ) -> Option<&'static str> {
        let new_case = CaseId::from_random([1; 10]);
        let arrival = Arrival {
            intake: IntakeId(7),
            received_at: at(0),
            outer,
            origin,
            from_team,
            canary: false,
            old: false,
            new_case,
            advisory: None,
        };
        match on_arrival(&arrival, known, &Policy::default(), at(1)).case {
            Some(CaseChange::Update { after, .. }) => Some(after.acknowledgement().as_str()),
            _ => None,
        }
    }

    #[test]
    fn a_human_answer_stops_the_clock_where_it_is_proven() {
        let ours = outer(Err(NoAnswer::Ourselves));
        assert_eq!(
            copied(&ours, &threaded(false, true), Origin::Inbox, false),
            Some("sent")
        );
        assert_eq!(
            copied(
                &outer(person()),
                &threaded(false, true),
                Origin::Inbox,
                true
            ),
            Some("sent")
        );
        assert_eq!(
            copied(&ours, &threaded(false, true), Origin::Sent, false),
            Some("sent")
        );
        // Whoever forges our address silences nothing.
        let forged = Outer {
            dmarc: Dmarc::Unknown,
            ..ours.clone()
        };
        assert_eq!(
            copied(&forged, &threaded(false, true), Origin::Inbox, false),
            None
        );
        assert_eq!(
            copied(&ours, &threaded(false, false), Origin::Inbox, false),
            None,
            "it went to somebody else"
        );
        let acknowledgement = Outer {
            automatic: true,
            ..ours
        };
        assert_eq!(
            copied(
                &acknowledgement,
                &threaded(false, true),
                Origin::Sent,
                false
            ),
            None,
            "the desk's own letter"
        );
    }
}
