//! How is a case closed, or split into several?

use super::{Changed, Context, known, one_line};
use crate::decide::{self, DeadlineState, Decision, Entry};
use crate::desk::{Desk, case_records, opened_letters, random};
use crate::model::case::Closing;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::journal::JournalEvent;
use anyhow::{Result, bail};

/// Cases that one report is split into.
const PARTS_MAX: usize = 20;

/// Splits further cases off a case. `once` makes the same parts of the same command: those that a
/// fault left behind are not made again.
pub(super) async fn split(
    context: &Context<'_>,
    titles: Vec<String>,
    once: Option<&str>,
) -> Changed {
    let (desk, case) = (context.desk, &context.case);
    let id = case.id();
    let children = child_ids(desk, once)?;
    let root = case.course().part_of.as_ref().unwrap_or(id);
    let earlier_parts = count_parts(desk, root, &children).await?;
    let titles = match titles.is_empty() {
        false => titles,
        true if earlier_parts > 0 => {
            bail!("{root} was split already: name the titles of further cases")
        }
        true => further_vulnerabilities(desk, id).await?,
    };
    if titles.is_empty() {
        bail!(
            "no second vulnerability was found in the letters of {id}: name the titles of the \
             cases to split off"
        );
    }
    if earlier_parts + titles.len() > PARTS_MAX {
        bail!("a case has at most {PARTS_MAX} parts");
    }
    // All or none: what cannot be written is found before the first is made.
    let titles: Vec<String> = titles
        .iter()
        .map(|title| one_line(title))
        .collect::<Result<_>>()?;
    let mut made = Vec::new();
    for (child, title) in children.into_iter().zip(titles) {
        split_off(context, &child, title).await?;
        made.push(child.to_string());
    }
    let made = made.join(", ");
    let changed = format!("split from {id}: {made}; each is filed by `sealdesk case file`");
    Ok((Decision::default(), changed))
}

/// The names of the cases that one command may make: with a token, the same ones each time.
fn child_ids(desk: &Desk, once: Option<&str>) -> Result<Vec<CaseId>> {
    let seed = match once {
        Some(token) => token.to_owned(),
        None => format!("{:?}", random::<16>()?),
    };
    let child = |n: usize| desk.keyed_octets("part", &[seed.as_bytes(), &n.to_be_bytes()]);
    Ok((0..PARTS_MAX)
        .map(|n| CaseId::from_random(child(n)))
        .collect())
}

/// Counts the parts that other commands split off `root`.
async fn count_parts(desk: &Desk, root: &CaseId, except: &[CaseId]) -> Result<usize> {
    let parts = desk.parts.store.parts_of(root).await?;
    Ok(parts.iter().filter(|part| !except.contains(part)).count())
}

/// The titles of the vulnerabilities that a report lists. The first stays where it is.
async fn further_vulnerabilities(desk: &Desk, id: &CaseId) -> Result<Vec<String>> {
    let report = opened_letters::report_of(desk, id).await?;
    let listed = report
        .map(|report| report.vulnerabilities)
        .unwrap_or_default();
    Ok(listed.into_iter().skip(1).collect())
}

/// Opens one part of a case under its title, unless it was opened before.
async fn split_off(context: &Context<'_>, child: &CaseId, title: String) -> Result<()> {
    let desk = context.desk;
    if desk.parts.store.case(child).await?.is_some() {
        return Ok(());
    }
    let mut record = case_records::read(desk, child).await?;
    record.record.assessment.summary = Some(title);
    let split = decide::split(&context.case, child, context.by)?;
    let decision = record.into(desk, child, split)?;
    desk.parts.store.commit(&decision, desk.now()).await?;
    Ok(())
}

pub(super) async fn close(
    context: &Context<'_>,
    why: Closing,
    note: Option<String>,
    of: Option<CaseId>,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (id, now) = (case.id(), context.now);
    if (why == Closing::Duplicate) != of.is_some() {
        bail!("a duplicate names the case that it doubles, and nothing else does");
    }
    if why.is_by_desk() {
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
        if other.id() == id {
            bail!("a case is no duplicate of itself");
        }
        // Else two that double each other could close each other, and nobody would work on either.
        if other.is_closed() {
            bail!(
                "case {} is closed: reopen it first, or name the case that is worked on",
                other.id()
            );
        }
        decision.journal.push(Entry::of(
            id,
            JournalEvent::DuplicateOf,
            other.id().as_str(),
        ));
        decision.journal.push(Entry::of(
            other.id(),
            JournalEvent::HasDuplicate,
            id.as_str(),
        ));
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
