//! Arguments and exit codes.

use clap::{Parser, Subcommand};
use sealdesk::commands::{self, exit};
use std::process::ExitCode;

/// The desk behind a project's security@ address: opens PGP mail, acknowledges every report within 24
/// hours, and files each as one draft in the advisory tracker.
#[derive(Parser)]
#[command(version, about, long_about = None, max_term_width = 100)]
#[command(after_help = "Start with `sealdesk demo`, which needs no account. Exit codes: 0 good, 1 our own failure, 2 wrong usage, 78 wrong configuration.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Open(commands::open::Open),
    Key(commands::key::Key),
    #[command(hide = true)]
    Opener(commands::opener::Opener),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_max_level(tracing::Level::WARN).init();
    let done = match cli.command {
        // The opener forks, so it must never have a second thread.
        Command::Opener(args) => commands::opener::run(&args),
        Command::Key(args) => commands::key::run(args).map(|()| exit::GOOD),
        Command::Open(args) => run(commands::open::run(args)),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            eprintln!("sealdesk: {err:#}");
            let config = err.downcast_ref::<sealdesk::config::ConfigError>().is_some();
            ExitCode::from(if config { exit::CONFIG } else { exit::FAILED })
        }
    }
}

fn run(verb: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(verb)
}
