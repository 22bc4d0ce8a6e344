//! What JSON does the program print, field by field? A page of the guide, made from the types that
//! are printed, so that it can't say anything else.

use crate::control::{CaseLine, CaseView};
use crate::model::reading::Reading;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const INTRODUCTION: &str = "\
# The JSON, field by field

*What may a program rely on in what the desk prints?*

Made from the program's own types. A field keeps its name and its meaning; new ones may come, so ignore those that you don't know. \
Times are written as in RFC 3339, in UTC. A field that is *absent or* something is left out where there is nothing to say.
";

/// The commands that print JSON, and a sentence about each.
const COMMANDS: [(&str, &str); 3] = [
    ("sealdesk open LETTER", "One object: a [Reading](#reading)."),
    (
        "sealdesk case list --json",
        "A list of [CaseLine](#caseline).",
    ),
    (
        "sealdesk case show SD-… --json",
        "One object: a [CaseView](#caseview).",
    ),
];

/// The whole page.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| command | prints |\n|---|---|\n");
    for (command, prints) in COMMANDS {
        page.push_str(&format!("| `{command}` | {prints} |\n"));
    }
    let mut types = BTreeMap::new();
    for root in [
        root::<Reading>("Reading"),
        root::<CaseLine>("CaseLine"),
        root::<CaseView>("CaseView"),
    ] {
        types.extend(root);
    }
    for (name, schema) in types {
        page.push_str(&section(&name, &schema));
    }
    page
}

/// A type and those that it is made of, by name.
fn root<T: JsonSchema>(name: &str) -> Vec<(String, Value)> {
    let settings = SchemaSettings::default().for_serialize();
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    let definitions = schema["$defs"].take();
    let mut types = vec![(name.to_owned(), schema)];
    if let Value::Object(definitions) = definitions {
        types.extend(definitions);
    }
    types
}

fn section(name: &str, schema: &Value) -> String {
    let mut section = format!("\n## {name}\n");
    if let Some(description) = schema["description"].as_str() {
        section.push_str(&format!("\n{}\n", one_line(description)));
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        section.push_str(&variants_of(variants));
    } else if schema["enum"].is_array() {
        section.push_str(&format!("\nOne of {}.\n", words(schema).join(", ")));
    } else if schema["properties"].is_object() {
        section.push_str(&fields(schema));
    } else {
        section.push_str(&format!("\nWritten as {}.\n", type_of(schema)));
    }
    section
}

/// The words of an enum, or its objects, each with what tells it apart.
fn variants_of(variants: &[Value]) -> String {
    let is_word = |variant: &&Value| variant["properties"].is_null();
    let mut text = String::new();
    if variants.iter().any(|variant| is_word(&variant)) {
        text.push_str("\n| word | meaning |\n|---|---|\n");
    }
    for variant in variants.iter().filter(is_word) {
        let meaning = description(variant);
        for word in words(variant) {
            text.push_str(&format!("| {word} | {meaning} |\n"));
        }
    }
    for variant in variants.iter().filter(|variant| !is_word(variant)) {
        text.push_str(&format!("\n{}:\n{}", title(variant), fields(variant)));
    }
    text
}

/// What tells an object of an enum from the others: its constants, or its only field.
fn title(variant: &Value) -> String {
    let properties = variant["properties"].as_object();
    let all = properties.into_iter().flatten();
    let constants: Vec<String> = all
        .filter_map(|(name, of)| Some(format!("`{name}` is `{}`", of["const"].as_str()?)))
        .collect();
    let told = match constants.is_empty() {
        false => constants.join(", "),
        true => "An object".to_owned(),
    };
    match description(variant) {
        meaning if meaning.is_empty() => format!("**{told}**"),
        meaning => format!("**{told}** ({})", meaning.trim_end_matches('.')),
    }
}

fn fields(schema: &Value) -> String {
    let mut table = "\n| field | type | meaning |\n|---|---|---|\n".to_owned();
    let required = schema["required"].as_array();
    let is_required = |name: &str| {
        let mut names = required.into_iter().flatten();
        names.any(|known| known == name)
    };
    for (name, of) in schema["properties"].as_object().unwrap_or(&Map::new()) {
        // What is left out where there is nothing to say is never null.
        let kind = match is_required(name) {
            true => type_of(of),
            false => format!("absent or {}", type_of(of).replace(" or null", "")),
        };
        table.push_str(&format!("| `{name}` | {kind} | {} |\n", description(of)));
    }
    table
}

/// A type in words, with a link where it has a section of its own.
fn type_of(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap_or(path);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let choices = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(choices) = choices {
        let choices: Vec<String> = choices.iter().map(type_of).collect();
        return choices.join(" or ");
    }
    if schema["const"].is_string() || schema["enum"].is_array() {
        return words(schema).join(", ");
    }
    match &schema["type"] {
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            let names: Vec<String> = names.map(|name| type_called(name, schema)).collect();
            names.join(" or ")
        }
        name => type_called(name.as_str().unwrap_or("any"), schema),
    }
}

fn type_called(name: &str, schema: &Value) -> String {
    match (name, schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", Some("date")) => "day".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "`true` or `false`".to_owned(),
        ("array", _) => format!("list of {}", type_of(&schema["items"])),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("object of {}", type_of(&schema["additionalProperties"]))
        }
        (other, _) => other.to_owned(),
    }
}

fn words(schema: &Value) -> Vec<String> {
    let list = schema["enum"].as_array().into_iter().flatten();
    list.chain(schema.get("const"))
        .filter_map(Value::as_str)
        .map(|word| format!("`{word}`"))
        .collect()
}

fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let text = one_line(text).replace('|', "\\|");
    // Within backticks, HTML shows as it stands.
    let parts = text.split('`').enumerate();
    let escaped: Vec<String> = parts
        .map(|(n, part)| match n % 2 {
            0 => part.replace('<', "&lt;"),
            _ => part.to_owned(),
        })
        .collect();
    escaped.join("`")
}

/// Links of the code's own documentation lead nowhere in the guide.
fn one_line(text: &str) -> String {
    let text = text.replace("[`", "`").replace("`]", "`");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_guide_is_what_the_types_say() {
        let page = include_str!("../../docs/src/json.md");
        assert!(
            page == reference(),
            "docs/src/json.md is not what the types say: cargo run -- manual --out target/manual, \
             and copy json.md"
        );
    }
}
