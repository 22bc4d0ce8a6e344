//! How is a responder's letter carried out? By the clerk, command by command; and they are told
//! what became of each.

use super::{Carried, case_of, unsealed};
use crate::cases::{self, CommandOutcome, MailCommands};
use crate::decide::{self, Decision};
use crate::desk::Desk;
use crate::model::address::Address;
use crate::model::effect::{Effect, Reason};
use crate::model::outgoing::Brief;
use crate::ports::PortError;
use serde::{Deserialize, Serialize};

/// What became of a letter's commands, and whom to tell; it rests sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    /// `None`: all responders.
    to: Option<Address>,
    told: Vec<CommandOutcome>,
    /// Its words were not sent to the reporter, since not everything was done.
    held_back: bool,
    /// What stood below the commands went nowhere.
    left_out: bool,
    /// Why nothing was done, and what to do.
    #[serde(default)]
    refused: Option<String>,
    /// Words that went nowhere, shown to their writer.
    #[serde(default)]
    put_back: Option<String>,
}

/// What a responder, or all of them, are told of words that were put back, or that were `refused`,
/// sealed.
pub fn put_back(
    desk: &Desk,
    to: Option<Address>,
    refused: Option<String>,
    words: Option<String>,
) -> Result<Vec<u8>, PortError> {
    let heard = Heard {
        to,
        told: Vec::new(),
        held_back: false,
        left_out: false,
        refused,
        put_back: words,
    };
    let heard = serde_json::to_vec(&heard)
        .map_err(|e| PortError::lasting("words that are put back cannot be written").because(e))?;
    desk.parts.store.seal(&heard)
}

pub(super) async fn say(desk: &Desk, effect: &Effect) -> Result<Carried, PortError> {
    let case = case_of(desk, effect).await?;
    let mail: MailCommands = unsealed(desk, effect).await?;
    let told = cases::execute_all(desk, case.id(), &mail).await?;
    let done = told.iter().all(|one| one.outcome.is_ok());
    let now = desk.now();
    let mut decision = match &mail.words {
        Some(words) if done => decide::reply(
            case.id(),
            &mail.token,
            desk.parts.store.seal(words.as_bytes())?,
            &mail.by,
            now,
        ),
        _ => Decision::default(),
    };
    let reason = if done {
        Reason::CommandsDone
    } else {
        Reason::CommandsRefused
    };
    let heard = Heard {
        to: Some(mail.to),
        told,
        held_back: !done && mail.words.is_some(),
        left_out: mail.left_out,
        refused: None,
        put_back: None,
    };
    let heard = serde_json::to_vec(&heard).map_err(|e| {
        PortError::lasting("what became of a letter's words cannot be written").because(e)
    })?;
    decision.effects.push(Effect::tell_outcomes(
        reason,
        case.id(),
        &mail.token,
        desk.parts.store.seal(&heard)?,
        now,
    ));
    Ok(Carried::Done(decision, None))
}

/// Whom a call about words is for, if not all responders, and what it says; `None` for every other
/// call.
pub(super) async fn heard(
    desk: &Desk,
    effect: &Effect,
) -> Result<Option<(Option<Address>, Brief)>, PortError> {
    if effect.payload.is_none() {
        return Ok(None);
    }
    let heard: Heard = unsealed(desk, effect).await?;
    let mut lines: Vec<String> = heard
        .told
        .iter()
        .map(|one| format!("{}\n{}\n", one.command, indented(one)))
        .collect();
    lines.extend(heard.refused.map(|why| format!("{why}\n")));
    lines.extend(
        heard
            .put_back
            .map(|words| format!("Your words:\n\n{words}\n")),
    );
    if heard.held_back {
        lines.push("Your words were not sent to the reporter.\n".to_owned());
    }
    if heard.left_out {
        lines.push(
            "What stands below your commands went nowhere. For the reporter are words \
            below a line with /reply.\n"
                .to_owned(),
        );
    }
    Ok(Some((
        heard.to,
        Brief {
            text: lines.join("\n"),
            ..Brief::default()
        },
    )))
}

fn indented(one: &CommandOutcome) -> String {
    let (mark, text) = match &one.outcome {
        Ok(text) => ("", text),
        Err(text) => ("NOT DONE: ", text),
    };
    format!("{mark}{text}")
        .lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
