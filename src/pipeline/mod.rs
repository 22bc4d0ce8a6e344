//! How does a letter move from the mailbox to its answer? Loops over ports; no adapter is named
//! here.
//!
//! Four loops share one store and nothing else: [`intake`] makes letters ours, [`reading_loop`] has
//! them opened, [`outbox`] carries effects out, [`deadlines`] watches the clock. Each can be
//! stopped between any two steps and goes on from what the store says.

mod admission;
pub mod canary;
pub mod deadlines;
mod driver;
mod failpoint;
pub mod intake;
pub mod outbox;
pub mod reading_loop;
mod reading_queue;
pub mod retention;
mod team_reply;
mod text_tags;
pub mod watch;
mod watchdog;

pub use driver::{Loop, Turn, drive};
pub use failpoint::arm_from_environment;
pub use watchdog::{Beat, Watchdog};
