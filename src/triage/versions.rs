//! Which versions does the letter call affected? As the reporter wrote them.

use super::patterns;

const VERSION: &str = r"v?\d+(?:\.\d+){1,3}(?:[-+.]?(?:rc|beta|alpha|b|a|p|dev|snapshot|post)\.?\d*)?";

patterns! {
    RANGE = &format!(
        r"(?ix)
    (?P<expr>
      (?:(?:>=|>)\s*{v}\s*(?:,|and|\s)\s*)?(?:<=|<|≤)\s*{v}
    | (?:from\s+)?{v}\s*(?:-|–|to|through|thru|until|up\ to)\s*(?:and\s+including\s+)?{v}
    | (?:up\ to|through|until)\s+(?:and\s+including\s+)?(?:versions?\s+)?{v}
    | (?:before|prior\ to|earlier\ than|older\ than|below|lower\ than)\s+(?:versions?\s+)?{v}
    | {v}\s+(?:and|or)\s+(?:all\s+)?(?:earlier|below|prior|older|lower|previous)(?:\s+versions?)?
    | (?:>=|≥|>)\s*{v}
    | (?:since|starting\ (?:with|from)|from)\s+(?:versions?\s+)?{v}(?:\s+(?:onwards?|on|and\ (?:later|above|newer)))?
    | {v}\s+(?:and|or)\s+(?:later|above|newer)
    | \d+\.(?:\d+\.)?[xX*]
    | {v}
    )",
        v = VERSION
    );
    NEAR = r"(?i)\b(versions?|affect(s|ed|ing)?|vulnerable|tested|release[ds]?|before|prior to|up to|through|running|latest|<=?|v\d)";
    FIXED = r"(?i)\b(fixed|patched|resolved|not affected|unaffected|upgrade[ds]? to|corrected)\b";
    FOREIGN = r"(?i)\b(cvss|python|node(js)?|java|jdk|ubuntu|debian|windows|macos|linux kernel|chrome|firefox|http|tls|openssl|gcc|php|docker|postgres(ql)?|mysql|rfc|section|chapter|curl|kernel|go|rustc)[ /:v]*$";
    NOT_VERSION = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$|^\d{1,2}\.\d{1,2}\.20\d\d$";
}

/// Versions in a field that the letter itself calls versions: all of them count.
pub(super) fn in_field(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The first paragraph: what follows it speaks of something else.
    for line in text.trim_start().lines().take_while(|l| !l.trim().is_empty()) {
        for c in RANGE.captures_iter(line) {
            push(&mut found, &c["expr"]);
        }
    }
    if found.is_empty() {
        let first = text.lines().next().unwrap_or_default().trim();
        let all = ["all", "any", "all versions", "latest", "main", "master", "head", "trunk", "git main"];
        if all.contains(&first.to_ascii_lowercase().trim_end_matches('.')) || first.chars().all(|c| c.is_ascii_digit()) && !first.is_empty() {
            found.push(first.to_owned());
        }
    }
    found
}

/// Versions in running text: only those whose sentence speaks of being affected, and not of another program.
pub(super) fn in_prose(text: &str, product: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let joined = text.replace('\n', " ");
    for c in RANGE.captures_iter(&joined) {
        let Some(m) = c.name("expr") else { continue };
        let before = tail(&joined[..m.start()], 60);
        let sentence = before.rsplit(". ").next().unwrap_or(before);
        let named = product.is_some_and(|p| sentence.to_lowercase().trim_end().ends_with(&p.to_lowercase()));
        let expression = m.as_str();
        let own_words = NEAR.is_match(sentence) || NEAR.is_match(expression);
        if NOT_VERSION.is_match(expression) || FOREIGN.is_match(sentence.trim_end()) || before.ends_with(['/', ':', '@', '#']) || !(own_words || named) {
            continue;
        }
        if FIXED.is_match(sentence) {
            continue;
        }
        push(&mut found, expression);
    }
    found
}

fn push(found: &mut Vec<String>, expression: &str) {
    let clean = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    if !NOT_VERSION.is_match(&clean) && !found.contains(&clean) && found.len() < 20 {
        found.push(clean);
    }
}

fn tail(text: &str, characters: usize) -> &str {
    let start = text.char_indices().rev().nth(characters.saturating_sub(1)).map_or(0, |(i, _)| i);
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
        check("All versions up to and including 2.3.0 are affected", &["up to and including 2.3.0"]);
        check("affected: 1.0 through 1.9", &["1.0 through 1.9"]);
        check("tested with 0.9.1 and earlier", &["0.9.1 and earlier"]);
        check("affects >= 1.0, < 1.5.2", &[">= 1.0, < 1.5.2"]);
        check("This was fixed in 1.2.4. Version 1.2.3 is affected.", &["1.2.3"]);
        check("I connected to 192.168.0.1 with Python 3.11 over HTTP/1.1", &[]);
    }
}
