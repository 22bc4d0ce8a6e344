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

/// How much a report gives a responder to work with. It ranks lists, and rejects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// 0 to 100: the share of what could be known that speaks for it.
    pub score: u8,
    /// What speaks for it and against it, each a line that begins with `+` or `-`.
    pub evidence: Vec<String>,
}

/// What a class that a machine or a beggar wrote can reach.
const LOW_RANK_MAX: u32 = 10;

const SCORE_MAX: u32 = 100;

/// Judges a report. `found`: what its product's checkout says, where one is configured.
pub fn quality(report: &Report, found: Option<&Found>) -> Quality {
    let mut scale = Scale::default();
    weigh_words(&mut scale, report);
    if let Some(found) = found {
        weigh_findings(&mut scale, report, found);
    }
    let share = (100 * scale.reached + scale.possible / 2) / scale.possible;
    let (against, score_max) = match report.class {
        Class::Report => (None, SCORE_MAX),
        Class::Application => (
            Some("it is no report: it asks to be on the list of private distributors"),
            SCORE_MAX,
        ),
        Class::Scanner => (Some("it reads like the output of a scanner"), LOW_RANK_MAX),
        Class::BegBounty => (Some("it reads like a request for a bounty"), LOW_RANK_MAX),
        Class::Question => (Some("it reads like a question"), LOW_RANK_MAX),
        Class::Chaser => (
            Some("it asks what became of an earlier letter"),
            LOW_RANK_MAX,
        ),
        Class::Retraction => (Some("it takes an earlier report back"), LOW_RANK_MAX),
        Class::Thanks => (Some("it reads like thanks"), LOW_RANK_MAX),
        Class::BountyQuestion => (Some("it asks whether findings are paid for"), LOW_RANK_MAX),
        Class::Abuse => (
            Some("it reads like a complaint about phishing, spam or stolen accounts"),
            LOW_RANK_MAX,
        ),
        Class::Business => (
            Some("it reads like other business: an invoice, a job, a lost account"),
            LOW_RANK_MAX,
        ),
        Class::Sales => (
            Some("it reads like an offer to buy something"),
            LOW_RANK_MAX,
        ),
    };
    let mut evidence = scale.evidence;
    evidence.extend(against.map(|line| format!("- {line}")));
    Quality {
        score: u8::try_from(share.min(score_max)).unwrap_or(100),
        evidence,
    }
}

/// What was weighed of a report so far.
#[derive(Default)]
struct Scale {
    reached: u32,
    possible: u32,
    evidence: Vec<String>,
}

impl Scale {
    /// Weighs one property of a report. `yes` is the evidence where it `holds`, else `no`.
    fn weigh(&mut self, weight: u32, holds: bool, yes: &str, no: &str) {
        self.possible += weight;
        if holds {
            self.reached += weight;
            self.evidence.push(format!("+ {yes}"));
        } else {
            self.evidence.push(format!("- {no}"));
        }
    }
}

/// Weighs what a report says by itself.
fn weigh_words(scale: &mut Scale, report: &Report) {
    scale.weigh(
        25,
        report.steps_to_reproduce.is_some(),
        "it says how to reproduce it",
        "it does not say how to reproduce it",
    );
    scale.weigh(
        15,
        !report.affected_versions.is_empty(),
        "it names versions",
        "it names no version",
    );
    scale.weigh(
        10,
        report.cvss.is_some() || !report.cwe_ids.is_empty(),
        "it names the weakness or its severity",
        "it names neither weakness nor severity",
    );
    scale.weigh(
        10,
        !report.files.is_empty() || !report.functions.is_empty(),
        "it says where in the source",
        "it does not say where in the source",
    );
}

/// Weighs what of a report's words is in the checkout of its product.
fn weigh_findings(scale: &mut Scale, report: &Report, found: &Found) {
    if !report.affected.is_empty() || !report.affected_versions.is_empty() {
        scale.weigh(
            10,
            !found.versions.is_empty(),
            &format!("released: {}", found.versions.join(", ")),
            "no version that it names was released",
        );
    }
    if !report.files.is_empty() {
        scale.weigh(
            15,
            !found.files.is_empty(),
            &format!("in the source: {}", found.files.join(", ")),
            "no file that it names is in the source",
        );
    }
    if !report.functions.is_empty() {
        scale.weigh(
            15,
            !found.functions.is_empty(),
            &format!("in the source: {}", found.functions.join(", ")),
            "no function that it names is in the source",
        );
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
