//! Which product is it about? Its own field first, then what the letter compares, greets or
//! packages.

use super::fields::LetterField;
use super::patterns;
use super::report::{clean_subject, cut, without_code};
use super::sections::Section;

patterns! {
    PRODUCT_VERSION = r"\b(?:in|of|affects?|affecting|with|against|on|tested|using|running)\s+(?:the\s+)?(?:latest\s+)?([A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*(?:\s[A-Z][A-Za-z0-9-]+)?),?\s+(?:(?:versions?|release|ver\.?)\s+|v(?:\.\s?)?)?(?:(?:before|prior to|up to|through|<=?|>=?)\s+(?:version\s+)?)?v?\d+\.\d+";
    SUBJECT_PRODUCT = r"(?i)^(?:\[[^\]]{1,30}\]\s*)?(?:security|vulnerability|report)?:?\s*.{3,80}? in (?:the )?([A-Za-z][\w.-]{1,40})\b";
    LEADING_PRODUCT = r"(?i)^(?:\[security\]\s*)?([A-Za-z][\w.-]{1,30}) ?:\s+\S";
    NOT_PRODUCT = r"(?i)^(on|in|with|from|since|before|only|device|every|parsed|at|for|is|was|are|to|and|or|by|via|as|of|through|up|branch|branches|build|builds|stock|debian \w+|sshd|host|hosts|client|clients|server|servers|both|module|library|also|too|version|versions|python|node|java|ubuntu|debian|windows|linux|macos|chrome|firefox|security|vulnerability|report|re|fwd?|aw|wg|bug|issue|urgent|the|a|an|your|our|this|that|all|login|search|api|page|function|http|https|php|ruby|go|rust|any|some|it|them|default|current|latest|title|urgent|confidential|bug|finding|important|attention|question|note|older|release|releases|production|xss|csrf|ssrf|rce|sqli|dos|cve|cwe|poc|stored|reflected|critical|high|medium|low|heap|stack|buffer|sql)$";
    NOT_GREETED = r"(?i)^(sir|madam|sirs|security|team|all|there|maintainers?|developers?|project|mr|mrs|ms|dr|friends?|everyone|folks|people|colleagues?|list|admin|members|sehr|vendor|working)\b|^(security|dear)";
    // "Dear Kubernetes security team," names what it writes to.
    GREETING = r"(?im)\A\s*(?:hi|hello|dear|hey|good (?:day|morning|afternoon|evening)|greetings)[ ,]+(?:the |to the |there |all )?((?-i:[A-Z])[\w.+-]*?(?: (?-i:[A-Z])[\w.+-]*?)??)(?:'s)?(?:[ -](?:security|core|developers?|devs?|team|folks|people|maintainers?|group|project|crew|all|community|authors?|response|dev)\b|[,!:]\s*$)";
    PACKAGED = r"\b(?:npm|Rust|Python|PyPI|Go|Ruby|PHP|Maven|Debian|WordPress|Perl) (?:package|crate|module|library|gem|plugin) [`'\x22]?(@?[\w/.-]+\w)[`'\x22]?|[`'\x22](@?[\w/.-]+\w)[`'\x22] (?:npm |Rust |Python |PHP |Go )?(?:package|crate|gem)\b";
    // "Linux kernel, since 5.1", at the head of a line.
    LEADING_NAME = r"(?m)^([A-Z][\w.+-]*(?: [a-z][\w-]+)?),? (?:(?:since|before|through|up to|prior to|versions?|all versions) |[<>=]+ ?|v)v?\d+\.\d";
}

/// The product that a field names; `acme 1.2.3` names its version at once.
pub(super) fn named_product(named: &str) -> Option<String> {
    let line = named
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches(['`', '*', '"']);
    let name = line
        .split(" version ")
        .next()
        .unwrap_or(line)
        .split([',', '('])
        .next()
        .unwrap_or(line);
    // A file, or a function, is a part of the product.
    if name.contains('/') && name.contains('.') {
        return None;
    }
    let words: Vec<&str> = name
        .split_whitespace()
        .take_while(|w| {
            !w.trim_start_matches(['v', '<', '=', '>', '(', '≤'])
                .starts_with(|c: char| c.is_ascii_digit())
        })
        .collect();
    let name = words
        .join(" ")
        .trim_end_matches([',', '(', '<', '=', '-', '.', ':', '>', '≤'])
        .trim()
        .to_owned();
    (!name.is_empty()).then(|| cut(&name, 80))
}

pub(super) fn product(sections: &[Section], subject: &str, text: &str) -> Option<String> {
    if let Some(name) = sections
        .iter()
        .filter(|s| s.field == LetterField::Product)
        .find_map(|s| named_product(&s.text))
    {
        return Some(name);
    }
    let prose = without_code(text);
    let from_prose = |text: &str| {
        let joined = text.replace('\n', " ");
        PRODUCT_VERSION
            .captures_iter(&joined)
            .map(|c| c[1].to_owned())
            .find(|p| !NOT_PRODUCT.is_match(p))
    };
    let from_subject = || {
        let subject = clean_subject(subject);
        let by_in = SUBJECT_PRODUCT
            .captures(&subject)
            .map(|c| c[1].to_owned())
            .filter(|p| !NOT_PRODUCT.is_match(p));
        by_in.or_else(|| {
            LEADING_PRODUCT
                .captures(&subject)
                .map(|c| c[1].to_owned())
                .filter(|p| !NOT_PRODUCT.is_match(p))
        })
    };
    let named = |pattern: &regex::Regex| {
        pattern
            .captures_iter(&prose)
            .map(|c| c[1].to_owned())
            .find(|p| !NOT_PRODUCT.is_match(p))
    };
    let greeted = || named(&GREETING).filter(|p| !NOT_GREETED.is_match(p));
    let packaged = || {
        PACKAGED
            .captures_iter(&prose)
            .filter_map(|c| c.get(1).or(c.get(2)))
            .map(|m| m.as_str().to_owned())
            .find(|p| !NOT_PRODUCT.is_match(p))
    };
    from_prose(subject)
        .or_else(|| named(&LEADING_NAME))
        .or_else(greeted)
        .or_else(packaged)
        .or_else(|| from_prose(&prose))
        .or_else(from_subject)
        .map(|p| p.trim_end_matches(['.', ',', '-']).to_owned())
}
