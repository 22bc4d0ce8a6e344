//! What does the desk print of a letter? Its reading, field by field, in the labels' terms.

use crate::labels::DeskLabels;
use sealdesk::model::reading::{LetterKind, Reading};
use sealdesk::model::report::{Affected, Class, CreditWish, FactField, How, Intent, Range, Report};

/// Every field of the labels whose values are compared as they are.
pub const FIELDS: [&str; 19] = [
    "title",
    "product",
    "affected",
    "not-affected",
    "fixed",
    "cve",
    "cwe",
    "cvss",
    "severity",
    "intent",
    "public-date",
    "exploited",
    "others-told",
    "credit",
    "credit-name",
    "vulnerability",
    "steps",
    "file",
    "function",
];

/// Kinds of letters that have a title.
const REPORTING: [&str; 4] = ["report", "disclosure-notice", "scanner", "beg-bounty"];

/// The kind of a letter, in the labels' terms.
pub fn kind(reading: &Reading) -> &'static str {
    match (reading.kind, reading.report.as_ref().map(|r| r.class)) {
        (LetterKind::Report | LetterKind::FollowUp, Some(class)) if class != Class::Report => {
            class.as_str()
        }
        (kind, _) => kind.as_str(),
    }
}

/// The values that a reading prints in a field.
pub fn values(field: &str, reading: &Reading, desk: Option<&DeskLabels>) -> Vec<String> {
    let Some(report) = &reading.report else {
        return Vec::new();
    };
    match field {
        // Of a letter that reports nothing it is a name, and no claim.
        "title" if !REPORTING.contains(&kind(reading)) => Vec::new(),
        "title" => vec![report.summary.clone()],
        "product" => {
            let named = report.product.iter();
            named
                .map(|name| {
                    desk.map_or(name.as_str(), |d| d.product_called(name))
                        .to_owned()
                })
                .collect()
        }
        "affected" => report.affected.iter().flat_map(ranges).collect(),
        "not-affected" => report.unaffected_versions.clone(),
        "fixed" => report.fixed_versions.clone(),
        "cve" => report.cve_ids.clone(),
        "cwe" => report.cwe_ids.clone(),
        "cvss" => report.cvss.iter().cloned().collect(),
        // The rating of a vector is reckoned, not read.
        "severity" => stated(report, FactField::Severity),
        "intent" if report.disclosure.intent == Intent::Unstated => Vec::new(),
        "intent" => vec![report.disclosure.intent.as_str().to_owned()],
        "public-date" => report.disclosure.date.iter().cloned().collect(),
        "vulnerability" => report.vulnerabilities.clone(),
        "steps" => report.steps_to_reproduce.iter().cloned().collect(),
        "file" => report.files.clone(),
        "function" => report.functions.clone(),
        _ => answers(field, report),
    }
}

/// Whether the desk says of a value that it only follows from others: then it is a suggestion.
pub fn is_inferred(field: &str, value: &str, reading: &Reading) -> bool {
    let fact = match field {
        "cwe" => FactField::Cwe,
        "product" => FactField::Product,
        _ => return false,
    };
    let evidence = reading.report.iter().flat_map(|report| &report.evidence);
    let mut of_value = evidence.filter(|e| e.fact == fact && e.value == value);
    of_value.any(|e| e.how == How::Inferred)
}

fn stated(report: &Report, fact: FactField) -> Vec<String> {
    let stated = report.evidence.iter().filter(|e| e.fact == fact);
    stated.map(|e| e.value.clone()).collect()
}

fn answers(field: &str, report: &Report) -> Vec<String> {
    let answers = &report.answers;
    let value = match field {
        "exploited" => answers.exploited.map(|is| is.to_string()),
        "others-told" => answers.others_told.map(|were| were.to_string()),
        "credit" => answers.credit.map(CreditWish::as_str).map(str::to_owned),
        "credit-name" => answers.credit_name.clone(),
        _ => None,
    };
    value.into_iter().collect()
}

fn ranges(affected: &Affected) -> Vec<String> {
    let ranges = affected.ranges.iter().map(in_words);
    ranges.chain(affected.versions.iter().cloned()).collect()
}

fn in_words(range: &Range) -> String {
    let from = (range.introduced != "0").then(|| format!(">= {}", range.introduced));
    let to = match (&range.fixed, &range.last_affected) {
        (Some(fixed), _) => Some(format!("< {fixed}")),
        (None, Some(last)) => Some(format!("<= {last}")),
        (None, None) => None,
    };
    let ends: Vec<String> = from.into_iter().chain(to).collect();
    if ends.is_empty() {
        "all".to_owned()
    } else {
        ends.join(", ")
    }
}
