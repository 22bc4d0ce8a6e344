//! Is it exploited, who else knows, and who wants the credit? What CERT/CC's form asks, from its
//! fields or from sentences.

use crate::model::report::{Answers, CreditWish};
use crate::triage::answers;
use crate::triage::fields::LetterField;
use crate::triage::patterns;
use crate::triage::sections::Section;
use crate::triage::units::{Unit, UnitKind};

patterns! {
    YES = r"(?i)^\W*(yes|ja|oui|s[ií]|true|y|active(ly)?|known|confirmed)\b";
    NO = r"(?i)^\W*(no\b|not\b|none|nobody|no one|nein|non\b|false|n\b|niemand|nadie|personne|never|n/a|unknown|nothing)";
    EXPLOITED = r"(?i)\b(somebody|someone|attackers?|they|it) (is|are) (already )?(being )?(using|used|abusing|abused|exploiting|exploited)\b|\bmass[- ]scanning\b|\bused against\b|\b(is|are|was|were) being (used|abused|exploited)\b|\bcount it as exploited\b|\b(exploited|abused|used|seen|observed|attacks?|exploitation|exploiting)\b[^.;\n]{0,60}\b(in the wild|in production|by attackers?|against (real|live|our|several|some)|active(ly)?|on (our|their|customer) (honeypots?|servers?))|\bactive(ly)? (being )?(exploit\w*|abus\w*)|\b(in the wild|in our logs|our honeypots?)\b|\bhoneypots?\b|\bwird (bereits )?(aktiv )?ausgenutzt|\bactivement exploitée?|\bexplotad[ao] activamente";
    UNEXPLOITED = r"(?i)\b(no|not|n't|nobody|no one|never|unaware|aucune?|keine?|ningún)\b[^.;\n]{0,50}\b(abus\w+|exploit(s|ing|ed|ation)?\b|attacks?|attack(ed|ing)|use[sd]? (by|it|this)|uses? (it|this)|sign (that|of)|attaques?|angriff\w*|ataques?)|\bangriffe?\b[^.;\n]{0,20}\bkeine\b|\bpas connaissance\b[^.;\n]{0,20}\bexploitation|\b(no|not|never|n't|nothing|without|unaware|neither|nor|nicht|keine|aucune?|ningun[ao]?)\b[^.;\n]{0,80}\b(exploit(ed|ation)|abused?|in the wild|attacks?|ausgenutzt|exploitée?)|\bexploit(ed|ation)[^.;\n]{0,30}\b(no|not|none|unknown|never)\b";
    TOLD = r"(?i)\b(has|have|had|got|gets|received?) (it|a copy|this|been informed|the (report|details))\b[^.;\n]{0,40}\b(as of today|of this mail|too|already|as well)?|\b(I|we) (also )?(told|alerted|asked|informed|notified|contacted|warned)\b|\bdistros list (was|has|is)|\bj'ai (prévenu|informé|signalé|contacté)|\bhabe ich (auch )?\w* ?(informiert|gemeldet)|\b(have been|was|were) (informed|notified|told|alerted)\b|\b(I|we|have|has|also|already|was|were)\b[^.;\n]{0,60}\b(reported|told|notified|informed|contacted|sent|shared|disclosed|cc('|e)?d|copied|opened|filed|looped in)\b[^.;\n]{0,60}\b(cert(/cc|-bund|-fr)?|cisa|vendors?|distros?|distributions?|distributors?|upstream|downstream|debian|ubuntu|red ?hat|suse|fedora|maintainers of|linux-distros|jpcert|mitre|zdi|hackerone|bugcrowd|security teams?|oss-security|huntr|snyk|google|microsoft|github|other (projects?|parties|teams|implementations))\b|\b(cert(/cc|-bund)?|cisa|vendors?|distros?|jpcert|zdi|debian|red ?hat|linux-distros|distributors?)\b[^.;\n]{0,50}\b(was|were|has been|have been|is|are|already)\b[^.;\n]{0,30}\b(notified|informed|told|contacted|aware|in the loop|copied|cc'?e?d)\b|\bVU#\d+|\bin copy\b|\bcoordinat(ed|ing) (this )?with\b[^.;\n]{0,40}\b(cert|vendor|upstream|distro)";
    UNTOLD = r"(?i)\b(told|informed|contacted|asked|talked to|notified) (nobody|no one|only you|you only)\b|\b(nobody|no one|none|neither)\b[^.;\n]{0,40}\b(else|other|outside|informed|contacted|told|knows?|either)\b|\b(first|only) (and only )?(ones?|people|person) to know\b|\bbetween us\b|\bno one outside\b|\bnor any(one|body)( else)?\b|\bnot (talk|speak|share|discuss)\w*\b[^.;\n]{0,30}\b(any(one|body)|with)\b|\bkeep (it|this) to (myself|ourselves)|\baußer ihnen\b|\bweiß niemand|\b(not|n't|never|no one|nobody|no-one|haven't|hasn't|without|neither)\b[^.;\n]{0,50}\b(told|shared|reported|notified|informed|contacted|disclosed|discussed|spoken|talked|mentioned|else (knows|has been|was|is|about))\b[^.;\n]{0,60}|\b(only|you are the (only|first))\b[^.;\n]{0,40}\b(you|people|ones?|party|parties|told|told you|contacted|know)\b|\bnobody else\b|\bno one else\b|\bno other (party|parties|vendors?|people)\b|\bniemand(em)? (sonst|anderem)|\bpersonne d'autre|\bnadie m[aá]s";
    TO_US = r"(?i)\b(to|with) you\b|\byour (team|project|maintainers?)\b";
    // As a patch would say it, or in so many words.
    TRAILER = r#"(?m)^\s*["“]?(?:Reported|Found|Discovered|Signed-off|Suggested)-by: *([^<\n]{3,60}?) *(?:<[^>\n]*>)?["”]?"#;
    QUOTED = r#"["“„«]\s*([^"”“»\n]{3,90}?)\s*["”“»]"#;
    CREDIT = r"(?i)\b(credits?\b|credit(ed|s)?|wording|reported-by|acknowledge(d|ment)?|attribut(e|ed|ion)|mention(ed)?|named?|thank(ed|s)?|nennen|nennung|crédit\w*|remerci\w*|acredit\w*|crédito)\b";
    ASKS_CREDIT = r"(?i)\b(please|glad|grateful|credits? (to|:)|for credits?|dürfen sie|nennen|if you like|if any|would be (kind|nice|welcome|appreciated)|wording|thank|kindly|would (like|appreciate)|like to be|want to be|prefer|happy to be|be (credited|acknowledged|named)|if you (credit|mention|name)|credit (me|us|should|to|goes|as|line|under|for)|bitte|gerne|souhaite|merci de|por favor|acknowledge (me|us)|credited|you (may|can) (credit|name|mention))\b";
    ANONYMOUS = r"(?i)\banonym\w*|\b(without|not|don't|do not|rather not)\b[^.;\n]{0,30}\b(use |mention |print |name |my )*(my )?name\b|\bkeep my name out";
    DECLINED = r"(?i)\b(no|not|don't|do not|without|n't|neither|decline|kein\w*|pas de|sin)\b[^.;\n]{0,30}\b(need|want|require|care( about)?|ask for|looking for|necessary|any)?\s*(any |a |the |public )?(credits?\b|credited|acknowledge\w*|attribution|mention)|\bcredit (is )?(not|n't) (needed|necessary|required|wanted)|\bno need (to|for)[^.;\n]{0,20}(credit|acknowledg|mention|name)";
    CREDITED_AS = r#"(?:(?i:credit(?:ed|s)?(?: (?:me|us|it|this|the (?:finding|discovery|find)|should (?:go|read)))?(?: (?:please|publicly))?(?: (?:as|to|under(?: the name)?|with|for|go to|line:?|goes to|is|reads?))?|acknowledged? (?:me |us )?(?:as|under)|named? (?:me )?as|under the (?:name|handle)|(?:my|the) (?:name|handle) (?:is|as|would be)|credited to|nennen sie (?:mich )?|nennen:?|name for credits?:?|mention[^.;:]{0,40} as|nennung als|au nom de|como|mention(?:ed)?(?: me)? as|attribut(?:e|ed|ion)(?: (?:it|this|me))?(?: (?:to|as))?|thank))[: ]+["'“”‘’*_(]{0,3}((?:(?:[A-Z][\w'’-]*\.?|of|from|at|von|van|de|der|der|the|and|&|[A-Z]\.)(?:[ ]|,? (?:of|from|at|and|&) )?){1,8}(?:\([A-Z][^)]{2,40}\))?|@?[a-z0-9_]{3,20}(?:_[a-z0-9]+|\d+))"#;
    NAME = r#"^(?:(?i:yes|ja|oui|please|si|sí|wanted)\b[\s,.:;!–—-]*)*(?:(?i:as|to|under|please|credit(?:ed)?|me|us|the name|discovered by|reported by|found by)\b[\s:]*)*["'“]?([^"”\n.;<]{2,90}?)["”]?\s*(?:[.;<\n]|$)"#;
}

pub(super) fn circumstances(sections: &[Section], units: &[Unit], text: &str) -> Answers {
    let of = |field: LetterField| {
        sections
            .iter()
            .find(|s| s.field == field && !s.text.is_empty())
            .map(|s| s.text.as_str())
    };
    // A form's question says nothing by itself.
    let sentences: Vec<String> = units
        .iter()
        .filter(|unit| unit.depth == 0)
        .filter(|unit| !matches!(unit.kind, UnitKind::Code | UnitKind::Signature))
        .map(|unit| match &unit.key {
            Some(key) if !key.text.ends_with('?') => format!("{}: {}", key.text, unit.text),
            _ => unit.text.clone(),
        })
        .filter(|s| !s.trim_end().ends_with('?') && !s.contains("? "))
        .collect();
    let (credit, credit_name) = credit(of(LetterField::Credit), &sentences, text);
    Answers {
        exploited: of(LetterField::Exploited)
            .and_then(yes_or_no)
            .or_else(|| told(&sentences, &EXPLOITED, &UNEXPLOITED))
            .or_else(|| answers::exploited(units)),
        others_told: of(LetterField::Told)
            .and_then(|answer| {
                yes_or_no(answer.split(". ").next().unwrap_or(answer)).or(Some(true))
            })
            .or_else(|| others(&sentences))
            .or_else(|| answers::others_told(units)),
        credit: credit.or_else(|| answers::credit(units)),
        credit_name,
    }
}

fn yes_or_no(answer: &str) -> Option<bool> {
    match answer {
        no if NO.is_match(no) || UNEXPLOITED.is_match(no) || UNTOLD.is_match(no) => Some(false),
        yes if YES.is_match(yes) || EXPLOITED.is_match(yes) => Some(true),
        _ => None,
    }
}

/// The first sentence that says it, or says that it is not so.
fn told(sentences: &[String], yes: &regex::Regex, no: &regex::Regex) -> Option<bool> {
    sentences.iter().find_map(|sentence| match () {
        () if no.is_match(sentence) => Some(false),
        () if yes.is_match(sentence) => Some(true),
        () => None,
    })
}

fn others(sentences: &[String]) -> Option<bool> {
    sentences.iter().find_map(|sentence| match () {
        () if UNTOLD.is_match(sentence) && !sentence.contains('?') => Some(false),
        () if TOLD.is_match(sentence) && !TO_US.is_match(sentence) => Some(true),
        () => None,
    })
}

fn credit(
    field: Option<&str>,
    sentences: &[String],
    text: &str,
) -> (Option<CreditWish>, Option<String>) {
    if let Some(answer) = field.map(|answer| answer.split("\n\n").next().unwrap_or(answer)) {
        return match answer {
            anonymous if ANONYMOUS.is_match(anonymous) => (Some(CreditWish::Anonymous), None),
            no if NO.is_match(no) || DECLINED.is_match(no) => (Some(CreditWish::Declined), None),
            named => (
                Some(CreditWish::Wanted),
                quoted(named)
                    .or_else(|| name_in_field(named))
                    .or_else(|| credited_as(named)),
            ),
        };
    }
    for sentence in sentences
        .iter()
        .filter(|s| CREDIT.is_match(s) || ANONYMOUS.is_match(s))
    {
        if ANONYMOUS.is_match(sentence)
            && (CREDIT.is_match(sentence) || sentence.to_lowercase().contains("anonym"))
        {
            return (Some(CreditWish::Anonymous), None);
        }
        if DECLINED.is_match(sentence) {
            return (Some(CreditWish::Declined), None);
        }
        if ASKS_CREDIT.is_match(sentence) && !sentence.to_lowercase().contains("credit card") {
            let name = quoted(sentence).or_else(|| credited_as(sentence));
            let speaks_of_credit = sentence.to_lowercase().contains("credit")
                || sentence.to_lowercase().contains("acknowledg")
                || name.is_some();
            if speaks_of_credit {
                return (Some(CreditWish::Wanted), name);
            }
        }
    }
    match TRAILER.captures(text) {
        Some(c) => (Some(CreditWish::Wanted), clean(&c[1])),
        None => (None, None),
    }
}

fn quoted(text: &str) -> Option<String> {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = QUOTED
        .captures_iter(&joined)
        .map(|c| c[1].to_owned())
        .find(|name| name.chars().any(char::is_uppercase) && name.split(' ').count() <= 12)?;
    // "Signed-off-by: Ada <ada@b.example>" names Ada.
    let named = named
        .rsplit("-by: ")
        .next()
        .unwrap_or(&named)
        .split('<')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    clean(&named)
}

fn name_in_field(answer: &str) -> Option<String> {
    let joined = answer.split_whitespace().collect::<Vec<_>>().join(" ");
    NAME.captures(joined.trim_matches(['*', '_', ' ']))
        .and_then(|c| clean(c[1].trim_matches(['*', '_', '"'])))
}

fn credited_as(sentence: &str) -> Option<String> {
    CREDITED_AS
        .captures_iter(sentence)
        .find_map(|c| clean(&c[1]))
}

fn clean(name: &str) -> Option<String> {
    let name = name
        .trim()
        .trim_end_matches([',', '.', ';', '-', ' ', '*', '_'])
        .trim_end_matches(" and")
        .trim_end_matches(" of")
        .trim();
    let nobody = [
        "I", "If", "You", "We", "The", "Please", "In", "For", "My", "Me", "Us", "CVE", "As", "It",
        "This", "yes", "Yes", "When", "Once",
    ];
    (name.len() >= 2 && !nobody.contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        text: &str,
        exploited: Option<bool>,
        others_told: Option<bool>,
        credit: Option<CreditWish>,
        name: Option<&str>,
    ) {
        let sections = super::super::sections::sections(text);
        let units = crate::triage::units::units(text, &crate::triage::fields::LetterKeys);
        assert_eq!(
            circumstances(&sections, &units, text),
            Answers {
                exploited,
                others_told,
                credit,
                credit_name: name.map(str::to_owned)
            },
            "{text}"
        );
    }

    #[test]
    fn sentences_and_fields_answer() {
        check(
            "We see it being actively exploited.",
            Some(true),
            None,
            None,
            None,
        );
        check(
            "I am not aware of any exploitation in the wild.",
            Some(false),
            None,
            None,
            None,
        );
        check(
            "I have also reported this to CERT/CC.",
            None,
            Some(true),
            None,
            None,
        );
        check(
            "Nobody else knows about this.",
            None,
            Some(false),
            None,
            None,
        );
        check(
            "Please credit me as Ada Example.",
            None,
            None,
            Some(CreditWish::Wanted),
            Some("Ada Example"),
        );
        check(
            "I would like to stay anonymous.",
            None,
            None,
            Some(CreditWish::Anonymous),
            None,
        );
        check(
            "No credit needed.",
            None,
            None,
            Some(CreditWish::Declined),
            None,
        );
        check(
            "Has it been exploited? No\nHow do you want to be credited? Ada Example, ACME Labs\n",
            Some(false),
            None,
            Some(CreditWish::Wanted),
            Some("Ada Example, ACME Labs"),
        );
        check("The credit card form has an XSS.", None, None, None, None);
    }
}
