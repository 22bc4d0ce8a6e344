//! How are months and small numbers called, in eight languages?

use std::collections::HashMap;
use std::sync::LazyLock;

/// The months in whole, and then as they are cut.
const MONTHS: [(&str, &str); 12] = [
    (
        "january januar janvier enero janeiro январь января январе",
        "jan ene янв",
    ),
    (
        "february februar février febrero fevereiro февраль февраля феврале",
        "feb fév fev фев",
    ),
    (
        "march märz mars marzo março март марта марте",
        "mar mär мар",
    ),
    ("april avril abril апрель апреля апреле", "apr avr abr апр"),
    ("may mai mayo maio май мая мае", "may mai май мая"),
    ("june juni juin junio junho июнь июня июне", "jun juin июн"),
    (
        "july juli juillet julio julho июль июля июле",
        "jul juil июл",
    ),
    (
        "august août agosto август августа августе",
        "aug aoû aou ago авг",
    ),
    (
        "september septembre septiembre setembro сентябрь сентября сентябре",
        "sep sept set сен",
    ),
    (
        "october oktober octobre octubre outubro октябрь октября октябре",
        "oct okt out окт",
    ),
    (
        "november novembre noviembre novembro ноябрь ноября ноябре",
        "nov ноя нояб",
    ),
    (
        "december dezember décembre diciembre dezembro декабрь декабря декабре",
        "dec dez déc dic дек",
    ),
];

/// Small numbers in words.
const NUMBERS: [(i32, &str); 18] = [
    (
        1,
        "a one eine einem einer un une una um uma один одну anderthalb",
    ),
    (2, "two zwei deux dos dois duas два две"),
    (3, "three drei trois tres três три"),
    (4, "four vier quatre cuatro quatro четыре"),
    (5, "five fünf пять"),
    (6, "six sechs seis шесть"),
    (7, "seven"),
    (8, "eight acht"),
    (10, "ten zehn"),
    (12, "twelve"),
    (14, "fourteen vierzehn"),
    (15, "fifteen quinze quince"),
    (20, "twenty"),
    (21, "twenty-one"),
    (30, "thirty dreißig trente treinta trinta тридцать"),
    (40, "forty"),
    (60, "sixty sechzig soixante sesenta sessenta шестьдесят"),
    (90, "ninety neunzig noventa девяносто"),
];

/// The month that a word names, in whole or as usually cut.
pub(super) fn month(word: &str) -> Option<i32> {
    static BY_NAME: LazyLock<HashMap<&str, i32>> = LazyLock::new(|| {
        let named = (1..).zip(&MONTHS);
        let each = named.flat_map(|(month, (names, cut))| {
            let names = names.split(' ').chain(cut.split(' '));
            names.map(move |name| (name, month))
        });
        each.collect()
    });
    BY_NAME.get(word).copied()
}

/// Whether a Chinese or Japanese number may have it.
pub(super) fn is_numeral(c: char) -> bool {
    "一二两兩三四五六七八九十".contains(c)
}

/// The small numbers by each of their words.
static NUMBERS_BY_NAME: LazyLock<HashMap<&str, i32>> = LazyLock::new(|| {
    let each = NUMBERS.iter();
    let named = each.flat_map(|(number, words)| words.split(' ').map(|word| (word, *number)));
    named.collect()
});

/// The number that a word names.
pub(super) fn number_word(word: &str) -> Option<i32> {
    if word.chars().all(is_numeral) {
        return numerals(word);
    }
    NUMBERS_BY_NAME.get(word).copied()
}

/// `十`, `三十`, `九十`, `十五`.
fn numerals(word: &str) -> Option<i32> {
    let digit = |c: char| {
        "一二三四五六七八九"
            .chars()
            .position(|d| d == c)
            .map(|at| at as i32 + 1)
            .or(matches!(c, '两' | '兩').then_some(2))
    };
    let mut value = 0;
    let mut last = 0;
    for c in word.chars() {
        if c == '十' {
            value += last.max(1) * 10;
            last = 0;
        } else {
            last = digit(c)?;
        }
    }
    Some(value + last)
}
