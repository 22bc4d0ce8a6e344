//! How long is what people said kept? Until a human has it erased, or as long as the config says.

use super::driver::{Loop, Turn};
use crate::decide::{Decision, Entry};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use crate::ports::{PortError, Purged};
use async_trait::async_trait;
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};

/// How often old cases are looked for: fine for terms of days.
pub const LOOK: Duration = Duration::from_secs(3600);

/// Erases cases that were closed so many days ago.
pub struct Retention {
    pub closed_days: u32,
}

#[async_trait]
impl Loop for Retention {
    fn fault(&self) -> &str {
        "retention"
    }

    fn log_failure(&self, err: &PortError) {
        warn!(error = %err, "what is to be erased could not be");
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        round(&turn.desk, self.closed_days).await?;
        turn.desk.mended("retention");
        Ok(())
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        sleep(LOOK).await;
        Ok(())
    }
}

async fn round(desk: &Desk, closed_days: u32) -> Result<(), PortError> {
    let Ok(then) = desk
        .now()
        .checked_sub(SignedDuration::from_hours(i64::from(closed_days) * 24))
    else {
        return Ok(());
    };
    let by = format!("retention.closed_days = {closed_days}");
    for id in desk.parts.store.closed_before(then).await? {
        match purge(desk, &id, &by).await {
            Ok(_) => {}
            // A part of it that is open keeps its letters.
            Err(err) if err.is_lasting() => {
                info!(case = %id, why = err.to_string(), "a case is kept beyond its term")
            }
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// Erases what was said in one case.
pub async fn purge(desk: &Desk, id: &CaseId, by: &str) -> Result<Purged, PortError> {
    let now: Timestamp = desk.now();
    let journal = Decision {
        journal: vec![Entry::of(id, JournalEvent::Erased, by)],
        ..Decision::default()
    };
    let purged = desk.parts.store.purge(id, &journal, now).await?;
    desk.forget_readings();
    info!(case = %id, letters = purged.letters, by, "case erased");
    Ok(purged)
}
