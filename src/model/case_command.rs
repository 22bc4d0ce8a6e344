//! What may a responder command for a case?

use crate::model::Timestamp;
use crate::model::case::Closing;
use crate::model::case_record::Assessment;
use crate::model::course::{Lane, Step};
use crate::model::ids::CaseId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
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
    Note {
        text: String,
    },
    Assign {
        to: String,
    },
    Link {
        what: String,
        to: String,
    },
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
    SendCertificate,
    /// Has letters that stayed shut or were set aside read again.
    Reread,
    /// Shows the reporter's certificates; `choose` is the fingerprint of the one to use.
    Certificate {
        choose: Option<String>,
        forget: bool,
    },
    RequestCve,
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
#[derive(Debug)]
pub enum CommandLine {
    Execute(CaseCommand),
    /// They asked how a command is written: the text that says so.
    Help(String),
}

/// A file of the release, and what it must be.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asset {
    pub url: String,
    /// 64 hexadecimal digits.
    pub sha256: String,
}
