//! The law of the house: a module names only modules on the floors below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may name, lowest floor first. A row names only rows above it.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("openpgp", &["model"]),
    ("smime", &["model"]),
    ("mime", &["model"]),
    ("triage", &["model"]),
    ("decide", &["model"]),
    ("compose", &["model"]),
    ("ports", &["model", "decide"]),
    ("reading", &["model", "openpgp", "smime", "mime", "triage"]),
    (
        "desk",
        &["model", "openpgp", "mime", "decide", "compose", "ports"],
    ),
    ("cases", &["model", "triage", "decide", "ports", "desk"]),
    (
        "pipeline",
        &[
            "model", "openpgp", "mime", "decide", "compose", "ports", "desk", "cases",
        ],
    ),
    ("grammar", &["model", "triage"]),
    (
        "metrics",
        &["model", "openpgp", "decide", "ports", "desk", "pipeline"],
    ),
    (
        "control",
        &[
            "model", "openpgp", "decide", "ports", "desk", "cases", "pipeline",
        ],
    ),
    (
        "adapters",
        &[
            "model", "openpgp", "smime", "mime", "triage", "decide", "compose", "ports", "reading",
        ],
    ),
    (
        "page",
        &["model", "decide", "compose", "ports", "control", "adapters"],
    ),
    ("config", &["model", "decide"]),
    (
        "wiring",
        &[
            "model", "openpgp", "smime", "mime", "triage", "decide", "compose", "ports", "desk",
            "pipeline", "grammar", "metrics", "control", "adapters", "config",
        ],
    ),
    (
        "daemon",
        &[
            "model", "ports", "desk", "pipeline", "adapters", "config", "wiring", "control",
        ],
    ),
    (
        "cli",
        &[
            "model", "openpgp", "smime", "mime", "triage", "decide", "compose", "ports", "reading",
            "desk", "cases", "pipeline", "grammar", "adapters", "config", "wiring", "control",
            "daemon", "page",
        ],
    ),
];

/// Crates that these modules alone may name.
const OWNERS: &[(&str, &[&str])] = &[
    ("sequoia_openpgp", &["openpgp"]),
    ("mail_parser", &["mime"]),
    ("openssl", &["openpgp", "smime"]),
    ("der", &["smime"]),
    ("aes", &["openpgp"]),
    ("eax", &["openpgp"]),
    ("async_imap", &["adapters/imap"]),
    ("octocrab", &["adapters/github"]),
    ("sqlx", &["adapters/sqlite"]),
    ("landlock", &["adapters/opener"]),
    ("seccompiler", &["adapters/opener"]),
    ("minijinja", &["compose", "page"]),
    ("clap", &["cli", "grammar"]),
    ("axum", &["adapters/site", "adapters/net/serve", "page"]),
    ("mail_auth", &["mime/body_digests", "adapters/dmarc"]),
];

/// Lines of a file without its tests, and of a function.
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

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
                found.push((
                    path.strip_prefix(&root).unwrap().to_owned(),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    assert!(found.len() > 40, "the sources were not found");
    found
}

fn module(path: &Path) -> String {
    path.components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
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
            assert!(
                above.contains(named),
                "the row of {name} names {named}, which is not above it in the table"
            );
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
        let may = floors
            .get(own.as_str())
            .unwrap_or_else(|| panic!("src/{own} is not in the table"));
        for (n, line) in code(&text)
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.trim_start().starts_with("//"))
        {
            for named in line.split("crate::").skip(1).map(|rest| {
                rest.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .next()
                    .unwrap_or_default()
            }) {
                if named != own && floors.contains_key(named) && !may.contains(&named) {
                    wrong.push(format!("{}:{} names {named}", path.display(), n + 1));
                }
            }
            if line.contains("super::super") {
                wrong.push(format!(
                    "{}:{} climbs with super::super",
                    path.display(),
                    n + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a line has this text where a word begins: `der::` stands in `header::` too.
fn begins_word(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn a_library_has_one_user() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let shown = path.display().to_string();
        for (library, owners) in OWNERS {
            let names = code(&text).lines().any(|l| {
                !l.trim_start().starts_with("//")
                    && (begins_word(l, &format!("{library}::"))
                        || l.contains(&format!("use {library}")))
            });
            if names && !owners.iter().any(|owner| shown.starts_with(owner)) && shown != "main.rs" {
                wrong.push(format!(
                    "{shown} names {library}, which belongs to {owners:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A case is read back from its parts by the store. Everybody else moves it by its transitions.
#[test]
fn only_the_store_puts_a_case_together() {
    let may =
        |path: &Path| path.starts_with("model/case.rs") || path.starts_with("adapters/sqlite");
    let wrong: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(path, text)| code(text).contains("CaseParts") && !may(path))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_adapter_names_another() {
    let mut wrong = Vec::new();
    for (path, text) in sources()
        .into_iter()
        .filter(|(p, _)| p.starts_with("adapters"))
    {
        let own = path
            .iter()
            .nth(1)
            .unwrap()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        for line in code(&text)
            .lines()
            .filter(|l| l.contains("crate::adapters::"))
        {
            // TLS is the ground that several stand on.
            if !line.contains(&format!("crate::adapters::{own}"))
                && !line.contains("crate::adapters::net")
            {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each function of a file and its lines, by the indentation that rustfmt gives it.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code(text).lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let words: Vec<&str> = line
            .split_whitespace()
            .take_while(|word| *word != "fn")
            .collect();
        let heads = [
            "pub",
            "const",
            "async",
            "unsafe",
            "pub(super)",
            "pub(crate)",
        ];
        let Some((_, rest)) = line.split_once("fn ") else {
            continue;
        };
        // `pub(in crate::room)` is two words.
        let is_head =
            |word: &&str| heads.contains(word) || *word == "pub(in" || word.starts_with("crate::");
        if !words.iter().all(is_head) {
            continue;
        }
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let ends = |line: &&str| **line == format!("{indent}}}");
        // One on a single line, or without a body, ends where it begins or its signature does.
        let mut signature = lines[start..].iter();
        let is_declared = signature
            .find(|line| line.ends_with(['{', ';', '}']))
            .is_some_and(|line| line.ends_with(';'));
        let is_short = line.ends_with('}') || is_declared;
        let length = if is_short {
            1
        } else {
            lines[start..].iter().position(ends).map_or(1, |n| n + 1)
        };
        found.push((name, length));
    }
    found
}

#[test]
fn files_and_functions_fit_on_a_screen() {
    let mut long = Vec::new();
    let mut counted = 0;
    for (path, text) in sources() {
        let lines = code(&text).lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{} has {lines} lines", path.display()));
        }
        for (name, lines) in functions(&text) {
            counted += 1;
            if lines > FUNCTION_LINES_MAX {
                long.push(format!("{} {name} has {lines} lines", path.display()));
            }
        }
    }
    assert!(counted > 1_000, "the functions were not found");
    assert!(
        long.is_empty(),
        "files have {FILE_LINES_MAX} lines at most, functions {FUNCTION_LINES_MAX}: {long:#?}"
    );
}

#[test]
fn every_module_says_which_question_it_answers() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, t)| !t.starts_with("//!"))
        .map(|(p, _)| p)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// A test that no run names passes for ever.
#[test]
fn make_test_runs_every_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let names: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| line.contains("_TESTS := ") || line.contains("--test "))
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_matches('\''))
        .collect();
    let mut found = 0;
    for entry in fs::read_dir(root.join("tests")).unwrap().flatten() {
        let path = entry.path();
        let is_test =
            path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").exists();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !is_test || names.contains(name.as_str()),
            "make test does not run {name}"
        );
        found += usize::from(is_test);
    }
    assert!(found > 15, "{found} tests were found");
}
