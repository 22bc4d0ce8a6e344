//! What may a responder say of a case? Each word is journaled with who said it; what it says in
//! free text rests sealed.

mod notices;

use notices::{notify, set};
mod ending;

use super::announce::{Asset, announce, post_retrospective};
use super::people::{collaborate, credit};
use super::{answers, keys, known};
use crate::decide::{self, Decision, Entry, Proposal};
use crate::model::Timestamp;
use crate::model::case::{Case, Closing};
use crate::model::course::{Lane, Step};
use crate::model::dossier::{Assessment, Link, Note};
use crate::model::effect::Effect;
use crate::model::ids::CaseId;
use crate::pipeline::{Desk, dossiers};
use anyhow::{Result, anyhow, bail};
use ending::{close, split};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Longer notes are letters.
const NOTE_OCTETS_MAX: usize = 16 * 1024;

/// Cases that one report is split into.
const PARTS_MAX: usize = 20;

/// Notes, links and list entries of one dossier.
pub(super) const ENTRIES_MAX: usize = 500;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum Word {
    /// A step of the policy was reached, now or at an earlier moment.
    Reach {
        step: Step,
        at: Option<Timestamp>,
    },
    /// It was no true word that a step was reached.
    TakeBack {
        step: Step,
    },
    /// It goes slower or faster.
    Lane {
        lane: Lane,
        why: String,
    },
    /// It waits for an upstream's disclosure.
    Wait {
        why: String,
    },
    /// It waits no more.
    GoOn,
    /// The release day is agreed; `None` takes it back.
    ReleaseDay {
        at: Option<Timestamp>,
        despite_objections: bool,
    },
    /// The reporter publishes on that day; `None`: on none that they named.
    Announced {
        day: Option<Date>,
    },
    Note {
        text: String,
    },
    Assign {
        to: String,
    },
    Link {
        what: String,
        to: String,
    },
    Set {
        assessment: Box<Assessment>,
    },
    /// Somebody may work on the advisory. Who owns no code in the project is an outsider.
    Collaborate {
        users: Vec<String>,
        teams: Vec<String>,
        outsiders: bool,
        /// They are taken off the list; the tracker keeps whom it let in.
        remove: bool,
    },
    Credit {
        login: Option<String>,
        /// Somebody without a login.
        name: Option<String>,
        kind: String,
    },
    /// Posts the retrospective where releases are announced, and reaches that step.
    PostRetrospective {
        text: String,
    },
    /// Files the draft now.
    File,
    /// Somebody answered the reporter themselves.
    Answered,
    /// Asks the reporter for what is missing, or to keep it private.
    Ask {
        private_disclosure: bool,
    },
    SendCertificate,
    /// Has letters that stayed shut or were set aside read again.
    Reread,
    /// Shows the reporter's certificates; `choose` is the fingerprint of the one to use.
    Certificate {
        choose: Option<String>,
        forget: bool,
    },
    RequestCve,
    Fork,
    /// Tells the distributors, each encrypted, until when they must keep it.
    NotifyDistributors {
        text: String,
    },
    /// Announces the release, once its files are there as they should be.
    Announce {
        text: String,
        assets: Vec<Asset>,
        despite_assets: bool,
        /// It was announced before: this corrects it.
        again: bool,
    },
    Close {
        why: Closing,
        note: Option<String>,
        of: Option<CaseId>,
    },
    Reopen {
        why: String,
    },
    /// The vulnerabilities of one report go their own ways: a case for each title, or for each that
    /// the report lists after its first.
    Split {
        titles: Vec<String>,
    },
}

/// What speaks for and against a release day; the first good one where none is named.
pub async fn release_day(desk: &Desk, id: &CaseId, at: Option<Timestamp>) -> Result<Proposal> {
    let case = known(desk, id).await?;
    let (rules, timeline, now) = (&desk.parts.release, &desk.parts.policy.timeline, desk.now());
    let proposal = match at {
        Some(at) => Some(decide::judged(&case, at, rules, timeline, now)),
        None => decide::propose(&case, rules, timeline, now),
    };
    proposal.ok_or_else(|| anyhow!("no day within a year can be proposed for {id}"))
}

/// Takes a word; what it changed, as a sentence. `once` is a token that is spent with it.
pub async fn say(
    desk: &Desk,
    id: &CaseId,
    word: Word,
    by: &str,
    once: Option<String>,
) -> Result<String> {
    let case = known(desk, id).await?;
    let (timeline, now) = (&desk.parts.policy.timeline, desk.now());
    let (mut decision, said) = match word {
        Word::Reach { step, at } => {
            let at = at.unwrap_or(now);
            (
                decide::reach(&case, step, at, by, timeline, now)?,
                format!(
                    "{id} reached {} at {}",
                    step.as_str(),
                    at.strftime("%Y-%m-%d %H:%M UTC")
                ),
            )
        }
        Word::TakeBack { step } => (
            decide::take_back(&case, step, by, timeline, now)?,
            format!("{id} did not reach {}", step.as_str()),
        ),
        Word::Lane { lane, why } => {
            let decision = decide::change_lane(&case, lane, by, timeline, now)?;
            (
                noted(desk, &case, &why, by, decision).await?,
                format!("{id} takes the {} lane", lane.as_str()),
            )
        }
        Word::Wait { why } => {
            let decision = decide::wait_for_upstream(&case, by, now)?;
            (
                noted(desk, &case, &why, by, decision).await?,
                format!("{id} waits; fix and release stand still until `sealdesk case go-on {id}`"),
            )
        }
        Word::GoOn => (
            decide::go_on(&case, by, timeline, now)?,
            format!("{id} goes on"),
        ),
        Word::ReleaseDay {
            at,
            despite_objections,
        } => {
            let objections = at
                .map(|at| decide::judged(&case, at, &desk.parts.release, timeline, now).objections)
                .unwrap_or_default();
            if !objections.is_empty() && !despite_objections {
                bail!(
                    "that day has something against it: {}; choose another, or say the same with \
                     --despite",
                    objections.join("; ")
                );
            }
            let mut decision = decide::agree_release(&case, at, by, timeline, now)?;
            let told = desk
                .parts
                .store
                .journal(id)
                .await?
                .iter()
                .any(|line| line.event == "notice released");
            let again = if told {
                "; distributors were told another hour: notify them again"
            } else {
                ""
            };
            if !objections.is_empty() {
                // Their words may come from the report, and the journal is in clear.
                decision.journal.push(Entry::of(
                    id,
                    "release day despite",
                    format!("{} objections", objections.len()),
                ));
            }
            (
                decision,
                at.map_or_else(
                    || format!("{id} has no release day any more{again}"),
                    |at| {
                        format!(
                            "{id} is released on {}{again}",
                            at.strftime("%A %Y-%m-%d %H:%M UTC")
                        )
                    },
                ),
            )
        }
        Word::Announced { day } => {
            let said = day.map_or_else(
                || format!("the reporter of {id} has no day of their own"),
                |day| format!("the reporter of {id} publishes on {day}"),
            );
            (decide::announced(&case, day, by, timeline, now)?, said)
        }
        Word::Note { text } => {
            if text.trim().is_empty() {
                bail!("the note is empty");
            }
            (
                noted(desk, &case, &text, by, note_of(id, "note", by)).await?,
                format!("noted in {id}"),
            )
        }
        Word::Assign { to } => {
            let mut opened = dossiers::read(desk, id).await?;
            opened.dossier.assignee = Some(one_line(&to)?);
            (
                opened.into(desk, id, note_of(id, "assigned", by))?,
                format!("{id} is {to}'s"),
            )
        }
        Word::Link { what, to } => {
            let mut opened = dossiers::read(desk, id).await?;
            if opened.dossier.links.len() >= ENTRIES_MAX {
                bail!("case {id} has {ENTRIES_MAX} links already");
            }
            opened.dossier.links.push(Link {
                what: one_line(&what)?,
                to: one_line(&to)?,
            });
            (
                opened.into(desk, id, note_of(id, "linked", by))?,
                format!("linked to {id}"),
            )
        }
        Word::Set { assessment } => set(desk, &case, *assessment, by).await?,
        Word::Collaborate {
            users,
            teams,
            outsiders,
            remove,
        } => collaborate(desk, &case, users, teams, (outsiders, remove), by).await?,
        Word::Credit { login, name, kind } => credit(desk, &case, login, name, kind, by).await?,
        Word::PostRetrospective { text } => post_retrospective(desk, &case, &text, by).await?,
        Word::File => answers::file(desk, &case, by).await?,
        Word::Answered => answers::answered(desk, &case, by)?,
        Word::Ask { private_disclosure } => {
            answers::ask(desk, &case, private_disclosure, by).await?
        }
        Word::SendCertificate => answers::send_certificate(desk, &case, by).await?,
        Word::Reread => (Decision::default(), keys::read_again(desk, &case).await?),
        Word::Certificate { choose, forget } => {
            keys::certificate(desk, &case, choose.as_deref(), forget, by).await?
        }
        Word::Split { titles } => split(desk, &case, titles, by, once.as_deref()).await?,
        Word::RequestCve => (
            decide::ask_tracker(&case, Effect::request_cve(id, now), "CVE wanted", by)?,
            format!("a CVE is requested for {id}"),
        ),
        Word::Fork => (
            decide::ask_tracker(&case, Effect::open_fork(id, now), "private fork wanted", by)?,
            format!("a private fork is opened for {id}"),
        ),
        Word::NotifyDistributors { text } => notify(desk, &case, &text, by).await?,
        Word::Announce {
            text,
            assets,
            despite_assets,
            again,
        } => announce(desk, &case, &text, &assets, (despite_assets, again), by).await?,
        Word::Close { why, note, of } => close(desk, &case, why, note, of, by).await?,
        Word::Reopen { why } => (
            noted(desk, &case, &why, by, decide::reopen(&case, by)?).await?,
            format!("{id} is open again"),
        ),
    };
    decision.spent = once;
    desk.parts.store.commit(&decision, now).await?;
    desk.ring();
    Ok(said)
}

fn random() -> Result<[u8; 16]> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|e| anyhow!("no randomness: {e}"))?;
    Ok(octets)
}

fn note_of(id: &CaseId, event: &'static str, by: &str) -> Decision {
    Decision {
        journal: vec![Entry::of(id, event, by)],
        ..Decision::default()
    }
}

/// Adds a note to what was decided; an empty one is none.
async fn noted(
    desk: &Desk,
    case: &Case,
    text: &str,
    by: &str,
    decision: Decision,
) -> Result<Decision> {
    if text.trim().is_empty() {
        return Ok(decision);
    }
    if text.len() > NOTE_OCTETS_MAX {
        bail!("the note is longer than {NOTE_OCTETS_MAX} octets");
    }
    let mut opened = dossiers::read(desk, &case.id).await?;
    if opened.dossier.notes.len() >= ENTRIES_MAX {
        bail!("case {} has {ENTRIES_MAX} notes already", case.id);
    }
    opened.dossier.notes.push(Note {
        at: desk.now(),
        by: by.to_owned(),
        text: text.trim().to_owned(),
    });
    Ok(opened.into(desk, &case.id, decision)?)
}

pub(super) fn one_line(text: &str) -> Result<String> {
    const CHARACTERS_MAX: usize = 500;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        0 => bail!("it is empty"),
        n if n > CHARACTERS_MAX => bail!("it is longer than {CHARACTERS_MAX} characters"),
        _ => Ok(line),
    }
}
