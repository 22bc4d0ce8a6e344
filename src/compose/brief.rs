//! What does a responder need to see of a letter, in a letter of his own?

use super::disarm::visible;
use crate::model::Timestamp;
use crate::model::case::{Case, Draft};
use crate::model::outgoing::Brief;
use crate::model::reading::{Reading, SignatureStatus};

/// What a call carries of a letter's text; `case show` has all of it.
const TEXT_OCTETS_MAX: usize = 64 * 1024;

const FIELD_CHARACTERS_MAX: usize = 300;

/// The case and the letter that a call is about. It leaves encrypted to responders, and to nobody else.
pub fn brief(case: &Case, reading: &Reading, received_at: Timestamp) -> Brief {
    let mut fields = Vec::new();
    let mut field = |name: &str, value: String| {
        if !value.trim().is_empty() {
            fields.push((name.to_owned(), one_line(&value)));
        }
    };
    field("Subject:", reading.subject.clone().unwrap_or_default());
    field("From:", reading.from.clone().unwrap_or_else(|| "nobody that can be told".to_owned()));
    field("Arrived:", received_at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    field("Protection:", protection(reading));
    if let Some(report) = &reading.report {
        field("Product:", report.product.clone().unwrap_or_default());
        field("Versions:", report.affected_versions.join(", "));
        field("CVE:", report.cve_ids.join(", "));
        field("CWE:", report.cwe_ids.join(", "));
        field("CVSS:", report.cvss.clone().unwrap_or_default());
        field("Severity:", report.severity.clone().unwrap_or_default());
        field("Disclosure:", report.disclosure.date.clone().unwrap_or_default());
    }
    if let Some((deadline, _)) = case.acknowledgement.pending() {
        field("Answer due:", deadline.strftime("%Y-%m-%d %H:%M UTC").to_string());
    }
    field("Perhaps part of:", case.perhaps_of.as_ref().map(|c| c.as_str().to_owned()).unwrap_or_default());
    if let Draft::Filed { advisory } = &case.draft {
        field("Draft:", advisory.url.clone());
    }
    for fault in &reading.faults {
        field("Note:", fault.clone());
    }
    let mut text = visible(&reading.text[..reading.text.floor_char_boundary(TEXT_OCTETS_MAX)]);
    if text.len() < reading.text.len() && reading.text.len() > TEXT_OCTETS_MAX {
        text.push_str("\n[cut here: sealdesk case show has all of it]\n");
    }
    let attachments = reading.attachments.iter().map(|a| format!("{} ({}, {} octets)", one_line(&a.name), a.media_type, a.octets)).collect();
    Brief { fields, text, attachments }
}

fn protection(reading: &Reading) -> String {
    let sealed = if reading.protection.encrypted { "encrypted" } else { "in clear" };
    let signed = match reading.signature.status {
        SignatureStatus::Valid if reading.signature.signer_is_originator => "signed by its sender",
        SignatureStatus::Valid => "signed, not by its sender",
        SignatureStatus::Invalid => "its signature is wrong",
        SignatureStatus::UnknownKey => "signed with an unknown key",
        SignatureStatus::None => "not signed",
    };
    format!("{sealed}, {signed}")
}

fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(FIELD_CHARACTERS_MAX).collect()
}
