//! How does a call cross the socket? In frames, of which a file's is passed on piece by piece.

use crate::adapters::opener::wire::{DIED, JSON_VALUES_MAX};
use crate::ports::{LetterOctets, OpenerError};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// What is sent after the verb of a call; its length stands before it.
pub(super) enum Frame<'a> {
    Octets(Cow<'a, [u8]>),
    File(tokio::fs::File, u64),
}

/// Octets of a file on their way at a time.
const PIECE_OCTETS: usize = 64 * 1024;

/// Whether it is sealed at rest, and what is sent of it.
pub(super) fn framed(letter: LetterOctets) -> (bool, Frame<'static>) {
    match letter {
        LetterOctets::Raw(octets) => (false, Frame::Octets(octets.into())),
        LetterOctets::Sealed(octets) => (true, Frame::Octets(octets.into())),
        LetterOctets::SealedFile { file, octets } => (true, Frame::File(file, octets)),
    }
}

/// Passes a file on, piece by piece. An error is the file's: whoever stops listening says why.
pub(super) async fn pass(
    file: &mut tokio::fs::File,
    octets: u64,
    stream: &mut UnixStream,
) -> std::io::Result<()> {
    file.rewind().await?;
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

/// One frame of at most so many octets. Whoever sends it may have been taken over by a letter, so
/// its own word for the length takes no memory: that grows as octets come.
pub(super) async fn frame(
    stream: &mut UnixStream,
    octets_max: u64,
) -> Result<Vec<u8>, OpenerError> {
    let length = octets(stream, size_of::<u64>() as u64).await?;
    let length = length.try_into().map_err(|_| OpenerError::Died)?;
    let length = u64::from_le_bytes(length);
    if length > octets_max {
        return Err(OpenerError::Died);
    }
    octets(stream, length).await
}

/// An answer that breaks off ends with the keyholder's word that its reader died, or its keyholder
/// may be gone.
async fn octets(stream: &mut UnixStream, length: u64) -> Result<Vec<u8>, OpenerError> {
    let mut octets = Vec::new();
    let _ = stream.take(length).read_to_end(&mut octets).await;
    if octets.len() as u64 == length {
        Ok(octets)
    } else if octets.last() == Some(&DIED) {
        Err(OpenerError::Died)
    } else {
        Err(OpenerError::Ended(
            "it closed the connection in the middle of an answer".to_owned(),
        ))
    }
}

/// What a reader says in JSON. What has more values than any reading is refused before it is
/// parsed: a list of empty texts takes many times its octets.
pub(super) fn parsed<T: DeserializeOwned>(json: &[u8]) -> Result<T, OpenerError> {
    if values(json) > JSON_VALUES_MAX {
        return Err(OpenerError::Died);
    }
    serde_json::from_slice(json).map_err(|_| OpenerError::Died)
}

/// How many values there are at most: what separates and opens them, outside of texts.
fn values(json: &[u8]) -> usize {
    let (mut values, mut in_text, mut escaped) = (0, false, false);
    for octet in json {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader that was taken over sends on the desk's connection.
    async fn said(octets: Vec<u8>, octets_max: u64) -> Result<Vec<u8>, OpenerError> {
        let (mut desk, mut reader) = UnixStream::pair().unwrap();
        let sending = async move {
            let _ = reader.write_all(&octets).await;
        };
        tokio::join!(frame(&mut desk, octets_max), sending).0
    }

    #[tokio::test]
    async fn a_frame_is_no_longer_than_it_may_be_and_takes_memory_only_as_it_comes() {
        let framed = |length: u64, octets: &[u8]| [&length.to_le_bytes(), octets].concat();
        assert_eq!(said(framed(3, b"abc"), 3).await.unwrap(), b"abc");
        assert!(matches!(
            said(framed(4, b"abcd"), 3).await,
            Err(OpenerError::Died)
        ));
        // More than this machine has: only what comes takes any.
        assert!(matches!(
            said(framed(1 << 60, b"abc"), u64::MAX).await,
            Err(OpenerError::Ended(_))
        ));
        assert!(matches!(
            said(framed(9, &[b'a', DIED]), 9).await,
            Err(OpenerError::Died)
        ));
    }

    #[test]
    fn json_of_more_values_than_any_reading_has_is_not_parsed() {
        let list = |n: usize| format!("[{}\"\"]", "\"\",".repeat(n - 1));
        let parsed = |n| parsed::<Vec<String>>(list(n).as_bytes());
        assert_eq!(parsed(1_000).unwrap().len(), 1_000);
        assert!(matches!(
            parsed(JSON_VALUES_MAX + 1),
            Err(OpenerError::Died)
        ));
        let text = serde_json::to_string(&["a \", [{, \\\" \\", ","]).unwrap();
        assert_eq!(values(text.as_bytes()), 2);
    }
}
