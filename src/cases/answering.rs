//! What may a responder have the desk send to the reporter, or confirm that it need not?

use super::{Changed, Context, known};
use crate::decide;
use crate::desk::Desk;
use crate::desk::reporters::{
    ReporterCertificate, address_of, came_sealed, certificate_for, letters_of_reporter,
};
use crate::model::case::Case;
use crate::model::ids::CaseId;
use crate::model::letter::Role;
use crate::ports::{Intake, ReadingState};
use anyhow::{Result, anyhow, bail};

/// A reply of this length is a book.
const REPLY_OCTETS_MAX: usize = 128 * 1024;

/// A responder's words, to be sent to the reporter as the team's.
pub async fn reply(desk: &Desk, id: &CaseId, text: &str, by: &str) -> Result<String> {
    known(desk, id).await?;
    let letters = letters_of_reporter(desk, id).await?;
    if letters.is_empty() {
        bail!(
            "no address of the reporter of {id} is known, or they wrote in the tracker: answer them \
             there or in another way, then run sealdesk case answered {id}"
        );
    }
    if text.trim().is_empty() {
        bail!("the reply is empty");
    }
    if text.len() > REPLY_OCTETS_MAX {
        bail!("the reply is longer than {REPLY_OCTETS_MAX} octets");
    }
    let waits = waits_for_certificate(desk, id, &letters).await?;
    let now = desk.now();
    let (word, sealed) = desk.sealed_words(text).await?;
    desk.parts
        .store
        .commit(&decide::reply(id, &word, sealed, by, now), now)
        .await?;
    desk.ring();
    Ok(if waits {
        format!(
            "the reporter of {id} wrote encrypted, and no public key of theirs is known: they are \
             asked for it, if a letter of theirs may be answered. Your words wait, sealed, and \
             leave once it is here, within a week"
        )
    } else {
        format!("the reply of {id} is on its way; `sealdesk case show {id}` tells when it has left")
    })
}

/// Whether a reply must wait until the reporter's certificate is known. Fails where a responder has
/// to choose it first.
async fn waits_for_certificate(desk: &Desk, id: &CaseId, letters: &[Intake]) -> Result<bool> {
    let Some(to) = letters.first().and_then(address_of) else {
        return Ok(false);
    };
    Ok(match certificate_for(desk, letters, &to).await? {
        ReporterCertificate::Known(_) => false,
        ReporterCertificate::Unknown => came_sealed(desk, id).await?,
        ReporterCertificate::Contested => bail!(
            "two certificates were seen for the reporter of {id}: choose one with `sealdesk case \
             certificate {id} --use FINGERPRINT`, and give the reply again"
        ),
    })
}

pub(super) async fn file(context: &Context<'_>) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let id = case.id();
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

pub(super) fn answered(context: &Context<'_>) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    Ok((
        decide::answered(case, by, desk.now())?,
        format!("{} counts as acknowledged, by hand", case.id()),
    ))
}

pub(super) async fn ask(context: &Context<'_>, private_disclosure: bool) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (id, letter, now) = (case.id(), answerable(desk, case).await?, desk.now());
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

pub(super) async fn send_certificate(context: &Context<'_>) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let (id, letter) = (case.id(), answerable(desk, case).await?);
    Ok((
        decide::send_certificate(id, letter.id, by, desk.now()),
        format!("the desk's certificate is on its way to the reporter of {id}"),
    ))
}

/// The letter of a case that an answer by the desk goes to.
async fn answerable(desk: &Desk, case: &Case) -> Result<Intake> {
    let letters = desk.parts.store.letters_of(case.id()).await?;
    let found = letters
        .into_iter()
        .find(|l| l.role == Role::Incoming && l.reply_to.is_some());
    found.ok_or_else(|| {
        anyhow!(
            "no letter of case {0} may be answered by the desk: write `sealdesk case reply {0}`",
            case.id()
        )
    })
}
