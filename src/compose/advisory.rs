//! What does the tracker get to read?

use super::disarm::{fenced, span, title};
use crate::model::Timestamp;
use crate::model::case_record::Credit;
use crate::model::effect::EffectKey;
use crate::model::ids::CaseId;
use crate::model::outgoing::{Addition, Advisory};
use crate::model::reading::{Integrity, Reading, SignatureStatus};
use crate::model::report::{Intent, Missing, Report};
use crate::model::secret::tag;

/// GitHub takes 65,535 characters; beyond this the letter is pointed to instead.
const DESCRIPTION_CHARACTERS_MAX: usize = 60_000;

/// How much of a letter the draft may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Full,
    /// Severity, weakness and versions alone.
    Outline,
}

/// The marker of a case: 128 bits that nobody else can make, so that a draft is found again after a
/// crash.
pub fn marker(desk_secret: &[u8], case: &CaseId) -> String {
    format!(
        "<!-- sealdesk:{} -->",
        tag(desk_secret, &[case.as_str().as_bytes()])
    )
}

/// The text of a draft. The reporter is not named, and attachments stay here.
pub fn advisory(
    case: &CaseId,
    reading: &Reading,
    measure: Measure,
    received_at: Timestamp,
    desk_secret: &[u8],
) -> Advisory {
    let report = reading.report.clone().unwrap_or_default();
    let marker = marker(desk_secret, case);
    let mut text = facts(case, reading, &report, measure, received_at);
    match measure {
        Measure::Full => text.push_str(&letter(case, reading, &report)),
        Measure::Outline => text.push_str(&format!(
            "\nThe letter came encrypted and stays in the desk: `sealdesk case show {case}`.\n"
        )),
    }
    if text.chars().count() > DESCRIPTION_CHARACTERS_MAX {
        text = facts(case, reading, &report, measure, received_at);
        text.push_str(&format!(
            "\nThe letter is too long for the tracker: `sealdesk case show {case}`.\n"
        ));
    }
    let summary = match measure {
        Measure::Full if !report.summary.trim().is_empty() => title(&report.summary),
        _ => format!("Security report {case}"),
    };
    let report = if measure == Measure::Full {
        report
    } else {
        outline(report)
    };
    Advisory {
        case: case.clone(),
        summary,
        description: format!("{text}\n{marker}"),
        marker,
        report,
    }
}

/// What may be told of a sealed report by rating and version alone. Named one by one: what a report
/// holds besides stays here.
fn outline(report: Report) -> Report {
    Report {
        product: report.product,
        affected_versions: report.affected_versions,
        affected: report.affected,
        cve_ids: report.cve_ids,
        cwe_ids: report.cwe_ids,
        cvss: report.cvss,
        cvss_score: report.cvss_score,
        severity: report.severity,
        disclosure: report.disclosure,
        missing: report.missing,
        ..Report::default()
    }
}

/// What is known of the case, its letter and its report, as a table.
fn facts(
    case: &CaseId,
    reading: &Reading,
    report: &Report,
    measure: Measure,
    received_at: Timestamp,
) -> String {
    let mut rows = vec![
        ("Product", shown(&report.product)),
        ("Affected versions", listed(&report.affected_versions)),
        ("CVE", listed(&report.cve_ids)),
        ("CWE", listed(&report.cwe_ids)),
        ("CVSS", shown(&report.cvss)),
        ("Severity", shown(&report.severity)),
        ("Disclosure", disclosure(report)),
    ];
    if measure == Measure::Full {
        rows.extend(further_rows(report));
    }
    rows.push(("Still missing", missing(report)));
    let table: String = rows
        .into_iter()
        .map(|(name, value)| format!("| {name} | {value} |\n"))
        .collect();
    format!(
        "Case **{case}**, arrived {}; the letter {}, {}.\n\n| | |\n|---|---|\n{table}",
        received_at.strftime("%Y-%m-%d %H:%M UTC"),
        protection(reading),
        signature(reading),
    )
}

/// Rows for the whole measure alone, each only where the letter says something of it.
fn further_rows(report: &Report) -> Vec<(&'static str, String)> {
    let yes_or_no = |answer: Option<bool>| answer.map(|yes| if yes { "yes" } else { "no" });
    let mut rows = Vec::new();
    if let Some(answer) = yes_or_no(report.answers.exploited) {
        rows.push(("Exploited", answer.to_owned()));
    }
    if let Some(answer) = yes_or_no(report.answers.others_told) {
        rows.push(("Others told", answer.to_owned()));
    }
    if !report.fixed_versions.is_empty() {
        rows.push(("Fixed in", listed(&report.fixed_versions)));
    }
    if !report.files.is_empty() {
        let places = [report.files.as_slice(), report.functions.as_slice()].concat();
        rows.push(("In the source", listed(&places)));
    }
    rows
}

/// A dash stands for what is not known.
const UNKNOWN: &str = "—";

fn shown(value: &Option<String>) -> String {
    value.as_deref().map_or_else(|| UNKNOWN.to_owned(), span)
}

fn listed(values: &[String]) -> String {
    if values.is_empty() {
        return UNKNOWN.to_owned();
    }
    let spans: Vec<String> = values.iter().map(|value| span(value)).collect();
    spans.join(", ")
}

/// How the letter came.
fn protection(reading: &Reading) -> &'static str {
    match reading.protection.integrity {
        Integrity::None => "came in clear",
        Integrity::Mdc => "came encrypted (OpenPGP, MDC)",
        Integrity::Aead => "came encrypted (OpenPGP, AEAD)",
    }
}

/// By whom the letter was signed.
fn signature(reading: &Reading) -> &'static str {
    match reading.signature.status {
        SignatureStatus::Valid if reading.signature.signer_is_originator => "signed by its sender",
        SignatureStatus::Valid => "signed by someone else than its sender",
        SignatureStatus::Invalid => "with a wrong signature",
        SignatureStatus::UnknownKey => "signed by an unknown key",
        SignatureStatus::None => "not signed",
    }
}

/// What the reporter means to publish, and when.
fn disclosure(report: &Report) -> String {
    let intent = match report.disclosure.intent {
        Intent::Private => "keeps it private",
        Intent::Public => "means to publish",
        Intent::AlreadyPublic => "**already public**",
        Intent::Unstated => "not stated",
    };
    match &report.disclosure.date {
        Some(date) => format!("{intent} on {date}"),
        None => intent.to_owned(),
    }
}

/// What the report does not say.
fn missing(report: &Report) -> String {
    if report.missing.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<&str> = report
        .missing
        .iter()
        .map(|missing| match missing {
            Missing::Steps => "steps to reproduce",
            Missing::Versions => "affected versions",
        })
        .collect();
    names.join(", ")
}

fn letter(case: &CaseId, reading: &Reading, report: &Report) -> String {
    let mut text = String::new();
    if let Some(steps) = &report.steps_to_reproduce {
        text.push_str(&format!("\n### Steps to reproduce\n\n{}", fenced(steps)));
    }
    text.push_str(&format!("\n### The letter\n\n{}", fenced(&reading.text)));
    if !reading.attachments.is_empty() {
        text.push_str("\n### Attachments\n\nThey stay in the desk: ");
        text.push_str(&format!("`sealdesk case attachment {case}`.\n\n"));
        for file in &reading.attachments {
            text.push_str(&format!(
                "- {}, {} octets, {}\n",
                span(&file.name),
                file.octets,
                span(&file.media_type)
            ));
            for entry in &file.contents {
                text.push_str(&format!("  - {}\n", span(entry)));
            }
        }
    }
    text
}

/// What a follow-up adds below the marker, and the marker anew as the last line.
pub fn follow_up(
    case: &CaseId,
    key: &EffectKey,
    reading: &Reading,
    measure: Measure,
    received_at: Timestamp,
    desk_secret: &[u8],
) -> Addition {
    let at = received_at.strftime("%Y-%m-%d %H:%M UTC");
    let body = match measure {
        Measure::Full if reading.text.chars().count() < DESCRIPTION_CHARACTERS_MAX / 3 => {
            fenced(&reading.text)
        }
        _ => format!("See `sealdesk case show {case}`.\n"),
    };
    let mark = follow_up_mark(key, desk_secret);
    let text = format!(
        "### Follow-up of {at}\n\n{mark}\n{body}\n{}",
        marker(desk_secret, case)
    );
    Addition {
        mark,
        text,
        sealed: reading.came_sealed(),
    }
}

/// Names somebody to be credited who has no login of the tracker.
pub fn credited(case: &CaseId, credit: &Credit, desk_secret: &[u8]) -> Addition {
    let mark = format!(
        "<!-- sealdesk:credit:{} -->",
        tag(
            desk_secret,
            &[case.as_str().as_bytes(), credit.shown().as_bytes()]
        )
    );
    let text = format!(
        "Credit: {} ({})\n{mark}\n\n{}",
        span(credit.shown()),
        span(&credit.kind),
        marker(desk_secret, case)
    );
    Addition {
        mark,
        text,
        sealed: false,
    }
}

/// Names one follow-up inside a description, so that it is added once. Nobody else can make it: a
/// follow-up whose mark somebody wrote before would be left out.
fn follow_up_mark(key: &EffectKey, desk_secret: &[u8]) -> String {
    format!(
        "<!-- sealdesk:follow-up:{} -->",
        tag(desk_secret, &[b"follow-up", key.as_str().as_bytes()])
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::{LetterKind, Protection, SignatureVerdict};

    fn reading(text: &str) -> Reading {
        Reading {
            kind: LetterKind::Report,
            from: Some("ada@b.example".to_owned()),
            subject: Some("s".to_owned()),
            message_id: None,
            date: None,
            protection: Protection::default(),
            parts: Vec::new(),
            sealed: false,
            signature: SignatureVerdict::default(),
            text: text.to_owned(),
            attachments: Vec::new(),
            automatic_reply_allowed: true,
            report: Some(Report {
                summary: "XSS @all".to_owned(),
                ..Report::default()
            }),
            asks_for_certificate: false,
            delivery: None,
            sealed_to: None,
            signed_to: Vec::new(),
            faults: Vec::new(),
            certificates: Vec::new(),
        }
    }

    #[test]
    fn the_marker_is_the_last_line_and_no_stranger_can_write_it() {
        let case = CaseId::from_random([4; 10]);
        let own = marker(b"secret", &case);
        let advisory = advisory(
            &case,
            &reading(&format!("forged {own}")),
            Measure::Full,
            Timestamp::UNIX_EPOCH,
            b"secret",
        );
        assert_eq!(advisory.description.lines().last(), Some(own.as_str()));
        assert_eq!(advisory.description.matches(own.as_str()).count(), 1);
        assert!(!advisory.description.contains("ada@b.example") && !advisory.summary.contains('@'));
    }

    #[test]
    fn a_long_letter_is_pointed_to() {
        let case = CaseId::from_random([4; 10]);
        let advisory = advisory(
            &case,
            &reading(&"long ".repeat(20_000)),
            Measure::Full,
            Timestamp::UNIX_EPOCH,
            b"s",
        );
        assert!(
            advisory.description.chars().count() < DESCRIPTION_CHARACTERS_MAX
                && advisory.description.contains("case show")
        );
    }

    #[test]
    fn an_outline_tells_no_text() {
        let case = CaseId::from_random([4; 10]);
        let advisory = advisory(
            &case,
            &reading("CANARY"),
            Measure::Outline,
            Timestamp::UNIX_EPOCH,
            b"s",
        );
        assert!(!advisory.description.contains("CANARY") && !advisory.summary.contains("XSS"));
        let mut telling = reading("x");
        let said = || vec!["CANARY".to_owned()];
        telling.report = Some(Report {
            files: said(),
            functions: said(),
            references: said(),
            vulnerabilities: said(),
            read_from: said(),
            fixed_versions: said(),
            answers: crate::model::report::Answers {
                credit_name: Some("CANARY".to_owned()),
                ..Default::default()
            },
            ..Report::default()
        });
        let advisory = super::advisory(
            &case,
            &telling,
            Measure::Outline,
            Timestamp::UNIX_EPOCH,
            b"s",
        );
        assert!(!serde_json::to_string(&advisory).unwrap().contains("CANARY"));
    }
}
