//! Which refresh token is the right one, when a server gives a new one at each use (RFC 6749
//! section 6)?
//!
//! The one that the server gave last, kept beside the store under the digest of the configured one
//! that it descends from. Once the operator replaces the configured one, the kept one counts no
//! more.

use super::login::SecretSource;
use crate::model::secret::{self, Secret};
use crate::ports::PortError;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

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

    pub(super) fn current(&self) -> Result<Secret, PortError> {
        if let Some(unkept) = &self.unkept {
            return Ok(unkept.clone());
        }
        let configured = (self.configured)()?;
        let text = match std::fs::read_to_string(&self.kept) {
            Ok(text) => text,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(configured),
            Err(err) => {
                return Err(PortError::lasting(format!(
                    "cannot read the refresh token in {}",
                    self.kept.display()
                ))
                .because(err));
            }
        };
        match text.split_once('\n') {
            Some((origin, token)) if origin == digest(&configured) => {
                Ok(Secret::new(token.trim().as_bytes().to_vec()))
            }
            _ => Ok(configured),
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
        let part = self.kept.with_extension("part");
        let _ = std::fs::remove_file(&part);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(format!("{}\n", digest(&configured)).as_bytes())?;
        file.write_all(token.expose())?;
        file.sync_all()?;
        // `check` may run as root; the token must stay the desk's.
        if let (Some(folder), true) = (self.kept.parent(), nix::unistd::geteuid().is_root()) {
            let owner = std::fs::metadata(folder)?;
            std::os::unix::fs::chown(&part, Some(owner.uid()), Some(owner.gid()))?;
        }
        std::fs::rename(&part, &self.kept)
    }
}

/// Tells configured tokens apart and gives none away.
fn digest(configured: &Secret) -> String {
    secret::mac(configured.expose(), &[b"sealdesk refresh token"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_rotated_token_outlives_the_process_until_the_operator_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = |configured: &'static str| {
            let source: SecretSource =
                Arc::new(move || Ok(Secret::new(configured.as_bytes().to_vec())));
            RefreshTokens::new(source, folder.path().join("mailbox.token"))
        };
        let mut first = tokens("one");
        assert_eq!(first.current().unwrap().expose(), b"one");
        first.rotate(Secret::new(b"two".to_vec()));
        assert_eq!(tokens("one").current().unwrap().expose(), b"two");
        assert_eq!(tokens("three").current().unwrap().expose(), b"three");
        assert_eq!(
            std::fs::metadata(folder.path().join("mailbox.token"))
                .unwrap()
                .mode()
                & 0o777,
            0o600
        );
        let mut homeless = RefreshTokens::new(
            Arc::new(|| Ok(Secret::new(b"one".to_vec()))),
            folder.path().join("absent/x.token"),
        );
        homeless.rotate(Secret::new(b"two".to_vec()));
        assert_eq!(homeless.current().unwrap().expose(), b"two");
    }
}
