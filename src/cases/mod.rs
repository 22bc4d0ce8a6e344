//! What may a responder do with a case? One file a kind of command. Each command is journaled with
//! who gave it; its free text rests sealed.

mod announcing;
mod answering;
mod by_mail;
mod closing;
mod collaborators;
mod course;
mod distributors;
mod record;
mod reporter_certificates;

pub use announcing::{Announcement, TO_BE_WRITTEN};
pub use answering::reply;
pub use by_mail::{CommandOutcome, MailCommands, execute_all};
pub use course::release_day;
pub use distributors::Notice;

use crate::decide::{self, Decision};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::case::Case;
use crate::model::case_command::CaseCommand;
use crate::model::effect::Effect;
use crate::model::ids::CaseId;
use crate::model::journal::JournalEvent;
use anyhow::{Result, anyhow, bail};

/// Notes, links and list entries of one case record.
const ENTRIES_MAX: usize = 500;

/// Who commands what: the case as it is, the account for the journal, and when.
struct Context<'a> {
    desk: &'a Desk,
    case: Case,
    by: &'a str,
    now: Timestamp,
}

/// What a command changes, and the sentence that says so.
type Changed = Result<(Decision, String)>;

/// Executes a command and returns a sentence about what it changed. `once` is a token that is spent
/// in the same transaction.
pub async fn execute(
    desk: &Desk,
    id: &CaseId,
    command: CaseCommand,
    by: &str,
    once: Option<String>,
) -> Result<String> {
    let context = Context {
        desk,
        case: known(desk, id).await?,
        by,
        now: desk.now(),
    };
    let (mut decision, changed) = context.decide(command, once.as_deref()).await?;
    decision.spent = once;
    desk.parts.store.commit(&decision, context.now).await?;
    desk.ring();
    Ok(changed)
}

/// The case with this id.
pub async fn known(desk: &Desk, id: &CaseId) -> Result<Case> {
    desk.parts
        .store
        .case(id)
        .await?
        .ok_or_else(|| anyhow!("there is no case {id}: see `sealdesk case list --all`"))
}

impl Context<'_> {
    async fn decide(&self, command: CaseCommand, once: Option<&str>) -> Changed {
        match command {
            CaseCommand::Reach { step, at } => self.reach(step, at),
            CaseCommand::TakeBack { step } => self.take_back(step),
            CaseCommand::Lane { lane, why } => self.change_lane(lane, &why).await,
            CaseCommand::Wait { why } => self.wait(&why).await,
            CaseCommand::GoOn => self.go_on(),
            CaseCommand::ReleaseDay {
                at,
                despite_objections,
            } => self.agree_release(at, despite_objections).await,
            CaseCommand::Announced { day } => self.reporter_publishes(day),
            CaseCommand::Note { text } => self.note(&text).await,
            CaseCommand::Assign { to } => self.assign(&to).await,
            CaseCommand::Link { what, to } => self.link(&what, &to).await,
            CaseCommand::Set { assessment } => self.set(*assessment).await,
            CaseCommand::Collaborate {
                users,
                teams,
                outsiders,
                remove,
            } => collaborators::collaborate(self, users, teams, (outsiders, remove)).await,
            CaseCommand::Credit { login, name, kind } => {
                collaborators::credit(self, login, name, kind).await
            }
            CaseCommand::PostRetrospective { text } => {
                announcing::post_retrospective(self, &text).await
            }
            CaseCommand::File => answering::file(self).await,
            CaseCommand::Answered => answering::answered(self),
            CaseCommand::Ask { private_disclosure } => {
                answering::ask(self, private_disclosure).await
            }
            CaseCommand::SendCertificate => answering::send_certificate(self).await,
            CaseCommand::Reread => {
                let changed = reporter_certificates::read_again(self).await?;
                Ok((Decision::default(), changed))
            }
            CaseCommand::Certificate { choose, forget } => {
                reporter_certificates::certificate(self, choose.as_deref(), forget).await
            }
            CaseCommand::Split { titles } => closing::split(self, titles, once).await,
            CaseCommand::RequestCve => self.request_cve(),
            CaseCommand::Fork => self.open_fork(),
            CaseCommand::NotifyDistributors { text } => distributors::notify(self, &text).await,
            CaseCommand::Announce {
                text,
                assets,
                despite_assets,
                again,
            } => announcing::announce(self, &text, &assets, (despite_assets, again)).await,
            CaseCommand::Close { why, note, of } => closing::close(self, why, note, of).await,
            CaseCommand::Reopen { why } => self.reopen(&why).await,
        }
    }

    fn request_cve(&self) -> Changed {
        let id = self.case.id();
        let effect = Effect::request_cve(id, self.now);
        let decision = decide::ask_tracker(&self.case, effect, JournalEvent::CveWanted, self.by)?;
        Ok((decision, format!("a CVE is requested for {id}")))
    }

    fn open_fork(&self) -> Changed {
        let id = self.case.id();
        let effect = Effect::open_fork(id, self.now);
        let decision =
            decide::ask_tracker(&self.case, effect, JournalEvent::PrivateForkWanted, self.by)?;
        Ok((decision, format!("a private fork is opened for {id}")))
    }

    async fn reopen(&self, why: &str) -> Changed {
        let decision = decide::reopen(&self.case, self.by)?;
        Ok((
            self.noted(why, decision).await?,
            format!("{} is open again", self.case.id()),
        ))
    }
}

/// Text on one line, its blanks made single; an error where nothing is left, or too much.
fn one_line(text: &str) -> Result<String> {
    const CHARACTERS_MAX: usize = 500;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        0 => bail!("it is empty"),
        n if n > CHARACTERS_MAX => bail!("it is longer than {CHARACTERS_MAX} characters"),
        _ => Ok(line),
    }
}
