//! How is IMAP spoken so that an error never looks like an empty mailbox, and an oddity of one
//! letter never like a failure of all?
//!
//! async-imap is used for its parser alone. Its convenience calls take a tagged NO or BAD and an
//! end of file for an empty success, trace passwords, and end the connection at a line that they
//! cannot read; so responses are cut apart here, and commands are written under our own tags. Each
//! needs its tagged OK.

mod answer;
mod commands;
mod items;
mod wire;

use crate::ports::PortError;
use answer::{Answer, Condition, Verdict};
pub use answer::{Piece, Row};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub use commands::Idled;
use std::fmt::Debug;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::Wire;

/// A command and its answer.
const COMMAND_S: u64 = 120;

/// What one command may bring: a chunk of a letter, or a list, with room.
const ANSWER_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// So many lines may come in answer to STARTTLS.
const PLAIN_LINES_MAX: usize = 100;

/// Any stream that IMAP can be spoken over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

/// What went wrong in a dialogue. What a server says by NO, BAD or BYE is repeated, for it says
/// what to mend; nothing else that it sent is.
#[derive(Debug, thiserror::Error)]
pub enum DialogueError {
    #[error("closed the connection")]
    Gone,
    #[error("closed the connection: {0:?}")]
    Bye(String),
    #[error("keeps silent")]
    Silent,
    #[error("connection broke ({0})")]
    Broken(std::io::ErrorKind),
    #[error("sent what cannot be read as IMAP")]
    Garbled,
    #[error("says NO {0:?}")]
    No(String),
    #[error("says BAD {0:?}")]
    Bad(String),
    #[error("refuses STARTTLS ({0:?}): use security = \"tls\", or mend the server")]
    StarttlsRefused(String),
    #[error("behaves oddly: {0}")]
    Odd(&'static str),
    /// A word of ours has octets that the command can't carry; nothing was sent.
    #[error("cannot be sent a word of ours that has characters beyond ASCII")]
    Unsendable,
}

impl DialogueError {
    /// Whatever the server does may pass: the next round connects anew. What we can't say lasts.
    pub fn port(self, server: &str) -> PortError {
        let why = format!("{server} {self}");
        match self {
            Self::Unsendable => PortError::lasting(why),
            _ => PortError::passing(why),
        }
    }

    /// Whether the server answered a command with a refusal: the connection is as good as before.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::No(_) | Self::Bad(_))
    }
}

/// One IMAP session, command by command: each ends with its own tagged OK or with an error.
pub struct Dialogue {
    wire: Wire,
    tags: u64,
    greeted: bool,
}

/// What SELECT told of a folder.
pub struct SelectedFolder {
    /// Its UIDVALIDITY (RFC 9051 section 2.3.1.1).
    pub validity: u32,
    /// How many letters lie in it.
    pub letters: u32,
}

/// The dialogue up to the handshake (RFC 9051 section 6.2.1), line by line, without any buffer that
/// could carry injected octets into the private part.
pub async fn starttls(stream: TcpStream) -> Result<TcpStream, DialogueError> {
    let broken = |e: std::io::Error| DialogueError::Broken(e.kind());
    let mut stream = BufReader::new(stream);
    let talk = async {
        let line = wire::plain_line(&mut stream).await?;
        // PREAUTH before TLS would be a stripped session.
        if !line.to_ascii_uppercase().starts_with("* OK") {
            return Err(DialogueError::Odd("its greeting is not OK"));
        }
        stream
            .get_mut()
            .write_all(b"T1 STARTTLS\r\n")
            .await
            .map_err(broken)?;
        for lines in 1.. {
            if lines > PLAIN_LINES_MAX {
                return Err(DialogueError::Odd("it says too much before TLS"));
            }
            let line = wire::plain_line(&mut stream).await?;
            let upper = line.to_ascii_uppercase();
            if upper.starts_with("T1 OK") {
                break;
            }
            if upper.starts_with("T1 ") {
                let words = answer::own_words(line.trim_start_matches(|c| c != ' '));
                return Err(DialogueError::StarttlsRefused(words));
            }
        }
        if stream.buffer().is_empty() {
            Ok(())
        } else {
            Err(DialogueError::Odd(
                "it sent something after STARTTLS and before TLS",
            ))
        }
    };
    timeout(Duration::from_secs(COMMAND_S), talk)
        .await
        .map_err(|_| DialogueError::Silent)??;
    Ok(stream.into_inner())
}

/// A mailbox name as a quoted string, in modified UTF-7 where it is not ASCII (RFC 3501 section
/// 5.1.3).
pub fn folder_name(name: &str) -> Result<String, DialogueError> {
    let mut coded = String::new();
    let mut foreign: Vec<u16> = Vec::new();
    let flush = |foreign: &mut Vec<u16>, coded: &mut String| {
        if !foreign.is_empty() {
            let octets: Vec<u8> = foreign.drain(..).flat_map(u16::to_be_bytes).collect();
            coded.push('&');
            coded.push_str(
                &STANDARD
                    .encode(octets)
                    .trim_end_matches('=')
                    .replace('/', ","),
            );
            coded.push('-');
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut foreign, &mut coded);
            coded.push(c);
            if c == '&' {
                coded.push('-');
            }
        } else {
            foreign.extend(c.encode_utf16(&mut [0; 2]).iter());
        }
    }
    flush(&mut foreign, &mut coded);
    quoted(&coded)
}

/// A quoted string (RFC 9051 section 4.3); control characters and 8-bit octets can't stand in one.
pub fn quoted(text: &str) -> Result<String, DialogueError> {
    if text.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
        return Err(DialogueError::Unsendable);
    }
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

impl Dialogue {
    /// Over a fresh stream, TLS already on it where it has any. Wait for the greeting first.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            wire: Wire::new(stream),
            tags: 0,
            greeted: false,
        }
    }

    /// Over a stream on which the greeting was already given, before TLS.
    pub fn after_greeting(stream: Box<dyn Stream>) -> Self {
        Self {
            greeted: true,
            ..Self::new(stream)
        }
    }

    /// Waits for the server's OK. PREAUTH is refused: it would log us in as somebody unknown.
    pub async fn greeting(&mut self) -> Result<(), DialogueError> {
        if self.greeted {
            return Ok(());
        }
        match timeout(Duration::from_secs(COMMAND_S), self.next())
            .await
            .map_err(|_| DialogueError::Silent)??
        {
            Answer::Condition(Condition::Ok, _) => Ok(()),
            Answer::Condition(Condition::PreAuth, _) => Err(DialogueError::Odd(
                "it logged us in before we said who we are",
            )),
            _ => Err(DialogueError::Odd("its greeting is not one")),
        }
    }

    /// The next response that somebody needs to understand. BYE is an error.
    async fn next(&mut self) -> Result<Answer, DialogueError> {
        self.next_weighed().await.map(|(answer, _)| answer)
    }

    /// The same, and about how many octets of memory it takes to keep it, with those of lines that were
    /// passed over before it.
    async fn next_weighed(&mut self) -> Result<(Answer, usize), DialogueError> {
        let mut passed = 0;
        loop {
            let response = self.wire.response().await?;
            match answer::read(&response)? {
                Some(Answer::Bye(words)) => return Err(DialogueError::Bye(words)),
                Some(answer) => {
                    let weight = passed + weight(&answer, response.len());
                    return Ok((answer, weight));
                }
                None => {
                    passed += response.len();
                    if passed > ANSWER_OCTETS_MAX {
                        return Err(DialogueError::Odd("its answer is too long"));
                    }
                }
            }
        }
    }

    async fn send(&mut self, command: &str) -> Result<String, DialogueError> {
        if command.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(DialogueError::Odd(
                "a word of ours cannot be sent: it has a line end",
            ));
        }
        self.tags += 1;
        let tag = format!("S{:06}", self.tags);
        self.wire
            .write(format!("{tag} {command}\r\n").as_bytes())
            .await?;
        Ok(tag)
    }

    /// Sends a command and returns what came before its tagged OK. NO, BAD, an end of file, a
    /// foreign tag and silence are errors.
    async fn command(&mut self, command: &str) -> Result<Vec<Answer>, DialogueError> {
        let run = async {
            let tag = self.send(command).await?;
            let mut data = Vec::new();
            let mut octets = 0;
            loop {
                let (answer, weight) = self.next_weighed().await?;
                match answer {
                    Answer::Done(answered, verdict) => {
                        return finished(&tag, &answered, verdict).map(|()| data);
                    }
                    Answer::Continue => {
                        return Err(DialogueError::Odd("it asks for more where there is none"));
                    }
                    other => {
                        octets += weight;
                        if octets > ANSWER_OCTETS_MAX {
                            return Err(DialogueError::Odd("its answer is too long"));
                        }
                        data.push(other);
                    }
                }
            }
        };
        timeout(Duration::from_secs(COMMAND_S), run)
            .await
            .map_err(|_| DialogueError::Silent)?
    }
}

/// What the end of a command says of it.
fn finished(sent: &str, answered: &str, verdict: Verdict) -> Result<(), DialogueError> {
    if sent != answered {
        return Err(DialogueError::Odd("it answers a command that was not sent"));
    }
    match verdict {
        Verdict::Ok => Ok(()),
        Verdict::No(words) => Err(DialogueError::No(words)),
        Verdict::Bad(words) => Err(DialogueError::Bad(words)),
    }
}

/// What an answer that is kept takes of memory: as much as came, and what stands around it. A word
/// of one octet takes much more than that.
fn weight(answer: &Answer, came: usize) -> usize {
    let words = match answer {
        Answer::Capabilities(names) => names.len() * size_of::<String>(),
        _ => 0,
    };
    came + words + size_of::<Answer>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;

    /// Plays the server's part: after each command, one scripted answer with `TAG` filled in.
    async fn with_server<T>(
        answers: &'static [&'static str],
        talk: impl AsyncFnOnce(&mut Dialogue) -> T,
    ) -> T {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let server = async move {
            for answer in answers {
                let mut line = vec![0; 4096];
                let n = theirs.read(&mut line).await.unwrap_or(0);
                let tag = String::from_utf8_lossy(&line[..n])
                    .split(' ')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let _ = theirs
                    .write_all(answer.replace("TAG", &tag).as_bytes())
                    .await;
            }
        };
        let mut dialogue = Dialogue::after_greeting(Box::new(ours));
        let (_, value) = futures::join!(server, talk(&mut dialogue));
        value
    }

    #[tokio::test]
    async fn no_error_looks_like_an_empty_mailbox() {
        let rows: [&'static [&'static str]; 7] = [
            &["TAG NO [UNAVAILABLE] try later\r\n"],
            &["TAG BAD what\r\n"],
            &["* BYE shutting down\r\n"],
            &[""], // the connection ends on a response boundary
            &["X99 OK done\r\n"],
            &["* SEARCH 3 x\r\nTAG OK done\r\n"],
            &["* SEXRCH 3 1\r\nTAG OK done\r\n", "TAG NO what\r\n"],
        ];
        for answers in rows {
            let found = with_server(answers, async |d| d.search_beyond(0).await).await;
            assert!(found.is_err(), "{answers:?}");
        }
        let rows: [(&'static [&'static str], &[u64]); 3] = [
            (&["* SEARCH 3 1\r\nTAG OK\r\n"], &[3]),
            // iCloud sends none where nothing is found.
            (&["* 3 RECENT\r\nTAG OK done\r\n", "TAG OK done\r\n"], &[]),
            // One that answers in another form (RFC 4731) is asked in another form.
            (
                &[
                    "* ESEARCH (TAG \"TAG\") UID ALL 3\r\nTAG OK done\r\n",
                    "* 2 FETCH (UID 3)\r\nTAG OK done\r\n",
                ],
                &[3],
            ),
        ];
        for (answers, uids) in rows {
            let found = with_server(answers, async |d| d.search_beyond(1).await).await;
            assert_eq!(found.unwrap(), uids, "{answers:?}");
        }
    }

    #[tokio::test]
    async fn what_a_server_says_unasked_is_kept_up_to_a_bound() {
        let floods = [
            "* SEARCH\r\n".to_owned(),
            "* CAPABILITY\r\n".to_owned(),
            format!("* CAPABILITY{}\r\n", " A".repeat(1000)),
            format!("* 1 FETCH (INTERNALDATE \"{}\")\r\n", "1".repeat(4000)),
        ];
        for line in floods {
            let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
            let server = async move {
                // More than the bound allows, and less where an answer weighed 64 octets.
                let times = ANSWER_OCTETS_MAX * 3 / 2 / (line.len() + 64);
                let lines = line.repeat(times);
                let _ = theirs.write_all(lines.as_bytes()).await;
                let _ = theirs.write_all(b"S000001 OK done\r\n").await;
            };
            let mut dialogue = Dialogue::after_greeting(Box::new(ours));
            let talk = async move { dialogue.command("NOOP").await };
            let (_, said) = futures::join!(server, talk);
            assert!(matches!(said, Err(DialogueError::Odd(_))), "{said:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_before_tls_is_read_up_to_a_bound() {
        let long = "* OK ".to_owned() + &"x".repeat(64 * 1024);
        let many = "* OK ready\r\n".to_owned() + &"* OK x\r\n".repeat(1000);
        for said in [long, many] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ours = TcpStream::connect(listener.local_addr().unwrap());
            let (ours, (mut theirs, _)) = futures::try_join!(ours, listener.accept()).unwrap();
            // The server's side stays open.
            theirs.write_all(said.as_bytes()).await.unwrap();
            let limit = Duration::from_secs(20);
            let refused = timeout(limit, starttls(ours)).await.expect("it reads on");
            assert!(matches!(refused, Err(DialogueError::Odd(_))), "{refused:?}");
        }
    }

    /// Idles for five minutes with a server that says `+` and then one line a second from `after`;
    /// the time that it took, and what it heard from us.
    async fn idling(
        lines: &'static [&'static str],
        silent: bool,
    ) -> (Result<Idled, DialogueError>, Duration, String) {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let mut dialogue = Dialogue::after_greeting(Box::new(ours));
        let server = async {
            let mut heard = vec![0; 64];
            let n = theirs.read(&mut heard).await.unwrap();
            let tag = String::from_utf8_lossy(&heard[..n])
                .split(' ')
                .next()
                .unwrap()
                .to_owned();
            theirs.write_all(b"+ idling\r\n").await.unwrap();
            for line in lines {
                tokio::time::sleep(Duration::from_secs(1)).await;
                theirs.write_all(line.as_bytes()).await.unwrap();
            }
            let n = theirs.read(&mut heard).await.unwrap();
            if silent {
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            theirs
                .write_all(format!("{tag} OK done\r\n").as_bytes())
                .await
                .unwrap();
            String::from_utf8_lossy(&heard[..n]).into_owned()
        };
        let start = Instant::now();
        let (heard, done) = futures::join!(server, async {
            (
                dialogue.idle(Duration::from_secs(300)).await,
                start.elapsed(),
            )
        });
        (done.0, done.1, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn idle_ends_with_news_with_the_time_and_with_a_server_that_fell_silent() {
        let (done, took, heard) = idling(
            &["* 1 RECENT\r\n", "* OK still here\r\n", "* 7 EXISTS\r\n"],
            false,
        )
        .await;
        assert!(
            done.is_ok() && took.as_secs() == 3 && heard == "DONE\r\n",
            "{done:?} {took:?} {heard}"
        );
        let (done, took, heard) = idling(&["* OK still here\r\n"], false).await;
        assert!(
            done.is_ok() && took.as_secs() == 300 && heard == "DONE\r\n",
            "{done:?} {took:?} {heard}"
        );
        // Whatever stands between may have dropped the line without a word: DONE finds out.
        let (done, took, _) = idling(&[], true).await;
        assert!(
            matches!(done, Err(DialogueError::Silent)) && took.as_secs() == 300 + COMMAND_S,
            "{done:?} {took:?}"
        );
    }

    #[test]
    fn folder_names_are_coded_as_the_standard_says() {
        assert_eq!(
            folder_name("Entwürfe & mehr").unwrap(),
            "\"Entw&APw-rfe &- mehr\""
        );
        assert_eq!(folder_name("a\"b\\c").unwrap(), "\"a\\\"b\\\\c\"");
    }
}
