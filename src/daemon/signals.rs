//! Which signals are heard?

use anyhow::{Context, Result};
use nix::sys::signal::SigSet;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a service is told by.
pub fn signals() -> SigSet {
    use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};
    [SIGTERM, SIGINT, SIGHUP].into_iter().collect()
}

/// What a service is told while it runs.
pub(super) struct Signals {
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
    pub(super) hangup: Signal,
}

impl Signals {
    pub(super) fn heard() -> Result<Self> {
        let hear = |kind| signal(kind).context("signals");
        let heard = Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            hangup: hear(SignalKind::hangup())?,
        };
        // They were held back while nobody heard them.
        signals().thread_unblock().context("signals")?;
        Ok(heard)
    }

    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
