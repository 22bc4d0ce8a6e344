//! What may the page for responders ask of a desk? Less than a person on the machine, and only in a
//! session that this desk made.
//!
//! The page is a process that browsers reach, so the desk believes nothing that it says: whoever
//! takes it over sees what passes through it, and can make no session. `sessions` says who is
//! signed in, `signing_in` sends the letters, `queue` and `reading` show, `acting` changes.

mod acting;
mod queue;
mod reading;
mod sessions;
mod signing_in;
mod tokens;
mod wire;

pub use queue::{LINES_A_PAGE, SEARCHED_MAX};
pub use reading::{LETTER_CHARACTERS_MAX, LETTERS_OF_CASE_MAX};
pub use wire::{
    Act, CaseScreen, LetterScreen, Outcome, PageAnswer, PageRequest, QueueLine, QueueSection,
    QueueView, QueueWanted, Refusal, ReplyScreen, SessionRequest, SignInAsked, SignInRequest,
    SignedIn, Who, Whose,
};

pub use crate::pipeline::outbox::{ReplyWay, ReplyWords};

use super::socket::{RECEIVE, receive, send, serve_each};
use super::view;
use crate::desk::{Desk, Responder};
use crate::model::ids::CaseId;
use crate::model::page::PageAccess;
use crate::ports::PortError;
use anyhow::{Context, Result, bail};
use sessions::{GoodSession, Sessions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// How long the page waits for an answer.
const ANSWER_S: u64 = 60;

/// The longest answer that the page takes: the largest file, in base64.
const ANSWER_OCTETS_MAX: u64 = 48 * 1024 * 1024;

/// The desk as the page asks it.
struct PageDesk {
    desk: Arc<Desk>,
    sessions: Arc<Sessions>,
    letters: signing_in::Letters,
    turns: acting::Turns,
    /// Whole letters and files are held in memory, several times.
    downloads: tokio::sync::Semaphore,
}

/// Letters and files that are taken out at once.
const DOWNLOADS_MAX: usize = 2;

/// Why a question was not answered.
struct Refused(Refusal, String);

impl From<PortError> for Refused {
    fn from(err: PortError) -> Self {
        Self(Refusal::Unwell, err.to_string())
    }
}

impl From<anyhow::Error> for Refused {
    fn from(err: anyhow::Error) -> Self {
        Self(Refusal::Unwell, format!("{err:#}"))
    }
}

impl From<serde_json::Error> for Refused {
    fn from(_: serde_json::Error) -> Self {
        Self(Refusal::Unwell, "an answer cannot be written".to_owned())
    }
}

/// What a question is answered with.
type Answered = Result<serde_json::Value, Refused>;

/// Answers the page until the task is dropped. With it every session ends.
pub async fn serve(desk: Arc<Desk>, listener: UnixListener) {
    let sessions = match Sessions::new() {
        Ok(sessions) => Arc::new(sessions),
        Err(err) => {
            tracing::error!(error = %err, "the page is not served");
            return;
        }
    };
    let page = Arc::new(PageDesk {
        desk,
        sessions,
        letters: signing_in::Letters::default(),
        turns: acting::Turns::default(),
        downloads: tokio::sync::Semaphore::new(DOWNLOADS_MAX),
    });
    serve_each(listener, move |stream| {
        let page = Arc::clone(&page);
        async move { serve_one(&page, stream).await }
    })
    .await
}

async fn serve_one(page: &PageDesk, mut stream: UnixStream) -> Result<()> {
    let text = receive(&mut stream).await?;
    let answer = match serde_json::from_slice::<PageRequest>(&text) {
        Ok(PageRequest::SignIn(request)) => {
            let answered = page.sign_in(request).await;
            page.answer(None, answered)
        }
        Ok(PageRequest::Session { session, ask }) => page.in_session(&session, ask).await,
        Err(_) => page.answer(
            None,
            Err(Refused(
                Refusal::Malformed,
                "the question is not understood: are desk and page of one version?".to_owned(),
            )),
        ),
    };
    send(&answer, stream, RECEIVE).await
}

/// Who asks, as the config has them at this moment, and their session.
struct Caller<'d> {
    responder: &'d Responder,
    session: GoodSession,
}

impl PageDesk {
    fn answer(&self, who: Option<Who>, answered: Answered) -> PageAnswer {
        match answered {
            Ok(answer) => PageAnswer::Good { who, answer },
            Err(Refused(refusal, why)) => PageAnswer::Refused { who, refusal, why },
        }
    }

    /// Judges the session, then the question.
    async fn in_session(&self, session: &str, ask: SessionRequest) -> PageAnswer {
        let now = self.desk.now();
        let caller = self.sessions.good(session, now).and_then(|good| {
            let responder = self.desk.responder(&good.responder)?;
            (responder.page != PageAccess::None).then_some(Caller {
                responder,
                session: good,
            })
        });
        let Some(caller) = caller else {
            let why = "you are not signed in: the session ended, or there was none";
            return self.answer(None, Err(Refused(Refusal::SignedOut, why.to_owned())));
        };
        if matches!(ask, SessionRequest::SignOut) {
            self.sessions.end(session, now);
            tracing::info!(by = %caller.responder.journal_name(), "signed out of the page");
            return self.answer(None, Ok(serde_json::Value::Null));
        }
        let who = Who {
            name: caller.responder.name.clone(),
            login: caller.responder.login.clone(),
            access: caller.responder.page,
            now,
            ends_at: caller.session.ends_at,
            desk: self.desk.parts.identity.name.clone(),
        };
        let answered = self.carry_out(&caller, ask).await;
        self.answer(Some(who), answered)
    }

    async fn carry_out(&self, caller: &Caller<'_>, ask: SessionRequest) -> Answered {
        let desk = self.desk.as_ref();
        match ask {
            SessionRequest::Queue(wanted) => queue::page(desk, caller.responder, wanted).await,
            SessionRequest::Case { id } => reading::case(desk, &id).await,
            SessionRequest::Letter { id, intake } => reading::letter(desk, &id, intake).await,
            SessionRequest::SealedLetter { id, intake } => {
                let _place = self.downloads.acquire().await;
                reading::sealed_letter(desk, caller.responder, &id, intake).await
            }
            SessionRequest::File { id, intake, n } => {
                let _place = self.downloads.acquire().await;
                reading::file(desk, &id, intake, n).await
            }
            SessionRequest::Preview { id, text } => acting::preview(desk, &id, &text).await,
            SessionRequest::Command { id, line, act } => {
                let key = self
                    .sessions
                    .keep("command", &format!("{}\0{id}\0{line}", act.once));
                let turn = self.turns.of(&id);
                let _turn = turn.lock().await;
                acting::command(desk, caller, &id, &line, &act, key).await
            }
            SessionRequest::Reply { id, text, way, act } => {
                let key = self
                    .sessions
                    .keep("reply", &format!("{}\0{id}\0{text}", act.once));
                let turn = self.turns.of(&id);
                let _turn = turn.lock().await;
                acting::reply(desk, caller, &id, (&text, &way), &act, key).await
            }
            SessionRequest::Health => Ok(serde_json::to_value(view::status(desk).await?)?),
            SessionRequest::SignOut => Ok(serde_json::Value::Null),
        }
    }
}

/// The case, or that there is none.
async fn known(desk: &Desk, id: &CaseId) -> Result<crate::model::case::Case, Refused> {
    let case = desk.parts.store.case(id).await?;
    case.ok_or_else(|| Refused(Refusal::Unknown, format!("There is no case {id}.")))
}

/// Asks a desk over its socket for the page. An error says that no desk answers there.
pub async fn ask(socket: &Path, request: &PageRequest) -> Result<PageAnswer> {
    let mut stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("no desk answers on {}", socket.display()))?;
    let request = serde_json::to_vec(request)?;
    let mut text = Vec::new();
    let talk = async {
        stream.write_all(&request).await?;
        stream.shutdown().await?;
        let mut limited = stream.take(ANSWER_OCTETS_MAX);
        limited.read_to_end(&mut text).await
    };
    match tokio::time::timeout(Duration::from_secs(ANSWER_S), talk).await {
        Err(_) => bail!("the desk does not answer within {ANSWER_S} s"),
        Ok(talked) => talked.context("the desk broke off")?,
    };
    serde_json::from_slice(&text).context("the desk's answer cannot be read")
}
