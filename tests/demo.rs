//! The demo, as a new user meets it: every kind handled, files left to look at, nothing told in
//! clear.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn read_all(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.path().is_file() {
                found.push((
                    entry.path().display().to_string(),
                    fs::read(entry.path()).unwrap(),
                ));
            }
        }
    }
    found
}

#[test]
fn the_demo_settles_and_leaves_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let output = Command::new(env!("CARGO_BIN_EXE_sealdesk"))
        .args(["demo", "--once", "--dir"])
        .arg(&dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for word in [
        "report",
        "key-request",
        "follow-up",
        "auto-reply",
        "dsn",
        "disclosure-notice",
        "stays shut",
        "our certificate was sent",
    ] {
        assert!(said.contains(word), "{word} is missing from {said}");
    }
    let count = |sub: &str, end: &str| {
        fs::read_dir(dir.join(sub))
            .unwrap()
            .flatten()
            .filter(|e| e.file_name().to_string_lossy().ends_with(end))
            .count()
    };
    assert_eq!(
        count("outgoing", ".eml")
            - fs::read_dir(dir.join("outgoing"))
                .unwrap()
                .flatten()
                .filter(|e| e.file_name().to_string_lossy().starts_with("call"))
                .count(),
        6,
        "five acknowledgements and one certificate"
    );
    assert_eq!((count("tracker", ".md"), count("tracker", ".json")), (4, 4));
    assert_eq!(fs::read_dir(dir.join("Maildir/new")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(dir.join("Maildir/cur")).unwrap().count(), 10);
    // Nothing of a letter rests or leaves in clear, whether it came sealed or not.
    for needle in [
        "traversal",
        "poc.py",
        "acme-web",
        "/etc/passwd",
        "member list",
        "debug logging",
    ] {
        for (path, octets) in read_all(&dir.join("state"))
            .into_iter()
            .chain(read_all(&dir.join("outgoing")))
        {
            assert!(
                !octets.windows(needle.len()).any(|w| w == needle.as_bytes()),
                "{path} tells {needle:?}"
            );
        }
    }
    // Once more on the same folder: nothing happens twice.
    let again = Command::new(env!("CARGO_BIN_EXE_sealdesk"))
        .args(["demo", "--once", "--dir"])
        .arg(&dir)
        .output()
        .unwrap();
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(
        (
            count("tracker", ".md"),
            fs::read_dir(dir.join("Maildir/cur")).unwrap().count()
        ),
        (4, 10)
    );
}

#[test]
fn strace_sees_no_file_and_no_socket_once_the_jail_is_shut() {
    let folder = tempfile::tempdir().unwrap();
    let sealdesk = env!("CARGO_BIN_EXE_sealdesk");
    let keys = folder.path().join("keys");
    assert!(
        Command::new(sealdesk)
            .args(["key", "new", "--address", "security@desk.example", "--out"])
            .arg(&keys)
            .output()
            .unwrap()
            .status
            .success()
    );
    let letter = folder.path().join("letter.eml");
    fs::write(&letter, "From: a@b.example\nSubject: s\n\nhello\n").unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-ff", "-o"])
        .arg(&trace)
        .args([sealdesk, "open", "--key"])
        .arg(keys.join("security.secret.asc"))
        .arg(&letter)
        .output();
    let traced = traced.expect("strace is not installed: run make setup");
    assert!(
        traced.status.success(),
        "{}",
        String::from_utf8_lossy(&traced.stderr)
    );
    let mut jails = 0;
    for entry in fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with("trace."))
    {
        let text = fs::read_to_string(entry.path()).unwrap();
        let Some(shut) = text.find("seccomp(SECCOMP_SET_MODE_FILTER") else {
            continue;
        };
        jails += 1;
        for line in text[shut..].lines() {
            for call in [
                "open(", "openat(", "openat2(", "socket(", "connect(", "bind(", "execve(",
                "unlink(", "stat(",
            ] {
                assert!(!line.starts_with(call), "after the jail was shut: {line}");
            }
        }
    }
    assert_eq!(jails, 3, "keyholder, zygote and reader are jailed");
}

/// Whoever tries the page signs in as Rita, by the letter that the demo opens for them.
#[test]
fn the_demo_shows_the_page_and_the_letter_that_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_sealdesk"))
        .args(["demo", "--page", "--dir"])
        .arg(folder.path().join("demo"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut next = |word: &str| {
        let found = lines.find_map(|line| line.ok().filter(|line| line.contains(word)));
        found.unwrap_or_else(|| panic!("{word} is never said"))
    };
    let said = next("http://localhost:");
    let url = &said[said.find("http://").unwrap()..];
    let url = url.split_whitespace().next().unwrap();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let post = |path: &str, body: String, cookie: &str| {
        let request = client
            .post(format!("{url}{path}"))
            .header("origin", url)
            .header("cookie", cookie)
            .body(body);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime.block_on(request.send()).unwrap();
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let asked = post("/sign-in", "name=rita@demo.example".to_owned(), "");
    next("/sign-in/link?ticket=");
    next("type this code");
    let code = next("-");
    let session = post("/sign-in/code", format!("code={}", code.trim()), &asked);
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(session.starts_with("__Host-session="), "{session}");
}
