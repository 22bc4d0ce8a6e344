//! Where do the words of a reply, a note or an announcement come from? A file, the writer's editor,
//! or standard input.

use crate::cli::case::page;
use crate::cli::editor::Editor;
use crate::control::CaseView;
use anyhow::{Context, Result, bail};
use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;

/// A text, and whether its writer has it nowhere else.
pub(super) struct Words {
    pub text: String,
    is_typed: bool,
}

impl Words {
    /// What was given on the command line.
    pub fn given(text: String) -> Self {
        Self {
            text,
            is_typed: false,
        }
    }

    /// The text of a file; without one, what is written in an editor below which `notes` stand, or
    /// what comes on standard input.
    pub async fn from<N>(file: Option<&Path>, notes: impl FnOnce() -> N) -> Result<Self>
    where
        N: Future<Output = Result<String>>,
    {
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(Self::given(text));
        }
        if let Some(editor) = Editor::at_hand() {
            return Ok(Self {
                text: editor.text(&notes().await?).await?,
                is_typed: true,
            });
        }
        let is_typed = std::io::stdin().is_terminal();
        if is_typed {
            eprintln!(
                "The text is read from here: end it with Ctrl-D on a line of its own, or set \
                 EDITOR."
            );
        }
        let text = std::io::read_to_string(std::io::stdin().lock())
            .context("cannot read standard input")?;
        if is_typed && text.trim().is_empty() {
            bail!("the text is empty: nothing was sent");
        }
        Ok(Self { text, is_typed })
    }

    /// What became of it. Where it failed, a text that was typed is shown once more.
    pub fn outcome<T>(&self, done: Result<T>) -> Result<T> {
        if done.is_err() && self.is_typed {
            eprintln!("Your text was:\n\n{}", self.text);
        }
        done
    }
}

/// What stands below a reply that is being written: the letter that it answers, the last one that
/// was read.
pub(super) fn answered(view: &CaseView) -> String {
    let mut notes = format!(
        "You answer the reporter of {}, as the team. The desk signs it.\n",
        view.line.id
    );
    let read = view.read.iter().rev();
    if let Some((letter, reading)) = read
        .filter_map(|letter| Some((letter, letter.reading.as_ref()?)))
        .next()
    {
        notes.push_str(&format!(
            "\nLetter {} of {}\n{}\n\n{}",
            letter.intake,
            page::to_the_minute(letter.received_at),
            page::origin(letter.dmarc, reading).join("\n"),
            crate::cli::screen::tame(&reading.text)
        ));
    }
    notes
}
