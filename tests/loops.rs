//! Two desks that write to each other: they fall silent, even where each hides from the other what
//! it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// Silence of this length is silence: an acknowledgement waits 3 s, a retry 5 s.
const SILENCE: Duration = Duration::from_secs(12);

struct Desk {
    folder: PathBuf,
    address: String,
    child: Child,
    passed_on: usize,
}

impl Desk {
    fn open(folder: &Path, address: &str) -> Self {
        let folder = folder.join(address);
        fs::create_dir_all(folder.join("Maildir/new")).unwrap();
        for sub in ["cur", "tmp"] {
            fs::create_dir_all(folder.join("Maildir").join(sub)).unwrap();
        }
        let made = Command::new(SEALDESK)
            .args(["key", "new", "--address", address, "--out"])
            .arg(folder.join("keys"))
            .output()
            .unwrap();
        assert!(made.status.success());
        let f = folder.display();
        let config = format!(
            "[desk]\naddress = \"{address}\"\nname = \"Desk\"\nstate = \"{f}/state\"\nresolver = \
             \"none\"\nanswer_from = \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = \
             [\"{f}/keys/security.asc\"]\nstorage_certificate = \
             \"{f}/keys/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{f}/keys/security.secret.asc\"]\nstorage_key = \
             \"{f}/keys/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \
             \"in\"\npath = \"{f}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{f}/out\"\n[tracker]\nkind = \"folder\"\npath = \"{f}/tracker\"\n"
        );
        fs::write(folder.join("sealdesk.toml"), config).unwrap();
        let child = Command::new(SEALDESK)
            .args(["run", "--config"])
            .arg(folder.join("sealdesk.toml"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            folder,
            address: address.to_owned(),
            child,
            passed_on: 0,
        }
    }

    fn receive(&self, name: &str, letter: &str) {
        let part = self.folder.join("Maildir/tmp").join(name);
        fs::write(&part, letter).unwrap();
        fs::rename(part, self.folder.join("Maildir/new").join(name)).unwrap();
    }

    /// Passes on what left since the last time; how many letters that were.
    fn pass_on(&mut self, to: &Self, disguise: fn(&str) -> String) -> usize {
        let mut out: Vec<PathBuf> = fs::read_dir(self.folder.join("out"))
            .map(|d| d.flatten().map(|e| e.path()).collect())
            .unwrap_or_default();
        out.retain(|p| p.extension().is_some_and(|x| x == "eml"));
        out.sort_by_key(|p| fs::metadata(p).unwrap().modified().unwrap());
        let new = out.split_off(self.passed_on.min(out.len()));
        for (n, path) in new.iter().enumerate() {
            let letter = fs::read_to_string(path).unwrap();
            assert!(
                letter.contains(&format!("X-Envelope-To: <{}>", to.address)),
                "{letter}"
            );
            to.receive(
                &format!("{}.{n}.{}", self.passed_on, self.address),
                &disguise(&letter),
            );
        }
        self.passed_on += new.len();
        new.len()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As it left.
fn honest(letter: &str) -> String {
    letter.to_owned()
}

/// Without any field that tells a machine, and without a thread: as if a person wrote it anew.
fn hidden(letter: &str) -> String {
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    let mut kept = String::new();
    let mut keep = true;
    for line in head.split("\r\n") {
        if !line.starts_with([' ', '\t']) {
            let telling = [
                "Auto-Submitted",
                "X-Auto-Response-Suppress",
                "In-Reply-To",
                "References",
                "Return-Path",
                "Reply-To",
                "Autocrypt",
                "X-Envelope-To",
            ];
            keep = !telling
                .iter()
                .any(|field| line.starts_with(&format!("{field}:")));
        }
        if keep {
            kept.push_str(&format!("{line}\r\n"));
        }
    }
    format!("{kept}\r\n{body}")
}

/// As `hidden`, and every letter asks for the key and reports something.
fn demanding(letter: &str) -> String {
    format!(
        "{}\r\nPlease send me your public PGP key.\r\nAn XSS (CWE-79) is in acme.\r\n",
        hidden(letter)
            .replace("multipart/signed", "text/plain")
            .replace("multipart/mixed", "text/plain")
    )
}

fn talk(disguise: fn(&str) -> String) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut a = Desk::open(folder.path(), "security@a.example");
    let mut b = Desk::open(folder.path(), "security@b.example");
    a.receive(
        "first",
        "From: security@b.example\r\nTo: security@a.example\r\nSubject: \
        hello\r\nMessage-ID: <first@b.example>\r\n\r\nIs anybody there? Please send me your \
        public PGP key.\r\n",
    );
    let (start, mut last) = (Instant::now(), Instant::now());
    while last.elapsed() < SILENCE {
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "they do not fall silent: {} and {}",
            a.passed_on,
            b.passed_on
        );
        if a.pass_on(&b, disguise) + b.pass_on(&a, disguise) > 0 {
            last = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    (a.passed_on, b.passed_on)
}

#[test]
fn two_desks_fall_silent() {
    let told: Vec<_> = [honest, hidden, demanding]
        .map(|disguise| std::thread::spawn(move || talk(disguise)))
        .map(|t| t.join().unwrap())
        .into();
    assert_eq!(told[0], (1, 0), "an honest desk is not answered at all");
    // Three acknowledgements to an address that nobody proved, and one certificate.
    for (a, b) in &told[1..] {
        assert!((1..=4).contains(a) && (1..=4).contains(b), "{told:?}");
    }
}
