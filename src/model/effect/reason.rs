//! Why is a human called, and what does the call say?

use serde::{Deserialize, Serialize};

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
    CommandsDone,
    CommandsRefused,
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
            Self::CommandsDone => "words-taken",
            Self::CommandsRefused => "words-refused",
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
                "The reporter means to publish, or says that it is public. See their letter, and \
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
                 names them: tell them in another way."
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
                "A comment that was marked for the reporter was not sent to them. The journal of \
                 the case says why; write a new one, or answer by mail."
            }
            Self::CommandsDone => "The commands of your letter were carried out.",
            Self::CommandsRefused => {
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
                "A responder cannot be called, because no letter can be encrypted to their \
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
                | Self::CommandsDone
                | Self::CommandsRefused
                | Self::ReportedInTracker
                | Self::FixTeamDue
                | Self::FixDue
                | Self::ReleaseDue
                | Self::RetrospectiveDue
                | Self::RetrospectiveMissed
        )
    }
}
