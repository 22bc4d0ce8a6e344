//! How is a mail server reached, and how is it known to be the right one?

use super::error::ConfigError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the connection to a mail server is protected; `plaintext` to this machine alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    #[default]
    Tls,
    Starttls,
    Plaintext,
}

pub(super) fn plaintext_only_to_loopback(
    key: &'static str,
    security: Security,
    host: &str,
) -> Result<(), ConfigError> {
    if security == Security::Plaintext && !is_loopback(host) {
        return Err(ConfigError::Value(
            key,
            format!(
                "plaintext goes to loopback only, and {host} is not: use \"tls\" or \"starttls\""
            ),
        ));
    }
    Ok(())
}

/// Whether this host is this machine, as a URL or a config writes it.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn fingerprint(key: &'static str, value: Option<&str>) -> Result<(), ConfigError> {
    match value {
        Some(text) if pin(text).is_none() => Err(ConfigError::Value(
            key,
            format!("{text:?} is not a SHA-256: 64 hexadecimal digits, colons allowed"),
        )),
        _ => Ok(()),
    }
}

/// A certificate's SHA-256 as written by `openssl x509 -fingerprint -sha256`, with or without
/// colons.
pub fn pin(text: &str) -> Option<[u8; 32]> {
    crate::model::ids::Digest::parse(&text.replace(':', "").to_ascii_lowercase()).map(|d| d.0)
}
