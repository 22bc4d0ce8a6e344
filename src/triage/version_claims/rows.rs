//! Which role does a table's row give to its versions?

use super::{Role, is_one_of, role_of};
use crate::triage::lexicon::{Concept, Said};
use crate::triage::units::{Unit, UnitKind};

/// Answers to "is it affected?".
const YES: &str = "yes y ja oui sí si sim да 是 はい ✓ ✔ ✅ x affected vulnerable";
const NO: &str = "no n nein non não нет 否 いいえ - – — ✗ ✘ ❌ safe";

/// Whether the row is about something else: another cell of it names what is none of ours.
pub(super) fn is_of_other(units: &[Unit], at: usize, products: &[String]) -> bool {
    let row = units[at].block;
    let is_of_row = |unit: &&Unit| unit.kind == UnitKind::Cell && unit.block == row;
    let first = units[..at].iter().rev().take_while(is_of_row).last();
    first.is_some_and(|cell| {
        let is_name = cell.key.as_ref().is_some_and(|key| {
            let names = |said: &Said| said.concept == Concept::ProductWord;
            key.text.is_empty() || key.said.iter().any(names)
        });
        let is_key = role_of(&cell.lower, &cell.said).is_some();
        is_name
            && !is_key
            && !products.is_empty()
            && !products.iter().any(|p| cell.lower.contains(p.as_str()))
    })
}

/// The role that another cell of the row gives: an answer, or what the first cell names.
pub(super) fn role(units: &[Unit], at: usize) -> Option<Role> {
    let row = units[at].block;
    let is_of_row = |unit: &&Unit| unit.kind == UnitKind::Cell && unit.block == row;
    let before = units[..at].iter().rev().take_while(is_of_row);
    let after = units[at + 1..].iter().take_while(is_of_row);
    let mut others = before
        .chain(after)
        .filter(|unit| unit.text.chars().count() <= 60);
    others.find_map(|cell| {
        let word = cell.lower.trim_matches(['.', '!', '*', ' ']);
        let asks_of_fix = cell
            .key
            .as_ref()
            .and_then(|key| role_of(&key.text, &key.said));
        match asks_of_fix {
            Some(Role::Fixed) => None,
            _ if is_one_of(YES, word) => Some(Role::Affected),
            _ if is_one_of(NO, word) => Some(Role::Safe),
            _ => role_of(&cell.lower, &cell.said),
        }
    })
}
