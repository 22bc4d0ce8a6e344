//! What does a person see of one case? A page of its state, its report, its letters and its journal.

use crate::cli::case::state_text::{acknowledgement, draft, quality, standing};
use crate::cli::screen::{BOLD, DIM, WARN, styled, tame};
use crate::control::{CaseLine, CaseView, LetterView};
use crate::model::Timestamp;
use crate::model::case::Draft;
use crate::model::case_record::Note;
use crate::model::course::Lane;
use crate::model::ids::CaseId;
use crate::model::reading::{Attachment, Reading};
use crate::model::report::{Affected, Answers, CreditWish, Report};
use crate::ports::JournalLine;

pub(super) fn page(view: &CaseView) -> String {
    let mut page = Page::new(&view.line);
    page.write_state(&view.line);
    if let Some(report) = &view.report {
        page.write_report(report);
        page.write_quality(report, view);
    }
    for note in &view.dossier.notes {
        page.write_note(note);
    }
    for link in &view.dossier.links {
        page.write(&format!("\n  {} {}\n", tame(&link.what), tame(&link.to)));
    }
    for letter in &view.read {
        page.write_letter(letter, &view.line.id);
    }
    page.write_journal(&view.journal);
    page.text
}

fn to_the_minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The name that a value has in JSON.
fn json_name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The page as far as it is written.
struct Page {
    text: String,
}

impl Page {
    fn new(line: &CaseLine) -> Self {
        let text = format!(
            "{}  {}\n\n",
            styled(BOLD, line.id.as_str()),
            tame(line.summary.as_deref().unwrap_or("(no summary)"))
        );
        Self { text }
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn heading(&mut self, text: &str) {
        self.write(&format!("\n{}\n", styled(BOLD, text)));
    }

    /// A line with a name and a value; none where the value is empty.
    fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.write(&format!("  {name:<17}{}\n", tame(value)));
        }
    }

    /// Where the case stands, what is due, and what it has to do with others.
    fn write_state(&mut self, line: &CaseLine) {
        self.field("arrived", &to_the_minute(line.opened_at));
        self.field("standing", &standing(&line.standing));
        self.field("acknowledgement", &acknowledgement(&line.acknowledgement));
        self.field("draft", &draft(&line.draft));
        if let Draft::Filed { advisory } = &line.draft {
            self.field("", &advisory.url);
        }
        if line.lane != Lane::Normal {
            self.field("lane", line.lane.as_str());
        }
        if let Some(due) = &line.next {
            let next = format!("{} by {}", due.what, to_the_minute(due.deadline));
            self.field("due next", &next);
        }
        if line.waits {
            self.field("waits for", "an upstream's disclosure");
        }
        self.field("assigned to", line.assignee.as_deref().unwrap_or(""));
        let perhaps_of = line.perhaps_of.as_ref().map_or("", CaseId::as_str);
        self.field("perhaps part of", perhaps_of);
        let likely: Vec<&str> = line.likely_duplicates.iter().map(CaseId::as_str).collect();
        self.field("likely the same", &likely.join(", "));
    }

    /// What the report says.
    fn write_report(&mut self, report: &Report) {
        self.field("product", report.product.as_deref().unwrap_or(""));
        self.field("versions", &report.affected_versions.join(", "));
        self.field("CVE", &report.cve_ids.join(", "));
        self.field("CWE", &report.cwe_ids.join(", "));
        self.field("CVSS", report.cvss.as_deref().unwrap_or(""));
        self.field("severity", report.severity.as_deref().unwrap_or(""));
        let intent = json_name(report.disclosure.intent);
        let date = report.disclosure.date.as_deref().unwrap_or("");
        self.field("disclosure", &format!("{intent} {date}"));
        let ranges: Vec<String> = report
            .affected
            .iter()
            .map(ranges)
            .filter(|text| !text.is_empty())
            .collect();
        self.field("ranges", &ranges.join("; "));
        self.field("fixed in", &report.fixed_versions.join(", "));
        let places = [report.files.as_slice(), report.functions.as_slice()].concat();
        self.field("in the source", &places.join(", "));
        self.write_answers(&report.answers);
        self.field("read from", &report.read_from.join(", "));
        for (n, title) in report.vulnerabilities.iter().enumerate() {
            let name = if n == 0 { "reports several" } else { "" };
            self.field(name, &format!("{}. {title}", n + 1));
        }
    }

    /// What the reporter answered to our questions.
    fn write_answers(&mut self, answers: &Answers) {
        let Answers {
            exploited,
            others_told,
            credit,
            credit_name,
        } = answers;
        let yes_or_no =
            |answer: &Option<bool>| answer.map_or("", |yes| if yes { "yes" } else { "no" });
        self.field("exploited", yes_or_no(exploited));
        self.field("others told", yes_or_no(others_told));
        let wish = match credit {
            Some(CreditWish::Wanted) => "wanted",
            Some(CreditWish::Anonymous) => "anonymous",
            Some(CreditWish::Declined) => "declined",
            None => "",
        };
        let credit = [wish, credit_name.as_deref().unwrap_or("")].join(" ");
        self.field("credit", credit.trim());
    }

    /// How much the report gives to work with, why, and what it lacks.
    fn write_quality(&mut self, report: &Report, view: &CaseView) {
        self.field("quality", &quality(&view.line));
        for evidence in &view.evidence {
            self.field("", evidence);
        }
        let missing: Vec<String> = report
            .missing
            .iter()
            .map(|m| format!("{m:?}").to_lowercase())
            .collect();
        self.field("still missing", &missing.join(", "));
    }

    fn write_note(&mut self, note: &Note) {
        self.heading(&format!(
            "Note of {}, {}",
            tame(&note.by),
            to_the_minute(note.at)
        ));
        for line in tame(&note.text).lines() {
            self.write(&format!("  {line}\n"));
        }
    }

    fn write_letter(&mut self, letter: &LetterView, case: &CaseId) {
        self.heading(&format!(
            "Letter {} of {}, {} octets",
            letter.intake,
            to_the_minute(letter.received_at),
            letter.octets
        ));
        let Some(reading) = &letter.reading else {
            let state = format!("{:?}", letter.state).to_lowercase();
            return self.write(&format!("  {}\n", styled(WARN, &state)));
        };
        self.write_origin(reading);
        for fault in &reading.faults {
            self.write(&format!("  {}\n", styled(WARN, &tame(fault))));
        }
        self.write("\n");
        for line in tame(&reading.text).lines() {
            self.write(&format!("  {} {line}\n", styled(DIM, "|")));
        }
        for file in &reading.attachments {
            self.write_attachment(file, case);
        }
    }

    /// Who wrote the letter, how it was protected, and its subject.
    fn write_origin(&mut self, reading: &Reading) {
        let signature = json_name(reading.signature.status);
        let protection = if reading.protection.encrypted {
            "encrypted"
        } else {
            "clear"
        };
        let signer = if reading.signature.signer_is_originator {
            " by its sender"
        } else {
            ""
        };
        self.write(&format!(
            "  from {}, {protection}, signature {signature}{signer}\n",
            tame(reading.from.as_deref().unwrap_or("nobody that can be told"))
        ));
        self.write(&format!(
            "  subject {}\n",
            tame(reading.subject.as_deref().unwrap_or("(none)"))
        ));
    }

    fn write_attachment(&mut self, file: &Attachment, case: &CaseId) {
        self.write(&format!(
            "  attachment {} ({}, {} octets): sealdesk case attachment {case} {:?}\n",
            tame(&file.name),
            tame(&file.media_type),
            file.octets,
            file.name
        ));
        for entry in &file.contents {
            self.write(&format!("    holds {}\n", tame(entry)));
        }
    }

    fn write_journal(&mut self, journal: &[JournalLine]) {
        self.heading("Journal");
        for entry in journal {
            self.write(&format!(
                "  {}  {} {}\n",
                entry.at.strftime("%Y-%m-%d %H:%M:%S"),
                entry.event.as_str(),
                styled(DIM, &tame(&entry.detail))
            ));
        }
    }
}

/// `acme (pkg:npm/acme): from 1.0 to below 1.5.2`.
fn ranges(affected: &Affected) -> String {
    let package = affected.package.as_ref().map_or_else(String::new, |p| {
        p.purl
            .as_ref()
            .map_or_else(|| p.name.clone(), |purl| format!("{} ({purl})", p.name))
    });
    let ranges = affected
        .ranges
        .iter()
        .map(|range| match (&range.fixed, &range.last_affected) {
            (Some(fixed), _) => format!("from {} to below {fixed}", range.introduced),
            (_, Some(last)) => format!("from {} to {last}", range.introduced),
            _ => format!("from {} on", range.introduced),
        });
    let all: Vec<String> = ranges.chain(affected.versions.iter().cloned()).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!("{package}: {}", all.join(", "))
    }
}
