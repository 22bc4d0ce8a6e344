//! How is something asked? By its flag, else on the terminal, else not at all.

use crate::cli::init::beforehand::at_home;
use crate::cli::screen::{self, BAD, GOOD, WARN, styled};
use crate::config;
use crate::model::secret::Secret;
use anyhow::{Result, anyhow, bail};
use dialoguer::{Confirm, Input, Password, Select};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
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

    /// Whether there is somebody who can be asked.
    pub fn can_ask(&self) -> bool {
        self.terminal
    }

    /// One of these, by their names; `likely` where nobody can be asked.
    pub fn choice<T: Copy + PartialEq>(
        &self,
        question: &str,
        offered: &[(&str, T)],
        likely: T,
    ) -> Result<T> {
        if !self.terminal {
            return Ok(likely);
        }
        let names = offered.iter().map(|(name, _)| *name);
        let at = offered.iter().position(|(_, value)| *value == likely);
        let chosen = Select::new()
            .with_prompt(question)
            .items(names)
            .default(at.unwrap_or(0))
            .interact()?;
        Ok(offered.get(chosen).map_or(likely, |(_, value)| *value))
    }

    /// What was said or is typed, once it is right; it is asked again until then, where somebody
    /// can be asked.
    pub fn checked<T>(
        &self,
        mut said: Option<String>,
        flag: &str,
        question: &str,
        read: impl Fn(&str) -> Result<T>,
    ) -> Result<T> {
        loop {
            match read(&self.text(said.take(), flag, question, None)?) {
                Ok(value) => return Ok(value),
                Err(why) => self.wrong(flag, &why)?,
            }
        }
    }

    /// A path that is typed.
    pub fn path(&self, flag: &str, question: &str) -> Result<PathBuf> {
        let typed = self.text(None, flag, question, None)?;
        Ok(at_home(Path::new(&typed)))
    }

    /// A path that is typed; `None` for an empty line and where nobody can be asked.
    pub fn path_or_none(&self, question: &str) -> Result<Option<PathBuf>> {
        if !self.terminal {
            return Ok(None);
        }
        let input = Input::<String>::new().with_prompt(question);
        let typed = input.allow_empty(true).interact_text()?;
        let typed = typed.trim();
        Ok((!typed.is_empty()).then(|| at_home(Path::new(typed))))
    }

    /// The secret in `file`, else what is typed unseen; a file that cannot be used is told, and what
    /// it should hold is typed. Fails, and names the flag, where nobody can be asked.
    pub fn secret(
        &self,
        file: Option<&PathBuf>,
        flag: &'static str,
        question: &str,
    ) -> Result<Arc<Secret>> {
        match file.map(|file| config::secret(flag, file)) {
            Some(Ok(secret)) => return Ok(Arc::new(secret)),
            Some(Err(why)) => self.wrong("file", &why.into())?,
            None => {}
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

    /// Says what somebody should look at.
    pub fn warn(&self, what: &str) -> Result<()> {
        screen::print(&format!(
            "{} {}\n",
            styled(WARN, "warn"),
            screen::tame(what)
        ))
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
