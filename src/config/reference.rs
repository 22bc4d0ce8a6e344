//! Which keys are there, what may stand in each, and what stands there by itself? Types and
//! defaults come from the sections of the config, explanations and examples from the commented
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
    explanation: String,
}

const HEAD: &str = "# The config, key by key\n\n*What may stand in \
    `/etc/sealdesk/sealdesk.toml`, and what holds where nothing does?*\n\nMade from the program \
    itself: types and defaults are its own, explanations and examples stand in \
    `config/sealdesk.example.toml`. An unknown key is an error. `${NAME}` in a path is taken from \
    the environment, so that systemd's `${CREDENTIALS_DIRECTORY}` works. After a change: \
    `systemctl reload sealdesk`.\n";

/// The reference of every key, as a page of the guide.
pub fn reference() -> String {
    let schema = schema_for!(ConfigFile).to_value();
    let sources = Sources {
        definitions: schema["$defs"].as_object().cloned().unwrap_or_default(),
        examples: examples(),
    };
    let mut page = HEAD.to_owned();
    let Some(sections) = schema["properties"].as_object() else {
        return page;
    };
    for (name, section) in ordered(sections) {
        page.push_str(&sources.section(&name, &section));
    }
    page
}

/// What the page is made from.
struct Sources {
    /// The types that the schema names.
    definitions: Map<String, Value>,
    examples: BTreeMap<(String, String), Shown>,
}

impl Sources {
    /// A heading and a table for each kind of a section.
    fn section(&self, name: &str, section: &Value) -> String {
        let (section, title) = match section.get("items") {
            Some(items) => (resolved(items, &self.definitions), format!("[[{name}]]")),
            None => (resolved(section, &self.definitions), format!("[{name}]")),
        };
        let mut text = String::new();
        for (kind, keys) in kinds(&section, &self.definitions) {
            let kind_of = kind
                .as_ref()
                .map_or_else(String::new, |kind| format!(", kind = \"{kind}\""));
            let _ = write!(text, "\n## `{title}`{kind_of}\n\n");
            if let Some(shown) = self
                .shown(name, "")
                .filter(|shown| !shown.explanation.is_empty())
            {
                let explanation = shown.explanation.trim_end_matches('.');
                let _ = write!(text, "{}.\n\n", cell(explanation));
            }
            text.push_str(&self.table(name, kind.as_deref(), &keys));
        }
        text
    }

    /// The keys of one kind of a section.
    fn table(&self, section: &str, kind: Option<&str>, keys: &Value) -> String {
        let mut text =
            "| key | type | default | example and what it means |\n|---|---|---|---|\n".to_owned();
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
            let is_required = required.iter().any(|r| r == key.as_str());
            let of_kind = kind.and_then(|kind| self.shown(&format!("{section} {kind}"), &key));
            let shown = of_kind.or_else(|| self.shown(section, &key));
            text.push_str(&self.row(&key, &value, is_required, shown));
        }
        if keys
            .get("additionalProperties")
            .is_some_and(Value::is_object)
        {
            text.push_str(&self.row_of_any_name(section));
        }
        text
    }

    fn row(&self, key: &str, value: &Value, is_required: bool, shown: Option<&Shown>) -> String {
        let default = match value.get("default") {
            _ if is_required => "*must be set*".to_owned(),
            Some(default) if !default.is_null() && *default != Value::Object(Map::new()) => {
                format!("`{default}`")
            }
            _ => "—".to_owned(),
        };
        let example = shown
            .filter(|s| !s.value.is_empty())
            .map_or_else(String::new, |s| {
                format!("`{}` ", s.value.replace('|', "\\|"))
            });
        let explanation = shown
            .map(|s| s.explanation.clone())
            .filter(|text| !text.is_empty())
            .or_else(|| description(value))
            .unwrap_or_default();
        format!(
            "| `{key}` | {} | {default} | {example}{} |\n",
            kind_of_value(value, &self.definitions),
            cell(&explanation)
        )
    }

    /// For a section whose keys are names of the operator's choice.
    fn row_of_any_name(&self, section: &str) -> String {
        let shown = self
            .examples
            .iter()
            .find(|((of, key), _)| *of == section && !key.is_empty())
            .map(|(_, shown)| shown);
        let example =
            shown.map_or_else(String::new, |s| format!("`{}` {}", s.value, s.explanation));
        format!("| a name | text | — | {} |\n", cell(&example))
    }

    fn shown(&self, section: &str, key: &str) -> Option<&Shown> {
        self.examples.get(&(section.to_owned(), key.to_owned()))
    }
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

fn description(of: &Value) -> Option<String> {
    of["description"]
        .as_str()
        .map(|text| text.trim_end_matches('.').to_owned())
}

/// A sentence for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
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
                    let _ = write!(shown.explanation, " {more}");
                }
            }
            continue;
        }
        let (code, comment) = parted(bare);
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
                    explanation: comment.to_owned(),
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
                    explanation: comment.to_owned(),
                },
            );
            continue;
        } else {
            continue;
        }
        found.entry(at.clone()).or_insert_with(|| Shown {
            value: String::new(),
            explanation: comment.to_owned(),
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
