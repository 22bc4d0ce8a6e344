//! How do a private key and its certificate become ours? From PKCS#12, as certificate authorities
//! and mail programs hand it out, or from PEM.

use super::SmimeError;
use super::certificate::{Certificate, certificates};
use super::keys::OwnPair;
use crate::model::secret::Secret;
use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::provider::Provider;

/// A key and its certificate, as the desk keeps them.
pub struct AdoptedPair {
    pub certificate: Certificate,
    /// The private key (PKCS#8), the certificate and its chain, in PEM.
    pub secret: Secret,
    /// The certificate and its chain, in PEM.
    pub public: String,
}

/// What stood in files, before keys and certificates are matched.
#[derive(Default)]
pub(super) struct Found {
    keys: Vec<PKey<Private>>,
    certificates: Vec<Certificate>,
}

/// Takes over the keys of files, in PKCS#12 or PEM: a key and its certificate may stand in two of
/// them.
pub fn adopt(files: &[Secret], passphrase: Option<&[u8]>) -> Result<Vec<AdoptedPair>, SmimeError> {
    let mut found = Found::default();
    for file in files {
        let octets = file.expose();
        let of_file = match Pkcs12::from_der(octets) {
            Ok(packed) => read_pkcs12(&packed, passphrase)?,
            Err(_) => read_pem(octets, passphrase)?,
        };
        found.keys.extend(of_file.keys);
        found.certificates.extend(of_file.certificates);
    }
    found.pairs()?.iter().map(kept).collect()
}

/// As the desk keeps it. The private key is not protected by a passphrase, as the other keys of a
/// desk are not: the folder and systemd protect it.
fn kept(pair: &OwnPair) -> Result<AdoptedPair, SmimeError> {
    let key = pair
        .key
        .private_key_to_pem_pkcs8()
        .map_err(SmimeError::operation("writing a private key"))?;
    let mut public = String::new();
    for certificate in std::iter::once(&pair.certificate).chain(&pair.chain) {
        public.push_str(&certificate.pem());
    }
    let secret = [key.as_slice(), public.as_bytes()].concat();
    Ok(AdoptedPair {
        certificate: pair.certificate.clone(),
        secret: Secret::new(secret),
        public,
    })
}

fn read_pkcs12(packed: &Pkcs12, passphrase: Option<&[u8]>) -> Result<Found, SmimeError> {
    let password = String::from_utf8_lossy(passphrase.unwrap_or_default()).into_owned();
    let opened = match packed.parse2(&password) {
        Ok(opened) => opened,
        Err(err) if is_unsupported(&err) => with_legacy(packed, &password)?,
        Err(err) => return Err(SmimeError::WrongPassword(err)),
    };
    let others = opened.ca.into_iter().flatten();
    let certificate = |x509| Certificate {
        x509,
        takes_gcm: false,
    };
    Ok(Found {
        keys: opened.pkey.into_iter().collect(),
        certificates: opened
            .cert
            .into_iter()
            .chain(others)
            .map(certificate)
            .collect(),
    })
}

/// RC2 and its like stand in OpenSSL's legacy provider, which is loaded for this alone.
fn with_legacy(
    packed: &Pkcs12,
    password: &str,
) -> Result<openssl::pkcs12::ParsedPkcs12_2, SmimeError> {
    let legacy = Provider::try_load(None, "legacy", true).map_err(SmimeError::OldCipher)?;
    let opened = packed.parse2(password).map_err(|err| {
        if is_unsupported(&err) {
            SmimeError::OldCipher(err)
        } else {
            SmimeError::WrongPassword(err)
        }
    });
    drop(legacy);
    opened
}

fn is_unsupported(errors: &ErrorStack) -> bool {
    errors.errors().iter().any(|error| {
        let reason = error.reason().unwrap_or_default();
        reason.contains("unsupported") || reason.contains("unknown")
    })
}

const PRIVATE_LABELS: [&str; 4] = [
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
];

/// Whether a file is PKCS#12.
pub fn is_packed(file: &Secret) -> bool {
    Pkcs12::from_der(file.expose()).is_ok()
}

/// Whether a file is PEM with a private key in it.
pub fn is_private(file: &Secret) -> bool {
    let text = String::from_utf8_lossy(file.expose());
    PRIVATE_LABELS
        .iter()
        .any(|label| text.contains(&format!("-----BEGIN {label}-----")))
}

/// Private keys and certificates of a file in PEM, in any order.
pub(super) fn read_pem(octets: &[u8], passphrase: Option<&[u8]>) -> Result<Found, SmimeError> {
    let text = String::from_utf8_lossy(octets);
    let mut found = Found::default();
    for block in text.split_inclusive("-----END ").collect::<Vec<_>>() {
        let Some((_, begun)) = block.split_once("-----BEGIN ") else {
            continue;
        };
        let label = begun.split("-----").next().unwrap_or_default();
        let whole = format!("-----BEGIN {begun}{label}-----\n");
        if PRIVATE_LABELS.contains(&label) {
            let key = match passphrase {
                Some(passphrase) => {
                    PKey::private_key_from_pem_passphrase(whole.as_bytes(), passphrase)
                }
                // Without an answer OpenSSL would ask at the terminal.
                None => PKey::private_key_from_pem_callback(whole.as_bytes(), |_| Ok(0)),
            };
            found.keys.push(key.map_err(SmimeError::Locked)?);
        } else if label == "CERTIFICATE" {
            found.certificates.extend(certificates(whole.as_bytes())?);
        }
    }
    if found.keys.is_empty() && found.certificates.is_empty() {
        return Err(SmimeError::Absent(
            "private key or certificate in PEM, and is no PKCS#12",
        ));
    }
    Ok(found)
}

impl Found {
    /// Each key with the certificate that holds its public half, and the certificates above that.
    pub(super) fn pairs(self) -> Result<Vec<OwnPair>, SmimeError> {
        let mut pairs = Vec::new();
        for key in self.keys {
            let fits = |certificate: &&Certificate| {
                let public = certificate.public_key();
                public.is_some_and(|public| public.public_eq(&key))
            };
            for certificate in self.certificates.iter().filter(fits) {
                pairs.push(OwnPair {
                    chain: chain(certificate, &self.certificates),
                    certificate: certificate.clone(),
                    key: key.clone(),
                });
            }
        }
        if pairs.is_empty() {
            return Err(SmimeError::NoPair);
        }
        Ok(pairs)
    }
}

/// Certificates above one, longest first at its issuer; no root that issued itself.
fn chain(certificate: &Certificate, all: &[Certificate]) -> Vec<Certificate> {
    let mut above = Vec::new();
    let mut at = certificate;
    while let Some(issuer) = all.iter().find(|one| is_issued_by(at, one)) {
        if is_issued_by(issuer, issuer) || above.contains(issuer) {
            break;
        }
        above.push(issuer.clone());
        at = issuer;
    }
    above
}

fn is_issued_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    use openssl::x509::X509VerifyResult;
    issuer.x509.issued(&certificate.x509) == X509VerifyResult::OK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smime::SmimeKeys;
    use openssl::nid::Nid;

    const DESK: &[u8] = include_bytes!("../../tests/mail/keys/smime-desk.pem");
    const ADA: &[u8] = include_bytes!("../../tests/mail/keys/smime-ada.pem");

    fn packed(key: Option<Nid>, certificate: Option<Nid>) -> Result<Vec<u8>, ErrorStack> {
        let pairs = read_pem(ADA, None).unwrap().pairs().unwrap();
        let mut builder = Pkcs12::builder();
        builder.pkey(&pairs[0].key).cert(&pairs[0].certificate.x509);
        let mut above = openssl::stack::Stack::new()?;
        for one in &pairs[0].chain {
            above.push(one.x509.clone())?;
        }
        builder.ca(above);
        if let (Some(key), Some(certificate)) = (key, certificate) {
            builder.key_algorithm(key).cert_algorithm(certificate);
        }
        builder.build2("pw")?.to_der()
    }

    fn fingerprints(adopted: &[AdoptedPair]) -> Vec<String> {
        adopted
            .iter()
            .map(|pair| pair.certificate.fingerprint())
            .collect()
    }

    #[test]
    fn keys_come_from_pkcs12_and_pem_and_are_kept_with_their_chain() {
        let own = fingerprints(&adopt(&[Secret::new(ADA.to_vec())], None).unwrap());
        let triple_des = Some(Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC);
        for octets in [
            packed(None, None).unwrap(),
            packed(triple_des, triple_des).unwrap(),
        ] {
            let adopted = adopt(&[Secret::new(octets.clone())], Some(b"pw")).unwrap();
            assert_eq!(fingerprints(&adopted), own);
            let kept = &adopted[0];
            assert_eq!(kept.public.matches("BEGIN CERTIFICATE").count(), 2);
            let keys = SmimeKeys::load(kept.secret.expose(), None).unwrap();
            assert_eq!(keys.public().len(), 1);
            let wrong = adopt(&[Secret::new(octets)], Some(b"no")).err().unwrap();
            assert!(wrong.to_string().contains("password is wrong"), "{wrong}");
        }
        let several = adopt(
            &[Secret::new(DESK.to_vec()), Secret::new(ADA.to_vec())],
            None,
        );
        assert_eq!(several.unwrap().len(), 4);
    }

    #[test]
    fn a_key_and_its_certificate_may_stand_in_two_files() {
        let text = String::from_utf8(ADA.to_vec()).unwrap();
        let at = text.find("-----BEGIN CERTIFICATE").unwrap();
        let (key, certificate) = text.split_at(at);
        let files = [key, certificate].map(|part| Secret::new(part.as_bytes().to_vec()));
        assert_eq!(adopt(&files, None).unwrap().len(), 1);
        for (alone, why) in [
            (key, "no certificate in"),
            (certificate, "no certificate in"),
        ] {
            let refused = adopt(&[Secret::new(alone.as_bytes().to_vec())], None);
            assert!(refused.err().unwrap().to_string().contains(why));
        }
        let locked = read_pem(ADA, None).unwrap().keys[0]
            .private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"pw")
            .unwrap();
        let both = [locked.as_slice(), certificate.as_bytes()].concat();
        let refused = adopt(&[Secret::new(both.clone())], None).err().unwrap();
        assert!(refused.to_string().contains("passphrase"), "{refused}");
        assert_eq!(adopt(&[Secret::new(both)], Some(b"pw")).unwrap().len(), 1);
        let nothing = adopt(&[Secret::new(b"hello".to_vec())], None)
            .err()
            .unwrap();
        assert!(nothing.to_string().contains("no PKCS#12"), "{nothing}");
    }

    #[test]
    fn a_packed_key_in_rc2_is_read_or_the_way_to_convert_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (pem, packed) = (folder.path().join("ada.pem"), folder.path().join("ada.p12"));
        std::fs::write(&pem, ADA).unwrap();
        let made = std::process::Command::new("openssl")
            .args([
                "pkcs12",
                "-export",
                "-legacy",
                "-certpbe",
                "PBE-SHA1-RC2-40",
            ])
            .args(["-passout", "pass:pw", "-in"])
            .arg(&pem)
            .arg("-out")
            .arg(&packed)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let octets = std::fs::read(&packed).unwrap();
        match adopt(&[Secret::new(octets)], Some(b"pw")) {
            Ok(adopted) => assert_eq!(adopted.len(), 1),
            Err(why) => assert!(why.to_string().contains("openssl pkcs12 -legacy"), "{why}"),
        }
    }
}
