//! What do responders get of a letter? What was read in it, its files, and all of it encrypted to
//! them.

use super::{Desk, case_records};
use crate::compose::export;
use crate::model::ids::CaseId;
use crate::model::reading::{Reading, Wanted};
use crate::model::report::Report;
use crate::openpgp::{self, SealTo};
use crate::ports::{Intake, LetterOctets, OpenerError, PortError};
use tokio::io::AsyncReadExt;

/// The files of a letter, or those with this name, for a responder. It is read once more where its
/// reading lists any.
pub async fn files_of(
    desk: &Desk,
    intake: &Intake,
    name: Option<&str>,
) -> Result<Vec<(String, Vec<u8>)>, PortError> {
    let is_wanted = |file: &str| name.is_none_or(|name| name == file);
    let listed = reading_of(desk, intake).await?;
    let mut listed = listed.iter().flat_map(|reading| &reading.attachments);
    if !listed.any(|file| is_wanted(&file.name)) {
        return Ok(Vec::new());
    }
    let sealed = desk.parts.store.sealed(intake.id).await?;
    let opener = &desk.parts.opener;
    let opened = opener.read(sealed, Some(intake), &[], Wanted::FILES).await;
    let opened = opened.map_err(|e| PortError::passing(e.to_string()))?;
    let names = opened.reading.attachments.into_iter().map(|file| file.name);
    let mut files: Vec<_> = names.zip(opened.files).collect();
    files.retain(|(file, _)| is_wanted(file));
    Ok(files)
}

/// A letter, opened, with its files and as it came, sealed to these armored certificates.
pub async fn opened_for(
    desk: &Desk,
    intake: &Intake,
    certificates: &[String],
) -> Result<String, PortError> {
    let passing = |e: OpenerError| PortError::passing(e.to_string());
    let blob = match desk.parts.store.sealed(intake.id).await? {
        LetterOctets::Sealed(blob) | LetterOctets::Raw(blob) => blob,
        LetterOctets::SealedFile { mut file, octets } => {
            let mut blob = Vec::with_capacity(usize::try_from(octets).unwrap_or_default());
            file.read_to_end(&mut blob).await.map_err(|e| {
                PortError::passing("a letter in the spool cannot be read").because(e)
            })?;
            blob
        }
    };
    let as_it_came = desk.parts.opener.unseal(blob).await.map_err(passing)?;
    // What was read of it before, with the signatures as they were then; and its files.
    let reading = reading_of(desk, intake).await?;
    let files = match &reading {
        Some(reading) if !reading.attachments.is_empty() => {
            desk.parts
                .opener
                .read(
                    desk.parts.store.sealed(intake.id).await?,
                    Some(intake),
                    &[],
                    Wanted::FILES,
                )
                .await
                .map_err(passing)?
                .files
        }
        _ => Vec::new(),
    };
    let entity = export::letter(reading.as_ref(), &files, &as_it_came);
    let lasting = |e: openpgp::OpenPgpError| {
        PortError::lasting("no letter can be encrypted to this responder").because(e)
    };
    let mut theirs = Vec::new();
    for armored in certificates {
        theirs.extend(openpgp::certificates(armored.as_bytes()).map_err(lasting)?);
    }
    let sealed = SealTo::new(&theirs)
        .and_then(|to| to.seal(&entity))
        .map_err(lasting)?;
    openpgp::armored_message(&sealed).map_err(lasting)
}

/// What was read of a letter, unsealed for a responder.
pub async fn reading_of(desk: &Desk, intake: &Intake) -> Result<Option<Reading>, PortError> {
    let Some(sealed) = desk.parts.store.reading(intake.id).await? else {
        return Ok(None);
    };
    let octets = desk
        .parts
        .opener
        .unseal(sealed)
        .await
        .map_err(|e| match e {
            OpenerError::Refused(why) => PortError::lasting(why),
            other => PortError::passing(other.to_string()),
        })?;
    serde_json::from_slice(&octets)
        .map(Some)
        .map_err(|_| PortError::lasting("a sealed reading is not what this version wrote"))
}

/// What the first letter of a case reports, under what the team set over it.
pub async fn report_of(desk: &Desk, case: &CaseId) -> Result<Option<Report>, PortError> {
    let letters = desk.parts.store.letters_of(case).await?;
    let Some(first) = letters.first() else {
        return Ok(None);
    };
    let Some(report) = reading_of(desk, first).await?.and_then(|read| read.report) else {
        return Ok(None);
    };
    let record = case_records::read(desk, case).await?.record;
    Ok(Some(record.assessment.over(report)))
}
