//! The desk as an operator installs it: on a machine of its own with a real systemd, from the README's quick start to an answered letter.

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
    assert!(nix::unistd::geteuid().is_root(), "a machine is booted by root: run make test as root");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(sources.join("tests/machine/boot"))
        .args([world::SEALDESK, &sources.display().to_string()])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "inside_the_machine"])
        .output()
        .expect("bash");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && log.contains("1 passed"), "{log}\n{}", String::from_utf8_lossy(&output.stderr));
    eprintln!("{log}");
}

fn systemctl(arguments: &[&str]) -> String {
    run(Command::new("systemctl").args(arguments))
}

fn sealdesk(arguments: &[&str]) -> String {
    run(Command::new("/usr/bin/sealdesk").args(arguments))
}

fn property(unit: &str, name: &str) -> String {
    systemctl(&["show", unit, "--value", "--property", name]).trim().to_owned()
}

/// The commands of the README's quick start, a line each.
fn quick_start() -> Vec<String> {
    let readme = fs::read_to_string("/opt/sealdesk/README.md").unwrap();
    let block = readme.split("<!-- quick start -->").nth(1).and_then(|rest| rest.split("```").nth(1)).expect("the README has a quick start");
    block.lines().skip(1).map(|line| line.split('#').next().unwrap().trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
#[ignore = "runs inside of the machine that the other test boots"]
fn inside_the_machine() {
    assert!(std::env::var_os("SEALDESK_MACHINE").is_some(), "this test runs in the machine that tests/machine/boot boots");
    let world = World::new();
    let w = world.path().display().to_string();

    // The quick start, word for word; what `init` would ask is said by its flags, and building is done already.
    let answers = format!(
        "--address security@desk.example --name Desk --imap localhost:{} --imap-user security --imap-password-file {w}/imap-password --smtp localhost:{} --ca-file {w}/tls/tls.crt --repository example/project --github-token-file {w}/github-token --github-url http://127.0.0.1:{} --responder rita@desk.example={w}/rita/security.asc",
        world.dovecot.imaps, world.postfix.smtps, world.github.port
    );
    for command in quick_start() {
        let command = match command.as_str() {
            "make install" => "make install CARGO=true".to_owned(),
            "sealdesk init" => format!("sealdesk init {answers}"),
            other => other.to_owned(),
        };
        eprintln!("$ {command}\n{}", run(Command::new("sh").args(["-c", &command]).current_dir("/opt/sealdesk")));
    }
    assert_eq!((property("sealdesk", "ActiveState"), property("sealdesk-opener.socket", "ActiveState")), ("active".to_owned(), "active".to_owned()));

    // A letter sealed to the key that init made is acknowledged, filed, and shown to Rita.
    let ada = Person::with_gpg(world.path(), "ada@reporter.example", Path::new("/etc/sealdesk/security.asc"));
    let rita = Person::with_key(world.path(), "rita@desk.example", &world.path().join("rita/security.secret.asc"), Path::new("/etc/sealdesk/security.asc"));
    let inner = "Content-Type: text/plain\n\nThe session cookie of acme-web 2.3.1 is CANARY-BODY.\n\nSteps to reproduce:\n1. log in\n2. look\n";
    let letter = |n: usize| {
        let name = format!("m{n}@reporter.example");
        world.submit(
            "ada@reporter.example",
            &(head("Ada <ada@reporter.example>", "...", &name) + &ada.autocrypt() + &pgp_mime(&ada.sealed("security@desk.example", inner))),
        );
    };
    let drafts = |n: usize| wait_for("the draft", 60, || world.github.advisories().len() == n);
    letter(1);
    drafts(1);
    wait_for("the acknowledgement", 60, || world.delivered("ada@reporter.example").len() == 1);
    wait_for("Rita's call", 30, || world.delivered("rita@desk.example").iter().any(|call| rita.open(call).contains("CANARY-BODY")));
    eprintln!("{}", sealdesk(&["status"]));

    // Locked down as promised.
    for (unit, at_most) in [("sealdesk.service", DESK_EXPOSURE_MAX), ("sealdesk-opener.service", OPENER_EXPOSURE_MAX)] {
        let ended = Command::new("systemd-analyze").args(["security", "--no-pager", &format!("--threshold={at_most}"), unit]).output().unwrap();
        let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
        eprintln!("{}", shown.lines().last().unwrap_or_default());
        assert!(ended.status.success(), "{unit} is more exposed than {at_most} tenths:\n{shown}");
    }
    for secret in
        ["/etc/sealdesk/keys/security.secret.asc", "/etc/sealdesk/secrets/imap-password.cred", "/run/credentials/sealdesk-opener.service/security-key"]
    {
        assert!(Path::new(secret).exists(), "{secret}");
        let read = Command::new("setpriv").args(["--reuid=sealdesk", "--regid=sealdesk", "--clear-groups", "cat", secret]).output().unwrap();
        assert!(!read.status.success() && read.stdout.is_empty(), "the desk's user reads {secret}");
    }

    // A desk that stands still is killed by the watchdog and started anew; an opener that ends is started by the next letter.
    fs::write("/etc/systemd/system/sealdesk.service.d/sooner.conf", "[Service]\nWatchdogSec=5\nRestartSec=1\n").unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["restart", "sealdesk"]);
    let send = |signal: &str, unit: &str| run(Command::new("kill").args([signal, &property(unit, "MainPID")]));
    send("-STOP", "sealdesk");
    wait_for("the watchdog", 60, || property("sealdesk", "NRestarts") == "1" && property("sealdesk", "ActiveState") == "active");
    send("-KILL", "sealdesk-opener");
    letter(2);
    wait_for("the letter after both", 60, || world.delivered("rita@desk.example").len() >= 2);

    // A wrong config ends the reload, and neither the desk nor the opener.
    let config = fs::read_to_string("/etc/sealdesk/sealdesk.toml").unwrap();
    let opener = property("sealdesk-opener", "MainPID");
    fs::write("/etc/sealdesk/sealdesk.toml", format!("{config}[nonsense]\n")).unwrap();
    assert!(!Command::new("systemctl").args(["reload", "sealdesk"]).output().unwrap().status.success());
    assert_eq!((property("sealdesk", "ActiveState"), property("sealdesk-opener", "MainPID")), ("active".to_owned(), opener));

    // A changed config is taken up by a reload, with the opener that must know it too.
    fs::write("/etc/sealdesk/sealdesk.toml", config.replace("name = \"Desk\"", "name = \"The Desk\"")).unwrap();
    let before = property("sealdesk", "MainPID");
    systemctl(&["reload", "sealdesk"]);
    let log = || run(Command::new("journalctl").args(["--unit=sealdesk", "--no-pager", "--output=cat"]));
    wait_for("the reload", 30, || log().contains("desk.name: \\\"Desk\\\" is now \\\"The Desk\\\""));
    letter(3);
    wait_for("the letter after it", 60, || world.delivered("rita@desk.example").len() >= 3);
    assert_eq!(property("sealdesk", "MainPID"), before);

    // It stops in time, cleanly.
    let begun = std::time::Instant::now();
    systemctl(&["stop", "sealdesk"]);
    assert!(begun.elapsed().as_secs() < 10 && property("sealdesk", "Result") == "success", "{}", property("sealdesk", "Result"));
    eprintln!("{}", run(Command::new("journalctl").args(["--unit=sealdesk", "--unit=sealdesk-opener", "--no-pager", "--output=cat"])));
}
