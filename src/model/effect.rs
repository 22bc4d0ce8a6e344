//! What will the desk do? Effects: values with a stable key, saved before they are done.

use super::Timestamp;
use super::ids::{CaseId, EffectKey, IntakeId};
use serde::{Deserialize, Serialize};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", content = "reason", rename_all = "kebab-case")]
pub enum Work {
    Acknowledge,
    SendCertificate,
    /// Asks the reporter for what his report lacks.
    Ask,
    /// Asks him to keep it private until the fix is released.
    AskPrivate,
    /// A responder's words to the reporter.
    Reply,
    /// What a responder's letter told the desk to do.
    SayWords,
    /// An embargoed notice to one distributor.
    Notify,
    /// A release, to one mailing list or by a post.
    Announce,
    FileAdvisory,
    AppendFollowUp,
    /// Brings the advisory up to what the team found.
    AmendAdvisory,
    RequestCve,
    /// A private fork in which the fix is made.
    OpenFork,
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
    FollowUp,
    LikelyDuplicate,
    AcknowledgementDue,
    AcknowledgementMissed,
    AnswerByHand,
    ReportedInTracker,
    FixTeamDue,
    FixTeamMissed,
    FixDue,
    FixMissed,
    ReleaseDue,
    ReleaseMissed,
    RetrospectiveDue,
    RetrospectiveMissed,
    LeftUnsigned,
    LetterShut,
    LetterUnreadable,
    AlreadyPublic,
    DisclosureIntended,
    AnswerBounced,
    NoticeFailed,
    NotAnnounced,
    ReplyRefused,
    ReplyPutBack,
    RelayRefused,
    WordsTaken,
    WordsRefused,
    AwaitsWord,
    SealedLetterRead,
    PerhapsFollowUp,
    GaveUp,
    DraftDoubled,
    OldLettersHeld,
    LettersWithoutCase,
    ManyLetters,
    CertificateEnds,
    ResponderUnreachable,
    PublishedDiffers,
    CanaryFailed,
    FaultLasts,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewCase => "new-case",
            Self::FollowUp => "follow-up",
            Self::LikelyDuplicate => "likely-duplicate",
            Self::AcknowledgementDue => "acknowledgement-due",
            Self::AcknowledgementMissed => "acknowledgement-missed",
            Self::AnswerByHand => "answer-by-hand",
            Self::ReportedInTracker => "reported-in-tracker",
            Self::FixTeamDue => "fix-team-due",
            Self::FixTeamMissed => "fix-team-missed",
            Self::FixDue => "fix-due",
            Self::FixMissed => "fix-missed",
            Self::ReleaseDue => "release-due",
            Self::ReleaseMissed => "release-missed",
            Self::RetrospectiveDue => "retrospective-due",
            Self::RetrospectiveMissed => "retrospective-missed",
            Self::LeftUnsigned => "left-unsigned",
            Self::LetterShut => "letter-shut",
            Self::LetterUnreadable => "letter-unreadable",
            Self::AlreadyPublic => "already-public",
            Self::DisclosureIntended => "disclosure-intended",
            Self::AnswerBounced => "answer-bounced",
            Self::NoticeFailed => "notice-failed",
            Self::NotAnnounced => "not-announced",
            Self::ReplyRefused => "reply-refused",
            Self::ReplyPutBack => "reply-put-back",
            Self::RelayRefused => "relay-refused",
            Self::WordsTaken => "words-taken",
            Self::WordsRefused => "words-refused",
            Self::AwaitsWord => "awaits-word",
            Self::SealedLetterRead => "sealed-letter-read",
            Self::PerhapsFollowUp => "perhaps-follow-up",
            Self::GaveUp => "gave-up",
            Self::DraftDoubled => "draft-doubled",
            Self::OldLettersHeld => "old-letters-held",
            Self::LettersWithoutCase => "letters-without-case",
            Self::ManyLetters => "many-letters",
            Self::CertificateEnds => "certificate-ends",
            Self::ResponderUnreachable => "responder-unreachable",
            Self::PublishedDiffers => "published-differs",
            Self::CanaryFailed => "canary-failed",
            Self::FaultLasts => "fault-lasts",
        }
    }

    /// One sentence for a responder who reads it on a telephone.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NewCase => "A new report arrived and its case is open.",
            Self::FollowUp => "The reporter wrote again.",
            Self::LikelyDuplicate => {
                "A report says what another case says already. Compare the two; nothing was \
                 merged, and no second draft was filed."
            }
            Self::AcknowledgementMissed => {
                "The deadline of an acknowledgement is over and none went out. Answer the \
                 reporter by hand now."
            }
            Self::AcknowledgementDue => {
                "An acknowledgement is not out yet and its deadline is near. Answer the reporter \
                 by hand."
            }
            Self::ReportedInTracker => {
                "A report was filed in the tracker. Answer its reporter there, then run sealdesk \
                 case answered."
            }
            Self::FixTeamDue => {
                "The fix team is to be formed soon. Bring in engineers who know the code, then \
                 run sealdesk case reach ID fix-team."
            }
            Self::FixTeamMissed => {
                "The fix team should be at work by now. Form it, then run sealdesk case reach ID \
                 fix-team."
            }
            Self::FixDue => {
                "The fix is due soon. When it is complete, run sealdesk case reach ID fix."
            }
            Self::FixMissed => {
                "The fix should be complete by now. When it is, run sealdesk case reach ID fix."
            }
            Self::ReleaseDue => {
                "The release is due soon. Agree on its day with sealdesk case release-date."
            }
            Self::ReleaseMissed => {
                "The fix should be released by now. When it is, run sealdesk case reach ID release."
            }
            Self::RetrospectiveDue => {
                "The retrospective is due soon. When it is sent, run sealdesk case reach ID \
                 retrospective."
            }
            Self::RetrospectiveMissed => {
                "The retrospective should be out by now. When it is sent, run sealdesk case reach \
                 ID retrospective."
            }
            Self::AnswerByHand => {
                "A letter may not be answered by a machine. Answer the reporter by hand."
            }
            Self::LeftUnsigned => {
                "An acknowledgement left unsigned, because nothing could be signed for 12 hours. \
                 Look at the opener."
            }
            Self::LetterShut => {
                "A letter could not be decrypted. The reporter was acknowledged; ask for it again \
                 in another way."
            }
            Self::LetterUnreadable => {
                "Reading a letter failed twice. It is kept; look at it on an isolated machine."
            }
            Self::DisclosureIntended => {
                "The reporter means to publish, or says that it is public. See his letter, and \
                 move the case: sealdesk case lane ID asap."
            }
            Self::AlreadyPublic => "A letter speaks of a vulnerability that is already public.",
            Self::AnswerBounced => {
                "An answer of ours came back undelivered. Find another way to the reporter; the \
                 desk writes to that address no more for a week."
            }
            Self::NotAnnounced => {
                "An announcement did not leave, because its case is not released any more. Say it \
                 again when it is."
            }
            Self::NoticeFailed => {
                "A distributor could not be given notice of a release. The journal of the case \
                 names him: tell him in another way."
            }
            Self::ReplyRefused => {
                "An answer was not passed on to the reporter. By mail it must be encrypted to the \
                 desk, signed with your certificate of the desk's config, carry the reply token \
                 of the case, which is good once, quote the call below your words, have no word \
                 below a quotation and no command below other words, and bring no file but your \
                 certificate; and what came encrypted is answered once the reporter's certificate \
                 is known. The journal of the case says which of these it was."
            }
            Self::ReplyPutBack => {
                "Your answer was held back: nothing that you signed says that it is meant for the \
                 desk, so somebody else may have passed it on. If it is, answer this call, with a \
                 first line /to and the desk's address above your words."
            }
            Self::RelayRefused => {
                "A comment that was marked for the reporter was not sent to him. The journal of \
                 the case says why; write a new one, or answer by mail."
            }
            Self::WordsTaken => "The commands of your letter were carried out.",
            Self::WordsRefused => {
                "Not everything that your letter says was done. Mend what is marked, and send the \
                 rest again."
            }
            Self::AwaitsWord => {
                "A case waits for your word before a draft is filed: run sealdesk case file."
            }
            Self::SealedLetterRead => {
                "An encrypted letter was read. It does not look like a report; see whether you \
                 agree."
            }
            Self::PerhapsFollowUp => {
                "A letter names an existing case, but its sender is not proven. Compare the two \
                 cases."
            }
            Self::GaveUp => "The desk gave up on something after many tries. See sealdesk status.",
            Self::DraftDoubled => {
                "The tracker holds two drafts of one case, after an answer that never came. Close \
                 the one that its journal names."
            }
            Self::OldLettersHeld => {
                "Many unknown old letters appeared in the mailbox. Answers are held until you run \
                 sealdesk import."
            }
            Self::ManyLetters => {
                "More letters arrived within an hour than responders are called about one by one. \
                 See sealdesk case list; acknowledgements leave as ever."
            }
            Self::LettersWithoutCase => {
                "Letters of the last day rest without a case, because they look like machines' \
                 words. Their numbers are below; sealdesk import --letter N makes one a case."
            }
            Self::CertificateEnds => {
                "A certificate ends soon. Extend it, and publish it again: see sealdesk status."
            }
            Self::ResponderUnreachable => {
                "A responder cannot be called, because no letter can be encrypted to his \
                 certificate. Replace it in the desk's config: sealdesk check names it."
            }
            Self::PublishedDiffers => {
                "What is published of the desk differs from what it holds: reporters may not be \
                 able to write to it. See sealdesk status."
            }
            Self::CanaryFailed => {
                "A letter that the desk wrote to itself did not come through. See sealdesk status."
            }
            Self::FaultLasts => "A fault lasts and the desk cannot mend it. See sealdesk status.",
        }
    }

    /// How much a responder wants to know it, where one letter gives several reasons to call them:
    /// it is one call.
    pub fn weight(self) -> u8 {
        match self {
            Self::AlreadyPublic => 7,
            Self::DisclosureIntended => 6,
            Self::LetterUnreadable | Self::LetterShut => 5,
            Self::AnswerByHand => 4,
            Self::LikelyDuplicate | Self::PerhapsFollowUp => 3,
            Self::AwaitsWord | Self::NewCase => 2,
            Self::FollowUp => 1,
            _ => 0,
        }
    }

    /// Whether the second path is used too: what can't wait for the mail to be read.
    pub fn is_urgent(self) -> bool {
        !matches!(
            self,
            Self::NewCase
                | Self::FollowUp
                | Self::LikelyDuplicate
                | Self::AwaitsWord
                | Self::LettersWithoutCase
                | Self::SealedLetterRead
                | Self::PerhapsFollowUp
                | Self::DraftDoubled
                | Self::ReplyRefused
                | Self::ReplyPutBack
                | Self::RelayRefused
                | Self::WordsTaken
                | Self::WordsRefused
                | Self::ReportedInTracker
                | Self::FixTeamDue
                | Self::FixDue
                | Self::ReleaseDue
                | Self::RetrospectiveDue
                | Self::RetrospectiveMissed
        )
    }
}

impl Work {
    /// Why humans are called, where it calls them.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::CallByMail(reason) | Self::CallBySecondPath(reason) => Some(reason),
            _ => None,
        }
    }

    /// Every work but calls.
    pub const WITHOUT_REASON: [Self; 13] = [
        Self::Acknowledge,
        Self::SendCertificate,
        Self::Ask,
        Self::AskPrivate,
        Self::Reply,
        Self::SayWords,
        Self::Notify,
        Self::Announce,
        Self::FileAdvisory,
        Self::AppendFollowUp,
        Self::AmendAdvisory,
        Self::RequestCve,
        Self::OpenFork,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::SendCertificate => "send-certificate",
            Self::Ask => "ask",
            Self::AskPrivate => "ask-private",
            Self::Reply => "reply",
            Self::SayWords => "say-words",
            Self::Notify => "notify",
            Self::Announce => "announce",
            Self::FileAdvisory => "file-advisory",
            Self::AppendFollowUp => "append-follow-up",
            Self::AmendAdvisory => "amend-advisory",
            Self::RequestCve => "request-cve",
            Self::OpenFork => "open-fork",
            Self::CallByMail(_) => "call-by-mail",
            Self::CallBySecondPath(_) => "call-by-second-path",
        }
    }
}

/// In the key of what a responder released.
const BY_WORD: &str = ":by-word:";

impl Effect {
    fn new(
        key: String,
        work: Work,
        case: &CaseId,
        intake: Option<IntakeId>,
        due: Timestamp,
    ) -> Self {
        Self {
            key: EffectKey(key),
            work,
            case: Some(case.clone()),
            intake,
            due,
            payload: None,
        }
    }

    pub fn acknowledge(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!("acknowledge:{case}"),
            Work::Acknowledge,
            case,
            Some(intake),
            due,
        )
    }

    pub fn send_certificate(intake: IntakeId, case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            format!("certificate:{intake}"),
            Work::SendCertificate,
            case,
            Some(intake),
            due,
        )
    }

    pub fn ask(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!("ask:{case}:{intake}"),
            Work::Ask,
            case,
            Some(intake),
            due,
        )
    }

    /// As [`Self::ask`], on a responder's word: each is a question of its own, and no cap holds it
    /// back.
    pub fn ask_by_word(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!("ask:{case}:{intake}{BY_WORD}{}", due.as_millisecond()),
            Work::Ask,
            case,
            Some(intake),
            due,
        )
    }

    /// Asks a reporter who means to publish for private disclosure: on a responder's word alone.
    pub fn ask_private_by_word(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!(
                "ask-private:{case}:{intake}{BY_WORD}{}",
                due.as_millisecond()
            ),
            Work::AskPrivate,
            case,
            Some(intake),
            due,
        )
    }

    /// As [`Self::send_certificate`], on a responder's word.
    pub fn send_certificate_by_word(intake: IntakeId, case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            format!("certificate:{intake}{BY_WORD}{}", due.as_millisecond()),
            Work::SendCertificate,
            case,
            Some(intake),
            due,
        )
    }

    pub fn is_by_word(&self) -> bool {
        self.key.0.contains(BY_WORD)
    }

    /// `word` tells the replies in a case apart.
    pub fn reply(case: &CaseId, word: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(format!("reply:{case}:{word}"), Work::Reply, case, None, due)
        }
    }

    /// `token` tells the letters of responders apart.
    pub fn say_words(case: &CaseId, token: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                format!("say:{case}:{token}"),
                Work::SayWords,
                case,
                None,
                due,
            )
        }
    }

    /// Tells a responder what became of his words.
    pub fn tell_of_words(
        reason: Reason,
        case: &CaseId,
        token: &str,
        sealed: Vec<u8>,
        due: Timestamp,
    ) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                format!("call:mail:words:{case}:{token}"),
                Work::CallByMail(reason),
                case,
                None,
                due,
            )
        }
    }

    /// `word` tells the notices of a case apart, and `to` whom each goes to, without naming him:
    /// keys are logged.
    pub fn notify(case: &CaseId, word: &str, to: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                format!("notice:{case}:{word}:{to}"),
                Work::Notify,
                case,
                None,
                due,
            )
        }
    }

    pub fn announce(case: &CaseId, word: &str, to: &str, sealed: Vec<u8>, due: Timestamp) -> Self {
        Self {
            payload: Some(sealed),
            ..Self::new(
                format!("announce:{case}:{word}:{to}"),
                Work::Announce,
                case,
                None,
                due,
            )
        }
    }

    pub fn file_advisory(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!("file:{case}"),
            Work::FileAdvisory,
            case,
            Some(intake),
            due,
        )
    }

    pub fn append_follow_up(case: &CaseId, intake: IntakeId, due: Timestamp) -> Self {
        Self::new(
            format!("append:{case}:{intake}"),
            Work::AppendFollowUp,
            case,
            Some(intake),
            due,
        )
    }

    pub fn amend_advisory(case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            format!("amend:{case}:{}", due.as_millisecond()),
            Work::AmendAdvisory,
            case,
            None,
            due,
        )
    }

    /// Once a case: the tracker hands out one.
    pub fn request_cve(case: &CaseId, due: Timestamp) -> Self {
        Self::new(
            format!("request-cve:{case}"),
            Work::RequestCve,
            case,
            None,
            due,
        )
    }

    pub fn open_fork(case: &CaseId, due: Timestamp) -> Self {
        Self::new(format!("fork:{case}"), Work::OpenFork, case, None, due)
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
            // Each decision calls anew; saving one decision twice is what a transaction prevents.
            let (why, about) = intake.map_or_else(
                || (reason.as_str(), String::new()),
                |letter| ("letter", format!(":{letter}")),
            );
            Self::new(
                format!("call:{path}:{why}:{case}:{}{about}", due.as_millisecond()),
                work,
                case,
                intake,
                due,
            )
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
        let one = |path: &str, work| {
            let key = EffectKey(format!("call:{path}:{}:desk:{about}", reason.as_str()));
            Self {
                key,
                work,
                case: None,
                intake: None,
                due,
                payload: None,
            }
        };
        let mut calls = vec![one("mail", Work::CallByMail(reason))];
        if reason.is_urgent() {
            calls.push(one("second", Work::CallBySecondPath(reason)));
        }
        calls
    }
}
