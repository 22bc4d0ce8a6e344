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

/// A letter such as people write. Reading it fills the caches of every pattern.
const SAMPLE: &str = include_str!("sample.txt");

/// Compiles every pattern and fills its caches, so that a process forked later need not.
pub fn warm_up() {
    for _ in 0..2 {
        let seen = Seen { subject: "Path traversal in acme-web 2.3.1", text: SAMPLE, ..Seen::default() };
        let _ = (kind(&seen), report(seen.subject, SAMPLE));
        let quiet = Seen { subject: "Hello", text: "Could you send me your public key, please?", ..Seen::default() };
        let _ = kind(&quiet);
    }
}

/// A pattern that is compiled once. Every pattern here is a constant that a test runs, so it is known to compile.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| regex::Regex::new($text).expect("a constant pattern"));
    };
}
use pattern;
