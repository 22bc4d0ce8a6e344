//! Logins by OAuth 2.0: a real authorization server, Dovecot that asks it whose a token is, Postfix
//! that asks Dovecot, and a person at a browser.

use super::people::head;
use super::servers::{DovecotOptions, free_port, run, wait_for};
use super::world::{Config, SEALDESK, World};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authorization");

/// The authorization server of `tests/authorization`, with the keys that prove who an application
/// and a service account are.
struct AuthorizationServer {
    child: Child,
    /// Held open, for it writes on.
    _out: BufReader<ChildStdout>,
    port: u16,
    folder: tempfile::TempDir,
}

impl AuthorizationServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["application", "account"] {
            let at = |end: &str| folder.path().join(format!("{name}.{end}"));
            run(Command::new("openssl")
                .args([
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                ])
                .args(["-subj", "/CN=desk", "-keyout"])
                .arg(at("key"))
                .arg("-out")
                .arg(at("crt")));
            run(Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(at("key"))
                .arg("-out")
                .arg(at("pub")));
        }
        let port = free_port();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new("node")
            .arg(format!("{PROGRAMS}/server.mjs"))
            .arg(port.to_string())
            .args(["application.pub", "account.pub"].map(|name| folder.path().join(name)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "run scripts/setup test first");
        Self {
            child,
            _out: out,
            port,
            folder,
        }
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What makes Dovecot, and Postfix by it, take its tokens by these mechanisms.
    fn dovecot(&self, mechanisms: &str) -> DovecotOptions {
        let file = self.folder.path().join("oauth2.conf");
        let conf = format!(
            "introspection_mode = post\nintrospection_url = \
             http://dovecot:introspects@127.0.0.1:{}/token/introspection\nusername_attribute = \
             username\nactive_attribute = active\nactive_value = true\n",
            self.port
        );
        std::fs::write(&file, conf).unwrap();
        DovecotOptions {
            extra: format!(
                "auth_mechanisms = plain login {mechanisms}\npassdb {{\n  driver = oauth2\n  \
                 mechanisms = {mechanisms}\n  args = {}\n}}\n",
                file.display()
            ),
        }
    }

    fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A world whose mailbox has this login, and whose courier has the same.
fn configure(world: &World, login: &str) {
    let base = world.config();
    let others = |section: &str, key: &str| -> String {
        let lines = section.lines().filter(|line| !line.starts_with(key));
        lines.map(|line| format!("{line}\n")).collect()
    };
    world.write_config(&Config {
        mailbox: others(&base.mailbox, "login") + &format!("login = {login}\n"),
        courier: others(&base.courier, "password_file")
            + "login = { kind = \"mailbox\", name = \"security\" }\n",
        ..world.config()
    });
}

/// `sealdesk` with these words, up to the page that somebody is to open.
struct Waiting {
    child: Child,
    out: BufReader<ChildStdout>,
    seen: String,
    page: String,
    code: Option<String>,
}

impl Waiting {
    fn begin(arguments: &[&str], config: &Path) -> Self {
        let mut child = Command::new(SEALDESK)
            .args(arguments)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut seen, mut page, mut code) = (String::new(), String::new(), None);
        loop {
            let mut line = String::new();
            if out.read_line(&mut line).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                panic!("{seen}{}", String::from_utf8_lossy(&output.stderr));
            }
            seen.push_str(&line);
            let line = line.trim();
            if line.starts_with("http://") && page.is_empty() {
                page = line.to_owned();
            }
            if let Some((_, said)) = line.split_once("or shows it: ") {
                code = Some(said.to_owned());
            }
            if line.starts_with("Waiting") {
                break;
            }
        }
        Self {
            child,
            out,
            seen,
            page,
            code,
        }
    }

    /// Somebody opens the page and logs in; where their browser ends.
    fn log_in_as(&self, name: &str, follows: bool) -> String {
        let mut person = Command::new("node");
        person.arg(format!("{PROGRAMS}/person.mjs"));
        person.args([&self.page, name]).args(&self.code);
        if follows {
            person.env("PERSON_FOLLOWS", "1");
        }
        run(&mut person)
    }

    fn paste(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Exit code, standard output, standard error.
    fn end(mut self) -> (i32, String, String) {
        std::io::Read::read_to_string(&mut self.out, &mut self.seen).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), self.seen, err)
    }
}

fn acknowledged(world: &World, id: &str) {
    let letter = head(id, &format!("XSS in acme, {id}"), id)
        + "\nSteps to reproduce:\n1. open it\n2. look\n";
    world.submit(id, &letter);
    wait_for("the acknowledgement", || {
        let delivered = world.delivered("x@crowd.example");
        delivered
            .iter()
            .any(|letter| letter.contains(&format!("In-Reply-To: <{id}>")))
    });
}

/// The whole story of somebody who sets a mailbox up by the provider's own page.
#[test]
fn a_person_logs_in_by_a_browser_on_any_machine() {
    let server = AuthorizationServer::start();
    let world = World::with(&server.dovecot("xoauth2 oauthbearer"));
    let file = server.folder.path().join("refresh-token");
    let login = |client: &str| {
        let (issuer, file) = (server.issuer(), file.display());
        let client = if client.is_empty() {
            String::new()
        } else {
            format!(", client_id = \"{client}\"")
        };
        format!(
            "{{ kind = \"oauth2\", issuer = \"{issuer}\"{client}, refresh_token_file = \"{file}\" }}"
        )
    };
    configure(&world, &login("desk"));
    let config = world.config_file();
    let (code, out, _) = world.command(&["check"]);
    assert!(code == 1 && out.contains("sealdesk mailbox login"), "{out}");

    // By a code for another device; the courier is proven with it.
    let waiting = Waiting::begin(&["mailbox", "login"], &config);
    assert!(waiting.code.is_some(), "{}", waiting.seen);
    waiting.log_in_as("security", false);
    let (code, out, err) = waiting.end();
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("good mailbox security") && out.contains("good courier"),
        "{out}"
    );
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Mailbox, courier and a check beside them share a token that is good for one use.
    let desk = world.open();
    acknowledged(&world, "o1@crowd.example");
    let (code, out, err) = world.command(&["check"]);
    assert_eq!(code, 0, "{out}{err}");
    desk.stop();
    let kept = std::fs::read_dir(world.path().join("state"))
        .unwrap()
        .flatten();
    let kept: Vec<PathBuf> = kept
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "token"))
        .collect();
    assert_eq!(kept.len(), 1, "mailbox and courier share one: {kept:?}");
    let kept = std::fs::read_to_string(&kept[0]).unwrap();
    assert!(kept.starts_with("sealed:"), "it rests readable: {kept}");
    let desk = world.open();
    acknowledged(&world, "o2@crowd.example");
    desk.stop();

    // By a redirect to this machine.
    let waiting = Waiting::begin(&["mailbox", "login", "security", "--redirect"], &config);
    let page = waiting.log_in_as("security", true);
    assert!(page.contains("You can close this page"), "{page}");
    let (code, out, err) = waiting.end();
    assert_eq!(code, 0, "{out}{err}");

    // By the address at which a browser elsewhere ended; another one is told, and no end.
    let mut waiting = Waiting::begin(&["mailbox", "login", "--redirect"], &config);
    let ended = waiting.log_in_as("security", false);
    waiting.paste("http://127.0.0.1:1/?code=abc&state=another");
    waiting.paste(ended.trim());
    let (code, out, err) = waiting.end();
    assert!(code == 0 && out.contains("not that one:"), "{out}{err}");

    // Somebody else was logged in in that browser: nothing is kept.
    let before = std::fs::read(&file).unwrap();
    let waiting = Waiting::begin(&["mailbox", "login"], &config);
    waiting.log_in_as("mallory", false);
    let (code, out, err) = waiting.end();
    assert!(
        code == 1 && err.contains("nothing was kept") && err.contains("security"),
        "{out}{err}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);

    // A provider that registers clients by itself.
    configure(&world, &login(""));
    let waiting = Waiting::begin(&["mailbox", "login", "--redirect"], &config);
    waiting.log_in_as("security", true);
    let (code, out, err) = waiting.end();
    assert_eq!(code, 0, "{out}{err}");
    let registered = out.lines().find_map(|line| {
        let id = line.trim().strip_prefix("client_id = \"")?;
        id.strip_suffix('"')
    });
    configure(&world, &login(registered.unwrap()));
    let (code, out, err) = world.command(&["check"]);
    assert_eq!(code, 0, "{out}{err}");

    // What the provider took back.
    std::fs::write(&file, "a token that was revoked").unwrap();
    let (code, out, _) = world.command(&["check"]);
    assert!(
        code == 1 && out.contains("log in again with sealdesk mailbox login"),
        "{out}"
    );
}

#[test]
fn programs_log_in_without_a_person() {
    let server = AuthorizationServer::start();
    // The standard's mechanism alone, at both servers.
    let world = World::with(&server.dovecot("oauthbearer"));
    let folder = server.folder.path().display();
    let issuer = server.issuer();
    let secret = server.secret("secret", "the-secret-of-the-application");
    let wrong = server.secret("wrong", "another");
    let key = server.folder.path().join("application.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let private = std::fs::read_to_string(format!("{folder}/account.key")).unwrap();
    let account = serde_json::json!({
        "type": "service_account",
        "client_email": "desk@accounts.example",
        "private_key": private,
        "private_key_id": "1",
        "token_uri": format!("{issuer}/service"),
    });
    let account = server.secret("account.json", &account.to_string());
    let token = run(Command::new("curl")
        .args(["--silent", "--fail", &format!("{issuer}/token")])
        .args(["-d", "grant_type=client_credentials&client_id=application"])
        .args(["-d", "scope=urn:ietf:params:oauth:scope:mail"])
        .args(["-d", "client_secret=the-secret-of-the-application"]));
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    let token = server.secret("token", token["access_token"].as_str().unwrap());
    let stale = server.secret("stale", "a-token-of-nobody");

    let application = |more: &str| {
        format!(
            "{{ kind = \"application\", issuer = \"{issuer}\", scopes = \
             [\"urn:ietf:params:oauth:scope:mail\"], {more} }}"
        )
    };
    let by_key = format!(
        "client_id = \"application-with-key\", key_file = \"{folder}/application.key\", \
         certificate_file = \"{folder}/application.crt\""
    );
    let by_secret = |file: &Path| {
        let file = file.display();
        application(&format!(
            "client_id = \"application\", client_secret_file = \"{file}\""
        ))
    };
    let by_token = |file: &Path| {
        format!(
            "{{ kind = \"token\", token_file = \"{}\" }}",
            file.display()
        )
    };
    let by_account = |file: &Path| {
        let file = file.display();
        format!("{{ kind = \"service_account\", key_file = \"{file}\" }}")
    };
    let good = [
        by_token(&token),
        by_secret(&secret),
        application(&by_key),
        by_account(&account),
    ];
    for login in good {
        configure(&world, &login);
        let (code, out, err) = world.command(&["check"]);
        assert_eq!(code, 0, "{login}: {out}{err}");
        assert!(out.contains("good courier"), "{login}: {out}");
    }
    let desk = world.open();
    acknowledged(&world, "p1@crowd.example");
    desk.stop();

    for (login, told) in [
        (by_token(&stale), "refuses our login"),
        (by_secret(&wrong), "does not know our client"),
        (by_account(&secret), "not the JSON key of a service account"),
    ] {
        configure(&world, &login);
        let (code, out, err) = world.command(&["check"]);
        assert!(code == 1 && out.contains(told), "{login}: {out}{err}");
        assert!(!out.contains("a-token-of-nobody"), "{out}");
    }
}

/// From the first question to a desk that can read and send, with one login in a browser.
#[test]
fn init_logs_in_by_a_browser_too() {
    let server = AuthorizationServer::start();
    let world = World::with(&server.dovecot("xoauth2"));
    let w = world.path().display();
    let config = world.path().join("made/sealdesk.toml");
    let (imap, smtp) = (
        format!("localhost:{}", world.dovecot.imaps),
        format!("localhost:{}", world.postfix.smtps),
    );
    let (issuer, tracker) = (server.issuer(), format!("{w}/made/tracker"));
    let (responder, ca) = (
        format!("rita@desk.example={w}/rita/security.asc"),
        format!("{w}/tls/tls.crt"),
    );
    let words = [
        ["--address", "security@desk.example"],
        ["--name", "Desk"],
        ["--issuer", &issuer],
        ["--client-id", "desk"],
        ["--imap-user", "security"],
        ["--imap", &imap],
        ["--smtp", &smtp],
        ["--ca-file", &ca],
        ["--tracker-folder", &tracker],
        ["--responder", &responder],
    ];
    let words = ["init", "--no-start"]
        .into_iter()
        .chain(words.into_iter().flatten());
    let waiting = Waiting::begin(&words.collect::<Vec<_>>(), &config);
    waiting.log_in_as("security", false);
    let (code, out, err) = waiting.end();
    assert_eq!(code, 0, "{out}{err}");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(
        text.contains("kind = \"mailbox\", name = \"security\""),
        "{text}"
    );
    // Twice, for the token that the proofs left must be the one that was written.
    for _ in 0..2 {
        let checked = Command::new(SEALDESK)
            .args(["check", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&checked.stdout);
        assert!(
            out.contains("good mailbox security") && out.contains("good courier"),
            "{out}"
        );
    }
}
