//! Does the finder mean to keep it private, to publish, or is it out already? And when?

use super::patterns;
use crate::model::report::{Disclosure, Intent};

patterns! {
    // Said in other words: everybody talks about it, or there is nothing left to keep.
    OUT = r"(?i)\b(no|any) (more )?(secret|point in (an? )?(embargo|secrecy))\b[^.\n]{0,20}|\bon (all )?the news\b|\b(in|on) (an? )?(open|public) (issue|ticket|tracker|pull request|mailing list|chat|channel|forum|repository)\b|\b(chat|telegram|discord|slack) (channel|group)\b|\bready-made exploits?\b|\bbereits (öffentlich|veröffentlicht)|\bdéjà (public|publiée?)|\bya (es )?públic[ao]";
    ALREADY = r"(?i)\b(vulnerabilit(y|ies)|issue|bug|flaw|details|exploit|poc|proof of concept|advisory|write-?up|it|this|zero-?day|0-?day|finding)\b[^.\n]{0,40}\b(already|now|currently)\b[^.\n]{0,20}\bpublic(ly)?\b|\balready (public|published|disclosed)\b|\b(vulnerabilit(y|ies)|bug|flaw|exploit|poc|proof of concept|advisory|write-?up|zero-?day|0-?day)\b[^.\n]{0,40}\b(was|were|has been|have been|got|is|are)\b[^.\n]{0,25}\b(publicly (disclosed|known|discussed)|(published|posted|leaked|disclosed) (on|at|publicly|online)\b|on twitter|on github|on reddit|in the wild)|\b(I|we) (have )?(already )?(published|disclosed|presented) (this|it|the|my|our)\b|\bpublic (exploit|poc|proof of concept) (is|exists|available)|\bpublicly (disclosed|known)\b|\bdisclosed publicly\b";
    NOT_PUBLIC = r"(?i)\b(not|never|n't|neither|nor|until|before|if)\b[^.\n]{0,40}\b(public|publish|disclos|post)";
    // What is planned, without a verb that plans.
    PLANNED = r"(?i)\b(embargo|disclosure|publication|publish\w*|advisory|write-?up|blog ?post|talk|release) (ends?|date|until|is|goes out|planned|day|will be)?\b[^.\n]{0,40}|\b(I|we) (post|publish|release|present|talk)\b|\bplan(s|ned|ning)?\b[^.\n]{0,30}\b(write-?up|publication|talk|post|advisory)|\bveröffentlich|\bberichten\b|\bpublier(ai|ons)?\b|\bpublicar\w*|\bwould (publish|like to talk)|\bgoes out\b|\b(our|my) (blog|advisory|talk|paper|write-?up)\b";
    WILL = r"(?i)\b(need|want|ask for|require|have) no embargo\b|\bno embargo (is )?(needed|required|necessary)|\b(will|shall|going to|plan(ning|s)?( to| on)?|intend(s|ing)?( to)?|intention (is )?to|want to|scheduled? (to|for))\b[^.\n]{0,60}\b(publish|disclos|go(ing)? public|present|release (the|my|our|a) (details|advisory|exploit|poc|findings|write-?up)|make (it|this|them|the \w+) public|blog)|\b(publish|disclos|public)\w*[^.\n]{0,40}\b(on|by|in|after|within) (\d|january|february|march|april|may|june|july|august|september|october|november|december|ninety|thirty)|\b\d+[ -]day (public )?disclosure|\b(public )?disclosure (date|deadline|policy)\b[^.\n]{0,30}\d|\bgo(ing)? public\b";
    DISCREET = r"(?i)\b(keep|kept|hold|holding|held|treat|stay|stays|remain|remains|sit on)\b[^.\n]{0,40}\b(to myself|to ourselves|quiet|private|confidential|secret|between us|under wraps|until|back|embargo|silent|tlp)\b|\b(strictly )?confidential(ly)?\b|\b(do not|don't|please not|never) (pass|forward|share|disclose|publish|tell)\b|\b(publish|disclose|say|release)\w* nothing\b|\bcoordinated\b|\byou (set|choose|pick|decide|name) (on )?(the|a) (date|day|time)|\bwait for your (advisory|fix|release|ok|go)|\bnot[^.\n]{0,20}\b(before|until) you\b|\btlp:? ?(amber|red)|\bvertraulich\w*|\bstillschweigen|\bconfidentiel\w*|\bconfidencial\w*|\bembargo\b";
    PRIVATE = r"(?i)\b(coordinated|responsible|private) (vulnerability )?disclosure\b|\bkeep (this|it|the \w+)[^.\n]{0,20}\b(private|confidential|secret)\b|\b(under|respect|agree\w*( to)?|accept|honou?r) (an? |the |your )?embargo\b|\b(will|shall|do|did|have|am|are)( not|n't) [^.\n]{0,50}(disclos|publish|public|shar|told)|\bnot (be )?(disclosed?|published?|shared?|public)\b|\bwon't (disclose|publish|share|go public)|\bprivate(ly)?\b|\bhappy to (wait|coordinate)\b|\b(until|once|after|before) (a |the |you |your )?(fix|patch|have fixed|release)[^.\n]{0,30}|\bnot shared\b";
    ITEM = r"(?m)^ {0,4}(?:[-*•+]|\d{1,2}[.)]) +";
    PAST = r"(?i)\b(fixed|published|released|disclosed|reported|found|sent|notified) (on|in|at)\b";
    ISO_DATE = r"\b(20\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b";
    DAY_MONTH = r"(?i)\b(\d{1,2})(?:st|nd|rd|th|er|\.)?(?: of| de)? (jan|feb|fév|fev|mar|mär|maer|apr|avr|abr|may|mai|jun|juin|jul|juil|aug|aoû|aou|ago|sep|oct|okt|nov|dec|dez|déc|dic|ene)[a-zäéû]*\.?,?(?: de)? (20\d\d)\b";
    MONTH_DAY = r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (20\d\d)\b";
    DOTTED = r"\b(\d{1,2})\.(\d{1,2})\.(20\d\d)\b";
    PUBLICATION = r"(?i)\b(publi(c|sh)|disclos)";
}

/// Whether a text speaks of publication at all.
pub(super) fn speaks_of_publication(text: &str) -> bool {
    PUBLICATION.is_match(text)
}

/// Reads the intent sentence by sentence. What is out already weighs most, then a plan to publish.
pub(super) fn disclosure(text: &str) -> Disclosure {
    let mut intent = Intent::Unstated;
    let mut date = None;
    for sentence in sentences(text) {
        let found = sentence_intent(&sentence);
        if rank(found) > rank(intent) {
            intent = found;
            date = None;
        }
        let dated = found == Intent::Public
            || (found != Intent::Unstated && PUBLICATION.is_match(&sentence));
        if date.is_none() && dated && found != Intent::AlreadyPublic {
            date = first_date(&sentence);
        }
    }
    Disclosure { intent, date }
}

fn rank(intent: Intent) -> u8 {
    match intent {
        Intent::Unstated => 0,
        Intent::Private => 1,
        Intent::Public => 2,
        Intent::AlreadyPublic => 3,
    }
}

fn plans(sentence: &str) -> bool {
    PLANNED.is_match(sentence) && first_date(sentence).is_some() && !PAST.is_match(sentence)
}

fn sentence_intent(sentence: &str) -> Intent {
    // A form's question says nothing by itself; its answer may.
    let sentence = sentence
        .rsplit_once("?:")
        .map_or(sentence, |(_, answer)| answer);
    let negated = NOT_PUBLIC.is_match(sentence);
    if (ALREADY.is_match(sentence) && !negated) || OUT.is_match(sentence) {
        Intent::AlreadyPublic
    } else if plans(sentence)
        || (WILL.is_match(sentence) && (!negated || first_date(sentence).is_some()))
    {
        Intent::Public
    } else if PRIVATE.is_match(sentence)
        || DISCREET.is_match(sentence)
        || (negated && PUBLICATION.is_match(sentence))
    {
        Intent::Private
    } else {
        Intent::Unstated
    }
}

/// The sentences of a text; wrapped lines are joined first.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for paragraph in text.split("\n\n") {
        let joined = ITEM
            .replace_all(paragraph, "\u{1e}")
            .split('\n')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        for joined in joined
            .split('\u{1e}')
            .filter(|item| !item.trim().is_empty())
        {
            // A full stop ends a sentence only before a space and a capital, so dates and versions
            // stay whole.
            let mut start = 0;
            let octets = joined.as_bytes();
            for (i, b) in octets.iter().enumerate() {
                let ends = matches!(b, b'.' | b'!' | b'?' | b';')
                    && octets.get(i + 1) == Some(&b' ')
                    && octets.get(i + 2).is_some_and(|c| c.is_ascii_uppercase());
                if ends {
                    out.push(joined[start..=i].to_owned());
                    start = i + 1;
                }
            }
            out.push(joined[start..].to_owned());
        }
    }
    out
}

/// The first day named, as `2026-12-24`; one that no calendar has is none.
pub(super) fn first_date(text: &str) -> Option<String> {
    let month = |name: &str| {
        // English first, then as German, French and Spanish begin them.
        const NAMES: [&[&str]; 12] = [
            &["jan", "ene"],
            &["feb", "fév", "fev"],
            &["mar", "mär", "maer"],
            &["apr", "avr", "abr"],
            &["may", "mai"],
            &["jun", "juin"],
            &["jul", "juil"],
            &["aug", "aoû", "aou", "ago"],
            &["sep"],
            &["oct", "okt"],
            &["nov"],
            &["dec", "dez", "déc", "dic"],
        ];
        NAMES
            .iter()
            .position(|begins| begins.iter().any(|b| name.to_lowercase().starts_with(b)))
            .map(|i| i as i8 + 1)
    };
    let day = |year: &str, month: i8, day: &str| {
        let date = jiff::civil::Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()?;
        Some(date.to_string())
    };
    if let Some(c) = ISO_DATE.captures(text) {
        return day(&c[1], c[2].parse().ok()?, &c[3]);
    }
    if let Some(c) = DAY_MONTH.captures(text) {
        return day(&c[3], month(&c[2])?, &c[1]);
    }
    if let Some(c) = MONTH_DAY.captures(text) {
        return day(&c[3], month(&c[1])?, &c[2]);
    }
    let c = DOTTED.captures(text)?;
    day(&c[3], c[2].parse().ok()?, &c[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, intent: Intent, date: Option<&str>) {
        assert_eq!(
            disclosure(text),
            Disclosure {
                intent,
                date: date.map(str::to_owned)
            },
            "{text}"
        );
    }

    #[test]
    fn the_intent_is_read_from_plain_sentences() {
        check("I found an XSS.", Intent::Unstated, None);
        check(
            "I will not disclose this before a fix is available.",
            Intent::Private,
            None,
        );
        check(
            "Please treat this under coordinated disclosure.",
            Intent::Private,
            None,
        );
        check(
            "We plan to publish our advisory on 24 December 2026.",
            Intent::Public,
            Some("2026-12-24"),
        );
        check(
            "I intend to disclose this publicly on 2026-12-24, fix or no fix.",
            Intent::Public,
            Some("2026-12-24"),
        );
        check(
            "Disclosure: public on December 1st, 2026",
            Intent::Public,
            Some("2026-12-01"),
        );
        check(
            "This is already public, see the blog.",
            Intent::AlreadyPublic,
            None,
        );
        check(
            "The bug was posted on a forum yesterday.",
            Intent::AlreadyPublic,
            None,
        );
        check("This is not publicly known.", Intent::Private, None);
        check(
            "We follow a 90-day disclosure policy.",
            Intent::Public,
            None,
        );
    }

    #[test]
    fn a_day_that_no_calendar_has_is_none() {
        assert_eq!(first_date("on 31.02.2026"), None);
        assert_eq!(first_date("on 24.12.2026").as_deref(), Some("2026-12-24"));
    }
}
