//! How does the desk call the opener? One connection a call, through a socket of systemd's or to a
//! child.

mod child;
mod frames;
mod watch;

use super::wire::{
    BUSY, COMPOSED_OCTETS_MAX, DIED, FILES_MAX, FILES_OCTETS_MAX, GOOD, OpenerVerb,
    READING_OCTETS_MAX, ReadAnswer, ReadCall, SMALL_FRAME_OCTETS_MAX,
};
use crate::mime::OwnAddresses;
use crate::model::address::Address;
use crate::model::outgoing::Composition;
use crate::model::product::OwnProduct;
use crate::model::publication::SecurityTxt;
use crate::model::reading::{Outside, Wanted};
use crate::ports::{Intake, LetterOctets, OpenedLetter, Opener, OpenerError};
use crate::reading::Admitted;
use async_trait::async_trait;
pub use child::OWN_PROGRAM;
use child::{Running, start};
use frames::{Frame, frame, framed, parsed, pass};
use std::borrow::Cow;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use watch::Watch;

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
    watch: Mutex<Option<Watch>>,
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
            watch: Mutex::new(None),
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
                let why = frame(&mut stream, SMALL_FRAME_OCTETS_MAX).await?;
                Err(OpenerError::Refused(
                    String::from_utf8_lossy(&why).into_owned(),
                ))
            }
            Err(_) => Err(self.why_silent().await),
        }
    }

    /// The words for a connection that closed without one: of the opener's end, where that is why.
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
            words_alone: false,
            letter: None,
            admitted: None,
        }
    }

    /// A call that takes no longer than any may, and blames whom it must: where its connection
    /// broke off and the keyholder lived on, its reader ended by the letter that it read, whether
    /// the keyholder's word of that came through or not.
    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, OpenerError>> + Send,
    ) -> Result<T, OpenerError> {
        let watched = async {
            let watch = self.watch().await;
            match (call.await, watch) {
                (Err(OpenerError::Ended(_)), Some(watch)) if watch.lives_on().await => {
                    Err(OpenerError::Died)
                }
                (answer, _) => answer,
            }
        };
        match tokio::time::timeout(Duration::from_secs(CALL_S), watched).await {
            Ok(answer) => answer,
            Err(_) => Err(OpenerError::Died),
        }
    }

    /// The watch over the keyholder that runs now; `None` where none can be had.
    async fn watch(&self) -> Option<Watch> {
        let mut watch = self.watch.lock().await;
        if watch.as_ref().is_none_or(Watch::has_ended) {
            *watch = Watch::begin(self.connect().await.ok()?).await;
        }
        watch.clone()
    }

    /// A call that is answered with one frame.
    async fn asked<'a>(
        &self,
        verb: OpenerVerb,
        frames: impl IntoIterator<Item = Frame<'a>> + Send,
        octets_max: u64,
    ) -> Result<Vec<u8>, OpenerError> {
        let frames: Vec<Frame<'a>> = frames.into_iter().collect();
        self.bounded(async {
            let mut stream = self.call(verb, frames).await?;
            frame(&mut stream, octets_max).await
        })
        .await
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
        wanted: Wanted,
    ) -> Result<OpenedLetter, OpenerError> {
        let call = ReadCall {
            certificates: certificates.to_vec(),
            with_files: wanted.files,
            words_alone: !wanted.facts,
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
            let answer: ReadAnswer = parsed(&frame(&mut stream, READING_OCTETS_MAX).await?)?;
            if answer.files > if wanted.files { FILES_MAX } else { 0 } {
                return Err(OpenerError::Died);
            }
            let mut left = FILES_OCTETS_MAX;
            let mut files = Vec::new();
            for _ in 0..answer.files {
                let file = frame(&mut stream, left).await?;
                left -= file.len() as u64;
                files.push(file);
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
        let frames = [Frame::Octets(Cow::from(&call))];
        self.asked(OpenerVerb::Compose, frames, COMPOSED_OCTETS_MAX)
            .await
    }

    async fn unseal(&self, blob: Vec<u8>) -> Result<Vec<u8>, OpenerError> {
        // Nothing that we seal is compressed.
        let octets_max = blob.len() as u64;
        let frames = [Frame::Octets(blob.into())];
        self.asked(OpenerVerb::Unseal, frames, octets_max).await
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
        let frames = [Frame::Octets(Cow::from(&call)), letter];
        parsed(&self.asked(verb, frames, SMALL_FRAME_OCTETS_MAX).await?)
    }

    async fn security_txt(&self, fields: &SecurityTxt) -> Result<Vec<u8>, OpenerError> {
        let call = serde_json::to_vec(fields).map_err(|e| OpenerError::Refused(e.to_string()))?;
        let frames = [Frame::Octets(Cow::from(&call))];
        self.asked(OpenerVerb::SecurityTxt, frames, COMPOSED_OCTETS_MAX)
            .await
    }

    async fn inspect(&self) -> Result<Vec<String>, OpenerError> {
        let asked = self.asked(OpenerVerb::Inspect, [], SMALL_FRAME_OCTETS_MAX);
        parsed(&asked.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::net::UnixListener;

    fn answer(files: usize) -> Vec<u8> {
        let signature = json!({
            "status": "none", "fingerprint": null, "signer_is_originator": false,
        });
        let protection = json!({
            "encrypted": false, "format": "none", "integrity": "none", "repaired": null,
            "shut": null,
        });
        let reading = json!({
            "kind": "report", "from": null, "subject": null, "message_id": null, "date": null,
            "protection": protection, "signature": signature, "text": "words", "attachments": [],
            "automatic_reply_allowed": false, "report": null, "faults": [],
        });
        framed_octets(&serde_json::to_vec(&json!({"reading": reading, "files": files})).unwrap())
    }

    fn framed_octets(octets: &[u8]) -> Vec<u8> {
        [&(octets.len() as u64).to_le_bytes(), octets].concat()
    }

    /// What comes of a reading by a reader that sends these octets and closes, beside a keyholder
    /// that lives on or ends then.
    async fn read(
        said: Vec<u8>,
        wanted: Wanted,
        lives_on: bool,
    ) -> Result<OpenedLetter, OpenerError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let opener = async {
            let mut watch = None;
            loop {
                let (mut desk, _) = listener.accept().await.unwrap();
                if desk.read_u8().await.unwrap() == OpenerVerb::Watch as u8 {
                    desk.write_all(&[GOOD]).await.unwrap();
                    watch = Some(desk);
                    continue;
                }
                let _ = desk.write_all(&said).await;
                if !lives_on {
                    watch = None;
                }
                drop(desk);
                if watch.is_none() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let client = OpenerClient::new(OpenerEndpoint::Socket(path), OwnAddresses::default());
        let letter = LetterOctets::Raw(b"x".to_vec());
        tokio::select! {
            answer = client.read(letter, None, &[], wanted) => answer,
            () = opener => unreachable!("it serves for ever"),
        }
    }

    #[tokio::test]
    async fn a_reader_sends_no_more_files_than_were_asked_for() {
        let good = |files| [vec![GOOD], answer(files)].concat();
        assert_eq!(
            read(good(0), Wanted::FACTS, true)
                .await
                .unwrap()
                .reading
                .text,
            "words"
        );
        let file = framed_octets(b"octets");
        let one = read([good(1), file.clone()].concat(), Wanted::FILES, true).await;
        assert_eq!(one.unwrap().files, [b"octets"]);
        for (files, wanted) in [(1, Wanted::FACTS), (FILES_MAX + 1, Wanted::FILES)] {
            let said = [good(files), file.clone()].concat();
            let died = read(said, wanted, true).await;
            assert!(matches!(died, Err(OpenerError::Died)), "{died:?}");
        }
        let too_long = (FILES_OCTETS_MAX - 5).to_le_bytes().to_vec();
        let died = read([good(2), file, too_long].concat(), Wanted::FILES, true).await;
        assert!(matches!(died, Err(OpenerError::Died)), "{died:?}");
    }

    #[tokio::test]
    async fn who_hangs_up_while_the_keyholder_lives_on_is_the_reader() {
        for said in [
            vec![],
            vec![GOOD],
            [vec![GOOD], 9u64.to_le_bytes().to_vec()].concat(),
        ] {
            let died = read(said.clone(), Wanted::FACTS, true).await;
            assert!(matches!(died, Err(OpenerError::Died)), "{died:?}");
            let ended = read(said, Wanted::FACTS, false).await;
            assert!(matches!(ended, Err(OpenerError::Ended(_))), "{ended:?}");
        }
    }
}
