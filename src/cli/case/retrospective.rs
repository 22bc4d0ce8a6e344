//! What can be learnt from a case? A blameless draft from its journal, for people to go on with.

use crate::cli::case::timeline::{markdown_clocks, markdown_events, plain};
use crate::control::{CaseView, LetterView};
use crate::decide::DeadlineState;
use crate::model::case::Draft;
use crate::model::journal::JournalEvent;
use std::collections::BTreeSet;

/// Events that changed the plan.
const TURNS: [JournalEvent; 8] = [
    JournalEvent::LaneChanged,
    JournalEvent::DeadlineMoved,
    JournalEvent::Skipped,
    JournalEvent::WaitsForUpstream,
    JournalEvent::GoesOn,
    JournalEvent::ReleaseDay,
    JournalEvent::ReleaseDayDespite,
    JournalEvent::Disclosure,
];

/// Markdown. The reporter is named only where the team credited them.
pub(super) fn draft(view: &CaseView) -> String {
    [
        beginning(view),
        people(view),
        deadlines(view),
        turns(view),
        repairs(view),
        links(view),
        what_happened(view),
        "\n## What went well\n\n-\n\n## What we change\n\n-\n".to_owned(),
    ]
    .concat()
}

fn beginning(view: &CaseView) -> String {
    let line = &view.line;
    let mut text = format!("# Retrospective of {}\n\n", line.id);
    if let Some(summary) = &line.summary {
        let summary = plain(summary);
        // A sealed letter that stays shut may have nothing but an ellipsis for a subject.
        match summary.trim_end_matches('.') {
            "" => text.push_str(&format!("{summary}\n\n")),
            sentence => text.push_str(&format!("{sentence}.\n\n")),
        }
    }
    text.push_str(
        "This is about how we work, not about who did what wrong: everybody acted well \
        with what they knew then.\n",
    );
    text
}

fn people(view: &CaseView) -> String {
    let record = &view.record;
    let credited: Vec<String> = record
        .credits
        .iter()
        .map(|c| format!("{} ({})", plain(c.shown()), plain(&c.kind)))
        .collect();
    let credited = if credited.is_empty() {
        "nobody yet".to_owned()
    } else {
        credited.join(", ")
    };
    let collaborators = &record.collaborators;
    let fix_team = [collaborators.users.as_slice(), &collaborators.teams].concat();
    let mut text = format!(
        "\n## People\n\n- Credited: {credited}\n- Security team: {}\n- Fix team, beside those of \
         the config: {}\n",
        listed(&responders(view)),
        listed(&fix_team)
    );
    if let Some(assignee) = &view.line.assignee {
        text.push_str(&format!("- In charge: {}\n", plain(assignee)));
    }
    text
}

fn deadlines(view: &CaseView) -> String {
    let count = |was_late: bool| {
        view.clocks
            .iter()
            .filter(|c| matches!(c.state, DeadlineState::Stopped { late, .. } if late == was_late))
            .count()
    };
    format!(
        "\n## Deadlines\n\n{}\n{} met, {} missed.\n",
        markdown_clocks(view),
        count(false),
        count(true)
    )
}

fn turns(view: &CaseView) -> String {
    let turns: Vec<_> = view
        .journal
        .iter()
        .filter(|entry| TURNS.iter().any(|turn| entry.event == *turn))
        .cloned()
        .collect();
    let events = if turns.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        markdown_events(&turns)
    };
    format!("\n## What changed the plan\n\n{events}")
}

fn repairs(view: &CaseView) -> String {
    let repairs: Vec<String> = view.read.iter().filter_map(repair).collect();
    let lines = if repairs.is_empty() {
        "None.\n".to_owned()
    } else {
        repairs.concat()
    };
    format!("\n## Letters that needed repair\n\n{lines}")
}

fn links(view: &CaseView) -> String {
    let mut text = "\n## Links\n\n".to_owned();
    if let Draft::Filed { advisory } = &view.line.draft {
        text.push_str(&format!("- advisory: {}\n", plain(&advisory.url)));
    }
    let links = &view.record.links;
    for link in links {
        text.push_str(&format!("- {}: {}\n", plain(&link.what), plain(&link.to)));
    }
    if !links.iter().any(|link| link.what == "introduced") {
        text.push_str("- (the change that introduced it: sealdesk case link ID introduced URL)\n");
    }
    text
}

fn what_happened(view: &CaseView) -> String {
    format!("\n## What happened\n\n{}", markdown_events(&view.journal))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nobody yet".to_owned()
    } else {
        names
            .iter()
            .map(|name| plain(name))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Who commanded something, by the accounts in the journal.
fn responders(view: &CaseView) -> Vec<String> {
    let named = view
        .journal
        .iter()
        .filter_map(|entry| entry.detail.rsplit_once("responder ").map(|(_, name)| name));
    let names: BTreeSet<&str> = named
        .filter_map(|name| name.split([' ', ',']).next())
        .filter(|name| !name.is_empty())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// What a letter's program did to it, without a word of the letter.
fn repair(letter: &LetterView) -> Option<String> {
    let reading = letter.reading.as_ref()?;
    let repaired = serde_json::to_value(reading.protection.repaired)
        .ok()?
        .as_str()
        .map(str::to_owned)?;
    Some(format!(
        "- letter {} of {}: mended what {repaired} had done to it\n",
        letter.intake,
        letter.received_at.strftime("%Y-%m-%d")
    ))
}
