//! What leaves for outsiders, and when, is the same whether encrypted letters open, stay shut, or end
//! their readers.
//!
//! The same story is played in three worlds that differ in this alone. People write in clear and
//! encrypted, answer to what they wrote and to what they got, name cases where only decryption shows
//! it, write as machines, and send delivery reports.

use super::world::{Running, Sealed, Settings, Shared, World, mail_key};
use super::{Dice, START, on_all_cores, seeds};
use regex::Regex;
use sealdesk::decide::Policy;
use sealdesk::desk::Responder;
use sealdesk::model::address::Address;
use sealdesk::model::page::PageAccess;
use sealdesk::openpgp::{self, GeneratedKey};
use sealdesk::pipeline::reading_loop;
use sealdesk::ports::Parcel;
use sequoia_openpgp::Cert;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Signer};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

const PEOPLE: u64 = 3;

#[derive(Clone, Copy, Debug)]
enum Event {
    Letter(Letter),
    /// All loops go round, and so many seconds pass.
    Rounds(i64),
    /// Letters arrive and answers leave, and nothing is read.
    UnreadFor(i64),
}

#[derive(Clone, Copy, Debug)]
struct Letter {
    from: u64,
    content: Content,
    encrypted: Encrypted,
    /// What its outside answers to.
    thread: Names,
    /// What its inside names, in a subject with a case's tag and in its references.
    inside: Names,
    /// What its outer subject names by a case's tag, where none stands inside.
    outer_subject: Names,
    header: Header,
    attaches_certificate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Encrypted {
    No,
    Signed,
    Unsigned,
    ToSomebodyElse,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Report,
    Public,
    KeyRequest,
    Hello,
    Advertisement,
}

#[derive(Clone, Copy, Debug)]
enum Names {
    Nothing,
    /// One of the letters to the desk.
    Theirs(u64),
    /// One of the letters that the desk sent.
    Ours(u64),
}

#[derive(Clone, Copy, Debug)]
enum Header {
    Plain,
    AutoReplied,
    Bulk,
    /// To the tag of one of the letters that the desk sent, about one of them.
    DeliveryReport {
        to: u64,
        about: u64,
    },
}

fn story(seed: u64) -> Vec<Event> {
    let mut dice = Dice(seed ^ 0x7077_1115);
    let length = 8 + dice.roll(16);
    (0..length)
        .map(|_| match dice.roll(12) {
            0..=7 => Event::Letter(letter(&mut dice)),
            8 | 9 => Event::Rounds(1 + dice.roll(20) as i64),
            10 => Event::Rounds(dice.roll(900) as i64),
            _ => Event::UnreadFor(1 + dice.roll(240) as i64),
        })
        .collect()
}

fn letter(dice: &mut Dice) -> Letter {
    use Content::{Advertisement, Hello, KeyRequest, Public, Report};
    use Encrypted::{No, Signed, ToSomebodyElse, Unsigned};
    let names = |dice: &mut Dice| match dice.roll(5) {
        0 => Names::Theirs(dice.roll(8)),
        1 | 2 => Names::Ours(dice.roll(6)),
        _ => Names::Nothing,
    };
    Letter {
        from: dice.roll(PEOPLE),
        content: [Report, Report, Public, KeyRequest, Hello, Advertisement][dice.roll(6) as usize],
        encrypted: [No, Signed, Signed, Unsigned, Unsigned, ToSomebodyElse][dice.roll(6) as usize],
        thread: names(dice),
        inside: names(dice),
        outer_subject: names(dice),
        header: match dice.roll(10) {
            0 => Header::AutoReplied,
            1 => Header::Bulk,
            2 => Header::DeliveryReport {
                to: dice.roll(6),
                about: dice.roll(6),
            },
            _ => Header::Plain,
        },
        attaches_certificate: dice.roll(3) == 0,
    }
}

/// Keys are made once: they cost more than a story.
fn key_of(person: u64) -> &'static GeneratedKey {
    static KEYS: OnceLock<Vec<GeneratedKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let made = |person| {
            let address = format!("person{person}@crowd.example");
            openpgp::generate(&address, "Person", openpgp::Profile::V4).unwrap()
        };
        (0..=PEOPLE).map(made).collect()
    });
    &keys[person as usize]
}

/// Armored ciphertext.
fn encrypted(text: &str, to: &GeneratedKey, signer: Option<&GeneratedKey>) -> String {
    let policy = StandardPolicy::new();
    let to = Cert::from_bytes(to.public_armored.as_bytes()).unwrap();
    let recipients = to
        .keys()
        .with_policy(&policy, None)
        .supported()
        .for_transport_encryption();
    let mut octets = Vec::new();
    let message = Message::new(&mut octets);
    let mut message = Encryptor::for_recipients(message, recipients)
        .build()
        .unwrap();
    if let Some(signer) = signer {
        let cert = Cert::from_bytes(signer.secret_armored.expose()).unwrap();
        let keys = cert.keys().secret().with_policy(&policy, None);
        let key = keys.for_signing().next().unwrap().key().clone();
        let signer = Signer::new(message, key.into_keypair().unwrap()).unwrap();
        message = signer.build().unwrap();
    }
    let mut literal = LiteralWriter::new(message).build().unwrap();
    literal.write_all(text.as_bytes()).unwrap();
    literal.finalize().unwrap();
    openpgp::armored_message(&octets).unwrap().replace('\r', "")
}

impl Letter {
    /// `n` tells it from others, and `answers` are the letters that left for people so far.
    fn text(&self, n: usize, answers: &[Answer]) -> String {
        let from = format!("person{}@crowd.example", self.from);
        let (return_path, from_field, to, extra) = match self.header {
            Header::Plain => (from.as_str(), from.as_str(), None, ""),
            Header::AutoReplied => (
                from.as_str(),
                from.as_str(),
                None,
                "Auto-Submitted: auto-replied\n",
            ),
            Header::Bulk => (from.as_str(), from.as_str(), None, "Precedence: bulk\n"),
            Header::DeliveryReport { to, .. } => (
                "",
                "mailer-daemon@crowd.example",
                nth(answers, to).map(|answer| answer.sender.as_str()),
                "Auto-Submitted: auto-replied\n",
            ),
        };
        let to = to.unwrap_or("security@desk.example");
        let mut head = format!(
            "Return-Path: <{return_path}>\nAuthentication-Results: mx.desk.example; dmarc=pass \
             header.from=crowd.example\nFrom: {from_field}\nTo: {to}\nMessage-ID: \
             <{n}@crowd.example>\n{extra}MIME-Version: 1.0\n"
        );
        if let Some(id) = self.thread.message_id(n, answers) {
            head += &format!("In-Reply-To: <{id}>\nReferences: <{id}>\n");
        }
        let entity = if let Header::DeliveryReport { about, .. } = self.header {
            delivery_report(nth(answers, about))
        } else {
            self.entity(n, answers)
        };
        if self.encrypted == Encrypted::No {
            return format!("{head}Subject: {}\n{entity}", self.content.subject());
        }
        let signer = (self.encrypted == Encrypted::Signed).then(|| key_of(self.from));
        let to = if self.encrypted == Encrypted::ToSomebodyElse {
            key_of(PEOPLE)
        } else {
            mail_key()
        };
        let armored = encrypted(&entity, to, signer);
        format!(
            "{head}Subject: {}\nContent-Type: multipart/encrypted; \
             protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: \
             application/pgp-encrypted\n\nVersion: 1\n\n--b\nContent-Type: \
             application/octet-stream\n\n{armored}\n--b--\n",
            self.subject_outside(answers).unwrap_or("...".to_owned()),
        )
    }

    /// A subject that everybody on the way can write, with the tag of a case.
    fn subject_outside(&self, answers: &[Answer]) -> Option<String> {
        let Names::Ours(named) = self.outer_subject else {
            return None;
        };
        let answer = nth(answers, named)?;
        Some(format!("Re: [{}] {}", answer.case, self.content.subject()))
    }

    fn entity(&self, n: usize, answers: &[Answer]) -> String {
        let mut subject = self.content.subject().to_owned();
        let mut references = String::new();
        if let Some(id) = self.inside.message_id(n, answers) {
            references = format!("In-Reply-To: <{id}>\nReferences: <{id}>\n");
        }
        if let Names::Ours(named) = self.inside
            && let Some(answer) = nth(answers, named)
        {
            subject = format!("Re: [{}] {subject}", answer.case);
        }
        let protected = match self.encrypted {
            Encrypted::No => String::new(),
            _ if self.subject_outside(answers).is_some() => references,
            _ => format!(
                "From: person{}@crowd.example\nSubject: {subject}\n{references}",
                self.from
            ),
        };
        let text = self.content.text(n);
        let part = |mark: &str| format!("Content-Type: text/plain{mark}\n");
        if !self.attaches_certificate {
            return format!("{}{protected}\n{text}", part("; hp=\"cipher\""));
        }
        format!(
            "Content-Type: multipart/mixed; boundary=m; hp=\"cipher\"\n{protected}\n--m\n{}\n{text}\n--m\n\
             Content-Type: application/pgp-keys\n\n{}\n--m--\n",
            part(""),
            key_of(self.from).public_armored.replace('\r', "")
        )
    }
}

impl Content {
    fn subject(self) -> &'static str {
        match self {
            Self::Report | Self::Public => "XSS in acme",
            Self::KeyRequest => "PGP key",
            Self::Hello => "hello",
            Self::Advertisement => "Grow your business",
        }
    }

    fn text(self, n: usize) -> String {
        match self {
            Self::Report => format!(
                "There is an XSS (CWE-79) in acme 1.{n}.\n\nSteps to reproduce:\n\n1. open it\n2. look\n"
            ),
            Self::Public => format!(
                "Somebody published an exploit of acme 1.{n} today, it is public. CVSS is 9.8.\n"
            ),
            Self::KeyRequest => "Please send me your public PGP key.\n".to_owned(),
            Self::Hello => format!("Is anybody there? I ask for the {n}th time.\n"),
            Self::Advertisement => {
                "Buy cheap backlinks and guest posts, unsubscribe here, limited offer!\n".to_owned()
            }
        }
    }
}

impl Names {
    fn message_id(self, n: usize, answers: &[Answer]) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Theirs(earlier) => {
                (n > 0).then(|| format!("{}@crowd.example", earlier % n as u64))
            }
            Self::Ours(answer) => nth(answers, answer).map(|answer| answer.message_id.clone()),
        }
    }
}

fn nth(answers: &[Answer], n: u64) -> Option<&Answer> {
    answers.get((n % answers.len().max(1) as u64) as usize)
}

fn delivery_report(of: Option<&Answer>) -> String {
    let id = of.map_or("unknown@desk.example", |answer| &answer.message_id);
    format!(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=d\n\n--d\n\nIt failed.\n\
         --d\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.crowd.example\n\n\
         Final-Recipient: rfc822; person0@crowd.example\nAction: failed\nStatus: 5.1.1\n\n--d\n\
         Content-Type: message/rfc822\n\nFrom: security@desk.example\nMessage-ID: <{id}>\n\n.\n--d--\n"
    )
}

/// A letter that left for somebody outside.
struct Answer {
    message_id: String,
    case: String,
    sender: String,
}

fn is_call(parcel: &Parcel) -> bool {
    parcel.envelope_recipient.to_string() == "rita@desk.example"
}

/// What was composed.
fn fields(parcel: &Parcel) -> Value {
    serde_json::from_slice(&parcel.octets).unwrap()
}

fn answers(world: &World) -> Vec<Answer> {
    sent(world, false)
        .into_iter()
        .map(|(_, parcel)| {
            let fields = fields(parcel);
            let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
            Answer {
                message_id: text("message_id"),
                case: text("case"),
                sender: parcel.envelope_sender.as_ref().unwrap().to_string(),
            }
        })
        .collect()
}

/// Names that are drawn by lot, each world for itself, as the order in which they are first seen.
#[derive(Default)]
struct Ordinals(HashMap<String, usize>);

impl Ordinals {
    fn replaced(&mut self, text: &str) -> String {
        let replaced = drawn().replace_all(text, |found: &regex::Captures<'_>| {
            let next = self.0.len();
            let n = *self.0.entry(found[0].to_owned()).or_insert(next);
            format!("#{n}")
        });
        replaced.into_owned()
    }
}

fn drawn() -> &'static Regex {
    static DRAWN: OnceLock<Regex> = OnceLock::new();
    DRAWN.get_or_init(|| Regex::new(r"SD-[0-9A-Z]{10}|\b[0-9a-f]{20,}\b").unwrap())
}

/// All that outsiders see, and all that whoever watches the responders' mail sees: when calls left,
/// thread by thread.
fn seen(world: &World) -> Vec<String> {
    let mut ordinals = Ordinals::default();
    let mut seen: Vec<String> = sent(world, false)
        .into_iter()
        .map(|(at, parcel)| {
            let text = String::from_utf8_lossy(&parcel.octets);
            let line = format!("{} to {}: {text}", at - START, parcel.envelope_recipient);
            ordinals.replaced(&line)
        })
        .collect();
    let mut threads: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (at, parcel) in sent(world, true) {
        let thread = fields(parcel)["thread"].to_string();
        threads.entry(thread).or_default().push(at - START);
    }
    let mut threads: Vec<Vec<i64>> = threads.into_values().collect();
    threads.sort();
    seen.extend(threads.iter().map(|times| format!("calls at {times:?}")));
    seen
}

/// What left, calls or answers. What left in one moment has an order that does not depend on names
/// drawn by lot.
fn sent(world: &World, calls: bool) -> Vec<(i64, &Parcel)> {
    let parcels = world.parcels.iter().map(|(at, parcel)| (*at, parcel));
    let mut sent: Vec<_> = parcels
        .filter(|(_, parcel)| is_call(parcel) == calls)
        .collect();
    sent.sort_by_cached_key(|(at, parcel)| {
        let text = String::from_utf8_lossy(&parcel.octets);
        (*at, drawn().replace_all(&text, "#").into_owned())
    });
    sent
}

async fn play(events: &[Event], sealed: Sealed) -> Vec<String> {
    let folder = tempfile::Builder::new()
        .tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let world: Shared = Arc::new(Mutex::new(World {
        now: START,
        validity: 1,
        next_uid: 1,
        sealed,
        ..World::default()
    }));
    let rita = Responder {
        name: "rita".to_owned(),
        address: Address::parse("rita@desk.example").unwrap(),
        login: None,
        tracker_login: None,
        page: PageAccess::default(),
        fingerprints: Vec::new(),
        armored: Vec::new(),
        ends: None,
        fault: None,
    };
    let settings = Settings {
        policy: Policy {
            sealed_call_tick: jiff::SignedDuration::from_secs(300),
            ..Policy::default()
        },
        responders: vec![rita],
        authserv_id: Some("mx.desk.example".to_owned()),
    };
    let mut running = Running::open_with(&world, folder.path(), settings).await;
    let mut written = 0;
    let end = [Event::Rounds(10), Event::Rounds(400), Event::Rounds(1000)];
    for event in events.iter().chain(&end) {
        match event {
            Event::Letter(letter) => {
                let mut world = world.lock().unwrap();
                let text = letter.text(written, &answers(&world)).replace('\n', "\r\n");
                let (uid, now) = (world.next_uid, world.now);
                world.next_uid += 1;
                world.lying.push((uid, text, now));
                written += 1;
            }
            Event::Rounds(seconds) => {
                running.intake().await;
                let _ = reading_loop::round(&running.desk).await;
                running.outbox().await;
                world.lock().unwrap().now += seconds;
                running.outbox().await;
            }
            Event::UnreadFor(seconds) => {
                running.intake().await;
                running.outbox().await;
                world.lock().unwrap().now += seconds;
                running.outbox().await;
            }
        }
    }
    seen(&world.lock().unwrap())
}

fn play_all(events: &[Event]) -> [Vec<String>; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    [Sealed::Open, Sealed::Shut, Sealed::Die].map(|sealed| runtime.block_on(play(events, sealed)))
}

#[test]
fn no_outsider_learns_whether_a_letter_could_be_opened() {
    let (from, to) = seeds("SEALDESK_TWINS", 0..60);
    let seen = Mutex::new((0, 0));
    let found: Mutex<Option<(u64, &'static str)>> = Mutex::new(None);
    on_all_cores(from..to, |seed| {
        let events = story(seed);
        let [open, shut, die] = play_all(&events);
        for (what, other) in [("stay shut", &shut), ("end their readers", &die)] {
            if open != *other && differing(&events, what).is_some() {
                found.lock().unwrap().get_or_insert((seed, what));
            }
        }
        let calls = open.iter().filter(|line| line.starts_with("calls")).count();
        let mut seen = seen.lock().unwrap();
        *seen = (seen.0 + open.len() - calls, seen.1 + calls);
        found.lock().unwrap().is_none()
    });
    if let Some((seed, what)) = found.into_inner().unwrap() {
        let (events, opened, differing) = shortest(story(seed), what);
        panic!(
            "seed {seed}: where letters open, this is seen: {opened:#?}\nwhere they {what}: \
             {differing:#?}\nin this story: {events:#?}"
        );
    }
    let (answers, threads) = seen.into_inner().unwrap();
    let stories = (to - from) as usize;
    assert!(
        answers > 2 * stories && threads > stories,
        "the stories show little: {answers} answers, {threads} threads of calls"
    );
}

/// What is seen where letters open, and what where they don't, if that is always something else:
/// what happens in one moment happens in an order that nobody chose.
fn differing(events: &[Event], what: &str) -> Option<(Vec<String>, Vec<String>)> {
    let mut seen = None;
    for _ in 0..8 {
        let [open, shut, die] = play_all(events);
        let other = if what == "stay shut" { shut } else { die };
        if open == other {
            return None;
        }
        seen = Some((open, other));
    }
    seen
}

/// The shortest story that still differs.
fn shortest(mut events: Vec<Event>, what: &str) -> (Vec<Event>, Vec<String>, Vec<String>) {
    let mut found = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < events.len() {
        let mut shorter = events.clone();
        shorter.remove(at);
        match differing(&shorter, what) {
            Some(pair) => (events, found) = (shorter, pair),
            None => at += 1,
        }
    }
    (events, found.0, found.1)
}
