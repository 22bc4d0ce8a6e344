//! A backlog, a flood and a large letter: a fresh letter is answered all the same.

use super::people::head;
use super::servers::wait_for;
use super::world::World;
use sealdesk::adapters::clock::SystemClock;
use sealdesk::ports::Clock;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

const REPORT: &str =
    "\nThere is an XSS (CWE-79) in acme 1.2.\n\nSteps to reproduce:\n1. open it\n2. look\n";

/// Answers only what arrived since yesterday.
fn since_yesterday(world: &World) {
    let yesterday = (SystemClock.now() - jiff::SignedDuration::from_hours(24))
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let text = fs::read_to_string(world.config_file()).unwrap();
    fs::write(
        world.config_file(),
        text.replace(
            "answer_from = \"2020-01-01T00:00:00Z\"",
            &format!("answer_from = \"{yesterday}\""),
        ),
    )
    .unwrap();
}

/// The most memory that a process ever had, in MiB.
fn peak_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

#[test]
fn a_fresh_letter_behind_a_backlog_is_answered_soon_and_the_backlog_never() {
    let backlog = if std::env::var_os("SEALDESK_SOAK").is_some() {
        100_000
    } else {
        12_000
    };
    let world = World::new();
    world.write_config(&world.config());
    since_yesterday(&world);
    world.open().stop_when_open(&world);
    let new = world.path().join("mail/desk.example/security/Maildir/new");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for n in 0..backlog {
        let path = new.join(format!("1700000000.{n:06}.old"));
        fs::write(
            &path,
            head(
                &format!("old{n}@crowd.example"),
                &format!("old {n}"),
                &format!("o{n}@crowd.example"),
            ) + REPORT,
        )
        .unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    }
    let desk = world.open();
    std::thread::sleep(Duration::from_secs(2));
    let start = Instant::now();
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "fresh@reporter.example") + REPORT),
    );
    wait_for("the fresh letter's acknowledgement", || {
        !world.delivered("ada@reporter.example").is_empty()
    });
    let took = start.elapsed();
    let done = world.status()["letters"].as_i64().unwrap();
    world.settle_within(backlog + 1, 1_800);
    let status = world.status();
    assert_eq!(
        (&status["old"], &status["cases"]),
        (&serde_json::json!(backlog), &serde_json::json!(1)),
        "{status:#}"
    );
    assert!(
        world.delivered("x@crowd.example").is_empty(),
        "an old letter was answered"
    );
    let peak = peak_mib(desk.pid());
    eprintln!(
        "{backlog} old letters: the fresh one was answered after {:.1} s, when {done} were in; \
         peak {peak} MiB",
        took.as_secs_f64()
    );
    assert!(
        done < backlog,
        "the backlog was in before: nothing was shown"
    );
    assert!(peak < 150, "{peak} MiB");
    desk.stop();
}

#[test]
fn a_flood_from_one_sender_mutes_nobody_else() {
    let world = World::new();
    let desk = world.open();
    for n in 0..60 {
        world.submit(
            "mallory@crowd.example",
            &(head(
                "mallory@crowd.example",
                &format!("hello {n}"),
                &format!("f{n}@crowd.example"),
            ) + "\nIs anybody there?\n"),
        );
    }
    // The same provider, another person; and a letter of 50 MiB before a small one.
    world.submit(
        "eve@crowd.example",
        &(head("eve@crowd.example", "XSS", "e1@crowd.example") + REPORT),
    );
    let line = format!("{}\n", "a".repeat(997));
    world.submit(
        "ben@reporter.example",
        &(head("ben@reporter.example", "large", "b1@reporter.example")
            + "\n"
            + &line.repeat(50_000)),
    );
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "a1@reporter.example") + REPORT),
    );
    let answered = |id: &str| {
        world
            .delivered("x@crowd.example")
            .iter()
            .filter(|l| l.contains(&format!("In-Reply-To: <{id}")))
            .count()
    };
    wait_for("the other person's acknowledgement", || {
        answered("e1@") == 1
    });
    wait_for("the small letter's acknowledgement", || {
        !world.delivered("ada@reporter.example").is_empty()
    });
    wait_for("the large letter's acknowledgement", || {
        !world.delivered("ben@reporter.example").is_empty()
    });
    // A third of ten, for nobody proved who wrote.
    assert_eq!(answered("f"), 3, "enough for a day to an address");
    let status = world.status();
    assert_eq!(
        status["acknowledgements_pending"], 57,
        "each keeps its clock: {status:#}"
    );
    desk.stop();
}
