//! Does each screen show what it should in each state, and does each form act once?

use crate::world::{Answer, Browser, World, quoted_printable, until};

/// Markup and tricks in every field that a stranger writes.
pub const HOSTILE: &str = "From: \"<img src=x onerror=alert(1)>\" <eve@evil.example>\n\
    To: security@desk.example\nMessage-ID: <hostile@evil.example>\n\
    Subject: =?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E_=E2=80=AEgnp.exe?=\n\
    MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
    <script>alert(document.cookie)</script>\n\
    \"><svg/onload=alert(2)> {{ 7*7 }} {% raw %} javascript:alert(3)\n\
    https://evil.example/track?me\n\
    turned \u{202e}around\u{202c} and hid\u{200b}den, acme 1.2 has an XSS (CWE-79)\n\
    > one\n> two\n> three\n> four\n> five\n\
    \n--b\nContent-Type: image/svg+xml\n\
    Content-Disposition: attachment; filename=\"a<b>\u{202e}.svg\"\n\n\
    <svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(4)</script></svg>\n--b--\n";

pub fn plain(n: usize) -> String {
    format!(
        "From: Ada <ada@desk.example>\nTo: security@desk.example\nMessage-ID: \
         <plain{n}@desk.example>\nAuthentication-Results: mx.desk.example; dmarc=pass \
         header.from=desk.example\nSubject: Path traversal in acme-web 2.3.{n}\n\nacme-web 2.3.{n} \
         lets anybody read /etc/passwd by a request for ../../etc/passwd. All versions before \
         2.4.{n} are affected. CVSS 7.5.\n"
    )
}

/// What she writes there.
const OVERFLOW: &str =
    "Content-Type: text/plain\n\nThe parser of acme-core 4.1 overflows (CWE-787).\n";

/// A report that Ada signed and encrypted.
fn sealed(world: &World, words: &str) -> String {
    let text = world.path().join("text");
    std::fs::write(&text, words).unwrap();
    let sealed = world.gpg(&[
        "--armor",
        "--sign",
        "--local-user",
        "ada@desk.example",
        "--recipient",
        "security@desk.example",
        "--encrypt",
        "--output",
        "-",
        text.to_str().unwrap(),
    ]);
    let armored = String::from_utf8(sealed.stdout).unwrap();
    format!(
        "From: Ada <ada@desk.example>\nTo: security@desk.example\nMessage-ID: \
         <sealed@desk.example>\nAuthentication-Results: mx.desk.example; dmarc=pass \
         header.from=desk.example\nSubject: ...\nMIME-Version: 1.0\nContent-Type: \
         multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
         boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: \
         1\n\n--b\nContent-Type: application/octet-stream\n\n{armored}\n--b--\n"
    )
}

/// What holds for every screen: it names itself, is whole, and holds no code.
fn check(answer: &Answer, status: u16, words: &[&str]) {
    let text = &answer.text;
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    for word in words {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(text.contains("<h1>") && text.ends_with("</html>"), "{text}");
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    let handlers = [
        " onerror=",
        "onload=",
        " style=",
        "javascript:",
        "<svg",
        "<img",
    ];
    for handler in handlers {
        let escaped = text.replace("&lt;svg/onload=alert(2)&gt;", "");
        let escaped = escaped.replace("} javascript:alert(3)", "");
        let escaped = escaped.replace("&lt;img src=x onerror=alert(1)&gt;", "");
        assert!(!escaped.contains(handler), "{handler} in {text}");
    }
    for link in text.split("href=\"").skip(1) {
        let to = &link[..link.find('"').unwrap()];
        assert!(to.is_empty() || to.starts_with(['/', '#']), "{to}");
    }
}

pub fn id_with<'c>(world: &World, ids: &'c [String], word: &str) -> &'c str {
    let found = ids
        .iter()
        .find(|id| world.case(id)["summary"].to_string().contains(word));
    found.unwrap_or_else(|| panic!("{word}"))
}

/// The fields that a form of this screen carries.
fn act(answer: &Answer) -> [(String, String); 2] {
    ["once", "seen"].map(|name| (name.to_owned(), answer.field(name)))
}

fn command(browser: &mut Browser, id: &str, shown: &Answer, fields: &[(&str, &str)]) -> Answer {
    let acts = act(shown);
    let mut all: Vec<(&str, &str)> = acts.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    all.extend(fields);
    browser.post(&format!("/case/{id}/command"), &all)
}

#[test]
fn every_screen_shows_its_state() {
    let world = World::started();
    let mut rita = world.signed_in("rita", 1);
    check(
        &rita.get("/"),
        200,
        &["No case is open", "0 cases, page 1 of 1"],
    );
    check(&rita.get("/?late=1"), 200, &["No case fits"]);
    world.letter("plain", &plain(1));
    world.letter("sealed", &sealed(&world, OVERFLOW));
    world.letter("hostile", HOSTILE);
    let ids = world.cases(3);
    let (path, core) = (
        id_with(&world, &ids, "traversal"),
        id_with(&world, &ids, "overflows"),
    );
    let hostile = id_with(&world, &ids, "script");

    let queue = rita.get("/");
    check(
        &queue,
        200,
        &[
            "Due next",
            "Path traversal",
            path,
            core,
            hostile,
            "fix team",
            "in 23 h",
        ],
    );
    // A reader takes marks of direction out of a subject.
    let subject = "&lt;script&gt;alert(1)&lt;/script&gt; gnp.exe";
    assert!(queue.text.contains(subject), "{}", queue.text);
    assert!(queue.text.len() < 50_000);
    for (query, fits) in [
        ("/?whose=mine", false),
        ("/?whose=nobodys", true),
        ("/?product=ACME-WEB", true),
        ("/?product=other", false),
        ("/?kind=report", true),
        ("/?kind=sales", false),
        ("/?closed=1", false),
        ("/?page=9", false),
    ] {
        let shown = rita.get(query);
        check(&shown, 200, &[]);
        assert_eq!(shown.text.contains(path), fits, "{query}: {}", shown.text);
    }

    let case = rita.get(&format!("/case/{path}"));
    check(
        &case,
        200,
        &[
            "Path traversal in acme-web 2.3.1",
            "What was reported",
            "rests on",
            "acme-web",
            "Sent in clear",
            "not signed",
            "Notes of the team",
            "Deadlines",
            "newest first",
            "opened the case",
            "Reply to the reporter",
            "I take care of it",
        ],
    );
    let title = &case.text[case.text.find("<title>").unwrap()..case.text.find("</title>").unwrap()];
    assert!(
        title.contains(path) && !title.contains("traversal"),
        "{title}"
    );
    check(
        &rita.get(&format!("/case/{core}")),
        200,
        &["Encrypted; signed by", "overflows"],
    );
    let found = rita.get(&format!("/case?id={}", path.to_lowercase()));
    assert_eq!(
        (found.status, found.location()),
        (303, format!("/case/{path}").as_str())
    );

    // Words of strangers are text: nothing is hidden, shown as markup, or a link.
    let evil = rita.get(&format!("/case/{hostile}"));
    check(
        &evil,
        200,
        &[
            "&lt;script&gt;alert(document.cookie)&lt;/script&gt;",
            "turned [U+202E]around[U+202C]",
            "hid[U+200B]den",
            "{{ 7*7 }} {% raw %}",
            "https://evil.example/track?me",
            "5 quoted lines",
            "image/svg+xml",
            "SHA-256",
        ],
    );
    let number = world.case(hostile)["read"][0]["intake"].to_string();
    let letter = rita.get(&format!("/case/{hostile}/letter/{number}"));
    check(
        &letter,
        200,
        &["[U+202E]around", "encrypted to you", "Download"],
    );
    let file = rita.post(
        &format!("/case/{hostile}/letter/{number}/file"),
        &[("n", "0")],
    );
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert!(
        file.header("content-disposition")
            .starts_with("attachment; filename=\"a")
    );
    assert!(
        file.header("content-security-policy")
            .starts_with("sandbox;")
    );
    assert!(file.text.contains("<script>alert(4)</script>"));
    let opened = rita.get(&format!("/case/{hostile}/letter/{number}/sealed"));
    assert_eq!(opened.header("content-type"), "application/octet-stream");
    let armored = world.path().join("letter.asc");
    std::fs::write(&armored, &opened.text).unwrap();
    let opened = world.gpg(&["--decrypt", armored.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&opened.stdout).contains("alert(document.cookie)"));

    check(
        &rita.get("/health"),
        200,
        &["Nothing is wrong", "Open cases", "Keys that the opener"],
    );
    // What is wrong with a question is said in a sentence, and how to go on.
    for (address, status, words) in [
        (
            "/case/SD-AAAAAAAAAA".to_owned(),
            404,
            "There is no case SD-AAAAAAAAAA",
        ),
        ("/case/nonsense".to_owned(), 400, "A case is written SD-"),
        (format!("/case/{path}/letter/999"), 404, "has no letter 999"),
        (
            format!("/case/{path}/letter/{number}"),
            404,
            "has no letter",
        ),
        (
            format!("/case/{path}/letter/x"),
            400,
            "A letter has a number",
        ),
        ("/nowhere".to_owned(), 404, "Nothing is found"),
        ("/sign-in/link".to_owned(), 400, "not a whole link"),
        (
            "/sign-in/link?ticket=%22%3E%3Cb".to_owned(),
            400,
            "not a whole link",
        ),
    ] {
        check(&rita.get(&address), status, &[words]);
    }
    let long = "x".repeat(600 * 1024);
    check(
        &rita.post(&format!("/case/{path}/preview"), &[("text", &long)]),
        413,
        &["too long"],
    );
    check(
        &rita.post(&format!("/case/{path}/command"), &[("verb", "purge")]),
        400,
        &["no such"],
    );
    let half = rita.post(
        &format!("/case/{path}/command"),
        &[("verb", "line"), ("line", "file")],
    );
    check(&half, 400, &["not whole"]);

    // Without the opener ids, clocks and states stand, and it says so.
    world.take_opener_away();
    let shut = until("the opener ends", || {
        let shut = rita_get(&rita, &world, "/");
        shut.text.contains("cannot be opened now").then_some(shut)
    });
    check(
        &shut,
        200,
        &[
            "Something is wrong with the desk",
            "opener",
            path,
            "fix team",
        ],
    );
    let case = rita.get(&format!("/case/{path}"));
    check(
        &case,
        200,
        &[
            "Not all of it can be opened now",
            path,
            "Deadlines",
            "opened the case",
        ],
    );
    assert!(!case.text.contains("passwd"));
    check(
        &rita.get(&format!("/case/{path}/reply")),
        503,
        &["cannot do that now"],
    );
    check(&rita.get("/health"), 200, &["The opener does not answer"]);
}

/// Another look in the same session, for a closure that is called again and again.
fn rita_get(rita: &Browser, world: &World, path: &str) -> Answer {
    let mut browser = world.browser();
    browser.cookies = rita.cookies.clone();
    browser.get(path)
}

#[test]
fn commands_act_once_and_not_over_somebody_elses_head() {
    let world = World::started();
    world.letter("plain", &plain(1));
    let id = world.cases(1).remove(0);
    let mut rita = world.signed_in("rita", 1);
    let case = rita.get(&format!("/case/{id}"));
    let note = [
        ("verb", "note"),
        ("text", "SD-AAAAAAAAAA it's \u{201c}odd\u{201d}\n<b>2</b>"),
    ];
    let done = command(&mut rita, &id, &case, &note);
    check(&done, 200, &["Done"]);
    // The same form once more, as by a double press.
    check(&command(&mut rita, &id, &case, &note), 200, &["Done"]);
    let record = world.case(&id);
    let notes = record["dossier"]["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(notes[0]["by"], "responder rita, by page");
    assert_eq!(
        notes[0]["text"],
        "SD-AAAAAAAAAA it's \u{201c}odd\u{201d}\n<b>2</b>"
    );

    // Somebody else acted meanwhile: it is shown first, and the form can be sent again.
    let other = world.sealdesk(&["case", "assign", &id, "ron"]);
    assert!(other.contains("ron"), "{other}");
    let stale = command(
        &mut rita,
        &id,
        &case,
        &[("verb", "assign"), ("who", "--rita")],
    );
    check(
        &stale,
        409,
        &[
            "Something happened meanwhile",
            "The case was assigned",
            "assign --",
        ],
    );
    assert_eq!(world.case(&id)["assignee"], "ron");
    let line = stale.field("line");
    let again = command(&mut rita, &id, &stale, &[("verb", "line"), ("line", &line)]);
    check(&again, 200, &["Done"]);
    assert_eq!(world.case(&id)["assignee"], "--rita");

    // The grammar of letters: help, what is misunderstood, and what the state forbids.
    let case = rita.get(&format!("/case/{id}"));
    check(
        &case,
        200,
        &["&lt;b&gt;2&lt;/b&gt;", "responder rita, by page", "--rita"],
    );
    for (line, status, words) in [
        ("help", 200, "How it is written"),
        ("frobnicate", 422, "Nothing was changed"),
        ("reopen", 422, "Nothing was changed"),
        ("lane sideways", 422, "normal"),
        ("assign \"rita", 422, "not closed"),
        ("file SD-AAAAAAAAAA", 422, "it names"),
    ] {
        let case = rita.get(&format!("/case/{id}"));
        let answer = command(&mut rita, &id, &case, &[("verb", "line"), ("line", line)]);
        check(&answer, status, &[words]);
    }
    for fields in [
        &[
            ("verb", "lane"),
            ("lane", "asap"),
            ("why", "it's \"public\""),
        ][..],
        &[("verb", "reach"), ("step", "fix-team"), ("at", "")],
        &[
            ("verb", "link"),
            ("what", "fix"),
            ("to", "https://forge.example/1"),
        ],
        &[
            ("verb", "release-date"),
            ("day", "2031-01-07"),
            ("despite", "1"),
        ],
        &[("verb", "wait"), ("why", "upstream")],
        &[("verb", "line"), ("line", "go-on")],
        &[("verb", "close"), ("why", "rejected"), ("note", "no")],
        &[("verb", "reopen"), ("why", "yes")],
    ] {
        let case = rita.get(&format!("/case/{id}"));
        let answer = command(&mut rita, &id, &case, fields);
        assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text);
        check(&answer, 200, &["Done"]);
    }

    // Who may only read sees the same, has no form, and is refused.
    let mut ron = world.signed_in("ron", 1);
    let case = ron.get(&format!("/case/{id}"));
    check(
        &case,
        200,
        &["You may read here", "Path traversal", "(may read)"],
    );
    assert!(!case.text.contains("/command"));
    let fields = [
        ("once", "a"),
        ("seen", "99"),
        ("verb", "line"),
        ("line", "close spam"),
    ];
    let refused = ron.post(&format!("/case/{id}/command"), &fields);
    check(&refused, 403, &["You may only read here", "close spam"]);
    let fields = [("once", "a"), ("seen", "99"), ("text", "words")];
    check(
        &ron.post(&format!("/case/{id}/send"), &fields),
        403,
        &["words"],
    );
    assert_ne!(world.case(&id)["standing"]["state"], "closed");
}

#[test]
fn a_reply_is_shown_as_it_leaves_and_leaves_once() {
    let world = World::started();
    world.letter("sealed", &sealed(&world, OVERFLOW));
    world.letter("plain", &plain(1));
    let ids = world.cases(2);
    let (core, path) = (
        id_with(&world, &ids, "overflows"),
        id_with(&world, &ids, "traversal"),
    );
    let mut rita = world.signed_in("rita", 1);
    // Of whoever wrote encrypted no certificate is known: the words would wait.
    let write = rita.get(&format!("/case/{core}/reply"));
    check(&write, 200, &["ada@desk.example", "they are asked for it"]);

    let words = "Thank you.\n<b>It's</b> \u{201e}fixed\u{201c} in 2.4.\n";
    let write = rita.get(&format!("/case/{path}/reply"));
    check(
        &write,
        200,
        &["ada@desk.example", "IN CLEAR", "Nothing is sent yet"],
    );
    let empty = rita.post(&format!("/case/{path}/preview"), &[("text", " \r\n")]);
    check(&empty, 200, &["There is nothing to send yet"]);
    let typed = words.replace('\n', "\r\n");
    let preview = rita.post(&format!("/case/{path}/preview"), &[("text", &typed)]);
    check(
        &preview,
        200,
        &[
            "This would leave",
            path,
            "&lt;b&gt;It&#39;s&lt;/b&gt;",
            "in clear",
        ],
    );
    let change = [("text", typed.as_str()), ("again", "1")];
    let again = rita.post(&format!("/case/{path}/preview"), &change);
    check(
        &again,
        200,
        &["Thank you.\n&lt;b&gt;It&#39;s", "Show what would leave"],
    );
    assert!(
        world
            .letters_to("ada@desk.example")
            .iter()
            .all(|l| !l.contains("2.4."))
    );

    // The session ends before it is sent: the words are not lost.
    let (once, seen) = (preview.field("once"), preview.field("seen"));
    let way = preview.field("way");
    let fields = [
        ("once", once.as_str()),
        ("seen", seen.as_str()),
        ("way", way.as_str()),
        ("text", words),
    ];
    let mut over = world.browser();
    let kept = over.post(&format!("/case/{path}/send"), &fields);
    check(
        &kept,
        401,
        &[
            "You are not signed in",
            "&lt;b&gt;It&#39;s&lt;/b&gt;",
            "Go on with it",
        ],
    );

    let seen_before = world.case(path)["journal"].as_array().unwrap().len();
    assert_eq!(seen, seen_before.to_string());
    for _ in 0..2 {
        let sent = rita.post(&format!("/case/{path}/send"), &fields);
        check(&sent, 200, &["Done", "on its way"]);
    }
    let letters = until("the reply", || {
        let all = world.letters_to("ada@desk.example");
        let replies: Vec<String> = all.into_iter().filter(|l| l.contains("2.4.")).collect();
        (!replies.is_empty()).then_some(replies)
    });
    assert_eq!(letters.len(), 1);
    // What was shown is what left.
    let body = &preview.text[preview.text.find("class=\"leaves\">").unwrap() + 15..];
    let body = body[..body.find("</pre>").unwrap()]
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let first = body.replace("&#39;", "'").replace("&quot;", "\"");
    let left = quoted_printable(&letters[0]).replace('\r', "");
    assert!(left.contains(first.trim_end()), "{first} in {left}");
    let case = until("the journal", || {
        let case = rita_get(&rita, &world, &format!("/case/{path}"));
        case.text
            .contains("The reporter was answered")
            .then_some(case)
    });
    check(
        &case,
        200,
        &["A reply was handed to the desk, by responder rita, by page"],
    );
    // A reply that the desk refuses is not lost.
    let now = world.case(path)["journal"].as_array().unwrap().len();
    let now = now.to_string();
    let long = format!("{}<i>the end", "x".repeat(130 * 1024));
    let fields = [
        ("once", "long"),
        ("seen", now.as_str()),
        ("way", way.as_str()),
        ("text", long.as_str()),
    ];
    let refused = rita.post(&format!("/case/{path}/send"), &fields);
    let words = ["longer than", "xxx&lt;i&gt;the end", "Change them"];
    check(&refused, 422, &words);
    // Another reply of somebody who has not seen that one.
    let other = [
        ("once", "another"),
        ("seen", seen.as_str()),
        ("text", "Second thoughts"),
    ];
    let changed = rita.post(&format!("/case/{path}/send"), &other);
    check(
        &changed,
        409,
        &[
            "The reporter was answered",
            "Second thoughts",
            "all the same",
        ],
    );
}

/// A letter that encloses the certificate by which it is signed is answered encrypted to it.
#[test]
fn who_is_known_gets_a_reply_that_only_they_open() {
    let world = World::started();
    let certificate = std::fs::read_to_string(world.path().join("ada.asc")).unwrap();
    let words = format!(
        "Content-Type: multipart/mixed; boundary=i\n\n--i\n{OVERFLOW}\n--i\nContent-Type: \
         application/pgp-keys\nContent-Disposition: attachment; \
         filename=ada.asc\n\n{certificate}\n--i--\n"
    );
    world.letter("sealed", &sealed(&world, &words));
    let id = world.cases(1).remove(0);
    let mut rita = world.signed_in("rita", 1);
    let write = rita.get(&format!("/case/{id}/reply"));
    let how = "encrypted to their certificate";
    check(&write, 200, &["ada@desk.example", how, "class=\"good\""]);
    let words = "Only Ada reads this.";
    let preview = rita.post(&format!("/case/{id}/preview"), &[("text", words)]);
    check(&preview, 200, &[how, words]);
    assert!(!preview.text.contains("in clear"), "{}", preview.text);
    let (once, seen) = (preview.field("once"), preview.field("seen"));
    let way = preview.field("way");
    let fields = [
        ("once", once.as_str()),
        ("seen", seen.as_str()),
        ("way", way.as_str()),
        ("text", words),
    ];
    // Another form, by which it would leave in clear: the desk compares.
    let clear = way.replace("encrypted", "clear");
    let mut otherwise = fields;
    (otherwise[0].1, otherwise[2].1) = ("other", &clear);
    check(
        &rita.post(&format!("/case/{id}/send"), &otherwise),
        422,
        &["as it was shown", words],
    );
    check(
        &rita.post(&format!("/case/{id}/send"), &fields),
        200,
        &["Done"],
    );
    let opened = until("the reply", || {
        let all = world.letters_to("ada@desk.example");
        let sealed = all.into_iter().filter(|l| l.contains("BEGIN PGP MESSAGE"));
        let opened: Vec<String> = sealed.map(|letter| world.decrypted(&letter)).collect();
        opened.into_iter().find(|text| text.contains(words))
    });
    assert!(opened.contains(&id), "{opened}");
    assert!(
        world
            .letters_to("ada@desk.example")
            .iter()
            .all(|l| !l.contains(words))
    );
}
