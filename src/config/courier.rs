//! Where does what the desk sends go?

use super::connection::{Security, fingerprint, plaintext_only_to_loopback};
use super::error::ConfigError;
use super::login::Login;
use super::mailbox::MailboxSection;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// `[courier]`, by its `kind`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum CourierSection {
    Smtp(SmtpSection),
    Folder(CourierFolderSection),
}

/// `[courier]` of kind `folder`: for trials, without any mail server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CourierFolderSection {
    /// Each letter becomes a file in it
    pub path: PathBuf,
}

/// `[courier]` of kind `smtp`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    /// The SMTP server
    pub host: String,
    pub port: Option<u16>,
    /// `tls`, `starttls`; `plaintext` to loopback only
    #[serde(default)]
    pub security: Security,
    /// Trust this CA alone
    pub ca_file: Option<PathBuf>,
    /// Or pin the server's certificate
    pub certificate_sha256: Option<String>,
    /// The login; none without it
    pub user: Option<String>,
    /// Its password
    pub password_file: Option<PathBuf>,
    /// Instead of a password: how the login is proven, as for a mailbox
    pub login: Option<Login>,
    /// The name given in EHLO.
    pub hello: Option<String>,
}

impl CourierSection {
    pub(super) fn check(&self, mailboxes: &[MailboxSection]) -> Result<(), ConfigError> {
        let Self::Smtp(smtp) = self else {
            return Ok(());
        };
        plaintext_only_to_loopback("courier.security", smtp.security, &smtp.host)?;
        fingerprint(
            "courier.certificate_sha256",
            smtp.certificate_sha256.as_deref(),
        )?;
        if smtp.login.is_some() && smtp.password_file.is_some() {
            let why = "password_file is one way to log in, and login names another: keep one";
            return Err(ConfigError::value("courier.login", why));
        }
        if let Some(login) = &smtp.login {
            login.check("courier.login")?;
        }
        if let Some(Login::Mailbox(as_mailbox)) = &smtp.login {
            imap_named(mailboxes, &as_mailbox.name)?;
        }
        let is_proven = smtp.login.is_some() || smtp.password_file.is_some();
        if smtp.user.is_some() != is_proven {
            let why = "user belongs together with password_file or login";
            return Err(ConfigError::value("courier.user", why));
        }
        Ok(())
    }
}

/// The IMAP mailbox of this name.
pub(super) fn imap_named<'a>(
    mailboxes: &'a [MailboxSection],
    name: &str,
) -> Result<&'a super::mailbox::ImapSection, ConfigError> {
    let named = mailboxes.iter().find_map(|mailbox| match mailbox {
        MailboxSection::Imap(imap) if imap.name == name => Some(imap),
        _ => None,
    });
    named.ok_or_else(|| {
        let why = format!("no [[mailbox]] of kind \"imap\" is called {name:?}");
        ConfigError::value("courier.login", why)
    })
}
