//! What does a person see of many cases? A table of them.

use crate::cli::case::state_text::{acknowledgement, draft, due_next, quality, standing};
use crate::cli::screen::tame;
use crate::control::{CaseLine, LIST_MAX};
use crate::model::Timestamp;
use comfy_table::{Table, TableStyle};

pub(super) fn table(lines: &[CaseLine], now: Timestamp) -> String {
    if lines.is_empty() {
        return "No such case. `--all` lists closed ones too.\n".to_owned();
    }
    // It is asked for by `--sort quality`; else nothing but what sort of report it is would stand
    // there.
    let shows_quality = lines.iter().any(|line| !quality(line).is_empty());
    let columns = [
        "CASE",
        "ARRIVED",
        "STANDING",
        "SEVERITY",
        "ACKNOWLEDGEMENT",
        "DRAFT",
        "DUE NEXT",
        "WHOSE",
        "QUALITY",
        "SUMMARY",
    ];
    let shown = |cells: [String; 10]| {
        cells
            .into_iter()
            .enumerate()
            .filter(move |(n, _)| shows_quality || columns[*n] != "QUALITY")
            .map(|(_, cell)| cell)
    };
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_header(shown(columns.map(str::to_owned)));
    for line in lines {
        table.add_row(shown([
            line.id.to_string(),
            line.opened_at.strftime("%Y-%m-%d %H:%M").to_string(),
            standing(&line.standing),
            line.severity.clone().unwrap_or_default(),
            acknowledgement(&line.acknowledgement),
            draft(&line.draft),
            if line.waits {
                "waits for an upstream".to_owned()
            } else {
                line.next
                    .as_ref()
                    .map_or_else(String::new, |due| due_next(due, now))
            },
            tame(line.assignee.as_deref().unwrap_or("")),
            quality(line),
            tame(line.summary.as_deref().unwrap_or("")),
        ]));
    }
    let cut = if lines.len() == LIST_MAX {
        format!("These are the first {LIST_MAX}: --sort due, --late or --assignee show others.\n")
    } else {
        String::new()
    };
    format!("{table}\n{cut}")
}
