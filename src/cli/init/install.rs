//! Where does everything go, and how is it started? Below the config's folder, and by systemd where
//! it runs.

use crate::cli::credentials::{self, DROP_IN, anew, public_file, systemctl};
use crate::cli::init::plan::{CA_FILE, Places, Plan};
use crate::cli::key;
use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::AccessFlags;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What StateDirectory= of the unit makes.
pub const STATE: &str = "/var/lib/sealdesk";

/// The folder of the config, and what lies in it.
pub struct Home {
    pub folder: PathBuf,
    config: PathBuf,
}

impl Home {
    /// The folder of this config file, made absolute; it need not exist. Fails for a path without a
    /// folder.
    pub fn at(config: &Path) -> Result<Self> {
        let config = std::path::absolute(config)?;
        let folder = config
            .parent()
            .context("the config needs a folder")?
            .to_owned();
        Ok(Self { folder, config })
    }

    /// Nothing that stands there would be overwritten.
    pub fn is_free(&self) -> Result<()> {
        let drop_in = Path::new(DROP_IN);
        let in_the_way = [self.config.as_path(), drop_in]
            .into_iter()
            .find(|path| path.exists() && (*path != drop_in || self.is_managed()));
        match in_the_way {
            Some(path) => bail!(
                "{} exists: edit it and run `sealdesk check`, or move it away first",
                path.display()
            ),
            None => Ok(()),
        }
    }

    /// Fails where what is asked for could not be written in the end: by somebody who may not, or
    /// on a machine without the desk's users.
    pub fn is_ready(&self) -> Result<()> {
        if self.is_managed() {
            refuse_without_user()?;
        }
        let there = self.folder.ancestors().find(|path| path.exists());
        let there = there.unwrap_or(Path::new("/"));
        let may = AccessFlags::W_OK | AccessFlags::X_OK;
        if !there.is_dir() {
            bail!(
                "{} is no folder: name another one by --config",
                there.display()
            );
        }
        nix::unistd::access(there, may).map_err(|why| {
            anyhow!(
                "nothing can be written into {} ({}), where {} is to be: run it as root (sudo \
                 sealdesk init), or name a file of your own, such as --config \
                 ~/sealdesk/sealdesk.toml",
                there.display(),
                why.desc(),
                self.config.display()
            )
        })
    }

    /// Whether the units of systemd run a desk of this config, and we may tell them what to do.
    pub fn is_managed(&self) -> bool {
        credentials::is_managed(&self.config)
    }
}

/// Writes keys, certificates, credentials and config; what the operator should know of each.
pub fn write(home: &Home, plan: &Plan) -> Result<Vec<String>> {
    let managed = home.is_managed();
    let (keys, secrets) = (home.folder.join("keys"), home.folder.join("secrets"));
    private_folder(&keys)?;
    private_folder(&secrets)?;
    make_keys(&keys, plan)?;
    write_certificates(home, &keys, plan)?;
    let mut notes = vec![format!(
        "{} holds the secret keys: keep a copy of its four files offline",
        keys.display()
    )];
    let places = if managed {
        notes.push(write_credentials(&secrets, plan)?);
        managed_places(home)
    } else {
        for (name, secret) in plan.secrets() {
            anew(&secrets.join(name), secret.expose())?;
        }
        unmanaged_places(home, &keys, &secrets)
    };
    public_file(&home.config, plan.config(&places).as_bytes())?;
    Ok(notes)
}

fn refuse_without_user() -> Result<()> {
    if nix::unistd::User::from_name("sealdesk")
        .ok()
        .flatten()
        .is_none()
    {
        bail!(
            "there is no user sealdesk: run `make install` first, which makes it; nothing was \
             written"
        );
    }
    Ok(())
}

fn make_keys(keys: &Path, plan: &Plan) -> Result<()> {
    // What an earlier try left stays in use.
    if !keys.join("security.secret.asc").exists() {
        key::make_mail(
            plan.address.as_str(),
            &plan.name,
            key::ProfileName::V4,
            keys,
        )?;
    }
    key::make_storage(keys)
}

/// Beside the config: the CA of the mail servers, the desk's own certificates, and those of
/// responders.
fn write_certificates(home: &Home, keys: &Path, plan: &Plan) -> Result<()> {
    if let Some(ca) = &plan.ca {
        public_file(&home.folder.join(CA_FILE), ca)?;
    }
    for name in ["security.asc", "storage.asc"] {
        let certificate = std::fs::read(keys.join(name)).with_context(|| {
            format!(
                "{} is needed beside the secret keys",
                keys.join(name).display()
            )
        })?;
        public_file(&home.folder.join(name), &certificate)?;
    }
    for responder in &plan.responders {
        public_file(
            &home.folder.join(responder.file_name()),
            responder.certificate.as_bytes(),
        )?;
    }
    Ok(())
}

/// Writes the secrets as credentials of systemd, and the drop-in that hands them to the desk; what
/// the operator should know of it.
fn write_credentials(secrets: &Path, plan: &Plan) -> Result<String> {
    let lines: Vec<String> = plan
        .secrets()
        .into_iter()
        .map(|(name, secret)| credentials::write(secrets, name, secret.expose()))
        .collect::<Result<_>>()?;
    credentials::hand_over(&lines)?;
    let is_encrypted = lines
        .iter()
        .any(|line| line.starts_with("LoadCredentialEncrypted"));
    let protection = if is_encrypted {
        "encrypted with this machine's key (systemd-creds)"
    } else {
        "for PID 1 alone"
    };
    Ok(format!(
        "{} holds passwords and tokens, {protection}; {DROP_IN} hands them to the desk",
        secrets.display()
    ))
}

/// Where systemd's units put what the desk reads.
fn managed_places(home: &Home) -> Places {
    let credential = |name: &str| format!("${{CREDENTIALS_DIRECTORY}}/{name}");
    Places {
        folder: home.folder.clone(),
        state: PathBuf::from(STATE),
        secrets: "${CREDENTIALS_DIRECTORY}".to_owned(),
        keys: [credential("security-key"), credential("storage-key")],
        socket: true,
    }
}

/// Everything below the folder of the config.
fn unmanaged_places(home: &Home, keys: &Path, secrets: &Path) -> Places {
    let key = |name: &str| keys.join(name).display().to_string();
    Places {
        folder: home.folder.clone(),
        state: home.folder.join("state"),
        secrets: secrets.display().to_string(),
        keys: [key("security.secret.asc"), key("storage.secret.asc")],
        socket: false,
    }
}

/// Has systemd start the desk, now and at every boot.
pub fn start() -> Result<()> {
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", "--now", "--quiet", "sealdesk-opener.socket"])?;
    if systemctl(&["enable", "--now", "--quiet", "sealdesk.service"]).is_ok() {
        return Ok(());
    }
    let log = Command::new("journalctl")
        .args([
            "--unit=sealdesk",
            "--lines=15",
            "--no-pager",
            "--output=cat",
        ])
        .output();
    let log = log
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    bail!(
        "the desk does not start; mend what its log says, then run systemctl restart sealdesk:\n{}",
        crate::cli::screen::tame(&log)
    )
}

fn private_folder(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_is_told_before_anything_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &Path| Home::at(path).unwrap().is_ready();
        assert!(at(&folder.path().join("not/yet/there/sealdesk.toml")).is_ok());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let told = format!("{:#}", at(&file.join("sealdesk.toml")).err().unwrap());
        assert!(told.contains("is no folder"), "{told}");
        // Nobody writes there, root neither.
        let told = at(Path::new("/proc/self/sealdesk/sealdesk.toml"));
        let told = format!("{:#}", told.err().unwrap());
        assert!(
            told.contains("as root") && told.contains("--config"),
            "{told}"
        );
    }
}
