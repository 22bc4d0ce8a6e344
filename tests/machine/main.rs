//! The desk as an operator installs it: on a machine of its own with a real systemd, from the
//! README's quick start to an answered letter.

#[path = "../desk/asking.rs"]
mod asking;
mod page;
#[path = "../desk/people.rs"]
#[allow(dead_code, reason = "shared with the whole-desk tests")]
mod people;
#[path = "../desk/servers.rs"]
#[allow(dead_code, reason = "shared with the whole-desk tests")]
mod servers;
#[path = "../desk/world.rs"]
#[allow(dead_code, reason = "shared with the whole-desk tests")]
mod world;

use people::{Person, head, pgp_mime};
use servers::{run, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;
use world::World;

/// Exposure as `systemd-analyze security` reckons it, in tenths.
const DESK_EXPOSURE_MAX: u32 = 13;
const OPENER_EXPOSURE_MAX: u32 = 6;

#[test]
fn the_quick_start_ends_with_an_answered_letter_under_systemd() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "a machine is booted by root: run make test as root"
    );
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    package(sources);
    let output = Command::new(sources.join("tests/machine/boot"))
        .args([world::SEALDESK, &sources.display().to_string()])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "inside_the_machine"])
        .output()
        .expect("bash");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && log.contains("1 passed"),
        "{log}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    eprintln!("{log}");
}

/// The Debian package of this build, which lintian must accept, and the same under an older
/// version.
fn package(sources: &Path) {
    eprintln!(
        "{}",
        run(Command::new(sources.join("scripts/package")).arg("debug"))
    );
    let folder = sources.join("target/package");
    let new = format!(
        "sealdesk_{}-1_{}.deb",
        env!("CARGO_PKG_VERSION"),
        run(Command::new("dpkg").arg("--print-architecture")).trim()
    );
    // The binary of a test is no release: it is large, and asks for no hardening that Debian's
    // compilers would give.
    let linted = Command::new("lintian")
        .args(["--fail-on", "error,warning", "--allow-root"])
        .arg(folder.join(&new))
        .output()
        .expect("lintian");
    assert!(
        linted.status.success(),
        "{}{}",
        String::from_utf8_lossy(&linted.stdout),
        String::from_utf8_lossy(&linted.stderr)
    );
    let script = format!(
        "rm -rf tree && dpkg-deb --raw-extract {new} tree && sed -i 's/^Version: .*/Version: \
         0.0.9-1/' tree/DEBIAN/control && dpkg-deb --build -Znone tree older.deb && cp {new} \
         newer.deb && rm -rf tree"
    );
    run(Command::new("sh")
        .args(["-c", &script])
        .current_dir(&folder));
}

fn systemctl(arguments: &[&str]) -> String {
    run(Command::new("systemctl").args(arguments))
}

fn sealdesk(arguments: &[&str]) -> String {
    run(Command::new("/usr/bin/sealdesk").args(arguments))
}

fn property(unit: &str, name: &str) -> String {
    systemctl(&["show", unit, "--value", "--property", name])
        .trim()
        .to_owned()
}

/// The commands of the README's quick start, a line each.
fn quick_start() -> Vec<String> {
    let readme = fs::read_to_string("/opt/sealdesk/README.md").unwrap();
    let block = readme
        .split("<!-- quick start -->")
        .nth(1)
        .and_then(|rest| rest.split("```").nth(1))
        .expect("the README has a quick start");
    block
        .lines()
        .skip(1)
        .map(|line| line.split('#').next().unwrap().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
#[ignore = "runs inside of the machine that the other test boots"]
fn inside_the_machine() {
    assert!(
        std::env::var_os("SEALDESK_MACHINE").is_some(),
        "this test runs in the machine that tests/machine/boot boots"
    );
    let world = World::new();
    let w = world.path().display().to_string();

    // The quick start, word for word; what `init` would ask is said by its flags, and building is
    // done already.
    let answers = format!(
        "--address security@desk.example --name Desk --imap localhost:{} --imap-user security \
         --imap-password-file {w}/imap-password --smtp localhost:{} --ca-file {w}/tls/tls.crt \
         --repository example/project --github-token-file {w}/github-token --github-url \
         http://127.0.0.1:{} --responder rita@desk.example={w}/rita/security.asc",
        world.dovecot.imaps, world.postfix.smtps, world.github.port
    );
    for command in quick_start() {
        let command = match command.as_str() {
            "make install" => "make install CARGO=true".to_owned(),
            "sealdesk init" => format!("sealdesk init {answers}"),
            other => other.to_owned(),
        };
        eprintln!(
            "$ {command}\n{}",
            run(Command::new("sh")
                .args(["-c", &command])
                .current_dir("/opt/sealdesk"))
        );
    }
    assert_eq!(
        (
            property("sealdesk", "ActiveState"),
            property("sealdesk-opener.socket", "ActiveState")
        ),
        ("active".to_owned(), "active".to_owned())
    );

    // A letter sealed to the key that init made is acknowledged, filed, and shown to Rita.
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        Path::new("/etc/sealdesk/security.asc"),
    );
    let rita = Person::with_key(
        world.path(),
        "rita@desk.example",
        &world.path().join("rita/security.secret.asc"),
        Path::new("/etc/sealdesk/security.asc"),
    );
    let inner = "Content-Type: text/plain\n\nThe session cookie of acme-web 2.3.1 is \
        CANARY-BODY.\n\nSteps to reproduce:\n1. log in\n2. look\n";
    let letter = |n: usize| {
        let name = format!("m{n}@reporter.example");
        world.submit(
            "ada@reporter.example",
            &(head("Ada <ada@reporter.example>", "...", &name)
                + &ada.autocrypt()
                + &pgp_mime(&ada.sealed("security@desk.example", inner))),
        );
    };
    let drafts = |n: usize| wait_for("the draft", || world.github.advisories().len() == n);
    letter(1);
    drafts(1);
    wait_for("the acknowledgement", || {
        world.delivered("ada@reporter.example").len() == 1
    });
    wait_for("Rita's call", || {
        world
            .delivered("rita@desk.example")
            .iter()
            .any(|call| rita.open(call).contains("CANARY-BODY"))
    });
    eprintln!("{}", sealdesk(&["status"]));
    // Both logs name the letter by one number; to journald each field goes under its own name.
    let of_letter = |unit: &str, filter: &str| {
        run(Command::new("journalctl").args([
            &format!("--unit={unit}"),
            "--no-pager",
            "--output=cat",
            filter,
        ]))
    };
    assert!(of_letter("sealdesk", "SEALDESK_INTAKE=6").contains("letter read intake=6"));
    assert!(of_letter("sealdesk-opener", "--grep=reader done intake=6").contains("intake=6"));

    // Locked down as promised.
    for (unit, at_most) in [
        ("sealdesk.service", DESK_EXPOSURE_MAX),
        ("sealdesk-opener.service", OPENER_EXPOSURE_MAX),
    ] {
        let ended = Command::new("systemd-analyze")
            .args([
                "security",
                "--no-pager",
                &format!("--threshold={at_most}"),
                unit,
            ])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
        eprintln!("{}", shown.lines().last().unwrap_or_default());
        assert!(
            ended.status.success(),
            "{unit} is more exposed than {at_most} tenths:\n{shown}"
        );
    }
    // What a letter makes of them, the machine goes on.
    for (unit, memory_octets, tasks) in [
        ("sealdesk", 2u64 << 30, 1024),
        ("sealdesk-opener", 4 << 30, 16),
    ] {
        assert_eq!(property(unit, "MemoryMax"), memory_octets.to_string());
        assert_eq!(property(unit, "TasksMax"), tasks.to_string());
    }
    for secret in [
        "/etc/sealdesk/keys/security.secret.asc",
        "/etc/sealdesk/secrets/imap-password.cred",
        "/run/credentials/sealdesk-opener.service/security-key",
    ] {
        assert!(Path::new(secret).exists(), "{secret}");
        let read = Command::new("setpriv")
            .args([
                "--reuid=sealdesk",
                "--regid=sealdesk",
                "--clear-groups",
                "cat",
                secret,
            ])
            .output()
            .unwrap();
        assert!(
            !read.status.success() && read.stdout.is_empty(),
            "the desk's user reads {secret}"
        );
    }

    page::is_served(&world, &rita);

    // A desk that stands still is killed by the watchdog and started anew; an opener that ends is
    // started by the next letter.
    fs::write(
        "/etc/systemd/system/sealdesk.service.d/sooner.conf",
        "[Service]\nWatchdogSec=5\nRestartSec=1\n",
    )
    .unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["restart", "sealdesk"]);
    let send = |signal: &str, unit: &str| {
        run(Command::new("kill").args([signal, &property(unit, "MainPID")]))
    };
    send("-STOP", "sealdesk");
    wait_for("the watchdog", || {
        property("sealdesk", "NRestarts") == "1" && property("sealdesk", "ActiveState") == "active"
    });
    send("-KILL", "sealdesk-opener");
    letter(2);
    wait_for("the letter after both", || {
        world.delivered("rita@desk.example").len() >= 2
    });

    // A wrong config ends the reload, and neither the desk nor the opener.
    let config = fs::read_to_string("/etc/sealdesk/sealdesk.toml").unwrap();
    let opener = property("sealdesk-opener", "MainPID");
    fs::write(
        "/etc/sealdesk/sealdesk.toml",
        format!("{config}[nonsense]\n"),
    )
    .unwrap();
    assert!(
        !Command::new("systemctl")
            .args(["reload", "sealdesk"])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(
        (
            property("sealdesk", "ActiveState"),
            property("sealdesk-opener", "MainPID")
        ),
        ("active".to_owned(), opener)
    );

    // A changed config is taken up by a reload, with the opener that must know it too.
    fs::write(
        "/etc/sealdesk/sealdesk.toml",
        config.replace("name = \"Desk\"", "name = \"The Desk\""),
    )
    .unwrap();
    let before = property("sealdesk", "MainPID");
    systemctl(&["reload", "sealdesk"]);
    let log =
        || run(Command::new("journalctl").args(["--unit=sealdesk", "--no-pager", "--output=cat"]));
    wait_for("the reload", || {
        log().contains("desk.name: \\\"Desk\\\" is now \\\"The Desk\\\"")
    });
    letter(3);
    wait_for("the letter after it", || {
        world.delivered("rita@desk.example").len() >= 3
    });
    assert_eq!(property("sealdesk", "MainPID"), before);

    rotated(&world, &ada, &rita);
    upgraded_kept_and_purged(&world);
    eprintln!(
        "{}",
        run(Command::new("journalctl").args([
            "--unit=sealdesk",
            "--unit=sealdesk-opener",
            "--no-pager",
            "--output=cat"
        ]))
    );
}

/// The successor of the key, as docs/src/custody.md says it: both keys sealed for this machine, and
/// both of them open.
fn rotated(world: &World, ada: &Person, rita: &Person) {
    let sh = |script: &str| {
        run(Command::new("sh")
            .args(["-ec", script])
            .current_dir("/etc/sealdesk/keys"))
    };
    sh("sealdesk key rotate security.secret.asc --out 2027
        install -m 644 2027/security.asc /etc/sealdesk/security-2027.asc
        systemd-creds encrypt --with-key=host --name=security-key security.secret.asc security-key.cred
        systemd-creds encrypt --with-key=host --name=security-key-2027 2027/security.secret.asc security-key-2027.cred
        mkdir -p /etc/systemd/system/sealdesk-opener.service.d
        printf '[Service]\\nLoadCredential=\\nLoadCredential=storage-key:/etc/sealdesk/keys/storage.secret.asc\\nLoadCredentialEncrypted=security-key:/etc/sealdesk/keys/security-key.cred\\nLoadCredentialEncrypted=security-key-2027:/etc/sealdesk/keys/security-key-2027.cred\\n' > /etc/systemd/system/sealdesk-opener.service.d/custody.conf
        rm security.secret.asc 2027/security.secret.asc
        sed -i -e 's#^certificates = \\[#&\"/etc/sealdesk/security-2027.asc\", #' -e 's#^secret_keys = \\[#&\"${CREDENTIALS_DIRECTORY}/security-key-2027\", #' /etc/sealdesk/sealdesk.toml
        systemctl daemon-reload
        systemctl restart sealdesk-opener sealdesk
        sealdesk key publish --out /etc/sealdesk/publish");
    let status = sealdesk(&["status"]);
    let fingerprint = |file: &str| {
        sealdesk(&["key", "inspect", file])
            .lines()
            .find_map(|line| {
                line.trim()
                    .strip_prefix("fingerprint")
                    .map(|f| f.trim().to_owned())
            })
            .unwrap()
    };
    for file in [
        "/etc/sealdesk/security.asc",
        "/etc/sealdesk/security-2027.asc",
    ] {
        assert!(
            status.contains(&fingerprint(file)),
            "{file} is not held:\n{status}"
        );
    }
    // Who has the new one writes to it, who has not writes to the old one; what Rita is told is
    // signed by the new one.
    for person in [ada, rita] {
        person.gpg(&["--import", "/etc/sealdesk/security-2027.asc"], "");
    }
    for (file, word) in [
        ("/etc/sealdesk/security-2027.asc", "TO-THE-NEW-KEY"),
        ("/etc/sealdesk/security.asc", "TO-THE-OLD-KEY"),
    ] {
        let letter = head(
            "Ada <ada@reporter.example>",
            "...",
            &format!("{word}@reporter.example"),
        ) + &pgp_mime(&ada.sealed(
            &fingerprint(file),
            &format!("Content-Type: text/plain\n\n{word} acme-web 2.3.1\n"),
        ));
        world.submit("ada@reporter.example", &letter);
        wait_for(word, || {
            world
                .delivered("rita@desk.example")
                .iter()
                .any(|call| rita.open(call).contains(word))
        });
    }
}

/// Packages over what `make install` left, an upgrade under a running desk, a backup by the timer's
/// unit, the drill of restoring it, and the end.
fn upgraded_kept_and_purged(world: &World) {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/package");
    let dpkg = |arguments: &[&str]| {
        eprintln!(
            "{}",
            run(Command::new("dpkg")
                .args(arguments)
                .current_dir(&packages)
                .env("DEBIAN_FRONTEND", "noninteractive"))
        )
    };
    let cases = || sealdesk(&["case", "list", "--all", "--json"]);
    dpkg(&["--install", "older.deb"]);
    wait_for("the desk under the package", || {
        property("sealdesk", "ActiveState") == "active"
    });
    let (before, pid) = (cases(), property("sealdesk", "MainPID"));
    dpkg(&["--install", "newer.deb"]);
    wait_for("the desk after the upgrade", || {
        property("sealdesk", "ActiveState") == "active" && property("sealdesk", "MainPID") != pid
    });
    assert_eq!(cases(), before, "an upgrade keeps every case");
    for page in [
        "/usr/share/man/man1/sealdesk.1.gz",
        "/usr/share/bash-completion/completions/sealdesk",
        "/usr/share/doc/sealdesk/copyright",
    ] {
        assert!(Path::new(page).exists(), "{page}");
    }

    // The night's backup: by its unit, as it is locked down.
    systemctl(&["start", "sealdesk-backup.service"]);
    let backups = || -> Vec<_> {
        fs::read_dir("/var/backups/sealdesk")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    };
    let kept = backups().pop().expect("a backup");
    let shown = Command::new("systemd-analyze")
        .args(["security", "--no-pager", "sealdesk-backup.service"])
        .output()
        .unwrap();
    eprintln!(
        "{}",
        String::from_utf8_lossy(&shown.stdout)
            .lines()
            .last()
            .unwrap_or_default()
    );

    // The machine burns down; keys and config were kept elsewhere.
    let begun = std::time::Instant::now();
    systemctl(&["stop", "sealdesk"]);
    assert!(
        begun.elapsed().as_secs() < 30 && property("sealdesk", "Result") == "success",
        "{}",
        property("sealdesk", "Result")
    );
    // A desk that is closed is kept too: by a process of its user, since root follows nothing in
    // that folder.
    std::thread::sleep(std::time::Duration::from_secs(1));
    systemctl(&["start", "sealdesk-backup.service"]);
    assert_eq!(backups().len(), 2);
    fs::remove_dir_all("/var/lib/sealdesk").unwrap();
    run(Command::new("systemd-tmpfiles").args(["--create", "sealdesk.conf"]));
    let restored = sealdesk(&["restore", &kept.display().to_string()]);
    assert!(restored.contains("is restored"), "{restored}");
    systemctl(&["start", "sealdesk"]);
    assert_eq!(cases(), before, "what was restored is what was kept");
    let drafts = world.github.advisories().len();

    // Removed and purged, the program is gone; keys and reports are not.
    dpkg(&["--purge", "sealdesk"]);
    for gone in [
        "/usr/bin/sealdesk",
        "/usr/lib/systemd/system/sealdesk.service",
        "/etc/systemd/system/sealdesk.service.d/credentials.conf",
    ] {
        assert!(!Path::new(gone).exists(), "{gone}");
    }
    for kept in [
        "/etc/sealdesk/keys/security-key.cred",
        "/var/lib/sealdesk/desk.sqlite",
        &kept.display().to_string(),
    ] {
        assert!(Path::new(kept).exists(), "{kept}");
    }
    assert_eq!(world.github.advisories().len(), drafts);
}
