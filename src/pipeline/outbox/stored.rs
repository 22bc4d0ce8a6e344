//! What does the store hold of an effect: its case, its letter, what was read in it, and where its
//! answer goes?

use crate::desk::Desk;
use crate::desk::opened_letters::reading_of;
use crate::model::address::ReplyAddress;
use crate::model::case::Case;
use crate::model::effect::{Effect, EffectKey};
use crate::model::ids::MessageId;
use crate::model::reading::Reading;
use crate::model::secret;
use crate::ports::{Intake, OpenerError, PortError};
use serde::de::DeserializeOwned;

/// What an effect needs is not in the store any more.
pub(super) fn missing(what: &str) -> PortError {
    PortError::lasting(format!("the store lost the {what} of this effect"))
}

/// What an effect holds sealed.
pub(super) async fn unsealed<T: DeserializeOwned>(
    desk: &Desk,
    effect: &Effect,
) -> Result<T, PortError> {
    let sealed = effect.payload.clone().ok_or_else(|| missing("words"))?;
    let octets = desk
        .parts
        .opener
        .unseal(sealed)
        .await
        .map_err(unsigned_yet)?;
    serde_json::from_slice(&octets)
        .map_err(|_| PortError::lasting("the words of this effect are damaged"))
}

/// The case that an effect is about.
pub(super) async fn case_of(desk: &Desk, effect: &Effect) -> Result<Case, PortError> {
    let id = effect.case.as_ref().ok_or_else(|| missing("case"))?;
    desk.parts
        .store
        .case(id)
        .await?
        .ok_or_else(|| missing("case"))
}

/// The letter that an effect is about.
pub(super) async fn letter_of(desk: &Desk, effect: &Effect) -> Result<Intake, PortError> {
    let id = effect.intake.ok_or_else(|| missing("letter"))?;
    desk.parts
        .store
        .intake(id)
        .await?
        .ok_or_else(|| missing("letter"))
}

/// The letter that an effect answers, and where the answer goes.
pub(super) async fn letter_to_answer(
    desk: &Desk,
    effect: &Effect,
) -> Result<(Intake, ReplyAddress), PortError> {
    let letter = letter_of(desk, effect).await?;
    let to = letter.reply_to.clone();
    Ok((letter, to.ok_or_else(|| missing("reply address"))?))
}

/// Envelope tags and Message-IDs: made anew from the key at each try, guessed by nobody.
pub(super) fn tag(desk: &Desk, key: &EffectKey, purpose: &str) -> String {
    secret::tag(
        desk.parts.secret.expose(),
        &[purpose.as_bytes(), key.as_str().as_bytes()],
    )
}

/// The Message-ID of what an effect sends.
pub(super) fn message_id(desk: &Desk, key: &EffectKey) -> Result<MessageId, PortError> {
    let id = format!(
        "{}@{}",
        tag(desk, key, "message-id"),
        desk.parts.identity.address.domain()
    );
    MessageId::parse(&id)
        .ok_or_else(|| PortError::lasting("desk.address has a domain that no Message-ID can hold"))
}

/// The opener is not at hand; it is tried again.
pub(super) fn unsigned_yet(why: OpenerError) -> PortError {
    PortError::passing("nothing can be signed").because(why)
}

/// What was read of a letter, without unsealing it again where it was read just now.
pub(super) async fn reading_for(
    desk: &Desk,
    letter: &Intake,
) -> Result<Option<Reading>, PortError> {
    match desk.take_fresh(letter.id, |_| true) {
        Some(reading) => Ok(Some(reading)),
        None => reading_of(desk, letter).await,
    }
}
