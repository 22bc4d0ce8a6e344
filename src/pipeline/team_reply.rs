//! Which words of a responder's letter are meant for the reporter?
//!
//! Those above everything that he quotes. What stands below a quotation may be an answer to it or a slip, and quoted
//! text may be what was sealed, so a letter that has both is passed back rather than guessed at.

use regex::Regex;
use std::sync::LazyLock;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Reply-Token:\s*([0-9a-f]{32})\b").expect("a constant pattern"));

/// Lines under which programs put the letter that is answered, unmarked.
static OLD_LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\*?(From|Von|De|Da|Van|Från|Od|От|发件人|寄件者|差出人)\*?\s*[:：]|^-{2,} ?\S.* ?-{2,}$|^_{10,}$").expect("a constant pattern")
});

/// Every reply token that stands in a letter, wherever it stands.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    TOKEN.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str()))
}

/// The words for the reporter, or why none can be told.
pub fn words(text: &str) -> Result<String, &'static str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // A line of dashes or a quoted field is the old letter's beginning only where the call itself follows.
    let call_follows = |at: usize| lines[at..].iter().take(HEADER_LINES_MAX).any(|line| line.contains(WRITE_ABOVE));
    let quoted = |at: usize, line: &str| {
        line.trim_start().starts_with('>') || line.contains(WRITE_ABOVE) || TOKEN.is_match(line) || (OLD_LETTER.is_match(line) && call_follows(at))
    };
    let Some(end) = lines.iter().enumerate().position(|(at, line)| quoted(at, line)) else { return Err("it does not quote the call that it answers") };
    let marked = lines[end].trim_start().starts_with('>');
    let mut own = &lines[..end];
    if marked {
        let signature = lines[end..].iter().position(|line| *line == "--").map_or(lines.len(), |at| end + at);
        let stray = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('>') && !TOKEN.is_match(line);
        if lines[end..signature].iter().any(stray) {
            return Err("words stand below a quotation: nobody can tell what is meant for the reporter");
        }
    }
    if let Some(signature) = own.iter().position(|line| *line == "--") {
        own = &own[..signature];
    }
    // "On Monday, Sealdesk wrote:" introduces the quotation, over two lines at most.
    let words = without_introduction(own).join("\n");
    let words = words.trim_matches('\n');
    // Whatever a program did to the quotation: no line of the call goes to the reporter.
    if OF_THE_CALL.iter().any(|mark| words.contains(mark)) || words.starts_with("[part ") {
        return Err("nobody can tell its words from the call that it answers");
    }
    if words.trim().is_empty() { Err("it has no words above what it quotes") } else { Ok(format!("{words}\n")) }
}

/// The first line of a call (config/templates/call.txt).
const WRITE_ABOVE: &str = "Please write above this line";

/// So many lines a program puts above the letter that it quotes.
const HEADER_LINES_MAX: usize = 12;

const OF_THE_CALL: [&str; 4] = [WRITE_ABOVE, "Reply-Token", "sealdesk case show", "Sealdesk: "];

fn without_introduction<'l, 't>(lines: &'l [&'t str]) -> &'l [&'t str] {
    let last = lines.iter().rposition(|line| !line.is_empty());
    match last {
        Some(at) if lines[at].ends_with(':') => {
            let starts = at.checked_sub(1).filter(|before| !lines[*before].is_empty() && !lines[*before].ends_with(['.', '!', '?', ':', ',']));
            &lines[..starts.unwrap_or(at)]
        }
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN_LINE: &str = "Reply-Token: 0123456789abcdef0123456789abcdef";

    #[test]
    fn words_above_the_quotation_are_meant() {
        let quote = format!("On Mon, 23 Nov 2026 at 10:00, Desk wrote:\n> A new report arrived.\n>\n> {TOKEN_LINE}\n");
        assert_eq!(words(&format!("Hello Ada,\n\nfixed in 1.4.\n\n{quote}")).unwrap(), "Hello Ada,\n\nfixed in 1.4.\n");
        assert_eq!(
            words(&format!("Thanks.\n\nOn Mon, 23 Nov 2026 at 10:00, Desk\n<security@desk.example> wrote:\n> x\n> {TOKEN_LINE}\n")).unwrap(),
            "Thanks.\n"
        );
        assert_eq!(words(&format!("Thanks.\n-- \nRita\n\n> {TOKEN_LINE}\n")).unwrap(), "Thanks.\n");
        assert_eq!(words(&format!("Thanks.\n\n{TOKEN_LINE}\n")).unwrap(), "Thanks.\n");
        let outlook =
            "From: Demo Security Team <security@desk.example>\nSent: Monday\nTo: Rita\nSubject: Sealdesk: new-case\n\nPlease write above this line\nsecret\n";
        assert_eq!(words(&format!("Thanks.\n\n{outlook}{TOKEN_LINE}\n")).unwrap(), "Thanks.\n");
        assert_eq!(words(&format!("Thanks.\n\n________________________________\n{outlook}{TOKEN_LINE}\n")).unwrap(), "Thanks.\n");
        assert_eq!(
            words(&format!("Thanks.\n\n-----Original Message-----\nFrom: Desk\n\nPlease write above this line\nsecret\n{TOKEN_LINE}\n")).unwrap(),
            "Thanks.\n"
        );
        assert_eq!(tokens(&quote).collect::<Vec<_>>(), ["0123456789abcdef0123456789abcdef"]);
    }

    #[test]
    fn what_cannot_be_told_is_passed_back() {
        assert!(words(&format!("> A new report arrived.\nYes, I know.\n> {TOKEN_LINE}\n")).is_err());
        assert!(words(&format!("Top.\n> quoted\nbottom\n> {TOKEN_LINE}\n")).is_err());
        assert!(words(&format!("\n\nDesk wrote:\n> {TOKEN_LINE}\n")).is_err());
        assert!(words("").is_err() && words("Thanks.\n").is_err());
        assert!(words(&format!("[part 1 of 2]\nThanks.\n\n> {TOKEN_LINE}\n")).is_err());
        assert!(words(&format!("Thanks.\nSubject: Sealdesk: new-case\n\n> {TOKEN_LINE}\n")).is_err());
    }
}
