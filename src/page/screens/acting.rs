//! What came of a command? Its sentence; or what somebody else did meanwhile, and the same form once
//! more.

use super::case_id;
use crate::control::page::{Act, Outcome, SessionRequest, Who};
use crate::page::forms::Fields;
use crate::page::words::EventShown;
use crate::page::{Failure, Frame, Page, once};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct OutcomePage {
    id: String,
    heading: &'static str,
    text: String,
    is_done: bool,
    /// What was commanded, to be mended.
    line: String,
    /// The words of a reply that was not taken.
    reply: String,
    seen: usize,
    once: String,
}

/// A form that was not carried out, to be sent again.
#[derive(Serialize)]
struct ChangedPage {
    id: String,
    since: Vec<EventShown>,
    /// What it was about, as it is shown.
    what: String,
    action: &'static str,
    line: String,
    text: String,
    /// How the reply was shown to leave.
    way: String,
    seen: usize,
    once: String,
}

/// What a form says of itself.
pub(super) fn once_and_seen(form: &Fields) -> Result<Act, Failure> {
    let broken = Failure::Malformed("This form is not whole: open the case again.");
    let once = form.text("once");
    match form.number("seen") {
        Some(seen) if !once.is_empty() && once.len() <= 64 => Ok(Act {
            once: once.to_owned(),
            seen,
        }),
        _ => Err(broken),
    }
}

pub(in crate::page) async fn command(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let done = async {
        let (parts, body) = request.into_parts();
        let form = Fields::of_body(body).await?;
        let case = case_id(&id)?;
        let line = form.command_line(case.as_str());
        let line = line.ok_or(Failure::Malformed("There is no such command on this page."))?;
        let ask = SessionRequest::Command {
            id: case,
            line: line.clone(),
            act: once_and_seen(&form)?,
        };
        match page.ask::<Outcome>(&parts.headers, ask).await {
            Ok((who, outcome)) => acted(&page, &who, &id, outcome, &form),
            Err(failure) => Ok(page.fail_with_text(failure, &line, None)),
        }
    };
    page.answer(done.await)
}

/// The screen for what came of a form.
pub(super) fn acted(
    page: &Page,
    who: &Who,
    id: &str,
    outcome: Outcome,
    form: &Fields,
) -> Result<Response, Failure> {
    let id = case_id(id)?.to_string();
    let is_reply = form.text("verb").is_empty();
    let line = form.command_line(&id).unwrap_or_default();
    let frame = Frame::new(id.clone(), Some(who));
    let told = |heading, text, is_done, status, seen| -> Result<Response, Failure> {
        let shown = OutcomePage {
            id: id.clone(),
            heading,
            text,
            is_done,
            line: if is_reply {
                String::new()
            } else {
                line.clone()
            },
            reply: if is_reply && !is_done {
                form.text("text").to_owned()
            } else {
                String::new()
            },
            seen,
            once: once()?,
        };
        let frame = Frame::new(id.clone(), Some(who)).with_status(status);
        Ok(page.show("outcome.html", frame, &shown))
    };
    let seen = form.number("seen").unwrap_or_default();
    match outcome {
        Outcome::Done { said } => told("Done", said, true, StatusCode::OK, seen),
        Outcome::Help { text } => told("How it is written", text, false, StatusCode::OK, seen),
        Outcome::Refused { why } => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            told("Nothing was changed", why, false, status, seen)
        }
        Outcome::Changed { since, seen } => {
            let text = if is_reply {
                form.text("text").to_owned()
            } else {
                String::new()
            };
            let shown = ChangedPage {
                since: since.iter().map(EventShown::of).collect(),
                what: if is_reply { text.clone() } else { line.clone() },
                action: if is_reply { "send" } else { "command" },
                line,
                text,
                way: form.text("way").to_owned(),
                seen,
                once: once()?,
                id: id.clone(),
            };
            let frame = frame.with_status(StatusCode::CONFLICT);
            Ok(page.show("changed.html", frame, &shown))
        }
    }
}
