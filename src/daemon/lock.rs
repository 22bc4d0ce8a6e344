//! How does one state folder have one desk?

use super::LOCK_S;
use crate::config::Settings;
use anyhow::{Context, Result, bail};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// Holds the lock that keeps a second desk from the same state.
pub struct Lock {
    pub(super) _file: std::fs::File,
}

/// Takes the state folder for this process, waiting for a command that holds it for a moment.
pub fn lock(settings: &Settings) -> Result<Lock> {
    let until = std::time::Instant::now() + Duration::from_secs(LOCK_S);
    loop {
        match try_lock(settings)? {
            Some(lock) => return Ok(lock),
            None if std::time::Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(50))
            }
            None => bail!(
                "another desk runs on {}: stop it first",
                settings.state.display()
            ),
        }
    }
}

/// Takes the state folder, unless another process has it.
pub fn try_lock(settings: &Settings) -> Result<Option<Lock>> {
    std::fs::create_dir_all(&settings.state)
        .with_context(|| format!("cannot make the state folder {}", settings.state.display()))?;
    let path = settings.state.join("desk.lock");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(err)) => {
            Err(err).context(format!("cannot lock {}", path.display()))
        }
    }
}
