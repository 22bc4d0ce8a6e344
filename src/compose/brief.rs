//! What does a responder need to see of a letter, in a letter of their own?

use super::disarm::visible;
use crate::model::Timestamp;
use crate::model::case::{Case, Draft};
use crate::model::ids::CaseId;
use crate::model::outgoing::Brief;
use crate::model::reading::{Attachment, Reading, SignatureStatus, TrustAnchor};
use crate::model::report::Report;
use crate::model::report::fields::{Place, Table};

/// What a call carries of a letter's text, as quoted-printable makes it; `case show` has all of it.
const TEXT_OCTETS_MAX: usize = 96 * 1024;

/// Attachments and notes that are named.
const LINES_MAX: usize = 40;

const FIELD_CHARACTERS_MAX: usize = 300;

/// What a subject holds of a title.
const TITLE_CHARACTERS_MAX: usize = 100;

/// The case and the letter that a call is about. It leaves encrypted to responders, and to nobody
/// else.
pub fn brief(case: &Case, reading: &Reading, received_at: Timestamp) -> Brief {
    let mut fields = Fields::default();
    fields.add_letter(reading, received_at);
    if let Some(report) = &reading.report {
        fields.add_report(report);
    }
    fields.add_case(case);
    for fault in reading.faults.iter().take(LINES_MAX) {
        fields.add("Note:", fault);
    }
    let attachments = reading.attachments.iter().take(LINES_MAX);
    let summary = reading
        .report
        .as_ref()
        .map(|report| report.summary.as_str());
    let title = summary.or(reading.subject.as_deref());
    Brief {
        title: title.and_then(|title| shown_title(title, case.id())),
        fields: fields.0,
        text: shortened_text(reading),
        attachments: attachments.map(describe_attachment).collect(),
    }
}

/// The title for a subject that names the case itself: what answers a letter of ours brings its tag
/// back.
fn shown_title(title: &str, case: &CaseId) -> Option<String> {
    let line = one_line(title).replace(&format!("[{case}]"), "");
    let shown: String = line.trim().chars().take(TITLE_CHARACTERS_MAX).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Names and values, in the order in which a call shows them.
#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a field, unless its value is blank.
    fn add(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.0.push((name.to_owned(), one_line(value)));
        }
    }

    /// As [`Self::add`]; nothing where there is no value.
    fn add_known(&mut self, name: &str, value: Option<&str>) {
        self.add(name, value.unwrap_or_default());
    }

    fn add_letter(&mut self, reading: &Reading, received_at: Timestamp) {
        let from = reading.from.as_deref();
        self.add_known("Subject:", reading.subject.as_deref());
        self.add("From:", from.unwrap_or("nobody that can be told"));
        self.add("Arrived:", &minute(received_at));
        self.add("Protection:", &protection(reading));
    }

    fn add_report(&mut self, report: &Report) {
        for (field, value) in Table::of(report).shown_in(Place::Call) {
            self.add(&format!("{}:", field.name_in(Place::Call)), &value.text());
        }
    }

    fn add_case(&mut self, case: &Case) {
        if let Some((deadline, _)) = case.acknowledgement().pending() {
            self.add("Answer due:", &minute(deadline));
        }
        let older = case.perhaps_of();
        self.add_known("Perhaps part of:", older.map(CaseId::as_str));
        if let Draft::Filed { advisory } = case.draft() {
            self.add("Draft:", &advisory.url);
        }
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The text of the letter, and a line that says so where it is cut.
fn shortened_text(reading: &Reading) -> String {
    let head = &reading.text[..reading.text.floor_char_boundary(TEXT_OCTETS_MAX)];
    let (mut text, is_cut) = as_long_as_fits(&visible(head));
    if is_cut || reading.text.len() > TEXT_OCTETS_MAX {
        text.push_str("\n[cut here: sealdesk case show has all of it]\n");
    }
    text
}

fn describe_attachment(attachment: &Attachment) -> String {
    format!(
        "{} ({}, {} octets)",
        one_line(&attachment.name),
        attachment.media_type,
        attachment.octets
    )
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
    let believed = match &reading.signature.anchor {
        Some(TrustAnchor::Root { name }) => format!(" (its certificate leads to {name})"),
        Some(TrustAnchor::Pinned) => " (its certificate is pinned)".to_owned(),
        None => String::new(),
    };
    let unproven = if reading.is_unproven() {
        "; NOT PROVEN to be as it was sent: don't quote it in an answer"
    } else {
        ""
    };
    format!("{sealed}, {signed}{}{unproven}", visible(&believed))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_its_case_once() {
        let case = CaseId::from_random([3; 10]);
        let title = |text: &str| shown_title(text, &case);
        assert_eq!(
            title("Your mail to Desk [SD-3333333333]").as_deref(),
            Some("Your mail to Desk")
        );
        assert_eq!(title(" [SD-3333333333] "), None);
        let other = "See [SD-4444444444]";
        assert_eq!(title(other).as_deref(), Some(other));
    }
}
