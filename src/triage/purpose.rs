//! What does a letter want? It reports, asks, chases, thanks, applies, begs, sells or complains, or
//! a tool wrote it.
//!
//! A letter that shows a finding of a human's own is a report, whatever else it says. What a letter
//! is taken for ranks it and decides whether a draft is filed without a human's word; it never
//! silences.

use super::lexicon::Concept;
use super::own_words::{OwnWords, is_question};
use super::scanner;
use crate::model::report::Class;

/// What is known of a letter beside its words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings {
    /// It says how to reproduce what it found.
    pub steps: bool,
    /// It claims that a version is affected.
    pub versions: bool,
    /// It names a weakness or a place in the source.
    pub weakness: bool,
    /// It names a CVE.
    pub cve: bool,
    /// Its subject says that it answers another letter.
    pub answers: bool,
    /// Nothing but the record of a scanner says that there is a vulnerability.
    pub only_records_of_scanners: bool,
}

impl Findings {
    fn are_evident(self) -> bool {
        self.versions || self.weakness
    }
}

/// What a letter is.
pub(super) fn purpose(own: &OwnWords<'_>, text: &str, found: Findings) -> Class {
    let finds = own.find();
    let is_complete = found.steps && found.are_evident() && finds;
    let rows: [(Class, &dyn Fn() -> bool); 16] = [
        (Class::Scanner, &|| found.only_records_of_scanners && !finds),
        (Class::Retraction, &|| {
            own.head_states(Concept::Retracts) && own.are_few() && !is_complete
        }),
        (Class::Application, &|| applies(own, found)),
        (Class::Business, &|| {
            let is_of_it = own.subject_says(Concept::Business) && !found.answers;
            is_of_it && !finds && !found.weakness
        }),
        (Class::Scanner, &|| {
            scanner::is_output(own, text, found.steps && found.versions)
        }),
        (Class::Sales, &|| {
            own.words_for(Concept::Sells) >= SELLING_PHRASES_MIN && !is_complete
        }),
        (Class::Question, &|| {
            own.ask_about_known() && (found.cve || own.say(Concept::Scan)) && !finds
        }),
        (Class::Question, &|| {
            found.cve && own.ask() && own.are_few() && !finds && !found.steps
        }),
        (Class::BegBounty, &|| begs(own, found)),
        (Class::Report, &|| {
            found.steps || finds && found.are_evident()
        }),
        (Class::Abuse, &|| {
            own.head_says(Concept::Abuse) && !found.are_evident() && !own.say(Concept::Flaw)
        }),
        (Class::Chaser, &|| {
            found.answers && own.say(Concept::Chases) && own.are_few() && !finds
        }),
        (Class::BountyQuestion, &|| {
            let shows = finds || found.steps || found.versions;
            asks_for_money(own) && !(found.are_evident() && shows)
        }),
        (Class::Chaser, &|| {
            own.say(Concept::Chases) && own.are_few() && !found.are_evident() && !finds
        }),
        (Class::Question, &|| {
            // Who shows versions and a weakness reports, whatever their subject says.
            let asks = own.subject_says(Concept::Asks) && !(found.versions && found.weakness);
            let is_about_known = found.cve || asks;
            own.say(Concept::Asks)
                && own.ask()
                && !finds
                && (is_about_known || !found.are_evident())
        }),
        (Class::Thanks, &|| thanks(own, found) && !finds),
    ];
    if let Some((class, _)) = rows.iter().find(|(_, is)| is()) {
        return *class;
    }
    if own.say(Concept::Business) && !found.are_evident() && !finds {
        return Class::Business;
    }
    Class::Report
}

fn applies(own: &OwnWords<'_>, found: Findings) -> bool {
    let head = own.head_says(Concept::JoinsList);
    (head || own.say(Concept::JoinsList) && !found.are_evident()) && !own.find()
}

fn asks_for_money(own: &OwnWords<'_>) -> bool {
    let asks = own.units().any(|unit| {
        unit.says(Concept::AsksBounty) && (is_question(unit) || unit.says(Concept::Asks))
    });
    (asks || own.subject_says(Concept::AsksBounty)) && own.are_few()
}

fn thanks(own: &OwnWords<'_>, found: Findings) -> bool {
    let is_thanks =
        own.head_says(Concept::Thanks) && own.are_few() && (found.answers || !found.are_evident());
    let is_note = own.are_a_few() && !own.ask() && !found.are_evident() && !own.say(Concept::Finds);
    is_thanks || is_note && own.head_says(Concept::ThanksFor) && own.say(Concept::Fixed)
}

/// Whether it says nothing but what every scanner says of every site, or asks for money before it
/// says what it found.
fn begs(own: &OwnWords<'_>, found: Findings) -> bool {
    let petty = own.count(Concept::Petty);
    let grave = own
        .units()
        .filter(|unit| unit.says(Concept::Flaw) && !unit.says(Concept::Petty));
    let grave = grave.count();
    let money = own.say(Concept::AsksBounty);
    let is_complete = found.steps && found.versions;
    petty > 0 && !is_complete && (money && grave <= 2 * petty || grave == 0 && own.find_or_list())
}

/// Phrases of a seller, for a letter to be one. Different ones: a report about a page that sells
/// repeats few.
const SELLING_PHRASES_MIN: usize = 3;
