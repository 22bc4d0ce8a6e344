//! Who holds the private keys of S/MIME, and what do they do? Only the keyholder process makes one
//! of these.

use super::SmimeError;
use super::adopt::read_pem;
use super::certificate::Certificate;
use super::question::{ContentKey, ContentKeys, Derivation, Digest, KeyQuestion, KeyWay};
use crate::model::Timestamp;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::hash::Hasher;
use openssl::md::Md;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

/// Octets of a key that a message may be encrypted with, at most.
const KEY_OCTETS_MAX: usize = 64;

/// A private key, its certificate, and the certificates above that.
#[derive(Clone)]
pub struct OwnPair {
    pub certificate: Certificate,
    pub chain: Vec<Certificate>,
    pub(super) key: PKey<Private>,
}

/// Private keys of S/MIME. Those whose certificate ended still open old letters; only live ones
/// sign.
#[derive(Clone, Default)]
pub struct SmimeKeys {
    pairs: Vec<OwnPair>,
}

impl std::fmt::Debug for SmimeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmimeKeys({} certificates)", self.pairs.len())
    }
}

impl SmimeKeys {
    /// Every private key of a file in PEM, with the certificate that belongs to it.
    pub fn load(octets: &[u8], passphrase: Option<&[u8]>) -> Result<Self, SmimeError> {
        let pairs = read_pem(octets, passphrase)?.pairs()?;
        Ok(Self { pairs })
    }

    /// Joins the keys of several files.
    pub fn and(mut self, other: Self) -> Self {
        self.pairs.extend(other.pairs);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The certificates of the keys, in the order of the files.
    pub fn public(&self) -> Vec<&Certificate> {
        self.pairs.iter().map(|pair| &pair.certificate).collect()
    }

    /// The first pair whose certificate may sign now.
    pub(super) fn signer(&self, at: Timestamp) -> Result<&OwnPair, SmimeError> {
        let may_sign = |pair: &&OwnPair| pair.certificate.can_sign(at);
        self.pairs.iter().find(may_sign).ok_or_else(|| {
            let first = self.pairs.first();
            let name = first.map_or_else(String::new, |pair| pair.certificate.fingerprint());
            SmimeError::NotUsable(name, "signing: it ended, or is not for mail")
        })
    }
}

impl ContentKeys for SmimeKeys {
    fn content_key(&mut self, question: &KeyQuestion) -> Option<ContentKey> {
        if !(1..=KEY_OCTETS_MAX).contains(&question.key_octets) {
            return None;
        }
        let is_meant = |pair: &&OwnPair| {
            if question.loosely {
                pair.certificate.has_serial(&question.recipient)
            } else {
                pair.certificate.is_named(&question.recipient)
            }
        };
        let pair = self.pairs.iter().find(is_meant)?;
        // From here on nothing says whether it worked: a wrong padding and a wrong key are both a
        // random key (RFC 3218 section 2.3.2), which opens nothing.
        let octets = unsealed(&pair.key, question)
            .ok()
            .filter(|octets| octets.len() == question.key_octets);
        let mut random = vec![0; question.key_octets];
        openssl::rand::rand_bytes(&mut random).ok()?;
        Some(ContentKey {
            octets: octets.unwrap_or(random),
            recipient: pair.certificate.fingerprint(),
        })
    }
}

fn unsealed(key: &PKey<Private>, question: &KeyQuestion) -> Result<Vec<u8>, ErrorStack> {
    match &question.way {
        KeyWay::RsaPkcs1 => rsa(key, &question.sealed, |context| {
            // OpenSSL 3.2 and later answer a wrong padding with noise (implicit rejection).
            context.set_rsa_padding(Padding::PKCS1)
        }),
        KeyWay::RsaOaep {
            digest,
            mask,
            label,
        } => rsa(key, &question.sealed, |context| {
            context.set_rsa_padding(Padding::PKCS1_OAEP)?;
            context.set_rsa_oaep_md(digest.md())?;
            context.set_rsa_mgf1_md(mask.md())?;
            if label.is_empty() {
                Ok(())
            } else {
                context.set_rsa_oaep_label(label)
            }
        }),
        KeyWay::Agreement {
            point,
            derivation,
            shared_info,
            wrap_octets,
        } => {
            let secret = agreed(key, point)?;
            let wrapping = derived(&secret, *derivation, shared_info, *wrap_octets)?;
            Ok(unwrapped(&wrapping, &question.sealed).unwrap_or_default())
        }
    }
}

fn rsa(
    key: &PKey<Private>,
    sealed: &[u8],
    set: impl FnOnce(&mut PkeyCtx<Private>) -> Result<(), ErrorStack>,
) -> Result<Vec<u8>, ErrorStack> {
    if key.id() != Id::RSA {
        return Ok(Vec::new());
    }
    let mut context = PkeyCtx::new(key)?;
    context.decrypt_init()?;
    set(&mut context)?;
    let mut opened = Vec::new();
    context.decrypt_to_vec(sealed, &mut opened)?;
    Ok(opened)
}

/// The secret that our key shares with the sender's point.
fn agreed(key: &PKey<Private>, point: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let peer: PKey<Public> = match key.id() {
        Id::EC => {
            let own = key.ec_key()?;
            let mut context = openssl::bn::BigNumContext::new()?;
            // A point that is not on the curve is refused here.
            let point = EcPoint::from_bytes(own.group(), point, &mut context)?;
            let peer = EcKey::from_public_key(own.group(), &point)?;
            peer.check_key()?;
            PKey::from_ec_key(peer)?
        }
        id @ (Id::X25519 | Id::X448) => PKey::public_key_from_raw_bytes(point, id)?,
        _ => return Ok(Vec::new()),
    };
    let mut deriver = Deriver::new(key)?;
    deriver.set_peer(&peer)?;
    deriver.derive_to_vec()
}

fn derived(
    secret: &[u8],
    derivation: Derivation,
    shared_info: &[u8],
    octets: usize,
) -> Result<Vec<u8>, ErrorStack> {
    match derivation {
        Derivation::X963(digest) => {
            let mut derived = Vec::new();
            let mut counter: u32 = 1;
            while derived.len() < octets && counter < 16 {
                let mut hasher = Hasher::new(digest.implementation())?;
                hasher.update(secret)?;
                hasher.update(&counter.to_be_bytes())?;
                hasher.update(shared_info)?;
                derived.extend_from_slice(&hasher.finish()?);
                counter += 1;
            }
            derived.truncate(octets);
            Ok(derived)
        }
        Derivation::Hkdf(digest) => {
            let mut context = PkeyCtx::new_id(Id::HKDF)?;
            context.derive_init()?;
            context.set_hkdf_md(digest.md())?;
            context.set_hkdf_key(secret)?;
            context.add_hkdf_info(shared_info)?;
            let mut derived = vec![0; octets.min(KEY_OCTETS_MAX)];
            context.derive(Some(&mut derived))?;
            Ok(derived)
        }
    }
}

/// AES key unwrapping (RFC 3394), which proves itself; `None` where it does not.
fn unwrapped(wrapping: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = match wrapping.len() {
        16 => Cipher::aes_128_wrap(),
        24 => Cipher::aes_192_wrap(),
        32 => Cipher::aes_256_wrap(),
        _ => return None,
    };
    let octets = 24..=KEY_OCTETS_MAX + 8;
    if !octets.contains(&sealed.len()) || !sealed.len().is_multiple_of(8) {
        return None;
    }
    let mut context = CipherCtx::new().ok()?;
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    context
        .decrypt_init(Some(cipher), Some(wrapping), None)
        .ok()?;
    let mut octets = Vec::new();
    context.cipher_update_vec(sealed, &mut octets).ok()?;
    context.cipher_final_vec(&mut octets).ok()?;
    Some(octets)
}

impl Digest {
    fn md(self) -> &'static openssl::md::MdRef {
        match self {
            Self::Sha1 => Md::sha1(),
            Self::Sha224 => Md::sha224(),
            Self::Sha256 => Md::sha256(),
            Self::Sha384 => Md::sha384(),
            Self::Sha512 => Md::sha512(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smime::RecipientName;
    use crate::smime::tests::desk;
    use openssl::rsa::Rsa;

    fn question(pair: &OwnPair, way: KeyWay, sealed: Vec<u8>) -> KeyQuestion {
        let x509 = &pair.certificate.x509;
        KeyQuestion {
            recipient: RecipientName::Issued {
                issuer: x509.issuer_name().to_der().unwrap(),
                serial: x509.serial_number().to_bn().unwrap().to_vec(),
            },
            way,
            sealed,
            key_octets: 32,
            loosely: false,
        }
    }

    fn sealed(pair: &OwnPair, octets: &[u8]) -> Vec<u8> {
        let rsa: Rsa<_> = pair.key.rsa().unwrap();
        let mut sealed = vec![0; rsa.size() as usize];
        rsa.public_encrypt(octets, &mut sealed, Padding::PKCS1)
            .unwrap();
        sealed
    }

    #[test]
    fn a_wrong_padding_looks_like_a_wrong_key() {
        let mut keys = desk();
        let pair = keys.pairs[0].clone();
        let right = question(&pair, KeyWay::RsaPkcs1, sealed(&pair, &[7; 32]));
        assert_eq!(keys.content_key(&right).unwrap().octets, [7; 32]);
        let oaep = KeyWay::RsaOaep {
            digest: Digest::Sha256,
            mask: Digest::Sha256,
            label: Vec::new(),
        };
        let agreement = KeyWay::Agreement {
            point: vec![4; 65],
            derivation: Derivation::X963(Digest::Sha256),
            shared_info: vec![1],
            wrap_octets: 16,
        };
        let ends: [(KeyWay, Vec<u8>); 6] = [
            (KeyWay::RsaPkcs1, vec![1; 256]),
            (KeyWay::RsaPkcs1, vec![0xff; 256]),
            (KeyWay::RsaPkcs1, vec![]),
            (KeyWay::RsaPkcs1, sealed(&pair, &[7; 16])),
            (oaep, sealed(&pair, &[7; 32])),
            (agreement, vec![1; 40]),
        ];
        for (way, sealed) in ends {
            let asked = question(&pair, way, sealed);
            let (one, two) = (keys.content_key(&asked), keys.content_key(&asked));
            let (one, two) = (one.unwrap(), two.unwrap());
            assert_eq!((one.octets.len(), two.octets.len()), (32, 32), "{asked:?}");
            assert_eq!(one.recipient, pair.certificate.fingerprint());
        }
    }

    /// A stranger's certificate may have the serial number of one of ours.
    #[test]
    fn a_serial_number_is_enough_only_where_nothing_fits_exactly() {
        let mut keys = desk();
        let pair = keys.pairs[0].clone();
        let mut asked = question(&pair, KeyWay::RsaPkcs1, sealed(&pair, &[7; 32]));
        let RecipientName::Issued { issuer, .. } = &mut asked.recipient else {
            panic!("no issuer")
        };
        issuer.push(0);
        assert!(keys.content_key(&asked).is_none());
        asked.loosely = true;
        assert_eq!(keys.content_key(&asked).unwrap().octets, [7; 32]);
    }

    #[test]
    fn a_point_off_the_curve_is_a_wrong_key_and_a_stranger_is_nobody() {
        let mut keys = desk();
        let pair = keys.pairs[1].clone();
        let way = |point: Vec<u8>| KeyWay::Agreement {
            point,
            derivation: Derivation::Hkdf(Digest::Sha256),
            shared_info: Vec::new(),
            wrap_octets: 32,
        };
        for point in [vec![], vec![0], vec![4; 65], vec![2; 33], vec![9; 4_000]] {
            let asked = question(&pair, way(point), vec![3; 40]);
            assert_eq!(keys.content_key(&asked).unwrap().octets.len(), 32);
        }
        let mut asked = question(&pair, KeyWay::RsaPkcs1, vec![1; 256]);
        asked.recipient = RecipientName::KeyId(vec![5; 20]);
        assert!(keys.content_key(&asked).is_none());
        let mut huge = question(&pair, KeyWay::RsaPkcs1, vec![1; 256]);
        huge.key_octets = 1 << 40;
        assert!(keys.content_key(&huge).is_none());
    }
}
