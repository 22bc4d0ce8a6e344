//! What kind of letter is it?

use super::disclosure::{self, disclosure};
use super::fields::LetterKeys;
use super::language::Language;
use super::lexicon::Concept;
use super::own_words::{OwnWords, is_question, own_text, own_units};
use super::report::{TEXT_OCTETS_MAX, evidence, names_score, speaks_of_vulnerability};
use super::sections::sections;
use super::steps::steps;
use super::units::{Unit, own_lines, units};
use super::version_claims::{self, Context, Role};
use super::{Words, patterns, places, scanner, severity, weakness};
use crate::model::address::NoReplyAddress;
use crate::model::letter::NoAnswer;
use crate::model::reading::LetterKind;
use crate::model::report::Intent;
use jiff::civil::Date;

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
    /// The text in units, where somebody has them already.
    pub words: Option<&'a Words>,
    /// The day of the letter.
    pub written: Option<Date>,
    pub has_attachments: bool,
    /// It stayed shut, so that nothing inside can be judged.
    pub shut: bool,
    /// Something in it is encrypted. No out-of-office note and no newsletter is.
    pub sealed: bool,
    /// It was sent to the address by which Schleuder's users ask for a key.
    pub to_sendkey: bool,
}

/// A key request is a short letter; a longer one that mentions keys is a report.
const KEY_REQUEST_CHARACTERS_MAX: usize = 1_200;

/// Greeting, name and thanks around the request itself.
const REST_CHARACTERS_MAX: usize = 250;

patterns! {
    DSN_SUBJECT = r"(?i)^(undeliver(ed|able)|mail delivery (failed|failure|status)|delivery (status notification|failure|has failed)|returned mail|failure notice|delayed mail|warning: message .* delayed|non remis|unzustellbar)";
    DAEMON = r"(?i)^(mailer-daemon|postmaster|mail-daemon|mailerdaemon)@";
    AUTO_SUBJECT = r"(?i)^\W*((automatic reply|auto(matische)?[ -]?(reply|response|antwort))\s*([:：-]|$)|out[ -]of[ -](the[ -])?office|abwesen(d|heit)|respuesta autom|r[ée]ponse automatique|absence du bureau|vacation reply)";
    CASE_TAG = r"\bSD-[0-9A-HJKMNP-TV-Z]{10}\b";
    // A tracker passes on what a human wrote.
    TRACKER = r"(?i)\bmentioned you\b|\((issue|merge request|pull request) [#!]|\b(issue|report|comment) was (created|submitted|posted)\b";
    KEY_WORDS = r"(?i)\b((open)?pgp|gpg|gnupg|public|encryption) ?-?(key|keys|certificate|schl(ü|ue)ssel)\b|\b(key|certificate) (for|to) encrypt|\bpgp\b|\bgpg\b|x-send-key|(ö|oe)ffentliche[nrs]? schl(ü|ue)ssel|schl(ü|ue)ssel (zum|zur|f(ü|ue)r die) verschl(ü|ue)ssel|cl(é|e)f?( publique| pgp| gpg| openpgp| de chiffrement)|(clave|llave) (p(ú|u)blica|pgp|gpg|de cifrado)|chave (p(ú|u)blica|pgp|gpg|de criptografia)|公開鍵|暗号化?キー|公钥|公鑰|公開金鑰|密钥|金鑰|открыт\w+ ключ|публичн\w+ ключ|ключ\w* (pgp|gpg|шифрования)";
    KEY_ASKS = r"(?i)\b(send|share|provide|request(ing)?|need|give|want|get|have|find|where|could you|can you|please|would you|looking for|what is|bitte|schicken|senden|k(ö|oe)nn(t?en|test|t|tet)|brauche|ben(ö|oe)tige|wo finde|envoyer|envoyez|pourriez|pouvez|o(ù|u) (puis|trouver)|besoin|enviar|env(í|i)e(n|nme|me)?|mandar|podr(í|i)a[ns]?|puede[ns]?|necesito|d(ó|o)nde|por favor|poderia[m]?|pode[m]?|preciso|gostaria|onde|s'il (vous|te) pla)|x-send-key|-sendkey|pls\b|what.s your (pgp|gpg|key)|fingerprint\?|送って|送付|ください|いただけ|教えて|お願い|请|請|发给|發給|需要|哪里|哪裡|能否|пришлите|вышлите|отправ|нуж(ен|на)|дайте|где (взять|найти)|можете|пожалуйста";
    NOTICE_SUBJECT = r"(?i)(public|full|upcoming|intent\w* to|notice of|planned) +(\w+ +)?disclos|publicly (disclosed|available|known)|going public|will (be )?publish|already public|0-?day|intent\w* to publish";
    // A second thought in the sentence that asks for a key: nobody would hear of it otherwise.
    SAYS_MORE = r"(?i)\b(and|but|or|before|after|until|unless|otherwise|else|if|when|while|because|since|publish\w*|public(ly)? (on|at|in|by)|withdraw\w*|embargo|deadline|tomorrow|today|week|monday|tuesday|wednesday|thursday|friday|saturday|sunday|und|aber|oder|bevor|sonst|wenn|falls|weil|nachdem|bis|ver(ö|oe)ffentlich\w*|morgen|heute|woche|freitag|et|mais|avant|sinon|quand|parce|publier\w*|demain|y|pero|antes|cuando|porque|si no|publicar\w*|ma(ñ|n)ana|mas|quando|sen(ã|a)o|amanh(ã|a))\b|\b(и|но|или|если|перед|иначе|когда|завтра|опубликую)\b|[0-9]|前に|までに|公開|公表|ので|之前|否则|否則|如果|公开|發布|发布|明天";
    SENTENCE_END = r"[.!?。！？]\s|[.!?。！？]$|\n\s*\n";
    // Verbs that ask for something to be sent or named; a bare "please" may ask for a fix.
    STRONG_ASKS = r"(?i)\b(send|share|provide|give|e?mail|forward|attach|request(ing|s)?|need|looking for)\b|\bwhere (is|can|could|do|are)\b|\bdo you have\b|\b(can|could|may|might) (i|we) (please )?(have|get)\b|\bwould like\b|\bwhat( is|'s| are) (your|the)\b|\b(like|want|wish) to (have|get|receive)\b|\bto get (your|the|a)\b|x-send-key|-sendkey|\b(schicken|schickt|senden|sendet|zusenden|mitteilen|brauche|ben(ö|oe)tige[n]?|wo finde|bekommen|h(ä|ae)tte)\b|envoyer|envoyez|o(ù|u) (puis|trouver)|besoin|enviar|env(í|i)(e|a)|mandar|m(á|a)ndenme|necesito|d(ó|o)nde (est|encuentr|puedo)|preciso|onde (est|encontr|posso)|送って|送付|送り|教えて|いただけ|发给|發給|发送|發送|发一|提供|哪里|哪裡|пришлите|вышлите|отправьте|нуж(ен|на)|дайте|где (взять|найти)";
    // What no request for a key says.
    SIGNS = r"(?i)\b(inject\w*|crash\w*|overflow\w*|bypass\w*|attackers?|exploit\w*|leak\w*|crafted|expos\w*|readable|databases?|corrupt\w*|traversal|disclos\w* (the|all)|every (other )?user|anyone can|any (logged|user))\b";
    IT = r"(?i)\b(it|one|yours|key|certificate|schl(ü|ue)ssel|ihn|cl(é|e)f?|clave|llave|chave|ключ\w*)\b|鍵|钥|鑰|キー";
    // A key of the team's, and not one that the report is about.
    YOURS = r"(?i)\b(your|team'?s|security team|desk'?s|ihre[nrs]?|eure[nrs]?|dein(en|e)?|euch|votre|vos|ta|su|sus|tu|vuestra|sua|seu|vossa|a (open)?pgp key|an? (open)?pgp|pgp key (so|to|for)|x-send-key)\b|貴|御|そちら|你们|你們|贵|貴方|您|ваш";
    NOT_ASKING = r"(?i)\b(here is|attached is|this is|find attached|using) (my|our) (\w+ )?(public )?(pgp|gpg|openpgp|key)|\byour (\w+ )?key (has |is )?expired|\bkey .{0,30}(leak|expos|readable|stolen)";
}

/// Sorts a letter. Headers that a machine wrote speak first, then the thread, then the words.
pub fn kind(seen: &Seen<'_>) -> LetterKind {
    let seen = &Seen {
        text: &seen.text[..seen.text.floor_char_boundary(TEXT_OCTETS_MAX)],
        ..seen.clone()
    };
    let daemon = seen.from.is_some_and(|from| DAEMON.is_match(from));
    // Behind `postmaster` may be a person.
    let by_itself = says_automatic(seen)
        && !seen
            .from
            .is_some_and(|from| from.to_lowercase().starts_with("postmaster"));
    if seen.media_type == "multipart/report"
        || (daemon && (by_itself || DSN_SUBJECT.is_match(seen.subject.trim())))
    {
        return LetterKind::Dsn;
    }
    let words = seen
        .words
        .cloned()
        .unwrap_or_else(|| Words::read(seen.text));
    let subject = units(seen.subject, &LetterKeys);
    let text = own_units(words.units, seen.subject, seen.text);
    let own = OwnWords::of(&subject, &text);
    if let Some(kind) = by_refusal(seen, &own) {
        return kind;
    }
    let counted = std::cell::OnceCell::new();
    let signs = || *counted.get_or_init(|| evidence(seen.subject, seen.text));
    if is_away_note(seen, signs) {
        return LetterKind::AutoReply;
    }
    if seen.shut {
        return if seen.in_thread {
            LetterKind::FollowUp
        } else {
            LetterKind::Report
        };
    }
    if asks_for_key_alone(seen) {
        return LetterKind::KeyRequest;
    }
    let answers_other_business = answers_other_business(&text);
    if CASE_TAG.is_match(seen.subject)
        || seen.in_thread && !(answers_other_business && own.find() && signs() > 0)
    {
        return LetterKind::FollowUp;
    }
    if own.head_says(Concept::AddsTo) && own.are_few() && !own.say(Concept::Retracts) {
        return LetterKind::FollowUp;
    }
    if wants_key(seen, &own, signs) {
        return LetterKind::KeyRequest;
    }
    let speaks_of_flaw = || own.find() || speaks_of_vulnerability(seen.subject, seen.text);
    if own.words_for(Concept::Junk) >= JUNK_WORDS_MIN && !speaks_of_flaw() {
        return LetterKind::Spam;
    }
    if seen.marked_spam && !speaks_of_vulnerability(seen.subject, seen.text) {
        return LetterKind::Spam;
    }
    // A notice is short.
    if own.are_few() && gives_notice(seen, &own, &text, words.language) {
        return LetterKind::DisclosureNotice;
    }
    if seen.text.trim().is_empty() && seen.subject.trim().is_empty() && !seen.has_attachments {
        return LetterKind::Other;
    }
    LetterKind::Report
}

/// Whether it asks for our key, in any words, and reports nothing. What they found may be in a file.
fn wants_key(seen: &Seen<'_>, own: &OwnWords<'_>, signs: impl Fn() -> usize) -> bool {
    let misses = seen.to_sendkey && signs() < 2 || misses_key(own) && signs() == 0;
    asks_for_key(seen) || misses && !seen.has_attachments
}

/// Whether a subject such as "Out of office" stands above nothing that reports something.
fn is_away_note(seen: &Seen<'_>, signs: impl Fn() -> usize) -> bool {
    // A person who writes about such a note, and sends what they found along, waits for an answer.
    if seen.has_attachments && !says_automatic(seen) {
        return false;
    }
    AUTO_SUBJECT.is_match(seen.subject)
        && !(seen.in_thread && signs() >= 2)
        && !speaks_of_vulnerability(seen.subject, seen.text)
}

/// Whether Auto-Submitted says that a machine wrote it.
fn says_automatic(seen: &Seen<'_>) -> bool {
    matches!(
        seen.refusal,
        Some(NoAnswer::AutoSubmitted | NoAnswer::AutoGenerated)
    )
}

/// What the fields say that forbid an automatic answer.
fn by_refusal(seen: &Seen<'_>, own: &OwnWords<'_>) -> Option<LetterKind> {
    let is_bounce = || DSN_SUBJECT.is_match(seen.subject.trim());
    match seen.refusal? {
        NoAnswer::DeliveryReport => Some(LetterKind::Dsn),
        // A ticket system, a gateway or a bounty platform adds such fields to what people write.
        NoAnswer::AutoSubmitted
        | NoAnswer::AutoGenerated
        | NoAnswer::List
        | NoAnswer::Precedence
            if seen.sealed || reports(seen, own) =>
        {
            None
        }
        // A ticket system's or a monitor's: what answers by itself says so, or is an away note.
        NoAnswer::AutoGenerated if !AUTO_SUBJECT.is_match(seen.subject) => Some(LetterKind::List),
        NoAnswer::AutoSubmitted | NoAnswer::AutoGenerated => Some(LetterKind::AutoReply),
        NoAnswer::List | NoAnswer::Precedence => Some(LetterKind::List),
        NoAnswer::ReturnPath(NoReplyAddress::Empty) if is_bounce() => Some(LetterKind::Dsn),
        _ => None,
    }
}

/// Words of those who cheat, for a letter to be theirs.
const JUNK_WORDS_MIN: usize = 2;

/// Whether it says that a vulnerability is public, or when it will be, and nothing that its reader
/// does not know.
fn gives_notice(seen: &Seen<'_>, own: &OwnWords<'_>, text: &[Unit], language: Language) -> bool {
    let claims = disclosure::claims(text, seen.written, language);
    let is_known = own.say(Concept::NothingNew);
    let is_told = [
        Concept::Publish,
        Concept::Public,
        Concept::Posted,
        Concept::IsOut,
    ];
    let tells = match disclosure(&claims).intent {
        Intent::AlreadyPublic | Intent::Public => true,
        _ if is_known => is_told.into_iter().any(|concept| own.say(concept)),
        _ => NOTICE_SUBJECT.is_match(seen.subject) && !claims.is_empty(),
    };
    let is_asked = own.say(Concept::Asks) && own.ask();
    let is_other = own.head_says(Concept::JoinsList) || scanner::is_output(own, seen.text, false);
    let brings = seen.has_attachments && !is_known;
    if !tells || is_asked || is_other || brings {
        return false;
    }
    let signs = signs_of_finding(seen, text);
    let is_bare = signs == 0 && !own.say(Concept::Finds) && !own.say(Concept::SeenAttacks);
    is_known && signs < 2 || is_bare && own.are_a_few()
}

/// How much it says of the vulnerability itself: steps, versions, places in the source, its kind
/// and how severe it is.
fn signs_of_finding(seen: &Seen<'_>, text: &[Unit]) -> usize {
    let own = own_text(seen.subject, seen.text);
    let claims = version_claims::claims(text, &Context::default());
    let signs = [
        steps(&sections(&own), &own, &[]).is_some(),
        claims.iter().any(|claim| claim.role == Role::Affected),
        !places::files(&own).is_empty() || !places::functions(&own).is_empty(),
        !weakness::named(&own).is_empty() || names_score(&own),
        !severity::claims(text).is_empty(),
    ];
    signs.iter().filter(|sign| **sign).count()
}

/// Whether words that a machine passed on are a human's report, rather than the machine's own: an
/// out-of-office note says so in its subject, and an answer in a thread needs more than a word.
fn reports(seen: &Seen<'_>, own: &OwnWords<'_>) -> bool {
    if own.words_for(Concept::Digest) >= DIGEST_WORDS_MIN {
        return false;
    }
    let needed = if TRACKER.is_match(seen.subject) || TRACKER.is_match(seen.text) {
        1
    } else if AUTO_SUBJECT.is_match(seen.subject) || seen.in_thread || !says_automatic(seen) {
        2
    } else {
        1
    };
    let by_tool = own.say(Concept::Scan) && own.words_for(Concept::Automated) > 0;
    let signs = evidence(seen.subject, seen.text) + usize::from(own.find()) + usize::from(by_tool);
    signs >= needed
}

/// Words of a mailing list's bulk, for a letter to be it.
const DIGEST_WORDS_MIN: usize = 2;

/// Whether the letter that is answered reports nothing.
fn answers_other_business(text: &[Unit]) -> bool {
    let mut quoted = text.iter().filter(|unit| unit.depth > 0).peekable();
    let reports = |unit: &Unit| unit.says(Concept::Finds) || unit.says(Concept::Flaw);
    quoted.peek().is_some() && !quoted.any(reports)
}

/// A short letter that says what is wrong with our key, or asks where it is, and reports nothing.
fn misses_key(own: &OwnWords<'_>) -> bool {
    let asks = own.units().any(|unit| {
        unit.says(Concept::Please) || unit.says(Concept::KeyTrouble) || is_question(unit)
    });
    own.head_says(Concept::Key)
        && own.say(Concept::KeyTrouble)
        && asks
        && own.are_few()
        && !own.find()
}

/// Whether a letter asks for our certificate, whatever else it does: in one sentence, or by
/// Schleuder's keyword on a line of its own.
pub fn asks_for_certificate(subject: &str, text: &str) -> bool {
    let text = &text[..text.floor_char_boundary(TEXT_OCTETS_MAX)];
    let own = own_lines(text);
    let keyword = own.lines().chain([subject]).any(is_keyword);
    let asks = |sentence: &str| {
        KEY_WORDS.is_match(sentence)
            && KEY_ASKS.is_match(sentence)
            && YOURS.is_match(sentence)
            && !NOT_ASKING.is_match(sentence)
    };
    keyword || SENTENCE_END.split(&own).chain([subject]).any(asks)
}

/// What our letters tell people to write, and Schleuder's users know.
const KEYWORDS: [&str; 4] = ["send key", "send-key", "sendkey", "x-send-key"];

/// A line that is such a word and nothing else.
fn is_keyword(line: &str) -> bool {
    let line = line
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let line = line.strip_prefix("re:").unwrap_or(&line).trim_start();
    KEYWORDS.contains(&line)
}

/// A short letter that asks for our key and reports nothing.
/// A greeting fits in so many characters, and hardly anything else.
const GREETING_CHARACTERS_MAX: usize = 24;

/// A request for a key that is longer gives a reason, or a date.
const KEY_ALONE_CHARACTERS_MAX: usize = 96;

/// Whether a letter asks for our key and says nothing else: whoever presses Reply to do so adds
/// nothing to a case.
fn asks_for_key_alone(seen: &Seen<'_>) -> bool {
    let own = own_lines(seen.text);
    let rest = own.lines().filter(|line| !is_keyword(line));
    let rest = rest.collect::<Vec<_>>().join("\n");
    let (asking, others): (Vec<&str>, Vec<&str>) = SENTENCE_END
        .split(&rest)
        .partition(|sentence| asks_in(seen.subject, sentence));
    let count = |sentence: &&str| sentence.trim().chars().count();
    let says_more = |sentence: &&str| {
        count(sentence) > KEY_ALONE_CHARACTERS_MAX || SAYS_MORE.is_match(sentence)
    };
    others.iter().map(count).sum::<usize>() <= GREETING_CHARACTERS_MAX
        && !asking.iter().any(says_more)
        && !own.trim().is_empty()
        && asks_for_key(seen)
}

fn asks_for_key(seen: &Seen<'_>) -> bool {
    let own_lines = own_lines(seen.text);
    let own = own_lines.trim();
    if own.chars().count() > KEY_REQUEST_CHARACTERS_MAX
        || NOT_ASKING.is_match(own)
        || seen.has_attachments
    {
        return false;
    }
    if own.is_empty() {
        return KEY_WORDS.is_match(seen.subject) || is_keyword(seen.subject);
    }
    if own.lines().chain([seen.subject]).any(is_keyword) {
        let rest = own
            .lines()
            .filter(|line| !is_keyword(line))
            .collect::<Vec<_>>()
            .join("\n");
        return rest.chars().count() <= REST_CHARACTERS_MAX
            && !speaks_of_vulnerability("", &rest)
            && evidence(seen.subject, own) <= 1;
    }
    // What is left without the request must be no report: "I want to report an XSS, send me your
    // key" reports nothing yet.
    let (asking, rest): (Vec<&str>, Vec<&str>) = SENTENCE_END
        .split(own)
        .partition(|sentence| asks_in(seen.subject, sentence));
    let rest = rest.join(" ");
    let names = KEY_WORDS.is_match(seen.subject)
        || asking.iter().any(|sentence| KEY_WORDS.is_match(sentence));
    !asking.is_empty()
        && names
        && rest.chars().count() <= REST_CHARACTERS_MAX
        && !speaks_of_vulnerability("", &rest)
        && evidence(seen.subject, own) <= 1
}

/// Whether a sentence asks for a key: it names one, or the subject does.
fn asks_in(subject: &str, sentence: &str) -> bool {
    STRONG_ASKS.is_match(sentence)
        && !SIGNS.is_match(sentence)
        && (KEY_WORDS.is_match(sentence) || (KEY_WORDS.is_match(subject) && IT.is_match(sentence)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, text: &str, expected: LetterKind) {
        let seen = Seen {
            subject,
            text,
            media_type: "text/plain",
            ..Seen::default()
        };
        assert_eq!(kind(&seen), expected, "{subject:?} {text:?}");
    }

    /// What somebody found may be in a file, and a request for the key, or a machine's note, ends
    /// without a word to anybody.
    #[test]
    fn a_letter_with_a_file_is_no_request_for_the_key_and_no_machines() {
        let key = [
            "Your PGP key has expired, so I send this unencrypted. Please see the attachment.",
            "Your PGP key expired, could you renew it? My findings are attached.",
            "I could not find your PGP key. Please find everything in the attachment.",
        ];
        let away = [
            "Out of office plugin: details attached",
            "Abwesenheitsassistent: Bericht",
        ];
        let letters = key.map(|text| ("Security", text));
        for (subject, text) in letters
            .into_iter()
            .chain(away.map(|s| (s, "See the file.")))
        {
            let seen = Seen {
                subject,
                text,
                media_type: "text/plain",
                has_attachments: true,
                ..Seen::default()
            };
            assert_eq!(kind(&seen), LetterKind::Report, "{subject:?} {text:?}");
        }
    }

    /// In a case nobody is called for a request for the key, so it must be nothing else.
    #[test]
    fn a_request_for_the_key_that_says_more_is_a_follow_up() {
        let check = |text: &str, expected: LetterKind| {
            let seen = Seen {
                subject: "Re: Your mail to Desk",
                text,
                media_type: "text/plain",
                in_thread: true,
                ..Seen::default()
            };
            assert_eq!(kind(&seen), expected, "{text:?}");
        };
        for alone in [
            "send key",
            "Hi, could you send me your public key so I can encrypt my reply?",
            "Please send me your PGP key.",
            "Könnten Sie mir bitte Ihren PGP-Schlüssel schicken?",
        ] {
            check(alone, LetterKind::KeyRequest);
        }
        for more in [
            "Before I publish everything on Friday, could you send me your PGP key?",
            "I withdraw my consent to the embargo and would like to have your PGP key.",
            "Please send me your PGP key, else I go public tomorrow.",
            "Please send me your PGP key by 3 December.",
            "Bevor ich alles veröffentliche, schicken Sie mir bitte Ihren PGP-Schlüssel.",
        ] {
            check(more, LetterKind::FollowUp);
        }
    }

    #[test]
    fn words_tell_the_kind_of_a_human_letter() {
        check(
            "PGP key?",
            "Hi, could you send me your public key so I can report something?",
            LetterKind::KeyRequest,
        );
        check("Request for public PGP key", "", LetterKind::KeyRequest);
        check(
            "Schlüssel",
            "Bitte schicken Sie mir Ihren öffentlichen Schlüssel.",
            LetterKind::KeyRequest,
        );
        check(
            "Key leak in 1.2",
            "The private key is readable. Steps to reproduce:\n1. send GET /key\n2. read \
             it\nPlease send your PGP key.",
            LetterKind::Report,
        );
        check(
            "Clé PGP",
            "Bonjour, pourriez-vous m'envoyer votre clé publique ?",
            LetterKind::KeyRequest,
        );
        check(
            "Clave",
            "Hola, ¿podrían enviarme su clave pública PGP? Gracias.",
            LetterKind::KeyRequest,
        );
        check(
            "Chave pública",
            "Olá, por favor poderiam enviar a sua chave pública?",
            LetterKind::KeyRequest,
        );
        check(
            "公開鍵について",
            "セキュリティチーム御中\n公開鍵を送っていただけますか。",
            LetterKind::KeyRequest,
        );
        check(
            "PGP公钥",
            "您好，请把你们的公钥发给我。",
            LetterKind::KeyRequest,
        );
        check(
            "Ключ",
            "Здравствуйте! Пришлите, пожалуйста, ваш открытый ключ.",
            LetterKind::KeyRequest,
        );
        check(
            "Schlüssel?",
            "Hallo, ich benötige Ihren PGP-Schlüssel, um etwas zu melden.",
            LetterKind::KeyRequest,
        );
        check("", "X-SEND-KEY", LetterKind::KeyRequest);
        // As our acknowledgement and SECURITY.md say it, however it is dressed.
        check("", "send key", LetterKind::KeyRequest);
        check(
            "Hello",
            "Hi,\n\n\"Send key\"\n\nThanks, Gil",
            LetterKind::KeyRequest,
        );
        check("send key", "", LetterKind::KeyRequest);
        check("Send Key!", "please", LetterKind::KeyRequest);
        check(
            "send key",
            "There is an SQL injection at /search: an attacker reads the whole database.",
            LetterKind::Report,
        );
        check(
            "keys",
            "I have found an SQL injection in your PGP key upload page, an attacker can read the \
             whole database.",
            LetterKind::Report,
        );
        check(
            "parser",
            "Please fix your OpenPGP key parser: a crafted packet crashes it.",
            LetterKind::Report,
        );
        check(
            "keys",
            "Any logged-in user can get the PGP key of every other user at /api/keys/1.",
            LetterKind::Report,
        );
        check("公钥", "请修复公钥解析器，它会崩溃。", LetterKind::Report);
        // Reports about keys are reports, however politely they end.
        check(
            "crash",
            "Your OpenPGP key parser can be crashed by a crafted packet. Please fix.",
            LetterKind::Report,
        );
        check(
            "Schlüssel",
            "Der private PGP-Schlüssel Ihres Servers liegt offen im Netz. Bitte kümmern Sie sich.",
            LetterKind::Report,
        );
        check(
            "ключ",
            "Открытый ключ любого пользователя можно подменить. Пожалуйста, исправьте.",
            LetterKind::Report,
        );
        check(
            "Auto-reply feature leaks internal headers",
            "The auto-reply feature leaks the X-Internal header to anyone.",
            LetterKind::Report,
        );
        check(
            "XSS",
            "There is an XSS in the search page.",
            LetterKind::Report,
        );
        check("hello", "Is anybody there?", LetterKind::Report);
        check(
            "Notice",
            "The vulnerability is already public: it was posted on a blog yesterday.",
            LetterKind::DisclosureNotice,
        );
        check(
            "Automatic reply: your answer",
            "I am away until Monday.",
            LetterKind::AutoReply,
        );
        check(
            "Grow!",
            "We offer SEO services and backlinks, rank on Google.",
            LetterKind::Spam,
        );
        check(
            "lottery",
            "The casino and lottery page has an XSS in the name of the winner.",
            LetterKind::Report,
        );
        check(
            "Schlüssel",
            "Der Schlüssel für die Signatur der Updates ist abgelaufen, jeder kann Updates unterschieben.",
            LetterKind::Report,
        );
        check(
            "Re: [SD-0123456789] XSS",
            "It also affects 1.3.",
            LetterKind::FollowUp,
        );
        check("", "", LetterKind::Other);
    }

    #[test]
    fn a_reply_that_only_asks_for_our_key_is_a_request_for_it() {
        let quoted = "\n\nOn Monday, Desk wrote:\n> There is an XSS in 1.2.\n> send \"send key\"\n";
        for (text, expected) in [
            ("send key", LetterKind::KeyRequest),
            ("Could you send me your PGP key?", LetterKind::KeyRequest),
            (
                "It also affects 1.3. Please send your PGP key.",
                LetterKind::FollowUp,
            ),
            (
                "Thanks for your key, the report follows.",
                LetterKind::FollowUp,
            ),
        ] {
            let text = format!("{text}{quoted}");
            let found = kind(&Seen {
                subject: "Re: Your mail to Desk [SD-0123456789]",
                text: &text,
                media_type: "text/plain",
                in_thread: true,
                ..Seen::default()
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_report_may_ask_for_the_certificate_too() {
        let report = "There is an XSS in search. Steps:\n1. open /?q=<script>\n2. see it run.\n\n";
        for ask in [
            "Please send me your PGP key, so that I can send the rest encrypted.",
            "X-SEND-KEY",
            "send key",
            "Bitte schicken Sie mir Ihren öffentlichen Schlüssel.",
        ] {
            assert!(
                asks_for_certificate("XSS", &format!("{report}{ask}")),
                "{ask}"
            );
        }
        for other in [
            "",
            "The public key of each user is readable, please fix.",
            "Attached is my public key.",
            "> Please send me your PGP key.\nDone.",
        ] {
            assert!(
                !asks_for_certificate("XSS", &format!("{report}{other}")),
                "{other}"
            );
        }
    }

    #[test]
    fn a_letter_to_the_sendkey_address_asks_for_the_key() {
        let seen = Seen {
            text: "hello",
            to_sendkey: true,
            ..Seen::default()
        };
        assert_eq!(kind(&seen), LetterKind::KeyRequest);
    }

    #[test]
    fn a_report_that_a_machine_passed_on_is_a_report() {
        let steps =
            "XSS in the search page.\n\nSteps to reproduce:\n1. open /search?q=<script>\n2. look\n";
        // A group that is the security address adds its footer to every letter.
        let footer = "\n-- \nYou received this message because you are subscribed to the group. To \
                      unsubscribe from this list, write to us. End of newsletter.\n";
        let footed = format!("{steps}{footer}");
        let told = |refusal, subject, text, sealed| {
            kind(&Seen {
                refusal: Some(refusal),
                subject,
                text,
                sealed,
                ..Seen::default()
            })
        };
        for refusal in [
            NoAnswer::AutoSubmitted,
            NoAnswer::Precedence,
            NoAnswer::List,
        ] {
            assert_eq!(
                told(refusal, "[Ticket 12] XSS", steps, false),
                LetterKind::Report,
                "{refusal:?}"
            );
            // Sealed by somebody who has our certificate.
            assert_eq!(
                told(refusal, "...", "hello", true),
                LetterKind::Report,
                "{refusal:?}"
            );
        }
        assert_eq!(
            told(NoAnswer::List, "XSS", &footed, false),
            LetterKind::Report
        );
        assert_eq!(
            told(
                NoAnswer::List,
                "news Digest, Vol 12, Issue 3",
                "Send news mailing list submissions to us.\n\nToday's Topics:\n\n1. XSS in acme, an exploit\n",
                false
            ),
            LetterKind::List
        );
        assert_eq!(
            told(
                NoAnswer::AutoSubmitted,
                "Automatic reply: your letter",
                "I am away until Monday.",
                false
            ),
            LetterKind::AutoReply
        );
        assert_eq!(
            told(
                NoAnswer::AutoSubmitted,
                "Build 12 failed",
                "see the log",
                false
            ),
            LetterKind::AutoReply
        );
        assert_eq!(
            told(
                NoAnswer::Precedence,
                "Weekly digest",
                "This week in security: an exploit.",
                false
            ),
            LetterKind::List
        );
    }

    #[test]
    fn what_a_machine_sends_is_told_from_what_it_answers() {
        for (refusal, subject, expected) in [
            (NoAnswer::AutoGenerated, "Re: XSS", LetterKind::List),
            (
                NoAnswer::AutoGenerated,
                "Out of office: Re: XSS",
                LetterKind::AutoReply,
            ),
            (NoAnswer::AutoSubmitted, "Re: XSS", LetterKind::AutoReply),
        ] {
            let found = kind(&Seen {
                subject,
                text: "We will look on Monday.",
                media_type: "text/plain",
                refusal: Some(refusal),
                in_thread: true,
                ..Seen::default()
            });
            assert_eq!(found, expected, "{refusal:?} {subject}");
        }
    }

    #[test]
    fn headers_of_machines_speak_first() {
        let rows = [
            (NoAnswer::DeliveryReport, LetterKind::Dsn),
            (NoAnswer::List, LetterKind::List),
            (NoAnswer::Suppressed, LetterKind::Report),
        ];
        for (why, expected) in rows {
            assert_eq!(
                kind(&Seen {
                    refusal: Some(why),
                    subject: "x",
                    text: "xss",
                    ..Seen::default()
                }),
                expected
            );
        }
    }
}
