//! How is one ciphertext opened, and what does the reading say of it?

use crate::model::reading::{Format, Protection, Repair, Shut};
use crate::openpgp::{self, Opened, Unopened};
use crate::reading::{MailKeys, State};

impl State<'_> {
    /// Opens one ciphertext and records how it was protected, or why it stays shut.
    pub(super) fn open(
        &mut self,
        ciphertext: &[u8],
        format: Format,
        repaired: Option<Repair>,
        keys: &mut dyn MailKeys,
    ) -> Option<Opened> {
        self.sealed = true;
        let mut protection = Protection {
            encrypted: true,
            format,
            repaired,
            ..Protection::default()
        };
        match self.opened(ciphertext, keys) {
            Ok(mut opened) => {
                if let Some(cipher) = &opened.old_cipher {
                    self.fault(format!(
                        "an encrypted part is in {cipher}, which is out of use: see with `sealdesk \
                         check` whether our certificate asks for AES, or have its sender update"
                    ));
                }
                if self.sealed_to.is_none() {
                    self.sealed_to = opened.recipient.take();
                }
                protection.integrity = opened.integrity;
                self.protections.push(protection);
                Some(opened)
            }
            Err(unopened) => {
                protection.shut = Some(unopened.shut);
                self.protections.push(protection);
                self.fault(format!("an encrypted part stays shut: {unopened}"));
                None
            }
        }
    }

    fn opened(&self, ciphertext: &[u8], keys: &mut dyn MailKeys) -> Result<Opened, Unopened> {
        if !openpgp::is_sealed(ciphertext) {
            // Sequoia would look for a container to the end, and hash all of it for every signature
            // that is announced.
            return Err(openpgp::unsealed(self.budget));
        }
        let certificates = self.certificates();
        let opened = openpgp::open(ciphertext, keys, &certificates, self.budget);
        // Some programs add line ends or zeros to a binary file. What is left without them must
        // prove itself as any other.
        let end = ciphertext
            .iter()
            .rposition(|b| !matches!(b, b'\r' | b'\n' | 0))
            .map_or(0, |at| at + 1);
        let is_damaged = opened
            .as_ref()
            .is_err_and(|unopened| unopened.shut == Shut::Integrity);
        if is_damaged && end < ciphertext.len() {
            openpgp::open(&ciphertext[..end], keys, &certificates, self.budget).or(opened)
        } else {
            opened
        }
    }
}
