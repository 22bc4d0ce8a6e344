//! What does the keyholder write, and what does it say of itself?

use super::{Keyholder, PATIENCE};
use crate::adapters::opener::wire::{GOOD, SEAL, SealCall, Wire, WireError};
use crate::compose::{self, MailDraft, OutgoingHeaders};
use crate::model::address::Address;
use crate::model::outgoing::Composition;
use crate::model::publication::SecurityTxt;
use crate::openpgp::{SecretKeys, sign_cleartext};
use crate::smime;
use std::os::fd::OwnedFd;

/// The armored certificate of one of these people.
fn certificate_of(people: &[(Address, String)], to: &Address) -> Option<String> {
    people
        .iter()
        .find(|(address, _)| address.same_mailbox(to))
        .map(|(_, armored)| armored.clone())
}

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
        let certificate = match self.certificate_for(composition) {
            Ok(certificate) => certificate,
            Err(why) => return wire.refuse(why),
        };
        let draft = match compose::draft(composition, identity) {
            Ok(draft) => draft,
            Err(err) => return wire.refuse(&err.to_string()),
        };
        let Some(certificate) = certificate else {
            return self.give_signed(draft, &wire);
        };
        if smime::is_certificate(&certificate) {
            // As the reporter wrote, they are answered.
            return match self.signed_smime(draft) {
                Ok(signed) => self.give_sealed(signed.headers, certificate, &signed.entity, desk),
                Err(why) => wire.refuse(&why),
            };
        }
        match self.holdings.mail.sign_message(&draft.octets_to_sign()) {
            Ok(packets) => self.give_sealed(draft.headers, certificate, &packets, desk),
            Err(err) => wire.refuse(&err.to_string()),
        }
    }

    /// The entity with our S/MIME signature and certificate.
    fn signed_smime(&self, draft: MailDraft) -> Result<compose::Signed, String> {
        if self.holdings.smime.is_empty() {
            return Err("no key of S/MIME is held: opener.smime_keys names none".to_owned());
        }
        let at = draft.headers.at();
        let signed = smime::sign(&self.holdings.smime, &draft.octets_to_sign(), at);
        let (signature, micalg) = signed.map_err(|e| e.to_string())?;
        let whole = draft.signed_smime(&signature, micalg);
        whole.map_err(|e| e.to_string())
    }

    /// The certificate that the letter is sealed to, if any. What goes to people other than
    /// reporters goes only to those of the opener's own config.
    fn certificate_for(&self, composition: &Composition) -> Result<Option<String>, &'static str> {
        match composition {
            Composition::Acknowledgement { .. }
            | Composition::Question { .. }
            | Composition::Reply { .. }
            | Composition::Certificate { .. } => Ok(composition.certificate().map(str::to_owned)),
            Composition::Call { to, .. } => certificate_of(&self.holdings.responders, to)
                .ok_or("calls go only to responders of the opener's own config")
                .map(Some),
            Composition::SignIn { to, .. } => {
                let identity = self.holdings.identity.as_ref();
                if identity.is_none_or(|identity| identity.page.is_none()) {
                    return Err("the opener's own config has no [page]");
                }
                let mut users = self.holdings.page_users.iter();
                if !users.any(|user| user.same_mailbox(to)) {
                    return Err("the opener's own config lets nobody of this address sign in");
                }
                certificate_of(&self.holdings.responders, to)
                    .ok_or("the certificate of this responder cannot be read")
                    .map(Some)
            }
            Composition::Announcement { to, .. } => {
                if self.holdings.lists.iter().any(|list| list.same_mailbox(to)) {
                    Ok(None)
                } else {
                    Err("announcements go only to lists of the opener's own config")
                }
            }
            Composition::Notice { to, .. } => certificate_of(&self.holdings.distributors, to)
                .ok_or("notices go only to distributors of the opener's own config")
                .map(Some),
        }
    }

    /// Answers with the letter, signed and in clear.
    fn give_signed(&self, draft: MailDraft, wire: &Wire<'_>) -> Result<(), WireError> {
        let letter = self
            .holdings
            .mail
            .sign_detached(&draft.octets_to_sign())
            .map_err(|e| e.to_string());
        let letter = letter.and_then(|(signature, micalg)| {
            draft.signed(signature, micalg).map_err(|e| e.to_string())
        });
        match letter {
            Ok(letter) => {
                wire.give(&[GOOD])?;
                wire.give_frame(&letter)
            }
            Err(why) => wire.refuse(&why),
        }
    }

    /// Has a reader seal the signed letter and answer with it: no certificate of others is parsed
    /// beside the keys.
    fn give_sealed(
        &mut self,
        headers: OutgoingHeaders,
        certificate: String,
        packets: &[u8],
        desk: OwnedFd,
    ) -> Result<(), WireError> {
        let call = serde_json::to_vec(&SealCall {
            headers,
            certificates: vec![certificate],
        })?;
        let keys = self.fork_reader(SEAL, desk)?;
        let reader = Wire::brief(keys, PATIENCE);
        reader.give_frame(&call)?;
        reader.give_frame(packets)
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
        let of_smime = |certificate: &&crate::smime::Certificate| {
            let ends = certificate.expires();
            let until = ends.map_or_else(String::new, |t| t.strftime("%Y-%m-%d").to_string());
            format!(
                "S/MIME key {} ({}), expires {until}",
                certificate.fingerprint(),
                certificate.algorithms()
            )
        };
        let smime = self.holdings.smime.public();
        mail.iter()
            .map(|c| describe(c, "mail key"))
            .chain(smime.iter().map(of_smime))
            .chain(storage.iter().map(|c| describe(c, "storage key")))
            .collect()
    }
}
