//! What does a responder's letter say? Commands at its top, then the words that are meant for the
//! reporter.
//!
//! Those words stand above everything that they quote. What stands below a quotation may be an
//! answer to it or a slip, and quoted text may be what was sealed, so a letter that has both is
//! passed back rather than guessed at.

use super::outbox;
use crate::cases::MailCommands;
use crate::decide::{self, Decision, reply_refused};
use crate::desk::{Desk, Responder};
use crate::mime;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::reading::{Reading, SignatureStatus};
use crate::ports::{Intake, PortError};
use jiff::SignedDuration;
use regex::Regex;
use std::sync::LazyLock;

/// A reply token that was issued longer ago is good no more.
const TOKEN_LIVES: SignedDuration = SignedDuration::from_hours(72);

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"Reply-Token:\s*([0-9a-f]{32})\b").expect("a constant pattern"));

/// A responder's letter to the reply address of a case. What their certificate of our config
/// signed, sealed to us and under a token that is good once, is done, and goes to the reporter.
pub async fn taken(
    desk: &Desk,
    intake: &Intake,
    case: &Case,
    reading: &Reading,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let refused = |why| Ok(reply_refused(&case.id, intake.id, why, false, now));
    let refused_to_them = |why| Ok(reply_refused(&case.id, intake.id, why, true, now));
    let Some(responder) = intake
        .originator
        .as_ref()
        .and_then(|from| desk.responder(from))
    else {
        return refused("its sender is no responder any more");
    };
    let signer = reading
        .signature
        .fingerprint
        .as_ref()
        .filter(|_| reading.signature.status == SignatureStatus::Valid);
    if !signer.is_some_and(|signer| responder.fingerprints.contains(signer)) {
        return refused("it is not signed with their certificate");
    }
    if !reading.protection.encrypted || reading.protection.shut.is_some() {
        return refused_to_them("it did not come encrypted");
    }
    // Their program may enclose their certificate.
    if reading.attachments.iter().any(|a| {
        !matches!(
            a.media_type.as_str(),
            "application/pgp-keys" | "application/pgp-signature" | "application/pgp-encrypted"
        )
    }) {
        return refused_to_them("it has attachments, which a reply does not carry");
    }
    for token in tokens(&reading.text) {
        if !desk
            .parts
            .store
            .token_is_good(token, &case.id, &responder.address, now - TOKEN_LIVES)
            .await?
        {
            continue;
        }
        if !is_for_us(desk, reading) {
            // It was signed for a colleague, perhaps, who passes it on: its writer sees the words
            // and says whether they are for us.
            let sealed = outbox::put_back(
                desk,
                responder.address.clone(),
                own_words(&reading.text).unwrap_or_default(),
            )?;
            return Ok(decide::put_back(&case.id, intake.id, sealed, now));
        }
        let Spoken {
            commands,
            words,
            left_out,
        } = match spoken(&reading.text) {
            Ok(spoken) => spoken,
            Err(why) => return refused_to_them(why),
        };
        if words.is_some()
            && !desk
                .parts
                .store
                .letters_of(&case.id)
                .await?
                .iter()
                .any(Intake::is_a_reporters)
        {
            return refused_to_them("the reporter wrote in the tracker: answer them there");
        }
        let by = name(responder);
        let decision = match words {
            Some(words) if commands.is_empty() => decide::reply(
                &case.id,
                token,
                desk.parts.store.seal(words.as_bytes())?,
                &by,
                now,
            ),
            words => {
                let said = MailCommands {
                    to: responder.address.clone(),
                    by: by.clone(),
                    token: token.to_owned(),
                    commands,
                    words,
                    left_out,
                };
                let said = serde_json::to_vec(&said).map_err(|e| {
                    PortError::Lasting(format!("a letter's words cannot be written: {e}"))
                })?;
                decide::words(&case.id, token, desk.parts.store.seal(&said)?, &by, now)
            }
        };
        return Ok(Decision {
            spent: Some(token.to_owned()),
            ..decision
        });
    }
    refused_to_them("it carries no token that is still good for this case")
}

/// Whether what is signed says that the letter is meant for the desk: its signature, its protected
/// header, or its first line.
fn is_for_us(desk: &Desk, reading: &Reading) -> bool {
    let ours = &desk.parts.own_addresses.ours;
    let is_ours = |address: &Address| {
        ours.iter()
            .any(|own| own.same_mailbox(address) || own.tag_of(address).is_some())
    };
    let named = reading
        .signed_to
        .iter()
        .filter_map(|to| Address::parse(to).ok())
        .any(|to| is_ours(&to));
    reading.signature.names_recipient
        || named
        || addressee(&reading.text).is_some_and(|to| is_ours(&to))
}

/// Whom a line `/to ADDRESS` at the top says that the letter is for.
fn addressee(text: &str) -> Option<Address> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Address::parse(first.strip_prefix("/to ")?).ok()
}

/// A responder as the journal names them.
fn name(responder: &Responder) -> String {
    let who = responder
        .login
        .as_deref()
        .or(responder.fingerprints.first().map(String::as_str))
        .unwrap_or("of the config");
    format!("responder {who}, by letter")
}

/// Every reply token that stands in a letter, wherever it stands.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    TOKEN
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.as_str()))
}

/// What a letter says above everything that it quotes.
#[derive(Debug, PartialEq, Eq)]
struct Spoken {
    /// One each, beginning with a slash.
    commands: Vec<String>,
    /// For the reporter.
    words: Option<String>,
    /// Something stands below the commands that is for nobody: a footer, or words without `/reply`
    /// above them.
    left_out: bool,
}

/// Parts the words to the desk from those to the reporter. Where commands stand, only what is below
/// `/reply` is for them: what programs add to a letter is not.
fn spoken(text: &str) -> Result<Spoken, &'static str> {
    let own = own_words(text)?;
    let mut lines = own.lines().peekable();
    while lines.next_if(|line| line.trim().is_empty()).is_some() {}
    // For whom it is, was looked at before.
    if lines
        .peek()
        .is_some_and(|line| line.trim().starts_with("/to "))
    {
        lines.next();
        while lines.next_if(|line| line.trim().is_empty()).is_some() {}
    }
    let mut commands: Vec<String> = Vec::new();
    let mut replies = lines.peek().is_none_or(|line| command(line).is_none());
    while let (false, Some(mut said)) = (
        replies,
        lines
            .next_if(|line| line.trim().is_empty() || command(line).is_some())
            .map(str::to_owned),
    ) {
        let Some(begun) = command(&said) else {
            continue;
        };
        replies = begun.eq_ignore_ascii_case("/reply");
        if replies {
            break;
        }
        said = begun;
        // A long one goes on below, up to an empty line: mail programs break lines.
        while let Some(more) =
            lines.next_if(|line| !line.trim().is_empty() && command(line).is_none())
        {
            said.push(' ');
            said.push_str(more.trim());
        }
        commands.push(said);
    }
    let rest = lines.collect::<Vec<_>>();
    if rest.iter().any(|line| command(line).is_some()) {
        return Err("a line that looks like a command stands below other words");
    }
    let rest = rest.join("\n");
    let rest = rest.trim_matches('\n');
    match (rest.trim().is_empty(), replies) {
        (true, true) => Err("it has no words above what it quotes"),
        (true, false) => Ok(Spoken {
            commands,
            words: None,
            left_out: false,
        }),
        (false, true) => Ok(Spoken {
            commands,
            words: Some(format!("{rest}\n")),
            left_out: false,
        }),
        (false, false) => Ok(Spoken {
            commands,
            words: None,
            left_out: true,
        }),
    }
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
fn own_words(text: &str) -> Result<String, &'static str> {
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
    if OF_THE_CALL.iter().any(|mark| words.contains(mark)) || words.starts_with("[part ") {
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
        let spoken = spoken(text)?;
        assert!(spoken.commands.is_empty() && !spoken.left_out, "{spoken:?}");
        Ok(spoken.words.unwrap())
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
            Rita\nSubject: Sealdesk: new-case\n\nPlease write above this line\nsecret\n";
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
        assert!(
            words(&format!(
                "Thanks.\nSubject: Sealdesk: new-case\n\n> {TOKEN_LINE}\n"
            ))
            .is_err()
        );
    }

    fn read(text: &str) -> Result<Spoken, &'static str> {
        spoken(&format!(
            "{text}\nOn Mon, 23 Nov 2026 at 10:00, Desk wrote:\n> A new report arrived.\n>\n> \
             {TOKEN_LINE}\n"
        ))
    }

    fn commands(text: &str) -> Vec<String> {
        let spoken = read(text).unwrap();
        assert_eq!(spoken.words, None);
        spoken.commands
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
    fn below_commands_only_what_is_meant_for_the_reporter_is_his() {
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

    #[test]
    fn a_word_to_the_desk_reaches_the_reporter_by_no_slip() {
        for slip in [
            "/close rejected",
            " /note he is a crank",
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
