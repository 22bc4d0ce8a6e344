//! What does somebody see who asks? A list, a case, files, and how the desk is.

mod one_case;
mod overview;

use crate::decide::{Deadline, Due, next_due};
use crate::desk::{Desk, case_records, opened_letters};
use crate::model::case::{Acknowledgement, Case, Draft, Standing};
use crate::model::case_record::CaseRecord;
use crate::model::course::{Course, Lane};
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::model::quality::{self, Quality};
use crate::model::reading::Reading;
use crate::model::report::{Class, Report};
use crate::ports::{CaseSet, Intake, JournalLine, PortError, ReadingState};
use anyhow::Result;
pub use one_case::{AttachmentFile, SealedLetter};
pub(super) use one_case::{attachments, letter, open_letter, show, show_what_opens};
pub use overview::{Fault, Queued, Status};
pub(super) use overview::{faults, status};
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
    /// None until it was read, and after it was erased; and in the view of a case of very many or
    /// very long letters, but for the first and the newest of them. Certificates are left out.
    pub reading: Option<Reading>,
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

/// A case in a list as far as it could be opened.
pub(super) struct OpenedLine {
    pub line: CaseLine,
    pub product: Option<String>,
    /// What was reported or what the team wrote down could not be opened.
    pub is_shut: bool,
}

/// Fails where the store does.
pub(super) async fn open_line(desk: &Desk, case: &Case) -> Result<OpenedLine, PortError> {
    let letters = desk.parts.store.letters_of(case.id()).await?;
    let record = case_records::read(desk, case.id()).await;
    let reading = match letters.first() {
        Some(first) => opened_letters::reading_of(desk, first).await,
        None => Ok(None),
    };
    let is_shut = record.is_err() || reading.is_err();
    let record = record.map(|opened| opened.record).unwrap_or_default();
    let reading = reading.unwrap_or_default();
    let duplicates = desk.parts.store.duplicates(case.id()).await?;
    let reported = reading.as_ref().and_then(|r| r.report.as_ref());
    let reported = reported.and_then(|report| report.product.clone());
    Ok(OpenedLine {
        product: record.assessment.product.clone().or(reported),
        line: line(
            desk,
            case,
            &letters,
            duplicates,
            reading.as_ref(),
            &record,
            None,
        ),
        is_shut,
    })
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

/// Letters without a case that status names.
const WITHOUT_CASE_SHOWN: u32 = 20;

/// Cases in the queue that status shows.
const QUEUE_MAX: usize = 100;
