//! How does the code of a login come back? The browser is redirected to a port of this machine; where
//! it runs on another one, somebody pastes the address at which it ended.

use super::Browser;
use crate::ports::PortError;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use oauth2::CsrfToken;
use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

/// What the person reads in the browser. Nothing that came from there is repeated.
const DONE: &str = "<!doctype html><meta charset=utf-8><title>Sealdesk</title>\
    <p>Sealdesk has what it needs. You can close this page.\n";
const NOT_DONE: &str = "<!doctype html><meta charset=utf-8><title>Sealdesk</title>\
    <p>This is not the login that Sealdesk waits for. Look at the terminal where it asked for it.\n";

/// Requests that wait to be looked at.
const WAITING_MAX: usize = 8;

/// A browser that could not be let in is waited for again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A port of this machine that a browser is redirected to.
pub struct Redirects {
    listener: TcpListener,
    /// Of a name that a browser may take for the other address of this machine.
    beside: Option<TcpListener>,
    uri: String,
}

/// What an address at which a browser ended says.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Code(String),
    /// The code of RFC 6749 section 4.1.2.1.
    Refused(String),
    /// Not of our login.
    Other(&'static str),
}

impl Redirects {
    /// Listens on loopback alone. `port` 0: any free one.
    pub async fn listen(host: &str, port: u16) -> Result<Self, PortError> {
        let failed = |e| {
            PortError::lasting(format!("cannot listen on port {port} of this machine")).because(e)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let beside = if host == "localhost" {
            TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok()
        } else {
            None
        };
        Ok(Self {
            listener,
            beside,
            uri: format!("http://{host}:{port}/"),
        })
    }

    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The code of our login, from the browser or pasted. `issuer`: who must have sent it, where it
    /// says so (RFC 9207).
    pub async fn code(
        &self,
        state: &CsrfToken,
        issuer: Option<&str>,
        pasted: &mut mpsc::Receiver<String>,
        browser: &mut dyn Browser,
    ) -> Result<String, PortError> {
        let (found, mut endings) = mpsc::channel(WAITING_MAX);
        let mut is_pasting = true;
        loop {
            let ending = tokio::select! {
                stream = self.accept() => {
                    self.serve(stream, state.secret().clone(), issuer, found.clone());
                    continue;
                }
                Some(ending) = endings.recv() => ending,
                line = pasted.recv(), if is_pasting => match line {
                    Some(line) if line.trim().is_empty() => continue,
                    Some(line) => self.ending(&line, state.secret(), issuer),
                    None => {
                        is_pasting = false;
                        continue;
                    }
                },
            };
            match ending {
                Ending::Code(code) => return Ok(code),
                Ending::Refused(code) => {
                    return Err(PortError::lasting(format!("the provider refuses: {code}")));
                }
                Ending::Other(why) => browser.refuse(why),
            }
        }
    }

    /// The next browser that comes, by either address.
    async fn accept(&self) -> TcpStream {
        loop {
            let beside = async {
                match &self.beside {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                accepted = beside => accepted,
            };
            match accepted {
                Ok((stream, _)) => return stream,
                // One that was gone again, or no descriptor is free.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
    }

    /// Answers one browser, beside whatever else waits.
    fn serve(
        &self,
        stream: TcpStream,
        state: String,
        issuer: Option<&str>,
        found: mpsc::Sender<Ending>,
    ) {
        let (uri, issuer) = (self.uri.clone(), issuer.map(str::to_owned));
        let answer = move |request: Request<Incoming>| {
            // A browser asks for an icon too.
            let asked = request.uri();
            let whole = (asked.path() == "/" && asked.query().is_some())
                .then(|| ending(&uri, &asked.to_string(), &state, issuer.as_deref()));
            let is_ours = matches!(whole, Some(Ending::Code(_)));
            if let Some(whole) = whole {
                // One too many is one that nobody waits for.
                let _ = found.try_send(whole);
            }
            let (status, page) = if is_ours {
                (StatusCode::OK, DONE)
            } else {
                (StatusCode::BAD_REQUEST, NOT_DONE)
            };
            let answer = Response::builder()
                .status(status)
                .header(CONTENT_TYPE, "text/html; charset=utf-8")
                .header(CACHE_CONTROL, "no-store")
                .header("Referrer-Policy", "no-referrer")
                .body(page.to_owned());
            async move { Ok::<_, Infallible>(answer.unwrap_or_default()) }
        };
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }

    fn ending(&self, address: &str, state: &str, issuer: Option<&str>) -> Ending {
        ending(&self.uri, address.trim(), state, issuer)
    }
}

/// What an address says. `uri` is where the browser was sent to.
fn ending(uri: &str, address: &str, state: &str, issuer: Option<&str>) -> Ending {
    let base = Url::parse(uri).ok();
    let Some(address) = base.and_then(|base| base.join(address).ok()) else {
        return Ending::Other("that is no address: copy the whole of what stands in the browser");
    };
    let said = |name: &str| {
        let mut pairs = address.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    if said("state").as_deref() != Some(state) {
        return Ending::Other(
            "that address is not of this login: copy the whole of what stands in the browser, and \
             from the page that was opened last",
        );
    }
    let is_another = |named: &String| issuer.is_some_and(|issuer| issuer != named);
    if said("iss").as_ref().is_some_and(is_another) {
        return Ending::Other("that answer is of another provider than the one that was asked");
    }
    match (said("code"), said("error")) {
        (Some(code), None) => Ending::Code(code),
        (_, Some(error)) => Ending::Refused(error_code(&error)),
        (None, None) => Ending::Other("that address holds no code"),
    }
}

/// A code of the standard, or nothing that could do harm where it is shown.
fn error_code(error: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if error.len() <= 40 && error.chars().all(is_plain) {
        error.to_owned()
    } else {
        "an odd error".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_browser_may_take_the_name_for_either_address() {
        let redirects = Redirects::listen("localhost", 0).await.unwrap();
        let port = redirects.listener.local_addr().unwrap().port();
        if redirects.beside.is_none() {
            // A machine without IPv6 has one address.
            assert!(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err());
            return;
        }
        for address in ["127.0.0.1", "::1"] {
            let came = TcpStream::connect((address, port)).await.unwrap();
            let accepted = redirects.accept().await;
            assert_eq!(accepted.peer_addr().unwrap(), came.local_addr().unwrap());
        }
    }

    #[test]
    fn only_the_answer_to_our_own_question_counts() {
        let uri = "http://127.0.0.1:8080/";
        let ending = |address: &str| ending(uri, address, "right", Some("https://id.example"));
        let is_code = |address: &str| ending(address) == Ending::Code("abc".to_owned());
        assert!(is_code("http://127.0.0.1:8080/?state=right&code=abc"));
        assert!(is_code(
            "/?code=abc&state=right&iss=https%3A%2F%2Fid.example"
        ));
        assert!(is_code(
            "http://localhost:8080/?state=right&code=abc&scope=x"
        ));
        let others = [
            "/?code=abc",
            "/?code=abc&state=wrong",
            "/?state=right",
            "/?code=abc&state=right&iss=https://evil.example",
            "abc",
            "",
        ];
        for address in others {
            assert!(matches!(ending(address), Ending::Other(_)), "{address}");
        }
        let refused = |code: &str| Ending::Refused(code.to_owned());
        assert_eq!(
            ending("/?state=right&error=access_denied"),
            refused("access_denied")
        );
        assert_eq!(
            ending("/?state=right&error=%1b%5b2J"),
            refused("an odd error")
        );
    }
}
