//! `sealdesk status`: how is the desk?

use crate::cli::case::due_next;
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, WARN, styled};
use crate::cli::{ask, exit, screen};
use crate::control::{Queued, Request, Status};
use crate::model::course::Lane;
use anyhow::Result;
use clap::Args;
use comfy_table::{Table, TableStyle};

/// Shows how the desk is: what waits, what is late, what is broken
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    desk: ask::DeskArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub async fn run(args: StatusArgs) -> Result<u8> {
    let status: Status = args.desk.ask(Request::Status).await?;
    if args.json {
        screen::print_json(&status)?;
        return Ok(exit::GOOD);
    }
    let t = &status.tally;
    let mut text = format!("{}\n\n", styled(BOLD, &status.version));
    text.push_str(&queue(&status));
    let late = t.oldest_deadline.is_some_and(|d| d < status.now);
    let due = t.oldest_deadline.map_or_else(String::new, |d| {
        let when = format!(", the next by {}", d.strftime("%Y-%m-%d %H:%M UTC"));
        styled(if late { BAD } else { DIM }, &when)
    });
    text.push_str(&format!(
        "  letters          {} received, {} unread, {} shut, {} set aside, {} old\n",
        t.letters, t.unread, t.shut, t.set_aside, t.old
    ));
    if t.without_case > 0 {
        let numbers = status
            .letters_without_case
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let what = format!(
            "{} rest without a case, as machines' words: {numbers}; sealdesk import --letter N \
             makes one a case",
            t.without_case
        );
        text.push_str(&format!("                   {}\n", styled(DIM, &what)));
    }
    text.push_str(&format!(
        "  cases            {} open of {}\n",
        t.cases_open, t.cases
    ));
    text.push_str(&format!(
        "  acknowledgements {} pending{due}\n",
        t.acknowledgements_pending
    ));
    let doubled = if t.drafts_doubled > 0 {
        styled(WARN, &format!(", {} doubled", t.drafts_doubled))
    } else {
        String::new()
    };
    text.push_str(&format!(
        "  drafts           {} filed, {} wait for a word{doubled}\n",
        t.drafts_filed, t.drafts_waiting
    ));
    text.push_str(&format!(
        "  outbox           {} pending, {} given up, {} perhaps sent twice\n",
        t.effects_pending, t.effects_given_up, t.sent_twice_perhaps
    ));
    if t.unreachable > 0 {
        text.push_str(&format!(
            "  {}\n",
            styled(
                WARN,
                &format!(
                    "unreachable      {} addresses from which letters came back",
                    t.unreachable
                )
            )
        ));
    }
    text.push_str("\n  keys\n");
    for line in &status.opener {
        text.push_str(&format!("    {line}\n"));
    }
    for used in &t.sealed_to {
        text.push_str(&format!(
            "    {} letters sealed to {}, the last on {}\n",
            used.letters,
            used.fingerprint,
            used.last_at.strftime("%Y-%m-%d")
        ));
    }
    if let Some(last) = status.canaries.first() {
        text.push_str(&format!(
            "\n  canary of {}\n",
            last.sent_at.strftime("%Y-%m-%d %H:%M UTC")
        ));
        for line in status
            .canaries
            .iter()
            .take_while(|line| last.sent_at.duration_since(line.sent_at).as_secs() < 600)
        {
            text.push_str(&format!("    {}\n", crate::cli::canary::shown(line)));
        }
    }
    if status.faults.is_empty() {
        text.push_str(&format!("\n  {}\n", styled(GOOD, "no fault")));
    } else {
        text.push_str(&format!("\n  {}\n", styled(WARN, "faults")));
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
    }
    screen::print(&text)?;
    Ok(exit::GOOD)
}

/// What is overdue, what is next, and who waits for whom: the first thing that a tired human needs.
fn queue(status: &Status) -> String {
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
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    for queued in &status.queue {
        let lane = if queued.lane == Lane::Normal {
            ""
        } else {
            queued.lane.as_str()
        };
        let next = queued
            .next
            .as_ref()
            .map_or_else(String::new, |due| due_next(due, status.now));
        table.add_row([
            queued.id.to_string(),
            next,
            lane.to_owned(),
            queued
                .waits_for
                .as_ref()
                .map_or_else(String::new, |whom| format!("waits for {whom}")),
        ]);
    }
    let late = if number > 0 {
        styled(BAD, &format!("{number} late"))
    } else {
        styled(GOOD, "none late")
    };
    format!("  {} in the queue, {late}\n{table}\n\n", status.queue.len())
}
