//! How does a secret reach the units of systemd? As a credential beside the config, encrypted where
//! systemd can, and a line of a drop-in that hands it to the desk.

use crate::cli::CONFIG_PATH;
use crate::model::secret::Secret;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the unit looks for credentials that this program wrote.
pub const DROP_IN: &str = "/etc/systemd/system/sealdesk.service.d/credentials.conf";

/// The first lines of a drop-in.
const HEAD: &str =
    "# Written by `sealdesk init`: each secret is a file that only PID 1 reads.\n[Service]\n";

/// Whether the units of systemd run a desk of this config, and we may tell them what to do.
pub fn is_managed(config: &Path) -> bool {
    config == Path::new(CONFIG_PATH)
        && Path::new("/run/systemd/system").is_dir()
        && nix::unistd::geteuid().is_root()
}

/// Where credentials of a desk with this config lie.
pub fn folder(config: &Path) -> PathBuf {
    config.parent().unwrap_or(Path::new("/")).join("secrets")
}

/// What [`write()`] wrote into this folder under this name, where it can be read.
pub fn read(folder: &Path, name: &str) -> Option<Secret> {
    let sealed = folder.join(format!("{name}.cred"));
    let mut octets = if sealed.exists() {
        let opened = Command::new("systemd-creds")
            .args(["decrypt", &format!("--name={name}")])
            .arg(&sealed)
            .arg("-")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        opened.status.success().then_some(opened.stdout)?
    } else {
        std::fs::read(folder.join(name)).ok()?
    };
    while octets
        .last()
        .is_some_and(|octet| matches!(octet, b'\n' | b'\r'))
    {
        octets.pop();
    }
    (!octets.is_empty()).then(|| Secret::new(octets))
}

/// Writes a credential into this folder, encrypted where systemd can; the line by which the unit
/// loads it.
pub fn write(folder: &Path, name: &str, secret: &[u8]) -> Result<String> {
    let sealed = folder.join(format!("{name}.cred"));
    let _ = std::fs::remove_file(&sealed);
    // By the machine's own key: one of its TPM's would be lost with the next change of firmware.
    let made = Command::new("systemd-creds")
        .args(["encrypt", "--with-key=host", &format!("--name={name}"), "-"])
        .arg(&sealed)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = made {
        let written = child
            .stdin
            .take()
            .is_some_and(|mut input| input.write_all(secret).is_ok());
        if child.wait()?.success() && written {
            return Ok(format!(
                "LoadCredentialEncrypted={name}:{}\n",
                sealed.display()
            ));
        }
    }
    let _ = std::fs::remove_file(&sealed);
    let plain = folder.join(name);
    anew(&plain, secret)?;
    Ok(format!("LoadCredential={name}:{}\n", plain.display()))
}

/// Has the unit load these credentials, in place of those of the same names.
pub fn hand_over(lines: &[String]) -> Result<()> {
    let path = Path::new(DROP_IN);
    std::fs::create_dir_all(path.parent().unwrap_or(path))
        .context("cannot make the folder of the drop-in")?;
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => HEAD.to_owned(),
        Err(err) => return Err(err).with_context(|| format!("cannot read {DROP_IN}")),
    };
    public_file(path, with_lines(&before, lines).as_bytes())
}

/// The drop-in with these lines, and without others that load what they load.
fn with_lines(drop_in: &str, lines: &[String]) -> String {
    let names: Vec<&str> = lines
        .iter()
        .filter_map(|line| credential_name(line))
        .collect();
    let others = drop_in.lines();
    let others = others.filter(|line| !credential_name(line).is_some_and(|n| names.contains(&n)));
    let mut text: String = others.map(|line| format!("{line}\n")).collect();
    text.extend(lines.iter().map(String::as_str));
    text
}

/// Which credential a line of a drop-in loads.
fn credential_name(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let loads = ["LoadCredential", "LoadCredentialEncrypted"].contains(&key.trim());
    let name = value.split(':').next().unwrap_or(value).trim();
    loads.then_some(name)
}

/// Tells systemd to do something.
pub fn systemctl(arguments: &[&str]) -> Result<()> {
    let ended = Command::new("systemctl")
        .args(arguments)
        .status()
        .context("systemctl cannot be run")?;
    if ended.success() {
        Ok(())
    } else {
        bail!("systemctl {} failed", arguments.join(" "))
    }
}

/// A file that its owner alone reads, in place of what an earlier try left.
pub fn anew(path: &Path, octets: &[u8]) -> Result<()> {
    let _ = std::fs::remove_file(path);
    private_file(path, octets)
}

/// The same for another user and group, to whom it is given before anything stands in it.
pub fn anew_for(path: &Path, octets: &[u8], owner: Option<(u32, u32)>) -> Result<()> {
    let _ = std::fs::remove_file(path);
    private_file_for(path, octets, owner)
}

/// A new file that its owner alone reads.
pub fn private_file(path: &Path, octets: &[u8]) -> Result<()> {
    private_file_for(path, octets, None)
}

fn private_file_for(path: &Path, octets: &[u8], owner: Option<(u32, u32)>) -> Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
    }
    file.write_all(octets)?;
    Ok(file.sync_all()?)
}

/// A file that both users of the desk read, whatever the umask is.
pub fn public_file(path: &Path, octets: &[u8]) -> Result<()> {
    let shown = || format!("cannot write {}", path.display());
    std::fs::write(path, octets).with_context(shown)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).with_context(shown)
}

/// The name of the credential that a path of the config stands for.
pub fn named_by(path: &Path) -> Option<String> {
    let name = path.strip_prefix("${CREDENTIALS_DIRECTORY}").ok()?;
    let name: PathBuf = name.to_owned();
    (name.components().count() == 1).then(|| name.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_comes_again_takes_the_place_of_the_old_one() {
        let drop_in =
            format!("{HEAD}LoadCredential=a:/x/a\nLoadCredentialEncrypted=ab:/x/ab.cred\n");
        let after = with_lines(
            &drop_in,
            &["LoadCredentialEncrypted=a:/x/a.cred\n".to_owned()],
        );
        assert_eq!(
            after,
            format!(
                "{HEAD}LoadCredentialEncrypted=ab:/x/ab.cred\nLoadCredentialEncrypted=a:/x/a.cred\n"
            )
        );
    }

    #[test]
    fn a_credential_that_was_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), "mail-client-secret").is_none());
        // Encrypted where this machine's systemd can, else a plain file: read either way.
        let line = write(folder.path(), "mail-client-secret", b"s3cret\n").unwrap();
        assert!(line.contains("mail-client-secret"), "{line}");
        let secret = read(folder.path(), "mail-client-secret").unwrap();
        assert_eq!(secret.expose(), b"s3cret");
    }

    #[test]
    fn a_path_below_the_credentials_folder_names_one() {
        let named = |path: &str| named_by(Path::new(path));
        assert_eq!(
            named("${CREDENTIALS_DIRECTORY}/mail-token"),
            Some("mail-token".to_owned())
        );
        assert_eq!(named("/etc/mail-token"), None);
        assert_eq!(named("${CREDENTIALS_DIRECTORY}/a/b"), None);
        assert_eq!(named("${CREDENTIALS_DIRECTORY}"), None);
    }
}
