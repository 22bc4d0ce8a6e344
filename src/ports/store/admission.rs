//! What does a letter bring that is to be admitted?

use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::AdvisoryId;
use crate::model::ids::Digest;
use crate::model::letter::Outer;
use crate::ports::MailboxUid;

/// A letter about to be admitted: durable in the spool, its outside read.
pub struct Admission<'a> {
    pub mailbox: &'a str,
    pub place: MailboxUid,
    pub digest: Digest,
    pub octets: u64,
    pub received_at: Timestamp,
    pub spooled_at: Timestamp,
    pub rest: Rest,
    pub outer: &'a Outer,
    /// The address whose tags tell which answer of ours came back.
    pub bounce: &'a Address,
    pub old: bool,
    pub advisory: Option<&'a AdvisoryId>,
}

/// Where the sealed octets of a letter rest.
#[derive(Clone, Debug)]
pub enum Rest {
    /// In the letter's row, once it is admitted.
    Row(Vec<u8>),
    /// In this file of the spool, durable already.
    File(String),
}
