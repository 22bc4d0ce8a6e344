//! How does a desk live? Its loops, its sockets, its signals, and what systemd hears of it.

mod lock;
mod loops;
mod publishing;
mod signals;

use crate::adapters::site::{self, Site};
use crate::config::Settings;
use crate::control;
use crate::desk::Desk;
use crate::pipeline::Watchdog;
use crate::ports::{OpenerError, PortError};
use crate::wiring;
use anyhow::{Context, Result, bail};
pub use lock::{Lock, lock, try_lock};
use loops::Loops;
use publishing::{is_renewed, keep_fresh, watch_published};
use sd_notify::NotifyState;
use signals::Signals;
pub use signals::signals;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// A stop takes at most ten seconds; what is under way gets most of it.
const STOP_S: u64 = 8;

/// The longest honest round of a loop: every answer of an SMTP server as late as RFC 5321 allows.
const ROUND_S: u64 = 30 * 60;

const HEARTBEAT_S: u64 = 60;

/// How long a start waits for the opener: letters are kept without it.
const OPENER_S: u64 = 10;

/// How long a start waits for whoever holds the state folder.
const LOCK_S: u64 = 15;

/// A start finds something that only a human can mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

/// The desk's loops, to be stopped together.
pub struct Running {
    pub desk: Arc<Desk>,
    pub watchdog: Watchdog,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Starts every loop.
pub async fn start(settings: &Settings, desk: Desk) -> Result<Running> {
    let desk = Arc::new(desk);
    let swept = desk.parts.store.sweep().await?;
    let released = desk.parts.store.release().await?;
    if swept + released > 0 {
        info!(swept, released, "took up where an earlier run was cut off");
    }
    let (stop, stopped) = watch::channel(false);
    let Loops {
        watchdog, tasks, ..
    } = Loops::start_all(settings, &desk, stopped)?;
    Ok(Running {
        desk,
        watchdog,
        stop,
        tasks,
    })
}

impl Running {
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

/// A signal that was delivered is heard within this.
const SIGNAL_HEARD: Duration = Duration::from_millis(20);

enum Asked {
    Stop,
    /// The config is to be read again.
    Reload,
}

/// A desk with its loops, and whatever serves others beside them.
struct Open {
    running: Running,
    servers: JoinSet<()>,
}

/// How a service ended that did not fail.
pub enum Ended {
    Stopped,
    /// Everything is closed, to be opened again with the config as it stands now.
    ToReload,
}

/// Runs until a signal, as a service. `again`: a reload began it, so what would keep a first start
/// from opening is a fault that is shown and tried again.
pub async fn run(settings: &Settings, again: bool) -> Result<Ended> {
    // Heard from the first moment on: a stop must never cut off what a start has begun.
    let mut told = Signals::heard()?;
    let _lock = lock(settings)?;
    let desk = wiring::desk(settings).await?;
    tokio::select! {
        () = told.stop() => return Ok(Ended::Stopped),
        ready = ready(settings, &desk, again) => ready?,
    }
    let mut open = open(settings, desk).await?;
    info!(address = %settings.address.domain(), mailboxes = settings.mailboxes.len(), "desk open");
    let ended = loop {
        let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status("open")]);
        match wait(&mut open.running, &mut told).await {
            Ok(Asked::Stop) => break Ok(Ended::Stopped),
            Ok(Asked::Reload) if is_renewed(settings) => break Ok(Ended::ToReload),
            Ok(Asked::Reload) => {}
            Err(err) => break Err(err),
        }
    };
    let state = if matches!(ended, Ok(Ended::ToReload)) {
        NotifyState::Reloading
    } else {
        NotifyState::Stopping
    };
    let _ = sd_notify::notify(&[state]);
    info!("desk closing");
    open.close(settings).await;
    info!("desk closed");
    match ended {
        // Told to stop meanwhile, it stays closed. From here on a signal waits for the desk to
        // come.
        Ok(Ended::ToReload) => {
            signals().thread_block().context("signals")?;
            let stopped = tokio::time::timeout(SIGNAL_HEARD, told.stop())
                .await
                .is_ok();
            Ok(if stopped {
                Ended::Stopped
            } else {
                Ended::ToReload
            })
        }
        ended => ended,
    }
}

async fn open(settings: &Settings, desk: Desk) -> Result<Open> {
    let running = start(settings, desk).await?;
    let mut servers = JoinSet::new();
    for (commands, group) in [
        (false, &settings.control.readers_group),
        (true, &settings.control.commanders_group),
    ] {
        let listener = control::listen(
            &control::socket(&settings.state, commands),
            group.as_deref(),
        )?;
        servers.spawn(control::serve(
            Arc::clone(&running.desk),
            listener,
            commands,
        ));
    }
    if let Some(page) = &settings.page {
        let listener = control::listen_for_page(&page.socket, page.group.as_deref())?;
        servers.spawn(control::page::serve(Arc::clone(&running.desk), listener));
    }
    if let Some(heartbeat) = wiring::heartbeat(settings)? {
        let watchdog = running.watchdog.clone();
        servers.spawn(async move {
            loop {
                // A desk that stands still must not look alive.
                if watchdog.stalled().is_some() {
                    warn!("a loop stands still; no heartbeat");
                } else if let Err(err) = heartbeat.ping().await {
                    warn!(error = %err, "heartbeat failed");
                }
                tokio::time::sleep(Duration::from_secs(HEARTBEAT_S)).await;
            }
        });
    }
    if let Some(address) = settings.publish.listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("publish.listen: cannot listen on {address}"))?;
        let site = Site::default();
        servers.spawn(site::serve(Arc::new(site.clone()), listener));
        servers.spawn(keep_fresh(
            settings.clone(),
            Arc::clone(&running.desk),
            site,
        ));
    }
    if let Some(address) = settings.metrics {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("metrics.listen: cannot listen on {address}"))?;
        let watched = wiring::Monitored::new(Arc::clone(&running.desk), running.watchdog.clone());
        servers.spawn(site::serve(Arc::new(watched), listener));
    }
    if !settings.publish.fetch.is_empty() {
        servers.spawn(watch_published(settings.clone(), Arc::clone(&running.desk)));
    }
    Ok(Open { running, servers })
}

impl Open {
    async fn close(mut self, settings: &Settings) {
        self.servers.shutdown().await;
        self.running.stop().await;
        for commands in [false, true] {
            let _ = std::fs::remove_file(control::socket(&settings.state, commands));
        }
        if let Some(page) = &settings.page {
            let _ = std::fs::remove_file(&page.socket);
        }
    }
}

/// What a running desk holds open, and cannot change.
const WITH_A_RESTART: [&str; 7] = [
    "control.",
    "desk.state:",
    "metrics.",
    "opener.",
    "page.group:",
    "page.socket:",
    "publish.listen:",
];

/// What is published, and what others publish of us, is looked at once a day; what failed, sooner.
const DAY: Duration = Duration::from_secs(24 * 3600);
const SOONER: Duration = Duration::from_secs(60);

/// What only a human can mend stops the start. What may pass does not: a tracker that is down for
/// an hour must not keep acknowledgements from going out.
async fn ready(settings: &Settings, desk: &Desk, again: bool) -> Result<()> {
    let mut probes: Vec<(String, Result<String, PortError>)> = Vec::new();
    for wiring::Watched { mut mailbox, .. } in wiring::mailboxes(settings)? {
        let what = format!("mailbox {}", mailbox.name());
        probes.push((what, mailbox.probe().await));
    }
    probes.push(("courier".to_owned(), desk.parts.courier.probe().await));
    probes.push(("tracker".to_owned(), desk.parts.tracker.probe().await));
    for (what, probed) in probes {
        match probed {
            Ok(found) => info!(what, found, "ready"),
            Err(err) if err.is_lasting() && !again => {
                return Err(NotReady(format!("{what}: {err}")).into());
            }
            Err(err) => {
                warn!(what, error = %err, "not ready yet; it is tried again");
                desk.fault(&what, &err.to_string()).await;
            }
        }
    }
    let inspected =
        tokio::time::timeout(Duration::from_secs(OPENER_S), desk.parts.opener.inspect()).await;
    let inspected = inspected.unwrap_or_else(|_| {
        Err(OpenerError::Down(format!(
            "it did not answer within {OPENER_S} s"
        )))
    });
    if let Err(err) = inspected {
        error!(
            error = %err,
            "the opener does not answer; letters are kept and acknowledged meanwhile"
        );
        desk.fault("opener", &err.to_string()).await;
    }
    Ok(())
}

/// Waits for a signal, feeding the watchdog while every loop goes round.
async fn wait(running: &mut Running, signals: &mut Signals) -> Result<Asked> {
    let period = sd_notify::watchdog_enabled().map_or(Duration::from_secs(10), |whole| whole / 3);
    let mut tick = tokio::time::interval(period);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ok(Asked::Stop),
            _ = signals.interrupt.recv() => return Ok(Asked::Stop),
            _ = signals.hangup.recv() => return Ok(Asked::Reload),
            // None of them ends by itself: one that does has met a fault of ours.
            _ = running.tasks.join_next() => bail!("a loop ended by itself; the desk is started \
                anew"),
            _ = tick.tick() => match running.watchdog.stalled() {
                None => drop(sd_notify::notify(&[NotifyState::Watchdog])),
                Some(name) => error!(name, "a loop stands still; the watchdog is not fed"),
            },
        }
    }
}
