//! `sealdesk import`: answers letters that were kept as old.

use crate::cli::{ask, exit, screen};
use crate::control::Request;
use anyhow::Result;
use clap::Args;

/// Treats letters from before the first start as if they arrived now: they are acknowledged and
/// filed
#[derive(Args)]
pub struct Import {
    /// One letter that rests without a case becomes one; its number stands in `sealdesk status` and
    /// in the daily digest
    #[arg(long, value_name = "N")]
    letter: Option<i64>,
    #[command(flatten)]
    desk: ask::DeskArgs,
}

/// Prints what the desk says that it did.
pub async fn run(args: Import) -> Result<u8> {
    let done: String = args
        .desk
        .ask(Request::Import {
            letter: args.letter,
        })
        .await?;
    screen::print(&format!("{done}\n"))?;
    Ok(exit::GOOD)
}
