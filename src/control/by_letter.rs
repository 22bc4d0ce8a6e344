//! How are the words of a responder's letter taken? As the same words on the command line, about
//! the case that they answer in.

use super::grammar::{Verb, on_day};
use super::word::{self, Word};
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::pipeline::{Clerk, Desk, Said, Told};
use crate::ports::PortError;
use anyhow::{Result, anyhow, bail};
use async_trait::async_trait;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Columns of help that is read in a mail program.
const LETTER_WIDTH: usize = 72;

/// Takes words by letter.
pub struct ByLetter;

#[derive(Parser)]
#[command(bin_name = "", no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true, term_width = LETTER_WIDTH, about = "Each \
    command on a line of its own at the top of your answer:")]
struct Line {
    #[command(subcommand)]
    verb: Spoken,
}

#[derive(Subcommand)]
enum Spoken {
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
    Plain(Verb),
}

impl Spoken {
    fn word(self, hour_utc: i8) -> Result<Word> {
        Ok(match self {
            Self::Note { text, .. } => Word::Note { text },
            Self::ReleaseDate { day, despite, .. } => Word::ReleaseDay {
                at: day.map(|day| on_day(&day, hour_utc)).transpose()?,
                despite_objections: despite,
            },
            Self::Plain(verb) => verb.word()?.1,
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

/// What a line asks for.
enum Asked {
    Word(Word),
    Help(String),
}

#[async_trait]
impl Clerk for ByLetter {
    async fn take(&self, desk: &Desk, case: &CaseId, said: &Said) -> Result<Vec<Told>, PortError> {
        let read: Vec<Result<Asked>> = said
            .commands
            .iter()
            .map(|command| asked(case, command, desk.parts.release.hour_utc))
            .collect();
        let not_understood = read.iter().any(Result::is_err);
        let (mut told, mut stopped): (Vec<Told>, bool) = (Vec::new(), false);
        for (n, (command, asked)) in said.commands.iter().zip(read).enumerate() {
            let outcome = match asked {
                Err(why) => Err(format!("{why:#}")),
                Ok(Asked::Help(text)) => Ok(text),
                Ok(_) if not_understood => {
                    Err("another command of this letter was not understood".to_owned())
                }
                Ok(_) if stopped => Err("a command above it was not done".to_owned()),
                Ok(Asked::Word(word)) => once(desk, case, word, said, n).await?,
            };
            stopped |= outcome.is_err();
            told.push(Told {
                command: command.clone(),
                outcome,
            });
        }
        Ok(told)
    }
}

/// Says the n-th word of a letter, unless that was done before a fault cut it off.
async fn once(
    desk: &Desk,
    case: &CaseId,
    word: Word,
    said: &Said,
    n: usize,
) -> Result<Result<String, String>, PortError> {
    let token = desk.word_for("said", &[said.token.as_bytes(), &n.to_be_bytes()]);
    desk.parts
        .store
        .issue_token(&token, case, &said.to, desk.now())
        .await?;
    if !desk
        .parts
        .store
        .token_is_good(&token, case, &said.to, Timestamp::UNIX_EPOCH)
        .await?
    {
        return Ok(Ok("done, before the desk was interrupted".to_owned()));
    }
    match word::say(desk, case, word, &said.by, Some(token)).await {
        Ok(text) => Ok(Ok(text)),
        Err(err) => match err.downcast::<PortError>() {
            Ok(passing) if !passing.is_lasting() => Err(passing),
            Ok(lasting) => Ok(Err(lasting.to_string())),
            Err(why) => Ok(Err(format!("{why:#}"))),
        },
    }
}

/// Reads one line. The case is known: nobody need write its id, and whoever does names no other.
fn asked(case: &CaseId, command: &str, hour_utc: i8) -> Result<Asked> {
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
        Ok(line) => Ok(Asked::Word(line.verb.word(hour_utc)?)),
        Err(err) if err.kind() == ErrorKind::DisplayHelp => {
            Ok(Asked::Help(as_in_a_letter(&err.render().to_string())))
        }
        Err(err) => bail!(as_in_a_letter(&err.render().to_string())),
    }
}

fn help(words: &[String]) -> Result<Asked> {
    let told = match grammar().try_get_matches_from(words) {
        _ if words.len() == 1 => grammar().render_help().to_string(),
        Err(err) => err.render().to_string(),
        Ok(_) => String::new(),
    };
    Ok(Asked::Help(as_in_a_letter(&told)))
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

    fn word(command: &str) -> Word {
        match asked(&case(), command, 16) {
            Ok(Asked::Word(word)) => word,
            Ok(Asked::Help(text)) => panic!("{text}"),
            Err(why) => panic!("{why:#}"),
        }
    }

    fn refused(command: &str) -> String {
        format!("{:#}", asked(&case(), command, 16).err().unwrap())
    }

    #[test]
    fn a_letter_says_what_the_command_line_says() {
        assert!(matches!(word("/assign rita"), Word::Assign { to } if to == "rita"));
        assert!(
            matches!(word(&format!("/assign {} rita", case())), Word::Assign { to } if to == "rita")
        );
        assert!(
            matches!(word(&format!("/Assign {} rita", case().to_string().to_lowercase())), Word::Assign { to } if to == "rita")
        );
        assert!(
            matches!(word("/note - see #45 – really --help"), Word::Note { text } if text == "- \
                see #45 – really --help")
        );
        assert!(
            matches!(word(&format!("/note {} is fine", case())), Word::Note { text } if text == "is \
                fine")
        );
        assert!(
            matches!(word("/close rejected --note #45"), Word::Close { note: Some(note), .. } if note == "#45")
        );
        let other = CaseId::from_random([9; 10]);
        assert!(
            matches!(word(&format!("/duplicate-of {other}")), Word::Close { of: Some(of), .. } if of == other)
        );
        assert!(refused(&format!("/credit {other} --name Bob")).contains("is about"));
        assert!(
            matches!(word("/note Don't merge \"this\" yet -- wait"), Word::Note { text } if text == "Don't \
                merge \"this\" yet -- wait")
        );
        assert!(
            matches!(word("/close rejected --note “not ours”"), Word::Close { why: Closing::Rejected, note: Some(note), of: None } if note == "not \
                ours")
        );
        let Word::Set { assessment } = word("/set —severity high --affected 'before 1.5.2'")
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
        assert!(
            matches!(word("/release-date 2026-12-03"), Word::ReleaseDay { at: Some(at), despite_objections: false } if at.to_string() == "2026-12-03T16:00:00Z")
        );
        assert!(matches!(
            word("/release-date --clear"),
            Word::ReleaseDay { at: None, .. }
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
            assert!(asked(&case(), command, 16).is_err(), "{command}");
        }
    }

    #[test]
    fn help_is_a_letter_too() {
        let Ok(Asked::Help(text)) = asked(&case(), "/help", 16) else {
            panic!()
        };
        assert!(
            text.contains("duplicate-of") && text.contains("note"),
            "{text}"
        );
        let Ok(Asked::Help(text)) = asked(&case(), "/help set", 16) else {
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
