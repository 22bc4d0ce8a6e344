//! How does a letter become ours? Fetched, spooled, admitted, and only then settled on the server.

use super::desk::{Desk, random};
use super::failpoint::step;
use super::restraint::restrain_calls;
use super::rhythm::Beat;
use crate::decide::{Acquaintance, Arrival, Decision, Entry, Origin, on_arrival};
use crate::mime;
use crate::model::effect::{Effect, Reason};
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::ports::{Admission, Lying, Mailbox, Place, PortError, Spooled, Spooling};
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{info, warn};

/// Letters settled together: one MOVE for a range is many times cheaper than one a letter.
const SETTLE_TOGETHER: usize = 50;

/// Letters admitted in one commit.
const ADMIT_TOGETHER: usize = 16;

/// Others of a batch wait so long for what DNS says of one letter; then they are admitted before
/// it.
const DNS_MOMENT: Duration = Duration::from_millis(300);

/// Letters that are fetched while DNS says nothing of them, and how long the last of a round are
/// waited for: an authenticator gives up long before.
const ASKED_TOGETHER: usize = 512;
const DNS_LAST: Duration = Duration::from_secs(30);

/// After so many failures a letter is left lying and a human is called.
const FETCH_TRIES_MAX: u32 = 3;

/// Waits after failures of the whole mailbox.
const BACKOFF_FIRST_S: u64 = 2;
const BACKOFF_LAST_S: u64 = 300;

/// After a change of UIDVALIDITY, more unknown old letters than this are held until a human
/// confirms.
const UNKNOWN_AFTER_CHANGE_MAX: usize = 20;

/// Works on one mailbox until told to stop.
pub async fn run(
    desk: Arc<Desk>,
    mut mailbox: Box<dyn Mailbox>,
    origin: Origin,
    poll: Duration,
    beat: Beat,
    mut stop: watch::Receiver<bool>,
) {
    let mut failures = HashMap::new();
    let mut backoff = BACKOFF_FIRST_S;
    let name = format!("mailbox {}", mailbox.name());
    while !*stop.borrow() {
        beat.now();
        let worked = async {
            round(&desk, mailbox.as_mut(), origin, &mut failures, &beat).await?;
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
pub async fn round(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    origin: Origin,
    failures: &mut HashMap<Place, u32>,
    beat: &Beat,
) -> Result<usize, PortError> {
    let store = &desk.parts.store;
    let name = mailbox.name().to_owned();
    // A server that will not move what is ours already must not keep new letters from us.
    let unsettled = store.unsettled(&name).await?;
    for places in unsettled.chunks(SETTLE_TOGETHER) {
        if let Err(err) = settle(desk, mailbox, places.to_vec()).await {
            warn!(mailbox = name, error = %err, "letters that are safe here could not be moved on \
                the server");
            desk.fault(&format!("settling in {name}"), &err.to_string())
                .await;
            break;
        }
    }
    let cursors = store.cursors(&name).await?;
    let after = |folder: &str, validity: u32| {
        cursors
            .iter()
            .find(|(f, v, _)| f == folder && *v == validity)
            .map_or(0, |(_, _, after)| *after)
    };
    let mut lying = mailbox.list(&after).await?;
    // What lay in the tracker before the desk first looked there has waited for somebody else: its
    // clock begins now.
    for letter in lying.iter_mut().filter(|l| {
        l.advisory.is_some()
            && is_old(desk, l)
            && !cursors.iter().any(|(f, ..)| *f == l.place.folder)
    }) {
        letter.received_at = desk.now();
    }
    let changed = |l: &Lying| {
        cursors
            .iter()
            .any(|(f, v, _)| *f == l.place.folder && *v != l.place.validity)
    };
    let hold = hold_after_change(desk, &lying, changed).await?;
    let holds = |l: &Lying| hold && changed(l) && is_old(desk, l);
    let mut fresh = Vec::new();
    let mut admitted = 0;
    // Behind a backlog the newest come first; the cursor follows the list alone.
    let newest = mailbox.newest().await?;
    let mut asking = Asking::default();
    for letters in newest
        .chunks(ADMIT_TOGETHER)
        .chain(lying.chunks(ADMIT_TOGETHER))
    {
        let places: Vec<Place> = letters.iter().map(|l| l.place.clone()).collect();
        let known = store.known(&name, &places).await?;
        // What the team sent before the desk began to answer is none of its business.
        let mine = |l: &Lying| origin == Origin::Inbox || l.received_at >= desk.parts.answer_from;
        let unknown = letters
            .iter()
            .filter(|l| !known.contains(&l.place) && mine(l))
            .collect();
        let mut batch = fetch_batch(desk, mailbox, origin, unknown, beat, &mut asking).await;
        // Who has a silent DNS keeps nobody else waiting. Where the round ends here, all are waited
        // for.
        let most = if batch.failed.is_some() || asking.waiting.len() > ASKED_TOGETHER {
            DNS_LAST
        } else {
            DNS_MOMENT
        };
        admit_all(
            desk,
            &name,
            origin,
            asking.answered(most).await,
            holds,
            &mut batch,
        )
        .await;
        admitted += batch.admitted;
        if batch.admitted > 0 {
            desk.letters.notify_one();
            desk.ring();
        }
        failures.retain(|place, _| !batch.ours.contains(place));
        fresh.extend(batch.ours);
        if let Some((letter, failed)) = batch.failed {
            let err = match failed {
                NotAdmitted::Ours(err) => err,
                NotAdmitted::Letter(err) => {
                    let tries = failures.entry(letter.place.clone()).or_insert(0);
                    *tries += 1;
                    if *tries >= FETCH_TRIES_MAX {
                        leave_lying(desk, &name, letter).await?;
                        failures.remove(&letter.place);
                    }
                    err
                }
            };
            // A connection may be broken beyond this letter: the rest waits for the next round.
            if asking.waiting.is_empty() && lying.iter().any(|l| l.place == letter.place) {
                advance(desk, &name, &lying, Some(&letter.place)).await?;
            }
            settle(desk, mailbox, fresh).await?;
            return Err(err);
        }
        if fresh.len() >= SETTLE_TOGETHER {
            settle(desk, mailbox, std::mem::take(&mut fresh)).await?;
        }
    }
    let mut last = Batch::default();
    admit_all(
        desk,
        &name,
        origin,
        asking.answered(DNS_LAST).await,
        holds,
        &mut last,
    )
    .await;
    if last.admitted > 0 {
        desk.letters.notify_one();
        desk.ring();
    }
    fresh.extend(last.ours);
    settle(desk, mailbox, fresh).await?;
    if let Some((_, NotAdmitted::Ours(err) | NotAdmitted::Letter(err))) = last.failed {
        return Err(err);
    }
    advance(desk, &name, &lying, None).await?;
    Ok(admitted + last.admitted)
}

/// What became of some letters.
#[derive(Default)]
struct Batch<'l> {
    /// Durable here, known before or not.
    ours: Vec<Place>,
    /// Those that were new.
    admitted: usize,
    /// The first that did not become ours, and why.
    failed: Option<(&'l Lying, NotAdmitted)>,
}

/// Fetches letters one after the other, and begins to ask DNS who sent them.
async fn fetch_batch<'l>(
    desk: &'l Desk,
    mailbox: &mut dyn Mailbox,
    origin: Origin,
    letters: Vec<&'l Lying>,
    beat: &Beat,
    asking: &mut Asking<'l>,
) -> Batch<'l> {
    let mut batch = Batch::default();
    let mut fetched = Vec::new();
    for letter in letters {
        beat.now();
        match fetch(desk, mailbox, letter).await {
            Ok(spooling) => fetched.push((letter, spooling)),
            Err(err) => {
                batch.failed = Some((letter, err));
                break;
            }
        }
    }
    let asks = |letter: &Lying| {
        origin == Origin::Inbox
            && letter.advisory.is_none()
            && letter.received_at >= desk.parts.answer_from
    };
    let spooling = fetched
        .into_iter()
        .map(async |(letter, spooling)| (letter, spooling.finish().await));
    for (letter, spooled) in join_all(spooling).await {
        match spooled {
            Ok(spooled) => asking.push(desk, letter, spooled, asks(letter)),
            Err(err) => batch.fail(letter, err),
        }
    }
    batch
}

impl<'l> Batch<'l> {
    /// Of several failures the first counts: the cursor must stop there.
    fn fail(&mut self, letter: &'l Lying, err: PortError) {
        if self
            .failed
            .as_ref()
            .is_none_or(|(_, failed)| matches!(failed, NotAdmitted::Letter(_)))
        {
            self.failed = Some((letter, NotAdmitted::Ours(err)));
        }
    }
}

/// A letter that is fetched, and what DNS says of who sent it.
struct Fetched<'l> {
    /// Its place among the letters of the round.
    order: usize,
    letter: &'l Lying,
    spooled: Spooled,
    found: Dmarc,
}

/// Letters of a round that are fetched, and not ours yet: DNS is asked who sent them.
#[derive(Default)]
struct Asking<'l> {
    waiting: FuturesUnordered<BoxFuture<'l, Fetched<'l>>>,
    asked: usize,
}

impl<'l> Asking<'l> {
    fn push(&mut self, desk: &'l Desk, letter: &'l Lying, spooled: Spooled, asks: bool) {
        let order = self.asked;
        self.asked += 1;
        self.waiting.push(Box::pin(async move {
            let found = if asks {
                authenticated(desk, &spooled).await
            } else {
                Dmarc::Unknown
            };
            Fetched {
                order,
                letter,
                spooled,
                found,
            }
        }));
    }

    /// Those of whom something is known within so long, in their order.
    async fn answered(&mut self, most: Duration) -> Vec<Fetched<'l>> {
        let mut answered = Vec::new();
        let all = async {
            while let Some(letter) = self.waiting.next().await {
                answered.push(letter);
            }
        };
        // What is not known by then is waited for later.
        let _ = tokio::time::timeout(most, all).await;
        answered.sort_by_key(|letter| letter.order);
        answered
    }
}

/// Makes letters ours, in one commit.
async fn admit_all<'l>(
    desk: &Desk,
    mailbox: &str,
    origin: Origin,
    letters: Vec<Fetched<'l>>,
    hold: impl Fn(&Lying) -> bool,
    batch: &mut Batch<'l>,
) {
    // Their turns in the store are in this order, so a follow-up finds the letter before it.
    let admitting = letters.into_iter().map(
        async |Fetched {
                   letter,
                   spooled,
                   found,
                   ..
               }| {
            (
                letter,
                admit(desk, mailbox, origin, letter, spooled, found, hold(letter)).await,
            )
        },
    );
    for (letter, admitted) in join_all(admitting).await {
        match admitted {
            Ok(new) => {
                batch.ours.push(letter.place.clone());
                batch.admitted += usize::from(new);
            }
            Err(err) => batch.fail(letter, err),
        }
    }
}

/// Moves the cursor up to, and not beyond, the first letter that is not ours yet.
async fn advance(
    desk: &Desk,
    mailbox: &str,
    lying: &[Lying],
    failed: Option<&Place>,
) -> Result<(), PortError> {
    let mut reached: HashMap<(&str, u32), u64> = HashMap::new();
    // Maildirs have no order of numbers and need no cursor; a folder's letters are listed in their
    // order.
    for letter in lying
        .iter()
        .take_while(|letter| Some(&letter.place) != failed)
    {
        let place = &letter.place;
        let at = reached.entry((&place.folder, place.validity)).or_insert(0);
        *at = (*at).max(place.uid);
    }
    for ((folder, validity), after) in reached {
        desk.parts
            .store
            .set_cursor(mailbox, folder, validity, after)
            .await?;
    }
    Ok(())
}

/// Many unknown old letters after a change of UIDVALIDITY are not news.
async fn hold_after_change(
    desk: &Desk,
    lying: &[Lying],
    changed: impl Fn(&Lying) -> bool,
) -> Result<bool, PortError> {
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

async fn fetch(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    letter: &Lying,
) -> Result<Box<dyn Spooling>, NotAdmitted> {
    let mut spooling = desk.parts.store.spool().await.map_err(NotAdmitted::Ours)?;
    match mailbox.fetch(letter, spooling.as_mut()).await {
        Ok(()) => Ok(spooling),
        // A spool that failed says so itself; then the letter is not to blame.
        Err(err) if spooling.failed() => Err(NotAdmitted::Ours(err)),
        Err(err) => Err(NotAdmitted::Letter(err)),
    }
}

async fn admit(
    desk: &Desk,
    mailbox: &str,
    origin: Origin,
    letter: &Lying,
    spooled: Spooled,
    found: Dmarc,
    hold: bool,
) -> Result<bool, PortError> {
    step!("spooled");
    let old = hold || letter.received_at < desk.parts.answer_from;
    let outer = mime::outer(&spooled.head, &desk.parts.perspective, found);
    let new_case = CaseId::from_random(random()?);
    let from_team = outer
        .originator
        .as_ref()
        .is_some_and(|from| desk.responder(from).is_some());
    let canary = desk.is_canary(outer.message_id.as_ref());
    let now = desk.now();
    let admission = Admission {
        mailbox,
        place: letter.place.clone(),
        digest: spooled.digest,
        octets: spooled.octets,
        received_at: letter.received_at,
        spooled_at: now,
        rest: spooled.rest,
        outer: &outer,
        bounce: &desk.parts.bounce_address,
        old,
        advisory: letter.advisory.as_ref(),
    };
    let decide = |intake, known: &Acquaintance| {
        let arrival = Arrival {
            intake,
            received_at: letter.received_at,
            outer: &outer,
            origin,
            from_team,
            canary,
            old,
            new_case: new_case.clone(),
            advisory: letter.advisory.as_ref(),
        };
        restrain_calls(
            desk,
            on_arrival(&arrival, known, &desk.parts.policy, now),
            now,
        )
    };
    let admitted = desk.parts.store.admit(&admission, &decide).await?;
    step!("admitted");
    match admitted {
        Some(intake) => {
            info!(intake = %intake, octets = spooled.octets, digest = %spooled.digest, "letter \
                arrived")
        }
        None => info!(digest = %spooled.digest, "letter is known; not admitted again"),
    }
    Ok(admitted.is_some())
}

/// What DNS says of who sent it, where nobody else does. A silent DNS keeps no letter waiting for
/// long, and proves nothing.
async fn authenticated(desk: &Desk, spooled: &Spooled) -> Dmarc {
    const WHAT: &str = "dmarc";
    let Some(authenticator) = &desk.parts.authenticator else {
        return Dmarc::Unknown;
    };
    match authenticator
        .dmarc(&spooled.head, spooled.bodies.as_ref())
        .await
    {
        Ok(verdict) => {
            desk.mended(WHAT);
            verdict
        }
        Err(err) => {
            desk.fault_without_call(WHAT, &err.to_string());
            Dmarc::Unknown
        }
    }
}

async fn leave_lying(desk: &Desk, mailbox: &str, letter: &Lying) -> Result<(), PortError> {
    let now = desk.now();
    let place = format!(
        "{}/{}/{}",
        letter.place.folder, letter.place.validity, letter.place.uid
    );
    warn!(
        mailbox,
        place, "letter cannot be fetched; it is left on the server"
    );
    let decision = Decision {
        effects: Effect::call_about_desk(Reason::LetterUnreadable, &place, now),
        journal: vec![Entry::of_desk("letter left on the server", place.clone())],
        ..Decision::default()
    };
    desk.parts
        .store
        .leave_lying(mailbox, &letter.place, &decision, now)
        .await
}

async fn settle(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    places: Vec<Place>,
) -> Result<(), PortError> {
    if places.is_empty() {
        return Ok(());
    }
    mailbox.settle(&places).await?;
    step!("settled");
    desk.parts.store.settled(mailbox.name(), &places).await
}
