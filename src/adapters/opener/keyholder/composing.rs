//! What does the keyholder write, and what does it say of itself?

use super::{Keyholder, PATIENCE};
use crate::adapters::opener::wire::{GOOD, SEAL, SealCall, Wire, WireError};
use crate::compose::{self};
use crate::model::outgoing::Composition;
use crate::model::publication::SecurityTxt;
use crate::openpgp::{SecretKeys, sign_cleartext};
use std::os::fd::OwnedFd;

impl Keyholder<'_> {
    pub(super) fn compose(
        &mut self,
        composition: &Composition,
        desk: OwnedFd,
    ) -> Result<(), WireError> {
        let wire = Wire::brief(&desk, PATIENCE);
        let Some(identity) = &self.holdings.identity else {
            return wire.refuse("this opener composes nothing");
        };
        let certificate = match composition {
            Composition::Acknowledgement { .. }
            | Composition::Question { .. }
            | Composition::Reply { .. }
            | Composition::Certificate { .. } => composition.certificate().map(str::to_owned),
            Composition::Call { to, .. } => match self
                .holdings
                .responders
                .iter()
                .find(|(address, _)| address.same_mailbox(to))
            {
                Some((_, armored)) => Some(armored.clone()),
                None => {
                    return wire.refuse("calls go only to responders of the opener's own config");
                }
            },
            Composition::Announcement { to, .. }
                if self.holdings.lists.iter().any(|list| list.same_mailbox(to)) =>
            {
                None
            }
            Composition::Announcement { .. } => {
                return wire.refuse("announcements go only to lists of the opener's own config");
            }
            Composition::Notice { to, .. } => match self
                .holdings
                .distributors
                .iter()
                .find(|(address, _)| address.same_mailbox(to))
            {
                Some((_, armored)) => Some(armored.clone()),
                None => {
                    return wire
                        .refuse("notices go only to distributors of the opener's own config");
                }
            },
        };
        let draft = match compose::draft(composition, identity) {
            Ok(draft) => draft,
            Err(err) => return wire.refuse(&err.to_string()),
        };
        let octets = draft.octets_to_sign();
        let Some(certificate) = certificate else {
            let letter = self
                .holdings
                .mail
                .sign_detached(&octets)
                .map_err(|e| e.to_string());
            let letter = letter.and_then(|(signature, micalg)| {
                draft.signed(signature, micalg).map_err(|e| e.to_string())
            });
            return match letter {
                Ok(letter) => {
                    wire.give(&[GOOD])?;
                    wire.give_frame(&letter)
                }
                Err(why) => wire.refuse(&why),
            };
        };
        let packets = match self.holdings.mail.sign_message(&octets) {
            Ok(packets) => packets,
            Err(err) => return wire.refuse(&err.to_string()),
        };
        let call = serde_json::to_vec(&SealCall {
            headers: draft.headers,
            certificates: vec![certificate],
        })?;
        let keys = self.fork_reader(SEAL, desk)?;
        let reader = Wire::brief(keys, PATIENCE);
        reader.give_frame(&call)?;
        reader.give_frame(&packets)
    }

    pub(super) fn security_txt(&self, fields: &SecurityTxt) -> Result<String, String> {
        let identity = self
            .holdings
            .identity
            .as_ref()
            .ok_or("this opener composes nothing")?;
        let text = compose::security_txt(fields, identity).map_err(|e| e.to_string())?;
        sign_cleartext(&text, &[&self.holdings.mail]).map_err(|e| e.to_string())
    }

    pub(super) fn inspect(&self) -> Vec<String> {
        let describe = |certificate: &crate::openpgp::Certificate, what: &str| {
            let until = certificate.expires().map_or_else(
                || "never expires".to_owned(),
                |t| format!("expires {}", t.strftime("%Y-%m-%d")),
            );
            format!(
                "{what} {} ({}), version {}, {until}",
                certificate.fingerprint(),
                certificate.algorithms(),
                certificate.version()
            )
        };
        let mail = self.holdings.mail.public();
        let storage = self
            .holdings
            .storage
            .as_ref()
            .map(SecretKeys::public)
            .unwrap_or_default();
        mail.iter()
            .map(|c| describe(c, "mail key"))
            .chain(storage.iter().map(|c| describe(c, "storage key")))
            .collect()
    }
}
