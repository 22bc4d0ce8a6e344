//! How does the whole desk stand?

use super::{QUEUE_MAX, WITHOUT_CASE_SHOWN};
use crate::decide::{Due, next_due};
use crate::desk::Desk;
use crate::model::case::{Case, Draft, Standing};
use crate::model::course::Lane;
use crate::model::ids::CaseId;
use crate::model::timeline::Timeline;
use crate::ports::{CanaryLine, Tally};
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// What `sealdesk status` shows. It quotes no letter, and needs no key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub now: jiff::Timestamp,
    #[serde(flatten)]
    pub tally: Tally,
    /// Numbers of the letters that rest without a case: the newest of them, newest first.
    #[serde(default)]
    pub letters_without_case: Vec<i64>,
    /// Which keys the opener holds, a line each; empty where it cannot be reached.
    pub opener: Vec<String>,
    /// Letters of the desk to itself, newest first.
    pub canaries: Vec<CanaryLine>,
    /// Open cases by what is due first.
    pub queue: Vec<Queued>,
    pub faults: Vec<Fault>,
}

/// A case in the queue, by ids, times and states alone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Queued {
    pub id: CaseId,
    pub lane: Lane,
    pub next: Option<Due>,
    /// Whom it waits for: a responder, an upstream, or nobody.
    pub waits_for: Option<String>,
}

/// Something wrong with the desk that lasts, or an effect that failed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fault {
    /// What is at fault: a loop, the opener, or an effect's key with its tries.
    pub what: String,
    /// None for the opener and for effects.
    pub since: Option<jiff::Timestamp>,
    pub why: String,
}

pub(in crate::control) async fn status(desk: &Desk) -> Result<Status> {
    let tally = desk.parts.store.tally().await?;
    let (opener, faults) = opener_and_faults(desk).await?;
    let without_case: Vec<i64> = desk
        .parts
        .store
        .without_case(WITHOUT_CASE_SHOWN)
        .await?
        .into_iter()
        .map(|id| id.0)
        .collect();
    Ok(Status {
        letters_without_case: without_case,
        version: format!(
            "sealdesk {}, {}",
            env!("CARGO_PKG_VERSION"),
            crate::openpgp::backend()
        ),
        now: desk.now(),
        tally,
        opener,
        canaries: desk.parts.store.canaries().await?,
        queue: queue(desk).await?,
        faults,
    })
}

/// What is wrong with the desk, the opener asked.
pub(in crate::control) async fn faults(desk: &Desk) -> Result<Vec<Fault>> {
    Ok(opener_and_faults(desk).await?.1)
}

/// Which keys the opener holds, and everything that is wrong.
async fn opener_and_faults(desk: &Desk) -> Result<(Vec<String>, Vec<Fault>)> {
    let mut faults: Vec<Fault> = desk
        .faults()
        .into_iter()
        .map(|(what, since, why)| Fault {
            what,
            since: Some(since),
            why,
        })
        .collect();
    for (key, attempts, why) in desk.parts.store.faults().await? {
        faults.push(Fault {
            what: format!("{key} (tried {attempts} times)"),
            since: None,
            why,
        });
    }
    let opener = match desk.parts.opener.inspect().await {
        Ok(lines) => lines,
        Err(err) => {
            faults.push(Fault {
                what: "opener".to_owned(),
                since: None,
                why: err.to_string(),
            });
            Vec::new()
        }
    };
    Ok((opener, faults))
}

pub(super) async fn queue(desk: &Desk) -> Result<Vec<Queued>> {
    let (timeline, now) = (&desk.parts.policy.timeline, desk.now());
    let mut queue: Vec<Queued> = desk
        .parts
        .store
        .running()
        .await?
        .into_iter()
        .filter_map(|case| queued(&case, timeline, now))
        .collect();
    queue.sort_by_key(|q| {
        (
            q.next
                .as_ref()
                .map_or(jiff::Timestamp::MAX, |due| due.deadline),
            q.id.clone(),
        )
    });
    queue.truncate(QUEUE_MAX);
    Ok(queue)
}

pub(super) fn queued(case: &Case, timeline: &Timeline, now: jiff::Timestamp) -> Option<Queued> {
    let next = next_due(case, timeline, now);
    let waits_for = match (case.standing(), case.draft()) {
        (Standing::NeedsHuman, _) => Some("a responder: its letter needs a human"),
        // It owes an answer yet, and nothing else.
        (Standing::Closed { .. }, _) => None,
        (_, Draft::AwaitsConfirmation) => Some("a responder: case file"),
        _ if case.course().waiting_since.is_some() => Some("an upstream"),
        _ => None,
    };
    (next.is_some() || waits_for.is_some()).then(|| Queued {
        id: case.id().clone(),
        lane: case.course().lane,
        next,
        waits_for: waits_for.map(str::to_owned),
    })
}
