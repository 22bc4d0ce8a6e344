//! How does the world get at what we publish? A small web server of a few fixed pages, behind the team's own.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use tokio::net::TcpListener;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// From the root, such as `/.well-known/security.txt`.
    pub path: String,
    pub media_type: &'static str,
    pub octets: Vec<u8>,
}

/// The pages as they are now; they can be exchanged while they are served.
#[derive(Clone, Default)]
pub struct Site {
    pages: Arc<RwLock<BTreeMap<String, Page>>>,
}

impl Site {
    pub fn show(&self, pages: Vec<Page>) {
        if let Ok(mut shown) = self.pages.write() {
            *shown = pages.into_iter().map(|page| (page.path.clone(), page)).collect();
        }
    }

    /// Serves until the task is dropped.
    pub async fn serve(self, listener: TcpListener) {
        let router = Router::new().fallback(answer).with_state(self);
        if let Err(err) = axum::serve(listener, router).await {
            tracing::error!(error = %err, "what is published is not served any more");
        }
    }

    fn page(&self, path: &str) -> Option<Page> {
        self.pages.read().ok()?.get(path).cloned()
    }
}

async fn answer(State(site): State<Site>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match site.page(request.uri().path()) {
        // Mail programs that live in a browser ask from another origin.
        Some(page) => ([(header::CONTENT_TYPE, page.media_type), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], page.octets).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
