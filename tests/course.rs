//! The way of a case from its letter to its retrospective, on a clock of the test's own: a real
//! opener, store and Maildir.

use sealdesk::adapters::opener::{OpenerClient, OpenerEndpoint};
use sealdesk::cases::{CommandOutcome, MailCommands};
use sealdesk::cases::{TO_BE_WRITTEN, execute, execute_all};
use sealdesk::config;
use sealdesk::control::{CaseView, Request, Status, Wanted, answer};
use sealdesk::decide::{Decision, Participant};
use sealdesk::desk::{Desk, DeskParts};
use sealdesk::model::Timestamp;
use sealdesk::model::address::Address;
use sealdesk::model::budget::Budget;
use sealdesk::model::case::Closing;
use sealdesk::model::case_command::{Asset, CaseCommand};
use sealdesk::model::case_record::Assessment;
use sealdesk::model::course::{Lane, Step};
use sealdesk::model::ids::CaseId;
use sealdesk::model::journal::JournalEvent;
use sealdesk::model::letter::Dmarc;
use sealdesk::openpgp::{self, Purpose, SecretKeys, certificates, generate_storage, seal_packets};
use sealdesk::pipeline::{deadlines, intake, outbox, reading_loop};
use sealdesk::ports::{Clock, JournalLine, OutboxQueue};
use sealdesk::wiring;
use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// Monday, 2 November 2026, 09:00 UTC.
const START: &str = "2026-11-02T09:00:00Z";

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A web server: the release's file, and a place to post.
struct Web {
    port: u16,
    posts: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Web {
    async fn start() -> Self {
        let posts: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&posts);
        let hook =
            axum::routing::post(move |body: String| async move { kept.lock().unwrap().push(body) });
        let app = axum::Router::new()
            .route(
                "/acme-web-2.3.2.tar",
                axum::routing::get(|| async { "release" }),
            )
            .route("/hook", hook);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, posts }
    }
}

struct Story {
    web: Web,
    folder: tempfile::TempDir,
    settings: config::Settings,
    desk: Desk,
    clock: Arc<TestClock>,
}

fn start() -> Timestamp {
    START.parse().unwrap()
}

impl Story {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let web = Web::start().await;
        let w = folder.path().display();
        let secret = folder.path().join("webhook");
        fs::write(&secret, format!("http://127.0.0.1:{}/hook", web.port)).unwrap();
        fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        for (name, address) in [
            ("desk", "security@desk.example"),
            ("rita", "rita@desk.example"),
            ("distro", "security@distro.example"),
            ("gone", "security@gone.example"),
        ] {
            let made = Command::new(SEALDESK)
                .args(["key", "new", "--address", address, "--out"])
                .arg(folder.path().join(name))
                .output()
                .unwrap();
            assert!(made.status.success());
        }
        for sub in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("Maildir").join(sub)).unwrap();
        }
        let text = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{w}/state\"\nauthserv_id = \"mx.desk.example\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = \
             [\"{w}/desk/security.asc\"]\nstorage_certificate = \
             \"{w}/desk/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{w}/desk/security.secret.asc\"]\nstorage_key = \
             \"{w}/desk/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \
             \"in\"\npath = \"{w}/Maildir\"\n[courier]\nkind = \"folder\"\npath = \
             \"{w}/out\"\n[tracker]\nkind = \"folder\"\npath = \
             \"{w}/tracker\"\n[answers]\nask_missing = false\n[announcement]\nlists = \
             [\"dev@lists.example\"]\nwebhook_file = \"{w}/webhook\"\n[timeline]\nfix = {{ to = \"5d\" }}\n[release]\nzones \
             = [\"Asia/Tokyo\"]\nblackouts = [\"2026-11-09\"]\n[[responder]]\nname = \
             \"Rita\"\naddress = \"rita@desk.example\"\nlogin = \"rita\"\ncertificate = \
             \"{w}/rita/security.asc\"\n[[distributor]]\nname = \"Distro\"\naddress = \
             \"security@distro.example\"\ncertificate = \"{w}/distro/security.asc\"\ncontact = \
             \"+49 1\"\ncriteria = [\"monitored alias\"]\nvouched_by = \
             \"Stack\"\nembargo_accepted_on = \"2026-01-02\"\n[[distributor]]\nname = \
             \"Gone\"\naddress = \"security@gone.example\"\ncertificate = \
             \"{w}/gone/security.asc\"\ncontact = \"+49 2\"\ncriteria = []\nvouched_by = \
             \"Stack\"\nembargo_accepted_on = \"2025-01-02\"\nremoved_on = \"2026-06-01\"\n"
        );
        let file = folder.path().join("sealdesk.toml");
        fs::write(&file, text).unwrap();
        let settings = config::load(&file).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(start().as_millisecond())));
        let parts = wiring::desk(&settings).await.unwrap().parts;
        let doorstep = OpenerEndpoint::Child {
            program: SEALDESK.into(),
            arguments: vec![
                "opener".to_owned(),
                "--config".to_owned(),
                file.display().to_string(),
            ],
        };
        let opener = Arc::new(OpenerClient::new(
            doorstep,
            wiring::own_addresses(&settings),
        ));
        let desk = Desk::new(DeskParts {
            opener,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..parts
        });
        Self {
            web,
            folder,
            settings,
            desk,
            clock,
        }
    }

    /// So many hours after the start; everything that is due by then is done.
    async fn at_hour(&self, hours: i64) {
        self.clock.0.store(
            (start() + jiff::SignedDuration::from_hours(hours)).as_millisecond(),
            Ordering::SeqCst,
        );
        self.work().await;
        // An acknowledgement waits three seconds for the reader, and a call about a sealed letter ten.
        self.clock.0.fetch_add(10_000, Ordering::SeqCst);
        self.work().await;
    }

    async fn work(&self) {
        for mut watched in wiring::mailboxes(&self.settings).unwrap() {
            intake::round(
                &self.desk,
                watched.mailbox.as_mut(),
                watched.origin,
                &mut HashMap::new(),
            )
            .await
            .unwrap();
        }
        while reading_loop::round(&self.desk).await.unwrap() > 0 {}
        deadlines::round(&self.desk).await.unwrap();
        for lane in OutboxQueue::ALL {
            while outbox::round(&self.desk, lane).await.unwrap() > 0 {}
        }
    }

    /// A letter that arrives now.
    fn letter(&self, name: &str, subject: &str, body: &str) {
        self.raw_letter(
            name,
            &format!(
                "From: Ada <ada@reporter.example>\nTo: security@desk.example\nSubject: \
                 {subject}\nMessage-ID: <{name}@reporter.example>\n\n{body}\n"
            ),
        );
    }

    fn raw_letter(&self, name: &str, text: &str) {
        let path = self.folder.path().join("Maildir/new").join(name);
        fs::write(&path, text).unwrap();
        let at = std::time::SystemTime::UNIX_EPOCH
            + Duration::from_millis(self.clock.now().as_millisecond() as u64);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, question: Request) -> Result<T, String> {
        let value = answer(&self.desk, question, "responder rita")
            .await
            .map_err(|e| format!("{e:#}"))?;
        Ok(serde_json::from_value(value).unwrap())
    }

    async fn say(&self, id: &CaseId, command: CaseCommand) -> Result<String, String> {
        self.ask(Request::CaseCommand {
            id: id.clone(),
            command,
        })
        .await
    }

    async fn show(&self, id: &CaseId) -> CaseView {
        self.ask(Request::CaseShow { id: id.clone() })
            .await
            .unwrap()
    }

    async fn only_case(&self) -> CaseId {
        let lines: Vec<sealdesk::control::CaseLine> = self
            .ask(Request::CaseList(Wanted {
                all: true,
                ..Wanted::default()
            }))
            .await
            .unwrap();
        assert_eq!(lines.len(), 1);
        lines[0].id.clone()
    }

    /// What the command line shows of a case.
    fn read(&self, verb: &[&str], id: &CaseId) -> String {
        let shown = Command::new(SEALDESK)
            .arg("case")
            .args(verb)
            .arg(id.as_str())
            .arg("--config")
            .arg(&self.settings.file)
            .output()
            .unwrap();
        assert!(
            shown.status.success(),
            "{}",
            String::from_utf8_lossy(&shown.stderr)
        );
        String::from_utf8(shown.stdout).unwrap()
    }

    /// What responders were called for, in order.
    async fn calls(&self, id: &CaseId) -> Vec<String> {
        self.show(id)
            .await
            .journal
            .into_iter()
            .filter(|line| line.event == JournalEvent::RespondersCalled)
            .map(|line| line.detail)
            .collect()
    }
}

/// A distributor who was told writes in the case, and is proven to have; the reporter gave no single
/// address. Words for the reporter are for nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_the_reporter_reaches_no_distributor() {
    let story = Story::begin().await;
    story.raw_letter(
        "r1",
        &format!(
            "From: ada@reporter.example, bob@reporter.example\nTo: security@desk.example\nSubject: \
             Session cookie leaks in acme-web\nMessage-ID: <r1@reporter.example>\n\n{REPORT}"
        ),
    );
    story.at_hour(0).await;
    let id = story.only_case().await;
    let told = Decision {
        letter_of: Some(id.clone()),
        participant: Some(Participant {
            address: Address::parse("security@distro.example").unwrap(),
            is_proven: true,
        }),
        ..Decision::default()
    };
    let store = &story.desk.parts.store;
    store.commit(&told, story.clock.now()).await.unwrap();
    story.raw_letter(
        "d1",
        "Authentication-Results: mx.desk.example; dmarc=pass header.from=distro.example\nFrom: \
         security@distro.example\nTo: security@desk.example\nSubject: Re: notice\nMessage-ID: \
         <d1@distro.example>\nReferences: <r1@reporter.example>\n\nReceived, thank you.\n",
    );
    story.at_hour(1).await;
    let letters = store.letters_of(&id).await.unwrap();
    assert_eq!(letters.len(), 2, "it did not join");
    assert_eq!(letters[1].dmarc, Dmarc::Pass);
    let reply = Request::CaseReply {
        id: id.clone(),
        text: "The fix is ready; tell nobody.".to_owned(),
    };
    let refused = story.ask::<String>(reply).await.unwrap_err();
    assert!(refused.contains("no address"), "{refused}");
    story.at_hour(2).await;
    for letter in walk(&story.folder.path().join("out")) {
        let text = fs::read_to_string(&letter).unwrap();
        assert!(!text.contains("distro.example"), "{text}");
    }
}

/// Whoever learns the address that an answer came from can have a letter lie in its case. A draft
/// that is filed later takes up what the reporter is proven to have written, and nobody else's words.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_takes_up_the_reporters_words_and_no_strangers() {
    let story = Story::begin().await;
    let proven = |name: &str, domain: &str, to: &str, rest: &str| {
        format!(
            "Authentication-Results: mx.desk.example; dmarc=pass header.from={domain}\nFrom: \
             ada@{domain}\nTo: {to}\nMessage-ID: <{name}@{domain}>\n{rest}"
        )
    };
    let own = "security@desk.example";
    // The tracker is down when the first letter comes.
    let tracker = story.folder.path().join("tracker");
    fs::write(&tracker, "").unwrap();
    let report = format!("Subject: Session cookie leaks in acme-web\n\n{REPORT}");
    story.raw_letter("r1", &proven("r1", "reporter.example", own, &report));
    story.at_hour(0).await;
    let id = story.only_case().await;
    let answer = walk(&story.folder.path().join("out"))
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .find(|letter| letter.contains("X-Envelope-To: <ada@reporter.example>"))
        .unwrap();
    let bounce_address = answer
        .strip_prefix("Return-Path: <")
        .and_then(|rest| rest.split_once('>'))
        .unwrap()
        .0;
    let second = "Subject: Re: Session cookie\nReferences: <r1@reporter.example>\n\nIn acme-web 2.3.1 \
                  the cookie has no Secure attribute.\n";
    story.raw_letter("r2", &proven("r2", "reporter.example", own, second));
    let strange = "Subject: Re: Session cookie\nAuto-Submitted: auto-generated\n\nIn acme-web 2.3.1 a \
                   stranger found a remote code execution:\n1. log in\n2. run it\n";
    story.raw_letter(
        "s1",
        &proven("s1", "stranger.example", bounce_address, strange),
    );
    story.at_hour(1).await;
    let letters = story.desk.parts.store.letters_of(&id).await.unwrap();
    assert_eq!(letters.len(), 3, "a letter did not join");
    fs::remove_file(&tracker).unwrap();
    for hour in [5, 9] {
        story.at_hour(hour).await;
    }
    let filed: String = walk(&tracker)
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    assert!(filed.contains("no Secure attribute"), "{filed}");
    assert!(!filed.contains("remote code execution"), "{filed}");
}

/// Somebody who took a responder's sealed letter on its way sends it again in their name. Whether it
/// opens must not show: in answers, or in how often and how many responders are called.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_a_responders_name_is_told_alike_whether_or_not_it_opens() {
    let story = Story::begin().await;
    story.letter("r1", "Session cookie leaks in acme-web", REPORT);
    story.at_hour(0).await;
    let id = story.only_case().await;
    let key = |name: &str| fs::read(story.folder.path().join(name)).unwrap();
    let desk = certificates(&key("desk/security.asc")).unwrap();
    let secret = key("rita/security.secret.asc");
    let rita = SecretKeys::load(&secret, Purpose::Mail, None).unwrap();
    let out = story.folder.path().join("out");
    let call = walk(&out)
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .find(|letter| letter.contains("X-Envelope-To: <rita@desk.example>"))
        .unwrap();
    let (_, armor) = call.split_once("-----BEGIN PGP MESSAGE-----").unwrap();
    let armor = armor.split_once("-----END PGP MESSAGE-----").unwrap().0;
    let armor = format!("-----BEGIN PGP MESSAGE-----{armor}-----END PGP MESSAGE-----\n");
    let mut keys = SecretKeys::load(&secret, Purpose::Mail, None).unwrap();
    let opened = openpgp::open(armor.as_bytes(), &mut keys, &[], &Budget::ours()).unwrap();
    let opened = String::from_utf8(opened.plaintext).unwrap();
    let token = opened.split_once("Reply-Token: ").unwrap().1.trim_start();
    let token: String = token.chars().take_while(char::is_ascii_hexdigit).collect();
    // Her own letter, with files, so that it is refused and its token stays good.
    let inner = format!(
        "Content-Type: multipart/mixed; boundary=f\n\n--f\n\n/to security@desk.example\nWords.\n> \
         Reply-Token: {token}\n--f\nContent-Type: text/x-c; name=a.c\n\nmain\n--f--\n"
    );
    let sealed = |text: &str| {
        let signed = rita.sign_message(text.as_bytes()).unwrap();
        let packets = seal_packets(&desk, &signed).unwrap();
        openpgp::armored_message(&packets).unwrap()
    };
    let good = sealed(&inner);
    let stranger = generate_storage("another").unwrap();
    let stranger = certificates(stranger.public_armored.as_bytes()).unwrap();
    let packets = seal_packets(&stranger, &rita.sign_message(inner.as_bytes()).unwrap());
    let shut = openpgp::armored_message(&packets.unwrap()).unwrap();
    let mut hour = 0;
    let mut told = Vec::new();
    for (name, armor) in [("o", &good), ("s", &shut)] {
        let before = walk(&out).len();
        story.raw_letter(
            name,
            &format!(
                "From: rita@desk.example\nReply-To: mallory@desk.example\nTo: \
                 security@desk.example\nSubject: x\nMessage-ID: <{name}@x.example>\nContent-Type: \
                 multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
                 boundary=e\n\n--e\nContent-Type: application/pgp-encrypted\n\nVersion: \
                 1\n\n--e\nContent-Type: application/octet-stream\n\n{armor}\n--e--\n"
            ),
        );
        hour += 2;
        story.at_hour(hour).await;
        let all = walk(&out);
        told.push(all.len() - before);
        for file in all {
            let text = fs::read_to_string(file).unwrap();
            assert!(!text.contains("mallory@"), "{text}");
        }
    }
    assert_eq!(
        told,
        [1, 1],
        "calls about a letter that opened, and about one that did not"
    );
    let journal = story.desk.parts.store.journal(&id).await.unwrap();
    let refused = |line: &JournalLine| line.event == JournalEvent::ReplyRefused;
    assert!(
        journal.iter().any(refused),
        "the first one was not opened: {journal:?}"
    );
}

const REPORT: &str = "In acme-web 2.3.1 the session cookie can be read by a stranger.\n\nSteps to \
    reproduce:\n1. log in\n2. look\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_its_letter_to_its_retrospective() {
    let story = Story::begin().await;
    story.letter("r1", "Session cookie leaks in acme-web", REPORT);
    story.at_hour(0).await;
    let id = story.only_case().await;

    // The fix team is reminded of in time, and what was reached stops the clock.
    story.at_hour(20).await;
    assert_eq!(story.calls(&id).await, ["new-case", "fix-team-due"]);
    story
        .say(
            &id,
            CaseCommand::Reach {
                step: Step::FixTeam,
                at: None,
            },
        )
        .await
        .unwrap();
    assert!(
        story
            .say(
                &id,
                CaseCommand::Reach {
                    step: Step::FixTeam,
                    at: None
                }
            )
            .await
            .unwrap_err()
            .contains("was reached already")
    );
    story.at_hour(25).await;
    assert_eq!(story.calls(&id).await.len(), 2);

    // What the team found stands over what was reported.
    let vector = "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N".to_owned();
    let assessment = Assessment {
        cvss: Some(vector),
        product: Some("acme-web".to_owned()),
        fixed_versions: Some(vec!["2.3.2".to_owned()]),
        ..Assessment::default()
    };
    let told = story
        .say(
            &id,
            CaseCommand::Set {
                assessment: Box::new(assessment),
            },
        )
        .await
        .unwrap();
    assert!(told.contains("change it by hand"), "{told}");
    let credit = CaseCommand::Credit {
        login: None,
        name: Some("Ada".to_owned()),
        kind: "finder".to_owned(),
    };
    story.say(&id, credit).await.unwrap();
    story.work().await;
    let journal = story.show(&id).await.journal;
    // Files take no changes: nothing claims that they did.
    let amended = |line: &&JournalLine| line.event.as_str().starts_with("advisory");
    let events: Vec<_> = journal
        .iter()
        .filter(amended)
        .map(|l| l.event.as_str())
        .collect();
    assert_eq!(events, ["advisory left as it was filed"]);
    story
        .say(
            &id,
            CaseCommand::Note {
                text: "CANARY-NOTE: the cookie lacks HttpOnly".to_owned(),
            },
        )
        .await
        .unwrap();
    story
        .say(
            &id,
            CaseCommand::Assign {
                to: "rita".to_owned(),
            },
        )
        .await
        .unwrap();
    let view = story.show(&id).await;
    assert_eq!(
        (
            view.line.severity.as_deref(),
            view.line.assignee.as_deref(),
            view.record.notes.len()
        ),
        (Some("high"), Some("rita"), 1)
    );
    let bad = Assessment {
        cvss: Some("CVSS:3.1/AV:N".to_owned()),
        ..Assessment::default()
    };
    assert!(
        story
            .say(
                &id,
                CaseCommand::Set {
                    assessment: Box::new(bad)
                }
            )
            .await
            .unwrap_err()
            .contains("not a whole CVSS vector")
    );

    // The config's five days, not the policy's seven; it is late, and waits for an upstream
    // meanwhile.
    story.at_hour(4 * 24).await;
    assert_eq!(
        story.calls(&id).await.last().map(String::as_str),
        Some("fix-due")
    );
    story
        .say(
            &id,
            CaseCommand::Wait {
                why: "CANARY-NOTE: libcookie".to_owned(),
            },
        )
        .await
        .unwrap();
    story.at_hour(6 * 24).await;
    assert_eq!(
        story.calls(&id).await.len(),
        3,
        "a clock that stands still calls nobody"
    );
    story.say(&id, CaseCommand::GoOn).await.unwrap();
    story.at_hour(6 * 24 + 1).await;
    story
        .say(
            &id,
            CaseCommand::Reach {
                step: Step::Fix,
                at: None,
            },
        )
        .await
        .unwrap();

    let notice = || CaseCommand::NotifyDistributors {
        text: "acme-web 2.3.2 will fix CANARY-NOTE.".to_owned(),
    };
    assert!(
        story
            .say(&id, notice())
            .await
            .unwrap_err()
            .contains("no end of the embargo")
    );

    // Sunday the 8th: Monday is closed, Wednesday leaves three days of notice.
    let proposal: sealdesk::decide::Proposal = story
        .ask(Request::CaseReleaseDay {
            id: id.clone(),
            at: None,
        })
        .await
        .unwrap();
    assert_eq!(
        (proposal.at.to_string().as_str(), proposal.objections.len()),
        ("2026-11-11T16:00:00Z", 0)
    );
    assert_eq!(proposal.elsewhere, ["Thu 2026-11-12 01:00 Asia/Tokyo"]);
    let friday: Timestamp = "2026-11-13T16:00:00Z".parse().unwrap();
    let refused = story
        .say(
            &id,
            CaseCommand::ReleaseDay {
                at: Some(friday),
                despite_objections: false,
            },
        )
        .await
        .unwrap_err();
    assert!(refused.contains("it is a Friday"), "{refused}");
    story
        .say(
            &id,
            CaseCommand::ReleaseDay {
                at: Some(proposal.at),
                despite_objections: false,
            },
        )
        .await
        .unwrap();

    let early = CaseCommand::Announce {
        text: "A\nB".to_owned(),
        assets: Vec::new(),
        despite_assets: false,
        again: false,
    };
    assert!(
        story
            .say(&id, early)
            .await
            .unwrap_err()
            .contains("is not released")
    );

    // The distributors hear of it, encrypted to each, and who was removed does not.
    assert_eq!(
        story.say(&id, notice()).await.unwrap(),
        "1 distributors are told"
    );
    story.at_hour(6 * 24 + 2).await;
    let notices: Vec<_> = walk(&story.folder.path().join("out"))
        .into_iter()
        .filter(|path| {
            fs::read_to_string(path)
                .unwrap()
                .contains("Embargoed security notice")
        })
        .collect();
    let [notice] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    let key = story.folder.path().join("distro/security.secret.asc");
    let opened = Command::new(SEALDESK)
        .args(["open", "--key"])
        .arg(&key)
        .arg(notice)
        .output()
        .unwrap();
    let opened: serde_json::Value = serde_json::from_slice(&opened.stdout).unwrap();
    let text = opened["text"].as_str().unwrap();
    assert!(
        text.contains("EMBARGOED UNTIL Wednesday, 11 November 2026, 16:00 UTC")
            && text.contains("acme-web 2.3.2 will fix"),
        "{opened:#}"
    );
    assert!(
        fs::read_to_string(notice)
            .unwrap()
            .contains("To: security@distro.example")
    );
    assert_eq!(
        story
            .show(&id)
            .await
            .journal
            .iter()
            .filter(|line| line.event == JournalEvent::NoticeSent
                && line.detail.starts_with("Distro: "))
            .count(),
        1
    );

    story.at_hour(9 * 24 + 8).await;
    story
        .say(
            &id,
            CaseCommand::Link {
                what: "fix".to_owned(),
                to: "https://example.org/pull/7".to_owned(),
            },
        )
        .await
        .unwrap();
    story
        .say(
            &id,
            CaseCommand::Reach {
                step: Step::Release,
                at: Some(proposal.at),
            },
        )
        .await
        .unwrap();

    // Announced on a word: not with gaps, and not while a file is not what it should be.
    let announce = |text: &str, digest: &str, despite: bool| CaseCommand::Announce {
        text: text.to_owned(),
        assets: vec![Asset {
            url: format!("http://127.0.0.1:{}/acme-web-2.3.2.tar", story.web.port),
            sha256: digest.to_owned(),
        }],
        despite_assets: despite,
        again: false,
    };
    let draft = story.read(&["announcement"], &id);
    assert!(
        draft.starts_with("Subject: acme-web 2.3.2 fixes a vulnerability")
            && draft.contains("Fix       https://example.org/pull/7"),
        "{draft}"
    );
    let words = draft.replace(TO_BE_WRITTEN, "nothing");
    assert!(
        story
            .say(&id, announce(&draft, "", false))
            .await
            .unwrap_err()
            .contains("is still")
    );
    assert!(
        story
            .say(&id, announce(&words, "a4fd", false))
            .await
            .unwrap_err()
            .contains("is no SHA-256")
    );
    let refused = story
        .say(&id, announce(&words, &"0".repeat(64), false))
        .await
        .unwrap_err();
    let found: String = refused
        .split("has the SHA-256 ")
        .nth(1)
        .unwrap()
        .chars()
        .take(64)
        .collect();
    let said = story
        .say(&id, announce(&words, &found, false))
        .await
        .unwrap();
    assert!(said.contains("1 lists and by the webhook"), "{said}");
    // Another wording, given before the first has left, is a second announcement too.
    let reworded = format!("{words}\nOne more sentence.\n");
    let refused = story.say(&id, announce(&reworded, &found, false)).await;
    assert!(refused.unwrap_err().contains("is about to be"));
    story.work().await;
    let letters: Vec<String> = walk(&story.folder.path().join("out"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mail = letters
        .iter()
        .find(|letter| letter.contains("To: dev@lists.example"))
        .expect("mail to the list");
    assert!(
        mail.contains("multipart/signed") && mail.contains("is released. It fixes a vulnerability"),
        "{mail}"
    );
    assert!(
        story
            .say(&id, announce(&words, &found, false))
            .await
            .unwrap_err()
            .contains("was announced already")
    );
    let posts = story.web.posts.lock().unwrap().clone();
    assert!(
        posts.len() == 1
            && posts[0].contains("acme-web 2.3.2")
            && posts[0].contains("allowed_mentions"),
        "{posts:?}"
    );

    story.at_hour(11 * 24 + 8).await;
    assert_eq!(
        story.calls(&id).await.last().map(String::as_str),
        Some("retrospective-due")
    );
    story
        .say(
            &id,
            CaseCommand::Reach {
                step: Step::Retrospective,
                at: None,
            },
        )
        .await
        .unwrap();
    story
        .say(
            &id,
            CaseCommand::Close {
                why: Closing::Resolved,
                note: None,
                of: None,
            },
        )
        .await
        .unwrap();
    assert!(
        story
            .say(
                &id,
                CaseCommand::Note {
                    text: "after the end".to_owned()
                }
            )
            .await
            .is_ok()
    );

    // What people read of it; and nothing of the notes rests or leaves in clear.
    let timeline = story.read(&["timeline", "--markdown"], &id);
    for words in [
        "| fix complete | 2026-11-09 09:00 UTC | the wait for an upstream | done 2026-11-08 10:00 \
         UTC |",
        "released",
        "https://example.org/pull/7",
    ] {
        assert!(timeline.contains(words), "{words}\n{timeline}");
    }
    let retrospective = story.read(&["retrospective"], &id);
    for words in [
        "- Security team: rita",
        "- In charge: rita",
        "4 met, 0 missed.",
        "waits for an upstream",
        "- fix: https://example.org/pull/7",
        "Letters that needed repair\n\nNone.",
    ] {
        assert!(retrospective.contains(words), "{words}\n{retrospective}");
    }
    assert!(
        !retrospective.contains("ada@"),
        "the reporter is named only where they are credited"
    );
    for found in walk(story.folder.path()) {
        assert!(
            memchr::memmem::find(&fs::read(&found).unwrap(), b"CANARY-NOTE").is_none(),
            "{}",
            found.display()
        );
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|e| e.path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.is_file())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_reporter_means_to_publish_goes_fast_and_what_is_harmless_slowly() {
    let story = Story::begin().await;
    story.letter(
        "r1",
        "Session cookie leaks in acme-web",
        &format!("{REPORT}\nI plan to publish a write-up on 9 November 2026.\n"),
    );
    story.at_hour(0).await;
    let id = story.only_case().await;
    let view = story.show(&id).await;
    assert_eq!(
        (
            view.line.lane,
            view.course.announced.map(|d| d.to_string()).as_deref()
        ),
        (Lane::Asap, Some("2026-11-09"))
    );
    assert!(
        view.journal
            .iter()
            .any(|line| line.event == JournalEvent::Skipped),
        "{:#?}",
        view.journal
    );
    let status: Status = story.ask(Request::Status).await.unwrap();
    assert_eq!(
        status.queue[0].next.as_ref().map(|due| due.what.as_str()),
        Some("fix-team")
    );
    // On a responder's command they are asked to wait, in a letter of its own.
    let asked: String = story
        .ask(Request::CaseCommand {
            id: id.clone(),
            command: CaseCommand::Ask {
                private_disclosure: true,
            },
        })
        .await
        .unwrap();
    assert!(asked.contains("keep it private"), "{asked}");
    story.at_hour(1).await;
    let letters: Vec<String> = walk(&story.folder.path().join("out"))
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(
        letters
            .iter()
            .filter(|letter| letter.contains("We ask you to wait until a fix is released"))
            .count(),
        1
    );
    // Not severe, but public soon: it stays fast until a responder says otherwise.
    let low = || CaseCommand::Set {
        assessment: Box::new(Assessment {
            severity: Some("low".to_owned()),
            ..Assessment::default()
        }),
    };
    story.say(&id, low()).await.unwrap();
    assert_eq!(story.show(&id).await.line.lane, Lane::Asap);
    story
        .say(
            &id,
            CaseCommand::Lane {
                lane: Lane::Normal,
                why: "the reporter agreed to wait".to_owned(),
            },
        )
        .await
        .unwrap();
    story.say(&id, low()).await.unwrap();
    let view = story.show(&id).await;
    assert_eq!(
        (view.line.lane, view.clocks[2].because.sentence()),
        (Lane::Slow, "what is known of disclosure")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_responders_who_write_at_once_lose_nothing() {
    let story = Story::begin().await;
    story.letter("r1", "Session cookie leaks in acme-web", REPORT);
    story.at_hour(0).await;
    let id = story.only_case().await;
    let notes = (0..8).map(|n| {
        story.say(
            &id,
            CaseCommand::Note {
                text: format!("note {n}"),
            },
        )
    });
    let said = futures::future::join_all(notes).await;
    let kept = story.show(&id).await.record.notes.len();
    assert_eq!(kept, said.iter().filter(|s| s.is_ok()).count());
    assert!(
        said.iter()
            .filter_map(|s| s.as_ref().err())
            .all(|why| why.contains("try again")),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_sentence_and_a_signature_change_nothing() {
    let story = Story::begin().await;
    let signature = "Ada Lovelace, Senior Security Engineer\nAnalytical Engines Limited, 12 St \
        James's Square, London\nPhone +44 20 7946 0000, registered in England";
    story.letter(
        "k1",
        "your key",
        &format!("Please send me your PGP key.\n\n{signature}\n"),
    );
    story.at_hour(0).await;
    story.letter(
        "r1",
        "Session cookie leaks in acme-web",
        &format!(
            "{REPORT}\nI found this on 2026-10-20 and have not disclosed it to \
            anybody.\n\n{signature}\n"
        ),
    );
    story.at_hour(1).await;
    let lines: Vec<sealdesk::control::CaseLine> = story
        .ask(Request::CaseList(Wanted::default()))
        .await
        .unwrap();
    let [report] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    assert_eq!(
        (
            report.draft.as_str(),
            report.lane,
            report.likely_duplicates.len()
        ),
        ("filed", Lane::Normal, 0),
        "{report:#?}"
    );
    assert_eq!(story.show(&report.id).await.course.announced, None);

    // The same story again is likely the same; and of two that are, one stays open.
    story.letter(
        "r2",
        "Cookie",
        &format!("Dear team,\n\n{REPORT}\nKind regards, Ada\n"),
    );
    story.at_hour(2).await;
    let lines: Vec<sealdesk::control::CaseLine> = story
        .ask(Request::CaseList(Wanted::default()))
        .await
        .unwrap();
    let twin = lines.iter().find(|line| line.id != report.id).unwrap();
    assert_eq!(
        (twin.draft.as_str(), &twin.likely_duplicates),
        ("awaits-word", &vec![report.id.clone()])
    );
    let doubles = |of: &CaseId| CaseCommand::Close {
        why: Closing::Duplicate,
        note: None,
        of: Some(of.clone()),
    };
    let waiting = async || story.desk.parts.store.tally().await.unwrap().drafts_waiting;
    assert_eq!(waiting().await, 1);
    story.say(&twin.id, doubles(&report.id)).await.unwrap();
    assert_eq!(waiting().await, 0, "nobody decides about a closed case");
    assert!(
        story
            .say(&report.id, doubles(&twin.id))
            .await
            .unwrap_err()
            .contains("is closed: reopen it first")
    );
    assert!(
        story
            .ask::<String>(Request::CaseCommand {
                id: twin.id.clone(),
                command: CaseCommand::File
            })
            .await
            .unwrap_err()
            .contains("closed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_case_stays_closed_and_asks_nothing() {
    let story = Story::begin().await;
    story.letter("r1", "Session cookie leaks in acme-web", REPORT);
    story.at_hour(0).await;
    let id = story.only_case().await;
    let closed = story
        .say(
            &id,
            CaseCommand::Close {
                why: Closing::Resolved,
                note: None,
                of: None,
            },
        )
        .await
        .unwrap();
    assert!(
        closed.contains("fix-team, fix, release were not reached"),
        "{closed}"
    );
    story.at_hour(24 * 30).await;
    assert_eq!(story.calls(&id).await, ["new-case"]);
    story
        .say(&id, CaseCommand::Reopen { why: String::new() })
        .await
        .unwrap();
    story
        .say(
            &id,
            CaseCommand::Reach {
                step: Step::Release,
                at: None,
            },
        )
        .await
        .unwrap();
    story
        .say(
            &id,
            CaseCommand::TakeBack {
                step: Step::Release,
            },
        )
        .await
        .unwrap();
    assert!(story.show(&id).await.course.reached.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_letter_are_said_in_order_and_once_whatever_cuts_them_off() {
    let story = Story::begin().await;
    story.letter("r1", "Session cookie leaks in acme-web", REPORT);
    story.at_hour(0).await;
    let id = story.only_case().await;
    let commands = [
        "/note the first",
        "/split 'A second bug'",
        "/reach fix-team",
        "/reach fix-team",
        "/note the last",
    ]
    .map(str::to_owned)
    .to_vec();
    let said = MailCommands {
        to: Address::parse("rita@desk.example").unwrap(),
        by: "responder rita, by letter".to_owned(),
        token: "0123".to_owned(),
        commands,
        words: None,
        left_out: false,
    };
    let outcomes = |told: Vec<CommandOutcome>| {
        told.into_iter()
            .map(|one| one.outcome.unwrap_or_else(|why| format!("not done: {why}")))
            .collect::<Vec<_>>()
    };
    let first = outcomes(execute_all(&story.desk, &id, &said).await.unwrap());
    assert!(
        first[0].contains("noted")
            && first[2].contains("reached fix-team")
            && first[3].contains("was reached already"),
        "{first:#?}"
    );
    assert_eq!(first[4], "not done: a command above it was not done");
    // As after a crash between what was done and its record.
    let again = outcomes(execute_all(&story.desk, &id, &said).await.unwrap());
    assert!(
        again[..3]
            .iter()
            .all(|one| one == "done, before the desk was interrupted"),
        "{again:#?}"
    );
    // As after a crash between the parts and their record: the same parts, and no others.
    let word = || CaseCommand::Split {
        titles: vec!["One".to_owned(), "Two".to_owned()],
    };
    for _ in 0..2 {
        story
            .desk
            .parts
            .store
            .issue_token("t", &id, &said.to, None, story.clock.now())
            .await
            .unwrap();
        let _ = execute(&story.desk, &id, word(), &said.by, Some("t".to_owned())).await;
    }
    let lines: Vec<sealdesk::control::CaseLine> = story
        .ask(Request::CaseList(Wanted {
            all: true,
            ..Wanted::default()
        }))
        .await
        .unwrap();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let view = story.show(&id).await;
    assert_eq!(
        view.record
            .notes
            .iter()
            .map(|note| note.text.as_str())
            .collect::<Vec<_>>(),
        ["the first"]
    );
    assert_eq!(
        view.journal
            .iter()
            .filter(|line| line.event == JournalEvent::Note)
            .count(),
        1
    );
}
