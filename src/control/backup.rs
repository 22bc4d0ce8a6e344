//! How does an archive of all that rests get out of a desk? In pieces over the socket of whoever
//! asked: the desk never writes where it is told, and who asked never follows a path of the desk.

use super::Response;
use crate::decide::{Decision, Entry};
use crate::desk::Desk;
use crate::model::journal::JournalEvent;
use crate::ports::{Keeping, Kept};
use anyhow::{Context, Result, anyhow, bail};
use std::io::{self, Write};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// Octets of one piece.
const PIECE_OCTETS_MAX: usize = 64 * 1024;

/// Pieces between the disk and whoever takes them.
const PIECES_MAX: usize = 4;

/// What is said of a stream that ends too soon.
pub const CUT_OFF: &str = "the backup was cut off: it is not kept";

/// An answer is short.
const ANSWER_OCTETS_MAX: u64 = 64 * 1024;

/// Whoever sends none for so long stands still: a store of 100 GB is copied in that time.
const SILENCE_S: u64 = 1800;

/// Whoever takes no piece for so long went away.
const PIECE_S: u64 = 60;

/// The writing end, for a thread of its own.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(octets.to_vec())
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the archive in pieces, each behind its length in four octets; then a length of zero, and
/// an [`Response`].
pub async fn send(
    store: &(impl Keeping + ?Sized),
    mut to: impl AsyncWrite + Unpin,
) -> Result<Option<Kept>> {
    let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(PIECES_MAX);
    let archive = store.archive(Box::new(io::BufWriter::with_capacity(
        PIECE_OCTETS_MAX,
        Pieces(sender),
    )));
    let sending = async {
        while let Some(piece) = pieces.recv().await {
            for piece in piece.chunks(PIECE_OCTETS_MAX) {
                let written = async {
                    to.write_u32(u32::try_from(piece.len()).unwrap_or_default())
                        .await?;
                    to.write_all(piece).await
                };
                match tokio::time::timeout(Duration::from_secs(PIECE_S), written).await {
                    Ok(Ok(())) => {}
                    gone => {
                        // The archive ends at its next piece.
                        pieces.close();
                        gone.context("who asked for a backup takes it no more")??;
                    }
                }
            }
        }
        anyhow::Ok(())
    };
    let (kept, sent) = tokio::join!(archive, sending);
    sent?;
    let whole = kept.as_ref().ok().copied();
    let answer = match kept {
        Ok(kept) => Response::Good {
            answer: serde_json::to_value(kept)?,
        },
        Err(err) => Response::Error {
            error: err.to_string(),
        },
    };
    let answer = serde_json::to_vec(&answer)?;
    let last = async {
        to.write_u32(0).await?;
        to.write_all(&answer).await?;
        to.shutdown().await
    };
    let sent = tokio::time::timeout(Duration::from_secs(PIECE_S), last).await;
    sent.context("who asked for a backup takes it no more")??;
    Ok(whole)
}

/// Takes the pieces, and says what they hold once they are whole.
pub async fn receive(
    mut from: impl AsyncRead + Unpin,
    sink: &mut (dyn Write + Send),
) -> Result<Kept> {
    let mut piece = vec![0; PIECE_OCTETS_MAX];
    loop {
        let mut length = [0; 4];
        // The first comes once the store is copied.
        let said =
            tokio::time::timeout(Duration::from_secs(SILENCE_S), from.read_exact(&mut length));
        said.await
            .with_context(|| {
                format!("the desk said nothing for {SILENCE_S} s: the backup is not kept")
            })?
            .context(CUT_OFF)?;
        // Whoever does not know the request answers it as any other.
        if length[0] == b'{' {
            bail!("the desk that runs cannot be asked for a backup: is it of this version?");
        }
        let octets = u32::from_be_bytes(length) as usize;
        if octets == 0 {
            break;
        }
        let piece = piece
            .get_mut(..octets)
            .context("the desk's answer is damaged")?;
        tokio::time::timeout(Duration::from_secs(PIECE_S), from.read_exact(piece))
            .await
            .context(CUT_OFF)?
            .context(CUT_OFF)?;
        sink.write_all(piece).context("cannot write the backup")?;
    }
    let mut answer = Vec::new();
    from.take(ANSWER_OCTETS_MAX)
        .read_to_end(&mut answer)
        .await
        .context(CUT_OFF)?;
    match serde_json::from_slice(&answer).context(CUT_OFF)? {
        Response::Good { answer } => {
            serde_json::from_value(answer).context("the desk's answer is damaged")
        }
        Response::Error { error } => Err(anyhow!(error)),
    }
}

/// Answers whoever asked a running desk.
pub(super) async fn serve(desk: &Desk, by: &str, stream: impl AsyncWrite + Unpin) -> Result<()> {
    // One in which letters are missing is none that monitoring should be content with.
    if send(desk.parts.store.as_ref(), stream)
        .await?
        .is_none_or(|kept| kept.absent > 0)
    {
        return Ok(());
    }
    let written = Decision {
        journal: vec![Entry::of_desk(JournalEvent::BackupWritten, by)],
        ..Decision::default()
    };
    Ok(desk.parts.store.commit(&written, desk.now()).await?)
}
