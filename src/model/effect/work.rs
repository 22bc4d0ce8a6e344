//! Which kinds of things does the desk do in the world?

use super::Reason;
use serde::{Deserialize, Serialize};

/// What kind of thing an effect does; for calls, also why humans are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", content = "reason", rename_all = "kebab-case")]
pub enum Work {
    /// Tells the reporter that their letter arrived, made from the outside of it alone.
    Acknowledge,
    /// Keeps the certificates that a letter shows from outside.
    KeepCertificates,
    /// Opens the case of a letter that looked like a machine's, and came sealed.
    OpenCase,
    /// Sends our certificate to whoever asked for it.
    SendCertificate,
    /// Asks the reporter for what their report lacks.
    Ask,
    /// Asks them to keep it private until the fix is released.
    AskPrivate,
    /// A responder's words to the reporter.
    Reply,
    /// What a responder's letter told the desk to do.
    #[serde(rename = "say-words")]
    ExecuteMail,
    /// An embargoed notice to one distributor.
    Notify,
    /// A release, to one mailing list or by a post.
    Announce,
    /// Opens the draft in the tracker.
    FileAdvisory,
    /// Adds a later letter of the reporter to the draft.
    AppendFollowUp,
    /// Brings the advisory up to what the team found.
    AmendAdvisory,
    /// Asks the tracker for a CVE number.
    RequestCve,
    /// A private fork in which the fix is made.
    OpenFork,
    /// An encrypted letter to every responder.
    CallByMail(Reason),
    /// The second path, which shares nothing with SMTP and carries no content.
    CallBySecondPath(Reason),
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
    pub const WITHOUT_REASON: [Self; 15] = [
        Self::Acknowledge,
        Self::KeepCertificates,
        Self::OpenCase,
        Self::SendCertificate,
        Self::Ask,
        Self::AskPrivate,
        Self::Reply,
        Self::ExecuteMail,
        Self::Notify,
        Self::Announce,
        Self::FileAdvisory,
        Self::AppendFollowUp,
        Self::AmendAdvisory,
        Self::RequestCve,
        Self::OpenFork,
    ];

    /// As the store and metrics write it, without the reason of a call.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::KeepCertificates => "keep-certificates",
            Self::OpenCase => "open-case",
            Self::SendCertificate => "send-certificate",
            Self::Ask => "ask",
            Self::AskPrivate => "ask-private",
            Self::Reply => "reply",
            Self::ExecuteMail => "say-words",
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
