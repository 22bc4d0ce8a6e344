//! What can a person tell the desk? One file a verb.

pub mod key;
pub mod open;
pub mod opener;

use std::path::PathBuf;

/// Exit codes, the same for every verb.
pub mod exit {
    pub const GOOD: u8 = 0;
    /// Our own failure.
    pub const FAILED: u8 = 1;
    /// Wrong usage (clap's own).
    pub const USAGE: u8 = 2;
    /// `open`: the letter stays shut.
    pub const SHUT: u8 = 3;
    /// `open`: a limit refused the letter.
    pub const LIMIT: u8 = 4;
    /// The configuration is wrong (EX_CONFIG of sysexits.h).
    pub const CONFIG: u8 = 78;
}

/// Where the config is looked for when none is named.
pub const CONFIG_PATH: &str = "/etc/sealdesk/sealdesk.toml";

/// This program, to start the opener as a child.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}
