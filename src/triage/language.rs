//! In which language is a letter written? By its script, else by its commonest words.

/// A language that letters are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
    Spanish,
    Portuguese,
    Russian,
    Japanese,
    Chinese,
}

impl Language {
    /// Whether it writes 3/4 for the third of April.
    pub fn is_day_first(self) -> bool {
        use Language::{French, German, Portuguese, Russian, Spanish};
        matches!(self, German | French | Spanish | Portuguese | Russian)
    }
}

/// Words that are common in one language and rare in the others.
const COMMON: [(Language, &str); 5] = [
    (
        Language::English,
        "the of and to is in that it for with this be on are by an not can will you have from which",
    ),
    (
        Language::German,
        "der die und das ist nicht ich wir mit von ein eine auf für sie werden wird bitte auch sich dem den",
    ),
    (
        Language::French,
        "le les des et est une un nous vous dans pour que qui pas sur avec je au aux ce cette",
    ),
    (
        Language::Spanish,
        "el los las y es una un que en por para con del se lo su hemos está versión sin como",
    ),
    (
        Language::Portuguese,
        "o os as e é uma um que em por para com do da não se na no versão está como mais",
    ),
];

/// So much of a letter tells its language.
const OCTETS_MAX: usize = 8_000;

/// The language of a text; English where nothing tells.
pub(super) fn language(text: &str) -> Language {
    let text = text[..text.floor_char_boundary(OCTETS_MAX)].to_lowercase();
    let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
    let kana = count(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
    let han = count(|c| matches!(c, '\u{3400}'..='\u{9fff}'));
    let cyrillic = count(|c| matches!(c, '\u{400}'..='\u{4ff}'));
    let latin = count(|c| c.is_ascii_alphabetic());
    if 20 * (kana + han) > latin {
        return if 10 * kana > han {
            Language::Japanese
        } else {
            Language::Chinese
        };
    }
    if 4 * cyrillic > latin {
        return Language::Russian;
    }
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
    let share = |list: &str| {
        let common: Vec<&str> = list.split(' ').collect();
        words.iter().filter(|word| common.contains(word)).count()
    };
    let counted = COMMON.map(|(language, list)| (share(list), language));
    let best = counted.into_iter().max_by_key(|(count, language)| {
        // Of two that say as much, English.
        (*count, *language == Language::English)
    });
    best.map_or(Language::English, |(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_script_and_words() {
        for (text, expected) in [
            (
                "There is an XSS in the search page of acme.",
                Language::English,
            ),
            (
                "Wir haben eine Lücke in der Suche gefunden und bitten um Antwort.",
                Language::German,
            ),
            (
                "Nous avons trouvé une faille dans la recherche.",
                Language::French,
            ),
            (
                "Hemos encontrado una vulnerabilidad en el buscador.",
                Language::Spanish,
            ),
            (
                "Encontrei uma falha na busca e não sei como avisar.",
                Language::Portuguese,
            ),
            ("Мы нашли уязвимость в acme-web 2.3.1", Language::Russian),
            ("acme-web 2.3.1 に脆弱性があります。", Language::Japanese),
            ("我们在 acme-web 2.3.1 中发现漏洞。", Language::Chinese),
            ("", Language::English),
        ] {
            assert_eq!(language(text), expected, "{text}");
        }
    }
}
