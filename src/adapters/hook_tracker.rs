//! How are drafts handed to anything else? A signed webhook: JSON by POST, tried until it is taken,
//! each delivery with a name of its own.
//!
//! A receiver proves `X-Sealdesk-Signature`, `sha256=` and the HMAC-SHA256 of
//! `X-Sealdesk-Timestamp`, `X-Sealdesk-Delivery` and the body, with a full stop between them;
//! refuses timestamps (seconds since 1970) more than five minutes off; and takes each
//! `X-Sealdesk-Delivery` once, answering a repeated one as it did before. Any 2xx says that it was
//! taken, and 409 that it was before; to a draft it may answer `{"id": "…", "url": "https://…"}`,
//! by which later events name it.

use crate::adapters::net::Trust;
use crate::adapters::net::rest::{self, RestFailure};
use crate::model::case::AdvisoryId;
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::model::secret::{self, Secret};
use crate::ports::{Capabilities, Clock, Filed, PortError, PortErrorKind, Tracker};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;

/// An id or a URL that a receiver gives.
const NAME_CHARACTERS_MAX: usize = 500;

/// Delivers drafts and additions as signed JSON to one URL.
pub struct HookTracker {
    http: reqwest::Client,
    url: Secret,
    key: Secret,
    clock: Arc<dyn Clock>,
}

impl HookTracker {
    /// Fails lastingly where the URL is not text, or neither https nor http to this machine.
    pub fn new(
        trust: &Trust,
        url: Secret,
        key: Secret,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PortError> {
        let tracker = Self {
            http: rest::client(trust)?,
            url,
            key,
            clock,
        };
        tracker.target()?;
        Ok(tracker)
    }

    fn target(&self) -> Result<url::Url, PortError> {
        let wrong = |what: &str| PortError::lasting(format!("tracker.url_file {what}"));
        let url: url::Url = self
            .url
            .expose_text()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| wrong("holds no URL"))?;
        if rest::is_safe(&url) {
            Ok(url)
        } else {
            Err(wrong("holds a URL that is not https"))
        }
    }

    /// Delivers one event. `once`: what it is to be known by, so that it is taken once; else by its
    /// hour.
    async fn deliver(
        &self,
        event: &str,
        about: &str,
        content: &Value,
        once: Option<&str>,
    ) -> Result<Value, PortError> {
        let body = json!({ "event": event, "about": about, "content": content }).to_string();
        let at = self.clock.now().as_second().to_string();
        let known_by = once.unwrap_or(&body);
        let hour = if once.is_some() { "" } else { at.as_str() };
        let delivery = secret::tag(
            self.key.expose(),
            &[
                b"delivery\0",
                event.as_bytes(),
                b"\0",
                about.as_bytes(),
                b"\0",
                hour.as_bytes(),
                b"\0",
                known_by.as_bytes(),
            ],
        );
        let signature = secret::mac(
            self.key.expose(),
            &[
                at.as_bytes(),
                b".",
                delivery.as_bytes(),
                b".",
                body.as_bytes(),
            ],
        );
        let request = self
            .http
            .post(self.target()?)
            .header("content-type", "application/json")
            .header("x-sealdesk-delivery", delivery)
            .header("x-sealdesk-timestamp", at)
            .header("x-sealdesk-signature", format!("sha256={signature}"))
            .body(body);
        match rest::call(request).await {
            Ok((answer, _)) => Ok(answer),
            Err(RestFailure::Invalid(409, _)) => Ok(Value::Null),
            // Its receiver knows a delivery again, so there is no doubt to count.
            Err(failed) if failed.is_ambiguous() => Err(PortError::passing(format!(
                "the tracker's webhook {failed}"
            ))),
            Err(failed @ RestFailure::Refused(..)) => Err(PortError::passing(format!(
                "the tracker's webhook {failed}"
            ))),
            Err(failed) => Err(failed.said_by("the tracker's webhook")),
        }
    }
}

#[async_trait]
impl Tracker for HookTracker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            amends: true,
            lets_people_in: true,
            ..Capabilities::default()
        }
    }

    async fn file(&self, advisory: &Advisory, _: bool) -> Result<Filed, PortError> {
        let content = json!({
            "summary": advisory.summary,
            "description": advisory.description,
            "marker": advisory.marker,
            "report": advisory.report,
        });
        let answer = self
            .deliver("draft", advisory.case.as_str(), &content, Some(""))
            .await?;
        let named = |field: &str| {
            answer[field]
                .as_str()
                .map(|text| text.chars().take(NAME_CHARACTERS_MAX).collect::<String>())
                .filter(|text| !text.is_empty())
        };
        let id = named("id").unwrap_or_else(|| advisory.case.as_str().to_owned());
        let url = named("url")
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
            .unwrap_or_default();
        Ok(Filed {
            advisory: AdvisoryId { id, url },
            doubled: Vec::new(),
        })
    }

    async fn append(&self, advisory: &AdvisoryId, addition: &Addition) -> Result<(), PortError> {
        self.deliver(
            "addition",
            &advisory.id,
            &json!({ "mark": addition.mark, "text": addition.text }),
            Some(&addition.mark),
        )
        .await
        .map(drop)
    }

    async fn amend(&self, advisory: &AdvisoryId, amendment: &Amendment) -> Result<(), PortError> {
        let credits: Vec<Value> = amendment
            .credits
            .iter()
            .map(|c| json!({ "login": c.login, "as": c.kind }))
            .collect();
        let content = json!({ "assessment": amendment.assessment, "collaborators": amendment.collaborators, "credits": credits });
        // It says how things stand, so taking it twice changes nothing; and what was said before
        // may be said again.
        self.deliver("amendment", &advisory.id, &content, None)
            .await
            .map(drop)
    }

    /// Proves that the receiver takes our signature.
    async fn probe(&self) -> Result<String, PortError> {
        let at = self.clock.now().as_second();
        self.deliver("probe", "sealdesk", &json!({ "at": at }), None)
            .await
            .map_err(|e| e.with_kind(PortErrorKind::Lasting))?;
        Ok(
            "drafts go to the tracker's webhook, which took our signature; who sees them is for \
            its receiver to say"
                .to_owned(),
        )
    }
}
