//! Real servers on loopback, each in a folder of its own, without touching the machine's own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Who the servers run as where they need no root.
const USER: &str = "nobody";

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Runs a program to its end; its output on failure.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Long enough for a busy machine. That something is fast is proved by what comes first, never by
/// a clock.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn listening(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A certificate that rustls accepts for localhost: not a CA.
pub fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=sealdesk test server",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ])
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    (cert, key)
}

fn give_to_user(path: &Path) {
    run(Command::new("chown")
        .arg("-R")
        .arg(format!("{USER}:nogroup"))
        .arg(path));
}

/// Mail of every address lies in `mail/DOMAIN/LOCAL/Maildir`.
pub struct Dovecot {
    child: Child,
    pub imap: u16,
    pub imaps: u16,
}

pub struct DovecotOptions {
    /// Extra lines of configuration.
    pub extra: String,
}

impl Dovecot {
    pub fn start(world: &Path, options: &DovecotOptions) -> Self {
        let folder = world.join("dovecot");
        fs::create_dir_all(&folder).unwrap();
        let (imap, imaps) = (free_port(), free_port());
        let d = folder.display();
        let mail = world.join("mail");
        fs::create_dir_all(&mail).unwrap();
        fs::write(
            folder.join("users"),
            [
                ("security", "desk.example/security"),
                ("second", "desk.example/second"),
                ("rita", "desk.example/rita"),
                ("ada", "reporter.example/ada"),
                ("ben", "reporter.example/ben"),
                ("cleo", "reporter.example/cleo"),
            ]
            .map(|(user, home)| {
                format!(
                    "{user}:{{PLAIN}}secret:65534:65534::{}/{home}::\n",
                    mail.display()
                )
            })
            .concat(),
        )
        .unwrap();
        let tls = world.join("tls");
        let config = format!(
            "base_dir = {d}/run\nstate_dir = {d}/state\nlog_path = {d}/log\nprotocols = \
             imap\nlisten = 127.0.0.1\ndefault_internal_user = {USER}\ndefault_login_user = \
             {USER}\ndefault_internal_group = nogroup\nfirst_valid_uid = 1\nssl = yes\nssl_cert = \
             <{t}/tls.crt\nssl_key = <{t}/tls.key\ndisable_plaintext_auth = no\nauth_mechanisms = \
             plain login\nmail_location = maildir:~/Maildir\nmail_fsync = never\npassdb {{\n  driver = passwd-file\n  args = {d}/users\n}}\nuserdb \
             {{\n  driver = passwd-file\n  args = {d}/users\n}}\nservice imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {imap}\n  }}\n  inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\nservice \
             anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\nservice auth {{\n  unix_listener auth-smtp {{\n    mode = 0666\n  }}\n}}\n{extra}\n",
            t = tls.display(),
            extra = options.extra,
        );
        fs::write(folder.join("dovecot.conf"), config).unwrap();
        give_to_user(&folder);
        give_to_user(&mail);
        let child = Command::new("setpriv")
            .args([
                &format!("--reuid={USER}"),
                "--regid=nogroup",
                "--clear-groups",
                "dovecot",
                "-F",
                "-c",
            ])
            .arg(folder.join("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dovecot is not installed: run make setup");
        wait_for("dovecot", || listening(imap) && listening(imaps));
        Self { child, imap, imaps }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

/// Delivers into Maildirs; relays nowhere.
pub struct Postfix {
    etc: PathBuf,
    /// Plain and STARTTLS.
    pub smtp: u16,
    /// TLS from the start, with a login.
    pub smtps: u16,
}

impl Postfix {
    pub fn start(world: &Path, mailboxes: &[&str]) -> Self {
        let folder = world.join("postfix");
        let etc = folder.join("etc");
        for sub in ["etc", "queue", "data"] {
            fs::create_dir_all(folder.join(sub)).unwrap();
        }
        let (smtp, smtps) = (free_port(), free_port());
        let mut map = String::new();
        let mut domains: Vec<&str> = Vec::new();
        for address in mailboxes {
            let (local, domain) = address.split_once('@').unwrap();
            map.push_str(&format!(
                "{address} {domain}/{}/Maildir/\n",
                if local.is_empty() { "all" } else { local }
            ));
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        fs::write(etc.join("mailboxes"), map).unwrap();
        let f = folder.display();
        fs::write(
            etc.join("main.cf"),
            format!(
                "compatibility_level = 3.6\nqueue_directory = {f}/queue\ndata_directory = \
                 {f}/data\ncommand_directory = /usr/sbin\ndaemon_directory = \
                 /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = \
                 postdrop\nmaillog_file = {f}/log\nmaillog_file_prefixes = {f}\ninet_interfaces = \
                 127.0.0.1\ninet_protocols = ipv4\nmyhostname = mx.desk.example\nmydestination \
                 =\nmynetworks = 127.0.0.0/8\nrecipient_delimiter = +\nvirtual_mailbox_domains = \
                 {domains}\nvirtual_mailbox_base = {w}/mail\nvirtual_mailbox_maps = \
                 texthash:{f}/etc/mailboxes\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = \
                 static:65534\ndefault_transport = error:no relay here\ntransport_maps = \
                 inline:{{ {{gone.example = gone:}} }}\nmessage_size_limit = \
                 60000000\nvirtual_mailbox_limit = 0\nsmtpd_tls_cert_file = \
                 {w}/tls/tls.crt\nsmtpd_tls_key_file = {w}/tls/tls.key\nsmtpd_tls_security_level \
                 = may\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = \
                 {w}/dovecot/run/auth-smtp\nin_flow_delay = \
                 0\nsmtpd_client_connection_count_limit = 0\n",
                domains = domains.join(", "),
                w = world.display(),
            ),
        )
        .unwrap();
        let mut master = format!(
            "127.0.0.1:{smtp} inet n - n - - smtpd\n127.0.0.1:{smtps} inet n - n - - smtpd -o \
             smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o \
             smtpd_client_restrictions=permit_sasl_authenticated,reject\n"
        );
        for (name, kind, command) in [
            ("cleanup", "unix", "cleanup"),
            ("qmgr", "unix", "qmgr"),
            ("tlsmgr", "unix", "tlsmgr"),
            ("rewrite", "unix", "trivial-rewrite"),
            ("bounce", "unix", "bounce"),
            ("defer", "unix", "bounce"),
            ("trace", "unix", "bounce"),
            ("verify", "unix", "verify"),
            ("flush", "unix", "flush"),
            ("proxymap", "unix", "proxymap"),
            ("error", "unix", "error"),
            ("retry", "unix", "error"),
            ("discard", "unix", "discard"),
            ("virtual", "unix", "virtual"),
            ("anvil", "unix", "anvil"),
            ("scache", "unix", "scache"),
            ("showq", "unix", "showq"),
        ] {
            let private = if matches!(name, "cleanup" | "qmgr" | "flush" | "showq") {
                "n"
            } else {
                "-"
            };
            let unprivileged = if name == "virtual" { "n" } else { "-" };
            // Services of which there may be one alone, or any number.
            let limit = match name {
                "qmgr" | "tlsmgr" | "verify" | "scache" => "1",
                "cleanup" | "bounce" | "defer" | "trace" | "flush" => "0",
                _ => "-",
            };
            master.push_str(&format!(
                "{name} {kind} {private} {unprivileged} n - {limit} {command}\n"
            ));
        }
        // Takes letters into the queue, and finds only then that nobody is there (EX_NOUSER of
        // sysexits.h).
        master.push_str("gone unix - n n - - pipe user=nobody argv=/bin/sh -c {exit 67}\n");
        master.push_str("postlog unix-dgram n - n - 1 postlogd\n");
        fs::write(etc.join("master.cf"), master).unwrap();
        run(Command::new("chown")
            .arg("-R")
            .arg("postfix")
            .arg(folder.join("data")));
        run(Command::new("postfix").arg("-c").arg(&etc).arg("start"));
        wait_for("postfix", || listening(smtp) && listening(smtps));
        Self { etc, smtp, smtps }
    }

    /// A letter goes in as any program would send it.
    pub fn submit(&self, from: &str, to: &str, letter: &str) {
        let stream = TcpStream::connect(("127.0.0.1", self.smtp)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        let mut expect = |code: &str| {
            let mut line = String::new();
            loop {
                line.clear();
                reader.read_line(&mut line).unwrap();
                if line.as_bytes().get(3) != Some(&b'-') {
                    break;
                }
            }
            assert!(line.starts_with(code), "SMTP said {line}");
        };
        expect("220");
        for (command, code) in [
            ("EHLO client.example".to_owned(), "250"),
            (format!("MAIL FROM:<{from}>"), "250"),
            (format!("RCPT TO:<{to}>"), "250"),
            ("DATA".to_owned(), "354"),
        ] {
            stream
                .write_all(format!("{command}\r\n").as_bytes())
                .unwrap();
            expect(code);
        }
        let body: String = letter
            .lines()
            .map(|l| {
                if l.starts_with('.') {
                    format!(".{l}\r\n")
                } else {
                    format!("{l}\r\n")
                }
            })
            .collect();
        stream.write_all(format!("{body}.\r\n").as_bytes()).unwrap();
        expect("250");
        stream.write_all(b"QUIT\r\n").unwrap();
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix")
            .arg("-c")
            .arg(&self.etc)
            .arg("abort")
            .stderr(Stdio::null())
            .status();
    }
}

/// GitHub's advisory API as its OpenAPI description says. A stateful stand-in for a tracker:
/// GitHub's by its published description, others by contracts of our own.
pub struct Github {
    child: Child,
    _input: ChildStdin,
    pub port: u16,
}

impl Github {
    pub fn start() -> Self {
        Self::serving("github")
    }

    /// The one in `tests/NAME`.
    pub fn serving(name: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(name)
            .join("server.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is not installed: run make setup");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line
            .trim()
            .parse()
            .expect("the GitHub contract server did not start: run make setup");
        Self {
            _input: child.stdin.take().unwrap(),
            child,
            port,
        }
    }

    fn call(&self, method: &str, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let url = format!("http://127.0.0.1:{}{path}", self.port);
            let client = reqwest::Client::new();
            let request = if method == "GET" {
                client.get(url)
            } else {
                client.post(url).body(body.to_string())
            };
            let text = request.send().await.unwrap().text().await.unwrap();
            serde_json::from_str(&text).unwrap_or_default()
        })
    }

    pub fn state(&self) -> serde_json::Value {
        self.call("GET", "/_state", &serde_json::Value::Null)
    }

    pub fn advisories(&self) -> Vec<serde_json::Value> {
        let state = self.state();
        assert_eq!(
            state["violations"],
            serde_json::json!([]),
            "a request broke GitHub's contract"
        );
        state["advisories"].as_array().cloned().unwrap_or_default()
    }

    pub fn fault(&self, method: &str, mode: &str, times: u32) {
        self.call(
            "POST",
            "/_fault",
            &serde_json::json!({ "method": method, "mode": mode, "times": times }),
        );
    }

    /// Somebody reports privately; the id of the advisory.
    pub fn report(&self, report: &serde_json::Value) -> String {
        self.call("POST", "/_report", report)["ghsa_id"]
            .as_str()
            .expect("the report breaks GitHub's contract")
            .to_owned()
    }

    /// A file of every repository.
    pub fn file(&self, path: &str, text: &str) {
        self.call(
            "POST",
            "/_file",
            &serde_json::json!({ "path": path, "text": text }),
        );
    }

    /// What somebody says below an advisory.
    pub fn comment(&self, id: &str, login: &str, body: &str) {
        self.call(
            "POST",
            "/_comment",
            &serde_json::json!({ "id": id, "login": login, "body": body }),
        );
    }

    /// What somebody said there, and somebody changed.
    pub fn edited(&self, id: &str, login: &str, body: &str) {
        self.call(
            "POST",
            "/_comment",
            &serde_json::json!({ "id": id, "login": login, "body": body, "edited": true }),
        );
    }

    /// Whether this server has comments at all: they are a preview.
    pub fn comments(&self, open: bool) {
        self.call("POST", "/_comments", &serde_json::json!({ "open": open }));
    }

    /// A human changes an advisory.
    pub fn edit(&self, id: &str, field: &str, value: impl Into<serde_json::Value>) {
        self.call(
            "POST",
            "/_edit",
            &serde_json::json!({ "id": id, field: value.into() }),
        );
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
