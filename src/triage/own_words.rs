//! What do a writer's own words say, wherever they stand in the letter?

use super::lexicon::Concept;
use super::patterns;
use super::units::{Unit, UnitKind, own_lines, unquoted_lines};

patterns! {
    PASSED_ON = r"(?im)^-{2,} ?(forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|mensagem encaminhada|пересланное сообщение|转发邮件信息|転送メッセージ)\b|^begin forwarded message";
    FORWARD_SUBJECT = r"(?i)^\W*(fwd?|wg|tr|rv|enc|вс|пересл|转发|轉寄|転送)\s?[:：]";
}

/// So many units at a letter's head say what it is about.
const HEAD_UNITS: usize = 6;

/// A letter that only asks, chases or thanks is short.
const SHORT_UNITS_MAX: usize = 14;

/// A note is shorter still.
const NOTE_UNITS_MAX: usize = 8;

/// The units of a letter that are its writer's own: no quotation, code or signature.
pub(super) struct OwnWords<'u> {
    subject: &'u [Unit],
    text: Vec<&'u Unit>,
}

impl<'u> OwnWords<'u> {
    pub fn of(subject: &'u [Unit], text: &'u [Unit]) -> Self {
        let is_own = |unit: &&Unit| {
            unit.depth == 0 && !matches!(unit.kind, UnitKind::Code | UnitKind::Signature)
        };
        Self {
            subject,
            text: text.iter().filter(is_own).collect(),
        }
    }

    /// Units of the subject, then those of the text.
    pub fn units(&self) -> impl Iterator<Item = &'u Unit> + '_ {
        self.subject.iter().chain(self.text.iter().copied())
    }

    /// Whether any of it says so.
    pub fn say(&self, concept: Concept) -> bool {
        self.units().any(|unit| unit.says(concept))
    }

    /// Whether the subject or the first sentences say so.
    pub fn head_says(&self, concept: Concept) -> bool {
        let head = self.text.iter().take(HEAD_UNITS).copied();
        self.subject
            .iter()
            .chain(head)
            .any(|unit| unit.says(concept))
    }

    /// Whether they say so, and do not ask it.
    pub fn head_states(&self, concept: Concept) -> bool {
        let head = self.text.iter().take(HEAD_UNITS).copied();
        let mut head = self.subject.iter().chain(head);
        head.any(|unit| unit.says(concept) && !is_question(unit))
    }

    pub fn subject_says(&self, concept: Concept) -> bool {
        self.subject.iter().any(|unit| unit.says(concept))
    }

    /// How many units say so.
    pub fn count(&self, concept: Concept) -> usize {
        self.units().filter(|unit| unit.says(concept)).count()
    }

    /// How many different words say so.
    pub fn words_for(&self, concept: Concept) -> usize {
        let words = self.units().flat_map(|unit| {
            let said = unit.said.iter().filter(move |said| said.concept == concept);
            said.map(|said| &unit.lower[said.range.clone()])
        });
        words.collect::<std::collections::BTreeSet<_>>().len()
    }

    pub fn are_few(&self) -> bool {
        self.text.len() <= SHORT_UNITS_MAX
    }

    /// Whether it is a note.
    pub fn are_a_few(&self) -> bool {
        self.text.len() <= NOTE_UNITS_MAX
    }

    /// Whether a question stands in it.
    pub fn ask(&self) -> bool {
        self.units().any(is_question)
    }

    /// Whether a question asks about a vulnerability that is known.
    pub fn ask_about_known(&self) -> bool {
        self.units()
            .any(|unit| is_question(unit) && unit.says(Concept::Asks))
    }

    /// Whether it lists several things, or says that it found some.
    pub fn find_or_list(&self) -> bool {
        let items = self.text.iter().filter(|unit| unit.kind == UnitKind::Item);
        self.say(Concept::Finds) || self.say(Concept::Vulnerability) || items.count() > 1
    }

    /// Whether a sentence says what somebody found or what an attacker can do, and asks nothing.
    pub fn find(&self) -> bool {
        let is_flaw = |unit: &Unit| unit.says(Concept::Vulnerability) || unit.says(Concept::Flaw);
        let is_of_flaw = self.subject.iter().any(is_flaw);
        let finds = |unit: &&Unit| {
            unit.says(Concept::Finds) && !is_question(unit) && !unit.says(Concept::Asks)
        };
        let mut units = self.text.iter().copied().filter(finds);
        units.any(|unit| is_of_flaw || is_flaw(unit))
    }
}

/// Whether a letter passes on what it quotes: it says so, or has no words of its own.
fn passes_on(subject: &str, text: &str, has_own: bool) -> bool {
    !has_own || is_forward(subject) || PASSED_ON.is_match(text)
}

pub(super) fn is_forward(subject: &str) -> bool {
    FORWARD_SUBJECT.is_match(subject)
}

/// A letter's own text: of a letter that only passes something on, what it passes on.
pub(super) fn own_text(subject: &str, text: &str) -> String {
    let own = own_lines(text);
    let has_own = !own.trim().is_empty();
    match passes_on(subject, text, has_own) {
        true => unquoted_lines(text),
        false => own,
    }
}

/// Which units are the writer's own: those that are not quoted; of a letter that only passes
/// something on, those that it passes on. None is taken out, as each names its heading by place.
pub(super) fn own_units(mut units: Vec<Unit>, subject: &str, text: &str) -> Vec<Unit> {
    let has_own = units.iter().any(|unit| unit.depth == 0);
    if passes_on(subject, text, has_own) {
        units.iter_mut().for_each(|unit| unit.depth = 0);
    }
    units
}

/// It ends as a question does.
pub(super) fn is_question(unit: &Unit) -> bool {
    let ends = [
        "?",
        "？",
        "吗",
        "吗。",
        "でしょうか。",
        "ますか。",
        "か。",
        "吗！",
        "呢",
    ];
    ends.iter().any(|end| unit.text.ends_with(end))
}
