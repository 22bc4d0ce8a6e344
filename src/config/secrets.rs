//! Which file does a path of the config name, and what secret is in it?
//!
//! `${NAME}` in a path is taken from the environment, so that systemd's `${CREDENTIALS_DIRECTORY}`
//! works; nothing else is expanded.

use super::error::ConfigError;
use crate::model::secret::Secret;
use std::path::{Path, PathBuf};

/// Where systemd keeps the credentials of the running desk, for whoever may look there: root, with
/// `sealdesk check`.
const CREDENTIALS: &str = "/run/credentials/sealdesk.service";

fn variable(name: &str) -> Option<String> {
    let said = std::env::var(name).ok();
    said.or_else(|| {
        (name == "CREDENTIALS_DIRECTORY" && Path::new(CREDENTIALS).is_dir())
            .then(|| CREDENTIALS.to_owned())
    })
}

/// Expands `${NAME}` in a path.
pub fn expanded(key: &'static str, path: &Path) -> Result<PathBuf, ConfigError> {
    let text = path.to_string_lossy();
    let Some((before, rest)) = text.split_once("${") else {
        return Ok(path.to_owned());
    };
    let Some((name, after)) = rest.split_once('}') else {
        return Err(ConfigError::Value(
            key,
            format!("{text:?} has a ${{ without its }}"),
        ));
    };
    let value = variable(name).ok_or_else(|| ConfigError::Variable(key, name.to_owned()))?;
    Ok(PathBuf::from(format!("{before}{value}{after}")))
}

/// Reads a secret file: it must exist, hold something, and not be readable by everyone.
pub fn secret(key: &'static str, path: &Path) -> Result<Secret, ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let path = expanded(key, path)?;
    let shown = path.display().to_string();
    let absent = |e| ConfigError::SecretAbsent(key, shown.clone(), e);
    let mode = std::fs::metadata(&path)
        .map_err(absent)?
        .permissions()
        .mode();
    if mode & 0o004 != 0 {
        return Err(ConfigError::SecretOpen(key, shown));
    }
    let mut octets = std::fs::read(&path).map_err(absent)?;
    while octets.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        octets.pop();
    }
    if octets.is_empty() {
        Err(ConfigError::SecretEmpty(key, shown))
    } else {
        Ok(Secret::new(octets))
    }
}
