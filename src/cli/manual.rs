//! `sealdesk manual`: what a package ships beside the program, made from the program's own words.

use crate::cli::{examples, exit, json_reference, version};
use crate::config;
use anyhow::{Context, Result};
use clap::builder::Resettable;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
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
        clap_complete::generate(shell, &mut visible(&program), "sealdesk", &mut script);
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
    let mut program = program.disable_help_subcommand(true);
    program.build();
    write_pages(&program, "", &args.out)?;
    Ok(exit::GOOD)
}

/// The command without its hidden verbs, which clap_complete would offer.
fn visible(command: &Command) -> Command {
    // clap takes names that live as long as the program does, and this one ends soon.
    let name: &'static str = Box::leak(command.get_name().to_owned().into_boxed_str());
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let bare = Command::new(name)
        .args(command.get_arguments())
        .subcommands(verbs.map(visible));
    let bare = match command.get_version() {
        Some(_) => bare.version(version().0),
        None => bare,
    };
    match command.get_about() {
        Some(about) => bare.about(about.clone()),
        None => bare,
    }
}

/// The page of a command, and those of the verbs below it; `path` is how it is called below the
/// program.
fn write_pages(command: &Command, path: &str, out: &Path) -> Result<()> {
    let file = out.join(Man::new(command.clone()).get_filename());
    let page = page(command, path).context("cannot make a manual page")?;
    std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let path = format!("{path} {}", verb.get_name());
        write_pages(verb, path.trim_start(), out)?;
    }
    Ok(())
}

/// A page as clap_mangen makes it, with a section of its own for examples, whose lines stay as they
/// are.
fn page(command: &Command, path: &str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let Some(examples) = examples::of(path) else {
        Man::new(command.clone()).render(&mut page)?;
        return Ok(page);
    };
    // What is left of the help below the options are exit codes, where there are any.
    let bare = command.clone().after_long_help(Resettable::Reset);
    Man::new(bare).render(&mut page)?;
    page.extend_from_slice(b".SH EXAMPLES\n.nf\n");
    for line in examples.lines() {
        page.extend_from_slice(verbatim(line).as_bytes());
    }
    page.extend_from_slice(b".fi\n");
    Ok(page)
}

/// A line of roff that is shown as it is written.
fn verbatim(line: &str) -> String {
    let escaped = line
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq");
    format!("\\&{escaped}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Command {
        use clap::Args;
        let verbs = [
            crate::cli::case::CaseArgs::augment_args(Command::new("case")),
            crate::cli::ask::Ask::augment_args(Command::new("behind")).hide(true),
        ];
        Command::new("sealdesk").subcommands(verbs)
    }

    #[test]
    fn what_is_hidden_is_neither_completed_nor_in_the_manual() {
        let out = tempfile::tempdir().unwrap();
        let args = Manual {
            out: out.path().to_owned(),
        };
        run(&args, program()).unwrap();
        let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
        for name in ["sealdesk.bash", "_sealdesk", "sealdesk.fish", "sealdesk.1"] {
            let text = read(name);
            assert!(text.contains("case"), "{name}");
            assert!(!text.contains("behind"), "{name}");
        }
        assert!(!out.path().join("sealdesk-behind.1").exists());
        // The words that a verb takes are completed.
        let bash = read("sealdesk.bash");
        assert!(bash.contains("resolved rejected spam"), "{bash}");
    }

    #[test]
    fn a_page_has_examples_as_they_are_typed() {
        let out = tempfile::tempdir().unwrap();
        let args = Manual {
            out: out.path().to_owned(),
        };
        run(&args, program()).unwrap();
        let page = std::fs::read_to_string(out.path().join("sealdesk-case-list.1")).unwrap();
        assert!(
            page.contains(".SH EXAMPLES\n.nf\n\\&  sealdesk case list"),
            "{page}"
        );
        assert!(page.contains("jq \\-r \\(aq.[].id\\(aq"), "{page}");
        assert!(!page.contains("Examples:"), "{page}");
    }
}
