//! What changed between two configs? Key by key, for the log: which must hold no address.

use super::Settings;
use super::sections::ConfigFile;
use schemars::schema_for;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// A line for each key that came, went or changed.
pub fn changes(before: &Settings, after: &Settings) -> Vec<String> {
    compared(&before.written, &after.written)
}

/// A line for each key that is set, without a single text of it: for whoever looks for a fault from
/// afar.
pub fn shape(settings: &Settings) -> Vec<String> {
    let mut all = BTreeMap::new();
    flatten("", &Value::Table(settings.written.clone()), &mut all);
    let vocabulary = Vocabulary::of_config();
    let mut lines: Vec<String> = all
        .iter()
        .map(|(key, value)| format!("{} = {}", vocabulary.key(key), vocabulary.value(value)))
        .collect();
    lines.dedup();
    lines
}

/// What may be shown of a config to anybody: words and tables that the program itself knows, since
/// they say how a desk is set up, and nothing about whose it is.
struct Vocabulary {
    /// Every word that some key takes, such as `starttls`.
    words: BTreeSet<String>,
    /// Tables whose keys an operator makes up, such as `checkouts`.
    tables: BTreeSet<String>,
}

impl Vocabulary {
    /// As the types of the config have it.
    fn of_config() -> Self {
        let schema = schema_for!(ConfigFile).to_value();
        let (mut words, mut tables) = (BTreeSet::new(), BTreeSet::new());
        collect_words(&schema, &mut words);
        collect_tables("", &schema, &schema["$defs"], &mut tables);
        Self { words, tables }
    }

    fn key(&self, key: &str) -> String {
        let made_up = |table: &&String| {
            let rest = key.strip_prefix(table.as_str());
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        match self.tables.iter().find(made_up) {
            Some(table) => format!("{table}.…"),
            None => key.to_owned(),
        }
    }

    fn value(&self, value: &str) -> String {
        let list = value
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match list {
            Some("") => "[]".to_owned(),
            Some(_) => "[…]".to_owned(),
            None if self.is_plain(value) => value.to_owned(),
            None => "…".to_owned(),
        }
    }

    fn is_plain(&self, value: &str) -> bool {
        let word = value.trim_matches('"');
        value.parse::<f64>().is_ok()
            || ["true", "false"].contains(&value)
            || (word.len() + 2 == value.len() && self.words.contains(word))
    }
}

/// The constants and examples of a JSON Schema.
fn collect_words(schema: &Json, words: &mut BTreeSet<String>) {
    match schema {
        Json::Object(object) => {
            let lists = ["enum", "examples"].map(|list| object.get(list).and_then(Json::as_array));
            let constants = lists
                .into_iter()
                .flatten()
                .flatten()
                .chain(object.get("const"));
            words.extend(constants.filter_map(Json::as_str).map(str::to_owned));
            object
                .values()
                .for_each(|below| collect_words(below, words));
        }
        Json::Array(list) => list.iter().for_each(|below| collect_words(below, words)),
        _ => {}
    }
}

/// The paths of objects in a JSON Schema that take any key.
fn collect_tables(at: &str, schema: &Json, definitions: &Json, tables: &mut BTreeSet<String>) {
    let name = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next());
    if let Some(name) = name {
        return collect_tables(at, &definitions[name], definitions, tables);
    }
    if schema["additionalProperties"].is_object() {
        tables.insert(at.to_owned());
    }
    let properties = schema["properties"].as_object();
    for (key, below) in properties.into_iter().flatten() {
        let at = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        collect_tables(&at, below, definitions, tables);
    }
    for choice in ["oneOf", "anyOf"] {
        let choices = schema[choice].as_array();
        for below in choices.into_iter().flatten() {
            collect_tables(at, below, definitions, tables);
        }
    }
}

fn compared(before: &Table, after: &Table) -> Vec<String> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", &Value::Table(before.clone()), &mut old);
    flatten("", &Value::Table(after.clone()), &mut new);
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let change = |key: &String| match (old.get(key), new.get(key)) {
        (Some(was), Some(is)) if was != is => {
            Some(format!("{key}: {} is now {}", shown(was), shown(is)))
        }
        (Some(was), None) => Some(format!("{key}: {} is gone", shown(was))),
        (None, Some(is)) => Some(format!("{key}: now {}", shown(is))),
        _ => None,
    };
    keys.into_iter().filter_map(change).collect()
}

fn flatten(at: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    match value {
        Value::Table(table) => table
            .iter()
            .for_each(|(name, value)| flatten(&below(name), value, into)),
        Value::Array(list) if list.iter().any(Value::is_table) => {
            list.iter()
                .enumerate()
                .for_each(|(n, value)| flatten(&format!("{at}[{n}]"), value, into));
        }
        plain => drop(into.insert(at.to_owned(), plain.to_string())),
    }
}

fn shown(value: &str) -> &str {
    if value.contains('@') {
        "(an address)"
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_a_config_holds_no_text_of_it() {
        let vocabulary = Vocabulary::of_config();
        for (value, shown) in [
            ("\"tls\"", "\"tls\""),
            ("\"github\"", "\"github\""),
            ("\"outline\"", "\"outline\""),
            ("\"secret-tool\"", "…"),
            ("24", "24"),
            ("true", "true"),
            ("\"a@b.example\"", "…"),
            ("[\"x\"]", "[…]"),
            ("[]", "[]"),
        ] {
            assert_eq!(vocabulary.value(value), shown);
        }
        for (key, shown) in [
            ("tracker.products.secret-tool", "tracker.products.…"),
            ("tracker.collaborators.x.users", "tracker.collaborators.…"),
            ("checkouts.secret-tool", "checkouts.…"),
            ("tracker.repository", "tracker.repository"),
        ] {
            assert_eq!(vocabulary.key(key), shown);
        }
        // What was told before by a list is told still.
        for word in [
            "always", "app", "hold", "imap", "inbox", "keyword", "oauth2", "sent", "system",
        ] {
            assert!(vocabulary.words.contains(word), "{word}");
        }
    }

    #[test]
    fn each_key_that_changed_is_named_and_no_address() {
        let table = |text: &str| toml::from_str::<Table>(text).unwrap();
        let before = table(
            "[desk]\nname = \"A\"\n[answers]\nper_day = 10\n[[responder]]\naddress = \
             \"a@b.example\"\n",
        );
        let after = table(
            "[desk]\nname = \"A\"\n[answers]\nper_day = 20\n[[responder]]\naddress = \
             \"a@b.example\"\n[[responder]]\naddress = \"c@b.example\"\n",
        );
        assert_eq!(
            compared(&before, &after),
            [
                "answers.per_day: 10 is now 20",
                "responder[1].address: now (an address)"
            ]
        );
        assert_eq!(compared(&after, &before).len(), 2);
        assert!(compared(&before, &before).is_empty());
    }
}
