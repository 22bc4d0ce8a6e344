//! Armor and packets: nothing panics, and nothing opens without integrity.
#![no_main]

#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::fuzz_target;
use sealdesk::model::budget::Budget;
use sealdesk::model::limits::Limits;
use sealdesk::model::reading::Integrity;
use sealdesk::openpgp::{Purpose, SecretKeys, certificates, open, verify_detached, verify_message};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

static KEYS: LazyLock<Mutex<SecretKeys>> = LazyLock::new(|| {
    panics::silence();
    Mutex::new(
        SecretKeys::load(
            include_bytes!("../../mail/keys/desk.tsk"),
            Purpose::Mail,
            None,
        )
        .unwrap(),
    )
});

fuzz_target!(|octets: &[u8]| {
    let budget = || Budget::of_letter(octets.len(), &Limits::MAX, || Duration::ZERO);
    let held = certificates(octets).unwrap_or_default();
    held.iter().for_each(|c| {
        drop((
            c.fingerprint(),
            c.addresses(),
            c.minimal().and_then(|m| m.armored()),
            c.expires(),
            c.algorithms(),
        ))
    });
    if let Ok(opened) = open(octets, &mut *KEYS.lock().unwrap(), &held, &budget()) {
        assert_ne!(opened.integrity, Integrity::None);
        assert!(opened.plaintext.len() as u64 <= Limits::MAX.plaintext_octets);
    }
    let _ = verify_message(octets, &held, &budget());
    assert!(!verify_detached(octets, b"text\r\n", &held, &budget()).is_empty());
});
