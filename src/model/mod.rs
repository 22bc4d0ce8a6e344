//! What do we talk about? The nouns of the desk, and nothing of ours below them.
//!
//! A state holds only what is true in it, and a transition consumes it. Times are [`Timestamp`]s
//! (UTC); nothing here asks a clock.

pub mod address;
pub mod budget;
pub mod case;
pub mod case_command;
pub mod case_record;
pub mod course;
pub mod cvss;
pub mod distributor;
pub mod effect;
pub mod ids;
pub mod journal;
pub mod language;
pub mod letter;
pub mod limits;
pub mod outgoing;
pub mod page;
pub mod product;
pub mod publication;
pub mod quality;
pub mod reading;
pub mod release;
pub mod report;
pub mod secret;
pub mod timeline;

pub use jiff::Timestamp;
