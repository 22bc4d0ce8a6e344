//! What does a desk answer to monitoring?

use crate::adapters::site::{Absent, Page, Pages};
use crate::desk::Desk;
use crate::metrics;
use crate::pipeline::Watchdog;
use anyhow::Result;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tracing::warn;

/// The desk as monitoring sees it.
pub struct Monitored {
    desk: Arc<Desk>,
    watchdog: Watchdog,
    /// What was said last, and when: whoever asks more often hears it again.
    said: Mutex<Option<(Instant, String)>>,
}

/// Metrics are read anew no more often than this.
const METRICS_FOR: Duration = Duration::from_secs(5);

impl Monitored {
    /// For a desk and the watchdog of its loops; nothing is measured before a page is asked for.
    pub fn new(desk: Arc<Desk>, watchdog: Watchdog) -> Self {
        Self {
            desk,
            watchdog,
            said: Mutex::default(),
        }
    }

    async fn metrics(&self) -> Result<String> {
        let mut said = self.said.lock().await;
        match &*said {
            Some((at, text)) if at.elapsed() < METRICS_FOR => Ok(text.clone()),
            _ => {
                let text = metrics::metrics(&self.desk, &self.watchdog).await?;
                Ok(said.insert((Instant::now(), text)).1.clone())
            }
        }
    }
}

#[async_trait]
impl Pages for Monitored {
    /// How letters were read is nothing for a page that a browser on this machine shows.
    fn is_for_everybody(&self) -> bool {
        false
    }

    async fn page(&self, path: &str) -> Result<Page, Absent> {
        let page = |media_type, text: String| {
            Ok(Page {
                path: path.to_owned(),
                media_type,
                octets: text.into_bytes(),
            })
        };
        match path {
            "/metrics" => match self.metrics().await {
                Ok(text) => page(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    text,
                ),
                Err(err) => {
                    warn!(error = format!("{err:#}"), "metrics cannot be read");
                    Err(Absent::Unwell)
                }
            },
            "/health" => match metrics::health(&self.desk, &self.watchdog).await {
                Ok(()) => page("text/plain", "good\n".to_owned()),
                Err(why) => {
                    warn!(why, "the desk is not well");
                    Err(Absent::Unwell)
                }
            },
            _ => Err(Absent::Unknown),
        }
    }
}
