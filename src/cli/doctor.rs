//! `sealdesk doctor`: what somebody needs who is to find a fault, and nothing that must not leave.
//!
//! Whatever a text may hold is left out: names, addresses, hosts, paths, ids, what a server said.
//! What stays is numbers, the words of our own config, and the fixed phrases of our own log.

use crate::cli::{exit, log, screen};
use crate::config::{self, Settings};
use crate::control::{self, Request, Status};
use anyhow::Result;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Lines of the journal that are counted.
const LINES_MAX: &str = "5000";

/// Writes what a bug report needs, and nothing confidential: versions, the shape of the config,
/// counts, faults by kind, the units' state
#[derive(Args)]
pub struct Doctor {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
    config: PathBuf,
}

/// What cannot be found out is said in the text: it fails only where nothing can be printed.
pub async fn run(args: Doctor) -> Result<u8> {
    let mut text = format!("# Sealdesk\n\n{}\n", crate::cli::version().1);
    let kernel =
        said(Command::new("uname").args(["--kernel-name", "--kernel-release", "--machine"]));
    text.push_str(&format!(
        "\n# Machine\n\n{kernel}\n{}\n",
        said(Command::new("systemctl").arg("--version"))
            .lines()
            .next()
            .unwrap_or("no systemd")
    ));
    match config::load(&args.config) {
        Ok(settings) => {
            text.push_str(&format!(
                "\n# Config\n\n{}\n",
                config::shape(&settings).join("\n")
            ));
            text.push_str(&of_desk(&settings).await);
            text.push_str(&of_state(&settings));
        }
        // What is wrong may quote the file.
        Err(_) => text
            .push_str("\n# Config\n\nit cannot be read: sealdesk check --config-only says why\n"),
    }
    text.push_str(&of_units());
    text.push_str(&of_log());
    screen::print(&text)?;
    Ok(exit::GOOD)
}

/// The output of a program; empty where it is not there.
fn said(command: &mut Command) -> String {
    command
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

async fn of_desk(settings: &Settings) -> String {
    let asked = control::ask(&settings.state, &Request::Status).await;
    let Ok(Some(Ok(status))) = asked.map(|answer| answer.map(serde_json::from_value::<Status>))
    else {
        return "\n# Desk\n\nit does not answer\n".to_owned();
    };
    let t = &status.tally;
    let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
    // `mailbox NAME`, `acknowledge:ID (tried …)`: the first word says which part of the desk it is.
    for fault in &status.faults {
        *faults
            .entry(fault.what.split([' ', ':']).next().unwrap_or_default())
            .or_default() += 1;
    }
    let faults: Vec<String> = faults
        .iter()
        .map(|(what, n)| format!("{what}: {n}"))
        .collect();
    let lost = status
        .canaries
        .iter()
        .filter(|line| line.settled_at.is_none() || line.fault.is_some())
        .count();
    format!(
        "\n# Desk\n\nletters: {} received, {} unread, {} shut, {} set aside, {} old\ncases: {} \
         open of {}\nacknowledgements pending: {}\noutbox: {} pending, {} given up, {} perhaps \
         sent twice\ndrafts: {} filed, {} wait, {} doubled\nkeys held: {}\ncanaries: {} sent, \
         {lost} lost\nfaults: {}\n",
        t.letters,
        t.unread,
        t.shut,
        t.set_aside,
        t.old,
        t.cases_open,
        t.cases,
        t.acknowledgements_pending,
        t.effects_pending,
        t.effects_given_up,
        t.sent_twice_perhaps,
        t.drafts_filed,
        t.drafts_waiting,
        t.drafts_doubled,
        status.opener.len(),
        status.canaries.len(),
        if faults.is_empty() {
            "none".to_owned()
        } else {
            faults.join(", ")
        },
    )
}

fn of_state(settings: &Settings) -> String {
    let octets = |name: &str| {
        settings
            .state
            .join(name)
            .symlink_metadata()
            .map_or(0, |found| found.len())
    };
    let count = |name: &str| {
        std::fs::read_dir(settings.state.join(name))
            .map_or_else(|_| "?".to_owned(), |files| files.count().to_string())
    };
    let free = nix::sys::statvfs::statvfs(&settings.state)
        .map_or(0, |disk| disk.blocks_available() * disk.fragment_size());
    format!(
        "\n# State\n\nstore: {} octets, its log {} octets\nspool: {} files, {} set apart\nfree: \
         {} MiB\n",
        octets("desk.sqlite"),
        octets("desk.sqlite-wal"),
        count("spool"),
        count("lost"),
        free / (1024 * 1024),
    )
}

fn of_units() -> String {
    let mut text = "\n# Units\n\n".to_owned();
    for unit in [
        "sealdesk.service",
        "sealdesk-opener.service",
        "sealdesk-opener.socket",
        "sealdesk-page.service",
        "sealdesk-page.socket",
        "sealdesk-backup.timer",
    ] {
        let properties = "LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus";
        let shown = said(Command::new("systemctl").args(["show", unit, "--property", properties]));
        text.push_str(&format!(
            "{unit}: {}\n",
            if shown.is_empty() {
                "not known".to_owned()
            } else {
                shown.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        ));
    }
    text
}

/// How often each of our fixed phrases was said.
fn of_log() -> String {
    let lines = said(
        Command::new("journalctl")
            .args([
                "--unit=sealdesk",
                "--output=json",
                "--no-pager",
                "--lines",
                LINES_MAX,
                "--output-fields",
            ])
            .arg(format!("{},PRIORITY", log::PHRASE)),
    );
    let mut phrases: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    {
        if let (Some(priority), Some(phrase)) =
            (line["PRIORITY"].as_str(), line[log::PHRASE].as_str())
        {
            *phrases
                .entry((priority.to_owned(), phrase.to_owned()))
                .or_default() += 1;
        }
    }
    let lines: String = phrases
        .iter()
        .map(|((priority, phrase), n)| format!("{n} × <{priority}> {phrase}\n"))
        .collect();
    format!(
        "\n# Log, the last {LINES_MAX} lines\n\n{}",
        if lines.is_empty() {
            "none\n".to_owned()
        } else {
            lines
        }
    )
}
