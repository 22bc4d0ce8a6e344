//! What can be learnt from a case? A blameless draft from its journal, for people to go on with.

use crate::cli::case::timeline::{markdown_clocks, markdown_events, plain};
use crate::control::{CaseView, LetterView};
use crate::decide::DeadlineState;
use std::collections::BTreeSet;

/// Events that changed the plan.
const TURNS: [&str; 8] = [
    "lane changed",
    "deadline moved",
    "skipped",
    "waits for an upstream",
    "goes on",
    "release day",
    "release day despite",
    "disclosure",
];

/// Markdown. The reporter is named only where the team credited them.
pub(super) fn draft(view: &CaseView) -> String {
    let line = &view.line;
    let mut text = format!("# Retrospective of {}\n\n", line.id);
    if let Some(summary) = &line.summary {
        text.push_str(&format!("{}.\n\n", plain(summary).trim_end_matches('.')));
    }
    text.push_str(
        "This is about how we work, not about who did what wrong: everybody acted well \
        with what they knew then.\n",
    );

    text.push_str("\n## People\n\n");
    let credited: Vec<String> = view
        .dossier
        .credits
        .iter()
        .map(|c| format!("{} ({})", plain(c.shown()), plain(&c.kind)))
        .collect();
    text.push_str(&format!(
        "- Credited: {}\n",
        if credited.is_empty() {
            "nobody yet".to_owned()
        } else {
            credited.join(", ")
        }
    ));
    text.push_str(&format!("- Security team: {}\n", listed(&responders(view))));
    let fix_team: Vec<String> = view
        .dossier
        .collaborators
        .users
        .iter()
        .chain(&view.dossier.collaborators.teams)
        .cloned()
        .collect();
    text.push_str(&format!(
        "- Fix team, beside those of the config: {}\n",
        listed(&fix_team)
    ));
    if let Some(assignee) = &line.assignee {
        text.push_str(&format!("- In charge: {}\n", plain(assignee)));
    }

    text.push_str("\n## Deadlines\n\n");
    text.push_str(&markdown_clocks(view));
    let late = view
        .clocks
        .iter()
        .filter(|c| matches!(c.state, DeadlineState::Stopped { late: true, .. }))
        .count();
    let met = view
        .clocks
        .iter()
        .filter(|c| matches!(c.state, DeadlineState::Stopped { late: false, .. }))
        .count();
    text.push_str(&format!("\n{met} met, {late} missed.\n"));

    let turns: Vec<_> = view
        .journal
        .iter()
        .filter(|entry| TURNS.contains(&entry.event.as_str()))
        .cloned()
        .collect();
    text.push_str("\n## What changed the plan\n\n");
    text.push_str(&if turns.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        markdown_events(&turns)
    });

    text.push_str("\n## Letters that needed repair\n\n");
    let repairs: Vec<String> = view.read.iter().filter_map(repair).collect();
    text.push_str(&if repairs.is_empty() {
        "None.\n".to_owned()
    } else {
        repairs.concat()
    });

    text.push_str("\n## Links\n\n");
    if let crate::model::case::Draft::Filed { advisory } = &line.draft {
        text.push_str(&format!("- advisory: {}\n", plain(&advisory.url)));
    }
    for link in &view.dossier.links {
        text.push_str(&format!("- {}: {}\n", plain(&link.what), plain(&link.to)));
    }
    if !view
        .dossier
        .links
        .iter()
        .any(|link| link.what == "introduced")
    {
        text.push_str("- (the change that introduced it: sealdesk case link ID introduced URL)\n");
    }

    text.push_str("\n## What happened\n\n");
    text.push_str(&markdown_events(&view.journal));
    text.push_str("\n## What went well\n\n-\n\n## What we change\n\n-\n");
    text
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

/// Who said a word, by the accounts in the journal.
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
