//! What does one response of a server say, as far as the desk has a use for it?
//!
//! Most responses are a line of words, and are read as such. What is told of letters is read by the
//! library's parser, item by item, so that an odd one costs itself. An untagged line that nobody
//! needs to understand is passed over.

use super::DialogueError;
use super::items::items;
use async_imap::imap_proto::{AttributeValue, MessageSection, Response, SectionPath};
use std::panic::AssertUnwindSafe;

/// So much of what a server says is repeated to the operator.
const WORDS_CHARS_MAX: usize = 200;

/// So much of a response is looked at as a line of words.
const LINE_OCTETS_MAX: usize = 16 * 1024;

/// One response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The server waits for the rest of a command.
    Continue,
    /// What ends the command with this tag.
    Done(String, Verdict),
    /// A word about the connection or the folder, with the UIDVALIDITY that it may tell.
    Condition(Condition, Option<u32>),
    /// The server closes the connection, in its own words.
    Bye(String),
    /// In upper case.
    Capabilities(Vec<String>),
    /// So many letters lie in the folder.
    Exists(u32),
    /// A letter was removed: the numbers of those behind it change.
    Expunge,
    Search(Vec<u32>),
    /// What is told of the letter with this number.
    Fetch(u32, Row),
    /// A folder, and whether it can be opened.
    Folder(bool),
    /// Well-known, and of no use here.
    Aside,
    /// What the names of the user's own folders begin with (RFC 2342).
    Namespace(String),
}

/// What an untagged condition means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    /// NO or BAD that ends no command.
    Warning,
    PreAuth,
}

/// How a command ended, with the server's words where it failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    No(String),
    Bad(String),
}

/// What a FETCH response told of a letter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub uid: Option<u32>,
    pub size: Option<u32>,
    pub internal_date: Option<String>,
    /// Of `BODY[]`.
    pub body: Option<Piece>,
    /// Of `BODY[HEADER]`.
    pub header: Option<Piece>,
}

/// Octets of a letter.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// The octet of the letter with which they begin; absent: they are the whole letter.
    pub origin: Option<u32>,
    pub octets: Vec<u8>,
}

impl Row {
    /// Adds what another response told of the same letter.
    pub fn merge(&mut self, other: Row) {
        self.uid = other.uid.or(self.uid);
        self.size = other.size.or(self.size);
        self.internal_date = other.internal_date.or(self.internal_date.take());
        self.body = other.body.or(self.body.take());
        self.header = other.header.or(self.header.take());
    }
}

/// Reads one response; `None`: nobody needs to understand it.
pub(super) fn read(response: &[u8]) -> Result<Option<Answer>, DialogueError> {
    let text = String::from_utf8_lossy(&response[..response.len().min(LINE_OCTETS_MAX)]);
    let text = text.as_ref();
    let (first, rest) = word(text);
    let (second, rest) = word(rest);
    if first.starts_with('+') {
        return Ok(Some(Answer::Continue));
    }
    if first != "*" {
        let verdict = match second.to_ascii_uppercase().as_str() {
            "OK" => Verdict::Ok,
            "NO" => Verdict::No(own_words(rest)),
            "BAD" => Verdict::Bad(own_words(rest)),
            _ if text.trim_ascii().is_empty() => return Ok(None),
            // Nobody could say where such a line comes from: from a letter, perhaps.
            _ => return Err(DialogueError::Garbled),
        };
        return Ok(Some(Answer::Done(first.to_owned(), verdict)));
    }
    Ok(match second.to_ascii_uppercase().as_str() {
        "OK" => Some(Answer::Condition(Condition::Ok, validity(rest))),
        "NO" | "BAD" => Some(Answer::Condition(Condition::Warning, None)),
        "PREAUTH" => Some(Answer::Condition(Condition::PreAuth, None)),
        "BYE" => Some(Answer::Bye(own_words(rest))),
        "CAPABILITY" => Some(Answer::Capabilities(
            rest.split_ascii_whitespace()
                .map(str::to_ascii_uppercase)
                .collect(),
        )),
        "SEARCH" => Some(Answer::Search(numbers(response)?)),
        "LIST" => Some(Answer::Folder(can_be_opened(rest))),
        "NAMESPACE" => namespace(rest).map(Answer::Namespace),
        "VANISHED" => Some(Answer::Expunge),
        "FLAGS" | "ID" | "ENABLED" | "STATUS" | "LSUB" => Some(Answer::Aside),
        number => {
            let (what, _) = word(rest);
            match (number.parse(), what.to_ascii_uppercase().as_str()) {
                (Ok(letters), "EXISTS") => Some(Answer::Exists(letters)),
                (Ok(_), "RECENT") => Some(Answer::Aside),
                (Ok(_), "EXPUNGE") => Some(Answer::Expunge),
                (Ok(number), "FETCH") => Some(Answer::Fetch(number, row(response))),
                _ => None,
            }
        }
    })
}

/// The first word of a text, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_ascii_start();
    let end = text
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A server's words as they are repeated to people: one line, without what steers a terminal.
pub(super) fn own_words(text: &str) -> String {
    let shown = |c: char| {
        if c.is_ascii_graphic() || c.is_alphanumeric() {
            c
        } else {
            ' '
        }
    };
    let text: String = text.chars().take(WORDS_CHARS_MAX).map(shown).collect();
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// `[UIDVALIDITY 7]` (RFC 9051 section 7.1).
fn validity(text: &str) -> Option<u32> {
    let (code, _) = text.trim_ascii_start().strip_prefix('[')?.split_once(']')?;
    let (name, number) = word(code);
    name.eq_ignore_ascii_case("UIDVALIDITY")
        .then(|| number.trim_ascii().parse().ok())?
}

/// The numbers of a SEARCH. One that can't be read would be a letter that nobody hears of.
fn numbers(response: &[u8]) -> Result<Vec<u32>, DialogueError> {
    let text = std::str::from_utf8(response).map_err(|_| DialogueError::Garbled)?;
    text.split_ascii_whitespace()
        .skip(2)
        .take_while(|word| !word.starts_with('(')) // (MODSEQ 9), RFC 7162 section 3.1.5
        .map(|word| word.parse().map_err(|_| DialogueError::Garbled))
        .collect()
}

/// Whether a row of LIST is a folder, and no mere name (RFC 9051 section 7.3.1).
fn can_be_opened(text: &str) -> bool {
    let attributes = text
        .split_once(')')
        .map_or("", |(attributes, _)| attributes);
    let attributes = attributes.to_ascii_lowercase();
    !attributes.contains("\\noselect") && !attributes.contains("\\nonexistent")
}

/// The prefix of the first personal namespace: `(("INBOX." "."))` (RFC 2342 section 5).
fn namespace(text: &str) -> Option<String> {
    let personal = text.trim_ascii_start().strip_prefix("((\"")?;
    let (prefix, _) = personal.split_once('"')?;
    (!prefix.is_empty()).then(|| own_words(prefix))
}

/// What a FETCH response tells of its letter.
fn row(response: &[u8]) -> Row {
    let mut row = Row::default();
    for item in items(response) {
        let alone = [b"* 1 FETCH (", item, b")\r\n"].concat();
        row.merge(parsed(&alone).unwrap_or_default());
    }
    row
}

/// A FETCH response as the library reads it, where it can.
fn parsed(response: &[u8]) -> Option<Row> {
    // It panics on some malformed responses.
    let tried = std::panic::catch_unwind(AssertUnwindSafe(|| Response::parse(response)));
    let Ok(Ok(([], Response::Fetch(_, attributes)))) = tried else {
        return None;
    };
    let mut row = Row::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => row.uid = Some(uid),
            AttributeValue::Rfc822Size(size) => row.size = Some(size),
            AttributeValue::InternalDate(date) => row.internal_date = Some(date.into_owned()),
            AttributeValue::BodySection {
                section,
                index,
                data: Some(data),
            } => {
                let piece = Piece {
                    origin: index,
                    octets: data.into_owned(),
                };
                match section {
                    None => row.body = Some(piece),
                    Some(SectionPath::Full(MessageSection::Header)) => row.header = Some(piece),
                    Some(_) => {}
                }
            }
            _ => {}
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(response: &str) -> Row {
        match read(response.as_bytes()) {
            Ok(Some(Answer::Fetch(1, row))) => row,
            other => panic!("{response:?}: {other:?}"),
        }
    }

    #[test]
    fn an_odd_item_costs_itself_and_not_the_letter() {
        let odd = [
            "FLAGS (\\Seen bl\u{fc}\\)",
            "FLAGS (\\Seen \"a ) b\")",
            "INTERNALDATE NIL",
            "X-GM-LABELS (\"a\" (b))",
            "BODYSTRUCTURE ((\"text\" NIL) \"mixed\" {3}\r\n)) )",
            "MODSEQ (x)",
            "EMAILID",
            "",
        ];
        for odd in odd {
            let response = format!(
                "* 1 FETCH ({odd} UID 7 RFC822.SIZE 5 BODY[]<0> {{5}}\r\nh (\r\n {odd})\r\n"
            );
            let row = fetched(&response);
            assert_eq!((row.uid, row.size), (Some(7), Some(5)), "{response:?}");
            let body = row.body.unwrap();
            assert_eq!(
                (body.origin, body.octets.as_slice()),
                (Some(0), &b"h (\r\n"[..]),
                "{response:?}"
            );
        }
        assert_eq!(
            fetched("* 1 FETCH (UID 7 INTERNALDATE \"00-Jan-0000 00:00:00 +0000\")\r\n")
                .internal_date
                .as_deref(),
            Some("00-Jan-0000 00:00:00 +0000")
        );
    }

    #[test]
    fn a_line_of_words_is_read_however_it_is_spaced() {
        let rows = [
            (
                "*  CAPABILITY  IMAP4rev1  idle \r\n",
                Some(Answer::Capabilities(vec![
                    "IMAP4REV1".into(),
                    "IDLE".into(),
                ])),
            ),
            ("* SEARCH\r\n", Some(Answer::Search(vec![]))),
            ("* SEARCH 3 1 \r\n", Some(Answer::Search(vec![3, 1]))),
            ("* search 4 (MODSEQ 17)\r\n", Some(Answer::Search(vec![4]))),
            (
                "* OK [UIDVALIDITY 7] Gr\u{fc}\u{df}e\r\n",
                Some(Answer::Condition(Condition::Ok, Some(7))),
            ),
            (
                "S1 NO [ALERT] Too  many\u{1b}[2J \u{202e}connections\r\n",
                Some(Answer::Done(
                    "S1".into(),
                    Verdict::No("[ALERT] Too many [2J connections".into()),
                )),
            ),
            (
                "S1 BAD\r\n",
                Some(Answer::Done("S1".into(), Verdict::Bad(String::new()))),
            ),
            (
                "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\n",
                Some(Answer::Namespace("INBOX.".into())),
            ),
            ("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n", None),
            (
                "* LIST (\\HasChildren \\Noselect) \"/\" Done\r\n",
                Some(Answer::Folder(false)),
            ),
            ("* LIST () \"/\" Done\r\n", Some(Answer::Folder(true))),
            ("* 4 EXISTS\r\n", Some(Answer::Exists(4))),
            ("* 4 RECENT\r\n", Some(Answer::Aside)),
            ("* FLAGS (\\Seen \u{80})\r\n", Some(Answer::Aside)),
            ("\r\n", None),
            ("* X-UNHEARD-OF {\r\n", None),
        ];
        for (line, wanted) in rows {
            assert_eq!(read(line.as_bytes()).unwrap(), wanted, "{line:?}");
        }
        for line in [
            "* SEARCH 3 x\r\n",
            "* SEARCH 99999999999\r\n",
            "a line of a letter\r\n",
        ] {
            assert!(read(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}
