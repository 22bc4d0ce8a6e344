//! Which refresh token is the right one, when a server gives a new one at each use (RFC 6749
//! section 6)?
//!
//! The one that the server gave last. It rests in the desk's state, sealed under the configured one
//! that it descends from: a copy of the state alone opens no mailbox, and once the operator replaces
//! the configured one, the kept one counts no more. Whoever uses it holds a lock meanwhile, for some
//! servers take back everything when one token is used twice. Room for the next one is taken before
//! it is asked for, so that a full disk costs a request and no token.

use crate::adapters::net::login::SecretSource;
use crate::model::secret::Secret;
use crate::openpgp::{open_under, seal_under};
use crate::ports::PortError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the key of the seal is for.
const SEAL_LABEL: &str = "sealdesk refresh token 1";

/// In front of what is sealed.
const SEALED: &str = "sealed:";

/// No token is longer.
const KEPT_OCTETS_MAX: u64 = 64 * 1024;

/// Taken for the next token.
const ROOM_OCTETS: usize = 64 * 1024;

/// How long another process may take for its use of the token, and how often it is looked at.
const LOCK_S: u64 = 30;
const LOCK_LOOK_MS: u64 = 50;

/// Room for a new token, on the disk before the server is asked for one.
pub(super) struct Room {
    file: File,
    path: PathBuf,
    taken: bool,
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.taken {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The refresh token in use: the configured one, or what the server gave in exchange for it.
pub struct RefreshTokens {
    configured: SecretSource,
    /// In the desk's state folder, mode 0600.
    kept: PathBuf,
    /// One that could not be kept: it serves this process all the same.
    unkept: Option<Secret>,
}

impl RefreshTokens {
    /// `kept` is the file for tokens that the server gives; it need not exist.
    pub fn new(configured: SecretSource, kept: PathBuf) -> Self {
        Self {
            configured,
            kept,
            unkept: None,
        }
    }

    /// Waits until nobody else uses the token. The lock ends with what is returned.
    pub(super) async fn lock(&self) -> Result<Option<File>, PortError> {
        let path = self.kept.with_extension("lock");
        let file = match private(&path, false) {
            Ok(file) => file,
            // A token in a folder that is not there yet is nobody else's either.
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(err) => {
                let text = format!("cannot lock {}", path.display());
                return Err(PortError::passing(text).because(err));
            }
        };
        let looks = LOCK_S * 1000 / LOCK_LOOK_MS;
        for _ in 0..looks {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(Duration::from_millis(LOCK_LOOK_MS)).await;
                }
                Err(TryLockError::Error(err)) => {
                    let text = format!("cannot lock {}", path.display());
                    return Err(PortError::lasting(text).because(err));
                }
            }
        }
        let text = format!("somebody holds {} for {LOCK_S} s", path.display());
        Err(PortError::passing(text))
    }

    /// The token to use now.
    pub fn current(&self) -> Result<Secret, PortError> {
        if let Some(unkept) = &self.unkept {
            return Ok(unkept.clone());
        }
        let configured = (self.configured)()?;
        match kept_text(&self.kept) {
            Ok(text) => Ok(descendant(&configured, &text).unwrap_or(configured)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(configured),
            Err(err) => {
                let text = format!("cannot read the refresh token in {}", self.kept.display());
                Err(PortError::lasting(text).because(err))
            }
        }
    }

    /// Takes room for a token that the server may give. `None` where there is no folder for it.
    pub(super) fn reserve(&self) -> Result<Option<Room>, PortError> {
        let path = self.kept.with_extension("part");
        let _ = std::fs::remove_file(&path);
        let no_room = |err: std::io::Error| {
            let text = format!(
                "the token server is not asked while no new refresh token could be kept in {}",
                path.display()
            );
            PortError::passing(text).because(err)
        };
        let file = match private(&path, true) {
            Ok(file) => file,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(no_room(err)),
        };
        let mut room = Room {
            file,
            path: path.clone(),
            taken: false,
        };
        let filled = room.file.write_all(&[b' '; ROOM_OCTETS]);
        filled
            .and_then(|()| room.file.sync_all())
            .map_err(no_room)?;
        Ok(Some(room))
    }

    /// Remembers the one that the server gave in place of the last.
    pub(super) fn rotate(&mut self, room: Option<Room>, token: Secret) {
        match self.write(room, &token) {
            Ok(()) => self.unkept = None,
            Err(err) => {
                tracing::error!(
                    file = %self.kept.display(),
                    error = %err,
                    "a new refresh token could not be kept: it is lost when the desk stops"
                );
                self.unkept = Some(token);
            }
        }
    }

    fn write(&self, room: Option<Room>, token: &Secret) -> std::io::Result<()> {
        let mut room = room.ok_or(std::io::ErrorKind::NotFound)?;
        let configured = (self.configured)().map_err(std::io::Error::other)?;
        let sealed = seal_under(&configured, SEAL_LABEL, token)
            .ok_or_else(|| std::io::Error::other("the token cannot be sealed"))?;
        let text = format!("{SEALED}{}\n", STANDARD.encode(sealed));
        // Over what is there already, and only then shorter.
        room.file.rewind()?;
        room.file.write_all(text.as_bytes())?;
        room.file.set_len(text.len() as u64)?;
        room.file.sync_all()?;
        std::fs::rename(&room.path, &self.kept)?;
        room.taken = true;
        Ok(())
    }
}

/// A file of mode 0600, made where it is not there. It belongs to whom its folder belongs to:
/// `check` may run as root, and the token must stay the desk's. A desk that was taken over may have
/// laid anything there, so nothing is followed, waited for, or given away but what was made here.
fn private(path: &Path, anew: bool) -> std::io::Result<File> {
    let mut made = OpenOptions::new();
    made.write(true).create_new(true).mode(0o600);
    match made.open(path) {
        Ok(file) => {
            if let (Some(folder), true) = (path.parent(), nix::unistd::geteuid().is_root()) {
                let owner = std::fs::symlink_metadata(folder)?;
                std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
            }
            Ok(file)
        }
        Err(err) if !anew && err.kind() == std::io::ErrorKind::AlreadyExists => {
            plain(path, OpenOptions::new().write(true))
        }
        Err(err) => Err(err),
    }
}

/// A plain file under one name, and nothing that a link, a pipe or a device leads to.
fn plain(path: &Path, how: &mut OpenOptions) -> std::io::Result<File> {
    let file = how
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 {
        Ok(file)
    } else {
        Err(std::io::Error::other("it is no plain file"))
    }
}

fn kept_text(path: &Path) -> std::io::Result<String> {
    let file = plain(path, OpenOptions::new().read(true))?;
    let mut text = String::new();
    file.take(KEPT_OCTETS_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The token of a kept file, where it descends from the configured one.
fn descendant(configured: &Secret, text: &str) -> Option<Secret> {
    let sealed = STANDARD.decode(text.strip_prefix(SEALED)?.trim()).ok()?;
    open_under(configured, SEAL_LABEL, &sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn tokens(folder: &Path, configured: &'static str) -> RefreshTokens {
        let source: SecretSource =
            Arc::new(move || Ok(Secret::new(configured.as_bytes().to_vec())));
        RefreshTokens::new(source, folder.join("mailbox.token"))
    }

    #[test]
    fn a_rotated_token_outlives_the_process_until_the_operator_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = tokens(folder.path(), "one");
        assert_eq!(first.current().unwrap().expose(), b"one");
        let room = first.reserve().unwrap();
        first.rotate(room, Secret::new(b"two".to_vec()));
        let current = |configured| tokens(folder.path(), configured).current().unwrap();
        assert_eq!(current("one").expose(), b"two");
        assert_eq!(current("three").expose(), b"three");
        let kept = folder.path().join("mailbox.token");
        assert_eq!(std::fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(kept).unwrap();
        assert!(!text.contains("two"), "it rests readable: {text}");
        let mut homeless = tokens(&folder.path().join("absent"), "one");
        let room = homeless.reserve().unwrap();
        assert!(room.is_none());
        homeless.rotate(room, Secret::new(b"two".to_vec()));
        assert_eq!(homeless.current().unwrap().expose(), b"two");
    }

    #[test]
    fn room_that_nothing_was_put_into_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = tokens(folder.path(), "one");
        let room = tokens.reserve().unwrap().unwrap();
        let part = folder.path().join("mailbox.part");
        assert_eq!(std::fs::metadata(&part).unwrap().len(), ROOM_OCTETS as u64);
        drop(room);
        assert!(!part.exists());
    }

    #[test]
    fn without_room_the_server_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = tokens(folder.path(), "one");
        std::fs::create_dir(folder.path().join("mailbox.part")).unwrap();
        let refused = tokens.reserve().err().unwrap();
        assert!(!refused.is_lasting());
        assert!(refused.to_string().contains("mailbox.part"), "{refused}");
    }

    /// Root checks a desk whose user was taken over.
    #[tokio::test]
    async fn nothing_that_was_laid_in_the_way_is_followed_or_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "not ours").unwrap();
        let desk = folder.path().join("desk");
        std::fs::create_dir(&desk).unwrap();
        for end in ["lock", "token"] {
            let at = desk.join(format!("mailbox.{end}"));
            std::os::unix::fs::symlink(&elsewhere, &at).unwrap();
            let tokens = tokens(&desk, "one");
            let refused = match end {
                "lock" => tokens.lock().await.err(),
                _ => tokens.current().err(),
            };
            assert!(refused.is_some(), "{end}: a link was followed");
            std::fs::remove_file(&at).unwrap();
            std::fs::hard_link(&elsewhere, &at).unwrap();
            assert!(kept_text(&at).is_err() && private(&at, false).is_err());
            std::fs::remove_file(&at).unwrap();
            nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRUSR).unwrap();
            assert!(kept_text(&at).is_err() && private(&at, false).is_err());
            std::fs::remove_file(&at).unwrap();
        }
        assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "not ours");
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_uses_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let (mailbox, courier) = (tokens(folder.path(), "one"), tokens(folder.path(), "one"));
        let held = mailbox.lock().await.unwrap();
        let refused = courier.lock().await.unwrap_err();
        assert!(!refused.is_lasting() && refused.to_string().contains("mailbox.lock"));
        drop(held);
        assert!(courier.lock().await.unwrap().is_some());
    }
}
