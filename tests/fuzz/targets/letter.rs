//! Whole letters, opened with a key: nothing panics, and what is called valid was signed by who it
//! says.
#![no_main]

#[path = "../mutator.rs"]
mod mutator;
#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sealdesk::model::reading::{SignatureStatus, Wanted};
use sealdesk::openpgp::{Certificate, Purpose, SecretKeys, certificates};
use sealdesk::reading::{Position, read};
use std::sync::{LazyLock, Mutex};

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
static ADA: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| certificates(include_bytes!("../../mail/keys/zoo-ada.asc")).unwrap());

fuzz_target!(|octets: &[u8]| {
    let position = Position {
        certificates: ADA.clone(),
        wanted: Wanted {
            files: true,
            ..Wanted::FACTS
        },
        ..Position::default()
    };
    let read = read(octets, &mut *KEYS.lock().unwrap(), &position);
    let reading = read.reading;
    assert_eq!(reading.attachments.len(), read.files.len());
    assert!(
        reading
            .attachments
            .iter()
            .all(|a| !a.name.contains(['/', '\\', '\0']) && !a.name.is_empty() && a.name != "..")
    );
    if reading.signature.signer_is_originator {
        assert_eq!(reading.signature.status, SignatureStatus::Valid);
        assert!(reading.from.is_some());
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        mutator::bend(data, size, max_size, seed)
    } else {
        fuzzer_mutate(data, size, max_size)
    }
});
