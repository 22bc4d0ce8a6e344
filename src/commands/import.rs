//! `sealdesk import`: answers letters that were kept as old.

use super::{ask, exit, screen};
use crate::control::Question;
use anyhow::Result;
use clap::Args;

/// Treats letters from before the first start as if they arrived now: they are acknowledged and filed
#[derive(Args)]
pub struct Import {
    #[command(flatten)]
    desk: ask::Desk,
}

pub async fn run(args: Import) -> Result<u8> {
    let done: String = args.desk.ask(Question::Import).await?;
    screen::print(&format!("{done}\n"))?;
    Ok(exit::GOOD)
}
