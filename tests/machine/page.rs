//! The page for responders under systemd: its process has no network, and is reached all the same;
//! the desk's socket has the page's group, although the desk can give no file away.

use super::people::Person;
use super::servers::{run, wait_for};
use super::world::World;
use super::{property, systemctl};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Exposure as `systemd-analyze security` reckons it, in tenths.
const EXPOSURE_MAX: u32 = 6;

/// What curl says to this request, head and body.
fn curl(path: &str, cookie: &str, form: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", "--max-time", "20"])
        .args(["--header", "Sec-Fetch-Site: same-origin"])
        .args(["--header", &format!("Cookie: {cookie}")]);
    for field in form {
        curl.args(["--data-urlencode", field]);
    }
    run(curl.arg(format!("http://localhost:8093{path}")))
}

/// The cookie of this name that an answer sets.
fn cookie(answer: &str, name: &str) -> String {
    let of = format!("set-cookie: {name}=");
    let line = answer.lines().find(|line| line.starts_with(&of));
    let line = line.unwrap_or_else(|| panic!("{name}: {answer}"));
    let pair = &line["set-cookie: ".len()..];
    pair.split(';').next().unwrap().to_owned()
}

/// Switches the page on as the guide says, and signs Rita in.
pub fn is_served(world: &World, rita: &Person) {
    let mut config = fs::OpenOptions::new()
        .append(true)
        .open("/etc/sealdesk/sealdesk.toml")
        .unwrap();
    let section = "\n[page]\nurl = \"http://localhost:8093\"\nsocket = \
                   \"/run/sealdesk-page/desk.sock\"\n";
    config.write_all(section.as_bytes()).unwrap();
    systemctl(&["restart", "sealdesk-opener", "sealdesk"]);
    systemctl(&["enable", "--now", "--quiet", "sealdesk-page.socket"]);

    let asked = curl("/sign-in", "", &["name=rita@desk.example"]);
    assert!(asked.starts_with("HTTP/1.1 303"), "{asked}");
    let waiting = cookie(&asked, "__Host-asked");
    let mut code = None;
    wait_for("the letter to sign in", || {
        let letters = world.delivered("rita@desk.example");
        let mut opened = letters.iter().map(|letter| rita.open(letter));
        let theirs = opened.rfind(|text| text.contains("asked to sign in"));
        code = theirs.and_then(|text| {
            let mut lines = text.lines().map(str::trim);
            let is_code = |line: &&str| line.len() == 9 && line.as_bytes()[4] == b'-';
            lines.find(is_code).map(str::to_owned)
        });
        code.is_some()
    });
    let code = format!("code={}", code.unwrap());
    let signed_in = curl("/sign-in/code", &waiting, &[&code]);
    assert!(signed_in.starts_with("HTTP/1.1 303"), "{signed_in}");
    let session = cookie(&signed_in, "__Host-session");
    let queue = curl("/", &session, &[]);
    assert!(
        queue.contains("200 OK") && queue.contains("<h1>Queue</h1>"),
        "{queue}"
    );

    let socket = fs::metadata("/run/sealdesk-page/desk.sock").unwrap();
    let page = nix::unistd::Group::from_name("sealdesk-page")
        .unwrap()
        .unwrap();
    assert_eq!(
        (socket.mode() & 0o777, socket.gid()),
        (0o660, page.gid.as_raw())
    );
    assert_eq!(property("sealdesk-page", "User"), "sealdesk-page");
    assert_eq!(property("sealdesk-page", "PrivateNetwork"), "yes");
    let ended = Command::new("systemd-analyze")
        .args(["security", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_MAX}"))
        .arg("sealdesk-page.service")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{shown}");
    eprintln!("{}", shown.lines().last().unwrap_or_default());
    // The page's user reads neither key nor secret nor store.
    for file in [
        "/etc/sealdesk/keys/security.secret.asc",
        "/etc/sealdesk/secrets/imap-password.cred",
        "/var/lib/sealdesk/desk.sqlite",
        "/var/lib/sealdesk/desk.secret",
        "/var/lib/sealdesk/command.sock",
    ] {
        let user = [
            "--reuid=sealdesk-page",
            "--regid=sealdesk-page",
            "--clear-groups",
        ];
        let read = Command::new("setpriv")
            .args(user)
            .args(["test", "-r", file])
            .status();
        assert!(!read.unwrap().success(), "{file}");
    }
}
