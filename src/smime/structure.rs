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

/// Elements of a message in BER that are handed to OpenSSL, which looks at every one: the pieces of a
/// stream are not counted, and a certificate has some hundred.
const BER_ELEMENTS_MAX: usize = 8 * 1024;

/// How deep they may be nested.
const BER_DEPTH_MAX: usize = 32;

/// Holds a message in DER: as it came where it is that, else as OpenSSL writes it again.
pub fn read(octets: &[u8]) -> Parsed<Message<'_>> {
    let direct = Message(Cow::Borrowed(whole(octets)));
    if direct.content().is_ok() {
        return Ok(direct);
    }
    if !is_small_ber(octets) {
        return Err(Malformed);
    }
    let written = CmsContentInfo::from_der(octets).and_then(|read| read.to_der());
    let again = Message(Cow::Owned(written.map_err(|_| Malformed)?));
    again.content()?;
    Ok(again)
}

/// Whether octets are elements in BER, and not so many that reading them costs what a letter may not.
/// The pieces of one long string count as none: a stream is in as many as its length makes.
fn is_small_ber(octets: &[u8]) -> bool {
    let (mut at, mut elements) = (0, 0);
    // Tags of the elements that are open, and where they end, for those that say so.
    let mut open: Vec<(u8, Option<usize>)> = Vec::new();
    while let Some(&tag) = octets.get(at) {
        while open
            .last()
            .is_some_and(|(_, end)| end.is_some_and(|end| at >= end))
        {
            open.pop();
            if open.is_empty() {
                return true; // some programs add a line end
            }
        }
        if tag == 0 && octets.get(at + 1) == Some(&0) {
            // The end of one without a length.
            at += 2;
            match open.pop() {
                Some((_, None)) if open.is_empty() => return true,
                Some((_, None)) => continue,
                _ => return false,
            }
        }
        let Some((length, begins)) = ber_length(octets, at) else {
            return false;
        };
        let is_piece = tag == OCTET_STRING
            && open
                .last()
                .is_some_and(|(parent, _)| HOLDS_PIECES.contains(parent));
        if !is_piece {
            elements += 1;
        }
        let end = length.map(|length| begins.checked_add(length));
        let end = match end {
            None => None,
            Some(Some(end)) if end <= octets.len() => Some(end),
            Some(_) => return false,
        };
        if elements > BER_ELEMENTS_MAX || open.len() > BER_DEPTH_MAX {
            return false;
        }
        match end {
            Some(end) if tag & CONSTRUCTED == 0 => at = end,
            // What has elements is entered, with a length or without: they follow.
            end => {
                open.push((tag, end));
                at = begins;
            }
        }
    }
    open.iter().all(|(_, end)| end.is_some())
}

/// The tags of strings in pieces: OCTET STRING, and one under the context-specific tag 0 (RFC 5652
/// section 6.1).
const HOLDS_PIECES: [u8; 2] = [OCTET_STRING | CONSTRUCTED, 0xa0];

/// The tag number of OCTET STRING, and the bit of a tag that has elements in it (X.690 section 8.1.2).
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

/// The length of the element that begins there, `None` where it has none, and where its content
/// begins. A tag of more than one octet is none of CMS.
fn ber_length(octets: &[u8], at: usize) -> Option<(Option<usize>, usize)> {
    if octets.get(at)? & 0x1f == 0x1f {
        return None;
    }
    let first = *octets.get(at + 1)?;
    match first {
        0x80 => Some((None, at + 2)),
        0..0x80 => Some((Some(usize::from(first)), at + 2)),
        _ => {
            let count = usize::from(first & 0x7f);
            let digits = octets.get(at + 2..at + 2 + count).filter(|_| count <= 4)?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            Some((Some(length), at + 2 + count))
        }
    }
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

    /// Handing a message to OpenSSL costs what its elements cost.
    #[test]
    fn a_message_of_many_elements_is_handed_to_nobody() {
        let with = |element: &[u8], count: usize| {
            let mut octets = vec![0x30, 0x80];
            octets.extend(element.repeat(count));
            octets.extend([0, 0]);
            is_small_ber(&octets)
        };
        let (null, piece) = ([0x05, 0x00], [0x04, 0x01, 0x61]);
        assert!(with(&null, 8) && !with(&null, BER_ELEMENTS_MAX + 1));
        // A stream is in as many pieces as its length makes; elsewhere, strings count.
        assert!(!with(&piece, BER_ELEMENTS_MAX + 1));
        let stream = |tag: u8| {
            let mut octets = vec![0x30, 0x80, tag, 0x80];
            octets.extend(piece.repeat(4 * BER_ELEMENTS_MAX));
            octets.extend([0, 0, 0, 0]);
            is_small_ber(&octets)
        };
        assert!(stream(0x24) && stream(0xa0) && !stream(0x31) && !stream(0xa1));
        assert!(!is_small_ber(&[0x30, 0x80, 0x05]));
    }

    #[test]
    fn deep_nesting_ends_without_harm() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(100_000);
        assert!(read(&deep).is_err());
    }
}
