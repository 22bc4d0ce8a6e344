//! Where do keys live, and where are letters opened? Three kinds of process, none with network or
//! files.
//!
//! ```text
//!  desk ──verb──► keyholder ──spawn──► zygote ──fork──► reader (one a letter)
//!                  keys, no parser      neither          parser, no key
//!                     ▲                                    │
//!                     └──────────── session keys ──────────┘
//! ```
//!
//! The zygote is forked before any key is loaded, so no reader ever inherits one. The keyholder
//! reads one octet of a call, the verb; the connection of a letter goes to its reader, which
//! answers the desk itself. A reader that dies costs its letter, and the keyholder tells the desk
//! so; after [`DEATHS_MAX`] deaths the opener ends and is started anew by whoever started it, with
//! a new address layout. Where a connection closes without a word, the desk looks whether the
//! keyholder lives on: if it does, a reader hung up, and else no letter is blamed, but one that was
//! read alone.
//!
//! Nothing that a reader says of itself is believed. Its place is free when the zygote has reaped
//! its process; what it answers is bounded by what an honest reader may answer.

mod client;
pub mod jail;
mod keyholder;
mod reader;
mod sys;
mod wire;
mod zygote;

pub use client::{OWN_PROGRAM, OpenerClient, OpenerEndpoint};
pub use keyholder::Holdings;
pub use sys::{pass_descriptor, take_stdin};

use crate::model::limits::Limits;
use std::os::fd::{AsRawFd, OwnedFd};

/// Readers at work at once; further calls wait.
pub const READERS_MAX: usize = 6;

/// After so many deaths of readers the opener starts anew.
pub const DEATHS_MAX: u32 = 16;

/// The exit code of an opener that wants to be started anew (EX_TEMPFAIL of sysexits.h).
pub const EXIT_START_ANEW: i32 = 75;

/// Where calls come in.
pub enum CallSource {
    /// A listening unix socket, made and guarded by PID 1.
    Listener(OwnedFd),
    /// A socket over which the desk passes one end of a fresh pair for each call.
    Passed(OwnedFd),
}

/// Why the opener cannot start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot prepare the cryptography library")]
    WarmUp(#[source] crate::openpgp::OpenPgpError),
    #[error("cannot start the zygote: {0}")]
    Zygote(nix::errno::Errno),
    #[error("{0}")]
    Holdings(String),
    #[error(
        "cannot shut the jail: {0}; set opener.allow_without_jail = true only on a machine \
         without Landlock or seccomp"
    )]
    Jail(String),
    #[error("the opener's own socket failed: {0}")]
    Socket(nix::errno::Errno),
}

/// Runs the opener in this process, which must have no other thread. Returns the exit code.
///
/// `load` reads keys and config; it runs after the zygote was forked and before the jail shuts.
pub fn serve(
    doorway: CallSource,
    load: impl FnOnce() -> Result<Holdings, String>,
    limits: &Limits,
    allow_without_jail: bool,
) -> Result<i32, ServeError> {
    crate::openpgp::warm_up().map_err(ServeError::WarmUp)?;
    crate::smime::warm_up();
    crate::triage::warm_up();
    let number = match &doorway {
        CallSource::Listener(fd) | CallSource::Passed(fd) => fd.as_raw_fd(),
    };
    let zygote = zygote::spawn(number, limits, allow_without_jail).map_err(ServeError::Zygote)?;
    let holdings = load().map_err(ServeError::Holdings)?;
    jail::harden_process().map_err(|e| ServeError::Jail(e.to_string()))?;
    let entered = jail::Jail::prepare(jail::JailRole::Keyholder, limits, allow_without_jail)
        .and_then(|jail| jail.enter());
    entered.map_err(|e| ServeError::Jail(e.to_string()))?;
    keyholder::serve(&doorway, &zygote, holdings, limits).map_err(ServeError::Socket)
}
