//! How is S/MIME opened, and what do its signatures cover?

use super::certificates::TheirCertificate;
use super::{Covering, MailKeys, State};
use crate::mime::{self, Entity, File, Layout};
use crate::model::budget::Sum;
use crate::model::reading::{Format, Integrity, Protection, Shut, TrustAnchor};
use crate::openpgp::SignatureFound;
use crate::smime::{self, Content, Enveloped, MessageKind, Signed, SignerFound};
use std::rc::Rc;

/// Where in a letter something stands.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub depth: usize,
    /// Nothing around it was encrypted.
    pub clear: bool,
}

const UNPROVEN: &str = "nothing proves that the letter is as its sender wrote it: S/MIME in CBC can \
    be changed on the way (EFAIL), and no signature inside covers all of it whose certificate leads \
    to a root of the config. Don't quote it in an answer before its sender confirmed it";

const COSTLY: &str = "a part in S/MIME is not read: the letter costs more work than one letter may";

impl State<'_> {
    /// One CMS message that holds its content. `first`: it speaks for the letter. Returns whether
    /// what was inside is shown.
    pub(super) fn smime(
        &mut self,
        message: &[u8],
        claims_sealed: bool,
        keys: &mut dyn MailKeys,
        at: At,
        first: bool,
    ) -> bool {
        // Told by its form, before any key is asked.
        let kind = smime::kind_of(message);
        let is_sealed = match kind {
            Some(MessageKind::Signed | MessageKind::Compressed) => false,
            Some(MessageKind::Enveloped) => true,
            Some(MessageKind::Other) | None => claims_sealed,
        };
        self.sealed |= is_sealed;
        if !self.pays(message) {
            self.stays_shut(is_sealed, Shut::Limit, COSTLY);
            return false;
        }
        let read = smime::read(message);
        let content = read.as_ref().map(smime::Message::content);
        // OpenSSL reads lengths that the first look does not: what a key will be asked for is sealed,
        // whether it opens or not.
        let is_sealed = is_sealed || matches!(content, Ok(Ok(Content::Enveloped(_))));
        self.sealed |= is_sealed;
        match content {
            Ok(Ok(Content::Enveloped(enveloped))) => self.enveloped(&enveloped, keys, at, first),
            Ok(Ok(Content::Signed(signed))) => self.signed_inside(&signed, keys, at, first),
            Ok(Ok(Content::Compressed)) => {
                self.stays_shut(
                    is_sealed,
                    Shut::Unsupported,
                    "a part is compressed (S/MIME), which is not unpacked: ask for it as it is",
                );
                false
            }
            Ok(Ok(Content::Other)) => {
                self.stays_shut(
                    is_sealed,
                    Shut::Unsupported,
                    "a part is a kind of S/MIME that is not read here: ask for it in another way",
                );
                false
            }
            Ok(Err(_)) | Err(_) => {
                self.stays_shut(
                    is_sealed,
                    Shut::Integrity,
                    "a part in S/MIME stays shut: it is damaged or not whole",
                );
                false
            }
        }
    }

    /// Draws on the budget of the letter for taking a message apart.
    fn pays(&self, message: &[u8]) -> bool {
        let drawn = self.budget.draw(Sum::Messages, 1);
        let parsed = drawn.and_then(|()| self.budget.draw(Sum::Parsed, message.len() as u64));
        parsed.is_ok()
    }

    /// A file that is a CMS message: a document of its own.
    pub(super) fn smime_file(&mut self, file: &File<'_>, keys: &mut dyn MailKeys, at: At) {
        let alone = self.shows_nothing();
        let chain = std::mem::replace(&mut self.chain, alone);
        let beside = std::mem::replace(&mut self.beside, true);
        let claims_sealed = smime::kind_of(&file.octets).is_none();
        if self.too_deep(at.depth + 1) || !self.smime(&file.octets, claims_sealed, keys, at, alone)
        {
            self.keep(file);
        }
        self.beside = beside;
        self.chain = chain;
    }

    fn stays_shut(&mut self, encrypted: bool, shut: Shut, fault: &str) {
        // What a forwarded letter holds shuts nothing of this one.
        if !self.forwarded {
            self.protections.push(Protection {
                encrypted,
                format: Format::Smime,
                shut: Some(shut),
                ..Protection::default()
            });
        }
        self.fault(fault);
    }

    fn enveloped(
        &mut self,
        enveloped: &Enveloped<'_>,
        keys: &mut dyn MailKeys,
        at: At,
        first: bool,
    ) -> bool {
        let opened = match smime::open(enveloped, keys, self.budget) {
            Ok(opened) => opened,
            Err(unopened) => {
                self.stays_shut(
                    true,
                    unopened.shut,
                    &format!("an encrypted part stays shut: {unopened}"),
                );
                return false;
            }
        };
        if let Some(cipher) = opened.old_cipher {
            self.fault(format!(
                "an encrypted part is in {cipher}, which is out of use: have its sender update"
            ));
        }
        if self.sealed_to.is_none() {
            self.sealed_to = Some(opened.recipient.clone());
        }
        let place = self.protections.len();
        self.protections.push(Protection {
            encrypted: true,
            format: Format::Smime,
            integrity: opened.integrity,
            ..Protection::default()
        });
        let inner = match entity_in(&opened.plaintext, self) {
            Ok(inner) => inner,
            Err(limit) => {
                self.over_limit(limit);
                return true;
            }
        };
        let is_proven = opened.integrity != Integrity::Unproven;
        let shown = (self.texts.len(), self.files.len());
        // Header fields that stand outside a signature would be proven by nothing.
        let takes_headers = first && (is_proven || !is_signed(&inner));
        self.sealed_inside(Vec::new(), |state| {
            if takes_headers {
                state.protected_headers(&inner);
            }
            state.entity(&inner, keys, at.depth + 1, false);
        });
        if !is_proven {
            self.judge_unproven(place, shown, takes_headers);
        }
        true
    }

    /// Says of a part in CBC whether a signature inside it proves it after all: one by a chain to a
    /// root of the config that covers everything that came out of it. Header fields that were taken
    /// from beside it are a part of that: whoever changes CBC can put them in front.
    fn judge_unproven(
        &mut self,
        place: usize,
        (texts, files): (usize, usize),
        takes_headers: bool,
    ) {
        let texts = self.texts[texts..].iter();
        let texts = texts.filter(|shown| !shown.text.trim().is_empty());
        let files = self.files[files..].iter();
        let files = files.filter(|kept| !kept.says_nothing);
        let coverings: Vec<&Covering> = texts
            .map(|shown| &shown.covering)
            .chain(files.map(|kept| &kept.covering))
            .collect();
        let is_by_root = |found: &&SignatureFound| {
            matches!(
                found,
                SignatureFound::Good {
                    anchor: Some(TrustAnchor::Root { .. }),
                    ..
                }
            )
        };
        let over_all = |found: &SignatureFound| coverings.iter().all(|c| c.contains(found));
        let is_proven = !takes_headers
            && coverings
                .first()
                .is_some_and(|first| first.iter().filter(is_by_root).any(over_all));
        if let Some(protection) = self.protections.get_mut(place)
            && is_proven
        {
            protection.integrity = Integrity::Signature;
        }
        if !is_proven {
            self.fault(UNPROVEN);
        }
    }

    /// SignedData with its content inside.
    fn signed_inside(
        &mut self,
        signed: &Signed<'_>,
        keys: &mut dyn MailKeys,
        at: At,
        first: bool,
    ) -> bool {
        let Some(content) = signed.content else {
            self.fault("an S/MIME part holds certificates or a signature and no content");
            return false;
        };
        let found = self.signers(signed, content, at);
        let inner = match entity_in(content, self) {
            Ok(inner) => inner,
            Err(limit) => {
                self.over_limit(limit);
                return true;
            }
        };
        self.under_signers(found, &inner, keys, at, first);
        true
    }

    /// multipart/signed: the content stands beside its signature.
    pub(super) fn smime_signed(
        &mut self,
        content: &[u8],
        signature: &[u8],
        keys: &mut dyn MailKeys,
        at: At,
    ) {
        let inner = match Entity::parse(content, self.budget) {
            Ok(inner) => inner,
            Err(limit) => return self.over_limit(limit),
        };
        if !self.pays(signature) {
            self.fault(COSTLY);
            return self.under_signers(Vec::new(), &inner, keys, at, true);
        }
        let read = smime::read(signature);
        let found = match read.as_ref().map(smime::Message::content) {
            Ok(Ok(Content::Signed(signed))) => self.signers(&signed, content, at),
            _ => {
                self.fault("its S/MIME signature is damaged or not whole");
                vec![SignatureFound::Bad { issuer: None }]
            }
        };
        self.under_signers(found, &inner, keys, at, true);
    }

    fn under_signers(
        &mut self,
        found: Vec<SignatureFound>,
        inner: &Entity<'_>,
        keys: &mut dyn MailKeys,
        at: At,
        first: bool,
    ) {
        self.learn_from_files(&inner.files(), at.clear);
        // In clear, header fields under a signature that is not its originator's are anybody's.
        let by_originator = found.iter().any(|s| self.is_by_originator(s));
        self.covered(found, |state| {
            if first && (by_originator || (!at.clear && state.chain)) {
                state.protected_headers(inner);
            }
            state.entity(inner, keys, at.depth + 1, at.clear);
        });
    }

    /// Checks the signatures of a message, keeps the certificate of its originator, and says what is
    /// wrong with the others.
    fn signers(&mut self, signed: &Signed<'_>, content: &[u8], at: At) -> Vec<SignatureFound> {
        let position = self.position;
        let arrived = self.arrived;
        let trust = self.trust.get_or_init(|| {
            let pinned = position.smime_pinned.clone();
            Rc::new(smime::Trust::new(&position.smime_roots, pinned, arrived))
        });
        let trust = Rc::clone(trust);
        let found = smime::verify(signed, content, &trust, self.budget);
        if found.is_empty() {
            self.fault("an S/MIME part holds no signature");
        }
        found.into_iter().map(|one| self.judged(one, at)).collect()
    }

    fn judged(&mut self, found: SignerFound, at: At) -> SignatureFound {
        match found {
            SignerFound::Good {
                certificate,
                anchor,
            } => {
                self.learn_signer(&certificate, at);
                let good = SignatureFound::Good {
                    fingerprint: certificate.fingerprint(),
                    addresses: certificate.addresses(),
                    intended: Vec::new(),
                    anchor: Some(anchor),
                };
                if !self.is_by_originator(&good) {
                    self.fault(format!(
                        "it is signed with the certificate of somebody else than its From: {}",
                        whose(&certificate)
                    ));
                }
                good
            }
            SignerFound::Untrusted { certificate, why } => {
                self.learn_signer(&certificate, at);
                self.fault(format!("its S/MIME signature is not believed: {why}"));
                SignatureFound::Unknown {
                    issuer: Some(certificate.fingerprint()),
                }
            }
            SignerFound::Unproven { why } => {
                self.fault(format!("its S/MIME signature is not believed: {why}"));
                SignatureFound::Unknown { issuer: None }
            }
            SignerFound::Bad { fingerprint } => SignatureFound::Bad {
                issuer: fingerprint,
            },
        }
    }

    /// Keeps the certificate of a right signature, where it is the originator's and letters can be
    /// sealed to it.
    fn learn_signer(&mut self, certificate: &smime::Certificate, at: At) {
        let is_theirs = self
            .from
            .as_ref()
            .is_some_and(|from| certificate.is_of(from));
        let can_encrypt = self.arrived.is_some_and(|at| certificate.can_encrypt(at));
        if !is_theirs || !can_encrypt || !self.position.answers_smime {
            return;
        }
        let way = self.way(at.clear);
        self.brought_by(TheirCertificate::Smime(certificate.clone()), way);
    }
}

/// Whether an entity is signed as a whole.
fn is_signed(entity: &Entity<'_>) -> bool {
    match entity.layout() {
        Layout::SmimeSigned { .. } => true,
        Layout::Smime { message, .. } => smime::kind_of(&message) == Some(MessageKind::Signed),
        _ => false,
    }
}

/// The entity that a message holds; bare text where it is none.
fn entity_in<'x>(octets: &'x [u8], state: &State<'_>) -> Result<Entity<'x>, mime::LimitExceeded> {
    match mime::entity_in(octets) {
        Some(octets) => Entity::parse(octets, state.budget),
        None => Entity::letter(octets, state.budget),
    }
}

/// The addresses of a certificate, else its subject.
fn whose(certificate: &smime::Certificate) -> String {
    let addresses = certificate.addresses();
    if addresses.is_empty() {
        certificate.subject()
    } else {
        addresses.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use crate::openpgp::{Purpose, SecretKeys};
    use crate::reading::{MailKeys, Position, read};
    use crate::smime::{ContentKey, ContentKeys, KeyQuestion, SmimeKeys};

    /// The desk's keys of S/MIME, and none of OpenPGP.
    struct Keys(SmimeKeys);

    impl ContentKeys for Keys {
        fn content_key(&mut self, question: &KeyQuestion) -> Option<ContentKey> {
            self.0.content_key(question)
        }
    }

    impl crate::openpgp::SessionKeys for Keys {
        fn session_key(&mut self, _: &[u8], _: Option<u8>) -> Option<crate::openpgp::SessionKey> {
            None
        }
    }

    /// Nobody's.
    struct NoKeys;

    impl ContentKeys for NoKeys {
        fn content_key(&mut self, _: &KeyQuestion) -> Option<ContentKey> {
            None
        }
    }

    impl crate::openpgp::SessionKeys for NoKeys {
        fn session_key(&mut self, _: &[u8], _: Option<u8>) -> Option<crate::openpgp::SessionKey> {
            None
        }
    }

    fn keys() -> Keys {
        let pem = include_bytes!("../../tests/mail/keys/smime-desk.pem");
        Keys(SmimeKeys::load(pem, None).unwrap())
    }

    fn position() -> Position {
        Position {
            smime_roots: vec![include_str!("../../tests/mail/keys/smime-root.pem").to_owned()],
            answers_smime: true,
            ..Position::default()
        }
    }

    /// The header of a letter of `tests/mail/smime`, and its entity.
    fn letter(name: &str) -> (String, String) {
        let path = format!("{}/tests/mail/smime/{name}.eml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let at = text.find("Content-Type: ").unwrap();
        (text[..at].to_owned(), text[at..].to_owned())
    }

    fn mixed(parts: &[&str]) -> String {
        let (head, _) = letter("gcm");
        let parts: String = parts.iter().map(|part| format!("--m1\n{part}\n")).collect();
        format!("{head}Content-Type: multipart/mixed; boundary=\"m1\"\n\n{parts}--m1--\n")
    }

    /// What was learnt in clear.
    fn pinnable(octets: &str, keys: &mut dyn MailKeys) -> Vec<String> {
        let reading = read(octets.as_bytes(), keys, &position()).reading;
        let found = reading.certificates.into_iter().filter(|c| c.pinnable);
        found.map(|c| c.fingerprint).collect()
    }

    /// The length of the type in a form that DER forbids: the first look does not know the type, and
    /// OpenSSL reads it all the same.
    fn with_a_long_type(message: &[u8]) -> Vec<u8> {
        let length_octets = usize::from(message[1] & 0x7f);
        assert!(message[0] == 0x30 && message[1] & 0x80 != 0 && length_octets > 0);
        let (length, rest) = message[2..].split_at(length_octets);
        let longer = length.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b)) + 1;
        let longer = &longer.to_be_bytes()[size_of::<usize>() - length_octets..];
        assert_eq!(rest[..2], [0x06, 0x09]);
        [&message[..2], longer, &[0x06, 0x81, 0x09], &rest[2..]].concat()
    }

    #[test]
    fn what_a_key_is_asked_for_is_sealed_whether_it_opens_or_not() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let (_, entity) = letter("cbc-unsigned");
        let base64: String = entity
            .split("\n\n")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .collect();
        let hidden = with_a_long_type(&STANDARD.decode(base64).unwrap());
        let hidden = format!(
            "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\
             Content-Transfer-Encoding: base64\n\n{}",
            STANDARD.encode(hidden)
        );
        let forwarded = format!("Content-Type: message/rfc822\n\nFrom: b@b.example\n{hidden}");
        let words = "Content-Type: text/plain\n\nXSS in acme 1.2.\n";
        for letter in [mixed(&[words, &forwarded]), mixed(&[words, &hidden])] {
            let opened = read(letter.as_bytes(), &mut keys(), &position()).reading;
            let shut = read(letter.as_bytes(), &mut NoKeys, &position()).reading;
            assert!(opened.came_sealed() && shut.came_sealed());
        }
    }

    #[test]
    fn what_is_learnt_in_clear_is_the_same_whoever_holds_which_keys() {
        let (sealed, signed) = (letter("gcm").1, letter("opaque").1);
        let detached = letter("signed").1;
        let letters = [
            mixed(&[&sealed, &signed]),
            mixed(&[&signed, &sealed]),
            mixed(&[&sealed, &detached]),
            mixed(&[&sealed]),
            letter("triple").0 + &letter("triple").1,
            letter("signed").0 + &detached,
        ];
        for (n, text) in letters.iter().enumerate() {
            let with = pinnable(text, &mut keys());
            let without = pinnable(text, &mut SecretKeys::none(Purpose::Mail));
            assert_eq!(with, without, "letter {n}");
            assert_eq!(with.len(), usize::from(n >= 4), "letter {n}");
        }
    }

    #[test]
    fn the_form_tells_what_is_sealed_before_a_key_is_asked() {
        let rows = [
            ("gcm", true),
            ("cbc", true),
            ("no-key", true),
            ("triple", true),
            ("footer", true),
            ("opaque", false),
            ("signed", false),
        ];
        for (name, sealed) in rows {
            let text = letter(name).0 + &letter(name).1;
            for keys in [
                &mut keys() as &mut dyn MailKeys,
                &mut SecretKeys::none(Purpose::Mail),
            ] {
                let reading = read(text.as_bytes(), keys, &position()).reading;
                assert_eq!(reading.sealed, sealed, "{name}");
            }
        }
    }

    #[test]
    fn certificates_of_smime_are_kept_only_where_we_can_answer_in_it() {
        let text = letter("signed").0 + &letter("signed").1;
        let position = Position {
            answers_smime: false,
            ..position()
        };
        let reading = read(text.as_bytes(), &mut keys(), &position).reading;
        assert!(reading.certificates.is_empty());
    }
}
