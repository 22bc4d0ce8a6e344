//! Where are the endpoints of an authorization server? Those of known providers are written here;
//! any other says it in its metadata (RFC 8414 section 3, OpenID Connect Discovery section 4).

use crate::adapters::net::{Trust, rest};
use crate::ports::PortError;
use serde::Deserialize;
use url::Url;

/// What mail needs at each provider, and to be given a refresh token.
const GOOGLE_SCOPES: &[&str] = &["https://mail.google.com/"];
const MICROSOFT_SCOPES: &[&str] = &[
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
    "offline_access",
];
const MICROSOFT_APPLICATION_SCOPES: &[&str] = &["https://outlook.office365.com/.default"];
const MAIL_SCOPES: &[&str] = &["urn:ietf:params:oauth:scope:mail", "offline_access"];

/// Who gives out tokens.
#[derive(Clone, Debug)]
pub enum AuthorizationServer {
    Google,
    /// The directory's id, or a domain of it.
    Microsoft(String),
    Fastmail,
    /// The issuer of its metadata.
    Discovered(String),
    /// A token endpoint, and nothing for people.
    Endpoint(String),
}

/// The endpoints that a login needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Endpoints {
    /// Named in metadata, which must be that of who was asked.
    pub issuer: Option<String>,
    pub token_endpoint: String,
    /// Where a person grants access in a browser (RFC 6749 section 3.1).
    pub authorization_endpoint: Option<String>,
    /// Where a code for another device is given out (RFC 8628 section 3.1).
    pub device_authorization_endpoint: Option<String>,
    /// Where clients register by themselves (RFC 7591).
    pub registration_endpoint: Option<String>,
    /// Named in metadata, and not everywhere.
    pub scopes_supported: Option<Vec<String>>,
}

impl AuthorizationServer {
    /// Its endpoints; asks an issuer for them. Nothing but https is taken from metadata, loopback
    /// aside.
    pub async fn endpoints(&self) -> Result<Endpoints, PortError> {
        Ok(match self {
            Self::Google => Endpoints {
                issuer: None,
                token_endpoint: "https://oauth2.googleapis.com/token".to_owned(),
                authorization_endpoint: Some(
                    "https://accounts.google.com/o/oauth2/v2/auth".to_owned(),
                ),
                // Google gives codes for devices, and not for mail.
                device_authorization_endpoint: None,
                registration_endpoint: None,
                scopes_supported: None,
            },
            Self::Microsoft(tenant) => {
                let at = |endpoint: &str| {
                    format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{endpoint}")
                };
                Endpoints {
                    issuer: None,
                    token_endpoint: at("token"),
                    authorization_endpoint: Some(at("authorize")),
                    device_authorization_endpoint: Some(at("devicecode")),
                    registration_endpoint: None,
                    scopes_supported: None,
                }
            }
            Self::Fastmail => Endpoints {
                issuer: None,
                // Codes and refresh tokens are exchanged at one endpoint.
                token_endpoint: "https://api.fastmail.com/oauth/refresh".to_owned(),
                authorization_endpoint: Some("https://api.fastmail.com/oauth/authorize".to_owned()),
                device_authorization_endpoint: None,
                registration_endpoint: Some("https://api.fastmail.com/oauth/register".to_owned()),
                scopes_supported: None,
            },
            Self::Discovered(issuer) => discovered(issuer).await?,
            Self::Endpoint(url) => Endpoints {
                issuer: None,
                token_endpoint: url.clone(),
                authorization_endpoint: None,
                device_authorization_endpoint: None,
                registration_endpoint: None,
                scopes_supported: None,
            },
        })
    }

    /// What to ask for where the operator says nothing. `application`: nobody logs in.
    pub fn scopes(&self, application: bool) -> Vec<String> {
        let scopes = match self {
            Self::Google => GOOGLE_SCOPES,
            Self::Microsoft(_) if application => MICROSOFT_APPLICATION_SCOPES,
            Self::Microsoft(_) => MICROSOFT_SCOPES,
            Self::Fastmail | Self::Discovered(_) if !application => MAIL_SCOPES,
            _ => &[],
        };
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    /// Parameters without which it gives no refresh token.
    pub fn extra_parameters(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Google => &[("access_type", "offline"), ("prompt", "consent")],
            // OpenID Connect Core section 11: offline access needs consent.
            Self::Discovered(_) => &[("prompt", "consent")],
            _ => &[],
        }
    }

    /// The host of a redirect to this machine: RFC 8252 section 7.3 wants the address, and
    /// Microsoft takes the name alone.
    pub fn redirect_host(&self) -> &'static str {
        match self {
            Self::Microsoft(_) => "localhost",
            _ => "127.0.0.1",
        }
    }
}

/// The metadata of an issuer, by either of its two addresses.
async fn discovered(issuer: &str) -> Result<Endpoints, PortError> {
    let client = rest::client(&Trust::default())?;
    let mut last = None;
    for url in metadata_urls(issuer)? {
        match rest::call(client.get(url)).await {
            Ok((metadata, _)) => {
                return checked(issuer, metadata);
            }
            Err(failure) => last = Some(failure),
        }
    }
    let who = format!("the metadata of {issuer}");
    Err(last.map_or_else(
        || PortError::lasting(format!("{who} has no address")),
        |failure| PortError::passing(format!("{who}: its server {failure}")),
    ))
}

fn checked(issuer: &str, metadata: serde_json::Value) -> Result<Endpoints, PortError> {
    let endpoints: Endpoints = serde_json::from_value(metadata).map_err(|_| {
        PortError::passing(format!("the metadata of {issuer} name no token_endpoint"))
    })?;
    // RFC 8414 section 3.3: metadata of somebody else must not be used.
    let same = |named: &str| named.trim_end_matches('/') == issuer.trim_end_matches('/');
    if !endpoints.issuer.as_deref().is_some_and(same) {
        let named = endpoints.issuer.as_deref().unwrap_or("nobody");
        return Err(PortError::lasting(format!(
            "the metadata of {issuer} are those of {named}: write the issuer as they do"
        )));
    }
    let unsafe_one = [
        Some(&endpoints.token_endpoint),
        endpoints.authorization_endpoint.as_ref(),
        endpoints.device_authorization_endpoint.as_ref(),
        endpoints.registration_endpoint.as_ref(),
    ];
    let unsafe_one = unsafe_one
        .into_iter()
        .flatten()
        .find(|url| !Url::parse(url).is_ok_and(|url| rest::is_safe(&url)));
    match unsafe_one {
        Some(url) => Err(PortError::lasting(format!(
            "the metadata of {issuer} name {url}, which is not https"
        ))),
        None => Ok(endpoints),
    }
}

/// RFC 8414 puts its word in front of the issuer's path, OpenID Connect behind it.
fn metadata_urls(issuer: &str) -> Result<[Url; 2], PortError> {
    let not_a_url = |_| PortError::lasting(format!("the issuer {issuer} is not a URL"));
    let mut oauth = Url::parse(issuer).map_err(not_a_url)?;
    let mut openid = oauth.clone();
    let path = oauth.path().trim_end_matches('/').to_owned();
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    openid.set_path(&format!("{path}/.well-known/openid-configuration"));
    Ok([oauth, openid])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_lie_where_both_standards_say() {
        let urls = |issuer| metadata_urls(issuer).unwrap().map(|url| url.to_string());
        assert_eq!(
            urls("https://id.example/realms/mail/"),
            [
                "https://id.example/.well-known/oauth-authorization-server/realms/mail",
                "https://id.example/realms/mail/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            urls("https://id.example")[0],
            "https://id.example/.well-known/oauth-authorization-server"
        );
    }

    #[test]
    fn metadata_of_somebody_else_or_without_tls_are_refused() {
        let issuer = "https://id.example";
        let with = |issuer_there: &str, token: &str| {
            checked(
                issuer,
                json!({ "issuer": issuer_there, "token_endpoint": token }),
            )
        };
        assert!(with("https://id.example/", "https://id.example/token").is_ok());
        let told = with("https://evil.example", "https://id.example/token");
        assert!(told.unwrap_err().to_string().contains("evil.example"));
        let told = with(issuer, "http://id.example/token").unwrap_err();
        assert!(told.is_lasting() && told.to_string().contains("not https"));
        assert!(checked(issuer, json!({ "issuer": issuer })).is_err());
    }
}
