//! How are OpenPGP blocks in a text opened, and OpenPGP files beside it?

use crate::mime::{self, Block, BlockKind, Body, Entity, File, blocks};
use crate::model::budget::Budget;
use crate::model::limits::{
    BLOCKS_MAX, CERTIFICATE_OCTETS_MAX, SEALED_FILES_MAX, SHOWN_FILE_OCTETS_MAX,
};
use crate::model::reading::Format;
use crate::openpgp::{self, Certificate, SessionKeys, SignatureFound};
use crate::reading::State;

impl State<'_> {
    /// Body text, with the OpenPGP blocks in it opened. Each block is a document of its own.
    pub(super) fn inline(
        &mut self,
        body: &Body,
        keys: &mut dyn SessionKeys,
        clear: bool,
        depth: usize,
    ) {
        let text = &body.text;
        let found = blocks(text);
        let mut outside = String::new();
        let mut at = 0;
        let mut opened = Vec::new();
        for block in &found {
            outside.push_str(&body.shown(&text[at..block.start]));
            at = block.end;
            let taken = match block.kind {
                // What stands between the marks of a key and is none is text.
                BlockKind::PublicKey => {
                    self.learn(block.octets.as_bytes(), clear && is_own_words(text, block))
                }
                BlockKind::Message | BlockKind::Clearsigned => {
                    opened.push(block);
                    continue;
                }
            };
            if !taken {
                outside.push_str(&text[block.start..block.end]);
            }
        }
        outside.push_str(&body.shown(&text[at..]));
        if found.len() >= BLOCKS_MAX && !blocks(&text[at..]).is_empty() {
            self.fault("there are too many OpenPGP blocks; the rest stays as it stood");
        }
        let beside = !outside.trim().is_empty();
        if opened.is_empty() || beside {
            self.show(outside);
        }
        if beside && !opened.is_empty() {
            self.fault("text stands outside the OpenPGP block; it is shown apart");
        }
        let root = !beside && opened.len() == 1;
        for block in opened {
            self.block(block, body, keys, depth, root);
        }
    }

    /// One block. `root`: nothing stands beside it.
    fn block(
        &mut self,
        block: &Block,
        body: &Body,
        keys: &mut dyn SessionKeys,
        depth: usize,
        root: bool,
    ) {
        match block.kind {
            BlockKind::Clearsigned => {
                self.clearsigned(&block.octets, body.as_sent(&block.octets), keys, depth)
            }
            _ => {
                let charset = block
                    .octets
                    .lines()
                    .find_map(|line| line.strip_prefix("Charset:"))
                    .map(str::trim)
                    .or(body.charset.as_deref());
                let protections = self.protections.len();
                if !self.message(
                    block.octets.as_bytes(),
                    Format::Inline,
                    charset,
                    keys,
                    depth,
                    root,
                ) {
                    let as_it_stood = &body.text[block.start..block.end];
                    if as_it_stood.starts_with('>') {
                        self.protections.truncate(protections); // what somebody quotes was sealed for somebody else
                    }
                    self.show(as_it_stood.to_owned());
                }
            }
        }
    }

    /// Clearsigned text, and what may be inside it. `as_sent`: its octets in the charset that it
    /// came in.
    fn clearsigned(
        &mut self,
        block: &str,
        as_sent: Option<Vec<u8>>,
        keys: &mut dyn SessionKeys,
        depth: usize,
    ) {
        let good = |verified: &Option<(Vec<u8>, Vec<SignatureFound>)>| {
            verified.as_ref().is_some_and(|(_, found)| {
                !found
                    .iter()
                    .any(|s| matches!(s, SignatureFound::Bad { .. }))
            })
        };
        let certificates = self.certificates();
        let mut verified = openpgp::verify_message(block.as_bytes(), &certificates, self.budget);
        let mut text = verified
            .as_ref()
            .map(|(octets, _)| mime::decode(octets, None));
        if let (false, Some(as_sent)) = (good(&verified), as_sent) {
            let again = openpgp::verify_message(&as_sent, &certificates, self.budget);
            if good(&again) {
                // The same words: only the octets differ.
                verified = again;
            }
        }
        let (text, signatures) = match (text.take(), verified) {
            (Some(text), Some((_, signatures))) => (text, signatures),
            _ => (block.to_owned(), vec![SignatureFound::Bad { issuer: None }]),
        };
        self.covered(signatures, |state| match blocks(&text).as_slice() {
            [_, ..] if !state.too_deep(depth) => state.inline(
                &Body {
                    text,
                    ..Body::default()
                },
                keys,
                false,
                depth + 1,
            ),
            _ => state.show(text),
        });
    }

    /// An OpenPGP message: sealed, or merely signed. Whether it could be read.
    fn message(
        &mut self,
        octets: &[u8],
        format: Format,
        charset: Option<&str>,
        keys: &mut dyn SessionKeys,
        depth: usize,
        root: bool,
    ) -> bool {
        if !openpgp::is_sealed(octets)
            && let Some((plaintext, signatures)) =
                openpgp::verify_message(octets, &self.certificates(), self.budget)
        {
            self.covered(signatures, |state| {
                state.document(&plaintext, charset, keys, depth, root)
            });
            return true;
        }
        let Some(opened) = self.open(octets, format, None, keys) else {
            return false;
        };
        let signatures = self.verified_again(octets, keys, opened.signatures);
        self.sealed_inside(signatures, |state| {
            state.document(&opened.plaintext, charset, keys, depth, root)
        });
        true
    }

    /// Plaintext that may be text, blocks again, or a whole entity.
    pub(super) fn document(
        &mut self,
        plaintext: &[u8],
        charset: Option<&str>,
        keys: &mut dyn SessionKeys,
        depth: usize,
        root: bool,
    ) {
        if self.too_deep(depth) {
            self.fault("the letter has too many layers");
            return self.show(mime::decode(plaintext, charset));
        }
        if let Some(octets) = mime::entity_in(plaintext)
            && let Ok(inner) = Entity::parse(octets, self.budget)
        {
            return self.payload(&inner, keys, depth, root);
        }
        if mime::is_openpgp_message(plaintext)
            && self.message(plaintext, Format::Inline, charset, keys, depth + 1, root)
        {
            return;
        }
        let text = mime::decode(plaintext, charset);
        let text = if mime::is_html(&text) {
            mime::html_text(&text)
        } else {
            text
        };
        if blocks(&text).is_empty() {
            return self.show(text);
        }
        self.inline(
            &Body {
                text,
                ..Body::default()
            },
            keys,
            false,
            depth + 1,
        );
    }

    /// Opens the OpenPGP files among these and lists the others.
    pub(super) fn sealed_files(
        &mut self,
        files: &[File<'_>],
        keys: &mut dyn SessionKeys,
        depth: usize,
    ) {
        let mut sealed = 0;
        for file in files {
            if is_sealed_file(file) {
                sealed += 1;
                if sealed <= SEALED_FILES_MAX {
                    self.sealed_file(file, keys, depth);
                    continue;
                }
                self.fault("there are too many sealed files; the rest stays shut");
            }
            self.keep(file);
        }
    }

    fn sealed_file(&mut self, file: &File<'_>, keys: &mut dyn SessionKeys, depth: usize) {
        if mime::is_encrypted_message(&file.octets) || mime::is_openpgp_message(&file.octets) {
            let alone = self.shows_nothing();
            return self.sealed_octets(file, &file.octets, keys, depth, alone);
        }
        let armored = mime::decode(&file.octets, None);
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
        keys: &mut dyn SessionKeys,
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
        keys: &mut dyn SessionKeys,
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

/// Whether a block stands among the writer's own words, and not in what they quote: that is
/// somebody else's word.
fn is_own_words(text: &str, block: &Block) -> bool {
    let quoted = |line: &str| line.trim_start().starts_with(['>', '|']);
    !text[block.start..block.end].lines().any(quoted)
        && !mime::ends_in_old_letter(&text[..block.start])
}

/// Whether a file is an OpenPGP message, whatever it is called.
fn is_sealed_file(file: &File<'_>) -> bool {
    let head = &file.octets[..file.octets.len().min(SHOWN_FILE_OCTETS_MAX)];
    let marks: [&[u8]; 2] = [
        b"-----BEGIN PGP MESSAGE-----",
        b"-----BEGIN PGP SIGNED MESSAGE-----",
    ];
    let named = [".gpg", ".pgp", ".asc"]
        .iter()
        .any(|end| file.name.to_ascii_lowercase().ends_with(end));
    let armored = marks.iter().any(|mark| {
        head.trim_ascii_start().starts_with(mark)
            || (named && head.windows(mark.len()).any(|w| w == *mark))
    });
    armored || mime::is_encrypted_message(head) || (named && mime::is_openpgp_message(head))
}

/// Whether a signature need not cover a file, since it says nothing by itself: certificates, and
/// the first part of PGP/MIME that some programs turn into a file.
pub(super) fn says_nothing(file: &File<'_>, budget: &Budget) -> bool {
    file.octets.trim_ascii().eq_ignore_ascii_case(b"Version: 1") || is_certificate(file, budget)
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
