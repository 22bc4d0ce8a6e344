//! What a server may answer: no error looks like an empty mailbox, and nothing is kept without
//! bound.
#![no_main]

#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::fuzz_target;
use sealdesk::adapters::imap::Dialogue;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

fuzz_target!(|octets: &[u8]| {
    static SILENCE: std::sync::Once = std::sync::Once::new();
    SILENCE.call_once(panics::silence);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    // Each TAG is the tag of one more command.
    let mut answer = String::new();
    let text = String::from_utf8_lossy(octets);
    for (tag, piece) in text.split("TAG").enumerate() {
        if tag > 0 {
            answer.push_str(&format!("S{tag:06}"));
        }
        answer.push_str(piece);
    }
    let ended = |tag: usize| {
        let ok = format!("S{tag:06} OK");
        let is_end = |line: &str| line.to_ascii_uppercase().starts_with(&ok);
        answer.lines().any(is_end)
    };
    let dialogue = || async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs
            .write_all(&answer.as_bytes()[..answer.len().min(1 << 19)])
            .await
            .unwrap();
        theirs.shutdown().await.unwrap();
        Dialogue::after_greeting(Box::new(ours))
    };
    // A whole dialogue, up to the first command that fails.
    runtime.block_on(async {
        let mut dialogue = dialogue().await;
        for (done, ask) in [4, 2, 5, 0, 1, 3].into_iter().enumerate() {
            if !asked(&mut dialogue, ask).await {
                return;
            }
            assert!(
                ended(done + 1),
                "a command ended well without its tagged OK"
            );
        }
    });
    // And each command as the first one.
    for ask in 0..6 {
        let good = runtime.block_on(async { asked(&mut dialogue().await, ask).await });
        assert!(
            !good || ended(1),
            "a command ended well without its tagged OK"
        );
    }
});

async fn asked(dialogue: &mut Dialogue, ask: u8) -> bool {
    match ask {
        0 => dialogue.search_beyond(0).await.is_ok(),
        1 => dialogue
            .fetch("UID FETCH 1 (UID BODY.PEEK[])")
            .await
            .is_ok(),
        2 => dialogue.open("INBOX").await.is_ok(),
        3 => dialogue.idle(Duration::from_millis(1)).await.is_ok(),
        4 => dialogue.capabilities().await.is_ok(),
        _ => dialogue.has_folder("Done").await.is_ok(),
    }
}
