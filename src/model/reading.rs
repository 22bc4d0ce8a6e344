//! What did opening a letter show? The result of the reader, and the fixed interface of `sealdesk
//! open`.

use super::ids::Digest;
use super::language::Language;
use super::report::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a letter is, by its outside and its text. A guess is made in favour of the reporter: what
/// may be a report is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterKind {
    /// A new report, or what may be one. A letter that stays shut counts as one, too.
    Report,
    /// A letter in the thread of a case, or with a case's id in its subject.
    FollowUp,
    /// It asks for our certificate and reports nothing.
    KeyRequest,
    /// It says that a vulnerability is public, or when it will be.
    DisclosureNotice,
    /// A delivery status notification (RFC 3464).
    Dsn,
    /// A machine answered, such as an out-of-office note (RFC 3834).
    AutoReply,
    /// A mailing list or a bulk mailing sent it, and it shows no report.
    List,
    /// It sells something, or is marked as spam and speaks of no vulnerability.
    Spam,
    /// It has no subject, no text and no attachment.
    Other,
}

/// What somebody wants of a letter besides its words and the names of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its kind, and what it reports.
    pub facts: bool,
    /// The octets of its files.
    pub files: bool,
}

impl Wanted {
    pub const WORDS: Self = Self {
        facts: false,
        files: false,
    };
    pub const FACTS: Self = Self {
        facts: true,
        files: false,
    };
    pub const FILES: Self = Self {
        facts: false,
        files: true,
    };
}

impl LetterKind {
    /// The word in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::FollowUp => "follow-up",
            Self::KeyRequest => "key-request",
            Self::DisclosureNotice => "disclosure-notice",
            Self::Dsn => "dsn",
            Self::AutoReply => "auto-reply",
            Self::List => "list",
            Self::Spam => "spam",
            Self::Other => "other",
        }
    }

    /// Whether a machine wrote it, so that nobody waits for an answer.
    pub fn is_machine(self) -> bool {
        matches!(self, Self::Dsn | Self::AutoReply | Self::List)
    }

    /// Whether the letter carries a report's fields.
    pub fn has_report(self) -> bool {
        matches!(self, Self::Report | Self::FollowUp | Self::DisclosureNotice)
    }
}

/// In which form an encrypted part came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// multipart/encrypted (RFC 3156), as it was sent or as a mail system changed it.
    PgpMime,
    /// An armored block within a text.
    Inline,
    /// An OpenPGP file beside the text.
    Attachment,
    /// S/MIME (RFC 8551).
    Smime,
    /// Not encrypted, or refused by a limit before its form was known.
    #[default]
    None,
}

/// How the ciphertext was authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// SEIPDv1 (RFC 9580 section 5.13.1).
    Mdc,
    /// SEIPDv2 (RFC 9580 section 5.13.2), or AES-GCM in S/MIME (RFC 5083).
    Aead,
    /// S/MIME in CBC, which proves nothing by itself; a signature inside covers the whole, and its
    /// certificate leads to a root that the config trusts.
    Signature,
    /// S/MIME in CBC without such a signature: anybody on the way may have changed it (EFAIL).
    Unproven,
    /// Nothing is encrypted, or what is encrypted stayed shut.
    #[default]
    None,
}

/// Which mail system changed the structure of a PGP/MIME letter, as far as its traces tell. The
/// encrypted part was found all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    /// Exchange made multipart/encrypted into multipart/mixed.
    Exchange,
    /// Google Workspace or a mailing list put the encrypted part beside a footer.
    Google,
    /// ProtonMail did as Exchange does, and named the control part `attachment.pgp`.
    Proton,
    /// The encrypted part sat deeper than any of these puts it.
    Other,
}

/// Why an encrypted part stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shut {
    /// None of our keys opens it, or it is encrypted with a password, which is never tried.
    NoKey,
    /// The ciphertext was changed on the way, or is not protected against changes.
    Integrity,
    /// It uses what is not supported here.
    Unsupported,
    /// Opening it would cost more than the limits of one letter allow.
    Limit,
}

/// How an encrypted part came, and whether it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Protection {
    pub encrypted: bool,
    pub format: Format,
    pub integrity: Integrity,
    /// None where the part came as RFC 3156 has it.
    pub repaired: Option<Repair>,
    /// None where the part was opened, or where nothing is encrypted.
    pub shut: Option<Shut>,
}

/// What became of checking the signatures of a letter with the certificates at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureStatus {
    /// It verifies with a certificate at hand.
    Valid,
    /// It is wrong, its key may not sign, or it was made for another recipient.
    Invalid,
    /// No certificate at hand has its key.
    UnknownKey,
    /// No signature covers the whole letter.
    #[default]
    None,
}

/// What the certificate of a valid signature is believed for.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TrustAnchor {
    /// Its chain ends at a root of the config.
    Root {
        /// The root's subject.
        name: String,
    },
    /// It was pinned for the originator before, or is a responder's of the config.
    Pinned,
    /// For nothing: the letter itself brought it, under whatever name. That the letter is as its
    /// signer wrote it is proven; who that is, is not.
    Enclosed,
}

/// Who signed a letter, as far as that is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct SignatureVerdict {
    pub status: SignatureStatus,
    /// The certificate's, for a valid signature; else the issuer's as the signature names it.
    pub fingerprint: Option<String>,
    /// The signature is valid and a user ID of its certificate is the single From.
    pub signer_is_originator: bool,
    /// The signature itself names a certificate of ours as a recipient (RFC 9580 section 5.2.3.36):
    /// nobody can pass it on to us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_recipient: bool,
    /// Of a valid signature: what its certificate is believed for. Absent in readings of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<TrustAnchor>,
}

impl SignatureVerdict {
    /// Who signed, in words: `signed by its sender`. A key that a letter itself brought proves
    /// nothing of its sender.
    pub fn signer_in_words(&self) -> &'static str {
        match (self.status, self.signer_is_originator, &self.anchor) {
            (SignatureStatus::Valid, true, Some(TrustAnchor::Enclosed)) => {
                "signed with a key that it brought itself"
            }
            (SignatureStatus::Valid, true, _) => "signed by its sender",
            (SignatureStatus::Valid, false, _) => "signed, not by its sender",
            (SignatureStatus::Invalid, ..) => "its signature is wrong",
            (SignatureStatus::UnknownKey, ..) => "signed with an unknown key",
            (SignatureStatus::None, ..) => "not signed",
        }
    }
}

/// A file of a letter, as a reading lists it: without its octets.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Attachment {
    /// A safe basename: no path, no control or bidi characters.
    pub name: String,
    pub media_type: String,
    pub octets: u64,
    pub sha256: String,
    /// What an archive holds, a line for each entry. Nothing is unpacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<String>,
}

/// A certificate that a letter brought, with a user ID equal to its From.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct BroughtCertificate {
    pub fingerprint: String,
    /// It stood in a clear part or header, where anyone on the way could see it.
    pub in_clear: bool,
    /// It may be pinned where the originator is proven: it stood among the writer's own clear
    /// words, in a body that no signature of their domain lets others divide anew, or in an
    /// Autocrypt header that such a signature covers.
    #[serde(default)]
    pub pinnable: bool,
    /// The armored certificate.
    pub armored: String,
}

impl BroughtCertificate {
    /// Whether it is one of S/MIME (PEM, RFC 7468 section 5), and none of OpenPGP.
    pub fn is_smime(&self) -> bool {
        is_smime(&self.armored)
    }
}

/// Whether a certificate as text is one of S/MIME, and none of OpenPGP.
pub fn is_smime(armored: &str) -> bool {
    armored.contains("-----BEGIN CERTIFICATE-----")
}

/// What a mail system says became of a letter (RFC 3464 section 2.3.3, and the wild ones).
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryOutcome {
    Failed,
    /// It is still being tried.
    Delayed,
    /// Delivered, relayed or expanded.
    Arrived,
}

/// A report on the delivery of other letters.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Delivery {
    pub outcome: DeliveryOutcome,
    /// Message-IDs that stand in it: what it speaks of is among them.
    pub message_ids: Vec<String>,
}

impl Reading {
    /// Whether anything of it came encrypted. A reading that an older version wrote says so by what
    /// was opened.
    pub fn came_sealed(&self) -> bool {
        self.sealed || self.protection.encrypted
    }

    /// Whether a part of it was encrypted and opened, and nothing proves that it is as its writer
    /// sent it: no machine may act on what it says.
    pub fn is_unproven(&self) -> bool {
        let mut all = std::iter::once(&self.protection).chain(&self.parts);
        all.any(|protection| protection.integrity == Integrity::Unproven)
    }
}

/// Certificates of one writer, of one letter, that are looked at for pinning: two contest each other
/// already.
const PINNED_OF_LETTER_MAX: usize = 4;

/// What a letter shows to whoever holds no key: what the desk sends by itself is made from this
/// alone.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Outside {
    /// Nothing in it is encrypted or claims to be.
    pub in_clear: bool,
    pub kind: LetterKind,
    pub asks_for_certificate: bool,
    /// The language of its clear text.
    pub language: Option<Language>,
    /// The writer's own certificate, armored, from a clear part of theirs.
    pub certificate: Option<String>,
    /// What may be pinned for the originator, where they are proven.
    pub pinnable: Vec<BroughtCertificate>,
    /// The SHA-256 of a PGP/MIME letter's ciphertext.
    pub digest: Option<Digest>,
}

impl Outside {
    /// Of a reading for which no key was asked.
    pub fn of(reading: &Reading, digest: Option<Digest>) -> Self {
        let in_clear = || reading.certificates.iter().filter(|c| c.in_clear);
        // They are answered as they wrote: one of S/MIME comes from a signature of theirs alone.
        let certificate = in_clear()
            .find(|c| c.is_smime())
            .or_else(|| in_clear().next())
            .map(|c| c.armored.clone());
        let pinnable = reading.certificates.iter().filter(|c| c.pinnable);
        Self {
            in_clear: !reading.came_sealed(),
            kind: reading.kind,
            asks_for_certificate: reading.asks_for_certificate,
            language: reading.language,
            certificate,
            pinnable: pinnable.take(PINNED_OF_LETTER_MAX).cloned().collect(),
            digest,
        }
    }
}

/// One letter as read. Its JSON is the output of `sealdesk open`, whose field names are fixed.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Reading {
    pub kind: LetterKind,
    pub from: Option<String>,
    pub subject: Option<String>,
    /// The subject stood inside what was encrypted or signed.
    #[serde(default)]
    pub subject_protected: bool,
    pub message_id: Option<String>,
    pub date: Option<String>,
    pub protection: Protection,
    /// Every encrypted part, outermost first, where there is more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Protection>,
    /// Something in it is encrypted or claims to be. This was told by its form, before any key was
    /// asked, so it is the same whoever holds which keys; only what is in clear by this may change
    /// what the desk sends by itself.
    #[serde(default)]
    pub sealed: bool,
    pub signature: SignatureVerdict,
    pub text: String,
    pub attachments: Vec<Attachment>,
    pub automatic_reply_allowed: bool,
    pub report: Option<Report>,
    /// It asks for our certificate, whatever else it does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_for_certificate: bool,
    /// In which language it is written; absent where its text does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Present for a DSN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// The fingerprint of the certificate of ours that it was sealed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_to: Option<String>,
    /// Whom the letter is for, where its signer signed that: To and Cc under header protection (RFC
    /// 9788).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_to: Vec<String>,
    /// The Message-IDs of the letters that it answers, where its signer signed that: In-Reply-To
    /// and References under header protection (RFC 9788).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_threads: Vec<String>,
    pub faults: Vec<String>,
    /// Not part of the fixed interface: what the desk may pin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<BroughtCertificate>,
}
