//! Can a sender tell whether their letter was opened, or what was inside? By the answer's words, or
//! by its time?

use super::people::{Person, head, pgp_mime};
use super::servers::wait_for;
use super::world::{SEALDESK, World};
use sealdesk::openpgp::{armored_message, certificates, seal_packets};
use std::collections::BTreeMap;
use std::process::Command;

/// Letters of each class: enough for a rank test to see a shift of one and a half standard
/// deviations.
const LETTERS: usize = 8;

/// Beyond this |z| two samples differ: by chance in one of 10,000 comparisons, and about 20 are
/// made.
const Z_MAX: f64 = 3.9;

/// Flips a bit near the end of armored ciphertext, where MDC or the last AEAD chunk stands.
fn tampered(armored: &str) -> String {
    use base64::Engine;
    let engine = base64::engine::general_purpose::STANDARD;
    let body: String = armored
        .lines()
        .skip_while(|l| !l.is_empty())
        .filter(|l| !l.starts_with(['-', '=']))
        .collect();
    let mut octets = engine.decode(body).unwrap();
    let at = octets.len() - 12;
    octets[at] ^= 1;
    armored_message(&octets).unwrap()
}

/// What the sender gets, without what differs from answer to answer in any case.
fn words(letter: &str) -> String {
    let letter = letter.replace("\r\n", "\n");
    let boundary = letter
        .split("boundary=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("-")
        .to_owned();
    let signature = letter.find("-----BEGIN PGP SIGNATURE").map_or("", |from| {
        &letter[from..letter.find("-----END PGP SIGNATURE").unwrap()]
    });
    let mut plain = letter.replace(signature, "").replace(&boundary, "BOUNDARY");
    let case = plain
        .find("SD-")
        .map(|at| plain[at..at + 13].to_owned())
        .expect("a case id");
    plain = plain.replace(&case, "CASE");
    let varies = [
        "Return-Path:",
        "X-Original-To:",
        "Delivered-To:",
        "Received:",
        "Message-ID:",
        "Message-Id:",
        "In-Reply-To:",
        "References:",
        "Date:",
        "To:",
        "\t",
        " ",
    ];
    let (top, body) = plain.split_once("\n\n").unwrap();
    let kept: Vec<&str> = top
        .lines()
        .filter(|line| !varies.iter().any(|field| line.starts_with(field)))
        .collect();
    // The text names the day and minute at which the letter arrived.
    let own = letter
        .split("In-Reply-To: <")
        .nth(1)
        .and_then(|rest| rest.split('>').next())
        .unwrap();
    // And its digest, which every PGP/MIME letter has, whatever is in it.
    let digest = body
        .split_whitespace()
        .find(|w| w.len() == 64 && w.bytes().all(|b| b.is_ascii_hexdigit()))
        .expect("a digest")
        .to_owned();
    let body: String = body
        .replace(&digest, "DIGEST")
        .replace(own, "ID")
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    format!("{}\n\n{body}", kept.join("\n"))
}

/// Mann and Whitney's U as a z value: how far two samples' ranks lie apart.
fn z(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let wins: f64 = a
        .iter()
        .flat_map(|x| {
            b.iter().map(move |y| {
                if x > y {
                    1.0
                } else if x == y {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Milliseconds from the moment at which a letter was safe here to the one at which its answer had
/// left, by class.
fn times_to_answer(world: &World) -> BTreeMap<String, Vec<f64>> {
    let sql = "SELECT letter.message_id, answer.sent_at - letter.spooled_at FROM letter JOIN \
        answer ON answer.case_id = letter.case_id";
    let rows = super::servers::run(
        Command::new("sqlite3")
            .arg("-readonly")
            .arg(world.path().join("state/desk.sqlite"))
            .arg(sql),
    );
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows.lines() {
        let (id, took) = row.split_once('|').unwrap();
        times
            .entry(id.split('.').next().unwrap().to_owned())
            .or_default()
            .push(took.parse().unwrap());
    }
    times
}

fn assert_alike(times: &BTreeMap<String, Vec<f64>>, classes: usize) {
    assert_eq!(times.len(), classes);
    for (class, took) in times {
        assert_eq!(took.len(), LETTERS, "{class}");
        let others: Vec<f64> = times
            .iter()
            .filter(|(other, _)| *other != class)
            .flat_map(|(_, took)| took)
            .copied()
            .collect();
        let z = z(took, &others);
        assert!(
            z.abs() < Z_MAX,
            "{class}: its answers come at another time than the others' (z = {z:.1}): {times:#?}"
        );
    }
}

/// All at once, so that letters wait for readers, drafts for the tracker, and everything for
/// everything else.
#[test]
fn neither_a_slow_tracker_nor_slow_readers_nor_a_full_queue_move_an_answer() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let mut config = world.config();
    config.extra += "\n[limits]\nreader_cpu_s = 2\nreader_life_s = 5\n";
    world.write_config(&config);
    world.github.fault("POST", "slow", 1_000);
    let report = "Content-Type: text/plain\n\nXSS (CWE-79) in acme 1.2\n\nSteps to reproduce:\n1. \
        open it\n2. look\n";
    let sealed = |text: &str| ada.gpg(&["--recipient", "security@desk.example", "--encrypt"], text);
    let classes = BTreeMap::from([
        ("report", sealed(report)),
        (
            "key request",
            sealed("Content-Type: text/plain\n\nPlease send me your public PGP key.\n"),
        ),
        (
            "another's key",
            ada.gpg(
                &["--recipient", "ada@reporter.example", "--encrypt"],
                report,
            ),
        ),
        ("tampered", tampered(&sealed(report))),
        (
            "slow to read",
            sealed("Content-Type: text/plain\n\nstrike-this-reader: loop\n"),
        ),
    ]);
    let desk = world.open_with(&[("SEALDESK_STRIKE", "1")]);
    let names: Vec<&&str> = classes.keys().collect();
    let letters = LETTERS * names.len();
    for n in 0..letters {
        let class = names[(n + n / names.len()) % names.len()];
        let id = format!(
            "{:_<20}.{n:02}@crowd.example",
            class.replace([' ', '\''], "-")
        );
        world.submit(&id, &(head(&id, "...", &id) + &pgp_mime(&classes[*class])));
    }
    wait_for("all answers", || {
        world.delivered("x@crowd.example").len() == letters
    });
    let status = world.status();
    assert!(
        status["unread"].as_u64().unwrap() > 0 || status["effects_pending"].as_u64().unwrap() > 0,
        "nothing was slow: {status}"
    );
    assert_alike(&times_to_answer(&world), classes.len());
    desk.stop();
}

#[test]
fn no_answer_tells_whether_a_letter_was_opened_or_what_was_inside() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    // A second key, so that letters with AEAD come in too.
    let second = world.path().join("second");
    super::servers::run(
        Command::new(SEALDESK)
            .args([
                "key",
                "new",
                "--profile",
                "rfc9580",
                "--address",
                "security@desk.example",
                "--out",
            ])
            .arg(&second),
    );
    world.write_config(&world.config());
    let keys = world.path().join("keys").display().to_string();
    let text = std::fs::read_to_string(world.config_file()).unwrap();
    let text = text.replace(
        &format!("secret_keys = [\"{keys}/security.secret.asc\"]"),
        &format!(
            "secret_keys = [\"{keys}/security.secret.asc\", \"{}/security.secret.asc\"]",
            second.display()
        ),
    );
    std::fs::write(world.config_file(), text).unwrap();
    let v6 = certificates(&std::fs::read(second.join("security.asc")).unwrap()).unwrap();

    let entity = |subject: &str, body: &str| {
        format!(
            "Subject: {subject}\nContent-Type: text/plain; protected-headers=\"v1\"\n\n{body}\n"
        )
    };
    let report = entity(
        "XSS in acme 1.2",
        "XSS (CWE-79) in acme 1.2\n\nSteps to reproduce:\n1. open it\n2. look",
    );
    let sealed = |text: &str| ada.gpg(&["--recipient", "security@desk.example", "--encrypt"], text);
    let with_key = format!(
        "Content-Type: multipart/mixed; boundary=\"m1\"\n\n--m1\n{report}\n--m1\nContent-Type: \
         application/pgp-keys\n\n{}\n--m1--\n",
        ada.certificate()
    );
    let bomb = format!("Content-Type: text/plain\n\n{}", "x".repeat(40_000_000));
    // A literal packet (RFC 9580 section 5.9) with the report, unsigned.
    let literal = [
        &[0xcb, 0xff][..],
        &(report.len() as u32 + 6).to_be_bytes(),
        b"b\0\0\0\0\0",
        report.as_bytes(),
    ]
    .concat();
    let aead = armored_message(&seal_packets(&v6, &literal).unwrap()).unwrap();
    let classes: BTreeMap<&str, String> = BTreeMap::from([
        ("report", sealed(&report)),
        (
            "key request",
            sealed(&entity("PGP key", "Please send me your public PGP key.")),
        ),
        (
            "machine",
            sealed(&entity("Automatic reply: away", "I am out of the office.")),
        ),
        ("certificate inside", sealed(&with_key)),
        (
            "another's key",
            ada.gpg(
                &["--recipient", "ada@reporter.example", "--encrypt"],
                &report,
            ),
        ),
        ("tampered MDC", tampered(&sealed(&report))),
        ("AEAD", aead.clone()),
        ("tampered AEAD", tampered(&aead)),
        (
            "garbage",
            "-----BEGIN PGP MESSAGE-----\n\nAAAAAAAA\n-----END PGP MESSAGE-----\n".to_owned(),
        ),
        ("over the limit", sealed(&bomb)),
    ]);
    let desk = world.open();
    let mut sent = 0;
    for n in 0..LETTERS {
        // Each round in another order, so that no class is always first.
        let names: Vec<&&str> = classes.keys().collect();
        for at in 0..names.len() {
            let class = names[(at * 3 + n) % names.len()];
            // All of one length, so that no line of an answer breaks elsewhere.
            let id = format!("{:_<20}.{n}@crowd.example", class.replace([' ', '\''], "-"));
            world.submit(&id, &(head(&id, "...", &id) + &pgp_mime(&classes[*class])));
            sent += 1;
        }
        world.settle(sent);
    }
    wait_for("all answers", || {
        world.delivered("x@crowd.example").len() == sent as usize
    });
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for letter in world.delivered("x@crowd.example") {
        let id = letter
            .split("In-Reply-To: <")
            .nth(1)
            .and_then(|rest| rest.split('.').next())
            .unwrap()
            .to_owned();
        answers.entry(id).or_default().push(words(&letter));
    }
    assert_eq!(answers.len(), classes.len(), "every class is answered");
    let first = &answers.values().next().unwrap()[0];
    for (class, answers) in &answers {
        assert_eq!(answers.len(), LETTERS, "{class}");
        for answer in answers {
            assert_eq!(answer, first, "{class} gets other words");
        }
    }
    assert_alike(&times_to_answer(&world), classes.len());
    desk.stop();
}
