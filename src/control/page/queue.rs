//! What does a responder see first? What is late, what waits for a decision, and what is due next;
//! above them, what is wrong with the desk.

use super::wire::{QueueLine, QueueSection, QueueView, QueueWanted, Whose};
use super::{Answered, view};
use crate::decide::next_due;
use crate::desk::{Desk, Responder};
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Case, Draft, Standing};
use crate::ports::{CaseSet, PortError};
use futures::stream::{self, StreamExt};

/// Cases on one page.
pub const LINES_A_PAGE: usize = 50;

/// What only opening a case tells is looked for in so many of them, those that are due first.
pub const SEARCHED_MAX: usize = 200;

/// Cases that are opened at once: the opener has other callers.
const OPENED_TOGETHER: usize = 4;

pub(super) async fn page(desk: &Desk, who: &Responder, wanted: QueueWanted) -> Answered {
    let now = desk.now();
    let ordered = ordered(desk, &wanted, now).await?;
    let by_words =
        wanted.whose != Whose::All || !wanted.product.is_empty() || !wanted.kind.is_empty();
    let (chosen, total, is_searched_whole) = if by_words {
        let searched = ordered.len().min(SEARCHED_MAX);
        let is_whole = searched == ordered.len();
        let opened = open(desk, ordered.into_iter().take(searched).collect()).await?;
        let fitting: Vec<QueueLine> = opened
            .into_iter()
            .filter(|line| fits(line, &wanted, who))
            .collect();
        let total = fitting.len();
        (paged(fitting, wanted.page), total, is_whole)
    } else {
        let total = ordered.len();
        (open(desk, paged(ordered, wanted.page)).await?, total, true)
    };
    Ok(serde_json::to_value(QueueView {
        lines: chosen,
        total,
        pages: total.div_ceil(LINES_A_PAGE).max(1),
        is_searched_whole,
        faults: view::faults(desk).await?,
        wanted,
    })?)
}

/// The cases of a page.
fn paged<T>(all: Vec<T>, page: usize) -> Vec<T> {
    let first = page.saturating_mul(LINES_A_PAGE);
    all.into_iter().skip(first).take(LINES_A_PAGE).collect()
}

/// All cases that fit by their states, in the order of the queue. Nothing is opened for it.
async fn ordered(
    desk: &Desk,
    wanted: &QueueWanted,
    now: Timestamp,
) -> Result<Vec<(QueueSection, Case)>, PortError> {
    let set = if wanted.closed {
        CaseSet::All
    } else {
        CaseSet::Open
    };
    let mut all: Vec<(QueueSection, Timestamp, Case)> = desk
        .parts
        .store
        .cases(set, None)
        .await?
        .into_iter()
        .filter(|case| case.is_closed() == wanted.closed)
        .map(|case| {
            let due = next_due(&case, &desk.parts.policy.timeline, now).map(|due| due.deadline);
            (
                section(&case, due, now),
                due.unwrap_or(Timestamp::MAX),
                case,
            )
        })
        .filter(|(section, ..)| !wanted.late || *section == QueueSection::Late)
        .collect();
    // Of those without a deadline the newest stands first.
    all.sort_by(|(section, due, case), (other_section, other_due, other)| {
        (section, due, other.opened_at(), case.id()).cmp(&(
            other_section,
            other_due,
            case.opened_at(),
            other.id(),
        ))
    });
    Ok(all
        .into_iter()
        .map(|(section, _, case)| (section, case))
        .collect())
}

fn section(case: &Case, due: Option<Timestamp>, now: Timestamp) -> QueueSection {
    let waits = matches!(case.standing(), Standing::NeedsHuman)
        || matches!(case.draft(), Draft::AwaitsConfirmation)
        || matches!(case.acknowledgement(), Acknowledgement::ByHand { .. });
    match due {
        Some(due) if due < now => QueueSection::Late,
        _ if waits && !case.is_closed() => QueueSection::Decision,
        Some(_) => QueueSection::Due,
        None => QueueSection::Rest,
    }
}

async fn open(desk: &Desk, cases: Vec<(QueueSection, Case)>) -> Result<Vec<QueueLine>, PortError> {
    let opened = stream::iter(cases)
        .map(|(section, case)| async move {
            let opened = view::open_line(desk, &case).await?;
            Ok(QueueLine {
                section,
                product: opened.product,
                is_shut: opened.is_shut,
                line: opened.line,
            })
        })
        .buffered(OPENED_TOGETHER);
    let opened: Vec<Result<QueueLine, PortError>> = opened.collect().await;
    opened.into_iter().collect()
}

/// Whether a case fits by what only opening it tells.
fn fits(line: &QueueLine, wanted: &QueueWanted, who: &Responder) -> bool {
    let assignee = line.line.assignee.as_deref();
    let is_mine = |assignee: &str| {
        Some(assignee) == who.login.as_deref()
            || assignee == who.name
            || assignee.eq_ignore_ascii_case(who.address.as_str())
    };
    let is_whose = match wanted.whose {
        Whose::All => true,
        Whose::Mine => assignee.is_some_and(is_mine),
        Whose::Nobodys => assignee.is_none(),
    };
    let product = line.product.as_deref().unwrap_or_default().to_lowercase();
    let kind = line
        .line
        .class
        .map(|class| class.as_str())
        .unwrap_or_default();
    is_whose
        && product.contains(&wanted.product.to_lowercase())
        && (wanted.kind.is_empty() || kind == wanted.kind)
}
