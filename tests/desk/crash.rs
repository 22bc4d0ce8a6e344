//! The plug is pulled at every named step; after the next start nothing is lost and nothing is
//! doubled.

use super::people::head;
use super::servers::wait_for;
use super::world::World;
use std::os::unix::process::ExitStatusExt;

/// Between these two steps a letter may be with the next server without our knowing it (RFC 1047).
const GAP: [&str; 1] = ["carried-out"];

#[test]
fn a_crash_at_any_step_loses_and_doubles_nothing() {
    let world = World::new();
    let steps = [
        "spooled",
        "admitted",
        "settled",
        "read",
        "reading-committed",
        "leased",
        "composed",
        "carried-out",
        "effect-settled",
    ];
    for (n, step) in steps.iter().enumerate() {
        let from = format!("crash{n}@crowd.example");
        world.submit(
            &from,
            &(head(
                &from,
                &format!("XSS number {n} in acme 1.{n}"),
                &format!("c{n}@crowd.example"),
            ) + "\nSteps to reproduce:\n1. open it\n2. look\n"),
        );
        let status = world.open_with(&[("SEALDESK_KILL_AT", step)]).ended();
        assert_eq!(
            status.signal(),
            Some(9),
            "{step}: {status}\n{}",
            world.log()
        );
        let desk = world.open();
        world.settle(n as i64 + 1);
        desk.stop();
        let drafts = world.github.advisories();
        assert_eq!(drafts.len(), n + 1, "{step}: one draft a report");
        let answers = || {
            world
                .delivered("x@crowd.example")
                .iter()
                .filter(|l| l.contains(&format!("In-Reply-To: <c{n}@crowd.example>")))
                .count()
        };
        wait_for(&format!("the acknowledgement after {step}"), || {
            answers() > 0
        });
        let status = world.status();
        if GAP.contains(step) {
            assert!(
                answers() <= 2
                    && (answers() == 1 || status["sent_twice_perhaps"].as_i64().unwrap() > 0),
                "{step}: {status:#}"
            );
        } else {
            assert_eq!(answers(), 1, "{step}: one acknowledgement");
        }
        assert_eq!(status["effects_given_up"], 0, "{step}");
    }
    wait_for("the inbox to empty", || world.lying("") == 0);
    assert_eq!(world.lying(".Sealdesk"), steps.len());
}

/// So many letters; so often the plug is pulled while they are dealt with.
const LETTERS: usize = 1_000;
const KILLS: usize = 40;

#[test]
fn a_thousand_letters_survive_a_plug_that_is_pulled_at_random() {
    let world = World::new();
    let mut config = world.config();
    config.extra = "[answers]\nper_domain_per_day = 5000\nper_day = 5000\ncalls_per_hour = \
        5000\ndrafts_per_day = 5000\nask_missing = false\n"
        .to_owned();
    world.write_config(&config);
    // Straight into the mailbox, as a server with a backlog has them.
    world.open().stop_when_open(&world);
    let new = world.path().join("mail/desk.example/security/Maildir/new");
    for n in 0..LETTERS {
        let from = format!("crash{n}@crowd.example");
        let letter =
            head(
                &from,
                &format!("XSS number {n} in acme 1.{n}"),
                &format!("k{n}@crowd.example"),
            ) + &format!("\nNumber {n}. Steps to reproduce:\n1. open it\n2. look at page {n}\n");
        let path = new.join(format!("1795000000.{n:04}.crash"));
        std::fs::write(&path, letter).unwrap();
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    }
    let mut dice = 0x5eed_u64;
    let mut killed = 0;
    for _ in 0..KILLS {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let desk = world.open();
        std::thread::sleep(std::time::Duration::from_millis(400 + (dice >> 33) % 2_600));
        desk.kill();
        killed += 1;
    }
    let desk = world.open();
    world.settle_within(LETTERS as i64, 300);
    let answers = || {
        let mut answers = std::collections::BTreeMap::<String, usize>::new();
        for letter in world.delivered("x@crowd.example") {
            let id = letter
                .split("In-Reply-To: <k")
                .nth(1)
                .and_then(|rest| rest.split('@').next())
                .unwrap_or("none")
                .to_owned();
            *answers.entry(id).or_default() += 1;
        }
        answers
    };
    wait_for("every answer", || answers().len() >= LETTERS);
    desk.stop();
    let answers = answers();
    assert_eq!(
        answers.len(),
        LETTERS,
        "each has an answer, and nobody else"
    );
    let status = world.status();
    let doubled = answers.values().filter(|n| **n > 1).count() as i64;
    assert!(
        doubled <= status["sent_twice_perhaps"].as_i64().unwrap(),
        "{doubled} letters were answered twice, and {} counted",
        status["sent_twice_perhaps"]
    );
    assert_eq!(
        world.github.advisories().len(),
        LETTERS,
        "one advisory each"
    );
    assert_eq!(
        (&status["cases"], &status["effects_given_up"]),
        (&serde_json::json!(LETTERS), &serde_json::json!(0)),
        "{status:#}"
    );
    assert_eq!((world.lying(""), world.lying(".Sealdesk")), (0, LETTERS));
    eprintln!(
        "{LETTERS} letters, {killed} kills: 0 lost, 0 second advisories, {doubled} second \
         acknowledgements, {} counted",
        status["sent_twice_perhaps"]
    );
}
