//! How are effects carried out? Leased, composed, handed over, settled: at least once, each under
//! its key.

mod announcements;
mod answers;
mod calls;
mod drafts;
mod mail_commands;
mod notices;
mod stored;
mod strays;

pub use answers::{ReplyWay, ReplyWords, reply_way, reply_words};
pub use mail_commands::put_back;

use super::driver::{Loop, Turn};
use super::failpoint::step;
use crate::decide::{CaseChange, Decision, Entry};
use crate::desk::{Desk, random};
use crate::model::Timestamp;
use crate::model::effect::{Effect, Reason, Work};
use crate::model::ids::MessageId;
use crate::model::journal::JournalEvent;
use crate::ports::{Leased, OutboxQueue, Outcome, PortError, PortErrorKind};
use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::{FusedFuture, FutureExt, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use stored::{
    case_of, letter_of, letter_to_answer, message_id, missing, reading_for, tag, unsealed,
    unsigned_yet,
};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

/// Effects carried out at once.
const LEASE_TOGETHER: u32 = 16;

/// Longer than the longest honest try: the answer to DATA may take ten minutes (RFC 5321 section
/// 4.5.3.2.6).
const LEASE_S: u64 = 15 * 60;

/// Waits between tries.
const RETRY_FIRST_S: u64 = 5;
const RETRY_LAST_S: u64 = 15 * 60;

/// After so long a human gets it: five days, as mail servers do.
const GIVE_UP_AFTER_H: i64 = 5 * 24;

const IDLE_S: u64 = 15;

const _: () = assert!(LEASE_S > 10 * 60);

/// Carries out the effects of a queue; those under way are finished before the desk stops.
pub struct Carrier {
    pub queue: OutboxQueue,
}

#[async_trait]
impl Loop for Carrier {
    fn fault(&self) -> &str {
        "store"
    }

    fn log_failure(&self, err: &PortError) {
        error!(error = %err, "the outbox cannot work");
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        work_off(&turn.desk, self.queue, &turn.stop).await.map(drop)
    }

    async fn wait(&mut self, turn: &Turn) -> Result<(), PortError> {
        wait(&turn.desk, self.queue).await;
        Ok(())
    }
}

/// Until an effect is due or announced.
async fn wait(desk: &Desk, queue: OutboxQueue) {
    let pause = until_next(desk, queue).await;
    tokio::select! {
        () = desk.bell(queue).notified() => {}
        () = sleep(pause) => {}
    }
}

/// Carries out what is due in a queue; returns how much.
pub async fn round(desk: &Desk, queue: OutboxQueue) -> Result<usize, PortError> {
    let (_never, stop) = watch::channel(false);
    work_off(desk, queue, &stop).await
}

async fn until_next(desk: &Desk, queue: OutboxQueue) -> Duration {
    let next = desk.parts.store.next_due(queue).await.ok().flatten();
    next.map_or(Duration::from_secs(IDLE_S), |due| {
        let wait = due.duration_since(desk.now());
        Duration::try_from(wait)
            .unwrap_or(Duration::ZERO)
            .clamp(Duration::from_millis(50), Duration::from_secs(IDLE_S))
    })
}

/// What a look at the store brought: effects to carry out, and how long until others are due.
async fn look(
    desk: &Desk,
    queue: OutboxQueue,
    places: u32,
) -> Result<(Vec<Leased>, Duration), PortError> {
    let leased = desk
        .parts
        .store
        .lease(queue, desk.now(), Duration::from_secs(LEASE_S), places)
        .await?;
    step!("leased");
    Ok((leased, until_next(desk, queue).await))
}

/// Carries out what is due until nothing is. A place that is free is filled at once, so that one
/// slow effect holds up no other.
///
/// What is under way goes on while the store is looked at: a future that holds a connection and is
/// not polled holds up all.
async fn work_off(
    desk: &Desk,
    queue: OutboxQueue,
    stop: &watch::Receiver<bool>,
) -> Result<usize, PortError> {
    let mut under_way = FuturesUnordered::new();
    let mut looking = OptionFuture::from(None);
    let mut wants_look = true;
    let mut pause = Duration::ZERO;
    let mut done = 0;
    let mut failed = None;
    loop {
        let places =
            LEASE_TOGETHER.saturating_sub(u32::try_from(under_way.len()).unwrap_or(u32::MAX));
        let has_room = places > 0 && failed.is_none() && !*stop.borrow();
        let is_looking = !looking.is_terminated();
        if wants_look && has_room && !is_looking {
            looking = Some(Box::pin(look(desk, queue, places)).fuse()).into();
            wants_look = false;
        } else if under_way.is_empty() && !is_looking {
            return failed.map_or(Ok(done), Err);
        }
        tokio::select! {
            Some(looked) = &mut looking, if !looking.is_terminated() => match looked {
                Ok((leased, until)) => {
                    wants_look = !leased.is_empty();
                    pause = until;
                    under_way.extend(leased.into_iter().map(|effect| carry_out(desk, effect)));
                }
                Err(err) => failed = failed.or(Some(err)),
            },
            Some(settled) = under_way.next() => {
                wants_look = true;
                match settled {
                    Ok(()) => done += 1,
                    Err(err) => failed = failed.or(Some(err)),
                }
            }
            () = desk.bell(queue).notified(), if has_room && !wants_look => wants_look = true,
            () = tokio::time::sleep(pause), if has_room && !wants_look && looking.is_terminated() => wants_look = true,
        }
    }
}

async fn carry_out(desk: &Desk, leased: Leased) -> Result<(), PortError> {
    let leased = &leased;
    let effect = &leased.effect;
    if leased.in_doubt {
        warn!(
            effect = %effect.key,
            "an earlier try may have been carried out (RFC 1047); it is done again and counted"
        );
    }
    let done = match effect.work {
        Work::Acknowledge => answers::acknowledge(desk, effect).await,
        Work::KeepCertificates => answers::keep_certificates(desk, effect).await,
        Work::OpenCase => strays::open_case(desk, effect).await,
        Work::SendCertificate => answers::send_certificate(desk, effect).await,
        Work::Ask | Work::AskPrivate => answers::ask(desk, effect).await,
        Work::Reply => answers::reply(desk, effect, leased.created_at).await,
        Work::ExecuteMail => mail_commands::say(desk, effect).await,
        Work::Announce => announcements::send(desk, effect).await,
        Work::Notify => notices::send(desk, effect).await,
        Work::FileAdvisory => {
            drafts::file(desk, effect, leased.attempts > 0 || leased.in_doubt).await
        }
        Work::AppendFollowUp => drafts::append(desk, effect).await,
        Work::AmendAdvisory => drafts::amend(desk, effect).await,
        Work::RequestCve => drafts::request_cve(desk, effect).await,
        Work::OpenFork => drafts::open_fork(desk, effect).await,
        Work::CallByMail(reason) => calls::by_mail(desk, effect, reason).await,
        Work::CallBySecondPath(reason) => calls::by_second_path(desk, effect, reason).await,
    };
    let now = desk.now();
    let outcome = match done {
        Ok(Carried::Done(decision, left)) => {
            step!("carried-out");
            desk.mended(&format!("effect {}", effect.work.as_str()));
            // That a draft is filed says that its letter opened, and not everybody who reads the log
            // may read cases.
            if is_of_tracker(&effect.work) {
                debug!(effect = %effect.key, "done");
            } else {
                info!(effect = %effect.key, "done");
            }
            Outcome::Done { decision, left }
        }
        Ok(Carried::Refused(decision, why)) => Outcome::GaveUp {
            why: why.to_owned(),
            decision,
        },
        Ok(Carried::NotBefore(at, why)) => Outcome::Retry {
            at,
            why: why.to_owned(),
            in_doubt: false,
        },
        Err(err) => failed(desk, leased, &err, now).await,
    };
    desk.parts.store.settle(&effect.key, &outcome, now).await?;
    step!("effect-settled");
    Ok(())
}

enum Carried {
    /// What follows, and the answer that left.
    Done(Decision, Option<MessageId>),
    /// It can't be done as it stands, and a human knows; said again, it is tried again.
    Refused(Decision, &'static str),
    /// It waits for a moment, and why; it is not an error.
    NotBefore(Timestamp, &'static str),
}

fn is_of_tracker(work: &Work) -> bool {
    matches!(
        work,
        Work::FileAdvisory | Work::AppendFollowUp | Work::AmendAdvisory
    )
}

async fn failed(desk: &Desk, leased: &Leased, err: &PortError, now: Timestamp) -> Outcome {
    let effect = &leased.effect;
    warn!(effect = %effect.key, attempts = leased.attempts + 1, error = %err, "failed");
    desk.fault(
        &format!("effect {}", effect.work.as_str()),
        &err.to_string(),
    )
    .await;
    let old =
        now.duration_since(leased.created_at) > jiff::SignedDuration::from_hours(GIVE_UP_AFTER_H);
    if !err.is_lasting() && !old {
        let wait = match err.kind() {
            PortErrorKind::Throttled(wait) => wait,
            _ => backoff(leased.attempts),
        };
        let at = now
            + jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::from_secs(60));
        return Outcome::Retry {
            at,
            why: err.to_string(),
            in_doubt: err.kind() == PortErrorKind::InDoubt,
        };
    }
    Outcome::GaveUp {
        why: err.to_string(),
        decision: gave_up(desk, effect, now).await,
    }
}

/// What a human gets when the desk gives up: a call, and the promise on its clock.
async fn gave_up(desk: &Desk, effect: &Effect, now: Timestamp) -> Decision {
    // A call that can't be made is not answered by another call on the same path.
    if matches!(effect.work, Work::CallByMail(_) | Work::CallBySecondPath(_)) {
        return Decision {
            journal: vec![Entry {
                case: effect.case.clone(),
                event: JournalEvent::CallCouldNotBeMade,
                detail: effect.key.to_string(),
            }],
            ..Decision::default()
        };
    }
    let Some(id) = &effect.case else {
        return Decision {
            effects: Effect::call_about_desk(Reason::GaveUp, effect.key.as_str(), now),
            ..Decision::default()
        };
    };
    let mut decision = Decision {
        effects: Effect::call(Reason::GaveUp, id, now),
        journal: vec![Entry::of(id, JournalEvent::GaveUp, effect.key.to_string())],
        ..Decision::default()
    };
    // That something was to be filed says what a letter held: it is told by mail alone.
    if !matches!(
        effect.work,
        Work::Acknowledge
            | Work::KeepCertificates
            | Work::OpenCase
            | Work::SendCertificate
            | Work::Ask
    ) {
        decision
            .effects
            .retain(|effect| matches!(effect.work, Work::CallByMail(_)));
    }
    if let Ok(Some(case)) = desk.parts.store.case(id).await {
        let after = match effect.work {
            Work::Acknowledge => case.clone().hand_over_answer(),
            Work::FileAdvisory => case.clone().await_confirmation(),
            _ => case.clone(),
        };
        decision.case = Some(CaseChange::update(&case, after));
    }
    decision
}

fn backoff(attempts: u32) -> Duration {
    let seed = random::<8>()
        .map(u64::from_le_bytes)
        .unwrap_or(u64::from(attempts));
    let delays = ExponentialBuilder::new()
        .with_min_delay(Duration::from_secs(RETRY_FIRST_S))
        .with_max_delay(Duration::from_secs(RETRY_LAST_S))
        .with_factor(2.0)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times();
    delays
        .build()
        .nth(attempts.min(20) as usize)
        .unwrap_or(Duration::from_secs(RETRY_LAST_S))
}
