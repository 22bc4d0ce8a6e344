//! How does a case leave the desk for the world's tools, and its letters for a responder's mail
//! program?

use crate::adapters::clock::SystemClock;
use crate::cli::{ask, screen};
use crate::compose::export::{self, ExportError, Exported, Publisher};
use crate::config::{self, Settings};
use crate::control::{CaseView, Request, SealedLetter};
use crate::model::case::Draft;
use crate::model::course::Step;
use crate::model::ids::CaseId;
use crate::ports::Clock;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::path::PathBuf;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// OSV 1.6
    Osv,
    /// CVE JSON 5.1: the container of a CNA
    Cve,
    /// CSAF 2.0, a security advisory
    Csaf,
    /// GitHub's repository security advisory
    Ghsa,
    Markdown,
    /// The letters, each encrypted to one responder
    Mbox,
}

pub(super) async fn run(
    desk: &ask::DeskArgs,
    id: &CaseId,
    format: ExportFormat,
    output: Option<PathBuf>,
    to: Option<String>,
) -> Result<()> {
    let settings = config::load(&desk.config)?;
    let text = match (format, to) {
        (ExportFormat::Mbox, Some(to)) => {
            let view: CaseView = desk.ask(Request::CaseShow { id: id.clone() }).await?;
            let mut text = String::new();
            // One at a time: the desk holds no case whole.
            for letter in &view.read {
                let sealed: SealedLetter = desk
                    .ask(Request::CaseLetter {
                        id: id.clone(),
                        intake: letter.intake,
                        to: to.clone(),
                    })
                    .await?;
                text.push_str(&mail(id, settings.address.as_str(), &sealed));
            }
            text
        }
        (ExportFormat::Mbox, None) => {
            bail!("name the responder to whom the letters are encrypted: --to LOGIN")
        }
        (_, Some(_)) => bail!("--to is for --format mbox: the other formats are not encrypted"),
        (format, None) => {
            let view: CaseView = desk.ask(Request::CaseShow { id: id.clone() }).await?;
            written(&view, format, &publisher(&settings))?
        }
    };
    match output {
        Some(path) => {
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        }
        None => screen::print(&text),
    }
}

fn publisher(settings: &Settings) -> Publisher {
    let words = &settings.publisher;
    Publisher {
        name: words.name.clone().unwrap_or_else(|| settings.name.clone()),
        namespace: words.namespace.as_ref().map_or_else(
            || format!("https://{}", settings.address.domain()),
            |url| url.as_str().to_owned(),
        ),
        cve_org_id: words.cve_org_id.clone(),
        ecosystem: words.ecosystem.clone(),
    }
}

fn written(
    view: &CaseView,
    format: ExportFormat,
    publisher: &Publisher,
) -> Result<String, ExportError> {
    let report = view.report.clone().unwrap_or_default();
    let advisory = match &view.line.draft {
        Draft::Filed { advisory } => Some((advisory.id.as_str(), advisory.url.as_str())),
        _ => None,
    };
    let exported = Exported {
        case: &view.line.id,
        title: view.record.assessment.summary.as_deref(),
        report: &report,
        links: &view.record.links,
        credits: &view.record.credits,
        advisory,
        opened_at: view.line.opened_at,
        released_at: view
            .course
            .reached
            .get(&Step::Release)
            .map(|reached| reached.at),
        at: SystemClock.now(),
        publisher,
    };
    match format {
        ExportFormat::Osv => export::osv(&exported),
        ExportFormat::Cve => export::cve(&exported),
        ExportFormat::Csaf => export::csaf(&exported),
        ExportFormat::Ghsa => export::ghsa(&exported),
        ExportFormat::Markdown | ExportFormat::Mbox => export::markdown(&exported),
    }
}

/// A mail of an mbox (RFC 4155): PGP/MIME (RFC 3156) around one letter, opened.
fn mail(case: &CaseId, desk: &str, letter: &SealedLetter) -> String {
    let boundary = format!("=-{case}-{}", letter.intake);
    let (asctime, date) = (
        letter.received_at.strftime("%a %b %e %H:%M:%S %Y"),
        letter.received_at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    );
    format!(
        "From {desk} {asctime}\nFrom: {desk}\nSubject: Letter {n} of {case}\nDate: \
         {date}\nMessage-ID: <{case}.{n}.export@{host}>\nMIME-Version: 1.0\nContent-Type: \
         multipart/encrypted; protocol=\"application/pgp-encrypted\";\n \
         boundary=\"{boundary}\"\n\n--{boundary}\nContent-Type: \
         application/pgp-encrypted\n\nVersion: 1\n\n--{boundary}\nContent-Type: \
         application/octet-stream; name=\"encrypted.asc\"\n\n{armored}\n--{boundary}--\n\n",
        n = letter.intake,
        host = desk.rsplit('@').next().unwrap_or(desk),
        armored = letter.armored.trim_end()
    )
}
