//! What stands in an issue of GitLab?

use crate::model::outgoing::Amendment;
use crate::model::report::fields::{Place, Table};

/// GitLab takes lines that begin with a slash for commands, by older versions even inside of a
/// fence. None may begin so.
pub(super) fn inert(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with('/') {
            format!("· {line}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// What the team found, between its marks in front of the last line. It is written anew each time;
/// the marks are lines that nobody else can write.
pub(super) fn with_view(description: &str, amendment: &Amendment) -> Option<String> {
    let credits = amendment
        .credits
        .iter()
        .map(|c| format!("{} ({})", c.login, c.kind))
        .collect::<Vec<_>>()
        .join(", ");
    let mut rows: Vec<(&str, String)> = Table::of_assessment(&amendment.assessment)
        .shown_in(Place::GitlabView)
        .map(|(field, value)| (field.name_in(Place::GitlabView), value.text()))
        .collect();
    if !credits.is_empty() {
        rows.push(("Credits", credits));
    }
    let rows: String = rows
        .into_iter()
        .map(|(name, value)| format!("- {name}: `{}`\n", value.replace('`', "'")))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let begins = format!("<!-- sealdesk:view:{} -->", amendment.mark);
    let ends = format!("<!-- /sealdesk:view:{} -->", amendment.mark);
    let view = format!("{begins}\n### What the team found\n\n{rows}{ends}");
    let after = match (line_of(description, &begins), line_of(description, &ends)) {
        (Some(from), Some(to)) if from < to => format!(
            "{}{view}{}",
            &description[..from],
            &description[to + ends.len()..]
        ),
        _ => {
            let (text, marker) = description
                .trim_end()
                .rsplit_once('\n')
                .unwrap_or(("", description.trim_end()));
            format!("{}\n\n{view}\n\n{marker}", text.trim_end())
        }
    };
    (after != description).then_some(after)
}

/// Where the last line begins that is this and no more.
fn line_of(text: &str, line: &str) -> Option<usize> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').map(|whole| {
        let from = at;
        at += whole.len();
        (from, whole)
    });
    let found = lines.filter(|(_, whole)| whole.trim_end() == line);
    found.last().map(|(from, _)| from)
}
