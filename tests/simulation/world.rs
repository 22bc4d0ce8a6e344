//! The world around a desk that is simulated: a mailbox, servers, opener and clock that we can break.

use super::Kind;
use async_trait::async_trait;
use sealdesk::adapters::sqlite::SqliteStore;
use sealdesk::compose::{DeskIdentity, OwnCertificate, Templates};
use sealdesk::control::{Request, answer};
use sealdesk::decide::{Caps, Origin, Policy};
use sealdesk::desk::{Desk, DeskParts, Responder};
use sealdesk::mime::OwnAddresses;
use sealdesk::model::Timestamp;
use sealdesk::model::address::Address;
use sealdesk::model::budget::Budget;
use sealdesk::model::case::AdvisoryId;
use sealdesk::model::case_command::CaseCommand;
use sealdesk::model::course::{Lane, Step};
use sealdesk::model::ids::CaseId;
use sealdesk::model::outgoing::{Addition, Advisory, Composition};
use sealdesk::model::publication::SecurityTxt;
use sealdesk::model::reading::{Outside, Wanted};
use sealdesk::model::release::ReleaseRules;
use sealdesk::model::secret::Secret;
use sealdesk::model::timeline::Timeline;
use sealdesk::openpgp::{
    self, GeneratedKey, Purpose, SealTo, SecretKeys, certificates, generate_storage,
};
use sealdesk::pipeline::{deadlines, intake, outbox, reading_loop};
use sealdesk::ports::{
    Capabilities, CaseSet, Cases, Clock, Courier, FetchOutcome, Filed, Intake, LetterOctets,
    ListedLetter, Mailbox, MailboxProgress, MailboxUid, OpenedLetter, Opener, OpenerError, Outbox,
    OutboxQueue, Parcel, PortError, Sink, Tracker,
};
use sealdesk::reading::{self, Position};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
/// What the opener makes of sealed letters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sealed {
    /// It has no key for them.
    #[default]
    Shut,
    /// It has their key.
    Open,
    /// Its readers end on them.
    Die,
}

/// The world around the desk.
#[derive(Default)]
pub struct World {
    pub now: i64,
    pub lying: Vec<(u64, String, i64)>,
    pub next_uid: u64,
    pub validity: u32,
    /// Every letter that was ever delivered, and whether a human waits for an answer.
    pub delivered: Vec<(String, Kind, u64)>,
    pub moved: Vec<String>,
    /// To whom, and the key of what was sent.
    pub sent: Vec<(String, String)>,
    /// When each of them left, from whom, and what it says.
    pub parcels: Vec<(i64, Parcel)>,
    pub drafts: Vec<String>,
    pub appended: HashMap<String, u32>,
    pub fails: Option<(u64, bool)>,
    pub opener_down: bool,
    /// What becomes of what was encrypted to the desk.
    pub sealed: Sealed,
    /// Steps that a responder was told are reached.
    pub said: Vec<(CaseId, Step)>,
    /// A promise that was broken while we looked.
    pub broken: Vec<String>,
}

pub type Shared = Arc<Mutex<World>>;

/// Whether this port call fails: `Some(true)` after its work, `Some(false)` before it.
pub fn fault(world: &Shared) -> Option<bool> {
    let mut world = world.lock().unwrap();
    match world.fails {
        Some((0, after)) => {
            world.fails = None;
            Some(after)
        }
        Some((n, after)) => {
            world.fails = Some((n - 1, after));
            None
        }
        None => None,
    }
}

pub fn passing(after: bool) -> PortError {
    if after {
        PortError::in_doubt("the answer never came")
    } else {
        PortError::passing("refused")
    }
}

pub struct WorldClock(Shared);

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.lock().unwrap().now).unwrap()
    }
}

pub struct WorldMailbox {
    world: Shared,
    store: Arc<SqliteStore>,
}

#[async_trait]
impl Mailbox for WorldMailbox {
    fn name(&self) -> &str {
        "world"
    }

    async fn list(
        &mut self,
        _now: Timestamp,
        after: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError> {
        if let Some(after) = fault(&self.world) {
            return Err(passing(after));
        }
        let world = self.world.lock().unwrap();
        let after = after("INBOX", world.validity);
        let lying = |(uid, text, at): &(u64, String, i64)| ListedLetter {
            place: MailboxUid {
                folder: "INBOX".to_owned(),
                validity: world.validity,
                uid: *uid,
            },
            received_at: Timestamp::from_second(*at).unwrap(),
            octets: Some(text.len() as u64),
            advisory: None,
        };
        Ok(world
            .lying
            .iter()
            .filter(|(uid, ..)| *uid > after)
            .map(lying)
            .collect())
    }

    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError> {
        let failed = fault(&self.world);
        let text = self
            .world
            .lock()
            .unwrap()
            .lying
            .iter()
            .find(|(uid, ..)| *uid == letter.place.uid)
            .map(|(_, text, _)| text.clone());
        let Some(text) = text else {
            return Err(PortError::passing("it is gone"));
        };
        let (first, rest) = text.split_at(text.len() / 2);
        sink.take(first.as_bytes()).await?;
        if failed.is_some() {
            return Err(PortError::passing("cut off"));
        }
        sink.take(rest.as_bytes()).await?;
        Ok(FetchOutcome::Whole)
    }

    async fn settle(&mut self, places: &[MailboxUid]) -> Result<(), PortError> {
        let failed = fault(&self.world);
        if failed == Some(false) {
            return Err(passing(false));
        }
        let known = self.store.known("world", places).await?;
        let mut world = self.world.lock().unwrap();
        for place in places
            .iter()
            .filter(|p| p.validity == world.validity)
            .collect::<Vec<_>>()
        {
            if !known.contains(place) {
                world.broken.push(format!(
                    "a letter was moved before it was durable: {place:?}"
                ));
            }
            if let Some(at) = world.lying.iter().position(|(uid, ..)| *uid == place.uid) {
                let (_, text, _) = world.lying.remove(at);
                world.moved.push(text);
            }
        }
        failed.map_or(Ok(()), |after| Err(passing(after)))
    }

    async fn probe(&mut self) -> Result<String, PortError> {
        Ok(String::new())
    }

    async fn wait(&mut self, _: Duration) -> Result<(), PortError> {
        Ok(())
    }
}

pub struct WorldCourier(Shared);

#[async_trait]
impl Courier for WorldCourier {
    async fn send(&self, parcel: &Parcel) -> Result<(), PortError> {
        let failed = fault(&self.0);
        if failed == Some(false) {
            return Err(passing(false));
        }
        tokio::task::yield_now().await;
        {
            let mut world = self.0.lock().unwrap();
            let (to, key) = (&parcel.envelope_recipient, &parcel.key);
            world.sent.push((to.to_string(), key.to_string()));
            let now = world.now;
            world.parcels.push((now, parcel.clone()));
        }
        // Between the final dot and its answer (RFC 1047).
        tokio::task::yield_now().await;
        failed.map_or(Ok(()), |after| Err(passing(after)))
    }

    async fn probe(&self) -> Result<String, PortError> {
        Ok(String::new())
    }
}

pub struct WorldTracker(Shared);

#[async_trait]
impl Tracker for WorldTracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn file(&self, advisory: &Advisory, perhaps_filed: bool) -> Result<Filed, PortError> {
        let failed = fault(&self.0);
        if failed == Some(false) {
            return Err(passing(false));
        }
        tokio::task::yield_now().await;
        {
            let mut world = self.0.lock().unwrap();
            if !(perhaps_filed && world.drafts.contains(&advisory.marker)) {
                world.drafts.push(advisory.marker.clone());
            }
        }
        tokio::task::yield_now().await;
        let id = advisory.marker.clone();
        failed.map_or(
            Ok(Filed {
                advisory: AdvisoryId {
                    url: id.clone(),
                    id,
                },
                doubled: Vec::new(),
            }),
            |after| Err(passing(after)),
        )
    }

    async fn append(&self, _: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        let failed = fault(&self.0);
        if failed == Some(false) {
            return Err(passing(false));
        }
        self.0
            .lock()
            .unwrap()
            .appended
            .entry(addition.mark.clone())
            .or_insert(1);
        failed.map_or(Ok(()), |after| Err(passing(after)))
    }

    async fn probe(&self) -> Result<String, PortError> {
        Ok(String::new())
    }
}

pub struct WorldOpener {
    world: Shared,
    own_addresses: OwnAddresses,
}

/// The storage key is made once: it costs more than a story.
pub fn storage() -> &'static (String, Vec<u8>) {
    static KEY: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = generate_storage("simulation").unwrap();
        (key.public_armored, key.secret_armored.expose().to_vec())
    })
}

/// The desk's key for letters, made once.
pub fn mail_key() -> &'static GeneratedKey {
    static KEY: OnceLock<GeneratedKey> = OnceLock::new();
    KEY.get_or_init(|| {
        openpgp::generate("security@desk.example", "Desk", openpgp::Profile::V4).unwrap()
    })
}

fn mail_keys() -> SecretKeys {
    SecretKeys::load(mail_key().secret_armored.expose(), Purpose::Mail, None).unwrap()
}

thread_local! {
    static UNSEAL: std::cell::RefCell<SecretKeys> = std::cell::RefCell::new(SecretKeys::load(&storage().1, Purpose::Storage, None).unwrap());
}

pub fn unsealed(sealed: &[u8]) -> Vec<u8> {
    UNSEAL.with_borrow_mut(|keys| {
        openpgp::open(sealed, keys, &[], &Budget::ours())
            .unwrap()
            .plaintext
    })
}

impl WorldOpener {
    fn up(&self) -> Result<(), OpenerError> {
        if self.world.lock().unwrap().opener_down {
            Err(OpenerError::Down("test".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Opener for WorldOpener {
    async fn read(
        &self,
        letter: LetterOctets,
        _: Option<&Intake>,
        pinned: &[String],
        _: Wanted,
    ) -> Result<OpenedLetter, OpenerError> {
        self.up()?;
        if fault(&self.world).is_some() {
            return Err(OpenerError::Died);
        }
        let LetterOctets::Sealed(sealed) = letter else {
            return Err(OpenerError::Died);
        };
        let position = Position {
            own_addresses: self.own_addresses.clone(),
            certificates: pinned
                .iter()
                .flat_map(|armored| certificates(armored.as_bytes()).unwrap())
                .collect(),
            ..Position::default()
        };
        let mut keys = match self.world.lock().unwrap().sealed {
            Sealed::Shut => SecretKeys::none(Purpose::Mail),
            Sealed::Open | Sealed::Die => mail_keys(),
        };
        let read = reading::read(&unsealed(&sealed), &mut keys, &position);
        let ends = self.world.lock().unwrap().sealed == Sealed::Die;
        if ends && read.reading.came_sealed() {
            return Err(OpenerError::Died);
        }
        Ok(OpenedLetter {
            reading: read.reading,
            files: read.files,
        })
    }

    async fn compose(&self, composition: &Composition) -> Result<Vec<u8>, OpenerError> {
        self.up()?;
        Ok(serde_json::to_vec(composition).unwrap())
    }

    async fn unseal(&self, blob: Vec<u8>) -> Result<Vec<u8>, OpenerError> {
        self.up()?;
        Ok(unsealed(&blob))
    }

    async fn outside(&self, letter: LetterOctets) -> Result<Outside, OpenerError> {
        self.up()?;
        let LetterOctets::Sealed(sealed) = letter else {
            return Err(OpenerError::Died);
        };
        let position = Position {
            own_addresses: self.own_addresses.clone(),
            ..Position::default()
        };
        Ok(Outside::of(
            &reading::read(
                &unsealed(&sealed),
                &mut SecretKeys::none(Purpose::Mail),
                &position,
            )
            .reading,
            None,
        ))
    }

    async fn security_txt(&self, _: &SecurityTxt) -> Result<Vec<u8>, OpenerError> {
        Err(OpenerError::Down("test".to_owned()))
    }

    async fn inspect(&self) -> Result<Vec<String>, OpenerError> {
        Ok(Vec::new())
    }
}

/// A desk in its world.
pub struct Running {
    pub world: Shared,
    pub desk: Desk,
    pub store: Arc<SqliteStore>,
    failures: intake::FetchFailures,
}

/// What the desk's operator chose.
#[derive(Default)]
pub struct Settings {
    pub policy: Policy,
    pub responders: Vec<Responder>,
    /// Whose `Authentication-Results` are believed.
    pub authserv_id: Option<String>,
}

impl Running {
    pub async fn open(world: &Shared, folder: &Path) -> Self {
        Self::open_with(world, folder, Settings::default()).await
    }

    pub async fn open_with(world: &Shared, folder: &Path, settings: Settings) -> Self {
        let seal = SealTo::new(&certificates(storage().0.as_bytes()).unwrap()).unwrap();
        let store = Arc::new(SqliteStore::open(folder, seal).await.unwrap());
        let address = Address::parse("security@desk.example").unwrap();
        let own_addresses = OwnAddresses {
            ours: vec![address.clone()],
            authserv_id: settings.authserv_id,
            ..OwnAddresses::default()
        };
        let own = OwnCertificate {
            fingerprint: "AB".repeat(20),
            version: 4,
            armored: "ARMOR".to_owned(),
            binary: vec![1; 10],
        };
        let desk = Desk::new(DeskParts {
            store: Arc::clone(&store) as _,
            opener: Arc::new(WorldOpener {
                world: Arc::clone(world),
                own_addresses: own_addresses.clone(),
            }),
            courier: Arc::new(WorldCourier(Arc::clone(world))),
            tracker: Arc::new(WorldTracker(Arc::clone(world))),
            alarm: None,
            clock: Arc::new(WorldClock(Arc::clone(world))),
            policy: settings.policy,
            identity: DeskIdentity {
                address: address.clone(),
                name: "Desk".to_owned(),
                certificates: vec![own],
                smime: Vec::new(),
                templates: Templates::load(None).unwrap(),
                language: Default::default(),
                timeline: Timeline::default(),
                page: None,
            },
            own_addresses,
            bounce_address: address,
            responders: settings.responders,
            parse_command: sealdesk::grammar::parse_line,
            distributors: Vec::new(),
            announcer: None,
            announcement_lists: Vec::new(),
            sources: None,
            own_ends: Vec::new(),
            secret: Secret::new(b"simulation".to_vec()),
            authenticator: None,
            answer_from: Timestamp::UNIX_EPOCH,
            caps: Caps {
                per_address: 1,
                acknowledgements: 10,
                per_domain: 100,
                in_all: 1000,
                calls_per_hour: 1000,
                drafts_per_day: 1000,
            },
            release: ReleaseRules::default(),
        });
        store.sweep_and_release().await;
        Self {
            world: Arc::clone(world),
            desk,
            store,
            failures: HashMap::new(),
        }
    }

    pub async fn intake(&mut self) {
        let mut mailbox = WorldMailbox {
            world: Arc::clone(&self.world),
            store: Arc::clone(&self.store),
        };
        let _ = intake::round(&self.desk, &mut mailbox, Origin::Inbox, &mut self.failures).await;
    }

    pub async fn outbox(&self) {
        for queue in OutboxQueue::ALL {
            let _ = outbox::round(&self.desk, queue).await;
        }
    }

    /// A word on the n-th case: a step reached, a wait, an end of it, or another lane.
    pub async fn say(&self, n: u64) {
        let cases = self
            .store
            .cases(CaseSet::All, None)
            .await
            .unwrap_or_default();
        let Some(case) = cases.get((n / 10) as usize % cases.len().max(1)) else {
            return;
        };
        let steps = [Step::FixTeam, Step::Fix, Step::Release, Step::Retrospective];
        let word = match n % 10 {
            step @ 0..=3 => CaseCommand::Reach {
                step: steps[step as usize],
                at: None,
            },
            4 | 5 => CaseCommand::Wait { why: String::new() },
            6 | 7 => CaseCommand::GoOn,
            8 => CaseCommand::Lane {
                lane: Lane::Asap,
                why: String::new(),
            },
            _ => CaseCommand::Lane {
                lane: Lane::Normal,
                why: String::new(),
            },
        };
        let reached = if let CaseCommand::Reach { step, .. } = &word {
            Some(*step)
        } else {
            None
        };
        let said = answer(
            &self.desk,
            Request::CaseCommand {
                id: case.id().clone(),
                command: word,
            },
            "responder rita",
        )
        .await;
        if let (Ok(_), Some(step)) = (said, reached) {
            self.world
                .lock()
                .unwrap()
                .said
                .push((case.id().clone(), step));
        }
    }

    pub async fn all(&mut self) {
        self.intake().await;
        let _ = reading_loop::round(&self.desk).await;
        self.outbox().await;
        let _ = deadlines::round(&self.desk).await;
    }
}

/// What a start does first.
#[async_trait]
pub trait Starting {
    async fn sweep_and_release(&self);
}

#[async_trait]
impl Starting for SqliteStore {
    async fn sweep_and_release(&self) {
        use sealdesk::ports::Spool;
        self.sweep().await.unwrap();
        self.release().await.unwrap();
    }
}
