//! Who may ask a desk? Whoever may use its sockets: one for reading, one for commands.

use super::{REQUEST_OCTETS_MAX, REQUEST_S, REQUESTS_TOGETHER, Request, Response, answer, backup};
use crate::desk::Desk;
use crate::ports::Kept;
use anyhow::{Context, Result, anyhow, bail};
use serde::Serialize;
use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long an answer is waited for. The clones are searched for some of them, and a canary sings
/// for minutes.
const ANSWER_S: u64 = 60;
const COMMAND_S: u64 = 900;

/// How long whoever asked may take to receive an answer that is ready. Until then they keep one of
/// the places.
pub(super) const RECEIVE: Duration = Duration::from_secs(30);

/// The sockets of a desk: in its state folder.
pub fn socket(state: &Path, commands: bool) -> PathBuf {
    state.join(if commands {
        "command.sock"
    } else {
        "read.sock"
    })
}

/// Makes a socket that its owner and one group may use.
pub fn listen(path: &Path, group: Option<&str>) -> Result<UnixListener> {
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    listen_with(path, "control", group, mode)
}

/// Makes the socket for the page, for its owner and the group: the one that is named, else the one
/// that its folder gives to what is made in it.
pub fn listen_for_page(path: &Path, group: Option<&str>) -> Result<UnixListener> {
    listen_with(path, "page.group", group, 0o660)
}

/// `key` of the config names the group.
fn listen_with(path: &Path, key: &str, group: Option<&str>, mode: u32) -> Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)
        .with_context(|| format!("cannot make the socket {}", path.display()))?;
    if let Some(name) = group {
        let group = nix::unistd::Group::from_name(name)
            .ok()
            .flatten()
            .ok_or_else(|| {
                anyhow!("{key}: there is no group {name:?}: groupadd --system {name}")
            })?;
        std::os::unix::fs::chown(path, None, Some(group.gid.as_raw())).with_context(|| {
            format!(
                "cannot give {} to the group {name}: the desk's user must be in it",
                path.display()
            )
        })?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Answers everyone who may connect, until the task is dropped.
pub async fn serve(desk: Arc<Desk>, listener: UnixListener, commands: bool) {
    serve_each(listener, move |stream| {
        let desk = Arc::clone(&desk);
        async move { serve_one(&desk, stream, commands).await }
    })
    .await
}

/// Gives each connection to `answer`, so many at once, until the task is dropped.
pub(super) async fn serve_each<A, F>(listener: UnixListener, answer: A)
where
    A: Fn(UnixStream) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(REQUESTS_TOGETHER));
    // They end with this task: none outlives a reload, after which its desk is no more.
    let mut talks = JoinSet::new();
    loop {
        while talks.try_join_next().is_some() {}
        // Those beyond wait in the socket's own queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let answered = answer(stream);
        talks.spawn(async move {
            let _place = place;
            if let Err(err) = answered.await {
                tracing::debug!(error = %err, "a control call was cut short");
            }
        });
    }
}

async fn serve_one(desk: &Desk, mut stream: UnixStream, commands: bool) -> Result<()> {
    let by = stream.peer_cred().map_or_else(
        |_| "an unknown user".to_owned(),
        |c| desk.account_name(&account(c.uid())),
    );
    let text = receive(&mut stream).await?;
    let request: Result<Request, _> = serde_json::from_slice(&text);
    if commands && matches!(request, Ok(Request::Backup)) {
        return backup::serve(desk, &by, stream).await;
    }
    let answered = match request {
        Ok(request) if request.commands() && !commands => Err(anyhow!(
            "this socket is for reading; commands go to command.sock"
        )),
        Ok(request) => answer(desk, request, &by).await,
        Err(_) => Err(anyhow!(
            "the request is not understood: are desk and command line of one version?"
        )),
    };
    let answer = match answered {
        Ok(answer) => Response::Good { answer },
        Err(err) => Response::Error {
            error: format!("{err:#}"),
        },
    };
    send(&answer, stream, RECEIVE).await
}

/// What somebody asks, up to the longest request.
pub(super) async fn receive(stream: &mut UnixStream) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut limited = stream.take(REQUEST_OCTETS_MAX);
    let asked = limited.read_to_end(&mut text);
    tokio::time::timeout(Duration::from_secs(REQUEST_S), asked)
        .await
        .context("the request never ended")??;
    Ok(text)
}

/// Gives an answer to whoever takes it within this time.
pub(super) async fn send(
    answer: &impl Serialize,
    mut to: UnixStream,
    patience: Duration,
) -> Result<()> {
    let answer = serde_json::to_vec(answer)?;
    let sent = async {
        to.write_all(&answer).await?;
        to.shutdown().await
    };
    let sent = tokio::time::timeout(patience, sent).await;
    Ok(sent.context("nobody takes the answer")??)
}

/// The name of a user of this machine.
pub fn account(uid: u32) -> String {
    nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}

/// Asks a running desk; `None` where none listens.
pub async fn ask(state: &Path, request: &Request) -> Result<Option<serde_json::Value>> {
    let mut refused = None;
    // A command needs its own socket; a reader may be served by either.
    let sockets: &[bool] = if request.commands() {
        &[true]
    } else {
        &[false, true]
    };
    for commands in sockets {
        let path = socket(state, *commands);
        match UnixStream::connect(&path).await {
            Ok(stream) => match converse(stream, request).await? {
                None if request.commands() => bail!(
                    "the desk closed before it answered: look whether it was done, or say it again"
                ),
                // It closes, perhaps to open again at once: whoever only reads asks once more.
                answered => return Ok(answered),
            },
            Err(err) if err.kind() == ErrorKind::PermissionDenied => refused = Some(path),
            Err(_) => {}
        }
    }
    match refused {
        Some(path) => bail!(
            "you may not use {}: ask the operator for its group",
            path.display()
        ),
        None => Ok(None),
    }
}

/// The archive of a running desk, into `sink`; `None` where none runs.
pub async fn fetch_backup(
    state: &Path,
    sink: &mut (dyn std::io::Write + Send),
) -> Result<Option<Kept>> {
    let path = socket(state, true);
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(err) if err.kind() == ErrorKind::PermissionDenied => bail!(
            "you may not use {}: ask the operator for its group",
            path.display()
        ),
        Err(_) => return Ok(None),
    };
    stream
        .write_all(&serde_json::to_vec(&Request::Backup)?)
        .await?;
    stream.shutdown().await?;
    backup::receive(stream, sink).await.map(Some)
}

/// The answer; `None` where the desk closed before it gave one.
async fn converse(mut stream: UnixStream, request: &Request) -> Result<Option<serde_json::Value>> {
    let commands = request.commands();
    let request = serde_json::to_vec(request)?;
    let mut text = Vec::new();
    let talk = async {
        stream.write_all(&request).await?;
        stream.shutdown().await?;
        stream.read_to_end(&mut text).await
    };
    let patience = Duration::from_secs(if commands { COMMAND_S } else { ANSWER_S });
    let Ok(talked) = tokio::time::timeout(patience, talk).await else {
        bail!(
            "the desk does not answer within {} s: it stands still; look at its log",
            patience.as_secs()
        );
    };
    match talked {
        Err(err)
            if !matches!(
                err.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected
            ) =>
        {
            return Err(err.into());
        }
        Err(_) => return Ok(None),
        Ok(_) if text.is_empty() => return Ok(None),
        Ok(_) => {}
    }
    match serde_json::from_slice(&text).context("the desk's answer cannot be read")? {
        Response::Good { answer } => Ok(Some(answer)),
        Response::Error { error } => Err(anyhow!(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_no_answer_is_not_waited_for() {
        let answer = Response::Good {
            answer: "x".repeat(4 << 20).into(),
        };
        let (desk, mut asking) = UnixStream::pair().unwrap();
        let sent = send(&answer, desk, Duration::from_millis(100)).await;
        assert!(sent.is_err());
        // What did not fit is not sent later.
        let mut taken = Vec::new();
        asking.read_to_end(&mut taken).await.unwrap();
        assert!(taken.len() < 4 << 20);
    }
}
