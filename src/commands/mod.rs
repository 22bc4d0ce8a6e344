//! What can a person tell the desk? One file a verb.

mod ask;
pub mod canary;
pub mod case;
pub mod check;
pub mod demo;
pub mod import;
pub mod init;
pub mod key;
mod letters;
pub mod open;
pub mod opener;
pub mod run;
mod screen;
pub mod status;

/// Exit codes, the same for every verb; 2, wrong usage, is clap's own.
pub mod exit {
    pub const GOOD: u8 = 0;
    /// Our own failure.
    pub const FAILED: u8 = 1;
    /// `open`: the letter stays shut.
    pub const SHUT: u8 = 3;
    /// `open`: a limit refused the letter.
    pub const LIMIT: u8 = 4;
    /// The configuration is wrong, or only a human can mend what it names (EX_CONFIG of sysexits.h).
    pub const CONFIG: u8 = 78;
}

/// Where the config is looked for when none is named.
pub const CONFIG_PATH: &str = "/etc/sealdesk/sealdesk.toml";
