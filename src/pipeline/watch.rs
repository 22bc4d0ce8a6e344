//! What became of our advisories in the tracker? Looked at again and again, and written down where it changed.

use super::desk::Desk;
use super::rhythm::Beat;
use crate::decide::tracker_moved;
use crate::model::case::Draft;
use crate::ports::PortError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

pub async fn run(desk: Arc<Desk>, every: Duration, beat: Beat, mut stop: watch::Receiver<bool>) {
    const WHAT: &str = "tracker states";
    while !*stop.borrow() {
        beat.now();
        match round(&desk).await {
            Ok(()) => desk.mended(WHAT),
            Err(err) => {
                warn!(error = %err, "the states of advisories cannot be read");
                desk.fault(WHAT, &err.to_string()).await;
            }
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Compares every open case with what the tracker says of its advisory.
pub async fn round(desk: &Desk) -> Result<(), PortError> {
    let open = desk.parts.store.running().await?;
    if !open.iter().any(|case| matches!(case.draft, Draft::Filed { .. })) {
        return Ok(());
    }
    let states = desk.parts.tracker.states().await?;
    let now = desk.now();
    for case in &open {
        let Draft::Filed { advisory } = &case.draft else { continue };
        let Some((_, state)) = states.iter().find(|(id, _)| *id == advisory.id) else { continue };
        if let Some(decision) = tracker_moved(case, *state, &desk.parts.policy.timeline, now) {
            info!(case = %case.id, state = state.as_str(), "an advisory changed");
            desk.parts.store.commit(&decision, now).await?;
            desk.ring();
        }
    }
    Ok(())
}
