//! What leaves the desk? Typed fields for letters and advisories; never free octets.

use super::Timestamp;
use super::address::{Address, ReplyAddress};
use super::effect::Reason;
use super::ids::{CaseId, MessageId};
use super::report::Report;
use serde::{Deserialize, Serialize};

/// What the opener composes and signs, from its own templates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Composition {
    Acknowledgement {
        to: ReplyAddress,
        case: CaseId,
        message_id: MessageId,
        in_reply_to: Option<MessageId>,
        received_at: Timestamp,
        at: Timestamp,
        /// The reporter's certificate, armored, where one is pinned or came in clear.
        certificate: Option<String>,
    },
    Certificate {
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
        at: Timestamp,
    },
}

impl Composition {
    pub fn to(&self) -> &Address {
        match self {
            Self::Acknowledgement { to, .. } | Self::Certificate { to, .. } => to.address(),
            Self::Call { to, .. } => to,
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

/// What a follow-up adds to an advisory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Stands in the text once; where a description holds it already, the text was added before.
    pub mark: String,
    /// Markdown, disarmed, ending in the marker of the case.
    pub text: String,
}
