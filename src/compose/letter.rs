//! How is a letter of ours built? Typed fields to RFC 5322, to be signed and sealed by who holds
//! the keys.

use super::templates::Words;
use super::{ComposeError, House};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::ids::{CaseId, MessageId};
use crate::model::outgoing::{Asked, Brief, Composition, ReplyTo};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
    Subject,
};
use lettre::message::{Body, Mailbox, MessageBuilder, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

/// A certificate of ours, ready to be handed out.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    pub fingerprint: String,
    pub version: u8,
    /// Without what others signed: what fits into a letter.
    pub armored: String,
    pub binary: Vec<u8>,
}

/// Larger certificates don't go into an Autocrypt header (Autocrypt level 1 section 2.1.1 asks for
/// 10 KiB at most).
const AUTOCRYPT_OCTETS_MAX: usize = 10 * 1024;

/// The outer header fields of a letter of ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutgoingHeaders {
    from_name: String,
    from: Address,
    to: Address,
    subject: String,
    message_id: MessageId,
    in_reply_to: Option<MessageId>,
    at: Timestamp,
    /// The value of Auto-Submitted (RFC 3834 section 5); absent where a human wrote it.
    auto_submitted: Option<String>,
    /// Where an answer goes, if not to the desk's address.
    reply_to: Option<Address>,
    autocrypt: Option<String>,
}

/// A letter that is not yet signed.
pub struct Draft {
    pub headers: OutgoingHeaders,
    entity: Entity,
}

enum Entity {
    Single(SinglePart),
    Multi(MultiPart),
}

#[derive(Serialize)]
struct Fields<'a> {
    desk: &'a str,
    address: &'a str,
    fingerprint: String,
    case: Option<&'a str>,
    received: String,
    message_id: String,
    digest: Option<String>,
    fix_team_by: String,
    fix_by: String,
    release_by: String,
    asks_steps: bool,
    asks_versions: bool,
    asks_certificate: bool,
    asks_private: bool,
    text: &'a str,
    embargo_until: String,
    subject: &'a str,
    reason: &'static str,
    sentence: &'static str,
    brief: Option<&'a Brief>,
    reply: Option<&'a ReplyTo>,
}

/// A day as people write it.
fn day(at: Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}

/// Builds a letter from its typed fields.
pub fn draft(composition: &Composition, house: &House) -> Result<Draft, ComposeError> {
    let current = house
        .certificates
        .first()
        .ok_or(ComposeError::NoCertificate)?;
    let mut fields = Fields {
        desk: &house.name,
        address: house.address.as_str(),
        fingerprint: spaced(&current.fingerprint),
        case: None,
        received: String::new(),
        message_id: "(it had no Message-ID)".to_owned(),
        digest: None,
        fix_team_by: String::new(),
        fix_by: String::new(),
        release_by: String::new(),
        asks_steps: false,
        asks_versions: false,
        asks_certificate: false,
        asks_private: false,
        text: "",
        embargo_until: String::new(),
        subject: "A release",
        reason: "",
        sentence: "",
        brief: None,
        reply: None,
    };
    let words = |name: &str, fields: &Fields<'_>| house.templates.fill(name, fields);
    let mut reply_to = None;
    let (words, entity, in_reply_to, at, auto_submitted) = match composition {
        Composition::Acknowledgement {
            case,
            in_reply_to,
            received_at,
            at,
            digest,
            ..
        } => {
            fields.case = Some(case.as_str());
            fields.received = received_at.strftime("%-d %B %Y at %H:%M UTC").to_string();
            fields.digest = digest.map(|d| d.to_string());
            fields.fix_team_by = day(*received_at + house.timeline.fix_team.to);
            fields.fix_by = day(*received_at + house.timeline.fix.to);
            fields.release_by = day(*received_at + house.timeline.release.to);
            reply_to = Some(case_address(house, case));
            if let Some(theirs) = in_reply_to {
                fields.message_id = repeated(theirs);
            }
            let words = words("acknowledgement", &fields)?;
            let entity = Entity::Single(text_part(&words.body)?);
            (words, entity, in_reply_to.clone(), at, Some("auto-replied"))
        }
        Composition::Question {
            case,
            in_reply_to,
            asked,
            at,
            ..
        } => {
            fields.case = Some(case.as_str());
            fields.asks_steps = asked.contains(&Asked::Steps);
            fields.asks_versions = asked.contains(&Asked::Versions);
            fields.asks_certificate = asked.contains(&Asked::Certificate);
            fields.asks_private = asked.contains(&Asked::PrivateDisclosure);
            reply_to = Some(case_address(house, case));
            let words = words("question", &fields)?;
            let entity = Entity::Single(text_part(&words.body)?);
            (
                words,
                entity,
                in_reply_to.clone(),
                at,
                Some("auto-generated"),
            )
        }
        Composition::Reply {
            case,
            in_reply_to,
            text,
            at,
            ..
        } => {
            fields.case = Some(case.as_str());
            fields.text = text;
            reply_to = Some(case_address(house, case));
            let words = words("reply", &fields)?;
            let entity = Entity::Single(text_part(&words.body)?);
            (words, entity, in_reply_to.clone(), at, None)
        }
        Composition::Notice {
            case,
            embargo_until,
            text,
            at,
            ..
        } => {
            fields.case = Some(case.as_str());
            fields.text = text;
            fields.embargo_until = embargo_until
                .strftime("%A, %-d %B %Y, %H:%M UTC")
                .to_string();
            reply_to = Some(case_address(house, case));
            let words = words("notice", &fields)?;
            let entity = Entity::Single(text_part(&words.body)?);
            (words, entity, None, at, None)
        }
        Composition::Announcement {
            subject, text, at, ..
        } => {
            fields.subject = subject;
            fields.text = text;
            let words = words("announcement", &fields)?;
            let entity = Entity::Single(text_part(&words.body)?);
            (words, entity, None, at, None)
        }
        Composition::Certificate {
            in_reply_to, at, ..
        } => {
            let words = words("certificate", &fields)?;
            let mut mixed = MultiPart::mixed().singlepart(text_part(&words.body)?);
            for own in attached(house) {
                mixed = mixed.singlepart(certificate_part(own)?);
            }
            (
                words,
                Entity::Multi(mixed),
                in_reply_to.clone(),
                at,
                Some("auto-replied"),
            )
        }
        Composition::Call {
            case,
            reason,
            brief,
            reply,
            at,
            ..
        } => {
            fields.case = case.as_ref().map(|c| c.as_str());
            fields.reason = reason.as_str();
            fields.sentence = reason.sentence();
            fields.brief = brief.as_ref();
            fields.reply = reply.as_ref();
            reply_to = reply.as_ref().map(|reply| reply.address.clone());
            let words = words("call", &fields)?;
            let entity = Entity::Single(protected_part(&words)?);
            // What it is about only its reader may see, and neither from its subject nor from its
            // size.
            let words = Words {
                subject: CALL_SUBJECT.to_owned(),
                ..words
            };
            (words, entity, None, at, Some("auto-generated"))
        }
    };
    let headers = OutgoingHeaders {
        from_name: house.name.clone(),
        from: house.address.clone(),
        to: composition.to().clone(),
        subject: words.subject,
        message_id: composition.message_id().clone(),
        in_reply_to,
        at: *at,
        auto_submitted: auto_submitted.map(str::to_owned),
        reply_to,
        autocrypt: autocrypt(house),
    };
    Ok(Draft { headers, entity })
}

/// A Message-ID is a stranger's words, under our signature. Where it could be read as anything but
/// an id, it is not repeated.
fn repeated(id: &MessageId) -> String {
    const OCTETS_MAX: usize = 120;
    let plain = id.as_str().bytes().all(|b| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'.' | b'-' | b'_' | b'+' | b'=' | b'$' | b'%' | b'@')
    });
    if plain && id.as_str().len() <= OCTETS_MAX {
        id.to_string()
    } else {
        "(its Message-ID is not repeated here)".to_owned()
    }
}

/// The reply address of a case: whatever program answers, the answer finds it.
pub fn case_address(house: &House, case: &CaseId) -> Address {
    house.address.tagged(case.as_str())
}

/// Version 4 first, since every program reads it; the newer ones follow.
fn attached(house: &House) -> Vec<&OwnCertificate> {
    let (old, new): (Vec<_>, Vec<_>) = house.certificates.iter().partition(|c| c.version <= 4);
    old.into_iter().take(1).chain(new).collect()
}

fn autocrypt(house: &House) -> Option<String> {
    let own = house
        .certificates
        .iter()
        .find(|c| c.version <= 4 && c.binary.len() <= AUTOCRYPT_OCTETS_MAX)?;
    let armor = STANDARD.encode(&own.binary);
    Some(format!(
        "addr={}; prefer-encrypt=mutual; keydata={armor}",
        house.address
    ))
}

pub(super) fn spaced(fingerprint: &str) -> String {
    let groups: Vec<&str> = fingerprint
        .as_bytes()
        .chunks(4)
        .map(|c| std::str::from_utf8(c).unwrap_or_default())
        .collect();
    groups.join(" ")
}

/// Quoted-printable, so that no relay has a reason to change what was signed (RFC 3156 section 3).
fn text_part(text: &str) -> Result<SinglePart, ComposeError> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable);
    let body = body.unwrap_or_else(|text| Body::new(String::from_utf8_lossy(&text).into_owned()));
    Ok(SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .body(body))
}

/// The outer subject of every call.
const CALL_SUBJECT: &str = "Sealdesk: please look";

/// Calls are as long as the next of these steps: this many octets, and each twice the one before.
const CALL_OCTETS_MIN: usize = 8 * 1024;

/// A text under its own subject (RFC 9788 section 4; and the older protected-headers, which
/// Thunderbird reads), padded.
fn protected_part(words: &Words) -> Result<SinglePart, ComposeError> {
    let kind = "text/plain; charset=utf-8; protected-headers=\"v1\"; hp=\"cipher\"";
    let part = |padding: usize| -> Result<SinglePart, ComposeError> {
        let body =
            Body::new_with_encoding(words.body.clone(), ContentTransferEncoding::QuotedPrintable);
        let body =
            body.unwrap_or_else(|text| Body::new(String::from_utf8_lossy(&text).into_owned()));
        let builder = SinglePart::builder()
            .header(Subject::from(words.subject.clone()))
            .header(Padding(padding));
        Ok(builder
            .header(ContentType::parse(kind).map_err(ComposeError::MediaType)?)
            .body(body))
    };
    let bare = part(0)?.formatted().len();
    let step = (bare + Padding::LINE_OCTETS)
        .next_power_of_two()
        .max(CALL_OCTETS_MIN);
    part((step - bare) / Padding::LINE_OCTETS)
}

/// So many lines of a header field that no program shows.
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
        Ok(Self(text.len() / Self::LINE_OCTETS))
    }

    fn display(&self) -> HeaderValue {
        let line = format!("\r\n {}", "x".repeat(Self::LINE_OCTETS - 3));
        let value = format!("x{}", line.repeat(self.0));
        HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value)
    }
}

fn certificate_part(own: &OwnCertificate) -> Result<SinglePart, ComposeError> {
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

impl Entity {
    fn formatted(&self) -> Vec<u8> {
        match self {
            Self::Single(part) => part.formatted(),
            Self::Multi(parts) => parts.formatted(),
        }
    }
}

impl Draft {
    /// The entity exactly as a signature must cover it: without the line end that belongs to the
    /// next boundary.
    pub fn octets_to_sign(&self) -> Vec<u8> {
        let mut octets = self.entity.formatted();
        if octets.ends_with(b"\r\n") {
            octets.truncate(octets.len() - 2);
        }
        octets
    }

    /// Without any signature.
    pub fn plain(self) -> Result<Vec<u8>, ComposeError> {
        let builder = self.headers.builder()?;
        let message = match self.entity {
            Entity::Single(part) => builder.singlepart(part),
            Entity::Multi(parts) => builder.multipart(parts),
        };
        Ok(message.map_err(ComposeError::Build)?.formatted())
    }

    /// multipart/signed (RFC 3156 section 5) around exactly the octets of [`Self::octets_to_sign`].
    pub fn signed(self, signature: String, micalg: &str) -> Result<Vec<u8>, ComposeError> {
        let kind = ContentType::parse("application/pgp-signature; name=\"signature.asc\"")
            .map_err(ComposeError::MediaType)?;
        let signature = SinglePart::builder()
            .header(kind)
            .header(ContentDisposition::attachment("signature.asc"))
            .body(signature);
        let signed = MultiPart::signed("application/pgp-signature".to_owned(), micalg.to_owned());
        let whole = match self.entity {
            Entity::Single(part) => signed.singlepart(part),
            Entity::Multi(parts) => signed.multipart(parts),
        };
        let message = self
            .headers
            .builder()?
            .multipart(whole.singlepart(signature));
        Ok(message.map_err(ComposeError::Build)?.formatted())
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

    fn builder(&self) -> Result<MessageBuilder, ComposeError> {
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
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox(Some(self.from_name.clone()), reply_to)?);
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

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A long value without spaces of its own, folded each 70 characters (RFC 5322 section 2.2.3).
fn folded(name: &'static str, value: &str) -> HeaderValue {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::Templates;
    use crate::model::address::ReplyAddress;
    use crate::model::effect::Reason;
    use crate::model::ids::CaseId;
    use crate::model::timeline::Timeline;

    fn house() -> House {
        let own = |version| OwnCertificate {
            fingerprint: "AB".repeat(20),
            version,
            armored: "ARMOR".to_owned(),
            binary: vec![7; 300],
        };
        House {
            address: Address::parse("security@desk.example").unwrap(),
            name: "Desk".to_owned(),
            certificates: vec![own(6), own(4)],
            templates: Templates::load(None).unwrap(),
            timeline: Timeline::default(),
        }
    }

    fn acknowledgement() -> Composition {
        Composition::Acknowledgement {
            to: ReplyAddress::from_return_path("ada@b.example").unwrap(),
            case: CaseId::from_random([3; 10]),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            in_reply_to: MessageId::parse("theirs@b.example"),
            received_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            digest: None,
            certificate: None,
        }
    }

    #[test]
    fn a_time_before_1970_is_refused_and_ends_nothing() {
        let mut early = acknowledgement();
        let Composition::Acknowledgement { at, .. } = &mut early else {
            unreachable!()
        };
        *at = Timestamp::MIN;
        let composed = draft(&early, &house()).and_then(Draft::plain);
        assert!(matches!(composed, Err(ComposeError::Date)), "{composed:?}");
    }

    #[test]
    fn the_signed_octets_stand_unchanged_in_the_letter() {
        let draft = draft(&acknowledgement(), &house()).unwrap();
        let to_sign = draft.octets_to_sign();
        let letter = draft.signed("SIG\r\n".to_owned(), "pgp-sha512").unwrap();
        assert!(letter.windows(to_sign.len()).any(|w| w == to_sign));
        let text = String::from_utf8(letter).unwrap();
        for field in [
            "Auto-Submitted: auto-replied",
            "In-Reply-To: <theirs@b.example>",
            "Autocrypt: addr=security@desk.example",
            "[SD-3333333333]",
        ] {
            assert!(text.contains(field), "{field} in {text}");
        }
        assert!(text.lines().all(|l| l.len() <= 100), "{text}");
    }

    #[test]
    fn a_key_answer_carries_the_version_4_certificate_first() {
        let composition = Composition::Certificate {
            to: ReplyAddress::from_return_path("ada@b.example").unwrap(),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            in_reply_to: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let text =
            String::from_utf8(draft(&composition, &house()).unwrap().plain().unwrap()).unwrap();
        let (v4, v6) = (
            text.find("\"certificate.asc\"").unwrap(),
            text.find("certificate-v6.asc").unwrap(),
        );
        assert!(v4 < v6 && text.contains("application/pgp-keys"));
    }

    #[test]
    fn calls_look_alike_from_outside_whatever_they_are_about() {
        let call = |reason, text: &str| Composition::Call {
            to: Address::parse("rita@desk.example").unwrap(),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            case: Some(CaseId::from_random([3; 10])),
            reason,
            brief: Some(Brief {
                text: text.to_owned(),
                ..Brief::default()
            }),
            reply: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let house = house();
        let drafted = |reason, text: &str| {
            let draft = draft(&call(reason, text), &house).unwrap();
            (draft.octets_to_sign(), draft.headers.subject)
        };
        let (shut, outer) = drafted(Reason::LetterShut, "");
        let (new, same_outer) = drafted(Reason::NewCase, &"a report\n".repeat(300));
        assert_eq!(outer, same_outer);
        assert!(
            shut.len().abs_diff(new.len()) < Padding::LINE_OCTETS,
            "{} {}",
            shut.len(),
            new.len()
        );
        let text = String::from_utf8(new).unwrap();
        assert!(
            text.contains("Subject: Sealdesk: new-case") && text.contains("hp=\"cipher\""),
            "{text}"
        );
        assert!(!outer.contains("SD-") && !outer.contains("new-case"));
    }
}
