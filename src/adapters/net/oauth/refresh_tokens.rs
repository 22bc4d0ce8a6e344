//! Which refresh token is the right one, when a server gives a new one at each use (RFC 6749
//! section 6)?
//!
//! The one that the server gave last. It rests in the desk's state, sealed under the configured one
//! that it descends from: a copy of the state alone opens no mailbox, and once the operator replaces
//! the configured one, the kept one counts no more. Whoever uses it holds a lock meanwhile, for some
//! servers take back everything when one token is used twice.

use crate::adapters::net::login::SecretSource;
use crate::model::secret::{self, Secret};
use crate::openpgp::{open_under, seal_under};
use crate::ports::PortError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the key of the seal is for.
const SEAL_LABEL: &str = "sealdesk refresh token 1";

/// In front of what is sealed.
const SEALED: &str = "sealed:";

/// How long another process may take for its use of the token, and how often it is looked at.
const LOCK_S: u64 = 60;
const LOCK_LOOK_MS: u64 = 50;

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
        // A token in a folder that is not there yet is nobody else's either.
        let Ok(file) = private(&path, OpenOptions::new().create(true).truncate(false)) else {
            return Ok(None);
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
        match std::fs::read_to_string(&self.kept) {
            Ok(text) => Ok(descendant(&configured, &text).unwrap_or(configured)),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(configured),
            Err(err) => {
                let text = format!("cannot read the refresh token in {}", self.kept.display());
                Err(PortError::lasting(text).because(err))
            }
        }
    }

    /// Remembers the one that the server gave in place of the last.
    pub(super) fn rotate(&mut self, token: Secret) {
        match self.write(&token) {
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

    fn write(&self, token: &Secret) -> std::io::Result<()> {
        let configured = (self.configured)().map_err(std::io::Error::other)?;
        let sealed = seal_under(&configured, SEAL_LABEL, token)
            .ok_or_else(|| std::io::Error::other("the token cannot be sealed"))?;
        let part = self.kept.with_extension("part");
        let _ = std::fs::remove_file(&part);
        let mut file = private(&part, OpenOptions::new().create_new(true))?;
        file.write_all(format!("{SEALED}{}\n", STANDARD.encode(sealed)).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, &self.kept)
    }
}

/// A file of mode 0600 that belongs to whom its folder belongs to: `check` may run as root, and the
/// token must stay the desk's.
fn private(path: &Path, how: &mut OpenOptions) -> std::io::Result<File> {
    let file = how.write(true).mode(0o600).open(path)?;
    if let (Some(folder), true) = (path.parent(), nix::unistd::geteuid().is_root()) {
        let owner = std::fs::metadata(folder)?;
        std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(file)
}

/// The token of a kept file, where it descends from the configured one.
fn descendant(configured: &Secret, text: &str) -> Option<Secret> {
    // Versions before 0.2 kept it readable, below the digest of the configured one.
    if let Some((digest, token)) = text.split_once('\n')
        && digest == secret::mac(configured.expose(), &[b"sealdesk refresh token"])
    {
        return Some(Secret::new(token.trim().as_bytes().to_vec()));
    }
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
        first.rotate(Secret::new(b"two".to_vec()));
        let current = |configured| tokens(folder.path(), configured).current().unwrap();
        assert_eq!(current("one").expose(), b"two");
        assert_eq!(current("three").expose(), b"three");
        let kept = folder.path().join("mailbox.token");
        assert_eq!(std::fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(kept).unwrap();
        assert!(!text.contains("two"), "it rests readable: {text}");
        let mut homeless = tokens(&folder.path().join("absent"), "one");
        homeless.rotate(Secret::new(b"two".to_vec()));
        assert_eq!(homeless.current().unwrap().expose(), b"two");
    }

    #[test]
    fn a_token_that_an_earlier_version_kept_is_taken_and_sealed_at_its_next_use() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("mailbox.token");
        let digest = secret::mac(b"one", &[b"sealdesk refresh token"]);
        std::fs::write(&kept, format!("{digest}\ntwo")).unwrap();
        let mut tokens = tokens(folder.path(), "one");
        assert_eq!(tokens.current().unwrap().expose(), b"two");
        tokens.rotate(Secret::new(b"three".to_vec()));
        assert_eq!(tokens.current().unwrap().expose(), b"three");
        assert!(std::fs::read_to_string(kept).unwrap().starts_with(SEALED));
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
