//! Which certificate is a reporter's, and what is read again with a new key of ours? A responder's
//! word on both.

use super::{Changed, Context};
use crate::decide::{Decision, Entry};
use crate::desk::opened_letters;
use crate::model::address::Address;
use crate::model::case::Case;
use crate::ports::{Pinned, ReadingState};
use anyhow::{Result, anyhow, bail};

/// Fewer digits of a fingerprint than these name nobody: sixteen are a key ID, which can be forged.
const FINGERPRINT_DIGITS_MIN: usize = 32;

/// A certificate that a letter of a case brought.
struct Seen {
    fingerprint: String,
    armored: String,
    /// Where it came from, in words.
    origin: String,
}

/// Has the letters of a case that stayed shut or were set aside read again, as if they had just
/// arrived.
pub(super) async fn read_again(context: &Context<'_>) -> Result<String> {
    let (desk, case) = (context.desk, &context.case);
    let id = &case.id;
    let letters = desk.parts.store.letters_of(id).await?;
    let shut = letters
        .iter()
        .filter(|letter| matches!(letter.state, ReadingState::Shut | ReadingState::SetAside))
        .count();
    if shut == 0 {
        bail!("no letter of {id} stayed shut or was set aside");
    }
    let again = desk.parts.store.read_again(id, desk.now()).await?;
    desk.letters.notify_one();
    Ok(format!(
        "{again} letters of {id} are read again; see `sealdesk case show {id}` in a moment"
    ))
}

/// Shows, chooses or forgets the certificate that letters to the reporter of a case are encrypted
/// to.
pub(super) async fn certificate(
    context: &Context<'_>,
    choose: Option<&str>,
    forget: bool,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let id = &case.id;
    let letters = desk.parts.store.letters_of(id).await?;
    let reporter = letters
        .iter()
        .find(|letter| letter.is_a_reporters())
        .and_then(|letter| letter.originator.clone());
    let reporter = reporter.ok_or_else(|| anyhow!("no reporter of {id} is known by an address"))?;
    let mut seen: Vec<Seen> = Vec::new();
    for letter in letters.iter().filter(|letter| {
        letter
            .originator
            .as_ref()
            .is_some_and(|from| from.same_mailbox(&reporter))
    }) {
        let Some(reading) = opened_letters::reading_of(desk, letter).await? else {
            continue;
        };
        for brought in reading.certificates {
            if seen
                .iter()
                .all(|one| one.fingerprint != brought.fingerprint)
            {
                let way = if brought.in_clear {
                    "in clear"
                } else {
                    "inside an encrypted or quoted part"
                };
                let origin = format!(
                    "letter {}, {way}, DMARC {}",
                    letter.id,
                    letter.dmarc.as_str()
                );
                seen.push(Seen {
                    fingerprint: brought.fingerprint,
                    armored: brought.armored,
                    origin,
                });
            }
        }
    }
    let pinned = desk.parts.store.pinned(&reporter).await?;
    if forget {
        desk.parts.store.unpin(&reporter).await?;
        let said =
            format!("no certificate of {reporter} is pinned any more; the next proven one is");
        return Ok((noted(case, "certificate forgotten", by), said));
    }
    let Some(choose) = choose else {
        return Ok((
            Decision::default(),
            listed(&reporter, pinned.as_ref(), &seen),
        ));
    };
    let wanted: String = choose
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect::<String>()
        .to_ascii_uppercase();
    if wanted.len() < FINGERPRINT_DIGITS_MIN {
        bail!("name the whole fingerprint: a shorter one can be forged");
    }
    let found = seen
        .iter()
        .find(|one| one.fingerprint == wanted)
        .ok_or_else(|| anyhow!("no letter of {id} brought certificate {wanted}"))?;
    let origin = format!("{}, chosen by {by}", found.origin);
    desk.parts
        .store
        .choose_certificate(
            &reporter,
            &found.fingerprint,
            &found.armored,
            &origin,
            desk.now(),
        )
        .await?;
    let said = format!("letters to {reporter} are encrypted to {wanted}");
    Ok((
        noted(case, "certificate chosen", &format!("{wanted}, {by}")),
        said,
    ))
}

fn noted(case: &Case, event: &'static str, detail: &str) -> Decision {
    Decision {
        journal: vec![Entry::of(&case.id, event, detail)],
        ..Decision::default()
    }
}

fn listed(reporter: &Address, pinned: Option<&Pinned>, seen: &[Seen]) -> String {
    let mut lines = Vec::new();
    match pinned {
        Some(Pinned {
            fingerprint,
            origin,
            contested: None,
            ..
        }) => lines.push(format!(
            "in use \
            for {reporter}: {fingerprint} ({origin})"
        )),
        Some(Pinned {
            fingerprint,
            contested: Some(other),
            ..
        }) => lines.push(format!(
            "two certificates were seen for {reporter}, {fingerprint} and {other}: nothing is \
             encrypted to either until one is chosen with --use"
        )),
        None => lines.push(format!("none is in use for {reporter}")),
    }
    lines.extend(
        seen.iter()
            .map(|one| format!("seen: {} ({})", one.fingerprint, one.origin)),
    );
    lines.join("\n")
}
