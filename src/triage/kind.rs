//! What kind of letter is it?

use super::disclosure::{disclosure, speaks_of_publication};
use super::patterns;
use super::report::{TEXT_OCTETS_MAX, evidence, speaks_of_vulnerability};
use crate::model::letter::NoAnswer;
use crate::model::reading::LetterKind;
use crate::model::report::Intent;

/// What the kind is decided from. Header values are those of the outer letter.
#[derive(Clone, Debug, Default)]
pub struct Seen<'a> {
    pub media_type: &'a str,
    pub refusal: Option<NoAnswer>,
    /// It names an earlier letter (In-Reply-To or References).
    pub in_thread: bool,
    pub from: Option<&'a str>,
    /// Our server's or rspamd's verdict.
    pub marked_spam: bool,
    pub subject: &'a str,
    pub text: &'a str,
    pub has_attachments: bool,
    /// It stayed shut, so that nothing inside can be judged.
    pub shut: bool,
}

/// A key request is a short letter; a longer one that mentions keys is a report.
const KEY_REQUEST_CHARACTERS_MAX: usize = 1_200;

patterns! {
    DSN_SUBJECT = r"(?i)^(undeliver(ed|able)|mail delivery (failed|failure|status)|delivery (status notification|failure|has failed)|returned mail|failure notice|delayed mail|warning: message .* delayed|non remis|unzustellbar)";
    DAEMON = r"(?i)^(mailer-daemon|postmaster|mail-daemon|mailerdaemon)@";
    AUTO_SUBJECT = r"(?i)^\W*(automatic reply|auto(matische)?[ -]?(reply|response|antwort)|out[ -]of[ -](the[ -])?office|abwesen(d|heit)|respuesta autom|r[ée]ponse automatique|absence du bureau|vacation reply)";
    CASE_TAG = r"\bSD-[0-9A-HJKMNP-TV-Z]{10}\b";
    KEY_WORDS = r"(?i)\b((open)?pgp|gpg|gnupg|public|encryption) ?-?(key|keys|certificate|schl(ü|ue)ssel)\b|\b(key|certificate) (for|to) encrypt|\bpgp\b|\bgpg\b|(ö|oe)ffentliche[nrs]? schl(ü|ue)ssel|cl(é|e)( publique| pgp)|clave p(ú|u)blica|chave p(ú|u)blica|公開鍵|公钥|открыт\w+ ключ";
    KEY_ASKS = r"(?i)\b(send|share|provide|request(ing)?|need|give|want|get|have|find|where|could you|can you|please|would you|looking for|what is|bitte|schicken|senden|envoyer|envoyez|enviar|envíe|por favor|s'il vous pla)\b|x-send-key|-sendkey|pls\b|what.s your (pgp|gpg|key)|fingerprint\?|送って|ください|请|пришлите|отправ";
    SPAM_WORDS = r"(?i)\b(seo services?|guest posts?|backlinks?|casino|viagra|lottery|crypto(currency)? investment|web ?design services|rank(ing)? on google|increase your traffic|business loan|million (dollars|usd))\b";
    NOTICE_SUBJECT = r"(?i)(public|full|upcoming|intent\w* to|notice of|planned) +(\w+ +)?disclos|publicly (disclosed|available|known)|going public|will (be )?publish|already public|0-?day|intent\w* to publish";
    NOT_ASKING = r"(?i)\b(here is|attached is|this is|find attached|using) (my|our) (\w+ )?(public )?(pgp|gpg|openpgp|key)|\byour (\w+ )?key (has |is )?expired|\bkey .{0,30}(leak|expos|readable|stolen)";
}

/// Sorts a letter. Headers that a machine wrote speak first, then the thread, then the words.
pub fn kind(seen: &Seen<'_>) -> LetterKind {
    let seen = &Seen { text: &seen.text[..seen.text.floor_char_boundary(TEXT_OCTETS_MAX)], ..seen.clone() };
    let daemon = seen.from.is_some_and(|from| DAEMON.is_match(from));
    if seen.media_type == "multipart/report" || (daemon && DSN_SUBJECT.is_match(seen.subject.trim())) {
        return LetterKind::Dsn;
    }
    match seen.refusal {
        Some(NoAnswer::DeliveryReport) => return LetterKind::Dsn,
        Some(NoAnswer::AutoSubmitted) => return LetterKind::AutoReply,
        // A gateway or a bounty platform adds such fields to what people write.
        Some(NoAnswer::List | NoAnswer::Precedence) if evidence(seen.subject, seen.text) < 2 => return LetterKind::List,
        Some(NoAnswer::ReturnPath(crate::model::address::NoReplyAddress::Empty)) if DSN_SUBJECT.is_match(seen.subject.trim()) => return LetterKind::Dsn,
        _ => {}
    }
    if AUTO_SUBJECT.is_match(seen.subject) && !seen.in_thread_with_evidence() {
        return LetterKind::AutoReply;
    }
    if seen.shut {
        return if seen.in_thread { LetterKind::FollowUp } else { LetterKind::Report };
    }
    if seen.in_thread || CASE_TAG.is_match(seen.subject) {
        return LetterKind::FollowUp;
    }
    if asks_for_key(seen) {
        return LetterKind::KeyRequest;
    }
    let vulnerable = speaks_of_vulnerability(seen.subject, seen.text);
    if !vulnerable && (seen.marked_spam || SPAM_WORDS.find_iter(seen.text).count() + SPAM_WORDS.find_iter(seen.subject).count() >= 2) {
        return LetterKind::Spam;
    }
    let intent = disclosure(seen.text).intent;
    if intent == Intent::AlreadyPublic
        || (intent == Intent::Public && NOTICE_SUBJECT.is_match(seen.subject))
        || (NOTICE_SUBJECT.is_match(seen.subject) && speaks_of_publication(seen.text))
    {
        return LetterKind::DisclosureNotice;
    }
    if seen.text.trim().is_empty() && seen.subject.trim().is_empty() && !seen.has_attachments {
        return LetterKind::Other;
    }
    LetterKind::Report
}

impl Seen<'_> {
    fn in_thread_with_evidence(&self) -> bool {
        evidence(self.subject, self.text) >= 2
    }
}

/// A short letter that asks for our key and reports nothing.
fn asks_for_key(seen: &Seen<'_>) -> bool {
    let own_words: String = seen.text.lines().filter(|l| !l.starts_with('>')).take_while(|l| *l != "-- ").collect::<Vec<_>>().join("\n");
    // "I want to report an XSS: send me your key" reports nothing yet; two signs of a report are one.
    if own_words.chars().count() > KEY_REQUEST_CHARACTERS_MAX || evidence(seen.subject, &own_words) > 1 || NOT_ASKING.is_match(&own_words) {
        return false;
    }
    let named = KEY_WORDS.is_match(seen.subject) || KEY_WORDS.is_match(&own_words);
    let asked = KEY_ASKS.is_match(&own_words) || KEY_ASKS.is_match(seen.subject) || (own_words.trim().is_empty() && KEY_WORDS.is_match(seen.subject));
    named && asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, text: &str, expected: LetterKind) {
        let seen = Seen { subject, text, media_type: "text/plain", ..Seen::default() };
        assert_eq!(kind(&seen), expected, "{subject:?} {text:?}");
    }

    #[test]
    fn words_tell_the_kind_of_a_human_letter() {
        check("PGP key?", "Hi, could you send me your public key so I can report something?", LetterKind::KeyRequest);
        check("Request for public PGP key", "", LetterKind::KeyRequest);
        check("Schlüssel", "Bitte schicken Sie mir Ihren öffentlichen Schlüssel.", LetterKind::KeyRequest);
        check(
            "Key leak in 1.2",
            "The private key is readable. Steps to reproduce:\n1. send GET /key\n2. read it\nPlease send your PGP key.",
            LetterKind::Report,
        );
        check("XSS", "There is an XSS in the search page.", LetterKind::Report);
        check("hello", "Is anybody there?", LetterKind::Report);
        check("Notice", "The vulnerability is already public: it was posted on a blog yesterday.", LetterKind::DisclosureNotice);
        check("Automatic reply: your answer", "I am away until Monday.", LetterKind::AutoReply);
        check("Grow!", "We offer SEO services and backlinks, rank on Google.", LetterKind::Spam);
        check("Re: [SD-0123456789] XSS", "It also affects 1.3.", LetterKind::FollowUp);
        check("", "", LetterKind::Other);
    }

    #[test]
    fn headers_of_machines_speak_first() {
        let rows = [
            (NoAnswer::DeliveryReport, LetterKind::Dsn),
            (NoAnswer::AutoSubmitted, LetterKind::AutoReply),
            (NoAnswer::List, LetterKind::List),
            (NoAnswer::Suppressed, LetterKind::Report),
        ];
        for (why, expected) in rows {
            assert_eq!(kind(&Seen { refusal: Some(why), subject: "x", text: "xss", ..Seen::default() }), expected);
        }
    }
}
