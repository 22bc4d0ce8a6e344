//! What does a responder's letter say? Commands at its top, then the words that are meant for the reporter.
//!
//! Those words stand above everything that he quotes. What stands below a quotation may be an answer to it or a slip, and
//! quoted text may be what was sealed, so a letter that has both is passed back rather than guessed at.

use super::clerk::Said;
use super::desk::{Desk, Responder};
use crate::decide::{self, Decision, reply_refused};
use crate::model::Timestamp;
use crate::model::case::Case;
use crate::model::reading::{Reading, SignatureStatus};
use crate::ports::{Intake, PortError};
use regex::Regex;
use std::sync::LazyLock;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Reply-Token:\s*([0-9a-f]{32})\b").expect("a constant pattern"));

/// Lines under which programs put the letter that is answered, unmarked.
static OLD_LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\*?(From|Von|De|Da|Van|Från|Od|От|发件人|寄件者|差出人)\*?\s*[:：]|^-{2,} ?\S.* ?-{2,}$|^_{10,}$").expect("a constant pattern")
});

/// A line that begins as a command does.
static COMMAND: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^/[a-z][a-z-]*(\s|$)").expect("a constant pattern"));

/// A responder's letter to the reply address of a case. What his certificate of our config signed, sealed to us and
/// under a token that is good once, is done, and goes to the reporter.
pub async fn taken(desk: &Desk, intake: &Intake, case: &Case, reading: &Reading, now: Timestamp) -> Result<Decision, PortError> {
    let refused = |why| Ok(reply_refused(&case.id, intake.id, why, false, now));
    let refused_to_him = |why| Ok(reply_refused(&case.id, intake.id, why, true, now));
    let Some(responder) = intake.originator.as_ref().and_then(|from| desk.responder(from)) else {
        return refused("its sender is no responder any more");
    };
    let signer = reading.signature.fingerprint.as_ref().filter(|_| reading.signature.status == SignatureStatus::Valid);
    if !signer.is_some_and(|signer| responder.fingerprints.contains(signer)) {
        return refused("it is not signed with his certificate");
    }
    if !reading.protection.encrypted || reading.protection.shut.is_some() {
        return refused_to_him("it did not come encrypted");
    }
    // His program may enclose his certificate.
    if reading.attachments.iter().any(|a| !matches!(a.media_type.as_str(), "application/pgp-keys" | "application/pgp-signature" | "application/pgp-encrypted"))
    {
        return refused_to_him("it has attachments, which a reply does not carry");
    }
    for token in tokens(&reading.text) {
        if !desk.parts.store.token_is_good(token, &case.id, &responder.address).await? {
            continue;
        }
        let (commands, words) = match said(&reading.text) {
            Ok(said) => said,
            Err(why) => return refused_to_him(why),
        };
        let by = name(responder);
        let decision = match words {
            Some(words) if commands.is_empty() => decide::reply(&case.id, token, desk.sealed_words(&words)?.1, &by, now),
            words => {
                let said = Said { to: responder.address.clone(), by: by.clone(), token: token.to_owned(), commands, words };
                let said = serde_json::to_vec(&said).map_err(|e| PortError::Lasting(format!("a letter's words cannot be written: {e}")))?;
                decide::words(&case.id, token, desk.parts.store.seal(&said)?, &by, now)
            }
        };
        return Ok(Decision { spent: Some(token.to_owned()), ..decision });
    }
    refused_to_him("it carries no token that is still good for this case")
}

/// A responder as the journal names him.
fn name(responder: &Responder) -> String {
    let who = responder.login.as_deref().or(responder.fingerprints.first().map(String::as_str)).unwrap_or("of the config");
    format!("responder {who}, by letter")
}

/// Every reply token that stands in a letter, wherever it stands.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    TOKEN.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str()))
}

/// The commands of a letter, one each, and the words for the reporter; or why they cannot be told.
fn said(text: &str) -> Result<(Vec<String>, Option<String>), &'static str> {
    let own = own_words(text)?;
    let mut lines = own.lines().peekable();
    let mut commands: Vec<String> = Vec::new();
    while let Some(line) = lines.next_if(|line| line.is_empty() || line.starts_with('/')) {
        if line.is_empty() {
            continue;
        }
        let mut command = line.to_owned();
        // A long one goes on below, up to an empty line: mail programs break lines.
        while let Some(more) = lines.next_if(|line| !line.is_empty() && !line.starts_with('/')) {
            command.push(' ');
            command.push_str(more.trim());
        }
        commands.push(command);
    }
    let words: Vec<&str> = lines.collect();
    if words.iter().any(|line| COMMAND.is_match(line)) {
        return Err("a line that looks like a command stands below other words");
    }
    let words = words.join("\n");
    if commands.is_empty() && words.trim().is_empty() {
        return Err("it has no words above what it quotes");
    }
    Ok((commands, (!words.trim().is_empty()).then(|| format!("{words}\n"))))
}

/// What stands above everything that is quoted.
fn own_words(text: &str) -> Result<String, &'static str> {
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
    Ok(words.to_owned())
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
            let starts = at
                .checked_sub(1)
                .filter(|before| !lines[*before].is_empty() && !lines[*before].starts_with('/') && !lines[*before].ends_with(['.', '!', '?', ':', ',']));
            &lines[..starts.unwrap_or(at)]
        }
        _ => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<String, &'static str> {
        let (commands, words) = said(text)?;
        assert!(commands.is_empty(), "{commands:?}");
        Ok(words.unwrap())
    }

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

    #[test]
    fn commands_stand_at_the_top() {
        let quote = format!("On Mon, 23 Nov 2026 at 10:00, Desk wrote:\n> A new report arrived.\n>\n> {TOKEN_LINE}\n");
        let read = |text: &str| said(&format!("{text}\n{quote}"));
        assert_eq!(read("/assign rita\n/reach fix-team\n").unwrap(), (vec!["/assign rita".to_owned(), "/reach fix-team".to_owned()], None));
        assert_eq!(read("/assign rita").unwrap().0, ["/assign rita"], "no empty line above what introduces the quotation");
        let (commands, words) = read("\n/note it is the same as\nthe one of last year\n\n/assign rita\n\nHello Ada,\n\nwe look at it.\n").unwrap();
        assert_eq!(commands, ["/note it is the same as the one of last year", "/assign rita"]);
        assert_eq!(words.unwrap(), "Hello Ada,\n\nwe look at it.\n");
        // A word to the desk never reaches the reporter by a slip.
        assert!(read("Hello Ada,\n\n/close rejected\n").is_err());
        assert_eq!(words_of(read("see /etc/passwd\n/etc/passwd\n")), "see /etc/passwd\n/etc/passwd\n");
    }

    fn words_of(read: Result<(Vec<String>, Option<String>), &'static str>) -> String {
        read.unwrap().1.unwrap()
    }
}
