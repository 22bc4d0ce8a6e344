//! Who works on an advisory, and who is credited in it?

use super::{Changed, Context, ENTRIES_MAX, one_line};
use crate::decide::{self};
use crate::desk::case_records;
use crate::model::case::Draft;
use crate::model::case_record::Credit;
use crate::model::effect::Effect;
use crate::model::journal::JournalEvent;
use anyhow::{Result, anyhow, bail};

pub(super) async fn credit(
    context: &Context<'_>,
    by_login: Option<String>,
    name: Option<String>,
    kind: String,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let id = case.id();
    let decision = decide::ask_tracker(
        case,
        Effect::amend_advisory(id, desk.now()),
        JournalEvent::Credited,
        by,
    )?;
    let credit = match (by_login, name) {
        (Some(known), name) => Credit {
            login: login(&known)?,
            name: name.as_deref().map(one_line).transpose()?,
            kind,
        },
        (None, Some(name)) => Credit {
            login: String::new(),
            name: Some(one_line(&name)?),
            kind,
        },
        (None, None) => bail!("name a login, or somebody without one by --name"),
    };
    let mut opened = case_records::read(desk, id).await?;
    opened.record.credits.retain(|other| {
        other.shown() != credit.shown() && (credit.login.is_empty() || other.login != credit.login)
    });
    if opened.record.credits.len() >= ENTRIES_MAX {
        bail!("case {id} has {ENTRIES_MAX} credits already");
    }
    let said = format!("{} is credited in the advisory of {id}", credit.shown());
    opened.record.credits.push(credit);
    Ok((opened.into(desk, id, decision)?, said))
}

pub(super) async fn collaborate(
    context: &Context<'_>,
    users: Vec<String>,
    teams: Vec<String>,
    (outsiders, remove): (bool, bool),
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let id = case.id();
    if !desk.parts.tracker.capabilities().lets_people_in {
        bail!("this tracker lets nobody into single advisories: give them their role in it");
    }
    let (event, said) = match (remove, outsiders) {
        (true, _) => (
            JournalEvent::CollaboratorsTakenOffList,
            format!("they are off the list of {id}; take them out of the advisory in the tracker"),
        ),
        (false, true) => (
            JournalEvent::OutsidersLetIn,
            format!("the advisory of {id} is on its way to them"),
        ),
        (false, false) => (
            JournalEvent::CollaboratorsLetIn,
            format!("the advisory of {id} is on its way to them"),
        ),
    };
    let decision = decide::ask_tracker(case, Effect::amend_advisory(id, desk.now()), event, by)?;
    if !outsiders
        && !remove
        && let Draft::Filed { advisory } = case.draft()
    {
        // Told at once: whoever asks decides whether to wait.
        let owners = desk
            .parts
            .tracker
            .code_owners(advisory)
            .await
            .map_err(|err| anyhow!(err.to_string()))?;
        let strangers: Vec<&String> = users
            .iter()
            .chain(&teams)
            .filter(|name| {
                owners
                    .as_ref()
                    .is_some_and(|known| !known.contains(&name.to_lowercase()))
            })
            .collect();
        if let Some(stranger) = strangers.first() {
            bail!("{stranger} owns no code, as CODEOWNERS says: let outsiders in with --outsider");
        }
    }
    let mut opened = case_records::read(desk, id).await?;
    let collaborators = &mut opened.record.collaborators;
    for (list, more) in [
        (&mut collaborators.users, users),
        (&mut collaborators.teams, teams),
    ] {
        for name in more {
            let name = login(&name)?;
            list.retain(|other| *other != name);
            if !remove {
                list.push(name);
            }
        }
    }
    if collaborators.users.len() + collaborators.teams.len() > ENTRIES_MAX {
        bail!("case {id} has {ENTRIES_MAX} collaborators already");
    }
    Ok((opened.into(desk, id, decision)?, said))
}

/// A name that the tracker knows: letters, digits and hyphens, as GitHub has them.
fn login(text: &str) -> Result<String> {
    let fits = !text.is_empty()
        && text.len() <= 60
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if fits {
        Ok(text.to_owned())
    } else {
        bail!("{text:?} is no login or team of the tracker")
    }
}
