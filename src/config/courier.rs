//! Where does what the desk sends go?

use super::connection::{Security, fingerprint, plaintext_only_to_loopback};
use super::error::ConfigError;
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
    /// The name given in EHLO.
    pub hello: Option<String>,
}

impl CourierSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Self::Smtp(smtp) = self else {
            return Ok(());
        };
        plaintext_only_to_loopback("courier.security", smtp.security, &smtp.host)?;
        fingerprint(
            "courier.certificate_sha256",
            smtp.certificate_sha256.as_deref(),
        )?;
        if smtp.user.is_some() != smtp.password_file.is_some() {
            let why = "user and password_file belong together";
            return Err(ConfigError::value("courier.user", why));
        }
        Ok(())
    }
}
