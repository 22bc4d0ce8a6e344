//! How does a letter move from the mailbox to its answer? Loops over ports; no adapter is named
//! here.
//!
//! Four loops share one store and nothing else: [`intake`] makes letters ours, [`readers`] has them
//! opened, [`outbox`] carries effects out, [`deadlines`] watches the clock. Each can be stopped
//! between any two steps and goes on from what the store says.

mod admission;
pub mod canary;
mod clerk;
pub mod deadlines;
mod desk;
pub mod dossiers;
mod failpoint;
pub mod intake;
pub mod letters;
pub mod outbox;
pub mod readers;
pub mod reading;
mod reading_queue;
mod restraint;
pub mod retention;
mod rhythm;
mod sayings;
mod team_reply;
pub mod watch;

pub use clerk::{Clerk, Said, Told};
pub use desk::{Desk, DeskParts, Responder};
pub use failpoint::{arm_from_environment, strike};
pub use rhythm::{Beat, Rhythm};
