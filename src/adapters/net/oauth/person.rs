//! How does a person let the desk into a mailbox? In a browser, on whatever machine they sit at: with
//! a code that they enter there (RFC 8628), or by a redirect to this machine (RFC 8252), whose
//! address they may paste where the browser is elsewhere.

mod redirect;

use super::{AuthorizationServer, Endpoints, TokenHttp, text};
use crate::adapters::net::{Trust, rest};
use crate::model::secret::Secret;
use crate::ports::PortError;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    DeviceAuthorizationUrl, DeviceCodeErrorResponseType, PkceCodeChallenge, RedirectUrl,
    RequestTokenError, Scope, StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use redirect::Redirects;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long somebody may take in their browser, where the server does not say it.
const LOGIN_S: u64 = 15 * 60;

/// Who asks, whom, and for what.
pub struct Client {
    pub server: AuthorizationServer,
    pub endpoints: Endpoints,
    pub client_id: String,
    pub client_secret: Option<Arc<Secret>>,
    pub scopes: Vec<String>,
    /// The login that the page should offer.
    pub user: String,
}

/// What a person is asked to do.
pub struct Prompt {
    /// The page to open.
    pub page: String,
    /// The code to enter there.
    pub code: Option<String>,
    /// Where the browser ends, on the machine that it runs on.
    pub redirect: Option<String>,
    pub lives: Duration,
}

/// What a person's side of a login is told, and tells.
pub trait Browser {
    /// Shows what is to be done.
    fn show(&mut self, prompt: &Prompt);
    /// An address that was pasted is not the one that is waited for.
    fn refuse(&mut self, why: &str);
}

/// By a code that the person enters on another device (RFC 8628). The refresh token.
pub async fn device_login(client: &Client, browser: &mut dyn Browser) -> Result<Secret, PortError> {
    let endpoint = client.endpoints.device_authorization_endpoint.as_ref();
    let endpoint = endpoint
        .ok_or_else(|| PortError::lasting("this provider gives no codes for other devices"))?;
    let device = DeviceAuthorizationUrl::new(endpoint.clone()).map_err(not_a_url)?;
    let http = TokenHttp(rest::client(&Trust::default())?);
    let asking = client.oauth2()?.set_device_authorization_url(device);
    let request = asking.exchange_device_code();
    let request = request.add_scopes(client.scopes.iter().cloned().map(Scope::new));
    let details: StandardDeviceAuthorizationResponse = request
        .request_async(&http)
        .await
        .map_err(|failure| refused(failure, |answer| answer.error().to_string()))?;
    let page = details.verification_uri_complete();
    browser.show(&Prompt {
        page: page.map_or_else(
            || details.verification_uri().to_string(),
            |complete| complete.secret().clone(),
        ),
        code: Some(details.user_code().secret().clone()),
        redirect: None,
        lives: details.expires_in(),
    });
    let request = asking.exchange_device_access_token(&details);
    let answer = request.request_async(&http, tokio::time::sleep, None).await;
    let answer = answer.map_err(|failure| {
        refused(failure, |answer| match answer.error() {
            DeviceCodeErrorResponseType::ExpiredToken => {
                "nobody entered the code in time".to_owned()
            }
            DeviceCodeErrorResponseType::AccessDenied => "access was not granted".to_owned(),
            other => other.to_string(),
        })
    })?;
    refresh_token(&answer)
}

/// By a redirect of the browser to this machine, or by the address that it ended at, pasted (RFC 8252
/// section 7.3, with PKCE). `port` 0: any free one. The refresh token.
pub async fn loopback_login(
    client: &Client,
    port: u16,
    browser: &mut dyn Browser,
    pasted: &mut mpsc::Receiver<String>,
) -> Result<Secret, PortError> {
    let endpoint = client.endpoints.authorization_endpoint.as_ref();
    let endpoint =
        endpoint.ok_or_else(|| PortError::lasting("this provider has no page to log in on"))?;
    let redirects = Redirects::listen(client.server.redirect_host(), port).await?;
    let asking = client
        .oauth2()?
        .set_auth_uri(AuthUrl::new(endpoint.clone()).map_err(not_a_url)?)
        .set_redirect_uri(RedirectUrl::new(redirects.uri().to_owned()).map_err(not_a_url)?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request = asking
        .authorize_url(CsrfToken::new_random)
        .add_scopes(client.scopes.iter().cloned().map(Scope::new))
        .add_extra_param("login_hint", client.user.clone())
        .set_pkce_challenge(challenge);
    for (name, value) in client.server.extra_parameters() {
        request = request.add_extra_param(*name, *value);
    }
    let (page, state) = request.url();
    browser.show(&Prompt {
        page: page.to_string(),
        code: None,
        redirect: Some(redirects.uri().to_owned()),
        lives: Duration::from_secs(LOGIN_S),
    });
    let waited = redirects.code(&state, client.endpoints.issuer.as_deref(), pasted, browser);
    let code = tokio::time::timeout(Duration::from_secs(LOGIN_S), waited)
        .await
        .map_err(|_| PortError::lasting("nobody logged in within 15 minutes"))??;
    let http = TokenHttp(rest::client(&Trust::default())?);
    let answer = asking
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request_async(&http)
        .await
        .map_err(|failure| {
            refused(failure, |answer| match answer.error() {
                BasicErrorResponseType::InvalidClient => {
                    "it does not know our client: check client_id and client_secret_file".to_owned()
                }
                other => other.to_string(),
            })
        })?;
    refresh_token(&answer)
}

/// Registers the desk as a client (RFC 7591 section 3). Its id.
pub async fn register(
    server: &AuthorizationServer,
    endpoint: &str,
    scopes: &[String],
) -> Result<String, PortError> {
    let redirect = format!("http://{}/", server.redirect_host());
    let client = json!({
        "client_name": "Sealdesk",
        "redirect_uris": [redirect],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "scope": scopes.join(" "),
    });
    let http = rest::client(&Trust::default())?;
    let request = http.post(endpoint).header(CONTENT_TYPE, "application/json");
    let answer = rest::call(request.body(client.to_string())).await;
    let (registered, _) =
        answer.map_err(|failure| failure.said_by("the registration of clients"))?;
    let id = registered["client_id"].as_str().map(str::to_owned);
    id.ok_or_else(|| PortError::passing("the registration of clients answers without a client_id"))
}

type PersonClient = BasicClient<
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

impl Client {
    fn oauth2(&self) -> Result<PersonClient, PortError> {
        let url = TokenUrl::new(self.endpoints.token_endpoint.clone()).map_err(not_a_url)?;
        let client = BasicClient::new(ClientId::new(self.client_id.clone()))
            .set_token_uri(url)
            .set_auth_type(AuthType::RequestBody);
        Ok(match &self.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(text(secret)?)),
            None => client,
        })
    }
}

fn refresh_token(answer: &BasicTokenResponse) -> Result<Secret, PortError> {
    let token = answer.refresh_token();
    let token = token.map(|token| Secret::new(token.secret().clone().into_bytes()));
    token.ok_or_else(|| {
        PortError::lasting(
            "the login worked, and brought no refresh token: the client must be allowed offline \
             access (scope offline_access)",
        )
    })
}

fn not_a_url(_: oauth2::url::ParseError) -> PortError {
    PortError::lasting("an endpoint of the provider is not a URL")
}

/// A failure of which nothing is shown but what the standard's code says.
fn refused<RE, T>(failure: RequestTokenError<RE, T>, told: impl FnOnce(&T) -> String) -> PortError
where
    RE: std::error::Error + 'static,
    T: oauth2::ErrorResponse + 'static,
{
    match failure {
        RequestTokenError::ServerResponse(answer) => {
            PortError::lasting(format!("the provider refuses: {}", told(&answer)))
        }
        RequestTokenError::Request(_) => {
            PortError::passing("the provider cannot be reached, or did not answer")
        }
        _ => PortError::passing("the provider answers nonsense"),
    }
}
