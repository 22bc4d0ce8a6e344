//! How do desk, keyholder and reader talk? A verb, then frames: eight octets of length, then
//! octets.

use crate::model::limits::{ARCHIVE_ENTRIES_MAX, Limits, PARTS_OF_LETTER_MAX};
use crate::model::reading::Reading;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// The largest frame that anyone takes.
pub const FRAME_OCTETS_MAX: u64 = 256 * 1024 * 1024;

/// The largest frame that the keyholder takes itself.
pub const SMALL_FRAME_OCTETS_MAX: u64 = 512 * 1024;

// What the desk takes of an answer, for a reader that was taken over sends whatever it likes.

/// The JSON of a reading: its text, what stands in it a second time, and lists. Each of its octets
/// may take several in JSON.
pub const READING_OCTETS_MAX: u64 = 8 * Limits::MAX.text_octets;

/// Values in that JSON: files with their lists, and fields.
pub const JSON_VALUES_MAX: usize =
    PARTS_OF_LETTER_MAX as usize * (ARCHIVE_ENTRIES_MAX + ATTACHMENT_FIELDS) + OTHER_VALUES_MAX;
const ATTACHMENT_FIELDS: usize = 10;
const OTHER_VALUES_MAX: usize = 50_000;

/// The files of a letter, and their octets in all.
pub const FILES_MAX: usize = PARTS_OF_LETTER_MAX as usize;
/// Octets of all files of a letter together.
pub const FILES_OCTETS_MAX: u64 = Limits::MAX.plaintext_octets;

/// A letter or text that was written: base64 and quoted-printable take up to three octets for each.
pub const COMPOSED_OCTETS_MAX: u64 = 4 * SMALL_FRAME_OCTETS_MAX;

/// What the desk may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OpenerVerb {
    /// Frames: [`ReadCall`] as JSON, the letter.
    Read = b'r',
    /// As `Read`, of a letter that is sealed at rest.
    ReadSealed = b's',
    /// As `ReadSealed`, without any mail key.
    OutsideSealed = b'h',
    /// As `Read`, without any mail key.
    Outside = b'g',
    /// Frame: the blob.
    Unseal = b'u',
    /// Frame: `Composition` as JSON.
    Compose = b'c',
    /// Frame: [`SecurityTxt`](crate::model::publication::SecurityTxt) as JSON.
    SecurityTxt = b'x',
    /// No frame.
    Inspect = b'i',
    /// No frame: answered with [`GOOD`] alone, and the connection stays open for as long as this
    /// keyholder lives. So the desk can tell an opener that ended from a reader that hung up.
    Watch = b'w',
}

/// Between keyholder and zygote alone: seal and assemble a letter that the keyholder signed.
pub const SEAL: u8 = b'e';

/// A reader's words to the keyholder.
pub const ASK_MAIL: u8 = b'k';
/// Asks for a session key that was encrypted to the storage key; [`ASK_MAIL`]: to a mail key.
pub const ASK_STORAGE: u8 = b't';

/// Asks for the content-encryption key of an S/MIME message; frame: a
/// [`KeyQuestion`](crate::smime::KeyQuestion) as JSON.
pub const ASK_SMIME: u8 = b'q';

// What the keyholder answers a reader that asks for a session key.
/// No key of the keyholder's opens it.
pub const NO_KEY: u8 = 0;
/// The algorithm in one octet follows, then the session key and the recipient's name as frames.
pub const KEY: u8 = 1;
/// The letter took all the time with mail keys that it may: no more is tried.
pub const SPENT: u8 = 2;
/// The number by which the desk knows the letter follows, for both logs.
pub const NAMED: u8 = b'n';
/// The reader asks for nothing more.
pub const DONE: u8 = b'd';

/// The first octet of every answer to the desk.
pub const GOOD: u8 = 0;
/// The call cannot be answered; a frame with the reason, for people, follows.
pub const REFUSED: u8 = 1;
/// Nothing is wrong with the call; it comes too fast.
pub const BUSY: u8 = 2;
/// The keyholder's own word, and the last octet of the connection: the reader of this call ended
/// before it was done. A reader that was taken over can keep it from being heard, so a connection
/// that closes without it tells nothing: the desk looks whether the keyholder lived on
/// ([`OpenerVerb::Watch`]).
pub const DIED: u8 = 3;

impl OpenerVerb {
    /// `None`: the octet is no verb of the desk's.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [
            Self::Read,
            Self::ReadSealed,
            Self::OutsideSealed,
            Self::Outside,
            Self::Unseal,
            Self::Compose,
            Self::SecurityTxt,
            Self::Inspect,
            Self::Watch,
        ]
        .into_iter()
        .find(|v| *v as u8 == octet)
    }
}

/// What the desk tells the reader of a letter besides its octets, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadCall {
    pub ours: Vec<String>,
    pub own_lists: Vec<crate::mime::OwnList>,
    #[serde(default)]
    pub forms: Vec<String>,
    pub authserv_id: Option<String>,
    #[serde(default)]
    pub products: Vec<crate::model::product::OwnProduct>,
    /// Certificates that we hold for the originator, armored or in PEM.
    pub certificates: Vec<String>,
    /// Roots in PEM that the config trusts for S/MIME.
    #[serde(default)]
    pub smime_roots: Vec<String>,
    /// The desk can answer in S/MIME.
    #[serde(default)]
    pub answers_smime: bool,
    pub with_files: bool,
    /// No facts are wanted: finding them may have ended a reader of this letter.
    #[serde(default)]
    pub words_alone: bool,
    /// The number by which the desk knows it, for both logs.
    #[serde(default)]
    pub letter: Option<i64>,
    /// What the desk found out at its arrival; nothing of a letter that it never received.
    #[serde(default)]
    pub admitted: Option<crate::reading::Admitted>,
}

/// The JSON of an answer to `Read`; the files follow as frames.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadAnswer {
    pub reading: Reading,
    pub files: usize,
}

/// What the keyholder gives a reader that is to seal: who it is for. The signed packets follow as a
/// frame.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealCall {
    pub headers: crate::compose::OutgoingHeaders,
    pub certificates: Vec<String>,
}

/// Why a dialogue over the socket ended early.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the other side is gone")]
    Gone,
    #[error("the other side keeps silent")]
    Silent,
    #[error("a frame is longer than allowed, or there are too many")]
    TooLong,
    #[error("a frame cannot be read")]
    Malformed,
    #[error("socket error: {0}")]
    Socket(#[from] Errno),
    #[error("a frame is not what it should be")]
    Json(#[from] serde_json::Error),
}

/// A socket on which nobody waits for ever.
pub struct Wire<'fd> {
    socket: BorrowedFd<'fd>,
    patience: Patience,
}

enum Patience {
    /// For each wait: the whole is bounded by something else.
    Each(Duration),
    /// For all waits together.
    Until(Instant),
}

impl<'fd> Wire<'fd> {
    /// Waits so long each time.
    pub fn patient(socket: &'fd impl AsFd, each: Duration) -> Self {
        Self {
            socket: socket.as_fd(),
            patience: Patience::Each(each),
        }
    }

    /// Waits so long in all, however the other side divides it.
    pub fn brief(socket: &'fd impl AsFd, in_all: Duration) -> Self {
        Self {
            socket: socket.as_fd(),
            patience: Patience::Until(Instant::now() + in_all),
        }
    }

    fn ready(&self, flags: PollFlags) -> Result<(), WireError> {
        let mut watched = [PollFd::new(self.socket, flags)];
        loop {
            let left = match self.patience {
                Patience::Each(each) => each,
                Patience::Until(end) => end.saturating_duration_since(Instant::now()),
            };
            match poll(
                &mut watched,
                PollTimeout::from(u16::try_from(left.as_millis()).unwrap_or(u16::MAX)),
            ) {
                Ok(0) => return Err(WireError::Silent),
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Fills the whole of `octets`, or fails when the other side closes or keeps silent too long.
    pub fn take(&self, octets: &mut [u8]) -> Result<(), WireError> {
        let mut at = 0;
        while at < octets.len() {
            self.ready(PollFlags::POLLIN)?;
            match nix::unistd::read(self.socket, &mut octets[at..]) {
                Ok(0) => return Err(WireError::Gone),
                Ok(n) => at += n,
                Err(Errno::EINTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }

    /// A verb, a reader's word or the first octet of an answer.
    pub fn take_octet(&self) -> Result<u8, WireError> {
        let mut octet = [0];
        self.take(&mut octet)?;
        Ok(octet[0])
    }

    /// Fails with `TooLong` before any of it is read where its length is beyond `octets_max`.
    pub fn take_frame(&self, octets_max: u64) -> Result<Vec<u8>, WireError> {
        let mut length = [0; 8];
        self.take(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > octets_max {
            return Err(WireError::TooLong);
        }
        let mut octets = vec![0; length as usize];
        self.take(&mut octets)?;
        Ok(octets)
    }

    /// Writes all of `octets`, without a length before them.
    pub fn give(&self, octets: &[u8]) -> Result<(), WireError> {
        use std::os::fd::AsRawFd;
        let mut at = 0;
        while at < octets.len() {
            self.ready(PollFlags::POLLOUT)?;
            // Without DONTWAIT it would wait, unbounded, until all of it fits.
            match send(
                self.socket.as_raw_fd(),
                &octets[at..],
                MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(n) => at += n,
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(Errno::EPIPE) => return Err(WireError::Gone),
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }

    /// Writes the length in eight octets, little-endian, then the octets.
    pub fn give_frame(&self, octets: &[u8]) -> Result<(), WireError> {
        self.give(&(octets.len() as u64).to_le_bytes())?;
        self.give(octets)
    }

    /// Answers [`REFUSED`] with a reason, which goes to the desk and must quote no letter.
    pub fn refuse(&self, why: &str) -> Result<(), WireError> {
        self.give(&[REFUSED])?;
        self.give_frame(why.as_bytes())
    }
}
