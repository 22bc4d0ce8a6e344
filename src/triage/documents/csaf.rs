//! What does a CSAF 2.0 advisory say of the products of its tree?

use super::{DEPTH_MAX, Record, list, package, strings, text};
use crate::model::report::{Affected, Package};
use crate::triage::fields::LetterField;
use serde_json::Value;

/// CSAF 2.0, its first vulnerability and the branches of its product tree.
pub(super) fn csaf(value: &Value) -> Record {
    let mut found = Record {
        format: "CSAF",
        ..Record::default()
    };
    found.say(LetterField::Summary, text(value, "/document/title"));
    for vulnerability in list(value, "/vulnerabilities") {
        found
            .titles
            .extend(text(vulnerability, "/title").map(str::to_owned));
        found.say(LetterField::Cve, text(vulnerability, "/cve"));
        found.say(LetterField::Cwe, text(vulnerability, "/cwe/id"));
        for score in list(vulnerability, "/scores") {
            found.say(
                LetterField::Cvss,
                text(score, "/cvss_v3/vectorString").or(text(score, "/cvss_v2/vectorString")),
            );
        }
        let ids = |status: &str| {
            strings(vulnerability, &format!("/product_status/{status}"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let affected = [
            ids("known_affected"),
            ids("first_affected"),
            ids("last_affected"),
        ]
        .concat();
        let fixed = [ids("fixed"), ids("first_fixed")].concat();
        let mut products = Products {
            affected: &affected,
            fixed: &fixed,
            found: &mut found,
        };
        products.branches(&value["product_tree"], None, 0);
        for product in list(value, "/product_tree/full_product_names") {
            products.product(product, text(product, "/name").unwrap_or_default(), None);
        }
    }
    if let [_] = found.titles.as_slice() {
        found.titles.clear();
    }
    let people = |from: &Value| {
        list(from, "/acknowledgments")
            .flat_map(|a| strings(a, "/names").map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    found.credits = list(value, "/vulnerabilities")
        .flat_map(people)
        .chain(people(&value["document"]))
        .collect();
    found.references = list(value, "/document/references")
        .filter_map(|r| text(r, "/url"))
        .map(str::to_owned)
        .collect();
    found
}

struct Products<'a> {
    affected: &'a [String],
    fixed: &'a [String],
    found: &'a mut Record,
}

impl Products<'_> {
    fn branches(&mut self, tree: &Value, name: Option<&str>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for branch in list(tree, "/branches") {
            let called = text(branch, "/name").unwrap_or_default();
            let own = if text(branch, "/category") == Some("product_name") {
                Some(called)
            } else {
                name
            };
            if let Some(product) = branch.get("product") {
                self.product(product, called, own);
            }
            self.branches(branch, own, depth + 1);
        }
    }

    /// A product is one version, or a range of them (`product_version_range`, a `vers:` or words).
    fn product(&mut self, product: &Value, version: &str, name: Option<&str>) {
        let id = text(product, "/product_id").unwrap_or_default().to_owned();
        let purl = text(product, "/product_identification_helper/purl").and_then(package);
        if self.fixed.contains(&id) {
            self.found.say(LetterField::Fixed, Some(version));
        }
        if !self.affected.contains(&id) {
            return;
        }
        for piece in vers(version) {
            self.found.say(LetterField::Versions, Some(&piece));
        }
        let named = |name: &str| Package {
            name: name.to_owned(),
            ..purl.clone().unwrap_or_default()
        };
        let package = name.map(named).or(purl.clone());
        if package.is_some() && !self.found.affected.iter().any(|a| a.package == package) {
            self.found.affected.push(Affected {
                package,
                ..Affected::default()
            });
        }
    }
}

/// `vers:npm/>=1.0|<1.5.2` in words (the vers specification); anything else as it stands.
fn vers(text: &str) -> Vec<String> {
    let Some((_, constraints)) = text
        .strip_prefix("vers:")
        .and_then(|rest| rest.split_once('/'))
    else {
        return text
            .split("||")
            .map(|piece| piece.trim().to_owned())
            .collect();
    };
    let mut pieces: Vec<String> = Vec::new();
    for constraint in constraints.split('|').map(str::trim) {
        match pieces.last_mut() {
            Some(last)
                if constraint.starts_with('<') && last.starts_with('>') && !last.contains(',') =>
            {
                last.push_str(&format!(", {constraint}"))
            }
            _ if constraint == "*" => pieces.push("all versions".to_owned()),
            _ => pieces.push(constraint.trim_start_matches('=').to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vers_constraints_pair_up() {
        assert_eq!(
            vers("vers:npm/>=1.0|<1.5.2|>=2.0|<2.3"),
            [">=1.0, <1.5.2", ">=2.0, <2.3"]
        );
    }
}
