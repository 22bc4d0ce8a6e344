//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

use super::{LimitExceeded, filename, precheck, tolerant};
use crate::model::ids::MessageId;
use crate::model::reading::Repair;
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};
use std::borrow::Cow;

/// A parsed entity (RFC 2045): a whole letter, or what decryption brought to light.
pub struct Entity<'x> {
    message: Message<'x>,
    octets: &'x [u8],
}

/// What the root of an entity asks for.
pub enum Layout<'a> {
    /// RFC 3156 section 4, and its mangles. `others` are the parts that stand beside the sealed one.
    Encrypted {
        ciphertext: Cow<'a, [u8]>,
        repaired: Option<Repair>,
        others: Vec<File>,
    },
    /// RFC 3156 section 5: the signed octets exactly as they stand, CRLF line ends, and the signature.
    Signed {
        signed: Vec<u8>,
        signature: Cow<'a, [u8]>,
    },
    /// RFC 8551, which is named and not opened.
    Smime {
        encrypted: bool,
    },
    Bare,
}

/// A part that is not body text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub media_type: String,
    pub octets: Vec<u8>,
}

/// Header fields that stood inside the protection (RFC 9788, or protected-headers="v1").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedHeaders {
    pub subject: Option<String>,
    pub from: Option<String>,
    pub message_id: Option<String>,
    pub date: Option<String>,
}

impl<'x> Entity<'x> {
    /// Parses an entity, after the linear check of its size and depth.
    pub fn parse(octets: &'x [u8]) -> Result<Self, LimitExceeded> {
        precheck::check(octets)?;
        let message = tolerant::parse(octets);
        if message.parts.len() > precheck::PARTS_MAX {
            return Err(LimitExceeded::Parts);
        }
        Ok(Self { message, octets })
    }

    fn children(&self, part: &MessagePart<'_>) -> Vec<&MessagePart<'x>> {
        part.sub_parts().unwrap_or_default().iter().filter_map(|id| self.message.part(*id)).collect()
    }

    fn root(&self) -> Option<&MessagePart<'x>> {
        self.message.parts.first()
    }

    pub fn layout(&self) -> Layout<'_> {
        let Some(root) = self.root() else { return Layout::Bare };
        if let Some(sealed) = self.encrypted_at(root) {
            return sealed;
        }
        if is(root, "multipart", "signed")
            && let Some(signed) = self.signed_at(root)
        {
            return signed;
        }
        if is(root, "application", "pkcs7-mime") || is(root, "application", "x-pkcs7-mime") {
            let kind = root.content_type().and_then(|ct| ct.attribute("smime-type")).unwrap_or_default();
            return Layout::Smime { encrypted: !kind.eq_ignore_ascii_case("signed-data") };
        }
        Layout::Bare
    }

    /// The ciphertext where the root, or a child of a mixed root, is PGP/MIME encrypted.
    fn encrypted_at(&self, root: &MessagePart<'x>) -> Option<Layout<'_>> {
        let children = self.children(root);
        if is(root, "multipart", "encrypted") {
            let cipher = children.iter().find(|p| has_armored_message(p)).or_else(|| children.get(1))?;
            let others = if children.len() > 2 { self.beside(&children, cipher) } else { Vec::new() };
            return Some(Layout::Encrypted { ciphertext: contents(cipher), repaired: None, others });
        }
        if !is_multipart(root) {
            return None;
        }
        // Exchange turns multipart/encrypted into multipart/mixed and may put an empty text before the two parts.
        if let Some(control) = children.iter().position(|p| is(p, "application", "pgp-encrypted") && !has_armored_message(p)) {
            let cipher = children.get(control + 1).or_else(|| children.iter().find(|p| has_armored_message(p)))?;
            return Some(Layout::Encrypted { ciphertext: contents(cipher), repaired: Some(Repair::Exchange), others: self.beside(&children, cipher) });
        }
        // Google Workspace and mailing lists put the sealed entity beside a footer of theirs.
        let inner = children.iter().find(|p| is(p, "multipart", "encrypted"))?;
        let parts = self.children(inner);
        let cipher = parts.iter().find(|p| has_armored_message(p)).or_else(|| parts.get(1))?;
        Some(Layout::Encrypted { ciphertext: contents(cipher), repaired: Some(Repair::Google), others: self.beside(&children, inner) })
    }

    /// Siblings of the sealed part, as files: kept and shown apart, never joined with it.
    fn beside(&self, children: &[&MessagePart<'x>], sealed: &MessagePart<'x>) -> Vec<File> {
        let others = children.iter().filter(|p| !is(p, "application", "pgp-encrypted") && !std::ptr::eq(**p, sealed) && !is_blank(p) && !is_multipart(p));
        let named = |(n, part): (usize, &&MessagePart<'x>)| {
            let mut file = file(part, &self.message);
            if file.name == "unnamed" {
                file.name = format!("outside-{}.txt", n + 1);
            }
            file
        };
        others.enumerate().map(named).collect()
    }

    fn signed_at(&self, root: &MessagePart<'x>) -> Option<Layout<'_>> {
        let children = self.children(root);
        let [signed, signature] = children.as_slice() else { return None };
        if !is(signature, "application", "pgp-signature") {
            return is(signature, "application", "pkcs7-signature").then_some(Layout::Smime { encrypted: false });
        }
        let raw = self.octets.get(signed.raw_header_offset() as usize..signed.raw_end_offset() as usize)?;
        Some(Layout::Signed { signed: canonical(raw), signature: contents(signature) })
    }

    /// The body that a human would read: plain text where there is one, else HTML as text.
    pub fn text(&self) -> String {
        let bodies: Vec<String> = (0..self.message.text_body_count()).filter_map(|i| self.message.body_text(i)).map(Cow::into_owned).collect();
        bodies.join("\n").replace("\r\n", "\n")
    }

    /// The number of text bodies. Inline blocks are opened only where there is a single one.
    pub fn text_bodies(&self) -> usize {
        self.message.text_body_count()
    }

    /// Parts that are not body text, in order.
    pub fn files(&self) -> Vec<File> {
        self.message.attachments().map(|part| file(part, &self.message)).collect()
    }

    /// Protected header fields, where the root of this entity says that it carries them.
    ///
    /// Call it only on the root of a decrypted or signed payload: a part deeper down, or an unprotected
    /// letter, that claims to carry them is lying (RFC 9788 section 4).
    pub fn protected_headers(&self) -> Option<ProtectedHeaders> {
        let content_type = self.root()?.content_type()?;
        let claims = content_type.attribute("hp").is_some_and(|v| matches!(v, "cipher" | "clear"))
            || content_type.attribute("protected-headers").is_some_and(|v| v.split(',').any(|v| v.trim() == "v1"));
        claims.then(|| ProtectedHeaders {
            subject: self.message.subject().map(shown),
            from: single_address(&self.message, "From"),
            message_id: self.message.message_id().map(str::to_owned),
            date: self.message.date().map(mail_parser::DateTime::to_rfc3339),
        })
    }

    pub fn subject(&self) -> Option<String> {
        self.message.subject().map(shown)
    }

    /// Whether the root names any field that a MIME entity or a letter begins with.
    pub fn has_header(&self) -> bool {
        self.message.headers().iter().any(|h| !matches!(h.name, mail_parser::HeaderName::Other(_)))
    }

    pub fn from(&self) -> Option<String> {
        single_address(&self.message, "From")
    }

    pub fn message_id(&self) -> Option<String> {
        self.message.message_id().and_then(MessageId::parse).map(|id| id.as_str().to_owned())
    }

    pub fn date(&self) -> Option<String> {
        self.message.date().map(mail_parser::DateTime::to_rfc3339)
    }

    /// The raw value of a header field of the root, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.message.headers_raw().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The media type of the root, `text/plain` where none is given (RFC 2045 section 5.2).
    pub fn media_type(&self) -> String {
        self.root().map_or_else(|| "text/plain".to_owned(), media_type)
    }

    /// Whether the transfer encoding or charset of some part could not be decoded as declared.
    pub fn has_encoding_fault(&self) -> bool {
        self.message.parts.iter().any(|p| p.is_encoding_problem)
    }

    /// The certificates in Autocrypt headers, decoded, with the address that each claims.
    pub fn autocrypt(&self) -> Vec<(String, Vec<u8>)> {
        let fields = self.message.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case("Autocrypt"));
        fields.filter_map(|(_, value)| autocrypt_field(value)).collect()
    }
}

/// Autocrypt level 1, section 2.1: `addr=…; prefer-encrypt=mutual; keydata=BASE64`.
fn autocrypt_field(value: &str) -> Option<(String, Vec<u8>)> {
    let mut addr = None;
    let mut keydata = None;
    for attribute in value.split(';') {
        let (name, value) = attribute.split_once('=')?;
        match name.trim() {
            "addr" => addr = Some(value.trim().to_ascii_lowercase()),
            "keydata" => {
                let base64: Vec<u8> = value.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                keydata = mail_parser::decoders::base64::base64_decode(&base64);
            }
            "prefer-encrypt" => {}
            critical if !critical.starts_with('_') => return None, // an unknown critical attribute voids the header
            _ => {}
        }
    }
    Some((addr?, keydata?))
}

/// The address of a field that stands once and names one mailbox.
fn single_address(message: &Message<'_>, field: &'static str) -> Option<String> {
    let mut values = message.header_values(field);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let addresses: Vec<_> = value.as_address()?.iter().collect();
    let [one] = addresses.as_slice() else { return None };
    one.address().map(str::to_owned)
}

/// One line without what could drive a header, a terminal or an eye.
fn shown(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !filename::is_invisible(*c)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.is_content_type(kind, subtype)
}

fn is_multipart(part: &MessagePart<'_>) -> bool {
    part.content_type().is_some_and(|ct| ct.ctype().eq_ignore_ascii_case("multipart"))
}

fn is_blank(part: &MessagePart<'_>) -> bool {
    part.is_text() && part.contents().trim_ascii().is_empty()
}

fn contents<'a>(part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    Cow::Borrowed(part.contents())
}

fn has_armored_message(part: &MessagePart<'_>) -> bool {
    let mark = b"-----BEGIN PGP MESSAGE-----";
    part.contents().trim_ascii_start().starts_with(mark)
}

fn media_type(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(ct) => format!("{}/{}", ct.ctype(), ct.subtype().unwrap_or("plain")).to_ascii_lowercase(),
        None => "text/plain".to_owned(),
    }
}

fn file(part: &MessagePart<'_>, message: &Message<'_>) -> File {
    let octets = match &part.body {
        PartType::Message(inner) => {
            let whole = message.raw_message.get(part.raw_body_offset() as usize..part.raw_end_offset() as usize);
            whole.map_or_else(|| inner.raw_message.to_vec(), <[u8]>::to_vec)
        }
        _ => part.contents().to_vec(),
    };
    let name = part.attachment_name().unwrap_or(if matches!(part.body, PartType::Message(_)) { "forwarded.eml" } else { "" });
    File { name: filename::safe_name(name), media_type: media_type(part), octets }
}

/// The canonical form that signatures are made over: CRLF line ends (RFC 3156 section 5).
fn canonical(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for (i, b) in raw.iter().enumerate() {
        if *b == b'\n' && (i == 0 || raw[i - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*b);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(content_type: &str, body: &str) -> String {
        format!("From: a@b.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: {content_type}\n\n{body}")
    }

    #[test]
    fn the_sealed_part_is_found_whole_and_mangled() {
        let pgp = "--x\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--x\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nAA\n--x--\n";
        let rows = [("multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x", None), ("multipart/mixed; boundary=x", Some(Repair::Exchange))];
        for (content_type, expected) in rows {
            let text = letter(content_type, pgp);
            let entity = Entity::parse(text.as_bytes()).unwrap();
            let Layout::Encrypted { ciphertext, repaired, .. } = entity.layout() else { panic!("{content_type}") };
            assert!(ciphertext.starts_with(b"-----BEGIN PGP MESSAGE"));
            assert_eq!(repaired, expected);
        }
    }

    #[test]
    fn the_signed_octets_are_those_between_the_boundaries() {
        let body = "--x\nContent-Type: text/plain\n\nhello \n\n--x\nContent-Type: application/pgp-signature\n\nSIG\n--x--\n";
        let text = letter("multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=x", body);
        let entity = Entity::parse(text.as_bytes()).unwrap();
        let Layout::Signed { signed, signature } = entity.layout() else { panic!() };
        assert_eq!(signed, b"Content-Type: text/plain\r\n\r\nhello \r\n");
        assert!(signature.starts_with(b"SIG"));
    }

    #[test]
    fn protected_headers_count_only_where_they_are_announced() {
        let plain = Entity::parse(b"Subject: inner\nContent-Type: text/plain\n\nx").unwrap();
        assert_eq!(plain.protected_headers(), None);
        for mark in ["hp=\"cipher\"", "protected-headers=\"v1\""] {
            let text = format!("Subject: inner\nContent-Type: text/plain; {mark}\n\nx");
            let entity = Entity::parse(text.as_bytes()).unwrap();
            assert_eq!(entity.protected_headers().unwrap().subject.as_deref(), Some("inner"), "{mark}");
        }
    }

    #[test]
    fn two_from_fields_are_nobody() {
        let entity = Entity::parse(b"From: a@b.example\nFrom: c@d.example\n\nx").unwrap();
        assert_eq!(entity.from(), None);
    }

    #[test]
    fn an_empty_letter_is_a_letter() {
        assert_eq!(Entity::parse(b"").unwrap().text(), "");
    }
}
