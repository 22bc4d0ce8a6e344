//! What does a responder need to see of a letter, in a letter of their own?

use super::disarm::visible;
use crate::model::Timestamp;
use crate::model::case::{Case, Draft};
use crate::model::outgoing::Brief;
use crate::model::reading::{Reading, SignatureStatus};
use crate::model::report::Class;

/// What a call carries of a letter's text, as quoted-printable makes it; `case show` has all of it.
const TEXT_OCTETS_MAX: usize = 96 * 1024;

/// Attachments and notes that are named.
const LINES_MAX: usize = 40;

const FIELD_CHARACTERS_MAX: usize = 300;

/// The case and the letter that a call is about. It leaves encrypted to responders, and to nobody
/// else.
pub fn brief(case: &Case, reading: &Reading, received_at: Timestamp) -> Brief {
    let mut fields = Vec::new();
    let mut field = |name: &str, value: String| {
        if !value.trim().is_empty() {
            fields.push((name.to_owned(), one_line(&value)));
        }
    };
    field("Subject:", reading.subject.clone().unwrap_or_default());
    field(
        "From:",
        reading
            .from
            .clone()
            .unwrap_or_else(|| "nobody that can be told".to_owned()),
    );
    field(
        "Arrived:",
        received_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    field("Protection:", protection(reading));
    if let Some(report) = &reading.report {
        field("Product:", report.product.clone().unwrap_or_default());
        field("Versions:", report.affected_versions.join(", "));
        field("CVE:", report.cve_ids.join(", "));
        field("CWE:", report.cwe_ids.join(", "));
        field("CVSS:", report.cvss.clone().unwrap_or_default());
        field("Severity:", report.severity.clone().unwrap_or_default());
        field(
            "Exploited:",
            report
                .answers
                .exploited
                .map(|yes| if yes { "yes" } else { "no" }.to_owned())
                .unwrap_or_default(),
        );
        field(
            "Reads like:",
            if report.class == Class::Report {
                String::new()
            } else {
                report.class.as_str().to_owned()
            },
        );
        field(
            "Disclosure:",
            report.disclosure.date.clone().unwrap_or_default(),
        );
    }
    if let Some((deadline, _)) = case.acknowledgement.pending() {
        field(
            "Answer due:",
            deadline.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        );
    }
    field(
        "Perhaps part of:",
        case.perhaps_of
            .as_ref()
            .map(|c| c.as_str().to_owned())
            .unwrap_or_default(),
    );
    if let Draft::Filed { advisory } = &case.draft {
        field("Draft:", advisory.url.clone());
    }
    for fault in reading.faults.iter().take(LINES_MAX) {
        field("Note:", fault.clone());
    }
    let (text, cut) = as_long_as_fits(&visible(
        &reading.text[..reading.text.floor_char_boundary(TEXT_OCTETS_MAX)],
    ));
    let cut = if cut || reading.text.len() > TEXT_OCTETS_MAX {
        "\n[cut here: sealdesk case show has all of it]\n"
    } else {
        ""
    };
    let text = text + cut;
    let attachments = reading
        .attachments
        .iter()
        .take(LINES_MAX)
        .map(|a| {
            format!(
                "{} ({}, {} octets)",
                one_line(&a.name),
                a.media_type,
                a.octets
            )
        })
        .collect();
    Brief {
        fields,
        text,
        attachments,
    }
}

fn protection(reading: &Reading) -> String {
    let sealed = if reading.protection.encrypted {
        "encrypted"
    } else {
        "in clear"
    };
    let signed = match reading.signature.status {
        SignatureStatus::Valid if reading.signature.signer_is_originator => "signed by its sender",
        SignatureStatus::Valid => "signed, not by its sender",
        SignatureStatus::Invalid => "its signature is wrong",
        SignatureStatus::UnknownKey => "signed with an unknown key",
        SignatureStatus::None => "not signed",
    };
    format!("{sealed}, {signed}")
}

/// An octet beyond ASCII becomes three.
fn as_long_as_fits(text: &str) -> (String, bool) {
    let mut octets = 0;
    let end = text.char_indices().find(|(_, c)| {
        octets += if matches!(c, ' '..='~' | '\n') {
            1
        } else {
            3 * c.len_utf8()
        };
        octets > TEXT_OCTETS_MAX
    });
    end.map_or_else(
        || (text.to_owned(), false),
        |(at, _)| (text[..at].to_owned(), true),
    )
}

fn one_line(text: &str) -> String {
    visible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(FIELD_CHARACTERS_MAX)
        .collect()
}
