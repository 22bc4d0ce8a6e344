//! What follows from what a letter says?

mod first_letter;
mod stray;

use crate::decide::policy::READING_GRACE;
use crate::decide::{CaseChange, Decision, Entry, Policy, SealedPolicy};
use crate::model::Timestamp;
use crate::model::case::{Case, Draft, InvalidTransition};
use crate::model::effect::{Effect, EffectKey, Reason, Work};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use crate::model::reading::{LetterKind, Reading};
use crate::model::report::{Intent, Report};
use first_letter::{first, is_part_of, join, unproven};
use jiff::civil::Date;
use jiff::tz::TimeZone;
pub use stray::{Stray, on_stray, open_stray};

/// A letter whose reading came back.
#[derive(Clone, Copy, Debug)]
pub struct ReadLetter<'a> {
    pub intake: IntakeId,
    /// On the mail server: what leaves by itself has its hour from here, and not from when the
    /// letter was read.
    pub received_at: Timestamp,
    /// When it became durable here: calls about a sealed one leave by this hour, which nobody outside
    /// chooses.
    pub spooled_at: Timestamp,
    /// It opened the case; later ones follow up.
    pub is_first: bool,
    /// The case in which it arrived. What leaves about it goes by that one, since what was read may have
    /// moved it to another.
    pub arrived_in: &'a CaseId,
    /// The outer letter may be answered by a machine.
    pub answerable: bool,
    /// Its valid signature is by the certificate that was pinned for its originator before.
    pub signed_by_pinned: bool,
    /// Our own server, or DNS, vouches for its originator, who wrote it themselves.
    pub proven: bool,
    /// Its originator wrote in `case` before.
    pub of_participant: bool,
    /// An older case that it names: from outside, or by our tag in its protected subject.
    pub older: Option<Older<'a>>,
    /// Another case whose letter says the same.
    pub alike: Option<&'a CaseId>,
    /// `None`: reading failed twice and the letter was set aside.
    pub reading: Option<&'a Reading>,
}

/// A case that is older than the letter's own, and that the letter may belong to.
#[derive(Clone, Copy, Debug)]
pub struct Older<'a> {
    pub case: &'a CaseId,
    /// The originator wrote in it before.
    pub originator_in_case: bool,
    pub is_closed: bool,
}

/// What follows from a letter of `case` that was read or set aside. Only letters that came in clear
/// may change an acknowledgement; calls about sealed ones leave by the policy's tick.
pub fn on_reading(
    case: &Case,
    letter: &ReadLetter<'_>,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let id = case.id();
    let sealed_call_at = policy.sealed_call_at(letter.spooled_at, now);
    let Some(reading) = letter.reading else {
        return crate::decide::returned::to_human(
            case,
            letter.intake,
            Reason::LetterUnreadable,
            JournalEvent::LetterSetAside,
            false,
            sealed_call_at,
        );
    };
    let in_clear = !reading.came_sealed();
    let call_at = if in_clear { now } else { sealed_call_at };
    let shut = reading.protection.shut.is_some() || reading.parts.iter().any(|p| p.shut.is_some());
    if shut && reading.text.trim().is_empty() {
        return stayed_shut(case, letter, reading, policy, now, call_at);
    }
    let is_unproven = reading.is_unproven();
    let mut decision = if is_unproven {
        unproven(case, letter, in_clear, now)
    } else if letter.is_first {
        // What a responder closed before it could be read stays closed.
        let mut decision = first(case, letter, reading, policy, now).unwrap_or_default();
        if is_perhaps_part_of_another(case, &decision) {
            let reason = Reason::PerhapsFollowUp;
            let call = Effect::call_about_letter(reason, id, letter.intake, in_clear, now);
            decision.effects.extend(call);
        }
        decision
    } else {
        follow_up(case, letter, reading, policy, now)
    };
    // Somebody on the way may have written it: no deadline moves for that.
    let trusted_report = reading.report.as_ref().filter(|_| !is_unproven);
    let public = trusted_report.is_some_and(|r| r.disclosure.intent == Intent::AlreadyPublic);
    // What could be read goes its way; a human looks for the rest.
    for (_, reason) in [(shut, Reason::LetterShut), (public, Reason::AlreadyPublic)]
        .into_iter()
        .filter(|(so, _)| *so)
    {
        let call = Effect::call_about_letter(reason, id, letter.intake, in_clear, now);
        decision.effects.extend(call);
    }
    one_call(&mut decision, id, letter, in_clear, call_at);
    let clear = trusted_report.filter(|_| in_clear);
    hurry(case, clear, policy, now, &mut decision);
    decision.journal.insert(
        0,
        Entry::of(id, JournalEvent::LetterRead, letter.intake.to_string()),
    );
    name_arrival(&mut decision.effects, letter);
    decision
}

/// A letter of which nothing opened, or an outer layer alone. Where that one names a case, it is part of
/// it as if all had opened: whoever wraps a captured letter in one of their own learns nothing from
/// where it lies.
fn stayed_shut(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    policy: &Policy,
    now: Timestamp,
    call_at: Timestamp,
) -> Decision {
    let in_clear = !reading.came_sealed();
    let is_filed = matches!(case.draft(), Draft::Filed { .. });
    let older = letter.older.filter(|_| letter.is_first && !is_filed);
    let older = older.filter(|older| is_part_of(letter, older));
    let joined = older.and_then(|older| {
        let joined = join(case, letter, reading, older.case.clone(), policy, now);
        Some((older.case, joined.ok()?))
    });
    let (reason, event) = (Reason::LetterShut, JournalEvent::LetterStayedShut);
    let Some((older, mut decision)) = joined else {
        let intake = letter.intake;
        return crate::decide::returned::to_human(case, intake, reason, event, in_clear, call_at);
    };
    // There is nothing to add to its draft.
    decision
        .effects
        .retain(|effect| effect.work != Work::AppendFollowUp);
    let call = Effect::call_about_letter(reason, older, letter.intake, in_clear, now);
    decision.effects.extend(call);
    one_call(&mut decision, case.id(), letter, in_clear, call_at);
    let entry = Entry::of(case.id(), event, letter.intake.to_string());
    decision.journal.insert(0, entry);
    name_arrival(&mut decision.effects, letter);
    decision
}

/// The second path names the case in which a letter arrived: which one it belongs to may follow from
/// what was read, in it or in the letter before it.
fn name_arrival(effects: &mut [Effect], letter: &ReadLetter<'_>) {
    let by_second_path = |effect: &&mut Effect| matches!(effect.work, Work::CallBySecondPath(_));
    for call in effects.iter_mut().filter(by_second_path) {
        call.case = Some(letter.arrived_in.clone());
    }
}

/// Whether a human must say if the case belongs to an older one: nothing proved it, and it is open.
fn is_perhaps_part_of_another(case: &Case, decision: &Decision) -> bool {
    let stays_open = match &decision.case {
        Some(CaseChange::Update { after, .. }) => !after.is_closed(),
        _ => !case.is_closed(),
    };
    case.perhaps_of().is_some() && stays_open
}

/// One letter makes one call, for the weightiest of its reasons. A sealed one makes exactly one,
/// whatever was in it and whether or not it opened: who watches the mail of responders learns
/// nothing from their number.
fn one_call(
    decision: &mut Decision,
    case: &CaseId,
    letter: &ReadLetter<'_>,
    in_clear: bool,
    call_at: Timestamp,
) {
    let (calls, others): (Vec<Effect>, Vec<Effect>) = std::mem::take(&mut decision.effects)
        .into_iter()
        .partition(|effect| effect.work.reason().is_some());
    decision.effects = others;
    let reason = calls
        .iter()
        .filter_map(|call| call.work.reason())
        .max_by_key(|reason| reason.weight());
    let reason = reason.or((!in_clear).then_some(Reason::SealedLetterRead));
    // About the case that the letter turned out to belong to.
    let about = calls
        .into_iter()
        .find_map(|call| call.case)
        .unwrap_or_else(|| case.clone());
    decision.effects.extend(
        reason
            .map(|reason| {
                Effect::call_about_letter(reason, &about, letter.intake, in_clear, call_at)
            })
            .into_iter()
            .flatten(),
    );
}

/// What is public, or about to be, takes the fast lane: every deadline is reckoned anew. Clocks call
/// within the minute, so what only decryption shows moves none of them: its call says it.
fn hurry(
    case: &Case,
    report: Option<&Report>,
    policy: &Policy,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(report) = report else {
        return;
    };
    let standing = match &decision.case {
        Some(CaseChange::Update { after, .. }) => after.clone(),
        _ => case.clone(),
    };
    // A day that is over is when something was found, not when it will be published.
    let today = now.to_zoned(TimeZone::UTC).date();
    let announced = report
        .disclosure
        .date
        .as_deref()
        .and_then(|day| day.parse::<Date>().ok())
        .filter(|day| *day > today);
    // A day beyond the window of the policy hurries nobody: the release is before it anyway.
    let window_ends = (standing.opened_at() + policy.timeline.release.to)
        .to_zoned(TimeZone::UTC)
        .date();
    let hurries = match report.disclosure.intent {
        Intent::AlreadyPublic => true,
        Intent::Public => announced.is_none_or(|day| day <= window_ends),
        Intent::Private | Intent::Unstated => false,
    };
    if let Some(hurried) =
        crate::decide::disclosure(&standing, announced, hurries, &policy.timeline, now)
        && let Some(CaseChange::Update { after, .. }) = hurried.case
    {
        decision.case = Some(CaseChange::update(case, after));
        decision.journal.extend(hurried.journal);
    }
}

fn follow_up(
    case: &Case,
    letter: &ReadLetter<'_>,
    reading: &Reading,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let filed = matches!(case.draft(), Draft::Queued | Draft::Filed { .. });
    let held = reading.came_sealed() && policy.sealed == SealedPolicy::Hold;
    if held && filed {
        return Decision {
            effects: Effect::call_about_letter(
                Reason::AwaitsConfirmation,
                case.id(),
                letter.intake,
                !reading.came_sealed(),
                now,
            ),
            ..Decision::default()
        };
    }
    // What a CERT's list or a ticket system passes on in a case is a human's, and no machine's word.
    if matches!(reading.kind, LetterKind::Dsn | LetterKind::AutoReply) {
        return Decision::default();
    }
    let asks_by_itself =
        reading.asks_for_certificate && letter.answerable && !reading.came_sealed();
    let certificate = asks_by_itself.then(|| {
        let due = letter.received_at + policy.acknowledge_delay + READING_GRACE;
        Effect::send_certificate(letter.intake, letter.arrived_in, due.max(now))
    });
    // Nobody needs to hear of a letter that asks for the certificate, gets it, and says no more.
    if reading.kind == LetterKind::KeyRequest && certificate.is_some() {
        return Decision {
            effects: certificate.into_iter().collect(),
            ..Decision::default()
        };
    }
    let mut effects = Effect::call_about_letter(
        Reason::FollowUp,
        case.id(),
        letter.intake,
        !reading.came_sealed(),
        now,
    );
    // Whoever learnt an address with a tag can have a letter lie in the case: humans hear of it, and
    // the tracker does not.
    if filed && letter.of_participant && (letter.proven || letter.signed_by_pinned) {
        effects.push(Effect::append_follow_up(case.id(), letter.intake, now));
    }
    // What it asks for in clear it gets, as any letter would, at an hour that its arrival fixed.
    effects.extend(certificate);
    Decision {
        effects,
        ..Decision::default()
    }
}

/// A responder says that they answered the reporter themselves.
pub fn answered(case: &Case, by: &str, now: Timestamp) -> Result<Decision, InvalidTransition> {
    let acknowledged = case.clone().acknowledged(now, true)?;
    Ok(Decision {
        case: Some(CaseChange::update(case, acknowledged)),
        cancelled: vec![EffectKey::acknowledge(case.id())],
        journal: vec![Entry::of(case.id(), JournalEvent::AnsweredByHand, by)],
        ..Decision::default()
    })
}

/// A responder confirms: the draft is filed now.
pub fn confirm(
    case: &Case,
    intake: IntakeId,
    by: &str,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let queued = case.clone().queue_draft()?;
    Ok(Decision {
        case: Some(CaseChange::update(case, queued)),
        effects: vec![Effect::file_advisory(case.id(), intake, now)],
        journal: vec![Entry::of(case.id(), JournalEvent::FilingConfirmed, by)],
        ..Decision::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::{Acknowledgement, Closing, Standing};
    use crate::model::effect::Work;
    use crate::model::reading::LetterKind;
    use crate::model::reading::{Protection, Shut, SignatureVerdict};
    use crate::model::report::Report;
    use std::sync::LazyLock;

    static ARRIVED_IN: LazyLock<CaseId> = LazyLock::new(|| CaseId::from_random([9; 10]));

    pub(super) fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    fn case() -> Case {
        let id = CaseId::from_random([1; 10]);
        Case::arrived(id, now(), Acknowledgement::due(now()), None, None)
    }

    pub(super) fn reading(kind: LetterKind, encrypted: bool, evident: bool) -> Reading {
        let report = Report {
            steps_to_reproduce: evident.then(|| "1. x".to_owned()),
            ..Report::default()
        };
        Reading {
            kind,
            from: None,
            subject: None,
            subject_protected: false,
            message_id: None,
            date: None,
            protection: Protection {
                encrypted,
                ..Protection::default()
            },
            parts: Vec::new(),
            sealed: encrypted,
            signature: SignatureVerdict::default(),
            text: String::new(),
            attachments: Vec::new(),
            automatic_reply_allowed: true,
            report: kind.has_report().then_some(report),
            asks_for_certificate: false,
            language: None,
            delivery: None,
            sealed_to: None,
            signed_to: Vec::new(),
            signed_threads: Vec::new(),
            faults: Vec::new(),
            certificates: Vec::new(),
        }
    }

    fn decide(reading: &Reading, policy: &Policy) -> Decision {
        let letter = ReadLetter {
            intake: IntakeId(1),
            received_at: now(),
            spooled_at: now(),
            is_first: true,
            arrived_in: &ARRIVED_IN,
            answerable: true,
            signed_by_pinned: false,
            proven: false,
            of_participant: false,
            older: None,
            alike: None,
            reading: Some(reading),
        };
        on_reading(&case(), &letter, policy, now())
    }

    fn works(decision: &Decision) -> Vec<&'static str> {
        decision.effects.iter().map(|e| e.work.as_str()).collect()
    }

    /// As where the thread stands outside; Delta Chat and Thunderbird write it inside, too.
    #[test]
    fn a_thread_inside_joins_by_a_known_certificate_or_by_a_proven_domain_to_an_open_case() {
        let older = CaseId::from_random([2; 10]);
        let sealed = reading(LetterKind::Report, true, true);
        let joins = |signed_by_pinned, proven, originator_in_case, is_closed| {
            let letter = ReadLetter {
                intake: IntakeId(1),
                received_at: now(),
                spooled_at: now(),
                is_first: true,
                arrived_in: &ARRIVED_IN,
                answerable: true,
                signed_by_pinned,
                proven,
                of_participant: false,
                older: Some(Older {
                    case: &older,
                    originator_in_case,
                    is_closed,
                }),
                alike: None,
                reading: Some(&sealed),
            };
            let decision = on_reading(&case(), &letter, &Policy::default(), now());
            assert_eq!(
                works(&decision)
                    .iter()
                    .filter(|w| **w == "call-by-mail")
                    .count(),
                1,
                "whatever it is, a human hears of it once"
            );
            decision.letter_of == Some(older.clone())
        };
        assert!(joins(true, false, true, false) && joins(true, false, true, true));
        assert!(joins(false, true, true, false));
        assert!(!joins(false, true, true, true) && !joins(false, true, false, false));
        assert!(!joins(true, true, false, false) && !joins(false, false, true, false));
    }

    /// The first letter of a case, by somebody of an older one who is known there.
    fn proven_part_of<'a>(older: &'a CaseId, reading: &'a Reading) -> ReadLetter<'a> {
        ReadLetter {
            intake: IntakeId(1),
            received_at: now(),
            spooled_at: now(),
            is_first: true,
            arrived_in: &ARRIVED_IN,
            answerable: true,
            signed_by_pinned: true,
            proven: true,
            of_participant: true,
            older: Some(Older {
                case: older,
                originator_in_case: true,
                is_closed: false,
            }),
            alike: None,
            reading: Some(reading),
        }
    }

    #[test]
    fn a_letter_that_nothing_proves_files_nothing_joins_nothing_and_calls_once() {
        use crate::decide::FilePolicy;
        use crate::model::reading::Integrity;
        let older = CaseId::from_random([7; 10]);
        for (file, is_first, hurried) in [
            (FilePolicy::Always, true, true),
            (FilePolicy::Always, false, false),
            (FilePolicy::Evident, true, false),
        ] {
            let policy = Policy {
                file,
                ..Policy::default()
            };
            let mut reading = reading(LetterKind::Report, true, true);
            reading.text = "1. open it".to_owned();
            reading.protection.integrity = Integrity::Unproven;
            if let Some(report) = &mut reading.report {
                report.disclosure.intent = if hurried {
                    Intent::AlreadyPublic
                } else {
                    Intent::Public
                };
            }
            let letter = ReadLetter {
                is_first,
                alike: Some(&older),
                ..proven_part_of(&older, &reading)
            };
            let decision = on_reading(&case(), &letter, &policy, now());
            let called = Work::CallByMail(Reason::LetterUnproven);
            let works: Vec<Work> = decision.effects.iter().map(|e| e.work).collect();
            assert_eq!(works, [called]);
            assert_eq!(decision.letter_of, None);
            if let Some(CaseChange::Update { after, .. }) = &decision.case {
                assert_eq!(after.draft(), &Draft::AwaitsConfirmation);
                assert_eq!(after.perhaps_of(), None);
            }
        }
    }

    /// With `hold`, nothing of what came sealed reaches the tracker before a responder decides.
    #[test]
    fn what_joins_an_older_case_is_held_like_any_other_sealed_letter() {
        let older = CaseId::from_random([2; 10]);
        let joined = |sealed: SealedPolicy, encrypted: bool| {
            let reading = reading(LetterKind::Report, encrypted, true);
            let policy = Policy {
                sealed,
                ..Policy::default()
            };
            let letter = proven_part_of(&older, &reading);
            let decision = on_reading(&case(), &letter, &policy, now());
            assert_eq!(decision.letter_of, Some(older.clone()));
            works(&decision).contains(&"append-follow-up")
        };
        assert!(!joined(SealedPolicy::Hold, true));
        assert!(joined(SealedPolicy::Hold, false));
        assert!(joined(SealedPolicy::default(), true));
    }

    #[test]
    fn an_evident_report_is_filed_and_another_waits_for_a_word() {
        let policy = Policy::default();
        assert_eq!(
            works(&decide(&reading(LetterKind::Report, true, true), &policy)),
            ["file-advisory", "call-by-mail"]
        );
        assert_eq!(
            works(&decide(&reading(LetterKind::Report, true, false), &policy)),
            ["call-by-mail"]
        );
        let hold = Policy {
            sealed: SealedPolicy::Hold,
            ..Policy::default()
        };
        assert_eq!(
            works(&decide(&reading(LetterKind::Report, true, true), &hold)),
            ["call-by-mail"]
        );
    }

    #[test]
    fn a_clear_key_request_gets_the_key_and_a_sealed_one_waits() {
        let clear = decide(
            &reading(LetterKind::KeyRequest, false, false),
            &Policy::default(),
        );
        // The acknowledgement's own effect sends it instead, at the hour that the arrival fixed.
        assert!(works(&clear).is_empty() && clear.cancelled.is_empty());
        let Some(CaseChange::Update { after, .. }) = clear.case else {
            panic!()
        };
        let closed = Standing::Closed {
            at: now(),
            why: Closing::KeyRequest,
        };
        assert_eq!(*after.standing(), closed);
        let sealed = decide(
            &reading(LetterKind::KeyRequest, true, false),
            &Policy::default(),
        );
        assert!(sealed.cancelled.is_empty() && !works(&sealed).contains(&"send-certificate"));
    }

    #[test]
    fn nothing_that_decryption_shows_changes_the_acknowledgement() {
        for kind in [
            LetterKind::Report,
            LetterKind::KeyRequest,
            LetterKind::AutoReply,
            LetterKind::Dsn,
            LetterKind::Spam,
            LetterKind::Other,
        ] {
            let decision = decide(&reading(kind, true, false), &Policy::default());
            assert!(decision.cancelled.is_empty(), "{kind:?}");
            if let Some(CaseChange::Update { after, .. }) = decision.case {
                assert_eq!(
                    after.acknowledgement(),
                    case().acknowledgement(),
                    "{kind:?}"
                );
            }
        }
    }

    #[test]
    fn a_sealed_letter_makes_one_call_whatever_is_in_it() {
        let mut shut = reading(LetterKind::Report, true, false);
        shut.protection.shut = Some(Shut::NoKey);
        let public = |mut reading: Reading| {
            reading.report = reading.report.map(|mut r| {
                r.disclosure.intent = Intent::AlreadyPublic;
                r
            });
            reading
        };
        let kinds = [
            LetterKind::Report,
            LetterKind::KeyRequest,
            LetterKind::AutoReply,
            LetterKind::Dsn,
            LetterKind::Spam,
            LetterKind::Other,
        ];
        let opened = kinds.into_iter().map(|kind| reading(kind, true, false));
        let calls = |reading: &Reading| -> Vec<String> {
            let decision = decide(reading, &Policy::default());
            decision
                .effects
                .iter()
                .filter(|e| e.work.reason().is_some())
                .map(|e| e.key.to_string())
                .collect()
        };
        let expected = calls(&shut);
        assert_eq!(expected.len(), 1);
        for reading in opened.chain([
            reading(LetterKind::Report, true, true),
            public(reading(LetterKind::Report, true, true)),
        ]) {
            assert_eq!(calls(&reading), expected, "{:?}", reading.kind);
        }
        // A clear one says what it says to everybody, so it may raise the alarm.
        assert_eq!(
            calls(&public(reading(LetterKind::Report, false, true))).len(),
            2
        );
    }

    /// Whoever wraps a captured letter in one of their own, which names their case, learns nothing from
    /// where it lies.
    #[test]
    fn what_an_outer_layer_names_joins_whether_or_not_the_inner_one_opens() {
        let older = CaseId::from_random([2; 10]);
        let opened = reading(LetterKind::Report, true, false);
        let mut shut = reading(LetterKind::Report, true, false);
        shut.text.clear();
        shut.protection.shut = Some(Shut::NoKey);
        for read in [&opened, &shut] {
            let letter = proven_part_of(&older, read);
            let decision = on_reading(&case(), &letter, &Policy::default(), now());
            assert_eq!(decision.letter_of.as_ref(), Some(&older));
            let calls = works(&decision)
                .into_iter()
                .filter(|work| *work == "call-by-mail")
                .count();
            assert_eq!(calls, 1);
        }
    }

    /// Anybody who learnt an address with a tag can have a letter lie in a case.
    #[test]
    fn only_what_a_participant_is_proven_to_have_written_is_added_to_the_draft() {
        let case = case().queue_draft().unwrap();
        let follow_up = reading(LetterKind::FollowUp, false, false);
        let added = |proven, signed_by_pinned, of_participant| {
            let letter = ReadLetter {
                intake: IntakeId(2),
                received_at: now(),
                spooled_at: now(),
                is_first: false,
                arrived_in: &ARRIVED_IN,
                answerable: true,
                signed_by_pinned,
                proven,
                of_participant,
                older: None,
                alike: None,
                reading: Some(&follow_up),
            };
            let decision = on_reading(&case, &letter, &Policy::default(), now());
            let works = works(&decision);
            assert!(works.contains(&"call-by-mail"), "humans hear of each");
            works.contains(&"append-follow-up")
        };
        assert!(added(true, false, true) && added(false, true, true));
        assert!(!added(true, true, false) && !added(false, false, true));
    }

    #[test]
    fn what_follows_in_a_case_calls_humans_unless_it_answers_by_itself_or_asks_for_the_key_alone() {
        let followed = |reading: &Reading| {
            let letter = ReadLetter {
                intake: IntakeId(2),
                received_at: now(),
                spooled_at: now(),
                is_first: false,
                arrived_in: &ARRIVED_IN,
                answerable: true,
                signed_by_pinned: false,
                proven: false,
                of_participant: false,
                older: None,
                alike: None,
                reading: Some(reading),
            };
            let decision = on_reading(&case(), &letter, &Policy::default(), now());
            works(&decision).join(" ")
        };
        for (kind, expected) in [
            (LetterKind::FollowUp, "call-by-mail"),
            // A CERT's list, or a ticket system.
            (LetterKind::List, "call-by-mail"),
            (LetterKind::AutoReply, ""),
            (LetterKind::Dsn, ""),
        ] {
            assert_eq!(followed(&reading(kind, false, false)), expected, "{kind:?}");
        }
        let key_request = Reading {
            asks_for_certificate: true,
            ..reading(LetterKind::KeyRequest, false, false)
        };
        assert_eq!(followed(&key_request), "send-certificate");
    }

    #[test]
    fn a_shut_or_unreadable_letter_goes_to_a_human() {
        let mut shut = reading(LetterKind::Report, true, false);
        shut.protection.shut = Some(Shut::NoKey);
        let decision = decide(&shut, &Policy::default());
        assert_eq!(
            decision.effects[0].work,
            Work::CallByMail(Reason::LetterShut)
        );
        let letter = ReadLetter {
            intake: IntakeId(1),
            received_at: now(),
            spooled_at: now(),
            is_first: true,
            arrived_in: &ARRIVED_IN,
            answerable: true,
            signed_by_pinned: false,
            proven: false,
            of_participant: false,
            older: None,
            alike: None,
            reading: None,
        };
        assert_eq!(
            on_reading(&case(), &letter, &Policy::default(), now()).effects[0].work,
            Work::CallByMail(Reason::LetterUnreadable)
        );
    }
}
