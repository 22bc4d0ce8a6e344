//! What does the tracker get to read?

use super::disarm::{self, fenced, span, title};
use crate::model::Timestamp;
use crate::model::case_record::Credit;
use crate::model::effect::EffectKey;
use crate::model::ids::CaseId;
use crate::model::outgoing::{Addition, Advisory};
use crate::model::reading::{Format, Integrity, Reading};
use crate::model::report::Report;
use crate::model::report::fields::{Audience, Field, Place, Table, Value};
use crate::model::secret::tag;

/// GitHub takes 65,535 characters; beyond this the letter is pointed to instead.
const DESCRIPTION_CHARACTERS_MAX: usize = 60_000;

/// How much of a letter the draft may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Full,
    /// The fields whose audience is [`Audience::Outline`].
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
        report.outline()
    };
    Advisory {
        case: case.clone(),
        summary,
        description: format!("{text}\n{marker}"),
        marker,
        report,
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
    let table: String = Table::of(report)
        .shown_in(Place::Draft)
        .filter(|(field, value)| match field.audience() {
            Audience::Outline => true,
            Audience::Full => measure == Measure::Full && value.is_known(),
        })
        // Functions without a file are not enough for a row.
        .filter(|(field, _)| *field != Field::InTheSource || !report.files.is_empty())
        .map(|(field, value)| format!("| {} | {} |\n", field.name_in(Place::Draft), cell(value)))
        .collect();
    format!(
        "Case **{case}**, arrived {}; the letter {}, {}.\n\n| | |\n|---|---|\n{table}",
        received_at.strftime("%Y-%m-%d %H:%M UTC"),
        protection(reading),
        reading.signature.signer_in_words(),
    )
}

/// A dash stands for what is not known.
const UNKNOWN: &str = "—";

fn cell(value: &Value) -> String {
    let text = disarm::value(value);
    if text.is_empty() {
        UNKNOWN.to_owned()
    } else {
        text
    }
}

/// How the letter came.
fn protection(reading: &Reading) -> &'static str {
    match reading.protection.integrity {
        Integrity::None => "came in clear",
        Integrity::Mdc => "came encrypted (OpenPGP, MDC)",
        Integrity::Aead if reading.protection.format == Format::Smime => {
            "came encrypted (S/MIME, AES-GCM)"
        }
        Integrity::Aead => "came encrypted (OpenPGP, AEAD)",
        Integrity::Signature => "came encrypted (S/MIME), signed inside",
        Integrity::Unproven => "came encrypted (S/MIME), without proof of its integrity",
    }
}

fn letter(case: &CaseId, reading: &Reading, report: &Report) -> String {
    let mut text = String::new();
    for (field, value) in Table::of(report).shown_in(Place::DraftSections) {
        if value.is_known() {
            let name = field.name_in(Place::DraftSections);
            text.push_str(&format!("\n### {name}\n\n{}", fenced(&value.text())));
        }
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
            subject_protected: false,
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
            language: None,
            delivery: None,
            sealed_to: None,
            signed_to: Vec::new(),
            signed_threads: Vec::new(),
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
            unaffected_versions: said(),
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
