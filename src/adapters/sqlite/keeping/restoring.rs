//! How does a backup become a state folder again?

use super::{
    END, Ending, FORMAT, LEFT_BY_SQLITE, SECRET, SPOOL, STORE, WHAT_IT_IS, WhatItIs, here,
    is_spool_file, looked_at, passing_folder, sweep_passing,
};
use crate::adapters::sqlite::fault;
use crate::adapters::sqlite::millis;
use crate::adapters::sqlite::newest_schema;
use crate::model::Timestamp;
use crate::model::journal::JournalEvent;
use crate::ports::PortError;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What an archive held, and where it was laid.
#[derive(Debug, Serialize, Deserialize)]
pub struct Restored {
    pub letters: u64,
    pub files: u64,
    /// Files of letters that were gone already when the archive was written.
    pub absent: u64,
}

const UNFIT: &str = "this is no whole backup of a desk";

pub(super) fn unfit(why: &str) -> PortError {
    PortError::lasting(format!("{UNFIT}: {why}"))
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
            return Err(PortError::lasting(format!(
                "{} is there already: move it away first; nothing was changed",
                state.join(name).display()
            )));
        }
    }
    let spool = state.join(SPOOL);
    if std::fs::read_dir(&spool).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(PortError::lasting(format!(
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
        .map_err(|e| PortError::lasting(UNFIT).because(e))?;
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
pub(super) async fn in_doubt(store: &Path, now: Timestamp) -> Result<(), PortError> {
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
    sqlx::query("INSERT INTO journal (at, case_id, event, detail) VALUES (?, NULL, ?, '')")
        .bind(millis(now))
        .bind(JournalEvent::RestoredFromBackup.as_str())
        .execute(&mut store)
        .await
        .map_err(fault)?;
    store.close().await.map_err(fault)
}

/// Every entry of an archive, in its order: others than its own, and one that ends too soon, are
/// refused.
pub(super) fn take_apart(
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
                    return Err(PortError::lasting(format!(
                        "this backup has format {}, and this sealdesk reads {FORMAT}: use the \
                         version that wrote it",
                        read.format
                    )));
                }
                if read.schema > newest_schema() {
                    return Err(PortError::lasting(format!(
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

pub(super) fn unpack(path: &Path, content: &mut dyn Read) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    io::copy(content, &mut file)?;
    file.sync_all()
}

pub(super) fn made_durable(spool: &Path, folder: &Path) -> Result<(), PortError> {
    let synced = |path: PathBuf| {
        File::open(&path)
            .and_then(|f| f.sync_all())
            .map_err(here("make durable", &path))
    };
    synced(folder.join(STORE))?;
    synced(spool.to_owned())?;
    synced(folder.to_owned())
}
