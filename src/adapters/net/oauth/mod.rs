//! How does the desk get access tokens for mail? By a refresh token that a person's login brought,
//! or as an application, or as a service account (RFC 6749, RFC 7523).

mod assertion;
mod person;
mod refresh_tokens;
mod server;

pub use assertion::{ApplicationKey, ServiceAccount};
pub use person::{Browser, Client, Prompt, device_login, loopback_login, register};
pub use refresh_tokens::RefreshTokens;
pub use server::{AuthorizationServer, Endpoints};

use super::Trust;
use super::login::SecretSource;
use super::rest;
use crate::model::secret::Secret;
use crate::ports::{PortError, PortErrorKind};
use futures::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    HttpClientError, HttpRequest, HttpResponse, RefreshToken, RequestTokenError, Scope,
    TokenResponse, TokenUrl,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A token is renewed when less than this is left of it.
const TOKEN_MARGIN_S: u64 = 120;

/// How long a token is good whose server does not say it.
const TOKEN_S_DEFAULT: u64 = 600;

/// One request of a token server. Letters that are leased wait for it.
const TOKEN_CALL_S: u64 = 20;

/// A server that gave no token is left alone for so long: of many letters that wait for it, the first
/// alone waits out its silence.
const PAUSE_S: u64 = 30;

/// A client that knows where tokens are, and nothing else.
type TokenClient =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Why a token server gave none.
type TokenFailure = RequestTokenError<HttpClientError<reqwest::Error>, BasicErrorResponse>;

/// What the desk shows for an access token.
pub enum Grant {
    /// RFC 6749 section 6.
    Refresh {
        refresh_tokens: RefreshTokens,
        client_id: String,
        client_secret: Option<SecretSource>,
    },
    /// RFC 6749 section 4.4, with a secret.
    ApplicationSecret {
        client_id: String,
        client_secret: SecretSource,
    },
    /// The same with an assertion that a key signs (RFC 7523 section 2.2).
    ApplicationKey {
        client_id: String,
        key: ApplicationKey,
    },
    /// RFC 7523 section 2.1; whose mailbox it is.
    ServiceAccount(Box<ServiceAccount>),
}

/// Fetches access tokens, and keeps the last one while it is good.
pub struct AccessTokens {
    exchange: Arc<Mutex<Exchange>>,
    held: Option<(Secret, Instant)>,
    failed: Option<Failed>,
}

/// Why the last request brought nothing, and until when nobody asks again.
struct Failed {
    kind: PortErrorKind,
    what: String,
    until: Instant,
}

/// What a grant is exchanged with, and at whose.
struct Exchange {
    /// Where it stands in the config, for errors: `mailbox.login`.
    key: &'static str,
    server: AuthorizationServer,
    scopes: Vec<String>,
    grant: Grant,
    /// Asked once; an issuer that moves is asked again at the next start.
    endpoint: Option<String>,
}

impl AccessTokens {
    /// Nothing is asked before the first token is needed. Without `scopes`, those that the server
    /// is known to need for mail.
    pub fn new(
        key: &'static str,
        server: AuthorizationServer,
        scopes: Option<Vec<String>>,
        grant: Grant,
    ) -> Self {
        let is_application = !matches!(grant, Grant::Refresh { .. });
        let scopes = match (scopes, &grant) {
            (Some(scopes), _) => scopes,
            // What a person granted is what a refresh token is good for.
            (None, Grant::Refresh { .. }) => Vec::new(),
            (None, _) => server.scopes(is_application),
        };
        let exchange = Exchange {
            key,
            server,
            scopes,
            grant,
            endpoint: None,
        };
        Self {
            exchange: Arc::new(Mutex::new(exchange)),
            held: None,
            failed: None,
        }
    }

    /// The access token, fetched anew where the last one is about to end.
    ///
    /// Some servers take the old refresh token back when they give the new one, so nothing may cut
    /// an exchange off before its answer is kept: it runs on a thread of its own, which goes on when
    /// whoever waits here is dropped, and which the end of the process waits for.
    pub async fn token(&mut self) -> Result<Secret, PortError> {
        let now = Instant::now();
        if let Some((token, until)) = &self.held
            && now < *until
        {
            return Ok(token.clone());
        }
        if let Some(failed) = &self.failed
            && now < failed.until
        {
            return Err(failed.told());
        }
        let exchange = Arc::clone(&self.exchange);
        let answered = tokio::task::spawn_blocking(move || {
            // What a panic left is a grant all the same.
            let mut exchange = exchange.lock().unwrap_or_else(PoisonError::into_inner);
            exchange.answer()
        });
        let answered = answered.await.unwrap_or_else(|ended| {
            Err(PortError::passing("the request of an access token ended").because(ended))
        });
        let answer = answered.inspect_err(|err| {
            let until = Instant::now() + Duration::from_secs(PAUSE_S);
            self.failed = Some(Failed {
                kind: err.kind(),
                what: err.to_string(),
                until,
            });
        })?;
        self.failed = None;
        let token = Secret::new(answer.access_token().secret().clone().into_bytes());
        let lives = answer
            .expires_in()
            .unwrap_or(Duration::from_secs(TOKEN_S_DEFAULT))
            .saturating_sub(Duration::from_secs(TOKEN_MARGIN_S));
        self.held = Some((token.clone(), Instant::now() + lives));
        Ok(token)
    }

    /// What was held was refused: it may have been revoked before its time.
    pub fn forget(&mut self) {
        self.held = None;
    }
}

impl Failed {
    fn told(&self) -> PortError {
        PortError::passing(self.what.clone()).with_kind(self.kind)
    }
}

impl Exchange {
    /// What the server answers to the grant. It takes the thread that it is called on.
    fn answer(&mut self) -> Result<BasicTokenResponse, PortError> {
        let own = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|err| PortError::passing("no access token can be asked for").because(err))?;
        own.block_on(async {
            let endpoint = match &self.endpoint {
                Some(known) => known.clone(),
                None => self.server.endpoints().await?.token_endpoint,
            };
            let endpoint = self.endpoint.insert(endpoint).clone();
            self.fetch(&endpoint).await
        })
    }

    async fn fetch(&mut self, endpoint: &str) -> Result<BasicTokenResponse, PortError> {
        let (key, scopes) = (self.key, self.scopes.iter().cloned().map(Scope::new));
        let http = TokenHttp(rest::client_within(&Trust::default(), TOKEN_CALL_S)?);
        match &mut self.grant {
            Grant::Refresh {
                refresh_tokens,
                client_id,
                client_secret,
            } => {
                let client = token_client(key, endpoint, client_id, client_secret.as_ref())?;
                let lock = refresh_tokens.lock().await?;
                let room = refresh_tokens.reserve()?;
                let refresh = RefreshToken::new(text(&refresh_tokens.current()?)?);
                let request = client.exchange_refresh_token(&refresh).add_scopes(scopes);
                let answer = request.request_async(&http).await;
                let answer = answer.map_err(|failure| no_token(key, failure, lost_grant(key)))?;
                if let Some(rotated) = answer.refresh_token() {
                    let rotated = Secret::new(rotated.secret().clone().into_bytes());
                    refresh_tokens.rotate(room, rotated);
                }
                drop(lock);
                Ok(answer)
            }
            Grant::ApplicationSecret {
                client_id,
                client_secret,
            } => {
                let client = token_client(key, endpoint, client_id, Some(client_secret))?;
                let request = client.exchange_client_credentials().add_scopes(scopes);
                let answer = request.request_async(&http).await;
                answer.map_err(|failure| no_token(key, failure, refused_application(key)))
            }
            Grant::ApplicationKey {
                client_id,
                key: signing,
            } => {
                let client = token_client(key, endpoint, client_id, None)?;
                let assertion = signing.assertion(client_id, endpoint)?;
                let request = client.exchange_client_credentials().add_scopes(scopes);
                let request = request
                    .add_extra_param("client_assertion_type", assertion::OF_CLIENT)
                    .add_extra_param("client_assertion", assertion);
                let answer = request.request_async(&http).await;
                answer.map_err(|failure| no_token(key, failure, refused_application(key)))
            }
            Grant::ServiceAccount(account) => account.exchange(&http, &self.scopes).await,
        }
    }
}

/// An HTTP client whose answers are bounded: oauth2's own takes whatever a server sends.
struct TokenHttp(reqwest::Client);

/// No token and no error of a token server is longer.
const TOKEN_ANSWER_OCTETS_MAX: usize = 256 * 1024;

impl<'c> AsyncHttpClient<'c> for TokenHttp {
    type Error = HttpClientError<reqwest::Error>;
    type Future = BoxFuture<'c, Result<HttpResponse, Self::Error>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let failed = |err: reqwest::Error| HttpClientError::Reqwest(Box::new(err));
            let request = request.try_into().map_err(failed)?;
            let response = self.0.execute(request).await.map_err(failed)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let octets = rest::body(response, TOKEN_ANSWER_OCTETS_MAX).await;
            let octets = octets
                .map_err(failed)?
                .ok_or_else(|| HttpClientError::Other(rest::TOO_LONG.to_owned()))?;
            let mut answer = HttpResponse::new(octets);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
    }
}

fn lost_grant(key: &'static str) -> String {
    let mend = if key == "mailbox.login" {
        "log in again with sealdesk mailbox login, or replace"
    } else {
        "replace"
    };
    format!("the refresh token of {key} is not valid any more: {mend} {key}.refresh_token_file")
}

fn refused_application(key: &'static str) -> String {
    format!("the token server gives our application nothing: check {key}")
}

fn token_client(
    key: &'static str,
    endpoint: &str,
    client_id: &str,
    client_secret: Option<&SecretSource>,
) -> Result<TokenClient, PortError> {
    let url = TokenUrl::new(endpoint.to_owned())
        .map_err(|_| PortError::lasting(format!("{key}.token_url is not a URL")))?;
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(url)
        .set_auth_type(AuthType::RequestBody);
    Ok(match client_secret {
        Some(source) => client.set_client_secret(ClientSecret::new(text(&source()?)?)),
        None => client,
    })
}

fn text(secret: &Secret) -> Result<String, PortError> {
    let text = secret.expose_text().map(str::to_owned);
    text.map_err(|_| PortError::lasting("an OAuth secret is not text"))
}

/// A failure in our words. The error of a token request may hold the server's whole answer, tokens
/// and all: of it only the code of the standard is shown.
fn no_token(key: &str, failure: TokenFailure, ended: String) -> PortError {
    match failure {
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            // Somebody may log in again while the desk runs; one that ended could not be told.
            BasicErrorResponseType::InvalidGrant => {
                PortError::passing(format!("{ended} (it answers {})", answer.error()))
            }
            // A client's secret ends, and is renewed while the desk runs.
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                PortError::passing(format!(
                    "the token server does not know our client: check {key}.client_id and its secret \
                     or key, and whether the secret has expired (it answers {})",
                    answer.error()
                ))
            }
            code => PortError::passing(format!("the token server refuses: {code}")),
        },
        _ => PortError::passing("the token server cannot be reached or answers nonsense"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A desk that is told to stop drops whoever waits for a token. The server has taken the old
    /// refresh token back by then, so its answer is waited for and kept all the same.
    #[tokio::test]
    async fn whoever_stops_waiting_loses_no_refresh_token() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let (asked, mut is_asked) = tokio::sync::mpsc::channel(1);
        let (dropped, is_dropped) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.read_exact(&mut [0; 64]).unwrap();
            asked.blocking_send(()).unwrap();
            is_dropped.recv().unwrap();
            let body = r#"{"access_token":"a","token_type":"bearer","refresh_token":"second"}"#;
            let length = body.len();
            write!(
                client,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            )
            .unwrap();
        });
        let tokens = |folder: &std::path::Path| {
            let configured: SecretSource = Arc::new(|| Ok(Secret::new(b"first".to_vec())));
            RefreshTokens::new(configured, folder.join("mailbox.token"))
        };
        let grant = Grant::Refresh {
            refresh_tokens: tokens(folder.path()),
            client_id: "desk".to_owned(),
            client_secret: None,
        };
        let server = AuthorizationServer::Endpoint(url);
        let mut access = AccessTokens::new("mailbox.login", server, None, grant);
        tokio::select! {
            _ = access.token() => panic!("nothing was answered yet"),
            asked = is_asked.recv() => asked.unwrap(),
        }
        drop(access);
        dropped.send(()).unwrap();
        let kept = async {
            while tokens(folder.path()).current().unwrap().expose() != b"second" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), kept).await;
        waited.expect("the new refresh token was lost");
    }

    /// Of many letters that wait for a token, the first alone waits for a server that is silent.
    #[tokio::test]
    async fn a_server_that_gave_no_token_is_left_alone_for_a_while() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        // It hangs up on whoever comes.
        std::thread::spawn(move || {
            while listener.accept().is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let grant = Grant::ApplicationSecret {
            client_id: "desk".to_owned(),
            client_secret: Arc::new(|| Ok(Secret::new(b"secret".to_vec()))),
        };
        let server = AuthorizationServer::Endpoint(url);
        let mut tokens = AccessTokens::new("mailbox.login", server, None, grant);
        let first = tokens.token().await.unwrap_err();
        let asked_once = asked.load(Ordering::SeqCst);
        assert!(asked_once > 0 && !first.is_lasting(), "{first}");
        let second = tokens.token().await.unwrap_err();
        assert_eq!(second.to_string(), first.to_string());
        assert_eq!(asked.load(Ordering::SeqCst), asked_once);
    }
}
