//! `sealdesk case`: lists and shows cases, takes out attachments, answers reporters, confirms filing.

use super::screen::{BOLD, DIM, WARN, styled, tame};
use super::{ask, exit, open, screen};
use crate::control::{CaseLine, CaseView, File, Question};
use crate::model::case::{Acknowledgement, Draft, Standing};
use crate::model::ids::CaseId;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use comfy_table::{Table, TableStyle};
use std::path::PathBuf;

/// Lists and shows cases, takes out attachments, answers reporters, confirms filing
#[derive(Args)]
pub struct Case {
    #[command(flatten)]
    desk: ask::Desk,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Lists open cases, newest first
    List {
        /// Closed ones too
        #[arg(long)]
        all: bool,
        /// A JSON array
        #[arg(long)]
        json: bool,
    },
    /// Shows one case: its report, letters and journal
    Show {
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
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
    /// Says that you answered the reporter yourself: the clock of the acknowledgement stops
    Answered { id: String },
    /// Answers the reporter as the team: signed by the desk, and encrypted to his certificate
    Reply {
        id: String,
        /// The words; standard input without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Asks the reporter for what his report lacks: steps, versions, or his certificate
    Ask { id: String },
    /// Sends the reporter the desk's certificate
    SendCertificate { id: String },
    /// Says the word: files the draft of this case now
    File { id: String },
}

fn id(text: &str) -> Result<CaseId> {
    CaseId::parse(text).with_context(|| "see `sealdesk case list`")
}

pub async fn run(args: Case) -> Result<u8> {
    match args.verb {
        Verb::List { all, json } => {
            let lines: Vec<CaseLine> = args.desk.ask(Question::CaseList { all }).await?;
            if json { screen::print_json(&lines)? } else { screen::print(&table(&lines))? }
        }
        Verb::Show { id: text, json } => {
            let view: CaseView = args.desk.ask(Question::CaseShow { id: id(&text)? }).await?;
            if json { screen::print_json(&view)? } else { screen::print(&page(&view))? }
        }
        Verb::Attachment { id: text, name, output } => {
            let files: Vec<File> = args.desk.ask(Question::CaseAttachments { id: id(&text)?, name }).await?;
            let decoded = files.iter().map(|f| Ok((f.name.as_str(), f.decoded()?))).collect::<Result<Vec<_>>>()?;
            let written = open::write_files(&output, decoded.iter().map(|(name, octets)| (*name, octets)))?;
            for path in written {
                screen::print(&format!("{}\n", path.display()))?;
            }
        }
        Verb::Answered { id: text } => {
            let done: String = args.desk.ask(Question::CaseAnswered { id: id(&text)? }).await?;
            screen::print(&format!("{done}\n"))?;
        }
        Verb::Reply { id: text, file } => {
            let words = match &file {
                Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
                None => std::io::read_to_string(std::io::stdin().lock()).context("cannot read standard input")?,
            };
            let done: String = args.desk.ask(Question::CaseReply { id: id(&text)?, text: words }).await?;
            screen::print(&format!("{done}\n"))?;
        }
        Verb::Ask { id: text } => {
            let done: String = args.desk.ask(Question::CaseAsk { id: id(&text)? }).await?;
            screen::print(&format!("{done}\n"))?;
        }
        Verb::SendCertificate { id: text } => {
            let done: String = args.desk.ask(Question::CaseCertificate { id: id(&text)? }).await?;
            screen::print(&format!("{done}\n"))?;
        }
        Verb::File { id: text } => {
            let done: String = args.desk.ask(Question::CaseFile { id: id(&text)? }).await?;
            screen::print(&format!("{done}\n"))?;
        }
    }
    Ok(exit::GOOD)
}

fn table(lines: &[CaseLine]) -> String {
    if lines.is_empty() {
        return "No open case.\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(["CASE", "ARRIVED", "STANDING", "SEVERITY", "ACKNOWLEDGEMENT", "DRAFT", "SUMMARY"]);
    for line in lines {
        table.add_row([
            line.id.to_string(),
            line.opened_at.strftime("%Y-%m-%d %H:%M").to_string(),
            standing(&line.standing),
            line.severity.clone().unwrap_or_default(),
            acknowledgement(&line.acknowledgement),
            draft(&line.draft),
            tame(line.summary.as_deref().unwrap_or("")),
        ]);
    }
    format!("{table}\n")
}

pub(super) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Unread => "not read yet".to_owned(),
        Standing::Open => "open".to_owned(),
        Standing::NeedsHuman => "needs a human".to_owned(),
        Standing::Closed { why, .. } => format!("closed ({})", format!("{why:?}").to_lowercase()),
    }
}

pub(super) fn acknowledgement(state: &Acknowledgement) -> String {
    let until = |t: &jiff::Timestamp| t.strftime("%m-%d %H:%M UTC").to_string();
    match state {
        Acknowledgement::Due { deadline, .. } => format!("due by {}", until(deadline)),
        Acknowledgement::ByHand { deadline, .. } => format!("by hand, by {}", until(deadline)),
        Acknowledgement::Sent { at, signed: true } => format!("sent {}", until(at)),
        Acknowledgement::Sent { at, signed: false } => format!("sent unsigned {}", until(at)),
        Acknowledgement::NotOwed => "none owed".to_owned(),
    }
}

pub(super) fn draft(state: &Draft) -> String {
    match state {
        Draft::None => "none".to_owned(),
        Draft::AwaitsWord => "waits for your word".to_owned(),
        Draft::Queued => "on its way".to_owned(),
        Draft::Filed { advisory } => advisory.id.clone(),
    }
}

fn page(view: &CaseView) -> String {
    let line = &view.line;
    let mut text = format!("{}  {}\n\n", styled(BOLD, line.id.as_str()), tame(line.summary.as_deref().unwrap_or("(no summary)")));
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<17}{}\n", tame(value)));
        }
    };
    field("arrived", &line.opened_at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    field("standing", &standing(&line.standing));
    field("acknowledgement", &acknowledgement(&line.acknowledgement));
    field("draft", &draft(&line.draft));
    if let Draft::Filed { advisory } = &line.draft {
        field("", &advisory.url);
    }
    field("perhaps part of", line.perhaps_of.as_ref().map_or("", CaseId::as_str));
    field("likely the same", &line.likely_duplicates.iter().map(CaseId::as_str).collect::<Vec<_>>().join(", "));
    if let Some(report) = &view.report {
        field("product", report.product.as_deref().unwrap_or(""));
        field("versions", &report.affected_versions.join(", "));
        field("CVE", &report.cve_ids.join(", "));
        field("CWE", &report.cwe_ids.join(", "));
        field("CVSS", report.cvss.as_deref().unwrap_or(""));
        field("severity", report.severity.as_deref().unwrap_or(""));
        let intent = serde_json::to_value(report.disclosure.intent).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        field("disclosure", &format!("{intent} {}", report.disclosure.date.as_deref().unwrap_or("")));
        let missing: Vec<String> = report.missing.iter().map(|m| format!("{m:?}").to_lowercase()).collect();
        field("still missing", &missing.join(", "));
    }
    for letter in &view.read {
        text.push_str(&format!(
            "\n{}\n",
            styled(BOLD, &format!("Letter {} of {}, {} octets", letter.intake, letter.received_at.strftime("%Y-%m-%d %H:%M UTC"), letter.octets))
        ));
        let Some(reading) = &letter.reading else {
            text.push_str(&format!("  {}\n", styled(WARN, &format!("{:?}", letter.state).to_lowercase())));
            continue;
        };
        let signature = serde_json::to_value(reading.signature.status).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let sealed = if reading.protection.encrypted { "encrypted" } else { "clear" };
        let by = if reading.signature.signer_is_originator { " by its sender" } else { "" };
        text.push_str(&format!("  from {}, {sealed}, signature {signature}{by}\n", tame(reading.from.as_deref().unwrap_or("nobody that can be told"))));
        text.push_str(&format!("  subject {}\n", tame(reading.subject.as_deref().unwrap_or("(none)"))));
        for fault in &reading.faults {
            text.push_str(&format!("  {}\n", styled(WARN, &tame(fault))));
        }
        text.push('\n');
        for body in tame(&reading.text).lines() {
            text.push_str(&format!("  {} {body}\n", styled(DIM, "|")));
        }
        for file in &reading.attachments {
            text.push_str(&format!(
                "  attachment {} ({}, {} octets): sealdesk case attachment {} {:?}\n",
                tame(&file.name),
                file.media_type,
                file.octets,
                line.id,
                file.name
            ));
            for entry in &file.contents {
                text.push_str(&format!("    holds {}\n", tame(entry)));
            }
        }
    }
    text.push_str(&format!("\n{}\n", styled(BOLD, "Journal")));
    for entry in &view.journal {
        text.push_str(&format!("  {}  {} {}\n", entry.at.strftime("%Y-%m-%d %H:%M:%S"), entry.event, styled(DIM, &tame(&entry.detail))));
    }
    text
}
