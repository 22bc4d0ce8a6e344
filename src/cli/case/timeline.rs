//! What happened in a case, and what is still to come? For a terminal, and as Markdown for a
//! retrospective.

use crate::cli::case::event_text;
use crate::cli::layout::paragraph;
use crate::cli::screen::{BAD, BOLD, DIM, GOOD, WARN, styled, tame};
use crate::compose::{acknowledgement, standing};
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

/// For a terminal of so many columns. What is said of a clock without its time zone is in UTC.
pub(super) fn page(view: &CaseView, now: Timestamp, columns: Option<usize>) -> String {
    let line = &view.line;
    let mut text = format!(
        "{}  {}, {} lane; times are UTC\n\n",
        styled(BOLD, line.id.as_str()),
        standing(&line.standing),
        line.lane.as_str()
    );
    text.push_str(&row(
        "acknowledgement",
        &acknowledgement(&line.acknowledgement),
        columns,
    ));
    for clock in &view.clocks {
        let style = match clock.state {
            DeadlineState::Stopped { late: false, .. } => GOOD,
            DeadlineState::Stopped { late: true, .. } | DeadlineState::Waiting => WARN,
            DeadlineState::Running if now >= clock.deadline => BAD,
            DeadlineState::Running | DeadlineState::PassedOver => DIM,
        };
        let (told, link) = match clock.state {
            DeadlineState::Stopped { late: true, .. } => (short(clock, now), "; was due"),
            _ => (format!("{:<22}", short(clock, now)), " by"),
        };
        let told = format!(
            "{}{link} {} ({})",
            styled(style, &told),
            to_the_minute(clock.deadline),
            clock.because.sentence()
        );
        text.push_str(&row(name(clock.step), &told, columns));
    }
    if let Some(day) = view.course.announced {
        text.push_str(&format!("\n  The reporter publishes on {day}.\n"));
    }
    text.push('\n');
    text.push_str(&event_text::events(&view.journal, columns));
    text
}

fn to_the_minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// What a clock says of itself, where all times are UTC.
fn short(clock: &Deadline, now: Timestamp) -> String {
    told(clock, Some(now)).replace(" UTC", "")
}

/// A clock, and what it says.
fn row(name: &str, told: &str, columns: Option<usize>) -> String {
    paragraph(&format!("  {name:<19}"), &" ".repeat(21), told, columns)
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

    /// A case in its second week, with a late step.
    fn view() -> CaseView {
        let clock = |step: &str, deadline: &str, state: serde_json::Value| {
            let mut clock = serde_json::json!({
                "step": step, "opens": "2026-11-23T17:50:00Z", "deadline": deadline,
                "because": "announced",
            });
            let fields = clock.as_object_mut().unwrap();
            fields.extend(state.as_object().unwrap().clone());
            clock
        };
        let done =
            serde_json::json!({"state": "stopped", "at": "2026-11-25T18:00:00Z", "late": true});
        let running = serde_json::json!({"state": "running"});
        let event = |event: &str, detail: &str| serde_json::json!({"at": "2026-11-23T17:50:00Z", "event": event, "detail": detail});
        let view = serde_json::json!({
            "id": "SD-YG2MH6HYPJ", "opened_at": "2026-11-23T17:50:00Z",
            "standing": {"state": "open"}, "summary": "Path traversal", "severity": "high",
            "quality": null, "class": "report", "acknowledgement": {"state": "not-owed"},
            "draft": {"state": "none"}, "perhaps_of": null, "lane": "normal", "waits": false,
            "next": null, "assignee": null, "likely_duplicates": [], "letters": 1,
            "report": null, "evidence": [],
            "clocks": [
                clock("fix-team", "2026-11-24T17:50:00Z", done),
                clock("release", "2026-12-14T17:50:00Z", running),
            ],
            "course": crate::model::course::Course::default(),
            "dossier": crate::model::case_record::CaseRecord::default(), "read": [],
            "journal": [
                event("case opened", "7"),
                event("acknowledged", "56b086c0886a6fce7e6eb36a5bdec205@security.demo.example"),
                event("deadline moved", "release: 2026-12-14 17:50 UTC to 2026-12-20 17:50 UTC, \
                    because of what is known of disclosure"),
            ],
        });
        serde_json::from_value(view).unwrap()
    }

    #[test]
    fn a_timeline_is_sentences_that_fit_the_terminal() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let text = anstream::adapter::strip_str(&page(&view(), now, Some(80))).to_string();
        for line in [
            "  2026-11-23 17:50  Letter 7 opened the case.\n",
            "  fix team formed    done 2026-11-25 18:00, late; was due 2026-11-24 17:50 (what\n",
            "  released           open                   by 2026-12-14 17:50 (what is known\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing from\n{text}");
        }
        let widest = text.lines().map(crate::cli::layout::width).max();
        assert!(widest.unwrap() <= 80, "{text}");
    }

    #[test]
    fn a_strangers_words_are_no_markup() {
        assert_eq!(
            plain("a|b *c* [d](e)\n# @f"),
            "a\\|b \\*c\\* \\[d\\](e) \\# \\@f"
        );
    }
}
