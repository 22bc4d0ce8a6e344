//! What may be asked of a desk, running or not? One JSON object in, one out, over a unix socket a role.
//!
//! Owner, group and mode of the socket decide who may ask: readers read cases, commanders also act.

mod socket;

pub use socket::{ask, listen, serve, socket};

use crate::decide::{Arrival, Origin, on_arrival};
use crate::model::case::{Acknowledgement, Case, Draft, Standing};
use crate::model::ids::CaseId;
use crate::model::letter::{Dmarc, NoAnswer, Outer, Role};
use crate::model::reading::Reading;
use crate::model::report::Report;
use crate::pipeline::{Desk, canary, readers};
use crate::ports::{CanaryLine, Intake, JournalLine, ReadingState, Tally};
use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A question is small; the longest holds a reply.
const QUESTION_OCTETS_MAX: u64 = 512 * 1024;

/// A reply of this length is a book.
const REPLY_OCTETS_MAX: usize = 128 * 1024;

/// Questions answered at once on one socket.
const TALKS_MAX: usize = 16;

/// How long somebody may take to ask it.
const QUESTION_S: u64 = 10;

/// Cases shown by one list, newest first.
const LIST_MAX: usize = 200;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Question {
    CaseList {
        all: bool,
    },
    CaseShow {
        id: CaseId,
    },
    CaseAttachments {
        id: CaseId,
        name: Option<String>,
    },
    CaseFile {
        id: CaseId,
    },
    CaseAnswered {
        id: CaseId,
    },
    CaseReply {
        id: CaseId,
        text: String,
    },
    CaseAsk {
        id: CaseId,
    },
    CaseCertificate {
        id: CaseId,
    },
    Status,
    Import,
    /// The desk writes to itself.
    Canary,
}

impl Question {
    /// Whether it changes anything.
    pub fn commands(&self) -> bool {
        !matches!(self, Self::CaseList { .. } | Self::CaseShow { .. } | Self::CaseAttachments { .. } | Self::Status)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    Error { error: String },
    Good { answer: serde_json::Value },
}

/// One case in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct CaseLine {
    pub id: CaseId,
    pub opened_at: jiff::Timestamp,
    pub standing: Standing,
    pub summary: Option<String>,
    pub severity: Option<String>,
    pub acknowledgement: Acknowledgement,
    pub draft: Draft,
    pub perhaps_of: Option<CaseId>,
    /// Cases with a letter that says the same, or bears the same Message-ID.
    pub likely_duplicates: Vec<CaseId>,
    pub letters: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct CaseView {
    #[serde(flatten)]
    pub line: CaseLine,
    pub report: Option<Report>,
    pub read: Vec<LetterView>,
    pub journal: Vec<JournalLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LetterView {
    pub intake: i64,
    pub received_at: jiff::Timestamp,
    pub octets: u64,
    pub sha256: String,
    pub state: ReadingState,
    pub reading: Option<Reading>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    /// Base64.
    pub octets: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub now: jiff::Timestamp,
    #[serde(flatten)]
    pub tally: Tally,
    pub opener: Vec<String>,
    /// Letters of the desk to itself, newest first.
    pub canaries: Vec<CanaryLine>,
    pub faults: Vec<Fault>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Fault {
    pub what: String,
    pub since: Option<jiff::Timestamp>,
    pub why: String,
}

/// Answers one question. `by` is who asks, for the journal.
pub async fn answer(desk: &Desk, question: Question, by: &str) -> Result<serde_json::Value> {
    let value = match question {
        Question::CaseList { all } => serde_json::to_value(list(desk, all).await?),
        Question::CaseShow { id } => serde_json::to_value(show(desk, &id).await?),
        Question::CaseAttachments { id, name } => serde_json::to_value(attachments(desk, &id, name.as_deref()).await?),
        Question::CaseFile { id } => serde_json::to_value(file(desk, &id, by).await?),
        Question::CaseAnswered { id } => serde_json::to_value(answered(desk, &id, by).await?),
        Question::CaseReply { id, text } => serde_json::to_value(reply(desk, &id, &text, by).await?),
        Question::CaseAsk { id } => serde_json::to_value(ask_reporter(desk, &id, by).await?),
        Question::CaseCertificate { id } => serde_json::to_value(send_certificate(desk, &id, by).await?),
        Question::Status => serde_json::to_value(status(desk).await?),
        Question::Canary => serde_json::to_value(canary::sing(desk, canary::PATIENCE).await?),
        Question::Import => serde_json::to_value(import(desk).await?),
    };
    value.context("an answer cannot be written")
}

async fn list(desk: &Desk, all: bool) -> Result<Vec<CaseLine>> {
    let mut lines = Vec::new();
    let cases = desk.parts.store.cases().await?;
    for case in cases.into_iter().filter(|c| all || !matches!(c.standing, Standing::Closed { .. })).take(LIST_MAX) {
        let letters = desk.parts.store.letters_of(&case.id).await?;
        let reading = first_reading(desk, &letters).await;
        let duplicates = desk.parts.store.duplicates(&case.id).await?;
        lines.push(line(case, &letters, duplicates, reading.as_ref()));
    }
    Ok(lines)
}

/// A list is worth more than its summaries: where the opener is down, they are absent.
async fn first_reading(desk: &Desk, letters: &[Intake]) -> Option<Reading> {
    readers::reading_of(desk, letters.first()?).await.ok().flatten()
}

fn line(case: Case, letters: &[Intake], likely_duplicates: Vec<CaseId>, reading: Option<&Reading>) -> CaseLine {
    let report = reading.and_then(|r| r.report.as_ref());
    let subject = reading.and_then(|r| r.subject.clone());
    CaseLine {
        id: case.id,
        opened_at: case.opened_at,
        standing: case.standing,
        summary: report.map(|r| r.summary.clone()).filter(|s| !s.is_empty()).or(subject),
        severity: report.and_then(|r| r.severity.clone()),
        acknowledgement: case.acknowledgement,
        draft: case.draft,
        perhaps_of: case.perhaps_of,
        likely_duplicates,
        letters: letters.len(),
    }
}

async fn known(desk: &Desk, id: &CaseId) -> Result<Case> {
    desk.parts.store.case(id).await?.ok_or_else(|| anyhow!("there is no case {id}: see `sealdesk case list --all`"))
}

async fn show(desk: &Desk, id: &CaseId) -> Result<CaseView> {
    let case = known(desk, id).await?;
    let letters = desk.parts.store.letters_of(id).await?;
    let mut read = Vec::new();
    for intake in &letters {
        let mut reading = readers::reading_of(desk, intake).await.with_context(|| format!("letter {}", intake.id))?;
        if let Some(reading) = &mut reading {
            reading.certificates.clear();
        }
        read.push(LetterView {
            intake: intake.id.0,
            received_at: intake.received_at,
            octets: intake.octets,
            sha256: intake.digest.to_string(),
            state: intake.state,
            reading,
        });
    }
    let first = read.first().and_then(|l| l.reading.as_ref());
    Ok(CaseView {
        report: first.and_then(|r| r.report.clone()),
        line: line(case, &letters, desk.parts.store.duplicates(id).await?, first),
        journal: desk.parts.store.journal(id).await?,
        read,
    })
}

async fn attachments(desk: &Desk, id: &CaseId, name: Option<&str>) -> Result<Vec<File>> {
    known(desk, id).await?;
    let files = readers::files_of(desk, id).await?;
    let wanted: Vec<File> =
        files.into_iter().filter(|(file, _)| name.is_none_or(|n| n == file)).map(|(name, octets)| File { name, octets: STANDARD.encode(octets) }).collect();
    match name {
        Some(name) if wanted.is_empty() => bail!("case {id} has no attachment called {name:?}: `sealdesk case show {id}` lists them"),
        _ => Ok(wanted),
    }
}

impl File {
    pub fn decoded(&self) -> Result<Vec<u8>> {
        STANDARD.decode(&self.octets).context("the desk's answer is damaged")
    }
}

async fn file(desk: &Desk, id: &CaseId, by: &str) -> Result<String> {
    let case = known(desk, id).await?;
    let letters = desk.parts.store.letters_of(id).await?;
    let first = letters.first().ok_or_else(|| anyhow!("case {id} has no letter"))?;
    if first.state != ReadingState::Read {
        bail!("the letter of case {id} was not read (it is {:?}), so there is nothing to file", first.state);
    }
    let now = desk.now();
    desk.parts.store.commit(&crate::decide::confirm(&case, first.id, by, now)?, now).await?;
    desk.ring();
    Ok(format!("the draft of {id} is on its way to the tracker"))
}

async fn answered(desk: &Desk, id: &CaseId, by: &str) -> Result<String> {
    let case = known(desk, id).await?;
    let now = desk.now();
    desk.parts.store.commit(&crate::decide::answered(&case, by, now)?, now).await?;
    Ok(format!("{id} counts as acknowledged, by hand"))
}

/// A responder's words, to be sent to the reporter as the team's.
async fn reply(desk: &Desk, id: &CaseId, text: &str, by: &str) -> Result<String> {
    known(desk, id).await?;
    if text.trim().is_empty() {
        bail!("the reply is empty");
    }
    if text.len() > REPLY_OCTETS_MAX {
        bail!("the reply is longer than {REPLY_OCTETS_MAX} octets");
    }
    let now = desk.now();
    let (word, sealed) = desk.sealed_words(text)?;
    desk.parts.store.commit(&crate::decide::reply(id, &word, sealed, by, now), now).await?;
    desk.ring();
    Ok(format!("the reply of {id} is on its way; `sealdesk case show {id}` tells when it has left"))
}

/// The letter of a case that an answer by the desk goes to.
async fn answerable_letter(desk: &Desk, id: &CaseId) -> Result<Intake> {
    known(desk, id).await?;
    let letters = desk.parts.store.letters_of(id).await?;
    let found = letters.into_iter().find(|l| l.role == Role::Incoming && l.reply_to.is_some());
    found.ok_or_else(|| anyhow!("no letter of case {id} may be answered by the desk: write `sealdesk case reply {id}`"))
}

async fn ask_reporter(desk: &Desk, id: &CaseId, by: &str) -> Result<String> {
    let letter = answerable_letter(desk, id).await?;
    let now = desk.now();
    desk.parts.store.commit(&crate::decide::ask(id, letter.id, by, now), now).await?;
    desk.ring();
    Ok(format!("the reporter of {id} is asked for what is missing"))
}

async fn send_certificate(desk: &Desk, id: &CaseId, by: &str) -> Result<String> {
    let letter = answerable_letter(desk, id).await?;
    let now = desk.now();
    desk.parts.store.commit(&crate::decide::send_certificate(id, letter.id, by, now), now).await?;
    desk.ring();
    Ok(format!("the desk's certificate is on its way to the reporter of {id}"))
}

async fn status(desk: &Desk) -> Result<Status> {
    let tally = desk.parts.store.tally().await?;
    let mut faults: Vec<Fault> = desk.faults().into_iter().map(|(what, since, why)| Fault { what, since: Some(since), why }).collect();
    for (key, attempts, why) in desk.parts.store.faults().await? {
        faults.push(Fault { what: format!("{key} (tried {attempts} times)"), since: None, why });
    }
    let opener = match desk.parts.opener.inspect().await {
        Ok(lines) => lines,
        Err(err) => {
            faults.push(Fault { what: "opener".to_owned(), since: None, why: err.to_string() });
            Vec::new()
        }
    };
    Ok(Status {
        version: format!("sealdesk {}, {}", env!("CARGO_PKG_VERSION"), crate::openpgp::backend()),
        now: desk.now(),
        tally,
        opener,
        canaries: desk.parts.store.canaries().await?,
        faults,
    })
}

/// Makes old letters into arrivals: a human confirmed that they are to be answered.
async fn import(desk: &Desk) -> Result<String> {
    let old = desk.parts.store.old_letters().await?;
    let now = desk.now();
    for letter in &old {
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|e| anyhow!("no randomness: {e}"))?;
        let outer = Outer {
            originator: letter.originator.clone(),
            message_id: letter.message_id.clone(),
            date: None,
            threads: Vec::new(),
            recipients: Vec::new(),
            subject: String::new(),
            dmarc: Dmarc::Unknown,
            sealed_outside: false,
            automatic: false,
            answer: letter.reply_to.clone().ok_or(NoAnswer::Old),
        };
        // The promise runs from the human's word: these letters were not ours to answer before.
        let arrival = Arrival {
            intake: letter.id,
            received_at: now,
            outer: &outer,
            origin: Origin::Inbox,
            from_team: false,
            canary: false,
            old: false,
            new_case: CaseId::from_random(random),
        };
        let decision = on_arrival(&arrival, &desk.parts.store.acquaintance(&outer, &desk.parts.bounce_address).await?, &desk.parts.policy, now);
        desk.parts.store.revive(letter.id, &decision, now).await?;
    }
    desk.letters.notify_one();
    desk.ring();
    Ok(format!("{} old letters became arrivals", old.len()))
}
