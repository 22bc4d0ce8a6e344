//! Which certificate is a reporter's, and what is read again with a new key of ours? A responder's
//! word on both.

use super::{Changed, Context};
use crate::decide::{Decision, Entry};
use crate::desk::reporters::letters_of_reporter;
use crate::desk::{Desk, opened_letters};
use crate::model::address::Address;
use crate::model::case::Case;
use crate::model::journal::JournalEvent;
use crate::model::reading::BroughtCertificate;
use crate::ports::{Intake, Pinned, ReadingState};
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

impl Seen {
    fn in_letter(letter: &Intake, brought: BroughtCertificate) -> Self {
        let way = if brought.in_clear {
            "in clear"
        } else {
            "inside an encrypted or quoted part"
        };
        let dmarc = letter.dmarc.as_str();
        Self {
            fingerprint: brought.fingerprint,
            armored: brought.armored,
            origin: format!("letter {}, {way}, DMARC {dmarc}", letter.id),
        }
    }
}

/// Has the letters of a case that stayed shut or were set aside read again, as if they had just
/// arrived.
pub(super) async fn read_again(context: &Context<'_>) -> Result<String> {
    let (desk, case) = (context.desk, &context.case);
    let id = case.id();
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
    let desk = context.desk;
    let id = context.case.id();
    let letters = letters_of_reporter(desk, id).await?;
    let reporter = letters
        .first()
        .and_then(|letter| letter.originator.as_ref())
        .ok_or_else(|| anyhow!("no reporter of {id} is known by an address"))?;
    let seen = seen_certificates(desk, &letters, reporter).await?;
    let pinned = desk.parts.store.pinned(reporter).await?;
    match choose {
        _ if forget => forget_certificate(context, reporter).await,
        Some(fingerprint) => choose_certificate(context, reporter, &seen, fingerprint).await,
        None => {
            let listed = list_certificates(reporter, pinned.as_ref(), &seen);
            Ok((Decision::default(), listed))
        }
    }
}

/// The certificates that the letters of a reporter brought, each once.
async fn seen_certificates(
    desk: &Desk,
    letters: &[Intake],
    reporter: &Address,
) -> Result<Vec<Seen>> {
    let is_theirs = |letter: &&Intake| {
        let originator = letter.originator.as_ref();
        originator.is_some_and(|from| from.same_mailbox(reporter))
    };
    let mut seen: Vec<Seen> = Vec::new();
    for letter in letters.iter().filter(is_theirs) {
        let Some(reading) = opened_letters::reading_of(desk, letter).await? else {
            continue;
        };
        for brought in reading.certificates {
            let is_known = |known: &Seen| known.fingerprint == brought.fingerprint;
            if !seen.iter().any(is_known) {
                seen.push(Seen::in_letter(letter, brought));
            }
        }
    }
    Ok(seen)
}

/// Unpins the certificate of a reporter.
async fn forget_certificate(context: &Context<'_>, reporter: &Address) -> Changed {
    context.desk.parts.store.unpin(reporter).await?;
    let changed =
        format!("no certificate of {reporter} is pinned any more; the next proven one is");
    let decision = noted(
        &context.case,
        JournalEvent::CertificateForgotten,
        context.by,
    );
    Ok((decision, changed))
}

/// Pins one of the certificates that a reporter's letters brought, named by its fingerprint.
async fn choose_certificate(
    context: &Context<'_>,
    reporter: &Address,
    seen: &[Seen],
    fingerprint: &str,
) -> Changed {
    let (desk, case, by) = (context.desk, &context.case, context.by);
    let wanted: String = fingerprint
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect::<String>()
        .to_ascii_uppercase();
    if wanted.len() < FINGERPRINT_DIGITS_MIN {
        bail!("name the whole fingerprint: a shorter one can be forged");
    }
    let found = seen
        .iter()
        .find(|certificate| certificate.fingerprint == wanted)
        .ok_or_else(|| anyhow!("no letter of {} brought certificate {wanted}", case.id()))?;
    let origin = format!("{}, chosen by {by}", found.origin);
    desk.parts
        .store
        .choose_certificate(
            reporter,
            &found.fingerprint,
            &found.armored,
            &origin,
            desk.now(),
        )
        .await?;
    let changed = format!("letters to {reporter} are encrypted to {wanted}");
    let decision = noted(
        case,
        JournalEvent::CertificateChosen,
        &format!("{wanted}, {by}"),
    );
    Ok((decision, changed))
}

fn noted(case: &Case, event: JournalEvent, detail: &str) -> Decision {
    Decision {
        journal: vec![Entry::of(case.id(), event, detail)],
        ..Decision::default()
    }
}

fn list_certificates(reporter: &Address, pinned: Option<&Pinned>, seen: &[Seen]) -> String {
    let mut lines = Vec::new();
    match pinned {
        Some(Pinned {
            fingerprint,
            origin,
            contested: None,
            ..
        }) => lines.push(format!("in use for {reporter}: {fingerprint} ({origin})")),
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
        seen.iter().map(|certificate| {
            format!("seen: {} ({})", certificate.fingerprint, certificate.origin)
        }),
    );
    lines.join("\n")
}
