//! How does a loop go round? It works a round, waits, and stops between any two of these. It beats
//! whenever it goes on.
//! After a failed round the fault is shown, and the loop backs off.

use super::watchdog::Beat;
use crate::desk::Desk;
use crate::ports::PortError;
use async_trait::async_trait;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The longest wait after failed rounds: what is due then is not much later.
const BACK_OFF_S_MAX: u64 = 30;

/// What one loop does, round after round.
#[async_trait]
pub trait Loop: Send {
    /// The fault that `status` shows while rounds fail.
    fn fault(&self) -> &str;

    /// Logs a failed round, under a phrase of its own.
    fn log_failure(&self, err: &PortError);

    /// Whether a round may be dropped where it awaits something, when the desk stops. Otherwise the
    /// desk waits for its end.
    fn can_be_cut_off(&self) -> bool {
        false
    }

    /// One round.
    async fn round(&mut self, turn: &Turn) -> Result<(), PortError>;

    /// Returns when the next round is to begin. It may be dropped where it awaits something.
    async fn wait(&mut self, turn: &Turn) -> Result<(), PortError>;

    /// Waits after a failed round, the n-th in a row, beginning with 1: longer each time, unless a
    /// loop knows better.
    async fn back_off(&mut self, _: &Turn, failures: u32) {
        tokio::time::sleep(doubling(1, BACK_OFF_S_MAX, failures)).await;
    }
}

/// What a loop is given for its rounds.
pub struct Turn {
    pub desk: Arc<Desk>,
    /// For rounds that begin nothing new once the desk stops.
    pub stop: watch::Receiver<bool>,
}

/// Runs a loop until the desk stops.
pub async fn drive(work: impl Loop, desk: Arc<Desk>, beat: Beat, stop: watch::Receiver<bool>) {
    beating(&beat, go_round(work, Turn { desk, stop })).await;
}

/// Beats whenever the work goes on. Whoever waits for a foreign server does not stand still, however
/// slow that is: what it may take is bounded where it is asked. Whoever nothing wakes does.
async fn beating(beat: &Beat, work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    poll_fn(|context| {
        beat.now();
        work.as_mut().poll(context)
    })
    .await
}

async fn go_round(mut work: impl Loop, turn: Turn) {
    let mut stopped = turn.stop.clone();
    let mut failures: u32 = 0;
    while !*stopped.borrow() {
        let worked = if work.can_be_cut_off() {
            tokio::select! {
                _ = stopped.changed() => return,
                worked = work.round(&turn) => worked,
            }
        } else {
            work.round(&turn).await
        };
        let waited = match worked {
            Err(err) => Err(err),
            Ok(()) => tokio::select! {
                _ = stopped.changed() => return,
                waited = work.wait(&turn) => waited,
            },
        };
        let Err(err) = waited else {
            failures = 0;
            continue;
        };
        failures = failures.saturating_add(1);
        work.log_failure(&err);
        turn.desk.fault(work.fault(), &err.to_string()).await;
        tokio::select! {
            _ = stopped.changed() => return,
            () = work.back_off(&turn, failures) => {}
        }
    }
}

/// Twice as long after each failure in a row, between these bounds.
pub fn doubling(first_s: u64, last_s: u64, failures: u32) -> Duration {
    let doubled = first_s.saturating_mul(1 << failures.saturating_sub(1).min(32));
    Duration::from_secs(doubled.min(last_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::watchdog::Watchdog;

    /// A foreign server that answers each call late keeps no loop from beating; a loop that nothing
    /// wakes stands still.
    #[tokio::test]
    async fn whoever_goes_on_slowly_beats() {
        let patience = Duration::from_secs(4);
        let mut watchdog = Watchdog::default();
        let [slow, stuck] = ["slow", "stuck"].map(|name| watchdog.beat(name, patience));
        let answers = async {
            for _ in 0..60 {
                tokio::time::sleep(patience / 40).await;
            }
        };
        // In a task of its own, as loops are: nothing else wakes it.
        let stands_still = async move { beating(&stuck, std::future::pending()).await };
        let stands_still = tokio::spawn(stands_still);
        beating(&slow, answers).await;
        stands_still.abort();
        assert_eq!(watchdog.stalled(), Some("stuck"));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits = [1, 2, 3, 9, u32::MAX].map(|n| doubling(2, 300, n).as_secs());
        assert_eq!(waits, [2, 4, 8, 300, 300]);
    }
}
