//! What does a browser keep for the page? Three texts that only the page's own host gets, over TLS
//! alone, and that no script reads.

use axum::http::{HeaderMap, HeaderValue, header};

/// Of somebody who is signed in.
pub(super) const SESSION: &str = "__Host-session";
/// That this browser asked for a letter.
pub(super) const ASKED: &str = "__Host-asked";
/// That somebody signed in with this browser before.
pub(super) const BROWSER: &str = "__Host-browser";

/// The longest that any of ours is.
const OCTETS_MAX: usize = 200;

pub(super) const SESSION_S: u32 = 12 * 3600;
pub(super) const ASKED_S: u32 = 10 * 60;
pub(super) const BROWSER_S: u32 = 180 * 24 * 3600;

/// What a browser sends of this name; `None` where it is none that we gave.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let fields = headers.get_all(header::COOKIE).iter();
    let pairs = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = values.find(|(of, _)| *of == name)?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_ours = (1..=OCTETS_MAX).contains(&value.len()) && value.bytes().all(is_plain);
    is_ours.then(|| value.to_owned())
}

/// Has a browser keep a text for so long; an empty one for no time is forgotten.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str, seconds: u32) {
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// Has a browser forget it.
pub(super) fn forget(headers: &mut HeaderMap, name: &str) {
    set(headers, name, "", 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_taken_where_it_is_one_of_ours() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; __Host-session=to-k_en; __Host-asked=\"x\""),
        );
        assert_eq!(cookie(&headers, SESSION).as_deref(), Some("to-k_en"));
        assert_eq!(cookie(&headers, ASKED), None);
        assert_eq!(cookie(&headers, BROWSER), None);
        let mut set_cookies = HeaderMap::new();
        set(&mut set_cookies, SESSION, "t", SESSION_S);
        let set_cookie = set_cookies[header::SET_COOKIE].to_str().unwrap();
        for word in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/;"] {
            assert!(set_cookie.contains(word), "{set_cookie}");
        }
        assert!(!set_cookie.contains("Domain"));
    }
}
