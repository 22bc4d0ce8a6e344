//! How are keys written? The secret one for its owner alone, and neither over another.

use crate::cli::screen;
use crate::openpgp::GeneratedKey;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes an OpenPGP key and its certificate.
pub(super) fn write_pair(folder: &Path, stem: &str, key: &GeneratedKey) -> Result<()> {
    let secret = folder.join(format!("{stem}.secret.asc"));
    let public = folder.join(format!("{stem}.asc"));
    write_files(
        (&secret, key.secret_armored.expose()),
        (&public, key.public_armored.as_bytes()),
        &key.fingerprint,
    )
}

/// Writes a secret key, which the owner alone may read, and what is public of it. Nothing is
/// overwritten.
pub(super) fn write_files(
    (secret, key): (&Path, &[u8]),
    (public, certificate): (&Path, &[u8]),
    fingerprint: &str,
) -> Result<()> {
    if let Some(folder) = secret.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    if let Some(there) = [secret, public].into_iter().find(|path| path.exists()) {
        bail!(
            "{} exists; move it away first: a key is never overwritten",
            there.display()
        );
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(secret)
        .with_context(|| format!("cannot write {}", secret.display()))?;
    // Letters are sealed to it minutes from now.
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::write(public, certificate)
        .with_context(|| format!("cannot write {}", public.display()))?;
    screen::print(&format!("{fingerprint}  {}\n", secret.display()))?;
    screen::print(&format!("{fingerprint}  {}\n", public.display()))?;
    Ok(())
}
