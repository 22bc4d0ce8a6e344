//! Which certificates does a letter bring?

use crate::mime::{self, File};
use crate::model::limits::{CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX};
use crate::openpgp::{self, Certificate, NotRead};
use crate::reading::{SECRET_KEY_SENT, State};
use crate::smime;

/// How a certificate came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Where only decryption shows it, or in what is passed on or quoted.
    Inside,
    /// In an Autocrypt header that anybody on the way may have added, or in a body that anybody may
    /// have divided into other parts.
    Unsigned,
    /// In the writer's own clear words, as their domain vouches for them.
    Clear,
}

/// A certificate with an address equal to From.
pub(super) struct Brought {
    pub(super) certificate: TheirCertificate,
    pub(super) way: Way,
}

/// A certificate of either kind.
pub(super) enum TheirCertificate {
    OpenPgp(Certificate),
    Smime(smime::Certificate),
}

impl TheirCertificate {
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Self::OpenPgp(certificate) => certificate.fingerprint(),
            Self::Smime(certificate) => certificate.fingerprint(),
        }
    }

    /// As text, without what others signed.
    pub(super) fn armored(&self) -> Option<String> {
        match self {
            Self::OpenPgp(certificate) => certificate.minimal().ok()?.armored().ok(),
            Self::Smime(certificate) => Some(certificate.pem()),
        }
    }
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
        self.learn_by(octets, self.way(clear))
    }

    /// How what stands here came. What is forwarded, its writer only passes on: it is not their word
    /// in clear. Where a file stands beside others, whether it was read may depend on what else
    /// could be opened.
    pub(super) fn way(&self, clear: bool) -> Way {
        match (clear && !self.forwarded && !self.beside, self.body_signed) {
            (false, _) => Way::Inside,
            (true, false) => Way::Unsigned,
            (true, true) => Way::Clear,
        }
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
            self.brought_by(TheirCertificate::OpenPgp(certificate), way);
        }
        true
    }

    /// Notes a certificate of the single From.
    pub(super) fn brought_by(&mut self, certificate: TheirCertificate, way: Way) {
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
            return;
        }
        let is_held = match &certificate {
            TheirCertificate::OpenPgp(_) => self
                .held
                .iter()
                .any(|held| held.fingerprint() == fingerprint),
            TheirCertificate::Smime(theirs) => self.position.smime_pinned.contains(theirs),
        };
        if self.pinned && !is_held {
            self.fault(
                "the letter brings another certificate than the one we know for its \
                sender; it is not used",
            );
        }
        self.brought.push(Brought { certificate, way });
    }

    /// The certificates that a signature may be checked with.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        let openpgp = self.brought.iter().filter_map(|b| match &b.certificate {
            TheirCertificate::OpenPgp(certificate) => Some(certificate),
            TheirCertificate::Smime(_) => None,
        });
        let usable = openpgp.filter(|_| !self.pinned);
        self.held.iter().chain(usable).cloned().collect()
    }
}
