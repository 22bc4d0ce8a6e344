//! How does somebody sign in and out in their browser? They name themselves, get a letter, and open
//! its link here or type its code here.

use super::cookies::{self, cookie};
use super::forms::Fields;
use super::{Failure, Frame, Page};
use crate::control::page::{
    PageAnswer, PageRequest, Refusal, SessionRequest, SignInAsked, SignInRequest, SignedIn,
};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// Leads a browser to another page of ours, by GET.
pub(super) fn see_other(path: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

#[derive(Serialize)]
struct SignInScreen {
    /// What is wrong with what was tried.
    why: Option<String>,
}

pub(super) async fn show(State(page): State<Arc<Page>>) -> Response {
    let screen = SignInScreen { why: None };
    page.show("sign-in.html", Frame::new("Sign in", None), &screen)
}

/// Asks for a letter. The answer is the same for everybody.
pub(super) async fn ask(State(page): State<Arc<Page>>, request: Request) -> Response {
    let asked = async {
        let (parts, body) = request.into_parts();
        let form = Fields::of_body(body).await?;
        let request = PageRequest::SignIn(SignInRequest::Ask {
            name: form.text("name").trim().chars().take(320).collect(),
            browser: cookie(&parts.headers, cookies::BROWSER),
        });
        let asked: SignInAsked = signing_in(&page, &request).await?;
        let mut response = see_other("/sign-in/asked");
        cookies::set(
            response.headers_mut(),
            cookies::ASKED,
            &asked.asked,
            cookies::ASKED_S,
        );
        Ok(response)
    };
    page.answer(asked.await)
}

#[derive(Serialize)]
struct AskedScreen {
    words: String,
    why: Option<String>,
}

/// A letter was asked for: the words that are in it, and a field for its code.
pub(super) async fn asked(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let Some(asked) = cookie(&headers, cookies::ASKED) else {
        return see_other("/sign-in");
    };
    let shown = async {
        let words = words_of(&page, asked).await?;
        let screen = AskedScreen { words, why: None };
        Ok(page.show(
            "asked.html",
            Frame::new("Look into your mail", None),
            &screen,
        ))
    };
    page.answer(shown.await)
}

async fn words_of(page: &Page, asked: String) -> Result<String, Failure> {
    signing_in(page, &PageRequest::SignIn(SignInRequest::Words { asked })).await
}

#[derive(Serialize)]
struct LinkScreen {
    ticket: String,
}

/// The link of a letter. It changes nothing: scanners open links too.
pub(super) async fn link(State(page): State<Arc<Page>>, request: Request) -> Response {
    let ticket = Fields::of_query(request.uri()).text("ticket").to_owned();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if ticket.is_empty() || ticket.len() > 64 || !ticket.bytes().all(is_plain) {
        return page.fail(Failure::Malformed(
            "This is not a whole link of a letter: copy all of it, or type the code of the letter.",
        ));
    }
    let screen = LinkScreen { ticket };
    page.show("link.html", Frame::new("Sign in", None), &screen)
}

pub(super) async fn by_link(State(page): State<Arc<Page>>, request: Request) -> Response {
    let signed_in = async {
        let (parts, body) = request.into_parts();
        let ticket = Fields::of_body(body).await?.text("ticket").to_owned();
        let asked = cookie(&parts.headers, cookies::ASKED).unwrap_or_default();
        sign_in(&page, SignInRequest::ByLink { asked, ticket }, None).await
    };
    page.answer(signed_in.await)
}

pub(super) async fn by_code(State(page): State<Arc<Page>>, request: Request) -> Response {
    let signed_in = async {
        let (parts, body) = request.into_parts();
        let code = Fields::of_body(body).await?.text("code").to_owned();
        let asked = cookie(&parts.headers, cookies::ASKED).unwrap_or_default();
        let request = SignInRequest::ByCode {
            asked: asked.clone(),
            code: code.chars().take(32).collect(),
        };
        sign_in(&page, request, Some(asked)).await
    };
    page.answer(signed_in.await)
}

/// Signs this browser in, or says on the page where it was tried that it can't be.
async fn sign_in(
    page: &Page,
    request: SignInRequest,
    asked: Option<String>,
) -> Result<Response, Failure> {
    let answer = page.ask_desk(&PageRequest::SignIn(request)).await?;
    match answer {
        PageAnswer::Good { answer, .. } => {
            let signed_in: SignedIn =
                serde_json::from_value(answer).map_err(|_| Failure::Damaged)?;
            let mut response = see_other("/");
            let headers = response.headers_mut();
            let (session, browser) = (&signed_in.session, &signed_in.browser);
            cookies::set(headers, cookies::SESSION, session, cookies::SESSION_S);
            cookies::set(headers, cookies::BROWSER, browser, cookies::BROWSER_S);
            cookies::forget(headers, cookies::ASKED);
            Ok(response)
        }
        PageAnswer::Refused {
            refusal: Refusal::SignedOut,
            why,
            ..
        } => {
            let frame = Frame::new("Sign in", None).with_status(StatusCode::FORBIDDEN);
            let why = Some(why);
            Ok(match asked.filter(|asked| !asked.is_empty()) {
                Some(asked) => {
                    let words = words_of(page, asked).await?;
                    page.show("asked.html", frame, &AskedScreen { words, why })
                }
                None => page.show("sign-in.html", frame, &SignInScreen { why }),
            })
        }
        PageAnswer::Refused { why, .. } => Err(Failure::Unwell(None, why)),
    }
}

async fn signing_in<T: serde::de::DeserializeOwned>(
    page: &Page,
    request: &PageRequest,
) -> Result<T, Failure> {
    match page.ask_desk(request).await? {
        PageAnswer::Good { answer, .. } => {
            serde_json::from_value(answer).map_err(|_| Failure::Damaged)
        }
        PageAnswer::Refused { why, .. } => Err(Failure::Unwell(None, why)),
    }
}

/// Ends the session. The browser forgets what it kept of us, but that it is known.
pub(super) async fn out(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers, cookies::SESSION) {
        let ask = SessionRequest::SignOut;
        let request = PageRequest::Session { session, ask };
        // A desk that is down has no session either, and the browser forgets it in any case.
        let _ = page.ask_desk(&request).await;
    }
    let mut response = see_other("/sign-in");
    let headers = response.headers_mut();
    cookies::forget(headers, cookies::SESSION);
    cookies::forget(headers, cookies::ASKED);
    let cleared = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert("clear-site-data", cleared);
    response
}
