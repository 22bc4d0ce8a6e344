//! How is GitHub's REST API called so that every failure says what it means?
//!
//! octocrab without its retry layer, which repeats POSTs; each call inside one time-out.

mod connecting;

use crate::adapters::net::rest::{self, ANSWER_OCTETS_MAX, TOO_LONG, familiar};
use crate::model::secret::Secret;
use crate::ports::PortError;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use octocrab::Octocrab;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// One call, connection and all.
const CALL_S: u64 = 60;

/// The longest that we let a server make us wait.
const WAIT_S_MAX: u64 = 3600;

/// Where a server asks for patience without saying how long (GitHub's docs on secondary limits).
const WAIT_S_DEFAULT: u64 = 60;

/// How GitHub knows us: by a token, or as an installation of a GitHub App.
pub enum Auth {
    Token(Secret),
    App {
        app_id: u64,
        installation_id: u64,
        private_key: Secret,
    },
}

/// Calls of the REST API, each within one time-out and without a retry.
pub struct GithubApi {
    calls: Octocrab,
    /// The app itself, which knows its own name; a token needs none.
    app: Option<Octocrab>,
    server: String,
    /// Pages of lists as they were, with their ETag: what has not changed costs nothing of the rate
    /// limit.
    pages: Mutex<HashMap<String, Page>>,
}

/// One page of a list, and the route of the next.
#[derive(Clone)]
struct Page {
    etag: String,
    value: Value,
    next: Option<String>,
}

/// Pages that are remembered, and the longest of them.
const PAGES_MAX: usize = 1_000;
const PAGE_OCTETS_MAX: usize = 64 * 1024;

/// Why a call failed. No text of it holds a token, or what was sent.
#[derive(Debug, thiserror::Error)]
pub enum GithubFailure {
    #[error("cannot be reached, or broke off: {0}")]
    Unreachable(String),
    #[error("did not answer within {CALL_S} s")]
    Silent,
    #[error("does not know our token (401): check tracker.auth")]
    Unknown,
    #[error(
        "refuses ({0}): {1}; the token needs read and write access to repository security \
         advisories"
    )]
    Forbidden(u16, String),
    #[error("asks for patience")]
    Throttled(Duration),
    #[error("finds what we sent wrong ({0}): {1}")]
    Invalid(u16, String),
    #[error("failed ({0})")]
    Server(u16),
    #[error("has nothing new (304)")]
    Unchanged,
    #[error("says that a repository has moved ({0}): write in [tracker] what it is called now")]
    Moved(u16),
    #[error("answers oddly: {0}")]
    Odd(&'static str),
}

impl GithubFailure {
    /// Whether the work may have been done all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Silent | Self::Server(_) | Self::Odd(_)
        )
    }
}

impl From<GithubFailure> for PortError {
    fn from(failed: GithubFailure) -> Self {
        let text = format!("GitHub {failed}");
        match failed {
            // Only what we sent can be lastingly wrong; a token can be mended while the effect
            // waits.
            GithubFailure::Invalid(..) => Self::lasting(text),
            GithubFailure::Throttled(wait) => Self::throttled(text, wait),
            _ => Self::passing(text),
        }
    }
}

/// A path segment, percent-encoded (RFC 3986 section 2.1).
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

impl GithubApi {
    /// The name under which our drafts are written.
    pub async fn own_login(&self) -> Result<String, GithubFailure> {
        let (answer, field, suffix) = match &self.app {
            Some(app) => (
                call(app, Method::Get(None), "/app", None).await?.0,
                "slug",
                "[bot]",
            ),
            None => (self.get("/user").await?, "login", ""),
        };
        let name = answer
            .get(field)
            .and_then(Value::as_str)
            .ok_or(GithubFailure::Odd("it does not say who we are"))?;
        Ok(format!("{name}{suffix}"))
    }

    /// One GET: `route` begins with a slash, below the API's base URL. Null where the answer is
    /// empty.
    pub async fn get(&self, route: &str) -> Result<Value, GithubFailure> {
        Ok(call(&self.calls, Method::Get(None), route, None).await?.0)
    }

    /// One page of a list, and the route of the next. Of advisories it has what a list is read for:
    /// anybody may report, as much as they like.
    pub async fn page(&self, route: &str) -> Result<(Value, Option<String>), GithubFailure> {
        let known = self
            .pages
            .lock()
            .ok()
            .and_then(|pages| pages.get(route).cloned());
        let unless = known.as_ref().map(|page| page.etag.as_str());
        let (value, headers) = match call(&self.calls, Method::Get(unless), route, None).await {
            Ok(answer) => answer,
            // RFC 9110 section 15.4.5: what we hold stands.
            Err(GithubFailure::Unchanged) => {
                return known
                    .map(|page| (page.value, page.next))
                    .ok_or(GithubFailure::Odd("it answers 304 to what was not asked"));
            }
            Err(failed) => return Err(failed),
        };
        let value = in_list(value);
        let next = next_page(&headers, &self.server);
        let is_short = value.to_string().len() <= PAGE_OCTETS_MAX;
        if let (true, Some(etag), Ok(mut pages)) = (
            is_short,
            headers
                .get(http::header::ETAG)
                .and_then(|v| v.to_str().ok()),
            self.pages.lock(),
        ) {
            if pages.len() >= PAGES_MAX {
                pages.clear();
            }
            pages.insert(
                route.to_owned(),
                Page {
                    etag: etag.to_owned(),
                    value: value.clone(),
                    next: next.clone(),
                },
            );
        }
        Ok((value, next))
    }

    /// One POST. After a failure such as `Silent` or `Server` it may have been done all the same.
    pub async fn post(&self, route: &str, body: &Value) -> Result<Value, GithubFailure> {
        Ok(call(&self.calls, Method::Post, route, Some(body)).await?.0)
    }

    /// One PATCH of the fields in `body`; as with a POST, a lost answer leaves it in doubt.
    pub async fn patch(&self, route: &str, body: &Value) -> Result<Value, GithubFailure> {
        Ok(call(&self.calls, Method::Patch, route, Some(body)).await?.0)
    }
}

/// The fields of an advisory that a list is read for.
const LISTED: [&str; 5] = ["ghsa_id", "html_url", "author", "state", "created_at"];

/// The longest line that is kept of a description, and the longest value of another field.
const MARKER_CHARACTERS_MAX: usize = 200;
const VALUE_OCTETS_MAX: usize = 500;

/// A list whose advisories have what is looked for in lists, and of the description its last line,
/// where our marker stands.
fn in_list(mut page: Value) -> Value {
    let advisories = page
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .filter(|one| one.contains_key("ghsa_id"));
    for advisory in advisories {
        let description = advisory.get("description").and_then(Value::as_str);
        let last = description.and_then(|text| text.trim_end().lines().last());
        let marker = last.map(|line| line.chars().take(MARKER_CHARACTERS_MAX).collect::<String>());
        let is_short = |value: &Value| value.to_string().len() <= VALUE_OCTETS_MAX;
        if let Some(author) = advisory.get_mut("author").and_then(Value::as_object_mut) {
            author.retain(|name, _| name == "login");
        }
        advisory.retain(|name, value| LISTED.contains(&name.as_str()) && is_short(value));
        advisory.insert("description".to_owned(), marker.into());
    }
    page
}

enum Method<'a> {
    /// Unless it has this ETag still.
    Get(Option<&'a str>),
    Post,
    Patch,
}

async fn call(
    octocrab: &Octocrab,
    method: Method<'_>,
    route: &str,
    body: Option<&Value>,
) -> Result<(Value, http::HeaderMap), GithubFailure> {
    let exchange = async {
        let response = match method {
            Method::Get(None) => octocrab._get(route).await,
            Method::Get(Some(etag)) => {
                let unless = etag
                    .parse()
                    .map(|value| http::HeaderMap::from_iter([(http::header::IF_NONE_MATCH, value)]))
                    .ok();
                octocrab._get_with_headers(route, unless).await
            }
            Method::Post => octocrab._post(route, body).await,
            Method::Patch => octocrab._patch(route, body).await,
        };
        let response = response.map_err(unreachable)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // octocrab collects whatever comes.
        let body = Limited::new(response.into_body(), ANSWER_OCTETS_MAX);
        let octets = body.collect().await.map_err(|err| {
            if err.is::<LengthLimitError>() {
                GithubFailure::Odd(TOO_LONG)
            } else {
                GithubFailure::Unreachable("the answer broke off".to_owned())
            }
        })?;
        judge(status, headers, &octets.to_bytes())
    };
    tokio::time::timeout(Duration::from_secs(CALL_S), exchange)
        .await
        .map_err(|_| GithubFailure::Silent)?
}

/// The kind of failure alone: its whole text could hold a token or a letter.
fn unreachable(err: octocrab::Error) -> GithubFailure {
    match err {
        octocrab::Error::GitHub { source, .. } => match source.status_code.as_u16() {
            401 => GithubFailure::Unknown,
            code => GithubFailure::Forbidden(code, familiar(&source.message)),
        },
        octocrab::Error::Service { .. } => GithubFailure::Unreachable("no connection".to_owned()),
        octocrab::Error::JWT { .. } => {
            GithubFailure::Unreachable("the app's key cannot sign".to_owned())
        }
        _ => GithubFailure::Unreachable("the answer broke off".to_owned()),
    }
}

fn judge(
    status: u16,
    headers: http::HeaderMap,
    octets: &[u8],
) -> Result<(Value, http::HeaderMap), GithubFailure> {
    if (200..300).contains(&status) {
        let value = if octets.trim_ascii().is_empty() {
            Value::Null
        } else {
            rest::json(octets).ok_or(GithubFailure::Odd("its JSON cannot be read"))?
        };
        return Ok((value, headers));
    }
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<u64>().ok())
    };
    // GitHub's own words tell the operator what to mend, where they are known to quote nothing.
    let message = rest::refusal(octets)
        .and_then(|v| {
            v.get("message")
                .and_then(Value::as_str)
                .map(|m| m.chars().take(200).collect::<String>())
        })
        .unwrap_or_default();
    let limited = header("retry-after").is_some()
        || header("x-ratelimit-remaining") == Some(0)
        || message.contains("secondary rate limit");
    Err(match status {
        304 => GithubFailure::Unchanged,
        300..=399 => GithubFailure::Moved(status),
        401 => GithubFailure::Unknown,
        403 | 429 if limited || status == 429 => GithubFailure::Throttled(Duration::from_secs(
            header("retry-after")
                .unwrap_or(WAIT_S_DEFAULT)
                .min(WAIT_S_MAX),
        )),
        403 | 404 | 410 => GithubFailure::Forbidden(status, familiar(&message)),
        500.. => GithubFailure::Server(status),
        _ => GithubFailure::Invalid(status, familiar(&message)),
    })
}

/// The path behind `rel="next"` (RFC 8288), where it leads to the same server.
fn next_page(headers: &http::HeaderMap, server: &str) -> Option<String> {
    let link = headers.get(http::header::LINK)?.to_str().ok()?;
    let target = link
        .split(',')
        .find(|l| l.contains("rel=\"next\""))?
        .split('<')
        .nth(1)?
        .split('>')
        .next()?;
    let (target, server) = (url::Url::parse(target).ok()?, url::Url::parse(server).ok()?);
    let same = target.host() == server.host()
        && target.port_or_known_default() == server.port_or_known_default();
    let path = target
        .path()
        .strip_prefix(server.path().trim_end_matches('/'))
        .unwrap_or(target.path());
    same.then(|| match target.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(&'static str, &str)]) -> http::HeaderMap {
        rows.iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn each_status_says_what_it_means() {
        let verdict = |status, rows: &[(&'static str, &str)]| {
            judge(status, headers(rows), b"{\"message\":\"m\"}").unwrap_err()
        };
        assert!(matches!(verdict(401, &[]), GithubFailure::Unknown));
        assert!(matches!(
            verdict(403, &[]),
            GithubFailure::Forbidden(403, _)
        ));
        assert!(
            matches!(verdict(403, &[("retry-after", "7")]), GithubFailure::Throttled(d) if d.as_secs() == 7)
        );
        assert!(matches!(verdict(429, &[]), GithubFailure::Throttled(_)));
        assert!(matches!(verdict(422, &[]), GithubFailure::Invalid(422, _)));
        assert!(matches!(verdict(301, &[]), GithubFailure::Moved(301)));
        assert!(verdict(500, &[]).is_ambiguous() && !verdict(422, &[]).is_ambiguous());
    }

    #[test]
    fn of_a_list_no_words_of_a_stranger_are_kept() {
        let page = serde_json::json!([{
            "ghsa_id": "GHSA-x", "state": "triage", "summary": "s", "credits": ["x"],
            "author": {"login": "ada", "url": "u"}, "description": "words\n<!-- sealdesk:m -->\n"
        }]);
        let expected = serde_json::json!([{
            "ghsa_id": "GHSA-x", "state": "triage", "author": {"login": "ada"},
            "description": "<!-- sealdesk:m -->"
        }]);
        assert_eq!(in_list(page), expected);
        let comments = serde_json::json!([{"id": 1, "body": "words"}]);
        assert_eq!(in_list(comments.clone()), comments);
    }

    #[test]
    fn the_next_page_stays_on_the_server() {
        let link = |target: &str| headers(&[("link", &format!("<{target}>; rel=\"next\""))]);
        assert_eq!(
            next_page(
                &link("https://ghe.example/api/v3/repos/o/r/x?after=a"),
                "https://ghe.example/api/v3"
            )
            .as_deref(),
            Some("/repos/o/r/x?after=a")
        );
        assert_eq!(
            next_page(
                &link("https://evil.example/repos"),
                "https://api.github.com"
            ),
            None
        );
    }
}
