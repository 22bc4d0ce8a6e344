//! How does the desk call the opener? One connection a call, through a socket of systemd's or to a
//! child.

mod child;
mod frames;

use super::wire::{BUSY, DIED, GOOD, OpenerVerb, ReadAnswer, ReadCall};
use crate::mime::OwnAddresses;
use crate::model::address::Address;
use crate::model::outgoing::Composition;
use crate::model::product::OwnProduct;
use crate::model::publication::SecurityTxt;
use crate::model::reading::Outside;
use crate::ports::{Intake, LetterOctets, OpenedLetter, Opener, OpenerError};
use crate::reading::Admitted;
use async_trait::async_trait;
use child::{Running, start};
use frames::{Frame, frame, framed, pass};
use std::borrow::Cow;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// The longest that any call may take: a reader's life and the wait before it.
const CALL_S: u64 = 300;

/// How soon a busy keyholder is asked again, and how often before that is told. It takes a hundred
/// compositions a second, and a backlog wants more.
const BUSY_WAIT_MS: u64 = 100;
const BUSY_CALLS_MAX: u32 = 300;
const _: () = assert!(BUSY_WAIT_MS * BUSY_CALLS_MAX as u64 <= CALL_S * 1000 / 2);

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

    /// One call: a verb and its frames; then the frames of the answer. A keyholder that has no room
    /// for it just now is asked again.
    async fn call<'a>(
        &self,
        verb: OpenerVerb,
        frames: impl IntoIterator<Item = Frame<'a>>,
    ) -> Result<UnixStream, OpenerError> {
        let mut frames: Vec<Frame<'a>> = frames.into_iter().collect();
        for _ in 0..BUSY_CALLS_MAX {
            if let Some(stream) = self.call_once(verb, &mut frames).await? {
                return Ok(stream);
            }
            tokio::time::sleep(Duration::from_millis(BUSY_WAIT_MS)).await;
        }
        Err(OpenerError::Down("it is busy".to_owned()))
    }

    /// `None`: the keyholder is busy.
    async fn call_once(
        &self,
        verb: OpenerVerb,
        frames: &mut [Frame<'_>],
    ) -> Result<Option<UnixStream>, OpenerError> {
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
                        stream.write_all(octets).await?;
                    }
                    Frame::File(file, octets) => {
                        stream.write_all(&octets.to_le_bytes()).await?;
                        read = pass(file, *octets, &mut stream).await;
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
            Ok(_) if status[0] == GOOD => Ok(Some(stream)),
            Ok(_) if status[0] == BUSY => Ok(None),
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
            admitted: None,
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

fn down(err: std::io::Error) -> OpenerError {
    OpenerError::Down(err.to_string())
}

#[async_trait]
impl Opener for OpenerClient {
    async fn read(
        &self,
        letter: LetterOctets,
        intake: Option<&Intake>,
        certificates: &[String],
        with_files: bool,
    ) -> Result<OpenedLetter, OpenerError> {
        let call = ReadCall {
            certificates: certificates.to_vec(),
            with_files,
            letter: intake.map(|intake| intake.id.0),
            admitted: intake.map(|intake| Admitted {
                originator: intake.originator.clone(),
                received_at: intake.received_at,
            }),
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
