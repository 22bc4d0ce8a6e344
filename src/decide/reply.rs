//! What follows from a responder's words to a reporter?

use super::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::case::Case;
use crate::model::effect::{Effect, EffectKey, Reason};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use crate::model::letter::Role;

/// Their words are on their way, sealed. `word` tells this reply from the others of the case, so
/// that one said twice leaves once.
pub fn reply(case: &CaseId, word: &str, sealed: Vec<u8>, by: &str, now: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::reply(case, word, sealed, now)],
        journal: vec![Entry::of(case, JournalEvent::ReplyAccepted, by)],
        ..Decision::default()
    }
}

/// What a responder's letter says is on its way, sealed: it is done in the order of the letter, and
/// told to them.
pub fn words(case: &CaseId, token: &str, sealed: Vec<u8>, by: &str, now: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::execute_mail(case, token, sealed, now)],
        journal: vec![Entry::of(case, JournalEvent::WordsAccepted, by)],
        ..Decision::default()
    }
}

/// A letter that was taken for a reporter's until its signature and its token said that a responder
/// answers a call with it. The case that it opened is part of the other one.
pub fn of_responder(
    opened: Option<&Case>,
    answered: &CaseId,
    decided: Decision,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision {
        letter_of: Some(answered.clone()),
        role: Role::TeamReply,
        ..decided
    };
    let Some(opened) = opened.filter(|opened| opened.id() != answered) else {
        return decision;
    };
    if let Ok(joined) = opened.clone().join(answered.clone(), now) {
        let event = JournalEvent::JoinedToOlderCase;
        let entry = Entry::of(opened.id(), event, answered.as_str());
        decision.journal.push(entry);
        decision.case = Some(CaseChange::update(opened, joined));
    }
    decision
}

/// A reply of which nothing that is signed says that it is meant for the desk: its writer is asked.
pub fn put_back(case: &CaseId, intake: IntakeId, sealed: Vec<u8>, at: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::tell_outcomes(
            Reason::ReplyPutBack,
            case,
            &intake.to_string(),
            sealed,
            at,
        )],
        journal: vec![Entry::of(
            case,
            JournalEvent::ReplyPutBackToWriter,
            format!("letter {intake}"),
        )],
        ..Decision::default()
    }
}

const SECONDS_PER_HOUR: i64 = 3600;

/// A reply that came by mail and is not passed on: the responder under whose name it came hears
/// why, sealed to them: every time where it came sealed or they signed it, else once an hour and
/// case, for anybody can write under their name. What came sealed makes one call, whether or not it
/// opened.
pub fn reply_refused(
    case: &CaseId,
    intake: IntakeId,
    why: &str,
    each_time: bool,
    sealed: Vec<u8>,
    at: Timestamp,
) -> Decision {
    let token = if each_time {
        intake.to_string()
    } else {
        format!("unsigned-{}", at.as_second() / SECONDS_PER_HOUR)
    };
    let reason = Reason::ReplyRefused;
    Decision {
        effects: vec![Effect::tell_outcomes(reason, case, &token, sealed, at)],
        journal: vec![Entry::of(
            case,
            JournalEvent::ReplyRefused,
            format!("letter {intake}: {why}"),
        )],
        ..Decision::default()
    }
}

/// The reply left. It is an acknowledgement too, where none went out before.
pub fn replied(case: &Case, signed_at: Timestamp, detail: &str) -> Decision {
    let mut decision = Decision {
        journal: vec![Entry::of(case.id(), JournalEvent::ReplySent, detail)],
        ..Decision::default()
    };
    if let Ok(acknowledged) = case.clone().acknowledged(signed_at, true) {
        decision.case = Some(CaseChange::update(case, acknowledged));
        decision.cancelled = vec![EffectKey::acknowledge(case.id())];
    }
    decision
}

/// A responder has the desk ask the reporter for what is missing.
pub fn ask(case: &CaseId, intake: IntakeId, by: &str, now: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::ask_manually(case, intake, now)],
        journal: vec![Entry::of(case, JournalEvent::QuestionReleased, by)],
        ..Decision::default()
    }
}

/// A responder has the desk ask the reporter to keep it private until the fix is released.
pub fn ask_private(case: &CaseId, intake: IntakeId, by: &str, now: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::ask_private_manually(case, intake, now)],
        journal: vec![Entry::of(
            case,
            JournalEvent::RequestForPrivateDisclosureReleased,
            by,
        )],
        ..Decision::default()
    }
}

/// A responder has the desk send them our certificate.
pub fn send_certificate(case: &CaseId, intake: IntakeId, by: &str, now: Timestamp) -> Decision {
    Decision {
        effects: vec![Effect::send_certificate_manually(intake, case, now)],
        journal: vec![Entry::of(case, JournalEvent::CertificateReleased, by)],
        ..Decision::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::Acknowledgement;

    #[test]
    fn a_reply_is_an_answer_where_none_went_out() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let id = CaseId::from_random([1; 10]);
        let case = Case::arrived(id, now, Acknowledgement::due(now), None, None)
            .open()
            .unwrap();
        let decision = replied(&case, now, "x");
        let Some(CaseChange::Update { after, .. }) = decision.case else {
            panic!()
        };
        assert_eq!(
            (after.acknowledgement().as_str(), decision.cancelled.len()),
            ("sent", 1)
        );
        assert!(replied(&after, now, "x").case.is_none());
    }
}
