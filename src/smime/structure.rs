//! What is in a CMS message (RFC 5652, RFC 5083)? Its parts as they stand, none of them believed.
//!
//! The library for DER reads the fields, and this file says where they are. Certificates, names
//! and algorithms stay octets until somebody needs them, so that an odd certificate costs itself
//! and not the message. A message in BER, as programs write that stream it, is made DER by OpenSSL
//! first.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use openssl::cms::CmsContentInfo;
use std::borrow::Cow;

/// Elements of one set that are looked at: recipients, certificates, signers, attributes.
const ELEMENTS_MAX: usize = 256;

/// The octets are no CMS message, or a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

type Parsed<T> = Result<T, Malformed>;

/// A message whose octets are held, in DER.
pub struct Message<'a>(Cow<'a, [u8]>);

/// What a message is, by the object identifier of its content type.
pub enum Content<'a> {
    Signed(Signed<'a>),
    /// EnvelopedData and AuthEnvelopedData.
    Enveloped(Enveloped<'a>),
    /// CompressedData (RFC 3274).
    Compressed,
    /// Any other content type.
    Other,
}

/// SignedData (RFC 5652 section 5.1).
pub struct Signed<'a> {
    pub(super) content_type: ObjectIdentifier,
    /// Absent in a detached signature.
    pub content: Option<&'a [u8]>,
    /// As they stand: each may be a certificate.
    pub(super) certificates: Vec<AnyRef<'a>>,
    pub(super) signers: Vec<AnyRef<'a>>,
}

/// EnvelopedData (RFC 5652 section 6.1), or AuthEnvelopedData (RFC 5083 section 2.1), which has a
/// MAC.
pub struct Enveloped<'a> {
    pub(super) recipients: Vec<AnyRef<'a>>,
    pub(super) content_type: ObjectIdentifier,
    pub(super) cipher: Algorithm<'a>,
    pub(super) ciphertext: &'a [u8],
    pub(super) mac: Option<&'a [u8]>,
    /// What the MAC covers besides: the authenticated attributes as a SET in DER.
    pub(super) authenticated: Vec<u8>,
}

/// AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
#[derive(Clone, Copy)]
pub(super) struct Algorithm<'a> {
    pub oid: ObjectIdentifier,
    pub parameters: Option<AnyRef<'a>>,
}

/// Which kind of message octets hold, told without any key: the first object identifier in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Signed,
    Enveloped,
    Compressed,
    Other,
}

const SIGNED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const AUTH_ENVELOPED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.23");
const COMPRESSED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.9");
pub(super) const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

/// What kind of message it is, from its first octets, in BER and DER alike; `None` where they
/// begin no CMS message.
pub fn kind_of(octets: &[u8]) -> Option<MessageKind> {
    let rest = octets.strip_prefix(&[0x30])?;
    let length = match *rest.first()? {
        long @ 0x81..=0x84 => 1 + usize::from(long & 0x7f),
        _ => 1,
    };
    let head = rest.get(length..)?;
    let oid = head.get(..2 + usize::from(*head.get(1)?))?;
    Some(match ObjectIdentifier::from_der(oid).ok()? {
        SIGNED => MessageKind::Signed,
        ENVELOPED | AUTH_ENVELOPED => MessageKind::Enveloped,
        COMPRESSED => MessageKind::Compressed,
        _ => MessageKind::Other,
    })
}

/// Holds a message in DER: as it came where it is that, else as OpenSSL writes it again.
pub fn read(octets: &[u8]) -> Parsed<Message<'_>> {
    let direct = Message(Cow::Borrowed(whole(octets)));
    if direct.content().is_ok() {
        return Ok(direct);
    }
    let written = CmsContentInfo::from_der(octets).and_then(|read| read.to_der());
    let again = Message(Cow::Owned(written.map_err(|_| Malformed)?));
    again.content()?;
    Ok(again)
}

/// The first element alone: some programs add a line end.
fn whole(octets: &[u8]) -> &[u8] {
    let length = SliceReader::new(octets).and_then(|mut reader| {
        let header = der::Header::decode(&mut reader)?;
        Ok(usize::try_from(reader.position())? + usize::try_from(header.length)?)
    });
    length
        .ok()
        .and_then(|length| octets.get(..length))
        .unwrap_or(octets)
}

impl Message<'_> {
    /// The parts of the message.
    pub fn content(&self) -> Parsed<Content<'_>> {
        let mut info = Elements::within(AnyRef::from_der(&self.0)?)?;
        let kind = info.next()?.decode_as::<ObjectIdentifier>()?;
        let mut explicit = Elements::within(info.tagged(0)?.ok_or(Malformed)?)?;
        let content = explicit.next()?;
        Ok(match kind {
            SIGNED => Content::Signed(signed(content)?),
            ENVELOPED => Content::Enveloped(enveloped(content, false)?),
            AUTH_ENVELOPED => Content::Enveloped(enveloped(content, true)?),
            COMPRESSED => Content::Compressed,
            _ => Content::Other,
        })
    }
}

fn signed(content: AnyRef<'_>) -> Parsed<Signed<'_>> {
    let mut fields = Elements::within(content)?;
    fields.next()?; // the version
    fields.next()?; // digests, for programs that read in one pass
    let mut encapsulated = Elements::within(fields.next()?)?;
    let content_type = encapsulated.next()?.decode_as()?;
    let content = match encapsulated.tagged(0)? {
        Some(explicit) => Some(octet_string(Elements::within(explicit)?.next()?)?),
        None => None,
    };
    let certificates = match fields.tagged(0)? {
        Some(set) => all_of(set)?,
        None => Vec::new(),
    };
    fields.tagged(1)?; // lists of revoked certificates
    Ok(Signed {
        content_type,
        content,
        certificates,
        signers: all_of(fields.next()?)?,
    })
}

fn enveloped(content: AnyRef<'_>, is_authenticated: bool) -> Parsed<Enveloped<'_>> {
    let mut fields = Elements::within(content)?;
    fields.next()?; // the version
    fields.tagged(0)?; // the originator's certificates
    let recipients = all_of(fields.next()?)?;
    let mut encrypted = Elements::within(fields.next()?)?;
    let content_type = encrypted.next()?.decode_as()?;
    let cipher = Algorithm::of(encrypted.next()?)?;
    let ciphertext = encrypted.tagged(0)?.ok_or(Malformed)?;
    if is_constructed(ciphertext.tag()) {
        return Err(Malformed); // in pieces, which OpenSSL joins
    }
    let (mut authenticated, mut mac) = (Vec::new(), None);
    if is_authenticated {
        if let Some(attributes) = fields.tagged(1)? {
            authenticated = as_set(attributes)?;
        }
        mac = Some(octet_string(fields.next()?)?);
    }
    Ok(Enveloped {
        recipients,
        content_type,
        cipher,
        ciphertext: ciphertext.value(),
        mac,
        authenticated,
    })
}

impl<'a> Algorithm<'a> {
    pub fn of(any: AnyRef<'a>) -> Parsed<Self> {
        let mut fields = Elements::within(any)?;
        Ok(Self {
            oid: fields.next()?.decode_as()?,
            parameters: fields.perhaps()?,
        })
    }

    /// Parameters that are an algorithm themselves, such as the hash of a mask.
    pub fn nested(&self) -> Parsed<Self> {
        Self::of(self.parameters.ok_or(Malformed)?)
    }
}

/// The elements of a sequence or set, one after the other.
pub(super) struct Elements<'a>(SliceReader<'a>);

impl<'a> Elements<'a> {
    pub fn within(any: AnyRef<'a>) -> Parsed<Self> {
        if !is_constructed(any.tag()) {
            return Err(Malformed);
        }
        Ok(Self(SliceReader::new(any.value())?))
    }

    /// The next element, which must be there.
    pub fn next(&mut self) -> Parsed<AnyRef<'a>> {
        Ok(AnyRef::decode(&mut self.0)?)
    }

    /// The next element, or none at the end.
    pub fn perhaps(&mut self) -> Parsed<Option<AnyRef<'a>>> {
        if self.0.is_finished() {
            return Ok(None);
        }
        self.next().map(Some)
    }

    /// The next element where it has this context tag.
    pub fn tagged(&mut self, wanted: u8) -> Parsed<Option<AnyRef<'a>>> {
        if self.0.is_finished() {
            return Ok(None);
        }
        let tag = self.0.peek_header()?.tag;
        if is_context(tag, wanted) {
            self.next().map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Every element of a set, a few hundred at most.
pub(super) fn all_of(set: AnyRef<'_>) -> Parsed<Vec<AnyRef<'_>>> {
    let mut elements = Elements::within(set)?;
    let mut found = Vec::new();
    while let Some(element) = elements.perhaps()? {
        if found.len() >= ELEMENTS_MAX {
            return Err(Malformed);
        }
        found.push(element);
    }
    Ok(found)
}

/// Whether it has this context tag.
pub(super) fn is_context(tag: Tag, wanted: u8) -> bool {
    matches!(tag, Tag::ContextSpecific { number, .. } if number == TagNumber::new(wanted))
}

fn is_constructed(tag: Tag) -> bool {
    tag.is_constructed()
}

/// The octets of an OCTET STRING that stands in one piece.
pub(super) fn octet_string(any: AnyRef<'_>) -> Parsed<&[u8]> {
    if any.tag() != Tag::OctetString {
        return Err(Malformed);
    }
    Ok(any.value())
}

/// Implicitly tagged attributes as the SET that is signed or authenticated (RFC 5652 section 5.4).
pub(super) fn as_set(attributes: AnyRef<'_>) -> Parsed<Vec<u8>> {
    Ok(AnyRef::new(Tag::Set, attributes.value())?.to_der()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_message_are_none() {
        for octets in [
            &b""[..],
            b"0",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff\x06\x01\x00",
            b"\x30\x03\x06\x01\x2a",
            b"hello, this is text",
        ] {
            assert!(read(octets).is_err(), "{octets:?}");
        }
        assert_eq!(
            kind_of(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"),
            Some(MessageKind::Enveloped)
        );
        assert_eq!(kind_of(b"hello"), None);
    }

    #[test]
    fn deep_nesting_ends_without_harm() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(100_000);
        assert!(read(&deep).is_err());
    }
}
