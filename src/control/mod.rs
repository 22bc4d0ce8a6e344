//! What may be asked of a desk, running or not? One JSON object in, one out, over a unix socket a
//! role.
//!
//! Owner, group and mode of the socket decide who may ask: readers read cases, commanders also act.
//! A responder of the config also acts by a signed letter.

mod backup;
pub mod page;
mod socket;
mod view;

pub use backup::{CUT_OFF, receive, send};
pub use socket::{account, ask, fetch_backup, listen, listen_for_page, serve, socket};
pub use view::{
    AttachmentFile, CaseLine, CaseView, Fault, LIST_DEFAULT, LetterView, Order, Queued,
    SealedLetter, Status, Wanted,
};

use crate::cases::{self, known};
use crate::decide::{Arrival, Origin, on_arrival};
use crate::desk::Desk;
use crate::model::case_command::CaseCommand;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::letter::{Dmarc, NoAnswer, Outer, Role};
use crate::pipeline::{canary, retention};
use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

/// A request is small; the longest holds a reply.
const REQUEST_OCTETS_MAX: u64 = 512 * 1024;

/// Requests answered at once on one socket.
const REQUESTS_TOGETHER: usize = 16;

/// How long somebody may take to send it.
const REQUEST_S: u64 = 10;

/// What may be asked: one JSON object, whose `ask` names the question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    /// Cases that are wanted, one line each, up to 200.
    CaseList(Wanted),
    /// One of its letters, opened, and encrypted to one responder.
    CaseLetter {
        id: CaseId,
        intake: i64,
        to: String,
    },
    /// One case with all that responders may see.
    CaseShow {
        id: CaseId,
    },
    /// Its attachments' octets: all of them, or those of this name.
    CaseAttachments {
        id: CaseId,
        name: Option<String>,
    },
    /// Sends a responder's text to the reporter.
    CaseReply {
        id: CaseId,
        text: String,
    },
    /// Has the desk execute a command, in the name of whoever asks.
    #[serde(rename = "case-say")]
    CaseCommand {
        id: CaseId,
        #[serde(flatten)]
        command: CaseCommand,
    },
    /// What speaks for and against a release day.
    CaseReleaseDay {
        id: CaseId,
        at: Option<jiff::Timestamp>,
    },
    Status,
    /// Old letters, or one that rests without a case, are treated as if they arrived now.
    Import {
        letter: Option<i64>,
    },
    /// The desk writes to itself.
    Canary,
    /// All that rests, sealed; answered in pieces.
    Backup,
    /// What was said in a closed case is erased.
    CasePurge {
        id: CaseId,
    },
}

impl Request {
    /// Whether it changes anything.
    pub fn commands(&self) -> bool {
        !matches!(
            self,
            Self::CaseList(_)
                | Self::CaseShow { .. }
                | Self::CaseReleaseDay { .. }
                | Self::CaseAttachments { .. }
                | Self::Status
        )
    }
}

/// What comes back: an answer whose shape the question fixes, or a sentence for people.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Response {
    Error { error: String },
    Good { answer: serde_json::Value },
}

/// Answers one request. `by` is who asks, for the journal.
pub async fn answer(desk: &Desk, request: Request, by: &str) -> Result<serde_json::Value> {
    let value = match request {
        Request::CaseList(wanted) => serde_json::to_value(view::list(desk, &wanted).await?),
        Request::CaseShow { id } => serde_json::to_value(view::show(desk, &id).await?),
        Request::CaseLetter { id, intake, to } => {
            serde_json::to_value(view::letter(desk, &id, intake, &to).await?)
        }
        Request::CaseAttachments { id, name } => {
            serde_json::to_value(view::attachments(desk, &id, name.as_deref()).await?)
        }
        Request::CaseReply { id, text } => {
            serde_json::to_value(cases::reply(desk, &id, &text, by).await?)
        }
        Request::CaseCommand { id, command } => {
            serde_json::to_value(cases::execute(desk, &id, command, by, None).await?)
        }
        Request::CaseReleaseDay { id, at } => {
            serde_json::to_value(cases::release_day(desk, &id, at).await?)
        }
        Request::Status => serde_json::to_value(view::status(desk).await?),
        Request::Canary => serde_json::to_value(canary::sing(desk, canary::PATIENCE).await?),
        Request::Backup => bail!("a backup comes in pieces"),
        Request::CasePurge { id } => serde_json::to_value(purge(desk, &id, by).await?),
        Request::Import { letter } => serde_json::to_value(import(desk, letter).await?),
    };
    value.context("an answer cannot be written")
}

/// Erases what was said in a closed case. That it happened, and who had it done, stays in the
/// journal.
async fn purge(desk: &Desk, id: &CaseId, by: &str) -> Result<String> {
    known(desk, id).await?;
    let purged = retention::purge(desk, id, by).await?;
    Ok(format!(
        "{} letters of {id} are erased; backups hold them until you remove those, and the tracker \
         keeps its draft",
        purged.letters
    ))
}

/// Makes old letters into arrivals: a human confirmed that they are to be answered.
async fn import(desk: &Desk, letter: Option<i64>) -> Result<String> {
    let old = match letter {
        None => desk.parts.store.old_letters().await?,
        Some(number) => {
            let found = desk
                .parts
                .store
                .intake(IntakeId(number))
                .await?
                .filter(|letter| letter.case.is_none() && letter.role == Role::Incoming);
            vec![found.ok_or_else(|| anyhow!("no letter {number} rests without a case"))?]
        }
    };
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
            addressees: Vec::new(),
            addressing_signed: false,
            autocrypt_signed: false,
            body_signed: false,
            answer: letter.reply_to.clone().ok_or(NoAnswer::Old),
        };
        // The promise runs from the human's confirmation: these letters were not ours to answer before.
        let arrival = Arrival {
            intake: letter.id,
            received_at: now,
            outer: &outer,
            origin: Origin::Inbox,
            from_team: false,
            canary: false,
            old: false,
            advisory: letter.advisory.as_ref(),
            new_case: CaseId::from_random(random),
        };
        let decision = on_arrival(
            &arrival,
            &desk
                .parts
                .store
                .thread_context(&outer, &desk.parts.bounce_address)
                .await?,
            &desk.parts.policy,
            now,
        );
        desk.parts.store.revive(letter.id, &decision, now).await?;
    }
    desk.letters.notify_one();
    desk.ring();
    Ok(format!("{} old letters became arrivals", old.len()))
}
