//! How is everything that rests here kept elsewhere, and how does it come back?
//!
//! An archive is a tar in this order: what it is, the store as of one moment, the desk's secret,
//! each file that a letter of that store names, and an end. It leaves sealed, as everything here
//! is, to the storage certificate and the responders.

use super::{SqliteStore, damaged, fault, purge};
use crate::decide::Decision;
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::ports::{Keeping, Kept, PortError, Purged};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
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
    move |err| PortError::Passing(format!("{text}: {err}"))
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
        PortError::Passing(format!(
            "cannot look at the disk of {}: {e}",
            folder.display()
        ))
    })?;
    if disk.blocks_available() * disk.fragment_size() < octets.unsigned_abs() + ROOM_OCTETS {
        return Err(PortError::Passing(format!(
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
        return Err(PortError::Lasting(format!(
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
                .map_err(|e| PortError::Lasting(format!("cannot seal the archive: {e}")))?;
            let (sealed, absent) = write(&snapshot, &state, sealed)?;
            sealed
                .finalize()
                .map_err(|e| PortError::Passing(format!("cannot write the archive: {e}")))?;
            Ok(Kept {
                letters: snapshot.what.letters,
                files: snapshot.what.files - absent,
                absent,
            })
        });
        written
            .await
            .map_err(|_| PortError::Passing("the archive was not written".to_owned()))?
    }

    async fn purge(
        &self,
        case: &CaseId,
        journal: &Decision,
        now: Timestamp,
    ) -> Result<Purged, PortError> {
        let Ok(_alone) = self.keeping.try_lock() else {
            return Err(PortError::Passing(
                "a backup is being written: say it again when it is done".to_owned(),
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
    let unwritten = |e: io::Error| PortError::Passing(format!("cannot write the archive: {e}"));
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

/// What an archive held, and where it was laid.
#[derive(Debug, Serialize, Deserialize)]
pub struct Restored {
    pub letters: u64,
    pub files: u64,
    /// Files of letters that were gone already when the archive was written.
    pub absent: u64,
}

fn unfit(why: &str) -> PortError {
    PortError::Lasting(format!("this is no whole backup of a desk: {why}"))
}

/// Reads an opened archive through, and keeps nothing of it.
pub fn look_through(archive: impl Read) -> Result<Restored, PortError> {
    let (what, ending) = take_apart(archive, |_, content| {
        io::copy(content, &mut io::sink()).map(drop)
    })?;
    let absent = ending.absent.len() as u64;
    Ok(Restored {
        letters: what.letters,
        files: what.files - absent,
        absent,
    })
}

/// Lays an opened archive into a state folder that holds no store. Everything is unpacked beside
/// it, looked at and made durable; then it is moved into its place, the store last, so that one
/// which is there is whole.
pub async fn restore(
    archive: impl Read + Send,
    state: &Path,
    now: Timestamp,
) -> Result<Restored, PortError> {
    for name in [STORE, SECRET].iter().chain(&LEFT_BY_SQLITE) {
        if state.join(name).symlink_metadata().is_ok() {
            return Err(PortError::Lasting(format!(
                "{} is there already: move it away first; nothing was changed",
                state.join(name).display()
            )));
        }
    }
    let spool = state.join(SPOOL);
    if std::fs::read_dir(&spool).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(PortError::Lasting(format!(
            "{} is not empty: move it away first; nothing was changed",
            spool.display()
        )));
    }
    sweep_passing(state);
    let folder = passing_folder(state)?;
    let beside = folder.path();
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(beside.join(SPOOL))
        .map_err(here("make a folder in", beside))?;
    let (claimed, ending) =
        take_apart(archive, |name, content| unpack(&beside.join(name), content))?;
    let (found, files) = looked_at(&beside.join(STORE))
        .await
        .map_err(|e| unfit(&e.to_string()))?;
    if claimed.schema != found.schema || claimed.letters != found.letters {
        return Err(unfit("its store is not the one that it speaks of"));
    }
    if let Some(gone) = files
        .iter()
        .find(|name| !ending.absent.contains(name) && !beside.join(SPOOL).join(name).is_file())
    {
        return Err(unfit(&format!("the file {gone} of a letter is not in it")));
    }
    in_doubt(&beside.join(STORE), now).await?;
    made_durable(&beside.join(SPOOL), beside)?;
    for name in [SPOOL, SECRET, STORE] {
        std::fs::rename(beside.join(name), state.join(name))
            .map_err(here("move into its place", &state.join(name)))?;
    }
    File::open(state)
        .and_then(|f| f.sync_all())
        .map_err(here("make durable", state))?;
    let absent = ending.absent.len() as u64;
    Ok(Restored {
        letters: found.letters,
        files: found.files.saturating_sub(absent),
        absent,
    })
}

/// What waited to be done when the archive was written may have been done since.
async fn in_doubt(store: &Path, now: Timestamp) -> Result<(), PortError> {
    let mut store = SqliteConnectOptions::new()
        .filename(store)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(fault)?;
    sqlx::query("UPDATE effect SET in_doubt = 1 WHERE state IN ('pending', 'leased')")
        .execute(&mut store)
        .await
        .map_err(fault)?;
    sqlx::query(
        "INSERT INTO journal (at, case_id, event, detail) VALUES (?, NULL, 'restored from \
        a backup', '')",
    )
    .bind(super::millis(now))
    .execute(&mut store)
    .await
    .map_err(fault)?;
    store.close().await.map_err(fault)
}

/// Every entry of an archive, in its order: others than its own, and one that ends too soon, are
/// refused.
fn take_apart(
    archive: impl Read,
    mut take: impl FnMut(&Path, &mut dyn Read) -> io::Result<()>,
) -> Result<(WhatItIs, Ending), PortError> {
    let mut tar = tar::Archive::new(archive);
    let mut what: Option<WhatItIs> = None;
    let mut seen = Vec::new();
    let mut files = 0;
    let broken = |_: io::Error| unfit("it cannot be read as one");
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let name = path.to_string_lossy().into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(unfit("it holds something that is no file"));
        }
        match (&what, name.as_str()) {
            (None, WHAT_IT_IS) => {
                let read: WhatItIs = serde_json::from_reader(&mut entry)
                    .map_err(|_| unfit("it does not say what it is"))?;
                if read.format != FORMAT {
                    return Err(PortError::Lasting(format!(
                        "this backup has format {}, and this sealdesk reads {FORMAT}: use the \
                         version that wrote it",
                        read.format
                    )));
                }
                if read.schema > super::newest_schema() {
                    return Err(PortError::Lasting(format!(
                        "this backup was written by a newer sealdesk (schema {}): install that \
                         version",
                        read.schema
                    )));
                }
                what = Some(read);
            }
            (Some(what), END) => {
                let ending: Ending =
                    serde_json::from_reader(&mut entry).map_err(|_| unfit("its end is not one"))?;
                if files + ending.absent.len() as u64 != what.files
                    || !seen.contains(&STORE.to_owned())
                    || !seen.contains(&SECRET.to_owned())
                {
                    return Err(unfit("something is missing in it"));
                }
                return Ok((what.clone(), ending));
            }
            (Some(_), STORE | SECRET) if !seen.contains(&name) => {
                take(&path, &mut entry).map_err(here("unpack", &path))?;
                seen.push(name);
            }
            (Some(_), _) if is_spool_file(&path) => {
                files += 1;
                take(&path, &mut entry).map_err(here("unpack", &path))?;
            }
            _ => return Err(unfit("it holds something else")),
        }
    }
    Err(unfit("it ends too soon"))
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

fn unpack(path: &Path, content: &mut dyn Read) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    io::copy(content, &mut file)?;
    file.sync_all()
}

fn made_durable(spool: &Path, folder: &Path) -> Result<(), PortError> {
    let synced = |path: PathBuf| {
        File::open(&path)
            .and_then(|f| f.sync_all())
            .map_err(here("make durable", &path))
    };
    synced(folder.join(STORE))?;
    synced(spool.to_owned())?;
    synced(folder.to_owned())
}
