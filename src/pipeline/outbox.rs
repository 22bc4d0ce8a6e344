//! How are effects carried out? Leased, composed, handed over, settled: at least once, each under its key.

use super::desk::{Desk, random};
use super::failpoint::step;
use super::readers::reading_of;
use super::rhythm::Beat;
use crate::compose;
use crate::decide::{CaseChange, Decision, Entry};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::{Acknowledgement, Case, Draft};
use crate::model::effect::{Effect, Reason, Work};
use crate::model::ids::{EffectKey, MessageId};
use crate::model::outgoing::Composition;
use crate::model::reading::Reading;
use crate::model::secret;
use crate::ports::{Answer, Intake, Lane, Leased, OpenerError, Outcome, Parcel, PortError};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::stream::{FuturesUnordered, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// Effects carried out at once.
const LEASE_TOGETHER: u32 = 16;

/// Longer than the longest honest try: the answer to DATA may take ten minutes (RFC 5321 section 4.5.3.2.6).
const LEASE_S: u64 = 15 * 60;

/// Waits between tries.
const RETRY_FIRST_S: u64 = 5;
const RETRY_LAST_S: u64 = 15 * 60;

/// After so long a human gets it: five days, as mail servers do.
const GIVE_UP_AFTER_H: i64 = 5 * 24;

const IDLE_S: u64 = 15;

const _: () = assert!(LEASE_S > 10 * 60);

/// Carries the effects of a lane out until told to stop; those under way are finished first.
pub async fn run(desk: Arc<Desk>, lane: Lane, beat: Beat, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        beat.now();
        match round(&desk, lane).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(err) => {
                error!(error = %err, "the outbox cannot work");
                desk.fault("store", &err.to_string()).await;
            }
        }
        let next = desk.parts.store.next_due(lane).await.ok().flatten();
        let pause = next.map_or(Duration::from_secs(IDLE_S), |due| {
            let wait = due.duration_since(desk.now());
            Duration::try_from(wait).unwrap_or(Duration::ZERO).clamp(Duration::from_millis(50), Duration::from_secs(IDLE_S))
        });
        tokio::select! {
            _ = stop.changed() => return,
            () = desk.bell(lane).notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Carries out what is due in a lane; returns how much.
pub async fn round(desk: &Desk, lane: Lane) -> Result<usize, PortError> {
    let leased = desk.parts.store.lease(lane, desk.now(), Duration::from_secs(LEASE_S), LEASE_TOGETHER).await?;
    step!("leased");
    let mut under_way: FuturesUnordered<_> = leased.iter().map(|effect| carry_out(desk, effect)).collect();
    let mut first_error = None;
    while let Some(settled) = under_way.next().await {
        if let Err(err) = settled {
            first_error.get_or_insert(err);
        }
    }
    match first_error {
        Some(err) => Err(err),
        None => Ok(leased.len()),
    }
}

async fn carry_out(desk: &Desk, leased: &Leased) -> Result<(), PortError> {
    let effect = &leased.effect;
    if leased.in_doubt {
        warn!(effect = %effect.key, "an earlier try may have been carried out (RFC 1047); it is done again and counted");
    }
    let done = match effect.work {
        Work::Acknowledge => acknowledge(desk, effect).await,
        Work::SendCertificate => send_certificate(desk, effect).await,
        Work::FileAdvisory => file_advisory(desk, effect, leased.attempts > 0 || leased.in_doubt).await,
        Work::AppendFollowUp => append_follow_up(desk, effect).await,
        Work::CallByMail(reason) => call_by_mail(desk, effect, reason).await,
        Work::CallBySecondPath(reason) => call_by_second_path(desk, effect, reason).await,
    };
    let now = desk.now();
    let outcome = match done {
        Ok(Carried::Done(decision, left)) => {
            step!("carried-out");
            desk.mended(&format!("effect {}", effect.work.as_str()));
            info!(effect = %effect.key, "done");
            Outcome::Done { decision, left }
        }
        Ok(Carried::NotBefore(at)) => Outcome::Retry { at, why: "waits for its turn: too many automatic answers".to_owned(), in_doubt: false },
        Err(err) => failed(desk, leased, &err, now).await,
    };
    desk.parts.store.settle(&effect.key, &outcome, now).await?;
    step!("effect-settled");
    Ok(())
}

enum Carried {
    /// What follows, and the answer that left.
    Done(Decision, Option<MessageId>),
    /// A cap delays it; it is not an error.
    NotBefore(Timestamp),
}

async fn failed(desk: &Desk, leased: &Leased, err: &PortError, now: Timestamp) -> Outcome {
    let effect = &leased.effect;
    warn!(effect = %effect.key, attempts = leased.attempts + 1, error = %err, "failed");
    desk.fault(&format!("effect {}", effect.work.as_str()), &err.to_string()).await;
    let old = now.duration_since(leased.created_at) > jiff::SignedDuration::from_hours(GIVE_UP_AFTER_H);
    if !err.is_lasting() && !old {
        let wait = match err {
            PortError::Throttled(_, wait) => *wait,
            _ => backoff(leased.attempts),
        };
        let at = now + jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::from_secs(60));
        return Outcome::Retry { at, why: err.to_string(), in_doubt: matches!(err, PortError::InDoubt(_)) };
    }
    Outcome::GaveUp { why: err.to_string(), decision: gave_up(desk, effect, now).await }
}

/// What a human gets when the desk gives up: a call, and the promise on its clock.
async fn gave_up(desk: &Desk, effect: &Effect, now: Timestamp) -> Decision {
    // A call that can't be made is not answered by another call on the same path.
    if matches!(effect.work, Work::CallByMail(_) | Work::CallBySecondPath(_)) {
        return Decision {
            journal: vec![Entry { case: effect.case.clone(), event: "call could not be made", detail: effect.key.to_string() }],
            ..Decision::default()
        };
    }
    let Some(id) = &effect.case else {
        return Decision { effects: Effect::call_about_desk(Reason::GaveUp, &effect.key.0, now), ..Decision::default() };
    };
    let mut decision =
        Decision { effects: Effect::call(Reason::GaveUp, id, now), journal: vec![Entry::of(id, "gave up", effect.key.to_string())], ..Decision::default() };
    if let Ok(Some(case)) = desk.parts.store.case(id).await {
        let after = match effect.work {
            Work::Acknowledge => Case { acknowledgement: case.acknowledgement.clone().hand_over(), ..case.clone() },
            Work::FileAdvisory => Case { draft: Draft::AwaitsWord, ..case.clone() },
            _ => case.clone(),
        };
        decision.case = Some(CaseChange::update(&case, after));
    }
    decision
}

fn backoff(attempts: u32) -> Duration {
    let seed = random::<8>().map(u64::from_le_bytes).unwrap_or(u64::from(attempts));
    let delays = ExponentialBuilder::new()
        .with_min_delay(Duration::from_secs(RETRY_FIRST_S))
        .with_max_delay(Duration::from_secs(RETRY_LAST_S))
        .with_factor(2.0)
        .with_jitter()
        .with_jitter_seed(seed)
        .without_max_times();
    delays.build().nth(attempts.min(20) as usize).unwrap_or(Duration::from_secs(RETRY_LAST_S))
}

fn missing(what: &str) -> PortError {
    PortError::Lasting(format!("the store lost the {what} of this effect"))
}

async fn case_of(desk: &Desk, effect: &Effect) -> Result<Case, PortError> {
    let id = effect.case.as_ref().ok_or_else(|| missing("case"))?;
    desk.parts.store.case(id).await?.ok_or_else(|| missing("case"))
}

async fn letter_of(desk: &Desk, effect: &Effect) -> Result<Intake, PortError> {
    let id = effect.intake.ok_or_else(|| missing("letter"))?;
    desk.parts.store.intake(id).await?.ok_or_else(|| missing("letter"))
}

/// Envelope tags and Message-IDs: made anew from the key at each try, guessed by nobody.
fn tag(desk: &Desk, key: &EffectKey, purpose: &str) -> String {
    secret::tag(desk.parts.secret.expose(), &[purpose.as_bytes(), key.0.as_bytes()])
}

fn message_id(desk: &Desk, key: &EffectKey) -> Result<MessageId, PortError> {
    let id = format!("{}@{}", tag(desk, key, "message-id"), desk.parts.house.address.domain());
    MessageId::parse(&id).ok_or_else(|| PortError::Lasting("desk.address has a domain that no Message-ID can hold".to_owned()))
}

async fn acknowledge(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let Acknowledgement::Due { deadline, .. } = case.acknowledgement else {
        return Ok(Carried::Done(Decision::default(), None)); // answered by hand, or not owed any more
    };
    let letter = letter_of(desk, effect).await?;
    let to = letter.reply_to.clone().ok_or_else(|| missing("reply address"))?;
    let now = desk.now();
    let answer = answer(desk, effect, to.address(), "acknowledgement")?;
    if let Some(at) = turn(desk, &answer, now).await? {
        if at < deadline - desk.parts.policy.alarm_before {
            return Ok(Carried::NotBefore(at));
        }
        // A cap never drops: what can't wait goes to a human, on the same clock.
        let mut decision = Desk::note(&case.id, "acknowledgement handed to a human", "too many automatic answers");
        decision.effects = Effect::call(Reason::AnswerByHand, &case.id, now);
        decision.case = Some(CaseChange::update(&case, Case { acknowledgement: case.acknowledgement.clone().hand_over(), ..case.clone() }));
        return Ok(Carried::Done(decision, None));
    }
    let id = answer.message_id.clone();
    let mut composition = Composition::Acknowledgement {
        to: to.clone(),
        case: case.id.clone(),
        message_id: id.clone(),
        in_reply_to: letter.message_id.clone(),
        received_at: letter.received_at,
        at: now,
        certificate: desk.parts.store.pinned(to.address()).await?,
    };
    let (octets, signed) = match desk.parts.opener.compose(&composition).await {
        Ok(octets) => (octets, true),
        Err(why) => {
            // A certificate that can't be used must not cost the reporter his answer.
            if let (OpenerError::Refused(_) | OpenerError::Died, Composition::Acknowledgement { certificate, .. }) = (&why, &mut composition) {
                *certificate = None;
            }
            match desk.parts.opener.compose(&composition).await {
                Ok(octets) => (octets, true),
                Err(why) if now.duration_since(letter.received_at) < desk.parts.policy.unsigned_after => return Err(unsigned_yet(&why)),
                Err(_) => (unsigned(desk, &composition)?, false),
            }
        }
    };
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let mut decision = Desk::note(&case.id, if signed { "acknowledged" } else { "acknowledged without a signature" }, id.as_str());
    if !signed {
        decision.effects = Effect::call(Reason::LeftUnsigned, &case.id, now);
    }
    // The case may have moved on meanwhile: the store changes its acknowledgement alone, if that still stands as it was.
    if let Ok(acknowledgement) = case.acknowledgement.clone().sent(desk.now(), signed) {
        decision.case = Some(CaseChange::update(&case, Case { acknowledgement, ..case.clone() }));
    }
    Ok(Carried::Done(decision, Some(id)))
}

fn unsigned_yet(why: &OpenerError) -> PortError {
    PortError::Passing(format!("nothing can be signed: {why}"))
}

/// The desk's own words without a signature, when the opener was down for too long.
fn unsigned(desk: &Desk, composition: &Composition) -> Result<Vec<u8>, PortError> {
    let composed = compose::draft(composition, &desk.parts.house).and_then(compose::Draft::plain);
    composed.map_err(|e| PortError::Lasting(format!("the letter cannot be composed: {e}")))
}

async fn send_certificate(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let letter = letter_of(desk, effect).await?;
    let to = letter.reply_to.clone().ok_or_else(|| missing("reply address"))?;
    let now = desk.now();
    let answer = answer(desk, effect, to.address(), "certificate")?;
    if let Some(at) = turn(desk, &answer, now).await? {
        return Ok(Carried::NotBefore(at));
    }
    let id = answer.message_id.clone();
    let composition = Composition::Certificate { to: to.clone(), message_id: id.clone(), in_reply_to: letter.message_id.clone(), at: now };
    let octets = desk.parts.opener.compose(&composition).await.map_err(|e| unsigned_yet(&e))?;
    step!("composed");
    hand_over(desk, effect, &answer, octets).await?;
    let decision = effect.case.as_ref().map(|case| Desk::note(case, "certificate sent", id.as_str())).unwrap_or_default();
    Ok(Carried::Done(decision, Some(id)))
}

/// Takes the turn of an automatic answer; when it may go out, if not now.
async fn turn(desk: &Desk, answer: &Answer, now: Timestamp) -> Result<Option<Timestamp>, PortError> {
    desk.parts.store.take_turn(answer, desk.parts.caps, now).await
}

/// An automatic answer under its key: its Message-ID, and the tag by which a bounce finds its case.
fn answer(desk: &Desk, effect: &Effect, to: &Address, kind: &'static str) -> Result<Answer, PortError> {
    let tag = tag(desk, &effect.key, "envelope");
    Ok(Answer { message_id: message_id(desk, &effect.key)?, address: to.clone(), kind, case: effect.case.clone(), tag })
}

/// Sends an answer whose turn was taken.
async fn hand_over(desk: &Desk, effect: &Effect, answer: &Answer, octets: Vec<u8>) -> Result<(), PortError> {
    let envelope_sender = Some(desk.parts.bounce_address.tagged(&answer.tag));
    let parcel = Parcel { envelope_sender, envelope_recipient: answer.address.clone(), octets, key: effect.key.clone() };
    desk.parts.courier.send(&parcel).await
}

async fn reading_for(desk: &Desk, letter: &Intake) -> Result<Option<Reading>, PortError> {
    match desk.take_fresh(letter.id) {
        Some(reading) => Ok(Some(reading)),
        None => reading_of(desk, letter).await,
    }
}

async fn file_advisory(desk: &Desk, effect: &Effect, perhaps_filed: bool) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    if matches!(case.draft, Draft::Filed { .. }) {
        return Ok(Carried::Done(Decision::default(), None));
    }
    let letter = letter_of(desk, effect).await?;
    let reading = reading_for(desk, &letter).await?.ok_or_else(|| PortError::Lasting("the letter was not read; nothing can be filed".to_owned()))?;
    let advisory = compose::advisory(&case.id, &reading, desk.measure(&reading, true), letter.received_at, desk.parts.secret.expose());
    step!("composed");
    let filed = desk.parts.tracker.file(&advisory, perhaps_filed).await?;
    let mut decision = Desk::note(&case.id, "draft filed", filed.advisory.id.clone());
    for double in &filed.doubled {
        warn!(effect = %effect.key, "the tracker holds a second draft of one case");
        decision.journal.push(Entry::of(&case.id, "draft doubled", double.url.clone()));
        decision.effects.extend(Effect::call(Reason::DraftDoubled, &case.id, desk.now()));
    }
    // Follow-ups that came while the draft was under way go below it now.
    for later in desk.parts.store.letters_of(&case.id).await?.iter().filter(|l| l.id != letter.id && l.state == crate::ports::ReadingState::Read) {
        decision.effects.push(Effect::append_follow_up(&case.id, later.id, desk.now()));
    }
    decision.case = Some(CaseChange::update(&case, Case { draft: Draft::Filed { advisory: filed.advisory }, ..case.clone() }));
    Ok(Carried::Done(decision, None))
}

async fn append_follow_up(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let Draft::Filed { advisory } = &case.draft else {
        // Once the draft is filed, its follow-ups are queued again.
        return match case.draft {
            Draft::Queued => Err(PortError::Passing("the draft is not filed yet".to_owned())),
            _ => Ok(Carried::Done(Decision::default(), None)),
        };
    };
    let letter = letter_of(desk, effect).await?;
    let reading = reading_for(desk, &letter).await?.ok_or_else(|| PortError::Lasting("the letter was not read; nothing can be added".to_owned()))?;
    let addition = compose::follow_up(&case.id, &effect.key, &reading, desk.measure(&reading, false), letter.received_at, desk.parts.secret.expose());
    desk.parts.tracker.append(advisory, &addition).await?;
    Ok(Carried::Done(Desk::note(&case.id, "follow-up added to the draft", letter.id.to_string()), None))
}

async fn call_by_mail(desk: &Desk, effect: &Effect, reason: Reason) -> Result<Carried, PortError> {
    let mut failed = None;
    for responder in &desk.parts.responders {
        // One dead mailbox must not silence the others.
        if let Err(err) = call_one(desk, effect, reason, responder).await {
            warn!(effect = %effect.key, error = %err, "a responder could not be called");
            if failed.as_ref().is_none_or(PortError::is_lasting) {
                failed = Some(err);
            }
        }
    }
    if let Some(err) = failed {
        return Err(err);
    }
    let detail = if desk.parts.responders.is_empty() { "no responder is configured" } else { reason.as_str() };
    let decision = effect.case.as_ref().map(|case| Desk::note(case, "responders called", detail)).unwrap_or_default();
    Ok(Carried::Done(decision, None))
}

async fn call_one(desk: &Desk, effect: &Effect, reason: Reason, responder: &Address) -> Result<(), PortError> {
    let key = EffectKey(format!("{}:{responder}", effect.key));
    let message_id = message_id(desk, &key)?;
    let composition = Composition::Call { to: responder.clone(), message_id, case: effect.case.clone(), reason, at: desk.now() };
    let octets = desk.parts.opener.compose(&composition).await.map_err(|e| unsigned_yet(&e))?;
    let envelope_sender = Some(desk.parts.bounce_address.tagged(&tag(desk, &key, "envelope")));
    desk.parts.courier.send(&Parcel { envelope_sender, envelope_recipient: responder.clone(), octets, key }).await
}

async fn call_by_second_path(desk: &Desk, effect: &Effect, reason: Reason) -> Result<Carried, PortError> {
    let Some(alarm) = &desk.parts.alarm else { return Ok(Carried::Done(Decision::default(), None)) };
    alarm.raise(effect.case.as_ref(), reason).await?;
    let decision = effect.case.as_ref().map(|case| Desk::note(case, "alarm raised", reason.as_str())).unwrap_or_default();
    Ok(Carried::Done(decision, None))
}
