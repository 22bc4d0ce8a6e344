//! How is a reporter answered: at which address, and sealed with which certificate?

use super::{Desk, opened_letters};
use crate::model::address::Address;
use crate::model::ids::CaseId;
use crate::model::letter::{Dmarc, Role};
use crate::model::reading::SignatureStatus;
use crate::ports::{Intake, Pinned, PortError, ReadingState};

/// What a letter to a reporter is sealed with, once a responder has it sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReporterCertificate {
    /// Armored.
    Known(String),
    /// None was seen, or none that is surely theirs.
    Unknown,
    /// Two were proven to be theirs: a responder chooses.
    Contested,
}

/// The letters of a case that its reporter sent by mail, oldest first: those of whoever wrote the
/// first. Others write in a case too, such as a distributor who was told, or whoever learnt an
/// address with a tag, and what is for the reporter is for none of them. Empty where the case began
/// in the tracker: whoever reported there is answered there.
///
/// Where any letter of theirs was proven to be theirs, those that were not are left out: somebody else
/// may have begun the case in their name, and would choose where they are answered, and the key.
pub async fn letters_of_reporter(desk: &Desk, case: &CaseId) -> Result<Vec<Intake>, PortError> {
    let letters = desk.parts.store.letters_of(case).await?;
    if letters
        .first()
        .is_some_and(|first| first.advisory.is_some())
    {
        return Ok(Vec::new());
    }
    let may_be = |letter: &Intake| letter.is_a_reporters() && !is_distributor(desk, letter);
    let mut reporters: Vec<Intake> = letters.into_iter().filter(may_be).collect();
    let writer = reporters.first().and_then(|first| first.originator.clone());
    reporters.retain(|letter| letter.originator == writer);
    let is_proven = |letter: &Intake| letter.dmarc == Dmarc::Pass;
    if writer.is_some() && reporters.iter().any(is_proven) {
        reporters.retain(is_proven);
    }
    Ok(reporters)
}

/// Whether a distributor wrote a letter: one of the config, even where they were taken off the list.
pub fn is_distributor(desk: &Desk, letter: &Intake) -> bool {
    let writer = letter.originator.as_ref();
    let mut distributors = desk.parts.distributors.iter();
    writer.is_some_and(|writer| distributors.any(|d| d.address.same_mailbox(writer)))
}

/// Where a reporter is answered, by the letter that opened their case: at the address that was
/// proven, else at the single From. Where a machine may answer, a human may.
pub fn address_of(first: &Intake) -> Option<Address> {
    let proven = first.reply_to.as_ref().map(|to| to.address());
    proven.or(first.originator.as_ref()).cloned()
}

/// The certificate pinned for who wrote a letter; where nobody stands in its From, that of the address
/// that it is answered at. A Reply-To that nobody signed may be anybody's, and their key with it.
pub async fn pinned_of(
    desk: &Desk,
    letter: &Intake,
    to: &Address,
) -> Result<Option<Pinned>, PortError> {
    let of = letter.originator.as_ref().unwrap_or(to);
    desk.parts.store.pinned(of).await
}

/// The certificate of the reporter who wrote these letters. What a responder has sent may use what
/// only decryption showed: a certificate that its sender enclosed and signed with.
pub async fn certificate_for(
    desk: &Desk,
    letters: &[Intake],
    to: &Address,
) -> Result<ReporterCertificate, PortError> {
    let Some(first) = letters.first() else {
        return Ok(ReporterCertificate::Unknown);
    };
    let known = match pinned_of(desk, first, to).await? {
        Some(pinned) => match pinned.in_use() {
            Some(armored) => Some(armored),
            None => return Ok(ReporterCertificate::Contested),
        },
        None => enclosed(desk, first, letters).await?,
    };
    Ok(known.map_or(ReporterCertificate::Unknown, ReporterCertificate::Known))
}

/// The certificate that its own valid signature is by, in the letter that opened the case or in a
/// later one that its writer is proven to have written: anybody who learnt an address with a tag can
/// have a letter lie in the case.
async fn enclosed(
    desk: &Desk,
    first: &Intake,
    letters: &[Intake],
) -> Result<Option<String>, PortError> {
    let is_reporters = |letter: &&Intake| {
        let is_same = first.originator.is_some() && letter.originator == first.originator;
        letter.id == first.id || is_same && letter.dmarc == Dmarc::Pass
    };
    for letter in letters.iter().filter(is_reporters) {
        let Some(reading) = opened_letters::reading_of(desk, letter).await? else {
            continue;
        };
        if reading.signature.status != SignatureStatus::Valid
            || !reading.signature.signer_is_originator
        {
            continue;
        }
        let signer = reading.signature.fingerprint;
        let mut brought = reading.certificates.into_iter();
        if let Some(found) = brought.find(|c| Some(&c.fingerprint) == signer.as_ref()) {
            return Ok(Some(found.armored));
        }
    }
    Ok(None)
}

/// Whether any letter of the case was sealed, wholly or in part. What could not be read may have
/// been; it counts as if it was. What somebody else has lie in the case, and nobody proves, has the
/// reporter wait for nothing.
pub async fn came_sealed(desk: &Desk, case: &CaseId) -> Result<bool, PortError> {
    let letters = desk.parts.store.letters_of(case).await?;
    let reporter = letters.first().and_then(|first| first.originator.clone());
    for letter in letters {
        let is_strangers = letter.originator != reporter && letter.dmarc != Dmarc::Pass;
        if letter.role != Role::Incoming || is_strangers {
            continue;
        }
        if letter.sealed_outside || letter.state != ReadingState::Read {
            return Ok(true);
        }
        let reading = opened_letters::reading_of(desk, &letter).await?;
        if reading.is_none_or(|reading| reading.came_sealed()) {
            return Ok(true);
        }
    }
    Ok(false)
}
