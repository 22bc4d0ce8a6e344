//! How is one entity opened, and what is inside it, and inside that?

use crate::mime::{self, Entity, File, Layout, ProtectedHeaders, Sealed};
use crate::model::limits::FORWARDED_MAX;
use crate::model::reading::{Format, Protection, Shut};
use crate::openpgp::{self, Opened, SignatureFound};
use crate::reading::smime_layers::At;
use crate::reading::{MailKeys, State, WITHOUT_LAYOUT, Way};
use std::rc::Rc;

impl State<'_> {
    /// Opens one entity and what is inside. `clear`: nothing around it was encrypted.
    pub(super) fn entity(
        &mut self,
        entity: &Entity<'_>,
        keys: &mut dyn MailKeys,
        depth: usize,
        clear: bool,
    ) {
        if self.too_deep(depth) {
            self.protections.push(Protection {
                encrypted: true,
                shut: Some(Shut::Limit),
                ..Protection::default()
            });
            return self.fault("the letter has too many layers");
        }
        if entity.has_encoding_fault() {
            self.fault("a part's transfer encoding or charset is broken");
        }
        match entity.layout() {
            Layout::Encrypted { sealed, others } => {
                self.sealed = true;
                for (n, sealed) in sealed.iter().enumerate() {
                    self.encrypted(sealed, keys, depth, n == 0);
                }
                if !others.is_empty() {
                    self.fault(
                        "parts stand outside the encryption; they are listed as attachments",
                    );
                    self.forwarded_letters(&others, keys, depth, clear);
                    others.iter().for_each(|file| self.keep(file));
                }
            }
            Layout::Signed { signed, signature } => {
                self.signed(&signed, &signature, keys, depth, clear)
            }
            Layout::Smime {
                message,
                claims_sealed,
            } => {
                let at = At { depth, clear };
                if !self.smime(&message, claims_sealed, keys, at, true) {
                    entity.files().iter().for_each(|file| self.keep(file));
                }
            }
            Layout::SmimeSigned { signed, signature } => {
                self.smime_signed(&signed, &signature, keys, At { depth, clear })
            }
            Layout::Bare => self.bare(entity, keys, depth, clear),
        }
    }

    /// One sealed part. `first`: it speaks for the letter.
    fn encrypted(
        &mut self,
        sealed: &Sealed<'_>,
        keys: &mut dyn MailKeys,
        depth: usize,
        first: bool,
    ) {
        let mut ciphertext = &sealed.ciphertext;
        if ciphertext != &sealed.raw
            && mime::has_armor(&sealed.raw)
            && !openpgp::is_sealed(ciphertext)
        {
            ciphertext = &sealed.raw; // its transfer encoding was named and never applied
        }
        if mime::has_armor(ciphertext)
            && !ciphertext
                .trim_ascii_start()
                .starts_with(b"-----BEGIN PGP MESSAGE-----")
            && let text = mime::decode(ciphertext, None)
            && let Some(block) = mime::blocks(&text).first()
        {
            return self.sealed_part(block.octets.as_bytes(), sealed, keys, depth, first);
        }
        self.sealed_part(ciphertext, sealed, keys, depth, first);
    }

    fn sealed_part(
        &mut self,
        ciphertext: &[u8],
        sealed: &Sealed<'_>,
        keys: &mut dyn MailKeys,
        depth: usize,
        first: bool,
    ) {
        if !openpgp::is_sealed(ciphertext)
            && let Some((plaintext, signatures)) =
                openpgp::verify_message(ciphertext, &self.certificates(), self.budget)
        {
            self.fault("the letter is signed, and not encrypted as its type claims");
            return self.covered(signatures, |state| {
                state.document(&plaintext, None, keys, depth, first)
            });
        }
        let Some(opened) = self.open(ciphertext, Format::PgpMime, sealed.repaired, keys) else {
            return;
        };
        let Opened {
            plaintext,
            signatures,
            ..
        } = opened;
        let inner = match mime::entity_in(&plaintext)
            .map(|octets| Entity::parse(octets, self.budget))
            .transpose()
        {
            Ok(inner) => inner,
            Err(limit) => return self.over_limit(limit),
        };
        if let Some(inner) = &inner {
            self.learn_from_files(&inner.files(), false);
            // Delta Chat has its Autocrypt header there.
            if let [(_, octets)] = inner.autocrypt().as_slice() {
                self.learn_by(octets, Way::Inside);
            }
        }
        let signatures = self.verified_again(ciphertext, keys, signatures);
        self.sealed_inside(signatures, |state| match &inner {
            Some(inner) => state.payload(inner, keys, depth, first),
            // Some programs seal bare text where RFC 3156 asks for an entity.
            None => state.document(&plaintext, None, keys, depth, first),
        });
    }

    /// The entity that an encryption brought to light. `root`: it is the letter's own.
    pub(super) fn payload(
        &mut self,
        inner: &Entity<'_>,
        keys: &mut dyn MailKeys,
        depth: usize,
        root: bool,
    ) {
        if root {
            self.protected_headers(inner);
        }
        self.entity(inner, keys, depth + 1, false);
    }

    /// A signature that no known certificate could check may be by one that the plaintext itself
    /// brought.
    pub(super) fn verified_again(
        &mut self,
        ciphertext: &[u8],
        keys: &mut dyn MailKeys,
        found: Vec<SignatureFound>,
    ) -> Vec<SignatureFound> {
        let unknown = found
            .iter()
            .any(|s| matches!(s, SignatureFound::Unknown { .. }));
        if !unknown || self.brought.is_empty() {
            return found;
        }
        openpgp::signatures_in(ciphertext, keys, &self.certificates(), self.budget).unwrap_or(found)
    }

    fn signed(
        &mut self,
        signed: &[u8],
        signature: &[u8],
        keys: &mut dyn MailKeys,
        depth: usize,
        clear: bool,
    ) {
        let inner = match Entity::parse(signed, self.budget) {
            Ok(inner) => inner,
            Err(limit) => return self.over_limit(limit),
        };
        self.learn_from_files(&inner.files(), clear);
        let found = openpgp::verify_detached(signature, signed, &self.certificates(), self.budget);
        // In clear, header fields under a signature that is not its originator's are anybody's.
        let by_originator = found.iter().any(|s| self.is_by_originator(s));
        self.covered(found, |state| {
            if by_originator || (!clear && state.chain) {
                state.protected_headers(&inner);
            }
            state.entity(&inner, keys, depth + 1, clear);
        });
    }

    fn bare(&mut self, entity: &Entity<'_>, keys: &mut dyn MailKeys, depth: usize, clear: bool) {
        let files = entity.files();
        // Exchange puts what Gpg4win's plug-in for Outlook wrote into one file, a whole PGP/MIME
        // entity.
        if let Some(file) = files.iter().find(|file| {
            file.name
                .to_ascii_lowercase()
                .starts_with("gpgol_mime_structure")
        }) && let Some(octets) = mime::entity_in(&file.octets)
            && let Ok(inner) = Entity::parse(octets, self.budget)
        {
            return self.entity(&inner, keys, depth + 1, clear);
        }
        let body = entity.body(!clear);
        // Behind an old letter, the files may be those that came with it.
        let are_own = clear && !mime::ends_in_old_letter(&body.text);
        self.learn_from_files(&files, are_own);
        if body.without_layout {
            self.fault(WITHOUT_LAYOUT);
        }
        self.inline(&body, keys, clear, depth);
        let chain = std::mem::take(&mut self.chain);
        self.sealed_files(&files, keys, depth, clear);
        self.forwarded_letters(&files, keys, depth, clear);
        self.chain = chain;
    }

    /// Letters that this one forwards: each a document of its own, under its own few lines of
    /// header. Their signatures are about them, and prove nothing of the letter that carries them.
    fn forwarded_letters(
        &mut self,
        files: &[File<'_>],
        keys: &mut dyn MailKeys,
        depth: usize,
        clear: bool,
    ) {
        if self.media_type == "multipart/report" {
            return; // what a delivery report returns was written by somebody else, perhaps by us
        }
        for file in files.iter().filter(|f| is_letter(f)).take(FORWARDED_MAX) {
            let inner = match Entity::letter(&file.octets, self.budget) {
                Ok(inner) if !self.too_deep(depth + 1) => inner,
                _ => {
                    self.fault(
                        "a forwarded letter is not read: it has too many layers or parts; \
                        it is listed as an attachment",
                    );
                    continue;
                }
            };
            let (texts, seen) = (self.texts.len(), self.signatures.len());
            let files = self.files.len();
            let forwarded = std::mem::replace(&mut self.forwarded, true);
            let covering = std::mem::take(&mut self.covering);
            self.entity(&inner, keys, depth + 1, clear);
            self.covering = covering;
            self.forwarded = forwarded;
            if self.signatures.len() > seen {
                self.signatures.truncate(seen);
                self.fault("a forwarded letter in it is signed; that says nothing of this letter");
            }
            // Its own signatures prove nothing here; one around this whole letter covers it too.
            let covering = Rc::clone(&self.covering);
            self.texts
                .iter_mut()
                .skip(texts)
                .for_each(|text| text.covering = Rc::clone(&covering));
            self.files
                .iter_mut()
                .skip(files)
                .for_each(|kept| kept.covering = Rc::clone(&covering));
            if let Some(first) = self.texts.get_mut(texts).map(|text| &mut text.text) {
                let line = |name: &str, value: Option<String>| {
                    value.map_or_else(String::new, |v| format!("{name}: {v}\n"))
                };
                *first = format!(
                    "Forwarded letter\n{}{}{}\n{first}",
                    line("From", inner.from()),
                    line("Subject", inner.subject()),
                    line("Date", inner.date())
                );
            }
        }
    }

    /// Along the chain from the root alone: what a file or a second part claims is about that one.
    pub(super) fn protected_headers(&mut self, inner: &Entity<'_>) {
        if self.forwarded || !self.chain {
            return;
        }
        // Some programs hide the subject outside and mark nothing inside.
        let hidden = self
            .subject
            .as_deref()
            .is_none_or(|s| matches!(s.trim(), "" | "..." | "[...]" | "Encrypted Message"));
        let unmarked = || {
            hidden.then(|| ProtectedHeaders {
                subject: inner.subject(),
                ..ProtectedHeaders::default()
            })
        };
        let Some(protected) = inner.protected_headers().or_else(unmarked) else {
            return;
        };
        if protected.subject.is_some() {
            self.subject = protected.subject;
            self.subject_covering = Some(Rc::clone(&self.covering));
        }
        if !protected.recipients.is_empty() {
            self.recipients = (protected.recipients, Rc::clone(&self.covering));
        }
        if !protected.threads.is_empty() {
            self.threads = (protected.threads, Rc::clone(&self.covering));
        }
        self.date = protected.date.or(self.date.take());
        let differs = protected.from.as_ref().is_some_and(|inner| {
            self.from
                .as_ref()
                .is_none_or(|outer| !outer.eq_ignore_ascii_case(inner))
        });
        if differs {
            self.fault("the protected From differs from the outer one; the outer one is shown");
        }
    }
}

/// A letter inside the letter, whatever its part is called.
fn is_letter(file: &File<'_>) -> bool {
    matches!(
        file.media_type.as_str(),
        "message/rfc822" | "message/global"
    ) || (file.media_type == "application/octet-stream"
        && file.name.to_ascii_lowercase().ends_with(".eml"))
}
