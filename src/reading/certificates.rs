//! Which certificates does a letter bring?

use crate::mime::{self, File};
use crate::model::limits::{CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX};
use crate::openpgp::{self, Certificate, NotRead};
use crate::reading::{SECRET_KEY_SENT, State};

/// How a certificate came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Where only decryption shows it, or in what is passed on or quoted.
    Inside,
    /// In an Autocrypt header that anybody on the way may have added.
    Unsigned,
    /// In the writer's own clear words, or under their domain's signature.
    Clear,
}

/// A certificate with a user ID equal to From.
pub(super) struct Brought {
    pub(super) certificate: Certificate,
    pub(super) way: Way,
}

impl State<'_> {
    pub(super) fn learn_from_files(&mut self, files: &[File<'_>], clear: bool) {
        for file in files.iter().filter(|f| {
            f.media_type == "application/pgp-keys"
                || f.octets.starts_with(b"-----BEGIN PGP PUBLIC KEY")
        }) {
            self.learn(&file.octets, clear);
        }
    }

    pub(super) fn learn(&mut self, octets: &[u8], clear: bool) -> bool {
        // What is forwarded, its writer only passes on: it is not their word in clear.
        self.learn_by(
            octets,
            if clear && !self.forwarded {
                Way::Clear
            } else {
                Way::Inside
            },
        )
    }

    /// Keeps a brought certificate if a user ID of it is the single From, and no other is pinned.
    /// Whether it is one at all.
    pub(super) fn learn_by(&mut self, octets: &[u8], way: Way) -> bool {
        // What stands in clear counts apart: nothing inside a sealed part may change what is learnt
        // from outside.
        let learnt = &mut self.learnt[usize::from(way != Way::Inside)];
        if octets.len() > CERTIFICATE_OCTETS_MAX || *learnt >= CERTIFICATES_MAX {
            self.fault("the letter brings more certificates, or larger ones, than are read");
            return false;
        }
        *learnt += 1;
        if mime::holds_secret_key(octets) {
            self.fault(SECRET_KEY_SENT);
            return false;
        }
        let found = match openpgp::strangers_certificates(octets, self.budget) {
            Ok(found) => found,
            Err(NotRead::NoCertificate) => return false,
            Err(NotRead::Costly) => {
                self.fault(
                    "the letter brings a certificate that costs more work than it is \
                    worth; it is not read",
                );
                return false;
            }
        };
        let Some(from) = self.from.clone() else {
            return true;
        };
        for certificate in found.into_iter().filter(|c| c.is_of(&from)) {
            let fingerprint = certificate.fingerprint();
            if let Some(known) = self
                .brought
                .iter_mut()
                .find(|b| b.certificate.fingerprint() == fingerprint)
            {
                // The copy in clear counts, as if there were no other: what leaves must not tell
                // whether there is one.
                if way > known.way {
                    *known = Brought { certificate, way };
                }
                continue;
            }
            if self.pinned
                && !self
                    .held
                    .iter()
                    .any(|held| held.fingerprint() == fingerprint)
            {
                self.fault(
                    "the letter brings another certificate than the one we know for its \
                    sender; it is not used",
                );
            }
            self.brought.push(Brought { certificate, way });
        }
        true
    }

    /// The certificates that a signature may be checked with.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        let usable = self
            .brought
            .iter()
            .map(|b| &b.certificate)
            .filter(|_| !self.pinned);
        self.held.iter().chain(usable).cloned().collect()
    }
}
