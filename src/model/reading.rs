//! What did opening a letter show? The result of the reader, and the fixed interface of `sealdesk
//! open`.

use super::ids::Digest;
use super::report::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterKind {
    Report,
    FollowUp,
    KeyRequest,
    DisclosureNotice,
    Dsn,
    AutoReply,
    List,
    Spam,
    Other,
}

impl LetterKind {
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

    pub fn is_machine(self) -> bool {
        matches!(self, Self::Dsn | Self::AutoReply | Self::List)
    }

    /// Whether the letter carries a report's fields.
    pub fn has_report(self) -> bool {
        matches!(self, Self::Report | Self::FollowUp | Self::DisclosureNotice)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    PgpMime,
    Inline,
    Attachment,
    Smime,
    #[default]
    None,
}

/// How the ciphertext was authenticated: MDC (SEIPDv1) or AEAD (SEIPDv2), RFC 9580 section 5.13.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    Mdc,
    Aead,
    #[default]
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repair {
    Exchange,
    Google,
    Proton,
    Other,
}

/// Why an encrypted part stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shut {
    NoKey,
    Integrity,
    Unsupported,
    Limit,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Protection {
    pub encrypted: bool,
    pub format: Format,
    pub integrity: Integrity,
    pub repaired: Option<Repair>,
    pub shut: Option<Shut>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureStatus {
    Valid,
    Invalid,
    UnknownKey,
    #[default]
    None,
}

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
}

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
    /// words, or in an Autocrypt header that their domain's signature covers.
    #[serde(default)]
    pub pinnable: bool,
    /// The armored certificate.
    pub armored: String,
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
}

/// What a letter shows to whoever holds no key: what the desk sends by itself is made from this
/// alone.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Outside {
    /// Nothing in it is encrypted or claims to be.
    pub in_clear: bool,
    pub kind: LetterKind,
    pub asks_for_certificate: bool,
    /// The writer's own certificate, armored, from a clear part of theirs.
    pub certificate: Option<String>,
    /// The SHA-256 of a PGP/MIME letter's ciphertext.
    pub digest: Option<Digest>,
}

impl Outside {
    /// Of a reading for which no key was asked.
    pub fn of(reading: &Reading, digest: Option<Digest>) -> Self {
        let certificate = reading
            .certificates
            .iter()
            .find(|c| c.in_clear)
            .map(|c| c.armored.clone());
        Self {
            in_clear: !reading.came_sealed(),
            kind: reading.kind,
            asks_for_certificate: reading.asks_for_certificate,
            certificate,
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
    pub faults: Vec<String>,
    /// Not part of the fixed interface: what the desk may pin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<BroughtCertificate>,
}
