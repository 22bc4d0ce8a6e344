//! What may a responder command for a case?

use crate::model::Timestamp;
use crate::model::case::Closing;
use crate::model::case_record::Assessment;
use crate::model::course::{Lane, Step};
use crate::model::ids::CaseId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a responder has the desk do with a case, the same for the command line, a signed letter and
/// a marked comment.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "kebab-case")]
pub enum CaseCommand {
    /// A step of the policy was reached, now or at an earlier moment.
    Reach {
        step: Step,
        at: Option<Timestamp>,
    },
    /// It was no true word that a step was reached.
    TakeBack {
        step: Step,
    },
    /// It goes slower or faster.
    Lane {
        lane: Lane,
        why: String,
    },
    /// It waits for an upstream's disclosure.
    Wait {
        why: String,
    },
    /// It waits no more.
    GoOn,
    /// The release day is agreed; `None` takes it back.
    ReleaseDay {
        at: Option<Timestamp>,
        despite_objections: bool,
    },
    /// The reporter publishes on that day; `None`: on none that they named.
    Announced {
        day: Option<Date>,
    },
    /// Adds a note to the case record.
    Note {
        text: String,
    },
    /// Names who takes care of the case.
    Assign {
        to: String,
    },
    /// Adds a link to the case record; `what` says how it belongs there.
    Link {
        what: String,
        to: String,
    },
    /// Lays the given fields over the team's assessment.
    Set {
        assessment: Box<Assessment>,
    },
    /// Somebody may work on the advisory. Who owns no code in the project is an outsider.
    Collaborate {
        users: Vec<String>,
        teams: Vec<String>,
        outsiders: bool,
        /// They are taken off the list; the tracker keeps whom it let in.
        remove: bool,
    },
    /// Adds somebody to be credited; `kind` is one of GitHub's words.
    Credit {
        login: Option<String>,
        /// Somebody without a login.
        name: Option<String>,
        kind: String,
    },
    /// Posts the retrospective where releases are announced, and reaches that step.
    PostRetrospective {
        text: String,
    },
    /// Files the draft now.
    File,
    /// Somebody answered the reporter themselves.
    Answered,
    /// Asks the reporter for what is missing, or to keep it private.
    Ask {
        private_disclosure: bool,
    },
    /// Sends our certificate to the reporter.
    SendCertificate,
    /// Has letters that stayed shut or were set aside read again.
    Reread,
    /// Shows the reporter's certificates; `choose` is the fingerprint of the one to use.
    Certificate {
        choose: Option<String>,
        forget: bool,
    },
    /// Asks the tracker for a CVE number.
    RequestCve,
    /// Opens a private fork in which the fix is made.
    Fork,
    /// Tells the distributors, each encrypted, until when they must keep it.
    NotifyDistributors {
        text: String,
    },
    /// Announces the release, once its files are there as they should be.
    Announce {
        text: String,
        assets: Vec<Asset>,
        despite_assets: bool,
        /// It was announced before: this corrects it.
        again: bool,
    },
    /// Closes the case; `of` is the other case of a duplicate.
    Close {
        why: Closing,
        note: Option<String>,
        of: Option<CaseId>,
    },
    Reopen {
        why: String,
    },
    /// The vulnerabilities of one report go their own ways: a case for each title, or for each that
    /// the report lists after its first.
    Split {
        titles: Vec<String>,
    },
}

/// One line of a responder's letter, parsed.
#[derive(Debug, PartialEq)]
pub enum CommandLine {
    Execute(CaseCommand),
    /// They asked how a command is written: the text that says so.
    Help(String),
}

/// A file of the release, and what it must be.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    pub url: String,
    /// 64 hexadecimal digits.
    pub sha256: String,
}
