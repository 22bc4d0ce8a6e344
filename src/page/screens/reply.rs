//! To whom would a reply go, how, and what exactly would leave? Said before a word is typed, and again
//! before it is sent.

use super::acting::{acted, once_and_seen};
use super::case_id;
use crate::control::page::{Outcome, ReplyScreen, ReplyWay, SessionRequest};
use crate::page::forms::Fields;
use crate::page::{Failure, Frame, Page, once};
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

/// How a reply would leave.
#[derive(Serialize)]
pub(super) struct WayShown {
    to: String,
    told: String,
    /// It leaves encrypted, or not at all.
    is_encrypted: bool,
    may_be_sent: bool,
}

impl WayShown {
    pub fn of(way: &ReplyWay) -> Self {
        let shown = |to: &str, told: String, is_encrypted, may_be_sent| Self {
            to: to.to_owned(),
            told,
            is_encrypted,
            may_be_sent,
        };
        match way {
            ReplyWay::Encrypted { to, fingerprint } => {
                let which = match fingerprint {
                    Some(fingerprint) => format!(" {fingerprint}"),
                    None => ", which came with a letter that it signs".to_owned(),
                };
                let told = format!("Signed by the desk, and encrypted to their certificate{which}.");
                shown(to.as_str(), told, true, true)
            }
            ReplyWay::Clear { to } => shown(
                to.as_str(),
                "Signed by the desk, and IN CLEAR: they wrote in clear, and no certificate of \
                 theirs is known. Anybody on the way can read it."
                    .to_owned(),
                false,
                true,
            ),
            ReplyWay::Waits { to } => shown(
                to.as_str(),
                "They wrote encrypted, and no certificate of theirs is known: they are asked for \
                 it. Your words wait, sealed, and leave once it is here, within a week."
                    .to_owned(),
                true,
                true,
            ),
            ReplyWay::Contested { to } => shown(
                to.as_str(),
                "Two certificates were proven to be theirs, so nothing can leave: choose one first, \
                 with the command certificate --use FINGERPRINT."
                    .to_owned(),
                true,
                false,
            ),
            ReplyWay::Nobody => shown(
                "nobody",
                "They wrote in the tracker, or no address of theirs is known: answer them there, \
                 then say that you answered them yourself."
                    .to_owned(),
                false,
                false,
            ),
        }
    }
}

#[derive(Serialize)]
struct WritePage {
    id: String,
    summary: Option<String>,
    way: WayShown,
    text: String,
    why: Option<String>,
}

#[derive(Serialize)]
struct PreviewPage {
    id: String,
    way: WayShown,
    subject: String,
    body: String,
    text: String,
    seen: usize,
    once: String,
    /// How it is shown to leave, for the desk to compare.
    shown_way: String,
}

fn writing(screen: &ReplyScreen, text: String, why: Option<String>) -> WritePage {
    WritePage {
        id: screen.line.id.to_string(),
        summary: screen.line.summary.clone(),
        way: WayShown::of(&screen.reply),
        text,
        why,
    }
}

/// A field for a reply.
pub(in crate::page) async fn write(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let ask = SessionRequest::Preview {
            id: case_id(&id)?,
            text: String::new(),
        };
        let (who, screen) = page.ask::<ReplyScreen>(&headers, ask).await?;
        let frame = Frame::new(format!("Reply in {}", screen.line.id), Some(&who));
        Ok(page.show("reply.html", frame, &writing(&screen, String::new(), None)))
    };
    page.answer(shown.await)
}

/// What would leave; or the field again, with what was typed.
pub(in crate::page) async fn preview(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let shown = async {
        let (parts, body) = request.into_parts();
        let form = Fields::of_body(body).await?;
        let text = line_ends(form.text("text"));
        let ask = SessionRequest::Preview {
            id: case_id(&id)?,
            text: text.clone(),
        };
        let asked = page.ask::<ReplyScreen>(&parts.headers, ask).await;
        let (who, screen) = match asked {
            Ok(asked) => asked,
            Err(failure) => return Ok(page.fail_with_text(failure, &text, preview_of(&id)?)),
        };
        let way = WayShown::of(&screen.reply);
        let words = screen.words.clone().filter(|_| way.may_be_sent);
        if !form.text("again").is_empty() || words.is_none() {
            let why = form
                .text("again")
                .is_empty()
                .then(|| "There is nothing to send yet.".to_owned());
            let frame = Frame::new(format!("Reply in {}", screen.line.id), Some(&who));
            return Ok(page.show("reply.html", frame, &writing(&screen, text, why)));
        }
        let words = words.ok_or(Failure::Damaged)?;
        let shown = PreviewPage {
            id: screen.line.id.to_string(),
            way,
            subject: words.subject,
            body: words.body,
            text,
            seen: screen.seen,
            once: once()?,
            shown_way: serde_json::to_string(&screen.reply).map_err(|_| Failure::Damaged)?,
        };
        let frame = Frame::new(format!("Reply in {}", shown.id), Some(&who));
        Ok(page.show("preview.html", frame, &shown))
    };
    page.answer(shown.await)
}

/// Hands the reply over.
pub(in crate::page) async fn send(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let sent = async {
        let (parts, body) = request.into_parts();
        let form = Fields::of_body(body).await?;
        let text = line_ends(form.text("text"));
        let ask = SessionRequest::Reply {
            id: case_id(&id)?,
            text: text.clone(),
            // Of a form that is not whole nothing leaves.
            way: serde_json::from_str(form.text("way")).unwrap_or(ReplyWay::Nobody),
            act: once_and_seen(&form)?,
        };
        match page.ask::<Outcome>(&parts.headers, ask).await {
            Ok((who, outcome)) => acted(&page, &who, &id, outcome, &form),
            Err(failure) => Ok(page.fail_with_text(failure, &text, preview_of(&id)?)),
        }
    };
    page.answer(sent.await)
}

/// Where a text is shown before it is sent.
fn preview_of(id: &str) -> Result<Option<String>, Failure> {
    Ok(Some(format!("/case/{}/preview", case_id(id)?)))
}

/// Browsers send CR LF.
fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n")
}
