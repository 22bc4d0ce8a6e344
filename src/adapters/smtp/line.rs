//! How do octets pass on a connection that is kept?
//!
//! lettre reads a line of any length into memory, so what a server says between two things that we
//! say is bounded here.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest answer, with all of its lines: what a server offers, or its reasons for a refusal.
const ANSWER_OCTETS_MAX: usize = 64 * 1024;

/// A stream that first says again what was read before TLS.
#[derive(Debug)]
pub(super) struct Line<S> {
    replay: &'static [u8],
    peer: SocketAddr,
    inner: S,
    /// Octets that came since something was said.
    answered: usize,
}

impl<S> Line<S> {
    pub fn new(inner: S, peer: SocketAddr, replay: &'static [u8]) -> Self {
        Self {
            replay,
            peer,
            inner,
            answered: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.replay.is_empty() {
            let before = buffer.filled().len();
            std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
            self.answered += buffer.filled().len() - before;
            return Poll::Ready(if self.answered > ANSWER_OCTETS_MAX {
                Err(std::io::Error::other("its answer is too long"))
            } else {
                Ok(())
            });
        }
        let n = self.replay.len().min(buffer.remaining());
        buffer.put_slice(&self.replay[..n]);
        self.replay = &self.replay[n..];
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.answered = 0;
        Pin::new(&mut self.inner).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + Debug> AsyncTokioStream for Line<S> {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
