//! How do we seal octets, at rest and on the way to people?

use super::certificate::Certificate;
use super::{OpenPgpError, policy};
use sequoia_openpgp::armor;
use sequoia_openpgp::packet::{Key, key};
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient};
use sequoia_openpgp::types::Features;
use std::io::Write;

/// The keys that everything at rest is sealed to: the storage certificate's and the responders'.
#[derive(Clone, Debug)]
pub struct SealTo {
    keys: Vec<Key<key::PublicParts, key::UnspecifiedRole>>,
    /// Its messages don't say to whom they are sealed (RFC 9580 section 5.1).
    hidden: bool,
}

impl SealTo {
    /// Each certificate must have a live encryption key: an expired one is an error, never an empty
    /// seal.
    pub fn new(certificates: &[Certificate]) -> Result<Self, OpenPgpError> {
        let mut keys = Vec::new();
        for certificate in certificates {
            certificate.usable_for_encryption()?;
            let alive = certificate
                .0
                .keys()
                .with_policy(policy(), None)
                .supported()
                .alive()
                .revoked(false)
                .for_transport_encryption();
            keys.extend(alive.map(|k| k.key().clone()));
        }
        if keys.is_empty() {
            Err(OpenPgpError::Absent("certificate to seal to"))
        } else {
            Ok(Self {
                keys,
                hidden: false,
            })
        }
    }

    /// The same, without a word on the outside of who can open it.
    pub fn hidden(self) -> Self {
        Self {
            hidden: true,
            ..self
        }
    }

    /// Seals octets into a binary OpenPGP message.
    pub fn seal(&self, octets: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
        let mut sink = Vec::with_capacity(octets.len() + 1024);
        let mut writer = self.writer(&mut sink)?;
        writer
            .write_all(octets)
            .map_err(|e| OpenPgpError::Operation("sealing", e.into()))?;
        writer
            .finalize()
            .map_err(OpenPgpError::operation("sealing"))?;
        Ok(sink)
    }

    /// A writer that seals what passes through it into `sink`; call `finalize` at the end.
    pub fn writer<'a>(
        &'a self,
        sink: impl Write + Send + Sync + 'a,
    ) -> Result<Message<'a>, OpenPgpError> {
        // SEIPDv1 opens in every program that a responder may use to read a sealed file by hand.
        let recipients: Vec<Recipient<'_>> = self
            .keys
            .iter()
            .map(|k| {
                Recipient::new(
                    Features::empty().set_seipdv1(),
                    (!self.hidden).then(|| k.keyid().into()),
                    k,
                )
            })
            .collect();
        let message = Encryptor::for_recipients(Message::new(sink), recipients)
            .build()
            .map_err(OpenPgpError::operation("sealing"))?;
        LiteralWriter::new(message)
            .build()
            .map_err(OpenPgpError::operation("sealing"))
    }
}

/// Encrypts a signed OpenPGP message, as binary packets, to these certificates. The format follows
/// what all of them can read.
pub fn seal_packets(certificates: &[Certificate], packets: &[u8]) -> Result<Vec<u8>, OpenPgpError> {
    let mut recipients = Vec::new();
    for certificate in certificates {
        certificate.usable_for_encryption()?;
        recipients.extend(
            certificate
                .0
                .keys()
                .with_policy(policy(), None)
                .supported()
                .alive()
                .revoked(false)
                .for_transport_encryption(),
        );
    }
    let mut sink = Vec::new();
    let run = || -> sequoia_openpgp::Result<()> {
        let mut message = Encryptor::for_recipients(Message::new(&mut sink), recipients).build()?;
        message.write_all(packets)?;
        message.finalize()
    };
    run().map_err(OpenPgpError::operation("encrypting"))?;
    Ok(sink)
}

/// ASCII armor around a binary message (RFC 9580 section 6).
pub fn armored_message(binary: &[u8]) -> Result<String, OpenPgpError> {
    let armor = || -> std::io::Result<Vec<u8>> {
        let mut writer = armor::Writer::new(Vec::new(), armor::Kind::Message)?;
        writer.write_all(binary)?;
        writer.finalize()
    };
    let octets = armor().map_err(|e| OpenPgpError::Operation("armoring", e.into()))?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
