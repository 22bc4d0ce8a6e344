//! Why is a human called, and what does the call say?

mod sentences;

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
    LetterUnproven,
    LetterUnreadable,
    AlreadyPublic,
    DisclosureIntended,
    AnswerBounced,
    NoticeFailed,
    NotAnnounced,
    ReplyRefused,
    ReplyPutBack,
    RelayRefused,
    #[serde(rename = "words-taken")]
    CommandsDone,
    #[serde(rename = "words-refused")]
    CommandsRefused,
    #[serde(rename = "awaits-word")]
    AwaitsConfirmation,
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
    /// Every reason, in their order.
    pub const ALL: [Self; 42] = [
        Self::NewCase,
        Self::FollowUp,
        Self::LikelyDuplicate,
        Self::AcknowledgementDue,
        Self::AcknowledgementMissed,
        Self::AnswerByHand,
        Self::ReportedInTracker,
        Self::FixTeamDue,
        Self::FixTeamMissed,
        Self::FixDue,
        Self::FixMissed,
        Self::ReleaseDue,
        Self::ReleaseMissed,
        Self::RetrospectiveDue,
        Self::RetrospectiveMissed,
        Self::LeftUnsigned,
        Self::LetterShut,
        Self::LetterUnproven,
        Self::LetterUnreadable,
        Self::AlreadyPublic,
        Self::DisclosureIntended,
        Self::AnswerBounced,
        Self::NoticeFailed,
        Self::NotAnnounced,
        Self::ReplyRefused,
        Self::ReplyPutBack,
        Self::RelayRefused,
        Self::CommandsDone,
        Self::CommandsRefused,
        Self::AwaitsConfirmation,
        Self::SealedLetterRead,
        Self::PerhapsFollowUp,
        Self::GaveUp,
        Self::DraftDoubled,
        Self::OldLettersHeld,
        Self::LettersWithoutCase,
        Self::ManyLetters,
        Self::CertificateEnds,
        Self::ResponderUnreachable,
        Self::PublishedDiffers,
        Self::CanaryFailed,
        Self::FaultLasts,
    ];

    /// As the store, the second path and metrics write it.
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
            Self::LetterUnproven => "letter-unproven",
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
            Self::AwaitsConfirmation => "awaits-word",
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
            Self::NewCase => sentences::NEW_CASE,
            Self::FollowUp => sentences::FOLLOW_UP,
            Self::LikelyDuplicate => sentences::LIKELY_DUPLICATE,
            Self::AcknowledgementMissed => sentences::ACKNOWLEDGEMENT_MISSED,
            Self::AcknowledgementDue => sentences::ACKNOWLEDGEMENT_DUE,
            Self::ReportedInTracker => sentences::REPORTED_IN_TRACKER,
            Self::FixTeamDue => sentences::FIX_TEAM_DUE,
            Self::FixTeamMissed => sentences::FIX_TEAM_MISSED,
            Self::FixDue => sentences::FIX_DUE,
            Self::FixMissed => sentences::FIX_MISSED,
            Self::ReleaseDue => sentences::RELEASE_DUE,
            Self::ReleaseMissed => sentences::RELEASE_MISSED,
            Self::RetrospectiveDue => sentences::RETROSPECTIVE_DUE,
            Self::RetrospectiveMissed => sentences::RETROSPECTIVE_MISSED,
            Self::AnswerByHand => sentences::ANSWER_BY_HAND,
            Self::LeftUnsigned => sentences::LEFT_UNSIGNED,
            Self::LetterShut => sentences::LETTER_SHUT,
            Self::LetterUnproven => sentences::LETTER_UNPROVEN,
            Self::LetterUnreadable => sentences::LETTER_UNREADABLE,
            Self::DisclosureIntended => sentences::DISCLOSURE_INTENDED,
            Self::AlreadyPublic => sentences::ALREADY_PUBLIC,
            Self::AnswerBounced => sentences::ANSWER_BOUNCED,
            Self::NotAnnounced => sentences::NOT_ANNOUNCED,
            Self::NoticeFailed => sentences::NOTICE_FAILED,
            Self::ReplyRefused => sentences::REPLY_REFUSED,
            Self::ReplyPutBack => sentences::REPLY_PUT_BACK,
            Self::RelayRefused => sentences::RELAY_REFUSED,
            Self::CommandsDone => sentences::COMMANDS_DONE,
            Self::CommandsRefused => sentences::COMMANDS_REFUSED,
            Self::AwaitsConfirmation => sentences::AWAITS_CONFIRMATION,
            Self::SealedLetterRead => sentences::SEALED_LETTER_READ,
            Self::PerhapsFollowUp => sentences::PERHAPS_FOLLOW_UP,
            Self::GaveUp => sentences::GAVE_UP,
            Self::DraftDoubled => sentences::DRAFT_DOUBLED,
            Self::OldLettersHeld => sentences::OLD_LETTERS_HELD,
            Self::ManyLetters => sentences::MANY_LETTERS,
            Self::LettersWithoutCase => sentences::LETTERS_WITHOUT_CASE,
            Self::CertificateEnds => sentences::CERTIFICATE_ENDS,
            Self::ResponderUnreachable => sentences::RESPONDER_UNREACHABLE,
            Self::PublishedDiffers => sentences::PUBLISHED_DIFFERS,
            Self::CanaryFailed => sentences::CANARY_FAILED,
            Self::FaultLasts => sentences::FAULT_LASTS,
        }
    }

    /// How much a responder wants to know it, where one letter gives several reasons to call them:
    /// it is one call.
    pub fn weight(self) -> u8 {
        match self {
            Self::AlreadyPublic => 7,
            Self::DisclosureIntended => 6,
            Self::LetterUnreadable | Self::LetterShut | Self::LetterUnproven => 5,
            Self::AnswerByHand => 4,
            Self::LikelyDuplicate | Self::PerhapsFollowUp => 3,
            Self::AwaitsConfirmation | Self::NewCase => 2,
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
                | Self::AwaitsConfirmation
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
