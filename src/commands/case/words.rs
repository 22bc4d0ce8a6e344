//! How does a responder say his word on a case? Each verb is one word; who said it is written into the journal.

use super::id;
use crate::adapters::calendar;
use crate::adapters::clock::SystemClock;
use crate::commands::{ask, screen};
use crate::config;
use crate::control::{Asset, Question, Word};
use crate::decide::Proposal;
use crate::model::Timestamp;
use crate::model::case::Closing;
use crate::model::course::{Lane, Step};
use crate::model::dossier::Assessment;
use crate::model::ids::CaseId;
use crate::model::report::Package;
use crate::ports::Clock;
use crate::triage;
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Verb {
    /// Says that a step is reached: fix-team, fix, release or retrospective. Its clock stops
    Reach {
        id: String,
        #[arg(value_parser = step)]
        step: Step,
        /// When it was, such as 2026-12-01T16:00Z; now without it
        #[arg(long, value_name = "TIME", conflicts_with = "undo")]
        at: Option<Timestamp>,
        /// Takes it back: it was said by mistake
        #[arg(long)]
        undo: bool,
    },
    /// Moves a case to another lane: normal, slow (not severe) or asap (public, or about to be)
    Lane {
        id: String,
        #[arg(value_parser = lane)]
        lane: Lane,
        /// Why; kept sealed
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
    /// Says that a case waits for an upstream's disclosure: fix and release stand still
    Wait {
        id: String,
        /// For whom and why; kept sealed
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Says that a case waits no more
    GoOn { id: String },
    /// Proposes a release day, or agrees on one
    ReleaseDate {
        id: String,
        /// The day, or the moment, on which you agreed; without it a day is proposed and nothing is changed
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
    /// Says on which day the reporter publishes
    Announced {
        id: String,
        #[arg(required_unless_present = "clear")]
        day: Option<Date>,
        /// He named none, whatever his letters seem to say
        #[arg(long, conflicts_with = "day")]
        clear: bool,
    },
    /// Writes a note, kept sealed
    Note {
        id: String,
        /// The note; standard input without it
        text: Option<String>,
    },
    /// Says who takes care of a case
    Assign { id: String, who: String },
    /// Links something elsewhere: a pull request, another case
    Link {
        id: String,
        /// What it is: fix, introduced, discussion, …
        what: String,
        /// A URL or the id of a case
        to: String,
    },
    /// Sets what the team found out, over what the report says
    Set {
        id: String,
        #[arg(long, value_name = "TEXT")]
        summary: Option<String>,
        #[arg(long, value_name = "NAME")]
        product: Option<String>,
        /// The package, by its package URL: pkg:npm/acme
        #[arg(long, value_name = "PURL", value_parser = package)]
        package: Option<Package>,
        /// Affected versions, as people write ranges: "before 1.5.2"; repeat it
        #[arg(long, value_name = "RANGE")]
        affected: Vec<String>,
        /// Versions that hold the fix; repeat it
        #[arg(long, value_name = "VERSION")]
        fixed: Vec<String>,
        /// critical, high, medium, low or none
        #[arg(long, value_name = "WORD", value_parser = ["critical", "high", "medium", "low", "none"], conflicts_with = "vector")]
        severity: Option<String>,
        /// A CVSS vector of version 2, 3.0, 3.1 or 4.0
        #[arg(long, value_name = "CVSS")]
        vector: Option<String>,
        /// CWE-79; repeat it
        #[arg(long, value_name = "CWE", value_parser = cwe)]
        cwe: Vec<String>,
        /// CVE-2026-12345; repeat it
        #[arg(long, value_name = "CVE", value_parser = cve)]
        cve: Vec<String>,
    },
    /// Lets people and teams work on the advisory
    Collaborate {
        id: String,
        /// A login; repeat it
        #[arg(long, value_name = "LOGIN")]
        user: Vec<String>,
        /// A team's slug; repeat it
        #[arg(long, value_name = "SLUG")]
        team: Vec<String>,
        /// They own no code in the project: your approval is written down. The reporter is one of them
        #[arg(long)]
        outsider: bool,
        /// Takes them off the list: a name that the tracker does not know, say
        #[arg(long, conflicts_with = "outsider")]
        remove: bool,
    },
    /// Credits somebody in the advisory, by his login or by his name
    Credit {
        id: String,
        #[arg(required_unless_present = "name")]
        login: Option<String>,
        /// His name; without a login the advisory names him in its text
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// For what, in the tracker's words
        #[arg(long = "as", value_name = "WORD", default_value = "reporter",
              value_parser = ["analyst", "finder", "reporter", "coordinator", "remediation_developer", "remediation_reviewer", "remediation_verifier", "tool", "sponsor", "other"])]
        kind: String,
    },
    /// Requests a CVE number from the tracker
    RequestCve { id: String },
    /// Opens the private fork in which the fix is made
    Fork { id: String },
    /// Tells the private distributors, each encrypted to him; the embargo ends on the agreed release day
    NotifyDistributors {
        id: String,
        /// The words; standard input without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Announces a release to the lists and the webhook of the config, after it and never before
    Announce {
        id: String,
        /// The words, the first line being the subject; standard input without it. `case announcement` drafts them
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
    /// Closes a case whose reporter was answered: resolved, rejected or spam
    Close {
        id: String,
        #[arg(value_parser = closing)]
        why: Closing,
        /// A note, kept sealed
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Closes a case as the same as another one
    DuplicateOf { id: String, other: String },
    /// Gives each further vulnerability of a report a case of its own
    Split {
        id: String,
        /// The titles of the new cases; those that the report lists without them
        title: Vec<String>,
    },
    /// Posts a retrospective: `case retrospective --post` says it
    #[command(hide = true)]
    PostRetrospective { id: String, file: Option<PathBuf> },
    /// Opens a closed case again
    Reopen {
        id: String,
        /// Why; kept sealed
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
}

fn step(text: &str) -> Result<Step, String> {
    let names = Step::ALL.map(Step::as_str).join(", ");
    Step::ALL.into_iter().find(|step| step.as_str() == text).ok_or(format!("one of {names}"))
}

fn lane(text: &str) -> Result<Lane, String> {
    [Lane::Normal, Lane::Slow, Lane::Asap].into_iter().find(|lane| lane.as_str() == text).ok_or_else(|| "one of normal, slow, asap".to_owned())
}

fn closing(text: &str) -> Result<Closing, String> {
    [Closing::Resolved, Closing::Rejected, Closing::Spam]
        .into_iter()
        .find(|why| why.as_str() == text)
        .ok_or_else(|| "one of resolved, rejected, spam; a duplicate is closed by `case duplicate-of`".to_owned())
}

fn numbered(text: &str, prefix: &str, parts: usize) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.split('-').count() == parts && rest.split('-').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
}

fn cwe(text: &str) -> Result<String, String> {
    let text = text.to_ascii_uppercase();
    if numbered(&text, "CWE-", 1) { Ok(text) } else { Err("written CWE-79".to_owned()) }
}

fn cve(text: &str) -> Result<String, String> {
    let text = text.to_ascii_uppercase();
    if numbered(&text, "CVE-", 2) { Ok(text) } else { Err("written CVE-2026-12345".to_owned()) }
}

fn package(text: &str) -> Result<Package, String> {
    triage::package(text).ok_or_else(|| "a package URL such as pkg:npm/acme".to_owned())
}

fn asset(text: &str) -> Result<(String, String), String> {
    let (url, digest) = text.rsplit_once('=').ok_or("written URL=SHA256")?;
    Ok((url.to_owned(), digest.to_owned()))
}

/// A file's text, or what is said on standard input.
fn words(file: Option<PathBuf>) -> Result<String> {
    match &file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())),
        None => std::io::read_to_string(std::io::stdin().lock()).context("cannot read standard input"),
    }
}

fn some(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

pub async fn run(desk: &ask::Desk, verb: Verb) -> Result<()> {
    let (text, word) = match verb {
        Verb::ReleaseDate { id: text, day, clear, despite, ics } => return release_date(desk, &id(&text)?, day.as_deref(), clear, despite, ics).await,
        Verb::Reach { id, step, undo: true, .. } => (id, Word::TakeBack { step }),
        Verb::Reach { id, step, at, undo: false } => (id, Word::Reach { step, at }),
        Verb::Lane { id, lane, why } => (id, Word::Lane { lane, why }),
        Verb::Wait { id, why } => (id, Word::Wait { why }),
        Verb::GoOn { id } => (id, Word::GoOn),
        Verb::Announced { id, day, .. } => (id, Word::Announced { day }),
        Verb::Note { id, text } => {
            let text = match text {
                Some(text) => text,
                None => std::io::read_to_string(std::io::stdin().lock()).context("cannot read standard input")?,
            };
            (id, Word::Note { text })
        }
        Verb::Assign { id, who } => (id, Word::Assign { to: who }),
        Verb::Link { id, what, to } => (id, Word::Link { what, to }),
        Verb::Set { id, summary, product, package, affected, fixed, severity, vector, cwe, cve } => {
            let assessment = Assessment {
                summary,
                product,
                package,
                ranges: None,
                affected_versions: some(affected),
                fixed_versions: some(fixed),
                cve_ids: some(cve),
                cwe_ids: some(cwe),
                cvss: vector,
                severity,
            };
            (id, Word::Set { assessment: Box::new(assessment) })
        }
        Verb::Collaborate { id, user, team, outsider, remove } => {
            if user.is_empty() && team.is_empty() {
                return Err(anyhow!("name somebody: --user LOGIN or --team SLUG"));
            }
            (id, Word::Collaborate { users: user, teams: team, outsiders: outsider, remove })
        }
        Verb::Credit { id, login, name, kind } => (id, Word::Credit { login, name, kind }),
        Verb::NotifyDistributors { id, file } => (id, Word::NotifyDistributors { text: words(file)? }),
        Verb::Announce { id, file, asset, despite, again } => {
            let assets = asset.into_iter().map(|(url, sha256)| Asset { url, sha256 }).collect();
            (id, Word::Announce { text: words(file)?, assets, despite_assets: despite, again })
        }
        Verb::RequestCve { id } => (id, Word::RequestCve),
        Verb::Fork { id } => (id, Word::Fork),
        Verb::Close { id, why, note } => (id, Word::Close { why, note, of: None }),
        Verb::DuplicateOf { id: text, other } => (text, Word::Close { why: Closing::Duplicate, note: None, of: Some(id(&other)?) }),
        Verb::PostRetrospective { id, file } => (id, Word::PostRetrospective { text: words(file)? }),
        Verb::Split { id, title } => (id, Word::Split { titles: title }),
        Verb::Reopen { id, why } => (id, Word::Reopen { why }),
    };
    say(desk, &id(&text)?, word).await
}

async fn say(desk: &ask::Desk, id: &CaseId, word: Word) -> Result<()> {
    let said: String = desk.ask(Question::CaseSay { id: id.clone(), word }).await?;
    screen::print(&format!("{said}\n"))
}

async fn release_date(desk: &ask::Desk, id: &CaseId, day: Option<&str>, clear: bool, despite: bool, ics: Option<PathBuf>) -> Result<()> {
    if clear {
        return say(desk, id, Word::ReleaseDay { at: None, despite_objections: false }).await;
    }
    let chosen = day.map(|day| moment(desk, day)).transpose()?;
    let proposal: Proposal = desk.ask(Question::CaseReleaseDay { id: id.clone(), at: chosen }).await?;
    let mut text = format!("{}\n", proposal.at.strftime("%A %Y-%m-%d %H:%M UTC"));
    for there in &proposal.elsewhere {
        text.push_str(&format!("  {there}\n"));
    }
    // Of a day that was chosen the desk says it itself, unless it is to be taken all the same.
    for objection in proposal.objections.iter().filter(|_| chosen.is_none() || despite) {
        text.push_str(&format!("  against it: {objection}\n"));
    }
    screen::print(&text)?;
    match chosen {
        Some(at) => say(desk, id, Word::ReleaseDay { at: Some(at), despite_objections: despite }).await?,
        None => screen::print(&format!("Agree on it with: sealdesk case release-date {id} {}\n", proposal.at))?,
    }
    if let Some(path) = ics {
        std::fs::write(&path, calendar::release(id, proposal.at, SystemClock.now())).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A moment as it is written, or a day at the hour of the config.
fn moment(desk: &ask::Desk, text: &str) -> Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let day: Date = text.parse().map_err(|_| anyhow!("{text:?} is neither a day such as 2026-12-01 nor a moment such as 2026-12-01T16:00Z"))?;
    let hour = config::load(&desk.config)?.release.hour_utc;
    Ok(day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC)?.timestamp())
}
