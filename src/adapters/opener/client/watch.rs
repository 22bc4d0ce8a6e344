//! Does the keyholder live on? A connection of the desk's own tells: no reader holds it, so nothing
//! but the keyholder's end closes it.

use crate::adapters::opener::wire::{GOOD, OpenerVerb};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the end of a keyholder may take to show: the kernel closes all that it had in one go.
const ENDING: Duration = Duration::from_secs(1);

/// A watch over one keyholder, from its beginning on.
#[derive(Clone)]
pub(super) struct Watch(Arc<UnixStream>);

impl Watch {
    /// `None` where whoever answers knows no watch, or is gone.
    pub async fn begin(mut stream: UnixStream) -> Option<Self> {
        stream.write_all(&[OpenerVerb::Watch as u8]).await.ok()?;
        let begun = stream.read_u8().await.ok()? == GOOD;
        begun.then(|| Self(Arc::new(stream)))
    }

    /// What is known of it by now.
    pub fn has_ended(&self) -> bool {
        let read = self.0.try_read(&mut [0]);
        !matches!(read, Err(err) if err.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Whether it is alive, a moment after something else of it closed.
    pub async fn lives_on(&self) -> bool {
        let ended = async {
            while !self.has_ended() {
                let _ = self.0.readable().await;
            }
        };
        timeout(ENDING, ended).await.is_err()
    }
}
