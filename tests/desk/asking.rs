//! How is a running desk? Asked over its socket: a process for each look would take the machine from
//! the desk.

use sealdesk::control::{Request, Response, socket};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The status of the desk of this state folder, as `sealdesk status --json` prints it; `None` where
/// none answers.
pub fn status(state: &Path) -> Option<serde_json::Value> {
    let mut stream = UnixStream::connect(socket(state, false)).ok()?;
    stream
        .write_all(&serde_json::to_vec(&Request::Status).unwrap())
        .ok()?;
    stream.shutdown(Shutdown::Write).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    match serde_json::from_slice(&answer).ok()? {
        Response::Good { answer } => Some(answer),
        Response::Error { .. } => None,
    }
}
