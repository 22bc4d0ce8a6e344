//! `sealdesk manual`: what a package ships beside the program, made from the program's own words.

use crate::cli::{exit, json_reference};
use crate::config;
use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

/// Writes manual pages, completions and the references of config and JSON, for whoever packages
#[derive(Args)]
pub struct Manual {
    /// The folder that they go into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A page for the program and one for each verb.
pub fn run(args: &Manual, program: Command) -> Result<u8> {
    let unwritten = |path: &Path| format!("cannot write {}", path.display());
    std::fs::create_dir_all(&args.out).with_context(|| unwritten(&args.out))?;
    for (shell, name) in [
        (Shell::Bash, "sealdesk.bash"),
        (Shell::Zsh, "_sealdesk"),
        (Shell::Fish, "sealdesk.fish"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut program.clone(), "sealdesk", &mut script);
        let path = args.out.join(name);
        std::fs::write(&path, script).with_context(|| unwritten(&path))?;
    }
    for (name, page) in [
        ("config.md", config::reference()),
        ("json.md", json_reference::reference()),
    ] {
        let path = args.out.join(name);
        std::fs::write(&path, page).with_context(|| unwritten(&path))?;
    }
    let program = program.disable_help_subcommand(true);
    clap_mangen::generate_to(program, &args.out).with_context(|| unwritten(&args.out))?;
    Ok(exit::GOOD)
}
