//! A reporter and a responder with Thunderbird, from the question for the key to the answer.

use super::people::Person;
use super::post::{Dkim, Letter, arrived, case_shows, letters, open_cases, proves};
use super::servers::wait_for;
use super::thunderbird::{Thunderbird, pictures};
use super::world::World;
use serde_json::{Value, json};
use std::fs;

const DESK: &str = "security@desk.example";
const ADA: &str = "ada@reporter.example";
const RITA: &str = "rita@desk.example";
const COMPOSER: &str = "/messengercompose.xhtml";
/// What fits on a page of the guide.
const SIZE: (u32, u32) = (960, 640);

/// A letter of the desk that Ada has not seen yet.
fn next(world: &World, to: &str, seen: &mut Vec<String>, what: &str) -> Letter {
    let letter = arrived(world, to, what, |letter| {
        letter.from(DESK) && !seen.contains(&letter.id())
    });
    seen.push(letter.id());
    letter
}

fn open(thunderbird: &mut Thunderbird, letter: &Letter) -> Value {
    thunderbird.act("openLetter", json!({ "id": letter.id() }))
}

/// The letter that is open, once it is shown as a person wants to see it.
fn good(thunderbird: &mut Thunderbird, encrypted: bool) -> Value {
    let encryption = if encrypted {
        "Message Is Encrypted"
    } else {
        "Message Is Not Encrypted"
    };
    let wanted = json!({ "signature": "Good Digital Signature", "encryption": encryption });
    thunderbird.act("shownAs", wanted)
}

fn open_good(thunderbird: &mut Thunderbird, letter: &Letter, encrypted: bool) -> Value {
    open(thunderbird, letter);
    good(thunderbird, encrypted)
}

/// A reply as it stands in its window: to the desk, and sealed and signed by itself.
fn assert_sealed_to_desk(draft: &Value) {
    assert_eq!(
        (&draft["to"], &draft["encrypt"], &draft["sign"]),
        (
            &json!([format!("Desk <{DESK}>")]),
            &json!(true),
            &json!(true)
        ),
        "{draft:#}"
    );
    // What its bars say: a hint that encryption is possible stands there until it is on.
    let bars = draft["bars"].as_array().unwrap();
    assert!(
        bars.iter()
            .all(|bar| bar == "OpenPGP end-to-end encryption is possible."),
        "{draft:#}"
    );
}

fn text<'a>(shown: &'a Value, part: &str) -> &'a str {
    shown[part].as_str().unwrap_or_default()
}

#[test]
fn thunderbird_reports_and_answers_by_reply() {
    let world = World::new();
    proves(&world, Dkim::CoversAutocrypt);
    let _desk = world.open();
    let keyring = Person::with_key(
        world.path(),
        DESK,
        &world.path().join("keys/security.secret.asc"),
        &world.path().join("rita/security.asc"),
    );
    let mut ada = Thunderbird::start(&world, "ada", ADA);
    ada.act("makeKey", json!({ "user": format!("Ada <{ADA}>") }));
    let certificate = ada.act("ownCertificate", Value::Null);
    keyring.gpg(&["--import"], certificate.as_str().unwrap());

    let mut seen = Vec::new();
    let key_letter = learns_the_key(&world, &mut ada, &mut seen);
    let case = reports(&world, &mut ada, &keyring, &mut seen);
    adds_by_reply(&world, &mut ada, &keyring, &case);
    reports_by_replying_to(&world, &mut ada, &keyring, &key_letter, &mut seen);

    let mut rita = Thunderbird::start(&world, "rita", RITA);
    let secret = fs::read_to_string(world.path().join("rita/security.secret.asc")).unwrap();
    rita.act("takeKey", json!({ "armored": secret }));
    let certificate = fs::read_to_string(world.desk_certificate()).unwrap();
    rita.act("learnKey", json!({ "armored": certificate }));
    answers_by_reply(&world, &mut rita, &keyring, &case);

    // Ada reads the team's answer, and goes on by Reply.
    let answer = next(&world, ADA, &mut seen, "the answer");
    answer.hides("2.3.2");
    let shown = open_good(&mut ada, &answer, true);
    assert!(
        text(&shown, "text").contains("Thank you, Ada. The fix is in 2.3.2")
            && !text(&shown, "text").contains("A note for the team"),
        "{shown:#}"
    );
    assert_eq!(
        text(&shown, "subject"),
        format!("Re: Your mail to Desk [{case}]")
    );
    let draft = ada.act("reply", json!({ "text": "I have confirmed the fix.\n" }));
    assert_sealed_to_desk(&draft);
    ada.act("send", Value::Null);
    wait_for("her last words in the case", || {
        case_shows(&world, &case).contains("I have confirmed the fix")
    });
    assert_eq!(open_cases(&world).len(), 2, "{:#?}", open_cases(&world));
}

/// The letter that is open, with the panel behind OpenPGP. A window that changes its size closes
/// its panels.
fn pose_with_panel(thunderbird: &mut Thunderbird, name: &str) {
    if pictures().is_some() {
        let size = json!({ "width": 1100, "height": 660 });
        thunderbird.act("frame", size);
        thunderbird.act("openPanel", Value::Null);
        thunderbird.pose(name, "", None);
        thunderbird.act("closePanel", Value::Null);
    }
}

/// Ada asks for the key, and takes it from the letter: OpenPGP, Import…, Accepted.
fn learns_the_key(world: &World, ada: &mut Thunderbird, seen: &mut Vec<String>) -> Letter {
    let draft = ada.act(
        "write",
        json!({ "to": DESK, "subject": "PGP key", "text": "Please send me your PGP key.\n" }),
    );
    assert_eq!(draft["encrypt"], false);
    ada.act("send", Value::Null);
    let key_letter = next(world, ADA, seen, "the key");
    let shown = open(ada, &key_letter);
    assert_eq!(shown["files"], json!(["certificate.asc"]), "{shown:#}");
    let fingerprint = text(&shown, "text")
        .lines()
        .map(|line| line.replace(' ', ""))
        .find(|line| line.len() == 40 && line.chars().all(|c| c.is_ascii_hexdigit()))
        .expect("the letter names the fingerprint");
    pose_with_panel(ada, "thunderbird-key");
    let asked = ada.act("importKey", Value::Null);
    ada.pose("thunderbird-import", "/confirmPubkeyImport.xhtml", None);
    assert!(text(&asked, "said").contains(&fingerprint), "{asked:#}");
    assert_eq!(asked["choice"], "Accepted (unverified)");
    let done = ada.act("acceptKey", Value::Null);
    assert!(done.as_str().unwrap().contains("Success"), "{done}");
    open_good(ada, &key_letter, false);
    // Who asks for the key reports nothing.
    assert_eq!(open_cases(world), Vec::<Value>::new());
    key_letter
}

/// Ada reports, sealed and signed and with a file, and reads the acknowledgement. The case.
fn reports(
    world: &World,
    ada: &mut Thunderbird,
    keyring: &Person,
    seen: &mut Vec<String>,
) -> String {
    let file = world.path().join("poc.py");
    fs::write(&file, "print('the script')\n").unwrap();
    let draft = ada.act(
        "write",
        json!({
            "to": DESK, "subject": "Session cookie of acme-web", "file": file, "encrypt": true,
            "text": "The session cookie of acme-web 2.3.1 is readable by any script.\n\nSteps to \
                reproduce:\n1. Log in\n2. Look at it\n",
        }),
    );
    assert_eq!(
        (&draft["encrypt"], &draft["sign"]),
        (&json!(true), &json!(true))
    );
    ada.pose("thunderbird", COMPOSER, Some(SIZE));
    if pictures().is_some() {
        ada.act("openMenu", Value::Null);
        ada.pose("thunderbird-menu", COMPOSER, Some(SIZE));
        ada.act("closeMenu", Value::Null);
    }
    ada.act("send", Value::Null);
    let report = arrived(world, DESK, "the report", |l| l.from(ADA) && l.sealed());
    report.hides("cookie");
    let inside = report.opened_by(keyring, ADA);
    assert!(inside.contains("Session cookie of acme-web"), "{inside}");
    assert_eq!(report.recipients(keyring), 2, "the desk and herself");

    let acknowledgement = next(world, ADA, seen, "the acknowledgement");
    assert!(acknowledgement.sealed(), "{}", acknowledgement.octets);
    assert!(acknowledgement.field("Reply-To").is_none());
    let shown = open_good(ada, &acknowledgement, true);
    pose_with_panel(ada, "thunderbird-acknowledgement");
    let all = open_cases(world);
    assert_eq!(all.len(), 1, "{all:#?}");
    let case = all[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        text(&shown, "subject"),
        format!("Your mail to Desk [{case}]")
    );
    let words = text(&shown, "text");
    assert!(
        words.contains("thank you for writing to us") && words.contains(&report.id()),
        "{words}"
    );
    let told = case_shows(world, &case);
    assert!(
        told.contains("encrypted, signed by its sender, whose certificate is pinned")
            && told.contains("Session cookie of acme-web")
            && told.contains("attachment poc.py"),
        "{told}"
    );
    case
}

/// Ada presses Reply on the acknowledgement, which is open.
fn adds_by_reply(world: &World, ada: &mut Thunderbird, keyring: &Person, case: &str) {
    let draft = ada.act(
        "reply",
        json!({ "text": "Version 2.3.0 is affected as well.\n" }),
    );
    assert_sealed_to_desk(&draft);
    ada.pose("thunderbird-reply", COMPOSER, Some(SIZE));
    ada.act("send", Value::Null);
    wait_for("her addition in the case", || {
        case_shows(world, case).contains("Version 2.3.0 is affected as well")
    });
    let told = case_shows(world, case);
    assert_eq!(
        told.matches("encrypted, signed by its sender, whose certificate is pinned")
            .count(),
        2,
        "{told}"
    );
    assert_eq!(open_cases(world).len(), 1);
    let mine: Vec<_> = letters(world, DESK)
        .into_iter()
        .filter(|l| l.from(ADA) && l.sealed())
        .collect();
    assert_eq!(mine.len(), 2);
    for letter in mine {
        letter.hides("cookie");
        letter.hides("2.3.0");
        letter.opened_by(keyring, ADA);
    }
}

/// Ada presses Reply on the letter that brought the key, then Encrypt: another report.
fn reports_by_replying_to(
    world: &World,
    ada: &mut Thunderbird,
    keyring: &Person,
    key_letter: &Letter,
    seen: &mut Vec<String>,
) {
    open(ada, key_letter);
    let draft = ada.act(
        "reply",
        json!({
            "text": "acme-cli 1.2 has a session cookie in its log.\n\nSteps:\n1. Start \
                it\n2. Read the log\n",
            "encrypt": true,
        }),
    );
    assert_sealed_to_desk(&draft);
    ada.act("send", Value::Null);
    let acknowledgement = next(world, ADA, seen, "the second acknowledgement");
    open_good(ada, &acknowledgement, true);
    let second = arrived(world, DESK, "the second report", |letter| {
        let there = |id: Option<String>| id.is_some_and(|ids| ids.contains(&key_letter.id()));
        letter.sealed() && there(letter.field("In-Reply-To"))
    });
    second.hides("acme-cli");
    second.opened_by(keyring, ADA);
    // It is a case of its own, and no part of the question for the key.
    let all = open_cases(world);
    assert_eq!(all.len(), 2, "{all:#?}");
    assert!(
        all.iter().all(|case| case["perhaps_of"].is_null()),
        "{all:#?}"
    );
}

/// Rita reads the call, and presses Reply: commands, and words for Ada.
fn answers_by_reply(world: &World, rita: &mut Thunderbird, keyring: &Person, case: &str) {
    // From outside all calls are alike.
    let subject = format!("New case: Session cookie of acme-web [{case}]");
    let mut shown = Value::Null;
    wait_for("the call about the case", || {
        letters(world, RITA).iter().any(|call| {
            assert_eq!(
                call.field("Subject").as_deref(),
                Some("Sealdesk: please look")
            );
            shown = open(rita, call);
            text(&shown, "subject") == subject
        })
    });
    good(rita, true);
    assert!(
        text(&shown, "text").contains("readable by any script"),
        "{shown:#}"
    );
    let draft = rita.act(
        "reply",
        json!({ "text": "/assign rita\n/note A note for the team\n\n/reply\nThank you, \
            Ada. The fix is in 2.3.2.\n" }),
    );
    assert_sealed_to_desk(&draft);
    rita.act("send", Value::Null);
    let command = arrived(world, DESK, "her command", |l| l.from(RITA));
    command.hides("2.3.2");
    command.opened_by(keyring, RITA);
    wait_for("her commands to be done", || {
        case_shows(world, case).contains("A note for the team")
    });
    let view = world.json(&["case", "show", case, "--json"]);
    assert!(view.to_string().contains("\"rita\""), "{view:#}");
    // The desk says what became of them, and she reads it.
    let mut taken = Value::Null;
    wait_for("what became of her commands", || {
        letters(world, RITA).iter().any(|letter| {
            taken = open(rita, letter);
            text(&taken, "text").contains("/assign rita")
                && text(&taken, "text").contains("/note")
                && !text(&taken, "subject").starts_with("New case")
        })
    });
    good(rita, true);
}
