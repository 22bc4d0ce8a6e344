//! What does the pipeline need of whatever keeps letters, cases and effects?

mod admission;
mod figures;

use super::{Correspondence, LetterOctets, MailboxUid, PortError, Sink};
use crate::decide::{Decision, ThreadContext};
use crate::model::Timestamp;
use crate::model::address::{Address, ReplyAddress};
use crate::model::case::{AdvisoryId, Case};
use crate::model::effect::EffectKey;
use crate::model::effect::{Effect, Work};
use crate::model::ids::{CaseId, Digest, IntakeId, MessageId};
use crate::model::letter::{BodyDigests, Dmarc, Outer, Role};
pub use admission::{Admission, Rest};
use async_trait::async_trait;
pub use figures::{CaseSet, JournalLine, Kept, Measures, Purged, SealedTo, Tally};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

/// A letter in the store.
#[derive(Clone, Debug)]
pub struct Intake {
    pub id: IntakeId,
    pub digest: Digest,
    pub octets: u64,
    pub received_at: Timestamp,
    /// When it became durable here.
    pub spooled_at: Timestamp,
    pub case: Option<CaseId>,
    /// The case that it had before its reading moved it to `case`; `None` where none did.
    pub arrived_in: Option<CaseId>,
    pub originator: Option<Address>,
    pub reply_to: Option<ReplyAddress>,
    pub message_id: Option<MessageId>,
    pub role: Role,
    /// What was proven of its originator when it arrived.
    pub dmarc: Dmarc,
    /// Its outside says PGP/MIME.
    pub sealed_outside: bool,
    pub state: ReadingState,
    /// Tries to read it that were begun.
    pub tries: u32,
    /// The entry in the tracker that it is, where it is no mail.
    pub advisory: Option<AdvisoryId>,
}

impl Intake {
    /// A reporter wrote it, and can be answered by mail.
    pub fn is_a_reporters(&self) -> bool {
        self.role == Role::Incoming && self.originator.is_some() && self.advisory.is_none()
    }
}

/// A letter that waits to be read, by what its turn is decided from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub id: IntakeId,
    pub originator: Option<Address>,
    pub dmarc: Dmarc,
    pub tries: u32,
    /// On the mail server.
    pub received_at: Timestamp,
}

/// How far a letter was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadingState {
    /// It waits to be read, for the first time or again.
    Unread,
    /// Its reading rests sealed.
    Read,
    /// It was read, and an encrypted part stays shut.
    Shut,
    /// Two readers ended on it; it is shown as it came.
    SetAside,
    /// From before the desk began to answer.
    Old,
    /// A copy of the team's own, which is not read.
    Copy,
    /// Erased with its case.
    Purged,
}

/// What is kept of a letter that was read, or could not be.
pub struct ReadingToSave<'a> {
    pub state: ReadingState,
    /// The sealed reading.
    pub sealed: Option<&'a [u8]>,
    /// HMACs of what it says, by paragraphs: letters that say the same share them.
    pub text_tags: &'a [TextTag],
    /// The certificate of ours that it was sealed to.
    pub sealed_to: Option<&'a str>,
}

/// A paragraph of a letter, by an HMAC that tells nothing to whoever sees the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTag {
    pub tag: String,
    /// Its length in characters.
    pub weight: u32,
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

/// Effects that must not wait for each other: an alarm over the second path is never behind a mail
/// server that hangs, and when an outsider gets an automatic answer must not depend on what a
/// tracker is asked to do with what was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxQueue {
    /// Everything else.
    Common,
    /// What leaves by itself for those who wrote.
    Answers,
    /// Letters to responders: no work on the tracker holds them up.
    Calls,
    /// Alarms that share nothing with the mail.
    SecondPath,
}

impl OutboxQueue {
    /// Each has a loop of its own.
    pub const ALL: [Self; 4] = [Self::Answers, Self::Calls, Self::Common, Self::SecondPath];
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

/// How far each mailbox was read, and what stays there to be done.
#[async_trait]
pub trait MailboxProgress: Send + Sync {
    /// Folder, validity and the number up to which everything was seen.
    async fn cursors(&self, mailbox: &str) -> Result<Vec<(String, u32, u64)>, PortError>;
    /// Everything in this folder up to `after` was seen.
    async fn set_cursor(
        &self,
        mailbox: &str,
        folder: &str,
        validity: u32,
        after: u64,
    ) -> Result<(), PortError>;
    /// Those of these places whose letters are dealt with.
    async fn known(
        &self,
        mailbox: &str,
        places: &[MailboxUid],
    ) -> Result<HashSet<MailboxUid>, PortError>;
    /// Durable here, but perhaps not yet moved there.
    async fn unsettled(&self, mailbox: &str) -> Result<Vec<MailboxUid>, PortError>;
    /// These were moved or marked on the server.
    async fn settled(&self, mailbox: &str, places: &[MailboxUid]) -> Result<(), PortError>;
    /// A letter that cannot be fetched: it stays on the server, and a human is called.
    async fn leave_lying(
        &self,
        mailbox: &str,
        place: &MailboxUid,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError>;
}

/// Letters that are ours.
#[async_trait]
pub trait Letters: Send + Sync {
    /// What is known of the threads, tags and people that an outer letter names.
    async fn thread_context(
        &self,
        outer: &Outer,
        bounce: &Address,
    ) -> Result<ThreadContext, PortError>;
    /// The case of the nearest of these letters that is known, the nearest last.
    async fn case_in_thread(&self, message_ids: &[String]) -> Result<Option<CaseId>, PortError>;
    /// Saves letter, case, effects and journal in one transaction. `None`: the same octets were
    /// admitted before.
    async fn admit(
        &self,
        admission: &Admission<'_>,
        decide: Decide<'_>,
    ) -> Result<Option<IntakeId>, PortError>;
    /// Letters that wait to be read: so many of the newest and as many of the oldest, those that
    /// were never tried first.
    async fn unread(&self, from_each_end: u32) -> Result<Vec<Unread>, PortError>;
    /// Counts a try to read a letter before it is made, so that a crash counts too. `None`: it
    /// waits no more.
    async fn begin_reading(&self, intake: IntakeId) -> Result<Option<Intake>, PortError>;
    /// Has the letters of a case read again, as if they had just arrived. How many.
    async fn read_again(&self, case: &CaseId, now: Timestamp) -> Result<u64, PortError>;
    /// The try was not the letter's fault: the opener was down.
    async fn uncount_try(&self, intake: IntakeId) -> Result<(), PortError>;
    /// Counts further tries, for one that ended worse than by itself.
    async fn count_tries(&self, intake: IntakeId, more: u32) -> Result<(), PortError>;
    /// `None`: no letter has this number.
    async fn intake(&self, intake: IntakeId) -> Result<Option<Intake>, PortError>;
    /// The letters of a case, oldest first.
    async fn letters_of(&self, case: &CaseId) -> Result<Vec<Intake>, PortError>;
    /// The letter that opened the case, wherever its reading moved it: the first that arrived in it.
    async fn opening_letter(&self, case: &CaseId) -> Result<Option<IntakeId>, PortError>;
    /// Saves the sealed reading with what follows from it.
    async fn commit_reading(
        &self,
        intake: IntakeId,
        read: &ReadingToSave<'_>,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError>;
    /// Cases besides `case` with a letter that shares half of what it says, or that bears the same
    /// Message-ID, oldest first.
    async fn alike(
        &self,
        case: &CaseId,
        text_tags: &[TextTag],
        message_id: Option<&MessageId>,
    ) -> Result<Vec<CaseId>, PortError>;
    /// The cases in which other letters with the Message-ID of this one arrived, oldest first.
    async fn copies_of(&self, intake: IntakeId) -> Result<Vec<CaseId>, PortError>;
    /// As [`Self::alike`], for every letter of the case as it was read.
    async fn duplicates(&self, case: &CaseId) -> Result<Vec<CaseId>, PortError>;
    /// The sealed reading; `None` before the letter was read, and once it is erased.
    async fn reading(&self, intake: IntakeId) -> Result<Option<Vec<u8>>, PortError>;
    /// Letters that were kept as old.
    async fn old_letters(&self) -> Result<Vec<Intake>, PortError>;
    /// Makes an old letter into an arrival.
    async fn revive(
        &self,
        intake: IntakeId,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), PortError>;
}

/// What follows from an arrival, once its number is known and what was known before it.
pub type Decide<'a> = &'a (dyn Fn(IntakeId, &ThreadContext) -> Decision + Send + Sync);

/// Cases, their journal, and what is counted of them.
#[async_trait]
pub trait Cases: Send + Sync {
    async fn case(&self, id: &CaseId) -> Result<Option<Case>, PortError>;
    /// Newest first, and no more of them than `at_most`.
    async fn cases(&self, set: CaseSet, at_most: Option<u32>) -> Result<Vec<Case>, PortError>;
    /// The cases that were split off this one.
    async fn parts_of(&self, case: &CaseId) -> Result<Vec<CaseId>, PortError>;
    /// Whether somebody with this address wrote in the case.
    async fn is_participant(&self, case: &CaseId, address: &Address) -> Result<bool, PortError>;
    /// As [`Self::is_participant`], where a letter of theirs in the case was proven to be theirs.
    async fn is_proven_participant(
        &self,
        case: &CaseId,
        address: &Address,
    ) -> Result<bool, PortError>;
    /// What responders wrote down of a case, sealed, and the number by which writing it again is
    /// ordered.
    async fn case_record(&self, case: &CaseId) -> Result<(i64, Option<Vec<u8>>), PortError>;
    /// Those with a clock that may run: open ones, and closed ones whose reporter still waits for
    /// an answer.
    async fn running(&self) -> Result<Vec<Case>, PortError>;
    /// Saves a decision whole or not at all, in one transaction.
    async fn commit(&self, decision: &Decision, now: Timestamp) -> Result<(), PortError>;
    /// Oldest first.
    async fn journal(&self, case: &CaseId) -> Result<Vec<JournalLine>, PortError>;
    async fn tally(&self) -> Result<Tally, PortError>;
    /// Numbers of the letters that rest without a case, newest first: so many of them at most.
    async fn without_case(&self, at_most: u32) -> Result<Vec<IntakeId>, PortError>;
    /// Whether responders were not told yet of a letter that rests without a case.
    async fn has_untold(&self) -> Result<bool, PortError>;
    /// Numbers of the letters of which they are told at this moment: those that were not told
    /// before.
    async fn tell_without_case(&self, at: Timestamp) -> Result<Vec<IntakeId>, PortError>;
    async fn measures(&self) -> Result<Measures, PortError>;
    /// The sealed secret that content is tagged with: the one that was kept first, else this one.
    async fn kept_secret(&self, sealed: &[u8]) -> Result<Vec<u8>, PortError>;
    /// The moment of the desk's first start, set on first asking.
    async fn first_start(&self, now: Timestamp) -> Result<Timestamp, PortError>;
}

/// Effects that are to be done: leased by one worker, done, and settled.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes effects of a queue that are due, at most so many, until `now + lease`.
    async fn lease(
        &self,
        queue: OutboxQueue,
        now: Timestamp,
        lease: Duration,
        at_most: u32,
    ) -> Result<Vec<Leased>, PortError>;
    /// At start: what the desk before us had leased is free again, and in doubt.
    async fn release(&self) -> Result<u64, PortError>;
    /// Records what became of a leased effect, with the decision that follows.
    async fn settle(
        &self,
        key: &EffectKey,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(), PortError>;
    /// How many effects of this work were queued since then.
    async fn queued_since(&self, work: Work, since: Timestamp) -> Result<u64, PortError>;
    /// When the next effect of a queue is due.
    async fn next_due(&self, queue: OutboxQueue) -> Result<Option<Timestamp>, PortError>;
    /// Effects that were given up or that wait after a fault, with the fault, for `status`.
    async fn faults(&self) -> Result<Vec<(EffectKey, u32, String)>, PortError>;
}

/// What an operator keeps elsewhere of all this, and what they have erased.
#[async_trait]
pub trait Keeping: Send + Sync {
    /// Writes all that rests, as of one moment, sealed, into `sink`. Where it fails, what was
    /// written is of no use.
    async fn archive(&self, sink: Box<dyn Write + Send + Sync>) -> Result<Kept, PortError>;
    /// Erases what letters, readings and people said in a closed case, and who they are. Ids,
    /// times, states and the journal stay. Erasing it again changes nothing.
    async fn purge(
        &self,
        case: &CaseId,
        journal: &Decision,
        now: Timestamp,
    ) -> Result<Purged, PortError>;
    /// Cases that were closed before then, and hold something still.
    async fn closed_before(&self, then: Timestamp) -> Result<Vec<CaseId>, PortError>;
}

/// Everything that rests.
pub trait CaseStore:
    Spool + MailboxProgress + Letters + Cases + Outbox + Correspondence + Keeping
{
}
impl<T: Spool + MailboxProgress + Letters + Cases + Outbox + Correspondence + Keeping> CaseStore
    for T
{
}

/// One letter on its way into the spool. Dropped without `finish`, it leaves nothing.
#[async_trait]
pub trait Spooling: Sink {
    /// Seals the octets, and makes a file of them durable; what rests in a row is durable once it
    /// is admitted.
    async fn finish(self: Box<Self>) -> Result<Spooled, PortError>;
    /// Whether the disk failed, so that a piece was refused.
    fn failed(&self) -> bool;
}

/// A letter that is durable in the spool, and of which the desk may read the head.
pub struct Spooled {
    pub rest: Rest,
    pub digest: Digest,
    pub octets: u64,
    /// The first 256 KiB at most, up to the end of the header block.
    pub head: Vec<u8>,
    /// Where the header block bears a DKIM signature.
    pub bodies: Option<BodyDigests>,
}
