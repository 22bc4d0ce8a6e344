//! `sealdesk status`: how is the desk?

use crate::cli::case::due_next;
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, WARN, styled};
use crate::cli::{ask, exit, screen};
use crate::control::{Queued, Request, Status};
use crate::model::course::Lane;
use anyhow::Result;
use clap::Args;
use comfy_table::{Table, TableStyle};

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
    let sections = [
        format!("{}\n\n", styled(BOLD, &status.version)),
        queue(&status),
        letters(&status),
        cases(&status),
        outbox(&status),
        keys(&status),
        canary(&status),
        faults(&status),
    ];
    screen::print(&sections.concat())?;
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
