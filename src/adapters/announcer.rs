//! How is a release announced besides mail, and is what it names really there? A webhook such as
//! Discord's, and files by HTTPS.

use crate::adapters::net::rest::is_safe;
use crate::model::ids::Digest;
use crate::model::secret::Secret;
use crate::ports::{Announcer, PortError};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// One post, connection and all.
const POST_S: u64 = 30;

/// One file: to its first octet, and between two of them. And how large it may be.
const SILENCE_S: u64 = 30;
const FILE_OCTETS_MAX: u64 = 4 << 30;

/// Releases are often kept behind one redirect or two.
const REDIRECTS_MAX: usize = 5;

/// Fetches a release's files to hash them, and posts texts to a webhook such as Discord's.
pub struct HttpAnnouncer {
    /// Its URL holds a token.
    webhook: Option<Secret>,
    files: reqwest::Client,
    posts: reqwest::Client,
}

impl HttpAnnouncer {
    /// Without a webhook it posts nothing. Fails only where no HTTPS client can be made.
    pub fn new(webhook: Option<Secret>) -> Result<Self, PortError> {
        let none =
            |e: reqwest::Error| PortError::lasting("no HTTPS client").because(e.without_url());
        // Every step as safe as the first: what began at https leads nowhere else.
        let steps = reqwest::redirect::Policy::custom(|attempt| {
            let began_at_https = attempt
                .previous()
                .first()
                .is_some_and(|url| url.scheme() == "https");
            match attempt.url().scheme() == "https" || (!began_at_https && is_safe(attempt.url())) {
                true if attempt.previous().len() <= REDIRECTS_MAX => attempt.follow(),
                _ => attempt.stop(),
            }
        });
        let patience = Duration::from_secs(SILENCE_S);
        let files = reqwest::Client::builder()
            .redirect(steps)
            .connect_timeout(patience)
            .read_timeout(patience)
            .build()
            .map_err(none)?;
        let posts = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(POST_S))
            .build()
            .map_err(none)?;
        Ok(Self {
            webhook,
            files,
            posts,
        })
    }
}

#[async_trait]
impl Announcer for HttpAnnouncer {
    async fn sha256(&self, url: &str) -> Result<Digest, PortError> {
        let parsed: url::Url = url
            .parse()
            .map_err(|_| PortError::lasting(format!("{url:?} is no URL")))?;
        if !is_safe(&parsed) {
            return Err(PortError::lasting(format!("{url} is not https")));
        }
        let failed = |e: reqwest::Error| {
            PortError::passing(format!("{url} cannot be fetched")).because(e.without_url())
        };
        let mut response = self.files.get(parsed).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(PortError::passing(format!(
                "{url} answers {}",
                response.status()
            )));
        }
        let (mut hash, mut octets) = (Sha256::new(), 0);
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            octets += piece.len() as u64;
            if octets > FILE_OCTETS_MAX {
                return Err(PortError::lasting(format!(
                    "{url} is longer than {FILE_OCTETS_MAX} octets"
                )));
            }
            hash.update(&piece);
        }
        Ok(Digest(hash.finalize().into()))
    }

    async fn post(&self, text: &str) -> Result<(), PortError> {
        let wrong = |what: &str| PortError::lasting(format!("announcement.webhook_file {what}"));
        let webhook = self
            .webhook
            .as_ref()
            .ok_or_else(|| wrong("is not configured any more"))?;
        let url: url::Url = webhook
            .expose_text()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| wrong("holds no URL"))?;
        if !is_safe(&url) {
            return Err(wrong("holds a URL that is not https"));
        }
        // Nobody is woken by a name in it.
        let body =
            serde_json::json!({ "content": text, "allowed_mentions": { "parse": [] } }).to_string();
        let sent = self
            .posts
            .post(url)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        // The URL holds a token, so it stays out of every error. What was sent and not answered may
        // stand there already.
        let response = sent.map_err(|e| {
            let failed = if e.is_connect() {
                PortError::passing
            } else {
                PortError::in_doubt
            };
            failed("the announcement webhook failed").because(e.without_url())
        })?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status if status.is_server_error() || status.as_u16() == 429 => Err(
                PortError::passing(format!("the announcement webhook answered {status}")),
            ),
            status => Err(PortError::lasting(format!(
                "the announcement webhook refuses: {status}"
            ))),
        }
    }

    fn posts(&self) -> bool {
        self.webhook.is_some()
    }
}
