//! `sealdesk backup`: all that rests, as of one moment, into one sealed file.

use crate::adapters::clock::SystemClock;
use crate::cli::{exit, owner, screen};
use crate::config::{self, Settings};
use crate::ports::{Clock, Kept};
use crate::{control, daemon, openpgp, wiring};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const SUFFIX: &str = ".backup.pgp";
const PREFIX: &str = "sealdesk-";
/// A file that is being written.
const PART: &str = ".sealdesk-part-";

/// Room that is left on the disk of the backups, and how often it is looked at.
const ROOM_OCTETS: u64 = 256 * 1024 * 1024;
const LOOK_OCTETS: usize = 16 * 1024 * 1024;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A backup that is so many times larger than the newest is not removed.
const SHRUNK: u64 = 2;

/// Writes cases, letters and the desk's secret into one file, encrypted to the storage certificate
/// and the responders'. The desk goes on meanwhile
#[derive(Args)]
#[command(
    after_help = "Not in it: the config, the keys and the passwords. Keep /etc/sealdesk \
        elsewhere, offline.\nExit codes: 0 the file is whole, 5 it is, and somebody should look \
        (files of letters are gone, or it is far smaller than older ones), 1 it is not there."
)]
pub struct Backup {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// The file to write, or a folder in which it is named by the time; nothing is overwritten
    #[arg(long, value_name = "PATH", required_unless_present = "as_owner")]
    output: Option<PathBuf>,
    /// In a folder: removes older backups, so that so many stay
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// Writes it in pieces to standard output
    #[arg(long, hide = true)]
    as_owner: bool,
}

/// Ends with [`exit::LOOK`] where the file is whole and somebody should look.
pub async fn run(args: Backup) -> Result<u8> {
    let settings = config::load(&args.config)?;
    let Some(output) = args.output.filter(|_| !args.as_owner) else {
        owner::begin(args.as_owner);
        if !settings.state.join("desk.sqlite").exists() {
            bail!("{} holds no store yet", settings.state.display());
        }
        let Ok(_lock) = daemon::lock(&settings) else {
            bail!(
                "something holds {} and does not listen yet: the desk is starting, perhaps \
                 migrating its store; try again in a while",
                settings.state.display()
            );
        };
        let store = wiring::store(&settings).await?;
        control::send(&store, tokio::io::stdout()).await?;
        return Ok(exit::GOOD);
    };
    let (folder, path) = place(&output)?;
    if args.keep.is_some() && !output.is_dir() {
        bail!(
            "--keep counts backups in a folder, and {} is none",
            output.display()
        );
    }
    sweep(&folder);
    let part = tempfile::Builder::new().prefix(PART).tempfile_in(&folder);
    let mut part = part.with_context(|| format!("cannot write into {}", folder.display()))?;
    let mut sink = Bounded {
        file: part.as_file_mut(),
        folder: &folder,
        until_look: 0,
        is_sealed: None,
    };
    let kept = match control::fetch_backup(&settings.state, &mut sink).await? {
        Some(kept) => kept,
        None => of_a_closed_desk(&settings, &mut sink).await?,
    };
    if sink.is_sealed != Some(true) {
        bail!("what came is no sealed backup: it is not kept");
    }
    part.as_file()
        .sync_all()
        .context("cannot make the backup durable")?;
    part.persist_noclobber(&path)
        .with_context(|| format!("cannot name the backup {}", path.display()))?;
    File::open(&folder)
        .and_then(|f| f.sync_all())
        .with_context(|| format!("cannot make {} durable", folder.display()))?;
    screen::print(&format!("{}: {} letters\n", path.display(), kept.letters))?;
    let mut to_look_at = Vec::new();
    if kept.absent > 0 {
        to_look_at.push(format!(
            "the files of {} letters are gone from the spool; all others are in the backup",
            kept.absent
        ));
    }
    if let Some(keep) = args.keep {
        to_look_at.extend(prune(&folder, usize::from(keep))?);
    }
    to_look_at
        .iter()
        .try_for_each(|what| screen::print(&format!("look: {what}\n")))?;
    Ok(if to_look_at.is_empty() {
        exit::GOOD
    } else {
        exit::LOOK
    })
}

/// The disk that backups go to is not for a desk to fill, nor a backup's place for anything else.
struct Bounded<'a> {
    file: &'a mut File,
    folder: &'a Path,
    /// Octets until the room is looked at again.
    until_look: usize,
    /// Whether what came first is the front of an encrypted message; `None` before anything came.
    is_sealed: Option<bool>,
}

impl Write for Bounded<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let is_sealed = *self
            .is_sealed
            .get_or_insert_with(|| openpgp::is_sealed(octets));
        if !is_sealed {
            return Err(std::io::Error::other("what came is no sealed backup"));
        }
        if self.until_look < octets.len() {
            let disk = nix::sys::statvfs::statvfs(self.folder)?;
            if disk.blocks_available() * disk.fragment_size() < ROOM_OCTETS {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.until_look = LOOK_OCTETS;
        }
        self.until_look = self.until_look.saturating_sub(octets.len());
        self.file.write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Removes what a backup that was cut off left behind a day ago.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_old = entry
            .metadata()
            .and_then(|found| found.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > DAY));
        if is_old && entry.file_name().to_string_lossy().starts_with(PART) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The folder, and the file in it.
fn place(output: &Path) -> Result<(PathBuf, PathBuf)> {
    let (folder, path) = if output.is_dir() {
        (
            output.to_owned(),
            output.join(format!(
                "{PREFIX}{}{SUFFIX}",
                SystemClock.now().strftime("%Y%m%dT%H%M%SZ")
            )),
        )
    } else if output.extension().is_none_or(|end| end != "pgp") {
        bail!(
            "{} is no folder that is there, and its name does not end in .pgp",
            output.display()
        );
    } else {
        let folder = output
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        (folder.to_owned(), output.to_owned())
    };
    if path.symlink_metadata().is_ok() {
        bail!("{} exists: a backup is never overwritten", path.display());
    }
    Ok((folder, path))
}

/// The store is opened by its owner for the moment.
async fn of_a_closed_desk(settings: &Settings, sink: &mut (dyn Write + Send)) -> Result<Kept> {
    let mut command = tokio::process::Command::from(owner::again(settings, "backup")?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot begin the backup")?;
    let pieces = child.stdout.take().context("the backup has no output")?;
    let received = control::receive(pieces, sink).await;
    let ended = child.wait().await.context("the backup did not end")?;
    match received {
        Ok(kept) if ended.success() => Ok(kept),
        // What went wrong there stands above, on standard error.
        Ok(_) => bail!(
            "the store of {} could not be written into a backup",
            settings.state.display()
        ),
        // It said why, above; that nothing came is no news.
        Err(err) if !ended.success() && err.to_string() == control::CUT_OFF => {
            bail!("no backup was made")
        }
        Err(err) => Err(err),
    }
}

/// Names sort by time. One that is far larger than the newest stays, since what is missing in that
/// may be in this: it is returned.
fn prune(folder: &Path, keep: usize) -> Result<Option<String>> {
    let unread = || format!("cannot list {}", folder.display());
    let mut backups = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unread)? {
        let entry = entry.with_context(unread)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            backups.push((name, entry.metadata().with_context(unread)?.len()));
        }
    }
    backups.sort_unstable();
    let newest = backups.last().map_or(0, |(_, octets)| *octets);
    let mut larger = 0;
    for (name, octets) in backups.iter().rev().skip(keep) {
        if *octets > newest.saturating_mul(SHRUNK) {
            larger += 1;
            continue;
        }
        let path = folder.join(name);
        std::fs::remove_file(&path)
            .with_context(|| format!("cannot remove the older backup {}", path.display()))?;
    }
    Ok((larger > 0).then(|| {
        format!(
            "{larger} older backups are more than {SHRUNK} times as large as the \
            newest, and stay: remove them by hand where that is right"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_what_is_no_backup_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "sealdesk-20260101T000000Z.backup.pgp",
            "sealdesk-20260103T000000Z.backup.pgp",
            "sealdesk-20260102T000000Z.backup.pgp",
            "notes",
            "sealdesk-x",
        ] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let left = || {
            let mut left: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            left.sort_unstable();
            left
        };
        let newest = [
            "notes",
            "sealdesk-20260102T000000Z.backup.pgp",
            "sealdesk-20260103T000000Z.backup.pgp",
            "sealdesk-x",
        ];
        assert_eq!(prune(folder.path(), 2).unwrap(), None);
        assert_eq!(left(), newest);
        // What is far larger than the newest is not rubbish.
        std::fs::write(folder.path().join(newest[1]), b"much that is in no other").unwrap();
        assert!(prune(folder.path(), 1).unwrap().is_some());
        assert_eq!(left(), newest);
        // Beside a newest that holds as much it goes.
        std::fs::write(folder.path().join(newest[2]), b"as much as that and more").unwrap();
        assert_eq!(prune(folder.path(), 1).unwrap(), None);
        assert_eq!(left(), ["notes", newest[2], "sealdesk-x"]);
    }
}
