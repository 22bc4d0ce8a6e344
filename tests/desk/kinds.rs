//! Each kind of letter goes in over SMTP, and what comes back is opened with GnuPG.

use super::people::{PROVEN, Person, head, pgp_mime, sealed_by_rnp, sealed_by_sq};
use super::servers::wait_for;
use super::world::World;
use std::path::Path;

const REPORT: &str = "Hello,\n\nI found a path traversal (CWE-22) in acme-web version 2.3.1: \
    CANARY-BODY.\n\nTo reproduce:\n\n1. start it\n2. curl \
    CANARY-FIELD\n\nCVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\n";

#[test]
fn every_kind_of_letter_gets_what_it_should() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let desk = world.open();
    let inner = format!(
        "Subject: CANARY-SUBJECT traversal\nContent-Type: multipart/mixed; boundary=\"b2\"; \
         protected-headers=\"v1\"\n\n--b2\nContent-Type: \
         text/plain\n\n{REPORT}\n--b2\nContent-Type: text/plain; \
         name=\"CANARY-FILE.txt\"\nContent-Disposition: attachment; \
         filename=\"CANARY-FILE.txt\"\n\nproof of concept\n--b2--\n"
    );
    // 1: GnuPG, PGP/MIME, signed, with Autocrypt.
    world.submit(
        "ada@reporter.example",
        &(head("Ada <ada@reporter.example>", "...", "r1@reporter.example")
            + PROVEN
            + &ada.autocrypt()
            + &pgp_mime(&ada.sealed("security@desk.example", &inner))),
    );
    // 2: sq, inline.
    world.submit(
        "ben@reporter.example",
        &(head("ben@reporter.example", "inline", "r2@reporter.example")
            + "Content-Type: text/plain\n\n"
            + &sealed_by_sq(
                &world.desk_certificate(),
                &REPORT.replace("path traversal", "second traversal"),
            )),
    );
    // 3: RNP, PGP/MIME.
    let mime = format!(
        "Content-Type: text/plain\n\n{}",
        REPORT.replace("path traversal", "third traversal")
    );
    world.submit(
        "cleo@reporter.example",
        &(head("cleo@reporter.example", "...", "r3@reporter.example")
            + &pgp_mime(&sealed_by_rnp(
                world.path(),
                &world.desk_certificate(),
                &mime,
            ))),
    );
    // 4: clear key request.
    world.submit(
        "dan@reporter.example",
        &(head("dan@reporter.example", "PGP key", "k1@reporter.example")
            + "\nPlease send me your public PGP key.\n"),
    );
    // 5, 6: machines.
    world.submit(
        "eve@crowd.example",
        &(head("eve@crowd.example", "Automatic reply", "o1@crowd.example")
            + "Auto-Submitted: auto-replied\n\nI am away.\n"),
    );
    world.submit(
        "",
        &(head(
            "MAILER-DAEMON@crowd.example",
            "Undelivered Mail Returned to Sender",
            "d1@crowd.example",
        ) + "Content-Type: \
        multipart/report; report-type=delivery-status; boundary=\"r\"\n\n--r\nContent-Type: \
        text/plain\n\nfailed\n--r\nContent-Type: message/delivery-status\n\nFinal-Recipient: \
        rfc822; x@y.example\nAction: failed\nStatus: 5.1.1\n--r--\n"),
    );
    // 7: for somebody else.
    let stranger = Person::with_gpg(
        world.path(),
        "stranger@crowd.example",
        &world.desk_certificate(),
    );
    world.submit(
        "fay@crowd.example",
        &(head("fay@crowd.example", "...", "r4@crowd.example")
            + &pgp_mime(&stranger.gpg(
                &["--recipient", "stranger@crowd.example", "--encrypt"],
                "CANARY-SHUT",
            ))),
    );
    world.settle(7);

    // Ada's acknowledgement is encrypted to the certificate that her Autocrypt header brought, and
    // signed.
    let acknowledged = |address: &str| {
        wait_for(address, || !world.delivered(address).is_empty());
        let letters = world.delivered(address);
        assert_eq!(letters.len(), 1, "{address}: {letters:#?}");
        letters[0].clone()
    };
    let letter = acknowledged("ada@reporter.example");
    assert!(
        letter.contains("multipart/encrypted")
            && letter.contains("Auto-Submitted: auto-replied")
            && letter.contains("In-Reply-To: <r1@reporter.example>"),
        "{letter}"
    );
    assert!(ada.open(&letter).contains("SD-"));
    assert!(letter.contains("Return-Path: <bounce+"), "{letter}");
    // Ben and Cleo are acknowledged in clear, signed; Dan gets the certificate alone.
    for address in ["ben@reporter.example", "cleo@reporter.example"] {
        let opened = ada.open(&acknowledged(address));
        assert!(
            opened.contains("SD-") && !opened.contains("CANARY"),
            "{opened}"
        );
    }
    let key = acknowledged("dan@reporter.example");
    assert!(
        key.contains("application/pgp-keys")
            && key.contains("Autocrypt: addr=security@desk.example"),
        "{key}"
    );
    let armored = &key[key.find("-----BEGIN PGP PUBLIC KEY").unwrap()
        ..key.find("-----END PGP PUBLIC KEY").unwrap() + 35];
    let dan = Person {
        address: "dan@reporter.example".to_owned(),
        home: ada.home.clone(),
    };
    assert!(
        dan.gpg(
            &["--show-keys", "--with-colons"],
            &armored.replace("\r\n", "\n")
        )
        .contains("security@desk.example")
    );
    // The crowd: Fay is acknowledged although her letter stays shut; machines get nothing.
    wait_for("Fay's acknowledgement", || {
        !world.delivered("fay@crowd.example").is_empty()
    });
    let crowd = world.delivered("fay@crowd.example");
    assert_eq!(crowd.len(), 1, "{crowd:#?}");
    assert!(
        crowd[0].contains("X-Original-To: fay@crowd.example")
            || crowd[0].contains("Delivered-To: fay@crowd.example")
    );

    // The tracker holds one draft for each report, with its fields.
    let drafts = world.github.advisories();
    assert_eq!(drafts.len(), 3, "{drafts:#?}");
    let adas = drafts
        .iter()
        .find(|d| d["summary"].as_str().unwrap().contains("CANARY-SUBJECT"))
        .expect("Ada's draft");
    assert_eq!(adas["cwe_ids"], serde_json::json!(["CWE-22"]));
    assert_eq!(
        adas["cvss"]["vector_string"],
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
    );
    assert_eq!(adas["vulnerabilities"][0]["package"]["name"], "acme-web");
    assert_eq!(
        adas["vulnerabilities"][0]["vulnerable_version_range"],
        "2.3.1"
    );
    let description = adas["description"].as_str().unwrap();
    assert!(
        !description.contains("ada@reporter.example")
            && description
                .lines()
                .last()
                .unwrap()
                .starts_with("<!-- sealdesk:"),
        "{description}"
    );

    // 8: Ada's follow-up, which our own server vouches for, goes below the marker; a human's edit
    // stays.
    let id = adas["ghsa_id"].as_str().unwrap();
    world.github.edit(
        id,
        "description",
        format!("A human was here.\n\n{description}"),
    );
    world.submit(
        "ada@reporter.example",
        &(head(
            "Ada <ada@reporter.example>",
            "Re: report",
            "r5@reporter.example",
        ) + PROVEN
            + "In-Reply-To: <r1@reporter.example>\nReferences: <r1@reporter.example>\n\nVersion \
                2.3.0 too.\n"),
    );
    world.settle(8);
    let after = world.github.advisories();
    assert_eq!(after.len(), 3);
    let text = after.iter().find(|d| d["ghsa_id"] == id).unwrap()["description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.starts_with("A human was here.") && text.contains("Version 2.3.0 too."),
        "{text}"
    );
    assert!(text.lines().last().unwrap().starts_with("<!-- sealdesk:"));

    // On the server the letters moved; nothing is left, nothing is deleted.
    wait_for("the inbox to empty", || world.lying("") == 0);
    assert_eq!(world.lying(".Sealdesk"), 8);

    // The responder's side.
    let cases = world.json(&["case", "list", "--all", "--json"]);
    assert_eq!(cases.as_array().unwrap().len(), 5, "{cases:#}");
    let case = cases
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["letters"] == 2)
        .expect("Ada's case has two letters");
    let id = case["id"].as_str().unwrap();
    let shown = world.json(&["case", "show", id, "--json"]);
    assert_eq!(shown["report"]["product"], "acme-web");
    assert_eq!(
        shown["read"][0]["reading"]["signature"]["signer_is_originator"],
        true
    );
    let out = world.path().join("files");
    let (code, _, err) =
        world.command(&["case", "attachment", id, "--output", out.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        std::fs::read_to_string(out.join("CANARY-FILE.txt"))
            .unwrap()
            .trim(),
        "proof of concept"
    );

    let took = desk.stop();
    assert!(took.as_secs() < 30, "stopping took {took:?}");
    no_canary(&world);
}

/// Nothing of a sealed letter rests or leaves in clear: not in the store, the spool, a log at TRACE
/// or a letter.
fn no_canary(world: &World) {
    let log = world.log();
    assert!(
        log.contains("letter arrived")
            && !log.contains("CANARY")
            && !log.contains("ada@reporter.example"),
        "the log tells: {}",
        log.lines()
            .filter(|l| l.contains("CANARY") || l.contains("ada@"))
            .collect::<String>()
    );
    assert!(
        !log.contains("test-token") && !log.contains("secret\""),
        "a secret is in the log"
    );
    grep(&world.path().join("state"), b"CANARY");
    grep(&world.path().join("mail/reporter.example"), b"CANARY");
    grep(&world.path().join("mail/crowd.example"), b"CANARY");
    grep(&world.path().join("mail/desk.example/rita"), b"CANARY");
}

fn grep(folder: &Path, canary: &[u8]) {
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                // The desk is at work: what it wrote beside may have been renamed meanwhile.
                let octets = match std::fs::read(&path) {
                    Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => continue,
                    read => read.unwrap(),
                };
                files += 1;
                assert!(
                    !octets.windows(canary.len()).any(|w| w == canary),
                    "{} holds a canary",
                    path.display()
                );
            }
        }
    }
    assert!(files > 0, "nothing to look through in {}", folder.display());
}

#[test]
fn two_mailboxes_and_a_changed_uidvalidity_double_nothing() {
    let world = World::new();
    let mut config = world.config();
    config.mailbox = format!(
        "{}done = {{ kind = \"keep\" }}\n\n[[mailbox]]\n{}",
        config.mailbox,
        config
            .mailbox
            .replace("name = \"security\"", "name = \"second\"")
            .replace("user = \"security\"", "user = \"second\"")
    );
    world.write_config(&config);
    let desk = world.open();
    world.submit(
        "ben@reporter.example",
        &(head(
            "ben@reporter.example",
            "XSS in acme 1.0",
            "v1@reporter.example",
        ) + "\nSteps to reproduce:\n1. a\n2. b\n"),
    );
    world.postfix.submit(
        "cleo@reporter.example",
        "second@desk.example",
        &(head(
            "cleo@reporter.example",
            "RCE in acme 1.0",
            "v2@reporter.example",
        ) + "\nSteps to reproduce:\n1. a\n2. b\n"),
    );
    world.settle(2);
    wait_for("both acknowledgements", || {
        !world.delivered("ben@reporter.example").is_empty()
            && !world.delivered("cleo@reporter.example").is_empty()
    });
    assert!(desk.stop().as_secs() < 30);
    // A server that lost its index begins a new UIDVALIDITY.
    let maildir = world.path().join("mail/desk.example/security/Maildir");
    for index in [
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.log",
        "dovecot.index.cache",
        "dovecot-uidvalidity",
    ] {
        let _ = std::fs::remove_file(maildir.join(index));
    }
    for entry in std::fs::read_dir(&maildir).unwrap().flatten() {
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with("dovecot-uidvalidity.")
        {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let desk = world.open();
    world.submit(
        "dan@reporter.example",
        &(head(
            "dan@reporter.example",
            "SSRF in acme 1.0",
            "v3@reporter.example",
        ) + "\nSteps to reproduce:\n1. a\n2. b\n"),
    );
    world.settle(3);
    wait_for("the third acknowledgement", || {
        !world.delivered("dan@reporter.example").is_empty()
    });
    assert_eq!(world.delivered("ben@reporter.example").len(), 1);
    assert_eq!(world.github.advisories().len(), 3);
    desk.stop();
}
