//! What is this entity made of? One MIME tree, seen as what the opener must do with it.

use super::body::{Body, html_text};
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
    /// RFC 3156 section 4, and its mangles. Each sealed part is a document of its own; `others` stand outside all of them.
    Encrypted {
        sealed: Vec<Sealed<'a>>,
        others: Vec<File>,
    },
    /// RFC 3156 section 5: the signed octets exactly as they stand, CRLF line ends, and the signature.
    Signed {
        signed: Vec<u8>,
        signature: Cow<'a, [u8]>,
    },
    /// RFC 8551 section 3.4.2 and 3.3: the content is inside, which is named and not opened.
    Smime {
        encrypted: bool,
    },
    /// RFC 8551 section 3.5.3: the content stands in clear beside its signature.
    SmimeSigned,
    Bare,
}

/// The ciphertext of one sealed part, and what had to be mended to find it.
pub struct Sealed<'a> {
    pub ciphertext: Cow<'a, [u8]>,
    pub repaired: Option<Repair>,
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

/// What a walk through the tree found.
#[derive(Default)]
struct Found<'a, 'x> {
    sealed: Vec<Sealed<'a>>,
    outside: Vec<&'a MessagePart<'x>>,
}

impl<'x> Entity<'x> {
    /// Parses a whole letter. One without any header field is body from its first line on.
    pub fn letter(octets: &'x [u8]) -> Result<Self, LimitExceeded> {
        let octets = tolerant::letter_start(octets);
        if octets.is_empty() || tolerant::begins_with_field(octets) {
            return Self::parse(octets);
        }
        let bodied = [b"Content-Type: text/plain\n\n", octets].concat();
        Ok(Self { message: Entity::parse(&bodied)?.message.into_owned(), octets })
    }

    /// Parses an entity, after the linear check of its size and depth.
    pub fn parse(octets: &'x [u8]) -> Result<Self, LimitExceeded> {
        let message = match precheck::checked(octets)? {
            Cow::Borrowed(octets) => tolerant::parse(octets),
            Cow::Owned(renamed) => tolerant::parse(&renamed).into_owned(),
        };
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
        if is(root, "multipart", "signed")
            && let Some(signed) = self.signed_at(root)
        {
            return signed;
        }
        if is(root, "application", "pkcs7-mime") || is(root, "application", "x-pkcs7-mime") {
            let kind = root.content_type().and_then(|ct| ct.attribute("smime-type")).unwrap_or_default();
            return Layout::Smime { encrypted: !kind.eq_ignore_ascii_case("signed-data") };
        }
        let mut found = Found::default();
        self.look_for_sealed(root, 0, &mut found);
        if found.sealed.is_empty() {
            return Layout::Bare;
        }
        Layout::Encrypted { others: self.outside(&found.outside), sealed: found.sealed }
    }

    /// Sealed parts at the root and inside the wrappers that were seen around it.
    fn look_for_sealed<'a>(&'a self, part: &'a MessagePart<'x>, depth: usize, found: &mut Found<'a, 'x>) {
        let children = self.children(part);
        if is(part, "multipart", "encrypted")
            && let Some(cipher) = children.iter().find(|p| has_armored_message(p)).or_else(|| children.get(1))
        {
            // Google Workspace and mailing lists put the sealed entity beside a footer of theirs.
            let repaired = [None, Some(Repair::Google)].get(depth).copied().unwrap_or(Some(Repair::Other));
            found.sealed.push(Sealed { ciphertext: contents(cipher), repaired });
            found.outside.extend(children.iter().filter(|p| !std::ptr::eq(**p, *cipher)));
            return;
        }
        if !is_multipart(part) {
            return found.outside.push(part);
        }
        // Exchange turns multipart/encrypted into multipart/mixed and may put an empty text before the two
        // parts; so does ProtonMail, which names the first of them attachment.pgp.
        let control = children.iter().position(|p| is(p, "application", "pgp-encrypted") && !has_armored_message(p));
        let cipher = control.and_then(|at| Some((at, children.get(at + 1).or_else(|| children.iter().find(|p| has_armored_message(p)))?)));
        if let Some((at, cipher)) = cipher {
            let proton = children[at].attachment_name() == Some("attachment.pgp");
            let repaired = if depth > 0 {
                Repair::Other
            } else if proton {
                Repair::Proton
            } else {
                Repair::Exchange
            };
            found.sealed.push(Sealed { ciphertext: contents(cipher), repaired: Some(repaired) });
            found.outside.extend(children.iter().filter(|p| !std::ptr::eq(**p, *cipher)));
            return;
        }
        children.iter().for_each(|child| self.look_for_sealed(child, depth + 1, found));
    }

    /// Parts outside everything sealed, as files: kept and shown apart, never joined with it.
    fn outside(&self, parts: &[&MessagePart<'x>]) -> Vec<File> {
        let others = parts.iter().filter(|p| !is(p, "application", "pgp-encrypted") && !is_blank(p) && !is_multipart(p));
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
            return is(signature, "application", "pkcs7-signature").then_some(Layout::SmimeSigned);
        }
        let raw = self.octets.get(signed.raw_header_offset() as usize..signed.raw_end_offset() as usize)?;
        Some(Layout::Signed { signed: canonical(raw), signature: contents(signature) })
    }

    /// The body that a human would read: plain text where there is one, else HTML as text. Inside a protected
    /// payload, what only repeats its header for old programs is left out.
    pub fn body(&self, protected: bool) -> Body {
        let bodies: Vec<&MessagePart<'x>> = self.message.text_body.iter().filter_map(|id| self.message.part(*id)).collect();
        let shown = bodies.iter().filter(|part| !(protected && self.is_legacy_display(part)));
        let texts: Vec<String> = shown.map(|part| body_text(part, protected)).collect();
        let mut text = texts.join("\n");
        let mut flowed = !bodies.is_empty() && bodies.iter().all(|part| attribute_is(part, "format", "flowed"));
        if text.trim().is_empty() {
            // An empty text beside HTML: the words stand there.
            let html = self.message.html_body.iter().filter_map(|id| self.message.part(*id)).filter(|part| part.is_text_html());
            text = html.map(|part| body_text(part, protected)).collect::<Vec<_>>().join("\n");
            flowed = false;
        }
        Body { text: text.replace("\r\n", "\n"), flowed }
    }

    /// A part that shows the protected header to programs that know nothing of it (the older protected-headers="v1").
    fn is_legacy_display(&self, part: &MessagePart<'x>) -> bool {
        let Some(root) = self.root() else { return false };
        let claimed = !std::ptr::eq(root, part) && attribute_is(root, "protected-headers", "v1") && attribute_is(part, "protected-headers", "v1");
        claimed && part.text_contents().is_some_and(repeats_header)
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

fn attribute_is(part: &MessagePart<'_>, name: &str, value: &str) -> bool {
    part.content_type().and_then(|ct| ct.attribute(name)).is_some_and(|v| v.eq_ignore_ascii_case(value))
}

fn body_text(part: &MessagePart<'_>, protected: bool) -> String {
    let text = match &part.body {
        PartType::Text(text) => text.as_ref(),
        PartType::Html(html) => return html_text(html),
        _ => return String::new(),
    };
    // RFC 9788 section 5.2.2: the lines up to the first empty one repeat the header.
    let legacy = protected && attribute_is(part, "hp-legacy-display", "1");
    let after = legacy.then(|| text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))).flatten();
    after.filter(|(display, _)| repeats_header(display)).map_or(text, |(_, rest)| rest).to_owned()
}

/// Whether a text is nothing but header fields, so that leaving it out hides nothing.
fn repeats_header(text: &str) -> bool {
    let fields = ["subject:", "from:", "to:", "cc:", "reply-to:", "date:", "followup-to:"];
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    lines.peek().is_some()
        && lines.all(|line| line.starts_with([' ', '\t']) || fields.iter().any(|f| line.get(..f.len()).is_some_and(|l| l.eq_ignore_ascii_case(f))))
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
        Some(ct) => precheck::true_media_type(format!("{}/{}", ct.ctype(), ct.subtype().unwrap_or("plain")).to_ascii_lowercase()),
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
    let media_type = media_type(part);
    let name = part.attachment_name().unwrap_or(if media_type == "message/rfc822" { "forwarded.eml" } else { "" });
    File { name: filename::safe_name(name), media_type, octets }
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
            let Layout::Encrypted { sealed, .. } = entity.layout() else { panic!("{content_type}") };
            assert!(sealed[0].ciphertext.starts_with(b"-----BEGIN PGP MESSAGE"));
            assert_eq!(sealed[0].repaired, expected);
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
        assert_eq!(Entity::letter(b"").unwrap().body(false), Body::default());
    }
}
