//! What is affected? Packages and versions in OSV's shape: as records say, else as the letter's
//! words mean.

use super::documents::{self, RECORDS_MAX, Record};
use super::fields::LetterField;
use super::report::{ReportFile, first, unique, without_code};
use super::sections::Section;
use super::{patterns, ranges, versions};
use crate::model::report::{Affected, Package, Range};

patterns! {
    FENCED = r"(?ms)^```[ \t]*(json5?|yaml|yml|sarif)[ \t]*\n(.*?)^```";
    // A letter, or the end of one, that is YAML from its first key on, without being told so.
    BARE_YAML = r"(?s)\A(?:---\s*\n)?[a-z][a-z_-]{2,30}:(?: [^\n]*)?\n(?:[a-z][a-z_-]{2,30}:|  +\S|\s*- ).*";
}

/// The records of the letter: files, and blocks of its text. And where each was read.
pub(super) fn records(text: &str, files: &[ReportFile<'_>]) -> (Vec<Record>, Vec<String>) {
    let in_text = FENCED
        .captures_iter(text)
        .map(|c| (format!("a block of the text, {}", &c[1]), c[2].to_owned()));
    let whole = text
        .trim_start()
        .starts_with('{')
        .then(|| ("the text, json".to_owned(), text.to_owned()));
    let bare = BARE_YAML
        .find(text)
        .map(|m| ("the text, yaml".to_owned(), m.as_str().to_owned()));
    let blocks = in_text
        .chain(whole)
        .chain(bare)
        .map(|(name, block)| (name.clone(), documents::record(&name, block.as_bytes())));
    let attached = files.iter().map(|file| {
        (
            file.name.to_owned(),
            documents::record(&format!("{} {}", file.media_type, file.name), file.octets),
        )
    });
    let found = attached
        .chain(blocks)
        .filter_map(|(name, record)| record.map(|record| (name, record)))
        .take(RECORDS_MAX);
    found
        .map(|(name, record)| (record.clone(), format!("{name}: {}", record.format)))
        .unzip()
}

/// In the shape of OSV: as the records say, else as the letter's words mean.
pub(super) fn affected(
    records: &[Record],
    words: &[String],
    fixed: &[String],
    product: Option<&str>,
) -> Vec<Affected> {
    let mut recorded: Vec<Affected> = records.iter().flat_map(|r| r.affected.clone()).collect();
    // A list of what the ranges hold says nothing besides.
    recorded
        .iter_mut()
        .filter(|a| !a.ranges.is_empty())
        .for_each(|a| a.versions.clear());
    if recorded
        .iter()
        .any(|a| !a.ranges.is_empty() || !a.versions.is_empty())
    {
        if let Some(first) = recorded.first_mut() {
            let (_, tested) = ranges::meant(words);
            first.versions.extend(
                tested
                    .into_iter()
                    .filter(|v| !first.ranges.iter().any(|r| ranges::is_end_of(r, v)))
                    .collect::<Vec<_>>(),
            );
        }
        return recorded;
    }
    let (mut ranges, versions) = ranges::meant(words);
    // "Up to 1.2 … fixed in 1.3": with one range and one fix, the range ends there.
    if let ([range], [fix]) = (ranges.as_mut_slice(), fixed)
        && range.fixed.is_none()
        && range.last_affected.is_none()
    {
        range.fixed = Some(fix.clone());
    }
    let package = recorded.into_iter().find_map(|a| a.package).or_else(|| {
        product.map(|name| Package {
            name: name.to_owned(),
            ..Package::default()
        })
    });
    let says = !ranges.is_empty() || !versions.is_empty();
    if says {
        vec![Affected {
            package,
            ranges,
            versions,
        }]
    } else {
        Vec::new()
    }
}

pub(super) fn in_words(range: &Range) -> String {
    let from = if range.introduced == "0" {
        String::new()
    } else {
        format!(">= {}", range.introduced)
    };
    let to = match (&range.fixed, &range.last_affected) {
        (Some(fixed), _) => format!("< {fixed}"),
        (_, Some(last)) => format!("<= {last}"),
        _ => String::new(),
    };
    match (from.is_empty(), to.is_empty()) {
        (true, true) => "all versions".to_owned(),
        (false, false) => format!("{from}, {to}"),
        _ => from + &to,
    }
}

pub(super) fn fixed_versions(sections: &[Section], text: &str) -> Vec<String> {
    let named = sections
        .iter()
        .filter(|s| s.field == LetterField::Fixed)
        .flat_map(|s| versions::fixed_in_field(&s.text));
    unique(named.chain(versions::fixed(&without_code(text))))
}

pub(super) fn affected_versions(
    sections: &[Section],
    subject: &str,
    text: &str,
    product: Option<&str>,
) -> Vec<String> {
    let named: Vec<String> = sections
        .iter()
        .filter(|s| s.field == LetterField::Versions)
        .flat_map(|s| versions::in_field(&s.text))
        .collect();
    if !named.is_empty() {
        return unique(named);
    }
    let beside_product = first(sections, LetterField::Product)
        .map(|t| versions::in_field(t.lines().next().unwrap_or_default()))
        .unwrap_or_default();
    if !beside_product.is_empty() {
        return beside_product;
    }
    let prose = without_code(text);
    versions::in_prose(&format!("{subject}. {prose}"), product)
}
