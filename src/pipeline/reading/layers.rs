//! How is one entity opened, and what is inside it, and inside that?

use super::State;
use super::blocks::decode_text;
use crate::mime::{Entity, File, Layout, Sealed};
use crate::model::reading::{Format, Protection, Shut};
use crate::openpgp::{self, Opened, SessionKeys, SignatureFound};

/// Encryption, signature and forwarding layers inside one another.
const LAYERS_MAX: usize = 5;

/// Forwarded letters read in one letter.
const FORWARDED_MAX: usize = 8;

impl State<'_> {
    /// Opens one entity and what is inside. `clear`: nothing around it was encrypted.
    pub(super) fn entity(&mut self, entity: &Entity<'_>, keys: &mut dyn SessionKeys, depth: usize, clear: bool) {
        if depth >= LAYERS_MAX {
            self.protections.push(Protection { encrypted: true, shut: Some(Shut::Limit), ..Protection::default() });
            return self.fault("the letter has too many layers");
        }
        if entity.has_encoding_fault() {
            self.fault("a part's transfer encoding or charset is broken");
        }
        match entity.layout() {
            Layout::Encrypted { sealed, others } => {
                let several = sealed.len() > 1;
                sealed.iter().for_each(|sealed| self.encrypted(sealed, keys, depth));
                if several {
                    self.unsigned_beside = true;
                }
                if !others.is_empty() {
                    self.unsigned_beside = true;
                    self.fault("parts stand outside the encryption; they are listed as attachments");
                    self.forwarded_letters(&others, keys, depth, clear);
                    self.files.extend(others);
                }
            }
            Layout::Signed { signed, signature } => self.signed(&signed, &signature, keys, depth, clear),
            Layout::Smime { encrypted } => {
                let shut = Some(Shut::Unsupported);
                self.protections.push(Protection { encrypted, format: Format::Smime, shut, ..Protection::default() });
                self.fault(if encrypted {
                    "the letter is in S/MIME, which is not opened: ask for OpenPGP"
                } else {
                    "the letter is inside an S/MIME signature, which is not read: ask for OpenPGP, or for plain text"
                });
                self.files.extend(entity.files());
            }
            Layout::SmimeSigned => {
                self.fault("its S/MIME signature was not checked");
                self.bare(entity, keys, depth, clear);
            }
            Layout::Bare => self.bare(entity, keys, depth, clear),
        }
    }

    fn encrypted(&mut self, sealed: &Sealed<'_>, keys: &mut dyn SessionKeys, depth: usize) {
        let Some(opened) = self.open(&sealed.ciphertext, Format::PgpMime, sealed.repaired, keys) else { return };
        let Opened { plaintext, signatures, .. } = opened;
        let inner = match Entity::parse(&plaintext) {
            Ok(inner) => inner,
            Err(limit) => return self.over_limit(limit),
        };
        self.learn_from_files(&inner.files(), false);
        let signatures = self.judged_again(&sealed.ciphertext, keys, signatures);
        self.signatures.extend(signatures);
        if !inner.has_header() {
            // Some programs seal bare text where RFC 3156 asks for an entity.
            return self.inline(&crate::mime::Body { text: decode_text(&plaintext), flowed: false }, keys, false, depth + 1);
        }
        self.protected_headers(&inner);
        self.entity(&inner, keys, depth + 1, false);
    }

    /// A signature that no known certificate could check may be by one that the plaintext itself brought.
    pub(super) fn judged_again(&mut self, ciphertext: &[u8], keys: &mut dyn SessionKeys, found: Vec<SignatureFound>) -> Vec<SignatureFound> {
        let unknown = found.iter().any(|s| matches!(s, SignatureFound::Unknown { .. }));
        if !unknown || self.brought.is_empty() {
            return found;
        }
        openpgp::open(ciphertext, keys, &self.certificates()).map_or(found, |again| again.signatures)
    }

    fn signed(&mut self, signed: &[u8], signature: &[u8], keys: &mut dyn SessionKeys, depth: usize, clear: bool) {
        let inner = match Entity::parse(signed) {
            Ok(inner) => inner,
            Err(limit) => return self.over_limit(limit),
        };
        self.learn_from_files(&inner.files(), clear);
        let found = openpgp::verify_detached(signature, signed, &self.certificates());
        // In clear, header fields under a signature that proves nothing are anybody's.
        if !clear || found.iter().any(|s| matches!(s, SignatureFound::Good { .. })) {
            self.protected_headers(&inner);
        }
        self.signatures.extend(found);
        self.entity(&inner, keys, depth + 1, clear);
    }

    fn bare(&mut self, entity: &Entity<'_>, keys: &mut dyn SessionKeys, depth: usize, clear: bool) {
        let files = entity.files();
        self.learn_from_files(&files, clear);
        let signed_before = self.signatures.len();
        self.inline(&entity.body(!clear), keys, clear, depth);
        let sealed = self.sealed_files(&files, keys, depth);
        // A signature inside a block or file covers that alone, and none of its siblings.
        let others = files.iter().filter(|f| f.media_type != "application/pgp-keys").count();
        if self.signatures.len() > signed_before && (others > usize::from(sealed > 0) || entity.text_bodies() > 1) {
            self.unsigned_beside = true;
        }
        self.forwarded_letters(&files, keys, depth, clear);
    }

    /// Letters that this one forwards: each a document of its own, under its own few lines of header. Their
    /// signatures are about them, and prove nothing of the letter that carries them.
    fn forwarded_letters(&mut self, files: &[File], keys: &mut dyn SessionKeys, depth: usize, clear: bool) {
        if self.media_type == "multipart/report" {
            return; // what a delivery report returns was written by somebody else, perhaps by us
        }
        for file in files.iter().filter(|f| f.media_type == "message/rfc822").take(FORWARDED_MAX) {
            let inner = match Entity::letter(&file.octets) {
                Ok(inner) if depth + 1 < LAYERS_MAX => inner,
                _ => {
                    self.fault("a forwarded letter is not read: it has too many layers or parts; it is listed as an attachment");
                    continue;
                }
            };
            let (texts, signatures) = (self.texts.len(), self.signatures.len());
            let (outside, unsigned_beside) = (std::mem::replace(&mut self.forwarded, true), self.unsigned_beside);
            self.entity(&inner, keys, depth + 1, clear);
            self.forwarded = outside;
            self.unsigned_beside = unsigned_beside;
            if self.signatures.len() > signatures {
                self.signatures.truncate(signatures);
                self.fault("a forwarded letter in it is signed; that says nothing of this letter");
            }
            if let Some(first) = self.texts.get_mut(texts) {
                let line = |name: &str, value: Option<String>| value.map_or_else(String::new, |v| format!("{name}: {v}\n"));
                *first = format!("Forwarded letter\n{}{}{}\n{first}", line("From", inner.from()), line("Subject", inner.subject()), line("Date", inner.date()));
            }
        }
    }

    pub(super) fn protected_headers(&mut self, inner: &Entity<'_>) {
        if self.forwarded {
            return;
        }
        let Some(protected) = inner.protected_headers() else { return };
        self.subject = protected.subject.or(self.subject.take());
        self.date = protected.date.or(self.date.take());
        let differs = protected.from.as_ref().is_some_and(|inner| self.from.as_ref().is_none_or(|outer| !outer.eq_ignore_ascii_case(inner)));
        if differs {
            self.fault("the protected From differs from the outer one; the outer one is shown");
        }
    }
}
