//! What do the headers of an entity say?

use super::part::{addresses, autocrypt_field, shown, single_address};
use super::{Entity, ProtectedHeaders};
use crate::model::ids::MessageId;
use mail_parser::MimeHeaders;

/// So many of the letters that a letter answers are looked at.
const THREAD_MESSAGES_MAX: usize = 100;

impl<'x> Entity<'x> {
    /// Protected header fields, where the root of this entity says that it carries them.
    ///
    /// Call it only on the root of a decrypted or signed payload: a part deeper down, or an
    /// unprotected letter, that claims to carry them is lying (RFC 9788 section 4).
    pub fn protected_headers(&self) -> Option<ProtectedHeaders> {
        let content_type = self.root()?.content_type()?;
        let claims = content_type.attribute("hp").is_some_and(|v| {
            ["cipher", "clear"]
                .iter()
                .any(|hp| v.eq_ignore_ascii_case(hp))
        }) || content_type
            .attribute("protected-headers")
            .is_some_and(|v| v.split(',').any(|v| v.trim().eq_ignore_ascii_case("v1")));
        claims.then(|| ProtectedHeaders {
            subject: self.message.subject().map(shown),
            from: single_address(&self.message, "From"),
            message_id: self.message.message_id().map(str::to_owned),
            date: self.message.date().map(mail_parser::DateTime::to_rfc3339),
            recipients: ["To", "Cc"]
                .iter()
                .flat_map(|field| addresses(&self.message, field))
                .collect(),
            threads: [self.message.references(), self.message.in_reply_to()]
                .into_iter()
                .filter_map(|field| field.as_text_list())
                .flatten()
                .filter_map(|id| MessageId::parse(id))
                .map(|id| id.as_str().to_owned())
                .take(THREAD_MESSAGES_MAX)
                .collect(),
        })
    }

    /// Decoded, on one line, without control and invisible characters.
    pub fn subject(&self) -> Option<String> {
        self.message.subject().map(shown)
    }

    /// The address of From; `None` unless there is one field with one address.
    pub fn from(&self) -> Option<String> {
        single_address(&self.message, "From")
    }

    /// Without its angle brackets; `None` where it could not be repeated in a header of ours.
    pub fn message_id(&self) -> Option<String> {
        self.message
            .message_id()
            .and_then(MessageId::parse)
            .map(|id| id.as_str().to_owned())
    }

    /// The Date field as in RFC 3339. It is the sender's claim: no deadline counts from it.
    pub fn date(&self) -> Option<String> {
        self.message.date().map(mail_parser::DateTime::to_rfc3339)
    }

    /// Whether a filter on the way took the letter for spam, by the header fields of SpamAssassin
    /// and rspamd.
    pub fn is_marked_spam(&self) -> bool {
        let header = |name| self.header(name).map(|value| value.to_ascii_lowercase());
        let begins = |name, with: &str| header(name).is_some_and(|value| value.starts_with(with));
        header("X-Spam-Flag").is_some_and(|value| value == "yes")
            || begins("X-Spam-Status", "yes")
            || begins("X-Spam", "yes")
            // rspamd's milter writes "default: True [12.10 / 15.00]", and what it would have done.
            || begins("X-Spamd-Result", "default: true")
            || header("X-Rspamd-Action").is_some_and(|value| {
                ["reject", "add header", "rewrite subject"].contains(&value.trim())
            })
    }

    /// The raw value of a header field of the root, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self
            .message
            .headers_raw()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The certificates in Autocrypt headers, decoded, with the address that each claims.
    pub fn autocrypt(&self) -> Vec<(String, Vec<u8>)> {
        let fields = self
            .message
            .headers_raw()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Autocrypt"));
        fields
            .filter_map(|(_, value)| autocrypt_field(value))
            .collect()
    }
}
