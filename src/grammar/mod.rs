//! How is a command on a case written? The same on the command line and, behind a slash, in a
//! letter.

mod mail;
mod record;

use crate::model::Timestamp;
use crate::model::case::Closing;
use crate::model::case_command::CaseCommand;
use crate::model::course::{Lane, Step};
use crate::model::ids::CaseId;
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::civil::Date;
use jiff::tz::TimeZone;
pub use mail::parse_line;
pub use record::{CollaborateArgs, SetArgs};

/// Words that need no file: whoever may write to the desk's machine may say them, and a responder
/// by letter.
#[derive(Subcommand)]
pub enum CaseVerb {
    /// Confirms a case: files its draft now
    File {
        id: String,
    },
    /// Says that you answered the reporter yourself: the clock of the acknowledgement stops
    Answered {
        id: String,
    },
    /// Asks the reporter for what their report lacks: steps, versions, or their certificate
    Ask {
        id: String,
        /// Asks them instead to keep it private until the fix is released
        #[arg(long)]
        private_disclosure: bool,
    },
    /// Sends the reporter the desk's certificate
    SendCertificate {
        id: String,
    },
    /// Says that a step is reached: fix-team, fix, release or retrospective. Its clock stops
    Reach {
        id: String,
        #[arg(value_parser = one_of(&Step::ALL, Step::as_str), hide_possible_values = true,
              value_name = "fix-team|fix|release|retrospective")]
        step: Step,
        /// When it was, such as 2026-12-01T16:00Z; now without it
        #[arg(long, value_name = "TIME", conflicts_with = "undo")]
        at: Option<Timestamp>,
        /// Takes it back: it was said by mistake
        #[arg(long)]
        undo: bool,
    },
    /// Moves a case to another lane: normal, slow (not severe) or asap (public, or about to be)
    Lane {
        id: String,
        #[arg(value_parser = one_of(LANES, Lane::as_str), hide_possible_values = true,
              value_name = "normal|slow|asap")]
        lane: Lane,
        /// Why; kept sealed
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
    /// Says that a case waits for an upstream's disclosure: fix and release stand still
    Wait {
        id: String,
        /// For whom and why; kept sealed
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Says that a case waits no more
    GoOn {
        id: String,
    },
    /// Says on which day the reporter publishes
    Announced {
        id: String,
        #[arg(required_unless_present = "clear")]
        day: Option<Date>,
        /// They named none, whatever their letters seem to say
        #[arg(long, conflicts_with = "day")]
        clear: bool,
    },
    /// Says who takes care of a case
    Assign {
        id: String,
        who: String,
    },
    /// Links something elsewhere: a pull request, another case
    Link {
        id: String,
        /// What it is: fix, introduced, discussion, …
        what: String,
        /// A URL or the id of a case
        to: String,
    },
    Set(SetArgs),
    Collaborate(CollaborateArgs),
    /// Credits somebody in the advisory, by their login or by their name
    Credit {
        id: String,
        #[arg(required_unless_present = "name")]
        login: Option<String>,
        /// Their name; without a login the advisory names them in its text
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// For what, in the tracker's words
        #[arg(long = "as", value_name = "WORD", default_value = "reporter",
              value_parser = ["analyst", "finder", "reporter", "coordinator", "remediation_developer", "remediation_reviewer", "remediation_verifier", "tool", "sponsor", "other"])]
        kind: String,
    },
    /// Has letters that stayed shut or were set aside read again, after a mend or with a new key
    Reread {
        id: String,
    },
    /// Shows which certificates of the reporter were seen, and which is used
    Certificate {
        id: String,
        /// Encrypts to this one from now on: its whole fingerprint
        #[arg(long = "use", value_name = "FINGERPRINT")]
        choose: Option<String>,
        /// Uses none until one is proven again
        #[arg(long, conflicts_with = "choose")]
        forget: bool,
    },
    /// Requests a CVE number from the tracker
    RequestCve {
        id: String,
    },
    /// Opens the private fork in which the fix is made
    Fork {
        id: String,
    },
    /// Closes a case whose reporter was answered: resolved, rejected or spam. duplicate-of closes a
    /// duplicate
    Close {
        id: String,
        #[arg(value_parser = one_of(CLOSINGS, Closing::as_str), hide_possible_values = true,
              value_name = "resolved|rejected|spam")]
        why: Closing,
        /// A note, kept sealed
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Closes a case as the same as another one
    DuplicateOf {
        id: String,
        other: String,
    },
    /// Gives each further vulnerability of a report a case of its own
    Split {
        id: String,
        /// The titles of the new cases; those that the report lists without them
        title: Vec<String>,
    },
    /// Opens a closed case again
    Reopen {
        id: String,
        /// Why; kept sealed
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
}

const LANES: &[Lane] = &[Lane::Normal, Lane::Slow, Lane::Asap];
const CLOSINGS: &[Closing] = &[Closing::Resolved, Closing::Rejected, Closing::Spam];

/// One of these words. clap knows them, for its errors, completions and manual pages.
fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = all.iter().map(move |one| name(*one));
    PossibleValuesParser::new(names).try_map(move |word| {
        let mut found = all.iter().copied().filter(|one| name(*one) == word);
        found.next().ok_or("no such word")
    })
}

impl CaseVerb {
    /// The case that it is about, as written, and the command.
    pub fn command(self) -> Result<(String, CaseCommand)> {
        Ok(match self {
            Self::File { id } => (id, CaseCommand::File),
            Self::Answered { id } => (id, CaseCommand::Answered),
            Self::Ask {
                id,
                private_disclosure,
            } => (id, CaseCommand::Ask { private_disclosure }),
            Self::SendCertificate { id } => (id, CaseCommand::SendCertificate),
            Self::Reread { id } => (id, CaseCommand::Reread),
            Self::Certificate { id, choose, forget } => {
                (id, CaseCommand::Certificate { choose, forget })
            }
            Self::Reach {
                id,
                step,
                undo: true,
                ..
            } => (id, CaseCommand::TakeBack { step }),
            Self::Reach {
                id,
                step,
                at,
                undo: false,
            } => (id, CaseCommand::Reach { step, at }),
            Self::Lane { id, lane, why } => (id, CaseCommand::Lane { lane, why }),
            Self::Wait { id, why } => (id, CaseCommand::Wait { why }),
            Self::GoOn { id } => (id, CaseCommand::GoOn),
            Self::Announced { id, day, .. } => (id, CaseCommand::Announced { day }),
            Self::Assign { id, who } => (id, CaseCommand::Assign { to: who }),
            Self::Link { id, what, to } => (id, CaseCommand::Link { what, to }),
            Self::Set(args) => args.command(),
            Self::Collaborate(args) => args.command()?,
            Self::Credit {
                id,
                login,
                name,
                kind,
            } => (id, CaseCommand::Credit { login, name, kind }),
            Self::RequestCve { id } => (id, CaseCommand::RequestCve),
            Self::Fork { id } => (id, CaseCommand::Fork),
            Self::Close { id, why, note } => (
                id,
                CaseCommand::Close {
                    why,
                    note,
                    of: None,
                },
            ),
            Self::DuplicateOf { id, other } => (
                id,
                CaseCommand::Close {
                    why: Closing::Duplicate,
                    note: None,
                    of: Some(case_id(&other)?),
                },
            ),
            Self::Split { id, title } => (id, CaseCommand::Split { titles: title }),
            Self::Reopen { id, why } => (id, CaseCommand::Reopen { why }),
        })
    }
}

/// A case by its id.
pub fn case_id(text: &str) -> Result<CaseId> {
    CaseId::parse(text).with_context(|| "see `sealdesk case list`")
}

/// A moment as it is written, or a day at this hour.
pub fn on_day(text: &str, hour_utc: i8) -> Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let day: Date = text.parse().map_err(|_| {
        anyhow!(
            "{text:?} is neither a day such as 2026-12-01 nor a moment such as 2026-12-01T16:00Z"
        )
    })?;
    Ok(day
        .at(hour_utc, 0, 0, 0)
        .to_zoned(TimeZone::UTC)?
        .timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    /// What clap says to this line.
    fn refused(line: &str) -> String {
        let program = CaseVerb::augment_subcommands(Command::new("case"));
        let words = format!("case {line}");
        let refused = program.try_get_matches_from(words.split(' '));
        refused.err().unwrap().render().to_string()
    }

    #[test]
    fn a_word_that_is_missing_or_wrong_is_answered_with_all_that_there_are() {
        for (verb, words) in [
            ("close", vec!["resolved", "rejected", "spam"]),
            ("lane", vec!["normal", "slow", "asap"]),
            ("reach", Step::ALL.map(Step::as_str).to_vec()),
        ] {
            for line in [format!("{verb} SD-7"), format!("{verb} SD-7 nonsense")] {
                let told = refused(&line);
                for word in &words {
                    assert!(told.contains(word), "{line}: {told}");
                }
            }
            // The words of a usage are those that are taken.
            let usage = format!("<{}>", words.join("|"));
            assert!(refused(&format!("{verb} SD-7")).contains(&usage), "{verb}");
        }
    }
}
