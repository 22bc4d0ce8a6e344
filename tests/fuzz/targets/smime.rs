//! CMS and certificates: nothing panics, and nothing that AES-GCM did not prove counts as proven.
#![no_main]

#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::fuzz_target;
use sealdesk::model::budget::Budget;
use sealdesk::model::limits::Limits;
use sealdesk::model::reading::Integrity;
use sealdesk::smime::{
    Content, SignerFound, SmimeKeys, Trust, certificates, kind_of, open, read, verify,
};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

static KEYS: LazyLock<Mutex<SmimeKeys>> = LazyLock::new(|| {
    panics::silence();
    let pem = include_bytes!("../../mail/keys/smime-desk.pem");
    Mutex::new(SmimeKeys::load(pem, None).unwrap())
});

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let root = include_str!("../../mail/keys/smime-root.pem").to_owned();
    Trust::new(&[root], Vec::new(), "2026-11-22T12:00:00Z".parse().ok())
});

fuzz_target!(|octets: &[u8]| {
    let budget = Budget::of_letter(octets.len(), &Limits::MAX, || Duration::ZERO);
    let _ = kind_of(octets);
    for certificate in certificates(octets).unwrap_or_default() {
        drop((
            certificate.fingerprint(),
            certificate.addresses(),
            certificate.subject(),
            certificate.expires(),
            certificate.algorithms(),
        ));
    }
    let Ok(message) = read(octets) else {
        return;
    };
    match message.content() {
        Ok(Content::Enveloped(enveloped)) => {
            if let Ok(opened) = open(&enveloped, &mut *KEYS.lock().unwrap(), &budget) {
                assert!(matches!(
                    opened.integrity,
                    Integrity::Aead | Integrity::Unproven
                ));
                assert!(opened.plaintext.len() <= octets.len());
            }
        }
        Ok(Content::Signed(signed)) => {
            let content = signed.content.unwrap_or_default();
            let found = verify(&signed, content, &TRUST, &budget);
            let is_bad = |found: &SignerFound| matches!(found, SignerFound::Bad { .. });
            assert!(!found.iter().any(is_bad) || found.iter().all(is_bad));
        }
        _ => {}
    }
});
