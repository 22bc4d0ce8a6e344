//! Which keys are there, what may stand in each, and what stands there by itself? Types and
//! defaults come from the words of this module, explanations and examples from the commented
//! example: so neither can say what the other does not.

use super::sections::ConfigFile;
use schemars::schema_for;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

const EXAMPLE: &str = include_str!("../../config/sealdesk.example.toml");

/// What the example says of a key.
#[derive(Default)]
struct Shown {
    value: String,
    words: String,
}

/// The reference of every key, as a page of the guide.
pub fn reference() -> String {
    let schema = schema_for!(ConfigFile).to_value();
    let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
    let examples = examples();
    let mut page = "# The config, key by key\n\n*What may stand in `/etc/sealdesk/sealdesk.toml`, and what holds where nothing does?*\n\n\
        Made from the program itself: types and defaults are its own, explanations and examples stand in `config/sealdesk.example.toml`. \
        An unknown key is an error. `${NAME}` in a path is taken from the environment, so that systemd's `${CREDENTIALS_DIRECTORY}` works. \
        After a change: `systemctl reload sealdesk`.\n"
        .to_owned();
    let Some(sections) = schema["properties"].as_object() else {
        return page;
    };
    for (name, of) in ordered(sections) {
        let (of, repeated) = match of.get("items") {
            Some(items) => (resolved(items, &definitions), true),
            None => (resolved(&of, &definitions), false),
        };
        let title = if repeated {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        for (kind, keys) in kinds(&of, &definitions) {
            let kind_of = kind
                .as_ref()
                .map_or_else(String::new, |kind| format!(", kind = \"{kind}\""));
            let _ = write!(page, "\n## `{title}`{kind_of}\n\n");
            if let Some(words) = examples
                .get(&(name.clone(), String::new()))
                .map(|shown| &shown.words)
                .filter(|words| !words.is_empty())
            {
                let _ = write!(page, "{}.\n\n", cell(words.trim_end_matches('.')));
            }
            page.push_str(
                "| key | type | default | example and what it means |\n|---|---|---|---|\n",
            );
            let required = keys
                .get("required")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            for (key, value) in keys
                .get("properties")
                .and_then(Value::as_object)
                .map(ordered)
                .unwrap_or_default()
            {
                if key == "kind" {
                    continue;
                }
                let needed = required.iter().any(|r| r == key.as_str());
                let default = match value.get("default") {
                    _ if needed => "*must be set*".to_owned(),
                    Some(default)
                        if !default.is_null() && *default != Value::Object(Map::new()) =>
                    {
                        format!("`{default}`")
                    }
                    _ => "—".to_owned(),
                };
                let of_kind = kind
                    .as_ref()
                    .and_then(|kind| examples.get(&(format!("{name} {kind}"), key.clone())));
                let shown = of_kind.or_else(|| examples.get(&(name.clone(), key.clone())));
                let example = shown
                    .filter(|s| !s.value.is_empty())
                    .map_or_else(String::new, |s| {
                        format!("`{}` ", s.value.replace('|', "\\|"))
                    });
                let words = shown
                    .map(|s| s.words.clone())
                    .filter(|w| !w.is_empty())
                    .or_else(|| said(&value))
                    .unwrap_or_default();
                let _ = writeln!(
                    page,
                    "| `{key}` | {} | {default} | {example}{} |",
                    kind_of_value(&value, &definitions),
                    cell(&words)
                );
            }
            if keys
                .get("additionalProperties")
                .is_some_and(Value::is_object)
            {
                let shown = examples
                    .iter()
                    .find(|((section, key), _)| *section == name && !key.is_empty())
                    .map(|(_, shown)| shown);
                let _ = writeln!(
                    page,
                    "| a name | text | — | {} |",
                    cell(&shown.map_or_else(String::new, |s| format!("`{}` {}", s.value, s.words)))
                );
            }
        }
    }
    page
}

/// In the order of the example, and by name behind it.
fn ordered(of: &Map<String, Value>) -> Vec<(String, Value)> {
    let place = |name: &str| {
        EXAMPLE
            .find(&format!("[{name}]"))
            .or_else(|| EXAMPLE.find(&format!("{name} = ")))
            .unwrap_or(usize::MAX)
    };
    let mut all: Vec<(String, Value)> = of
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    all.sort_by_key(|(name, _)| (place(name), name.clone()));
    all
}

fn resolved(of: &Value, definitions: &Map<String, Value>) -> Value {
    let named = |of: &Value| {
        of["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .and_then(|name| definitions.get(name))
            .cloned()
    };
    if let Some(found) = named(of) {
        return found;
    }
    // An optional table is one of itself and null.
    of["anyOf"]
        .as_array()
        .and_then(|any| any.iter().find_map(named))
        .unwrap_or_else(|| of.clone())
}

/// The kinds of a section, each with its keys; one without a name where it has no kinds.
fn kinds(of: &Value, definitions: &Map<String, Value>) -> Vec<(Option<String>, Value)> {
    let Some(variants) = of["oneOf"].as_array() else {
        return vec![(None, of.clone())];
    };
    let kind = |variant: &Value| {
        let name = variant["properties"]["kind"]["const"]
            .as_str()
            .map(str::to_owned);
        (name, resolved(variant, definitions))
    };
    variants.iter().map(kind).collect()
}

fn kind_of_value(of: &Value, definitions: &Map<String, Value>) -> String {
    let whole = resolved(of, definitions);
    let words = |list: &Value| {
        list.as_array().map(|l| {
            l.iter()
                .filter_map(|w| w.as_str().map(|w| format!("`\"{w}\"`")))
                .collect::<Vec<_>>()
                .join(", ")
        })
    };
    if let Some(of_words) = words(&whole["enum"]) {
        return of_words;
    }
    if let Some(variants) = whole["oneOf"].as_array() {
        let of = |v: &Value| match v["enum"].as_array() {
            Some(several) => several.clone(),
            None => [&v["const"], &v["properties"]["kind"]["const"]]
                .into_iter()
                .filter(|c| c.is_string())
                .cloned()
                .collect(),
        };
        let consts: Vec<String> = variants
            .iter()
            .flat_map(of)
            .filter_map(|w| w.as_str().map(|w| format!("`\"{w}\"`")))
            .collect();
        let tables = variants.iter().any(|v| v["properties"]["kind"].is_object());
        return if tables {
            format!("a table, kind {}", consts.join(", "))
        } else {
            consts.join(", ")
        };
    }
    let name = match &whole["type"] {
        Value::String(name) => name.as_str(),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .find(|name| *name != "null")
            .unwrap_or("text"),
        _ => "text",
    };
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true`, `false`",
        "array" => "a list",
        _ => "a table",
    }
    .to_owned()
}

fn said(of: &Value) -> Option<String> {
    of["description"]
        .as_str()
        .map(|words| words.trim_end_matches('.').to_owned())
}

/// A sentence for a cell of a table.
fn cell(words: &str) -> String {
    words
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the example shows and says, by section and key; of a section itself under an empty key.
fn examples() -> BTreeMap<(String, String), Shown> {
    let mut found: BTreeMap<(String, String), Shown> = BTreeMap::new();
    let (mut at, mut kind) = ((String::new(), String::new()), String::new());
    for line in EXAMPLE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if let Some(more) = line
            .strip_prefix("#   ")
            .and_then(|rest| rest.split_once("# "))
            .filter(|(before, _)| before.trim().is_empty())
            .map(|(_, more)| more)
        {
            for place in [at.clone(), (format!("{} {kind}", at.0), at.1.clone())] {
                if let Some(shown) = found.get_mut(&place) {
                    let _ = write!(shown.words, " {more}");
                }
            }
            continue;
        }
        let (code, words) = parted(bare);
        let code = code.trim();
        if let Some(section) = code
            .strip_prefix('[')
            .and_then(|rest| rest.trim_start_matches('[').split(']').next())
            .filter(|_| code.ends_with(']'))
        {
            at = (section.to_owned(), String::new());
        } else if let Some((key, value)) = code.split_once(" = ").filter(|(key, _)| {
            key.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-\"*".contains(&b))
        }) {
            at = (at.0, key.trim_matches('"').to_owned());
            if at.1 == "kind" {
                kind = value.trim_matches('"').to_owned();
            }
            // Another block of the same section shows another kind.
            found
                .entry((format!("{} {kind}", at.0), at.1.clone()))
                .or_insert_with(|| Shown {
                    value: value.to_owned(),
                    words: words.to_owned(),
                });
            // The first that shows it explains it; another kind of the same section may show it
            // again.
            if found.contains_key(&at) {
                continue;
            }
            found.insert(
                at.clone(),
                Shown {
                    value: value.to_owned(),
                    words: words.to_owned(),
                },
            );
            continue;
        } else {
            continue;
        }
        found.entry(at.clone()).or_insert_with(|| Shown {
            value: String::new(),
            words: words.to_owned(),
        });
    }
    found
}

/// A line and the comment behind it: a `#` inside quotes begins none.
fn parted(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return (&line[..at], line[at + 1..].trim()),
            _ => {}
        }
    }
    (line, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key of the schema with the section that it stands in.
    fn keys() -> Vec<(String, String)> {
        let schema = schema_for!(ConfigFile).to_value();
        let definitions = schema["$defs"].as_object().cloned().unwrap_or_default();
        let mut keys = Vec::new();
        for (name, of) in schema["properties"].as_object().unwrap() {
            let of = resolved(of.get("items").unwrap_or(of), &definitions);
            for (_, kind) in kinds(&of, &definitions) {
                keys.extend(
                    kind["properties"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(key, _)| (name.clone(), key.clone())),
                );
            }
        }
        assert!(keys.len() > 90, "{keys:?}");
        keys
    }

    #[test]
    fn the_example_shows_every_key() {
        let examples = examples();
        let absent: Vec<_> = keys()
            .into_iter()
            .filter(|key| !examples.contains_key(key))
            .collect();
        // The two sides of `kind` that the example tells in words: a folder has a path alone.
        let told = [
            ("courier", "path"),
            ("tracker", "path"),
            ("mailbox", "path"),
        ]
        .map(|(section, key)| (section.to_owned(), key.to_owned()));
        let absent: Vec<_> = absent
            .into_iter()
            .filter(|key| !told.contains(key))
            .collect();
        assert!(
            absent.is_empty(),
            "config/sealdesk.example.toml does not show {absent:?}"
        );
    }

    #[test]
    fn the_page_of_the_guide_is_what_the_program_says() {
        let page = include_str!("../../docs/src/config.md");
        assert!(
            page == reference(),
            "docs/src/config.md is not what the program says: cargo run -- manual --out \
             target/manual, and copy config.md"
        );
    }
}
