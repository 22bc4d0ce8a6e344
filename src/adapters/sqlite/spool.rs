//! How do the octets of a letter become durable, sealed as they come?

use super::{SqliteStore, disk_is_full, fault};
use crate::mime::{self, BodyDigester};
use crate::model::ids::{Digest, IntakeId};
use crate::openpgp::{OpenPgpError, SealTo};
use crate::ports::{LetterOctets, PortError, Rest, Sink, Spool, Spooled, Spooling};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Larger letters become files; smaller ones rest in their row, which spares two fsyncs and a file
/// each.
const ROW_OCTETS_MAX: usize = 64 * 1024;

/// Pieces between the network and the disk.
const PIECES_MAX: usize = 4;

/// A spool file's bits of name: enough never to collide.
const NAME_OCTETS: usize = 16;

/// A letter on its way: in memory while it is small, then in a file that is written beside the
/// network.
struct Writing {
    folder: PathBuf,
    seal: Arc<SealTo>,
    small: Vec<u8>,
    file: Option<Filing>,
}

struct Filing {
    pieces: mpsc::Sender<Vec<u8>>,
    written: JoinHandle<Result<Spooled, PortError>>,
}

/// A fault of the disk, which says what to mend where that is known.
fn disk<E: Into<Box<dyn Error + Send + Sync>>>(what: &str, path: &Path) -> impl Fn(E) -> PortError {
    let text = format!("cannot {what} {}", path.display());
    move |err| {
        let err: Box<dyn Error + Send + Sync> = err.into();
        if is_full(err.as_ref()) {
            disk_is_full().because(err)
        } else {
            PortError::passing(&text).because(err)
        }
    }
}

/// Whether a full disk is the cause. By its words, for what seals a file wraps the system's error so
/// that no type tells it.
fn is_full(err: &(dyn Error + 'static)) -> bool {
    let full = std::io::Error::from_raw_os_error(libc::ENOSPC).to_string();
    let mut cause = Some(err);
    while let Some(err) = cause {
        if err.to_string().contains(&full) {
            return true;
        }
        cause = err.source();
    }
    false
}

fn unsealed(err: OpenPgpError) -> PortError {
    PortError::lasting("cannot seal a letter").because(err)
}

/// What is learnt of the octets as they pass.
#[derive(Default)]
struct Passing {
    hash: Sha256,
    octets: u64,
    head: Vec<u8>,
    /// The header block is whole.
    in_body: bool,
    body: Option<BodyDigester>,
}

impl Passing {
    fn see(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.octets += piece.len() as u64;
        if self.in_body {
            return self.body.iter_mut().for_each(|body| body.take(piece));
        }
        let (front, rest) = piece.split_at(
            piece
                .len()
                .min(mime::HEADER_BLOCK_OCTETS_MAX - self.head.len()),
        );
        self.head.extend_from_slice(front);
        let Some(end) = mime::header_end(&self.head) else {
            return;
        };
        self.in_body = true;
        self.body = BodyDigester::for_letter(&self.head[..end]);
        if let Some(body) = &mut self.body {
            body.take(&self.head[end..]);
            body.take(rest);
        }
        self.head.truncate(end);
    }

    fn spooled(self, rest: Rest) -> Spooled {
        let bodies = self.body.map(BodyDigester::finish);
        Spooled {
            rest,
            digest: Digest(self.hash.finalize().into()),
            octets: self.octets,
            head: self.head,
            bodies,
        }
    }
}

/// Runs beside the network: seals, hashes and writes until the pieces end, then makes the file
/// durable.
fn write(
    folder: &Path,
    seal: &SealTo,
    pieces: mpsc::Receiver<Vec<u8>>,
) -> Result<Spooled, PortError> {
    let mut random = [0; NAME_OCTETS];
    getrandom::fill(&mut random).map_err(|e| PortError::passing("no randomness").because(e))?;
    let name: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let path = folder.join(&name);
    let file = private_file(&path).map_err(disk("make the spool file", &path))?;
    let written = fill(&file, seal, pieces, &path);
    if written.is_err() {
        let _ = std::fs::remove_file(&path);
    }
    Ok(written?.spooled(Rest::File(name)))
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn fill(
    file: &std::fs::File,
    seal: &SealTo,
    mut pieces: mpsc::Receiver<Vec<u8>>,
    path: &Path,
) -> Result<Passing, PortError> {
    let mut passing = Passing::default();
    {
        let mut buffered = std::io::BufWriter::with_capacity(64 * 1024, file);
        let mut writer = seal.writer(&mut buffered).map_err(unsealed)?;
        loop {
            // An empty piece is the end; a channel that closes without it means that the letter was
            // abandoned.
            let piece = pieces
                .blocking_recv()
                .ok_or_else(|| PortError::passing("the letter was not fetched whole"))?;
            if piece.is_empty() {
                break;
            }
            passing.see(&piece);
            writer
                .write_all(&piece)
                .map_err(disk("write the spool file", path))?;
        }
        writer
            .finalize()
            .map_err(disk("write the spool file", path))?;
        buffered
            .flush()
            .map_err(disk("write the spool file", path))?;
    }
    file.sync_data()
        .map_err(disk("make durable the spool file", path))?;
    let folder = path.parent().unwrap_or(path);
    std::fs::File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(disk("make durable the spool folder", folder))?;
    Ok(passing)
}

impl Writing {
    fn filing(&mut self) -> &Filing {
        self.file.get_or_insert_with(|| {
            let (pieces, received) = mpsc::channel(PIECES_MAX);
            let (folder, seal) = (self.folder.clone(), Arc::clone(&self.seal));
            Filing {
                pieces,
                written: tokio::task::spawn_blocking(move || write(&folder, &seal, received)),
            }
        })
    }
}

impl Filing {
    async fn take(&self, piece: Vec<u8>) -> Result<(), PortError> {
        // A closed channel means that the disk failed; `finish` says how.
        self.pieces
            .send(piece)
            .await
            .map_err(|_| PortError::passing("the spool file could not be written"))
    }
}

#[async_trait]
impl Sink for Writing {
    async fn take(&mut self, piece: &[u8]) -> Result<(), PortError> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.file.is_none() && self.small.len() + piece.len() <= ROW_OCTETS_MAX {
            self.small.extend_from_slice(piece);
            return Ok(());
        }
        let small = std::mem::take(&mut self.small);
        let filing = self.filing();
        if !small.is_empty() {
            filing.take(small).await?;
        }
        filing.take(piece.to_vec()).await
    }
}

#[async_trait]
impl Spooling for Writing {
    async fn finish(self: Box<Self>) -> Result<Spooled, PortError> {
        let Some(filing) = self.file else {
            let mut passing = Passing::default();
            passing.see(&self.small);
            return Ok(passing.spooled(Rest::Row(self.seal.seal(&self.small).map_err(unsealed)?)));
        };
        let _ = filing.pieces.send(Vec::new()).await;
        filing
            .written
            .await
            .map_err(|_| PortError::passing("the spool writer stopped"))?
    }

    fn failed(&self) -> bool {
        self.file
            .as_ref()
            .is_some_and(|filing| filing.pieces.is_closed())
    }
}

#[async_trait]
impl Spool for SqliteStore {
    async fn spool(&self) -> Result<Box<dyn Spooling>, PortError> {
        Ok(Box::new(Writing {
            folder: self.spool.clone(),
            seal: Arc::clone(&self.seal),
            small: Vec::new(),
            file: None,
        }))
    }

    async fn sealed(&self, letter: IntakeId) -> Result<LetterOctets, PortError> {
        let row: Option<(String, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT blob, sealed FROM letter WHERE id = ?")
                .bind(letter.0)
                .fetch_optional(&self.pool)
                .await
                .map_err(fault)?;
        let name = match row {
            Some((_, Some(sealed))) => return Ok(LetterOctets::Sealed(sealed)),
            Some((name, None)) if name.is_empty() => {
                return Err(PortError::lasting(format!(
                    "letter {letter} was erased with its case"
                )));
            }
            Some((name, None)) => name,
            None => {
                return Err(PortError::lasting(format!(
                    "letter {letter} is not in the store"
                )));
            }
        };
        let path = self.spool.join(name);
        let unread = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => PortError::lasting(format!(
                "the spool file {} is gone: restore it from a backup",
                path.display()
            )),
            _ => disk("read the spool file", &path)(e),
        };
        let file = tokio::fs::File::open(&path).await.map_err(unread)?;
        let octets = file.metadata().await.map_err(unread)?.len();
        Ok(LetterOctets::SealedFile { file, octets })
    }

    fn seal(&self, octets: &[u8]) -> Result<Vec<u8>, PortError> {
        self.seal
            .seal(octets)
            .map_err(|e| PortError::lasting("cannot seal").because(e))
    }

    async fn sweep(&self) -> Result<u64, PortError> {
        let named: std::collections::HashSet<String> =
            sqlx::query_scalar("SELECT blob FROM letter WHERE sealed IS NULL")
                .fetch_all(&self.pool)
                .await
                .map_err(fault)?
                .into_iter()
                .collect();
        let entries =
            std::fs::read_dir(&self.spool).map_err(disk("list the spool", &self.spool))?;
        super::keeping::sweep_passing(self.state());
        let lost = self.spool.with_file_name("lost");
        std::fs::create_dir_all(&lost).map_err(disk("make the folder", &lost))?;
        let mut swept = 0;
        for entry in entries.flatten() {
            // Set apart, not removed: beside an older database from a backup it may be a letter.
            if !named.contains(entry.file_name().to_string_lossy().as_ref())
                && std::fs::rename(entry.path(), lost.join(entry.file_name())).is_ok()
            {
                swept += 1;
            }
        }
        Ok(swept)
    }
}
