//! `sealdesk status`: how is the desk?

use crate::cli::screen::{BAD, BOLD, DIM, GOOD, WARN, styled};
use crate::cli::{ask, exit, layout, screen};
use crate::compose::due_in;
use crate::control::{Queued, Request, Status};
use crate::model::Timestamp;
use crate::model::course::Lane;
use anyhow::Result;
use clap::Args;
use comfy_table::{Cell, Color};

/// Letters to itself that left within this time are of one canary.
const ONE_CANARY_S: i64 = 600;

/// Shows how the desk is: what waits, what is late, what is broken
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    desk: ask::DeskArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Ends with [`exit::GOOD`] whenever the desk answers: what is wrong with it stands in the text.
pub async fn run(args: StatusArgs) -> Result<u8> {
    let status: Status = args.desk.ask(Request::Status).await?;
    if args.json {
        screen::print_json(&status)?;
        return Ok(exit::GOOD);
    }
    let columns = layout::columns();
    let sections = [
        format!("{}\n\n", styled(BOLD, &status.version)),
        queue(&status, columns),
        letters(&status),
        cases(&status),
        outbox(&status),
        keys(&status),
        canary(&status),
        faults(&status),
    ];
    screen::print(&layout::fitted(&sections.concat(), columns))?;
    Ok(exit::GOOD)
}

fn letters(status: &Status) -> String {
    let tally = &status.tally;
    let mut text = format!(
        "  letters          {} received, {} unread, {} shut, {} set aside, {} old\n",
        tally.letters, tally.unread, tally.shut, tally.set_aside, tally.old
    );
    if tally.without_case > 0 {
        let numbers = status
            .letters_without_case
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let hint = format!(
            "{} rest without a case, as machines' words: {numbers}; sealdesk import --letter N \
             makes one a case",
            tally.without_case
        );
        text.push_str(&format!("                   {}\n", styled(DIM, &hint)));
    }
    text
}

/// How many cases there are, and what of them waits: acknowledgements and drafts.
fn cases(status: &Status) -> String {
    let tally = &status.tally;
    let next = tally.oldest_deadline.map_or_else(String::new, |deadline| {
        let when = format!(", the next by {}", deadline.strftime("%Y-%m-%d %H:%M UTC"));
        let is_late = deadline < status.now;
        styled(if is_late { BAD } else { DIM }, &when)
    });
    let doubled = if tally.drafts_doubled > 0 {
        styled(WARN, &format!(", {} doubled", tally.drafts_doubled))
    } else {
        String::new()
    };
    format!(
        "  cases            {} open of {}\n  acknowledgements {} pending{next}\n  drafts           \
         {} filed, {} wait to be confirmed{doubled}\n",
        tally.cases_open,
        tally.cases,
        tally.acknowledgements_pending,
        tally.drafts_filed,
        tally.drafts_waiting
    )
}

fn outbox(status: &Status) -> String {
    let tally = &status.tally;
    let mut text = format!(
        "  outbox           {} pending, {} given up, {} perhaps sent twice\n",
        tally.effects_pending, tally.effects_given_up, tally.sent_twice_perhaps
    );
    if tally.unreachable > 0 {
        let unreachable = format!(
            "unreachable      {} addresses from which letters came back",
            tally.unreachable
        );
        text.push_str(&format!("  {}\n", styled(WARN, &unreachable)));
    }
    text
}

/// What the opener says of its keys, and which of them letters were sealed to.
fn keys(status: &Status) -> String {
    let mut text = "\n  keys\n".to_owned();
    for line in &status.opener {
        text.push_str(&format!("    {line}\n"));
    }
    for used in &status.tally.sealed_to {
        text.push_str(&format!(
            "    {} letters sealed to {}, the last on {}\n",
            used.letters,
            used.fingerprint,
            used.last_at.strftime("%Y-%m-%d")
        ));
    }
    text
}

/// The last letters that the desk sent to itself.
fn canary(status: &Status) -> String {
    let Some(last) = status.canaries.first() else {
        return String::new();
    };
    let mut text = format!(
        "\n  canary of {}\n",
        last.sent_at.strftime("%Y-%m-%d %H:%M UTC")
    );
    for line in status
        .canaries
        .iter()
        .take_while(|line| last.sent_at.duration_since(line.sent_at).as_secs() < ONE_CANARY_S)
    {
        text.push_str(&format!("    {}\n", crate::cli::canary::shown(line)));
    }
    text
}

fn faults(status: &Status) -> String {
    if status.faults.is_empty() {
        return format!("\n  {}\n", styled(GOOD, "no fault"));
    }
    let mut text = format!("\n  {}\n", styled(WARN, "faults"));
    for fault in &status.faults {
        let since = fault.since.map_or_else(String::new, |s| {
            format!(" since {}", s.strftime("%Y-%m-%d %H:%M UTC"))
        });
        text.push_str(&format!(
            "    {}{since}: {}\n",
            screen::tame(&fault.what),
            screen::tame(&fault.why)
        ));
    }
    text
}

/// What is overdue, what is next, and who waits for whom: the first thing that a tired human needs.
fn queue(status: &Status, columns: Option<usize>) -> String {
    let late = |queued: &&Queued| {
        queued
            .next
            .as_ref()
            .is_some_and(|due| due.deadline < status.now)
    };
    let number = status.queue.iter().filter(late).count();
    if status.queue.is_empty() {
        return format!("  {}\n\n", styled(GOOD, "nothing is due"));
    }
    let rows = status.queue.iter().map(|queued| row(queued, status.now));
    let header = ["CASE", "DUE", "NEXT", "LANE", "WAITS FOR"];
    let table = layout::table(&header, rows.collect(), columns);
    let late = if number > 0 {
        styled(BAD, &format!("{number} late"))
    } else {
        styled(GOOD, "none late")
    };
    format!("  {} in the queue, {late}\n{table}\n", status.queue.len())
}

fn row(queued: &Queued, now: Timestamp) -> Vec<Cell> {
    let lane = match queued.lane {
        Lane::Normal => "",
        other => other.as_str(),
    };
    let due = queued.next.as_ref().map(|due| due_in(due.deadline, now));
    let due = match due {
        Some((text, true)) => Cell::new(text).fg(Color::Red),
        Some((text, false)) => Cell::new(text),
        None => Cell::new(""),
    };
    let next = queued.next.as_ref().map_or("", |due| due.what.as_str());
    let whom = queued.waits_for.as_deref().unwrap_or("");
    vec![
        Cell::new(queued.id.as_str()),
        due,
        Cell::new(next),
        Cell::new(lane),
        Cell::new(screen::one_line(whom)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_of_the_queue_takes_one_line_of_the_terminal() {
        let queued = Queued {
            id: crate::model::ids::CaseId::from_random([7; 10]),
            lane: Lane::Asap,
            next: Some(crate::decide::Due {
                what: "acknowledgement".to_owned(),
                deadline: "2026-11-20T12:00:00Z".parse().unwrap(),
            }),
            waits_for: Some("a responder: its letter needs a human".to_owned()),
        };
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let table = layout::table(&[], vec![row(&queued, now), row(&queued, now)], Some(80));
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(
            table.lines().all(|line| layout::width(line) <= 80),
            "{table}"
        );
        assert!(table.contains("late 3 d  acknowledgement"), "{table}");
    }
}
