//! What was typed, and how does it become a command? Fields of a form, and a line as a responder's
//! letter would have it.

use super::Failure;
use axum::body::{Body, to_bytes};
use axum::http::Uri;
use std::time::Duration;
use tokio::time::timeout;
use url::form_urlencoded;

/// A form is small; the longest holds a reply of 128 KiB, each octet as three.
const FORM_OCTETS_MAX: usize = 512 * 1024;

/// Whoever sends a form octet by octet keeps a connection that others want.
const FORM_TAKES: Duration = Duration::from_secs(20);

/// The fields of a form or of a query, in their order.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub async fn of_body(body: Body) -> Result<Self, Failure> {
        let octets = timeout(FORM_TAKES, to_bytes(body, FORM_OCTETS_MAX)).await;
        let octets = octets
            .map_err(|_| Failure::Malformed("The form did not come whole: send it again."))?;
        let octets = octets.map_err(|_| Failure::TooLarge)?;
        Ok(Self(form_urlencoded::parse(&octets).into_owned().collect()))
    }

    pub fn of_query(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The value of a field; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        let mut fields = self.0.iter();
        fields
            .find(|(of, _)| of == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// A number that a form of ours holds.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.text(name).parse().ok()
    }

    /// The command that this form is for: the line that it holds, or one that is written of its
    /// fields. `None` where it is none of ours.
    pub fn command_line(&self, case: &str) -> Option<String> {
        let field = |name| self.text(name).trim();
        let line = match field("verb") {
            "line" => field("line").to_owned(),
            // Its text may begin with a word that looks like another case.
            "note" => format!("note {case} {}", field("text")),
            "assign" => line("assign", &[], &[field("who")]),
            "lane" => line("lane", &[("why", field("why"))], &[field("lane")]),
            "reach" => line("reach", &[("at", field("at"))], &[field("step")]),
            "close" => line("close", &[("note", field("note"))], &[field("why")]),
            "duplicate-of" => line("duplicate-of", &[], &[field("other")]),
            "link" => line("link", &[], &[field("what"), field("to")]),
            "release-date" if field("despite").is_empty() => {
                line("release-date", &[], &[field("day")])
            }
            "release-date" => line("release-date --despite", &[], &[field("day")]),
            "wait" => line("wait", &[("why", field("why"))], &[]),
            "reopen" => line("reopen", &[("why", field("why"))], &[]),
            _ => return None,
        };
        Some(line)
    }
}

/// A command with options, those without a value left out, and its words behind them. What was typed
/// can be neither an option nor a second word.
fn line(verb: &str, options: &[(&str, &str)], words: &[&str]) -> String {
    let mut line = verb.to_owned();
    for (name, value) in options.iter().filter(|(_, value)| !value.is_empty()) {
        line.push_str(&format!(" {}", quoted(&format!("--{name}={value}"))));
    }
    if !words.is_empty() {
        line.push_str(" --");
    }
    for word in words {
        line.push_str(&format!(" {}", quoted(word)));
    }
    line
}

/// One word of a line. Quotation marks as word processors set them would become plain ones where
/// the line is read.
fn quoted(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            c if c.is_whitespace() || c.is_control() => ' ',
            c => c,
        })
        .collect();
    let word = shlex::try_quote(&plain).map(std::borrow::Cow::into_owned);
    word.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(query: &str) -> Fields {
        Fields::of_query(&format!("/?{query}").parse().unwrap())
    }

    #[test]
    fn what_is_typed_is_one_word_and_no_option() {
        let rows = [
            ("verb=assign&who=rita", "assign -- rita"),
            ("verb=assign&who=--help", "assign -- --help"),
            ("verb=assign&who=a%20b", "assign -- 'a b'"),
            ("verb=link&what=fix&to=it%E2%80%99s", "link -- fix \"it's\""),
            ("verb=lane&lane=asap&why=", "lane -- asap"),
            (
                "verb=lane&lane=asap&why=x%22%20--at%20y",
                "lane '--why=x\" --at y' -- asap",
            ),
            (
                "verb=note&text=SD-AAAAAAAAAA%20too",
                "note SD-1 SD-AAAAAAAAAA too",
            ),
            ("verb=line&line=%20file%20", "file"),
        ];
        for (query, expected) in rows {
            let line = fields(query).command_line("SD-1");
            assert_eq!(line.as_deref(), Some(expected), "{query}");
        }
        assert_eq!(fields("verb=purge").command_line("SD-1"), None);
    }

    /// Whatever is typed into a field, the desk reads one command of that form's kind about this
    /// case, with that text in it, or none.
    #[test]
    fn no_text_of_a_field_becomes_another_command() {
        use crate::grammar::parse_line;
        use crate::model::case_command::{CaseCommand, CommandLine};
        use crate::model::ids::CaseId;
        const PIECES: [&str; 20] = [
            "a",
            " ",
            "'",
            "\"",
            "\\",
            "--",
            "-",
            "=",
            "#",
            "\n",
            "\t",
            "$",
            "`",
            ";",
            "/",
            "help",
            "SD-3333333333",
            "\u{2019}",
            "\u{2013}x",
            "\u{202e}",
        ];
        let case = CaseId::from_random([3; 10]);
        let mut seed: u32 = 7;
        let mut taken = 0;
        for _ in 0..4_000 {
            let mut text = String::new();
            for _ in 0..1 + seed % 6 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(PIECES[seed as usize / 7 % PIECES.len()]);
            }
            let form = Fields(vec![
                ("verb".to_owned(), "assign".to_owned()),
                ("who".to_owned(), text.clone()),
            ]);
            let line = form.command_line(case.as_str()).unwrap();
            match parse_line(&case, &line, 16) {
                Ok(CommandLine::Execute(CaseCommand::Assign { to })) => {
                    let plain = |text: &str| {
                        let text = text.replace('\u{2013}', "--").replace('\u{2019}', "'");
                        text.split_whitespace().collect::<Vec<_>>().join(" ")
                    };
                    assert_eq!(plain(&to), plain(&text), "{line}");
                    taken += 1;
                }
                Ok(other) => panic!("{text:?} became {line:?}, which is {other:?}"),
                Err(why) => assert!(text.trim().is_empty(), "{text:?}: {line}: {why}"),
            }
        }
        assert!(taken > 3_000, "{taken}");
    }
}
