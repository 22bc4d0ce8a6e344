//! Why could a port not do its work? Its kind says what the desk does next, its text what could
//! not be done, and its cause what stood in the way.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a port could not do its work. The text says what and how to mend it, and quotes no letter;
/// nor does the cause, and neither holds a token.
///
/// `Display` shows the cause too, since nearly everything that shows such an error (journal,
/// `status`, logs) shows it by `to_string`. `Error::source` is therefore none: anyhow's `{:#}`
/// would print the cause twice, and what looks for an error of ours in a chain would find one
/// that a port met underway. Causes of the cause stay out of the text, since many causes tell
/// theirs themselves.
#[derive(Debug)]
pub struct PortError {
    kind: PortErrorKind,
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What the desk may do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Trying again later may help.
    Passing,
    /// Trying again changes nothing until a human mends it.
    Lasting,
    /// The work may have been done all the same: the answer to it never came (RFC 1047). It is
    /// tried again, and counted.
    InDoubt,
    /// The other side asks to be left alone for so long.
    Throttled(Duration),
}

impl PortError {
    /// Trying again later may help. `what` could not be done.
    pub fn passing(what: impl Into<String>) -> Self {
        Self::new(PortErrorKind::Passing, what)
    }

    /// A human has to mend it. `what` could not be done.
    pub fn lasting(what: impl Into<String>) -> Self {
        Self::new(PortErrorKind::Lasting, what)
    }

    /// `what` may have been done all the same.
    pub fn in_doubt(what: impl Into<String>) -> Self {
        Self::new(PortErrorKind::InDoubt, what)
    }

    /// `what` may be tried again `after` so long.
    pub fn throttled(what: impl Into<String>, after: Duration) -> Self {
        Self::new(PortErrorKind::Throttled(after), what)
    }

    fn new(kind: PortErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            source: None,
        }
    }

    /// The same with its cause, which holds no letter's text, no token and no words of a server
    /// that the text leaves out.
    pub fn because(self, err: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(err.into()),
            ..self
        }
    }

    /// The same, where its caller knows better what to do next.
    pub fn with_kind(self, kind: PortErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// What the desk may do next.
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }

    /// Whether trying again changes nothing until a human mends it.
    pub fn is_lasting(&self) -> bool {
        self.kind == PortErrorKind::Lasting
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Error for PortError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_shown_once_by_whatever_shows_the_error() {
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let rows = [
            (PortError::passing("the disk is full"), "the disk is full"),
            (
                PortError::lasting("cannot read /x").because(denied()),
                "cannot read /x: permission denied",
            ),
            (
                PortError::passing("cannot write").because(std::io::Error::other(denied())),
                "cannot write: permission denied",
            ),
        ];
        for (err, text) in rows {
            assert_eq!(err.to_string(), text);
            assert_eq!(format!("{:#}", anyhow::Error::from(err)), text);
        }
    }

    #[test]
    fn the_kind_is_what_was_said() {
        let wait = Duration::from_secs(7);
        let kinds = [
            (PortError::passing("x"), PortErrorKind::Passing),
            (PortError::lasting("x"), PortErrorKind::Lasting),
            (PortError::in_doubt("x"), PortErrorKind::InDoubt),
            (
                PortError::throttled("x", wait),
                PortErrorKind::Throttled(wait),
            ),
        ];
        for (err, kind) in kinds {
            let err = err.because("y");
            assert_eq!(err.kind(), kind);
            assert_eq!(err.is_lasting(), kind == PortErrorKind::Lasting);
        }
    }
}
