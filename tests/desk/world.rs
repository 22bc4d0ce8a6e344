//! One world: servers, keys, a config, and the desk as a process.

use super::asking;
use super::servers::{
    Dovecot, DovecotOptions, Github, PATIENCE, Postfix, certificate, run, wait_for,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

pub struct World {
    pub folder: tempfile::TempDir,
    pub dovecot: Dovecot,
    pub postfix: Postfix,
    pub github: Github,
}

/// What a test changes in the config.
pub struct Config {
    pub mailbox: String,
    pub courier: String,
    pub tracker: String,
    pub extra: String,
}

const MAILBOXES: [&str; 12] = [
    "security@desk.example",
    "second@desk.example",
    "bounce@desk.example",
    "rita@desk.example",
    "ada@reporter.example",
    "ben@reporter.example",
    "cleo@reporter.example",
    "dan@reporter.example",
    "@crowd.example",
    "fay@silent.example",
    "security@distro.example",
    "dev@lists.example",
];

impl World {
    pub fn new() -> Self {
        Self::with(&DovecotOptions {
            extra: String::new(),
        })
    }

    pub fn with(options: &DovecotOptions) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "the whole-desk tests run Postfix, which wants root: run make test as root"
        );
        let folder = tempfile::Builder::new()
            .prefix("sealdesk-test-")
            .tempdir()
            .unwrap();
        let path = folder.path().to_owned();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(path.join("tls")).unwrap();
        certificate(&path.join("tls"));
        let dovecot = Dovecot::start(&path, options);
        let postfix = Postfix::start(&path, &MAILBOXES);
        let world = Self {
            folder,
            dovecot,
            postfix,
            github: Github::start(),
        };
        world.make_keys();
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn desk_certificate(&self) -> PathBuf {
        self.path().join("keys/security.asc")
    }

    fn make_keys(&self) {
        let keys = self.path().join("keys");
        run(Command::new(SEALDESK)
            .args([
                "key",
                "new",
                "--address",
                "security@desk.example",
                "--name",
                "Desk",
                "--out",
            ])
            .arg(&keys));
        let rita = self.path().join("rita");
        run(Command::new(SEALDESK)
            .args([
                "key",
                "new",
                "--address",
                "rita@desk.example",
                "--name",
                "Rita",
                "--out",
            ])
            .arg(&rita));
        for (name, secret) in [("imap-password", "secret"), ("github-token", "test-token")] {
            let path = self.path().join(name);
            fs::write(&path, secret).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// IMAPS with the test's own CA, SMTP with TLS and a login, GitHub.
    pub fn config(&self) -> Config {
        let w = self.path().display();
        Config {
            mailbox: format!(
                "kind = \"imap\"\nname = \"security\"\nhost = \"localhost\"\nport = {}\nca_file = \
                 \"{w}/tls/tls.crt\"\nuser = \"security\"\nlogin = {{ kind = \"password\", password_file = \"{w}/imap-password\" }}\npoll_s \
                 = 2\n",
                self.dovecot.imaps
            ),
            courier: format!(
                "kind = \"smtp\"\nhost = \"localhost\"\nport = {}\nca_file = \
                 \"{w}/tls/tls.crt\"\nuser = \"security\"\npassword_file = \"{w}/imap-password\"\n",
                self.postfix.smtps
            ),
            tracker: format!(
                "kind = \"github\"\nrepository = \"example/project\"\nbase_url = \
                 \"http://127.0.0.1:{}\"\nauth = {{ kind = \"token\", token_file = \"{w}/github-token\" }}\n",
                self.github.port
            ),
            extra: String::new(),
        }
    }

    pub fn config_file(&self) -> PathBuf {
        self.path().join("sealdesk.toml")
    }

    pub fn write_config(&self, config: &Config) {
        let w = self.path().display();
        let text = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{w}/state\"\nbounce_address = \"bounce@desk.example\"\nauthserv_id = \
             \"mx.desk.example\"\nanswer_from = \"2020-01-01T00:00:00Z\"\n\n[keys]\ncertificates \
             = [\"{w}/keys/security.asc\"]\nstorage_certificate = \
             \"{w}/keys/storage.asc\"\n\n[opener]\nsecret_keys = \
             [\"{w}/keys/security.secret.asc\"]\nstorage_key = \
             \"{w}/keys/storage.secret.asc\"\n\n[[mailbox]]\n{}\n[courier]\n{}\n[tracker]\n{}\n[[responder]]\nname \
             = \"Rita\"\naddress = \"rita@desk.example\"\ncertificate = \
             \"{w}/rita/security.asc\"\n\n{}",
            config.mailbox, config.courier, config.tracker, config.extra
        );
        // A question leaves minutes after its report: no test waits for that.
        let text = if text.contains("[answers]") {
            text
        } else {
            text + "\n[answers]\nask_missing = false\ncalls_per_hour = 100000\ndrafts_per_day = \
                100000\n"
        };
        fs::write(self.config_file(), text).unwrap();
    }

    /// Starts the desk; its log goes to `log`.
    pub fn open(&self) -> Desk {
        self.open_with(&[])
    }

    pub fn open_with(&self, environment: &[(&str, &str)]) -> Desk {
        if !self.config_file().exists() {
            self.write_config(&self.config());
        }
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path().join("log"))
            .unwrap();
        let child = Command::new(SEALDESK)
            .args(["run", "--config"])
            .arg(self.config_file())
            .env("SEALDESK_LOG", "trace")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Desk {
            child,
            stopped: false,
        }
    }

    /// Runs a command line of the desk; exit code, standard output, standard error.
    pub fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(self.config_file())
            .output()
            .unwrap();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        // A desk that was only just started makes it.
        let state = self.path().join("state");
        wait_for("the state folder", || state.exists());
        let (code, out, err) = self.command(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}"))
    }

    /// Of a desk that runs, or is closed.
    pub fn status(&self) -> serde_json::Value {
        asking::status(&self.path().join("state"))
            .unwrap_or_else(|| self.json(&["status", "--json"]))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// Letters that were delivered to an address.
    pub fn delivered(&self, address: &str) -> Vec<String> {
        let (local, domain) = address.split_once('@').unwrap();
        let local = if domain == "crowd.example" {
            "all"
        } else {
            local
        };
        let new = self
            .path()
            .join(format!("mail/{domain}/{local}/Maildir/new"));
        let mut paths: Vec<_> = fs::read_dir(new)
            .map(|d| d.flatten().map(|e| e.path()).collect())
            .unwrap_or_default();
        paths.sort();
        paths
            .iter()
            .map(|p| fs::read_to_string(p).unwrap())
            .collect()
    }

    /// Letters to the desk that lie in a folder of its mailbox.
    pub fn lying(&self, folder: &str) -> usize {
        let maildir = self
            .path()
            .join("mail/desk.example/security/Maildir")
            .join(folder);
        ["new", "cur"]
            .iter()
            .map(|sub| fs::read_dir(maildir.join(sub)).map_or(0, Iterator::count))
            .sum()
    }

    /// Waits until nothing is unread or pending; shows status and log where that never comes.
    pub fn settle(&self, letters: i64) {
        self.settle_within(letters, PATIENCE.as_secs());
    }

    pub fn settle_within(&self, letters: i64, seconds: u64) {
        let start = std::time::Instant::now();
        loop {
            let status = asking::status(&self.path().join("state")).unwrap_or_default();
            if status["letters"] == letters
                && status["unread"] == 0
                && status["effects_pending"] == 0
            {
                return;
            }
            assert!(
                start.elapsed().as_secs() < seconds,
                "the desk does not settle at {letters} letters: {status}\n{}",
                self.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    pub fn submit(&self, from: &str, letter: &str) {
        self.postfix.submit(from, "security@desk.example", letter);
    }
}

/// A running desk. Dropped, it is killed.
pub struct Desk {
    child: Child,
    stopped: bool,
}

impl Desk {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and how long it took.
    pub fn stop(mut self) -> std::time::Duration {
        let start = std::time::Instant::now();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().cast_signed()),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
        let status = self.child.wait().unwrap();
        self.stopped = true;
        assert!(status.success(), "the desk ended with {status}");
        start.elapsed()
    }

    /// Stops it once it answers.
    pub fn stop_when_open(self, world: &World) {
        wait_for("the desk", || world.log().contains("desk open"));
        self.stop();
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stopped = true;
    }

    /// Waits for its own end.
    pub fn ended(mut self) -> std::process::ExitStatus {
        let mut status = None;
        wait_for("the desk to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.stopped = true;
        status.unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !self.stopped {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
