//! What does monitoring see of a desk? OpenMetrics: numbers, states, ids of keys, and nothing that
//! a letter says.
//!
//! Any user of the machine may look, and some of them may write letters too. So nothing is counted
//! that only decryption shows: not whether a letter opened, not what was queued because of it.

use crate::decide::{Deadline, DeadlineState, deadlines, runs};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::pipeline::Watchdog;
use crate::ports::{Measures, Tally};
use anyhow::{Context, Result};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Of the 24 hours that the policy promises.
const ACKNOWLEDGED_S: [f64; 10] = [
    60.0, 300.0, 900.0, 3600.0, 14400.0, 28800.0, 43200.0, 72000.0, 86400.0, 172_800.0,
];

type Labels = Vec<(&'static str, String)>;

/// Everything is read anew for each look, so that a restart loses no count and nothing is counted
/// twice.
pub async fn metrics(desk: &Desk, watchdog: &Watchdog) -> Result<String> {
    let mut registry = Registry::with_prefix("sealdesk");
    let r = &mut registry;
    registered(
        r,
        "build",
        "What runs",
        Info::new(
            [
                ("version", env!("CARGO_PKG_VERSION")),
                ("backend", &crate::openpgp::backend()),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec(),
        ),
    );
    store(desk, r).await?;
    the_clocks(desk, r).await?;
    certificates(desk, r);
    canaries(desk, r).await?;
    let faults = family(
        r,
        "fault",
        "What is at fault now, as sealdesk status shows it",
    );
    desk.faults()
        .iter()
        .for_each(|(what, _, _)| set(&faults, &[("what", what)], 1));
    let stalled = gauge(r, "stalled", "Whether a loop of the desk stands still");
    stalled.set(i64::from(watchdog.stalled().is_some()));
    let mut text = String::new();
    encode(&mut text, &registry).context("metrics cannot be written")?;
    Ok(text)
}

/// `Err` says why the desk cannot do its work.
pub async fn health(desk: &Desk, watchdog: &Watchdog) -> Result<(), String> {
    if let Some(name) = watchdog.stalled() {
        return Err(format!("a loop stands still: {name}"));
    }
    desk.parts
        .store
        .next_due(crate::ports::OutboxQueue::Common)
        .await
        .map(drop)
        .map_err(|err| err.to_string())
}

async fn store(desk: &Desk, r: &mut Registry) -> Result<()> {
    let (measures, tally, now) = (
        desk.parts.store.measures().await?,
        desk.parts.store.tally().await?,
        desk.now(),
    );
    letters_and_cases(r, &measures, &tally);
    acknowledgements(r, &measures, &tally, now);
    outbox(r, &measures, &tally, now);
    let backup = measures.last_backup.map_or(0, Timestamp::as_second);
    seconds(
        r,
        "last_backup_timestamp",
        "When the last backup left over the desk's socket; 0: never",
    )
    .set(backup);
    Ok(())
}

fn letters_and_cases(r: &mut Registry, measures: &Measures, tally: &Tally) {
    let letters = family(
        r,
        "letters",
        "Letters, by their role, and whether they wait to be read",
    );
    for (role, state, n) in &measures.letters {
        // That a responder wrote a letter is known once it is read.
        let role = if role == "team-reply" {
            "incoming"
        } else {
            role
        };
        let state = if state == "unread" { "waiting" } else { "done" };
        letters
            .get_or_create(&labels(&[("role", role), ("state", state)]))
            .inc_by(*n);
    }
    // Whether one is open may follow from what decryption showed.
    gauge(r, "cases", "Cases, open and closed").set(tally.cases);
}

fn acknowledgements(r: &mut Registry, measures: &Measures, tally: &Tally, now: Timestamp) {
    let waited = Histogram::new(ACKNOWLEDGED_S);
    measures
        .acknowledged_ms
        .iter()
        .for_each(|ms| waited.observe(*ms as f64 / 1000.0));
    r.register_with_unit(
        "acknowledgement",
        "From a letter's arrival to its acknowledgement",
        Unit::Seconds,
        waited,
    );
    gauge(
        r,
        "acknowledgements_pending",
        "Reporters who wait for an answer",
    )
    .set(tally.acknowledgements_pending);
    seconds(
        r,
        "oldest_unanswered_age",
        "Age of the oldest letter whose reporter waits for an answer; 0: nobody waits",
    )
    .set(age(measures.oldest_unanswered, now));
    if let Some(deadline) = tally.oldest_deadline {
        seconds(
            r,
            "acknowledgement_deadline_timestamp",
            "When the next acknowledgement must have left",
        )
        .set(deadline.as_second());
    }
}

/// What the outbox has not done, and what became of what it did.
fn outbox(r: &mut Registry, measures: &Measures, tally: &Tally, now: Timestamp) {
    gauge(r, "outbox_given_up", "Effects that were given up").set(tally.effects_given_up);
    seconds(
        r,
        "outbox_oldest_overdue",
        "How long the effect that waits longest is overdue",
    )
    .set(age(measures.oldest_due, now));
    gauge(
        r,
        "sent_twice_perhaps",
        "Letters that were sent again because a try may have been carried out (RFC 1047)",
    )
    .set(tally.sent_twice_perhaps);
    gauge(
        r,
        "drafts_doubled",
        "Cases of which the tracker holds a second draft",
    )
    .set(tally.drafts_doubled);
    gauge(
        r,
        "unreachable_addresses",
        "Addresses from which letters came back",
    )
    .set(tally.unreachable);
}

/// A deadline that is over counts as late, whether or not its step was reached since.
async fn the_clocks(desk: &Desk, r: &mut Registry) -> Result<()> {
    let (timeline, now) = (&desk.parts.policy.timeline, desk.now());
    let family = family(
        r,
        "clocks",
        "Clocks of open cases, by the policy's step and their state",
    );
    for case in desk
        .parts
        .store
        .running()
        .await?
        .iter()
        .filter(|case| runs(case))
    {
        for clock in deadlines(case, timeline, now) {
            family
                .get_or_create(&labels(&[
                    ("step", clock.step.as_str()),
                    ("state", state(&clock, now)),
                ]))
                .inc();
        }
    }
    Ok(())
}

fn state(clock: &Deadline, now: Timestamp) -> &'static str {
    match clock.state {
        DeadlineState::Running if clock.deadline < now => "late",
        DeadlineState::Running => "running",
        DeadlineState::Waiting => "waiting",
        DeadlineState::Stopped { late: true, .. } => "reached-late",
        DeadlineState::Stopped { late: false, .. } => "reached",
        DeadlineState::PassedOver => "passed-over",
    }
}

fn certificates(desk: &Desk, r: &mut Registry) {
    let ends = Family::<Labels, Gauge>::default();
    r.register_with_unit(
        "certificate_ends_timestamp",
        "When a certificate ends; one that never does is absent",
        Unit::Seconds,
        ends.clone(),
    );
    let parts = &desk.parts;
    let ours = parts
        .own_ends
        .iter()
        .map(|(fingerprint, end)| ("desk", fingerprint.clone(), *end));
    let theirs = parts
        .responders
        .iter()
        .filter_map(|who| Some(("responder", who.fingerprints.first()?.clone(), who.ends?)));
    let distributors = parts
        .distributors
        .iter()
        .filter(|who| who.removed_on.is_none())
        .filter_map(|who| Some(("distributor", who.name.clone(), who.ends?)));
    for (whose, which, end) in ours.chain(theirs).chain(distributors) {
        set(
            &ends,
            &[("whose", whose), ("certificate", &which)],
            end.as_second(),
        );
    }
}

async fn canaries(desk: &Desk, r: &mut Registry) -> Result<()> {
    let sent = Family::<Labels, Gauge>::default();
    r.register_with_unit(
        "canary_sent_timestamp",
        "When the desk last wrote to itself, by the letter's shape",
        Unit::Seconds,
        sent.clone(),
    );
    let good = family(
        r,
        "canary_good",
        "Whether that letter came back as it should",
    );
    let mut seen: Vec<String> = Vec::new();
    for line in desk.parts.store.canaries().await? {
        if !seen.contains(&line.shape) {
            set(&sent, &[("shape", &line.shape)], line.sent_at.as_second());
            set(
                &good,
                &[("shape", &line.shape)],
                i64::from(line.settled_at.is_some() && line.fault.is_none()),
            );
            seen.push(line.shape);
        }
    }
    Ok(())
}

fn age(since: Option<Timestamp>, now: Timestamp) -> i64 {
    since.map_or(0, |since| now.duration_since(since).as_secs().max(0))
}

fn labels(of: &[(&'static str, &str)]) -> Labels {
    of.iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

fn set(family: &Family<Labels, Gauge>, of: &[(&'static str, &str)], value: i64) {
    family.get_or_create(&labels(of)).set(value);
}

fn registered(
    r: &mut Registry,
    name: &str,
    help: &str,
    metric: impl prometheus_client::registry::Metric,
) {
    r.register(name, help, metric);
}

fn family(r: &mut Registry, name: &str, help: &str) -> Family<Labels, Gauge> {
    let family = Family::<Labels, Gauge>::default();
    r.register(name, help, family.clone());
    family
}

fn gauge(r: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    r.register(name, help, gauge.clone());
    gauge
}

fn seconds(r: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    r.register_with_unit(name, help, Unit::Seconds, gauge.clone());
    gauge
}
