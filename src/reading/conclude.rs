//! What comes out of the layers? The verdict, the kind and the report, from all that was gathered.

use crate::mime;
use crate::model::language::Language;
use crate::model::letter::{NoAnswer, Outer};
use crate::model::limits::CERTIFICATE_OCTETS_MAX;
use crate::model::reading::{
    Attachment, BroughtCertificate, LetterKind, Protection, Reading, SignatureStatus,
    SignatureVerdict, TrustAnchor,
};
use crate::model::report::Report;
use crate::openpgp::SignatureFound;
use crate::reading::{Brought, Covering, Read, Shown, State, Way};
use crate::triage::{self, Seen};
use std::rc::Rc;

impl State<'_> {
    /// The best verdict that holds for every document and every file that is shown: its signer
    /// signed each of them, at once or one by one. Who signed a part of them says nothing of the
    /// letter.
    fn verdict(&self) -> SignatureVerdict {
        let texts = self
            .texts
            .iter()
            .filter(|shown| !shown.text.trim().is_empty())
            .map(|shown| &shown.covering);
        let files = self
            .files
            .iter()
            .filter(|kept| !kept.says_nothing)
            .map(|kept| &kept.covering);
        let mut shown: Vec<&Covering> = texts.chain(files).collect();
        // Most share one list: each is looked at once.
        shown.dedup_by(|a, b| Rc::ptr_eq(a, b));
        let over_all =
            |found: &&SignatureFound| shown.iter().all(|covering| covering.contains(found));
        let rank = |found: &&SignatureFound| match found {
            good @ SignatureFound::Good { .. } if self.is_by_originator(good) => 3,
            SignatureFound::Good { .. } => 2,
            // One that is wrong says more than one we can't check, and one before its time says
            // nothing.
            SignatureFound::Bad { .. } | SignatureFound::ForAnother { .. } => 1,
            SignatureFound::Unknown { .. } | SignatureFound::Early { .. } => 0,
        };
        let may_count = |found: &&SignatureFound| !is_early(found);
        let counting = self.signatures.iter().filter(may_count).filter(over_all);
        match counting.max_by_key(rank) {
            Some(
                found @ SignatureFound::Good {
                    fingerprint,
                    intended,
                    anchor,
                    ..
                },
            ) => SignatureVerdict {
                anchor: anchor.clone().or_else(|| Some(self.anchor(fingerprint))),
                status: SignatureStatus::Valid,
                fingerprint: Some(fingerprint.clone()),
                signer_is_originator: self.is_by_originator(found),
                names_recipient: !intended.is_empty(),
            },
            Some(SignatureFound::Bad { issuer }) => {
                not_valid(SignatureStatus::Invalid, issuer.clone())
            }
            Some(SignatureFound::ForAnother { fingerprint }) => {
                not_valid(SignatureStatus::Invalid, Some(fingerprint.clone()))
            }
            Some(SignatureFound::Unknown { issuer }) => {
                not_valid(SignatureStatus::UnknownKey, issuer.clone())
            }
            Some(SignatureFound::Early { .. }) | None => SignatureVerdict::default(),
        }
    }

    /// What a certificate of OpenPGP is believed for.
    fn anchor(&self, fingerprint: &str) -> TrustAnchor {
        if self.held.iter().any(|c| c.fingerprint() == fingerprint) {
            TrustAnchor::Pinned
        } else {
            TrustAnchor::Enclosed
        }
    }

    /// What the signer says of the letter: whom it is for, or what it answers.
    fn said_by_signer(
        (said, covering): &(Vec<String>, Covering),
        verdict: &SignatureVerdict,
    ) -> Vec<String> {
        let by_signer = covering.iter().any(|found| is_by_signer(found, verdict));
        if verdict.status == SignatureStatus::Valid && by_signer {
            said.clone()
        } else {
            Vec::new()
        }
    }

    /// What a signature need not cover says nothing, and neither may its name.
    fn unname_uncovered(&mut self) {
        for kept in self
            .files
            .iter_mut()
            .filter(|kept| kept.says_nothing && kept.covering.is_empty())
        {
            kept.attachment.name = mime::safe_name("");
        }
    }

    /// Whether the protected subject was signed by whoever signed what is shown.
    fn subject_is_anothers(&self, verdict: &SignatureVerdict) -> bool {
        let signer = |found: &SignatureFound| is_by_signer(found, verdict);
        verdict.status == SignatureStatus::Valid
            && self
                .subject_covering
                .as_ref()
                .is_some_and(|covering| !covering.iter().any(signer))
    }

    /// Notes what is wrong with the signatures of a letter.
    fn note_signature_faults(&mut self, signature: &SignatureVerdict) {
        let early = self.signatures.iter().find_map(|found| match found {
            SignatureFound::Early { hours, .. } => Some(*hours),
            _ => None,
        });
        if let Some(hours) = early {
            self.fault(format!(
                "a signature is right and does not count, because it is dated {hours} h in the \
                 future: the clock or the time zone of its sender is off by that"
            ));
        }
        if signature.status == SignatureStatus::None && !self.signatures.iter().all(is_early) {
            self.fault("the letter counts as unsigned: its signature does not cover all of it");
        }
        if self.subject_is_anothers(signature) {
            self.fault("its subject was not signed by whoever signed its text");
        }
        if self
            .signatures
            .iter()
            .any(|s| matches!(s, SignatureFound::ForAnother { .. }))
        {
            self.fault(
                "it was signed for another recipient: somebody may have passed on what was \
                not meant for us",
            );
        }
    }

    /// What was opened speaks for the letter; else what stayed shut.
    fn protection(&self, text: &str) -> Protection {
        let mut protection = self
            .protections
            .iter()
            .find(|p| p.encrypted && p.shut.is_none())
            .or(self.protections.first())
            .cloned()
            .unwrap_or_default();
        if shows_nothing(text) && protection.shut.is_none() {
            // The outer layer opened and an inner one did not: to a reader the letter is shut.
            protection.shut = self.protections.iter().find_map(|p| p.shut);
        }
        protection
    }

    /// What tells the kind of a letter.
    fn seen<'s>(&'s self, outer: &Outer, subject: &'s str, text: &'s str, shut: bool) -> Seen<'s> {
        Seen {
            media_type: &self.media_type,
            refusal: outer.answer.as_ref().err().copied(),
            in_thread: !outer.threads.is_empty(),
            from: self.from.as_deref(),
            marked_spam: self.marked_spam,
            subject,
            text,
            written: self.written(),
            words: None,
            has_attachments: self.files.iter().any(|kept| !is_key(&kept.attachment)),
            shut,
            sealed: self.sealed,
            to_sendkey: outer.to_sendkey(),
        }
    }

    fn report(&self, subject: &str, text: &str, words: &triage::Words) -> Report {
        triage::report(&triage::ReportInput {
            subject,
            text,
            files: &self.report_files(),
            written: self.written(),
            products: self.products,
            words: Some(words),
        })
    }

    fn facts(&self, outer: &Outer, subject: &str, text: &str, shut: bool) -> Facts {
        let words = triage::Words::read(text);
        let kind = triage::kind(&Seen {
            words: Some(&words),
            ..self.seen(outer, subject, text, shut)
        });
        Facts {
            kind,
            report: (kind.has_report() && !shut).then(|| self.report(subject, text, &words)),
            asks_for_certificate: kind == LetterKind::KeyRequest
                || (!shut && triage::asks_for_certificate(subject, text)),
            language: triage::told_language(text),
        }
    }

    /// The day of the letter, as its Date says.
    fn written(&self) -> Option<jiff::civil::Date> {
        self.date.as_deref()?.get(..10)?.parse().ok()
    }

    /// The files that may hold a report: in a form for machines, or as a text.
    fn report_files(&self) -> Vec<triage::ReportFile<'_>> {
        let files = self.files.iter().map(|kept| triage::ReportFile {
            name: &kept.attachment.name,
            media_type: &kept.attachment.media_type,
            octets: &kept.readable,
        });
        files
            .filter(|file| {
                triage::may_be_record(file.name, file.media_type, file.octets)
                    || triage::may_be_text(file.name, file.media_type, file.octets)
            })
            .collect()
    }

    /// What was read in the letter, when all of its layers are done.
    pub(super) fn finish(mut self, outer: &Outer) -> Read {
        let signature = self.verdict();
        let signed_to = Self::said_by_signer(&self.recipients, &signature);
        let signed_threads = Self::said_by_signer(&self.threads, &signature);
        if signature.status == SignatureStatus::Valid {
            self.unname_uncovered();
        }
        self.note_signature_faults(&signature);
        let text = joined(&self.texts);
        let protection = self.protection(&text);
        let shut = protection.shut.is_some() && shows_nothing(&text);
        let text = if shut { String::new() } else { text };
        let subject = self.subject.clone().unwrap_or_default();
        let facts = if self.wanted.facts {
            self.facts(outer, &subject, &text, shut)
        } else {
            Facts::none(outer)
        };
        let kind = facts.kind;
        let (attachments, octets): (Vec<_>, Vec<_>) = self
            .files
            .into_iter()
            .map(|kept| (kept.attachment, kept.octets))
            .unzip();
        let files = if self.wanted.files {
            octets
        } else {
            Vec::new()
        };
        let reading = Reading {
            kind,
            from: self.from,
            subject: self.subject,
            subject_protected: self.subject_covering.is_some(),
            message_id: self.message_id,
            date: self.date,
            protection,
            sealed: self.sealed,
            parts: if self.protections.len() > 1 {
                self.protections
            } else {
                Vec::new()
            },
            signature,
            attachments,
            automatic_reply_allowed: answerable(kind, outer),
            report: facts.report,
            asks_for_certificate: facts.asks_for_certificate,
            language: facts.language,
            delivery: self
                .delivery
                .filter(|_| matches!(kind, LetterKind::Dsn | LetterKind::AutoReply)),
            signed_to,
            signed_threads,
            sealed_to: self.sealed_to,
            text,
            faults: self.faults,
            certificates: self.brought.iter().filter_map(brought).collect(),
        };
        Read { reading, files }
    }
}

/// What the words of a letter tell.
struct Facts {
    kind: LetterKind,
    report: Option<Report>,
    asks_for_certificate: bool,
    language: Option<Language>,
}

impl Facts {
    /// Of words that nobody looked at: they may report something.
    fn none(outer: &Outer) -> Self {
        Self {
            kind: if outer.threads.is_empty() {
                LetterKind::Report
            } else {
                LetterKind::FollowUp
            },
            report: None,
            asks_for_certificate: false,
            language: None,
        }
    }
}

/// Whether a text has no words that a human could read.
fn shows_nothing(text: &str) -> bool {
    text.trim().is_empty() || text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----")
}

fn not_valid(status: SignatureStatus, fingerprint: Option<String>) -> SignatureVerdict {
    SignatureVerdict {
        status,
        fingerprint,
        ..SignatureVerdict::default()
    }
}

/// The outer letter decides; what decryption showed never does. A clear machine that wears no
/// header is caught here.
fn answerable(kind: LetterKind, outer: &Outer) -> bool {
    match &outer.answer {
        Ok(_) => !kind.is_machine() || outer.sealed_outside,
        Err(NoAnswer::Old) => true,
        Err(_) => false,
    }
}

fn brought(Brought { certificate, way }: &Brought) -> Option<BroughtCertificate> {
    let armored = certificate.armored()?;
    let kept = armored.len() <= CERTIFICATE_OCTETS_MAX;
    let (in_clear, pinnable) = (*way != Way::Inside, *way == Way::Clear);
    kept.then(|| BroughtCertificate {
        fingerprint: certificate.fingerprint(),
        in_clear,
        pinnable,
        armored,
    })
}

/// One document stands as it is; several are set apart, so that none can pose as part of another.
fn joined(texts: &[Shown]) -> String {
    let shown: Vec<&str> = texts
        .iter()
        .map(|t| t.text.trim_end())
        .filter(|t| !t.is_empty())
        .collect();
    match shown.as_slice() {
        [] => String::new(),
        [one] => format!("{one}\n"),
        several => several
            .iter()
            .enumerate()
            .map(|(i, t)| format!("[part {} of {}]\n{t}\n", i + 1, several.len()))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// Whether a signature is right, and dated in the future.
fn is_early(found: &SignatureFound) -> bool {
    matches!(found, SignatureFound::Early { .. })
}

/// Whether a good signature is by the certificate of the verdict.
fn is_by_signer(found: &SignatureFound, verdict: &SignatureVerdict) -> bool {
    match found {
        SignatureFound::Good { fingerprint, .. } => {
            Some(fingerprint) == verdict.fingerprint.as_ref()
        }
        _ => false,
    }
}

/// Whether a file is somebody's certificate or signature, and nothing that they found.
fn is_key(file: &Attachment) -> bool {
    let types = [
        "application/pgp-keys",
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    ];
    let name = file.name.to_ascii_lowercase();
    let is_named = name.contains("key") || name.contains("openpgp_0x") || name.starts_with("0x");
    types.contains(&file.media_type.as_str()) || is_named && name.ends_with(".asc")
}
