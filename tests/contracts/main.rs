//! One contract for every tracker, every courier and every mailbox, run against each adapter.

mod endless;
mod imap;
#[path = "../desk/servers.rs"]
#[allow(
    dead_code,
    reason = "shared with the whole-desk tests, which use all of it"
)]
mod servers;

use async_trait::async_trait;
use sealdesk::adapters::alarm::Webhook;
use sealdesk::adapters::clock::SystemClock;
use sealdesk::adapters::folder_courier::FolderCourier;
use sealdesk::adapters::folder_tracker::FolderTracker;
use sealdesk::adapters::github::{Auth, GithubApi, GithubTracker};
use sealdesk::adapters::gitlab::GitlabTracker;
use sealdesk::adapters::hook_tracker::HookTracker;
use sealdesk::adapters::imap::{ImapLogin, ImapMailbox, ImapPrivacy, Settling};
use sealdesk::adapters::maildir::Maildir;
use sealdesk::adapters::net::Trust;
use sealdesk::adapters::net::login::Means;
use sealdesk::adapters::smtp::{self, SmtpCourier};
use sealdesk::compose;
use sealdesk::model::address::Address;
use sealdesk::model::case::AdvisoryState;
use sealdesk::model::case_record::Assessment;
use sealdesk::model::effect::EffectKey;
use sealdesk::model::effect::Reason;
use sealdesk::model::ids::CaseId;
use sealdesk::model::outgoing::{Addition, Advisory, Amendment};
use sealdesk::model::report::Report;
use sealdesk::model::secret::Secret;
use sealdesk::ports::{
    Alarm, Clock as _, Courier, Filed, Mailbox, Parcel, PortError, PortErrorKind, Sink, Tracker,
};
use std::path::Path;
use std::sync::Arc;

fn advisory(n: u8) -> Advisory {
    // Each octet gives five bits of the id.
    let case = CaseId::from_random([n % 32, n / 32, 0, 0, 0, 0, 0, 0, 0, 0]);
    let marker = compose::marker(b"secret", &case);
    let report = Report {
        summary: "XSS".to_owned(),
        product: Some("acme".to_owned()),
        cwe_ids: vec!["CWE-79".to_owned()],
        ..Report::default()
    };
    Advisory {
        summary: "XSS".to_owned(),
        description: format!("text\n\n{marker}"),
        case,
        marker,
        report,
    }
}

/// A courier to an SMTP server of this machine, without TLS and login.
fn smtp_at(port: u16) -> SmtpCourier {
    SmtpCourier::new(
        "127.0.0.1".to_owned(),
        port,
        smtp::SmtpPrivacy::None,
        Trust::default(),
        None,
        "desk.example".to_owned(),
    )
}

/// What every tracker promises. `read` gives the text of an advisory; `edit` is a human's hand.
async fn tracker_contract(
    tracker: &dyn Tracker,
    read: impl AsyncFn(&str) -> String,
    edit: impl AsyncFn(&str, String),
) {
    tracker.probe().await.unwrap();
    let first = tracker.file(&advisory(1), false).await.unwrap().advisory;
    let once = Filed {
        advisory: first.clone(),
        doubled: Vec::new(),
    };
    assert_eq!(
        tracker.file(&advisory(1), true).await.unwrap(),
        once,
        "the same case is filed once"
    );
    let other = tracker.file(&advisory(2), false).await.unwrap().advisory;
    assert_ne!(other.id, first.id);
    let marker = advisory(1).marker;
    let addition = Addition {
        mark: "<!-- sealdesk:follow-up:0123456789abcdef -->".to_owned(),
        text: format!("### More\n\n<!-- sealdesk:follow-up:0123456789abcdef -->\nmore\n\n{marker}"),
        sealed: false,
    };
    edit(&first.id, format!("By hand.\n\n{}", read(&first.id).await)).await;
    tracker.append(&first, &addition).await.unwrap();
    tracker.append(&first, &addition).await.unwrap();
    let text = read(&first.id).await;
    assert!(
        text.contains("By hand.") && text.matches("### More").count() == 1,
        "{text}"
    );
    assert_eq!(text.trim_end().lines().last(), Some(marker.as_str()));
    assert_eq!(
        tracker.file(&advisory(1), true).await.unwrap(),
        once,
        "it is found again after edits"
    );
}

#[tokio::test]
async fn the_folder_is_a_tracker() {
    let folder = tempfile::tempdir().unwrap();
    let path = |id: &str| folder.path().join(format!("{id}.md"));
    let tracker = FolderTracker::new(folder.path().to_owned());
    tracker_contract(
        &tracker,
        async |id| std::fs::read_to_string(path(id)).unwrap(),
        async |id, text| std::fs::write(path(id), text).unwrap(),
    )
    .await;
}

#[test]
fn github_is_a_tracker() {
    let server = servers::Github::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let at = format!("http://127.0.0.1:{}", server.port);
    let state = async |path: &str, body: Option<String>| -> serde_json::Value {
        let client = reqwest::Client::new();
        let request = match body {
            Some(body) => client.post(format!("{at}{path}")).body(body),
            None => client.get(format!("{at}{path}")),
        };
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    };
    runtime.block_on(async {
        let api = GithubApi::new(
            &at,
            &Trust::default(),
            Auth::Token(Secret::new(b"test-token".to_vec())),
        )
        .unwrap();
        let tracker = GithubTracker::new(
            api,
            "example/project".to_owned(),
            std::collections::BTreeMap::new(),
            "other".to_owned(),
            true,
        );
        let read = async |id: &str| {
            let all = state("/_state", None).await;
            all["advisories"]
                .as_array()
                .unwrap()
                .iter()
                .find(|a| a["ghsa_id"] == id)
                .unwrap()["description"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let edit = async |id: &str, text: String| {
            drop(
                state(
                    "/_edit",
                    Some(serde_json::json!({ "id": id, "description": text }).to_string()),
                )
                .await,
            )
        };
        tracker_contract(&tracker, read, edit).await;
        // Two hundred others do not hide ours: every page of the list is read.
        for n in 10..120 {
            tracker.file(&advisory(n), false).await.unwrap();
        }
        let again = tracker.file(&advisory(1), true).await.unwrap().advisory;
        let all = state("/_state", None).await;
        assert_eq!(all["violations"], serde_json::json!([]));
        let ours: Vec<_> = all["advisories"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|a| a["ghsa_id"] == again.id.as_str())
            .collect();
        assert_eq!(ours.len(), 1);
        assert_eq!(
            ours[0]["_fork_wanted"], true,
            "a private fork was asked for"
        );
        // What has not changed is not sent again, and is as true as before.
        let unchanged = all["unchanged"].as_u64().unwrap();
        let states = tracker.states().await.unwrap();
        assert_eq!(tracker.states().await.unwrap(), states);
        assert!(
            states.len() > 100
                && state("/_state", None).await["unchanged"].as_u64().unwrap() > unchanged
        );
        // A second draft of one case, as an answer that never came may leave behind: the older one
        // stays, and both are told.
        let doubled = tracker.file(&advisory(1), false).await.unwrap();
        let found = tracker.file(&advisory(1), true).await.unwrap();
        assert_eq!(
            (found.advisory, found.doubled),
            (again, vec![doubled.advisory])
        );
    });
}

/// What every tracker behind HTTP promises besides: the contract, and one draft however its answers
/// get lost.
fn served_tracker(
    name: &str,
    id_of: impl Fn(&serde_json::Value) -> String,
    tracker: impl Fn(u16) -> Box<dyn Tracker>,
) -> servers::Github {
    let server = servers::Github::serving(name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let at = format!("http://127.0.0.1:{}", server.port);
    let call = async |path: &str, body: Option<serde_json::Value>| -> serde_json::Value {
        let client = reqwest::Client::new();
        let request = match body {
            Some(body) => client.post(format!("{at}{path}")).body(body.to_string()),
            None => client.get(format!("{at}{path}")),
        };
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    };
    let tracker = tracker(server.port);
    runtime.block_on(async {
        let read = async |id: &str| {
            let all = call("/_state", None).await;
            all["advisories"]
                .as_array()
                .unwrap()
                .iter()
                .find(|a| id_of(a) == id)
                .unwrap()["description"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let edit = async |id: &str, text: String| {
            drop(
                call(
                    "/_edit",
                    Some(serde_json::json!({ "id": id, "description": text })),
                )
                .await,
            )
        };
        tracker_contract(tracker.as_ref(), read, edit).await;
        for (n, mode) in (20..).zip(["500-after", "drop-after", "503", "403", "429"]) {
            call(
                "/_fault",
                Some(serde_json::json!({ "method": "POST", "mode": mode, "times": 1 })),
            )
            .await;
            let filed = match tracker.file(&advisory(n), false).await {
                Ok(filed) => filed,
                Err(err) => {
                    assert!(!err.is_lasting(), "{mode}: {err}");
                    tracker.file(&advisory(n), true).await.unwrap()
                }
            };
            assert_eq!(filed.doubled, [], "{mode}");
            let all = call("/_state", None).await;
            let marked = all["advisories"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|a| {
                    a["description"]
                        .as_str()
                        .unwrap()
                        .contains(&advisory(n).marker)
                })
                .count();
            assert_eq!(
                (marked, &all["violations"]),
                (1, &serde_json::json!([])),
                "{mode}"
            );
        }
    });
    server
}

#[test]
fn gitlab_is_a_tracker_and_nothing_is_told_that_is_not_confidential() {
    let token = || Secret::new(b"test-token".to_vec());
    let gitlab = |port: u16| {
        GitlabTracker::new(
            &format!("http://127.0.0.1:{port}"),
            &Trust::default(),
            token(),
            "acme/web".to_owned(),
            Default::default(),
            vec![],
        )
    };
    let id_of = |issue: &serde_json::Value| {
        format!("{}#{}", issue["_project"].as_str().unwrap(), issue["iid"])
    };
    let server = served_tracker("gitlab", id_of, |port| Box::new(gitlab(port).unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tracker = gitlab(server.port).unwrap();
    server.fault("POST", "public", 1);
    let refused = runtime
        .block_on(tracker.file(&advisory(50), false))
        .unwrap_err();
    assert!(
        refused.is_lasting() && refused.to_string().contains("not confidential"),
        "{refused}"
    );
    let made = server.advisories().pop().unwrap();
    assert_eq!(
        (&made["title"], &made["description"]),
        (
            &serde_json::json!(format!("Security report {}", advisory(50).case)),
            &serde_json::json!(advisory(50).marker)
        )
    );
    // What was made public later gets nothing more, and its state says so.
    let filed = runtime
        .block_on(tracker.file(&advisory(51), false))
        .unwrap()
        .advisory;
    server.edit(&filed.id, "confidential", false);
    let addition = Addition {
        mark: "<!-- m -->".to_owned(),
        text: "<!-- m -->\nwords".to_owned(),
        sealed: false,
    };
    assert!(
        runtime
            .block_on(tracker.append(&filed, &addition))
            .unwrap_err()
            .to_string()
            .contains("not confidential any more")
    );
    let states = runtime.block_on(tracker.states()).unwrap();
    assert!(states.contains(&(filed.id.clone(), AdvisoryState::Published)));
    assert!(
        states
            .iter()
            .any(|(_, state)| *state == AdvisoryState::Draft)
    );
    // What the team found stands there once, in its last form.
    let other = runtime
        .block_on(tracker.file(&advisory(52), false))
        .unwrap()
        .advisory;
    for severity in ["low", "high"] {
        let assessment = Assessment {
            severity: Some(severity.to_owned()),
            ..Assessment::default()
        };
        runtime
            .block_on(tracker.amend(
                &other,
                &Amendment {
                    assessment,
                    mark: "0123456789abcdef".to_owned(),
                    ..Amendment::default()
                },
            ))
            .unwrap();
    }
    // A stranger's line is no command, whatever fence it breaks.
    let hostile = format!(
        "````text\n```\n/close\n /invite_email a@evil.example\n```\n````\n\n{}",
        advisory(53).marker
    );
    runtime
        .block_on(tracker.file(
            &Advisory {
                description: hostile,
                ..advisory(53)
            },
            false,
        ))
        .unwrap();
    assert!(
        server.advisories().pop().unwrap()["description"]
            .as_str()
            .unwrap()
            .contains("· /close")
    );
    let issue = server.advisories().into_iter().rev().nth(1).unwrap();
    assert_eq!(issue["labels"], serde_json::json!(["severity::high"]));
    let text = issue["description"].as_str().unwrap();
    assert!(
        text.matches("What the team found").count() == 1
            && text.trim_end().ends_with(&advisory(52).marker),
        "{text}"
    );
}

/// A draft with a right signature, sent under a name that was not signed; the answer's status.
async fn replay(port: u16) -> u16 {
    let body = serde_json::json!({ "event": "draft", "about": "SD-0123456789", "content": { "summary": "x", "description": "x" } }).to_string();
    let at = SystemClock.now().as_second().to_string();
    let signature =
        sealdesk::model::secret::mac(b"test-key", &[at.as_bytes(), b".first.", body.as_bytes()]);
    let headers = [
        ("x-sealdesk-delivery", "second"),
        ("x-sealdesk-timestamp", at.as_str()),
        ("x-sealdesk-signature", &format!("sha256={signature}")),
    ];
    let request = headers.iter().fold(
        reqwest::Client::new().post(format!("http://127.0.0.1:{port}/")),
        |request, (name, value)| request.header(*name, *value),
    );
    request.body(body).send().await.unwrap().status().as_u16()
}

#[test]
fn a_signed_webhook_is_a_tracker() {
    let hook = |port: u16, key: &[u8]| {
        let url = Secret::new(format!("http://127.0.0.1:{port}/t0ken").into_bytes());
        HookTracker::new(
            &Trust::default(),
            url,
            Secret::new(key.to_vec()),
            Arc::new(SystemClock),
        )
        .unwrap()
    };
    let server = served_tracker(
        "webhook",
        |advisory| advisory["id"].as_str().unwrap().to_owned(),
        |port| Box::new(hook(port, b"test-key")),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // One who captured a delivery cannot give it another name.
    let (before, replayed) = (
        server.advisories().len(),
        runtime.block_on(replay(server.port)),
    );
    assert_eq!(
        (
            replayed,
            server.advisories().len(),
            server.state()["refused"].as_u64()
        ),
        (401, before, Some(1))
    );
    let refused = runtime
        .block_on(hook(server.port, b"another").file(&advisory(60), false))
        .unwrap_err();
    assert!(
        refused.to_string().contains("401") && !refused.to_string().contains("t0ken"),
        "{refused}"
    );
    assert_eq!(
        (
            server.advisories().len(),
            server.state()["refused"].as_u64()
        ),
        (before, Some(2))
    );
    assert!(
        runtime
            .block_on(hook(server.port, b"another").probe())
            .unwrap_err()
            .is_lasting()
    );
}

fn parcel() -> Parcel {
    Parcel {
        envelope_sender: Address::parse("bounce+tag@desk.example").ok(),
        envelope_recipient: Address::parse("ada@b.example").unwrap(),
        octets: b"From: security@desk.example\r\nSubject: s\r\n\r\n.dot\r\nhello\r\n".to_vec(),
        key: EffectKey::stored("acknowledge:../SD-1".to_owned()),
    }
}

/// What every courier promises.
async fn courier_contract(courier: &dyn Courier) {
    courier.probe().await.unwrap();
    courier.send(&parcel()).await.unwrap();
    courier.send(&parcel()).await.unwrap();
}

#[tokio::test]
async fn the_folder_is_a_courier() {
    let folder = tempfile::tempdir().unwrap();
    courier_contract(&FolderCourier::new(folder.path().join("out"))).await;
    let files: Vec<_> = std::fs::read_dir(folder.path().join("out"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(files.len(), 1, "the same key is the same file");
    assert!(
        std::fs::read_to_string(files[0].path())
            .unwrap()
            .contains("X-Envelope-To: <ada@b.example>")
    );
}

#[tokio::test]
async fn smtp_is_a_courier() {
    let port = servers::free_port();
    let mut sink = std::process::Command::new("smtp-sink")
        .args(["-u", "nobody", "-c", &format!("127.0.0.1:{port}"), "100"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("smtp-sink is not installed: run make setup");
    servers::wait_for("smtp-sink", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let courier = smtp_at(port);
    courier_contract(&courier).await;
    sink.kill().unwrap();
    sink.wait().unwrap();
    let refused = courier.send(&parcel()).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::Passing, "{refused}");
}

/// Takes a letter and breaks off before it says so: what no real server does on demand.
fn server_that_never_answers() -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mx\r\n").unwrap();
        for line in BufReader::new(stream.try_clone().unwrap()).lines() {
            match line.unwrap().as_str() {
                "DATA" => stream.write_all(b"354 go on\r\n").unwrap(),
                "." => return,
                command
                    if command.starts_with("EHLO")
                        || command.contains("FROM:")
                        || command.contains("TO:") =>
                {
                    stream.write_all(b"250 ok\r\n").unwrap()
                }
                _ => {}
            }
        }
    });
    port
}

#[tokio::test]
async fn a_lost_answer_to_the_final_dot_is_a_doubt() {
    let courier = SmtpCourier::new(
        "127.0.0.1".to_owned(),
        server_that_never_answers(),
        smtp::SmtpPrivacy::None,
        Trust::default(),
        None,
        "desk.example".to_owned(),
    );
    let lost = courier.send(&parcel()).await.unwrap_err();
    assert_eq!(lost.kind(), PortErrorKind::InDoubt, "{lost}");
}

#[derive(Default)]
struct Octets(Vec<u8>);

#[async_trait]
impl Sink for Octets {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError> {
        self.0.extend_from_slice(piece);
        Ok(())
    }
}

/// What every mailbox promises of two letters that lie there.
async fn mailbox_contract(mailbox: &mut dyn Mailbox, letters: [&[u8]; 2]) {
    mailbox.probe().await.unwrap();
    let lying = mailbox.list(SystemClock.now(), &|_, _| 0).await.unwrap();
    assert_eq!(lying.len(), 2);
    let mut seen = Vec::new();
    for letter in &lying {
        let mut octets = Octets::default();
        mailbox.fetch(letter, &mut octets).await.unwrap();
        assert_eq!(Some(octets.0.len() as u64), letter.octets);
        seen.push(octets.0);
    }
    for letter in letters {
        assert!(
            seen.iter().any(|s| s == letter),
            "a letter came changed or not at all"
        );
    }
    let places: Vec<_> = lying.iter().map(|l| l.place.clone()).collect();
    mailbox.settle(&places).await.unwrap();
    mailbox.settle(&places).await.unwrap();
    assert!(
        mailbox
            .list(SystemClock.now(), &|_, _| 0)
            .await
            .unwrap()
            .is_empty(),
        "what is settled is listed no more"
    );
}

/// A small letter, and one of several chunks with every octet in it.
fn letters() -> [Vec<u8>; 2] {
    let big: Vec<u8> = b"Subject: big\r\n\r\n"
        .iter()
        .copied()
        .chain(
            (0..700_000u32)
                .map(|i| b' ' + (i % 90) as u8)
                .enumerate()
                .flat_map(|(i, b)| {
                    if i % 72 == 71 {
                        vec![b'\r', b'\n']
                    } else {
                        vec![b]
                    }
                }),
        )
        .collect();
    [b"Subject: small\r\n\r\nhi\r\n".to_vec(), big]
}

fn lay(maildir: &Path, letters: &[Vec<u8>; 2]) {
    for sub in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(maildir.join(sub)).unwrap();
    }
    for (n, letter) in letters.iter().enumerate() {
        std::fs::write(maildir.join(format!("new/1700000000.M{n}P1.host")), letter).unwrap();
    }
}

#[tokio::test]
async fn a_maildir_is_a_mailbox() {
    let folder = tempfile::tempdir().unwrap();
    let letters = letters();
    lay(folder.path(), &letters);
    mailbox_contract(
        &mut Maildir::new("m".to_owned(), folder.path().to_owned()),
        [&letters[0], &letters[1]],
    )
    .await;
}

#[test]
fn dovecot_is_a_mailbox() {
    let world = tempfile::Builder::new()
        .prefix("sealdesk-test-")
        .tempdir()
        .unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(world.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(world.path().join("tls")).unwrap();
    servers::certificate(&world.path().join("tls"));
    let letters = letters();
    lay(
        &world.path().join("mail/desk.example/security/Maildir"),
        &letters,
    );
    let dovecot = servers::Dovecot::start(
        world.path(),
        &servers::DovecotOptions {
            extra: String::new(),
        },
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let login = ImapLogin {
            user: "security".to_owned(),
            means: Means::Password(Arc::new(|| Ok(Secret::new(b"secret".to_vec())))),
        };
        let trust = Trust {
            ca_file: Some(world.path().join("tls/tls.crt")),
            pin: None,
        };
        let mut mailbox = ImapMailbox::new(
            "m".to_owned(),
            "localhost".to_owned(),
            dovecot.imaps,
            ImapPrivacy::Tls,
            trust,
            login,
            "INBOX".to_owned(),
            Settling::Move("Dossiers traités & clos".to_owned()),
        );
        mailbox_contract(&mut mailbox, [&letters[0], &letters[1]]).await;
    });
}

/// A receiver of one call: answers with this status, and returns what it was sent.
fn receive(status: &'static str) -> (u16, std::thread::JoinHandle<String>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        let whole = |text: &str| {
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                return false;
            };
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |l| l.trim().parse().unwrap());
            body.len() >= length
        };
        while !whole(&text) {
            let mut piece = [0; 4096];
            let n = stream.read(&mut piece).unwrap();
            text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
        }
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        text
    });
    (port, received)
}

#[tokio::test]
async fn a_webhook_is_an_alarm_without_content_that_its_receiver_can_check() {
    let case = CaseId::from_random([3; 10]);
    let hook = |port: u16| {
        Webhook::new(
            Secret::new(format!("http://127.0.0.1:{port}/t0ken").into_bytes()),
            Secret::new(b"key".to_vec()),
        )
        .unwrap()
    };
    let (port, received) = receive("204 No Content");
    hook(port)
        .raise(Some(&case), Reason::AcknowledgementDue)
        .await
        .unwrap();
    let sent = received.join().unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /t0ken HTTP/1.1"), "{head}");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(body).unwrap(),
        serde_json::json!({"case": case, "reason": "acknowledgement-due"})
    );
    let signature = sealdesk::model::secret::mac(b"key", &[body.as_bytes()]);
    assert!(
        head.lines()
            .any(|l| l == format!("x-sealdesk-signature: sha256={signature}")),
        "{head}"
    );
    // A receiver that refuses, and one that is not there: tried again, and the URL's token is in no
    // error.
    let (port, _received) = receive("500 Internal Server Error");
    for port in [port, servers::free_port()] {
        let err = hook(port)
            .raise(None, Reason::FaultLasts)
            .await
            .unwrap_err();
        assert!(
            !err.is_lasting() && !err.to_string().contains("t0ken"),
            "{err}"
        );
    }
}

#[tokio::test]
async fn a_command_is_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let words = |script: String| vec!["sh".to_owned(), "-c".to_owned(), script];
    let alarm = sealdesk::adapters::alarm::Command::new(&words(format!(
        "echo \"$0 $1\" > {}",
        out.display()
    )))
    .unwrap();
    alarm
        .raise(Some(&CaseId::from_random([3; 10])), Reason::LetterShut)
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(&out).unwrap().trim(),
        format!("letter-shut {}", CaseId::from_random([3; 10]))
    );
    alarm.raise(None, Reason::FaultLasts).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&out).unwrap().trim(),
        "fault-lasts desk"
    );
    let failing = sealdesk::adapters::alarm::Command::new(&words("exit 3".to_owned())).unwrap();
    assert!(
        failing
            .raise(None, Reason::FaultLasts)
            .await
            .unwrap_err()
            .to_string()
            .contains("exit status: 3")
    );
}

#[tokio::test]
async fn a_heartbeat_is_heard() {
    let (port, received) = receive("200 OK");
    sealdesk::adapters::alarm::Heartbeat::new(Secret::new(
        format!("http://127.0.0.1:{port}/ping").into_bytes(),
    ))
    .unwrap()
    .ping()
    .await
    .unwrap();
    assert!(received.join().unwrap().starts_with("GET /ping HTTP/1.1"));
    let nobody =
        Secret::new(format!("http://127.0.0.1:{}/t0ken", servers::free_port()).into_bytes());
    let err = sealdesk::adapters::alarm::Heartbeat::new(nobody)
        .unwrap()
        .ping()
        .await
        .unwrap_err();
    assert!(!err.to_string().contains("t0ken"), "{err}");
}

#[test]
fn github_takes_an_app_too() {
    let server = servers::Github::start();
    let at = format!("http://127.0.0.1:{}", server.port);
    let openssl = |arguments: &[&str], input: &[u8]| {
        use std::io::Write;
        let mut child = std::process::Command::new("openssl")
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().stdout
    };
    let key = openssl(&["genrsa", "-traditional", "2048"], b"");
    let public = String::from_utf8(openssl(&["rsa", "-pubout"], &key)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        client
            .post(format!("{at}/_app"))
            .body(serde_json::json!({ "id": 7, "installation": 9, "key": public }).to_string())
            .send()
            .await
            .unwrap();
        let tracker = |installation_id| {
            let auth = Auth::App {
                app_id: 7,
                installation_id,
                private_key: Secret::new(key.clone()),
            };
            let api = GithubApi::new(&at, &Trust::default(), auth).unwrap();
            GithubTracker::new(
                api,
                "example/project".to_owned(),
                std::collections::BTreeMap::new(),
                "other".to_owned(),
                false,
            )
        };
        let ours = tracker(9);
        ours.probe().await.unwrap();
        let first = ours.file(&advisory(1), false).await.unwrap();
        assert_eq!(
            ours.file(&advisory(1), true).await.unwrap(),
            first,
            "drafts of the app are known as its own"
        );
        let err = tracker(8).probe().await.unwrap_err();
        assert!(
            err.to_string().contains("tracker.auth")
                || err.to_string().contains("repository security advisories"),
            "{err}"
        );
        let text = client
            .get(format!("{at}/_state"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let state: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(state["violations"], serde_json::json!([]));
    });
}
