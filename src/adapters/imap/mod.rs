//! How is an IMAP mailbox watched? (RFC 9051 and RFC 3501, IDLE, MOVE, UIDPLUS.)
//!
//! The cursor is (folder, UIDVALIDITY, UID), never a flag or a date. What is odd about one letter
//! costs that letter alone; what is odd about the dialogue ends the connection: the next round
//! begins anew, and what was not admitted is listed again.

mod dialogue;
mod folder;
mod listing;
mod login;
mod octets;
mod refusal;

use super::net::{self, Trust};
use crate::model::Timestamp;
use crate::ports::{FetchOutcome, ListedLetter, Mailbox, MailboxUid, PortError, Sink};
use async_trait::async_trait;
pub use dialogue::Dialogue;
use dialogue::{DialogueError, Idled, folder_name};
use folder::{not_opened, prove_folder};
use listing::{described, set};
pub use login::ImapLogin;
use octets::{Came, Next, piece_of};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Octets asked for at once; the library's buffer grows with what it is sent.
pub const CHUNK_OCTETS: u32 = 256 * 1024;

/// Letters listed in one round. The rest follows in the next, so that memory stays bounded.
const LIST_MAX: usize = 150;

/// Of those beyond, so many of the newest are taken first: a backlog must not keep a fresh letter
/// waiting.
const NEWEST_MAX: usize = 50;

/// The longest silence in IDLE: what stands between may drop a quiet connection without a word.
const IDLE_S: u64 = 5 * 60;

/// A server that ends IDLE sooner by itself has none to speak of.
const IDLE_LEAST_S: u64 = 10;

/// How the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImapPrivacy {
    Tls,
    Starttls,
    /// To loopback only; the config has proven it.
    None,
}

/// What becomes of a letter once it is durable here.
#[derive(Clone, Debug)]
pub enum Settling {
    Move(String),
    Keyword(String),
    Keep,
}

/// The keyword for servers that can neither move nor expunge one letter.
const FALLBACK_KEYWORD: &str = "$SealdeskDone";

/// One folder on an IMAP server, over a session that is kept between rounds.
pub struct ImapMailbox {
    name: String,
    host: String,
    port: u16,
    privacy: ImapPrivacy,
    trust: Trust,
    login: ImapLogin,
    folder: String,
    done: Settling,
    session: Option<Session>,
    /// More letters lie there than one round lists.
    more: bool,
    /// The newest of those that were not listed.
    newest: Vec<u64>,
}

struct Session {
    dialogue: Dialogue,
    capabilities: BTreeSet<String>,
    validity: u32,
    /// Letters in the folder when it was opened.
    letters: u32,
    /// IDLE is offered, and was not refused when it was tried.
    idles: bool,
}

impl ImapMailbox {
    /// Nothing connects before the first list, fetch or probe.
    pub fn new(
        name: String,
        host: String,
        port: u16,
        privacy: ImapPrivacy,
        trust: Trust,
        login: ImapLogin,
        folder: String,
        done: Settling,
    ) -> Self {
        Self {
            name,
            host,
            port,
            privacy,
            trust,
            login,
            folder,
            done,
            session: None,
            more: false,
            newest: Vec::new(),
        }
    }

    async fn session(&mut self) -> Result<&mut Session, PortError> {
        if self.session.is_none() {
            self.session = Some(self.connect().await?);
        }
        self.session
            .as_mut()
            .ok_or_else(|| PortError::passing("no session"))
    }

    async fn connect(&mut self) -> Result<Session, PortError> {
        let shown = format!("{}:{}", self.host, self.port);
        let fault = |err: DialogueError| err.port(&shown);
        let stream = net::connect(&self.host, self.port).await?;
        let mut dialogue = match self.privacy {
            ImapPrivacy::None => Dialogue::new(Box::new(stream)),
            ImapPrivacy::Tls => Dialogue::new(Box::new(
                net::secure(stream, &self.host, net::tls(&self.trust)?).await?,
            )),
            ImapPrivacy::Starttls => {
                let stream = dialogue::starttls(stream).await.map_err(fault)?;
                Dialogue::after_greeting(Box::new(
                    net::secure(stream, &self.host, net::tls(&self.trust)?).await?,
                ))
            }
        };
        dialogue.greeting().await.map_err(fault)?;
        let offered = dialogue.capabilities().await.map_err(fault)?;
        let at = (self.host.as_str(), self.port);
        self.login
            .log_in(&mut dialogue, &offered, &shown, at)
            .await?;
        // A server may offer more to those it knows.
        let known = dialogue.capabilities().await.map_err(fault)?;
        let capabilities = if known.is_empty() { offered } else { known };
        if capabilities.contains("ID") {
            dialogue.identify().await.map_err(fault)?;
        }
        let opened = match dialogue.open(&self.folder).await {
            Ok(opened) => opened,
            Err(err) => {
                return Err(not_opened(&mut dialogue, err, &shown, &self.folder).await);
            }
        };
        Ok(Session {
            dialogue,
            idles: capabilities.contains("IDLE"),
            capabilities,
            validity: opened.validity,
            letters: opened.letters,
        })
    }

    /// Runs one piece of work; any error ends the connection.
    fn fault(&mut self, err: DialogueError) -> PortError {
        self.session = None;
        err.port(&format!("{}:{}", self.host, self.port))
    }

    async fn settle_here(&mut self, uids: &str) -> Result<(), DialogueError> {
        let done = self.done.clone();
        let Some(session) = self.session.as_mut() else {
            return Err(DialogueError::Gone);
        };
        let has = |name: &str| session.capabilities.contains(name);
        let (can_move, can_expunge) = (has("MOVE"), has("UIDPLUS"));
        let dialogue = &mut session.dialogue;
        match done {
            Settling::Keep => Ok(()),
            Settling::Keyword(keyword) => dialogue.store(uids, &keyword).await,
            Settling::Move(folder) if can_move => {
                let to = folder_name(&folder)?;
                dialogue.moving(&format!("UID MOVE {uids} {to}"), &to).await
            }
            Settling::Move(folder) if can_expunge => {
                let to = folder_name(&folder)?;
                dialogue
                    .moving(&format!("UID COPY {uids} {to}"), &to)
                    .await?;
                dialogue.store(uids, "\\Deleted").await?;
                dialogue.expunge(uids).await
            }
            // A plain EXPUNGE would take other people's deleted letters with it.
            Settling::Move(_) => dialogue.store(uids, FALLBACK_KEYWORD).await,
        }
    }
}

/// Whether a server refuses for now what it would give later: it says nothing of the letter.
fn refused_for_a_while(err: &DialogueError) -> bool {
    match err {
        DialogueError::No(words) | DialogueError::Bad(words) => refusal::gives_nothing_now(words),
        _ => false,
    }
}

#[async_trait]
impl Mailbox for ImapMailbox {
    fn name(&self) -> &str {
        &self.name
    }

    async fn list(
        &mut self,
        now: Timestamp,
        after: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError> {
        let folder = self.folder.clone();
        let fresh = self.session.is_none();
        let session = self.session().await?;
        let listed = async {
            // SELECT again: it tells UIDVALIDITY anew and flushes what came unasked.
            let opened = if fresh {
                None
            } else {
                Some(session.dialogue.open(&folder).await?)
            };
            if let Some(opened) = opened {
                (session.validity, session.letters) = (opened.validity, opened.letters);
            }
            let after = after(&folder, session.validity);
            let mut uids = session.dialogue.search_beyond(after).await?;
            if after == 0 && uids.is_empty() && session.letters > 0 {
                return Err(DialogueError::Odd(
                    "it finds no letter in a folder that has some",
                ));
            }
            let more = uids.len() > LIST_MAX;
            let newest = uids.split_off(uids.len().min(LIST_MAX));
            let newest = newest[newest.len().saturating_sub(NEWEST_MAX)..].to_vec();
            if uids.is_empty() {
                return Ok((Vec::new(), false, newest));
            }
            let found = described(session, &folder, &uids, now).await?;
            Ok((found, more, newest))
        };
        match listed.await {
            Ok((found, more, newest)) => {
                (self.more, self.newest) = (more, newest);
                Ok(found)
            }
            Err(err) => Err(self.fault(err)),
        }
    }

    async fn newest(&mut self, now: Timestamp) -> Result<Vec<ListedLetter>, PortError> {
        let uids: Vec<_> = std::mem::take(&mut self.newest);
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.folder.clone();
        let found = described(self.session().await?, &folder, &uids, now).await;
        found.map_err(|err| self.fault(err))
    }

    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError> {
        let uid = letter.place.uid;
        let session = self.session().await?;
        if session.validity != letter.place.validity {
            return Err(self.fault(DialogueError::Odd("UIDVALIDITY changed under us")));
        }
        let mut came = Came::default();
        loop {
            let session = self.session().await?;
            let offset = came.octets;
            let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{offset}.{CHUNK_OCTETS}>)");
            let answered = match session.dialogue.fetch(&command).await {
                Ok(rows) => Ok(piece_of(uid, rows)),
                Err(err) if refused_for_a_while(&err) => {
                    return Err(err.port(&format!("{}:{}", self.host, self.port)));
                }
                Err(err) if err.is_refusal() => Err(err.to_string()),
                Err(err) => return Err(self.fault(err)),
            };
            match came.next(answered, letter.octets) {
                Next::Piece(piece) => sink.take(&piece).await?,
                Next::Last(piece) => {
                    sink.take(&piece).await?;
                    return Ok(FetchOutcome::Whole);
                }
                Next::Withheld(why) => {
                    return Ok(FetchOutcome::Withheld(format!(
                        "{}:{}, folder {:?}, UID {uid}: {why}",
                        self.host, self.port, self.folder
                    )));
                }
            }
        }
    }

    async fn settle(&mut self, places: &[MailboxUid]) -> Result<(), PortError> {
        let validity = self.session().await?.validity;
        let mut uids: Vec<u64> = places
            .iter()
            .filter(|p| p.validity == validity && p.folder == self.folder)
            .map(|p| p.uid)
            .collect();
        uids.sort_unstable();
        uids.dedup();
        if uids.is_empty() {
            return Ok(()); // they lay under a validity that is gone
        }
        match self.settle_here(&set(&uids)).await {
            Ok(()) => Ok(()),
            Err(err) => Err(self.fault(err)),
        }
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), PortError> {
        if std::mem::take(&mut self.more) {
            return Ok(());
        }
        let session = self.session().await?;
        if session.idles {
            let began = Instant::now();
            let at_most = at_most.min(Duration::from_secs(IDLE_S));
            match session.dialogue.idle(at_most).await {
                Ok(Idled::Ended) => return Ok(()),
                Ok(Idled::EndedByServer) if began.elapsed().as_secs() >= IDLE_LEAST_S => {
                    return Ok(());
                }
                Ok(Idled::EndedByServer) => session.idles = false,
                Err(err) if err.is_refusal() => session.idles = false,
                Err(err) => return Err(self.fault(err)),
            }
        }
        tokio::time::sleep(at_most).await;
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, PortError> {
        self.session = None;
        let done = self.done.clone();
        let shown = format!("{}:{}", self.host, self.port);
        let session = self.session().await?;
        let has = |name: &str| session.capabilities.contains(name);
        let settles = match &done {
            Settling::Keep => "letters stay where they are".to_owned(),
            Settling::Keyword(keyword) => format!("letters get the keyword {keyword}"),
            Settling::Move(to) if has("MOVE") || has("UIDPLUS") => {
                prove_folder(session, to, &shown).await?;
                format!("letters move to {to:?}")
            }
            Settling::Move(_) => format!(
                "the server can neither MOVE nor UID EXPUNGE, so letters get the keyword \
                 {FALLBACK_KEYWORD}"
            ),
        };
        let idle = if session.idles {
            "IDLE"
        } else {
            "polling only"
        };
        let text = format!(
            "{shown} folder {:?}, UIDVALIDITY {}, {idle}; {settles}",
            self.folder,
            self.session.as_ref().map_or(0, |s| s.validity)
        );
        self.session = None;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::imap::listing::internal_date;

    #[test]
    fn uids_are_written_as_ranges() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
    }

    #[test]
    fn the_servers_date_is_read() {
        assert_eq!(
            internal_date("17-Jul-1996 02:44:25 -0700")
                .unwrap()
                .to_string(),
            "1996-07-17T09:44:25Z"
        );
        assert_eq!(
            internal_date(" 7-Jul-1996 02:44:25 +0000")
                .unwrap()
                .to_string(),
            "1996-07-07T02:44:25Z"
        );
        assert_eq!(internal_date("NIL"), None);
    }
}
