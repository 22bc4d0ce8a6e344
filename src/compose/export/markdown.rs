//! A security advisory for a web page.

use super::{ExportError, Exported};
use crate::compose::disarm::{self, span, spans};
use crate::model::report::Report;
use crate::model::report::fields::{Field, Place, Table};

/// A page for people, without a sentence of any letter.
pub fn markdown(exported: &Exported<'_>) -> Result<String, ExportError> {
    let mut text = format!("# {}\n\n", span(exported.title("Markdown")?));
    let state = exported.released_at.map_or_else(
        || "**Confidential until its release.**".to_owned(),
        |at| format!("Released on {}.", at.strftime("%Y-%m-%d")),
    );
    text.push_str(&format!("{state}\n\n| | |\n|---|---|\n"));
    for (name, value) in rows(exported) {
        if !value.is_empty() {
            text.push_str(&format!("| {name} | {value} |\n"));
        }
    }
    let links = exported.urls();
    if !links.is_empty() {
        text.push_str("\n## Links\n\n");
        links
            .iter()
            .for_each(|(what, url)| text.push_str(&format!("- {}: <{url}>\n", span(what))));
    }
    Ok(text)
}

/// Names and values: the fields of the report, the advisory's id and who is thanked.
fn rows(exported: &Exported<'_>) -> Vec<(&'static str, String)> {
    let report = exported.report;
    let advisory = exported.advisory.map(|(id, _)| span(id));
    let credited: Vec<String> = exported
        .credited()
        .into_iter()
        .map(|(name, kind)| format!("{name} ({})", kind.replace('_', " ")))
        .collect();
    let mut rows = Vec::new();
    for (field, value) in Table::of(report).shown_in(Place::MarkdownExport) {
        let value = match field {
            Field::Severity => severity(report),
            _ => disarm::value(value),
        };
        rows.push((field.name_in(Place::MarkdownExport), value));
        if field == Field::Product {
            rows.push(("Advisory", advisory.clone().unwrap_or_default()));
        }
    }
    rows.push(("Thanks to", spans(&credited)));
    rows
}

/// `high, 7.5 (CVSS:3.1/…)`: severity, score and vector as one value.
fn severity(report: &Report) -> String {
    match (&report.severity, &report.cvss, report.cvss_score) {
        (Some(severity), Some(vector), Some(score)) => {
            format!("{severity}, {score:.1} ({})", span(vector))
        }
        (Some(severity), ..) => severity.clone(),
        _ => String::new(),
    }
}
