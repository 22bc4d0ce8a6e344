//! How does the world get at what we publish? A small web server of a few fixed pages, behind the
//! team's own.

use crate::adapters::net::serve::{ServingLimits, WebListener, serve as serve_router};
use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;

/// One page as it is served.
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

/// Whoever has pages, made ready or as they are asked for.
#[async_trait]
pub trait Pages: Send + Sync + 'static {
    /// Whether other sites may show them; else they are for programs that ask this machine by a
    /// name of its own.
    fn is_for_everybody(&self) -> bool;
    async fn page(&self, path: &str) -> Result<Page, Absent>;
}

/// Why there is no page at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Unknown,
    /// It cannot be had now.
    Unwell,
}

/// Connections served at once; further ones wait in the kernel's queue, and take no descriptor of
/// the desk.
const CONNECTIONS_MAX: usize = 64;

/// How long a client may take for the header of a request, and a connection in all.
const HEADER_S: u64 = 10;
const CONNECTION_S: u64 = 60;

/// Serves until the task is dropped. Whoever connects and says nothing is hung up on.
pub async fn serve(pages: Arc<dyn Pages>, listener: TcpListener) {
    let router = Router::new().fallback(answer).with_state(pages);
    let limits = ServingLimits {
        connections: CONNECTIONS_MAX,
        header: Duration::from_secs(HEADER_S),
        connection: Duration::from_secs(CONNECTION_S),
    };
    serve_router(router, WebListener::Tcp(listener), limits).await
}

impl Site {
    /// Exchanges all pages at once: a page that is not among these is gone.
    pub fn show(&self, pages: Vec<Page>) {
        if let Ok(mut shown) = self.pages.write() {
            *shown = pages
                .into_iter()
                .map(|page| (page.path.clone(), page))
                .collect();
        }
    }
}

#[async_trait]
impl Pages for Site {
    fn is_for_everybody(&self) -> bool {
        true
    }

    async fn page(&self, path: &str) -> Result<Page, Absent> {
        self.pages
            .read()
            .map_err(|_| Absent::Unwell)?
            .get(path)
            .cloned()
            .ok_or(Absent::Unknown)
    }
}

/// A name that a stranger's DNS points here is not one of ours.
fn names_this_machine(host: Option<&HeaderValue>) -> bool {
    // No browser leaves it out; old probes do.
    let Some(host) = host else { return true };
    let host = host.to_str().unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost")
        || name
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

async fn answer(State(pages): State<Arc<dyn Pages>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !pages.is_for_everybody()
        && (request.headers().contains_key(header::ORIGIN)
            || !names_this_machine(request.headers().get(header::HOST)))
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    match pages.page(request.uri().path()).await {
        Ok(page) if !pages.is_for_everybody() => {
            ([(header::CONTENT_TYPE, page.media_type)], page.octets).into_response()
        }
        // Mail programs that live in a browser ask from another origin.
        Ok(page) => (
            [
                (header::CONTENT_TYPE, page.media_type),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ],
            page.octets,
        )
            .into_response(),
        Err(Absent::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Err(Absent::Unwell) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
