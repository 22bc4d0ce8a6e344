//! Who is signed in, and who may become so? Kept in the memory of this process alone, as HMACs: no
//! disk and no backup holds a session, and a desk that starts anew or takes up a changed config has
//! none.

use super::tokens::{Kept, TokenKey, code, straightened_code, token};
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::page::SignInTicket;
use crate::ports::PortError;
use jiff::SignedDuration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So long a letter lets its reader sign in.
pub(super) const TICKET_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// Wrong links and codes before a letter is worth nothing any more.
const TRIES_MAX: u32 = 5;

/// A session ends so long after the last question, and so long after it began.
const IDLE: SignedDuration = SignedDuration::from_hours(1);
const WHOLE: SignedDuration = SignedDuration::from_hours(12);

/// Sessions of one person; the oldest ends for one more.
const SESSIONS_MAX: usize = 10;

/// Letters in an hour to one person: for whom any browser asks; for each browser in which they
/// signed in before; and for all of those together.
const LETTERS_OF_STRANGERS_MAX: usize = 5;
const LETTERS_OF_BROWSER_MAX: usize = 5;
const LETTERS_OF_BROWSERS_MAX: usize = 20;
const LETTERS_IN: SignedDuration = SignedDuration::from_hours(1);

/// What became of requests that must not be carried out twice, of one session.
const OUTCOMES_MAX: usize = 64;

/// Who asked for a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Anybody may be.
    Stranger,
    /// A browser in which this person signed in before.
    Known(Kept),
}

/// Requests that were carried out: what their forms were numbered, and what came of them.
#[derive(Default)]
pub(super) struct Outcomes(VecDeque<(Kept, serde_json::Value)>);

/// A session that is good at this moment.
pub(super) struct GoodSession {
    pub responder: Address,
    /// Without a further question it ends then.
    pub ends_at: Timestamp,
    /// Held while a request is carried out.
    pub outcomes: Arc<tokio::sync::Mutex<Outcomes>>,
}

pub(super) struct Sessions {
    key: TokenKey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By what the browser holds that asked.
    tickets: HashMap<Kept, Ticket>,
    /// By what the browser holds that signed in.
    sessions: HashMap<Kept, Session>,
    letters: VecDeque<Letter>,
}

struct Ticket {
    responder: Address,
    link: Kept,
    code: Kept,
    since: Timestamp,
    tries: u32,
}

struct Session {
    responder: Address,
    since: Timestamp,
    seen: Timestamp,
    outcomes: Arc<tokio::sync::Mutex<Outcomes>>,
}

/// A letter that left within the last hour.
struct Letter {
    responder: Address,
    asker: Asker,
    at: Timestamp,
}

impl Outcomes {
    pub fn of(&self, request: &Kept) -> Option<serde_json::Value> {
        let mut known = self.0.iter();
        known
            .find(|(of, _)| of == request)
            .map(|(_, outcome)| outcome.clone())
    }

    pub fn keep(&mut self, request: Kept, outcome: serde_json::Value) {
        self.0.push_back((request, outcome));
        if self.0.len() > OUTCOMES_MAX {
            self.0.pop_front();
        }
    }
}

impl Session {
    fn ends_at(&self) -> Timestamp {
        (self.seen + IDLE).min(self.since + WHOLE)
    }
}

impl State {
    /// Forgets what is over.
    fn sweep(&mut self, now: Timestamp) {
        self.tickets
            .retain(|_, ticket| now < ticket.since + TICKET_LASTS);
        self.sessions.retain(|_, session| now < session.ends_at());
        self.letters.retain(|letter| now < letter.at + LETTERS_IN);
    }

    fn may_write(&self, to: &Address, asker: Asker) -> bool {
        let of = |is_counted: &dyn Fn(&Letter) -> bool| {
            let letters = self.letters.iter();
            letters
                .filter(|letter| letter.responder.same_mailbox(to) && is_counted(letter))
                .count()
        };
        let by_strangers = of(&|letter| letter.asker == Asker::Stranger);
        match asker {
            Asker::Stranger => by_strangers < LETTERS_OF_STRANGERS_MAX,
            Asker::Known(_) => {
                let by_browsers = of(&|letter| letter.asker != Asker::Stranger);
                of(&|letter| letter.asker == asker) < LETTERS_OF_BROWSER_MAX
                    && by_browsers < LETTERS_OF_BROWSERS_MAX
            }
        }
    }

    /// Begins a session, and ends the oldest of somebody who has too many.
    fn begin(&mut self, kept: Kept, responder: Address, now: Timestamp) {
        let theirs = |session: &Session| session.responder.same_mailbox(&responder);
        if self.sessions.values().filter(|s| theirs(s)).count() >= SESSIONS_MAX {
            let all = self.sessions.iter().filter(|(_, s)| theirs(s));
            let oldest = all.min_by_key(|(_, s)| s.seen).map(|(of, _)| *of);
            oldest.and_then(|of| self.sessions.remove(&of));
        }
        let session = Session {
            responder,
            since: now,
            seen: now,
            outcomes: Arc::default(),
        };
        self.sessions.insert(kept, session);
    }
}

impl Sessions {
    pub fn new() -> Result<Self, PortError> {
        Ok(Self {
            key: TokenKey::new()?,
            state: Mutex::default(),
        })
    }

    fn state(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sweep(now);
        state
    }

    /// What is given to a browser that asks, whomever it names: what it will prove itself by, and
    /// the two words.
    pub fn asked(&self) -> Result<(String, String), PortError> {
        let asked = token()?;
        let words = self.key.words_of(&asked);
        Ok((asked, words))
    }

    /// The words that belong to an asking.
    pub fn words_of(&self, asked: &str) -> String {
        self.key.words_of(asked)
    }

    /// What is kept of a token, to compare or to count by.
    pub fn keep(&self, purpose: &str, token: &str) -> Kept {
        self.key.keep(purpose, token)
    }

    /// What a letter lets somebody sign in by; `None` where they had enough letters within the hour.
    pub fn issue(
        &self,
        asked: &str,
        responder: &Address,
        asker: Asker,
        now: Timestamp,
    ) -> Result<Option<SignInTicket>, PortError> {
        let (link, code) = (token()?, code()?);
        let mut state = self.state(now);
        if !state.may_write(responder, asker) {
            return Ok(None);
        }
        state.letters.push_back(Letter {
            responder: responder.clone(),
            asker,
            at: now,
        });
        let ticket = Ticket {
            responder: responder.clone(),
            link: self.key.keep("link", &link),
            code: self.key.keep("code", &code),
            since: now,
            tries: 0,
        };
        state.tickets.insert(self.key.keep("asked", asked), ticket);
        let words = self.key.words_of(asked);
        SignInTicket::new(link, code, words)
            .map(Some)
            .map_err(|e| PortError::lasting("a ticket cannot be made").because(e))
    }

    /// Signs in the browser that asked, by the link of its letter: the session's token, and whose
    /// it is.
    pub fn sign_in_by_link(
        &self,
        asked: &str,
        link: &str,
        now: Timestamp,
    ) -> Result<Option<(String, Address)>, PortError> {
        let given = self.key.keep("link", link);
        self.sign_in(asked, |ticket| ticket.link == given, now)
    }

    /// As [`Self::sign_in_by_link`], by the code.
    pub fn sign_in_by_code(
        &self,
        asked: &str,
        typed: &str,
        now: Timestamp,
    ) -> Result<Option<(String, Address)>, PortError> {
        let given = self.key.keep("code", &straightened_code(typed));
        self.sign_in(asked, |ticket| ticket.code == given, now)
    }

    fn sign_in(
        &self,
        asked: &str,
        proves: impl Fn(&Ticket) -> bool,
        now: Timestamp,
    ) -> Result<Option<(String, Address)>, PortError> {
        let session = token()?;
        let asked = self.key.keep("asked", asked);
        let mut state = self.state(now);
        let Some(ticket) = state.tickets.get_mut(&asked) else {
            return Ok(None);
        };
        if !proves(ticket) {
            ticket.tries += 1;
            if ticket.tries >= TRIES_MAX {
                state.tickets.remove(&asked);
            }
            return Ok(None);
        }
        let Some(ticket) = state.tickets.remove(&asked) else {
            return Ok(None);
        };
        let kept = self.key.keep("session", &session);
        state.begin(kept, ticket.responder.clone(), now);
        Ok(Some((session, ticket.responder)))
    }

    /// The session with this token; asking for it keeps it from ending.
    pub fn good(&self, session: &str, now: Timestamp) -> Option<GoodSession> {
        let kept = self.key.keep("session", session);
        let mut state = self.state(now);
        let session = state.sessions.get_mut(&kept)?;
        session.seen = now;
        Some(GoodSession {
            responder: session.responder.clone(),
            ends_at: session.ends_at(),
            outcomes: Arc::clone(&session.outcomes),
        })
    }

    /// Ends a session; one that is over is no fault.
    pub fn end(&self, session: &str, now: Timestamp) {
        let kept = self.key.keep("session", session);
        self.state(now).sessions.remove(&kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn rita() -> Address {
        Address::parse("rita@desk.example").unwrap()
    }

    fn issued(sessions: &Sessions, now: Timestamp) -> (String, SignInTicket) {
        let (asked, words) = sessions.asked().unwrap();
        let ticket = sessions
            .issue(&asked, &rita(), Asker::Stranger, now)
            .unwrap();
        let ticket = ticket.unwrap();
        assert_eq!(ticket.words(), words);
        (asked, ticket)
    }

    #[test]
    fn a_letter_signs_in_once_in_time_and_in_the_browser_that_asked() {
        let sessions = Sessions::new().unwrap();
        let (asked, ticket) = issued(&sessions, at(0));
        let (other, _) = sessions.asked().unwrap();
        let link = ticket.expose_link();
        let by_link = |asked: &str, now| sessions.sign_in_by_link(asked, link, now).unwrap();
        assert!(by_link(&other, at(1)).is_none(), "another browser");
        let (session, who) = by_link(&asked, at(9)).unwrap();
        assert_eq!(who, rita());
        assert!(by_link(&asked, at(9)).is_none(), "twice");
        let code = ticket.expose_code();
        assert!(
            sessions
                .sign_in_by_code(&asked, code, at(9))
                .unwrap()
                .is_none(),
            "spent"
        );
        assert!(sessions.good(&session, at(10)).is_some());
        let (asked, ticket) = issued(&sessions, at(20));
        let late = sessions.sign_in_by_link(&asked, ticket.expose_link(), at(30));
        assert!(late.unwrap().is_none(), "late");
    }

    #[test]
    fn a_code_is_guessed_five_times_and_no_more() {
        let sessions = Sessions::new().unwrap();
        let (asked, ticket) = issued(&sessions, at(0));
        let typed = |code: &str| sessions.sign_in_by_code(&asked, code, at(1)).unwrap();
        for _ in 1..TRIES_MAX {
            assert!(typed("0000-0000").is_none());
        }
        assert!(typed(&ticket.expose_code().to_lowercase()).is_some());
        let (asked, ticket) = issued(&sessions, at(2));
        for _ in 0..TRIES_MAX {
            let guessed = sessions
                .sign_in_by_code(&asked, "0000-0000", at(3))
                .unwrap();
            assert!(guessed.is_none());
        }
        let right = sessions.sign_in_by_code(&asked, ticket.expose_code(), at(3));
        assert!(right.unwrap().is_none());
    }

    #[test]
    fn a_session_ends_after_an_hour_of_silence_and_after_twelve() {
        let sessions = Sessions::new().unwrap();
        let signed_in = |now| {
            let (asked, ticket) = issued(&sessions, now);
            let link = ticket.expose_link().to_owned();
            sessions
                .sign_in_by_link(&asked, &link, now)
                .unwrap()
                .unwrap()
                .0
        };
        let session = signed_in(at(0));
        assert!(sessions.good(&session, at(59)).is_some());
        assert!(sessions.good(&session, at(118)).is_some());
        assert!(sessions.good(&session, at(178)).is_none(), "idle");
        let session = signed_in(at(200));
        for minute in (200..200 + 12 * 60).step_by(30) {
            assert!(sessions.good(&session, at(minute)).is_some(), "{minute}");
        }
        assert!(
            sessions.good(&session, at(200 + 12 * 60)).is_none(),
            "whole"
        );
        let session = signed_in(at(2000));
        sessions.end(&session, at(2001));
        assert!(sessions.good(&session, at(2001)).is_none(), "signed out");
        assert!(sessions.good("", at(2001)).is_none());
    }

    #[test]
    fn strangers_use_up_no_share_but_their_own() {
        let sessions = Sessions::new().unwrap();
        let letter = |asker, now| {
            let (asked, _) = sessions.asked().unwrap();
            sessions
                .issue(&asked, &rita(), asker, now)
                .unwrap()
                .is_some()
        };
        for _ in 0..LETTERS_OF_STRANGERS_MAX {
            assert!(letter(Asker::Stranger, at(0)));
        }
        assert!(!letter(Asker::Stranger, at(59)));
        let known = Asker::Known(sessions.keep("browser", "a"));
        for _ in 0..LETTERS_OF_BROWSER_MAX {
            assert!(letter(known, at(59)));
        }
        assert!(!letter(known, at(59)));
        assert!(letter(Asker::Known(sessions.keep("browser", "b")), at(59)));
        assert!(letter(Asker::Stranger, at(60)));
    }

    #[test]
    fn the_oldest_session_of_somebody_ends_for_one_more() {
        let sessions = Sessions::new().unwrap();
        let tokens: Vec<String> = (0..=SESSIONS_MAX)
            .map(|n| {
                let kept = token().unwrap();
                let now = at(i64::try_from(n).unwrap());
                let of = sessions.keep("session", &kept);
                sessions.state(now).begin(of, rita(), now);
                kept
            })
            .collect();
        let good: Vec<bool> = tokens
            .iter()
            .map(|kept| sessions.good(kept, at(20)).is_some())
            .collect();
        assert_eq!(good.iter().filter(|good| **good).count(), SESSIONS_MAX);
        assert!(!good[0]);
    }
}
