//! How do we say who we are? A password, a token that something else refreshes, or one that we
//! refresh.

use super::dialogue::{Dialogue, DialogueError};
use super::refusal;
use super::token::RefreshTokens;
use crate::model::secret::Secret;
use crate::ports::PortError;
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthType, ClientId, ClientSecret, RefreshToken, RequestTokenError, Scope, TokenResponse,
    TokenUrl,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A token is renewed when less than this is left of it.
const TOKEN_MARGIN_S: u64 = 120;

const TOKEN_CALL_S: u64 = 30;

/// Reads a secret at each use, so that one that was changed is taken up.
pub type SecretSource = Arc<dyn Fn() -> Result<Secret, PortError> + Send + Sync>;

/// Who logs in, and how they prove it.
pub struct ImapLogin {
    pub user: String,
    pub means: Means,
}

/// How the login is proven; what secret it takes is read anew at each connect.
pub enum Means {
    Password(SecretSource),
    Token(SecretSource),
    Refreshing(Box<Refreshing>),
}

/// OAuth 2.0 with a refresh token (RFC 6749 section 6).
pub struct Refreshing {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Option<SecretSource>,
    pub refresh_tokens: RefreshTokens,
    pub scopes: Vec<String>,
    pub held: Option<(Secret, Instant)>,
}

impl ImapLogin {
    pub(super) async fn log_in(
        &mut self,
        dialogue: &mut Dialogue,
        offered: &BTreeSet<String>,
        server: &str,
    ) -> Result<(), PortError> {
        let at_once = offered.contains("SASL-IR");
        let user = self.user.clone();
        let done = match &mut self.means {
            Means::Password(source) => {
                let password = source()?;
                let password = password
                    .expose_text()
                    .map_err(|_| PortError::lasting("the IMAP password is not text"))?;
                if offered.contains("AUTH=PLAIN") {
                    dialogue
                        .authenticate(
                            "PLAIN",
                            &user,
                            format!("\0{user}\0{password}").as_bytes(),
                            at_once,
                        )
                        .await
                } else if offered.contains("LOGINDISABLED") {
                    return Err(PortError::lasting(format!(
                        "{server} offers neither AUTH=PLAIN nor LOGIN: use security = \"tls\", or \
                         a token"
                    )));
                } else {
                    dialogue.login(&user, password).await
                }
            }
            Means::Token(source) => xoauth2(dialogue, &user, &source()?, at_once).await?,
            Means::Refreshing(refreshing) => {
                let token = refreshing.token().await?;
                let tried = xoauth2(dialogue, &user, &token, at_once).await?;
                if tried.is_err() {
                    refreshing.held = None; // it may have been revoked before its time
                }
                tried
            }
        };
        let token = !matches!(self.means, Means::Password(_));
        done.map_err(|err| refused(err, &user, token, server))
    }
}

/// What a login that was not taken means. A token grows old, and something else may be about to
/// renew it: no words of a server are reason enough to end for it.
fn refused(err: DialogueError, user: &str, token: bool, server: &str) -> PortError {
    match &err {
        DialogueError::No(words) | DialogueError::Bad(words) => {
            let told = format!("{server} refuses our login as {user}: it {err}");
            if refusal::by_code(words) == Some(true) || !token && refusal::login_is_wrong(words) {
                PortError::lasting(format!(
                    "{told}; check mailbox.user and the password or token"
                ))
            } else {
                PortError::passing(told)
            }
        }
        // LOGIN carries ASCII alone (RFC 6855 section 5); AUTHENTICATE carries UTF-8.
        DialogueError::Unsendable => PortError::lasting(format!(
            "{server} offers LOGIN and not AUTH=PLAIN, and LOGIN carries ASCII alone: our user or \
             password has other characters; set a password without them, or use a token"
        )),
        _ => err.port(server),
    }
}

async fn xoauth2(
    dialogue: &mut Dialogue,
    user: &str,
    token: &Secret,
    at_once: bool,
) -> Result<Result<(), DialogueError>, PortError> {
    let token = token
        .expose_text()
        .map_err(|_| PortError::lasting("the access token is not text"))?;
    Ok(dialogue
        .authenticate(
            "XOAUTH2",
            user,
            format!("user={user}\x01auth=Bearer {token}\x01\x01").as_bytes(),
            at_once,
        )
        .await)
}

impl Refreshing {
    async fn token(&mut self) -> Result<Secret, PortError> {
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
            .map_err(|_| PortError::lasting("mailbox.login.token_url is not a URL"))?;
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
                    PortError::lasting(
                        "the refresh token is not valid any more: authorise the desk \
                    again and replace mailbox.login.refresh_token_file",
                    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_that_login_cannot_carry_is_a_lasting_fault_that_says_what_to_mend() {
        let rows = [
            ("security@desk.example", "pässword"),
            ("sécurité@desk.example", "hunter2"),
        ];
        for (user, password) in rows {
            let (ours, _server) = tokio::io::duplex(1024);
            let mut dialogue = Dialogue::after_greeting(Box::new(ours));
            let mut login = ImapLogin {
                user: user.to_owned(),
                means: Means::Password(Arc::new(|| Ok(Secret::new(password.into())))),
            };
            let offered = BTreeSet::from(["IMAP4REV1".to_owned()]);
            let refused = login
                .log_in(&mut dialogue, &offered, "imap.example")
                .await
                .unwrap_err();
            assert!(refused.is_lasting(), "{refused}");
            let told = refused.to_string();
            assert!(
                told.contains("AUTH=PLAIN") && !told.contains(password),
                "{told}"
            );
        }
    }
}
