//! What changed between two configs? Key by key, for the log: which must hold no address.

use super::Settings;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// A line for each key that came, went or changed.
pub fn changes(before: &Settings, after: &Settings) -> Vec<String> {
    compared(&before.written, &after.written)
}

/// Words that say how a desk is set up, and nothing about whose it is.
const PLAIN: [&str; 28] = [
    "always",
    "app",
    "command",
    "confirmed",
    "evident",
    "folder",
    "full",
    "github",
    "gitlab",
    "hold",
    "imap",
    "inbox",
    "keep",
    "keyword",
    "maildir",
    "move",
    "none",
    "oauth2",
    "outline",
    "password",
    "plaintext",
    "sent",
    "smtp",
    "starttls",
    "system",
    "tls",
    "token",
    "webhook",
];

/// Tables whose keys an operator makes up.
const NAMED_BY_HIM: [&str; 3] = ["checkouts.", "tracker.collaborators.", "tracker.products."];

/// A line for each key that is set, without a single text of it: for whoever looks for a fault from
/// afar.
pub fn shape(settings: &Settings) -> Vec<String> {
    let mut all = BTreeMap::new();
    flatten("", &Value::Table(settings.written.clone()), &mut all);
    let mut lines: Vec<String> = all
        .iter()
        .map(|(key, value)| format!("{} = {}", plain_key(key), plain(value)))
        .collect();
    lines.dedup();
    lines
}

fn plain_key(key: &str) -> String {
    NAMED_BY_HIM
        .iter()
        .find(|table| key.starts_with(*table))
        .map_or_else(|| key.to_owned(), |table| format!("{table}…"))
}

fn plain(value: &str) -> String {
    let is_plain = |word: &str| {
        word.parse::<f64>().is_ok()
            || ["true", "false"].contains(&word)
            || PLAIN.iter().any(|known| word == format!("{known:?}"))
    };
    match value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some("") => "[]".to_owned(),
        Some(_) => "[…]".to_owned(),
        None if is_plain(value) => value.to_owned(),
        None => "…".to_owned(),
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
        for (value, shown) in [
            ("\"tls\"", "\"tls\""),
            ("24", "24"),
            ("true", "true"),
            ("\"a@b.example\"", "…"),
            ("[\"x\"]", "[…]"),
            ("[]", "[]"),
        ] {
            assert_eq!(plain(value), shown);
        }
        assert_eq!(
            plain_key("tracker.products.secret-tool"),
            "tracker.products.…"
        );
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
