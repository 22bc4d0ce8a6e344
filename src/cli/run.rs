//! `sealdesk run`: the desk itself.

use crate::cli::exit;
use crate::daemon::Ended;
use crate::{config, daemon};
use anyhow::{Context, Result};
use clap::Args;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Runs the desk until it is told to stop; SIGHUP has it take up a changed config
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 stopped by a signal, 78 the configuration or something that only \
        a human can mend, 1 any other failure."
)]
pub struct Run {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
    /// A reload began it
    #[arg(long, hide = true)]
    again: bool,
}

/// What a start is told before it hears waits until then; to be said before there is a second
/// thread.
pub fn hold_signals() -> Result<()> {
    daemon::signals().thread_block().context("signals")
}

/// Returns once a signal stops the desk; a reload starts this program anew in its place.
pub async fn run(args: Run) -> Result<u8> {
    crate::pipeline::arm_from_environment().map_err(anyhow::Error::msg)?;
    match daemon::run(&config::load(&args.config)?, args.again).await? {
        Ended::Stopped => Ok(exit::GOOD),
        Ended::ToReload => begin_again(&args.config),
    }
}

/// A process of its own, so that nothing of the desk before reaches into the store; systemd sees
/// the same PID. Signals are held back, and wait for it: std's `exec` would let go of them.
fn begin_again(config: &Path) -> Result<u8> {
    let own = std::env::args_os()
        .next()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let own = own
        .map_or_else(std::env::current_exe, Ok)
        .context("the desk does not find itself")?;
    let word = |octets: &[u8]| CString::new(octets).context("an argument");
    let own = word(own.as_os_str().as_bytes())?;
    let arguments = [
        own.clone(),
        word(b"run")?,
        word(b"--again")?,
        word(b"--config")?,
        word(config.as_os_str().as_bytes())?,
    ];
    match nix::unistd::execv(&own, &arguments) {
        Err(err) => Err(err).context("the desk cannot start itself anew"),
        Ok(never) => match never {},
    }
}
