//! Which loops does a desk run, and how are they stopped? Each on its own task, under one watchdog.

use crate::config::Settings;
use crate::desk::Desk;
use crate::pipeline::{
    Watchdog, deadlines, intake, outbox, reading_loop, retention, watch as tracker_states,
};
use crate::ports::OutboxQueue;
use crate::wiring::{self, Watched};
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// A stop takes at most ten seconds; what is under way gets most of it.
const STOP_S: u64 = 8;

/// The longest honest round of a loop: every answer of an SMTP server as late as RFC 5321 allows.
const ROUND: Duration = Duration::from_secs(30 * 60);

const QUEUES: [(&str, OutboxQueue); 4] = [
    ("outbox", OutboxQueue::Common),
    ("answers", OutboxQueue::Answers),
    ("calls", OutboxQueue::Calls),
    ("alarms", OutboxQueue::SecondPath),
];

/// The desk's loops, to be stopped together.
pub struct Running {
    pub desk: Arc<Desk>,
    pub watchdog: Watchdog,
    stop: watch::Sender<bool>,
    pub(super) tasks: JoinSet<()>,
}

/// Starts every loop.
pub async fn start(settings: &Settings, desk: Desk) -> Result<Running> {
    let swept = desk.parts.store.sweep().await?;
    let released = desk.parts.store.release().await?;
    if swept + released > 0 {
        info!(swept, released, "took up where an earlier run was cut off");
    }
    let mut running = Running {
        desk: Arc::new(desk),
        watchdog: Watchdog::default(),
        stop: watch::Sender::new(false),
        tasks: JoinSet::new(),
    };
    for watched in wiring::mailboxes(settings)? {
        running.spawn_intake(watched);
    }
    running.spawn_readers();
    for (name, queue) in QUEUES {
        running.spawn_outbox(name, queue);
    }
    if let Some(every_s) = settings.tracker.states_poll_s() {
        running.spawn_tracker_states(Duration::from_secs(u64::from(every_s)));
    }
    if let Some(days) = settings.erase_after_days {
        running.spawn_retention(days);
    }
    running.spawn_deadlines();
    Ok(running)
}

impl Running {
    fn spawn_intake(&mut self, watched: Watched) {
        let Watched {
            mailbox,
            origin,
            poll,
        } = watched;
        let name = format!("mailbox {}", mailbox.name());
        let beat = self.watchdog.beat(&name, ROUND + poll);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks
            .spawn(intake::run(desk, mailbox, origin, poll, beat, stopped));
    }

    fn spawn_readers(&mut self) {
        let beat = self.watchdog.beat("readers", ROUND);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks.spawn(reading_loop::run(desk, beat, stopped));
    }

    fn spawn_outbox(&mut self, name: &str, queue: OutboxQueue) {
        let beat = self.watchdog.beat(name, ROUND);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks.spawn(outbox::run(desk, queue, beat, stopped));
    }

    fn spawn_tracker_states(&mut self, every: Duration) {
        let beat = self.watchdog.beat("tracker states", ROUND + every);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks
            .spawn(tracker_states::run(desk, every, beat, stopped));
    }

    fn spawn_retention(&mut self, days: u32) {
        let beat = self.watchdog.beat("retention", retention::LOOK + ROUND);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks.spawn(retention::run(desk, days, beat, stopped));
    }

    fn spawn_deadlines(&mut self) {
        let beat = self.watchdog.beat("deadlines", ROUND);
        let desk = Arc::clone(&self.desk);
        let stopped = self.stop.subscribe();
        self.tasks.spawn(deadlines::run(desk, beat, stopped));
    }

    /// Lets what is under way end, and cuts off what takes too long: the store knows how to go on.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let ended = tokio::time::timeout(Duration::from_secs(STOP_S), async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await;
        if ended.is_err() {
            warn!("something was still under way; it is taken up at the next start");
            self.tasks.shutdown().await;
        }
    }
}
