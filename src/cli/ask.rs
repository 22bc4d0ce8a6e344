//! How is a question answered whether the desk runs or not? By its socket, else by the store
//! itself.

use crate::cli::{exit, owner, screen};
use crate::config::{self, Settings};
use crate::control::{self, Request, Response};
use crate::daemon::{self, Lock};
use crate::wiring;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// How long a desk may take from its start to its first answer.
const STARTING_S: u64 = 20;

#[derive(Args)]
pub struct DeskArgs {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH, global = true)]
    pub config: PathBuf,
}

impl DeskArgs {
    /// Asks the running desk, or opens the store for this one question. Fails where the desk
    /// refuses, and where its answer has another shape than `T`.
    pub async fn ask<T: DeserializeOwned>(&self, question: Request) -> Result<T> {
        let settings = config::load(&self.config)?;
        let answer = answered(&settings, question).await?;
        serde_json::from_value(answer)
            .context("the answer is not understood: are desk and command line of one version?")
    }
}

/// Opens a closed desk for one question.
async fn opened(
    settings: &Settings,
    _lock: Lock,
    question: Request,
    who: &str,
) -> Result<serde_json::Value> {
    let desk = wiring::desk(settings).await?;
    let by = desk.account_name(who);
    control::answer(&desk, question, &by).await
}

/// The same by a process of the state folder's owner; `None` where somebody holds it.
async fn by_owner(
    settings: &Settings,
    question: &Request,
    who: &str,
) -> Result<Option<serde_json::Value>> {
    let mut command = tokio::process::Command::from(owner::again(settings, "ask")?);
    let mut child = command
        .args(["--by", who])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot ask")?;
    let mut words = child.stdin.take().context("who asks has no input")?;
    words
        .write_all(&serde_json::to_vec(question)?)
        .await
        .context("cannot ask")?;
    drop(words);
    let output = child.wait_with_output().await.context("cannot ask")?;
    match serde_json::from_slice(&output.stdout).context("the store was not opened")? {
        Some(Response::Good { answer }) => Ok(Some(answer)),
        Some(Response::Error { error }) => Err(anyhow!(error)),
        None => Ok(None),
    }
}

/// Opens a closed desk, as its owner, for the question on standard input
#[derive(Args)]
pub struct Ask {
    #[arg(long)]
    config: PathBuf,
    #[arg(long)]
    as_owner: bool,
    /// Who asks, for the journal
    #[arg(long)]
    by: String,
}

/// Answers the question on standard input as the owner of a desk that does not run, as JSON; with
/// `null` where a process holds the desk.
pub async fn run(args: Ask) -> Result<u8> {
    owner::begin(args.as_owner);
    let settings = config::load(&args.config)?;
    let question: Request =
        serde_json::from_reader(std::io::stdin()).context("the question is not understood")?;
    let answer = match daemon::try_lock(&settings)? {
        Some(lock) => Some(match opened(&settings, lock, question, &args.by).await {
            Ok(answer) => Response::Good { answer },
            Err(err) => Response::Error {
                error: format!("{err:#}"),
            },
        }),
        // Somebody holds it.
        None => None,
    };
    screen::print(&serde_json::to_string(&answer)?)?;
    Ok(exit::GOOD)
}

/// The running desk answers; a closed one is opened for the moment. One that is just starting is
/// waited for: two processes must not make or migrate a store at once.
async fn answered(settings: &Settings, question: Request) -> Result<serde_json::Value> {
    let until = Instant::now() + Duration::from_secs(STARTING_S);
    loop {
        if let Some(answer) = control::ask(&settings.state, &question).await? {
            return Ok(answer);
        }
        // Whoever is neither its owner nor root can only wait until one listens.
        let is_another = owner::is_another(settings)?;
        let only_listens = is_another && !nix::unistd::geteuid().is_root();
        if matches!(question, Request::Canary) && !only_listens && !owner::is_held(settings) {
            bail!(
                "the desk does not run: start it first, since its letters to itself must come \
                 back to it"
            );
        }
        let who = control::account(nix::unistd::getuid().as_raw());
        if only_listens {
            if Instant::now() > until {
                bail!(
                    "no desk listens in {}: it is closed, or still starting",
                    settings.state.display()
                );
            }
        } else if is_another {
            if let Some(answer) = by_owner(settings, &question, &who).await? {
                return Ok(answer);
            }
        } else if let Some(lock) = daemon::try_lock(settings)? {
            return opened(settings, lock, question, &who).await;
        }
        if Instant::now() > until {
            bail!(
                "a desk holds {} and does not answer: look at its log",
                settings.state.display()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
