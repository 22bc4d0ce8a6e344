//! How are humans reached when mail is dead? A webhook without content, a command, and a heartbeat.

use crate::model::effect::Reason;
use crate::model::ids::CaseId;
use crate::model::secret::{self, Secret};
use crate::ports::{Alarm, PortError};
use async_trait::async_trait;
use std::time::Duration;

/// One call, connection and all.
const CALL_S: u64 = 20;

/// POSTs the case's id and the reason, with `X-Sealdesk-Signature: sha256=…`, the HMAC-SHA256 of
/// the body.
pub struct Webhook {
    url: Secret,
    key: Secret,
    http: reqwest::Client,
}

impl Webhook {
    /// Both secrets are read once, at start. Fails only where no HTTPS client can be made.
    pub fn new(url: Secret, key: Secret) -> Result<Self, PortError> {
        Ok(Self {
            url,
            key,
            http: client()?,
        })
    }
}

fn client() -> Result<reqwest::Client, PortError> {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(CALL_S))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| PortError::lasting("no HTTPS client").because(e.without_url()))
}

fn text(secret: &Secret, key: &str) -> Result<String, PortError> {
    secret
        .expose_text()
        .map(str::to_owned)
        .map_err(|_| PortError::lasting(format!("{key} is not text")))
}

#[async_trait]
impl Alarm for Webhook {
    async fn raise(&self, case: Option<&CaseId>, reason: Reason) -> Result<(), PortError> {
        let body = serde_json::json!({ "case": case, "reason": reason }).to_string();
        let signature = secret::mac(self.key.expose(), &[body.as_bytes()]);
        let request = self
            .http
            .post(text(&self.url, "alarm.url_file")?)
            .header("content-type", "application/json")
            .header("x-sealdesk-signature", format!("sha256={signature}"))
            .body(body);
        // The URL may hold a token, so it stays out of every error.
        let response = request
            .send()
            .await
            .map_err(|e| PortError::passing("the alarm webhook failed").because(e.without_url()))?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(PortError::passing(format!(
                "the alarm webhook answered {}",
                response.status()
            )))
        }
    }
}

/// Runs a program with the reason and the case as its arguments.
pub struct Command {
    program: String,
    arguments: Vec<String>,
}

impl Command {
    /// The program and its first arguments; `None` where there are no words.
    pub fn new(words: &[String]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        Some(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
        })
    }
}

#[async_trait]
impl Alarm for Command {
    async fn raise(&self, case: Option<&CaseId>, reason: Reason) -> Result<(), PortError> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(reason.as_str())
            .arg(case.map_or("desk", CaseId::as_str))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_secs(CALL_S), command.status()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(PortError::passing(format!(
                "the alarm command {} ended with {status}",
                self.program
            ))),
            Ok(Err(err)) => Err(PortError::passing(format!(
                "cannot run the alarm command {}",
                self.program
            ))
            .because(err)),
            Err(_) => Err(PortError::passing(format!(
                "the alarm command {} took longer than {CALL_S} s",
                self.program
            ))),
        }
    }
}

/// Tells a watcher elsewhere that this desk lives: it alarms when the pings stop.
pub struct Heartbeat {
    url: Secret,
    http: reqwest::Client,
}

impl Heartbeat {
    /// The URL is a secret: whoever has it can keep the watcher quiet.
    pub fn new(url: Secret) -> Result<Self, PortError> {
        Ok(Self {
            url,
            http: client()?,
        })
    }

    /// One GET. Any answer will do: only a request that fails is a fault.
    pub async fn ping(&self) -> Result<(), PortError> {
        let sent = self
            .http
            .get(text(&self.url, "heartbeat.url_file")?)
            .send()
            .await;
        sent.map(drop)
            .map_err(|e| PortError::passing("the heartbeat failed").because(e.without_url()))
    }
}
