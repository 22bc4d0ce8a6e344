//! What does a responder need to see of a letter, in a letter of their own?

use super::disarm::visible;
use crate::model::Timestamp;
use crate::model::case::{Case, Draft};
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::model::outgoing::Brief;
use crate::model::reading::{Attachment, Reading, SignatureStatus, TrustAnchor};
use crate::model::report::Report;
use crate::model::report::fields::{Place, Table};

/// What a brief carries of a letter's text, as quoted-printable makes it: a call has no room for more.
const TEXT_OCTETS_MAX: usize = 64 * 1024;

/// Below a text that is cut.
const CUT: &str = "\n[cut here: the desk has all of it]\n";

/// Fields of a brief that needs room: what says which letter it is.
const FIELDS_MIN: usize = 8;

/// Attachments and notes that are named.
const LINES_MAX: usize = 40;

const FIELD_CHARACTERS_MAX: usize = 300;

/// What a subject holds of a title.
const TITLE_CHARACTERS_MAX: usize = 100;

/// The case and the letter that a call is about. It leaves encrypted to responders, and to nobody
/// else.
pub fn brief(case: &Case, reading: &Reading, proven: Dmarc, received_at: Timestamp) -> Brief {
    let mut fields = Fields::default();
    fields.add_letter(reading, proven, received_at);
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

    fn add_letter(&mut self, reading: &Reading, proven: Dmarc, received_at: Timestamp) {
        let from = reading.from.as_deref();
        self.add_known("Subject:", reading.subject.as_deref());
        self.add("From:", from.unwrap_or("nobody that can be told"));
        self.add("Proven by:", proof_of_from(proven, reading));
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
    let head = visible(head);
    let end = fitting(&head, TEXT_OCTETS_MAX);
    if end < head.len() || reading.text.len() > TEXT_OCTETS_MAX {
        format!("{}{CUT}", &head[..end])
    } else {
        head
    }
}

/// A brief that is shorter by so many octets, or by as many as it can be: first its text is cut, then
/// its lists are; `None` where nothing is left to cut.
pub(super) fn shorten(mut brief: Brief, over: usize) -> Option<Brief> {
    let text = brief.text.strip_suffix(CUT).unwrap_or(&brief.text);
    if !text.is_empty() {
        let left = printed_octets(text).saturating_sub(over + CUT.len());
        brief.text = format!("{}{CUT}", &text[..fitting(text, left)]);
        return Some(brief);
    }
    if !brief.attachments.is_empty() {
        brief.attachments.clear();
        return Some(brief);
    }
    if brief.fields.len() > FIELDS_MIN {
        brief.fields.truncate(FIELDS_MIN);
        return Some(brief);
    }
    None
}

fn describe_attachment(attachment: &Attachment) -> String {
    format!(
        "{} ({}, {} octets)",
        one_line(&attachment.name),
        attachment.media_type,
        attachment.octets
    )
}

/// What says that a letter is from whom it names.
pub fn proof_of_from(proven: Dmarc, reading: &Reading) -> &'static str {
    let signature = &reading.signature;
    let by_known_key = signature.status == SignatureStatus::Valid
        && signature.signer_is_originator
        && !matches!(signature.anchor, Some(TrustAnchor::Enclosed) | None);
    match (proven, by_known_key) {
        (Dmarc::Pass, true) => "its domain (DMARC), and the signature of a known certificate",
        (Dmarc::Pass, false) => "its domain (DMARC)",
        (_, true) => "the signature of a known certificate",
        (Dmarc::Fail, false) => "nobody, and its domain disowns it (DMARC): it may be forged",
        (Dmarc::Unknown, false) => "nobody: anybody may have written it under this name",
    }
}

fn protection(reading: &Reading) -> String {
    let sealed = if reading.protection.encrypted {
        "encrypted"
    } else {
        "in clear"
    };
    let signed = reading.signature.signer_in_words();
    let believed = match &reading.signature.anchor {
        Some(TrustAnchor::Root { name }) => format!(" (its certificate leads to {name})"),
        Some(TrustAnchor::Pinned) => " (its certificate is pinned)".to_owned(),
        Some(TrustAnchor::Enclosed) | None => String::new(),
    };
    let unproven = if reading.is_unproven() {
        "; NOT PROVEN to be as it was sent: don't quote it in an answer"
    } else {
        ""
    };
    format!("{sealed}, {signed}{}{unproven}", visible(&believed))
}

/// The octets of a character in quoted-printable: one beyond ASCII becomes three for each of its own.
fn printed(c: char) -> usize {
    if matches!(c, ' '..='~' | '\n') {
        1
    } else {
        3 * c.len_utf8()
    }
}

fn printed_octets(text: &str) -> usize {
    text.chars().map(printed).sum()
}

/// Where a text ends of which so many octets fit.
fn fitting(text: &str, octets_max: usize) -> usize {
    let mut octets = 0;
    let end = text.char_indices().find(|(_, c)| {
        octets += printed(*c);
        octets > octets_max
    });
    end.map_or(text.len(), |(at, _)| at)
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
