//! Which loops does a desk have? Each has its place in the watchdog, and all of them stop together.

use super::ROUND_S;
use crate::config::Settings;
use crate::desk::Desk;
use crate::pipeline::deadlines::Deadlines;
use crate::pipeline::intake::IntakeLoop;
use crate::pipeline::outbox::Carrier;
use crate::pipeline::reading_loop::ReadingLoop;
use crate::pipeline::retention::{self, Retention};
use crate::pipeline::watch::{TrackerWatch, Watched};
use crate::pipeline::{Loop, Watchdog, drive};
use crate::ports::OutboxQueue;
use crate::wiring;
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Starts loops, each with its place in the watchdog.
pub(super) struct Loops {
    desk: Arc<Desk>,
    pub watchdog: Watchdog,
    stopped: watch::Receiver<bool>,
    pub tasks: JoinSet<()>,
}

impl Loops {
    /// Starts every loop that the config asks for; each ends its round and stops once `stopped`
    /// says so. Fails where a mailbox cannot be set up, and then no loop outlives the call.
    pub fn start_all(
        settings: &Settings,
        desk: &Arc<Desk>,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self> {
        let mut loops = Self {
            desk: Arc::clone(desk),
            watchdog: Watchdog::default(),
            stopped,
            tasks: JoinSet::new(),
        };
        for watched in wiring::mailboxes(settings)? {
            let name = format!("mailbox {}", watched.mailbox.name());
            let intake = IntakeLoop::new(watched.mailbox, watched.origin, watched.poll);
            loops.start(&name, watched.poll, intake);
        }
        loops.start("readers", Duration::ZERO, ReadingLoop::default());
        for (name, queue) in [
            ("outbox", OutboxQueue::Common),
            ("answers", OutboxQueue::Answers),
            ("calls", OutboxQueue::Calls),
            ("alarms", OutboxQueue::SecondPath),
        ] {
            loops.start(name, Duration::ZERO, Carrier { queue });
        }
        if let Some(every_s) = settings.tracker.states_poll_s() {
            let every = Duration::from_secs(u64::from(every_s));
            for watched in [Watched::States, Watched::Comments] {
                loops.start(watched.name(), every, TrackerWatch { watched, every });
            }
        }
        if let Some(closed_days) = settings.erase_after_days {
            loops.start("retention", retention::LOOK, Retention { closed_days });
        }
        loops.start("deadlines", Duration::ZERO, Deadlines);
        Ok(loops)
    }

    /// `waits`: how long the loop may wait between two rounds.
    fn start(&mut self, name: &str, waits: Duration, work: impl Loop + 'static) {
        let beat = self
            .watchdog
            .beat(name, Duration::from_secs(ROUND_S) + waits);
        let (desk, stopped) = (Arc::clone(&self.desk), self.stopped.clone());
        self.tasks.spawn(drive(work, desk, beat, stopped));
    }
}
