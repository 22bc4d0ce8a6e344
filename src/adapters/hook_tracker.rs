//! How are drafts handed to anything else? A signed webhook: JSON by POST, tried until it is taken,
//! each delivery with a name of its own.
//!
//! A receiver proves `X-Sealdesk-Signature`, `sha256=` and the HMAC-SHA256 of
//! `X-Sealdesk-Timestamp`, `X-Sealdesk-Delivery` and the body, with a full stop between them;
//! refuses timestamps (seconds since 1970) more than five minutes off; and takes each
//! `X-Sealdesk-Delivery` once, answering a repeated one as it did before. Any 2xx says that it was
//! taken, and 409 that it was before; to a draft it may answer `{"id": "…", "url": "https://…"}`,
//! by which later events name it. The id has up to 64 letters, digits and `./#:_-=+`, and stands in the
//! URL, of which nothing behind it is kept.

use crate::adapters::net::Trust;
use crate::adapters::net::rest::{self, RestFailure};
use crate::model::case::AdvisoryId;
use crate::model::outgoing::{Addition, Advisory, Amendment};
use crate::model::secret::{self, Secret};
use crate::ports::{Capabilities, Clock, Filed, PortError, PortErrorKind, Tracker};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use tracing::warn;

/// An id that a receiver gives. It rests in clear, as a title would.
const ID_CHARACTERS_MAX: usize = 64;

/// What is kept of its answer.
const NAMES: &str =
    "an id of up to 64 letters, digits and ./#:_-=+, and a URL of https in which it stands";

fn is_name(id: &str) -> bool {
    let may_stand = |b: u8| b.is_ascii_alphanumeric() || b"./#:_-=+".contains(&b);
    id.len() <= ID_CHARACTERS_MAX && id.bytes().all(may_stand)
}

/// A URL up to where the id stands in it: many trackers write the title behind it, and what came
/// sealed rests in clear nowhere.
fn up_to(url: &str, id: &str) -> Option<String> {
    let mut url: url::Url = url.parse().ok()?;
    if !rest::is_safe(&url) || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_fragment(None);
    let named_by = url.query_pairs().find(|(_, value)| value == id);
    let query = named_by.map(|(name, value)| (name.into_owned(), value.into_owned()));
    url.set_query(None);
    if let Some((name, value)) = query {
        url.query_pairs_mut().append_pair(&name, &value);
        return Some(url.into());
    }
    let segments: Vec<String> = url.path_segments()?.map(str::to_owned).collect();
    let length = id.split('/').count();
    let at = segments
        .windows(length)
        .position(|window| window.join("/") == id)?;
    url.set_path(&segments[..at + length].join("/"));
    Some(url.into())
}

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
        let named = |field: &str| answer[field].as_str().filter(|text| !text.is_empty());
        let id = named("id").filter(|id| is_name(id));
        let url = id.and_then(|id| up_to(named("url")?, id));
        if id.is_none() && named("id").is_some() || url.is_none() && named("url").is_some() {
            warn!("the tracker's webhook names its entry in a way that is not kept: {NAMES}");
        }
        Ok(Filed {
            advisory: AdvisoryId {
                id: id.unwrap_or(advisory.case.as_str()).to_owned(),
                url: url.unwrap_or_default(),
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_no_title_is_kept() {
        for (url, id, kept) in [
            (
                "https://linear.app/acme/issue/SEC-12/kumquat-overflow?x=1#y",
                "SEC-12",
                Some("https://linear.app/acme/issue/SEC-12"),
            ),
            (
                "https://bugs.example/show_bug.cgi?title=kumquat&id=12",
                "12",
                Some("https://bugs.example/show_bug.cgi?id=12"),
            ),
            (
                "https://t.example/acme/web/7",
                "acme/web",
                Some("https://t.example/acme/web"),
            ),
            (
                "https://t.example/my%20team/12/kumquat",
                "12",
                Some("https://t.example/my%20team/12"),
            ),
            ("https://t.example/kumquat-overflow", "12", None),
            ("http://t.example/12", "12", None),
            ("https://ada:secret@t.example/12", "12", None),
            ("javascript:12", "12", None),
        ] {
            assert_eq!(up_to(url, id).as_deref(), kept, "{url}");
        }
        assert!(is_name("SEC-12") && is_name("acme/web#7"));
        assert!(!is_name("a b") && !is_name("a>b") && !is_name(&"x".repeat(65)));
    }
}
