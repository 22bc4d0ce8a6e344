//! How is a case closed, or split into several?

use super::{Changed, Context, known, one_line};
use crate::decide::{self, DeadlineState, Decision, Entry};
use crate::desk::{case_records, opened_letters, random};
use crate::model::case::{Case, Closing, Standing};
use crate::model::ids::{CaseId, IntakeId};
use anyhow::{Result, bail};

/// Cases that one report is split into.
const PARTS_MAX: usize = 20;

/// `once` makes the same parts of the same word: those that a fault left behind are not made again.
pub(super) async fn split(
    context: &Context<'_>,
    titles: Vec<String>,
    once: Option<&str>,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let id = &case.id;
    let seed = match once {
        Some(token) => token.to_owned(),
        None => format!("{:?}", random::<16>()?),
    };
    let parts: Vec<CaseId> = (0..PARTS_MAX)
        .map(|n| {
            CaseId::from_random(desk.keyed_octets("part", &[seed.as_bytes(), &n.to_be_bytes()]))
        })
        .collect();
    let root = case.course.part_of.as_ref().unwrap_or(id);
    let before: Vec<Case> = desk
        .parts
        .store
        .cases()
        .await?
        .into_iter()
        .filter(|other| other.course.part_of.as_ref() == Some(root) && !parts.contains(&other.id))
        .collect();
    let titles = match titles.is_empty() {
        false => titles,
        true if !before.is_empty() => {
            bail!("{root} was split already: name the titles of further cases")
        }
        // The first stays where it is.
        true => opened_letters::report_of(desk, id)
            .await?
            .map(|report| report.vulnerabilities)
            .unwrap_or_default()
            .into_iter()
            .skip(1)
            .collect(),
    };
    if titles.is_empty() {
        bail!(
            "no second vulnerability was found in the letters of {id}: name the titles of the \
             cases to split off"
        );
    }
    if before.len() + titles.len() > PARTS_MAX {
        bail!("a case has at most {PARTS_MAX} parts");
    }
    // All or none: what cannot be written is found before the first is made.
    let titles: Vec<String> = titles
        .iter()
        .map(|title| one_line(title))
        .collect::<Result<_>>()?;
    let mut made = Vec::new();
    for (child, title) in parts.into_iter().zip(titles) {
        made.push(child.to_string());
        if desk.parts.store.case(&child).await?.is_some() {
            continue;
        }
        let mut opened = case_records::read(desk, &child).await?;
        opened.dossier.assessment.summary = Some(title);
        let decision = opened.into(desk, &child, decide::split(case, &child, by)?)?;
        desk.parts.store.commit(&decision, desk.now()).await?;
    }
    Ok((
        Decision::default(),
        format!(
            "split from {id}: {}; each is filed by `sealdesk case file`",
            made.join(", ")
        ),
    ))
}

pub(super) async fn close(
    context: &Context<'_>,
    why: Closing,
    note: Option<String>,
    of: Option<CaseId>,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (id, now) = (&case.id, context.now);
    if (why == Closing::Duplicate) != of.is_some() {
        bail!("a duplicate names the case that it doubles, and nothing else does");
    }
    if matches!(
        why,
        Closing::KeyRequest | Closing::Machine | Closing::Joined
    ) {
        bail!("{} is for the desk itself to say", why.as_str());
    }
    let letters: Vec<IntakeId> = desk
        .parts
        .store
        .letters_of(id)
        .await?
        .iter()
        .map(|letter| letter.id)
        .collect();
    let mut decision = decide::close(case, why, &letters, by, now)?;
    if let Some(other) = &of {
        let other = known(desk, other).await?;
        if other.id == *id {
            bail!("a case is no duplicate of itself");
        }
        // Else two that double each other could close each other, and nobody would work on either.
        if matches!(other.standing, Standing::Closed { .. }) {
            bail!(
                "case {} is closed: reopen it first, or name the case that is worked on",
                other.id
            );
        }
        decision
            .journal
            .push(Entry::of(id, "duplicate of", other.id.as_str()));
        decision
            .journal
            .push(Entry::of(&other.id, "has a duplicate", id.as_str()));
    }
    let decision = match note {
        Some(note) => context.noted(&note, decision).await?,
        None => decision,
    };
    let running = decide::deadlines(case, &desk.parts.policy.timeline, now)
        .into_iter()
        .filter(|clock| clock.state == DeadlineState::Running);
    let open: Vec<&str> = running.map(|clock| clock.step.as_str()).collect();
    let left = if why == Closing::Resolved && !open.is_empty() {
        format!("; {} were not reached", open.join(", "))
    } else {
        String::new()
    };
    Ok((decision, format!("{id} is closed{left}")))
}
