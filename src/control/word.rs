//! What may a responder say of a case? Each word is journaled with who said it; what it says in
//! free text rests sealed.

use super::announce::{Asset, announce, post_retrospective};
use super::people::{collaborate, credit};
use super::{answers, keys, known};
use crate::decide::{self, ClockState, Decision, Entry, Proposal};
use crate::model::Timestamp;
use crate::model::case::{Case, Closing, Draft, Standing};
use crate::model::course::{Lane, Step};
use crate::model::cvss;
use crate::model::dossier::{Assessment, Link, Note};
use crate::model::effect::Effect;
use crate::model::ids::{CaseId, IntakeId};
use crate::model::report::Affected;
use crate::pipeline::outbox::Notice;
use crate::pipeline::{Desk, dossiers};
use crate::triage;
use anyhow::{Result, anyhow, bail};
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
    /// The reporter publishes on that day; `None`: on none that he named.
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
    /// Somebody answered the reporter himself.
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
                || format!("the reporter of {id} has no day of his own"),
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

/// `once` makes the same parts of the same word: those that a fault left behind are not made again.
async fn split(
    desk: &Desk,
    case: &Case,
    titles: Vec<String>,
    by: &str,
    once: Option<&str>,
) -> Result<(Decision, String)> {
    let id = &case.id;
    let seed = match once {
        Some(token) => token.to_owned(),
        None => format!("{:?}", random()?),
    };
    let parts: Vec<CaseId> = (0..PARTS_MAX)
        .map(|n| CaseId::from_random(desk.octets_for("part", &[seed.as_bytes(), &n.to_be_bytes()])))
        .collect();
    let root = case.course.part_of.as_ref().unwrap_or(id);
    let before: Vec<Case> = desk
        .parts
        .store
        .cases()
        .await?
        .into_iter()
        .filter(|other| other.course.part_of.as_ref() == Some(root) && !parts.contains(&other.id))
        .collect();
    let titles = match titles.is_empty() {
        false => titles,
        true if !before.is_empty() => {
            bail!("{root} was split already: name the titles of further cases")
        }
        // The first stays where it is.
        true => super::view::show(desk, id)
            .await?
            .report
            .map(|report| report.vulnerabilities)
            .unwrap_or_default()
            .into_iter()
            .skip(1)
            .collect(),
    };
    if titles.is_empty() {
        bail!(
            "no second vulnerability was found in the letters of {id}: name the titles of the \
             cases to split off"
        );
    }
    if before.len() + titles.len() > PARTS_MAX {
        bail!("a case has at most {PARTS_MAX} parts");
    }
    // All or none: what cannot be written is found before the first is made.
    let titles: Vec<String> = titles
        .iter()
        .map(|title| one_line(title))
        .collect::<Result<_>>()?;
    let mut made = Vec::new();
    for (child, title) in parts.into_iter().zip(titles) {
        made.push(child.to_string());
        if desk.parts.store.case(&child).await?.is_some() {
            continue;
        }
        let mut opened = dossiers::read(desk, &child).await?;
        opened.dossier.assessment.summary = Some(title);
        let decision = opened.into(desk, &child, decide::split(case, &child, by)?)?;
        desk.parts.store.commit(&decision, desk.now()).await?;
    }
    Ok((
        Decision::default(),
        format!(
            "split from {id}: {}; each is filed by `sealdesk case file`",
            made.join(", ")
        ),
    ))
}

fn random() -> Result<[u8; 16]> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|e| anyhow!("no randomness: {e}"))?;
    Ok(octets)
}

async fn close(
    desk: &Desk,
    case: &Case,
    why: Closing,
    note: Option<String>,
    of: Option<CaseId>,
    by: &str,
) -> Result<(Decision, String)> {
    let (id, now) = (&case.id, desk.now());
    if (why == Closing::Duplicate) != of.is_some() {
        bail!("a duplicate names the case that it doubles, and nothing else does");
    }
    if matches!(
        why,
        Closing::KeyRequest | Closing::Machine | Closing::Joined
    ) {
        bail!("{} is for the desk itself to say", why.as_str());
    }
    let letters: Vec<IntakeId> = desk
        .parts
        .store
        .letters_of(id)
        .await?
        .iter()
        .map(|letter| letter.id)
        .collect();
    let mut decision = decide::close(case, why, &letters, by, now)?;
    if let Some(other) = &of {
        let other = known(desk, other).await?;
        if other.id == *id {
            bail!("a case is no duplicate of itself");
        }
        // Else two that double each other could close each other, and nobody would work on either.
        if matches!(other.standing, Standing::Closed { .. }) {
            bail!(
                "case {} is closed: reopen it first, or name the case that is worked on",
                other.id
            );
        }
        decision
            .journal
            .push(Entry::of(id, "duplicate of", other.id.as_str()));
        decision
            .journal
            .push(Entry::of(&other.id, "has a duplicate", id.as_str()));
    }
    let decision = match note {
        Some(note) => noted(desk, case, &note, by, decision).await?,
        None => decision,
    };
    let running = decide::clocks(case, &desk.parts.policy.timeline, now)
        .into_iter()
        .filter(|clock| clock.state == ClockState::Running);
    let open: Vec<&str> = running.map(|clock| clock.step.as_str()).collect();
    let left = if why == Closing::Resolved && !open.is_empty() {
        format!("; {} were not reached", open.join(", "))
    } else {
        String::new()
    };
    Ok((decision, format!("{id} is closed{left}")))
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

async fn set(
    desk: &Desk,
    case: &Case,
    assessment: Assessment,
    by: &str,
) -> Result<(Decision, String)> {
    let id = &case.id;
    if assessment == Assessment::default() {
        bail!("nothing was named to be set");
    }
    if let Some(vector) = assessment
        .cvss
        .as_deref()
        .filter(|vector| cvss::rate(vector).is_none())
    {
        bail!("{vector:?} is not a whole CVSS vector of version 2, 3.0, 3.1 or 4.0");
    }
    if assessment.cvss.is_some() && assessment.severity.is_some() {
        bail!("name a vector or a severity: a vector says the severity by itself");
    }
    let mut assessment = assessment;
    if let Some(affected) = &assessment.affected_versions {
        let (ranges, versions) = triage::ranges(affected);
        assessment.ranges = Some(Affected {
            package: None,
            ranges,
            versions,
        });
    }
    let lists = [
        &assessment.affected_versions,
        &assessment.fixed_versions,
        &assessment.cve_ids,
        &assessment.cwe_ids,
    ];
    if lists
        .into_iter()
        .flatten()
        .any(|list| list.len() > ENTRIES_MAX)
    {
        bail!("more than {ENTRIES_MAX} entries in one list");
    }
    let mut opened = dossiers::read(desk, id).await?;
    let rated = assessment.cvss.is_some() || assessment.severity.is_some();
    opened.dossier.assessment.amend(assessment);
    let now = desk.now();
    let mut decision = note_of(id, "assessed", by);
    let mut said = format!("{id} is set");
    if rated {
        let assessed = &opened.dossier.assessment;
        let tenths = assessed
            .cvss
            .as_deref()
            .and_then(cvss::rate)
            .map(|rated| rated.tenths);
        if let Some(moved) = decide::rated(
            case,
            tenths,
            assessed.severity.as_deref(),
            &desk.parts.policy.timeline,
            now,
        ) {
            said.push_str(", and takes another lane: see its timeline");
            decision.case = moved.case;
            decision.journal.extend(moved.journal);
        }
    }
    if matches!(case.draft, Draft::Filed { .. } | Draft::Queued) {
        decision.effects.push(Effect::amend_advisory(id, now));
    }
    Ok((opened.into(desk, id, decision)?, said))
}

async fn notify(desk: &Desk, case: &Case, text: &str, by: &str) -> Result<(Decision, String)> {
    if text.trim().is_empty() {
        bail!("the notice is empty");
    }
    if text.len() > NOTE_OCTETS_MAX {
        bail!("the notice is longer than {NOTE_OCTETS_MAX} octets");
    }
    let (able, unable): (Vec<_>, Vec<_>) = desk
        .parts
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
        .partition(|d| d.fault.is_none());
    if able.is_empty() {
        bail!(
            "there is no distributor whom a notice could be encrypted to: see [[distributor]] in \
             the config"
        );
    }
    let now = desk.now();
    // A notice of another hour is another notice.
    let hour = case
        .course
        .release_day
        .map_or(0, |day| day.as_millisecond())
        .to_be_bytes();
    let word = desk
        .content_tag(&[b"notice", &hour, text.as_bytes()])
        .await?;
    let mut notices = Vec::new();
    for distributor in &able {
        let notice = serde_json::to_vec(&Notice {
            to: distributor.address.clone(),
            text: text.to_owned(),
        })?;
        notices.push((
            distributor.name.clone(),
            Effect::notify(
                &case.id,
                &word,
                &desk.word_for("to", &[distributor.address.as_str().as_bytes()]),
                desk.parts.store.seal(&notice)?,
                now,
            ),
        ));
    }
    let mut decision = decide::notify(case, notices, by, now)?;
    decision.journal.extend(unable.iter().map(|d| {
        Entry::of(
            &case.id,
            "notice not sent",
            format!("{}: no letter can be encrypted to him", d.name),
        )
    }));
    let unable = unable
        .iter()
        .map(|d| format!("{} ({})", d.name, d.contact))
        .collect::<Vec<_>>()
        .join(", ");
    let unable = if unable.is_empty() {
        String::new()
    } else {
        format!("; nothing can be encrypted to {unable}: tell them in another way")
    };
    Ok((
        decision,
        format!("{} distributors are told{unable}", able.len()),
    ))
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
