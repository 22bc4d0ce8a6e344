//! How is a letter of ours built? Typed fields to RFC 5322, to be signed and sealed by who holds
//! the keys.

mod assembly;
mod days;
mod fields;

use crate::compose::brief::shorten;
use crate::compose::templates::LetterWords;
use crate::compose::{ComposeError, DeskIdentity};
use crate::model::language::Language;
use crate::model::outgoing::{Asked, Brief, Composition};
pub use assembly::OutgoingHeaders;
use assembly::{
    MailEntity, TooLong, binary_part, certificate_part, protected_part, smime_certificate_part,
    text_part, titled_part,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fields::Fields;
use lettre::message::header::{ContentDisposition, ContentType};
use lettre::message::{MultiPart, SinglePart};

/// A certificate of ours, ready to be handed out.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    pub fingerprint: String,
    pub version: u8,
    /// Without what others signed: what fits into a letter.
    pub armored: String,
    pub binary: Vec<u8>,
}

/// A certificate of S/MIME of ours, ready to be handed out.
#[derive(Clone, Debug)]
pub struct OwnSmimeCertificate {
    pub fingerprint: String,
    pub der: Vec<u8>,
}

/// Larger certificates don't go into an Autocrypt header (Autocrypt level 1 section 2.1.1 asks for
/// 10 KiB at most).
const AUTOCRYPT_OCTETS_MAX: usize = 10 * 1024;

/// A letter that is not yet signed.
pub struct MailDraft {
    pub headers: OutgoingHeaders,
    entity: MailEntity,
}

/// Which template a letter is written by, and with which fields.
fn filled<'a>(
    composition: &'a Composition,
    identity: &'a DeskIdentity,
    current: &OwnCertificate,
    language: Language,
) -> (&'static str, Fields<'a>) {
    let fields = Fields::of(identity, current, language);
    match composition {
        Composition::Acknowledgement {
            case,
            in_reply_to,
            received_at,
            digest,
            asks_certificate,
            ..
        } => {
            let fields = fields.about(case).promised(identity, *received_at);
            let fields = fields.answering(in_reply_to.as_ref(), *digest);
            let asked: &[Asked] = if *asks_certificate {
                &[Asked::Certificate]
            } else {
                &[]
            };
            let fields = fields.asking(asked);
            ("acknowledgement", fields)
        }
        Composition::Question { case, asked, .. } => ("question", fields.about(case).asking(asked)),
        Composition::Reply { case, text, .. } => ("reply", fields.about(case).saying(text)),
        Composition::Notice {
            case,
            embargo_until,
            text,
            ..
        } => {
            let fields = fields.about(case).saying(text);
            ("notice", fields.embargoed(*embargo_until))
        }
        Composition::Announcement { subject, text, .. } => {
            ("announcement", fields.titled(subject).saying(text))
        }
        Composition::Certificate { .. } => ("certificate", fields),
        Composition::Call {
            case,
            reason,
            brief,
            reply,
            ..
        } => {
            let fields = case.iter().fold(fields, Fields::about);
            let fields = fields.calling(*reason, brief.as_ref(), reply.as_ref());
            ("call", fields)
        }
        Composition::SignIn { ticket, .. } => ("sign-in", fields.signing_in(identity, ticket)),
    }
}

/// Auto-Submitted (RFC 3834 section 5); the words of a human have none.
fn auto_submitted(composition: &Composition) -> Option<&'static str> {
    match composition {
        Composition::Acknowledgement { .. } | Composition::Certificate { .. } => {
            Some("auto-replied")
        }
        Composition::Question { .. } | Composition::Call { .. } | Composition::SignIn { .. } => {
            Some("auto-generated")
        }
        Composition::Reply { .. }
        | Composition::Notice { .. }
        | Composition::Announcement { .. } => None,
    }
}

/// Builds a letter from its typed fields.
pub fn draft(
    composition: &Composition,
    identity: &DeskIdentity,
) -> Result<MailDraft, ComposeError> {
    drafted(composition, identity, is_sealed(composition))
}

/// A whole letter without signature or encryption, whatever certificate its reader has.
pub fn plain(composition: &Composition, identity: &DeskIdentity) -> Result<Vec<u8>, ComposeError> {
    drafted(composition, identity, false)?.plain()
}

/// The subject and the text that a letter has by its template.
pub fn words(
    composition: &Composition,
    identity: &DeskIdentity,
) -> Result<LetterWords, ComposeError> {
    let current = identity
        .certificates
        .first()
        .ok_or(ComposeError::NoCertificate)?;
    let language = composition.language().unwrap_or(identity.language);
    let (template, fields) = filled(composition, identity, current, language);
    Ok(identity.templates.fill(template, language, &fields)?)
}

fn drafted(
    composition: &Composition,
    identity: &DeskIdentity,
    sealed: bool,
) -> Result<MailDraft, ComposeError> {
    let words = words(composition, identity)?;
    let (subject, entity) = match composition {
        // What it is about only its reader may see: neither its subject nor its size says it.
        Composition::Call { case, brief, .. } => {
            let fill = |brief| self::words(&with_brief(composition, brief), identity);
            let part = call_part(case.is_some(), brief.clone(), fill)?;
            (CALL_SUBJECT.to_owned(), MailEntity::Single(part))
        }
        Composition::SignIn { .. } => {
            let part = call_part(false, None, |_| self::words(composition, identity))?;
            (CALL_SUBJECT.to_owned(), MailEntity::Single(part))
        }
        Composition::Certificate { .. } => {
            let mut mixed = MultiPart::mixed().singlepart(text_part(&words.body)?);
            for own in attached(identity) {
                mixed = mixed.singlepart(certificate_part(own)?);
            }
            for (n, own) in identity.smime.iter().enumerate() {
                mixed = mixed.singlepart(smime_certificate_part(own, n)?);
            }
            (words.subject, MailEntity::Multi(mixed))
        }
        // Delta Chat reads no subject from outside an encryption, and its answers bring back what
        // it read.
        _ if sealed => {
            let part = titled_part(&words)?;
            (words.subject, MailEntity::Single(part))
        }
        _ => (words.subject, MailEntity::Single(text_part(&words.body)?)),
    };
    let headers = OutgoingHeaders {
        from_name: identity.name.clone(),
        from: identity.address.clone(),
        to: composition.to().clone(),
        subject,
        message_id: composition.message_id().clone(),
        in_reply_to: composition.in_reply_to().cloned(),
        at: composition.at(),
        auto_submitted: auto_submitted(composition).map(str::to_owned),
        autocrypt: autocrypt(identity),
    };
    Ok(MailDraft { headers, entity })
}

/// Whether it leaves encrypted, and in no other way.
fn is_sealed(composition: &Composition) -> bool {
    let to_people = matches!(
        composition,
        Composition::Call { .. } | Composition::Notice { .. } | Composition::SignIn { .. }
    );
    to_people || composition.certificate().is_some()
}

/// Version 4 first, since every program reads it; the newer ones follow.
fn attached(identity: &DeskIdentity) -> Vec<&OwnCertificate> {
    let (old, new): (Vec<_>, Vec<_>) = identity.certificates.iter().partition(|c| c.version <= 4);
    old.into_iter().take(1).chain(new).collect()
}

fn autocrypt(identity: &DeskIdentity) -> Option<String> {
    let own = identity
        .certificates
        .iter()
        .find(|c| c.version <= 4 && c.binary.len() <= AUTOCRYPT_OCTETS_MAX)?;
    let armor = STANDARD.encode(&own.binary);
    Some(format!(
        "addr={}; prefer-encrypt=mutual; keydata={armor}",
        identity.address
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

/// The outer subject of every letter to responders.
const CALL_SUBJECT: &str = "Sealdesk: please look";

/// So long is each call about a case, whatever it tells, and each about the desk itself: were they as
/// long as their words, their size would tell whether a letter opened. Who wants to read more than
/// fits has `case show`.
const CASE_CALL_OCTETS: usize = 64 * 1024;
const DESK_CALL_OCTETS: usize = 8 * 1024;

/// A call with another brief.
fn with_brief(call: &Composition, shown: Option<Brief>) -> Composition {
    let mut call = call.clone();
    if let Composition::Call { brief, .. } = &mut call {
        *brief = shown;
    }
    call
}

/// The part of a call, which is as long as every other: what does not fit is cut. `fill` puts a brief
/// into the template.
fn call_part(
    is_about_case: bool,
    mut brief: Option<Brief>,
    fill: impl Fn(Option<Brief>) -> Result<LetterWords, ComposeError>,
) -> Result<SinglePart, ComposeError> {
    let mut octets = if is_about_case {
        CASE_CALL_OCTETS
    } else {
        DESK_CALL_OCTETS
    };
    loop {
        let words = fill(brief.clone())?;
        let TooLong(over) = match protected_part(&words, octets)? {
            Ok(part) => return Ok(part),
            Err(over) => over,
        };
        brief = match brief {
            Some(long) => shorten(long, over),
            // The operator's own template is longer than a call: it leaves all the same.
            None => {
                octets = (octets + over).next_power_of_two();
                None
            }
        };
    }
}

/// A signed entity that is not yet sealed.
pub struct Signed {
    pub headers: OutgoingHeaders,
    pub entity: Vec<u8>,
}

impl MailDraft {
    /// The entity exactly as a signature must cover it: without the line end that belongs to the
    /// next boundary.
    pub fn octets_to_sign(&self) -> Vec<u8> {
        let mut octets = self.entity.formatted();
        if octets.ends_with(b"\r\n") {
            octets.truncate(octets.len() - 2);
        }
        octets
    }

    fn plain(self) -> Result<Vec<u8>, ComposeError> {
        let builder = self.headers.builder()?;
        let message = match self.entity {
            MailEntity::Single(part) => builder.singlepart(part),
            MailEntity::Multi(parts) => builder.multipart(parts),
        };
        Ok(message.map_err(ComposeError::Build)?.formatted())
    }

    /// The entity under a detached S/MIME signature in DER: multipart/signed (RFC 8551 section
    /// 3.5.3), to be sealed as it is.
    pub fn signed_smime(self, signature: &[u8], micalg: &str) -> Result<Signed, ComposeError> {
        let signed = MultiPart::signed("application/pkcs7-signature".to_owned(), micalg.to_owned());
        let whole = match self.entity {
            MailEntity::Single(part) => signed.singlepart(part),
            MailEntity::Multi(parts) => signed.multipart(parts),
        };
        let kind = "application/pkcs7-signature; name=\"smime.p7s\"";
        let whole = whole.singlepart(binary_part(kind, "smime.p7s", signature)?);
        Ok(Signed {
            headers: self.headers,
            entity: whole.formatted(),
        })
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
            MailEntity::Single(part) => signed.singlepart(part),
            MailEntity::Multi(parts) => signed.multipart(parts),
        };
        let message = self
            .headers
            .builder()?
            .multipart(whole.singlepart(signature));
        Ok(message.map_err(ComposeError::Build)?.formatted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::Templates;
    use crate::model::Timestamp;
    use crate::model::address::{Address, ReplyAddress};
    use crate::model::effect::Reason;
    use crate::model::ids::CaseId;
    use crate::model::ids::MessageId;
    use crate::model::outgoing::Brief;
    use crate::model::timeline::Timeline;

    fn identity() -> DeskIdentity {
        let own = |version| OwnCertificate {
            fingerprint: "AB".repeat(20),
            version,
            armored: "ARMOR".to_owned(),
            binary: vec![7; 300],
        };
        DeskIdentity {
            address: Address::parse("security@desk.example").unwrap(),
            name: "Desk".to_owned(),
            certificates: vec![own(6), own(4)],
            smime: Vec::new(),
            templates: Templates::load(None).unwrap(),
            language: Language::English,
            timeline: Timeline::default(),
            page: None,
        }
    }

    fn acknowledgement() -> Composition {
        Composition::Acknowledgement {
            language: None,
            to: ReplyAddress::from_return_path("ada@b.example").unwrap(),
            case: CaseId::from_random([3; 10]),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            in_reply_to: MessageId::parse("theirs@b.example"),
            received_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            digest: None,
            certificate: None,
            asks_certificate: false,
        }
    }

    #[test]
    fn every_letter_to_a_reporter_is_whole_in_every_language() {
        let identity = identity();
        let languages = [
            (Language::English, "thank you"),
            (Language::German, "dank"),
            (Language::French, "merci"),
            (Language::Spanish, "gracias"),
            (Language::Portuguese, "obrigado"),
            (Language::Russian, "спасибо"),
            (Language::Japanese, "ありがとう"),
            (Language::Chinese, "感谢"),
        ];
        let ada = || ReplyAddress::from_return_path("ada@b.example").unwrap();
        let (case, id) = (
            CaseId::from_random([3; 10]),
            MessageId::parse("x@desk.example").unwrap(),
        );
        for (language, thanks) in languages {
            let mut acknowledgement = acknowledgement();
            if let Composition::Acknowledgement {
                language: written,
                asks_certificate,
                ..
            } = &mut acknowledgement
            {
                (*written, *asks_certificate) = (Some(language), true);
            }
            let question = |asked: &[Asked]| Composition::Question {
                language: Some(language),
                to: ada(),
                case: case.clone(),
                message_id: id.clone(),
                in_reply_to: None,
                asked: asked.to_vec(),
                at: Timestamp::UNIX_EPOCH,
                certificate: None,
            };
            let letters = [
                acknowledgement,
                question(&[Asked::Steps, Asked::Versions]),
                question(&[Asked::Certificate]),
                question(&[Asked::PrivateDisclosure]),
            ];
            let mut subjects = Vec::new();
            for composition in &letters {
                let own = &identity.certificates[0];
                let (template, fields) = filled(composition, &identity, own, language);
                let words = identity
                    .templates
                    .fill(template, language, &fields)
                    .unwrap();
                assert!(
                    words.body.to_lowercase().contains(thanks),
                    "{language:?}: {}",
                    words.body
                );
                let is_wide = |line: &str| line.chars().count() > 78;
                assert!(
                    !words.body.lines().any(is_wide),
                    "{language:?}: {}",
                    words.body
                );
                assert!(
                    !words.body.contains("\n\n\n"),
                    "{language:?}: {}",
                    words.body
                );
                subjects.push(words.subject.trim_start_matches("Re: ").to_owned());
            }
            subjects.dedup();
            assert_eq!(subjects.len(), 1, "one subject a case: {subjects:?}");
        }
    }

    /// Delta Chat reads the subject inside alone, and answers under it.
    #[test]
    fn a_sealed_letter_holds_its_subject_inside_and_one_in_clear_has_one() {
        let mut sealed = acknowledgement();
        let Composition::Acknowledgement { certificate, .. } = &mut sealed else {
            unreachable!()
        };
        *certificate = Some("ARMOR".to_owned());
        let inside = draft(&sealed, &identity()).unwrap().octets_to_sign();
        let inside = String::from_utf8(inside).unwrap();
        assert!(
            inside.contains("[SD-3333333333]\r\n") && inside.contains("hp=\"cipher\""),
            "{inside}"
        );
        let clear = String::from_utf8(plain(&sealed, &identity()).unwrap()).unwrap();
        assert_eq!(clear.matches("Subject: ").count(), 1, "{clear}");
    }

    #[test]
    fn a_time_before_1970_is_refused_and_ends_nothing() {
        let mut early = acknowledgement();
        let Composition::Acknowledgement { at, .. } = &mut early else {
            unreachable!()
        };
        *at = Timestamp::MIN;
        let composed = plain(&early, &identity());
        assert!(matches!(composed, Err(ComposeError::Date)), "{composed:?}");
    }

    #[test]
    fn the_signed_octets_stand_unchanged_in_the_letter() {
        let draft = draft(&acknowledgement(), &identity()).unwrap();
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
            language: None,
            to: ReplyAddress::from_return_path("ada@b.example").unwrap(),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            in_reply_to: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let text = String::from_utf8(plain(&composition, &identity()).unwrap()).unwrap();
        let (v4, v6) = (
            text.find("\"certificate.asc\"").unwrap(),
            text.find("certificate-v6.asc").unwrap(),
        );
        assert!(v4 < v6 && text.contains("application/pgp-keys"));
    }

    /// To the octet, and whatever there is to tell: who sees the mail of responders must not learn
    /// from its size whether a letter opened, or what was in it.
    #[test]
    fn calls_look_alike_from_outside_whatever_they_are_about() {
        let call = |reason, brief: Option<Brief>| Composition::Call {
            to: Address::parse("rita@desk.example").unwrap(),
            message_id: MessageId::parse("x@desk.example").unwrap(),
            case: Some(CaseId::from_random([3; 10])),
            reason,
            thread: None,
            brief,
            reply: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let brief = |text: String| Brief {
            title: Some("A flaw in the parser".to_owned()),
            text,
            ..Brief::default()
        };
        let identity = identity();
        let drafted = |reason, brief| {
            let draft = draft(&call(reason, brief), &identity).unwrap();
            (draft.octets_to_sign(), draft.headers.subject)
        };
        let (shut, outer) = drafted(Reason::LetterShut, None);
        let long = |n: usize, text: &str| vec![text.repeat(n); 300];
        let briefs = [
            brief(String::new()),
            brief("a report\n".repeat(300)),
            brief("a report\n".repeat(20_000)),
            brief("ein Bericht über Lücken 漏洞\n".repeat(20_000)),
            brief("\u{7f}".repeat(200_000)),
            Brief {
                attachments: long(60, "ü"),
                fields: long(60, "漏")
                    .into_iter()
                    .map(|v| ("Note:".to_owned(), v))
                    .collect(),
                ..brief("words ".repeat(30_000))
            },
        ];
        for brief in briefs {
            let (octets, subject) = drafted(Reason::NewCase, Some(brief));
            assert_eq!((octets.len(), &subject), (shut.len(), &outer));
            let text = String::from_utf8(octets).unwrap();
            assert!(
                text.contains("Subject: New case: A flaw in the parser [SD-")
                    && text.contains("hp=\"cipher\""),
                "{text}"
            );
            assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        }
        assert!(!outer.contains("SD-") && !outer.contains("New case"));
    }
}
