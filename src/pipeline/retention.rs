//! How long is what people said kept? Until a human has it erased, or as long as the config says.

use super::watchdog::Beat;
use crate::decide::{Decision, Entry};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::ports::{PortError, Purged};
use jiff::SignedDuration;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// How often old cases are looked for: fine for terms of days.
pub const LOOK: Duration = Duration::from_secs(3600);

/// Erases cases that were closed so many days ago, until the desk stops.
pub async fn run(desk: Arc<Desk>, closed_days: u32, beat: Beat, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        beat.now();
        match round(&desk, closed_days, &beat).await {
            Ok(()) => desk.mended("retention"),
            Err(err) => {
                warn!(error = %err, "what is to be erased could not be");
                desk.fault("retention", &err.to_string()).await;
            }
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn round(desk: &Desk, closed_days: u32, beat: &Beat) -> Result<(), PortError> {
    let Ok(then) = desk
        .now()
        .checked_sub(SignedDuration::from_hours(i64::from(closed_days) * 24))
    else {
        return Ok(());
    };
    let by = format!("retention.closed_days = {closed_days}");
    for id in desk.parts.store.closed_before(then).await? {
        beat.now();
        match purge(desk, &id, &by).await {
            Ok(_) => {}
            // A part of it that is open keeps its letters.
            Err(PortError::Lasting(why)) => {
                info!(case = %id, why, "a case is kept beyond its term")
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
        journal: vec![Entry::of(id, "erased", by)],
        ..Decision::default()
    };
    let purged = desk.parts.store.purge(id, &journal, now).await?;
    desk.forget_readings();
    info!(case = %id, letters = purged.letters, by, "case erased");
    Ok(purged)
}
