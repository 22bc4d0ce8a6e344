//! What does the desk keep of people, and of what it sent them?

use super::PortError;
use crate::decide::Caps;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::{CaseId, MessageId};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The certificate that the desk uses for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    pub fingerprint: String,
    pub armored: String,
    /// Where it came from, in words.
    pub origin: String,
    /// The fingerprint of another one that was proven for the same address.
    pub contested: Option<String>,
}

impl Pinned {
    /// What letters are encrypted to: nothing, while two certificates claim to be theirs.
    pub fn in_use(self) -> Option<String> {
        self.contested.is_none().then_some(self.armored)
    }
}

/// People: their pinned certificates, and what was sent to them.
#[async_trait]
pub trait Correspondence: Send + Sync {
    /// The certificate pinned for an address.
    async fn pinned(&self, address: &Address) -> Result<Option<Pinned>, PortError>;
    /// Pins the first certificate of an address. Another one, proven like it, contests it: then
    /// nothing is encrypted to either.
    async fn pin(
        &self,
        address: &Address,
        fingerprint: &str,
        armored: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), PortError>;
    /// Pins this certificate, whatever was pinned before: a responder chose it.
    async fn choose_certificate(
        &self,
        address: &Address,
        fingerprint: &str,
        armored: &str,
        origin: &str,
        now: Timestamp,
    ) -> Result<(), PortError>;
    async fn unpin(&self, address: &Address) -> Result<(), PortError>;
    /// Takes this answer's turn under the caps, so that a bounce or reply finds its case; `Some`:
    /// not before then. Asking again for the same Message-ID is the same turn.
    async fn take_turn(
        &self,
        answer: &Answer,
        caps: Caps,
        now: Timestamp,
    ) -> Result<Option<HeldBack>, PortError>;
    /// Notes an answer that no cap holds back: a human wrote it.
    async fn note_answer(&self, answer: &Answer, now: Timestamp) -> Result<(), PortError>;
    /// The case and the address of the first of these letters that is an answer of ours.
    async fn answer_among(
        &self,
        message_ids: &[String],
    ) -> Result<Option<(CaseId, Address)>, PortError>;
    /// A letter that the desk writes to itself is about to leave.
    async fn canary_sent(
        &self,
        id: &MessageId,
        shape: &str,
        now: Timestamp,
    ) -> Result<(), PortError>;
    /// Those letters, newest first.
    async fn canaries(&self) -> Result<Vec<CanaryLine>, PortError>;
    /// A token for a responder's answer in a case, and the call that carries it. Issuing it again
    /// changes nothing.
    async fn issue_token(
        &self,
        token: &str,
        case: &CaseId,
        to: &Address,
        call: Option<&MessageId>,
        now: Timestamp,
    ) -> Result<(), PortError>;
    /// The case for which a token was issued to this responder.
    async fn case_of_token(&self, token: &str, from: &Address)
    -> Result<Option<CaseId>, PortError>;
    /// Whether a token was issued to this responder for this case since then, and is not spent.
    async fn token_is_good(
        &self,
        token: &str,
        case: &CaseId,
        from: &Address,
        since: Timestamp,
    ) -> Result<bool, PortError>;
}

/// An automatic answer that a cap holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    pub until: Timestamp,
    /// The address has had its share today, or letters to it came back; else its domain has had its
    /// share, or everybody together.
    pub by_address: bool,
}

/// A letter that the desk wrote to itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CanaryLine {
    pub message_id: String,
    pub shape: String,
    pub sent_at: Timestamp,
    /// Absent until it was read.
    pub settled_at: Option<Timestamp>,
    pub fault: Option<String>,
}

/// An automatic answer of ours.
#[derive(Clone, Debug)]
pub struct Answer {
    pub message_id: MessageId,
    pub address: Address,
    pub kind: &'static str,
    pub case: Option<CaseId>,
    /// The tag of its envelope sender.
    pub tag: String,
    /// The one whom it answers was proven to have written.
    pub proven: bool,
}
