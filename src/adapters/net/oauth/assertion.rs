//! How does a program prove who it is without a person? By an assertion that its own key signs (RFC
//! 7523): of an application that is registered with a certificate, or of a Google service account.

use super::{TOKEN_ANSWER_OCTETS_MAX, TokenHttp, no_token};
use crate::adapters::net::login::SecretSource;
use crate::adapters::net::rest;
use crate::ports::PortError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use oauth2::RequestTokenError;
use oauth2::basic::{BasicErrorResponse, BasicTokenResponse};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

/// The kind of an assertion that stands for a client's secret (RFC 7523 section 2.2).
pub(super) const OF_CLIENT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The grant by an assertion (RFC 7523 section 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long an assertion is good: long enough for clocks that differ.
const ASSERTION_S: u64 = 600;

/// What an assertion says (RFC 7519 section 4.1).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    /// No two assertions are the same.
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// The key of an application, and how its server knows it.
pub struct ApplicationKey {
    /// PEM: RSA, or P-256.
    key: SecretSource,
    /// SHA-256 of the certificate in DER, base64url (RFC 7515 section 4.1.8).
    thumbprint: Option<String>,
}

impl ApplicationKey {
    /// `certificate` is PEM. Fails where it holds none.
    pub fn new(key: SecretSource, certificate: Option<&[u8]>) -> Result<Self, PortError> {
        let thumbprint = certificate.map(|pem| {
            CertificateDer::from_pem_slice(pem)
                .map(|der| URL_SAFE_NO_PAD.encode(Sha256::digest(&der)))
                .map_err(|_| PortError::lasting("the application's certificate is not PEM"))
        });
        Ok(Self {
            key,
            thumbprint: thumbprint.transpose()?,
        })
    }

    /// An assertion of the client for the token endpoint.
    pub(super) fn assertion(&self, client_id: &str, endpoint: &str) -> Result<String, PortError> {
        let pem = (self.key)()?;
        // Entra ID takes PS256 alone where the thumbprint is by SHA-256.
        let rsa = EncodingKey::from_rsa_pem(pem.expose()).map(|key| (key, Algorithm::PS256));
        let (key, algorithm) = rsa
            .or_else(|_| EncodingKey::from_ec_pem(pem.expose()).map(|key| (key, Algorithm::ES256)))
            .map_err(|_| {
                PortError::lasting("the application's key is no RSA or P-256 key in PEM")
            })?;
        let mut header = Header::new(algorithm);
        header.x5t_s256.clone_from(&self.thumbprint);
        signed(&header, &key, client_id, client_id, endpoint, None)
    }
}

/// The parts of a service account's key file that are needed.
#[derive(Deserialize)]
struct AccountKey {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

/// A service account that stands for the owner of a mailbox (domain-wide delegation).
pub struct ServiceAccount {
    /// Where the file stands in the config.
    key: &'static str,
    /// The file that Google's console gives out, JSON.
    file: SecretSource,
    user: String,
}

impl ServiceAccount {
    /// `user` is whose mailbox it is. The file is read at each use.
    pub fn new(key: &'static str, file: SecretSource, user: String) -> Self {
        Self { key, file, user }
    }

    pub(super) async fn exchange(
        &self,
        http: &TokenHttp,
        scopes: &[String],
    ) -> Result<BasicTokenResponse, PortError> {
        let file = (self.file)()?;
        let wrong = || {
            PortError::lasting(format!(
                "{}.key_file is not the JSON key of a service account",
                self.key
            ))
        };
        let account: AccountKey = serde_json::from_slice(file.expose()).map_err(|_| wrong())?;
        let signing =
            EncodingKey::from_rsa_pem(account.private_key.as_bytes()).map_err(|_| wrong())?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = account.private_key_id;
        let assertion = signed(
            &header,
            &signing,
            &account.client_email,
            &self.user,
            &account.token_uri,
            Some(scopes.join(" ")),
        )?;
        let form = [("grant_type", JWT_BEARER), ("assertion", &assertion)];
        let unreachable =
            |_| PortError::passing("the token server cannot be reached or answers nonsense");
        let answer = http.0.post(&account.token_uri).form(&form).send().await;
        let answer = answer.map_err(unreachable)?;
        let is_good = answer.status().is_success();
        let octets = rest::body(answer, TOKEN_ANSWER_OCTETS_MAX).await;
        let octets = octets
            .map_err(unreachable)?
            .ok_or_else(|| PortError::passing("the token server's answer is too long"))?;
        if is_good {
            let nonsense = |_| PortError::passing("the token server answers nonsense");
            return serde_json::from_slice(&octets).map_err(nonsense);
        }
        let refusal: Option<BasicErrorResponse> = serde_json::from_slice(&octets).ok();
        let ended = format!(
            "the token server does not let our service account read the mail of {}: check \
             {}.key_file, and the scopes of its domain-wide delegation",
            self.user, self.key
        );
        Err(match refusal {
            Some(refusal) => no_token(self.key, RequestTokenError::ServerResponse(refusal), ended),
            None => PortError::passing("the token server answers nonsense"),
        })
    }
}

fn signed(
    header: &Header,
    key: &EncodingKey,
    issuer: &str,
    subject: &str,
    audience: &str,
    scope: Option<String>,
) -> Result<String, PortError> {
    // Tokens are the world's business: its time, and not the desk's.
    #[allow(clippy::disallowed_methods)]
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|_| PortError::lasting("no randomness for an assertion"))?;
    let claims = Claims {
        iss: issuer,
        sub: subject,
        aud: audience,
        iat: now,
        exp: now + ASSERTION_S,
        jti: URL_SAFE_NO_PAD.encode(random),
        scope,
    };
    encode(header, &claims, key).map_err(|_| PortError::lasting("our key cannot sign an assertion"))
}
