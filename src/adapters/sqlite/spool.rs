//! How do the octets of a letter become durable, sealed as they come?

use super::{SqliteStore, fault};
use crate::mime;
use crate::model::ids::Digest;
use crate::openpgp::SealTo;
use crate::ports::{PortError, Sink, Spool, Spooled, Spooling};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces between the network and the disk.
const PIECES_MAX: usize = 4;

/// A letter's bits of name: enough never to collide.
const NAME_OCTETS: usize = 16;

struct Writing {
    pieces: mpsc::Sender<Vec<u8>>,
    written: JoinHandle<Result<Spooled, PortError>>,
}

fn disk(what: &str, path: &Path) -> impl Fn(std::io::Error) -> PortError {
    let text = format!("cannot {what} {}", path.display());
    move |err| PortError::Passing(format!("{text}: {err}"))
}

/// Runs beside the network: seals, hashes and writes until the pieces end, then makes the file durable.
/// Until `finish` renames it, the file has a name that a sweep removes.
fn write(folder: PathBuf, seal: Arc<SealTo>, mut pieces: mpsc::Receiver<Vec<u8>>) -> Result<Spooled, PortError> {
    let mut random = [0; NAME_OCTETS];
    getrandom::fill(&mut random).map_err(|e| PortError::Passing(format!("no randomness: {e}")))?;
    let blob: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let path = folder.join(&blob);
    let file = private_file(&path).map_err(disk("make the spool file", &path))?;
    let written = fill(&file, &seal, &mut pieces, &path);
    if written.is_err() {
        let _ = std::fs::remove_file(&path);
    }
    let (digest, octets, head) = written?;
    Ok(Spooled { blob, digest, octets, head })
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn fill(file: &std::fs::File, seal: &SealTo, pieces: &mut mpsc::Receiver<Vec<u8>>, path: &Path) -> Result<(Digest, u64, Vec<u8>), PortError> {
    let mut hash = Sha256::new();
    let mut octets = 0;
    let mut head = Vec::new();
    let unsealed = |err: crate::openpgp::OpenPgpError| PortError::Lasting(format!("cannot seal a letter: {err}"));
    {
        let mut buffered = std::io::BufWriter::with_capacity(64 * 1024, file);
        let mut writer = seal.writer(&mut buffered).map_err(unsealed)?;
        loop {
            // An empty piece is the end; a channel that closes without it means that the letter was abandoned.
            let piece = pieces.blocking_recv().ok_or_else(|| PortError::Passing("the letter was not fetched whole".to_owned()))?;
            if piece.is_empty() {
                break;
            }
            hash.update(&piece);
            octets += piece.len() as u64;
            let room = mime::HEADER_BLOCK_OCTETS_MAX - head.len();
            head.extend_from_slice(&piece[..piece.len().min(room)]);
            writer.write_all(&piece).map_err(disk("write the spool file", path))?;
        }
        writer.finalize().map_err(|e| PortError::Passing(format!("cannot write the spool file {}: {e}", path.display())))?;
        buffered.flush().map_err(disk("write the spool file", path))?;
    }
    file.sync_data().map_err(disk("make durable the spool file", path))?;
    let folder = path.parent().unwrap_or(path);
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(disk("make durable the spool folder", folder))?;
    head.truncate(mime::header_block_end(&head));
    Ok((Digest(hash.finalize().into()), octets, head))
}

#[async_trait]
impl Sink for Writing {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError> {
        if piece.is_empty() {
            return Ok(());
        }
        // A closed channel means that the disk failed; `finish` says how.
        self.pieces.send(piece.to_vec()).await.map_err(|_| PortError::Passing("the spool file could not be written".to_owned()))
    }
}

#[async_trait]
impl Spooling for Writing {
    async fn finish(self: Box<Self>) -> Result<Spooled, PortError> {
        let _ = self.pieces.send(Vec::new()).await;
        self.written.await.map_err(|_| PortError::Passing("the spool writer stopped".to_owned()))?
    }

    fn failed(&self) -> bool {
        self.pieces.is_closed()
    }
}

#[async_trait]
impl Spool for SqliteStore {
    async fn spool(&self) -> Result<Box<dyn Spooling>, PortError> {
        let (pieces, received) = mpsc::channel(PIECES_MAX);
        let (folder, seal) = (self.spool.clone(), Arc::clone(&self.seal));
        let written = tokio::task::spawn_blocking(move || write(folder, seal, received));
        Ok(Box::new(Writing { pieces, written }))
    }

    async fn blob(&self, name: &str) -> Result<Vec<u8>, PortError> {
        let path = self.spool.join(name);
        tokio::fs::read(&path).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => PortError::Lasting(format!("the spool file {} is gone: restore it from a backup", path.display())),
            _ => disk("read the spool file", &path)(e),
        })
    }

    fn seal(&self, octets: &[u8]) -> Result<Vec<u8>, PortError> {
        self.seal.seal(octets).map_err(|e| PortError::Lasting(format!("cannot seal: {e}")))
    }

    async fn sweep(&self) -> Result<u64, PortError> {
        let named: std::collections::HashSet<String> =
            sqlx::query_scalar("SELECT blob FROM letter").fetch_all(&self.pool).await.map_err(fault)?.into_iter().collect();
        let entries = std::fs::read_dir(&self.spool).map_err(disk("list the spool", &self.spool))?;
        let lost = self.spool.with_file_name("lost");
        std::fs::create_dir_all(&lost).map_err(disk("make the folder", &lost))?;
        let mut swept = 0;
        for entry in entries.flatten() {
            // Set apart, not removed: beside an older database from a backup it may be a letter.
            if !named.contains(entry.file_name().to_string_lossy().as_ref()) && std::fs::rename(entry.path(), lost.join(entry.file_name())).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }
}
