//! How much does a report give a responder to work with? Evidence, which ranks and never rejects.

use super::report::{Class, Report};
use serde::{Deserialize, Serialize};

/// What of a report's words was found in the checkout of its product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub versions: Vec<String>,
    pub files: Vec<String>,
    pub functions: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// 0 to 100: the share of what could be known that speaks for it.
    pub score: u8,
    /// What speaks for it and against it, each a line that begins with `+` or `-`.
    pub evidence: Vec<String>,
}

/// What a class that a machine or a beggar wrote can reach.
const LOW_RANK_MAX: u32 = 10;

/// Judges a report. `found`: what its product's checkout says, where one is configured.
pub fn quality(report: &Report, found: Option<&Found>) -> Quality {
    let mut evidence = Vec::new();
    let (mut reached, mut possible) = (0, 0);
    let mut weigh = |weight: u32, holds: bool, yes: &str, no: &str| {
        possible += weight;
        reached += if holds { weight } else { 0 };
        evidence.push(if holds {
            format!("+ {yes}")
        } else {
            format!("- {no}")
        });
    };
    weigh(
        25,
        report.steps_to_reproduce.is_some(),
        "it says how to reproduce it",
        "it does not say how to reproduce it",
    );
    weigh(
        15,
        !report.affected_versions.is_empty(),
        "it names versions",
        "it names no version",
    );
    let classified = report.cvss.is_some() || !report.cwe_ids.is_empty();
    weigh(
        10,
        classified,
        "it names the weakness or its severity",
        "it names neither weakness nor severity",
    );
    let places = !report.files.is_empty() || !report.functions.is_empty();
    weigh(
        10,
        places,
        "it says where in the source",
        "it does not say where in the source",
    );
    if let Some(found) = found {
        let versions = !report.affected.is_empty() || !report.affected_versions.is_empty();
        if versions {
            weigh(
                10,
                !found.versions.is_empty(),
                &format!("released: {}", found.versions.join(", ")),
                "no version that it names was released",
            );
        }
        if !report.files.is_empty() {
            weigh(
                15,
                !found.files.is_empty(),
                &format!("in the source: {}", found.files.join(", ")),
                "no file that it names is in the source",
            );
        }
        if !report.functions.is_empty() {
            weigh(
                15,
                !found.functions.is_empty(),
                &format!("in the source: {}", found.functions.join(", ")),
                "no function that it names is in the source",
            );
        }
    }
    let share = (100 * reached + possible / 2) / possible;
    let score = match report.class {
        Class::Report => share,
        Class::Application => {
            evidence.push(
                "- it is no report: it asks to be on the list of private distributors".to_owned(),
            );
            share
        }
        low => {
            evidence.push(format!(
                "- it reads like {}",
                if low == Class::Scanner {
                    "the output of a scanner"
                } else {
                    "a request for a bounty"
                }
            ));
            share.min(LOW_RANK_MAX)
        }
    };
    Quality {
        score: u8::try_from(score).unwrap_or(100),
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_ranks_and_a_checkout_refutes_what_is_made_up() {
        let steps = Report {
            steps_to_reproduce: Some("1. look".to_owned()),
            affected_versions: vec!["9.9".to_owned()],
            ..Report::default()
        };
        let named = Report {
            functions: vec!["parse".to_owned()],
            files: vec!["a.c".to_owned()],
            ..steps.clone()
        };
        let nothing = Found::default();
        let all = Found {
            versions: vec!["9.9".to_owned()],
            files: vec!["a.c".to_owned()],
            functions: vec!["parse".to_owned()],
        };
        let scores = [
            quality(&Report::default(), None),
            quality(&named, Some(&nothing)),
            quality(&steps, None),
            quality(&named, Some(&all)),
        ]
        .map(|q| q.score);
        assert_eq!(scores, [0, 50, 67, 90]);
        assert_eq!(
            quality(
                &Report {
                    class: Class::BegBounty,
                    ..named
                },
                Some(&all)
            )
            .score,
            10
        );
    }
}
