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
use crate::model::report::fields::{Field, Place, Table, Value};
use crate::ports::JournalLine;

pub(super) fn page(view: &CaseView) -> String {
    let mut page = Page::new(&view.line);
    page.write_state(&view.line);
    if let Some(report) = &view.report {
        let table = Table::of(report);
        page.write_report(&table);
        page.write_quality(&table, view);
    }
    for note in &view.record.notes {
        page.write_note(note);
    }
    for link in &view.record.links {
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
    fn write_report(&mut self, table: &Table) {
        for (field, value) in table.shown_in(Place::CasePage) {
            let name = lowered(field.name_in(Place::CasePage));
            match value {
                Value::Lines(lines) => self.lines(&name, lines),
                _ => self.field(&name, &value.text()),
            }
        }
    }

    /// A field of several lines, its name before the first.
    fn lines(&mut self, name: &str, lines: &[String]) {
        for (n, line) in lines.iter().enumerate() {
            self.field(if n == 0 { name } else { "" }, line);
        }
    }

    /// How much the report gives to work with, why, and what it lacks.
    fn write_quality(&mut self, table: &Table, view: &CaseView) {
        self.field("quality", &quality(&view.line));
        for evidence in &view.evidence {
            self.field("", evidence);
        }
        let missing = Field::Missing;
        let name = lowered(missing.name_in(Place::CasePage));
        self.field(&name, &table.text(missing));
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

/// A name inside a line: `Fixed in` is `fixed in`, `CVE` stays.
fn lowered(name: &str) -> String {
    let (first, rest) = name.split_at(name.ceil_char_boundary(1));
    if rest.starts_with(char::is_uppercase) {
        name.to_owned()
    } else {
        first.to_lowercase() + rest
    }
}
