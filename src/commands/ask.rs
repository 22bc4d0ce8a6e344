//! How is a question answered whether the desk runs or not? By its socket, else by the store itself.

use crate::config::{self, Settings};
use crate::control::{self, Question};
use crate::daemon;
use crate::wiring;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a desk may take from its start to its first answer.
const STARTING_S: u64 = 20;

#[derive(Args)]
pub struct Desk {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = super::CONFIG_PATH, global = true)]
    pub config: PathBuf,
}

impl Desk {
    pub async fn ask<T: DeserializeOwned>(&self, question: Question) -> Result<T> {
        let settings = config::load(&self.config)?;
        let answer = answered(&settings, question).await?;
        serde_json::from_value(answer).context("the answer is not understood: are desk and command line of one version?")
    }
}

/// The running desk answers; a closed one is opened for the moment. One that is just starting is waited
/// for: two processes must not make or migrate a store at once.
async fn answered(settings: &Settings, question: Question) -> Result<serde_json::Value> {
    let until = Instant::now() + Duration::from_secs(STARTING_S);
    loop {
        if let Some(answer) = control::ask(&settings.state, &question).await? {
            return Ok(answer);
        }
        if let Some(_lock) = daemon::try_lock(settings)? {
            if matches!(question, Question::Canary) {
                bail!("the desk does not run: start it first, since its letters to itself must come back to it");
            }
            let desk = wiring::desk(settings).await?;
            let by = desk.named(&control::account(nix::unistd::getuid().as_raw()));
            return control::answer(&desk, question, &by).await;
        }
        if Instant::now() > until {
            bail!("a desk holds {} and does not answer: look at its log", settings.state.display());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
