//! Where does one response of a server end?
//!
//! At the end of its line; where the line ends with a literal's length, behind the literal and the
//! lines that follow it (RFC 9051 sections 2.2.1 and 4.3). Nothing of the line is understood here,
//! so that what is odd in one response never moves the beginning of the next.

use super::{ANSWER_OCTETS_MAX, DialogueError, Stream};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

/// Room that is made for each read.
const READ_OCTETS: usize = 16 * 1024;

/// The longest line that is read before TLS.
const PLAIN_LINE_OCTETS_MAX: u64 = 8 * 1024;

/// The next line of a server that nobody has proven yet.
pub(super) async fn plain_line(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> Result<String, DialogueError> {
    let mut line = String::new();
    let mut bounded = stream.take(PLAIN_LINE_OCTETS_MAX);
    let read = bounded.read_line(&mut line).await;
    read.map_err(|e| DialogueError::Broken(e.kind()))?;
    if line.ends_with('\n') {
        Ok(line)
    } else if bounded.limit() == 0 {
        Err(DialogueError::Odd("its line is too long"))
    } else {
        Err(DialogueError::Gone)
    }
}

/// A connection on which whole responses are read and octets are written.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// What came; of what was handed out, the rest that is not worth moving for.
    held: Vec<u8>,
    /// Where what was not handed out begins in it.
    from: usize,
    /// Where the line that is read begins in it.
    line_from: usize,
    /// Up to where no line end stands in it; beyond its end while a literal is incomplete.
    searched: usize,
}

impl Wire {
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            held: Vec::new(),
            from: 0,
            line_from: 0,
            searched: 0,
        }
    }

    pub async fn write(&mut self, octets: &[u8]) -> Result<(), DialogueError> {
        let broken = |e: std::io::Error| DialogueError::Broken(e.kind());
        self.stream.write_all(octets).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// The next response, with its line ends and literals. It may be dropped while it waits:
    /// nothing that came is lost. Others get their turn between two that came at once.
    pub async fn response(&mut self) -> Result<Vec<u8>, DialogueError> {
        tokio::task::consume_budget().await;
        loop {
            if let Some(end) = self.end()? {
                let response = self.held[self.from..end].to_vec();
                (self.from, self.line_from, self.searched) = (end, end, end);
                return Ok(response);
            }
            self.move_up();
            let missing = self.searched.saturating_sub(self.held.len());
            self.held.reserve(missing.max(READ_OCTETS));
            let read = self.stream.read_buf(&mut self.held).await;
            if read.map_err(|e| DialogueError::Broken(e.kind()))? == 0 {
                return Err(DialogueError::Gone);
            }
        }
    }

    /// Makes room of what was handed out, before more is read.
    fn move_up(&mut self) {
        self.held.drain(..self.from);
        if self.held.is_empty() {
            self.held.shrink_to(4 * READ_OCTETS);
        }
        self.line_from -= self.from;
        self.searched -= self.from;
        self.from = 0;
    }

    /// Where the first response ends in what is held, once all of it is there.
    fn end(&mut self) -> Result<Option<usize>, DialogueError> {
        loop {
            let longest = self.held.len().max(self.searched) - self.from;
            if longest > ANSWER_OCTETS_MAX {
                return Err(DialogueError::Odd("its answer is too long"));
            }
            let Some(new) = self.held.get(self.searched..) else {
                return Ok(None);
            };
            let Some(at) = memchr::memchr(b'\n', new) else {
                self.searched = self.held.len();
                return Ok(None);
            };
            let end = self.searched + at + 1;
            // The text of a condition is free, and may end like a literal's length.
            let literal = if says_condition(&self.held[self.from..]) {
                None
            } else {
                literal_length(&self.held[self.line_from..end])
            };
            let Some(octets) = literal else {
                return Ok(Some(end));
            };
            self.line_from = end.saturating_add(octets);
            self.searched = self.line_from;
        }
    }
}

/// The length of the literal that a line announces: `{12}`, `{12+}`, `~{12}`.
fn literal_length(line: &[u8]) -> Option<usize> {
    let line = line.trim_ascii_end().strip_suffix(b"}")?;
    let begin = memchr::memrchr(b'{', line)?;
    let digits = &line[begin + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `* OK …`, `S000001 NO …`, `+ …`: a response that is one line of free text.
fn says_condition(response: &[u8]) -> bool {
    if response.first() == Some(&b'+') {
        return true;
    }
    let mut words = response[..response.len().min(128)]
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.nth(1).is_some_and(|word| {
        ["OK", "NO", "BAD", "BYE", "PREAUTH"]
            .iter()
            .any(|condition| word.eq_ignore_ascii_case(condition.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every response of these octets, when they come in pieces of this size.
    async fn responses(octets: &'static str, piece: usize) -> (Vec<String>, DialogueError) {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let server = async move {
            for piece in octets.as_bytes().chunks(piece) {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let read = async {
            let mut wire = Wire::new(Box::new(ours));
            let mut found = Vec::new();
            loop {
                match wire.response().await {
                    Ok(response) => found.push(String::from_utf8(response).unwrap()),
                    Err(err) => return (found, err),
                }
            }
        };
        futures::join!(server, read).1
    }

    /// What comes of these octets while the server's side stays open.
    async fn refused(octets: &'static str) -> DialogueError {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(octets.as_bytes()).await.unwrap();
        let mut wire = Wire::new(Box::new(ours));
        let limit = std::time::Duration::from_secs(20);
        let read = tokio::time::timeout(limit, wire.response()).await;
        read.expect("it waits for more").unwrap_err()
    }

    #[tokio::test]
    async fn a_response_ends_behind_its_last_literal() {
        let octets = "* 1 FETCH (BODY[] {4}\r\na\r\nb UID 1)\r\n* OK {3}\r\n\
                      * 2 FETCH (X ~{0}\r\n Y {2+}\r\n\r\n)\n+ go {9}\r\nS1 OK done\r\n* 3 EX";
        for piece in [1, 3, 7, 4096] {
            let (found, err) = responses(octets, piece).await;
            assert_eq!(found.concat() + "* 3 EX", octets, "{piece}");
            assert_eq!(found.len(), 5, "{piece}: {found:?}");
            assert!(matches!(err, DialogueError::Gone), "{err}");
        }
    }

    /// Each response is moved once, however many came at once.
    #[tokio::test]
    async fn lines_that_come_at_once_cost_what_they_are() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let lines = 2_000_000;
        let server = async move {
            let _ = theirs.write_all(&vec![b'\n'; lines]).await;
        };
        let read = async {
            let mut wire = Wire::new(Box::new(ours));
            for _ in 0..lines {
                assert_eq!(wire.response().await.unwrap(), b"\n");
            }
            assert!(wire.held.len() <= 2 * READ_OCTETS, "{}", wire.held.len());
        };
        futures::join!(server, read);
    }

    #[tokio::test(start_paused = true)]
    async fn no_literal_takes_more_than_its_share_of_memory() {
        for octets in [
            "* 1 FETCH (BODY[] {4000000000}\r\n",
            "* 1 FETCH (BODY[] {16777200}\r\n",
        ] {
            let err = refused(octets).await;
            assert!(matches!(err, DialogueError::Odd(_)), "{err}");
        }
    }
}
