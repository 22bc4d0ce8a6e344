//! Which requests are answered at all, and what does every answer forbid the browser?

use super::Page;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Nothing from elsewhere, nothing inline, no frame around us, no form to another place, and no text
/// that becomes code.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// What is said with each answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Refuses what was not meant for this page or does not come from it, before anything is looked at.
pub(super) async fn guard(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let refused = if !is_for(request.headers(), page.url.host()) {
        Some((StatusCode::MISDIRECTED_REQUEST, WRONG_HOST))
    } else if request.method() == Method::POST && !is_from(request.headers(), page.url.origin()) {
        Some((StatusCode::FORBIDDEN, ELSEWHERE))
    } else {
        None
    };
    let mut response = match refused {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // A file that leaves has a stricter policy of its own.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

const WRONG_HOST: &str =
    "This page is not found under that name: look at page.url in the config.\n";
const ELSEWHERE: &str = "This was sent from another site, or by a browser that does not say from \
    where: open the page itself.\n";

/// Whether the request names this host. A stranger's DNS may point here.
fn is_for(headers: &HeaderMap, host: &str) -> bool {
    let named = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    named.is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// Whether the browser says that a page of ours sent it. Under our Referrer-Policy a form's Origin is
/// `null` (Fetch section 3.1), and Sec-Fetch-Site says it, which no page can set.
fn is_from(headers: &HeaderMap, origin: &str) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let from = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    match site {
        Some(site) => {
            let is_own = |from: &[u8]| from == origin.as_bytes() || from == b"null";
            site == b"same-origin" && from.is_none_or(is_own)
        }
        None => from.is_some_and(|from| from == origin.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_taken_from_the_page_itself() {
        let origin = "https://desk.example";
        for (site, from, taken) in [
            (Some("same-origin"), Some(origin), true),
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("null"), true),
            (Some("cross-site"), Some("null"), false),
            (None, Some(origin), true),
            (None, None, false),
            (Some("cross-site"), Some(origin), false),
            (Some("same-site"), None, false),
            (Some("none"), None, false),
            (Some("same-origin"), Some("https://evil.example"), false),
            (None, Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(from) = from {
                headers.insert(header::ORIGIN, HeaderValue::from_static(from));
            }
            assert_eq!(is_from(&headers, origin), taken, "{site:?} {from:?}");
        }
    }
}
