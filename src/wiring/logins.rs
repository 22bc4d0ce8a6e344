//! How does a login of the config become one of an adapter? Secrets are read once, to say at the
//! start that one is not there, and anew at each use.

use super::mail::checked;
use crate::adapters::net::login::Means;
use crate::adapters::net::oauth::{
    AccessTokens, ApplicationKey, AuthorizationServer, Grant, RefreshTokens, ServiceAccount,
};
use crate::config::{self, AuthorizationServerSection, ImapSection, Login, PersonLogin, Provider};
use crate::model::secret::{Secret, tag};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// How a login of this user is proven. What rests of it lies in `state`.
pub(super) fn means(key: &'static str, login: &Login, user: &str, state: &Path) -> Result<Means> {
    let (server, scopes, grant) = match login {
        Login::Password(login) => return Ok(Means::Password(checked(key, &login.password_file)?)),
        Login::Token(login) => return Ok(Means::Token(checked(key, &login.token_file)?)),
        Login::Oauth2(login) => {
            let client_id = login.client_id.clone();
            let client_id = client_id.with_context(|| {
                format!("{key}.client_id is not there yet: sealdesk mailbox login registers one")
            })?;
            let configured = checked(key, &login.refresh_token_file).with_context(|| {
                format!(
                    "{key}: nobody has logged in yet, or systemd hands the token over later: \
                    sealdesk mailbox login"
                )
            })?;
            let secret = login.client_secret_file.as_ref();
            let grant = Grant::Refresh {
                refresh_tokens: RefreshTokens::new(
                    configured,
                    kept_file(state, &login.refresh_token_file),
                ),
                client_id,
                client_secret: secret.map(|path| checked(key, path)).transpose()?,
            };
            let server = authorization_server(&login.server, user);
            (server, login.server.scopes.clone(), grant)
        }
        Login::Application(login) => {
            let client_id = login.client_id.clone();
            let grant = match (&login.client_secret_file, &login.key_file) {
                (Some(secret), _) => Grant::ApplicationSecret {
                    client_id,
                    client_secret: checked(key, secret)?,
                },
                (None, Some(path)) => Grant::ApplicationKey {
                    client_id,
                    key: application_key(key, path, login.certificate_file.as_deref())?,
                },
                (None, None) => bail!("{key} names neither client_secret_file nor key_file"),
            };
            let server = authorization_server(&login.server, user);
            (server, login.server.scopes.clone(), grant)
        }
        Login::ServiceAccount(login) => {
            let file = checked(key, &login.key_file)?;
            let account = ServiceAccount::new(key, file, user.to_owned());
            let grant = Grant::ServiceAccount(Box::new(account));
            (AuthorizationServer::Google, login.scopes.clone(), grant)
        }
        Login::Mailbox(_) => bail!("{key}: kind = \"mailbox\" is of the courier alone"),
    };
    let tokens = AccessTokens::new(key, server, scopes, grant);
    Ok(Means::Oauth(Box::new(tokens)))
}

/// The login of a courier that logs in as this mailbox does.
pub(super) fn means_of_mailbox(section: &ImapSection, state: &Path) -> Result<Means> {
    means("mailbox.login", &section.login, &section.user, state)
}

/// Where a refresh token rests that the token server gave in place of the one in this file: one place
/// for all who use that, for a server may take it back when it is used twice.
fn kept_file(state: &Path, configured: &Path) -> PathBuf {
    let name = tag(
        b"the file of a refresh token",
        &[configured.as_os_str().as_encoded_bytes()],
    );
    state.join(format!("oauth-{name}.token"))
}

fn application_key(
    key: &'static str,
    path: &Path,
    certificate: Option<&Path>,
) -> Result<ApplicationKey> {
    let certificate = certificate.map(|path| {
        let path = config::expanded(key, path)?;
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    });
    let certificate = certificate.transpose()?;
    Ok(ApplicationKey::new(
        checked(key, path)?,
        certificate.as_deref(),
    )?)
}

/// Who gives out tokens for a login of this user.
pub fn authorization_server(
    section: &AuthorizationServerSection,
    user: &str,
) -> AuthorizationServer {
    let of_user = || user.rsplit('@').next().unwrap_or(user).to_owned();
    match (section.provider, &section.issuer, &section.token_url) {
        (Some(Provider::Google), ..) => AuthorizationServer::Google,
        (Some(Provider::Microsoft), ..) => {
            AuthorizationServer::Microsoft(section.tenant.clone().unwrap_or_else(of_user))
        }
        (Some(Provider::Fastmail), ..) => AuthorizationServer::Fastmail,
        (None, Some(issuer), _) => AuthorizationServer::Discovered(issuer.clone()),
        (None, None, url) => AuthorizationServer::Endpoint(url.clone().unwrap_or_default()),
    }
}

/// The secret of a person's client, where it has one.
pub fn client_secret(login: &PersonLogin) -> Result<Option<Secret>> {
    let path = login.client_secret_file.as_ref();
    let secret = path.map(|path| config::secret("mailbox.login.client_secret_file", path));
    Ok(secret.transpose()?)
}

/// The refresh token that is good after logins with the one in `configured`, for which the server
/// may have given others.
pub fn latest_refresh_token(state: &Path, configured: &Path) -> Result<Secret> {
    let source = checked("mailbox.login", configured)?;
    let tokens = RefreshTokens::new(source, kept_file(state, configured));
    Ok(tokens.current()?)
}
