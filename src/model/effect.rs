//! What will the desk do? Effects: values with a stable key, saved before they are done.

mod key;
mod reason;
mod work;

use super::Timestamp;
use super::ids::{CaseId, IntakeId};
pub use key::EffectKey;
pub use reason::Reason;
pub use work::Work;

/// One thing to do in the world. It names letters and cases; what text it needs, it holds sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub key: EffectKey,
    pub work: Work,
    pub case: Option<CaseId>,
    pub intake: Option<IntakeId>,
    /// Not before this.
    pub due: Timestamp,
    /// Sealed as everything at rest.
    pub payload: Option<Vec<u8>>,
}

impl Effect {
    fn new(
        key: EffectKey,
        work: Work,
        case: &CaseId,
        intake: Option<IntakeId>,
        due: Timestamp,
    ) -> Self {
        Self {
            key,
            work,
            case: Some(case.clone()),
            intake,
            due,
            payload: None,
        }
    }

    /// One for each case: `intake` is the letter that opened it.
    pub fn acknowledge(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::acknowledge(case),
            Work::Acknowledge,
            case,
            Some(intake),
            due,
        )
    }

    /// One for each letter whose writer is proven and that has no acknowledgement of its own.
    pub fn keep_certificates(case: Option<&CaseId>, intake: IntakeId, due: Timestamp) -> Self {
        Self {
            key: EffectKey::keep_certificates(intake),
            work: Work::KeepCertificates,
            case: case.cloned(),
            intake: Some(intake),
            due,
            payload: None,
        }
    }

    /// One for each sealed letter that looked like a machine's.
    pub fn open_case(intake: IntakeId, due: Timestamp) -> Self {
        Self {
            key: EffectKey::open_case(intake),
            work: Work::OpenCase,
            case: None,
            intake: Some(intake),
            due,
            payload: None,
        }
    }

    /// One for each letter that asks for our certificate.
    pub fn send_certificate(intake: IntakeId, case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::certificate(intake),
            Work::SendCertificate,
            case,
            Some(intake),
            due,
        )
    }

    /// One for each letter whose report lacks something.
    pub fn ask(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::ask(case, intake),
            Work::Ask,
            case,
            Some(intake),
            due,
        )
    }

    /// As [`Self::ask`], on a responder's command: each is a question of its own, and no cap holds
    /// it back.
    pub fn ask_manually(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::ask(case, intake).manual(due),
            Work::Ask,
            case,
            Some(intake),
            due,
        )
    }

    /// Asks a reporter who means to publish for private disclosure: on a responder's command alone.
    pub fn ask_private_manually(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::ask_private(case, intake).manual(due),
            Work::AskPrivate,
            case,
            Some(intake),
            due,
        )
    }

    /// As [`Self::send_certificate`], on a responder's command.
    pub fn send_certificate_manually(intake: IntakeId, case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::certificate(intake).manual(due),
            Work::SendCertificate,
            case,
            Some(intake),
            due,
        )
    }

    /// Whether a responder commanded it, so that no cap on automatic answers holds it back.
    pub fn is_manual(&self) -> bool {
        self.key.is_manual()
    }

    /// `tag` tells the replies in a case apart.
    pub fn reply(case: &CaseId, tag: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(EffectKey::reply(case, tag), Work::Reply, case, None, due)
        }
    }

    /// `token` tells the letters of responders apart.
    pub fn execute_mail(case: &CaseId, token: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                EffectKey::execute_mail(case, token),
                Work::ExecuteMail,
                case,
                None,
                due,
            )
        }
    }

    /// Tells a responder what became of their words.
    pub fn tell_outcomes(
        reason: Reason,
        case: &CaseId,
        token: &str,
        sealed: Vec<u8>,
        due: Timestamp,
    ) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                EffectKey::tell_outcomes(case, token),
                Work::CallByMail(reason),
                case,
                None,
                due,
            )
        }
    }

    /// `tag` tells the notices of a case apart, and `to` whom each goes to, without naming them:
    /// keys are logged.
    pub fn notify(case: &CaseId, tag: &str, to: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                EffectKey::notice(case, tag, to),
                Work::Notify,
                case,
                None,
                due,
            )
        }
    }

    /// `tag` tells the announcements of a case apart, and `to` the list or post that each goes to.
    /// `sealed` holds its text.
    pub fn announce(case: &CaseId, tag: &str, to: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                EffectKey::announce(case, tag, to),
                Work::Announce,
                case,
                None,
                due,
            )
        }
    }

    /// One for each case: `intake` is the letter that the draft is made from.
    pub fn file_advisory(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::file(case),
            Work::FileAdvisory,
            case,
            Some(intake),
            due,
        )
    }

    /// One for each later letter; queued again, it is done again.
    pub fn append_follow_up(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::append(case, intake),
            Work::AppendFollowUp,
            case,
            Some(intake),
            due,
        )
    }

    /// One for each moment at which what the advisory should say changed.
    pub fn amend_advisory(case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::amend(case, due),
            Work::AmendAdvisory,
            case,
            None,
            due,
        )
    }

    /// Once a case: the tracker hands out one.
    pub fn request_cve(case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            EffectKey::request_cve(case),
            Work::RequestCve,
            case,
            None,
            due,
        )
    }

    /// One for each case.
    pub fn open_fork(case: &CaseId, due: Timestamp) -> Self {
        Self::new(EffectKey::fork(case), Work::OpenFork, case, None, due)
    }

    /// Calls responders about a case: by mail always, by the second path where it is urgent.
    pub fn call(reason: Reason, case: &CaseId, due: Timestamp) -> Vec<Self> {
        Self::calls(reason, case, None, due)
    }

    /// As [`Self::call`], about what was read in one letter of the case. `in_clear`: anyone on the
    /// way could read it too. What only decryption showed reaches no second path, and no key, for
    /// keys are logged.
    pub fn call_about_letter(
        reason: Reason,
        case: &CaseId,
        intake: IntakeId,
        in_clear: bool,
        due: Timestamp,
    ) -> Vec<Self> {
        let mut calls = Self::calls(reason, case, Some(intake), due);
        calls.retain(|call| in_clear || matches!(call.work, Work::CallByMail(_)));
        calls
    }

    fn calls(reason: Reason, case: &CaseId, intake: Option<IntakeId>, due: Timestamp) -> Vec<Self> {
        let one = |path: &str, work| {
            let key = EffectKey::call(path, reason, case, intake, due);
            Self::new(key, work, case, intake, due)
        };
        let mut calls = vec![one("mail", Work::CallByMail(reason))];
        if reason.is_urgent() {
            calls.push(one("second", Work::CallBySecondPath(reason)));
        }
        calls
    }

    /// Calls responders about the desk itself. `about` tells repeated calls apart: one a fault and
    /// day, say.
    pub fn call_about_desk(reason: Reason, about: &str, due: Timestamp) -> Vec<Self> {
        let one = |path: &str, work| Self {
            key: EffectKey::call_about_desk(path, reason, about),
            work,
            case: None,
            intake: None,
            due,
            payload: None,
        };
        let mut calls = vec![one("mail", Work::CallByMail(reason))];
        if reason.is_urgent() {
            calls.push(one("second", Work::CallBySecondPath(reason)));
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name in the code may change; what is stored and sent under it must not.
    #[test]
    fn what_is_serialized_is_what_is_stored() {
        let name = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        for (n, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(
                reason as usize, n,
                "{reason:?} stands elsewhere in the list"
            );
            assert_eq!(name(serde_json::to_value(reason).unwrap()), reason.as_str());
        }
        for work in Work::WITHOUT_REASON {
            let serialized = serde_json::to_value(work).unwrap();
            assert_eq!(name(serialized["work"].clone()), work.as_str());
        }
    }
}
