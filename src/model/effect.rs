//! What will the desk do? Effects: values with a stable key, saved before they are done.

use super::Timestamp;
use super::ids::{CaseId, EffectKey, IntakeId};
use serde::{Deserialize, Serialize};

/// One thing to do in the world. It names letters and cases and holds no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub key: EffectKey,
    pub work: Work,
    pub case: Option<CaseId>,
    pub intake: Option<IntakeId>,
    /// Not before this.
    pub due: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", content = "reason", rename_all = "kebab-case")]
pub enum Work {
    Acknowledge,
    SendCertificate,
    FileAdvisory,
    AppendFollowUp,
    /// An encrypted letter to every responder.
    CallByMail(Reason),
    /// The second path, which shares nothing with SMTP and carries no content.
    CallBySecondPath(Reason),
}

/// Why a human is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    NewCase,
    AcknowledgementDue,
    AnswerByHand,
    LeftUnsigned,
    LetterShut,
    LetterUnreadable,
    AlreadyPublic,
    AnswerBounced,
    AwaitsWord,
    PerhapsFollowUp,
    GaveUp,
    DraftDoubled,
    OldLettersHeld,
    FaultLasts,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewCase => "new-case",
            Self::AcknowledgementDue => "acknowledgement-due",
            Self::AnswerByHand => "answer-by-hand",
            Self::LeftUnsigned => "left-unsigned",
            Self::LetterShut => "letter-shut",
            Self::LetterUnreadable => "letter-unreadable",
            Self::AlreadyPublic => "already-public",
            Self::AnswerBounced => "answer-bounced",
            Self::AwaitsWord => "awaits-word",
            Self::PerhapsFollowUp => "perhaps-follow-up",
            Self::GaveUp => "gave-up",
            Self::DraftDoubled => "draft-doubled",
            Self::OldLettersHeld => "old-letters-held",
            Self::FaultLasts => "fault-lasts",
        }
    }

    /// One sentence for a responder who reads it on a telephone.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NewCase => "A new report arrived and its case is open.",
            Self::AcknowledgementDue => "An acknowledgement is not out yet and its deadline is near. Answer the reporter by hand.",
            Self::AnswerByHand => "A letter may not be answered by a machine. Answer the reporter by hand.",
            Self::LeftUnsigned => "An acknowledgement left unsigned, because nothing could be signed for 12 hours. Look at the opener.",
            Self::LetterShut => "A letter could not be decrypted. The reporter was acknowledged; ask for it again in another way.",
            Self::LetterUnreadable => "Reading a letter failed twice. It is kept; look at it on an isolated machine.",
            Self::AlreadyPublic => "A letter speaks of a vulnerability that is already public.",
            Self::AnswerBounced => "An answer of ours came back undelivered.",
            Self::AwaitsWord => "A case waits for your word before a draft is filed: run sealdesk case file.",
            Self::PerhapsFollowUp => "A letter names an existing case, but its sender is not proven. Compare the two cases.",
            Self::GaveUp => "The desk gave up on something after many tries. See sealdesk status.",
            Self::DraftDoubled => "The tracker holds two drafts of one case, after an answer that never came. Close the one that its journal names.",
            Self::OldLettersHeld => "Many unknown old letters appeared in the mailbox. Answers are held until you run sealdesk import.",
            Self::FaultLasts => "A fault lasts and the desk cannot mend it. See sealdesk status.",
        }
    }

    /// Whether the second path is used too: what can't wait for the mail to be read.
    pub fn is_urgent(self) -> bool {
        !matches!(self, Self::NewCase | Self::AwaitsWord | Self::PerhapsFollowUp | Self::DraftDoubled)
    }
}

impl Work {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::SendCertificate => "send-certificate",
            Self::FileAdvisory => "file-advisory",
            Self::AppendFollowUp => "append-follow-up",
            Self::CallByMail(_) => "call-by-mail",
            Self::CallBySecondPath(_) => "call-by-second-path",
        }
    }
}

impl Effect {
    pub fn acknowledge(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self { key: EffectKey(format!("acknowledge:{case}")), work: Work::Acknowledge, case: Some(case.clone()), intake: Some(intake), due }
    }

    pub fn send_certificate(intake: IntakeId, case: &CaseId, due: Timestamp) -> Self {
        Self { key: EffectKey(format!("certificate:{intake}")), work: Work::SendCertificate, case: Some(case.clone()), intake: Some(intake), due }
    }

    pub fn file_advisory(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self { key: EffectKey(format!("file:{case}")), work: Work::FileAdvisory, case: Some(case.clone()), intake: Some(intake), due }
    }

    pub fn append_follow_up(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self { key: EffectKey(format!("append:{case}:{intake}")), work: Work::AppendFollowUp, case: Some(case.clone()), intake: Some(intake), due }
    }

    /// Calls responders about a case: by mail always, by the second path where it is urgent.
    pub fn call(reason: Reason, case: &CaseId, due: Timestamp) -> Vec<Self> {
        let one = |path: &str, work| Self {
            // Each decision calls anew; saving one decision twice is what a transaction prevents.
            key: EffectKey(format!("call:{path}:{}:{case}:{}", reason.as_str(), due.as_millisecond())),
            work,
            case: Some(case.clone()),
            intake: None,
            due,
        };
        let mut calls = vec![one("mail", Work::CallByMail(reason))];
        if reason.is_urgent() {
            calls.push(one("second", Work::CallBySecondPath(reason)));
        }
        calls
    }

    /// Calls responders about the desk itself. `about` tells repeated calls apart: one a fault and day, say.
    pub fn call_about_desk(reason: Reason, about: &str, due: Timestamp) -> Vec<Self> {
        let one = |path: &str, work| Self { key: EffectKey(format!("call:{path}:{}:desk:{about}", reason.as_str())), work, case: None, intake: None, due };
        vec![one("mail", Work::CallByMail(reason)), one("second", Work::CallBySecondPath(reason))]
    }
}
