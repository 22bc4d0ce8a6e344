//! A line that breaks at every octet, and servers that answer anything: no letter is lost, doubled
//! or made up, and the next dialogue ends as if nothing had been.
//!
//! In `make test` every few octets, with SEALDESK_SOAK every one.

use super::people::head;
use super::proxy::{Fault, Proxy};
use super::servers::{Dovecot, DovecotOptions, Github, Postfix, certificate, wait_for};
use futures::StreamExt;
use sealdesk::adapters::clock::SystemClock;
use sealdesk::adapters::github::{Auth, GithubApi, GithubTracker};
use sealdesk::adapters::imap::{self, ImapLogin, ImapMailbox};
use sealdesk::adapters::net::Trust;
use sealdesk::adapters::net::login::Means;
use sealdesk::adapters::smtp::{self, SmtpCourier};
use sealdesk::model::address::Address;
use sealdesk::model::effect::EffectKey;
use sealdesk::model::ids::CaseId;
use sealdesk::model::outgoing::Advisory;
use sealdesk::model::report::Report;
use sealdesk::model::secret::Secret;
use sealdesk::ports::{
    Clock, Courier, FetchOutcome, Mailbox, Parcel, PortError, PortErrorKind, Sink, Tracker,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

fn soak() -> bool {
    std::env::var_os("SEALDESK_SOAK").is_some()
}

/// Every octet up to `end`, or every few.
fn octets(end: usize, few: usize) -> impl Iterator<Item = usize> {
    (1..=end).step_by(if soak() { 1 } else { few })
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("sealdesk-test-")
        .tempdir()
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(folder.path().join("tls")).unwrap();
    certificate(&folder.path().join("tls"));
    folder
}

#[derive(Default)]
struct Taken(Vec<u8>);

#[async_trait::async_trait]
impl Sink for Taken {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError> {
        self.0.extend_from_slice(piece);
        Ok(())
    }
}

struct Inbox {
    maildir: PathBuf,
    port: u16,
    delivered: usize,
}

impl Inbox {
    fn letter(n: usize) -> String {
        (head(
            "ada@reporter.example",
            "XSS",
            &format!("n{n}@reporter.example"),
        ) + "\nAn XSS is in acme 1.2.\n{17}\n* 1 FETCH (UID 1)\n")
            .replace('\n', "\r\n")
    }

    fn lying(&self, folder: &str) -> Vec<PathBuf> {
        let read = |sub: &str| {
            fs::read_dir(self.maildir.join(folder).join(sub))
                .map(|d| d.flatten().map(|e| e.path()).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        ["new", "cur"].into_iter().flat_map(read).collect()
    }

    /// Makes sure that one letter lies there.
    fn fill(&mut self) {
        if self.lying("").is_empty() {
            self.delivered += 1;
            let path = self
                .maildir
                .join("new")
                .join(format!("{}.n", self.delivered));
            fs::write(&path, Self::letter(self.delivered)).unwrap();
            std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
        }
    }

    fn mailbox(&self) -> ImapMailbox {
        let secret = Arc::new(|| Ok(Secret::new(b"secret".to_vec())));
        let login = ImapLogin {
            user: "security".to_owned(),
            means: Means::Password(secret),
        };
        let trust = Trust {
            ca_file: None,
            pin: None,
        };
        ImapMailbox::new(
            "security".into(),
            "127.0.0.1".into(),
            self.port,
            imap::ImapPrivacy::None,
            trust,
            login,
            "INBOX".into(),
            imap::Settling::Move("Done".into()),
        )
    }

    /// Lists, fetches and settles what lies there. Whatever is answered, it must be true.
    async fn cycle(&self, mailbox: &mut ImapMailbox, honest: bool) -> Result<(), PortError> {
        let lying = self.lying("").len();
        let listed = mailbox
            .list(SystemClock.now(), &|_: &str, _: u32| 0)
            .await?;
        assert_eq!(listed.len(), lying, "a list that ends well is whole");
        for letter in &listed {
            let mut taken = Taken::default();
            if let FetchOutcome::Withheld(why) = mailbox.fetch(letter, &mut taken).await? {
                return Err(PortError::passing(why));
            }
            assert_eq!(
                String::from_utf8_lossy(&taken.0),
                Self::letter(self.delivered),
                "a letter that was fetched is whole"
            );
            mailbox.settle(std::slice::from_ref(&letter.place)).await?;
            assert!(
                !honest || self.lying("").is_empty(),
                "what is said to be moved is moved"
            );
        }
        Ok(())
    }
}

/// One dialogue with a fault, then one without; whether the first failed.
async fn imap_with(inbox: &mut Inbox, proxy: &Proxy, fault: Fault) -> bool {
    inbox.fill();
    proxy.order(fault.clone());
    // A server that says OK to what it did not do is past finding out; the letter is durable here,
    // and lies there still.
    let honest = !matches!(fault, Fault::Answer(_, "TAG OK\r\n"));
    let failed = inbox.cycle(&mut inbox.mailbox(), honest).await.is_err();
    proxy.resume();
    proxy.order(Fault::None);
    let again = inbox.cycle(&mut inbox.mailbox(), true).await;
    assert!(again.is_ok(), "{fault:?}: {again:?}");
    assert_eq!(
        inbox.lying("").len() + inbox.lying(".Done").len(),
        inbox.delivered,
        "{fault:?}: every letter is still there, once"
    );
    assert!(
        inbox.lying("").is_empty(),
        "{fault:?}: it is settled in the end"
    );
    failed
}

fn now<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(run)
}

#[test]
fn imap_breaks_at_every_octet_and_says_anything() {
    let folder = folder();
    let dovecot = Dovecot::start(
        folder.path(),
        &DovecotOptions {
            extra: String::new(),
        },
    );
    now(async {
        let proxy = Proxy::before(dovecot.imap).await;
        let maildir = folder.path().join("mail/desk.example/security/Maildir");
        let mut inbox = Inbox {
            maildir: maildir.clone(),
            port: proxy.port,
            delivered: 0,
        };
        // The first login makes the folders.
        inbox.mailbox().probe().await.unwrap();
        inbox.fill();
        inbox.cycle(&mut inbox.mailbox(), true).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let (down, up, lines) = proxy.seen();
        assert!(down > 500 && up > 100 && lines > 5, "{down} {up} {lines}");
        let (mut runs, mut failed) = (0, 0);
        let mut tried = async |fault: Fault| {
            runs += 1;
            failed += usize::from(imap_with(&mut inbox, &proxy, fault).await);
        };
        for at in octets(down, 7) {
            tried(Fault::CutAnswers(at)).await;
        }
        for at in octets(up, 7) {
            tried(Fault::CutQuestions(at)).await;
        }
        for at in octets(down, 31) {
            tried(Fault::Reset(at)).await;
            tried(Fault::Garbage(at)).await;
        }
        for at in octets(down, 97) {
            tried(Fault::Stall(at)).await;
        }
        tried(Fault::Stall(0)).await;
        for at in 1..=lines {
            for answer in [
                "TAG NO not now\r\n",
                "TAG BAD what\r\n",
                "* BYE going down\r\n",
                "TAG OK\r\n",
                "* OK\r\n* NO\r\nOK TAG\r\n",
            ] {
                tried(Fault::Answer(at, answer)).await;
            }
        }
        tried(Fault::Trickle).await;
        eprintln!(
            "IMAP: {runs} dialogues with a fault, {failed} of them failed, none lost or doubled a \
             letter"
        );
        assert!(
            failed > runs / 2,
            "{failed} of {runs}: the faults don't bite"
        );
    });
}

#[test]
fn smtp_breaks_at_every_octet_and_says_anything() {
    let folder = folder();
    let _dovecot = Dovecot::start(
        folder.path(),
        &DovecotOptions {
            extra: String::new(),
        },
    );
    let postfix = Postfix::start(folder.path(), &["@crowd.example"]);
    let new = folder.path().join("mail/crowd.example/all/Maildir/new");
    let delivered = |n: usize| {
        let mark = format!("the letter number {n}.");
        fs::read_dir(&new)
            .map(|d| {
                d.flatten()
                    .filter(|e| {
                        fs::read_to_string(e.path())
                            .unwrap_or_default()
                            .contains(&mark)
                    })
                    .count()
            })
            .unwrap_or(0)
    };
    let parcel = |n: usize| Parcel {
        envelope_sender: Address::parse("bounce@desk.example").ok(),
        envelope_recipient: Address::parse("ada@crowd.example").unwrap(),
        octets: format!(
            "From: security@desk.example\r\nTo: ada@crowd.example\r\nSubject: \
            s\r\n\r\n.This is the letter number {n}.\r\n"
        )
        .into_bytes(),
        key: EffectKey::canary("n", &n.to_string()),
    };
    let mut outcomes: Vec<(usize, Fault, Result<(), PortError>)> = Vec::new();
    now(async {
        let proxy = Proxy::before(postfix.smtp).await;
        let courier = || {
            SmtpCourier::new(
                "127.0.0.1".into(),
                proxy.port,
                smtp::SmtpPrivacy::None,
                Trust {
                    ca_file: None,
                    pin: None,
                },
                None,
                "desk.example".into(),
            )
        };
        courier().send(&parcel(0)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let (down, up, lines) = proxy.seen();
        let mut faults: Vec<Fault> = octets(down, 3).map(Fault::CutAnswers).collect();
        faults.extend(octets(up, 3).map(Fault::CutQuestions));
        faults.extend(octets(down, 17).flat_map(|at| [Fault::Reset(at), Fault::Garbage(at)]));
        faults.extend(octets(down, 41).map(Fault::Stall));
        faults.push(Fault::Stall(0));
        faults.push(Fault::Trickle);
        // EHLO, MAIL, RCPT, DATA, and the final dot: nobody answers in between.
        for at in [1, 2, 3, 4, lines] {
            faults.extend(
                [
                    "421 4.3.2 closing\r\n",
                    "451 4.7.1 later\r\n",
                    "550 5.7.1 never\r\n",
                    "what?\r\n",
                ]
                .map(|a| Fault::Answer(at, a)),
            );
            // One that says it took the letter, and did not, is past finding out.
            if at < lines {
                faults.push(Fault::Answer(at, "250 nonsense\r\n"));
            }
        }
        for (n, fault) in faults.into_iter().enumerate() {
            proxy.order(fault.clone());
            let sent = courier().send(&parcel(n + 1)).await;
            proxy.resume();
            outcomes.push((n + 1, fault, sent));
        }
    });
    // What is in the queue still may be delivered: nothing is, once the last letter is there.
    now(async {
        let courier = SmtpCourier::new(
            "127.0.0.1".into(),
            postfix.smtp,
            smtp::SmtpPrivacy::None,
            Trust {
                ca_file: None,
                pin: None,
            },
            None,
            "desk.example".into(),
        );
        courier.send(&parcel(9_999)).await.unwrap();
    });
    wait_for("the last letter", || delivered(9_999) == 1);
    let (mut failed, mut in_doubt) = (0, 0);
    for (n, fault, sent) in &outcomes {
        match sent {
            Ok(()) => assert_eq!(delivered(*n), 1, "{fault:?}: it was said to be sent"),
            Err(err) if err.kind() == PortErrorKind::InDoubt => {
                in_doubt += 1;
                assert!(delivered(*n) <= 1, "{fault:?}");
            }
            Err(err) => {
                failed += 1;
                // Sent again, it would be there twice, and nobody would have counted it.
                assert_eq!(delivered(*n), 0, "{fault:?}: {err}");
            }
        }
    }
    eprintln!(
        "SMTP: {} letters with a fault, {failed} not sent, {in_doubt} in doubt (RFC 1047)",
        outcomes.len()
    );
    assert!(failed > outcomes.len() / 3, "the faults don't bite");
}

fn advisory(n: usize) -> Advisory {
    let marker = format!("<!-- sealdesk:{n:032x} -->");
    Advisory {
        case: CaseId::from_random([n as u8; 10]),
        summary: format!("XSS number {n}"),
        description: format!("An XSS.\n\n{marker}"),
        marker,
        report: Report {
            severity: Some("high".to_owned()),
            ..Report::default()
        },
    }
}

#[test]
fn https_breaks_at_every_octet() {
    let github = Github::start();
    let token = || Auth::Token(Secret::new(b"test-token".to_vec()));
    let trust = Trust {
        ca_file: None,
        pin: None,
    };
    let tracker = |port: u16| {
        let api = GithubApi::new(&format!("http://127.0.0.1:{port}"), &trust, token()).unwrap();
        GithubTracker::new(
            api,
            "example/project".to_owned(),
            BTreeMap::new(),
            "other".to_owned(),
            false,
        )
    };
    let runs = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let proxy = Proxy::before(github.port).await;
            tracker(proxy.port).file(&advisory(0), false).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let (down, up, _) = proxy.seen();
            let mut faults: Vec<Fault> = octets(down, down / 20).map(Fault::CutAnswers).collect();
            faults.extend(octets(up, up / 20).map(Fault::CutQuestions));
            faults.extend(
                octets(down, down / 5).flat_map(|at| [Fault::Reset(at), Fault::Garbage(at)]),
            );
            faults.push(Fault::Trickle);
            let runs = faults.len();
            // Each with a line of its own, several at once: after an answer that never came the
            // tracker waits.
            let all = faults.into_iter().enumerate().map(async |(n, fault)| {
                let proxy = Proxy::before(github.port).await;
                proxy.order(fault.clone());
                let tracker = tracker(proxy.port);
                let first = tracker.file(&advisory(n + 1), false).await;
                if first.is_err() {
                    let again = tracker.file(&advisory(n + 1), true).await;
                    assert!(again.is_ok(), "{fault:?}: {first:?}, then {again:?}");
                }
            });
            futures::stream::iter(all)
                .buffer_unordered(8)
                .collect::<Vec<()>>()
                .await;
            runs
        });
    let drafts = github.advisories();
    assert_eq!(drafts.len(), runs + 1, "one draft each");
    eprintln!("HTTPS: {runs} calls with a fault, one draft each");
}

/// A certificate that ends while the desk is connected: the session goes on, the next says what is
/// wrong, and the renewed one is taken.
#[test]
fn a_certificate_that_ends_midway_stops_the_next_session_and_says_so() {
    use openssl::asn1::Asn1Time;
    use openssl::pkey::PKey;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
    use openssl::x509::{X509, X509NameBuilder};
    let folder = folder();
    let dovecot = Dovecot::start(
        folder.path(),
        &DovecotOptions {
            extra: String::new(),
        },
    );
    let key = PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let unix = || SystemClock.now().as_second();
    let ends = unix() + 4;
    let make = |until: i64| {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "localhost").unwrap();
        let name = name.build();
        let mut x509 = X509::builder().unwrap();
        x509.set_version(2).unwrap();
        x509.set_subject_name(&name).unwrap();
        x509.set_issuer_name(&name).unwrap();
        x509.set_pubkey(&key).unwrap();
        x509.set_not_before(&Asn1Time::from_unix(unix() - 60).unwrap())
            .unwrap();
        x509.set_not_after(&Asn1Time::from_unix(until).unwrap())
            .unwrap();
        x509.append_extension(BasicConstraints::new().critical().build().unwrap())
            .unwrap();
        x509.append_extension(
            SubjectAlternativeName::new()
                .dns("localhost")
                .build(&x509.x509v3_context(None, None))
                .unwrap(),
        )
        .unwrap();
        x509.sign(&key, openssl::hash::MessageDigest::sha256())
            .unwrap();
        x509.build()
    };
    let ca_file = folder.path().join("ends.crt");
    fs::write(&ca_file, make(ends).to_pem().unwrap()).unwrap();
    now(async {
        let (port, serve) = tls_before(
            dovecot.imap,
            make(ends).to_der().unwrap(),
            key.private_key_to_pkcs8().unwrap(),
        )
        .await;
        let trust = || Trust {
            ca_file: Some(ca_file.clone()),
            pin: None,
        };
        let secret = Arc::new(|| Ok(Secret::new(b"secret".to_vec())));
        let mailbox = |port: u16| {
            let login = ImapLogin {
                user: "security".to_owned(),
                means: Means::Password(secret.clone()),
            };
            ImapMailbox::new(
                "security".into(),
                "localhost".into(),
                port,
                imap::ImapPrivacy::Tls,
                trust(),
                login,
                "INBOX".into(),
                imap::Settling::Keep,
            )
        };
        let mut open = mailbox(port);
        open.probe().await.unwrap();
        assert!(
            open.list(SystemClock.now(), &|_: &str, _: u32| 0)
                .await
                .is_ok()
        );
        while unix() <= ends {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(
            open.list(SystemClock.now(), &|_: &str, _: u32| 0)
                .await
                .is_ok(),
            "a session that stands goes on"
        );
        let refused = mailbox(port).probe().await.unwrap_err().to_string();
        assert!(refused.to_lowercase().contains("expired"), "{refused}");
        serve.abort();
        fs::write(&ca_file, make(unix() + 3600).to_pem().unwrap()).unwrap();
        let renewed = X509::from_pem(&fs::read(&ca_file).unwrap()).unwrap();
        let (port, _serve) = tls_before(
            dovecot.imap,
            renewed.to_der().unwrap(),
            key.private_key_to_pkcs8().unwrap(),
        )
        .await;
        mailbox(port).probe().await.unwrap();
    });
}

/// TLS before a server that speaks none.
async fn tls_before(
    server: u16,
    certificate: Vec<u8>,
    key: Vec<u8>,
) -> (u16, tokio::task::JoinHandle<()>) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key)),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", server))
                    .await
                    .unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, serve)
}
