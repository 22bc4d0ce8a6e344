//! Which weakness does the letter name? By CWE's number, or by the name that everybody knows.

use super::{compiled, compiled_set};
use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// Well-known names and the entry of CWE (version 4.18) that they stand for. A narrower name stands
/// before the wider one that it contains.
const NAMES: [(&str, &str); 62] = [
    (
        "CWE-79",
        r"cross[- ]site[- ]scripting|(stored|reflected|dom(-based)?|blind|self|persistent|mutation)[- ]xss|\bm?xss\b",
    ),
    (
        "CWE-89",
        r"\bsql[- ]injections?|\bsqli\b|(blind|boolean|time)[- ]based sql",
    ),
    ("CWE-943", r"nosql[- ]injection"),
    ("CWE-90", r"ldap[- ]injection"),
    (
        "CWE-22",
        r"(path|directory|dir)[- ]traversal|zip[- ]?slip|\bdot[- ]dot[- ]slash",
    ),
    (
        "CWE-59",
        r"(symlink|symbolic link)[- ](following|attack|race)|link following|follow(s|ed)? (a )?symlinks?",
    ),
    (
        "CWE-78",
        r"(os|shell)[- ]command[- ]injection|(shell|command) injection",
    ),
    ("CWE-88", r"argument[- ]injection"),
    ("CWE-94", r"\bcode[- ]injection"),
    (
        "CWE-1336",
        r"server[- ]side[- ]template[- ]injection|\bssti\b|template injection",
    ),
    (
        "CWE-917",
        r"expression[- ]language[- ]injection|\bel injection|ognl injection",
    ),
    ("CWE-93", r"crlf[- ]injection"),
    (
        "CWE-113",
        r"(http )?(response|header)[- ](splitting|injection)",
    ),
    ("CWE-117", r"log[- ](injection|forging)"),
    ("CWE-1236", r"(csv|formula)[- ]injection"),
    (
        "CWE-352",
        r"cross[- ]site[- ]request[- ]forgery|\bcsrf\b|\bxsrf\b",
    ),
    ("CWE-918", r"server[- ]side[- ]request[- ]forgery|\bssrf\b"),
    ("CWE-611", r"\bxxe\b|xml external entit(y|ies)"),
    (
        "CWE-776",
        r"billion laughs|xml (entity expansion|bomb)|entity expansion",
    ),
    ("CWE-416", r"use[- ]after[- ]free|\buaf\b"),
    ("CWE-415", r"double[- ]free"),
    (
        "CWE-122",
        r"heap[- ](based[- ])?(buffer[- ])?overflow|heap-buffer-overflow|heap overrun",
    ),
    (
        "CWE-121",
        r"stack[- ](based[- ])?(buffer[- ])?overflow|stack-buffer-overflow|stack (buffer )?overrun",
    ),
    (
        "CWE-787",
        r"out[- ]of[- ]bounds?[- ](heap |stack )?(memory )?write|\boob[- ]write",
    ),
    (
        "CWE-125",
        r"out[- ]of[- ]bounds?[- ](heap |stack )?(memory )?read|\boob[- ]read|(heap|buffer)[- ]over-?read",
    ),
    ("CWE-193", r"off[- ]by[- ]one"),
    ("CWE-190", r"integer[- ](multiplication )?overflow"),
    ("CWE-191", r"integer[- ]underflow"),
    ("CWE-476", r"null[- ](pointer[- ])?(dereference|deref)"),
    (
        "CWE-134",
        r"format[- ]string (vulnerability|bug|attack|injection)|uncontrolled format string",
    ),
    ("CWE-843", r"type[- ]confusion"),
    (
        "CWE-908",
        r"uninitiali[sz]ed (memory|heap|stack|variable|buffer|resource)",
    ),
    ("CWE-401", r"memory leak"),
    ("CWE-369", r"divi(de|sion)[- ]by[- ]zero"),
    (
        "CWE-674",
        r"(uncontrolled|unbounded|infinite|excessive) recursion",
    ),
    ("CWE-835", r"infinite loop"),
    (
        "CWE-770",
        r"(unbounded|uncontrolled) (memory )?allocation|allocation of resources without",
    ),
    ("CWE-409", r"(zip|decompression|gzip|compression)[- ]bomb"),
    (
        "CWE-1333",
        r"\bredos\b|regular expression denial[- ]of[- ]service|catastrophic backtracking|regex (denial|dos)",
    ),
    (
        "CWE-502",
        r"(un|in)?(safe|secure|trusted)?[- ]?deseriali[sz]ation|deseriali[sz](es|ing|ed|e) (of )?(untrusted|attacker|user)|pickle\.loads|object injection",
    ),
    ("CWE-1321", r"prototype[- ]pollution"),
    ("CWE-915", r"mass[- ]assignment"),
    ("CWE-601", r"open[- ]redirect(ion|or)?|unvalidated redirect"),
    ("CWE-444", r"(request|response)[- ]smuggling"),
    ("CWE-384", r"session[- ]fixation"),
    ("CWE-613", r"(insufficient )?session expir(ation|y)"),
    ("CWE-1021", r"click-?jacking|ui redress"),
    (
        "CWE-434",
        r"(unrestricted|arbitrary) (file )?uploads?|upload of (files|file) with dangerous",
    ),
    ("CWE-98", r"(remote|local) file inclusion|\b(rfi|lfi)\b"),
    (
        "CWE-798",
        r"hard-?[- ]?coded (credentials?|passwords?|keys?|secrets?|admin|token)",
    ),
    (
        "CWE-295",
        r"(improper|missing|no|without|skips?|disabled) (tls |ssl |x\.?509 )?certificate[- ](validation|verification|check(s|ing)?)|certificate (validation|verification) (bypass|is (missing|disabled|skipped))",
    ),
    (
        "CWE-347",
        r"(signature[- ](verification|validation)[- ]bypass|(improper|missing) (verification of (a |the )?(cryptographic )?signature|signature (verification|validation|check)))",
    ),
    (
        "CWE-208",
        r"timing (attack|side[- ]channel|oracle|leak)|non[- ]constant[- ]time|observable timing",
    ),
    (
        "CWE-330",
        r"(insufficiently random|predictable (token|random|session|seed)|weak (prng|rng))",
    ),
    (
        "CWE-639",
        r"\bidors?\b|\bbola\b|insecure direct object reference",
    ),
    (
        "CWE-862",
        r"missing (authori[sz]ation|access control|permission check)",
    ),
    ("CWE-863", r"(incorrect|improper) authori[sz]ation"),
    ("CWE-306", r"missing authentication"),
    (
        "CWE-287",
        r"(improper authentication|auth(entication)? bypass)",
    ),
    ("CWE-367", r"\btoctou\b|time[- ]of[- ]check"),
    ("CWE-362", r"race condition"),
    (
        "CWE-427",
        r"dll hijacking|(search path|uncontrolled search)",
    ),
];

/// What is said not to be there, or only in passing.
static NEGATED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)\b(no|not an?|not|isn't|without|unlike|rather than|instead of|similar to|like the|prevents?|against|protection|such as|e\.g\.)\s+(\w+\s+){0,2}$",
    )
});

static FOUND: LazyLock<RegexSet> =
    LazyLock::new(|| compiled_set(NAMES.iter().map(|(_, name)| format!("(?i){name}"))));
static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    NAMES
        .iter()
        .map(|(_, name)| compiled(&format!("(?i){name}")))
        .collect()
});

/// The weaknesses that a text names, in the order in which it does.
pub(super) fn named(text: &str) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for index in FOUND.matches(text) {
        let meant = EACH[index].find_iter(text).find(|m| {
            !NEGATED
                .is_match(&text[text.floor_char_boundary(m.start().saturating_sub(40))..m.start()])
        });
        if let Some(m) = meant {
            found.push((m.start(), NAMES[index].0));
        }
    }
    found.sort();
    found.into_iter().map(|(_, id)| id.to_owned()).collect()
}

/// Where a text names a weakness by its well-known name.
pub(super) fn place(id: &str, text: &str) -> Option<std::ops::Range<usize>> {
    let names = NAMES
        .iter()
        .zip(&*EACH)
        .filter(|((number, _), _)| *number == id);
    let mut found = names.filter_map(|(_, name)| name.find(text).map(|found| found.range()));
    found.next()
}

/// Every pattern of this module.
pub(super) fn all() -> Vec<&'static Regex> {
    EACH.iter().chain([&*NEGATED]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_stand_for_their_number() {
        assert_eq!(
            named("A stored cross-site scripting bug and a Path Traversal"),
            ["CWE-79", "CWE-22"]
        );
        assert_eq!(
            named("heap-buffer-overflow, later a use after free"),
            ["CWE-122", "CWE-416"]
        );
        assert_eq!(named("NoSQL injection"), ["CWE-943"]);
        assert_eq!(
            named("ReDoS through catastrophic backtracking"),
            ["CWE-1333"]
        );
        assert_eq!(named("this is not a SQL injection"), Vec::<String>::new());
        assert_eq!(named("nothing of the kind"), Vec::<String>::new());
    }
}
