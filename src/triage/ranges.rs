//! Which range do the reporter's words mean? In OSV's shape: introduced, and fixed or last
//! affected.

use super::patterns;
use crate::model::report::Range;
use versions::Versioning;

patterns! {
    BRANCH = &format!(r"(?ix)^{s}v?(?P<branch>\d{{1,8}}(?:\.\d{{1,8}}){{0,5}})\.[x*]\s*(?:versions?\s+)?,?\s*(?P<how>before|prior\s+to|earlier\s+than|older\s+than|below|until|up\s+to|through|<=|<|≤){inc}\s*{v}$", s = r"(?:versions?\s+)?", inc = INCLUDING, v = V2);
    SPAN = &format!(r"(?ix)^(?:between\s+|from\s+|since\s+|(?P<open>>=|≥|>|=>))?\s*(?:versions?\s+)?{a}\s*,?\s*(?:(?:but|and)\s+)?(?P<how>-|–|—|to|through|thru|until|till|up\s+to|and|before|prior\s+to|but\s+before|(?:,|and|&|\|\|)?\s*(?:<=|=<|<|≤)){inc}\s*(?:versions?\s+)?{v}$", a = V1, inc = INCLUDING, v = V2);
    UP_TO = &format!(r"(?ix)^(?P<how><=|=<|≤|<|up\s+to|through|thru|until|till|before|prior\s+to|earlier\s+than|older\s+than|below|lower\s+than){inc}\s*(?:versions?\s+|v\.\s*)?{v}$", inc = INCLUDING, v = V2);
    AND_EARLIER = &format!(r"(?ix)^{a}\s*(?:,|and|or|&)?\s*(?:in\s+)?(?:all\s+)?(?:the\s+)?(?:earlier|below|prior|older|lower|previous|before)(?:\s+(?:versions?|releases?))?$", a = V1);
    FROM = &format!(r"(?ix)^(?:>=|≥|>|since|as\s+of|starting\s+(?:with|from|in|at)|from|introduced\s+in)\s*(?:versions?\s+)?{a}(?:\s+(?:onwards?|on|and\s+(?:later|above|newer|up)))?$|^{b}\s*(?:,|and|or|&)?\s*(?:all\s+)?(?:later|above|newer|onwards?)(?:\s+(?:versions?|releases?))?$", a = V1, b = V2);
    WILD = r"(?i)^v?(\d{1,8}(?:\.\d{1,8}){0,5})\.[x*]$";
    EVERY = r"(?i)^(all|any|every|all (known |released |current )?(versions|releases)|any version|every (version|release))$";
    INCLUSIVE = r"(?i)\b(and )?(including|inclusive|incl\.?)\b";
}

/// One version, and what may stand between `up to` and it.
pub(super) const VERSION: &str = r"v?\d{1,8}(?:\.\d{1,8}){1,3}(?:[a-z]\b)?(?:[-+.]?(?:rc|beta|alpha|b|a|p|dev|snapshot|post|final|release|esr)[-.]?\d*\b)?";
const V1: &str = r"(?P<a>v?\d{1,8}(?:\.\d{1,8}){0,5}(?:[a-z]\b)?(?:[-+.]?(?:rc|beta|alpha|b|a|p|dev|snapshot|post|final|release|esr)[-.]?\d*\b)?)(?:\.[x*])?";
const V2: &str = r"(?P<b>v?\d{1,8}(?:\.\d{1,8}){0,5}(?:[a-z]\b)?(?:[-+.]?(?:rc|beta|alpha|b|a|p|dev|snapshot|post|final|release|esr)[-.]?\d*\b)?)(?:\.[x*])?";
const INCLUDING: &str = r"(?P<inc>\s*,?\s*(?:\(?and\s+)?(?:but\s+)?(?:not\s+)?(?:including|inclusive\s+of|incl\.)\)?,?)?,?";

/// What one expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Range(Range),
    Single(String),
}

/// What the expressions of one letter mean, in their order: ranges, and versions that stand alone.
pub fn meant(expressions: &[String]) -> (Vec<Range>, Vec<String>) {
    // "before 1.4.0, and 2.x until 2.1.7": the first word says which side the others mean.
    let exclusive = expressions
        .iter()
        .any(|e| e.to_lowercase().contains("before") || e.to_lowercase().contains("prior to"));
    let mut ranges: Vec<Range> = Vec::new();
    let mut singles = Vec::new();
    for expression in expressions {
        match one(expression, exclusive) {
            Some(Meant::Range(range)) if !ranges.contains(&range) => ranges.push(range),
            Some(Meant::Single(version)) if !singles.contains(&version) => singles.push(version),
            _ => {}
        }
    }
    // "All versions up to 2.3": every version is no range of its own beside another.
    if ranges.len() > 1 {
        ranges.retain(|range| {
            range.introduced != "0" || range.fixed.is_some() || range.last_affected.is_some()
        });
    }
    singles.retain(|version| !ranges.iter().any(|range| is_end_of(range, version)));
    (ranges, singles)
}

/// A version that is a range's own bound says nothing besides.
pub(super) fn is_end_of(range: &Range, version: &str) -> bool {
    range.last_affected.as_deref() == Some(version)
        || range.fixed.as_deref() == Some(version)
        || range.introduced == version
}

fn one(expression: &str, exclusive: bool) -> Option<Meant> {
    let trailing =
        INCLUSIVE.is_match(expression) && !expression.to_lowercase().contains("not including");
    let text = expression
        .trim()
        .trim_end_matches(['.', ',', ';', ')'])
        .trim_start_matches('(');
    let stripped = text
        .trim_end_matches("inclusive")
        .trim_end_matches(['(', ' ', ',']);
    let ends_before = |how: &str| {
        let how = how.to_lowercase();
        let below = ["before", "prior", "earlier", "older", "below", "lower"]
            .iter()
            .any(|word| how.contains(word));
        (below
            || how
                .trim_start_matches(|c: char| !matches!(c, '<' | '≤' | '='))
                .trim()
                == "<"
            || (exclusive && how.starts_with("until")))
            && !trailing
    };
    if EVERY.is_match(stripped) {
        return Some(range("0", None, true));
    }
    if let Some(c) = BRANCH.captures(stripped) {
        return bounded(
            &c["branch"],
            &c["b"],
            ends_before(&c["how"]) || not_including(&c),
        );
    }
    if let Some(c) = SPAN.captures(stripped) {
        let how = c["how"].trim().to_lowercase();
        return bounded(
            &plain(&c["a"]),
            &c["b"],
            ends_before(&how) || not_including(&c),
        );
    }
    if let Some(c) = UP_TO.captures(stripped) {
        return bounded("0", &c["b"], ends_before(&c["how"]) || not_including(&c));
    }
    if let Some(c) = AND_EARLIER.captures(stripped) {
        return bounded("0", &c["a"], false);
    }
    if let Some(c) = FROM.captures(stripped) {
        let from = c.name("a").or(c.name("b"))?.as_str();
        return Some(range(&plain(from), None, true));
    }
    if let Some(c) = WILD.captures(stripped) {
        let next = following(&c[1])?;
        return Some(range(&c[1], Some(&next), true));
    }
    let version = plain(stripped);
    (version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(' '))
        .then_some(Meant::Single(version))
}

fn not_including(c: &regex::Captures<'_>) -> bool {
    c.name("inc")
        .is_some_and(|m| m.as_str().to_lowercase().contains("not"))
}

/// A range that ends before it begins was misread.
fn bounded(from: &str, to: &str, before: bool) -> Option<Meant> {
    let (from, to) = (plain(from), plain(to));
    let order = |text: &str| Versioning::new(text);
    if let (Some(a), Some(b)) = (order(&from), order(&to))
        && a > b
    {
        return None;
    }
    Some(range(&from, Some(&to), before))
}

fn range(from: &str, to: Option<&str>, before: bool) -> Meant {
    let to = to.map(str::to_owned);
    let (fixed, last_affected) = if before { (to, None) } else { (None, to) };
    Meant::Range(Range {
        introduced: from.to_owned(),
        fixed,
        last_affected,
    })
}

/// Without the `v`.
pub(super) fn plain(version: &str) -> String {
    version
        .trim()
        .trim_start_matches(['v', 'V'])
        .trim()
        .to_owned()
}

/// `1.9` is followed by `1.10`.
fn following(branch: &str) -> Option<String> {
    let (head, last) = branch
        .rsplit_once('.')
        .map_or((None, branch), |(head, last)| (Some(head), last));
    let next = last.parse::<u32>().ok()?.checked_add(1)?;
    Some(head.map_or_else(|| next.to_string(), |head| format!("{head}.{next}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expressions: &[&str], expected: &[(&str, &str, &str)], singles: &[&str]) {
        let (ranges, single) = meant(
            &expressions
                .iter()
                .map(|e| (*e).to_owned())
                .collect::<Vec<_>>(),
        );
        let found: Vec<_> = ranges
            .iter()
            .map(|r| match (&r.fixed, &r.last_affected) {
                (Some(fixed), _) => (r.introduced.as_str(), "<", fixed.as_str()),
                (_, Some(last)) => (r.introduced.as_str(), "<=", last.as_str()),
                _ => (r.introduced.as_str(), "", ""),
            })
            .collect();
        assert_eq!(
            (
                found.as_slice(),
                single
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice()
            ),
            (expected, singles),
            "{expressions:?}"
        );
    }

    #[test]
    fn words_mean_ranges() {
        check(&["up to and including 2.3"], &[("0", "<=", "2.3")], &[]);
        check(
            &["before 1.4.0", "2.x until 2.1.7"],
            &[("0", "<", "1.4.0"), ("2", "<", "2.1.7")],
            &[],
        );
        check(&[">= 1.0, < 1.5.2"], &[("1.0", "<", "1.5.2")], &[]);
        check(
            &["1.0 through 1.9", "1.2"],
            &[("1.0", "<=", "1.9")],
            &["1.2"],
        );
        check(&["between 1.1 and 1.6"], &[("1.1", "<=", "1.6")], &[]);
        check(&["v1.2.3 and earlier"], &[("0", "<=", "1.2.3")], &[]);
        check(
            &["1.2.3 and newer", "since version 3.0"],
            &[("1.2.3", "", ""), ("3.0", "", "")],
            &[],
        );
        check(&["v1.9.x"], &[("1.9", "<", "1.10")], &[]);
        check(
            &["5.x before 5.4.3", "6.x before 6.0.2"],
            &[("5", "<", "5.4.3"), ("6", "<", "6.0.2")],
            &[],
        );
        check(
            &["<=4.17.20", "< 2.0"],
            &[("0", "<=", "4.17.20"), ("0", "<", "2.0")],
            &[],
        );
        check(&["up to but not including 9.1"], &[("0", "<", "9.1")], &[]);
        check(&["all versions"], &[("0", "", "")], &[]);
        check(&["2.14.1", "v2.14.1"], &[], &["2.14.1"]);
        check(&["3.0 - 1.0"], &[], &[]);
    }
}
