//! How do many writers share one transaction, and so one fsync?
//!
//! One connection writes, behind a lock that serves in the order of asking. Whoever wrote asks for
//! the lock a second time to commit; those who asked meanwhile have written into the same
//! transaction by then, so its commit is theirs too, and none returns before it. A lone writer
//! waits for nobody.

use super::fault;
use crate::ports::PortError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, MutexGuard};

/// The one writer, shared.
pub(super) struct Commits(Mutex<Writer>);

struct Writer {
    connection: SqliteConnection,
    /// The transaction that is open, if one is.
    open: Option<Arc<Group>>,
    /// A turn that began and did not come to its end: it is taken back before anyone else writes.
    unfinished: Option<Turn>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The first in its transaction.
    First,
    /// A later one, which a savepoint sets apart.
    Later,
}

/// Those who write in one transaction; how it ended, once it did.
#[derive(Default)]
struct Group {
    ended: OnceLock<Result<(), String>>,
}

/// A turn to write. Dropped without `commit`, what was written in it is taken back.
pub(super) struct Writing<'c> {
    commits: &'c Commits,
    writer: MutexGuard<'c, Writer>,
    group: Arc<Group>,
}

impl Commits {
    /// Opens the one connection that writes; it stays open until the store is dropped.
    pub async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Ok(Self(Mutex::new(Writer {
            connection: options.connect().await?,
            open: None,
            unfinished: None,
        })))
    }

    /// Waits for a turn to write.
    pub async fn begin(&self) -> Result<Writing<'_>, PortError> {
        let mut writer = self.0.lock().await;
        let group = writer.join().await?;
        Ok(Writing {
            commits: self,
            writer,
            group,
        })
    }
}

impl Writer {
    async fn say(&mut self, statement: &'static str) -> Result<(), PortError> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(fault)
    }

    /// Joins the open transaction, or begins one that takes the write lock at once, so that it
    /// never fails half-way for want of it.
    async fn join(&mut self) -> Result<Arc<Group>, PortError> {
        self.tidy().await?;
        // Noted before it is done: whoever is cancelled in between leaves something to tidy.
        self.unfinished = Some(if self.open.is_some() {
            Turn::Later
        } else {
            Turn::First
        });
        let begun = Arc::clone(self.open.get_or_insert_default());
        self.say(if self.unfinished == Some(Turn::Later) {
            "SAVEPOINT turn"
        } else {
            "BEGIN IMMEDIATE"
        })
        .await?;
        Ok(begun)
    }

    /// Takes back what somebody left unfinished.
    async fn tidy(&mut self) -> Result<(), PortError> {
        let taken_back = match self.unfinished.take() {
            None => return Ok(()),
            Some(Turn::First) => Err(PortError::passing(
                "the first turn of a transaction was taken back",
            )),
            Some(Turn::Later) => match self.say("ROLLBACK TO turn").await {
                Ok(()) => self.say("RELEASE turn").await,
                failed => failed,
            },
        };
        // A fault such as a full disk may have rolled everything back; then the whole group failed.
        if let Err(err) = taken_back {
            self.end(Err(err.to_string())).await;
        }
        Ok(())
    }

    /// Ends the open transaction, for all who wrote in it.
    async fn end(&mut self, outcome: Result<(), String>) {
        let Some(group) = self.open.take() else {
            return;
        };
        if outcome.is_err() {
            // It may be gone already; what matters is that none is open now.
            let _ = self.say("ROLLBACK").await;
        }
        let _ = group.ended.set(outcome);
    }
}

impl Writing<'_> {
    /// Returns once what was written is durable.
    pub async fn commit(mut self) -> Result<(), PortError> {
        if self.writer.unfinished == Some(Turn::Later) {
            self.writer.say("RELEASE turn").await?;
        }
        self.writer.unfinished = None;
        let Self {
            commits,
            writer,
            group,
        } = self;
        drop(writer);
        let mut writer = commits.0.lock().await;
        if group.ended.get().is_none() {
            writer.tidy().await?;
        }
        if group.ended.get().is_none() {
            let outcome = writer.say("COMMIT").await.map_err(|e| e.to_string());
            writer.end(outcome).await;
        }
        match group.ended.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(PortError::passing(why.clone())),
            None => Err(PortError::passing("the store lost a transaction")),
        }
    }
}

impl Deref for Writing<'_> {
    type Target = SqliteConnection;
    fn deref(&self) -> &SqliteConnection {
        &self.writer.connection
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.writer.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use sqlx::sqlite::SqliteJournalMode;

    async fn commits() -> (tempfile::TempDir, Commits) {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("t"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let commits = Commits::open(&options).await.unwrap();
        let mut tx = commits.begin().await.unwrap();
        sqlx::query("CREATE TABLE t (n INTEGER PRIMARY KEY)")
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (folder, commits)
    }

    async fn insert(commits: &Commits, n: i64) -> Result<(), PortError> {
        let mut tx = commits.begin().await?;
        sqlx::query("INSERT INTO t VALUES (?)")
            .bind(n)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        tx.commit().await
    }

    async fn all(commits: &Commits) -> Vec<i64> {
        let mut tx = commits.begin().await.unwrap();
        sqlx::query_scalar("SELECT n FROM t ORDER BY n")
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn those_who_wait_share_a_commit_and_one_that_fails_spoils_no_other() {
        let (_folder, commits) = commits().await;
        // The second 2 breaks the primary key; wherever it stands, all others are saved.
        let outcomes = join_all([1, 2, 2, 3, 4].map(|n| insert(&commits, n))).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_err()).count(), 1);
        assert_eq!(all(&commits).await, [1, 2, 3, 4]);
        let outcomes = join_all([1, 5].map(|n| insert(&commits, n))).await;
        assert!(outcomes[0].is_err());
        assert!(
            outcomes[1].is_ok(),
            "one that fails first spoils nobody behind it"
        );
        assert_eq!(all(&commits).await, [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_is_taken_back() {
        let (_folder, commits) = commits().await;
        let mut dropped = commits.begin().await.unwrap();
        sqlx::query("INSERT INTO t VALUES (1)")
            .execute(&mut *dropped)
            .await
            .unwrap();
        drop(dropped);
        let among_others = async {
            let mut dropped = commits.begin().await.unwrap();
            sqlx::query("INSERT INTO t VALUES (7)")
                .execute(&mut *dropped)
                .await
                .map(drop)
                .map_err(fault)
        };
        let (two, seven, three) =
            futures::join!(insert(&commits, 2), among_others, insert(&commits, 3));
        assert!(two.is_ok() && seven.is_ok() && three.is_ok());
        assert_eq!(all(&commits).await, [2, 3]);
    }

    #[tokio::test]
    async fn what_was_committed_is_there_for_another_connection() {
        let (folder, commits) = commits().await;
        join_all((0..20).map(|n| insert(&commits, n)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let other = Commits::open(&SqliteConnectOptions::new().filename(folder.path().join("t")))
            .await
            .unwrap();
        assert_eq!(all(&other).await.len(), 20);
    }
}
