//! The policy's whole story on a clock of the test's own, from four reports to their ends: real
//! Dovecot, Postfix and GnuPG, and the contracts of GitHub and GitLab.

use super::people::{Person, head, pgp_mime};
use super::servers::{Github, wait_for};
use super::world::{SEALDESK, World};
use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use sealdesk::adapters::clock::SystemClock;
use sealdesk::adapters::opener::{OpenerClient, OpenerEndpoint};
use sealdesk::cases::TO_BE_WRITTEN;
use sealdesk::config;
use sealdesk::control::{CaseLine, CaseView, Order, Request, Status, Wanted, answer};
use sealdesk::decide::Proposal;
use sealdesk::desk::{Desk, DeskParts};
use sealdesk::model::Timestamp;
use sealdesk::model::case::{Closing, Draft};
use sealdesk::model::case_command::CaseCommand;
use sealdesk::model::case_record::Assessment;
use sealdesk::model::course::{Lane, Step};
use sealdesk::model::ids::CaseId;
use sealdesk::model::journal::JournalEvent;
use sealdesk::pipeline::{deadlines, intake, outbox, reading_loop, watch};
use sealdesk::ports::{Clock, OutboxQueue};
use sealdesk::wiring::{self, Watched};
use serde_json::json;
use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A world whose desk runs in this process, on the test's clock.
struct Play {
    world: World,
    desk: Desk,
    mailboxes: tokio::sync::Mutex<Vec<Watched>>,
    clock: Arc<TestClock>,
    posts: Arc<Mutex<Vec<String>>>,
}

impl Play {
    async fn begin(world: World, tracker: String) -> Self {
        let posts: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&posts);
        let app = axum::Router::new().route(
            "/hook",
            axum::routing::post(move |body: String| async move { kept.lock().unwrap().push(body) }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!(
            "http://127.0.0.1:{}/hook",
            listener.local_addr().unwrap().port()
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        let w = world.path().display().to_string();
        let secret = world.path().join("hook");
        std::fs::write(&secret, hook).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let distro = Command::new(SEALDESK)
            .args([
                "key",
                "new",
                "--address",
                "security@distro.example",
                "--out",
            ])
            .arg(world.path().join("distro"))
            .output()
            .unwrap();
        assert!(distro.status.success());
        let mut config = world.config();
        config.tracker = tracker;
        config.extra = format!(
            "[announcement]\nlists = [\"dev@lists.example\"]\nwebhook_file = \
             \"{w}/hook\"\n[[distributor]]\nname = \"Distro\"\naddress = \
             \"security@distro.example\"\ncertificate = \"{w}/distro/security.asc\"\ncontact = \
             \"+49 1\"\ncriteria = [\"monitored alias\"]\nvouched_by = \
             \"Stack\"\nembargo_accepted_on = \"2026-01-02\"\n"
        );
        world.write_config(&config);
        let settings = config::load(&world.config_file()).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(
            SystemClock.now().as_millisecond(),
        )));
        let parts = wiring::desk(&settings).await.unwrap().parts;
        let arguments = vec![
            "opener".to_owned(),
            "--config".to_owned(),
            world.config_file().display().to_string(),
        ];
        let opener = Arc::new(OpenerClient::new(
            OpenerEndpoint::Child {
                program: SEALDESK.into(),
                arguments,
            },
            wiring::own_addresses(&settings),
        ));
        let desk = Desk::new(DeskParts {
            opener,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..parts
        });
        let mailboxes = tokio::sync::Mutex::new(wiring::mailboxes(&settings).unwrap());
        Self {
            world,
            desk,
            mailboxes,
            clock,
            posts,
        }
    }

    async fn work(&self) {
        for watched in self.mailboxes.lock().await.iter_mut() {
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
        watch::round(&self.desk).await.unwrap();
        deadlines::round(&self.desk).await.unwrap();
        for lane in OutboxQueue::ALL {
            while outbox::round(&self.desk, lane).await.unwrap() > 0 {}
        }
    }

    /// So much later, everything that is due by then is done.
    async fn after(&self, duration: SignedDuration) {
        self.clock
            .0
            .fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
        self.work().await;
        // An acknowledgement waits three seconds for the reader, and so do the pieces of a long
        // post.
        for _ in 0..3 {
            self.clock.0.fetch_add(5_000, Ordering::SeqCst);
            self.work().await;
        }
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, question: Request) -> Result<T, String> {
        let value = answer(&self.desk, question, "responder rita")
            .await
            .map_err(|e| format!("{e:#}"))?;
        Ok(serde_json::from_value(value).unwrap())
    }

    async fn say(&self, id: &CaseId, word: CaseCommand) -> String {
        self.ask(Request::CaseCommand {
            id: id.clone(),
            command: word,
        })
        .await
        .unwrap()
    }

    async fn cases(&self) -> Vec<CaseLine> {
        self.ask(Request::CaseList(Wanted {
            all: true,
            order: Order::Due,
            at_most: Some(1000),
            ..Wanted::default()
        }))
        .await
        .unwrap()
    }

    async fn show(&self, id: &CaseId) -> CaseView {
        self.ask(Request::CaseShow { id: id.clone() })
            .await
            .unwrap()
    }

    async fn case_about(&self, words: &str) -> CaseId {
        let cases = self.cases().await;
        cases
            .iter()
            .find(|c| c.summary.as_deref().is_some_and(|s| s.contains(words)))
            .unwrap_or_else(|| panic!("{words}: {cases:#?}"))
            .id
            .clone()
    }

    /// What the command line prints; the desk of this process must not hold the store's lock.
    fn read(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.world.command(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    }
}

const SEALED: &str = "Content-Type: text/plain; charset=utf-8\n\nThe session cookie of acme-web \
    is readable by any script, and CANARY-SEALED says how.\nAffected are all versions up to and \
    including 2.3.1.\n\nSteps to reproduce:\n\n1. Log in as any user.\n2. Type document.cookie \
    into the console.\n\nCVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:N\n\nPlease credit me as Ada \
    Example. I have told nobody else.\n";

/// Four reports arrive; the first goes the whole way. `publish`: how the tracker's people make it
/// public.
async fn whole_story(play: &Play, by_tracker: bool, publish: impl AsyncFn(&CaseView)) {
    let ada = Person::with_gpg(
        play.world.path(),
        "ada@reporter.example",
        &play.world.desk_certificate(),
    );
    let mail = |from: &str, subject: &str, id: &str, body: &str| {
        let address = from.split(['<', '>']).nth(1).unwrap();
        play.world.submit(
            address,
            &(head(from, subject, id) + "Content-Type: text/plain\n\n" + body),
        );
    };
    let sealed = head("Ada <ada@reporter.example>", "...", "s1@reporter.example")
        + &ada.autocrypt()
        + &pgp_mime(&ada.sealed("security@desk.example", SEALED));
    play.world.submit("ada@reporter.example", &sealed);
    let day = (play.clock.now() + SignedDuration::from_hours(24 * 12))
        .strftime("%Y-%m-%d")
        .to_string();
    mail(
        "Ben <ben@reporter.example>",
        "Path traversal in acme-web downloads",
        "s2@reporter.example",
        &format!(
            "acme-web 2.3.1 serves ../../etc/passwd.\n\nSteps:\n1. get /d/../../etc/passwd\n2. \
             read it\n\nI will publish my write-up on {day}, fixed or not.\n"
        ),
    );
    mail(
        "Cleo <cleo@reporter.example>",
        "Version banner of acme-web",
        "s4@reporter.example",
        "acme-web 2.3.1 tells its version to whoever asks.\n\nSteps:\n1. get /\n2. read the \
         header\n\nCVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N\n",
    );
    let expected = if by_tracker { 4 } else { 3 };
    wait_for("the letters", || play.world.lying("") >= 3);
    play.after(SignedDuration::ZERO).await;
    assert_eq!(play.cases().await.len(), expected);

    // Everybody who wrote by mail has their answer, and the sealed one got it sealed.
    for who in ["ada", "ben", "cleo"] {
        wait_for("the acknowledgement", || {
            !play
                .world
                .delivered(&format!("{who}@reporter.example"))
                .is_empty()
        });
    }
    let answered = ada.open(&play.world.delivered("ada@reporter.example")[0]);
    let first = play
        .cases()
        .await
        .into_iter()
        .find(|c| answered.contains(c.id.as_str()))
        .expect("the acknowledgement names its case")
        .id;

    // The second means to publish: fast, and asked to wait on a responder's command.
    let second = play.case_about("Path traversal").await;
    let view = play.show(&second).await;
    assert_eq!(
        (view.line.lane, view.course.announced.map(|d| d.to_string())),
        (Lane::Asap, Some(day))
    );
    assert!(
        view.journal
            .iter()
            .any(|line| line.event == JournalEvent::Skipped)
    );
    play.ask::<String>(Request::CaseCommand {
        id: second.clone(),
        command: CaseCommand::Ask {
            private_disclosure: true,
        },
    })
    .await
    .unwrap();
    // The third was filed in the tracker: a human answers there.
    if by_tracker {
        let third = play.case_about("Open redirect").await;
        assert!(matches!(
            play.show(&third).await.line.draft,
            Draft::Filed { .. }
        ));
        play.ask::<String>(Request::CaseCommand {
            id: third,
            command: CaseCommand::Answered,
        })
        .await
        .unwrap();
    }
    // The fourth is rated by the team, under four, and takes its time.
    let fourth = play.case_about("Version banner").await;
    let low = Assessment {
        cvss: Some("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N".to_owned()),
        ..Assessment::default()
    };
    play.say(
        &fourth,
        CaseCommand::Set {
            assessment: Box::new(low),
        },
    )
    .await;
    let slow = play.show(&fourth).await;
    assert_eq!(slow.line.lane, Lane::Slow);
    assert!(slow.clocks[1].deadline > play.show(&first).await.clocks[1].deadline);
    play.after(SignedDuration::from_mins(5)).await;
    wait_for("the letter to Ben", || {
        play.world
            .delivered("ben@reporter.example")
            .iter()
            .any(|letter| letter.contains("We ask you to wait"))
    });

    // The queue of a tired human: what is due first stands first.
    let status: Status = play.ask(Request::Status).await.unwrap();
    assert_eq!(
        (&status.queue[0].id, status.queue.len()),
        (&second, expected)
    );

    // The first on its way: fix team, what was found, fix, and a day that the policy likes.
    play.after(SignedDuration::from_hours(5)).await;
    play.say(
        &first,
        CaseCommand::Reach {
            step: Step::FixTeam,
            at: None,
        },
    )
    .await;
    let found = Assessment {
        summary: Some("Session cookie can be read by scripts".to_owned()),
        product: Some("acme-web".to_owned()),
        cve_ids: Some(vec!["CVE-2026-12345".to_owned()]),
        cwe_ids: Some(vec!["CWE-1004".to_owned()]),
        fixed_versions: Some(vec!["2.3.2".to_owned()]),
        ..Assessment::default()
    };
    play.say(
        &first,
        CaseCommand::Set {
            assessment: Box::new(found),
        },
    )
    .await;
    play.say(
        &first,
        CaseCommand::Credit {
            login: None,
            name: Some("Ada Example".to_owned()),
            kind: "finder".to_owned(),
        },
    )
    .await;
    play.say(
        &first,
        CaseCommand::Link {
            what: "fix".to_owned(),
            to: "https://git.acme.example/pull/7".to_owned(),
        },
    )
    .await;
    play.after(SignedDuration::from_hours(24 * 3)).await;
    play.say(
        &first,
        CaseCommand::Reach {
            step: Step::Fix,
            at: None,
        },
    )
    .await;
    let proposal: Proposal = play
        .ask(Request::CaseReleaseDay {
            id: first.clone(),
            at: None,
        })
        .await
        .unwrap();
    let there = proposal.at.to_zoned(TimeZone::UTC);
    assert!(
        (there.hour(), there.minute()) == (16, 0)
            && !matches!(
                there.weekday(),
                Weekday::Friday | Weekday::Saturday | Weekday::Sunday
            ),
        "{there}"
    );
    play.say(
        &first,
        CaseCommand::ReleaseDay {
            at: Some(proposal.at),
            despite_objections: false,
        },
    )
    .await;
    play.say(
        &first,
        CaseCommand::NotifyDistributors {
            text: "acme-web 2.3.2 will fix CANARY-NOTICE.".to_owned(),
        },
    )
    .await;
    play.after(SignedDuration::from_mins(5)).await;
    wait_for("the notice", || {
        !play.world.delivered("security@distro.example").is_empty()
    });
    let notice = play.world.delivered("security@distro.example").remove(0);
    assert!(notice.contains("multipart/encrypted") && !notice.contains("CANARY-NOTICE"));

    // The day comes: the tracker's people publish, the world hears, and what was learnt is written
    // down.
    let to_release = proposal.at.duration_since(play.clock.now()) + SignedDuration::from_mins(10);
    play.after(to_release).await;
    publish(&play.show(&first).await).await;
    play.after(SignedDuration::from_mins(10)).await;
    let released = play.show(&first).await;
    assert!(
        released.course.reached.contains_key(&Step::Release),
        "{:#?}",
        released.course
    );
    let words = play
        .read(&["case", "announcement", first.as_str()])
        .replace(TO_BE_WRITTEN, "nothing");
    assert!(
        words.starts_with("Subject: acme-web 2.3.2 fixes a vulnerability (CVE-2026-12345)")
            && words.contains("We thank Ada Example"),
        "{words}"
    );
    play.say(
        &first,
        CaseCommand::Announce {
            text: words,
            assets: Vec::new(),
            despite_assets: false,
            again: false,
        },
    )
    .await;
    play.after(SignedDuration::from_mins(5)).await;
    wait_for("the announcement", || {
        !play.world.delivered("dev@lists.example").is_empty()
    });
    assert!(
        ada.open(&play.world.delivered("dev@lists.example")[0])
            .contains("CVE-2026-12345")
    );
    play.after(SignedDuration::from_hours(30)).await;
    let retrospective = play.read(&["case", "retrospective", first.as_str()]);
    assert!(
        retrospective.contains("- fix: https://git.acme.example/pull/7")
            && retrospective.contains("Ada Example"),
        "{retrospective}"
    );
    let said = play
        .say(
            &first,
            CaseCommand::PostRetrospective {
                text: retrospective,
            },
        )
        .await;
    assert!(said.contains("is posted"), "{said}");
    play.after(SignedDuration::from_mins(5)).await;
    let posts = play.posts.lock().unwrap().clone();
    assert!(
        posts.len() >= 2 && posts[0].contains("2.3.2") && posts[1].contains("Retrospective of"),
        "{posts:#?}"
    );
    assert!(
        posts
            .iter()
            .any(|post| post.contains("https://git.acme.example/pull/7"))
    );
    play.say(
        &first,
        CaseCommand::Close {
            why: Closing::Resolved,
            note: None,
            of: None,
        },
    )
    .await;

    // What a maintainer reads who has never seen this: four steps, none late; and one draft for
    // each report.
    let timeline = play.read(&["case", "timeline", "--markdown", first.as_str()]);
    assert_eq!(timeline.matches("| done ").count(), 4, "{timeline}");
    assert!(!timeline.contains(", late"), "{timeline}");
    let csaf = play.read(&["case", "export", first.as_str(), "--format", "csaf"]);
    assert!(
        csaf.contains("\"final\"")
            && csaf.contains("vers:generic/<=2.3.1")
            && !csaf.contains("CANARY-SEALED"),
        "{csaf}"
    );
    // The others' late deadlines were called for, once each.
    let calls = play
        .show(&second)
        .await
        .journal
        .into_iter()
        .filter(|line| line.event == JournalEvent::RespondersCalled)
        .map(|line| line.detail)
        .collect::<Vec<_>>();
    assert!(
        calls.contains(&"fix-missed".to_owned())
            && calls.iter().filter(|call| *call == "fix-missed").count() == 1,
        "{calls:?}"
    );
}

fn played(world: World, tracker: impl Fn(&World) -> String, story: impl AsyncFn(Play)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let tracker = tracker(&world);
    runtime.block_on(async { story(Play::begin(world, tracker).await).await });
}

#[test]
fn the_whole_policy_is_played_with_github() {
    let world = World::new();
    world.github.report(&json!({
        "repository": "example/project", "login": "octocat", "summary": "Open redirect after login", "severity": "medium", "cwe_ids": ["CWE-601"],
        "description": "acme-web 2.3.1 sends people wherever next= says.\n\nSteps:\n1. open \
            /login?next=https://evil.example\n2. log in",
        "vulnerabilities": [{ "package": { "ecosystem": "npm", "name": "acme-web" }, "vulnerable_version_range": "<= \
            2.3.1" }],
    }));
    played(
        world,
        |world| world.config().tracker,
        async |play| {
            let publish = async |view: &CaseView| {
                let Draft::Filed { advisory } = &view.line.draft else {
                    panic!("{:?}", view.line.draft)
                };
                tokio::task::block_in_place(|| {
                    play.world.github.edit(&advisory.id, "state", "published")
                });
            };
            whole_story(&play, true, publish).await;
            let advisories = tokio::task::block_in_place(|| play.world.github.advisories());
            assert_eq!(advisories.len(), 4);
            let published = advisories
                .iter()
                .find(|a| a["state"] == "published")
                .unwrap();
            assert_eq!(
                (&published["cve_id"], &published["summary"]),
                (
                    &json!("CVE-2026-12345"),
                    &json!("Session cookie can be read by scripts")
                )
            );
            assert!(
                published["description"]
                    .as_str()
                    .unwrap()
                    .contains("Ada Example")
            );
        },
    );
}

#[test]
fn the_whole_policy_is_played_with_gitlab() {
    let gitlab = Github::serving("gitlab");
    let tracker = |world: &World| {
        format!(
            "kind = \"gitlab\"\nproject = \"acme/web\"\nbase_url = \
             \"http://127.0.0.1:{}\"\ntoken_file = \"{}/github-token\"\n",
            gitlab.port,
            world.path().display()
        )
    };
    played(World::new(), tracker, async |play| {
        let publish = async |view: &CaseView| {
            let Draft::Filed { advisory } = &view.line.draft else {
                panic!("{:?}", view.line.draft)
            };
            tokio::task::block_in_place(|| gitlab.edit(&advisory.id, "confidential", false));
        };
        whole_story(&play, false, publish).await;
        let issues = tokio::task::block_in_place(|| gitlab.advisories());
        assert_eq!(issues.len(), 3);
        assert_eq!(
            issues
                .iter()
                .filter(|issue| issue["confidential"] == true)
                .count(),
            2
        );
    });
}
