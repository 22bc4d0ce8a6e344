//! How does a page become HTML? By templates that escape everything and know every name. What
//! strangers wrote shows its invisible characters.

use crate::compose::is_invisible;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};
use serde::Serialize;
use std::borrow::Cow;

/// The templates, built in.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "asked.html",
    "base.html",
    "case.html",
    "changed.html",
    "health.html",
    "letter.html",
    "link.html",
    "message.html",
    "outcome.html",
    "parts.html",
    "preview.html",
    "queue.html",
    "reply.html",
    "sign-in.html",
];

/// Fills templates in. A name that a screen does not have is an error.
pub(super) struct Renderer(Environment<'static>);

impl Renderer {
    /// Fails where a built-in template is wrong.
    pub fn new() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(write_value);
        // What a person typed goes back into its field as it was.
        environment.add_filter("typed", |text: String| {
            Value::from_safe_string(escape(&text).into_owned())
        });
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        Ok(Self(environment))
    }

    pub fn render(&self, name: &str, screen: &impl Serialize) -> Result<String, Error> {
        let template = self.0.get_template(name)?;
        template.render(minijinja::value::Serde(screen))
    }
}

/// Writes a value into HTML: text with its invisible characters named, and escaped.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            let shown = visible(text);
            out.write_str(&escape(&shown)).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Text for HTML, within elements and within attributes in quotation marks.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'', '`']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// A text in which no character hides, turns others around, or drives anything: each of these is
/// named, as in `[U+202E]`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_invisible(c) {
            shown.push_str(&format!("[U+{:04X}]", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// An address in which no letter looks like another one: what is not ASCII is named.
pub(super) fn marked_address(address: &str) -> String {
    let mut marked = String::new();
    for c in address.chars() {
        marked.push(c);
        if !c.is_ascii() && !is_invisible(c) {
            marked.push_str(&format!("[U+{:04X}]", u32::from(c)));
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        Renderer::new().unwrap();
    }

    #[test]
    fn text_of_strangers_is_text_and_hides_nothing() {
        let mut renderer = Renderer::new().unwrap();
        renderer
            .0
            .add_template(
                "t",
                "<p title=\"{{ text }}\">{{ text }}</p>{{ text|typed }}",
            )
            .unwrap();
        let screen = serde_json::json!({ "text": "\"><b>'`\u{202E}\u{E0041}\u{7}é\n" });
        let html = renderer.render("t", &screen).unwrap();
        let shown = "&quot;&gt;&lt;b&gt;&#39;&#96;[U+202E][U+E0041][U+0007]é\n";
        let typed = "&quot;&gt;&lt;b&gt;&#39;&#96;\u{202E}\u{E0041}\u{7}é\n";
        assert_eq!(html, format!("<p title=\"{shown}\">{shown}</p>{typed}"));
        let absent = serde_json::json!({});
        assert!(
            renderer.render("t", &absent).is_err(),
            "a name that is absent"
        );
    }

    #[test]
    fn an_address_with_letters_of_another_script_says_so() {
        assert_eq!(marked_address("ada@b.example"), "ada@b.example");
        assert_eq!(
            marked_address("\u{430}da@b.example"),
            "\u{430}[U+0430]da@b.example"
        );
    }
}
