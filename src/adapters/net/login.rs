//! How do we say who we are to a mail server? By a password, a token that something else refreshes,
//! or one that we refresh.

use super::refresh_tokens::RefreshTokens;
use crate::model::secret::Secret;
use crate::ports::PortError;
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthType, ClientId, ClientSecret, RefreshToken, RequestTokenError, Scope, TokenResponse,
    TokenUrl,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A token is renewed when less than this is left of it.
const TOKEN_MARGIN_S: u64 = 120;

const TOKEN_CALL_S: u64 = 30;

/// Reads a secret at each use, so that one that was changed is taken up.
pub type SecretSource = Arc<dyn Fn() -> Result<Secret, PortError> + Send + Sync>;

/// How the login is proven; what secret it takes is read anew at each connect.
pub enum Means {
    Password(SecretSource),
    Token(SecretSource),
    Refreshing(Box<Refreshing>),
}

/// OAuth 2.0 with a refresh token (RFC 6749 section 6).
pub struct Refreshing {
    /// Where it stands in the config, for errors: `mailbox.login`.
    pub key: &'static str,
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Option<SecretSource>,
    pub refresh_tokens: RefreshTokens,
    pub scopes: Vec<String>,
    pub held: Option<(Secret, Instant)>,
}

impl Means {
    /// Whether it is a password, and no token.
    pub fn is_password(&self) -> bool {
        matches!(self, Self::Password(_))
    }

    /// The password or the access token of this moment.
    pub async fn secret(&mut self) -> Result<Secret, PortError> {
        match self {
            Self::Password(source) | Self::Token(source) => source(),
            Self::Refreshing(refreshing) => refreshing.token().await,
        }
    }

    /// What was held was refused: it may have been revoked before its time.
    pub fn forget(&mut self) {
        if let Self::Refreshing(refreshing) = self {
            refreshing.held = None;
        }
    }
}

impl Refreshing {
    /// The access token, fetched anew where the last one is about to end.
    pub async fn token(&mut self) -> Result<Secret, PortError> {
        if let Some((token, until)) = &self.held
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let text = |secret: &Secret| {
            secret
                .expose_text()
                .map(str::to_owned)
                .map_err(|_| PortError::lasting("an OAuth secret is not text"))
        };
        let url = TokenUrl::new(self.token_url.clone())
            .map_err(|_| PortError::lasting(format!("{}.token_url is not a URL", self.key)))?;
        let mut client = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_token_uri(url)
            .set_auth_type(AuthType::RequestBody);
        if let Some(source) = &self.client_secret {
            client = client.set_client_secret(ClientSecret::new(text(&source()?)?));
        }
        let http = oauth2::reqwest::Client::builder()
            .redirect(oauth2::reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(TOKEN_CALL_S))
            .build()
            .map_err(|_| PortError::lasting("no HTTPS client"))?;
        let refresh = RefreshToken::new(text(&self.refresh_tokens.current()?)?);
        let mut request = client.exchange_refresh_token(&refresh);
        for scope in &self.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        // The error of a token request may hold the server's whole answer, tokens and all: it is
        // not shown.
        let answer = request
            .request_async(&http)
            .await
            .map_err(|err| match err {
                RequestTokenError::ServerResponse(e)
                    if *e.error() == BasicErrorResponseType::InvalidGrant =>
                {
                    PortError::lasting(format!(
                        "the refresh token is not valid any more: authorise the desk again and \
                         replace {}.refresh_token_file",
                        self.key
                    ))
                }
                RequestTokenError::ServerResponse(e) => PortError::passing(format!(
                    "the token server \
                refuses: {}",
                    e.error()
                )),
                _ => PortError::passing("the token server cannot be reached or answers nonsense"),
            })?;
        if let Some(rotated) = answer.refresh_token() {
            self.refresh_tokens
                .rotate(Secret::new(rotated.secret().clone().into_bytes()));
        }
        let token = Secret::new(answer.access_token().secret().clone().into_bytes());
        let lives = answer
            .expires_in()
            .unwrap_or(Duration::from_secs(600))
            .saturating_sub(Duration::from_secs(TOKEN_MARGIN_S));
        self.held = Some((token.clone(), Instant::now() + lives));
        Ok(token)
    }
}
