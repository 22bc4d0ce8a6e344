//! What is one case about, where does it stand, and what can be done now?

use super::case_id;
use super::facts::{FactShown, facts};
use super::letter::LetterShown;
use crate::control::CaseView;
use crate::control::page::{
    CaseScreen, LETTER_CHARACTERS_MAX, LETTERS_OF_CASE_MAX, SessionRequest, Who,
};
use crate::decide::{Deadline, DeadlineState};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Draft, Standing};
use crate::model::course::Step;
use crate::page::forms::Fields;
use crate::page::screens::reply::WayShown;
use crate::page::words::{DueShown, EventShown, Moment, state, step};
use crate::page::{Failure, Frame, Page, once};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct CasePage {
    id: String,
    summary: Option<String>,
    state: String,
    opened_at: Moment,
    due: Option<DueShown>,
    clocks: Vec<ClockShown>,
    likely: Vec<ButtonShown>,
    advisory: Option<String>,
    perhaps_of: Option<String>,
    duplicates: Vec<String>,
    severity: Option<String>,
    publishes_on: Option<String>,
    facts: Vec<FactShown>,
    missing: Vec<&'static str>,
    notes: Vec<NoteShown>,
    links: Vec<(String, String)>,
    letters: Vec<LetterShown>,
    older: Vec<OlderShown>,
    events: Vec<EventShown>,
    shut: Vec<String>,
    reply: Option<WayShown>,
    is_closed: bool,
    /// What forms of this page carry.
    seen: usize,
    once: String,
}

#[derive(Serialize)]
struct ClockShown {
    name: &'static str,
    told: String,
    is_late: bool,
    by: Moment,
    because: &'static str,
}

/// A command that is one press away.
#[derive(Serialize)]
struct ButtonShown {
    label: String,
    line: String,
}

#[derive(Serialize)]
struct NoteShown {
    by: String,
    at: Moment,
    text: String,
}

#[derive(Serialize)]
struct OlderShown {
    number: i64,
    received_at: Moment,
    octets: u64,
}

/// Leads to the case that somebody typed.
pub(in crate::page) async fn find(State(page): State<Arc<Page>>, request: Request) -> Response {
    let typed = Fields::of_query(request.uri());
    page.answer(case_id(typed.text("id")).map(|id| {
        let location = [(header::LOCATION, format!("/case/{id}"))];
        (StatusCode::SEE_OTHER, location).into_response()
    }))
}

pub(in crate::page) async fn show(
    State(page): State<Arc<Page>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let ask = SessionRequest::Case { id: case_id(&id)? };
        let (who, screen) = page.ask::<CaseScreen>(&headers, ask).await?;
        let shown = CasePage::of(&screen, &who)?;
        let frame = Frame::new(shown.id.clone(), Some(&who));
        Ok(page.show("case.html", frame, &shown))
    };
    page.answer(shown.await)
}

impl CasePage {
    fn of(screen: &CaseScreen, who: &Who) -> Result<Self, Failure> {
        let (view, now) = (&screen.view, who.now);
        let line = &view.line;
        let newest_first = || view.read.iter().rev();
        let missing = view.report.iter().flat_map(|report| &report.missing);
        Ok(Self {
            id: line.id.to_string(),
            summary: line.summary.clone(),
            state: state(line),
            opened_at: Moment::of(line.opened_at),
            due: line.next.as_ref().map(|due| DueShown::of(due, now)),
            clocks: view.clocks.iter().map(|c| ClockShown::of(c, now)).collect(),
            likely: likely(view, who),
            advisory: match &line.draft {
                Draft::Filed { advisory } => Some(advisory.url.clone()),
                _ => None,
            },
            perhaps_of: line.perhaps_of.as_ref().map(ToString::to_string),
            duplicates: line
                .likely_duplicates
                .iter()
                .map(ToString::to_string)
                .collect(),
            severity: line.severity.clone(),
            publishes_on: view.course.announced.map(|day| day.to_string()),
            facts: facts(view),
            missing: missing.map(|missing| missing.as_str()).collect(),
            notes: view
                .record
                .notes
                .iter()
                .rev()
                .map(|note| NoteShown {
                    by: note.by.clone(),
                    at: Moment::of(note.at),
                    text: note.text.clone(),
                })
                .collect(),
            links: view
                .record
                .links
                .iter()
                .map(|link| (link.what.clone(), link.to.clone()))
                .collect(),
            letters: newest_first()
                .take(LETTERS_OF_CASE_MAX)
                .map(|letter| LetterShown::of(letter, true, LETTER_CHARACTERS_MAX))
                .collect(),
            older: newest_first()
                .skip(LETTERS_OF_CASE_MAX)
                .map(|letter| OlderShown {
                    number: letter.intake,
                    received_at: Moment::of(letter.received_at),
                    octets: letter.octets,
                })
                .collect(),
            events: view.journal.iter().rev().map(EventShown::of).collect(),
            shut: screen.shut.clone(),
            reply: screen.reply.as_ref().map(WayShown::of),
            is_closed: line.standing.is_closed(),
            seen: view.journal.len(),
            once: once()?,
        })
    }
}

impl ClockShown {
    fn of(clock: &Deadline, now: Timestamp) -> Self {
        let is_over = now >= clock.deadline;
        let (told, is_late) = match clock.state {
            DeadlineState::Stopped { late, .. } if late => ("done, late".to_owned(), false),
            DeadlineState::Stopped { .. } => ("done".to_owned(), false),
            DeadlineState::Waiting => ("stands still".to_owned(), false),
            DeadlineState::PassedOver => ("passed over".to_owned(), false),
            DeadlineState::Running => crate::compose::due_in(clock.deadline, now),
        };
        Self {
            name: step(clock.step),
            told,
            is_late: is_late || (clock.state == DeadlineState::Running && is_over),
            by: Moment::of(clock.deadline),
            because: clock.because.sentence(),
        }
    }
}

/// What is likely to be done next, by where the case stands.
fn likely(view: &CaseView, who: &Who) -> Vec<ButtonShown> {
    let line = &view.line;
    let mut buttons = Vec::new();
    let mut add = |label: &str, line: &str| {
        buttons.push(ButtonShown {
            label: label.to_owned(),
            line: line.to_owned(),
        });
    };
    if let Standing::Closed { .. } = line.standing {
        add("Open it again", "reopen");
        return buttons;
    }
    if line.draft == Draft::AwaitsConfirmation {
        add("Confirm it and file the draft", "file");
    }
    if line.standing == Standing::NeedsHuman {
        add("Have its letters read again", "reread");
        add("Send our certificate", "send-certificate");
    }
    if matches!(line.acknowledgement, Acknowledgement::ByHand { .. }) {
        add("I answered the reporter myself", "answered");
    }
    if let Some(login) = who.login.as_deref().filter(|_| line.assignee.is_none()) {
        add("I take care of it", &format!("assign -- {login}"));
    }
    if line.waits {
        add("It waits no more", "go-on");
    }
    let running = view
        .clocks
        .iter()
        .find(|c| c.state == DeadlineState::Running);
    if let Some(clock) = running {
        let label = match clock.step {
            Step::FixTeam => "The fix team is formed",
            Step::Fix => "The fix is complete",
            Step::Release => "It is released",
            Step::Retrospective => "The retrospective is sent",
        };
        add(label, &format!("reach {}", clock.step.as_str()));
    }
    let lacks = view.report.as_ref().is_some_and(|r| !r.missing.is_empty());
    if lacks {
        add("Ask the reporter for what is missing", "ask");
    }
    buttons
}
