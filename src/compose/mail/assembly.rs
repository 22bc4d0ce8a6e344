//! How does a draft become octets?

use crate::compose::ComposeError;
use crate::compose::mail::{OwnCertificate, OwnSmimeCertificate};
use crate::compose::templates::LetterWords;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::MessageId;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
    Subject,
};
use lettre::message::{Body, Mailbox, MessageBuilder, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

/// The outer header fields of a letter of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutgoingHeaders {
    pub(super) from_name: String,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) subject: String,
    pub(super) message_id: MessageId,
    pub(super) in_reply_to: Option<MessageId>,
    pub(super) at: Timestamp,
    /// The value of Auto-Submitted (RFC 3834 section 5); absent where a human wrote it.
    pub(super) auto_submitted: Option<String>,
    pub(super) autocrypt: Option<String>,
}

pub(super) enum MailEntity {
    Single(SinglePart),
    Multi(MultiPart),
}

/// A header field that no program shows, and so many octets in it.
#[derive(Clone)]
struct Padding(usize);

impl Padding {
    /// With its line end and the blank that folds it.
    const LINE_OCTETS: usize = 64;
}

impl Header for Padding {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Padding")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.len()))
    }

    fn display(&self) -> HeaderValue {
        let line = format!("\r\n {}", "x".repeat(Self::LINE_OCTETS - 3));
        let (lines, rest) = (self.0 / Self::LINE_OCTETS, self.0 % Self::LINE_OCTETS);
        let value = format!("x{}{}", "x".repeat(rest), line.repeat(lines));
        HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value)
    }
}

impl MailEntity {
    pub(super) fn formatted(&self) -> Vec<u8> {
        match self {
            Self::Single(part) => part.formatted(),
            Self::Multi(parts) => parts.formatted(),
        }
    }
}

impl OutgoingHeaders {
    /// multipart/encrypted (RFC 3156 section 4) around an armored message.
    pub fn encrypted(&self, armored: String) -> Result<Vec<u8>, ComposeError> {
        let control =
            ContentType::parse("application/pgp-encrypted").map_err(ComposeError::MediaType)?;
        let octet_stream = ContentType::parse("application/octet-stream; name=\"encrypted.asc\"")
            .map_err(ComposeError::MediaType)?;
        let whole = MultiPart::encrypted("application/pgp-encrypted".to_owned())
            .singlepart(
                SinglePart::builder()
                    .header(control)
                    .body("Version: 1\r\n".to_owned()),
            )
            .singlepart(
                SinglePart::builder()
                    .header(octet_stream)
                    .header(ContentDisposition::inline_with_name("encrypted.asc"))
                    .body(armored),
            );
        Ok(self
            .builder()?
            .multipart(whole)
            .map_err(ComposeError::Build)?
            .formatted())
    }

    /// application/pkcs7-mime (RFC 8551 section 3.3) around a sealed message in DER.
    pub fn enveloped(&self, message: &[u8], smime_type: &str) -> Result<Vec<u8>, ComposeError> {
        let kind = format!("application/pkcs7-mime; smime-type={smime_type}; name=\"smime.p7m\"");
        let part = binary_part(&kind, "smime.p7m", message)?;
        let letter = self.builder()?.singlepart(part);
        Ok(letter.map_err(ComposeError::Build)?.formatted())
    }

    /// When the letter is written.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub(super) fn builder(&self) -> Result<MessageBuilder, ComposeError> {
        let mailbox = |name: Option<String>, address: &Address| -> Result<Mailbox, ComposeError> {
            Ok(Mailbox::new(
                name,
                address.as_str().parse().map_err(ComposeError::Address)?,
            ))
        };
        // lettre panics at a time before 1970.
        if self.at < Timestamp::UNIX_EPOCH {
            return Err(ComposeError::Date);
        }
        let date = std::time::SystemTime::from(self.at);
        let mut builder = lettre::Message::builder()
            .from(mailbox(Some(self.from_name.clone()), &self.from)?)
            .to(mailbox(None, &self.to)?)
            .subject(self.subject.clone())
            .date(date)
            .message_id(Some(self.message_id.to_string()))
            // Exchange heeds this where it does not heed RFC 3834.
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        if let Some(auto_submitted) = &self.auto_submitted {
            builder = builder.raw_header(raw("Auto-Submitted", auto_submitted));
        }
        if let Some(theirs) = &self.in_reply_to {
            builder = builder
                .in_reply_to(theirs.to_string())
                .references(theirs.to_string());
        }
        if let Some(autocrypt) = &self.autocrypt {
            builder = builder.raw_header(folded("Autocrypt", autocrypt));
        }
        Ok(builder)
    }
}

pub(super) fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A long value without spaces of its own, folded each 70 characters (RFC 5322 section 2.2.3).
pub(super) fn folded(name: &'static str, value: &str) -> HeaderValue {
    let lines: Vec<&str> = value
        .as_bytes()
        .chunks(70)
        .map(|c| std::str::from_utf8(c).unwrap_or_default())
        .collect();
    HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.to_owned(),
        lines.join("\r\n "),
    )
}

/// A text under its own subject (RFC 9788 section 4; and the older protected-headers, which
/// Thunderbird reads).
pub(super) fn titled_part(words: &LetterWords) -> Result<SinglePart, ComposeError> {
    titled(words, None)
}

/// How much longer a text is than it may be.
pub(super) struct TooLong(pub usize);

/// As [`titled_part`], and so many octets long, so that its size does not tell what it is about.
pub(super) fn protected_part(
    words: &LetterWords,
    octets: usize,
) -> Result<Result<SinglePart, TooLong>, ComposeError> {
    let bare = titled(words, Some(Padding(0)))?.formatted().len();
    match octets.checked_sub(bare) {
        Some(missing) => titled(words, Some(Padding(missing))).map(Ok),
        None => Ok(Err(TooLong(bare - octets))),
    }
}

fn titled(words: &LetterWords, padding: Option<Padding>) -> Result<SinglePart, ComposeError> {
    let kind = "text/plain; charset=utf-8; protected-headers=\"v1\"; hp=\"cipher\"";
    let kind = ContentType::parse(kind).map_err(ComposeError::MediaType)?;
    let mut builder = SinglePart::builder()
        .header(Subject::from(words.subject.clone()))
        .header(kind);
    // Behind the type: who looks for it in the first lines alone finds it.
    if let Some(padding) = padding {
        builder = builder.header(padding);
    }
    Ok(builder.body(quoted_printable(&words.body)))
}

pub(super) fn certificate_part(own: &OwnCertificate) -> Result<SinglePart, ComposeError> {
    let name = if own.version <= 4 {
        "certificate.asc".to_owned()
    } else {
        format!("certificate-v{}.asc", own.version)
    };
    let kind = ContentType::parse("application/pgp-keys").map_err(ComposeError::MediaType)?;
    Ok(SinglePart::builder()
        .header(kind)
        .header(ContentDisposition::attachment(&name))
        .body(own.armored.clone()))
}

/// The first is called `certificate.crt`, as the letter says.
pub(super) fn smime_certificate_part(
    own: &OwnSmimeCertificate,
    n: usize,
) -> Result<SinglePart, ComposeError> {
    let name = if n == 0 {
        "certificate.crt".to_owned()
    } else {
        format!("certificate-{}.crt", n + 1)
    };
    binary_part("application/pkix-cert", &name, &own.der)
}

/// Octets in base64, as a file.
pub(super) fn binary_part(
    kind: &str,
    name: &str,
    octets: &[u8],
) -> Result<SinglePart, ComposeError> {
    let body = Body::new_with_encoding(octets.to_vec(), ContentTransferEncoding::Base64);
    let body = body.unwrap_or_else(Body::new);
    Ok(SinglePart::builder()
        .header(ContentType::parse(kind).map_err(ComposeError::MediaType)?)
        .header(ContentDisposition::attachment(name))
        .body(body))
}

/// Quoted-printable, so that no relay has a reason to change what was signed (RFC 3156 section 3).
pub(super) fn text_part(text: &str) -> Result<SinglePart, ComposeError> {
    Ok(SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .body(quoted_printable(text)))
}

fn quoted_printable(text: &str) -> Body {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable);
    body.unwrap_or_else(|text| Body::new(String::from_utf8_lossy(&text).into_owned()))
}
