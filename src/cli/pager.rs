//! How is a long text read at a terminal? In a pager, as git does it.

use crate::cli::screen;
use anstream::ColorChoice;
use anyhow::Result;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::signal::unix::{SignalKind, signal};

/// Where a shell finds no such command.
const NOT_FOUND: i32 = 127;

/// What a pager is told where the environment does not say it. A short text stays on the screen,
/// styles are shown; what is read leaves no trace, and starts no other program.
const SETTINGS: [(&str, &str); 4] = [
    ("LESS", "FRX"),
    ("LESSHISTFILE", "-"),
    ("LESSSECURE", "1"),
    ("LV", "-c"),
];

#[derive(Args)]
pub struct PagerArgs {
    /// Writes to the terminal directly, and not to SEALDESK_PAGER, PAGER or less
    #[arg(long)]
    no_pager: bool,
}

impl PagerArgs {
    /// Shows a text: in a pager at a terminal, else on standard output.
    pub fn show(&self, text: &str) -> Result<()> {
        let pager = if self.no_pager || !std::io::stdout().is_terminal() {
            None
        } else {
            chosen(|name| std::env::var(name).ok(), is_installed)
        };
        match pager {
            Some(pager) if paged(&pager, text) => Ok(()),
            _ => screen::print(text),
        }
    }
}

/// The pager's command line: what the environment says, else less where it is there. `cat` and
/// nothing are no pager.
fn chosen(
    variable: impl Fn(&str) -> Option<String>,
    is_installed: impl Fn(&str) -> bool,
) -> Option<String> {
    let said = variable("SEALDESK_PAGER").or_else(|| variable("PAGER"));
    match said {
        Some(said) => Some(said).filter(|pager| !matches!(pager.trim(), "" | "cat")),
        None => is_installed("less").then(|| "less".to_owned()),
    }
}

fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| Path::new(&folder).join(program).is_file())
}

/// Whether a pager showed it.
fn paged(pager: &str, text: &str) -> bool {
    // Ctrl-C is the pager's while it runs: ended by it, we would leave the terminal as less has it.
    let _held = signal(SignalKind::interrupt());
    let mut command = Command::new("sh");
    command.args(["-c", pager]).stdin(Stdio::piped());
    let unset = |(name, _): &&(&str, &str)| std::env::var_os(name).is_none();
    command.envs(SETTINGS.iter().filter(unset).copied());
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let is_plain = anstream::AutoStream::choice(&std::io::stdout()) == ColorChoice::Never;
    let text = if is_plain {
        anstream::adapter::strip_str(text).to_string()
    } else {
        text.to_owned()
    };
    if let Some(mut input) = child.stdin.take() {
        // Whoever leaves the pager early closes it.
        let _ = input.write_all(text.as_bytes());
    }
    child
        .wait()
        .is_ok_and(|status| status.code() != Some(NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pager_is_chosen_as_git_chooses_it() {
        type Row = (
            &'static [(&'static str, &'static str)],
            bool,
            Option<&'static str>,
        );
        let rows: [Row; 6] = [
            (
                &[("SEALDESK_PAGER", "most"), ("PAGER", "more")],
                true,
                Some("most"),
            ),
            (&[("PAGER", "more -s")], true, Some("more -s")),
            (&[("SEALDESK_PAGER", "cat"), ("PAGER", "more")], true, None),
            (&[("PAGER", "")], true, None),
            (&[], true, Some("less")),
            (&[], false, None),
        ];
        for (variables, has_less, pager) in rows {
            let variable = |name: &str| {
                let found = variables.iter().find(|(named, _)| *named == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(chosen(variable, |_| has_less).as_deref(), pager);
        }
    }

    #[tokio::test]
    async fn a_pager_that_is_not_there_shows_nothing() {
        assert!(!paged("sealdesk-has-no-such-pager 2>/dev/null", "text"));
        assert!(paged("cat > /dev/null", "text"));
        assert!(paged("exit 0", &"more than a pipe holds ".repeat(100_000)));
    }
}
