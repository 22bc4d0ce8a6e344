//! Arguments and exit codes.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sealdesk::cli::{self, exit, log};
use sealdesk::config::ConfigError;
use sealdesk::daemon::NotReady;
use std::io::Write;
use std::process::ExitCode;

/// The desk behind a project's security@ address: opens PGP mail, acknowledges every report within
/// 24 hours, and files each as one draft in the advisory tracker.
#[derive(Parser)]
#[command(version = cli::version().0, long_version = cli::version().1, about, long_about = None, max_term_width = 100)]
#[command(
    after_help = "Start with `sealdesk demo`, which needs no account.\nExit codes: 0 good, 1 our \
        own failure, 2 wrong usage, 78 wrong configuration; `open` has more.\nSEALDESK_CONFIG \
        names the config file where no --config does.\nSEALDESK_LOG sets what is logged: error, \
        warn, info (default), debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(cli::run::Run),
    Demo(cli::demo::Demo),
    Init(cli::init::Init),
    Check(cli::check::Check),
    Mailbox(cli::mailbox::Mailbox),
    Open(cli::open::Open),
    Key(cli::key::Key),
    Case(cli::case::CaseArgs),
    Status(cli::status::StatusArgs),
    Doctor(cli::doctor::Doctor),
    Import(cli::import::Import),
    Backup(cli::backup::Backup),
    Restore(cli::restore::Restore),
    Canary(cli::canary::Canary),
    Page(cli::page::PageArgs),
    #[command(hide = true)]
    Opener(cli::opener::OpenerArgs),
    #[command(hide = true)]
    Ask(cli::ask::Ask),
    #[command(hide = true)]
    Manual(cli::manual::Manual),
}

fn main() -> ExitCode {
    let program = cli::with_examples(cli::with_environment(Cli::command()));
    let matches = program.clone().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|err| err.exit());
    log(&cli.command);
    // A panic's text may quote a letter; where it happened is enough.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic
            .location()
            .map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let _ = writeln!(std::io::stderr(), "sealdesk: internal error{at}");
    }));
    let done = match cli.command {
        // The opener forks, so it must never have a second thread.
        Command::Opener(args) => cli::opener::run(&args),
        Command::Key(args) => run(cli::key::run(args)),
        Command::Mailbox(args) => run(cli::mailbox::run(args)),
        Command::Open(args) => run(cli::open::run(args)),
        Command::Run(args) => cli::run::hold_signals().and_then(|()| run(cli::run::run(args))),
        Command::Demo(args) => run(cli::demo::run(args)),
        Command::Init(args) => run(cli::init::run(args)),
        Command::Check(args) => run(cli::check::run(args)),
        Command::Case(args) => run(cli::case::run(args)),
        Command::Status(args) => run(cli::status::run(args)),
        Command::Doctor(args) => run(cli::doctor::run(args)),
        Command::Ask(args) => run(cli::ask::run(args)),
        Command::Backup(args) => run(cli::backup::run(args)),
        Command::Restore(args) => run(cli::restore::run(args)),
        Command::Manual(args) => cli::manual::run(&args, program),
        Command::Import(args) => run(cli::import::run(args)),
        Command::Page(args) => run(cli::page::run(args)),
        Command::Canary(args) => run(cli::canary::run(args)),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            eprintln!("sealdesk: {err:#}");
            let human = err
                .chain()
                .any(|cause| cause.is::<ConfigError>() || cause.is::<NotReady>());
            ExitCode::from(if human { exit::CONFIG } else { exit::FAILED })
        }
    }
}

/// Services say what they do; commands for people only warn. The opener's jail has no way to
/// journald but its standard error.
fn log(command: &Command) {
    match command {
        Command::Run(_) | Command::Page(_) if log::is_journaled() => log::to_journal("info"),
        Command::Run(_) | Command::Page(_) => log::to_stderr("info"),
        Command::Opener(_) if log::is_journaled() => log::to_stderr("info"),
        Command::Demo(_) => log::to_stderr("error"),
        _ => log::to_stderr("warn"),
    }
}

/// One thread: the desk waits far more than it works, and threads that wake each other cost more
/// than they win.
fn run(verb: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(verb)
}
