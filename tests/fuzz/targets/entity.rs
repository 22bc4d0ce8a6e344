//! Entities: layout, bodies, files and protected headers of anything at all, and of what decryption
//! might show.
#![no_main]

#[path = "../mutator.rs"]
mod mutator;
#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sealdesk::mime::{Entity, Layout, OwnAddresses, outer};
use sealdesk::model::budget::Budget;
use sealdesk::model::letter::Dmarc;
use sealdesk::model::limits::Limits;
use std::time::Duration;

fuzz_target!(|octets: &[u8]| {
    static SILENCE: std::sync::Once = std::sync::Once::new();
    SILENCE.call_once(panics::silence);
    let seen = outer(octets, &OwnAddresses::default(), Dmarc::Unknown);
    assert!(seen.threads.len() <= 200);
    let budget = || Budget::of_letter(octets.len(), &Limits::MAX, || Duration::ZERO);
    for entity in [
        Entity::letter(octets, &budget()),
        Entity::parse(octets, &budget()),
    ]
    .into_iter()
    .flatten()
    {
        let _ = (
            entity.body(true),
            entity.body(false),
            entity.files(),
            entity.autocrypt(),
            entity.subject(),
            entity.from(),
            entity.date(),
        );
        if let Some(protected) = entity.protected_headers() {
            assert!(
                protected
                    .subject
                    .is_none_or(|s| !s.contains(['\n', '\r', '\u{202e}']))
            );
        }
        if let Layout::Signed { signed, .. } = entity.layout() {
            let bare = signed
                .iter()
                .enumerate()
                .any(|(n, b)| *b == b'\n' && (n == 0 || signed[n - 1] != b'\r'));
            assert!(!bare, "signed octets have CRLF line ends");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(2) {
        mutator::bend(data, size, max_size, seed)
    } else {
        fuzzer_mutate(data, size, max_size)
    }
});
