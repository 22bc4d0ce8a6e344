//! What the keyholder is asked: session keys for any octets, and content keys, letters and a
//! security.txt from any JSON. Nothing ends it.
#![no_main]

#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::fuzz_target;
use sealdesk::compose::{self, DeskIdentity, OwnCertificate, Templates};
use sealdesk::model::address::Address;
use sealdesk::model::outgoing::Composition;
use sealdesk::model::publication::SecurityTxt;
use sealdesk::model::timeline::Timeline;
use sealdesk::openpgp::{Purpose, SecretKeys, SessionKeys};
use sealdesk::smime::{ContentKeys, KeyQuestion, SmimeKeys};
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

static SMIME: LazyLock<Mutex<SmimeKeys>> = LazyLock::new(|| {
    let pem = include_bytes!("../../mail/keys/smime-desk.pem");
    Mutex::new(SmimeKeys::load(pem, None).unwrap())
});

static HOUSE: LazyLock<DeskIdentity> = LazyLock::new(|| DeskIdentity {
    address: Address::parse("security@desk.example").unwrap(),
    name: "Desk".to_owned(),
    certificates: vec![OwnCertificate {
        fingerprint: "AB".repeat(20),
        version: 4,
        armored: "ARMOR".to_owned(),
        binary: vec![7; 300],
    }],
    smime: Vec::new(),
    templates: Templates::load(None).unwrap(),
    language: Default::default(),
    timeline: Timeline::default(),
    page: None,
});

fuzz_target!(|octets: &[u8]| {
    let mut keys = KEYS.lock().unwrap();
    let (hint, pkesk) = octets
        .split_first()
        .map_or((0, octets), |(hint, rest)| (*hint, rest));
    for hint in [None, Some(hint)] {
        if let Some(key) = keys.session_key(pkesk, hint) {
            assert!(!key.octets.is_empty() && key.octets.len() <= 64);
        }
    }
    if let Ok(question) = serde_json::from_slice::<KeyQuestion>(octets)
        && let Some(key) = SMIME.lock().unwrap().content_key(&question)
    {
        assert_eq!(key.octets.len(), question.key_octets);
    }
    if let Ok(composition) = serde_json::from_slice::<Composition>(octets)
        && let Ok(draft) = compose::draft(&composition, &HOUSE)
    {
        assert!(!draft.octets_to_sign().is_empty());
        let _ = compose::plain(&composition, &HOUSE);
    }
    if let Ok(fields) = serde_json::from_slice::<SecurityTxt>(octets) {
        let _ = compose::security_txt(&fields, &HOUSE);
    }
});
