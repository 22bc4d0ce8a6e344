//! What the team writes down about a case: notes, who takes care of it, links, and its assessment
//! over what was reported. It rests sealed.

use super::{Changed, Context, ENTRIES_MAX, one_line};
use crate::decide::{self, Decision, Entry};
use crate::desk::case_records;
use crate::model::case::Draft;
use crate::model::case_record::{Assessment, Link, Note};
use crate::model::cvss;
use crate::model::effect::Effect;
use crate::model::journal::JournalEvent;
use crate::model::report::Affected;
use crate::triage;
use anyhow::{Result, bail};

/// Longer notes are letters.
const NOTE_OCTETS_MAX: usize = 16 * 1024;

impl Context<'_> {
    pub(super) async fn note(&self, text: &str) -> Changed {
        if text.trim().is_empty() {
            bail!("the note is empty");
        }
        let decision = self.noted(text, self.journaled(JournalEvent::Note)).await?;
        Ok((decision, format!("noted in {}", self.case.id())))
    }

    pub(super) async fn assign(&self, to: &str) -> Changed {
        let id = self.case.id();
        let mut opened = case_records::read(self.desk, id).await?;
        opened.record.assignee = Some(one_line(to)?);
        let decision = opened.into(self.desk, id, self.journaled(JournalEvent::Assigned))?;
        Ok((decision, format!("{id} is {to}'s")))
    }

    pub(super) async fn link(&self, what: &str, to: &str) -> Changed {
        let id = self.case.id();
        let mut opened = case_records::read(self.desk, id).await?;
        if opened.record.links.len() >= ENTRIES_MAX {
            bail!("case {id} has {ENTRIES_MAX} links already");
        }
        opened.record.links.push(Link {
            what: one_line(what)?,
            to: one_line(to)?,
        });
        let decision = opened.into(self.desk, id, self.journaled(JournalEvent::Linked))?;
        Ok((decision, format!("linked to {id}")))
    }

    pub(super) async fn set(&self, mut assessment: Assessment) -> Changed {
        check(&assessment)?;
        if let Some(affected) = &assessment.affected_versions {
            let (ranges, versions) = triage::ranges(affected);
            assessment.ranges = Some(Affected {
                package: None,
                ranges,
                versions,
            });
        }
        let (case, id) = (&self.case, self.case.id());
        let mut opened = case_records::read(self.desk, id).await?;
        let is_rated = assessment.cvss.is_some() || assessment.severity.is_some();
        opened.record.assessment.amend(assessment);
        let mut decision = self.journaled(JournalEvent::Assessed);
        let mut changed = format!("{id} is set");
        if is_rated && let Some(moved) = self.moved_by_rating(&opened.record.assessment) {
            changed.push_str(", and takes another lane: see its timeline");
            decision.case = moved.case;
            decision.journal.extend(moved.journal);
        }
        if matches!(case.draft(), Draft::Filed { .. } | Draft::Queued) {
            if self.desk.parts.tracker.capabilities().amends {
                decision.effects.push(Effect::amend_advisory(id, self.now));
            } else {
                changed.push_str("; this tracker's draft stays as it was filed: change it by hand");
            }
        }
        Ok((opened.into(self.desk, id, decision)?, changed))
    }

    /// The lane that a rating moves the case to, if to another one.
    fn moved_by_rating(&self, assessed: &Assessment) -> Option<Decision> {
        let rated = assessed.cvss.as_deref().and_then(cvss::rate);
        decide::rated(
            &self.case,
            rated.map(|rated| rated.tenths),
            assessed.severity.as_deref(),
            &self.desk.parts.policy.timeline,
            self.now,
        )
    }

    /// A journal entry, and nothing else to decide.
    fn journaled(&self, event: JournalEvent) -> Decision {
        Decision {
            journal: vec![Entry::of(self.case.id(), event, self.by)],
            ..Decision::default()
        }
    }

    /// Adds a note to what was decided; an empty one adds nothing.
    pub(super) async fn noted(&self, text: &str, decision: Decision) -> Result<Decision> {
        let id = self.case.id();
        if text.trim().is_empty() {
            return Ok(decision);
        }
        if text.len() > NOTE_OCTETS_MAX {
            bail!("the note is longer than {NOTE_OCTETS_MAX} octets");
        }
        let mut opened = case_records::read(self.desk, id).await?;
        if opened.record.notes.len() >= ENTRIES_MAX {
            bail!("case {id} has {ENTRIES_MAX} notes already");
        }
        opened.record.notes.push(Note {
            at: self.now,
            by: self.by.to_owned(),
            text: text.trim().to_owned(),
        });
        Ok(opened.into(self.desk, id, decision)?)
    }
}

/// Whether an assessment can be taken as it is.
fn check(assessment: &Assessment) -> Result<()> {
    if *assessment == Assessment::default() {
        bail!("nothing was named to be set");
    }
    let vector = assessment.cvss.as_deref();
    if let Some(vector) = vector.filter(|vector| cvss::rate(vector).is_none()) {
        bail!("{vector:?} is not a whole CVSS vector of version 2, 3.0, 3.1 or 4.0");
    }
    if vector.is_some() && assessment.severity.is_some() {
        bail!("name a vector or a severity: a vector says the severity by itself");
    }
    let mut lists = [
        &assessment.affected_versions,
        &assessment.fixed_versions,
        &assessment.cve_ids,
        &assessment.cwe_ids,
    ]
    .into_iter()
    .flatten();
    if lists.any(|list| list.len() > ENTRIES_MAX) {
        bail!("more than {ENTRIES_MAX} entries in one list");
    }
    Ok(())
}
