//! `sealdesk run`: the desk itself.

use super::exit;
use crate::daemon::Ended;
use crate::{config, daemon};
use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

/// Runs the desk until it is told to stop; SIGHUP has it take up a changed config
#[derive(Args)]
#[command(after_help = "Exit codes: 0 stopped by a signal, 78 the configuration or something that only a human can mend, 1 any other failure.")]
pub struct Run {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = super::CONFIG_PATH)]
    config: PathBuf,
    /// A reload began it
    #[arg(long, hide = true)]
    again: bool,
}

pub async fn run(args: Run) -> Result<u8> {
    crate::pipeline::arm_from_environment().map_err(anyhow::Error::msg)?;
    match daemon::run(&config::load(&args.config)?, args.again).await? {
        Ended::Stopped => Ok(exit::GOOD),
        // A process of its own, so that nothing of the desk before reaches into the store; systemd sees the same PID.
        Ended::ToReload => {
            let own = std::env::args_os().next().map(PathBuf::from).filter(|path| path.is_absolute());
            let own = own.map_or_else(std::env::current_exe, Ok).context("the desk does not find itself")?;
            // A second SIGHUP waits until it is heard again: by default it would end us.
            SigSet::from(Signal::SIGHUP).thread_block().context("signals")?;
            let failed = std::process::Command::new(own).args(["run", "--again", "--config"]).arg(&args.config).exec();
            Err(failed).context("the desk cannot start itself anew")
        }
    }
}
