//! How does a report reach the tracker?

use super::{Carried, case_of, letter_of, reading_for};
use crate::compose;
use crate::decide::{CaseChange, Decision, Entry};
use crate::desk::Desk;
use crate::desk::case_records;
use crate::desk::reporters::is_distributor;
use crate::model::case::{AdvisoryId, Case, Draft};
use crate::model::effect::{Effect, Reason};
use crate::model::journal::JournalEvent;
use crate::model::letter::{Dmarc, Role};
use crate::model::outgoing::Amendment;
use crate::model::reading::{Reading, SignatureStatus};
use crate::pipeline::failpoint::step;
use crate::ports::{Intake, PortError, ReadingState};
use std::time::{Duration, Instant};
use tracing::warn;

/// Files the draft of a case.
pub(super) async fn file(
    desk: &Desk,
    effect: &Effect,
    perhaps_filed: bool,
) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    if matches!(case.draft(), Draft::Filed { .. }) {
        return Ok(Carried::Done(Decision::default(), None));
    }
    let letter = letter_of(desk, effect).await?;
    let reading = reading_for(desk, &letter)
        .await?
        .ok_or_else(|| PortError::lasting("the letter was not read; nothing can be filed"))?;
    let advisory = compose::advisory(
        case.id(),
        &reading,
        desk.measure(&reading, true),
        letter.received_at,
        desk.parts.secret.expose(),
    );
    step!("composed");
    let filed = desk.parts.tracker.file(&advisory, perhaps_filed).await?;
    let mut decision = Desk::note(
        case.id(),
        JournalEvent::DraftFiled,
        filed.advisory.id.clone(),
    );
    for double in &filed.doubled {
        warn!(effect = %effect.key, "the tracker holds a second draft of one case");
        decision.journal.push(Entry::of(
            case.id(),
            JournalEvent::DraftDoubled,
            double.url.clone(),
        ));
        decision
            .effects
            .extend(Effect::call(Reason::DraftDoubled, case.id(), desk.now()));
    }
    // Follow-ups that came while the draft was under way go below it now.
    for later in desk
        .parts
        .store
        .letters_of(case.id())
        .await?
        .iter()
        .filter(|l| l.id != letter.id && l.state == ReadingState::Read && l.role == Role::Incoming)
    {
        decision
            .effects
            .push(Effect::append_follow_up(case.id(), later.id, desk.now()));
    }
    // What the team said before, and whom the config names.
    if desk.parts.tracker.capabilities().has_collaborators
        || desk.parts.store.case_record(case.id()).await?.1.is_some()
    {
        decision
            .effects
            .push(Effect::amend_advisory(case.id(), desk.now()));
    }
    if let Ok(after) = case.clone().filed(filed.advisory) {
        decision.case = Some(CaseChange::update(&case, after));
    }
    Ok(Carried::Done(decision, None))
}

/// Whether somebody of the case is proven to have written a letter: anybody who learnt an address
/// with a tag can have one lie in the case. A distributor's word is theirs, and not the report's.
async fn is_reporters_word(
    desk: &Desk,
    case: &Case,
    letter: &Intake,
    reading: &Reading,
) -> Result<bool, PortError> {
    let Some(writer) = &letter.originator else {
        return Ok(false);
    };
    let store = &desk.parts.store;
    if reading.is_unproven()
        || is_distributor(desk, letter)
        || !store.is_participant(case.id(), writer).await?
    {
        return Ok(false);
    }
    if letter.dmarc == Dmarc::Pass {
        return Ok(true);
    }
    let signature = &reading.signature;
    let is_signed = signature.status == SignatureStatus::Valid && signature.signer_is_originator;
    let pinned = store.pinned(writer).await?;
    let is_pinned = pinned.is_some_and(|pinned| {
        pinned.contested.is_none() && signature.fingerprint.as_ref() == Some(&pinned.fingerprint)
    });
    Ok(is_signed && is_pinned)
}

/// Adds a follow-up to the draft of its case.
pub(super) async fn append(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let Draft::Filed { advisory } = case.draft() else {
        // Once the draft is filed, its follow-ups are queued again.
        return match case.draft() {
            Draft::Queued => Err(PortError::passing("the draft is not filed yet")),
            _ => Ok(Carried::Done(Decision::default(), None)),
        };
    };
    let letter = letter_of(desk, effect).await?;
    let reading = reading_for(desk, &letter)
        .await?
        .ok_or_else(|| PortError::lasting("the letter was not read; nothing can be added"))?;
    // An out-of-office reply belongs into no advisory.
    if reading.kind.is_machine() || !is_reporters_word(desk, &case, &letter, &reading).await? {
        return Ok(Carried::Done(Decision::default(), None));
    }
    let addition = compose::follow_up(
        case.id(),
        &effect.key,
        &reading,
        desk.measure(&reading, false),
        letter.received_at,
        desk.parts.secret.expose(),
    );
    let added = desk.parts.tracker.follow_up(advisory, &addition).await?;
    let event = if added {
        JournalEvent::FollowUpAddedToDraft
    } else {
        JournalEvent::FollowUpKeptOutOfPublicAdvisory
    };
    Ok(Carried::Done(
        Desk::note(case.id(), event, letter.id.to_string()),
        None,
    ))
}

/// The advisory of a case, once it is filed.
fn filed(case: &Case) -> Result<&AdvisoryId, PortError> {
    match case.draft() {
        Draft::Filed { advisory } => Ok(advisory),
        Draft::Queued => Err(PortError::passing("the draft is not filed yet")),
        Draft::None | Draft::AwaitsConfirmation => Err(PortError::lasting("no draft was filed")),
    }
}

/// How long credits are added one by one: an effect is leased for a quarter of an hour.
const CREDITS: Duration = Duration::from_secs(60);

/// Brings the advisory up to what the team found.
pub(super) async fn amend(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let advisory = filed(&case)?;
    let record = case_records::read(desk, case.id()).await?.record;
    let reading = match desk.parts.store.letters_of(case.id()).await?.first() {
        Some(letter) => reading_for(desk, letter).await?,
        None => None,
    };
    let product = record
        .assessment
        .product
        .clone()
        .or_else(|| reading.and_then(|r| r.report).and_then(|r| r.product));
    let (by_login, by_name): (Vec<_>, Vec<_>) = record
        .credits
        .into_iter()
        .partition(|credit| !credit.login.is_empty());
    let amendment = Amendment {
        assessment: record.assessment,
        collaborators: record.collaborators,
        credits: by_login,
        product,
        mark: desk.keyed_tag("view", &[case.id().as_str().as_bytes()]),
    };
    let amends = desk.parts.tracker.capabilities().amends;
    if amends {
        desk.parts.tracker.amend(advisory, &amendment).await?;
    }
    let begun = Instant::now();
    for credit in &by_name {
        // Each is added once, as its mark tells; the next try goes on with the rest.
        if begun.elapsed() > CREDITS {
            return Err(PortError::passing(
                "the tracker is slow: credits are added later",
            ));
        }
        desk.parts
            .tracker
            .append(
                advisory,
                &compose::credited(case.id(), credit, desk.parts.secret.expose()),
            )
            .await?;
    }
    let event = if amends {
        JournalEvent::AdvisoryBroughtUpToDate
    } else {
        JournalEvent::AdvisoryLeftAsItWasFiled
    };
    Ok(Carried::Done(
        Desk::note(case.id(), event, advisory.id.clone()),
        None,
    ))
}

pub(super) async fn request_cve(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    desk.parts.tracker.request_cve(filed(&case)?).await?;
    Ok(Carried::Done(
        Desk::note(case.id(), JournalEvent::CveRequested, ""),
        None,
    ))
}

pub(super) async fn open_fork(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    desk.parts.tracker.open_fork(filed(&case)?).await?;
    Ok(Carried::Done(
        Desk::note(case.id(), JournalEvent::PrivateForkOpened, ""),
        None,
    ))
}
