//! What is wrong with a config, where, and what mends it?

use crate::model::address::Address;

/// What is wrong with the config: each names the key, or the file, and what mends it. No secret
/// stands in one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the config file {0}: pass --config FILE")]
    Read(String, #[source] std::io::Error),
    #[error("{0} is not a valid config:\n{1}")]
    Form(String, String),
    #[error("{0}: {1}")]
    Value(&'static str, String),
    #[error(
        "{0} names the environment variable {1}, which is not set; under systemd it comes from \
         LoadCredential= and is there while the desk runs"
    )]
    Variable(&'static str, String),
    #[error("{0}: cannot read the secret {1}: {2}; create it, or add LoadCredential= to the unit")]
    SecretAbsent(&'static str, String, std::io::Error),
    #[error("{0}: the secret {1} can be read by everyone: chmod 600 {1}")]
    SecretOpen(&'static str, String),
    #[error("{0}: the secret {1} is empty")]
    SecretEmpty(&'static str, String),
}

impl ConfigError {
    pub(super) fn value(key: &'static str, why: impl Into<String>) -> Self {
        Self::Value(key, why.into())
    }
}

pub(super) fn address(key: &'static str, text: &str) -> Result<Address, ConfigError> {
    let refused = |e| ConfigError::Value(key, format!("{text:?} is not an address: {e}"));
    Address::parse(text).map_err(refused)
}
