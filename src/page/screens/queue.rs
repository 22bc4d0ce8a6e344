//! What is late, what waits for a decision, and what is due next?

use crate::control::page::{
    LINES_A_PAGE, QueueLine, QueueSection, QueueView, QueueWanted, SEARCHED_MAX, SessionRequest,
    Who, Whose,
};
use crate::model::Timestamp;
use crate::model::course::Lane;
use crate::page::forms::Fields;
use crate::page::words::{DueShown, FaultShown, Moment};
use crate::page::{Frame, Page, cookies, sign_in};
use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

#[derive(Serialize)]
struct QueueScreen {
    sections: Vec<SectionShown>,
    faults: Vec<FaultShown>,
    wanted: FilterShown,
    total: usize,
    /// From 1.
    page: usize,
    pages: usize,
    before: Option<String>,
    after: Option<String>,
    /// So many cases were looked through for words, where there are more.
    searched: Option<usize>,
    a_page: usize,
}

#[derive(Serialize)]
struct SectionShown {
    heading: &'static str,
    cases: Vec<CaseShown>,
}

#[derive(Serialize)]
struct CaseShown {
    id: String,
    summary: Option<String>,
    is_shut: bool,
    product: Option<String>,
    severity: Option<String>,
    lane: Option<&'static str>,
    kind: Option<&'static str>,
    due: Option<DueShown>,
    opened_at: Moment,
    assignee: Option<String>,
    letters: usize,
    state: String,
    waits_for: Option<&'static str>,
}

/// The filters as they are set.
#[derive(Serialize)]
struct FilterShown {
    whose: &'static str,
    late: bool,
    closed: bool,
    product: String,
    kind: String,
    any: bool,
}

pub(in crate::page) async fn show(State(page): State<Arc<Page>>, request: Request) -> Response {
    // Whoever comes for the first time has nothing to be told of.
    if cookies::cookie(request.headers(), cookies::SESSION).is_none()
        && request.uri().query().is_none()
    {
        return sign_in::see_other("/sign-in");
    }
    let wanted = wanted(&Fields::of_query(request.uri()));
    let asked = page
        .ask::<QueueView>(request.headers(), SessionRequest::Queue(wanted))
        .await;
    page.answer(asked.map(|(who, view)| {
        let frame = Frame::new("Queue", Some(&who));
        page.show("queue.html", frame, &QueueScreen::of(&view, &who))
    }))
}

fn wanted(query: &Fields) -> QueueWanted {
    QueueWanted {
        whose: match query.text("whose") {
            "mine" => Whose::Mine,
            "nobodys" => Whose::Nobodys,
            _ => Whose::All,
        },
        late: !query.text("late").is_empty(),
        closed: !query.text("closed").is_empty(),
        product: query.text("product").trim().chars().take(100).collect(),
        kind: query.text("kind").trim().chars().take(40).collect(),
        page: query.number("page").unwrap_or(1).saturating_sub(1),
    }
}

impl FilterShown {
    fn of(wanted: &QueueWanted) -> Self {
        let plain = QueueWanted {
            page: wanted.page,
            ..QueueWanted::default()
        };
        Self {
            whose: match wanted.whose {
                Whose::All => "",
                Whose::Mine => "mine",
                Whose::Nobodys => "nobodys",
            },
            late: wanted.late,
            closed: wanted.closed,
            product: wanted.product.clone(),
            kind: wanted.kind.clone(),
            any: *wanted != plain,
        }
    }

    /// The address of another page of the same.
    fn at(&self, page: usize) -> String {
        let mut query = Serializer::new(String::new());
        let flags = [("late", self.late), ("closed", self.closed)];
        let texts = [
            ("whose", self.whose),
            ("product", self.product.as_str()),
            ("kind", self.kind.as_str()),
        ];
        for (name, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
            query.append_pair(name, "1");
        }
        query.append_pair("page", &page.to_string());
        format!("/?{}", query.finish())
    }
}

impl QueueScreen {
    fn of(view: &QueueView, who: &Who) -> Self {
        let wanted = FilterShown::of(&view.wanted);
        let page = view.wanted.page + 1;
        let sections = [
            (QueueSection::Late, "Late"),
            (QueueSection::Decision, "Needs a decision"),
            (QueueSection::Due, "Due next"),
            (
                QueueSection::Rest,
                if view.wanted.closed {
                    "Closed"
                } else {
                    "Nothing is due"
                },
            ),
        ];
        let shown = sections.into_iter().map(|(section, heading)| SectionShown {
            heading,
            cases: view
                .lines
                .iter()
                .filter(|line| line.section == section)
                .map(|line| CaseShown::of(line, who.now))
                .collect(),
        });
        Self {
            sections: shown.filter(|shown| !shown.cases.is_empty()).collect(),
            faults: view.faults.iter().map(FaultShown::of).collect(),
            total: view.total,
            page,
            pages: view.pages,
            before: (page > 1).then(|| wanted.at(page - 1)),
            after: (page < view.pages).then(|| wanted.at(page + 1)),
            searched: (!view.is_searched_whole).then_some(SEARCHED_MAX),
            a_page: LINES_A_PAGE,
            wanted,
        }
    }
}

impl CaseShown {
    fn of(queued: &QueueLine, now: Timestamp) -> Self {
        let line = &queued.line;
        Self {
            id: line.id.to_string(),
            summary: line.summary.clone(),
            is_shut: queued.is_shut,
            product: queued.product.clone(),
            severity: line.severity.clone(),
            lane: (line.lane != Lane::Normal).then(|| line.lane.as_str()),
            kind: line.class.map(|class| class.as_str()),
            due: line.next.as_ref().map(|due| DueShown::of(due, now)),
            opened_at: Moment::of(line.opened_at),
            assignee: line.assignee.clone(),
            letters: line.letters,
            state: crate::compose::standing(&line.standing),
            waits_for: line.waits.then_some("an upstream"),
        }
    }
}
