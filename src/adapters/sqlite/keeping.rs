//! How is everything that rests here kept elsewhere, and how does it come back?
//!
//! An archive is a tar in this order: what it is, the store as of one moment, the desk's secret,
//! each file that a letter of that store names, and an end. It leaves sealed, as everything here
//! is, to the storage certificate and the responders.

mod restoring;

use super::{SqliteStore, damaged, fault, purge};
use crate::decide::Decision;
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::ports::{Keeping, Kept, PortError, Purged};
use async_trait::async_trait;
pub use restoring::{Restored, look_through, restore};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tempfile::TempDir;

const FORMAT: u32 = 1;
const WHAT_IT_IS: &str = "sealdesk-backup.json";
const END: &str = "end";
const STORE: &str = "desk.sqlite";
/// What belongs to the store and stands beside it: without it no draft of ours would be recognised.
const SECRET: &str = "desk.secret";
const SPOOL: &str = "spool";

/// What SQLite may leave beside a store. It would be taken for a part of the one that comes.
const LEFT_BY_SQLITE: [&str; 2] = ["desk.sqlite-wal", "desk.sqlite-shm"];

/// Folders that are gone again once what is in them has been used.
const PASSING: &str = ".passing-";

/// Room that is left on a disk beside a copy of the store.
const ROOM_OCTETS: u64 = 64 * 1024 * 1024;

/// What an archive says at its end: files that letters name, and that could not be read.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ending {
    absent: Vec<String>,
}

/// What an archive says of itself, in front.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WhatItIs {
    format: u32,
    schema: i64,
    letters: u64,
    files: u64,
}

/// A copy of the store as of one moment, in a folder that is removed with it.
struct Snapshot {
    folder: TempDir,
    what: WhatItIs,
    files: Vec<String>,
}

fn here(what: &str, path: &Path) -> impl Fn(io::Error) -> PortError {
    let text = format!("cannot {what} {}", path.display());
    move |err| PortError::passing(&text).because(err)
}

fn unwritten(err: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::passing("cannot write the archive").because(err)
}

/// A folder of our own, for a moment.
fn passing_folder(state: &Path) -> Result<TempDir, PortError> {
    tempfile::Builder::new()
        .prefix(PASSING)
        .tempdir_in(state)
        .map_err(here("make a folder in", state))
}

/// Removes what a run that was cut off left behind.
pub(super) fn sweep_passing(state: &Path) {
    for entry in std::fs::read_dir(state).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PASSING) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Writes a copy of the store, as of one moment, into a file that must not be there.
pub(super) async fn copy_store(store: &mut SqliteConnection, to: &Path) -> Result<(), PortError> {
    let octets: i64 = sqlx::query_scalar(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    )
    .fetch_one(&mut *store)
    .await
    .map_err(fault)?;
    let folder = to.parent().unwrap_or(to);
    let disk = nix::sys::statvfs::statvfs(folder).map_err(|e| {
        PortError::passing(format!("cannot look at the disk of {}", folder.display())).because(e)
    })?;
    if disk.blocks_available() * disk.fragment_size() < octets.unsigned_abs() + ROOM_OCTETS {
        return Err(PortError::passing(format!(
            "a copy of the store takes {} MiB, and {} has no room for it",
            octets / (1024 * 1024) + 1,
            folder.display()
        )));
    }
    sqlx::query("VACUUM INTO ?")
        .bind(to.display().to_string())
        .execute(store)
        .await
        .map(drop)
        .map_err(fault)
}

/// What a store holds, from a copy that nobody writes to.
async fn looked_at(file: &Path) -> Result<(WhatItIs, Vec<String>), PortError> {
    let mut copy = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(fault)?;
    let sound: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut copy)
        .await
        .map_err(fault)?;
    if sound != "ok" {
        return Err(PortError::lasting(format!(
            "the store is damaged ({sound})"
        )));
    }
    let schema: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut copy)
        .await
        .map_err(fault)?;
    let letters: i64 = sqlx::query_scalar("SELECT count(*) FROM letter")
        .fetch_one(&mut copy)
        .await
        .map_err(fault)?;
    let files: Vec<String> =
        sqlx::query_scalar("SELECT blob FROM letter WHERE sealed IS NULL AND blob != ''")
            .fetch_all(&mut copy)
            .await
            .map_err(fault)?;
    copy.close().await.map_err(fault)?;
    Ok((
        WhatItIs {
            format: FORMAT,
            schema,
            letters: letters.cast_unsigned(),
            files: files.len() as u64,
        },
        files,
    ))
}

#[async_trait]
impl Keeping for SqliteStore {
    async fn archive(&self, sink: Box<dyn Write + Send + Sync>) -> Result<Kept, PortError> {
        // A letter that is erased meanwhile would be missed.
        let _alone = self.keeping.lock().await;
        let state = self.state().to_owned();
        sweep_passing(&state);
        let folder = passing_folder(&state)?;
        copy_store(
            &mut *self.pool.acquire().await.map_err(fault)?,
            &folder.path().join(STORE),
        )
        .await?;
        let (what, files) = looked_at(&folder.path().join(STORE)).await?;
        let snapshot = Snapshot {
            folder,
            what,
            files,
        };
        let seal = std::sync::Arc::clone(&self.seal);
        let written = tokio::task::spawn_blocking(move || {
            let sealed = seal
                .writer(sink)
                .map_err(|e| PortError::lasting("cannot seal the archive").because(e))?;
            let (sealed, absent) = write(&snapshot, &state, sealed)?;
            sealed.finalize().map_err(unwritten)?;
            Ok(Kept {
                letters: snapshot.what.letters,
                files: snapshot.what.files - absent,
                absent,
            })
        });
        written
            .await
            .map_err(|_| PortError::passing("the archive was not written"))?
    }

    async fn purge(
        &self,
        case: &CaseId,
        journal: &Decision,
        now: Timestamp,
    ) -> Result<Purged, PortError> {
        let Ok(_alone) = self.keeping.try_lock() else {
            return Err(PortError::passing(
                "a backup is being written: say it again when it is done",
            ));
        };
        purge::purge(self, case, journal, now).await
    }

    async fn closed_before(&self, then: Timestamp) -> Result<Vec<CaseId>, PortError> {
        purge::closed_before(&mut *self.pool.acquire().await.map_err(fault)?, then).await
    }
}

/// Says how many files could not be read: a letter that is lost must not cost all the others their
/// backup.
fn write<W: Write>(snapshot: &Snapshot, state: &Path, sink: W) -> Result<(W, u64), PortError> {
    let mut tar = tar::Builder::new(sink);
    let what = serde_json::to_vec(&snapshot.what).map_err(|_| damaged("a number"))?;
    append(&mut tar, WHAT_IT_IS, what.len() as u64, &what[..]).map_err(unwritten)?;
    append_file(&mut tar, STORE, &snapshot.folder.path().join(STORE))?;
    append_file(&mut tar, SECRET, &state.join(SECRET))?;
    let mut ending = Ending::default();
    for name in snapshot.files.iter().filter(|name| is_spool_name(name)) {
        let path = state.join(SPOOL).join(name);
        if path.is_file() {
            append_file(&mut tar, &format!("{SPOOL}/{name}"), &path)?;
        } else {
            ending.absent.push(name.clone());
        }
    }
    let words = serde_json::to_vec(&ending).map_err(|_| damaged("a name"))?;
    append(&mut tar, END, words.len() as u64, &words[..]).map_err(unwritten)?;
    Ok((
        tar.into_inner().map_err(unwritten)?,
        ending.absent.len() as u64,
    ))
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    name: &str,
    octets: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(octets);
    header.set_mode(0o600);
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_data(
        &mut header,
        name,
        Whole {
            content,
            left: octets,
        },
    )
}

fn append_file<W: Write>(
    tar: &mut tar::Builder<W>,
    name: &str,
    path: &Path,
) -> Result<(), PortError> {
    let file = File::open(path).map_err(here("read", path))?;
    let octets = file.metadata().map_err(here("read", path))?.len();
    append(tar, name, octets, file).map_err(here("keep", path))
}

/// So many octets of something: one that ends before them is an error, and what is behind them is
/// not read.
struct Whole<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.content.read(&mut into[..room])?;
        self.left -= read as u64;
        if read == 0 && room > 0 {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(read)
        }
    }
}

/// Names in the spool are hexadecimal, so none leads out of it.
pub(super) fn is_spool_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_spool_file(path: &Path) -> bool {
    let mut parts = path.iter();
    parts.next().is_some_and(|p| p == SPOOL)
        && parts
            .next()
            .is_some_and(|p| is_spool_name(&p.to_string_lossy()))
        && parts.next().is_none()
}
