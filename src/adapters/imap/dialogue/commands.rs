//! Which commands are given to an IMAP server?

use super::answer::{Answer, Condition, own_words};
use super::{
    COMMAND_S, Dialogue, DialogueError, Row, SelectedFolder, finished, folder_name, quoted,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// So many characters of a secret tell that a server repeats it.
const REPEATED_CHARS: usize = 8;

/// A refusal of our login without what we said to log in: some servers repeat the line that they
/// refuse, or the part of it that they dislike.
fn without_secrets(err: DialogueError, secrets: [&str; 2]) -> DialogueError {
    let (DialogueError::No(words) | DialogueError::Bad(words) | DialogueError::Bye(words)) = &err
    else {
        return err;
    };
    let repeats = secrets.into_iter().any(|secret| {
        // As the server's words are shown.
        let shown = own_words(secret);
        let begin: String = shown.chars().take(REPEATED_CHARS).collect();
        !begin.is_empty() && words.contains(begin.trim_end())
    });
    let hidden = || "its words repeat our login and are not shown".to_owned();
    match err {
        DialogueError::No(_) if repeats => DialogueError::No(hidden()),
        DialogueError::Bad(_) if repeats => DialogueError::Bad(hidden()),
        DialogueError::Bye(_) if repeats => DialogueError::Bye(hidden()),
        other => other,
    }
}

/// How an IDLE ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idled {
    /// By us: something changed, or the time was up.
    Ended,
    EndedByServer,
}

impl Dialogue {
    /// AUTHENTICATE with one message of ours (RFC 9051 section 6.2.2; SASL-IR, RFC 4959), which holds
    /// a secret. `refusal` is what we answer, in base64, to a challenge that tells why the server
    /// will refuse.
    pub async fn authenticate(
        &mut self,
        mechanism: &str,
        message: &[u8],
        secret: &str,
        refusal: &str,
        at_once: bool,
    ) -> Result<(), DialogueError> {
        let coded = STANDARD.encode(message);
        let run = async {
            let tag = if at_once {
                self.send(&format!("AUTHENTICATE {mechanism} {coded}"))
                    .await?
            } else {
                self.send(&format!("AUTHENTICATE {mechanism}")).await?
            };
            let mut said = at_once;
            let mut challenges = 0;
            loop {
                match self.next().await? {
                    Answer::Continue if !said => {
                        said = true;
                        self.wire.write(format!("{coded}\r\n").as_bytes()).await?;
                    }
                    // The answer brings the NO that ends it.
                    Answer::Continue => {
                        challenges += 1;
                        if challenges > 2 {
                            return Err(DialogueError::Odd("it asks again and again"));
                        }
                        self.wire.write(format!("{refusal}\r\n").as_bytes()).await?;
                    }
                    Answer::Done(answered, verdict) => return finished(&tag, &answered, verdict),
                    _ => {}
                }
            }
        };
        let done = timeout(Duration::from_secs(COMMAND_S), run)
            .await
            .map_err(|_| DialogueError::Silent)?;
        done.map_err(|err| without_secrets(err, [secret, coded.as_str()]))
    }

    /// LOGIN (RFC 9051 section 6.2.3), for servers without AUTHENTICATE PLAIN.
    pub async fn login(&mut self, user: &str, password: &str) -> Result<(), DialogueError> {
        let coded = quoted(password)?;
        let command = format!("LOGIN {} {coded}", quoted(user)?);
        let done = self.command(&command).await.map(drop);
        done.map_err(|err| without_secrets(err, [password, coded.as_str()]))
    }

    /// In upper case.
    pub async fn capabilities(&mut self) -> Result<BTreeSet<String>, DialogueError> {
        let data = self.command("CAPABILITY").await?;
        let listed = data.into_iter().filter_map(|answer| match answer {
            Answer::Capabilities(names) => Some(names),
            _ => None,
        });
        Ok(listed.flatten().collect())
    }

    /// ID (RFC 2971): some servers open no folder for a client that has not said what it is. A
    /// refusal is none of our business.
    pub async fn identify(&mut self) -> Result<(), DialogueError> {
        let version = env!("CARGO_PKG_VERSION");
        let command = format!("ID (\"name\" \"sealdesk\" \"version\" \"{version}\")");
        match self.command(&command).await {
            Err(err) if !err.is_refusal() => Err(err),
            _ => Ok(()),
        }
    }

    /// SELECT. A folder without a UIDVALIDITY is an error, for no cursor would hold in it.
    pub async fn open(&mut self, folder: &str) -> Result<SelectedFolder, DialogueError> {
        let data = self
            .command(&format!("SELECT {}", folder_name(folder)?))
            .await?;
        let validity = data.iter().find_map(|answer| match answer {
            Answer::Condition(Condition::Ok, validity) => *validity,
            _ => None,
        });
        let letters = data.iter().find_map(|answer| match answer {
            Answer::Exists(letters) => Some(*letters),
            _ => None,
        });
        validity
            .map(|validity| SelectedFolder {
                validity,
                letters: letters.unwrap_or(0),
            })
            .ok_or(DialogueError::Odd("its folder has no UIDVALIDITY"))
    }

    /// Whether there is a folder of this name.
    pub async fn has_folder(&mut self, folder: &str) -> Result<bool, DialogueError> {
        let name = folder_name(folder)?;
        // In a pattern these stand for other names (RFC 9051 section 6.3.9).
        if folder.contains(['*', '%']) {
            return self
                .command(&format!("STATUS {name} (UIDNEXT)"))
                .await
                .map(|_| true);
        }
        let data = self.command(&format!("LIST \"\" {name}")).await?;
        Ok(data.contains(&Answer::Folder(true)))
    }

    /// What the names of folders of our own must begin with, where the server says so.
    pub async fn namespace(&mut self) -> Result<Option<String>, DialogueError> {
        let data = self.command("NAMESPACE").await?;
        Ok(data.into_iter().find_map(|answer| match answer {
            Answer::Namespace(prefix) => Some(prefix),
            _ => None,
        }))
    }

    /// UIDs beyond this one, ascending. `n:*` names the last letter of a folder even where it is
    /// below n, so that a search that finds nothing is an empty folder, or a server that sends no
    /// result: then the letters themselves are asked for.
    pub async fn search_beyond(&mut self, after: u64) -> Result<Vec<u64>, DialogueError> {
        let beyond = format!("{}:*", after + 1);
        let data = self.command(&format!("UID SEARCH UID {beyond}")).await?;
        let found = data.into_iter().filter_map(|answer| match answer {
            Answer::Search(found) => Some(found),
            _ => None,
        });
        let mut uids: Vec<u32> = found.flatten().collect();
        if uids.is_empty() {
            let rows = self.fetch(&format!("UID FETCH {beyond} (UID)")).await?;
            uids.extend(rows.iter().filter_map(|row| row.uid));
        }
        let mut uids: Vec<u64> = uids
            .into_iter()
            .map(u64::from)
            .filter(|uid| *uid > after)
            .collect();
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Runs a whole UID FETCH command: one row a letter, however many responses told of it.
    pub async fn fetch(&mut self, command: &str) -> Result<Vec<Row>, DialogueError> {
        let data = self.command(command).await?;
        let mut rows: Vec<Row> = Vec::new();
        // By the letter's number, which holds until a letter before it is removed.
        let mut by_number: HashMap<u32, usize> = HashMap::new();
        for answer in data {
            match answer {
                Answer::Fetch(number, row) => match by_number.get(&number) {
                    Some(known) => rows[*known].merge(row),
                    None => {
                        by_number.insert(number, rows.len());
                        rows.push(row);
                    }
                },
                Answer::Expunge => by_number.clear(),
                _ => {}
            }
        }
        Ok(rows)
    }

    /// Adds a flag to a set of UIDs, such as `3,7:9`.
    pub async fn store(&mut self, uids: &str, flag: &str) -> Result<(), DialogueError> {
        self.command(&format!("UID STORE {uids} +FLAGS.SILENT ({flag})"))
            .await
            .map(drop)
    }

    /// A MOVE or COPY whose folder is made where it is missing.
    pub async fn moving(&mut self, command: &str, folder: &str) -> Result<(), DialogueError> {
        match self.command(command).await {
            Err(DialogueError::No(_)) => {
                // The folder may be missing, or exist for another reason to refuse: trying both
                // tells.
                let _ = self.command(&format!("CREATE {folder}")).await;
                self.command(command).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// Makes a folder.
    pub async fn create(&mut self, folder: &str) -> Result<(), DialogueError> {
        let name = folder_name(folder)?;
        self.command(&format!("CREATE {name}")).await.map(drop)
    }

    /// UID EXPUNGE (RFC 4315) of a set of UIDs.
    pub async fn expunge(&mut self, uids: &str) -> Result<(), DialogueError> {
        self.command(&format!("UID EXPUNGE {uids}")).await.map(drop)
    }

    /// IDLE (RFC 2177) until something changes, the time is up, or the server ends it. DONE is the
    /// probe that the line lives. A refusal is an error, and leaves the connection as it was.
    pub async fn idle(&mut self, at_most: Duration) -> Result<Idled, DialogueError> {
        let limit = Duration::from_secs(COMMAND_S);
        let tag = timeout(limit, self.send("IDLE"))
            .await
            .map_err(|_| DialogueError::Silent)??;
        let until = Instant::now() + limit;
        let mut changed = false;
        loop {
            match timeout_at(until, self.next())
                .await
                .map_err(|_| DialogueError::Silent)??
            {
                Answer::Continue => break,
                Answer::Done(answered, verdict) => {
                    return finished(&tag, &answered, verdict).map(|()| Idled::EndedByServer);
                }
                other => changed |= matches!(other, Answer::Exists(_)),
            }
        }
        let until = Instant::now() + at_most;
        while !changed {
            match timeout_at(until, self.next()).await {
                Err(_) => break,
                Ok(answer) => match answer? {
                    Answer::Done(answered, verdict) => {
                        return finished(&tag, &answered, verdict).map(|()| Idled::EndedByServer);
                    }
                    other => changed |= matches!(other, Answer::Exists(_)),
                },
            }
        }
        let until = Instant::now() + limit;
        timeout_at(until, self.wire.write(b"DONE\r\n"))
            .await
            .map_err(|_| DialogueError::Silent)??;
        loop {
            let answer = timeout_at(until, self.next())
                .await
                .map_err(|_| DialogueError::Silent)??;
            if let Answer::Done(answered, verdict) = answer {
                return finished(&tag, &answered, verdict).map(|()| Idled::Ended);
            }
        }
    }
}
