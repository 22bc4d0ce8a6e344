//! Does the writer keep it private, will they publish, or is it public already? And when?

mod plans;

use super::date::{Named, dates};
use super::language::Language;
use super::lexicon::{Concept, Said, concepts};
use super::own_words::is_question;
use super::units::{Unit, UnitKind, head_of};
use crate::model::report::{Disclosure, Intent};
use jiff::civil::Date;
use std::ops::Range;

/// A day, or the first of a month whose day is not said; two where either may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicDate {
    pub days: Vec<String>,
    pub range: Range<usize>,
}

/// A claim about publication, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DisclosureClaim {
    pub intent: Intent,
    pub date: Option<PublicDate>,
    pub unit: usize,
    pub range: Range<usize>,
}

/// The claims of all units, strongest kind first and in order.
pub(super) fn claims(
    units: &[Unit],
    written: Option<Date>,
    language: Language,
) -> Vec<DisclosureClaim> {
    let mut found: Vec<DisclosureClaim> = (0..units.len())
        .filter(|at| {
            !matches!(units[*at].kind, UnitKind::Code | UnitKind::Signature)
                && units[*at].depth == 0
        })
        .filter(|at| speaks_of_publication(units, *at))
        .filter_map(|at| Reader::new(units, at, written, language).claim())
        .collect();
    found.sort_by_key(|claim| (rank(claim.intent), claim.date.is_none(), claim.unit));
    found
}

/// Whether a unit or its head has any word of it.
fn speaks_of_publication(units: &[Unit], at: usize) -> bool {
    let speaks = |said: &Said| {
        matches!(
            said.concept,
            Concept::Publish
                | Concept::Public
                | Concept::Posted
                | Concept::IsOut
                | Concept::Policy
                | Concept::Private
        )
    };
    let in_head = head_of(units, at).is_some_and(|(_, said)| said.iter().any(speaks));
    in_head || units[at].said.iter().any(speaks)
}

/// What is out already weighs most, then a plan to publish.
fn rank(intent: Intent) -> u8 {
    match intent {
        Intent::AlreadyPublic => 0,
        Intent::Public => 1,
        Intent::Private => 2,
        Intent::Unstated => 3,
    }
}

/// What the strongest claim says. A day that can be read in two ways is none.
pub(super) fn disclosure(claims: &[DisclosureClaim]) -> Disclosure {
    let Some(strongest) = claims.first() else {
        return Disclosure::default();
    };
    let date = strongest.date.as_ref().map(|date| date.days.as_slice());
    Disclosure {
        intent: strongest.intent,
        date: match date {
            Some([day]) => Some(day.clone()),
            _ => None,
        },
    }
}

struct Reader<'a> {
    unit: &'a Unit,
    at: usize,
    text: &'a str,
    said: Vec<&'a Said>,
    dates: Vec<Named>,
    written: Option<Date>,
    /// What its key, its column or its heading says.
    head: &'a [Said],
    head_text: &'a str,
}

/// Concepts whose phrases hide the words within them.
const HIDING: [Concept; 6] = [
    Concept::Private,
    Concept::Policy,
    Concept::Forum,
    Concept::NoCredit,
    Concept::PublicThing,
    Concept::Footer,
];

impl<'a> Reader<'a> {
    fn new(units: &'a [Unit], at: usize, written: Option<Date>, language: Language) -> Self {
        let unit = &units[at];
        let all = &unit.said;
        let head = head_of(units, at);
        let hiding: Vec<&Said> = all.iter().filter(|s| HIDING.contains(&s.concept)).collect();
        let hides = |said: &Said| {
            hiding.iter().any(|longer| {
                longer.concept != said.concept
                    && longer.range.start <= said.range.start
                    && said.range.end <= longer.range.end
                    && longer.range.len() > said.range.len()
            })
        };
        Self {
            said: all.iter().filter(|said| !hides(said)).collect(),
            dates: dates(&unit.lower, written, language.is_day_first()),
            head: head.map_or(&[], |(_, said)| said),
            head_text: head.map_or("", |(text, _)| text),
            unit,
            at,
            text: &unit.lower,
            written,
        }
    }

    fn first(&self, concept: Concept) -> Option<&Said> {
        self.said.iter().copied().find(|s| s.concept == concept)
    }

    fn has(&self, concept: Concept) -> bool {
        self.first(concept).is_some()
    }

    fn head_has(&self, concept: Concept) -> bool {
        self.head.iter().any(|s| s.concept == concept)
    }

    fn claim(&self) -> Option<DisclosureClaim> {
        if self.has(Concept::Footer) || is_question(self.unit) && !self.has(Concept::Will) {
            return None;
        }
        if let Some(claim) = self.of_question() {
            return claim;
        }
        if let Some(range) = self.already_public() {
            return Some(self.claimed(Intent::AlreadyPublic, None, range));
        }
        // A heading alone, or over an answer that nobody gave, plans nothing.
        if self.unit.kind == UnitKind::Heading && !self.names_day() {
            return None;
        }
        if let Some((date, range)) = self.will_publish() {
            return Some(self.claimed(Intent::Public, date, range));
        }
        let range = self.keeps_private()?;
        Some(self.claimed(Intent::Private, None, range))
    }

    /// A form's question, answered with yes or no: what it claims, if anything.
    fn of_question(&self) -> Option<Option<DisclosureClaim>> {
        let begins = |concept| {
            self.said
                .iter()
                .any(|s| s.concept == concept && s.range.start == 0)
        };
        let (yes, no) = (begins(Concept::Yes), begins(Concept::No));
        if !self.is_answer()
            || !(yes || no)
            || !(self.head_has(Concept::Public) || self.head_has(Concept::Publish))
        {
            return None;
        }
        let plans = self.head_has(Concept::Will)
            || self.head_has(Concept::Publish) && !self.head_has(Concept::Already);
        let whole = 0..self.text.len();
        Some(match (yes, plans) {
            (true, true) => Some(self.claimed(Intent::Public, self.date_near(&whole), whole)),
            (true, false) => Some(self.claimed(Intent::AlreadyPublic, None, whole)),
            // Who has no plan asks for no silence.
            (false, _) => None,
        })
    }

    fn claimed(
        &self,
        intent: Intent,
        date: Option<PublicDate>,
        range: Range<usize>,
    ) -> DisclosureClaim {
        DisclosureClaim {
            intent,
            date,
            unit: self.at,
            range,
        }
    }

    /// Whether a negation stands right before a place, in its clause.
    fn is_negated(&self, range: &Range<usize>) -> bool {
        self.said.iter().any(|not| {
            not.concept == Concept::Not
                && ((not.range.end <= range.start && {
                    let gap = &self.text[not.range.end..range.start];
                    let is_near = gap.split_whitespace().count() <= 4;
                    // "No rush, but I will publish" denies the rush.
                    let is_other = self.said.iter().any(|but| {
                        but.concept == Concept::But
                            && not.range.end <= but.range.start
                            && but.range.end <= range.start
                    });
                    is_near && !is_other && !gap.contains([',', ';', '，', '。'])
                }) || (not.range.start >= range.start
                    && not.range.start <= range.end + 6
                    && !self.text[not.range.clone()].is_ascii()))
        })
    }

    /// It is out: somebody posted it, or it is called public.
    fn already_public(&self) -> Option<Range<usize>> {
        let is_future = |range: &Range<usize>| {
            self.said.iter().any(|s| {
                s.concept == Concept::Will
                    && s.range.start < range.end
                    && range.start.saturating_sub(s.range.end) < 40
            }) || self
                .dates
                .iter()
                .any(|d| self.future(d).is_some() && (d.range.start.abs_diff(range.end) < 30))
        };
        let conditional = |range: &Range<usize>| {
            self.said.iter().any(|s| {
                s.concept == Concept::If
                    && s.range.end <= range.start
                    && range.start - s.range.end < 60
                    && !self.text[s.range.end..range.start].contains([',', ';'])
            })
        };
        for said in &self.said {
            let is_out = match said.concept {
                Concept::IsOut => true,
                Concept::Public => {
                    self.is_of_vulnerability(&said.range)
                        && (self.has(Concept::Already)
                            || self.is_predicate(&said.range)
                            || self.is_exploit_noun(&said.range))
                }
                Concept::Posted => {
                    (self.has(Concept::Forum) || self.has(Concept::Exploit))
                        && !self.is_told_to_us(&said.range)
                }
                _ => false,
            };
            if is_out
                && !self.is_negated(&said.range)
                && !is_future(&said.range)
                && !conditional(&said.range)
            {
                return Some(0..self.text.len());
            }
        }
        None
    }

    /// Whether a "public" speaks of the vulnerability: it stands near its words or a pronoun.
    fn is_of_vulnerability(&self, range: &Range<usize>) -> bool {
        let head = &self.text[self
            .text
            .floor_char_boundary(range.start.saturating_sub(90))
            ..range.start];
        let tail = &self.text[range.end
            ..self
                .text
                .floor_char_boundary((range.end + 30).min(self.text.len()))];
        let near = concepts(&format!("{head} {tail}"));
        near.iter()
            .any(|s| matches!(s.concept, Concept::Exploit | Concept::TheMatter))
    }

    /// "… is public", "… are now public".
    fn is_predicate(&self, range: &Range<usize>) -> bool {
        let head = self.text[..range.start].trim_end();
        let last: Vec<&str> = head.rsplit(' ').take(3).collect();
        let copulas = [
            "is", "are", "was", "were", "been", "became", "become", "went", "gone", "ist", "sind",
            "est", "sont", "es", "está", "son", "é", "são", "'s", "already", "now", "it's",
        ];
        last.iter().any(|word| copulas.contains(word))
            || range.len() > 12 && !self.text[range.clone()].is_ascii()
    }

    /// "a public exploit", "public PoC".
    fn is_exploit_noun(&self, range: &Range<usize>) -> bool {
        let tail = self.text[range.end..].trim_start();
        [
            "exploit",
            "poc",
            "proof of concept",
            "proof-of-concept",
            "metasploit",
            "write-up",
            "writeup",
        ]
        .iter()
        .any(|noun| tail.starts_with(noun))
    }

    fn is_told_to_us(&self, range: &Range<usize>) -> bool {
        let tail = self.text[range.end..].trim_start();
        ["to you", "to the vendor", "to us", "with you", "to your"]
            .iter()
            .any(|words| tail.starts_with(words) || tail.contains(&format!("it {words}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::units::{Keys, units};

    struct None_;
    impl Keys for None_ {
        fn is_key(&self, key: &str) -> bool {
            matches!(key, "disclosure" | "embargo until" | "embargo")
        }
    }

    fn check(language: Language, text: &str, expected: &str) {
        let written = Some(Date::constant(2026, 11, 3));
        let found = claims(&units(text, &None_), written, language);
        let shown = found.first().map_or("-".to_owned(), |c| {
            let date = c
                .date
                .as_ref()
                .map_or(String::new(), |d| format!(" {}", d.days.join("|")));
            format!("{:?}{date}", c.intent)
        });
        assert!(shown == expected, "{text}: {shown} instead of {expected}");
    }

    #[test]
    fn intent_and_day() {
        check(Language::English, "I found an XSS.", "-");
        check(
            Language::English,
            "I intend to disclose this publicly on 2026-12-24, fix or no fix.",
            "Public 2026-12-24",
        );
        check(
            Language::English,
            "Disclosure: public on December 1st, 2026",
            "Public 2026-12-01",
        );
        check(
            Language::English,
            "We plan to publish our advisory on 24 December 2026.",
            "Public 2026-12-24",
        );
        check(
            Language::English,
            "This is already public, see the blog.",
            "AlreadyPublic",
        );
        check(
            Language::English,
            "The bug was posted on a forum yesterday.",
            "AlreadyPublic",
        );
        check(Language::English, "This is not publicly known.", "Private");
        check(
            Language::English,
            "The issue will be publicly disclosed on 2026-12-01.",
            "Public 2026-12-01",
        );
        check(
            Language::English,
            "I disclosed this to the vendor last week.",
            "-",
        );
        check(
            Language::English,
            "There is a public exploit at https://example.org/x.py",
            "AlreadyPublic",
        );
        check(
            Language::English,
            "The PoC is public since yesterday.",
            "AlreadyPublic",
        );
        check(
            Language::English,
            "Someone outside of the embargo has posted a PoC.",
            "AlreadyPublic",
        );
        check(
            Language::English,
            "It was posted to oss-security today.",
            "AlreadyPublic",
        );
        check(
            Language::English,
            "If I do not hear anything from you until 17th January 2027, I am releasing the technical details.",
            "Public 2027-01-17",
        );
        check(
            Language::English,
            "If no patch is available after 120 days we will release a limited public advisory.",
            "Public 2027-03-03",
        );
        check(
            Language::English,
            "We plan to publish on 13/11/2026.",
            "Public 2026-11-13",
        );
        check(
            Language::English,
            "We plan to publish in two weeks.",
            "Public 2026-11-17",
        );
        check(
            Language::English,
            "embargo until 1. December 2026",
            "Public 2026-12-01",
        );
        check(
            Language::English,
            "We will publish on 03/04/2027.",
            "Public 2027-04-03|2027-03-04",
        );
        check(
            Language::English,
            "An attacker reads private messages of other users.",
            "-",
        );
        check(
            Language::English,
            "We follow a 90-day disclosure policy.",
            "Public 2027-02-01",
        );
        check(
            Language::English,
            "I will not disclose this before a fix is available.",
            "Private",
        );
        check(
            Language::English,
            "We will not publish before 15 January 2027.",
            "Public 2027-01-15",
        );
        check(
            Language::English,
            "Please treat this under coordinated disclosure.",
            "Private",
        );
        check(
            Language::English,
            "Please keep this confidential.",
            "Private",
        );
        check(
            Language::English,
            "The public key of each user is readable.",
            "-",
        );
        check(
            Language::English,
            "The endpoint is publicly accessible.",
            "-",
        );
        check(
            Language::English,
            "2027-01-10 public disclosure",
            "Public 2027-01-10",
        );
        check(Language::English, "This is not public yet.", "Private");
        check(
            Language::English,
            "Once you have a fix we will publish a blog post.",
            "Private",
        );
    }

    #[test]
    fn intent_and_day_in_other_languages() {
        check(
            Language::German,
            "Wir veröffentlichen das am 13. November 2026.",
            "Public 2026-11-13",
        );
        check(
            Language::German,
            "Ich werde nichts veröffentlichen, bevor es behoben ist.",
            "Private",
        );
        check(
            Language::German,
            "Der Exploit ist bereits öffentlich.",
            "AlreadyPublic",
        );
        check(
            Language::French,
            "Nous publierons les détails le 15 janvier 2027.",
            "Public 2027-01-15",
        );
        check(
            Language::Spanish,
            "Vamos a publicar los detalles en 90 días.",
            "Public 2027-02-01",
        );
        check(
            Language::Portuguese,
            "Pretendemos publicar em 1º de dezembro de 2026.",
            "Public 2026-12-01",
        );
        check(
            Language::Russian,
            "Мы планируем опубликовать детали 1 декабря 2026 года.",
            "Public 2026-12-01",
        );
        check(Language::Chinese, "PoC已公开。", "AlreadyPublic");
        check(
            Language::Chinese,
            "我们将在90天后公开漏洞详情。",
            "Public 2027-02-01",
        );
        check(
            Language::Japanese,
            "公開予定日は2026年11月13日です。",
            "Public 2026-11-13",
        );
        check(
            Language::Japanese,
            "修正されるまで公開しません。",
            "Private",
        );
        check(Language::Chinese, "在修复之前我们不会公开。", "Private");
    }
}
