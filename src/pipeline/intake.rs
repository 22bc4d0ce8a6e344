//! How does a letter become ours? Fetched, spooled, admitted, and only then settled on the server.

use super::admission::{Asking, Batch, NotAdmitted, admit_all, fetch_batch};
use super::driver::{Loop, Turn, doubling};
use super::failpoint::step;
use crate::decide::{Decision, Entry, Origin};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::ports::{ListedLetter, Mailbox, MailboxUid, PortError};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::sleep;
use tracing::warn;

/// Letters settled together: one MOVE for a range is many times cheaper than one a letter.
const SETTLE_TOGETHER: usize = 50;

/// Letters admitted in one commit.
const ADMIT_TOGETHER: usize = 16;

/// After so many failures, over so long a time, a letter is left lying and a human is called. A
/// server may be ill for hours, and what is left lying is never asked for again; what remains of the
/// 24 hours that are promised is the human's.
const FETCH_TRIES_MAX: u32 = 3;
const FETCH_FAILING_HOURS_MIN: i64 = 6;

/// How often letters could not be fetched, and since when.
pub type FetchFailures = HashMap<MailboxUid, (u32, Timestamp)>;

/// Waits after failures of the whole mailbox.
const BACKOFF_FIRST_S: u64 = 2;
const BACKOFF_LAST_S: u64 = 300;

/// After a change of UIDVALIDITY, more unknown old letters than this are held until a human
/// confirms.
const UNKNOWN_AFTER_CHANGE_MAX: usize = 20;

/// Takes letters in from one mailbox.
pub struct IntakeLoop {
    mailbox: Box<dyn Mailbox>,
    origin: Origin,
    poll: Duration,
    failures: FetchFailures,
    fault: String,
}

impl IntakeLoop {
    /// `poll`: how long to wait for news from a server that announces none.
    pub fn new(mailbox: Box<dyn Mailbox>, origin: Origin, poll: Duration) -> Self {
        Self {
            fault: format!("mailbox {}", mailbox.name()),
            mailbox,
            origin,
            poll,
            failures: HashMap::new(),
        }
    }
}

#[async_trait]
impl Loop for IntakeLoop {
    fn fault(&self) -> &str {
        &self.fault
    }

    fn log_failure(&self, err: &PortError) {
        warn!(mailbox = self.mailbox.name(), error = %err, "mailbox failed");
    }

    /// What is not admitted yet is fetched again.
    fn can_be_cut_off(&self) -> bool {
        true
    }

    async fn round(&mut self, turn: &Turn) -> Result<(), PortError> {
        let mailbox = self.mailbox.as_mut();
        round(&turn.desk, mailbox, self.origin, &mut self.failures).await?;
        turn.desk.mended(&self.fault);
        Ok(())
    }

    async fn wait(&mut self, _: &Turn) -> Result<(), PortError> {
        self.mailbox.wait(self.poll).await
    }

    async fn back_off(&mut self, _: &Turn, failures: u32) {
        sleep(doubling(BACKOFF_FIRST_S, BACKOFF_LAST_S, failures)).await;
    }
}

/// One look at the mailbox: admits what is new, settles what is durable.
pub async fn round(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    origin: Origin,
    failures: &mut FetchFailures,
) -> Result<usize, PortError> {
    let store = &desk.parts.store;
    let name = mailbox.name().to_owned();
    settle_what_is_ours(desk, mailbox).await?;
    let cursors = store.cursors(&name).await?;
    let lying = listed(desk, mailbox, &cursors).await?;
    let changed = |l: &ListedLetter| has_other_validity(&cursors, l);
    let hold = hold_after_change(desk, &lying, changed).await?;
    let holds = |l: &ListedLetter| hold && changed(l) && is_old(desk, l);
    let (mut fresh, mut passed, mut admitted) = (Vec::new(), HashSet::new(), 0);
    let mut outcome = Ok(());
    // Behind a backlog the newest come first; the cursor follows the list alone.
    let newest = mailbox.newest(desk.now()).await?;
    let suspects = failed_before(failures, newest.iter().chain(&lying));
    let mut asking = Asking::default();
    let first = [&newest, &lying].map(|letters| letters.chunks(ADMIT_TOGETHER));
    let first = first.into_iter().flatten().map(|letters| (letters, false));
    let last = suspects.chunks(ADMIT_TOGETHER).map(|again| (again, true));
    for (letters, again) in first.chain(last) {
        let (unknown, done) = to_fetch(desk, &name, origin, letters).await?;
        passed.extend(done.into_iter().map(|l| l.place.clone()));
        let due = |l: &&ListedLetter| failures.contains_key(&l.place) == again;
        let unknown = unknown.into_iter().filter(due).collect();
        let mut batch = fetch_batch(desk, mailbox, origin, unknown, &mut asking).await;
        let most = asking.patience(batch.failed.is_some());
        let letters = asking.answered(most).await;
        admit_all(desk, &name, origin, letters, holds, &mut batch).await;
        admitted += batch.admitted;
        desk.letters_came(batch.admitted);
        failures.retain(|place, _| !batch.ours.contains(place));
        passed.extend(batch.ours.iter().cloned());
        fresh.extend(batch.ours);
        for (letter, why) in batch.withheld {
            let withheld = NotAdmitted::Withheld(why);
            outcome = Err(counted(desk, &name, failures, letter, withheld).await?);
        }
        if let Some((letter, failed)) = batch.failed {
            // A connection may be broken beyond this letter: the rest waits for the next round.
            let err = counted(desk, &name, failures, letter, failed).await?;
            advance(desk, &name, &lying, &passed).await?;
            settle(desk, mailbox, fresh).await?;
            return Err(err);
        }
        if fresh.len() >= SETTLE_TOGETHER {
            settle(desk, mailbox, std::mem::take(&mut fresh)).await?;
        }
    }
    let answered = asking.answered(asking.patience(true)).await;
    let mut last = Batch::default();
    admit_all(desk, &name, origin, answered, holds, &mut last).await;
    desk.letters_came(last.admitted);
    passed.extend(last.ours.iter().cloned());
    fresh.extend(last.ours);
    advance(desk, &name, &lying, &passed).await?;
    settle(desk, mailbox, fresh).await?;
    match last.failed {
        Some((_, failed)) => Err(failed.cause()),
        None => outcome.map(|()| admitted + last.admitted),
    }
}

/// Those of some letters that are to be fetched, and those that are ours or none of our business.
async fn to_fetch<'l>(
    desk: &Desk,
    mailbox: &str,
    origin: Origin,
    letters: &'l [ListedLetter],
) -> Result<(Vec<&'l ListedLetter>, Vec<&'l ListedLetter>), PortError> {
    let places: Vec<MailboxUid> = letters.iter().map(|l| l.place.clone()).collect();
    let known = desk.parts.store.known(mailbox, &places).await?;
    // What the team sent before the desk began to answer is none of its business.
    let began = desk.parts.answer_from;
    let mine = |l: &ListedLetter| origin == Origin::Inbox || l.received_at >= began;
    Ok(letters
        .iter()
        .partition(|l| !known.contains(&l.place) && mine(l)))
}

/// Letters that could not be fetched before, those first that were tried least. They come behind all
/// others: what breaks the connection anew keeps no other letter waiting.
fn failed_before<'l>(
    failures: &FetchFailures,
    letters: impl Iterator<Item = &'l ListedLetter>,
) -> Vec<ListedLetter> {
    let tries = |l: &&ListedLetter| failures.get(&l.place).map(|(tries, _)| *tries);
    let mut found: Vec<&ListedLetter> = letters.filter(|l| tries(l).is_some()).collect();
    found.sort_by_key(tries);
    found.into_iter().cloned().collect()
}

/// Whether the mailbox is remembered under another UIDVALIDITY than this letter's.
fn has_other_validity(cursors: &[Cursor], letter: &ListedLetter) -> bool {
    let place = &letter.place;
    cursors
        .iter()
        .any(|(folder, validity, _)| *folder == place.folder && *validity != place.validity)
}

/// Settles what an earlier round could not: a server that will not move what is ours already must
/// not keep new letters from us.
async fn settle_what_is_ours(desk: &Desk, mailbox: &mut dyn Mailbox) -> Result<(), PortError> {
    let name = mailbox.name().to_owned();
    let unsettled = desk.parts.store.unsettled(&name).await?;
    for places in unsettled.chunks(SETTLE_TOGETHER) {
        if let Err(err) = settle(desk, mailbox, places.to_vec()).await {
            warn!(mailbox = name, error = %err, "letters that are safe here could not be moved");
            let fault = format!("settling in {name}");
            desk.fault(&fault, &err.to_string()).await;
            break;
        }
    }
    Ok(())
}

/// A folder of a mailbox, its UIDVALIDITY, and the number up to which its letters are ours.
type Cursor = (String, u32, u64);

/// The letters beyond the cursors. What lay in the tracker before the desk first looked there has
/// waited for somebody else: its deadlines begin now.
async fn listed(
    desk: &Desk,
    mailbox: &mut dyn Mailbox,
    cursors: &[Cursor],
) -> Result<Vec<ListedLetter>, PortError> {
    let after = |folder: &str, validity: u32| {
        let cursor = cursors
            .iter()
            .find(|(f, v, _)| f == folder && *v == validity);
        cursor.map_or(0, |(_, _, after)| *after)
    };
    let mut lying = mailbox.list(desk.now(), &after).await?;
    for letter in &mut lying {
        let first_look = !cursors.iter().any(|(f, ..)| *f == letter.place.folder);
        if letter.advisory.is_some() && first_look && is_old(desk, letter) {
            letter.received_at = desk.now();
        }
    }
    Ok(lying)
}

/// Counts a letter that could not be fetched, and leaves it lying after the last try.
async fn counted(
    desk: &Desk,
    mailbox: &str,
    failures: &mut FetchFailures,
    letter: &ListedLetter,
    failed: NotAdmitted,
) -> Result<PortError, PortError> {
    if matches!(failed, NotAdmitted::Ours(_)) {
        return Ok(failed.cause());
    }
    let now = desk.now();
    let (tries, since) = failures.entry(letter.place.clone()).or_insert((0, now));
    *tries += 1;
    let failing = now.duration_since(*since);
    if *tries >= FETCH_TRIES_MAX && failing.as_hours() >= FETCH_FAILING_HOURS_MIN {
        leave_lying(desk, mailbox, letter).await?;
        failures.remove(&letter.place);
    }
    Ok(failed.cause())
}

/// Moves the cursor up to, and not beyond, the first letter that is not ours yet, for whatever
/// reason.
async fn advance(
    desk: &Desk,
    mailbox: &str,
    lying: &[ListedLetter],
    passed: &HashSet<MailboxUid>,
) -> Result<(), PortError> {
    let mut reached: HashMap<(&str, u32), u64> = HashMap::new();
    // Maildirs have no order of numbers and need no cursor; a folder's letters are listed in their
    // order.
    let places = lying.iter().map(|letter| &letter.place);
    for place in places.take_while(|place| passed.contains(*place)) {
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
    lying: &[ListedLetter],
    changed: impl Fn(&ListedLetter) -> bool,
) -> Result<bool, PortError> {
    let now = desk.now();
    let old = |l: &&ListedLetter| changed(l) && is_old(desk, l);
    let hold = lying.iter().filter(old).count() > UNKNOWN_AFTER_CHANGE_MAX;
    if hold {
        let about = now.strftime("%Y-%m-%d").to_string();
        let decision = Decision {
            effects: Effect::call_about_desk(Reason::OldLettersHeld, &about, now),
            journal: vec![Entry::of_desk(
                JournalEvent::OldLettersHeld,
                "UIDVALIDITY changed",
            )],
            ..Decision::default()
        };
        desk.parts.store.commit(&decision, now).await?;
    }
    Ok(hold)
}

/// Older than any promise could reach.
fn is_old(desk: &Desk, letter: &ListedLetter) -> bool {
    desk.now().duration_since(letter.received_at) > desk.parts.policy.acknowledge_within
}

async fn leave_lying(desk: &Desk, mailbox: &str, letter: &ListedLetter) -> Result<(), PortError> {
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
        journal: vec![Entry::of_desk(
            JournalEvent::LetterLeftOnServer,
            place.clone(),
        )],
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
    places: Vec<MailboxUid>,
) -> Result<(), PortError> {
    if places.is_empty() {
        return Ok(());
    }
    mailbox.settle(&places).await?;
    step!("settled");
    desk.parts.store.settled(mailbox.name(), &places).await
}
