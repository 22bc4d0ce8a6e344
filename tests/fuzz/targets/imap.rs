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
    // The tag of the first command, where the input has TAG.
    let answer = String::from_utf8_lossy(octets).replace("TAG", "A0001");
    let complete = answer
        .lines()
        .any(|line| line.to_ascii_uppercase().starts_with("A0001 OK"));
    let asked = |ask: u8| {
        runtime.block_on(async {
            let (ours, mut theirs) = tokio::io::duplex(1 << 20);
            theirs
                .write_all(&answer.as_bytes()[..answer.len().min(1 << 19)])
                .await
                .unwrap();
            theirs.shutdown().await.unwrap();
            let mut dialogue = Dialogue::after_greeting(Box::new(ours));
            match ask {
                0 => dialogue.search_beyond(0).await.is_ok(),
                1 => dialogue
                    .fetch("UID FETCH 1 (UID BODY.PEEK[])")
                    .await
                    .is_ok(),
                2 => dialogue.open("INBOX").await.is_ok(),
                3 => dialogue.idle(Duration::from_millis(1)).await.is_ok(),
                _ => dialogue.capabilities().await.is_ok(),
            }
        })
    };
    for ask in 0..5 {
        assert!(
            !asked(ask) || complete,
            "a command ended well without its tagged OK"
        );
    }
});
