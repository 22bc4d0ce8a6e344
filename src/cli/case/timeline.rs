//! What happened in a case, and what is still to come? For a terminal, and as Markdown for a
//! retrospective.

use crate::cli::case::state_text::{acknowledgement, standing};
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, WARN, styled, tame};
use crate::control::CaseView;
use crate::decide::{Deadline, DeadlineState};
use crate::model::Timestamp;
use crate::model::course::Step;
use crate::ports::JournalLine;

fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn name(step: Step) -> &'static str {
    match step {
        Step::FixTeam => "fix team formed",
        Step::Fix => "fix complete",
        Step::Release => "released",
        Step::Retrospective => "retrospective sent",
    }
}

/// What a clock says of itself, without its deadline.
fn told(clock: &Deadline, now: Option<Timestamp>) -> String {
    match clock.state {
        DeadlineState::Stopped { at, late: false } => format!("done {}", when(at)),
        DeadlineState::Stopped { at, late: true } => format!("done {}, late", when(at)),
        DeadlineState::Waiting => "stands still".to_owned(),
        DeadlineState::PassedOver => "passed over".to_owned(),
        DeadlineState::Running if now.is_some_and(|now| now >= clock.deadline) => "late".to_owned(),
        DeadlineState::Running => "open".to_owned(),
    }
}

pub(super) fn page(view: &CaseView, now: Timestamp) -> String {
    let line = &view.line;
    let mut text = format!(
        "{}  {}, {} lane\n\n",
        styled(BOLD, line.id.as_str()),
        standing(&line.standing),
        line.lane.as_str()
    );
    text.push_str(&format!(
        "  {:<20}{}\n",
        "acknowledgement",
        acknowledgement(&line.acknowledgement)
    ));
    for clock in &view.clocks {
        let style = match clock.state {
            DeadlineState::Stopped { late: false, .. } => GOOD,
            DeadlineState::Stopped { late: true, .. } | DeadlineState::Waiting => WARN,
            DeadlineState::Running if now >= clock.deadline => BAD,
            DeadlineState::Running | DeadlineState::PassedOver => DIM,
        };
        text.push_str(&format!(
            "  {:<20}{}  by {} ({})\n",
            name(clock.step),
            styled(style, &format!("{:<28}", told(clock, Some(now)))),
            when(clock.deadline),
            clock.because.sentence()
        ));
    }
    if let Some(day) = view.course.announced {
        text.push_str(&format!("\n  The reporter publishes on {day}.\n"));
    }
    text.push('\n');
    for entry in &view.journal {
        text.push_str(&format!(
            "  {}  {} {}\n",
            when(entry.at),
            entry.event.as_str(),
            styled(DIM, &tame(&entry.detail))
        ));
    }
    text
}

/// A stranger's text inside a table or list of Markdown: no markup of its own.
pub(super) fn plain(text: &str) -> String {
    let escaped: String = tame(text)
        .chars()
        .flat_map(|c| {
            matches!(
                c,
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '@' | '!'
            )
            .then_some('\\')
            .into_iter()
            .chain([c])
        })
        .collect();
    escaped.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn markdown_clocks(view: &CaseView) -> String {
    let mut text = "| Step | By | Set by | State |\n|---|---|---|---|\n".to_owned();
    text.push_str(&format!(
        "| acknowledgement | | the policy | {} |\n",
        acknowledgement(&view.line.acknowledgement)
    ));
    for clock in &view.clocks {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            name(clock.step),
            when(clock.deadline),
            clock.because.sentence(),
            told(clock, None)
        ));
    }
    text
}

pub(super) fn markdown_events(events: &[JournalLine]) -> String {
    let one = |entry: &JournalLine| {
        let detail = if entry.detail.is_empty() {
            String::new()
        } else {
            format!(": {}", plain(&entry.detail))
        };
        format!("- {} — {}{detail}\n", when(entry.at), entry.event.as_str())
    };
    events.iter().map(one).collect()
}

/// The timeline of a case.
pub(super) fn markdown(view: &CaseView) -> String {
    let line = &view.line;
    let mut text = format!("# Timeline of {}\n\n", line.id);
    if let Some(summary) = &line.summary {
        text.push_str(&format!("{}\n\n", plain(summary)));
    }
    text.push_str(&markdown_clocks(view));
    text.push_str("\n## What happened\n\n");
    text.push_str(&markdown_events(&view.journal));
    if !view.record.links.is_empty() {
        text.push_str("\n## Links\n\n");
        for link in &view.record.links {
            text.push_str(&format!("- {}: {}\n", plain(&link.what), plain(&link.to)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_are_no_markup() {
        assert_eq!(
            plain("a|b *c* [d](e)\n# @f"),
            "a\\|b \\*c\\* \\[d\\](e) \\# \\@f"
        );
    }
}
