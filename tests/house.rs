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
    ("reading", &["model", "openpgp", "mime", "triage"]),
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
            "model", "openpgp", "mime", "triage", "decide", "compose", "ports", "reading",
        ],
    ),
    ("config", &["model", "decide"]),
    (
        "wiring",
        &[
            "model", "openpgp", "mime", "decide", "compose", "ports", "desk", "pipeline",
            "grammar", "metrics", "control", "adapters", "config",
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
            "model", "openpgp", "mime", "triage", "decide", "compose", "ports", "reading", "desk",
            "cases", "pipeline", "grammar", "adapters", "config", "wiring", "control", "daemon",
        ],
    ),
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
    ("clap", &["cli", "grammar"]),
    ("axum", &["adapters/site"]),
    ("mail_auth", &["mime/body_digests", "adapters/dmarc"]),
];

/// Lines of a file without its tests, and of a function.
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Files and functions that are longer still, each with its lines: they may shrink, and must not
/// grow. No other may join them.
const LONG_FILES: &[(&str, usize)] = &[("adapters/sqlite/cases.rs", 402)];
const LONG_FUNCTIONS: &[(&str, usize)] = &[
    ("adapters/dmarc.rs judge", 82),
    ("adapters/github/amend.rs amended", 100),
    ("adapters/github/api.rs new", 93),
    ("adapters/opener/jail.rs allowed", 134),
    ("adapters/opener/keyholder/composing.rs compose", 81),
    ("adapters/sqlite/cases.rs update", 90),
    ("adapters/sqlite/letters.rs admit", 72),
    ("adapters/sqlite/mod.rs apply", 83),
    ("adapters/sqlite/purge.rs purge", 87),
    ("cli/case/mod.rs run", 144),
    ("cli/case/page.rs page", 175),
    ("cli/case/retrospective.rs draft", 99),
    ("cli/check.rs certificates", 83),
    ("cli/demo_letters.rs samples", 143),
    ("cli/init/install.rs write", 100),
    ("cli/init/mod.rs mail", 78),
    ("cli/init/plan.rs config", 79),
    ("cli/open.rs run", 84),
    ("cli/opener.rs holdings", 82),
    ("cli/status.rs run", 108),
    ("config/reference.rs reference", 100),
    ("daemon.rs start", 77),
    ("grammar/mod.rs command", 110),
    ("metrics/mod.rs store", 93),
    ("wiring/mail.rs mailbox", 85),
    ("wiring/site.rs pages", 93),
];

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

#[test]
fn a_library_has_one_user() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let shown = path.display().to_string();
        for (library, owners) in OWNERS {
            let names = code(&text).lines().any(|l| {
                !l.trim_start().starts_with("//")
                    && (l.contains(&format!("{library}::"))
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
        // One on a single line, or without a body, ends where it begins.
        let is_short = line.ends_with('}') || line.ends_with(';');
        let length = if is_short {
            1
        } else {
            lines[start..].iter().position(ends).map_or(1, |n| n + 1)
        };
        found.push((name, length));
    }
    found
}

/// What is longer than it may be, and what stands among the exceptions for nothing.
fn too_long(found: &[(String, usize)], most: usize, exceptions: &[(&str, usize)]) -> Vec<String> {
    let allowed = |name: &str| {
        exceptions
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(most, |(_, lines)| *lines)
    };
    let long = found.iter().filter(|(name, lines)| *lines > allowed(name));
    let long = long.map(|(name, lines)| format!("(\"{name}\", {lines}),"));
    let stale = exceptions.iter().filter(|(known, lines)| {
        *lines <= most || !found.iter().any(|(name, now)| name == known && *now > most)
    });
    long.chain(
        stale.map(|(name, _)| format!("{name} is no exception any more: take it off the list")),
    )
    .collect()
}

#[test]
fn files_and_functions_fit_in_a_head() {
    let mut files = Vec::new();
    let mut all = Vec::new();
    for (path, text) in sources() {
        files.push((path.display().to_string(), code(&text).lines().count()));
        all.extend(
            functions(&text)
                .into_iter()
                .map(|(name, lines)| (format!("{} {name}", path.display()), lines)),
        );
    }
    assert!(all.len() > 1_000, "the functions were not found");
    let long = too_long(&files, FILE_LINES_MAX, LONG_FILES);
    assert!(
        long.is_empty(),
        "longer than {FILE_LINES_MAX} lines: {long:#?}"
    );
    let long = too_long(&all, FUNCTION_LINES_MAX, LONG_FUNCTIONS);
    assert!(
        long.is_empty(),
        "longer than {FUNCTION_LINES_MAX} lines: {long:#?}"
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
