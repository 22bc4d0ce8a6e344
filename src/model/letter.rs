//! What stands on the outside of a letter? Facts that anyone on the way could see, from its header
//! block alone.

use super::Timestamp;
use super::address::{Address, NoReplyAddress, ReplyAddress};
use super::ids::{CaseId, MessageId};
use serde::{Deserialize, Serialize};

/// What was found when the originator's domain was checked (RFC 9989): by our own mail server, read
/// from an Authentication-Results header that carries the authserv-id of the config (RFC 8601
/// section 5), or by the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dmarc {
    Pass,
    Fail,
    Unknown,
}

impl Dmarc {
    /// As JSON and the store write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    /// Reads what [`Self::as_str`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pass, Self::Fail, Self::Unknown]
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
    }
}

/// The SHA-256 of a body in both canonical forms of DKIM (RFC 6376 section 3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyDigests {
    pub simple: Vec<u8>,
    pub relaxed: Vec<u8>,
}

/// Why a letter must not be answered by a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("it says that a machine sent it (Auto-Submitted)")]
    AutoSubmitted,
    #[error("it is a report of a mail system (multipart/report)")]
    DeliveryReport,
    #[error("it came through a mailing list")]
    List,
    #[error("its Precedence is bulk, list or junk")]
    Precedence,
    #[error("it asks that no automatic response be sent")]
    Suppressed,
    #[error("it comes from ourselves")]
    Ourselves,
    #[error("it has no single originator")]
    NoSingleFrom,
    #[error("DMARC failed for its originator")]
    DmarcFailed,
    #[error("its return path cannot be answered: {0}")]
    ReturnPath(NoReplyAddress),
    #[error("its originator cannot be answered: {0}")]
    Originator(NoReplyAddress),
    #[error("its header is longer than what the desk reads")]
    EndlessHeader,
    #[error("it is from before the desk began to answer")]
    Old,
}

impl NoAnswer {
    /// Whether the letter comes from a machine, so that nobody waits for an answer.
    pub fn is_machine(self) -> bool {
        matches!(
            self,
            Self::AutoSubmitted
                | Self::DeliveryReport
                | Self::List
                | Self::Precedence
                | Self::Ourselves
                | Self::ReturnPath(NoReplyAddress::Empty | NoReplyAddress::Daemon)
                | Self::Originator(NoReplyAddress::Daemon)
        )
    }
}

/// What a letter is to the desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Somebody wrote to the desk.
    #[default]
    Incoming,
    /// A responder answered a call: their signed words are to go to the reporter.
    TeamReply,
    /// A copy of what one of the team wrote to a reporter. It is kept and not read.
    TeamCopy,
    /// The desk wrote it to itself, to see whether it would be answered.
    Canary,
}

/// The header block of a letter, read by the desk.
#[derive(Clone, Debug, PartialEq)]
pub struct Outer {
    /// The single From; `None` where there are none or several (RFC 5322 section 3.6.2).
    pub originator: Option<Address>,
    pub message_id: Option<MessageId>,
    pub date: Option<Timestamp>,
    /// In-Reply-To and References, newest last.
    pub threads: Vec<MessageId>,
    /// Every address that the letter names as its destination: To, Cc, Delivered-To, X-Original-To.
    pub recipients: Vec<Address>,
    /// The outer subject. Never stored in clear, never logged.
    pub subject: String,
    pub dmarc: Dmarc,
    /// The media type of the whole letter is multipart/encrypted (RFC 3156 section 4).
    pub sealed_outside: bool,
    /// A machine says that it sent it (RFC 3834 section 5).
    pub automatic: bool,
    /// The signatures of the originator's organisation cover its Autocrypt header.
    pub autocrypt_signed: bool,
    pub answer: Result<ReplyAddress, NoAnswer>,
}

impl Outer {
    /// It was sent to `NAME-sendkey@` or `NAME+sendkey@`, as Schleuder's users do to get a list's
    /// key.
    pub fn to_sendkey(&self) -> bool {
        self.recipients.iter().any(|to| {
            ["-sendkey", "+sendkey"]
                .iter()
                .any(|end| to.local().to_ascii_lowercase().ends_with(end))
        })
    }

    /// The case whose own address it was sent to: `NAME+SD-7K3QF2MX9A@`, where letters of earlier
    /// versions asked for answers.
    pub fn to_case(&self) -> Option<CaseId> {
        self.recipients
            .iter()
            .find_map(|to| CaseId::parse(to.local().split_once('+')?.1).ok())
    }
}
