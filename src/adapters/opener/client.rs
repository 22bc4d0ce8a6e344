//! How does the desk call the opener? One connection a call, through a socket of systemd's or to a
//! child.

mod child;

use super::wire::{BUSY, DIED, FRAME_OCTETS_MAX, GOOD, OpenerVerb, ReadAnswer, ReadCall};
use crate::mime::OwnAddresses;
use crate::model::address::Address;
use crate::model::ids::IntakeId;
use crate::model::outgoing::Composition;
use crate::model::product::OwnProduct;
use crate::model::publication::SecurityTxt;
use crate::model::reading::Outside;
use crate::ports::{LetterOctets, OpenedLetter, Opener, OpenerError};
use async_trait::async_trait;
use child::{Running, start};
use std::borrow::Cow;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// The longest that any call may take: a reader's life and the wait before it.
const CALL_S: u64 = 300;

/// Where the opener is found.
pub enum OpenerEndpoint {
    /// A unit of its own listens here.
    Socket(PathBuf),
    /// A child of this process, started when first needed and again whenever it ended: program and
    /// arguments.
    Child {
        program: PathBuf,
        arguments: Vec<String>,
    },
}

/// The desk's side of the opener: it opens a connection for each call, and starts the child again
/// when that ended.
pub struct OpenerClient {
    endpoint: OpenerEndpoint,
    own_addresses: OwnAddresses,
    products: Vec<OwnProduct>,
    smime_roots: Vec<String>,
    answers_smime: bool,
    child: Mutex<Option<Running>>,
}

/// What follows a verb.
enum Frame<'a> {
    Octets(Cow<'a, [u8]>),
    File(tokio::fs::File, u64),
}

/// Octets of a file on their way at a time.
const PIECE_OCTETS: usize = 64 * 1024;

impl OpenerClient {
    /// `own_addresses` go along with each letter that is to be read. Nothing is started before the
    /// first call.
    pub fn new(endpoint: OpenerEndpoint, own_addresses: OwnAddresses) -> Self {
        Self {
            endpoint,
            own_addresses,
            products: Vec::new(),
            smime_roots: Vec::new(),
            answers_smime: false,
            child: Mutex::new(None),
        }
    }

    /// What is ours, for reports to be read by.
    pub fn with_products(self, products: Vec<OwnProduct>) -> Self {
        Self { products, ..self }
    }

    /// The roots that certificates of S/MIME must lead to, each in PEM, and whether reporters can
    /// be answered in it.
    pub fn with_smime(self, smime_roots: Vec<String>, answers_smime: bool) -> Self {
        Self {
            smime_roots,
            answers_smime,
            ..self
        }
    }

    async fn connect(&self) -> Result<UnixStream, OpenerError> {
        match &self.endpoint {
            OpenerEndpoint::Socket(path) => UnixStream::connect(path).await.map_err(|e| {
                OpenerError::Down(format!(
                    "{}: {e}; is sealdesk-opener.socket running, and is this user in its group?",
                    path.display()
                ))
            }),
            OpenerEndpoint::Child { program, arguments } => {
                let mut running = self.child.lock().await;
                let ended = match running.as_mut() {
                    Some(alive) => alive
                        .child
                        .try_wait()
                        .map(|status| status.is_some())
                        .unwrap_or(true),
                    None => true,
                };
                if ended {
                    *running = Some(start(program, arguments)?);
                }
                let control = running
                    .as_ref()
                    .map(|r| r.control.as_fd())
                    .ok_or_else(|| OpenerError::Down("it did not start".to_owned()))?;
                let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(down)?;
                super::pass_descriptor(control, theirs.as_fd())
                    .map_err(|e| OpenerError::Down(e.to_string()))?;
                ours.set_nonblocking(true).map_err(down)?;
                UnixStream::from_std(ours).map_err(down)
            }
        }
    }

    /// One call: a verb and its frames; then the frames of the answer.
    async fn call(
        &self,
        verb: OpenerVerb,
        frames: impl IntoIterator<Item = Frame<'_>>,
    ) -> Result<UnixStream, OpenerError> {
        let mut stream = self.connect().await?;
        let mut read = Ok(());
        // Whoever refuses may close before it has read everything; its answer says why, so it is
        // read all the same.
        let sent = async {
            stream.write_all(&[verb as u8]).await?;
            for frame in frames {
                match frame {
                    Frame::Octets(octets) => {
                        stream
                            .write_all(&(octets.len() as u64).to_le_bytes())
                            .await?;
                        stream.write_all(&octets).await?;
                    }
                    Frame::File(file, octets) => {
                        stream.write_all(&octets.to_le_bytes()).await?;
                        read = pass(file, octets, &mut stream).await;
                    }
                }
            }
            stream.flush().await
        };
        let _ = sent.await;
        read.map_err(|err| {
            OpenerError::Refused(format!("the letter cannot be read from the spool: {err}"))
        })?;
        let mut status = [0; 1];
        match stream.read_exact(&mut status).await {
            Ok(_) if status[0] == GOOD => Ok(stream),
            Ok(_) if status[0] == BUSY => Err(OpenerError::Down("it is busy".to_owned())),
            Ok(_) if status[0] == DIED => Err(OpenerError::Died),
            Ok(_) => {
                let why = frame(&mut stream).await?;
                Err(OpenerError::Refused(
                    String::from_utf8_lossy(&why).into_owned(),
                ))
            }
            Err(_) => Err(self.why_silent().await),
        }
    }

    /// A connection that closes without a word: the whole opener ended, since a keyholder that
    /// lives says it of its readers.
    async fn why_silent(&self) -> OpenerError {
        // A child that refuses to start says why on standard error, and ends within a moment.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut running = self.child.lock().await;
        match running
            .as_mut()
            .and_then(|r| r.child.try_wait().ok().flatten())
        {
            Some(status) => {
                OpenerError::Ended(format!("it ended ({status}); its own log says why"))
            }
            None => OpenerError::Ended("it closed the connection".to_owned()),
        }
    }

    /// A call as this desk looks at letters.
    fn read_call(&self) -> ReadCall {
        let texts = |addresses: &[Address]| {
            let texts = addresses.iter().map(|address| address.as_str().to_owned());
            texts.collect()
        };
        ReadCall {
            ours: texts(&self.own_addresses.ours),
            own_lists: self.own_addresses.own_lists.clone(),
            forms: texts(&self.own_addresses.forms),
            authserv_id: self.own_addresses.authserv_id.clone(),
            products: self.products.clone(),
            smime_roots: self.smime_roots.clone(),
            answers_smime: self.answers_smime,
            certificates: Vec::new(),
            with_files: false,
            letter: None,
        }
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, OpenerError>> + Send,
    ) -> Result<T, OpenerError> {
        match tokio::time::timeout(Duration::from_secs(CALL_S), call).await {
            Ok(answer) => answer,
            Err(_) => Err(OpenerError::Died),
        }
    }
}

/// Whether it is sealed at rest, and what is sent of it.
fn framed(letter: LetterOctets) -> (bool, Frame<'static>) {
    match letter {
        LetterOctets::Raw(octets) => (false, Frame::Octets(octets.into())),
        LetterOctets::Sealed(octets) => (true, Frame::Octets(octets.into())),
        LetterOctets::SealedFile { file, octets } => (true, Frame::File(file, octets)),
    }
}

fn down(err: std::io::Error) -> OpenerError {
    OpenerError::Down(err.to_string())
}

/// Passes a file on, piece by piece. An error is the file's: whoever stops listening says why.
async fn pass(file: tokio::fs::File, octets: u64, stream: &mut UnixStream) -> std::io::Result<()> {
    let mut file = file.take(octets);
    let mut piece = vec![0; PIECE_OCTETS];
    let mut passed = 0;
    while passed < octets {
        let n = file.read(&mut piece).await?;
        if n == 0 {
            stream.shutdown().await?;
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        passed += n as u64;
        if stream.write_all(&piece[..n]).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn frame(stream: &mut UnixStream) -> Result<Vec<u8>, OpenerError> {
    let mut length = [0; 8];
    fill(stream, &mut length).await?;
    let length = u64::from_le_bytes(length);
    if length > FRAME_OCTETS_MAX {
        return Err(OpenerError::Died);
    }
    let mut octets = vec![0; length as usize];
    fill(stream, &mut octets).await?;
    Ok(octets)
}

/// An answer that breaks off ends with the keyholder's word that its reader died, or its keyholder
/// is gone.
async fn fill(stream: &mut UnixStream, octets: &mut [u8]) -> Result<(), OpenerError> {
    let mut filled = 0;
    while filled < octets.len() {
        match stream.read(&mut octets[filled..]).await {
            Ok(0) | Err(_) if filled > 0 && octets[filled - 1] == DIED => {
                return Err(OpenerError::Died);
            }
            Ok(0) | Err(_) => {
                return Err(OpenerError::Ended(
                    "it closed the connection in the middle of an answer".to_owned(),
                ));
            }
            Ok(n) => filled += n,
        }
    }
    Ok(())
}

#[async_trait]
impl Opener for OpenerClient {
    async fn read(
        &self,
        letter: LetterOctets,
        intake: Option<IntakeId>,
        certificates: &[String],
        with_files: bool,
    ) -> Result<OpenedLetter, OpenerError> {
        let call = ReadCall {
            certificates: certificates.to_vec(),
            with_files,
            letter: intake.map(|id| id.0),
            ..self.read_call()
        };
        let call = serde_json::to_vec(&call).map_err(|e| OpenerError::Refused(e.to_string()))?;
        let (sealed, letter) = framed(letter);
        let verb = if sealed {
            OpenerVerb::ReadSealed
        } else {
            OpenerVerb::Read
        };
        self.bounded(async {
            let mut stream = self
                .call(verb, [Frame::Octets(Cow::from(&call)), letter])
                .await?;
            let answer: ReadAnswer = serde_json::from_slice(&frame(&mut stream).await?)
                .map_err(|_| OpenerError::Died)?;
            let mut files = Vec::new();
            for _ in 0..answer.files {
                files.push(frame(&mut stream).await?);
            }
            Ok(OpenedLetter {
                reading: answer.reading,
                files,
            })
        })
        .await
    }

    async fn compose(&self, composition: &Composition) -> Result<Vec<u8>, OpenerError> {
        let call =
            serde_json::to_vec(composition).map_err(|e| OpenerError::Refused(e.to_string()))?;
        self.bounded(async {
            frame(
                &mut self
                    .call(OpenerVerb::Compose, [Frame::Octets(Cow::from(&call))])
                    .await?,
            )
            .await
        })
        .await
    }

    async fn unseal(&self, blob: Vec<u8>) -> Result<Vec<u8>, OpenerError> {
        self.bounded(async {
            frame(
                &mut self
                    .call(OpenerVerb::Unseal, [Frame::Octets(blob.into())])
                    .await?,
            )
            .await
        })
        .await
    }

    async fn outside(&self, letter: LetterOctets) -> Result<Outside, OpenerError> {
        let call = serde_json::to_vec(&self.read_call())
            .map_err(|e| OpenerError::Refused(e.to_string()))?;
        let (sealed, letter) = framed(letter);
        let verb = if sealed {
            OpenerVerb::OutsideSealed
        } else {
            OpenerVerb::Outside
        };
        let outside = self
            .bounded(async {
                frame(
                    &mut self
                        .call(verb, [Frame::Octets(Cow::from(&call)), letter])
                        .await?,
                )
                .await
            })
            .await?;
        serde_json::from_slice(&outside).map_err(|_| OpenerError::Died)
    }

    async fn security_txt(&self, fields: &SecurityTxt) -> Result<Vec<u8>, OpenerError> {
        let call = serde_json::to_vec(fields).map_err(|e| OpenerError::Refused(e.to_string()))?;
        self.bounded(async {
            frame(
                &mut self
                    .call(OpenerVerb::SecurityTxt, [Frame::Octets(Cow::from(&call))])
                    .await?,
            )
            .await
        })
        .await
    }

    async fn inspect(&self) -> Result<Vec<String>, OpenerError> {
        let lines = self
            .bounded(async { frame(&mut self.call(OpenerVerb::Inspect, []).await?).await })
            .await?;
        serde_json::from_slice(&lines).map_err(|_| OpenerError::Died)
    }
}
