//! Which periods does a text name: 90 days, two weeks ago, next month?

use super::{Length, Meaning, Reader, Unit};

impl Reader<'_, '_> {
    /// `90 days`, `two weeks ago`, `90-day`, `3 か月`, `两周`.
    pub(super) fn period(&self, at: usize) -> Option<(Meaning, usize)> {
        let count = self
            .pieces
            .get(at)?
            .number
            .filter(|n| (1..=1000).contains(n))?;
        let mut next = at + 1;
        // "ninety (90) days"
        if self.text(next) == "("
            && self.digits(next + 1) == Some(count)
            && self.text(next + 2) == ")"
        {
            next += 3;
        }
        let filler = |text: &str| {
            matches!(
                text,
                "-" | "‑"
                    | "–"
                    | "個"
                    | "个"
                    | "full"
                    | "calendar"
                    | "business"
                    | "working"
                    | "other"
                    | "more"
                    | "further"
                    | "volle"
                    | "weitere"
                    | "jours-"
                    | "календарных"
            )
        };
        while next < at + 6 && filler(self.text(next)) {
            next += 1;
        }
        let (unit, factor, width) = self.unit(next)?;
        next += width;
        let length = Length {
            count: count.checked_mul(factor)?,
            unit,
        };
        let after = ["ago", "назад", "前", "earlier", "zuvor", "atrás"];
        let is_over = after.contains(&self.text(next))
            || self.before(at, &["vor", "hace", "há", "il"])
            || (self.text(next) == "以" && self.text(next + 1) == "前");
        Some((
            if is_over {
                Meaning::Ago(length)
            } else {
                Meaning::Period(length)
            },
            next - at,
        ))
    }

    /// Whether one of these words stands right before, or with "y a" between.
    fn before(&self, at: usize, words: &[&str]) -> bool {
        let near = |back: usize| {
            at.checked_sub(back)
                .is_some_and(|i| words.contains(&self.text(i)))
        };
        near(1) || (self.text(at.wrapping_sub(1)) == "a" && near(3))
    }

    fn unit(&self, at: usize) -> Option<(Unit, i32, usize)> {
        let text = self.text(at);
        let begins = |heads: &[&str]| heads.iter().any(|head| text.starts_with(head));
        if matches!(text, "天" | "日") {
            let width = 1 + usize::from(matches!(self.text(at + 1), "间" | "間"));
            return Some((Unit::Days, 1, width));
        }
        if matches!(text, "周" | "週") {
            let width = 1 + usize::from(matches!(self.text(at + 1), "间" | "間"));
            return Some((Unit::Weeks, 1, width));
        }
        if text == "月" {
            return Some((Unit::Months, 1, 1));
        }
        if matches!(text, "か" | "ヶ" | "カ" | "ケ") && self.text(at + 1) == "月" {
            return Some((Unit::Months, 1, 2));
        }
        if matches!(text, "d") {
            return Some((Unit::Days, 1, 1));
        }
        if begins(&["day", "tag", "jour", "día", "dia", "дн", "ден", "сут"])
            && !begins(&["diag", "dial", "diam"])
        {
            return Some((Unit::Days, 1, 1));
        }
        if begins(&["week", "woche", "semaine", "semana", "недел"]) {
            return Some((Unit::Weeks, 1, 1));
        }
        if begins(&["fortnight"]) {
            return Some((Unit::Weeks, 2, 1));
        }
        if begins(&["month", "monat", "mois", "mes", "mês", "месяц"])
            && !begins(&["mess", "mesm", "mesh"])
        {
            return Some((Unit::Months, 1, 1));
        }
        if begins(&["year", "jahr", "année", "año", "ano"])
            || matches!(text, "an" | "ans" | "год" | "года" | "лет")
        {
            return Some((Unit::Years, 1, 1));
        }
        None
    }

    /// `tomorrow`, `next week`, `nächste Woche`, `in a week`.
    pub(super) fn word(&self, at: usize) -> Option<(Meaning, usize)> {
        let period = |count, unit| Meaning::Period(Length { count, unit });
        let text = self.text(at);
        if matches!(
            text,
            "tomorrow" | "morgen" | "demain" | "mañana" | "amanhã" | "завтра" | "明日" | "明天"
        ) {
            return Some((period(1, Unit::Days), 1));
        }
        if matches!(
            text,
            "yesterday" | "gestern" | "hier" | "ayer" | "ontem" | "вчера" | "昨日" | "昨天"
        ) {
            let length = Length {
                count: 1,
                unit: Unit::Days,
            };
            return Some((Meaning::Ago(length), 1));
        }
        let is_next = matches!(
            text,
            "next"
                | "nächste"
                | "nächsten"
                | "nächster"
                | "kommende"
                | "kommenden"
                | "прошествии"
                | "следующей"
                | "próxima"
                | "próximo"
        );
        if is_next {
            let (unit, factor, width) = self.unit(at + 1)?;
            return Some((period(factor, unit), 1 + width));
        }
        None
    }
}
