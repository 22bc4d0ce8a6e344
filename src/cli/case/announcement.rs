//! What should an announcement say? A first draft from what the team found, with the gaps that only
//! people can fill.

use crate::cases::TO_BE_WRITTEN;
use crate::cli::screen::tame;
use crate::control::CaseView;

/// Plain text; its first line is the subject.
pub(super) fn draft(view: &CaseView) -> String {
    let report = view.report.clone().unwrap_or_default();
    let or = |text: String| {
        if text.trim().is_empty() {
            TO_BE_WRITTEN.to_owned()
        } else {
            tame(&text)
        }
    };
    let product = or(report.product.clone().unwrap_or_default());
    let fixed = or(report.fixed_versions.join(", "));
    let cve = report.cve_ids.join(", ");
    let cve = if cve.is_empty() {
        String::new()
    } else {
        format!(" ({cve})")
    };
    let severity = match (&report.severity, &report.cvss) {
        (Some(severity), Some(vector)) => format!("{severity}, {vector}"),
        (Some(severity), None) => severity.clone(),
        _ => String::new(),
    };
    let credits: Vec<&str> = view
        .dossier
        .credits
        .iter()
        .map(|credit| credit.shown())
        .collect();
    let mut text = format!(
        "Subject: {product} {fixed} fixes a vulnerability{}\n\n",
        tame(&cve)
    );
    text.push_str(&format!(
        "{product} {fixed} is released. It fixes a vulnerability{}: {}.\n\n",
        tame(&cve),
        or(report.summary.clone()).trim_end_matches('.')
    ));
    for (name, value) in [
        ("Affected", or(report.affected_versions.join(", "))),
        ("Fixed in", fixed.clone()),
        ("Severity", or(severity)),
        ("Weakness", or(report.cwe_ids.join(", "))),
        ("Impact", TO_BE_WRITTEN.to_owned()),
        ("Download", links(view, "download")),
        ("Advisory", links(view, "advisory")),
        ("Fix", links(view, "fix")),
    ] {
        text.push_str(&format!("{name:<10}{value}\n"));
    }
    text.push_str(&format!(
        "\nWhat you can do before you upgrade: {TO_BE_WRITTEN}\n"
    ));
    if !credits.is_empty() {
        text.push_str(&format!(
            "\nWe thank {} for the report.\n",
            tame(&credits.join(", "))
        ));
    }
    text
}

fn links(view: &CaseView, what: &str) -> String {
    let mut found: Vec<String> = view
        .dossier
        .links
        .iter()
        .filter(|link| link.what == what)
        .map(|link| tame(&link.to))
        .collect();
    if let (true, crate::model::case::Draft::Filed { advisory }) =
        (what == "advisory" && found.is_empty(), &view.line.draft)
    {
        found.push(advisory.url.clone());
    }
    if found.is_empty() {
        TO_BE_WRITTEN.to_owned()
    } else {
        found.join(", ")
    }
}
