//! What does a reader do in its one life? It opens one letter, answers the desk, and ends.

use super::wire::{
    self, ASK_MAIL, ASK_SMIME, ASK_STORAGE, DONE, FRAME_OCTETS_MAX, GOOD, KEY, NAMED, OpenerVerb,
    ReadAnswer, ReadCall, SEAL, SPENT, SealCall, Wire, WireError,
};
use super::{jail, sys};
use crate::mime::OwnAddresses;
use crate::model::address::Address;
use crate::model::budget::Budget;
use crate::model::limits::Limits;
use crate::model::reading::{Outside, Wanted};
use crate::openpgp::{self, Purpose, SecretKeys, SessionKey, SessionKeys};
use crate::reading::{self, Position};
use crate::smime::{self, ContentKey, ContentKeys, KeyQuestion};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The exit code of a reader whose keyholder is gone (EX_UNAVAILABLE of sysexits.h).
const EXIT_WITHOUT_KEYHOLDER: i32 = 69;

/// The desk sends a letter as fast as it reads its own disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers one call; the exit code says whether it went well.
pub fn serve(verb: u8, desk: &OwnedFd, keys: &OwnedFd, limits: &Limits) -> i32 {
    let desk = Wire::patient(desk, PATIENCE);
    let keys = Wire::patient(keys, PATIENCE);
    let answered = match OpenerVerb::from_octet(verb) {
        Some(OpenerVerb::Read) => read(&desk, &keys, false, limits),
        Some(OpenerVerb::ReadSealed) => read(&desk, &keys, true, limits),
        Some(OpenerVerb::OutsideSealed) => outside(&desk, &keys, true, limits),
        Some(OpenerVerb::Outside) => outside(&desk, &keys, false, limits),
        Some(OpenerVerb::Unseal) => unseal(&desk, &keys),
        _ if verb == SEAL => seal(&desk, &keys),
        _ => desk.refuse("unknown verb"),
    };
    // Said last: without it the keyholder counts a death.
    let told = keys.give(&[DONE]);
    i32::from(answered.is_err() || told.is_err())
}

fn read(desk: &Wire<'_>, keys: &Wire<'_>, sealed: bool, limits: &Limits) -> Result<(), WireError> {
    let call: ReadCall = serde_json::from_slice(&desk.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?)?;
    if let Some(letter) = call.letter {
        // Before an octet of it is looked at: one that kills its reader is named too.
        keys.give(&[NAMED])?;
        keys.give_frame(&letter.to_le_bytes())?;
    }
    let letter = match letter(desk, keys, sealed, limits)? {
        Ok(letter) => letter,
        Err(why) => return desk.refuse(&why),
    };
    let read = reading::read(
        &letter,
        &mut Asking::new(keys, ASK_MAIL),
        &position(&call, limits),
    );
    crate::reading::strike(&read.reading.text, call.words_alone);
    desk.give(&[GOOD])?;
    desk.give_frame(&serde_json::to_vec(&ReadAnswer {
        reading: read.reading,
        files: read.files.len(),
    })?)?;
    read.files
        .iter()
        .try_for_each(|octets| desk.give_frame(octets))
}

/// Whatever the letter is, no mail key is asked for: what this tells, anyone on the way could have
/// told.
fn outside(
    desk: &Wire<'_>,
    keys: &Wire<'_>,
    sealed: bool,
    limits: &Limits,
) -> Result<(), WireError> {
    let call: ReadCall = serde_json::from_slice(&desk.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?)?;
    let letter = match letter(desk, keys, sealed, limits)? {
        Ok(letter) => letter,
        Err(why) => return desk.refuse(&why),
    };
    let read = reading::read(
        &letter,
        &mut SecretKeys::none(Purpose::Mail),
        &position(&call, limits),
    );
    let outside = Outside::of(&read.reading, reading::ciphertext_digest(&letter, limits));
    desk.give(&[GOOD])?;
    desk.give_frame(&serde_json::to_vec(&outside)?)
}

/// Takes the letter of a call, and opens it where it is sealed at rest; else why it cannot be
/// opened. From then on this process has no more memory and processor time than a letter of that
/// size may cost.
fn letter(
    desk: &Wire<'_>,
    keys: &Wire<'_>,
    sealed: bool,
    limits: &Limits,
) -> Result<Result<Vec<u8>, String>, WireError> {
    let octets = desk.take_frame(FRAME_OCTETS_MAX)?;
    let letter = if sealed {
        match openpgp::open(
            &octets,
            &mut Asking::new(keys, ASK_STORAGE),
            &[],
            &Budget::ours(),
        ) {
            Ok(opened) => opened.plaintext,
            Err(why) => return Ok(Err(format!("the sealed letter cannot be opened: {why}"))),
        }
    } else {
        octets
    };
    let limited = jail::limit_reader(&limits.for_letter(letter.len() as u64));
    Ok(limited.map(|()| letter).map_err(|err| err.to_string()))
}

fn position(call: &ReadCall, limits: &Limits) -> Position {
    let certificates = call
        .certificates
        .iter()
        .filter_map(|armored| openpgp::certificates(armored.as_bytes()).ok())
        .flatten()
        .collect();
    let smime_pinned = call
        .certificates
        .iter()
        .filter(|text| smime::is_certificate(text))
        .filter_map(|pem| smime::certificates(pem.as_bytes()).ok())
        .flatten()
        .collect();
    let addresses = |texts: &[String]| {
        let parsed = texts.iter().filter_map(|text| Address::parse(text).ok());
        parsed.collect()
    };
    let own_addresses = OwnAddresses {
        ours: addresses(&call.ours),
        own_lists: call.own_lists.clone(),
        forms: addresses(&call.forms),
        authserv_id: call.authserv_id.clone(),
    };
    Position {
        own_addresses,
        products: call.products.clone(),
        certificates,
        smime_pinned,
        smime_roots: call.smime_roots.clone(),
        answers_smime: call.answers_smime,
        limits: *limits,
        cpu: sys::cpu_time,
        wanted: Wanted {
            facts: !call.words_alone,
            files: call.with_files,
        },
        admitted: call.admitted.clone(),
    }
}

fn unseal(desk: &Wire<'_>, keys: &Wire<'_>) -> Result<(), WireError> {
    let blob = desk.take_frame(FRAME_OCTETS_MAX)?;
    match openpgp::open(
        &blob,
        &mut Asking::new(keys, ASK_STORAGE),
        &[],
        &Budget::ours(),
    ) {
        Ok(opened) => {
            desk.give(&[GOOD])?;
            desk.give_frame(&opened.plaintext)
        }
        Err(why) => desk.refuse(&format!("the blob cannot be opened: {why}")),
    }
}

/// Encrypts what the keyholder signed. A stranger's certificate is parsed here, where no key is.
fn seal(desk: &Wire<'_>, keys: &Wire<'_>) -> Result<(), WireError> {
    let call: SealCall = serde_json::from_slice(&keys.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?)?;
    let packets = keys.take_frame(wire::COMPOSED_OCTETS_MAX)?;
    let pem = call.certificates.iter().find(|c| smime::is_certificate(c));
    if let Some(pem) = pem {
        return give_letter(desk, seal_smime(&call, pem, &packets));
    }
    let certificates: Vec<_> = call
        .certificates
        .iter()
        .filter_map(|armored| openpgp::certificates(armored.as_bytes()).ok())
        .flatten()
        .collect();
    let armored = openpgp::seal_packets(&certificates, &packets)
        .and_then(|sealed| openpgp::armored_message(&sealed));
    let letter = match armored {
        Ok(armored) => call.headers.encrypted(armored).map_err(|e| e.to_string()),
        Err(err) => Err(err.to_string()),
    };
    give_letter(desk, letter)
}

fn give_letter(desk: &Wire<'_>, letter: Result<Vec<u8>, String>) -> Result<(), WireError> {
    match letter {
        Ok(letter) => {
            desk.give(&[GOOD])?;
            desk.give_frame(&letter)
        }
        Err(why) => desk.refuse(&why),
    }
}

/// As [`seal`], for S/MIME: what the keyholder signed is an entity.
fn seal_smime(call: &SealCall, pem: &str, entity: &[u8]) -> Result<Vec<u8>, String> {
    let sealed = smime::seal(pem, entity, call.headers.at()).map_err(|e| e.to_string())?;
    let letter = call.headers.enveloped(&sealed.octets, sealed.smime_type);
    letter.map_err(|e| e.to_string())
}

/// Asks the keyholder, which answers only for the kind of key that this call is about.
///
/// Without a keyholder there is no answer to be had, and none to be given: "no key opens it" would
/// be a guess. So the reader ends, the desk's connection closes without a word, and the letter is
/// read again.
struct Asking<'a, 'fd> {
    keys: &'a Wire<'fd>,
    ask: u8,
    spent: bool,
}

impl<'a, 'fd> Asking<'a, 'fd> {
    fn new(keys: &'a Wire<'fd>, ask: u8) -> Self {
        Self {
            keys,
            ask,
            spent: false,
        }
    }
}

impl Asking<'_, '_> {
    fn ask(&mut self, pkesk: &[u8], hint: Option<u8>) -> Result<Option<SessionKey>, WireError> {
        self.keys.give(&[self.ask, hint.unwrap_or(0)])?;
        self.keys.give_frame(pkesk)?;
        let answered = self.take_key()?;
        Ok(answered.map(|(algorithm, octets, recipient)| SessionKey {
            algorithm: (algorithm != 0).then_some(algorithm),
            octets,
            recipient,
        }))
    }

    fn ask_smime(&mut self, question: &KeyQuestion) -> Result<Option<ContentKey>, WireError> {
        self.keys.give(&[ASK_SMIME])?;
        self.keys.give_frame(&serde_json::to_vec(question)?)?;
        let answered = self.take_key()?;
        Ok(answered.map(|(_, octets, recipient)| ContentKey { octets, recipient }))
    }

    /// The algorithm in one octet, the key, and the recipient's name.
    fn take_key(&mut self) -> Result<Option<(u8, Vec<u8>, String)>, WireError> {
        match self.keys.take_octet()? {
            KEY => {}
            SPENT => {
                self.spent = true;
                return Ok(None);
            }
            _ => return Ok(None),
        }
        let algorithm = self.keys.take_octet()?;
        let octets = self.keys.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?;
        let recipient = self.keys.take_frame(wire::SMALL_FRAME_OCTETS_MAX)?;
        let recipient = String::from_utf8_lossy(&recipient).into_owned();
        Ok(Some((algorithm, octets, recipient)))
    }
}

impl ContentKeys for Asking<'_, '_> {
    fn content_key(&mut self, question: &KeyQuestion) -> Option<ContentKey> {
        self.ask_smime(question)
            .unwrap_or_else(|_| sys::end(EXIT_WITHOUT_KEYHOLDER))
    }

    fn is_exhausted(&self) -> bool {
        self.spent
    }
}

impl SessionKeys for Asking<'_, '_> {
    fn session_key(&mut self, pkesk: &[u8], hint: Option<u8>) -> Option<SessionKey> {
        self.ask(pkesk, hint)
            .unwrap_or_else(|_| sys::end(EXIT_WITHOUT_KEYHOLDER))
    }

    fn is_spent(&self) -> bool {
        self.spent
    }
}
