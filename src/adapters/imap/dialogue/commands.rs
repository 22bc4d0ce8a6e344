//! Which commands are given to an IMAP server?

use super::responses::{finished, is_news, row};
use super::{COMMAND_S, Dialogue, DialogueError, Row, SelectedFolder, folder_name};
use async_imap::imap_proto::{Capability, MailboxDatum, Response, ResponseCode, Status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

impl Dialogue {
    /// AUTHENTICATE with one message of ours (RFC 9051 section 6.2.2; SASL-IR, RFC 4959).
    pub async fn authenticate(
        &mut self,
        mechanism: &str,
        message: &[u8],
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
                    Response::Continue(_) if !said => {
                        said = true;
                        self.write(format!("{coded}\r\n").as_bytes()).await?;
                    }
                    // XOAUTH2 tells its error in a challenge; an empty line brings the NO that ends
                    // it.
                    Response::Continue(_) => {
                        challenges += 1;
                        if challenges > 2 {
                            return Err(DialogueError::Odd("it asks again and again"));
                        }
                        self.write(b"\r\n").await?;
                    }
                    Response::Done {
                        tag: answered,
                        status,
                        outcome,
                    } => return finished(&tag, &answered.0, &status, outcome.information),
                    Response::Data {
                        status: Status::Bye,
                        ..
                    } => return Err(DialogueError::Gone),
                    _ => {}
                }
            }
        };
        timeout(Duration::from_secs(COMMAND_S), run)
            .await
            .map_err(|_| DialogueError::Silent)?
    }

    /// In upper case.
    pub async fn capabilities(&mut self) -> Result<BTreeSet<String>, DialogueError> {
        let data = self.command("CAPABILITY").await?;
        let listed = data.iter().filter_map(|r| match r {
            Response::Capabilities(listed) => Some(listed),
            _ => None,
        });
        let names: BTreeSet<String> = listed
            .flatten()
            .map(|c| match c {
                Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_ascii_uppercase()),
                Capability::Atom(name) => name.to_ascii_uppercase(),
            })
            .collect();
        if names.is_empty() {
            Err(DialogueError::Odd("it has no capability"))
        } else {
            Ok(names)
        }
    }

    /// SELECT. A folder without a UIDVALIDITY is an error, for no cursor would hold in it.
    pub async fn open(&mut self, folder: &str) -> Result<SelectedFolder, DialogueError> {
        let data = self
            .command(&format!("SELECT {}", folder_name(folder)?))
            .await?;
        let validity = data.iter().find_map(|r| match r {
            Response::Data {
                status: Status::Ok,
                outcome,
            } => match outcome.code {
                Some(ResponseCode::UidValidity(validity)) => Some(validity),
                _ => None,
            },
            _ => None,
        });
        validity
            .map(|validity| SelectedFolder { validity })
            .ok_or(DialogueError::Odd("its folder has no UIDVALIDITY"))
    }

    /// UIDs beyond this one, ascending.
    pub async fn search_beyond(&mut self, after: u64) -> Result<Vec<u64>, DialogueError> {
        let data = self
            .command(&format!("UID SEARCH UID {}:*", after + 1))
            .await?;
        let mut seen = false;
        let mut uids = Vec::new();
        for response in data {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                seen = true;
                // `n:*` always names the last letter, even one below n.
                uids.extend(found.into_iter().map(u64::from).filter(|uid| *uid > after));
            }
        }
        if !seen {
            return Err(DialogueError::Odd("it answers a search without a result"));
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// Runs a whole UID FETCH command; rows that name no UID are left out.
    pub async fn fetch(&mut self, command: &str) -> Result<Vec<Row>, DialogueError> {
        let data = self.command(command).await?;
        let rows = data.into_iter().filter_map(|response| match response {
            Response::Fetch(_, attributes) => Some(row(attributes)),
            _ => None,
        });
        Ok(rows.filter(|row| row.uid.is_some()).collect())
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

    /// IDLE (RFC 2177) until something changes or the time is up. DONE is the probe that the line
    /// lives.
    pub async fn idle(&mut self, at_most: Duration) -> Result<(), DialogueError> {
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
                Response::Continue(_) => break,
                Response::Done {
                    tag: answered,
                    status,
                    outcome,
                } => {
                    finished(&tag, &answered.0, &status, outcome.information)?;
                    return Err(DialogueError::Odd("it ends IDLE before it began"));
                }
                other => changed |= is_news(&other)?,
            }
        }
        let until = Instant::now() + at_most;
        while !changed {
            match timeout_at(until, self.next()).await {
                Err(_) => break,
                Ok(Ok(Response::Done { .. })) => {
                    return Err(DialogueError::Odd("it ends IDLE by itself"));
                }
                Ok(response) => changed |= is_news(&response?)?,
            }
        }
        let until = Instant::now() + limit;
        timeout_at(until, self.write(b"DONE\r\n"))
            .await
            .map_err(|_| DialogueError::Silent)??;
        loop {
            match timeout_at(until, self.next())
                .await
                .map_err(|_| DialogueError::Silent)??
            {
                Response::Done {
                    tag: answered,
                    status,
                    outcome,
                } => return finished(&tag, &answered.0, &status, outcome.information),
                other => drop(is_news(&other)?),
            }
        }
    }
}
