//! How is a release announced besides mail, and is what it names really there? A webhook such as Discord's, and files by HTTPS.

use crate::model::ids::Digest;
use crate::model::secret::Secret;
use crate::ports::{Announcer, PortError};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// One post, connection and all.
const POST_S: u64 = 30;

/// One file, connection and all; and how large it may be.
const FILE_S: u64 = 15 * 60;
const FILE_OCTETS_MAX: u64 = 4 << 30;

/// Discord takes 2,000 characters in one message.
const POST_CHARACTERS_MAX: usize = 2_000;

pub struct HttpAnnouncer {
    /// Its URL holds a token.
    webhook: Option<Secret>,
    http: reqwest::Client,
}

impl HttpAnnouncer {
    pub fn new(webhook: Option<Secret>) -> Result<Self, PortError> {
        // Releases are often kept behind one redirect or two.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::limited(5)).https_only(false).build();
        Ok(Self { webhook, http: http.map_err(|e| PortError::Lasting(format!("no HTTPS client: {}", e.without_url())))? })
    }
}

fn is_safe(url: &url::Url) -> bool {
    let loopback = url.host_str().is_some_and(|h| h == "localhost" || h.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()));
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

#[async_trait]
impl Announcer for HttpAnnouncer {
    async fn sha256(&self, url: &str) -> Result<Digest, PortError> {
        let parsed: url::Url = url.parse().map_err(|_| PortError::Lasting(format!("{url:?} is no URL")))?;
        if !is_safe(&parsed) {
            return Err(PortError::Lasting(format!("{url} is not https")));
        }
        let failed = |e: reqwest::Error| PortError::Passing(format!("{url} cannot be fetched: {}", e.without_url()));
        let mut response = self.http.get(parsed).timeout(Duration::from_secs(FILE_S)).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(PortError::Passing(format!("{url} answers {}", response.status())));
        }
        if !is_safe(response.url()) {
            return Err(PortError::Lasting(format!("{url} leads to a place that is not https")));
        }
        let (mut hash, mut octets) = (Sha256::new(), 0);
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            octets += piece.len() as u64;
            if octets > FILE_OCTETS_MAX {
                return Err(PortError::Lasting(format!("{url} is longer than {FILE_OCTETS_MAX} octets")));
            }
            hash.update(&piece);
        }
        Ok(Digest(hash.finalize().into()))
    }

    async fn post(&self, text: &str) -> Result<(), PortError> {
        let Some(webhook) = &self.webhook else { return Ok(()) };
        let url = webhook.expose_text().map_err(|_| PortError::Lasting("announcement.webhook_file is not text".to_owned()))?;
        let cut: String = text.chars().take(POST_CHARACTERS_MAX).collect();
        // Nobody is woken by a name in it.
        let body = serde_json::json!({ "content": cut, "allowed_mentions": { "parse": [] } }).to_string();
        let sent = self.http.post(url).timeout(Duration::from_secs(POST_S)).header("content-type", "application/json").body(body).send().await;
        // The URL holds a token, so it stays out of every error.
        let response = sent.map_err(|e| PortError::Passing(format!("the announcement webhook failed: {}", e.without_url())))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status if status.is_client_error() && status.as_u16() != 429 => Err(PortError::Lasting(format!("the announcement webhook refuses: {status}"))),
            status => Err(PortError::Passing(format!("the announcement webhook answered {status}"))),
        }
    }

    fn posts(&self) -> bool {
        self.webhook.is_some()
    }
}
