//! What is shown of one case? All of it, a letter, or its files.

use super::{CaseView, LetterView, SEARCHING, line, quality_of};
use crate::control::known;
use crate::decide::{deadlines, runs};
use crate::desk::{Desk, case_records, opened_letters};
use crate::model::case::Case;
use crate::model::case_record::CaseRecord;
use crate::model::ids::CaseId;
use crate::model::reading::Reading;
use crate::ports::Intake;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A file of a case's letters, as it crosses the socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct AttachmentFile {
    pub name: String,
    /// Base64.
    pub octets: String,
}

pub(in crate::control) async fn show(desk: &Desk, id: &CaseId) -> Result<CaseView> {
    let case = known(desk, id).await?;
    let shown = show_what_opens(desk, &case, LETTERS_OPENED_MAX, true).await?;
    match shown.shut.into_iter().next() {
        Some(why) => bail!(why),
        None => Ok(shown.view),
    }
}

/// Letters that are opened to show a case, and octets of their text after which no further one is: one
/// question must not take the desk's memory, whatever strangers sent to the case.
const LETTERS_OPENED_MAX: usize = 500;
const TEXT_OPENED_MAX: usize = 32 * 1024 * 1024;

/// Octets of files that one answer gives, where they are more than one.
const FILES_OCTETS_MAX: usize = 32 * 1024 * 1024;

/// A case as far as it could be opened, and why not all of it.
pub(in crate::control) struct Shown {
    pub view: CaseView,
    pub shut: Vec<String>,
}

/// A letter without its certificates. Why it could not be opened is added to `shut`.
pub(in crate::control) async fn open_letter(
    desk: &Desk,
    intake: &Intake,
    shut: &mut Vec<String>,
) -> LetterView {
    let mut reading = match opened_letters::reading_of(desk, intake).await {
        Ok(reading) => reading,
        Err(err) => {
            shut.push(format!("letter {}: {err}", intake.id));
            None
        }
    };
    if let Some(reading) = &mut reading {
        reading.certificates.clear();
    }
    letter_view(intake, reading)
}

fn letter_view(intake: &Intake, reading: Option<Reading>) -> LetterView {
    LetterView {
        intake: intake.id.0,
        received_at: intake.received_at,
        octets: intake.octets,
        sha256: intake.digest.to_string(),
        state: intake.state,
        dmarc: intake.dmarc,
        reading,
    }
}

/// The letters of a case, oldest first, and opened as far as so many go: the first, whose report it is,
/// and the newest.
async fn open_letters(
    desk: &Desk,
    letters: &[Intake],
    most: usize,
    shut: &mut Vec<String>,
) -> Vec<LetterView> {
    let mut views: Vec<LetterView> = letters.iter().map(|l| letter_view(l, None)).collect();
    let newest = (1..letters.len()).rev();
    let mut text = 0;
    for n in (0..letters.len().min(1)).chain(newest).take(most) {
        if text > TEXT_OPENED_MAX {
            break;
        }
        views[n] = open_letter(desk, &letters[n], shut).await;
        text += views[n].reading.as_ref().map_or(0, |r| r.text.len());
    }
    views
}

/// Fails where the store does; what stays shut is absent. At most so many letters are opened.
/// `rates`: the report is held against the
/// product's source, which takes its time.
pub(in crate::control) async fn show_what_opens(
    desk: &Desk,
    case: &Case,
    letters_opened: usize,
    rates: bool,
) -> Result<Shown> {
    let id = case.id();
    let letters = desk.parts.store.letters_of(id).await?;
    let mut shut = Vec::new();
    let read = open_letters(desk, &letters, letters_opened, &mut shut).await;
    let first = read.first().and_then(|l| l.reading.as_ref());
    let record = match case_records::read(desk, id).await {
        Ok(opened) => opened.record,
        Err(err) => {
            shut.push(format!("what the team wrote down: {err}"));
            CaseRecord::default()
        }
    };
    let report = first
        .and_then(|r| r.report.clone())
        .map(|report| record.assessment.over(report));
    let quality = match &report {
        Some(report) if rates => Some(quality_of(desk, report, Instant::now() + SEARCHING).await),
        _ => None,
    };
    let line = line(
        desk,
        case,
        &letters,
        desk.parts.store.duplicates(id).await?,
        first,
        &record,
        quality.as_ref(),
    );
    let view = CaseView {
        evidence: quality.map(|q| q.evidence).unwrap_or_default(),
        report,
        clocks: if runs(case) || !case.course().is_untouched() {
            deadlines(case, &desk.parts.policy.timeline, desk.now())
        } else {
            Vec::new()
        },
        course: case.course().clone(),
        line,
        record,
        journal: desk.parts.store.journal(id).await?,
        read,
    };
    Ok(Shown { view, shut })
}

pub(in crate::control) async fn attachments(
    desk: &Desk,
    id: &CaseId,
    name: Option<&str>,
) -> Result<Vec<AttachmentFile>> {
    known(desk, id).await?;
    let mut wanted = Vec::new();
    let mut octets = 0;
    for letter in desk.parts.store.letters_of(id).await? {
        for (file, content) in opened_letters::files_of(desk, &letter, name).await? {
            octets += content.len();
            if octets > FILES_OCTETS_MAX && !wanted.is_empty() {
                bail!(
                    "the attachments of case {id} are more than {} MiB together: name one of them, or \
                     take the letters out with `sealdesk case export {id} --format mbox`",
                    FILES_OCTETS_MAX / 1024 / 1024
                );
            }
            wanted.push(AttachmentFile {
                name: file,
                octets: STANDARD.encode(content),
            });
        }
    }
    match name {
        Some(name) if wanted.is_empty() => bail!(
            "case {id} has no attachment called {name:?}: `sealdesk case show {id}` lists them"
        ),
        _ => Ok(wanted),
    }
}

/// A letter, opened, and encrypted to one responder.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedLetter {
    pub intake: i64,
    pub received_at: jiff::Timestamp,
    /// An armored OpenPGP message.
    pub armored: String,
}

pub(in crate::control) async fn letter(
    desk: &Desk,
    id: &CaseId,
    intake: i64,
    to: &str,
) -> Result<SealedLetter> {
    known(desk, id).await?;
    let responder = desk
        .parts
        .responders
        .iter()
        .find(|r| r.login.as_deref() == Some(to) || r.address.as_str() == to);
    let responder = responder
        .with_context(|| format!("{to:?} is neither login nor address of a [[responder]]"))?;
    let letters = desk.parts.store.letters_of(id).await?;
    let letter = letters
        .iter()
        .find(|letter| letter.id.0 == intake)
        .with_context(|| format!("case {id} has no letter {intake}"))?;
    let armored = opened_letters::opened_for(desk, letter, &responder.armored).await?;
    Ok(SealedLetter {
        intake,
        received_at: letter.received_at,
        armored,
    })
}

impl AttachmentFile {
    /// The octets of the file. Fails only where the answer is no valid base64.
    pub fn decoded(&self) -> Result<Vec<u8>> {
        STANDARD
            .decode(&self.octets)
            .context("the desk's answer is damaged")
    }
}
