//! `sealdesk run`: the desk itself.

use super::exit;
use crate::{config, daemon};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Runs the desk until it is told to stop
#[derive(Args)]
#[command(after_help = "Exit codes: 0 stopped by a signal, 78 the configuration or something that only a human can mend, 1 any other failure.")]
pub struct Run {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = super::CONFIG_PATH)]
    config: PathBuf,
}

pub async fn run(args: Run) -> Result<u8> {
    crate::pipeline::arm_from_environment().map_err(anyhow::Error::msg)?;
    daemon::run(&config::load(&args.config)?).await?;
    Ok(exit::GOOD)
}
