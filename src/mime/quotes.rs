//! Where in a text does what somebody else wrote begin?

use regex::Regex;
use std::sync::LazyLock;

/// Lines under which programs put a letter that is answered or passed on, unmarked.
static OLD_LETTER: LazyLock<Regex> = LazyLock::new(|| {
    let languages = r"^\*?(From|Von|De|Da|Van|Från|Od|От|发件人|寄件者|差出人)\*?\s*[:：]";
    let marks = r"^-{2,} ?[^\s-].* ?-{2,}$|^_{10,}$|^Begin forwarded message";
    Regex::new(&format!("{languages}|{marks}")).expect("a constant pattern")
});

/// A field of a header, in whatever language, and a value that is an address or a time.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*\*?\p{L}[\p{L} -]{0,19}\*?\s?[:：]\*?\s").expect("a constant pattern")
});
static ADDRESS_OR_TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\S@\S|[0-9]{1,2}[:.][0-9]{2}").expect("a constant pattern"));

/// Lines that in a row are the header of a letter.
const FIELDS_OF_A_LETTER: usize = 3;

/// Whether a line begins a letter that is answered or passed on.
pub fn begins_old_letter(line: &str) -> bool {
    let line = line.trim();
    OLD_LETTER.is_match(line)
        && !line.starts_with("-----BEGIN PGP")
        && !line.starts_with("-----END PGP")
}

/// Whether the end of a text may stand in what its writer quotes or passes on. What looks so
/// counts, whoever wrote it.
pub fn ends_in_old_letter(text: &str) -> bool {
    let mut fields = 0;
    let mut tells_who_or_when = false;
    text.lines().any(|line| {
        if FIELD.is_match(line) {
            fields += 1;
            tells_who_or_when |= ADDRESS_OR_TIME.is_match(line);
        } else {
            (fields, tells_who_or_when) = (0, false);
        }
        let quoted = line.trim_start().starts_with(['>', '|']);
        quoted
            || begins_old_letter(line)
            || line.trim_end().ends_with(" wrote:")
            || (fields >= FIELDS_OF_A_LETTER && tells_who_or_when)
    })
}

/// Whether the end of a text stands in a letter that its writer answers, below words of their own.
/// Only what programs put there counts: a whole header, or the line that says who wrote and when.
pub fn stands_in_old_letter(text: &str) -> bool {
    let (mut has_own_words, mut has_own_paragraph) = (false, false);
    let (mut fields, mut names_writer, mut tells_who_or_when) = (0, false, false);
    for line in text.lines() {
        let tells = || ADDRESS_OR_TIME.is_match(line);
        if FIELD.is_match(line) {
            fields += 1;
            names_writer |= begins_old_letter(line);
            tells_who_or_when |= tells();
        } else {
            (fields, names_writer, tells_who_or_when) = (0, false, false);
        }
        let ends_header = fields >= FIELDS_OF_A_LETTER && names_writer && tells_who_or_when;
        let ends_attribution = line.trim_end().ends_with(" wrote:") && tells();
        // Programs break the line that says who wrote: its beginning is nobody's own words.
        if (has_own_words && ends_header) || (has_own_paragraph && ends_attribution) {
            return true;
        }
        let is_theirs = fields > 0 || begins_old_letter(line);
        has_own_words |= !is_theirs && line.chars().any(char::is_alphanumeric);
        has_own_paragraph |= has_own_words && line.trim().is_empty();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_programs_put_below_own_words_is_an_old_letter() {
        let header = "From: Desk <security@b.example>\nSent: Monday, 1 June 2026\nTo: Ada\n";
        let attribution = "On Mon, 1 Jun 2026 at 10:11, Desk <security@b.example> wrote:\n";
        for (text, is) in [
            (format!("Thanks.\n\n{header}Subject: s\n\n"), true),
            (
                format!("Thanks.\n\n-----Original Message-----\n{header}\n"),
                true,
            ),
            (format!("Thanks.\n\n{attribution}\n"), true),
            // Nothing of the writer's own stands above.
            (header.to_owned(), false),
            (format!("-----Original Message-----\n{header}"), false),
            (format!("\n{attribution}"), false),
            (attribution.replace("Desk ", "Desk\n"), false),
            // Forms, headings and rules that people write themselves.
            (
                "Hi\nProduct: a\nVersion: 1.2\nContact: ada@b.example\n".to_owned(),
                false,
            ),
            ("Hi\n--- PoC ---\n".to_owned(), false),
            ("Hi\n____________________\n".to_owned(), false),
            ("Hi\nFrom: here on it is sealed\n".to_owned(), false),
            ("Hi\nThis is what I wrote:\n".to_owned(), false),
        ] {
            assert_eq!(stands_in_old_letter(&text), is, "{text}");
        }
    }

    #[test]
    fn what_programs_put_below_an_answer_is_somebody_elses() {
        for (text, old) in [
            ("Here is my report.\n\nSteps:\n1. open it\n", false),
            (
                "My old key:\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n-----------\n",
                false,
            ),
            ("Product: acme\nVersion: 1.2\nSeverity: high\n", false),
            (
                "Here is it.\n\nFrom: Mallory\nSent: Monday, 1 June 2026 10:11\nTo: Ada\n",
                true,
            ),
            (
                "Hi\n\nLähettäjä: Mallory\nLähetetty: 1.6.2026 10:11\nVastaanottaja: Ada\n",
                true,
            ),
            (
                "Hi\n\nAm 1. Juni 2026 um 10:11 schrieb Mallory:\n\n> hello\n",
                true,
            ),
            ("Hi\n-----Original Message-----\n", true),
            ("On Monday Mallory wrote:\n", true),
            ("________________________________\n", true),
        ] {
            assert_eq!(ends_in_old_letter(text), old, "{text}");
        }
    }
}
