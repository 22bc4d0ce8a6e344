//! What does a person see of one case? A page of its state, its report, its letters and its journal.

use crate::cli::case::event_text;
use crate::cli::case::state_text::quality;
use crate::cli::layout::{fitted, paragraph};
use crate::cli::screen::{BOLD, DIM, WARN, styled, tame};
use crate::compose::{TextPart, acknowledgement, draft_state, proof_of_from, standing, text_parts};
use crate::control::{CaseLine, CaseView, LetterView};
use crate::model::Timestamp;
use crate::model::case::Draft;
use crate::model::case_record::Note;
use crate::model::course::Lane;
use crate::model::ids::CaseId;
use crate::model::letter::Dmarc;
use crate::model::reading::{Attachment, Reading, TrustAnchor};
use crate::model::report::fields::{Field, Place, Table, Value};
use crate::ports::JournalLine;
use crate::ports::ReadingState;

/// Where a field's value stands.
const VALUE_COLUMN: usize = 19;

/// For a terminal of so many columns: what letters after the first one quote is folded, unless it
/// is to be shown in `full`. Without columns everything is whole.
pub(super) fn page(view: &CaseView, columns: Option<usize>, full: bool) -> String {
    let mut page = Page::new(&view.line, columns);
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
    for (n, letter) in view.read.iter().enumerate() {
        // What a first letter quotes is part of its report.
        let folds = n > 0 && !full && columns.is_some();
        page.write_letter(letter, &view.line.id, folds);
    }
    page.write_journal(&view.journal);
    page.text
}

pub(super) fn to_the_minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The page as far as it is written.
struct Page {
    text: String,
    columns: Option<usize>,
}

impl Page {
    fn new(line: &CaseLine, columns: Option<usize>) -> Self {
        let first = format!("{}  ", styled(BOLD, line.id.as_str()));
        let rest = " ".repeat(line.id.as_str().len() + 2);
        let summary = tame(line.summary.as_deref().unwrap_or("(no summary)"));
        let mut text = paragraph(&first, &rest, &summary, columns);
        text.push('\n');
        Self { text, columns }
    }

    /// Lines that may be longer than the terminal.
    fn write_fitted(&mut self, text: &str) {
        let fitted = fitted(text, self.columns);
        self.write(&fitted);
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
            let (first, rest) = (format!("  {name:<17}"), " ".repeat(VALUE_COLUMN));
            let field = paragraph(&first, &rest, &tame(value), self.columns);
            self.write(&field);
        }
    }

    /// Where the case stands, what is due, and what it has to do with others.
    fn write_state(&mut self, line: &CaseLine) {
        self.field("arrived", &to_the_minute(line.opened_at));
        self.field("standing", &standing(&line.standing));
        self.field("acknowledgement", &acknowledgement(&line.acknowledgement));
        self.field("draft", &draft_state(&line.draft));
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
            let line = paragraph("  ", "  ", line, self.columns);
            self.write(&line);
        }
    }

    fn write_letter(&mut self, letter: &LetterView, case: &CaseId, folds: bool) {
        self.heading(&format!(
            "Letter {} of {}, {} octets",
            letter.intake,
            to_the_minute(letter.received_at),
            letter.octets
        ));
        let Some(reading) = &letter.reading else {
            let state = match letter.state {
                // The desk opens the first letter and the newest.
                ReadingState::Read | ReadingState::Shut => {
                    format!("not shown among so many: sealdesk case export {case} --format mbox")
                }
                state => format!("{state:?}").to_lowercase(),
            };
            return self.write(&format!("  {}\n", styled(WARN, &state)));
        };
        self.write_origin(letter.dmarc, reading);
        for fault in &reading.faults {
            self.write_fitted(&format!("  {}\n", styled(WARN, &tame(fault))));
        }
        self.write("\n");
        self.write_text(&tame(&reading.text), folds);
        for file in &reading.attachments {
            self.write_attachment(file, case);
        }
    }

    /// Who wrote the letter, how it was protected, and its subject.
    fn write_origin(&mut self, proven: Dmarc, reading: &Reading) {
        for line in origin(proven, reading) {
            self.write_fitted(&format!("  {line}\n"));
        }
    }

    /// What a letter says, behind a bar.
    fn write_text(&mut self, text: &str, folds: bool) {
        let bar = format!("  {} ", styled(DIM, "|"));
        for part in text_parts(text, folds) {
            let line = match part {
                TextPart::Line(line) => paragraph(&bar, &bar, line, self.columns),
                TextPart::Quotation(lines) => {
                    let number = lines.len();
                    let folded = format!("[{number} quoted lines; --full shows them]");
                    format!("{bar}{}\n", styled(DIM, &folded))
                }
            };
            self.write(&line);
        }
    }

    fn write_attachment(&mut self, file: &Attachment, case: &CaseId) {
        self.write_fitted(&format!(
            "  attachment {} ({}, {} octets): sealdesk case attachment {case} {}\n",
            tame(&file.name),
            tame(&file.media_type),
            file.octets,
            for_shell(&file.name)
        ));
        for entry in &file.contents {
            self.write(&format!("    holds {}\n", tame(entry)));
        }
    }

    fn write_journal(&mut self, journal: &[JournalLine]) {
        self.heading("Journal");
        let events = event_text::events(journal, self.columns);
        self.write(&events);
    }
}

/// A stranger's name for a file as a word of a shell, which carries nothing out in it.
fn for_shell(name: &str) -> String {
    let name = tame(name);
    let word = shlex::try_quote(&name).map(std::borrow::Cow::into_owned);
    word.unwrap_or_else(|_| "'?'".to_owned())
}

/// Who wrote a letter and how it was protected, what proves that, and its subject; a line each.
pub(super) fn origin(proven: Dmarc, reading: &Reading) -> [String; 3] {
    let protection = if reading.protection.encrypted {
        "encrypted"
    } else {
        "clear"
    };
    let signed = reading.signature.signer_in_words();
    let believed = match &reading.signature.anchor {
        Some(TrustAnchor::Root { name }) => format!(", whose certificate leads to {name}"),
        Some(TrustAnchor::Pinned) => ", whose certificate is pinned".to_owned(),
        Some(TrustAnchor::Enclosed) | None => String::new(),
    };
    let unproven = if reading.is_unproven() {
        ", NOT PROVEN to be as it was sent"
    } else {
        ""
    };
    let from = tame(reading.from.as_deref().unwrap_or("nobody that can be told"));
    let subject = tame(reading.subject.as_deref().unwrap_or("(none)"));
    [
        format!(
            "from {from}, {protection}, {signed}{}{unproven}",
            tame(&believed)
        ),
        format!("its From is proven by {}", proof_of_from(proven, reading)),
        format!("subject {subject}"),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_wrapped_at_the_terminal_alone() {
        let words = "an unauthenticated request reads any file ".repeat(5);
        for (columns, lines) in [(Some(80), 3), (None, 1)] {
            let mut page = Page {
                text: String::new(),
                columns,
            };
            page.write_text(&words, true);
            assert_eq!(page.text.lines().count(), lines, "{}", page.text);
            let bar = format!("  {} ", styled(DIM, "|"));
            assert!(page.text.lines().all(|line| line.starts_with(&bar)));
        }
    }
}
