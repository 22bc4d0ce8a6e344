//! What are the DKIM hashes of a body? Taken as its octets pass, so that the desk need not look
//! into a letter to check a signature.

use crate::model::letter::BodyDigests;
use mail_auth::common::crypto::{HashContext, HashImpl, Sha256};
use mail_auth::dkim::Canonicalization;
use mail_auth::dkim::canonicalize::BodyHasher;
use memchr::memmem;

type Hasher = BodyHasher<<Sha256 as HashImpl>::Context>;

/// Both canonical forms of RFC 6376 section 3.4, by SHA-256. SHA-1 proves nothing any more (RFC
/// 8301 section 3.1).
pub struct BodyDigester {
    simple: Hasher,
    relaxed: Hasher,
}

impl BodyDigester {
    /// `None` where the header block bears no signature to hold a body against.
    pub fn for_letter(head: &[u8]) -> Option<Self> {
        let hasher = |form| BodyHasher::new(<Sha256 as HashImpl>::hasher(), form, 0);
        memmem::find(&head.to_ascii_lowercase(), b"dkim-signature")?;
        Some(Self {
            simple: hasher(Canonicalization::Simple),
            relaxed: hasher(Canonicalization::Relaxed),
        })
    }

    /// Hashes the next octets of the body, in pieces of any size.
    pub fn take(&mut self, piece: &[u8]) {
        self.simple.write(piece);
        self.relaxed.write(piece);
    }

    /// The two digests, once the whole body was taken.
    pub fn finish(self) -> BodyDigests {
        let ended = |hasher: Hasher| hasher.finish().0.complete().as_ref().to_vec();
        BodyDigests {
            simple: ended(self.simple),
            relaxed: ended(self.relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::*;

    fn relaxed(pieces: &[&[u8]]) -> String {
        let mut digester = BodyDigester::for_letter(b"DKIM-Signature: v=1\r\n").unwrap();
        pieces.iter().for_each(|piece| digester.take(piece));
        BASE64_STANDARD.encode(digester.finish().relaxed)
    }

    #[test]
    fn the_hash_of_a_body_is_that_of_rfc_8463() {
        // RFC 8463 section A.3 gives this body and its bh=.
        let body = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        assert_eq!(
            relaxed(&[body]),
            "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
        );
        let (front, back) = body.split_at(17);
        assert_eq!(relaxed(&[front, back]), relaxed(&[body]));
        assert!(BodyDigester::for_letter(b"Subject: x\r\n").is_none());
    }
}
