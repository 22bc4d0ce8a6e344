//! What does a responder see of one case? As much as can be opened: where the opener is down, its
//! ids, clocks and states.

use super::wire::{CaseScreen, LetterScreen};
use super::{Answered, Refusal, Refused, known, view};
use crate::control::view::AttachmentFile;
use crate::desk::{Desk, Responder};
use crate::model::ids::{CaseId, IntakeId};
use crate::model::reading::{Reading, Wanted};
use crate::pipeline::outbox::reply_way;
use crate::ports::Intake;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Octets of a file that goes through a browser; larger ones are taken out on the machine.
const FILE_OCTETS_MAX: u64 = 25 * 1024 * 1024;

/// Octets of a letter that is encrypted anew for whoever asks, with its files beside it.
const SEALED_OCTETS_MAX: u64 = 8 * 1024 * 1024;

/// Letters of a case that are given with their text, the newest of them, and so many characters of
/// each and one more: whoever wants more asks for the letter.
pub const LETTERS_OF_CASE_MAX: usize = 20;
pub const LETTER_CHARACTERS_MAX: usize = 20_000;

pub(super) async fn case(desk: &Desk, id: &CaseId) -> Answered {
    let case = known(desk, id).await?;
    // The first, which holds the report, beside those that are shown.
    let most = LETTERS_OF_CASE_MAX + 1;
    let mut shown = view::show_what_opens(desk, &case, most, false).await?;
    let letters = shown.view.read.len();
    for (n, letter) in shown.view.read.iter_mut().rev().enumerate() {
        if let Some(reading) = &mut letter.reading {
            shorten(reading, n < LETTERS_OF_CASE_MAX, n + 1 == letters);
        }
    }
    let reply = reply_way(desk, id).await.ok();
    Ok(serde_json::to_value(CaseScreen {
        view: shown.view,
        shut: shown.shut,
        reply,
    })?)
}

/// Files of a letter that its case lists, what an archive holds of each, and notes.
const FILES_OF_LETTER_MAX: usize = 50;
const CONTENTS_MAX: usize = 10;

/// What the page of a case shows of a letter: whoever wrote many, or filled them with archives, must
/// not keep their case from being shown.
fn shorten(reading: &mut Reading, is_shown: bool, is_first: bool) {
    let (characters, files) = if is_shown {
        (LETTER_CHARACTERS_MAX + 1, FILES_OF_LETTER_MAX)
    } else {
        (0, 0)
    };
    let end = reading.text.char_indices().nth(characters);
    let end = end.map_or(reading.text.len(), |(at, _)| at);
    reading.text.truncate(end);
    reading.attachments.truncate(files);
    reading.faults.truncate(files);
    for file in &mut reading.attachments {
        file.contents.truncate(CONTENTS_MAX);
    }
    // What the case reports stands in the letter that opened it.
    if !is_first {
        reading.report = None;
    }
}

/// A letter of a case by its number.
async fn intake_of(desk: &Desk, id: &CaseId, intake: i64) -> Result<Intake, Refused> {
    known(desk, id).await?;
    let found = desk.parts.store.intake(IntakeId(intake)).await?;
    found
        .filter(|letter| letter.case.as_ref() == Some(id))
        .ok_or_else(|| {
            let why = format!("Case {id} has no letter {intake}.");
            Refused(Refusal::Unknown, why)
        })
}

pub(super) async fn letter(desk: &Desk, id: &CaseId, intake: i64) -> Answered {
    let case = known(desk, id).await?;
    let found = intake_of(desk, id, intake).await?;
    let mut shut = Vec::new();
    let letter = view::open_letter(desk, &found, &mut shut).await;
    let opened = view::open_line(desk, &case).await?;
    Ok(serde_json::to_value(LetterScreen {
        line: opened.line,
        letter,
        shut,
    })?)
}

pub(super) async fn sealed_letter(
    desk: &Desk,
    who: &Responder,
    id: &CaseId,
    intake: i64,
) -> Answered {
    let found = intake_of(desk, id, intake).await?;
    if found.octets > SEALED_OCTETS_MAX {
        let why = format!(
            "This letter is larger than {} MiB. Take it out on the machine: sealdesk case export \
             {id} --format mbox",
            SEALED_OCTETS_MAX / 1024 / 1024
        );
        return Err(Refused(Refusal::Unknown, why));
    }
    let sealed = view::letter(desk, id, intake, who.address.as_str()).await?;
    Ok(serde_json::to_value(sealed)?)
}

/// The n-th file of a letter, from 0: names need not be unique.
pub(super) async fn file(desk: &Desk, id: &CaseId, intake: i64, n: usize) -> Answered {
    let found = intake_of(desk, id, intake).await?;
    let unknown = || {
        let why = format!("Letter {intake} has no such file.");
        Refused(Refusal::Unknown, why)
    };
    let mut shut = Vec::new();
    let listed = view::open_letter(desk, &found, &mut shut).await.reading;
    if let Some(why) = shut.into_iter().next() {
        return Err(Refused(Refusal::Unwell, why));
    }
    let listed = listed.ok_or_else(unknown)?;
    let attachment = listed.attachments.get(n).ok_or_else(unknown)?;
    if attachment.octets > FILE_OCTETS_MAX {
        let why = format!(
            "This file is larger than {} MiB. Take it out on the machine: sealdesk case \
             attachment {id}",
            FILE_OCTETS_MAX / 1024 / 1024
        );
        return Err(Refused(Refusal::Unknown, why));
    }
    let opened = desk
        .parts
        .opener
        .read(
            desk.parts.store.sealed(found.id).await?,
            Some(&found),
            &[],
            Wanted::FILES,
        )
        .await
        .map_err(|err| Refused(Refusal::Unwell, err.to_string()))?;
    let octets = opened.files.get(n).ok_or_else(unknown)?;
    Ok(serde_json::to_value(AttachmentFile {
        name: attachment.name.clone(),
        octets: STANDARD.encode(octets),
    })?)
}
