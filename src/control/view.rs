//! What does somebody see who asks? A list, a case, files, and how the desk is.

mod overview;

use super::known;
use crate::decide::{Deadline, Due, deadlines, next_due, runs};
use crate::desk::{Desk, case_records, opened_letters};
use crate::model::case::{Acknowledgement, Case, Draft, Standing};
use crate::model::case_record::CaseRecord;
use crate::model::course::{Course, Lane};
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::model::quality::{self, Quality};
use crate::model::reading::Reading;
use crate::model::report::{Class, Report};
use crate::ports::{CaseSet, Intake, JournalLine, ReadingState};
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub(super) use overview::status;
pub use overview::{Fault, Queued, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long the clones are searched for one request.
const SEARCHING: Duration = Duration::from_secs(20);

/// Cases shown by one list, unless more are asked for; each is opened for it.
pub const LIST_DEFAULT: u32 = 50;
const LIST_MAX: u32 = 1000;

/// Which cases somebody wants to see.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Closed ones too.
    pub all: bool,
    /// Those with a deadline that is over.
    pub late: bool,
    /// Those assigned to somebody.
    pub assignee: Option<String>,
    pub order: Order,
    /// Absent: [`LIST_DEFAULT`].
    pub at_most: Option<u32>,
}

/// In which order a list of cases is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The newest first.
    #[default]
    Arrived,
    /// What is due first, first.
    Due,
    /// What gives a responder most to work with, first.
    Quality,
}

/// One case in a list.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CaseLine {
    pub id: CaseId,
    pub opened_at: jiff::Timestamp,
    pub standing: Standing,
    pub summary: Option<String>,
    pub severity: Option<String>,
    /// 0 to 100, where it was asked for; and what sort of report it is.
    pub quality: Option<u8>,
    pub class: Option<Class>,
    pub acknowledgement: Acknowledgement,
    pub draft: Draft,
    pub perhaps_of: Option<CaseId>,
    pub lane: Lane,
    /// It waits for an upstream.
    pub waits: bool,
    /// The deadline that comes first.
    pub next: Option<Due>,
    pub assignee: Option<String>,
    /// Cases with a letter that says the same, or bears the same Message-ID.
    pub likely_duplicates: Vec<CaseId>,
    pub letters: usize,
}

/// One case with all that responders may see of it, opened for this one answer.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct CaseView {
    #[serde(flatten)]
    pub line: CaseLine,
    pub report: Option<Report>,
    /// What speaks for the report and against it.
    pub evidence: Vec<String>,
    pub clocks: Vec<Deadline>,
    pub course: Course,
    /// What responders wrote down.
    #[serde(rename = "dossier")]
    pub record: CaseRecord,
    /// Its letters, oldest first.
    pub read: Vec<LetterView>,
    pub journal: Vec<JournalLine>,
}

/// A letter of a case.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct LetterView {
    /// Its number, by which commands name it.
    pub intake: i64,
    pub received_at: jiff::Timestamp,
    pub octets: u64,
    pub sha256: String,
    pub state: ReadingState,
    /// What our server, or DNS, says of its From.
    pub dmarc: Dmarc,
    /// None until it was read, and after it was erased. Certificates are left out.
    pub reading: Option<Reading>,
}

/// A file of a case's letters, as it crosses the socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct AttachmentFile {
    pub name: String,
    /// Base64.
    pub octets: String,
}

pub(super) async fn list(desk: &Desk, wanted: &Wanted) -> Result<Vec<CaseLine>> {
    let (timeline, now) = (&desk.parts.policy.timeline, desk.now());
    let deadline = |case: &Case| {
        next_due(case, timeline, now).map_or(jiff::Timestamp::MAX, |due| due.deadline)
    };
    let set = if wanted.all {
        CaseSet::All
    } else {
        CaseSet::Open
    };
    // Of the newest, no more are looked at than can be shown.
    let is_plain = wanted.order == Order::Arrived && !wanted.late && wanted.assignee.is_none();
    let at_most = wanted.at_most.unwrap_or(LIST_DEFAULT).min(LIST_MAX);
    let looked_at = is_plain.then_some(at_most);
    let mut cases = desk.parts.store.cases(set, looked_at).await?;
    cases.retain(|case| !wanted.late || deadline(case) < now);
    if wanted.order == Order::Due {
        cases.sort_by_key(deadline);
    }
    let until = Instant::now() + SEARCHING;
    let mut lines = Vec::new();
    for case in cases {
        if lines.len() >= at_most as usize {
            break;
        }
        let record = case_records::read(desk, case.id())
            .await
            .map(|opened| opened.record)
            .unwrap_or_default();
        if wanted.assignee.is_some() && wanted.assignee != record.assignee {
            continue;
        }
        let letters = desk.parts.store.letters_of(case.id()).await?;
        let reading = first_reading(desk, &letters).await;
        let duplicates = desk.parts.store.duplicates(case.id()).await?;
        let quality = match reading
            .as_ref()
            .and_then(|r| r.report.clone())
            .filter(|_| wanted.order == Order::Quality)
        {
            Some(report) => Some(quality_of(desk, &record.assessment.over(report), until).await),
            None => None,
        };
        lines.push(line(
            desk,
            &case,
            &letters,
            duplicates,
            reading.as_ref(),
            &record,
            quality.as_ref(),
        ));
    }
    if wanted.order == Order::Quality {
        lines.sort_by_key(|line| std::cmp::Reverse(line.quality));
    }
    Ok(lines)
}

/// A list is worth more than its summaries: where the opener is down, they are absent.
async fn first_reading(desk: &Desk, letters: &[Intake]) -> Option<Reading> {
    opened_letters::reading_of(desk, letters.first()?)
        .await
        .ok()
        .flatten()
}

fn line(
    desk: &Desk,
    case: &Case,
    letters: &[Intake],
    likely_duplicates: Vec<CaseId>,
    reading: Option<&Reading>,
    record: &CaseRecord,
    quality: Option<&Quality>,
) -> CaseLine {
    let report = reading
        .and_then(|r| r.report.clone())
        .map(|report| record.assessment.over(report));
    let subject = reading.and_then(|r| r.subject.clone());
    CaseLine {
        quality: quality.map(|q| q.score),
        class: report.as_ref().map(|r| r.class),
        next: next_due(case, &desk.parts.policy.timeline, desk.now()),
        lane: case.course().lane,
        waits: case.course().waiting_since.is_some(),
        assignee: record.assignee.clone(),
        id: case.id().clone(),
        opened_at: case.opened_at(),
        standing: case.standing().clone(),
        severity: report.as_ref().and_then(|r| r.severity.clone()),
        summary: report
            .map(|r| r.summary)
            .filter(|s| !s.is_empty())
            .or(subject),
        acknowledgement: case.acknowledgement().clone(),
        draft: case.draft().clone(),
        perhaps_of: case.perhaps_of().cloned(),
        likely_duplicates,
        letters: letters.len(),
    }
}

/// A clone that cannot be searched in time proves nothing for or against a report.
async fn quality_of(desk: &Desk, report: &Report, until: Instant) -> Quality {
    let found = match &desk.parts.sources {
        Some(sources) => tokio::time::timeout_at(until.into(), sources.find(report))
            .await
            .ok()
            .and_then(Result::ok)
            .flatten(),
        None => None,
    };
    quality::quality(report, found.as_ref())
}

pub(super) async fn show(desk: &Desk, id: &CaseId) -> Result<CaseView> {
    let case = known(desk, id).await?;
    let letters = desk.parts.store.letters_of(id).await?;
    let mut read = Vec::new();
    for intake in &letters {
        let mut reading = opened_letters::reading_of(desk, intake)
            .await
            .with_context(|| format!("letter {}", intake.id))?;
        if let Some(reading) = &mut reading {
            reading.certificates.clear();
        }
        read.push(LetterView {
            intake: intake.id.0,
            received_at: intake.received_at,
            octets: intake.octets,
            sha256: intake.digest.to_string(),
            state: intake.state,
            dmarc: intake.dmarc,
            reading,
        });
    }
    let first = read.first().and_then(|l| l.reading.as_ref());
    let record = case_records::read(desk, id).await?.record;
    let report = first
        .and_then(|r| r.report.clone())
        .map(|report| record.assessment.over(report));
    let quality = match &report {
        Some(report) => Some(quality_of(desk, report, Instant::now() + SEARCHING).await),
        None => None,
    };
    let line = line(
        desk,
        &case,
        &letters,
        desk.parts.store.duplicates(id).await?,
        first,
        &record,
        quality.as_ref(),
    );
    Ok(CaseView {
        evidence: quality.map(|q| q.evidence).unwrap_or_default(),
        report,
        clocks: if runs(&case) || !case.course().is_untouched() {
            deadlines(&case, &desk.parts.policy.timeline, desk.now())
        } else {
            Vec::new()
        },
        course: case.course().clone(),
        line,
        record,
        journal: desk.parts.store.journal(id).await?,
        read,
    })
}

pub(super) async fn attachments(
    desk: &Desk,
    id: &CaseId,
    name: Option<&str>,
) -> Result<Vec<AttachmentFile>> {
    known(desk, id).await?;
    let files = opened_letters::files_of(desk, id).await?;
    let wanted: Vec<AttachmentFile> = files
        .into_iter()
        .filter(|(file, _)| name.is_none_or(|n| n == file))
        .map(|(name, octets)| AttachmentFile {
            name,
            octets: STANDARD.encode(octets),
        })
        .collect();
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

pub(super) async fn letter(
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

/// Letters without a case that status names.
const WITHOUT_CASE_SHOWN: u32 = 20;

/// Cases in the queue that status shows.
const QUEUE_MAX: usize = 100;
