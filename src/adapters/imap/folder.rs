//! Is a folder there, and what is to be mended where it is not?

use super::Session;
use super::dialogue::{Dialogue, DialogueError};
use super::refusal;
use crate::ports::PortError;

/// What Microsoft 365 answers where the token is good and the mailbox is not its owner's.
const OTHER_MAILBOX: &str = "authenticated but not connected";

/// Why the folder of letters could not be opened. It lasts only where it is surely not there.
pub(super) async fn not_opened(
    dialogue: &mut Dialogue,
    err: DialogueError,
    server: &str,
    folder: &str,
) -> PortError {
    let (DialogueError::No(words) | DialogueError::Bad(words)) = &err else {
        return err.port(server);
    };
    let refused = format!("{server} does not open the folder {folder:?}: it {err}");
    if words.to_ascii_lowercase().contains(OTHER_MAILBOX) {
        return PortError::passing(format!(
            "{refused}: the login is good, and the mailbox of mailbox.user is not there or not \
             ours to read: check that the token is of that account, or has full access to that \
             shared mailbox"
        ));
    }
    let is_missing = match refusal::by_code(words) {
        Some(lasts) => lasts,
        // Every server has an INBOX (RFC 9051 section 5.1).
        None if refusal::may_pass(words) || folder.eq_ignore_ascii_case("INBOX") => false,
        None => matches!(dialogue.has_folder(folder).await, Ok(false)),
    };
    if is_missing {
        PortError::lasting(format!("{refused}: check mailbox.folder"))
    } else {
        PortError::passing(refused)
    }
}

/// Proves that letters can be moved to a folder: it is there, or it can be made.
pub(super) async fn prove_folder(
    session: &mut Session,
    folder: &str,
    server: &str,
) -> Result<(), PortError> {
    let fault = |err: DialogueError| err.port(server);
    let dialogue = &mut session.dialogue;
    match dialogue.has_folder(folder).await {
        Ok(true) => return Ok(()),
        Err(err) if !err.is_refusal() => return Err(fault(err)),
        _ => {}
    }
    let refused = match dialogue.create(folder).await {
        Ok(()) => return Ok(()),
        Err(DialogueError::No(words)) if words.contains("[ALREADYEXISTS]") => return Ok(()),
        Err(DialogueError::No(words)) if refusal::may_pass(&words) => {
            return Err(fault(DialogueError::No(words)));
        }
        Err(err) if err.is_refusal() => err,
        Err(err) => return Err(fault(err)),
    };
    let prefix = if session.capabilities.contains("NAMESPACE") {
        dialogue.namespace().await.map_err(fault)?
    } else {
        None
    };
    let mend = match prefix.filter(|prefix| !folder.starts_with(prefix.as_str())) {
        Some(prefix) => format!("folders of ours begin with {prefix:?} there: set it so"),
        None => "make it by hand, or name another".to_owned(),
    };
    Err(PortError::lasting(format!(
        "{server} has no folder {folder:?} for letters that are done, and does not let us make it: \
         it {refused}; {mend} (mailbox.done)"
    )))
}
