//! `sealdesk restore`: a backup becomes the state of a desk that has none.

use crate::adapters::clock::SystemClock;
use crate::adapters::sqlite::{self, Restored};
use crate::cli::{exit, owner, screen};
use crate::config::{self, Settings};
use crate::daemon;
use crate::model::secret::Secret;
use crate::openpgp::{self, Purpose, SecretKeys};
use crate::ports::Clock;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Where `sealdesk init` lays the key that opens what rests.
const STORAGE_KEY: &str = "/etc/sealdesk/keys/storage.secret.asc";

/// Lays a backup into the state folder of a desk that has none. All of it is proven before the
/// first file is written
#[derive(Args)]
#[command(
    after_help = "Stop the desk before, and move what is in its state folder away. Then put back into the mailbox what came after the backup: \
letters that the desk knows are left alone, others become cases.\nExit codes: 0 restored (or, with --check, whole), 1 not restored; what was in the way is named."
)]
pub struct Restore {
    /// What `sealdesk backup` wrote
    #[arg(required_unless_present = "as_owner")]
    file: Option<PathBuf>,
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// The secret key that opens it: the storage key, or a responder's
    #[arg(long, value_name = "FILE", default_value = STORAGE_KEY)]
    key: PathBuf,
    /// A file that holds the key's passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Only says whether it is whole; no config is read, and nothing written
    #[arg(long)]
    check: bool,
    /// Takes what is inside from standard input
    #[arg(long, hide = true)]
    as_owner: bool,
}

/// Fails before the first file is written where the backup is not whole or the desk runs.
pub async fn run(args: Restore) -> Result<u8> {
    owner::begin(args.as_owner);
    if args.as_owner {
        let settings = config::load(&args.config)?;
        let _lock = daemon::try_lock(&settings)?.context("the desk runs: stop it first")?;
        let restored =
            sqlite::restore(std::io::stdin(), &settings.state, SystemClock.now()).await?;
        // What is behind the archive's end is read too, so that whoever gives it finds nobody gone.
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
            .context("cannot read to the end")?;
        screen::print_json(&restored)?;
        return Ok(exit::GOOD);
    }
    let file = args.file.context("name the backup")?;
    let settings = if args.check {
        None
    } else {
        Some(config::load(&args.config)?)
    };
    let mut sealed =
        File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut keys = keys(&args.key, args.passphrase_file.as_deref())?;
    let of_file = || {
        format!(
            "{} with the key {}: it is damaged, not whole, or for another key",
            file.display(),
            args.key.display()
        )
    };
    openpgp::open_into(BufReader::new(&sealed), &mut keys, &mut std::io::sink())
        .with_context(of_file)?;
    sealed
        .rewind()
        .with_context(|| format!("cannot read {} again", file.display()))?;
    let restored = match settings {
        Some(settings) => laid(&settings, &sealed, &mut keys)?,
        None => looked_through(&sealed, &mut keys)?,
    };
    let done = if args.check {
        "is whole"
    } else {
        "is restored"
    };
    screen::print(&format!(
        "{} {done}: {} letters, {} of them files\n",
        file.display(),
        restored.letters,
        restored.files
    ))?;
    if restored.absent > 0 {
        screen::print(&format!(
            "{} letters had lost their files before it was written.\n",
            restored.absent
        ))?;
    }
    if !args.check {
        screen::print(
            "Start the desk, and run sealdesk status. What waited to be sent when the backup was \
             made is sent now: some of it for the second time.\n",
        )?;
    }
    Ok(exit::GOOD)
}

fn keys(file: &Path, passphrase_file: Option<&Path>) -> Result<SecretKeys> {
    let octets =
        Secret::new(std::fs::read(file).with_context(|| {
            format!("cannot read the key {}: name it by --key", file.display())
        })?);
    let passphrase = passphrase_file
        .map(|p| config::secret("--passphrase-file", p))
        .transpose()?;
    SecretKeys::load(
        octets.expose(),
        Purpose::Storage,
        passphrase.as_ref().map(|p| p.expose()),
    )
    .with_context(|| format!("in {}", file.display()))
}

/// The state's owner lays it there, since nothing of ours should follow what stands in that folder.
fn laid(settings: &Settings, sealed: &File, keys: &mut SecretKeys) -> Result<Restored> {
    let mut child = owner::again(settings, "restore")?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot begin")?;
    let mut inside = child
        .stdin
        .take()
        .context("the process that restores has no input")?;
    let opened = openpgp::open_into(BufReader::new(sealed), keys, &mut inside);
    if opened.is_err() {
        // It fails by itself where it said why; one that waits must not take what came for all.
        let _ = child.kill();
    }
    drop(inside);
    let ended = child.wait_with_output().context("cannot restore")?;
    if !ended.status.success() {
        bail!("{} was not restored", settings.state.display());
    }
    opened?;
    serde_json::from_slice(&ended.stdout).context("the process that restores was not understood")
}

fn looked_through(sealed: &File, keys: &mut SecretKeys) -> Result<Restored> {
    let (reader, mut writer) = std::io::pipe().context("cannot make a pipe")?;
    std::thread::scope(|scope| {
        let looking = scope.spawn(move || {
            let mut reader = reader;
            let found = sqlite::look_through(&mut reader);
            // What is behind the end is read too, so that nobody waits.
            let _ = std::io::copy(&mut reader.by_ref(), &mut std::io::sink());
            found
        });
        let opened = openpgp::open_into(BufReader::new(sealed), keys, &mut writer);
        drop(writer);
        let found = looking
            .join()
            .map_err(|_| anyhow::anyhow!("the backup could not be read"))?;
        opened?;
        Ok(found?)
    })
}
