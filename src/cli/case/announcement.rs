//! What should an announcement say? A first draft from what the team found, with the gaps that only
//! people can fill.

use crate::cases::TO_BE_WRITTEN;
use crate::cli::screen::tame;
use crate::control::CaseView;
use crate::model::report::fields::{Field, Place, Table};

/// Plain text; its first line is the subject.
pub(super) fn draft(view: &CaseView) -> String {
    let report = view.report.clone().unwrap_or_default();
    let table = Table::of(&report);
    let or = |text: String| {
        if text.trim().is_empty() {
            TO_BE_WRITTEN.to_owned()
        } else {
            tame(&text)
        }
    };
    let product = or(table.text(Field::Product));
    let fixed = or(table.text(Field::FixedVersions));
    let cve = table.text(Field::Cve);
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
        .record
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
    let fields = table.shown_in(Place::Announcement).map(|(field, value)| {
        let text = match field {
            Field::Severity => severity.clone(),
            _ => value.text(),
        };
        (field.name_in(Place::Announcement), or(text))
    });
    for (name, value) in fields.chain([
        ("Impact", TO_BE_WRITTEN.to_owned()),
        ("Download", links(view, "download")),
        ("Advisory", links(view, "advisory")),
        ("Fix", links(view, "fix")),
    ]) {
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
        .record
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
