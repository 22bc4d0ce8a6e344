//! How does text reach the terminal? Without panicking at a closed pipe, and without a stranger's
//! controls.

use crate::compose::is_invisible;
use anyhow::{Result, bail};
use std::io::{ErrorKind, IsTerminal, Write};

/// Writes to standard output; a reader that went away ends the output and is no fault.
pub fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(err.into()),
        _ => Ok(()),
    }
}

/// Prints a value over several lines, with a line end behind it.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Whether somebody at the terminal means it; where nobody is there, the flag that says so is
/// named.
pub fn confirmed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: say it with --yes");
    }
    Ok(dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()?)
}

/// A stranger's text for a terminal: escape sequences, controls and bidi marks are shown as what
/// they are.
pub fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if is_invisible(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// A stranger's text as one line, for a cell or a sentence.
pub fn one_line(text: &str) -> String {
    tame(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in a style, where the terminal has any.
pub fn styled(style: anstyle::Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Headings, and what a row is about.
pub const BOLD: anstyle::Style = anstyle::Style::new().bold();
/// What is as it should be.
pub const GOOD: anstyle::Style = anstyle::AnsiColor::Green.on_default();
/// What must be mended, or is late.
pub const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default();
/// What somebody should look at.
pub const WARN: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();
/// What matters less than the rest of its line.
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_cannot_drive_the_terminal() {
        assert_eq!(
            tame("a\u{1b}[2Jb\u{202e}c\r\n"),
            "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}\n"
        );
    }
}
