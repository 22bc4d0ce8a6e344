//! Where do cases and letters rest? SQLite in WAL mode with synchronous=FULL, and sealed files
//! beside it.

mod cases;
mod commits;
mod correspondence;
mod decisions;
mod effects;
mod keeping;
mod letters;
mod mailbox_progress;
mod measures;
#[cfg(test)]
mod plans;
mod purge;
mod spool;
mod text_tags;
mod threads;

pub use keeping::{Restored, look_through, restore};

use crate::model::Timestamp;
use crate::openpgp::SealTo;
use crate::ports::PortError;
use commits::{Commits, Writing};
use decisions::apply;
use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Connections that read, beside the one that writes.
const READING_CONNECTIONS_MAX: u32 = 2;

/// How long a writer waits for another.
const BUSY_S: u64 = 20;

static MIGRATIONS: Migrator = sqlx::migrate!("src/adapters/sqlite/migrations");

/// The newest schema that this version knows.
fn newest_schema() -> i64 {
    MIGRATIONS
        .iter()
        .map(|m| m.version)
        .max()
        .unwrap_or_default()
}

/// All that rests, in one folder: `desk.sqlite`, and a file for each letter that is too large for a
/// row.
pub struct SqliteStore {
    /// For reading alone: all writing goes through `commits`.
    pool: SqlitePool,
    commits: Commits,
    spool: PathBuf,
    seal: Arc<SealTo>,
    /// Held while all of it is archived, and while something is erased.
    keeping: Mutex<()>,
}

impl SqliteStore {
    /// Opens the store in this folder, making or migrating it. A store of a newer version is
    /// refused, and one that is gone is not begun anew over what it left.
    pub async fn open(folder: &Path, seal: SealTo) -> Result<Self, PortError> {
        let spool = folder.join("spool");
        let is_left = folder.join("desk.secret").exists()
            || std::fs::read_dir(&spool).is_ok_and(|mut files| files.next().is_some());
        if is_left && !folder.join("desk.sqlite").exists() {
            let shown = folder.display();
            return Err(PortError::lasting(format!(
                "the store of {shown} is gone, and what belongs to it is there: move {shown} \
                 away, then restore a backup or begin anew"
            )));
        }
        let made = std::fs::create_dir_all(&spool).and_then(|()| private(folder));
        made.map_err(|e| {
            PortError::lasting(format!("cannot make the state folder {}", folder.display()))
                .because(e)
        })?;
        let store = Self::open_as_it_is(folder, seal).await?;
        keep_before_migration(&store.pool, folder).await?;
        let shown = folder.join("desk.sqlite").display().to_string();
        MIGRATIONS.run(&store.pool).await.map_err(|err| match err {
            sqlx::migrate::MigrateError::VersionMissing(version) => PortError::lasting(format!(
                "the store {shown} was written by a newer sealdesk (schema {version}): install \
                 that version again, or restore an older backup"
            )),
            other => PortError::lasting(format!("cannot migrate the store {shown}")).because(other),
        })?;
        Ok(store)
    }

    /// Opens a store that is there, whichever version wrote it.
    pub async fn open_as_it_is(folder: &Path, seal: SealTo) -> Result<Self, PortError> {
        let (spool, file) = (folder.join("spool"), folder.join("desk.sqlite"));
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is erased is overwritten.
            .pragma("secure_delete", "ON")
            .busy_timeout(Duration::from_secs(BUSY_S))
            // Each statement would be formatted for a log that nobody may read.
            .disable_statement_logging();
        let shown = file.display().to_string();
        let pool = SqlitePoolOptions::new()
            .max_connections(READING_CONNECTIONS_MAX)
            .connect_with(options.clone())
            .await;
        let pool = pool
            .map_err(|e| PortError::lasting(format!("cannot open the store {shown}")).because(e))?;
        let sound: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&pool)
            .await;
        match sound {
            Ok(verdict) if verdict == "ok" => {}
            Ok(verdict) => {
                return Err(PortError::lasting(format!(
                    "the store {shown} is damaged ({verdict}): restore it from a backup; nothing \
                     was written to it"
                )));
            }
            Err(err) => {
                return Err(
                    PortError::lasting(format!("the store {shown} cannot be read")).because(err),
                );
            }
        }
        let commits = Commits::open(&options).await.map_err(fault)?;
        Ok(Self {
            pool,
            commits,
            spool,
            seal: Arc::new(seal),
            keeping: Mutex::default(),
        })
    }

    /// The folder of the store, and of what stands beside it.
    fn state(&self) -> &Path {
        self.spool.parent().unwrap_or(&self.spool)
    }

    /// A turn to write: what is written in it is saved whole, or not at all.
    async fn writing(&self) -> Result<Writing<'_>, PortError> {
        self.commits.begin().await
    }
}

const KEPT: &str = "desk.sqlite.schema-";

/// Removes what a migration kept of the store before it.
fn forget_before_migration(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(KEPT) {
            std::fs::remove_file(entry.path())?;
            tracing::info!("the copy from before the last migration is removed");
        }
    }
    Ok(())
}

/// Before a store is changed for good, the one that it was is laid beside it:
/// `desk.sqlite.schema-N`, the last one alone.
async fn keep_before_migration(pool: &SqlitePool, folder: &Path) -> Result<(), PortError> {
    // A store that is new has no such table yet.
    let Ok(Some(schema)) =
        sqlx::query_scalar::<_, Option<i64>>("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(pool)
            .await
    else {
        return Ok(());
    };
    if schema >= newest_schema() {
        return Ok(());
    }
    let not_kept = |e: std::io::Error| {
        PortError::lasting("cannot keep a copy of the store before it is migrated").because(e)
    };
    forget_before_migration(folder).map_err(not_kept)?;
    let kept = folder.join(format!("{KEPT}{schema}"));
    keeping::copy_store(&mut *pool.acquire().await.map_err(fault)?, &kept).await?;
    std::fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(not_kept)
}

fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    use std::os::unix::fs::PermissionsExt;
    // Whoever may use a socket in it must be able to pass through; nobody else's eyes reach the
    // rest.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?;
    std::fs::set_permissions(folder.join("spool"), std::fs::Permissions::from_mode(0o700))?;
    // SQLite gives its journal the mode of the database.
    std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("desk.sqlite"))
        .map(drop)
}

/// SQLite's result code for a full disk.
const SQLITE_FULL: &str = "13";

/// A fault of the database. A full disk or a lock may pass; the text of SQLite names no content.
fn fault(err: sqlx::Error) -> PortError {
    if err
        .as_database_error()
        .and_then(|e| e.code())
        .is_some_and(|code| code == SQLITE_FULL)
    {
        return disk_is_full();
    }
    PortError::passing("the store refused").because(err)
}

fn disk_is_full() -> PortError {
    PortError::passing(
        "the disk of the store (desk.state) is full: make room; letters wait on the mail server \
         meanwhile",
    )
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn time(millis: i64) -> Result<Timestamp, PortError> {
    Timestamp::from_millisecond(millis).map_err(|_| damaged("a time"))
}

/// A value in the store that this version would never have written.
fn damaged(what: &str) -> PortError {
    PortError::lasting(format!(
        "the store holds {what} that cannot be read: it is damaged or was changed by hand"
    ))
}
