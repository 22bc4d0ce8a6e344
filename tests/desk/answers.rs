//! The correspondence of the desk: what a reporter, a responder and a machine get, as their
//! programs show it.

use super::people::{PROVEN, Person, RnpPerson, head, pgp_mime, webmail};
use super::servers::wait_for;
use super::world::{SEALDESK, World};
use std::fs;
use std::process::Command;

fn one(world: &World, address: &str) -> String {
    wait_for(&format!("a letter to {address}"), || {
        !world.delivered(address).is_empty()
    });
    world.delivered(address).swap_remove(0)
}

fn case_with<'c>(
    cases: &'c serde_json::Value,
    key: &str,
    value: &serde_json::Value,
) -> &'c serde_json::Value {
    cases
        .as_array()
        .unwrap()
        .iter()
        .find(|c| &c[key] == value)
        .unwrap_or_else(|| panic!("no case with {key} = {value}: {cases:#}"))
}

#[test]
fn a_responder_answers_by_mail_and_by_command_and_the_reporter_can_read_it() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let rita = Person::with_key(
        world.path(),
        "rita@desk.example",
        &world.path().join("rita/security.secret.asc"),
        &world.desk_certificate(),
    );
    let desk = world.open();
    let inner = "Subject: CANARY-SUBJECT\nContent-Type: text/plain; \
        protected-headers=\"v1\"\n\nThe session cookie of acme-web 2.3.1 is CANARY-BODY.\n\nSteps \
        to reproduce:\n1. log in\n2. look\n";
    let sent = head("Ada <ada@reporter.example>", "...", "r1@reporter.example")
        + &ada.autocrypt()
        + &pgp_mime(&ada.sealed("security@desk.example", inner));
    world.submit("ada@reporter.example", &sent);
    world.settle(1);

    // The acknowledgement: dates, receipt, and the digest that Ada can compute from her own copy.
    let acknowledgement = ada.open(&one(&world, "ada@reporter.example"));
    let copy = world.path().join("sent.eml");
    fs::write(&copy, &sent).unwrap();
    let digest = Command::new(SEALDESK)
        .args(["open", "--digest"])
        .arg(&copy)
        .output()
        .unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap();
    assert_eq!(digest.trim().len(), 64, "{digest}");
    assert!(
        acknowledgement.contains(digest.trim())
            && acknowledgement.contains("<r1@reporter.example>"),
        "{acknowledgement}"
    );
    assert!(
        acknowledgement.contains("we aim to have a fix, in private")
            && !acknowledgement.contains("CANARY"),
        "{acknowledgement}"
    );

    // Rita's call holds the report, and a token.
    let raw_call = one(&world, "rita@desk.example");
    let field = |name: &str| -> String {
        let line = raw_call.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} {raw_call}"))
            .trim()
            .to_owned()
    };
    let call_id = field("Message-ID:");
    assert_eq!(
        field("References:"),
        field("In-Reply-To:"),
        "calls of a case are one thread"
    );
    assert!(!raw_call.contains("\nReply-To: "), "{raw_call}");
    let call = rita.open(&raw_call);
    assert!(
        call.contains("CANARY-BODY")
            && call.contains("CANARY-SUBJECT")
            && call.contains("Reply-Token: "),
        "{call}"
    );
    let token: String = call
        .split("Reply-Token: ")
        .nth(1)
        .unwrap()
        .chars()
        .take(32)
        .collect();
    let cases = world.json(&["case", "list", "--json"]);
    let id = cases[0]["id"].as_str().unwrap().to_owned();

    // Her answer, signed and sealed, goes to Ada as the team's; the quotation below does not.
    let words = |text: &str, token: &str| {
        format!(
            "To: security@desk.example\nContent-Type: text/plain; \
             protected-headers=\"v1\"\n\n{text}\n\nOn Mon, 23 Nov 2026, Desk wrote:\n> \
             CANARY-QUOTE\n> Reply-Token: {token}\n"
        )
    };
    // She presses Reply: to the address that the desk's certificate names.
    let answer = |id_: &str, armored: &str| {
        head("Rita <rita@desk.example>", "Re: Sealdesk: please look", id_)
            + &format!("In-Reply-To: {call_id}\n")
            + &pgp_mime(armored)
    };
    let address = "security@desk.example";
    let good = rita.sealed(
        "security@desk.example",
        &words("Thank you, Ada. Fixed in 2.3.2.", &token),
    );
    world.postfix.submit(
        "rita@desk.example",
        address,
        &answer("a1@desk.example", &good),
    );
    world.settle(2);
    wait_for("the reply", || {
        world.delivered("ada@reporter.example").len() == 2
    });
    let reply = world
        .delivered("ada@reporter.example")
        .into_iter()
        .find(|l| l.contains("Subject: Re: Your mail to"))
        .expect("the reply");
    assert!(
        !reply.contains("Auto-Submitted"),
        "a human wrote it: {reply}"
    );
    let reply = ada.open(&reply);
    assert!(
        reply.contains("Fixed in 2.3.2.") && !reply.contains("CANARY") && !reply.contains("rita@"),
        "{reply}"
    );

    // The same token again, an unsigned letter, and one in clear are refused, and Rita hears of it.
    let before = world.delivered("rita@desk.example").len();
    let again = rita.sealed("security@desk.example", &words("Once more.", &token));
    let unsigned = rita.gpg(
        &["--recipient", "security@desk.example", "--encrypt"],
        &words("Unsigned.", &token),
    );
    world.postfix.submit(
        "rita@desk.example",
        address,
        &answer("a2@desk.example", &again),
    );
    world.postfix.submit(
        "rita@desk.example",
        address,
        &answer("a3@desk.example", &unsigned),
    );
    world.postfix.submit(
        "rita@desk.example",
        &format!("security+{id}@desk.example"),
        &(head("rita@desk.example", "Re", "a4@desk.example")
            .replace("To: security@", &format!("To: security+{id}@"))
            + &words("In clear.", &token)),
    );
    world.settle(5);
    wait_for("a refusal", || {
        world.delivered("rita@desk.example").len() > before
    });
    assert_eq!(
        world.delivered("ada@reporter.example").len(),
        2,
        "none of them reached Ada"
    );

    // By command, from a file.
    let file = world.path().join("reply.txt");
    fs::write(&file, "By command: the release is on Thursday.\n").unwrap();
    for _ in 0..2 {
        let (code, _, err) =
            world.command(&["case", "reply", &id, "--file", file.to_str().unwrap()]);
        assert_eq!(code, 0, "{err}");
    }
    wait_for("the second reply", || {
        world.delivered("ada@reporter.example").len() == 3
    });
    world.settle(5);
    assert_eq!(
        world.delivered("ada@reporter.example").len(),
        3,
        "said twice, it leaves once"
    );
    let journal = world.json(&["case", "show", &id, "--json"])["journal"].to_string();
    assert_eq!(journal.matches("reply refused").count(), 3, "{journal}");
    assert!(
        journal.contains("reply sent") && !journal.contains("release is on Thursday"),
        "{journal}"
    );
    desk.stop();
}

/// What a responder signed for a colleague, and somebody sealed anew to the desk, does not leave as
/// the team's.
#[test]
fn a_reply_that_may_be_meant_for_somebody_else_is_put_back_to_its_writer() {
    let world = World::new();
    let rita = Person::with_key(
        world.path(),
        "rita@desk.example",
        &world.path().join("rita/security.secret.asc"),
        &world.desk_certificate(),
    );
    let desk = world.open();
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "p1@reporter.example")
            + "\nThere is an XSS in acme 1.2.\n"),
    );
    world.settle(1);
    let id = world.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = |call: &str| -> String {
        call.split("Reply-Token: ")
            .nth(1)
            .unwrap()
            .chars()
            .take(32)
            .collect()
    };
    let send = |n: i64, text: &str, token: &str| {
        let inner = format!(
            "Content-Type: text/plain\n\n{text}\n\nOn Mon, 23 Nov 2026, Desk wrote:\n> \
             Reply-Token: {token}\n"
        );
        let letter = head(
            "Rita <rita@desk.example>",
            "Re",
            &format!("p{n}@desk.example"),
        )
        .replace("To: security@", &format!("To: security+{id}@"))
            + &pgp_mime(&rita.sealed("security@desk.example", &inner));
        world.postfix.submit(
            "rita@desk.example",
            &format!("security+{id}@desk.example"),
            &letter,
        );
        world.settle(n);
    };
    send(
        2,
        "CANARY: Ada is a nuisance.",
        &token(&rita.open(&one(&world, "rita@desk.example"))),
    );
    let held = || {
        world
            .delivered("rita@desk.example")
            .iter()
            .map(|letter| rita.open(letter))
            .find(|letter| letter.contains("was held back"))
    };
    wait_for("what was put back", || held().is_some());
    let held = held().unwrap();
    assert!(held.contains("CANARY: Ada is a nuisance."), "{held}");
    send(
        3,
        "/to security@desk.example\n\nThank you, Ada.",
        &token(&held),
    );
    wait_for("the reply", || {
        world
            .delivered("ada@reporter.example")
            .iter()
            .any(|letter| letter.contains("Thank you, Ada."))
    });
    assert!(
        world
            .delivered("ada@reporter.example")
            .iter()
            .all(|letter| !letter.contains("CANARY") && !letter.contains("/to"))
    );
    desk.stop();
}

#[test]
fn a_responder_commands_by_a_signed_letter() {
    let world = World::new();
    let rita = Person::with_key(
        world.path(),
        "rita@desk.example",
        &world.path().join("rita/security.secret.asc"),
        &world.desk_certificate(),
    );
    let desk = world.open();
    let report = "\nThere is an XSS in acme 1.2.\n\nSteps to reproduce:\n1. open it\n2. look\n";
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "w1@reporter.example") + report),
    );
    world.settle(1);
    let id = world.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = |call: &str| -> String {
        call.split("Reply-Token: ")
            .nth(1)
            .unwrap()
            .chars()
            .take(32)
            .collect()
    };
    let send = |n: i64, text: &str, token: &str| {
        let inner = format!(
            "To: security@desk.example\nContent-Type: text/plain; charset=utf-8; \
             protected-headers=\"v1\"\n\n{text}\n\nOn Mon, 23 Nov 2026, Desk wrote:\n> \
             Reply-Token: {token}\n"
        );
        let letter = head(
            "Rita <rita@desk.example>",
            "Re: Sealdesk: please look",
            &format!("c{n}@desk.example"),
        ) + &pgp_mime(&rita.sealed("security@desk.example", &inner));
        // Nothing outside says what it answers: her signature and the token do.
        let address = "security@desk.example";
        world.postfix.submit("rita@desk.example", address, &letter);
        world.settle(n + 1);
    };
    let told = |sentence: &str| -> String {
        let found = || {
            world
                .delivered("rita@desk.example")
                .into_iter()
                .map(|letter| rita.open(&letter))
                .find(|letter| letter.contains(sentence))
        };
        wait_for(sentence, || found().is_some());
        found().unwrap()
    };

    // Commands, one of them broken by a mail program that also made it pretty, and words for Ada.
    let call = rita.open(&one(&world, "rita@desk.example"));
    assert!(call.contains("/help"), "{call}");
    let first = token(&call);
    let said = "/assign rita\n/set \u{2014}severity high --cwe\nCWE-79\n\n/note Don't touch the \
        \u{201c}old\u{201d} branch\n\n/reply\nThank you, Ada. We look at it.";
    send(1, said, &first);
    let taken = told("The commands of your letter were carried out");
    assert!(
        taken.contains("/assign rita")
            && taken.contains(&format!("{id} is rita's"))
            && !taken.contains("NOT DONE"),
        "{taken}"
    );
    wait_for("the reply", || {
        world
            .delivered("ada@reporter.example")
            .iter()
            .any(|l| l.contains("We look at it."))
    });
    assert!(
        !world
            .delivered("ada@reporter.example")
            .iter()
            .any(|l| l.contains("/assign") || l.contains("branch"))
    );
    let shown = world.json(&["case", "show", &id, "--json"]).to_string();
    for part in [
        "Don't touch the \u{201c}old\u{201d} branch",
        "CWE-79",
        "\"high\"",
        ", by letter",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    // The token is spent; a letter with one command that is not understood does nothing at all.
    send(2, "/close rejected", &first);
    send(
        3,
        "/asign ben\n/close rejected\n/reply\nGoodbye, Ada.",
        &token(&taken),
    );
    let refused = told("Not everything that your letter says");
    assert!(
        refused.contains("unrecognized subcommand 'asign'")
            && refused.contains("Your words were not sent to the reporter"),
        "{refused}"
    );
    assert!(
        refused.contains("another command of this letter was not understood"),
        "{refused}"
    );
    assert!(
        !world
            .delivered("ada@reporter.example")
            .iter()
            .any(|l| l.contains("Goodbye"))
    );
    // A footer below commands is nobody's word.
    send(4, "/assign ben\n\nSent from my telephone", &token(&refused));
    let told = told("went nowhere");
    assert!(told.contains(&format!("{id} is ben's")), "{told}");
    assert!(
        !world
            .delivered("ada@reporter.example")
            .iter()
            .any(|l| l.contains("telephone"))
    );
    assert_eq!(
        world
            .json(&["case", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        1,
        "the case is open still"
    );
    desk.stop();
}

#[test]
fn what_came_sealed_is_not_answered_in_clear() {
    let world = World::new();
    let ben = Person::with_gpg(
        world.path(),
        "ben@reporter.example",
        &world.desk_certificate(),
    );
    let desk = world.open();
    let sealed = ben.gpg(
        &["--recipient", "security@desk.example", "--encrypt"],
        "Content-Type: text/plain\n\nThe CANARY-BODY leaks in 1.2.\nSteps:\n1. x\n",
    );
    world.submit(
        "ben@reporter.example",
        &(head("ben@reporter.example", "...", "b1@reporter.example") + &pgp_mime(&sealed)),
    );
    world.settle(1);
    let id = world.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = world.path().join("reply.txt");
    fs::write(&file, "CANARY-REPLY\n").unwrap();
    let (code, said, err) =
        world.command(&["case", "reply", &id, "--file", file.to_str().unwrap()]);
    assert!(
        code == 0 && said.contains("Your words wait, sealed"),
        "{said}{err}"
    );
    wait_for("the question for their certificate", || {
        world
            .delivered("ben@reporter.example")
            .iter()
            .any(|l| l.contains("need your public key for it"))
    });
    for letter in world.delivered("ben@reporter.example") {
        assert!(!letter.contains("CANARY"), "{letter}");
    }
    // They send it; the words that waited for it go out sealed.
    world.submit(
        "ben@reporter.example",
        &(head(
            "ben@reporter.example",
            "Re: A question",
            "b2@reporter.example",
        ) + PROVEN
            + "\nHere it is.\n\n"
            + &ben.certificate()),
    );
    world.settle_within(2, 120);
    let sealed = || {
        world
            .delivered("ben@reporter.example")
            .into_iter()
            .find(|l| l.contains("Subject: Re: ") && l.contains("multipart/encrypted"))
    };
    wait_for("the reply", || sealed().is_some());
    let reply = sealed().unwrap();
    assert!(
        !reply.contains("CANARY") && ben.open(&reply).contains("CANARY-REPLY"),
        "{reply}"
    );
    assert!(
        world.json(&["case", "show", &id, "--json"])["journal"]
            .to_string()
            .contains("reply sent")
    );
    desk.stop();
}

#[test]
fn a_report_that_asks_for_the_certificate_gets_both_and_is_asked_for_what_it_lacks() {
    let world = World::new();
    let desk = world.open();
    let text = "\nThere is an XSS (CWE-79) in the search page of acme.\n\nPlease send me your PGP \
        key, so that I can send you the rest.\n";
    world.submit(
        "dan@reporter.example",
        &(head(
            "dan@reporter.example",
            "XSS in search",
            "d1@reporter.example",
        ) + text),
    );
    wait_for("both answers", || {
        world.delivered("dan@reporter.example").len() == 2
    });
    let letters = world.delivered("dan@reporter.example").join("\n");
    assert!(
        letters.contains("application/pgp-keys") && letters.contains("Your mail to Desk"),
        "{letters}"
    );
    // What is missing is asked later; a responder may ask now. A third letter within a day is not
    // sent by itself.
    let case = world.json(&["case", "list", "--json"])[0].clone();
    let id = case["id"].as_str().unwrap();
    assert_eq!(world.command(&["case", "ask", id]).0, 0);
    desk.stop();
}

#[test]
fn a_copy_of_the_teams_own_answer_stops_the_acknowledgement() {
    let world = World::new();
    let mut config = world.config();
    config.extra = "[acknowledgement]\ndelay_s = 20\n".to_owned();
    world.write_config(&config);
    let desk = world.open();
    let report =
        "\nThere is an XSS (CWE-79) in acme 1.2.\n\nSteps to reproduce:\n1. open it\n2. look\n";
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "XSS", "h1@reporter.example") + report),
    );
    world.submit(
        "ben@reporter.example",
        &(head("ben@reporter.example", "XSS", "h2@reporter.example")
            + &report.replace("1.2", "1.3")),
    );
    let read = || world.status()["letters"] == 2;
    wait_for("both letters", read);
    // Rita answers Ada herself, with a copy to the desk. Somebody who forges that for Ben silences
    // nothing.
    let copy = |to: &str, of: &str, proof: &str| {
        format!(
            "{proof}From: Rita <rita@desk.example>\nTo: {to}\nCc: security@desk.example\nSubject: \
             Re: XSS\nMessage-ID: <copy-{of}>\nIn-Reply-To: <{of}>\nDate: Sun, 22 Nov 2026 \
             12:00:00 +0000\n\nThank you, we look at it.\n"
        )
    };
    world.submit(
        "rita@desk.example",
        &copy(
            "ada@reporter.example",
            "h1@reporter.example",
            &PROVEN.replace("reporter.example", "desk.example"),
        ),
    );
    world.submit(
        "mallory@crowd.example",
        &copy("ben@reporter.example", "h2@reporter.example", ""),
    );
    wait_for("Ben's acknowledgement", || {
        !world.delivered("ben@reporter.example").is_empty()
    });
    assert!(
        world.delivered("ada@reporter.example").is_empty(),
        "Ada has her answer"
    );
    let cases = world.json(&["case", "list", "--json"]);
    let adas = cases
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["acknowledgement"]["state"] == "sent")
        .count();
    assert!(adas >= 2, "{cases:#}");
    desk.stop();
}

#[test]
fn a_bounce_tells_a_human_and_marks_the_address() {
    let world = World::new();
    world.write_config(&world.config());
    let text = fs::read_to_string(world.config_file()).unwrap();
    fs::write(
        world.config_file(),
        text.replace("bounce_address = \"bounce@desk.example\"\n", ""),
    )
    .unwrap();
    let desk = world.open();
    let report =
        "\nThere is an XSS (CWE-79) in acme 1.2.\n\nSteps to reproduce:\n1. open it\n2. look\n";
    // Our server accepts letters to this domain, and then sends a real report that nobody is there.
    let domain = "gone.example";
    world.submit(
        &format!("ghost@{domain}"),
        &(head(&format!("ghost@{domain}"), "XSS", "g1@reporter.example") + report),
    );
    wait_for("the bounce", || {
        let cases = world.json(&["case", "list", "--all", "--json"]);
        cases[0]["standing"]["state"] == "needs-human"
    });
    let id = world.json(&["case", "list", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = world.json(&["case", "show", &id, "--json"]);
    assert!(
        shown["journal"]
            .to_string()
            .contains("answer came back undelivered"),
        "{shown:#}"
    );
    assert_eq!(world.status()["unreachable"], 1);
    // The next letter from there is for a human.
    world.submit(
        &format!("ghost@{domain}"),
        &(head(&format!("ghost@{domain}"), "Another", "g2@reporter.example")
            + &report.replace("XSS", "CSRF")),
    );
    wait_for("the second case", || {
        let cases = world.json(&["case", "list", "--all", "--json"]);
        cases
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["acknowledgement"]["state"] == "by-hand")
    });
    desk.stop();
}

#[test]
fn what_says_the_same_is_shown_and_not_merged() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let mut config = world.config();
    config.extra = "[answers]\nask_missing = false\n".to_owned();
    world.write_config(&config);
    let desk = world.open();
    let report = "The template engine of acme 1.2 evaluates whatever stands in a cookie \
        (CWE-94).\n\nSteps to reproduce:\n1. set the cookie\n2. look\n";
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "RCE", "s1@reporter.example") + "\n" + report),
    );
    world.settle(1);
    // Resent sealed, from another program.
    let sealed = ada.sealed(
        "security@desk.example",
        &format!("Content-Type: text/plain\n\n{report}"),
    );
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "...", "s2@reporter.example") + &pgp_mime(&sealed)),
    );
    let both = || {
        world
            .json(&["case", "list", "--json"])
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["likely_duplicates"].as_array().unwrap().len() == 1)
            .count()
            == 2
    };
    wait_for("both to show the other", both);
    assert_eq!(world.github.advisories().len(), 1, "one draft");
    let cases = world.json(&["case", "list", "--json"]);
    assert_eq!(
        case_with(
            &cases,
            "draft",
            &serde_json::json!({"state": "awaits-word"})
        )["letters"],
        1
    );
    desk.stop();
}

#[test]
fn the_desk_tries_its_own_way_in_five_shapes() {
    let world = World::new();
    let desk = world.open();
    // `status` is answered without a desk too.
    wait_for("the desk", || world.log().contains("desk open"));
    let (code, out, err) = world.command(&["canary"]);
    assert_eq!(code, 0, "{out}{err}\n{}", world.log());
    assert_eq!(
        out.lines().filter(|l| l.contains("read after")).count(),
        5,
        "{out}"
    );
    let status = world.status();
    assert_eq!(
        (&status["cases"], &status["letters"]),
        (&serde_json::json!(0), &serde_json::json!(5)),
        "{status:#}"
    );
    assert!(
        world.delivered("security@desk.example").len() <= 5,
        "none of them was answered"
    );
    desk.stop();
}

#[test]
fn a_web_mailer_and_thunderbirds_library_decrypt_and_verify_the_acknowledgement() {
    let world = World::new();
    let desk = world.open();
    let key = world.path().join("ada.key");
    fs::write(&key, webmail(&["key", "ada@reporter.example"], "")).unwrap();
    let (key, certificate) = (
        key.display().to_string(),
        world.desk_certificate().display().to_string(),
    );
    let sealed = webmail(
        &["write", &key, &certificate],
        "Content-Type: text/plain\n\nThe session cookie of acme-web 2.3.1 leaks.\n",
    );
    let autocrypt = format!(
        "Autocrypt: addr=ada@reporter.example; keydata={}\n",
        webmail(&["public", &key], "")
    );
    world.submit(
        "ada@reporter.example",
        &(head("Ada <ada@reporter.example>", "...", "w1@reporter.example")
            + &autocrypt
            + &pgp_mime(&sealed)),
    );
    world.settle(1);
    let shown: serde_json::Value = serde_json::from_str(&webmail(
        &["open", &key, &certificate],
        &one(&world, "ada@reporter.example"),
    ))
    .unwrap();
    assert_eq!(
        (&shown["signed_by_desk"], &shown["in_reply_to"]),
        (&true.into(), &"<w1@reporter.example>".into()),
        "{shown:#}"
    );
    let text = shown["text"].as_str().unwrap();
    assert!(
        text.contains("<w1@reporter.example>") && text.contains("we aim to have a fix, in private"),
        "{text}"
    );

    // RNP, which Thunderbird opens letters with.
    let ben = RnpPerson::new(
        world.path(),
        "ben@reporter.example",
        &world.desk_certificate(),
    );
    let report = head(
        "Ben <ben@reporter.example>",
        "A leak",
        "w2@reporter.example",
    ) + &ben.autocrypt("ben@reporter.example");
    world.submit(
        "ben@reporter.example",
        &(report + "\nThe session token of acme-web 2.3.1 leaks.\n"),
    );
    world.settle(2);
    let (text, said) = ben.open(&one(&world, "ben@reporter.example"));
    assert!(
        text.contains("<w2@reporter.example>") && said.contains("Good signature"),
        "{text}{said}"
    );
    desk.stop();
}

/// Thunderbird writes the thread inside the encryption, too.
#[test]
fn a_sealed_report_that_answers_the_letter_with_the_key_is_a_case_of_its_own() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let desk = world.open();
    // Her own clear words bring her certificate: what she signs from now on proves that it is hers.
    let from = "Ada <ada@reporter.example>";
    let request = head(from, "PGP key", "k1@reporter.example")
        + PROVEN
        + "\nPlease send me your PGP key. Mine is:\n\n"
        + &ada.certificate();
    world.submit("ada@reporter.example", &request);
    let key = one(&world, "ada@reporter.example");
    assert!(key.contains("application/pgp-keys"), "{key}");
    let id = key.split("Message-ID: ").nth(1).unwrap();
    let id = id.lines().next().unwrap();
    let inside = format!(
        "Subject: Re: The public key of Desk\nIn-Reply-To: {id}\nReferences: {id}\nContent-Type: \
         text/plain; protected-headers=\"v1\"\n\nThe session cookie of acme-web 2.3.1 can be \
         read.\n\nSteps to reproduce:\n1. log in\n2. look\n"
    );
    let report = head(from, "...", "k2@reporter.example")
        + PROVEN
        + &format!("In-Reply-To: {id}\n")
        + &pgp_mime(&ada.sealed("security@desk.example", &inside));
    world.submit("ada@reporter.example", &report);
    world.settle(2);
    let cases = world.json(&["case", "list", "--json"]);
    assert_eq!(cases.as_array().unwrap().len(), 1, "{cases:#}");
    assert_eq!(
        (&cases[0]["perhaps_of"], &cases[0]["draft"]["state"]),
        (&serde_json::Value::Null, &"filed".into()),
        "{cases:#}"
    );
    desk.stop();
}
