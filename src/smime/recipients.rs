//! How is a content-encryption key sealed to a recipient (RFC 5652 section 6.2)? Taken apart into
//! questions for the keyholder.

use super::algorithm::{self, Hashes};
use super::question::{Derivation, Digest, KeyQuestion, KeyWay, RecipientName};
use super::structure::{self, Algorithm, Elements, Malformed, octet_string};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Encode, Tag, Tagged};

/// What a RecipientInfo asks for.
pub(super) enum Asked {
    Of(Vec<KeyQuestion>),
    Password,
    /// A way that is not known here.
    Unknown,
}

pub(super) fn questions(recipient: AnyRef<'_>, key_octets: usize) -> Result<Asked, Malformed> {
    let mut fields = Elements::within(recipient)?;
    if recipient.tag() == Tag::Sequence {
        return transported(&mut fields, key_octets);
    }
    if structure::is_context(recipient.tag(), 1) {
        return agreed(&mut fields, key_octets);
    }
    if structure::is_context(recipient.tag(), 3) {
        return Ok(Asked::Password);
    }
    Ok(Asked::Unknown)
}

/// What a recipient's part of a real message stays far below: a key of 16,384 bits is 2048 octets.
/// Anything longer would not fit into what the keyholder hears.
const PIECE_OCTETS_MAX: usize = 4096;

fn fits(pieces: &[&[u8]]) -> bool {
    pieces.iter().all(|piece| piece.len() <= PIECE_OCTETS_MAX)
}

/// KeyTransRecipientInfo (RFC 5652 section 6.2.1).
fn transported(fields: &mut Elements<'_>, key_octets: usize) -> Result<Asked, Malformed> {
    fields.next()?; // the version
    let name = fields.next()?;
    if !fits(&[name.value()]) {
        return Ok(Asked::Unknown);
    }
    let recipient = recipient_name(name)?;
    let algorithm = Algorithm::of(fields.next()?)?;
    let way = match algorithm.oid {
        algorithm::RSA => KeyWay::RsaPkcs1,
        algorithm::RSA_OAEP => {
            let hashes = Hashes::of(&algorithm)?;
            if !fits(&[hashes.label]) {
                return Ok(Asked::Unknown);
            }
            KeyWay::RsaOaep {
                digest: hashes.digest,
                mask: hashes.mask,
                label: hashes.label.to_vec(),
            }
        }
        _ => return Ok(Asked::Unknown),
    };
    let sealed = octet_string(fields.next()?)?;
    if !fits(&[sealed]) {
        return Ok(Asked::Unknown);
    }
    Ok(Asked::Of(vec![KeyQuestion {
        recipient,
        way,
        sealed: sealed.to_vec(),
        key_octets,
        loosely: false,
    }]))
}

/// KeyAgreeRecipientInfo (RFC 5652 section 6.2.2), with the originator's key in it.
fn agreed(fields: &mut Elements<'_>, key_octets: usize) -> Result<Asked, Malformed> {
    fields.next()?; // the version
    let originator = fields.tagged(0)?.ok_or(Malformed)?;
    let originator = Elements::within(originator)?.next()?;
    if !structure::is_context(originator.tag(), 1) {
        return Ok(Asked::Unknown); // a static key of the sender's
    }
    let mut key = Elements::within(originator)?;
    key.next()?; // its algorithm: the curve is that of our own key
    let point = key.next()?;
    let point = match (point.tag(), point.value().split_first()) {
        (Tag::BitString, Some((0, point))) => point.to_vec(),
        _ => return Err(Malformed),
    };
    let material = match fields.tagged(1)? {
        Some(explicit) => Some(octet_string(Elements::within(explicit)?.next()?)?),
        None => None,
    };
    if !fits(&[&point, material.unwrap_or_default()]) {
        return Ok(Asked::Unknown);
    }
    let algorithm = Algorithm::of(fields.next()?)?;
    let wrap = algorithm.nested()?;
    let (Some(derivation), Some(wrap_octets)) = (derivation(algorithm.oid), wrapping(wrap.oid))
    else {
        return Ok(Asked::Unknown);
    };
    let way = KeyWay::Agreement {
        point,
        derivation,
        shared_info: shared_info(&wrap, material, wrap_octets)?,
        wrap_octets,
    };
    let mut found = Vec::new();
    for one in structure::all_of(fields.next()?)? {
        let mut one = Elements::within(one)?;
        let name = one.next()?;
        let sealed = octet_string(one.next()?)?;
        if !fits(&[name.value(), sealed]) {
            continue;
        }
        found.push(KeyQuestion {
            recipient: agreement_name(name)?,
            way: way.clone(),
            sealed: sealed.to_vec(),
            key_octets,
            loosely: false,
        });
    }
    Ok(Asked::Of(found))
}

/// Key agreements of RFC 5753 section 7.1.4 and RFC 8418 section 2.
fn derivation(oid: ObjectIdentifier) -> Option<Derivation> {
    Some(match oid.to_string().as_str() {
        "1.3.133.16.840.63.0.2" | "1.3.133.16.840.63.0.3" => Derivation::X963(Digest::Sha1),
        "1.3.132.1.11.0" | "1.3.132.1.14.0" => Derivation::X963(Digest::Sha224),
        "1.3.132.1.11.1" | "1.3.132.1.14.1" => Derivation::X963(Digest::Sha256),
        "1.3.132.1.11.2" | "1.3.132.1.14.2" => Derivation::X963(Digest::Sha384),
        "1.3.132.1.11.3" | "1.3.132.1.14.3" => Derivation::X963(Digest::Sha512),
        "1.2.840.113549.1.9.16.3.19" => Derivation::Hkdf(Digest::Sha256),
        "1.2.840.113549.1.9.16.3.20" => Derivation::Hkdf(Digest::Sha384),
        "1.2.840.113549.1.9.16.3.21" => Derivation::Hkdf(Digest::Sha512),
        _ => return None,
    })
}

/// Octets of the AES key that wraps (RFC 3565).
fn wrapping(oid: ObjectIdentifier) -> Option<usize> {
    Some(match oid.to_string().as_str() {
        "2.16.840.1.101.3.4.1.5" => 16,
        "2.16.840.1.101.3.4.1.25" => 24,
        "2.16.840.1.101.3.4.1.45" => 32,
        _ => return None,
    })
}

/// ECC-CMS-SharedInfo (RFC 5753 section 7.2): the wrapping algorithm as it stands in the message,
/// the sender's material, and the bits of the key.
fn shared_info(
    wrap: &Algorithm<'_>,
    material: Option<&[u8]>,
    wrap_octets: usize,
) -> Result<Vec<u8>, Malformed> {
    let mut algorithm = wrap.oid.to_der()?;
    if let Some(parameters) = wrap.parameters {
        algorithm.extend(parameters.to_der()?);
    }
    let mut fields = element(0x30, &algorithm);
    if let Some(material) = material {
        fields.extend(element(0xa0, &element(0x04, material)));
    }
    let bits = u32::try_from(wrap_octets * 8).map_err(|_| Malformed)?;
    fields.extend(element(0xa2, &element(0x04, &bits.to_be_bytes())));
    Ok(element(0x30, &fields))
}

/// An element in DER, of fewer than 64 KiB.
fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head.as_slice(), value].concat()
}

/// IssuerAndSerialNumber, or a SubjectKeyIdentifier under this context tag.
pub(super) fn recipient_name(name: AnyRef<'_>) -> Result<RecipientName, Malformed> {
    if structure::is_context(name.tag(), 0) {
        return Ok(RecipientName::KeyId(name.value().to_vec()));
    }
    let mut fields = Elements::within(name)?;
    let issuer = fields.next()?.to_der()?;
    let serial = fields.next()?;
    // A serial number that begins with its high bit is negative, and some certificates have one:
    // its octets are compared as they stand.
    let serial = match serial.decode_as::<UintRef<'_>>() {
        Ok(number) => number.as_bytes().to_vec(),
        Err(_) => serial.value().to_vec(),
    };
    Ok(RecipientName::Issued { issuer, serial })
}

/// KeyAgreeRecipientIdentifier: the identifier stands one level deeper, with a date behind it.
fn agreement_name(name: AnyRef<'_>) -> Result<RecipientName, Malformed> {
    if structure::is_context(name.tag(), 0) {
        let id = octet_string(Elements::within(name)?.next()?)?;
        return Ok(RecipientName::KeyId(id.to_vec()));
    }
    recipient_name(name)
}
