//! What does the pipeline need of the world? Narrow traits in our nouns.
//!
//! Every port promises idempotence under the key it is given, and says of each fault whether it passes.

use crate::decide::{Acquaintance, Caps, Decision};
use crate::model::Timestamp;
use crate::model::address::{Address, ReplyAddress};
use crate::model::case::{AdvisoryId, Case};
use crate::model::effect::{Effect, Reason};
use crate::model::ids::{CaseId, Digest, EffectKey, IntakeId, MessageId};
use crate::model::letter::Outer;
use crate::model::outgoing::{Addition, Advisory, Composition};
use crate::model::reading::Reading;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Duration;

/// Why a port could not do its work. The text says what and how to mend it, and quotes no letter.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Trying again later may help.
    #[error("{0}")]
    Passing(String),
    /// Trying again changes nothing until a human mends it.
    #[error("{0}")]
    Lasting(String),
    /// The work may have been done all the same: the answer to it never came (RFC 1047). It is tried again, and counted.
    #[error("{0}")]
    InDoubt(String),
    /// The other side asks to be left alone for so long.
    #[error("{0}")]
    Throttled(String, Duration),
}

impl PortError {
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Lasting(_))
    }
}

/// Where a letter lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    pub folder: String,
    /// UIDVALIDITY (RFC 9051 section 2.3.1.1); 1 where the mailbox has none.
    pub validity: u32,
    /// UID, or a number that stands for the file's unique name.
    pub uid: u64,
}

/// A letter that lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lying {
    pub place: Place,
    /// Arrival on the server (INTERNALDATE).
    pub received_at: Timestamp,
    pub octets: u64,
}

/// Takes the octets of one letter, piece by piece.
#[async_trait]
pub trait Sink: Send {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError>;
}

#[async_trait]
pub trait Mailbox: Send {
    /// Its name in the config.
    fn name(&self) -> &str;
    /// What lies there beyond `after` in this validity. An error never looks like an empty mailbox.
    async fn list(&mut self, after: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync)) -> Result<Vec<Lying>, PortError>;
    async fn fetch(&mut self, letter: &Lying, sink: &mut dyn Sink) -> Result<(), PortError>;
    /// Moves or marks letters that are durable here. Repeating it is harmless.
    async fn settle(&mut self, places: &[Place]) -> Result<(), PortError>;
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

#[async_trait]
pub trait Courier: Send + Sync {
    /// Hands the letter over. An error after the last octet may mean that it was delivered (RFC 1047).
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

#[async_trait]
pub trait Tracker: Send + Sync {
    /// Opens a draft. `perhaps_filed`: an earlier try may have done it, so the marker is looked for first.
    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError>;
    /// Adds text below the marker, once for each mark; never overwrites a human's edit.
    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError>;
    /// Proves that it could file, and says who would see the draft.
    async fn probe(&self) -> Result<String, PortError>;
}

/// The path to humans that shares nothing with the mail, and carries no content.
#[async_trait]
pub trait Alarm: Send + Sync {
    async fn raise(&self, case: Option<&CaseId>, reason: Reason) -> Result<(), PortError>;
}

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

#[derive(Debug)]
pub struct OpenedLetter {
    pub reading: Reading,
    /// The attachments' octets in the order of the reading, where they were asked for.
    pub files: Vec<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenerError {
    /// The opener is down or refuses to start; the letter is not to blame.
    #[error("the opener cannot be reached: {0}")]
    Down(String),
    /// The reader died on this letter.
    #[error("the reader ended before it answered")]
    Died,
    #[error("the opener refused: {0}")]
    Refused(String),
}

/// What the desk may ask of the processes that hold keys and open letters.
#[async_trait]
pub trait Opener: Send + Sync {
    /// Reads one letter. `certificates` are armored ones that we hold for its originator.
    async fn read(&self, letter: LetterOctets, certificates: &[String], with_files: bool) -> Result<OpenedLetter, OpenerError>;
    /// Composes, signs and where it can seals a letter; returns RFC 5322 octets.
    async fn compose(&self, composition: &Composition) -> Result<Vec<u8>, OpenerError>;
    /// Opens a blob that this desk sealed.
    async fn unseal(&self, blob: Vec<u8>) -> Result<Vec<u8>, OpenerError>;
    /// What keys it holds, in words, one a line.
    async fn inspect(&self) -> Result<Vec<String>, OpenerError>;
}

/// A letter about to be admitted: durable in the spool, its outside read.
pub struct Admission<'a> {
    pub mailbox: &'a str,
    pub place: Place,
    pub digest: Digest,
    pub octets: u64,
    pub received_at: Timestamp,
    pub spooled_at: Timestamp,
    pub rest: Rest,
    pub outer: &'a Outer,
    /// The address whose tags tell which answer of ours came back.
    pub bounce: &'a Address,
    pub old: bool,
}

/// Where the sealed octets of a letter rest.
#[derive(Clone, Debug)]
pub enum Rest {
    /// In the letter's row, once it is admitted.
    Row(Vec<u8>),
    /// In this file of the spool, durable already.
    File(String),
}

/// A letter in the store.
#[derive(Clone, Debug)]
pub struct Intake {
    pub id: IntakeId,
    pub digest: Digest,
    pub octets: u64,
    pub received_at: Timestamp,
    pub case: Option<CaseId>,
    pub originator: Option<Address>,
    pub reply_to: Option<ReplyAddress>,
    pub message_id: Option<MessageId>,
    pub state: ReadingState,
    /// Tries to read it that were begun.
    pub tries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadingState {
    Unread,
    Read,
    Shut,
    SetAside,
    /// From before the desk began to answer.
    Old,
}

/// An effect taken to be carried out by nobody else until the lease ends.
#[derive(Clone, Debug)]
pub struct Leased {
    pub effect: Effect,
    /// Earlier tries, this one not counted.
    pub attempts: u32,
    /// When it was first saved.
    pub created_at: Timestamp,
    /// An earlier try may have been carried out: its lease ran out without an outcome.
    pub in_doubt: bool,
}

/// Effects that must not wait for each other: an alarm over the second path is never behind a mail server that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Everything but alarms over the second path.
    Common,
    SecondPath,
}

/// What became of an effect.
pub enum Outcome {
    /// `left`: the answer that went out with it.
    Done {
        decision: Decision,
        left: Option<MessageId>,
    },
    /// `in_doubt`: this try may have been carried out.
    Retry {
        at: Timestamp,
        why: String,
        in_doubt: bool,
    },
    GaveUp {
        why: String,
        decision: Decision,
    },
}

/// How the desk is, for `status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub letters: i64,
    pub unread: i64,
    pub shut: i64,
    pub set_aside: i64,
    pub old: i64,
    pub cases: i64,
    pub cases_open: i64,
    pub acknowledgements_pending: i64,
    pub oldest_deadline: Option<Timestamp>,
    pub effects_pending: i64,
    pub effects_given_up: i64,
    pub sent_twice_perhaps: i64,
    pub drafts_filed: i64,
    pub drafts_waiting: i64,
    pub drafts_doubled: i64,
}

/// A line of the journal as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalLine {
    pub at: Timestamp,
    pub event: String,
    pub detail: String,
}

/// Letters at rest, sealed.
#[async_trait]
pub trait Spool: Send + Sync {
    /// Begins to take in one letter.
    async fn spool(&self) -> Result<Box<dyn Spooling>, PortError>;
    /// The sealed octets of a letter.
    async fn sealed(&self, letter: IntakeId) -> Result<LetterOctets, PortError>;
    /// Seals a small value for the store.
    fn seal(&self, octets: &[u8]) -> Result<Vec<u8>, PortError>;
    /// Sets files apart that no letter names: what a crash left between file and commit.
    async fn sweep(&self) -> Result<u64, PortError>;
}

#[async_trait]
pub trait Letters: Send + Sync {
    /// Folder, validity and the number up to which everything was seen.
    async fn cursors(&self, mailbox: &str) -> Result<Vec<(String, u32, u64)>, PortError>;
    async fn set_cursor(&self, mailbox: &str, folder: &str, validity: u32, after: u64) -> Result<(), PortError>;
    /// Those of these places whose letters are dealt with.
    async fn known(&self, mailbox: &str, places: &[Place]) -> Result<HashSet<Place>, PortError>;
    /// Durable here, but perhaps not yet moved there.
    async fn unsettled(&self, mailbox: &str) -> Result<Vec<Place>, PortError>;
    async fn settled(&self, mailbox: &str, places: &[Place]) -> Result<(), PortError>;
    /// A letter that cannot be fetched: it stays on the server, and a human is called.
    async fn leave_lying(&self, mailbox: &str, place: &Place, decision: &Decision, now: Timestamp) -> Result<(), PortError>;
    /// What is known of the threads, tags and people that an outer letter names.
    async fn acquaintance(&self, outer: &Outer, bounce: &Address) -> Result<Acquaintance, PortError>;
    /// Saves letter, case, effects and journal in one transaction. `None`: the same octets were admitted before.
    async fn admit(&self, admission: &Admission<'_>, decide: Decide<'_>) -> Result<Option<IntakeId>, PortError>;
    /// The next letters to read, oldest first. A try is counted before it is made, so that a crash counts too.
    async fn take_unread(&self, at_most: u32) -> Result<Vec<Intake>, PortError>;
    /// The try was not the letter's fault: the opener was down.
    async fn uncount_try(&self, intake: IntakeId) -> Result<(), PortError>;
    async fn intake(&self, intake: IntakeId) -> Result<Option<Intake>, PortError>;
    /// The letters of a case, oldest first.
    async fn letters_of(&self, case: &CaseId) -> Result<Vec<Intake>, PortError>;
    /// Saves the sealed reading with what follows from it.
    async fn commit_reading(&self, intake: IntakeId, state: ReadingState, sealed: Option<&[u8]>, decision: &Decision, now: Timestamp) -> Result<(), PortError>;
    async fn reading(&self, intake: IntakeId) -> Result<Option<Vec<u8>>, PortError>;
    /// Letters that were kept as old.
    async fn old_letters(&self) -> Result<Vec<Intake>, PortError>;
    /// Makes an old letter into an arrival.
    async fn revive(&self, intake: IntakeId, decision: &Decision, now: Timestamp) -> Result<(), PortError>;
}

/// What follows from an arrival, once its number is known and what was known before it.
pub type Decide<'a> = &'a (dyn Fn(IntakeId, &Acquaintance) -> Decision + Send + Sync);

#[async_trait]
pub trait Cases: Send + Sync {
    async fn case(&self, id: &CaseId) -> Result<Option<Case>, PortError>;
    /// Newest first.
    async fn cases(&self) -> Result<Vec<Case>, PortError>;
    async fn is_participant(&self, case: &CaseId, address: &Address) -> Result<bool, PortError>;
    async fn pending_acknowledgements(&self) -> Result<Vec<Case>, PortError>;
    async fn commit(&self, decision: &Decision, now: Timestamp) -> Result<(), PortError>;
    async fn journal(&self, case: &CaseId) -> Result<Vec<JournalLine>, PortError>;
    async fn tally(&self) -> Result<Tally, PortError>;
    /// The moment of the desk's first start, set on first asking.
    async fn first_start(&self, now: Timestamp) -> Result<Timestamp, PortError>;
}

#[async_trait]
pub trait Outbox: Send + Sync {
    async fn lease(&self, lane: Lane, now: Timestamp, lease: Duration, at_most: u32) -> Result<Vec<Leased>, PortError>;
    /// At start: what the desk before us had leased is free again, and in doubt.
    async fn release(&self) -> Result<u64, PortError>;
    async fn settle(&self, key: &EffectKey, outcome: &Outcome, now: Timestamp) -> Result<(), PortError>;
    /// When the next effect of a lane is due.
    async fn next_due(&self, lane: Lane) -> Result<Option<Timestamp>, PortError>;
    /// Effects that were given up or that wait after a fault, with the fault, for `status`.
    async fn faults(&self) -> Result<Vec<(EffectKey, u32, String)>, PortError>;
}

/// People: their pinned certificates, and what was sent to them.
#[async_trait]
pub trait Correspondence: Send + Sync {
    /// The certificate pinned for an address, armored.
    async fn pinned(&self, address: &Address) -> Result<Option<String>, PortError>;
    /// Pins the first certificate of an address; a later one changes nothing.
    async fn pin(&self, address: &Address, fingerprint: &str, armored: &str, now: Timestamp) -> Result<(), PortError>;
    /// Takes this answer's turn under the caps, so that a bounce or reply finds its case; `Some`: not before
    /// then. Asking again for the same Message-ID is the same turn.
    async fn take_turn(&self, answer: &Answer, caps: Caps, now: Timestamp) -> Result<Option<Timestamp>, PortError>;
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
}

/// Everything that rests.
pub trait CaseStore: Spool + Letters + Cases + Outbox + Correspondence {}
impl<T: Spool + Letters + Cases + Outbox + Correspondence> CaseStore for T {}

/// One letter on its way into the spool. Dropped without `finish`, it leaves nothing.
#[async_trait]
pub trait Spooling: Sink {
    /// Seals the octets, and makes a file of them durable; what rests in a row is durable once it is admitted.
    async fn finish(self: Box<Self>) -> Result<Spooled, PortError>;
    /// Whether the disk failed, so that a piece was refused.
    fn failed(&self) -> bool;
}

pub struct Spooled {
    pub rest: Rest,
    pub digest: Digest,
    pub octets: u64,
    /// The first 256 KiB at most, up to the end of the header block.
    pub head: Vec<u8>,
}
