//! A security advisory for a web page.

use super::{ExportError, Exported};
use crate::compose::disarm::span;

pub fn markdown(exported: &Exported<'_>) -> Result<String, ExportError> {
    let report = exported.report;
    let list = |items: &[String]| {
        items
            .iter()
            .map(|item| span(item))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let severity = match (&report.severity, &report.cvss, report.cvss_score) {
        (Some(severity), Some(vector), Some(score)) => {
            format!("{severity}, {score:.1} ({})", span(vector))
        }
        (Some(severity), ..) => severity.clone(),
        _ => String::new(),
    };
    let mut text = format!("# {}\n\n", span(exported.title("Markdown")?));
    let state = exported.released_at.map_or_else(
        || "**Confidential until its release.**".to_owned(),
        |at| format!("Released on {}.", at.strftime("%Y-%m-%d")),
    );
    text.push_str(&format!("{state}\n\n| | |\n|---|---|\n"));
    let advisory = exported
        .advisory
        .map(|(id, _)| id.to_owned())
        .into_iter()
        .collect::<Vec<_>>();
    let credited: Vec<String> = exported
        .credited()
        .into_iter()
        .map(|(name, kind)| format!("{name} ({})", kind.replace('_', " ")))
        .collect();
    for (name, value) in [
        (
            "Product",
            report.product.as_deref().map(span).unwrap_or_default(),
        ),
        ("Advisory", list(&advisory)),
        ("CVE", list(&report.cve_ids)),
        ("Affected", list(&report.affected_versions)),
        ("Fixed in", list(&report.fixed_versions)),
        ("Severity", severity),
        ("Weakness", list(&report.cwe_ids)),
        ("Thanks to", list(&credited)),
    ] {
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
