//! A disk that fails at the n-th write or sync, for every n: the desk says so, goes on or stops,
//! and loses nothing.
//!
//! `faulty.c` is preloaded into the real binary. In `make test` every second n gets one of the four
//! kinds of fault in turn; with SEALDESK_SOAK each gets all of them.

#[path = "../desk/asking.rs"]
mod asking;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// Time in which a desk whose disk fails once mends itself, if it does.
const MENDS_WITHIN: Duration = Duration::from_secs(12);
/// Time a desk is left with a disk that goes on failing, once it said so.
const GOES_ON_FAILING: Duration = Duration::from_secs(2);
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// errno, whether it stays, and its name.
const FAULTS: [(i32, bool, &str); 4] = [
    (28, false, "ENOSPC once"),
    (28, true, "ENOSPC from then on"),
    (5, false, "EIO once"),
    (5, true, "EIO from then on"),
];

fn shim(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/faulty.c");
    let library = folder.join("faulty.so");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status()
        .expect("cc is not installed: run make setup");
    assert!(made.success());
    library
}

/// A desk of folders, with three letters in its mailbox: a report, a long one that rests in a file,
/// a request for the key.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(keys: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (f, k) = (folder.path().display().to_string(), keys.display());
        for sub in ["Maildir/new", "Maildir/cur", "Maildir/tmp", "state"] {
            fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        let config = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{f}/state\"\nresolver = \"none\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = \
             [\"{k}/security.asc\"]\nstorage_certificate = \
             \"{k}/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{k}/security.secret.asc\"]\nstorage_key = \
             \"{k}/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \"in\"\npath = \
             \"{f}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{f}/out\"\n[tracker]\nkind = \"folder\"\npath = \
             \"{f}/tracker\"\n[answers]\nask_missing = false\n"
        );
        fs::write(folder.path().join("sealdesk.toml"), config).unwrap();
        let world = Self { folder };
        let report = "There is an XSS (CWE-79) in acme 1.2.\r\n\r\nSteps to reproduce:\r\n1. open \
            it\r\n2. look\r\n";
        world.deliver("1", "ada", report);
        world.deliver(
            "2",
            "ben",
            &format!(
                "{}{}",
                report.replace("XSS", "CSRF"),
                "what the server wrote into its log\r\n".repeat(6_000)
            ),
        );
        world.deliver("3", "cleo", "Please send me your public PGP key.\r\n");
        world
    }

    fn deliver(&self, name: &str, from: &str, body: &str) {
        let letter = format!(
            "Return-Path: <{from}@crowd.example>\r\nFrom: {from}@crowd.example\r\nTo: \
             security@desk.example\r\nSubject: letter {name}\r\nMessage-ID: \
             <{name}@crowd.example>\r\n\r\n{body}"
        );
        fs::write(self.folder.path().join("Maildir/new").join(name), letter).unwrap();
    }

    fn open(&self, faults: &[(&str, String)]) -> Child {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        Command::new(SEALDESK)
            .args(["run", "--config"])
            .arg(self.folder.path().join("sealdesk.toml"))
            .envs(faults.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn status(&self) -> Option<serde_json::Value> {
        let output = Command::new(SEALDESK)
            .args(["status", "--json", "--config"])
            .arg(self.folder.path().join("sealdesk.toml"))
            .output()
            .ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }

    fn settled(&self) -> bool {
        self.files("Maildir/new", "").is_empty()
            && asking::status(&self.folder.path().join("state")).is_some_and(|s| {
                s["letters"] == 3
                    && s["unread"] == 0
                    && s["effects_pending"] == 0
                    && s["acknowledgements_pending"] == 0
            })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn said_so(&self) -> bool {
        ["WARN", "ERROR", "sealdesk:"]
            .iter()
            .any(|word| self.log().contains(word))
    }

    fn files(&self, sub: &str, end: &str) -> Vec<String> {
        let names = fs::read_dir(self.folder.path().join(sub)).map(|d| {
            d.flatten()
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .collect()
        });
        names
            .unwrap_or_else(|_| Vec::new())
            .into_iter()
            .filter(|n: &String| n.ends_with(end) && !n.starts_with("call"))
            .collect()
    }

    /// As a run without faults ends: each person has an answer, two drafts, nothing left lying,
    /// nothing given up. Whoever asked for the key is acknowledged too where their letter could not
    /// be read in time.
    fn ends_well(&self) -> Result<(), String> {
        let (answers, drafts, lying) = (
            self.files("out", ".eml"),
            self.files("tracker", ".md"),
            self.files("Maildir/new", ""),
        );
        let status = self.status().ok_or("the desk does not answer")?;
        let certificates = answers
            .iter()
            .filter(|name| name.starts_with("certificate"))
            .count();
        let acknowledgements = answers.len() - certificates;
        if certificates != 1
            || !(2..=3).contains(&acknowledgements)
            || drafts.len() != 2
            || !lying.is_empty()
            || status["letters"] != 3
            || status["effects_given_up"] != 0
        {
            return Err(format!(
                "answers {answers:?}, drafts {drafts:?}, lying {lying:?}, {status}"
            ));
        }
        Ok(())
    }
}

fn wait(desk: &mut Child, at_most: Duration, until: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < at_most {
        if desk.try_wait().unwrap().is_some() {
            return false;
        }
        if until() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(150));
    }
    false
}

fn end(mut desk: Child) {
    let _ = desk.kill();
    let _ = desk.wait();
}

/// One run with a fault, then one without; what was wrong at the end.
fn one(
    keys: &Path,
    shim: &Path,
    at: usize,
    (errno, stays, name): (i32, bool, &str),
) -> Result<(), String> {
    let world = World::new(keys);
    let state = world.folder.path().join("state").display().to_string();
    let mut faults = vec![
        ("LD_PRELOAD", shim.display().to_string()),
        ("FAULTY_FOLDER", state),
        ("FAULTY_AT", at.to_string()),
        ("FAULTY_ERRNO", errno.to_string()),
    ];
    if stays {
        faults.push(("FAULTY_ON", "1".to_owned()));
    }
    let mut desk = world.open(&faults);
    let mended = if stays {
        // Until the fault is met, which a busy machine puts off; then a while with the disk still
        // failing.
        wait(&mut desk, SETTLES_WITHIN, || {
            world.settled() || world.said_so()
        });
        wait(&mut desk, GOES_ON_FAILING, || world.settled())
    } else {
        wait(&mut desk, MENDS_WITHIN, || world.settled())
    };
    let said_so = world.said_so();
    end(desk);
    let log = world.log();
    if log.contains("internal error") {
        return Err(format!("n = {at}, {name}: it panicked\n{log}"));
    }
    if stays && !mended && !said_so {
        return Err(format!(
            "n = {at}, {name}: it stood still without a word\n{log}"
        ));
    }
    let mut desk = world.open(&[]);
    let settled = wait(&mut desk, SETTLES_WITHIN, || world.settled());
    let ended = world.ends_well();
    end(desk);
    match ended {
        Ok(()) if settled => Ok(()),
        Ok(()) => Err(format!(
            "n = {at}, {name}: the next run does not settle\n{}",
            world.log()
        )),
        Err(why) => Err(format!("n = {at}, {name}: {why}\n{}", world.log())),
    }
}

#[test]
fn a_disk_that_fails_at_any_write_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let made = Command::new(SEALDESK)
        .args(["key", "new", "--address", "security@desk.example", "--out"])
        .arg(&keys)
        .output()
        .unwrap();
    assert!(made.status.success());
    let shim = shim(folder.path());
    // A run without faults says how many writes there are.
    let world = World::new(&keys);
    let count = folder.path().join("count");
    let state = world.folder.path().join("state").display().to_string();
    let mut desk = world.open(&[
        ("LD_PRELOAD", shim.display().to_string()),
        ("FAULTY_FOLDER", state),
        ("FAULTY_COUNT", count.display().to_string()),
    ]);
    assert!(
        wait(&mut desk, SETTLES_WITHIN, || world.settled()),
        "{}",
        world.log()
    );
    world.ends_well().unwrap();
    end(desk);
    let writes: usize = fs::read_to_string(&count).unwrap().parse().unwrap();
    assert!(writes > 50, "{writes} writes: the shim sees too few");
    let soak = std::env::var_os("SEALDESK_SOAK").is_some();
    let runs: Vec<(usize, (i32, bool, &str))> = (1..=writes)
        .flat_map(|at| {
            FAULTS
                .iter()
                .enumerate()
                .filter(move |(kind, _)| soak || (at % 2 == 0 && at / 2 % FAULTS.len() == *kind))
                .map(move |(_, fault)| (at, *fault))
        })
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((at, fault)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = one(&keys, &shim, *at, *fault) {
                        wrong.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    eprintln!(
        "{writes} writes and syncs, {} runs with a fault",
        runs.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {} runs:\n{}",
        wrong.len(),
        runs.len(),
        wrong.join("\n\n")
    );
}
