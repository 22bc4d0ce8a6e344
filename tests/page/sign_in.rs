//! Who gets in, and who does not?

use crate::world::World;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

#[test]
fn a_letter_signs_in_once_and_only_in_the_browser_that_asked() {
    let world = World::started();
    let mut browser = world.browser();
    // Nothing is shown to who is not signed in.
    assert_eq!(browser.get("/").location(), "/sign-in");
    for path in ["/health", "/case/SD-AAAAAAAAAA", "/?late=1"] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.text.contains("You are not signed in"));
    }
    let asked = browser.post("/sign-in", &[("name", " Rita@desk.example ")]);
    assert_eq!((asked.status, asked.location()), (303, "/sign-in/asked"));
    let cookie = asked.header("set-cookie");
    for word in [
        "__Host-asked=",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/",
    ] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let words = browser.get("/sign-in/asked");
    let ticket = world.sign_in_letter("rita", 1);
    assert!(words.text.contains(&ticket.words), "{}", words.text);
    // From outside it is a call like all others.
    let letter = world.letters_to("rita@desk.example").remove(0);
    assert!(letter.contains("Subject: Sealdesk: please look"));
    assert!(!letter.contains("Sign in") && letter.contains("Auto-Submitted: auto-generated"));

    // Scanners open links: it changes nothing, and takes no cookie.
    let mut other = world.browser();
    for _ in 0..3 {
        let opened = other.get(&ticket.path);
        assert!(opened.status == 200 && opened.text.contains("Sign in in this browser"));
        assert_eq!(opened.header("set-cookie"), "");
    }
    let field = ticket.path.split_once("ticket=").unwrap().1;
    let elsewhere = other.post("/sign-in/link", &[("ticket", field)]);
    assert_eq!(elsewhere.status, 403);
    assert!(elsewhere.text.contains("does not sign you in") && other.cookies.is_empty());
    other.post("/sign-in", &[("name", "nobody@desk.example")]);
    assert_eq!(
        other.post("/sign-in/link", &[("ticket", field)]).status,
        403
    );
    assert_eq!(
        other
            .post("/sign-in/code", &[("code", &ticket.code)])
            .status,
        403
    );

    let signed_in = browser.post("/sign-in/link", &[("ticket", field)]);
    assert_eq!((signed_in.status, signed_in.location()), (303, "/"));
    assert!(!browser.cookies.contains_key("__Host-asked"));
    let queue = browser.get("/");
    assert!(
        queue.status == 200 && queue.text.contains("The rita"),
        "{}",
        queue.text
    );
    // Twice: neither link nor code.
    let mut again = world.browser();
    again.cookies = browser.cookies.clone();
    assert_eq!(
        again.post("/sign-in/link", &[("ticket", field)]).status,
        403
    );
    assert_eq!(
        again
            .post("/sign-in/code", &[("code", &ticket.code)])
            .status,
        403
    );

    // Signed out, the same cookie is worth nothing.
    let session = browser.cookies.clone();
    let out = browser.post("/sign-out", &[]);
    assert_eq!((out.status, out.location()), (303, "/sign-in"));
    assert_eq!(out.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(!browser.cookies.contains_key("__Host-session"));
    browser.cookies = session;
    assert_eq!(browser.get("/health").status, 401);
    // The log names who, and no word of a letter.
    let log = world.log();
    assert!(
        log.contains("responder rita") && !log.contains(field),
        "{log}"
    );
    assert!(
        !log.contains(&ticket.words) && !log.contains("rita@desk.example"),
        "{log}"
    );
}

#[test]
fn a_code_is_typed_where_it_was_asked_for_and_guessed_in_vain() {
    let world = World::started();
    let mut browser = world.browser();
    browser.post("/sign-in", &[("name", "rita")]);
    let ticket = world.sign_in_letter("rita", 1);
    let wrong = browser.post("/sign-in/code", &[("code", "0000-0000")]);
    assert!(
        wrong.status == 403 && wrong.text.contains(&ticket.words),
        "{}",
        wrong.text
    );
    let typed = ticket.code.to_lowercase().replace('-', " ");
    let signed_in = browser.post("/sign-in/code", &[("code", &typed)]);
    assert_eq!((signed_in.status, signed_in.location()), (303, "/"));

    let mut guessing = world.browser();
    guessing.post("/sign-in", &[("name", "rita")]);
    let ticket = world.sign_in_letter("rita", 2);
    for n in 0..5 {
        let code = format!("0000-000{n}");
        assert_eq!(
            guessing.post("/sign-in/code", &[("code", &code)]).status,
            403
        );
    }
    let right = guessing.post("/sign-in/code", &[("code", &ticket.code)]);
    assert_eq!(right.status, 403, "five guesses are all");

    // Strangers use up their share; a browser that is known has its own.
    for _ in 0..4 {
        world
            .browser()
            .post("/sign-in", &[("name", "rita@desk.example")]);
    }
    world.sign_in_letter("rita", 5);
    browser.cookies.retain(|name, _| name == "__Host-browser");
    browser.post("/sign-in", &[("name", "rita@desk.example")]);
    world.sign_in_letter("rita", 6);
}

#[test]
fn nobody_learns_who_may_sign_in() {
    let world = World::started();
    let names = [
        "rita@desk.example",
        "nobody@desk.example",
        "rosa",
        "",
        "a b\u{202e}<>",
    ];
    let mut shapes = Vec::new();
    for name in names {
        let mut browser = world.browser();
        let asked = browser.post("/sign-in", &[("name", name)]);
        let cookie = asked.header("set-cookie").len();
        let page = browser.get("/sign-in/asked");
        let words = page.text.split("class=\"words\">").nth(1).unwrap();
        let words = &words[..words.find('<').unwrap()];
        let text = page.text.replace(words, "WORDS");
        let wrong = browser.post("/sign-in/code", &[("code", "0000-0000")]);
        let wrong = (wrong.status, wrong.text.replace(words, "WORDS"));
        shapes.push((
            asked.status,
            asked.location().to_owned(),
            cookie,
            page.status,
            text,
            wrong,
        ));
    }
    assert!(
        shapes.windows(2).all(|pair| pair[0] == pair[1]),
        "{shapes:#?}"
    );

    // One after the other, so that the machine's load is the same for both.
    let mut times: [Vec<Duration>; 2] = Default::default();
    let mut browser = world.browser();
    for _ in 0..60 {
        for (n, name) in ["rita@desk.example", "rite@desk.example"]
            .iter()
            .enumerate()
        {
            let start = Instant::now();
            browser.post("/sign-in", &[("name", name)]);
            times[n].push(start.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut all| {
        all.sort();
        all[all.len() / 2]
    });
    let apart = known.abs_diff(unknown);
    assert!(
        apart < Duration::from_millis(2) || apart < known / 2,
        "{known:?} {unknown:?}"
    );
    world.sign_in_letter("rita", 5);
    assert!(
        world.letters_to("rosa@desk.example").is_empty(),
        "page = \"none\""
    );
}

#[test]
fn a_session_ends_with_the_right_to_it() {
    let world = World::started();
    let mut rita = world.signed_in("rita", 1);
    assert_eq!(rita.get("/health").status, 200);
    world.configure(&[("rita", "none"), ("ron", "read")]);
    world.reload();
    assert_eq!(rita.get("/health").status, 401);
    let mut browser = world.browser();
    browser.post("/sign-in", &[("name", "rita@desk.example")]);
    let mut ron = world.signed_in("ron", 1);
    assert_eq!(ron.get("/health").status, 200);
    let checked = world.sealdesk(&["check"]);
    assert!(
        checked.contains("answers as the page does, cookies and policy whole"),
        "{checked}"
    );
    assert_eq!(
        world.letters_to("rita@desk.example").len(),
        1,
        "none after the reload"
    );
    // A desk that is down says so, and nothing of a case stays on the page.
    let mut world = world;
    world.stop_desk();
    let down = ron.get("/health");
    assert_eq!(down.status, 503);
    assert!(
        down.text.contains("The desk does not answer"),
        "{}",
        down.text
    );
}

#[test]
fn what_another_site_sends_is_refused_and_every_answer_forbids_it() {
    let world = World::started();
    let mut rita = world.signed_in("rita", 1);
    let own = format!("http://localhost:{}", world.port);
    for (field, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = rita.request("POST", "/sign-out").header(field, value);
        assert_eq!(rita.send(request).status, 403, "{field}: {value}");
    }
    let request = rita.request("POST", "/sign-out");
    assert_eq!(rita.send(request).status, 403, "says nothing");
    let request = rita
        .request("POST", "/sign-out")
        .header("origin", own)
        .header("sec-fetch-site", "cross-site");
    assert_eq!(rita.send(request).status, 403);
    let request = rita.request("GET", "/").header("host", "evil.example");
    assert_eq!(rita.send(request).status, 421);
    for path in [
        "/",
        "/sign-in",
        "/style.css",
        "/script.js",
        "/icon.svg",
        "/nowhere",
        "/health",
    ] {
        let answer = rita.get(path);
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        let is_static = path.contains('.');
        assert_eq!(
            answer.header("cache-control") == "no-store",
            !is_static,
            "{path}"
        );
    }
    assert_eq!(rita.get("/health").status, 200, "still signed in");
    let request = rita.request("PUT", "/");
    assert_eq!(rita.send(request).status, 405);
}

/// What the desk says to these octets on its socket for the page.
fn said(world: &World, octets: &[u8]) -> String {
    let mut stream = UnixStream::connect(world.socket()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // It may close before it took all of them.
    let _ = stream.write_all(octets);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_page_that_lies_gets_nothing_from_the_desk() {
    let world = World::started();
    let mode = std::fs::metadata(world.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    let health = r#"{"session":{"session":"SESSION","ask":{"ask":"health"}}}"#;
    let huge = format!("{{\"session\":{{\"session\":\"{}", "x".repeat(2 << 20));
    let deep = "[".repeat(100_000);
    for lie in [
        &b""[..],
        b"\0\xff\xfe",
        b"{}",
        b"null",
        deep.as_bytes(),
        huge.as_bytes(),
        // What the other sockets take is nothing here.
        br#"{"ask":"status"}"#,
        br#"{"ask":"case-list"}"#,
        br#"{"session":{"session":"x","ask":{"ask":"purge","id":"SD-AAAAAAAAAA"}}}"#,
        br#"{"sign-in":{"step":"ask","name":"rita","browser":null,"session":"mine"}}"#,
    ] {
        let answer = said(&world, lie);
        assert!(
            answer.is_empty() || answer.contains("malformed"),
            "{answer}"
        );
    }
    for session in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        let answer = said(&world, health.replace("SESSION", session).as_bytes());
        assert!(answer.contains("signed-out"), "{answer}");
        assert!(!answer.contains("\"name\""), "{answer}");
    }
    // Whoever connects and says nothing holds up nobody else for long.
    let silent: Vec<UnixStream> = (0..20)
        .map(|_| UnixStream::connect(world.socket()).unwrap())
        .collect();
    let mut rita = world.browser();
    let start = Instant::now();
    rita.post("/sign-in", &[("name", "rita@desk.example")]);
    assert!(start.elapsed() < Duration::from_secs(30));
    drop(silent);
    world.sign_in_letter("rita", 1);
    let mut rita = world.signed_in("rita", 2);
    assert_eq!(rita.get("/health").status, 200);
    assert!(world.sealdesk(&["status"]).contains("cases"));
}
