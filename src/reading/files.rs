//! What becomes of the files beside a text? OpenPGP files are opened, and all are listed.

use crate::mime::{self, Block, BlockKind, Body, File, blocks};
use crate::model::budget::Budget;
use crate::model::ids::Digest;
use crate::model::limits::{
    CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX, SEALED_FILES_MAX, SHOWN_FILE_OCTETS_MAX,
};
use crate::model::reading::{Attachment, Format};
use crate::openpgp::{self, Certificate};
use crate::reading::smime_layers::At;
use crate::reading::{Kept, MailKeys, SECRET_KEY_SENT, State};
use crate::triage;
use sha2::Sha256;
use std::borrow::Cow;
use std::rc::Rc;

/// Files among which records are looked for.
const FILES_LOOKED_AT_MAX: usize = 16;

impl State<'_> {
    /// Lists a file, under the signatures that cover what is read now.
    pub(super) fn keep(&mut self, file: &File<'_>) {
        // To look at a certificate costs time; further ones than a person sends count as what they
        // are, files.
        self.looks += 1;
        let media_type = mime::true_type(file);
        let is_secret = mime::holds_secret_key(&file.octets);
        if is_secret {
            self.fault(SECRET_KEY_SENT);
        }
        let readable = if self.files.len() < FILES_LOOKED_AT_MAX && !is_secret {
            readable(file, &media_type)
        } else {
            Vec::new()
        };
        self.files.push(Kept {
            says_nothing: self.looks <= CERTIFICATES_MAX
                && !is_secret
                && says_nothing(file, self.budget),
            attachment: Attachment {
                name: file.name.clone(),
                contents: mime::entries(file, &media_type),
                media_type,
                octets: file.octets.len() as u64,
                sha256: Digest(<Sha256 as sha2::Digest>::digest(&file.octets).into()).to_string(),
            },
            octets: if self.wanted.files {
                file.octets.to_vec()
            } else {
                Vec::new()
            },
            readable,
            covering: Rc::clone(&self.covering),
        });
    }

    /// Opens the OpenPGP files among these and lists the others.
    pub(super) fn sealed_files(
        &mut self,
        files: &[File<'_>],
        keys: &mut dyn MailKeys,
        depth: usize,
        clear: bool,
    ) {
        let mut sealed = 0;
        for file in files {
            let is_smime = is_smime_file(file);
            if is_smime || is_sealed_file(file) {
                sealed += 1;
                if sealed <= SEALED_FILES_MAX {
                    if is_smime {
                        self.smime_file(file, keys, At { depth, clear });
                    } else {
                        self.sealed_file(file, keys, depth);
                    }
                    continue;
                }
                self.fault("there are too many sealed files; the rest stays shut");
            }
            self.keep(file);
        }
    }

    fn sealed_file(&mut self, file: &File<'_>, keys: &mut dyn MailKeys, depth: usize) {
        if mime::is_encrypted_message(&file.octets) || mime::is_openpgp_message(&file.octets) {
            let alone = self.shows_nothing();
            return self.sealed_octets(file, &file.octets, keys, depth, alone);
        }
        let armored = mime::decode(&file.octets, file.charset.as_deref());
        let found: Vec<Block> = blocks(&armored)
            .into_iter()
            .filter(|block| block.kind != BlockKind::PublicKey)
            .collect();
        let alone = self.shows_nothing();
        match found.as_slice() {
            // Armor among text, several blocks, or clearsigned text: read as a body would be.
            [one] if one.kind == BlockKind::Message => {
                self.sealed_octets(file, one.octets.as_bytes(), keys, depth, alone)
            }
            [_, ..] => {
                self.inline(
                    &Body {
                        text: armored,
                        charset: file.charset.clone(),
                        ..Body::default()
                    },
                    keys,
                    false,
                    depth + 1,
                );
                self.keep(file);
            }
            [] => self.sealed_octets(file, &file.octets, keys, depth, alone),
        }
    }

    fn sealed_octets(
        &mut self,
        file: &File<'_>,
        octets: &[u8],
        keys: &mut dyn MailKeys,
        depth: usize,
        alone: bool,
    ) {
        if !openpgp::is_sealed(octets)
            && let Some((plaintext, signatures)) =
                openpgp::verify_message(octets, &self.certificates(), self.budget)
        {
            return self.covered(signatures, |state| {
                state.unsealed_file(file, plaintext, keys, depth, alone)
            });
        }
        let Some(opened) = self.open(octets, Format::Attachment, None, keys) else {
            return self.keep(file); // kept and shown as what it is
        };
        self.sealed_inside(opened.signatures, |state| {
            state.unsealed_file(file, opened.plaintext, keys, depth, alone)
        });
    }

    /// What was in an OpenPGP file. `alone`: the letter says nothing else, so this is the letter.
    fn unsealed_file(
        &mut self,
        file: &File<'_>,
        plaintext: Vec<u8>,
        keys: &mut dyn MailKeys,
        depth: usize,
        alone: bool,
    ) {
        let name = file
            .name
            .rsplit_once('.')
            .map_or(file.name.as_str(), |(stem, _)| stem)
            .to_owned();
        let is_text = mime::entity_in(&plaintext).is_some() || !mime::is_binary(&plaintext);
        if !alone || !is_text {
            let media_type = if is_text {
                "text/plain"
            } else {
                "application/octet-stream"
            };
            self.keep(&File {
                name: mime::safe_name(&name),
                media_type: media_type.to_owned(),
                charset: None,
                octets: plaintext.as_slice().into(),
            });
        }
        if is_text && (alone || plaintext.len() <= SHOWN_FILE_OCTETS_MAX) {
            let chain = std::mem::replace(&mut self.chain, alone);
            self.document(&plaintext, None, keys, depth, alone);
            self.chain = chain;
        }
    }
}

/// What the report may be read from: the octets of a record, and those of a text as UTF-8. Nothing
/// of any other file.
fn readable(file: &File<'_>, media_type: &str) -> Vec<u8> {
    let is_foreign = media_type.starts_with("text/")
        && (file.charset.is_some() || std::str::from_utf8(&file.octets).is_err());
    let octets: Cow<'_, [u8]> = if is_foreign {
        Cow::Owned(mime::decode(&file.octets, file.charset.as_deref()).into_bytes())
    } else {
        Cow::Borrowed(&file.octets)
    };
    let is_read = triage::may_be_record(&file.name, media_type, &octets)
        || triage::may_be_text(&file.name, media_type, &octets);
    if is_read {
        octets.into_owned()
    } else {
        Vec::new()
    }
}

/// Whether a file is a CMS message with its content, by its type or its name.
fn is_smime_file(file: &File<'_>) -> bool {
    let typed = ["application/pkcs7-mime", "application/x-pkcs7-mime"];
    typed.contains(&file.media_type.as_str()) || mime::is_smime_name(&file.name)
}

/// Whether a file is an OpenPGP message, whatever it is called.
fn is_sealed_file(file: &File<'_>) -> bool {
    let head = &file.octets[..file.octets.len().min(SHOWN_FILE_OCTETS_MAX)];
    // In UTF-16, armor is no armor to look at.
    let text = file
        .charset
        .as_deref()
        .map(|charset| mime::decode(head, Some(charset)));
    let text = text.as_deref().map_or(head, str::as_bytes);
    let marks: [&[u8]; 2] = [
        b"-----BEGIN PGP MESSAGE-----",
        b"-----BEGIN PGP SIGNED MESSAGE-----",
    ];
    let named = [".gpg", ".pgp", ".asc"]
        .iter()
        .any(|end| file.name.to_ascii_lowercase().ends_with(end));
    let armored = marks.iter().any(|mark| {
        text.trim_ascii_start().starts_with(mark)
            || (named && text.windows(mark.len()).any(|w| w == *mark))
    });
    armored || mime::is_encrypted_message(head) || (named && mime::is_openpgp_message(head))
}

/// Whether a signature need not cover a file, since it says nothing by itself: certificates, and
/// the first part of PGP/MIME that some programs turn into a file.
fn says_nothing(file: &File<'_>, budget: &Budget) -> bool {
    mime::is_control(&file.octets) || is_certificate(file, budget)
}

fn is_certificate(file: &File<'_>, budget: &Budget) -> bool {
    let octets = file.octets.trim_ascii();
    let lines = octets.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    // One block and nothing around it: no words in its headers, and none after its end.
    let mut marks = lines
        .clone()
        .enumerate()
        .filter(|(_, line)| line.starts_with(b"-----"))
        .map(|(n, _)| n);
    let alone = (marks.next(), marks.next(), marks.next())
        == (Some(0), Some(lines.clone().count() - 1), None);
    let armored =
        alone && octets.starts_with(b"-----BEGIN PGP PUBLIC KEY") && !octets.contains(&b':');
    let binary = octets.first().is_some_and(|b| *b >= 0x80);
    (armored || binary)
        && file.octets.len() <= CERTIFICATE_OCTETS_MAX
        && openpgp::strangers_certificates(&file.octets, budget)
            .is_ok_and(|found: Vec<Certificate>| !found.is_empty())
}
