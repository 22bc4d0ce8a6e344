//! What the world finds of the desk, looked at with GnuPG and a web client; and a key's successor.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(extra: &str) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let f = world.path().display().to_string();
        for sub in ["new", "cur", "tmp"] {
            fs::create_dir_all(world.path().join("Maildir").join(sub)).unwrap();
        }
        fs::create_dir_all(world.path().join("gpg")).unwrap();
        let made = Command::new(SEALDESK)
            .args(["key", "new", "--address", "security@desk.example", "--out"])
            .arg(world.path().join("keys"))
            .output()
            .unwrap();
        assert!(made.status.success());
        world.configure(
            &format!("[\"{f}/keys/security.asc\"]"),
            &format!("[\"{f}/keys/security.secret.asc\"]"),
            extra,
        );
        world
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn configure(&self, certificates: &str, secrets: &str, extra: &str) {
        let f = self.path().display();
        let config = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{f}/state\"\nresolver = \"none\"\nanswer_from = \
             \"2020-01-01T00:00:00Z\"\n[keys]\ncertificates = {certificates}\nstorage_certificate \
             = \"{f}/keys/storage.asc\"\n[opener]\nsecret_keys = {secrets}\nstorage_key = \
             \"{f}/keys/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \
             \"in\"\npath = \"{f}/Maildir\"\npoll_s = 1\n[courier]\nkind = \"folder\"\npath = \
             \"{f}/out\"\n[tracker]\nkind = \"folder\"\npath = \"{f}/tracker\"\n{extra}"
        );
        fs::write(self.path().join("sealdesk.toml"), config).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("sealdesk.toml"))
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
        )
    }

    fn gpg(&self, arguments: &[&str]) -> Output {
        let gpg = Command::new("gpg")
            .env("GNUPGHOME", self.path().join("gpg"))
            .args(["--batch", "--trust-model", "always", "--status-fd", "1"])
            .args(arguments)
            .output();
        gpg.expect("gpg is not installed: run make setup")
    }

    fn run(&self) -> Running {
        let child = Command::new(SEALDESK)
            .args(["run", "--config"])
            .arg(self.path().join("sealdesk.toml"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn get(url: &str) -> Option<(String, Vec<u8>)> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let answer = reqwest::get(url).await.ok()?.error_for_status().ok()?;
            let kind = answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            Some((kind, answer.bytes().await.ok()?.to_vec()))
        })
}

#[test]
fn what_is_published_is_what_programs_look_for() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let publish = format!(
        "[publish]\ncanonical = [\"https://desk.example/.well-known/security.txt\"]\nlanguages = \
         [\"en\"]\nlisten = \"127.0.0.1:{port}\"\n"
    );
    let world = World::new(&publish);
    let public = world.path().join("public");
    let (good, said) = world.command(&["key", "publish", "--out", public.to_str().unwrap()]);
    assert!(good, "{said}");
    // GnuPG reckons the same name for the same address.
    let certificate = world.path().join("keys/security.asc").display().to_string();
    assert!(world.gpg(&["--import", &certificate]).status.success());
    let listed = String::from_utf8_lossy(&world.gpg(&["--with-wkd-hash", "--list-keys"]).stdout)
        .into_owned();
    let name = listed
        .lines()
        .find_map(|line| line.trim().strip_suffix("@desk.example"))
        .expect("a WKD hash")
        .to_owned();
    for folder in ["", "/desk.example"] {
        let held = public.join(format!(".well-known/openpgpkey{folder}/hu/{name}"));
        let shown = String::from_utf8_lossy(
            &world
                .gpg(&["--show-keys", &held.display().to_string()])
                .stdout,
        )
        .into_owned();
        assert!(shown.contains("security@desk.example"), "{shown}");
        assert!(
            fs::metadata(&held).unwrap().len() < 10 * 1024,
            "it fits into a letter"
        );
        assert!(
            public
                .join(format!(".well-known/openpgpkey{folder}/policy"))
                .exists()
        );
    }
    let security_txt = public.join(".well-known/security.txt");
    let verified = world.gpg(&["--verify", &security_txt.display().to_string()]);
    assert!(
        String::from_utf8_lossy(&verified.stdout).contains("GOODSIG"),
        "{verified:?}"
    );
    let text = fs::read_to_string(&security_txt).unwrap();
    for line in [
        "Contact: mailto:security@desk.example",
        "Canonical: https://desk.example/.well-known/security.txt",
        "Preferred-Languages: en",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(
        fs::read_to_string(public.join("SECURITY.md"))
            .unwrap()
            .contains("security@desk.example")
    );

    // Served, and held against what the desk has.
    let _desk = world.run();
    let base = format!("http://127.0.0.1:{port}/.well-known");
    until("the pages", || {
        get(&format!("{base}/security.txt")).is_some()
    });
    let (kind, octets) = get(&format!(
        "{base}/openpgpkey/desk.example/hu/{name}?l=security"
    ))
    .unwrap();
    assert_eq!(
        (kind.as_str(), octets),
        (
            "application/octet-stream",
            fs::read(public.join(format!(".well-known/openpgpkey/hu/{name}"))).unwrap()
        )
    );
    assert!(get(&format!("{base}/openpgpkey/hu/nobody")).is_none());
    let f = world.path().display();
    let fetch =
        format!("[publish]\nfetch = [\"{base}/openpgpkey/hu/{name}\", \"{base}/security.txt\"]\n");
    world.configure(
        &format!("[\"{f}/keys/security.asc\"]"),
        &format!("[\"{f}/keys/security.secret.asc\"]"),
        &fetch,
    );
    let (good, said) = world.command(&["check"]);
    assert!(
        good && said.matches("is as we hold it").count() == 2,
        "{said}"
    );
    // After a change of the key the copies are old.
    let new = world.path().join("new");
    let (good, said) = rotate(&world, &new);
    assert!(good, "{said}");
    world.configure(
        &format!(
            "[\"{}/security.asc\", \"{f}/keys/security.asc\"]",
            new.display()
        ),
        &format!(
            "[\"{}/security.secret.asc\", \"{f}/keys/security.secret.asc\"]",
            new.display()
        ),
        &fetch,
    );
    let (good, said) = world.command(&["check"]);
    assert!(!good && said.contains("it lacks"), "{said}");
}

fn rotate(world: &World, to: &Path) -> (bool, String) {
    let output = Command::new(SEALDESK)
        .args(["key", "rotate"])
        .arg(world.path().join("keys/security.secret.asc"))
        .arg("--out")
        .arg(to)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn a_key_has_a_successor_and_letters_to_both_are_opened_and_counted() {
    let world = World::new("");
    let new = world.path().join("new");
    let (good, said) = rotate(&world, &new);
    assert!(good && said.contains("keys.certificates"), "{said}");
    let (f, n) = (
        world.path().display().to_string(),
        new.display().to_string(),
    );
    for certificate in [
        format!("{f}/keys/security.asc"),
        format!("{n}/security.asc"),
    ] {
        assert!(world.gpg(&["--import", &certificate]).status.success());
    }
    let verified = String::from_utf8_lossy(
        &world
            .gpg(&["--verify", &format!("{n}/transition.txt")])
            .stdout,
    )
    .into_owned();
    assert_eq!(
        verified.matches("[GNUPG:] GOODSIG").count(),
        2,
        "{verified}"
    );
    world.configure(
        &format!("[\"{n}/security.asc\", \"{f}/keys/security.asc\"]"),
        &format!("[\"{n}/security.secret.asc\", \"{f}/keys/security.secret.asc\"]"),
        "[answers]\nask_missing = false\n",
    );
    let _desk = world.run();
    let text = world.path().join("text");
    for (n, file) in [
        format!("{f}/keys/security.asc"),
        format!("{n}/security.asc"),
    ]
    .iter()
    .enumerate()
    {
        fs::write(&text, format!("There is an XSS (CWE-79) in acme 1.{n}.\n")).unwrap();
        let sealed = world.gpg(&[
            "--armor",
            "--encrypt",
            "--output",
            "-",
            "--recipient-file",
            file,
            &text.display().to_string(),
        ]);
        let armor = String::from_utf8_lossy(&sealed.stdout);
        let armor = &armor[armor.find("-----BEGIN").unwrap()
            ..armor.find("-----END PGP MESSAGE-----").unwrap() + 25];
        let letter = format!(
            "From: p{n}@crowd.example\nSubject: x\nMessage-ID: <{n}@crowd.example>\n\n{armor}\n"
        );
        fs::write(world.path().join(format!("Maildir/new/{n}")), letter).unwrap();
    }
    let status = || {
        serde_json::from_str::<serde_json::Value>(&world.command(&["status", "--json"]).1)
            .unwrap_or_default()
    };
    until("both letters", || {
        status()["sealed_to"]
            .as_array()
            .is_some_and(|to| to.len() == 2)
    });
    assert_eq!(status()["shut"], 0);
}
