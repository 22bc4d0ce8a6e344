//! Who is told in advance, and what did the team find?

use super::{ENTRIES_MAX, NOTE_OCTETS_MAX, note_of};
use crate::decide::{self, Decision, Entry};
use crate::model::case::{Case, Draft};
use crate::model::cvss;
use crate::model::dossier::Assessment;
use crate::model::effect::Effect;
use crate::model::report::Affected;
use crate::pipeline::outbox::Notice;
use crate::pipeline::{Desk, dossiers};
use crate::triage;
use anyhow::{Result, bail};

pub(super) async fn set(
    desk: &Desk,
    case: &Case,
    assessment: Assessment,
    by: &str,
) -> Result<(Decision, String)> {
    let id = &case.id;
    if assessment == Assessment::default() {
        bail!("nothing was named to be set");
    }
    if let Some(vector) = assessment
        .cvss
        .as_deref()
        .filter(|vector| cvss::rate(vector).is_none())
    {
        bail!("{vector:?} is not a whole CVSS vector of version 2, 3.0, 3.1 or 4.0");
    }
    if assessment.cvss.is_some() && assessment.severity.is_some() {
        bail!("name a vector or a severity: a vector says the severity by itself");
    }
    let mut assessment = assessment;
    if let Some(affected) = &assessment.affected_versions {
        let (ranges, versions) = triage::ranges(affected);
        assessment.ranges = Some(Affected {
            package: None,
            ranges,
            versions,
        });
    }
    let lists = [
        &assessment.affected_versions,
        &assessment.fixed_versions,
        &assessment.cve_ids,
        &assessment.cwe_ids,
    ];
    if lists
        .into_iter()
        .flatten()
        .any(|list| list.len() > ENTRIES_MAX)
    {
        bail!("more than {ENTRIES_MAX} entries in one list");
    }
    let mut opened = dossiers::read(desk, id).await?;
    let rated = assessment.cvss.is_some() || assessment.severity.is_some();
    opened.dossier.assessment.amend(assessment);
    let now = desk.now();
    let mut decision = note_of(id, "assessed", by);
    let mut said = format!("{id} is set");
    if rated {
        let assessed = &opened.dossier.assessment;
        let tenths = assessed
            .cvss
            .as_deref()
            .and_then(cvss::rate)
            .map(|rated| rated.tenths);
        if let Some(moved) = decide::rated(
            case,
            tenths,
            assessed.severity.as_deref(),
            &desk.parts.policy.timeline,
            now,
        ) {
            said.push_str(", and takes another lane: see its timeline");
            decision.case = moved.case;
            decision.journal.extend(moved.journal);
        }
    }
    if matches!(case.draft, Draft::Filed { .. } | Draft::Queued) {
        decision.effects.push(Effect::amend_advisory(id, now));
    }
    Ok((opened.into(desk, id, decision)?, said))
}

pub(super) async fn notify(
    desk: &Desk,
    case: &Case,
    text: &str,
    by: &str,
) -> Result<(Decision, String)> {
    if text.trim().is_empty() {
        bail!("the notice is empty");
    }
    if text.len() > NOTE_OCTETS_MAX {
        bail!("the notice is longer than {NOTE_OCTETS_MAX} octets");
    }
    let (able, unable): (Vec<_>, Vec<_>) = desk
        .parts
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
        .partition(|d| d.fault.is_none());
    if able.is_empty() {
        bail!(
            "there is no distributor whom a notice could be encrypted to: see [[distributor]] in \
             the config"
        );
    }
    let now = desk.now();
    // A notice of another hour is another notice.
    let hour = case
        .course
        .release_day
        .map_or(0, |day| day.as_millisecond())
        .to_be_bytes();
    let word = desk
        .content_tag(&[b"notice", &hour, text.as_bytes()])
        .await?;
    let mut notices = Vec::new();
    for distributor in &able {
        let notice = serde_json::to_vec(&Notice {
            to: distributor.address.clone(),
            text: text.to_owned(),
        })?;
        notices.push((
            distributor.name.clone(),
            Effect::notify(
                &case.id,
                &word,
                &desk.word_for("to", &[distributor.address.as_str().as_bytes()]),
                desk.parts.store.seal(&notice)?,
                now,
            ),
        ));
    }
    let mut decision = decide::notify(case, notices, by, now)?;
    decision.journal.extend(unable.iter().map(|d| {
        Entry::of(
            &case.id,
            "notice not sent",
            format!("{}: no letter can be encrypted to them", d.name),
        )
    }));
    let unable = unable
        .iter()
        .map(|d| format!("{} ({})", d.name, d.contact))
        .collect::<Vec<_>>()
        .join(", ");
    let unable = if unable.is_empty() {
        String::new()
    } else {
        format!("; nothing can be encrypted to {unable}: tell them in another way")
    };
    Ok((
        decision,
        format!("{} distributors are told{unable}", able.len()),
    ))
}
