//! Who touches the state folder? Its owner. Whoever is somebody else, root above all, has a process
//! of the owner do it: a desk that was taken over may have laid anything there.

use crate::config::Settings;
use anyhow::{Context, Result, bail};
use std::fs::{Metadata, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What such a process keeps of the environment of whoever asked for it.
const KEPT: [&str; 3] = ["PATH", "CREDENTIALS_DIRECTORY", "SEALDESK_LOG"];

fn found(settings: &Settings) -> Result<Metadata> {
    let state = &settings.state;
    let absent = || {
        format!(
            "the state folder {} is not there: make it for the desk's user (systemd-tmpfiles \
             --create, where a unit runs the desk)",
            state.display()
        )
    };
    let found = state.symlink_metadata().with_context(absent)?;
    if !found.is_dir() {
        bail!("{} is no folder", state.display());
    }
    Ok(found)
}

/// Whether the state folder belongs to somebody else.
pub(super) fn is_another(settings: &Settings) -> Result<bool> {
    // One that is not there is made by whoever is first.
    if settings.state.symlink_metadata().is_err() && !nix::unistd::geteuid().is_root() {
        return Ok(false);
    }
    Ok(nix::unistd::geteuid().as_raw() != found(settings)?.uid())
}

/// Whether a desk holds the state folder, or somebody who stands in for it.
pub(super) fn is_held(settings: &Settings) -> bool {
    let lock = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(settings.state.join("desk.lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// This program again, as the user to whom the state folder belongs.
pub(super) fn again(settings: &Settings, verb: &str) -> Result<Command> {
    let owner = found(settings)?;
    let config = std::path::absolute(&settings.file).context("the config file cannot be named")?;
    let mut command =
        Command::new(std::env::current_exe().context("this program does not find itself")?);
    command
        .args([verb, "--as-owner", "--config"])
        .arg(config)
        .current_dir("/")
        .env_clear();
    command.envs(
        KEPT.iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
    if nix::unistd::geteuid().as_raw() != owner.uid() {
        if !nix::unistd::geteuid().is_root() {
            bail!(
                "{} belongs to somebody else: ask as root, or as its owner",
                settings.state.display()
            );
        }
        // std lets go of supplementary groups where a user is set.
        command.uid(owner.uid()).gid(owner.gid());
    }
    Ok(command)
}

/// The first thing that such a process does: it lets go of the terminal, and no other process of
/// its user looks into it.
pub(super) fn begin(as_owner: bool) {
    if as_owner {
        let _ = nix::unistd::setsid();
        let _ = nix::sys::prctl::set_dumpable(false);
    }
}
