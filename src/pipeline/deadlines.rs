//! Which promise is about to fail? Looks at the clock, and calls humans in time.

use super::desk::Desk;
use super::rhythm::Beat;
use crate::decide::on_clock;
use crate::ports::PortError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::warn;

/// How often the clock is looked at: fine for promises of hours.
const LOOK_S: u64 = 30;

pub async fn run(desk: Arc<Desk>, beat: Beat, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        beat.now();
        if let Err(err) = round(&desk).await {
            warn!(error = %err, "deadlines could not be checked");
            desk.fault("store", &err.to_string()).await;
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(Duration::from_secs(LOOK_S)) => {}
        }
    }
}

/// Decides on every case whose acknowledgement is not out.
pub async fn round(desk: &Desk) -> Result<(), PortError> {
    let now = desk.now();
    for case in desk.parts.store.pending_acknowledgements().await? {
        let decision = on_clock(&case, &desk.parts.policy, now);
        if decision.case.is_some() {
            warn!(case = %case.id, "acknowledgement deadline is near");
            desk.parts.store.commit(&decision, now).await?;
            desk.ring();
        }
    }
    desk.mended("store");
    Ok(())
}
