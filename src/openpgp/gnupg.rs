//! How is GnuPG's own container opened, packet type 20?
//!
//! GnuPG 2.3 and later send it to whoever's certificate carries its feature flag. It was in drafts
//! of OpenPGP until 2022 (draft-ietf-openpgp-rfc4880bis-10 section 5.16), and RFC 9580 took another
//! one, so Sequoia does not read it. Every chunk and the final tag are proven before an octet of it
//! is parsed.

use super::cipher;
use super::open::{SessionKeys, Unopened, recipients};
use crate::model::budget::{Budget, Overspent, Sum};
use crate::model::reading::Shut;
use aes::cipher::{BlockCipher, BlockEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use eax::Eax;
use eax::aead::AeadInPlace;
use eax::aead::consts::U16;
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::packet::{PKESK, Packet};
use sequoia_openpgp::parse::{PacketParser, PacketParserResult, Parse};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};

const TAG: u8 = 20;

/// Octets of a nonce, in OCB (RFC 7253) and in EAX, and of each tag.
const OCB_NONCE_OCTETS: usize = 15;
const EAX_NONCE_OCTETS: usize = 16;
const TAG_OCTETS: usize = 16;

/// How the chunks are authenticated. GnuPG writes OCB; RNP, and GnuPG 2.3 before its release, wrote
/// EAX too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Ocb,
    Eax,
}

/// 4 EiB: what the format can say and no more.
const CHUNK_SIZE_OCTET_MAX: u8 = 56;

const UNSUPPORTED: Unopened = Unopened::new(
    Shut::Unsupported,
    "it uses an algorithm that is not supported",
);

/// Proven packets from inside the container, and whose key opened it.
pub(super) struct Inside {
    pub packets: Vec<u8>,
    pub recipient: String,
}

/// Opens a message whose container is packet type 20.
pub(super) fn open(
    binary: &[u8],
    keys: &mut dyn SessionKeys,
    budget: &Budget,
) -> Result<Inside, Unopened> {
    let (pkesks, by_password, body) = taken_apart(binary).ok_or(Unopened::DAMAGED)?;
    let container = Container::parse(&body)?;
    if body.len() as u64 > budget.left(Sum::Plaintext) {
        return Err(Unopened::overspent());
    }
    if pkesks.is_empty() && by_password {
        return Err(Unopened::by_password());
    }
    let mut unopened = Unopened::without_key(pkesks.len(), &budget.limits);
    for pkesk in recipients(&pkesks, &budget.limits) {
        budget
            .draw(Sum::Recipients, 1)
            .map_err(|Overspent| Unopened::overspent())?;
        let Ok(octets) = MarshalInto::to_vec(pkesk) else {
            continue;
        };
        let found = keys.session_key(&octets, Some(container.cipher.into()));
        if keys.is_spent() {
            budget.overspend();
            return Err(Unopened::overspent());
        }
        let Some(key) = found else { continue };
        unopened = Unopened::DAMAGED;
        // The cipher that the container names must be the one that the key was made for.
        let fits = key.algorithm == Some(container.cipher.into());
        if let Some(packets) = fits
            .then(|| container.decrypt(&SessionKey::from(key.octets)))
            .flatten()
        {
            return Ok(Inside {
                packets,
                recipient: key.recipient,
            });
        }
    }
    Err(unopened)
}

/// Session keys, whether a password would do, and the container's body. Nothing may follow it.
fn taken_apart(binary: &[u8]) -> Option<(Vec<PKESK>, bool, Vec<u8>)> {
    let mut pkesks = Vec::new();
    let mut by_password = false;
    let mut result = PacketParser::from_bytes(binary).ok()?;
    while let PacketParserResult::Some(mut parser) = result {
        if u8::from(parser.packet.tag()) == TAG {
            let body = parser.buffer_unread_content().ok()?.to_vec();
            let (_, rest) = parser.next().ok()?;
            return matches!(rest, PacketParserResult::EOF(_)).then_some((
                pkesks,
                by_password,
                body,
            ));
        }
        let (packet, rest) = parser.next().ok()?;
        match packet {
            Packet::PKESK(pkesk) => pkesks.push(pkesk),
            Packet::SKESK(_) => by_password = true,
            _ => {}
        }
        result = rest;
    }
    None
}

struct Container<'a> {
    cipher: SymmetricAlgorithm,
    mode: Mode,
    /// The first octets of every chunk's additional data.
    associated: [u8; 5],
    chunk_octets: u64,
    nonce: &'a [u8],
    chunks: &'a [u8],
    final_tag: &'a [u8],
}

impl<'a> Container<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, Unopened> {
        let [version, cipher, aead, size, rest @ ..] = body else {
            return Err(Unopened::DAMAGED);
        };
        let algorithm = SymmetricAlgorithm::from(*cipher);
        let (mode, nonce_octets) = match AEADAlgorithm::from(*aead) {
            AEADAlgorithm::OCB => (Mode::Ocb, OCB_NONCE_OCTETS),
            AEADAlgorithm::EAX => (Mode::Eax, EAX_NONCE_OCTETS),
            _ => return Err(UNSUPPORTED),
        };
        if *version != 1 {
            return Err(UNSUPPORTED);
        }
        if !cipher::is_wanted(algorithm) {
            return Err(Unopened::in_cipher(algorithm));
        }
        let (nonce, rest) = rest
            .split_at_checked(nonce_octets)
            .ok_or(Unopened::DAMAGED)?;
        let (chunks, final_tag) = rest
            .split_at_checked(rest.len().wrapping_sub(TAG_OCTETS))
            .ok_or(Unopened::DAMAGED)?;
        if *size > CHUNK_SIZE_OCTET_MAX {
            return Err(Unopened::DAMAGED);
        }
        Ok(Self {
            cipher: algorithm,
            mode,
            associated: [0xc0 | TAG, *version, *cipher, *aead, *size],
            chunk_octets: 1 << (size + 6),
            nonce,
            chunks,
            final_tag,
        })
    }

    /// All of the plaintext, or nothing.
    fn decrypt(&self, key: &SessionKey) -> Option<Vec<u8>> {
        let mut plaintext = vec![0; self.chunks.len()];
        let mut total = 0;
        let mut index = 0u64;
        let step = usize::try_from(self.chunk_octets.saturating_add(TAG_OCTETS as u64))
            .unwrap_or(usize::MAX);
        for chunk in self.chunks.chunks(step) {
            let octets = chunk.len().checked_sub(TAG_OCTETS)?;
            self.prove(
                key,
                index,
                &[],
                &mut plaintext[total..total + octets],
                chunk,
            )?;
            total += octets;
            index += 1;
        }
        // The last tag proves how many octets there are: no chunk was taken off the end.
        self.prove(
            key,
            index,
            &(total as u64).to_be_bytes(),
            &mut [],
            self.final_tag,
        )?;
        plaintext.truncate(total);
        Some(plaintext)
    }

    fn prove(
        &self,
        key: &SessionKey,
        index: u64,
        length: &[u8],
        plaintext: &mut [u8],
        sealed: &[u8],
    ) -> Option<()> {
        let (associated, nonce) = self.for_chunk(index, length);
        match self.mode {
            Mode::Ocb => {
                let context = AEADAlgorithm::OCB
                    .context(self.cipher, key, &associated, &nonce)
                    .ok()?;
                context
                    .for_decryption()
                    .ok()?
                    .decrypt_verify(plaintext, sealed)
                    .ok()
            }
            Mode::Eax => match self.cipher {
                SymmetricAlgorithm::AES128 => {
                    eax_chunk::<Aes128>(key, &nonce, &associated, plaintext, sealed)
                }
                SymmetricAlgorithm::AES192 => {
                    eax_chunk::<Aes192>(key, &nonce, &associated, plaintext, sealed)
                }
                _ => eax_chunk::<Aes256>(key, &nonce, &associated, plaintext, sealed),
            },
        }
    }

    /// Additional data and nonce: both hold the index of the chunk.
    fn for_chunk(&self, index: u64, length: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let associated = [&self.associated[..], &index.to_be_bytes(), length].concat();
        let mut nonce = self.nonce.to_vec();
        nonce
            .iter_mut()
            .rev()
            .zip(index.to_be_bytes().iter().rev())
            .for_each(|(octet, counted)| *octet ^= counted);
        (associated, nonce)
    }
}

/// One chunk in EAX, which no backend of Sequoia's that we build with has.
fn eax_chunk<C>(
    key: &SessionKey,
    nonce: &[u8],
    associated: &[u8],
    plaintext: &mut [u8],
    sealed: &[u8],
) -> Option<()>
where
    C: BlockCipher + BlockEncrypt + KeyInit + Clone + BlockSizeUser<BlockSize = U16>,
    Eax<C>: AeadInPlace<TagSize = U16, NonceSize = U16> + KeyInit,
{
    let (octets, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_OCTETS)?)?;
    plaintext.copy_from_slice(octets);
    let cipher = <Eax<C> as KeyInit>::new_from_slice(key).ok()?;
    cipher
        .decrypt_in_place_detached(nonce.into(), associated, plaintext, tag.into())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::super::{
        Certificate, Profile, Purpose, SecretKeys, certificates, generate, open as open_message,
    };
    use super::*;
    use crate::model::reading::Integrity;
    use sequoia_openpgp::Cert;
    use sequoia_openpgp::packet::pkesk::PKESK3;
    use sequoia_openpgp::serialize::stream::{LiteralWriter, Message};
    use std::io::Write;

    const SIZE: u8 = 0; // 64 octets a chunk, so that a short text has many

    fn desk() -> (SecretKeys, Vec<Certificate>) {
        let key = generate("security@desk.example", "Desk", Profile::V4).unwrap();
        (
            SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None).unwrap(),
            certificates(key.public_armored.as_bytes()).unwrap(),
        )
    }

    /// A message as GnuPG 2.3 writes it, and where in it the container begins.
    fn sealed(to: &Cert, words: &[u8], mode: Mode) -> (Vec<u8>, usize) {
        let mut inside = Vec::new();
        let mut literal = LiteralWriter::new(Message::new(&mut inside))
            .build()
            .unwrap();
        literal.write_all(words).unwrap();
        literal.finalize().unwrap();
        let cipher = SymmetricAlgorithm::AES256;
        let key = SessionKey::new(cipher.key_size().unwrap()).unwrap();
        let encryption = to
            .keys()
            .subkeys()
            .find(|k| k.key().pk_algo().for_encryption())
            .unwrap();
        let pkesk = PKESK3::for_recipient(cipher, &key, encryption.key()).unwrap();
        let mut message = MarshalInto::to_vec(&Packet::from(pkesk)).unwrap();
        let starts = message.len();
        let (algorithm, nonce_octets) = match mode {
            Mode::Ocb => (AEADAlgorithm::OCB, OCB_NONCE_OCTETS),
            Mode::Eax => (AEADAlgorithm::EAX, EAX_NONCE_OCTETS),
        };
        let head = [1, cipher.into(), algorithm.into(), SIZE];
        let mut body = [&head[..], &[7; 16][..nonce_octets], &[0; TAG_OCTETS]].concat();
        let writer = Container::parse(&body).unwrap();
        let mut chunks = Vec::new();
        let mut seal = |index: usize, length: &[u8], octets: &[u8]| {
            let (associated, nonce) = writer.for_chunk(index as u64, length);
            let mut out = vec![0; octets.len() + TAG_OCTETS];
            match mode {
                Mode::Ocb => AEADAlgorithm::OCB
                    .context(cipher, &key, &associated, &nonce)
                    .unwrap()
                    .for_encryption()
                    .unwrap()
                    .encrypt_seal(&mut out, octets)
                    .unwrap(),
                Mode::Eax => {
                    let (plain, tag) = out.split_at_mut(octets.len());
                    plain.copy_from_slice(octets);
                    let cipher = Eax::<Aes256>::new_from_slice(&key).unwrap();
                    tag.copy_from_slice(
                        &cipher
                            .encrypt_in_place_detached(nonce.as_slice().into(), &associated, plain)
                            .unwrap(),
                    );
                }
            }
            chunks.extend(out);
        };
        inside
            .chunks(64)
            .enumerate()
            .for_each(|(index, octets)| seal(index, &[], octets));
        seal(
            inside.len().div_ceil(64),
            &(inside.len() as u64).to_be_bytes(),
            &[],
        );
        let body_head = head.len() + nonce_octets;
        body.truncate(body_head);
        body.extend(chunks);
        message.push(0xc0 | TAG);
        message.push(0xff);
        message.extend((body.len() as u32).to_be_bytes());
        message.extend(body);
        (message, starts)
    }

    #[test]
    fn it_opens_and_every_octet_of_it_is_proven() {
        let (mut keys, certs) = desk();
        for (length, mode) in [0, 1, 50, 56, 57, 300]
            .into_iter()
            .flat_map(|length| [(length, Mode::Ocb), (length, Mode::Eax)])
        {
            let words: Vec<u8> = (0..length).map(|n| b'a' + (n % 26) as u8).collect();
            let (message, starts) = sealed(&certs[0].0, &words, mode);
            let opened = open_message(&message, &mut keys, &certs, &Budget::ours()).unwrap();
            assert_eq!(
                (opened.plaintext, opened.integrity),
                (words, Integrity::Aead),
                "{length}"
            );
            for at in starts + 6..message.len() {
                let mut bent = message.clone();
                bent[at] ^= 1;
                assert!(
                    open_message(&bent, &mut keys, &certs, &Budget::ours()).is_err(),
                    "octet {at} of {length}"
                );
            }
        }
    }

    #[test]
    fn chunks_cannot_be_dropped_moved_or_added() {
        let (mut keys, certs) = desk();
        let (message, starts) = sealed(&certs[0].0, &[b'x'; 300], Mode::Ocb);
        let (head, chunks) = message.split_at(starts + 6 + 4 + OCB_NONCE_OCTETS);
        let step = 64 + TAG_OCTETS;
        let again = |chunks: Vec<u8>| {
            let mut message = [head, &chunks].concat();
            let length = (message.len() - starts - 6) as u32;
            message[starts + 2..starts + 6].copy_from_slice(&length.to_be_bytes());
            message
        };
        assert!(open_message(&again(chunks.to_vec()), &mut keys, &certs, &Budget::ours()).is_ok());
        let dropped = [&chunks[..step], &chunks[2 * step..]].concat();
        let moved = [
            &chunks[step..2 * step],
            &chunks[..step],
            &chunks[2 * step..],
        ]
        .concat();
        let cut = [&chunks[..step], &chunks[chunks.len() - TAG_OCTETS..]].concat();
        let doubled = [&chunks[..step], chunks].concat();
        for bent in [dropped, moved, cut, doubled, Vec::new(), vec![0; 8]] {
            assert_eq!(
                open_message(&again(bent), &mut keys, &certs, &Budget::ours())
                    .unwrap_err()
                    .shut,
                Shut::Integrity
            );
        }
        let followed = [&message[..], &message[..]].concat();
        assert!(
            open_message(&followed, &mut keys, &certs, &Budget::ours()).is_err(),
            "nothing may follow"
        );
    }

    #[test]
    fn another_key_or_mode_is_named() {
        let (mut keys, certs) = desk();
        let (_, others) = desk();
        let (message, _) = sealed(&others[0].0, b"x", Mode::Ocb);
        assert_eq!(
            open_message(&message, &mut keys, &certs, &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::NoKey
        );
        let (mut message, starts) = sealed(&certs[0].0, b"x", Mode::Ocb);
        message[starts + 8] = 3; // GCM, which no draft had here
        assert_eq!(
            open_message(&message, &mut keys, &certs, &Budget::ours())
                .unwrap_err()
                .shut,
            Shut::Unsupported
        );
    }
}
