//! What is this letter, and what does it report? Deterministic, without network, clock or model.
//!
//! When in doubt it is a report: a machine's mistake must cost a responder a minute, never a reporter
//! his answer. Extracted fields are what the letter says, in its own words, for a human to check.

mod disclosure;
mod kind;
mod report;
mod sections;
mod versions;

pub use kind::{Seen, kind};
pub use report::report;

/// Compiles every pattern, so that a process forked later need not.
pub fn warm_up() {
    let seen = Seen { subject: "warm-up", text: "warm-up", ..Seen::default() };
    let _ = (kind(&seen), report("warm-up", "Steps: in version 1.0, I will publish on 2026-01-01\n"));
}

/// A pattern that is compiled once. Every pattern here is a constant that a test runs, so it is known to compile.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| regex::Regex::new($text).expect("a constant pattern"));
    };
}
use pattern;
