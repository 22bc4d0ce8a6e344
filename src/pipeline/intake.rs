//! How does a letter become ours? Fetched, spooled, admitted, and only then settled on the server.

use super::desk::{Desk, random};
use super::failpoint::step;
use super::rhythm::Beat;
use crate::decide::{Arrival, Decision, Entry, on_arrival};
use crate::mime;
use crate::model::effect::{Effect, Reason};
use crate::model::ids::CaseId;
use crate::ports::{Admission, Lying, Mailbox, Place, PortError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// Letters settled together: one MOVE for a range is many times cheaper than one a letter.
const SETTLE_TOGETHER: usize = 50;

/// After so many failures a letter is left lying and a human is called.
const FETCH_TRIES_MAX: u32 = 3;

/// Waits after failures of the whole mailbox.
const BACKOFF_FIRST_S: u64 = 2;
const BACKOFF_LAST_S: u64 = 300;

/// After a change of UIDVALIDITY, more unknown old letters than this are held until a human confirms.
const UNKNOWN_AFTER_CHANGE_MAX: usize = 20;

/// Works on one mailbox until told to stop.
pub async fn run(desk: Arc<Desk>, mut mailbox: Box<dyn Mailbox>, poll: Duration, beat: Beat, mut stop: watch::Receiver<bool>) {
    let mut failures = HashMap::new();
    let mut backoff = BACKOFF_FIRST_S;
    let name = format!("mailbox {}", mailbox.name());
    while !*stop.borrow() {
        beat.now();
        let worked = async {
            round(&desk, mailbox.as_mut(), &mut failures, &beat).await?;
            desk.mended(&name);
            beat.now();
            mailbox.wait(poll).await
        };
        let failed = tokio::select! {
            _ = stop.changed() => return,
            result = worked => result,
        };
        let Err(err) = failed else {
            backoff = BACKOFF_FIRST_S;
            continue;
        };
        warn!(mailbox = mailbox.name(), error = %err, "mailbox failed");
        desk.fault(&name, &err.to_string()).await;
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(Duration::from_secs(backoff)) => {}
        }
        backoff = (backoff * 2).min(BACKOFF_LAST_S);
    }
}

/// One look at the mailbox: admits what is new, settles what is durable.
pub async fn round(desk: &Desk, mailbox: &mut dyn Mailbox, failures: &mut HashMap<Place, u32>, beat: &Beat) -> Result<usize, PortError> {
    let store = &desk.parts.store;
    let name = mailbox.name().to_owned();
    // A server that will not move what is ours already must not keep new letters from us.
    let unsettled = store.unsettled(&name).await?;
    for places in unsettled.chunks(SETTLE_TOGETHER) {
        if let Err(err) = settle(desk, mailbox, places.to_vec()).await {
            warn!(mailbox = name, error = %err, "letters that are safe here could not be moved on the server");
            desk.fault(&format!("settling in {name}"), &err.to_string()).await;
            break;
        }
    }
    let cursors = store.cursors(&name).await?;
    let after = |folder: &str, validity: u32| cursors.iter().find(|(f, v, _)| f == folder && *v == validity).map_or(0, |(_, _, after)| *after);
    let lying = mailbox.list(&after).await?;
    let changed = |l: &Lying| cursors.iter().any(|(f, v, _)| *f == l.place.folder && *v != l.place.validity);
    let hold = hold_after_change(desk, &lying, changed).await?;
    let mut fresh = Vec::new();
    let mut admitted = 0;
    let mut stuck: HashMap<(String, u32), u64> = HashMap::new();
    for letter in &lying {
        beat.now();
        if store.is_known(&name, &letter.place).await? {
            continue;
        }
        match admit(desk, mailbox, letter, hold && changed(letter) && is_old(desk, letter)).await {
            Ok(new) => {
                failures.remove(&letter.place);
                admitted += usize::from(new);
                fresh.push(letter.place.clone());
            }
            Err(NotAdmitted::Ours(err)) => {
                advance(desk, &name, &lying, &letter.place, &stuck).await?;
                return Err(err);
            }
            Err(NotAdmitted::Letter(err)) => {
                let tries = failures.entry(letter.place.clone()).or_insert(0);
                *tries += 1;
                if *tries >= FETCH_TRIES_MAX {
                    leave_lying(desk, &name, letter).await?;
                    failures.remove(&letter.place);
                } else {
                    let least = stuck.entry((letter.place.folder.clone(), letter.place.validity)).or_insert(letter.place.uid);
                    *least = (*least).min(letter.place.uid);
                }
                // A connection may be broken beyond this letter: the rest waits for the next round.
                advance(desk, &name, &lying, &letter.place, &stuck).await?;
                settle(desk, mailbox, fresh).await?;
                return Err(err);
            }
        }
        if fresh.len() >= SETTLE_TOGETHER {
            settle(desk, mailbox, std::mem::take(&mut fresh)).await?;
        }
    }
    settle(desk, mailbox, fresh).await?;
    if let Some(last) = lying.last() {
        let beyond = Place { uid: u64::MAX, ..last.place.clone() };
        advance(desk, &name, &lying, &beyond, &stuck).await?;
    }
    if admitted > 0 {
        desk.letters.notify_one();
        desk.effects.notify_one();
    }
    Ok(admitted)
}

/// Moves the cursor up to, and not beyond, the first letter that is not ours yet.
async fn advance(desk: &Desk, mailbox: &str, lying: &[Lying], failed: &Place, stuck: &HashMap<(String, u32), u64>) -> Result<(), PortError> {
    let mut reached: HashMap<(&str, u32), u64> = HashMap::new();
    for letter in lying {
        let place = &letter.place;
        let same = place.folder == failed.folder && place.validity == failed.validity;
        let limit = stuck.get(&(place.folder.clone(), place.validity)).copied().unwrap_or(u64::MAX);
        if place.uid < limit && (!same || place.uid < failed.uid || failed.uid == u64::MAX) {
            let at = reached.entry((&place.folder, place.validity)).or_insert(0);
            *at = (*at).max(place.uid);
        }
    }
    for ((folder, validity), after) in reached {
        desk.parts.store.set_cursor(mailbox, folder, validity, after).await?;
    }
    Ok(())
}

/// Many unknown old letters after a change of UIDVALIDITY are not news.
async fn hold_after_change(desk: &Desk, lying: &[Lying], changed: impl Fn(&Lying) -> bool) -> Result<bool, PortError> {
    let now = desk.now();
    let old = |l: &&Lying| changed(l) && is_old(desk, l);
    let hold = lying.iter().filter(old).count() > UNKNOWN_AFTER_CHANGE_MAX;
    if hold {
        let about = now.strftime("%Y-%m-%d").to_string();
        let decision = Decision {
            effects: Effect::call_about_desk(Reason::OldLettersHeld, &about, now),
            journal: vec![Entry::of_desk("old letters held", "UIDVALIDITY changed")],
            ..Decision::default()
        };
        desk.parts.store.commit(&decision, now).await?;
    }
    Ok(hold)
}

/// Older than any promise could reach.
fn is_old(desk: &Desk, letter: &Lying) -> bool {
    desk.now().duration_since(letter.received_at) > desk.parts.policy.acknowledge_within
}

/// Why a letter did not become ours. Three faults of the letter leave it lying; ours never do.
enum NotAdmitted {
    Letter(PortError),
    Ours(PortError),
}

impl From<PortError> for NotAdmitted {
    fn from(err: PortError) -> Self {
        Self::Ours(err)
    }
}

async fn admit(desk: &Desk, mailbox: &mut dyn Mailbox, letter: &Lying, hold: bool) -> Result<bool, NotAdmitted> {
    let store = &desk.parts.store;
    let mut spooling = store.spool().await?;
    if let Err(err) = mailbox.fetch(letter, spooling.as_mut()).await {
        // A spool that failed says so itself; then the letter is not to blame.
        return Err(match spooling.failed() {
            true => NotAdmitted::Ours(err),
            false => NotAdmitted::Letter(err),
        });
    }
    let spooled = spooling.finish().await?;
    step!("spooled");
    let outer = mime::outer(&spooled.head, &desk.parts.perspective);
    let known = store.acquaintance(&outer, &desk.parts.bounce_address).await?;
    let old = hold || letter.received_at < desk.parts.answer_from;
    let new_case = CaseId::from_random(random()?);
    let now = desk.now();
    let admission = Admission {
        mailbox: mailbox.name(),
        place: letter.place.clone(),
        digest: spooled.digest,
        octets: spooled.octets,
        received_at: letter.received_at,
        spooled_at: now,
        blob: spooled.blob,
        outer: &outer,
        old,
    };
    let decide = |intake| {
        let arrival = Arrival { intake, received_at: letter.received_at, outer: &outer, old, new_case: new_case.clone() };
        on_arrival(&arrival, &known, &desk.parts.policy, now)
    };
    let admitted = store.admit(&admission, &decide).await?;
    step!("admitted");
    match admitted {
        Some(intake) => info!(intake = %intake, octets = spooled.octets, digest = %spooled.digest, "letter arrived"),
        None => info!(digest = %spooled.digest, "letter is known; not admitted again"),
    }
    Ok(admitted.is_some())
}

async fn leave_lying(desk: &Desk, mailbox: &str, letter: &Lying) -> Result<(), PortError> {
    let now = desk.now();
    let place = format!("{}/{}/{}", letter.place.folder, letter.place.validity, letter.place.uid);
    warn!(mailbox, place, "letter cannot be fetched; it is left on the server");
    let decision = Decision {
        effects: Effect::call_about_desk(Reason::LetterUnreadable, &place, now),
        journal: vec![Entry::of_desk("letter left on the server", place.clone())],
        ..Decision::default()
    };
    desk.parts.store.leave_lying(mailbox, &letter.place, &decision, now).await
}

async fn settle(desk: &Desk, mailbox: &mut dyn Mailbox, places: Vec<Place>) -> Result<(), PortError> {
    if places.is_empty() {
        return Ok(());
    }
    mailbox.settle(&places).await?;
    step!("settled");
    desk.parts.store.settled(mailbox.name(), &places).await
}
