//! Which versions does the letter call affected? As the reporter wrote them.

use super::patterns;
use super::ranges::VERSION;

patterns! {
    RANGE = &format!(
        r"(?ix)
    (?P<expr>
      \b\d{{1,8}}(?:\.\d{{1,8}}){{0,5}}\.[x*]\s*(?:versions?\s+)?,?\s*(?:before|prior\s+to|earlier\s+than|until|up\s+to|through|<=|<)(?:\s*,?\s*(?:and\s+)?including)?\s*{v}
    | (?:(?:>=|≥|>|=>)\s*v?\d{{1,8}}(?:\.\d{{1,8}}){{0,5}}[a-z0-9.-]{{0,20}}\s*(?:,|and|&|\|\||\s)\s*)?(?:<=|=<|<|≤)\s*{v}
    | (?:between|from|since)\s+(?:versions?\s+)?(?:{v}|\d{{1,8}})\s*,?\s*(?:and\s+)?(?:-|–|—|to|and|through|thru|until|till|up\s+to|(?:but\s+)?before|prior\s+to)(?:\s*,?\s*(?:\(?and\s+)?(?:but\s+)?(?:not\s+)?including)?\s*(?:versions?\s+)?{v}(?:\s*,?\s*\(?inclusive\)?)?
    | {v}\s*,?\s*(?:but\s+)?(?:-|–|—|to|through|thru|until|till|up\s+to|before)\s*(?:,?\s*\(?(?:and|but)\s+)?(?:not\s+)?(?:including,?\s+)?(?:versions?\s+)?{v}(?:\s*,?\s*\(?inclusive\)?)?
    | (?:up\s+to|through|thru|until|till)\s*,?\s*(?:\(?and\s+)?(?:but\s+)?(?:not\s+)?(?:including\)?,?\s+)?(?:versions?\s+|v\.\s*)?{v}(?:\s*,?\s*\(?inclusive\)?)?
    | (?:before|prior\s+to|earlier\s+than|older\s+than|below|lower\s+than)\s+(?:versions?\s+|v\.\s*)?{v}
    | {v}\s*(?:,|and|or|&)?\s*(?:in\s+)?(?:all\s+)?(?:the\s+)?(?:earlier|below|prior|older|lower|previous)\b(?:\s+(?:versions?|releases?))?
    | (?:since|as\s+of|starting\s+(?:with|from|in|at)|introduced\s+in|from)\s+(?:versions?\s+)?{v}(?:\s+(?:onwards?|on\b|and\s+(?:later|above|newer|up)))?
    | {v}\s*(?:,|and|or|&)?\s*(?:all\s+)?(?:later|above|newer|onwards?)\b(?:\s+(?:versions?|releases?))?
    | (?:>=|≥|>)\s*{v}
    | \bv?\d{{1,8}}(?:\.\d{{1,8}}){{0,5}}\.[xX*]
    | (?:all|any|every)\s+(?:known\s+|released\s+|current\s+|supported\s+)?(?:versions?|releases?)
    | {v}
    )",
        v = VERSION
    );
    FIXED_IN = &format!(r"(?i)\b(?:fixed|patched|resolved|corrected|addressed|repaired|gone|behoben|corrig\w+)\s+(?:in|with|as of|by|since|upstream in)\s+(?:the\s+)?(?:versions?\s+|releases?\s+)?({v}(?:(?:\s*,\s*|\s+and\s+|\s*/\s*|\s*, and\s+){v})*)|\b({v})\s+(?:fixes|is not affected|is not vulnerable|is fixed|is safe|is unaffected|has the fix|contains the fix|includes the fix|no longer)", v = VERSION);
    A_VERSION = VERSION;
    NEAR = r"(?i)\b(versions?|try (this|it)|betroffen\w*|concernée?s?|afectad[ao]s?|present|checked|tried|reproduce[ds]?|see (it|this) (in|on|with)|same in|back (from|since|in)|prior|earlier|older|since|every|issues in|all of|affect(s|ed|ing)?|vulnerable|tested|release[ds]?|before|prior to|up to|through|running|latest|<=?|v\d)";
    FIXED = r"(?i)\b(fixed|patched|resolved|not affected|unaffected|upgrade[ds]? to|corrected)\b";
    // "The 7.5 series is not affected."
    SAFE_AFTER = r"(?i)^[^.;\n\d]{0,30}\b(is|are|was|were|it's|seems?|does|do)\b[^.;\n\d]{0,15}\b(not|n't|un)[ -]?(be )?(affected|vulnerable|concerned|absent|impacted|have)|^[^.;\n\d]{0,20}\b(is|are) (safe|fine|absent|immune)\b";
    FOREIGN = r"(?i)\b(cvss|python|node(js)?|java|jdk|ubuntu|debian|windows|macos|linux kernel|chrome|firefox|http|tls|openssl|gcc|php|docker|postgres(ql)?|mysql|rfc|section|chapter|curl|kernel|go|rustc)[ /:v]*$";
    NOT_VERSION = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$|^\d{1,2}\.\d{1,2}\.20\d\d$|(?i)\.(c|h|js|py|go|php)$";
}

/// A field that names versions names them in so many octets.
const FIELD_OCTETS_MAX: usize = 8 * 1024;

/// Versions in a field that the letter itself calls versions: all of them count.
pub(super) fn in_field(text: &str) -> Vec<String> {
    let text = &in_english(&text[..text.floor_char_boundary(FIELD_OCTETS_MAX)]);
    let mut found = Vec::new();
    // The first paragraph: what follows it speaks of something else.
    let paragraph = text
        .trim_start()
        .lines()
        .take_while(|l| !l.trim().is_empty());
    // What is said to be fixed there is not affected.
    let affected: Vec<&str> = paragraph
        .map(|line| {
            line.trim_start()
                .trim_start_matches(['-', '*', '+'])
                .trim_start()
        })
        .map(|line| FIXED.find(line).map_or(line, |m| &line[..m.start()]))
        .collect();
    let affected = affected.join("\n");
    for c in RANGE.captures_iter(&affected) {
        let Some(m) = c.name("expr") else { continue };
        if !SAFE_AFTER.is_match(&affected[m.end()..]) {
            push(&mut found, m.as_str());
        }
    }
    narrowed(&mut found);
    if found.is_empty() {
        let first = text.lines().next().unwrap_or_default().trim();
        let all = [
            "all",
            "any",
            "all versions",
            "latest",
            "main",
            "master",
            "head",
            "trunk",
            "git main",
        ];
        if all.contains(&first.to_ascii_lowercase().trim_end_matches('.'))
            || first.chars().all(|c| c.is_ascii_digit()) && !first.is_empty()
        {
            found.push(first.to_owned());
        }
    }
    found
}

/// Versions in running text: only those whose sentence speaks of being affected, and not of another
/// program.
pub(super) fn in_prose(text: &str, product: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let joined = in_english(&text.replace('\n', " "));
    for c in RANGE.captures_iter(&joined) {
        let Some(m) = c.name("expr") else { continue };
        let before = tail(&joined[..m.start()], 60);
        let sentence = before.rsplit(". ").next().unwrap_or(before);
        let named = product.is_some_and(|p| {
            sentence
                .to_lowercase()
                .trim_end()
                .ends_with(&p.to_lowercase())
        });
        let expression = m.as_str();
        let own_words = NEAR.is_match(sentence) || NEAR.is_match(expression);
        if NOT_VERSION.is_match(expression)
            || FOREIGN.is_match(sentence.trim_end())
            || before.ends_with(['/', ':', '@', '#'])
            || !(own_words || named)
        {
            continue;
        }
        if FIXED.is_match(sentence) || SAFE_AFTER.is_match(&joined[m.end()..]) {
            continue;
        }
        push(&mut found, expression);
    }
    narrowed(&mut found);
    found
}

/// "All versions up to 2.3" means those up to 2.3.
fn narrowed(found: &mut Vec<String>) {
    let every = |words: &String| !words.contains(|c: char| c.is_ascii_digit());
    if found.iter().any(|words| !every(words)) {
        found.retain(|words| !every(words));
    }
}

/// How other languages say what a range is.
const IN_ENGLISH: [(&str, &str); 14] = [
    (
        r"(?i)\bund (?:allen?|alle) (?:älteren|älter|früheren)(?: \w+)?\b|\bund (?:älter|früher)\w*\b|\bet (?:antérieure?s?|versions antérieures|toutes les précédentes)\b|\by (?:anteriores|versiones anteriores)\b",
        "and earlier",
    ),
    (
        r"(?i)\bbis(?: zu[rm]?)? (?:einschließlich|einschliesslich|inklusive)(?: (?:version|der))?\b|\bjusqu'(?:à|a) (?:la )?(?:version )?|\bhasta (?:la )?(?:versión )?",
        "up to and including ",
    ),
    (r"(?i)\bvon\b|\bde la version\b", "from"),
    (r"(?i)\bbis\b", "up to"),
    (
        r"(?i)\b(?:vor|kleiner als|avant(?: la)?|antes de(?: la)?)(?: version)?\b",
        "before",
    ),
    (
        r"(?i)\b(?:ab|seit|à partir de(?: la)?|depuis(?: la)?|desde(?: la)?)(?: version)?\b",
        "since",
    ),
    (
        r"(?i)\b(?:alle|sämtliche) versionen\b|\btoutes les versions\b|\btodas las versiones\b",
        "all versions",
    ),
    (
        r"(?i)\b(?:behoben|korrigiert) in\b|\bcorrigée? dans\b|\bcorregid[ao] en\b",
        "fixed in",
    ),
    (
        r"(?i)\bincluses?\b|\bcomprises?\b|\binclusive\b|\binklusive\b|\binclusiv[ao]\b",
        "inclusive",
    ),
    (r"(?i)\bund\b", "and"),
    (
        r"(?i)\bbetroffen sind\b|\bsont (?:concernées|affectées|vulnérables)\b|\bson afectadas\b",
        "affected versions",
    ),
    (
        r"(?i)\bgetestet (?:mit|habe ich)\b|\btesté (?:avec|sur)\b|\bausprobiert habe ich es mit\b|\bprobado (?:con|en)\b",
        "tested with",
    ),
    (r"(?i)\bup to,? (?:but )?not including,?", "before"),
    (
        r"(?i)\b(?:up to|through|until) \(and including\)",
        "up to and including",
    ),
];

static TO_ENGLISH: std::sync::LazyLock<Vec<(regex::Regex, &str)>> =
    std::sync::LazyLock::new(|| {
        IN_ENGLISH
            .iter()
            .map(|(from, to)| (regex::Regex::new(from).expect("a constant pattern"), *to))
            .collect()
    });

/// The text with its words about ranges in English.
fn in_english(text: &str) -> String {
    TO_ENGLISH.iter().fold(text.to_owned(), |text, (from, to)| {
        from.replace_all(&text, *to).into_owned()
    })
}

/// Versions that are said to have the fix.
pub(super) fn fixed(text: &str) -> Vec<String> {
    let joined = text.replace('\n', " ");
    let mut found = Vec::new();
    for c in FIXED_IN.captures_iter(&joined) {
        let listed = c.get(1).or(c.get(2)).map_or("", |m| m.as_str());
        A_VERSION
            .find_iter(listed)
            .for_each(|m| push(&mut found, m.as_str().trim_start_matches(['v', 'V'])));
    }
    found
}

/// Versions in a field that names those with the fix.
pub(super) fn fixed_in_field(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let first = text
        .lines()
        .take_while(|l| !l.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    A_VERSION
        .find_iter(&first)
        .for_each(|m| push(&mut found, m.as_str().trim_start_matches(['v', 'V'])));
    found
}

fn push(found: &mut Vec<String>, expression: &str) {
    let clean = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    if !NOT_VERSION.is_match(&clean) && !found.contains(&clean) && found.len() < 20 {
        found.push(clean);
    }
}

fn tail(text: &str, characters: usize) -> &str {
    let start = text
        .char_indices()
        .rev()
        .nth(characters.saturating_sub(1))
        .map_or(0, |(i, _)| i);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(in_prose(text, None), expected, "{text}");
    }

    #[test]
    fn versions_are_read_from_prose_in_the_reporters_words() {
        check("Version 1.2.3 is vulnerable.", &["1.2.3"]);
        check("It affects versions before 2.4.1.", &["before 2.4.1"]);
        check(
            "All versions up to and including 2.3.0 are affected",
            &["up to and including 2.3.0"],
        );
        check("affected: 1.0 through 1.9", &["1.0 through 1.9"]);
        check("tested with 0.9.1 and earlier", &["0.9.1 and earlier"]);
        check("affects >= 1.0, < 1.5.2", &[">= 1.0, < 1.5.2"]);
        check(
            "This was fixed in 1.2.4. Version 1.2.3 is affected.",
            &["1.2.3"],
        );
        check(
            "I connected to 192.168.0.1 with Python 3.11 over HTTP/1.1",
            &[],
        );
    }
}
