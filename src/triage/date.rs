//! Which days and periods does a text name? Absolute, partial and relative ones, in eight
//! languages. What can be read in two ways is said to be ambiguous.

mod names;
mod periods;
mod pieces;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use names::month;
use pieces::{Piece, pieces};
use std::ops::Range;

/// A day or a period, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub range: Range<usize>,
    pub meaning: Meaning,
}

/// What is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Day(Date),
    /// Without a day: its first one.
    Month(Date),
    /// Day and month may be either way round.
    Either(Date, Date),
    /// A period, without saying from when: 90 days.
    Period(Length),
    /// A period that is over: 3 days ago.
    Ago(Length),
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    pub count: i32,
    pub unit: Unit,
}

/// Of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Length {
    /// The day that comes so long after another.
    pub fn after(self, day: Date) -> Option<Date> {
        let span: Span = match self.unit {
            Unit::Days => self.count.days(),
            Unit::Weeks => self.count.weeks(),
            Unit::Months => self.count.months(),
            Unit::Years => self.count.years(),
        };
        day.checked_add(span).ok()
    }
}

/// The days and periods of a text in lower case, in order. `written` is the letter's day; `day_first`
/// where the language writes 3/4 for the third of April.
pub(super) fn dates(text: &str, written: Option<Date>, day_first: bool) -> Vec<Named> {
    let pieces = pieces(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let reader = Reader {
            pieces: &pieces,
            written,
            day_first,
        };
        match reader.named(at) {
            Some((meaning, length)) => {
                let range = pieces[at].start..pieces[at + length - 1].end();
                found.push(Named { range, meaning });
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

struct Reader<'p, 't> {
    pieces: &'p [Piece<'t>],
    written: Option<Date>,
    day_first: bool,
}

impl Reader<'_, '_> {
    fn text(&self, at: usize) -> &str {
        self.pieces.get(at).map_or("", |p| p.text)
    }

    fn digits(&self, at: usize) -> Option<i32> {
        self.pieces
            .get(at)
            .filter(|p| p.is_digits)
            .and_then(|p| p.number)
    }

    /// Whether two pieces stand without a gap.
    fn touch(&self, at: usize) -> bool {
        match (self.pieces.get(at), self.pieces.get(at + 1)) {
            (Some(one), Some(next)) => one.end() == next.start,
            _ => false,
        }
    }

    /// What begins here, and how many pieces it takes.
    fn named(&self, at: usize) -> Option<(Meaning, usize)> {
        self.east_asian(at)
            .or_else(|| self.numeric(at))
            .or_else(|| self.day_and_month(at))
            .or_else(|| self.month_and_day(at))
            .or_else(|| self.period(at))
            .or_else(|| self.word(at))
    }

    /// `2026年11月13日`, `11月13日`, `2026年11月`.
    fn east_asian(&self, at: usize) -> Option<(Meaning, usize)> {
        let first = self.digits(at)?;
        if self.text(at + 1) == "年" {
            let month = self.digits(at + 2).filter(|_| self.text(at + 3) == "月")?;
            let day = self
                .digits(at + 4)
                .filter(|_| matches!(self.text(at + 5), "日" | "号"));
            return match day {
                Some(day) => Some((Meaning::Day(date(first, month, day)?), 6)),
                None => Some((Meaning::Month(date(first, month, 1)?), 4)),
            };
        }
        let day = self
            .digits(at + 2)
            .filter(|_| self.text(at + 1) == "月" && matches!(self.text(at + 3), "日" | "号"))?;
        Some((Meaning::Day(self.next(first, day)?), 4))
    }

    /// `2026-11-13`, `13.11.2026`, `11/13/2026`, `13.11.`.
    fn numeric(&self, at: usize) -> Option<(Meaning, usize)> {
        let [one, two, three] = [
            self.digits(at)?,
            self.digits(at + 2)?,
            self.digits(at + 4).unwrap_or(-1),
        ];
        let mark = self.text(at + 1);
        let is_joined =
            self.touch(at) && self.touch(at + 1) && matches!(mark, "-" | "/" | "." | "‑" | "–");
        if !is_joined {
            return None;
        }
        if three < 0 {
            // `13.11.` without a year, in languages that write so.
            let is_short =
                mark == "." && self.day_first && self.text(at + 3) == "." && self.touch(at + 2);
            let follows_word = at > 0 && self.pieces[at - 1].text.chars().all(char::is_alphabetic);
            let day = (is_short && follows_word && self.digits(at + 4).is_none())
                .then(|| self.next(two, one))??;
            return Some((Meaning::Day(day), 4));
        }
        if !(self.touch(at + 2) && self.touch(at + 3) && self.text(at + 3) == mark) {
            return None;
        }
        let width = |at: usize| self.text(at).len();
        if width(at) == 4 && (1990..2100).contains(&one) {
            return Some((Meaning::Day(date(one, two, three)?), 5));
        }
        let year = match width(at + 4) {
            4 if (1990..2100).contains(&three) => three,
            2 if mark != "." || self.day_first => 2000 + three,
            _ => return None,
        };
        if width(at + 4) == 2 && !(20..40).contains(&three) {
            return None;
        }
        let (day_first, month_first) = (date(year, two, one), date(year, one, two));
        let meaning = match (day_first, month_first) {
            (Some(day), None) | (None, Some(day)) => Meaning::Day(day),
            (Some(day), Some(other)) if day == other => Meaning::Day(day),
            (Some(day), Some(_)) if mark == "." || self.day_first => Meaning::Day(day),
            (Some(day), Some(other)) => Meaning::Either(day, other),
            (None, None) => return None,
        };
        Some((meaning, 5))
    }

    /// `13 November 2026`, `13. November`, `1º de dezembro de 2026`, `13-е ноября`.
    fn day_and_month(&self, at: usize) -> Option<(Meaning, usize)> {
        let day = self.digits(at).filter(|day| (1..=31).contains(day))?;
        let mut next = at + 1;
        let is_suffix = |text: &str| {
            matches!(
                text,
                "st" | "nd"
                    | "rd"
                    | "th"
                    | "er"
                    | "º"
                    | "ª"
                    | "°"
                    | "o"
                    | "е"
                    | "го"
                    | "."
                    | "-"
                    | "de"
                    | "of"
                    | "del"
                    | "do"
            )
        };
        while next < at + 4 && is_suffix(self.text(next)) {
            next += 1;
        }
        let month = month(self.text(next))?;
        self.with_year(day, month, at, next + 1)
    }

    /// `November 13, 2026`, `Nov 13th`, `November 2026`.
    fn month_and_day(&self, at: usize) -> Option<(Meaning, usize)> {
        let word = self.text(at);
        let month = month(word)?;
        let mut next = at + 1;
        if self.text(next) == "." && word.chars().count() <= 4 {
            next += 1;
        }
        if let Some(day) = self
            .digits(next)
            .filter(|day| (1..=31).contains(day) && self.text(next).len() <= 2)
        {
            next += 1;
            if matches!(self.text(next), "st" | "nd" | "rd" | "th") {
                next += 1;
            }
            return self.with_year(day, month, at, next);
        }
        while matches!(self.text(next), "de" | "of" | "," | "del" | "в") && next < at + 3 {
            next += 1;
        }
        let year = self
            .digits(next)
            .filter(|year| (2000..2100).contains(year))?;
        Some((Meaning::Month(date(year, month, 1)?), next + 1 - at))
    }

    /// The year may follow; else the next such day is meant.
    fn with_year(&self, day: i32, month: i32, at: usize, after: usize) -> Option<(Meaning, usize)> {
        let mut next = after;
        while next < after + 2 && matches!(self.text(next), "," | "." | "de" | "of" | "del" | "do")
        {
            next += 1;
        }
        match self.digits(next).filter(|year| (1990..2100).contains(year)) {
            Some(year) => Some((Meaning::Day(date(year, month, day)?), next + 1 - at)),
            None => Some((Meaning::Day(self.next(month, day)?), after - at)),
        }
    }

    /// The next such day, from the letter's on.
    fn next(&self, month: i32, day: i32) -> Option<Date> {
        let written = self.written?;
        let this = date(i32::from(written.year()), month, day)?;
        // What was a few weeks ago is told as past.
        if this >= written.checked_sub(60.days()).ok()? {
            return Some(this);
        }
        date(i32::from(written.year()) + 1, month, day)
    }
}

fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, day_first: bool, expected: &[&str]) {
        let today = date(2026, 11, 3).unwrap();
        let shown: Vec<String> = dates(&text.to_lowercase(), Some(today), day_first)
            .into_iter()
            .map(|named| match named.meaning {
                Meaning::Day(day) => day.to_string(),
                Meaning::Month(day) => day.strftime("%Y-%m").to_string(),
                Meaning::Either(one, other) => format!("{one} or {other}"),
                Meaning::Period(length) => format!("+{}", length.after(today).unwrap()),
                Meaning::Ago(length) => format!("-{}{:?}", length.count, length.unit),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn days_are_read_in_eight_languages() {
        check("on 13 November", false, &["2026-11-13"]);
        check(
            "13/11/2026, 2026/11/13 and 03/04/2027",
            false,
            &["2026-11-13", "2026-11-13", "2027-04-03 or 2027-03-04"],
        );
        check("03/04/2027", true, &["2027-04-03"]);
        check(
            "Wir veröffentlichen das am 13. November 2026.",
            true,
            &["2026-11-13"],
        );
        check(
            "embargo until 1. December 2026; Jan 5th, 2027",
            false,
            &["2026-12-01", "2027-01-05"],
        );
        check(
            "17th January 2027, January 17, and February 2027",
            false,
            &["2027-01-17", "2027-01-17", "2027-02"],
        );
        check(
            "le 1er décembre 2026, el 13 de noviembre de 2026",
            true,
            &["2026-12-01", "2026-11-13"],
        );
        check(
            "1º de dezembro de 2026, 13 ноября 2026 г.",
            true,
            &["2026-12-01", "2026-11-13"],
        );
        check(
            "公開予定日は2026年11月13日、11月20日",
            false,
            &["2026-11-13", "2026-11-20"],
        );
        check(
            "am 24.12.2026 und am 13.11. gern",
            true,
            &["2026-12-24", "2026-11-13"],
        );
        check("31.02.2026, 2.3.1", true, &[]);
    }

    #[test]
    fn periods_are_read_in_eight_languages() {
        check(
            "in two weeks, within 90 days, 90-day policy",
            false,
            &["+2026-11-17", "+2027-02-01", "+2027-02-01"],
        );
        check(
            "ninety (90) days; three days ago; yesterday",
            false,
            &["+2027-02-01", "-3Days", "-1Days"],
        );
        check(
            "in zwei Wochen, vor drei Tagen, nächste Woche",
            true,
            &["+2026-11-17", "-3Days", "+2026-11-10"],
        );
        check(
            "dans 30 jours, il y a deux semaines, hace 3 días",
            true,
            &["+2026-12-03", "-2Weeks", "-3Days"],
        );
        check(
            "через 30 дней, 90天后, 两周后, 3か月後, 三十日",
            true,
            &[
                "+2026-12-03",
                "+2027-02-01",
                "+2026-11-17",
                "+2027-02-03",
                "+2026-12-03",
            ],
        );
        check(
            "em 60 dias, há dois meses",
            true,
            &["+2027-01-02", "-2Months"],
        );
    }
}
