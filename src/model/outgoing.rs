//! What leaves the desk? Typed fields for letters and advisories; never free octets.

use super::Timestamp;
use super::address::{Address, ReplyAddress};
use super::case_record::{Assessment, Collaborators, Credit};
use super::effect::Reason;
use super::ids::{CaseId, Digest, MessageId};
use super::language::Language;
use super::page::SignInTicket;
use super::report::Report;
use serde::{Deserialize, Serialize};

/// What the opener composes and signs, from its own templates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Composition {
    Acknowledgement {
        /// In whose language it is written; absent: the desk's language.
        language: Option<Language>,
        to: ReplyAddress,
        case: CaseId,
        message_id: MessageId,
        in_reply_to: Option<MessageId>,
        received_at: Timestamp,
        at: Timestamp,
        /// The SHA-256 of the ciphertext, where the letter is PGP/MIME and it could be computed.
        digest: Option<Digest>,
        /// The reporter's certificate, armored, where one is pinned or came in clear.
        certificate: Option<String>,
        /// They wrote encrypted, and nothing of theirs is known to answer them so. A desk of an
        /// earlier version does not say it.
        #[serde(default)]
        asks_certificate: bool,
    },
    /// Asks for what a report lacks.
    Question {
        /// In whose language it is written; absent: the desk's language.
        language: Option<Language>,
        to: ReplyAddress,
        case: CaseId,
        message_id: MessageId,
        in_reply_to: Option<MessageId>,
        asked: Vec<Asked>,
        at: Timestamp,
        certificate: Option<String>,
    },
    /// A responder's words to the reporter, as the team.
    Reply {
        /// In whose language it is written; absent: the desk's language.
        language: Option<Language>,
        to: Address,
        case: CaseId,
        message_id: MessageId,
        in_reply_to: Option<MessageId>,
        text: String,
        at: Timestamp,
        certificate: Option<String>,
    },
    /// To one distributor of the opener's own config, encrypted to them.
    Notice {
        to: Address,
        case: CaseId,
        message_id: MessageId,
        embargo_until: Timestamp,
        /// A responder's words.
        text: String,
        at: Timestamp,
    },
    /// To one mailing list of the opener's own config: a release, in clear and signed.
    Announcement {
        to: Address,
        message_id: MessageId,
        subject: String,
        text: String,
        at: Timestamp,
    },
    Certificate {
        /// In whose language it is written; absent: the desk's language.
        language: Option<Language>,
        to: ReplyAddress,
        message_id: MessageId,
        in_reply_to: Option<MessageId>,
        at: Timestamp,
    },
    /// To one responder of the opener's own config.
    Call {
        to: Address,
        message_id: MessageId,
        case: Option<CaseId>,
        reason: Reason,
        /// The call that would have begun the thread of its case with this responder.
        thread: Option<MessageId>,
        /// What it is about, to be read at once.
        brief: Option<Brief>,
        /// What an answer to it must carry.
        reply: Option<ReplyToken>,
        at: Timestamp,
    },
    /// To one responder of the opener's own config: by what they sign in to the page.
    SignIn {
        to: Address,
        message_id: MessageId,
        ticket: SignInTicket,
        at: Timestamp,
    },
}

/// What a letter can ask its reporter for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    Steps,
    Versions,
    /// Their certificate: what they sealed is not answered in clear.
    Certificate,
    /// That they keep it private until the fix is released.
    PrivateDisclosure,
}

/// A case and one letter of it, for a responder who reads it in their mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// What the report is about, on one line.
    pub title: Option<String>,
    /// Field and value, in the order in which they are shown.
    pub fields: Vec<(String, String)>,
    pub text: String,
    pub attachments: Vec<String>,
}

/// What lets a responder's answer to a call reach the reporter, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyToken {
    pub token: String,
}

impl Composition {
    /// The Message-ID that the letter will bear, chosen before it is composed.
    pub fn message_id(&self) -> &MessageId {
        match self {
            Self::Acknowledgement { message_id, .. }
            | Self::Certificate { message_id, .. }
            | Self::Question { message_id, .. }
            | Self::Reply { message_id, .. }
            | Self::Notice { message_id, .. }
            | Self::Announcement { message_id, .. }
            | Self::Call { message_id, .. }
            | Self::SignIn { message_id, .. } => message_id,
        }
    }

    /// The letter that it answers, or that begins its thread.
    pub fn in_reply_to(&self) -> Option<&MessageId> {
        match self {
            Self::Acknowledgement { in_reply_to, .. }
            | Self::Certificate { in_reply_to, .. }
            | Self::Question { in_reply_to, .. }
            | Self::Reply { in_reply_to, .. } => in_reply_to.as_ref(),
            Self::Call { thread, .. } => thread.as_ref(),
            Self::Notice { .. } | Self::Announcement { .. } | Self::SignIn { .. } => None,
        }
    }

    /// The language that it is written in, where it is not the desk's.
    pub fn language(&self) -> Option<Language> {
        match self {
            Self::Acknowledgement { language, .. }
            | Self::Certificate { language, .. }
            | Self::Question { language, .. }
            | Self::Reply { language, .. } => *language,
            Self::Notice { .. }
            | Self::Announcement { .. }
            | Self::Call { .. }
            | Self::SignIn { .. } => None,
        }
    }

    /// When it is written: its Date.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Acknowledgement { at, .. }
            | Self::Certificate { at, .. }
            | Self::Question { at, .. }
            | Self::Reply { at, .. }
            | Self::Notice { at, .. }
            | Self::Announcement { at, .. }
            | Self::Call { at, .. }
            | Self::SignIn { at, .. } => *at,
        }
    }

    /// The certificate of the recipient, where the desk knows one; a responder's is the opener's
    /// own to know.
    pub fn certificate(&self) -> Option<&str> {
        match self {
            Self::Acknowledgement { certificate, .. }
            | Self::Question { certificate, .. }
            | Self::Reply { certificate, .. } => certificate.as_deref(),
            Self::Certificate { .. }
            | Self::Call { .. }
            | Self::SignIn { .. }
            | Self::Notice { .. }
            | Self::Announcement { .. } => None,
        }
    }

    /// Has a reply encrypted to this certificate; no other letter is changed.
    pub fn encrypt_reply_to(&mut self, armored: Option<String>) {
        if let Self::Reply { certificate, .. } = self {
            *certificate = armored;
        }
    }

    /// The only recipient: a letter to several people is several compositions.
    pub fn to(&self) -> &Address {
        match self {
            Self::Acknowledgement { to, .. }
            | Self::Certificate { to, .. }
            | Self::Question { to, .. } => to.address(),
            Self::Reply { to, .. }
            | Self::Call { to, .. }
            | Self::SignIn { to, .. }
            | Self::Notice { to, .. }
            | Self::Announcement { to, .. } => to,
        }
    }
}

/// What the tracker is to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    pub case: CaseId,
    /// One line, disarmed.
    pub summary: String,
    /// Markdown, disarmed, ending in the marker.
    pub description: String,
    /// The marker alone, an HTML comment.
    pub marker: String,
    pub report: Report,
}

/// What the team changes in an advisory. What it never said stays as it stands there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Amendment {
    pub assessment: Assessment,
    pub collaborators: Collaborators,
    pub credits: Vec<Credit>,
    /// The product, by which further collaborators are known.
    pub product: Option<String>,
    /// Marks the place of all this in a tracker that has text alone: nobody else can make it.
    pub mark: String,
}

/// What a follow-up adds to an advisory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Stands in the text once; where a description holds it already, the text was added before.
    pub mark: String,
    /// Markdown, disarmed, ending in the marker of the case.
    pub text: String,
    /// It comes from a letter that was encrypted.
    pub sealed: bool,
}
