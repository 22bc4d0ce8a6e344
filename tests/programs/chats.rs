//! A reporter with Delta Chat: the first letter in clear, all others sealed.

use super::deltachat::DeltaChat;
use super::post::{Dkim, Letter, case_shows, letters, open_cases, proves};
use super::servers::wait_for;
use super::world::World;
use std::fs;

const DESK: &str = "security@desk.example";
const BEN: &str = "ben@reporter.example";

fn from_ben(world: &World) -> Vec<Letter> {
    let all = letters(world, DESK).into_iter();
    all.filter(|letter| letter.from(BEN)).collect()
}

#[test]
fn delta_chat_sees_our_signature_and_goes_on_encrypted() {
    let world = World::new();
    proves(&world, Dkim::Covers);
    let _desk = world.open();
    let mut ben = DeltaChat::start(&world, "ben", BEN);

    // He knows an address and no key. The key comes in clear: with that alone, nothing is sealed.
    let chat = ben.chat_with(DESK);
    ben.say(chat, "Please send me your PGP key.", None);
    let key = ben.message("the OpenPGP public key of");
    assert_eq!(key["showPadlock"], false, "{key:#}");
    ben.say(
        chat,
        "I found a vulnerability in acme-web 2.3.1 and want to tell you in private.",
        None,
    );
    // His letters carry his key, so that the answer is sealed, and its signature counts.
    let acknowledgement = ben.message("thank you for writing to us");
    assert_eq!(acknowledgement["showPadlock"], true, "{acknowledgement:#}");
    let sealed_chat = acknowledgement["chatId"].as_u64().unwrap();
    let about = ben.ask_here("get_basic_chat_info", serde_json::json!([sealed_chat]));
    assert_eq!(about["isEncrypted"], true, "{about:#}");
    let case = open_cases(&world)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        acknowledgement["subject"],
        format!("Your mail to Desk [{case}]"),
        "{acknowledgement:#}"
    );

    // What he says there is sealed and signed, and belongs to the case; with a file, too.
    ben.ask_here("accept_chat", serde_json::json!([sealed_chat]));
    let file = world.path().join("poc.txt");
    fs::write(&file, "CANARY-FILE\n").unwrap();
    for (words, file) in [
        ("CANARY-ONE: the session cookie is readable.", None),
        ("CANARY-TWO: here is how.", Some(file.as_path())),
    ] {
        ben.say(sealed_chat, words, file);
        wait_for(&format!("{words} in the case"), || {
            case_shows(&world, &case).contains(words)
        });
    }
    let told = case_shows(&world, &case);
    assert_eq!(
        told.matches("encrypted, signed with a key that it brought itself")
            .count(),
        2,
        "{told}"
    );
    assert!(told.contains("attachment poc.txt"), "{told}");
    let sent = from_ben(&world);
    let sealed: Vec<_> = sent.iter().filter(|letter| letter.sealed()).collect();
    assert_eq!((sent.len(), sealed.len()), (4, 2));
    for letter in sealed {
        letter.hides("CANARY");
    }
    assert_eq!(open_cases(&world).len(), 1, "{:#?}", open_cases(&world));

    // The team's answer comes into the same chat.
    let answer = world.path().join("answer.txt");
    fs::write(&answer, "Thank you, Ben. CANARY-ANSWER is in 2.3.2.\n").unwrap();
    let answer = answer.display().to_string();
    let (code, _, fault) = world.command(&["case", "reply", &case, "--file", &answer]);
    assert_eq!(code, 0, "{fault}");
    let reply = ben.message("CANARY-ANSWER");
    assert_eq!(
        (&reply["showPadlock"], &reply["chatId"]),
        (&true.into(), &sealed_chat.into()),
        "{reply:#}"
    );
}
