//! Is the report in an attachment? A text that a short letter points to is read on after the letter.

use super::{ReportFile, ReportInput, head_of_text};
use crate::triage::fields::LetterKeys;
use crate::triage::lexicon::Concept;
use crate::triage::own_words::OwnWords;
use crate::triage::units::{Unit, units};
use std::borrow::Cow;

/// Larger files are logs.
const OCTETS_MAX: usize = 64 * 1024;

/// A letter that points to its attachment has so many units at most.
const POINTING_UNITS_MAX: usize = 10;

/// What is read of a letter: its text, and the text that it points to.
pub(super) struct LetterText<'t> {
    pub whole: Cow<'t, str>,
    /// The name of the file that is read on, and where its text begins.
    pub attached: Option<(String, usize)>,
}

impl<'t> LetterText<'t> {
    pub fn of(input: &ReportInput<'t>) -> Self {
        let text = head_of_text(input.text);
        let Some((name, file)) = attached(input, text) else {
            return Self {
                whole: Cow::Borrowed(text),
                attached: None,
            };
        };
        let letter = text.trim_end();
        Self {
            attached: Some((name.to_owned(), letter.len() + 2)),
            whole: Cow::Owned(format!("{letter}\n\n{file}")),
        }
    }
}

fn attached<'f>(input: &ReportInput<'f>, text: &str) -> Option<(&'f str, &'f str)> {
    let mut texts = input.files.iter().filter(|file| is_text(file));
    let (file, None) = (texts.next()?, texts.next()) else {
        return None;
    };
    let read: Vec<Unit>;
    let letter: &[Unit] = match input.words {
        Some(words) => &words.units,
        None => {
            read = units(text, &LetterKeys);
            &read
        }
    };
    let own = OwnWords::of(&[], letter);
    let count = own.units().count();
    let points = own.say(Concept::Attached) || count == 0;
    let is_short = count <= POINTING_UNITS_MAX;
    let content = std::str::from_utf8(file.octets).ok()?;
    (points && is_short).then_some((file.name, content))
}

fn is_text(file: &ReportFile<'_>) -> bool {
    may_be_text(file.name, file.media_type, file.octets)
}

/// Whether a file may be a text that people read, so that its octets are worth keeping until the
/// report is read.
pub fn may_be_text(name: &str, media_type: &str, octets: &[u8]) -> bool {
    let name = name.to_lowercase();
    let ends = [".txt", ".md", ".text", ".markdown"];
    let is_named = ends.iter().any(|end| name.ends_with(end));
    let is_typed = matches!(media_type, "text/plain" | "text/markdown") && !name.contains('.');
    (is_named || is_typed) && octets.len() <= OCTETS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::TextPlace;

    #[test]
    fn a_text_that_a_short_letter_points_to_is_read() {
        let report = |text: &str, name: &str| {
            let octets = b"Affected: 1.2.3\nFixed in: 1.2.4\n";
            let files = [ReportFile {
                name,
                media_type: "text/plain",
                octets,
            }];
            crate::triage::report(&ReportInput {
                subject: "XSS",
                text,
                files: &files,
                ..ReportInput::default()
            })
        };
        let read = report("Hi, please find our report attached.\n", "report.txt");
        assert_eq!(read.affected_versions, ["1.2.3"]);
        let place = &read.evidence[0].place;
        let expected = TextPlace::Attachment {
            name: "report.txt".to_owned(),
            line: 1,
        };
        assert_eq!(place, &expected);
        let log = report("Hi, please find our report attached.\n", "crash.log");
        assert!(log.affected_versions.is_empty());
        let other = report("Hi, there is an XSS in the search.\n", "notes.txt");
        assert!(other.affected_versions.is_empty());
    }
}
