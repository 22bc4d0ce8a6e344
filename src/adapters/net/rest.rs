//! How is a JSON API called so that every failure says what it means? One call inside one time-out,
//! no retry, no redirect.

use super::{Trust, tls};
use crate::ports::PortError;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// One call, connection and all.
const CALL_S: u64 = 60;

/// The longest that we let a server make us wait, and the wait where it names none.
const WAIT_S_MAX: u64 = 3600;
const WAIT_S_DEFAULT: u64 = 60;

/// What is read of any answer.
pub const ANSWER_OCTETS_MAX: usize = 32 * 1024 * 1024;

/// Said of one that is longer.
pub const TOO_LONG: &str = "its answer is too long";

/// Why a call failed. No text of it holds the URL, a token, or what was sent.
#[derive(Debug, thiserror::Error)]
pub enum RestFailure {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("broke off or did not answer within {CALL_S} s: {0}")]
    Silent(String),
    #[error("asks for patience")]
    Throttled(Duration),
    #[error("refuses ({0}): {1}")]
    Refused(u16, String),
    #[error("finds what we sent wrong ({0}): {1}")]
    Invalid(u16, String),
    #[error("failed ({0})")]
    Server(u16),
    #[error("answers oddly: {0}")]
    Odd(&'static str),
}

impl RestFailure {
    /// Whether the work may have been done all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Server(_) | Self::Odd(_))
    }

    /// In the outbox's words. `who` names the server, without a token.
    pub fn said_by(self, who: &str) -> PortError {
        let text = format!("{who} {self}");
        match self {
            // Only what we sent can be lastingly wrong; a token can be mended while the effect
            // waits.
            Self::Invalid(..) => PortError::lasting(text),
            Self::Throttled(wait) => PortError::throttled(text, wait),
            ambiguous if ambiguous.is_ambiguous() => PortError::in_doubt(text),
            _ => PortError::passing(text),
        }
    }
}

/// A client for this trust.
pub fn client(trust: &Trust) -> Result<reqwest::Client, PortError> {
    client_within(trust, CALL_S)
}

/// The same, whose calls may take so many seconds.
pub fn client_within(trust: &Trust, seconds: u64) -> Result<reqwest::Client, PortError> {
    let builder = reqwest::Client::builder()
        .use_preconfigured_tls((*tls(trust)?).clone())
        .timeout(Duration::from_secs(seconds))
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("sealdesk/", env!("CARGO_PKG_VERSION")));
    builder
        .build()
        .map_err(|e| PortError::lasting("no HTTPS client").because(e.without_url()))
}

/// https, or plaintext to this machine alone.
pub fn is_safe(url: &url::Url) -> bool {
    let loopback = url.host_str().is_some_and(|h| {
        h == "localhost"
            || h.trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    });
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// Sends a request; its answer's JSON (null where it is none) and headers. No error holds the URL
/// or what was sent.
pub async fn call(request: RequestBuilder) -> Result<(Value, HeaderMap), RestFailure> {
    let failed = |err: reqwest::Error| {
        let connecting = err.is_connect() || err.is_builder();
        let text = err.without_url().to_string();
        if connecting {
            RestFailure::Unreachable(text)
        } else {
            RestFailure::Silent(text)
        }
    };
    let response = request.send().await.map_err(failed)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let octets = body(response, ANSWER_OCTETS_MAX).await.map_err(failed)?;
    let octets = octets.ok_or(RestFailure::Odd(TOO_LONG))?;
    judge(status, headers, &octets)
}

/// The body of an answer; `None` where it has more than so many octets.
pub async fn body(
    mut response: reqwest::Response,
    octets_max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut octets = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if octets.len() + piece.len() > octets_max {
            return Ok(None);
        }
        octets.extend_from_slice(&piece);
    }
    Ok(Some(octets))
}

/// Objects and lists in one answer: each takes some 600 octets of memory, however short it is.
const CONTAINERS_MAX: usize = 100_000;

/// The longest answer in which a server says why it refuses.
const REFUSAL_OCTETS_MAX: usize = 64 * 1024;

/// The JSON of an answer, where it takes no more memory than an answer may.
pub fn json(octets: &[u8]) -> Option<Value> {
    let containers = memchr::memchr2_iter(b'{', b'[', octets).count();
    let is_small = containers <= CONTAINERS_MAX;
    is_small.then(|| serde_json::from_slice(octets).ok())?
}

/// The JSON of a refusal.
pub fn refusal(octets: &[u8]) -> Option<Value> {
    let is_short = octets.len() <= REFUSAL_OCTETS_MAX;
    is_short.then(|| json(octets))?
}

fn judge(
    status: StatusCode,
    headers: HeaderMap,
    octets: &[u8],
) -> Result<(Value, HeaderMap), RestFailure> {
    if status.is_success() {
        return Ok((json(octets).unwrap_or_default(), headers));
    }
    let words = refusal(octets)
        .and_then(|value| {
            ["message", "error"]
                .iter()
                .find_map(|name| value.get(name).map(ToString::to_string))
        })
        .unwrap_or_default();
    let words = familiar(words.trim_matches('"'));
    let wait = headers
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok());
    Err(match status.as_u16() {
        429 => RestFailure::Throttled(Duration::from_secs(
            wait.unwrap_or(WAIT_S_DEFAULT).min(WAIT_S_MAX),
        )),
        503 if wait.is_some() => RestFailure::Throttled(Duration::from_secs(
            wait.unwrap_or(WAIT_S_DEFAULT).min(WAIT_S_MAX),
        )),
        code @ (300..=399 | 401 | 403 | 404 | 407) => RestFailure::Refused(code, words),
        code @ 500.. => RestFailure::Server(code),
        code => RestFailure::Invalid(code, words),
    })
}

/// What servers are known to say. Anything else is foreign text that may quote what we sent, and so
/// it goes into no log and no store.
const FAMILIAR: [&str; 16] = [
    "Bad credentials",
    "Not Found",
    "Requires authentication",
    "Resource not accessible by integration",
    "Resource not accessible by personal access token",
    "Must have admin rights to Repository.",
    "Repository access blocked",
    "Validation Failed",
    "API rate limit exceeded",
    "401 Unauthorized",
    "403 Forbidden",
    "404 Not Found",
    "404 Project Not Found",
    "404 Issue Not Found",
    "insufficient_scope",
    "invalid_token",
];

/// A server's words where they are a phrase that is known, so that they quote nothing.
pub fn familiar(words: &str) -> String {
    let known = FAMILIAR
        .into_iter()
        .find(|phrase| phrase.eq_ignore_ascii_case(words.trim()));
    known
        .unwrap_or("what else it says is not repeated, since it may quote a letter")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::PortErrorKind;

    #[test]
    fn an_answer_of_many_objects_takes_no_memory() {
        let many = format!("[{}0]", r#"{"":0},"#.repeat(CONTAINERS_MAX));
        assert_eq!(json(many.as_bytes()), None);
        assert!(json(br#"[{"id": 1}]"#).is_some());
        assert_eq!(refusal(&[b' '; REFUSAL_OCTETS_MAX + 1]), None);
    }

    #[test]
    fn what_github_says_of_a_draft_that_it_refuses_is_repeated() {
        assert_eq!(familiar("Validation Failed"), "Validation Failed");
    }

    #[test]
    fn each_status_says_what_it_means() {
        let verdict = |status: u16, wait: Option<&str>| {
            let headers: HeaderMap = wait
                .into_iter()
                .map(|wait| (reqwest::header::RETRY_AFTER, wait.parse().unwrap()))
                .collect();
            judge(
                StatusCode::from_u16(status).unwrap(),
                headers,
                b"{\"message\":\"SEALED WORDS\"}",
            )
            .unwrap_err()
            .said_by("it")
        };
        for (code, wait, kind) in [
            (401, None, PortErrorKind::Passing),
            (422, None, PortErrorKind::Lasting),
            (
                429,
                Some("7"),
                PortErrorKind::Throttled(Duration::from_secs(7)),
            ),
            (502, None, PortErrorKind::InDoubt),
        ] {
            let said = verdict(code, wait);
            assert_eq!(said.kind(), kind, "{said}");
            assert!(!said.to_string().contains("SEALED WORDS"), "{said}");
        }
        assert!(verdict(401, None).to_string().contains("401"));
        assert_eq!(familiar("Bad credentials"), "Bad credentials");
        assert!(
            is_safe(&"http://127.0.0.1:1/x".parse().unwrap())
                && !is_safe(&"http://h.example/x".parse().unwrap())
        );
    }
}
