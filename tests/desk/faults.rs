//! What breaks, says so and mends itself; what a human must mend, names the mend.

use super::people::head;
use super::servers::{run, wait_for};
use super::world::World;
use std::process::Command;

fn report(n: u32) -> String {
    head(
        &format!("f{n}@crowd.example"),
        &format!("XSS {n} in acme 2.{n}"),
        &format!("f{n}@crowd.example"),
    ) + "\nSteps to reproduce:\n1. open it\n2. look\n"
}

#[test]
fn a_tracker_that_fails_after_the_work_gets_no_second_draft() {
    let world = World::new();
    let desk = world.open();
    for (n, mode) in ["500-after", "drop-after", "503", "429"]
        .into_iter()
        .enumerate()
    {
        world.github.fault("POST", mode, 1);
        world.submit(&format!("f{n}@crowd.example"), &report(n as u32));
        world.settle(n as i64 + 1);
        assert_eq!(world.github.advisories().len(), n + 1, "{mode}");
    }
    desk.stop();
}

#[test]
fn a_reader_that_dies_costs_its_letter_alone() {
    let world = World::new();
    let desk = world.open();
    world.submit("f1@crowd.example", &report(1));
    world.settle(1);
    let status = world.status();
    assert_eq!(status["set_aside"], 0);
    // The opener is killed under the desk: it is started again, and the next letter is read.
    let children = Command::new("pkill")
        .args(["-9", "-P", &desk.pid().to_string()])
        .status()
        .unwrap();
    assert!(children.success());
    world.submit("f2@crowd.example", &report(2));
    world.settle(2);
    assert_eq!(world.github.advisories().len(), 2);
    desk.stop();
}

#[test]
fn a_stack_overflow_a_loop_and_10_gib_each_cost_one_letter() {
    let world = World::new();
    let mut config = world.config();
    config.extra = "[limits]\nreader_cpu_s = 2\n".to_owned();
    world.write_config(&config);
    let desk = world.open_with(&[("SEALDESK_STRIKE", "1")]);
    for (n, strike) in ["overflow", "loop", "balloon", "end"]
        .into_iter()
        .enumerate()
    {
        let n = n as u32;
        world.submit(
            &format!("f{n}@crowd.example"),
            &(report(n) + &format!("strike-this-reader: {strike}\n")),
        );
        world.submit(&format!("f1{n}@crowd.example"), &report(10 + n));
    }
    world.settle(8);
    let status = world.status();
    assert_eq!(status["set_aside"], 4, "{status}");
    // Each of the others has its draft, and everybody their acknowledgement.
    assert_eq!(world.github.advisories().len(), 4);
    let answers = world.delivered("x@crowd.example");
    for n in [0, 1, 2, 3, 10, 11, 12, 13] {
        assert!(
            answers
                .iter()
                .any(|l| l.contains(&format!("In-Reply-To: <f{n}@crowd.example>"))),
            "f{n}"
        );
    }
    // Humans hear of the four.
    assert!(world.delivered("rita@desk.example").len() >= 4);
    desk.stop();
}

#[test]
fn a_letter_over_a_limit_that_was_lowered_is_kept_acknowledged_and_shown() {
    let world = World::new();
    let mut config = world.config();
    config.extra = "[limits]\nparts = 10\n".to_owned();
    world.write_config(&config);
    let desk = world.open();
    let part = "--b\nContent-Type: text/plain\n\nXSS in acme 2.1\n";
    let letter = |n: usize| {
        head(
            &format!("f{n}@crowd.example"),
            "XSS",
            &format!("f{n}@crowd.example"),
        )
        .replace("Content-Type: text/plain\n", "")
            + "Content-Type: multipart/mixed; boundary=b\n\n"
            + &part.repeat(n)
            + "--b--\n"
    };
    world.submit("f5@crowd.example", &letter(5));
    world.submit("f11@crowd.example", &letter(11));
    world.settle(2);
    for n in [5, 11] {
        assert!(
            world
                .delivered("x@crowd.example")
                .iter()
                .any(|l| l.contains(&format!("In-Reply-To: <f{n}@crowd.example>"))),
            "f{n}"
        );
    }
    assert_eq!(
        world.github.advisories().len(),
        1,
        "the letter over the limit waits for a human"
    );
    let shown: Vec<String> = world
        .json(&["case", "list", "--json"])
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["id"].as_str().unwrap().to_owned())
        .collect();
    let limits = shown
        .iter()
        .filter(|id| {
            world
                .command(&["case", "show", id])
                .1
                .contains("too many parts")
        })
        .count();
    assert_eq!(limits, 1);
    desk.stop();
}

#[test]
fn each_fault_of_the_config_names_its_mend() {
    let world = World::new();
    let change = |from: &str, to: &str| {
        let mut config = world.config();
        for part in [
            &mut config.mailbox,
            &mut config.courier,
            &mut config.tracker,
        ] {
            *part = part.replace(from, to);
        }
        world.write_config(&config);
        let (code, out, _) = world.command(&["check"]);
        assert_eq!(code, 1, "{to}: {out}");
        out
    };
    std::fs::write(world.path().join("wrong"), "wrong").unwrap();
    let wrong = world.path().join("wrong");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = wrong.display().to_string();
    let w = world.path().display().to_string();
    let rows = [
        (
            format!("{w}/imap-password"),
            wrong.clone(),
            "check mailbox.user",
        ),
        (format!("{w}/github-token"), wrong, "check tracker.auth"),
        (
            format!("ca_file = \"{w}/tls/tls.crt\"\n"),
            String::new(),
            "set ca_file, or pin it",
        ),
        (
            format!("ca_file = \"{w}/tls/tls.crt\"\n"),
            format!("certificate_sha256 = \"{}\"\n", "00".repeat(32)),
            "not the pinned one",
        ),
        (
            format!("port = {}", world.dovecot.imaps),
            "port = 1".to_owned(),
            "cannot reach",
        ),
        (
            format!("{w}/imap-password"),
            "/nowhere".to_owned(),
            "LoadCredential=",
        ),
    ];
    for (from, to, mend) in rows {
        let said = change(&from, &to);
        assert!(said.contains(mend), "{to}: {said}");
    }
    world.github.fault("GET", "403", 1);
    world.write_config(&world.config());
    let (code, out, _) = world.command(&["check"]);
    assert!(
        code == 1 && out.contains("read and write access to repository security advisories"),
        "{out}"
    );
    // All mended.
    let (code, out, err) = world.command(&["check"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.matches("good").count() > 7, "{out}");
}

#[test]
fn a_start_that_only_a_human_can_mend_ends_with_code_78() {
    let world = World::new();
    let mut config = world.config();
    config.extra = "[nonsense]\n".to_owned();
    world.write_config(&config);
    assert_eq!(world.open().ended().code(), Some(78));
    std::fs::write(world.path().join("imap-password"), "wrong").unwrap();
    world.write_config(&world.config());
    assert_eq!(world.open().ended().code(), Some(78));
    assert!(world.log().contains("refuses our login"), "{}", world.log());
    std::fs::write(world.path().join("imap-password"), "secret").unwrap();
    // A store of a newer version is refused, and left alone.
    let desk = world.open();
    world.submit("f1@crowd.example", &report(1));
    world.settle(1);
    desk.stop();
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
        execution_time) VALUES (9999, 'future', 1, x'00', 1)";
    super::servers::run(
        Command::new("sqlite3")
            .arg(world.path().join("state/desk.sqlite"))
            .arg(sql),
    );
    let (code, _, err) = world.command(&["status"]);
    assert!(code != 0 && err.contains("newer sealdesk"), "{err}");
}

#[test]
fn a_courier_that_is_down_delays_and_loses_nothing() {
    let world = World::new();
    let mut config = world.config();
    let port = world.postfix.smtps;
    config.courier = config
        .courier
        .replace(&format!("port = {port}"), "port = 1");
    world.write_config(&config);
    let desk = world.open();
    world.submit("f1@crowd.example", &report(1));
    wait_for("the fault to show", || {
        let (_, out, _) = world.command(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        status["faults"].as_array().is_some_and(|faults| {
            faults.iter().any(|f| {
                f["why"]
                    .as_str()
                    .unwrap_or("")
                    .contains("cannot reach localhost:1")
            })
        })
    });
    desk.stop();
    world.write_config(&world.config());
    let desk = world.open();
    wait_for("the acknowledgement", || {
        world
            .delivered("x@crowd.example")
            .iter()
            .any(|l| l.contains("In-Reply-To: <f1@crowd.example>"))
    });
    desk.stop();
}

/// A small file system of its own, so that it can be full.
struct SmallDisk<'p>(&'p std::path::Path);

impl<'p> SmallDisk<'p> {
    fn mount(path: &'p std::path::Path) -> Self {
        std::fs::create_dir_all(path).unwrap();
        super::servers::run(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=16m,mode=0711", "tmpfs"])
                .arg(path),
        );
        Self(path)
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.0.join("ballast")
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let mut piece = 1 << 20;
        while piece > 0 {
            if file.write_all(&vec![0; piece]).is_err() {
                piece /= 2;
            }
        }
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_leaves_letters_on_the_server_and_says_so() {
    let world = World::new();
    let state = world.path().join("state");
    let disk = SmallDisk::mount(&state);
    let desk = world.open();
    world.submit("f1@crowd.example", &report(1));
    world.settle(1);
    disk.fill();
    // A small letter, which would rest in its row, and a large one, which would become a file.
    world.submit("f2@crowd.example", &report(2));
    world.submit(
        "f3@crowd.example",
        &(report(3) + &"and more words\n".repeat(20_000)),
    );
    wait_for("the fault to show", || {
        let status = world.status();
        status["faults"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["why"].as_str().unwrap().contains("is full"))
    });
    assert_eq!(world.lying(""), 2, "what is not safe here stays there");
    assert_eq!(world.status()["letters"], 1);
    std::fs::remove_file(disk.ballast()).unwrap();
    world.settle(3);
    assert_eq!(world.github.advisories().len(), 3);
    wait_for("the inbox to empty", || world.lying("") == 0);
    assert!(world.status()["faults"].as_array().unwrap().is_empty());
    desk.stop();
}

#[test]
fn a_certificate_that_is_expired_or_anothers_is_named() {
    let world = World::new();
    let keys = world.path().join("keys");
    let config = world.config();
    let check_with = |public: &std::path::Path, secret: &std::path::Path| {
        world.write_config(&config);
        let text = std::fs::read_to_string(world.config_file()).unwrap();
        let text = text.replace(
            &keys.join("security.asc").display().to_string(),
            &public.display().to_string(),
        );
        std::fs::write(
            world.config_file(),
            text.replace(
                &keys.join("security.secret.asc").display().to_string(),
                &secret.display().to_string(),
            ),
        )
        .unwrap();
        let (code, out, err) = world.command(&["check"]);
        (code, out + &err)
    };
    let home = world.path().join("expired");
    std::fs::create_dir(&home).unwrap();
    let gpg = |arguments: &[&str]| {
        super::servers::run(
            Command::new("gpg")
                .env("GNUPGHOME", &home)
                .args(["--batch", "--quiet"])
                .args(arguments),
        )
    };
    gpg(&[
        "--faked-system-time",
        "20250101T000000",
        "--passphrase",
        "",
        "--quick-gen-key",
        "security@desk.example",
        "default",
        "default",
        "2025-06-01",
    ]);
    let (public, secret) = (home.join("public.asc"), home.join("secret.asc"));
    gpg(&["--armor", "--output", public.to_str().unwrap(), "--export"]);
    gpg(&[
        "--armor",
        "--output",
        secret.to_str().unwrap(),
        "--export-secret-keys",
    ]);
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, said) = check_with(&public, &secret);
    assert!(
        code == 1
            && said.contains("public.asc")
            && said.contains("may be expired or revoked; extend or replace it"),
        "{said}"
    );
    // Somebody else's: nobody would choose it, and we could not open what is sent to it.
    let (code, said) = check_with(
        &world.path().join("rita/security.asc"),
        &keys.join("security.secret.asc"),
    );
    assert!(
        code == 1
            && said.contains("names security@desk.example")
            && said.contains("does not hold the secret key"),
        "{said}"
    );
    // A responder's that is expired would leave them out of everything that is sealed.
    world.write_config(&config);
    let text = std::fs::read_to_string(world.config_file()).unwrap();
    std::fs::write(
        world.config_file(),
        text.replace(
            &world.path().join("rita/security.asc").display().to_string(),
            &public.display().to_string(),
        ),
    )
    .unwrap();
    let (code, out, err) = world.command(&["check"]);
    assert!(
        code != 0 && (out.clone() + &err).contains("responder Rita"),
        "{out}{err}"
    );
    // And yet it keeps nobody waiting: the desk answers, and says what is wrong.
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "e1@reporter.example")
            + "\nXSS (CWE-79) in acme 1.2. Steps:\n1. look\n"),
    );
    let desk = world.open();
    wait_for("the acknowledgement", || {
        !world.delivered("ada@reporter.example").is_empty()
    });
    wait_for("the fault", || {
        world.command(&["status"]).1.contains("responder Rita")
    });
    assert!(
        world.delivered("rita@desk.example").is_empty(),
        "no empty notice"
    );
    desk.stop();
}

/// Mail is dead in both directions that matter: nothing can be sent. Humans hear of it all the
/// same, and whoever watches the heartbeat knows that the desk lives.
#[test]
fn with_smtp_dead_humans_are_called_by_the_second_path_and_the_heart_beats() {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let path = world.path();
    let (script, called) = (path.join("page"), path.join("called"));
    std::fs::write(
        &script,
        format!("#!/bin/sh\necho \"$@\" >> {}\n", called.display()),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = path.join("heartbeat-url");
    std::fs::write(
        &url,
        format!("http://{}/ping", listener.local_addr().unwrap()),
    )
    .unwrap();
    std::fs::set_permissions(&url, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut config = world.config();
    // Nobody listens there.
    config.courier =
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"plaintext\"\n".to_owned();
    config.extra = format!(
        "[alarm]\nkind = \"command\"\ncommand = [\"{}\"]\n[heartbeat]\nurl_file = \"{}\"\n",
        script.display(),
        url.display()
    );
    world.write_config(&config);
    let stranger =
        super::people::Person::with_gpg(path, "stranger@crowd.example", &world.desk_certificate());
    let shut = stranger.gpg(
        &["--recipient", "stranger@crowd.example", "--encrypt"],
        "CANARY-SHUT",
    );
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "...", "s1@reporter.example")
            + &super::people::pgp_mime(&shut)),
    );
    let public = "\nThe CANARY vulnerability CVE-2026-12345 in acme-web 2.1.0 is already public: \
        it was posted on a forum yesterday.\n";
    world.submit(
        "ben@reporter.example",
        &(head(
            "ben@reporter.example",
            "Your bug is public",
            "s2@reporter.example",
        ) + public),
    );
    let desk = world.open();
    wait_for("the second path", || {
        std::fs::read_to_string(&called)
            .is_ok_and(|c| c.contains("already-public") && c.contains("SD-"))
    });
    wait_for("both letters", || world.status()["unread"] == 0);
    // No content; and whether a sealed letter opened is content.
    let called = std::fs::read_to_string(&called).unwrap();
    assert!(
        !called.contains("CANARY") && !called.contains("letter-shut"),
        "{called}"
    );
    let (mut stream, _) = listener.accept().unwrap();
    let mut asked = [0; 64];
    let n = stream.read(&mut asked).unwrap();
    assert!(String::from_utf8_lossy(&asked[..n]).starts_with("GET /ping"));
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    assert!(
        world.command(&["status"]).1.contains("acknowledge"),
        "status says what waits"
    );
    desk.stop();
}

#[test]
fn a_changed_config_is_taken_up_without_a_stop_and_a_wrong_one_is_not() {
    let world = World::new();
    let desk = world.open();
    let reload = || run(Command::new("kill").args(["-HUP", &desk.pid().to_string()]));
    let lines = |text: &str| world.log().matches(text).count();
    world.submit("f1@crowd.example", &report(1));
    world.settle(1);

    // A second responder is called from now on, by a desk and an opener that know them; the name in
    // answers is new.
    let ben = "[[responder]]\nname = \"Ben\"\naddress = \"ben@reporter.example\"\ncertificate = \""
        .to_owned()
        + &world.path().join("rita/security.asc").display().to_string()
        + "\"\n";
    let mut config = world.config();
    config.extra = ben;
    world.write_config(&config);
    reload();
    wait_for("the config", || lines("desk open") == 2);
    assert!(
        world.log().contains("responder[1].name: now \\\"Ben\\\"")
            && !world.log().contains("ben@reporter.example"),
        "{}",
        world.log()
    );
    world.submit("f2@crowd.example", &report(2));
    world.settle(2);
    wait_for("the new responder's call", || {
        world
            .delivered("ben@reporter.example")
            .iter()
            .any(|l| l.contains("Sealdesk: please look"))
    });

    // What is wrong is named, and the desk goes on as it was.
    for (n, wrong) in [
        "[tracker]\n",
        "[answers]\nper_day = \"many\"\n",
        "[[responder]]\nname = \"X\"\naddress = \"x@y.example\"\ncertificate = \"/nowhere\"\n",
    ]
    .into_iter()
    .enumerate()
    {
        config.extra = wrong.to_owned();
        world.write_config(&config);
        reload();
        wait_for("the word on it", || {
            lines("the desk goes on with the one before") == n + 1
        });
    }
    assert_eq!(lines("desk open"), 2);
    world.submit("f3@crowd.example", &report(3));
    // The command line reads the wrong file too: the mailbox tells.
    wait_for("the third answer", || {
        world
            .delivered("x@crowd.example")
            .iter()
            .any(|l| l.contains("In-Reply-To: <f3@crowd.example>"))
    });
    wait_for("the third call", || {
        world
            .delivered("ben@reporter.example")
            .iter()
            .filter(|l| l.contains("Sealdesk: please look"))
            .count()
            == 2
    });

    // However many reloads come at once, and whenever: it is one desk in one process.
    config.extra = String::new();
    world.write_config(&config);
    let pause = |ms| std::thread::sleep(std::time::Duration::from_millis(ms));
    for n in 0..40 {
        reload();
        pause(n * 3);
    }
    let mut opened = 0;
    wait_for("the last reload", || {
        pause(1_500);
        std::mem::replace(&mut opened, lines("desk open")) == lines("desk open")
    });
    assert_eq!(world.status()["letters"], 3);
    desk.stop();
}
