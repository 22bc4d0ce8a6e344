//! Is it exploited, who else was told, and who wants the credit? Each answer with the words that it
//! rests on.

mod credit;
mod names;

use super::choices::{chosen, is_placeholder};
use super::lexicon::{Concept, Said};
use super::own_words::is_question;
use super::units::{Unit, UnitKind, head_of};
pub(super) use credit::{credit, credit_name};
use std::ops::Range;

/// An answer, and where it stands in its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer<T> {
    pub value: T,
    pub unit: usize,
    pub range: Range<usize>,
}

/// A negation reaches so far.
const NEGATION_OCTETS_MAX: usize = 90;

/// Whether it is exploited: something that happened, and nothing that could.
pub(super) fn exploited(units: &[Unit]) -> Option<Answer<bool>> {
    first(units, |units, at| {
        let unit = &units[at];
        if let Some(answer) = answered(units, at, &[Concept::Exploited, Concept::SeenAttacks]) {
            return Some((answer, 0..unit.text.len()));
        }
        // Who does not know says neither, nor does a box that is neither yes nor no.
        let is_unanswered = chosen(&unit.lower).is_some() || is_placeholder(&unit.text);
        if unit.says(Concept::NotTested) || is_unanswered {
            return None;
        }
        let is_keyed = is_headed(units, at, Concept::Exploited) && unit.key.is_some();
        let use_of = |s: &&Said| {
            matches!(s.concept, Concept::Exploited | Concept::SeenAttacks) && !may_be(unit, s)
        };
        let uses: Vec<&Said> = unit.said.iter().filter(use_of).collect();
        let is_planned = unit.says(Concept::Will) && !unit.says(Concept::SeenAttacks);
        if is_planned && (unit.says(Concept::If) || !uses.iter().any(|said| is_denied(unit, said)))
        {
            return None;
        }
        if let Some(denied) = uses.iter().find(|said| is_denied(unit, said)) {
            return (!is_of_writer(unit)).then(|| (false, denied.range.clone()));
        }
        if is_keyed && denies(unit) && unit.text.len() <= ANSWER_OCTETS_MAX {
            return Some((false, 0..unit.text.len()));
        }
        if unit.says(Concept::If) {
            return None;
        }
        let in_wild = unit.says(Concept::Wild) || is_keyed;
        let seen = uses
            .iter()
            .find(|said| said.concept == Concept::SeenAttacks || in_wild)?;
        Some((true, seen.range.clone()))
    })
}

/// Longer answers speak of more than what was asked.
const ANSWER_OCTETS_MAX: usize = 80;

/// "I have not exploited it": what the writer did not do, others may have done.
fn is_of_writer(unit: &Unit) -> bool {
    let own = [
        "i have not exploited",
        "i did not exploit",
        "i haven't exploited",
        "i have not abused",
        "i did not abuse",
        "i don't think this is",
        "i do not think this is",
        "ich habe es nicht ausgenutzt",
        "ich habe sie nicht ausgenutzt",
        "habe ich nicht ausgenutzt",
        "je ne l'ai pas exploitée",
        "je n'ai pas exploité",
        "no la he explotado",
        "no lo he explotado",
        "não explorei",
        "я не эксплуатировал",
        "我没有利用",
        "悪用していません",
    ];
    own.iter().any(|words| unit.lower.contains(words))
}

/// "Could be exploited": it did not happen.
fn may_be(unit: &Unit, said: &Said) -> bool {
    let heads = [
        "can be",
        "could be",
        "may be",
        "might be",
        "would be",
        "to be",
        "if",
        "easily",
        "can",
        "could",
        "kann",
        "könnte",
        "peut être",
        "pourrait être",
        "puede ser",
        "podría ser",
        "pode ser",
        "poderia ser",
        "может быть",
        "могут быть",
        "可",
        "可被",
        "可以被",
        "required to",
        "needed to",
    ];
    let before = unit.lower[..said.range.start].trim_end();
    let after = &unit.lower[said.range.end..];
    let tails = [
        "でき",
        "可能",
        "される可能性",
        "される恐れ",
        "されうる",
        "され得",
    ];
    heads.iter().any(|head| before.ends_with(head))
        || tails.iter().any(|tail| after.starts_with(tail))
}

/// Whether somebody beside us and the writer's own people was told.
pub(super) fn others_told(units: &[Unit]) -> Option<Answer<bool>> {
    // "The CERT was told, nobody else knows": that somebody was told weighs more.
    let told = first(units, |units, at| {
        told_at(units, at).filter(|(were, _)| *were)
    });
    told.or_else(|| first(units, told_at))
}

/// What one unit says of it.
fn told_at(units: &[Unit], at: usize) -> Option<(bool, Range<usize>)> {
    let unit = &units[at];
    let about = [Concept::Told, Concept::AnyoneElse];
    if let Some(answer) = answered(units, at, &about) {
        return Some((answer, 0..unit.text.len()));
    }
    if let Some(nobody) = find(unit, Concept::Nobody) {
        return Some((false, nobody.range.clone()));
    }
    let is_keyed = is_headed(units, at, Concept::Told) && unit.key.is_some();
    let told = find(unit, Concept::Told);
    if is_keyed && unit.says(Concept::NotOne) {
        return Some((false, 0..unit.text.len()));
    }
    if let Some(else_) = find(unit, Concept::AnyoneElse)
        && (told.is_some() || is_keyed)
        && denies(unit)
    {
        return Some((false, else_.range.clone()));
    }
    let others = find(unit, Concept::Others)?;
    let told = told.or(is_keyed.then_some(others))?;
    let is_planned = unit.says(Concept::Will) || unit.says(Concept::If);
    if is_planned || unit.says(Concept::ToYou) || gap(told, others) > TOLD_OCTETS_MAX {
        return None;
    }
    Some((!is_denied(unit, told), told.range.clone()))
}

/// Whoever was told stands so near.
const TOLD_OCTETS_MAX: usize = 120;

fn gap(one: &Said, other: &Said) -> usize {
    let (first, second) = if one.range.start < other.range.start {
        (one, other)
    } else {
        (other, one)
    };
    second.range.start.saturating_sub(first.range.end)
}

/// The first unit of the writer's own that says it. A question says nothing.
fn first<T>(
    units: &[Unit],
    read: impl Fn(&[Unit], usize) -> Option<(T, Range<usize>)>,
) -> Option<Answer<T>> {
    let mut own = (0..units.len()).filter(|at| is_own(&units[*at]));
    own.find_map(|at| {
        let (value, range) = read(units, at)?;
        Some(Answer {
            value,
            unit: at,
            range,
        })
    })
}

fn is_own(unit: &Unit) -> bool {
    let is_words = !matches!(unit.kind, UnitKind::Code | UnitKind::Signature);
    unit.depth == 0 && is_words && !is_question(unit) && !unit.says(Concept::Footer)
}

/// What follows a key or a question about one of these, where it begins with yes or no or ticks
/// one.
fn answered(units: &[Unit], at: usize, about: &[Concept]) -> Option<bool> {
    if !about.iter().any(|concept| is_headed(units, at, *concept)) {
        return None;
    }
    let unit = &units[at];
    let answer = chosen(&unit.lower).unwrap_or(0..unit.lower.len());
    // `[Yes/No]`, `ja/nein`: nobody answered.
    let is_offer = [
        "yes/no",
        "yes / no",
        "ja/nein",
        "ja / nein",
        "oui/non",
        "sí/no",
        "sim/não",
        "да/нет",
        "是/否",
    ];
    if is_placeholder(&unit.text)
        || is_offer
            .iter()
            .any(|offer| unit.lower[answer.clone()].contains(offer))
    {
        return None;
    }
    let begins = |concept| {
        let mut said = unit.said.iter();
        said.any(|s| {
            let is_first = s.range.start >= answer.start
                && unit.lower[answer.start..s.range.start.max(answer.start)]
                    .chars()
                    .all(|c| !c.is_alphanumeric());
            s.concept == concept && is_first
        })
    };
    match (
        begins(Concept::Yes),
        begins(Concept::No) || begins(Concept::NoSeverity),
    ) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Whether the key, the column or the heading of a unit speaks of it.
fn is_headed(units: &[Unit], at: usize, concept: Concept) -> bool {
    head_of(units, at).is_some_and(|(_, said)| has(said, concept))
}

/// Whether a negation speaks of a word: in its clause, near it.
fn is_denied(unit: &Unit, said: &Said) -> bool {
    unit.said.iter().any(|not| {
        let negates = matches!(not.concept, Concept::Not | Concept::No | Concept::NotOne);
        let (from, to) = if not.range.end <= said.range.start {
            (not.range.end, said.range.start)
        } else {
            (said.range.end.min(not.range.start), not.range.start)
        };
        negates
            && to - from <= NEGATION_OCTETS_MAX
            && !unit.lower[from..to].contains([';', '.', '。', '；'])
            && !unit.lower[from..to].contains(", ")
    })
}

fn denies(unit: &Unit) -> bool {
    [
        Concept::Not,
        Concept::No,
        Concept::NotOne,
        Concept::NoSeverity,
    ]
    .into_iter()
    .any(|concept| unit.says(concept))
}

fn find(unit: &Unit, concept: Concept) -> Option<&Said> {
    unit.said.iter().find(|said| said.concept == concept)
}

fn has(said: &[Said], concept: Concept) -> bool {
    said.iter().any(|s| s.concept == concept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::CreditWish;
    use crate::triage::fields::LetterKeys;
    use crate::triage::units::units;

    #[test]
    fn answers_are_read_in_eight_languages() {
        let read = |text: &str| units(text, &LetterKeys);
        for (text, expected) in [
            ("利用情况: 暂未发现在野利用", Some(false)),
            ("我们的蜜罐捕获到攻击流量。", Some(true)),
            ("We see it being actively exploited.", Some(true)),
            (
                "I am not aware of any exploitation in the wild.",
                Some(false),
            ),
            ("Has it been exploited? No", Some(false)),
            ("現時点で悪用の事実は把握しておりません。", Some(false)),
            ("Случаев эксплуатации не выявлено.", Some(false)),
            ("Pas d'exploitation connue à ma connaissance.", Some(false)),
            (
                "Que yo sepa nadie lo está usando con mala intención.",
                Some(false),
            ),
            ("Nenhuma das duas está sendo explorada.", Some(false)),
            (
                "Authentication is not required to exploit this vulnerability.",
                None,
            ),
            (
                "We might publish earlier if it gets exploited in the wild.",
                None,
            ),
        ] {
            let found = exploited(&read(text)).map(|answer| answer.value);
            assert_eq!(found, expected, "{text}");
        }
        for (text, expected) in [
            ("También hemos avisado a otros fabricantes.", Some(true)),
            ("No lo he contado a nadie más.", Some(false)),
            (
                "本件は JPCERT/CC 様にはまだ届け出ておりません。",
                Some(false),
            ),
            ("I have also reported this to CERT/CC.", Some(true)),
            ("Nobody else knows about this.", Some(false)),
            ("任何人都可以伪造令牌。", None),
            ("I sent email to my email at home.", None),
        ] {
            let found = others_told(&read(text)).map(|answer| answer.value);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn who_wants_to_be_named_is_read_with_the_name() {
        for (text, wish, name) in [
            (
                "Указывать меня в благодарностях не нужно.",
                Some(CreditWish::Declined),
                None,
            ),
            (
                "謝辞には本人の氏名をお願いいたします。",
                Some(CreditWish::Wanted),
                None,
            ),
            (
                "It rejects anonymous writes without mentioning it.",
                None,
                None,
            ),
            (
                "Please credit me as Ada Example.",
                Some(CreditWish::Wanted),
                Some("Ada Example"),
            ),
            (
                "I would like to stay anonymous.",
                Some(CreditWish::Anonymous),
                None,
            ),
            ("No credit needed.", Some(CreditWish::Declined), None),
            (
                "How do you want to be credited? Ada Example, ACME Labs",
                Some(CreditWish::Wanted),
                Some("Ada Example, ACME Labs"),
            ),
            ("The credit card form has an XSS.", None, None),
            (
                "Gostaria de ser creditado como \"tlavrador\".",
                Some(CreditWish::Wanted),
                Some("tlavrador"),
            ),
            (
                "Reconocimiento .... Joaquín Urrutia, Cooperativa Libre",
                Some(CreditWish::Wanted),
                Some("Joaquín Urrutia, Cooperativa Libre"),
            ),
            (
                "致谢署名：青山安全实验室 周牧",
                Some(CreditWish::Wanted),
                Some("青山安全实验室 周牧"),
            ),
            ("Discovered by: Tadeusz Moor", None, Some("Tadeusz Moor")),
            (
                "谢谢，请署名\"白方实验室 陈立\"。",
                Some(CreditWish::Wanted),
                Some("白方实验室 陈立"),
            ),
            ("Pas besoin de me citer.", Some(CreditWish::Declined), None),
            (
                "Deseja crédito? [ ] Sim [x] Não",
                Some(CreditWish::Declined),
                None,
            ),
        ] {
            let units = units(text, &LetterKeys);
            let found = credit(&units).map(|answer| answer.value);
            assert_eq!(found, wish, "{text}");
            let found = credit_name(&units).map(|answer| answer.value);
            assert_eq!(found.as_deref(), name, "{text}");
        }
    }
}
