//! Attacks by letter on a whole desk: our binary, a Maildir, a folder of outgoing mail. Each is a
//! proof that once did harm.

#[path = "desk/asking.rs"]
mod asking;

use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::packet::{PKESK, pkesk::PKESK3};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::{Cert, Packet};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// A desk on a Maildir, with the demo's keys. Dropped, it is killed.
struct Desk {
    folder: tempfile::TempDir,
    child: Child,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Long enough for a busy machine. That something is fast is proved by what comes first, never by
/// a clock.
const PATIENCE: Duration = Duration::from_secs(120);

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Desk {
    fn start(extra: &str) -> Self {
        Self::start_asking("none", extra)
    }

    /// `resolver`: which DNS it asks who sent a letter.
    fn start_asking(resolver: &str, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let w = folder.path().display().to_string();
        let made = Command::new(SEALDESK)
            .args(["demo", "--once", "--dir"])
            .arg(folder.path().join("demo"))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        for sub in [
            "Maildir/new",
            "Maildir/cur",
            "Maildir/tmp",
            "outgoing",
            "tracker",
        ] {
            fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        let config = format!(
            "[desk]\naddress = \"security@demo.example\"\nname = \"Demo\"\nstate = \
             \"{w}/state\"\nbounce_address = \"bounce@demo.example\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\nresolver = \"{resolver}\"\n[keys]\ncertificates = \
             [\"{w}/demo/keys/security.asc\"]\nstorage_certificate = \
             \"{w}/demo/keys/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{w}/demo/keys/security.secret.asc\"]\nstorage_key = \
             \"{w}/demo/keys/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \
             \"demo\"\npath = \"{w}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{w}/outgoing\"\n[tracker]\nkind = \"folder\"\npath = \
             \"{w}/tracker\"\n[[responder]]\nname = \"Rita\"\naddress = \
             \"rita@demo.example\"\ncertificate = \"{w}/demo/keys/rita.asc\"\n{extra}\n"
        );
        fs::write(folder.path().join("sealdesk.toml"), config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(SEALDESK)
            .args(["run", "--config"])
            .arg(folder.path().join("sealdesk.toml"))
            .env("SEALDESK_STRIKE", "1")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let desk = Self { folder, child };
        wait_for("the desk's start", || {
            asking::status(&desk.path().join("state")).is_some()
        });
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn key(&self, name: &str) -> PathBuf {
        self.path().join("demo/keys").join(name)
    }

    fn certificate(&self) -> Cert {
        Cert::from_file(self.key("security.asc")).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("sealdesk.toml"))
            .output()
            .unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(
            &self
                .command(arguments)
                .unwrap_or_else(|| panic!("{arguments:?}: {}", self.log())),
        )
        .unwrap()
    }

    fn status(&self) -> Value {
        asking::status(&self.path().join("state"))
            .unwrap_or_else(|| self.json(&["status", "--json"]))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    fn deliver(&self, name: &str, letter: &str) {
        let (tmp, new) = (
            self.path().join("Maildir/tmp").join(name),
            self.path().join("Maildir/new").join(name),
        );
        fs::write(&tmp, letter).unwrap();
        fs::rename(tmp, new).unwrap();
    }

    /// Waits until so many letters arrived and none is unread.
    fn read(&self, letters: i64) -> Value {
        let mut status = Value::Null;
        wait_for("the reading of all letters", || {
            status = self.status();
            status["letters"] == letters && status["unread"] == 0
        });
        status
    }

    /// What was sent to an address: the kind of each letter by its file's name, and its octets.
    fn sent_to(&self, address: &str) -> Vec<(String, String)> {
        let files = fs::read_dir(self.path().join("outgoing"))
            .unwrap()
            .flatten()
            // What is being written has another ending, and is gone a moment later.
            .filter(|file| file.path().extension().is_some_and(|end| end == "eml"));
        let mut sent: Vec<(String, String)> = files
            .map(|file| {
                (
                    file.file_name().to_string_lossy().into_owned(),
                    fs::read_to_string(file.path()).unwrap(),
                )
            })
            .filter(|(_, letter)| letter.contains(&format!("To: {address}")))
            .collect();
        sent.sort();
        sent
    }
}

fn armored(octets: &[u8]) -> String {
    sealdesk::openpgp::armored_message(octets)
        .unwrap()
        .replace('\r', "")
}

fn headed(from: &str, subject: &str, rest: &str) -> String {
    let id = format!("{}@evil.example", from.replace('@', "."));
    format!(
        "Return-Path: <{from}>\nFrom: {from}\nTo: security@demo.example\nSubject: \
         {subject}\nMessage-ID: <{id}>\nMIME-Version: 1.0\n{rest}"
    )
}

fn pgp_mime(from: &str, ciphertext: &[u8]) -> String {
    let armored = armored(ciphertext);
    let body = format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
         boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: \
         1\n\n--b\nContent-Type: application/octet-stream\n\n{armored}\n--b--\n"
    );
    headed(from, "...", &body)
}

fn sealed(to: &Cert, text: &str) -> Vec<u8> {
    use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
    let policy = StandardPolicy::new();
    let recipients: Vec<_> = to
        .keys()
        .with_policy(&policy, None)
        .supported()
        .alive()
        .revoked(false)
        .for_transport_encryption()
        .collect();
    let mut octets = Vec::new();
    let message = Encryptor::for_recipients(Message::new(&mut octets), recipients)
        .build()
        .unwrap();
    let mut literal = LiteralWriter::new(message).build().unwrap();
    literal.write_all(text.as_bytes()).unwrap();
    literal.finalize().unwrap();
    octets
}

/// A message whose session key has no octet, in front of a container of noise.
fn killer(to: &Cert) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let key = to
        .keys()
        .with_policy(&policy, None)
        .for_transport_encryption()
        .next()
        .unwrap()
        .key()
        .clone();
    let esk = key.encrypt(&SessionKey::from(Vec::new())).unwrap();
    let pkesk = PKESK::from(PKESK3::new(Some(key.keyid()), key.pk_algo(), esk).unwrap());
    let container = [&[0xd2, 61, 1][..], &[0x5a; 60]].concat();
    [Packet::from(pkesk).to_vec().unwrap(), container].concat()
}

const REPORT: &str = "Content-Type: text/plain\n\nPath traversal in acme-web 2.3.1 \
    (CWE-22).\n\nSteps to reproduce:\n1. curl http://host/../../etc/passwd\n2. see the file\n";

#[test]
fn letters_that_kill_keyholders_cost_themselves_and_no_honest_one() {
    let desk = Desk::start("");
    let certificate = desk.certificate();
    for n in 0..6 {
        desk.deliver(
            &format!("k{n}"),
            &pgp_mime(&format!("eve{n}@evil.example"), &killer(&certificate)),
        );
        desk.deliver(
            &format!("h{n}"),
            &pgp_mime(
                &format!("ada{n}@reporter.example"),
                &sealed(&certificate, REPORT),
            ),
        );
    }
    let status = desk.read(12);
    assert_eq!(
        (
            &status["shut"],
            &status["set_aside"],
            &status["drafts_filed"].as_i64().is_some()
        ),
        (&Value::from(6), &Value::from(0), &true)
    );
    assert!(!desk.log().contains("the opener ended"), "{}", desk.log());
    let listed = desk.json(&["case", "list", "--json", "--all"]);
    let summaries = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| {
            case["summary"]
                .as_str()
                .is_some_and(|s| s.contains("traversal"))
        })
        .count();
    assert_eq!(summaries, 6, "{listed}");
}

#[test]
fn what_stayed_shut_is_read_again_on_a_word() {
    let desk = Desk::start("");
    let other = sealdesk::openpgp::generate(
        "other@demo.example",
        "Other",
        sealdesk::openpgp::Profile::V4,
    )
    .unwrap();
    let certificate = Cert::from_bytes(other.public_armored.as_bytes()).unwrap();
    desk.deliver(
        "1",
        &pgp_mime("ada@reporter.example", &sealed(&certificate, REPORT)),
    );
    assert_eq!(desk.read(1)["shut"], 1);
    let case = desk.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let said = desk.command(&["case", "reread", &case]).unwrap();
    assert!(said.contains("1 letters"), "{said}");
    wait_for("the second reading", || {
        desk.log().matches("letter read ").count() == 2
    });
    assert_eq!(desk.read(1)["shut"], 1);
    assert!(desk.command(&["case", "reread", "SD-0000000000"]).is_none());
}

/// Whether a quoted ciphertext opens must not decide what its sender gets.
#[test]
fn a_quoted_ciphertext_is_no_oracle() {
    check_quoted_ciphertext("", "> ");
}

/// Nor where a program quotes without marks, below the header of the old letter.
#[test]
fn a_ciphertext_in_an_old_letter_is_no_oracle() {
    let header = "From: Desk <security@demo.example>\nSent: Monday, 1 June 2026 10:11\nTo: \
                  Eve\nSubject: Re: PGP key\n\n";
    check_quoted_ciphertext(header, "");
}

fn check_quoted_ciphertext(above: &str, mark: &str) {
    let desk = Desk::start("");
    let certificate = desk.certificate();
    let other = sealdesk::openpgp::generate(
        "other@demo.example",
        "Other",
        sealdesk::openpgp::Profile::V4,
    )
    .unwrap();
    let ours = sealed(&certificate, REPORT);
    let mut tampered = ours.clone();
    let at = tampered.len() - 40;
    tampered[at] ^= 1;
    let theirs = sealed(
        &Cert::from_bytes(other.public_armored.as_bytes()).unwrap(),
        REPORT,
    );
    let senders = [
        "opens@evil.example",
        "unknown@evil.example",
        "tampered@evil.example",
    ];
    for (from, ciphertext) in senders.iter().zip([&ours, &theirs, &tampered]) {
        let quoted: String = armored(ciphertext)
            .lines()
            .map(|line| format!("{mark}{line}\n"))
            .collect();
        let body =
            format!("Content-Type: text/plain\n\nPlease send me your PGP key.\n\n{above}{quoted}");
        desk.deliver(&from.replace('@', "-"), &headed(from, "PGP key", &body));
    }
    desk.read(3);
    wait_for("an answer to each", || {
        senders.iter().all(|from| !desk.sent_to(from).is_empty())
    });
    // Calls about sealed letters leave ten seconds after they came.
    wait_for("the calls", || desk.sent_to("rita@demo.example").len() >= 3);
    std::thread::sleep(Duration::from_secs(2));
    let kinds = |from: &str| -> Vec<String> {
        desk.sent_to(from)
            .iter()
            .map(|(name, _)| {
                name.split(['-', ':', '_'])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(kinds(senders[0]), kinds(senders[1]));
    assert_eq!(kinds(senders[0]), kinds(senders[2]));
    // And what the responders get looks alike from outside.
    let outside: Vec<(String, usize)> = desk
        .sent_to("rita@demo.example")
        .into_iter()
        .map(|(_, letter)| {
            (
                letter
                    .lines()
                    .find(|line| line.starts_with("Subject:"))
                    .unwrap_or_default()
                    .to_owned(),
                letter.len() / 256,
            )
        })
        .collect();
    assert_eq!(outside.len(), 3);
    assert!(outside.iter().all(|one| *one == outside[0]), "{outside:?}");
}

/// A letter of some hundred octets must not cost seconds. What one costs is bounded by sums, and
/// not measured here by a clock.
#[test]
fn bombs_are_put_out_by_the_budget_of_their_letter() {
    use sequoia_openpgp::serialize::stream::{Compressor, LiteralWriter, Message};
    use sequoia_openpgp::types::{CompressionAlgorithm, CompressionLevel};
    let compressed = |text: &str| {
        let mut octets = Vec::new();
        let compressor = Compressor::new(Message::new(&mut octets))
            .algo(CompressionAlgorithm::Zip)
            .level(CompressionLevel::best())
            .build()
            .unwrap();
        let mut literal = LiteralWriter::new(compressor).build().unwrap();
        literal.write_all(text.as_bytes()).unwrap();
        literal.finalize().unwrap();
        armored(&octets)
    };
    let mut nested = compressed("leaf text here\n");
    for _ in 0..4 {
        nested = compressed(&nested.repeat(16));
    }
    assert!(nested.len() < 2_000, "{}", nested.len());
    let mut bombs = vec![("a million messages", nested)];
    bombs.push(("a text of 100 MiB", compressed(&"a".repeat(100 << 20))));
    for (what, body) in bombs {
        let mut child = Command::new(SEALDESK)
            .args(["open", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(
                headed(
                    "eve@evil.example",
                    "x",
                    &format!("Content-Type: text/plain\n\n{body}"),
                )
                .as_bytes(),
            )
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(4), "{what}: {read}");
        assert!(
            read["faults"]
                .to_string()
                .contains("costs more work than one letter may"),
            "{what}: {}",
            read["faults"]
        );
    }
}

/// What grows with the square of a letter ends its reader, and an honest list with it.
#[test]
fn lists_and_sentences_of_any_length_are_read() {
    for (what, body) in [
        ("short items", "- a\n".repeat(16_000)),
        ("rules", "* * *\n".repeat(20_000)),
        ("sentences without a letter", "?=".repeat(32_000)),
        ("sentences of figures", "12? 34! 56. ".repeat(10_000)),
        ("ratings", "critical bug ".repeat(16_000)),
        ("sentences of ratings", "critical bug. ".repeat(16_000)),
        ("ratings in Chinese", "高危 a b 漏洞 ".repeat(10_000)),
        (
            "lines that are not ASCII",
            "2026-11-28 12:00 worker → accepted a connection\n".repeat(5_000),
        ),
    ] {
        let letter = headed(
            "eve@evil.example",
            "x",
            &format!("Content-Type: text/plain\n\n{body}"),
        );
        let mut child = Command::new(SEALDESK)
            .args(["open", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(letter.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let read: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{what}: {}", read["faults"]);
    }
}

/// A ticket system writes headers of machines on what people report.
#[test]
fn a_report_that_a_machine_passed_on_does_not_vanish() {
    let desk = Desk::start("");
    let machine = |n: usize, field: &str, rest: &str| {
        headed(
            &format!("tickets{n}@helpdesk.example"),
            "[Ticket 12] XSS",
            &format!("{field}\n{rest}"),
        )
    };
    desk.deliver("1", &machine(1, "Auto-Submitted: auto-generated", REPORT));
    desk.deliver("2", &machine(2, "Precedence: bulk", REPORT));
    let sealed = pgp_mime(
        "tickets3@helpdesk.example",
        &sealed(&desk.certificate(), REPORT),
    );
    desk.deliver(
        "3",
        &sealed.replace(
            "MIME-Version: 1.0\n",
            "MIME-Version: 1.0\nAuto-Submitted: auto-generated\n",
        ),
    );
    desk.deliver(
        "4",
        &headed(
            "news@list.example",
            "Weekly digest",
            "Precedence: bulk\nContent-Type: text/plain\n\nThis week in gardening.\n",
        ),
    );
    let mut status = desk.read(4);
    // The sealed one gets its case at an hour that its arrival fixed.
    wait_for("the case of the sealed letter", || {
        status = desk.status();
        status["cases_open"] == 3 && status["without_case"] == 1
    });
    // No machine is answered by a machine.
    assert!((1..4).all(|n| {
        desk.sent_to(&format!("tickets{n}@helpdesk.example"))
            .is_empty()
    }));
    let number = status["letters_without_case"][0]
        .as_i64()
        .unwrap()
        .to_string();
    desk.command(&["import", "--letter", &number]).unwrap();
    wait_for("the case of the fourth letter", || {
        desk.status()["cases_open"] == 4
    });
}

/// Whoever opens connections and says nothing keeps nobody else from the pages, and the desk from
/// nothing.
#[test]
fn idle_connections_stop_neither_the_desk_nor_its_pages() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let desk = Desk::start(&format!("[metrics]\nlisten = \"{address}\"\n"));
    let idle: Vec<TcpStream> = (0..300)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    desk.deliver("1", &headed("ada@reporter.example", "XSS", REPORT));
    desk.read(1);
    wait_for("a page beside idle connections", || {
        let Ok(mut stream) = TcpStream::connect(address) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
        let _ = stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200")
    });
    drop(idle);
}

/// A reader that was taken over and stays keeps its place for its life, and nobody else from
/// theirs.
#[test]
fn readers_that_stay_are_ended_and_hold_up_nobody() {
    let desk = Desk::start("[limits]\nreader_life_s = 5\nreader_cpu_s = 5\n");
    for n in 0..3 {
        desk.deliver(
            &format!("s{n}"),
            &headed(
                &format!("eve{n}@evil.example"),
                "x",
                "Content-Type: text/plain\n\nstrike-this-reader: stay\n",
            ),
        );
    }
    wait_for("the arrival of the first", || desk.status()["letters"] == 3);
    desk.deliver("h", &headed("ada@reporter.example", "XSS", REPORT));
    wait_for("the honest report beside them", || {
        desk.status()["drafts_filed"] == 1
    });
    let status = desk.read(4);
    assert_eq!(status["set_aside"], 3, "{status}");
    // Whether a reader ends may depend on what only decryption shows: no call about it leaves at
    // once.
    assert!(status["faults"].to_string().contains("readers"), "{status}");
    wait_for("the calls about the letters", || {
        desk.sent_to("rita@demo.example").len() >= 4
    });
    assert!(
        desk.sent_to("rita@demo.example")
            .iter()
            .all(|(name, _)| !name.contains("fault-lasts"))
    );
}

/// Where memory runs out, or a fault in memory comes, a reader ends, and does not turn round until
/// its processor time is used up.
#[test]
fn a_reader_that_aborts_ends_at_once() {
    let desk = Desk::start("");
    for way in ["end", "overflow", "balloon"] {
        desk.deliver(
            way,
            &headed(
                &format!("{way}@evil.example"),
                "x",
                &format!("Content-Type: text/plain\n\nstrike-this-reader: {way}\n"),
            ),
        );
    }
    wait_for("the end of all readers", || desk.status()["set_aside"] == 3);
    // Two tries each of twenty seconds would be two minutes.
    let used = ended_children(desk.child.id());
    assert!(used < Duration::from_secs(20), "{used:?}");
}

/// What goes wrong while facts are sought in a letter costs the facts, and not its words.
#[test]
fn a_letter_whose_facts_end_a_reader_is_read_without_them() {
    let desk = Desk::start("");
    let words = "There is an XSS (CWE-79) in acme 1.2. strike-this-reader: facts\n";
    desk.deliver(
        "1",
        &headed("ada@reporter.example", "XSS", &format!("\n{words}")),
    );
    desk.deliver(
        "2",
        &pgp_mime(
            "ben@reporter.example",
            &sealed(&desk.certificate(), &format!("\n{words}")),
        ),
    );
    let status = desk.read(2);
    assert_eq!(
        (&status["set_aside"], &status["shut"]),
        (&0.into(), &0.into()),
        "{status}"
    );
    let cases = desk.json(&["case", "list", "--json"]);
    for case in cases.as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let shown = desk.json(&["case", "show", id, "--json"]);
        let reading = &shown["read"][0]["reading"];
        assert!(
            reading["text"].as_str().unwrap().contains(words.trim()),
            "{reading:#}"
        );
        assert!(
            reading["faults"].to_string().contains("no facts") && reading["report"].is_null(),
            "{reading:#}"
        );
    }
    assert_eq!(cases.as_array().unwrap().len(), 2);
    // They are for humans.
    assert_eq!(desk.status()["drafts_filed"], 0, "{cases:#}");
}

/// Processor time that the ended children of a process and of its descendants used.
fn ended_children(pid: u32) -> Duration {
    // proc(5): cutime and cstime are the 16th and 17th field, in ticks of 10 ms; the second, a
    // name in parentheses, may hold spaces.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let children = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .collect::<String>();
    children
        .split_whitespace()
        .map(|child| ended_children(child.parse().unwrap()))
        .sum::<Duration>()
        + Duration::from_millis(10 * ticks)
}

/// A reader that was taken over can make the desk's connection look as if the whole opener had
/// ended. No letter but its own is suspected for that.
#[test]
fn a_reader_that_hangs_up_costs_its_own_letter_alone() {
    let desk = Desk::start("");
    desk.deliver(
        "e",
        &headed(
            "eve@evil.example",
            "x",
            "Content-Type: text/plain\n\nstrike-this-reader: hang-up\n",
        ),
    );
    desk.deliver("h", &headed("ada@reporter.example", "XSS", REPORT));
    let status = desk.read(2);
    assert_eq!(
        (&status["set_aside"], &status["drafts_filed"]),
        (&1.into(), &1.into()),
        "{status}"
    );
    assert!(!desk.log().contains("the opener ended"), "{}", desk.log());
}

/// Whoever asks slowly across a reload is hung up on with the desk that they asked.
#[test]
fn no_talk_over_a_control_socket_outlives_a_reload() {
    let desk = Desk::start("");
    let mut connected = None;
    // `status` is answered by the other socket too, which may be there a moment before.
    wait_for("the socket", || {
        connected = UnixStream::connect(desk.path().join("state/read.sock")).ok();
        connected.is_some()
    });
    let mut silent = connected.unwrap();
    silent.write_all(b"{").unwrap();
    // Taken, since the desk answers who came later.
    desk.status();
    let pid = nix::unistd::Pid::from_raw(desk.child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let read = silent.read(&mut [0]);
    assert!(matches!(read, Ok(0)), "{read:?}");
}

/// Of many fresh strangers the last to write is read soon, whatever the ones before cost.
#[test]
fn a_fresh_report_is_read_before_a_backlog_of_hostile_letters() {
    let desk = Desk::start("[limits]\nreader_life_s = 5\nreader_cpu_s = 5\n");
    for n in 0..40 {
        desk.deliver(
            &format!("s{n}"),
            &headed(
                &format!("eve@evil{n}.example"),
                "x",
                "Content-Type: text/plain\n\nstrike-this-reader: stay\n",
            ),
        );
    }
    wait_for("the arrival of the flood", || {
        desk.status()["letters"] == 40
    });
    desk.deliver("h", &headed("ada@reporter.example", "XSS", REPORT));
    // Forty letters take two tries of five seconds each on four places: at least 100 s. The report
    // waits for one of the places.
    wait_for("the honest report", || desk.status()["drafts_filed"] == 1);
    assert!(
        desk.status()["unread"].as_i64().unwrap() > 0,
        "the flood was not over yet"
    );
}

/// A DNS that says of every name that it does not exist, and nothing at all of those that call
/// themselves silent.
fn dns() -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((octets, client)) = socket.recv_from(&mut query) {
            let mut answer = query[..octets].to_vec();
            if memchr::memmem::find(&answer, b"silent").is_none() && octets > 3 {
                (answer[2], answer[3]) = (0x81, 0x83); // RFC 1035 section 4.1.1: an answer, NXDOMAIN
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    address
}

/// Whoever names a domain whose DNS is silent keeps nobody else's letter from arriving.
#[test]
fn a_silent_dns_of_many_senders_holds_up_nobody_else() {
    let desk = Desk::start_asking(&dns().to_string(), "");
    for n in 0..400 {
        desk.deliver(
            &format!("s{n}"),
            &headed(
                &format!("eve@silent{n}.example"),
                "x",
                "Content-Type: text/plain\n\nhello\n",
            ),
        );
    }
    std::thread::sleep(Duration::from_secs(2));
    desk.deliver("h", &headed("ada@reporter.example", "XSS", REPORT));
    // 25 batches that each waited for five seconds would take longer than anybody waits here.
    wait_for("the honest report", || desk.status()["drafts_filed"] == 1);
}

/// Every file below a folder, as one text.
fn contents_of(folder: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => contents_of(&entry.path(), into),
            kind if kind.is_file() => into.extend(fs::read(entry.path()).unwrap()),
            _ => {}
        }
    }
}

/// A thief of the state folder has every file of it, `desk.secret` too, and suspects what was
/// written.
#[test]
fn whoever_steals_the_state_folder_reads_nothing_and_can_test_no_guess() {
    use sealdesk::model::secret::tag;
    const GUESS: &str =
        "The login of acme-web accepts any password that ends with a zero octet, in every release.";
    const ANSWER: &str = "We can reproduce it, and a fix is on its way to the release branch.";
    let mut desk = Desk::start("");
    let report = format!("{REPORT}\n{GUESS}\n");
    desk.deliver(
        "1",
        &pgp_mime(
            "ada@reporter.example",
            &sealed(&desk.certificate(), &report),
        ),
    );
    desk.deliver(
        "2",
        &headed("ben@reporter.example", "Zero octets in passwords", &report),
    );
    desk.read(2);
    // The second to be read says what the first did, so it may wait for a responder.
    wait_for("a draft", || desk.status()["drafts_filed"] != 0);
    let cases = desk.json(&["case", "list", "--json"]);
    let ids: Vec<&str> = cases
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["id"].as_str().unwrap())
        .collect();
    let words = desk.path().join("words");
    fs::write(&words, ANSWER).unwrap();
    for id in &ids {
        desk.command(&["case", "note", id, GUESS]).unwrap();
        // Where no certificate of the reporter is known, a sealed case refuses to be answered.
        desk.command(&["case", "reply", id, "--file", words.to_str().unwrap()]);
    }
    let desk_now = desk.status()["now"].take();
    desk.child.kill().unwrap();
    desk.child.wait().unwrap();
    let state = desk.path().join("state");
    let mut stolen = Vec::new();
    contents_of(&state, &mut stolen);
    let holds = |words: &str| memchr::memmem::find(&stolen, words.as_bytes()).is_some();
    // The outer envelope rests in clear: where it is not found, the search is wrong.
    assert!(holds("ben@reporter.example") && holds(ids[0]));
    for words in [
        "Path traversal",
        "acme-web",
        "zero octet",
        "Zero octets",
        "release branch",
        "etc/passwd",
    ] {
        assert!(!holds(words), "{words:?} rests in clear");
    }
    // What could be guessed, as each tag of content is made; the day is known, and so is the secret
    // beside the database.
    let secret = fs::read(state.join("desk.secret")).unwrap();
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let day = &desk_now.as_str().unwrap()[..10];
    assert!(holds("reply:"), "no reply rests there");
    for guess in [GUESS, ANSWER] {
        let plain = letters(guess);
        for words in [
            &[b"saying", plain.as_bytes()][..],
            &[plain.as_bytes()],
            &[guess.as_bytes()],
            &[b"reply", day.as_bytes(), guess.as_bytes()],
        ] {
            for key in [&secret[..], b""] {
                assert!(!holds(&tag(key, words)), "a guess can be tested: {guess:?}");
            }
        }
    }
}
