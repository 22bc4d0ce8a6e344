//! How are commands on a case given at the desk's machine? As [`CaseVerb`] has them, and with files
//! and standard input.

use crate::adapters::calendar;
use crate::adapters::clock::SystemClock;
use crate::cli::{ask, screen};
use crate::config;
use crate::control::Request;
use crate::decide::Proposal;
use crate::grammar::{CaseVerb, case_id, on_day};
use crate::model::case_command::{Asset, CaseCommand};
use crate::model::ids::CaseId;
use crate::ports::Clock;
use anyhow::{Context, Result};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum CommandVerb {
    /// Proposes a release day, or agrees on one
    ReleaseDate {
        id: String,
        /// The day, or the moment, on which you agreed; without it a day is proposed and nothing is
        /// changed
        day: Option<String>,
        /// Takes the agreed day back
        #[arg(long, conflicts_with_all = ["day", "ics"])]
        clear: bool,
        /// Agrees although something speaks against it
        #[arg(long, requires = "day")]
        despite: bool,
        /// Writes it as a calendar file, which names the case and nothing else
        #[arg(long, value_name = "FILE")]
        ics: Option<PathBuf>,
    },
    /// Writes a note, kept sealed
    Note {
        id: String,
        /// The note; standard input without it
        text: Option<String>,
    },
    /// Tells the private distributors, each encrypted to them; the embargo ends on the agreed
    /// release day
    NotifyDistributors {
        id: String,
        /// The words; standard input without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Announces a release to the lists and the webhook of the config, after it and never before
    Announce {
        id: String,
        /// The words, the first line being the subject; standard input without it. `case
        /// announcement` drafts them
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// A file of the release that must be there with this SHA-256; repeat it
        #[arg(long, value_name = "URL=SHA256", value_parser = asset)]
        asset: Vec<(String, String)>,
        /// Announces although a file is not there, or not as it should be
        #[arg(long)]
        despite: bool,
        /// It was announced before: this corrects it
        #[arg(long)]
        again: bool,
    },
    /// Posts a retrospective: `case retrospective --post` says it
    #[command(hide = true)]
    PostRetrospective { id: String, file: Option<PathBuf> },
    #[command(flatten)]
    Plain(CaseVerb),
}

fn asset(text: &str) -> Result<(String, String), String> {
    let (url, digest) = text.rsplit_once('=').ok_or("written URL=SHA256")?;
    Ok((url.to_owned(), digest.to_owned()))
}

/// A file's text, or what is said on standard input.
pub(super) fn text_from(file: Option<PathBuf>) -> Result<String> {
    match &file {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        }
        None => {
            std::io::read_to_string(std::io::stdin().lock()).context("cannot read standard input")
        }
    }
}

/// Has the desk execute one command, and prints what became of it.
pub async fn run(desk: &ask::DeskArgs, verb: CommandVerb) -> Result<()> {
    let (text, command) = match verb {
        CommandVerb::ReleaseDate {
            id: text,
            day,
            clear,
            despite,
            ics,
        } => {
            return release_date(desk, &case_id(&text)?, day.as_deref(), clear, despite, ics).await;
        }
        CommandVerb::Note {
            id,
            text: Some(text),
        } => (id, CaseCommand::Note { text }),
        CommandVerb::Note { id, text: None } => (
            id,
            CaseCommand::Note {
                text: text_from(None)?,
            },
        ),
        CommandVerb::NotifyDistributors { id, file } => (
            id,
            CaseCommand::NotifyDistributors {
                text: text_from(file)?,
            },
        ),
        CommandVerb::Announce {
            id,
            file,
            asset,
            despite,
            again,
        } => {
            let assets = asset
                .into_iter()
                .map(|(url, sha256)| Asset { url, sha256 })
                .collect();
            (
                id,
                CaseCommand::Announce {
                    text: text_from(file)?,
                    assets,
                    despite_assets: despite,
                    again,
                },
            )
        }
        CommandVerb::PostRetrospective { id, file } => (
            id,
            CaseCommand::PostRetrospective {
                text: text_from(file)?,
            },
        ),
        CommandVerb::Plain(verb) => verb.command()?,
    };
    execute(desk, &case_id(&text)?, command).await
}

async fn execute(desk: &ask::DeskArgs, id: &CaseId, command: CaseCommand) -> Result<()> {
    let said: String = desk
        .ask(Request::CaseCommand {
            id: id.clone(),
            command,
        })
        .await?;
    screen::print(&format!("{said}\n"))
}

async fn release_date(
    desk: &ask::DeskArgs,
    id: &CaseId,
    day: Option<&str>,
    clear: bool,
    despite: bool,
    ics: Option<PathBuf>,
) -> Result<()> {
    if clear {
        return execute(
            desk,
            id,
            CaseCommand::ReleaseDay {
                at: None,
                despite_objections: false,
            },
        )
        .await;
    }
    let hour = || anyhow::Ok(config::load(&desk.config)?.release.hour_utc);
    let chosen = day.map(|day| on_day(day, hour()?)).transpose()?;
    let proposal: Proposal = desk
        .ask(Request::CaseReleaseDay {
            id: id.clone(),
            at: chosen,
        })
        .await?;
    let mut text = format!("{}\n", proposal.at.strftime("%A %Y-%m-%d %H:%M UTC"));
    for there in &proposal.elsewhere {
        text.push_str(&format!("  {there}\n"));
    }
    // Of a day that was chosen the desk says it itself, unless it is to be taken all the same.
    for objection in proposal
        .objections
        .iter()
        .filter(|_| chosen.is_none() || despite)
    {
        text.push_str(&format!("  against it: {objection}\n"));
    }
    screen::print(&text)?;
    match chosen {
        Some(at) => {
            execute(
                desk,
                id,
                CaseCommand::ReleaseDay {
                    at: Some(at),
                    despite_objections: despite,
                },
            )
            .await?
        }
        None => screen::print(&format!(
            "Agree on it with: sealdesk case release-date {id} {}\n",
            proposal.at
        ))?,
    }
    if let Some(path) = ics {
        std::fs::write(&path, calendar::release(id, proposal.at, SystemClock.now()))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
