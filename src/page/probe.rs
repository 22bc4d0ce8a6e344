//! Does the page reach browsers as it leaves its process? Asked at its own URL, through whatever
//! stands in front of it.

use super::cookies;
use super::guard::POLICY;
use crate::model::page::PageUrl;
use crate::ports::PortError;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderMap, ORIGIN, SET_COOKIE,
};
use std::time::Duration;

const ANSWER_S: u64 = 15;

/// What was found; a passing error where nobody answers there, and a lasting one where what stands
/// in front of the page changes what it says. It asks for a letter for nobody.
pub async fn probe(url: &PageUrl) -> Result<String, PortError> {
    let origin = url.origin();
    let fault = |e: reqwest::Error| {
        PortError::passing(format!("{origin} does not answer")).because(e.without_url())
    };
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(ANSWER_S))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(fault)?;
    let shown = client
        .get(format!("{origin}/sign-in"))
        .header(ACCEPT_ENCODING, "gzip, br, deflate, zstd")
        .send()
        .await
        .map_err(fault)?;
    shown_as_it_left(origin, shown.status().as_u16(), shown.headers())?;
    let asked = client
        .post(format!("{origin}/sign-in"))
        .header(ORIGIN, origin)
        .body("name=")
        .send()
        .await
        .map_err(fault)?;
    cookie_as_it_left(origin, asked.status().as_u16(), asked.headers())?;
    Ok(format!(
        "{origin} answers as the page does, cookies and policy whole"
    ))
}

fn shown_as_it_left(origin: &str, status: u16, headers: &HeaderMap) -> Result<(), PortError> {
    let policy = headers.get(CONTENT_SECURITY_POLICY);
    let why = match status {
        421 => {
            "is asked for by another name: let the web server in front pass on the Host of the \
             browser, and look at page.url"
        }
        502..=504 => "is not reached by the web server in front: is sealdesk-page.socket enabled?",
        200 if policy.is_none_or(|policy| policy.as_bytes() != POLICY.as_bytes()) => {
            "comes with another Content-Security-Policy: let the web server in front change no \
             header, and look whether this is the page at all"
        }
        200 if headers.contains_key(CONTENT_ENCODING) => {
            "is compressed by the web server in front: switch that off there"
        }
        200 => return Ok(()),
        _ => "is no page for responders",
    };
    Err(PortError::lasting(format!("{origin} {why} ({status})")))
}

fn cookie_as_it_left(origin: &str, status: u16, headers: &HeaderMap) -> Result<(), PortError> {
    let mut cookies = headers.get_all(SET_COOKIE).iter();
    let is_whole = cookies.any(|cookie| {
        let text = cookie.to_str().unwrap_or_default();
        let begin = format!("{}=", cookies::ASKED);
        let words = ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Strict"];
        text.starts_with(&begin) && words.iter().all(|word| text.contains(word))
    });
    match status {
        303 if is_whole => Ok(()),
        503 => Err(PortError::passing(format!(
            "{origin} answers, and the desk behind it does not"
        ))),
        _ => Err(PortError::lasting(format!(
            "{origin} does not give the page's cookies as they are: let the web server in front \
             change neither forms nor cookies ({status})"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn what_a_web_server_in_front_changes_is_named() {
        let mut headers = HeaderMap::new();
        let told = |status, headers: &HeaderMap| {
            let told = shown_as_it_left("https://desk.example", status, headers);
            told.err().map(|err| err.to_string()).unwrap_or_default()
        };
        assert!(told(421, &headers).contains("Host"));
        assert!(told(200, &headers).contains("Content-Security-Policy"));
        assert!(told(502, &headers).contains("sealdesk-page.socket"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        assert_eq!(told(200, &headers), "");
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(told(200, &headers).contains("compressed"));
        let mut headers = HeaderMap::new();
        cookies::set(&mut headers, cookies::ASKED, "t", 600);
        assert!(cookie_as_it_left("o", 303, &headers).is_ok());
        let lax = "__Host-asked=t; Path=/; Secure; HttpOnly; SameSite=Lax";
        headers.insert(SET_COOKIE, HeaderValue::from_static(lax));
        assert!(cookie_as_it_left("o", 303, &headers).is_err());
        assert!(
            !cookie_as_it_left("o", 503, &headers)
                .unwrap_err()
                .is_lasting()
        );
    }
}
