//! What may a responder have the desk send, or say that it need not?

use crate::decide::{self, Decision};
use crate::model::case::Case;
use crate::model::letter::Role;
use crate::pipeline::Desk;
use crate::ports::{Intake, ReadingState};
use anyhow::{Result, anyhow, bail};

pub(super) async fn file(desk: &Desk, case: &Case, by: &str) -> Result<(Decision, String)> {
    let id = &case.id;
    let letters = desk.parts.store.letters_of(id).await?;
    let first = letters
        .first()
        .ok_or_else(|| anyhow!("case {id} has no letter"))?;
    if first.state != ReadingState::Read {
        bail!(
            "the letter of case {id} was not read (it is {:?}), so there is nothing to file",
            first.state
        );
    }
    Ok((
        decide::confirm(case, first.id, by, desk.now())?,
        format!("the draft of {id} is on its way to the tracker"),
    ))
}

pub(super) fn answered(desk: &Desk, case: &Case, by: &str) -> Result<(Decision, String)> {
    Ok((
        decide::answered(case, by, desk.now())?,
        format!("{} counts as acknowledged, by hand", case.id),
    ))
}

pub(super) async fn ask(
    desk: &Desk,
    case: &Case,
    private_disclosure: bool,
    by: &str,
) -> Result<(Decision, String)> {
    let (id, letter, now) = (&case.id, answerable(desk, case).await?, desk.now());
    Ok(match private_disclosure {
        true => (
            decide::ask_private(id, letter.id, by, now),
            format!("the reporter of {id} is asked to keep it private until the release"),
        ),
        false => (
            decide::ask(id, letter.id, by, now),
            format!("the reporter of {id} is asked for what is missing"),
        ),
    })
}

pub(super) async fn send_certificate(
    desk: &Desk,
    case: &Case,
    by: &str,
) -> Result<(Decision, String)> {
    let (id, letter) = (&case.id, answerable(desk, case).await?);
    Ok((
        decide::send_certificate(id, letter.id, by, desk.now()),
        format!("the desk's certificate is on its way to the reporter of {id}"),
    ))
}

/// The letter of a case that an answer by the desk goes to.
async fn answerable(desk: &Desk, case: &Case) -> Result<Intake> {
    let letters = desk.parts.store.letters_of(&case.id).await?;
    let found = letters
        .into_iter()
        .find(|l| l.role == Role::Incoming && l.reply_to.is_some());
    found.ok_or_else(|| {
        anyhow!(
            "no letter of case {0} may be answered by the desk: write `sealdesk case reply {0}`",
            case.id
        )
    })
}
