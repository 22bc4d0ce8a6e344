//! A text, cut into units once for all that is read from it.

use super::fields::LetterKeys;
use super::language::{Language, language};
use super::lexicon::Concept;
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
        let (mut units, language) = (units(text, &LetterKeys), language(text));
        if language == Language::Portuguese {
            units.iter_mut().for_each(drop_portuguese_no);
        }
        Self { units, language }
    }
}

/// In Portuguese, "no" is "in the".
fn drop_portuguese_no(unit: &mut Unit) {
    let lower = &unit.lower;
    unit.said.retain(|said| {
        let denies = matches!(said.concept, Concept::Not | Concept::No | Concept::NotOne);
        !(denies && &lower[said.range.clone()] == "no")
    });
}
