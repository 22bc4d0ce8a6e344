//! What does a person see of many cases? A table of them: one line a case, with what it needs next.

use crate::cli::layout::{self, cut};
use crate::cli::screen::one_line;
use crate::compose::{acknowledgement, draft_state, due_in, standing};
use crate::control::CaseLine;
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Draft, Standing};
use crate::model::report::Class;
use comfy_table::{Attribute, Cell, Color};

/// Columns of a name; a longer one is cut.
const NAME_COLUMNS: usize = 10;

/// A terminal of so many columns shows more of each case than its summary.
const WIDE_COLUMNS: usize = 120;

/// What the marked words of the column NEXT mean.
const LEGEND: &str = "\
    ! is yours: answer (case reply), look (case show), confirm (case file)\n";

/// What a case needs next.
struct Next {
    text: String,
    /// Nothing moves until a responder decides.
    is_yours: bool,
}

impl Next {
    fn yours(what: &str) -> Self {
        Self {
            text: format!("! {what}"),
            is_yours: true,
        }
    }

    fn of_desk(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_yours: false,
        }
    }

    fn of(line: &CaseLine) -> Self {
        match (&line.standing, &line.acknowledgement, &line.draft) {
            (Standing::Closed { .. }, ..) => Self::of_desk(standing(&line.standing)),
            // The promise of 24 hours comes before everything else.
            (_, Acknowledgement::ByHand { .. }, _) => Self::yours("answer"),
            (Standing::NeedsHuman, ..) => Self::yours("look"),
            (_, _, Draft::AwaitsConfirmation) => Self::yours("confirm"),
            (Standing::Unread, ..) => Self::of_desk("reading"),
            _ if line.waits => Self::of_desk("upstream"),
            _ => match &line.next {
                Some(due) if due.what == "acknowledgement" => Self::of_desk("acknowledge"),
                Some(due) => Self::of_desk(due.what.clone()),
                None => Self::of_desk(""),
            },
        }
    }
}

/// The table for a terminal of so many columns; without columns nothing is cut, and there are more
/// of them.
pub(super) fn table(lines: &[CaseLine], now: Timestamp, columns: Option<usize>) -> String {
    if lines.is_empty() {
        return "No such case. `--all` lists closed ones too.\n".to_owned();
    }
    let is_wide = columns.is_none_or(|columns| columns >= WIDE_COLUMNS);
    let shown = Shown {
        arrived: is_wide,
        states: columns.is_none(),
        draft: is_wide,
        whose: columns.is_none() || lines.iter().any(|line| line.assignee.is_some()),
        quality: lines.iter().any(|line| line.quality.is_some()),
    };
    let rows = lines.iter().map(|line| shown.row(line, now, columns));
    let mut text = layout::table(&shown.header(), rows.collect(), columns);
    if lines.iter().any(|line| Next::of(line).is_yours) {
        text.push_str(&format!("\n{LEGEND}"));
    }
    text
}

/// Which columns there are beside those that are always there.
struct Shown {
    arrived: bool,
    /// Where it stands, and its acknowledgement.
    states: bool,
    draft: bool,
    whose: bool,
    /// It is asked for by `--sort quality`.
    quality: bool,
}

impl Shown {
    fn header(&self) -> Vec<&'static str> {
        let columns = [
            ("CASE", true),
            ("ARRIVED", self.arrived),
            ("STANDING", self.states),
            ("DUE", true),
            ("NEXT", true),
            ("SEVERITY", true),
            ("ACKNOWLEDGEMENT", self.states),
            ("DRAFT", self.draft),
            ("WHOSE", self.whose),
            ("QUALITY", self.quality),
            ("SUMMARY", true),
        ];
        let shown = columns.into_iter().filter(|(_, shown)| *shown);
        shown.map(|(name, _)| name).collect()
    }

    fn row(&self, line: &CaseLine, now: Timestamp, columns: Option<usize>) -> Vec<Cell> {
        let name = |text: &str| match columns {
            Some(_) => cut(&one_line(text), NAME_COLUMNS),
            None => one_line(text),
        };
        let arrived = || line.opened_at.strftime("%Y-%m-%d %H:%M").to_string();
        let cells = [
            (true, Cell::new(line.id.as_str())),
            (self.arrived, Cell::new(arrived())),
            (self.states, Cell::new(standing(&line.standing))),
            (true, due(line, now)),
            (true, next(line)),
            (true, Cell::new(line.severity.as_deref().unwrap_or(""))),
            (
                self.states,
                Cell::new(acknowledgement(&line.acknowledgement)),
            ),
            (self.draft, Cell::new(one_line(&draft_state(&line.draft)))),
            (
                self.whose,
                Cell::new(name(line.assignee.as_deref().unwrap_or(""))),
            ),
            (
                self.quality,
                Cell::new(
                    line.quality
                        .map(|score| score.to_string())
                        .unwrap_or_default(),
                ),
            ),
            (true, Cell::new(summary(line))),
        ];
        let shown = cells.into_iter().filter(|(shown, _)| *shown);
        shown.map(|(_, cell)| cell).collect()
    }
}

fn due(line: &CaseLine, now: Timestamp) -> Cell {
    let Some(due) = line.next.as_ref().filter(|_| !line.waits) else {
        return Cell::new("");
    };
    match due_in(due.deadline, now) {
        (text, true) => Cell::new(text).fg(Color::Red),
        (text, false) => Cell::new(text),
    }
}

fn next(line: &CaseLine) -> Cell {
    let next = Next::of(line);
    if next.is_yours {
        Cell::new(next.text).add_attribute(Attribute::Bold)
    } else {
        Cell::new(next.text)
    }
}

/// The summary, and before it what sort of report it is where that says more.
fn summary(line: &CaseLine) -> String {
    let summary = one_line(line.summary.as_deref().unwrap_or(""));
    match line.class {
        Some(class) if class != Class::Report => format!("[{}] {summary}", class.as_str()),
        _ => summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::layout::width;

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn line(id: &str, summary: &str, more: serde_json::Value) -> CaseLine {
        let mut written = serde_json::json!({
            "id": id, "opened_at": "2026-11-22T12:00:00Z", "standing": {"state": "open"},
            "summary": summary, "severity": "critical", "quality": null, "class": "report",
            "acknowledgement": {"state": "not-owed"}, "draft": {"state": "none"},
            "perhaps_of": null, "lane": "normal", "waits": false,
            "next": {"what": "fix-team", "deadline": "2026-11-24T11:00:00Z"},
            "assignee": null, "likely_duplicates": [], "letters": 1,
        });
        let fields = written.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        serde_json::from_value(written).unwrap()
    }

    fn written(columns: Option<usize>) -> String {
        let lines = [
            line(
                "SD-YG2MH6HYPJ",
                "Path traversal in acme-web 2.3.1 reads any file of the service user, without login",
                serde_json::json!({"draft": {"state": "awaits-word"}, "assignee": "rita"}),
            ),
            line(
                "SD-V1CQ4A031P",
                "漏洞在登录页面漏洞在登录页面漏洞在登录页面漏洞在登录页面漏洞在登录页面",
                serde_json::json!({
                    "next": {"what": "acknowledgement", "deadline": "2026-11-23T11:00:00Z"},
                    "acknowledgement": {
                        "state": "by-hand", "deadline": "2026-11-23T11:00:00Z", "called": "no",
                    },
                    "assignee": "somebody-with-a-long-name",
                }),
            ),
            line(
                "SD-K91HZCF4FP",
                "a summary\nof two lines",
                serde_json::json!({"standing": {"state": "needs-human"}, "severity": null}),
            ),
            line(
                "SD-M8GKFQ2EZ0",
                "Please put us on your list",
                serde_json::json!({"class": "application", "severity": null}),
            ),
        ];
        table(&lines, NOW.parse().unwrap(), columns)
    }

    #[test]
    fn a_case_takes_one_line_of_the_terminal_and_its_summary_is_readable() {
        let text = written(Some(80));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7, "{text}");
        assert!(lines.iter().all(|line| width(line) <= 80), "{text}");
        assert!(
            lines[1].contains("Path traversal in") && lines[1].ends_with('…'),
            "{text}"
        );
        assert!(
            lines[2].contains("漏洞在登录页面") && lines[2].ends_with('…'),
            "{text}"
        );
        assert!(lines[3].ends_with("a summary of two lines"), "{text}");
        assert!(lines[4].contains("[application] Please"), "{text}");
    }

    #[test]
    fn what_a_responder_must_decide_is_marked() {
        let text = written(Some(80));
        for (id, next) in [
            ("SD-YG2MH6HYPJ", "in 23 h ! confirm"),
            ("SD-V1CQ4A031P", "late 1 h ! answer"),
            ("SD-K91HZCF4FP", "in 23 h ! look"),
            ("SD-M8GKFQ2EZ0", "in 23 h fix-team"),
        ] {
            let line = text.lines().find(|line| line.starts_with(id)).unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            assert!(words.join(" ").contains(next), "{line}");
        }
        assert!(text.contains("is yours"), "{text}");
        let open = [line("SD-M8GKFQ2EZ0", "x", serde_json::json!({}))];
        assert!(!table(&open, NOW.parse().unwrap(), Some(80)).contains("is yours"));
    }

    #[test]
    fn where_no_terminal_is_nothing_is_cut() {
        let text = written(None);
        assert!(
            text.contains("of the service user, without login\n"),
            "{text}"
        );
        assert!(
            text.contains("STANDING") && text.contains("somebody-with-a-long-name"),
            "{text}"
        );
        assert!(!text.contains('…'), "{text}");
    }
}
