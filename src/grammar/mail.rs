//! How is a command written in a responder's letter? As on the command line, behind a slash, about
//! the case that the letter answers.

use super::{CaseVerb, on_day};
use crate::model::case_command::{CaseCommand, CommandLine};
use crate::model::ids::CaseId;
use anyhow::{Result, anyhow, bail};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Columns of help that is read in a mail program.
const LETTER_WIDTH: usize = 72;

#[derive(Parser)]
#[command(bin_name = "", no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true, term_width = LETTER_WIDTH, about = "Each \
    command on a line of its own at the top of your answer:")]
struct Line {
    #[command(subcommand)]
    verb: MailVerb,
}

#[derive(Subcommand)]
enum MailVerb {
    /// Writes a note, kept sealed
    Note { id: String, text: String },
    /// Agrees on a release day
    ReleaseDate {
        id: String,
        /// The day, or the moment, on which you agreed
        #[arg(required_unless_present = "clear")]
        day: Option<String>,
        /// Takes the agreed day back
        #[arg(long, conflicts_with = "day")]
        clear: bool,
        /// Agrees although something speaks against it
        #[arg(long, requires = "day")]
        despite: bool,
    },
    #[command(flatten)]
    Plain(CaseVerb),
}

impl MailVerb {
    fn command(self, hour_utc: i8) -> Result<CaseCommand> {
        Ok(match self {
            Self::Note { text, .. } => CaseCommand::Note { text },
            Self::ReleaseDate { day, despite, .. } => CaseCommand::ReleaseDay {
                at: day.map(|day| on_day(&day, hour_utc)).transpose()?,
                despite_objections: despite,
            },
            Self::Plain(verb) => verb.command()?.1,
        })
    }
}

/// The grammar of a line.
fn grammar() -> Command {
    let help = || {
        Arg::new("help")
            .long("help")
            .action(ArgAction::Help)
            .hide(true)
    };
    Line::command().mut_subcommands(|verb| verb.disable_help_flag(true).arg(help()))
}

/// Parses one line of a letter about this case: nobody need write its id, and whoever does names no
/// other. A release day without an hour is at `hour_utc`.
pub fn parse_line(case: &CaseId, line: &str, hour_utc: i8) -> Result<CommandLine, String> {
    parse(case, line, hour_utc).map_err(|why| format!("{why:#}"))
}

fn parse(case: &CaseId, command: &str, hour_utc: i8) -> Result<CommandLine> {
    let command = command.strip_prefix('/').unwrap_or(command).trim();
    let (verb, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let verb = verb.to_lowercase();
    let mut words = match verb.as_str() {
        // A note is a sentence, apostrophes and all.
        "note" => vec![rest.trim().to_owned()],
        _ => split(&straightened(rest))?,
    };
    if verb == "help" {
        words.push("--help".to_owned());
        return help(&words);
    }
    let (first, others) = words
        .first()
        .map_or("", String::as_str)
        .split_once(' ')
        .unwrap_or((words.first().map_or("", String::as_str), ""));
    match CaseId::parse(&first.to_uppercase()) {
        // The other case is what it is about.
        Ok(_) if verb == "duplicate-of" && words.len() == 1 => {}
        Ok(named) if named != *case => bail!("it names {named}, and this letter is about {case}"),
        Ok(_) if verb == "note" => words = vec![others.trim().to_owned()],
        Ok(_) => drop(words.remove(0)),
        Err(_) => {}
    }
    if verb == "note" {
        words.insert(0, "--".to_owned());
    }
    let line = [verb, case.to_string()].into_iter().chain(words);
    match grammar()
        .try_get_matches_from(line)
        .and_then(|matches| Line::from_arg_matches(&matches))
    {
        Ok(line) => Ok(CommandLine::Execute(line.verb.command(hour_utc)?)),
        Err(err) if err.kind() == ErrorKind::DisplayHelp => {
            Ok(CommandLine::Help(as_in_a_letter(&err.render().to_string())))
        }
        Err(err) => bail!(as_in_a_letter(&err.render().to_string())),
    }
}

fn help(words: &[String]) -> Result<CommandLine> {
    let told = match grammar().try_get_matches_from(words) {
        _ if words.len() == 1 => grammar().render_help().to_string(),
        Err(err) => err.render().to_string(),
        Ok(_) => String::new(),
    };
    Ok(CommandLine::Help(as_in_a_letter(&told)))
}

/// Words as a shell parts them, where `#` begins no comment.
fn split(text: &str) -> Result<Vec<String>> {
    const HASH: &str = "\u{1}";
    let words = shlex::split(&text.replace('#', HASH))
        .ok_or_else(|| anyhow!("a quotation mark in it is not closed"))?;
    Ok(words
        .into_iter()
        .map(|word| word.replace(HASH, "#"))
        .collect())
}

/// Quotation marks and dashes as they were before a mail program made them pretty.
fn straightened(command: &str) -> String {
    let plain: String = command
        .chars()
        .map(|c| match c {
            '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    let option = |word: &str| match word.strip_prefix(['\u{2013}', '\u{2014}']) {
        Some(name) if name.starts_with(|c: char| c.is_ascii_lowercase()) => format!("--{name}"),
        _ => word.to_owned(),
    };
    plain
        .trim()
        .split(' ')
        .map(option)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What clap says, in the words of a letter: nobody need write the id, and every command has its
/// slash.
fn as_in_a_letter(text: &str) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| line.trim() != "<ID>")
        .map(|line| line.replace(" <ID>", ""))
        .collect();
    if let Some(empty) = lines
        .windows(2)
        .position(|pair| pair[0] == "Arguments:" && pair[1].is_empty())
    {
        lines.drain(empty..empty + 2);
    }
    lines.retain(|line| !line.starts_with("For more information"));
    for line in &mut lines {
        if let Some(usage) = line.strip_prefix("Usage:") {
            *line = format!("Usage: /{}", usage.trim_start());
        }
    }
    format!(
        "{}\n\n\"/help\" lists what can be said, \"/help set\" tells more of one.",
        lines.join("\n").trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::case::Closing;

    fn case() -> CaseId {
        CaseId::from_random([7; 10])
    }

    fn command(line: &str) -> CaseCommand {
        match parse(&case(), line, 16) {
            Ok(CommandLine::Execute(command)) => command,
            Ok(CommandLine::Help(text)) => panic!("{text}"),
            Err(why) => panic!("{why:#}"),
        }
    }

    fn refused(command: &str) -> String {
        format!("{:#}", parse(&case(), command, 16).err().unwrap())
    }

    #[test]
    fn a_letter_says_what_the_command_line_says() {
        let assign = || CaseCommand::Assign {
            to: "rita".to_owned(),
        };
        let (id, other) = (case(), CaseId::from_random([9; 10]));
        let lower = id.to_string().to_lowercase();
        assert_eq!(command("/assign rita"), assign());
        assert_eq!(command(&format!("/assign {id} rita")), assign());
        assert_eq!(command(&format!("/Assign {lower} rita")), assign());
        let note = |text: &str| CaseCommand::Note {
            text: text.to_owned(),
        };
        let rows = [
            (
                "/note - see #45 – really --help",
                "- see #45 – really --help",
            ),
            (&format!("/note {id} is fine"), "is fine"),
            (
                "/note Don't merge \"this\" yet -- wait",
                "Don't merge \"this\" yet -- wait",
            ),
        ];
        for (line, text) in rows {
            assert_eq!(command(line), note(text));
        }
        let rejected = |note: &str| CaseCommand::Close {
            why: Closing::Rejected,
            note: Some(note.to_owned()),
            of: None,
        };
        assert_eq!(command("/close rejected --note #45"), rejected("#45"));
        assert_eq!(
            command("/close rejected --note “not ours”"),
            rejected("not ours")
        );
        let duplicate = CaseCommand::Close {
            why: Closing::Duplicate,
            note: None,
            of: Some(other.clone()),
        };
        assert_eq!(command(&format!("/duplicate-of {other}")), duplicate);
        assert!(refused(&format!("/credit {other} --name Bob")).contains("is about"));
        let CaseCommand::Set { assessment } =
            command("/set —severity high --affected 'before 1.5.2'")
        else {
            panic!()
        };
        assert_eq!(
            (
                assessment.severity.as_deref(),
                assessment.affected_versions.unwrap().len()
            ),
            (Some("high"), 1)
        );
        let release = CaseCommand::ReleaseDay {
            at: Some("2026-12-03T16:00:00Z".parse().unwrap()),
            despite_objections: false,
        };
        assert_eq!(command("/release-date 2026-12-03"), release);
        assert!(matches!(
            command("/release-date --clear"),
            CaseCommand::ReleaseDay { at: None, .. }
        ));
    }

    #[test]
    fn what_is_not_understood_is_told_in_the_words_of_a_letter() {
        let told = refused("/asign rita");
        assert!(
            told.contains("unrecognized subcommand 'asign'")
                && told.contains("/help")
                && !told.contains("--help"),
            "{told}"
        );
        let told = refused("/reach");
        assert!(
            told.contains("Usage: /reach") && !told.contains("ID"),
            "{told}"
        );
        assert!(refused("/set --summary \"open").contains("not closed"));
        for nothing in ["/", "/#x", "/\u{a0}", "/ # todo"] {
            assert!(refused(nothing).contains("/help"), "{nothing:?}");
        }
        // No word of a letter reads or writes a file of the desk's machine.
        for command in [
            "/announce --file /etc/passwd",
            "/notify-distributors --file /etc/passwd",
            "/release-date 2026-12-03 --ics /tmp/x",
            "/export --format mbox",
            "/reply",
        ] {
            assert!(parse(&case(), command, 16).is_err(), "{command}");
        }
    }

    #[test]
    fn help_is_a_letter_too() {
        let Ok(CommandLine::Help(text)) = parse(&case(), "/help", 16) else {
            panic!()
        };
        assert!(
            text.contains("duplicate-of") && text.contains("note"),
            "{text}"
        );
        let Ok(CommandLine::Help(text)) = parse(&case(), "/help set", 16) else {
            panic!()
        };
        assert!(
            text.contains("--vector")
                && !text.contains("<ID>")
                && text
                    .lines()
                    .all(|line| line.chars().count() <= LETTER_WIDTH),
            "{text}"
        );
    }
}
