//! How is an opener started that has no unit of its own?

use crate::adapters::opener::sys;
use crate::ports::OpenerError;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// An opener that this process started, and the socket over which calls are passed to it.
pub(super) struct Running {
    pub child: Child,
    pub control: OwnedFd,
}

/// The program that runs, as it was when it began, even where an upgrade put another in its place:
/// proc(5) keeps it.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// Starts one. It ends when what this returns is dropped.
pub(super) fn start(program: &Path, arguments: &[String]) -> Result<Running, OpenerError> {
    let (ours, theirs) = sys::message_pair().map_err(|e| OpenerError::Down(e.to_string()))?;
    let child = Command::new(program)
        .arg0("sealdesk")
        .args(arguments)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .env_remove("OPENSSL_CONF")
        .env_remove("OPENSSL_MODULES")
        .env("RUST_BACKTRACE", "0")
        .kill_on_drop(true)
        .spawn()
        .map_err(|err| OpenerError::Down(err.to_string()))?;
    Ok(Running {
        child,
        control: ours,
    })
}
