//! In which language is a letter written? By its script, else by its commonest words.

pub(super) use crate::model::language::Language;
use std::collections::HashMap;
use std::sync::LazyLock;

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
const OCTETS_MAX: usize = 2_000;

/// So many common words of a language tell it.
const TELLING_WORDS: usize = 3;

/// The language of a text; English where nothing tells.
pub(super) fn language(text: &str) -> Language {
    counted(text).map_or(Language::English, |(_, language)| language)
}

/// The language of a text that surely tells it.
pub fn told_language(text: &str) -> Option<Language> {
    let (count, language) = counted(text)?;
    (count >= TELLING_WORDS).then_some(language)
}

/// The language that most of a text's words are of, and how many; a script tells it alone.
fn counted(text: &str) -> Option<(usize, Language)> {
    let text = text[..text.floor_char_boundary(OCTETS_MAX)].to_lowercase();
    let count = |is: fn(char) -> bool| text.chars().filter(|c| is(*c)).count();
    let kana = count(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
    let han = count(|c| matches!(c, '\u{3400}'..='\u{9fff}'));
    let cyrillic = count(|c| matches!(c, '\u{400}'..='\u{4ff}'));
    let latin = count(|c| c.is_ascii_alphabetic());
    if 20 * (kana + han) > latin {
        let is_japanese = 10 * kana > han;
        let language = if is_japanese {
            Language::Japanese
        } else {
            Language::Chinese
        };
        return Some((kana + han, language));
    }
    if 4 * cyrillic > latin {
        return Some((cyrillic, Language::Russian));
    }
    let mut counted = COMMON.map(|(language, _)| (0_usize, language));
    for word in text.split(|c: char| !c.is_alphabetic()) {
        let of = LANGUAGES_OF.get(word).into_iter().flatten();
        of.for_each(|at| counted[*at].0 += 1);
    }
    counted.into_iter().max_by_key(|(count, language)| {
        // Of two that say as much, English.
        (*count, *language == Language::English)
    })
}

/// Of each common word, the rows of [`COMMON`] that it stands in.
static LANGUAGES_OF: LazyLock<HashMap<&str, Vec<usize>>> = LazyLock::new(|| {
    let mut languages: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, (_, words)) in COMMON.iter().enumerate() {
        for word in words.split(' ') {
            languages.entry(word).or_default().push(at);
        }
    }
    languages
});

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
            let told = told_language(text);
            assert_eq!(told, (!text.is_empty()).then_some(expected), "{text}");
        }
        assert_eq!(told_language("Stack overflow en foo.c, line 3"), None);
    }
}
