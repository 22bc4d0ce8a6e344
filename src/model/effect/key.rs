//! Under which name is an effect saved once? Keys are made here and nowhere else, and nobody takes
//! them apart. They are logged, so that they hold no word of a letter and no address of a reporter.

use super::Reason;
use crate::model::Timestamp;
use crate::model::ids::{CaseId, IntakeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name under which an effect is saved once and carried out at least once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectKey(String);

/// Stands in the keys of what a responder commanded.
const MANUAL_MARK: &str = ":by-word:";

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl EffectKey {
    /// A key as the store has it.
    pub fn stored(key: String) -> Self {
        Self(key)
    }

    /// As the store and the log write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all calls about a case have in common: it names their thread, and no effect.
    pub fn calls(case: &CaseId) -> Self {
        Self(format!("calls:{case}"))
    }

    /// A letter by which somebody signs in; it is no effect, and `tag` tells it from others.
    pub fn sign_in(tag: &str) -> Self {
        Self(format!("sign-in:{tag}"))
    }

    /// One acknowledgement a case.
    pub fn acknowledge(case: &CaseId) -> Self {
        Self(format!("acknowledge:{case}"))
    }

    /// One look at a letter's certificates from outside.
    pub(super) fn keep_certificates(intake: IntakeId) -> Self {
        Self(format!("keep-certificates:{intake}"))
    }

    /// One case a letter.
    pub(super) fn open_case(intake: IntakeId) -> Self {
        Self(format!("open-case:{intake}"))
    }

    /// One automatic answer with our certificate a letter.
    pub(super) fn certificate(intake: IntakeId) -> Self {
        Self(format!("certificate:{intake}"))
    }

    /// One automatic question a letter.
    pub fn ask(case: &CaseId, intake: IntakeId) -> Self {
        Self(format!("ask:{case}:{intake}"))
    }

    pub(super) fn ask_private(case: &CaseId, intake: IntakeId) -> Self {
        Self(format!("ask-private:{case}:{intake}"))
    }

    /// The same on a responder's command: each command is an effect of its own.
    pub(super) fn manual(self, at: Timestamp) -> Self {
        Self(format!("{self}{MANUAL_MARK}{}", at.as_millisecond()))
    }

    /// Whether a responder commanded it.
    pub(super) fn is_manual(&self) -> bool {
        self.0.contains(MANUAL_MARK)
    }

    /// `tag` tells the replies in a case apart.
    pub(super) fn reply(case: &CaseId, tag: &str) -> Self {
        Self(format!("reply:{case}:{tag}"))
    }

    /// `token` tells the letters of responders apart.
    pub(super) fn execute_mail(case: &CaseId, token: &str) -> Self {
        Self(format!("say:{case}:{token}"))
    }

    pub(super) fn tell_outcomes(case: &CaseId, token: &str) -> Self {
        Self(format!("call:mail:words:{case}:{token}"))
    }

    /// `tag` tells the notices of a case apart, and `to`, a tag too, their recipients.
    pub(super) fn notice(case: &CaseId, tag: &str, to: &str) -> Self {
        Self(format!("notice:{case}:{tag}:{to}"))
    }

    /// `tag` tells the announcements of a case apart, and `to` their lists and posts.
    pub(super) fn announce(case: &CaseId, tag: &str, to: &str) -> Self {
        Self(format!("announce:{case}:{tag}:{to}"))
    }

    /// One draft a case.
    pub fn file(case: &CaseId) -> Self {
        Self(format!("file:{case}"))
    }

    pub(super) fn append(case: &CaseId, intake: IntakeId) -> Self {
        Self(format!("append:{case}:{intake}"))
    }

    pub(super) fn amend(case: &CaseId, at: Timestamp) -> Self {
        Self(format!("amend:{case}:{}", at.as_millisecond()))
    }

    pub(super) fn request_cve(case: &CaseId) -> Self {
        Self(format!("request-cve:{case}"))
    }

    pub(super) fn fork(case: &CaseId) -> Self {
        Self(format!("fork:{case}"))
    }

    /// A call about a case. Each decision calls anew; saving one decision twice is what a
    /// transaction prevents. A call about a letter names neither its reason nor its case: both may
    /// follow from what was read in it.
    pub(super) fn call(
        path: &str,
        reason: Reason,
        case: &CaseId,
        intake: Option<IntakeId>,
        at: Timestamp,
    ) -> Self {
        let at = at.as_millisecond();
        Self(match intake {
            None => format!("call:{path}:{}:{case}:{at}", reason.as_str()),
            Some(intake) => format!("call:{path}:letter:{at}:{intake}"),
        })
    }

    /// A call about the desk itself. `about` tells repeated calls apart.
    pub(super) fn call_about_desk(path: &str, reason: Reason, about: &str) -> Self {
        Self(format!("call:{path}:{}:desk:{about}", reason.as_str()))
    }

    /// One letter of the desk to itself.
    pub fn canary(run: &str, shape: &str) -> Self {
        Self(format!("canary:{run}:{shape}"))
    }

    /// The part of an effect that is for one of its recipients.
    pub fn for_recipient(&self, to: impl fmt::Display) -> Self {
        Self(format!("{self}:{to}"))
    }
}
