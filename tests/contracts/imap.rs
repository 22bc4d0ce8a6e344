//! Does what is odd about one letter, or one line of a server, cost that alone? Each row is what a
//! real server was seen to do, played by a scripted one.

use super::Octets;
use sealdesk::adapters::imap::{CHUNK_OCTETS, ImapLogin, ImapMailbox, ImapPrivacy, Settling};
use sealdesk::adapters::net::Trust;
use sealdesk::adapters::net::login::Means;
use sealdesk::model::Timestamp;
use sealdesk::model::secret::Secret;
use sealdesk::ports::{FetchOutcome, Mailbox, PortError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server says to a command, where it does not say what it should; `TAG` is its tag.
type Script = fn(&str) -> Option<String>;

/// When the letters arrived.
const ARRIVED: &str = "17-Jul-2026 02:44:25 +0000";

/// Three letters, of which the second has exactly one chunk.
fn letters() -> [(u32, String); 3] {
    let whole = "Received: from a by b; Fri, 17 Jul 2026 02:44:20 +0000\r\nSubject: x\r\n\r\n";
    let chunk = CHUNK_OCTETS as usize;
    [
        (4, format!("{whole}first\r\n")),
        (7, format!("{whole}{}", "x".repeat(chunk - whole.len()))),
        (9, format!("{whole}third\r\n")),
    ]
}

/// A server on loopback; its port, and what it was told.
async fn server(script: Script) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, script, Arc::clone(&told)));
        }
    });
    (port, heard)
}

async fn serve(stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut answer = "* OK ready\r\n".to_owned();
    loop {
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end();
        heard.lock().unwrap().push(line.to_owned());
        let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
        let said = script(command).unwrap_or_else(|| as_it_should(command));
        answer = said.replace("TAG", tag);
    }
}

/// What a good server says.
fn as_it_should(command: &str) -> String {
    let letters = letters();
    let data = if command == "CAPABILITY" {
        "* CAPABILITY IMAP4rev1 IDLE MOVE UIDPLUS NAMESPACE ID AUTH=PLAIN SASL-IR\r\n".to_owned()
    } else if command.starts_with("SELECT") {
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n".to_owned()
    } else if command.starts_with("UID SEARCH") {
        "* SEARCH 4 7 9\r\n".to_owned()
    } else if command.contains("RFC822.SIZE") {
        let row = |(at, (uid, text)): (usize, &(u32, String))| described(at + 1, *uid, text.len());
        letters.iter().enumerate().map(row).collect()
    } else if let Some((uid, from)) = asked_octets(command) {
        octets(uid, from)
    } else if command.contains("BODY.PEEK[HEADER]<0.") {
        let uid = command.split(' ').nth(2).unwrap();
        let (head, _) = letters[0].1.split_once("first").unwrap();
        format!(
            "* 1 FETCH (UID {uid} BODY[HEADER]<0> {{{}}}\r\n{head})\r\n",
            head.len()
        )
    } else if command.starts_with("LIST") {
        "* LIST () \"/\" \"Done\"\r\n".to_owned()
    } else {
        String::new()
    };
    format!("{data}TAG OK done\r\n")
}

fn described(number: usize, uid: u32, octets: usize) -> String {
    format!("* {number} FETCH (UID {uid} RFC822.SIZE {octets} INTERNALDATE \"{ARRIVED}\")\r\n")
}

/// UID and first octet of a request for octets.
fn asked_octets(command: &str) -> Option<(u32, usize)> {
    let (uid, rest) = command.strip_prefix("UID FETCH ")?.split_once(' ')?;
    let (_, range) = rest.split_once("BODY.PEEK[]<")?;
    let (from, _) = range.split_once('.')?;
    Some((uid.parse().ok()?, from.parse().ok()?))
}

fn octets(uid: u32, from: usize) -> String {
    let letters = letters();
    let Some(at) = letters.iter().position(|(known, _)| *known == uid) else {
        return String::new();
    };
    let text = &letters[at].1;
    let end = text.len().min(from + CHUNK_OCTETS as usize);
    let piece = &text[from.min(end)..end];
    format!(
        "* {} FETCH (UID {uid} BODY[]<{from}> {{{}}}\r\n{piece})\r\n",
        at + 1,
        piece.len()
    )
}

fn mailbox(port: u16, folder: &str, done: Settling) -> ImapMailbox {
    ImapMailbox::new(
        "test".to_owned(),
        "127.0.0.1".to_owned(),
        port,
        ImapPrivacy::None,
        Trust::default(),
        ImapLogin {
            user: "security".to_owned(),
            means: Means::Password(Arc::new(|| Ok(Secret::new("hunter2 hunter2".into())))),
        },
        folder.to_owned(),
        done,
    )
}

/// The UIDs of the letters that were taken in whole and at their date, and why others were not.
async fn taken_in(script: Script) -> Result<(Vec<u64>, String), PortError> {
    let (port, _) = server(script).await;
    let mut mailbox = mailbox(port, "Reports", Settling::Keep);
    let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    let (mut whole, mut withheld) = (Vec::new(), String::new());
    for letter in mailbox.list(now, &|_, _| 0).await? {
        let mut taken = Octets::default();
        match mailbox.fetch(&letter, &mut taken).await? {
            FetchOutcome::Whole => {
                let uid = letter.place.uid;
                let of_uid = letters()
                    .into_iter()
                    .find(|(known, _)| u64::from(*known) == uid);
                assert!(
                    taken.0 == of_uid.unwrap().1.as_bytes(),
                    "{uid} came changed"
                );
                let date = letter.received_at.strftime("%Y-%m-%d %H:%M").to_string();
                assert_eq!(date, "2026-07-17 02:44", "{uid}");
                whole.push(uid);
            }
            FetchOutcome::Withheld(why) => withheld.push_str(&why),
        }
    }
    Ok((whole, withheld))
}

#[tokio::test]
async fn what_is_odd_about_a_line_or_a_letter_costs_that_alone() {
    let rows: [(&str, Script, &[u64]); 16] = [
        ("a good server", |_| None, &[4, 7, 9]),
        (
            "two rows a letter, flags first",
            |command| {
                let (4, 0) = asked_octets(command)? else {
                    return None;
                };
                Some(format!(
                    "* 1 FETCH (FLAGS (\\Recent))\r\n{}TAG OK done\r\n",
                    octets(4, 0)
                ))
            },
            &[4, 7, 9],
        ),
        (
            "a date that is none",
            |command| {
                let odd = "00-Jan-0000 00:00:00 +0000";
                command
                    .contains("INTERNALDATE")
                    .then(|| as_it_should(command).replacen(ARRIVED, odd, 1))
            },
            &[4, 7, 9],
        ),
        (
            "no date, as no string",
            |command| {
                let odd = format!("\"{ARRIVED}\"");
                command
                    .contains("INTERNALDATE")
                    .then(|| as_it_should(command).replacen(&odd, "NIL", 1))
            },
            &[4, 7, 9],
        ),
        (
            "a letter that is listed and not described",
            |command| {
                let only = described(1, 4, letters()[0].1.len());
                command
                    .contains("RFC822.SIZE")
                    .then(|| as_it_should(command).replace(&only, ""))
            },
            &[4, 7, 9],
        ),
        (
            "a letter that is listed and not there",
            |command| {
                let is_asked = command.starts_with("UID FETCH 4 ");
                let only = described(1, 4, letters()[0].1.len());
                if command.contains("RFC822.SIZE") {
                    return Some(as_it_should(command).replace(&only, ""));
                }
                is_asked.then(|| "TAG OK done\r\n".to_owned())
            },
            &[7, 9],
        ),
        (
            "a letter that the server refuses",
            |command| {
                command
                    .starts_with("UID FETCH 7 ")
                    .then(|| "TAG NO [SERVERBUG] it is corrupt\r\n".to_owned())
            },
            &[4, 9],
        ),
        (
            "pieces that are shorter than what was asked for",
            |command| {
                let (7, from) = asked_octets(command)? else {
                    return None;
                };
                let text = &letters()[1].1;
                let piece = &text[from..text.len().min(from + 100_000)];
                Some(format!(
                    "* 2 FETCH (UID 7 BODY[]<{from}> {{{}}}\r\n{piece})\r\nTAG OK done\r\n",
                    piece.len()
                ))
            },
            &[4, 7, 9],
        ),
        (
            "octets of which it does not say where they begin",
            |command| {
                let (_, from) = asked_octets(command)?;
                Some(as_it_should(command).replace(&format!("[]<{from}>"), "[]"))
            },
            &[4, 7, 9],
        ),
        (
            "the same, of a letter that is longer",
            |command| {
                if command.contains("RFC822.SIZE") {
                    let size = CHUNK_OCTETS.to_string();
                    return Some(as_it_should(command).replace(&size, "630105"));
                }
                let (_, from) = asked_octets(command)?;
                Some(as_it_should(command).replace(&format!("[]<{from}>"), "[]"))
            },
            &[4, 9],
        ),
        (
            "NIL behind the end",
            |command| {
                asked_octets(command)
                    .filter(|(_, from)| *from > 0)
                    .map(|(uid, from)| {
                        format!("* 2 FETCH (UID {uid} BODY[]<{from}> NIL)\r\nTAG OK done\r\n")
                    })
            },
            &[4, 7, 9],
        ),
        (
            "a row without octets behind the end",
            |command| {
                asked_octets(command)
                    .filter(|(_, from)| *from > 0)
                    .map(|(uid, _)| format!("* 2 FETCH (UID {uid})\r\nTAG OK done\r\n"))
            },
            &[4, 7, 9],
        ),
        (
            "BAD behind the end",
            |command| {
                asked_octets(command)
                    .filter(|(_, from)| *from > 0)
                    .map(|_| "TAG BAD what\r\n".to_owned())
            },
            &[4, 7, 9],
        ),
        (
            "two blanks in CAPABILITY, and a line of its own",
            |command| {
                let said =
                    "* CAPABILITY IMAP4rev1  AUTH=PLAIN SASL-IR\r\n* X\u{fc} {\r\nTAG OK\r\n";
                (command == "CAPABILITY").then(|| said.to_owned())
            },
            &[4, 7, 9],
        ),
        (
            "an odd octet in a keyword",
            |command| {
                command.contains("FETCH").then(|| {
                    as_it_should(command).replace(
                        "FETCH (UID",
                        "FETCH (FLAGS (\\Seen b\u{fc}[ \"c) MODSEQ (x) UID",
                    )
                })
            },
            &[4, 7, 9],
        ),
        (
            "octets without the UID",
            |command| {
                asked_octets(command)
                    .map(|(uid, _)| as_it_should(command).replace(&format!("UID {uid} "), ""))
            },
            &[4, 7, 9],
        ),
    ];
    for (what, script, wanted) in rows {
        let (whole, withheld) = taken_in(script)
            .await
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(whole, wanted, "{what}: {withheld}");
        assert_eq!(withheld.is_empty(), wanted.len() == 3, "{what}: {withheld}");
    }
}

#[tokio::test]
async fn a_server_that_gives_nothing_for_now_is_not_the_fault_of_the_letter() {
    let scripts: [Script; 2] = [
        |command| {
            command
                .starts_with("UID FETCH 7 ")
                .then(|| "TAG NO [UNAVAILABLE] the storage is away\r\n".to_owned())
        },
        |command| {
            command
                .starts_with("UID FETCH 7 ")
                .then(|| "TAG NO [INUSE] locked\r\n".to_owned())
        },
    ];
    for script in scripts {
        let failed = taken_in(script).await.unwrap_err();
        assert!(!failed.is_lasting(), "{failed}");
        let told = failed.to_string();
        assert!(told.contains("away") || told.contains("locked"), "{told}");
    }
}

#[tokio::test]
async fn an_empty_folder_without_a_search_response_is_no_fault_and_no_letter_is_overlooked() {
    let empty: Script = |command| match command {
        _ if command.starts_with("SELECT") => {
            Some("* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK done\r\n".to_owned())
        }
        _ if command.starts_with("UID SEARCH") => Some("TAG OK done\r\n".to_owned()),
        _ => None,
    };
    assert!(taken_in(empty).await.unwrap().0.is_empty());
    // Three letters lie there.
    let silent: Script = |command| {
        let searches = command.starts_with("UID SEARCH") || command.ends_with("(UID)");
        searches.then(|| "TAG OK done\r\n".to_owned())
    };
    assert!(taken_in(silent).await.is_err());
}

/// What `check` and the start of `run` are told.
async fn probed(script: Script) -> Result<String, PortError> {
    let (port, _) = server(script).await;
    let mut mailbox = mailbox(port, "Reports", Settling::Move("Done".to_owned()));
    mailbox.probe().await
}

#[tokio::test]
async fn refusals_are_repeated_and_only_what_a_human_must_mend_lasts() {
    let rows: [(&str, Script, bool, &[&str]); 9] = [
        (
            "the folder is nowhere",
            |c| match c {
                _ if c.starts_with("SELECT") => Some("TAG NO no such mailbox\r\n".to_owned()),
                _ if c.starts_with("LIST") => Some("TAG OK done\r\n".to_owned()),
                _ => None,
            },
            true,
            &["no such mailbox", "mailbox.folder"],
        ),
        (
            "the server is down for a while",
            |c| {
                c.starts_with("SELECT")
                    .then(|| "TAG NO Server Unavailable. 15\r\n".to_owned())
            },
            false,
            &["Server Unavailable. 15"],
        ),
        (
            "the folder is there, and not to be had",
            |c| {
                c.starts_with("SELECT")
                    .then(|| "TAG NO not now\r\n".to_owned())
            },
            false,
            &["not now"],
        ),
        (
            "a good token for another mailbox",
            |c| {
                let said = "TAG BAD User is authenticated but not connected.\r\n".to_owned();
                c.starts_with("SELECT").then_some(said)
            },
            false,
            &["authenticated but not connected", "shared mailbox"],
        ),
        (
            "too many connections",
            |c| {
                let said = "TAG NO [ALERT] Too many simultaneous connections. (Failure)\r\n";
                c.starts_with("AUTHENTICATE").then(|| said.to_owned())
            },
            false,
            &["Too many simultaneous connections"],
        ),
        (
            "a wrong password",
            |c| {
                let said = "TAG NO [AUTHENTICATIONFAILED] Invalid credentials\r\n";
                c.starts_with("AUTHENTICATE").then(|| said.to_owned())
            },
            true,
            &["Invalid credentials", "mailbox.user"],
        ),
        (
            "a server that repeats our login",
            |c| {
                c.starts_with("AUTHENTICATE")
                    .then(|| format!("TAG BAD invalid: {c}\r\n"))
            },
            false,
            &["repeat our login"],
        ),
        (
            "a folder that can't be made",
            |c| match c {
                _ if c.starts_with("LIST") => Some("TAG OK done\r\n".to_owned()),
                "CREATE \"Done\"" => Some("TAG NO no such prefix\r\n".to_owned()),
                "NAMESPACE" => {
                    Some("* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\nTAG OK done\r\n".to_owned())
                }
                _ => None,
            },
            true,
            &["no such prefix", "INBOX.", "mailbox.done"],
        ),
        (
            "a server that says goodbye",
            |c| {
                c.starts_with("SELECT")
                    .then(|| "* BYE maintenance until 4\r\n".to_owned())
            },
            false,
            &["maintenance until 4"],
        ),
    ];
    for (what, script, lasts, wanted) in rows {
        let err = probed(script).await.expect_err(what);
        let told = err.to_string();
        assert_eq!(err.is_lasting(), lasts, "{what}: {told}");
        for word in wanted {
            assert!(told.contains(word), "{what}: {told}");
        }
        assert!(!told.contains("hunter2"), "{what}: {told}");
        // "\0security\0hunter2 hunter2", coded
        assert!(!told.contains("AHNlY3VyaXR5"), "{what}: {told}");
    }
}

#[tokio::test]
async fn a_server_that_wants_to_know_us_first_is_told() {
    let (port, heard) = server(|_| None).await;
    let mut mailbox = mailbox(port, "Reports", Settling::Move("Done".to_owned()));
    let found = mailbox.probe().await.unwrap();
    assert!(found.contains("letters move to \"Done\""), "{found}");
    let heard = heard.lock().unwrap();
    let at = |begin: &str| heard.iter().position(|line| line.contains(begin)).unwrap();
    assert!(at("ID (\"name\" \"sealdesk\"") < at("SELECT"), "{heard:?}");
}

#[tokio::test]
async fn idle_that_is_refused_or_ends_at_once_becomes_polling() {
    let scripts: [Script; 2] = [
        |c| (c == "IDLE").then(|| "TAG BAD unknown command\r\n".to_owned()),
        |c| (c == "IDLE").then(|| "+ idling\r\nTAG OK and done\r\n".to_owned()),
    ];
    for script in scripts {
        let (port, heard) = server(script).await;
        let mut mailbox = mailbox(port, "Reports", Settling::Keep);
        for _ in 0..3 {
            mailbox.wait(Duration::from_millis(20)).await.unwrap();
        }
        let asked = heard
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains("IDLE"))
            .count();
        assert_eq!(asked, 1);
    }
}
