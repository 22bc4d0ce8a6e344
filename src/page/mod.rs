//! What do responders see in a browser? A process of its own, which asks the desk over one socket.
//!
//! It holds no key, no store and no session: each request's cookie goes to the desk, which judges
//! it. What it shows is HTML that works without a script. It logs no request, since their answers
//! are confidential and their URLs name cases. `guard` says which requests are answered at all.

mod cookies;
mod forms;
mod guard;
mod probe;
mod render;
mod screens;
mod sign_in;
mod words;

use crate::adapters::net::serve::{self, ServingLimits, WebListener};
use crate::control::page::{self as desk, PageAnswer, PageRequest, Refusal, SessionRequest, Who};
use crate::model::page::{PageAccess, PageUrl};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
pub use probe::probe;
use render::Renderer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use words::Moment;

/// The page as one process serves it.
pub struct Page {
    socket: PathBuf,
    url: PageUrl,
    renderer: Renderer,
}

/// A built-in template can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the page's templates cannot be read")]
pub struct BrokenTemplates(#[source] minijinja::Error);

const LIMITS: ServingLimits = ServingLimits {
    connections: 128,
    header: Duration::from_secs(10),
    // A large file over a slow line.
    connection: Duration::from_secs(15 * 60),
};

impl Page {
    /// A page at this URL that asks the desk behind this socket.
    pub fn new(url: PageUrl, socket: PathBuf) -> Result<Self, BrokenTemplates> {
        Ok(Self {
            socket,
            url,
            renderer: Renderer::new().map_err(BrokenTemplates)?,
        })
    }

    /// Serves until the task is dropped.
    pub async fn serve(self, listener: WebListener) {
        serve::serve(self.router(), listener, LIMITS).await
    }

    fn router(self) -> Router {
        let page = Arc::new(self);
        Router::new()
            .route("/", get(screens::queue::show))
            .route("/sign-in", get(sign_in::show).post(sign_in::ask))
            .route("/sign-in/asked", get(sign_in::asked))
            .route("/sign-in/code", post(sign_in::by_code))
            .route("/sign-in/link", get(sign_in::link).post(sign_in::by_link))
            .route("/sign-out", post(sign_in::out))
            .route("/health", get(screens::health::show))
            .route("/case", get(screens::case::find))
            .route("/case/{id}", get(screens::case::show))
            .route("/case/{id}/command", post(screens::acting::command))
            .route("/case/{id}/reply", get(screens::reply::write))
            .route("/case/{id}/preview", post(screens::reply::preview))
            .route("/case/{id}/send", post(screens::reply::send))
            .route("/case/{id}/letter/{intake}", get(screens::letter::show))
            .route(
                "/case/{id}/letter/{intake}/sealed",
                get(screens::letter::sealed),
            )
            .route(
                "/case/{id}/letter/{intake}/file",
                post(screens::letter::file),
            )
            .route("/style.css", get(style))
            .route("/script.js", get(script))
            .route("/icon.svg", get(icon))
            .fallback(nowhere)
            .layer(middleware::from_fn_with_state(
                Arc::clone(&page),
                guard::guard,
            ))
            .with_state(page)
    }

    /// Asks the desk, in the session of this browser.
    async fn ask<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        ask: SessionRequest,
    ) -> Result<(Who, T), Failure> {
        let session = cookies::cookie(headers, cookies::SESSION).ok_or(Failure::SignedOut)?;
        let request = PageRequest::Session { session, ask };
        match self.ask_desk(&request).await? {
            PageAnswer::Good {
                who: Some(who),
                answer,
            } => {
                let answer = serde_json::from_value(answer).map_err(|_| Failure::Damaged)?;
                Ok((who, answer))
            }
            PageAnswer::Good { who: None, .. } => Err(Failure::SignedOut),
            PageAnswer::Refused { who, refusal, why } => {
                let who = who.map(Box::new);
                Err(match refusal {
                    Refusal::SignedOut => Failure::SignedOut,
                    Refusal::NotAllowed => Failure::NotAllowed(who, why),
                    Refusal::Unknown => Failure::Unknown(who, why),
                    Refusal::Malformed => Failure::Damaged,
                    Refusal::Unwell => Failure::Unwell(who, why),
                })
            }
        }
    }

    async fn ask_desk(&self, request: &PageRequest) -> Result<PageAnswer, Failure> {
        desk::ask(&self.socket, request).await.map_err(|err| {
            tracing::warn!(error = %format!("{err:#}"), "the desk cannot be asked");
            Failure::DeskDown
        })
    }

    /// A screen in the frame of all screens.
    fn show<S: Serialize>(&self, template: &str, frame: Frame, screen: &S) -> Response {
        let status = frame.status;
        match self.renderer.render(template, &Framed { frame, screen }) {
            Ok(html) => (
                status,
                [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                html,
            )
                .into_response(),
            Err(err) => {
                // It names the template and the line, and no text that was to be shown.
                tracing::error!(template, line = err.line(), "a screen cannot be written");
                let text = "This screen cannot be written: the operator finds why in the log.\n";
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }

    /// A screen that says what went wrong, and how to go on.
    fn fail(&self, failure: Failure) -> Response {
        self.fail_keeping(failure, None)
    }

    /// As [`Self::fail`], with what somebody typed, which is saved nowhere else. `again`: where it
    /// can be sent once they are signed in.
    fn fail_with_text(&self, failure: Failure, text: &str, again: Option<String>) -> Response {
        let text = text.to_owned();
        self.fail_keeping(failure, Some(KeptText { text, again }))
    }

    fn fail_keeping(&self, failure: Failure, kept: Option<KeptText>) -> Response {
        let (status, message) = failure.told();
        let message = Message { kept, ..message };
        let frame = Frame::new(message.heading, failure.who()).with_status(status);
        self.show("message.html", frame, &message)
    }

    /// What a handler answers, or why it could not.
    fn answer(&self, answered: Result<Response, Failure>) -> Response {
        answered.unwrap_or_else(|failure| self.fail(failure))
    }
}

/// What every screen shows.
#[derive(Serialize)]
struct Frame {
    /// Of the document: it names a case at most, since it stands in histories and task bars.
    title: String,
    who: Option<Shown>,
    #[serde(skip)]
    status: StatusCode,
}

/// Who is signed in, as their screens say it.
#[derive(Serialize)]
struct Shown {
    name: String,
    login: String,
    desk: String,
    commands: bool,
    now: Moment,
    ends_at: Moment,
}

#[derive(Serialize)]
struct Framed<'s, S> {
    frame: Frame,
    screen: &'s S,
}

impl Frame {
    fn new(title: impl Into<String>, who: Option<&Who>) -> Self {
        Self {
            title: title.into(),
            who: who.map(|who| Shown {
                name: who.name.clone(),
                login: who.login.clone().unwrap_or_else(|| who.name.clone()),
                desk: who.desk.clone(),
                commands: who.access == PageAccess::Command,
                now: Moment::of(who.now),
                ends_at: Moment::of(who.ends_at),
            }),
            status: StatusCode::OK,
        }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// Why a request was not answered with what it asked for.
enum Failure {
    SignedOut,
    NotAllowed(Option<Box<Who>>, String),
    Unknown(Option<Box<Who>>, String),
    /// What came from the desk or from the browser can't be read.
    Damaged,
    Malformed(&'static str),
    TooLarge,
    Unwell(Option<Box<Who>>, String),
    DeskDown,
}

/// A failure in words.
#[derive(Serialize)]
struct Message {
    heading: &'static str,
    text: String,
    /// They must sign in to go on.
    signs_in: bool,
    kept: Option<KeptText>,
}

/// What somebody typed, where it could not be taken.
#[derive(Serialize)]
struct KeptText {
    text: String,
    again: Option<String>,
}

impl Failure {
    fn who(&self) -> Option<&Who> {
        match self {
            Self::NotAllowed(who, _) | Self::Unknown(who, _) | Self::Unwell(who, _) => {
                who.as_deref()
            }
            _ => None,
        }
    }

    fn told(&self) -> (StatusCode, Message) {
        let (status, heading, text) = match self {
            Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "You are not signed in",
                "Your session is over, or this link was opened from another site, to which your \
                 browser does not show it. In the second case, go on."
                    .to_owned(),
            ),
            Self::NotAllowed(_, why) => {
                (StatusCode::FORBIDDEN, "You may only read here", why.clone())
            }
            Self::Unknown(_, why) => (StatusCode::NOT_FOUND, "There is no such thing", why.clone()),
            Self::Damaged => (
                StatusCode::BAD_GATEWAY,
                "Page and desk do not understand each other",
                "Are both of one version? The operator restarts sealdesk-page after an upgrade."
                    .to_owned(),
            ),
            Self::Malformed(why) => (
                StatusCode::BAD_REQUEST,
                "That cannot be understood",
                (*why).to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is too long",
                "A form may hold 512 KiB, and a reply 128 KiB. Nothing was sent.".to_owned(),
            ),
            Self::Unwell(_, why) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The desk cannot do that now",
                format!("Try again in a minute. {LOOK_FIRST} What the desk says: {why}"),
            ),
            Self::DeskDown => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The desk does not answer",
                format!(
                    "It starts, or it stopped: the operator looks at `sealdesk status`. \
                     {LOOK_FIRST} Mail is kept on its server meanwhile."
                ),
            ),
        };
        let signs_in = matches!(self, Self::SignedOut);
        (
            status,
            Message {
                heading,
                text,
                signs_in,
                kept: None,
            },
        )
    }
}

/// A desk that broke off may have done what it was asked for.
const LOOK_FIRST: &str =
    "If you sent something, look at the case before you send it again: it may be done.";

/// A number that a form has alone, so that it acts once.
fn once() -> Result<String, Failure> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets)
        .map_err(|_| Failure::Unwell(None, "there is no randomness".to_owned()))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

async fn nowhere(State(page): State<Arc<Page>>) -> Response {
    page.fail(Failure::Unknown(
        None,
        "Nothing is found at this address.".to_owned(),
    ))
}

/// What holds nothing of a case may be kept for an hour.
fn kept(media_type: &'static str, octets: &'static [u8]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, octets).into_response()
}

async fn style() -> Response {
    kept(
        "text/css; charset=utf-8",
        include_bytes!("static/style.css"),
    )
}

async fn script() -> Response {
    let octets = include_bytes!("static/script.js");
    kept("text/javascript; charset=utf-8", octets)
}

async fn icon() -> Response {
    kept("image/svg+xml", include_bytes!("static/icon.svg"))
}
