//! How are OpenPGP blocks in a text opened, and OpenPGP files beside it?

use super::State;
use crate::mime::{self, BlockKind, Body, Entity, File, blocks};
use crate::model::reading::Format;
use crate::openpgp::{self, SessionKeys, SignatureFound};

/// OpenPGP files opened in one letter.
const SEALED_FILES_MAX: usize = 8;

/// A larger file is not shown among the text.
const SHOWN_OCTETS_MAX: usize = 256 * 1024;

impl State<'_> {
    /// Body text, with the OpenPGP blocks in it opened. Each block is a document of its own.
    pub(super) fn inline(&mut self, body: &Body, keys: &mut dyn SessionKeys, clear: bool, depth: usize) {
        let text = &body.text;
        let found = blocks(text);
        let mut outside = String::new();
        let mut at = 0;
        let mut documents = Vec::new();
        for block in &found {
            outside.push_str(&body.shown(&text[at..block.start]));
            at = block.end;
            match block.kind {
                BlockKind::PublicKey => self.learn(block.octets.as_bytes(), clear),
                BlockKind::Message => match self.inline_message(&block.octets, keys, depth) {
                    Some(opened) => documents.extend(opened),
                    None => outside.push_str(&block.octets), // it stays where it stood
                },
                BlockKind::Clearsigned => documents.push(self.clearsigned(&block.octets)),
            }
        }
        outside.push_str(&body.shown(&text[at..]));
        if mime::has_more_blocks(&text[at..]) {
            self.fault("there are too many OpenPGP blocks; the rest stays as it stood");
        }
        let beside = !outside.trim().is_empty();
        if documents.is_empty() || beside {
            self.texts.push(outside);
        }
        if !documents.is_empty() && (beside || documents.len() > 1) {
            self.unsigned_beside = true;
            self.fault("text stands outside the OpenPGP block; it is shown apart");
        }
        self.texts.extend(documents);
    }

    fn clearsigned(&mut self, block: &str) -> String {
        let verified = openpgp::verify_clearsigned(block.as_bytes(), &self.certificates());
        let (signed, signatures) = verified.unwrap_or_else(|| (block.to_owned(), vec![SignatureFound::Bad { issuer: None }]));
        self.signatures.extend(signatures);
        signed
    }

    /// What one block says. `None` where it stays shut; no text where it held an entity, which is read as one.
    fn inline_message(&mut self, block: &str, keys: &mut dyn SessionKeys, depth: usize) -> Option<Option<String>> {
        let opened = self.open(block.as_bytes(), Format::Inline, None, keys)?;
        let signatures = self.judged_again(block.as_bytes(), keys, opened.signatures);
        self.signatures.extend(signatures);
        Some(self.document(&opened.plaintext, keys, depth))
    }

    /// Plaintext that may be text, clearsigned text, or a whole entity.
    fn document(&mut self, plaintext: &[u8], keys: &mut dyn SessionKeys, depth: usize) -> Option<String> {
        if mime::is_entity(plaintext)
            && let Ok(inner) = Entity::parse(plaintext)
        {
            self.entity(&inner, keys, depth + 1, false);
            return None;
        }
        let text = decode_text(plaintext);
        match blocks(&text).as_slice() {
            [one] if one.kind == BlockKind::Clearsigned && text[..one.start].trim().is_empty() && text[one.end..].trim().is_empty() => {
                Some(self.clearsigned(&one.octets))
            }
            _ => Some(text),
        }
    }

    /// Opens the OpenPGP files among these and lists the others; how many there were.
    pub(super) fn sealed_files(&mut self, files: &[File], keys: &mut dyn SessionKeys, depth: usize) -> usize {
        let mut sealed = 0;
        for file in files {
            if is_sealed_file(file) {
                sealed += 1;
                if sealed <= SEALED_FILES_MAX {
                    self.sealed_file(file.clone(), keys, depth);
                    continue;
                }
                self.fault("there are too many sealed files; the rest stays shut");
            }
            self.files.push(file.clone());
        }
        sealed
    }

    fn sealed_file(&mut self, file: File, keys: &mut dyn SessionKeys, depth: usize) {
        let Some(opened) = self.open(&file.octets, Format::Attachment, None, keys) else {
            return self.files.push(file); // kept and shown as what it is
        };
        // The letter around the file is not covered by the file's signature.
        let alone = self.texts.iter().all(|t| t.trim().is_empty());
        self.unsigned_beside = self.unsigned_beside || !alone;
        self.signatures.extend(opened.signatures);
        let name = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
        let is_text = std::str::from_utf8(&opened.plaintext).is_ok_and(|text| !text.contains('\0'));
        if !alone || !is_text {
            let media_type = if is_text { "text/plain" } else { "application/octet-stream" };
            self.files.push(File { name: mime::safe_name(name), media_type: media_type.to_owned(), octets: opened.plaintext.clone() });
        }
        if is_text && (alone || opened.plaintext.len() <= SHOWN_OCTETS_MAX) {
            let shown = self.document(&opened.plaintext, keys, depth);
            self.texts.extend(shown);
        }
    }
}

fn is_sealed_file(file: &File) -> bool {
    let armored = file.octets.trim_ascii_start().starts_with(b"-----BEGIN PGP MESSAGE-----");
    let named = [".gpg", ".pgp"].iter().any(|end| file.name.to_ascii_lowercase().ends_with(end));
    // A binary OpenPGP packet has its high bit set (RFC 9580 section 4.2).
    armored || (named && file.octets.first().is_some_and(|b| b & 0x80 != 0))
}

/// UTF-8 as RFC 9580 asks for, else the charset that old programs used.
pub(super) fn decode_text(octets: &[u8]) -> String {
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().map(|b| char::from(*b)).collect(),
    };
    text.replace("\r\n", "\n")
}
