//! Who wants to be named, and as whom?

use super::names::{after_colon, after_words, as_a_whole, in_quotes};
use super::{Answer, answered, denies, find, first, is_headed};
use crate::model::report::CreditWish;
use crate::triage::choices::{chosen, is_placeholder};
use crate::triage::lexicon::Concept;
use crate::triage::units::{Unit, UnitKind};

/// Whether the writer wants to be named.
pub(in crate::triage) fn credit(units: &[Unit]) -> Option<Answer<CreditWish>> {
    first(units, |units, at| {
        let unit = &units[at];
        let whole = 0..unit.text.len();
        let is_keyed = is_field_of_credit(units, at);
        if is_keyed && is_placeholder(&unit.text) {
            return None;
        }
        // `[x] yes [ ] no [ ] anonymous`: of boxes the one that is ticked says it.
        let ticked = chosen(&unit.lower);
        let hides = |said: &&crate::triage::lexicon::Said| {
            said.concept == Concept::Anonymous
                && ticked
                    .as_ref()
                    .is_none_or(|box_| box_.start <= said.range.start && said.range.end <= box_.end)
        };
        if is_keyed && unit.said.iter().any(|said| hides(&said)) {
            return Some((CreditWish::Anonymous, whole));
        }
        match answered(units, at, &[Concept::Credit]) {
            Some(true) => return Some((CreditWish::Wanted, whole)),
            Some(false) => return Some((CreditWish::Declined, whole)),
            None => {}
        }
        if let Some(hidden) = find(unit, Concept::StaysAnonymous) {
            return Some((CreditWish::Anonymous, hidden.range.clone()));
        }
        if let Some(declined) = find(unit, Concept::NoCredit) {
            return Some((CreditWish::Declined, declined.range.clone()));
        }
        let spoken = find(unit, Concept::Credit);
        if let (Some(_), Some(hidden)) = (spoken, find(unit, Concept::Anonymous)) {
            return Some((CreditWish::Anonymous, hidden.range.clone()));
        }
        if is_keyed {
            let wish = if denies(unit) {
                CreditWish::Declined
            } else {
                CreditWish::Wanted
            };
            return Some((wish, whole));
        }
        let spoken = spoken?;
        let asks = unit.says(Concept::Please)
            || in_quotes(unit).is_some()
            || after_words(unit, Concept::Credit).is_some();
        if super::is_denied(unit, spoken) {
            let refuses = unit.says(Concept::Please) || unit.says(Concept::Needs);
            return refuses.then(|| (CreditWish::Declined, spoken.range.clone()));
        }
        (asks && !is_of_money(unit)).then(|| (CreditWish::Wanted, spoken.range.clone()))
    })
}

/// As whom: the name in the field, in quotation marks, or after "as"; else who found it.
pub(in crate::triage) fn credit_name(units: &[Unit]) -> Option<Answer<String>> {
    let wanted = first(units, |units, at| {
        let unit = &units[at];
        if is_field_of_credit(units, at) {
            let answer = chosen(&unit.text).unwrap_or(0..unit.text.len());
            let is_ticked = chosen(&unit.text).is_some();
            let is_no = answered(units, at, &[Concept::Credit]) == Some(false)
                || !is_ticked && denies(unit);
            let hides = !is_ticked && unit.says(Concept::Anonymous) || is_no;
            return (!hides).then(|| as_a_whole(unit, answer)).flatten();
        }
        let speaks = unit.says(Concept::Credit) && !unit.says(Concept::NoCredit);
        let hides = unit.says(Concept::Anonymous) && in_quotes(unit).is_none();
        if !speaks || hides || is_of_money(unit) {
            return None;
        }
        in_quotes(unit)
            .or_else(|| after_colon(unit, Concept::Credit))
            .or_else(|| after_words(unit, Concept::Credit))
    });
    wanted.or_else(|| finder(units))
}

/// Who is said to have found it.
fn finder(units: &[Unit]) -> Option<Answer<String>> {
    first(units, |units, at| {
        let unit = &units[at];
        let is_keyed = unit.key.is_some() && is_headed(units, at, Concept::FoundBy);
        if unit.says(Concept::Anonymous) {
            return None;
        }
        if is_keyed && unit.kind != UnitKind::Heading {
            return as_a_whole(unit, 0..unit.text.len());
        }
        if !unit.says(Concept::FoundBy) {
            return None;
        }
        after_words(unit, Concept::FoundBy)
    })
}

/// An answer to the question of credit, in a form or under its heading. Who found it is none.
fn is_field_of_credit(units: &[Unit], at: usize) -> bool {
    let unit = &units[at];
    let is_answer = unit.key.is_some() || unit.heading.is_some();
    let is_short = unit.text.chars().count() <= FIELD_CHARACTERS_MAX;
    is_answer
        && is_short
        && unit.kind != UnitKind::Heading
        && is_headed(units, at, Concept::Credit)
        && (unit.key.is_some() || unit.heading.is_some_and(|heading| heading + 1 == at))
}

/// Longer answers are prose.
const FIELD_CHARACTERS_MAX: usize = 160;

/// A credit card is no credit.
fn is_of_money(unit: &Unit) -> bool {
    unit.lower.contains("credit card") || unit.lower.contains("kreditkarte")
}
