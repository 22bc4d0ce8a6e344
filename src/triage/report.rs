//! What does the report say? Each field from its own heading or key first, else from the prose.

mod attached;
mod gist;
mod letter_units;
mod named;
mod sources;

use super::fields::LetterField;
use super::own_words::own_text;
use super::purpose::Findings;
use super::sections::{Section, sections};
use super::steps::steps;
use super::{Words, patterns, weakness};
use crate::model::cvss;
use crate::model::product::OwnProduct;
use crate::model::report::{Class, Evidence, Missing, Report};
pub use attached::may_be_text;
pub(super) use gist::clean_subject;
use gist::cvss;
use jiff::civil::Date;
use sources::ReportSources;

/// A report says what it says in so many octets.
pub(super) const TEXT_OCTETS_MAX: usize = 256 * 1024;

/// What of a subject is looked at.
const SUBJECT_OCTETS_MAX: usize = 2_000;

patterns! {
    CVE = r"(?i)\bCVE[-‐– ]((?:19|20)[0-9]{2})-([0-9]{4,7})\b";
    CWE = r"(?i)\bCWE[-‐–: ]{0,2}0{0,3}([1-9][0-9]{0,3})\b";
    CVSS_VECTOR = r"\bCVSS:[34]\.[01](/[A-Za-z]{1,3}:[A-Za-z]{1,6})+|\bAV:[NAL]/AC:[HML]/Au:[MSN]/C:[NPC]/I:[NPC]/A:[NPC]";
    CVSS31_BARE = r"\bAV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[NLH]/I:[NLH]/A:[NLH]\b";
    VULNERABLE = r"(?i)\b(vulnerab\w+|exploit\w*|security (issue|bug|flaw|hole|problem|advisory|report)|xss|csrf|ssrf|xxe|rce|sqli|idor|lfi|cross[- ]site|sql injection|command injection|code execution|injection|buffer overflow|heap overflow|overflow|use[- ]after[- ]free|out[- ]of[- ]bounds|path traversal|directory traversal|privilege escalation|denial[- ]of[- ]service|\bdos\b|authentication bypass|auth(orization)? bypass|bypass|memory corruption|race condition|deserialization|information (leak|disclosure)|attacker|0-?day|zero[- ]day|proof[- ]of[- ]concept|\bpoc\b|cve|cwe|cvss|crash(es)?)\b";
    FENCE = r"(?ms)^```.*?^```";
    LINE_NUMBER = r":\d+(?:[:-]\d+)?$";
}

/// Whether the words are those of a vulnerability report.
pub(super) fn speaks_of_vulnerability(subject: &str, text: &str) -> bool {
    VULNERABLE.is_match(subject) || VULNERABLE.is_match(text)
}

/// Whether it names a weakness by its number, or rates it by a vector.
pub(super) fn names_score(text: &str) -> bool {
    CWE.is_match(text) || CVSS_VECTOR.is_match(text)
}

/// Signs of a report, from 0 (none) upwards.
pub(super) fn evidence(subject: &str, text: &str) -> usize {
    let text = own_text(subject, head_of_text(text));
    let signs = [
        speaks_of_vulnerability(subject, &text),
        CVE.is_match(&text) || CWE.is_match(&text) || CVSS_VECTOR.is_match(&text),
        steps(&sections(&text), &text, &[]).is_some(),
    ];
    signs.iter().filter(|s| **s).count()
}

/// A file of the letter that may be a record.
#[derive(Clone, Copy, Debug)]
pub struct ReportFile<'a> {
    pub name: &'a str,
    pub media_type: &'a str,
    pub octets: &'a [u8],
}

/// What a report is read from.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportInput<'a> {
    pub subject: &'a str,
    pub text: &'a str,
    pub files: &'a [ReportFile<'a>],
    /// The day of the letter.
    pub written: Option<Date>,
    /// The products of ours.
    pub products: &'a [OwnProduct],
    /// The text in units, where somebody has them already.
    pub words: Option<&'a Words>,
}

/// Extracts the structured report from subject and body text, and from the records that came with
/// it.
pub fn report(input: &ReportInput<'_>) -> Report {
    let sources = ReportSources::read(input);
    let mut report = read_facts(&sources);
    let named = sources.named(&report);
    report.evidence = letter_units::of_printed(report.evidence.into_iter().chain(named).collect());
    report.class = sources.class(Findings {
        steps: report.steps_to_reproduce.is_some(),
        versions: !report.affected_versions.is_empty(),
        weakness: !weakness::named(&without_code(&sources.text)).is_empty()
            || !report.files.is_empty()
            || !report.functions.is_empty(),
        cve: !report.cve_ids.is_empty(),
        answers: sources.is_answer(),
        ..Findings::default()
    });
    if !report.class.may_report() {
        return without_claims(report);
    }
    report.missing = missing(&report);
    report
}

fn read_facts(sources: &ReportSources<'_>) -> Report {
    let (text, sections) = (sources.text.as_str(), sources.sections.as_slice());
    let product = sources.product();
    let versions = sources.versions(product.as_deref());
    let cvss = cvss(&sources.with_identifiers);
    let rated = cvss.as_deref().and_then(cvss::rate);
    let (disclosure, of_disclosure) = sources.disclosure();
    let (stated_severity, of_severity) = sources.severity();
    let (answers, of_answers) = sources.answers();
    let vulnerabilities = sources.vulnerabilities();
    let others = of_severity
        .into_iter()
        .chain(of_disclosure)
        .chain(of_answers);
    let evidence = versions.evidence.into_iter().chain(others).collect();
    Report {
        summary: sources.title(),
        cve_ids: sources.cve_ids(),
        cwe_ids: weaknesses(sections, sources.subject, text, &sources.with_identifiers),
        cvss_score: rated.as_ref().map(|rated| f64::from(rated.tenths) / 10.0),
        // The reporter's word, else what their vector says.
        severity: stated_severity.or(rated.map(|rated| rated.rating)),
        cvss,
        steps_to_reproduce: sources.steps(&vulnerabilities),
        disclosure,
        references: sources.references(),
        files: sources.files(),
        functions: sources.functions(),
        vulnerabilities,
        answers,
        product,
        affected_versions: versions.affected_versions,
        affected: versions.affected,
        fixed_versions: versions.fixed_versions,
        unaffected_versions: versions.unaffected_versions,
        evidence,
        read_from: sources.read_from.clone(),
        ..Report::default()
    }
}

/// What stays of a letter that reports nothing: a question about a version claims nothing of it,
/// and nobody asks a question for its steps.
fn without_claims(report: Report) -> Report {
    // Who asks or chases may have plans; who sells or applies speaks of their own business.
    let has_plans = matches!(
        report.class,
        Class::Question | Class::Chaser | Class::Retraction | Class::Thanks
    );
    let (disclosure, answers) = if has_plans {
        (report.disclosure, report.answers)
    } else {
        Default::default()
    };
    let is_kept = |e: &Evidence| has_plans && !e.fact.is_of_vulnerability();
    Report {
        summary: report.summary,
        class: report.class,
        disclosure,
        answers,
        references: report.references,
        read_from: report.read_from,
        evidence: report.evidence.into_iter().filter(is_kept).collect(),
        ..Report::default()
    }
}

/// What a responder needs and the report does not have.
fn missing(report: &Report) -> Vec<Missing> {
    let mut missing = Vec::new();
    if report.steps_to_reproduce.is_none() {
        missing.push(Missing::Steps);
    }
    if report.affected_versions.is_empty() {
        missing.push(Missing::Versions);
    }
    missing
}

/// By number, else by well-known name: in a field that names it, in the subject, or in the text.
fn weaknesses(sections: &[Section], subject: &str, text: &str, with_records: &str) -> Vec<String> {
    let numbers = ids(&CWE, with_records, |c| format!("CWE-{}", &c[1]));
    let prose = without_code(text);
    let in_field = sections
        .iter()
        .filter(|s| matches!(s.field, LetterField::Cwe | LetterField::Summary))
        .map(|s| s.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    unique(
        numbers
            .into_iter()
            .chain(weakness::named(&format!("{in_field}\n{subject}\n{prose}"))),
    )
}

pub(super) fn unique(items: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in items {
        if !found.contains(&item) && found.len() < 50 {
            found.push(item);
        }
    }
    found
}

/// What is looked at: patterns over a whole plaintext of many megabytes would cost minutes.
pub(super) fn head_of_text(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_OCTETS_MAX)]
}

/// Without what stands in fences.
pub(super) fn without_code(text: &str) -> std::borrow::Cow<'_, str> {
    FENCE.replace_all(text, "")
}

pub(super) fn first(sections: &[Section], field: LetterField) -> Option<&str> {
    sections
        .iter()
        .find(|s| s.field == field && !s.text.is_empty())
        .map(|s| s.text.as_str())
}

pub(super) fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let head: String = text.chars().take(characters - 1).collect();
    let at_word = head
        .rfind(' ')
        .filter(|i| *i > head.len() / 2)
        .unwrap_or(head.len());
    format!("{}…", &head[..at_word])
}

fn ids(
    pattern: &regex::Regex,
    text: &str,
    write: impl Fn(&regex::Captures<'_>) -> String,
) -> Vec<String> {
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

    fn report(subject: &str, text: &str) -> Report {
        super::report(&ReportInput {
            subject,
            text,
            ..ReportInput::default()
        })
    }

    #[test]
    fn what_only_a_scanner_found_files_nothing_by_itself() {
        let trivy = br#"{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"VulnerabilityID":
            "CVE-2026-1", "PkgName": "libfrob", "InstalledVersion": "3.1", "Severity": "HIGH"}]}]}"#;
        let files = [ReportFile {
            name: "trivy.json",
            media_type: "application/json",
            octets: trivy,
        }];
        let read = |text| {
            super::report(&ReportInput {
                subject: "scan of your image",
                text,
                files: &files,
                ..ReportInput::default()
            })
        };
        let passed_on = read("Hello, see the attached scan, 1 vulnerability was reported.");
        assert_eq!(passed_on.class, Class::Scanner);
        assert!(!passed_on.is_evident());
        let found = read("I found an SQL injection in the search of acme 1.2, see the scan, too.");
        assert_eq!(found.class, Class::Report);
    }

    const PROSE: &str = "Hello,\n\nI found a stored cross-site scripting vulnerability (CWE-79) \
        in acme-web version 2.3.1, and probably\nall earlier releases. An attacker can run script \
        in another user's session.\n\nTo reproduce:\n\n1. Log in as any user.\n2. Set the display \
        name to <script>alert(1)</script>.\n3. Open the member list as an administrator.\n\nI \
        would rate the severity as high: CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N\n\nI plan \
        to publish a write-up on 24 December 2026.\n\nRegards\n-- \nAda, version 9.9.9\n";

    const MARKDOWN: &str = "# Stored XSS in member list\n\n## Summary\n\nStored XSS in the member \
        list\n\n## Product\n\nacme-web\n\n## Affected versions\n\n- 2.3.1\n- 2.3.0\n\n## \
        Severity\n\nHigh, CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N (CWE-79)\n\n## Steps to \
        reproduce\n\n1. Log in.\n2. Set the name.\n\n## Disclosure\n\nI will publish on \
        2026-12-24.\n";

    const KEYS: &str = "Summary: Stored XSS in the member list\nProduct: acme-web\nVersions: \
        2.3.1, 2.3.0\nCWE: 79 (CWE-79)\nCVSS: CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N\nSteps \
        to reproduce:\n1. Log in.\n2. Set the name.\nDisclosure: I will publish on 2026-12-24\n";

    #[test]
    fn prose_markdown_and_keys_come_out_alike() {
        for (style, text) in [("prose", PROSE), ("markdown", MARKDOWN), ("keys", KEYS)] {
            let r = report("Stored XSS in the member list", text);
            assert_eq!(r.summary, "Stored XSS in the member list", "{style}");
            assert_eq!(r.product.as_deref(), Some("acme-web"), "{style}");
            assert_eq!(
                r.affected_versions.first().map(String::as_str),
                Some("2.3.1"),
                "{style}: {:?}",
                r.affected_versions
            );
            assert!(!r.affected_versions.iter().any(|v| v == "9.9.9"), "{style}");
            assert_eq!(r.cwe_ids, ["CWE-79"], "{style}");
            assert_eq!(
                r.cvss.as_deref(),
                Some("CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:L/A:N"),
                "{style}"
            );
            assert_eq!(r.severity.as_deref(), Some("high"), "{style}");
            assert!(
                r.steps_to_reproduce
                    .as_deref()
                    .unwrap()
                    .starts_with("1. Log in"),
                "{style}"
            );
            assert_eq!(
                (r.disclosure.intent, r.disclosure.date.as_deref()),
                (Intent::Public, Some("2026-12-24")),
                "{style}"
            );
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
        let r = report(
            "x",
            "cve-2026-12345, CVE 2026-12345 and CWE:079, but neither CWE-00 nor CVE-２０２６-１２３４ nor \
             CWE-٧٩",
        );
        assert_eq!(
            (r.cve_ids.as_slice(), r.cwe_ids.as_slice()),
            (
                &["CVE-2026-12345".to_owned()][..],
                &["CWE-79".to_owned()][..]
            )
        );
    }
}
