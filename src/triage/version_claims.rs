//! Which versions are affected, safe or fixed, as a text claims it?
//!
//! First every version with the words around it becomes a range; then each range takes the role
//! that its key, its heading or the nearest verb gives it.

mod bare;
mod expressions;
mod operators;
mod ownership;
mod roles;
mod rows;

use super::choices::is_placeholder;
use super::lexicon::{Concept, Said};
use super::own_words::is_question;
use super::units::{Unit, UnitKind, head_of};
use super::version::{Version, versions_among};
pub(super) use roles::role_of;
use std::ops::Range;

/// What is claimed of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Affected,
    Safe,
    Fixed,
}

/// A range of versions: ends that are absent are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub from: Option<End>,
    pub to: Option<End>,
    /// One version alone, or a wildcard.
    pub exact: Option<String>,
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub version: String,
    pub is_included: bool,
}

/// A claim about versions, and where it stands in its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VersionClaim {
    pub role: Role,
    pub span: Span,
    pub unit: usize,
    pub range: Range<usize>,
    /// As the letter has it: `before 2.4.1`.
    pub words: String,
}

impl Span {
    /// `>= 1.0, < 2.4`, `2.3.1`, `all`.
    pub fn in_words(&self) -> String {
        if let Some(exact) = &self.exact {
            return exact.clone();
        }
        let from = self
            .from
            .as_ref()
            .map(|e| format!("{} {}", if e.is_included { ">=" } else { ">" }, e.version));
        let to = self
            .to
            .as_ref()
            .map(|e| format!("{} {}", if e.is_included { "<=" } else { "<" }, e.version));
        let ends: Vec<String> = from.into_iter().chain(to).collect();
        if ends.is_empty() {
            "all".to_owned()
        } else {
            ends.join(", ")
        }
    }
}

/// What is known beside the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    /// The names of the product, in lower case.
    pub products: &'a [String],
    /// Releases that exist; empty where nobody knows.
    pub releases: &'a [String],
    /// The text is nothing but a list of what is affected.
    pub is_list: bool,
}

/// The claims of all units.
pub(super) fn claims(units: &[Unit], context: &Context<'_>) -> Vec<VersionClaim> {
    let mut found = Vec::new();
    let mut left = VERSIONS_OF_LETTER_MAX;
    for (at, unit) in units.iter().enumerate() {
        if left == 0 {
            break;
        }
        let is_words = !matches!(unit.kind, UnitKind::Code | UnitKind::Signature)
            && !rows::is_of_other(units, at, context.products);
        // Whoever asks claims nothing, and nobody wrote a form's placeholder.
        let has_number = unit.text.contains(|c: char| c.is_ascii_digit());
        let is_claim = !is_question(unit) && (has_number || !is_placeholder(&unit.text));
        if !is_words || unit.depth > 0 || !is_claim {
            continue;
        }
        let says_all = unit.said.iter().any(|s| s.concept == Concept::AllVersions);
        let mut versions = versions_among(&unit.text, context.releases);
        versions.truncate(VERSIONS_MAX.min(left));
        left -= versions.len();
        if says_all || !versions.is_empty() {
            let before = found.len();
            let mut reader = Reader::new(units, at, versions, context);
            reader.is_first = found.is_empty();
            reader.claims(&mut found);
            if let [claim] = &mut found[before..]
                && claim.role == Role::Affected
                && units.get(at + 1).is_some_and(says_there_is_none)
            {
                claim.role = Role::Safe;
            }
        }
    }
    found
}

/// "We still run 2.3.0. There the route answers 401": the next sentence speaks of that version.
fn says_there_is_none(next: &Unit) -> bool {
    let heads = [
        "there ", "it ", "es ", "sie ", "elle ", "il ", "ela ", "ele ", "она ", "он ", "它",
        "dort ", "da ", "là ", "là-bas ", "allí ", "ahí ", "lá ", "там ", "那里", "そこ",
    ];
    let begins = heads.iter().any(|head| next.lower.starts_with(head));
    begins && next.says(Concept::Safe) && !next.says(Concept::Flaw)
}

/// More versions in one sentence are not looked at.
const VERSIONS_MAX: usize = 64;

/// More versions in one letter are no human's.
const VERSIONS_OF_LETTER_MAX: usize = 1_000;

/// One unit, and what stands in it.
struct Reader<'a> {
    unit: &'a Unit,
    at: usize,
    text: &'a str,
    said: &'a [Said],
    /// Verbs that give a role, and which.
    verbs: Vec<(&'a Said, Role)>,
    versions: Vec<Version>,
    /// The role that the key, the column or the heading gives.
    given: Option<Role>,
    context: &'a Context<'a>,
    /// Nothing was claimed of a version before.
    is_first: bool,
}

impl<'a> Reader<'a> {
    fn new(units: &'a [Unit], at: usize, versions: Vec<Version>, context: &'a Context<'a>) -> Self {
        let unit = &units[at];
        let of_head = || head_of(units, at).and_then(|(text, said)| role_of(text, said));
        let given = match unit.kind {
            _ if context.is_list => Some(Role::Affected),
            UnitKind::Heading => None,
            UnitKind::Cell => match of_head() {
                Some(role @ (Role::Fixed | Role::Safe)) => Some(role),
                role => rows::role(units, at).or(role),
            },
            _ => of_head(),
        };
        Self {
            verbs: roles::verbs(&unit.lower, &unit.said),
            said: &unit.said,
            text: &unit.lower,
            versions,
            unit,
            at,
            given,
            context,
            is_first: false,
        }
    }

    fn claims(&self, found: &mut Vec<VersionClaim>) {
        let expressions = self.expressions();
        let mut last: Option<Role> = None;
        for expression in &expressions {
            let Some(role) = self.role(expression, last) else {
                continue;
            };
            last = Some(role);
            found.push(VersionClaim {
                role,
                span: expression.span.clone(),
                unit: self.at,
                range: expression.range.clone(),
                words: self.unit.text[expression.range.clone()].to_owned(),
            });
        }
        if expressions.is_empty()
            && let Some(all) = self.said.iter().find(|s| s.concept == Concept::AllVersions)
        {
            let affected = self.given == Some(Role::Affected) || self.has(Concept::Affected);
            if affected && !self.has(Concept::Not) && !self.has(Concept::Safe) {
                found.push(VersionClaim {
                    role: Role::Affected,
                    span: Span::default(),
                    unit: self.at,
                    range: all.range.clone(),
                    words: self.unit.text[all.range.clone()].to_owned(),
                });
            }
        }
    }

    fn has(&self, concept: Concept) -> bool {
        self.said.iter().any(|s| s.concept == concept)
    }
}

/// Whether a list of words, set apart by spaces, has this one.
fn is_one_of(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::lexicon::concepts;
    use crate::triage::units::{Keys, units};

    struct Known;
    impl Keys for Known {
        fn is_key(&self, key: &str) -> bool {
            role_of(key, &concepts(key)).is_some()
        }
    }

    fn check(text: &str, expected: &str) {
        let units = units(text, &Known);
        let products = ["acme-web".to_owned(), "acme".to_owned()];
        let context = Context {
            products: &products,
            releases: &[],
            is_list: false,
        };
        let mut found: Vec<String> = claims(&units, &context)
            .into_iter()
            .map(|c| {
                format!(
                    "{}{}",
                    match c.role {
                        Role::Affected => "A:",
                        Role::Safe => "S:",
                        Role::Fixed => "F:",
                    },
                    c.span.in_words()
                )
            })
            .collect();
        found.dedup();
        if found.join(" ") != expected {
            panic!("{text}: {} instead of {expected}", found.join(" "));
        }
    }

    #[test]
    fn ranges_and_roles_in_english() {
        check("Version 1.2.3 is vulnerable.", "A:1.2.3");
        check("tested with 0.9.1 and earlier", "A:<= 0.9.1");
        check(
            "This was fixed in 1.2.4. Version 1.2.3 is affected.",
            "F:1.2.4 A:1.2.3",
        );
        check(
            "I connected to 192.168.0.1 with Python 3.11 over HTTP/1.1",
            "",
        );
        check(
            "All versions up to and including 2.3.0 are affected",
            "A:<= 2.3.0",
        );
        check("acme 2.3.1 is affected, 2.3.2 is not.", "A:2.3.1 S:2.3.2");
        check(
            "Vulnerable: 2.3.1\nNot vulnerable: 2.3.2\n",
            "A:2.3.1 S:2.3.2",
        );
        check("The fix was released in version 8.4.0", "F:8.4.0");
        check(
            "The issue is fixed in acme-web 5.2.9 and 5.1.21.",
            "F:5.2.9 F:5.1.21",
        );
        check("upgrade to 2.10.0, 3.0.1", "F:2.10.0 F:3.0.1");
        check("2.3.2 contains a fix", "F:2.3.2");
        check(
            "Affected versions: <= 5.2.8 and <= 5.1.20",
            "A:<= 5.2.8 A:<= 5.1.20",
        );
        check("There is an XSS in acme-web 2.3.1.", "A:2.3.1");
        check("All versions before 2.4.1 are vulnerable.", "A:< 2.4.1");
        check("It affects versions 1.0 through 1.9.", "A:>= 1.0, <= 1.9");
        check("It affects 5.40 and various earlier versions.", "A:<= 5.40");
        check("affected: >= 1.0, < 2.4.1", "A:>= 1.0, < 2.4.1");
        check(
            "We tested v.2.2.0 with Apache 2.4 on Ubuntu 22.04.",
            "A:2.2.0",
        );
        check("All versions are affected.", "A:all");
        check(
            "Versions from 1.2 up to and including 2.0 are affected; 2.1 is safe.",
            "A:>= 1.2, <= 2.0 S:2.1",
        );
        check("Tested version: 6.6-rc3", "A:6.6-rc3");
        check("It affects 5.8.* and is fixed in 5.9.0.", "A:5.8.* F:5.9.0");
        check("prior to 3.2 (fixed in 3.2)", "A:< 3.2 F:3.2");
        check(
            "Our machine still runs acme 2.3.0. There the route answers 401, so that one is fine.",
            "S:2.3.0",
        );
        check(
            "Introduced in 1.2, and 1.1 does not have it.",
            "A:>= 1.2 S:1.1",
        );
        check(
            "Later than 3.9.0 but older than 4.0.1 are affected.",
            "A:> 3.9.0, < 4.0.1",
        );
    }

    #[test]
    fn a_word_with_a_version_inside_ends_where_the_version_begins() {
        check("3.0.0 и более новы1.2е не затронуты.", "S:>= 3.0.0 S:1.2");
    }

    #[test]
    fn ranges_and_roles_in_other_languages() {
        check(
            "Betroffen sind alle Versionen vor 2.4.1; behoben in 2.4.1.",
            "A:< 2.4.1 F:2.4.1",
        );
        check(
            "Versionen bis einschließlich 2.3 sind betroffen, 2.4 ist nicht betroffen.",
            "A:<= 2.3 S:2.4",
        );
        check(
            "La version 2.3.1 et antérieures sont vulnérables, corrigé dans la 2.4.",
            "A:<= 2.3.1 F:2.4",
        );
        check("Afecta a las versiones anteriores a 2.4.1.", "A:< 2.4.1");
        check(
            "As versões até 2.3 são afetadas; corrigido na 2.4.",
            "A:<= 2.3 F:2.4",
        );
        check(
            "Уязвимы версии до 2.4.1, исправлено в 2.4.1.",
            "A:< 2.4.1 F:2.4.1",
        );
        check("影响版本：<= 3.2.3", "A:<= 3.2.3");
        check("v1.6.2-GA2 之前的版本受影响", "A:< 1.6.2-GA2");
        check(
            "影响 3.2.3 及以下版本，已在 3.2.4 修复",
            "A:<= 3.2.3 F:3.2.4",
        );
        check(
            "バージョン 2.3.1 以前が影響を受けます。2.4.0 で修正されています。",
            "A:<= 2.3.1 F:2.4.0",
        );
        check("2.4 未満のバージョンに影響があります", "A:< 2.4");
    }
}
