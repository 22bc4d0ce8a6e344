//! Which field does a heading, a key or a question name? In English, and in what German, French and
//! Spanish letters use.

use super::lexicon::{Concept, Said, concepts};
use super::patterns;
use super::units::Keys;
use super::version_claims::role_of;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The fields that a report may name in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterField {
    Summary,
    Product,
    Versions,
    Fixed,
    Cve,
    Cwe,
    Cvss,
    Severity,
    Steps,
    Disclosure,
    Exploited,
    Told,
    Credit,
    Files,
    Functions,
    /// A known heading whose text is none of the above.
    Else,
}

patterns! {
    // What the questions of CERT/CC's form ask for, however they are put.
    ASKS_EXPLOITED = r"(?i)\bexploit(ed|ation)\b|in the wild|active(ly)? (use|abuse)";
    ASKS_PUBLIC = r"(?i)\b(already )?public(ly)?( known)?\b";
    ASKS_PLANS = r"(?i)\b(plan|intend|when will|going to|embargo)\b.*|\bdisclos|\bpublish";
    ASKS_TOLD = r"(?i)\b(contacted|notified|told|informed|reported (this|it)? ?to|other (vendors?|parties|organi[sz]ations?)|anyone else|elsewhere|coordinat(or|ed) with)\b";
    ASKS_CREDIT = r"(?i)\b(credit(ed)?|acknowledged?|attribut(ed|ion))\b";
    ASKS_VERSION = r"(?i)\bversions?\b";
    ASKS_PRODUCT = r"(?i)\b(product|software|project|package|component|system)\b";
    ASKS_STEPS = r"(?i)\b(reproduce|how does (it|this|the \w+) work|how (can|does|do|would) .*(trigger|exploit|attack)|proof of concept)\b";
    ASKS_SUMMARY = r"(?i)^what is (the (vulnerability|issue|problem)|it)\b|\bdescribe\b";
}

/// Names of fields, and what they name.
const NAMES: [(LetterField, &str); 16] = [
    (
        LetterField::Summary,
        "summary|title|tl;dr|tldr|vulnerability|issue|vulnerability title|finding|vulnerability name|\
         vulnerability summary|short description|overview|abstract|what it is|zusammenfassung|résumé|resumen|titre|\
         titel",
    ),
    (
        LetterField::Product,
        "product|affected product|affected products|software|package|component|affected component|affected package|\
         project|application|app|library|module|repository|target|plugin|product name|affected software|produkt|produit|\
         producto|vendor product|package name|system|asset|affected asset",
    ),
    (
        LetterField::Versions,
        "version|versions|affected version|affected versions|version affected|versions affected|vulnerable version|\
         vulnerable versions|tested version|tested versions|tested on|tested with|tested|affected|affects|\
         product version|software version|version range|affected range|betroffene versionen|betroffen|\
         versions concernées|versions affectées|versiones afectadas|affected releases|vulnerable|versionen|confirmed on|\
         vulnerable range|which versions|scope|releases|version that i checked|versions that i checked|checked versions|\
         concerns",
    ),
    (
        LetterField::Fixed,
        "fixed in|fixed version|fixed versions|patched versions|patched version|fixed|patched in|first patched version|\
         behoben in|corrected in|solution version",
    ),
    (LetterField::Cve, "cve|cve id|cve ids|cves|cve assigned"),
    (
        LetterField::Cwe,
        "cwe|cwe id|cwe ids|cwes|weakness|weaknesses|vulnerability type|bug class|class|type|vulnerability class|\
         weakness type|issue type|category|bug type|problem type|kind|classification|art",
    ),
    (
        LetterField::Cvss,
        "cvss|cvss score|cvss vector|cvss v3|cvss v3.1|cvss v4|vector|vector string|cvss string|cvss metrics|\
         cvss base score",
    ),
    (
        LetterField::Severity,
        "severity|risk|severity rating|rating|criticality|severity level|risk rating|priority|impact rating|schweregrad|\
         gravité|gravedad",
    ),
    (
        LetterField::Steps,
        "steps to reproduce|steps|reproduction|reproduction steps|how to reproduce|to reproduce|poc|proof of concept|\
         reproducing|reproduce|steps for reproduction|reproducer|reproduction instructions|repro|\
         repro steps|schritte|schritte zum nachstellen|étapes de reproduction|étapes pour reproduire|reproducción|\
         pasos para reproducir|proof of concept code|poc code|test|demonstration|how to see it|request|trigger|\
         triggering|how to trigger|testcase|test case|example|demo|attack|poc exploit|how to verify|verification",
    ),
    (
        LetterField::Disclosure,
        "disclosure|disclosure plan|disclosure plans|disclosure timeline|disclosure policy|embargo|publication|\
         disclosure date|timeline|public disclosure|planned disclosure|disclosure intent|publication date|\
         planned publication|offenlegung|divulgation|what next|planned|public|confidential until then",
    ),
    (
        LetterField::Exploited,
        "exploited|exploited in the wild|known exploitation|wild|exploitation known|exploitation status|in the wild|\
         active exploitation",
    ),
    (
        LetterField::Told,
        "others told|vendors notified|also notified|coordination|others notified|notified|contacted|other parties|\
         coordinated with|shared with|cert notified|reported to|told|told to|who knows|known to others|known to|shared",
    ),
    (
        LetterField::Credit,
        "credit|credits|credit to|attribution|acknowledgements|acknowledgement|discovered by|found by|discoverer|finder|\
         credited to|name for credits|credit name|credit line|credit as|name for credit|credit wish|attribution name|\
         reported by|wanted",
    ),
    (
        LetterField::Files,
        "file|files|affected file|affected files|source file|location|path|affected code|code \
         location|code|where",
    ),
    (
        LetterField::Functions,
        "function|functions|affected function|affected functions|method",
    ),
    (
        LetterField::Else,
        "description|details|detail|technical details|impact|background|analysis|root cause|fix|suggested fix|\
         mitigation|remediation|workaround|recommendation|references|reference|links|contact|environment|introduction|\
         conclusion|reporter|attack vector|prerequisites|patch|notes|vulnerability details|vulnerability description|\
         security impact|attachments|not affected|unaffected|unaffected versions|expected result|actual result|vendor|\
         vendor notified|date|author|homepage|url|beschreibung|auswirkung|description du problème|impacto",
    ),
];

/// Each field by each of its names.
static BY_NAME: LazyLock<HashMap<&str, LetterField>> = LazyLock::new(|| {
    let rows = NAMES.iter();
    let names = rows.flat_map(|(field, names)| names.split('|').map(|name| (name, *field)));
    // Where a name stands twice, the first counts.
    let mut by_name = HashMap::new();
    for (name, field) in names {
        by_name.entry(name).or_insert(field);
    }
    by_name
});

pub(super) fn field(name: &str) -> Option<LetterField> {
    let name = name
        .trim()
        .trim_end_matches([':', '.', ' '])
        .trim_matches('*')
        .to_lowercase()
        .replace(['-', '_'], " ");
    let name =
        name.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' '));
    let name = name
        .split(['(', '/', ','])
        .next()
        .unwrap_or_default()
        .trim();
    BY_NAME.get(name).copied().or_else(|| by_concept(name))
}

/// What a short name speaks of, in any language.
fn by_concept(name: &str) -> Option<LetterField> {
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return None;
    }
    let said = concepts(name);
    let rows = [
        (Concept::StepsWord, LetterField::Steps),
        (Concept::ProductWord, LetterField::Product),
        (Concept::TitleWord, LetterField::Summary),
        (Concept::TypeWord, LetterField::Cwe),
        (Concept::SeverityWord, LetterField::Severity),
    ];
    let mut rows = rows.into_iter().filter(|(concept, _)| {
        said.iter()
            .any(|said| said.concept == *concept && said.range == (0..name.len()))
    });
    rows.next().map(|(_, field)| field)
}

/// Longer names are sentences.
const NAME_CHARACTERS_MAX: usize = 40;

/// What keys of forms speak of, beside versions.
const KEY_CONCEPTS: [Concept; 8] = [
    Concept::SeverityWord,
    Concept::Told,
    Concept::SeenAttacks,
    Concept::Policy,
    Concept::Publish,
    Concept::Credit,
    Concept::Exploited,
    Concept::FoundBy,
];

/// A key that is known by its concepts has at most so many words.
const KEY_WORDS_MAX: usize = 4;

/// The keys of a form's answers: names of fields, and what speaks of versions in few words.
pub(super) struct LetterKeys;

impl Keys for LetterKeys {
    fn is_key(&self, key: &str) -> bool {
        // `Severity (low / medium / high)` is a key, whatever it offers.
        let key = key.split_once(" (").map_or(key, |(name, _)| name);
        let question = key.strip_suffix(['?', '？']);
        if field(key).is_some() || question.is_some_and(|question| asked(question).is_some()) {
            return true;
        }
        let is_short = question.is_some() || key.split_whitespace().count() <= KEY_WORDS_MAX;
        let said = if is_short { concepts(key) } else { Vec::new() };
        let names = |said: &Said| KEY_CONCEPTS.contains(&said.concept);
        said.iter().any(names) || (is_short && role_of(key, &said).is_some())
    }
}

/// The field that a question asks for, the narrowest first.
pub(super) fn asked(question: &str) -> Option<LetterField> {
    let rows: [(&regex::Regex, LetterField); 9] = [
        (&ASKS_CREDIT, LetterField::Credit),
        (&ASKS_TOLD, LetterField::Told),
        (&ASKS_EXPLOITED, LetterField::Exploited),
        (&ASKS_PLANS, LetterField::Disclosure),
        (&ASKS_PUBLIC, LetterField::Disclosure),
        (&ASKS_STEPS, LetterField::Steps),
        (&ASKS_VERSION, LetterField::Versions),
        (&ASKS_SUMMARY, LetterField::Summary),
        (&ASKS_PRODUCT, LetterField::Product),
    ];
    rows.into_iter()
        .find(|(pattern, _)| pattern.is_match(question))
        .map(|(_, field)| field)
}
