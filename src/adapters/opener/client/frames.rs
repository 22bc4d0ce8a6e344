//! How does a call cross the socket? In frames, of which a file's is passed on piece by piece.

use crate::adapters::opener::wire::{DIED, FRAME_OCTETS_MAX};
use crate::ports::{LetterOctets, OpenerError};
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

pub(super) async fn frame(stream: &mut UnixStream) -> Result<Vec<u8>, OpenerError> {
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
