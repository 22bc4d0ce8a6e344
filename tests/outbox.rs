//! Promises that take hours, on a clock of our own: the real store, the real loops, fakes around
//! them.

use async_trait::async_trait;
use sealdesk::adapters::folder_courier::FolderCourier;
use sealdesk::adapters::folder_tracker::FolderTracker;
use sealdesk::adapters::sqlite::SqliteStore;
use sealdesk::compose::{DeskIdentity, OwnCertificate, Templates};

use sealdesk::decide::{Caps, Decision, Origin, Policy};
use sealdesk::desk::{Desk, DeskParts};
use sealdesk::mime::OwnAddresses;
use sealdesk::model::Timestamp;
use sealdesk::model::address::Address;
use sealdesk::model::case::{Acknowledgement, Case};
use sealdesk::model::effect::{EffectKey, Reason, Work};
use sealdesk::model::journal::JournalEvent;
use sealdesk::model::outgoing::Composition;
use sealdesk::model::publication::SecurityTxt;
use sealdesk::model::reading::{BroughtCertificate, LetterKind, Outside, Wanted};
use sealdesk::model::release::ReleaseRules;
use sealdesk::model::secret::Secret;
use sealdesk::model::timeline::Timeline;
use sealdesk::openpgp::{SealTo, certificates, generate_storage};
use sealdesk::pipeline::reading_loop::ReadingLoop;
use sealdesk::pipeline::{Loop, Turn, deadlines, intake, outbox, reading_loop};
use sealdesk::ports::{
    CaseSet, Clock, FetchOutcome, Intake, LetterOctets, ListedLetter, Mailbox, MailboxUid,
    OpenedLetter, Opener, OpenerError, OutboxQueue, PortError, Sink,
};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const START: i64 = 1_790_000_000;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// An opener that is down, or whose readers die; when up it signs with nothing.
#[derive(Default)]
struct TestOpener {
    up: AtomicBool,
    deaths: AtomicBool,
    /// How the next readings end, before `deaths` counts.
    endings: Mutex<VecDeque<OpenerError>>,
    /// A certificate of the writer's that every letter shows from outside.
    shows: Mutex<Option<BroughtCertificate>>,
    /// After those, one reading does not end: the test's runtime believes that it went on for so long.
    hangs_s: AtomicI64,
}

#[async_trait]
impl Opener for TestOpener {
    async fn read(
        &self,
        _: LetterOctets,
        _: Option<&Intake>,
        _: &[String],
        _: Wanted,
    ) -> Result<OpenedLetter, OpenerError> {
        if let Some(ending) = self.endings.lock().unwrap().pop_front() {
            return Err(ending);
        }
        let hangs_s = self.hangs_s.swap(0, Ordering::SeqCst);
        if hangs_s > 0 {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(hangs_s as u64)).await;
            tokio::time::resume();
            std::future::pending::<()>().await;
        }
        Err(if self.deaths.load(Ordering::SeqCst) {
            OpenerError::Died
        } else {
            OpenerError::Down("test".to_owned())
        })
    }

    async fn compose(&self, composition: &Composition) -> Result<Vec<u8>, OpenerError> {
        if self.up.load(Ordering::SeqCst) {
            Ok(format!("To: {}\r\n\r\nsigned\r\n", composition.to()).into_bytes())
        } else {
            Err(OpenerError::Down("test".to_owned()))
        }
    }

    async fn unseal(&self, _: Vec<u8>) -> Result<Vec<u8>, OpenerError> {
        Err(OpenerError::Down("test".to_owned()))
    }

    async fn outside(&self, _: LetterOctets) -> Result<Outside, OpenerError> {
        if !self.up.load(Ordering::SeqCst) {
            return Err(OpenerError::Down("test".to_owned()));
        }
        Ok(Outside {
            in_clear: true,
            kind: LetterKind::Report,
            asks_for_certificate: false,
            language: None,
            certificate: None,
            pinnable: self.shows.lock().unwrap().iter().cloned().collect(),
            digest: None,
        })
    }

    async fn security_txt(&self, _: &SecurityTxt) -> Result<Vec<u8>, OpenerError> {
        Err(OpenerError::Down("test".to_owned()))
    }

    async fn inspect(&self) -> Result<Vec<String>, OpenerError> {
        Err(OpenerError::Down("test".to_owned()))
    }
}

/// A mailbox in memory, with letters that cannot be fetched.
#[derive(Default)]
struct TestMailbox {
    letters: Vec<(u64, String)>,
    broken: Vec<u64>,
    /// Letters that the server lists and does not give.
    withheld: Vec<u64>,
    settled: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl Mailbox for TestMailbox {
    fn name(&self) -> &str {
        "test"
    }

    async fn list(
        &mut self,
        _now: Timestamp,
        after: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError> {
        let after = after("INBOX", 7);
        let received_at = Timestamp::from_second(START).unwrap();
        let lying = |(uid, text): &(u64, String)| ListedLetter {
            place: MailboxUid {
                folder: "INBOX".to_owned(),
                validity: 7,
                uid: *uid,
            },
            received_at,
            octets: Some(text.len() as u64),
            advisory: None,
        };
        Ok(self
            .letters
            .iter()
            .filter(|(uid, _)| *uid > after)
            .map(lying)
            .collect())
    }

    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError> {
        if self.broken.contains(&letter.place.uid) {
            return Err(PortError::passing("it is broken"));
        }
        if self.withheld.contains(&letter.place.uid) {
            return Ok(FetchOutcome::Withheld("it is corrupt".to_owned()));
        }
        let (_, text) = self
            .letters
            .iter()
            .find(|(uid, _)| *uid == letter.place.uid)
            .unwrap();
        sink.take(text.as_bytes()).await?;
        Ok(FetchOutcome::Whole)
    }

    async fn settle(&mut self, places: &[MailboxUid]) -> Result<(), PortError> {
        self.settled
            .lock()
            .unwrap()
            .extend(places.iter().map(|p| p.uid));
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, PortError> {
        Ok(String::new())
    }

    async fn wait(&mut self, _: Duration) -> Result<(), PortError> {
        Ok(())
    }
}

struct Test {
    desk: Arc<Desk>,
    clock: Arc<TestClock>,
    opener: Arc<TestOpener>,
    folder: tempfile::TempDir,
}

const CAPS: Caps = Caps {
    per_address: 1,
    acknowledgements: 3,
    // Half of a domain's answers are for those who are proven.
    per_domain: 6,
    in_all: 100,
    calls_per_hour: 100,
    drafts_per_day: 100,
};

impl Test {
    async fn new() -> Self {
        Self::with(CAPS).await
    }

    async fn with(caps: Caps) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = generate_storage("test").unwrap();
        let seal = SealTo::new(&certificates(storage.public_armored.as_bytes()).unwrap()).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let opener = Arc::new(TestOpener::default());
        let own = OwnCertificate {
            fingerprint: "AB".repeat(20),
            version: 4,
            armored: "ARMOR".to_owned(),
            binary: vec![1; 10],
        };
        let address = Address::parse("security@desk.example").unwrap();
        let desk = Arc::new(Desk::new(DeskParts {
            store: Arc::new(
                SqliteStore::open(&folder.path().join("state"), seal)
                    .await
                    .unwrap(),
            ),
            opener: Arc::clone(&opener) as Arc<dyn Opener>,
            courier: Arc::new(FolderCourier::new(folder.path().join("out"))),
            tracker: Arc::new(FolderTracker::new(folder.path().join("tracker"))),
            alarm: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            policy: Policy::default(),
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
            authenticator: None,
            own_addresses: OwnAddresses {
                ours: vec![address],
                authserv_id: Some("mx.desk.example".to_owned()),
                ..OwnAddresses::default()
            },
            bounce_address: Address::parse("bounce@desk.example").unwrap(),
            own_ends: Vec::new(),
            responders: Vec::new(),
            parse_command: sealdesk::grammar::parse_line,
            distributors: Vec::new(),
            announcer: None,
            announcement_lists: Vec::new(),
            sources: None,
            secret: Secret::new(b"secret".to_vec()),
            answer_from: Timestamp::UNIX_EPOCH,
            caps,
            release: ReleaseRules::default(),
        }));
        Self {
            desk,
            clock,
            opener,
            folder,
        }
    }

    fn at_hour(&self, hours: f64) {
        self.clock
            .0
            .store(START + (hours * 3600.0) as i64, Ordering::SeqCst);
    }

    async fn deliver(
        &self,
        mailbox: &mut TestMailbox,
        failures: &mut intake::FetchFailures,
    ) -> Result<usize, PortError> {
        intake::round(&self.desk, mailbox, Origin::Inbox, failures).await
    }

    /// Letters by these writers, whom nothing proves.
    async fn arrive(&self, letters: &[(u64, &str)]) {
        self.arrive_with(letters, |_| String::new()).await;
    }

    /// Letters whose writers our own server vouches for.
    async fn arrive_proven(&self, letters: &[(u64, &str)]) {
        let vouched = |from: &str| {
            let domain = from.rsplit('@').next().unwrap();
            format!("Authentication-Results: mx.desk.example; dmarc=pass header.from={domain}\r\n")
        };
        self.arrive_with(letters, vouched).await;
    }

    async fn arrive_with(&self, letters: &[(u64, &str)], above: impl Fn(&str) -> String) {
        let letters = letters
            .iter()
            .map(|(uid, from)| {
                let above = above(from);
                (
                    *uid,
                    format!(
                        "{above}From: {from}\r\nMessage-ID: <{uid}@x>\r\nSubject: s\r\n\r\n\
                         hello {uid}\r\n"
                    ),
                )
            })
            .collect();
        self.deliver(
            &mut TestMailbox {
                letters,
                ..TestMailbox::default()
            },
            &mut HashMap::new(),
        )
        .await
        .unwrap();
    }

    async fn work(&self) {
        loop {
            let mut done = 0;
            for lane in OutboxQueue::ALL {
                done += outbox::round(&self.desk, lane).await.unwrap();
            }
            if done == 0 {
                return;
            }
        }
    }

    async fn cases(&self) -> Vec<Case> {
        self.desk
            .parts
            .store
            .cases(CaseSet::All, None)
            .await
            .unwrap()
    }

    /// How often humans are called about a letter that cannot be had.
    async fn calls_about_a_letter(&self) -> usize {
        // For no time at all, so that it is found again.
        let (now, moment) = (self.desk.now(), Duration::ZERO);
        let mut calls = 0;
        for queue in OutboxQueue::ALL {
            let leased = self.desk.parts.store.lease(queue, now, moment, 100).await;
            let work = leased.unwrap().into_iter().map(|leased| leased.effect.work);
            let call = Work::CallByMail(Reason::LetterUnreadable);
            calls += work.filter(|work| *work == call).count();
        }
        calls
    }

    fn sent(&self) -> Vec<String> {
        read(&self.folder.path().join("out"))
    }
}

fn read(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .map(|d| {
            d.flatten()
                .map(|e| std::fs::read_to_string(e.path()).unwrap())
                .collect()
        })
        .unwrap_or_default()
}

#[tokio::test]
async fn an_acknowledgement_leaves_unsigned_rather_than_late_and_humans_hear_of_it() {
    let test = Test::new().await;
    test.arrive(&[(1, "ada@b.example")]).await;
    test.at_hour(11.9);
    test.work().await;
    assert!(test.sent().is_empty(), "it waits for a signature");
    test.at_hour(12.5);
    test.work().await;
    let sent = test.sent();
    assert!(
        sent.len() == 1
            && sent[0].contains("Your mail has arrived")
            && !sent[0].contains("PGP SIGNATURE"),
        "{sent:#?}"
    );
    assert!(matches!(
        test.cases().await[0].acknowledgement(),
        Acknowledgement::Sent { signed: false, .. }
    ));
    test.opener.up.store(true, Ordering::SeqCst);
    test.at_hour(13.0);
    test.work().await;
    let journal = test
        .desk
        .parts
        .store
        .journal(test.cases().await[0].id())
        .await
        .unwrap();
    assert!(
        journal
            .iter()
            .any(|l| l.event == JournalEvent::RespondersCalled),
        "{journal:?}"
    );
}

#[tokio::test]
async fn humans_are_called_four_hours_before_a_promise_breaks_and_once() {
    let test = Test::new().await;
    test.arrive(&[(1, "a@b.example, c@d.example")]).await; // no single originator: by hand
    let alarms = async || {
        deadlines::round(&test.desk).await.unwrap();
        let journal = test
            .desk
            .parts
            .store
            .journal(test.cases().await[0].id())
            .await
            .unwrap();
        journal
            .iter()
            .filter(|l| l.event == JournalEvent::AcknowledgementDeadlineNear)
            .count()
    };
    test.at_hour(19.9);
    assert_eq!(alarms().await, 0);
    test.at_hour(20.0);
    assert_eq!(alarms().await, 1);
    test.at_hour(23.0);
    assert_eq!(alarms().await, 1);
}

#[tokio::test]
async fn a_cap_delays_or_hands_over_and_never_drops() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    test.arrive(&[
        (1, "ada@b.example"),
        (2, "ada@b.example"),
        (3, "ben@c.example"),
    ])
    .await;
    test.at_hour(0.1);
    test.work().await;
    let enough = "an address that nobody proved gets a third of what others get";
    assert_eq!(test.sent().len(), 2, "{enough}");
    let by_hand = test
        .cases()
        .await
        .iter()
        .filter(|c| matches!(c.acknowledgement(), Acknowledgement::ByHand { .. }))
        .count();
    assert_eq!(
        by_hand, 1,
        "what cannot wait goes to a human on the same clock"
    );
    // A domain has a cap of its own; it delays until 4 hours before the promise, and then hands
    // over.
    test.arrive(&[
        (4, "a@d.example"),
        (5, "b@d.example"),
        (6, "c@d.example"),
        (7, "d@d.example"),
        (8, "e@e.example"),
    ])
    .await;
    test.at_hour(0.2);
    test.work().await;
    assert_eq!(
        test.sent()
            .iter()
            .filter(|l| l.contains("@d.example"))
            .count(),
        3
    );
    assert!(
        test.sent().iter().any(|l| l.contains("To: e@e.example")),
        "another domain is not delayed"
    );
    assert_eq!(
        test.cases()
            .await
            .iter()
            .filter(|c| matches!(c.acknowledgement(), Acknowledgement::Due { .. }))
            .count(),
        1
    );
    test.at_hour(20.5);
    test.work().await;
    assert_eq!(
        test.cases()
            .await
            .iter()
            .filter(|c| matches!(c.acknowledgement(), Acknowledgement::ByHand { .. }))
            .count(),
        2
    );
}

#[tokio::test]
async fn half_of_a_domains_answers_are_kept_for_who_is_proven_to_ask() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    let named = |kind: &str| -> Vec<String> {
        let names = (0..8).map(|n| format!("{kind}{n}@mail.example"));
        names.collect()
    };
    let (forged, proven) = (named("forged"), named("proven"));
    let numbered = |from: u64, names: &'static [String]| -> Vec<(u64, &'static str)> {
        (from..).zip(names.iter().map(String::as_str)).collect()
    };
    let sent_to = |kind: &str| {
        let sent = test.sent().into_iter();
        sent.filter(|l| l.contains(&format!("To: {kind}"))).count()
    };
    test.arrive(&numbered(1, forged.leak())).await;
    test.at_hour(0.1);
    test.work().await;
    assert_eq!(sent_to("forged"), 3);
    test.arrive_proven(&numbered(11, proven.leak())).await;
    test.at_hour(0.2);
    test.work().await;
    assert_eq!((sent_to("forged"), sent_to("proven")), (3, 3));
}

/// A flood in others' names uses up the calls of the hour, and with them nobody hears of its own
/// held-up acknowledgements. Of those that were held up for somebody proven, humans hear.
#[tokio::test]
async fn a_flood_hides_no_proven_writer_whose_acknowledgement_it_held_up() {
    let test = Test::with(Caps {
        calls_per_hour: 1,
        ..CAPS
    })
    .await;
    test.opener.up.store(true, Ordering::SeqCst);
    let flood = [1, 2, 3, 4].map(|uid| (uid, "victim@c.example"));
    test.arrive(&flood).await;
    test.at_hour(0.1);
    test.work().await;
    let own = [5, 6, 7, 8].map(|uid| (uid, "ada@b.example"));
    test.arrive_proven(&own).await;
    test.at_hour(0.2);
    test.work().await;
    let mut called = Vec::new();
    for case in test.cases().await {
        if !matches!(case.acknowledgement(), Acknowledgement::ByHand { .. }) {
            continue;
        }
        let store = &test.desk.parts.store;
        let journal = store.journal(case.id()).await.unwrap();
        let letters = store.letters_of(case.id()).await.unwrap();
        let writer = letters[0].originator.as_ref().unwrap().as_str().to_owned();
        let calls = journal
            .iter()
            .filter(|line| line.event == JournalEvent::RespondersCalled);
        called.push((writer, calls.count()));
    }
    called.sort();
    let of = |writer: &str, calls: usize| (writer.to_owned(), calls);
    assert_eq!(called.len(), 4, "{called:?}");
    assert_eq!(called[0], of("ada@b.example", 1));
    let of_flood: usize = called[1..].iter().map(|(_, calls)| calls).sum();
    assert!(of_flood <= 1, "{called:?}");
}

/// A reading tells what a key opened, by what it spends, or by ending on it: nothing that an answer is
/// sealed with may come from it.
#[tokio::test]
async fn certificates_are_kept_from_outside_whatever_becomes_of_the_reading() {
    for deaths in [false, true] {
        let test = Test::new().await;
        test.opener.up.store(true, Ordering::SeqCst);
        test.opener.deaths.store(deaths, Ordering::SeqCst);
        let show = |fingerprint: &str| {
            *test.opener.shows.lock().unwrap() = Some(BroughtCertificate {
                fingerprint: fingerprint.to_owned(),
                in_clear: true,
                pinnable: true,
                armored: format!("armored {fingerprint}"),
            });
        };
        let pinned = async |address: &str| {
            let address = Address::parse(address).unwrap();
            let pinned = test.desk.parts.store.pinned(&address).await.unwrap();
            pinned.map(|pinned| (pinned.fingerprint, pinned.contested))
        };
        show("AA");
        test.arrive_proven(&[(1, "ada@b.example")]).await;
        test.arrive(&[(2, "eve@c.example")]).await;
        for _ in 0..4 {
            let _ = reading_loop::round(&test.desk).await;
        }
        assert_eq!(pinned("ada@b.example").await, None, "before its hour");
        test.at_hour(0.1);
        test.work().await;
        assert_eq!(pinned("ada@b.example").await, Some(("AA".to_owned(), None)));
        assert_eq!(pinned("eve@c.example").await, None, "nobody proves them");
        // A later letter in her case, to which no acknowledgement is owed.
        show("BB");
        let again = "Authentication-Results: mx.desk.example; dmarc=pass header.from=b.example\r\n\
                     References: <1@x>\r\n";
        test.arrive_with(&[(3, "ada@b.example")], |_| again.to_owned())
            .await;
        assert_eq!(test.cases().await.len(), 2);
        test.at_hour(0.2);
        test.work().await;
        let (first, contested) = pinned("ada@b.example").await.unwrap();
        assert_eq!((first.as_str(), contested.is_some()), ("AA", true));
    }
}

/// A letter that ended the opener is read alone, and everybody else waits for it: not for ever.
#[tokio::test]
async fn a_suspect_that_does_not_end_is_given_up() {
    let test = Test::new().await;
    test.arrive(&[(1, "ada@b.example")]).await;
    let ended = OpenerError::Ended("test".to_owned());
    test.opener.endings.lock().unwrap().push_back(ended);
    test.opener.hangs_s.store(60, Ordering::SeqCst);
    test.opener.deaths.store(true, Ordering::SeqCst);
    // A real clock beside the runtime's, which the opener turns.
    let (read, is_read) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if is_read.recv_timeout(Duration::from_secs(60)).is_err() {
            eprintln!("the letter is read for ever");
            std::process::abort();
        }
    });
    for _ in 0..4 {
        reading_loop::round(&test.desk).await.unwrap();
    }
    read.send(()).unwrap();
    let tally = test.desk.parts.store.tally().await.unwrap();
    assert_eq!((tally.set_aside, tally.unread), (1, 0));
}

#[tokio::test]
async fn a_letter_on_which_readers_die_twice_is_set_aside_and_still_acknowledged() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    test.opener.deaths.store(true, Ordering::SeqCst);
    test.arrive(&[(1, "ada@b.example")]).await;
    for _ in 0..4 {
        reading_loop::round(&test.desk).await.unwrap();
    }
    let tally = test.desk.parts.store.tally().await.unwrap();
    assert_eq!((tally.set_aside, tally.unread), (1, 0));
    test.at_hour(0.1);
    test.work().await;
    assert!(test.sent().iter().any(|l| l.contains("To: ada@b.example")));
}

#[tokio::test]
async fn a_letter_that_ends_the_opener_is_found_although_the_opener_is_down_in_between() {
    let test = Test::new().await;
    test.arrive(&[(1, "ada@b.example")]).await;
    let ended = || OpenerError::Ended("test".to_owned());
    let down = || OpenerError::Down("test".to_owned());
    *test.opener.endings.lock().unwrap() =
        [ended(), down(), ended(), down(), ended(), down()].into();
    let (_never, stop) = tokio::sync::watch::channel(false);
    let turn = Turn {
        desk: Arc::clone(&test.desk),
        stop,
    };
    let mut reading = ReadingLoop::default();
    // Each round but the last fails where the opener is down; what is known of the letter stays.
    for _ in 0..4 {
        let _ = tokio::time::timeout(Duration::from_secs(2), reading.round(&turn)).await;
    }
    let tally = test.desk.parts.store.tally().await.unwrap();
    assert_eq!((tally.set_aside, tally.unread), (1, 0));
}

#[tokio::test]
async fn many_deaths_of_readers_are_told_on_the_next_day_by_mail_alone() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    test.opener.deaths.store(true, Ordering::SeqCst);
    let senders: Vec<String> = (0..4).map(|n| format!("l{n}@b.example")).collect();
    let letters: Vec<(u64, &str)> = (1..).zip(senders.iter().map(String::as_str)).collect();
    test.arrive(&letters).await;
    for _ in 0..16 {
        reading_loop::round(&test.desk).await.unwrap();
    }
    // When a letter came and when it is told must not be put together: `status` knows at once.
    let faults = test.desk.faults();
    assert!(
        faults.iter().any(|(what, ..)| what == "readers"),
        "{faults:?}"
    );
    let calls = async || {
        let (now, all) = (test.desk.now(), Duration::from_secs(60));
        let mut found = Vec::new();
        for queue in OutboxQueue::ALL {
            let leased = test.desk.parts.store.lease(queue, now, all, 100).await;
            found.extend(leased.unwrap().into_iter().filter_map(|leased| {
                let about_desk = leased.effect.case.is_none();
                about_desk.then_some(leased.effect.work)
            }));
        }
        found
    };
    deadlines::round(&test.desk).await.unwrap();
    assert_eq!(calls().await, []);
    test.at_hour(24.0);
    for _ in 0..2 {
        deadlines::round(&test.desk).await.unwrap();
    }
    assert_eq!(calls().await, [Work::CallByMail(Reason::FaultLasts)]);
    assert!(test.desk.faults().is_empty());
}

#[tokio::test]
async fn an_opener_that_is_down_costs_no_letter_its_tries() {
    let test = Test::new().await;
    test.arrive(&[(1, "ada@b.example")]).await;
    for _ in 0..5 {
        assert!(reading_loop::round(&test.desk).await.is_err());
    }
    let tally = test.desk.parts.store.tally().await.unwrap();
    assert_eq!((tally.set_aside, tally.unread), (0, 1));
}

#[tokio::test]
async fn loops_that_work_beside_one_another_undo_nothing() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    test.arrive(&[(1, "ada@b.example")]).await;
    // Two loops saw the case as it was at first.
    let seen = test.cases().await.remove(0);
    test.at_hour(0.1);
    test.work().await;
    let now = test.clock.now();
    let stale = sealdesk::decide::on_clock(
        &seen,
        &Policy {
            alarm_before: jiff::SignedDuration::from_hours(24),
            ..Policy::default()
        },
        now,
    );
    assert!(stale.case.is_some());
    test.desk.parts.store.commit(&stale, now).await.unwrap();
    assert!(
        matches!(
            test.cases().await[0].acknowledgement(),
            Acknowledgement::Sent { .. }
        ),
        "what was sent stays sent"
    );
}

#[tokio::test]
async fn a_doubt_is_counted() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    test.arrive(&[(1, "ada@b.example")]).await;
    test.at_hour(0.1);
    let now = test.clock.now();
    let store = &test.desk.parts.store;
    let leased = store
        .lease(OutboxQueue::Answers, now, Duration::from_secs(60), 8)
        .await
        .unwrap()
        .remove(0);
    let retry = sealdesk::ports::Outcome::Retry {
        at: now,
        why: "the answer was lost".to_owned(),
        in_doubt: true,
    };
    store.settle(&leased.effect.key, &retry, now).await.unwrap();
    test.work().await;
    assert_eq!(
        (
            test.sent().len(),
            store.tally().await.unwrap().sent_twice_perhaps
        ),
        (1, 1)
    );
}

/// Anybody can write a report that a letter came back; whoever is proven to have written is there.
#[tokio::test]
async fn an_address_from_which_a_letter_came_back_is_answered_where_it_is_proven() {
    let test = Test::new().await;
    test.opener.up.store(true, Ordering::SeqCst);
    for (n, (from, is_proven)) in [("ada@b.example", true), ("eve@c.example", false)]
        .into_iter()
        .enumerate()
    {
        let (first, second) = (2 * n as u64 + 1, 2 * n as u64 + 2);
        let arrive = async |uid| match is_proven {
            true => test.arrive_proven(&[(uid, from)]).await,
            false => test.arrive(&[(uid, from)]).await,
        };
        let hour = 30.0 * n as f64;
        test.at_hour(hour);
        arrive(first).await;
        test.at_hour(hour + 0.1);
        test.work().await;
        let answers = || test.sent().iter().filter(|l| l.contains(from)).count();
        assert_eq!(answers(), 1, "{from}");
        let came_back = sealdesk::ports::Outcome::Done {
            decision: Decision {
                unreachable: Some(Address::parse(from).unwrap()),
                ..Decision::default()
            },
            left: None,
        };
        test.at_hour(hour + 25.0);
        let store = &test.desk.parts.store;
        let key = EffectKey::canary("test", from);
        store
            .settle(&key, &came_back, test.clock.now())
            .await
            .unwrap();
        arrive(second).await;
        test.at_hour(hour + 25.1);
        test.work().await;
        assert_eq!(answers(), 1 + usize::from(is_proven), "{from}");
    }
}

#[tokio::test]
async fn a_letter_that_cannot_be_fetched_stops_no_other() {
    let test = Test::new().await;
    let letters = (1..=3)
        .map(|uid| {
            (
                uid,
                format!("From: u{uid}@b.example\r\n\r\nhello {uid}\r\n"),
            )
        })
        .collect();
    let mut mailbox = TestMailbox {
        letters,
        broken: vec![2],
        ..TestMailbox::default()
    };
    let settled = Arc::clone(&mailbox.settled);
    let mut failures = HashMap::new();
    let store = &test.desk.parts.store;
    // What lies behind it comes with the next look, and not when it is given up.
    for minute in 0..2 {
        test.at_hour(f64::from(minute) / 60.0);
        assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
    }
    assert_eq!(store.tally().await.unwrap().letters, 2);
    let mut uids = settled.lock().unwrap().clone();
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids, [1, 3], "the broken one stays on the server");
    let cursors = store.cursors("test").await.unwrap();
    assert_eq!(cursors, [("INBOX".to_owned(), 7, 1)]);
    assert_eq!(test.calls_about_a_letter().await, 0);
    test.at_hour(6.5);
    assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
    assert_eq!(test.calls_about_a_letter().await, 1);
    assert!(test.deliver(&mut mailbox, &mut failures).await.is_ok());
    let cursors = store.cursors("test").await.unwrap();
    assert_eq!(cursors, [("INBOX".to_owned(), 7, 3)]);
}

#[tokio::test]
async fn what_is_odd_about_one_letter_keeps_no_other_waiting() {
    let test = Test::new().await;
    let letter = |uid| {
        let text = format!("From: u{uid}@b.example\r\n\r\nhello {uid}\r\n");
        (uid, text)
    };
    let mut mailbox = TestMailbox {
        letters: (1..=3).map(letter).collect(),
        withheld: vec![2],
        ..TestMailbox::default()
    };
    let mut failures = HashMap::new();
    let store = &test.desk.parts.store;
    // The others come at once; the odd one is tried for hours, and then humans are called.
    for hour in [1.0, 3.0, 6.9, 7.1] {
        assert_eq!(test.calls_about_a_letter().await, 0);
        test.at_hour(hour);
        assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
        assert_eq!(store.tally().await.unwrap().letters, 2, "hour {hour}");
    }
    assert_eq!(test.calls_about_a_letter().await, 1);
    assert!(test.deliver(&mut mailbox, &mut failures).await.is_ok());
    let cursors = store.cursors("test").await.unwrap();
    assert_eq!(cursors, [("INBOX".to_owned(), 7, 3)]);
    let odd = MailboxUid {
        folder: "INBOX".to_owned(),
        validity: 7,
        uid: 2,
    };
    let known = store.known("test", std::slice::from_ref(&odd)).await;
    assert!(known.unwrap().contains(&odd), "it is noted as left lying");
}

#[tokio::test]
async fn a_server_that_gives_nothing_for_a_while_leaves_no_letter_lying() {
    let test = Test::new().await;
    let letter = |uid| {
        let text = format!("From: u{uid}@b.example\r\n\r\nhello {uid}\r\n");
        (uid, text)
    };
    let mut mailbox = TestMailbox {
        letters: (1..=3).map(letter).collect(),
        withheld: vec![1, 2, 3],
        ..TestMailbox::default()
    };
    let mut failures = HashMap::new();
    for minute in [0, 1, 2, 3, 4, 120, 350] {
        test.at_hour(f64::from(minute) / 60.0);
        assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
    }
    mailbox.withheld.clear();
    test.deliver(&mut mailbox, &mut failures).await.unwrap();
    assert_eq!(test.desk.parts.store.tally().await.unwrap().letters, 3);
}

#[tokio::test]
async fn a_lone_letter_outlasts_an_outage_of_its_server() {
    for by_error in [false, true] {
        let test = Test::new().await;
        let mut mailbox = TestMailbox {
            letters: vec![(1, "From: ada@b.example\r\n\r\nhello\r\n".to_owned())],
            ..TestMailbox::default()
        };
        let lying = if by_error {
            &mut mailbox.broken
        } else {
            &mut mailbox.withheld
        };
        lying.push(1);
        let mut failures = HashMap::new();
        for minute in 0..30 {
            test.at_hour(f64::from(minute) / 60.0);
            assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
        }
        (mailbox.broken, mailbox.withheld) = (Vec::new(), Vec::new());
        let admitted = test.deliver(&mut mailbox, &mut failures).await;
        assert_eq!(admitted.unwrap(), 1, "{by_error}");
    }
}

#[tokio::test]
async fn letters_that_are_refused_for_good_do_not_keep_a_quiet_mailbox_failing() {
    let test = Test::new().await;
    let letter = |uid| (uid, format!("From: u{uid}@b.example\r\n\r\nhello\r\n"));
    let mut mailbox = TestMailbox {
        letters: (1..=2).map(letter).collect(),
        withheld: vec![1, 2],
        ..TestMailbox::default()
    };
    let mut failures = HashMap::new();
    for hour in [0.0, 3.0, 6.5] {
        test.at_hour(hour);
        assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
    }
    assert_eq!(test.calls_about_a_letter().await, 2);
    assert!(test.deliver(&mut mailbox, &mut failures).await.is_ok());
}

#[tokio::test]
async fn the_cursor_stops_before_every_letter_that_is_not_ours() {
    let test = Test::new().await;
    let state = test.folder.path().join("state");
    let file = state.join("desk.sqlite");
    let sql = async |sql: &'static str| {
        let mut sqlite = std::process::Command::new("sqlite3");
        sqlite.args(["-cmd", ".timeout 10000"]).arg(&file).arg(sql);
        let done = tokio::task::spawn_blocking(move || sqlite.status()).await;
        assert!(done.unwrap().unwrap().success());
    };
    // The first is kept in a row and the second, which is large, in a file: both can't be written.
    let mut mailbox = TestMailbox {
        letters: vec![
            (1, "From: ada@b.example\r\n\r\nhello\r\n".to_owned()),
            (
                2,
                format!("From: ben@c.example\r\n\r\n{}", "x\r\n".repeat(100_000)),
            ),
        ],
        ..TestMailbox::default()
    };
    sql("CREATE TRIGGER no_room BEFORE INSERT ON letter BEGIN SELECT RAISE(ABORT, 'no'); END;")
        .await;
    std::fs::rename(state.join("spool"), state.join("away")).unwrap();
    let mut failures = HashMap::new();
    assert!(test.deliver(&mut mailbox, &mut failures).await.is_err());
    let store = &test.desk.parts.store;
    assert_eq!(store.cursors("test").await.unwrap(), []);
    // A turn to write that failed is taken back by the next.
    store.set_cursor("another", "INBOX", 7, 1).await.unwrap();
    sql("DROP TRIGGER no_room;").await;
    std::fs::rename(state.join("away"), state.join("spool")).unwrap();
    assert_eq!(test.deliver(&mut mailbox, &mut failures).await.unwrap(), 2);
}
