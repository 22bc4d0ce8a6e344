//! What can a person tell the desk? One file a verb.

pub mod ask;
pub mod backup;
mod browser;
pub mod canary;
pub mod case;
pub mod check;
mod credentials;
pub mod demo;
mod demo_letters;
mod demo_page;
pub mod doctor;
mod editor;
mod environment;
mod examples;
pub mod import;
pub mod init;
mod json_reference;
pub mod key;
mod layout;
pub mod log;
pub mod mailbox;
pub mod manual;
pub mod open;
pub mod opener;
mod owner;
pub mod page;
mod pager;
pub mod restore;
pub mod run;
mod screen;
pub mod status;

pub use environment::with_environment;
pub use examples::with_examples;
use std::sync::LazyLock;

/// What `-V` and `--version` say. A build that knows its commit was told by `SEALDESK_COMMIT`, as
/// `make install` and `make package` do.
pub fn version() -> (&'static str, &'static str) {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let algorithms: String = crate::openpgp::algorithms()
            .iter()
            .map(|(of, names)| format!("\n  {of}: {names}"))
            .collect();
        let commit = option_env!("SEALDESK_COMMIT").unwrap_or("unknown");
        format!(
            "{}\ncommit {commit}\n{}{algorithms}",
            env!("CARGO_PKG_VERSION"),
            crate::openpgp::backend()
        )
    });
    (env!("CARGO_PKG_VERSION"), LONG.as_str())
}

/// Exit codes, the same for every verb; 2, wrong usage, is clap's own.
pub mod exit {
    /// Done, or nothing wrong was found.
    pub const GOOD: u8 = 0;
    /// Our own failure.
    pub const FAILED: u8 = 1;
    /// `open`: the letter stays shut.
    pub const SHUT: u8 = 3;
    /// `open`: a limit refused the letter.
    pub const LIMIT: u8 = 4;
    /// `backup`: the file is there, and somebody should look at what the desk holds.
    pub const LOOK: u8 = 5;
    /// The configuration is wrong, or only a human can mend what it names (EX_CONFIG of
    /// sysexits.h).
    pub const CONFIG: u8 = 78;
}

/// Where the config is looked for when none is named.
pub const CONFIG_PATH: &str = "/etc/sealdesk/sealdesk.toml";
