//! What is affected? Packages and versions in OSV's shape: as records say, else as the letter's
//! words claim.

use super::documents::{self, RECORDS_MAX, Record};
use super::patterns;
use super::report::{ReportFile, unique};
use super::units::{Keys, units};
use super::version_claims::{Context, Role, Span, VersionClaim, claims};
use crate::model::report::{Affected, Package, Range};
use versions::Versioning;

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
        .then(|| ("the text, json".to_owned(), unbroken(text)));
    let embedded = json_of(text).filter(|range| range.start > 0).map(|range| {
        (
            "a block of the text, json".to_owned(),
            text[range].to_owned(),
        )
    });
    let bare = BARE_YAML
        .find(text)
        .map(|m| ("the text, yaml".to_owned(), m.as_str().to_owned()));
    let blocks = in_text
        .chain(whole)
        .chain(embedded)
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
        .map(|(name, record)| (record.clone(), format!("{name}: {}", record.source())))
        .unzip()
}

/// Where a JSON object stands in a text, from the beginning of a line on. A mail program may have
/// broken its lines anywhere.
pub(super) fn json_of(text: &str) -> Option<std::ops::Range<usize>> {
    let lines = text.match_indices('{').filter(|(at, _)| {
        let head = &text[..*at];
        head.is_empty() || head.ends_with('\n')
    });
    lines.take(JSON_TRIES_MAX).find_map(|(at, _)| {
        let unbroken = unbroken(&text[at..]);
        let objects = serde_json::Deserializer::from_str(&unbroken);
        let mut objects = objects.into_iter::<serde::de::IgnoredAny>();
        let is_whole = matches!(objects.next(), Some(Ok(_)));
        let end = at + objects.byte_offset();
        (is_whole && end - at >= JSON_OCTETS_MIN).then_some(at..end)
    })
}

/// On one line, with every octet in its place.
fn unbroken(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// So many lines that begin with a brace are tried.
const JSON_TRIES_MAX: usize = 4;

/// Shorter objects are examples.
const JSON_OCTETS_MIN: usize = 120;

/// What the words claim of versions, each claim once.
#[derive(Debug, Default)]
pub(super) struct ClaimedVersions {
    /// As the letter has them: `before 2.4.1`.
    pub affected_words: Vec<String>,
    /// The same as evidence names them: `< 2.4.1`.
    pub affected_values: Vec<String>,
    pub ranges: Vec<Range>,
    pub versions: Vec<String>,
    pub fixed: Vec<String>,
}

impl ClaimedVersions {
    /// From the claims of a text.
    pub fn of(claims: &[VersionClaim]) -> Self {
        let with = |role| claims.iter().filter(move |claim| claim.role == role);
        let fixed = unique(with(Role::Fixed).filter_map(|claim| fix(&claim.span)));
        let safe: Vec<&Span> = with(Role::Safe).map(|claim| &claim.span).collect();
        // "All versions up to 2.3" says the same twice.
        let has_bounds = with(Role::Affected).any(|claim| claim.span != Span::default());
        let affected: Vec<&VersionClaim> = with(Role::Affected)
            .filter(|claim| !(has_bounds && claim.span == Span::default()))
            .filter(|claim| claim.span.exact.as_ref().is_none_or(|v| !fixed.contains(v)))
            .filter(|claim| !safe.contains(&&claim.span))
            .collect();
        let ranges = ranges_of(&affected);
        // A version that is a range's own bound says nothing besides.
        let is_bound = |version: &String| ranges.iter().any(|range| is_end_of(range, version));
        let affected: Vec<&VersionClaim> = affected
            .into_iter()
            .filter(|claim| !claim.span.exact.as_ref().is_some_and(is_bound))
            .collect();
        let exact = affected.iter().filter(|claim| range(&claim.span).is_none());
        Self {
            versions: unique(exact.filter_map(|claim| claim.span.exact.clone())),
            affected_words: unique(affected.iter().map(|claim| claim.words.clone())),
            affected_values: affected.iter().map(|claim| claim.span.in_words()).collect(),
            ranges,
            fixed,
        }
    }
}

/// The ranges that claims make, each once.
fn ranges_of(claims: &[&VersionClaim]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for range in claims.iter().filter_map(|claim| range(&claim.span)) {
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
}

/// No key is known: the text is a list of versions.
struct NoKeys;

impl Keys for NoKeys {
    fn is_key(&self, _: &str) -> bool {
        false
    }
}

/// What expressions such as `before 2.4.1` mean, where a person says what is affected.
pub fn ranges(expressions: &[String]) -> (Vec<Range>, Vec<String>) {
    let context = Context {
        is_list: true,
        ..Context::default()
    };
    // "before 1.4.0, and 2.x until 2.1.7": the first word says which side the other means.
    let says_before = expressions
        .iter()
        .any(|text| text.to_lowercase().contains("before"));
    let mut found = Vec::new();
    for text in expressions {
        for mut claim in claims(&units(text, &NoKeys), &context) {
            claim.role = Role::Affected;
            if let Some(end) = claim.span.to.as_mut()
                && says_before
                && text.to_lowercase().contains("until")
            {
                end.is_included = false;
            }
            found.push(claim);
        }
    }
    let claimed = ClaimedVersions::of(&found);
    (claimed.ranges, claimed.versions)
}

/// The version that brings a fix.
fn fix(span: &Span) -> Option<String> {
    let from = span.from.as_ref().filter(|_| span.to.is_none());
    span.exact
        .clone()
        .or_else(|| from.map(|end| end.version.clone()))
}

/// In OSV's shape; a version alone is none, and neither is one that ends before it begins.
fn range(span: &Span) -> Option<Range> {
    if let Some(exact) = &span.exact {
        let branch = exact.trim_end_matches(['x', 'X', '*']).strip_suffix('.')?;
        let branch = branch
            .trim_end_matches(".x")
            .trim_end_matches(".X")
            .trim_end_matches(".*");
        return Some(Range {
            introduced: branch.to_owned(),
            fixed: Some(following(branch)?),
            last_affected: None,
        });
    }
    let from = span.from.as_ref().map(|end| end.version.as_str());
    let to = span.to.as_ref();
    if let (Some(from), Some(to)) = (from, to)
        && let (Some(low), Some(high)) = (Versioning::new(from), Versioning::new(&to.version))
        && low > high
    {
        return None;
    }
    Some(Range {
        introduced: from.unwrap_or("0").to_owned(),
        fixed: to
            .filter(|end| !end.is_included)
            .map(|end| end.version.clone()),
        last_affected: to
            .filter(|end| end.is_included)
            .map(|end| end.version.clone()),
    })
}

/// `1.9` is followed by `1.10`.
fn following(branch: &str) -> Option<String> {
    let (head, last) = branch
        .rsplit_once('.')
        .map_or((None, branch), |(head, last)| (Some(head), last));
    let next = last.parse::<u32>().ok()?.checked_add(1)?;
    Some(head.map_or_else(|| next.to_string(), |head| format!("{head}.{next}")))
}

/// Whether a version is a range's own bound.
fn is_end_of(range: &Range, version: &str) -> bool {
    range.last_affected.as_deref() == Some(version)
        || range.fixed.as_deref() == Some(version)
        || range.introduced == version
}

/// In the shape of OSV: as the records say, else as the letter's words claim.
pub(super) fn affected(
    records: &[Record],
    claimed: &ClaimedVersions,
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
            let tested = claimed.versions.iter();
            let beside = tested.filter(|v| !first.ranges.iter().any(|r| is_end_of(r, v)));
            first.versions.extend(beside.cloned().collect::<Vec<_>>());
        }
        return recorded;
    }
    let mut ranges = claimed.ranges.clone();
    // "Up to 1.2 … fixed in 1.3": with one range and one fix, the range ends there.
    if let ([range], [fix]) = (ranges.as_mut_slice(), claimed.fixed.as_slice())
        && range.fixed.is_none()
        && range.last_affected.is_none()
    {
        range.fixed = Some(fix.clone());
    }
    if ranges.is_empty() && claimed.versions.is_empty() {
        return Vec::new();
    }
    let package = recorded.into_iter().find_map(|a| a.package).or_else(|| {
        product.map(|name| Package {
            name: name.to_owned(),
            ..Package::default()
        })
    });
    vec![Affected {
        package,
        ranges,
        versions: claimed.versions.clone(),
    }]
}

/// `>= 1.0, < 2.4.1`.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expressions: &[&str], expected_ranges: &[&str], expected_versions: &[&str]) {
        let expressions: Vec<String> = expressions.iter().map(|e| (*e).to_owned()).collect();
        let (found, versions) = ranges(&expressions);
        let found: Vec<String> = found.iter().map(in_words).collect();
        assert_eq!(found, expected_ranges, "{expressions:?}");
        assert_eq!(versions, expected_versions, "{expressions:?}");
    }

    #[test]
    fn a_person_says_what_is_affected_in_their_own_words() {
        check(
            &["before 1.4.0", "2.x until 2.1.7"],
            &["< 1.4.0", ">= 2, < 2.1.7"],
            &[],
        );
        check(&["until 2.1.7"], &["<= 2.1.7"], &[]);
        check(&["up to and including 2.3"], &["<= 2.3"], &[]);
        check(&[">= 1.0, < 1.5.2"], &[">= 1.0, < 1.5.2"], &[]);
        check(&["1.0 through 1.9", "1.2"], &[">= 1.0, <= 1.9"], &["1.2"]);
        check(&["between 1.1 and 1.6"], &[">= 1.1, <= 1.6"], &[]);
        check(&["v1.2.3 and earlier"], &["<= 1.2.3"], &[]);
        check(
            &["1.2.3 and newer", "since version 3.0"],
            &[">= 1.2.3", ">= 3.0"],
            &[],
        );
        check(&["v1.9.x"], &[">= 1.9, < 1.10"], &[]);
        check(
            &["5.x before 5.4.3", "6.x before 6.0.2"],
            &[">= 5, < 5.4.3", ">= 6, < 6.0.2"],
            &[],
        );
        check(&["<=4.17.20", "< 2.0"], &["<= 4.17.20", "< 2.0"], &[]);
        check(&["up to but not including 9.1"], &["< 9.1"], &[]);
        check(&["2.14.1", "v2.14.1"], &[], &["2.14.1"]);
        check(&["3.0 - 1.0"], &[], &[]);
        check(
            &["1.0 to 1.9", ">= 2.0, < 2.4.1"],
            &[">= 1.0, <= 1.9", ">= 2.0, < 2.4.1"],
            &[],
        );
        check(&["1.2.3, 1.2.4 and 7"], &[], &["1.2.3", "1.2.4"]);
        check(&["7"], &[], &["7"]);
        check(&["all versions"], &["all versions"], &[]);
        check(
            &["3.2.1 and earlier", "5.8.*"],
            &["<= 3.2.1", ">= 5.8, < 5.9"],
            &[],
        );
        check(&["since 2.0"], &[">= 2.0"], &[]);
        check(&["2.4 to 2.1"], &[], &[]);
    }
}
