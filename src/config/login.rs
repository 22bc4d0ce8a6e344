//! How is the login at a mail server proven? By a password, by a token that something else fetches,
//! or by OAuth 2.0, whose providers are known by name.

use super::error::ConfigError;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// How the login at a mail server is proven. Secrets stand in files, which are read anew.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Login {
    /// AUTHENTICATE PLAIN where offered, else LOGIN.
    Password(PasswordLogin),
    /// An access token that something else refreshes; read at each connect.
    Token(TokenLogin),
    /// A person logs in once, with `sealdesk mailbox login`; the desk fetches access tokens with the
    /// refresh token that this brings (RFC 6749 section 6).
    Oauth2(PersonLogin),
    /// The desk logs in as an application, and no person does (RFC 6749 section 4.4).
    Application(ApplicationLogin),
    /// A Google service account with domain-wide delegation (RFC 7523 section 2.1).
    ServiceAccount(ServiceAccountLogin),
    /// Of the courier alone: as that mailbox does, with the same token.
    Mailbox(MailboxLogin),
}

/// A login by password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordLogin {
    pub password_file: PathBuf,
}

/// A login by a token of something else.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenLogin {
    pub token_file: PathBuf,
}

/// A login by a person, once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonLogin {
    /// The client as it is registered with the provider; where the provider registers clients by
    /// itself, `sealdesk mailbox login` asks for one
    pub client_id: Option<String>,
    pub client_secret_file: Option<PathBuf>,
    /// What `sealdesk mailbox login` writes
    pub refresh_token_file: PathBuf,
    #[serde(flatten)]
    pub server: AuthorizationServerSection,
}

/// A login of an application, with a secret or a certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationLogin {
    pub client_id: String,
    pub client_secret_file: Option<PathBuf>,
    /// Instead of a secret: a private key (PEM), by which the desk signs an assertion (RFC 7523
    /// section 2.2)
    pub key_file: Option<PathBuf>,
    /// The certificate of that key (PEM), which Microsoft knows the key by
    pub certificate_file: Option<PathBuf>,
    #[serde(flatten)]
    pub server: AuthorizationServerSection,
}

/// A login by a service account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountLogin {
    /// The account's key as Google's console gives it out (JSON)
    pub key_file: PathBuf,
    pub scopes: Option<Vec<String>>,
}

/// A login that is a mailbox's.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailboxLogin {
    /// `mailbox.name`
    pub name: String,
}

/// Who gives out tokens: a provider that is known by name, an issuer that says where its endpoints
/// are, or an endpoint.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct AuthorizationServerSection {
    /// `google`, `microsoft` or `fastmail`
    pub provider: Option<Provider>,
    /// Of Microsoft: the directory's id, or a domain of it; without it, the domain of the login
    pub tenant: Option<String>,
    /// Any other server, by its metadata (RFC 8414, OpenID Connect Discovery)
    pub issuer: Option<String>,
    /// Or the endpoint that gives out tokens, where there is no metadata
    pub token_url: Option<String>,
    /// What the token is for; without it, what the provider needs for mail
    pub scopes: Option<Vec<String>>,
}

/// Providers whose endpoints are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Google,
    Microsoft,
    Fastmail,
}

impl Login {
    /// Fails where what stands in it does not belong together.
    pub(super) fn check(&self, key: &'static str) -> Result<(), ConfigError> {
        match self {
            Self::Oauth2(login) => {
                let registers = login.server.provider == Some(Provider::Fastmail)
                    || login.server.issuer.is_some();
                if login.client_id.is_none() && !registers {
                    let why = "client_id is needed: the id of the client that you registered with \
                        the provider";
                    return Err(ConfigError::value(key, why));
                }
                login.server.check(key)
            }
            Self::Application(login) => {
                if login.client_secret_file.is_some() == login.key_file.is_some() {
                    let why = "an application proves itself by client_secret_file or by key_file: \
                        name one of them";
                    return Err(ConfigError::value(key, why));
                }
                if login.certificate_file.is_some() && login.key_file.is_none() {
                    let why = "certificate_file belongs together with key_file";
                    return Err(ConfigError::value(key, why));
                }
                if login.server.provider == Some(Provider::Google) {
                    let why = "Google has no application logins for mail: use kind = \
                        \"service_account\"";
                    return Err(ConfigError::value(key, why));
                }
                login.server.check(key)
            }
            Self::Mailbox(_) if key != "courier.login" => Err(ConfigError::value(
                key,
                "kind = \"mailbox\" is of the courier alone",
            )),
            _ => Ok(()),
        }
    }
}

impl AuthorizationServerSection {
    fn check(&self, key: &'static str) -> Result<(), ConfigError> {
        let named = [
            self.provider.is_some(),
            self.issuer.is_some(),
            self.token_url.is_some(),
        ];
        if named.into_iter().filter(|is_named| *is_named).count() != 1 {
            let why = "name who gives out tokens: provider, issuer, or token_url";
            return Err(ConfigError::value(key, why));
        }
        if self.tenant.is_some() && self.provider != Some(Provider::Microsoft) {
            let why = "tenant belongs together with provider = \"microsoft\"";
            return Err(ConfigError::value(key, why));
        }
        for url in [&self.issuer, &self.token_url].into_iter().flatten() {
            let parsed = url::Url::parse(url)
                .map_err(|e| ConfigError::value(key, format!("{url:?} is not a URL: {e}")))?;
            let loopback = parsed
                .host_str()
                .is_some_and(super::connection::is_loopback);
            if parsed.scheme() != "https" && !(parsed.scheme() == "http" && loopback) {
                let why = format!("{url:?} must be https: passwords and tokens go there");
                return Err(ConfigError::value(key, why));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Login, String> {
        #[derive(Deserialize)]
        struct Section {
            login: Login,
        }
        let section: Section = toml::from_str(&format!("login = {text}")).map_err(|e| {
            let told: &dyn std::fmt::Display = &e;
            told.to_string()
        })?;
        section
            .login
            .check("mailbox.login")
            .map_err(|e| e.to_string())?;
        Ok(section.login)
    }

    #[test]
    fn a_login_says_who_gives_out_tokens_and_what_it_shows_for_them() {
        let good = [
            r#"{ kind = "password", password_file = "p" }"#,
            r#"{ kind = "oauth2", provider = "microsoft", client_id = "c", refresh_token_file = "r" }"#,
            r#"{ kind = "oauth2", provider = "fastmail", refresh_token_file = "r" }"#,
            r#"{ kind = "oauth2", issuer = "https://id.example", refresh_token_file = "r" }"#,
            r#"{ kind = "oauth2", token_url = "http://127.0.0.1:1/t", client_id = "c", refresh_token_file = "r", scopes = ["x"] }"#,
            r#"{ kind = "application", provider = "microsoft", tenant = "t", client_id = "c", key_file = "k", certificate_file = "x" }"#,
            r#"{ kind = "service_account", key_file = "k" }"#,
        ];
        for text in good {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text).err());
        }
        let bad = [
            (
                r#"{ kind = "oauth2", provider = "google", refresh_token_file = "r" }"#,
                "client_id is needed",
            ),
            (
                r#"{ kind = "oauth2", client_id = "c", refresh_token_file = "r" }"#,
                "name who gives out tokens",
            ),
            (
                r#"{ kind = "oauth2", provider = "google", issuer = "https://id.example", client_id = "c", refresh_token_file = "r" }"#,
                "name who gives out tokens",
            ),
            (
                r#"{ kind = "oauth2", provider = "google", tenant = "t", client_id = "c", refresh_token_file = "r" }"#,
                "tenant",
            ),
            (
                r#"{ kind = "oauth2", issuer = "http://id.example", refresh_token_file = "r" }"#,
                "must be https",
            ),
            (
                r#"{ kind = "oauth2", provider = "google", client_id = "c", refresh_token_file = "r", client = "x" }"#,
                "unknown field `client`",
            ),
            (
                r#"{ kind = "application", provider = "google", client_id = "c", client_secret_file = "s" }"#,
                "service_account",
            ),
            (
                r#"{ kind = "application", provider = "microsoft", client_id = "c" }"#,
                "name one of them",
            ),
            (
                r#"{ kind = "mailbox", name = "security" }"#,
                "courier alone",
            ),
        ];
        for (text, told) in bad {
            let why = read(text).expect_err(text);
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
