//! Who takes the words that a responder says by letter? Whoever knows them, on a floor above.

use super::desk::Desk;
use crate::model::address::Address;
use crate::model::ids::CaseId;
use crate::ports::PortError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What a responder's letter says, as it rests sealed until it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whom to tell what became of it.
    pub to: Address,
    /// Who said it, for the journal.
    pub by: String,
    pub token: String,
    /// As they are written, each with its slash.
    pub commands: Vec<String>,
    /// What is meant for the reporter.
    pub words: Option<String>,
    /// More stands below the commands, which is for nobody.
    pub left_out: bool,
}

/// What became of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub command: String,
    /// A sentence: what it changed, or why it changed nothing.
    pub outcome: Result<String, String>,
}

#[async_trait]
pub trait Clerk: Send + Sync {
    /// Does what the commands say, in their order and up to the first that cannot be done; none of
    /// them where one is not understood. Asked again after a fault, it does no command twice.
    async fn take(&self, desk: &Desk, case: &CaseId, said: &Said) -> Result<Vec<Told>, PortError>;
}
