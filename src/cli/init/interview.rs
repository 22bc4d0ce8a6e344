//! How is something asked? By its flag, else on the terminal, else not at all.

use crate::cli::screen::{self, BAD, GOOD, styled};
use crate::config;
use crate::model::secret::Secret;
use anyhow::{Result, anyhow, bail};
use dialoguer::{Confirm, Input, Password};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// Takes each answer from its flag or from the terminal.
pub struct Interview {
    /// Somebody can be asked.
    terminal: bool,
}

impl Interview {
    /// Somebody can be asked where standard input and standard error are a terminal.
    pub fn new() -> Self {
        Self {
            terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// What was `said` by the flag, else what is typed; `likely` is taken for an empty line. Fails,
    /// and names the flag, where nobody can be asked.
    pub fn text(
        &self,
        said: Option<String>,
        flag: &str,
        question: &str,
        likely: Option<&str>,
    ) -> Result<String> {
        if let Some(said) = said {
            return Ok(said);
        }
        if !self.terminal {
            bail!("{flag} is needed: there is no terminal to ask on");
        }
        let input = Input::<String>::new().with_prompt(question);
        let input = if let Some(likely) = likely {
            input.default(likely.to_owned())
        } else {
            input
        };
        Ok(input.interact_text()?.trim().to_owned())
    }

    /// The secret in `file`, else what is typed unseen. Fails, and names the flag, where nobody can
    /// be asked.
    pub fn secret(
        &self,
        file: Option<&PathBuf>,
        flag: &'static str,
        question: &str,
    ) -> Result<Arc<Secret>> {
        if let Some(file) = file {
            return Ok(Arc::new(config::secret(flag, file)?));
        }
        if !self.terminal {
            bail!("{flag} is needed: there is no terminal to ask on");
        }
        Ok(Arc::new(Secret::new(
            Password::new()
                .with_prompt(question)
                .interact()?
                .into_bytes(),
        )))
    }

    /// A question whose answer is no, by itself and where nobody can be asked.
    pub fn yes(&self, question: &str) -> Result<bool> {
        Ok(self.terminal
            && Confirm::new()
                .with_prompt(question)
                .default(false)
                .interact()?)
    }

    /// Shows what a proof found. Where it failed, it is asked again, or nobody is there and it
    /// ends.
    pub fn proven(&self, what: &str, proof: Result<String>) -> Result<bool> {
        match proof {
            Ok(found) => screen::print(&format!(
                "{} {what}: {}\n",
                styled(GOOD, "good"),
                screen::tame(&found)
            ))
            .map(|()| true),
            Err(why) => self.wrong(what, &why).map(|()| false),
        }
    }

    /// Says what is wrong with an answer; without a terminal that is the end.
    pub fn wrong(&self, what: &str, why: &anyhow::Error) -> Result<()> {
        if !self.terminal {
            return Err(anyhow!("{what}: {why:#}; nothing was written"));
        }
        screen::print(&format!(
            "{}  {what}: {}\n",
            styled(BAD, "bad"),
            screen::tame(&format!("{why:#}"))
        ))
    }
}
