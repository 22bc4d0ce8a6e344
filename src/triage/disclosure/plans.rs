//! Will the writer publish, and when; or do they keep it private?

use super::{PublicDate, Reader};
use crate::triage::date::{Meaning, Named};
use crate::triage::lexicon::Concept;
use crate::triage::units::UnitKind;
use jiff::civil::Date;
use std::ops::Range;

/// A denial behind its verb stands so near.
const REFUSAL_OCTETS_MAX: usize = 120;

/// A condition reaches so far.
const CONDITION_OCTETS_MAX: usize = 60;

impl Reader<'_> {
    /// They will publish, or an embargo ends.
    pub(super) fn will_publish(&self) -> Option<(Option<PublicDate>, Range<usize>)> {
        let whole = 0..self.text.len();
        let publish = self
            .first(Concept::Publish)
            .or_else(|| self.first(Concept::Posted))
            .or_else(|| self.first(Concept::Public));
        let by_head = [Concept::Policy, Concept::Publish, Concept::Private]
            .iter()
            .any(|concept| self.head_has(*concept))
            && !self.head_text.contains("timeline");
        if let Some(policy) = self.first(Concept::Policy) {
            let date = self.date_near(&policy.range);
            if date.is_some() && !self.is_past() {
                return Some((date, whole));
            }
        }
        if by_head && self.is_answer() {
            let date = self.date_near(&whole);
            if date.is_some() {
                return Some((date, whole));
            }
        }
        // "We will not publish before 15 January", "embargoed until then".
        if let Some(private) = self.first(Concept::Private)
            && self.names_day()
            && self
                .said
                .iter()
                .any(|s| matches!(s.concept, Concept::If | Concept::Before | Concept::UpTo))
        {
            return Some((self.date_near(&private.range), whole));
        }
        let publish = publish?;
        let date = self.date_near(&publish.range);
        let negated = self.is_negated(&publish.range);
        let plans = self.has(Concept::Will);
        match (&date, negated) {
            // "We will not publish before 15 January."
            (Some(_), true) if self.names_day() && self.has(Concept::If) => Some((date, whole)),
            (Some(_), false)
                if plans
                    || self.names_day()
                    || self.is_answer()
                    || self.speaks_in_first_person() =>
            {
                Some((date, whole))
            }
            (None, false)
                if plans
                    && self.first(Concept::Publish).is_some()
                    && !self.waits_for_us()
                    && !self.is_refused(&publish.range)
                    && !self.is_condition(&publish.range)
                    && self.speaks_of_self() =>
            {
                Some((None, whole))
            }
            _ => None,
        }
    }

    /// "Eine Veröffentlichung ist nicht beabsichtigt": the denial stands behind, in its clause.
    fn is_refused(&self, publish: &Range<usize>) -> bool {
        self.said.iter().any(|not| {
            matches!(not.concept, Concept::Not | Concept::No | Concept::NotOne)
                && not.range.start >= publish.end
                && not.range.start - publish.end <= REFUSAL_OCTETS_MAX
                && !self.text[publish.end..not.range.start].contains([',', ';', '，'])
        })
    }

    /// "If the maker publishes an advisory, …": nobody says that they do.
    fn is_condition(&self, publish: &Range<usize>) -> bool {
        self.said.iter().any(|condition| {
            condition.concept == Concept::If
                && condition.range.end <= publish.start
                && publish.start - condition.range.end <= CONDITION_OCTETS_MAX
                && !self.text[condition.range.end..publish.start].contains([',', ';', '，', '、'])
        })
    }

    pub(super) fn is_answer(&self) -> bool {
        matches!(self.unit.kind, UnitKind::Field | UnitKind::Cell)
    }

    /// Whether a day is named, and not a period alone.
    pub(super) fn names_day(&self) -> bool {
        self.dates.iter().any(|d| {
            !matches!(d.meaning, Meaning::Period(_) | Meaning::Ago(_)) && self.future(d).is_some()
        })
    }

    /// Whether every day that it names is over.
    fn is_past(&self) -> bool {
        self.dates.iter().all(|d| self.future(d).is_none())
    }

    /// The plan is the writer's, or nobody's in particular: "we will publish", "it will be disclosed".
    fn speaks_of_self(&self) -> bool {
        let theirs = [
            "you publish",
            "you will publish",
            "you to publish",
            "you disclose",
            "will you",
            "do you plan",
            "your advisory",
            "sie veröffentlichen",
            "вы опубликуете",
            "you plan",
            "ご予定",
            "御社で公表",
        ];
        !theirs.iter().any(|words| self.text.contains(words))
    }

    /// "We do publish all findings 90 days after the first mail."
    fn speaks_in_first_person(&self) -> bool {
        let mut words = self.text.split(|c: char| !c.is_alphabetic());
        let first = [
            "i", "we", "our", "my", "ich", "wir", "je", "nous", "мы", "я",
        ];
        words.any(|word| first.contains(&word))
    }

    /// "once you have released a fix", "until a patch is out".
    fn waits_for_us(&self) -> bool {
        self.said.iter().any(|s| s.concept == Concept::If)
            && [
                "fix",
                "patch",
                "release",
                "update",
                "behoben",
                "correctif",
                "corrig",
                "parche",
                "исправ",
                "修复",
                "补丁",
                "修正",
                "対策",
                "your ok",
                "you agree",
                "your go",
            ]
            .iter()
            .any(|word| self.text.contains(word))
    }

    /// The future day nearest after a place, else before it.
    pub(super) fn date_near(&self, range: &Range<usize>) -> Option<PublicDate> {
        let mut usable: Vec<(&Named, Vec<String>)> = self
            .dates
            .iter()
            .filter_map(|d| self.future(d).map(|days| (d, days)))
            .collect();
        usable.sort_by_key(|(named, _)| {
            let is_period = matches!(named.meaning, Meaning::Period(_));
            let distance = if named.range.start >= range.end {
                named.range.start - range.end
            } else {
                2 * range.start.saturating_sub(named.range.end) + 5
            };
            (is_period, distance)
        });
        let (named, days) = usable.into_iter().next()?;
        Some(PublicDate {
            days,
            range: named.range.clone(),
        })
    }

    /// What a date means, if it lies ahead.
    pub(super) fn future(&self, named: &Named) -> Option<Vec<String>> {
        let is_ahead = |day: &Date| self.written.is_none_or(|written| *day >= written);
        match named.meaning {
            Meaning::Day(day) => is_ahead(&day).then(|| vec![day.to_string()]),
            Meaning::Month(day) => {
                is_ahead(&day.last_of_month()).then(|| vec![day.strftime("%Y-%m").to_string()])
            }
            Meaning::Either(one, other) => {
                let ahead: Vec<String> = [one, other]
                    .iter()
                    .filter(|d| is_ahead(d))
                    .map(ToString::to_string)
                    .collect();
                (!ahead.is_empty()).then_some(ahead)
            }
            Meaning::Period(length) => {
                let tail = self.text[named.range.end..].trim_start();
                let from_elsewhere = [
                    "after the fix",
                    "after a fix",
                    "after your fix",
                    "after the patch",
                    "after a patch",
                    "after release",
                    "after the release",
                    "after you",
                    "after the advisory",
                    "nach der veröffentlichung",
                    "nach dem",
                    "nach ihrem",
                    "après la publication",
                    "después de",
                    "после выпуска",
                    "после исправ",
                ];
                if from_elsewhere.iter().any(|words| tail.starts_with(words)) || is_from_other(tail)
                {
                    return None;
                }
                length.after(self.written?).map(|day| vec![day.to_string()])
            }
            Meaning::Ago(_) => None,
        }
    }

    /// They ask for silence, or promise it.
    pub(super) fn keeps_private(&self) -> Option<Range<usize>> {
        if self.has(Concept::Private) {
            let range = self.first(Concept::Private)?.range.clone();
            let lifts = [
                "no need for",
                "need no",
                "no embargo",
                "without embargo",
                "kein embargo",
                "pas d'embargo",
            ];
            return (!lifts.iter().any(|words| self.text.contains(words))).then_some(range);
        }
        // "I need no public thanks": it is the name that they keep to themselves.
        let is_of_name = self.unit.says(Concept::Credit) || self.unit.says(Concept::NoCredit);
        let publish = self
            .first(Concept::Publish)
            .or_else(|| self.first(Concept::Public))
            .filter(|_| !is_of_name)?;
        // "Without publishing messages to new topics" speaks of what a program does.
        let is_of_writer = self.has(Concept::Will)
            || self.has(Concept::TheMatter)
            || self.has(Concept::Exploit)
            || self.is_answer()
            || self.speaks_in_first_person()
            || !self.text.is_ascii();
        let negated = is_of_writer && self.is_negated(&publish.range);
        let waits = self.waits_for_us() && (self.has(Concept::Will) || self.has(Concept::Publish));
        (negated || waits).then(|| publish.range.clone())
    }
}

/// "30 days after your confirmation", "45 days from 15 January": a period that does not count from
/// this letter.
fn is_from_other(tail: &str) -> bool {
    let leads = [
        "after ",
        "from ",
        "nach ",
        "ab ",
        "après ",
        "después de",
        "tras ",
        "após ",
        "depois d",
        "после ",
        "со дня ",
    ];
    let letter = [
        "this",
        "today",
        "now",
        "report",
        "mail",
        "message",
        "letter",
        "notification",
        "heute",
        "dies",
        "meldung",
        "jetzt",
        "aujourd",
        "ce ",
        "cet",
        "présent",
        "signalement",
        "hoy",
        "est",
        "aviso",
        "informe",
        "hoje",
        "dest",
        "envio",
        "relat",
        "этого",
        "сегодня",
        "письм",
        "сообщ",
        "уведомл",
        "отправк",
        "initial",
        "disclosure",
        "contact",
        "submission",
        "receipt",
        "first",
    ];
    let clause = tail
        .split([',', '.', ';', ':', '('])
        .next()
        .unwrap_or_default();
    let is_led = leads.iter().any(|lead| tail.starts_with(lead));
    is_led && !letter.iter().any(|word| clause.contains(word))
}
