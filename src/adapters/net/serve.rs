//! How is a router served to whoever connects? With limits on connections and on their time, so that
//! nobody holds them all.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Where browsers or a web server in front connect.
pub enum WebListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// What is served at once and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ServingLimits {
    /// Further connections wait in the kernel's queue, and take no descriptor.
    pub connections: usize,
    /// How long a client may take for the header of a request, and a connection in all.
    pub header: Duration,
    pub connection: Duration,
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl WebListener {
    async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Serves until the task is dropped. Whoever connects and says nothing is hung up on.
pub async fn serve(router: Router, listener: WebListener, limits: ServingLimits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut served = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while served.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(err) => {
                tracing::warn!(error = %err, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        served.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header)
                .serve_connection(TokioIo::new(stream), service);
            // However it ends, it ends: a client that was cut off asks again.
            let _ = tokio::time::timeout(limits.connection, connection).await;
            drop(place);
        });
    }
}
