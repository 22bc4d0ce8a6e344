//! A text, cut into units once for all that is read from it.

use super::fields::LetterKeys;
use super::language::{Language, language};
use super::report::head_of_text;
use super::units::{Unit, units};

/// The units of a text, and its language.
#[derive(Clone, Debug)]
pub struct Words {
    pub(super) units: Vec<Unit>,
    pub(super) language: Language,
}

impl Words {
    /// Of a letter's text; what is beyond the limit of a report is not looked at.
    pub fn read(text: &str) -> Self {
        let text = head_of_text(text);
        Self {
            units: units(text, &LetterKeys),
            language: language(text),
        }
    }
}
