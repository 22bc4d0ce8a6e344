//! How is what the desk holds of a report written at a terminal?

use crate::control::CaseLine;
use crate::model::report::Class;

/// `72`, and what sort of report it is where that says more.
pub(super) fn quality(line: &CaseLine) -> String {
    let score = line
        .quality
        .map(|score| score.to_string())
        .unwrap_or_default();
    match line.class {
        Some(class) if class != Class::Report => format!("{score} ({})", class.as_str()),
        _ => score,
    }
}
