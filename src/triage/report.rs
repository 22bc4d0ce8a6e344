//! What does the report say? Each field from its own heading or key first, else from the prose.

use super::disclosure::disclosure;
use super::sections::{Field, Section, sections};
use super::{patterns, versions};
use crate::model::cvss;
use crate::model::report::{Missing, Report};

/// Longer summaries are cut at a word.
const SUMMARY_CHARACTERS_MAX: usize = 200;

/// A report says what it says in so many octets.
pub(super) const TEXT_OCTETS_MAX: usize = 256 * 1024;

/// Longer steps are cut; the whole letter is in the case.
const STEPS_CHARACTERS_MAX: usize = 8_000;

patterns! {
    CVE = r"(?i)\bCVE[-‐– ]((?:19|20)[0-9]{2})-([0-9]{4,7})\b";
    CWE = r"(?i)\bCWE[-‐–: ]{0,2}0{0,3}([1-9][0-9]{0,3})\b";
    CVSS_VECTOR = r"\bCVSS:[34]\.[01](/[A-Za-z]{1,3}:[A-Za-z]{1,6})+|\bAV:[NAL]/AC:[HML]/Au:[MSN]/C:[NPC]/I:[NPC]/A:[NPC]";
    CVSS31_BARE = r"\bAV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[NLH]/I:[NLH]/A:[NLH]\b";
    SEVERITY = r"(?i)\b(?:severity|rated?|rating|risk|priority)\b[^.\n]{0,20}?\b(critical|high|medium|moderate|low)\b|\b(critical|high|medium|moderate|low)(?:[- ](?:severity|risk))\b";
    SEVERITY_WORD = r"(?i)\b(critical|high|medium|moderate|low|none|important)\b";
    NUMBERED = r"^ {0,4}(?:\d{1,2}[.)]|step \d{1,2}[:.)]?) +\S";
    REPRODUCE = r"(?i)\b(to reproduce|reproduc(e|ed|tion|ible)|steps|proof[ -]of[ -]concept|\bpoc\b|can be (triggered|exploited) by|how to trigger)\b";
    VULNERABLE = r"(?i)\b(vulnerab\w+|exploit\w*|security (issue|bug|flaw|hole|problem|advisory|report)|xss|csrf|ssrf|xxe|rce|sqli|idor|lfi|cross[- ]site|sql injection|command injection|code execution|injection|buffer overflow|heap overflow|overflow|use[- ]after[- ]free|out[- ]of[- ]bounds|path traversal|directory traversal|privilege escalation|denial[- ]of[- ]service|\bdos\b|authentication bypass|auth(orization)? bypass|bypass|memory corruption|race condition|deserialization|information (leak|disclosure)|attacker|0-?day|zero[- ]day|proof[- ]of[- ]concept|\bpoc\b|cve|cwe|cvss|crash(es)?)\b";
    PRODUCT_VERSION = r"\b(?:in|of|affects?|affecting|with|against|on|tested|using|running)\s+(?:the\s+)?(?:latest\s+)?([A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*(?:\s[A-Z][A-Za-z0-9-]+)?),?\s+(?:(?:versions?|release|ver\.?)\s+|v(?:\.\s?)?)?(?:(?:before|prior to|up to|through|<=?|>=?)\s+(?:version\s+)?)?v?\d+\.\d+";
    SUBJECT_PRODUCT = r"(?i)^(?:\[[^\]]{1,30}\]\s*)?(?:security|vulnerability|report)?:?\s*.{3,80}? in (?:the )?([A-Za-z][\w.-]{1,40})\b";
    LEADING_PRODUCT = r"^(?:\[security\]\s*)?([A-Za-z][\w.-]{1,30}):\s+\S";
    NOT_PRODUCT = r"(?i)^(version|versions|python|node|java|ubuntu|debian|windows|linux|macos|chrome|firefox|security|vulnerability|report|re|fwd?|aw|wg|bug|issue|urgent|the|a|an|your|our|this|that|all|login|search|api|page|function|http|https|php|ruby|go|rust|any|some|it|them|default|current|latest|older|release|releases|production|xss|csrf|ssrf|rce|sqli|dos|cve|cwe|poc|stored|reflected|critical|high|medium|low|heap|stack|buffer|sql)$";
    FENCE = r"(?ms)^```.*?^```";
}

/// Whether the words are those of a vulnerability report.
pub(super) fn speaks_of_vulnerability(subject: &str, text: &str) -> bool {
    VULNERABLE.is_match(subject) || VULNERABLE.is_match(text)
}

/// Signs of a report, from 0 (none) upwards.
pub(super) fn evidence(subject: &str, text: &str) -> usize {
    let text = own_words(head_of(text));
    let signs = [
        speaks_of_vulnerability(subject, &text),
        CVE.is_match(&text) || CWE.is_match(&text) || CVSS_VECTOR.is_match(&text),
        steps(&sections(&text), &text).is_some(),
    ];
    signs.iter().filter(|s| **s).count()
}

/// Extracts the structured report from subject and body text.
pub fn report(subject: &str, text: &str) -> Report {
    let text = own_words(head_of(text));
    let sections = sections(&text);
    let whole = format!("{subject}\n{text}");
    let product = product(&sections, subject, &text);
    let affected_versions = affected_versions(&sections, subject, &text, product.as_deref());
    let cvss = cvss(&whole);
    let severity = severity(&sections, &text, cvss.as_deref());
    let steps_to_reproduce = steps(&sections, &text);
    let mut missing = Vec::new();
    if steps_to_reproduce.is_none() {
        missing.push(Missing::Steps);
    }
    if affected_versions.is_empty() {
        missing.push(Missing::Versions);
    }
    Report {
        summary: summary(&sections, subject, &text),
        product,
        affected_versions,
        cve_ids: ids(&CVE, &whole, |c| format!("CVE-{}-{}", &c[1], &c[2])),
        cwe_ids: ids(&CWE, &whole, |c| format!("CWE-{}", &c[1])),
        cvss,
        severity,
        steps_to_reproduce,
        disclosure: disclosure(&disclosure_text(&sections, &text)),
        missing,
    }
}

/// What is looked at: patterns over a whole plaintext of many megabytes would cost minutes.
fn head_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_OCTETS_MAX)]
}

/// The text without quotations and without the signature under `-- `.
fn own_words(text: &str) -> String {
    let lines = text.lines().take_while(|l| *l != "-- " && *l != "--");
    let own = lines.filter(|l| !l.starts_with('>')).collect::<Vec<_>>().join("\n");
    if !own.trim().is_empty() {
        return own;
    }
    // A letter that only quotes forwards what it quotes.
    text.lines().map(|l| l.trim_start_matches(['>', ' '])).collect::<Vec<_>>().join("\n")
}

fn first(sections: &[Section], field: Field) -> Option<&str> {
    sections.iter().find(|s| s.field == field && !s.text.is_empty()).map(|s| s.text.as_str())
}

fn summary(sections: &[Section], subject: &str, text: &str) -> String {
    let from_section = first(sections, Field::Summary).map(|t| t.split("\n\n").next().unwrap_or(t));
    let subject = clean_subject(subject);
    let from_text = || text.lines().map(str::trim).find(|l| l.len() > 20 && !l.ends_with(',') && !l.starts_with('#')).unwrap_or_default();
    let chosen = match from_section {
        Some(section) => section,
        None if !subject.is_empty() && subject != "..." => &subject,
        None => from_text(),
    };
    cut(&chosen.split_whitespace().collect::<Vec<_>>().join(" "), SUMMARY_CHARACTERS_MAX)
}

/// The subject without the marks of replying, forwarding and lists.
fn clean_subject(subject: &str) -> String {
    let mut rest = subject.trim();
    loop {
        let lower = rest.to_ascii_lowercase();
        let mark = ["re:", "fwd:", "fw:", "aw:", "wg:", "[security]", "[ext]", "[external]"].into_iter().find(|m| lower.starts_with(m));
        match mark {
            Some(mark) => rest = rest[mark.len()..].trim_start(),
            None => return rest.to_owned(),
        }
    }
}

fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let head: String = text.chars().take(characters - 1).collect();
    let at_word = head.rfind(' ').filter(|i| *i > head.len() / 2).unwrap_or(head.len());
    format!("{}…", &head[..at_word])
}

fn product(sections: &[Section], subject: &str, text: &str) -> Option<String> {
    if let Some(named) = first(sections, Field::Product) {
        let line = named.lines().next().unwrap_or_default().trim().trim_matches(['`', '*', '"']);
        // `acme 1.2.3` names product and version at once.
        let name = line.split(" version ").next().unwrap_or(line);
        let words: Vec<&str> =
            name.split_whitespace().take_while(|w| !w.trim_start_matches(['v', '<', '=', '>']).starts_with(|c: char| c.is_ascii_digit())).collect();
        let name = words.join(" ").trim_end_matches([',', '(', '<', '=', '-']).trim().to_owned();
        if !name.is_empty() {
            return Some(cut(&name, 80));
        }
    }
    let prose = FENCE.replace_all(text, "");
    let from_prose = |text: &str| {
        let joined = text.replace('\n', " ");
        PRODUCT_VERSION.captures_iter(&joined).map(|c| c[1].to_owned()).find(|p| !NOT_PRODUCT.is_match(p))
    };
    let from_subject = || {
        let subject = clean_subject(subject);
        let by_in = SUBJECT_PRODUCT.captures(&subject).map(|c| c[1].to_owned()).filter(|p| !NOT_PRODUCT.is_match(p));
        by_in.or_else(|| LEADING_PRODUCT.captures(&subject).map(|c| c[1].to_owned()).filter(|p| !NOT_PRODUCT.is_match(p)))
    };
    from_prose(subject).or_else(|| from_prose(&prose)).or_else(from_subject).map(|p| p.trim_end_matches(['.', ',', '-']).to_owned())
}

fn affected_versions(sections: &[Section], subject: &str, text: &str, product: Option<&str>) -> Vec<String> {
    let named: Vec<String> = sections.iter().filter(|s| s.field == Field::Versions).flat_map(|s| versions::in_field(&s.text)).collect();
    if !named.is_empty() {
        let mut unique = Vec::new();
        named.into_iter().for_each(|v| {
            if !unique.contains(&v) {
                unique.push(v)
            }
        });
        return unique;
    }
    let beside_product = first(sections, Field::Product).map(|t| versions::in_field(t.lines().next().unwrap_or_default())).unwrap_or_default();
    if !beside_product.is_empty() {
        return beside_product;
    }
    let prose = FENCE.replace_all(text, "");
    versions::in_prose(&format!("{subject}. {prose}"), product)
}

fn cvss(text: &str) -> Option<String> {
    let bare = CVSS31_BARE.find(text).map(|m| format!("CVSS:3.1/{}", m.as_str()));
    let candidates = CVSS_VECTOR.find_iter(text).map(|m| m.as_str().to_owned()).chain(bare);
    candidates.into_iter().find(|v| cvss::rate(v).is_some())
}

fn severity(sections: &[Section], text: &str, vector: Option<&str>) -> Option<String> {
    if let Some(rated) = vector.and_then(cvss::rate) {
        return Some(rated.rating);
    }
    let word = first(sections, Field::Severity)
        .or_else(|| first(sections, Field::Cvss))
        .and_then(|t| SEVERITY_WORD.find(t))
        .map(|m| m.as_str().to_ascii_lowercase())
        .or_else(|| SEVERITY.captures(text).and_then(|c| c.get(1).or(c.get(2))).map(|m| m.as_str().to_ascii_lowercase()))?;
    Some(match word.as_str() {
        "moderate" => "medium".to_owned(),
        "important" => "high".to_owned(),
        _ => word,
    })
}

fn steps(sections: &[Section], text: &str) -> Option<String> {
    if let Some(section) = first(sections, Field::Steps) {
        return Some(cut(section, STEPS_CHARACTERS_MAX));
    }
    // A numbered list of two or more, with what is indented or fenced between its items.
    let lines: Vec<&str> = text.lines().collect();
    let items: Vec<usize> = lines.iter().enumerate().filter(|(_, l)| NUMBERED.is_match(l)).map(|(i, _)| i).collect();
    if let (Some(from), Some(last), true) = (items.first(), items.last(), items.len() >= 2) {
        let end = lines[*last..].iter().position(|l| l.trim().is_empty()).map_or(lines.len(), |n| last + n);
        if last - from < 80 {
            return Some(cut(lines[*from..end].join("\n").trim(), STEPS_CHARACTERS_MAX));
        }
    }
    // A paragraph that says how, and the fence or paragraph that it announces.
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let at = paragraphs.iter().position(|p| REPRODUCE.is_match(p) && p.trim().len() > 30 || (REPRODUCE.is_match(p) && p.trim_end().ends_with(':')))?;
    let mut how = paragraphs[at].trim().to_owned();
    if how.ends_with(':') {
        how = format!("{how}\n\n{}", paragraphs.get(at + 1)?.trim());
    }
    Some(cut(&how, STEPS_CHARACTERS_MAX))
}

fn disclosure_text(sections: &[Section], text: &str) -> String {
    match first(sections, Field::Disclosure) {
        // `Disclosure: public on …` says in one word what a sentence would say.
        Some(section) => format!("Disclosure: {section}\n\n{text}"),
        None => text.to_owned(),
    }
}

fn ids(pattern: &regex::Regex, text: &str, write: impl Fn(&regex::Captures<'_>) -> String) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for c in pattern.captures_iter(text) {
        let id = write(&c);
        if !found.contains(&id) && found.len() < 50 {
            found.push(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::Intent;

    const PROSE: &str = "Hello,\n\nI found a stored cross-site scripting vulnerability (CWE-79) in acme-web version 2.3.1, and probably\nall earlier releases. An attacker can run script in another user's session.\n\nTo reproduce:\n\n1. Log in as any user.\n2. Set the display name to <script>alert(1)</script>.\n3. Open the member list as an administrator.\n\nI would rate the severity as high: CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N\n\nI plan to publish a write-up on 24 December 2026.\n\nRegards\n-- \nAda, version 9.9.9\n";

    const MARKDOWN: &str = "# Stored XSS in member list\n\n## Summary\n\nStored XSS in the member list\n\n## Product\n\nacme-web\n\n## Affected versions\n\n- 2.3.1\n- 2.3.0\n\n## Severity\n\nHigh, CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N (CWE-79)\n\n## Steps to reproduce\n\n1. Log in.\n2. Set the name.\n\n## Disclosure\n\nI will publish on 2026-12-24.\n";

    const KEYS: &str = "Summary: Stored XSS in the member list\nProduct: acme-web\nVersions: 2.3.1, 2.3.0\nCWE: 79 (CWE-79)\nCVSS: CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N\nSteps to reproduce:\n1. Log in.\n2. Set the name.\nDisclosure: I will publish on 2026-12-24\n";

    #[test]
    fn prose_markdown_and_keys_come_out_alike() {
        for (style, text) in [("prose", PROSE), ("markdown", MARKDOWN), ("keys", KEYS)] {
            let r = report("Stored XSS in the member list", text);
            assert_eq!(r.summary, "Stored XSS in the member list", "{style}");
            assert_eq!(r.product.as_deref(), Some("acme-web"), "{style}");
            assert_eq!(r.affected_versions.first().map(String::as_str), Some("2.3.1"), "{style}: {:?}", r.affected_versions);
            assert!(!r.affected_versions.iter().any(|v| v == "9.9.9"), "{style}");
            assert_eq!(r.cwe_ids, ["CWE-79"], "{style}");
            assert_eq!(r.cvss.as_deref(), Some("CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N"), "{style}");
            assert_eq!(r.severity.as_deref(), Some("high"), "{style}");
            assert!(r.steps_to_reproduce.as_deref().unwrap().starts_with("1. Log in"), "{style}");
            assert_eq!((r.disclosure.intent, r.disclosure.date.as_deref()), (Intent::Public, Some("2026-12-24")), "{style}");
            assert_eq!(r.missing, [], "{style}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let r = report("Security", "Your site has a bug.");
        assert_eq!(r.missing, [Missing::Steps, Missing::Versions]);
        assert!(!r.is_evident());
    }

    #[test]
    fn half_a_vector_is_no_vector() {
        assert_eq!(report("x", "CVSS:3.1/AV:N/AC:L").cvss, None);
        let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        assert_eq!(report("x", v4).severity.as_deref(), Some("critical"));
    }

    #[test]
    fn ids_are_written_one_way() {
        let r = report("x", "cve-2026-12345, CVE 2026-12345 and CWE:079, but neither CWE-00 nor CVE-２０２６-１２３４ nor CWE-٧٩");
        assert_eq!((r.cve_ids.as_slice(), r.cwe_ids.as_slice()), (&["CVE-2026-12345".to_owned()][..], &["CWE-79".to_owned()][..]));
    }
}
