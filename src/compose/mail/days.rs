//! How do people write a day?

use crate::model::Timestamp;
use crate::model::language::Language;
use jiff::tz::TimeZone;

/// The months as they stand in a date, where the language has words for them.
fn months(language: Language) -> &'static str {
    match language {
        Language::English => {
            "January February March April May June July August September October November December"
        }
        Language::German => {
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
        }
        Language::French => {
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
        }
        Language::Spanish => {
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
        }
        Language::Portuguese => {
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
        }
        Language::Russian => {
            "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
        }
        Language::Japanese | Language::Chinese => "",
    }
}

/// A day in UTC, its month in words where the language has words for it.
pub(super) fn day(at: Timestamp, language: Language) -> String {
    let date = at.to_zoned(TimeZone::UTC).date();
    let (day, year) = (date.day(), date.year());
    let before = usize::try_from(date.month() - 1).unwrap_or_default();
    let Some(month) = months(language).split_whitespace().nth(before) else {
        return format!("{year}年{}月{day}日", date.month());
    };
    match language {
        Language::German => format!("{day}. {month} {year}"),
        Language::French if day == 1 => format!("1er {month} {year}"),
        Language::Spanish | Language::Portuguese => format!("{day} de {month} de {year}"),
        Language::Russian => format!("{day} {month} {year} г."),
        _ => format!("{day} {month} {year}"),
    }
}

/// A minute of a day in UTC.
pub(super) fn minute(at: Timestamp, language: Language) -> String {
    format!("{}, {}", day(at, language), at.strftime("%H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_month_has_an_ordinal_in_french() {
        let first: Timestamp = "2026-12-01T08:05:00Z".parse().unwrap();
        assert_eq!(day(first, Language::French), "1er décembre 2026");
        assert_eq!(day(first, Language::Spanish), "1 de diciembre de 2026");
    }

    #[test]
    fn a_day_is_written_as_each_language_writes_it() {
        let at: Timestamp = "2026-12-03T08:05:00Z".parse().unwrap();
        for (language, written) in [
            (Language::English, "3 December 2026"),
            (Language::German, "3. Dezember 2026"),
            (Language::French, "3 décembre 2026"),
            (Language::Spanish, "3 de diciembre de 2026"),
            (Language::Portuguese, "3 de dezembro de 2026"),
            (Language::Russian, "3 декабря 2026 г."),
            (Language::Japanese, "2026年12月3日"),
            (Language::Chinese, "2026年12月3日"),
        ] {
            assert_eq!(day(at, language), written);
            assert_eq!(minute(at, language), format!("{written}, 08:05 UTC"));
        }
    }
}
