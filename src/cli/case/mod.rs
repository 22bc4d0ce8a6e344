//! `sealdesk case`: lists and shows cases, takes out attachments, answers reporters, and
//! executes commands.

mod announcement;
mod commands;
mod event_text;
mod export;
mod page;
mod retrospective;
mod state_text;
mod table;
mod timeline;
mod words;

use crate::adapters::clock::SystemClock;
use crate::cli::pager::PagerArgs;
use crate::cli::{ask, exit, layout, open, screen};
use crate::control::{self, AttachmentFile, CaseLine, CaseView, LIST_DEFAULT, Request, Wanted};
use crate::grammar::case_id;
use crate::ports::Clock;
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Lists and shows cases, answers reporters, and executes commands on them
#[derive(Args)]
pub struct CaseArgs {
    #[command(flatten)]
    desk: ask::DeskArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Lists open cases, newest first
    ///
    /// At a terminal a case takes one line, and its summary is cut where the terminal ends. Where
    /// standard output is no terminal, lines are whole and have more columns; programs read --json.
    List {
        /// Closed ones too
        #[arg(long)]
        all: bool,
        /// Those with a deadline that is over
        #[arg(long)]
        late: bool,
        /// Those assigned to somebody
        #[arg(long, value_name = "WHO")]
        assignee: Option<String>,
        /// Newest first, what is due first, or what gives most to work with first
        #[arg(long, value_enum, default_value_t = Order::Arrived)]
        sort: Order,
        /// No more than so many; 1000 at most
        #[arg(
            long,
            value_name = "N",
            default_value_t = LIST_DEFAULT,
            value_parser = clap::value_parser!(u32).range(1..=1000)
        )]
        limit: u32,
        /// A JSON array
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        pager: PagerArgs,
    },
    /// Shows one case: its report, letters and journal
    ///
    /// At a terminal it is shown in a pager, long lines are broken between words, and what a later
    /// letter quotes is folded. Where standard output is no terminal, everything is whole.
    Show {
        id: String,
        /// Folds nothing: what letters quote is shown too
        #[arg(long)]
        full: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        pager: PagerArgs,
    },
    /// Takes attachments of a case out, under safe names
    Attachment {
        id: String,
        /// One of them; all without it
        name: Option<String>,
        /// Where to
        #[arg(long, value_name = "DIR", default_value = ".")]
        output: PathBuf,
    },
    /// Answers the reporter as the team: signed by the desk, and encrypted to their certificate
    ///
    /// Without a file, VISUAL or EDITOR is opened at a terminal, with the letter that you answer
    /// below the line up to which your text is taken; an empty text sends nothing. Else standard
    /// input is read.
    Reply {
        id: String,
        /// The words; your editor or standard input without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Shows the clocks of a case and everything that happened in it
    Timeline {
        id: String,
        /// For a retrospective
        #[arg(long)]
        markdown: bool,
        #[command(flatten)]
        pager: PagerArgs,
    },
    /// Drafts the retrospective of a case from its journal, as Markdown to go on with
    Retrospective {
        id: String,
        /// Posts this text where releases are announced, and says that the step is reached; `-` for
        /// standard input
        #[arg(long, value_name = "FILE")]
        post: Option<PathBuf>,
    },
    /// Writes a case for the world's tools, without a sentence of a letter; mbox has the letters,
    /// opened and encrypted
    Export {
        id: String,
        #[arg(long, value_enum)]
        format: export::ExportFormat,
        /// The file to write; standard output without it
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// For mbox: the responder to whom each letter is encrypted
        #[arg(long, value_name = "LOGIN")]
        to: Option<String>,
    },
    /// Erases what was said in a closed case: letters, readings, notes, addresses. Its id, its
    /// times and its journal stay
    Purge {
        id: String,
        /// Without being asked whether you mean it
        #[arg(long)]
        yes: bool,
    },
    /// Drafts the announcement of a release, with the gaps that people must fill
    Announcement { id: String },
    #[command(flatten)]
    Command(commands::CommandVerb),
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    Arrived,
    Due,
    Quality,
}

impl From<Order> for control::Order {
    fn from(order: Order) -> Self {
        match order {
            Order::Arrived => Self::Arrived,
            Order::Due => Self::Due,
            Order::Quality => Self::Quality,
        }
    }
}

/// Ends with [`exit::FAILED`] where somebody did not confirm what can't be undone; a refusal of the
/// desk is an error.
pub async fn run(args: CaseArgs) -> Result<u8> {
    let desk = &args.desk;
    match args.verb {
        Verb::List {
            all,
            late,
            assignee,
            sort,
            limit,
            json,
            pager,
        } => {
            let wanted = Wanted {
                all,
                late,
                assignee,
                order: sort.into(),
                at_most: Some(limit),
            };
            list(desk, wanted, json, &pager).await?
        }
        Verb::Show {
            id,
            full,
            json: false,
            pager,
        } => {
            let view = fetch(desk, &id).await?;
            pager.show(&page::page(&view, layout::columns(), full))?;
        }
        Verb::Show { id, .. } => screen::print_json(&fetch(desk, &id).await?)?,
        Verb::Attachment { id, name, output } => take_out(desk, &id, name, &output).await?,
        Verb::Reply { id, file } => reply(desk, &id, file).await?,
        Verb::Timeline {
            id,
            markdown,
            pager,
        } => {
            let view = fetch(desk, &id).await?;
            if markdown {
                screen::print(&timeline::markdown(&view))?;
            } else {
                let page = timeline::page(&view, SystemClock.now(), layout::columns());
                pager.show(&page)?;
            }
        }
        Verb::Retrospective {
            id,
            post: Some(file),
        } => {
            let file = (file.as_os_str() != "-").then_some(file);
            commands::post_retrospective(desk, &id, file).await?;
        }
        Verb::Retrospective { id, post: None } => {
            screen::print(&retrospective::draft(&fetch(desk, &id).await?))?
        }
        Verb::Export {
            id,
            format,
            output,
            to,
        } => export::run(desk, &case_id(&id)?, format, output, to).await?,
        Verb::Announcement { id } => screen::print(&announcement::draft(&fetch(desk, &id).await?))?,
        Verb::Purge { id, yes } => return purge(desk, &id, yes).await,
        Verb::Command(command) => commands::run(desk, command).await?,
    }
    Ok(exit::GOOD)
}

async fn fetch(desk: &ask::DeskArgs, id: &str) -> Result<CaseView> {
    desk.ask(Request::CaseShow { id: case_id(id)? }).await
}

async fn list(desk: &ask::DeskArgs, wanted: Wanted, json: bool, pager: &PagerArgs) -> Result<()> {
    let limit = wanted.at_most.unwrap_or(LIST_DEFAULT) as usize;
    let lines: Vec<CaseLine> = desk.ask(Request::CaseList(wanted)).await?;
    if json {
        screen::print_json(&lines)
    } else {
        let mut text = table::table(&lines, SystemClock.now(), layout::columns());
        if lines.len() >= limit {
            text.push_str(&format!(
                "These are the first {limit}: --limit shows more, --sort due, --late or --assignee \
                 others.\n"
            ));
        }
        pager.show(&text)
    }
}

/// Takes attachments out into a folder, and prints where each is.
async fn take_out(
    desk: &ask::DeskArgs,
    id: &str,
    name: Option<String>,
    folder: &Path,
) -> Result<()> {
    let id = case_id(id)?;
    let files: Vec<AttachmentFile> = desk.ask(Request::CaseAttachments { id, name }).await?;
    let decoded = files
        .iter()
        .map(|f| Ok((f.name.as_str(), f.decoded()?)))
        .collect::<Result<Vec<_>>>()?;
    let written = open::write_files(folder, decoded.iter().map(|(name, octets)| (*name, octets)))?;
    for path in written {
        screen::print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

async fn reply(desk: &ask::DeskArgs, id: &str, file: Option<PathBuf>) -> Result<()> {
    let case = case_id(id)?;
    let letter = async || Ok(words::answered(&fetch(desk, id).await?));
    let words = words::Words::from(file.as_deref(), letter).await?;
    let request = Request::CaseReply {
        id: case,
        text: words.text.clone(),
    };
    let done: String = words.outcome(desk.ask(request).await)?;
    screen::print(&format!("{done}\n"))
}

/// Erases a closed case, once somebody meant it.
async fn purge(desk: &ask::DeskArgs, id: &str, yes: bool) -> Result<u8> {
    let id = case_id(id)?;
    if !yes
        && !screen::confirmed(&format!(
            "Erase what was said in {id}? Nobody can bring it back"
        ))?
    {
        return Ok(exit::FAILED);
    }
    let done: String = desk.ask(Request::CasePurge { id }).await?;
    screen::print(&format!("{done}\n"))?;
    Ok(exit::GOOD)
}
