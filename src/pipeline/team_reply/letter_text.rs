//! What does a responder's letter say? Commands at its top, then the words that are meant for the
//! reporter.
//!
//! Those words stand above everything that they quote. What stands below a quotation may be an
//! answer to it or a slip, and quoted text may be what was sealed, so a letter that has both is
//! passed back rather than guessed at.

use crate::mime;
use crate::model::address::Address;
use crate::model::ids::{CaseId, tag_in};
use regex::Regex;
use std::iter::Peekable;
use std::sync::LazyLock;

/// So many tokens of a letter are looked at.
const TOKENS_MAX: usize = 20;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"Reply-Token:\s*([0-9a-f]{32})(?-u:\b)").expect("a constant pattern")
});

/// Whom a line `/to ADDRESS` at the top says that the letter is for.
pub(super) fn addressee(text: &str) -> Option<Address> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Address::parse(first.strip_prefix("/to ")?).ok()
}

/// Every reply token that stands in a letter, wherever it stands.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    TOKEN
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.as_str()))
}

/// The tokens of a letter that are looked up. A call shows its token below what it quotes of a report,
/// in which anything may stand: so the last go first.
pub(super) fn likely_tokens(text: &str) -> Vec<&str> {
    let all: Vec<&str> = tokens(text).collect();
    all.into_iter().rev().take(TOKENS_MAX).collect()
}

/// What a letter says above everything that it quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LetterText {
    /// One each, beginning with a slash.
    pub commands: Vec<String>,
    /// For the reporter.
    pub words: Option<String>,
    /// Something stands below the commands that is for nobody: a footer, or words without `/reply`
    /// above them.
    pub left_out: bool,
}

impl LetterText {
    /// Parts the commands to the desk from the words to the reporter. Where commands stand, only
    /// what is below `/reply` is for the reporter: what programs add to a letter is not.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let own = own_words(text)?;
        let mut lines = own.lines().peekable();
        skip_blank_lines(&mut lines);
        // For whom it is, was looked at before.
        if lines
            .next_if(|line| line.trim().starts_with("/to "))
            .is_some()
        {
            skip_blank_lines(&mut lines);
        }
        let (commands, is_reply) = take_commands(&mut lines);
        let rest: Vec<&str> = lines.collect();
        if rest.iter().any(|line| command(line).is_some()) {
            return Err("a line that looks like a command stands below other words");
        }
        let rest = rest.join("\n");
        let rest = rest.trim_matches('\n');
        let is_empty = rest.trim().is_empty();
        if is_reply && is_empty {
            return Err("it has no words above what it quotes");
        }
        Ok(Self {
            commands,
            words: is_reply.then(|| format!("{rest}\n")),
            left_out: !is_reply && !is_empty,
        })
    }
}

type Lines<'t> = Peekable<std::str::Lines<'t>>;

fn skip_blank_lines(lines: &mut Lines<'_>) {
    while lines.next_if(|line| line.trim().is_empty()).is_some() {}
}

/// Takes the commands at the top, and says whether what is below them is for the reporter: after
/// `/reply`, or where no command stands.
fn take_commands(lines: &mut Lines<'_>) -> (Vec<String>, bool) {
    let mut commands = Vec::new();
    if lines.peek().is_none_or(|line| command(line).is_none()) {
        return (commands, true);
    }
    while let Some(line) = lines.next_if(|line| line.trim().is_empty() || command(line).is_some()) {
        let Some(mut command_line) = command(line) else {
            continue;
        };
        if command_line.eq_ignore_ascii_case("/reply") {
            return (commands, true);
        }
        // A long one goes on below, up to an empty line: mail programs break lines.
        while let Some(more) =
            lines.next_if(|line| !line.trim().is_empty() && command(line).is_none())
        {
            command_line.push(' ');
            command_line.push_str(more.trim());
        }
        commands.push(command_line);
    }
    (commands, false)
}

/// A line that is a command, or was meant as one, whatever a program put in front of it. A path
/// such as `/etc/passwd` is none.
fn command(line: &str) -> Option<String> {
    let rest = line
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}'))
        .strip_prefix(['/', '\u{ff0f}'])?;
    let verb = rest.split_whitespace().next().unwrap_or_default();
    (!verb.contains('/')).then(|| format!("/{}", rest.trim()))
}

/// What stands above everything that is quoted.
pub(super) fn own_words(text: &str) -> Result<String, &'static str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // A line of dashes or a quoted field is the old letter's beginning only where the call itself
    // follows.
    let call_follows = |at: usize| {
        lines[at..]
            .iter()
            .take(HEADER_LINES_MAX)
            .any(|line| line.contains(WRITE_ABOVE))
    };
    let quoted = |at: usize, line: &str| {
        line.trim_start().starts_with('>')
            || line.contains(WRITE_ABOVE)
            || TOKEN.is_match(line)
            || (mime::begins_old_letter(line) && call_follows(at))
    };
    let Some(end) = lines
        .iter()
        .enumerate()
        .position(|(at, line)| quoted(at, line))
    else {
        return Err("it does not quote the call that it answers");
    };
    let marked = lines[end].trim_start().starts_with('>');
    let mut own = &lines[..end];
    if marked {
        let signature = lines[end..]
            .iter()
            .position(|line| *line == "--")
            .map_or(lines.len(), |at| end + at);
        let stray = |line: &&str| {
            !line.is_empty() && !line.trim_start().starts_with('>') && !TOKEN.is_match(line)
        };
        if lines[end..signature].iter().any(stray) {
            return Err(
                "words stand below a quotation: nobody can tell what is meant for the reporter",
            );
        }
    }
    if let Some(signature) = own.iter().position(|line| *line == "--") {
        own = &own[..signature];
    }
    // "On Monday, Sealdesk wrote:" introduces the quotation, over two lines at most.
    let words = without_introduction(own).join("\n");
    let words = words.trim_matches('\n');
    // Whatever a program did to the quotation: no line of the call goes to the reporter.
    if words.lines().any(is_of_call) || words.starts_with("[part ") {
        return Err("nobody can tell its words from the call that it answers");
    }
    Ok(words.to_owned())
}

/// The first line of a call (config/templates/call.txt).
const WRITE_ABOVE: &str = "Please write above this line";

/// So many lines a program puts above the letter that it quotes.
const HEADER_LINES_MAX: usize = 12;

const OF_THE_CALL: [&str; 4] = [
    WRITE_ABOVE,
    "Reply-Token",
    "sealdesk case show",
    "Sealdesk: ",
];

/// Whether a line stands in a call, or in its header: its subject names the case.
fn is_of_call(line: &str) -> bool {
    let names_case = |id: CaseId| line.contains(&format!("[{id}]"));
    OF_THE_CALL.iter().any(|mark| line.contains(mark)) || tag_in(line).is_some_and(names_case)
}

fn without_introduction<'l, 't>(lines: &'l [&'t str]) -> &'l [&'t str] {
    let last = lines.iter().rposition(|line| !line.is_empty());
    match last {
        Some(at)
            if lines[at].ends_with([':', '：']) && !lines[at].trim_start().starts_with('/') =>
        {
            let starts = at.checked_sub(1).filter(|before| {
                !lines[*before].is_empty()
                    && !lines[*before].starts_with('/')
                    && !lines[*before].ends_with(['.', '!', '?', ':', ','])
            });
            &lines[..starts.unwrap_or(at)]
        }
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<String, &'static str> {
        let parsed = LetterText::parse(text)?;
        assert!(parsed.commands.is_empty() && !parsed.left_out, "{parsed:?}");
        Ok(parsed.words.unwrap())
    }

    const TOKEN_LINE: &str = "Reply-Token: 0123456789abcdef0123456789abcdef";

    #[test]
    fn a_first_line_says_for_whom_it_is_and_reaches_nobody() {
        let quote = format!("> A new report arrived.\n> {TOKEN_LINE}\n");
        assert_eq!(
            words(&format!(
                "/to security@desk.example\n\nHello Ada.\n\n{quote}"
            ))
            .unwrap(),
            "Hello Ada.\n"
        );
        assert_eq!(
            addressee("\n/to security@desk.example\nx")
                .map(|a| a.to_string())
                .as_deref(),
            Some("security@desk.example")
        );
        assert_eq!(addressee("Hello\n/to security@desk.example"), None);
    }

    #[test]
    fn words_above_the_quotation_are_meant() {
        let quote = format!(
            "On Mon, 23 Nov 2026 at 10:00, Desk wrote:\n> A new report arrived.\n>\n> \
             {TOKEN_LINE}\n"
        );
        assert_eq!(
            words(&format!("Hello Ada,\n\nfixed in 1.4.\n\n{quote}")).unwrap(),
            "Hello Ada,\n\nfixed in 1.4.\n"
        );
        assert_eq!(
            words(&format!(
                "Thanks.\n\nOn Mon, 23 Nov 2026 at 10:00, \
                Desk\n<security@desk.example> wrote:\n> x\n> {TOKEN_LINE}\n"
            ))
            .unwrap(),
            "Thanks.\n"
        );
        assert_eq!(
            words(&format!("Thanks.\n-- \nRita\n\n> {TOKEN_LINE}\n")).unwrap(),
            "Thanks.\n"
        );
        assert_eq!(
            words(&format!("Thanks.\n\n{TOKEN_LINE}\n")).unwrap(),
            "Thanks.\n"
        );
        let outlook = "From: Demo Security Team <security@desk.example>\nSent: Monday\nTo: \
            Rita\nSubject: New case: x [SD-7K3QF2MX9A]\n\nPlease write above this line\nsecret\n";
        assert_eq!(
            words(&format!("Thanks.\n\n{outlook}{TOKEN_LINE}\n")).unwrap(),
            "Thanks.\n"
        );
        assert_eq!(
            words(&format!(
                "Thanks.\n\n________________________________\n{outlook}{TOKEN_LINE}\n"
            ))
            .unwrap(),
            "Thanks.\n"
        );
        assert_eq!(
            words(&format!(
                "Thanks.\n\n-----Original Message-----\nFrom: Desk\n\nPlease write \
                above this line\nsecret\n{TOKEN_LINE}\n"
            ))
            .unwrap(),
            "Thanks.\n"
        );
        assert_eq!(
            tokens(&quote).collect::<Vec<_>>(),
            ["0123456789abcdef0123456789abcdef"]
        );
    }

    #[test]
    fn what_cannot_be_told_is_passed_back() {
        assert!(
            words(&format!(
                "> A new report arrived.\nYes, I know.\n> {TOKEN_LINE}\n"
            ))
            .is_err()
        );
        assert!(words(&format!("Top.\n> quoted\nbottom\n> {TOKEN_LINE}\n")).is_err());
        assert!(words(&format!("\n\nDesk wrote:\n> {TOKEN_LINE}\n")).is_err());
        assert!(words("").is_err() && words("Thanks.\n").is_err());
        assert!(words(&format!("[part 1 of 2]\nThanks.\n\n> {TOKEN_LINE}\n")).is_err());
        for subject in ["Sealdesk: please look", "New case: x [SD-7K3QF2MX9A]"] {
            let text = format!("Thanks.\nSubject: {subject}\n\n> {TOKEN_LINE}\n");
            assert!(words(&text).is_err(), "{subject}");
        }
    }

    fn read(text: &str) -> Result<LetterText, &'static str> {
        LetterText::parse(&format!(
            "{text}\nOn Mon, 23 Nov 2026 at 10:00, Desk wrote:\n> A new report arrived.\n>\n> \
             {TOKEN_LINE}\n"
        ))
    }

    fn commands(text: &str) -> Vec<String> {
        let parsed = read(text).unwrap();
        assert_eq!(parsed.words, None);
        parsed.commands
    }

    #[test]
    fn commands_stand_at_the_top() {
        assert_eq!(
            commands("/assign rita\n/reach fix-team\n"),
            ["/assign rita", "/reach fix-team"]
        );
        assert_eq!(
            commands("/assign rita"),
            ["/assign rita"],
            "no empty line above what introduces the quotation"
        );
        assert_eq!(commands("/note as follows:"), ["/note as follows:"]);
        assert_eq!(
            commands("\n/note it is the same as\nthe one of last year\n\n \u{a0}/assign rita\n"),
            [
                "/note it is the same as the one of last year",
                "/assign rita"
            ]
        );
        assert_eq!(
            commands("\u{ff0f}close rejected\n/\n"),
            ["/close rejected", "/"]
        );
    }

    #[test]
    fn below_commands_only_what_is_meant_for_the_reporter_is_theirs() {
        let both = read("/assign rita\n\n/reply\nHello Ada,\n\nwe look at it.\n").unwrap();
        assert_eq!(
            (
                both.commands.as_slice(),
                both.words.as_deref(),
                both.left_out
            ),
            (
                &["/assign rita".to_owned()][..],
                Some("Hello Ada,\n\nwe look at it.\n"),
                false
            )
        );
        for footer in [
            "Sent from my iPhone",
            "Hello Ada,\n\nwe look at it.",
            "a second paragraph of the note",
        ] {
            let alone = read(&format!("/note internal\n\n{footer}\n")).unwrap();
            assert_eq!(
                (alone.commands.len(), alone.words, alone.left_out),
                (1, None, true),
                "{footer}"
            );
        }
        assert!(read("/reply\n").is_err());
        assert_eq!(
            read("/reply\nHello Ada.\n").unwrap().words.as_deref(),
            Some("Hello Ada.\n")
        );
    }

    /// A call shows what was reported above its own token.
    #[test]
    fn a_report_full_of_tokens_hides_none() {
        let real = "0123456789abcdef0123456789abcdef";
        let forged = "Reply-Token: ffffffffffffffffffffffffffffffff\n".repeat(100);
        let text = format!("Hello Ada.\n\n> {forged}> Reply-Token: {real}\n");
        assert!(likely_tokens(&text).contains(&real));
        assert!(likely_tokens(&text).len() <= TOKENS_MAX);
    }

    #[test]
    fn a_word_to_the_desk_reaches_the_reporter_by_no_slip() {
        for slip in [
            "/close rejected",
            " /note they are a crank",
            "\u{a0}/note x",
            "\u{ff0f}close",
            "/Close rejected",
            "/",
        ] {
            assert!(
                read(&format!("Hello Ada,\n\n{slip}\n")).is_err(),
                "{slip:?}"
            );
        }
        assert_eq!(
            words(&format!("See\n/etc/passwd\n\n{TOKEN_LINE}\n")).unwrap(),
            "See\n/etc/passwd\n"
        );
    }
}
