//! Why is a responder's letter not carried out, and what can they do?

/// Why a responder's letter is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoResponder,
    NotSigned,
    /// Two readers ended on it.
    Unreadable,
    InClear,
    HasFiles,
    NoToken,
    /// What is wrong with where its words stand.
    Words(&'static str),
    ReporterInTracker,
}

impl Refusal {
    /// As the journal has it, and the call.
    pub fn why(self) -> &'static str {
        match self {
            Self::NoResponder => "its sender is no responder any more",
            Self::NotSigned => "it is not signed with their certificate",
            Self::Unreadable => "it could not be read: two readers ended on it",
            Self::InClear => "it did not come encrypted",
            Self::HasFiles => "it has attachments, which a reply does not carry",
            Self::NoToken => "it carries no token that is still good for this case",
            Self::Words(why) => why,
            Self::ReporterInTracker => "the reporter wrote in the tracker",
        }
    }

    /// Whether a responder's own signature stood under it.
    pub fn is_of_signed(self) -> bool {
        !matches!(self, Self::NotSigned | Self::NoResponder | Self::Unreadable)
    }

    /// What its writer can do.
    pub fn mend(self) -> &'static str {
        match self {
            Self::NoResponder => "Ask the operator to name you as a responder of the desk.",
            Self::NotSigned => {
                "Sign it with the certificate that the desk's config has of you. If you did not \
                 write to the desk, somebody else did under your name."
            }
            Self::Unreadable => {
                "Write it anew, as plain as you can. If you did not write to the desk, somebody else \
                 did under your name."
            }
            Self::InClear => "Encrypt it to the desk: a reply may repeat what came encrypted.",
            Self::HasFiles => "Send it without files.",
            Self::NoToken => {
                "Answer the newest call about this case, and keep the call below your words: the \
                 token in it is good once, for 72 hours."
            }
            Self::Words(_) => {
                "Write everything above what you quote, in one piece, and keep the call below it. \
                 Commands stand at the very top, and words for the reporter below a line /reply."
            }
            Self::ReporterInTracker => "Answer them there.",
        }
    }
}
