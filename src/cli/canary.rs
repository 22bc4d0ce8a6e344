//! `sealdesk canary`: has the desk write to itself as a stranger would.

use crate::cli::{ask, exit, screen};
use crate::control::Request;
use crate::ports::CanaryLine;
use anyhow::Result;
use clap::Args;
use std::path::Path;

/// Has the running desk write to itself as a stranger would, in five shapes, and says how long each
/// took
#[derive(Args)]
#[command(
    after_help = "The letters go through the real SMTP and IMAP servers, open no case and get no \
        answer. Exit codes: 0 all came through, 1 not."
)]
pub struct Canary {
    #[command(flatten)]
    desk: ask::DeskArgs,
    /// A JSON array
    #[arg(long)]
    json: bool,
}

/// Ends with [`exit::FAILED`] where a letter did not come through.
pub async fn run(args: Canary) -> Result<u8> {
    let lines: Vec<CanaryLine> = args.desk.ask(Request::Canary).await?;
    if args.json {
        screen::print_json(&lines)?;
    } else {
        show(&lines)?;
    }
    Ok(if came_through(&lines) {
        exit::GOOD
    } else {
        exit::FAILED
    })
}

/// Has the desk of this config write to itself, and shows it; whether all came through.
pub(super) async fn sing(config: &Path) -> Result<bool> {
    let lines: Vec<CanaryLine> = ask::DeskArgs {
        config: config.to_owned(),
    }
    .ask(Request::Canary)
    .await?;
    show(&lines)?;
    Ok(came_through(&lines))
}

fn show(lines: &[CanaryLine]) -> Result<()> {
    lines
        .iter()
        .try_for_each(|line| screen::print(&format!("{}\n", shown(line))))
}

fn came_through(lines: &[CanaryLine]) -> bool {
    !lines.is_empty()
        && lines
            .iter()
            .all(|line| line.settled_at.is_some() && line.fault.is_none())
}

/// One line: the shape, and how long it took or what was wrong.
pub(super) fn shown(line: &CanaryLine) -> String {
    let outcome = match (&line.settled_at, &line.fault) {
        (_, Some(fault)) => screen::tame(fault),
        (Some(at), None) => format!(
            "read after {:.1} s",
            at.duration_since(line.sent_at).as_secs_f64()
        ),
        (None, None) => "did not come back".to_owned(),
    };
    format!("{:<17} {outcome}", line.shape)
}
