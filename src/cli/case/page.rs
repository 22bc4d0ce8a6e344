//! What does a person see of cases? A table of them, and a page of one.

use crate::cli::screen::{BAD, BOLD, DIM, WARN, styled, tame};
use crate::control::{CaseLine, CaseView, LIST_MAX};
use crate::decide::Due;
use crate::model::Timestamp;
use crate::model::case::{Acknowledgement, Draft, Standing};
use crate::model::course::Lane;
use crate::model::ids::CaseId;
use crate::model::report::{Affected, Answers, Class, CreditWish, Report};
use comfy_table::{Table, TableStyle};

pub(super) fn table(lines: &[CaseLine], now: Timestamp) -> String {
    if lines.is_empty() {
        return "No open case.\n".to_owned();
    }
    // It is asked for by `--sort quality`; else nothing but what sort of report it is would stand
    // there.
    let judged = lines.iter().any(|line| !quality(line).is_empty());
    let columns = [
        "CASE",
        "ARRIVED",
        "STANDING",
        "SEVERITY",
        "ACKNOWLEDGEMENT",
        "DRAFT",
        "DUE NEXT",
        "WHOSE",
        "QUALITY",
        "SUMMARY",
    ];
    let shown = |cells: [String; 10]| {
        cells
            .into_iter()
            .enumerate()
            .filter(move |(n, _)| judged || columns[*n] != "QUALITY")
            .map(|(_, cell)| cell)
    };
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_header(shown(columns.map(str::to_owned)));
    for line in lines {
        table.add_row(shown([
            line.id.to_string(),
            line.opened_at.strftime("%Y-%m-%d %H:%M").to_string(),
            standing(&line.standing),
            line.severity.clone().unwrap_or_default(),
            acknowledgement(&line.acknowledgement),
            draft(&line.draft),
            if line.waits {
                "waits for an upstream".to_owned()
            } else {
                line.next
                    .as_ref()
                    .map_or_else(String::new, |due| due_next(due, now))
            },
            tame(line.assignee.as_deref().unwrap_or("")),
            quality(line),
            tame(line.summary.as_deref().unwrap_or("")),
        ]));
    }
    let cut = if lines.len() == LIST_MAX {
        format!("These are the first {LIST_MAX}: --sort due, --late or --assignee show others.\n")
    } else {
        String::new()
    };
    format!("{table}\n{cut}")
}

/// `72`, and what sort of report it is where that says more.
fn quality(line: &CaseLine) -> String {
    let score = line
        .quality
        .map(|score| score.to_string())
        .unwrap_or_default();
    match line.class {
        Some(class) if class != Class::Report => format!("{score} ({})", class.as_str()),
        _ => score,
    }
}

/// `fix by 11-30 16:00 UTC`, and loud where it is over.
pub(in crate::cli) fn due_next(due: &Due, now: Timestamp) -> String {
    let text = format!(
        "{} by {}",
        due.what,
        due.deadline.strftime("%m-%d %H:%M UTC")
    );
    if due.deadline < now {
        styled(BAD, &format!("{text}, late"))
    } else {
        text
    }
}

pub(in crate::cli) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Unread => "not read yet".to_owned(),
        Standing::Open => "open".to_owned(),
        Standing::NeedsHuman => "needs a human".to_owned(),
        Standing::Closed { why, .. } => format!("closed ({})", why.as_str()),
    }
}

pub(in crate::cli) fn acknowledgement(state: &Acknowledgement) -> String {
    let until = |t: &jiff::Timestamp| t.strftime("%m-%d %H:%M UTC").to_string();
    match state {
        Acknowledgement::Due { deadline, .. } => format!("due by {}", until(deadline)),
        Acknowledgement::ByHand { deadline, .. } => format!("by hand, by {}", until(deadline)),
        Acknowledgement::Sent { at, signed: true } => format!("sent {}", until(at)),
        Acknowledgement::Sent { at, signed: false } => format!("sent unsigned {}", until(at)),
        Acknowledgement::NotOwed => "none owed".to_owned(),
    }
}

pub(in crate::cli) fn draft(state: &Draft) -> String {
    match state {
        Draft::None => "none".to_owned(),
        Draft::AwaitsWord => "waits for your word".to_owned(),
        Draft::Queued => "on its way".to_owned(),
        Draft::Filed { advisory } => advisory.id.clone(),
    }
}

pub(super) fn page(view: &CaseView) -> String {
    let line = &view.line;
    let mut text = format!(
        "{}  {}\n\n",
        styled(BOLD, line.id.as_str()),
        tame(line.summary.as_deref().unwrap_or("(no summary)"))
    );
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<17}{}\n", tame(value)));
        }
    };
    field(
        "arrived",
        &line.opened_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    field("standing", &standing(&line.standing));
    field("acknowledgement", &acknowledgement(&line.acknowledgement));
    field("draft", &draft(&line.draft));
    if let Draft::Filed { advisory } = &line.draft {
        field("", &advisory.url);
    }
    if line.lane != Lane::Normal {
        field("lane", line.lane.as_str());
    }
    if let Some(due) = &line.next {
        field(
            "due next",
            &format!(
                "{} by {}",
                due.what,
                due.deadline.strftime("%Y-%m-%d %H:%M UTC")
            ),
        );
    }
    if line.waits {
        field("waits for", "an upstream's disclosure");
    }
    field("assigned to", line.assignee.as_deref().unwrap_or(""));
    field(
        "perhaps part of",
        line.perhaps_of.as_ref().map_or("", CaseId::as_str),
    );
    field(
        "likely the same",
        &line
            .likely_duplicates
            .iter()
            .map(CaseId::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    );
    if let Some(report) = &view.report {
        field("product", report.product.as_deref().unwrap_or(""));
        field("versions", &report.affected_versions.join(", "));
        field("CVE", &report.cve_ids.join(", "));
        field("CWE", &report.cwe_ids.join(", "));
        field("CVSS", report.cvss.as_deref().unwrap_or(""));
        field("severity", report.severity.as_deref().unwrap_or(""));
        let intent = serde_json::to_value(report.disclosure.intent)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default();
        field(
            "disclosure",
            &format!(
                "{intent} {}",
                report.disclosure.date.as_deref().unwrap_or("")
            ),
        );
        further(report, &mut field);
        field("quality", &quality(line));
        for evidence in &view.evidence {
            field("", evidence);
        }
        let missing: Vec<String> = report
            .missing
            .iter()
            .map(|m| format!("{m:?}").to_lowercase())
            .collect();
        field("still missing", &missing.join(", "));
    }
    for note in &view.dossier.notes {
        text.push_str(&format!(
            "\n{}\n",
            styled(
                BOLD,
                &format!(
                    "Note of {}, {}",
                    tame(&note.by),
                    note.at.strftime("%Y-%m-%d %H:%M UTC")
                )
            )
        ));
        for words in tame(&note.text).lines() {
            text.push_str(&format!("  {words}\n"));
        }
    }
    for link in &view.dossier.links {
        text.push_str(&format!("\n  {} {}\n", tame(&link.what), tame(&link.to)));
    }
    for letter in &view.read {
        text.push_str(&format!(
            "\n{}\n",
            styled(
                BOLD,
                &format!(
                    "Letter {} of {}, {} octets",
                    letter.intake,
                    letter.received_at.strftime("%Y-%m-%d %H:%M UTC"),
                    letter.octets
                )
            )
        ));
        let Some(reading) = &letter.reading else {
            text.push_str(&format!(
                "  {}\n",
                styled(WARN, &format!("{:?}", letter.state).to_lowercase())
            ));
            continue;
        };
        let signature = serde_json::to_value(reading.signature.status)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default();
        let sealed = if reading.protection.encrypted {
            "encrypted"
        } else {
            "clear"
        };
        let by = if reading.signature.signer_is_originator {
            " by its sender"
        } else {
            ""
        };
        text.push_str(&format!(
            "  from {}, {sealed}, signature {signature}{by}\n",
            tame(reading.from.as_deref().unwrap_or("nobody that can be told"))
        ));
        text.push_str(&format!(
            "  subject {}\n",
            tame(reading.subject.as_deref().unwrap_or("(none)"))
        ));
        for fault in &reading.faults {
            text.push_str(&format!("  {}\n", styled(WARN, &tame(fault))));
        }
        text.push('\n');
        for body in tame(&reading.text).lines() {
            text.push_str(&format!("  {} {body}\n", styled(DIM, "|")));
        }
        for file in &reading.attachments {
            text.push_str(&format!(
                "  attachment {} ({}, {} octets): sealdesk case attachment {} {:?}\n",
                tame(&file.name),
                tame(&file.media_type),
                file.octets,
                line.id,
                file.name
            ));
            for entry in &file.contents {
                text.push_str(&format!("    holds {}\n", tame(entry)));
            }
        }
    }
    text.push_str(&format!("\n{}\n", styled(BOLD, "Journal")));
    for entry in &view.journal {
        text.push_str(&format!(
            "  {}  {} {}\n",
            entry.at.strftime("%Y-%m-%d %H:%M:%S"),
            entry.event,
            styled(DIM, &tame(&entry.detail))
        ));
    }
    text
}

/// What else the report says.
fn further(report: &Report, field: &mut impl FnMut(&str, &str)) {
    field(
        "ranges",
        &report
            .affected
            .iter()
            .map(ranges)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
    );
    field("fixed in", &report.fixed_versions.join(", "));
    field(
        "in the source",
        &[report.files.as_slice(), report.functions.as_slice()]
            .concat()
            .join(", "),
    );
    let Answers {
        exploited,
        others_told,
        credit,
        credit_name,
    } = &report.answers;
    let told = |answer: &Option<bool>| answer.map_or("", |yes| if yes { "yes" } else { "no" });
    field("exploited", told(exploited));
    field("others told", told(others_told));
    let wish = match credit {
        Some(CreditWish::Wanted) => "wanted",
        Some(CreditWish::Anonymous) => "anonymous",
        Some(CreditWish::Declined) => "declined",
        None => "",
    };
    field(
        "credit",
        [wish, credit_name.as_deref().unwrap_or("")]
            .join(" ")
            .trim(),
    );
    field("read from", &report.read_from.join(", "));
    for (n, title) in report.vulnerabilities.iter().enumerate() {
        field(
            if n == 0 { "reports several" } else { "" },
            &format!("{}. {title}", n + 1),
        );
    }
}

/// `acme (pkg:npm/acme): from 1.0 to below 1.5.2`.
fn ranges(affected: &Affected) -> String {
    let package = affected.package.as_ref().map_or_else(String::new, |p| {
        p.purl
            .as_ref()
            .map_or_else(|| p.name.clone(), |purl| format!("{} ({purl})", p.name))
    });
    let ranges = affected
        .ranges
        .iter()
        .map(|range| match (&range.fixed, &range.last_affected) {
            (Some(fixed), _) => format!("from {} to below {fixed}", range.introduced),
            (_, Some(last)) => format!("from {} to {last}", range.introduced),
            _ => format!("from {} on", range.introduced),
        });
    let all: Vec<String> = ranges.chain(affected.versions.iter().cloned()).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!("{package}: {}", all.join(", "))
    }
}
