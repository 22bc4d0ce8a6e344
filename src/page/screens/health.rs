//! How is the desk?

use crate::control::Status;
use crate::control::page::SessionRequest;
use crate::page::words::{FaultShown, Moment};
use crate::page::{Frame, Page};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct HealthScreen {
    version: String,
    faults: Vec<FaultShown>,
    figures: Vec<(&'static str, i64)>,
    oldest_deadline: Option<Moment>,
    opener: Vec<String>,
    canaries: Vec<CanaryShown>,
    without_case: Vec<i64>,
}

/// A letter of the desk to itself.
#[derive(Serialize)]
struct CanaryShown {
    shape: String,
    sent_at: Moment,
    settled_at: Option<Moment>,
    fault: Option<String>,
}

pub(in crate::page) async fn show(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let asked = page.ask::<Status>(&headers, SessionRequest::Health).await;
    page.answer(asked.map(|(who, status)| {
        let frame = Frame::new("Health", Some(&who));
        page.show("health.html", frame, &HealthScreen::of(status))
    }))
}

impl HealthScreen {
    fn of(status: Status) -> Self {
        let tally = &status.tally;
        let canaries = status.canaries.iter().map(|canary| CanaryShown {
            shape: canary.shape.clone(),
            sent_at: Moment::of(canary.sent_at),
            settled_at: canary.settled_at.map(Moment::of),
            fault: canary.fault.clone(),
        });
        Self {
            faults: status.faults.iter().map(FaultShown::of).collect(),
            figures: vec![
                ("Open cases", tally.cases_open),
                ("Cases in all", tally.cases),
                ("Letters", tally.letters),
                ("Letters that wait to be read", tally.unread),
                ("Letters that stay shut", tally.shut),
                ("Letters that were set aside", tally.set_aside),
                ("Letters without a case", tally.without_case),
                (
                    "Reporters who wait for their acknowledgement",
                    tally.acknowledgements_pending,
                ),
                ("Drafts that wait for a decision", tally.drafts_waiting),
                ("Drafts in the tracker", tally.drafts_filed),
                ("Things to be sent or filed", tally.effects_pending),
                ("Things that were given up", tally.effects_given_up),
                (
                    "Letters that were perhaps sent twice",
                    tally.sent_twice_perhaps,
                ),
                (
                    "Addresses that our letters came back from",
                    tally.unreachable,
                ),
            ],
            oldest_deadline: tally.oldest_deadline.map(Moment::of),
            canaries: canaries.collect(),
            version: status.version,
            opener: status.opener,
            without_case: status.letters_without_case,
        }
    }
}
