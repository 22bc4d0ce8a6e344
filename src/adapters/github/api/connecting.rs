//! How is a client of GitHub's REST API built? From the URL, the trust and the token or app of the
//! tracker's section.

use super::{Auth, GithubApi};
use crate::adapters::net::{self, Trust};
use crate::model::secret::Secret;
use crate::ports::PortError;
use octocrab::models::{AppId, InstallationId};
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use std::sync::{Arc, Mutex};

/// Sent with every call: who we are, and the version of the API that we speak.
static HEADERS: [(http::HeaderName, http::HeaderValue); 3] = [
    (
        http::header::USER_AGENT,
        http::HeaderValue::from_static(concat!("sealdesk/", env!("CARGO_PKG_VERSION"))),
    ),
    (
        http::header::ACCEPT,
        http::HeaderValue::from_static("application/vnd.github+json"),
    ),
    (
        http::HeaderName::from_static("x-github-api-version"),
        http::HeaderValue::from_static("2022-11-28"),
    ),
];

fn wrong(what: &str) -> PortError {
    PortError::lasting(format!("the GitHub client cannot be built: {what}"))
}

impl GithubApi {
    /// Must be called inside a tokio runtime.
    pub fn new(base_url: &str, trust: &Trust, auth: Auth) -> Result<Self, PortError> {
        let base = parse_base_url(base_url)?;
        let connection = Connection::new(base, trust)?;
        let (calls, app) = match auth {
            Auth::Token(token) => (connection.authenticate(token_state(&token)?), None),
            Auth::App {
                app_id,
                installation_id,
                private_key,
            } => {
                let app = connection.authenticate(app_state(app_id, &private_key)?);
                let installation = app
                    .installation(InstallationId(installation_id))
                    .map_err(|e| wrong(&e.to_string()))?;
                (installation, Some(app))
            }
        };
        Ok(Self {
            calls,
            app,
            server: base_url.to_owned(),
            pages: Mutex::default(),
        })
    }
}

/// The URL of the API: https, or a server on this machine.
fn parse_base_url(base_url: &str) -> Result<http::Uri, PortError> {
    let base: http::Uri = base_url
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("tracker.base_url is not a URL"))?;
    let is_loopback = base.host().is_some_and(|host| {
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    });
    if base.scheme_str() != Some("https") && !is_loopback {
        return Err(wrong("tracker.base_url must be https"));
    }
    Ok(base)
}

type HttpClient = hyper_util::client::legacy::Client<
    hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>,
    OctoBody,
>;

/// A way to the server on which nobody is named yet.
struct Connection {
    base: http::Uri,
    client: HttpClient,
}

impl Connection {
    fn new(base: http::Uri, trust: &Trust) -> Result<Self, PortError> {
        let config = net::tls(trust)?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config((*config).clone())
            .https_or_http()
            .enable_http1()
            .build();
        let client =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
                .build(connector);
        Ok(Self { base, client })
    }

    /// A client whose calls are made in the name of this token or app.
    fn authenticate(&self, auth: AuthState) -> Octocrab {
        let built = OctocrabBuilder::new_empty()
            .with_service(self.client.clone())
            .with_layer(&BaseUriLayer::new(self.base.clone()))
            .with_layer(&ExtraHeadersLayer::new(Arc::new(HEADERS.to_vec())))
            .with_auth(auth)
            .build();
        match built {
            Ok(octocrab) => octocrab,
            Err(never) => match never {},
        }
    }
}

fn token_state(token: &Secret) -> Result<AuthState, PortError> {
    let token = token
        .expose_text()
        .map(|text| text.trim().to_owned())
        .map_err(|_| wrong("tracker.auth.token_file is not text"))?;
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong("the token has characters that no header can hold"));
    }
    Ok(AuthState::AccessToken {
        token: token.into(),
    })
}

fn app_state(app_id: u64, private_key: &Secret) -> Result<AuthState, PortError> {
    let key = octocrab::EncodingKey::from_rsa_pem(private_key.expose())
        .map_err(|_| wrong("tracker.auth.private_key_file holds no RSA key in PEM"))?;
    Ok(AuthState::App(octocrab::auth::AppAuth {
        app_id: AppId(app_id),
        key,
    }))
}
