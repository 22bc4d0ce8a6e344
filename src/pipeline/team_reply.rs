//! What follows from a responder's letter? Its commands are executed and its words go to the
//! reporter, where the letter proves who wrote it and that it is meant for the desk.

mod letter_text;
mod refusal;

use super::outbox;
use crate::cases::MailCommands;
use crate::decide::{self, Decision};
use crate::desk::reporters::letters_of_reporter;
use crate::desk::{Desk, Responder};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::reading::{Reading, SignatureStatus};
use crate::ports::{Intake, PortError};
use jiff::SignedDuration;
use letter_text::{LetterText, addressee, likely_tokens, own_words};
use refusal::Refusal;

/// A reply token that was issued longer ago is good no more.
const TOKEN_LIVES: SignedDuration = SignedDuration::from_hours(72);

/// Who hears that a letter in a responder's name was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The responder.
    Writer,
    /// All of them, as of any letter whose outside does not tell that it answers a call: had it
    /// stayed shut, all would have been called about it.
    All,
}

/// A responder's letter to the reply address of a case. What their certificate of our config
/// signed, sealed to us and under a token that is good once, is done, and goes to the reporter.
pub async fn taken(
    desk: &Desk,
    intake: &Intake,
    case: &Case,
    reading: &Reading,
    audience: Audience,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let telling = Telling {
        desk,
        intake,
        case,
        audience,
        came_sealed: reading.came_sealed(),
        now,
    };
    let responder = match find_signer(desk, intake, reading) {
        Ok(responder) => responder,
        // Its words may be anybody's: the responder hears that it came, and no more.
        Err(why) => return telling.refused(why, None),
    };
    let words = || own_words(&reading.text).ok();
    let refuse = |why| telling.refused(why, words());
    if let Err(why) = check_form(reading) {
        return refuse(why);
    }
    let Some(token) = find_good_token(desk, case, responder, &reading.text, now).await? else {
        return refuse(Refusal::NoToken);
    };
    if !is_for_us(desk, reading) {
        // It was signed for a colleague, perhaps, who passes it on: its writer sees the words and
        // says whether they are for us.
        return telling.put_back(words().unwrap_or_default());
    }
    let text = match LetterText::parse(&reading.text) {
        Ok(text) => text,
        Err(why) => return refuse(Refusal::Words(why)),
    };
    if text.words.is_some() && !has_reporter_by_mail(desk, case).await? {
        return refuse(Refusal::ReporterInTracker);
    }
    Ok(Decision {
        spent: Some(token.to_owned()),
        ..accept(desk, case, responder, token, text, now)?
    })
}

/// A letter in a responder's name on which its readers ended: they hear of it as of any that is not
/// carried out.
pub fn set_aside(
    desk: &Desk,
    intake: &Intake,
    case: &Case,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let telling = Telling {
        desk,
        intake,
        case,
        audience: Audience::Writer,
        came_sealed: true,
        now,
    };
    telling.refused(Refusal::Unreadable, None)
}

/// How it is told that a letter in a responder's name is not carried out.
struct Telling<'a> {
    desk: &'a Desk,
    intake: &'a Intake,
    case: &'a Case,
    audience: Audience,
    came_sealed: bool,
    now: Timestamp,
}

impl Telling<'_> {
    /// Tells why it is not carried out.
    fn refused(&self, why: Refusal, words: Option<String>) -> Result<Decision, PortError> {
        let Some(from) = self.intake.originator.as_ref() else {
            return Ok(Decision::default());
        };
        let told = format!("Why: {}.\nWhat to do: {}", why.why(), why.mend());
        let is_signed = why.is_of_signed();
        Ok(decide::reply_refused(
            self.case.id(),
            self.intake.id,
            why.why(),
            is_signed || self.came_sealed,
            outbox::put_back(self.desk, self.to(from), Some(told), words)?,
            self.at(),
        ))
    }

    /// Asks its writer whether the words are for us.
    fn put_back(&self, words: String) -> Result<Decision, PortError> {
        let Some(from) = self.intake.originator.as_ref() else {
            return Ok(Decision::default());
        };
        let sealed = outbox::put_back(self.desk, self.to(from), None, Some(words))?;
        let (case, letter) = (self.case.id(), self.intake.id);
        Ok(decide::put_back(case, letter, sealed, self.at()))
    }

    fn to(&self, writer: &Address) -> Option<Address> {
        match self.audience {
            Audience::Writer => Some(writer.clone()),
            Audience::All => None,
        }
    }

    /// When: about a sealed letter, at an hour that does not tell how long it was read.
    fn at(&self) -> Timestamp {
        if self.came_sealed {
            let policy = &self.desk.parts.policy;
            policy.sealed_call_at(self.intake.spooled_at, self.now)
        } else {
            self.now
        }
    }
}

/// The case that a responder answers with a letter that nothing outside tells from others: they
/// signed it, and it carries the token of a call.
pub async fn case_answered(
    desk: &Desk,
    intake: &Intake,
    reading: &Reading,
) -> Result<Option<Case>, PortError> {
    let Ok(responder) = find_signer(desk, intake, reading) else {
        return Ok(None);
    };
    let store = &desk.parts.store;
    for token in likely_tokens(&reading.text) {
        if let Some(id) = store.case_of_token(token, &responder.address).await? {
            return store.case(&id).await;
        }
    }
    Ok(None)
}

/// The responder who sent the letter and signed it, or why there is none.
fn find_signer<'d>(
    desk: &'d Desk,
    intake: &Intake,
    reading: &Reading,
) -> Result<&'d Responder, Refusal> {
    let sender = intake.originator.as_ref();
    let responder = sender
        .and_then(|from| desk.responder(from))
        .ok_or(Refusal::NoResponder)?;
    let signature = &reading.signature;
    let signer = signature
        .fingerprint
        .as_ref()
        .filter(|_| signature.status == SignatureStatus::Valid);
    signer
        .is_some_and(|signer| responder.fingerprints.contains(signer))
        .then_some(responder)
        .ok_or(Refusal::NotSigned)
}

/// What a mail program may attach by itself, such as its user's certificate.
const ATTACHED_BY_PROGRAMS: [&str; 3] = [
    "application/pgp-keys",
    "application/pgp-signature",
    "application/pgp-encrypted",
];

/// Refuses a letter that did not come encrypted, or that brings files.
fn check_form(reading: &Reading) -> Result<(), Refusal> {
    let is_opened = reading.protection.encrypted && reading.protection.shut.is_none();
    if !is_opened || reading.is_unproven() {
        return Err(Refusal::InClear);
    }
    let has_files = reading
        .attachments
        .iter()
        .any(|a| !ATTACHED_BY_PROGRAMS.contains(&a.media_type.as_str()));
    if has_files {
        return Err(Refusal::HasFiles);
    }
    Ok(())
}

/// The first token of a letter that was issued to its writer for this case, and is good yet.
async fn find_good_token<'t>(
    desk: &Desk,
    case: &Case,
    responder: &Responder,
    text: &'t str,
    now: Timestamp,
) -> Result<Option<&'t str>, PortError> {
    let (store, to, oldest) = (&desk.parts.store, &responder.address, now - TOKEN_LIVES);
    for token in likely_tokens(text) {
        if store.token_is_good(token, case.id(), to, oldest).await? {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

/// Whether somebody reported to the case by mail, and can be answered by it.
async fn has_reporter_by_mail(desk: &Desk, case: &Case) -> Result<bool, PortError> {
    let letters = letters_of_reporter(desk, case.id()).await?;
    Ok(!letters.is_empty())
}

/// Words alone go to the reporter; commands are executed first, in the order of the letter.
fn accept(
    desk: &Desk,
    case: &Case,
    responder: &Responder,
    token: &str,
    text: LetterText,
    now: Timestamp,
) -> Result<Decision, PortError> {
    let by = name(responder);
    if let (Some(words), true) = (&text.words, text.commands.is_empty()) {
        let sealed = desk.parts.store.seal(words.as_bytes())?;
        return Ok(decide::reply(case.id(), token, sealed, &by, now));
    }
    let mail = MailCommands {
        to: responder.address.clone(),
        by: by.clone(),
        token: token.to_owned(),
        commands: text.commands,
        words: text.words,
        left_out: text.left_out,
    };
    let mail = serde_json::to_vec(&mail)
        .map_err(|e| PortError::lasting("a letter's words cannot be written").because(e))?;
    let sealed = desk.parts.store.seal(&mail)?;
    Ok(decide::words(case.id(), token, sealed, &by, now))
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

/// A responder as the journal names them.
fn name(responder: &Responder) -> String {
    format!("{}, by letter", responder.journal_name())
}
