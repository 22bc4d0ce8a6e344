//! How is a running desk asked, watched and kept, in the operator's words?

use super::error::ConfigError;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// `[alarm]`, the second path to humans, by its `kind`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum AlarmSection {
    /// POSTs `{"case": …, "reason": …}`, signed with HMAC-SHA256 of the secret.
    Webhook {
        url_file: PathBuf,
        secret_file: PathBuf,
    },
    /// Runs a program with the reason and the case as arguments.
    Command { command: Vec<String> },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeartbeatSection {
    /// A URL that is asked each minute, while every loop goes round
    pub url_file: PathBuf,
}

/// Where monitoring looks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    /// A loopback address and port: `/metrics` for Prometheus, `/health` for a load balancer.
    #[schemars(with = "String")]
    pub listen: std::net::SocketAddr,
}

/// How long what people said is kept.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSection {
    /// Days after its closing that a case is erased, as `sealdesk case purge` does; never without
    /// it.
    pub closed_days: Option<u32>,
}

/// Who may ask a running desk: decided by owner, group and mode of its sockets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ControlSection {
    /// The group that may read cases.
    pub readers_group: Option<String>,
    /// The group that may command.
    pub commanders_group: Option<String>,
}

impl MetricsSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let why = format!(
            "{} is not a loopback address: put a server with a login in front of one that is",
            self.listen
        );
        Err(ConfigError::value("metrics.listen", why))
    }
}

impl RetentionSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.closed_days == Some(0) {
            let why = "0 days erase a case as it closes: name a term, or leave it out";
            return Err(ConfigError::value("retention.closed_days", why));
        }
        Ok(())
    }
}
