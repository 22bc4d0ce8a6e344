//! Where does the letter name a fact that is printed as it stands? Identifiers, places in the source,
//! the product, the title and the steps: each with the first words that say it.

use super::letter_units::{LetterUnits, Of};
use crate::model::report::{Evidence, FactField, How, Report, TextPlace};
use crate::triage::lexicon::lower;
use crate::triage::units::Unit;
use crate::triage::weakness;
use std::ops::Range;

/// Words to look for, and what they say.
struct Wanted<'r> {
    fact: FactField,
    /// As the report prints it.
    value: &'r str,
    /// Other ways to write it.
    also: Vec<String>,
}

/// The evidence of what a report prints beside its claims. `product_names`: what else its product is
/// called.
pub(super) fn evidence(
    report: &Report,
    units: &LetterUnits<'_>,
    product_names: &[String],
) -> Vec<Evidence> {
    let of = |fact, values: &[String]| -> Vec<Evidence> {
        let found = values.iter().filter_map(|value| {
            let wanted = Wanted {
                fact,
                value,
                also: Vec::new(),
            };
            place(&wanted, units)
        });
        found.collect()
    };
    let one = |fact, value: &Option<String>, also: Vec<String>| {
        let value = value.as_deref()?;
        place(&Wanted { fact, value, also }, units)
    };
    let first_step = report.steps_to_reproduce.as_ref();
    let is_number = |c: char| c.is_ascii_digit() || "().-*•[]$> ".contains(c);
    let first_step = first_step.and_then(|steps| {
        let line = steps.lines().next()?.trim_start_matches(is_number);
        Some(line.trim().to_owned())
    });
    let weaknesses = report.cwe_ids.iter().map(|id| of_weakness(id, units));
    let steps = one(FactField::Steps, &first_step, Vec::new());
    let mut found: Vec<Evidence> = Vec::new();
    found.extend(one(
        FactField::Product,
        &report.product,
        product_names.to_vec(),
    ));
    found.extend(of(FactField::Cve, &report.cve_ids));
    found.extend(weaknesses);
    found.extend(one(FactField::Cvss, &report.cvss, Vec::new()));
    found.extend(of(FactField::Vulnerability, &report.vulnerabilities));
    found.extend(steps.map(|steps| Evidence {
        value: "yes".to_owned(),
        ..steps
    }));
    found.extend(of(FactField::File, &report.files));
    found.extend(of(FactField::Function, &report.functions));
    found
}

/// Where the words stand: in the text, else in the subject, else in a record; a product that the
/// letter does not name follows from the releases that it names.
fn place(wanted: &Wanted<'_>, units: &LetterUnits<'_>) -> Option<Evidence> {
    let words = std::iter::once(wanted.value).chain(wanted.also.iter().map(String::as_str));
    let small: Vec<String> = words.map(lower).collect();
    let value = wanted.value.to_owned();
    let within = |unit: &Unit| -> Option<Range<usize>> {
        small.iter().find_map(|words| {
            let at = unit.lower.find(words.trim())?;
            Some(at..at + words.trim().len())
        })
    };
    for (of, all) in [(Of::Text, units.text()), (Of::Subject, units.subject())] {
        let own = all.iter().filter(|unit| unit.depth == 0);
        for unit in own {
            if let Some(range) = within(unit) {
                let place = units.place(of, unit, range);
                let how = How::Stated;
                return Some(Evidence::new(wanted.fact, value, how, place, &unit.text));
            }
        }
    }
    let (how, place) = match (units.has_records(), wanted.fact) {
        (true, _) => (How::Stated, TextPlace::Record),
        (false, FactField::Product) => (How::Inferred, TextPlace::Subject),
        (false, _) => return None,
    };
    let quote = units
        .subject()
        .first()
        .map_or("", |unit| unit.text.as_str());
    Some(Evidence::new(wanted.fact, value, how, place, quote))
}

/// A number is stated; what follows from a name is inferred.
fn of_weakness(id: &str, units: &LetterUnits<'_>) -> Evidence {
    let named = |unit: &Unit| weakness::place(id, &unit.text);
    for (of, all) in [(Of::Text, units.text()), (Of::Subject, units.subject())] {
        let own = || all.iter().filter(|unit| unit.depth == 0);
        let stated = own().find_map(|unit| {
            let at = unit.lower.find(&lower(id))?;
            Some((unit, at..at + id.len(), How::Stated))
        });
        let inferred = || own().find_map(|unit| Some((unit, named(unit)?, How::Inferred)));
        if let Some((unit, range, how)) = stated.or_else(inferred) {
            let place = units.place(of, unit, range);
            return Evidence::new(FactField::Cwe, id.to_owned(), how, place, &unit.text);
        }
    }
    let quote = units
        .subject()
        .first()
        .map_or("", |unit| unit.text.as_str());
    Evidence::new(
        FactField::Cwe,
        id.to_owned(),
        How::Stated,
        TextPlace::Record,
        quote,
    )
}
