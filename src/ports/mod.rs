//! What does the pipeline need of the world? Narrow traits in our nouns.
//!
//! Every port promises idempotence under the key it is given, and says of each fault whether it
//! passes.

mod correspondence;
mod error;
mod store;

pub use correspondence::{Answer, CanaryLine, Correspondence, HeldBack, Pinned};
pub use error::{PortError, PortErrorKind};
pub use store::{
    Admission, CaseSet, CaseStore, Cases, Decide, Intake, JournalLine, Keeping, Kept, Leased,
    Letters, MailboxProgress, Measures, Outbox, OutboxQueue, Outcome, Purged, ReadingState,
    ReadingToSave, Rest, SealedTo, Spool, Spooled, Spooling, Tally, TextTag, Unread,
};

use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::{AdvisoryId, AdvisoryState};
use crate::model::effect::EffectKey;
use crate::model::effect::Reason;
use crate::model::ids::{CaseId, Digest};
use crate::model::letter::{BodyDigests, Dmarc};
use crate::model::outgoing::{Addition, Advisory, Amendment, Composition};
use crate::model::publication::SecurityTxt;
use crate::model::quality::Found;
use crate::model::reading::{Outside, Reading, Wanted};
use crate::model::report::Report;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a letter lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailboxUid {
    pub folder: String,
    /// UIDVALIDITY (RFC 9051 section 2.3.1.1); 1 where the mailbox has none.
    pub validity: u32,
    /// UID, or a number that stands for the file's unique name.
    pub uid: u64,
}

/// A letter that lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLetter {
    pub place: MailboxUid,
    /// Arrival on the server (INTERNALDATE).
    pub received_at: Timestamp,
    /// Absent where the server does not say it.
    pub octets: Option<u64>,
    /// The entry in the tracker that it is, where it is no mail.
    pub advisory: Option<AdvisoryId>,
}

/// What came of fetching a letter.
#[derive(Debug)]
pub enum FetchOutcome {
    /// All of its octets were given.
    Whole,
    /// The server has answered, and not with the letter's octets: why. Others can be fetched.
    Withheld(String),
}

/// Takes the octets of one letter, piece by piece.
#[async_trait]
pub trait Sink: Send {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError>;
}

/// Where letters come from. A letter is settled there only once it is durable here.
#[async_trait]
pub trait Mailbox: Send {
    /// Its name in the config.
    fn name(&self) -> &str;
    /// What lies there beyond `after` in this validity. An error never looks like an empty mailbox.
    /// `now` is the arrival of letters of which nobody can tell another.
    async fn list(
        &mut self,
        now: Timestamp,
        after: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError>;
    /// The newest letters beyond the end of the last list, where it did not hold all.
    async fn newest(&mut self, _now: Timestamp) -> Result<Vec<ListedLetter>, PortError> {
        Ok(Vec::new())
    }
    /// Gives the letter's octets to `sink`, as they came. An error is the mailbox's: what is odd
    /// about this letter alone withholds it alone.
    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError>;
    /// Moves or marks letters that are durable here. Repeating it is harmless.
    async fn settle(&mut self, places: &[MailboxUid]) -> Result<(), PortError>;
    /// Proves that it could fetch and settle, and says what it found.
    async fn probe(&mut self) -> Result<String, PortError>;
    /// Returns when something may have arrived, at the latest after `at_most`.
    async fn wait(&mut self, at_most: Duration) -> Result<(), PortError>;
}

/// A letter ready to leave.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub envelope_sender: Option<Address>,
    pub envelope_recipient: Address,
    /// RFC 5322, CRLF line ends.
    pub octets: Vec<u8>,
    /// Names the parcel in a folder of outgoing mail.
    pub key: EffectKey,
}

/// What hands letters to the mail system. It tries once: trying again is the outbox's.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Hands the letter over. An error after the last octet may mean that it was delivered (RFC
    /// 1047).
    async fn send(&self, parcel: &Parcel) -> Result<(), PortError>;
    /// Proves that it could send: connects and authenticates.
    async fn probe(&self) -> Result<String, PortError>;
}

/// A draft of ours, and further ones of the same case that an answer which never came left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    pub advisory: AdvisoryId,
    pub doubled: Vec<AdvisoryId>,
}

/// What somebody said below an advisory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    /// Their login in the tracker.
    pub author: String,
    pub text: String,
    pub at: Timestamp,
    /// Somebody changed it since: perhaps another one.
    pub edited: bool,
}

/// What a tracker can do beyond filing drafts and adding to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Its advisories can be brought up to what the team found.
    pub amends: bool,
    /// What people write below advisories is listened to.
    pub comments: bool,
    /// People can be let into single advisories.
    pub lets_people_in: bool,
    /// The config names people who are to work on every advisory.
    pub has_collaborators: bool,
}

/// Where advisories are drafted and kept. The outbox may repeat a call, which then changes nothing
/// more; a tracker itself never tries again.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// What it can do beyond filing and appending; callers look before they use a default method.
    fn capabilities(&self) -> Capabilities;
    /// Opens a draft. `perhaps_filed`: an earlier try may have done it, so the marker is looked for
    /// first.
    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError>;
    /// Adds text below the marker, once for each mark; never overwrites a human's edit.
    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError>;
    /// Adds what a reporter said later, where people look for it. `false`: the advisory is public,
    /// and nothing of a letter goes there.
    async fn follow_up(
        &self,
        advisory: &AdvisoryId,
        addition: &Addition,
    ) -> Result<bool, PortError> {
        self.append(advisory, addition).await.map(|()| true)
    }
    /// What was said below an advisory, oldest first.
    async fn comments(&self, _: &AdvisoryId) -> Result<Vec<Comment>, PortError> {
        Ok(Vec::new())
    }
    /// Brings an advisory up to what the team found. Repeating it changes nothing.
    async fn amend(&self, _: &AdvisoryId, _: &Amendment) -> Result<(), PortError> {
        Err(PortError::lasting(
            "this tracker's advisories cannot be changed by the desk",
        ))
    }
    /// Asks for a CVE number for the advisory.
    async fn request_cve(&self, _: &AdvisoryId) -> Result<(), PortError> {
        Err(PortError::lasting("this tracker gives out no CVE numbers"))
    }
    /// A private fork in which the fix is made.
    async fn open_fork(&self, _: &AdvisoryId) -> Result<(), PortError> {
        Err(PortError::lasting("this tracker has no private forks"))
    }
    /// Where its advisories stand, by their ids.
    async fn states(&self) -> Result<Vec<(String, AdvisoryState)>, PortError> {
        Ok(Vec::new())
    }
    /// Who owns code there: logins and teams' slugs, in lower case. `None` where nothing says it.
    async fn code_owners(&self, _: &AdvisoryId) -> Result<Option<Vec<String>>, PortError> {
        Ok(None)
    }
    /// Proves that it could file, and says who would see the draft.
    async fn probe(&self) -> Result<String, PortError>;
}

/// The path to humans that shares nothing with the mail, and carries no content.
#[async_trait]
pub trait Alarm: Send + Sync {
    /// Calls somebody with the reason's fixed word and the case's id, and nothing else.
    async fn raise(&self, case: Option<&CaseId>, reason: Reason) -> Result<(), PortError>;
}

/// Where a release is announced besides mail, and whether what it names is there.
#[async_trait]
pub trait Announcer: Send + Sync {
    /// The SHA-256 of a file of the release, as everybody would fetch it.
    async fn sha256(&self, url: &str) -> Result<Digest, PortError>;
    /// Posts a text where releases are announced. A repetition posts it again.
    async fn post(&self, text: &str) -> Result<(), PortError>;
    /// Whether a place to post is configured.
    fn posts(&self) -> bool;
}

/// Knows the source of the products that reports speak of.
#[async_trait]
pub trait Sources: Send + Sync {
    /// What of a report's words exists there; `None` where its product's source is not at hand.
    async fn find(&self, report: &Report) -> Result<Option<Found>, PortError>;
    /// Proves that it could look, and says where.
    async fn probe(&self) -> Result<String, PortError>;
}

/// Finds out whether a letter was sent by whom its From names (DMARC, RFC 9989).
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// An error means that nobody could be asked.
    async fn dmarc(&self, head: &[u8], bodies: Option<&BodyDigests>) -> Result<Dmarc, PortError>;
    /// Proves that somebody answers, and says what `domain` itself publishes.
    async fn probe(&self, domain: &str) -> Result<String, PortError>;
}

/// The only source of the time. Stories play with one of their own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// Letters that are already sealed at rest, or octets as they came.
pub enum LetterOctets {
    Sealed(Vec<u8>),
    /// Passed on piece by piece: the process with the network never holds a large letter whole.
    SealedFile {
        file: tokio::fs::File,
        octets: u64,
    },
    Raw(Vec<u8>),
}

/// What the opener gives back for one letter.
#[derive(Debug)]
pub struct OpenedLetter {
    pub reading: Reading,
    /// The attachments' octets in the order of the reading, where they were asked for.
    pub files: Vec<Vec<u8>>,
}

/// Why the opener gave no answer. It matters whom it blames: the opener, the letter, or the call.
#[derive(Debug, thiserror::Error)]
pub enum OpenerError {
    /// The opener is down or refuses to start; the letter is not to blame.
    #[error("the opener cannot be reached: {0}")]
    Down(String),
    /// The opener ended during this call. Some letter of those that it had is to blame, or none.
    #[error("the opener ended during a call: {0}")]
    Ended(String),
    /// The reader died on this letter.
    #[error("the reader ended before it answered")]
    Died,
    /// The call was answered with a refusal: its text says why.
    #[error("the opener refused: {0}")]
    Refused(String),
}

/// What the desk may ask of the processes that hold keys and open letters.
#[async_trait]
pub trait Opener: Send + Sync {
    /// Reads one letter. `certificates` are armored ones that we hold for its originator; `intake`
    /// is what the desk found out at its arrival, and names it in the opener's log.
    async fn read(
        &self,
        letter: LetterOctets,
        intake: Option<&Intake>,
        certificates: &[String],
        wanted: Wanted,
    ) -> Result<OpenedLetter, OpenerError>;
    /// Composes, signs and where it can seals a letter; returns RFC 5322 octets.
    async fn compose(&self, composition: &Composition) -> Result<Vec<u8>, OpenerError>;
    /// Opens a blob that this desk sealed.
    async fn unseal(&self, blob: Vec<u8>) -> Result<Vec<u8>, OpenerError>;
    /// What a letter shows without any mail key. The keyholder gives none for it, so it is the same
    /// whoever holds which keys.
    async fn outside(&self, letter: LetterOctets) -> Result<Outside, OpenerError>;
    /// Composes and signs our security.txt.
    async fn security_txt(&self, fields: &SecurityTxt) -> Result<Vec<u8>, OpenerError>;
    /// What keys it holds, in words, one a line.
    async fn inspect(&self) -> Result<Vec<String>, OpenerError>;
}
