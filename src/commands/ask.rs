//! How is a question answered whether the desk runs or not? By its socket, else by the store itself.

use crate::config;
use crate::control::{self, Question};
use crate::daemon;
use crate::wiring;
use anyhow::{Context, Result};
use clap::Args;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

#[derive(Args)]
pub struct Desk {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = super::CONFIG_PATH, global = true)]
    pub config: PathBuf,
}

impl Desk {
    pub async fn ask<T: DeserializeOwned>(&self, question: Question) -> Result<T> {
        let settings = config::load(&self.config)?;
        let answer = match control::ask(&settings.state, &question).await? {
            Some(answer) => answer,
            None => {
                // Reading needs no lock, and must not keep a desk from starting.
                let _lock = if question.commands() { Some(daemon::lock(&settings)?) } else { None };
                let desk = wiring::desk(&settings).await?;
                control::answer(&desk, question, &format!("user {}", nix::unistd::getuid())).await?
            }
        };
        serde_json::from_value(answer).context("the answer is not understood: are desk and command line of one version?")
    }
}
