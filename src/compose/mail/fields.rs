//! What may a template say? The fields of all letters, each empty where its letter says nothing of
//! it.

use crate::compose::DeskIdentity;
use crate::compose::mail::days::{day, minute};
use crate::compose::mail::{OwnCertificate, spaced};
use crate::model::Timestamp;
use crate::model::effect::Reason;
use crate::model::ids::{CaseId, Digest, MessageId};
use crate::model::language::Language;
use crate::model::outgoing::{Asked, Brief, ReplyToken};
use crate::model::page::{PageUrl, SignInTicket};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Fields<'a> {
    /// In which days are written.
    #[serde(skip)]
    language: Language,
    desk: &'a str,
    address: &'a str,
    fingerprint: String,
    /// A certificate of S/MIME is handed out too.
    smime: bool,
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
    reason: String,
    sentence: &'static str,
    brief: Option<&'a Brief>,
    reply: Option<&'a ReplyToken>,
    /// Where the page is.
    page: &'a str,
    link: String,
    code: &'a str,
    words: &'a str,
}

impl<'a> Fields<'a> {
    /// What every letter may say: whose it is, and by which key.
    pub fn of(identity: &'a DeskIdentity, current: &OwnCertificate, language: Language) -> Self {
        Self {
            language,
            desk: &identity.name,
            address: identity.address.as_str(),
            fingerprint: spaced(&current.fingerprint),
            smime: !identity.smime.is_empty(),
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
            reason: String::new(),
            sentence: "",
            brief: None,
            reply: None,
            page: "",
            link: String::new(),
            code: "",
            words: "",
        }
    }

    /// Names the case.
    pub fn about(self, case: &'a CaseId) -> Self {
        Self {
            case: Some(case.as_str()),
            ..self
        }
    }

    /// The days that the policy promises, from the day on which the letter came.
    pub fn promised(self, identity: &DeskIdentity, received_at: Timestamp) -> Self {
        let day = |at| day(at, self.language);
        Self {
            received: minute(received_at, self.language),
            fix_team_by: day(received_at + identity.timeline.fix_team.to),
            fix_by: day(received_at + identity.timeline.fix.to),
            release_by: day(received_at + identity.timeline.release.to),
            ..self
        }
    }

    /// Lists what the reporter is asked for.
    pub fn asking(self, asked: &[Asked]) -> Self {
        Self {
            asks_steps: asked.contains(&Asked::Steps),
            asks_versions: asked.contains(&Asked::Versions),
            asks_certificate: asked.contains(&Asked::Certificate),
            asks_private: asked.contains(&Asked::PrivateDisclosure),
            ..self
        }
    }

    /// Which letter it answers: its id, and its digest where its writer can compute it.
    pub fn answering(self, theirs: Option<&MessageId>, digest: Option<Digest>) -> Self {
        Self {
            message_id: theirs.map_or(self.message_id, repeated),
            digest: digest.map(|digest| digest.to_string()),
            ..self
        }
    }

    /// Adds the text that somebody wrote.
    pub fn saying(self, text: &'a str) -> Self {
        Self { text, ..self }
    }

    /// Sets the subject.
    pub fn titled(self, subject: &'a str) -> Self {
        Self { subject, ..self }
    }

    /// Says until when it is to be kept private.
    pub fn embargoed(self, until: Timestamp) -> Self {
        Self {
            embargo_until: until.strftime("%A, %-d %B %Y, %H:%M UTC").to_string(),
            ..self
        }
    }

    /// Why responders are called, about which letter, and how they answer.
    pub fn calling(
        self,
        reason: Reason,
        brief: Option<&'a Brief>,
        reply: Option<&'a ReplyToken>,
    ) -> Self {
        Self {
            reason: in_words(reason),
            sentence: reason.sentence(),
            brief,
            reply,
            ..self
        }
    }

    /// By what a responder signs in to the page.
    pub fn signing_in(self, identity: &'a DeskIdentity, ticket: &'a SignInTicket) -> Self {
        let page = identity.page.as_ref().map_or("", PageUrl::origin);
        Self {
            page,
            link: format!("{page}/sign-in/link?ticket={}", ticket.expose_link()),
            code: ticket.expose_code(),
            words: ticket.words(),
            ..self
        }
    }
}

/// `new-case` as `New case`.
fn in_words(reason: Reason) -> String {
    let words = reason.as_str().replace('-', " ");
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
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
