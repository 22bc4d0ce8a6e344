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

#[cfg(test)]
mod tests {
    use super::*;

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
