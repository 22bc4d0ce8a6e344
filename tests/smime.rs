//! A whole desk and a reporter who uses S/MIME: their letters are opened, and the answers are read
//! by OpenSSL and GnuPG's gpgsm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

/// What the desk has time for to settle.
const SETTLE: Duration = Duration::from_secs(90);

const REPORT: &str = "Path traversal (CWE-22) in acme-web 2.3.1.\r\n\r\nSteps to \
    reproduce:\r\n\r\n1. start it\r\n2. curl /../etc/passwd\r\n";

fn key(name: &str) -> PathBuf {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/keys");
    keys.join(name)
}

struct World {
    folder: tempfile::TempDir,
}

struct Running(Child);

/// gpgsm starts an agent for its folder, which outlives it.
impl Drop for World {
    fn drop(&mut self) {
        let home = self.path("gpgsm");
        if home.is_dir() {
            let kill = Command::new("gpgconf")
                .arg("--homedir")
                .arg(home)
                .args(["--kill", "all"])
                .status();
            assert!(kill.is_ok() || std::thread::panicking());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn good(output: Output) -> Vec<u8> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    output.stdout
}

fn sealdesk(arguments: &[&str]) -> String {
    let output = Command::new(SEALDESK).args(arguments).output().unwrap();
    String::from_utf8(good(output)).unwrap()
}

impl World {
    /// A desk with OpenPGP, and with the S/MIME keys that it adopted from a file.
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for sub in ["new", "cur", "tmp"] {
            fs::create_dir_all(world.path(&format!("Maildir/{sub}"))).unwrap();
        }
        let keys = world.text("keys");
        sealdesk(&[
            "key",
            "new",
            "--address",
            "security@desk.example",
            "--out",
            &keys,
        ]);
        let pem = key("smime-desk.pem").display().to_string();
        let said = sealdesk(&["key", "adopt", &pem, "--out", &keys]);
        let line = |what: &str| {
            let line = said.lines().find(|line| line.trim().starts_with(what));
            line.unwrap_or_else(|| panic!("{said}")).trim().to_owned()
        };
        let (f, root) = (world.text("."), key("smime-root.pem").display().to_string());
        let config = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{f}/state\"\nauthserv_id = \"mx.desk.example\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = \
             [\"{f}/keys/security.asc\"]\nstorage_certificate = \
             \"{f}/keys/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{f}/keys/security.secret.asc\"]\nstorage_key = \
             \"{f}/keys/storage.secret.asc\"\n{}\n[smime]\n{}\nroots = \
             [\"{root}\"]\n[[mailbox]]\nkind = \"maildir\"\nname = \"in\"\npath = \
             \"{f}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{f}/out\"\n[tracker]\nkind = \"folder\"\npath = \"{f}/tracker\"\n",
            line("smime_keys"),
            line("certificates"),
        );
        fs::write(world.path("sealdesk.toml"), config).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> String {
        let config = self.text("sealdesk.toml");
        let output = Command::new(SEALDESK)
            .args(arguments)
            .args(["--config", &config])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }

    fn run(&self) -> Running {
        let child = Command::new(SEALDESK)
            .args(["run", "--config", &self.text("sealdesk.toml")])
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.path("log")).unwrap())
            .spawn();
        Running(child.unwrap())
    }

    /// Runs `openssl cms` over octets.
    fn cms(&self, octets: &[u8], arguments: &[&str]) -> Vec<u8> {
        let (given, made) = (self.path("given"), self.path("made"));
        fs::write(&given, octets).unwrap();
        let run = Command::new("openssl")
            .args(["cms", "-in"])
            .arg(&given)
            .arg("-out")
            .arg(&made)
            .args(arguments)
            .output();
        good(run.expect("openssl is not installed: run make setup"));
        fs::read(&made).unwrap()
    }

    fn signed(&self, entity: &str) -> Vec<u8> {
        let ada = key("smime-ada.pem");
        let text = fs::read_to_string(&ada).unwrap();
        let (_, issuer) = text.rsplit_once("-----BEGIN").unwrap();
        fs::write(self.path("issuer"), format!("-----BEGIN{issuer}")).unwrap();
        let (ada, issuer) = (ada.display().to_string(), self.text("issuer"));
        let arguments = ["-sign", "-signer", &ada, "-certfile", &issuer, "-crlfeol"];
        self.cms(entity.as_bytes(), &arguments)
    }

    fn sealed(&self, entity: &[u8], cipher: &str) -> Vec<u8> {
        let desk = key("smime-desk.pem").display().to_string();
        self.cms(entity, &["-encrypt", "-binary", cipher, &desk])
    }

    /// Puts a letter of Ada's into the mailbox, which her domain vouches for.
    fn post(&self, name: &str, subject: &str, entity: &[u8]) {
        let head = format!(
            "Authentication-Results: mx.desk.example; dmarc=pass header.from=reporter.example\n\
             Received: from mx.reporter.example by mx.desk.example; Fri, 27 Nov 2026 12:00:05 \
             +0000\nReturn-Path: <ada@reporter.example>\nFrom: Ada <ada@reporter.example>\nTo: \
             security@desk.example\nSubject: {subject}\nMessage-ID: \
             <{name}@reporter.example>\nDate: Fri, 27 Nov 2026 12:00:00 +0000\n"
        );
        let letter = [head.as_bytes(), entity].concat();
        fs::write(self.path(&format!("Maildir/new/{name}")), letter).unwrap();
    }

    /// Letters that left, whose In-Reply-To names this one.
    fn answers(&self, name: &str) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.path("out"))
            .into_iter()
            .flatten()
            .flatten();
        let letters = files.filter_map(|file| fs::read(file.path()).ok());
        let theirs = format!("In-Reply-To: <{name}@reporter.example>");
        letters
            .filter(|letter| String::from_utf8_lossy(letter).contains(&theirs))
            .collect()
    }

    fn wait_for_answer(&self, name: &str) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.answers(name).pop() {
                return found;
            }
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(begun.elapsed() < SETTLE, "no answer to {name}: {}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn drafts(&self) -> usize {
        let files = fs::read_dir(self.path("tracker"))
            .into_iter()
            .flatten()
            .flatten();
        let is_text = |name: String| name.ends_with(".md");
        files
            .filter(|file| is_text(file.file_name().to_string_lossy().into_owned()))
            .count()
    }

    /// gpgsm with Ada's key and the root.
    fn gpgsm(&self, arguments: &[&str]) -> Output {
        let home = self.path("gpgsm");
        let run = Command::new("gpgsm")
            .arg("--homedir")
            .arg(&home)
            .args([
                "--batch",
                "--quiet",
                "--disable-crl-checks",
                "--disable-dirmngr",
            ])
            .args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"])
            .stdin(fs::File::open(self.path("pw")).unwrap())
            .args(["--status-fd", "2"])
            .args(arguments)
            .output();
        run.expect("gpgsm is not installed: run make setup")
    }

    fn set_up_gpgsm(&self) {
        use std::os::unix::fs::DirBuilderExt;
        let home = self.path("gpgsm");
        fs::DirBuilder::new().mode(0o700).create(&home).unwrap();
        fs::write(self.path("pw"), "pw\n").unwrap();
        let root = key("smime-root.pem");
        let print = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha1", "-in"])
            .arg(&root)
            .output();
        let print = String::from_utf8(good(print.unwrap())).unwrap();
        let (_, print) = print.trim().split_once('=').unwrap();
        fs::write(home.join("trustlist.txt"), format!("{print} S relax\n")).unwrap();
        let packed = self.path("ada.p12");
        let pack = Command::new("openssl")
            .args(["pkcs12", "-export", "-legacy", "-passout", "pass:pw", "-in"])
            .arg(key("smime-ada.pem"))
            .arg("-out")
            .arg(&packed)
            .output();
        good(pack.unwrap());
        good(self.gpgsm(&["--import", root.to_str().unwrap()]));
        // It says that it cannot import the issuer's certificate twice, and imports the key.
        self.gpgsm(&["--import", packed.to_str().unwrap()]);
    }
}

/// The decoded octets of a letter whose whole body is base64.
fn message_of(letter: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(letter);
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let digits: String = body.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD
        .decode(digits)
        .unwrap()
}

fn entity(text: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}")
}

#[test]
fn a_reporter_who_uses_smime_is_read_and_answered_in_it() {
    let world = World::new();
    let checked = world.command(&["check"]);
    assert!(checked.contains("S/MIME roots"), "{checked}");
    assert!(checked.contains("S/MIME key"), "{checked}");
    let running = world.run();
    // In clear and signed: her certificate comes with it, and her domain vouches for her.
    world.post("signed", "Path traversal", &world.signed(&entity(REPORT)));
    let answer = world.wait_for_answer("signed");
    let head = String::from_utf8_lossy(&answer).into_owned();
    assert!(head.contains("smime-type=enveloped-data"), "{head}");
    read_by_openssl(&world, &answer);
    read_by_gpgsm(&world, &answer);
    let drafts = world.drafts();
    // Sealed in CBC, and signed inside by a chain to the root: proven, so a draft is filed.
    let signed = world.signed(&entity(&REPORT.replace("2.3.1", "7.7.7")));
    world.post("sealed", "...", &world.sealed(&signed, "-aes-256-cbc"));
    world.wait_for_answer("sealed");
    let begun = Instant::now();
    while world.drafts() == drafts {
        assert!(
            begun.elapsed() < SETTLE,
            "{}",
            world.command(&["case", "list"])
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    let drafts = world.drafts();
    // Sealed in CBC and unsigned: answered like any other, and nothing is filed of it.
    let plain = entity(&REPORT.replace("2.3.1", "8.8.8"));
    world.post(
        "unproven",
        "...",
        &world.sealed(plain.as_bytes(), "-aes-256-cbc"),
    );
    let answer = world.wait_for_answer("unproven");
    assert!(String::from_utf8_lossy(&answer).contains("pkcs7-mime"));
    let begun = Instant::now();
    while !world.command(&["status"]).contains("0 unread") && begun.elapsed() < SETTLE {
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(world.drafts(), drafts);
    let listed = world.command(&["case", "list"]);
    assert!(
        listed.contains("awaits") || listed.contains("confirm"),
        "{listed}"
    );
    drop(running);
}

fn read_by_openssl(world: &World, answer: &[u8]) {
    let (ada, root) = (key("smime-ada.pem"), key("smime-root.pem"));
    let (ada, root) = (ada.display().to_string(), root.display().to_string());
    let opened = world.cms(answer, &["-decrypt", "-inkey", &ada, "-recip", &ada]);
    let entity = String::from_utf8_lossy(&opened).into_owned();
    assert!(entity.contains("application/pkcs7-signature"), "{entity}");
    let verified = world.cms(
        &opened,
        &["-verify", "-CAfile", &root, "-signer", &world.text("by")],
    );
    let words = String::from_utf8_lossy(&verified).into_owned();
    assert!(words.contains("Your mail has arrived"), "{words}");
    let signer = Command::new("openssl")
        .args(["x509", "-noout", "-ext", "subjectAltName", "-in"])
        .arg(world.path("by"))
        .output();
    let signer = String::from_utf8(good(signer.unwrap())).unwrap();
    assert!(signer.contains("email:security@desk.example"), "{signer}");
}

fn read_by_gpgsm(world: &World, answer: &[u8]) {
    world.set_up_gpgsm();
    fs::write(world.path("answer.der"), message_of(answer)).unwrap();
    let opened = good(world.gpgsm(&["--decrypt", &world.text("answer.der")]));
    let text = String::from_utf8(opened).unwrap();
    let boundary = text
        .split("boundary=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let between = format!("--{boundary}\r\n");
    let mut parts = text.split(&between).skip(1);
    let content = parts.next().unwrap().strip_suffix("\r\n").unwrap();
    let signature = format!("\r\n{}", parts.next().unwrap().split("--").next().unwrap());
    fs::write(world.path("content"), content).unwrap();
    fs::write(
        world.path("signature.der"),
        message_of(signature.as_bytes()),
    )
    .unwrap();
    let (signature, content) = (world.text("signature.der"), world.text("content"));
    let verified = world.gpgsm(&["--verify", &signature, &content]);
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(
        said.contains("GOODSIG") && said.contains("TRUST_FULLY"),
        "{said}"
    );
}

#[test]
fn whoever_asks_gets_both_certificates() {
    let world = World::new();
    let running = world.run();
    world.post(
        "asks",
        "Your key",
        b"\nCould you send me your public key, please? S/MIME is fine too.\n",
    );
    let answer = world.wait_for_answer("asks");
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        text.contains("certificate.asc") && text.contains("certificate.crt"),
        "{text}"
    );
    assert!(text.contains("application/pkix-cert"), "{text}");
    drop(running);
}
