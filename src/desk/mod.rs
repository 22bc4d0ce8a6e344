//! What do loops and commands share? The ports that a desk was put together of, what it remembers for
//! a moment, and the bells by which one wakes another.

pub mod case_records;
mod faults;
pub mod opened_letters;
pub mod reporters;
pub mod restraint;

use crate::compose::{DeskIdentity, Measure};
use crate::decide::{Caps, Decision, Entry, Policy, SealedPolicy};
use crate::mime::OwnAddresses;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case_command::CommandLine;
use crate::model::distributor::Distributor;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use crate::model::page::PageAccess;
use crate::model::reading::{Outside, Reading};
use crate::model::release::ReleaseRules;
use crate::model::secret::{self, Secret};
use crate::ports::{
    Alarm, Announcer, Authenticator, CaseStore, Clock, Courier, Opener, OutboxQueue, PortError,
    Sources, Tracker,
};
use restraint::CallsOfHour;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, OnceCell, Semaphore};

/// Parses a line of a responder's letter about this case, with the hour (UTC) at which releases
/// are; or says why it can't be understood.
pub type ParseCommand = fn(&CaseId, &str, i8) -> Result<CommandLine, String>;

/// Everything that a desk is made of.
pub struct DeskParts {
    pub store: Arc<dyn CaseStore>,
    pub opener: Arc<dyn Opener>,
    pub courier: Arc<dyn Courier>,
    pub tracker: Arc<dyn Tracker>,
    /// The second path, where one is configured.
    pub alarm: Option<Arc<dyn Alarm>>,
    /// Where no Authentication-Results says who sent a letter.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    pub clock: Arc<dyn Clock>,
    pub policy: Policy,
    pub identity: DeskIdentity,
    pub own_addresses: OwnAddresses,
    /// Where releases are announced, if anywhere: by a post, and to mailing lists.
    pub announcer: Option<Arc<dyn Announcer>>,
    pub announcement_lists: Vec<Address>,
    pub sources: Option<Arc<dyn Sources>>,
    pub bounce_address: Address,
    pub responders: Vec<Responder>,
    /// Parses a command line of their letters.
    pub parse_command: ParseCommand,
    /// Those who were removed too: a notice to them is refused by name.
    pub distributors: Vec<Distributor>,
    /// Fingerprints of our own certificates, and when each ends.
    pub own_ends: Vec<(String, Timestamp)>,
    pub secret: Secret,
    pub answer_from: Timestamp,
    pub caps: Caps,
    pub release: ReleaseRules,
}

/// Somebody who is called, and who may answer reporters by mail.
#[derive(Clone, Debug)]
pub struct Responder {
    /// As the config calls them.
    pub name: String,
    pub address: Address,
    /// The account by which they command the desk.
    pub login: Option<String>,
    /// Their login in the tracker.
    pub tracker_login: Option<String>,
    /// What they may do on the page.
    pub page: PageAccess,
    pub fingerprints: Vec<String>,
    pub armored: Vec<String>,
    pub ends: Option<Timestamp>,
    /// Why no letter can be encrypted to them.
    pub fault: Option<String>,
}

impl Responder {
    /// As the journal names them: by their account, else by their certificate.
    pub fn journal_name(&self) -> String {
        let who = self
            .login
            .as_deref()
            .or(self.fingerprints.first().map(String::as_str))
            .unwrap_or("of the config");
        format!("responder {who}")
    }
}

/// The parts, and the bells by which one loop wakes another.
pub struct Desk {
    pub parts: DeskParts,
    /// Letters wait to be read.
    pub letters: Notify,
    /// Effects may be due: a bell for each queue.
    effects: Notify,
    answers: Notify,
    calls: Notify,
    alarms: Notify,
    /// Readings just made, for the effects that follow at once: they need not be unsealed again.
    fresh: Mutex<VecDeque<(IntakeId, Reading, usize)>>,
    /// Faults that last, by what is at fault, with the moment they began: shown in `status`.
    faults: Mutex<HashMap<String, (Timestamp, String)>>,
    /// What responders were called for already, so that the store need not be asked each time.
    said: Mutex<HashSet<String>>,
    content_secret: OnceCell<Secret>,
    calls_of_hour: Mutex<CallsOfHour>,
    handed_over_of_hour: Mutex<CallsOfHour>,
    /// What letters show without a key, for acknowledgements that have to wait: a cap must not have
    /// them read again and again.
    outsides: Mutex<VecDeque<(IntakeId, Outside)>>,
    /// Looks at the outside of letters at once: the opener's other callers find room.
    pub looks: Semaphore,
    /// When readers ended before they had read their letter, of late.
    reader_deaths: Mutex<VecDeque<Timestamp>>,
}

/// Readings kept for a moment, and the longest text of one.
const FRESH_MAX: usize = 16;
const FRESH_OCTETS_MAX: usize = 64 * 1024;

/// More deaths of readers in an hour are a fault, of that name.
const DEATHS_AN_HOUR: usize = 5;
const READERS: &str = "readers";

/// Letters whose outside is remembered, and how many are looked at together.
const OUTSIDES_MAX: usize = 500;
const LOOKS_TOGETHER: usize = 2;

/// A fault that is older than this calls responders.
const FAULT_LASTS_MIN: i64 = 30;

impl Desk {
    /// A desk that remembers nothing yet: what must outlive the process rests in the store.
    pub fn new(parts: DeskParts) -> Self {
        Self {
            parts,
            letters: Notify::new(),
            effects: Notify::new(),
            answers: Notify::new(),
            calls: Notify::new(),
            alarms: Notify::new(),
            faults: Mutex::default(),
            fresh: Mutex::default(),
            said: Mutex::default(),
            content_secret: OnceCell::new(),
            calls_of_hour: Mutex::default(),
            handed_over_of_hour: Mutex::default(),
            outsides: Mutex::default(),
            looks: Semaphore::new(LOOKS_TOGETHER),
            reader_deaths: Mutex::default(),
        }
    }

    /// The time by the desk's clock, which stories set.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Wakes the outbox: effects may be due.
    pub fn ring(&self) {
        self.effects.notify_one();
        self.answers.notify_one();
        self.calls.notify_one();
        self.alarms.notify_one();
    }

    /// Wakes readers and outbox, where any letter became ours.
    pub fn letters_came(&self, letters: usize) {
        if letters > 0 {
            self.letters.notify_one();
            self.ring();
        }
    }

    /// What wakes the loop of this queue; one ring is kept for a loop that is busy.
    pub fn bell(&self, queue: OutboxQueue) -> &Notify {
        match queue {
            OutboxQueue::Common => &self.effects,
            OutboxQueue::Answers => &self.answers,
            OutboxQueue::Calls => &self.calls,
            OutboxQueue::SecondPath => &self.alarms,
        }
    }

    /// How much of this letter the tracker may hold. Under `hold` a draft is filed only on a
    /// responder's command (`manual`), which covers all of it; a follow-up has no such command.
    pub fn measure(&self, reading: &Reading, manual: bool) -> Measure {
        match self.parts.policy.sealed {
            SealedPolicy::Outline if reading.came_sealed() => Measure::Outline,
            SealedPolicy::Hold if reading.came_sealed() && !manual => Measure::Outline,
            _ => Measure::Full,
        }
    }

    /// Whether this process said it before, without saying it now.
    pub fn was_called(&self, what: &str) -> bool {
        self.said.lock().is_ok_and(|said| said.contains(what))
    }

    /// Forgets that it was said, once no further try needs to know.
    pub fn forget_call(&self, what: &str) {
        if let Ok(mut said) = self.said.lock() {
            said.remove(what);
        }
    }

    /// Whether this was said before by this process; from now on it was.
    pub fn remember_call(&self, what: &str) -> bool {
        self.said
            .lock()
            .is_ok_and(|mut said| !said.insert(what.to_owned()))
    }

    /// Readings that were kept at hand are gone.
    pub fn forget_readings(&self) {
        if let Ok(mut fresh) = self.fresh.lock() {
            fresh.clear();
        }
    }

    /// The secret that tags content. It rests sealed, and only the keyholder opens it: a tag of
    /// what somebody wrote is a guess that anybody with this secret could test.
    async fn content_secret(&self) -> Result<&Secret, PortError> {
        let opened = self.content_secret.get_or_try_init(async || {
            let kept = self
                .parts
                .store
                .kept_secret(&self.parts.store.seal(&random::<32>()?)?)
                .await?;
            let octets = self.parts.opener.unseal(kept).await.map_err(|e| {
                PortError::passing("the secret of content tags stays shut").because(e)
            })?;
            Ok(Secret::new(octets))
        });
        opened.await
    }

    /// HMAC-SHA-256 of content: equal content gives an equal tag, and nobody without the keyholder
    /// can test a guess.
    pub async fn content_tag(&self, parts: &[&[u8]]) -> Result<String, PortError> {
        Ok(secret::tag(self.content_secret().await?.expose(), parts))
    }

    /// A reply's words, sealed for the outbox, and the tag that tells it from other replies: the
    /// same words again on one day are the same reply.
    pub async fn sealed_words(&self, text: &str) -> Result<(String, Vec<u8>), PortError> {
        let day = self.now().strftime("%Y-%m-%d").to_string();
        Ok((
            self.content_tag(&[b"reply", day.as_bytes(), text.as_bytes()])
                .await?,
            self.parts.store.seal(text.as_bytes())?,
        ))
    }

    /// Who commands by this account: a responder where the config says so.
    pub fn account_name(&self, account: &str) -> String {
        match self
            .parts
            .responders
            .iter()
            .find(|r| r.login.as_deref() == Some(account))
        {
            Some(_) => format!("responder {account}"),
            None => format!("user {account}"),
        }
    }

    /// HMAC-SHA-256 under the secret of the state folder: equal input gives an equal tag, and
    /// nobody without that secret can test a guess.
    pub fn keyed_tag(&self, what: &str, parts: &[&[u8]]) -> String {
        secret::tag(
            self.parts.secret.expose(),
            &[&[what.as_bytes()], parts].concat(),
        )
    }

    /// As [`Self::keyed_tag`], as octets.
    pub fn keyed_octets<const N: usize>(&self, what: &str, parts: &[&[u8]]) -> [u8; N] {
        let mut octets = [0; N];
        let word = self.keyed_tag(what, parts);
        word.as_bytes()
            .chunks(2)
            .zip(&mut octets)
            .for_each(|(pair, octet)| {
                *octet = std::str::from_utf8(pair)
                    .ok()
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                    .unwrap_or_default();
            });
        octets
    }

    /// The responder with this address.
    pub fn responder(&self, address: &Address) -> Option<&Responder> {
        self.parts
            .responders
            .iter()
            .find(|r| r.address.same_mailbox(address))
    }

    /// Keeps what a letter shows without a key; the oldest is dropped beyond 500.
    pub fn remember_outside(&self, letter: IntakeId, outside: &Outside) {
        if let Ok(mut outsides) = self.outsides.lock() {
            outsides.push_back((letter, outside.clone()));
            if outsides.len() > OUTSIDES_MAX {
                outsides.pop_front();
            }
        }
    }

    /// What [`Self::remember_outside`] kept; `None` after a restart, or once it was dropped.
    pub fn outside_of(&self, letter: IntakeId) -> Option<Outside> {
        self.outsides
            .lock()
            .ok()?
            .iter()
            .find(|(id, _)| *id == letter)
            .map(|(_, outside)| outside.clone())
    }

    /// Keeps a reading for a moment, to be taken so many times.
    pub fn keep_fresh(&self, intake: IntakeId, reading: Reading, times: usize) {
        if times == 0 || reading.text.len() > FRESH_OCTETS_MAX {
            return;
        }
        if let Ok(mut fresh) = self.fresh.lock() {
            fresh.push_back((intake, reading, times));
            if fresh.len() > FRESH_MAX {
                fresh.pop_front();
            }
        }
    }

    /// Takes a reading that was kept, where it suits; one that does not stays for whoever it was
    /// kept for.
    pub fn take_fresh(
        &self,
        intake: IntakeId,
        suits: impl Fn(&Reading) -> bool,
    ) -> Option<Reading> {
        let mut fresh = self.fresh.lock().ok()?;
        let at = fresh
            .iter()
            .position(|(id, reading, _)| *id == intake && suits(reading))?;
        match &mut fresh[at] {
            (_, reading, times) if *times > 1 => {
                *times -= 1;
                Some(reading.clone())
            }
            _ => fresh.remove(at).map(|(_, reading, _)| reading),
        }
    }

    /// A line about a case, with nothing else to decide.
    pub fn note(case: &CaseId, event: JournalEvent, detail: impl Into<String>) -> Decision {
        Decision {
            journal: vec![Entry::of(case, event, detail)],
            ..Decision::default()
        }
    }
}

/// Random octets; a machine that has none can't run a desk.
pub fn random<const N: usize>() -> Result<[u8; N], PortError> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|e| PortError::passing("no randomness").because(e))?;
    Ok(octets)
}
