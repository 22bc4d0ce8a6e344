//! How are the commands of a responder's letter carried out? In their order, each once, up to the
//! first that can't be done; none of them where one is not understood.

use super::execute;
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::address::Address;
use crate::model::case_command::{CaseCommand, CommandLine};
use crate::model::ids::CaseId;
use crate::ports::PortError;
use serde::{Deserialize, Serialize};

/// What a responder's letter says, as it rests sealed until it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCommands {
    /// Who is told what became of each.
    pub to: Address,
    /// Who commands, for the journal.
    pub by: String,
    pub token: String,
    /// The lines as they are written, each with its slash.
    pub commands: Vec<String>,
    /// The reply to the reporter.
    pub words: Option<String>,
    /// More stands below the commands, which is for nobody.
    pub left_out: bool,
}

/// What became of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutcome {
    pub command: String,
    /// A sentence: what it changed, or why it changed nothing.
    pub outcome: Result<String, String>,
}

/// Carries out the commands of a letter. Called again after a fault, it carries out none twice.
pub async fn execute_all(
    desk: &Desk,
    case: &CaseId,
    mail: &MailCommands,
) -> Result<Vec<CommandOutcome>, PortError> {
    let parsed: Vec<Result<CommandLine, String>> = mail
        .commands
        .iter()
        .map(|line| (desk.parts.parse_command)(case, line, desk.parts.release.hour_utc))
        .collect();
    let not_understood = parsed.iter().any(Result::is_err);
    let (mut outcomes, mut stopped): (Vec<CommandOutcome>, bool) = (Vec::new(), false);
    for (n, (line, parsed)) in mail.commands.iter().zip(parsed).enumerate() {
        let outcome = match parsed {
            Err(why) => Err(why),
            Ok(CommandLine::Help(text)) => Ok(text),
            Ok(_) if not_understood => {
                Err("another command of this letter was not understood".to_owned())
            }
            Ok(_) if stopped => Err("a command above it was not done".to_owned()),
            Ok(CommandLine::Execute(command)) => execute_once(desk, case, command, mail, n).await?,
        };
        stopped |= outcome.is_err();
        outcomes.push(CommandOutcome {
            command: line.clone(),
            outcome,
        });
    }
    Ok(outcomes)
}

/// Carries out the n-th command of a letter, unless that was done before a fault cut it off.
async fn execute_once(
    desk: &Desk,
    case: &CaseId,
    command: CaseCommand,
    mail: &MailCommands,
    n: usize,
) -> Result<Result<String, String>, PortError> {
    let token = desk.keyed_tag("said", &[mail.token.as_bytes(), &n.to_be_bytes()]);
    desk.parts
        .store
        .issue_token(&token, case, &mail.to, None, desk.now())
        .await?;
    if !desk
        .parts
        .store
        .token_is_good(&token, case, &mail.to, Timestamp::UNIX_EPOCH)
        .await?
    {
        return Ok(Ok("done, before the desk was interrupted".to_owned()));
    }
    match execute(desk, case, command, &mail.by, Some(token)).await {
        Ok(text) => Ok(Ok(text)),
        Err(err) => match err.downcast::<PortError>() {
            Ok(passing) if !passing.is_lasting() => Err(passing),
            Ok(lasting) => Ok(Err(lasting.to_string())),
            Err(why) => Ok(Err(format!("{why:#}"))),
        },
    }
}
