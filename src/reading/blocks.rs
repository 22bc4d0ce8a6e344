//! How are OpenPGP blocks in a text opened, and files that stand in it taken out?

use crate::mime::{self, Block, BlockKind, Body, Entity, File, blocks};
use crate::model::limits::BLOCKS_MAX;
use crate::model::reading::Format;
use crate::openpgp::{self, SignatureFound};
use crate::reading::{MailKeys, State, WITHOUT_LAYOUT};

impl State<'_> {
    /// Body text, with the OpenPGP blocks in it opened. Each block is a document of its own.
    pub(super) fn inline(
        &mut self,
        body: &Body,
        keys: &mut dyn MailKeys,
        clear: bool,
        depth: usize,
    ) {
        let text = &body.text;
        let found = blocks(text);
        let (mut outside, mut files) = (String::new(), Vec::new());
        let mut at = 0;
        let mut opened = Vec::new();
        for block in &found {
            outside.push_str(&self.without_files(body, &text[at..block.start], &mut files));
            at = block.end;
            match block.kind {
                BlockKind::PublicKey => self.take_key(body, block, clear, &mut outside),
                BlockKind::Message | BlockKind::Clearsigned => opened.push(block),
            }
        }
        outside.push_str(&self.without_files(body, &text[at..], &mut files));
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
        let chain = std::mem::take(&mut self.chain);
        self.sealed_files(&files, keys, depth, clear);
        self.chain = chain;
    }

    /// A stretch of text as a human reads it, without the files that stand in it uuencoded.
    fn without_files(
        &mut self,
        body: &Body,
        stretch: &str,
        files: &mut Vec<File<'static>>,
    ) -> String {
        let found = mime::uuencoded(stretch);
        for name in found.damaged {
            self.fault(format!(
                "a uuencoded file in the text is damaged and stays as it stands: {name}"
            ));
        }
        files.extend(found.files);
        body.shown(&found.text)
    }

    /// Takes a certificate from the text. What stands between the marks of a key and is none is
    /// text, unless it is a secret key.
    fn take_key(&mut self, body: &Body, block: &Block, clear: bool, outside: &mut String) {
        let own_words = is_own_words(&body.text, block);
        if self.learn(block.octets.as_bytes(), clear && own_words) {
            return;
        }
        if mime::holds_secret_key(block.octets.as_bytes()) {
            outside.extend([mime::LEFT_OUT, "\n"]);
        } else {
            outside.push_str(&body.text[block.start..block.end]);
        }
    }

    /// One block. `root`: nothing stands beside it.
    fn block(
        &mut self,
        block: &Block,
        body: &Body,
        keys: &mut dyn MailKeys,
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
                    // What somebody quotes was sealed for somebody else. Only the form tells: no
                    // key has a say, and the letter counts as sealed all the same.
                    if as_it_stood.starts_with('>')
                        || mime::stands_in_old_letter(&body.text[..block.start])
                    {
                        self.protections.truncate(protections);
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
        keys: &mut dyn MailKeys,
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
        self.covered(signatures, |state| match is_plain(&text) {
            false if !state.too_deep(depth) => state.inline(
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
        keys: &mut dyn MailKeys,
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
        keys: &mut dyn MailKeys,
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
            let page = mime::decode_page(plaintext, charset);
            if !mime::is_tame(&page) {
                self.fault(WITHOUT_LAYOUT);
            }
            mime::html_text(&page)
        } else {
            text
        };
        if is_plain(&text) {
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
}

/// Whether a text is shown as it stands: no block and no file is in it.
fn is_plain(text: &str) -> bool {
    blocks(text).is_empty() && !mime::may_be_uuencoded(text)
}

/// Whether a block stands among the writer's own words, and not in what they quote: that is
/// somebody else's word.
fn is_own_words(text: &str, block: &Block) -> bool {
    let quoted = |line: &str| line.trim_start().starts_with(['>', '|']);
    !text[block.start..block.end].lines().any(quoted)
        && !mime::ends_in_old_letter(&text[..block.start])
}
