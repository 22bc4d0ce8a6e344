//! How is a Maildir read? (D. J. Bernstein's format: new/ and cur/, a file a letter.)
//!
//! Letters that are durable here move from new/ to cur/ with the flag S. Nothing is deleted.

use crate::model::Timestamp;
use crate::ports::{FetchOutcome, ListedLetter, Mailbox, MailboxUid, PortError, Sink};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets read at once.
const PIECE_OCTETS: usize = 256 * 1024;

/// A Maildir has no UIDVALIDITY.
const VALIDITY: u32 = 1;

/// A Maildir on this machine, read by one desk alone.
pub struct Maildir {
    name: String,
    path: PathBuf,
    /// From the number that stands for a file's unique name to the file.
    files: HashMap<u64, PathBuf>,
}

impl Maildir {
    /// `path` holds `new` and `cur`. Nothing is looked at before the first list or probe.
    pub fn new(name: String, path: PathBuf) -> Self {
        Self {
            name,
            path,
            files: HashMap::new(),
        }
    }
}

fn cannot(what: &str, path: &Path) -> impl Fn(std::io::Error) -> PortError {
    let text = format!("cannot {what} {}", path.display());
    move |err| PortError::passing(&text).because(err)
}

/// The part of a file name that stays when flags change, as a number.
fn number(name: &str) -> u64 {
    let unique = name.split(':').next().unwrap_or(name);
    let digest = Sha256::digest(unique.as_bytes());
    // 63 bits, since the store's integers are signed.
    u64::from_be_bytes(digest[..8].try_into().unwrap_or_default()) >> 1
}

#[async_trait]
impl Mailbox for Maildir {
    fn name(&self) -> &str {
        &self.name
    }

    async fn list(
        &mut self,
        _now: Timestamp,
        _: &(dyn for<'f> Fn(&'f str, u32) -> u64 + Send + Sync),
    ) -> Result<Vec<ListedLetter>, PortError> {
        let new = self.path.join("new");
        let entries = std::fs::read_dir(&new).map_err(cannot("list the Maildir", &new))?;
        let mut lying = Vec::new();
        self.files.clear();
        for entry in entries {
            let entry = entry.map_err(cannot("list the Maildir", &new))?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            if !facts.is_file() || file_name.starts_with('.') {
                continue;
            }
            let uid = number(&file_name);
            self.files.insert(uid, entry.path());
            let modified = facts
                .modified()
                .ok()
                .and_then(|t| Timestamp::try_from(t).ok());
            lying.push(ListedLetter {
                place: MailboxUid {
                    folder: "new".to_owned(),
                    validity: VALIDITY,
                    uid,
                },
                received_at: modified.unwrap_or(Timestamp::UNIX_EPOCH),
                octets: Some(facts.len()),
                advisory: None,
            });
        }
        lying.sort_by_key(|l| (l.received_at, l.place.uid));
        Ok(lying)
    }

    async fn fetch(
        &mut self,
        letter: &ListedLetter,
        sink: &mut dyn Sink,
    ) -> Result<FetchOutcome, PortError> {
        use std::io::Read;
        let path = self
            .files
            .get(&letter.place.uid)
            .ok_or_else(|| PortError::passing("the letter is not in the Maildir any more"))?;
        let mut file = std::fs::File::open(path).map_err(cannot("open", path))?;
        let mut piece = vec![0; PIECE_OCTETS];
        loop {
            let n = file.read(&mut piece).map_err(cannot("read", path))?;
            if n == 0 {
                return Ok(FetchOutcome::Whole);
            }
            sink.take(&piece[..n]).await?;
        }
    }

    async fn settle(&mut self, places: &[MailboxUid]) -> Result<(), PortError> {
        for place in places {
            // Whoever moved it away has settled it.
            let Some(path) = self.files.get(&place.uid) else {
                continue;
            };
            let name = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            let unique = name.split(':').next().unwrap_or(&name);
            let cur = self.path.join("cur").join(format!("{unique}:2,S"));
            match std::fs::rename(path, &cur) {
                Ok(()) => {}
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
                Err(err) => return Err(cannot("move to cur/", path)(err)),
            }
        }
        Ok(())
    }

    async fn wait(&mut self, at_most: Duration) -> Result<(), PortError> {
        tokio::time::sleep(at_most).await;
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, PortError> {
        for folder in ["new", "cur", "tmp"] {
            let path = self.path.join(folder);
            std::fs::read_dir(&path).map_err(|e| {
                PortError::lasting(format!(
                    "{} is not a Maildir: {folder}/ cannot be listed",
                    self.path.display()
                ))
                .because(e)
            })?;
        }
        Ok(format!("Maildir {}", self.path.display()))
    }
}
