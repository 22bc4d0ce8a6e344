//! What happened, a line for each event, at a terminal?

use crate::cli::layout::paragraph;
use crate::cli::screen::{DIM, one_line, styled};
use crate::compose::event_sentence;
use crate::ports::JournalLine;

/// A line for each event, with the moment before it.
pub(super) fn events(journal: &[JournalLine], columns: Option<usize>) -> String {
    let line = |entry: &JournalLine| {
        let at = entry.at.strftime("%Y-%m-%d %H:%M").to_string();
        let first = format!("  {}  ", styled(DIM, &at));
        let rest = " ".repeat(4 + at.len());
        paragraph(
            &first,
            &rest,
            &event_sentence(&entry.event, &one_line(&entry.detail)),
            columns,
        )
    };
    journal.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::layout::width;
    use crate::model::journal::{JournalEvent, RecordedEvent};

    fn entry(event: &str, detail: &str) -> JournalLine {
        JournalLine {
            at: "2026-11-23T17:50:00Z".parse().unwrap(),
            event: RecordedEvent::stored(event.to_owned()),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_its_detail_holds() {
        let text = events(&[entry("an event of later", "x\ny\u{1b}[2J")], None);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("\u{1b}[2J"));
    }

    #[test]
    fn no_event_is_wider_than_the_terminal() {
        let journal: Vec<JournalLine> = JournalEvent::ALL
            .iter()
            .map(|event| entry(event.as_str(), &"a long detail ".repeat(20)))
            .collect();
        let text = events(&journal, Some(80));
        assert!(text.lines().all(|line| width(line) <= 80), "{text}");
    }
}
