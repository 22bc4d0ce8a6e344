//! The law of the house: a module names only modules on the floors below it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may name, lowest floor first. A row names only rows above it.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("openpgp", &["model"]),
    ("mime", &["model"]),
    ("triage", &["model"]),
    ("decide", &["model"]),
    ("compose", &["model"]),
    ("ports", &["model", "decide"]),
    ("pipeline", &["model", "openpgp", "mime", "triage", "decide", "compose", "ports"]),
    ("control", &["model", "openpgp", "triage", "decide", "ports", "pipeline"]),
    ("adapters", &["model", "openpgp", "mime", "triage", "decide", "compose", "ports", "pipeline"]),
    ("config", &["model", "decide"]),
    ("wiring", &["model", "openpgp", "mime", "decide", "compose", "ports", "pipeline", "control", "adapters", "config"]),
    ("daemon", &["model", "ports", "pipeline", "adapters", "config", "wiring", "control"]),
    ("commands", &["model", "openpgp", "mime", "triage", "decide", "compose", "ports", "pipeline", "adapters", "config", "wiring", "control", "daemon"]),
];

/// Crates that these modules alone may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("sequoia_openpgp", &["openpgp"]),
    ("mail_parser", &["mime"]),
    ("openssl", &["openpgp"]),
    ("aes", &["openpgp"]),
    ("eax", &["openpgp"]),
    ("async_imap", &["adapters/imap"]),
    ("octocrab", &["adapters/github"]),
    ("sqlx", &["adapters/sqlite"]),
    ("landlock", &["adapters/opener"]),
    ("seccompiler", &["adapters/opener"]),
    ("minijinja", &["compose"]),
    ("clap", &["commands", "control/grammar", "control/by_letter"]),
    ("axum", &["adapters/site"]),
    ("mail_auth", &["mime/body_digests", "adapters/dmarc"]),
];

/// Longer files are two files.
const LINES_MAX: usize = 420;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push((path.strip_prefix(&root).unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 40, "the sources were not found");
    found
}

fn module(path: &Path) -> String {
    path.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The part of a file that is not its tests: tests may reach further down, never up.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn a_module_names_only_floors_below() {
    let mut above: Vec<&str> = Vec::new();
    for (name, may) in FLOORS {
        for named in *may {
            assert!(above.contains(named), "the row of {name} names {named}, which is not above it in the table");
        }
        above.push(name);
    }
    let floors: BTreeMap<&str, &[&str]> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let may = floors.get(own.as_str()).unwrap_or_else(|| panic!("src/{own} is not in the table"));
        for (n, line) in code(&text).lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            for named in line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()) {
                if named != own && floors.contains_key(named) && !may.contains(&named) {
                    wrong.push(format!("{}:{} names {named}", path.display(), n + 1));
                }
            }
            if line.contains("super::super") {
                wrong.push(format!("{}:{} climbs with super::super", path.display(), n + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_library_has_one_user() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let shown = path.display().to_string();
        for (library, owners) in OWNERS {
            let names = code(&text)
                .lines()
                .any(|l| !l.trim_start().starts_with("//") && (l.contains(&format!("{library}::")) || l.contains(&format!("use {library}"))));
            if names && !owners.iter().any(|owner| shown.starts_with(owner)) && shown != "main.rs" {
                wrong.push(format!("{shown} names {library}, which belongs to {owners:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_adapter_names_another() {
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(p, _)| p.starts_with("adapters")) {
        let own = path.iter().nth(1).unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        for line in code(&text).lines().filter(|l| l.contains("crate::adapters::")) {
            // TLS is the ground that several stand on.
            if !line.contains(&format!("crate::adapters::{own}")) && !line.contains("crate::adapters::net") {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_fit_in_a_head() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(_, t)| code(t).lines().count() > LINES_MAX)
        .map(|(p, t)| format!("{} has {} lines", p.display(), t.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_module_says_which_question_it_answers() {
    let silent: Vec<_> = sources().into_iter().filter(|(_, t)| !t.starts_with("//!")).map(|(p, _)| p).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}
