//! How are commands on a case given at the desk's machine? As [`CaseVerb`] has them, and with files
//! and standard input.

use crate::adapters::calendar;
use crate::adapters::clock::SystemClock;
use crate::cli::case::words::Words;
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
        /// The note; your editor or standard input without it
        text: Option<String>,
    },
    /// Tells the private distributors, each encrypted to them; the embargo ends on the agreed
    /// release day
    NotifyDistributors {
        id: String,
        /// The words; your editor or standard input without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Announces a release to the lists and the webhook of the config, after it and never before
    Announce {
        id: String,
        /// The words, the first line being the subject; your editor or standard input without it.
        /// `case announcement` drafts them
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
    #[command(flatten)]
    Plain(CaseVerb),
}

fn asset(text: &str) -> Result<(String, String), String> {
    let (url, digest) = text.rsplit_once('=').ok_or("written URL=SHA256")?;
    Ok((url.to_owned(), digest.to_owned()))
}

/// Has the desk execute one command, and prints what became of it.
pub async fn run(desk: &ask::DeskArgs, verb: CommandVerb) -> Result<()> {
    match verb {
        CommandVerb::ReleaseDate {
            id,
            day,
            clear,
            despite,
            ics,
        } => release_date(desk, &case_id(&id)?, day.as_deref(), clear, despite, ics).await,
        CommandVerb::Note { id, text } => {
            let words = match text {
                Some(text) => Words::given(text),
                None => words(None, "A note, kept sealed, of", &id).await?,
            };
            let text = words.text.clone();
            words.outcome(execute(desk, &case_id(&id)?, CaseCommand::Note { text }).await)
        }
        CommandVerb::NotifyDistributors { id, file } => {
            let words = words(file, "To every private distributor, about", &id).await?;
            let text = words.text.clone();
            let command = CaseCommand::NotifyDistributors { text };
            words.outcome(execute(desk, &case_id(&id)?, command).await)
        }
        CommandVerb::Announce {
            id,
            file,
            asset,
            despite,
            again,
        } => {
            let what = "The first line is the subject. To the lists, about the release of";
            let words = words(file, what, &id).await?;
            let assets = asset.into_iter();
            let command = CaseCommand::Announce {
                text: words.text.clone(),
                assets: assets.map(|(url, sha256)| Asset { url, sha256 }).collect(),
                despite_assets: despite,
                again,
            };
            words.outcome(execute(desk, &case_id(&id)?, command).await)
        }
        CommandVerb::Plain(verb) => {
            let (id, command) = verb.command()?;
            execute(desk, &case_id(&id)?, command).await
        }
    }
}

/// Posts the retrospective of this file, or of an editor or standard input.
pub(super) async fn post_retrospective(
    desk: &ask::DeskArgs,
    id: &str,
    file: Option<PathBuf>,
) -> Result<()> {
    let words = words(file, "The retrospective of", id).await?;
    let text = words.text.clone();
    let command = CaseCommand::PostRetrospective { text };
    words.outcome(execute(desk, &case_id(id)?, command).await)
}

/// The words of a command; an id that is none is refused before anything is written.
async fn words(file: Option<PathBuf>, what: &str, id: &str) -> Result<Words> {
    let id = case_id(id)?;
    Words::from(file.as_deref(), async || Ok(format!("{what} {id}.\n"))).await
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
    // Of a day that was chosen the desk says these itself.
    for remark in proposal.remarks.iter().filter(|_| chosen.is_none()) {
        text.push_str(&format!("  note that {remark}\n"));
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
