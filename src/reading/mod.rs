//! What does one letter say? Outer, open, read, classify: one pure chain, run inside the reader.
//!
//! Each encrypted part is a document of its own and never joined with its siblings (EFAIL, covert
//! content). A signature counts only where nothing unsigned stands beside what it covers.

mod blocks;
mod certificates;
mod conclude;
mod files;
mod layers;
mod opening;
mod smime_layers;
mod strike;

use crate::mime::{self, Entity, Layout, LimitExceeded, OwnAddresses};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::budget::Budget;
use crate::model::ids::Digest;
use crate::model::letter::{Dmarc, Outer};
use crate::model::limits::Limits;
use crate::model::product::OwnProduct;
use crate::model::reading::{Attachment, Delivery, Protection, Reading, Shut, Wanted};
use crate::openpgp::{self, Certificate, SecretKeys, SessionKeys, SignatureFound};
use crate::smime::{self, ContentKey, ContentKeys, KeyQuestion};
use certificates::{Brought, Way};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;
pub use strike::strike;

/// Whoever can open both kinds of mail: the keys themselves, or a socket to the keyholder.
pub trait MailKeys: SessionKeys + ContentKeys {}

impl<T: SessionKeys + ContentKeys> MailKeys for T {}

/// OpenPGP keys open no S/MIME.
impl ContentKeys for SecretKeys {
    fn content_key(&mut self, _: &KeyQuestion) -> Option<ContentKey> {
        None
    }
}

/// From where a letter is read: what is ours, the certificates that we already hold, and how much
/// it may cost.
#[derive(Clone, Debug)]
pub struct Position {
    pub own_addresses: OwnAddresses,
    pub products: Vec<OwnProduct>,
    pub certificates: Vec<Certificate>,
    /// Certificates of S/MIME that we hold for the originator.
    pub smime_pinned: Vec<smime::Certificate>,
    /// Roots in PEM that the config trusts.
    pub smime_roots: Vec<String>,
    /// We can answer in S/MIME, so that certificates of it are kept.
    pub answers_smime: bool,
    pub limits: Limits,
    /// The processor time that this process used so far.
    pub cpu: fn() -> Duration,
    pub wanted: Wanted,
    /// `None` for a letter that no desk received.
    pub admitted: Option<Admitted>,
}

/// What was found out at a letter's arrival by whom its octets alone do not tell: the desk asks DNS
/// who sent it, and its server when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    pub originator: Option<Address>,
    pub received_at: Timestamp,
}

/// From nowhere: nothing is ours, and time stands still.
impl Default for Position {
    fn default() -> Self {
        let (own_addresses, certificates, limits) =
            (OwnAddresses::default(), Vec::new(), Limits::MAX);
        Self {
            own_addresses,
            products: Vec::new(),
            certificates,
            smime_pinned: Vec::new(),
            smime_roots: Vec::new(),
            answers_smime: false,
            limits,
            cpu: || Duration::ZERO,
            wanted: Wanted::FACTS,
            admitted: None,
        }
    }
}

/// A reading, and the octets of the files that it lists, in the same order, where they are wanted.
pub struct Read {
    pub reading: Reading,
    pub files: Vec<Vec<u8>>,
}

/// Reads one letter. It never fails: what can't be opened or understood is said in the reading.
pub fn read(octets: &[u8], keys: &mut dyn MailKeys, position: &Position) -> Read {
    let mut outer = mime::outer(octets, &position.own_addresses, Dmarc::Unknown);
    if let Some(admitted) = &position.admitted {
        outer.originator.clone_from(&admitted.originator);
    }
    let budget = Budget::of_letter(octets.len(), &position.limits, position.cpu);
    let mut state = State::new(&outer, position, &budget);
    let admitted = position.admitted.as_ref();
    state.arrived = admitted.map_or_else(
        || mime::arrival(octets),
        |admitted| Some(admitted.received_at),
    );
    match Entity::letter(octets, &budget) {
        Ok(root) => state.read_root(&root, keys),
        Err(limit) => state.over_limit(limit),
    }
    state.finish(&outer)
}

/// The SHA-256 of the binary packets of a PGP/MIME letter's ciphertext (RFC 3156 section 4): what
/// its reporter can compute from the copy in their own Sent folder. No key is asked for, so that it
/// says nothing of what we could open.
pub fn ciphertext_digest(octets: &[u8], limits: &Limits) -> Option<Digest> {
    let root = Entity::letter(
        octets,
        &Budget::of_letter(octets.len(), limits, || Duration::ZERO),
    )
    .ok()?;
    match root.layout() {
        Layout::Encrypted { sealed, .. } => sealed
            .first()
            .map(|sealed| openpgp::digest(&sealed.ciphertext)),
        _ => None,
    }
}

/// Signatures that cover something: held once, however many texts and files they cover.
type Covering = Rc<Vec<SignatureFound>>;

/// A document of the letter, and the signatures that cover all of it.
struct Shown {
    text: String,
    covering: Covering,
}

/// A file of the letter, and the signatures that cover it.
struct Kept {
    attachment: Attachment,
    /// Empty where nobody wants them.
    octets: Vec<u8>,
    /// A record or a text that the report may be read from, as UTF-8; empty for any other file.
    readable: Vec<u8>,
    /// A signature need not cover it.
    says_nothing: bool,
    covering: Covering,
}

/// A fault of HTML that its reader would have paid for.
const WITHOUT_LAYOUT: &str = "its HTML is too large or too intricate to be laid out: its words are \
                              shown without layout";

/// Whoever pastes or attaches a secret key meant to send their certificate.
const SECRET_KEY_SENT: &str = "it holds an OpenPGP secret key, which is left out of its text: tell \
    its writer to revoke that key and to make a new one";

/// What is gathered on the way through the layers.
struct State<'p> {
    from: Option<String>,
    budget: &'p Budget,
    held: &'p [Certificate],
    position: &'p Position,
    /// By the topmost Received field; by the letter's own Date where that has none, so that it is a
    /// claim then.
    arrived: Option<Timestamp>,
    /// Which certificates of S/MIME are believed; put together where the first signature stands.
    trust: OnceCell<Rc<smime::Trust>>,
    products: &'p [OwnProduct],
    /// The originator already has a certificate with us, so that another one is shown and not used.
    pinned: bool,
    brought: Vec<Brought>,
    /// Certificates that were looked at: inside sealed parts, and in clear.
    learnt: [usize; 2],
    protections: Vec<Protection>,
    /// Something is encrypted or claims to be; set before any key is asked.
    sealed: bool,
    /// The certificate of ours that the outermost part was sealed to.
    sealed_to: Option<String>,
    /// All signatures that were found.
    signatures: Vec<SignatureFound>,
    /// Those that cover what is read now.
    covering: Covering,
    /// What is read now is the letter's own payload, from the root inwards, and no file or part
    /// beside it.
    chain: bool,
    /// Those that covered the protected subject, where it was one.
    subject_covering: Option<Covering>,
    /// Protected recipients, and the signatures that covered them.
    recipients: (Vec<String>, Covering),
    /// The letters that it answers by its protected header, and the signatures that covered that.
    threads: (Vec<String>, Covering),
    /// What is read stands in an S/MIME file beside others. Whether that is the letter itself may
    /// depend on what else could be opened, and what is learnt in clear must not.
    beside: bool,
    /// What is read stands in a letter that this one forwards: it says nothing of who wrote this
    /// one, and when.
    forwarded: bool,
    subject: Option<String>,
    media_type: String,
    marked_spam: bool,
    /// No machine may answer it: it may be a machine's itself.
    unanswerable: bool,
    autocrypt_signed: bool,
    body_signed: bool,
    delivery: Option<Delivery>,
    message_id: Option<String>,
    date: Option<String>,
    texts: Vec<Shown>,
    wanted: Wanted,
    files: Vec<Kept>,
    /// Looks at files that may be certificates.
    looks: usize,
    faults: Vec<String>,
}

impl<'p> State<'p> {
    fn new(outer: &Outer, position: &'p Position, budget: &'p Budget) -> Self {
        let from = outer.originator.as_ref().map(|a| a.as_str().to_owned());
        let pinned = from.as_ref().is_some_and(|from| {
            let is_smime = position.smime_pinned.iter().any(|c| c.is_of(from));
            is_smime || position.certificates.iter().any(|c| c.is_of(from))
        });
        Self {
            from,
            budget,
            held: &position.certificates,
            position,
            arrived: None,
            trust: OnceCell::new(),
            products: &position.products,
            pinned,
            brought: Vec::new(),
            learnt: [0; 2],
            protections: Vec::new(),
            sealed: false,
            sealed_to: None,
            signatures: Vec::new(),
            covering: Covering::default(),
            chain: true,
            subject_covering: None,
            recipients: (Vec::new(), Covering::default()),
            threads: (Vec::new(), Covering::default()),
            beside: false,
            forwarded: false,
            subject: None,
            media_type: String::new(),
            marked_spam: false,
            unanswerable: outer.answer.is_err(),
            autocrypt_signed: outer.autocrypt_signed,
            body_signed: outer.body_signed,
            delivery: None,
            message_id: None,
            date: None,
            texts: Vec::new(),
            wanted: position.wanted,
            files: Vec::new(),
            looks: 0,
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.faults.contains(&text) {
            self.faults.push(text);
        }
    }

    /// Shows a document, under the signatures that cover what is read now.
    fn show(&mut self, mut text: String) {
        if let Some(without) = mime::without_secret_keys(&text) {
            text = without;
            self.fault(SECRET_KEY_SENT);
        }
        let left = (self.budget.text_octets as usize)
            .saturating_sub(self.texts.iter().map(|shown| shown.text.len()).sum());
        if text.len() > left {
            text.truncate(text.floor_char_boundary(left));
            text.shrink_to_fit();
            self.fault("its text is too long to be shown whole; the letter holds all of it");
        }
        self.texts.push(Shown {
            text,
            covering: Rc::clone(&self.covering),
        });
    }

    fn too_deep(&self, depth: usize) -> bool {
        depth as u64 >= self.budget.limits.layers || self.budget.is_overspent()
    }

    fn shows_nothing(&self) -> bool {
        self.texts.iter().all(|shown| shown.text.trim().is_empty())
    }

    /// Reads something that these signatures cover, besides those around it.
    fn covered(&mut self, mut signatures: Vec<SignatureFound>, read: impl FnOnce(&mut Self)) {
        // Whatever layer it stood in: what was signed for another, somebody may have wrapped anew
        // for us.
        signatures
            .iter_mut()
            .for_each(|found| found.demand(self.sealed_to.as_deref()));
        let around = Rc::clone(&self.covering);
        self.signatures.extend(signatures.iter().cloned());
        self.covering = Rc::new(around.iter().cloned().chain(signatures).collect());
        read(self);
        self.covering = around;
    }

    /// Reads what was inside an encryption. Signatures outside it vouch for a ciphertext, and
    /// anybody may sign one.
    fn sealed_inside(&mut self, signatures: Vec<SignatureFound>, read: impl FnOnce(&mut Self)) {
        let around = std::mem::take(&mut self.covering);
        self.covered(signatures, read);
        self.covering = around;
    }

    fn is_by_originator(&self, found: &SignatureFound) -> bool {
        let SignatureFound::Good { addresses, .. } = found else {
            return false;
        };
        self.from
            .as_ref()
            .is_some_and(|from| addresses.iter().any(|a| a.eq_ignore_ascii_case(from)))
    }

    fn over_limit(&mut self, limit: LimitExceeded) {
        self.protections.push(Protection {
            shut: Some(Shut::Limit),
            ..Protection::default()
        });
        self.fault(limit.to_string());
    }

    fn read_root(&mut self, root: &Entity<'_>, keys: &mut dyn MailKeys) {
        self.subject = root.subject();
        self.message_id = root.message_id();
        self.date = root.date();
        self.media_type = root.media_type();
        self.delivery = if self.unanswerable {
            mime::delivery(root)
        } else {
            None
        };
        self.marked_spam = root.is_marked_spam();
        if root.from().is_none() {
            self.fault("the letter has no single From");
        } else if self.from.is_none() {
            self.fault("its From is no address that a letter could be sent to");
        }
        let way = if self.autocrypt_signed {
            Way::Clear
        } else {
            Way::Unsigned
        };
        // Of several none counts (Autocrypt level 1, section 2.3): a signature covers the lowest,
        // and anybody on the way adds above.
        if let [(_, octets)] = root.autocrypt().as_slice() {
            self.learn_by(octets, way);
        }
        self.entity(root, keys, 0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{Format, Integrity, LetterKind, SignatureStatus};
    use crate::openpgp::{
        Profile, Purpose, SealTo, SecretKeys, armored_message, certificates, generate, seal_packets,
    };

    struct Desk {
        keys: SecretKeys,
        own: Vec<Certificate>,
        ada: SecretKeys,
        ada_public: String,
    }

    fn desk() -> Desk {
        let own = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        let ada = generate("ada@b.example", "Ada", Profile::V4).unwrap();
        Desk {
            keys: SecretKeys::load(own.secret_armored.expose(), Purpose::Mail, None).unwrap(),
            own: certificates(own.public_armored.as_bytes()).unwrap(),
            ada: SecretKeys::load(ada.secret_armored.expose(), Purpose::Mail, None).unwrap(),
            ada_public: ada.public_armored,
        }
    }

    impl Desk {
        fn sealed(&self, inner: &str) -> String {
            let packets = self.ada.sign_message(inner.as_bytes()).unwrap();
            armored_message(&seal_packets(&self.own, &packets).unwrap()).unwrap()
        }

        fn read(&mut self, letter: &str) -> Reading {
            read(letter.as_bytes(), &mut self.keys, &Position::default()).reading
        }
    }

    fn pgp_mime(armored: &str) -> String {
        format!(
            "From: Ada <ada@b.example>\nSubject: ...\nMIME-Version: 1.0\nContent-Type: \
             multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
             boundary=x\n\n--x\nContent-Type: application/pgp-encrypted\n\nVersion: \
             1\n\n--x\nContent-Type: application/octet-stream\n\n{armored}\n--x--\n"
        )
    }

    /// Delta Chat writes it there, beside the subject and the thread.
    #[test]
    fn an_autocrypt_header_inside_the_encryption_verifies_its_signature() {
        let mut desk = desk();
        let base64 = |armored: &str| -> String {
            let lines = armored.lines().skip_while(|line| !line.is_empty());
            lines.filter(|line| !line.starts_with(['-', '='])).collect()
        };
        let key = base64(&desk.ada_public);
        let field = format!("Autocrypt: addr=ada@b.example; keydata={key}\n");
        let sealed = |desk: &Desk, fields: &str| {
            let inner = format!("{fields}Subject: Re: x\nContent-Type: text/plain\n\nhello");
            pgp_mime(&desk.sealed(&inner))
        };
        let letter = sealed(&desk, &field);
        let reading = desk.read(&letter);
        assert_eq!(reading.signature.status, SignatureStatus::Valid);
        assert!(reading.signature.signer_is_originator);
        // Only decryption shows it: it is no certificate that everybody could see.
        let brought: Vec<bool> = reading.certificates.iter().map(|c| c.pinnable).collect();
        assert_eq!(brought, [false]);
        // Of several none counts.
        let letter = sealed(&desk, &field.repeat(2));
        let reading = desk.read(&letter);
        assert_eq!(reading.signature.status, SignatureStatus::UnknownKey);
    }

    #[test]
    fn a_sealed_letter_gives_its_protected_subject_and_its_signer() {
        let mut desk = desk();
        let key = desk.ada_public.clone();
        let inner = format!(
            "Subject: XSS in acme 1.2\nIn-Reply-To: <a@desk.example>\nReferences: \
             <r@b.example>\n <a@desk.example>\nContent-Type: multipart/mixed; boundary=y; \
             protected-headers=\"v1\"\n\n--y\nContent-Type: text/plain\n\nTo reproduce:\n\n1. \
             open it\n2. look\n--y\nContent-Type: application/pgp-keys; \
             name=k.asc\n\n{key}\n--y--\n"
        );
        let reading = desk.read(&pgp_mime(&desk.sealed(&inner)));
        assert_eq!(reading.subject.as_deref(), Some("XSS in acme 1.2"));
        let answered = reading.signed_threads.iter().map(String::as_str);
        let answered: Vec<&str> = answered.collect();
        assert_eq!(
            answered,
            ["r@b.example", "a@desk.example", "a@desk.example"]
        );
        assert_eq!(
            reading.protection,
            Protection {
                encrypted: true,
                format: Format::PgpMime,
                integrity: Integrity::Mdc,
                repaired: None,
                shut: None
            }
        );
        assert_eq!(
            (
                reading.signature.status,
                reading.signature.signer_is_originator
            ),
            (SignatureStatus::Valid, true)
        );
        assert_eq!(reading.kind, LetterKind::Report);
        assert!(!reading.certificates[0].in_clear);
    }

    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "Sequoia compares with the clock of the machine"
    )]
    fn a_right_signature_of_a_clock_that_is_fast_counts_as_none_and_the_fault_says_by_how_much() {
        use sequoia_openpgp::cert::CertBuilder;
        use sequoia_openpgp::serialize::stream::{LiteralWriter, Message, Signer};
        use std::io::Write;
        let mut desk = desk();
        let id = "Ada <ada@b.example>";
        let (ada, _) = CertBuilder::general_purpose([id]).generate().unwrap();
        let signing = sequoia_openpgp::policy::StandardPolicy::new();
        let key = ada.keys().with_policy(&signing, None).for_signing().next();
        let key = key.unwrap().key().clone().parts_into_secret().unwrap();
        let in_eight_hours = std::time::SystemTime::now() + Duration::from_secs(8 * 3600);
        let mut packets = Vec::new();
        let signer = Signer::new(Message::new(&mut packets), key.into_keypair().unwrap());
        let signed = signer.unwrap().creation_time(in_eight_hours).build();
        let mut text = LiteralWriter::new(signed.unwrap()).build().unwrap();
        text.write_all(b"a report").unwrap();
        text.finalize().unwrap();
        let sealed = armored_message(&seal_packets(&desk.own, &packets).unwrap()).unwrap();
        let public = sequoia_openpgp::serialize::SerializeInto::to_vec(&ada).unwrap();
        let position = Position {
            certificates: certificates(&public).unwrap(),
            ..Position::default()
        };
        let letter = pgp_mime(&sealed);
        let reading = read(letter.as_bytes(), &mut desk.keys, &position).reading;
        assert_eq!(reading.text, "a report\n");
        assert_eq!(reading.signature.status, SignatureStatus::None);
        assert_eq!(
            reading.faults,
            [
                "a signature is right and does not count, because it is dated 8 h in the future: \
                 the clock or the time zone of its sender is off by that"
            ]
        );
    }

    #[test]
    fn a_signature_beside_unsigned_text_is_no_signature() {
        let mut desk = desk();
        let armored = desk.sealed("secret");
        let whole = desk.read(&format!("From: ada@b.example\nSubject: s\n\n{armored}"));
        assert_eq!(
            (whole.protection.format, whole.text.as_str()),
            (Format::Inline, "secret\n")
        );
        assert_eq!(whole.signature.status, SignatureStatus::UnknownKey);
        let beside = desk.read(&format!(
            "From: ada@b.example\nSubject: s\n\nplease pay eve\n\n{armored}"
        ));
        assert_eq!(beside.signature.status, SignatureStatus::None);
        assert!(
            beside.text.contains("[part 2 of 2]\nsecret"),
            "{}",
            beside.text
        );
    }

    #[test]
    fn what_gpg4wins_outlook_plug_in_wrote_is_opened_as_exchange_stores_it() {
        let mut desk = desk();
        let inner = pgp_mime(&desk.sealed("Content-Type: text/plain\n\nsecret"))
            .split_once("MIME-Version: 1.0\n")
            .unwrap()
            .1
            .to_owned();
        let stored = format!(
            "From: ada@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; \
             boundary=o\n\n--o\nContent-Type: text/plain\n\n\n--o\nContent-Type: \
             application/octet-stream; name=\"GpgOL_MIME_structure.mime\"\nContent-Disposition: \
             attachment; filename=\"GpgOL_MIME_structure.mime\"\nContent-Transfer-Encoding: \
             base64\n\n{}\n--o--\n",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, inner)
        );
        let reading = desk.read(&stored);
        assert_eq!(
            (
                reading.text.as_str(),
                reading.protection.encrypted,
                reading.protection.shut
            ),
            ("secret\n", true, None),
            "{:?}",
            reading.faults
        );
    }

    /// However deep it stands: wrapped as it is into a new encryption to us, a signature for
    /// somebody else proves nothing here.
    #[test]
    fn what_was_signed_for_another_and_wrapped_anew_counts_as_signed_for_another() {
        use sequoia_openpgp::cert::CertBuilder;
        use sequoia_openpgp::serialize::stream::{LiteralWriter, Message, Signer};
        use std::io::Write;
        let mut desk = desk();
        let (rita, _) = CertBuilder::general_purpose(Some("ada@b.example"))
            .generate()
            .unwrap();
        let (colleague, _) = CertBuilder::general_purpose(Some("colleague@b.example"))
            .generate()
            .unwrap();
        let pair = rita
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .unwrap()
            .into_keypair()
            .unwrap();
        let mut signed = Vec::new();
        let signer = Signer::new(Message::new(&mut signed), pair)
            .unwrap()
            .add_intended_recipient(&colleague)
            .build()
            .unwrap();
        let mut literal = LiteralWriter::new(signer).build().unwrap();
        literal.write_all(b"for a colleague").unwrap();
        literal.finalize().unwrap();
        let public =
            sequoia_openpgp::serialize::SerializeInto::to_vec(&rita.strip_secret_key_material())
                .unwrap();
        let held = Position {
            certificates: certificates(&public).unwrap(),
            ..Position::default()
        };
        let wrapped =
            armored_message(&SealTo::new(&desk.own).unwrap().seal(&signed).unwrap()).unwrap();
        let reading = read(pgp_mime(&wrapped).as_bytes(), &mut desk.keys, &held).reading;
        assert_eq!(reading.text, "for a colleague\n");
        assert_eq!(
            (reading.signature.status, reading.signature.names_recipient),
            (SignatureStatus::Invalid, false),
            "{:?}",
            reading.faults
        );
    }

    #[test]
    fn certificates_that_cost_more_than_they_are_worth_are_not_read() {
        use sequoia_openpgp::cert::CertBuilder;
        use sequoia_openpgp::packet::signature::SignatureBuilder;
        use sequoia_openpgp::types::SignatureType;
        let mut desk = desk();
        let (cert, _) = CertBuilder::general_purpose(Some("ada@b.example"))
            .generate()
            .unwrap();
        let mut pair = cert
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .unwrap()
            .into_keypair()
            .unwrap();
        let id = cert.userids().next().unwrap().userid().clone();
        let one = id
            .bind(
                &mut pair,
                &cert,
                SignatureBuilder::new(SignatureType::PositiveCertification),
            )
            .unwrap();
        let mut octets = sequoia_openpgp::serialize::SerializeInto::to_vec(
            &sequoia_openpgp::Packet::from(cert.primary_key().key().clone().parts_into_public()),
        )
        .unwrap();
        octets.extend(
            sequoia_openpgp::serialize::SerializeInto::to_vec(&sequoia_openpgp::Packet::from(id))
                .unwrap(),
        );
        let signature =
            sequoia_openpgp::serialize::SerializeInto::to_vec(&sequoia_openpgp::Packet::from(one))
                .unwrap();
        let letter = |times: usize, packets: &[u8]| {
            let octets = [&octets[..], &signature, &packets.repeat(times)].concat();
            let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, octets);
            format!(
                "From: ada@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: \
                 multipart/mixed; boundary=o\n\n--o\nContent-Type: \
                 text/plain\n\nhello\n--o\nContent-Type: application/pgp-keys; \
                 name=k.pgp\nContent-Transfer-Encoding: base64\n\n{base64}\n--o--\n"
            )
        };
        assert_eq!(desk.read(&letter(3, &signature)).certificates.len(), 1);
        let costly = desk.read(&letter(200, &signature));
        assert!(
            costly.certificates.is_empty()
                && costly.faults.iter().any(|f| f.contains("costs more work")),
            "{:?}",
            costly.faults
        );
        // Signatures by somebody else that fit nothing are tried on every user ID.
        let (other, _) = CertBuilder::general_purpose(Some("eve@b.example"))
            .generate()
            .unwrap();
        let mut others = other
            .primary_key()
            .key()
            .clone()
            .parts_into_secret()
            .unwrap()
            .into_keypair()
            .unwrap();
        let id = other.userids().next().unwrap().userid().clone();
        let foreign = id
            .bind(
                &mut others,
                &other,
                SignatureBuilder::new(SignatureType::PositiveCertification),
            )
            .unwrap();
        let foreign = sequoia_openpgp::serialize::SerializeInto::to_vec(
            &sequoia_openpgp::Packet::from(foreign),
        )
        .unwrap();
        let id =
            sequoia_openpgp::serialize::SerializeInto::to_vec(&sequoia_openpgp::Packet::from(id))
                .unwrap();
        let costly = desk.read(&letter(1, &[id.repeat(900), foreign.repeat(180)].concat()));
        assert!(
            costly.certificates.is_empty()
                && costly.faults.iter().any(|f| f.contains("costs more work")),
            "{:?}",
            costly.faults
        );
    }

    /// Pasted or attached, in clear or sealed: it is told, it is shown nowhere, and it is no
    /// certificate.
    #[test]
    fn a_secret_key_is_left_out_and_told() {
        let mut desk = desk();
        let sent = generate("ada@b.example", "Ada", Profile::V4).unwrap();
        let armored = std::str::from_utf8(sent.secret_armored.expose()).unwrap();
        let (_, digits) = armored.split_once("\n\n").unwrap();
        let digits: String = digits
            .lines()
            .take_while(|line| !line.starts_with(['=', '-']))
            .collect();
        let pasted = format!("Here is my key:\n\n{armored}\nRegards, Ada\n");
        let attached = |content_type: &str, content: &str, encoding: &str| {
            format!(
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: \
                 text/plain\n\nHere is my key.\n--o\nContent-Type: {content_type}; \
                 name=key.txt\nContent-Disposition: attachment\nContent-Transfer-Encoding: \
                 {encoding}\n\n{content}\n--o--\n"
            )
        };
        let public = armored.replace("PRIVATE KEY", "PUBLIC KEY");
        let bodies = [
            format!("\n{pasted}"),
            format!(
                "\n{}",
                pasted.replace("-----END PGP PRIVATE KEY BLOCK-----\n", "")
            ),
            format!("\n{}", pasted.replace(armored, &public)),
            format!("\n{}", desk.sealed(&pasted)),
            attached("application/pgp-keys", armored, "7bit"),
            attached("text/plain", armored, "7bit"),
            attached("application/octet-stream", &public, "7bit"),
            attached("application/octet-stream", &digits, "base64"),
            format!("Autocrypt: addr=ada@b.example; keydata={digits}\n\nHello\n"),
        ];
        for body in bodies {
            let reading = desk.read(&format!("From: ada@b.example\nSubject: s\n{body}"));
            let told = reading.faults.iter().any(|f| f.contains("secret key"));
            assert!(told, "{body}: {:?}", reading.faults);
            assert!(reading.certificates.is_empty(), "{body}");
            let whole = serde_json::to_string(&reading).unwrap();
            assert!(!whole.contains(&digits[..40]), "{body}: {whole}");
            assert!(reading.text.contains("He"), "{body}: {}", reading.text);
            if reading.attachments.is_empty() && !body.starts_with("Autocrypt") {
                assert!(reading.text.contains(mime::LEFT_OUT), "{}", reading.text);
                assert!(reading.text.contains("Regards, Ada"), "{}", reading.text);
            }
        }
        let certificate = desk.read(&format!(
            "From: ada@b.example\nSubject: s\n\n{}",
            sent.public_armored
        ));
        assert!(certificate.faults.is_empty(), "{:?}", certificate.faults);
        assert_eq!(certificate.certificates.len(), 1);
    }

    #[test]
    fn a_uuencoded_file_is_a_file_that_the_signature_around_it_covers() {
        let mut desk = desk();
        let held = Position {
            certificates: certificates(desk.ada_public.as_bytes()).unwrap(),
            ..Position::default()
        };
        let cat = "begin 644 cat.txt\n#0V%T\n`\nend\n";
        let words = format!("XSS in acme\n\n{cat}");
        let sealed = desk.sealed(&words);
        let clearsigned = crate::openpgp::sign_cleartext(&words, &[&desk.ada]).unwrap();
        let beside = format!("{}\n{cat}", desk.sealed("XSS in acme"));
        for (body, status) in [
            (&words, SignatureStatus::None),
            (&sealed, SignatureStatus::Valid),
            (&clearsigned, SignatureStatus::Valid),
            (&beside, SignatureStatus::None),
        ] {
            let letter = format!("From: ada@b.example\nSubject: s\n\n{body}");
            let reading = read(letter.as_bytes(), &mut desk.keys, &held).reading;
            assert_eq!(reading.signature.status, status, "{body}");
            assert_eq!(reading.text.trim(), "XSS in acme", "{body}");
            let file = &reading.attachments[0];
            assert_eq!((file.name.as_str(), file.octets), ("cat.txt", 3));
        }
        let cut_off = words.replace("end\n", "");
        let reading = desk.read(&format!("From: ada@b.example\nSubject: s\n\n{cut_off}"));
        assert!(reading.text.contains("#0V%T"), "{}", reading.text);
        let told = reading.faults.iter().any(|f| f.contains("cat.txt"));
        assert!(told, "{:?}", reading.faults);
    }

    /// A program that quotes without marks puts the old letter's header above it.
    #[test]
    fn an_old_letter_that_stays_shut_shuts_no_answer() {
        let mut desk = desk();
        let other = generate("x@y.example", "X", Profile::V4).unwrap();
        let others = certificates(other.public_armored.as_bytes()).unwrap();
        let packets = desk.ada.sign_message(b"old words").unwrap();
        let theirs = armored_message(&seal_packets(&others, &packets).unwrap()).unwrap();
        let ours = desk.sealed("old words");
        let header = "-----Original Message-----\nFrom: Desk <security@desk.example>\nSent: \
            Monday, 1 June 2026 10:11\nTo: Ada\nSubject: Re: XSS\n";
        let answer = format!("It is in the search.\n\n{header}\n");
        for (above, block, shut) in [
            (answer.as_str(), &theirs, None),
            (answer.as_str(), &ours, None),
            (header, &theirs, Some(Shut::NoKey)),
            ("It is sealed.\n\n--- PoC ---\n", &theirs, Some(Shut::NoKey)),
        ] {
            let letter = format!("From: ada@b.example\nSubject: s\n\n{above}\n{block}");
            let reading = desk.read(&letter);
            assert_eq!(reading.protection.shut, shut, "{above}");
            assert!(reading.came_sealed(), "{above}");
        }
    }

    #[test]
    fn a_letter_that_stays_shut_says_why_and_shows_nothing() {
        let mut desk = desk();
        let other = generate("x@y.example", "X", Profile::V4).unwrap();
        let others = certificates(other.public_armored.as_bytes()).unwrap();
        let armored = armored_message(
            &seal_packets(&others, &desk.ada.sign_message(b"hidden").unwrap()).unwrap(),
        )
        .unwrap();
        let reading = desk.read(&pgp_mime(&armored));
        assert_eq!(reading.protection.shut, Some(Shut::NoKey));
        assert_eq!((reading.text.as_str(), reading.report), ("", None));
    }

    #[test]
    fn another_certificate_than_the_pinned_one_is_shown_and_not_used() {
        let mut desk = desk();
        let imposter = generate("ada@b.example", "Ada", Profile::V4).unwrap();
        let eve = SecretKeys::load(imposter.secret_armored.expose(), Purpose::Mail, None).unwrap();
        let body = "Content-Type: text/plain\r\n\r\nhello";
        let (signature, _) = eve.sign_detached(body.as_bytes()).unwrap();
        let letter = format!(
            "From: ada@b.example\nSubject: s\nAutocrypt: addr=ada@b.example; \
             keydata={}\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; \
             boundary=x\n\n--x\n{body}\n--x\nContent-Type: \
             application/pgp-signature\n\n{signature}\n--x--\n",
            imposter
                .public_armored
                .lines()
                .filter(|l| !l.starts_with('-')
                    && !l.starts_with('=')
                    && !l.contains(':')
                    && !l.is_empty())
                .collect::<String>()
        );
        let first = desk.read(&letter);
        assert_eq!(first.signature.status, SignatureStatus::Valid);
        let held = Position {
            certificates: certificates(desk.ada_public.as_bytes()).unwrap(),
            ..Position::default()
        };
        let later = read(letter.as_bytes(), &mut desk.keys, &held).reading;
        assert_eq!(later.signature.status, SignatureStatus::UnknownKey);
        assert!(
            later
                .faults
                .iter()
                .any(|f| f.contains("another certificate"))
        );
    }
}
