//! What may the page ask, and what comes back? One JSON object in, one out.

use crate::control::view::{CaseLine, CaseView, Fault, LetterView};
use crate::model::Timestamp;
use crate::model::ids::CaseId;
use crate::model::page::PageAccess;
use crate::pipeline::outbox::{ReplyWay, ReplyWords};
use crate::ports::JournalLine;
use serde::{Deserialize, Serialize};

/// A question of the page.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageRequest {
    /// By somebody who is not signed in yet.
    SignIn(SignInRequest),
    /// In a session: the desk judges its token each time.
    Session {
        session: String,
        ask: SessionRequest,
    },
}

/// How somebody signs in.
#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SignInRequest {
    /// Asks for a letter. The answer is a [`SignInAsked`], whoever is named.
    Ask {
        /// A mail address, or the login of a responder.
        name: String,
        /// What the browser was given when somebody signed in with it.
        browser: Option<String>,
    },
    /// The words of an earlier asking; the answer is a text.
    Words { asked: String },
    /// By the link of the letter; the answer is a [`SignedIn`].
    ByLink { asked: String, ticket: String },
    /// By the code of the letter; the answer is a [`SignedIn`].
    ByCode { asked: String, code: String },
}

/// What may be asked in a session.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SessionRequest {
    /// A page of the queue: a [`QueueView`].
    Queue(QueueWanted),
    /// A case with its letters: a [`CaseScreen`].
    Case { id: CaseId },
    /// One letter of it: a [`LetterScreen`].
    Letter { id: CaseId, intake: i64 },
    /// A letter with its files, encrypted to who asks: a `SealedLetter`.
    SealedLetter { id: CaseId, intake: i64 },
    /// The n-th file of a letter as it is: an `AttachmentFile`.
    File { id: CaseId, intake: i64, n: usize },
    /// What a reply would be: a [`ReplyScreen`].
    Preview { id: CaseId, text: String },
    /// Carries out a command, written as in a letter: an [`Outcome`].
    Command { id: CaseId, line: String, act: Act },
    /// Hands a reply over, to leave as it was shown: an [`Outcome`].
    Reply {
        id: CaseId,
        text: String,
        way: ReplyWay,
        act: Act,
    },
    /// How the desk is: a `Status`.
    Health,
    /// Ends the session.
    SignOut,
}

/// What a form knows of the case that it acts on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// A number that the form has alone: what comes twice is carried out once.
    pub once: String,
    /// Entries of the journal that whoever acts has seen.
    pub seen: usize,
}

/// Which cases are wanted, and which 50 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueWanted {
    pub whose: Whose,
    /// Those with a deadline that is over.
    pub late: bool,
    /// Closed ones, and no others.
    pub closed: bool,
    /// Part of a product's name.
    pub product: String,
    /// What sort of report it reads like.
    pub kind: String,
    /// From 0.
    pub page: usize,
}

/// Whose cases are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    #[default]
    All,
    Mine,
    Nobodys,
}

/// Why a case stands where it stands in the queue, in the order of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueSection {
    /// A deadline is over.
    Late,
    /// It waits for somebody of the team to decide.
    Decision,
    /// A deadline comes.
    Due,
    /// Nothing is due.
    Rest,
}

/// A case in the queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueueLine {
    pub section: QueueSection,
    pub line: CaseLine,
    pub product: Option<String>,
    /// It could not be opened: ids, times and states are shown alone.
    pub is_shut: bool,
}

/// A page of the queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueueView {
    pub wanted: QueueWanted,
    pub lines: Vec<QueueLine>,
    /// Cases that fit, and pages of them. What is told by words alone is looked for in the first
    /// [`super::queue::SEARCHED_MAX`].
    pub total: usize,
    pub pages: usize,
    pub is_searched_whole: bool,
    /// What is wrong with the desk.
    pub faults: Vec<Fault>,
}

/// A case with all that responders may see.
#[derive(Debug, Serialize, Deserialize)]
pub struct CaseScreen {
    pub view: CaseView,
    /// What could not be opened, and why.
    pub shut: Vec<String>,
    /// `None` where the opener is not at hand.
    pub reply: Option<ReplyWay>,
}

/// A letter of a case.
#[derive(Debug, Serialize, Deserialize)]
pub struct LetterScreen {
    pub line: CaseLine,
    pub letter: LetterView,
    pub shut: Vec<String>,
}

/// A reply before it is handed over.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplyScreen {
    pub line: CaseLine,
    pub reply: ReplyWay,
    /// Absent where there is no text yet, or nobody to whom it could go.
    pub words: Option<ReplyWords>,
    /// Entries of the journal at this moment.
    pub seen: usize,
}

/// What came of a command or a reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A sentence about what it changed.
    Done { said: String },
    /// How commands are written: somebody asked.
    Help { text: String },
    /// It was refused, and nothing changed.
    Refused { why: String },
    /// Somebody else, or the desk, did something meanwhile; nothing changed.
    Changed {
        since: Vec<JournalLine>,
        seen: usize,
    },
}

/// The answer to whoever asks to sign in.
#[derive(Serialize, Deserialize)]
pub struct SignInAsked {
    /// What the browser proves by that it is the one that asked.
    pub asked: String,
    /// Shown on the page and in the letter.
    pub words: String,
}

/// Somebody is signed in.
#[derive(Serialize, Deserialize)]
pub struct SignedIn {
    pub session: String,
    /// By what this browser is known when it asks again.
    pub browser: String,
}

/// Who asks in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub name: String,
    /// The name by which cases are assigned to them.
    pub login: Option<String>,
    pub access: PageAccess,
    /// The desk's clock.
    pub now: Timestamp,
    /// Without a further question the session ends then.
    pub ends_at: Timestamp,
    pub desk: String,
}

/// What the desk answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageAnswer {
    /// `who` is absent where nobody is signed in.
    Good {
        who: Option<Who>,
        answer: serde_json::Value,
    },
    Refused {
        who: Option<Who>,
        refusal: Refusal,
        why: String,
    },
}

/// Why the desk did not answer a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The session is over, or there never was one.
    SignedOut,
    /// Whoever asks may only read.
    NotAllowed,
    /// There is no such case, letter or file.
    Unknown,
    /// What was asked can't be read.
    Malformed,
    /// It can't be answered now: opener or store are not at hand.
    Unwell,
}
